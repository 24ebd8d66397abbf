#include "config/options.h"
#include "unit/check.h"
#include <ctype.h>

static void test_table_is_well_formed(void **state) {
    (void)state;
    size_t group = 0;
    assert_int_equal(pclean_config_count(), pcl_option_count());
    assert_null(pclean_config_name(pclean_config_count()));
    for (size_t i = 0; i < pcl_option_count(); i++) {
        const struct pcl_option *o = pcl_option_at(i);
        while (strcmp(o->group, pcl_group_name(group)) != 0) /* in groups' order, no group twice */
            assert_true(++group < pcl_group_count());
        assert_ptr_equal(pcl_option_find(o->name), o); /* no name twice */
        assert_string_equal(pclean_config_name(i), o->name);
        assert_true(strlen(o->help) > 10 && o->help[strlen(o->help) - 1] == '.');
        assert_true(isupper((unsigned char)o->help[0]) || strchr(o->help, ' '));
        if (o->type == PCL_CHOICE || o->type == PCL_WORD)
            assert_true(pcl_words_index(o->choices, o->def) >= 0);
        if (o->type == PCL_ANGLEPAIR || o->type == PCL_FLUX)
            assert_non_null(o->unit);
        assert_int_equal(pclean_config_is_bool(o->name), o->type == PCL_BOOL);
        assert_true(o->offset < sizeof(pclean_config));
    }
    assert_int_equal(group, pcl_group_count() - 1);
    assert_false(pclean_config_is_bool("no such"));
}

/* tclean's own defaults, from imaging-facts.md and its signature; ours where we differ. */
static void test_defaults(void **state) {
    (void)state;
    static const char *const def[][2] = {
        {"vis", ""},
        {"datacolumn", "corrected"},
        {"imsize", "100"},
        {"cell", "1arcsec"},
        {"stokes", "I"},
        {"projection", "SIN"},
        {"specmode", "mfs"},
        {"nchan", "-1"},
        {"start", ""},
        {"width", ""},
        {"outframe", "LSRK"},
        {"veltype", "radio"},
        {"restfreq", ""},
        {"interpolation", "linear"},
        {"perchanweightdensity", "true"},
        {"gridder", "standard"},
        {"accuracy", "1e-5"},
        {"pblimit", "0.2"},
        {"weighting", "natural"},
        {"robust", "0.5"},
        {"uvtaper", ""},
        {"deconvolver", "hogbom"},
        {"restoration", "true"},
        {"restoringbeam", ""},
        {"pbcor", "false"},
        {"usemask", "user"},
        {"mask", ""},
        {"pbmask", "0"},
        {"sidelobethreshold", "3"},
        {"noisethreshold", "5"},
        {"lownoisethreshold", "1.5"},
        {"negativethreshold", "0"},
        {"smoothfactor", "1"},
        {"minbeamfrac", "0.3"},
        {"cutthreshold", "0.01"},
        {"growiterations", "75"},
        {"dogrowprune", "true"},
        {"minpercentchange", "-1"},
        {"fastnoise", "true"},
        {"psfcutoff", "0.35"},
        {"niter", "0"},
        {"gain", "0.1"},
        {"threshold", "0Jy"},
        {"nsigma", "0"},
        {"cycleniter", "-1"},
        {"cyclefactor", "1"},
        {"minpsffraction", "0.05"},
        {"maxpsffraction", "0.8"},
        {"nmajor", "-1"},
        {"cyclecontrol", "channel"},
        {"overwrite", "false"},
        {"restart", "false"},
        {"progress", "auto"},
        {"verbose", "false"},
        {"threads", "0"},
        {"memory", ""},
    };
    for (size_t i = 0; i < sizeof def / sizeof def[0]; i++) {
        assert_non_null(pcl_option_find(def[i][0]));
        assert_string_equal(pcl_option_find(def[i][0])->def, def[i][1]);
    }
}

/* The enums of the public header are indices in the table's choices. */
static void test_choices_match_the_enums(void **state) {
    (void)state;
    static const struct {
        const char *name, *choice;
        int value;
    } e[] = {
        {"datacolumn", "model", PCLEAN_DATACOLUMN_MODEL},
        {"specmode", "cube", PCLEAN_SPECMODE_CUBE},
        {"specmode", "cubedata", PCLEAN_SPECMODE_CUBEDATA},
        {"interpolation", "nearest", PCLEAN_INTERPOLATION_NEAREST},
        {"weighting", "uniform", PCLEAN_WEIGHTING_UNIFORM},
        {"weighting", "briggs", PCLEAN_WEIGHTING_BRIGGS},
        {"gridder", "standard", PCLEAN_GRIDDER_STANDARD},
        {"deconvolver", "hogbom", PCLEAN_DECONVOLVER_HOGBOM},
        {"deconvolver", "clark", PCLEAN_DECONVOLVER_CLARK},
        {"deconvolver", "clarkstokes", PCLEAN_DECONVOLVER_CLARKSTOKES},
        {"usemask", "pb", PCLEAN_USEMASK_PB},
        {"usemask", "auto-multithresh", PCLEAN_USEMASK_AUTO},
        {"cyclecontrol", "global", PCLEAN_CYCLECONTROL_GLOBAL},
        {"veltype", "optical", PCLEAN_VELTYPE_OPTICAL},
        {"progress", "bar", PCLEAN_PROGRESS_BAR},
        {"progress", "lines", PCLEAN_PROGRESS_LINES},
        {"progress", "json", PCLEAN_PROGRESS_JSON},
        {"progress", "none", PCLEAN_PROGRESS_NONE},
    };
    for (size_t i = 0; i < sizeof e / sizeof e[0]; i++)
        assert_int_equal(pcl_words_index(pcl_option_find(e[i].name)->choices, e[i].choice),
                         e[i].value);
}

static void test_groups(void **state) {
    (void)state;
    const struct pcl_option *o = pcl_option_find("pblimit");
    assert_true(pcl_option_in_group(o, "normalization"));
    assert_true(pcl_option_in_group(o, "grid"));
    assert_false(pcl_option_in_group(o, "image"));
    assert_string_equal(pcl_group_name(0), "selection");
    assert_null(pcl_group_name(pcl_group_count()));
}

static void test_distance(void **state) {
    (void)state;
    assert_int_equal(pcl_edit_distance("niter", "niter"), 0);
    assert_int_equal(pcl_edit_distance("", "abc"), 3);
    assert_int_equal(pcl_edit_distance("kitten", "sitting"), 3);
    assert_int_equal(pcl_edit_distance("nitre", "niter"), 1); /* a swap */
    assert_int_equal(pcl_edit_distance("NITER", "niter"), 0);
    char longest[200];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(pcl_edit_distance(longest, "niter"), 199);
}

static void test_nearest(void **state) {
    (void)state;
    assert_string_equal(pcl_option_nearest("nitter"), "niter");
    assert_string_equal(pcl_option_nearest("imsze"), "imsize");
    assert_string_equal(pcl_option_nearest("Weighting"), "weighting");
    assert_string_equal(pcl_option_nearest("treshold"), "threshold");
    assert_string_equal(pcl_option_nearest("perchanelweightdensity"), "perchanweightdensity");
    assert_null(pcl_option_nearest("zzzzzzzz"));
    assert_null(pcl_option_nearest("x"));
}

static void test_words(void **state) {
    (void)state;
    char buf[20];
    assert_int_equal(pcl_words_index("a|bc|d", "BC"), 1);
    assert_int_equal(pcl_words_index("a|bc|d", "b"), -1);
    assert_int_equal(pcl_words_index("", ""), -1);
    assert_int_equal(pcl_words_index(NULL, "a"), -1);
    assert_true(pcl_words_at("a|bc|d", 2, buf, sizeof buf));
    assert_string_equal(buf, "d");
    assert_false(pcl_words_at("a|bc|d", 3, buf, sizeof buf));
    pcl_words_join("a|bc|d", buf, sizeof buf);
    assert_string_equal(buf, "a, bc, d");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table_is_well_formed),
                                       cmocka_unit_test(test_defaults),
                                       cmocka_unit_test(test_choices_match_the_enums),
                                       cmocka_unit_test(test_groups),
                                       cmocka_unit_test(test_distance),
                                       cmocka_unit_test(test_nearest),
                                       cmocka_unit_test(test_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
