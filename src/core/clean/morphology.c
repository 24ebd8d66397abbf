/* morphology.c: linear in the number of pixels. Regions are found and grown breadth-first with a
 * queue that takes each pixel once.
 *
 * Smoothing adds for each run of mask pixels in a row, and each row of the Gaussian, a difference
 * of partial sums: the row of a Gaussian summed over x - to ... x - from. That costs what a
 * separable filter costs, holds for a slanted Gaussian too, and is exact to the rounding of
 * doubles. */
#include "core/clean/morphology.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/mem.h"

/* The first pixel of the mask from i on; n: none. Masks are mostly empty. */
static size_t next_set(const bool *mask, size_t i, size_t n) {
    const bool *next = i < n ? memchr(mask + i, true, n - i) : NULL;
    return next ? (size_t)(next - mask) : n;
}

/* ---- regions ---- */

/* The four neighbours of pixel i; returns how many there are. */
static size_t neighbours(size_t i, size_t nx, size_t ny, size_t next[4]) {
    const size_t x = i % nx, y = i / nx;
    size_t n = 0;
    if (x > 0)
        next[n++] = i - 1;
    if (x + 1 < nx)
        next[n++] = i + 1;
    if (y > 0)
        next[n++] = i - nx;
    if (y + 1 < ny)
        next[n++] = i + nx;
    return n;
}

/* Takes the region of pixel `seed` out of the mask and puts it into the list; returns its size. */
static size_t take_region(bool *mask, size_t nx, size_t ny, size_t seed, uint32_t *list) {
    size_t n = 1, next[4];
    mask[seed] = false;
    list[0] = (uint32_t)seed;
    for (size_t k = 0; k < n; k++) {
        const size_t nnext = neighbours(list[k], nx, ny, next);
        for (size_t j = 0; j < nnext; j++)
            if (mask[next[j]]) {
                mask[next[j]] = false;
                list[n++] = (uint32_t)next[j];
            }
    }
    return n;
}

pcl_morphology_regions pcl_morphology_prune(bool *mask, size_t nx, size_t ny, double least,
                                            uint32_t *work) {
    pcl_morphology_regions regions = {0};
    size_t nkept = 0;
    for (size_t i = 0; (i = next_set(mask, i, nx * ny)) < nx * ny; i++) {
        const size_t n = take_region(mask, nx, ny, i, work + nkept);
        const bool keep = (double)n >= least;
        regions.found++;
        regions.pruned += !keep;
        nkept += keep ? n : 0;
    }
    for (size_t k = 0; k < nkept; k++)
        mask[work[k]] = true;
    return regions;
}

/* ---- growing ---- */

static bool is_above(float value, double level) {
    return (double)value > level;
}

void pcl_morphology_grow(bool *mask, const float *image, double above, size_t nx, size_t ny,
                         size_t npass, uint32_t *work) {
    const size_t n = nx * ny;
    size_t from = 0, to = 0, next[4];
    for (size_t i = 0; (i = next_set(mask, i, n)) < n; i++)
        if (is_above(image[i], above))
            work[to++] = (uint32_t)i;
    for (size_t pass = 0; pass < npass && from < to; pass++) {
        const size_t end = to; /* new members spread in the next pass */
        for (; from < end; from++) {
            const size_t nnext = neighbours(work[from], nx, ny, next);
            for (size_t j = 0; j < nnext; j++)
                if (!mask[next[j]]) {
                    mask[next[j]] = true;
                    if (is_above(image[next[j]], above))
                        work[to++] = (uint32_t)next[j];
                }
        }
    }
    for (size_t i = 0; (i = next_set(mask, i, n)) < n; i++)
        mask[i] = is_above(image[i], above);
}

/* ---- smoothing ---- */

#define CUT 25.0 /* exp(-CUT) of the peak */

enum { TILE = 16 }; /* rows of the output that a thread makes together */

typedef struct run {
    size_t from, to; /* pixels [from, to) of a row */
} run;

typedef struct gaussian {
    size_t rx, ry;
    double *sum; /* [2 ry + 1][2 rx + 2]: of the first pixels of each row */
} gaussian;

/* What a thread needs, and where its threads have it. */
typedef struct bench {
    size_t nx, ny;
    gaussian kernel;
    double *rows; /* [TILE][nx] for each thread */
    run *runs;    /* [nx / 2 + 1] for each thread */
} bench;

/* Half sizes of the box in which the exponent is below CUT, no larger than the image needs. */
static void find_radius(const pcl_raster *r, const pcl_beam_form *f, size_t *rx, size_t *ry) {
    const double det = f->xx * f->yy - f->xy * f->xy;
    const double x = ceil(sqrt(CUT * f->yy / det)), y = ceil(sqrt(CUT * f->xx / det));
    *rx = x < (double)(r->nx - 1) ? (size_t)x : r->nx - 1;
    *ry = y < (double)(r->ny - 1) ? (size_t)y : r->ny - 1;
}

static void fill_sums(const pcl_beam_form *f, gaussian *k) {
    const size_t width = 2 * k->rx + 1;
    for (size_t j = 0; j <= 2 * k->ry; j++) {
        const double dy = (double)j - (double)k->ry;
        double *sum = k->sum + j * (width + 1);
        sum[0] = 0;
        for (size_t i = 0; i < width; i++) {
            const double dx = (double)i - (double)k->rx;
            sum[i + 1] = sum[i] + exp(-(f->xx * dx * dx + 2 * f->xy * dx * dy + f->yy * dy * dy));
        }
    }
}

static size_t find_runs(const bool *row, size_t nx, run *runs) {
    size_t n = 0;
    for (size_t x = 0; (x = next_set(row, x, nx)) < nx;) {
        const size_t from = x;
        while (x < nx && row[x])
            x++;
        runs[n++] = (run){from, x};
    }
    return n;
}

/* row[x] += sum of the kernel over x - to < dx <= x - from: sum[x - from + rx + 1] less
 * sum[x - to + rx + 1], both held within the kernel. */
static void add_run(double *restrict row, size_t nx, const run *r, const double *restrict sum,
                    size_t rx) {
    const size_t from = r->from > rx ? r->from - rx : 0, to = r->to + rx < nx ? r->to + rx : nx;
    const size_t full = r->from + rx + 1 < to ? r->from + rx + 1 : to;
    const size_t leaves = r->to > rx + from ? r->to - rx : from;
    for (size_t x = from; x < full; x++)
        row[x] += sum[x + rx + 1 - r->from];
    for (size_t x = full; x < to; x++)
        row[x] += sum[2 * rx + 1];
    for (size_t x = leaves; x < to; x++)
        row[x] -= sum[x + rx + 1 - r->to];
}

/* Rows [y0, y1) of the convolved mask into out; returns the largest value. */
static float convolve_rows(const bench *b, const bool *mask, size_t y0, size_t y1, float *out) {
    const size_t me = (size_t)omp_get_thread_num(), nx = b->nx, ry = b->kernel.ry;
    double *rows = b->rows + me * TILE * nx;
    run *runs = b->runs + me * (nx / 2 + 1);
    memset(rows, 0, (y1 - y0) * nx * sizeof *rows);
    for (size_t y = y0 > ry ? y0 - ry : 0; y < b->ny && y < y1 + ry; y++) {
        const size_t n = find_runs(mask + y * nx, nx, runs);
        for (size_t to = y0; n && to < y1; to++)
            if (to + ry >= y && to <= y + ry)
                for (size_t k = 0; k < n; k++)
                    add_run(rows + (to - y0) * nx, nx, &runs[k],
                            b->kernel.sum + (to + ry - y) * (2 * b->kernel.rx + 2), b->kernel.rx);
    }
    float most = 0;
    for (size_t i = 0; i < (y1 - y0) * nx; i++) {
        out[y0 * nx + i] = (float)rows[i];
        most = out[y0 * nx + i] > most ? out[y0 * nx + i] : most;
    }
    return most;
}

/* The rows that the convolved mask reaches: [*y0, *y1); false: the mask is empty. */
static bool find_rows(const bool *mask, const bench *b, size_t *y0, size_t *y1) {
    const bool *first = memchr(mask, true, b->nx * b->ny), *last = first;
    if (!first)
        return false;
    last = memrchr(mask, true, b->nx * b->ny);
    const size_t top = (size_t)(last - mask) / b->nx + b->kernel.ry + 1;
    *y0 = (size_t)(first - mask) / b->nx;
    *y0 = *y0 > b->kernel.ry ? *y0 - b->kernel.ry : 0;
    *y1 = top < b->ny ? top : b->ny;
    return true;
}

static void smooth(const bench *b, bool *mask, double cut, float *work) {
    size_t y0, y1;
    float most = 0;
    if (!find_rows(mask, b, &y0, &y1))
        return;
#pragma omp parallel for schedule(static) reduction(max : most)
    for (size_t y = y0; y < y1; y += TILE) {
        const float here = convolve_rows(b, mask, y, y + TILE < y1 ? y + TILE : y1, work);
        most = here > most ? here : most;
    }
    const double level = cut * (double)most;
    for (size_t i = y0 * b->nx; i < y1 * b->nx; i++)
        mask[i] = is_above(work[i], level);
}

static void count_bench(const pcl_raster *r, const gaussian *k, size_t nthread, size_t n[3]) {
    n[0] = (2 * k->ry + 1) * (2 * k->rx + 2);
    n[1] = nthread * TILE * r->nx;
    n[2] = nthread * (r->nx / 2 + 1);
}

int pcl_morphology_smooth(bool *mask, const pcl_raster *raster, const pcl_beam *beam, double cut,
                          float *work, pclean_err *err) {
    const pcl_beam_form f = pcl_beam_pixel_form(beam, raster->cellx_rad, raster->celly_rad);
    bench b = {.nx = raster->nx, .ny = raster->ny};
    size_t n[3];
    find_radius(raster, &f, &b.kernel.rx, &b.kernel.ry);
    count_bench(raster, &b.kernel, (size_t)omp_get_max_threads(), n);
    int rc = PCL_NEW(&b.kernel.sum, n[0], "the Gaussian of a mask", err);
    if (!rc && !(rc = PCL_NEW(&b.rows, n[1], "rows of a mask", err)) &&
        !(rc = PCL_NEW(&b.runs, n[2], "runs of a mask", err))) {
        fill_sums(&f, &b.kernel);
        smooth(&b, mask, cut, work);
    }
    pcl_free(b.kernel.sum);
    pcl_free(b.rows);
    pcl_free(b.runs);
    return rc;
}

size_t pcl_morphology_smooth_bytes(const pcl_raster *raster, const pcl_beam *beam, size_t nthread) {
    const pcl_beam_form f = pcl_beam_pixel_form(beam, raster->cellx_rad, raster->celly_rad);
    gaussian k;
    size_t n[3];
    find_radius(raster, &f, &k.rx, &k.ry);
    count_bench(raster, &k, nthread, n);
    return (n[0] + n[1]) * sizeof(double) + n[2] * sizeof(run);
}
