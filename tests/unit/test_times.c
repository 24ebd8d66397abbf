/* data/times.c: numbers of distinct times against a plain search. */
#include "data/times.h"

#include <math.h>

#include "base/mem.h"
#include "check.h"
#include "random.h"

static pclean_err err;
enum { N = 20000, DISTINCT = 3000 };

static void times_are_numbered_as_they_come(void **state) {
    (void)state;
    pcl_times t = {0};
    static double seen[DISTINCT];
    size_t n = 0;
    for (size_t i = 0; i < N; i++) {
        const double time = 4e9 + 0.1 * floor(DISTINCT * random_uniform());
        uint32_t index;
        size_t at = 0;
        while (at < n && seen[at] != time)
            at++;
        if (at == n)
            seen[n++] = time;
        assert_ok(pcl_times_index(&t, time, &index, &err));
        assert_int_equal(index, at);
    }
    size_t taken;
    double *list = pcl_times_take(&t, &taken);
    assert_int_equal(taken, n);
    assert_true(n > DISTINCT / 2);
    assert_memory_equal(list, seen, n * sizeof *list);
    assert_int_equal(t.n, 0);
    pcl_free(list);
    assert_null(pcl_times_take(&t, &taken));
    assert_int_equal(taken, 0);
}

static void no_memory_is_said(void **state) {
    (void)state;
    pcl_times t = {0};
    uint32_t index = 0;
    for (long n = 1; n <= 2; n++) {
        pcl_mem_fail_after(n);
        assert_fails(pcl_times_index(&t, 1, &index, &err), PCLEAN_ENOMEM, "table of times");
        pcl_mem_fail_after(0);
    }
    assert_ok(pcl_times_index(&t, 1, &index, &err));
    pcl_times_clear(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_numbered_as_they_come),
        cmocka_unit_test(no_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
