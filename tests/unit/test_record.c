#include "run/record.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "unit/check.h"

static pclean_err err;

static int set_up(void **state) {
    (void)state;
    return make_folder("record", true);
}

typedef struct fixture {
    pclean_config config;
    pcl_setup setup;
} fixture;

static void begin(fixture *f, const char *name) {
    static const char *const fixed[] = {"vis",      PCLEAN_TEST_DATA "/vla_ngc5921.ms",
                                        "imsize",   "40",
                                        "cell",     "20arcsec",
                                        "specmode", "cube",
                                        "nchan",    "2",
                                        NULL};
    assert_ok(pclean_config_init(&f->config, &err));
    for (size_t i = 0; fixed[i]; i += 2)
        assert_ok(pclean_config_set(&f->config, fixed[i], fixed[i + 1], &err));
    assert_ok(pclean_config_set(&f->config, "imagename", in_folder("%s", name), &err));
    assert_ok(pcl_setup_open(&f->config, &f->setup, &err));
}

static void end(fixture *f) {
    pcl_setup_close(&f->setup);
    pclean_config_clear(&f->config);
}

static void write_record(const fixture *f) {
    pclean_plane plane[2] = {{.chan = 0, .freq_hz = 1.4e9, .niter = 7, .stop = PCLEAN_STOP_NITER},
                             {.chan = 1, .freq_hz = 1.5e9, .peak_residual = 1.0 / 0.0}};
    char *warning[] = {(char *)(uintptr_t) "a \"warning\"", NULL};
    const pclean_result r = {
        .nchan = 2, .npol = 1, .plane = plane, .warning = warning, .nworkers = 3, .nthreads = 1};
    assert_ok(pcl_record_write(&f->setup, &r, "2026-01-01T00:00:00Z", &err));
}

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_what_is_written(void **state) {
    (void)state;
    fixture f;
    json_error_t where;
    begin(&f, "written");
    write_record(&f);
    json_t *root = json_load_file(in_folder("written.run.json"), 0, &where);
    assert_non_null(root);
    const char *started, *stop, *warning;
    int niter, processes;
    json_t *peak;
    assert_int_equal(json_unpack(root, "{s:s s:[{s:i s:s} {s:o}] s:{s:i} s:[s]}", "started",
                                 &started, "planes", "niter", &niter, "stop", &stop,
                                 "peak_residual", &peak, "workers", "processes", &processes,
                                 "warnings", &warning),
                     0);
    assert_string_equal(started, "2026-01-01T00:00:00Z");
    assert_string_equal(stop, "iteration limit");
    assert_string_equal(warning, "a \"warning\"");
    assert_int_equal(niter, 7);
    assert_int_equal(processes, 3);
    assert_true(json_is_null(peak)); /* JSON has no infinity */
    json_decref(root);
    end(&f);
}

/* What was written is known for a record; anything else is kept. */
static void test_what_is_a_record(void **state) {
    (void)state;
    fixture f;
    begin(&f, "known");
    assert_ok(pcl_record_check(&f.config, &err)); /* nothing */
    write_record(&f);
    assert_ok(pcl_record_check(&f.config, &err));
    assert_false(pcl_record_is_aside(&f.config));
    assert_int_equal(rename(in_folder("known.run.json"), in_folder("known.run.json.aside")), 0);
    assert_true(pcl_record_is_aside(&f.config));
    write_text(in_folder("known.run.json"), "{\n \"pclean\": 1}");
    assert_fails(pcl_record_check(&f.config, &err), PCLEAN_EEXIST,
                 "known.run.json is not the record of a run");
    remove(in_folder("known.run.json"));
    write_text(in_folder("known.run.json.aside"), "");
    assert_fails(pcl_record_check(&f.config, &err), PCLEAN_EEXIST, "known.run.json.aside");
    assert_false(pcl_record_is_aside(&f.config));
    end(&f);
}

/* Pieces of a record under the name of a process that was killed go; files of others stay. */
static void test_pieces_of_killed_runs(void **state) {
    (void)state;
    fixture f;
    begin(&f, "piece");
    static const struct {
        const char *name, *text;
        bool stays;
    } cases[] = {{"piece.run.json.tmp.4194000", "", false},
                 {"piece.run.json.tmp.4194001", "{\n \"pcl", false},
                 {"piece.run.json.tmp.4194002", "a poem", true},
                 {"piece.run.json.tmp.notes", "", true},
                 {"other.run.json.tmp.4194000", "", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        write_text(in_folder("%s", cases[i].name), cases[i].text);
    pcl_record_tidy(&f.config);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(pcl_fs_exists(in_folder("%s", cases[i].name)), cases[i].stays);
    end(&f);
}

static void test_history(void **state) {
    (void)state;
    fixture f;
    char **line;
    size_t n;
    bool found = false;
    begin(&f, "history");
    assert_ok(pcl_record_history(&f.config, &line, &n, &err));
    assert_int_equal(n, pclean_config_count() + 2);
    assert_string_equal(line[0], "taskname=pclean image");
    for (size_t i = 0; i < n; i++)
        found = found || strcmp(line[i], "nchan                 = 2") == 0;
    assert_true(found);
    pcl_record_free_lines(line, n);
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written), cmocka_unit_test(test_what_is_a_record),
        cmocka_unit_test(test_pieces_of_killed_runs), cmocka_unit_test(test_history)};
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
