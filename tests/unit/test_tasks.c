#include "run/tasks.h"

#include <stdlib.h>

#include "parts.h"

enum { N = 40 * 36, NPLANE = 4 };
static pclean_err err;

static int set_up(void **state) {
    (void)state;
    unsetenv("PCLEAN_WORKERS");
    return make_folder("tasks", true);
}

/* ---- tasks done here, one after the other ---- */

static pcl_plane_state result[NPLANE];

static int done(size_t k, const void *out, void *user, pclean_err *e) {
    (void)user;
    (void)e;
    result[k] = *(const pcl_plane_state *)out;
    return 0;
}

static const pcl_pool_events events = {.done = done};

static pcl_pool *new_pool(parts *p) {
    const pcl_tasks_crew crew = {.nworker = 1, .way = PCL_TASKS_INHERIT, .place = &p->place};
    pcl_pool *pool;
    assert_ok(pcl_tasks_pool(&crew, &pool, &err));
    return pool;
}

static void first_states(const parts *p, pcl_plane_state state[NPLANE]) {
    for (size_t k = 0; k < NPLANE; k++)
        state[k] = (pcl_plane_state){
            .plane = {.chan = k, .freq_hz = pcl_channels_centre(&p->setup.channels, k)}};
}

/* What to do, to every plane from its state. */
static void run_all(pcl_pool *pool, const pcl_task *what, const pcl_plane_state *from) {
    pcl_task task[NPLANE];
    for (size_t k = 0; k < NPLANE; k++) {
        task[k] = *what;
        task[k].state = from[k];
    }
    assert_ok(pcl_pool_run(pool, NPLANE, task, &events, &err));
}

/* Seconds are not the same twice. */
static void assert_same_states(const pcl_plane_state *a, const pcl_plane_state *b) {
    for (size_t k = 0; k < NPLANE; k++) {
        pcl_plane_state x = a[k], y = b[k];
        x.plane.seconds = y.plane.seconds = 0;
        assert_memory_equal(&x, &y, sizeof x);
    }
}

/* Pixels of every product and of the scratch file, as they are now. */
typedef struct pixels {
    float product[PCL_NPRODUCT][NPLANE][N], spare[2 * NPLANE][N];
} pixels;

static pixels *look(const parts *p) {
    pixels *all = calloc(1, sizeof *all);
    for (enum pcl_product k = 0; k < PCL_NPRODUCT; k++)
        for (size_t c = 0; p->products.cube[k] && c < NPLANE; c++)
            assert_ok(pcl_cube_read_plane(p->products.cube[k], 0, c, all->product[k][c],
                                          p->products.work, &err));
    for (size_t k = 0; k < 2 * NPLANE; k++)
        parts_read_spare(p, 0, k / 2, k % 2 ? PCL_STATE_MODEL : PCL_STATE_RESIDUAL, all->spare[k]);
    return all;
}

static bool is_zero(const float *plane) {
    for (size_t i = 0; i < N; i++)
        if (plane[i] != 0)
            return false;
    return true;
}

/* Done once, and again from the same state, as if its worker had died at the very end: the same
 * states, the same pixels everywhere. */
static void run_twice(parts *p, const pcl_task *what, pcl_plane_state *state) {
    pcl_plane_state once[NPLANE];
    pcl_pool *pool = new_pool(p);
    run_all(pool, what, state);
    memcpy(once, result, sizeof once);
    pixels *first = look(p);
    run_all(pool, what, state);
    pixels *second = look(p);
    assert_same_states(once, result);
    assert_memory_equal(first, second, sizeof *first);
    memcpy(state, once, sizeof once);
    free(first);
    free(second);
    pcl_pool_free(pool);
}

static void test_a_plane_made_twice(void **unused) {
    (void)unused;
    const char *const more[] = {"pbcor", "true", "weighting", "briggs", NULL};
    parts p;
    pcl_plane_state state[NPLANE];
    parts_open(&p, "channel", false, more);
    first_states(&p, state);
    run_twice(&p, &(pcl_task){.kind = PCL_TASK_IMAGE}, state);
    pixels *all = look(&p);
    for (size_t c = 0; c < NPLANE; c++) {
        assert_int_equal(state[c].plane.chan, c);
        assert_true(state[c].plane.niter > 0 && state[c].plane.niter <= 30);
        assert_true(state[c].plane.stop > 0 && state[c].plane.nvis > 0);
        assert_true(state[c].plane.sumwt > 0 && state[c].plane.beam_major_rad > 0);
        assert_true(state[c].plane.peak_residual < state[c].plane.peak_dirty);
        for (enum pcl_product k = 0; k < PCL_NPRODUCT; k++)
            assert_false(is_zero(all->product[k][c]));
    }
    free(all);
    parts_close(&p);
}

/* Step by step with everything on disk between the steps: each may be begun twice, and reads from
 * one place what it writes to the other. */
static void test_cycles_begun_twice(void **unused) {
    (void)unused;
    const char *const more[] = {"cyclecontrol", "global", NULL};
    parts p;
    pcl_plane_state state[NPLANE];
    parts_open(&p, "global", false, more);
    first_states(&p, state);
    run_twice(&p, &(pcl_task){.kind = PCL_TASK_DIRTY}, state);
    double peak = 0, sidelobe = 0;
    for (size_t c = 0; c < NPLANE; c++) {
        assert_false(state[c].in_spare);
        assert_true(state[c].plane.niter == 0 && state[c].plane.nmajor == 1);
        peak = state[c].plane.peak_residual > peak ? state[c].plane.peak_residual : peak;
        sidelobe = state[c].plane.psf_sidelobe > sidelobe ? state[c].plane.psf_sidelobe : sidelobe;
    }
    const pcl_task cycle = {
        .kind = PCL_TASK_CYCLE, .peak = peak, .sidelobe = sidelobe, .cycleniter = 10};
    for (int i = 1; i <= 3; i++) {
        run_twice(&p, &cycle, state);
        for (size_t c = 0; c < NPLANE; c++) {
            assert_int_equal(state[c].in_spare, i % 2);
            assert_int_equal(state[c].plane.nmajor, i + 1);
            assert_true(state[c].plane.niter <= 10 * i);
        }
    }
    run_twice(&p, &(pcl_task){.kind = PCL_TASK_FINISH}, state);
    pixels *all = look(&p);
    for (size_t c = 0; c < NPLANE; c++) {
        /* what a cycle has left in the scratch file is what the products show */
        assert_memory_equal(all->product[PCL_PRODUCT_RESIDUAL][c], all->spare[2 * c],
                            sizeof all->spare[0]);
        assert_memory_equal(all->product[PCL_PRODUCT_MODEL][c], all->spare[2 * c + 1],
                            sizeof all->spare[0]);
        assert_false(is_zero(all->product[PCL_PRODUCT_IMAGE][c]));
    }
    free(all);
    parts_close(&p);
}

/* One cycle after the other on disk is one plane made in one go, where both end alike. */
static void test_one_cycle_is_one_plane(void **unused) {
    (void)unused;
    const char *const more[] = {"niter", "7", "nmajor", "1", NULL};
    parts p;
    pcl_plane_state whole[NPLANE], state[NPLANE];
    parts_open(&p, "steps", false, more);
    first_states(&p, whole);
    first_states(&p, state);
    pcl_pool *pool = new_pool(&p);
    run_all(pool, &(pcl_task){.kind = PCL_TASK_IMAGE}, whole);
    memcpy(whole, result, sizeof whole);
    pixels *first = look(&p);
    run_all(pool, &(pcl_task){.kind = PCL_TASK_DIRTY}, state);
    memcpy(state, result, sizeof state);
    for (size_t c = 0; c < NPLANE; c++) { /* each to its own depth */
        const pcl_task cycle = {.kind = PCL_TASK_CYCLE,
                                .peak = state[c].plane.peak_residual,
                                .sidelobe = state[c].plane.psf_sidelobe,
                                .cycleniter = 7,
                                .state = state[c]};
        assert_ok(pcl_pool_run(pool, 1, &cycle, &events, &err));
        state[c] = result[0];
    }
    run_all(pool, &(pcl_task){.kind = PCL_TASK_FINISH}, state);
    pixels *second = look(&p);
    memset(first->spare, 0, sizeof first->spare);
    memset(second->spare, 0, sizeof second->spare);
    assert_memory_equal(first, second, sizeof *first);
    for (size_t c = 0; c < NPLANE; c++) {
        assert_int_equal(result[c].plane.niter, whole[c].plane.niter);
        assert_true(result[c].plane.peak_residual == whole[c].plane.peak_residual);
    }
    free(first);
    free(second);
    pcl_pool_free(pool);
    parts_close(&p);
}

static int always(void *user) {
    ++*(int *)user;
    return 1;
}

static void test_asked_to_stop(void **unused) {
    (void)unused;
    parts p;
    int asked = 0;
    pcl_task task = {.kind = PCL_TASK_IMAGE};
    parts_open(&p, "stop", false, NULL);
    p.place.stop_requested = always;
    p.place.stop_user = &asked;
    pcl_pool *pool = new_pool(&p);
    assert_fails(pcl_pool_run(pool, 1, &task, &events, &err), PCLEAN_EINTERRUPTED, "interrupted");
    assert_true(asked > 0);
    pcl_pool_free(pool);
    parts_close(&p);
}

static void test_a_plane_of_which_nothing_is_left(void **unused) {
    (void)unused;
    pcl_plane_state s = {
        .plane = {.chan = 3, .pol = 1, .freq_hz = 1e9, .seconds = 2, .niter = 9, .nvis = 8},
        .numbers = {.nsearch = 7},
        .in_spare = true};
    pcl_plane_state_fail(&s, PCLEAN_STOP_FAILED);
    assert_int_equal(s.plane.chan, 3);
    assert_int_equal(s.plane.pol, 1);
    assert_true(s.plane.freq_hz == 1e9 && s.plane.seconds == 2);
    assert_int_equal(s.plane.stop, PCLEAN_STOP_FAILED);
    assert_true(s.plane.niter == 0 && s.plane.nvis == 0 && s.numbers.nsearch == 0 && !s.in_spare);
}

static void test_ways(void **unused) {
    (void)unused;
    static const struct {
        const char *word;
        enum pcl_tasks_way way;
    } cases[] = {{"", PCL_TASKS_INHERIT},
                 {"forked", PCL_TASKS_INHERIT},
                 {"attached", PCL_TASKS_ATTACH},
                 {"program", PCL_TASKS_PROGRAM}};
    enum pcl_tasks_way way;
    assert_ok(pcl_tasks_find_way(&way, &err));
    assert_int_equal(way, PCL_TASKS_INHERIT);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setenv("PCLEAN_WORKERS", cases[i].word, 1);
        assert_ok(pcl_tasks_find_way(&way, &err));
        assert_int_equal(way, cases[i].way);
    }
    setenv("PCLEAN_WORKERS", "Program", 1);
    assert_fails(pcl_tasks_find_way(&way, &err), PCLEAN_EPARAM,
                 "PCLEAN_WORKERS is \"Program\": leave it out");
    unsetenv("PCLEAN_WORKERS");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_plane_made_twice),
                                       cmocka_unit_test(test_cycles_begun_twice),
                                       cmocka_unit_test(test_one_cycle_is_one_plane),
                                       cmocka_unit_test(test_asked_to_stop),
                                       cmocka_unit_test(test_a_plane_of_which_nothing_is_left),
                                       cmocka_unit_test(test_ways)};
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
