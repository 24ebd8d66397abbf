/* image/regrid.c: each pixel against its own way over the sky, and channels by their
 * frequencies. */
#include "image/regrid.h"
#include "image/samegrid.h"
#include "unit/check.h"
#include <math.h>

static pclean_err err;
static const double arcsec = 4.84813681109536e-6;

static casa_image_desc sky(size_t nx, size_t ny, double lon_deg, double lat_deg) {
    return (casa_image_desc){.nx = nx,
                             .ny = ny,
                             .npol = 1,
                             .nchan = 1,
                             .stokes = {1, 4},
                             .centre = {0, lon_deg * 3600 * arcsec, lat_deg * 3600 * arcsec},
                             .crpix_x = (double)(nx / 2),
                             .crpix_y = (double)(ny / 2),
                             .increment_x_rad = -15 * arcsec,
                             .increment_y_rad = 15 * arcsec,
                             .projection = "SIN",
                             .freq_frame = 1,
                             .crval_hz = 1e9,
                             .cdelt_hz = 1e6,
                             .time_ref = "UTC",
                             .obsdate_s = 4.9e9,
                             .position_itrf_m = {1e6, 2e6, 6e6}};
}

/* Longitude and latitude of a pixel in the image's own frame. */
static casa_direction place_of(const casa_image_desc *d, double x, double y) {
    const double l = (x - d->crpix_x) * d->increment_x_rad,
                 m = (y - d->crpix_y) * d->increment_y_rad, n = sqrt(1 - l * l - m * m),
                 s0 = sin(d->centre.lat_rad), c0 = cos(d->centre.lat_rad);
    return (casa_direction){d->centre.frame, d->centre.lon_rad + atan2(l, n * c0 - m * s0),
                            asin(m * c0 + n * s0)};
}

/* A sample of the pixels; those within a thousandth of the border between two are left out. */
static void check_pixels(const casa_image_desc *has, const casa_image_desc *image) {
    pcl_regrid r;
    size_t n = 0, inside = 0;
    assert_ok(pcl_regrid_plan("it", has, image, &r, &err));
    for (size_t y = 0; y < image->ny; y += 3)
        for (size_t x = 0; x < image->nx; x += 2) {
            double px, py;
            casa_direction at = place_of(image, (double)x, (double)y);
            assert_ok(casa_direction_convert(&at, has->centre.frame, &at, &err));
            const bool near = pcl_samegrid_sky_to_pixel(has, at.lon_rad, at.lat_rad, &px, &py);
            if (fabs(px - floor(px) - 0.5) < 1e-3 || fabs(py - floor(py) - 0.5) < 1e-3)
                continue;
            px = round(px), py = round(py);
            const bool in =
                near && px >= 0 && py >= 0 && px < (double)has->nx && py < (double)has->ny;
            const uint32_t got = r.pixel[y * image->nx + x];
            if (got != (in ? (uint32_t)(py * (double)has->nx + px) : PCL_REGRID_NONE))
                fail_msg("pixel %zu,%zu: %u, %g,%g", x, y, got, px, py);
            n++;
            inside += in;
        }
    assert_true(n > 500 && inside > 100 && inside < n);
    assert_true(r.noverlap > 0 && r.noverlap < image->nx * image->ny);
    assert_null(r.chan);
    pcl_regrid_clear(&r);
}

static void pixels_take_the_nearest(void **state) {
    (void)state;
    casa_image_desc image = sky(101, 90, 195, 70), has = sky(64, 120, 195.3, 70.05);
    assert_ok(casa_init(&err));
    check_pixels(&has, &image);
    has.increment_x_rad *= 1.37;
    has.increment_y_rad *= 0.8;
    check_pixels(&has, &image);
    static const char *const other[] = {"B1950 0deg 0deg", "GALACTIC 0deg 0deg", "ICRS 0deg 0deg"};
    const casa_direction centre = has.centre;
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        casa_direction named;
        assert_ok(casa_direction_parse(other[i], &named, &err));
        assert_ok(casa_direction_convert(&centre, named.frame, &has.centre, &err));
        has.centre.frame = named.frame;
        check_pixels(&has, &image);
    }
    image = sky(101, 90, 10, 89.99); /* over the pole */
    has = sky(64, 120, 190, 89.98);
    check_pixels(&has, &image);
}

static void channels_go_by_frequency(void **state) {
    (void)state;
    casa_image_desc image = sky(20, 20, 195, 70), has = image;
    pcl_regrid r;
    image.nchan = 6;
    has.nchan = 3; /* 1002, 1000, 998 MHz */
    has.crval_hz = 1.002e9;
    has.cdelt_hz = -2e6;
    image.crval_hz = 0.9965e9;
    assert_ok(pcl_regrid_plan("it", &has, &image, &r, &err));
    static const uint32_t expected[6] = {PCL_REGRID_NONE, 2, 2, 1, 1, 0};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(r.chan[i], expected[i]);
    assert_int_equal(r.nchannels, 5);
    pcl_regrid_clear(&r);

    /* in another frame, as casacore converts single frequencies */
    image.freq_frame = 1;
    has.freq_frame = 5;
    has.nchan = 400;
    has.crval_hz = 0.999e9;
    has.cdelt_hz = 10e3;
    image.cdelt_hz = 0.5e6;
    assert_ok(pcl_regrid_plan("it", &has, &image, &r, &err));
    const casa_frame_change change = {.from = 5,
                                      .to = 1,
                                      .position_itrf_m = {1e6, 2e6, 6e6},
                                      .time_ref = "UTC",
                                      .direction = image.centre};
    for (size_t i = 0; i < 6; i++) {
        double hz = 0, in = has.crval_hz + 10e3 * r.chan[i];
        if (r.chan[i] == PCL_REGRID_NONE)
            continue;
        assert_ok(casa_freq_convert(&change, image.obsdate_s, 1, &in, &hz, &err));
        assert_true(fabs(hz - (image.crval_hz + 0.5e6 * (double)i)) <= 5.1e3);
    }
    assert_true(r.nchannels > 0);
    pcl_regrid_clear(&r);

    has.freq_frame = CASA_FREQ_UNDEFINED;
    assert_fails(pcl_regrid_plan("mask m", &has, &image, &r, &err), PCLEAN_EPARAM,
                 "the channels of mask m cannot be brought to the image's: it or the image has no");
    pcl_regrid_clear(&r);
    has.freq_frame = 1;
    has.npol = 2;
    image.stokes[0] = 4;
    assert_ok(pcl_regrid_plan("it", &has, &image, &r, &err));
    assert_int_equal(r.pol[0], 1);
    pcl_regrid_clear(&r);
    image.stokes[0] = 2;
    assert_fails(pcl_regrid_plan("mask m", &has, &image, &r, &err), PCLEAN_EPARAM,
                 "mask m has no plane of the image's Stokes parameter Q");
    pcl_regrid_clear(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(pixels_take_the_nearest),
                                       cmocka_unit_test(channels_go_by_frequency)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
