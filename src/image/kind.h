/* kind.h: what a folder is, told by what is in it, without casacore. Asked before something that
 * exists is replaced. */
#ifndef PCL_KIND_H
#define PCL_KIND_H
#include "base/err.h"
#include <stdbool.h>

/* A CASA image: a table whose table.info says so, or a virtual image with a list that can be read.
 * A symbolic link is what it leads to. */
bool pcl_kind_is_image(const char *path);

/* A MeasurementSet, as its table.info or its sub-tables say. */
bool pcl_kind_is_ms(const char *path);

/* -PCLEAN_EEXIST unless nothing is there, or an image. */
int pcl_kind_check_image(const char *path, pclean_err *err) PCL_CHECK;

/* Nothing at all, or what is left of an image that was being removed: pieces of one, but nothing
 * that says what it is. */
bool pcl_kind_is_remains(const char *path);

#endif
