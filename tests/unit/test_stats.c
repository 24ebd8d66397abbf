/* Statistics against sorting and plain sums. */
#include <math.h>
#include <omp.h>
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
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void peak_and_sum(void **state) {
    (void)state;
    const float image[12] = {1, -5, 2, NAN, 5, 3, -INFINITY, 0, 100, 4, -2, 1};
    bool mask[12];
    for (size_t i = 0; i < 12; i++)
        mask[i] = i != 8;
    assert_true(pcl_stats_peak(image, NULL, 12) == 100 && pcl_stats_peak(image, mask, 12) == 5 &&
                pcl_stats_sum(image, 12) == 109);
    for (size_t i = 0; i < 12; i++)
        mask[i] = false;
    assert_true(pcl_stats_peak(image, mask, 12) == 0 && pcl_stats_peak(image, NULL, 0) == 0 &&
                pcl_stats_sum(image, 0) == 0);
}

/* By sorting. */
static double median_of(double *value, size_t n) {
    qsort(value, n, sizeof *value, ascending);
    return 0.5 * (value[(n - 1) / 2] + value[n / 2]);
}

static void check_median(const float *image, size_t n) {
    double *sorted = malloc(n * sizeof *sorted), median;
    int32_t *work = malloc(n * sizeof *work);
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(image[i]))
            sorted[m++] = (double)image[i];
    const double rms = pcl_stats_mad_rms(image, n, work, &median),
                 middle = m ? median_of(sorted, m) : 0;
    assert_true(median == middle);
    for (size_t i = 0; i < m; i++)
        sorted[i] = (double)(float)fabs(sorted[i] - middle);
    assert_true(rms == (m ? 1.4826 * median_of(sorted, m) : 0));
    free(work);
    free(sorted);
}

/* Planes large enough for the sample that brackets a median; one of them misleads it. */
static void medians_equal_sorting(void **state) {
    (void)state;
    enum { MOST = 50000 };
    float *image = malloc(MOST * sizeof *image);
    for (int nthread = 1; nthread <= 3; nthread += 2) {
        omp_set_num_threads(nthread);
        for (size_t n = 1; n < MOST; n = 5 * n / 2 + 1)
            for (int kind = 0; kind < 6; kind++) {
                for (size_t i = 0; i < n; i++) {
                    const double x = uniform() - 0.5, wide = x * pow(10, 60 * uniform() - 30);
                    const double of_kind[] = {
                        x, wide, floor(20 * x), 0, i < n / 2 ? -1 : 1, i % 3 ? (double)NAN : x};
                    image[i] = (float)of_kind[kind];
                }
                check_median(image, n);
            }
        for (size_t i = 0; i < MOST; i++)
            image[i] = (float)i; /* in order: the sample's ranks are exact */
        check_median(image, MOST);
        uint64_t place = 0;
        /* what is sampled is no sample of the rest */
        for (size_t i = 0; i < 8192; i++, place += 0x9E3779B97F4A7C15u)
            image[(size_t)((unsigned __int128)place * MOST >> 64)] = 1e6f;
        check_median(image, MOST);
        for (size_t i = 0; i < MOST; i++)
            image[i] = NAN;
        check_median(image, MOST);
    }
    free(image);
}

/* The factor makes the rms of Gaussian noise its standard deviation. */
static void robust_rms_of_noise(void **state) {
    (void)state;
    enum { N = 100000 };
    float *noise = malloc(N * sizeof *noise);
    int32_t *work = malloc(N * sizeof *work);
    for (size_t i = 0; i < N; i++)
        noise[i] =
            i % 100 ? (float)(3 * sqrt(-2 * log(1 - uniform())) * cos(2 * M_PI * uniform())) : 1e6f;
    const double rms = pcl_stats_mad_rms(noise, N, work, NULL);
    assert_true(fabs(rms - 3) < 0.06);
    free(work);
    free(noise);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(peak_and_sum),
                                       cmocka_unit_test(medians_equal_sorting),
                                       cmocka_unit_test(robust_rms_of_noise)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
