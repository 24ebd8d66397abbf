/* core/region.c: pixels of shapes against their definitions, pixel by pixel. */
#include "core/region.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "random.h"

enum { NX = 61, NY = 47, MOST = 9 };
static bool plane[NY][NX];
static double cross[MOST];

static void fill(const pcl_region *r) {
    memset(plane, 0, sizeof plane);
    pcl_region_fill(r, true, NX, NY, &plane[0][0], cross);
}

/* Distance from (x, y) to the side from a to b. */
static double distance(const double *a, const double *b, double x, double y) {
    const double dx = b[0] - a[0], dy = b[1] - a[1], length = dx * dx + dy * dy;
    double t = length > 0 ? ((x - a[0]) * dx + (y - a[1]) * dy) / length : 0;
    t = fmin(1, fmax(0, t));
    return hypot(x - a[0] - t * dx, y - a[1] - t * dy);
}

/* Winding parity by a ray to the right of (x, y), and the distance to the nearest side. */
static bool inside(const pcl_region *r, double x, double y, double *edge) {
    bool in = false;
    *edge = INFINITY;
    for (size_t i = 0; i < r->nvertex; i++) {
        const double *a = r->vertex + 2 * i, *b = r->vertex + 2 * ((i + 1) % r->nvertex);
        *edge = fmin(*edge, distance(a, b, x, y));
        if ((a[1] > y) != (b[1] > y) && x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]))
            in = !in;
    }
    return in;
}

/* Random polygons, crossing themselves and partly beside the plane; some on whole pixels, where
 * every centre on an edge must be in. */
static void polygons_are_even_odd(void **state) {
    (void)state;
    double vertex[2 * MOST];
    size_t nedge = 0;
    for (size_t turn = 0; turn < 300; turn++) {
        pcl_region r = {.is_polygon = true, .nvertex = 3 + turn % (MOST - 2), .vertex = vertex};
        for (size_t i = 0; i < r.nvertex; i++) {
            vertex[2 * i] = (NX + 30) * random_uniform() - 15;
            vertex[2 * i + 1] = (NY + 30) * random_uniform() - 15;
            for (size_t k = 2 * i; turn % 2 && k < 2 * i + 2; k++)
                vertex[k] = round(vertex[k]);
        }
        fill(&r);
        for (int y = 0; y < NY; y++)
            for (int x = 0; x < NX; x++) {
                double edge;
                const bool in = inside(&r, x, y, &edge);
                nedge += edge < 1e-9;
                if (edge < 1e-9 ? !plane[y][x] : edge > 2e-2 && plane[y][x] != in)
                    fail_msg("polygon %zu, pixel %d, %d: %d", turn, x, y, plane[y][x]);
            }
    }
    assert_true(nedge > 1000);
}

static void ellipses_are_turned_and_hollow(void **state) {
    (void)state;
    for (size_t turn = 0; turn < 300; turn++) {
        const double pa = 7 * random_uniform();
        const pcl_region r = {.x = NX * random_uniform(),
                              .y = NY * random_uniform(),
                              .scale = {-2, 2},
                              .sin_pa = sin(pa),
                              .cos_pa = cos(pa),
                              .semi = {2 + 60 * random_uniform(), 2 + 30 * random_uniform()},
                              .inner = turn % 3 ? 0.9 * random_uniform() : 0};
        fill(&r);
        for (int y = 0; y < NY; y++)
            for (int x = 0; x < NX; x++) {
                /* east is to lower x; pa from north through east */
                const double east = -2 * (x - r.x), north = 2 * (y - r.y),
                             along = east * sin(pa) + north * cos(pa),
                             side = east * cos(pa) - north * sin(pa),
                             radius = hypot(along / r.semi[0], side / r.semi[1]);
                const bool in = radius <= 1 && (r.inner <= 0 || radius > r.inner);
                if (fabs(radius - 1) > 1e-3 && fabs(radius - r.inner) > 1e-3 && plane[y][x] != in)
                    fail_msg("ellipse %zu, pixel %d, %d: %d", turn, x, y, plane[y][x]);
            }
    }
}

static void the_edge_is_in(void **state) {
    (void)state;
    double square[] = {10, 10, 20, 10, 20, 20, 10, 20};
    const pcl_region box = {.is_polygon = true, .nvertex = 4, .vertex = square},
                     circle = {.x = 30, .y = 30, .scale = {-1, 1}, .cos_pa = 1, .semi = {5, 5}};
    size_t n = 0;
    fill(&box);
    for (int y = 0; y < NY; y++)
        for (int x = 0; x < NX; x++)
            n += plane[y][x];
    assert_int_equal(n, 121);
    fill(&circle);
    assert_true(plane[30][35] && plane[35][30] && plane[33][34] && !plane[30][36]);
}

/* Other pixels stay, and pixels can be taken away. */
static void only_its_pixels_are_set(void **state) {
    (void)state;
    double triangle[] = {5, 5, 30, 8, 12, 40};
    const pcl_region r = {.is_polygon = true, .nvertex = 3, .vertex = triangle};
    static bool with[NY][NX];
    fill(&r);
    memcpy(with, plane, sizeof plane);
    memset(plane, 1, sizeof plane);
    pcl_region_fill(&r, false, NX, NY, &plane[0][0], cross);
    for (int y = 0; y < NY; y++)
        for (int x = 0; x < NX; x++)
            assert_true(plane[y][x] != with[y][x]);
}

static void vertices_near_a_centre_are_put_there(void **state) {
    (void)state;
    double v[] = {1.0004, 2.9996, 3.002, 4.5};
    pcl_region r = {.is_polygon = true, .nvertex = 2, .vertex = v};
    pcl_region_snap(&r);
    assert_true(v[0] == 1 && v[1] == 3 && v[2] == 3.002 && v[3] == 4.5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(polygons_are_even_odd),
        cmocka_unit_test(ellipses_are_turned_and_hollow),
        cmocka_unit_test(the_edge_is_in),
        cmocka_unit_test(only_its_pixels_are_set),
        cmocka_unit_test(vertices_near_a_centre_are_put_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
