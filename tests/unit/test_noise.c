/* core/noise.c against Chauvenet's criterion written out. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/noise.h"

enum { N = 4000 };
static float image[N];
static bool mask[N];

/* Gaussian noise about 2. */
static void make_noise(void) {
    uint64_t seed = 5;
    for (size_t i = 0; i < N; i++) {
        double sum = -6;
        for (int k = 0; k < 12; k++) {
            seed ^= seed >> 12;
            seed ^= seed << 25;
            seed ^= seed >> 27;
            sum += (double)((seed * 2685821657736338717u) >> 11) * 0x1p-53;
        }
        image[i] = (float)(2 + 0.1 * sum);
        mask[i] = true;
    }
}

static size_t count(void) {
    size_t n = 0;
    for (size_t i = 0; i < N; i++)
        n += mask[i];
    return n;
}

/* One pass by hand: the z of 0.5 / 4000 is 3.6623. */
static void outliers_go(void **state) {
    (void)state;
    make_noise();
    pcl_noise_clip(image, mask, N);
    const size_t clean = count();
    assert_true(clean > N - 5);
    make_noise();
    for (size_t i = 0; i < 40; i++)
        image[100 * i] = 5 + (float)i; /* a source */
    image[7] = NAN;
    image[9] = INFINITY;
    pcl_noise_clip(image, mask, N);
    for (size_t i = 0; i < 40; i++)
        assert_false(mask[100 * i]);
    assert_false(mask[7] || mask[9]);
    double mean = 0, square = 0;
    const double n = (double)count();
    for (size_t i = 0; i < N; i++)
        mean += mask[i] ? (double)image[i] / n : 0;
    for (size_t i = 0; i < N; i++)
        square += mask[i] ? pow((double)image[i] - mean, 2) / (n - 1) : 0;
    /* what is left obeys the criterion, and what went does not */
    for (size_t i = 0; i < N; i++)
        if (isfinite(image[i]))
            assert_true(mask[i] == (fabs((double)image[i] - mean) <= 3.66 * sqrt(square)));
}

/* At most five passes: of values that halve from one to the next each pass takes a few. */
static void passes_end(void **state) {
    (void)state;
    for (size_t i = 0; i < N; i++) {
        image[i] = i < 60 ? ldexpf(1, (int)i) : 0;
        mask[i] = true;
    }
    pcl_noise_clip(image, mask, N);
    assert_true(mask[0] && mask[20] && !mask[59]);
}

static void only_the_mask_counts(void **state) {
    (void)state;
    make_noise();
    for (size_t i = 0; i < N; i++) {
        mask[i] = i % 2;
        if (i % 2 == 0)
            image[i] = 1e6f;
    }
    pcl_noise_clip(image, mask, N);
    for (size_t i = 0; i < N; i += 2)
        assert_false(mask[i]);
    assert_true(count() > N / 2 - 5);
    memset(mask, 0, sizeof mask);
    pcl_noise_clip(image, mask, N); /* nothing to count */
    assert_int_equal(count(), 0);
    mask[3] = true;
    pcl_noise_clip(image, mask, N);
    assert_int_equal(count(), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(outliers_go), cmocka_unit_test(passes_end),
                                       cmocka_unit_test(only_the_mask_counts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
