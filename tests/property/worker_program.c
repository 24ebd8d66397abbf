/* worker_program.c: workers that inherit nothing, forked or as processes of pclean-worker, make the
 * same bytes as forked ones that inherit everything: every kind of product, of scratch file and of
 * plane that a job names. They survive kills, and refuse a job or data that are not the run's. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/config.h"
#include "exec/pool.h"
#include "exec/worker.h"
#include "folder.h"
#include "pclean/run.h"
#include "run/build.h"
#include "unit/check.h"

static const char *const ways[] = {"attached", "program"};

/* ---- the runs ---- */

typedef const char *setting[2];

static const setting common[] = {{"vis", PCLEAN_TEST_DATA "/vla_ngc5921.ms"},
                                 {"imsize", "64"},
                                 {"cell", "15arcsec"},
                                 {"specmode", "cube"},
                                 {"start", "3"},
                                 {"nchan", "6"},
                                 {"niter", "200"},
                                 {"cycleniter", "40"},
                                 {"threshold", "1mJy"},
                                 {"nworkers", "2"},
                                 {"threads", "1"},
                                 {"overwrite", "true"}};

/* more: settings, NULL at the end. A start model "START" is that of an earlier run. */
static int run_image(const char *name, const setting *more, const pclean_hooks *hooks,
                     pclean_result **result, pclean_err *why) {
    pclean_config c;
    pclean_err err;
    assert_ok(pcl_config_init(&c, &err));
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        assert_ok(pclean_config_set(&c, common[i][0], common[i][1], &err));
    for (; more && (*more)[0]; more++)
        assert_ok(pclean_config_set(
            &c, (*more)[0],
            strcmp((*more)[1], "START") == 0 ? in_folder("start.model") : (*more)[1], &err));
    assert_ok(pclean_config_set(&c, "imagename", in_folder("%s", name), &err));
    int rc = pclean_image(&c, hooks, result, why);
    pcl_config_clear(&c);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no process, no zombie */
    assert_int_equal(errno, ECHILD);
    return rc;
}

static void image_ok(const char *name, const setting *more, const char *way,
                     const pclean_hooks *hooks) {
    pclean_err err = {0};
    pclean_result *result = NULL;
    setenv("PCLEAN_WORKERS", way, 1);
    if (run_image(name, more, hooks, &result, &err)) {
        for (char **w = result->warning; w && *w; w++)
            print_message("%s\n", *w);
        fail_msg("%s, %s: %s", name, way, err.msg);
    }
    pclean_result_free(result);
}

/* Pixels and masks of all products and sub-cubes, as a list of checksums. */
static char *sums_of(const char *name) {
    static char text[2][100000];
    static int turn;
    char command[2000], *buf = text[turn++ % 2];
    snprintf(command, sizeof command,
             "cd %s && find %s.* -name '*_TSM0' | sort | xargs sha256sum | sed 's/ %s/ /; "
             "s/%s.subcube/subcube/'",
             folder, name, name, name);
    FILE *f = popen(command, "r");
    buf[fread(buf, 1, sizeof text[0] - 1, f)] = '\0';
    pclose(f);
    return buf;
}

static void assert_same(const char *a, const char *b, size_t least) {
    const char *x = sums_of(a), *y = sums_of(b);
    size_t n = 0;
    for (const char *c = x; *c; c++)
        n += *c == '\n';
    if (n < least)
        fail_msg("%zu files, not %zu", n, least);
    assert_string_equal(x, y);
}

/* No scratch file and nothing unfinished is left. */
static void assert_tidy(void) {
    char command[1200];
    snprintf(command, sizeof command,
             "cd %s && ! ls -d pclean-* *.part *.lock 2>/dev/null | grep -q .", folder);
    assert_int_equal(system(command), 0);
}

/* ---- tests ---- */

static int start_model(void **state) {
    (void)state;
    static const setting few[] = {{"niter", "20"}, {NULL, NULL}};
    assert_int_equal(make_folder("pclean-worker-program", true), 0);
    image_ok("start", few, "forked", NULL);
    return 0;
}

static void test_the_same_bytes(void **state) {
    (void)state;
    static const struct {
        const setting more[10];
        size_t nfile; /* of pixels and masks at least */
    } cases[] = {
        {{{"weighting", "briggs"}, {"pbcor", "true"}}, 12},
        {{{"cyclecontrol", "global"},
          {"weighting", "briggs"},
          {"perchanweightdensity", "false"},
          {"mask", "circle[[32pix,32pix],20pix], range=[1chan,4chan]"},
          {"startmodel", "START"}},
         10},
        {{{"cyclecontrol", "global"}, {"concat_mode", "movevirtual"}, {"cube_chunksize", "2"}}, 24},
        {{{"concat_mode", "virtual"},
          {"cube_chunksize", "4"},
          {"usemask", "pb"},
          {"pbmask", "0.3"}},
         20},
        {{{"concat_mode", "paged"}, {"keep_subcubes", "true"}, {"startmodel", "START"}}, 30},
        {{{"specmode", "mfs"}, {"stokes", "RR"}, {"nworkers", "1"}, {"restoringbeam", "60arcsec"}},
         10},
        {{{"gridder", "wproject"}, {"stokes", "RRLL"}, {"niter", "0"}}, 9},
        {{{"cyclecontrol", "global"},
          {"usemask", "auto-multithresh"},
          {"sidelobethreshold", "1"},
          {"noisethreshold", "3"},
          {"fastnoise", "false"}},
         8},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        image_ok("forked", cases[k].more, "forked", NULL);
        for (int way = 0; way < 2; way++)
            for (int file = 0; file < 2; file++) {
                setting more[12] = {{"scratch", folder}};
                memcpy(more + file, cases[k].more, sizeof cases[k].more);
                image_ok("other", more, ways[way], NULL);
                assert_same("forked", "other", cases[k].nfile);
                assert_tidy();
            }
    }
}

/* A restarted run reads the mask and the model of its own name, in the coordinator only. */
static void test_a_continued_run(void **state) {
    (void)state;
    static const setting first[] = {{"niter", "40"},
                                    {"mask", "circle[[32pix,32pix],9pix]"},
                                    {NULL, NULL}},
                         then[] = {{"niter", "60"}, {"restart", "true"}, {NULL, NULL}};
    for (int way = -1; way < 2; way++) {
        const char *name = way < 0 ? "forked" : "other";
        image_ok(name, first, "forked", NULL);
        image_ok(name, then, way < 0 ? "forked" : ways[way], NULL);
        if (way >= 0)
            assert_same("forked", "other", 10);
    }
}

/* Process numbers of our children. */
static size_t children(pid_t *pid, size_t most) {
    char path[64];
    size_t n = 0;
    int number;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    FILE *f = fopen(path, "re");
    while (f && n < most && fscanf(f, "%d", &number) == 1)
        pid[n++] = number;
    if (f)
        fclose(f);
    return n;
}

/* Kills a worker when so many planes are done in a stage, once. */
static struct {
    const char *stage;
    size_t after;
    int killed;
} killer;

static void kill_a_worker(const pclean_progress *p, void *user) {
    (void)user;
    pid_t pid[8];
    if (strcmp(p->stage, killer.stage) != 0 || p->done != killer.after || killer.killed)
        return;
    const size_t n = children(pid, 8);
    assert_true(n > 0);
    kill(pid[n - 1], SIGKILL);
    killer.killed++;
}

static void test_workers_killed_on_the_way(void **state) {
    (void)state;
    static const pclean_hooks hooks = {.size = sizeof hooks, .progress = kill_a_worker};
    static const struct {
        const setting control[2];
        const char *stage;
    } cases[] = {{{{"cyclecontrol", "channel"}}, "image"},
                 {{{"cyclecontrol", "global"}}, "dirty"},
                 {{{"cyclecontrol", "global"}}, "clean"},
                 {{{"cyclecontrol", "global"}}, "restore"}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        if (k < 2)
            image_ok("forked", cases[k].control, "forked", NULL);
        for (int way = 0; way < 2; way++)
            for (size_t after = 1; after <= 4; after += 3) {
                killer.stage = cases[k].stage;
                killer.after = after;
                killer.killed = 0;
                image_ok("other", cases[k].control, ways[way], &hooks);
                assert_int_equal(killer.killed, 1);
                assert_same("forked", "other", 10);
                assert_tidy();
            }
    }
}

/* ---- what does not fit ---- */

static struct swap { const char *from, *to; /* when the coordinator has read the data */ } swap;

static void swap_data(const pclean_progress *p, void *user) {
    (void)user;
    if (strcmp(p->unit, "rows") == 0 && p->done == p->total) {
        assert_int_equal(rename(swap.to, in_folder("away.ms")), 0);
        if (swap.from)
            assert_int_equal(rename(swap.from, swap.to), 0);
    }
}

/* Workers that must read the data again do not go on with others, nor without. */
static void test_data_that_change(void **state) {
    (void)state;
    static const pclean_hooks hooks = {.size = sizeof hooks, .progress = swap_data};
    static const char *const words[] = {"other data than the run began with", "mine.ms"};
    for (int way = 0; way < 2; way++)
        for (int k = 0; k < 2; k++) {
            pclean_err err = {0};
            pclean_result *result = NULL;
            assert_ok(pcl_fs_copy_tree(PCLEAN_TEST_DATA "/vla_ngc5921.ms", in_folder("mine.ms"),
                                       false, &err));
            assert_ok(pcl_fs_copy_tree(PCLEAN_TEST_DATA "/sim_alma_topo.ms", in_folder("theirs.ms"),
                                       false, &err));
            swap = (struct swap){.from = k == 0 ? in_folder("theirs.ms") : NULL,
                                 .to = in_folder("mine.ms")};
            const setting more[] = {{"vis", in_folder("mine.ms")}, {NULL, NULL}};
            setenv("PCLEAN_WORKERS", ways[way], 1);
            assert_true(run_image("none", more, &hooks, &result, &err) < 0);
            if (!strstr(err.msg, words[k]))
                fail_msg("\"%s\" lacks \"%s\"", err.msg, words[k]);
            pclean_result_free(result);
            assert_tidy();
            assert_false(pcl_fs_exists(in_folder("none.psf")));
            assert_ok(pcl_fs_remove_tree(in_folder("away.ms"), &err));
            assert_ok(pcl_fs_remove_tree(in_folder("theirs.ms"), &err));
            assert_ok(pcl_fs_remove_tree(in_folder("mine.ms"), &err));
        }
}

static int nothing_is_done(size_t k, const void *result, void *user, pclean_err *err) {
    (void)k;
    (void)result;
    (void)user;
    return PCL_FAIL(err, PCLEAN_EBUG, "a task is done");
}

static int nobody_dies(size_t k, const char *how, bool again, void *user, pclean_err *err) {
    (void)k;
    (void)user;
    return PCL_FAIL(err, PCLEAN_EBUG, "a worker %s, again %d", how, again);
}

/* pclean-worker with a job that is of no use to it: a sentence, no crash. */
static void test_jobs_that_do_not_fit(void **state) {
    (void)state;
    static const pcl_pool_events events = {.done = nothing_is_done, .died = nobody_dies};
    static const char task[8], job[] = "\5\0\0\0\0\0\0\0/tmp/";
    const struct {
        const char *build;
        size_t size;
        const char *words;
    } cases[] = {{"another", 0, "another build of pclean (another; this worker is of "},
                 {pcl_build, 0, "cut short"},
                 {pcl_build, 3, "cut short"},
                 {pcl_build, 12, "cut short"},
                 {pcl_build, sizeof job - 1, "cut short"}};
    char *program;
    pclean_err err;
    assert_ok(pcl_worker_find_program("pclean-worker", &program, &err));
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const pcl_pool_params params = {.nworker = 2,
                                        .task_size = sizeof task,
                                        .result_size = sizeof task,
                                        .program = program,
                                        .build = cases[k].build,
                                        .job = job,
                                        .job_size = cases[k].size};
        pcl_pool *pool;
        assert_ok(pcl_pool_new(&params, &pool, &err));
        assert_true(pcl_pool_run(pool, 1, task, &events, &err) < 0);
        if (!strstr(err.msg, cases[k].words))
            fail_msg("\"%s\" lacks \"%s\"", err.msg, cases[k].words);
        pcl_pool_free(pool);
    }
    pcl_free(program);
    assert_fails(pcl_worker_find_program("pclean-nothing", &program, &err), PCLEAN_EIO,
                 "the program pclean-nothing is neither in ");
    assert_null(program);
}

static void test_a_word_that_is_no_way(void **state) {
    (void)state;
    pclean_err err = {0};
    pclean_result *result = NULL;
    setenv("PCLEAN_WORKERS", "by hand", 1);
    assert_fails(run_image("none", NULL, NULL, &result, &err), PCLEAN_EPARAM,
                 "PCLEAN_WORKERS is \"by hand\"");
    pclean_result_free(result);
    assert_tidy();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_same_bytes),
                                       cmocka_unit_test(test_a_continued_run),
                                       cmocka_unit_test(test_workers_killed_on_the_way),
                                       cmocka_unit_test(test_data_that_change),
                                       cmocka_unit_test(test_jobs_that_do_not_fit),
                                       cmocka_unit_test(test_a_word_that_is_no_way)};
    return cmocka_run_group_tests(tests, start_model, remove_folder);
}
