/* workers.c: the products are the same bytes for any number of workers and threads, also when
 * workers die on the way; a plane whose worker dies twice is named and blank, all others are right.
 * src/run/tasks.c is compiled into this test with PCL_TEST_STAGE: it tells where a task stands, and
 * that is where workers are killed. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "config/config.h"
#include "folder.h"
#include "pclean/run.h"
#include "unit/check.h"

/* ---- where workers die ---- */

enum { ALL = 1000 };
static struct shared {
    size_t ichan;   /* ALL: any */
    char stage[16]; /* "": nobody dies */
    int skip;       /* that often the stage is let pass */
    int times;      /* that often it kills */
    volatile int seen, killed;
} * shared;

void pcl_test_stage(size_t ichan, const char *stage);
void pcl_test_stage(size_t ichan, const char *stage) {
    if ((shared->ichan != ALL && ichan != shared->ichan) || strcmp(stage, shared->stage) != 0 ||
        shared->seen++ < shared->skip || shared->killed == shared->times)
        return;
    shared->killed++;
    raise(SIGKILL);
}

static void kill_at(size_t ichan, const char *stage, int skip, int times) {
    *shared = (struct shared){.ichan = ichan, .skip = skip, .times = times};
    snprintf(shared->stage, sizeof shared->stage, "%s", stage);
}

/* ---- the runs ---- */

/* COMMON: by channel, and all restored with a common beam. */
enum control { CHANNEL, GLOBAL, NCONTROL, COMMON = NCONTROL, NKIND };
static const char *const control_name[] = {"channel", "global", "common"};

static void set(pclean_config *c, const char *name, const char *value) {
    pclean_err err;
    assert_ok(pclean_config_set(c, name, value, &err));
}

typedef struct setting {
    enum control control;
    int nworkers, threads;
    const char *startmodel; /* NULL: none */
    bool joint;             /* two Stokes planes, cleaned together */
} setting;

/* An image of 7 channels; the mask of the first is empty. */
static int run_image(const char *name, const setting *s, pclean_result **result, pclean_err *why) {
    static const char *const fixed[][2] = {
        {"vis", PCLEAN_TEST_DATA "/vla_ngc5921.ms"},
        {"imsize", "64"},
        {"cell", "15arcsec"},
        {"specmode", "cube"},
        {"start", "3"},
        {"nchan", "7"},
        {"weighting", "briggs"},
        {"niter", "300"},
        {"cycleniter", "40"},
        {"threshold", "1mJy"},
        {"pbcor", "true"},
        {"overwrite", "true"},
        {"mask", "circle[[32pix,32pix],20pix], range=[1chan,6chan]"}};
    pclean_config c;
    pclean_err err;
    assert_ok(pcl_config_init(&c, &err));
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        set(&c, fixed[i][0], fixed[i][1]);
    set(&c, "imagename", in_folder("%s", name));
    set(&c, "cyclecontrol", s->control == GLOBAL ? "global" : "channel");
    set(&c, "restoringbeam", s->control == COMMON ? "common" : "");
    c.nworkers = s->nworkers;
    c.threads = s->threads;
    if (s->startmodel)
        set(&c, "startmodel", s->startmodel);
    if (s->joint) {
        set(&c, "stokes", "RRLL");
        set(&c, "deconvolver", "clark");
        set(&c, "threshold", "6mJy");
    }
    int rc = pclean_image(&c, NULL, result, why);
    pcl_config_clear(&c);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no process, no zombie */
    assert_int_equal(errno, ECHILD);
    return rc;
}

static void image_ok(const char *name, const setting *s) {
    pclean_err err = {0};
    pclean_result *result = NULL;
    assert_ok(run_image(name, s, &result, &err));
    assert_int_equal(result->nworkers, s->nworkers);
    pclean_result_free(result);
}

/* ---- comparing products ---- */

static char *slurp(const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    struct stat st;
    fstat(fileno(f), &st);
    char *text = malloc((size_t)st.st_size + 1);
    *size = fread(text, 1, (size_t)st.st_size, f);
    fclose(f);
    return text;
}

static const char *const products[] = {".psf",         ".residual", ".model", ".image",
                                       ".image.pbcor", ".pb",       ".sumwt", ".mask"};
static const char *const files[] = {"table.f0_TSM0", "mask0/table.f0_TSM0"};
enum { NCHAN = 7 };

/* Pixels and masks of a and b are the same bytes; those of channel `blank` (or none: -1) are zeros
 * in b, its mask is not looked at. */
static void assert_same(const char *a, const char *b, long blank) {
    size_t ncompared = 0;
    for (size_t i = 0; i < sizeof products / sizeof *products; i++)
        for (size_t j = 0; j < sizeof files / sizeof *files; j++) {
            size_t size[2];
            const char *path[2] = {in_folder("%s%s/%s", a, products[i], files[j]),
                                   in_folder("%s%s/%s", b, products[i], files[j])};
            char *text[2] = {slurp(path[0], &size[0]), slurp(path[1], &size[1])};
            assert_int_equal(text[0] == NULL, text[1] == NULL);
            if (!text[0])
                continue;
            assert_int_equal(size[0], size[1]);
            const size_t plane = size[0] / NCHAN;
            for (long k = 0; k < NCHAN; k++) {
                const char *p = text[0] + (size_t)k * plane, *q = text[1] + (size_t)k * plane;
                if (k != blank && memcmp(p, q, plane) != 0)
                    fail_msg("channel %ld differs: %s %s", k, path[0], path[1]);
                for (size_t n = 0; k == blank && j == 0 && n < plane; n++)
                    assert_int_equal(q[n], 0);
            }
            ncompared++;
            free(text[0]);
            free(text[1]);
        }
    assert_true(ncompared >= 12); /* 8 products, 4 of them with masks */
}

/* ---- tests ---- */

static int references(void **state) {
    (void)state;
    assert_int_equal(make_folder("pclean-workers", true), 0);
    for (enum control c = 0; c < NKIND; c++)
        image_ok(control_name[c], &(setting){.control = c, .nworkers = 1, .threads = 1});
    return 0;
}

static int nobody_dies(void **state) {
    (void)state;
    kill_at(0, "", 0, 0);
    return 0;
}

static void test_any_number_of_workers_and_threads(void **state) {
    (void)state;
    for (enum control c = 0; c < NKIND; c++)
        for (int nworkers = 1; nworkers <= 3; nworkers++)
            for (int threads = 1; threads <= 2; threads++) {
                image_ok("other",
                         &(setting){.control = c, .nworkers = nworkers, .threads = threads});
                assert_same(control_name[c], "other", -1);
            }
}

/* Every stage of every kind of task, in its first and in a later pass. */
static void test_a_worker_killed_at_each_stage(void **state) {
    (void)state;
    static const struct {
        enum control control;
        const char *stage;
        int skip;
    } cases[] = {{CHANNEL, "begin", 0},  {CHANNEL, "dirty", 0}, {CHANNEL, "minor", 0},
                 {CHANNEL, "minor", 1},  {CHANNEL, "major", 0}, {CHANNEL, "restore", 0},
                 {CHANNEL, "write", 0},  {GLOBAL, "begin", 0},  {GLOBAL, "dirty", 0},
                 {GLOBAL, "save", 0},    {GLOBAL, "resume", 0}, {GLOBAL, "minor", 0},
                 {GLOBAL, "major", 1},   {GLOBAL, "save", 1},   {GLOBAL, "save", 2},
                 {GLOBAL, "restore", 0}, {GLOBAL, "write", 0},  {COMMON, "write", 0},
                 {COMMON, "restore", 0}, {COMMON, "write", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kill_at(4, cases[i].stage, cases[i].skip, 1);
        image_ok("killed", &(setting){.control = cases[i].control, .nworkers = 2, .threads = 1});
        if (shared->killed != 1)
            fail_msg("nobody was killed at %s", cases[i].stage);
        assert_same(control_name[cases[i].control], "killed", -1);
    }
}

/* The same where the task begins from a model, which it must not lose. */
static void test_a_start_model_outlives_a_worker(void **state) {
    (void)state;
    for (enum control c = 0; c < NCONTROL; c++) {
        char model[400];
        snprintf(model, sizeof model, "%s/channel.model", folder);
        setting s = {.control = c, .nworkers = 1, .threads = 1, .startmodel = model};
        image_ok("from_model", &s);
        s.nworkers = 2;
        kill_at(3, "write", 0, 1);
        image_ok("killed", &s);
        assert_int_equal(shared->killed, 1);
        assert_same("from_model", "killed", -1);
        kill_at(0, "", 0, 0);
    }
}

static bool contains(char *const *list, const char *text) {
    for (; list && *list; list++)
        if (strcmp(*list, text) == 0)
            return true;
    return false;
}

static void test_a_plane_that_kills_every_worker(void **state) {
    (void)state;
    static const char *const stage[][2] = {{"minor", "dirty"}, {"write", "write"}};
    for (enum control c = 0; c < NCONTROL; c++)
        for (int i = 0; i < 2; i++) {
            pclean_err err = {0};
            pclean_result *result = NULL;
            kill_at(4, stage[c][i], 0, 2);
            assert_fails(run_image("lost", &(setting){.control = c, .nworkers = 3, .threads = 1},
                                   &result, &err),
                         PCLEAN_EFAILED, "the workers of channel 4 died");
            assert_int_equal(shared->killed, 2);
            assert_true(contains(
                result->warning,
                "channel 4: the worker was killed by SIGKILL; another one does its work again"));
            assert_true(
                contains(result->warning,
                         "channel 4: the worker was killed by SIGKILL twice; it is left blank"));
            assert_int_equal(result->stop, PCLEAN_STOP_FAILED);
            assert_int_equal(result->plane[4].stop, PCLEAN_STOP_FAILED);
            assert_int_equal(result->plane[4].chan, 4);
            assert_true(result->plane[4].freq_hz > 1e9 && result->plane[4].nvis == 0);
            assert_true(result->plane[3].stop != PCLEAN_STOP_FAILED && result->plane[3].niter > 0);
            pclean_result_free(result);
            if (c == CHANNEL) /* with the other control niter is of all planes together, and one
                               * is missing */
                assert_same(control_name[c], "lost", 4);
        }
}

/* A task of a channel: both planes are made again, or both are blank. */
static void test_planes_that_are_cleaned_together(void **state) {
    (void)state;
    static const struct {
        enum control control;
        const char *stage;
        int skip;
    } cases[] = {{CHANNEL, "dirty", 1}, {CHANNEL, "minor", 0}, {CHANNEL, "write", 1},
                 {GLOBAL, "dirty", 1},  {GLOBAL, "major", 0},  {GLOBAL, "save", 1},
                 {GLOBAL, "write", 1}};
    for (enum control c = 0; c < NCONTROL; c++) {
        image_ok("one", &(setting){.control = c, .nworkers = 1, .threads = 1, .joint = true});
        image_ok("other", &(setting){.control = c, .nworkers = 3, .threads = 2, .joint = true});
        assert_same("one", "other", -1);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            if (cases[i].control != c)
                continue;
            kill_at(4, cases[i].stage, cases[i].skip, 1);
            image_ok("killed",
                     &(setting){.control = c, .nworkers = 2, .threads = 1, .joint = true});
            if (shared->killed != 1)
                fail_msg("nobody was killed at %s", cases[i].stage);
            assert_same("one", "killed", -1);
        }
    }
    pclean_err err = {0};
    pclean_result *result = NULL;
    image_ok("one", &(setting){.control = CHANNEL, .nworkers = 1, .threads = 1, .joint = true});
    kill_at(4, "write", 0, 2);
    assert_fails(
        run_image("lost", &(setting){.nworkers = 3, .threads = 1, .joint = true}, &result, &err),
        PCLEAN_EFAILED, "the workers of channel 4 died");
    for (size_t k = 0; k < 2 * NCHAN; k++)
        assert_true((result->plane[k].stop == PCLEAN_STOP_FAILED) == (k / 2 == 4));
    assert_same("one", "lost", 4);
    pclean_result_free(result);
}

/* When no plane is left the products of an earlier run stay. */
static void test_nothing_but_death(void **state) {
    (void)state;
    pclean_err err = {0};
    pclean_result *result = NULL;
    size_t before, after;
    char *record = slurp(in_folder("channel.run.json"), &before), *again;
    setting s = {.control = CHANNEL, .nworkers = 2, .threads = 1};
    kill_at(ALL, "begin", 0, 2 * NCHAN);
    assert_fails(run_image("channel", &s, &result, &err), PCLEAN_EFAILED,
                 "the workers of every channel died");
    pclean_result_free(result);
    again = slurp(in_folder("channel.run.json"), &after);
    assert_int_equal(before, after);
    assert_memory_equal(record, again, before);
    free(record);
    free(again);
}

/* Another run in the same process, after one that used threads here. */
static void test_threads_first_then_workers(void **state) {
    (void)state;
    alarm(120);
    image_ok("other", &(setting){.control = CHANNEL, .nworkers = 1, .threads = 2});
    image_ok("other", &(setting){.control = CHANNEL, .nworkers = 2, .threads = 2});
    alarm(0);
    assert_same("channel", "other", -1);
}

int main(void) {
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
#define TEST(name) cmocka_unit_test_setup(test_##name, nobody_dies)
    const struct CMUnitTest tests[] = {
        TEST(any_number_of_workers_and_threads), TEST(a_worker_killed_at_each_stage),
        TEST(a_start_model_outlives_a_worker),   TEST(a_plane_that_kills_every_worker),
        TEST(planes_that_are_cleaned_together),  TEST(nothing_but_death),
        TEST(threads_first_then_workers)};
    return cmocka_run_group_tests(tests, references, remove_folder);
}
