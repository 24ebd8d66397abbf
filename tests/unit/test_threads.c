#include "base/threads.h"
#include "unit/check.h"
#include <sys/resource.h>
#include <unistd.h>

static void test_as_many_as_asked(void **state) {
    (void)state;
    pclean_err err;
    for (int n = -1; n < 6; n++)
        assert_ok(pcl_threads_check(n, &err));
}

/* No address space is left for one more stack. */
static void test_one_too_many(void **state) {
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* it ends the process itself */
#endif
    pclean_err err;
    struct rlimit old, few;
    assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
    few = old;
    few.rlim_cur = 1 << 20;
    assert_int_equal(setrlimit(RLIMIT_AS, &few), 0);
    const int rc = pcl_threads_check(200, &err);
    assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
    assert_int_equal(rc, -PCLEAN_EIO);
    assert_non_null(strstr(err.msg, "of 200 threads can be started: "));
    assert_ok(pcl_threads_check(3, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_many_as_asked),
                                       cmocka_unit_test(test_one_too_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
