#include "base/mem.h"
#include "config/config.h"
#include "config/options.h"
#include "config/value.h"
#include <stdlib.h>

#include "unit/check.h"

/* Every default equals its documented text. */
static void test_defaults_are_the_documented_ones(void **state) {
    (void)state;
    pclean_config config, again;
    pclean_err err;
    assert_ok(pcl_config_init(&config, &err));
    assert_ok(pcl_config_init(&again, &err));
    for (size_t i = 0; i < pcl_option_count(); i++) {
        const struct pcl_option *o = pcl_option_at(i);
        struct pcl_texts a, b;
        assert_ok(pclean_config_set(&again, o->name, o->def, &err));
        assert_ok(pcl_value_get(o, &config, &a, &err));
        assert_ok(pcl_value_get(o, &again, &b, &err));
        assert_int_equal(a.n, b.n);
        for (size_t j = 0; j < a.n; j++)
            assert_string_equal(a.item[j], b.item[j]);
        if (o->type == PCL_BOOL || o->type == PCL_CHOICE || o->type == PCL_WORD ||
            o->type == PCL_INT || o->type == PCL_TEXT)
            assert_string_equal(a.item[0], o->def);
        pcl_texts_clear(&a);
        pcl_texts_clear(&b);
    }
    assert_non_null(config.phasecenter);
    assert_non_null(config.outframe);
    pcl_config_clear(&again);
    pcl_config_clear(&config);
    pcl_config_clear(&config); /* twice is harmless */
    pcl_config_clear(NULL);
}

static void test_set_names_what_is_wrong(void **state) {
    (void)state;
    pclean_config config;
    pclean_err err;
    assert_ok(pcl_config_init(&config, &err));
    assert_fails(pclean_config_set(&config, "nitter", "1", &err), PCLEAN_EPARAM,
                 "did you mean niter?");
    assert_fails(pclean_config_set(&config, "nitter", NULL, &err), PCLEAN_EPARAM,
                 "did you mean niter?");
    assert_fails(pclean_config_set(&config, "qqqqqqq", "1", &err), PCLEAN_EPARAM,
                 "no parameter \"qqqqqqq\"");
    assert_ok(pclean_config_set(&config, "facets", "3", &err));
    assert_fails(pclean_config_served(&config, &err), PCLEAN_EUNSUPPORTED, "facets=3");
    assert_ok(pclean_config_set(&config, "facets", "1", &err)); /* the later value counts */
    assert_ok(pclean_config_served(&config, &err));
    assert_ok(pclean_config_set(&config, "scales", "[]", &err));
    assert_fails(pclean_config_set(&config, "scales", NULL, &err), PCLEAN_EPARAM,
                 "scales needs a value");
    assert_ok(pclean_config_set(&config, "interactive", NULL, &err));
    assert_ok(pclean_config_set(&config, "niter", "5", &err));
    assert_fails(pclean_config_served(&config, &err), PCLEAN_EUNSUPPORTED,
                 "interactive=true is not available");
    assert_fails(pcl_config_assign(&config, "image", "niter", NULL, 0, &err), PCLEAN_EPARAM,
                 "niter belongs to the group iteration, not to image");
    pcl_config_clear(&config);
}

static void test_copy(void **state) {
    (void)state;
    pclean_config a, b;
    pclean_err err;
    assert_ok(pcl_config_init(&a, &err));
    assert_ok(pclean_config_set(&a, "vis", "a.ms,b.ms", &err));
    assert_ok(pclean_config_set(&a, "cell", "0.123456789arcsec", &err));
    assert_ok(pclean_config_set(&a, "savemodel", "virtual", &err));
    assert_ok(pcl_config_copy(&b, &a, &err));
    assert_int_equal(b.vis.n, 2);
    assert_ptr_not_equal(a.vis.item, b.vis.item);
    assert_string_equal(b.vis.item[1], "b.ms");
    assert_fails(pclean_config_served(&b, &err), PCLEAN_EUNSUPPORTED, "savemodel=virtual");
    assert_memory_equal(a.cell_rad, b.cell_rad, sizeof a.cell_rad);
    pcl_config_clear(&a);
    pcl_config_clear(&b);
}

/* What grows, and a list of which each flag gives a piece. */
static void test_append(void **state) {
    (void)state;
    pclean_config config;
    pclean_err err;
    assert_ok(pcl_config_init(&config, &err));
    assert_ok(pclean_config_append(&config, "vis", "a.ms", &err));
    assert_ok(pclean_config_append(&config, "vis", "['b,c.ms', 'd.ms']", &err));
    assert_int_equal(config.vis.n, 3);
    assert_string_equal(config.vis.item[1], "b,c.ms");
    assert_ok(pclean_config_append(&config, "niter", "5", &err));
    assert_int_equal(config.niter, 5);
    assert_fails(pclean_config_append(&config, "vis", NULL, &err), PCLEAN_EPARAM,
                 "vis needs a value");
    pcl_config_clear(&config);
}

/* Whichever allocation fails: an error, no leak (the sanitizer looks), and a config that can be
 * cleared and used. */
static void test_out_of_memory(void **state) {
    (void)state;
    pclean_err err;
    int rc = -1;
    for (long n = 1; rc != 0; n++) {
        pclean_config a, b;
        pcl_mem_fail_after(n);
        rc = pcl_config_init(&a, &err);
        if (rc == 0)
            rc = pclean_config_set(&a, "vis", "a.ms,b.ms", &err);
        if (rc == 0)
            rc = pclean_config_set(&a, "outframe", "TOPO", &err);
        if (rc == 0)
            rc = pclean_config_set(&a, "gridder", "['mosaic']", &err);
        if (rc == 0)
            rc = pclean_config_append(&a, "vis", "('c.ms', \"d.ms\")", &err);
        if (rc == 0 && (rc = pcl_config_copy(&b, &a, &err)) == 0)
            pcl_config_clear(&b);
        pcl_mem_fail_after(0);
        pcl_config_clear(&a);
        assert_true(rc == 0 || rc == -PCLEAN_ENOMEM);
        assert_true(n < 1000);
    }
}

/* The text of a value is read back to the same value, whatever stands in it. */
static void test_what_is_got_can_be_set(void **state) {
    (void)state;
    static const char *const lists[] = {"a.ms",          "a.ms,b.ms",          "['a,b', 'c']",
                                        "[' a ', '\"']", "['it\\'s', '\\\\']", "[\"['x']\"]"};
    pclean_config *a = NULL, *b = NULL;
    pclean_err err;
    char *text = NULL, *again = NULL;
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
        assert_ok(pclean_config_new(&a, &err));
        assert_ok(pclean_config_set(a, "vis", lists[k], &err));
        assert_ok(pclean_config_set(a, "field", lists[k], &err));
        assert_ok(pclean_config_set(a, "cell", "0.1arcsec,0.30000000000000004arcsec", &err));
        assert_ok(pclean_config_set(a, "facets", "3", &err));
        assert_ok(pclean_config_new(&b, &err));
        for (size_t i = 0; i < pcl_option_count(); i++) {
            const struct pcl_option *o = pcl_option_at(i);
            struct pcl_texts x, y;
            assert_ok(pclean_config_get(a, o->name, &text, &err));
            assert_ok(pclean_config_set(b, o->name, text, &err));
            assert_ok(pcl_value_get(o, a, &x, &err));
            assert_ok(pcl_value_get(o, b, &y, &err));
            assert_true(pcl_texts_equal(&x, &y));
            pcl_texts_clear(&x);
            pcl_texts_clear(&y);
            free(text);
        }
        pclean_config_free(b);
        assert_ok(pclean_config_copy(a, &b, &err));
        assert_ok(pclean_config_dump_json(a, &text, &err));
        assert_ok(pclean_config_dump_json(b, &again, &err));
        assert_string_equal(text, again);
        assert_fails(pclean_config_served(b, &err), PCLEAN_EUNSUPPORTED, "facets=3");
        free(text);
        free(again);
        pclean_config_free(a);
        pclean_config_free(b);
    }
    assert_ok(pclean_config_new(&a, &err));
    assert_fails(pclean_config_get(a, "nitter", &text, &err), PCLEAN_EPARAM, "did you mean niter?");
    assert_null(text);
    pclean_config_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_defaults_are_the_documented_ones),
                                       cmocka_unit_test(test_what_is_got_can_be_set),
                                       cmocka_unit_test(test_set_names_what_is_wrong),
                                       cmocka_unit_test(test_copy),
                                       cmocka_unit_test(test_append),
                                       cmocka_unit_test(test_out_of_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
