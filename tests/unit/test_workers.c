#include "run/workers.h"

#include <stdint.h>

#include "unit/check.h"

static void test_choices(void **state) {
    (void)state;
    static const struct {
        pcl_workers_request q;
        size_t nworker, nthread;
        const char *why;
    } cases[] = {
        {{0, 0, 2, 46, 0, SIZE_MAX, false}, 2, 1, "2 workers x 1 thread: 2 cores, 46 planes"},
        {{0, 0, 2, 1, 0, SIZE_MAX, false}, 1, 2, "1 worker x 2 threads: 2 cores, 1 plane"},
        {{0, 0, 1, 46, 0, SIZE_MAX, false}, 1, 1, "1 worker x 1 thread: 1 core, 46 planes"},
        {{0, 0, 16, 5, 0, SIZE_MAX, false}, 5, 3, "5 workers x 3 threads: 16 cores, 5 planes"},
        {{0, 4, 16, 46, 0, SIZE_MAX, false},
         4,
         4,
         "4 workers x 4 threads: 16 cores, 46 planes, threads=4"},
        {{0, 32, 16, 46, 0, SIZE_MAX, false},
         1,
         32,
         "1 worker x 32 threads: 16 cores, 46 planes, threads=32"},
        {{3, 0, 2, 46, 0, SIZE_MAX, false},
         3,
         1,
         "3 workers x 1 thread: 2 cores, 46 planes, nworkers=3"},
        {{3, 0, 8, 2, 0, SIZE_MAX, false},
         2,
         4,
         "2 workers x 4 threads: 8 cores, 2 planes, nworkers=3"},
        {{3, 2, 8, 46, 0, SIZE_MAX, false},
         3,
         2,
         "3 workers x 2 threads: 8 cores, 46 planes, nworkers=3, threads=2"},
        {{0, 0, 8, 46, 0, 3, false},
         3,
         2,
         "3 workers x 2 threads: 8 cores, 46 planes, memory for 3"},
        {{6, 0, 8, 46, 0, 3, false},
         3,
         2,
         "3 workers x 2 threads: 8 cores, 46 planes, memory for 3, nworkers=6"},
        {{3, 0, 2, 46, 1, SIZE_MAX, false},
         1,
         2,
         "1 worker x 2 threads: 2 cores, 46 planes, at most 1 process, nworkers=3"},
        {{0, 0, 2, 1, 1, SIZE_MAX, false}, 1, 2, "1 worker x 2 threads: 2 cores, 1 plane"},
        {{0, 0, 2, 46, 0, SIZE_MAX, true}, 2, 1, "2 workers x 1 thread: 2 cores, 46 channels"},
        {{0, 0, 0, 0, 0, 0, false}, 1, 1, "1 worker x 1 thread: 1 core, 1 plane"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pcl_workers w;
        pcl_workers_choose(&cases[i].q, &w);
        assert_int_equal(w.nworker, cases[i].nworker);
        assert_int_equal(w.nthread, cases[i].nthread);
        assert_string_equal(w.why, cases[i].why);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_choices)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
