/* Every kind of imaging weights, in whole images: parts, workers and threads change no byte; kinds
 * meet at their limits; a taper in metres is the one in wavelengths. */
#include "config/config.h"
#include "golden.h"

enum { SIDE = 64 };
static const char *const kinds[][8] = {
    {"weighting", "radial", NULL},
    {"weighting", "superuniform", "npixels", "2", NULL},
    {"weighting", "briggsabs", "robust", "-0.7", "noise", "5Jy", NULL},
    {"weighting", "briggsbwtaper", "robust", "0", NULL},
    {"weighting", "briggs", "npixels", "2", NULL},
    /* one density for all channels */
    {"weighting", "briggsabs", "noise", "5Jy", "perchanweightdensity", "false", NULL},
    {"weighting", "briggsbwtaper", "perchanweightdensity", "false", NULL},
    {"weighting", "uniform", "npixels", "40", "perchanweightdensity", "false", NULL}};
enum { NKIND = sizeof kinds / sizeof *kinds };

static void set_all(pclean_config *c, const char *const *setting) {
    for (; *setting; setting += 2)
        golden_set(c, setting[0], setting[1]);
}

/* Three channels of the middle of the band; nearest, so that all weights are the data's own. */
static void cube_of(pclean_config *c, const char *name, const char *const *kind) {
    static const char *const cube[] = {
        "imsize", "64", "cell",    "15arcsec", "specmode",      "cube",    "start", "36",
        "nchan",  "3",  "uvtaper", "500m",     "interpolation", "nearest", NULL};
    golden_config(c, "vla_ngc5921.ms", name);
    set_all(c, cube);
    set_all(c, kind);
}

static pclean_result *run(const pclean_config *c) {
    pclean_result *r = NULL;
    pclean_err err = {0};
    if (pclean_image(c, NULL, &r, &err))
        fail_msg("%s: %s", c->imagename, err.msg);
    return r;
}

static void done(pclean_config *c, pclean_result *r) {
    golden_remove(c);
    pclean_result_free(r);
    pcl_config_clear(c);
}

static const char *const extensions[] = {".psf", ".residual", ".sumwt"};

/* Channel `ia` of a is channel `ib` of b, in every byte. */
static void same_channel(const pclean_config *a, size_t ia, const pclean_config *b, size_t ib) {
    for (size_t e = 0; e < 3; e++) {
        float *p = golden_plane(a, extensions[e], ia, 0),
              *q = golden_plane(b, extensions[e], ib, 0);
        if (memcmp(p, q, (e == 2 ? 1 : SIDE * SIDE) * sizeof *p))
            fail_msg("%s %s: channel %zu and %zu of %s differ", a->imagename, extensions[e], ia, ib,
                     b->imagename);
        free(p);
        free(q);
    }
}

/* Largest difference of the PSFs of a channel. */
static double psf_difference(const pclean_config *a, const pclean_config *b, size_t ichan) {
    float *p = golden_plane(a, ".psf", ichan, 0), *q = golden_plane(b, ".psf", ichan, 0);
    double most = 0;
    for (size_t i = 0; i < SIDE * SIDE; i++)
        most = fmax(most, fabs((double)(p[i] - q[i])));
    free(p);
    free(q);
    return most;
}

/* The middle channel as a part. */
static void check_part(const pclean_config *whole) {
    pclean_partition *p = NULL;
    pclean_config c;
    pclean_err err = {0};
    if (pclean_partition_cube(whole, 3, NULL, &p, &err) ||
        pclean_partition_write(p, whole, PCLEAN_TEST_TMP "/weight_parts", &err))
        fail_msg("%s", err.msg);
    assert_int_equal(p->nparts, 3);
    assert_int_equal(pcl_config_init(&c, &err), 0);
    if (pclean_config_read_yaml(&c, p->part[1].file, &err))
        fail_msg("%s", err.msg);
    pclean_result *r = run(&c);
    same_channel(whole, 1, &c, 0);
    done(&c, r);
    pclean_partition_free(p);
}

/* A part of one channel knows the band of the whole, and what all channels' density is. */
static void parts_and_workers_change_nothing(void **state) {
    (void)state;
    for (size_t k = 0; k < NKIND; k++) {
        pclean_config one, more;
        cube_of(&one, "weights.whole", kinds[k]);
        golden_set(&one, "nworkers", "1");
        golden_set(&one, "threads", "2");
        pclean_result *r = run(&one);
        assert_true(r->plane[1].sumwt > 0);
        check_part(&one);
        cube_of(&more, "weights.more", kinds[k]);
        golden_set(&more, "nworkers", "2");
        golden_set(&more, "threads", "1");
        pclean_result *s = run(&more);
        for (size_t i = 0; i < 3; i++)
            same_channel(&one, i, &more, i);
        done(&more, s);
        done(&one, r);
    }
}

/* Two settings, the same bytes; or PSFs that differ by less than `most`. */
static void compare(const char *const *a, const char *const *b, double most) {
    pclean_config c, d;
    cube_of(&c, "weights.a", a);
    cube_of(&d, "weights.b", b);
    pclean_result *r = run(&c), *s = run(&d);
    for (size_t i = 0; i < r->nchan; i++)
        if (most > 0)
            assert_true(psf_difference(&c, &d, i) < most);
        else
            same_channel(&c, i, &d, i);
    done(&c, r);
    done(&d, s);
}

#define SET(...)        ((const char *const[]){__VA_ARGS__, NULL})
#define KIND(name, ...) SET("weighting", name, __VA_ARGS__)

static void kinds_meet_at_their_limits(void **state) {
    (void)state;
    /* 2 noise^2 is 1 */
    compare(KIND("briggsabs", "robust", "0", "noise", "0.7071067811865476Jy"),
            SET("weighting", "natural"), 0);
    compare(KIND("briggsabs", "robust", "1", "noise", "1e-6Jy"), SET("weighting", "uniform"), 1e-6);
    compare(KIND("briggsabs", "robust", "-2", "noise", "3Jy"),
            KIND("briggsabs", "robust", "2", "noise", "3Jy"), 0);
    compare(KIND("briggs", "robust", "-2"), SET("weighting", "uniform"), 1e-2);
    compare(KIND("briggs", "robust", "2"), SET("weighting", "natural"), 1e-2);
    /* one channel has no band; the band is that of the channels' centres */
    compare(KIND("briggsbwtaper", "nchan", "1"), KIND("briggs", "nchan", "1"), 0);
    compare(KIND("briggsbwtaper", "fracbw", "1e-9"), KIND("briggs", "uvtaper", "500m"), 1e-6);
    compare(KIND("superuniform", "npixels", "3"), SET("weighting", "superuniform"), 0);
    compare(KIND("superuniform", "perchanweightdensity", "true"),
            KIND("superuniform", "perchanweightdensity", "false"), 0);
}

static void the_band_is_that_of_the_channels(void **state) {
    (void)state;
    pclean_config c, d, e;
    cube_of(&c, "weights.a", SET("weighting", "briggsbwtaper"));
    cube_of(&d, "weights.b", SET("weighting", "briggsbwtaper"));
    cube_of(&e, "weights.c", SET("weighting", "briggs"));
    pclean_result *r = run(&c);
    const double last = r->first_hz + 2 * r->step_hz;
    char text[40];
    snprintf(text, sizeof text, "%.17g", 2 * fabs(last - r->first_hz) / (last + r->first_hz));
    golden_set(&d, "fracbw", text);
    pclean_result *s = run(&d), *t = run(&e);
    for (size_t i = 0; i < 3; i++) {
        same_channel(&c, i, &d, i);
        assert_true(r->plane[i].sumwt >
                    t->plane[i].sumwt); /* densities are divided by more than 1 */
    }
    done(&c, r);
    done(&d, s);
    done(&e, t);
}

/* In one channel a length is a number of wavelengths; over several a taper in metres gives each
 * baseline the same factor. */
static void metres_are_wavelengths_of_one_channel(void **state) {
    (void)state;
    static const char *const metres[] = {"400m", "0.6km,250m,30deg"};
    static const double axis[][2] = {{400, 400}, {600, 250}};
    for (size_t k = 0; k < 2; k++)
        for (size_t w = 0; w < 2; w++) {
            pclean_config c, d;
            const char *const *kind = w ? kinds[2] : SET("weighting", "natural");
            cube_of(&c, "weights.a", kind);
            cube_of(&d, "weights.b", kind);
            golden_set(&c, "uvtaper", metres[k]);
            pclean_result *r = run(&c);
            /* the data are in LSRK, so the channel's frequency is the observed one */
            const double lambda = r->plane[1].freq_hz / 299792458.0;
            char text[100];
            snprintf(text, sizeof text, "%.17g,%.17g,%s", axis[k][0] * lambda, axis[k][1] * lambda,
                     k ? "30deg" : "0deg");
            golden_set(&d, "uvtaper", text);
            pclean_result *s = run(&d);
            assert_true(fabs(s->plane[1].sumwt / r->plane[1].sumwt - 1) < 1e-6);
            assert_true(psf_difference(&c, &d, 1) < 1e-6);
            pclean_result_free(s);
            golden_remove(&d);
            pcl_config_clear(&d);
            done(&c, r);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(parts_and_workers_change_nothing),
                                       cmocka_unit_test(kinds_meet_at_their_limits),
                                       cmocka_unit_test(the_band_is_that_of_the_channels),
                                       cmocka_unit_test(metres_are_wavelengths_of_one_channel)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
