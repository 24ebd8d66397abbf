/* clark.h: CASA's Clark minor cycle (Clark 1980, A&A 89, 377; SDAlgorithmClarkClean2.cc,
 * ClarkCleanLatModel.cc; docs/algorithms.md): in rounds, Hogbom on the list of brightest pixels
 * with the innermost patch of the PSF only, then the PSFs of all components of the round are
 * subtracted at once.
 *
 * Several Stokes planes are one image whose pixels are vectors: a component is a pixel of all
 * planes. The brightness of a pixel is I plus the polarised intensity; of correlations the
 * largest. */
#ifndef PCL_CLARK_H
#define PCL_CLARK_H
#include "core/clean/deconvolver.h"
#include "core/clean/minor.h"

typedef struct pcl_clark_result {
    enum pcl_minor_stop stop;
    size_t niter;    /* components; those of planes that are cleaned together count once */
    size_t nround;   /* of all blocks */
    float peak;      /* brightness at the end: the largest of the last list, tclean's peakRes */
    size_t patch[2]; /* side of the PSF's patch, pixels of x and y */
    float sidelobe;  /* largest |PSF| beyond it */
} pcl_clark_result;

/* The minor cycle of all planes together, one Taylor term. On return the residuals inside the
 * smallest rectangle about the masks are those of the last round; outside they are as they were.
 * Errors: -PCLEAN_ENOMEM; -PCLEAN_EPARAM (an axis below 2 pixels or above 2^24, more planes than
 * four); -PCLEAN_EDATA (PSF not finite, or a peak that is infinite). The models are then unusable.
 * Thread-safe; the same bits for any number of threads. */
int pcl_clark(const pcl_clean_planes *planes, const pcl_clean_params *params,
              pcl_clark_result *result, pclean_err *err) PCL_CHECK;

#endif
