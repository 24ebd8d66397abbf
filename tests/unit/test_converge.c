#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/clean/converge.h"
#include "pclean/run.h"

static pcl_control control(void) {
    return (pcl_control){.niter = 100,
                         .cycleniter = -1,
                         .nmajor = -1,
                         .threshold_jy = 0.01,
                         .cyclefactor = 1,
                         .minpsffraction = 0.05,
                         .maxpsffraction = 0.8};
}

static int check(const pcl_control *c, pcl_progress_state *s, double peak) {
    return pcl_converge_check(c, s, peak, 0.001, 50);
}

static void each_stop_code_has_its_reason(void **state) {
    (void)state;
    pcl_control c = control();
    pcl_progress_state s = {0};
    assert_int_equal(pcl_converge_check(&c, &s, 1, 0, 0), PCLEAN_STOP_ZEROMASK);
    s = (pcl_progress_state){0};
    assert_int_equal(check(&c, &s, 1), 0);
    assert_int_equal(check(&c, &s, 0.0100999), PCLEAN_STOP_THRESHOLD); /* within 1 % counts */
    s.niter = 100;
    assert_int_equal(check(&c, &s, 0.5), PCLEAN_STOP_NITER);
    assert_int_equal(check(&c, &s, 0.009), PCLEAN_STOP_THRESHOLD); /* wins over niter */
    s = (pcl_progress_state){0};
    assert_int_equal(check(&c, &s, 1), 0);
    assert_int_equal(check(&c, &s, 1), PCLEAN_STOP_NOCHANGE);
    assert_int_equal(check(&c, &s, 4.1), PCLEAN_STOP_DIVERGED_STEP);
    s = (pcl_progress_state){0};
    assert_int_equal(check(&c, &s, 1), 0);
    assert_int_equal(check(&c, &s, 3.9), 0); /* less than 4 times is tclean's patience */
    assert_int_equal(check(&c, &s, 4.5), PCLEAN_STOP_DIVERGED_MIN);
    c.nmajor = 2;
    s = (pcl_progress_state){.nround = 2, .started = true, .peak_previous = 1, .peak_least = 1};
    assert_int_equal(check(&c, &s, 0.8), PCLEAN_STOP_NMAJOR);
    c = control();
    c.nsigma = 30;
    s = (pcl_progress_state){0};
    assert_int_equal(check(&c, &s, 0.0299), PCLEAN_STOP_NSIGMA);
    c.niter = 0;
    assert_int_equal(check(&c, &s, 5), PCLEAN_STOP_FORCED);
}

static void the_cycle_goes_as_deep_as_the_sidelobes_allow(void **state) {
    (void)state;
    pcl_control c = control();
    assert_true(fabs(pcl_converge_cyclethreshold(&c, 2, 0.2, 0) - 0.4) < 1e-12);
    /* minpsffraction */
    assert_true(fabs(pcl_converge_cyclethreshold(&c, 2, 0.01, 0) - 0.1) < 1e-12);
    /* maxpsffraction */
    assert_true(fabs(pcl_converge_cyclethreshold(&c, 2, 3, 0) - 1.6) < 1e-12);
    assert_true(fabs(pcl_converge_cyclethreshold(&c, 0.02, 0.2, 0) - 0.01) < 1e-12); /* threshold */
    pcl_progress_state s = {.niter = 70};
    assert_int_equal(pcl_converge_cycleniter(&c, &s), 30);
    c.cycleniter = 12;
    assert_int_equal(pcl_converge_cycleniter(&c, &s), 12);
    s.niter = 95;
    assert_int_equal(pcl_converge_cycleniter(&c, &s), 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_stop_code_has_its_reason),
        cmocka_unit_test(the_cycle_goes_as_deep_as_the_sidelobes_allow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
