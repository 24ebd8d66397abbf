/* fsutil.h: file-system operations that either happen whole or leave things as they were. */
#ifndef PCL_FSUTIL_H
#define PCL_FSUTIL_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

bool pcl_fs_exists(const char *path);
bool pcl_fs_is_dir(const char *path);

/* Removes a file, or a folder with all it holds; a path that does not exist is no error. Never
 * follows symbolic links. */
int pcl_fs_remove_tree(const char *path, pclean_err *err) PCL_CHECK;

/* Renames `from` to `to`. If `to` exists: an error unless overwrite, else the two are exchanged in
 * one step (renameat2 RENAME_EXCHANGE; where the file system lacks it: move the old aside, rename,
 * move back on failure) and the old one, now under `from`, is removed. At no time is there
 * neither. */
int pcl_fs_publish(const char *from, const char *to, bool overwrite, pclean_err *err) PCL_CHECK;

/* The fallback of pcl_fs_publish alone; `to` must exist. Public only for its test. */
int pcl_fs_publish_aside(const char *from, const char *to, pclean_err *err) PCL_CHECK;

/* A file below a folder, or `path` itself, that is a FIFO, a socket or a device, of which a read
 * may not end: its path. Links to folders are not followed. */
bool pcl_fs_find_endless(const char *path, char *found, size_t size);

/* Opens a file to read text; one that is no regular file (a FIFO would wait for its writer) is
 * none. NULL, errno. */
FILE *pcl_fs_open_text(const char *path);

/* The same of what may also be a pipe, as a shell's <(command): one that nobody writes into for ten
 * seconds is an error (ETIMEDOUT). */
FILE *pcl_fs_open_stream(const char *path);

/* Writes a small text file whole: temporary name beside it, fsync, rename. */
int pcl_fs_write_text(const char *path, const char *text, size_t len, pclean_err *err) PCL_CHECK;

/* Sum of the sizes of all files under a path (a file or a folder), bytes. */
int pcl_fs_tree_size(const char *path, uint64_t *bytes, pclean_err *err) PCL_CHECK;

/* Reserves `size` bytes in an open file (posix_fallocate, with a plain-write fallback):
 * -PCLEAN_ENOSPC names the path, the space wanted and the space there is. */
int pcl_fs_allocate(int fd, const char *path, uint64_t size, pclean_err *err) PCL_CHECK;

/* A copy of a name without slashes at its end ("/" stays). */
int pcl_fs_strip_slashes(const char *path, char **out, pclean_err *err) PCL_CHECK;

/* The folder of a path ("." for a plain name), and its last name; as dirname and basename, but the
 * path is left as it is. *folder to pcl_free. */
int pcl_fs_split(const char *path, char **folder, const char **name, pclean_err *err) PCL_CHECK;

/* Whether a path is the folder or below it; both as realpath gives them. */
bool pcl_fs_lies_in(const char *path, const char *folder);

enum pcl_fs_copy {
    PCL_FS_COPY,       /* a plain copy of each file, also of those that symbolic links lead to */
    PCL_FS_LINK,       /* a second name for it; -PCLEAN_EUNSUPPORTED where the two are on different
                        * file systems, theirs has no such names, or the file is a symbolic link */
    PCL_FS_LEAVE_TILES /* a copy, but for casacore's files of tiles (their names have "_TSM"):
                        * symbolic links lead to those */
};

/* Makes folder `to` (must not exist) as a copy of folder `from`. What is neither folder nor file is
 * an error. Failure leaves what was made. */
int pcl_fs_copy_tree(const char *from, const char *to, enum pcl_fs_copy how,
                     pclean_err *err) PCL_CHECK;

/* Puts the files in the place of the links that PCL_FS_LEAVE_TILES made. */
int pcl_fs_take_tiles(const char *to, pclean_err *err) PCL_CHECK;

/* fsync of every file and folder under path. */
int pcl_fs_sync_tree(const char *path, pclean_err *err) PCL_CHECK;

#endif
