/* json/summary.c: what a Python script that reads tclean's return record finds. */
#include "json/summary.h"

#include <math.h>

#include "check.h"
#include "pclean/run.h"

static double number_at(const json_t *j, const char *chan, const char *pol, const char *key,
                        size_t i) {
    const json_t *plane = json_object_get(json_object_get(json_object_get(j, "0"), chan), pol);
    return json_number_value(json_array_get(json_object_get(plane, key), i));
}

static const json_t *plane_at(const json_t *j, const char *chan) {
    return json_object_get(json_object_get(json_object_get(j, "0"), chan), "0");
}

static pclean_cycle cycles[] = {{.chan = 3,
                                 .icycle = 0,
                                 .iter_done = 50,
                                 .masksum = 9,
                                 .start_peak_res = 4,
                                 .peak_res = 2,
                                 .peak_res_nm = NAN,
                                 .model_flux = 1,
                                 .cycle_thresh = 0.5f,
                                 .stop_code = 2},
                                {.chan = 3,
                                 .icycle = 1,
                                 .start_iter_done = 50,
                                 .cycle_start_iters = 50,
                                 .iter_done = 7,
                                 .stop_code = 6},
                                {.chan = 12, .icycle = 0, .iter_done = 30, .stop_code = 1}};

static void minor_and_major(void **state) {
    (void)state;
    pclean_result r = {.nmajordone = 3, .ncycle = 3, .cycle = cycles, .fullsummary = true};
    json_t *j = pcl_json_summaryminor(&r);
    assert_int_equal(json_object_size(plane_at(j, "3")), 12);
    assert_true(number_at(j, "3", "0", "iterDone", 0) == 50);
    assert_true(number_at(j, "3", "0", "iterDone", 1) == 7);
    assert_true(number_at(j, "3", "0", "startIterDone", 1) == 50);
    assert_true(number_at(j, "3", "0", "stopCode", 1) == 6);
    assert_true(number_at(j, "3", "0", "startPeakRes", 0) == 4);
    assert_true(number_at(j, "3", "0", "masksum", 0) == 9);
    assert_true(number_at(j, "12", "0", "iterDone", 0) == 30);
    assert_true(json_is_null(json_array_get(json_object_get(plane_at(j, "3"), "peakResNM"), 0)));
    json_decref(j);
    r.fullsummary = false;
    j = pcl_json_summaryminor(&r);
    assert_int_equal(json_object_size(plane_at(j, "3")), 4);
    assert_true(number_at(j, "3", "0", "cycleThresh", 0) == 0.5);
    json_decref(j);
    j = pcl_json_summarymajor(&r); /* all planes together */
    assert_int_equal(json_array_size(j), 3);
    static const int want[] = {0, 80, 87};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(json_integer_value(json_array_get(j, i)), want[i]);
    json_decref(j);
}

static void without_a_cycle(void **state) {
    (void)state;
    pclean_plane plane[2] = {{.peak_dirty = 5, .stop = PCLEAN_STOP_FORCED},
                             {.chan = 1, .peak_dirty = 6, .stop = PCLEAN_STOP_BLANK}};
    const pclean_result r = {.nchan = 2, .npol = 1, .plane = plane, .nmajordone = 1, .stop = 3};
    json_t *j = pcl_json_summaryminor(&r);
    assert_true(number_at(j, "0", "0", "peakRes", 0) == 5);
    assert_true(number_at(j, "0", "0", "iterDone", 0) == 0);
    assert_null(plane_at(j, "1"));
    json_decref(j);
    plane[0].stop = PCLEAN_STOP_THRESHOLD;
    j = pcl_json_summaryminor(&r);
    assert_int_equal(json_object_size(json_object_get(j, "0")), 0);
    json_decref(j);
    const pclean_result nothing = {.stop = PCLEAN_STOP_NONE};
    j = pcl_json_summarymajor(&nothing);
    assert_int_equal(json_array_size(j), 0);
    json_decref(j);
}

static void words_of_stop_codes(void **state) {
    (void)state;
    static const struct {
        int stop;
        const char *words;
    } cases[] = {{1, "iteration limit"},
                 {3, "Zero iterations performed"},
                 {7, "zero mask"},
                 {9, "reached nmajor"},
                 {0, "not cleaned"},
                 {PCLEAN_STOP_BLANK, "no data"},
                 {PCLEAN_STOP_NOISE, "noise alone, not cleaned"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const pclean_result r = {.stop = cases[i].stop};
        json_t *j = pcl_json_stop_description(&r);
        assert_string_equal(json_string_value(j), cases[i].words);
        json_decref(j);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(minor_and_major),
                                       cmocka_unit_test(without_a_cycle),
                                       cmocka_unit_test(words_of_stop_codes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
