/* casa/ms.cpp on real MeasurementSets. Every expected number is what python-casacore 3.5.2 says of
 * the same MS (table.getcell / getcol, rows with ANTENNA1 != ANTENNA2; for selections the mask
 * computed by numpy), row counts of selections also CASA's ms.msselect (minus its
 * autocorrelations). */
#include "base/fsutil.h"
#include "base/log.h"
#include "casa/casa.h"
#include "check.h"
#include <fcntl.h>
#include <glob.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static pclean_err err;
static char warnings[4096];

static void keep_warnings(enum pcl_log_level level, const char *text, void *user) {
    (void)user;
    if (level == PCL_LOG_WARNING)
        strncat(warnings, text, sizeof warnings - strlen(warnings) - 1);
}

static int start(void **state) {
    (void)state;
    mkdir(PCLEAN_TEST_TMP, 0777);
    pcl_log_set_sink(keep_warnings, NULL);
    return casa_init(&err);
}

static const char *data(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", PCLEAN_TEST_DATA, name);
    return path;
}

static casa_ms *opened(const char *name, casa_ms_selection sel) {
    casa_ms *ms = NULL;
    if (casa_ms_open(data(name), &sel, &ms, &err) != 0)
        fail_msg("%s", err.msg);
    return ms;
}

static bool near(double a, double b, double relative) {
    return fabs(a - b) <= relative * fmax(fabs(a), fabs(b));
}

#define assert_near(a, b, relative)                                                                \
    do {                                                                                           \
        if (!near((a), (b), (relative)))                                                           \
            fail_msg("%s is %.17g, not %.17g", #a, (double)(a), (double)(b));                      \
    } while (0)

static size_t count(const char *name, casa_ms_selection sel) {
    casa_ms *ms = opened(name, sel);
    const size_t n = casa_ms_get_info(ms)->nrow;
    casa_ms_close(ms);
    return n;
}

static void test_describes_vla(void **state) {
    (void)state;
    casa_ms *ms = opened("vla_ngc5921.ms", (casa_ms_selection){0});
    const casa_ms_info *info = casa_ms_get_info(ms);
    assert_string_equal(info->path, data("vla_ngc5921.ms"));
    assert_int_equal(info->nrow, 11934);
    assert_int_equal(info->nrow_auto, 918);
    assert_int_equal(info->ndd, 1);
    const casa_ms_dd *dd = info->dd;
    assert_int_equal(dd->nrow, 11934);
    assert_int_equal(dd->nchan, 46);
    assert_int_equal(dd->nchansel, 46);
    assert_near(dd->chan_freq_hz[0], 1412787144.081, 1e-15);
    assert_near(dd->chan_freq_hz[45], 1413885776.8935, 1e-15);
    assert_near(dd->chan_width_hz[7], 24414.0625, 0);
    assert_string_equal(casa_freq_frame_name(dd->freq_ref), "LSRK");
    assert_int_equal(dd->ncorr, 2);
    assert_int_equal(dd->corr[0], 5);
    assert_int_equal(dd->corr[1], 8);
    assert_int_equal(info->nfield, 1);
    assert_string_equal(info->field[0].name, "N5921_2");
    assert_int_equal(info->field[0].phase_dir.frame, 0);
    assert_near(info->field[0].phase_dir.lon_rad, -129.5 * M_PI / 180, 1e-13);
    assert_string_equal(info->telescope, "VLA");
    assert_string_equal(info->observer, "TEST");
    assert_near(info->dish_diameter_m, 25, 0);
    assert_false(info->dish_diameter_mixed);
    assert_true(info->position_from_table);
    assert_near(info->position_itrf_m[2], 3554874.501, 1e-6);
    assert_near(info->first_time_s, 4304482380.000687, 1e-15);
    assert_string_equal(info->time_ref, "TAI");
    assert_near(info->restfreq_hz, 1420405752.0, 0);
    assert_string_equal(info->datacolumn, "DATA"); /* no CORRECTED_DATA */
    assert_false(info->has_weight_spectrum);
    assert_true(info->column_bytes > 11934 * 46 * 2 * 8);
    casa_ms_close(ms);
}

static void test_reads_vla(void **state) {
    (void)state;
    casa_ms *ms = opened("vla_ngc5921.ms", (casa_ms_selection){0});
    casa_ms_rows rows;
    assert_ok(casa_ms_read(ms, 0, 11934, &rows, &err));
    assert_int_equal(rows.nrow, 11934);
    assert_int_equal(rows.weight_nchan, 1);
    assert_int_equal(rows.antenna1[0], 0); /* MS row 1: row 0 is an autocorrelation */
    assert_int_equal(rows.antenna2[0], 1);
    assert_near(rows.uvw_m[0], -56.652413072133925, 0);
    assert_near(rows.uvw_m[2], -182.70475108444919, 0);
    assert_near(rows.vis[0], 0.29079878F, 1e-7);
    assert_near(rows.vis[1], 0.16030021F, 1e-7);
    assert_near(rows.weight[1], 5.84793F, 1e-6);
    const size_t last = 11933; /* MS row 12850 */
    assert_near(rows.time_s[last], 4304486580.000114, 1e-15);
    assert_int_equal(rows.antenna1[last], 26);
    assert_int_equal(rows.antenna2[last], 27);
    assert_near(rows.uvw_m[3 * last + 1], 575.1803078228613, 0);
    assert_near(rows.vis[((last * 46 + 45) * 2 + 1) * 2], 0.17460845F, 1e-7);
    double re = 0, im = 0;
    for (size_t k = 0; k < rows.nrow * 46 * 2; k++) {
        re += (double)rows.vis[2 * k];
        im += (double)rows.vis[2 * k + 1];
        assert_false(rows.flag[k]);
    }
    assert_near(re, 15631.12029137864, 1e-12);
    assert_near(im, 105.30565412316355, 1e-10);
    assert_ok(casa_ms_read(ms, 11934, 0, &rows, &err));
    assert_int_equal(rows.nrow, 0);
    assert_fails(casa_ms_read(ms, 11934, 1, &rows, &err), PCLEAN_EBUG, "11934 are selected");
    assert_fails(casa_ms_read(ms, 1, SIZE_MAX, &rows, &err), PCLEAN_EBUG, "asked for");
    casa_ms_close(ms);
    casa_ms_close(NULL);
}

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

static void test_not_a_measurement_set(void **state) {
    (void)state;
    casa_ms *ms;
    char antenna[600];
    snprintf(antenna, sizeof antenna, "%s/ANTENNA", data("vla_ngc5921.ms"));
    assert_fails(casa_ms_open(PCLEAN_TEST_TMP "/nowhere.ms", NULL, &ms, &err), PCLEAN_EIO,
                 "No such file");
    assert_fails(casa_ms_open("", NULL, &ms, &err), PCLEAN_EPARAM, "no MeasurementSet is named");
    assert_fails(casa_ms_open(NULL, NULL, &ms, &err), PCLEAN_EPARAM, "no MeasurementSet is named");
    assert_fails(casa_ms_open("/etc/passwd", NULL, &ms, &err), PCLEAN_EDATA, "is a file");
    assert_fails(casa_ms_open("/etc", NULL, &ms, &err), PCLEAN_EDATA, "no table.dat");
    assert_fails(casa_ms_open(antenna, NULL, &ms, &err), PCLEAN_EDATA, "is not a MeasurementSet");
    assert_int_equal(casa_ms_open("/etc", NULL, &ms, NULL), -PCLEAN_EDATA);
}

/* Two data descriptions, rows interleaved, four correlations, WEIGHT_SPECTRUM: any block size gives
 * the same rows. */
static void check_blocks(const char *name, size_t block) {
    casa_ms *whole = opened(name, (casa_ms_selection){0}),
            *parts = opened(name, (casa_ms_selection){0});
    const casa_ms_info *info = casa_ms_get_info(whole);
    casa_ms_rows a[8], b[8];
    size_t done[8] = {0};
    assert_true(info->ndd <= 8);
    assert_ok(casa_ms_read(whole, 0, info->nrow, a, &err));
    for (size_t row = 0; row < info->nrow; row += block) {
        assert_ok(
            casa_ms_read(parts, row, info->nrow - row < block ? info->nrow - row : block, b, &err));
        for (size_t i = 0; i < info->ndd; i++) {
            const size_t n = b[i].nrow, at = done[i], ncorr = info->dd[i].ncorr,
                         cell = info->dd[i].nchansel * ncorr;
            if (n == 0)
                continue;
            assert_int_equal(a[i].weight_nchan, b[i].weight_nchan);
            assert_memory_equal(a[i].time_s + at, b[i].time_s, n * sizeof(double));
            assert_memory_equal(a[i].uvw_m + 3 * at, b[i].uvw_m, 3 * n * sizeof(double));
            assert_memory_equal(a[i].field_id + at, b[i].field_id, n * sizeof(int));
            assert_memory_equal(a[i].antenna1 + at, b[i].antenna1, n * sizeof(int));
            assert_memory_equal(a[i].antenna2 + at, b[i].antenna2, n * sizeof(int));
            assert_memory_equal(a[i].flag_row + at, b[i].flag_row, n);
            assert_memory_equal(a[i].vis + 2 * at * cell, b[i].vis, 2 * n * cell * sizeof(float));
            assert_memory_equal(a[i].flag + at * cell, b[i].flag, n * cell);
            const size_t wcell = a[i].weight_nchan * ncorr;
            assert_memory_equal(a[i].weight + at * wcell, b[i].weight, n * wcell * sizeof(float));
            done[i] += n;
        }
    }
    for (size_t i = 0; i < info->ndd; i++)
        assert_int_equal(done[i], info->dd[i].nrow);
    casa_ms_close(whole);
    casa_ms_close(parts);
}

static void test_block_size_is_free(void **state) {
    (void)state;
    check_blocks("vlba_m87_mojave_2spw.ms", 997);
    check_blocks("vlba_m87_mojave_2spw.ms", 45);
    check_blocks("lofar_tNDPPP-bda.MS", 7);
    check_blocks("alma_mssel_small_wvr.ms", 100);
    check_blocks("vla_ngc5921.ms", 1000); /* autocorrelations in between */
}

static void test_two_windows(void **state) {
    (void)state;
    casa_ms *ms = opened("vlba_m87_mojave_2spw.ms", (casa_ms_selection){0});
    const casa_ms_info *info = casa_ms_get_info(ms);
    assert_int_equal(info->nrow, 6300);
    assert_int_equal(info->ndd, 2);
    assert_near(info->dd[0].chan_freq_hz[0], 8104458750.0, 0);
    assert_near(info->dd[1].chan_freq_hz[0], 8112458750.0, 0);
    for (int k = 0; k < 4; k++)
        assert_int_equal(info->dd[1].corr[k], 5 + k);
    assert_true(info->has_weight_spectrum);
    assert_string_equal(info->time_ref, "UTC");
    casa_ms_rows rows[2];
    assert_ok(casa_ms_read(ms, 0, 6300, rows, &err));
    assert_int_equal(rows[0].nrow, 3150);
    assert_int_equal(rows[1].nrow, 3150);
    assert_true(rows[0].flag_row[0]);
    assert_near(rows[0].vis[6], 1.8843588F, 1e-7); /* MS row 0, LL */
    assert_near(rows[0].vis[7], 0.26384917F, 1e-7);
    assert_near(rows[1].vis[3149 * 8 + 4], 0.14983442F, 1e-7); /* MS row 6299, LR */
    assert_near(rows[1].weight[3149 * 4 + 1], 181.73882F, 1e-7);
    assert_int_equal(rows[1].weight_nchan, 1); /* of one channel */
    casa_ms_close(ms);
    ms = opened("vlba_m87_mojave_2spw.ms", (casa_ms_selection){.spw = "1"});
    assert_int_equal(casa_ms_get_info(ms)->ndd, 1);
    assert_int_equal(casa_ms_get_info(ms)->dd[0].spwid, 1);
    assert_int_equal(casa_ms_get_info(ms)->nrow, 3150);
    casa_ms_close(ms);
}

static void test_weight_spectrum(void **state) {
    (void)state;
    casa_ms *ms = opened("hera_zen_2458101.ms", (casa_ms_selection){.spw = "0:3~99"});
    const casa_ms_info *info = casa_ms_get_info(ms);
    assert_true(info->has_weight_spectrum);
    assert_false(info->position_from_table); /* HERA is not in Debian's table: first antenna */
    assert_near(info->position_itrf_m[0], 5109289.047, 1e-9);
    assert_near(info->restfreq_hz, 0, 0);
    casa_ms_rows rows;
    assert_ok(casa_ms_read(ms, 0, 570, &rows, &err));
    assert_int_equal(rows.weight_nchan, 97);
    assert_near(rows.weight[0], 0.00070736645F, 1e-7);
    casa_ms_close(ms);
    /* WEIGHT_SPECTRUM with empty cells: WEIGHT */
    ms = opened("alma_mssel_small_wvr.ms", (casa_ms_selection){0});
    info = casa_ms_get_info(ms);
    assert_false(info->has_weight_spectrum);
    assert_int_equal(info->ndd, 2); /* the radiometer's window has no rows */
    assert_int_equal(info->dd[0].ddid, 1);
    assert_int_equal(info->dd[1].ddid, 2);
    /* descending, widths are positive */
    assert_true(info->dd[0].chan_freq_hz[0] > info->dd[0].chan_freq_hz[63]);
    assert_near(info->dd[0].chan_width_hz[0], 31250000.0, 0);
    assert_int_equal(info->dd[0].corr[3], 12);
    casa_ms_rows two[2];
    assert_ok(casa_ms_read(ms, 0, 1058, two, &err));
    assert_int_equal(two[0].weight_nchan, 1);
    assert_near(two[0].weight[0], 1.2e8, 1e-7);
    assert_near(two[1].weight[528 * 4 + 3], 6.96e9, 1e-7);
    assert_near(two[0].vis[0], -0.006665834F, 1e-7);
    assert_near(two[1].vis[528 * 8 + 7], 6.8936453e-05F, 1e-7);
    assert_true(two[0].flag[0] && two[0].flag_row[0] && !two[1].flag[528 * 4]);
    size_t flagged = 0;
    for (size_t i = 0; i < 529; i++)
        flagged += (size_t)two[0].flag_row[i] + (size_t)two[1].flag_row[i];
    assert_int_equal(flagged, 368);
    casa_ms_close(ms);
}

static void test_odd_sets(void **state) {
    (void)state;
    /* LL before RR, dishes of several sizes */
    casa_ms *ms = opened("eht_m87_2017_101_hilo.ms", (casa_ms_selection){0});
    const casa_ms_info *info = casa_ms_get_info(ms);
    assert_int_equal(info->dd[0].corr[0], 8);
    assert_int_equal(info->dd[0].corr[1], 5);
    assert_true(info->dish_diameter_mixed);
    assert_near(info->dish_diameter_m, 8, 0);
    casa_ms_close(ms);
    /* TAI, B1950_VLA, flags that differ between correlations */
    ms = opened("vla_3c273_xband.ms", (casa_ms_selection){0});
    info = casa_ms_get_info(ms);
    assert_string_equal(info->time_ref, "TAI");
    assert_near(info->first_time_s, 4121629399.999988, 1e-15);
    assert_string_equal(casa_direction_frame_name(info->field[0].phase_dir.frame), "B1950_VLA");
    casa_ms_rows rows;
    assert_ok(casa_ms_read(ms, 0, 1, &rows, &err));
    assert_true(rows.flag[0] && rows.flag[1] && rows.flag[2] && !rows.flag[3]);
    casa_ms_close(ms);
    /* TiledColumnStMan, LOFAR's own sub-tables, CORRECTED_DATA */
    ms = opened("lofar_tNDPPP-generic.MS", (casa_ms_selection){0});
    assert_string_equal(casa_ms_get_info(ms)->datacolumn, "CORRECTED_DATA");
    casa_ms_close(ms);
    ms = opened("lofar_tNDPPP-generic.MS", (casa_ms_selection){.datacolumn = "data"});
    assert_string_equal(casa_ms_get_info(ms)->datacolumn, "DATA");
    assert_ok(casa_ms_read(ms, 167, 1, &rows, &err));
    assert_near(rows.vis[2], -6.759635e-06F, 1e-6);
    assert_near(rows.uvw_m[2], 4907.680295830189, 0);
    assert_near(rows.weight[0], 1.0026093e9, 1e-7);
    assert_true(rows.flag[0]);
    casa_ms_close(ms);
    /* four cell shapes, MEAS_FREQ_REF of no meaning */
    *warnings = '\0';
    ms = opened("lofar_tNDPPP-bda.MS", (casa_ms_selection){0});
    info = casa_ms_get_info(ms);
    assert_int_equal(info->ndd, 4);
    const size_t nchan[4] = {3, 4, 1, 8}, nrow[4] = {6, 12, 9, 132};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(info->dd[i].nchan, nchan[i]);
        assert_int_equal(info->dd[i].nrow, nrow[i]);
        assert_string_equal(casa_freq_frame_name(info->dd[i].freq_ref), "TOPO");
    }
    assert_int_equal(info->nwarning, 1);
    assert_non_null(strstr(info->warning[0], "MEAS_FREQ_REF of window 0 is 10922"));
    casa_ms_rows four[4];
    assert_ok(casa_ms_read(ms, 0, 159, four, &err));
    assert_near(four[0].vis[0], 1.5420170e-04F, 1e-6);
    assert_near(four[0].vis[2 * 4 * 2], 1.69171937e-04F, 1e-6); /* channel 2 */
    assert_int_equal(four[3].weight_nchan, 8);
    casa_ms_close(ms);
}

static void copy_set(const char *name, const char *to) {
    char command[1200];
    snprintf(command, sizeof command, "rm -rf '%s' && cp -r '%s' '%s' && chmod -R u+w '%s'", to,
             data(name), to, to);
    assert_int_equal(system(command), 0);
}

/* Reads all of it; the status of the first thing that fails. */
static int read_all(const char *path) {
    casa_ms *ms;
    casa_ms_rows rows[8];
    int status = casa_ms_open(path, NULL, &ms, &err);
    if (status)
        return status;
    const size_t nrow = casa_ms_get_info(ms)->nrow;
    for (size_t row = 0; row < nrow && status == 0; row += 500) {
        status = casa_ms_read(ms, row, nrow - row < 500 ? nrow - row : 500, rows, &err);
        if (status)
            assert_null(rows[0].vis);
    }
    casa_ms_close(ms);
    return status;
}

/* Every file of the main table and of two sub-tables, cut in half, emptied or removed: an error or
 * the data, no crash. */
static void test_damaged_files(void **state) {
    (void)state;
    const char *path = PCLEAN_TEST_TMP "/damaged.ms";
    glob_t files;
    const char *sets = "alma_mssel_small_wvr.ms";
    copy_set(sets, path);
    assert_int_equal(glob(PCLEAN_TEST_TMP "/damaged.ms/table.*", 0, NULL, &files), 0);
    glob(PCLEAN_TEST_TMP "/damaged.ms/SPECTRAL_WINDOW/table.*", GLOB_APPEND, NULL, &files);
    glob(PCLEAN_TEST_TMP "/damaged.ms/POLARIZATION/table.*", GLOB_APPEND, NULL, &files);
    size_t nfailed = 0;
    for (size_t i = 0; i < files.gl_pathc; i++)
        for (int damage = 0; damage < 3; damage++) {
            const char *file = files.gl_pathv[i];
            char away[600];
            struct stat st;
            snprintf(away, sizeof away, "%s.away", file);
            assert_int_equal(stat(file, &st), 0);
            assert_int_equal(rename(file, away), 0);
            if (damage < 2) {
                char command[1300];
                snprintf(command, sizeof command, "head -c %lld '%s' > '%s'",
                         (long long)(damage ? 0 : st.st_size / 2), away, file);
                assert_int_equal(system(command), 0);
            }
            const int status = read_all(path);
            if (status) {
                nfailed++;
                assert_non_null(strstr(err.msg, path));
                assert_true(status == -PCLEAN_EIO || status == -PCLEAN_EDATA ||
                            status == -PCLEAN_ECASA);
            }
            remove(file);
            assert_int_equal(rename(away, file), 0);
        }
    assert_true(nfailed > files.gl_pathc);
    globfree(&files);
    assert_int_equal(read_all(path), 0); /* whole again */
    assert_ok(pcl_fs_remove_tree(path, &err));
}

static void test_cut_short_says_so(void **state) {
    (void)state;
    const char *path = PCLEAN_TEST_TMP "/short.ms";
    glob_t files;
    copy_set("vla_ngc5921.ms", path);
    assert_int_equal(glob(PCLEAN_TEST_TMP "/short.ms/table.f*_TSM*", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct stat st;
        assert_int_equal(stat(files.gl_pathv[i], &st), 0);
        if (st.st_size > 4000000) /* DATA */
            assert_int_equal(truncate(files.gl_pathv[i], st.st_size / 2), 0);
    }
    globfree(&files);
    assert_int_equal(read_all(path), -PCLEAN_EIO);
    assert_non_null(strstr(err.msg, "reading column DATA, rows"));
    assert_non_null(strstr(err.msg, "missing, damaged or cut short"));
    assert_ok(pcl_fs_remove_tree(path, &err));
}

/* Another process holds a write lock on every table; the files are read-only: nothing waits,
 * nothing is written. */
static void test_locked_and_read_only(void **state) {
    (void)state;
    const char *path = PCLEAN_TEST_TMP "/locked.ms";
    copy_set("vla_3c273_xband.ms", path);
    int ready[2], done[2];
    char byte = 0;
    assert_int_equal(pipe(ready) | pipe(done), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        glob_t locks;
        glob(PCLEAN_TEST_TMP "/locked.ms/table.lock", 0, NULL, &locks);
        glob(PCLEAN_TEST_TMP "/locked.ms/*/table.lock", GLOB_APPEND, NULL, &locks);
        for (size_t i = 0; i < locks.gl_pathc; i++) {
            struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
            const int fd = open(locks.gl_pathv[i], O_RDWR);
            if (fd < 0 || fcntl(fd, F_SETLK, &all) != 0)
                _exit(1);
        }
        _exit(write(ready[1], "r", 1) != 1 || read(done[0], &byte, 1) != 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(system("chmod -R a-w '" PCLEAN_TEST_TMP "/locked.ms'"), 0);
    assert_int_equal(read_all(path), 0);
    assert_int_equal(system("chmod -R u+w '" PCLEAN_TEST_TMP "/locked.ms'"), 0);
    assert_int_equal(write(done[1], "d", 1), 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(done[i]);
    }
    assert_ok(pcl_fs_remove_tree(path, &err));
}

/* Bytes that this process has read, by system calls. */
static double bytes_read(void) {
    FILE *f = fopen("/proc/self/io", "r");
    double bytes = 0;
    assert_non_null(f);
    assert_int_equal(fscanf(f, "rchar: %lf", &bytes), 1);
    fclose(f);
    return bytes;
}

static void test_reads_once(void **state) {
    (void)state;
    for (size_t block = 300; block <= 12000; block *= 6) {
        casa_ms *ms =
            /* opening reads descriptions: not counted here */
            opened("vla_ngc5921.ms", (casa_ms_selection){0});
        const casa_ms_info *info = casa_ms_get_info(ms);
        const double before = bytes_read();
        casa_ms_rows rows;
        for (size_t row = 0; row < info->nrow; row += block)
            assert_ok(casa_ms_read(ms, row, info->nrow - row < block ? info->nrow - row : block,
                                   &rows, &err));
        assert_true(bytes_read() - before < 1.05 * (double)info->column_bytes);
        casa_ms_close(ms);
    }
}

/* What the selection says of rows, times, w and flags, against the blocks that are read. hera has
 * autocorrelations, mssel windows and times in turns. */
static void check_rows(const char *name, casa_ms_selection sel) {
    enum { SLICES = 5, MOST_DD = 8 };
    casa_ms *ms = opened(name, sel);
    const casa_ms_info *info = casa_ms_get_info(ms);
    const size_t n = casa_ms_selected(ms, NULL);
    assert_int_equal(n, info->nrow + info->nrow_auto);
    assert_true(info->ndd <= MOST_DD);
    size_t cut[SLICES + 1], nrow[SLICES * MOST_DD];
    double last[SLICES], uvw[MOST_DD][3], *time = calloc(n, sizeof *time);
    uint64_t *of_row = calloc(n, sizeof *of_row), *of_chan[MOST_DD];
    uint32_t want[MOST_DD];
    for (size_t k = 0; k <= SLICES; k++)
        cut[k] = k * n / SLICES;
    for (size_t d = 0; d < info->ndd; d++) {
        want[d] = info->dd[d].ncorr > 1 ? 1u | 1u << (info->dd[d].ncorr - 1) : 1u;
        of_chan[d] = calloc(info->dd[d].nchansel, sizeof *of_chan[d]);
    }
    assert_ok(casa_ms_read_times(ms, time, &err));
    assert_ok(casa_ms_largest_uvw(ms, uvw, &err));
    assert_ok(casa_ms_count_samples(ms, want, of_row, of_chan, &err));
    for (size_t k = 0; k < SLICES; k++)
        last[k] =
            info->time_min_s + (double)(k + 1) * (info->time_max_s - info->time_min_s) / SLICES;
    last[SLICES - 1] = info->time_max_s;

    casa_ms_rows rows[MOST_DD];
    size_t by_time[SLICES][MOST_DD] = {{0}}, all = 0;
    uint64_t samples = 0, counted = 0;
    assert_ok(casa_ms_read(ms, 0, info->nrow, rows, &err));
    for (size_t d = 0; d < info->ndd; d++) {
        const casa_ms_dd *dd = &info->dd[d];
        const double *times;
        const size_t ntime = casa_ms_times(ms, d, &times);
        double most[3] = {0};
        uint64_t channels = 0;
        for (size_t r = 0; r < rows[d].nrow; r++) {
            size_t k = 0, at = 0;
            while (rows[d].time_s[r] > last[k])
                k++;
            by_time[k][d]++;
            while (at < ntime && times[at] != rows[d].time_s[r])
                at++;
            assert_true(at < ntime);
            if (!rows[d].flag_row[r] && isfinite(rows[d].uvw_m[3 * r] + rows[d].uvw_m[3 * r + 1] +
                                                 rows[d].uvw_m[3 * r + 2]))
                for (size_t i = 0; i < 3; i++)
                    most[i] = fmax(most[i], fabs(rows[d].uvw_m[3 * r + i]));
            for (size_t c = 0; c < dd->nchansel && !rows[d].flag_row[r]; c++) {
                const bool *flag = rows[d].flag + (r * dd->nchansel + c) * dd->ncorr;
                samples += !flag[0] && !flag[dd->ncorr - 1];
            }
        }
        assert_memory_equal(most, uvw[d], sizeof most);
        for (size_t c = 0; c < dd->nchansel; c++)
            channels += of_chan[d][c];
        counted += channels;
    }
    assert_int_equal(counted, samples);
    for (size_t i = 0; i < n; i++)
        counted -= of_row[i];
    assert_int_equal(counted, 0);
    assert_ok(casa_ms_count_rows(ms, SLICES, cut, last, nrow, &err));
    for (size_t k = 0; k < SLICES; k++)
        for (size_t d = 0; d < info->ndd; d++)
            assert_int_equal(nrow[k * info->ndd + d], by_time[k][d]);
    assert_ok(casa_ms_count_rows(ms, SLICES, cut, NULL, nrow, &err));
    for (size_t i = 0; i < SLICES * info->ndd; i++)
        all += nrow[i];
    assert_int_equal(all, info->nrow);

    casa_ms *again; /* the same rows without the scan */
    assert_ok(casa_ms_open_rows(data(name), &sel, &again, &err));
    assert_int_equal(casa_ms_selected(again, NULL), n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(casa_ms_row_number(again, i), casa_ms_row_number(ms, i));
    casa_ms_close(again);
    for (size_t d = 0; d < info->ndd; d++)
        free(of_chan[d]);
    casa_ms_close(ms);
    free(of_row);
    free(time);
}

static void test_rows_of_a_selection(void **state) {
    (void)state;
    check_rows("hera_zen_2458101.ms", (casa_ms_selection){.datacolumn = "data"});
    check_rows("hera_zen_2458101.ms",
               (casa_ms_selection){.datacolumn = "data", .antenna = "0~10&&*", .spw = "0:5~9"});
    check_rows("alma_mssel_small_wvr.ms", (casa_ms_selection){.datacolumn = "data", .spw = "1,2"});
    check_rows("alma_hd142527_b9_3spw.ms", (casa_ms_selection){.datacolumn = "data"});
    check_rows("lofar_tNDPPP-bda.MS",
               (casa_ms_selection){.datacolumn = "data", .taql = "ANTENNA2 % 2 == 1"});
    check_rows(
        "vla_3c273_xband.ms",
        (casa_ms_selection){.datacolumn = "data", .taql = "ROWNUMBER() > 17", .uvrange = ">200m"});
}

static void test_taql_is_one_more_condition(void **state) {
    (void)state;
    const size_t all = count("vla_3c273_xband.ms", (casa_ms_selection){.datacolumn = "data"});
    assert_int_equal(count("vla_3c273_xband.ms",
                           (casa_ms_selection){.datacolumn = "data",
                                               .taql = "ROWNUMBER() >= 1 && ROWNUMBER() <= 10"}),
                     10);
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

/* casacore leaks a few words in its expression parsers; LeakSanitizer asks for this by name. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void) {
    return "leak:libcasa_";
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_locked_and_read_only), /* first: forks before casacore opens
                                                      * anything */
        cmocka_unit_test(test_describes_vla),
        cmocka_unit_test(test_reads_vla),
        cmocka_unit_test(test_channel_ranges),
        cmocka_unit_test(test_row_selections),
        cmocka_unit_test(test_selection_errors),
        cmocka_unit_test(test_not_a_measurement_set),
        cmocka_unit_test(test_block_size_is_free),
        cmocka_unit_test(test_two_windows),
        cmocka_unit_test(test_weight_spectrum),
        cmocka_unit_test(test_odd_sets),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_cut_short_says_so),
        cmocka_unit_test(test_reads_once),
        cmocka_unit_test(test_rows_of_a_selection),
        cmocka_unit_test(test_taql_is_one_more_condition),
        cmocka_unit_test(test_no_window),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
