/* deconvolver.h: a deconvolver finds the components of a minor cycle; each is one file (hogbom.c)
 * behind the struct of functions below. It sees the planes of one channel: all its Stokes planes,
 * since some deconvolvers judge them together, with all their Taylor terms. imager/target.c is the
 * only caller.
 *
 * Thread-safe; the same bits for any number of threads. */
#ifndef PCL_DECONVOLVER_H
#define PCL_DECONVOLVER_H
#include "base/err.h"
#include "core/clean/minor.h"
#include "core/lent.h"
#include <stdbool.h>
#include <stddef.h>

/* The planes of a channel, borrowed; each [ny][nx], x fastest. */
typedef struct pcl_clean_planes {
    size_t nx, ny, npol, nterm;
    float *const *residual;  /* [npol][nterm], Jy/beam; undefined afterwards unless it is to be
                              * kept: a major cycle follows */
    float *const *model;     /* [npol][nterm], Jy/pixel; components are added */
    const float *const *psf; /* [npol][2 nterm - 1], peak 1 at (nx/2, ny/2) */
    const bool *const *mask; /* [npol], true where peaks may be searched; an element NULL:
                              * everywhere */
    const bool *polarized;   /* [npol], true for Q, U, V; false for I and for correlations */
} pcl_clean_planes;

typedef struct pcl_clean_params {
    float gain;        /* loop gain */
    float threshold;   /* Jy/beam: ends when |peak| is below it */
    size_t cycleniter; /* components at most, as tclean counts them */
    bool keep;         /* the residual is wanted afterwards, of a deconvolver that keeps it */
    double lobe;       /* full width at half maximum of the PSF's main lobe along its major axis,
                        * pixels; 0: not known */
    pcl_lent spare[2]; /* for the length of the call; where these are too small, memory is
                        * allocated */
    int (*stop)(void *user); /* asked after some components each; non-zero: the call ends with
                              * -PCLEAN_EINTERRUPTED. NULL: never */
    void *stop_user;
} pcl_clean_params;

typedef struct pcl_clean_result {
    size_t niter; /* as tclean reports it; of planes that are judged together once for all */
    enum pcl_minor_stop stop; /* why it ended; of several planes judged alone, the one with ... */
    float peak;               /* ... this |residual| left inside its mask, the largest, Jy/beam */
} pcl_clean_result;

/* What is known of a minor cycle before there are data, for the memory plan: the image is searched
 * within an ellipse about its centre with these half axes in pixels (a primary beam; infinite:
 * everywhere). */
typedef struct pcl_clean_extent {
    size_t nx, ny, npol, nterm;
    double half_x, half_y;
    bool any_mask;     /* a mask inside it may have any shape */
    size_t ncomponent; /* about */
    size_t nthread;
} pcl_clean_extent;

typedef struct pcl_deconvolver {
    const char *name; /* tclean's */
    bool joint;       /* judges the Stokes planes of a channel together */
    bool keeps;       /* can keep the residual */
    /* Errors: -PCLEAN_ENOMEM; -PCLEAN_EDATA: a PSF that is not finite, or an infinite peak. model
     * is then unusable. */
    int (*clean)(const pcl_clean_planes *, const pcl_clean_params *, pcl_clean_result *,
                 pclean_err *);
    /* Bytes that clean allocates at most. Of the params only the sizes of the spare memory
     * count. */
    size_t (*bytes)(const pcl_clean_extent *, const pcl_clean_params *);
} pcl_deconvolver;

extern const pcl_deconvolver pcl_deconvolver_hogbom;
extern const pcl_deconvolver pcl_deconvolver_clark;       /* Stokes planes together */
extern const pcl_deconvolver pcl_deconvolver_clarkstokes; /* each on its own */

#endif
