/* Where samples fall: the tile of a sample is that of its cell, the fraction it keeps is its
 * distance from the cell, and what has no weight, no place or no finite coordinates has no tile. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "core/grid/gridfn.h"
#include "core/grid/place.h"
#include "random.h"

enum { N = PCL_PLACE_BLOCK, STRIDE = 240, SHIFT = 4, NTILE = 8, COLOUR = NTILE * NTILE };

static double u[N], v[N], w[N];
static float weight[N];
static float even[PCL_GRIDFN_EVEN + 1];
static uint32_t tile[N];
static pcl_grid_placed placed;

/* A half plane of 100 x 200 cells of 10 wavelengths; the origin of u is column 16. */
static pcl_grid_place flat(void) {
    return (pcl_grid_place){.u_cells = 0.1,
                            .v_cells = 0.1,
                            .u_most = 100,
                            .v_most = 100,
                            .column0 = 16 - 3.5,
                            .row0 = 108 - 3.5,
                            .stride = STRIDE,
                            .ntile_u = NTILE,
                            .ntile_colour = COLOUR,
                            .tile_shift = SHIFT};
}

static void fill(void) {
    for (size_t i = 0; i < N; i++) {
        u[i] = (random_uniform() - 0.5) * 2400; /* some beyond the grid */
        v[i] = (random_uniform() - 0.5) * 2400;
        w[i] = (random_uniform() - 0.5) * 100;
        weight[i] = (float)random_uniform();
    }
    u[3] = NAN;
    v[4] = INFINITY;
    weight[5] = 0;
    weight[6] = NAN;
    weight[7] = -1;
}

static uint32_t tile_of(uint32_t column, uint32_t row) {
    const uint32_t tu = column >> SHIFT, tv = row >> SHIFT;
    return ((tv & 1) * 2 + (tu & 1)) * COLOUR + (tv >> 1) * NTILE + (tu >> 1);
}

static bool on_grid(size_t i) {
    return fabs(u[i]) < 1000 && fabs(v[i]) < 1000;
}

/* mirrored [N]: whether sample i is seen at -u, -v. */
static void check_cells(const bool *mirrored) {
    size_t ntile = 0;
    for (size_t i = 0; i < N; i++) {
        if (tile[i] == PCL_NO_TILE)
            continue;
        const uint32_t column = placed.cell[i] % STRIDE, row = placed.cell[i] / STRIDE;
        const double sign = mirrored[i] ? -1 : 1, x = 0.1 * sign * u[i] + 12.5,
                     y = -0.1 * sign * v[i] + 104.5;
        ntile++;
        assert_int_equal(tile[i], tile_of(column, row));
        assert_int_equal(column, ceil(x));
        assert_int_equal(row, ceil(y));
        assert_true(placed.sign[i] == (float)sign);
        assert_true(fabs((double)placed.dx[i] - (2 * (column - x) - 1)) < 1e-6);
        assert_true(fabs((double)placed.dy[i] - (2 * (row - y) - 1)) < 1e-6);
    }
    assert_true(ntile > N / 20);
}

static void without_w_a_sample_is_seen_at_positive_u(void **state) {
    (void)state;
    const pcl_grid_place p = flat();
    bool mirrored[N];
    for (int round = 0; round < 50; round++) {
        fill();
        pcl_grid_place_tiles(&p, N, u, v, NULL, weight, tile);
        pcl_grid_place_cells(&p, N, u, v, NULL, &placed);
        for (size_t i = 0; i < N; i++) {
            mirrored[i] = u[i] < 0;
            assert_int_equal(tile[i] != PCL_NO_TILE, on_grid(i) && weight[i] > 0);
        }
        check_cells(mirrored);
    }
}

static void without_weights_all_count(void **state) {
    (void)state;
    const pcl_grid_place p = flat();
    uint32_t all[N];
    fill();
    pcl_grid_place_tiles(&p, N, u, v, NULL, weight, tile);
    pcl_grid_place_tiles(&p, N, u, v, NULL, NULL, all);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(all[i] != PCL_NO_TILE, on_grid(i));
        assert_true(tile[i] == all[i] || !(weight[i] > 0));
    }
}

/* With w: a plane at 20 wavelengths that samples within 15 reach, at |w| and once more at -|w|. */
static void with_w_only_what_reaches_the_plane_counts(void **state) {
    (void)state;
    pcl_grid_place p = flat();
    p.column0 = 112 - 3.5; /* both signs of u */
    p.w_even = even;
    p.w_plane = 20;
    p.per_reach = 1 / 15.0;
    even[0] = 1;
    bool mirrored[N];
    for (int below = 0; below < 2; below++) {
        size_t n = 0;
        p.below = below;
        fill();
        pcl_grid_place_tiles(&p, N, u, v, w, weight, tile);
        pcl_grid_place_cells(&p, N, u, v, w, &placed);
        for (size_t i = 0; i < N; i++) {
            const bool reached = fabs((below ? -1 : 1) * fabs(w[i]) - 20) < 15;
            mirrored[i] = (w[i] < 0) != below;
            assert_int_equal(tile[i] != PCL_NO_TILE, on_grid(i) && weight[i] > 0 && reached);
            n += tile[i] != PCL_NO_TILE;
            if (tile[i] == PCL_NO_TILE)
                continue;
            assert_true(placed.sign[i] == (mirrored[i] ? -1.0f : 1.0f));
            assert_true(fabs((double)placed.k_re[i] - 1) < 1e-6); /* nshift 0: no phase */
            assert_true(fabs((double)placed.k_im[i]) < 1e-6);
        }
        assert_true(below ? n == 0 : n > 0); /* |w| > 5 cannot be seen from -|w| */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_w_a_sample_is_seen_at_positive_u),
        cmocka_unit_test(without_weights_all_count),
        cmocka_unit_test(with_w_only_what_reaches_the_plane_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
