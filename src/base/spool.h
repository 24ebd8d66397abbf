/* spool.h: planes of equal size in a scratch file that any process of the run can read and write.
 * The file has no name, so nothing is left of it however the run ends; its space is reserved when
 * it is made. */
#ifndef PCL_SPOOL_H
#define PCL_SPOOL_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

/* The file alone, `bytes` of it reserved; the caller closes *fd. *name is what messages call it,
 * freed with pcl_free. */
int pcl_spool_open(const char *folder, const char *what, uint64_t bytes, int *fd, char **name,
                   pclean_err *err) PCL_CHECK;

typedef struct pcl_spool pcl_spool;

/* A file for nplane planes of plane_bytes in `folder`, which says `what` in messages ("the start
 * model"). -PCLEAN_ENOSPC a full disk, -PCLEAN_EIO a folder that cannot be written. */
int pcl_spool_new(const char *folder, const char *what, size_t plane_bytes, size_t nplane,
                  pcl_spool **out, pclean_err *err) PCL_CHECK;
/* Thread-safe, also between forked processes, for different planes. A plane never written reads as
 * zeros. */
int pcl_spool_write(const pcl_spool *s, size_t iplane, const void *plane,
                    pclean_err *err) PCL_CHECK;
int pcl_spool_read(const pcl_spool *s, size_t iplane, void *plane, pclean_err *err) PCL_CHECK;
/* NULL is allowed. */
void pcl_spool_free(pcl_spool *s);

#endif
