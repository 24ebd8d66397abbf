/* sampler.h: the samples of one image plane, batch by batch, in one fixed order: spectral
 * interpolation and frequency bookkeeping between the packed store and the kernels of core/. A
 * batch is filled by OpenMP's threads; its order and its bits are the same for any number of
 * them. */
#ifndef PCL_SAMPLER_H
#define PCL_SAMPLER_H
#include "base/err.h"
#include "data/channels.h"
#include "data/store.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a walk needs; what it does not ask for is not computed. The weight always comes along. */
enum pcl_sampler_want {
    PCL_SAMPLER_UV = 1,    /* u, v: wavelengths at the observed frequency, where a sample is
                            * gridded */
    PCL_SAMPLER_W = 2,     /* w likewise; the walk keeps to the window on |w| */
    PCL_SAMPLER_VIS = 4,   /* samples */
    PCL_SAMPLER_FRAME = 8, /* frame_u, frame_v: at the sample's frequency in the image's frame,
                            * where weights are counted */
    /* near_u, near_v: at the nearest data channel's frequency in the image's frame, where
     * weights are looked up; the weight is that channel's, not the interpolated one */
    PCL_SAMPLER_NEAR = 16,
    PCL_SAMPLER_ID = 32,    /* id */
    PCL_SAMPLER_METRES = 64 /* u_m, v_m: the baseline, whatever the frequency */
};

typedef struct pcl_sampler {
    const pcl_store *vis;
    const pcl_channels *channels;
    size_t nmax; /* samples per batch at most */

    /* The batch: n samples. */
    size_t n;
    double *u, *v, *w;
    double *frame_u, *frame_v;
    double *near_u, *near_v;
    double *u_m, *v_m;
    size_t *id;         /* number of the sample in the whole walk, whatever the window: below
                         * pcl_sampler_nid */
    float *samples;     /* [n][2] Jy */
    float *weight;      /* natural weight */
    double wlow, whigh; /* window */

    /* Bounds of |u|, |v|, |w| at the observed frequency over the blocks walked since
     * pcl_sampler_begin. */
    double umax, vmax, wmax;

    /* Where the walk stands. */
    unsigned want;
    size_t ichan, ipol, iblock, irow;
    size_t islice, nslice;     /* of each block's rows */
    bool inside;               /* irow is a row of this block */
    size_t first_id;           /* of this block */
    size_t per_row;            /* samples that a row of this block can give */
    bool same_for_all;         /* every time has the entries of the first */
    size_t stride;             /* entries of a time */
    size_t *count;             /* [ntime] of this block */
    pcl_channel_sample *entry; /* [ntime][stride] */
    double (*scale)[3];        /* [ntime][stride] metres to wavelengths: observed, frame, near */
    size_t count_size, entry_size, scale_size;
    uint32_t *unit; /* samples of each part of the batch, then where they begin */
    size_t unit_size;
    double (*reach)[2]; /* with w: smallest and largest |w| of each stretch of rows of
                         * the batch, metres */
    size_t reach_size;
} pcl_sampler;

int pcl_sampler_init(pcl_sampler *s, const pcl_store *vis, const pcl_channels *channels,
                     pclean_err *err) PCL_CHECK;
void pcl_sampler_clear(pcl_sampler *s);

/* Samples per batch when a row gives at most `most_per_row`. */
size_t pcl_sampler_batch(size_t most_per_row);
/* Memory of a batch of nmax samples (0: the usual size of a batch) when all in `want`, of all walks
 * together, is asked for. */
uint64_t pcl_sampler_bytes(size_t nmax, unsigned want);

/* Starts the walk over the samples of a plane; want: a sum of pcl_sampler_want. */
void pcl_sampler_begin(pcl_sampler *s, size_t ichan, size_t ipol, unsigned want);
/* Keeps this walk, which wants W, to samples with low <= |w| <= high (wavelengths). After
 * pcl_sampler_begin. */
void pcl_sampler_window(pcl_sampler *s, double low, double high);
/* Of this walk only the islice-th of nslice equal stretches of each block's rows. Ids stay what
 * they are. After pcl_sampler_begin. */
void pcl_sampler_slice(pcl_sampler *s, size_t islice, size_t nslice);
/* Bound of the ids of any plane. */
size_t pcl_sampler_nid(const pcl_sampler *s);
/* Fills the next batch; *more is false (and n 0) when there is none left. */
int pcl_sampler_next(pcl_sampler *s, bool *more, pclean_err *err) PCL_CHECK;

#endif
