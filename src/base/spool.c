#include "base/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
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

int pcl_spool_open(const char *folder, const char *what, uint64_t bytes, int *fd, char **name,
                   pclean_err *err) {
    *fd = -1;
    int rc = pcl_asprintf(name, err, "the scratch file for %s in %s", what, folder);
    if (rc)
        return rc;
    *fd = open_nameless(folder, err);
    if (*fd < 0)
        rc = PCL_FAIL(err, errno == ENOSPC ? PCLEAN_ENOSPC : PCLEAN_EIO, "cannot make %s: %s",
                      *name, strerror(errno));
    else
        rc = pcl_fs_allocate(*fd, *name, bytes, err);
    if (rc) {
        if (*fd >= 0)
            close(*fd);
        pcl_free(*name);
        *fd = -1;
        *name = NULL;
    }
    return rc;
}

int pcl_spool_new(const char *folder, const char *what, size_t plane_bytes, size_t nplane,
                  pcl_spool **out, pclean_err *err) {
    *out = NULL;
    pcl_spool *s = NULL;
    int rc = PCL_ZNEW(&s, 1, "scratch file", err);
    if (rc)
        return rc;
    *s = (pcl_spool){.fd = -1, .plane_bytes = plane_bytes, .nplane = nplane};
    if ((rc = pcl_spool_open(folder, what, (uint64_t)plane_bytes * nplane, &s->fd, &s->name, err)))
        pcl_spool_free(s);
    else
        *out = s;
    return rc;
}

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
