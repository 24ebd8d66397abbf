/* data/correlations.c: which windows give which plane, of windows with different correlations. */
#include "data/correlations.h"

#include "base/mem.h"
#include "check.h"

static pclean_err err;

static const int circular[] = {PCL_STOKES_RR, PCL_STOKES_RL, PCL_STOKES_LR, PCL_STOKES_LL},
                 linear[] = {PCL_STOKES_XX, PCL_STOKES_YY}, right[] = {PCL_STOKES_RR};
static const casa_ms_dd dds[] = {{.ncorr = 4, .corr = circular, .nrow = 100},
                                 {.ncorr = 2, .corr = linear, .nrow = 20},
                                 {.ncorr = 1, .corr = right, .nrow = 3},
                                 {.ncorr = 1, .corr = right, .nrow = 4}};
static const casa_ms_info info = {.path = "the.ms"}, *const infos[] = {&info};

/* Windows [from, to) of dds as one MS. */
static pcl_source windows(size_t from, size_t to, pcl_window *w) {
    for (size_t k = from; k < to; k++)
        w[k - from] = (pcl_window){.info = &info, .dd = &dds[k]};
    return (pcl_source){
        .nms = 1, .info = (const casa_ms_info **)infos, .nwindow = to - from, .window = w};
}

static void planes_take_the_rows_that_give_them(void **state) {
    (void)state;
    pcl_window w[4];
    const pcl_source src = windows(0, 4, w);
    pcl_stokes s;
    pcl_correlations c;
    char text[200];
    assert_ok(pcl_stokes_parse("IQUV", &s, &err));
    assert_ok(pcl_correlations_find(&s, &src, true, &c, &err));
    /* I: circular and linear; Q: both, too; U and V: the linear lack XY and YX */
    const size_t gives[4][4] = {{2, 2, 2, 2}, {2, 2, 0, 0}, {0}, {0}};
    for (size_t k = 0; k < 4; k++) {
        for (size_t p = 0; p < 4; p++)
            assert_int_equal(c.plane[k * 4 + p].n, gives[k][p]);
        assert_int_equal(c.used[k], k < 2);
    }
    assert_true(c.plane[0].index[0] == 0 && c.plane[0].index[1] == 3 && c.plane[4].index[1] == 1);
    assert_true(c.rows[0].nrow == 120 && c.rows[0].nleft == 7);
    assert_true(c.rows[3].nrow == 100 && c.rows[3].nleft == 27);
    assert_string_equal(c.rows[3].left, "XX YY; RR"); /* each once */
    assert_true(pcl_correlations_left(&c, &s, 3, text, sizeof text));
    assert_string_equal(
        text, "stokes V: 27 of 127 rows cannot give it and are left out (they hold XX YY; RR)");
    pcl_correlations_clear(&c);

    assert_ok(pcl_stokes_parse("pseudoI", &s, &err)); /* from the one hand there is */
    assert_ok(pcl_correlations_find(&s, &src, false, &c, &err));
    assert_true(c.used[3] && c.plane[3].n == 1 && c.plane[3].either);
    assert_false(pcl_correlations_left(&c, &s, 0, text, sizeof text));
    pcl_correlations_clear(&c);
}

static void a_plane_of_no_row_is_refused(void **state) {
    (void)state;
    pcl_window w[4];
    const pcl_source src = windows(1, 4, w);
    pcl_stokes s;
    pcl_correlations c;
    assert_ok(pcl_stokes_parse("IU", &s, &err));
    assert_fails(pcl_correlations_find(&s, &src, false, &c, &err), PCLEAN_EDATA,
                 "the.ms: stokes U cannot be made from the correlations in the data (XX YY; RR)");
    pcl_correlations_clear(&c);
    assert_ok(pcl_correlations_find(&s, &src, true, &c, &err)); /* a part may be blank */
    assert_int_equal(c.rows[1].nrow, 0);
    pcl_correlations_clear(&c);
    for (long n = 1; n <= 2; n++) {
        pcl_mem_fail_after(n);
        assert_fails(pcl_correlations_find(&s, &src, true, &c, &err), PCLEAN_ENOMEM,
                     "reading plan");
        pcl_mem_fail_after(0);
        pcl_correlations_clear(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planes_take_the_rows_that_give_them),
        cmocka_unit_test(a_plane_of_no_row_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
