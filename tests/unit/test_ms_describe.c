/* casa/ms_describe.cpp and ms_windows.cpp on real MeasurementSets: every expected number is what
 * python-casacore 3.5.2 says of the same MS (table.getcell / getcol). */
#include "sets.h"

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

static void test_odd_sets(void **state) {
    (void)state;
    /* LL before RR, dishes of several sizes */
    casa_ms *ms = opened("eht_m87_2017_101_hilo.ms", (casa_ms_selection){0});
    const casa_ms_info *info = casa_ms_get_info(ms);
    assert_int_equal(info->dd[0].corr[0], 8);
    assert_int_equal(info->dd[0].corr[1], 5);
    assert_true(info->dish_diameter_mixed);
    assert_near(info->dish_diameter_m, 8, 0);
    double least = 1e6, most = 0;
    for (size_t a = 0; a < info->nantenna; a++) {
        least = fmin(least, info->antenna_dish_m[a]);
        most = fmax(most, info->antenna_dish_m[a]);
    }
    assert_true(least == 8 && most > 8);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_describes_vla),
        cmocka_unit_test(test_odd_sets),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
