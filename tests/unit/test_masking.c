/* imager/masking.c: the automatic mask of a small image; what an update does to the plane. */
#include "imager/masking.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "imager.h"

static pclean_err err;

static const char *const automask[] = {
    "niter",   "60",   "usemask", "auto-multithresh", "sidelobethreshold", "1",
    "verbose", "true", NULL};

static size_t count(const bool *mask, size_t n) {
    size_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += mask[i];
    return sum;
}

static void open_dirty(image *f, pcl_target *t, const char *const *more,
                       const pcl_target_options *options) {
    *f = (image){0};
    image_configure_line(f, automask);
    image_set(f, more);
    image_open(f);
    image_read(f);
    assert_ok(pcl_target_init(t, &f->setup, &f->vis, options, &err));
    if (t->user_mask)
        for (size_t i = 0; i < t->nx * t->ny; i++)
            t->user_mask[i] = i % t->nx < 8;
    assert_ok(pcl_target_begin(t, 1, 0, &err));
    memset(t->model[0], 0, t->nx * t->ny * sizeof **t->model);
    assert_ok(pcl_target_dirty(t, &err));
    pcl_target_measure(t);
}

static void close_all(image *f, pcl_target *t) {
    pcl_target_clear(t);
    image_close(f);
}

static void the_mask_of_a_plane(void **state) {
    (void)state;
    image f;
    pcl_target t;
    int niter;
    open_dirty(&f, &t, NULL, NULL);
    const size_t n = t.nx * t.ny;
    bool *first = malloc(n * sizeof *first);
    assert_int_equal(count(t.search, n), 0);
    const double whole = t.plane.peak;
    assert_ok(pcl_masking_update(&t, &(pcl_masking_cycle){.sidelobe = t.plane.sidelobe}, &err));
    assert_true(t.plane.nmask == 1 && t.plane.nsearch > 0);
    assert_int_equal(t.plane.nsearch, count(t.search, n));
    assert_memory_equal(t.search, t.automask.last, n);
    assert_true(t.plane.peak == whole && t.plane.automask.peak == whole);
    for (size_t i = 0; i < n; i++)
        assert_true(!t.search[i] || t.automask.region[i]);
    memcpy(first, t.search, n * sizeof *first);
    assert_ok(pcl_target_minor(&t, 0.3 * t.plane.peak, 30, &niter, &err));
    for (size_t i = 0; i < n; i++)
        assert_true(first[i] || !(fabsf(t.model[0][i]) > 0));
    assert_ok(pcl_target_major(&t, &err));
    pcl_target_measure(&t);
    assert_ok(pcl_masking_update(
        &t, &(pcl_masking_cycle){.sidelobe = t.plane.sidelobe, .cleaned = true}, &err));
    assert_memory_equal(first, t.automask.last, n); /* what the cycle used */
    assert_true(t.plane.nmask == 2 && t.plane.nsearch > count(first, n));
    free(first);
    close_all(&f, &t);
}

/* Sidelobes of the whole image instead of the plane's own. */
static void sidelobes_of_another(void **state) {
    (void)state;
    size_t nmask[2];
    for (int k = 0; k < 2; k++) {
        image f;
        pcl_target t;
        open_dirty(&f, &t, (const char *const[]){"noisethreshold", "0.1", NULL}, NULL);
        const double sidelobe = (k + 1) * t.plane.sidelobe;
        assert_ok(pcl_masking_update(&t, &(pcl_masking_cycle){.sidelobe = sidelobe}, &err));
        nmask[k] = t.plane.nsearch;
        close_all(&f, &t);
    }
    assert_true(nmask[1] > 0 && nmask[1] < nmask[0]);
}

/* pbmask takes the place of pblimit, inside it. */
static void pbmask_bounds_it(void **state) {
    (void)state;
    size_t nregion[3];
    static const char *const more[3][5] = {{"cell", "40arcsec", NULL},
                                           {"cell", "40arcsec", "pbmask", "0.5", NULL},
                                           {"cell", "40arcsec", "pbmask", "0.1", NULL}};
    for (int k = 0; k < 3; k++) {
        image f;
        pcl_target t;
        open_dirty(&f, &t, more[k], NULL);
        nregion[k] = count(t.automask.region, t.nx * t.ny);
        close_all(&f, &t);
    }
    assert_true(nregion[1] > 0 && nregion[1] < nregion[0] && nregion[2] == nregion[0]);
}

/* What an earlier run left stays in the mask. */
static void an_earlier_mask_is_kept(void **state) {
    (void)state;
    image f;
    pcl_target t;
    const char *const whole[] = {"pblimit", "-0.1", NULL};
    open_dirty(&f, &t, whole, &(pcl_target_options){.user_mask = true});
    assert_int_equal(count(t.search, t.nx * t.ny), 8 * t.ny);
    assert_ok(pcl_masking_update(&t, &(pcl_masking_cycle){.sidelobe = t.plane.sidelobe}, &err));
    for (size_t i = 0; i < t.nx * t.ny; i++)
        assert_true(t.search[i] || i % t.nx >= 8);
    assert_true(t.plane.nsearch > 8 * t.ny);
    close_all(&f, &t);
}

/* Stokes planes that are held together rest together, by the type of the first. */
static void stokes_planes_agree(void **state) {
    (void)state;
    pcl_deconvolver joint = pcl_deconvolver_hogbom;
    joint.joint = true;
    for (int first = 0; first < 2; first++) {
        image f = {0};
        pcl_target t;
        const pcl_masking_cycle cycle = {.sidelobe = 0.1};
        image_configure_line(&f, automask);
        image_set(&f, (const char *const[]){"stokes", "RRLL", NULL});
        image_open(&f);
        image_read(&f);
        f.setup.params.deconvolver = &joint;
        assert_ok(pcl_target_init(&t, &f.setup, &f.vis, NULL, &err));
        for (size_t i = 0; i < 2; i++) {
            pcl_target_select(&t, i);
            t.plane.automask = (pcl_automask_result){.noise = (int)i == first, .final = true};
            t.plane.settled = true;
        }
        pcl_masking_agree(&t, &cycle);
        for (size_t i = 0; i < 2; i++) {
            pcl_target_select(&t, i);
            assert_true(t.plane.automask.final == (first == 0) && t.plane.settled == (first == 0));
        }
        close_all(&f, &t);
    }
}

/* An empty mask of noise is final: nothing is done any more. */
static void noise_is_final(void **state) {
    (void)state;
    image f;
    pcl_target t;
    const char *const high[] = {"noisethreshold", "1000", NULL};
    open_dirty(&f, &t, high, NULL);
    for (int k = 0; k < 2; k++) {
        assert_ok(pcl_masking_update(&t, &(pcl_masking_cycle){.sidelobe = t.plane.sidelobe}, &err));
        assert_true(t.plane.nmask == 1 && t.plane.nsearch == 0 && t.plane.peak == 0);
        assert_true(t.plane.automask.final && t.plane.automask.noise && t.plane.settled);
    }
    close_all(&f, &t);
}

/* Nothing happens to other masks. */
static void only_where_asked_for(void **state) {
    (void)state;
    image f;
    pcl_target t;
    const char *const user[] = {"usemask", "user", NULL};
    open_dirty(&f, &t, user, NULL);
    assert_null(t.automask.region);
    const size_t before = t.plane.nsearch;
    assert_ok(pcl_masking_update(&t, &(pcl_masking_cycle){.sidelobe = t.plane.sidelobe}, &err));
    assert_true(t.plane.nsearch == before && t.plane.nmask == 0);
    close_all(&f, &t);
}

static void no_memory_is_an_error(void **state) {
    (void)state;
    image f;
    pcl_target t;
    open_dirty(&f, &t, NULL, NULL);
    pcl_mem_fail_after(1);
    assert_fails(pcl_masking_update(&t, &(pcl_masking_cycle){.sidelobe = t.plane.sidelobe}, &err),
                 PCLEAN_ENOMEM, "mask");
    pcl_mem_fail_after(0);
    close_all(&f, &t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mask_of_a_plane),  cmocka_unit_test(sidelobes_of_another),
        cmocka_unit_test(pbmask_bounds_it),     cmocka_unit_test(an_earlier_mask_is_kept),
        cmocka_unit_test(stokes_planes_agree),  cmocka_unit_test(noise_is_final),
        cmocka_unit_test(only_where_asked_for), cmocka_unit_test(no_memory_is_an_error)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
