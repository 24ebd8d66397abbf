#include "plan/memory.h"
#include "pclean/memory.h"
#include "unit/check.h"
#include <math.h>
#include <stdlib.h>

#define assert_near(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

static double worker(size_t nx, size_t ny, size_t nchan, const char *gridder, const char *deconvolver, int nterms, size_t nfields) {
    const pclean_memory_task t = {nx, ny, nchan, gridder, deconvolver, nterms, nfields};
    return pclean_memory_estimate_worker_gib(&t);
}

static void estimates_are_the_specifications(void **state) {
    (void)state;
    assert_near(worker(8000, 8000, 1, "standard", "hogbom", 1, 1), 5.2299, 1e-4); /* "5.22..." */
    assert_near(worker(1280, 1024, 1, "mosaic", "mtmfs", 2, 1), 1.4422, 1e-4);     /* not "5.08..." */
    assert_near(worker(1024, 1024, 16, "standard", "hogbom", 1, 1), 0.7 + 16 * 76 / 1024.0, 1e-9);
    const double one = worker(1024, 1024, 1, "standard", "hogbom", 1, 1) - 0.7;
    static const struct { const char *name; double factor; } gridder[] = {
        {"WProject", 1.2}, {"widefield", 1.3}, {"MOSAIC", 2}, {"awproject", 2.5}, {"nonsense", 1}, {"", 1}};
    for (size_t i = 0; i < sizeof gridder / sizeof *gridder; i++)
        assert_near(worker(1024, 1024, 1, gridder[i].name, "hogbom", 1, 1) - 0.7, one * gridder[i].factor, 1e-9);
    assert_near(worker(1024, 1024, 1, "mosaic", "hogbom", 1, 9) - 0.7, one * 2 * 1.2, 1e-9);
    assert_near(worker(1024, 1024, 1, "standard", "hogbom", 3, 9) - 0.7, one, 1e-9); /* no mosaic, no mtmfs */
    assert_near(worker(1024, 1024, 1, "standard", "MTMFS", 3, 1) - 0.7, one * 9, 1e-9);
}

static void workers_recommended(void **state) {
    (void)state;
    pclean_memory_task t;
    pclean_memory_task_init(&t);
    t.nx = t.ny = 8000;
    assert_near(pclean_memory_estimate_peak_gib(3, &t), 3 * pclean_memory_estimate_worker_gib(&t) + 0.5, 1e-9);
    assert_int_equal(pclean_memory_recommend_nworkers(64, &t, 0), 10); /* (54.4 - 0.5) / 5.23 */
    assert_int_equal(pclean_memory_recommend_nworkers(64, &t, 0.5), 6);
    assert_int_equal(pclean_memory_recommend_nworkers(1, &t, 0), 1);
    assert_true(pclean_memory_recommend_nworkers(0, &t, 0) >= 1);
    const char *from;
    assert_true(pclean_memory_available_gib(&from) > 0);
    assert_true(*from);
}

/* 10 shared, 20 reading, 100 visibilities, 50 and at most 8 a worker, 2 for a process. */
static pcl_memory_sizes sizes(void) {
    return (pcl_memory_sizes){.base = 10, .reading = 20, .store = 100, .worker = 50, .stage = {[PCL_MEMORY_FFT] = 5, [PCL_MEMORY_MINOR] = 8},
                              .per_worker_base = 2};
}

static pcl_memory_plan plan(const pcl_memory_sizes *s, uint64_t memory, size_t wanted, enum pcl_memory_file file) {
    pcl_memory_plan p;
    pclean_err err;
    assert_ok(pcl_memory_plan_make(s, memory, UINT64_MAX, wanted, file, &p, &err));
    return p;
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
    assert_int_equal(p.bytes, 10 + 100 + 58); /* in the calling process */
    p = plan(&s, 300, 3, PCL_MEMORY_FILE_NEVER); /* 270 planned with: 2 x 60 + 110 = 230 */
    assert_int_equal(p.nworkers, 2);
    assert_int_equal(p.bytes, 230);
    p = plan(&s, 300, 3, PCL_MEMORY_FILE_IF_NEEDED); /* a file holds the visibilities where that gives more workers */
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
    pclean_err err;
    assert_fails(pcl_memory_plan_make(&s, 67, UINT64_MAX, 3, PCL_MEMORY_FILE_IF_NEEDED, &p, &err), PCLEAN_ENOMEM, "one image plane needs 68 B");
    assert_non_null(strstr(err.msg, "there are 67 B"));
    assert_non_null(strstr(err.msg, "smaller imsize"));
    p = plan(&s, 168, 3, PCL_MEMORY_FILE_NEVER);
    assert_int_equal(p.nworkers, 1);
    assert_false(p.store_in_file);
    assert_fails(pcl_memory_plan_make(&s, 167, UINT64_MAX, 3, PCL_MEMORY_FILE_NEVER, &p, &err), PCLEAN_ENOMEM, "168 B");
    /* ulimit -v counts mappings: a file does not help */
    assert_fails(pcl_memory_plan_make(&s, 1000, 167, 3, PCL_MEMORY_FILE_IF_NEEDED, &p, &err), PCLEAN_ENOMEM, "there are 167 B");
    assert_ok(pcl_memory_plan_make(&s, 1000, 168, 3, PCL_MEMORY_FILE_IF_NEEDED, &p, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(estimates_are_the_specifications), cmocka_unit_test(workers_recommended),
        cmocka_unit_test(as_many_workers_as_fit), cmocka_unit_test(reading_counts_when_it_is_the_most),
        cmocka_unit_test(the_last_tenth_is_used_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
