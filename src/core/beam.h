/* beam.h: the Gaussian beam of a PSF: CASA's fit, its sidelobe level, and the Gaussian itself on a
 * pixel grid.
 *
 * Arrays are [ny][nx], x fastest; x grows to the WEST (lower right ascension), y to the north.
 * Cells are positive, rad. */
#ifndef PCL_BEAM_H
#define PCL_BEAM_H
#include "base/err.h"
#include "core/raster.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct pcl_beam {
    double major_rad, minor_rad; /* full widths at half maximum */
    double pa_rad;               /* of the major axis, north through east, in (-pi/2, pi/2] */
} pcl_beam;

#define PCL_BEAM_CUTOFF 0.35 /* tclean's psfcutoff */

/* Fits the main lobe of psf [ny][nx] (any scale; its peak is divided out) as tclean does
 * (StokesImageUtil::FitGaussianPSF; docs/algorithms.md). cutoff: fraction of the peak that bounds
 * the main lobe, in (0, 1). Errors: -PCLEAN_EPARAM (image below 4 pixels on a side, bad cell or
 * cutoff); -PCLEAN_EDATA: the PSF is zero or not finite, its peak lies outside the central half,
 * its main lobe does not look like a Gaussian at any cutoff, or is wider than the image;
 * -PCLEAN_ENOMEM. *out is zeroed on failure. tclean rounds the result to float32 arcsec and degrees
 * in headers. */
int pcl_beam_fit(const float *psf, const pcl_raster *raster, double cutoff, pcl_beam *out,
                 pclean_err *err) PCL_CHECK;

/* Largest sidelobe of psf [ny][nx] with peak 1 at (nx/2, ny/2): max(|min psf|, max(psf - Gaussian
 * of the beam)). */
double pcl_beam_sidelobe(const float *psf, const pcl_raster *raster, const pcl_beam *beam);

/* The beam as exp(-(xx dx^2 + 2 xy dx dy + yy dy^2)) for offsets dx, dy in pixels. */
typedef struct pcl_beam_form {
    double xx, xy, yy;
} pcl_beam_form;
pcl_beam_form pcl_beam_pixel_form(const pcl_beam *beam, double cellx_rad, double celly_rad);

/* The beam with which an image of beam `from` is convolved to have beam `to`. false, and *out zero:
 * `to` is not wider in every direction. */
bool pcl_beam_between(const pcl_beam *from, const pcl_beam *to, pcl_beam *out);

/* Gaussian with peak 1 at (nx/2, ny/2) into out [ny][nx]. */
void pcl_beam_gaussian(const pcl_beam *beam, const pcl_raster *raster, float *out);

#endif
