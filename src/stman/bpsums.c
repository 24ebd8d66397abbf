/* bpsums.c: are the files what their writer left? */
#include "base/fsutil.h"
#include "base/mem.h"
#include "stman/bpfile_private.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUMS                                                                                       \
    "pclean.sums" /* in the .bp folder; upstream's manager does
                   * not look at it */

/* FNV-1a, 64 bits: against damage, not against malice. */
static int sum_file(int folder, const char *name, uint64_t *sum, uint64_t *size, pclean_err *err) {
    unsigned char block[65536];
    ssize_t n;
    const int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return PCL_FAIL(err, PCLEAN_EIO, "%s: %s", name, strerror(errno));
    *sum = PCL_HASH;
    *size = 0;
    while ((n = read(fd, block, sizeof block)) > 0) {
        *sum = pcl_hash(*sum, block, (size_t)n);
        *size += (uint64_t)n;
    }
    const int e = errno;
    close(fd);
    return n == 0 ? 0 : PCL_FAIL(err, PCLEAN_EIO, "%s: %s", name, strerror(e));
}

/* The files of a .bp folder that say where everything is, and the data, of which the size must
 * do. */
static const char *const metadata_names[] = {"md.idx", "md.0", "mmd.0", BP_MAP};

int bp_sums_write(const bp_file *f, bool sync, pclean_err *err) {
    char text[1024];
    size_t n = 0;
    struct stat st;
    for (size_t i = 0; i < sizeof metadata_names / sizeof *metadata_names; i++) {
        uint64_t sum, size;
        if (fstatat(f->folder, metadata_names[i], &st, 0) != 0)
            continue;
        if (sum_file(f->folder, metadata_names[i], &sum, &size, err) != 0)
            return -PCLEAN_EIO;
        n += (size_t)snprintf(text + n, sizeof text - n, "%s %" PRIu64 " %016" PRIx64 "\n",
                              metadata_names[i], size, sum);
    }
    if (fstatat(f->folder, "data.0", &st, 0) == 0)
        n += (size_t)snprintf(text + n, sizeof text - n, "data.0 %jd -\n", (intmax_t)st.st_size);
    if (sync) {
        const int data = openat(f->folder, "data.0", O_RDONLY | O_CLOEXEC);
        if (data >= 0) {
            (void)fsync(data);
            close(data);
        }
    }
    char *path = NULL;
    /* the table may have been renamed meanwhile */
    int status = pcl_asprintf(&path, err, "/proc/self/fd/%d/" SUMS, f->folder);
    if (!status)
        status = pcl_fs_write_text(path, text, n, err);
    pcl_free(path);
    return status;
}

static int damaged(const char *path, const char *name, pclean_err *err) {
    return PCL_FAIL(err, PCLEAN_EIO,
                    "%s/%s is not what was written: the file is damaged, cut short, or another "
                    "program has changed it",
                    path, name);
}

/* *known: there are sums. */
int bp_sums_check(const char *path, int folder, bool *known, pclean_err *err) {
    char name[32], given[32];
    uintmax_t want;
    int status = 0;
    struct stat st;
    const int fd = openat(folder, SUMS, O_RDONLY | O_CLOEXEC);
    FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
    *known = in != NULL;
    if (!in)
        return 0;
    bool any = false;
    while (!status && fscanf(in, "%31s %ju %31s", name, &want, given) == 3) {
        any = true;
        char found[32] = "-";
        uint64_t sum, size = 0;
        if (strchr(name, '/') || fstatat(folder, name, &st, 0) != 0)
            status = damaged(path, name, err);
        else if (strcmp(given, "-") == 0)
            size = (uint64_t)st.st_size;
        else if ((status = sum_file(folder, name, &sum, &size, err)) == 0)
            snprintf(found, sizeof found, "%016" PRIx64, sum);
        if (!status && (size != want || strcmp(found, given) != 0))
            status = damaged(path, name, err);
    }
    if (!status && (!any || !feof(in)))
        status = damaged(path, SUMS, err);
    fclose(in);
    return status;
}
