#include "config/config.h"
#include "config/value.h"
#include "unit/check.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static pclean_config config;
static pclean_err err;

static int set(const char *name, const char *text) {
    return pclean_config_set(&config, name, text, &err);
}

static int begin(void **state) {
    (void)state;
    return pcl_config_init(&config, &err);
}

static int end(void **state) {
    (void)state;
    pcl_config_clear(&config);
    return 0;
}

static void test_int_and_real(void **state) {
    (void)state;
    assert_ok(set("niter", "1000"));
    assert_int_equal(config.niter, 1000);
    assert_ok(set("niter", "1e4"));
    assert_int_equal(config.niter, 10000);
    assert_fails(set("niter", "1.5"), PCLEAN_EPARAM, "niter=1.5: a whole number");
    assert_fails(set("niter", "3000000000"), PCLEAN_EPARAM, "niter=3000000000");
    assert_fails(set("niter", ""), PCLEAN_EPARAM, "niter=\"\"");
    assert_int_equal(config.niter, 10000);
    assert_ok(set("robust", "-2"));
    assert_true(config.robust <= -2);
    assert_fails(set("robust", "nan"), PCLEAN_EPARAM, "robust=nan: a number");
    assert_fails(set("robust", "1Jy"), PCLEAN_EPARAM, "robust");
}

static void test_bool(void **state) {
    (void)state;
    static const char *const yes[] = {"true", "True", "YES", "1"}, *const no[] = {"false", "False",
                                                                                  "no", "0"};
    for (size_t i = 0; i < 4; i++) {
        assert_ok(set("pbcor", yes[i]));
        assert_true(config.pbcor);
        assert_ok(set("pbcor", no[i]));
        assert_false(config.pbcor);
    }
    assert_fails(set("pbcor", "maybe"), PCLEAN_EPARAM, "true or false");
    assert_ok(set("pbcor", NULL));
    assert_true(config.pbcor);
    assert_fails(set("niter", NULL), PCLEAN_EPARAM, "niter needs a value");
}

static void test_choice(void **state) {
    (void)state;
    assert_ok(set("weighting", "Briggs"));
    assert_int_equal(config.weighting, PCLEAN_WEIGHTING_BRIGGS);
    assert_fails(set("weighting", "brigs"), PCLEAN_EPARAM,
                 "choose one of natural, uniform, briggs");
    const char *const mosaic[] = {"mosaic"};
    assert_fails(pcl_value_set(pcl_option_find("gridder"), &config, mosaic, 1, &err),
                 PCLEAN_EUNSUPPORTED,
                 "gridder=mosaic is tclean's but not available in this version of pclean "
                 "(available: standard, wproject, widefield)");
    assert_ok(set("datacolumn", "observed"));
    assert_int_equal(config.datacolumn, PCLEAN_DATACOLUMN_DATA);
    assert_ok(set("specmode", "cont"));
    assert_int_equal(config.specmode, PCLEAN_SPECMODE_MFS);
    assert_fails(set("specmode", "spectrum"), PCLEAN_EPARAM, "spectrum");
    assert_ok(set("gridder", "gridft"));
    assert_ok(set("gridder", "ft"));
    assert_ok(set("outframe", "bary"));
    assert_string_equal(config.outframe, "BARY");
    assert_ok(set("stokes", "pseudoi"));
    assert_string_equal(config.stokes, "pseudoI");
    assert_ok(set("outframe", "")); /* tclean's other name of the default */
    assert_string_equal(config.outframe, "LSRK");
    assert_fails(set("veltype", ""), PCLEAN_EPARAM, "choose one of");
}

static void test_pairs(void **state) {
    (void)state;
    double arcsec = 3.14159265358979323846 / 648000;
    assert_ok(set("imsize", "512"));
    assert_int_equal(config.imsize[0], 512);
    assert_int_equal(config.imsize[1], 512);
    assert_ok(set("imsize", "[512, 256]"));
    assert_int_equal(config.imsize[1], 256);
    assert_ok(set("imsize", "100,50"));
    assert_int_equal(config.imsize[0], 100);
    assert_fails(set("imsize", "1,2,3"), PCLEAN_EPARAM, "there are 3");
    assert_fails(set("imsize", ""), PCLEAN_EPARAM, "there are 0");
    assert_int_equal(config.imsize[0], 100);
    assert_ok(set("cell", "['0.5arcsec','1arcmin']"));
    assert_true(fabs(config.cell_rad[0] - 0.5 * arcsec) < 1e-20);
    assert_true(fabs(config.cell_rad[1] - 60 * arcsec) < 1e-18);
    assert_ok(set("cell", "2"));
    assert_true(fabs(config.cell_rad[1] - 2 * arcsec) < 1e-20);
    assert_fails(set("cell", "2GHz"), PCLEAN_EPARAM, "cell=2GHz");
}

static void test_flux(void **state) {
    (void)state;
    assert_ok(set("threshold", ""));
    assert_ok(set("threshold", "5mJy"));
    assert_true(config.threshold_jy <= 0.005 && config.threshold_jy >= 0.005);
    assert_ok(set("threshold", "0.25"));
    assert_true(config.threshold_jy <= 0.25 && config.threshold_jy >= 0.25);
    assert_fails(set("threshold", "5arcsec"), PCLEAN_EPARAM, "flux density");
}

static void test_lists(void **state) {
    (void)state;
    assert_ok(set("vis", "a.ms, b c.ms"));
    assert_int_equal(config.vis.n, 2);
    assert_string_equal(config.vis.item[0], "a.ms");
    assert_string_equal(config.vis.item[1], "b c.ms");
    assert_ok(set("uvtaper", "['']"));
    assert_int_equal(config.uvtaper.n, 0);
    assert_ok(set("field", "0,1")); /* a text: MSSelection's own syntax */
    assert_int_equal(config.field.n, 1);
    assert_string_equal(config.field.item[0], "0,1");
}

/* What Python and CASA write, for every kind of parameter. */
static void test_python_forms(void **state) {
    (void)state;
    static const struct {
        const char *name, *text, *dumped;
    } cases[] = {
        {"imsize", "(64, 64)", "64,64"},
        {"imsize", "[64]", "64,64"},
        {"imsize", "(64,)", "64,64"},
        {"imsize", "[ 64 , 32, ]", "64,32"},
        {"imsize", "['64', \"32\"]", "64,32"},
        {"imsize", "[[64], [32]]", "64,32"},
        {"imsize", "'64'", "64,64"},
        {"imsize", "64,32,", "64,32"},
        {"imsize", "[]", "100,100"},
        {"cell", "['1arcsec']", "1arcsec,1arcsec"},
        {"cell", "('1arcsec','2arcsec')", "1arcsec,2arcsec"},
        {"cell", "\"3arcsec\"", "3arcsec,3arcsec"},
        {"cell", "[]", "1arcsec,1arcsec"},
        {"niter", "[100]", "100"},
        {"niter", "'100'", "100"},
        {"niter", "(100)", NULL},
        {"niter", "[1, 2]", NULL},
        {"niter", "[]", NULL},
        {"niter", "''", NULL},
        {"robust", "[-0.5]", "-0.5"},
        {"robust", "'0.5'", "0.5"},
        {"pbcor", "[True]", "true"},
        {"pbcor", "'False'", "false"},
        {"restoration", "(False,)", "false"},
        {"threshold", "['0.1mJy']", "0.0001Jy"},
        {"threshold", "'1Jy'", "1Jy"},
        {"stokes", "['IQUV']", "IQUV"},
        {"stokes", "\"I\"", "I"},
        {"specmode", "'cube'", "cube"},
        {"restfreq", "['1.25GHz']", "1.25GHz"},
        {"restfreq", "[]", ""},
        {"restfreq", "['']", ""},
        {"spw", "['0','0']", "0,0"},
        {"spw", "['0']", "0"},
        {"spw", "[0, 1]", "0,1"},
        {"spw", "('0:1~2,3', '')", "0:1~2,3,"},
        {"spw", "0:1~2,3", "0:1~2,3"},
        {"spw", "'0:1~2,3'", "0:1~2,3"},
        {"field", "['0,1']", "0,1"},
        {"field", "\"3C48\"", "\"3C48\""},
        {"scan", "['7,11', '8,12']", "7,11,8,12"},
        {"antenna", "['DV01&DV02']", "DV01&DV02"},
        {"taql", "(ANTENNA1 == 1)", "(ANTENNA1 == 1)"},
        {"taql", "ANTENNA1 IN [1,2]", "ANTENNA1 IN [1,2]"},
        {"taql", "NAME == 'a'", "NAME == 'a'"},
        {"uvtaper", "['']", ""},
        {"uvtaper", "[]", ""},
        {"uvtaper", "[ '1klambda', '2klambda' , '3deg' ]", "1klambda,2klambda,3deg"},
        {"restoringbeam", "('2arcsec',)", "2arcsec"},
        {"mask", "circle[[10pix,10pix],5pix]", "circle[[10pix,10pix],5pix]"},
        {"mask", "['circle[[10pix,10pix],5pix]']", "circle[[10pix,10pix],5pix]"},
        {"mask", "[circle[[10pix,10pix],5pix]]", "circle[[10pix,10pix],5pix]"},
        {"mask", "['a', 'b']", "a,b"},
        {"mask", "[['circle[[1pix,1pix],2pix]'], ['m.mask']]", "circle[[1pix,1pix],2pix],m.mask"},
        {"mask", "circle[[1pix,1pix],2pix], range=[1chan,2chan]",
         "circle[[1pix,1pix],2pix], range=[1chan,2chan]"},
        {"imsize", "array([64, 32])", "64,32"},
        {"imsize", "np.array([64, 32], dtype=int32)", "64,32"},
        {"imsize", "[64 32]", "64,32"},
        {"imsize", "[np.int64(64), numpy.int64(32)]", "64,32"},
        {"imsize", "array([64, 32)", NULL},
        {"cell", "{'value': 0.5, 'unit': 'arcsec'}", "0.5arcsec,0.5arcsec"},
        {"cell", "[{'unit': 'arcsec', 'value': 2.0}, '4arcsec']", "2arcsec,4arcsec"},
        {"cell", "[0.5 1. ]", "0.5arcsec,1arcsec"},
        {"cell", "", "1arcsec,1arcsec"},
        {"cell", "['']", "1arcsec,1arcsec"},
        {"robust", "np.float64(-0.5)", "-0.5"},
        {"stokes", "np.str_('IQUV')", "IQUV"},
        {"niter", "1_000", "1000"},
        {"niter", "1__000", NULL},
        {"niter", "1e4", "10000"},
        {"pbcor", "on", "true"},
        {"pbcor", "1.0", "true"},
        {"restoration", "F", "false"},
        {"start", "{'m0': {'unit': 'Hz', 'value': 1.4e9}, 'refer': 'LSRK', 'type': 'frequency'}",
         "LSRK 1.4e9Hz"},
        {"width", "{'value': array([-2.5]), 'unit': 'km/s'}", "-2.5km/s"},
        {"phasecenter",
         "{'m0': {'unit': 'rad', 'value': -1.2}, 'm1': {'unit': 'rad', 'value': 0.5}, "
         "'refer': 'J2000', 'type': 'direction'}",
         "J2000 -1.2rad 0.5rad"},
        {"restoringbeam",
         "{'major': {'unit': 'arcsec', 'value': 3.0}, 'minor': {'unit': 'arcsec', 'value': 2.0}, "
         "'positionangle': {'unit': 'deg', 'value': 10.0}}",
         "3.0arcsec,2.0arcsec,10.0deg"},
        {"threshold", "{'value': 2.0, 'unit': 'mJy'}", "0.002Jy"},
        {"threshold", "{'amount': 2.0}", NULL},
        {"threshold", "{'value': 2.0", NULL},
        {"restfreq", "[1.25e9, '1.4GHz']", "1.25e9,1.4GHz"},
        {"field", "None", ""},
        {"spw", "[None, '0']", ",0"},
        {"phasecenter", "'J2000 12h56m44 -21d41m05'", "J2000 12h56m44 -21d41m05"},
        {"phasecenter", "[2]", "2"},
        {"vis", "['a,b.ms', 'it\\'s.ms']", "a,b.ms,it's.ms"},
        {"vis", "'a,b.ms', c.ms", "a,b.ms,c.ms"},
        {"vis", "[None, 'a.ms']", "a.ms"},
        {"imsize", "[64, 64", NULL},
        {"imsize", "(64, 64]", NULL},
        {"vis", "[a.ms", "[a.ms"},
        {"imsize", "[[[[[[[[[[[[64]]]]]]]]]]]]", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char got[200];
        struct pcl_texts texts;
        end(NULL);
        assert_ok(begin(NULL));
        int rc = set(cases[i].name, cases[i].text);
        if (!cases[i].dumped) {
            if (rc != -PCLEAN_EPARAM)
                fail_msg("%s=%s was accepted", cases[i].name, cases[i].text);
            continue;
        }
        assert_ok(rc);
        assert_ok(pcl_value_get(pcl_option_find(cases[i].name), &config, &texts, &err));
        pcl_texts_join(&texts, got, sizeof got);
        pcl_texts_clear(&texts);
        if (strcmp(got, cases[i].dumped) != 0)
            fail_msg("%s=%s became %s", cases[i].name, cases[i].text, got);
    }
}

/* A path takes as many of the pieces between commas as make one that exists; quotation marks and
 * lists keep theirs. */
static void test_paths_with_commas(void **state) {
    (void)state;
    static const char *const paths[] = {"a,b.ms", "c.ms", "[x]", "'q'", "d, e"};
    assert_return_code(chdir(PCLEAN_TEST_TMP), errno);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (mkdir(paths[i], 0777) && errno != EEXIST)
            fail_msg("mkdir %s", paths[i]);
    static const struct {
        const char *text;
        size_t n;
        const char *first;
    } cases[] = {{"a,b.ms", 1, "a,b.ms"},    {"a,b.ms,c.ms", 2, "a,b.ms"},
                 {"c.ms,a,b.ms", 2, "c.ms"}, {"x.ms,y.ms", 2, "x.ms"},
                 {"[x]", 1, "[x]"},          {"'q'", 1, "'q'"},
                 {"d, e", 1, "d, e"},        {"d, e,c.ms", 2, "d, e"},
                 {"['a', 'b.ms']", 2, "a"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(set("vis", cases[i].text));
        assert_int_equal(config.vis.n, cases[i].n);
        assert_string_equal(config.vis.item[0], cases[i].first);
    }
    assert_ok(set("mask", "[x]"));
    assert_string_equal(config.mask.item[0], "[x]");
    assert_ok(set("mask", "'q'"));
    assert_string_equal(config.mask.item[0], "'q'");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        rmdir(paths[i]);
}

/* One text keeps its commas; of a list for each MeasurementSet empty items keep their place. */
static void test_texts_for_each_ms(void **state) {
    (void)state;
    const struct pcl_option *spw = pcl_option_find("spw");
    const char *const two[] = {"", "0:1~2,3"};
    struct pcl_texts texts;
    assert_ok(set("spw", "0:1~2,3"));
    assert_int_equal(config.spw.n, 1);
    assert_string_equal(config.spw.item[0], "0:1~2,3");
    assert_ok(pcl_value_get(spw, &config, &texts, &err));
    assert_false(texts.is_list);
    pcl_texts_clear(&texts);
    assert_ok(pcl_value_set(spw, &config, two, 2, &err));
    assert_ok(pcl_value_get(spw, &config, &texts, &err));
    assert_true(texts.is_list && texts.n == 2 && config.spw.n == 2);
    assert_string_equal(texts.item[0], "");
    pcl_texts_clear(&texts);
    assert_ok(set("spw", ""));
    assert_int_equal(config.spw.n, 0);
}

/* Everything set reads, get writes so that set reads it to the same bits. */
static void test_angles_survive(void **state) {
    (void)state;
    const struct pcl_option *cell = pcl_option_find("cell");
    srand(1);
    for (int i = 0; i < 2000; i++) {
        config.cell_rad[0] = (1 + (double)rand() / RAND_MAX) * pow(10, -rand() % 9);
        config.cell_rad[1] = config.cell_rad[0] * 1.2345678901234567;
        double before[2] = {config.cell_rad[0], config.cell_rad[1]};
        struct pcl_texts texts;
        assert_ok(pcl_value_get(cell, &config, &texts, &err));
        config.cell_rad[0] = config.cell_rad[1] = 0;
        assert_ok(pcl_value_set(cell, &config, (const char *const *)texts.item, texts.n, &err));
        assert_memory_equal(before, config.cell_rad, sizeof before);
        pcl_texts_clear(&texts);
    }
}

static void test_shortest(void **state) {
    (void)state;
    struct pcl_texts texts;
    assert_ok(set("cell", "0.1arcsec"));
    assert_ok(pcl_value_get(pcl_option_find("cell"), &config, &texts, &err));
    assert_string_equal(texts.item[0], "0.1arcsec");
    pcl_texts_clear(&texts);
    assert_ok(set("gain", "0.1"));
    assert_ok(pcl_value_get(pcl_option_find("gain"), &config, &texts, &err));
    assert_string_equal(texts.item[0], "0.1");
    pcl_texts_clear(&texts);
}

#define with_config(test) cmocka_unit_test_setup_teardown(test, begin, end)

/* Dask's texts (distributed 2026: parse_memory_limit), its "auto" apart: the plan divides the
 * memory itself. */
static void test_memory_limit(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double bytes, part;
    } good[] = {{"0", 0, 0},
                {"auto", 0, 0},
                {"", 0, 0},
                {"0.5", 0, 0.5},
                {"1", 0, 1},
                {"4GB", 4e9, 0},
                {"4GiB", 4294967296.0, 0},
                {"4G", 4e9, 0},
                {"4Gi", 4294967296.0, 0},
                {"500 MB", 5e8, 0},
                {"500mb", 5e8, 0},
                {"3m", 3e6, 0},
                {"8000000000", 8e9, 0},
                {"1e9", 1e9, 0}};
    static const char *const bad[] = {"-1", "-4GB", "4GHz", "half", "4 apples", "inf"};
    double bytes, part;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!pcl_parse_memory_limit(good[i].text, &bytes, &part) ||
            fabs(bytes - good[i].bytes) > 0 || fabs(part - good[i].part) > 0)
            fail_msg("%s: %g bytes, part %g", good[i].text, bytes, part);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (pcl_parse_memory_limit(bad[i], &bytes, &part))
            fail_msg("%s was taken as %g bytes, part %g", bad[i], bytes, part);
}

int main(void) {
    const struct CMUnitTest tests[] = {with_config(test_memory_limit),
                                       with_config(test_int_and_real),
                                       with_config(test_bool),
                                       with_config(test_choice),
                                       with_config(test_pairs),
                                       with_config(test_flux),
                                       with_config(test_lists),
                                       with_config(test_python_forms),
                                       with_config(test_paths_with_commas),
                                       with_config(test_texts_for_each_ms),
                                       with_config(test_angles_survive),
                                       with_config(test_shortest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
