#include "config/problems.h"
#include "unit/check.h"

static void test_problems(void **state) {
    (void)state;
    pclean_err err;
    struct pcl_problems p = {0};
    assert_ok(pcl_problems_finish(&p, &err));
    pcl_problems_add(&p, PCLEAN_EUNSUPPORTED, "gridder=%s", "mosaic");
    assert_fails(pcl_problems_finish(&p, &err), PCLEAN_EUNSUPPORTED, "gridder=mosaic");
    pcl_problems_add(&p, -PCLEAN_EPARAM, "niter");
    assert_fails(pcl_problems_finish(&p, &err), PCLEAN_EPARAM, "gridder=mosaic\nniter");
    for (int i = 0; i < 100; i++)
        pcl_problems_add(&p, PCLEAN_EIO, "complaint number %d", i);
    assert_fails(pcl_problems_finish(&p, &err), PCLEAN_EPARAM, "\n... and ");
    unsigned long shown = 0, more = 0;
    for (const char *s = err.msg; (s = strchr(s, '\n')) != NULL; s++)
        shown++; /* as many lines as line breaks, the last one left out */
    assert_int_equal(sscanf(strstr(err.msg, "... and"), "... and %lu", &more), 1);
    assert_int_equal(shown + more, 102);
}

static void test_one_huge_problem(void **state) {
    (void)state;
    pclean_err err;
    struct pcl_problems p = {0};
    pcl_problems_add(&p, PCLEAN_EPARAM, "%2000s", "x");
    assert_fails(pcl_problems_finish(&p, &err), PCLEAN_EPARAM, "    ");
    assert_null(strstr(err.msg, "more"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_problems),
                                       cmocka_unit_test(test_one_huge_problem)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
