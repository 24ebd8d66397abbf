/* pointing.h: where the telescope looked, as pixels of the image, and the image's primary beam: that
 * of one pointing, or, where fields with several phase centres are imaged together, the sum of
 * theirs over its largest value, as tclean's standard gridder has it. */
#ifndef PCL_POINTING_H
#define PCL_POINTING_H
#include "base/err.h"
#include "core/pb.h"
#include "imager/setup.h"

/* Lists the pointings of the setup's fields, those within a thousandth of a pixel of each other
 * once; needs the open MSs and the header's grid. Fields 90 degrees away and more are left out. */
int pcl_pointing_find(pcl_setup *s, pclean_err *err) PCL_CHECK;

/* The largest distance of a pointing from the image's centre, pixels in x and y. */
void pcl_pointing_reach(const pcl_setup *s, double reach[2]);

/* The primary beam at a frequency. To be cleared, also after a failure. */
typedef struct pcl_image_beam {
    const pcl_setup *setup;
    pcl_pb model;
    float scale; /* of the sum */
    float *row;  /* [nx] work space; NULL: one pointing */
} pcl_image_beam;

int pcl_image_beam_init(const pcl_setup *s, double freq_hz, pcl_image_beam *out,
                        pclean_err *err) PCL_CHECK;
void pcl_image_beam_clear(pcl_image_beam *beam);

/* Rows y ... y + ny - 1 into out [ny][nx], cut as tclean's .pb. */
void pcl_image_beam_rows(const pcl_image_beam *beam, size_t y, size_t ny, float *out);

#endif
