/* kernel.h: the inner loops of grid.c, compiled for each kernel support and instruction set and
 * chosen once at run time, so that one baseline package runs everywhere. Not for use outside grid.c
 * and its tests. */
#ifndef PCL_GRID_KERNEL_H
#define PCL_GRID_KERNEL_H
#include "core/grid/gridfn.h"
#include <stddef.h>
#include <stdint.h>

/* A sample placed on the half plane u >= 0. */
typedef struct pcl_grid_item {
    uint32_t cell;  /* first cell of its footprint: row * stride + column */
    uint32_t index; /* in the batch */
    float dx, dy;   /* 2 offset - 1 of gridfn.h */
    float re, im;   /* visibility, conjugated when sign < 0 */
    float weight;
    float sign; /* -1: the sample was mirrored to u >= 0 */
} pcl_grid_item;

/* Planes [nrow][stride]; any group may be NULL. */
typedef struct pcl_grid_target {
    size_t stride;
    float *re, *im;
    float *psf, *psf_im; /* psf_im with w only */
    const float *model_re, *model_im;
} pcl_grid_target;

typedef struct pcl_grid_kernel {
    void (*add)(const pcl_gridfn *fn, const pcl_grid_item *item, size_t n,
                const pcl_grid_target *t);
    /* With w: re, im are the value to grid, weight and sign the complex value of the PSF. */
    void (*add_w)(const pcl_gridfn *fn, const pcl_grid_item *item, size_t n,
                  const pcl_grid_target *t);
    void (*predict)(const pcl_gridfn *fn, const pcl_grid_item *item, size_t n,
                    const pcl_grid_target *t, float *vis);
} pcl_grid_kernel;

pcl_grid_kernel pcl_grid_kernel_for(int support);

/* re[n], im[n] (NULL: zeros) -> z[n][2], and back. */
void pcl_interleave(size_t n, const float *re, const float *im, float *z);
void pcl_deinterleave(size_t n, const float *z, float *re, float *im);

/* One row of the w screen: for pixels x in [0, n) with l2[x] = l^2 and a row of m^2 = m2, cos and
 * sin of 2 pi w (n - 1). Beyond the horizon both are 0. */
void pcl_w_screen(size_t n, const double *l2, double m2, double w, float *restrict c,
                  float *restrict s);

#endif
