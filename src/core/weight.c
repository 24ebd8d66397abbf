#include "core/weight.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

int pcl_density_init(pcl_density *d, size_t nx, size_t ny, double cellx_rad, double celly_rad, enum pcl_density_cell cell,
                     double per_sample, pclean_err *err) {
    *d = (pcl_density){.nx = nx, .ny = ny, .cellx_rad = cellx_rad, .celly_rad = celly_rad, .cell = cell,
                       .per_sample = per_sample, .f2 = 0, .d2 = 1};
    return PCL_ZNEW(&d->sum, nx * ny, "weight density grid", err);
}

void pcl_density_clear(pcl_density *d) {
    pcl_free(d->sum);
    *d = (pcl_density){0};
}

void pcl_density_zero(pcl_density *d) {
    memset(d->sum, 0, d->nx * d->ny * sizeof *d->sum);
    d->sumwt = 0;
}

/* Index of the cell, or -1: row and column 0 are outside, as in tclean. `sign` +1 is where a weight is looked up. */
static long cell_of(const pcl_density *d, double u, double v, double sign) {
    double x = (double)d->nx * d->cellx_rad * sign * u, y = -(double)d->ny * d->celly_rad * sign * v;
    double cx = (double)(d->nx / 2), cy = (double)(d->ny / 2);
    if (d->cell == PCL_DENSITY_TRUNCATE) {
        x = trunc(cx - x);
        y = trunc(cy - y);
    } else {
        x = floor(x + cx + 0.5);
        y = floor(y + cy + 0.5);
    }
    if (!(x > 0 && x < (double)d->nx && y > 0 && y < (double)d->ny))
        return -1;
    return (long)y * (long)d->nx + (long)x;
}

void pcl_density_add(pcl_density *d, size_t n, const double *u, const double *v, const float *weight) {
    double sumwt = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(weight[i] > 0))
            continue;
        double w = d->per_sample * (double)weight[i];
        for (int side = 0; side < 2; side++) {
            long cell = cell_of(d, u[i], v[i], side ? -1 : 1);
            if (cell >= 0)
                d->sum[cell] += (float)w;
            /* tclean's two weighting codes differ: the grid of all channels counts only what falls inside */
            if (cell >= 0 || d->cell == PCL_DENSITY_ROUND)
                sumwt += w;
        }
    }
    d->sumwt += sumwt;
}

void pcl_density_finish_uniform(pcl_density *d) {
    d->f2 = 1;
    d->d2 = 0;
}

void pcl_density_finish_briggs(pcl_density *d, double robust) {
    double square = 0;
    for (size_t y = 0; y < d->ny; y++) {
        double row = 0;
        for (size_t x = 0; x < d->nx; x++)
            row += (double)d->sum[y * d->nx + x] * (double)d->sum[y * d->nx + x];
        square += row;
    }
    double scale = 5 * pow(10, -robust);
    d->f2 = square > 0 ? scale * scale / (square / d->sumwt) : 0;
    d->d2 = 1;
}

void pcl_density_apply(const pcl_density *d, size_t n, const double *u, const double *v, float *weight) {
    const float f2 = (float)d->f2, d2 = (float)d->d2;
    for (size_t i = 0; i < n; i++) {
        if (!(weight[i] > 0))
            continue;
        long cell = cell_of(d, u[i], v[i], 1);
        float density = cell >= 0 ? d->sum[cell] : 0;
        weight[i] = density > 0 ? weight[i] / (density * f2 + d2) : 0;
    }
}

static pcl_taper taper(double major, double minor, double pa_rad) {
    return (pcl_taper){.on = true, .cos_pa = cos(pa_rad), .sin_pa = sin(pa_rad), .major = major, .minor = minor};
}

pcl_taper pcl_taper_sky(double major_rad, double minor_rad, double pa_rad) {
    const double c = M_PI * M_PI / (4 * M_LN2);
    return taper(c * major_rad * major_rad, c * minor_rad * minor_rad, pa_rad);
}

pcl_taper pcl_taper_uv(double major_lambda, double minor_lambda, double pa_rad) {
    return taper(M_LN2 / (major_lambda * major_lambda), M_LN2 / (minor_lambda * minor_lambda), pa_rad);
}

void pcl_taper_apply(const pcl_taper *t, size_t n, const double *u, const double *v, float *weight) {
    if (!t->on)
        return;
    for (size_t i = 0; i < n; i++) {
        double a = u[i] * t->sin_pa + v[i] * t->cos_pa, b = u[i] * t->cos_pa - v[i] * t->sin_pa;
        weight[i] *= (float)exp(-(t->major * a * a + t->minor * b * b));
    }
}
