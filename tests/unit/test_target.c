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

/* ---- identities ---- */

/* A target of the middle channel after its first pass. */
typedef struct begun {
    image f;
    pcl_target t;
    size_t n;
} begun;

static void begin(begun *b, bool wide, const char *const *more) {
    *b = (begun){.n = 0};
    if (wide)
        image_configure_wide(&b->f, more);
    else
        image_configure_line(&b->f, more);
    image_open(&b->f);
    image_read(&b->f);
    assert_ok(pcl_target_init(&b->t, &b->f.setup, &b->f.vis, NULL, &err));
    b->n = b->t.nx * b->t.ny;
    assert_ok(pcl_target_begin(&b->t, b->f.setup.desc.nchan / 2, 0, &err));
    memset(b->t.model[0], 0, b->n * sizeof(float));
    assert_ok(pcl_target_dirty(&b->t, &err));
    pcl_target_measure(&b->t);
    assert_true(b->t.plane.finite && b->t.plane.has_beam && b->t.plane.nvis > 1000);
}

static void end(begun *b) {
    pcl_target_clear(&b->t);
    image_close(&b->f);
}

static double largest(const float *x, size_t n) {
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs((double)x[i]));
    return most;
}

/* |a + factor b - c| at most. */
static double misfit(const float *a, double factor, const float *b, const float *c, size_t n) {
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs((double)a[i] + factor * (double)b[i] - (double)c[i]));
    return most;
}

static const char *const briggs[] = {"niter", "50", "weighting", "briggs", NULL};

/* The residual of a point of 1 Jy in the middle is the dirty image less the PSF; that of several
 * points falls from the dirty image in proportion to them; that of no model is the dirty image, bit
 * for bit. */
static void residuals_are_linear_in_the_model(void **state) {
    (void)state;
    for (int wide = 0; wide <= 1; wide++) {
        begun b;
        float *dirty, *once;
        begin(&b, wide, briggs);
        float *model = b.t.model[0], *residual = b.t.residual[0];
        const size_t n = b.n, middle = b.t.ny / 2 * b.t.nx + b.t.nx / 2;
        keep(residual, n, &dirty);
        model[middle] = 1;
        assert_ok(pcl_target_major(&b.t, &err));
        assert_true(misfit(residual, 1, b.t.psf[0], dirty, n) < 1e-4);
        for (size_t i = 0; i < n; i += 97)
            model[i] = 0.1f * (float)(i % 5) - 0.2f;
        assert_ok(pcl_target_major(&b.t, &err));
        keep(residual, n, &once);
        for (size_t i = 0; i < n; i++)
            model[i] *= 2;
        assert_ok(pcl_target_major(&b.t, &err)); /* twice the model: dirty + twice = 2 once */
        for (size_t i = 0; i < n; i++)
            residual[i] = 0.5f * (residual[i] + dirty[i]);
        assert_true(misfit(residual, 0, dirty, once, n) < 1e-4 * largest(once, n));
        memset(model, 0, n * sizeof *model);
        assert_ok(pcl_target_major(&b.t, &err));
        assert_memory_equal(residual, dirty, n * sizeof *dirty);
        pcl_free(dirty);
        pcl_free(once);
        end(&b);
    }
}

/* A model that is there at the first pass gives the residual that it gives at a later one. */
static void a_model_may_come_first(void **state) {
    (void)state;
    for (int wide = 0; wide <= 1; wide++) {
        begun b;
        float *later;
        begin(&b, wide, (const char *const[]){"restart", "true", NULL});
        for (size_t i = 0; i < b.n; i += 113)
            b.t.model[0][i] = 0.3f;
        assert_ok(pcl_target_major(&b.t, &err));
        keep(b.t.residual[0], b.n, &later);
        assert_ok(pcl_target_dirty(&b.t, &err));
        assert_memory_equal(later, b.t.residual[0], b.n * sizeof *later);
        pcl_free(later);
        end(&b);
    }
}

/* A plane does not depend on those that the target has made before it. */
static void planes_do_not_depend_on_each_other(void **state) {
    (void)state;
    static const char *const common[] = {
        "niter", "50", "weighting", "briggs", "perchanweightdensity", "false", NULL};
    for (int k = 0; k <= 1; k++) {
        begun fresh, used;
        begin(&fresh, false, k ? common : briggs);
        begin(&used, false, k ? common : briggs);
        for (size_t ichan = 0; ichan <= 2; ichan += 2) {
            int niter;
            assert_ok(pcl_target_begin(&used.t, ichan, 0, &err));
            assert_ok(pcl_target_dirty(&used.t, &err));
            assert_ok(pcl_target_minor(&used.t, 0, 30, &niter, &err));
        }
        assert_ok(pcl_target_begin(&used.t, 1, 0, &err));
        memset(used.t.model[0], 0, used.n * sizeof(float));
        assert_ok(pcl_target_dirty(&used.t, &err));
        pcl_target_measure(&used.t);
        assert_memory_equal(&fresh.t.plane, &used.t.plane, sizeof fresh.t.plane);
        assert_memory_equal(fresh.t.psf[0], used.t.psf[0], used.n * sizeof(float));
        assert_memory_equal(fresh.t.residual[0], used.t.residual[0], used.n * sizeof(float));
        end(&fresh);
        end(&used);
    }
}

/* CLEAN looks where the primary beam is above the limit and the user's mask allows. */
static void the_search_region_is_beam_and_mask(void **state) {
    (void)state;
    static const char *const limit[][3] = {
        {"-0.2", "user", "0"}, {"0.4", "user", "0"}, {"0.2", "pb", "0.6"}, {"-0.2", "pb", "0.5"}};
    for (size_t k = 0; k < 8; k++) {
        image f = {0};
        pcl_target t;
        float *pb;
        const char *const *l = limit[k % 4];
        const bool masked = k >= 4, use_pb = k % 4 > 0;
        const double level = l[1][0] == 'p' ? strtod(l[2], NULL) : 0;
        image_configure_line(&f, (const char *const[]){"pblimit", l[0], "usemask", l[1], "pbmask",
                                                       l[2], "cell", "40arcsec", NULL});
        image_open(&f);
        image_read(&f);
        assert_ok(pcl_target_init(&t, &f.setup, &f.vis, &(pcl_target_options){.user_mask = masked},
                                  &err));
        const size_t n = t.nx * t.ny;
        for (size_t i = 0; masked && i < n; i++)
            t.user_mask[i] = i % 3 == 0;
        assert_ok(pcl_target_begin(&t, 0, 0, &err));
        assert_ok(PCL_NEW(&pb, n, "beam", &err));
        assert_ok(pcl_target_fill_pb(&t, pb, &err));
        size_t count = 0;
        for (size_t i = 0; i < n; i++) {
            const bool want = (!masked || i % 3 == 0) && (!use_pb || pb[i] > (float)level);
            assert_int_equal(t.search[i], want);
            count += want;
        }
        assert_int_equal(t.plane.nsearch, count);
        assert_true(count > 0 && (count < n || (!masked && !use_pb)));
        pcl_free(pb);
        pcl_target_clear(&t);
        image_close(&f);
    }
}

/* Minor and major cycles take flux out of the residual into the model, by what measure says;
 * without model the restored image is the residual, and correcting it for the beam divides by
 * that. */
static void a_plane_is_cleaned_and_restored(void **state) {
    (void)state;
    for (int wide = 0; wide <= 1; wide++) {
        begun b;
        float *restored, *pb;
        int niter;
        begin(&b, wide, briggs);
        pcl_target *t = &b.t;
        const double peak = t->plane.peak, rms = t->plane.rms;
        assert_true(t->plane.model_flux == 0 && rms > 0 && peak > rms);
        assert_ok(pcl_target_restore(t, &t->plane.beam, &err));
        assert_memory_equal(t->restored, t->residual[0], b.n * sizeof(float));
        keep(t->restored, b.n, &restored);
        assert_ok(pcl_target_correct_pb(t, &err));
        assert_ok(PCL_NEW(&pb, b.n, "beam", &err));
        assert_ok(pcl_target_fill_pb(t, pb, &err));
        for (size_t i = 0; i < b.n; i++)
            assert_true(t->restored[i] == (pb[i] > 0 ? restored[i] / pb[i] : 0));
        assert_ok(pcl_target_minor(t, 0.2 * peak, 200, &niter, &err));
        assert_ok(pcl_target_major(t, &err));
        pcl_target_measure(t);
        double flux = 0;
        for (size_t i = 0; i < b.n; i++)
            flux += (double)t->model[0][i];
        assert_true(niter > 0 && t->plane.peak < 0.7 * peak);
        assert_true(fabs(t->plane.model_flux - flux) < 1e-6 * fabs(flux) && flux > 0);
        double most = 0;
        for (size_t i = 0; i < b.n; i++)
            most = t->search[i] ? fmax(most, fabs((double)t->residual[0][i])) : most;
        assert_true(t->plane.peak == most);
        assert_ok(pcl_target_restore(t, &t->plane.beam, &err));
        assert_non_null(t->restored);
        assert_ok(pcl_target_major(t, &err)); /* needs the grids that it lies in */
        assert_null(t->restored);
        pcl_free(restored);
        pcl_free(pb);
        end(&b);
    }
}

/* A plane without data is zero in all respects, and the next one is not. */
static void a_plane_without_data_is_blank(void **state) {
    (void)state;
    begun b;
    begin(&b, false, briggs);
    for (size_t k = 0; k < b.f.vis.nblock; k++) {
        pcl_block *block = &b.f.vis.block[k];
        memset(block->weight, 0,
               b.f.vis.npol * block->nchan * block->row_stride * sizeof *block->weight);
    }
    assert_ok(pcl_target_begin(&b.t, 2, 0, &err));
    assert_ok(pcl_target_dirty(&b.t, &err));
    pcl_target_measure(&b.t);
    const pcl_plane *p = &b.t.plane;
    assert_true(p->nvis == 0 && p->sumwt == 0 && p->peak == 0 && p->rms == 0 && p->sidelobe == 0);
    assert_false(p->has_beam);
    assert_true(p->beam.major_rad == 0);
    assert_true(largest(b.t.residual[0], b.n) == 0 && largest(b.t.psf[0], b.n) == 0);
    assert_ok(pcl_target_major(&b.t, &err));
    assert_ok(pcl_target_restore(&b.t, &p->beam, &err));
    assert_true(largest(b.t.restored, b.n) == 0);
    end(&b);
}

static void cells_follow_from_reaches(void **state) {
    (void)state;
    const double freq[] = {1e9, 3e9, 2e9};
    assert_true(pcl_target_good_cell(0) == 0);
    assert_true(fabs(pcl_target_good_cell(1000) * 3000 - 1) < 1e-12);
    assert_true(fabs(pcl_target_wmax(100, 3, freq) / (100 * 3e9 / 299792458.0) - 1) < 1e-8);
    assert_true(pcl_target_wmax(100, 0, freq) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lent_memory_may_hold_anything),
        cmocka_unit_test(residuals_are_linear_in_the_model),
        cmocka_unit_test(a_model_may_come_first),
        cmocka_unit_test(planes_do_not_depend_on_each_other),
        cmocka_unit_test(the_search_region_is_beam_and_mask),
        cmocka_unit_test(a_plane_is_cleaned_and_restored),
        cmocka_unit_test(a_plane_without_data_is_blank),
        cmocka_unit_test(cells_follow_from_reaches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
