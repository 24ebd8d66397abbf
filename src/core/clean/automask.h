/* automask.h: the mask of usemask=auto-multithresh, one plane and one update at a time (CASA's
 * SDMaskHandler; equations in docs/algorithms.md). An update finds what stands out of the residual,
 * lets the mask grow into what is fainter beside it, and never takes a pixel away.
 *
 * Arrays are [ny][nx], x fastest. Thread-safe; the same bits for any number of threads. */
#ifndef PCL_AUTOMASK_H
#define PCL_AUTOMASK_H
#include "base/err.h"
#include "core/beam.h"
#include "core/clean/morphology.h"
#include "core/raster.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* tclean's parameters. Thresholds are not negative. */
typedef struct pcl_automask_params {
    double sidelobethreshold;                 /* times the highest sidelobe of the peak */
    double noisethreshold, lownoisethreshold; /* times the noise: of new, of grown regions */
    double negativethreshold;                 /* times the noise; 0: no negative regions */
    double smoothfactor;                      /* of the beam; 0: nothing is smoothed */
    double minbeamfrac;                       /* of the beam's area; 0: nothing is pruned */
    double cutthreshold;                      /* of the smoothed mask's largest value */
    int growiterations;                       /* 0: the mask does not grow */
    bool dogrowprune;
    double minpercentchange; /* negative: off */
    bool fastnoise;
} pcl_automask_params;

/* A plane and its mask; all of it borrowed. */
typedef struct pcl_automask_plane {
    pcl_raster raster;
    const float *residual; /* Jy/beam; pixels that are not finite count for nothing */
    const bool *valid;     /* where there may be a mask: inside pblimit or pbmask */
    bool *mask;            /* in: of the update before; out: of this one. Empty at first */
    bool *positive;        /* in, out: the mask without negative regions. Empty at first */
    pcl_beam beam;         /* of the plane; zero: none, and masks are neither pruned nor smoothed */
    double sidelobe;       /* highest of the PSF, whose peak is 1 */
    bool grow;             /* components have been made */
    bool at_threshold;     /* the cycle's threshold is that of the run: no mask will find more */
} pcl_automask_plane;

/* Memory for the length of the call, [ny][nx] each. */
typedef struct pcl_automask_work {
    float *plane;
    bool *mask;
} pcl_automask_work;

typedef struct pcl_automask_result {
    double median, sigma;            /* Jy/beam, 1.4826 median|r - median| */
    double peak;                     /* Jy/beam, largest |residual| in the valid region */
    double threshold, low, negative; /* Jy/beam, of new, grown and negative regions */
    bool noise;                      /* the noise, not the sidelobes, decided on the threshold */
    pcl_morphology_regions fresh, grown;
    size_t npixel, nbefore; /* of the mask */
    bool final;             /* the mask stays as it is for ever: no further update is to be made */
} pcl_automask_result;

/* tclean's defaults. */
void pcl_automask_params_init(pcl_automask_params *p);

/* Median and noise of the residual, for an update and for nsigma: with fastnoise over the valid
 * region, else over what of it is outside the mask, and where there is no mask after Chauvenet's
 * criterion has left out the outliers. 0 without pixels. */
void pcl_automask_noise(const pcl_automask_params *p, const pcl_automask_plane *plane,
                        const pcl_automask_work *work, double *median, double *sigma);

/* Errors: -PCLEAN_ENOMEM; -PCLEAN_EUNSUPPORTED: more than 2^32 - 1 pixels. The mask is unusable
 * then. */
int pcl_automask_update(const pcl_automask_params *p, const pcl_automask_plane *plane,
                        const pcl_automask_work *work, pcl_automask_result *out,
                        pclean_err *err) PCL_CHECK;

/* Whether a mask may rest for ever after an update: out->final. Planes that are masked together
 * (the Stokes planes of a channel in tclean) rest together: asked once, with the type of the first
 * and the sums of their pixels. */
bool pcl_automask_is_final(const pcl_automask_params *p, bool at_threshold,
                           const pcl_automask_result *result);

/* Bytes that an update allocates. */
size_t pcl_automask_bytes(const pcl_automask_params *p, const pcl_raster *raster,
                          const pcl_beam *beam, size_t nthread);

#endif
