/* join/axis.c: which images may be joined, in which order, and whether the axis stays regular. */
#include "base/mem.h"
#include "join/axis.h"
#include "unit/check.h"

static pclean_err err;

/* An image "A", "B" ... of n pixels from `first` in steps of `step`. */
static double values[8][16];
static pcl_axis axis(int i, double first, double step, size_t n) {
    static const char *const names[] = {"A", "B", "C", "D", "E", "F", "G", "H"};
    for (size_t k = 0; k < n; k++)
        values[i][k] = first + (double)k * step;
    return (pcl_axis){names[i], PCL_AXIS_SPECTRAL, n, values[i], step, "LSRK"};
}

static int join(pcl_axis a, pcl_axis b, bool relax, bool reorder, pcl_axis_joined *j) {
    const pcl_axis images[] = {a, b};
    pcl_axis_joined mine;
    const int rc = pcl_axis_join(images, 2, relax, reorder, j ? j : &mine, &err);
    if (!rc && !j)
        pcl_free(mine.order);
    return rc;
}

static void contiguous_is_regular(void **state) {
    (void)state;
    const double step[] = {1, -1, 0.25};
    for (size_t s = 0; s < 3; s++)
        for (size_t n = 1; n < 4; n++) {
            pcl_axis_joined j;
            assert_ok(join(axis(0, 10, step[s], n), axis(1, 10 + (double)n * step[s], step[s], 2),
                           false, false, &j));
            assert_true(j.regular && j.casa_regular && j.order[0] == 0 && j.order[1] == 1);
            pcl_free(j.order);
            /* the second one first */
            assert_fails(join(axis(1, 10 + (double)n * step[s], step[s], 2),
                              axis(0, 10, step[s], n), true, false, NULL),
                         PCLEAN_EDATA, "A lies before B");
            assert_ok(join(axis(1, 10 + (double)n * step[s], step[s], 2), axis(0, 10, step[s], n),
                           false, true, &j));
            assert_true(j.regular && j.order[0] == 1 && j.order[1] == 0);
            pcl_free(j.order);
        }
}

static void gaps_and_widths_need_relax(void **state) {
    (void)state;
    pcl_axis_joined j;
    assert_fails(join(axis(0, 0, 1, 3), axis(1, 4, 1, 3), false, false, NULL), PCLEAN_EDATA,
                 "between A and B there is a gap of 1 pixels");
    assert_ok(join(axis(0, 0, 1, 3), axis(1, 4, 1, 3), true, false, &j));
    assert_false(j.regular || j.casa_regular);
    pcl_free(j.order);
    assert_fails(join(axis(0, 0, 1, 3), axis(1, 3.5, 2, 3), false, false, NULL), PCLEAN_EDATA,
                 "2 times as wide");
    assert_ok(join(axis(0, 0, 1, 3), axis(1, 3.5, 2, 3), true, false, &j));
    assert_false(j.regular || j.casa_regular);
    pcl_free(j.order);
}

static void wrong_with_relax_too(void **state) {
    (void)state;
    for (int relax = 0; relax < 2; relax++) {
        assert_fails(join(axis(0, 0, 1, 3), axis(1, 2, 1, 3), relax, true, NULL), PCLEAN_EDATA,
                     "A and B overlap by 1 pixel along the axis");
        assert_fails(join(axis(0, 0, 1, 3), axis(1, 0, 1, 3), relax, true, NULL), PCLEAN_EDATA,
                     "overlap by 3 pixels along");
        assert_fails(join(axis(0, 0, 1, 1), axis(1, 0, 1, 1), relax, false, NULL), PCLEAN_EDATA,
                     "overlap");
        assert_fails(join(axis(0, 0, 1, 3), axis(1, 2.5, 1, 3), relax, false, NULL), PCLEAN_EDATA,
                     "overlap by 0.5 pixels along");
        assert_fails(join(axis(0, 0, 1, 3), axis(1, 5, -1, 3), relax, true, NULL), PCLEAN_EDATA,
                     "B runs in the opposite direction along the axis to join than A");
        pcl_axis other = axis(1, 3, 1, 3);
        other.frame = "TOPO";
        assert_fails(join(axis(0, 0, 1, 3), other, relax, false, NULL), PCLEAN_EDATA,
                     "frequencies are in TOPO, those of A in LSRK");
        pcl_axis bent = axis(1, 3, 1, 3);
        values[1][1] = 9;
        assert_fails(join(axis(0, 0, 1, 3), bent, relax, false, NULL), PCLEAN_EDATA,
                     "out of order");
        values[1][1] = 0.0 / 0.0;
        assert_fails(join(axis(0, 0, 1, 3), bent, relax, false, NULL), PCLEAN_EDATA, "pixel 1");
    }
}

static void sky_has_no_gaps(void **state) {
    (void)state;
    pcl_axis a = axis(0, -3, 1, 3), b = axis(1, 1, 1, 3);
    a.kind = b.kind = PCL_AXIS_SKY;
    assert_fails(join(a, b, true, false, NULL), PCLEAN_EDATA, "a sky axis cannot have one");
}

static void stokes_must_differ(void **state) {
    (void)state;
    pcl_axis i = axis(0, 1, 1, 1), v = axis(1, 4, 1, 1), iq = axis(2, 1, 1, 2);
    i.kind = v.kind = iq.kind = PCL_AXIS_STOKES;
    pcl_axis_joined j;
    assert_ok(join(v, i, false, false, &j));
    assert_true(j.order[0] == 0 && j.regular);
    pcl_free(j.order);
    assert_fails(join(i, iq, true, false, NULL), PCLEAN_EDATA,
                 "C has a Stokes parameter that A has already");
}

/* Steps within casacore's tolerance each, which add up: casacore would show wrong frequencies. */
static void drift_is_not_regular(void **state) {
    (void)state;
    pcl_axis images[8];
    for (int i = 0; i < 8; i++)
        images[i] = axis(i, 2.016 * i, 1, 2);
    pcl_axis_joined j;
    assert_fails(pcl_axis_join(images, 8, false, false, &j, &err), PCLEAN_EDATA, "gap"); /* 1.6 % */
    for (int i = 0; i < 8; i++)
        images[i] = axis(i, 2.008 * i, 1, 2);
    assert_ok(pcl_axis_join(images, 8, false, false, &j, &err));
    assert_true(j.casa_regular && !j.regular);
    pcl_free(j.order);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contiguous_is_regular), cmocka_unit_test(gaps_and_widths_need_relax),
        cmocka_unit_test(wrong_with_relax_too),  cmocka_unit_test(sky_has_no_gaps),
        cmocka_unit_test(stokes_must_differ),    cmocka_unit_test(drift_is_not_regular),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
