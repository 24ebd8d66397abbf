/* noise.h: the noise of a residual, as tclean measures it for nsigma and for automatic masks. */
#ifndef PCL_NOISE_H
#define PCL_NOISE_H
#include <stdbool.h>
#include <stddef.h>

/* Chauvenet's criterion, as CASA applies it: of the pixels of mask [n] those farther from their
 * mean than z standard deviations go, erfc(z / sqrt 2) = 0.5 / N for N pixels; again, in at most
 * five passes. Pixels that are not finite go in any case. */
void pcl_noise_clip(const float *image, bool *mask, size_t n);

#endif
