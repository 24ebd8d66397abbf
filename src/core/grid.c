#include "core/grid.h"

#include <fftw3.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/mem.h"
#include "core/grid_kernel.h"

/* The half uv plane as stored: rows are v = -ngy/2 ... ngy/2 - 1 with PAD_V rows before and behind, columns u = 0 ...
 * ngx/2 with PAD_U columns before and behind, so that no footprint needs a bounds check; fold_* brings the padding home. */
enum { PAD_V = 8, PAD_U = 16, BLOCK = 16 /* columns transformed together: one cache line of floats */ };

struct pcl_gridder {
    pcl_gridder_params p;
    pcl_gridfn fn;
    pcl_grid_kernel kernel; /* instruction-set specific inner loops */
    size_t ngx, ngy, stride, nrow;
    size_t tile_shift, ntile_u, ntile_v, ntile_colour; /* tiles of 2^tile_shift cells a side */
    float *hx, *hy;                                    /* grid corrections [nx], [ny] */
    fftwf_plan column_back, column_forth, row_back, row_forth;
};

/* Smallest even product of 2, 3, 5, 7 that is >= n. */
static size_t good_size(size_t n) {
    for (n += n & 1;; n += 2) {
        size_t r = n;
        for (size_t f = 2; f <= 7; f += f == 2 ? 1 : 2)
            while (r % f == 0)
                r /= f;
        if (r == 1)
            return n;
    }
}

static int make_plans(pcl_gridder *g, pclean_err *err) {
    fftwf_complex *c = NULL;
    float *r = NULL;
    int rc = PCL_NEW(&c, g->ngy * BLOCK > g->ngx ? g->ngy * BLOCK : g->ngx, "FFT planning buffer", err);
    if (!rc)
        rc = PCL_NEW(&r, g->ngx, "FFT planning buffer", err);
    if (!rc) {
        int ny = (int)g->ngy, nx = (int)g->ngx;
#pragma omp critical(fftw_planner)
        {
            g->column_back =
                fftwf_plan_many_dft(1, &ny, BLOCK, c, NULL, BLOCK, 1, c, NULL, BLOCK, 1, FFTW_BACKWARD, FFTW_ESTIMATE);
            g->column_forth =
                fftwf_plan_many_dft(1, &ny, BLOCK, c, NULL, BLOCK, 1, c, NULL, BLOCK, 1, FFTW_FORWARD, FFTW_ESTIMATE);
            g->row_back = fftwf_plan_dft_c2r_1d(nx, c, r, FFTW_ESTIMATE);
            g->row_forth = fftwf_plan_dft_r2c_1d(nx, r, c, FFTW_ESTIMATE);
        }
        if (!g->column_back || !g->column_forth || !g->row_back || !g->row_forth)
            rc = PCL_FAIL(err, PCLEAN_ENOMEM, "FFTW could not plan transforms of %zu x %zu", g->ngx, g->ngy);
    }
    pcl_free(r);
    pcl_free(c);
    return rc;
}

int pcl_gridder_new(const pcl_gridder_params *params, pcl_gridder **out, pclean_err *err) {
    *out = NULL;
    pcl_gridder *g = NULL;
    int rc = PCL_ZNEW(&g, 1, "gridder", err);
    if (rc)
        return rc;
    g->p = *params;
    if (params->kernel < 0)
        pcl_gridfn_choose(params->accuracy, (double)params->nx * (double)params->ny, params->nvis, &g->fn);
    else if (!pcl_gridfn_get((size_t)params->kernel, &g->fn)) {
        rc = PCL_FAIL(err, PCLEAN_EBUG, "no gridding kernel %d", params->kernel);
        goto done;
    }
    g->kernel = pcl_grid_kernel_for(g->fn.support);
    size_t least = 2 * PCL_GRIDFN_TAPS; /* a footprint must not wrap onto itself */
    size_t wx = (size_t)ceil(g->fn.sigma * (double)params->nx), wy = (size_t)ceil(g->fn.sigma * (double)params->ny);
    g->ngx = good_size(wx < least ? least : wx);
    g->ngy = good_size(wy < least ? least : wy);
    g->nrow = g->ngy + 2 * PAD_V;
    g->stride = (PAD_U + g->ngx / 2 + 1 + PAD_U + 15) / 16 * 16;
    if (g->stride % 256 == 0)
        g->stride += 16; /* rows a multiple of 1 KiB apart would share cache sets */
    if (g->nrow * g->stride > UINT32_MAX) {
        rc = PCL_FAIL(err, PCLEAN_EPARAM, "imsize %zu x %zu needs a uv grid of %zu x %zu cells, more than 2^32; make it smaller",
                      params->nx, params->ny, g->nrow, g->stride);
        goto done;
    }
    g->tile_shift = 4;
    while ((g->nrow >> g->tile_shift) * (g->stride >> g->tile_shift) > 16384)
        g->tile_shift++;
    g->ntile_u = ((g->stride >> g->tile_shift) + 2) / 2;
    g->ntile_v = ((g->nrow >> g->tile_shift) + 2) / 2;
    g->ntile_colour = g->ntile_u * g->ntile_v;
    if ((rc = PCL_NEW(&g->hx, params->nx, "grid correction", err)) || (rc = PCL_NEW(&g->hy, params->ny, "grid correction", err)))
        goto done;
    pcl_gridfn_correction(&g->fn, params->nx, g->ngx, g->hx);
    pcl_gridfn_correction(&g->fn, params->ny, g->ngy, g->hy);
    rc = make_plans(g, err);
done:
    if (rc) {
        pcl_gridder_free(g);
        return rc;
    }
    *out = g;
    return 0;
}

void pcl_gridder_free(pcl_gridder *g) {
    if (!g)
        return;
    fftwf_plan plan[] = {g->column_back, g->column_forth, g->row_back, g->row_forth};
#pragma omp critical(fftw_planner)
    for (size_t i = 0; i < sizeof plan / sizeof *plan; i++)
        if (plan[i])
            fftwf_destroy_plan(plan[i]);
    pcl_free(g->hx);
    pcl_free(g->hy);
    pcl_free(g);
}

const pcl_gridfn *pcl_gridder_kernel(const pcl_gridder *g) { return &g->fn; }

void pcl_gridder_size(const pcl_gridder *g, size_t *ngx, size_t *ngy) {
    *ngx = g->ngx;
    *ngy = g->ngy;
}

size_t pcl_gridder_plane_bytes(const pcl_gridder *g) { return g->nrow * g->stride * sizeof(float); }

int pcl_uvgrid_new(const pcl_gridder *g, bool real, pcl_uvgrid *out, pclean_err *err) {
    *out = (pcl_uvgrid){0};
    int rc = PCL_ZNEW(&out->re, g->nrow * g->stride, "uv grid", err);
    if (!rc && !real)
        rc = PCL_ZNEW(&out->im, g->nrow * g->stride, "uv grid", err);
    if (rc)
        pcl_uvgrid_clear(out);
    return rc;
}

void pcl_uvgrid_clear(pcl_uvgrid *grid) {
    pcl_free(grid->re);
    pcl_free(grid->im);
    *grid = (pcl_uvgrid){0};
}

static void zero_plane(const pcl_gridder *g, float *plane) {
    long nrow = (long)g->nrow;
#pragma omp parallel for schedule(static)
    for (long r = 0; r < nrow; r++)
        memset(plane + (size_t)r * g->stride, 0, g->stride * sizeof *plane);
}

void pcl_uvgrid_zero(const pcl_gridder *g, pcl_uvgrid *grid) {
    zero_plane(g, grid->re);
    if (grid->im)
        zero_plane(g, grid->im);
    grid->ncol = 0;
}

/* ---------------------------------------------------------------------------------------------- sorting into tiles */

enum { SLICE = 4096 }; /* samples summed together: the order of sums does not depend on the number of threads */

struct pcl_grid_scratch {
    size_t nmax, nchunk;
    pcl_grid_item *unsorted, *sorted; /* [nmax] */
    uint32_t *tile;                   /* [nmax] tile of unsorted[i], UINT32_MAX: not used */
    uint32_t *count;                  /* [nchunk][ntile] occurrences, then positions */
    uint32_t *start;                  /* [ntile + 1] */
    uint32_t *active;                 /* [ntile] tiles that hold samples */
    double *slice_weight;             /* [nslice] */
};

int pcl_grid_scratch_new(const pcl_gridder *g, size_t nmax, pcl_grid_scratch **out, pclean_err *err) {
    *out = NULL;
    pcl_grid_scratch *s = NULL;
    int rc = PCL_ZNEW(&s, 1, "gridding scratch", err);
    if (rc)
        return rc;
    size_t ntile = 4 * g->ntile_colour;
    s->nmax = nmax;
    s->nchunk = (size_t)omp_get_max_threads();
    if ((rc = PCL_NEW(&s->unsorted, nmax, "gridding scratch", err)) ||
        (rc = PCL_NEW(&s->sorted, nmax, "gridding scratch", err)) || (rc = PCL_NEW(&s->tile, nmax, "gridding scratch", err)) ||
        (rc = PCL_NEW(&s->count, s->nchunk * ntile, "gridding scratch", err)) ||
        (rc = PCL_NEW(&s->start, ntile + 1, "gridding scratch", err)) ||
        (rc = PCL_NEW(&s->active, ntile, "gridding scratch", err)) ||
        (rc = PCL_NEW(&s->slice_weight, nmax / SLICE + 1, "gridding scratch", err))) {
        pcl_grid_scratch_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void pcl_grid_scratch_free(pcl_grid_scratch *s) {
    if (!s)
        return;
    pcl_free(s->unsorted);
    pcl_free(s->sorted);
    pcl_free(s->tile);
    pcl_free(s->count);
    pcl_free(s->start);
    pcl_free(s->active);
    pcl_free(s->slice_weight);
    pcl_free(s);
}

/* Where samples [from, to) fall: fills unsorted, tile and this chunk's histogram. */
static void locate(const pcl_gridder *g, const pcl_samples *in, bool use_weight, size_t from, size_t to, pcl_grid_scratch *s,
                   uint32_t *count, pcl_grid_count *total) {
    const double du = g->p.cellx_rad, dv = g->p.celly_rad, half = 0.5 * g->fn.support;
    const double column0 = PAD_U - half, row0 = (double)(PAD_V + g->ngy / 2) - half;
    for (size_t slice = from / SLICE; slice * SLICE < to; slice++) {
        double weight = 0;
        size_t end = (slice + 1) * SLICE < to ? (slice + 1) * SLICE : to;
        for (size_t i = slice * SLICE; i < end; i++) {
            s->tile[i] = UINT32_MAX;
            float w = use_weight ? in->weight[i] : 1;
            if (!(w > 0))
                continue;
            double u = in->u[i] * du, v = -in->v[i] * dv;
            if (!(fabs(u) < 0.5 && fabs(v) < 0.5)) {
                total->outside++;
                continue;
            }
            float sign = u < 0 ? -1.0f : 1.0f;
            double x = fabs(u) * (double)g->ngx + column0, y = (u < 0 ? -v : v) * (double)g->ngy + row0;
            double column = ceil(x), row = ceil(y);
            size_t c = (size_t)column, r = (size_t)row;
            pcl_grid_item *it = &s->unsorted[i];
            it->cell = (uint32_t)(r * g->stride + c);
            it->index = (uint32_t)i;
            it->dx = (float)(2 * (column - x) - 1);
            it->dy = (float)(2 * (row - y) - 1);
            it->weight = w;
            it->sign = sign;
            if (use_weight) {
                it->re = in->vis[2 * i];
                it->im = sign * in->vis[2 * i + 1];
            }
            size_t tu = c >> g->tile_shift, tv = r >> g->tile_shift, colour = (tv & 1) * 2 + (tu & 1);
            uint32_t tile = (uint32_t)(colour * g->ntile_colour + (tv >> 1) * g->ntile_u + (tu >> 1));
            s->tile[i] = tile;
            count[tile]++;
            weight += (double)w;
            total->used++;
        }
        s->slice_weight[slice] = weight;
    }
}

/* Stable counting sort of a batch by tile; chunks of whole slices are located and moved in parallel. Because the sort is
 * stable the result does not depend on the number of chunks. */
static void sort_samples(const pcl_gridder *g, pcl_grid_scratch *s, const pcl_samples *in, bool use_weight,
                         pcl_grid_count *total) {
    size_t ntile = 4 * g->ntile_colour, nslice = (in->n + SLICE - 1) / SLICE, nchunk = s->nchunk;
    uint64_t used = 0, outside = 0;
#pragma omp parallel for schedule(static, 1) reduction(+ : used, outside)
    for (size_t k = 0; k < nchunk; k++) {
        uint32_t *count = s->count + k * ntile;
        memset(count, 0, ntile * sizeof *count);
        size_t from = nslice * k / nchunk * SLICE, to = nslice * (k + 1) / nchunk * SLICE;
        pcl_grid_count part = {0};
        locate(g, in, use_weight, from, to < in->n ? to : in->n, s, count, &part);
        used += part.used;
        outside += part.outside;
    }
    uint32_t at = 0;
    for (size_t t = 0; t < ntile; t++) {
        s->start[t] = at;
        for (size_t k = 0; k < nchunk; k++) {
            uint32_t n = s->count[k * ntile + t];
            s->count[k * ntile + t] = at;
            at += n;
        }
    }
    s->start[ntile] = at;
#pragma omp parallel for schedule(static, 1)
    for (size_t k = 0; k < nchunk; k++) {
        uint32_t *to_place = s->count + k * ntile;
        size_t from = nslice * k / nchunk * SLICE, to = nslice * (k + 1) / nchunk * SLICE;
        for (size_t i = from; i < to && i < in->n; i++)
            if (s->tile[i] != UINT32_MAX)
                s->sorted[to_place[s->tile[i]]++] = s->unsorted[i];
    }
    if (total) {
        total->used += used;
        total->outside += outside;
        for (size_t k = 0; k < nslice; k++)
            total->sumwt += s->slice_weight[k];
    }
}

/* Tiles of one colour that hold samples; returns how many. */
static size_t active_tiles(const pcl_gridder *g, pcl_grid_scratch *s, size_t colour) {
    size_t n = 0;
    for (size_t t = colour * g->ntile_colour; t < (colour + 1) * g->ntile_colour; t++)
        if (s->start[t + 1] > s->start[t])
            s->active[n++] = (uint32_t)t;
    return n;
}

/* One past the last column (u index) that the batch can touch. */
static size_t columns_touched(const pcl_gridder *g, const pcl_grid_scratch *s) {
    size_t last = 0;
    for (size_t t = 0; t < 4 * g->ntile_colour; t++)
        if (s->start[t + 1] > s->start[t]) {
            size_t tu = t % g->ntile_colour % g->ntile_u * 2 + (t / g->ntile_colour & 1);
            if (tu > last)
                last = tu;
        }
    size_t end = ((last + 1) << g->tile_shift) + PCL_GRIDFN_TAPS; /* stored column */
    end = end > PAD_U ? end - PAD_U : 1;
    return end > g->ngx / 2 + 1 ? g->ngx / 2 + 1 : end;
}

void pcl_grid_add(const pcl_gridder *g, pcl_grid_scratch *s, const pcl_samples *samples, const pcl_uvgrid *model,
                  pcl_uvgrid *vis, pcl_uvgrid *psf, pcl_grid_count *count) {
    sort_samples(g, s, samples, true, count);
    size_t ncol = columns_touched(g, s);
    if (vis && ncol > vis->ncol)
        vis->ncol = ncol;
    if (psf && ncol > psf->ncol)
        psf->ncol = ncol;
    const pcl_grid_target target = {.stride = g->stride,
                                    .re = vis ? vis->re : NULL,
                                    .im = vis ? vis->im : NULL,
                                    .psf = psf ? psf->re : NULL,
                                    .model_re = model ? model->re : NULL,
                                    .model_im = model ? model->im : NULL};
    for (size_t colour = 0; colour < 4; colour++) {
        size_t n = active_tiles(g, s, colour);
#pragma omp parallel for schedule(dynamic, 1)
        for (size_t k = 0; k < n; k++) {
            uint32_t t = s->active[k];
            g->kernel.add(&g->fn, s->sorted + s->start[t], s->start[t + 1] - s->start[t], &target);
        }
    }
}

void pcl_grid_predict(const pcl_gridder *g, pcl_grid_scratch *s, const pcl_samples *samples, const pcl_uvgrid *model,
                      float *vis) {
    sort_samples(g, s, samples, false, NULL);
    memset(vis, 0, 2 * samples->n * sizeof *vis);
    const pcl_grid_target target = {.stride = g->stride, .model_re = model->re, .model_im = model->im};
    for (size_t colour = 0; colour < 4; colour++) {
        size_t n = active_tiles(g, s, colour);
#pragma omp parallel for schedule(dynamic, 1)
        for (size_t k = 0; k < n; k++) {
            uint32_t t = s->active[k];
            g->kernel.predict(&g->fn, s->sorted + s->start[t], s->start[t + 1] - s->start[t], &target, vis);
        }
    }
}

/* ---------------------------------------------------------------------------------------- folding the padding home */

/* Stored row of -v for the stored row of v (v = -ngy/2 is its own mirror: they differ by ngy). */
static size_t mirror_row(const pcl_gridder *g, size_t r) {
    size_t i = r - PAD_V;
    return i == 0 ? r : PAD_V + g->ngy - i;
}

static void fold_rows(const pcl_gridder *g, float *plane) {
    for (size_t r = 0; r < PAD_V; r++) {
        float *low = plane + r * g->stride, *high = plane + (g->ngy + PAD_V + r) * g->stride;
        float *low_home = low + g->ngy * g->stride, *high_home = high - g->ngy * g->stride;
        for (size_t c = 0; c < g->stride; c++) {
            low_home[c] += low[c];
            high_home[c] += high[c];
        }
    }
}

/* Columns beyond u = 0 and beyond the Nyquist frequency are conjugate mirrors of columns inside; the two columns
 * themselves become Hermitian in v. sign = +1 for the real part, -1 for the imaginary part. Afterwards the grid is
 * twice the Hermitian part of what was gridded. */
static void fold_columns(const pcl_gridder *g, float *plane, float sign) {
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
static void unfold(const pcl_gridder *g, float *plane, float sign) {
    for (size_t r = PAD_V; r < PAD_V + g->ngy; r++) {
        float *row = plane + r * g->stride + PAD_U, *other = plane + mirror_row(g, r) * g->stride + PAD_U;
        for (size_t k = 1; k < PCL_GRIDFN_TAPS; k++) {
            row[-(long)k] = sign * other[k];
            row[g->ngx / 2 + k] = sign * other[g->ngx / 2 - k];
        }
    }
    for (size_t r = 0; r < PAD_V; r++) {
        memcpy(plane + r * g->stride, plane + (r + g->ngy) * g->stride, g->stride * sizeof *plane);
        memcpy(plane + (g->ngy + PAD_V + r) * g->stride, plane + (PAD_V + r) * g->stride, g->stride * sizeof *plane);
    }
}

/* ------------------------------------------------------------------------------------------------------ transforms */

typedef struct fft_buffers {
    size_t n;
    fftwf_complex *column, *row; /* [n][ngy * BLOCK], [n][ngx / 2 + 1 rounded up] */
    float *real;                 /* [n][ngx rounded up] */
    size_t ncolumn, nrow, nreal;
} fft_buffers;

static int buffers_new(const pcl_gridder *g, fft_buffers *b, pclean_err *err) {
    *b = (fft_buffers){.n = (size_t)omp_get_max_threads(),
                       .ncolumn = g->ngy * BLOCK,
                       .nrow = (g->ngx / 2 + 1 + 15) / 16 * 16,
                       .nreal = (g->ngx + 15) / 16 * 16};
    int rc;
    if ((rc = PCL_NEW(&b->column, b->n * b->ncolumn, "FFT buffer", err)) ||
        (rc = PCL_NEW(&b->row, b->n * b->nrow, "FFT buffer", err)))
        return rc;
    return PCL_NEW(&b->real, b->n * b->nreal, "FFT buffer", err);
}

static void buffers_clear(fft_buffers *b) {
    pcl_free(b->column);
    pcl_free(b->row);
    pcl_free(b->real);
}

/* Index of pixel i - n/2 in a transform of size ngrid. */
static size_t wrapped(size_t i, size_t n, size_t ngrid) {
    size_t centre = n / 2;
    return i >= centre ? i - centre : ngrid - (centre - i);
}

/* v -> y, in place: rows [0, nout) of the stored planes afterwards hold y = first ... first + nout - 1 (pixels from the
 * centre). A real grid has no imaginary plane: its result's imaginary part goes to rows [nout, 2 nout) of the same. */
static void columns_to_image(const pcl_gridder *g, pcl_uvgrid *grid, fft_buffers *b, long first, size_t nout) {
    float *im_out = grid->im ? grid->im : grid->re + nout * g->stride;
    long nblock = (long)((grid->ncol + BLOCK - 1) / BLOCK);
#pragma omp parallel for schedule(dynamic, 1)
    for (long k = 0; k < nblock; k++) {
        fftwf_complex *buf = b->column + (size_t)omp_get_thread_num() * b->ncolumn;
        size_t c0 = PAD_U + (size_t)k * BLOCK;
        for (size_t i = 0; i < g->ngy; i++) {
            size_t at = (PAD_V + (i < g->ngy / 2 ? i + g->ngy / 2 : i - g->ngy / 2)) * g->stride + c0;
            pcl_interleave(BLOCK, grid->re + at, grid->im ? grid->im + at : NULL, (float *)(buf + i * BLOCK));
        }
        fftwf_execute_dft(g->column_back, buf, buf);
        for (size_t j = 0; j < nout; j++) {
            long y = first + (long)j;
            size_t i = y >= 0 ? (size_t)y : g->ngy - (size_t)-y;
            pcl_deinterleave(BLOCK, (const float *)(buf + i * BLOCK), grid->re + j * g->stride + c0, im_out + j * g->stride + c0);
        }
    }
}

/* u -> x for stored row j; the result is in real, index x mod ngx. */
static void row_to_image(const pcl_gridder *g, const float *re, const float *im, size_t ncol, fftwf_complex *row, float *real) {
    pcl_interleave(ncol, re, im, (float *)row);
    memset(row + ncol, 0, (g->ngx / 2 + 1 - ncol) * sizeof *row);
    fftwf_execute_dft_c2r(g->row_back, row, real);
}

int pcl_grid_to_image(const pcl_gridder *g, pcl_uvgrid *grid, float scale, float *image, pclean_err *err) {
    const size_t nx = g->p.nx, ny = g->p.ny;
    const bool real = !grid->im;
    fft_buffers b;
    int rc = buffers_new(g, &b, err);
    if (rc)
        goto done;
    fold_rows(g, grid->re);
    fold_columns(g, grid->re, 1);
    if (!real) {
        fold_rows(g, grid->im);
        fold_columns(g, grid->im, -1);
    }
    /* The image of a real grid is even, I(-x, -y) = I(x, y): rows y >= 0 are enough. */
    const long first = real ? 0 : -(long)(ny / 2);
    const size_t nout = real ? ny / 2 + 1 : ny;
    columns_to_image(g, grid, &b, first, nout);
    const float *re = grid->re + PAD_U, *im = (real ? grid->re + nout * g->stride : grid->im) + PAD_U;
    const float half = 0.5f * scale;
#pragma omp parallel for schedule(static)
    for (size_t j = 0; j < nout; j++) {
        size_t thread = (size_t)omp_get_thread_num();
        float *line = b.real + thread * b.nreal;
        row_to_image(g, re + j * g->stride, im + j * g->stride, grid->ncol, b.row + thread * b.nrow, line);
        size_t y = (size_t)((long)(ny / 2) + first + (long)j);
        if (y < ny)
            for (size_t x = 0; x < nx; x++)
                image[y * nx + x] = half * g->hy[y] * g->hx[x] * line[wrapped(x, nx, g->ngx)];
        if (real && j > 0 && j <= ny / 2) {
            y = ny / 2 - j;
            for (size_t x = 0; x < nx; x++) {
                size_t i = wrapped(x, nx, g->ngx);
                image[y * nx + x] = half * g->hy[y] * g->hx[x] * line[i ? g->ngx - i : 0];
            }
        }
    }
    grid->ncol = 0;
done:
    buffers_clear(&b);
    return rc;
}

static bool all_zero(const float *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

int pcl_grid_from_image(const pcl_gridder *g, const float *image, double umax_lambda, pcl_uvgrid *grid, pclean_err *err) {
    const size_t nx = g->p.nx, ny = g->p.ny;
    double reach = ceil(umax_lambda * g->p.cellx_rad * (double)g->ngx) + PCL_GRIDFN_TAPS;
    const size_t ncol = reach < (double)(g->ngx / 2) ? (size_t)reach + 1 : g->ngx / 2 + 1;
    grid->ncol = ncol;
    fft_buffers b;
    int rc = buffers_new(g, &b, err);
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
            line[wrapped(x, nx, g->ngx)] = pixels[x] * g->hy[y] * g->hx[x];
        fftwf_execute_dft_r2c(g->row_forth, line, row);
        pcl_deinterleave(ncol, (const float *)row, re, im);
    }
    const long nblock = (long)((ncol + BLOCK - 1) / BLOCK);
#pragma omp parallel for schedule(dynamic, 1)
    for (long k = 0; k < nblock; k++) {
        fftwf_complex *buf = b.column + (size_t)omp_get_thread_num() * b.ncolumn;
        size_t c0 = PAD_U + (size_t)k * BLOCK;
        memset(buf, 0, b.ncolumn * sizeof *buf);
        for (size_t y = 0; y < ny; y++) {
            size_t at = y * g->stride + c0;
            pcl_interleave(BLOCK, grid->re + at, grid->im + at, (float *)(buf + wrapped(y, ny, g->ngy) * BLOCK));
        }
        fftwf_execute_dft(g->column_forth, buf, buf);
        for (size_t i = 0; i < g->ngy; i++) {
            size_t at = (PAD_V + (i < g->ngy / 2 ? i + g->ngy / 2 : i - g->ngy / 2)) * g->stride + c0;
            pcl_deinterleave(BLOCK, (const float *)(buf + i * BLOCK), grid->re + at, grid->im + at);
        }
    }
    unfold(g, grid->re, 1);
    unfold(g, grid->im, -1);
done:
    buffers_clear(&b);
    return rc;
}
