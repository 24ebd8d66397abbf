#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/clean/converge.h"
#include "core/clean/deconvolver.h"
#include "core/stats.h"
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

/* Without a user's mask. */
static pcl_standing at(const pcl_control *c, double peak) {
    return (pcl_standing){
        .peak = peak, .peak_nomask = peak, .nsigma_jy = 0.001 * c->nsigma, .npixel = 50};
}

static int check(const pcl_control *c, pcl_progress_state *s, double peak) {
    const pcl_standing standing = at(c, peak);
    return pcl_converge_check(c, s, &standing);
}

static void each_stop_code_has_its_reason(void **state) {
    (void)state;
    pcl_control c = control();
    pcl_progress_state s = {0};
    const pcl_standing nowhere = {.peak = 0};
    assert_int_equal(pcl_converge_check(&c, &s, &nowhere), PCLEAN_STOP_ZEROMASK);
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
    s = (pcl_progress_state){
        .nround = 2, .started = true, .peak_previous = 1, .nomask_previous = 1, .nomask_least = 1};
    assert_int_equal(check(&c, &s, 0.8), PCLEAN_STOP_NMAJOR);
    c = control();
    c.nsigma = 30;
    s = (pcl_progress_state){0};
    assert_int_equal(check(&c, &s, 0.0299), PCLEAN_STOP_NSIGMA);
    assert_int_equal(check(&c, &s, 0.0302), PCLEAN_STOP_NSIGMA);   /* within 1 % of it */
    assert_int_equal(check(&c, &s, 0.009), PCLEAN_STOP_THRESHOLD); /* wins over n-sigma */
    c.niter = 0;
    assert_int_equal(check(&c, &s, 5), PCLEAN_STOP_FORCED);
}

/* Divergence is judged by the whole image, all else inside the mask. */
static void outside_the_mask(void **state) {
    (void)state;
    const pcl_control c = control();
    pcl_progress_state s = {0};
    pcl_standing st = {.peak = 1, .peak_nomask = 2, .npixel = 9};
    assert_int_equal(pcl_converge_check(&c, &s, &st), 0);
    st = (pcl_standing){.peak = 5, .peak_nomask = 7.9, .npixel = 9};
    assert_int_equal(pcl_converge_check(&c, &s, &st), 0);
    st = (pcl_standing){.peak = 0.5, .peak_nomask = 8.1, .npixel = 9};
    assert_int_equal(pcl_converge_check(&c, &s, &st), PCLEAN_STOP_DIVERGED_MIN);
    st = (pcl_standing){.peak = 0.005, .peak_nomask = 80, .npixel = 9};
    assert_int_equal(pcl_converge_check(&c, &s, &st), PCLEAN_STOP_THRESHOLD);
}

/* Before the check is told: against the check before, and the best peak. */
static void a_cycle_that_made_it_worse(void **state) {
    (void)state;
    const pcl_control c = control();
    pcl_progress_state s = {0};
    assert_int_equal(check(&c, &s, 1), 0);
    assert_int_equal(check(&c, &s, 3), 0);
    const pcl_standing fine = at(&c, 3.9), min = at(&c, 4.1), step = at(&c, 12.1),
                       none = at(&c, NAN);
    assert_int_equal(pcl_converge_diverged(&s, &fine, 1, PCL_MINOR_THRESHOLD), 0);
    assert_int_equal(pcl_converge_diverged(&s, &min, 1, 0), PCLEAN_STOP_DIVERGED_MIN);
    assert_int_equal(pcl_converge_diverged(&s, &step, 1, 0), PCLEAN_STOP_DIVERGED_STEP);
    assert_int_equal(pcl_converge_diverged(&s, &none, 1, 0), PCLEAN_STOP_DIVERGED_STEP);
    /* a minor cycle that grew counts where its residual is over the best, too */
    assert_int_equal(pcl_converge_diverged(&s, &fine, 1, PCL_MINOR_DIVERGED),
                     PCLEAN_STOP_DIVERGED_MINOR);
    assert_int_equal(pcl_converge_diverged(&s, &fine, 3.8, PCL_MINOR_DIVERGED), 0);
    assert_true(pcl_converge_shallower(0.2, 1, 0) == 0.2);
    assert_true(fabs(pcl_converge_shallower(0.2, 1, 1) - 0.6) < 1e-15);
    assert_true(fabs(pcl_converge_shallower(0.2, 1, 2) - 0.8) < 1e-15);
    assert_true(pcl_converge_shallower(2, 1, 2) == 2); /* nothing to do */
}

static void the_cycle_goes_as_deep_as_the_sidelobes_allow(void **state) {
    (void)state;
    pcl_control c = control();
    assert_true(fabs(pcl_converge_cyclethreshold(&c, 2, 0.2) - 0.4) < 1e-12);
    /* minpsffraction */
    assert_true(fabs(pcl_converge_cyclethreshold(&c, 2, 0.01) - 0.1) < 1e-12);
    /* maxpsffraction */
    assert_true(fabs(pcl_converge_cyclethreshold(&c, 2, 3) - 1.6) < 1e-12);
    assert_true(fabs(pcl_converge_cyclethreshold(&c, 0.02, 0.2) - 0.01) < 1e-12); /* threshold */
    c.minpsffraction = 0.9; /* above maxpsffraction, which wins, as in tclean */
    assert_true(fabs(pcl_converge_cyclethreshold(&c, 2, 0.01) - 1.6) < 1e-12);
    pcl_progress_state s = {.niter = 70};
    assert_int_equal(pcl_converge_cycleniter(&c, &s), 30);
    c.cycleniter = 12;
    assert_int_equal(pcl_converge_cycleniter(&c, &s), 12);
    s.niter = 95;
    assert_int_equal(pcl_converge_cycleniter(&c, &s), 5);
}

/* ---- planes of noise alone ---- */

enum { SIDE = 64, PLANES = 100 };

static double gaussian(uint64_t *seed) {
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        *seed ^= *seed >> 12;
        *seed ^= *seed << 25;
        *seed ^= *seed >> 27;
        sum += (double)((*seed * 2685821657736338717u) >> 11) * 0x1p-53;
    }
    return sum;
}

/* Noise of a beam about three pixels wide, with a source of this many rms in the middle. */
static void make_plane(uint64_t *seed, double source, float *image) {
    static double white[SIDE * SIDE], along[SIDE * SIDE], plane[SIDE * SIDE];
    static const double beam[5] = {0.1, 0.6, 1, 0.6, 0.1};
    double square = 0;
    for (size_t i = 0; i < SIDE * SIDE; i++)
        white[i] = gaussian(seed);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < SIDE * SIDE; i++) {
            const double *from = pass ? along : white;
            double sum = 0;
            for (size_t k = 0; k < 5; k++) {
                const size_t step = pass ? SIDE : 1;
                sum += beam[k] * from[(i + (k + SIDE * SIDE - 2) * step) % (SIDE * SIDE)];
            }
            (pass ? plane : along)[i] = sum;
        }
    for (size_t i = 0; i < SIDE * SIDE; i++)
        square += plane[i] * plane[i];
    const double rms = sqrt(square) / SIDE;
    for (int i = 0; i < SIDE * SIDE; i++) {
        const int x = i % SIDE - SIDE / 2, y = i / SIDE - SIDE / 2;
        const double b = abs(x) < 3 && abs(y) < 3 ? beam[x + 2] * beam[y + 2] : 0;
        image[i] = (float)(plane[i] + source * rms * b);
    }
}

static int count_noise(double source, double limit) {
    static float image[SIDE * SIDE];
    static int32_t work[SIDE * SIDE];
    uint64_t seed = 11;
    int n = 0;
    for (int k = 0; k < PLANES; k++) {
        make_plane(&seed, source, image);
        n += pcl_converge_is_noise((double)pcl_stats_peak(image, NULL, SIDE * SIDE),
                                   pcl_stats_mad_rms(image, SIDE * SIDE, work, NULL), limit);
    }
    return n;
}

static void noise_alone(void **state) {
    (void)state;
    const int noise = count_noise(0, 4.5), source = count_noise(6, 4.5);
    print_message("of %d planes noise alone: %d of noise, %d with a source of 6 rms\n", PLANES,
                  noise, source);
    assert_true(noise >= 95);
    assert_true(source <= 10);
    assert_int_equal(count_noise(0, 0), 0);         /* off */
    assert_false(pcl_converge_is_noise(0, 0, 4.5)); /* nothing at all is no noise */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_stop_code_has_its_reason),
        cmocka_unit_test(outside_the_mask),
        cmocka_unit_test(a_cycle_that_made_it_worse),
        cmocka_unit_test(noise_alone),
        cmocka_unit_test(the_cycle_goes_as_deep_as_the_sidelobes_allow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
