#include "config/config.h"
#include "config/options.h"
#include "config/value.h"
#include "unit/check.h"
#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME PCLEAN_TEST_TMP "/test_dump.yaml"

static void dump(const pclean_config *config) {
    pclean_err err;
    mkdir(PCLEAN_TEST_TMP, 0777);
    FILE *out = fopen(FILE_NAME, "w");
    assert_non_null(out);
    assert_ok(pclean_config_dump_yaml(config, out, &err));
    fclose(out);
}

static void assert_same(const pclean_config *a, const pclean_config *b) {
    pclean_err err;
    for (size_t i = 0; i < pcl_option_count(); i++) {
        struct pcl_texts x, y;
        assert_ok(pcl_value_get(pcl_option_at(i), a, &x, &err));
        assert_ok(pcl_value_get(pcl_option_at(i), b, &y, &err));
        if (x.n != y.n)
            fail_msg("%s: %zu items and %zu", pcl_option_at(i)->name, x.n, y.n);
        for (size_t j = 0; j < x.n; j++)
            assert_string_equal(x.item[j], y.item[j]);
        pcl_texts_clear(&x);
        pcl_texts_clear(&y);
    }
    assert_memory_equal(a->cell_rad, b->cell_rad, sizeof a->cell_rad);
}

/* Another value than the default for every parameter, and texts that YAML could misread. */
static void set_all(pclean_config *config) {
    static const char *const texts[] = {"0",          "null",    "true", "it's: a #1 \"text\"",
                                        "1:20",       " blank ", "-",    "\xc3\xa9\ttab",
                                        "two\nlines", "[a, b]",  "~",    "('a', 'b')",
                                        "'quoted'",   "[x],y",   "[]"};
    pclean_err err;
    size_t k = 0;
    for (size_t i = 0; i < pcl_option_count(); i++) {
        const struct pcl_option *o = pcl_option_at(i);
        const char *text = texts[k % (sizeof texts / sizeof texts[0])];
        const char *two[] = {text, "second, with comma"};
        char word[40] = "";
        int count = 0;
        while (o->choices && pcl_words_at(o->choices, (size_t)count, word, sizeof word))
            count++; /* ends with the last choice */
        if (o->type == PCL_TEXT || o->type == PCL_TEXTLIST || o->type == PCL_PERMS ||
            o->type == PCL_WHOLES)
            k++;
        if (o->type == PCL_TEXTLIST || o->type == PCL_WHOLES)
            assert_ok(pcl_value_set(o, config, two, 2, &err));
        else if (o->type == PCL_TEXT || o->type == PCL_PERMS)
            assert_ok(pcl_value_set(o, config, two, 1, &err));
        else if (o->type == PCL_CHOICE || o->type == PCL_WORD)
            assert_ok(pclean_config_set(config, o->name, word, &err));
        else if (o->type == PCL_BOOL)
            assert_ok(pclean_config_set(config, o->name,
                                        strcmp(o->def, "true") == 0 ? "false" : "true", &err));
        else if (o->type == PCL_INTPAIR || o->type == PCL_ANGLEPAIR)
            assert_ok(pclean_config_set(config, o->name, "123,457", &err));
        else
            assert_ok(pclean_config_set(
                config, o->name, o->type == PCL_INT ? "-4321" : "0.12345678901234567", &err));
    }
}

static void test_round_trip(void **state) {
    (void)state;
    pclean_config config, back;
    pclean_err err;
    assert_ok(pcl_config_init(&config, &err));
    assert_ok(pcl_config_init(&back, &err));
    dump(&config);
    set_all(&back);
    assert_ok(pclean_config_read_yaml(&back, FILE_NAME, &err)); /* the dump names everything */
    assert_same(&config, &back);
    set_all(&config);
    dump(&config);
    assert_ok(pclean_config_read_yaml(&back, FILE_NAME, &err));
    assert_same(&config, &back);
    pcl_config_clear(&config);
    pcl_config_clear(&back);
    unlink(FILE_NAME);
}

/* What is not served stays out of a dump, or prevents one. */
static void test_what_is_not_served(void **state) {
    (void)state;
    pclean_config config, back;
    pclean_err err;
    assert_ok(pcl_config_init(&config, &err));
    assert_ok(pcl_config_init(&back, &err));
    assert_ok(pclean_config_set(&config, "deconvolver", "asp", &err));
    assert_ok(pclean_config_set(&config, "scales", "[0, 5]", &err));
    dump(&config);
    assert_ok(pclean_config_read_yaml(&back, FILE_NAME, &err));
    assert_same(&config, &back);
    assert_int_equal(back.asked.n, 0);
    assert_ok(pclean_config_set(&config, "niter", "5", &err));
    assert_fails(pclean_config_dump_yaml(&config, stdout, &err), PCLEAN_EUNSUPPORTED,
                 "deconvolver=asp");
    pcl_config_clear(&config);
    pcl_config_clear(&back);
    unlink(FILE_NAME);
}

static void test_json(void **state) {
    (void)state;
    pclean_config config;
    pclean_err err;
    char *text = NULL;
    assert_ok(pcl_config_init(&config, &err));
    assert_ok(pclean_config_set(&config, "vis", "a.ms", &err));
    assert_ok(pclean_config_dump_json(&config, &text, &err));
    assert_non_null(strstr(text, "\"gain\": 0.1"));
    assert_null(strstr(text, "0.1000"));
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    assert_int_equal(json_object_size(root), pcl_group_count());
    size_t n = 0;
    for (size_t i = 0; i < pcl_group_count(); i++)
        n += json_object_size(json_object_get(root, pcl_group_name(i)));
    assert_int_equal(n, pcl_option_count());
    json_t *image = json_object_get(root, "image");
    assert_int_equal(json_integer_value(json_array_get(json_object_get(image, "imsize"), 1)), 100);
    assert_string_equal(json_string_value(json_array_get(json_object_get(image, "cell"), 0)),
                        "1arcsec");
    assert_true(json_is_true(json_object_get(image, "perchanweightdensity")));
    assert_string_equal(json_string_value(json_object_get(image, "specmode")), "mfs");
    json_decref(root);
    free(text);
    pcl_config_clear(&config);
}

static void test_failures(void **state) {
    (void)state;
    pclean_config config;
    pclean_err err;
    char *text = NULL;
    assert_ok(pcl_config_init(&config, &err));
    FILE *full = fopen("/dev/full", "w");
    if (full) {
        assert_fails(pclean_config_dump_yaml(&config, full, &err), PCLEAN_EIO, "cannot write");
        fclose(full);
    }
    assert_ok(pclean_config_set(&config, "field", "\xff\xfe", &err));
    assert_fails(pclean_config_dump_json(&config, &text, &err), PCLEAN_EPARAM, "field");
    assert_null(text);
    FILE *out = fopen("/dev/null", "w");
    assert_fails(pclean_config_dump_yaml(&config, out, &err), PCLEAN_EPARAM, "UTF-8");
    fclose(out);
    pcl_config_clear(&config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_what_is_not_served),
        cmocka_unit_test(test_json), cmocka_unit_test(test_failures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
