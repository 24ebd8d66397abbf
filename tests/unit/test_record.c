/* The record of a run: what stands in it, what counts as one, what is removed of killed runs, and
 * the history of the images. */
#include "run/record.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "base/mem.h"
#include "config/config.h"
#include "unit/check.h"

#define NAME PCLEAN_TEST_TMP "/record"

static pclean_err err;
static pclean_config config;

static void set(const char *name, const char *value) {
    assert_ok(pclean_config_set(&config, name, value, &err));
}

static int begin(void **state) {
    (void)state;
    assert_ok(pcl_config_init(&config, &err));
    set("vis", PCLEAN_TEST_DATA "/vla_ngc5921.ms");
    set("imagename", NAME);
    set("imsize", "64");
    set("cell", "15arcsec");
    set("niter", "7");
    set("specmode", "cube");
    set("nchan", "2");
    set("wprojplanes", "5"); /* without effect */
    return 0;
}

static int end(void **state) {
    (void)state;
    (void)unlink(NAME ".run.json");
    (void)unlink(NAME ".run.json.aside");
    pcl_config_clear(&config);
    return 0;
}

static void write_text(const char *path, const char *text) {
    assert_ok(pcl_fs_write_text(path, text, strlen(text), &err));
}

/* A result of two planes with all that record.c adds, in which nothing else is set. */
static pclean_result *new_result(void) {
    pclean_result *r = calloc(1, sizeof *r);
    pcl_setup setup = {0};
    assert_ok(pcl_setup_open(&config, &setup, &err));
    r->nchan = 2;
    r->npol = 1;
    r->plane = calloc(2, sizeof *r->plane);
    r->plane[1] = (pclean_plane){.chan = 1, .niter = 7, .stop = PCLEAN_STOP_NITER};
    assert_ok(pcl_record_begin(&config, r, &err));
    assert_ok(pcl_record_finish(&setup, r, &err));
    pcl_setup_close(&setup);
    return r;
}

static const char *text_at(const json_t *o, const char *key) {
    return json_string_value(json_object_get(o, key));
}

static void the_record_is_the_result(void **state) {
    (void)state;
    pclean_result *r = new_result();
    char *text = NULL;
    assert_ok(pcl_record_write(&config, r, &err));
    assert_ok(pclean_result_json(r, &text, &err));
    json_t *record = json_load_file(NAME ".run.json", 0, NULL), *result = json_loads(text, 0, NULL);
    assert_non_null(record);
    assert_null(json_object_get(record, "products"));
    assert_int_equal(json_object_del(result, "products"), 0);
    assert_true(json_equal(record, result));

    const json_t *ms = json_array_get(json_object_get(record, "ms"), 0);
    assert_string_equal(text_at(ms, "telescope"), "VLA");
    assert_string_equal(text_at(ms, "column"), "DATA");
    assert_int_equal(json_integer_value(json_object_get(ms, "rows")), 11934);
    assert_int_equal(json_integer_value(json_object_get(ms, "autocorrelations_left_out")), 918);
    assert_string_equal(text_at(json_array_get(json_object_get(record, "stokes"), 0), "plane"),
                        "I");
    assert_string_equal(text_at(json_object_get(record, "cube"), "restfreq_from"),
                        "SOURCE.REST_FREQUENCY");
    const json_t *plane = json_array_get(json_object_get(record, "planes"), 1);
    assert_string_equal(text_at(plane, "stop"), "iteration limit");
    const json_t *config_of = json_object_get(json_object_get(record, "config"), "iteration");
    assert_int_equal(json_integer_value(json_object_get(config_of, "niter")), 7);
    assert_non_null(
        strstr(json_string_value(json_array_get(json_object_get(record, "without_effect"), 0)),
               "wprojplanes"));
    json_decref(record);
    json_decref(result);
    free(text);
    pclean_result_free(r);
}

static void only_records_are_replaced(void **state) {
    (void)state;
    pclean_result *r = new_result();
    assert_ok(pcl_record_check(&config, &err)); /* none there */
    assert_ok(pcl_record_write(&config, r, &err));
    assert_ok(pcl_record_check(&config, &err));
    assert_false(pcl_record_is_aside(&config));
    assert_int_equal(rename(NAME ".run.json", NAME ".run.json.aside"), 0);
    assert_true(pcl_record_is_aside(&config));
    assert_ok(pcl_record_check(&config, &err));
    static const char *const others[] = {"", "{}", "{\n \"pclean\": \"0.1.0\"}", "notes"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        write_text(NAME ".run.json.aside", others[i]);
        assert_false(pcl_record_is_aside(&config));
        assert_fails(pcl_record_check(&config, &err), PCLEAN_EEXIST, "is not the record of a run");
    }
    (void)unlink(NAME ".run.json.aside");
    write_text(NAME ".run.json", "notes");
    assert_fails(pcl_record_check(&config, &err), PCLEAN_EEXIST, "is not the record of a run");
    pclean_result_free(r);
}

/* The number of a process that has ended. */
static int dead_process(void) {
    const pid_t child = fork();
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return (int)child;
}

static void what_killed_runs_left_is_removed(void **state) {
    (void)state;
    const int dead = dead_process();
    const struct {
        int pid;
        const char *text;
        bool stays;
    } files[] = {{dead, "{\n \"pclean\": \"0.1.0\",\n \"casacore\": \"3", false},
                 {dead, "{\n \"pcl", false},
                 {dead, "notes", true},
                 {(int)getpid(), "{\n \"pcl", true}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[600];
        snprintf(path, sizeof path, NAME ".run.json.tmp.%d", files[i].pid);
        write_text(path, files[i].text);
        pcl_record_tidy(&config);
        assert_int_equal(pcl_fs_exists(path), files[i].stays);
        (void)unlink(path);
    }
}

static void history_has_every_parameter(void **state) {
    (void)state;
    char **lines = NULL;
    size_t n = 0, nniter = 0;
    assert_ok(pcl_record_history(&config, &lines, &n, &err));
    assert_int_equal(n, pclean_config_count() + 2);
    assert_string_equal(lines[0], "taskname=pclean image");
    for (size_t i = 0; i < n; i++)
        nniter += strcmp(lines[i], "niter                 = 7") == 0;
    assert_int_equal(nniter, 1);
    pcl_record_free_lines(lines, n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_record_is_the_result, begin, end),
        cmocka_unit_test_setup_teardown(only_records_are_replaced, begin, end),
        cmocka_unit_test_setup_teardown(what_killed_runs_left_is_removed, begin, end),
        cmocka_unit_test_setup_teardown(history_has_every_parameter, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
