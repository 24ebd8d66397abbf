#include "core/grid/grid.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/grid/grid_private.h"
#include "core/grid/place.h"

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

/* FFTW ends the process where it gets no memory. A plan takes some 10 KiB: whether there is more
 * than that can be asked for before. */
static int check_memory(pclean_err *err) {
    void *some = malloc((size_t)1 << 20);
    const bool there = some != NULL;
    free(some);
    return there ? 0 : PCL_FAIL(err, PCLEAN_ENOMEM, "out of memory: 1 MiB for FFTW");
}

static int make_plans(pcl_grid *g, pclean_err *err) {
    fftwf_complex *c = NULL;
    float *r = NULL;
    int rc = PCL_NEW(&c, g->ngy > g->ngx ? g->ngy : g->ngx, "FFT planning buffer", err);
    if (!rc)
        rc = PCL_NEW(&r, g->ngx, "FFT planning buffer", err);
    if (!rc)
        rc = check_memory(err);
    if (!rc) {
        int ny = (int)g->ngy, nx = (int)g->ngx;
#pragma omp critical(fftw_planner)
        {
            g->column_back = fftwf_plan_dft_1d(ny, c, c, FFTW_BACKWARD, FFTW_ESTIMATE);
            g->column_forth = fftwf_plan_dft_1d(ny, c, c, FFTW_FORWARD, FFTW_ESTIMATE);
            if (g->w) {
                g->full_back = fftwf_plan_dft_1d(nx, c, c, FFTW_BACKWARD, FFTW_ESTIMATE);
                g->full_forth = fftwf_plan_dft_1d(nx, c, c, FFTW_FORWARD, FFTW_ESTIMATE);
            } else {
                g->row_back = fftwf_plan_dft_c2r_1d(nx, c, r, FFTW_ESTIMATE);
                g->row_forth = fftwf_plan_dft_r2c_1d(nx, r, c, FFTW_ESTIMATE);
            }
        }
        if (!g->column_back || !g->column_forth ||
            !(g->w ? g->full_back && g->full_forth : g->row_back && g->row_forth))
            rc = PCL_FAIL(err, PCLEAN_ENOMEM, "FFTW could not plan transforms of %zu x %zu", g->ngx,
                          g->ngy);
    }
    pcl_free(r);
    pcl_free(c);
    return rc;
}

/* Kernel and sizes: everything that needs no memory. */
static int lay_out(pcl_grid *g, const pcl_grid_params *params, pclean_err *err) {
    g->p = *params;
    g->w = params->wmax_lambda > 0;
    /* with w there are more transforms for each sample's visit to a plane, and w has its own share
     * of the error */
    if (params->kernel < 0)
        pcl_gridfn_choose((g->w ? 0.8 : 1) * params->accuracy,
                          (g->w ? 3 : 1) * (double)params->nx * (double)params->ny, params->nvis,
                          &g->fn);
    else if (!pcl_gridfn_get((size_t)params->kernel, &g->fn))
        return PCL_FAIL(err, PCLEAN_EBUG, "no gridding kernel %d", params->kernel);
    g->kernel = pcl_grid_kernel_for(g->fn.support);
    size_t least = 2 * PCL_GRIDFN_TAPS; /* a footprint must not wrap onto itself */
    size_t wx = (size_t)ceil(g->fn.sigma * (double)params->nx),
           wy = (size_t)ceil(g->fn.sigma * (double)params->ny);
    g->ngx = good_size(wx < least ? least : wx);
    g->ngy = good_size(wy < least ? least : wy);
    g->nrow = g->ngy + 2 * PAD_V;
    g->column0 = g->w ? PAD_U + g->ngx / 2 : PAD_U;
    g->stride = (PAD_U + (g->w ? g->ngx : g->ngx / 2 + 1) + PAD_U + 15) / 16 * 16;
    if (g->stride % 256 == 0)
        g->stride += 16; /* rows a multiple of 1 KiB apart would share cache sets */
    if (g->nrow * g->stride > UINT32_MAX)
        return PCL_FAIL(
            err, PCLEAN_EPARAM,
            "imsize %zu x %zu needs a uv grid of %zu x %zu cells, more than 2^32; make it smaller",
            params->nx, params->ny, g->nrow, g->stride);
    g->tile_shift = 4;
    while ((g->nrow >> g->tile_shift) * (g->stride >> g->tile_shift) > 16384)
        g->tile_shift++;
    g->ntile_u = ((g->stride >> g->tile_shift) + 2) / 2;
    g->ntile_v = ((g->nrow >> g->tile_shift) + 2) / 2;
    g->ntile_colour = g->ntile_u * g->ntile_v;
    return 0;
}

int pcl_grid_new(const pcl_grid_params *params, pcl_grid **out, pclean_err *err) {
    *out = NULL;
    pcl_grid *g = NULL;
    int rc = PCL_ZNEW(&g, 1, "gridder", err);
    if (rc)
        return rc;
    if ((rc = lay_out(g, params, err)))
        goto done;
    if ((rc = PCL_NEW(&g->hx, params->nx, "grid correction", err)) ||
        (rc = PCL_NEW(&g->hy, params->ny, "grid correction", err)))
        goto done;
    pcl_gridfn_correction(&g->fn, params->nx, g->ngx, g->hx);
    pcl_gridfn_correction(&g->fn, params->ny, g->ngy, g->hy);
    if (!(rc = make_plans(g, err)) && g->w)
        rc = pcl_wplan_init(g, err);
done:
    if (rc) {
        pcl_grid_free(g);
        return rc;
    }
    *out = g;
    return 0;
}

void pcl_grid_free(pcl_grid *g) {
    if (!g)
        return;
    fftwf_plan plan[] = {g->column_back, g->column_forth, g->row_back,
                         g->row_forth,   g->full_back,    g->full_forth};
#pragma omp critical(fftw_planner)
    for (size_t i = 0; i < sizeof plan / sizeof *plan; i++)
        if (plan[i])
            fftwf_destroy_plan(plan[i]);
    pcl_wplan_clear(&g->wp);
    pcl_free(g->hx);
    pcl_free(g->hy);
    pcl_free(g);
}

const pcl_gridfn *pcl_grid_function(const pcl_grid *g) {
    return &g->fn;
}

void pcl_grid_size(const pcl_grid *g, size_t *ngx, size_t *ngy) {
    *ngx = g->ngx;
    *ngy = g->ngy;
}

size_t pcl_grid_plane_bytes(const pcl_grid *g) {
    return g->nrow * g->stride * sizeof(float);
}

int pcl_uvgrid_new(const pcl_grid *g, bool real, pcl_uvgrid *out, pclean_err *err) {
    const size_t n = g->nrow * g->stride;
    *out = (pcl_uvgrid){0};
    int rc = PCL_ZNEW(&out->re, real ? n : 2 * n, "uv grid", err);
    if (!rc && !real)
        out->im = out->re + n;
    return rc;
}

size_t pcl_uvgrid_nfloat(const pcl_grid *g, const pcl_uvgrid *grid) {
    return (grid->im ? 2 : 1) * g->nrow * g->stride;
}

void pcl_uvgrid_clear(pcl_uvgrid *grid) {
    pcl_free(grid->re);
    *grid = (pcl_uvgrid){0};
}

static void zero_plane(const pcl_grid *g, float *plane) {
    long nrow = (long)g->nrow;
#pragma omp parallel for schedule(static)
    for (long r = 0; r < nrow; r++)
        memset(plane + (size_t)r * g->stride, 0, g->stride * sizeof *plane);
}

void pcl_uvgrid_zero(const pcl_grid *g, pcl_uvgrid *grid) {
    zero_plane(g, grid->re);
    if (grid->im)
        zero_plane(g, grid->im);
    grid->ncol = 0;
}

/* ---- sorting into tiles ---- */

enum {
    SLICE = 4096
}; /* samples summed together: the order of sums does not depend on the
    * number of threads */

struct pcl_grid_scratch {
    size_t nmax, nchunk;
    pcl_grid_item *sorted; /* [nmax] */
    uint32_t *tile;        /* [nmax] of each sample */
    uint32_t *count;       /* [nchunk][ntile] occurrences, then positions */
    uint32_t *start;       /* [ntile + 1] */
    uint32_t *active;      /* [ntile] tiles that hold samples */
    double *slice_weight;  /* [nslice] */
    float *predicted;      /* [nmax][2], with w only */
};

int pcl_grid_scratch_new(const pcl_grid *g, size_t nmax, pcl_grid_scratch **out, pclean_err *err) {
    *out = NULL;
    pcl_grid_scratch *s = NULL;
    int rc = PCL_ZNEW(&s, 1, "gridding scratch", err);
    if (rc)
        return rc;
    size_t ntile = 4 * g->ntile_colour;
    s->nmax = nmax;
    s->nchunk = (size_t)omp_get_max_threads();
    if ((rc = PCL_NEW(&s->sorted, nmax, "gridding scratch", err)) ||
        (rc = PCL_NEW(&s->tile, nmax, "gridding scratch", err)) ||
        (rc = PCL_NEW(&s->count, s->nchunk * ntile, "gridding scratch", err)) ||
        (rc = PCL_NEW(&s->start, ntile + 1, "gridding scratch", err)) ||
        (rc = PCL_NEW(&s->active, ntile, "gridding scratch", err)) ||
        (rc = PCL_NEW(&s->slice_weight, nmax / SLICE + 1, "gridding scratch", err)) ||
        (g->w && (rc = PCL_NEW(&s->predicted, 2 * nmax, "gridding scratch", err)))) {
        pcl_grid_scratch_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

int pcl_grid_count_bytes(const pcl_grid_params *params, size_t nmax, size_t nthread,
                         pcl_grid_bytes *out, pclean_err *err) {
    pcl_grid g = {0};
    *out = (pcl_grid_bytes){0};
    int rc = lay_out(&g, params, err);
    if (rc)
        return rc;
    const size_t ntile = 4 * g.ntile_colour;
    out->plane = pcl_grid_plane_bytes(&g);
    out->scratch =
        sizeof(pcl_grid_scratch) +
        nmax * (sizeof(pcl_grid_item) + sizeof(uint32_t) + (g.w ? 2 * sizeof(float) : 0)) +
        ((nthread + 2) * ntile + 1) * sizeof(uint32_t) + (nmax / SLICE + 1) * sizeof(double);
    out->fft = pcl_fft_buffers_bytes(&g, nthread);
    out->tables =
        sizeof g +
        (params->nx + params->ny) * (g.w ? sizeof(float) + sizeof(double) : sizeof(float)) +
        (g.w ? (WTABLE + 2) * sizeof(float) : 0);
    return 0;
}

void pcl_grid_scratch_free(pcl_grid_scratch *s) {
    if (!s)
        return;
    pcl_free(s->sorted);
    pcl_free(s->tile);
    pcl_free(s->count);
    pcl_free(s->start);
    pcl_free(s->active);
    pcl_free(s->slice_weight);
    pcl_free(s->predicted);
    pcl_free(s);
}

/* What is asked of the samples: their values for gridding, or only their places for prediction;
 * with w, on one plane, where a sample is seen at |w| and, if that is small, once more at -|w|. */
typedef struct request {
    bool values;
    size_t iplane;
    bool below;
} request;

static pcl_grid_place place_for(const pcl_grid *g, const request *q) {
    const double half = 0.5 * g->fn.support;
    pcl_grid_place p = {.u_cells = g->p.cellx_rad * (double)g->ngx,
                        .v_cells = g->p.celly_rad * (double)g->ngy,
                        .u_most = 0.5 * (double)g->ngx,
                        .v_most = 0.5 * (double)g->ngy,
                        .column0 = (double)g->column0 - half,
                        .row0 = (double)(PAD_V + g->ngy / 2) - half,
                        .stride = (uint32_t)g->stride,
                        .ntile_u = (uint32_t)g->ntile_u,
                        .ntile_colour = (uint32_t)g->ntile_colour,
                        .tile_shift = (unsigned)g->tile_shift,
                        .below = q->below};
    if (g->w) {
        p.w_even = g->wp.fn.even;
        p.w_plane = pcl_wplan_w(&g->wp, q->iplane);
        p.per_reach = 2 / (g->wp.dw * g->wp.fn.support);
        p.nshift = g->wp.nshift;
    }
    return p;
}

/* With w a sample comes to several planes: it is counted on the one nearest to it. */
static inline bool counts_here(const pcl_grid *g, const pcl_samples *in, const request *q,
                               double per_dw, size_t i) {
    return !g->w || (!q->below && (size_t)(fabs(in->w[i]) * per_dw + 0.5) == q->iplane);
}

/* Samples [from, to), which are one slice: adds those gridded to *used, returns their weight. */
static double count_slice(const pcl_grid *g, const pcl_samples *in, const request *q, size_t from,
                          size_t to, const uint32_t *tile, uint64_t *used) {
    const double per_dw = g->w ? 1 / g->wp.dw : 0;
    double sum = 0;
    for (size_t i = from; i < to; i++) {
        const float w = in->weight[i];
        if (!(w > 0) || !counts_here(g, in, q, per_dw, i))
            continue;
        const bool has_tile = tile[i] != PCL_NO_TILE;
        *used += has_tile;
        sum += has_tile ? (double)w : 0;
    }
    return sum;
}

/* The item of a sample. With w the kernel's weight and phase are multiplied in: weight and sign
 * carry the complex value of the PSF. */
static inline void fill_item(const pcl_samples *in, bool values, bool w, size_t i,
                             const pcl_grid_placed *at, size_t k, pcl_grid_item *it) {
    it->cell = at->cell[k];
    it->index = (uint32_t)i;
    it->dx = at->dx[k];
    it->dy = at->dy[k];
    it->sign = at->sign[k];
    if (!values) {
        it->re = w ? at->k_re[k] : 0;
        it->im = w ? at->k_im[k] : 0;
        it->weight = 1;
        return;
    }
    const float weight = in->weight[i], re = in->vis[2 * i], im = at->sign[k] * in->vis[2 * i + 1];
    if (w) {
        const float kr = weight * at->k_re[k], ki = weight * at->k_im[k];
        it->re = re * kr - im * ki;
        it->im = re * ki + im * kr;
        it->weight = kr;
        it->sign = ki;
    } else {
        it->re = re;
        it->im = im;
        it->weight = weight;
    }
}

/* Stable counting sort of a batch by tile; chunks of whole slices are placed and moved in parallel.
 * Because the sort is stable the result does not depend on the number of chunks. */
static void sort_samples(const pcl_grid *g, pcl_grid_scratch *s, const pcl_samples *in,
                         const request *q, pcl_grid_count *total) {
    const size_t ntile = 4 * g->ntile_colour, nslice = (in->n + SLICE - 1) / SLICE,
                 nchunk = s->nchunk;
    const pcl_grid_place place = place_for(g, q);
    uint64_t used = 0;
#pragma omp parallel for schedule(static, 1) reduction(+ : used)
    for (size_t k = 0; k < nchunk; k++) {
        uint32_t *count = s->count + k * ntile;
        memset(count, 0, ntile * sizeof *count);
        for (size_t slice = nslice * k / nchunk; slice < nslice * (k + 1) / nchunk; slice++) {
            const size_t from = slice * SLICE, to = from + SLICE < in->n ? from + SLICE : in->n;
            pcl_grid_place_tiles(&place, to - from, in->u + from, in->v + from,
                                 g->w ? in->w + from : NULL, q->values ? in->weight + from : NULL,
                                 s->tile + from);
            for (size_t i = from; i < to; i++)
                if (s->tile[i] != PCL_NO_TILE)
                    count[s->tile[i]]++;
            if (total)
                s->slice_weight[slice] = count_slice(g, in, q, from, to, s->tile, &used);
        }
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
        const size_t end =
            nslice * (k + 1) / nchunk * SLICE < in->n ? nslice * (k + 1) / nchunk * SLICE : in->n;
        pcl_grid_placed placed;
        for (size_t from = nslice * k / nchunk * SLICE; from < end; from += PCL_PLACE_BLOCK) {
            const size_t n = from + PCL_PLACE_BLOCK < end ? PCL_PLACE_BLOCK : end - from;
            pcl_grid_place_cells(&place, n, in->u + from, in->v + from, g->w ? in->w + from : NULL,
                                 &placed);
            for (size_t i = 0; i < n; i++)
                if (s->tile[from + i] != PCL_NO_TILE)
                    fill_item(in, q->values, g->w, from + i, &placed, i,
                              &s->sorted[to_place[s->tile[from + i]]++]);
        }
    }
    if (total) {
        total->used += used;
        for (size_t k = 0; k < nslice; k++)
            total->sumwt += s->slice_weight[k];
    }
}

/* Tiles of one colour that hold samples; returns how many. */
static size_t active_tiles(const pcl_grid *g, pcl_grid_scratch *s, size_t colour) {
    size_t n = 0;
    for (size_t t = colour * g->ntile_colour; t < (colour + 1) * g->ntile_colour; t++)
        if (s->start[t + 1] > s->start[t])
            s->active[n++] = (uint32_t)t;
    return n;
}

/* Columns from u = 0 on, or with w on both sides of it, that the batch can touch. */
static size_t columns_touched(const pcl_grid *g, const pcl_grid_scratch *s) {
    size_t first = SIZE_MAX, last = 0;
    for (size_t t = 0; t < 4 * g->ntile_colour; t++)
        if (s->start[t + 1] > s->start[t]) {
            const size_t tu = t % g->ntile_colour % g->ntile_u * 2 + (t / g->ntile_colour & 1);
            last = tu > last ? tu : last;
            first = tu < first ? tu : first;
        }
    if (first == SIZE_MAX)
        return 0;
    const size_t begin = first << g->tile_shift,
                 end = ((last + 1) << g->tile_shift) + PCL_GRIDFN_TAPS, zero = g->column0;
    const size_t above = end > zero ? end - zero : 1,
                 below = g->w && begin < zero ? zero - begin : 0;
    const size_t n = above > below ? above : below, most = g->w ? g->ngx / 2 : g->ngx / 2 + 1;
    return n < most ? n : most;
}

/* Runs one kernel function over the sorted samples, tile by tile: colours one after the other, the
 * tiles of a colour in parallel. */
static void for_each_tile(const pcl_grid *g, pcl_grid_scratch *s, const pcl_grid_target *target,
                          float *predicted) {
    for (size_t colour = 0; colour < 4; colour++) {
        size_t n = active_tiles(g, s, colour);
#pragma omp parallel for schedule(dynamic, 1)
        for (size_t k = 0; k < n; k++) {
            const uint32_t t = s->active[k];
            const pcl_grid_item *item = s->sorted + s->start[t];
            const size_t nitem = s->start[t + 1] - s->start[t];
            if (predicted)
                g->kernel.predict(&g->fn, item, nitem, target, predicted);
            else if (g->w)
                g->kernel.add_w(&g->fn, item, nitem, target);
            else
                g->kernel.add(&g->fn, item, nitem, target);
        }
    }
}

/* The grids that samples are added to, and the one they are predicted from; each may be NULL. */
typedef struct grids {
    const pcl_uvgrid *model;
    pcl_uvgrid *vis, *psf;
} grids;

static void add_samples(const pcl_grid *g, pcl_grid_scratch *s, const pcl_samples *samples,
                        const request *q, const grids *to, pcl_grid_count *count) {
    const pcl_uvgrid *model = to->model;
    pcl_uvgrid *vis = to->vis, *psf = to->psf;
    sort_samples(g, s, samples, q, count);
    const size_t ncol = columns_touched(g, s);
    if (vis && ncol > vis->ncol)
        vis->ncol = ncol;
    if (psf && ncol > psf->ncol)
        psf->ncol = ncol;
    const pcl_grid_target target = {.stride = g->stride,
                                    .re = vis ? vis->re : NULL,
                                    .im = vis ? vis->im : NULL,
                                    .psf = psf ? psf->re : NULL,
                                    .psf_im = psf ? psf->im : NULL,
                                    .model_re = model ? model->re : NULL,
                                    .model_im = model ? model->im : NULL};
    for_each_tile(g, s, &target, NULL);
}

void pcl_grid_count_outside(const pcl_grid *g, const pcl_samples *samples, size_t iplane,
                            pcl_grid_count *count) {
    const request q = {.iplane = iplane};
    const pcl_grid_place p = place_for(g, &q);
    const double per_dw = g->w ? 1 / g->wp.dw : 0;
    uint64_t outside = 0;
#pragma omp parallel for schedule(static) reduction(+ : outside)
    for (size_t i = 0; i < samples->n; i++) {
        const bool inside = (fabs(samples->u[i] * p.u_cells) < p.u_most) &
                            (fabs(samples->v[i] * p.v_cells) < p.v_most);
        outside += !inside && samples->weight[i] > 0 && counts_here(g, samples, &q, per_dw, i);
    }
    count->outside += outside;
}

void pcl_grid_add(const pcl_grid *g, pcl_grid_scratch *s, const pcl_samples *samples,
                  const pcl_uvgrid *model, pcl_uvgrid *vis, pcl_uvgrid *psf,
                  pcl_grid_count *count) {
    add_samples(g, s, samples, &(const request){.values = true}, &(const grids){model, vis, psf},
                count);
}

void pcl_grid_add_w(const pcl_grid *g, pcl_grid_scratch *s, const pcl_samples *samples,
                    size_t iplane, pcl_uvgrid *vis, pcl_uvgrid *psf, pcl_grid_count *count) {
    for (int below = 0; below <= pcl_wplan_reaches_below(&g->wp, iplane); below++)
        add_samples(g, s, samples,
                    &(const request){.values = true, .iplane = iplane, .below = below},
                    &(const grids){NULL, vis, psf}, count);
}

void pcl_grid_predict(const pcl_grid *g, pcl_grid_scratch *s, const pcl_samples *samples,
                      const pcl_uvgrid *model, float *vis) {
    sort_samples(g, s, samples, &(const request){.values = false}, NULL);
    memset(vis, 0, 2 * samples->n * sizeof *vis);
    const pcl_grid_target target = {
        .stride = g->stride, .model_re = model->re, .model_im = model->im};
    for_each_tile(g, s, &target, vis);
}

/* Adds the prediction of the samples seen as asked to vis. */
static void predict_seen(const pcl_grid *g, pcl_grid_scratch *s, const pcl_samples *samples,
                         const request *q, const pcl_uvgrid *model, float *vis) {
    sort_samples(g, s, samples, q, NULL);
    const pcl_grid_target target = {
        .stride = g->stride, .model_re = model->re, .model_im = model->im};
    const uint32_t nsorted = s->start[4 * g->ntile_colour];
    /* the kernel writes plain values; the w kernel's conjugate (this is the adjoint) weighs them */
    float *plain = s->predicted;
    for_each_tile(g, s, &target, plain);
#pragma omp parallel for schedule(static)
    for (uint32_t k = 0; k < nsorted; k++) {
        const pcl_grid_item *it = &s->sorted[k];
        const size_t i = it->index;
        /* as on the mirrored side */
        const float re = plain[2 * i], im = it->sign * plain[2 * i + 1];
        vis[2 * i] += it->re * re + it->im * im;
        vis[2 * i + 1] += it->sign * (it->re * im - it->im * re);
    }
}

void pcl_grid_predict_w(const pcl_grid *g, pcl_grid_scratch *s, const pcl_samples *samples,
                        size_t iplane, const pcl_uvgrid *model, float *vis) {
    for (int below = 0; below <= pcl_wplan_reaches_below(&g->wp, iplane); below++)
        predict_seen(g, s, samples, &(const request){.iplane = iplane, .below = below}, model, vis);
}
