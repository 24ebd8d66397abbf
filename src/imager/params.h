/* params.h: what a configuration asks of the imager, read once. Setup, target, memory plan,
 * partition and timing take this; what only one of them needs stays in the configuration. */
#ifndef PCL_PARAMS_H
#define PCL_PARAMS_H
#include "base/err.h"
#include "config/config.h"
#include "core/beam.h"
#include "core/clean/automask.h"
#include "core/clean/converge.h"
#include "core/clean/deconvolver.h"
#include "core/grid/gridder.h"
#include "core/weight.h"
#include "imager/slices.h"

typedef struct pcl_params {
    const pcl_gridder_type *gridder; /* one that corrects w may be replaced by the flat one where
                                      * w does nothing */
    const pcl_deconvolver *deconvolver;
    size_t nterm;        /* Taylor terms, 1 */
    bool model;          /* pcl_params_model */
    bool model_at_first; /* pcl_params_model_at_first */
    bool density;        /* of weights is counted: neither natural nor radial */
    bool radial;
    bool common_density; /* pcl_params_common_density */
    double fracbw;       /* of briggsbwtaper; 0: that of the cube, pcl_setup_fracbw */
    pcl_taper taper;
    pcl_slicing slicing; /* pcl_slicing_usual; tests take smaller slices */
    pcl_control control;
    pcl_beam restoring_beam; /* restoringbeam of a given size; zero: none */
    bool common_beam;        /* restoringbeam='common' of an image that is restored; neither: each
                              * plane's own */
    bool finds_mask;         /* usemask=auto-multithresh, and there is something to clean */
    pcl_automask_params automask;
} pcl_params;

/* -PCLEAN_EPARAM: a quantity that cannot be read; the message names the parameter. */
int pcl_params_resolve(const pclean_config *config, pcl_params *out, pclean_err *err) PCL_CHECK;

/* One density of weights serves all channels: of mfs, of cubes with perchanweightdensity=false, and
 * always of superuniform weights. */
bool pcl_params_common_density(const pclean_config *config);

/* A part of a cube that waits for the common beam of all parts: it is restored when these are
 * joined. */
bool pcl_params_restores_later(const pclean_config *config);

/* A model is made or given; it is there before the first pass over the data. */
bool pcl_params_model(const pclean_config *config);
bool pcl_params_model_at_first(const pclean_config *config);

#endif
