/* Every function of the public headers with each of its pointers NULL, one at a time, in a process
 * of its own: an error with a sentence, or what its header allows, never a crash. Each case says
 * what is expected; the list is held against the headers. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pclean.h"
#include "unit/check.h"

/* What the arguments are when they are not NULL. Nothing here exists on the disk. */
static pclean_config *config, *copy;
static pclean_result *result;
static pclean_err err;
static pclean_plan *plan;
static pclean_partition *partition;
static pclean_concat_options concat;
static pclean_concat_result *concat_result;
static pclean_verify_result *verified;
static pclean_adios2_options adios2;
static pclean_memory_request request;
static pclean_memory_estimate *estimate;
static pclean_plot_options plot;
static pclean_part_ms *part_ms;
static pclean_axis_part *axis_part;
static pclean_spectral_axis axis = {
    .frame = "LSRK", .nchan = 4, .first_hz = 1e9, .step_hz = 1e6, .phasecenter = ""};
static const pclean_ms_selection selection = {.msname = "no.ms"}, nameless = {.msname = NULL};
static const char *const names[] = {"no.image", NULL}, *const two_names[] = {"no.image", NULL};
static const char *const extensions[] = {".image", NULL}, *const none[] = {NULL};
static const pclean_hooks hooks = {.size = sizeof hooks};
static pclean_hooks some_hooks;
static pclean_adios2_info *info;
static pclean_partition_options partition_options;
static pclean_plan_options plan_options;
static pclean_verify_options verify_options;
static char text[64], **list, *json;
static bool yes;
static double gib;
static size_t n;

enum expected { FAILS, FINE };

/* X(expected, call): FAILS: below 0 and a sentence. FINE: whatever it answers, it comes back. */
#define CASES(X)                                                                                   \
    X(FINE, pclean_adios2_check(false, NULL, &err))                                                \
    X(FAILS, pclean_adios2_uses(NULL, &yes, &list, text, &err))                                    \
    X(FAILS, pclean_adios2_uses("no.ms", NULL, &list, text, &err))                                 \
    X(FAILS, pclean_adios2_uses("no.ms", &yes, NULL, text, &err))                                  \
    X(FAILS, pclean_adios2_uses("no.ms", &yes, &list, NULL, &err))                                 \
    X(FINE, (pclean_adios2_free_list(NULL), 0))                                                    \
    X(FINE, (pclean_adios2_force_omp_single_thread(), 0))                                          \
    X(FINE, (pclean_adios2_options_init(NULL, 8), 0))                                              \
    X(FAILS, pclean_adios2_convert(NULL, "out.ms", &adios2, &hooks, &err))                         \
    X(FAILS, pclean_adios2_convert("no.ms", NULL, &adios2, &hooks, &err))                          \
    X(FAILS, pclean_adios2_convert("no.ms", "out.ms", NULL, NULL, &err))                           \
    X(FAILS, pclean_adios2_split(NULL, "out", &adios2, &hooks, &list, &err))                       \
    X(FAILS, pclean_adios2_split("no.ms", NULL, &adios2, &hooks, &list, &err))                     \
    X(FAILS, pclean_adios2_split("no.ms", "out", NULL, NULL, &list, &err))                         \
    X(FAILS, pclean_adios2_split("no.ms", "out", &adios2, &hooks, NULL, &err))                     \
    X(FAILS, pclean_adios2_restore(NULL, "out.ms", &adios2, &hooks, &err))                         \
    X(FAILS, pclean_adios2_restore("no.ms", NULL, &adios2, &hooks, &err))                          \
    X(FAILS, pclean_adios2_restore("no.ms", "out.ms", NULL, NULL, &err))                           \
    X(FINE, (pclean_concat_options_init(NULL, 8), 0))                                              \
    X(FINE, pclean_concat_mode_parse(NULL))                                                        \
    X(FINE, pclean_concat_mode_name(-1) ? 0 : 1)                                                   \
    X(FINE, (pclean_concat_result_free(NULL), 0))                                                  \
    X(FAILS, pclean_concat_images(NULL, names, 1, &concat, &hooks, &concat_result, &err))          \
    X(FAILS, pclean_concat_images("out.image", NULL, 1, &concat, &hooks, &concat_result, &err))    \
    X(FAILS,                                                                                       \
      pclean_concat_images("out.image", two_names, 2, &concat, &hooks, &concat_result, &err))      \
    X(FAILS, pclean_concat_images("out.image", names, 1, NULL, NULL, &concat_result, &err))        \
    X(FAILS, pclean_concat_images("out.image", names, 1, &concat, &hooks, NULL, &err))             \
    X(FAILS, pclean_concat_subcubes(NULL, 2, extensions, &concat, &hooks, &concat_result, &err))   \
    X(FAILS, pclean_concat_subcubes("no", 2, NULL, &concat, &hooks, &concat_result, &err))         \
    X(FAILS, pclean_concat_subcubes("no", 2, none, NULL, NULL, &concat_result, &err))              \
    X(FAILS, pclean_concat_subcubes("no", 2, extensions, &concat, &hooks, NULL, &err))             \
    X(FINE, (pclean_verify_result_free(NULL), 0))                                                  \
    X(FAILS, pclean_verify_image(NULL, &verify_options, &verified, &err))                          \
    X(FAILS, pclean_verify_image("no.image", NULL, &verified, &err))                               \
    X(FAILS, (verify_options.nagainst = 1,                                                         \
              pclean_verify_image("no.image", &verify_options, &verified, &err)))                  \
    X(FAILS, pclean_verify_image("no.image", &verify_options, NULL, &err))                         \
    X(FINE, (pclean_verify_options_init(NULL, 8), 0))                                              \
    X(FAILS, pclean_verify_json(NULL, &json, &err))                                                \
    X(FAILS, pclean_verify_json(verified, NULL, &err))                                             \
    X(FAILS, pclean_concat_json(NULL, &json, &err))                                                \
    X(FAILS, pclean_concat_json(concat_result, NULL, &err))                                        \
    X(FAILS, pclean_result_json(NULL, &json, &err))                                                \
    X(FAILS, pclean_result_json(result, NULL, &err))                                               \
    X(FAILS, pclean_plan_json(NULL, &json, &err))                                                  \
    X(FAILS, pclean_plan_json(plan, NULL, &err))                                                   \
    X(FAILS, pclean_partition_json(NULL, &json, &err))                                             \
    X(FAILS, pclean_partition_json(partition, NULL, &err))                                         \
    X(FAILS, pclean_memory_json(NULL, &json, &err))                                                \
    X(FAILS, pclean_memory_json(estimate, NULL, &err))                                             \
    X(FAILS, pclean_adios2_json(NULL, &json, &err))                                                \
    X(FAILS, pclean_adios2_json(info, NULL, &err))                                                 \
    X(FINE, (pclean_adios2_info_free(NULL), 0))                                                    \
    X(FINE, (pclean_memory_estimate_free(NULL), 0))                                                \
    X(FINE, (pclean_partition_options_init(NULL, 8), 0))                                           \
    X(FINE, (pclean_plan_options_init(NULL, 8), 0))                                                \
    X(FINE, (pclean_hooks_init(NULL, 8), 0))                                                       \
    X(FAILS, pclean_image(config, &some_hooks, &result, &err))                                     \
    X(FAILS, pclean_config_new(NULL, &err))                                                        \
    X(FAILS, pclean_config_copy(NULL, &copy, &err))                                                \
    X(FAILS, pclean_config_copy(config, NULL, &err))                                               \
    X(FINE, (pclean_config_free(NULL), 0))                                                         \
    X(FAILS, pclean_config_get(NULL, "niter", &json, &err))                                        \
    X(FAILS, pclean_config_get(config, NULL, &json, &err))                                         \
    X(FAILS, pclean_config_get(config, "niter", NULL, &err))                                       \
    X(FAILS, pclean_config_set_json(NULL, "{}", &err))                                             \
    X(FAILS, pclean_config_set_json(config, NULL, &err))                                           \
    X(FAILS, pclean_config_set(NULL, "niter", "1", &err))                                          \
    X(FAILS, pclean_config_set(config, NULL, "1", &err))                                           \
    X(FINE, pclean_config_set(config, "niter", NULL, &err))                                        \
    X(FAILS, pclean_config_append(NULL, "vis", "a", &err))                                         \
    X(FAILS, pclean_config_append(config, NULL, "a", &err))                                        \
    X(FINE, pclean_config_append(config, "vis", NULL, &err))                                       \
    X(FAILS, pclean_config_served(NULL, &err))                                                     \
    X(FAILS, pclean_config_read_yaml(NULL, "no.yaml", &err))                                       \
    X(FAILS, pclean_config_read_yaml(config, NULL, &err))                                          \
    X(FAILS, pclean_config_apply_preset(NULL, "continuum", &err))                                  \
    X(FAILS, pclean_config_apply_preset(config, NULL, &err))                                       \
    X(FAILS, pclean_config_list_presets(NULL, &err))                                               \
    X(FAILS, pclean_config_dump_yaml(NULL, stdout, &err))                                          \
    X(FAILS, pclean_config_dump_yaml(config, NULL, &err))                                          \
    X(FAILS, pclean_config_dump_json(NULL, &json, &err))                                           \
    X(FAILS, pclean_config_dump_json(config, NULL, &err))                                          \
    X(FAILS, pclean_config_validate(NULL, &err))                                                   \
    X(FAILS, pclean_config_print_help(NULL, 80, &err))                                             \
    X(FAILS, pclean_config_print_markdown(NULL, &err))                                             \
    X(FINE, pclean_config_name((size_t)-1) ? 0 : 1)                                                \
    X(FINE, pclean_config_is_bool(NULL))                                                           \
    X(FINE, pclean_error_name(12345) ? 0 : 1)                                                      \
    X(FINE, (pclean_memory_request_init(NULL, 8), 0))                                              \
    X(FAILS, pclean_estimate_worker_memory_gib(NULL, &gib, &err))                                  \
    X(FAILS, pclean_estimate_worker_memory_gib(&request, NULL, &err))                              \
    X(FAILS, pclean_estimate_peak_ram_gib(1, NULL, &gib, &err))                                    \
    X(FAILS, pclean_estimate_peak_ram_gib(1, &request, NULL, &err))                                \
    X(FINE, pclean_recommend_nworkers(NULL, &request, &n, &err))                                   \
    X(FAILS, pclean_recommend_nworkers(&gib, NULL, &n, &err))                                      \
    X(FAILS, pclean_recommend_nworkers(&gib, &request, NULL, &err))                                \
    X(FINE, pclean_available_ram_gib(NULL, 10) > 0)                                                \
    X(FAILS, pclean_parse_ram_gib(NULL, &gib, &err))                                               \
    X(FAILS, pclean_parse_ram_gib("1GiB", NULL, &err))                                             \
    X(FAILS, pclean_estimate_memory(NULL, 1, &gib, &estimate, &err))                               \
    X(FINE, pclean_estimate_memory(&request, 1, NULL, &estimate, &err))                            \
    X(FAILS, pclean_estimate_memory(&request, 1, &gib, NULL, &err))                                \
    X(FINE, pclean_partition_nparts(NULL, 4, 2) > 0)                                               \
    X(FAILS, pclean_partition_continuum(NULL, 2, NULL, &partition, &err))                          \
    X(FAILS, pclean_partition_continuum(config, 2, NULL, NULL, &err))                              \
    X(FAILS, pclean_partition_cube(NULL, 2, NULL, &partition, &err))                               \
    X(FAILS, pclean_partition_cube(config, 2, NULL, NULL, &err))                                   \
    X(FAILS, pclean_partition_make(NULL, 2, NULL, &partition, &err))                               \
    X(FAILS, pclean_partition_make(config, 2, NULL, NULL, &err))                                   \
    X(FAILS, pclean_partition_write(NULL, config, "no", &err))                                     \
    X(FAILS, pclean_partition_write(partition, NULL, "no", &err))                                  \
    X(FAILS, pclean_partition_write(partition, config, NULL, &err))                                \
    X(FAILS, pclean_partition_check(NULL, config, "no", false, &err))                              \
    X(FAILS, pclean_partition_check(partition, NULL, "no", false, &err))                           \
    X(FAILS, pclean_partition_check(partition, config, NULL, false, &err))                         \
    X(FINE, (pclean_partition_free(NULL), 0))                                                      \
    X(FAILS, pclean_contdatapartition(1, NULL, 2, &part_ms, &err))                                 \
    X(FAILS, pclean_contdatapartition(1, &nameless, 2, &part_ms, &err))                            \
    X(FAILS, pclean_contdatapartition(1, &selection, 2, NULL, &err))                               \
    X(FAILS, pclean_cubedataimagepartition(1, NULL, &axis, 2, &axis_part, &n, &err))               \
    X(FAILS, pclean_cubedataimagepartition(1, &nameless, &axis, 2, &axis_part, &n, &err))          \
    X(FAILS, pclean_cubedataimagepartition(1, &selection, NULL, 2, &axis_part, &n, &err))          \
    X(FAILS, pclean_cubedataimagepartition(1, &selection, &axis, 2, NULL, &n, &err))               \
    X(FAILS, pclean_cubedataimagepartition(1, &selection, &axis, 2, &axis_part, NULL, &err))       \
    X(FINE, (pclean_part_ms_free(NULL, 3), 0))                                                     \
    X(FINE, (pclean_axis_parts_free(NULL, 3, 2), 0))                                               \
    X(FAILS, pclean_plan_make(NULL, &plan_options, &plan, &err))                                   \
    X(FAILS, pclean_plan_make(config, NULL, &plan, &err))                                          \
    X(FAILS, pclean_plan_make(config, &plan_options, NULL, &err))                                  \
    X(FINE, (pclean_plan_free(NULL), 0))                                                           \
    X(FINE, (pclean_plot_options_init(NULL, 8), 0))                                                \
    X(FAILS, pclean_plot_cube(NULL, "no.png", &plot, &err))                                        \
    X(FAILS, pclean_plot_cube("no.image", NULL, &plot, &err))                                      \
    X(FAILS, pclean_plot_cube("no.image", "no.png", NULL, &err))                                   \
    X(FINE, pclean_stop_text(-5) ? 0 : 1)                                                          \
    X(FINE, (pclean_result_free(NULL), 0))                                                         \
    X(FAILS, pclean_image(NULL, &hooks, &result, &err))                                            \
    X(FAILS, pclean_image(config, NULL, &result, &err))                                            \
    X(FAILS, pclean_image(config, &hooks, NULL, &err))                                             \
    X(FAILS, pclean_stream_new(1, NULL, NULL, &err))                                               \
    X(FINE, (pclean_stream_free(NULL), 0))                                                         \
    X(FINE, (pclean_stream_options_init(NULL, 8), 0))                                              \
    X(FINE, pclean_stream_hooks(NULL) ? 1 : 0)                                                     \
    X(FINE, (pclean_stream_result(NULL, NULL), 0))                                                 \
    X(FINE, (pclean_stream_end(NULL, 0, NULL), 0))                                                 \
    X(FINE, pclean_version() ? 0 : 1)

#define X(expected, expression) {expected, #expression},
static const struct {
    enum expected expected;
    const char *text;
} cases[] = {CASES(X)};
#undef X

/* Makes call number `at`. */
static int make_call(size_t at) {
    size_t i = 0;
#define X(expected, expression)                                                                    \
    if (i++ == at)                                                                                 \
        return (int)(expression);
    CASES(X)
#undef X
    return 0;
}

/* 0: as expected; 1: no error; 2: an error without a sentence. */
static int try_in_child(size_t i) {
    if (pclean_config_new(&config, &err))
        return 3;
    pclean_concat_options_init(&concat, sizeof concat);
    pclean_adios2_options_init(&adios2, sizeof adios2);
    pclean_memory_request_init(&request, sizeof request);
    pclean_plot_options_init(&plot, sizeof plot);
    pclean_partition_options_init(&partition_options, sizeof partition_options);
    pclean_plan_options_init(&plan_options, sizeof plan_options);
    pclean_verify_options_init(&verify_options, sizeof verify_options);
    gib = 1;
    result = calloc(1, sizeof *result);
    plan = calloc(1, sizeof *plan);
    partition = calloc(1, sizeof *partition);
    concat_result = calloc(1, sizeof *concat_result);
    verified = calloc(1, sizeof *verified);
    estimate = calloc(1, sizeof *estimate);
    info = calloc(1, sizeof *info);
    err = (pclean_err){0};
    const int rc = make_call(i);
    if (cases[i].expected == FINE)
        return 0;
    return rc >= 0 ? 1 : err.code != -rc || strlen(err.msg) < 10 ? 2 : 0;
}

static void no_null_pointer_crashes(void **state) {
    (void)state;
    size_t nbad = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fflush(NULL);
        const pid_t child = fork();
        if (child == 0) {
            signal(SIGSEGV, SIG_DFL); /* cmocka catches it */
            alarm(60);
            _exit(try_in_child(i));
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        if (status == 0)
            continue;
        nbad++;
        print_error("%s: %s %d\n", cases[i].text, WIFSIGNALED(status) ? "signal" : "answer",
                    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    assert_int_equal(nbad, 0);
}

/* Each public function has a case. */
static void every_function_is_tried(void **state) {
    (void)state;
    FILE *headers = popen("cat " PCLEAN_TEST_GOLDEN
                          "/../../include/pclean/*.h | tr '\\n' ' ' | grep -o 'PCLEAN_API [^(]*(' "
                          "| grep -o 'pclean_[a-z0-9_]*(' | sort -u",
                          "r");
    char name[128];
    size_t nfunction = 0, nmissing = 0;
    assert_non_null(headers);
    while (fgets(name, sizeof name, headers)) {
        name[strcspn(name, "\n")] = '\0';
        bool found = strcmp(name, "pclean_config_count(") == 0; /* takes nothing */
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            found = found || strstr(cases[i].text, name);
        nfunction++;
        nmissing += !found;
        if (!found)
            print_error("no case for %s\n", name);
    }
    pclose(headers);
    assert_true(nfunction > 50);
    assert_int_equal(nmissing, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_null_pointer_crashes),
                                       cmocka_unit_test(every_function_is_tried)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
