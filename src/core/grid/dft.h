/* dft.h: the explicit Fourier sum, the slow and exact twin of grid.c kept for tests. Double
 * precision throughout. */
#ifndef PCL_DFT_H
#define PCL_DFT_H
#include <stddef.h>

/* value = sum_k weight_k Re( vis_k exp(-2 pi i (u_k l + v_k m + w_k (n - 1))) ), n = sqrt(1 - l^2 -
 * m^2). u, v, w [nvis] wavelengths (w NULL: ignored as gridder=standard does); vis [nvis][2];
 * weight [nvis]; l, m rad. */
double pcl_dft_pixel(size_t nvis, const double *u, const double *v, const double *w,
                     const float *vis, const float *weight, double l, double m);

/* vis [2] = sum_xy image[y][x] exp(+2 pi i (u l + v m + w (n - 1))), pixels and cells as in
 * grid.h. */
void pcl_dft_predict(size_t nx, size_t ny, double cellx_rad, double celly_rad, const float *image,
                     double u, double v, double w, double vis[2]);

#endif
