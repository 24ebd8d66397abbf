/* wstack.c: w-stacking on the full uv plane (grid.h says how its functions are used together).
 *
 * With c = n - 1 - nshift, the image's range of n - 1 made symmetric about 0,
 *     exp(-2 pi i w (n - 1)) = exp(-2 pi i w nshift) exp(-2 pi i w c)
 * and gridding in w says: exp(-2 pi i w c) = h(dw c) sum_j C((w - w_j)/dw) exp(-2 pi i w_j c),
 * where |dw c| <= 1/(2 sigma) fixes the spacing of the planes. The phase of w nshift is split into
 * that of w_j, which makes the plane's screen exp(-2 pi i w_j (n - 1)), and that of w - w_j, which
 * is multiplied into the kernel (place.c). */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/mem.h"
#include "core/grid/grid_private.h"
#include "core/grid/gridder.h"

/* ---- the plan ---- */

/* The reach of the image in n - 1: half its range, and its middle. */
static void image_range(const pcl_grid_params *p, double *nmost, double *nshift) {
    const double l = (double)(p->nx / 2) * p->cellx_rad, m = (double)(p->ny / 2) * p->celly_rad;
    const double r2 = fmin(1, l * l + m * m);        /* pixel (0, 0) is the farthest from the
                                                      * centre */
    const double farthest = r2 / (1 + sqrt(1 - r2)); /* 1 - n */
    *nmost = fmax(0.5 * farthest, 1e-12);
    *nshift = -0.5 * farthest;
}

static double plane_spacing(const pcl_gridfn *w, double nmost) {
    return 0.5 / (w->sigma * nmost);
}

/* |w| runs from 0, and what belongs on a plane below 0 is mirrored to the one above. */
static size_t number_of_planes(const pcl_gridfn *w, double nmost, double wmax) {
    return (size_t)floor(wmax / plane_spacing(w, nmost) + 0.5 * w->support) + 1;
}

/* The cheapest kernel along w whose error, added to that of u and v, keeps to the accuracy. A
 * sample is placed once for each plane in reach and there touches support rows of the grid; a plane
 * costs two complex transforms. In ns, about, on the machine of docs/performance.md. */
static void choose_kernel(const pcl_grid *g, double nmost, pcl_gridfn *fn) {
    const double ngrid = (double)g->ngx * (double)g->ngy;
    double least = INFINITY;
    pcl_gridfn k;
    pcl_gridfn_choose(0, 1, 1, fn); /* the most accurate one, when none is accurate enough */
    for (size_t i = 0; pcl_gridfn_get(i, &k); i++) {
        /* a kernel's misfit is that of two directions; w is one */
        if (hypot(pcl_gridfn_error(&g->fn), sqrt(0.5) * pcl_gridfn_error(&k)) > g->p.accuracy)
            continue;
        const double planes = (double)number_of_planes(&k, nmost, g->p.wmax_lambda);
        const double cost = planes * ngrid * 8 + g->p.nvis * k.support * (20 + 2.5 * g->fn.support);
        if (cost < least) {
            least = cost;
            *fn = k;
        }
    }
}

static int fill_correction(pcl_wplan *wp, pclean_err *err) {
    int rc = PCL_NEW(&wp->correction, WTABLE + 2, "w correction", err);
    for (size_t i = 0; !rc && i < WTABLE + 2; i++)
        wp->correction[i] = (float)pcl_gridfn_correction_at(
            &wp->fn, (2.0 * (double)i / WTABLE - 1) * wp->nmost * wp->dw);
    return rc;
}

int pcl_wplan_init(pcl_grid *g, pclean_err *err) {
    pcl_wplan *wp = &g->wp;
    const size_t nx = g->p.nx, ny = g->p.ny;
    int rc;
    if ((rc = PCL_NEW(&wp->l2, nx, "w plan", err)) || (rc = PCL_NEW(&wp->m2, ny, "w plan", err)))
        return rc;
    for (size_t x = 0; x < nx; x++)
        wp->l2[x] = pow(((double)x - (double)(nx / 2)) * g->p.cellx_rad, 2);
    for (size_t y = 0; y < ny; y++)
        wp->m2[y] = pow(((double)y - (double)(ny / 2)) * g->p.celly_rad, 2);
    image_range(&g->p, &wp->nmost, &wp->nshift);
    choose_kernel(g, wp->nmost, &wp->fn);
    wp->dw = plane_spacing(&wp->fn, wp->nmost);
    wp->nplane = number_of_planes(&wp->fn, wp->nmost, g->p.wmax_lambda);
    return fill_correction(wp, err);
}

void pcl_wplan_clear(pcl_wplan *wp) {
    pcl_free(wp->correction);
    pcl_free(wp->l2);
    pcl_free(wp->m2);
}

size_t pcl_grid_nplane(const pcl_grid *g) {
    return g->w ? g->wp.nplane : 0;
}

void pcl_grid_plane_range(const pcl_grid *g, size_t iplane, double *low, double *high) {
    const double reach = 0.5 * g->wp.fn.support * g->wp.dw, w = pcl_wplan_w(&g->wp, iplane);
    *low = w - reach;
    *high = w + reach;
}

/* h(dw c) at a pixel, by its l^2 and m^2. */
static float correction(const pcl_wplan *wp, double l2, double m2) {
    const double r2 = l2 + m2;
    if (!(r2 < 1))
        return 0;
    const double c = -r2 / (1 + sqrt(1 - r2)) - wp->nshift,
                 at = (c / wp->nmost + 1) * (0.5 * WTABLE);
    const size_t i = at > 0 ? (size_t)at : 0;
    const float f = (float)(at - (double)i), *t = wp->correction + (i <= WTABLE ? i : WTABLE);
    return t[0] + f * (t[1] - t[0]);
}

/* ---- planes and images ---- */

/* Columns beyond the plane's edges belong ngx further on. */
static void fold_columns(const pcl_grid *g, size_t ncol, float *plane) {
    if (ncol < g->ngx / 2)
        return;
    for (size_t r = 0; r < g->nrow; r++) {
        float *row = plane + r * g->stride;
        for (size_t k = 0; k < PAD_U; k++) {
            row[k + g->ngx] += row[k];
            row[PAD_U + k] += row[PAD_U + g->ngx + k];
        }
    }
}

static void unfold(const pcl_grid *g, float *plane) {
    for (size_t r = 0; r < g->nrow; r++) {
        float *row = plane + r * g->stride;
        memcpy(row, row + g->ngx, PAD_U * sizeof *row);
        memcpy(row + PAD_U + g->ngx, row + PAD_U, PAD_U * sizeof *row);
    }
    for (size_t r = 0; r < PAD_V; r++) {
        memcpy(plane + r * g->stride, plane + (r + g->ngy) * g->stride, g->stride * sizeof *plane);
        memcpy(plane + (g->ngy + PAD_V + r) * g->stride, plane + (PAD_V + r) * g->stride,
               g->stride * sizeof *plane);
    }
}

/* The stored columns on ncol columns on both sides of u = 0, in whole cache lines. */
static size_t first_column(const pcl_grid *g, size_t ncol) {
    return (g->column0 - ncol) / BLOCK * BLOCK;
}

static size_t columns_on(const pcl_grid *g, size_t ncol) {
    return g->column0 + ncol - first_column(g, ncol);
}

/* Row y of a grid after pcl_grid_columns_to_image -> complex row of x (index x mod ngx). */
static void row_to_image(const pcl_grid *g, const pcl_uvgrid *grid, size_t y, fftwf_complex *row) {
    const size_t n = grid->ncol, at = y * g->stride + g->column0;
    /* u < 0 */
    pcl_interleave(n, grid->re + at - n, grid->im + at - n, (float *)(row + g->ngx - n));
    pcl_interleave(n, grid->re + at, grid->im + at, (float *)row);
    memset(row + n, 0, (g->ngx - 2 * n) * sizeof *row);
    fftwf_execute_dft(g->full_back, row, row);
}

/* image row += Re(row exp(-i phase)), with cos and sin of the phase. */
static void add_row(const pcl_grid *g, const fftwf_complex *row, const float *c, const float *s,
                    float *image) {
    const size_t nx = g->p.nx, centre = nx / 2;
    const float *z = (const float *)(row + g->ngx - centre);
    for (size_t x = 0; x < centre; x++)
        image[x] += z[2 * x] * c[x] + z[2 * x + 1] * s[x];
    z = (const float *)row;
    for (size_t x = centre; x < nx; x++)
        image[x] += z[2 * (x - centre)] * c[x] + z[2 * (x - centre) + 1] * s[x];
}

int pcl_grid_plane_to_image(const pcl_grid *g, size_t iplane, pcl_uvgrid *vis, float *image,
                            pcl_uvgrid *psf, float *psf_image, pclean_err *err) {
    const size_t nx = g->p.nx, ny = g->p.ny;
    const double w = pcl_wplan_w(&g->wp, iplane);
    pcl_uvgrid *grid[2] = {vis, psf};
    float *out[2] = {image, psf_image};
    pcl_fft_buffers b;
    int rc = pcl_fft_buffers_new(g, &b, err);
    if (rc)
        goto done;
    for (size_t k = 0; k < 2; k++) {
        if (!grid[k])
            continue;
        float *plane[2] = {grid[k]->re, grid[k]->im};
        for (size_t i = 0; i < 2; i++) {
            pcl_grid_fold_rows(g, plane[i]);
            fold_columns(g, grid[k]->ncol, plane[i]);
        }
        const pcl_grid_columns columns = {.re = grid[k]->re,
                                          .im = grid[k]->im,
                                          .im_out = grid[k]->im,
                                          .first = first_column(g, grid[k]->ncol),
                                          .n = columns_on(g, grid[k]->ncol),
                                          .y0 = -(long)(ny / 2),
                                          .ny = ny};
        pcl_grid_columns_to_image(g, &columns, &b);
    }
#pragma omp parallel for schedule(static)
    for (size_t y = 0; y < ny; y++) {
        const size_t thread = (size_t)omp_get_thread_num();
        fftwf_complex *row = b.row + thread * b.nrow;
        float *c = b.real + thread * b.nreal, *s = c + g->ngx;
        pcl_w_screen(nx, g->wp.l2, g->wp.m2[y], w, c, s);
        for (size_t k = 0; k < 2; k++)
            if (grid[k]) {
                row_to_image(g, grid[k], y, row);
                add_row(g, row, c, s, out[k] + y * nx);
            }
    }
done:
    pcl_fft_buffers_clear(&b);
    return rc;
}

void pcl_grid_finish_w(const pcl_grid *g, float scale, float *image) {
    const size_t nx = g->p.nx, ny = g->p.ny;
#pragma omp parallel for schedule(static)
    for (size_t y = 0; y < ny; y++)
        for (size_t x = 0; x < nx; x++)
            image[y * nx + x] *=
                scale * g->hy[y] * g->hx[x] * correction(&g->wp, g->wp.l2[x], g->wp.m2[y]);
}

int pcl_grid_plane_from_image(const pcl_grid *g, size_t iplane, const float *image,
                              double umax_lambda, pcl_uvgrid *model, pclean_err *err) {
    const size_t nx = g->p.nx, ny = g->p.ny, n = pcl_grid_reach(g, umax_lambda);
    const double w = pcl_wplan_w(&g->wp, iplane);
    pcl_fft_buffers b;
    int rc = pcl_fft_buffers_new(g, &b, err);
    if (rc)
        goto done;
#pragma omp parallel for schedule(static)
    for (size_t y = 0; y < ny; y++) {
        float *re = model->re + y * g->stride + g->column0,
              *im = model->im + y * g->stride + g->column0;
        const float *pixels = image + y * nx;
        size_t used = 0;
        while (used < nx && pixels[used] == 0)
            used++;
        if (used == nx) { /* CLEAN models are sparse */
            memset(re - n, 0, 2 * n * sizeof *re);
            memset(im - n, 0, 2 * n * sizeof *im);
            continue;
        }
        const size_t thread = (size_t)omp_get_thread_num();
        fftwf_complex *row = b.row + thread * b.nrow;
        float *c = b.real + thread * b.nreal, *s = c + g->ngx;
        pcl_w_screen(nx, g->wp.l2, g->wp.m2[y], w, c, s);
        memset(row, 0, g->ngx * sizeof *row);
        for (size_t x = 0; x < nx; x++) {
            if (pixels[x] == 0)
                continue;
            const float value =
                pixels[x] * g->hy[y] * g->hx[x] * correction(&g->wp, g->wp.l2[x], g->wp.m2[y]);
            float *z = (float *)(row + pcl_wrapped(x, nx, g->ngx));
            z[0] = value * c[x];
            z[1] = value * s[x];
        }
        fftwf_execute_dft(g->full_forth, row, row);
        pcl_deinterleave(n, (const float *)(row + g->ngx - n), re - n, im - n);
        pcl_deinterleave(n, (const float *)row, re, im);
    }
    pcl_grid_columns_from_image(g, model->re, model->im, first_column(g, n), columns_on(g, n), &b);
    unfold(g, model->re);
    unfold(g, model->im);
done:
    pcl_fft_buffers_clear(&b);
    return rc;
}

/* ---- the gridder ---- */

typedef struct wstack {
    pcl_grid *grid;
    pcl_grid_scratch *scratch;
    pcl_uvgrid vis, psf; /* the model's planes pass through both, by turns, before the data's do */
    bool with_psf;       /* in this pass */
    size_t iplane;       /* of this walk */
} wstack;

static void wstack_free(void *self) {
    wstack *s = self;
    if (!s)
        return;
    pcl_grid_scratch_free(s->scratch);
    pcl_uvgrid_clear(&s->vis);
    pcl_uvgrid_clear(&s->psf);
    pcl_grid_free(s->grid);
    pcl_free(s);
}

static int wstack_count(const pcl_gridder_params *p, size_t nthread, pcl_gridder_bytes *out,
                        pclean_err *err) {
    pcl_grid_bytes b;
    *out = (pcl_gridder_bytes){0};
    int rc = pcl_grid_count_bytes(&p->grid, p->nbatch, nthread, &b, err);
    if (!rc)
        *out = (pcl_gridder_bytes){.grids = 4 * b.plane,
                                   .summed = 4 * b.plane,
                                   .tables = sizeof(wstack) + b.tables,
                                   .batch = b.scratch,
                                   .fft = b.fft,
                                   .lent = {2 * b.plane, 2 * b.plane}};
    return rc;
}

static int wstack_make(const pcl_gridder_params *p, void **self, pclean_err *err) {
    wstack *s = NULL;
    int rc = PCL_ZNEW(&s, 1, "gridder", err);
    if (rc)
        return rc;
    if ((rc = pcl_grid_new(&p->grid, &s->grid, err)) ||
        (rc = pcl_grid_scratch_new(s->grid, p->nbatch, &s->scratch, err)) ||
        (rc = pcl_uvgrid_new(s->grid, false, &s->vis, err)) ||
        (rc = pcl_uvgrid_new(s->grid, false, &s->psf, err))) {
        wstack_free(s);
        return rc;
    }
    *self = s;
    return 0;
}

static size_t wstack_nwalk(const void *self, enum pcl_walk_kind kind) {
    const wstack *s = self;
    (void)kind;
    return pcl_grid_nplane(s->grid);
}

static size_t wstack_nopen(const void *self) {
    (void)self;
    return 2;
}

static pcl_uvgrid *model_plane(wstack *s, size_t iwalk) {
    return iwalk % 2 ? &s->psf : &s->vis;
}

static int wstack_begin(void *self, enum pcl_walk_kind kind, size_t iwalk,
                        const pcl_grid_images *images, double umax_lambda, pcl_walk *walk,
                        pclean_err *err) {
    wstack *s = self;
    const size_t nbytes = s->grid->p.nx * s->grid->p.ny * sizeof(float);
    *walk = (pcl_walk){.w = true};
    pcl_grid_plane_range(s->grid, iwalk, &walk->w_low, &walk->w_high);
    s->iplane = iwalk;
    if (kind == PCL_WALK_PREDICT)
        return pcl_grid_plane_from_image(s->grid, iwalk, images->model[0], umax_lambda,
                                         model_plane(s, iwalk), err);
    s->with_psf = images->psf != NULL;
    pcl_uvgrid_zero(s->grid, &s->vis);
    if (s->with_psf)
        pcl_uvgrid_zero(s->grid, &s->psf);
    if (iwalk == 0)
        memset(images->residual[0], 0, nbytes);
    if (iwalk == 0 && s->with_psf)
        memset(images->psf[0], 0, nbytes);
    return 0;
}

static void wstack_add(void *self, const pcl_samples *samples, pcl_grid_count *count) {
    wstack *s = self;
    pcl_grid_add_w(s->grid, s->scratch, samples, s->iplane, &s->vis, s->with_psf ? &s->psf : NULL,
                   count);
}

static size_t wstack_grids(void *self, pcl_grid_array *grid) {
    wstack *s = self;
    grid[0] = (pcl_grid_array){s->vis.re, pcl_uvgrid_nfloat(s->grid, &s->vis), &s->vis.ncol};
    if (!s->with_psf)
        return 1;
    grid[1] = (pcl_grid_array){s->psf.re, pcl_uvgrid_nfloat(s->grid, &s->psf), &s->psf.ncol};
    return 2;
}

static void wstack_count_outside(const void *self, const pcl_samples *samples,
                                 pcl_grid_count *count) {
    const wstack *s = self;
    pcl_grid_count_outside(s->grid, samples, s->iplane, count);
}

static void wstack_predict(void *self, size_t iwalk, const pcl_samples *samples, float *vis) {
    wstack *s = self;
    memset(vis, 0, 2 * samples->n * sizeof *vis);
    pcl_grid_predict_w(s->grid, s->scratch, samples, iwalk, model_plane(s, iwalk), vis);
}

static int wstack_end(void *self, enum pcl_walk_kind kind, size_t iwalk,
                      const pcl_grid_images *images, float scale, pclean_err *err) {
    wstack *s = self;
    if (kind == PCL_WALK_PREDICT)
        return 0;
    float *psf = s->with_psf ? images->psf[0] : NULL;
    int rc = pcl_grid_plane_to_image(s->grid, iwalk, &s->vis, images->residual[0],
                                     psf ? &s->psf : NULL, psf, err);
    if (rc || iwalk + 1 < pcl_grid_nplane(s->grid))
        return rc;
    if (psf)
        pcl_grid_finish_w(s->grid, scale, psf);
    pcl_grid_finish_w(s->grid, scale, images->residual[0]);
    return 0;
}

static pcl_lent wstack_lend(void *self, int which) {
    wstack *s = self;
    const pcl_uvgrid *grid = which == 0 ? &s->vis : &s->psf;
    return (pcl_lent){grid->re, pcl_uvgrid_nfloat(s->grid, grid)};
}

const pcl_gridder_type pcl_gridder_wstack = {.name = "w-stacking",
                                             .corrects_w = true,
                                             .count = wstack_count,
                                             .make = wstack_make,
                                             .free = wstack_free,
                                             .nwalk = wstack_nwalk,
                                             .nopen = wstack_nopen,
                                             .begin = wstack_begin,
                                             .add = wstack_add,
                                             .grids = wstack_grids,
                                             .count_outside = wstack_count_outside,
                                             .predict = wstack_predict,
                                             .end = wstack_end,
                                             .lend = wstack_lend};
