/* Dirty images against real tclean (tests/golden/cases.tsv): frequencies, .sumwt, beams, residual
 * and PSF pixels. */
#include "config/config.h"
#include "golden.h"

static int complaints;
#define COMPLAIN(...) (complaints++, print_error(__VA_ARGS__))

/* rms difference to the stored channels "0,4,8" of NAME.EXT.f32, over the scale. */
static double difference(const char *name, const char *extension, const char *channels,
                         const pclean_config *c) {
    char path[512];
    snprintf(path, sizeof path, PCLEAN_TEST_GOLDEN "/%s%s.f32", name, extension);
    FILE *in = fopen(path, "rb");
    if (!in)
        fail_msg("%s is missing", path);
    const size_t n = (size_t)c->imsize[0] * (size_t)c->imsize[1];
    float *want = malloc(n * sizeof *want);
    double sum = 0, count = 0;
    for (const char *p = channels; *p;) {
        char *end;
        const size_t ichan = strtoul(p, &end, 10);
        assert_int_equal(fread(want, sizeof *want, n, in), n);
        float *have = golden_plane(c, extension, ichan, 0);
        for (size_t i = 0; i < n; i++)
            sum += pow((double)have[i] - (double)want[i], 2);
        count += (double)n;
        free(have);
        p = *end == ',' ? end + 1 : end;
    }
    fclose(in);
    free(want);
    return sqrt(sum / count);
}

static void check_channels(const char *name, const pclean_result *r, const char *weighting) {
    char path[512], text[1024], *f[GOLDEN_FIELDS];
    snprintf(path, sizeof path, PCLEAN_TEST_GOLDEN "/%s.chan.tsv", name);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t n = 0;
    const double sumwt_tolerance = strcmp(weighting, "natural") == 0 ? 2e-6 : 3e-4;
    while (fgets(text, sizeof text, in)) {
        if (text[0] == '#')
            continue;
        assert_true(golden_split(text, f) >= 6);
        assert_true(n < r->nchan);
        const pclean_plane *p = &r->plane[n++];
        const double freq = strtod(f[1], NULL), sumwt = strtod(f[2], NULL),
                     major = strtod(f[3], NULL) * ARCSEC, minor = strtod(f[4], NULL) * ARCSEC;
        /* 1e-3 Hz, and what two machines' tables differ in (observatory positions, Earth rotation):
         * 4e-11 (7e-11 for mfs, whose extent tclean samples in time) */
        const double freq_tolerance = 1e-3 + (strstr(name, "mfs") ? 1e-10 : 4e-11) * freq;
        /* M87: casadata moved the VLBA from Mauna Kea to the centre of the Earth, 128 m/s of
         * rotation */
        if (fabs(p->freq_hz - freq) > freq_tolerance && strcmp(name, "m87_mfs_natural"))
            COMPLAIN("%s channel %zu: frequency %.6f, tclean %.6f\n", name, p->chan, p->freq_hz,
                     freq);
        if (fabs(p->sumwt / sumwt - 1) > sumwt_tolerance)
            COMPLAIN("%s channel %zu: sumwt %.8g, tclean %.8g (%.1e)\n", name, p->chan, p->sumwt,
                     sumwt, p->sumwt / sumwt - 1);
        if (fabs(p->beam_major_rad / major - 1) > 1e-3 ||
            fabs(p->beam_minor_rad / minor - 1) > 1e-3)
            COMPLAIN("%s channel %zu: beam %.5f x %.5f, tclean %s x %s arcsec\n", name, p->chan,
                     p->beam_major_rad / ARCSEC, p->beam_minor_rad / ARCSEC, f[3], f[4]);
    }
    assert_int_equal(n, r->nchan);
    fclose(in);
}

static void check_case(char *const header[], size_t nfield, char *const f[]) {
#define FIELD(name) f[golden_column(header, nfield, name)]
    const char *name = FIELD("name");
    static const char *const same[] = {"specmode",      "imsize",    "cell",   "spw",    "outframe",
                                       "interpolation", "weighting", "robust", "uvrange"};
    pclean_config c;
    golden_config(&c, FIELD("ms"), name);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        golden_set(&c, same[i], FIELD(same[i]));
    if (strcmp(FIELD("specmode"), "mfs")) {
        golden_set(&c, "start", FIELD("start"));
        golden_set(&c, "nchan", FIELD("nchan"));
        golden_set(&c, "width", FIELD("width"));
    }
    golden_set(&c, "perchanweightdensity", FIELD("perchan"));
    golden_set(&c, "pblimit", "-0.2");
    pclean_result *r = NULL;
    pclean_err err = {0};
    if (pclean_image(&c, NULL, &r, &err))
        fail_msg("%s: %s", name, err.msg);
    check_channels(name, r, FIELD("weighting"));
    const double peak = strtod(FIELD("cube_peak"), NULL),
                 tolerance = strtod(FIELD("tol_rms"), NULL);
    if (strcmp(FIELD("residual_channels"), "-")) {
        const double e = difference(name, ".residual", FIELD("residual_channels"), &c) / peak;
        print_message("%-32s residual: rms difference %.1e of the peak (at most %.0e)\n", name, e,
                      tolerance);
        if (!(e <= tolerance))
            COMPLAIN("%s: the residual differs too much\n", name);
    }
    if (strcmp(FIELD("psf_channels"), "-")) {
        const double e = difference(name, ".psf", FIELD("psf_channels"), &c);
        print_message("%-32s PSF:      rms difference %.1e\n", name, e);
        if (!(e <= 0.6 * tolerance))
            COMPLAIN("%s: the PSF differs too much\n", name);
    }
    golden_remove(&c);
    pclean_result_free(r);
    pcl_config_clear(&c);
}

static void dirty_images_are_those_of_tclean(void **state) {
    (void)state;
    FILE *in = fopen(PCLEAN_TEST_GOLDEN "/cases.tsv", "r");
    assert_non_null(in);
    char head[2048], text[2048], *header[GOLDEN_FIELDS], *f[GOLDEN_FIELDS];
    assert_non_null(fgets(head, sizeof head, in));
    const size_t n = golden_split(head, header);
    size_t cases = 0;
    while (fgets(text, sizeof text, in)) {
        assert_int_equal(golden_split(text, f), n);
        check_case(header, n, f);
        cases++;
    }
    fclose(in);
    assert_true(cases >= 20);
    assert_int_equal(complaints, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(dirty_images_are_those_of_tclean)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
