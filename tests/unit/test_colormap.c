#include "report/colormap.h"
#include "unit/check.h"
#include <math.h>

static double linear(uint32_t byte) {
    double y = byte / 255.0;
    return y <= 0.04045 ? y / 12.92 : pow((y + 0.055) / 1.055, 2.4);
}

/* CIE lightness of an entry, 0 to 1. */
static double lightness(uint32_t argb) {
    double y = 0.2126 * linear(argb >> 16 & 255) + 0.7152 * linear(argb >> 8 & 255) +
               0.0722 * linear(argb & 255);
    return (y > 216.0 / 24389 ? 1.16 * cbrt(y) - 0.16 : y * 24389 / 2700);
}

/* Values are read from lightness: it must grow all the way, and evenly. */
static void test_lightness_grows_evenly(void **state) {
    (void)state;
    uint32_t map[PCL_COLORMAP_SIZE];
    pcl_colormap_fill(map);
    double first = lightness(map[0]), last = lightness(map[PCL_COLORMAP_SIZE - 1]);
    assert_true(first < 0.1 && last > 0.95);
    for (int i = 0; i < PCL_COLORMAP_SIZE; i++) {
        assert_int_equal(map[i] >> 24, 255);
        double even = first + (last - first) * i / (PCL_COLORMAP_SIZE - 1);
        if (fabs(lightness(map[i]) - even) > 0.1) {
            fail_msg("entry %d: lightness %.3f, not about %.3f", i, lightness(map[i]), even);
        }
        if (i > 0 && lightness(map[i]) < lightness(map[i - 1]) - 0.004) {
            fail_msg("entry %d is darker than the one before", i);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lightness_grows_evenly)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
