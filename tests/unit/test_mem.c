#include "base/mem.h"
#include "unit/check.h"

static void test_alloc(void **state) {
    (void)state;
    pclean_err err;
    double *x = NULL, *none = NULL;
    assert_ok(PCL_ZNEW(&x, 1001, "numbers", &err));
    assert_int_equal((uintptr_t)x % 64, 0);
    for (size_t i = 0; i < 1001; i++)
        assert_true(x[i] <= 0 && x[i] >= 0);
    assert_ok(PCL_NEW(&none, 0, "nothing", &err));
    assert_non_null(none);
    pcl_free(none);
    pcl_free(x);
    pcl_free(NULL);
}

static void test_overflow(void **state) {
    (void)state;
    pclean_err err;
    double *x = (double *)&err;
    assert_fails(PCL_NEW(&x, SIZE_MAX / 4, "the grid", &err), PCLEAN_ENOMEM, "the grid");
    assert_null(x);
    assert_fails(PCL_NEW(&x, SIZE_MAX / 16, "the grid", &err), PCLEAN_ENOMEM, "the grid");
}

static void test_fail_after(void **state) {
    (void)state;
    pclean_err err;
    char *a = NULL, *b = NULL, *c = NULL;
    pcl_mem_fail_after(2);
    assert_ok(pcl_strdup(&a, "one", &err));
    assert_fails(pcl_strdup(&b, "two", &err), PCLEAN_ENOMEM, "text: no memory for 4 B");
    assert_null(b);
    assert_ok(pcl_strdup(&c, "three", &err)); /* only the n-th */
    pcl_mem_fail_after(1);
    pcl_mem_fail_after(0);
    assert_ok(pcl_strdup(&b, "two", &err));
    pcl_free(a);
    pcl_free(b);
    pcl_free(c);
}

static void test_texts(void **state) {
    (void)state;
    pclean_err err;
    char *s = NULL;
    assert_ok(pcl_asprintf(&s, &err, "%s.%03d", "plane", 7));
    assert_string_equal(s, "plane.007");
    pcl_free(s);
    pcl_mem_fail_after(1);
    assert_fails(pcl_asprintf(&s, &err, "x"), PCLEAN_ENOMEM, "text");
    assert_null(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc), cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_fail_after), cmocka_unit_test(test_texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
