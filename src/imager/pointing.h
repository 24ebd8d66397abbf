/* pointing.h: where the telescope looked, as pixels of the image. */
#ifndef PCL_POINTING_H
#define PCL_POINTING_H
#include "base/err.h"
#include "data/source.h"

/* The phase centres of all fields of the source, whose centre is set (pcl_source_set_centre), those
 * within a thousandth of a pixel of each other once: pixel in x and y, which may lie outside the
 * image. Fields 90 degrees away and more are left out; where nothing is left it is the image's
 * centre. *out [*n] is the caller's to free. */
int pcl_pointing_find(const pcl_source *src, const casa_image_desc *desc, size_t *n,
                      double (**out)[2], pclean_err *err) PCL_CHECK;

#endif
