#include "base/mem.h"
#include "unit/check.h"
#include <pthread.h>

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

/* ---- the memory of a run ---- */

enum { MIB = 1 << 20 };

/* Both are in their runs at the gate. */
static pthread_barrier_t gate;

static void hold(size_t bytes) {
    pclean_err err;
    char *block;
    assert_ok(PCL_NEW(&block, bytes, "a block", &err));
    memset(block, 1, bytes);
    pcl_free(block);
}

static void *run_beside(void *peak) {
    pcl_mem_begin_run();
    pthread_barrier_wait(&gate);
    hold(40 * MIB);
    pthread_barrier_wait(&gate);
    *(size_t *)peak = pcl_mem_peak();
    pcl_mem_end_run();
    return NULL;
}

static void test_the_peak_of_a_run(void **state) {
    (void)state;
    pclean_err err;
    char *host;
    assert_ok(PCL_NEW(&host, 30 * MIB, "what the host has", &err));
    memset(host, 1, 30 * MIB);
    pcl_mem_begin_run();
    hold(20 * MIB);
    const size_t alone = pcl_mem_peak();
    assert_in_range(alone, 19 * MIB, 27 * MIB); /* with what a sanitizer adds */
    pcl_mem_end_run();
    assert_true(pcl_mem_peak_restart() >= 29 * MIB); /* of the process again */
    pcl_free(host);
}

static void test_the_peaks_of_two_runs(void **state) {
    (void)state;
    pthread_t other;
    size_t mine, theirs = 0;
    pthread_barrier_init(&gate, NULL, 2);
    assert_int_equal(pthread_create(&other, NULL, run_beside, &theirs), 0);
    pcl_mem_begin_run();
    pthread_barrier_wait(&gate);
    hold(5 * MIB);
    pthread_barrier_wait(&gate);
    mine = pcl_mem_peak();
    pcl_mem_end_run();
    pthread_join(other, NULL);
    pthread_barrier_destroy(&gate);
    assert_in_range(mine, 5 * MIB, 6 * MIB);
    assert_in_range(theirs, 40 * MIB, 41 * MIB);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_alloc),
                                       cmocka_unit_test(test_overflow),
                                       cmocka_unit_test(test_fail_after),
                                       cmocka_unit_test(test_texts),
                                       cmocka_unit_test(test_the_peak_of_a_run),
                                       cmocka_unit_test(test_the_peaks_of_two_runs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
