/* grid.h: visibilities -> image and image -> visibilities, an exactly adjoint pair
 * (docs/data-model.md for the signs):
 *
 *   image[y][x] = sum_k Re( value_k exp(-2 pi i (u_k l + v_k m)) ),  l = -(x - nx/2) cellx, m = (y
 *   - ny/2) celly
 *   vis_k       = sum_xy image[y][x] exp(+2 pi i (u_k l + v_k m))
 *
 * approximated to the accuracy asked for with the kernel of gridfn.h on a grid padded by its sigma.
 * An image is real, so only half of the uv plane is stored (a sample at negative u is folded to -u,
 * -v, conj) and the transforms are real-to-complex. Samples are sorted by uv tile; tiles of one of
 * four colours cannot touch the same cell, so colours run one after the other and the tiles of a
 * colour in parallel: every cell sums its samples in one order and the result does not depend on
 * the number of threads.
 *
 * Thread-safety: a pcl_grid is read-only after pcl_grid_new and may be shared; grids and scratch
 * may not. */
#ifndef PCL_GRID_H
#define PCL_GRID_H
#include "base/err.h"
#include "core/grid/gridfn.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pcl_grid pcl_grid;

typedef struct pcl_grid_params {
    size_t nx, ny;               /* pixels */
    double cellx_rad, celly_rad; /* > 0 */
    double accuracy;             /* see pcl_gridfn_choose */
    double nvis;                 /* samples per image, about: chooses between kernels of equal
                                  * accuracy */
    double wmax_lambda;          /* > 0: correct for w, |w| of all samples at most this; 0:
                                  * ignore w */
    int kernel;                  /* >= 0: that kernel of the table (tests); -1: choose */
} pcl_grid_params;

int pcl_grid_new(const pcl_grid_params *params, pcl_grid **out, pclean_err *err) PCL_CHECK;
void pcl_grid_free(pcl_grid *g);
const pcl_gridfn *pcl_grid_function(const pcl_grid *g);
void pcl_grid_size(const pcl_grid *g, size_t *ngx, size_t *ngy);

/* One plane of the half uv grid: float [nrow][stride]. A complex grid is two of them. */
size_t pcl_grid_plane_bytes(const pcl_grid *g);

/* The uv grid of one image: `im` is NULL for a PSF without w, whose values are real. Otherwise it
 * lies behind `re`: together they have room for more than nx ny floats. */
typedef struct pcl_uvgrid {
    float *re, *im;
    size_t ncol; /* columns from u = 0 on (with w: on both sides) that may be non-zero */
} pcl_uvgrid;

int pcl_uvgrid_new(const pcl_grid *g, bool real, pcl_uvgrid *out, pclean_err *err) PCL_CHECK;
void pcl_uvgrid_clear(pcl_uvgrid *grid);
void pcl_uvgrid_zero(const pcl_grid *g, pcl_uvgrid *grid);
/* Its floats: re, and im behind it. */
size_t pcl_uvgrid_nfloat(const pcl_grid *g, const pcl_uvgrid *grid);

/* Samples of one batch; arrays [n] borrowed. */
typedef struct pcl_samples {
    size_t n;
    const double *u, *v; /* wavelengths at the observed frequency */
    const double *w;     /* likewise; not read without w */
    const float *vis;    /* [n][2] Jy */
    const float *weight; /* imaging weight; 0 = not used */
} pcl_samples;

/* Reusable work space for batches of up to nmax samples. */
typedef struct pcl_grid_scratch pcl_grid_scratch;
int pcl_grid_scratch_new(const pcl_grid *g, size_t nmax, pcl_grid_scratch **out,
                         pclean_err *err) PCL_CHECK;
void pcl_grid_scratch_free(pcl_grid_scratch *s);

/* What all of this will allocate, for the memory plan; nothing is allocated. */
typedef struct pcl_grid_bytes {
    size_t plane;   /* one plane of a grid: a PSF without w has one, every other grid two */
    size_t scratch; /* for batches of nmax samples */
    size_t fft;     /* while an image is transformed */
    size_t tables;  /* the gridder itself */
} pcl_grid_bytes;
int pcl_grid_count_bytes(const pcl_grid_params *params, size_t nmax, size_t nthread,
                         pcl_grid_bytes *out, pclean_err *err) PCL_CHECK;

typedef struct pcl_grid_count {
    uint64_t used;    /* samples gridded */
    uint64_t outside; /* of pcl_grid_count_outside */
    double sumwt;     /* of the samples gridded, summed in a fixed order */
} pcl_grid_count;

/* Adds weight * (vis - model vis) of a batch to `vis` and weight to `psf` (either may be NULL).
 * With `model` (a grid from pcl_grid_from_image) its prediction is subtracted first: one pass makes
 * the residual. */
void pcl_grid_add(const pcl_grid *g, pcl_grid_scratch *s, const pcl_samples *samples,
                  const pcl_uvgrid *model, pcl_uvgrid *vis, pcl_uvgrid *psf, pcl_grid_count *count);

/* Adds to count->outside the samples with a weight and |u| cellx or |v| celly >= 1/2: shorter than
 * the cell can carry, so that they are not gridded. With w: those of them that are nearest to plane
 * iplane. To be asked with natural weights: uniform and briggs ones are 0 out there. */
void pcl_grid_count_outside(const pcl_grid *g, const pcl_samples *samples, size_t iplane,
                            pcl_grid_count *count);

/* Predicts vis [n][2] at the samples' u, v (their vis and weight are not read); outside the grid:
 * 0. */
void pcl_grid_predict(const pcl_grid *g, pcl_grid_scratch *s, const pcl_samples *samples,
                      const pcl_uvgrid *model, float *vis);

/* FFT, crop, correct: image [ny][nx] *= not; = scale * sum above. Destroys the grid's content. */
int pcl_grid_to_image(const pcl_grid *g, pcl_uvgrid *grid, float scale, float *image,
                      pclean_err *err) PCL_CHECK;

/* Correct, pad, FFT: the grid from which pcl_grid_add and pcl_grid_predict read model visibilities.
 * umax_lambda bounds |u| of the samples that will be asked for: columns beyond are not computed. */
int pcl_grid_from_image(const pcl_grid *g, const float *image, double umax_lambda, pcl_uvgrid *grid,
                        pclean_err *err) PCL_CHECK;

/* ---- With w (wmax_lambda > 0): w-stacking. exp(-2 pi i w (n - 1)), n = sqrt(1 - l^2 - m^2), joins
 * the exponents above.
 *
 * w is gridded with the same kind of kernel as u and v (Ye et al. 2022, MNRAS 510, 4110; Arras et
 * al. 2021, A&A 646, A58) onto pcl_grid_nplane planes, of which one at a time is in memory: for
 * each plane in order
 *     zero the grids; pcl_grid_add_w all samples (those outside the plane's pcl_grid_plane_range
 *     cost little); pcl_grid_plane_to_image, which adds the plane to the image (zero before the
 *     first one)
 * and after the last pcl_grid_finish_w. The adjoint: for each plane pcl_grid_plane_from_image, then
 * pcl_grid_predict_w, which adds to vis (zero before the first plane). A sample with w < 0 is
 * mirrored to -u, -v, -w; the grid is the full, complex plane. The functions above are for gridders
 * without w, these for gridders with it. */
size_t pcl_grid_nplane(const pcl_grid *g); /* 0 without w */
/* Only samples with |w| in [low, high] touch the plane. */
void pcl_grid_plane_range(const pcl_grid *g, size_t iplane, double *low, double *high);

/* Either of vis and psf may be NULL; both are complex. Each sample is counted once, on the plane
 * nearest to it. */
void pcl_grid_add_w(const pcl_grid *g, pcl_grid_scratch *s, const pcl_samples *samples,
                    size_t iplane, pcl_uvgrid *vis, pcl_uvgrid *psf, pcl_grid_count *count);
/* Adds plane iplane of the grids to image and psf_image [ny][nx]; a pair may be NULL. Destroys the
 * grids' content. */
int pcl_grid_plane_to_image(const pcl_grid *g, size_t iplane, pcl_uvgrid *vis, float *image,
                            pcl_uvgrid *psf, float *psf_image, pclean_err *err) PCL_CHECK;
/* Grid corrections and scale, in place. */
void pcl_grid_finish_w(const pcl_grid *g, float scale, float *image);

/* umax_lambda as in pcl_grid_from_image. */
int pcl_grid_plane_from_image(const pcl_grid *g, size_t iplane, const float *image,
                              double umax_lambda, pcl_uvgrid *model, pclean_err *err) PCL_CHECK;
void pcl_grid_predict_w(const pcl_grid *g, pcl_grid_scratch *s, const pcl_samples *samples,
                        size_t iplane, const pcl_uvgrid *model, float *vis);

#endif
