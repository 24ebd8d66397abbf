/* The formula for workers that run CASA: tests/cli/mem.sh has the Python pclean's numbers; here are
 * what it must do at its edges. */
#include <math.h>

#include "check.h"
#include "pclean/memory.h"
#include "plan/casa_memory.h"

static pclean_err err;

static const pcl_casa_task usual = {.nx = 1000,
                                    .ny = 800,
                                    .nchan = 3,
                                    .gridder = "standard",
                                    .deconvolver = "hogbom",
                                    .nterms = 2,
                                    .nfields = 4};

/* Bytes beyond a worker's overhead. */
static double bytes_of(pcl_casa_task task) {
    double gib;
    assert_ok(pcl_casa_memory_worker_gib(&task, &gib, &err));
    return (gib - PCLEAN_WORKER_BASE_OVERHEAD_GIB) * 1024 * 1024 * 1024;
}

static void near(double is, double want) {
    assert_true(fabs(is - want) < 1e-6 * want);
}

static void standard_is_the_sum_of_its_buffers(void **state) {
    (void)state;
    double sum = 0;
#define ADD(name, dtype, bytes) sum += bytes;
    PCL_CASA_BUFFER_LIST(ADD)
    near(sum, PCLEAN_BYTES_PER_PIXEL_STANDARD);
    near(bytes_of(usual), 1000.0 * 800 * 3 * sum);
}

static void gridders_and_terms_multiply_it(void **state) {
    (void)state;
    const double one = bytes_of(usual);
    pcl_casa_task t = usual;
    t.gridder = "WProject"; /* any case */
    near(bytes_of(t), 1.2 * one);
    t.gridder = "mosaic"; /* fields count here only */
    near(bytes_of(t), 2 * 1.1 * one);
    t.nfields = 1;
    near(bytes_of(t), 2 * one);
    t = usual;
    t.deconvolver = "mtmfs"; /* terms count here only */
    near(bytes_of(t), 4 * one);
    t.gridder = "unheard of";
    near(bytes_of(t), 4 * one);
}

static void what_cannot_be_counted_is_refused(void **state) {
    (void)state;
    double gib = 1;
    pcl_casa_task t = usual;
    t.ny = 0;
    assert_fails(pcl_casa_memory_worker_gib(&t, &gib, &err), PCLEAN_EPARAM, "imsize=0");
    assert_true(gib == 0);
    t = usual;
    t.nfields = -1;
    assert_fails(pcl_casa_memory_worker_gib(&t, &gib, &err), PCLEAN_EPARAM, "nfields=-1");
    t = usual;
    t.nx = t.ny = INT64_C(1) << 32;
    assert_fails(pcl_casa_memory_worker_gib(&t, &gib, &err), PCLEAN_EPARAM, "more pixels");
    t = usual;
    t.nterms = INT64_C(1) << 32;
    assert_ok(pcl_casa_memory_worker_gib(&t, &gib, &err)); /* not mtmfs */
    t.deconvolver = "mtmfs";
    assert_fails(pcl_casa_memory_worker_gib(&t, &gib, &err), PCLEAN_EPARAM, "nterms");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(standard_is_the_sum_of_its_buffers),
        cmocka_unit_test(gridders_and_terms_multiply_it),
        cmocka_unit_test(what_cannot_be_counted_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
