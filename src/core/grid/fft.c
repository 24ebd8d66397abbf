/* fft.c: the half uv plane <-> image (grid.h), without w. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/mem.h"
#include "core/grid/grid_private.h"

/* ---- folding the padding home ---- */

/* Stored row of -v for the stored row of v (v = -ngy/2 is its own mirror: they differ by ngy). */
static size_t mirror_row(const pcl_grid *g, size_t r) {
    size_t i = r - PAD_V;
    return i == 0 ? r : PAD_V + g->ngy - i;
}

void pcl_grid_fold_rows(const pcl_grid *g, float *plane) {
    for (size_t r = 0; r < PAD_V; r++) {
        float *low = plane + r * g->stride, *high = plane + (g->ngy + PAD_V + r) * g->stride;
        float *low_home = low + g->ngy * g->stride, *high_home = high - g->ngy * g->stride;
        for (size_t c = 0; c < g->stride; c++) {
            low_home[c] += low[c];
            high_home[c] += high[c];
        }
    }
}

/* Columns beyond u = 0 and beyond the Nyquist frequency are conjugate mirrors of columns inside;
 * the two columns themselves become Hermitian in v. sign = +1 for the real part, -1 for the
 * imaginary part. Afterwards the grid is twice the Hermitian part of what was gridded. */
static void fold_columns(const pcl_grid *g, float *plane, float sign) {
    size_t edge[2] = {PAD_U, PAD_U + g->ngx / 2};
    for (size_t e = 0; e < 2; e++)
        for (size_t r = PAD_V; r < PAD_V + g->ngy; r++) {
            size_t m = mirror_row(g, r);
            float *row = plane + r * g->stride + edge[e], *other = plane + m * g->stride + edge[e];
            for (size_t k = 1; k < PCL_GRIDFN_TAPS; k++) {
                if (e == 0)
                    row[k] += sign * other[-(long)k];
                else
                    row[-(long)k] += sign * other[k];
            }
            if (m > r) {
                float a = row[0], b = other[0];
                row[0] = a + sign * b;
                other[0] = b + sign * a;
            } else if (m == r)
                row[0] += sign * row[0];
        }
}

/* The inverse for a model grid: fill the padding with what the symmetry says. */
static void unfold(const pcl_grid *g, float *plane, float sign) {
    for (size_t r = PAD_V; r < PAD_V + g->ngy; r++) {
        float *row = plane + r * g->stride + PAD_U,
              *other = plane + mirror_row(g, r) * g->stride + PAD_U;
        for (size_t k = 1; k < PCL_GRIDFN_TAPS; k++) {
            row[-(long)k] = sign * other[k];
            row[g->ngx / 2 + k] = sign * other[g->ngx / 2 - k];
        }
    }
    for (size_t r = 0; r < PAD_V; r++) {
        memcpy(plane + r * g->stride, plane + (r + g->ngy) * g->stride, g->stride * sizeof *plane);
        memcpy(plane + (g->ngy + PAD_V + r) * g->stride, plane + (PAD_V + r) * g->stride,
               g->stride * sizeof *plane);
    }
}

/* ---- transforms ---- */

static pcl_fft_buffers buffer_sizes(const pcl_grid *g, size_t nthread) {
    const size_t length = ((g->ngy + 7) / 8 | 1) * 8;
    return (pcl_fft_buffers){.n = nthread,
                             .length = length,
                             .ncolumn = length * BLOCK,
                             .nrow = ((g->w ? g->ngx : g->ngx / 2 + 1) + 15) / 16 * 16,
                             .nreal = (g->w ? 2 : 1) * ((g->ngx + 15) / 16 * 16)};
}

size_t pcl_fft_buffers_bytes(const pcl_grid *g, size_t nthread) {
    const pcl_fft_buffers b = buffer_sizes(g, nthread);
    return nthread * ((b.ncolumn + b.nrow) * sizeof *b.column + b.nreal * sizeof *b.real);
}

int pcl_fft_buffers_new(const pcl_grid *g, pcl_fft_buffers *b, pclean_err *err) {
    *b = buffer_sizes(g, (size_t)omp_get_max_threads());
    int rc;
    if ((rc = PCL_NEW(&b->column, b->n * b->ncolumn, "FFT buffer", err)) ||
        (rc = PCL_NEW(&b->row, b->n * b->nrow, "FFT buffer", err)))
        return rc;
    return PCL_NEW(&b->real, b->n * b->nreal, "FFT buffer", err);
}

void pcl_fft_buffers_clear(pcl_fft_buffers *b) {
    pcl_free(b->column);
    pcl_free(b->row);
    pcl_free(b->real);
}

/* FFTW's plans for columns that lie side by side take two to three times as long as those for one
 * that is contiguous (FFTW_ESTIMATE; 1536 to 6144 cells), so a block of columns is turned around on
 * its way in and out, GROUP rows at a time: one cache line of each column. */
enum { GROUP = 8 };

/* Where index i of a transform along v is stored. */
static size_t row_of(const pcl_grid *g, size_t i) {
    return PAD_V + (i < g->ngy / 2 ? i + g->ngy / 2 : i - g->ngy / 2);
}

/* BLOCK cells of n <= GROUP rows, from column c0 on -> rows at, at + 1 ... of the block of
 * columns. */
static inline void turn_in(size_t n, const float *const re[GROUP], const float *const im[GROUP],
                           size_t length, fftwf_complex *at) {
    float z[GROUP][2 * BLOCK];
    for (size_t r = 0; r < n; r++)
        pcl_interleave(BLOCK, re[r], im[r], z[r]);
    for (size_t c = 0; c < BLOCK; c++)
        for (size_t r = 0; r < n; r++)
            memcpy(at + c * length + r, &z[r][2 * c], sizeof *at);
}

static inline void turn_out(size_t n, float *const re[GROUP], float *const im[GROUP], size_t length,
                            const fftwf_complex *at) {
    float z[GROUP][2 * BLOCK];
    for (size_t c = 0; c < BLOCK; c++)
        for (size_t r = 0; r < n; r++)
            memcpy(&z[r][2 * c], at + c * length + r, sizeof *at);
    for (size_t r = 0; r < n; r++)
        pcl_deinterleave(BLOCK, z[r], re[r], im[r]);
}

static size_t group_at(size_t i, size_t n) {
    return n - i < GROUP ? n - i : GROUP;
}

void pcl_grid_columns_to_image(const pcl_grid *g, const pcl_grid_columns *columns,
                               pcl_fft_buffers *b) {
    float *const re = columns->re, *const im = columns->im, *const im_out = columns->im_out;
    const size_t first_column = columns->first, nout = columns->ny;
    const long first = columns->y0, nblock = (long)((columns->n + BLOCK - 1) / BLOCK);
#pragma omp parallel for schedule(dynamic, 1)
    for (long k = 0; k < nblock; k++) {
        fftwf_complex *buf = b->column + (size_t)omp_get_thread_num() * b->ncolumn;
        const size_t c0 = first_column + (size_t)k * BLOCK;
        for (size_t i = 0; i < g->ngy; i += GROUP) {
            const size_t n = group_at(i, g->ngy);
            const float *re_row[GROUP], *im_row[GROUP];
            for (size_t r = 0; r < n; r++) {
                const size_t at = row_of(g, i + r) * g->stride + c0,
                             ahead = at + 2 * GROUP * g->stride;
                __builtin_prefetch(re + ahead); /* one line each from far apart: the hardware
                                                 * does not see it coming */
                if (im)
                    __builtin_prefetch(im + ahead);
                re_row[r] = re + at;
                im_row[r] = im ? im + at : NULL;
            }
            turn_in(n, re_row, im_row, b->length, buf + i);
        }
        for (size_t c = 0; c < BLOCK; c++)
            fftwf_execute_dft(g->column_back, buf + c * b->length, buf + c * b->length);
        for (size_t j = 0; j < nout;) {
            const long y = first + (long)j; /* a group does not go across 0 */
            const size_t n = group_at(j, y < 0 && (size_t)-y < nout - j ? j + (size_t)-y : nout);
            float *re_row[GROUP], *im_row[GROUP];
            for (size_t r = 0; r < n; r++) {
                re_row[r] = re + (j + r) * g->stride + c0;
                im_row[r] = im_out + (j + r) * g->stride + c0;
            }
            turn_out(n, re_row, im_row, b->length,
                     buf + (y >= 0 ? (size_t)y : g->ngy - (size_t)-y));
            j += n;
        }
    }
}

void pcl_grid_columns_from_image(const pcl_grid *g, float *re, float *im, size_t first_column,
                                 size_t ncolumn, pcl_fft_buffers *b) {
    const size_t ny = g->p.ny;
    const long nblock = (long)((ncolumn + BLOCK - 1) / BLOCK);
#pragma omp parallel for schedule(dynamic, 1)
    for (long k = 0; k < nblock; k++) {
        fftwf_complex *buf = b->column + (size_t)omp_get_thread_num() * b->ncolumn;
        const size_t c0 = first_column + (size_t)k * BLOCK;
        memset(buf, 0, b->ncolumn * sizeof *buf);
        for (size_t y = 0; y < ny;) {
            /* a group does not go across the centre */
            const size_t n = group_at(y, y < ny / 2 ? ny / 2 : ny);
            const float *re_row[GROUP], *im_row[GROUP];
            for (size_t r = 0; r < n; r++) {
                re_row[r] = re + (y + r) * g->stride + c0;
                im_row[r] = im + (y + r) * g->stride + c0;
            }
            turn_in(n, re_row, im_row, b->length, buf + pcl_wrapped(y, ny, g->ngy));
            y += n;
        }
        for (size_t c = 0; c < BLOCK; c++)
            fftwf_execute_dft(g->column_forth, buf + c * b->length, buf + c * b->length);
        for (size_t i = 0; i < g->ngy; i += GROUP) {
            const size_t n = group_at(i, g->ngy);
            float *re_row[GROUP], *im_row[GROUP];
            for (size_t r = 0; r < n; r++) {
                const size_t at = row_of(g, i + r) * g->stride + c0;
                re_row[r] = re + at;
                im_row[r] = im + at;
            }
            turn_out(n, re_row, im_row, b->length, buf + i);
        }
    }
}

/* u -> x for stored row j; the result is in real, index x mod ngx. */
static void row_to_image(const pcl_grid *g, const float *re, const float *im, size_t ncol,
                         fftwf_complex *row, float *real) {
    pcl_interleave(ncol, re, im, (float *)row);
    memset(row + ncol, 0, (g->ngx / 2 + 1 - ncol) * sizeof *row);
    fftwf_execute_dft_c2r(g->row_back, row, real);
}

int pcl_grid_to_image(const pcl_grid *g, pcl_uvgrid *grid, float scale, float *image,
                      pclean_err *err) {
    const size_t nx = g->p.nx, ny = g->p.ny;
    const bool real = !grid->im;
    pcl_fft_buffers b;
    int rc = pcl_fft_buffers_new(g, &b, err);
    if (rc)
        goto done;
    pcl_grid_fold_rows(g, grid->re);
    fold_columns(g, grid->re, 1);
    if (!real) {
        pcl_grid_fold_rows(g, grid->im);
        fold_columns(g, grid->im, -1);
    }
    /* The image of a real grid is even, I(-x, -y) = I(x, y): rows y >= 0 are enough. */
    const long first = real ? 0 : -(long)(ny / 2);
    const size_t nout = real ? ny / 2 + 1 : ny;
    const pcl_grid_columns columns = {.re = grid->re,
                                      .im = grid->im,
                                      .im_out = real ? grid->re + nout * g->stride : grid->im,
                                      .first = PAD_U,
                                      .n = grid->ncol,
                                      .y0 = first,
                                      .ny = nout};
    pcl_grid_columns_to_image(g, &columns, &b);
    const float *re = columns.re + PAD_U, *im = columns.im_out + PAD_U;
    const float half = 0.5f * scale;
#pragma omp parallel for schedule(static)
    for (size_t j = 0; j < nout; j++) {
        size_t thread = (size_t)omp_get_thread_num();
        float *line = b.real + thread * b.nreal;
        row_to_image(g, re + j * g->stride, im + j * g->stride, grid->ncol, b.row + thread * b.nrow,
                     line);
        size_t y = (size_t)((long)(ny / 2) + first + (long)j);
        if (y < ny)
            for (size_t x = 0; x < nx; x++)
                image[y * nx + x] = half * g->hy[y] * g->hx[x] * line[pcl_wrapped(x, nx, g->ngx)];
        if (real && j > 0 && j <= ny / 2) {
            y = ny / 2 - j;
            for (size_t x = 0; x < nx; x++) {
                size_t i = pcl_wrapped(x, nx, g->ngx);
                image[y * nx + x] = half * g->hy[y] * g->hx[x] * line[i ? g->ngx - i : 0];
            }
        }
    }
    grid->ncol = 0;
done:
    pcl_fft_buffers_clear(&b);
    return rc;
}

static bool all_zero(const float *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

int pcl_grid_from_image(const pcl_grid *g, const float *image, double umax_lambda, pcl_uvgrid *grid,
                        pclean_err *err) {
    const size_t nx = g->p.nx, ny = g->p.ny;
    const size_t reach = pcl_grid_reach(g, umax_lambda),
                 ncol = reach < g->ngx / 2 ? reach + 1 : g->ngx / 2 + 1;
    grid->ncol = ncol;
    pcl_fft_buffers b;
    int rc = pcl_fft_buffers_new(g, &b, err);
    if (rc)
        goto done;
#pragma omp parallel for schedule(static)
    for (size_t y = 0; y < ny; y++) {
        float *re = grid->re + y * g->stride + PAD_U, *im = grid->im + y * g->stride + PAD_U;
        const float *pixels = image + y * nx;
        if (all_zero(pixels, nx)) {
            memset(re, 0, ncol * sizeof *re);
            memset(im, 0, ncol * sizeof *im);
            continue;
        }
        size_t thread = (size_t)omp_get_thread_num();
        float *line = b.real + thread * b.nreal;
        fftwf_complex *row = b.row + thread * b.nrow;
        memset(line, 0, g->ngx * sizeof *line);
        for (size_t x = 0; x < nx; x++)
            line[pcl_wrapped(x, nx, g->ngx)] = pixels[x] * g->hy[y] * g->hx[x];
        fftwf_execute_dft_r2c(g->row_forth, line, row);
        pcl_deinterleave(ncol, (const float *)row, re, im);
    }
    pcl_grid_columns_from_image(g, grid->re, grid->im, PAD_U, ncol, &b);
    unfold(g, grid->re, 1);
    unfold(g, grid->im, -1);
done:
    pcl_fft_buffers_clear(&b);
    return rc;
}
