/* Imaging weights against real tclean (tests/golden/sumwt.tsv): .sumwt and beams over weightings,
 * tapers and sizes. */
#include "config/config.h"
#include "golden.h"

static int complaints;

/* Value i of a comma separated list. */
static double item(const char *list, size_t i) {
    for (; i > 0; i--) {
        list = strchr(list, ',');
        assert_non_null(list);
        list++;
    }
    return strtod(list, NULL);
}

static void second_of_triple(const char *list, size_t i, double *major, double *minor) {
    for (; i > 0; i--)
        list = strchr(list, ',') + 1;
    assert_int_equal(sscanf(list, "%lf/%lf", major, minor), 2);
}

static void check_row(char *const header[], size_t nfield, char *const f[], int line) {
#define FIELD(name) f[golden_column(header, nfield, name)]
    static const char *const same[] = {"specmode",      "weighting", "robust", "npixels",
                                       "interpolation", "uvtaper",   "imsize", "cell"};
    pclean_config c;
    golden_config(&c, FIELD("ms"), "sumwt");
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        golden_set(&c, same[i], FIELD(same[i]));
    golden_set(&c, "perchanweightdensity", FIELD("perchan"));
    if (strcmp(FIELD("noise"), "-"))
        golden_set(&c, "noise", FIELD("noise"));
    if (strcmp(FIELD("specmode"), "mfs")) {
        golden_set(&c, "start", FIELD("start"));
        golden_set(&c, "nchan", FIELD("nchan"));
        golden_set(&c, "width", FIELD("width"));
    }
    pclean_result *r = NULL;
    pclean_err err = {0};
    if (pclean_image(&c, NULL, &r, &err))
        fail_msg("line %d: %s", line, err.msg);
    const bool exact =
        !strcmp(FIELD("weighting"), "natural") || !strcmp(FIELD("weighting"), "radial");
    for (size_t i = 0; i < r->nchan; i++) {
        const pclean_plane *p = &r->plane[i];
        const double want = item(FIELD("sumwt"), i), off = p->sumwt / want - 1;
        if (want == 0) { /* no data: tclean gives it another channel's beam */
            assert_true(p->sumwt == 0);
            continue;
        }
        double major, minor;
        second_of_triple(FIELD("beams"), i, &major, &minor);
        const double worst = fmax(fabs(p->beam_major_rad / ARCSEC / major - 1),
                                  fabs(p->beam_minor_rad / ARCSEC / minor - 1));
        if (fabs(off) > (exact ? 2e-6 : 3e-4) || worst > 1e-3) {
            print_error("line %d: %s %s %s robust %s perchan %s %s taper %s channel %zu: sumwt "
                        "%.8g, tclean %.8g (%.1e); beam %.4f x %.4f, tclean %.4f x %.4f\n",
                        line, FIELD("ms"), FIELD("specmode"), FIELD("weighting"), FIELD("robust"),
                        FIELD("perchan"), FIELD("interpolation"), FIELD("uvtaper"), i, p->sumwt,
                        want, off, p->beam_major_rad / ARCSEC, p->beam_minor_rad / ARCSEC, major,
                        minor);
            complaints++;
        }
    }
    golden_remove(&c);
    pclean_result_free(r);
    pcl_config_clear(&c);
}

static void weights_are_those_of_tclean(void **state) {
    (void)state;
    FILE *in = fopen(PCLEAN_TEST_GOLDEN "/sumwt.tsv", "r");
    assert_non_null(in);
    char head[2048], text[8192], *header[GOLDEN_FIELDS], *f[GOLDEN_FIELDS];
    assert_non_null(fgets(head, sizeof head, in));
    const size_t n = golden_split(head, header);
    int line = 1;
    while (fgets(text, sizeof text, in)) {
        line++;
        assert_int_equal(golden_split(text, f), n);
        check_row(header, n, f, line);
    }
    fclose(in);
    assert_true(line > 120);
    assert_int_equal(complaints, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(weights_are_those_of_tclean)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
