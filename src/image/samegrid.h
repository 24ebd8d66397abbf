/* samegrid.h: is an image that the user gives (a mask, a model) on the pixels of the image to be
 * made? */
#ifndef PCL_SAMEGRID_H
#define PCL_SAMEGRID_H
#include "base/err.h"
#include "casa/casa.h"
#include <stdbool.h>

/* Size, projection, cell and place on the sky must be those of `image`. One channel serves all;
 * several need the number, the frame and the frequencies of the image's, each to a twentieth of a
 * channel, on linear and tabular axes alike. Several Stokes parameters must be the image's, one
 * must if `same_stokes`. -PCLEAN_EPARAM: a sentence that begins with `what` ("mask m.mask") and
 * names what differs. */
int pcl_samegrid_check(const char *what, const casa_image_desc *has, const casa_image_desc *image,
                       bool same_stokes, pclean_err *err) PCL_CHECK;

/* SIN projection of (lon, lat), in the image's frame, to pixels. false: on the other half of the
 * sky. Pure. */
bool pcl_samegrid_sky_to_pixel(const casa_image_desc *d, double lon, double lat, double *x,
                               double *y);

#endif
