/* casa/ms_read.cpp on real MeasurementSets: every expected number is what python-casacore 3.5.2
 * says of the same MS (table.getcell / getcol, rows with ANTENNA1 != ANTENNA2). */
#include "sets.h"

static void test_reads_vla(void **state) {
    (void)state;
    casa_ms *ms = opened("vla_ngc5921.ms", (casa_ms_selection){0});
    casa_ms_rows rows;
    assert_ok(casa_ms_read(ms, 0, 11934, &rows, &err));
    assert_int_equal(rows.nrow, 11934);
    assert_int_equal(rows.weight_nchan, 1);
    assert_int_equal(rows.row[0], 1); /* row 0 is an autocorrelation */
    assert_int_equal(rows.antenna1[0], 0);
    assert_int_equal(rows.antenna2[0], 1);
    assert_near(rows.uvw_m[0], -56.652413072133925, 0);
    assert_near(rows.uvw_m[2], -182.70475108444919, 0);
    assert_near(rows.vis[0], 0.29079878F, 1e-7);
    assert_near(rows.vis[1], 0.16030021F, 1e-7);
    assert_near(rows.weight[1], 5.84793F, 1e-6);
    const size_t last = 11933;
    assert_int_equal(rows.row[last], 12850);
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
            assert_memory_equal(a[i].row + at, b[i].row, n * sizeof(uint64_t));
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_vla),   cmocka_unit_test(test_block_size_is_free),
        cmocka_unit_test(test_two_windows), cmocka_unit_test(test_weight_spectrum),
        cmocka_unit_test(test_reads_once),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
