#include "base/fsutil.h"
#include "config/config.h"
#include "pclean.h"
#include "run/plan.h"
#include "unit/check.h"
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256];
static pclean_err err;

static int enter(void **state) {
    (void)state;
    mkdir(PCLEAN_TEST_TMP, 0777);
    snprintf(folder, sizeof folder, "%s", PCLEAN_TEST_TMP "/plan.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int leave(void **state) {
    (void)state;
    return pcl_fs_remove_tree(folder, NULL);
}

static size_t entries(void) {
    DIR *d = opendir(folder);
    size_t n = 0;
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static void configure(pclean_config *c, const char *ms, const char *const *more) {
    char path[512];
    assert_ok(pcl_config_init(c, &err));
    snprintf(path, sizeof path, "%s/%s", PCLEAN_TEST_DATA, ms);
    assert_ok(pclean_config_set(c, "vis", path, &err));
    snprintf(path, sizeof path, "%s/out", folder);
    assert_ok(pclean_config_set(c, "imagename", path, &err));
    for (; *more; more += 2)
        assert_ok(pclean_config_set(c, more[0], more[1], &err));
}

static uint64_t bytes_of_products(const pclean_result *r) {
    uint64_t all = 0, bytes;
    for (size_t i = 0; r->product[i]; i++) {
        assert_ok(pcl_fs_tree_size(r->product[i], &bytes, &err));
        all += bytes;
    }
    return all;
}

/* Everything that both tell is the same, and the disk holds what was planned and some headers. */
static void assert_run_keeps(const char *ms, const char *const *more) {
    pclean_config c;
    pclean_plan p;
    pclean_result *r = NULL;
    configure(&c, ms, more);
    assert_ok(pcl_plan_make(&c, true, &p, &err));
    assert_int_equal(entries(), 0); /* nothing is written */
    assert_int_equal(p.nproblem, 0);
    assert_ok(pclean_image(&c, NULL, &r, &err));
    assert_int_equal(p.nx, c.imsize[0]);
    assert_int_equal(p.ny, c.imsize[1]);
    assert_int_equal(p.nchan, r->nchan);
    assert_int_equal(p.npol, r->npol);
    if (c.specmode != PCLEAN_SPECMODE_MFS)
        for (size_t i = 0; i < r->nchan; i++)
            assert_true(r->plane[i * r->npol].freq_hz == p.first_hz + (double)i * p.step_hz);
    assert_int_equal(p.nworkers, r->nworkers);
    assert_int_equal(p.nthreads, r->nthreads);
    assert_true(llabs((long long)p.memory_bytes - (long long)r->plan_memory_bytes) == 0);
    assert_true(p.store_in_file == r->store_in_file);
    const uint64_t written = bytes_of_products(r);
    assert_true(written >= p.products.needed_bytes && written < p.products.needed_bytes + 2000000);
    assert_true(p.products.free_bytes > 0 && p.one_disk);
    assert_true(p.time.known && p.time.read_s > 0 && p.time.dirty_s > 0 &&
                isfinite(p.time.dirty_s) && p.time.write_s > 0);
    assert_true(c.niter > 0 ? p.time.clean_s > 0 && isfinite(p.time.clean_s) && p.time.nmajor > 0
                            : p.time.clean_s == 0);
    size_t rows = 0;
    for (size_t i = 0; i < p.nwindow; i++) {
        assert_true(p.window[i].low_hz < p.window[i].high_hz &&
                    p.window[i].nchan_read <= p.window[i].nchan);
        rows += p.window[i].nrow;
    }
    assert_true(rows > 0);
    pcl_plan_clear(&p);
    assert_ok(pcl_plan_make(&c, false, &p, &err)); /* now they exist */
    assert_true(p.nproblem == (c.overwrite ? 0 : 1) &&
                (c.overwrite || strstr(p.problem[0], "exist already")));
    assert_false(p.time.known);
    pcl_plan_clear(&p);
    pclean_result_free(r);
    pcl_config_clear(&c);
}

static void a_cube_is_as_planned(void **state) {
    (void)state;
    assert_run_keeps("vla_ngc5921.ms",
                     (const char *[]){"imsize", "200,130", "cell",      "15arcsec", "specmode",
                                      "cube",   "nchan",   "5",         "start",    "20",
                                      "niter",  "20",      "weighting", "briggs",   "nworkers",
                                      "2",      "threads", "1",         "pbcor",    "true",
                                      NULL});
}

static void a_continuum_image_is_as_planned(void **state) {
    (void)state;
    assert_run_keeps("alma_hd142527_b9_3spw.ms",
                     (const char *[]){"imsize", "96", "cell", "0.05arcsec", "threads", "1",
                                      "overwrite", "true", "stokes", "XXYY", NULL});
}

static void scratch_and_w_are_planned(void **state) {
    (void)state;
    pclean_config c;
    pclean_plan p;
    configure(&c, "vla_ngc5921.ms",
              (const char *[]){"imsize", "64", "cell", "15arcsec", "specmode", "cube", "nchan", "3",
                               "start", "20", "niter", "20", "gridder", "wproject", "cyclecontrol",
                               "global", "scratch", folder, NULL});
    assert_ok(pcl_plan_make(&c, true, &p, &err));
    assert_true(p.store_in_file);
    /* residual, model and best model of three planes */
    assert_int_equal(p.scratch.needed_bytes, p.visibility_bytes + 3 * 3 * 64 * 64 * sizeof(float));
    assert_string_equal(p.scratch.folder, folder);
    assert_true(p.time.known);
    assert_int_equal(entries(), 0);
    pcl_plan_clear(&p);
    pcl_config_clear(&c);
}

static void what_would_go_wrong_is_told(void **state) {
    (void)state;
    pclean_config c;
    pclean_plan p;
    configure(&c, "vla_ngc5921.ms",
              (const char *[]){"imsize", "6000", "cell", "1arcsec", "specmode", "cube", "stokes",
                               "RRLL", "nworkers", "1", "imagename", "/nowhere/out", NULL});
    assert_ok(pcl_plan_make(&c, false, &p, &err));
    assert_int_equal(p.nproblem, 1);
    assert_non_null(strstr(p.problem[0], "/nowhere"));
    pcl_plan_clear(&p);
    /* 62 GiB: more than a file system in memory has */
    assert_ok(pclean_config_set(&c, "imagename", "/dev/shm/out", &err));
    assert_ok(pcl_plan_make(&c, false, &p, &err));
    assert_int_equal(p.nproblem, p.products.needed_bytes > p.products.free_bytes);
    assert_true(p.nproblem == 0 || strstr(p.problem[0], "free on its disk"));
    pcl_plan_clear(&p);
    assert_ok(pclean_config_set(&c, "memory", "20MiB", &err));
    assert_fails(pcl_plan_make(&c, false, &p, &err), PCLEAN_ENOMEM, "one image plane needs");
    assert_int_equal(p.nwindow, 0);
    assert_ok(pclean_config_set(&c, "start", "3GHz", &err));
    assert_int_equal(pcl_plan_make(&c, false, &p, &err), -PCLEAN_EPARAM);
    assert_ok(pclean_config_set(&c, "imsize", "0", &err));
    assert_fails(pcl_plan_make(&c, false, &p, &err), PCLEAN_EPARAM, "imsize");
    pcl_plan_clear(&p);
    pcl_config_clear(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_cube_is_as_planned, enter, leave),
        cmocka_unit_test_setup_teardown(a_continuum_image_is_as_planned, enter, leave),
        cmocka_unit_test_setup_teardown(scratch_and_w_are_planned, enter, leave),
        cmocka_unit_test_setup_teardown(what_would_go_wrong_is_told, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
