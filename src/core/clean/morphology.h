/* morphology.h: what is done to the regions of a mask: small ones removed, grown into the pixels
 * above a level, smoothed with a Gaussian. Regions are 4-connected: a pixel has four neighbours.
 *
 * Masks and images are [ny][nx], x fastest. Thread-safe; the same bits for any number of
 * threads. */
#ifndef PCL_MORPHOLOGY_H
#define PCL_MORPHOLOGY_H
#include "base/err.h"
#include "core/beam.h"
#include "core/raster.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Pixels are numbered in 32 bits: nx ny of what is pruned or grown, at most. */
#define PCL_MORPHOLOGY_MOST UINT32_MAX

/* How many regions there were, and how many of them are gone. */
typedef struct pcl_morphology_regions {
    size_t found, pruned;
} pcl_morphology_regions;

/* Removes the regions that have fewer pixels than `least`. work [ny nx]: overwritten. Time
 * O(nx ny). */
pcl_morphology_regions pcl_morphology_prune(bool *mask, size_t nx, size_t ny, double least,
                                            uint32_t *work);

/* Binary dilation of mask inside {image > above}, npass times, by four neighbours; then only pixels
 * above the level stay, of the mask as it was, too. A pixel at or below the level that is in the
 * mask does not spread. work [ny nx]: overwritten. Time O(nx ny), for any npass. */
void pcl_morphology_grow(bool *mask, const float *image, double above, size_t nx, size_t ny,
                         size_t npass, uint32_t *work);

/* The mask convolved with a Gaussian (beam: its full widths and position angle), nothing wrapping
 * around the edges, and true where that is above `cut` times its largest value; an empty mask stays
 * empty. The Gaussian itself is cut at 1.4e-11. work [ny][nx]: overwritten. Errors: -PCLEAN_ENOMEM
 * for pcl_morphology_smooth_bytes of them; mask is unchanged then. */
int pcl_morphology_smooth(bool *mask, const pcl_raster *raster, const pcl_beam *beam, double cut,
                          float *work, pclean_err *err) PCL_CHECK;
size_t pcl_morphology_smooth_bytes(const pcl_raster *raster, const pcl_beam *beam, size_t nthread);

#endif
