/* mask.h: the user's mask, as planes of bool.
 *
 * The `mask` parameter is one of
 *   ""                     no mask: true everywhere
 *   path of a CASA image   true where the pixel is > 0.5 and not masked; of the image's pixels
 *                          (samegrid.h), one channel (for all) or as many as the image at the same
 *                          frequencies, likewise polarizations
 *   path of a text file    CASA region text (CRTF): one region a line, '#' comments, "global" lines
 *                          of default options
 *   region text            the same, given directly
 *
 * Regions: circle[[x,y],r] annulus[[x,y],[r1,r2]] ellipse[[x,y],[a,b],pa] box[[x1,y1],[x2,y2]]
 * centerbox[[x,y],[w,h]] rotbox[[x,y],[w,h],pa] poly[[x1,y1],[x2,y2],[x3,y3],...].
 * Positions "100pix" (0-based) or RA, Dec as in "15h22m00s", "15:22:00", "230.5deg", "+05d05m00s",
 * "+05.05.00"; lengths in pix, arcsec, arcmin, deg, rad; angles north through east; ellipse's a
 * lies along pa, rotbox's w across it.
 * Options after it: coord=J2000 (frame of the positions, converted), range=[3chan,7chan] (both
 * included), or [1.41GHz,1.42GHz], [-5km/s,5km/s] (channels that it touches; in the image's frame,
 * with frame=, veltype=radio or optical, restfreq=), corr=[I,V]; those that only concern drawing
 * are passed over.
 *
 * A line adds its region, a line that begins with '-' takes it away, in the order of the lines;
 * when the first one takes away, it starts from everything. A pixel belongs to a region when its
 * centre is inside or on the edge. */
#ifndef PCL_MASK_H
#define PCL_MASK_H
#include "base/err.h"
#include "casa/casa.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct pcl_mask pcl_mask;

/* Reads and checks `spec` against the image `desc` (not kept). *out to be given to pcl_mask_free.
 * -PCLEAN_EPARAM names file, line and word; a mask that selects no pixel at all is one too. An
 * image mask stays open: casacore, one thread, free it before a fork. */
int pcl_mask_open(const char *spec, const casa_image_desc *desc, pcl_mask **out,
                  pclean_err *err) PCL_CHECK;

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
