#include "config/options.h"
#include "config/unserved.h"
#include "unit/check.h"

static int check(const char *name, const char *value, pclean_err *err) {
    const struct pcl_unserved *u = pcl_unserved_find(name);
    assert_non_null(u);
    return pcl_unserved_check(u, &value, 1, err);
}

/* Every parameter of tclean (casatasks 6.7.0.31) is known, in one table or the other, and only in one. */
static void test_all_of_tclean_is_known(void **state) {
    (void)state;
    static const char *const tclean[] = {"vis",
                                         "selectdata",
                                         "field",
                                         "spw",
                                         "timerange",
                                         "uvrange",
                                         "antenna",
                                         "scan",
                                         "observation",
                                         "intent",
                                         "datacolumn",
                                         "imagename",
                                         "imsize",
                                         "cell",
                                         "phasecenter",
                                         "stokes",
                                         "projection",
                                         "startmodel",
                                         "specmode",
                                         "reffreq",
                                         "nchan",
                                         "start",
                                         "width",
                                         "outframe",
                                         "veltype",
                                         "restfreq",
                                         "interpolation",
                                         "perchanweightdensity",
                                         "gridder",
                                         "facets",
                                         "psfphasecenter",
                                         "wprojplanes",
                                         "vptable",
                                         "mosweight",
                                         "aterm",
                                         "psterm",
                                         "wbawp",
                                         "conjbeams",
                                         "cfcache",
                                         "usepointing",
                                         "computepastep",
                                         "rotatepastep",
                                         "pointingoffsetsigdev",
                                         "pblimit",
                                         "normtype",
                                         "deconvolver",
                                         "scales",
                                         "nterms",
                                         "smallscalebias",
                                         "fusedthreshold",
                                         "largestscale",
                                         "restoration",
                                         "restoringbeam",
                                         "pbcor",
                                         "outlierfile",
                                         "weighting",
                                         "robust",
                                         "noise",
                                         "npixels",
                                         "uvtaper",
                                         "niter",
                                         "gain",
                                         "threshold",
                                         "nsigma",
                                         "cycleniter",
                                         "cyclefactor",
                                         "minpsffraction",
                                         "maxpsffraction",
                                         "interactive",
                                         "nmajor",
                                         "fullsummary",
                                         "usemask",
                                         "mask",
                                         "pbmask",
                                         "sidelobethreshold",
                                         "noisethreshold",
                                         "lownoisethreshold",
                                         "negativethreshold",
                                         "smoothfactor",
                                         "minbeamfrac",
                                         "cutthreshold",
                                         "growiterations",
                                         "dogrowprune",
                                         "minpercentchange",
                                         "verbose",
                                         "fastnoise",
                                         "restart",
                                         "savemodel",
                                         "calcres",
                                         "calcpsf",
                                         "psfcutoff",
                                         "parallel"};
    for (size_t i = 0; i < sizeof tclean / sizeof tclean[0]; i++)
        if (!pcl_option_find(tclean[i]) == !pcl_unserved_find(tclean[i]))
            fail_msg("%s is in %s", tclean[i], pcl_option_find(tclean[i]) ? "both tables" : "no table");
    for (size_t i = 0; i < pcl_unserved_count(); i++)
        assert_null(pcl_option_find(pcl_unserved_at(i)->name));
}

static void test_check(void **state) {
    (void)state;
    pclean_err err;
    assert_ok(check("noise", "1.0Jy", &err));
    assert_ok(check("interactive", "0", &err));
    assert_ok(check("interactive", "False", &err));
    assert_ok(check("computepastep", "360.0", &err));
    assert_ok(check("growiterations", "75", &err));
    assert_ok(check("parallel", "true", &err));
    assert_ok(check("savemodel", "none", &err));
    assert_ok(check("savemodel", "", &err));
    assert_ok(pcl_unserved_check(pcl_unserved_find("scales"), NULL, 0, &err));
    assert_fails(check("savemodel", "modelcolumn", &err), PCLEAN_EUNSUPPORTED, "savemodel=modelcolumn");
    assert_fails(check("interactive", "true", &err), PCLEAN_EUNSUPPORTED, "interactive=true");
    assert_fails(check("nterms", "3", &err), PCLEAN_EUNSUPPORTED, "leave it out or say 1, 2");
    assert_fails(check("vptable", "beams.tab", &err), PCLEAN_EUNSUPPORTED, "vptable");
    assert_fails(check("facets", "4", &err), PCLEAN_EUNSUPPORTED, "the number of facets");
}

static void test_groups(void **state) {
    (void)state;
    assert_true(pcl_unserved_is_group("cluster.slurm"));
    assert_false(pcl_unserved_is_group("cluster"));
    assert_non_null(pcl_unserved_find_in("deconvolution", "nterms"));
    assert_non_null(pcl_unserved_find_in("image", "nterms"));
    assert_null(pcl_unserved_find_in("grid", "nterms"));
    assert_null(pcl_unserved_find("niter"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_of_tclean_is_known), cmocka_unit_test(test_check),
                                       cmocka_unit_test(test_groups)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
