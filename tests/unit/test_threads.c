#include "base/threads.h"
#include "unit/check.h"
#include <pthread.h>
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

static void *wait_for_gate(void *gate) {
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
    return NULL;
}

static void test_whether_others_are_there(void **state) {
    (void)state;
#ifdef __SANITIZE_THREAD__
    skip(); /* it has a thread of its own */
#endif
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t other;
    assert_true(pcl_threads_none_beside());
    pthread_mutex_lock(&gate);
    assert_int_equal(pthread_create(&other, NULL, wait_for_gate, &gate), 0);
    assert_false(pcl_threads_none_beside());
    pthread_mutex_unlock(&gate);
    pthread_join(other, NULL);
    assert_true(pcl_threads_none_beside());
}

static void *work(void *seconds) {
    const double start = pcl_threads_cpu_seconds();
    while (pcl_threads_cpu_seconds() - start < 0.1)
        ;
    *(double *)seconds = pcl_threads_cpu_seconds();
    return NULL;
}

/* One works while the other waits for it. */
static void test_the_time_of_a_thread(void **state) {
    (void)state;
    pthread_t other;
    double theirs = 0;
    const double start = pcl_threads_cpu_seconds();
    assert_int_equal(pthread_create(&other, NULL, work, &theirs), 0);
    pthread_join(other, NULL);
    assert_true(theirs >= 0.1);
    assert_true(pcl_threads_cpu_seconds() - start < 0.05);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_many_as_asked),
                                       cmocka_unit_test(test_one_too_many),
                                       cmocka_unit_test(test_whether_others_are_there),
                                       cmocka_unit_test(test_the_time_of_a_thread)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
