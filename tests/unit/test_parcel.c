#include "base/parcel.h"

#include <stdlib.h>

#include "base/mem.h"
#include "unit/check.h"

static pclean_err err;

typedef struct things {
    double x;
    int n;
    char *text, *empty;
    size_t count;
} things;

static void put(pcl_parcel *p) {
    const double x = -0.1;
    const int n = 42;
    const size_t count = 3;
    pcl_parcel_put(p, &x, sizeof x);
    pcl_parcel_put_text(p, "a text\nof two lines");
    pcl_parcel_put(p, &n, sizeof n);
    pcl_parcel_put_text(p, NULL);
    pcl_parcel_put(p, &count, sizeof count);
    pcl_parcel_put(p, "abcabc", 6);
}

static int take(const unsigned char *data, size_t size, things *t) {
    pcl_parcel_reader r = {.data = data, .size = size};
    char six[6];
    *t = (things){0};
    pcl_parcel_take(&r, &t->x, sizeof t->x);
    int rc = pcl_parcel_take_text(&r, &t->text, &err);
    pcl_parcel_take(&r, &t->n, sizeof t->n);
    if (!rc)
        rc = pcl_parcel_take_text(&r, &t->empty, &err);
    t->count = pcl_parcel_take_count(&r, 2);
    pcl_parcel_take(&r, six, sizeof six);
    if (!rc)
        rc = pcl_parcel_reader_check(&r, &err);
    if (!rc)
        assert_memory_equal(six, "abcabc", 6);
    return rc;
}

static void clear(things *t) {
    pcl_free(t->text);
    pcl_free(t->empty);
}

static void test_what_went_in_comes_out(void **state) {
    (void)state;
    pcl_parcel p = {0};
    things t;
    for (int k = 0; k < 100; k++) { /* it grows */
        const size_t before = p.size;
        put(&p);
        assert_ok(pcl_parcel_check(&p, &err));
        assert_ok(take(p.data + before, p.size - before, &t));
        assert_true(t.x == -0.1);
        assert_int_equal(t.n, 42);
        assert_string_equal(t.text, "a text\nof two lines");
        assert_string_equal(t.empty, "");
        assert_int_equal(t.count, 3);
        clear(&t);
    }
    pcl_parcel_clear(&p);
}

/* A parcel cut anywhere is an error, and nothing beyond its end is read (ASan would tell). */
static void test_cut_short_anywhere(void **state) {
    (void)state;
    pcl_parcel p = {0};
    things t;
    put(&p);
    for (size_t n = 0; n < p.size; n++) {
        unsigned char *piece = malloc(n ? n : 1);
        memcpy(piece, p.data, n);
        assert_fails(take(piece, n, &t), PCLEAN_EDATA, "cut short");
        clear(&t);
        free(piece);
    }
    pcl_parcel_clear(&p);
}

static void test_numbers_that_cannot_be(void **state) {
    (void)state;
    static const size_t bad[] = {4, SIZE_MAX, SIZE_MAX / 2};
    for (size_t i = 0; i < 3; i++) {
        pcl_parcel p = {0};
        char *text;
        pcl_parcel_put(&p, &bad[i], sizeof bad[i]);
        pcl_parcel_put(&p, "abc", 3);
        pcl_parcel_reader r = {.data = p.data, .size = p.size};
        assert_int_equal(pcl_parcel_take_count(&r, 1), 0);
        assert_true(r.failed);
        r = (pcl_parcel_reader){.data = p.data, .size = p.size};
        assert_fails(pcl_parcel_take_text(&r, &text, &err), PCLEAN_EDATA, "cut short");
        assert_null(text);
        pcl_parcel_clear(&p);
    }
}

static void test_no_memory(void **state) {
    (void)state;
    pcl_parcel p = {0};
    pcl_mem_fail_after(1);
    put(&p);
    pcl_mem_fail_after(0);
    assert_fails(pcl_parcel_check(&p, &err), PCLEAN_ENOMEM, "no memory");
    pcl_parcel_clear(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_went_in_comes_out), cmocka_unit_test(test_cut_short_anywhere),
        cmocka_unit_test(test_numbers_that_cannot_be), cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
