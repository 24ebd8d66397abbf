/* Three passes over the cube, plane by plane:
 * 1. noise of each plane; pixels that are significant: above 3.5 sigma in two neighbouring
 *    channels, or above 6 in one. Patches smaller than half a beam are dropped (one such patch of
 *    noise is expected per few hundred thousand beams), the rest is grown by half a beam, so that
 *    the wings count in the flux;
 * 2. the spectrum inside that region, unclipped, so that noise does not bias it; the channel range
 *    with emission;
 * 3. the channel maps and their sum over that range. */
#include "report/cubeview.h"
#include "base/mem.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIGMA_PAIR     3.5
#define SIGMA_SINGLE   6.0
#define NOISE_SAMPLES  20000
#define MAP_MAX_PIXELS 600

typedef struct workspace {
    float *pixels; /* [ny][nx] */
    bool *good;    /* [ny][nx] */
    bool *hot;     /* [ny][nx] above SIGMA_PAIR in the previous channel */
    bool *ever;    /* [ny][nx] good in some channel */
    float *sample; /* [NOISE_SAMPLES] */
    size_t *stack; /* [ny*nx] */
    double peak_snr, peak_value;
    size_t peak; /* index of the brightest pixel, in units of the noise */
} workspace;

static int compare_float(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static int compare_double(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double pcl_cube_channel_width(const pcl_cube_source *s, size_t i) {
    if (s->nchan < 2) {
        return 1;
    }
    size_t a = i > 0 ? i - 1 : i, b = i + 1 < s->nchan ? i + 1 : i;
    return fabs(s->axis[b] - s->axis[a]) / (double)(b - a);
}

/* Pixels per beam; 0 where the plane has no beam. */
static double beam_pixels(const pcl_cube_source *s, size_t ichan) {
    if (!s->beam) {
        return 0;
    }
    const casa_beam *b = &s->beam[ichan];
    return M_PI * b->major_rad * b->minor_rad / (4 * M_LN2 * s->cell_x_rad * s->cell_y_rad);
}

static double largest_beam_pixels(const pcl_cube_source *s) {
    double largest = 0;
    for (size_t i = 0; i < s->nchan; i++) {
        largest = fmax(largest, beam_pixels(s, i));
    }
    return largest;
}

/* Median of |pixel| times 1.4826, over an even sample of the good pixels. */
static double noise(const workspace *w, size_t n) {
    size_t step = n / NOISE_SAMPLES + 1, count = 0;
    for (size_t i = 0; i < n && count < NOISE_SAMPLES; i += step) {
        if (w->good[i]) {
            w->sample[count++] = fabsf(w->pixels[i]);
        }
    }
    if (count == 0) {
        return 0;
    }
    qsort(w->sample, count, sizeof *w->sample, compare_float);
    return 1.4826 * (double)w->sample[count / 2];
}

/* Reads a plane; NaN and Inf count as masked. */
static int read_plane(const pcl_cube_source *s, size_t ichan, workspace *w, pclean_err *err) {
    int rc = s->read(s->user, ichan, w->pixels, w->good, err);
    if (rc) {
        pcl_err_prefix(err, "channel %zu: ", ichan);
        return rc;
    }
    for (size_t i = 0; i < s->nx * s->ny; i++) {
        w->good[i] = w->good[i] && isfinite(w->pixels[i]);
    }
    return 0;
}

static void mark_significant(workspace *w, size_t n, double rms, bool *region) {
    for (size_t i = 0; i < n; i++) {
        double value = w->good[i] ? (double)w->pixels[i] : 0, snr = rms > 0 ? value / rms : 0;
        bool hot = snr > SIGMA_PAIR;
        region[i] = region[i] || (hot && w->hot[i]) || snr > SIGMA_SINGLE;
        w->hot[i] = hot;
        w->ever[i] = w->ever[i] || w->good[i];
        bool brighter =
            fabs(snr) > w->peak_snr || (w->peak_snr == 0 && fabs(value) > w->peak_value);
        if (brighter) {
            w->peak_snr = fabs(snr);
            w->peak_value = fabs(value);
            w->peak = i;
        }
    }
}

static int find_significant(const pcl_cube_source *s, workspace *w, pcl_cubeview *v,
                            pclean_err *err) {
    size_t n = s->nx * s->ny;
    for (size_t c = 0; c < s->nchan; c++) {
        int rc = read_plane(s, c, w, err);
        if (rc) {
            return rc;
        }
        v->rms[c] = noise(w, n);
        mark_significant(w, n, v->rms[c], v->region);
    }
    return 0;
}

static int typical_rms(const double *rms, size_t nchan, double *typical, pclean_err *err) {
    double *sorted;
    int rc = PCL_NEW(&sorted, nchan, "plane noises", err);
    if (rc) {
        return rc;
    }
    size_t n = 0;
    for (size_t i = 0; i < nchan; i++) {
        if (rms[i] > 0) {
            sorted[n++] = rms[i];
        }
    }
    qsort(sorted, n, sizeof *sorted, compare_double);
    *typical = n ? sorted[n / 2] : 0;
    pcl_free(sorted);
    return 0;
}

/* Pixels of the 4-connected patch around `seed`, listed in w->stack; w->hot marks those already
 * seen. */
static size_t collect_patch(const pcl_cube_source *s, const bool *region, size_t seed,
                            workspace *w) {
    size_t n = 0;
    w->hot[seed] = true;
    w->stack[n++] = seed;
    for (size_t k = 0; k < n; k++) {
        size_t i = w->stack[k], x = i % s->nx, y = i / s->nx;
        size_t next[4] = {x > 0 ? i - 1 : i, x + 1 < s->nx ? i + 1 : i, y > 0 ? i - s->nx : i,
                          y + 1 < s->ny ? i + s->nx : i};
        for (int j = 0; j < 4; j++) {
            if (region[next[j]] && !w->hot[next[j]]) {
                w->hot[next[j]] = true;
                w->stack[n++] = next[j];
            }
        }
    }
    return n;
}

static void drop_small_patches(const pcl_cube_source *s, bool *region, double min_pixels,
                               workspace *w) {
    memset(w->hot, 0, s->nx * s->ny * sizeof *w->hot);
    for (size_t i = 0; i < s->nx * s->ny; i++) {
        if (!region[i] || w->hot[i]) {
            continue;
        }
        size_t n = collect_patch(s, region, i, w);
        for (size_t k = 0; (double)n < min_pixels && k < n; k++) {
            region[w->stack[k]] = false;
        }
    }
}

/* Sets the pixels of a disc around pixel i, where the image is ever good. */
static void set_disc(const pcl_cube_source *s, size_t i, double radius, const bool *ever,
                     bool *out) {
    long x = (long)(i % s->nx), y = (long)(i / s->nx), r = (long)radius;
    for (long dy = -r; dy <= r; dy++) {
        for (long dx = -r; dx <= r; dx++) {
            bool inside =
                x + dx >= 0 && x + dx < (long)s->nx && y + dy >= 0 && y + dy < (long)s->ny;
            if (inside && (double)(dx * dx + dy * dy) <= radius * radius) {
                size_t j = (size_t)(y + dy) * s->nx + (size_t)(x + dx);
                out[j] = ever[j];
            }
        }
    }
}

static void grow_region(const pcl_cube_source *s, double radius, workspace *w, pcl_cubeview *v) {
    size_t n = s->nx * s->ny;
    memcpy(w->hot, v->region, n * sizeof *w->hot);
    for (size_t i = 0; i < n; i++) {
        if (w->hot[i]) {
            set_disc(s, i, radius, w->ever, v->region);
        }
    }
}

static size_t count_true(const bool *b, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        count += b[i];
    }
    return count;
}

/* Significant pixels -> region; without any, one beam at the brightest pixel. */
static void finish_region(const pcl_cube_source *s, workspace *w, pcl_cubeview *v) {
    double beam = largest_beam_pixels(s), half_width = sqrt(fmax(beam, 1) / M_PI);
    drop_small_patches(s, v->region, fmax(0.5 * beam, 2), w);
    v->found = count_true(v->region, s->nx * s->ny) > 0;
    if (v->found) {
        grow_region(s, half_width, w, v);
    } else {
        set_disc(s, w->peak, beam > 0 ? half_width : 0, w->ever, v->region);
    }
    v->nregion = count_true(v->region, s->nx * s->ny);
}

static int measure_spectrum(const pcl_cube_source *s, workspace *w, pcl_cubeview *v,
                            pclean_err *err) {
    for (size_t c = 0; c < s->nchan; c++) {
        int rc = read_plane(s, c, w, err);
        if (rc) {
            return rc;
        }
        double beam = beam_pixels(s, c), sum = 0;
        for (size_t i = 0; i < s->nx * s->ny; i++) {
            sum += v->region[i] && w->good[i] ? (double)w->pixels[i] : 0;
        }
        bool pixel = beam <= 0; /* no beam: no flux; the brightest pixel's values instead */
        double brightest = w->good[w->peak] ? (double)w->pixels[w->peak] : 0;
        v->spectrum[c] = pixel ? brightest : sum / beam;
        v->spectrum_rms[c] =
            pixel ? v->rms[c] : v->rms[c] * sqrt(fmax((double)v->nregion / beam, 1));
    }
    return 0;
}

/* First and last channel above 3 sigma that has a neighbour above 2, and one channel more on each
 * side. */
static void find_channel_range(size_t nchan, pcl_cubeview *v) {
    size_t lo = nchan, hi = 0;
    for (size_t c = 0; c < nchan; c++) {
        bool left = c > 0 && v->spectrum[c - 1] > 2 * v->spectrum_rms[c - 1];
        bool right = c + 1 < nchan && v->spectrum[c + 1] > 2 * v->spectrum_rms[c + 1];
        bool here = v->spectrum_rms[c] > 0 && v->spectrum[c] > 3 * v->spectrum_rms[c];
        if (here && (left || right || v->spectrum[c] > 6 * v->spectrum_rms[c])) {
            lo = c < lo ? c : lo;
            hi = c;
        }
    }
    bool some = v->found && lo < nchan;
    v->chan_lo = some && lo > 0 ? lo - 1 : 0;
    v->chan_hi = some && hi + 1 < nchan ? hi + 1 : nchan - 1;
}

typedef struct box {
    size_t x0, x1, y0, y1; /* inclusive */
} box;

static box bounding_box(const bool *b, size_t nx, size_t ny) {
    box r = {nx, 0, ny, 0};
    for (size_t i = 0; i < nx * ny; i++) {
        if (b[i]) {
            size_t x = i % nx, y = i / nx;
            r.x0 = x < r.x0 ? x : r.x0;
            r.x1 = x > r.x1 ? x : r.x1;
            r.y0 = y < r.y0 ? y : r.y0;
            r.y1 = y > r.y1 ? y : r.y1;
        }
    }
    return r.x0 > r.x1 ? (box){0, nx - 1, 0, ny - 1} : r;
}

/* [*first, *first + *count) = about `size` pixels around `centre`, inside 0 ... n. */
static void place_interval(double centre, double size, size_t n, size_t *first, size_t *count) {
    double want = fmin(fmax(ceil(size), 8), (double)n);
    double start = fmin(fmax(round(centre - want / 2), 0), (double)n - want);
    *first = (size_t)start;
    *count = (size_t)want;
}

/* A window that is square on the sky: the field asked for; or 1.6 x the region and at least 10
 * beams; or all good pixels. */
static void choose_window(const pcl_cube_source *s, double field_rad, const bool *ever,
                          pcl_cubeview *v) {
    bool automatic = field_rad <= 0, zoom = v->found && s->nchan > 1;
    box b = bounding_box(zoom ? v->region : ever, s->nx, s->ny);
    double beam = sqrt(fmax(largest_beam_pixels(s), 1) * s->cell_x_rad * s->cell_y_rad);
    double span_x = (double)(b.x1 - b.x0 + 1) * s->cell_x_rad,
           span_y = (double)(b.y1 - b.y0 + 1) * s->cell_y_rad;
    double side = automatic ? fmax(span_x, span_y) : field_rad;
    if (automatic && zoom) {
        side = fmax(1.6 * side, 10 * beam);
    }
    bool whole = automatic && !zoom;
    place_interval(0.5 * (double)(b.x0 + b.x1 + 1), (whole ? span_x : side) / s->cell_x_rad, s->nx,
                   &v->x0, &v->nx);
    place_interval(0.5 * (double)(b.y0 + b.y1 + 1), (whole ? span_y : side) / s->cell_y_rad, s->ny,
                   &v->y0, &v->ny);
    size_t longest = v->nx > v->ny ? v->nx : v->ny;
    v->bin = (longest + MAP_MAX_PIXELS - 1) / MAP_MAX_PIXELS;
    v->map_nx = v->nx / v->bin;
    v->map_ny = v->ny / v->bin;
    v->nx = v->map_nx * v->bin;
    v->ny = v->map_ny * v->bin;
}

/* One map pixel: mean of the good pixels of its bin, NaN without any. */
static float bin_mean(const pcl_cube_source *s, const workspace *w, const pcl_cubeview *v,
                      size_t mx, size_t my) {
    double sum = 0;
    size_t n = 0;
    for (size_t y = v->y0 + my * v->bin; y < v->y0 + (my + 1) * v->bin; y++) {
        for (size_t x = v->x0 + mx * v->bin; x < v->x0 + (mx + 1) * v->bin; x++) {
            if (w->good[y * s->nx + x]) {
                sum += (double)w->pixels[y * s->nx + x];
                n++;
            }
        }
    }
    return n ? (float)(sum / (double)n) : NAN;
}

/* Adds the plane in w to the moment map and, panel given, stores it there. */
static void add_plane(const pcl_cube_source *s, const workspace *w, double width, float *panel,
                      pcl_cubeview *v) {
    for (size_t my = 0; my < v->map_ny; my++) {
        for (size_t mx = 0; mx < v->map_nx; mx++) {
            size_t i = my * v->map_nx + mx;
            float value = bin_mean(s, w, v, mx, my);
            if (panel) {
                panel[i] = value;
            }
            if (!isnan(value)) {
                v->moment0[i] = (isnan(v->moment0[i]) ? 0 : v->moment0[i]) + value * (float)width;
            }
        }
    }
}

static int make_maps(const pcl_cube_source *s, workspace *w, pcl_cubeview *v, pclean_err *err) {
    size_t n = v->map_nx * v->map_ny;
    for (size_t i = 0; i < n; i++) {
        v->moment0[i] = NAN;
    }
    size_t ipanel = 0;
    for (size_t c = v->chan_lo; c <= v->chan_hi; c++) {
        int rc = read_plane(s, c, w, err);
        if (rc) {
            return rc;
        }
        bool shown = (c - v->chan_lo) % v->stride == 0 && ipanel < v->npanel;
        if (shown) {
            v->panel_chan[ipanel] = c;
        }
        add_plane(s, w, pcl_cube_channel_width(s, c), shown ? v->panel + n * ipanel++ : NULL, v);
    }
    return 0;
}

static int allocate_planes(const pcl_cube_source *s, workspace *w, pcl_cubeview *v,
                           pclean_err *err) {
    size_t n = s->nx * s->ny;
    int rc = PCL_NEW(&w->pixels, n, "plane", err);
    rc = rc ? rc : PCL_NEW(&w->good, n, "mask of a plane", err);
    rc = rc ? rc : PCL_ZNEW(&w->hot, n, "marks of a plane", err);
    rc = rc ? rc : PCL_ZNEW(&w->ever, n, "marks of a plane", err);
    rc = rc ? rc : PCL_NEW(&w->sample, NOISE_SAMPLES, "noise sample", err);
    rc = rc ? rc : PCL_NEW(&w->stack, n, "pixel list", err);
    rc = rc ? rc : PCL_ZNEW(&v->region, n, "emission region", err);
    rc = rc ? rc : PCL_ZNEW(&v->rms, s->nchan, "plane noises", err);
    rc = rc ? rc : PCL_ZNEW(&v->spectrum, s->nchan, "spectrum", err);
    return rc ? rc : PCL_ZNEW(&v->spectrum_rms, s->nchan, "spectrum", err);
}

static int allocate_maps(size_t max_panels, pcl_cubeview *v, pclean_err *err) {
    size_t nchan = v->chan_hi - v->chan_lo + 1, most = max_panels ? max_panels : 1;
    v->stride = (nchan + most - 1) / most;
    v->npanel = (nchan + v->stride - 1) / v->stride;
    int rc = PCL_ZNEW(&v->panel_chan, v->npanel, "panels", err);
    rc = rc ? rc : PCL_NEW(&v->panel, v->npanel * v->map_nx * v->map_ny, "channel maps", err);
    return rc ? rc : PCL_NEW(&v->moment0, v->map_nx * v->map_ny, "moment map", err);
}

static void clear_workspace(workspace *w) {
    pcl_free(w->stack);
    pcl_free(w->sample);
    pcl_free(w->ever);
    pcl_free(w->hot);
    pcl_free(w->good);
    pcl_free(w->pixels);
}

static int make_view(const pcl_cube_source *s, double field_rad, size_t max_panels, workspace *w,
                     pcl_cubeview *v, pclean_err *err) {
    int rc = allocate_planes(s, w, v, err);
    rc = rc ? rc : find_significant(s, w, v, err);
    rc = rc ? rc : typical_rms(v->rms, s->nchan, &v->rms_typical, err);
    if (rc) {
        return rc;
    }
    finish_region(s, w, v);
    rc = measure_spectrum(s, w, v, err);
    if (rc) {
        return rc;
    }
    find_channel_range(s->nchan, v);
    choose_window(s, field_rad, w->ever, v);
    rc = allocate_maps(max_panels, v, err);
    return rc ? rc : make_maps(s, w, v, err);
}

int pcl_cubeview_make(const pcl_cube_source *source, double field_rad, size_t max_panels,
                      pcl_cubeview *view, pclean_err *err) {
    workspace w = {0};
    *view = (pcl_cubeview){0};
    int rc = make_view(source, field_rad, max_panels, &w, view, err);
    clear_workspace(&w);
    if (rc) {
        pcl_cubeview_clear(view);
    }
    return rc;
}

void pcl_cubeview_clear(pcl_cubeview *v) {
    pcl_free(v->moment0);
    pcl_free(v->panel);
    pcl_free(v->panel_chan);
    pcl_free(v->spectrum_rms);
    pcl_free(v->spectrum);
    pcl_free(v->region);
    pcl_free(v->rms);
    *v = (pcl_cubeview){0};
}
