#include "config/config.h"
#include "imager/setupbytes.h"

#include <stdlib.h>

#include "unit/check.h"

static pclean_err err;

typedef struct fixture {
    pclean_config config;
    pcl_setup setup;
} fixture;

static void begin(fixture *f, const char *const *more) {
    assert_ok(pcl_config_init(&f->config, &err));
    assert_ok(pclean_config_set(&f->config, "vis", PCLEAN_TEST_DATA "/vla_ngc5921.ms", &err));
    assert_ok(pclean_config_set(&f->config, "imagename", "unused", &err));
    assert_ok(pclean_config_set(&f->config, "cell", "15arcsec", &err));
    assert_ok(pclean_config_set(&f->config, "imsize", "64,50", &err));
    for (; *more; more += 2)
        assert_ok(pclean_config_set(&f->config, more[0], more[1], &err));
    assert_ok(pcl_setup_open(&f->config, &f->setup, &err));
}

static void end(fixture *f) {
    pcl_setup_close(&f->setup);
    pcl_config_clear(&f->config);
}

/* What is taken out gives the same bytes again, and the same header, grid and planes. */
static void test_to_the_bit(void **state) {
    (void)state;
    static const char *const cases[][11] = {
        {NULL},
        {"specmode", "cube", "start", "3", "nchan", "5", "stokes", "RRLL"},
        {"specmode", "cubedata", "weighting", "briggs", "perchanweightdensity", "false"},
        {"specmode", "cube", "start", "1500km/s", "width", "20km/s", "restfreq", "1.42GHz"},
        {"gridder", "wproject", "restoringbeam", "60arcsec", "uvtaper", "1klambda"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        pcl_setup other;
        pcl_parcel p = {0}, again = {0};
        begin(&f, cases[i]);
        pcl_setupbytes_put(&f.setup, &p);
        pcl_parcel_reader r = {.data = p.data, .size = p.size};
        assert_ok(pcl_setupbytes_take(&r, &f.config, &other, &err));
        assert_int_equal(r.at, p.size);
        pcl_setupbytes_put(&other, &again);
        assert_int_equal(again.size, p.size);
        assert_memory_equal(again.data, p.data, p.size);
        assert_ptr_equal(other.params.gridder, f.setup.params.gridder);
        assert_int_equal(other.stokes.npol, f.setup.stokes.npol);
        assert_true(other.stokes.sumwt_factor == f.setup.stokes.sumwt_factor);
        assert_true(other.samples_per_plane == f.setup.samples_per_plane);
        assert_string_equal(other.desc.telescope, "VLA");
        assert_string_equal(other.desc.object, f.setup.desc.object);
        assert_string_equal(other.desc.projection, f.setup.desc.projection);
        assert_true(other.desc.centre.lon_rad == f.setup.desc.centre.lon_rad);
        for (size_t c = 0; c < other.channels.nchan; c++)
            assert_true(pcl_channels_centre(&other.channels, c) ==
                        pcl_channels_centre(&f.setup.channels, c));
        pcl_parcel_clear(&p);
        pcl_parcel_clear(&again);
        pcl_setup_close(&other);
        end(&f);
    }
}

/* Another image has other bytes. */
static void test_what_differs(void **state) {
    (void)state;
    static const char *const cases[][5] = {
        {"imsize", "64,51"}, {"spw", "0:5~20"}, {"specmode", "cubedata"}};
    fixture f;
    pcl_parcel p = {0};
    begin(&f, (const char *const[]){NULL});
    pcl_setupbytes_put(&f.setup, &p);
    end(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pcl_parcel other = {0};
        begin(&f, cases[i]);
        pcl_setupbytes_put(&f.setup, &other);
        assert_true(other.size != p.size || memcmp(other.data, p.data, p.size) != 0);
        pcl_parcel_clear(&other);
        end(&f);
    }
    pcl_parcel_clear(&p);
}

static void test_cut_short_anywhere(void **state) {
    (void)state;
    fixture f;
    pcl_setup other;
    pcl_parcel p = {0};
    begin(&f, (const char *const[]){NULL});
    pcl_setupbytes_put(&f.setup, &p);
    for (size_t n = 0; n < p.size; n++) {
        unsigned char *piece = malloc(n ? n : 1);
        memcpy(piece, p.data, n);
        pcl_parcel_reader r = {.data = piece, .size = n};
        assert_fails(pcl_setupbytes_take(&r, &f.config, &other, &err), PCLEAN_EDATA, "cut short");
        free(piece);
    }
    pcl_parcel_clear(&p);
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_to_the_bit),
                                       cmocka_unit_test(test_what_differs),
                                       cmocka_unit_test(test_cut_short_anywhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
