#include "base/mem.h"
#include "random.h"
#include "report/cubeview.h"
#include "unit/check.h"
#include <math.h>

#define NX          64
#define NY          48
#define NCHAN       20
#define BEAM_PIXELS 5.0 /* FWHM */

typedef struct sky {
    float *cube; /* [NCHAN][NY][NX] */
    double axis[NCHAN];
    casa_beam beam[NCHAN];
    size_t fail_at; /* channel whose reading fails; NCHAN: none */
    bool mask_corner;
} sky;

static int read_sky(void *user, size_t ichan, float *pixels, bool *good, pclean_err *err) {
    sky *s = user;
    if (ichan == s->fail_at) {
        return PCL_FAIL(err, PCLEAN_EIO, "broken plane");
    }
    memcpy(pixels, s->cube + ichan * NX * NY, NX * NY * sizeof *pixels);
    for (size_t i = 0; i < NX * NY; i++) {
        good[i] = !(s->mask_corner && i % NX < 6 && i / NX < 6);
    }
    return 0;
}

/* Noise of 1 mJy/beam, convolved by nothing, and a source of `peak` Jy/beam at (40, 20) in channels
 * 8 to 12. */
static void make_sky(sky *s, double peak) {
    pclean_err err;
    assert_ok(PCL_NEW(&s->cube, NX * NY * NCHAN, "cube", &err));
    for (size_t c = 0; c < NCHAN; c++) {
        s->axis[c] = 100 - 2 * (double)c;
        s->beam[c] = (casa_beam){BEAM_PIXELS * 1e-5, BEAM_PIXELS * 1e-5, 0};
        for (size_t i = 0; i < NX * NY; i++) {
            double dx = (double)(i % NX) - 40, dy = (double)(i / NX) - 20, r2 = dx * dx + dy * dy;
            double source =
                c >= 8 && c <= 12 ? peak * exp(-4 * M_LN2 * r2 / (BEAM_PIXELS * BEAM_PIXELS)) : 0;
            s->cube[c * NX * NY + i] = (float)(source + 1e-3 * random_normal());
        }
    }
    s->fail_at = NCHAN;
    s->mask_corner = false;
}

static pcl_cube_source source_of(sky *s, bool beam) {
    return (pcl_cube_source){NX,       NY, NCHAN, 1e-5, 1e-5, s->axis, beam ? s->beam : NULL,
                             read_sky, s};
}

/* A point source's flux, its channels and its place come back. */
static void test_planted_source(void **state) {
    (void)state;
    sky s;
    make_sky(&s, 0.1);
    pcl_cube_source source = source_of(&s, true);
    pcl_cubeview v;
    pclean_err err;
    assert_ok(pcl_cubeview_make(&source, 0, 25, &v, &err));
    assert_true(v.found);
    assert_true(v.region[20 * NX + 40]);
    assert_false(v.region[5 * NX + 5]);
    assert_true(fabs(v.rms_typical - 1e-3) < 5e-5);
    assert_true(fabs(v.spectrum[10] - 0.1) < 0.005);
    assert_true(fabs(v.spectrum[2]) < 4 * v.spectrum_rms[2]);
    assert_int_equal(v.chan_lo, 7);
    assert_int_equal(v.chan_hi, 13);
    assert_int_equal(v.npanel, 7);
    assert_int_equal(v.panel_chan[1], 8);
    size_t x = 40 - v.x0, y = 20 - v.y0; /* the window holds the source; moment 0 = 5 channels of
                                          * 2 units */
    assert_true(x < v.map_nx && y < v.map_ny);
    assert_true(fabs((double)v.moment0[y * v.map_nx + x] - 0.1 * 5 * 2) < 0.03);
    pcl_cubeview_clear(&v);
    pcl_free(s.cube);
}

/* Noise alone: no region, all channels, the spectrum of the brightest pixel's beam. */
static void test_noise_alone(void **state) {
    (void)state;
    sky s;
    make_sky(&s, 0);
    pcl_cube_source source = source_of(&s, true);
    pcl_cubeview v;
    pclean_err err;
    assert_ok(pcl_cubeview_make(&source, 0, 6, &v, &err));
    assert_false(v.found);
    assert_true(v.nregion > 0);
    assert_int_equal(v.chan_lo, 0);
    assert_int_equal(v.chan_hi, NCHAN - 1);
    assert_int_equal(v.stride, 4);
    assert_int_equal(v.npanel, 5);
    assert_int_equal(v.nx, NX);
    pcl_cubeview_clear(&v);
    pcl_free(s.cube);
}

static void test_blank_and_masked(void **state) {
    (void)state;
    sky s;
    make_sky(&s, 0.1);
    s.mask_corner = true;
    for (size_t i = 0; i < NX * NY; i++) {
        s.cube[3 * NX * NY + i] = 0;
        s.cube[4 * NX * NY + i] = NAN;
    }
    pcl_cube_source source = source_of(&s, false);
    pcl_cubeview v;
    pclean_err err;
    assert_ok(pcl_cubeview_make(&source, NX * 1e-5, 25, &v, &err));
    assert_true(v.rms[3] == 0 && v.rms[4] == 0);
    assert_true(isfinite(v.spectrum[4]));
    assert_true(fabs(v.spectrum[10] - 0.1) < 0.01); /* no beam: the brightest pixel */
    assert_int_equal(v.x0, 0);
    assert_true(isnan(v.panel[0]));
    pcl_cubeview_clear(&v);
    pcl_free(s.cube);
}

static void test_failures_leave_nothing(void **state) {
    (void)state;
    sky s;
    make_sky(&s, 0.1);
    s.fail_at = 7;
    pcl_cube_source source = source_of(&s, true);
    pcl_cubeview v;
    pclean_err err;
    assert_fails(pcl_cubeview_make(&source, 0, 25, &v, &err), PCLEAN_EIO,
                 "channel 7: broken plane");
    assert_null(v.region);
    s.fail_at = NCHAN;
    long n = 1;
    for (;; n++) { /* every allocation fails once */
        pcl_mem_fail_after(n);
        int rc = pcl_cubeview_make(&source, 0, 25, &v, &err);
        pcl_mem_fail_after(0);
        if (rc == 0) {
            break;
        }
        assert_int_equal(rc, -PCLEAN_ENOMEM);
        assert_null(v.panel);
    }
    assert_true(n > 10);
    pcl_cubeview_clear(&v);
    pcl_free(s.cube);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_planted_source), cmocka_unit_test(test_noise_alone),
        cmocka_unit_test(test_blank_and_masked), cmocka_unit_test(test_failures_leave_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
