#include "report/draw.h"
#include "unit/check.h"
#include <math.h>
#include <stdlib.h>

static void assert_tick(double value, double step, const char *expected) {
    char text[48];
    pcl_tick_text(text, sizeof text, value, step);
    assert_string_equal(text, expected);
}

static void test_tick_step_is_round(void **state) {
    (void)state;
    assert_true(fabs(pcl_tick_step(10, 5) - 2) < 1e-12);
    assert_true(fabs(pcl_tick_step(0.9, 4) - 0.5) < 1e-12);
    assert_true(fabs(pcl_tick_step(-64, 8) - 10) < 1e-12);
    assert_true(fabs(pcl_tick_step(0, 4) - 1) < 1e-12); /* no range: no endless loop later */
    assert_true(fabs(pcl_tick_step(NAN, 4) - 1) < 1e-12);
}

static void test_tick_text(void **state) {
    (void)state;
    assert_tick(0.5, 0.5, "0.5");
    assert_tick(-10, 5,
                "\xe2\x88\x92"
                "10");
    assert_tick(-1e-12, 0.1, "0.0");
    assert_tick(1.25, 0.05, "1.25");
    assert_tick(2, 1, "2");
}

static void test_scale(void **state) {
    (void)state;
    pcl_scale linear = {-1, 3, 0}, soft = {-1, 1000, 1};
    assert_true(fabs(pcl_scale_fraction(&linear, 1) - 0.5) < 1e-12);
    assert_true(fabs(pcl_scale_fraction(&soft, -1)) < 1e-12);
    assert_true(fabs(pcl_scale_fraction(&soft, 1000) - 1) < 1e-12);
    assert_true(pcl_scale_fraction(&soft, 10) > 0.3); /* the faint gets its share */
}

static uint32_t pixel(cairo_surface_t *s, int x, int y) {
    uint32_t value;
    memcpy(&value,
           cairo_image_surface_get_data(s) + (ptrdiff_t)y * cairo_image_surface_get_stride(s) +
               4 * (ptrdiff_t)x,
           4);
    return value & 0xffffff;
}

/* Row 0 at the bottom, x to the right, NaN grey. */
static void test_map_orientation(void **state) {
    (void)state;
    uint32_t map[PCL_COLORMAP_SIZE];
    pcl_colormap_fill(map);
    const float values[4] = {0, 1, NAN, 0};
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 40, 40);
    cairo_t *cr = cairo_create(s);
    pcl_draw_map(cr, (pcl_rect){0, 0, 40, 40}, values, 2, 2, &(pcl_scale){0, 1, 0}, map);
    cairo_surface_flush(s);
    assert_int_equal(pixel(s, 2, 38), map[0] & 0xffffff);
    assert_int_equal(pixel(s, 38, 38), map[PCL_COLORMAP_SIZE - 1] & 0xffffff);
    assert_int_equal(pixel(s, 38, 2), map[0] & 0xffffff);
    uint32_t masked = pixel(s, 2, 2);
    assert_true(abs((int)(masked >> 16) - (int)(masked & 255)) < 10); /* neutral */
    cairo_destroy(cr);
    cairo_surface_destroy(s);
    cairo_debug_reset_static_data();
}

static void assert_utf8(const char *text, const char *expected) {
    char out[32];
    pcl_draw_utf8(text, out, sizeof out);
    assert_string_equal(out, expected);
}

static void test_names_that_are_not_utf8(void **state) {
    (void)state;
    assert_utf8("NGC 5921", "NGC 5921");
    assert_utf8("\xe9toile", "\xc3\xa9toile");
    assert_utf8("\xc3\xa9toile \xe2\x88\x92 \xf0\x9f\x94\xad",
                "\xc3\xa9toile \xe2\x88\x92 \xf0\x9f\x94\xad");
    assert_utf8("cut \xe2\x88", "cut \xc3\xa2\xc2\x88");
    assert_utf8("\xc0\x80", "\xc3\x80\xc2\x80");             /* overlong */
    assert_utf8("\xed\xa0\x80", "\xc3\xad\xc2\xa0\xc2\x80"); /* half of a pair */
    char small[8];
    pcl_draw_utf8("\xe9\xe9\xe9\xe9\xe9\xe9", small, sizeof small);
    assert_string_equal(small, "\xc3\xa9\xc3\xa9");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tick_step_is_round), cmocka_unit_test(test_tick_text),
        cmocka_unit_test(test_scale), cmocka_unit_test(test_map_orientation),
        cmocka_unit_test(test_names_that_are_not_utf8)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
