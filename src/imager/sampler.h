/* sampler.h: the samples of one image plane, batch by batch, in one fixed order: spectral interpolation and frequency
 * bookkeeping between the packed store and the kernels of core/. */
#ifndef PCL_SAMPLER_H
#define PCL_SAMPLER_H
#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "io/vis.h"
#include "plan/channels.h"

typedef struct pcl_sampler {
    const pcl_vis *vis;
    const pcl_channels *channels;
    size_t nmax; /* samples per batch at most */

    /* The batch: n samples. */
    size_t n;
    double *u, *v;           /* wavelengths at the observed frequency: where a sample is gridded */
    double *frame_u, *frame_v; /* at the sample's frequency in the image's frame: where weights are counted */
    double *near_u, *near_v; /* at the nearest data channel's frequency in the image's frame: where weights are looked up */
    float *samples;          /* [n][2] Jy */
    float *weight;           /* natural weight, interpolated */
    float *near_weight;      /* natural weight of the nearest data channel */

    /* Where the walk stands. */
    size_t ichan, ipol, iblock, irow;
    size_t max_per_row;
    size_t *count;               /* [ntime] of this block */
    pcl_channel_sample *entry;   /* [ntime][max_per_row] */
    size_t count_size, entry_size;
} pcl_sampler;

int pcl_sampler_init(pcl_sampler *s, const pcl_vis *vis, const pcl_channels *channels, pclean_err *err) PCL_CHECK;
void pcl_sampler_clear(pcl_sampler *s);

/* Starts the walk over the samples of a plane. */
void pcl_sampler_begin(pcl_sampler *s, size_t ichan, size_t ipol);
/* Fills the next batch; *more is false (and n 0) when there is none left. */
int pcl_sampler_next(pcl_sampler *s, bool *more, pclean_err *err) PCL_CHECK;

#endif
