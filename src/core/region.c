#include "core/region.h"

#include <math.h>
#include <stdlib.h>

static const double ellipse_edge_pix = 1e-4, polygon_edge_pix = 1e-3;

void pcl_region_snap(pcl_region *r) {
    for (size_t i = 0; i < 2 * r->nvertex; i++)
        if (fabs(r->vertex[i] - round(r->vertex[i])) < polygon_edge_pix)
            r->vertex[i] = round(r->vertex[i]);
}

static void fill_row(bool *row, size_t nx, double from, double to, bool value) {
    double first = ceil(fmax(from - polygon_edge_pix, 0)),
           last = floor(fmin(to + polygon_edge_pix, (double)nx - 1));
    for (double x = first; x <= last; x++)
        row[(size_t)x] = value;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* An edge counts from its lower end to below its upper one, so that a vertex counts once; what that
 * rule leaves out of the edge itself (horizontal edges, tips) is added. */
static void fill_polygon_row(const pcl_region *r, double y, bool value, size_t nx, bool *row,
                             double *cross) {
    size_t n = 0;
    for (size_t i = 0; i < r->nvertex; i++) {
        const double *a = r->vertex + 2 * i, *b = r->vertex + 2 * ((i + 1) % r->nvertex);
        if ((a[1] <= y) != (b[1] <= y))
            cross[n++] = a[0] + (y - a[1]) * (b[0] - a[0]) / (b[1] - a[1]);
        if (a[1] == y && b[1] == y)
            fill_row(row, nx, fmin(a[0], b[0]), fmax(a[0], b[0]), value);
        else if (a[1] == y)
            fill_row(row, nx, a[0], a[0], value);
    }
    qsort(cross, n, sizeof *cross, compare_doubles);
    for (size_t i = 0; i + 1 < n; i += 2)
        fill_row(row, nx, cross[i], cross[i + 1], value);
}

static bool in_ellipse(const pcl_region *r, double x, double y) {
    double east = (x - r->x) * r->scale[0], north = (y - r->y) * r->scale[1];
    double u = (east * r->sin_pa + north * r->cos_pa) / r->semi[0];
    double v = (east * r->cos_pa - north * r->sin_pa) / r->semi[1];
    double radius = hypot(u, v);
    double edge = ellipse_edge_pix * fabs(r->scale[0]) / fmin(r->semi[0], r->semi[1]);
    return radius <= 1 + edge && (r->inner <= 0 || radius > r->inner + edge);
}

static void fill_ellipse(const pcl_region *r, bool value, size_t nx, size_t ny, bool *plane) {
    double reach = fmax(r->semi[0], r->semi[1]);
    double reach_x = reach / fabs(r->scale[0]) + 1, reach_y = reach / fabs(r->scale[1]) + 1;
    double x_end = fmin(r->x + reach_x, (double)nx - 1),
           y_end = fmin(r->y + reach_y, (double)ny - 1);
    for (double y = fmax(ceil(r->y - reach_y), 0); y <= y_end; y++)
        for (double x = fmax(ceil(r->x - reach_x), 0); x <= x_end; x++)
            if (in_ellipse(r, x, y))
                plane[(size_t)y * nx + (size_t)x] = value;
}

void pcl_region_fill(const pcl_region *r, bool value, size_t nx, size_t ny, bool *plane,
                     double *cross) {
    if (!r->is_polygon) {
        fill_ellipse(r, value, nx, ny, plane);
        return;
    }
    for (size_t y = 0; y < ny; y++)
        fill_polygon_row(r, (double)y, value, nx, plane + y * nx, cross);
}
