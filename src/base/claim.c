#include "base/claim.h"
#include "base/bulk.h"
#include "base/fsutil.h"
#include "base/mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first line of a lock file in which something is noted; below it stands one name a line. */
static const char first_line[] =
    "pclean is at work here, or was killed: the next run removes the following\n";

/* ---- the notes ---- */

/* What stands in an open lock file; *text to pcl_free. */
static int read_notes(int fd, const char *path, char **text, pclean_err *err) {
    struct stat st;
    *text = NULL;
    if (fstat(fd, &st) != 0)
        return pcl_err_errno(err, "read", path);
    const bool file = S_ISREG(st.st_mode);
    const size_t n = file && st.st_size > 0 ? (size_t)st.st_size : 0,
                 head = n < sizeof first_line - 1 ? n : sizeof first_line - 1;
    int rc = PCL_ZNEW(text, n + 1, "notes of a lock file", err);
    if (!rc && n)
        rc = pcl_bulk_pread(fd, path, *text, n, 0, err);
    /* a killed process may have written a piece of the line */
    if (!rc && (!file || strncmp(*text, first_line, head) != 0))
        rc = PCL_FAIL(
            err, PCLEAN_EEXIST,
            "%s is not a lock file of pclean's and is kept; choose another name, or move that file",
            path);
    if (rc) {
        pcl_free(*text);
        *text = NULL;
    }
    return rc;
}

/* The next whole line of the notes; NULL: there is none. */
static char *next_note(char **rest) {
    char *line = *rest, *end = line ? strchr(line, '\n') : NULL;
    if (!end)
        return NULL;
    *end = '\0';
    *rest = end + 1;
    return line;
}

static const char *name_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_noted(char *text, const char *path) {
    (void)next_note(&text);
    for (char *line; (line = next_note(&text)) != NULL;)
        if (strcmp(line, name_of(path)) == 0)
            return true;
    return false;
}

/* Only NAME.(anything).part is ever noted in NAME.lock. A name of several lines would be several
 * notes. */
static bool may_be_noted(const char *lock, const char *name) {
    const char *base = name_of(lock), *suffix = strrchr(base, '.');
    const size_t stem = suffix ? (size_t)(suffix - base) + 1 : strlen(base), n = strlen(name),
                 part = strlen(".part");
    return strncmp(name, base, stem) == 0 && n > part && strcmp(name + n - part, ".part") == 0 &&
           !strpbrk(name, "/\n");
}

/* Calls visit for the path of each note; ends with the first answer that is not 0. */
static int visit_notes(const char *lock, char *text,
                       int (*visit)(const char *path, pclean_err *err), pclean_err *err) {
    int rc = 0;
    (void)next_note(&text);
    for (char *line; !rc && (line = next_note(&text)) != NULL;) {
        char *path = NULL;
        if (!may_be_noted(lock, line))
            continue;
        if (!(rc = pcl_asprintf(&path, err, "%.*s%s", (int)(name_of(lock) - lock), lock, line)))
            rc = visit(path, err);
        pcl_free(path);
    }
    return rc;
}

/* ---- the claim ---- */

static int look_for(const char *path, pclean_err *err) {
    (void)err;
    return pcl_fs_exists(path);
}

/* Removes what is noted, and the notes. */
static int sweep(int fd, const char *path, pclean_err *err) {
    char *text;
    int rc = read_notes(fd, path, &text, err);
    if (!rc && *text && !(rc = visit_notes(path, text, pcl_fs_remove_tree, err)) &&
        ftruncate(fd, 0) != 0)
        rc = pcl_err_errno(err, "empty", path);
    pcl_free(text);
    return rc;
}

/* 1: it is ours, 0: another process holds it, -1: it was removed by its holder before the lock was
 * had. */
static int lock_file(int fd, const char *path) {
    struct stat held, named;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? 0 : 1; /* no locks here */
    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
                   held.st_dev == named.st_dev
               ? 1
               : -1;
}

int pcl_claim_take(const char *path, int *fd, bool *claimed, pclean_err *err) {
    *claimed = false;
    for (;;) {
        *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
        if (*fd < 0)
            return pcl_err_errno(err, "create", path);
        char *text;
        int rc = read_notes(*fd, path, &text, err); /* somebody else's file is not even locked */
        pcl_free(text);
        const int got = rc ? 0 : lock_file(*fd, path);
        if (got > 0 && !(rc = sweep(*fd, path, err))) {
            *claimed = true;
            return 0;
        }
        close(*fd);
        *fd = -1;
        if (got >= 0)
            return rc;
    }
}

void pcl_claim_drop(const char *path, int fd) {
    char *text;
    if (fd < 0)
        return;
    if (read_notes(fd, path, &text, NULL) == 0 && visit_notes(path, text, look_for, NULL) == 0)
        unlink(path);
    pcl_free(text);
    close(fd);
}

void pcl_claim_tidy(const char *path) {
    int fd;
    bool claimed;
    if (pcl_fs_exists(path) && pcl_claim_take(path, &fd, &claimed, NULL) == 0 && claimed)
        pcl_claim_drop(path, fd);
}

/* ---- what is in the way ---- */

static int refuse(const char *path, pclean_err *err) {
    return PCL_FAIL(
        err, PCLEAN_EEXIST,
        "%s is in the way and was not left by a run of this name; move it, or choose another name",
        path);
}

static bool is_empty_folder(const char *path) {
    struct stat st;
    DIR *stream = lstat(path, &st) == 0 && S_ISDIR(st.st_mode) ? opendir(path) : NULL;
    if (!stream)
        return false;
    bool empty = true;
    for (struct dirent *e; empty && (e = readdir(stream)) != NULL;)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    closedir(stream);
    return empty;
}

int pcl_claim_check(const char *lock, const char *path, pclean_err *err) {
    if (!pcl_fs_exists(path) || is_empty_folder(path))
        return 0;
    char *text = NULL;
    const int fd = open(lock, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    const bool ours = fd >= 0 && read_notes(fd, lock, &text, NULL) == 0 && is_noted(text, path);
    pcl_free(text);
    if (fd >= 0)
        close(fd);
    return ours ? 0 : refuse(path, err);
}

/* Adds a line; a piece of a line is taken away again. */
static int note(int fd, const char *path, pclean_err *err) {
    struct stat st;
    char *line = NULL;
    if (fstat(fd, &st) != 0)
        return pcl_err_errno(err, "note in the lock file", path);
    int rc =
        pcl_asprintf(&line, err, "%s%s\n",
                     st.st_size < (off_t)sizeof first_line - 1 ? first_line : "", name_of(path));
    const off_t at = st.st_size < (off_t)sizeof first_line - 1 ? 0 : st.st_size;
    if (!rc && (rc = pcl_bulk_pwrite(fd, path, line, strlen(line), (uint64_t)at, err)) != 0) {
        pcl_err_prefix(err, "the lock file cannot be written: ");
        (void)!ftruncate(fd, at);
    }
    pcl_free(line);
    return rc;
}

int pcl_claim_make_way(const char *lock, int fd, const char *path, pclean_err *err) {
    if (pcl_fs_exists(path) && !is_empty_folder(path)) {
        char *text = NULL;
        const bool ours = fd >= 0 && read_notes(fd, path, &text, NULL) == 0 && is_noted(text, path);
        pcl_free(text);
        if (!ours)
            return refuse(path, err);
    }
    int rc = pcl_fs_remove_tree(path, err);
    return rc || fd < 0 || !may_be_noted(lock, name_of(path)) ? rc : note(fd, path, err);
}
