/* imager/setup.c: what a configuration and the small MeasurementSets come to, before and after the
 * data are read. */
#include "config/config.h"
#include "imager/setup.h"

#include <math.h>

#include "base/mem.h"
#include "imager.h"

static pclean_err err;

#define WITH(...) ((const char *const[]){__VA_ARGS__, NULL})

static void open_line(image *f, const char *const *more) {
    *f = (image){.vis = {.nblock = 0}};
    image_configure_line(f, more);
    image_open(f);
}

/* The error with which such a configuration is refused. */
static void refuse(const char *const *more, int code, const char *words) {
    image f = {0};
    image_configure_line(&f, more);
    assert_fails(pcl_setup_open(&f.config, &f.setup, &err), code, words);
    assert_null(f.setup.source); /* nothing is left open */
    assert_int_equal(f.setup.nms, 0);
    pcl_config_clear(&f.config);
}

/* ---- the image ---- */

static void the_header_says_what_was_asked_for(void **state) {
    (void)state;
    image f;
    open_line(&f, WITH("stokes", "RRLL"));
    const pcl_setup *s = &f.setup;
    const casa_image_desc *d = &s->desc;
    assert_true(d->nx == 90 && d->ny == 80 && d->nchan == 3 && d->npol == 2);
    assert_true(d->crpix_x == 45 && d->crpix_y == 40);
    assert_true(d->increment_x_rad == -f.config.cell_rad[0] &&
                d->increment_y_rad == f.config.cell_rad[1]);
    assert_true(d->stokes[0] == PCL_STOKES_RR && d->stokes[1] == PCL_STOKES_LL);
    assert_true(d->crval_hz == pcl_channels_centre(&s->channels, 0) &&
                d->cdelt_hz == s->channels.step_hz);
    assert_string_equal(d->telescope, "VLA");
    assert_true(s->dish_diameter_m == 25);
    assert_int_equal(s->nms, 1);
    assert_true(s->ms[0].nrow > 10000 && s->ms[0].column_bytes > 1000000);
    image_close(&f);
}

/* Channels 20 to 22 of the data, whose frequencies the Doppler factor brings to the image's
 * frame. */
static void a_cube_takes_channels_of_the_data(void **state) {
    (void)state;
    image all, part;
    open_line(&all, WITH("start", "", "nchan", "-1"));
    open_line(&part, NULL);
    const pcl_channels *a = &all.setup.channels, *b = &part.setup.channels;
    assert_true(b->nchan == 3 && a->nchan > 40 && a->step_hz > 0);
    assert_true(fabs(b->step_hz / a->step_hz - 1) < 1e-9);
    for (size_t i = 0; i < 3; i++)
        assert_true(fabs(pcl_channels_centre(b, i) - pcl_channels_centre(a, 20 + i)) < 1);
    image_close(&all);
    image_close(&part);
}

/* Of an image of channels a narrower one is the same grid, and reads no more; the number that
 * chooses the gridding kernel stays. */
static void a_narrower_image_has_the_same_grid(void **state) {
    (void)state;
    image whole, narrow;
    open_line(&whole, WITH("nchan", "12", "start", "10"));
    open_line(&narrow, WITH("nchan", "12", "start", "10"));
    pcl_setup *s = &narrow.setup;
    pcl_setup_narrow(s, 5, 2);
    assert_true(s->desc.nchan == 2 && s->channels.whole == 12 && s->channels.offset == 5);
    assert_true(s->desc.crval_hz == pcl_channels_centre(&whole.setup.channels, 5));
    const casa_image_desc again = pcl_setup_whole_desc(s);
    assert_true(again.nchan == 12 && again.crval_hz == whole.setup.desc.crval_hz);
    assert_true(s->samples_per_plane == whole.setup.samples_per_plane);
    assert_int_equal(pcl_setup_nslice(s), pcl_setup_nslice(&whole.setup));
    image_read(&whole);
    image_read(&narrow);
    assert_int_equal(narrow.vis.block[0].nrow, whole.vis.block[0].nrow);
    assert_true(narrow.vis.block[0].nchan < whole.vis.block[0].nchan &&
                narrow.vis.block[0].nchan >= 2);
    image_close(&whole);
    image_close(&narrow);
}

/* The samples of a plane are the rows, times the channels of continuum images, of all windows
 * together, but for the rounding of their number; what the store then holds is no more. */
static void samples_of_a_plane_are_counted(void **state) {
    (void)state;
    static const char *const ms[] = {"vla_ngc5921.ms", "alma_hd142527_b9_3spw.ms",
                                     "eht_m87_2017_101_hilo.ms", "hera_zen_2458101.ms"};
    for (size_t k = 0; k < 4; k++) {
        char path[1000];
        image f = {0};
        snprintf(path, sizeof path, "%s/%s", PCLEAN_TEST_DATA, ms[k]);
        image_configure_line(&f, WITH("vis", path, "specmode", "mfs", "nchan", "-1", "start", ""));
        image_open(&f);
        image_read(&f);
        const double nchan = (double)f.vis.block[0].nchan, nblock = (double)f.vis.nblock,
                     rows = (double)f.setup.ms[0].nrow, n = f.setup.samples_per_plane;
        double stored = 0;
        for (size_t i = 0; i < f.vis.nblock; i++) {
            stored += (double)f.vis.block[i].nrow * nchan;
            assert_int_equal(f.vis.block[i].nchan, f.vis.block[0].nchan);
        }
        assert_true(stored > 200 && n >= stored);
        assert_true(n >= rows * nchan && n <= (rows + 16 * nblock) * nchan);
        image_close(&f);
    }
}

/* ---- reading ---- */

/* After reading no MS is open; a continuum image's band then has the Doppler factors of all
 * times. */
static void reading_closes_the_data(void **state) {
    (void)state;
    image f;
    open_line(&f, WITH("specmode", "mfs", "nchan", "-1", "start", "", "vis",
                       PCLEAN_TEST_DATA "/sim_alma_topo.ms"));
    assert_non_null(f.setup.source);
    const double before = f.setup.channels.step_hz;
    image_read(&f);
    assert_null(f.setup.source);
    assert_true(f.vis.nused > 10000);
    assert_true(f.vis.doppler_max >= 1 && f.vis.doppler_min <= 1);
    assert_true(f.setup.channels.step_hz >= before);
    assert_true(f.setup.desc.cdelt_hz == f.setup.channels.step_hz);
    image_close(&f);
}

static int stop_at_once(size_t done, size_t total, void *user) {
    *(size_t *)user = total;
    return done <= total;
}

static void reading_can_be_stopped(void **state) {
    (void)state;
    image f;
    size_t total = 0;
    open_line(&f, NULL);
    assert_int_equal(pcl_setup_read(&f.setup, stop_at_once, &total, &f.vis, &err),
                     -PCLEAN_EINTERRUPTED);
    assert_true(total > 10000);
    pcl_setup_close(&f.setup);
    pcl_config_clear(&f.config);
}

/* ---- where things come from ---- */

static void rest_frequencies_have_a_source(void **state) {
    (void)state;
    image f;
    char text[300];
    open_line(&f, WITH("restfreq", "1.42GHz"));
    assert_true(f.setup.restfreq_hz == 1.42e9);
    assert_string_equal(pcl_setup_restfreq_from(&f.setup), "restfreq");
    assert_false(pcl_setup_guesses_velocity(&f.setup, text, sizeof text));
    image_close(&f);
    open_line(&f, NULL);
    assert_string_equal(pcl_setup_restfreq_from(&f.setup), "SOURCE.REST_FREQUENCY");
    assert_true(fabs(f.setup.restfreq_hz - 1.42040575e9) < 1e4);
    image_close(&f);
    open_line(&f, WITH("vis", PCLEAN_TEST_DATA "/hera_zen_2458101.ms", "start", "3"));
    assert_string_equal(pcl_setup_restfreq_from(&f.setup), "middle of the selected data");
    assert_true(f.setup.restfreq_hz > 0.148e9 && f.setup.restfreq_hz < 0.159e9);
    assert_false(pcl_setup_guesses_velocity(&f.setup, text, sizeof text));
    image_close(&f);
    refuse(WITH("restfreq", "3m"), PCLEAN_EPARAM, "restfreq: ");
}

/* The direction of the first field, of a field by its number, or one that is given. */
static void the_centre_is_a_field_or_a_direction(void **state) {
    (void)state;
    image first, number;
    char text[200];
    open_line(&first, NULL);
    open_line(&number, WITH("phasecenter", "0"));
    const casa_direction *a = &first.setup.centre, *b = &number.setup.centre;
    assert_true(a->lon_rad == b->lon_rad && a->lat_rad == b->lat_rad && a->frame == b->frame);
    image_close(&number);
    snprintf(text, sizeof text, "J2000 %.15frad %.15frad", a->lon_rad, a->lat_rad + 1e-3);
    refuse(WITH("phasecenter", text), PCLEAN_EUNSUPPORTED, "one phase centre at a time");
    /* within a fifth of a pixel (3 arcsec) it is the field's, in the frame that was asked for */
    snprintf(text, sizeof text, "J2000 %.15frad %.15frad", a->lon_rad, a->lat_rad + 5e-5);
    refuse(WITH("phasecenter", text), PCLEAN_EUNSUPPORTED, "one phase centre at a time");
    snprintf(text, sizeof text, "J2000 %.15frad %.15frad", a->lon_rad, a->lat_rad + 1e-5);
    open_line(&number, WITH("phasecenter", text));
    assert_true(fabs(b->lon_rad - a->lon_rad) < 1e-12 && fabs(b->lat_rad - a->lat_rad) < 1e-12);
    image_close(&number);
    snprintf(text, sizeof text, "ICRS %.15frad %.15frad", a->lon_rad, a->lat_rad);
    open_line(&number, WITH("phasecenter", text));
    casa_direction back;
    assert_ok(casa_direction_convert(b, 0, &back, &err));
    assert_true(b->frame != 0 && fabs(back.lon_rad - a->lon_rad) < 1e-7 &&
                fabs(back.lat_rad - a->lat_rad) < 1e-7);
    image_close(&number);
    refuse(WITH("phasecenter", "77"), PCLEAN_EPARAM, "field 77 is not among the selected fields");
    refuse(WITH("phasecenter", "J2000 nowhere"), PCLEAN_EPARAM, "phasecenter=\"J2000 nowhere\": ");
    image_close(&first);
}

static void what_cannot_be_imaged_is_refused(void **state) {
    (void)state;
    refuse(WITH("vis", PCLEAN_TEST_DATA "/none.ms"), PCLEAN_EIO, "none.ms");
    refuse(WITH("spw", "-1"), PCLEAN_EDATA, "no spectral window");
    refuse(WITH("uvtaper", "3parsec"), PCLEAN_EPARAM, "uvtaper: ");
    refuse(WITH("stokes", "XX"), PCLEAN_EDATA, "XX");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_says_what_was_asked_for),
        cmocka_unit_test(a_cube_takes_channels_of_the_data),
        cmocka_unit_test(a_narrower_image_has_the_same_grid),
        cmocka_unit_test(samples_of_a_plane_are_counted),
        cmocka_unit_test(reading_closes_the_data),
        cmocka_unit_test(reading_can_be_stopped),
        cmocka_unit_test(rest_frequencies_have_a_source),
        cmocka_unit_test(the_centre_is_a_field_or_a_direction),
        cmocka_unit_test(what_cannot_be_imaged_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
