#include "exec/job.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bulk.h"
#include "base/hash.h"
#include "base/mem.h"

/* The first bytes of a job. */
typedef struct head {
    char magic[16];
    char build[40];
    uint64_t order, size; /* order: of bytes; size: of what follows */
    uint64_t job_hash, hash;
} head;

static const char magic[16] = "pclean job";
static const uint64_t order = 0x0102030405060708u;

static uint64_t hash_of(const head *h) {
    return pcl_hash(PCL_HASH, h, offsetof(head, hash));
}

int pcl_job_save(int fd, const char *build, const void *job, size_t size, pclean_err *err) {
    head h = {.order = order, .size = size, .job_hash = pcl_hash(PCL_HASH, job, size)};
    memcpy(h.magic, magic, sizeof magic);
    snprintf(h.build, sizeof h.build, "%s", build);
    h.hash = hash_of(&h);
    int rc = pcl_bulk_pwrite(fd, "the job of the workers", &h, sizeof h, 0, err);
    return rc || !size ? rc
                       : pcl_bulk_pwrite(fd, "the job of the workers", job, size, sizeof h, err);
}

/* Up to n bytes from `at` on, or the next ones of a pipe; *got below n: there are no more. Several
 * processes may read one file: its position is theirs together, and not used. */
static int read_at(int fd, void *data, size_t n, size_t at, size_t *got, pclean_err *err) {
    for (*got = 0; *got < n;) {
        char *to = (char *)data + *got;
        ssize_t k = pread(fd, to, n - *got, (off_t)(at + *got));
        if (k < 0 && errno == ESPIPE)
            k = read(fd, to, n - *got);
        if (k == 0)
            return 0;
        if (k < 0 && errno != EINTR)
            return PCL_FAIL(err, PCLEAN_EIO, "a worker cannot read its job: %s", strerror(errno));
        *got += k > 0 ? (size_t)k : 0;
    }
    return 0;
}

static int check_head(const head *h, size_t got, const char *build, pclean_err *err) {
    if (memcmp(h->magic, magic, got < sizeof magic ? got : sizeof magic) != 0)
        return PCL_FAIL(err, PCLEAN_EFAILED, "this is no job of a worker of pclean");
    if (got < sizeof *h)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "the job of the workers is cut short: its head has %zu bytes of %zu", got,
                        sizeof *h);
    if (h->order != order || strncmp(h->build, build, sizeof h->build) != 0)
        return PCL_FAIL(err, PCLEAN_EFAILED,
                        "the job of the workers was made by another build of pclean (%.39s; this "
                        "worker is of %s): all processes of a run must be of one build",
                        h->build, build);
    if (h->hash != hash_of(h))
        return PCL_FAIL(err, PCLEAN_EDATA, "the head of the workers' job is damaged");
    return 0;
}

int pcl_job_load(int fd, const char *build, void **job, size_t *size, pclean_err *err) {
    head h = {.order = 0};
    size_t got;
    char more;
    *job = NULL;
    *size = 0;
    int rc;
    if ((rc = read_at(fd, &h, sizeof h, 0, &got, err)) || (rc = check_head(&h, got, build, err)) ||
        (rc = pcl_alloc(job, h.size, 1, "job of the workers", err)) ||
        (rc = read_at(fd, *job, h.size, sizeof h, &got, err)))
        goto done;
    if (got < h.size)
        rc = PCL_FAIL(err, PCLEAN_EDATA, "the job of the workers is cut short: %zu bytes of %llu",
                      got, (unsigned long long)h.size);
    else if (h.job_hash != pcl_hash(PCL_HASH, *job, h.size))
        rc = PCL_FAIL(err, PCLEAN_EDATA, "the job of the workers is damaged");
    else if (!(rc = read_at(fd, &more, 1, sizeof h + h.size, &got, err)) && got > 0)
        rc = PCL_FAIL(err, PCLEAN_EDATA, "the job of the workers is damaged: it has no end");
    *size = h.size;
done:
    if (rc) {
        pcl_free(*job);
        *job = NULL;
        *size = 0;
    }
    return rc;
}
