#include "core/clean/minor.h"

#include "unit/check.h"

static void how_it_begins(void **state) {
    (void)state;
    pcl_minor m;
    assert_int_equal(pcl_minor_begin(&m, 100, 1, 2), -1);
    assert_int_equal(pcl_minor_begin(&m, 0, 1, 2), PCL_MINOR_CYCLENITER);
    assert_int_equal(pcl_minor_begin(&m, 100, 2, 2), PCL_MINOR_THRESHOLD);
    assert_int_equal(pcl_minor_begin(&m, 0, 2, 2), PCL_MINOR_THRESHOLD);
}

static void one_block(void **state) {
    (void)state;
    static const struct {
        size_t done;
        float peak;
        int stop;
    } cases[] = {{100, 5, PCL_MINOR_CYCLENITER},   {40, 1, PCL_MINOR_THRESHOLD},
                 {100, 1, PCL_MINOR_THRESHOLD},    {0, 5, PCL_MINOR_ZERO_ITER},
                 {100, 11.5f, PCL_MINOR_DIVERGED}, {100, 10.9f, PCL_MINOR_CYCLENITER},
                 {40, 5, PCL_MINOR_NO_CRITERION}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pcl_minor m;
        assert_int_equal(pcl_minor_begin(&m, 100, 1, 10), -1);
        assert_int_equal(pcl_minor_block(&m), 100);
        assert_int_equal(pcl_minor_end_block(&m, cases[i].done, cases[i].peak), cases[i].stop);
        assert_int_equal(m.niter, cases[i].done);
    }
}

/* From 5000 on in blocks of 2000; divergence is judged by the smallest peak of their starts. */
static void several_blocks(void **state) {
    (void)state;
    pcl_minor m;
    assert_int_equal(pcl_minor_begin(&m, 4999, 0, 10), -1);
    assert_int_equal(pcl_minor_block(&m), 4999);
    assert_int_equal(pcl_minor_begin(&m, 5000, 0, 10), -1);
    assert_int_equal(pcl_minor_block(&m), 2000);
    assert_int_equal(pcl_minor_end_block(&m, 2000, 5), -1);
    assert_int_equal(pcl_minor_end_block(&m, 2000, 5.4f), -1);
    assert_int_equal(pcl_minor_end_block(&m, 2000, 5), PCL_MINOR_CYCLENITER);
    assert_int_equal(m.niter, 6000);
    assert_int_equal(pcl_minor_begin(&m, 9000, 0, 10), -1);
    assert_int_equal(pcl_minor_end_block(&m, 2000, 5), -1);
    assert_int_equal(pcl_minor_end_block(&m, 2000, 5.6f), PCL_MINOR_DIVERGED);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(how_it_begins), cmocka_unit_test(one_block),
                                       cmocka_unit_test(several_blocks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
