#include "report/draw.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define FAMILY "sans-serif"
#define MASKED 0xffb9bcc0u
#define MINUS  "\xe2\x88\x92"

double pcl_scale_fraction(const pcl_scale *s, double value) {
    if (s->soft <= 0) {
        return (value - s->lo) / (s->hi - s->lo);
    }
    double lo = asinh(s->lo / s->soft), hi = asinh(s->hi / s->soft);
    return (asinh(value / s->soft) - lo) / (hi - lo);
}

/* Length of the UTF-8 character at s, 0: it is none (cairo then draws nothing any more). */
static size_t utf8_length(const unsigned char *s) {
    static const unsigned char begin[] = {0, 0xc2, 0xe0, 0xf0}, end[] = {0x80, 0xe0, 0xf0, 0xf5};
    size_t n = 0;
    for (size_t k = 0; k < sizeof begin; k++)
        if (*s >= begin[k] && *s < end[k])
            n = k + 1;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    const bool overlong = (*s == 0xe0 && s[1] < 0xa0) || (*s == 0xf0 && s[1] < 0x90),
               beyond = (*s == 0xed && s[1] > 0x9f) || (*s == 0xf4 && s[1] > 0x8f);
    return overlong || beyond ? 0 : n;
}

void pcl_draw_utf8(const char *text, char *out, size_t size) {
    size_t used = 0;
    for (const unsigned char *s = (const unsigned char *)text; *s && used + 5 < size;) {
        const size_t n = utf8_length(s);
        if (n > 0) {
            memcpy(out + used, s, n);
            used += n;
        } else {
            out[used++] = (char)(0xc0 | *s >> 6);
            out[used++] = (char)(0x80 | (*s & 0x3f));
        }
        s += n ? n : 1;
    }
    out[used] = 0;
}

enum { MOST_TEXT = 2048 };

static double select_font(cairo_t *cr, double size, bool bold, const char *text,
                          cairo_text_extents_t *extents) {
    cairo_select_font_face(cr, FAMILY, CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, size);
    cairo_text_extents(cr, text, extents);
    return extents->x_advance;
}

double pcl_draw_text_width(cairo_t *cr, double size, bool bold, const char *text) {
    cairo_text_extents_t e;
    char utf8[MOST_TEXT];
    pcl_draw_utf8(text, utf8, sizeof utf8);
    return select_font(cr, size, bold, utf8, &e);
}

void pcl_draw_text(cairo_t *cr, double x, double y, pcl_text_style style, const char *text) {
    static const double before[] = {[PCL_LEFT] = 0, [PCL_CENTRE] = 0.5, [PCL_RIGHT] = 1};
    double shift = before[style.align] * pcl_draw_text_width(cr, style.size, style.bold, text);
    cairo_set_source_rgb(cr, style.grey, style.grey, style.grey);
    char utf8[MOST_TEXT];
    pcl_draw_utf8(text, utf8, sizeof utf8);
    cairo_move_to(cr, x - shift, y);
    cairo_show_text(cr, utf8);
}

void pcl_draw_label(cairo_t *cr, double x, double y, double size, const char *text) {
    char utf8[MOST_TEXT];
    pcl_draw_text_width(cr, size, true, text);
    pcl_draw_utf8(text, utf8, sizeof utf8);
    cairo_move_to(cr, x, y);
    cairo_text_path(cr, utf8);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_width(cr, size / 4.5);
    cairo_set_source_rgba(cr, 0, 0, 0, 0.65);
    cairo_stroke_preserve(cr);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_fill(cr);
}

void pcl_draw_text_up(cairo_t *cr, double x, double y, double size, double grey, const char *text) {
    cairo_save(cr);
    cairo_translate(cr, x, y);
    cairo_rotate(cr, -M_PI / 2);
    pcl_draw_text(cr, 0, size * 0.35, (pcl_text_style){size, grey, PCL_CENTRE, false}, text);
    cairo_restore(cr);
}

static uint32_t color_of(double value, const pcl_scale *scale, const uint32_t *map) {
    if (isnan(value)) {
        return MASKED;
    }
    double t = fmin(fmax(pcl_scale_fraction(scale, value), 0), 1);
    return map[(int)(t * (PCL_COLORMAP_SIZE - 1) + 0.5)];
}

/* Bilinear between pixel centres; the nearest pixel beside a masked one. x, y in pixels, 0 = lower
 * left pixel's centre. */
static double value_at(const float *p, size_t nx, size_t ny, double x, double y) {
    x = fmin(fmax(x, 0), (double)nx - 1);
    y = fmin(fmax(y, 0), (double)ny - 1);
    size_t ix = (size_t)x, iy = (size_t)y, jx = ix + 1 < nx ? ix + 1 : ix,
           jy = iy + 1 < ny ? iy + 1 : iy;
    double fx = x - (double)ix, fy = y - (double)iy;
    double a = (double)p[iy * nx + ix], b = (double)p[iy * nx + jx], c = (double)p[jy * nx + ix],
           d = (double)p[jy * nx + jx];
    double mean = (1 - fy) * ((1 - fx) * a + fx * b) + fy * ((1 - fx) * c + fx * d);
    size_t nearest_x = fx < 0.5 ? ix : jx, nearest_y = fy < 0.5 ? iy : jy;
    return isnan(mean) ? (double)p[nearest_y * nx + nearest_x] : mean;
}

void pcl_draw_map(cairo_t *cr, pcl_rect r, const float *pixels, size_t nx, size_t ny,
                  const pcl_scale *scale, const uint32_t map[PCL_COLORMAP_SIZE]) {
    int w = (int)ceil(r.w), h = (int)ceil(r.h);
    cairo_surface_t *image = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, w, h);
    if (cairo_surface_status(image) == CAIRO_STATUS_SUCCESS) {
        unsigned char *data = cairo_image_surface_get_data(image);
        int stride = cairo_image_surface_get_stride(image);
        for (int row = 0; row < h; row++) {
            for (int col = 0; col < w; col++) {
                double x = (col + 0.5) / w * (double)nx - 0.5,
                       y = (h - row - 0.5) / h * (double)ny - 0.5;
                uint32_t color = color_of(value_at(pixels, nx, ny, x, y), scale, map);
                memcpy(data + (ptrdiff_t)row * stride + (ptrdiff_t)col * 4, &color, 4);
            }
        }
        cairo_surface_mark_dirty(image);
        cairo_save(cr);
        cairo_rectangle(cr, r.x, r.y, r.w, r.h);
        cairo_clip(cr);
        cairo_set_source_surface(cr, image, r.x, r.y);
        cairo_paint(cr);
        cairo_restore(cr);
    }
    cairo_surface_destroy(image);
}

void pcl_draw_outline(cairo_t *cr, pcl_rect r, const bool *mask, size_t row_stride, size_t nx,
                      size_t ny) {
    double dx = r.w / (double)nx, dy = r.h / (double)ny;
    for (size_t y = 0; y < ny; y++) {
        for (size_t x = 0; x < nx; x++) {
            const bool *m = mask + y * row_stride + x;
            double left = r.x + (double)x * dx, bottom = r.y + r.h - (double)y * dy;
            if (x + 1 < nx && m[0] != m[1]) {
                cairo_move_to(cr, left + dx, bottom);
                cairo_line_to(cr, left + dx, bottom - dy);
            }
            if (y + 1 < ny && m[0] != m[row_stride]) {
                cairo_move_to(cr, left, bottom - dy);
                cairo_line_to(cr, left + dx, bottom - dy);
            }
        }
    }
    cairo_stroke(cr);
}

double pcl_tick_step(double range, double wanted) {
    double raw = fabs(range) / fmax(wanted, 1);
    if (!(raw > 0) || !isfinite(raw)) {
        return 1;
    }
    static const double round[] = {1, 2, 5, 10};
    double decade = pow(10, floor(log10(raw))), lead = raw / decade;
    size_t k = 0;
    while (k < 3 && lead > round[k])
        k++;
    return decade * round[k];
}

void pcl_tick_text(char *buf, size_t size, double value, double step) {
    int digits = step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;
    double shown = fabs(value) < step * 1e-6 ? 0 : value;
    snprintf(buf, size, "%s%.*f", shown < 0 ? MINUS : "", digits, fabs(shown));
}

/* Returns the width of the label. */
static double bar_tick(cairo_t *cr, pcl_rect r, const pcl_scale *scale, double value,
                       const char *text, double font) {
    double y = r.y + r.h * (1 - pcl_scale_fraction(scale, value));
    cairo_move_to(cr, r.x + r.w, y);
    cairo_line_to(cr, r.x + r.w + 6, y);
    cairo_set_source_rgb(cr, 0.2, 0.2, 0.2);
    cairo_stroke(cr);
    pcl_draw_text(cr, r.x + r.w + 10, y + font * 0.35,
                  (pcl_text_style){font, 0.15, PCL_LEFT, false}, text);
    return pcl_draw_text_width(cr, font, false, text);
}

static double linear_ticks(cairo_t *cr, pcl_rect r, const pcl_scale *scale, double unit,
                           double font) {
    double step =
               pcl_tick_step((scale->hi - scale->lo) / unit, fmin(fmax(r.h / (3.2 * font), 3), 10)),
           widest = 0;
    for (double k = ceil(scale->lo / unit / step - 1e-9); k * step <= scale->hi / unit * (1 + 1e-9);
         k++) {
        char text[48];
        pcl_tick_text(text, sizeof text, k * step, step);
        widest = fmax(widest, bar_tick(cr, r, scale, k * step * unit, text, font));
    }
    return widest;
}

/* 0, and 1, 2, 5 of each decade where there is room. */
static double asinh_ticks(cairo_t *cr, pcl_rect r, const pcl_scale *scale, double unit,
                          double font) {
    double last = 1e30, widest = bar_tick(cr, r, scale, 0, "0", font);
    for (int decade = 6; decade >= -6; decade--) {
        for (int k = 2; k >= 0; k--) {
            double step = pow(10, decade), shown = step * (double[]){1, 2, 5}[k];
            double y = r.h * (1 - pcl_scale_fraction(scale, shown * unit)),
                   zero = r.h * (1 - pcl_scale_fraction(scale, 0));
            bool room = shown * unit <= scale->hi && (last > 1e29 || y - last > 1.5 * font) &&
                        zero - y > 1.4 * font;
            if (room) {
                char text[48];
                pcl_tick_text(text, sizeof text, shown, step);
                widest = fmax(widest, bar_tick(cr, r, scale, shown * unit, text, font));
                last = y;
            }
        }
    }
    return widest;
}

void pcl_draw_colorbar(cairo_t *cr, pcl_rect r, const pcl_scale *scale, double unit,
                       const char *label, double font, const uint32_t map[PCL_COLORMAP_SIZE]) {
    float ramp[PCL_COLORMAP_SIZE];
    for (int i = 0; i < PCL_COLORMAP_SIZE; i++) {
        ramp[i] = (float)i;
    }
    pcl_draw_map(cr, r, ramp, 1, PCL_COLORMAP_SIZE, &(pcl_scale){0, PCL_COLORMAP_SIZE - 1, 0}, map);
    cairo_set_line_width(cr, 1);
    cairo_set_source_rgb(cr, 0.2, 0.2, 0.2);
    cairo_rectangle(cr, r.x, r.y, r.w, r.h);
    cairo_stroke(cr);
    double widest = (scale->soft > 0 ? asinh_ticks : linear_ticks)(cr, r, scale, unit, font);
    pcl_draw_text_up(cr, r.x + r.w + 10 + widest + 1.3 * font, r.y + r.h / 2, font, 0.15, label);
}

double pcl_axes_x(const pcl_axes *a, double value) {
    return a->r.x + a->r.w * (value - a->left) / (a->right - a->left);
}

double pcl_axes_y(const pcl_axes *a, double value) {
    return a->r.y + a->r.h * (1 - (value - a->bottom) / (a->top - a->bottom));
}

static void x_tick(cairo_t *cr, const pcl_axes *a, double value, const char *text, double font,
                   double grey) {
    double x = pcl_axes_x(a, value), length = 0.4 * font;
    cairo_set_source_rgb(cr, grey, grey, grey);
    cairo_move_to(cr, x, a->r.y + a->r.h);
    cairo_rel_line_to(cr, 0, -length);
    cairo_move_to(cr, x, a->r.y);
    cairo_rel_line_to(cr, 0, length);
    cairo_stroke(cr);
    if (text) {
        pcl_draw_text(cr, x, a->r.y + a->r.h + 1.35 * font,
                      (pcl_text_style){font, 0.15, PCL_CENTRE, false}, text);
    }
}

static void y_tick(cairo_t *cr, const pcl_axes *a, double value, const char *text, double font,
                   double grey) {
    double y = pcl_axes_y(a, value), length = 0.4 * font;
    cairo_set_source_rgb(cr, grey, grey, grey);
    cairo_move_to(cr, a->r.x, y);
    cairo_rel_line_to(cr, length, 0);
    cairo_move_to(cr, a->r.x + a->r.w, y);
    cairo_rel_line_to(cr, -length, 0);
    cairo_stroke(cr);
    if (text) {
        pcl_draw_text(cr, a->r.x - 0.4 * font, y + 0.35 * font,
                      (pcl_text_style){font, 0.15, PCL_RIGHT, false}, text);
    }
}

typedef void tick_function(cairo_t *, const pcl_axes *, double, const char *, double, double);

/* The ticks of one axis. */
typedef struct tick_marks {
    double from, to; /* values at its ends */
    double wanted;   /* about how many */
    bool labelled;
    double font, grey;
    tick_function *draw;
} tick_marks;

static void draw_ticks(cairo_t *cr, const pcl_axes *a, const tick_marks *t) {
    double lo = fmin(t->from, t->to), hi = fmax(t->from, t->to),
           step = pcl_tick_step(hi - lo, t->wanted), edge = 0.02 * (hi - lo);
    for (double k = ceil((lo + edge) / step); k * step <= hi - edge; k++) {
        char text[48];
        pcl_tick_text(text, sizeof text, k * step, step);
        /* a neighbour has labels too */
        bool room = t->labelled && k * step > lo + 3 * edge && k * step < hi - 3 * edge;
        t->draw(cr, a, k * step, room ? text : NULL, t->font, t->grey);
    }
}

void pcl_draw_axes(cairo_t *cr, const pcl_axes *a, int labelled, double font, double tick_grey,
                   double wanted_x, double wanted_y) {
    const tick_marks x = {.from = a->left,
                          .to = a->right,
                          .wanted = wanted_x,
                          .labelled = labelled & PCL_AXIS_X,
                          .font = font,
                          .grey = tick_grey,
                          .draw = x_tick},
                     y = {.from = a->bottom,
                          .to = a->top,
                          .wanted = wanted_y,
                          .labelled = labelled & PCL_AXIS_Y,
                          .font = font,
                          .grey = tick_grey,
                          .draw = y_tick};
    cairo_set_line_width(cr, 1.2);
    draw_ticks(cr, a, &x);
    draw_ticks(cr, a, &y);
    cairo_set_source_rgb(cr, 0.2, 0.2, 0.2);
    cairo_rectangle(cr, a->r.x, a->r.y, a->r.w, a->r.h);
    cairo_stroke(cr);
}

/* left edge of bin i; i = n: right edge of the last */
static double step_edge(const double *x, size_t n, size_t i) {
    if (n == 1) {
        return x[0] + (i ? 0.5 : -0.5);
    }
    if (i == 0) {
        return x[0] - 0.5 * (x[1] - x[0]);
    }
    return i == n ? x[n - 1] + 0.5 * (x[n - 1] - x[n - 2]) : 0.5 * (x[i - 1] + x[i]);
}

static void step_path(cairo_t *cr, const pcl_axes *a, const double *x, const double *y, size_t n) {
    for (size_t i = 0; i < n; i++) {
        cairo_line_to(cr, pcl_axes_x(a, step_edge(x, n, i)), pcl_axes_y(a, y[i]));
        cairo_line_to(cr, pcl_axes_x(a, step_edge(x, n, i + 1)), pcl_axes_y(a, y[i]));
    }
}

void pcl_draw_steps(cairo_t *cr, const pcl_axes *a, const double *x, const double *y, size_t n) {
    cairo_new_path(cr);
    cairo_line_to(cr, pcl_axes_x(a, step_edge(x, n, 0)), pcl_axes_y(a, 0));
    step_path(cr, a, x, y, n);
    cairo_line_to(cr, pcl_axes_x(a, step_edge(x, n, n)), pcl_axes_y(a, 0));
    cairo_close_path(cr);
    cairo_set_source_rgba(cr, 0.60, 0.15, 0.45, 0.16);
    cairo_fill(cr);
    cairo_new_path(cr);
    step_path(cr, a, x, y, n);
    cairo_set_source_rgb(cr, 0.45, 0.08, 0.38);
    cairo_set_line_width(cr, 2.2);
    cairo_stroke(cr);
}
