/* What parts take over from the whole image. */
#include "config/config.h"
#include "property/golden.h"

#include "base/mem.h"
#include "partition/whole.h"

static void configure(pclean_config *c, const char *ms, const char *const *setting) {
    golden_config(c, ms, "whole");
    golden_set(c, "cell", "1arcsec");
    golden_set(c, "imsize", "32");
    for (; *setting; setting += 2)
        golden_set(c, setting[0], setting[1]);
}

static void open_whole(const pclean_config *c, pcl_whole *whole) {
    pclean_err err = {0};
    if (pcl_whole_open(c, NULL, c->specmode != PCLEAN_SPECMODE_MFS, whole, &err))
        fail_msg("%s", err.msg);
}

/* The configuration of a part, opened, is the whole image: grid, centre and epoch to the last
 * bit. */
static void a_part_of_all_is_the_whole(void **state) {
    (void)state;
    static const char *const setting[][11] = {
        {"specmode", "cube", "width", "2", NULL},
        {"specmode", "cube", "start", "1500km/s", "width", "10.4km/s", "nchan", "5", NULL},
        {"specmode", "cubedata", "phasecenter", "J2000 15h22m00 5d04m00", NULL},
        {NULL}};
    for (size_t k = 0; k < sizeof setting / sizeof *setting; k++) {
        pclean_config c;
        pcl_whole whole;
        pclean_part list, *part;
        pclean_partition parts = {.part = &list};
        pcl_setup again;
        pclean_err err = {0};
        configure(&c, "vla_ngc5921.ms", setting[k]);
        open_whole(&c, &whole);
        if (pcl_whole_add_part(&whole, "kind", &parts, &part, &err))
            fail_msg("%s", err.msg);
        assert_int_equal(parts.nparts, 1);
        assert_ptr_equal(part, &list);
        assert_ptr_equal(strstr(part->name, c.imagename), part->name);
        assert_string_equal(part->name + strlen(c.imagename), ".kind.0");
        if (k < 3)
            part->config->nchan = (int)whole.setup.channels.nchan;
        for (size_t i = 0; i < part->nms; i++)
            assert_string_equal(part->ms[i].msname, c.vis.item[i]);
        if (pcl_setup_open(part->config, &again, &err))
            fail_msg("%s", err.msg);
        const pcl_setup *s = &whole.setup;
        assert_true(again.part && !s->part);
        assert_int_equal(again.channels.nchan, s->channels.nchan);
        assert_true(again.channels.first_hz == s->channels.first_hz);
        assert_true(again.channels.step_hz == s->channels.step_hz);
        assert_true(again.centre.lon_rad == s->centre.lon_rad);
        assert_true(again.centre.lat_rad == s->centre.lat_rad);
        assert_int_equal(again.centre.frame, s->centre.frame);
        assert_true(again.restfreq_hz == s->restfreq_hz);
        assert_true(again.epoch_s == s->epoch_s);
        assert_true(again.samples_per_plane == s->samples_per_plane);
        pcl_setup_close(&again);
        pclean_part_ms_free(part->ms, part->nms);
        pcl_free(part->name);
        pclean_config_free(part->config);
        pcl_whole_close(&whole);
        pcl_config_clear(&c);
    }
}

static double largest_w(const char *const *setting) {
    pclean_config c;
    pcl_whole whole;
    pclean_err err = {0};
    configure(&c, "vla_posa_74mhz.ms", setting);
    golden_set(&c, "specmode", "cube");
    open_whole(&c, &whole);
    if (pcl_whole_find_wmax(&whole, &err))
        fail_msg("%s", err.msg);
    const double wmax = whole.wmax_lambda;
    pcl_whole_close(&whole);
    pcl_config_clear(&c);
    return wmax;
}

/* w matters only to a gridder that corrects it; then a cube has the largest of all MSs. */
static void largest_w_is_that_of_all(void **state) {
    (void)state;
    static const char twice[] =
        PCLEAN_TEST_DATA "/vla_posa_74mhz.ms," PCLEAN_TEST_DATA "/vla_posa_74mhz.ms";
    const double all = largest_w((const char *const[]){"gridder", "wproject", NULL}),
                 some = largest_w(
                     (const char *const[]){"gridder", "wproject", "uvrange", "<1km", NULL}),
                 both = largest_w((const char *const[]){"gridder", "wproject", "vis", twice,
                                                        "uvrange", "<1km,<999km", NULL});
    assert_true(some > 0 && all > some);
    assert_true(both == all);
    assert_true(largest_w((const char *const[]){NULL}) == 0);
}

/* The same samples, counted for each row and for each channel. */
static void samples_of_rows_are_those_of_channels(void **state) {
    (void)state;
    pclean_config c;
    pcl_whole whole;
    pclean_err err = {0};
    configure(&c, "vla_posa_74mhz.ms", (const char *const[]){"specmode", "cube", NULL});
    open_whole(&c, &whole);
    const casa_ms *ms = whole.setup.source->ms[0];
    const casa_ms_info *info = whole.setup.source->info[0];
    const size_t nrow = casa_ms_selected(ms, NULL);
    uint64_t *of_row = calloc(nrow, sizeof *of_row), by_row = 0, by_chan = 0;
    uint64_t **of_chan = calloc(info->ndd, sizeof *of_chan);
    for (size_t d = 0; d < info->ndd; d++)
        of_chan[d] = calloc(info->dd[d].nchansel, sizeof **of_chan);
    if (pcl_whole_count_samples(&whole, 0, of_row, NULL, &err) ||
        pcl_whole_count_samples(&whole, 0, NULL, of_chan, &err))
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < nrow; i++)
        by_row += of_row[i];
    for (size_t d = 0; d < info->ndd; d++)
        for (size_t i = 0; i < info->dd[d].nchansel; i++)
            by_chan += of_chan[d][i];
    assert_true(by_row > 0);
    assert_int_equal(by_row, by_chan);
    for (size_t d = 0; d < info->ndd; d++)
        free(of_chan[d]);
    free(of_chan);
    free(of_row);
    pcl_whole_close(&whole);
    pcl_config_clear(&c);
}

static void parts_and_other_kinds_are_refused(void **state) {
    (void)state;
    pclean_config c;
    pcl_whole whole;
    pclean_err err = {0};
    configure(&c, "vla_posa_74mhz.ms", (const char *const[]){"specmode", "cube", NULL});
    assert_int_equal(pcl_whole_open(&c, NULL, false, &whole, &err), -PCLEAN_EPARAM);
    assert_non_null(strstr(err.msg, "specmode=mfs"));
    pcl_whole_close(&whole);
    c.part_channel = 0;
    c.part_nchan = c.nchan = 3;
    c.part_start_hz = 74e6;
    c.part_width_hz = 1e4;
    assert_int_equal(pcl_whole_open(&c, NULL, true, &whole, &err), -PCLEAN_EPARAM);
    assert_non_null(strstr(err.msg, "is a part already"));
    pcl_whole_close(&whole);
    pcl_config_clear(&c);
}

static void a_text_is_one_value(void **state) {
    (void)state;
    pclean_config c;
    pclean_err err = {0};
    assert_int_equal(pcl_config_init(&c, &err), 0);
    assert_int_equal(pcl_whole_set(&c, "taql", &err, "ANTENNA1 IN [1,%d]", 2), 0);
    assert_int_equal(c.taql.n, 1);
    assert_string_equal(c.taql.item[0], "ANTENNA1 IN [1,2]");
    assert_int_equal(pcl_whole_set(&c, "no_such", &err, "1"), -PCLEAN_EPARAM);
    pcl_config_clear(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_of_all_is_the_whole),
        cmocka_unit_test(largest_w_is_that_of_all),
        cmocka_unit_test(samples_of_rows_are_those_of_channels),
        cmocka_unit_test(parts_and_other_kinds_are_refused),
        cmocka_unit_test(a_text_is_one_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
