/* spool.h: planes of equal size in a scratch file that any process of the run can read and write.
 * Its space is reserved when it is made. As a rule the file has no name: forked processes inherit
 * it, and nothing is left of it however the run ends. Where processes must find it that inherit
 * nothing, it has one. */
#ifndef PCL_SPOOL_H
#define PCL_SPOOL_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

/* Where the scratch files of a run are: in a folder, and with a prefix under names that begin with
 * it. Borrowed. */
typedef struct pcl_scratch {
    const char *folder, *prefix; /* prefix NULL: no names */
} pcl_scratch;

/* "FOLDER/PREFIX.the-mask" of "the mask"; *path to pcl_free, NULL where files have no names. */
int pcl_scratch_path(const pcl_scratch *where, const char *what, char **path,
                     pclean_err *err) PCL_CHECK;
/* Removes every file of the prefix, those of a run that was killed too. */
void pcl_scratch_remove(const pcl_scratch *where);

/* The file alone, `bytes` of it reserved, `what` in messages ("the visibilities"); the caller
 * closes *fd. *name is what messages call it, freed with pcl_free. An older file of that name is
 * replaced. */
int pcl_spool_open(const pcl_scratch *where, const char *what, uint64_t bytes, int *fd, char **name,
                   pclean_err *err) PCL_CHECK;

/* The same file as another process has made it, under a name (where->prefix). -PCLEAN_EIO: it is
 * not there; -PCLEAN_EDATA: it has another size. */
int pcl_spool_attach_file(const pcl_scratch *where, const char *what, uint64_t bytes, int *fd,
                          char **name, pclean_err *err) PCL_CHECK;

typedef struct pcl_spool pcl_spool;

/* A file for nplane planes of plane_bytes. -PCLEAN_ENOSPC a full disk, -PCLEAN_EIO a folder that
 * cannot be written. */
int pcl_spool_new(const pcl_scratch *where, const char *what, size_t plane_bytes, size_t nplane,
                  pcl_spool **out, pclean_err *err) PCL_CHECK;
/* The same for the file of another process's spool with these numbers. */
int pcl_spool_attach(const pcl_scratch *where, const char *what, size_t plane_bytes, size_t nplane,
                     pcl_spool **out, pclean_err *err) PCL_CHECK;
/* Thread-safe, also between processes, for different planes. A plane never written reads as
 * zeros. */
int pcl_spool_write(const pcl_spool *s, size_t iplane, const void *plane,
                    pclean_err *err) PCL_CHECK;
int pcl_spool_read(const pcl_spool *s, size_t iplane, void *plane, pclean_err *err) PCL_CHECK;
/* The file stays if it has a name. NULL is allowed. */
void pcl_spool_free(pcl_spool *s);

#endif
