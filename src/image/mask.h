/* mask.h: the user's mask, as planes of bool.
 *
 * The `mask` parameter is nothing (true everywhere), or one of these, or a list of them, true where
 * any is:
 *   path of a CASA image   true where the pixel is > 0.5 and not masked; one channel or one
 *                          polarization is for all; on another grid each pixel and channel takes
 *                          the nearest, and the log says so (regrid.h)
 *   path of a text file    CASA region text (region_text.h)
 *   region text            the same, given directly
 *
 * The lines of a region text add and take away in their order; when the first one takes away, it
 * starts from everything. */
#ifndef PCL_MASK_H
#define PCL_MASK_H
#include "base/err.h"
#include "casa/casa.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct pcl_mask pcl_mask;

/* Reads and checks `spec` [nspec] against the image `desc` (not kept). *out to be given to
 * pcl_mask_free. -PCLEAN_EPARAM names file, line and word; regions that select no pixel at all are
 * one too. An image mask stays open: casacore, one thread, free it before a fork. */
int pcl_mask_open(const char *const *spec, size_t nspec, const casa_image_desc *desc,
                  pcl_mask **out, pclean_err *err) PCL_CHECK;

/* mask [ny][nx], written: the mask of one plane. */
int pcl_mask_plane(pcl_mask *mask, size_t ipol, size_t ichan, bool *plane,
                   pclean_err *err) PCL_CHECK;

/* true when all channels of a polarization have the same mask. */
bool pcl_mask_same_all_channels(const pcl_mask *mask);

/* true when a range in velocity counts from the image's rest frequency: none is given with the
 * region. */
bool pcl_mask_uses_restfreq(const pcl_mask *mask);

/* NULL is allowed. */
void pcl_mask_free(pcl_mask *mask);

#endif
