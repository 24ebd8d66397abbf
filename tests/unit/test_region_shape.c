/* image/region_shape.c: shapes from their numbers. (test_mask.c has tclean's pixels.) */
#include "base/mem.h"
#include "image/region_shape.h"
#include "unit/check.h"
#include <math.h>

static pclean_err err;

static const double arcsec = 4.84813681109536e-6;

static casa_image_desc sky(size_t nx, size_t ny, double dec_deg) {
    return (casa_image_desc){.nx = nx,
                             .ny = ny,
                             .npol = 1,
                             .nchan = 5,
                             .stokes = {1, 4},
                             .centre = {0, 3.4, dec_deg * 3600 * arcsec},
                             .crpix_x = (double)(nx / 2),
                             .crpix_y = (double)(ny / 2),
                             .increment_x_rad = -15 * arcsec,
                             .increment_y_rad = 15 * arcsec,
                             .projection = "SIN",
                             .freq_frame = 1,
                             .crval_hz = 1e9,
                             .cdelt_hz = 1e6,
                             .time_ref = "UTC",
                             .position_itrf_m = {1e6, 2e6, 6e6}};
}

static bool plane[256 * 256];

/* The shape's pixels in `plane`, and their number. */
static size_t draw(const char *name, size_t n, const char *const *number, const pcl_sky *sky) {
    pcl_region r = {0};
    double cross[16];
    char copy[8][40], *word[8];
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        snprintf(copy[i], sizeof copy[i], "%s", number[i]);
        word[i] = copy[i];
    }
    assert_ok(pcl_region_shape_make(name, n, word, sky, &r, &err));
    assert_true(r.nvertex <= 16);
    memset(plane, 0, sizeof plane);
    pcl_region_fill(&r, true, sky->desc->nx, sky->desc->ny, plane, cross);
    for (size_t i = 0; i < sky->desc->nx * sky->desc->ny; i++)
        count += plane[i];
    pcl_free(r.vertex);
    return count;
}
#define DRAW(name, sky, ...)                                                                       \
    draw((name), sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *),                      \
         (const char *const[]){__VA_ARGS__}, (sky))

/* A small shape far from round: its long axis lies along the position angle, north through east
 * (east: lower x). */
static void position_angles_go_north_through_east(void **state) {
    (void)state;
    const casa_image_desc d = sky(256, 240, 5);
    const pcl_sky s = {0, &d};
    for (int i = 0; i < 2; i++) {
        if (i == 0)
            (void)DRAW("ellipse", &s, "128pix", "120pix", "50pix", "3pix", "30deg");
        else
            (void)DRAW("rotbox", &s, "128pix", "120pix", "6pix", "100pix", "30deg");
        assert_true(plane[(120 + 35) * 256 + 128 - 20]); /* 40 pixels along 30 degrees */
        assert_false(plane[(120 + 35) * 256 + 128 + 20]);
    }
}

static void frames_are_converted(void **state) {
    (void)state;
    const casa_image_desc d = sky(256, 240, 5);
    casa_direction at = d.centre;
    char lon[40], lat[40];
    assert_ok(casa_direction_parse("GALACTIC 0deg 0deg", &at, &err));
    assert_ok(casa_direction_convert(&d.centre, at.frame, &at, &err));
    const pcl_sky galactic = {at.frame, &d};
    snprintf(lon, sizeof lon, "%.10frad", at.lon_rad);
    snprintf(lat, sizeof lat, "%.10frad", at.lat_rad);
    assert_int_equal(DRAW("circle", &galactic, lon, lat, "300arcsec"), 1257);
    assert_true(plane[140 * 256 + 128] && plane[120 * 256 + 148] && !plane[120 * 256 + 149]);
}

/* One shape said in pixels and on the sky, and by other names. */
static void pixels_and_angles_say_the_same(void **state) {
    (void)state;
    const casa_image_desc d = sky(256, 240, 0); /* on the equator: little is curved */
    const pcl_sky s = {0, &d};
    char lon[40];
    static bool first[sizeof plane];
    snprintf(lon, sizeof lon, "%.17grad", d.centre.lon_rad);
    const size_t circle = DRAW("circle", &s, "128pix", "120pix", "20pix");
    memcpy(first, plane, sizeof first);
    assert_int_equal(DRAW("CIRCLE", &s, lon, "0deg", "5arcmin"), circle);
    assert_memory_equal(plane, first, sizeof first);
    assert_int_equal(DRAW("ellipse", &s, "128pix", "120pix", "20pix", "20pix", "70deg"), circle);
    assert_int_equal(DRAW("annulus", &s, "128pix", "120pix", "10pix", "20pix"),
                     circle - DRAW("circle", &s, "128pix", "120pix", "10pix"));
    const size_t box = DRAW("box", &s, "118pix", "105pix", "138pix", "135pix");
    assert_int_equal(box, 21 * 31);
    assert_int_equal(DRAW("rectangularbox", &s, "138pix", "135pix", "118pix", "105pix"), box);
    assert_int_equal(DRAW("centerbox", &s, "128pix", "120pix", "20pix", "30pix"), box);
    assert_int_equal(DRAW("rotatedbox", &s, "128pix", "120pix", "30pix", "20pix", "90deg"), box);
    assert_int_equal(DRAW("polygon", &s, "118pix", "105pix", "138pix", "105pix", "138pix", "135pix",
                          "118pix", "135pix"),
                     box);
}

static void numbers_with_units(void **state) {
    (void)state;
    double x;
    assert_true(pcl_region_shape_number("12.5pix", "pix", &x) && x == 12.5);
    assert_true(pcl_region_shape_number("-3 CHAN", "chan", &x) && x == -3);
    assert_false(pcl_region_shape_number("3", "chan", &x));
    assert_false(pcl_region_shape_number("3pixels", "pix", &x));
    assert_false(pcl_region_shape_number("pix", "pix", &x));
    assert_false(pcl_region_shape_number("infpix", "pix", &x));
}

static void what_is_no_shape_is_said(void **state) {
    (void)state;
    const casa_image_desc d = sky(256, 240, 5);
    const pcl_sky s = {0, &d};
    pcl_region r = {0};
    char a[] = "1pix", b[] = "2pix", zero[] = "0pix", deg[] = "3deg", *const one[] = {a, b, b},
         *const none[] = {a, b, zero}, *const mixed[] = {a, deg, b};
    assert_fails(pcl_region_shape_make("blob", 3, one, &s, &r, &err), PCLEAN_EPARAM, "\"blob\"");
    assert_fails(pcl_region_shape_make("circle", 2, one, &s, &r, &err), PCLEAN_EPARAM,
                 "2 numbers where circle[[x,y],r] is wanted");
    assert_fails(pcl_region_shape_make("circle", 3, none, &s, &r, &err), PCLEAN_EPARAM,
                 "radius is zero");
    assert_fails(pcl_region_shape_make("circle", 3, mixed, &s, &r, &err), PCLEAN_EPARAM,
                 "mixes pixels");
    pcl_free(r.vertex);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(position_angles_go_north_through_east),
        cmocka_unit_test(frames_are_converted),
        cmocka_unit_test(pixels_and_angles_say_the_same),
        cmocka_unit_test(numbers_with_units),
        cmocka_unit_test(what_is_no_shape_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
