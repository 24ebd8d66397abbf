#include "config/config.h"
#include "imager/weighing.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "unit/check.h"

static const char path[] = PCLEAN_TEST_TMP "/weighing.density";
static pclean_err err;

static void set(pclean_config *c, const char *name, const char *value) {
    assert_ok(pclean_config_set(c, name, value, &err));
}

static void configure(pclean_config *c, const char *weighting) {
    assert_ok(pcl_config_init(c, &err));
    set(c, "vis", PCLEAN_TEST_DATA "/vla_3c273_xband.ms");
    set(c, "imagename", "unused");
    set(c, "imsize", "40,36");
    set(c, "cell", "0.6arcsec");
    set(c, "stokes", "RRLL");
    set(c, "weighting", weighting);
}

/* A density read back is the one that was counted: sums, f2 of another robust, everything; also
 * where the rows are summed in slices. */
static void a_file_holds_the_density(void **state) {
    (void)state;
    for (size_t nslice = 1; nslice <= 4; nslice *= 4) {
        pclean_config c;
        pcl_setup s;
        pcl_store vis;
        configure(&c, "briggs");
        assert_ok(pcl_setup_open(&c, &s, &err));
        s.params.slicing.samples = s.samples_per_plane / (double)nslice;
        s.params.slicing.per_pixel = 0;
        assert_int_equal(pcl_setup_nslice(&s), nslice);
        assert_ok(pcl_setup_read(&s, NULL, NULL, &vis, &err));
        assert_ok(pcl_weighing_save(&s, &vis, path, &err));
        c.robust = -1.25;
        for (size_t p = 0; p < 2; p++) {
            pcl_density is, want;
            pcl_sampler sampler;
            pcl_slices slices;
            assert_ok(pcl_weighing_init(&s, &is, &err));
            assert_ok(pcl_weighing_init(&s, &want, &err));
            assert_ok(pcl_sampler_init(&sampler, &vis, &s.channels, &err));
            assert_ok(pcl_slices_init(&slices, nslice, 40 * 36, NULL, &err));
            assert_ok(pcl_weighing_count(&s, &sampler, &slices, 0, p, &want, &err));
            assert_ok(pcl_weighing_load(&s, path, p, &is, &err));
            assert_memory_equal(is.sum, want.sum, 40 * 36 * sizeof *is.sum);
            assert_true(want.sumwt > 0 && is.sumwt == want.sumwt && want.f2 > 0 &&
                        is.f2 == want.f2 && is.d2 == want.d2);
            pcl_slices_clear(&slices);
            pcl_sampler_clear(&sampler);
            pcl_density_clear(&is);
            pcl_density_clear(&want);
        }
        pcl_store_clear(&vis);
        pcl_setup_close(&s);
        pcl_config_clear(&c);
    }
}

static void another_images_file_is_refused(void **state) {
    (void)state;
    static const char *const other[][2] = {
        {"imsize", "36,40"}, {"cell", "0.61arcsec"}, {"stokes", "RR"}, {"stokes", "I"}};
    for (size_t k = 0; k < 4; k++) {
        pclean_config c;
        pcl_setup s;
        pcl_density d;
        configure(&c, "uniform");
        set(&c, other[k][0], other[k][1]);
        assert_ok(pcl_setup_open(&c, &s, &err));
        assert_ok(pcl_weighing_init(&s, &d, &err));
        assert_fails(pcl_weighing_load(&s, path, 0, &d, &err), PCLEAN_EPARAM,
                     "run pclean partition again");
        assert_fails(pcl_weighing_load(&s, path, 0, &d, &err), PCLEAN_EPARAM, path);
        assert_fails(pcl_weighing_load(&s, PCLEAN_TEST_TMP "/none", 0, &d, &err), PCLEAN_EIO,
                     "cannot be opened");
        pcl_density_clear(&d);
        pcl_setup_close(&s);
        pcl_config_clear(&c);
    }
}

/* A byte more or less, or another one, anywhere: the file is named, and no image is made with
 * it. */
static void a_damaged_file_is_refused(void **state) {
    (void)state;
    pclean_config c;
    pcl_setup s;
    pcl_density d;
    struct stat st;
    configure(&c, "uniform");
    assert_ok(pcl_setup_open(&c, &s, &err));
    assert_ok(pcl_weighing_init(&s, &d, &err));
    assert_int_equal(stat(path, &st), 0);
    const long size = (long)st.st_size, planes = 40 * 36 * 4,
               at[] = {17, 24, 40, 90, 130, size - 2 * planes + 5, size - planes - 1};
    for (size_t k = 0; k < sizeof at / sizeof *at; k++) {
        FILE *f = fopen(path, "r+b");
        assert_int_equal(fseek(f, at[k], SEEK_SET), 0);
        const int byte = fgetc(f);
        fseek(f, at[k], SEEK_SET);
        fputc(byte ^ 0x11, f);
        fclose(f);
        err.msg[0] = 0;
        assert_true(pcl_weighing_load(&s, path, 0, &d, &err) < 0);
        assert_non_null(strstr(err.msg, path));
        f = fopen(path, "r+b");
        fseek(f, at[k], SEEK_SET);
        fputc(byte, f);
        fclose(f);
        assert_ok(pcl_weighing_load(&s, path, 0, &d, &err));
    }
    for (long cut = size - 1; cut >= 0; cut -= cut > 300 ? 4000 : 37) {
        assert_int_equal(truncate(path, cut), 0);
        assert_true(pcl_weighing_load(&s, path, 0, &d, &err) < 0);
        assert_non_null(strstr(err.msg, path));
    }
    FILE *f = fopen(path, "wb"); /* the first version of the file */
    fwrite("pclean density1", 1, 16, f);
    assert_int_equal(ftruncate(fileno(f), size), 0);
    fclose(f);
    assert_fails(pcl_weighing_load(&s, path, 0, &d, &err), PCLEAN_EPARAM,
                 "another version of pclean; run pclean partition again");
    pcl_density_clear(&d);
    pcl_setup_close(&s);
    pcl_config_clear(&c);
}

static void natural_weights_need_none(void **state) {
    (void)state;
    pclean_config c;
    pcl_density d;
    configure(&c, "natural");
    pcl_setup s = {.config = &c};
    assert_ok(pcl_params_resolve(&c, &s.params, &err));
    assert_ok(pcl_weighing_init(&s, &d, &err));
    assert_null(d.sum);
    assert_false(pcl_params_common_density(&c));
    set(&c, "weighting", "uniform");
    assert_true(pcl_params_common_density(&c));
    set(&c, "specmode", "cube");
    assert_false(pcl_params_common_density(&c));
    set(&c, "perchanweightdensity", "false");
    assert_true(pcl_params_common_density(&c));
    pcl_config_clear(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_holds_the_density),
        cmocka_unit_test(another_images_file_is_refused),
        cmocka_unit_test(a_damaged_file_is_refused),
        cmocka_unit_test(natural_weights_need_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
