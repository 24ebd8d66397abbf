/* Statistics against sorting and plain sums. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/stats.h"

static uint64_t seed = 7;

static double uniform(void) {
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (double)((seed * 2685821657736338717u) >> 11) * 0x1p-53;
}

static int ascending(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void plane(void **state) {
    (void)state;
    const float image[3 * 4] = {1, -5, 2, NAN, 5, 3, -INFINITY, 0, 100, 4, -2, 1};
    bool mask[12];
    for (size_t i = 0; i < 12; i++)
        mask[i] = i != 8;
    pcl_stats s;
    pcl_stats_plane(image, mask, 4, 3, &s);
    assert_int_equal(s.n, 9);
    assert_true(s.sum == 9 && s.mean == 1 && s.min == -5 && s.max == 5);
    assert_true(s.peak == -5 && s.peak_x == 1 && s.peak_y == 0); /* the first of equals */
    assert_true(fabs(s.rms - sqrt(85.0 / 9)) < 1e-12);
    pcl_stats_plane(image, NULL, 4, 3, &s);
    assert_true(s.peak == 100 && s.peak_x == 0 && s.peak_y == 2);
    for (size_t i = 0; i < 12; i++)
        mask[i] = false;
    pcl_stats_plane(image, mask, 4, 3, &s);
    assert_true(s.n == 0 && s.rms == 0 && s.max == 0);
}

static void selection_equals_sorting(void **state) {
    (void)state;
    enum { MOST = 500 };
    for (size_t n = 1; n < MOST; n += 1 + n / 7) {
        float value[MOST], sorted[MOST];
        for (size_t i = 0; i < n; i++)
            sorted[i] = value[i] =
                (float)(n % 2 ? floor(20 * uniform()) - 10 : (uniform() - 0.5) * pow(10, 60 * uniform() - 30));
        qsort(sorted, n, sizeof *sorted, ascending);
        for (size_t k = 0; k < n; k++)
            assert_true(pcl_stats_select(value, n, k) == sorted[k]);
    }
}

static void robust_rms(void **state) {
    (void)state;
    const float odd[5] = {1, 2, 3, 4, 1000}, even[4] = {1, 2, 4, 100};
    float work[100000];
    double median;
    assert_true(fabs(pcl_stats_mad_rms(odd, NULL, 5, work, &median) - 1.4826) < 1e-6 && median == 3);
    assert_true(fabs(pcl_stats_mad_rms(even, NULL, 4, work, &median) - 1.4826 * 1.5) < 1e-6 && median == 3);
    const bool none[4] = {false, false, false, false};
    assert_true(pcl_stats_mad_rms(even, none, 4, work, NULL) == 0);
    static float noise[100000];
    for (size_t i = 0; i < 100000; i++) /* Box-Muller, plus 2 % of bright sources */
        noise[i] = (float)(5 + 2 * sqrt(-2 * log(1 - uniform())) * cos(2 * M_PI * uniform()) + (i % 50 ? 0 : 300));
    const double rms = pcl_stats_mad_rms(noise, NULL, 100000, work, &median);
    assert_true(fabs(rms - 2) < 0.06 && fabs(median - 5) < 0.1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(plane), cmocka_unit_test(selection_equals_sorting),
                                       cmocka_unit_test(robust_rms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
