/* grid_private.h: what grid.c, fft.c and wstack.c share. Not for use outside them. */
#ifndef PCL_GRID_PRIVATE_H
#define PCL_GRID_PRIVATE_H
#include "core/grid/grid.h"
#include "core/grid/kernel.h"
#include <fftw3.h>

/* The uv plane as stored: rows are v = -ngy/2 ... ngy/2 - 1 with PAD_V rows before and behind;
 * columns are u = 0 ... ngx/2 (half plane) or -ngx/2 ... ngx/2 - 1 (full plane, with w) with PAD_U
 * columns before and behind, so that no footprint needs a bounds check; folding brings the padding
 * home. BLOCK columns are fetched together: one cache line of floats. */
enum { PAD_V = 8, PAD_U = 16, BLOCK = 16 };

/* The w direction (wstack.c): planes at w = j dw. */
typedef struct pcl_wplan {
    pcl_gridfn fn;
    double dw;     /* wavelengths */
    double nshift; /* middle of the image's range of n - 1 */
    double nmost;  /* |n - 1 - nshift| at most */
    size_t nplane;
    float *correction; /* [WTABLE + 2]: of (n - 1 - nshift) / nmost from -1 to 1 */
    double *l2, *m2;   /* l^2 [nx], m^2 [ny] */
} pcl_wplan;
enum { WTABLE = 4096 };

struct pcl_grid {
    pcl_grid_params p;
    pcl_gridfn fn;
    pcl_grid_kernel kernel; /* instruction-set specific inner loops */
    size_t ngx, ngy, stride, nrow;
    size_t column0;                                    /* stored column of u = 0 */
    size_t tile_shift, ntile_u, ntile_v, ntile_colour; /* tiles of 2^tile_shift cells a side */
    float *hx, *hy;                                    /* grid corrections [nx], [ny] */
    fftwf_plan column_back, column_forth;              /* one complex column of ngy, in place */
    fftwf_plan row_back, row_forth;                    /* half plane: complex to real and back */
    fftwf_plan full_back, full_forth;                  /* full plane: one complex row of ngx, in
                                                        * place */
    bool w;
    pcl_wplan wp;
};

/* Work space of the transforms, one set for each thread. */
typedef struct pcl_fft_buffers {
    size_t n;
    fftwf_complex *column, *row;         /* [n][BLOCK][length], [n][ngx] */
    float *real;                         /* [n][ngx rounded up; twice that with w, for a row of the
                                          * screen] */
    size_t length, ncolumn, nrow, nreal; /* length: ngy and a little, so that columns do not
                                          * share cache sets */
} pcl_fft_buffers;
int pcl_fft_buffers_new(const pcl_grid *g, pcl_fft_buffers *b, pclean_err *err) PCL_CHECK;
void pcl_fft_buffers_clear(pcl_fft_buffers *b);
size_t pcl_fft_buffers_bytes(const pcl_grid *g, size_t nthread);

/* Index of pixel i - n/2 in a transform of size ngrid. */
static inline size_t pcl_wrapped(size_t i, size_t n, size_t ngrid) {
    const size_t centre = n / 2;
    return i >= centre ? i - centre : ngrid - (centre - i);
}

/* Columns on one side of u = 0 that samples up to umax_lambda touch, at most ngx / 2. */
static inline size_t pcl_grid_reach(const pcl_grid *g, double umax_lambda) {
    const double reach = umax_lambda * g->p.cellx_rad * (double)g->ngx + PCL_GRIDFN_TAPS + 1;
    return reach < (double)(g->ngx / 2) ? (size_t)reach : g->ngx / 2;
}

/* Adds the rows of padding to the rows they mirror. */
void pcl_grid_fold_rows(const pcl_grid *g, float *plane);

/* Stored columns of a grid, and the rows that an image needs of their transform. */
typedef struct pcl_grid_columns {
    float *re, *im;  /* in and out; im NULL: zero */
    float *im_out;   /* where the imaginary part of the transform goes: im, or behind re */
    size_t first, n; /* columns [first, first + n rounded up to BLOCK) */
    long y0;         /* first row of the image, pixels from its centre ... */
    size_t ny;       /* ... and how many */
} pcl_grid_columns;

/* v -> y, in place: rows [0, ny) afterwards hold y = y0 ... y0 + ny - 1. */
void pcl_grid_columns_to_image(const pcl_grid *g, const pcl_grid_columns *columns,
                               pcl_fft_buffers *b);
/* The adjoint: rows [0, ny) hold y; afterwards all rows of v, without padding. */
void pcl_grid_columns_from_image(const pcl_grid *g, float *re, float *im, size_t first_column,
                                 size_t ncolumn, pcl_fft_buffers *b);

int pcl_wplan_init(pcl_grid *g, pclean_err *err) PCL_CHECK;
void pcl_wplan_clear(pcl_wplan *wp);
/* w of a plane, wavelengths. */
static inline double pcl_wplan_w(const pcl_wplan *wp, size_t iplane) {
    return (double)iplane * wp->dw;
}

/* Samples at w below 0 touch the plane. Not plane 0: there a sample and its mirror are the same. */
static inline bool pcl_wplan_reaches_below(const pcl_wplan *wp, size_t iplane) {
    return iplane > 0 && 2 * iplane < (size_t)wp->fn.support;
}

#endif
