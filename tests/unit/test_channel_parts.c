/* Channels: the windows and channels that a part reads, and how many samples it counts. */
#include "config/config.h"
#include "property/golden.h"

#include "partition/channel_parts.h"

static void configure(pclean_config *c, const char *ms, const char *const *setting) {
    golden_config(c, ms, "channel_parts");
    golden_set(c, "cell", "1arcsec");
    golden_set(c, "imsize", "32");
    for (; *setting; setting += 2)
        golden_set(c, setting[0], setting[1]);
}

/* Windows and channels that a part does not read; what it reads covers its planes at all times (the
 * pixels above), and no more than some channels around them. */
static void spw_is_narrowed(void **state) {
    (void)state;
    pclean_config c;
    pclean_partition *p = NULL;
    pclean_err err = {0};
    /* LSRK: no drift */
    configure(&c, "vla_ngc5921.ms", (const char *const[]){"specmode", "cube", NULL});
    if (pclean_partition_cube(&c, 4, NULL, &p, &err))
        fail_msg("%s", err.msg);
    static const size_t from[] = {0, 12, 24, 35, 46};
    for (size_t k = 0; k < 4; k++) {
        int a, b, at = 0;
        assert_int_equal(p->part[k].channel_start, from[k]);
        assert_int_equal(p->part[k].nchan, from[k + 1] - from[k]);
        assert_int_equal(sscanf(p->part[k].ms[0].spw, "0:%d~%d%n", &a, &b, &at), 2);
        assert_int_equal(p->part[k].ms[0].spw[at], 0);
        const int first = (int)from[k], last = (int)from[k + 1] - 1;
        assert_true(a <= (first ? first - 1 : 0) && a >= first - 3);
        assert_true(b >= (last < 45 ? last + 1 : 45) && b <= last + 3);
    }
    pclean_partition_free(p);
    pcl_config_clear(&c);
    configure(&c, "vlba_m87_mojave_2spw.ms",
              (const char *const[]){"specmode", "cubedata", "nchan", "3", "start", "8104.45875MHz",
                                    "width", "8MHz", NULL});
    if (pclean_partition_cube(&c, 3, NULL, &p, &err))
        fail_msg("%s", err.msg);
    assert_string_equal(p->part[0].ms[0].spw, "0:0~0");
    assert_string_equal(p->part[1].ms[0].spw, "1:0~0");
    assert_string_equal(p->part[2].ms[0].spw, "-1");
    assert_int_equal(p->part[2].nvis, 0);
    pclean_partition_free(p);
    pcl_config_clear(&c);
}

/* One part counts the samples of all; balance=visibilities leaves the flagged ones out. */
static void samples_add_up(void **state) {
    (void)state;
    for (int balance = 0; balance < 2; balance++) {
        const pclean_partition_options o = {.size = sizeof(pclean_partition_options),
                                            .balance_visibilities = balance};
        pclean_config c;
        pclean_partition *one = NULL, *three = NULL;
        pclean_err err = {0};
        configure(&c, "vla_posa_74mhz.ms", (const char *const[]){"specmode", "cube", NULL});
        if (pclean_partition_cube(&c, 1, &o, &one, &err) ||
            pclean_partition_cube(&c, 3, &o, &three, &err))
            fail_msg("%s", err.msg);
        uint64_t sum = 0;
        size_t at = 0;
        for (size_t k = 0; k < three->nparts; k++) {
            assert_int_equal(three->part[k].channel_start, at);
            at += three->part[k].nchan;
            sum += three->part[k].nvis;
        }
        assert_int_equal(three->nparts, 3);
        assert_int_equal(at, one->part[0].nchan);
        assert_int_equal(sum, one->part[0].nvis);
        assert_true(one->flags_counted == balance);
        pclean_partition_free(three);
        pclean_partition_free(one);
        pcl_config_clear(&c);
    }
}

/* Parts of one channel, as many as there are, however many are asked for. */
static void no_more_parts_than_channels(void **state) {
    (void)state;
    pclean_config c;
    pclean_partition *p = NULL;
    pclean_err err = {0};
    configure(&c, "vla_ngc5921.ms",
              (const char *const[]){"specmode", "cube", "nchan", "3", "start", "5", NULL});
    if (pclean_partition_cube(&c, 1000, NULL, &p, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(p->nparts_wanted, 1000);
    assert_int_equal(p->nparts, 3);
    for (size_t k = 0; k < 3; k++) {
        assert_int_equal(p->part[k].config->nchan, 1);
        assert_int_equal(p->part[k].config->part_channel, k);
        assert_true(p->part[k].freq_start_hz == p->part[k].freq_end_hz);
    }
    pclean_partition_free(p);
    pcl_config_clear(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spw_is_narrowed),
        cmocka_unit_test(samples_add_up),
        cmocka_unit_test(no_more_parts_than_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
