/* dft.h: the explicit Fourier sum, the slow and exact twin of grid.c kept for tests. Double
 * precision throughout. */
#ifndef PCL_DFT_H
#define PCL_DFT_H
#include "core/grid/grid.h"
#include "core/raster.h"

/* value = sum_k weight_k Re( vis_k exp(-2 pi i (u_k l + v_k m + w_k (n - 1))) ), n = sqrt(1 - l^2 -
 * m^2). samples->w NULL: w is ignored, as gridder=standard does; l, m rad. */
double pcl_dft_pixel(const pcl_samples *samples, double l, double m);

/* vis [2] = sum_xy image[y][x] exp(+2 pi i (u l + v m + w (n - 1))), pixels and cells as in grid.h;
 * u, v, w in wavelengths. */
void pcl_dft_predict(const pcl_raster *raster, const float *image, const double uvw[3],
                     double vis[2]);

#endif
