/* imager/target.c on small MeasurementSets: what must hold of an image whatever the data are. */
#include "imager/target.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "imager.h"

static pclean_err err;

enum { NPLANE = 6 };
static const char *const clean_briggs[] = {"niter", "60",      "weighting", "briggs", "pbcor",
                                           "true",  "pblimit", "0.3",       NULL};

/* ---- lent memory ---- */

static void spoil(pcl_target *t, bool really, int from) {
    for (int k = from; really && k < 2; k++) {
        const pcl_lent lent = t->gridder->lend(t->gridder_self, k);
        memset(lent.at, 0xff, lent.n * sizeof *lent.at); /* NaN */
    }
}

static void keep(const float *plane, size_t n, float **to) {
    assert_ok(PCL_NEW(to, n, "copy", &err));
    memcpy(*to, plane, n * sizeof **to);
}

/* The life of a plane; what there is of it into out. spoils: wherever the rule of target.h allows
 * to use the lent memory. */
static void live_through(image *f, bool spoils, float *out[NPLANE]) {
    pcl_target t;
    int niter;
    assert_ok(pcl_target_init(&t, &f->setup, &f->vis, NULL, &err));
    const size_t n = t.nx * t.ny, middle = f->setup.desc.nchan / 2;
    spoil(&t, spoils, 0);
    assert_ok(pcl_target_begin(&t, middle, 0, &err));
    memset(t.model[0], 0, n * sizeof **t.model);
    spoil(&t, spoils, 0);
    assert_ok(pcl_target_dirty(&t, &err));
    for (int cycle = 0; cycle < 2; cycle++) {
        spoil(&t, spoils, 0);
        pcl_target_measure(&t);
        spoil(&t, spoils, 0);
        assert_ok(pcl_target_minor(&t, 0.3 * t.plane.peak, 30, &niter, &err));
        assert_true(niter > 0);
        spoil(&t, spoils, 0);
        assert_ok(pcl_target_major(&t, &err));
    }
    spoil(&t, spoils, 0);
    assert_null(t.restored);
    assert_ok(pcl_target_restore(&t, &t.plane.beam, &err));
    spoil(&t, spoils, 1); /* the restored image lies in the other */
    keep(t.psf[0], n, &out[0]);
    keep(t.residual[0], n, &out[1]);
    keep(t.model[0], n, &out[2]);
    keep(t.restored, n, &out[3]);
    spoil(&t, spoils, 1);
    assert_ok(pcl_target_correct_pb(&t, &err));
    keep(t.restored, n, &out[4]);
    assert_ptr_equal(pcl_target_borrow_plane(&t), t.gridder->lend(t.gridder_self, 0).at);
    assert_null(t.restored);
    spoil(&t, spoils, 0);
    assert_ok(pcl_target_fill_pb(&t, pcl_target_borrow_plane(&t), &err));
    keep(pcl_target_borrow_plane(&t), n, &out[5]);
    pcl_target_clear(&t);
}

/* What is in the lent memory at the points of the rule changes no bit of anything. */
static void lent_memory_may_hold_anything(void **state) {
    (void)state;
    for (int wide = 0; wide <= 1; wide++) {
        image f = {0};
        float *plain[NPLANE], *spoilt[NPLANE];
        if (wide)
            image_configure_wide(&f, clean_briggs);
        else
            image_configure_line(&f, clean_briggs);
        image_open(&f);
        image_read(&f);
        live_through(&f, false, plain);
        live_through(&f, true, spoilt);
        for (size_t k = 0; k < NPLANE; k++) {
            assert_memory_equal(plain[k], spoilt[k],
                                f.setup.desc.nx * f.setup.desc.ny * sizeof(float));
            pcl_free(plain[k]);
            pcl_free(spoilt[k]);
        }
        image_close(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lent_memory_may_hold_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
