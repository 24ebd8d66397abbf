/* Planes of noise alone: of NGC 5921 channels 2 and 3 have no line, 4 and 5 have. They are named,
 * and left uncleaned only where skipnoise says so. */
#include "config/config.h"
#include "golden.h"

enum { NCHAN = 4, N = 96 * 96 };

static void run(pclean_config *c, const char *name, const char *const *more, pclean_result **r) {
    static const char *const fixed[] = {
        "imsize", "96",  "cell",   "15arcsec", "specmode",    "cube",  "start",   "2", "nchan", "4",
        "niter",  "200", "nsigma", "3",        "restoration", "false", "threads", "1", NULL};
    pclean_err err = {0};
    golden_config(c, "vla_ngc5921.ms", name);
    for (size_t i = 0; fixed[i]; i += 2)
        golden_set(c, fixed[i], fixed[i + 1]);
    for (; more && *more; more += 2)
        golden_set(c, more[0], more[1]);
    if (pclean_image(c, NULL, r, &err))
        fail_msg("%s: %s", name, err.msg);
}

static void end(pclean_config *c, pclean_result *r) {
    golden_remove(c);
    pclean_result_free(r);
    pcl_config_clear(c);
}

static bool is_zero(const pclean_config *c, size_t ichan) {
    float *model = golden_plane(c, ".model", ichan, 0);
    bool zero = true;
    for (size_t i = 0; i < N; i++)
        zero &= model[i] == 0;
    free(model);
    return zero;
}

static void named_and_cleaned(void **state) {
    (void)state;
    pclean_config c;
    pclean_result *r = NULL;
    run(&c, "noise_planes", NULL, &r);
    for (size_t i = 0; i < NCHAN; i++) {
        assert_int_equal(r->plane[i].noise_only, i < 2);
        assert_true(r->plane[i].niter > 0 && !is_zero(&c, i));
    }
    assert_true(!r->warning || !r->warning[0]);
    end(&c, r);
    static const char *const off[] = {"noiselimit", "0", "niter", "0", NULL};
    run(&c, "noise_planes", off, &r);
    for (size_t i = 0; i < NCHAN; i++)
        assert_false(r->plane[i].noise_only);
    end(&c, r);
}

/* In both cyclecontrols. Without each other's control the line is cleaned as before, byte for
 * byte. */
static void skipped(void **state) {
    (void)state;
    static const char *const control[] = {"channel", "global"};
    pclean_config c[2];
    pclean_result *r[2] = {NULL};
    for (size_t k = 0; k < 2; k++) {
        const char *const skip[] = {"skipnoise", "true", "cyclecontrol", control[k], NULL};
        run(&c[0], "noise_planes.all", NULL, &r[0]);
        run(&c[1], "noise_planes.skip", skip, &r[1]);
        for (size_t i = 0; i < NCHAN; i++) {
            assert_int_equal(r[1]->plane[i].stop == PCLEAN_STOP_NOISE, i < 2);
            assert_int_equal(r[1]->plane[i].niter == 0, i < 2);
            assert_int_equal(is_zero(&c[1], i), i < 2);
            float *all = golden_plane(&c[0], ".model", i, 0),
                  *some = golden_plane(&c[1], ".model", i, 0);
            if (k == 0 && i >= 2)
                assert_memory_equal(all, some, N * sizeof *all);
            free(all);
            free(some);
        }
        assert_int_equal(r[1]->stop, PCLEAN_STOP_NSIGMA);
        end(&c[0], r[0]);
        end(&c[1], r[1]);
    }
}

/* Nothing but noise, and nothing to do: no failure. */
static void nothing_else(void **state) {
    (void)state;
    static const char *const control[] = {"channel", "global"};
    for (size_t k = 0; k < 2; k++) {
        const char *const skip[] = {"skipnoise", "true",     "nchan", "2", "cyclecontrol",
                                    control[k],  "nworkers", "2",     NULL};
        pclean_config c;
        pclean_result *r = NULL;
        run(&c, "noise_planes.two", skip, &r);
        assert_int_equal(r->stop, PCLEAN_STOP_NOISE);
        assert_true(is_zero(&c, 0) && is_zero(&c, 1));
        end(&c, r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(named_and_cleaned),
                                       cmocka_unit_test(skipped), cmocka_unit_test(nothing_else)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
