#include "base/fsutil.h"
#include "base/bulk.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

bool pcl_fs_exists(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}

bool pcl_fs_is_dir(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* ---- removal: by file descriptors, so that a link planted on the way is never followed ---- */

static int remove_at(int dir, const char *name);

static int remove_children(int fd) {
    DIR *stream = fdopendir(fd);
    if (!stream) {
        close(fd);
        return -1;
    }
    int rc = 0;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(stream);
        if (!entry) {
            rc = errno ? -1 : 0;
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if ((rc = remove_at(dirfd(stream), entry->d_name)) != 0)
            break;
    }
    int saved = errno;
    closedir(stream);
    errno = saved;
    return rc;
}

/* 0, or -1 with errno. */
static int remove_at(int dir, const char *name) {
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM) /* POSIX says EPERM for a folder, Linux EISDIR */
        return -1;
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        errno = errno == ENOTDIR ? EPERM : errno; /* a file that may not be removed */
        return -1;
    }
    if (remove_children(fd) != 0)
        return -1;
    return unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -1;
}

int pcl_fs_remove_tree(const char *path, pclean_err *err) {
    if (remove_at(AT_FDCWD, path) != 0)
        return pcl_err_errno(err, "remove", path);
    return 0;
}

/* ---- publishing ---- */

/* Makes a rename itself survive a power cut. Best effort: some file systems refuse fsync on a
 * folder, and the rename has been done in any case. */
static void sync_parent(const char *path) {
    char *parent = NULL;
    const char *name;
    if (pcl_fs_split(path, &parent, &name, NULL) != 0)
        return;
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    pcl_free(parent);
}

static bool lacks_flag(int e) {
    return e == EINVAL || e == ENOSYS || e == EOPNOTSUPP;
}

static int publish_new(const char *from, const char *to, pclean_err *err) {
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (lacks_flag(errno)) {
        errno = EEXIST;
        if (!pcl_fs_exists(to) && rename(from, to) == 0)
            return 0;
    }
    if (errno == EEXIST)
        return PCL_FAIL(err, PCLEAN_EEXIST,
                        "%s exists already: remove it, choose another name, or allow overwriting",
                        to);
    return pcl_err_errno(err, "give the final name to", from);
}

/* The old one's removal is tidying: the new product is in place, so its failure is a warning. */
static void remove_old(const char *path) {
    pclean_err err;
    if (pcl_fs_remove_tree(path, &err) != 0)
        pcl_log(PCL_LOG_WARNING, "the replaced product is left behind: %s", err.msg);
}

int pcl_fs_publish_aside(const char *from, const char *to, pclean_err *err) {
    char *aside = NULL;
    int rc = pcl_asprintf(&aside, err, "%s.old.%ld", to, (long)getpid());
    if (rc)
        return rc;
    if (rename(to, aside) != 0) {
        rc = pcl_err_errno(err, "move aside", to);
    } else if (rename(from, to) != 0) {
        rc = pcl_err_errno(err, "give the final name to", from);
        if (rename(aside, to) != 0)
            pcl_err_prefix(err, "the old %s is now %s (%s); ", to, aside, strerror(errno));
    } else {
        remove_old(aside);
    }
    pcl_free(aside);
    return rc;
}

static int publish_over(const char *from, const char *to, pclean_err *err) {
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) == 0) {
        sync_parent(to);
        remove_old(from);
        return 0;
    }
    if (errno == ENOENT && !pcl_fs_exists(to))
        return publish_new(from, to, err);
    if (lacks_flag(errno))
        return pcl_fs_publish_aside(from, to, err);
    return pcl_err_errno(err, "exchange with its predecessor", from);
}

int pcl_fs_publish(const char *from, const char *to, bool overwrite, pclean_err *err) {
    int rc = overwrite ? publish_over(from, to, err) : publish_new(from, to, err);
    if (rc == 0)
        sync_parent(to);
    return rc;
}

static bool find_endless(const char *path, size_t depth, char *found, size_t size) {
    struct stat st;
    char inside[4096];
    if (stat(path, &st) != 0 || S_ISREG(st.st_mode) || depth > 16)
        return false;
    if (!S_ISDIR(st.st_mode)) {
        snprintf(found, size, "%s", path);
        return true;
    }
    if (depth > 0 && (lstat(path, &st) != 0 || S_ISLNK(st.st_mode)))
        return false;
    DIR *stream = opendir(path);
    bool is = false;
    for (struct dirent *e; stream && !is && (e = readdir(stream)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            snprintf(inside, sizeof inside, "%s/%s", path, e->d_name) < (int)sizeof inside)
            is = find_endless(inside, depth + 1, found, size);
    if (stream)
        closedir(stream);
    return is;
}

bool pcl_fs_find_endless(const char *path, char *found, size_t size) {
    return find_endless(path, 0, found, size);
}

/* ---- whole small files ---- */

FILE *pcl_fs_open_text(const char *path) {
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    FILE *f = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? fdopen(fd, "r") : NULL;
    if (!f && fd >= 0) {
        close(fd);
        errno = EINVAL;
    }
    return f;
}

FILE *pcl_fs_open_stream(const char *path) {
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    if (fd < 0)
        return NULL;
    const bool pipe = fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
    if (pipe && poll(&ready, 1, 10000) <= 0) {
        close(fd);
        errno = ETIMEDOUT;
        return NULL;
    }
    FILE *f = fcntl(fd, F_SETFL, 0) == 0 ? fdopen(fd, "r") : NULL;
    if (!f)
        close(fd);
    return f;
}

int pcl_fs_write_text(const char *path, const char *text, size_t len, pclean_err *err) {
    char *temporary = NULL;
    int fd = -1;
    int rc = pcl_asprintf(&temporary, err, "%s.tmp.%ld", path, (long)getpid());
    if (rc)
        return rc;
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0) {
        rc = pcl_err_errno(err, "create", path);
        goto done;
    }
    if ((rc = pcl_bulk_pwrite(fd, path, text, len, 0, err)) != 0)
        goto done;
    if (fsync(fd) != 0) {
        rc = pcl_err_errno(err, "write", path);
        goto done;
    }
    int closed = close(fd);
    fd = -1;
    if (closed != 0 || rename(temporary, path) != 0)
        rc = pcl_err_errno(err, "write", path);
    else
        sync_parent(path);
done:
    if (fd >= 0)
        close(fd);
    if (rc)
        unlink(temporary);
    pcl_free(temporary);
    return rc;
}

/* ---- sizes ---- */

/* Adds the sizes under `name` in the folder `dir`; 0, or -1 with errno. */
static int add_size_at(int dir, const char *name, uint64_t *bytes) {
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return -1;
    if (S_ISREG(st.st_mode))
        *bytes += (uint64_t)st.st_size;
    if (!S_ISDIR(st.st_mode))
        return 0;
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    int rc = 0;
    struct dirent *entry;
    while (rc == 0 && (errno = 0, entry = readdir(stream)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = add_size_at(dirfd(stream), entry->d_name, bytes);
    int saved = errno;
    closedir(stream);
    errno = saved;
    return rc == 0 && saved ? -1 : rc;
}

int pcl_fs_tree_size(const char *path, uint64_t *bytes, pclean_err *err) {
    *bytes = 0;
    uint64_t sum = 0;
    if (add_size_at(AT_FDCWD, path, &sum) != 0)
        return pcl_err_errno(err, "find the size of", path);
    *bytes = sum;
    return 0;
}

/* ---- space and plain input and output ---- */

static int no_space(int fd, const char *path, uint64_t size, pclean_err *err) {
    struct statvfs fs;
    char wanted[40], room[40];
    pcl_format_si(wanted, sizeof wanted, (double)size, PCL_DIM_BYTES);
    if (fstatvfs(fd, &fs) != 0)
        return PCL_FAIL(err, PCLEAN_ENOSPC, "no space for %s: %s wanted", path, wanted);
    pcl_format_si(room, sizeof room, (double)fs.f_bavail * (double)fs.f_frsize, PCL_DIM_BYTES);
    return PCL_FAIL(err, PCLEAN_ENOSPC, "no space for %s: %s wanted, %s free on its disk", path,
                    wanted, room);
}

/* For a file system without any form of fallocate: zeros over the part that does not exist yet. */
static int allocate_by_writing(int fd, uint64_t old_size, uint64_t size) {
    static const char zeros[65536];
    uint64_t at = old_size;
    while (at < size) {
        size_t want = size - at < sizeof zeros ? (size_t)(size - at) : sizeof zeros;
        ssize_t n = pwrite(fd, zeros, want, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        at += (uint64_t)n;
    }
    return 0;
}

/* Asked first: finding out by filling the disk to the brim would hurt everybody else on it. */
static bool cannot_fit(int fd, const struct stat *st, uint64_t size) {
    struct statvfs fs;
    uint64_t has = (uint64_t)st->st_blocks * 512;
    if (fstatvfs(fd, &fs) != 0 || fs.f_blocks == 0 || size <= has)
        return false;
    return (double)(size - has) > (double)fs.f_bavail * (double)fs.f_frsize;
}

int pcl_fs_allocate(int fd, const char *path, uint64_t size, pclean_err *err) {
    struct stat st;
    if (size == 0)
        return 0;
    if (size > (uint64_t)INT64_MAX)
        return PCL_FAIL(err, PCLEAN_ENOSPC, "no space for %s: no file can have %.3g bytes", path,
                        (double)size);
    if (fstat(fd, &st) != 0)
        return pcl_err_errno(err, "find the size of", path);
    if (cannot_fit(fd, &st, size))
        return no_space(fd, path, size, err);
    int e;
    do
        e = posix_fallocate(fd, 0, (off_t)size);
    while (e == EINTR);
    if (e == EOPNOTSUPP || e == EINVAL)
        e = allocate_by_writing(fd, (uint64_t)st.st_size, size);
    if (e == 0)
        return 0;
    int rc;
    if (e == ENOSPC || e == EDQUOT) {
        rc = no_space(fd, path, size, err);
    } else {
        errno = e;
        rc = pcl_err_errno(err, "reserve space for", path);
    }
    if (ftruncate(fd, st.st_size) != 0) /* give back what was taken; the space is short */
        pcl_err_prefix(err, "(%s also keeps a partial file: %s) ", path, strerror(errno));
    return rc;
}

/* ---- names ---- */

int pcl_fs_strip_slashes(const char *path, char **out, pclean_err *err) {
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    return pcl_asprintf(out, err, "%.*s", (int)n, path);
}

int pcl_fs_split(const char *path, char **folder, const char **name, pclean_err *err) {
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    if (!slash)
        return pcl_strdup(folder, ".", err);
    return pcl_asprintf(folder, err, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

bool pcl_fs_lies_in(const char *path, const char *folder) {
    const size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 &&
           (path[n] == '/' || path[n] == '\0' || strcmp(folder, "/") == 0);
}

/* ---- copies ---- */

static int copy_file(const char *from, const char *to, const struct stat *st, pclean_err *err) {
    int rc = 0;
    const int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return pcl_err_errno(err, "open", from);
    const int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, st->st_mode & 0777);
    if (out < 0)
        rc = pcl_err_errno(err, "create", to);
    else
        rc = pcl_bulk_copy(&(pcl_bulk_place){in, from, 0}, &(pcl_bulk_place){out, to, 0},
                           (uint64_t)st->st_size, err);
    close(in);
    if (out >= 0 && close(out) != 0 && !rc)
        rc = pcl_err_errno(err, "write", to);
    return rc;
}

static int link_file(const char *from, const char *to, pclean_err *err) {
    if (linkat(AT_FDCWD, from, AT_FDCWD, to, 0) == 0)
        return 0;
    if (errno == EXDEV || errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS ||
        errno == EMLINK)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED, "cannot move %s to %s: %s", from, to,
                        strerror(errno));
    return pcl_err_errno(err, "move", from);
}

/* A link may lead from its own folder only: what it leads to is copied. (Not a folder: that could
 * be one above.) */
static int copy_linked(const char *from, const char *to, pclean_err *err) {
    struct stat st;
    if (stat(from, &st) != 0)
        return pcl_err_errno(err, "follow the link", from);
    return S_ISREG(st.st_mode)
               ? copy_file(from, to, &st, err)
               : PCL_FAIL(err, PCLEAN_EDATA, "%s is a link to something that is no file", from);
}

static int point_to(const char *from, const char *to, pclean_err *err) {
    char real[4096];
    return realpath(from, real) && symlink(real, to) == 0 ? 0 : pcl_err_errno(err, "link", from);
}

static int copy_entry(const char *from, const char *to, enum pcl_fs_copy how, pclean_err *err) {
    struct stat st;
    if (lstat(from, &st) != 0)
        return pcl_err_errno(err, "find", from);
    if (S_ISDIR(st.st_mode))
        return pcl_fs_copy_tree(from, to, how, err);
    if (how == PCL_FS_LINK && S_ISLNK(st.st_mode))
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED, "cannot move %s: it is a symbolic link", from);
    if (S_ISLNK(st.st_mode))
        return copy_linked(from, to, err);
    if (!S_ISREG(st.st_mode))
        return PCL_FAIL(err, PCLEAN_EDATA, "%s is neither a file nor a folder", from);
    if (how == PCL_FS_LEAVE_TILES && strstr(strrchr(from, '/'), "_TSM"))
        return point_to(from, to, err);
    return how == PCL_FS_LINK ? link_file(from, to, err) : copy_file(from, to, &st, err);
}

/* act(FOLDER/entry, user) for each entry, until one is not 0. */
static int each_entry(const char *folder,
                      int (*act)(const char *path, const char *name, void *user, pclean_err *err),
                      void *user, pclean_err *err) {
    DIR *stream = opendir(folder);
    if (!stream)
        return pcl_err_errno(err, "read", folder);
    int rc = 0;
    struct dirent *entry;
    while (!rc && (errno = 0, entry = readdir(stream)) != NULL) {
        char *path = NULL;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (!(rc = pcl_asprintf(&path, err, "%s/%s", folder, entry->d_name)))
            rc = act(path, entry->d_name, user, err);
        pcl_free(path);
    }
    if (!rc && errno)
        rc = pcl_err_errno(err, "read", folder);
    closedir(stream);
    return rc;
}

typedef struct copying {
    const char *to;
    enum pcl_fs_copy how;
} copying;

static int copy_one(const char *path, const char *name, void *user, pclean_err *err) {
    const copying *c = user;
    char *target = NULL;
    int rc = pcl_asprintf(&target, err, "%s/%s", c->to, name);
    rc = rc ? rc : copy_entry(path, target, c->how, err);
    pcl_free(target);
    return rc;
}

int pcl_fs_copy_tree(const char *from, const char *to, enum pcl_fs_copy how, pclean_err *err) {
    if (mkdir(to, 0777) != 0)
        return pcl_err_errno(err, "make the folder", to);
    return each_entry(from, copy_one, &(copying){to, how}, err);
}

static int take_one(const char *path, const char *name, void *user, pclean_err *err) {
    struct stat st;
    char target[4096];
    (void)name;
    (void)user;
    if (lstat(path, &st) != 0)
        return pcl_err_errno(err, "find", path);
    if (S_ISDIR(st.st_mode))
        return pcl_fs_take_tiles(path, err);
    if (!S_ISLNK(st.st_mode))
        return 0;
    const ssize_t n = readlink(path, target, sizeof target - 1);
    if (n < 0)
        return pcl_err_errno(err, "follow the link", path);
    target[n] = '\0';
    return rename(target, path) == 0 ? 0 : pcl_err_errno(err, "move", target);
}

int pcl_fs_take_tiles(const char *to, pclean_err *err) {
    return each_entry(to, take_one, NULL, err);
}

/* For nftw: 0 or errno. Folders that cannot be synced are none that a file system keeps. */
static int sync_one(const char *path, const struct stat *st, int type, struct FTW *where) {
    (void)st;
    (void)where;
    if (type != FTW_F && type != FTW_DP && type != FTW_D)
        return 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const int failed = fd < 0 || (fsync(fd) != 0 && type == FTW_F) ? errno : 0;
    if (fd >= 0)
        close(fd);
    return failed;
}

int pcl_fs_sync_tree(const char *path, pclean_err *err) {
    const int failed = nftw(path, sync_one, 8, FTW_PHYS | FTW_DEPTH);
    if (!failed)
        return 0;
    errno = failed < 0 ? errno : failed;
    return pcl_err_errno(err, "write to the disk", path);
}
