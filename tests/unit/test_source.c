/* data/source.c: the flat list of windows against a walk over MSs and data descriptions, and the
 * Doppler factors against casa_doppler. */
#include "data/source.h"

#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "check.h"

static pclean_err err;
enum { LSRK = 1, TOPO = 5 };

static const char *const names[] = {"alma_mssel_small_wvr.ms", "vla_ngc5921.ms",
                                    "lofar_tNDPPP-bda.MS"};

/* The three sets; nothing of the second is to be read. */
static pcl_source *open_three(void) {
    char path[3][512];
    const char *paths[3];
    const casa_ms_selection sel[3] = {
        {.spw = "*:3~9;20~30"}, {.spw = "-1"}, {.datacolumn = "data"}};
    pcl_source *src;
    for (int i = 0; i < 3; i++) {
        snprintf(path[i], sizeof path[i], "%s/%s", PCLEAN_TEST_DATA, names[i]);
        paths[i] = path[i];
    }
    assert_ok(pcl_source_open(3, paths, sel, &src, &err));
    return src;
}

static void windows_are_those_of_the_sets(void **state) {
    (void)state;
    pcl_source *src = open_three();
    assert_int_equal(src->nms, 3);
    size_t k = 0;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(src->first[i], k);
        assert_ptr_equal(src->info[i], casa_ms_get_info(src->ms[i]));
        assert_non_null(strstr(src->info[i]->path, names[i]));
        for (size_t d = 0; d < src->info[i]->ndd; d++, k++) {
            const pcl_window *w = &src->window[k];
            assert_true(w->ims == i && w->idd == d && w->info == src->info[i]);
            assert_ptr_equal(w->dd, &src->info[i]->dd[d]);
            assert_true(w->from == 0 && w->to == w->dd->nchansel && w->doppler0 == 1);
            assert_true(w->spacing_hz == casa_ms_spacing(w->dd));
            for (size_t c = 0; c < w->dd->nchansel; c++)
                assert_true(w->freq_hz[c] == w->dd->chan_freq_hz[w->dd->chansel[c]]);
        }
    }
    assert_int_equal(src->first[3], k);
    assert_int_equal(src->nwindow, k);
    assert_true(src->first[1] > 1 && src->first[2] == src->first[1] && k > src->first[2] + 1);
    src->window[0].from = 7; /* channel 20 */
    src->window[0].to = 9;
    const pcl_row_channels row = pcl_window_channels(&src->window[0]);
    assert_int_equal(row.n, 2);
    assert_true(row.freq_hz[1] == src->window[0].dd->chan_freq_hz[21]);
    pcl_source_close(src);
}

static void the_frame_gives_factors(void **state) {
    (void)state;
    const casa_direction dir = {0, 1, -0.5};
    pcl_source *src = open_three();
    assert_ok(pcl_source_set_frame(src, LSRK, &dir, NULL, &err));
    for (size_t k = 0; k < src->nwindow; k++) {
        const pcl_window *w = &src->window[k];
        const double times[2] = {w->info->first_time_s, w->info->first_time_s + 1e5};
        double factor[2], want[2], least = 1, most = 1;
        casa_frame_change change = {w->dd->freq_ref, LSRK, {0}, w->info->time_ref, dir};
        memcpy(change.position_itrf_m, w->info->position_itrf_m, sizeof change.position_itrf_m);
        assert_ok(casa_doppler(&change, 2, times, want, &err));
        assert_ok(pcl_source_doppler(src, w, 2, times, factor, &err));
        assert_true(factor[0] == want[0] && factor[1] == want[1] && w->doppler0 == want[0]);
        pcl_source_widen(w, 2, factor, &least, &most);
        assert_true(least == fmin(1, factor[1] / factor[0]) &&
                    most == fmax(1, factor[1] / factor[0]));
        assert_true(w->dd->freq_ref == LSRK ? most == 1 : least < most);
    }
    assert_ok(pcl_source_set_frame(src, -1, &dir, NULL, &err));
    for (size_t k = 0; k < src->nwindow; k++)
        assert_true(src->window[k].doppler0 == 1);
    pcl_source_close(src);
}

static void edit(const char *path, const char *how) {
    char command[2048];
    snprintf(command, sizeof command, "%s %s %s", PCLEAN_TEST_MSEDIT, path, how);
    if (system(command) != 0)
        fail_msg("%s", command);
}

/* Nobody knows where the telescope is: an error for windows that are used, and only for them. */
static void a_telescope_nowhere(void **state) {
    (void)state;
    const char *path = PCLEAN_TEST_TMP "/source.ms";
    const casa_ms_selection all = {.datacolumn = "data"};
    const casa_direction dir = {0, 1, -0.5};
    const bool used[2] = {true, false}, unused[2] = {false};
    pcl_source *src;
    char command[2048];
    snprintf(command, sizeof command, "rm -rf %s && cp -r %s/vlba_m87_mojave_2spw.ms %s", path,
             PCLEAN_TEST_DATA, path);
    assert_int_equal(system(command), 0);
    edit(path, "set OBSERVATION/TELESCOPE_NAME all Nowhere");
    edit(path, "set ANTENNA/POSITION all 0");
    assert_ok(pcl_source_open(1, &path, &all, &src, &err));
    assert_int_equal(src->nwindow, 2);
    assert_int_equal(src->window[0].dd->freq_ref, TOPO);
    assert_false(src->info[0]->position_known);
    assert_fails(pcl_source_set_frame(src, LSRK, &dir, NULL, &err), PCLEAN_EDATA, "Nowhere");
    assert_fails(pcl_source_set_frame(src, LSRK, &dir, used, &err), PCLEAN_EDATA,
                 "from TOPO to LSRK");
    assert_ok(pcl_source_set_frame(src, LSRK, &dir, unused, &err));
    assert_true(src->window[0].doppler0 == 1);
    assert_ok(pcl_source_set_frame(src, TOPO, &dir, NULL, &err));
    pcl_source_close(src);
}

static void largest_uvw_of_each_window(void **state) {
    (void)state;
    pcl_source *src = open_three();
    double(*all)[3] = calloc(src->nwindow, sizeof *all), one[16][3];
    assert_ok(pcl_source_largest_uvw(src, all, &err));
    for (size_t i = 0; i < src->nms; i++) {
        assert_ok(casa_ms_largest_uvw(src->ms[i], NULL, one, &err));
        assert_memory_equal(all + src->first[i], one, src->info[i]->ndd * sizeof *one);
    }
    assert_true(all[0][0] > 0);
    free(all);
    pcl_source_close(src);
}

static void what_does_not_open_is_named(void **state) {
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s/vla_ngc5921.ms", PCLEAN_TEST_DATA);
    const char *const paths[] = {path, PCLEAN_TEST_TMP "/nowhere.ms"};
    const casa_ms_selection sel[2] = {{0}};
    pcl_source *src = (pcl_source *)path;
    assert_fails(pcl_source_open(2, paths, sel, &src, &err), PCLEAN_EIO, "nowhere.ms");
    assert_null(src);
    pcl_source_close(NULL);
}

static int start(void **state) {
    (void)state;
    mkdir(PCLEAN_TEST_TMP, 0777);
    return casa_init(&err);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_are_those_of_the_sets),
        cmocka_unit_test(the_frame_gives_factors),
        cmocka_unit_test(a_telescope_nowhere),
        cmocka_unit_test(largest_uvw_of_each_window),
        cmocka_unit_test(what_does_not_open_is_named),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
