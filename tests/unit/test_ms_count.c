/* casa/ms_count.cpp: what it says of rows, times, w and flags, against the blocks that are read. */
#include "sets.h"

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
    assert_ok(casa_ms_largest_uvw(ms, NULL, uvw, &err));
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_of_a_selection),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
