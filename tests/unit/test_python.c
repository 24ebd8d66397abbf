/* config/python.c: where values of Python end, numpy's words, dictionaries of CASA. (What they
 * become as parameters: test_value.c.) */
#include "base/mem.h"
#include "config/python.h"
#include "unit/check.h"
#include <stdlib.h>
#include <string.h>

static pclean_err err;

static void values_end_at_their_comma(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t n;
    } cases[] = {{"a, b", 1},           {"[1, 2], b", 6},     {"'a, b', c", 6}, {"f(1, ')'), 2", 9},
                 {"{'k': ','}, 1", 10}, {"it's, 2", 4},       {"", 0},          {"]", 0},
                 {"(unclosed, 1", 12},  {"'unclosed, 1", 12}, {"'a\\'b', c", 6}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(pcl_python_value_end(cases[i].text) - cases[i].text, cases[i].n);
}

static void numpy_wraps_values(void **state) {
    (void)state;
    static const char *const cases[][3] = {{"array([1, 2]) x", "[1, 2]", " x"},
                                           {"np.float64( 0.5)", "0.5", ""},
                                           {"numpy.array([1], dtype=int32),", "[1]", ","},
                                           {"np.str_('a)')", "'a)'", ""},
                                           {"array([1, 2]", NULL, NULL},
                                           {"circle(1)", NULL, NULL},
                                           {"np.x", NULL, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *after = NULL, *inner = pcl_python_wrapped(cases[i][0], &after);
        if (!cases[i][1]) {
            assert_null(inner);
            continue;
        }
        assert_non_null(inner);
        assert_int_equal(strncmp(inner, cases[i][1], strlen(cases[i][1])), 0);
        assert_string_equal(after, cases[i][2]);
    }
}

static void dictionaries_are_texts(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"{'value': 1.4, 'unit': 'GHz'}", "1.4GHz"},
        {" {\"unit\": \"GHz\", \"value\": 1.4 } ", "1.4GHz"},
        {"{'unit': 'GHz', 'value': np.float64(1.4)}", "1.4GHz"},
        {"{'unit': 'GHz', 'value': array([1.4])}", "1.4GHz"},
        {"{'unit': '', 'value': 3}", "3"},
        {"{'m0': {'value': 5, 'unit': 'km/s'}, 'refer': 'BARY', 'type': 'radialvelocity'}",
         "BARY 5km/s"},
        {"{'m1': {'value': 2, 'unit': 'rad'}, 'm0': {'value': 1, 'unit': 'rad'}, 'refer': 'ICRS'}",
         "ICRS 1rad 2rad"},
        {"{'minor': {'value': 2, 'unit': 'arcsec'}, 'pa': {'value': 3, 'unit': 'deg'}, "
         "'major': {'value': 4, 'unit': 'arcsec'}}",
         "['4arcsec', '2arcsec', '3deg']"},
        {"{}", NULL},
        {"{'value': [1, 2], 'unit': 'GHz'}", NULL},
        {"{'value': {'value': 1}}", NULL},
        {"{'m0': 5}", NULL},
        {"{'value' 1}", NULL},
        {"{'major': {'value': 4, 'unit': 'arcsec'}}", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = NULL;
        assert_true(pcl_python_is_dict(cases[i][0]));
        if (!cases[i][1]) {
            assert_fails(pcl_python_dict(cases[i][0], &text, &err), PCLEAN_EPARAM,
                         "of dictionaries only quantities");
            continue;
        }
        assert_ok(pcl_python_dict(cases[i][0], &text, &err));
        assert_string_equal(text, cases[i][1]);
        pcl_free(text);
    }
    assert_false(pcl_python_is_dict("{'a': 1"));
    assert_false(pcl_python_is_dict("{'a': 1} b"));
    assert_false(pcl_python_is_dict("a"));
}

/* Anything at all: read or refused. */
static void noise(void **state) {
    (void)state;
    static const char seed[] = "{'m0': {'value': array([1.4]), 'unit': 'GHz'}, 'refer': 'LSRK'}";
    srand(3);
    for (int i = 0; i < 20000; i++) {
        char text[sizeof seed], *out = NULL;
        const char *after;
        memcpy(text, seed, sizeof seed);
        for (int k = rand() % 5; k >= 0; k--)
            text[(size_t)rand() % (sizeof seed - 1)] = "{}[]()'\"\\,: x"[rand() % 13];
        text[(size_t)rand() % sizeof seed] = '\0';
        (void)pcl_python_value_end(text);
        (void)pcl_python_wrapped(text, &after);
        if (*text == '{' && pcl_python_dict(text, &out, &err) == 0)
            pcl_free(out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_end_at_their_comma), cmocka_unit_test(numpy_wraps_values),
        cmocka_unit_test(dictionaries_are_texts), cmocka_unit_test(noise)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
