#include "plan/memory.h"
#include "unit/check.h"

/* 10 shared, 20 reading, 100 visibilities, 50 and at most 8 a worker, 2 for a process. */
static pcl_memory_sizes sizes(void) {
    return (pcl_memory_sizes){.base = 10,
                              .reading = 20,
                              .store = 100,
                              .worker = 50,
                              .stage = {[PCL_MEMORY_FFT] = 5, [PCL_MEMORY_MINOR] = 8},
                              .per_worker_base = 2};
}

static pcl_memory_limits limits(uint64_t run, uint64_t worker, uint64_t process) {
    return (pcl_memory_limits){{run, "the machine"}, {worker, "memory_limit"}, {process, "ulimit"}};
}

static pcl_memory_plan plan(const pcl_memory_sizes *s, uint64_t memory, size_t wanted,
                            enum pcl_memory_file file) {
    pcl_memory_plan p;
    pclean_err err;
    const pcl_memory_limits l = limits(memory, UINT64_MAX, UINT64_MAX);
    assert_ok(pcl_memory_plan_make(s, &l, wanted, file, &p, &err));
    return p;
}

static void refuses(uint64_t run, uint64_t worker, uint64_t process, enum pcl_memory_file file,
                    const char *words) {
    const pcl_memory_sizes s = sizes();
    const pcl_memory_limits l = limits(run, worker, process);
    pcl_memory_plan p;
    pclean_err err;
    assert_fails(pcl_memory_plan_make(&s, &l, 3, file, &p, &err), PCLEAN_ENOMEM, words);
}

static void as_many_workers_as_fit(void **state) {
    (void)state;
    const pcl_memory_sizes s = sizes();
    pcl_memory_plan p = plan(&s, UINT64_MAX, 3, PCL_MEMORY_FILE_IF_NEEDED);
    assert_int_equal(p.nworkers, 3);
    assert_false(p.store_in_file);
    assert_int_equal(p.bytes, 10 + 100 + 3 * 60);
    assert_int_equal(p.mapped_bytes, 0);
    assert_int_equal(p.each_bytes, 60);
    assert_int_equal(p.stage, PCL_MEMORY_MINOR);
    assert_string_equal(pcl_memory_stage_name(p.stage), "minor cycle");
    p = plan(&s, 1000, 1, PCL_MEMORY_FILE_IF_NEEDED);
    assert_int_equal(p.bytes, 10 + 100 + 58);    /* in the calling process */
    p = plan(&s, 300, 3, PCL_MEMORY_FILE_NEVER); /* 270 planned with: 2 x 60 + 110 = 230 */
    assert_int_equal(p.nworkers, 2);
    assert_int_equal(p.bytes, 230);
    p = plan(&s, 300, 3, PCL_MEMORY_FILE_IF_NEEDED); /* a file holds the visibilities where that
                                                      * gives more workers */
    assert_int_equal(p.nworkers, 3);
    assert_true(p.store_in_file);
    assert_int_equal(p.bytes, 10 + 180);
    assert_int_equal(p.mapped_bytes, 100);
    p = plan(&s, 120, 3, PCL_MEMORY_FILE_IF_NEEDED);
    assert_int_equal(p.nworkers, 1);
    assert_true(p.store_in_file);
    p = plan(&s, UINT64_MAX, 3, PCL_MEMORY_FILE_ALWAYS);
    assert_true(p.store_in_file);
    assert_int_equal(p.bytes, 10 + 180);
}

/* The number that fits is the largest whose bytes do. */
static void fitting_is_counting(void **state) {
    (void)state;
    pcl_memory_sizes s = sizes();
    for (s.reading = 0; s.reading < 400; s.reading += 130)
        for (uint64_t limit = 0; limit < 2000; limit += 7)
            for (int in_file = 0; in_file < 2; in_file++) {
                const size_t n = pcl_memory_workers_that_fit(&s, limit, 20, in_file);
                assert_true(n == 0 || pcl_memory_bytes(&s, n, in_file) <= limit);
                assert_true(n == 20 || pcl_memory_bytes(&s, n + 1, in_file) > limit);
            }
    assert_true(pcl_memory_bytes(&s, SIZE_MAX, false) == UINT64_MAX); /* no wrap-around */
    assert_true(pcl_memory_workers_that_fit(&s, UINT64_MAX, SIZE_MAX, true) > (size_t)1 << 57);
}

static void reading_counts_when_it_is_the_most(void **state) {
    (void)state;
    pcl_memory_sizes s = sizes();
    s.reading = 500;
    assert_int_equal(plan(&s, UINT64_MAX, 3, PCL_MEMORY_FILE_IF_NEEDED).bytes, 10 + 100 + 500);
}

static void the_last_tenth_is_used_and_no_more(void **state) {
    (void)state;
    const pcl_memory_sizes s = sizes();
    pcl_memory_plan p = plan(&s, 68, 3, PCL_MEMORY_FILE_IF_NEEDED); /* exactly one, in a file */
    assert_int_equal(p.nworkers, 1);
    assert_int_equal(p.bytes, 68);
    refuses(67, UINT64_MAX, UINT64_MAX, PCL_MEMORY_FILE_IF_NEEDED,
            "one image plane needs 68 B of memory and there are 67 B (the machine); take a smaller "
            "imsize");
    p = plan(&s, 168, 3, PCL_MEMORY_FILE_NEVER);
    assert_int_equal(p.nworkers, 1);
    assert_false(p.store_in_file);
    refuses(167, UINT64_MAX, UINT64_MAX, PCL_MEMORY_FILE_NEVER,
            "needs 168 B of memory, of which the visibilities 100 B, and");
}

/* One worker: 58 of its own, 10 and perhaps the visibilities that it shares, 2 for being a
 * process. */
static void each_worker_keeps_its_limit(void **state) {
    (void)state;
    pcl_memory_sizes s = sizes();
    pcl_memory_limits l = limits(UINT64_MAX, 170, UINT64_MAX);
    pcl_memory_plan p;
    pclean_err err;
    assert_ok(pcl_memory_plan_make(&s, &l, 3, PCL_MEMORY_FILE_IF_NEEDED, &p, &err));
    assert_int_equal(p.nworkers, 3);
    assert_false(p.store_in_file);
    assert_int_equal(p.worker_bytes, 170);
    l = limits(UINT64_MAX, 169, UINT64_MAX);
    assert_ok(pcl_memory_plan_make(&s, &l, 3, PCL_MEMORY_FILE_IF_NEEDED, &p, &err));
    assert_int_equal(p.nworkers, 3);
    assert_true(p.store_in_file);
    assert_int_equal(p.worker_bytes, 70);
    refuses(UINT64_MAX, 69, UINT64_MAX, PCL_MEMORY_FILE_IF_NEEDED,
            "needs 70 B of memory and there are 69 B (memory_limit)");
    refuses(UINT64_MAX, 169, UINT64_MAX, PCL_MEMORY_FILE_NEVER, "170 B");
}

/* ulimit counts mappings, so a file does not help, and what is reserved but not used. */
static void each_process_keeps_its_limit(void **state) {
    (void)state;
    pcl_memory_sizes s = sizes();
    s.reserved = 30;
    pcl_memory_limits l = limits(UINT64_MAX, UINT64_MAX, 200);
    pcl_memory_plan p;
    pclean_err err;
    assert_ok(pcl_memory_plan_make(&s, &l, 3, PCL_MEMORY_FILE_IF_NEEDED, &p, &err));
    assert_int_equal(p.nworkers, 3);
    assert_int_equal(p.bytes, 10 + 100 + 3 * 60);
    assert_int_equal(p.process_bytes, 200);
    l.process.bytes = 199;
    assert_fails(pcl_memory_plan_make(&s, &l, 3, PCL_MEMORY_FILE_IF_NEEDED, &p, &err),
                 PCLEAN_ENOMEM, "there are 199 B (ulimit)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_workers_as_fit),
        cmocka_unit_test(fitting_is_counting),
        cmocka_unit_test(reading_counts_when_it_is_the_most),
        cmocka_unit_test(the_last_tenth_is_used_and_no_more),
        cmocka_unit_test(each_worker_keeps_its_limit),
        cmocka_unit_test(each_process_keeps_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
