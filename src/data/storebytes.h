/* storebytes.h: a packed store in a named file, as another process finds it: the numbers of its
 * blocks as plain bytes, its samples in the file. */
#ifndef PCL_STOREBYTES_H
#define PCL_STOREBYTES_H
#include "base/parcel.h"
#include "data/store.h"

/* Of a store in a file (vis->in_file). */
void pcl_storebytes_put(const pcl_store *vis, pcl_parcel *p);
/* *vis to pcl_store_clear; the file stays. Nothing may be written to it. -PCLEAN_EIO: it is not
 * there; -PCLEAN_EDATA: it is smaller than the store. */
int pcl_storebytes_attach(pcl_parcel_reader *r, const char *path, pcl_store *vis,
                          pclean_err *err) PCL_CHECK;

#endif
