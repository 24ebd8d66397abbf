/* restore.h: restored image = model convolved with the beam + residual; correction for the primary
 * beam. */
#ifndef PCL_RESTORE_H
#define PCL_RESTORE_H
#include "base/err.h"
#include "core/beam.h"
#include <stdbool.h>
#include <stddef.h>

enum pcl_restore_method {
    PCL_RESTORE_AUTO,   /* the cheaper one, by counts of components and pixels only */
    PCL_RESTORE_DIRECT, /* adds a Gaussian for each component */
    PCL_RESTORE_FFT
};

typedef struct pcl_restore_params {
    pcl_beam beam;
    pcl_beam own; /* of the residual, if it is to be brought to `beam` as well; zero: it is added
                   * as it is */
    double cellx_rad, celly_rad;
    enum pcl_restore_method method; /* PCL_RESTORE_AUTO */
} pcl_restore_params;

void pcl_restore_params_init(pcl_restore_params *p);

/* The Gaussian (unit volume) that brings the residual from its own beam to the other one. false: it
 * stays as it is, because it has that beam, or because the Gaussian is nowhere wider than a pixel's
 * diagonal or does not exist (the beam is not wider in every direction): tclean's rule
 * (SIImageStore::rescaleResolution). */
bool pcl_restore_widens(const pcl_restore_params *p, pcl_beam *by);

/* out = residual + model (*) Gaussian of the beam, peak 1, without wrapping around the edges
 * (tclean's wraps). Where pcl_restore_widens, the residual is convolved with that Gaussian, and its
 * unit becomes Jy per new beam: times the ratio of the beams' areas.
 *   model    [ny][nx], Jy/pixel; read
 *   residual [ny][nx], Jy/beam; read; NULL: zeros; may be out
 *   out      [ny][nx], Jy/beam; may not be model
 * A model of zeros needs no beam (blank channels). Both methods agree to 1e-6 of the peak; the same
 * bits for any number of threads. Errors: -PCLEAN_EPARAM: no beam, bad cells; -PCLEAN_EDATA: the
 * model is not finite; -PCLEAN_ENOMEM. */
int pcl_restore(const float *model, const float *residual, size_t nx, size_t ny,
                const pcl_restore_params *p, float *out, pclean_err *err) PCL_CHECK;

/* Bytes that pcl_restore allocates at most for these beam and cells, for the memory plan. */
size_t pcl_restore_bytes(size_t nx, size_t ny, const pcl_restore_params *p);

/* The same for a model of about ncomponent pixels that are not 0 (SIZE_MAX: nobody knows): where
 * they are few, the direct form needs little. */
size_t pcl_restore_likely_bytes(size_t nx, size_t ny, const pcl_restore_params *p,
                                size_t ncomponent, size_t nthread);

/* out = image / pb where pb > |pblimit|, else 0; n pixels; out may be image. tclean's image.pbcor:
 * there too the pixels beyond pblimit are 0 (its .pb is 0 there), and masked. */
void pcl_restore_pbcor(const float *image, const float *pb, size_t n, float pblimit, float *out);

#endif
