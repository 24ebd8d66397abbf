/* samegrid: what differs between the pixels of two images is named, and nothing else is refused. */
#include <math.h>

#include "check.h"
#include "image/samegrid.h"

static const double arcsec = 4.84813681109536e-6;

static casa_image_desc cube(void) {
    return (casa_image_desc){.nx = 64,
                             .ny = 48,
                             .npol = 2,
                             .nchan = 4,
                             .stokes = {1, 4},
                             .centre = {0, 3.4, 0.5},
                             .crpix_x = 32,
                             .crpix_y = 24,
                             .increment_x_rad = -15 * arcsec,
                             .increment_y_rad = 15 * arcsec,
                             .projection = "SIN",
                             .freq_frame = 1,
                             .crval_hz = 1e9,
                             .cdelt_hz = -1e6};
}

static int check(const casa_image_desc *has, bool same_stokes, pclean_err *err) {
    const casa_image_desc image = cube();
    return pcl_samegrid_check("mask m", has, &image, same_stokes, err);
}

static void refuse(const casa_image_desc *has, const char *sentence) {
    pclean_err err = {0};
    assert_fails(check(has, true, &err), PCLEAN_EPARAM, sentence);
    assert_non_null(strstr(err.msg, "mask m "));
}

static void every_channel_counts(void **state) {
    (void)state;
    pclean_err err = {0};
    double table[4] = {1e9, 0.999e9, 0.998e9, 0.997e9};
    casa_image_desc has = cube();
    assert_ok(check(&has, true, &err));
    has.chan_freq_hz = table;
    assert_ok(check(&has, true, &err));
    table[2] += 2e4; /* a fiftieth of a channel */
    assert_ok(check(&has, true, &err));
    table[2] += 2e5; /* in the middle: the ends are right */
    refuse(&has, "channel 2");
    table[2] = NAN;
    refuse(&has, "other channel frequencies");
    has = cube();
    has.cdelt_hz = 1e6; /* channel 0 is right */
    refuse(&has, "channel 1");
    has = cube();
    has.cdelt_hz *= 1.04; /* each a little more off */
    refuse(&has, "channel 2");
    has = cube();
    has.freq_frame = 5;
    refuse(&has, "LSRK");
    has.nchan = 3;
    refuse(&has, "3 channels, the image 4");
    has.nchan = 1; /* serves all */
    has.crval_hz = 5e9;
    assert_ok(check(&has, true, &err));
}

static void the_sky_counts(void **state) {
    (void)state;
    casa_image_desc has = cube();
    pclean_err err = {0};
    has.centre.lon_rad += 2 * M_PI;
    assert_ok(check(&has, true, &err));
    has.centre.lat_rad += 0.2 * 15 * arcsec;
    refuse(&has, "elsewhere on the sky");
    has = cube();
    has.crpix_x += 1;
    refuse(&has, "elsewhere on the sky");
    has = cube();
    has.increment_y_rad = -has.increment_y_rad;
    refuse(&has, "another cell");
    has = cube();
    has.increment_x_rad *= 1.01;
    refuse(&has, "another cell");
    has = cube();
    has.projection = "TAN";
    refuse(&has, "projection TAN");
    has = cube();
    has.ny = 47;
    refuse(&has, "64 x 47 pixels, the image 64 x 48");
    int galactic = 0;
    casa_direction probe;
    assert_ok(casa_init(&err));
    assert_ok(casa_direction_parse("GALACTIC 10deg 10deg", &probe, &err));
    galactic = probe.frame;
    has = cube();
    /* the same centre, turned about it */
    assert_ok(casa_direction_convert(&has.centre, galactic, &has.centre, &err));
    refuse(&has, "turned");
}

static void stokes_counts(void **state) {
    (void)state;
    casa_image_desc has = cube();
    pclean_err err = {0};
    has.stokes[1] = 3;
    refuse(&has, "another Stokes parameter");
    assert_fails(check(&has, false, &err), PCLEAN_EPARAM, "another Stokes parameter");
    has.npol = 1;
    refuse(&has, "1 planes of polarization, the image 2");
    assert_ok(check(&has, false, &err)); /* one plane of a mask serves all */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_channel_counts),
                                       cmocka_unit_test(the_sky_counts),
                                       cmocka_unit_test(stokes_counts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
