/* Whole CLEAN runs against tclean's record (tests/golden/clean.tsv, the rows that need our
 * gridding): stop codes exactly, iterations within a few, peaks and fluxes within 1 %. Cubes with
 * cyclecontrol=global, which is tclean's. */
#include "config/config.h"
#include "golden.h"

static int complaints;
#define COMPLAIN(...) (complaints++, print_error(__VA_ARGS__))

static char *header[GOLDEN_FIELDS];
static size_t nfield;

static double number(char *const f[], const char *name) {
    return strtod(f[golden_column(header, nfield, name)], NULL);
}

/* A mask image without a single pixel, on the grid of the image. */
static void make_zero_mask(pclean_config *c, char *path, size_t size) {
    casa_image_layout layout;
    casa_image_desc d;
    casa_image *im = NULL;
    pclean_err err = {0};
    char niter[16];
    snprintf(niter, sizeof niter, "%d", c->niter);
    golden_set(c, "niter", "0");
    snprintf(path, size, "%s.psf", c->imagename);
    if (pclean_image(c, NULL, NULL, &err) || casa_image_open(path, &im, &err) ||
        casa_image_get_desc(im, &d, &err))
        fail_msg("%s", err.msg);
    golden_set(c, "niter", niter);
    snprintf(path, size, PCLEAN_TEST_TMP "/golden_clean.zero.mask");
    assert_int_equal(pcl_fs_remove_tree(path, &err), 0);
    if (casa_image_create(path, &d, NULL, &layout, &err))
        fail_msg("%s", err.msg);
    casa_image_close(im);
}

static void configure(pclean_config *c, char *const f[]) {
#define FIELD(name) f[golden_column(header, nfield, name)]
    static const char *const same[] = {"specmode",   "imsize",      "niter",
                                       "gain",       "threshold",   "nsigma",
                                       "cycleniter", "cyclefactor", "nmajor"};
    char text[1024];
    double x, y, radius;
    golden_config(c, "vla_ngc5921.ms", FIELD("name"));
    golden_set(c, "cell", "15arcsec");
    golden_set(c, "weighting", "briggs");
    golden_set(c, "pblimit", "-0.2");
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        golden_set(c, same[i], FIELD(same[i]));
    golden_set(c, "nretry", "0"); /* tclean goes on when it diverges */
    if (strcmp(FIELD("specmode"), "cube") == 0) {
        golden_set(c, "start", "34");
        golden_set(c, "nchan", "9");
        golden_set(c, "cyclecontrol", "global");
    }
    if (sscanf(FIELD("mask"), "circle%lf,%lf,%lf", &x, &y, &radius) == 3) {
        snprintf(text, sizeof text, "circle[[%gpix,%gpix],%gpix]", x, y, radius);
        golden_set(c, "mask", text);
    } else if (strcmp(FIELD("mask"), "zero") == 0) {
        make_zero_mask(c, text, sizeof text);
        golden_set(c, "mask", text);
    }
}

static bool near(double have, double want, double tolerance) {
    return fabs(have - want) <= tolerance * fabs(want);
}

static void check_run(char *const f[]) {
    const char *name = FIELD("name");
    pclean_config c;
    pclean_result *r = NULL;
    pclean_err err = {0};
    configure(&c, f);
    const int rc = pclean_image(&c, NULL, &r, &err);
    if (strcmp(FIELD("mask"), "zero") == 0) {
        print_message("%-26s %s\n", name, err.msg);
        assert_int_equal(rc, -PCLEAN_EPARAM); /* tclean: stop code 7 and success */
        assert_non_null(strstr(err.msg, "selects no pixel of the image"));
    } else if (rc) {
        fail_msg("%s: %s", name, err.msg);
    } else {
        int niter = 0, nmajor = 0;
        double flux = 0, peak = 0, sidelobe = 0;
        for (size_t i = 0; i < r->nchan; i++) {
            niter += r->plane[i].niter;
            nmajor = r->plane[i].nmajor > nmajor ? r->plane[i].nmajor : nmajor;
            flux += r->plane[i].model_flux;
            peak = fmax(peak, r->plane[i].peak_residual);
            sidelobe = fmax(sidelobe, r->plane[i].psf_sidelobe);
        }
        print_message("%-26s stop %d (%g), iterations %d (%g), major cycles %d (%g), sidelobe %.5f "
                      "(%.5f), peak %.6g (%.6g), flux %.6g (%.6g)\n",
                      name, r->stop, number(f, "stopcode"), niter, number(f, "iterdone"), nmajor,
                      number(f, "nmajordone"), sidelobe, number(f, "maxpsfsidelobe"), peak,
                      number(f, "peak_residual"), flux, number(f, "model_flux"));
        if (r->stop != (int)number(f, "stopcode"))
            COMPLAIN("%s: another stop code\n", name);
        if (fabs(niter - number(f, "iterdone")) > 5 && !near(niter, number(f, "iterdone"), 0.02))
            COMPLAIN("%s: another number of iterations\n", name);
        if (nmajor != (int)number(f, "nmajordone"))
            COMPLAIN("%s: another number of major cycles\n", name);
        const bool chaos = c.gain >= 1; /* diverging: no digit is worth anything */
        if (!chaos && (!near(peak, number(f, "peak_residual"), 0.01) ||
                       !near(flux, number(f, "model_flux"), 0.01)))
            COMPLAIN("%s: another peak or flux\n", name);
        if (number(f, "maxpsfsidelobe") > 0 && !near(sidelobe, number(f, "maxpsfsidelobe"), 0.002))
            COMPLAIN("%s: another sidelobe\n", name);
    }
    golden_remove(&c);
    pclean_result_free(r);
    pcl_config_clear(&c);
}

static void runs_end_as_in_tclean(void **state) {
    (void)state;
    char head[2048], text[2048], *f[GOLDEN_FIELDS];
    pclean_err err;
    assert_int_equal(casa_init(&err), 0);
    FILE *in = fopen(PCLEAN_TEST_GOLDEN "/clean.tsv", "r");
    assert_non_null(in);
    assert_non_null(fgets(head, sizeof head, in));
    nfield = golden_split(head, header);
    size_t n = 0;
    while (fgets(text, sizeof text, in)) {
        assert_int_equal(golden_split(text, f), nfield);
        if (strcmp(FIELD("from"), "-") == 0) {
            check_run(f);
            n++;
        }
    }
    fclose(in);
    assert_true(n >= 12);
    assert_int_equal(pcl_fs_remove_tree(PCLEAN_TEST_TMP "/golden_clean.zero.mask", &err), 0);
    assert_int_equal(complaints, 0);
}

/* The middle of the image against tclean's, rms over its peak. */
static void check_restored(char *const f[]) {
    enum { SIDE = 128, MIDDLE = 64, EDGE = 32 };
    static float want[MIDDLE * MIDDLE];
    char path[1024];
    pclean_config c;
    pclean_result *r = NULL;
    pclean_err err = {0};
    golden_config(&c, "vla_ngc5921.ms", "golden_restore");
    static const char *const same[][2] = {{"imsize", "128"},
                                          {"cell", "15arcsec"},
                                          {"weighting", "briggs"},
                                          {"robust", "0.5"},
                                          {"pblimit", "-0.2"}};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        golden_set(&c, same[i][0], same[i][1]);
    golden_set(&c, "niter", FIELD("niter"));
    golden_set(&c, "restoringbeam", FIELD("restoringbeam"));
    if (pclean_image(&c, NULL, &r, &err))
        fail_msg("%s", err.msg);
    snprintf(path, sizeof path, "%s/restore_%s.f32", PCLEAN_TEST_GOLDEN, FIELD("name"));
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    assert_int_equal(fread(want, sizeof *want, MIDDLE * MIDDLE, in), MIDDLE * MIDDLE);
    fclose(in);
    float *image = golden_plane(&c, ".image", 0, 0);
    double square = 0, most = 0;
    for (size_t y = 0; y < MIDDLE; y++)
        for (size_t x = 0; x < MIDDLE; x++) {
            const double have = (double)image[(y + EDGE) * SIDE + x + EDGE];
            square += pow(have - (double)want[y * MIDDLE + x], 2);
            most = fmax(most, have);
        }
    const double peak = number(f, "peak"), rms = sqrt(square) / MIDDLE / peak;
    print_message("restored %-8s peak %.6g (%.6g), rms of the difference %.1e of it\n",
                  FIELD("name"), most, peak, rms);
    if (!near(most, peak, 2e-3) || rms > 1e-3)
        COMPLAIN("restored %s: another image\n", FIELD("name"));
    const bool kept = strcmp(FIELD("name"), "narrow") == 0 || strcmp(FIELD("name"), "close") == 0;
    bool said = false;
    for (size_t i = 0; r->warning && r->warning[i]; i++)
        said |= strstr(r->warning[i], "keeps the fitted beam") != NULL;
    assert_int_equal(said, kept);
    free(image);
    golden_remove(&c);
    pclean_result_free(r);
    pcl_config_clear(&c);
}

static void images_are_restored_as_in_tclean(void **state) {
    (void)state;
    char head[2048], text[2048], *f[GOLDEN_FIELDS];
    FILE *in = fopen(PCLEAN_TEST_GOLDEN "/restore.tsv", "r");
    assert_non_null(in);
    assert_non_null(fgets(head, sizeof head, in));
    nfield = golden_split(head, header);
    size_t n = 0;
    for (; fgets(text, sizeof text, in); n++) {
        assert_int_equal(golden_split(text, f), nfield);
        check_restored(f);
    }
    fclose(in);
    assert_int_equal(n, 5);
    assert_int_equal(complaints, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(runs_end_as_in_tclean),
                                       cmocka_unit_test(images_are_restored_as_in_tclean)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
