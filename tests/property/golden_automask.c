/* Automatic masks in whole runs against tclean's (tests/golden/automask_tclean.tsv): with its
 * control of a cube as one problem, iterations, stop code, flux and the pixels of each plane's
 * .mask. The residuals are tclean's to some 1e-4, and a pixel at a threshold brings its neighbours
 * by smoothing: masks within 3 % or 12 pixels, iterations within five or 4 %, major cycles within
 * two (CLEAN creeps towards a threshold), fluxes 1e-2. */
#include "config/config.h"
#include "golden.h"

static void configure(pclean_config *c, char *const f[]) {
    char name[64], text[1000], *save = NULL;
    snprintf(name, sizeof name, "golden_automask.%s", f[0]);
    golden_config(c, f[1], name);
    golden_set(c, "cyclecontrol", "global");
    golden_set(c, "restoration", "false");
    snprintf(text, sizeof text, "%s", f[2]);
    for (char *p = strtok_r(text, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
        char *value = strchr(p, '=');
        assert_non_null(value);
        *value++ = 0;
        golden_set(c, p, value);
    }
}

static void check_near(const char *name, const char *what, double have, double want, double least,
                       double part) {
    if (!(fabs(have - want) <= fmax(least, part * fabs(want))))
        fail_msg("%s: %s is %g, tclean's %g", name, what, have, want);
}

static size_t count_mask(const pclean_config *c, size_t ichan) {
    float *mask = golden_plane(c, ".mask", ichan, 0);
    size_t n = 0;
    for (size_t i = 0; i < (size_t)c->imsize[0] * (size_t)c->imsize[1]; i++)
        n += mask[i] > 0.5f;
    free(mask);
    return n;
}

static void check_case(char *const f[]) {
    pclean_config c;
    pclean_result *r = NULL;
    pclean_err err = {0};
    double flux = 0;
    char *want = f[7];
    configure(&c, f);
    if (pclean_image(&c, NULL, &r, &err))
        fail_msg("%s: %s", f[0], err.msg);
    check_near(f[0], "iterdone", (double)r->iterdone, atof(f[3]), 5, 0.04);
    check_near(f[0], "nmajordone", r->nmajordone, atof(f[4]), 2, 0);
    for (size_t k = 0; k < r->nchan; k++, want++) {
        check_near(f[0], "pixels of the mask", (double)count_mask(&c, k), strtod(want, &want), 12,
                   0.03);
        flux += r->plane[k].model_flux;
        assert_true(r->plane[k].stop == atoi(f[5]) || r->plane[k].stop == PCLEAN_STOP_ZEROMASK);
    }
    check_near(f[0], "flux", flux, atof(f[6]), 0, 1e-2);
    golden_remove(&c);
    pclean_result_free(r);
    pcl_config_clear(&c);
}

static void masks_of_runs_are_tcleans(void **state) {
    (void)state;
    FILE *in = fopen(PCLEAN_TEST_GOLDEN "/automask_tclean.tsv", "r");
    char line[2000], *f[GOLDEN_FIELDS];
    size_t n = 0;
    assert_non_null(in);
    while (fgets(line, sizeof line, in))
        if (line[0] != '#') {
            assert_int_equal(golden_split(line, f), 8);
            check_case(f);
            n++;
        }
    assert_int_equal(n, 5);
    fclose(in);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(masks_of_runs_are_tcleans)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
