#include "base/bulk.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

int pcl_bulk_pwrite(int fd, const char *path, const void *data, size_t size, uint64_t offset,
                    pclean_err *err) {
    const char *p = data;
    while (size > 0) {
        ssize_t n = pwrite(fd, p, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return pcl_err_errno(err, "write", path);
        if (n == 0)
            return PCL_FAIL(err, PCLEAN_EIO, "cannot write %s: the system accepts no more bytes",
                            path);
        p += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

int pcl_bulk_pread(int fd, const char *path, void *data, size_t size, uint64_t offset,
                   pclean_err *err) {
    char *p = data;
    while (size > 0) {
        ssize_t n = pread(fd, p, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return pcl_err_errno(err, "read", path);
        if (n == 0)
            return PCL_FAIL(err, PCLEAN_EIO,
                            "cannot read %s: it ends at byte %llu, %zu bytes are missing", path,
                            (unsigned long long)offset, size);
        p += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

typedef struct span {
    int in, out;
    uint64_t from, to, size; /* what is left to do */
} span;

static void advance(span *s, uint64_t n) {
    s->from += n;
    s->to += n;
    s->size -= n;
}

/* ---- ways that may do a part of the span, or nothing; what they leave, and any error, is for the
 * next ---- */

static void share_blocks(span *s) {
    const uint64_t block = 65536; /* of any file system */
    struct file_clone_range range = {.src_fd = s->in,
                                     .src_offset = s->from,
                                     .src_length = s->size / block * block,
                                     .dest_offset = s->to};
    if (range.src_length > 0 && ioctl(s->out, FICLONERANGE, &range) == 0)
        advance(s, range.src_length);
}

/* Straight to the disk, as far as that goes; the bytes done. Of other file systems (on networks, in
 * memory) it is not known that it pays. */
static uint64_t write_straight(int out, const char *data, uint64_t size, uint64_t offset) {
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), least = 1u << 20, piece = 8u << 20;
    const int flags = fcntl(out, F_GETFL);
    struct statfs fs;
    uint64_t at = 0;
    size = size / page * page;
    if (size < least || (uintptr_t)data % page || offset % page || flags < 0 ||
        fstatfs(out, &fs) != 0 || (fs.f_type != EXT4_SUPER_MAGIC && fs.f_type != XFS_SUPER_MAGIC) ||
        fcntl(out, F_SETFL, flags | O_DIRECT) != 0)
        return 0;
    while (at < size) {
        const ssize_t n =
            pwrite(out, data + at, size - at < piece ? size - at : piece, (off_t)(offset + at));
        if (n <= 0)
            break;
        at += (uint64_t)n;
        if ((uint64_t)n % page)
            break;
    }
    (void)fcntl(out, F_SETFL, flags);
    return at;
}

/* A mapped page beyond the end of `in` makes the write fail (EFAULT): there is no signal. */
static void copy_pages(span *s) {
    for (bool all = s->from % (uint64_t)sysconf(_SC_PAGESIZE) == 0; all && s->size > 0;) {
        const uint64_t size = s->size < (32u << 20) ? s->size : 32u << 20;
        void *pages = mmap(NULL, size, PROT_READ, MAP_SHARED, s->in, (off_t)s->from);
        if (pages == MAP_FAILED)
            return;
        (void)posix_fadvise(s->in, (off_t)s->from, (off_t)size, POSIX_FADV_WILLNEED);
        const uint64_t done = write_straight(s->out, pages, size, s->to);
        munmap(pages, size);
        advance(s, done);
        all = done == size;
    }
}

/* ---- ways that do all of it ---- */

static int copy_by_hand(span *s, const char *path_in, const char *path_out, pclean_err *err) {
    const size_t room = 1 << 20;
    char *buffer = NULL;
    int rc = PCL_NEW(&buffer, room, "copy buffer", err);
    while (!rc && s->size > 0) {
        const size_t n = s->size < room ? (size_t)s->size : room;
        if (!(rc = pcl_bulk_pread(s->in, path_in, buffer, n, s->from, err)))
            rc = pcl_bulk_pwrite(s->out, path_out, buffer, n, s->to, err);
        advance(s, n);
    }
    pcl_free(buffer);
    return rc;
}

int pcl_bulk_copy(const pcl_bulk_place *source, const pcl_bulk_place *target, uint64_t size,
                  pclean_err *err) {
    span s = {source->fd, target->fd, source->offset, target->offset, size};
    share_blocks(&s);
    copy_pages(&s);
    while (s.size > 0) {
        off64_t from = (off64_t)s.from, to = (off64_t)s.to;
        const ssize_t n =
            copy_file_range(s.in, &from, s.out, &to, s.size < (1u << 30) ? s.size : 1u << 30, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EXDEV || errno == ENOSYS || errno == EINVAL || errno == EOPNOTSUPP ||
                      errno == EBADF))
            return copy_by_hand(&s, source->path, target->path, err);
        if (n < 0)
            return pcl_err_errno(err, "write", target->path);
        if (n == 0)
            return PCL_FAIL(err, PCLEAN_EIO,
                            "cannot read %s: it ends at byte %llu, %llu bytes are missing",
                            source->path, (unsigned long long)s.from, (unsigned long long)s.size);
        advance(&s, (uint64_t)n);
    }
    return 0;
}

int pcl_bulk_write(int out, const char *path, const void *data, size_t size, uint64_t offset,
                   pclean_err *err) {
    const uint64_t done = write_straight(out, data, size, offset);
    return pcl_bulk_pwrite(out, path, (const char *)data + done, size - done, offset + done, err);
}
