/* wire/wire.c: what is put is read; what was cut short or tells a wrong length is bad, never
 * more. */
#include "base/mem.h"
#include "unit/check.h"
#include "wire/wire.h"
#include <stdlib.h>

static void put_some(pcl_wire *w) {
    const double numbers[3] = {1, 2.5, -3};
    const char *const texts[] = {"one", "", "three"};
    pcl_wire_put_u64(w, 42);
    pcl_wire_put_text(w, "a text");
    pcl_wire_put_text(w, NULL);
    pcl_wire_put_array(w, numbers, 3, sizeof *numbers);
    pcl_wire_put_array(w, NULL, 0, sizeof *numbers);
    pcl_wire_put_texts(w, texts, 3);
    pcl_wire_put_double(w, 0.1);
}

/* Reads it; 0 if all is as it was put. */
static int differs(pcl_wire *w) {
    size_t n = 0, none = 0, ntext = 0;
    int bad = pcl_wire_get_u64(w) != 42;
    const char *text = pcl_wire_get_text(w);
    bad |= !text || strcmp(text, "a text") != 0;
    bad |= pcl_wire_get_text(w) != NULL;
    const double *numbers = pcl_wire_get_array(w, &n, sizeof *numbers);
    bad |= n != 3 || !numbers || numbers[2] != -3 || (uintptr_t)numbers % 8 != 0;
    bad |= pcl_wire_get_array(w, &none, sizeof *numbers) != NULL || none != 0;
    const char **texts = pcl_wire_get_texts(w, &ntext);
    bad |= ntext != 3 || !texts || strcmp(texts[0], "one") != 0 || strcmp(texts[2], "three") != 0;
    bad |= pcl_wire_get_double(w) != 0.1;
    pcl_free(texts);
    return bad;
}

static void what_is_put_is_read(void **state) {
    (void)state;
    pcl_wire w = {0};
    put_some(&w);
    assert_int_equal(differs(&w), 0);
    assert_false(pcl_wire_bad(&w));
    assert_int_equal(w.at, w.n);
    w.at = 0;
    assert_int_equal(differs(&w), 0);
    pcl_wire_clear(&w);
}

static void a_message_that_is_cut_short_is_bad(void **state) {
    (void)state;
    pcl_wire whole = {0};
    put_some(&whole);
    for (size_t n = 0; n < whole.n; n++) {
        pcl_wire w = {.data = malloc(n + 1), .n = n, .capacity = n + 1};
        assert_non_null(w.data);
        memcpy(w.data, whole.data, n);
        assert_true(differs(&w));
        assert_true(pcl_wire_bad(&w));
        pcl_wire_clear(&w);
    }
    pcl_wire_clear(&whole);
}

static void any_bytes_are_safe(void **state) {
    (void)state;
    pcl_wire whole = {0};
    put_some(&whole);
    srand(1);
    for (int round = 0; round < 20000; round++) {
        pcl_wire w = {.data = malloc(whole.n), .n = whole.n, .capacity = whole.n};
        assert_non_null(w.data);
        memcpy(w.data, whole.data, whole.n);
        for (int k = 0; k < 4; k++)
            w.data[(size_t)rand() % w.n] = (unsigned char)(rand() % 4 ? rand() : 255);
        (void)differs(&w); /* ASan sees what it may not */
        pcl_wire_clear(&w);
    }
    pcl_wire_clear(&whole);
}

static void lists_are_copied(void **state) {
    (void)state;
    const char *const texts[] = {"one", "", "three"};
    pcl_wire w = {0};
    pcl_wire_put_texts(&w, texts, 3);
    char **list = pcl_wire_copy_texts(&w);
    pcl_wire_clear(&w);
    assert_string_equal(list[0], "one");
    assert_string_equal(list[1], "");
    assert_string_equal(list[2], "three");
    assert_null(list[3]);
    pcl_free(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_read),
        cmocka_unit_test(a_message_that_is_cut_short_is_bad),
        cmocka_unit_test(any_bytes_are_safe),
        cmocka_unit_test(lists_are_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
