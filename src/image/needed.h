/* needed.h: an input together with all that it needs, held against what a command makes, replaces
 * or removes (base/apart.h). What cannot be read is left to who reads it. */
#ifndef PCL_NEEDED_H
#define PCL_NEEDED_H
#include "base/apart.h"

/* A table with its sub-tables, the tables it refers to or consists of. Calls casacore. */
int pcl_needed_check_table(const pcl_apart *outputs, const char *path, pclean_err *err) PCL_CHECK;

/* An image with all that it lists if it is virtual, and those list. */
int pcl_needed_check_image(const pcl_apart *outputs, const char *path, pclean_err *err) PCL_CHECK;

#endif
