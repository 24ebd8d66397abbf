#include "core/weight.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/mem.h"

enum {
    SLICE = 1024,       /* samples handled together */
    GROUP = 64 * SLICE, /* samples between two meetings of the threads */
    BAND = 16,          /* rows of the density grid, about, that belong to the same thread */
    MOST_THREADS = 64,
    OUTSIDE = 0 /* row and column 0 are outside, as in tclean, so cell 0 is free to say so */
};

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

int pcl_density_init(pcl_density *d, const pcl_raster *raster, enum pcl_density_cell cell,
                     double per_sample, size_t box, pclean_err *err) {
    const size_t nx = raster->nx, ny = raster->ny;
    *d = (pcl_density){.nx = nx,
                       .ny = ny,
                       .cellx_rad = raster->cellx_rad,
                       .celly_rad = raster->celly_rad,
                       .cell = cell,
                       .per_sample = per_sample,
                       .box = box,
                       .f2 = 0,
                       .d2 = 1};
    if (ny > UINT32_MAX / nx)
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "imsize %zu x %zu needs a density grid of more than 2^32 cells; make it "
                        "smaller, or use weighting=natural",
                        nx, ny);
    int rc;
    if ((rc = PCL_ZNEW(&d->sum, nx * ny, "weight density grid", err)) ||
        (box && (rc = PCL_NEW(&d->spread, nx * ny, "weight density grid", err))) ||
        (rc = PCL_NEW(&d->place, 2 * GROUP, "weight density work space", err)) ||
        (rc = PCL_NEW(&d->owner, 2 * GROUP, "weight density work space", err)) ||
        (rc = PCL_NEW(&d->row, ny, "weight density work space", err)))
        pcl_density_clear(d);
    return rc;
}

uint64_t pcl_density_bytes(size_t nx, size_t ny, size_t box) {
    const pcl_density *d = NULL;
    return (uint64_t)nx * ny * (box ? 2 : 1) * sizeof *d->sum + ny * sizeof *d->row +
           2 * GROUP * (sizeof *d->place + sizeof *d->owner);
}

void pcl_density_clear(pcl_density *d) {
    pcl_free(d->sum);
    pcl_free(d->spread);
    pcl_free(d->place);
    pcl_free(d->owner);
    pcl_free(d->row);
    *d = (pcl_density){0};
}

void pcl_density_zero(pcl_density *d) {
#pragma omp parallel for schedule(static)
    for (size_t y = 0; y < d->ny; y++)
        memset(d->sum + y * d->nx, 0, d->nx * sizeof *d->sum);
    d->sumwt = 0;
}

/* Cells of up to SLICE samples, OUTSIDE where they have none: of (u, v) in here; of its mirror (-u,
 * -v) in there, unless that is NULL. */
static void find_cells(const pcl_density *d, size_t n, const double *u, const double *v,
                       uint32_t *here, uint32_t *there) {
    const bool truncate = d->cell == PCL_DENSITY_TRUNCATE;
    const double sign = truncate ? -1 : 1, half = truncate ? 0 : 0.5;
    const double ax = sign * (double)d->nx * d->cellx_rad,
                 ay = -sign * (double)d->ny * d->celly_rad;
    const double x0 = (double)(d->nx / 2) + half, y0 = (double)(d->ny / 2) + half;
    const double nx = (double)d->nx, ny = (double)d->ny;
    for (size_t i = 0; i < n; i++) { /* from 1 on to truncate is to round down */
        const double x = x0 + ax * u[i], y = y0 + ay * v[i];
        const bool inside = (x >= 1) & (x < nx) & (y >= 1) & (y < ny);
        here[i] =
            (uint32_t)(int)(inside ? y : 0) * (uint32_t)d->nx + (uint32_t)(int)(inside ? x : 0);
    }
    for (size_t i = 0; there && i < n; i++) {
        const double x = x0 - ax * u[i], y = y0 - ay * v[i];
        const bool inside = (x >= 1) & (x < nx) & (y >= 1) & (y < ny);
        there[i] =
            (uint32_t)(int)(inside ? y : 0) * (uint32_t)d->nx + (uint32_t)(int)(inside ? x : 0);
    }
}

/* Places of samples [from, from + n) of the group; returns the sum of their weights. */
static double place_slice(pcl_density *d, size_t at, size_t n, const double *u, const double *v,
                          const float *weight) {
    uint32_t *here = d->place + at, *there = d->place + GROUP + at;
    find_cells(d, n, u, v, here, there);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(weight[i] > 0)) {
            here[i] = there[i] = OUTSIDE;
            continue;
        }
        const uint32_t a = here[i], b = there[i];
        if (u[i] < 0) { /* samples come sorted by uv tile, folded to u >= 0: so do both columns
                         * of places now */
            here[i] = b;
            there[i] = a;
        }
        /* tclean's two weighting codes differ: the grid of all channels counts only what falls
         * inside */
        const int sides = d->cell == PCL_DENSITY_ROUND ? 2 : (a != OUTSIDE) + (b != OUTSIDE);
        sum += sides * (d->per_sample * (double)weight[i]);
    }
    return sum;
}

/* Bands go to the threads in turn. The number of a band is small, so the division is exact in
 * floats, where it has vectors. */
static void assign_owners(pcl_density *d, size_t at, size_t n, unsigned nthread) {
    unsigned shift = 0;
    while ((size_t)BAND * d->nx >> (shift + 1))
        shift++;
    const float per_thread = 1 / (float)nthread;
    for (size_t side = 0; side < 2; side++) {
        const uint32_t *place = d->place + side * GROUP + at;
        uint8_t *owner = d->owner + side * GROUP + at;
        for (size_t i = 0; i < n; i++) {
            const int band = (int)(place[i] >> shift),
                      turn = (int)(((float)band + 0.5f) * per_thread);
            owner[i] = (uint8_t)(band - turn * (int)nthread);
        }
    }
}

static void add_places(pcl_density *d, size_t n, const float *weight, unsigned me, bool alone) {
    const uint32_t *here = d->place, *there = d->place + GROUP;
    const uint8_t *owner = d->owner, *mirror_owner = d->owner + GROUP;
    float *sum = d->sum;
    for (size_t i = 0; i < n; i++) {
        const float w = (float)(d->per_sample * (double)weight[i]);
        if ((alone || owner[i] == me) && here[i] != OUTSIDE)
            sum[here[i]] += w;
        if ((alone || mirror_owner[i] == me) && there[i] != OUTSIDE)
            sum[there[i]] += w;
    }
}

static void add_group(pcl_density *d, size_t n, const double *u, const double *v,
                      const float *weight) {
    const unsigned nthread = (unsigned)least((size_t)omp_get_max_threads(), MOST_THREADS);
    const size_t nslice = (n + SLICE - 1) / SLICE;
    double part[GROUP / SLICE];
#pragma omp parallel num_threads(nthread) if (nthread > 1)
    {
        const unsigned team = (unsigned)omp_get_num_threads();
#pragma omp for schedule(static)
        for (size_t k = 0; k < nslice; k++) {
            const size_t from = k * SLICE, m = least(SLICE, n - from);
            part[k] = place_slice(d, from, m, u + from, v + from, weight + from);
            if (team > 1)
                assign_owners(d, from, m, team);
        }
        add_places(d, n, weight, (unsigned)omp_get_thread_num(), team == 1);
    }
    for (size_t k = 0; k < nslice; k++)
        d->sumwt += part[k];
}

void pcl_density_add(pcl_density *d, size_t n, const double *u, const double *v,
                     const float *weight) {
    for (size_t from = 0; from < n; from += GROUP)
        add_group(d, least(GROUP, n - from), u + from, v + from, weight + from);
}

/* ---- box ---- */

/* spread[x] = sum of the row over the box around x, of the cells in range only. */
static void spread_row(const float *row, size_t nx, size_t box, const size_t range[2],
                       float *spread) {
    memset(spread, 0, nx * sizeof *spread);
    for (size_t k = 0; k <= 2 * box; k++) { /* each cell to the one that is box - k away */
        const size_t first = k > box + range[0] ? k - box : range[0],
                     last = nx + k > box ? least(nx + k - box, range[1]) : 0;
        for (size_t x = first; x < last; x++)
            spread[x + box - k] += row[x];
    }
}

/* Sums are written out, not run along: a cell that nothing reaches is 0. */
void pcl_density_spread(pcl_density *d) {
    const size_t nx = d->nx, ny = d->ny, box = d->box;
    if (!box)
        return;
    const bool whole = d->cell == PCL_DENSITY_TRUNCATE;
    const float share = whole ? 1 : 1 / (float)((2 * box + 1) * (2 * box + 1));
    const size_t low = whole ? 1 + box : 0, high = whole ? box : 0;
    const size_t across[2] = {low, nx > high ? nx - high : 0},
                 along[2] = {low, ny > high ? ny - high : 0};
#pragma omp parallel for schedule(static)
    for (size_t y = 0; y < ny; y++)
        spread_row(d->sum + y * nx, nx, box, across, d->spread + y * nx);
#pragma omp parallel for schedule(static)
    for (size_t y = 0; y < ny; y++) {
        float *to = d->sum + y * nx;
        memset(to, 0, nx * sizeof *to);
        const size_t first = y > along[0] + box ? y - box : along[0];
        for (size_t k = first; k <= y + box && k < along[1]; k++)
            for (size_t x = 0; x < nx; x++)
                to[x] += d->spread[k * nx + x];
        for (size_t x = 0; x < nx; x++)
            to[x] *= share;
    }
}

/* ---- the kinds of weights ---- */

void pcl_density_finish_uniform(pcl_density *d) {
    d->f2 = 1;
    d->d2 = 0;
}

void pcl_density_finish_briggs(pcl_density *d, double robust) {
#pragma omp parallel for schedule(static)
    for (size_t y = 0; y < d->ny; y++) {
        double row = 0;
        for (size_t x = 0; x < d->nx; x++)
            row += (double)d->sum[y * d->nx + x] * (double)d->sum[y * d->nx + x];
        d->row[y] = row;
    }
    double square = 0;
    for (size_t y = 0; y < d->ny; y++)
        square += d->row[y];
    double scale = 5 * pow(10, -robust);
    d->f2 = square > 0 ? scale * scale / (square / d->sumwt) : 0;
    d->d2 = 1;
}

void pcl_density_finish_briggsabs(pcl_density *d, double robust, double noise_jy) {
    d->f2 = robust * robust;
    d->d2 = 2 * noise_jy * noise_jy;
}

void pcl_density_finish_briggsbwtaper(pcl_density *d, double robust, double fracbw) {
    pcl_density_finish_briggs(d, robust);
    d->fracbw = fracbw;
}

/* F of briggsbwtaper (CAS-13021): a sample that moves by `cells` from one end of the band to the
 * other shares its density with that many cells. */
static double band_factor(double cells) {
    return cells >= 1 ? cells + 0.5 : (4 - cells) / (4 - 2 * cells);
}

/* As tclean: the product in single precision, the rest in double. */
static void divide_tapered(const pcl_density *d, size_t n, const double *u, const double *v,
                           const float *density, float *weight) {
    const float f2 = (float)d->f2;
    const double ax = (double)d->nx * d->cellx_rad, ay = (double)d->ny * d->celly_rad;
    for (size_t i = 0; i < n; i++) {
        const double x = ax * u[i], y = ay * v[i],
                     factor = band_factor(d->fracbw * sqrt(x * x + y * y));
        const double divisor = (double)(density[i] * f2) / factor + d->d2;
        const bool counts = density[i] > 0 && weight[i] > 0;
        weight[i] = counts ? (float)((double)weight[i] / divisor) : 0;
    }
}

static void apply_slice(const pcl_density *d, size_t n, const double *u, const double *v,
                        float *weight) {
    const float f2 = (float)d->f2, d2 = (float)d->d2;
    uint32_t cell[SLICE];
    float density[SLICE];
    find_cells(d, n, u, v, cell, NULL);
    for (size_t i = 0; i < n; i++)
        density[i] = cell[i] == OUTSIDE ? 0 : d->sum[cell[i]];
    if (d->fracbw > 0) {
        divide_tapered(d, n, u, v, density, weight);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const float divisor = density[i] > 0 ? density[i] * f2 + d2 : 1, w = weight[i] / divisor;
        weight[i] = (density[i] > 0) & (weight[i] > 0) ? w : 0;
    }
}

void pcl_density_apply(const pcl_density *d, size_t n, const double *u, const double *v,
                       float *weight) {
#pragma omp parallel for schedule(static)
    for (size_t from = 0; from < n; from += SLICE)
        apply_slice(d, least(SLICE, n - from), u + from, v + from, weight + from);
}

void pcl_radial_apply(size_t n, const double *u, const double *v, float *weight) {
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++)
        weight[i] *= (float)sqrt(u[i] * u[i] + v[i] * v[i]);
}

static pcl_taper taper(double major, double minor, double pa_rad) {
    return (pcl_taper){
        .on = true, .cos_pa = cos(pa_rad), .sin_pa = sin(pa_rad), .major = major, .minor = minor};
}

pcl_taper pcl_taper_sky(double major_rad, double minor_rad, double pa_rad) {
    const double c = M_PI * M_PI / (4 * M_LN2);
    return taper(c * major_rad * major_rad, c * minor_rad * minor_rad, pa_rad);
}

pcl_taper pcl_taper_uv(double major_lambda, double minor_lambda, double pa_rad) {
    return taper(M_LN2 / (major_lambda * major_lambda), M_LN2 / (minor_lambda * minor_lambda),
                 pa_rad);
}

pcl_taper pcl_taper_baseline(double major_m, double minor_m, double pa_rad) {
    pcl_taper t = pcl_taper_uv(major_m, minor_m, pa_rad);
    t.metres = true;
    return t;
}

void pcl_taper_apply(const pcl_taper *t, size_t n, const double *u, const double *v,
                     float *weight) {
    if (!t->on)
        return;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++) {
        double a = u[i] * t->sin_pa + v[i] * t->cos_pa, b = u[i] * t->cos_pa - v[i] * t->sin_pa;
        weight[i] *= (float)exp(-(t->major * a * a + t->minor * b * b));
    }
}
