#include "config/config.h"
#include "config/options.h"
#include "config/unserved.h"
#include "unit/check.h"

static bool asks(const char *name, const char *value) {
    const struct pcl_unserved *u = pcl_unserved_find(name);
    assert_non_null(u);
    return pcl_unserved_asks(u, &value, 1);
}

/* Every parameter of tclean (casatasks 6.7.0.31) is known, in one table or the other, and only in
 * one. */
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
            fail_msg("%s is in %s", tclean[i],
                     pcl_option_find(tclean[i]) ? "both tables" : "no table");
    for (size_t i = 0; i < pcl_unserved_count(); i++)
        assert_null(pcl_option_find(pcl_unserved_at(i)->name));
}

static void test_what_asks_for_nothing(void **state) {
    (void)state;
    static const char *const nothing[][2] = {{"calcres", "1"},         {"interactive", "0"},
                                             {"interactive", "False"}, {"computepastep", "360.0"},
                                             {"facets", "1"},          {"parallel", "false"},
                                             {"savemodel", "none"},    {"savemodel", ""},
                                             {"scales", "None"},       {"nterms", "2"}};
    static const char *const much[][2] = {{"savemodel", "modelcolumn"},
                                          {"interactive", "true"},
                                          {"nterms", "3"},
                                          {"vptable", "beams.tab"},
                                          {"facets", "4"}};
    static const char *const zeros[] = {"0", "0.0"}, *const scales[] = {"0", "5"};
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++)
        assert_false(asks(nothing[i][0], nothing[i][1]));
    for (size_t i = 0; i < sizeof much / sizeof *much; i++)
        assert_true(asks(much[i][0], much[i][1]));
    assert_false(pcl_unserved_asks(pcl_unserved_find("scales"), NULL, 0));
    assert_false(pcl_unserved_asks(pcl_unserved_find("pointingoffsetsigdev"), zeros, 2));
    assert_true(pcl_unserved_asks(pcl_unserved_find("scales"), scales, 2));
}

static void test_list_of_what_was_asked(void **state) {
    (void)state;
    pclean_config c;
    pclean_err err;
    assert_ok(pcl_config_init(&c, &err));
    assert_null(pcl_asked(&c, "vptable"));
    assert_ok(pcl_asked_set(&c, "vptable", "a=b", &err));
    assert_ok(pcl_asked_set(&c, "savemodel", "virtual", &err));
    assert_ok(pcl_asked_set(&c, "vptable", "c", &err));
    assert_int_equal(c.asked.n, 2);
    assert_string_equal(pcl_asked(&c, "vptable"), "c");
    assert_ok(pcl_asked_set(&c, "vptable", NULL, &err));
    assert_null(pcl_asked(&c, "vptable"));
    assert_string_equal(pcl_asked(&c, "savemodel"), "virtual");
    pcl_config_clear(&c);
}

/* One sentence names everything; of one alone it says what it is and what could be said. */
static void test_all_in_one_sentence(void **state) {
    (void)state;
    static const char *const pipeline[][2] = {
        {"gridder", "mosaic"},        {"deconvolver", "mtmfs"}, {"nterms", "3"},
        {"reffreq", "1.5GHz"},        {"facets", "2"},          {"reffreq", "1.5GHz"},
        {"savemodel", "modelcolumn"}, {"calcpsf", "False"},     {"calcres", "False"},
        {"specmode", "cubesource"},   {"conjbeams", "True"},    {"mosweight", "False"},
        {"usepointing", "True"}};
    pclean_config c;
    pclean_err err;
    assert_ok(pcl_config_init(&c, &err));
    assert_ok(pclean_config_set(&c, "niter", "100", &err));
    for (size_t i = 0; i < sizeof pipeline / sizeof *pipeline; i++)
        assert_ok(pclean_config_set(&c, pipeline[i][0], pipeline[i][1], &err));
    assert_fails(pclean_config_served(&c, &err), PCLEAN_EUNSUPPORTED,
                 "are not available in this version of pclean; leave them out");
    for (size_t i = 0; i < sizeof pipeline / sizeof *pipeline; i++)
        assert_non_null(strstr(err.msg, pipeline[i][0]));
    assert_null(strchr(err.msg, '\n'));
    pcl_config_clear(&c);

    assert_ok(pcl_config_init(&c, &err));
    assert_ok(pclean_config_set(&c, "facets", "4", &err));
    assert_fails(pclean_config_served(&c, &err), PCLEAN_EUNSUPPORTED,
                 "facets=4 is not available in this version of pclean (the number of facets");
    assert_ok(pclean_config_set(&c, "facets", "1", &err));
    assert_ok(pclean_config_set(&c, "gridder", "mosaic", &err));
    assert_fails(
        pclean_config_served(&c, &err), PCLEAN_EUNSUPPORTED,
        "gridder=mosaic is not available in this version of pclean (available: standard, wproject");
    assert_ok(pclean_config_set(&c, "gridder", "standard", &err));
    assert_ok(pclean_config_served(&c, &err));
    pcl_config_clear(&c);
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_tclean_is_known), cmocka_unit_test(test_what_asks_for_nothing),
        cmocka_unit_test(test_list_of_what_was_asked), cmocka_unit_test(test_all_in_one_sentence),
        cmocka_unit_test(test_groups)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
