/* major.h: the major cycle of one plane: model -> predicted visibilities -> residual image, with the PSF the first time;
 * without w in one pass over the data, with w one pass for each w plane. */
#ifndef PCL_MAJOR_H
#define PCL_MAJOR_H
#include "imager/target.h"

/* p->residual = image of (data - model), the model being p->model where with_model; with_psf also p->psf, and sumwt, nvis,
 * noutside, umax_lambda, vmax_lambda. Weights as p->density says. Without data all images are zero. */
int pcl_major_cycle(pcl_plane *p, bool with_model, bool with_psf, pclean_err *err) PCL_CHECK;

#endif
