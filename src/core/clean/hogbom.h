/* hogbom.h: CASA's Högbom minor cycle, bit for bit (hclean.f, SDAlgorithmBase.cc;
 * docs/algorithms.md).
 *
 * Units: Jy/beam for the residual, 1 for the PSF (peak 1), Jy for the model. Arrays are [ny][nx], x
 * fastest. */
#ifndef PCL_HOGBOM_H
#define PCL_HOGBOM_H
#include "base/err.h"
#include "core/clean/deconvolver.h"
#include "core/clean/minor.h"
#include <stdbool.h>
#include <stddef.h>

/* What the caller needs of the residual afterwards. A major cycle that recomputes it needs nothing,
 * and the fast form then never touches tiles that cannot hold a peak. */
enum pcl_hogbom_keep {
    PCL_HOGBOM_KEEP_ALL,  /* every pixel as the plain loop leaves it */
    PCL_HOGBOM_KEEP_MASK, /* the pixels inside the mask; the others undefined */
    PCL_HOGBOM_KEEP_NONE  /* undefined contents */
};

typedef struct pcl_hogbom_params {
    float gain;      /* loop gain, 0.1 */
    float threshold; /* Jy/beam, stop when |peak| is below it, 0 */
    /* 0. Two rules of tclean, both kept: a block that cycleniter ends makes ONE component more than
     * it reports, and cycleniter >= 5000 runs in blocks of 2000, so that the report may exceed
     * cycleniter by up to 1999. */
    size_t cycleniter;
    enum pcl_hogbom_keep keep; /* KEEP_ALL */
    /* For the padded PSF, a little more than nx ny, and for the residual where it is searched.
     * Where they are too small, memory is allocated. {NULL, 0} */
    pcl_lent spare_psf, spare_residual;
    int (*stop)(void *user); /* as of pcl_clean_params; NULL */
    void *stop_user;
} pcl_hogbom_params;

void pcl_hogbom_params_init(pcl_hogbom_params *p);

typedef struct pcl_hogbom_result {
    enum pcl_minor_stop stop;
    size_t niter;          /* as tclean reports it */
    size_t ncomponent;     /* components really made */
    float peak_start;      /* signed residual at the largest |residual| inside the mask, before
                            * ... */
    float peak_end;        /* ... and after */
    size_t peak_x, peak_y; /* where peak_end is, pixels */
    double flux;           /* sum of the components, Jy */
} pcl_hogbom_result;

/* A plane to be cleaned; arrays borrowed. */
typedef struct pcl_hogbom_plane {
    size_t nx, ny;
    float *residual;  /* [ny][nx], Jy/beam; read, then as params->keep says. NaN pixels are never
                       * chosen */
    const float *psf; /* [ny][nx], peak 1 at (nx/2, ny/2); must be finite */
    const bool *mask; /* [ny][nx], true where peaks may be searched; NULL: everywhere */
    float *model;     /* [ny][nx], Jy/pixel; components are added to it */
} pcl_hogbom_plane;

/* The minor cycle of one plane. Each component is gain * residual in float32 at the largest
 * |residual|, the first of equals with x running fastest; the PSF is subtracted at offsets -n/2 ...
 * n/2 - 1 (integer division) in each axis. After code 4 tclean keeps the model and goes on with the
 * next major cycle: it ends a minor cycle, never a run; it is looked for at the end of each block
 * only, so with cycleniter < 5000 once, at the end. Errors: -PCLEAN_ENOMEM; -PCLEAN_EPARAM (an axis
 * below 2 pixels or above 2^24); -PCLEAN_EDATA (PSF not finite, or a peak that is infinite). model
 * is then unusable. Thread-safe; the same bits for any number of threads. */
int pcl_hogbom(const pcl_hogbom_plane *plane, const pcl_hogbom_params *p, pcl_hogbom_result *result,
               pclean_err *err) PCL_CHECK;

/* The plain twin for tests: the same contract, the loops as they are defined, the whole residual
 * kept. */
int pcl_hogbom_plain(const pcl_hogbom_plane *plane, const pcl_hogbom_params *p,
                     pcl_hogbom_result *result, pclean_err *err) PCL_CHECK;

/* Bytes that pcl_hogbom allocates at most for one plane of this extent, for the memory plan. Of p
 * only the sizes of the spare memory count. */
size_t pcl_hogbom_bytes(const pcl_clean_extent *extent, const pcl_hogbom_params *p);

#endif
