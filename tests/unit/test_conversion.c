/* data/conversion.c: single samples from correlations: flags, weights, bad and absurd values,
 * planes that cannot be made. (test_fill.c compares whole MeasurementSets.) */
#include "data/conversion.h"

#include <math.h>

#include "check.h"

static pclean_err err;
enum { NROW = 20, NCHAN = 3, NCORR = 2 };

/* Rows of two correlations, values that say where they were. */
static float vis[NROW][NCHAN][NCORR][2], weight[NROW][NCHAN][NCORR];
static bool flag[NROW][NCHAN][NCORR];

static void fill(void) {
    for (size_t r = 0; r < NROW; r++)
        for (size_t c = 0; c < NCHAN; c++)
            for (size_t k = 0; k < NCORR; k++) {
                vis[r][c][k][0] = (float)(100 * r + 10 * c + k);
                vis[r][c][k][1] = (float)(r + k);
                weight[r][c][k] = (float)(1 + r + c);
                flag[r][c][k] = false;
            }
}

static const pcl_stokes_terms stokes_i = {.n = 2, .index = {0, 1}, .re = {0.5f, 0.5f}},
                              pseudo_i = {.n = 2,
                                          .index = {0, 1},
                                          .re = {0.5f, 0.5f},
                                          .either = true},
                              second = {.n = 1, .index = {1}, .re = {1}},
                              times_i = {.n = 1, .index = {0}, .im = {1}}, none = {0};

/* The first sample of row 0: a value and a weight for each correlation. */
static float one(const pcl_stokes_terms *plane, float a, float b, float w, float out[2],
                 pcl_tally *t) {
    const casa_ms_dd dd = {.nchansel = 1, .ncorr = NCORR};
    const pcl_block_shape shape = {.nchan = 1, .nrow = 1};
    pcl_store store;
    assert_ok(pcl_store_make(NULL, 1, 1, &shape, &store, &err));
    const pcl_conversion c = {.dd = &dd, .npol = 1, .plane = plane, .block = store.block};
    const float v[] = {a, 1, b, 3}, ww[] = {w, w};
    const casa_ms_rows rows = {
        .nrow = 1, .vis = v, .weight = ww, .flag = &flag[0][0][0], .weight_nchan = 1};
    *t = (pcl_tally){0};
    pcl_conversion_rows(&c, &rows, (const size_t[]){0}, 1, t);
    const float result = store.block->weight[0];
    memcpy(out, store.block->vis, 2 * sizeof *out);
    pcl_store_clear(&store);
    return result;
}

#define assert_tally(t, used, flagged, notfinite, absurd)                                          \
    assert_true((t).nused == (used) && (t).nflagged == (flagged) &&                                \
                (t).nonfinite == (notfinite) && (t).nabsurd == (absurd))

static void planes_are_sums_of_terms(void **state) {
    (void)state;
    float out[2];
    pcl_tally t;
    fill();
    assert_true(one(&stokes_i, 2, 4, 5, out, &t) == 5 && out[0] == 3 && out[1] == 2);
    assert_tally(t, 1, 0, 0, 0);
    assert_true(one(&second, 2, 4, 5, out, &t) == 5 && out[0] == 4 && out[1] == 3);
    assert_true(one(&times_i, 2, 4, 5, out, &t) == 5 && out[0] == -1 && out[1] == 2);
    assert_true(one(&none, 2, 4, 5, out, &t) == 0 && out[0] == 0 && out[1] == 0);
    assert_tally(t, 0, 0, 0, 0); /* a plane that the rows cannot give is not counted */
}

static void flags_leave_out(void **state) {
    (void)state;
    float out[2];
    pcl_tally t;
    fill();
    flag[0][0][1] = true;
    assert_true(one(&stokes_i, 2, 4, 5, out, &t) == 0 && out[0] == 0 && out[1] == 0);
    assert_tally(t, 0, 1, 0, 0);
    assert_true(one(&times_i, 2, 4, 5, out, &t) == 5);
    assert_true(one(&pseudo_i, 2, 4, 5, out, &t) == 2.5f && out[0] == 2 && out[1] == 1);
    flag[0][0][0] = true;
    assert_true(one(&pseudo_i, 2, 4, 5, out, &t) == 0);
    assert_tally(t, 0, 1, 0, 0);
    fill();
    assert_true(one(&pseudo_i, 2, 4, 5, out, &t) == 5 && out[0] == 3 && out[1] == 2);
}

static void bad_values_are_told_apart(void **state) {
    (void)state;
    /* with and without the branch-free way */
    const pcl_stokes_terms either = pseudo_i, *const way[] = {&stokes_i, &either};
    float out[2];
    pcl_tally t;
    fill();
    for (size_t k = 0; k < 2; k++) {
        assert_true(one(way[k], NAN, 4, 5, out, &t) == 0 && out[0] == 0);
        assert_tally(t, 0, 0, 1, 0);
        assert_true(one(way[k], INFINITY, 4, 5, out, &t) == 0);
        assert_tally(t, 0, 0, 1, 0);
        assert_true(one(way[k], 2, 4, NAN, out, &t) == 0);
        assert_tally(t, 0, 0, 1, 0);
        assert_true(one(way[k], 2, 4, 0, out, &t) == 0);
        assert_tally(t, 0, 1, 0, 0);
        assert_true(one(way[k], 2, 4, -1, out, &t) == 0);
        assert_tally(t, 0, 1, 0, 0);
        assert_true(one(way[k], 0x1p70f, 4, 5, out, &t) == 0);
        assert_tally(t, 0, 0, 0, 1);
        assert_true(one(way[k], 0x1p40f, 4, 0x1p40f, out, &t) == 0);
        assert_tally(t, 0, 0, 0, 1);
        assert_true(one(way[k], 2, 4, 0x1p-110f, out, &t) == 0);
        assert_tally(t, 0, 0, 0, 1);
        assert_true(one(way[k], 2, 4, 0x1p-90f, out, &t) == 0x1p-90f);
        assert_tally(t, 1, 0, 0, 0);
    }
}

/* Chosen rows and a range of channels, one weight for all channels or one for each. */
static void rows_and_channels_are_chosen(void **state) {
    (void)state;
    fill();
    const casa_ms_dd dd = {.nchansel = NCHAN, .ncorr = NCORR};
    const pcl_block_shape shape = {.nchan = 2, .nrow = 10};
    const size_t row[] = {3, 0, 19, 7};
    for (size_t weight_nchan = 1; weight_nchan <= NCHAN; weight_nchan += NCHAN - 1) {
        pcl_store store;
        pcl_tally t = {.nused = 100};
        assert_ok(pcl_store_make(NULL, 1, 1, &shape, &store, &err));
        pcl_block *b = store.block;
        b->nrow = 5;
        const pcl_conversion c = {.dd = &dd, .from = 1, .npol = 1, .plane = &stokes_i, .block = b};
        const casa_ms_rows rows = {.nrow = NROW,
                                   .vis = &vis[0][0][0][0],
                                   .weight = &weight[0][0][0],
                                   .flag = &flag[0][0][0],
                                   .weight_nchan = weight_nchan};
        pcl_conversion_rows(&c, &rows, row, 4, &t);
        for (size_t i = 0; i < 4; i++)
            for (size_t ichan = 0; ichan < 2; ichan++) {
                const size_t at = ichan * b->row_stride + 5 + i, r = row[i], in = 1 + ichan;
                const float *w = weight_nchan == 1 ? &weight[0][0][0] + r * NCORR : weight[r][in];
                assert_true(b->vis[2 * at] == 0.5f * (vis[r][in][0][0] + vis[r][in][1][0]));
                assert_true(b->vis[2 * at + 1] == 0.5f * (vis[r][in][0][1] + vis[r][in][1][1]));
                assert_true(b->weight[at] == 0.5f * (w[0] + w[1]));
            }
        assert_tally(t, 108, 0, 0, 0);
        assert_int_equal(b->nrow, 5); /* the caller's to count */
        pcl_store_clear(&store);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planes_are_sums_of_terms),
        cmocka_unit_test(flags_leave_out),
        cmocka_unit_test(bad_values_are_told_apart),
        cmocka_unit_test(rows_and_channels_are_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
