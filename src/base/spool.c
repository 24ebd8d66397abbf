#include "base/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bulk.h"
#include "base/fsutil.h"
#include "base/mem.h"

struct pcl_spool {
    int fd;
    char *name; /* for messages */
    size_t plane_bytes, nplane;
};

/* O_TMPFILE where the file system has it (NFS has not), else a name for a moment. */
static int open_nameless(const char *folder, pclean_err *err) {
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT))
        return fd;
    char *path = NULL;
    if (pcl_asprintf(&path, err, "%s/pclean-scratch.XXXXXX", folder))
        return -1;
    fd = mkostemp(path, O_CLOEXEC);
    const int why = errno;
    if (fd >= 0)
        unlink(path);
    pcl_free(path);
    errno = why;
    return fd;
}

/* ---- names ---- */

int pcl_scratch_path(const pcl_scratch *where, const char *what, char **path, pclean_err *err) {
    *path = NULL;
    if (!where->prefix)
        return 0;
    int rc = pcl_asprintf(path, err, "%s/%s.%s", where->folder, where->prefix, what);
    for (char *c = rc ? NULL : strrchr(*path, '/') + 1; c && *c; c++)
        *c = *c == ' ' ? '-' : *c;
    return rc;
}

void pcl_scratch_remove(const pcl_scratch *where) {
    const size_t n = strlen(where->prefix);
    DIR *stream = opendir(where->folder);
    for (struct dirent *e; stream && (e = readdir(stream)) != NULL;)
        if (strncmp(e->d_name, where->prefix, n) == 0 && e->d_name[n] == '.')
            (void)unlinkat(dirfd(stream), e->d_name, 0);
    if (stream)
        closedir(stream);
}

/* Without following what somebody else has put there. */
static int open_named(const char *path) {
    if (unlink(path) != 0 && errno != ENOENT)
        return -1;
    return open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

/* ---- the file ---- */

int pcl_spool_open(const pcl_scratch *where, const char *what, uint64_t bytes, int *fd, char **name,
                   pclean_err *err) {
    char *path = NULL;
    *fd = -1;
    *name = NULL;
    int rc = pcl_scratch_path(where, what, &path, err);
    if (!rc)
        rc = pcl_asprintf(name, err, "the scratch file for %s in %s", what, where->folder);
    if (rc)
        goto done;
    *fd = path ? open_named(path) : open_nameless(where->folder, err);
    if (*fd < 0)
        rc = PCL_FAIL(err, errno == ENOSPC ? PCLEAN_ENOSPC : PCLEAN_EIO, "cannot make %s: %s",
                      *name, strerror(errno));
    else
        rc = pcl_fs_allocate(*fd, *name, bytes, err);
    if (rc && *fd >= 0) {
        close(*fd);
        *fd = -1;
        if (path)
            unlink(path);
    }
done:
    if (rc) {
        pcl_free(*name);
        *name = NULL;
    }
    pcl_free(path);
    return rc;
}

int pcl_spool_new(const pcl_scratch *where, const char *what, size_t plane_bytes, size_t nplane,
                  pcl_spool **out, pclean_err *err) {
    *out = NULL;
    pcl_spool *s = NULL;
    int rc = PCL_ZNEW(&s, 1, "scratch file", err);
    if (rc)
        return rc;
    *s = (pcl_spool){.fd = -1, .plane_bytes = plane_bytes, .nplane = nplane};
    if ((rc = pcl_spool_open(where, what, (uint64_t)plane_bytes * nplane, &s->fd, &s->name, err)))
        pcl_spool_free(s);
    else
        *out = s;
    return rc;
}

static int attach(const char *path, uint64_t bytes, int *fd, pclean_err *err) {
    struct stat st;
    *fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0 || fstat(*fd, &st) != 0)
        return PCL_FAIL(err, PCLEAN_EIO, "a worker cannot open the scratch file %s: %s", path,
                        strerror(errno));
    if ((uint64_t)st.st_size == bytes)
        return 0;
    return PCL_FAIL(err, PCLEAN_EDATA, "the scratch file %s has %llu bytes, not %llu", path,
                    (unsigned long long)st.st_size, (unsigned long long)bytes);
}

int pcl_spool_attach_file(const pcl_scratch *where, const char *what, uint64_t bytes, int *fd,
                          char **name, pclean_err *err) {
    char *path = NULL;
    *fd = -1;
    *name = NULL;
    int rc = pcl_scratch_path(where, what, &path, err);
    if (!rc && !path)
        rc = PCL_FAIL(err, PCLEAN_EBUG, "the scratch file of %s has no name", what);
    if (!rc && !(rc = attach(path, bytes, fd, err)))
        rc = pcl_asprintf(name, err, "the scratch file %s", path);
    if (rc && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    pcl_free(path);
    return rc;
}

int pcl_spool_attach(const pcl_scratch *where, const char *what, size_t plane_bytes, size_t nplane,
                     pcl_spool **out, pclean_err *err) {
    *out = NULL;
    pcl_spool *s = NULL;
    int rc = PCL_ZNEW(&s, 1, "scratch file", err);
    if (rc)
        return rc;
    *s = (pcl_spool){.fd = -1, .plane_bytes = plane_bytes, .nplane = nplane};
    rc = pcl_spool_attach_file(where, what, (uint64_t)plane_bytes * nplane, &s->fd, &s->name, err);
    if (rc)
        pcl_spool_free(s);
    else
        *out = s;
    return rc;
}

/* ---- planes ---- */

static int check(const pcl_spool *s, size_t iplane, pclean_err *err) {
    return iplane < s->nplane ? 0
                              : PCL_FAIL(err, PCLEAN_EBUG, "%s has no plane %zu of %zu", s->name,
                                         iplane, s->nplane);
}

int pcl_spool_write(const pcl_spool *s, size_t iplane, const void *plane, pclean_err *err) {
    int rc = check(s, iplane, err);
    return rc ? rc
              : pcl_bulk_pwrite(s->fd, s->name, plane, s->plane_bytes,
                                (uint64_t)iplane * s->plane_bytes, err);
}

int pcl_spool_read(const pcl_spool *s, size_t iplane, void *plane, pclean_err *err) {
    int rc = check(s, iplane, err);
    return rc ? rc
              : pcl_bulk_pread(s->fd, s->name, plane, s->plane_bytes,
                               (uint64_t)iplane * s->plane_bytes, err);
}

void pcl_spool_free(pcl_spool *s) {
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    pcl_free(s->name);
    pcl_free(s);
}
