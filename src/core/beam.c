/* beam.c: CASA's Gaussian fit to the main lobe of a PSF (StokesImageUtil::FitGaussianPSF,
 * FindNpoints, ResamplePSF).
 *
 *  1. Divide by the peak. Main-lobe pixels: from the peak's row outwards at most SEARCH rows, in
 *     each row from the peak's column outwards until the value falls below the cutoff.
 *  2. Their bounding box, made square in PIXEL INDEX (not in size: the smaller of the two lower
 *     indices and the larger of the two upper ones, for both axes; it differs where the axes have
 *     different lengths), grown by MARGIN, clipped.
 *  3. The box is resampled by int(sqrt(SAMPLES / pixels)), cubic (Catmull-Rom), so that a beam of
 *     few pixels has about 3000 samples; normalised again; its main-lobe samples found as in 1.
 *  4. Least squares of a Gaussian, height 1, centred on the largest sample, all samples alike. Not
 *     converged: the cutoff divided by 1.5 and again from 1, as CASA does.
 *
 * CASA iterates on (major, ratio, angle) from a fixed start. The minimum does not depend on the
 * parameters, so here they are the three coefficients of the exponent, z = exp(-(xx x^2 + 2 xy x y
 * + yy y^2)): no angle that is undefined for a round beam, and the weighted linear fit to ln z is
 * within a few percent, so Levenberg-Marquardt needs some five steps. Agrees with CASA's header to
 * its float32 (tests/golden/make_beams.py). */
#include "core/beam.h"
#include "base/mem.h"
#include <float.h>
#include <math.h>
#include <stdbool.h>

enum { SEARCH = 20, MARGIN = 5, SAMPLES = 3001, MAX_STEPS = 200, SMALLEST = 4 };
#define LAST_CUTOFF 0.009f /* CASA gives up below it */

/* A float image with a peak. */
typedef struct lobe {
    const float *value; /* [ny][nx] */
    size_t nx, ny, px, py;
} lobe;

typedef struct sample {
    double x, y, z; /* offset from the peak, in units of the caller; value */
} sample;

typedef struct box {
    size_t x0, y0, x1, y1; /* inclusive */
} box;

/* ---- The main lobe ---- */

/* A walk over the main lobe, and what it has found. */
typedef struct walk {
    const lobe *p;
    size_t reach;  /* rows and columns from the peak at most */
    float cutoff;  /* where the lobe ends */
    double dx, dy; /* what a pixel measures in the samples' unit */
    sample *out;   /* NULL: they are only counted */
    size_t n;
    box bounds; /* of the samples */
} walk;

static walk start_walk(const lobe *p, size_t reach, float cutoff) {
    return (walk){.p = p,
                  .reach = reach,
                  .cutoff = cutoff,
                  .dx = 1,
                  .dy = 1,
                  .bounds = {p->px, p->py, p->px, p->py}};
}

static void add_sample(walk *w, size_t x, size_t y, float value) {
    const lobe *p = w->p;
    box *b = &w->bounds;
    if (w->out)
        w->out[w->n] = (sample){((double)x - (double)p->px) * w->dx,
                                ((double)y - (double)p->py) * w->dy, (double)value};
    w->n++;
    b->x0 = x < b->x0 ? x : b->x0;
    b->x1 = x > b->x1 ? x : b->x1;
    b->y0 = y < b->y0 ? y : b->y0;
    b->y1 = y > b->y1 ? y : b->y1;
}

/* One half row, from the peak's column in steps of `step`. */
static void walk_half(walk *w, size_t y, int step) {
    const lobe *p = w->p;
    const float *row = p->value + y * p->nx;
    bool inside = row[p->px] > w->cutoff;
    for (size_t i = step > 0; i <= w->reach; i++) {
        if (step > 0 ? p->px + i >= p->nx : i > p->px)
            break;
        const size_t x = step > 0 ? p->px + i : p->px - i;
        if (inside && row[x] < w->cutoff)
            break;
        if (!(row[x] > w->cutoff))
            continue;
        inside = true;
        add_sample(w, x, y, row[x]);
    }
}

static void walk_row(walk *w, size_t y) {
    walk_half(w, y, -1);
    walk_half(w, y, 1);
}

/* Every row within reach. */
static void walk_all(walk *w) {
    const lobe *p = w->p;
    const size_t first = p->py > w->reach ? p->py - w->reach : 0;
    for (size_t y = first; y < p->ny && y <= p->py + w->reach; y++)
        walk_row(w, y);
}

/* Only the lobe that holds the peak: rows next to each other whose middle is above the cutoff. A
 * PSF with grating lobes (redundant arrays) has others within reach; CASA fits them all, but which
 * minimum it finds is the one that starts from the main lobe. */
static void walk_core(walk *w) {
    const lobe *p = w->p;
    for (int up = 0; up <= 1; up++)
        for (size_t i = up ? 1 : 0; i <= w->reach; i++) {
            if (up ? p->py + i >= p->ny : i > p->py)
                break;
            const size_t y = up ? p->py + i : p->py - i;
            if (!(p->value[y * p->nx + p->px] > w->cutoff))
                break;
            walk_row(w, y);
        }
}

static lobe find_peak(const float *value, size_t nx, size_t ny) {
    lobe p = {value, nx, ny, 0, 0};
    float most = -FLT_MAX;
    for (size_t i = 0; i < nx * ny; i++)
        if (value[i] > most) {
            most = value[i];
            p.px = i % nx;
            p.py = i / nx;
        }
    return p;
}

/* ---- The resampled window ---- */

static box window_of(const box *b, size_t nx, size_t ny) {
    size_t lo = b->x0 < b->y0 ? b->x0 : b->y0, hi = (b->x1 > b->y1 ? b->x1 : b->y1) + MARGIN;
    lo = lo > MARGIN ? lo - MARGIN : 0;
    return (box){lo, lo, hi < nx ? hi : nx - 1, hi < ny ? hi : ny - 1};
}

static void catmull_rom(double t, double w[4]) {
    w[0] = -0.5 * t + t * t - 0.5 * t * t * t;
    w[1] = 1 - 2.5 * t * t + 1.5 * t * t * t;
    w[2] = 0.5 * t + 2 * t * t - 1.5 * t * t * t;
    w[3] = -0.5 * t * t + 0.5 * t * t * t;
}

static size_t clamp_index(size_t i, size_t k, size_t n) { /* i + k - 1 held in 0 ... n - 1 */
    if (i + k == 0)
        return 0;
    return i + k - 1 < n ? i + k - 1 : n - 1;
}

/* out[(n - 1) factor + 1] from n values with a stride. */
static void resample_line(const double *in, size_t n, size_t stride, size_t factor, double *out,
                          size_t out_stride) {
    for (size_t i = 0; i <= (n - 1) * factor; i++) {
        double w[4], sum = 0;
        catmull_rom((double)(i % factor) / (double)factor, w);
        for (size_t k = 0; k < 4; k++)
            sum += w[k] * in[clamp_index(i / factor, k, n) * stride];
        out[i * out_stride] = sum;
    }
}

/* The window of the normalised PSF, resampled. */
typedef struct fine {
    size_t nx, ny;
    float *value; /* [ny][nx], its peak 1 */
} fine;

/* Cuts the window out and resamples it; out->value is the caller's to free. */
static int resample(const lobe *p, float peak, const box *w, size_t factor, fine *out,
                    pclean_err *err) {
    const size_t kx = w->x1 - w->x0 + 1, ky = w->y1 - w->y0 + 1;
    const size_t mx = (kx - 1) * factor + 1, my = (ky - 1) * factor + 1;
    double *cut = NULL, *half = NULL, *full = NULL;
    *out = (fine){.nx = mx, .ny = my};
    int rc = PCL_NEW(&cut, kx * ky, "the window of a beam fit", err);
    if (!rc)
        rc = PCL_NEW(&half, mx * ky, "the window of a beam fit", err);
    if (!rc)
        rc = PCL_NEW(&full, mx * my, "the window of a beam fit", err);
    if (!rc)
        rc = PCL_NEW(&out->value, mx * my, "the window of a beam fit", err);
    if (rc)
        goto done;
    for (size_t y = 0; y < ky; y++)
        for (size_t x = 0; x < kx; x++)
            cut[y * kx + x] = (double)(p->value[(w->y0 + y) * p->nx + w->x0 + x] / peak);
    for (size_t y = 0; y < ky; y++)
        resample_line(cut + y * kx, kx, 1, factor, half + y * mx, 1);
    for (size_t x = 0; x < mx; x++)
        resample_line(half + x, ky, mx, factor, full + x, mx);
    float most = 0.0f;
    for (size_t i = 0; i < mx * my; i++) {
        out->value[i] = (float)full[i];
        most = out->value[i] > most ? out->value[i] : most;
    }
    for (size_t i = 0; i < mx * my; i++)
        out->value[i] /= most;
done:
    pcl_free(cut);
    pcl_free(half);
    pcl_free(full);
    return rc;
}

/* ---- Least squares ---- */

/* Solves the symmetric 3 x 3 system m q = v by Cholesky; false if m is not positive definite. */
static bool solve3(double m[3][3], const double v[3], double q[3]) {
    double l[3][3] = {{0}};
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = m[i][j];
            for (size_t k = 0; k < j; k++)
                sum -= l[i][k] * l[j][k];
            if (i == j && !(sum > 0))
                return false;
            l[i][j] = i == j ? sqrt(sum) : sum / l[j][j];
        }
    for (size_t i = 0; i < 3; i++) {
        q[i] = v[i];
        for (size_t k = 0; k < i; k++)
            q[i] -= l[i][k] * q[k];
        q[i] /= l[i][i];
    }
    for (size_t i = 3; i-- > 0;) {
        for (size_t k = i + 1; k < 3; k++)
            q[i] -= l[k][i] * q[k];
        q[i] /= l[i][i];
    }
    return true;
}

/* Normal equations of the residuals z - f at q: m = J^T J, v = J^T (z - f), and the sum of squares.
 * With log_fit those of the linear problem z^2 (ln z + q . (x^2, 2xy, y^2))^2 = min. */
static double normal_equations(const sample *s, size_t n, const double q[3], bool log_fit,
                               double m[3][3], double v[3]) {
    double squares = 0;
    for (size_t i = 0; i < 3; i++) {
        v[i] = 0;
        for (size_t j = 0; j < 3; j++)
            m[i][j] = 0;
    }
    for (size_t k = 0; k < n; k++) {
        const double b[3] = {s[k].x * s[k].x, 2 * s[k].x * s[k].y, s[k].y * s[k].y};
        const double f = exp(-(q[0] * b[0] + q[1] * b[1] + q[2] * b[2]));
        const double slope = log_fit ? -s[k].z : -f; /* d f / d q = slope * b */
        const double miss = log_fit ? s[k].z * log(s[k].z) : s[k].z - f;
        squares += miss * miss;
        for (size_t i = 0; i < 3; i++) {
            v[i] += slope * b[i] * miss;
            for (size_t j = 0; j < 3; j++)
                m[i][j] += slope * b[i] * slope * b[j];
        }
    }
    return squares;
}

static bool is_beam(const double q[3]) {
    return isfinite(q[0]) && isfinite(q[1]) && isfinite(q[2]) && q[0] > 0 && q[2] > 0 &&
           q[0] * q[2] > q[1] * q[1];
}

/* Levenberg-Marquardt on all samples, from the linear fit to the core's; q out: xx, xy, yy. False:
 * no convergence to a closed ellipse. */
static bool fit_gaussian(const sample *s, size_t n, const sample *core, size_t ncore, double q[3]) {
    double m[3][3], v[3], step[3], lambda = 1e-4;
    q[0] = q[1] = q[2] = 0;
    normal_equations(core, ncore, q, true, m, v);
    if (!solve3(m, v, q) || !is_beam(q))
        return false;
    double squares = normal_equations(s, n, q, false, m, v);
    for (int i = 0; i < MAX_STEPS; i++) {
        double damped[3][3], ignore_m[3][3], ignore_v[3];
        for (size_t j = 0; j < 3; j++)
            for (size_t k = 0; k < 3; k++)
                damped[j][k] = m[j][k] * (j == k ? 1 + lambda : 1);
        if (!solve3(damped, v, step))
            return false;
        const double size = fabs(step[0]) + fabs(step[1]) + fabs(step[2]);
        const double next[3] = {q[0] + step[0], q[1] + step[1], q[2] + step[2]};
        const double then =
            is_beam(next) ? normal_equations(s, n, next, false, ignore_m, ignore_v) : INFINITY;
        if (then <= squares) {
            for (size_t j = 0; j < 3; j++)
                q[j] = next[j];
            squares = normal_equations(s, n, q, false, m, v);
            lambda /= 10;
        } else {
            lambda *= 10;
        }
        if (size <= 1e-12 * (q[0] + q[2]))
            return true;
        if (lambda > 1e16)
            return true; /* no step is an improvement to the last bit */
    }
    return false;
}

/* Position angle of a direction in the image, theta from x to y; x grows to the west. */
static double position_angle(double theta) {
    double pa = atan2(-cos(theta), sin(theta));
    if (pa > M_PI_2)
        pa -= M_PI;
    if (pa <= -M_PI_2)
        pa += M_PI;
    return pa;
}

/* Ellipse from the exponent; units of the samples. */
static pcl_beam beam_of(const double q[3]) {
    const double mean = (q[0] + q[2]) / 2, half = hypot((q[0] - q[2]) / 2, q[1]);
    /* direction of the largest curvature: the minor axis */
    const double narrow = 0.5 * atan2(2 * q[1], q[0] - q[2]);
    const double fwhm2 = 4 * M_LN2;
    return (pcl_beam){sqrt(fwhm2 / (mean - half)), sqrt(fwhm2 / (mean + half)),
                      position_angle(narrow + M_PI_2)};
}

/* ---- The fit ---- */

/* One attempt at one cutoff. *found false: no convergence. Samples are in units of pixels of cell y
 * (so that the numbers are of order one), x scaled by the ratio of the cells. */
static int fit_at(const lobe *p, float peak, float cutoff, double ratio, bool *found, pcl_beam *out,
                  pclean_err *err) {
    fine window = {0};
    walk all = start_walk(p, SEARCH, cutoff * peak), core;
    sample *s = NULL, *of_core = NULL;
    *found = false;
    walk_all(&all);
    const box w = window_of(&all.bounds, p->nx, p->ny);
    const size_t kx = w.x1 - w.x0 + 1, ky = w.y1 - w.y0 + 1;
    const size_t factor = kx * ky > SAMPLES ? 1 : (size_t)sqrt((double)(SAMPLES / (kx * ky)));
    int rc = resample(p, peak, &w, factor, &window, err);
    if (rc)
        goto done;
    const lobe f = find_peak(window.value, window.nx, window.ny);
    all = start_walk(&f, (factor * (kx < ky ? kx : ky) - 1) / 2, cutoff);
    walk_all(&all);
    if ((rc = PCL_NEW(&s, all.n, "the samples of a beam fit", err)) ||
        (rc = PCL_NEW(&of_core, all.n, "the samples of a beam fit", err)))
        goto done;
    all.n = 0;
    all.dx = ratio / (double)factor;
    all.dy = 1 / (double)factor;
    core = all;
    all.out = s;
    core.out = of_core;
    walk_all(&all);
    walk_core(&core);
    double q[3];
    if (core.n >= 3 && fit_gaussian(s, all.n, of_core, core.n, q)) {
        *found = true;
        *out = beam_of(q);
    }
done:
    pcl_free(window.value);
    pcl_free(s);
    pcl_free(of_core);
    return rc;
}

static int check_psf(const float *psf, size_t nx, size_t ny, const lobe *p, pclean_err *err) {
    const float peak = psf[p->py * nx + p->px];
    for (size_t i = 0; i < nx * ny; i++)
        if (!isfinite(psf[i]))
            return PCL_FAIL(err, PCLEAN_EDATA,
                            "the PSF has pixels that are not finite; no beam can be fitted");
    if (peak < 1e-7f)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "the PSF is zero: there are no data for it; no beam can be fitted");
    if (4 * p->px < nx || 4 * p->px > 3 * nx || 4 * p->py < ny || 4 * p->py > 3 * ny)
        return PCL_FAIL(
            err, PCLEAN_EDATA,
            "the peak of the PSF, at pixel (%zu, %zu) of %zu x %zu, is not near the centre", p->px,
            p->py, nx, ny);
    return 0;
}

int pcl_beam_fit(const float *psf, const pcl_raster *raster, double cutoff, pcl_beam *out,
                 pclean_err *err) {
    const size_t nx = raster->nx, ny = raster->ny;
    const double cellx_rad = raster->cellx_rad, celly_rad = raster->celly_rad;
    *out = (pcl_beam){0, 0, 0};
    if (nx < SMALLEST || ny < SMALLEST)
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "an image of %zu x %zu pixels is too small for a beam fit", nx, ny);
    if (!(cellx_rad > 0) || !(celly_rad > 0) || !(cutoff > 0) || !(cutoff < 1))
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "beam fit: cells must be positive and the cutoff (%g) between 0 and 1",
                        cutoff);
    const lobe p = find_peak(psf, nx, ny);
    int rc = check_psf(psf, nx, ny, &p, err);
    const float peak = psf[p.py * nx + p.px];
    bool found = false;
    pcl_beam beam = {0, 0, 0};
    for (float c = (float)cutoff; !rc && !found && c > LAST_CUTOFF; c /= 1.5f)
        rc = fit_at(&p, peak, c, cellx_rad / celly_rad, &found, &beam, err);
    if (rc)
        return rc;
    if (!found)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "the main lobe of the PSF does not look like a Gaussian; use a smaller "
                        "cell or another weighting");
    const double width = fmax((double)nx * cellx_rad, (double)ny * celly_rad) / celly_rad;
    if (beam.major_rad > width)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "the main lobe of the PSF is wider (%.3g cells) than the image (%.3g "
                        "cells); make the image "
                        "larger or the cell coarser",
                        beam.major_rad, width);
    *out = (pcl_beam){beam.major_rad * celly_rad, beam.minor_rad * celly_rad, beam.pa_rad};
    return 0;
}

/* ---- The Gaussian ---- */

pcl_beam_form pcl_beam_pixel_form(const pcl_beam *beam, double cellx_rad, double celly_rad) {
    const double s = sin(beam->pa_rad), c = cos(beam->pa_rad);
    const double a = 4 * M_LN2 / (beam->major_rad * beam->major_rad),
                 b = 4 * M_LN2 / (beam->minor_rad * beam->minor_rad);
    /* major axis along (x, y) = (-sin pa, cos pa), minor along (cos pa, sin pa) */
    return (pcl_beam_form){(a * s * s + b * c * c) * cellx_rad * cellx_rad,
                           (b - a) * s * c * cellx_rad * celly_rad,
                           (a * c * c + b * s * s) * celly_rad * celly_rad};
}

/* Squares of widths along x and y and their mixed term: they add up when Gaussians are
 * convolved. */
static pcl_beam_form squared_widths(const pcl_beam *b) {
    const double s = sin(b->pa_rad), c = cos(b->pa_rad), major2 = b->major_rad * b->major_rad,
                 minor2 = b->minor_rad * b->minor_rad;
    return (pcl_beam_form){major2 * s * s + minor2 * c * c, (minor2 - major2) * s * c,
                           major2 * c * c + minor2 * s * s};
}

bool pcl_beam_between(const pcl_beam *from, const pcl_beam *to, pcl_beam *out) {
    const pcl_beam_form a = squared_widths(from), b = squared_widths(to);
    const double xx = b.xx - a.xx, xy = b.xy - a.xy, yy = b.yy - a.yy;
    const double mean = (xx + yy) / 2, half = hypot((xx - yy) / 2, xy);
    const bool wider = mean - half > 0;
    *out = wider ? (pcl_beam){sqrt(mean + half), sqrt(mean - half),
                              position_angle(0.5 * atan2(2 * xy, xx - yy))}
                 : (pcl_beam){0};
    return wider;
}

static double gaussian(const pcl_beam_form *f, double dx, double dy) {
    return exp(-(f->xx * dx * dx + 2 * f->xy * dx * dy + f->yy * dy * dy));
}

void pcl_beam_gaussian(const pcl_beam *beam, const pcl_raster *raster, float *out) {
    const size_t nx = raster->nx, ny = raster->ny;
    const pcl_beam_form f = pcl_beam_pixel_form(beam, raster->cellx_rad, raster->celly_rad);
    for (size_t y = 0; y < ny; y++)
        for (size_t x = 0; x < nx; x++)
            out[y * nx + x] =
                (float)gaussian(&f, (double)x - (double)(nx / 2), (double)y - (double)(ny / 2));
}

double pcl_beam_sidelobe(const float *psf, const pcl_raster *raster, const pcl_beam *beam) {
    const size_t nx = raster->nx, ny = raster->ny;
    const pcl_beam_form f = pcl_beam_pixel_form(beam, raster->cellx_rad, raster->celly_rad);
    const double narrow = f.yy - f.xy * f.xy / f.xx; /* least exponent of a row is narrow * dy^2 */
    double least = 0, most = 0;
    for (size_t y = 0; y < ny; y++) {
        const double dy = (double)y - (double)(ny / 2);
        const bool far = narrow * dy * dy > 40; /* Gaussian below 1e-17 */
        for (size_t x = 0; x < nx; x++) {
            const double dx = (double)x - (double)(nx / 2), p = (double)psf[y * nx + x];
            const double rest = far ? p : p - gaussian(&f, dx, dy);
            least = p < least ? p : least;
            most = rest > most ? rest : most;
        }
    }
    return fmax(-least, most);
}
