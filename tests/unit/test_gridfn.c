#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/grid/gridfn.h"

static double polynomial(const pcl_gridfn *fn, int tap, double offset) {
    double z = 2 * offset - 1, sum = 0;
    for (int d = PCL_GRIDFN_DEGREE; d >= 0; d--)
        sum = sum * z + (double)fn->coef[d][tap];
    return sum;
}

static void the_polynomial_is_the_kernel(void **state) {
    (void)state;
    pcl_gridfn fn;
    for (size_t k = 0; pcl_gridfn_get(k, &fn); k++)
        for (int t = 0; t < PCL_GRIDFN_TAPS; t++)
            for (double offset = 0.01; offset < 1; offset += 0.01) {
                double want =
                    t < fn.support ? pcl_gridfn_value(&fn, t + offset - 0.5 * fn.support) : 0;
                double e = fabs(polynomial(&fn, t, offset) - want);
                if (e > fmax(0.4 * fn.misfit, 5e-7))
                    fail_msg("kernel %zu tap %d offset %g: off by %.2e, misfit %.2e", k, t, offset,
                             e, fn.misfit);
            }
}

/* The 1-D identity that gridding rests on: sum_k C(k - u) h(x) exp(2 pi i k x / n) = exp(2 pi i u x
 * / n). */
static void correction_undoes_the_kernel(void **state) {
    (void)state;
    pcl_gridfn fn;
    for (size_t k = 0; pcl_gridfn_get(k, &fn); k++) {
        enum { N = 64 };
        size_t ngrid = (size_t)ceil(N * fn.sigma);
        float h[N];
        pcl_gridfn_correction(&fn, N, ngrid, h);
        double sum2 = 0, worst = 0;
        int n = 0;
        for (int s = 0; s < 50; s++)
            for (int i = 0; i < N; i++, n++) {
                double u = 0.02 * s + 3, x = (i - N / 2) / (double)ngrid, re = 0, im = 0;
                for (int c = (int)ceil(u - 0.5 * fn.support); c < u + 0.5 * fn.support; c++) {
                    double value = pcl_gridfn_value(&fn, c - u) * (double)h[i];
                    re += value * cos(2 * M_PI * (c - u) * x);
                    im += value * sin(2 * M_PI * (c - u) * x);
                }
                double e2 = (re - 1) * (re - 1) + im * im;
                sum2 += e2;
                worst = fmax(worst, e2);
            }
        double rms = sqrt(2 * sum2 / n); /* two dimensions */
        assert_true(rms < 1.15 * fn.misfit + 1e-6);
        assert_true(rms > 0.7 * fn.misfit - 1e-6);
    }
}

static void accuracy_decides_the_kernel(void **state) {
    (void)state;
    pcl_gridfn fine, coarse, many;
    pcl_gridfn_choose(1e-6, 1e6, 1e5, &fine);
    pcl_gridfn_choose(1e-3, 1e6, 1e5, &coarse);
    assert_true(fine.misfit <= 1e-6);
    assert_true(coarse.misfit <= 1e-3);
    assert_true(coarse.sigma < fine.sigma);   /* few visibilities: the transform dominates, so a
                                               * small grid */
    pcl_gridfn_choose(1e-5, 1e4, 1e9, &many); /* gridding dominates: small support, large padding */
    assert_int_equal(many.support, 6);
    pcl_gridfn_choose(1e-12, 1e6, 1e5, &fine); /* beyond single precision: the best there is */
    assert_true(fine.misfit < 1e-7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_polynomial_is_the_kernel),
        cmocka_unit_test(correction_undoes_the_kernel),
        cmocka_unit_test(accuracy_decides_the_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
