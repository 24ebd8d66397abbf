/* The calls of CASA's: its own row ranges (tests/golden/partition.tsv), and the axis call against
 * the parts of a cube. */
#include "config/config.h"
#include "property/golden.h"

static void rows_are_casas(void **state) {
    (void)state;
    char line[512], *f[GOLDEN_FIELDS], path[1024];
    FILE *in = fopen(PCLEAN_TEST_GOLDEN "/partition.tsv", "r");
    assert_non_null(in);
    pclean_part_ms *parts = NULL;
    pclean_err err = {0};
    char ms[64] = "";
    size_t npart = 0, nline = 0;
    while (fgets(line, sizeof line, in)) {
        if (*line == '#')
            continue;
        assert_int_equal(golden_split(line, f), 4);
        nline++;
        if (strcmp(ms, f[0]) || npart != (size_t)atol(f[1])) {
            pclean_part_ms_free(parts, npart);
            snprintf(ms, sizeof ms, "%s", f[0]);
            npart = (size_t)atol(f[1]);
            snprintf(path, sizeof path, PCLEAN_TEST_DATA "/%s", ms);
            const pclean_ms_selection sel = {.msname = path};
            if (pclean_contdatapartition(1, &sel, (int)npart, &parts, &err))
                fail_msg("%s: %s", ms, err.msg);
        }
        if (strcmp(f[2], "empty") == 0) {
            size_t empty = 0;
            for (size_t k = 0; k < npart; k++)
                empty += parts[k].rows == 0;
            assert_int_equal(empty, atol(f[3]));
        } else {
            assert_string_equal(parts[atol(f[2])].taql, f[3]);
        }
    }
    assert_true(nline > 90);
    pclean_part_ms_free(parts, npart);
    fclose(in);
}

static void casas_axis_call_agrees(void **state) {
    (void)state;
    pclean_config c;
    pclean_partition *p = NULL;
    pclean_axis_part *part;
    size_t n;
    pclean_err err = {0};
    golden_config(&c, "sim_alma_topo.ms", "casa_calls");
    golden_set(&c, "cell", "1arcsec");
    golden_set(&c, "imsize", "32");
    golden_set(&c, "specmode", "cube");
    if (pclean_partition_cube(&c, 5, NULL, &p, &err))
        fail_msg("%s", err.msg);
    const pclean_ms_selection sel = {.msname = c.vis.item[0]};
    const pclean_spectral_axis axis = {
        .frame = "LSRK", .nchan = p->nchan, .first_hz = p->first_hz, .step_hz = p->step_hz};
    if (pclean_cubedataimagepartition(1, &sel, &axis, 5, &part, &n, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(n, 5);
    for (size_t k = 0; k < n; k++) {
        assert_int_equal(part[k].nchan, p->part[k].nchan);
        assert_int_equal(part[k].channel_start, p->part[k].channel_start);
        assert_true(part[k].first_hz == p->part[k].freq_start_hz);
        assert_string_equal(part[k].ms[0].spw, p->part[k].ms[0].spw);
    }
    pclean_axis_parts_free(part, n, 1);
    pclean_partition_free(p);
    pcl_config_clear(&c);
}

/* A selection of CASA's: its condition comes back as it is, and its rows are counted. */
static void selections_are_kept(void **state) {
    (void)state;
    const pclean_ms_selection sel[2] = {
        {.msname = PCLEAN_TEST_DATA "/vla_ngc5921.ms", .field = "0", .taql = "ANTENNA1 != 3"},
        {.msname = PCLEAN_TEST_DATA "/vla_posa_74mhz.ms", .spw = "0:3~9"}};
    const pclean_spectral_axis axis = {
        .frame = "LSRK", .nchan = 2, .first_hz = 1.413e9, .step_hz = 24414.0625};
    pclean_part_ms *rows;
    pclean_axis_part *part;
    size_t n;
    pclean_err err = {0};
    if (pclean_contdatapartition(2, sel, 3, &rows, &err))
        fail_msg("%s", err.msg);
    for (size_t k = 0; k < 3; k++) { /* [npart][nms] */
        assert_string_equal(rows[2 * k].msname, sel[0].msname);
        assert_ptr_equal(strstr(rows[2 * k].taql, "(ANTENNA1 != 3) && "), rows[2 * k].taql);
        assert_string_equal(rows[2 * k + 1].spw, "0:3~9");
        assert_true(rows[2 * k].rows > 0 && rows[2 * k + 1].rows > 0);
    }
    pclean_part_ms_free(rows, 6);
    if (pclean_cubedataimagepartition(2, sel, &axis, 9, &part, &n, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(n, 2); /* channels */
    for (size_t k = 0; k < n; k++) {
        assert_string_equal(part[k].ms[0].taql, "ANTENNA1 != 3");
        assert_string_equal(part[k].ms[1].taql, "");
        assert_string_equal(part[k].ms[1].spw, "-1"); /* 74 MHz */
        assert_string_not_equal(part[k].ms[0].spw, "-1");
    }
    pclean_axis_parts_free(part, n, 2);
}

static void what_cannot_be_cut_is_refused(void **state) {
    (void)state;
    const pclean_ms_selection sel = {.msname = PCLEAN_TEST_DATA "/vla_ngc5921.ms"};
    const pclean_spectral_axis none = {.frame = "LSRK", .first_hz = 1e9, .step_hz = 1},
                               frameless = {.nchan = 4, .first_hz = 1e9, .step_hz = 1};
    pclean_part_ms *rows = NULL;
    pclean_axis_part *part = NULL;
    size_t n = 7;
    pclean_err err = {0};
    assert_int_equal(pclean_contdatapartition(1, &sel, 0, &rows, &err), -PCLEAN_EPARAM);
    assert_int_equal(pclean_contdatapartition(1, &sel, 100001, &rows, &err), -PCLEAN_EPARAM);
    assert_null(rows);
    assert_int_equal(pclean_cubedataimagepartition(1, &sel, &none, 2, &part, &n, &err),
                     -PCLEAN_EPARAM);
    assert_int_equal(pclean_cubedataimagepartition(1, &sel, &frameless, 2, &part, &n, &err),
                     -PCLEAN_EPARAM);
    assert_non_null(strstr(err.msg, "without frame"));
    assert_null(part);
    assert_int_equal(n, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_casas),
        cmocka_unit_test(casas_axis_call_agrees),
        cmocka_unit_test(selections_are_kept),
        cmocka_unit_test(what_cannot_be_cut_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
