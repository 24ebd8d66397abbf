/* Rows: every selected row is in one part, by looking at the rows that each part's own
 * configuration selects; the rows of one TIME stay together. */
#include "config/config.h"
#include "imager/setup.h"
#include "partition/row_parts.h"
#include "property/golden.h"

#include "base/mem.h"

static void configure(pclean_config *c, const char *ms, const char *const *setting) {
    golden_config(c, ms, "row_parts");
    golden_set(c, "cell", "1arcsec");
    golden_set(c, "imsize", "32");
    for (; *setting; setting += 2)
        golden_set(c, setting[0], setting[1]);
}

/* Adds 1 to count[row] for each row of MS ims that the config selects; returns how many. */
static size_t count_rows(const pclean_config *c, size_t ims, uint8_t *count, size_t nrow) {
    const casa_ms_selection sel = pcl_setup_selection(c, ims);
    pclean_err err = {0};
    casa_ms *ms = NULL;
    size_t n, of_ms;
    if (casa_ms_open_rows(c->vis.item[ims], &sel, &ms, &err))
        fail_msg("%s", err.msg);
    n = casa_ms_selected(ms, &of_ms);
    assert_int_equal(of_ms, nrow);
    for (size_t i = 0; i < n; i++)
        count[casa_ms_row_number(ms, i)]++;
    casa_ms_close(ms);
    return n;
}

static size_t rows_of(const char *path) {
    pclean_err err = {0};
    casa_ms *ms = NULL;
    size_t n;
    if (casa_ms_open_rows(path, NULL, &ms, &err))
        fail_msg("%s", err.msg);
    casa_ms_selected(ms, &n);
    casa_ms_close(ms);
    return n;
}

/* Every selected row of every MS is in one part, and no other row is in any. */
static void check_cover(const pclean_config *c, int nparts, const pclean_partition_options *o) {
    pclean_partition *p = NULL;
    pclean_err err = {0};
    if (pclean_partition_continuum(c, nparts, o, &p, &err))
        fail_msg("%s: %s", c->vis.item[0], err.msg);
    assert_true(p->nparts >= 1 && p->nparts <= (size_t)nparts);
    for (size_t i = 0; i < c->vis.n; i++) {
        const size_t nrow = rows_of(c->vis.item[i]);
        uint8_t *want = calloc(nrow, 1), *is = calloc(nrow, 1);
        count_rows(c, i, want, nrow);
        for (size_t k = 0; k < p->nparts; k++) {
            const pclean_part *part = &p->part[k];
            size_t n = 0;
            assert_true(part->rows > 0);
            if (part->ms[i].rows)
                n = count_rows(part->config, i, is, nrow);
            else
                assert_string_equal(part->config->spw.item[c->vis.n > 1 ? i : 0], "-1");
            assert_int_equal(n, part->ms[i].rows);
        }
        if (memcmp(want, is, nrow))
            fail_msg("%s: %zu parts do not cover the selection once", c->vis.item[i], p->nparts);
        free(want);
        free(is);
    }
    pclean_partition_free(p);
}

/* The rows of one TIME are in one part. */
static void check_alignment(const pclean_config *c, int nparts) {
    const pclean_partition_options o = {.size = sizeof(pclean_partition_options),
                                        .align_integration = true};
    pclean_partition *p = NULL;
    pclean_err err = {0};
    double last = -INFINITY;
    if (pclean_partition_continuum(c, nparts, &o, &p, &err))
        fail_msg("%s: %s", c->vis.item[0], err.msg);
    for (size_t k = 0; k < p->nparts; k++) {
        const casa_ms_selection sel = pcl_setup_selection(p->part[k].config, 0);
        casa_ms *ms = NULL;
        if (casa_ms_open(c->vis.item[0], &sel, &ms, &err))
            fail_msg("%s", err.msg);
        const casa_ms_info *info = casa_ms_get_info(ms);
        assert_true(info->time_min_s > last);
        last = info->time_max_s;
        casa_ms_close(ms);
    }
    pclean_partition_free(p);
}

typedef struct selection {
    const char *ms, *setting[9];
} selection;
static const selection selections[] = {
    {"vla_ngc5921.ms", {NULL}},
    {"vla_ngc5921.ms", {"timerange", ">1995/04/13/09:40:00"}},
    {"vla_ngc5921.ms",
     {"antenna", "!5&&*", "scan", ">2", "taql", "ANTENNA1 % 3 != 1 && FLAG_ROW == False"}},
    {"vla_ngc5921.ms", {"uvrange", "100~500m", "taql", "TIME > 4304483000 || ANTENNA2 == 7"}},
    {"vla_posa_74mhz.ms", {"antenna", "0~5"}},
    {"vla_3c273_xband.ms", {"uvrange", ">500m"}},
    {"hera_zen_2458101.ms", {"taql", "ANTENNA1 == ANTENNA2 || ANTENNA2 % 2 == 0"}},
    {"vlba_m87_mojave_2spw.ms", {"spw", "1"}},
    {"vlba_m87_mojave_2spw.ms", {"field", "0", "spw", "0", "taql", "ROWNUMBER() % 5 == 2"}},
    {"alma_hd142527_b9_3spw.ms", {"spw", "0,2"}},
    {"alma_mssel_small_wvr.ms", {"field", "0", "spw", "1,2"}},
    {"alma_mssel_small_wvr.ms", {"field", "0", "spw", "1", "intent", "*ATMOSPHERE*"}},
    {"eht_m87_2017_101_hilo.ms", {"spw", "1", "antenna", "!3"}},
    {"lofar_tNDPPP-generic.MS", {"taql", "ANTENNA1 != 2"}},
    {"lofar_tNDPPP-bda.MS", {NULL}},
    {"sim_alma_topo.ms", {"taql", "TIME < 5212000000", "observation", "0"}},
};

#ifdef __SANITIZE_ADDRESS__ /* where opening an MS takes five times as long */
enum { NOPTION = 1 };
#else
enum { NOPTION = 4 };
#endif

static void parts_cover_any_selection(void **state) {
    (void)state;
    static const pclean_partition_options options[] = {{sizeof *options, false, false},
                                                       {sizeof *options, false, true},
                                                       {sizeof *options, true, false},
                                                       {sizeof *options, true, true}};
    static const int nparts[] = {1, 3, 8, 13};
    for (size_t k = 0; k < sizeof selections / sizeof *selections; k++) {
        pclean_config c;
        configure(&c, selections[k].ms, selections[k].setting);
        for (size_t j = 0; j < NOPTION; j++)
            check_cover(&c, nparts[(j + k) % 4], &options[(j + k / 4) % 4]);
        check_alignment(&c, 5);
        pcl_config_clear(&c);
    }
}

/* Several MSs, of which one has fewer rows than parts; and as many parts as rows. */
static void several_mss_and_many_parts(void **state) {
    (void)state;
    pclean_config c;
    configure(&c, "sim_alma_topo.ms", (const char *const[]){"taql", "ROWNUMBER() <= 7", NULL});
    golden_set(&c, "vis",
               PCLEAN_TEST_DATA "/vla_posa_74mhz.ms," PCLEAN_TEST_DATA "/vla_posa_74mhz.ms");
    check_cover(&c, 3, NULL);
    check_cover(&c, 8, NULL);
    check_cover(&c, 50, NULL);
    pcl_config_clear(&c);
    configure(&c, "vla_posa_74mhz.ms", (const char *const[]){"taql", "ROWNUMBER() <= 40", NULL});
    check_cover(&c, 40, NULL);
    check_cover(&c, 100000, NULL);
    pcl_config_clear(&c);
}

/* Rows that are next to each other in the selection, not in the MS. */
static void range_names_rows_of_the_ms(void **state) {
    (void)state;
    const casa_ms_selection sel = {.taql = "ROWNUMBER() % 2 == 0"}; /* from 1: rows 1, 3, 5 ... */
    pclean_err err = {0};
    casa_ms *ms = NULL;
    char *text = NULL;
    if (casa_ms_open_rows(PCLEAN_TEST_DATA "/vla_posa_74mhz.ms", &sel, &ms, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(pcl_row_parts_range(ms, "", 0, 3, &text, &err), 0);
    assert_string_equal(text, "ROWNUMBER() >= 2 && ROWNUMBER() <= 6");
    pcl_free(text);
    assert_int_equal(pcl_row_parts_range(ms, sel.taql, 4, 5, &text, &err), 0);
    assert_string_equal(text, "(ROWNUMBER() % 2 == 0) && ROWNUMBER() >= 10 && ROWNUMBER() <= 10");
    pcl_free(text);
    casa_ms_close(ms);
}

/* The parts have all samples together, and about equal numbers of them. */
static void balance_evens_out_samples(void **state) {
    (void)state;
    static const pclean_partition_options balance = {.size = sizeof(pclean_partition_options),
                                                     .balance_visibilities = true};
    pclean_config c;
    pclean_partition *one = NULL, *four = NULL;
    pclean_err err = {0};
    configure(&c, "vla_posa_74mhz.ms", (const char *const[]){"timerange", ">01:00:00", NULL});
    if (pclean_partition_continuum(&c, 1, &balance, &one, &err) ||
        pclean_partition_continuum(&c, 4, &balance, &four, &err))
        fail_msg("%s", err.msg);
    assert_true(one->flags_counted && four->nparts == 4);
    uint64_t sum = 0;
    const double each = (double)one->part[0].nvis / 4;
    for (size_t k = 0; k < 4; k++) {
        sum += four->part[k].nvis;
        assert_true(fabs((double)four->part[k].nvis / each - 1) < 0.01);
    }
    assert_int_equal(sum, one->part[0].nvis);
    pclean_partition_free(four);
    pclean_partition_free(one);
    pcl_config_clear(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_cover_any_selection),
        cmocka_unit_test(several_mss_and_many_parts),
        cmocka_unit_test(range_names_rows_of_the_ms),
        cmocka_unit_test(balance_evens_out_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
