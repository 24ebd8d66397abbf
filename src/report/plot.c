/* The picture of an image: reading and describing it (load_*), choosing scales (choose_*), the
 * layout (draw_*). The canvas is 2000 x 1125 (16:9, a slide) or 1300 x 1180 units, whatever the
 * number of pixels. */
#include "pclean/plot.h"
#include "base/err.h"
#include "base/fsutil.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/sized.h"
#include "casa/casa.h"
#include "image/needed.h"
#include "image/virtual.h"
#include "report/cubeview.h"
#include "report/draw.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define C_KM_S 299792.458
#define FONT   17.0
#define ARCSEC (M_PI / 180 / 3600)
#define MINUS  "\xe2\x88\x92"
#define TIMES  "\xc3\x97"
#define MICRO  "\xc2\xb5"

typedef struct unit {
    double size; /* of one unit in the base unit */
    const char *name;
} unit;

typedef struct picture {
    const char *path;
    pclean_plot_options options;
    casa_image *image;
    casa_image_desc desc;
    double *freq_hz, *axis; /* [nchan] */
    casa_beam *beam;        /* [nchan] */
    bool any_beam, velocity;
    bool flux;       /* the unit is Jy/beam: sums over a region are flux densities */
    unit axis_unit;  /* of axis: km/s, MHz, GHz */
    unit pixel_unit; /* Jy/beam, mJy/beam ... */
    unit angle_unit; /* of the offsets */
    pcl_cube_source source;
    pcl_cubeview view;
    pcl_scale scale;
    uint32_t map[PCL_COLORMAP_SIZE];
} picture;

static const pclean_plot_options defaults = {.size = sizeof defaults, .max_panels = 25};

void pclean_plot_options_init(pclean_plot_options *options, size_t size) {
    pcl_sized_init(options, size, &defaults, sizeof defaults);
}

/* ---- the image ---- */

static int read_source_plane(void *user, size_t ichan, float *pixels, bool *good, pclean_err *err) {
    return casa_image_read_plane(user, 0, ichan, pixels, good, err);
}

static int load_channels(picture *p, pclean_err *err) {
    size_t n = p->desc.nchan;
    int rc = PCL_NEW(&p->freq_hz, n, "frequencies", err);
    rc = rc ? rc : PCL_NEW(&p->axis, n, "spectral axis", err);
    rc = rc ? rc : PCL_ZNEW(&p->beam, n, "beams", err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        p->freq_hz[i] = p->desc.chan_freq_hz ? p->desc.chan_freq_hz[i]
                                             : p->desc.crval_hz + (double)i * p->desc.cdelt_hz;
        bool has = false;
        rc = casa_image_get_beam(p->image, 0, i, &p->beam[i], &has, err);
        if (!has) {
            p->beam[i] = (casa_beam){0};
        }
        p->any_beam = p->any_beam || has;
    }
    return rc;
}

/* Radio velocities where the rest frequency belongs to the band: a continuum cube spans far more
 * than 20 000 km/s. */
static void choose_axis(picture *p) {
    size_t n = p->desc.nchan;
    double f0 = p->desc.restfreq_hz, span = fabs(p->freq_hz[n - 1] - p->freq_hz[0]);
    p->velocity = f0 > 0 && C_KM_S * span / f0 < 20000 && fabs(1 - p->freq_hz[0] / f0) < 0.7;
    double top = fmax(p->freq_hz[0], p->freq_hz[n - 1]);
    p->axis_unit = top >= 1e9 ? (unit){1e9, "GHz"} : (unit){1e6, "MHz"};
    if (p->velocity) {
        p->axis_unit = (unit){1, "km/s"};
    }
    for (size_t i = 0; i < n; i++) {
        p->axis[i] =
            p->velocity ? C_KM_S * (1 - p->freq_hz[i] / f0) : p->freq_hz[i] / p->axis_unit.size;
    }
}

static int load_image(picture *p, pclean_err *err) {
    int rc = casa_init(err);
    rc = rc ? rc : pcl_virtual_open(p->path, &p->image, err);
    rc = rc ? rc : casa_image_get_desc(p->image, &p->desc, err);
    if (rc) {
        return rc;
    }
    const casa_image_desc *d = &p->desc;
    if (d->nx < 2 || d->ny < 2 || d->npol < 1 || d->nchan < 1 ||
        !(d->increment_x_rad * d->increment_y_rad != 0)) {
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "%s: not an image of the sky (%zu x %zu pixels, %zu channels)", p->path,
                        d->nx, d->ny, d->nchan);
    }
    rc = load_channels(p, err);
    if (rc) {
        return rc;
    }
    choose_axis(p);
    p->flux = d->unit && strcmp(d->unit, "Jy/beam") == 0;
    p->source = (pcl_cube_source){.nx = d->nx,
                                  .ny = d->ny,
                                  .nchan = d->nchan,
                                  .cell_x_rad = fabs(d->increment_x_rad),
                                  .cell_y_rad = fabs(d->increment_y_rad),
                                  .axis = p->axis,
                                  .beam = p->any_beam && p->flux ? p->beam : NULL,
                                  .read = read_source_plane,
                                  .user = p->image};
    return 0;
}

/* ---- units and scales ---- */

/* Jy, mJy, uJy or nJy for values up to `largest`; other units are shown as they are. */
static unit flux_unit(const char *name, double largest) {
    static const struct {
        double size;
        const char *jy, *beam, *pixel;
    } table[] = {{1, "Jy", "Jy/beam", "Jy/pixel"},
                 {1e-3, "mJy", "mJy/beam", "mJy/pixel"},
                 {1e-6, MICRO "Jy", MICRO "Jy/beam", MICRO "Jy/pixel"},
                 {1e-9, "nJy", "nJy/beam", "nJy/pixel"}};
    size_t i = 0;
    while (i < 3 && largest < table[i].size) {
        i++;
    }
    if (strcmp(name, "Jy") == 0) {
        return (unit){table[i].size, table[i].jy};
    }
    if (strcmp(name, "Jy/beam") == 0) {
        return (unit){table[i].size, table[i].beam};
    }
    if (strcmp(name, "Jy/pixel") == 0) {
        return (unit){table[i].size, table[i].pixel};
    }
    return (unit){1, name};
}

static unit choose_angle_unit(double window_rad) {
    double arcsec = window_rad / ARCSEC;
    if (arcsec > 5 * 3600) {
        return (unit){3600 * ARCSEC, "deg"};
    }
    if (arcsec > 300) {
        return (unit){60 * ARCSEC, "arcmin"};
    }
    return arcsec > 1 ? (unit){ARCSEC, "arcsec"} : (unit){ARCSEC / 1000, "mas"};
}

static void find_range(const float *v, size_t n, double *lo, double *hi) {
    *lo = INFINITY;
    *hi = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        if (!isnan(v[i])) {
            *lo = fmin(*lo, (double)v[i]);
            *hi = fmax(*hi, (double)v[i]);
        }
    }
}

/* From -3 rms to the brightest pixel; asinh when that is over 60 rms, so that noise and peak are
 * both seen. */
static pcl_scale choose_scale(const float *v, size_t n, double rms) {
    pcl_scale s;
    find_range(v, n, &s.lo, &s.hi);
    if (!(s.hi >= s.lo)) { /* all masked */
        return (pcl_scale){0, 1, 0};
    }
    bool noisy = rms > 0 && s.hi > 4 * rms;
    s.lo = noisy ? fmax(s.lo, -3 * rms) : s.lo;
    s.hi = s.hi > s.lo ? s.hi : s.lo + fmax(fabs(s.lo), 1e-30);
    s.soft = noisy && s.hi > 60 * rms ? 3 * rms : 0;
    return s;
}

static void choose_scales(picture *p) {
    const pcl_cubeview *v = &p->view;
    p->scale = choose_scale(v->panel, v->npanel * v->map_nx * v->map_ny, v->rms_typical);
    p->pixel_unit = flux_unit(p->desc.unit ? p->desc.unit : "", p->scale.hi);
    p->angle_unit = choose_angle_unit((double)v->ny * p->source.cell_y_rad);
    pcl_colormap_fill(p->map);
}

/* ---- one map ---- */

/* Sky offsets (angle_unit) from the reference pixel at the window's edges. */
static pcl_axes sky_axes(const picture *p, pcl_rect r) {
    const pcl_cubeview *v = &p->view;
    const casa_image_desc *d = &p->desc;
    double x = (double)v->x0 - 0.5 - d->crpix_x, y = (double)v->y0 - 0.5 - d->crpix_y;
    double sx = d->increment_x_rad / p->angle_unit.size,
           sy = d->increment_y_rad / p->angle_unit.size;
    return (pcl_axes){r, x * sx, (x + (double)v->nx) * sx, y * sy, (y + (double)v->ny) * sy};
}

/* The beam in the lower left corner, white with a dark edge; position angle from north (up) to east
 * (left). */
static void draw_beam(cairo_t *cr, const picture *p, pcl_rect r, const casa_beam *beam) {
    if (beam->major_rad <= 0) {
        return;
    }
    double pixels_per_rad = r.h / ((double)p->view.ny * p->source.cell_y_rad);
    double major = fmax(beam->major_rad * pixels_per_rad, 2),
           minor = fmax(beam->minor_rad * pixels_per_rad, 2);
    if (major > 0.4 * r.w) {
        return;
    }
    double pad = 0.5 * major + 0.035 * r.w + 4;
    cairo_new_path(cr);
    cairo_save(cr);
    cairo_translate(cr, r.x + pad, r.y + r.h - pad);
    cairo_rotate(cr, p->desc.increment_x_rad < 0 ? -beam->pa_rad : beam->pa_rad);
    cairo_scale(cr, minor / 2, major / 2);
    cairo_arc(cr, 0, 0, 1, 0, 2 * M_PI);
    cairo_restore(cr);
    cairo_set_source_rgba(cr, 0, 0, 0, 0.7);
    cairo_set_line_width(cr, 4);
    cairo_stroke_preserve(cr);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_fill(cr);
}

static const casa_beam *beam_of(const picture *p, size_t ichan) {
    static const casa_beam none;
    return p->any_beam ? &p->beam[ichan] : &none;
}

/* ---- texts ---- */

static void number_for(char *buf, size_t size, double value, double resolution) {
    int digits = resolution >= 10 ? 0 : 1;
    if (resolution < 1) {
        digits = (int)fmin(ceil(1 - log10(fmax(resolution, 1e-9))), 9);
    }
    snprintf(buf, size, "%s%.*f", value < 0 ? MINUS : "", digits, fabs(value));
}

static void channel_text(const picture *p, size_t ichan, char *buf, size_t size) {
    char number[48];
    number_for(number, sizeof number, p->axis[ichan], pcl_cube_channel_width(&p->source, ichan));
    snprintf(buf, size, "%s %s", number, p->axis_unit.name);
}

static void append(char *buf, size_t size, const char *separator, const char *text) {
    size_t used = strlen(buf);
    if (*text) {
        snprintf(buf + used, size - used, "%s%s", used ? separator : "", text);
    }
}

static const char *text_or_empty(const char *text) {
    return text ? text : "";
}

static void title_text(const picture *p, char *buf, size_t size) {
    buf[0] = 0;
    append(buf, size, "", text_or_empty(p->options.title ? p->options.title : p->desc.object));
    if (!p->options.title) {
        append(buf, size, "  \xc2\xb7  ", text_or_empty(p->desc.telescope));
    }
}

static void beam_text(const picture *p, char *buf, size_t size) {
    size_t mid = (p->view.chan_lo + p->view.chan_hi) / 2;
    const casa_beam *b = beam_of(p, mid);
    /* arcsec for all but the largest and the smallest beams */
    bool usual = b->major_rad >= 0.1 * ARCSEC && b->major_rad <= 300 * ARCSEC;
    unit u = choose_angle_unit(usual ? 2 * ARCSEC : b->major_rad);
    if (b->major_rad > 0) {
        double minor = b->minor_rad / u.size;
        int digits = minor >= 10 ? 1 : 2;
        snprintf(buf, size, "beam %.*f " TIMES " %.*f %s, PA %.0f\xc2\xb0", digits,
                 b->major_rad / u.size, digits, minor, u.name, b->pa_rad * 180 / M_PI);
    }
}

static void rms_text(const picture *p, char *buf, size_t size) {
    if (p->view.rms_typical > 0) {
        unit u = flux_unit(text_or_empty(p->desc.unit), p->view.rms_typical);
        snprintf(buf, size, "rms %.3g %s", p->view.rms_typical / u.size, u.name);
    }
}

static void channels_text(const picture *p, char *buf, size_t size) {
    const char *frame = casa_freq_frame_name(p->desc.freq_frame);
    if (p->desc.nchan < 2) {
        snprintf(buf, size, "%.6g GHz %s", p->freq_hz[0] / 1e9, frame);
        return;
    }
    double width = pcl_cube_channel_width(&p->source, p->desc.nchan / 2);
    char every[48] = "";
    if (p->view.stride > 1) {
        snprintf(every, sizeof every, " in steps of %zu", p->view.stride);
    }
    snprintf(buf, size, "channels %zu to %zu of %zu%s, %.4g %s wide, %s", p->view.chan_lo,
             p->view.chan_hi, p->desc.nchan, every, width, p->axis_unit.name, frame);
}

static void subtitle_text(const picture *p, char *buf, size_t size) {
    char part[160];
    buf[0] = 0;
    void (*const parts[])(const picture *, char *, size_t) = {channels_text, beam_text, rms_text};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        part[0] = 0;
        parts[i](p, part, sizeof part);
        append(buf, size, "   \xc2\xb7   ", part);
    }
}

/* "J2000 15h22m00.0s +05d04'00"": the place that the offsets count from. */
static void centre_text(const picture *p, char *buf, size_t size) {
    const casa_direction *c = &p->desc.centre;
    double hours = fmod(c->lon_rad * 12 / M_PI + 48, 24), deg = fabs(c->lat_rad) * 180 / M_PI;
    long ts = lround(hours * 36000) % 864000, as = lround(deg * 3600);
    snprintf(
        buf, size,
        "offsets from %s %02ldh%02ldm%02ld.%lds %s%02ld\xc2\xb0%02ld\xe2\x80\xb2%02ld\xe2\x80\xb3",
        casa_direction_frame_name(c->frame), ts / 36000, ts / 600 % 60, ts / 10 % 60, ts % 10,
        c->lat_rad < 0 ? MINUS : "+", as / 3600, as / 60 % 60, as % 60);
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static void draw_texts(cairo_t *cr, const picture *p, double width, double height) {
    char text[600];
    title_text(p, text, sizeof text);
    pcl_draw_text(cr, 40, 50, (pcl_text_style){30, 0.05, PCL_LEFT, true}, text);
    subtitle_text(p, text, sizeof text);
    double size =
        fmin(FONT + 1, (FONT + 1) * (width - 80) / pcl_draw_text_width(cr, FONT + 1, false, text));
    pcl_draw_text(cr, 40, 82, (pcl_text_style){size, 0.3, PCL_LEFT, false}, text);
    pcl_draw_text(cr, 40, height - 16, (pcl_text_style){13, 0.45, PCL_LEFT, false},
                  base_name(p->path));
    centre_text(p, text, sizeof text);
    pcl_draw_text(cr, width - 40, height - 16, (pcl_text_style){13, 0.45, PCL_RIGHT, false}, text);
}

/* ---- channel maps ---- */

typedef struct grid {
    size_t ncol, nrow;
    double w, h; /* of a panel */
    pcl_rect r;  /* of all */
} grid;

/* The number of columns that gives the largest panels inside `space`. */
static grid choose_grid(const picture *p, pcl_rect space) {
    const pcl_cubeview *v = &p->view;
    double aspect = (double)v->nx * p->source.cell_x_rad / ((double)v->ny * p->source.cell_y_rad);
    grid best = {0};
    for (size_t ncol = 1; ncol <= v->npanel; ncol++) {
        size_t nrow = (v->npanel + ncol - 1) / ncol;
        double h = fmin(space.h / (double)nrow, space.w / (double)ncol / aspect);
        if (h > best.h) {
            best = (grid){ncol,
                          nrow,
                          h * aspect,
                          h,
                          {space.x, space.y, h * aspect * (double)ncol, h * (double)nrow}};
        }
    }
    best.r.y += (space.h - best.r.h) / 2;
    return best;
}

static void draw_panel(cairo_t *cr, const picture *p, const grid *g, size_t i) {
    const pcl_cubeview *v = &p->view;
    size_t col = i % g->ncol, row = i / g->ncol;
    pcl_rect r = {g->r.x + (double)col * g->w, g->r.y + (double)row * g->h, g->w, g->h};
    pcl_draw_map(cr, r, v->panel + i * v->map_nx * v->map_ny, v->map_nx, v->map_ny, &p->scale,
                 p->map);
    bool lowest = i + g->ncol >= v->npanel;
    pcl_axes a = sky_axes(p, r);
    double font = fmin(FONT - 2, fmax(11, g->w / 13));
    pcl_draw_axes(cr, &a, (lowest ? PCL_AXIS_X : 0) | (col == 0 ? PCL_AXIS_Y : 0), font, 0.85,
                  fmin(6, g->w / 40), fmin(6, g->h / 40));
    char text[80];
    channel_text(p, v->panel_chan[i], text, sizeof text);
    double size = fmin(20, g->w / 11);
    pcl_draw_label(cr, r.x + 0.6 * size, r.y + 1.35 * size, size, text);
    if (col == 0 && (lowest || row + 1 == g->nrow)) {
        draw_beam(cr, p, r, beam_of(p, v->panel_chan[i]));
    }
}

static void sky_labels(cairo_t *cr, const picture *p, pcl_rect r, double font) {
    char text[64];
    snprintf(text, sizeof text, "RA offset (%s)", p->angle_unit.name);
    pcl_draw_text(cr, r.x + r.w / 2, r.y + r.h + 2.9 * font,
                  (pcl_text_style){font, 0.15, PCL_CENTRE, false}, text);
    snprintf(text, sizeof text, "Dec offset (%s)", p->angle_unit.name);
    pcl_draw_text_up(cr, r.x - 3.3 * font, r.y + r.h / 2, font, 0.15, text);
}

static grid draw_channel_maps(cairo_t *cr, const picture *p, pcl_rect space) {
    grid g = choose_grid(p, space);
    for (size_t i = 0; i < p->view.npanel; i++) {
        draw_panel(cr, p, &g, i);
    }
    sky_labels(cr, p, g.r, FONT);
    pcl_rect bar = {g.r.x + g.r.w + 14, g.r.y, 22, g.r.h};
    pcl_draw_colorbar(cr, bar, &p->scale, p->pixel_unit.size, p->pixel_unit.name, FONT - 1, p->map);
    return g;
}

/* ---- moment 0 and spectrum ---- */

/* Returns the lower edge of the map. */
static double draw_moment(cairo_t *cr, const picture *p, pcl_rect space) {
    const pcl_cubeview *v = &p->view;
    double aspect = (double)v->nx * p->source.cell_x_rad / ((double)v->ny * p->source.cell_y_rad);
    double h = fmin(space.h, (space.w - 130) / aspect);
    pcl_rect r = {space.x, space.y, h * aspect, h};
    double width = pcl_cube_channel_width(&p->source, (v->chan_lo + v->chan_hi) / 2);
    double rms = v->rms_typical * width * sqrt((double)(v->chan_hi - v->chan_lo + 1));
    pcl_scale scale = choose_scale(v->moment0, v->map_nx * v->map_ny, rms);
    pcl_draw_map(cr, r, v->moment0, v->map_nx, v->map_ny, &scale, p->map);
    if (v->found) {
        cairo_set_source_rgba(cr, 1, 1, 1, 0.8);
        cairo_set_line_width(cr, 1.2);
        pcl_draw_outline(cr, r, v->region + v->y0 * p->source.nx + v->x0, p->source.nx, v->nx,
                         v->ny);
    }
    pcl_axes a = sky_axes(p, r);
    pcl_draw_axes(cr, &a, PCL_AXIS_X | PCL_AXIS_Y, FONT - 2, 0.85, 6, 6);
    sky_labels(cr, p, r, FONT - 1);
    draw_beam(cr, p, r, beam_of(p, (v->chan_lo + v->chan_hi) / 2));
    pcl_draw_label(cr, r.x + 12, r.y + 27, 18, "integrated intensity");
    char label[80];
    unit u = flux_unit(p->desc.unit ? p->desc.unit : "", scale.hi);
    snprintf(label, sizeof label, "%s %s %s", u.name, *u.name ? "\xc2\xb7" : "", p->axis_unit.name);
    pcl_draw_colorbar(cr, (pcl_rect){r.x + r.w + 12, r.y, 20, r.h}, &scale, u.size, label, FONT - 2,
                      p->map);
    return r.y + r.h;
}

/* Spectral values in ascending order of the axis; returns the sum of value x channel width over
 * lo..hi. */
static double sorted_spectrum(const picture *p, double unit_size, double *x, double *y,
                              double *noise) {
    const pcl_cubeview *v = &p->view;
    size_t n = p->desc.nchan;
    double flux = 0;
    for (size_t i = 0; i < n; i++) {
        size_t c = p->axis[0] <= p->axis[n - 1] ? i : n - 1 - i;
        x[i] = p->axis[c];
        y[i] = v->spectrum[c] / unit_size;
        noise[i] = v->spectrum_rms[c] / unit_size;
        bool inside = c >= v->chan_lo && c <= v->chan_hi;
        flux += inside ? v->spectrum[c] * pcl_cube_channel_width(&p->source, c) : 0;
    }
    return flux;
}

static pcl_axes spectrum_axes(const picture *p, pcl_rect r, const double *x, const double *y,
                              const double *noise) {
    size_t n = p->desc.nchan;
    double edge = 0.5 * pcl_cube_channel_width(&p->source, 0), lo = 0, hi = 0;
    for (size_t i = 0; i < n; i++) {
        lo = fmin(lo, fmin(y[i], -1.5 * noise[i]));
        hi = fmax(hi, fmax(y[i], 1.5 * noise[i]));
    }
    hi = hi > lo ? hi : lo + 1;
    return (pcl_axes){r, x[0] - edge, x[n - 1] + edge, lo - 0.06 * (hi - lo),
                      hi + 0.16 * (hi - lo)};
}

static void vertical_band(cairo_t *cr, const pcl_axes *a, double x0, double x1) {
    double left = pcl_axes_x(a, fmin(x0, x1)), right = pcl_axes_x(a, fmax(x0, x1));
    cairo_rectangle(cr, left, a->r.y, right - left, a->r.h);
    cairo_set_source_rgb(cr, 0.955, 0.955, 0.965);
    cairo_fill(cr);
}

static void noise_band(cairo_t *cr, const pcl_axes *a, const double *x, const double *noise,
                       size_t n) {
    cairo_new_path(cr);
    for (int sign = 1; sign >= -1; sign -= 2) {
        for (size_t k = 0; k < n; k++) {
            size_t i = sign > 0 ? k : n - 1 - k;
            cairo_line_to(cr, pcl_axes_x(a, x[i]), pcl_axes_y(a, sign * noise[i]));
        }
    }
    cairo_close_path(cr);
    cairo_set_source_rgba(cr, 0.2, 0.2, 0.25, 0.14);
    cairo_fill(cr);
}

static void spectrum_labels(cairo_t *cr, const picture *p, pcl_rect r, const char *unit_name,
                            double flux) {
    char text[200], rest[48] = ""; /* which rest frequency: it may be no line's but the middle of
                                    * the data */
    if (p->velocity) {
        snprintf(rest, sizeof rest, ", rest frequency %.9g GHz", p->desc.restfreq_hz / 1e9);
    }
    snprintf(text, sizeof text, "%s, %s (%s)%s", p->velocity ? "radio velocity" : "frequency",
             casa_freq_frame_name(p->desc.freq_frame), p->axis_unit.name, rest);
    pcl_draw_text(cr, r.x + r.w / 2, r.y + r.h + 2.9 * FONT,
                  (pcl_text_style){FONT, 0.15, PCL_CENTRE, false}, text);
    bool summed = p->source.beam && p->view.found;
    snprintf(text, sizeof text, *unit_name ? "%s (%s)" : "%s%s",
             p->source.beam ? "flux density" : "brightest pixel", unit_name);
    pcl_draw_text_up(cr, r.x - 4.1 * FONT, r.y + r.h / 2, FONT, 0.15, text);
    if (summed) {
        snprintf(text, sizeof text, "sum inside the outline: %.3g Jy %s", flux, p->axis_unit.name);
    } else {
        snprintf(text, sizeof text, "%sspectrum at the brightest pixel",
                 p->view.found ? "" : "no significant emission: ");
    }
    pcl_draw_text(cr, r.x + r.w - 10, r.y + 24, (pcl_text_style){FONT - 1, 0.2, PCL_RIGHT, true},
                  text);
}

static int draw_spectrum(cairo_t *cr, const picture *p, pcl_rect r, pclean_err *err) {
    const pcl_cubeview *v = &p->view;
    size_t n = p->desc.nchan;
    double *buffer;
    int rc = PCL_NEW(&buffer, 3 * n, "spectrum", err);
    if (rc) {
        return rc;
    }
    double *x = buffer, *y = buffer + n, *noise = buffer + 2 * n, largest = 0;
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(v->spectrum[i]));
    }
    unit u = flux_unit(p->source.beam ? "Jy" : text_or_empty(p->desc.unit), largest);
    double flux = sorted_spectrum(p, u.size, x, y, noise);
    pcl_axes a = spectrum_axes(p, r, x, y, noise);
    if (v->chan_hi - v->chan_lo + 1 < n) {
        double half = 0.5 * (p->axis[1] - p->axis[0]);
        vertical_band(cr, &a, p->axis[v->chan_lo] - half, p->axis[v->chan_hi] + half);
    }
    noise_band(cr, &a, x, noise, n);
    pcl_draw_steps(cr, &a, x, y, n);
    cairo_move_to(cr, r.x, pcl_axes_y(&a, 0));
    cairo_rel_line_to(cr, r.w, 0);
    cairo_set_source_rgb(cr, 0.35, 0.35, 0.35);
    cairo_set_line_width(cr, 1);
    cairo_stroke(cr);
    pcl_draw_axes(cr, &a, PCL_AXIS_X | PCL_AXIS_Y, FONT - 1, 0.2, 7, 6);
    spectrum_labels(cr, p, r, u.name, flux);
    pcl_free(buffer);
    return 0;
}

/* ---- the two layouts ---- */

static int draw_cube(cairo_t *cr, const picture *p, double width, double height, pclean_err *err) {
    double top = 108, bottom = height - 92;
    grid g = draw_channel_maps(cr, p, (pcl_rect){100, top, 0.56 * width, bottom - top});
    double x = g.r.x + g.r.w + 220, w = width - x - 40;
    double map_bottom = draw_moment(cr, p, (pcl_rect){x, g.r.y, w, 0.46 * height});
    double spectrum_top = map_bottom + 90,
           spectrum_bottom = fmax(g.r.y + g.r.h, spectrum_top + 0.25 * height);
    return draw_spectrum(cr, p, (pcl_rect){x, spectrum_top, w, spectrum_bottom - spectrum_top},
                         err);
}

static int draw_single(cairo_t *cr, const picture *p, double width, double height,
                       pclean_err *err) {
    (void)err;
    const pcl_cubeview *v = &p->view;
    double aspect = (double)v->nx * p->source.cell_x_rad / ((double)v->ny * p->source.cell_y_rad);
    double h = fmin(height - 108 - 92, (width - 100 - 150) / aspect);
    pcl_rect r = {100, 108, h * aspect, h};
    pcl_draw_map(cr, r, v->panel, v->map_nx, v->map_ny, &p->scale, p->map);
    pcl_axes a = sky_axes(p, r);
    pcl_draw_axes(cr, &a, PCL_AXIS_X | PCL_AXIS_Y, FONT, 0.85, 8, 8);
    sky_labels(cr, p, r, FONT);
    draw_beam(cr, p, r, beam_of(p, 0));
    pcl_rect bar = {r.x + r.w + 14, r.y, 24, r.h};
    pcl_draw_colorbar(cr, bar, &p->scale, p->pixel_unit.size, p->pixel_unit.name, FONT, p->map);
    return 0;
}

/* ---- the file ---- */

static cairo_status_t write_bytes(void *file, const unsigned char *data, unsigned int length) {
    return fwrite(data, 1, length, file) == length ? CAIRO_STATUS_SUCCESS
                                                   : CAIRO_STATUS_WRITE_ERROR;
}

static int write_png(cairo_surface_t *surface, int fd, const char *path, pclean_err *err) {
    FILE *file = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!file) {
        return PCL_FAIL(err, PCLEAN_EIO, "cannot write the picture %s: %s", path, strerror(errno));
    }
    errno = 0;
    cairo_status_t status = cairo_surface_write_to_png_stream(surface, write_bytes, file);
    int reason = errno;
    bool flushed = fflush(file) == 0 && fsync(fileno(file)) == 0;
    reason = flushed ? reason : errno;
    fclose(file);
    if (status != CAIRO_STATUS_SUCCESS || !flushed) {
        return PCL_FAIL(err, reason == ENOSPC ? PCLEAN_ENOSPC : PCLEAN_EIO,
                        "cannot write the picture %s: %s", path,
                        reason ? strerror(reason) : cairo_status_to_string(status));
    }
    return 0;
}

/* Whether nothing is there, or a picture or an empty file, which may be replaced. */
static bool is_replaceable(const char *path) {
    static const char signature[] = "\x89PNG\r\n\x1a\n";
    char head[sizeof signature] = "";
    struct stat st;
    if (!pcl_fs_exists(path)) {
        return true;
    }
    FILE *file = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? fopen(path, "rb") : NULL;
    size_t n = file ? fread(head, 1, sizeof signature - 1, file) : 0;
    if (file) {
        fclose(file);
    }
    return file && (n == 0 || (n == sizeof signature - 1 && memcmp(head, signature, n) == 0));
}

/* For pcl_apart; user is the picture's name without its folders. */
static bool is_output(const char *name, const void *user) {
    return strcmp(name, user) == 0;
}

/* The picture is neither the image nor inside it, and what it replaces is a picture. */
static int check_output(const char *image_path, const char *png_path, pclean_err *err) {
    char *folder = NULL;
    const char *name;
    int rc = pcl_fs_split(png_path, &folder, &name, err);
    const pcl_apart outputs = {
        .name = png_path, .folder = folder, .is_output = is_output, .user = name};
    rc = rc ? rc : pcl_needed_check_image(&outputs, image_path, err);
    if (!rc && !is_replaceable(png_path)) {
        rc =
            PCL_FAIL(err, PCLEAN_EEXIST,
                     "%s is not a PNG picture and is not replaced; move it, or choose another name",
                     png_path);
    }
    pcl_free(folder);
    return rc;
}

/* Writes under a name that nobody has, and renames. */
static int publish_png(cairo_surface_t *surface, const char *path, pclean_err *err) {
    char *part = NULL;
    int fd = -1, rc;
    for (int n = 0; fd < 0 && (n == 0 || errno == EEXIST) && n < 1000; n++) {
        pcl_free(part);
        if ((rc = pcl_asprintf(&part, err, "%s.%ld-%d", path, (long)getpid(), n))) {
            return rc;
        }
        fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    rc = write_png(surface, fd, path, err);
    if (rc == 0 && rename(part, path) != 0) {
        rc = PCL_FAIL(err, PCLEAN_EIO, "cannot rename %s to %s: %s", part, path, strerror(errno));
    }
    if (rc) {
        unlink(part);
    }
    pcl_free(part);
    return rc;
}

static int draw_picture(const picture *p, const char *png_path, pclean_err *err) {
    bool cube = p->desc.nchan > 1;
    int usual_x = cube ? 2000 : 1300, usual_y = cube ? 1125 : 1180;
    int pixels_x = p->options.width ? p->options.width : usual_x;
    int pixels_y = p->options.height ? p->options.height : usual_y;
    double zoom = fmin((double)pixels_x / usual_x, (double)pixels_y / usual_y);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, pixels_x, pixels_y);
    cairo_t *cr = cairo_create(surface);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    cairo_scale(cr, zoom, zoom);
    draw_texts(cr, p, pixels_x / zoom, pixels_y / zoom);
    int rc = (cube ? draw_cube : draw_single)(cr, p, pixels_x / zoom, pixels_y / zoom, err);
    if (rc == 0 && cairo_status(cr) != CAIRO_STATUS_SUCCESS) {
        rc = PCL_FAIL(err, cairo_status(cr) == CAIRO_STATUS_NO_MEMORY ? PCLEAN_ENOMEM : PCLEAN_EBUG,
                      "cannot draw %d x %d pixels: %s", pixels_x, pixels_y,
                      cairo_status_to_string(cairo_status(cr)));
    }
    cairo_destroy(cr);
    rc = rc ? rc : publish_png(surface, png_path, err);
    cairo_surface_destroy(surface);
    return rc;
}

static int check_options(const picture *p, const char *png_path, double *field_rad,
                         pclean_err *err) {
    const pclean_plot_options *o = &p->options;
    bool size_ok = (o->width == 0 || (o->width >= 300 && o->width <= 20000)) &&
                   (o->height == 0 || (o->height >= 300 && o->height <= 20000));
    if (!size_ok || o->max_panels < 1 || o->max_panels > 100) {
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "plot: width and height must be 300 to 20000 pixels, panels 1 to 100");
    }
    if (pcl_fs_is_dir(png_path)) {
        return PCL_FAIL(err, PCLEAN_EEXIST, "%s is a folder: name a file for the picture",
                        png_path);
    }
    *field_rad = 0;
    int rc =
        o->field ? pcl_quantity_parse_as(o->field, PCL_DIM_ANGLE, "arcsec", field_rad, err) : 0;
    if (rc == 0 && *field_rad < 0) {
        rc = PCL_FAIL(err, PCLEAN_EPARAM, "%s: must be positive", o->field);
    }
    if (rc) {
        pcl_err_prefix(err, "field: ");
    }
    return rc;
}

static void clear_picture(picture *p) {
    pcl_cubeview_clear(&p->view);
    pcl_free(p->beam);
    pcl_free(p->axis);
    pcl_free(p->freq_hz);
    casa_image_close(p->image);
}

int pclean_plot_cube(const char *image_path, const char *png_path,
                     const pclean_plot_options *options, pclean_err *err) {
    PCL_REQUIRE(err, image_path);
    PCL_REQUIRE(err, png_path);
    picture p = {.path = image_path, .options = defaults};
    double field_rad;
    int rc = PCL_TAKE(pclean_plot_options, &p.options, options, err);
    rc = rc ? rc : check_options(&p, png_path, &field_rad, err);
    rc = rc ? rc : check_output(image_path, png_path, err);
    rc = rc ? rc : load_image(&p, err);
    rc = rc ? rc : pcl_cubeview_make(&p.source, field_rad, p.options.max_panels, &p.view, err);
    if (rc == 0) {
        choose_scales(&p);
        rc = draw_picture(&p, png_path, err);
    }
    clear_picture(&p);
    casa_end();
    return rc;
}
