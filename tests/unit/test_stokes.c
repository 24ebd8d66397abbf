#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "data/stokes.h"

static void parameters_become_planes(void **state) {
    (void)state;
    pcl_stokes s;
    pclean_err err;
    assert_int_equal(pcl_stokes_parse("IQUV", &s, &err), 0);
    assert_int_equal(s.npol, 4);
    assert_int_equal(s.code[3], PCL_STOKES_V);
    assert_true(s.sumwt_factor == 1);
    assert_int_equal(pcl_stokes_parse("I", &s, &err), 0);
    assert_true(s.sumwt_factor == 2);
    assert_int_equal(pcl_stokes_parse("RRLL", &s, &err), 0);
    assert_int_equal(s.npol, 2);
    assert_int_equal(s.code[1], PCL_STOKES_LL);
    assert_int_equal(pcl_stokes_parse("pseudoI", &s, &err), 0);
    assert_true(s.either_hand);
    assert_false(pcl_stokes_is_polarized(PCL_STOKES_I) || pcl_stokes_is_polarized(PCL_STOKES_RR));
    assert_true(pcl_stokes_is_polarized(PCL_STOKES_Q) && pcl_stokes_is_polarized(PCL_STOKES_V));
    const char *bad[] = {"", "IZ", "II", "XXA", "IQUVRR"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(pcl_stokes_parse(bad[i], &s, &err), -PCLEAN_EPARAM);
}

/* Correlations of a source with known I, Q, U, V give them back, in any order of storage and for
 * both kinds of feeds. */
static void combinations_recover_the_source(void **state) {
    (void)state;
    const double I = 3, Q = 0.7, U = -0.4, V = 0.2;
    /* re, im of RR RL LR LL XX XY YX YY for V/w = ideal feeds */
    const double corr[8][2] = {{I + V, 0}, {Q, U}, {Q, -U}, {I - V, 0},
                               {I + Q, 0}, {U, V}, {U, -V}, {I - Q, 0}};
    const int order[][4] = {{5, 6, 7, 8}, {8, 7, 6, 5}, {9, 10, 11, 12}, {12, 9, 11, 10}};
    pcl_stokes s;
    pclean_err err;
    assert_int_equal(pcl_stokes_parse("IQUV", &s, &err), 0);
    const double want[] = {I, Q, U, V};
    for (size_t k = 0; k < sizeof order / sizeof *order; k++)
        for (size_t p = 0; p < 4; p++) {
            pcl_stokes_terms t;
            assert_int_equal(pcl_stokes_find_terms(&s, p, 4, order[k], &t, &err), 0);
            double re = 0, im = 0;
            for (size_t i = 0; i < t.n; i++) {
                const double *c = corr[order[k][t.index[i]] - 5];
                re += (double)t.re[i] * c[0] - (double)t.im[i] * c[1];
                im += (double)t.re[i] * c[1] + (double)t.im[i] * c[0];
            }
            assert_true(fabs(re - want[p]) < 1e-6 && fabs(im) < 1e-6);
        }
}

static void missing_correlations_are_named(void **state) {
    (void)state;
    pcl_stokes s;
    pcl_stokes_terms t;
    pclean_err err;
    const int yy[] = {12};
    assert_int_equal(pcl_stokes_parse("I", &s, &err), 0);
    assert_int_equal(pcl_stokes_find_terms(&s, 0, 1, yy, &t, &err), -PCLEAN_EDATA);
    assert_non_null(strstr(err.msg, "(YY)"));
    assert_int_equal(pcl_stokes_parse("pseudoI", &s, &err), 0);
    assert_int_equal(pcl_stokes_find_terms(&s, 0, 1, yy, &t, &err), 0);
    assert_int_equal(t.n, 1);
    assert_int_equal(pcl_stokes_parse("YY", &s, &err), 0);
    assert_int_equal(pcl_stokes_find_terms(&s, 0, 1, yy, &t, &err), 0);
    assert_true(t.re[0] == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_become_planes),
        cmocka_unit_test(combinations_recover_the_source),
        cmocka_unit_test(missing_correlations_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
