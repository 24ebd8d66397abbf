#include "config/config.h"
#include "config/effect.h"
#include "config/options.h"
#include "config/unserved.h"
#include "config/value.h"
#include "unit/check.h"

static pclean_config config;
static pclean_err err;

static int begin(void **state) {
    (void)state;
    return pcl_config_init(&config, &err);
}

static int end(void **state) {
    (void)state;
    pcl_config_clear(&config);
    return 0;
}

/* "name=value; name=value" */
static void set_all(const char *text) {
    char copy[400], *rest = NULL;
    end(NULL);
    assert_ok(begin(NULL));
    snprintf(copy, sizeof copy, "%s", text);
    for (char *p = strtok_r(copy, ";", &rest); p; p = strtok_r(NULL, ";", &rest)) {
        p += strspn(p, " ");
        char *equals = strchr(p, '=');
        *equals = '\0';
        assert_ok(pclean_config_set(&config, p, equals + 1, &err));
    }
}

/* A value of a condition's parameter: a run on which it asks for nothing, and one on which it does
 * (NULL: there is none that is served). */
static void test_each_condition(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"reffreq=1.5GHz", "deconvolver=hogbom; niter=5", "deconvolver=mtmfs"},
        {"nterms=3", "niter=5", "deconvolver=mtmfs"},
        {"psfphasecenter=J2000 1h 2d", "niter=5", "gridder=mosaic"},
        {"mosweight=False", "weighting=briggs", "gridder=mosaicft"},
        {"conjbeams=True", "gridder=wproject", "gridder=awproject"},
        {"usepointing=True", "gridder=widefield", "gridder=awproject"},
        {"cfcache=x.cf", "", "gridder=awproject"},
        {"aterm=False", "", "gridder=awproject"},
        {"psterm=True", "", "gridder=awproject"},
        {"wbawp=False", "", "gridder=awp2"},
        {"computepastep=5", "", "gridder=awproject"},
        {"rotatepastep=5", "", "gridder=awproject"},
        {"pointingoffsetsigdev=[30,30]", "", "gridder=awproject"},
        {"normtype=pbsquare", "", "gridder=mosaic"},
        {"scales=[0,5]", "niter=5", "deconvolver=multiscale; niter=5"},
        {"scales=[0,5]", "deconvolver=multiscale", "deconvolver=mtmfs; niter=5"},
        {"smallscalebias=0.6", "niter=5", "deconvolver=multiscale; niter=5"},
        {"fusedthreshold=0.1", "niter=5", "deconvolver=asp; niter=5"},
        {"largestscale=9", "niter=5", "deconvolver=asp; niter=5"},
        {"interactive=True", "niter=0", "niter=1"},
        {"calcres=False", "restart=true", "restart=false"},
        {"calcpsf=False", "niter=1; restart=true", "niter=1"},
        {"deconvolver=clark_exp", "niter=0", "niter=1"},
        {"deconvolver=multiscale", "niter=0", "niter=1"},
        {"deconvolver=mtmfs", NULL, "niter=0"},
        {"interpolation=cubic", "specmode=mfs", "specmode=cube"},
        {"interpolation=cubic", "specmode=cube; nchan=1", "specmode=cube; nchan=2"},
        {"outframe=SOURCE", "specmode=cubedata", "specmode=cube"},
        {"veltype=z", "specmode=cube; width=1MHz", "specmode=cube; width=1km/s"},
        {"gridder=mosaic", NULL, ""},
        {"savemodel=virtual", NULL, "niter=0"},
        {"facets=2", NULL, "gridder=widefield"},
        {"calcpsf=False", NULL, "niter=0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[400];
        struct pcl_texts notes;
        for (int asks = 0; asks < 2; asks++) {
            if (!cases[i][1 + asks])
                continue;
            snprintf(text, sizeof text, "%s;%s", cases[i][1 + asks], cases[i][0]);
            set_all(text);
            int rc = pclean_config_served(&config, &err);
            assert_ok(pcl_effect_notes(&config, &notes, &err));
            bool noted = false;
            char name[40];
            snprintf(name, sizeof name, "%.*s=", (int)strcspn(cases[i][0], "="), cases[i][0]);
            for (size_t k = 0; k < notes.n; k++)
                noted = noted || (strstr(notes.item[k], name) &&
                                  strstr(notes.item[k], "without effect on this run ("));
            pcl_texts_clear(&notes);
            if (asks ? rc == 0 || noted || !strstr(err.msg, name) : rc != 0 || !noted)
                fail_msg("%s: status %d, %s", text, rc, noted ? "noted" : "not noted");
        }
    }
}

/* Parameters that are served, with a value that is not the default. */
static void test_served_parameters(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"pbcor=true;restoration=false", "pbcor=true"},
        {"robust=1", "robust=1: without effect on this run (weighting is not briggs)"},
        {"threshold=1mJy;gain=0.2",
         "gain=0.2, threshold=0.001Jy: without effect on this run (niter=0)"},
        {"pbmask=0.3;niter=1", "pbmask=0.3: without effect on this run (usemask is neither pb nor"},
        {"pbmask=0.3;niter=1;usemask=auto-multithresh;mask=a.crtf",
         "mask=a.crtf: without effect on this run (usemask=auto-multithresh finds its own"},
        {"sidelobethreshold=2;niter=5", "(usemask is not auto-multithresh)"},
        {"minbeamfrac=0.1;usemask=auto-multithresh",
         "usemask=auto-multithresh, minbeamfrac=0.1: without effect on this run (niter=0)"},
        {"wprojplanes=16", "(gridder=standard)"},
        {"wprojplanes=16;gridder=wproject", "the accuracy decides"},
        {"restoration=false;restoringbeam=5arcsec", "restoringbeam=5arcsec: "},
        {"restoration=false;specmode=cube;restoringbeam=common", "restoringbeam=common: "},
        {"specmode=mfs;stokes=Q;restoringbeam=common", "(the image has one plane)"},
        {"specmode=mfs;interpolation=nearest", "interpolation=nearest"},
        {"specmode=mfs;nchan=2;start=3;width=2",
         "nchan=2, start=3, width=2: without effect on this run (specmode=mfs"},
        {"noise=3Jy;weighting=briggs",
         "noise=3Jy: without effect on this run (weighting is not briggsabs)"},
        {"npixels=5", "npixels=5: without effect on this run (weighting=natural)"},
        {"npixels=5;weighting=radial", "npixels=5: without effect on this run (weighting=radial)"},
        {"fracbw=0.1;specmode=cube;weighting=briggs", "(weighting is not briggsbwtaper)"},
        {"perchanweightdensity=false;specmode=cube;weighting=superuniform",
         "(weighting=superuniform takes one density of all channels)"}};
    struct pcl_texts notes;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        set_all(cases[i][0]);
        assert_ok(pcl_effect_notes(&config, &notes, &err));
        assert_int_equal(notes.n, 1);
        if (!strstr(notes.item[0], cases[i][1]))
            fail_msg("%s: %s", cases[i][0], notes.item[0]);
        pcl_texts_clear(&notes);
    }
    set_all("pbcor=true;niter=10;threshold=1mJy;weighting=briggs;robust=1;specmode=cube;"
            "interpolation=nearest;usemask=auto-multithresh;growiterations=5;pbmask=0.3");
    assert_ok(pcl_effect_notes(&config, &notes, &err));
    assert_int_equal(notes.n, 0);
    set_all("weighting=briggsabs;robust=1;noise=3Jy;npixels=2;specmode=cube;"
            "perchanweightdensity=false");
    assert_ok(pcl_effect_notes(&config, &notes, &err));
    assert_int_equal(notes.n, 0);
    set_all("weighting=briggsbwtaper;fracbw=0.1;specmode=cube");
    assert_ok(pcl_effect_notes(&config, &notes, &err));
    assert_int_equal(notes.n, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_condition, begin, end),
        cmocka_unit_test_setup_teardown(test_served_parameters, begin, end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
