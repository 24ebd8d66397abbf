/* bulk.h: many bytes to a file, at the least cost that the file system allows. The file that is
 * written needs a descriptor of its own: its flags are changed meanwhile. Nothing is synced. Paths
 * are for errors. Thread-safe for different descriptors. */
#ifndef PCL_BULK_H
#define PCL_BULK_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

/* Where bytes are, or go to. */
typedef struct pcl_bulk_place {
    int fd;           /* of an open file */
    const char *path; /* its name */
    uint64_t offset;
} pcl_bulk_place;

/* Copies from one open file to another. Ways, in this order: shared blocks (FICLONERANGE: btrfs,
 * XFS); on ext4 and XFS, whole pages from the page cache of one file straight to the disk blocks
 * of the other, which costs a sixth of the processor time of a copy through the page cache and
 * does not push other files out of memory; copy_file_range (NFS: on the server); read and write. */
int pcl_bulk_copy(const pcl_bulk_place *source, const pcl_bulk_place *target, uint64_t size,
                  pclean_err *err) PCL_CHECK;

/* Writes from memory; straight to disk on ext4 and XFS where address, offset and size are whole
 * pages. */
int pcl_bulk_write(int out, const char *path, const void *data, size_t size, uint64_t offset,
                   pclean_err *err) PCL_CHECK;

/* pwrite/pread in full, restarting on EINTR and short counts. */
int pcl_bulk_pwrite(int fd, const char *path, const void *data, size_t size, uint64_t offset,
                    pclean_err *err) PCL_CHECK;
int pcl_bulk_pread(int fd, const char *path, void *data, size_t size, uint64_t offset,
                   pclean_err *err) PCL_CHECK;

#endif
