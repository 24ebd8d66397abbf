/* draw.h: the pieces of a scientific figure, in cairo: maps, axes, colour bars, step plots. Device
 * units: pixels, y down. */
#ifndef PCL_DRAW_H
#define PCL_DRAW_H
#include "report/colormap.h"
#include <cairo.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pcl_rect {
    double x, y, w, h;
} pcl_rect;

/* Where a value lies on the colour map: linear, or asinh (soft > 0: linear below `soft`,
 * logarithmic above). */
typedef struct pcl_scale {
    double lo, hi, soft;
} pcl_scale;
double pcl_scale_fraction(const pcl_scale *s, double value); /* 0 at lo, 1 at hi; not clipped */

enum pcl_align { PCL_LEFT, PCL_CENTRE, PCL_RIGHT };

/* The text as UTF-8 into out: bytes that are none are taken for Latin-1, which names in old data
 * are written in. All texts below go through it. */
void pcl_draw_utf8(const char *text, char *out, size_t size);

typedef struct pcl_text_style {
    double size; /* of the font */
    double grey; /* 0 black ... 1 white */
    enum pcl_align align;
    bool bold;
} pcl_text_style;

/* Text with its baseline at y. */
void pcl_draw_text(cairo_t *cr, double x, double y, pcl_text_style style, const char *text);
double pcl_draw_text_width(cairo_t *cr, double size, bool bold, const char *text);
/* White text on a dark edge, readable on any map. */
void pcl_draw_label(cairo_t *cr, double x, double y, double size, const char *text);
/* Text turned to read upwards, centred on (x, y). */
void pcl_draw_text_up(cairo_t *cr, double x, double y, double size, double grey, const char *text);

/* A map [ny][nx], row 0 at the bottom, NaN grey, filling the rectangle; values are interpolated,
 * then coloured. */
void pcl_draw_map(cairo_t *cr, pcl_rect r, const float *pixels, size_t nx, size_t ny,
                  const pcl_scale *scale, const uint32_t map[PCL_COLORMAP_SIZE]);

/* Outline of the true pixels of mask [ny][nx] (rows of `row_stride`), row 0 at the bottom. */
void pcl_draw_outline(cairo_t *cr, pcl_rect r, const bool *mask, size_t row_stride, size_t nx,
                      size_t ny);

/* Round tick distance giving about `wanted` ticks over `range`. */
double pcl_tick_step(double range, double wanted);
/* "0.5", "-10" with the digits that `step` needs and a true minus sign. */
void pcl_tick_text(char *buf, size_t size, double value, double step);

/* Vertical colour bar with ticks and labels on its right; values are divided by `unit` for the
 * labels. */
void pcl_draw_colorbar(cairo_t *cr, pcl_rect r, const pcl_scale *scale, double unit,
                       const char *label, double font, const uint32_t map[PCL_COLORMAP_SIZE]);

/* Axes of a plot: values at the rectangle's left, right, bottom and top. */
typedef struct pcl_axes {
    pcl_rect r;
    double left, right, bottom, top;
} pcl_axes;
double pcl_axes_x(const pcl_axes *a, double value);
double pcl_axes_y(const pcl_axes *a, double value);

enum pcl_axis_side { PCL_AXIS_X = 1, PCL_AXIS_Y = 2 };
/* Frame and ticks in `grey`, tick labels for the sides in `labelled` (PCL_AXIS_X | PCL_AXIS_Y). */
void pcl_draw_axes(cairo_t *cr, const pcl_axes *a, int labelled, double font, double tick_grey,
                   double wanted_x, double wanted_y);

/* Histogram-like line through n values at ascending x; fills down to zero. */
void pcl_draw_steps(cairo_t *cr, const pcl_axes *a, const double *x, const double *y, size_t n);

#endif
