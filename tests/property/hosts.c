/* hosts.c: the library in a program that has threads, or habits of its own. Runs in two threads at
 * a time do not notice each other: each makes the bytes that it makes alone, hears its own log
 * only, and stops when it is told to. A process with threads does not fork: its workers are
 * processes of pclean-worker; and where there is no such program there is one worker, and the log
 * says so. What the program has done with signals, children, limits and standard files does no
 * harm. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/config.h"
#include "folder.h"
#include "pclean.h"
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

static void in_two_threads(void *(*body)(void *), host both[2]) {
    pthread_t thread[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, body, &both[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
}

static void test_two_threads(void **state) {
    (void)state;
    host both[2] = {first(), second()};
    for (int i = 0; i < 2; i++) {
        snprintf(both[i].model, sizeof both[i].model, "%s.alone", both[i].name);
        make_model(&both[i], both[i].model);
    }
    in_two_threads(many_runs, both);
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
    in_two_threads(one_run, both);
    assert_int_equal(both[0].code, -PCLEAN_EINTERRUPTED);
    if (both[1].code)
        fail_msg("%s", both[1].why);
}

/* ---- programs with habits, each in a process of its own ---- */

static void *reap(void *unused) {
    for (;;)
        if (waitpid(-1, NULL, 0) < 0)
            usleep(1000);
    return unused;
}

static void reap_all(int number) {
    const int kept = errno;
    (void)number;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    errno = kept;
}

static void lower(int resource, rlim_t most) {
    struct rlimit limit;
    getrlimit((__rlimit_resource_t)resource, &limit);
    limit.rlim_cur = most;
    setrlimit((__rlimit_resource_t)resource, &limit);
}

static void begin_habit(const char *habit) {
    pthread_t thread;
    if (strcmp(habit, "ignores its children") == 0)
        signal(SIGCHLD, SIG_IGN);
    if (strcmp(habit, "reaps all children") == 0)
        signal(SIGCHLD, reap_all);
    if (strcmp(habit, "reaps all children in a thread") == 0)
        (void)!pthread_create(&thread, NULL, reap, NULL);
    if (strcmp(habit, "has closed its standard files") == 0)
        for (int fd = 0; fd < 3; fd++)
            close(fd);
    if (strcmp(habit, "dies of a broken line") == 0)
        signal(SIGPIPE, SIG_DFL);
    if (strcmp(habit, "may open few files") == 0)
        lower(RLIMIT_NOFILE, 16);
    if (strcmp(habit, "has little address space") == 0)
        lower(RLIMIT_AS, (rlim_t)80 << 20);
    if (strcmp(habit, "has little data") == 0)
        lower(RLIMIT_DATA, (rlim_t)16 << 20);
    if (strcmp(habit, "may write small files") == 0)
        lower(RLIMIT_FSIZE, 20000);
}

/* This program, as main calls it: HABIT, the name of the products, the file for the answer. */
static int live(char **argument) {
    host h = first();
    FILE *answer = fopen(argument[2], "we");
    pthread_t thread;
    h.name = argument[1];
    begin_habit(argument[0]);
    if (strcmp(argument[0], "has a thread") == 0) {
        (void)!pthread_create(&thread, NULL, one_run, &h);
        pthread_join(thread, NULL);
    } else {
        one_run(&h);
    }
    fprintf(answer, "code %d, %d workers, %s: %s\n", h.code, h.nworker,
            h.says_why_one_worker ? "says why" : "does not say why", h.why);
    fclose(answer);
    _exit(0); /* some of the threads never end */
}

/* In the process `program`; *answer [2000]. */
static void run_habit(const char *program, const char *habit, const char *name, char *answer) {
    const char *path = in_folder("answer");
    int status;
    (void)unlink(path);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        execl(program, program, "--live", habit, name, path, NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    FILE *f = fopen(path, "re");
    if (status || !f)
        fail_msg("a program that %s: status %x", habit, (unsigned)status);
    answer[fread(answer, 1, 1999, f)] = '\0';
    fclose(f);
}

static const char *own_program(void) {
    static char path[2000];
    path[readlink("/proc/self/exe", path, sizeof path - 1)] = '\0';
    return path;
}

static void test_no_program_for_workers(void **state) {
    (void)state;
    char answer[2000], casa[2100], command[4000];
    const char *before = getenv("PCLEAN_CASA");
    char *kept = before ? strdup(before) : NULL;
    snprintf(command, sizeof command, "cp %s %s", own_program(), in_folder("elsewhere"));
    assert_int_equal(system(command), 0);
    snprintf(casa, sizeof casa, "%.*s/pclean-casa",
             (int)(strrchr(own_program(), '/') - own_program()), own_program());
    setenv("PCLEAN_CASA", casa, 1);
    run_habit(in_folder("elsewhere"), "has a thread", in_folder("c"), answer);
    if (kept)
        setenv("PCLEAN_CASA", kept, 1);
    else
        unsetenv("PCLEAN_CASA");
    free(kept);
    if (!strstr(answer, "code 0, 1 workers, says why"))
        fail_msg("%s", answer);
}

static void test_habits_that_do_no_harm(void **state) {
    (void)state;
    static const char *const habits[] = {
        "ignores its children",          "reaps all children",    "reaps all children in a thread",
        "has closed its standard files", "dies of a broken line", "has a thread"};
    host h = first();
    make_model(&h, in_folder("d.alone"));
    for (size_t i = 0; i < sizeof habits / sizeof *habits; i++)
        for (int dies = 0; dies < 2; dies++) { /* casacore's process, on the way */
            char answer[2000], where[1100];
            snprintf(where, sizeof where, "PCL_CALL_MS_READ:%s", in_folder("died"));
            (void)unlink(in_folder("died"));
            if (dies)
                setenv("PCLEAN_CASA_DIES", where, 1);
            run_habit(own_program(), habits[i], in_folder("d"), answer);
            unsetenv("PCLEAN_CASA_DIES");
            if (!strstr(answer, "code 0, 2 workers"))
                fail_msg("a program that %s: %s", habits[i], answer);
            assert_true(same_pixels(in_folder("d"), in_folder("d.alone")));
            assert_true(!dies || pcl_fs_exists(in_folder("died")));
        }
}

static void test_limits_that_are_told(void **state) {
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* it needs more than all of them */
#endif
    static const struct {
        const char *habit, *words;
    } cases[] = {{"may open few files", "too many open files: "},
                 {"has little address space", "(ulimit -v)"},
                 {"has little data", "(ulimit -d)"},
                 {"may write small files", "File too large"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char answer[2000];
        run_habit(own_program(), cases[i].habit, in_folder("e"), answer);
        if (strstr(answer, "code 0,") || !strstr(answer, cases[i].words))
            fail_msg("a program that %s: %s", cases[i].habit, answer);
        assert_false(pcl_fs_exists(in_folder("e.psf")) || pcl_fs_exists(in_folder("e.psf.part")));
    }
}

/* ---- processes of ours ---- */

static void assert_no_child(const char *after) {
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
        fail_msg("%s leaves a process", after);
}

static void test_no_call_leaves_a_process(void **state) {
    (void)state;
    static const char *const names[][2] = {{"vis", PCLEAN_TEST_DATA "/vla_ngc5921.ms"},
                                           {"imsize", "40"},
                                           {"cell", "15arcsec"},
                                           {"weighting", "uniform"},
                                           {"phasecenter", "J2000 15h22m00 5d04m00"}};
    pclean_err err;
    pclean_config *c;
    pclean_plan *plan = NULL;
    pclean_partition *parts = NULL;
    pclean_memory_request request;
    pclean_memory_estimate *memory = NULL;
    pclean_verify_result *verified = NULL;
    assert_ok(pclean_config_new(&c, &err));
    assert_ok(pclean_config_set(c, "imagename", in_folder("f"), &err));
    pclean_memory_request_init(&request, sizeof request);
    request.model = PCLEAN_MEMORY_NATIVE;
    request.config = c;
    for (size_t data = 0; data < 2; data++) {
        for (size_t i = data ? 0 : 1; i < sizeof names / sizeof *names; i++)
            assert_ok(pclean_config_set(c, names[i][0], names[i][1], &err));
        assert_ok(pclean_estimate_memory(&request, 1, NULL, &memory, &err));
        pclean_memory_estimate_free(memory);
        assert_no_child("pclean_estimate_memory");
    }
    assert_ok(pclean_config_validate(c, &err));
    assert_no_child("pclean_config_validate");
    assert_ok(pclean_plan_make(c, NULL, &plan, &err));
    pclean_plan_free(plan);
    assert_no_child("pclean_plan_make");
    assert_ok(pclean_partition_make(c, 2, NULL, &parts, &err));
    assert_no_child("pclean_partition_make");
    assert_ok(pclean_partition_check(parts, c, in_folder("parts"), false, &err));
    assert_no_child("pclean_partition_check");
    assert_ok(pclean_partition_write(parts, c, in_folder("parts"), &err));
    pclean_partition_free(parts);
    assert_no_child("pclean_partition_write");
    assert_ok(pclean_image(c, NULL, NULL, &err));
    pclean_config_free(c);
    assert_no_child("pclean_image");
    assert_ok(pclean_plot_cube(in_folder("f.image"), in_folder("f.png"), NULL, &err));
    assert_no_child("pclean_plot_cube");
    assert_ok(pclean_verify_image(in_folder("f.image"), NULL, &verified, &err));
    pclean_verify_result_free(verified);
    assert_no_child("pclean_verify_image");
}

static int set_up(void **state) {
    (void)state;
    return make_folder("hosts", true);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two_threads),
                                       cmocka_unit_test(test_one_is_stopped),
                                       cmocka_unit_test(test_no_program_for_workers),
                                       cmocka_unit_test(test_habits_that_do_no_harm),
                                       cmocka_unit_test(test_limits_that_are_told),
                                       cmocka_unit_test(test_no_call_leaves_a_process)};
    if (argc == 5 && strcmp(argv[1], "--live") == 0)
        return live(argv + 2);
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
