#include "config/config.h"
#include "unit/check.h"
#include <math.h>

static pclean_config config;
static pclean_err err;

static int begin(void **state) {
    (void)state;
    int rc = pcl_config_init(&config, &err);
    rc = rc ? rc : pclean_config_set(&config, "vis", "a.ms", &err);
    return rc ? rc : pclean_config_set(&config, "imagename", "out/name", &err);
}

static int end(void **state) {
    (void)state;
    pcl_config_clear(&config);
    return 0;
}

static void set(const char *name, const char *value) {
    assert_ok(pclean_config_set(&config, name, value, &err));
}

static void test_defaults_need_only_names(void **state) {
    (void)state;
    assert_ok(pclean_config_validate(&config, &err));
    pclean_config bare;
    assert_ok(pcl_config_init(&bare, &err));
    assert_fails(pclean_config_validate(&bare, &err), PCLEAN_EPARAM, "vis is not given");
    assert_non_null(strstr(err.msg, "\nimagename is not given"));
    pcl_config_clear(&bare);
}

static void test_each_rule(void **state) {
    (void)state;
    static const char *const bad[][3] = {
        {"imagename", "folder/", "imagename=folder/: "},
        {"imagename", "a\nb", "line break"},
        {"imsize", "0", "imsize=0,0: at least 1"},
        {"imsize", "10,-1", "imsize=10,-1"},
        {"cell", "0arcsec", "cell=0arcsec,0arcsec: "},
        {"cell", "60deg", "below one radian"},
        {"startmodel", "a,b", "startmodel"},
        {"phasecenter", "J2000 12h56m44", "phasecenter=J2000 12h56m44: "},
        {"phasecenter", "-1", "phasecenter=-1"},
        {"phasecenter", "a b c d", "phasecenter"},
        {"phasecenter", "MOON", "phasecenter"},
        {"nchan", "0", "nchan=0"},
        {"nchan", "-2", "nchan=-2"},
        {"start", "5arcsec", "start=5arcsec"},
        {"start", "-3", "count from 0"},
        {"start", "1.5", "start=1.5"},
        {"start", "-1GHz", "above 0"},
        {"width", "0", "width=0: anything but 0"},
        {"width", "wide", "width=wide: a number of data channels"},
        {"restfreq", "1.4", "restfreq=1.4: a frequency"},
        {"start", "BARY 1.4GHz", "start=BARY 1.4GHz: the frame is not outframe=LSRK"},
        {"start", "OPTICAL 100km/s", "start=OPTICAL 100km/s: the convention is not veltype=radio"},
        {"width", "1 2 3", "width=1 2 3"},
        {"robust", "2.1", "robust=2.1: from -2 to 2"},
        {"accuracy", "1e-7", "accuracy"},
        {"accuracy", "0.1", "accuracy=0.1"},
        {"noise", "0Jy", "noise=0Jy: above 0"},
        {"noise", "-1mJy", "noise=-0.001Jy: above 0"},
        {"noise", "", "noise=0Jy: above 0"},
        {"npixels", "-1", "npixels=-1: 0"},
        {"npixels", "65536", "npixels=65536: 0"},
        {"npixels", "50", "npixels=50: the box of 2 npixels + 1 cells"},
        {"fracbw", "-0.1", "fracbw=-0.1: a number above 0 and below 2"},
        {"fracbw", "2", "fracbw=2: a number"},
        {"fracbw", "nan", "fracbw=nan: a number"},
        {"fracbw", "0.1GHz", "fracbw=0.1GHz: a number"},
        {"fracbw", "wide", "fracbw=wide: a number"},
        {"uvtaper", "0m", "uvtaper=0m"},
        {"uvtaper", "1klambda,2m", "both axes"},
        {"uvtaper", "1GHz", "uvtaper=1GHz"},
        {"uvtaper", "0arcsec", "uvtaper=0arcsec"},
        {"uvtaper", "1klambda,2arcsec", "both axes"},
        {"uvtaper", "1klambda,2klambda,3m", "position angle"},
        {"uvtaper", "1,2,3,4", "one size, or"},
        {"restoringbeam", "10", "with their unit"},
        {"restoringbeam", "1arcsec,2arcsec", "major axis comes first"},
        {"restoringbeam", "Common", "common, or sizes"}, /* as tclean */
        {"restoringbeam", "common,2arcsec", "common, or sizes"},
        {"restoringbeam", "101arcsec", "larger than the image"},
        {"pbmask", "1", "pbmask=1"},
        {"sidelobethreshold", "-1", "sidelobethreshold=-1: 0 or more"},
        {"noisethreshold", "-1", "noisethreshold=-1: 0 or more"},
        {"lownoisethreshold", "-0.5", "lownoisethreshold=-0.5: 0 or more"},
        {"negativethreshold", "-3", "negativethreshold=-3: 0 (off) or more"},
        {"smoothfactor", "-1", "smoothfactor=-1: 0 (off) to 1000"},
        {"minbeamfrac", "-0.1", "minbeamfrac=-0.1: 0 (off) or more"},
        {"cutthreshold", "1", "cutthreshold=1: from 0 to below 1"},
        {"growiterations", "-1", "growiterations=-1: 0 (off) or more"},
        {"pblimit", "1", "pblimit=1"},
        {"psfcutoff", "0", "psfcutoff=0"},
        {"psfcutoff", "1", "psfcutoff=1"},
        {"niter", "-1", "niter=-1"},
        {"gain", "0", "gain=0"},
        {"gain", "1.1", "gain=1.1"},
        {"threshold", "-1mJy", "threshold=-0.001Jy"},
        {"nsigma", "-1", "nsigma=-1"},
        {"cycleniter", "0", "cycleniter=0"},
        {"cyclefactor", "0", "cyclefactor=0"},
        {"minpsffraction", "0", "minpsffraction=0"},
        {"maxpsffraction", "1.5", "maxpsffraction=1.5"},
        {"nmajor", "-2", "nmajor=-2"},
        {"threads", "-1", "threads=-1"},
        {"memory", "16", "memory=16: a size with its unit"},
        {"memory", "plenty", "memory=plenty"},
        {"memory", "-1GiB", "memory=-1GiB"},
        {"memory", "3GHz", "memory=3GHz"},
        {"memory_limit", "-1GB", "memory_limit=-1GB: 4GB, 4GiB, or 0.5"},
        {"memory_limit", "half", "memory_limit=half"},
        {"field", "['0','1']", "field=0,1: one text, or a list of as many"},
        {"scan", "(1, 2, 3)", "scan=1,2,3: one text"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        end(NULL);
        begin(NULL);
        set("specmode", "cube");
        set("weighting", "briggsabs");
        set(bad[i][0], bad[i][1]);
        assert_fails(pclean_config_validate(&config, &err), PCLEAN_EPARAM, bad[i][2]);
        if (strchr(err.msg, '\n'))
            fail_msg("more than one complaint about %s: %s", bad[i][0], err.msg);
    }
}

/* What weightings refuse of each other's settings, as tclean does, and the boxes that fit. */
static void test_weightings(void **state) {
    (void)state;
    set("weighting", "briggsbwtaper");
    assert_fails(pclean_config_validate(&config, &err), PCLEAN_EPARAM,
                 "weighting=briggsbwtaper: briggsbwtaper is for cubes");
    set("specmode", "cubedata");
    assert_ok(pclean_config_validate(&config, &err));
    set("perchanweightdensity", "false");
    assert_ok(pclean_config_validate(&config, &err));
    set("npixels", "1");
    assert_fails(pclean_config_validate(&config, &err), PCLEAN_EPARAM,
                 "npixels=1: 0 with weighting=briggsbwtaper");
    set("npixels", "50");
    set("weighting", "uniform"); /* the size of the grid, with one density for all */
    assert_ok(pclean_config_validate(&config, &err));
    set("npixels", "1");
    assert_fails(pclean_config_validate(&config, &err), PCLEAN_EPARAM,
                 "npixels=1: 0, or at least 2: cells");
    set("npixels", "50");
    set("perchanweightdensity", "true");
    assert_fails(pclean_config_validate(&config, &err), PCLEAN_EPARAM, "npixels=50: the box");
    set("perchanweightdensity", "false");
    set("weighting", "superuniform");
    assert_fails(pclean_config_validate(&config, &err), PCLEAN_EPARAM, "npixels=50: the box");
    set("npixels", "0");
    set("imsize", "7");
    assert_fails(pclean_config_validate(&config, &err), PCLEAN_EPARAM, "npixels=0: the box");
    set("imsize", "8");
    assert_ok(pclean_config_validate(&config, &err));
}

static void test_good_values(void **state) {
    (void)state;
    static const char *const good[][2] = {{"imsize", "101"},
                                          {"imsize", "7919,1"},
                                          {"phasecenter", "3"},
                                          {"phasecenter", "J2000 12h56m44 +21d41m05"},
                                          {"phasecenter", "292.5deg -40.0deg"},
                                          {"phasecenter", "ICRS 13:05:27.2780 -049.28.04.458"},
                                          {"nchan", "64"},
                                          {"start", "0"},
                                          {"start", "1.4GHz"},
                                          {"start", "-300km/s"},
                                          {"start", ""},
                                          {"width", "-2"},
                                          {"width", "5km/s"},
                                          {"width", "-5km/s"},
                                          {"restfreq", "1.42GHz"},
                                          {"robust", "-2"},
                                          {"accuracy", "1e-6"},
                                          {"accuracy", "0.01"},
                                          {"uvtaper", "5klambda"},
                                          {"uvtaper", "300"},
                                          {"uvtaper", "100m"},
                                          {"uvtaper", "0.2km,100m,20deg"},
                                          {"noise", "-1Jy"}, /* of no weighting that has it */
                                          {"npixels", "49"},
                                          {"weighting", "briggsbwtaper"},
                                          {"fracbw", "0"},
                                          {"fracbw", "1.999"},
                                          {"uvtaper", "10arcsec,5arcsec,30deg"},
                                          {"restoringbeam", "10arcsec"},
                                          {"restoringbeam", "common"},
                                          {"restoringbeam", "100arcsec"},
                                          {"restoringbeam", "10arcsec,5arcsec,-30deg"},
                                          {"pblimit", "-0.1"},
                                          {"gain", "1"},
                                          {"nmajor", "0"},
                                          {"cycleniter", "1"},
                                          {"stokes", "RRLL"},
                                          {"projection", "sin"}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        end(NULL);
        begin(NULL);
        set("specmode", "cube");
        set(good[i][0], good[i][1]);
        assert_ok(pclean_config_validate(&config, &err));
    }
}

static void test_combinations(void **state) {
    (void)state;
    set("nchan", "5");
    set("start", "3");
    assert_ok(pclean_config_validate(&config, &err)); /* mfs has no use for them: test_effect */
    set("specmode", "cube");
    assert_ok(pclean_config_validate(&config, &err));
    set("start", "1.4GHz");
    set("width", "5km/s");
    assert_fails(pclean_config_validate(&config, &err), PCLEAN_EPARAM, "both be frequencies");
    set("width", "1");
    set("usemask", "pb");
    set("pbmask", "0.2");
    assert_ok(pclean_config_validate(&config, &err));
    set("pbcor", "true");
    set("restoration", "false");
    assert_ok(pclean_config_validate(&config, &err));
    set("pbmask", "0"); /* where CLEAN would look is no matter without CLEAN */
    assert_ok(pclean_config_validate(&config, &err));
    set("niter", "1");
    assert_fails(pclean_config_validate(&config, &err), PCLEAN_EPARAM,
                 "pbmask=0: usemask=pb needs");
}

static void test_unsupported(void **state) {
    (void)state;
    set("specmode", "cube");
    set("outframe", "SOURCE");
    assert_fails(pclean_config_validate(&config, &err), PCLEAN_EUNSUPPORTED, "outframe=SOURCE");
    set("specmode", "mvc"); /* a cube, too: start and width are not complained about */
    set("start", "5");
    assert_fails(pclean_config_validate(&config, &err), PCLEAN_EUNSUPPORTED,
                 "outframe=SOURCE, specmode=mvc");
    assert_null(strstr(err.msg, "start"));
    set("niter", "-5");
    assert_fails(pclean_config_validate(&config, &err), PCLEAN_EPARAM, "outframe=SOURCE");
    assert_non_null(strstr(err.msg, "niter=-5"));
}

static void test_parts(void **state) {
    (void)state;
    static const char *const good[][2] = {{"specmode", "cube"},    {"nchan", "4"},
                                          {"part_channel", "8"},   {"part_nchan", "12"},
                                          {"part_start", "1.4e9"}, {"part_width", "-1e5"}};
    static const char *const bad[][2] = {
        {"part_channel", "9"},         {"part_channel", "-2"},          {"nchan", "-1"},
        {"part_nchan", "0"},           {"part_nchan", "2147483647000"}, {"part_start", "0"},
        {"part_width", "0"},           {"part_samples", "-1"},          {"part_wmax", "-1"},
        {"part_channel", "2147483647"}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        set(good[i][0], good[i][1]);
    assert_ok(pclean_config_validate(&config, &err));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pclean_err why;
        const char *was = "0";
        for (size_t k = 0; k < sizeof good / sizeof *good; k++)
            was = strcmp(good[k][0], bad[i][0]) ? was : good[k][1];
        if (pclean_config_set(&config, bad[i][0], bad[i][1], &why) == 0)
            assert_fails(pclean_config_validate(&config, &err), PCLEAN_EPARAM, bad[i][0]);
        set(bad[i][0], was);
    }
    assert_ok(pclean_config_validate(&config, &err));
    set("cyclecontrol", "global");
    set("niter", "1");
    assert_fails(pclean_config_validate(&config, &err), PCLEAN_EPARAM, "cyclecontrol=global");
    set("part_channel", "-1"); /* the rest has no meaning then */
    set("part_start", "-1");
    assert_ok(pclean_config_validate(&config, &err));
}

/* Lists for each MeasurementSet have as many items as there are. */
static void test_one_for_each_ms(void **state) {
    (void)state;
    char *item[] = {(char *)"0", (char *)"1"};
    const pclean_strlist keep = config.spw;
    config.spw = (pclean_strlist){2, item};
    assert_fails(pclean_config_validate(&config, &err), PCLEAN_EPARAM,
                 "spw=0,1: one text, or a list of as many");
    config.spw = keep;
}

/* A program may fill the struct itself, with anything. */
static void test_hand_filled(void **state) {
    (void)state;
    config.specmode = 17;
    config.gain = config.noisethreshold = config.minpercentchange = NAN;
    config.negativethreshold = INFINITY;
    config.cell_rad[0] = INFINITY;
    config.outframe[0] = '?';
    assert_fails(pclean_config_validate(&config, &err), PCLEAN_EPARAM,
                 "specmode: choose one of mfs, cube, cubedata");
    assert_non_null(strstr(err.msg, "gain=nan"));
    assert_non_null(strstr(err.msg, "cell="));
    assert_non_null(strstr(err.msg, "noisethreshold=nan"));
    assert_non_null(strstr(err.msg, "negativethreshold=inf"));
    assert_non_null(strstr(err.msg, "minpercentchange=nan"));
    assert_non_null(strstr(err.msg, "outframe: choose one of LSRK"));
}

#define with_config(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {with_config(test_defaults_need_only_names),
                                       with_config(test_each_rule),
                                       with_config(test_weightings),
                                       with_config(test_good_values),
                                       with_config(test_combinations),
                                       with_config(test_unsupported),
                                       with_config(test_parts),
                                       with_config(test_one_for_each_ms),
                                       with_config(test_hand_filled)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
