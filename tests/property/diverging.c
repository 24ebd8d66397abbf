/* Runs in which CLEAN diverges: with nretry it goes back to its best residual and comes to an end,
 * with any number of workers, in both cyclecontrols; without it the run fails as ever. */
#include "config/config.h"
#include "golden.h"

enum { N = 96 * 96 };
static const char *const natural[] = {"niter", "3000", "gain", "1", NULL};
static const char *const deep[] = {"niter", "20000",          "gain",  "0.5",       "cyclefactor",
                                   "0.01",  "minpsffraction", "0.001", "threshold", "0.3mJy",
                                   NULL};
static const char *const global[] = {"specmode",  "cube",   "start", "36", "nchan",        "3",
                                     "niter",     "7000",   "gain",  "1",  "cyclecontrol", "global",
                                     "threshold", "1.5mJy", NULL};

static void configure(pclean_config *c, const char *name, const char *const *more,
                      const char *nretry) {
    golden_config(c, "vla_ngc5921.ms", name);
    golden_set(c, "imsize", "96");
    golden_set(c, "cell", "15arcsec");
    golden_set(c, "restoration", "false");
    golden_set(c, "threads", "1");
    golden_set(c, "nretry", nretry);
    for (; more && *more; more += 2)
        golden_set(c, more[0], more[1]);
}

static int image(const pclean_config *c, pclean_result **r, pclean_err *err) {
    const int rc = pclean_image(c, NULL, r, err);
    assert_non_null(*r);
    for (size_t i = 0; i < (*r)->nchan; i++)
        print_message("%s: status %d, stop %d, %d iterations, %d retries, peak %.4g -> %.4g\n",
                      strrchr(c->imagename, '/') + 1, rc, (*r)->plane[i].stop, (*r)->plane[i].niter,
                      (*r)->plane[i].nretry, (*r)->plane[i].peak_dirty,
                      (*r)->plane[i].peak_residual);
    return rc;
}

static bool warns(const pclean_result *r, const char *words) {
    for (char **w = r->warning; w && *w; w++)
        if (strstr(*w, words))
            return true;
    return false;
}

static double peak_of(const pclean_config *c, const char *extension, size_t ichan) {
    float *pixels = golden_plane(c, extension, ichan, 0);
    double peak = 0;
    for (size_t i = 0; i < N; i++)
        peak = fmax(peak, fabs((double)pixels[i]));
    free(pixels);
    return peak;
}

static void end(pclean_config *c, pclean_result *r) {
    golden_remove(c);
    pclean_result_free(r);
    pcl_config_clear(c);
}

/* Iterations run out while the peak grows. */
static void a_gain_that_is_too_large(void **state) {
    (void)state;
    pclean_config c;
    pclean_result *r = NULL;
    pclean_err err = {0};
    configure(&c, "diverging.gain", natural, "0");
    assert_int_equal(image(&c, &r, &err), 0);
    assert_true(r->plane[0].peak_residual > 4 * r->plane[0].peak_dirty);
    assert_true(warns(r, "CLEAN was diverging when its iterations ended"));
    pclean_result_free(r);
    golden_set(&c, "nretry", "2");
    if (image(&c, &r, &err))
        fail_msg("%s", err.msg);
    assert_true(r->plane[0].nretry > 0);
    assert_true(r->plane[0].peak_residual < 0.1 * r->plane[0].peak_dirty);
    assert_true(r->plane[0].niter <= 3000);
    assert_true(warns(r, "CLEAN diverged in channel 0, went back"));
    end(&c, r);
}

/* Minor cycles that believe in a PSF of sidelobes below a thousandth. */
static void cycles_that_are_too_deep(void **state) {
    (void)state;
    pclean_config c;
    pclean_result *r = NULL;
    pclean_err err = {0};
    configure(&c, "diverging.deep", deep, "0");
    assert_int_equal(image(&c, &r, &err), -PCLEAN_EFAILED);
    assert_non_null(strstr(err.msg, "CLEAN diverged in channel 0;"));
    assert_true(r->stop == PCLEAN_STOP_DIVERGED_STEP || r->stop == PCLEAN_STOP_DIVERGED_MIN);
    pclean_result_free(r);
    golden_set(&c, "nretry", "2");
    if (image(&c, &r, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(r->stop, PCLEAN_STOP_THRESHOLD);
    assert_true(r->plane[0].nretry > 0 && r->plane[0].peak_residual < 0.000304);
    end(&c, r);
}

/* When retries are over, products are those of the best cycle; the record says so. */
static void left_at_its_best(void **state) {
    (void)state;
    pclean_config c;
    pclean_result *r = NULL;
    pclean_err err = {0};
    configure(&c, "diverging.best", natural, "1");
    golden_set(&c, "niter", "100000");
    assert_int_equal(image(&c, &r, &err), -PCLEAN_EFAILED);
    assert_non_null(strstr(err.msg, "also with half the gain"));
    assert_non_null(strstr(err.msg, "best residual"));
    const pclean_plane *p = &r->plane[0];
    assert_true(p->stop == PCLEAN_STOP_DIVERGED_MINOR || p->stop == PCLEAN_STOP_DIVERGED_STEP ||
                p->stop == PCLEAN_STOP_DIVERGED_MIN);
    assert_int_equal(p->nretry, 1);
    double least = INFINITY;
    for (size_t i = 0; i < r->ncycle; i++)
        least = fmin(least, (double)r->cycle[i].start_peak_res);
    assert_true(fabs(p->peak_residual / least - 1) < 1e-6);
    assert_true(fabs(peak_of(&c, ".residual", 0) / least - 1) < 1e-6);
    assert_true(peak_of(&c, ".model", 0) > 0);
    end(&c, r);
}

/* The same bytes from one worker and from three, whose planes go through files between cycles. */
static void together_with_other_planes(void **state) {
    (void)state;
    static const char *const products[] = {".residual", ".model"};
    pclean_config c[2];
    pclean_result *r[2] = {NULL};
    pclean_err err = {0};
    for (size_t k = 0; k < 2; k++) {
        configure(&c[k], k ? "diverging.three" : "diverging.one", global, "2");
        golden_set(&c[k], "nworkers", k ? "3" : "1");
        if (image(&c[k], &r[k], &err))
            fail_msg("%s", err.msg);
        assert_int_equal(r[k]->stop, PCLEAN_STOP_THRESHOLD);
    }
    assert_int_equal(r[0]->ncycle, r[1]->ncycle);
    assert_memory_equal(r[0]->cycle, r[1]->cycle, r[0]->ncycle * sizeof *r[0]->cycle);
    for (size_t i = 0; i < 3; i++) {
        assert_true(r[0]->plane[i].nretry > 0);
        assert_true(r[0]->plane[i].peak_residual < 0.00152);
        for (size_t p = 0; p < 2; p++) {
            float *one = golden_plane(&c[0], products[p], i, 0),
                  *three = golden_plane(&c[1], products[p], i, 0);
            assert_memory_equal(one, three, N * sizeof *one);
            free(one);
            free(three);
        }
    }
    for (size_t k = 0; k < 2; k++)
        end(&c[k], r[k]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gain_that_is_too_large), cmocka_unit_test(cycles_that_are_too_deep),
        cmocka_unit_test(left_at_its_best), cmocka_unit_test(together_with_other_planes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
