/* imager/state.c: what is saved is what is loaded, bit for bit, and a plane that was put away goes
 * on as if it had not been. */
#include "imager/state.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "imager.h"

static pclean_err err;

static const char *const briggs[] = {"niter", "60", "weighting", "briggs", "stokes", "RRLL", NULL};

static void open_targets(image *f, size_t n, pcl_target *t) {
    const pcl_target_options options = {.user_mask = true};
    image_configure_line(f, briggs);
    image_open(f);
    image_read(f);
    for (size_t i = 0; i < n; i++) {
        assert_ok(pcl_target_init(&t[i], &f->setup, &f->vis, &options, &err));
        for (size_t k = 0; k < t[i].nx * t[i].ny; k++)
            t[i].user_mask[k] = (k / 7) % 5 != 0;
    }
}

static void close_targets(image *f, size_t n, pcl_target *t) {
    for (size_t i = 0; i < n; i++)
        pcl_target_clear(&t[i]);
    image_close(f);
}

static void first_pass(pcl_target *t, size_t ichan, size_t ipol) {
    assert_ok(pcl_target_begin(t, ichan, ipol, &err));
    memset(t->model[0], 0, t->nx * t->ny * sizeof **t->model);
    assert_ok(pcl_target_dirty(t, &err));
    pcl_target_measure(t);
}

static void cycle(pcl_target *t) {
    int niter;
    assert_ok(pcl_target_minor(t, 0.5 * t->plane.peak, 25, &niter, &err));
    assert_true(niter > 0);
    assert_ok(pcl_target_major(t, &err));
    pcl_target_measure(t);
}

static void assert_same(const pcl_target *a, const pcl_target *b) {
    const size_t n = a->nx * a->ny;
    assert_memory_equal(&a->plane, &b->plane, sizeof a->plane);
    assert_memory_equal(a->psf[0], b->psf[0], n * sizeof(float));
    assert_memory_equal(a->residual[0], b->residual[0], n * sizeof(float));
    assert_memory_equal(a->model[0], b->model[0], n * sizeof(float));
    assert_memory_equal(a->search, b->search, n);
    assert_memory_equal(a->user_mask, b->user_mask, n);
}

static void spoil(pcl_target *t) {
    const size_t n = t->nx * t->ny;
    memset(&t->plane, 0x55, sizeof t->plane);
    memset(t->psf[0], 0xff, n * sizeof(float));
    memset(t->residual[0], 0xff, n * sizeof(float));
    memset(t->model[0], 0xff, n * sizeof(float));
    memset(t->search, 1, n);
    memset(t->user_mask, 1, n);
    memset(t->valid, 1, n);
    if (t->quiet)
        memset(t->quiet, 1, n);
    memset(t->best[0], 0xff, n * sizeof(float));
}

/* Two planes go to a file in turn; another target takes them up, and goes on to the same bytes as
 * the one that has never put them away. */
static void a_plane_goes_on_where_it_was(void **state) {
    (void)state;
    image f = {0};
    pcl_target t[2];
    pcl_state_file *file = NULL;
    open_targets(&f, 2, t);
    assert_ok(pcl_state_file_new(&f.setup, &(pcl_scratch){.folder = PCLEAN_TEST_TMP}, "a test",
                                 PCL_STATE_ALL, &file, &err));
    assert_int_equal(pcl_state_file_bytes(&f.setup, PCL_STATE_ALL), 3 * 2 * 90 * 80 * (4 * 4 + 4));
    assert_int_equal(pcl_state_file_bytes(&f.setup, PCL_STATE_CYCLE), 3 * 2 * 90 * 80 * 2 * 4);
    const pcl_state_place place = pcl_state_file_place(file);
    pcl_plane numbers[2];
    for (size_t k = 0; k < 2; k++) {
        first_pass(&t[0], 1 + k, 1 - k);
        cycle(&t[0]);
        t[0].search[17] = !t[0].search[17]; /* a mask that a cycle has changed */
        numbers[k] = t[0].plane;
        assert_ok(pcl_state_save(&t[0], PCL_STATE_ALL, &place, &err));
    }
    for (size_t k = 0; k < 2; k++) {
        spoil(&t[1]);
        assert_ok(pcl_state_load(&t[1], &numbers[k], PCL_STATE_ALL, &place, &err));
        first_pass(&t[0], 1 + k, 1 - k);
        cycle(&t[0]);
        t[0].search[17] = !t[0].search[17];
        assert_same(&t[0], &t[1]);
        assert_ok(pcl_target_reweigh(&t[1], &err));
        cycle(&t[0]);
        cycle(&t[1]);
        assert_same(&t[0], &t[1]);
        assert_ok(pcl_target_restore(&t[0], &t[0].plane.beam, &err));
        assert_ok(pcl_target_restore(&t[1], &t[1].plane.beam, &err));
        assert_memory_equal(t[0].restored, t[1].restored, t[0].nx * t[0].ny * sizeof(float));
    }
    pcl_state_file_free(file);
    close_targets(&f, 2, t);
}

/* What is not asked for is neither written nor touched; a file has room for what it was made
 * for. */
static void parts_of_a_plane(void **state) {
    (void)state;
    image f = {0};
    pcl_target t[2];
    pcl_state_file *file = NULL;
    open_targets(&f, 2, t);
    assert_ok(pcl_state_file_new(&f.setup, &(pcl_scratch){.folder = PCLEAN_TEST_TMP}, "a test",
                                 PCL_STATE_CYCLE, &file, &err));
    const pcl_state_place place = pcl_state_file_place(file);
    first_pass(&t[0], 0, 0);
    first_pass(&t[1], 0, 0);
    cycle(&t[0]);
    assert_fails(pcl_state_save(&t[0], PCL_STATE_PSF, &place, &err), PCLEAN_EBUG, "a test");
    assert_fails(pcl_state_load(&t[0], &t[0].plane, PCL_STATE_MASKS, &place, &err), PCLEAN_EBUG,
                 "has no room");
    assert_ok(pcl_state_save(&t[0], PCL_STATE_CYCLE, &place, &err));
    assert_memory_not_equal(t[0].residual[0], t[1].residual[0], t[0].nx * t[0].ny * sizeof(float));
    assert_ok(pcl_state_load(&t[1], &t[0].plane, PCL_STATE_CYCLE, &place, &err));
    assert_same(&t[0], &t[1]);
    pcl_state_file_free(file);
    close_targets(&f, 2, t);
}

/* A target that holds both planes of a channel takes each up in its place, and goes on with them as
 * two targets would. */
static void planes_that_are_held_together(void **state) {
    (void)state;
    image f = {0};
    pcl_target t[3], both;
    pcl_state_file *file = NULL;
    pcl_deconvolver joint = pcl_deconvolver_hogbom;
    joint.joint = true;
    open_targets(&f, 3, t);
    f.setup.params.deconvolver = &joint;
    assert_ok(pcl_target_init(&both, &f.setup, &f.vis, &t[0].options, &err));
    assert_int_equal(both.npol, 2);
    assert_ok(pcl_state_file_new(&f.setup, &(pcl_scratch){.folder = PCLEAN_TEST_TMP}, "a test",
                                 PCL_STATE_ALL, &file, &err));
    const pcl_state_place place = pcl_state_file_place(file);
    for (size_t k = 0; k < 2; k++) {
        first_pass(&t[k], 1, k);
        assert_ok(pcl_state_save(&t[k], PCL_STATE_ALL, &place, &err));
        pcl_target_select(&both, k);
        spoil(&both);
    }
    for (size_t k = 2; k-- > 0;) {
        assert_ok(pcl_state_load(&both, &t[k].plane, PCL_STATE_ALL, &place, &err));
        assert_ok(pcl_target_reweigh(&both, &err));
    }
    int niter[3];
    for (size_t k = 0; k < 2; k++)
        assert_ok(pcl_target_minor(&t[k], 0.05, 25, &niter[k], &err));
    assert_ok(pcl_target_minor(&both, 0.05, 25, &niter[2], &err));
    assert_int_equal(niter[2], niter[0] + niter[1]);
    for (size_t k = 0; k < 2; k++) {
        pcl_target_select(&both, k);
        assert_ok(pcl_target_major(&t[k], &err));
        assert_ok(pcl_target_major(&both, &err));
        pcl_target_measure(&t[k]);
        pcl_target_measure(&both);
        assert_same(&t[k], &both);
        assert_ok(pcl_state_save(&both, PCL_STATE_ALL, &place, &err));
        spoil(&t[2]);
        assert_ok(pcl_state_load(&t[2], &both.plane, PCL_STATE_ALL, &place, &err));
        assert_same(&t[2], &both);
    }
    pcl_state_file_free(file);
    pcl_target_clear(&both);
    close_targets(&f, 3, t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plane_goes_on_where_it_was),
        cmocka_unit_test(parts_of_a_plane),
        cmocka_unit_test(planes_that_are_held_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
