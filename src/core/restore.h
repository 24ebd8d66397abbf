/* restore.h: restored image = model convolved with the beam + residual; correction for the primary beam. */
#ifndef PCL_RESTORE_H
#define PCL_RESTORE_H
#include "base/err.h"
#include "core/beam.h"
#include <stddef.h>

enum pcl_restore_method {
    PCL_RESTORE_AUTO,   /* the cheaper one, by counts of components and pixels only */
    PCL_RESTORE_DIRECT, /* adds a Gaussian for each component */
    PCL_RESTORE_FFT
};

typedef struct pcl_restore_params {
    pcl_beam beam;
    double cellx_rad, celly_rad;
    enum pcl_restore_method method; /* PCL_RESTORE_AUTO */
} pcl_restore_params;

void pcl_restore_params_init(pcl_restore_params *p);

/* out = residual + model (*) Gaussian of the beam, peak 1, without wrapping around the edges (tclean's wraps).
 *   model    [ny][nx], Jy/pixel; read
 *   residual [ny][nx], Jy/beam; read; NULL: zeros; may be out
 *   out      [ny][nx], Jy/beam; may not be model
 * A model of zeros needs no beam (blank channels). Both methods agree to 1e-6 of the peak; the same bits for any number
 * of threads. Errors: -PCLEAN_EPARAM: no beam, bad cells; -PCLEAN_EDATA: the model is not finite; -PCLEAN_ENOMEM. */
int pcl_restore(const float *model, const float *residual, size_t nx, size_t ny, const pcl_restore_params *p,
                float *out, pclean_err *err) PCL_CHECK;

/* Bytes that pcl_restore allocates at most for these beam and cells, for the memory plan. */
size_t pcl_restore_bytes(size_t nx, size_t ny, const pcl_restore_params *p);

/* out = image / pb where pb > |pblimit|, else 0; n pixels; out may be image. tclean's image.pbcor: there too the pixels
 * beyond pblimit are 0 (its .pb is 0 there), and masked. */
void pcl_restore_pbcor(const float *image, const float *pb, size_t n, float pblimit, float *out);

#endif
