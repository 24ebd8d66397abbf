/* region_text.h: CASA region text (CRTF): one region a line, '#' comments, "global" lines of
 * default options.
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
 * A line adds its region, a line that begins with '-' takes it away. Positions in the sky go
 * through our own SIN projection about the image's centre; boxes and rectangles have their corners
 * on the sky where CASA puts them. */
#ifndef PCL_REGION_TEXT_H
#define PCL_REGION_TEXT_H
#include "base/err.h"
#include "casa/casa.h"
#include "core/region.h"
#include <stdbool.h>
#include <stddef.h>

/* A line: a shape in the image's pixels, and the planes that it is for. */
typedef struct pcl_region_line {
    pcl_region shape;
    bool exclude;                 /* it takes away */
    size_t first_chan, last_chan; /* both included */
    bool pol[4];                  /* of the image's Stokes planes */
} pcl_region_line;

typedef struct pcl_region_text {
    size_t nline;
    pcl_region_line *line; /* [nline] in the order of the text */
    bool uses_restfreq;    /* a range in velocity counts from the image's rest frequency: none is
                            * given with the region */
} pcl_region_text;

/* Reads `text`, which it changes, for the image `desc` (not kept). from: the file, or what else to
 * call the text in a message. -PCLEAN_EPARAM names `from`, line and word; a text without a region
 * is one too; -PCLEAN_EUNSUPPORTED: an image that is not in SIN projection, a frame or a veltype
 * that ranges cannot be in. *out to be cleared, also after a failure. */
int pcl_region_text_parse(const char *from, char *text, const casa_image_desc *desc,
                          pcl_region_text *out, pclean_err *err) PCL_CHECK;
void pcl_region_text_clear(pcl_region_text *text);

#endif
