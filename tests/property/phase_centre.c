/* Images centred elsewhere than their field: the sky stays where it is. */
#include "config/config.h"
#include "golden.h"

enum { N = 128, MIDDLE = N / 2 };

static void run(pclean_config *c) {
    pclean_err err = {0};
    pclean_result *r = NULL;
    if (pclean_image(c, NULL, &r, &err))
        fail_msg("%s: %s", c->imagename, err.msg);
    pclean_result_free(r);
}

static void configure(pclean_config *c, const char *ms, const char *name,
                      const char *const *setting) {
    golden_config(c, ms, name);
    golden_set(c, "imsize", "128");
    for (; *setting; setting += 2)
        golden_set(c, setting[0], setting[1]);
}

static void done(pclean_config *c) {
    golden_remove(c);
    pcl_config_clear(c);
}

/* The direction of a pixel of a SIN image, as the text of a phasecenter. */
static void direction_of(const pclean_config *c, const double centre[2], int dx, int dy,
                         char text[100]) {
    const double l = -dx * c->cell_rad[0], m = dy * c->cell_rad[1], n = sqrt(1 - l * l - m * m);
    const double lat = asin(m * cos(centre[1]) + n * sin(centre[1])),
                 lon = centre[0] + atan2(l, n * cos(centre[1]) - m * sin(centre[1]));
    snprintf(text, 100, "J2000 %.17grad %.17grad", lon, lat);
}

/* A wide field at 74 MHz with w, and line data: a dirty image says the same of a direction wherever
 * its own centre is. */
static void the_sky_stays_where_it_is(void **state) {
    (void)state;
    static const struct {
        const char *ms, *setting[12];
        double centre[2], tolerance;
        int at[3][2];
    } plan[] = {
        {"vla_posa_74mhz.ms",
         {"cell", "40arcsec", "gridder", "wproject", "pblimit", "-0.1", NULL},
         {-2.094395102393196, 0.8726646259971648},
         3e-5,
         {{40, -31}, {-55, 3}, {7, 60}}},
        {"vla_ngc5921.ms",
         {"cell", "15arcsec", "specmode", "cube", "start", "20", "nchan", "1", "gridder",
          "wproject", NULL},
         {-2.260201381332658, 0.08843001543437938},
         3e-5,
         {{40, -31}, {-55, 3}, {7, 60}}},
    };
    for (size_t k = 0; k < sizeof plan / sizeof *plan; k++) {
        pclean_config here, there;
        configure(&here, plan[k].ms, "here", plan[k].setting);
        run(&here);
        float *a = golden_plane(&here, ".residual", 0, 0), peak = 0;
        for (size_t i = 0; i < (size_t)N * N; i++)
            peak = fmaxf(peak, fabsf(a[i]));
        for (int i = 0; i < 3; i++) {
            const int dx = plan[k].at[i][0], dy = plan[k].at[i][1];
            char text[100];
            direction_of(&here, plan[k].centre, dx, dy, text);
            configure(&there, plan[k].ms, "there", plan[k].setting);
            golden_set(&there, "phasecenter", text);
            run(&there);
            float *b = golden_plane(&there, ".residual", 0, 0);
            const float want = a[(MIDDLE + dy) * N + MIDDLE + dx], got = b[MIDDLE * N + MIDDLE];
            if (fabs((double)(got - want)) > plan[k].tolerance * (double)peak)
                fail_msg("%s: %g at %d, %d is %g in the middle (peak %g)", plan[k].ms, (double)want,
                         dx, dy, (double)got, (double)peak);
            free(b);
            done(&there);
        }
        free(a);
        done(&here);
    }
}

static const char *const shifted[] = {"cell",  "15arcsec", "specmode",    "cube",
                                      "start", "20",       "nchan",       "2",
                                      "niter", "100",      "weighting",   "briggs",
                                      "pbcor", "true",     "phasecenter", "J2000 15h22m10 5d10m00",
                                      NULL};

/* A worker that makes its workplace anew knows where the telescope looked. */
static void workers_that_inherit_nothing(void **state) {
    (void)state;
    static const char *const products[] = {".residual", ".image.pbcor", ".pb", ".psf"};
    pclean_config one, two;
    configure(&one, "vla_ngc5921.ms", "one", shifted);
    golden_set(&one, "nworkers", "1");
    run(&one);
    configure(&two, "vla_ngc5921.ms", "two", shifted);
    golden_set(&two, "nworkers", "2");
    setenv("PCLEAN_WORKERS", "attached", 1);
    run(&two);
    unsetenv("PCLEAN_WORKERS");
    for (size_t k = 0; k < sizeof products / sizeof *products; k++)
        for (size_t chan = 0; chan < 2; chan++) {
            float *a = golden_plane(&one, products[k], chan, 0),
                  *b = golden_plane(&two, products[k], chan, 0);
            assert_memory_equal(a, b, (size_t)N * N * sizeof *a);
            free(a);
            free(b);
        }
    float *pb = golden_plane(&one, ".pb", 0, 0), most = 0;
    size_t at = 0;
    for (size_t i = 0; i < (size_t)N * N; i++)
        if (pb[i] > most) {
            most = pb[i];
            at = i;
        }
    /* the field is 3' west (11.9 pixels) and 6' south (24 pixels) of the image's centre */
    assert_int_equal(at % N, MIDDLE + 10);
    assert_int_equal(at / N, MIDDLE - 24);
    free(pb);
    done(&one);
    done(&two);
}

/* A copy of the line data whose field is said to be 7' further north. */
static void make_moved(void) {
    static const char *const command =
        "rm -rf " PCLEAN_TEST_TMP "/moved.ms && cp -r " PCLEAN_TEST_DATA
        "/vla_ngc5921.ms " PCLEAN_TEST_TMP "/moved.ms && chmod -R u+w " PCLEAN_TEST_TMP
        "/moved.ms && " PCLEAN_TEST_MSEDIT " " PCLEAN_TEST_TMP
        "/moved.ms set FIELD/PHASE_DIR 0 0.0904 1";
    if (system(command))
        fail_msg("%s", command);
}

/* Two fields on the grid of one of them: together they are the weighted mean of what they are
 * alone, and their primary beams the sum over its largest value. No parts are made of that. */
static void fields_add_up(void **state) {
    (void)state;
    static const char *const vis[3] = {
        PCLEAN_TEST_DATA "/vla_ngc5921.ms", PCLEAN_TEST_TMP "/moved.ms",
        PCLEAN_TEST_DATA "/vla_ngc5921.ms," PCLEAN_TEST_TMP "/moved.ms"};
    static const char *const setting[] = {
        "cell",    "20arcsec", "phasecenter", "J2000 15h22m00 5d08m00", "weighting", "natural",
        "pblimit", "-0.01",    NULL};
    pclean_config c[3];
    float *dirty[3], *sumwt[3], *pb[3], peak = 0, most = 0;
    make_moved();
    for (int k = 0; k < 3; k++) {
        char name[16];
        snprintf(name, sizeof name, "f%d", k);
        configure(&c[k], "vla_ngc5921.ms", name, setting);
        golden_set(&c[k], "vis", vis[k]);
        run(&c[k]);
        dirty[k] = golden_plane(&c[k], ".residual", 0, 0);
        sumwt[k] = golden_plane(&c[k], ".sumwt", 0, 0);
        pb[k] = golden_plane(&c[k], ".pb", 0, 0);
    }
    assert_true(sumwt[0][0] > 0 && sumwt[1][0] > 0);
    for (int i = 0; i < N * N; i++) {
        peak = fmaxf(peak, fabsf(dirty[2][i]));
        most = fmaxf(most, pb[0][i] + pb[1][i]);
    }
    assert_true(most < 1.999f);
    for (int i = 0; i < N * N; i++) {
        const float want = (dirty[0][i] * sumwt[0][0] + dirty[1][i] * sumwt[1][0]) / sumwt[2][0];
        assert_true(fabsf(want - dirty[2][i]) < 3e-5f * peak);
        if (pb[0][i] > 0 && pb[1][i] > 0) /* what is cut has gone from the sum */
            assert_true(fabsf((pb[0][i] + pb[1][i]) / most - pb[2][i]) < 1e-6f);
    }
    pclean_partition *parts = NULL;
    pclean_err err = {0};
    assert_int_equal(pclean_partition_make(&c[2], 2, NULL, &parts, &err), -PCLEAN_EUNSUPPORTED);
    assert_non_null(strstr(err.msg, "2 phase centres"));
    for (int k = 0; k < 3; k++) {
        free(dirty[k]);
        free(sumwt[k]);
        free(pb[k]);
        done(&c[k]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sky_stays_where_it_is),
        cmocka_unit_test(fields_add_up),
        cmocka_unit_test(workers_that_inherit_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
