/* grid.h: visibilities -> image and image -> visibilities, an exactly adjoint pair (docs/data-model.md for the signs):
 *
 *   image[y][x] = sum_k Re( value_k exp(-2 pi i (u_k l + v_k m)) ),  l = -(x - nx/2) cellx, m = (y - ny/2) celly
 *   vis_k       = sum_xy image[y][x] exp(+2 pi i (u_k l + v_k m))
 *
 * approximated to the accuracy asked for with the kernel of gridfn.h on a grid padded by its sigma. An image is real, so
 * only half of the uv plane is stored (a sample at negative u is folded to -u, -v, conj) and the transforms are
 * real-to-complex. Samples are sorted by uv tile; tiles of one of four colours cannot touch the same cell, so colours run
 * one after the other and the tiles of a colour in parallel: every cell sums its samples in one order and the result does
 * not depend on the number of threads.
 *
 * Thread-safety: a pcl_gridder is read-only after pcl_gridder_new and may be shared; grids and scratch may not. */
#ifndef PCL_GRID_H
#define PCL_GRID_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "core/gridfn.h"

typedef struct pcl_gridder pcl_gridder;

typedef struct pcl_gridder_params {
    size_t nx, ny;                 /* pixels */
    double cellx_rad, celly_rad;   /* > 0 */
    double accuracy;               /* see pcl_gridfn_choose */
    double nvis;                   /* samples per image, about: chooses between kernels of equal accuracy */
    int kernel;                    /* >= 0: that kernel of the table (tests); -1: choose */
} pcl_gridder_params;

int pcl_gridder_new(const pcl_gridder_params *params, pcl_gridder **out, pclean_err *err) PCL_CHECK;
void pcl_gridder_free(pcl_gridder *g);
const pcl_gridfn *pcl_gridder_kernel(const pcl_gridder *g);
void pcl_gridder_size(const pcl_gridder *g, size_t *ngx, size_t *ngy);

/* One plane of the half uv grid: float [nrow][stride]. A complex grid is two of them. */
size_t pcl_gridder_plane_bytes(const pcl_gridder *g);

/* The uv grid of one image: `im` is NULL for a PSF, whose values are real. */
typedef struct pcl_uvgrid {
    float *re, *im;
    size_t ncol; /* columns from u = 0 on that may be non-zero */
} pcl_uvgrid;

int pcl_uvgrid_new(const pcl_gridder *g, bool real, pcl_uvgrid *out, pclean_err *err) PCL_CHECK;
void pcl_uvgrid_clear(pcl_uvgrid *grid);
void pcl_uvgrid_zero(const pcl_gridder *g, pcl_uvgrid *grid);

/* Samples of one batch; arrays [n] borrowed. */
typedef struct pcl_samples {
    size_t n;
    const double *u, *v;   /* wavelengths at the observed frequency */
    const float *vis;      /* [n][2] Jy */
    const float *weight;   /* imaging weight; 0 = not used */
} pcl_samples;

/* Reusable work space for batches of up to nmax samples. */
typedef struct pcl_grid_scratch pcl_grid_scratch;
int pcl_grid_scratch_new(const pcl_gridder *g, size_t nmax, pcl_grid_scratch **out, pclean_err *err) PCL_CHECK;
void pcl_grid_scratch_free(pcl_grid_scratch *s);

typedef struct pcl_grid_count {
    uint64_t used;     /* samples gridded */
    uint64_t outside;  /* |u| cellx or |v| celly >= 1/2: shorter than the cell can carry; left out */
    double sumwt;      /* of the samples gridded, summed in a fixed order */
} pcl_grid_count;

/* Adds weight * (vis - model vis) of a batch to `vis` and weight to `psf` (either may be NULL). With `model` (a grid from
 * pcl_grid_from_image) its prediction is subtracted first: one pass makes the residual. */
void pcl_grid_add(const pcl_gridder *g, pcl_grid_scratch *s, const pcl_samples *samples, const pcl_uvgrid *model,
                  pcl_uvgrid *vis, pcl_uvgrid *psf, pcl_grid_count *count);

/* Predicts vis [n][2] at the samples' u, v (their vis and weight are not read); outside the grid: 0. */
void pcl_grid_predict(const pcl_gridder *g, pcl_grid_scratch *s, const pcl_samples *samples, const pcl_uvgrid *model,
                      float *vis);

/* FFT, crop, correct: image [ny][nx] *= not; = scale * sum above. Destroys the grid's content. */
int pcl_grid_to_image(const pcl_gridder *g, pcl_uvgrid *grid, float scale, float *image, pclean_err *err) PCL_CHECK;

/* Correct, pad, FFT: the grid from which pcl_grid_add and pcl_grid_predict read model visibilities. umax_lambda bounds |u|
 * of the samples that will be asked for: columns beyond are not computed. */
int pcl_grid_from_image(const pcl_gridder *g, const float *image, double umax_lambda, pcl_uvgrid *grid, pclean_err *err)
    PCL_CHECK;

#endif
