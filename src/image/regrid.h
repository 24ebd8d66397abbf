/* regrid.h: an image on other pixels and channels, seen on those of the image to be made: each
 * pixel and each channel takes the nearest. */
#ifndef PCL_REGRID_H
#define PCL_REGRID_H
#include "base/err.h"
#include "casa/casa.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCL_REGRID_NONE UINT32_MAX

typedef struct pcl_regrid {
    size_t nx, ny;    /* of the image */
    uint32_t *pixel;  /* [ny][nx] place in a plane [has_ny][has_nx]; PCL_REGRID_NONE: beside it */
    uint32_t *chan;   /* [nchan] of the image; PCL_REGRID_NONE: in none; NULL: one serves all */
    size_t pol[4];    /* of each of the image's */
    size_t noverlap;  /* pixels of the image that are in it */
    size_t nchannels; /* channels of the image that are in it */
} pcl_regrid;

/* From the pixels of `has` to those of `image`; both are not kept. The frames of sky and
 * frequencies may differ, those of frequencies at the image's time and place. A channel of the
 * image is in the one of `has` that holds its centre. -PCLEAN_EPARAM: another projection than SIN,
 * frequencies without a frame, a Stokes parameter that `has` lacks; the sentence begins with
 * `what`. *out to be cleared, also after a failure. Calls casacore. */
int pcl_regrid_plan(const char *what, const casa_image_desc *has, const casa_image_desc *image,
                    pcl_regrid *out, pclean_err *err) PCL_CHECK;

/* plane [ny][nx], written, from `from` [has_ny][has_nx]; false where there is none. */
void pcl_regrid_plane(const pcl_regrid *regrid, const bool *from, bool *plane);

void pcl_regrid_clear(pcl_regrid *regrid);

#endif
