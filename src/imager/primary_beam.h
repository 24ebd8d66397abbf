/* primary_beam.h: the primary beam of an image: that of the telescope where it looked, or, where
 * fields with several phase centres are imaged together, the sum of theirs over its largest value,
 * as tclean's standard gridder has it. */
#ifndef PCL_PRIMARY_BEAM_H
#define PCL_PRIMARY_BEAM_H
#include "base/err.h"
#include "core/pb.h"
#include "imager/setup.h"

/* At one frequency. To be cleared, also after a failure. */
typedef struct pcl_primary_beam {
    const pcl_setup *setup; /* borrowed */
    pcl_pb model;
    float scale; /* of the sum */
    float *row;  /* [nx] work space, twice; NULL: one pointing */
} pcl_primary_beam;

int pcl_primary_beam_init(const pcl_setup *s, double freq_hz, pcl_primary_beam *out,
                          pclean_err *err) PCL_CHECK;
void pcl_primary_beam_clear(pcl_primary_beam *beam);

/* Rows y ... y + ny - 1 into out [ny][nx], cut as tclean's .pb. */
void pcl_primary_beam_rows(const pcl_primary_beam *beam, size_t y, size_t ny, float *out);

/* The largest distance of a pointing from the image's centre, pixels in x and y. */
void pcl_primary_beam_reach(const pcl_setup *s, double reach[2]);

#endif
