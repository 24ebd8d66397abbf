/* sized.h: options that begin with their size (pclean/error.h has the rule). `ours` is the
 * library's struct, full of defaults; `theirs` is the caller's, of whatever version.
 * Thread-safe. */
#ifndef PCL_SIZED_H
#define PCL_SIZED_H
#include "base/err.h"
#include <stddef.h>

/* A TYPE_init: their size and the defaults, zero beyond ours. Nothing where theirs is NULL or
 * cannot hold its size. */
void pcl_sized_init(void *theirs, size_t size, const void *ours, size_t our_size);

/* Copies what theirs says over the defaults in ours; theirs NULL: nothing. type: its name, for the
 * error. -PCLEAN_EPARAM: a size that cannot be one, or something set that is beyond ours. */
int pcl_sized_take(void *ours, size_t our_size, const void *theirs, const char *type,
                   pclean_err *err) PCL_CHECK;

/* The same with the type's name from the type: PCL_TAKE(pclean_hooks, &own, hooks, err). */
#define PCL_TAKE(type, ours, theirs, err)                                                          \
    pcl_sized_take((ours), sizeof(type), (const type *)(theirs), #type, (err))

#endif
