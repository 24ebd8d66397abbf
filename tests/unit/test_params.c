/* imager/params.c: what each option that concerns the imager becomes. */
#include "config/config.h"
#include "imager/params.h"

#include <math.h>

#include "unit/check.h"

static pclean_err err;

static void set(pclean_config *c, const char *name, const char *value) {
    assert_ok(pclean_config_set(c, name, value, &err));
}

/* The configuration that has these values besides the defaults. */
static pcl_params resolve(const char *const *more) {
    pclean_config c;
    pcl_params p;
    assert_ok(pcl_config_init(&c, &err));
    for (; more && *more; more += 2)
        set(&c, more[0], more[1]);
    assert_ok(pcl_params_resolve(&c, &p, &err));
    pcl_config_clear(&c);
    return p;
}

static void refuse(const char *name, const char *value, const char *words) {
    pclean_config c;
    pcl_params p;
    assert_ok(pcl_config_init(&c, &err));
    set(&c, name, value);
    assert_fails(pcl_params_resolve(&c, &p, &err), PCLEAN_EPARAM, words);
    pcl_config_clear(&c);
}

#define WITH(...) resolve((const char *const[]){__VA_ARGS__, NULL})

static void defaults_make_a_dirty_image(void **state) {
    (void)state;
    const pcl_params p = resolve(NULL);
    assert_ptr_equal(p.gridder, &pcl_gridder_flat);
    assert_ptr_equal(p.deconvolver, &pcl_deconvolver_hogbom);
    assert_int_equal(p.nterm, 1);
    assert_false(p.model || p.model_at_first || p.common_density || p.taper.on);
    assert_true(!p.density && !p.radial && p.fracbw == 0 && p.restoring_beam.major_rad == 0);
    assert_true(p.slicing.samples == pcl_slicing_usual.samples &&
                p.slicing.per_pixel == pcl_slicing_usual.per_pixel);
}

static void gridders_are_chosen(void **state) {
    (void)state;
    assert_ptr_equal(WITH("gridder", "standard").gridder, &pcl_gridder_flat);
    assert_ptr_equal(WITH("gridder", "wproject").gridder, &pcl_gridder_wstack);
    assert_ptr_equal(WITH("gridder", "widefield").gridder, &pcl_gridder_wstack);
}

static void deconvolvers_are_chosen(void **state) {
    (void)state;
    assert_ptr_equal(WITH("deconvolver", "hogbom").deconvolver, &pcl_deconvolver_hogbom);
    assert_ptr_equal(WITH("deconvolver", "clark").deconvolver, &pcl_deconvolver_clark);
    assert_ptr_equal(WITH("deconvolver", "clarkstokes").deconvolver, &pcl_deconvolver_clarkstokes);
}

static void models_are_made_or_given(void **state) {
    (void)state;
    const pcl_params clean = WITH("niter", "1"), restart = WITH("restart", "true"),
                     start = WITH("startmodel", "a.model"),
                     both = WITH("niter", "5", "restart", "true");
    assert_true(clean.model && !clean.model_at_first);
    assert_true(restart.model && restart.model_at_first);
    assert_true(start.model && start.model_at_first);
    assert_true(both.model && both.model_at_first);
}

/* One density for all channels: mfs always, cubes with perchanweightdensity=false or superuniform
 * weights; natural and radial weights have none. */
static void densities_are_common_or_not(void **state) {
    (void)state;
    static const char *const weighting[] = {"natural",   "radial",        "uniform",     "briggs",
                                            "briggsabs", "briggsbwtaper", "superuniform"},
                             *const specmode[] = {"mfs", "cube", "cubedata"},
                             *const each[] = {"true", "false"};
    for (size_t w = 0; w < 7; w++)
        for (size_t m = 0; m < 3; m++)
            for (size_t e = 0; e < 2; e++) {
                const pcl_params p = WITH("weighting", weighting[w], "specmode", specmode[m],
                                          "perchanweightdensity", each[e]);
                assert_int_equal(p.density, w > 1);
                assert_int_equal(p.radial, w == 1);
                assert_int_equal(p.common_density, w > 1 && (m == 0 || e == 1 || w == 6));
            }
}

static void assert_near(double is, double want) {
    if (!(fabs(is - want) <= 1e-12 * fabs(want)))
        fail_msg("%.15g is not %.15g", is, want);
}

static void assert_taper(const char *text, const pcl_taper *want) {
    const pcl_params p = WITH("uvtaper", text);
    const pcl_taper *is = &p.taper;
    assert_true(is->on);
    assert_near(is->major, want->major);
    assert_near(is->minor, want->minor);
    assert_near(is->cos_pa, want->cos_pa);
    assert_near(is->sin_pa, want->sin_pa);
    assert_int_equal(is->metres, want->metres);
}

/* tclean's forms of uvtaper: one axis or two and a position angle; angles on the sky, wavelengths,
 * and numbers that are wavelengths. */
static void tapers_are_read(void **state) {
    (void)state;
    const double arcsec = M_PI / 648000, degree = M_PI / 180;
    const pcl_taper round = pcl_taper_sky(10 * arcsec, 10 * arcsec, 0),
                    oval = pcl_taper_sky(10 * arcsec, 5 * arcsec, 30 * degree),
                    uv = pcl_taper_uv(2000, 2000, 0), metres = pcl_taper_baseline(200, 100, 0),
                    bare = pcl_taper_uv(300, 200, 45 * degree);
    assert_taper("10arcsec", &round);
    assert_taper("10arcsec,5arcsec,30deg", &oval);
    assert_taper("2klambda", &uv);
    assert_taper("0.2km,100m", &metres);
    assert_taper("300,200,45", &bare);
    assert_false(WITH("uvtaper", "").taper.on);
    refuse("uvtaper", "10furlongs", "uvtaper: ");
    refuse("fracbw", "wide", "fracbw: ");
    assert_true(WITH("fracbw", "0.25").fracbw == 0.25);
    refuse("uvtaper", "10arcsec,5arcsec,3km", "uvtaper: ");
}

/* restoringbeam: a circle, an ellipse, with its angle; a bare number is in arcsec, and of the angle
 * in degrees. */
static void restoring_beams_are_read(void **state) {
    (void)state;
    const double arcsec = M_PI / 648000, degree = M_PI / 180;
    const pcl_beam circle = WITH("restoringbeam", "3").restoring_beam,
                   ellipse = WITH("restoringbeam", "3arcsec,2000mas,-20").restoring_beam;
    assert_near(circle.major_rad, 3 * arcsec);
    assert_near(circle.minor_rad, 3 * arcsec);
    assert_true(circle.pa_rad == 0);
    assert_near(ellipse.major_rad, 3 * arcsec);
    assert_near(ellipse.minor_rad, 2 * arcsec);
    assert_near(ellipse.pa_rad, -20 * degree);
    refuse("restoringbeam", "3km", "restoringbeam: ");
}

static void control_is_copied(void **state) {
    (void)state;
    const pcl_control c =
        WITH("niter", "70", "cycleniter", "9", "nmajor", "3", "threshold", "5mJy", "nsigma", "2.5",
             "cyclefactor", "1.5", "minpsffraction", "0.1", "maxpsffraction", "0.7")
            .control;
    assert_int_equal(c.niter, 70);
    assert_int_equal(c.cycleniter, 9);
    assert_int_equal(c.nmajor, 3);
    assert_near(c.threshold_jy, 5e-3);
    assert_near(c.nsigma, 2.5);
    assert_near(c.cyclefactor, 1.5);
    assert_near(c.minpsffraction, 0.1);
    assert_near(c.maxpsffraction, 0.7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_make_a_dirty_image), cmocka_unit_test(gridders_are_chosen),
        cmocka_unit_test(deconvolvers_are_chosen),     cmocka_unit_test(models_are_made_or_given),
        cmocka_unit_test(densities_are_common_or_not), cmocka_unit_test(tapers_are_read),
        cmocka_unit_test(restoring_beams_are_read),    cmocka_unit_test(control_is_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
