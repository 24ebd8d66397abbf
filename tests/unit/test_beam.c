/* The beam fit against tclean's restoring beams and sidelobe levels (tests/golden/make_beams.py),
 * against Gaussians of known shape, and on PSFs that cannot be fitted. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/beam.h"

#define ARCSEC (M_PI / 180 / 3600)
#define DEGREE (M_PI / 180)

static float *array(size_t n) {
    float *p = calloc(n, sizeof *p);
    assert_non_null(p);
    return p;
}

static float *read_psf(const char *name, size_t n) {
    char path[512];
    snprintf(path, sizeof path, "%s/beams_%s.bin", PCLEAN_TEST_GOLDEN, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("cannot open %s", path);
    float *a = array(n);
    assert_int_equal(fread(a, sizeof *a, n, f), n);
    fclose(f);
    return a;
}

static void near(const char *what, double ours, double theirs, double tolerance) {
    if (!(fabs(ours - theirs) <= tolerance))
        fail_msg("%s: %.9g, expected %.9g", what, ours, theirs);
}

static void tclean_beams(void **state) {
    (void)state;
    char path[512], line[256], name[32];
    snprintf(path, sizeof path, "%s/beams.tsv", PCLEAN_TEST_GOLDEN);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t nx, ny, ncase = 0;
    double cx, cy, major, minor, pa, sidelobe;
    while (fgets(line, sizeof line, f)) {
        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%31s %zu %zu %lf %lf %lf %lf %lf %lf", name, &nx, &ny, &cx,
                                &cy, &major, &minor, &pa, &sidelobe),
                         9);
        float *psf = read_psf(name, nx * ny);
        pcl_beam b;
        pclean_err err = {0};
        if (pcl_beam_fit(psf, &(pcl_raster){nx, ny, cx * ARCSEC, cy * ARCSEC}, PCL_BEAM_CUTOFF, &b,
                         &err))
            fail_msg("%s: %s", name, err.msg);
        near(name, b.major_rad / ARCSEC, major, 1e-5 * major);
        near(name, b.minor_rad / ARCSEC, minor, 1e-5 * minor);
        near(name, b.pa_rad / DEGREE, pa, 2e-3); /* the angle of a nearly round beam is soft */
        near(name, pcl_beam_sidelobe(psf, &(pcl_raster){nx, ny, cx * ARCSEC, cy * ARCSEC}, &b),
             sidelobe, 2e-6);
        free(psf);
        ncase++;
    }
    fclose(f);
    assert_int_equal(ncase, 7);
}

static void gaussian_comes_back(void **state) {
    (void)state;
    const double shape[][3] = {{8, 5, 30}, {8, 5, -75}, {9, 9, 0}, {12, 4, 90}, {3, 2.5, 10}};
    for (size_t k = 0; k < sizeof shape / sizeof *shape; k++)
        for (int scale = 1; scale <= 2; scale++) {
            const size_t nx = 60, ny = 70;
            const double cx = ARCSEC, cy = ARCSEC / scale;
            const pcl_beam want = {shape[k][0] * ARCSEC, shape[k][1] * ARCSEC,
                                   shape[k][2] * DEGREE};
            float *psf = array(nx * ny);
            pcl_beam_gaussian(&want, &(pcl_raster){nx, ny, cx, cy}, psf);
            for (size_t i = 0; i < nx * ny; i++)
                psf[i] *= 7; /* any scale */
            pcl_beam b;
            assert_int_equal(
                pcl_beam_fit(psf, &(pcl_raster){nx, ny, cx, cy}, PCL_BEAM_CUTOFF, &b, NULL), 0);
            /* the cubic resampling is not exact */
            const double tolerance = shape[k][1] < 4 ? 0.05 : 3e-3;
            near("major", b.major_rad, want.major_rad, tolerance * want.major_rad);
            near("minor", b.minor_rad, want.minor_rad, tolerance * want.minor_rad);
            if (want.major_rad > want.minor_rad)
                near("pa", fabs(sin(b.pa_rad - want.pa_rad)), 0, shape[k][1] < 4 ? 0.05 : 5e-3);
            for (size_t i = 0; i < nx * ny; i++)
                psf[i] /= 7;
            near("sidelobe", pcl_beam_sidelobe(psf, &(pcl_raster){nx, ny, cx, cy}, &want), 0, 1e-6);
            free(psf);
        }
}

static void orientation(void **state) {
    (void)state;
    /* north through EAST; east is towards lower x: a beam at 45 degrees lies along (x, y) = (-1,
     * 1) */
    const pcl_beam b = {10 * ARCSEC, 4 * ARCSEC, 45 * DEGREE};
    float image[21 * 21];
    pcl_beam_gaussian(&b, &(pcl_raster){21, 21, ARCSEC, ARCSEC}, image);
    assert_true(image[10 * 21 + 10] == 1.0f);
    assert_true(image[13 * 21 + 7] > 0.5f);
    assert_true(image[13 * 21 + 13] < 0.1f);
    near("half maximum", (double)image[15 * 21 + 10] - (double)image[5 * 21 + 10], 0, 1e-7);
}

static void must_fail(const float *psf, size_t nx, size_t ny, int code, const char *word) {
    pcl_beam b = {1, 1, 1};
    pclean_err err = {0};
    assert_int_equal(
        pcl_beam_fit(psf, &(pcl_raster){nx, ny, ARCSEC, ARCSEC}, PCL_BEAM_CUTOFF, &b, &err), -code);
    if (!strstr(err.msg, word))
        fail_msg("'%s' does not say '%s'", err.msg, word);
    assert_true(b.major_rad == 0 && b.minor_rad == 0 && b.pa_rad == 0);
}

static void odd_psfs(void **state) {
    (void)state;
    const size_t n = 40;
    float *psf = array(n * n);
    pcl_beam b;
    must_fail(psf, n, n, PCLEAN_EDATA, "zero");
    must_fail(psf, 3, n, PCLEAN_EPARAM, "small");
    psf[n / 2 * n + n / 2] = 1; /* one pixel */
    assert_int_equal(
        pcl_beam_fit(psf, &(pcl_raster){n, n, ARCSEC, ARCSEC}, PCL_BEAM_CUTOFF, &b, NULL), 0);
    assert_true(b.major_rad > 0.5 * ARCSEC && b.major_rad < 2 * ARCSEC);
    psf[3] = NAN;
    must_fail(psf, n, n, PCLEAN_EDATA, "finite");
    psf[3] = 2; /* peak in the corner */
    must_fail(psf, n, n, PCLEAN_EDATA, "centre");
    for (size_t i = 0; i < n * n; i++)
        psf[i] = 1;
    psf[n / 2 * n + n / 2] = 1.0001f;
    must_fail(psf, n, n, PCLEAN_EDATA, "");
    const pcl_beam wide = {100 * ARCSEC, 90 * ARCSEC, 0};
    pcl_beam_gaussian(&wide, &(pcl_raster){n, n, ARCSEC, ARCSEC}, psf);
    must_fail(psf, n, n, PCLEAN_EDATA, "wider");
    for (size_t k = 4; k < 12; k++) { /* very small images: an answer or an error, no crash */
        const pcl_beam narrow = {2 * ARCSEC, 2 * ARCSEC, 0};
        pcl_beam_gaussian(&narrow, &(pcl_raster){k, k + 1, ARCSEC, ARCSEC}, psf);
        const int rc =
            pcl_beam_fit(psf, &(pcl_raster){k, k + 1, ARCSEC, ARCSEC}, PCL_BEAM_CUTOFF, &b, NULL);
        assert_true(rc == 0 ? fabs(b.major_rad / ARCSEC - 2) < 0.3 : rc == -PCLEAN_EDATA);
    }
    free(psf);
}

static void no_memory(void **state) {
    (void)state;
    const pcl_beam want = {8 * ARCSEC, 5 * ARCSEC, 0.5};
    float psf[32 * 32];
    pcl_beam_gaussian(&want, &(pcl_raster){32, 32, ARCSEC, ARCSEC}, psf);
    for (long k = 1; k <= 5; k++) {
        pcl_beam b;
        pcl_mem_fail_after(k);
        assert_int_equal(
            pcl_beam_fit(psf, &(pcl_raster){32, 32, ARCSEC, ARCSEC}, PCL_BEAM_CUTOFF, &b, NULL),
            -PCLEAN_ENOMEM);
    }
    pcl_mem_fail_after(0);
}

/* What brings one beam to another: squares of widths add up in every direction. */
static void between_two_beams(void **state) {
    (void)state;
    const pcl_beam from = {5, 3, 0.6}, by = {7, 2, -1.1};
    const double along[] = {-1.5, -0.7, 0, 0.4, 1.2};
    pcl_beam to, found;
    assert_false(pcl_beam_between(&from, &from, &found));
    /* narrower in one direction */
    assert_false(pcl_beam_between(&from, &(const pcl_beam){9, 2.9, 0.6}, &found));
    assert_true(found.major_rad == 0 && found.minor_rad == 0);
    assert_true(pcl_beam_between(&from, &(const pcl_beam){sqrt(25 + 16), 5, 0.6}, &found));
    assert_true(fabs(found.major_rad - 4) < 1e-12 && fabs(found.minor_rad - 4) < 1e-12);
    /* from and by convolved: the second moments along any direction are the sums */
    double xx = 0, xy = 0, yy = 0;
    for (int k = 0; k < 2; k++) {
        const pcl_beam *b = k ? &by : &from;
        const double s = sin(b->pa_rad), c = cos(b->pa_rad), p = b->major_rad * b->major_rad,
                     q = b->minor_rad * b->minor_rad;
        xx += p * s * s + q * c * c;
        yy += p * c * c + q * s * s;
        xy += (p - q) * s * c; /* east and north */
    }
    const double mean = (xx + yy) / 2, half = hypot((xx - yy) / 2, xy),
                 pa = 0.5 * atan2(2 * xy, yy - xx);
    to = (pcl_beam){sqrt(mean + half), sqrt(mean - half), pa};
    assert_true(pcl_beam_between(&from, &to, &found));
    for (size_t i = 0; i < sizeof along / sizeof *along; i++) {
        const double a = cos(along[i] - found.pa_rad), b = cos(along[i] - by.pa_rad);
        assert_true(fabs(a * a * found.major_rad * found.major_rad +
                         (1 - a * a) * found.minor_rad * found.minor_rad -
                         (b * b * 49 + (1 - b * b) * 4)) < 1e-9);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tclean_beams), cmocka_unit_test(gaussian_comes_back),
        cmocka_unit_test(orientation),  cmocka_unit_test(odd_psfs),
        cmocka_unit_test(no_memory),    cmocka_unit_test(between_two_beams)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
