/* claim.h: a name that one process works on at a time. It claims NAME.lock, and writes into it what
 * it is going to make beside it, before it makes it. So the next one knows what a process that died
 * has left, and takes nothing else for that. A lock file is empty or begins with our own line; any
 * other file of that name is somebody else's and stays. */
#ifndef PCL_CLAIM_H
#define PCL_CLAIM_H
#include "base/err.h"
#include <stdbool.h>

/* Creates the lock file `path`, or takes over that of a process that died, and locks it until
 * pcl_claim_drop. What that process noted is removed. *claimed is false when another process holds
 * it (no error). Where the file system knows no locks, every claim succeeds. */
int pcl_claim_take(const char *path, int *fd, bool *claimed, pclean_err *err) PCL_CHECK;

/* Removes the lock file, unless something noted is still there. fd < 0: nothing. */
void pcl_claim_drop(const char *path, int fd);

/* Removes the lock file of a process that died, and what it noted, if there is one. */
void pcl_claim_tidy(const char *path);

/* Notes that `path`, NAME.(anything).part beside the lock file NAME.lock, is to be made. What is
 * there already is removed if it was noted, or is an empty folder; anything else is -PCLEAN_EEXIST.
 * fd < 0 (no claim): nothing is noted. */
int pcl_claim_make_way(const char *lock, int fd, const char *path, pclean_err *err) PCL_CHECK;

/* Whether pcl_claim_make_way would let `path` be: nothing or an empty folder is there, or it stands
 * in the lock file. Changes nothing. */
int pcl_claim_check(const char *lock, const char *path, pclean_err *err) PCL_CHECK;

#endif
