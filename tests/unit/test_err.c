#include "base/err.h"
#include "unit/check.h"
#include <string.h>

static void test_set(void **state) {
    (void)state;
    pclean_err err;
    int rc = pcl_err_set(&err, PCLEAN_EIO, "a/b/c.c", 12, "cannot read %s", "x");
    assert_int_equal(rc, -PCLEAN_EIO);
    assert_int_equal(err.code, PCLEAN_EIO);
    assert_int_equal(err.line, 12);
    assert_string_equal(err.file, "c.c");
    assert_string_equal(err.msg, "cannot read x");
    assert_int_equal(PCL_FAIL(NULL, PCLEAN_ENOMEM, "nobody listens"), -PCLEAN_ENOMEM);
}

static void test_arguments_may_be_the_message(void **state) {
    (void)state;
    pclean_err err;
    (void)PCL_FAIL(&err, PCLEAN_EIO, "lower");
    (void)PCL_FAIL(&err, PCLEAN_EDATA, "upper (%s)", err.msg);
    assert_string_equal(err.msg, "upper (lower)");
}

static void test_prefix(void **state) {
    (void)state;
    pclean_err err;
    (void)PCL_FAIL(&err, PCLEAN_EDATA, "no data");
    pcl_err_prefix(&err, "channel %d: ", 17);
    assert_string_equal(err.msg, "channel 17: no data");
    assert_int_equal(err.code, PCLEAN_EDATA);
    pcl_err_prefix(NULL, "x");
}

static void test_long_texts_keep_whole_characters(void **state) {
    (void)state;
    pclean_err err;
    char longest[3000];
    memset(longest, 0, sizeof longest);
    for (size_t i = 0; i + 3 < sizeof longest; i += 2)
        memcpy(longest + i, "\xc3\xa9", 2); /* e with an accent: two bytes */
    (void)PCL_FAIL(&err, PCLEAN_EIO, "%s", longest);
    /* 975 is odd: the last byte would be half a character */
    assert_int_equal(strlen(err.msg), sizeof err.msg - 2);
    (void)PCL_FAIL(&err, PCLEAN_EIO, "the cause");
    pcl_err_prefix(&err, "%s", longest);
    assert_non_null(strstr(err.msg, "the cause"));
}

static void test_names(void **state) {
    (void)state;
    assert_string_equal(pclean_error_name(0), "ok");
    assert_string_equal(pclean_error_name(-PCLEAN_ENOSPC), "disk full");
    assert_string_equal(pclean_error_name(PCLEAN_ENOSPC), "disk full");
    assert_string_equal(pclean_error_name(4711), "unknown error");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set), cmocka_unit_test(test_arguments_may_be_the_message),
        cmocka_unit_test(test_prefix), cmocka_unit_test(test_long_texts_keep_whole_characters),
        cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
