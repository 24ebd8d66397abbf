/* hosts.c: the library in a program that has threads. Runs in two threads at a time do not notice
 * each other: each makes the bytes that it makes alone, hears its own log only, and stops when it
 * is told to. A process with threads does not fork: its workers are processes of pclean-worker; and
 * where there is no such program there is one worker, and the log says so. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/config.h"
#include "folder.h"
#include "pclean/run.h"
#include "unit/check.h"

enum { NRUN = 50 };

typedef struct host {
    const char *name, *ms, *cell, *other_ms; /* of the products; whose data, and a fitting
                                              * cell; what another thread reads */
    const char *nworkers;
    pthread_t thread;
    size_t nline, nstrange; /* lines of its log, and those that are not its own */
    bool says_why_one_worker, stops;
    size_t nrun; /* done, all well */
    int nworker;
    int code; /* of the last run */
    char why[1000], model[4096];
} host;

static void hear(enum pclean_level level, const char *text, void *user) {
    host *h = user;
    (void)level;
    h->nline++;
    h->nstrange += !pthread_equal(pthread_self(), h->thread) || strstr(text, h->other_ms);
    h->says_why_one_worker |= strstr(text, "workers: one, in this process: it has other threads") &&
                              strstr(text, "the program pclean-worker is neither in ");
}

static int stop(void *user) {
    return ((const host *)user)->stops;
}

static int image(host *h, pclean_err *err) {
    const char *const setting[][2] = {
        {"vis", h->ms},       {"imagename", h->name}, {"imsize", "40"}, {"cell", h->cell},
        {"specmode", "cube"}, {"nchan", "2"},         {"niter", "20"},  {"nworkers", h->nworkers},
        {"threads", "1"},     {"overwrite", "true"}};
    const pclean_hooks hooks = {
        .size = sizeof hooks, .log = hear, .stop_requested = stop, .user = h};
    pclean_config c;
    pclean_result *result = NULL;
    int rc = pcl_config_init(&c, err);
    for (size_t i = 0; !rc && i < sizeof setting / sizeof *setting; i++)
        rc = pclean_config_set(&c, setting[i][0], setting[i][1], err);
    rc = rc ? rc : pclean_image(&c, &hooks, &result, err);
    h->nworker = result ? result->nworkers : 0;
    if (!rc && !(result->cpu_seconds > 0 && result->peak_memory_bytes > 100000))
        rc = PCL_FAIL(err, PCLEAN_EBUG, "%g s of CPU time, %llu bytes", result->cpu_seconds,
                      (unsigned long long)result->peak_memory_bytes);
    pclean_result_free(result);
    pcl_config_clear(&c);
    return rc;
}

/* The pixels of its model and residual. */
static bool same_pixels(const char *a, const char *b) {
    static const char *const product[] = {"model", "residual", "image", "psf"};
    bool same = true;
    for (size_t i = 0; same && i < sizeof product / sizeof *product; i++) {
        char path[2][4200], *text[2] = {NULL};
        size_t n[2] = {0};
        for (int k = 0; k < 2; k++) {
            snprintf(path[k], sizeof path[k], "%s.%s/table.f0_TSM0", k ? b : a, product[i]);
            FILE *f = fopen(path[k], "re");
            text[k] = malloc(1 << 20);
            n[k] = f && text[k] ? fread(text[k], 1, 1 << 20, f) : 0;
            if (f)
                fclose(f);
        }
        same = n[0] > 0 && n[0] == n[1] && memcmp(text[0], text[1], n[0]) == 0;
        free(text[0]);
        free(text[1]);
    }
    return same;
}

static void *many_runs(void *user) {
    host *h = user;
    h->thread = pthread_self();
    for (size_t i = 0; i < NRUN; i++) {
        pclean_err err = {0};
        h->code = image(h, &err);
        if (h->code || h->nworker != 2 || !same_pixels(h->name, h->model)) {
            snprintf(h->why, sizeof h->why, "run %zu, %d workers: %s", i, h->nworker,
                     err.code ? err.msg : "other pixels than alone");
            return NULL;
        }
        h->nrun++;
    }
    return NULL;
}

static void *one_run(void *user) {
    host *h = user;
    pclean_err err = {0};
    h->thread = pthread_self();
    h->code = image(h, &err);
    snprintf(h->why, sizeof h->why, "%s", err.msg);
    return NULL;
}

static host first(void) {
    return (host){.name = in_folder("a"),
                  .ms = PCLEAN_TEST_DATA "/vla_ngc5921.ms",
                  .cell = "15arcsec",
                  .other_ms = "sim_alma_topo",
                  .nworkers = "2"};
}

static host second(void) {
    return (host){.name = in_folder("b"),
                  .ms = PCLEAN_TEST_DATA "/sim_alma_topo.ms",
                  .cell = "0.2arcsec",
                  .other_ms = "vla_ngc5921",
                  .nworkers = "2"};
}

/* Alone, in a process without other threads. */
static void make_model(const host *h, const char *name) {
    host alone = *h;
    pclean_err err;
    alone.name = name;
    alone.thread = pthread_self();
    assert_ok(image(&alone, &err));
    assert_int_equal(alone.nstrange, 0);
    assert_true(alone.nline > 0);
}

static void test_two_threads(void **state) {
    (void)state;
    host both[2] = {first(), second()};
    for (int i = 0; i < 2; i++) {
        snprintf(both[i].model, sizeof both[i].model, "%s.alone", both[i].name);
        make_model(&both[i], both[i].model);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&both[i].thread, NULL, many_runs, &both[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(both[i].thread, NULL);
    for (int i = 0; i < 2; i++) {
        if (both[i].nrun != NRUN)
            fail_msg("%s: %s", both[i].name, both[i].why);
        assert_int_equal(both[i].nstrange, 0);
        assert_int_equal(both[i].nline % NRUN, 0); /* the same lines each time */
    }
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no process, no zombie */
    assert_int_equal(errno, ECHILD);
}

static void test_one_is_stopped(void **state) {
    (void)state;
    host both[2] = {first(), second()};
    both[0].stops = true;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&both[i].thread, NULL, one_run, &both[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(both[i].thread, NULL);
    assert_int_equal(both[0].code, -PCLEAN_EINTERRUPTED);
    if (both[1].code)
        fail_msg("%s", both[1].why);
}

/* ---- where the programs are not ---- */

/* The program in the folder `where`, alone, with a thread; it writes what became of the run. */
static void run_elsewhere(const char *where, const char *answer, size_t size, char *text) {
    char command[4000];
    snprintf(command, sizeof command,
             "cd %s && mkdir -p %s && cp \"$(readlink /proc/%d/exe)\" %s/host && "
             "PCLEAN_CASA=\"$(dirname \"$(readlink /proc/%d/exe)\")/pclean-casa\" %s/host "
             "--elsewhere %s >%s 2>&1",
             folder, where, getpid(), where, getpid(), where, in_folder("elsewhere"), answer);
    const int status = system(command);
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", folder, answer);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    text[fread(text, 1, size - 1, f)] = '\0';
    fclose(f);
    if (status != 0)
        fail_msg("status %d: %s", status, text);
}

static int elsewhere(const char *name) {
    host h = first();
    h.name = name;
    if (pthread_create(&h.thread, NULL, one_run, &h) != 0)
        return 1;
    pthread_join(h.thread, NULL);
    printf("code %d, %d workers, %s: %s\n", h.code, h.nworker,
           h.says_why_one_worker ? "says why" : "does not say why", h.why);
    return 0;
}

static void test_no_program_for_workers(void **state) {
    (void)state;
    char text[2000];
    run_elsewhere("bin", "answer", sizeof text, text);
    if (!strstr(text, "code 0, 1 workers, says why"))
        fail_msg("%s", text);
}

static int set_up(void **state) {
    (void)state;
    return make_folder("hosts", true);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two_threads),
                                       cmocka_unit_test(test_one_is_stopped),
                                       cmocka_unit_test(test_no_program_for_workers)};
    if (argc == 3 && strcmp(argv[1], "--elsewhere") == 0)
        return elsewhere(argv[2]);
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
