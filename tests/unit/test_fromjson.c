/* A configuration as JSON is read back to the same one; values mean what they mean in YAML; what is
 * wrong is named and changes nothing. */
#include "base/mem.h"
#include "config/config.h"
#include <stdlib.h>

#include "unit/check.h"

static pclean_err err;

static pclean_config *new_config(void) {
    pclean_config *c = NULL;
    assert_ok(pclean_config_new(&c, &err));
    return c;
}

static char *dumped(const pclean_config *c) {
    char *json = NULL;
    assert_ok(pclean_config_dump_json(c, &json, &err));
    return json;
}

static void what_is_dumped_is_read(void **state) {
    (void)state;
    pclean_config *a = new_config(), *b = new_config();
    static const char *const set[][2] = {{"vis", "['a b.ms', 'c,d.ms', \"it's.ms\"]"},
                                         {"imsize", "512,256"},
                                         {"cell", "0.1arcsec"},
                                         {"threshold", "1.5mJy"},
                                         {"gain", "0.07"},
                                         {"spw", "0:1~2,3"},
                                         {"phasecenter", "J2000 12h56m44 21d41m05"},
                                         {"field", "N\xc3\xbc \xf0\x9f\x8c\x8c"},
                                         {"specmode", "cube"},
                                         {"pbcor", "true"}};
    for (size_t i = 0; i < sizeof set / sizeof *set; i++)
        assert_ok(pclean_config_set(a, set[i][0], set[i][1], &err));
    char *json = dumped(a);
    assert_ok(pclean_config_set_json(b, json, &err));
    char *again = dumped(b);
    assert_string_equal(json, again);
    free(json);
    free(again);
    pclean_config_free(a);
    pclean_config_free(b);
}

static void values_are_those_of_python(void **state) {
    (void)state;
    pclean_config *c = new_config();
    assert_ok(
        pclean_config_set_json(c,
                               "{\"vis\": [\"a,b.ms\", \"c.ms\"], \"imsize\": [64, 32],\n"
                               "\"iteration\": {\"niter\": 1e3, \"gain\": 0.1, "
                               "\"threshold\": \"2mJy\"},\n"
                               "\"restart\": true, \"scales\": [], \"cell\": \"('1arcsec',)\","
                               "\"robust\": null, \"field\": \"\\ud83c\\udf0c\"}",
                               &err));
    assert_int_equal(c->vis.n, 2);
    assert_string_equal(c->vis.item[0], "a,b.ms");
    assert_int_equal(c->imsize[1], 32);
    assert_int_equal(c->niter, 1000);
    assert_true(c->gain == 0.1 && c->threshold_jy == 2e-3 && c->restart && c->robust == 0.5);
    assert_string_equal(c->field.item[0], "\xf0\x9f\x8c\x8c");
    pclean_config_free(c);
}

static void what_is_wrong_is_named_and_changes_nothing(void **state) {
    (void)state;
    static const char *const bad[][2] = {
        {"{\"niter\": 1, \"nitter\": 2}", "did you mean niter"},
        {"{\"niter\": 1", "line 1"},
        {"[1]", "an object is expected"},
        {"{\"niter\": 1, \"niter\": 2}", "duplicate"},
        {"{\"niter\": 1, \"image\": {\"gain\": 2}}", "gain belongs to the group iteration"},
        {"{\"niter\": 1, \"imsize\": {\"x\": 2}}", "imsize: {'x': '2'}: of dictionaries only"}};
    pclean_config *c = new_config();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_fails(pclean_config_set_json(c, bad[i][0], &err), PCLEAN_EPARAM, bad[i][1]);
        assert_int_equal(c->niter, 0);
    }
    pclean_config_free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_dumped_is_read),
        cmocka_unit_test(values_are_those_of_python),
        cmocka_unit_test(what_is_wrong_is_named_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
