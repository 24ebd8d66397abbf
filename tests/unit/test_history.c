/* run/history.c: cycles come in any order, are given by plane, and take what was planned. */
#include "run/history.h"

#include <stdlib.h>

#include "check.h"

static pclean_err err;

static pclean_cycle cycle(size_t chan, size_t pol, int icycle, uint64_t iter_done) {
    return (pclean_cycle){.chan = chan, .pol = pol, .icycle = icycle, .iter_done = iter_done};
}

static void by_plane_and_time(void **state) {
    (void)state;
    pcl_history h;
    pclean_result r = {0};
    pcl_history_init(&h, 6);
    const pclean_cycle late[] = {cycle(2, 1, 0, 5), cycle(2, 1, 1, 6)},
                       early[] = {cycle(0, 1, 0, 1), cycle(2, 0, 0, 3)};
    assert_ok(pcl_history_add(&h, late, 2, &err));
    assert_ok(pcl_history_add(&h, early, 2, &err));
    assert_ok(pcl_history_add(&h, NULL, 0, &err));
    pcl_history_give(&h, &r);
    assert_int_equal(r.ncycle, 4);
    assert_int_equal(r.ncycle_left_out, 0);
    const uint64_t want[] = {1, 3, 5, 6};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(r.cycle[i].iter_done, want[i]);
    free(r.cycle);
    pcl_history_clear(&h);
}

/* tclean's count: through the planes of a round, after all rounds before. */
static void counted_through(void **state) {
    (void)state;
    pcl_history h;
    pclean_result r = {0};
    pcl_history_init(&h, 3);
    const pclean_cycle first[] = {cycle(1, 0, 0, 20), cycle(0, 0, 0, 10), cycle(2, 0, 0, 0)},
                       second[] = {cycle(2, 0, 1, 3), cycle(1, 0, 1, 9), cycle(1, 0, 2, 2),
                                   cycle(0, 0, 1, 1)};
    assert_ok(pcl_history_add(&h, first, 3, &err));
    pcl_history_count(&h, 0, 0);
    assert_ok(pcl_history_add(&h, second, 4, &err));
    pcl_history_count(&h, 3, 30);
    pcl_history_give(&h, &r);
    /* channel 1 went back after 9 iterations, which are not counted */
    static const uint64_t start[] = {0, 30, 10, 31, 31, 30, 33},
                          round[] = {0, 30, 0, 30, 30, 0, 30};
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(r.cycle[i].start_iter_done, start[i]);
        assert_int_equal(r.cycle[i].cycle_start_iters, round[i]);
    }
    free(r.cycle);
}

static void no_more_than_planned(void **state) {
    (void)state;
    pcl_history h;
    pclean_result r = {0};
    const size_t most = pcl_history_most(2);
    assert_true(pcl_history_bytes(2) >= most * sizeof(pclean_cycle));
    pcl_history_init(&h, 2);
    for (size_t i = 0; i < most + 7; i++) {
        const pclean_cycle c = cycle(i % 2, 0, (int)(i / 2), 1);
        assert_ok(pcl_history_add(&h, &c, 1, &err));
    }
    assert_true(h.room <= most);
    pcl_history_give(&h, &r);
    assert_int_equal(r.ncycle, most);
    assert_int_equal(r.ncycle_left_out, 7);
    free(r.cycle);
    pcl_history_clear(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_plane_and_time),
                                       cmocka_unit_test(counted_through),
                                       cmocka_unit_test(no_more_than_planned)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
