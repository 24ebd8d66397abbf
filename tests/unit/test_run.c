/* run.c and hooks.c: a run as its caller hears it, and what is left of one that does not come to
 * its end. */
#include <dirent.h>
#include <errno.h>
#include <omp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/log.h"
#include "config/config.h"
#include "folder.h"
#include "pclean/run.h"
#include "unit/check.h"

static pclean_err err;

static int set_up(void **state) {
    (void)state;
    unsetenv("PCLEAN_WORKERS");
    return make_folder("run", true);
}

static void configure(pclean_config *c, const char *name, const char *const *more) {
    static const char *const fixed[] = {"vis",       PCLEAN_TEST_DATA "/vla_ngc5921.ms",
                                        "imsize",    "40",
                                        "cell",      "20arcsec",
                                        "specmode",  "cube",
                                        "start",     "5",
                                        "nchan",     "3",
                                        "niter",     "20",
                                        "threads",   "1",
                                        "overwrite", "true",
                                        NULL};
    assert_ok(pcl_config_init(c, &err));
    for (size_t i = 0; fixed[i]; i += 2)
        assert_ok(pclean_config_set(c, fixed[i], fixed[i + 1], &err));
    for (; more && *more; more += 2)
        assert_ok(pclean_config_set(c, more[0], more[1], &err));
    assert_ok(pclean_config_set(c, "imagename", in_folder("%s", name), &err));
}

/* What the caller of a run hears. */
typedef struct heard {
    char stages[200];
    double fraction;
    size_t nplane, nwarning, nlog;
    int asked, stop_at; /* a wish to stop at that question; 0: never */
} heard;

static void on_progress(const pclean_progress *p, void *user) {
    heard *h = user;
    assert_true(p->fraction >= h->fraction && p->fraction <= 1 && p->elapsed_s >= 0);
    assert_true(p->done <= p->total);
    h->fraction = p->fraction;
    h->nplane += p->plane != NULL;
    if (!strstr(h->stages, p->stage))
        snprintf(h->stages + strlen(h->stages), sizeof h->stages - strlen(h->stages), "%s ",
                 p->stage);
}

static void on_log(enum pclean_level level, const char *text, void *user) {
    heard *h = user;
    assert_true(*text);
    h->nlog++;
    h->nwarning += level == PCLEAN_LEVEL_WARNING;
}

static int on_stop(void *user) {
    heard *h = user;
    return ++h->asked == h->stop_at;
}

static int run(const char *name, const char *const *more, heard *h, pclean_result **result) {
    const pclean_hooks hooks = {.size = sizeof hooks,
                                .progress = on_progress,
                                .log = on_log,
                                .stop_requested = on_stop,
                                .user = h};
    pclean_config c;
    configure(&c, name, more);
    const int rc = pclean_image(&c, &hooks, result, &err);
    pcl_config_clear(&c);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    return rc;
}

/* Names in the folder that begin so. */
static size_t count_names(const char *begin) {
    size_t n = 0;
    DIR *stream = opendir(folder);
    for (struct dirent *e; (e = readdir(stream)) != NULL;)
        n += strncmp(e->d_name, begin, strlen(begin)) == 0;
    closedir(stream);
    return n;
}

/* Of this process and of those that it has waited for. */
static double cpu_seconds(void) {
    double t = 0;
    for (int who = 0; who < 2; who++) {
        struct rusage use;
        getrusage(who ? RUSAGE_CHILDREN : RUSAGE_SELF, &use);
        t += (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
             1e-6 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
    }
    return t;
}

static void test_stages_and_reports(void **state) {
    (void)state;
    static const char *const stage[] = {"open", "read", "create", "image", "publish"};
    static const struct {
        const char *control, *stages;
    } cases[] = {{"channel", "read image "}, {"global", "read dirty clean restore "}};
    for (int k = 0; k < 4; k++) {
        heard h = {.stop_at = 0};
        pclean_result *result = NULL;
        const char *const more[] = {"cyclecontrol", cases[k % 2].control, "nworkers",
                                    k < 2 ? "1" : "2", NULL};
        const int nthread = omp_get_max_threads();
        const double cpu = cpu_seconds();
        assert_ok(run("good", more, &h, &result));
        const double spent = cpu_seconds() - cpu; /* more by the beginning and end of processes */
        assert_true(result->cpu_seconds > 0.5 * spent && result->cpu_seconds < spent + 0.02);
        assert_int_equal(omp_get_max_threads(), nthread);
        assert_string_equal(h.stages, cases[k % 2].stages);
        assert_true(h.fraction == 1);
        assert_int_equal(h.nplane, 3);
        assert_true(h.nlog > 5 && h.asked > 3);
        assert_int_equal(result->nstage, 5);
        for (size_t i = 0; i < 5; i++) {
            assert_string_equal(result->stage[i].name, stage[i]);
            assert_true(result->stage[i].seconds >= 0);
        }
        assert_int_equal(result->nchan, 3);
        assert_int_equal(result->nworkers, k < 2 ? 1 : 2);
        assert_true(result->nvis_used > 1000 && result->ms_bytes_read > 0);
        assert_true(result->peak_memory_bytes > 0 && result->seconds > 0);
        size_t nproduct = 0;
        for (; result->product[nproduct]; nproduct++)
            assert_true(pcl_fs_exists(result->product[nproduct]));
        assert_int_equal(count_names("good."), nproduct);
        pclean_result_free(result);
        const size_t n = h.nlog;
        pcl_log(PCL_LOG_INFO, "nobody listens any more");
        assert_int_equal(h.nlog, n);
    }
}

/* A wish to stop, at any question: nothing under a final name, nothing unfinished; the older
 * products are as they were. */
static void test_interrupted_anywhere(void **state) {
    (void)state;
    static const char *const control[] = {"channel", "global"};
    for (int k = 0; k < 4; k++) {
        const char *const more[] = {"cyclecontrol",    control[k % 2], "nworkers",
                                    k < 2 ? "1" : "2", "niter",        "400",
                                    "threshold",       "1mJy",         NULL};
        heard h = {.stop_at = 0};
        pclean_result *result = NULL;
        int rc = -1, n = 1;
        for (; rc && n < 4000; n = n < 10 ? n + 1 : n + n / 3) {
            h = (heard){.stop_at = n};
            rc = run("stopped", more, &h, &result);
            if (rc) {
                assert_int_equal(rc, -PCLEAN_EINTERRUPTED);
                assert_non_null(strstr(err.msg, "interrupted"));
                assert_int_equal(count_names("stopped."), 0);
            }
            pclean_result_free(result);
        }
        assert_int_equal(rc, 0);
        assert_true(n > 5);
        char command[1000];
        snprintf(command, sizeof command, "rm -r %s/stopped.*", folder);
        assert_int_equal(system(command), 0);
    }
}

/* Warnings are told at once and kept for the result-> */
static void test_warnings(void **state) {
    (void)state;
    const char *const more[] = {"mask", "box[[1pix,1pix],[20pix,20pix]], range=[1chan,1chan]",
                                NULL};
    heard h = {.stop_at = 0};
    pclean_result *result = NULL;
    assert_ok(run("warned", more, &h, &result));
    size_t n = 0;
    while (result->warning && result->warning[n])
        n++;
    assert_int_equal(n, h.nwarning);
    assert_int_equal(n, 1);
    assert_string_equal(result->warning[0],
                        "nothing to clean in channel 0, 2: the mask is empty there");
    assert_int_equal(result->plane[1].niter, 20);
    pclean_result_free(result);
}

/* A run that cannot begin says why, and leaves nothing. */
static void test_what_cannot_be(void **state) {
    (void)state;
    static const struct {
        const char *more[3], *words;
    } cases[] = {{{"robust", "9"}, "robust"},
                 {{"vis", "/no/such.ms"}, "/no/such.ms"},
                 {{"scratch", "/no/such/folder"}, "/no/such/folder"},
                 {{"startmodel", "/no/such.model"}, "/no/such.model"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        heard h = {.stop_at = 0};
        pclean_result *result = NULL;
        assert_true(run("none", cases[i].more, &h, &result) < 0);
        if (!strstr(err.msg, cases[i].words))
            fail_msg("\"%s\" lacks \"%s\"", err.msg, cases[i].words);
        assert_null(result->product);
        assert_int_equal(count_names("none."), 0);
        pclean_result_free(result);
    }
}

/* The hooks may be left out, the configuration may not. */
static void test_without_hooks(void **state) {
    (void)state;
    pclean_config c;
    pclean_result *result = NULL;
    configure(&c, "alone", NULL);
    assert_ok(pclean_image(&c, NULL, &result, &err));
    assert_int_equal(result->nchan, 3);
    pclean_result_free(result);
    assert_fails(pclean_image(NULL, NULL, &result, &err), PCLEAN_EPARAM, "config is NULL");
    pcl_config_clear(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stages_and_reports), cmocka_unit_test(test_interrupted_anywhere),
        cmocka_unit_test(test_warnings), cmocka_unit_test(test_what_cannot_be),
        cmocka_unit_test(test_without_hooks)};
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
