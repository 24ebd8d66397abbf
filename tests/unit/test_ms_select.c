/* casa/ms_select.cpp on real MeasurementSets: every expected number is what python-casacore 3.5.2
 * says of the same MS (rows with ANTENNA1 != ANTENNA2, the mask computed by numpy), row counts also
 * CASA's ms.msselect (minus its autocorrelations). */
#include "sets.h"

/* A selection of channels gives these channels of the whole. */
static void check_channels(const char *spw, size_t nsel, const int *expected) {
    casa_ms *whole = opened("vla_ngc5921.ms", (casa_ms_selection){.antenna = "1"});
    casa_ms *part = opened("vla_ngc5921.ms", (casa_ms_selection){.antenna = "1", .spw = spw});
    const casa_ms_dd *dd = casa_ms_get_info(part)->dd;
    assert_int_equal(dd->nchan, 46);
    assert_int_equal(dd->nchansel, nsel);
    for (size_t c = 0; c < nsel; c++)
        assert_int_equal(dd->chansel[c], expected[c]);
    casa_ms_rows a, b;
    assert_ok(casa_ms_read(whole, 100, 300, &a, &err));
    assert_ok(casa_ms_read(part, 100, 300, &b, &err));
    for (size_t row = 0; row < 300; row++)
        for (size_t c = 0; c < nsel; c++) {
            const size_t from = (row * 46 + (size_t)expected[c]) * 2, to = (row * nsel + c) * 2;
            assert_memory_equal(a.vis + 2 * from, b.vis + 2 * to, 4 * sizeof(float));
            assert_memory_equal(a.flag + from, b.flag + to, 2);
        }
    assert_memory_equal(a.uvw_m, b.uvw_m, 300 * 3 * sizeof(double));
    casa_ms_close(whole);
    casa_ms_close(part);
}

static void test_channel_ranges(void **state) {
    (void)state;
    check_channels("0:3~6", 4, (int[]){3, 4, 5, 6});
    check_channels("0:45", 1, (int[]){45});
    check_channels("0:1~3;40~44^2", 6, (int[]){1, 2, 3, 40, 42, 44});
    check_channels("*:40~42;1~2;2~3", 6, (int[]){1, 2, 3, 40, 41, 42}); /* ascending, once each */
    check_channels("0:1412.8~1413MHz", 8, (int[]){1, 2, 3, 4, 5, 6, 7, 8});
    *warnings = '\0';
    check_channels("0:44~60", 2, (int[]){44, 45});
    assert_non_null(strstr(warnings, "out of range"));
}

static void test_row_selections(void **state) {
    (void)state;
    const char *vla = "vla_ngc5921.ms", *alma = "alma_mssel_small_wvr.ms";
    assert_int_equal(count(vla, (casa_ms_selection){.uvrange = "<1klambda"}), 3820);
    assert_int_equal(count(vla, (casa_ms_selection){.uvrange = "100~300m"}), 3957);
    assert_int_equal(count(vla, (casa_ms_selection){.uvrange = ">100"}), 10447);
    assert_int_equal(count(vla, (casa_ms_selection){.scan = "3"}), 5616);
    assert_int_equal(count(vla, (casa_ms_selection){.scan = ">3"}), 6318);
    assert_int_equal(count(vla, (casa_ms_selection){.timerange = "09:30:00~09:40:00"}), 2457);
    assert_int_equal(count(vla, (casa_ms_selection){.timerange = "1995/04/13/09:30:00~09:40:00"}),
                     2457);
    /* the antenna NAMED 1, with every other */
    assert_int_equal(count(vla, (casa_ms_selection){.antenna = "1"}), 884);
    assert_int_equal(count(vla, (casa_ms_selection){.antenna = "1&2"}), 34);
    assert_int_equal(count(vla, (casa_ms_selection){.field = "N59*", .observation = "0"}), 11934);
    assert_int_equal(count(vla, (casa_ms_selection){.field = " ", .spw = "", .scan = NULL}), 11934);
    assert_int_equal(count(alma, (casa_ms_selection){.intent = "*PHASE*"}), 736);
    assert_int_equal(count(alma, (casa_ms_selection){.field = "0"}), 322);
    assert_int_equal(count(alma, (casa_ms_selection){.spw = "*FULL_RES*"}), 529);
    casa_ms *ms = opened(alma, (casa_ms_selection){.field = "1"});
    assert_int_equal(casa_ms_get_info(ms)->nfield, 1);
    assert_int_equal(casa_ms_get_info(ms)->field[0].id, 1);
    assert_string_equal(casa_ms_get_info(ms)->field[0].name, "J1423-7829");
    casa_ms_close(ms);
}

static void refuses(casa_ms_selection sel, int code, const char *words) {
    casa_ms *ms = (casa_ms *)&sel;
    assert_fails(casa_ms_open(data("vla_ngc5921.ms"), &sel, &ms, &err), code, words);
    assert_null(ms);
    assert_non_null(strstr(err.msg, data("vla_ngc5921.ms")));
}

static void test_selection_errors(void **state) {
    (void)state;
    *warnings = '\0';
    refuses((casa_ms_selection){.field = "NOPE"}, PCLEAN_EDATA,
            "field=\"NOPE\": Field Expression: No match found");
    refuses((casa_ms_selection){.field = "7"}, PCLEAN_EDATA, "field=\"7\"");
    assert_string_equal(warnings, ""); /* casacore's own, of what the error says */
    assert_int_equal(count("vla_ngc5921.ms", (casa_ms_selection){.field = "0,7"}), 11934);
    assert_non_null(strstr(warnings, "out-of-range"));
    refuses((casa_ms_selection){.spw = "1"}, PCLEAN_EDATA, "spw=\"1\"");
    refuses((casa_ms_selection){.spw = "0:foo"}, PCLEAN_EDATA,
            "spw=\"0:foo\": Spw Expression: Parse error");
    refuses((casa_ms_selection){.spw = "0:-1"}, PCLEAN_EDATA, "a channel number is negative");
    refuses((casa_ms_selection){.spw = "0:-3~5"}, PCLEAN_EDATA, "a channel number is negative");
    refuses((casa_ms_selection){.spw = "0:1~2; -1"}, PCLEAN_EDATA, "a channel number is negative");
    refuses((casa_ms_selection){.spw = "0:100~200"}, PCLEAN_EDATA, "there is no channel 100");
    refuses((casa_ms_selection){.spw = "0:230.5"}, PCLEAN_EDATA, "there is no channel 230.5");
    refuses((casa_ms_selection){.spw = "0:1420.0~1420.5"}, PCLEAN_EDATA,
            "a frequency needs its unit");
    refuses((casa_ms_selection){.spw = "0:3;1e3~2e3"}, PCLEAN_EDATA, "there is no channel 1000");
    refuses((casa_ms_selection){.spw = "0:1~3;46"}, PCLEAN_EDATA, "there is no channel 46");
    refuses((casa_ms_selection){.scan = "99"}, PCLEAN_EDATA, "scan=\"99\" selects no rows");
    refuses((casa_ms_selection){.timerange = ">2005/01/01"}, PCLEAN_EDATA,
            "timerange=\">2005/01/01\" selects no rows");
    refuses((casa_ms_selection){.timerange = "soon"}, PCLEAN_EDATA, "timerange=\"soon\"");
    refuses((casa_ms_selection){.uvrange = ">100km"}, PCLEAN_EDATA,
            "uvrange=\">100km\" selects no rows");
    refuses((casa_ms_selection){.uvrange = "<3furlong"}, PCLEAN_EDATA, "uvrange=\"<3furlong\"");
    refuses((casa_ms_selection){.antenna = "VA01"}, PCLEAN_EDATA, "antenna=\"VA01\"");
    refuses((casa_ms_selection){.antenna = "1&&1"}, PCLEAN_EDATA, "autocorrelations only");
    refuses((casa_ms_selection){.observation = "9"}, PCLEAN_EDATA,
            "observation=\"9\" selects no rows");
    refuses((casa_ms_selection){.intent = "*OBS*"}, PCLEAN_EDATA, "intent=\"*OBS*\"");
    refuses((casa_ms_selection){.scan = "3", .timerange = ">10:30:00"}, PCLEAN_EDATA, "together");
    refuses((casa_ms_selection){.scan = "3", .field = "NOPE"}, PCLEAN_EDATA, "field=\"NOPE\"");
    refuses((casa_ms_selection){.datacolumn = "model"}, PCLEAN_EDATA, "no column MODEL_DATA");
    refuses((casa_ms_selection){.datacolumn = "residual"}, PCLEAN_EPARAM,
            "not one of data, corrected, model");
}

static void test_taql_is_one_more_condition(void **state) {
    (void)state;
    const size_t all = count("vla_3c273_xband.ms", (casa_ms_selection){.datacolumn = "data"});
    assert_int_equal(count("vla_3c273_xband.ms",
                           (casa_ms_selection){.datacolumn = "data",
                                               .taql = "ROWNUMBER() >= 1 && ROWNUMBER() <= 10"}),
                     10);
    casa_ms_rows rows; /* ROWNUMBER counts from 1, casa_ms_rows from 0 */
    casa_ms *ms =
        opened("vla_3c273_xband.ms",
               (casa_ms_selection){.datacolumn = "data", .taql = "ROWNUMBER() IN [3, 5, 6, 200]"});
    assert_ok(casa_ms_read(ms, 0, 4, &rows, &err));
    assert_memory_equal(rows.row, ((const uint64_t[]){2, 4, 5, 199}), sizeof(uint64_t[4]));
    casa_ms_close(ms);
    const size_t low =
        count("vla_3c273_xband.ms", (casa_ms_selection){.datacolumn = "data", .uvrange = "<1000m"});
    const size_t even =
        count("vla_3c273_xband.ms", (casa_ms_selection){.datacolumn = "data",
                                                        .uvrange = "<1000m",
                                                        .taql = "ANTENNA1 % 2 == 0"});
    const size_t odd =
        count("vla_3c273_xband.ms", (casa_ms_selection){.datacolumn = "data",
                                                        .uvrange = "<1000m",
                                                        .taql = "ANTENNA1 % 2 != 0"});
    assert_true(even > 0 && odd > 0 && even + odd == low && low < all);
}

/* Described as ever, but nothing to read. */
static void test_no_window(void **state) {
    (void)state;
    casa_ms *with = opened("vla_ngc5921.ms",
                           (casa_ms_selection){.datacolumn = "data", .taql = "ROWNUMBER() > 5"});
    casa_ms *without =
        opened("vla_ngc5921.ms",
               (casa_ms_selection){.datacolumn = "data", .taql = "ROWNUMBER() > 5", .spw = " -1 "});
    const casa_ms_info *a = casa_ms_get_info(with), *b = casa_ms_get_info(without);
    assert_int_equal(b->nrow, 0);
    assert_int_equal(b->ndd, 0);
    assert_int_equal(casa_ms_selected(without, NULL), 0);
    assert_int_equal(a->nfield, b->nfield);
    assert_true(a->first_time_s == b->first_time_s && a->dish_diameter_m == b->dish_diameter_m);
    assert_string_equal(a->telescope, b->telescope);
    casa_ms_close(with);
    casa_ms_close(without);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_channel_ranges),   cmocka_unit_test(test_row_selections),
        cmocka_unit_test(test_selection_errors), cmocka_unit_test(test_taql_is_one_more_condition),
        cmocka_unit_test(test_no_window),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
