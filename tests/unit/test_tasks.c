#include "run/tasks.h"

#include <math.h>
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
static size_t each; /* planes of a task */
static size_t ncycle, nleft, used;

static int done(size_t k, const void *out, void *user, pclean_err *e) {
    (void)user;
    (void)e;
    const pcl_task_result *r = out;
    memcpy(&result[k * each], r->state, each * sizeof *result);
    ncycle = r->ncycle;
    nleft = r->nleft;
    used = pcl_task_result_used(r);
    for (size_t i = 0; i < ncycle; i++) { /* one after the other, from the plane's first on */
        const pclean_cycle *c = &r->cycle[i];
        assert_true(c->chan == r->state->plane.chan && c->masksum > 0 && c->cycle_thresh > 0);
        assert_true(i == 0 || c->icycle == c[-1].icycle + 1);
    }
    return 0;
}

#define AUTOMASK "usemask", "auto-multithresh", "sidelobethreshold", "1", "noisethreshold", "3"

static const pcl_pool_events events = {.done = done};

static pcl_pool *new_pool(parts *p) {
    const pcl_tasks_crew crew = {.nworker = 1, .way = PCL_TASKS_INHERIT, .place = &p->place};
    pcl_pool *pool;
    assert_ok(pcl_tasks_pool(&crew, &pool, &err));
    each = pcl_target_npol(&p->setup);
    return pool;
}

static void first_states(const parts *p, pcl_plane_state state[NPLANE]) {
    const size_t npol = p->setup.desc.npol;
    for (size_t k = 0; k < NPLANE; k++)
        state[k] = (pcl_plane_state){
            .plane = {.chan = k / npol,
                      .pol = k % npol,
                      .freq_hz = pcl_channels_centre(&p->setup.channels, k / npol)}};
}

/* What to do, to n planes from their states. */
static int run_some(pcl_pool *pool, size_t n, const pcl_task *what, const pcl_plane_state *from) {
    const size_t stride = pcl_task_bytes(each);
    unsigned char *tasks = calloc(n / each, stride);
    for (size_t k = 0; k < n / each; k++) {
        pcl_task *task = (pcl_task *)(void *)(tasks + k * stride);
        *task = *what;
        task->nplane = each;
        memcpy(task->state, &from[k * each], each * sizeof *from);
    }
    const int rc = pcl_pool_run(pool, n / each, tasks, &events, &err);
    free(tasks);
    return rc;
}

static void run_all(pcl_pool *pool, const pcl_task *what, const pcl_plane_state *from) {
    assert_ok(run_some(pool, NPLANE, what, from));
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
    const size_t npol = p->setup.desc.npol;
    pixels *all = calloc(1, sizeof *all);
    for (enum pcl_product k = 0; k < PCL_NPRODUCT; k++)
        for (size_t c = 0; p->products.cube[k] && c < NPLANE; c++)
            assert_ok(pcl_cube_read_plane(p->products.cube[k], c % npol, c / npol,
                                          all->product[k][c], p->products.work, &err));
    for (size_t k = 0; k < 2 * NPLANE; k++)
        parts_read_spare(p, k / 2 % npol, k / 2 / npol,
                         k % 2 ? PCL_STATE_MODEL : PCL_STATE_RESIDUAL, all->spare[k]);
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
static void check_one_cycle_is_one_plane(const char *const *more) {
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
        pcl_task task = {.kind = PCL_TASK_MASK, .sidelobe = state[c].plane.psf_sidelobe};
        if (p.setup.params.finds_mask) {
            assert_ok(run_some(pool, 1, &task, &state[c]));
            state[c] = result[0];
        }
        task.kind = PCL_TASK_CYCLE;
        task.peak = state[c].plane.peak_residual;
        task.cycleniter = 7;
        assert_ok(run_some(pool, 1, &task, &state[c]));
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

static void test_one_cycle_is_one_plane(void **unused) {
    (void)unused;
    check_one_cycle_is_one_plane((const char *const[]){"niter", "7", "nmajor", "1", NULL});
    check_one_cycle_is_one_plane(
        (const char *const[]){"niter", "7", "nmajor", "1", AUTOMASK, NULL});
}

/* Automatic masks are saved and loaded with residual and model, by turns; the .mask is what the
 * last cycle used. */
static void test_masks_begun_twice(void **unused) {
    (void)unused;
    parts p;
    pcl_plane_state state[NPLANE];
    size_t nused[NPLANE] = {0}, nlast[NPLANE] = {0};
    parts_open(&p, "masks", false, (const char *const[]){"cyclecontrol", "global", AUTOMASK, NULL});
    first_states(&p, state);
    run_twice(&p, &(pcl_task){.kind = PCL_TASK_DIRTY}, state);
    run_twice(&p, &(pcl_task){.kind = PCL_TASK_MASK, .sidelobe = 0.2}, state);
    for (int i = 1; i <= 3; i++) {
        double peak = 0;
        for (size_t c = 0; c < NPLANE; c++) {
            assert_int_equal(state[c].numbers.nmask, i);
            assert_true(state[c].numbers.nsearch > 0 && state[c].numbers.nsearch >= nlast[c]);
            nused[c] = nlast[c];
            nlast[c] = state[c].numbers.nsearch;
            peak = fmax(peak, state[c].plane.peak_residual);
        }
        run_twice(
            &p,
            &(pcl_task){.kind = PCL_TASK_CYCLE, .peak = peak, .sidelobe = 0.2, .cycleniter = 10},
            state);
    }
    run_twice(&p, &(pcl_task){.kind = PCL_TASK_FINISH}, state);
    pixels *all = look(&p);
    for (size_t c = 0; c < NPLANE; c++) {
        size_t nmask = 0;
        for (size_t i = 0; i < N; i++)
            nmask += all->product[PCL_PRODUCT_MASK][c][i] > 0;
        assert_int_equal(nmask, nlast[c]);
        assert_true(nlast[c] > nused[c] || state[c].numbers.nsearch > nlast[c]);
    }
    free(all);
    parts_close(&p);
}

/* ---- planes that are cleaned together ---- */

static const char *const both_hands[] = {"stokes",       "RRLL",   "nchan",     "2",
                                         "weighting",    "briggs", "threshold", "5mJy",
                                         "cyclecontrol", "global", NULL};

/* Hogbom on each plane of a channel, as if they had to be together. */
static pcl_deconvolver together(void) {
    pcl_deconvolver d = pcl_deconvolver_hogbom;
    d.joint = true;
    return d;
}

/* A task of a channel does to its planes what a task of each does, with the same bits, each step
 * begun twice; only the iterations are counted together. */
static void test_a_channel_is_its_planes(void **unused) {
    (void)unused;
    const pcl_deconvolver joint = together();
    pcl_plane_state state[2][NPLANE];
    pixels *all[2];
    for (int k = 0; k < 2; k++) {
        parts p;
        parts_open(&p, k ? "together" : "apart", false, both_hands);
        if (k)
            p.setup.params.deconvolver = &joint;
        assert_int_equal(pcl_target_npol(&p.setup), k ? 2 : 1);
        first_states(&p, state[k]);
        run_twice(&p, &(pcl_task){.kind = PCL_TASK_DIRTY}, state[k]);
        for (int i = 0; i < 2; i++)
            run_twice(&p,
                      &(pcl_task){.kind = PCL_TASK_CYCLE,
                                  .peak = 0.08 - 0.04 * i,
                                  .sidelobe = 0.2,
                                  .cycleniter = 20},
                      state[k]);
        run_twice(&p, &(pcl_task){.kind = PCL_TASK_FINISH}, state[k]);
        all[k] = look(&p);
        parts_close(&p);
    }
    assert_memory_equal(all[0], all[1], sizeof *all[0]);
    for (size_t c = 0; c < NPLANE; c++) {
        const pcl_plane_state *one = &state[0][c], *both = &state[1][c];
        assert_int_equal(both->plane.niter,
                         state[0][c / 2 * 2].plane.niter + state[0][c / 2 * 2 + 1].plane.niter);
        assert_true(one->plane.niter > 0);
        assert_memory_equal(&one->numbers, &both->numbers, sizeof one->numbers);
        assert_true(one->plane.peak_residual == both->plane.peak_residual);
        assert_int_equal(both->plane.nmajor, 3);
    }
    free(all[0]);
    free(all[1]);
}

/* The control of a channel goes by the worst of its planes, which end alike. */
static void test_a_channel_ends_as_one(void **unused) {
    (void)unused;
    const pcl_deconvolver joint = together();
    const char *const more[] = {"stokes", "RRLL",      "nchan", "2", "niter",
                                "2000",   "threshold", "10mJy", NULL};
    parts p;
    pcl_plane_state state[NPLANE];
    parts_open(&p, "one", false, more);
    p.setup.params.deconvolver = &joint;
    first_states(&p, state);
    run_twice(&p, &(pcl_task){.kind = PCL_TASK_IMAGE}, state);
    for (size_t c = 0; c < NPLANE; c++) {
        assert_int_equal(state[c].plane.stop, PCLEAN_STOP_THRESHOLD);
        assert_true(state[c].plane.peak_residual < 0.0102);
        assert_int_equal(state[c].plane.niter, state[c / 2 * 2].plane.niter);
        assert_int_equal(state[c].plane.nmajor, state[c / 2 * 2].plane.nmajor);
        assert_true(state[c].plane.niter > 0 && state[c].plane.model_flux != 0);
    }
    parts_close(&p);
}

static void test_the_worst(void **unused) {
    (void)unused;
    const pcl_plane_state s[3] = {{.plane = {.nvis = 5, .peak_residual = 2, .psf_sidelobe = 0.1},
                                   .numbers = {.nsearch = 7, .nsigma_jy = 0.3, .peak_nomask = 2}},
                                  {.plane = {.nvis = 0, .peak_residual = 9, .psf_sidelobe = 9},
                                   .numbers = {.nsearch = 9, .nsigma_jy = 9, .peak_nomask = 9}},
                                  {.plane = {.nvis = 6, .peak_residual = 1, .psf_sidelobe = 0.2},
                                   .numbers = {.nsigma_jy = 0.2, .peak_nomask = 3}}};
    pcl_worst w;
    pcl_worst_of(3, s, &w);
    assert_true(w.at.peak == 2 && w.sidelobe == 0.2 && w.at.nsigma_jy == 0.3);
    assert_true(w.at.npixel == 7 && w.at.peak_nomask == 3 && w.nvis == 11);
    pcl_worst_of(1, &s[1], &w);
    assert_true(w.at.peak == 0 && w.at.npixel == 0 && w.nvis == 0);
    pcl_plane_state one[3];
    memcpy(one, s, sizeof one);
    one[0].plane.stop = PCLEAN_STOP_DIVERGED_MIN; /* it is left as it is */
    pcl_worst_of(3, one, &w);
    assert_true(w.at.peak == 1 && w.nvis == 6);
    for (size_t i = 0; i < 3; i++)
        pcl_plane_state_stop(&one[i], PCLEAN_STOP_NITER);
    assert_int_equal(one[0].plane.stop, PCLEAN_STOP_NITER);
    assert_int_equal(one[1].plane.stop, PCLEAN_STOP_BLANK);
    assert_int_equal(one[2].plane.stop, PCLEAN_STOP_ZEROMASK);
}

static int always(void *user) {
    ++*(int *)user;
    return 1;
}

static void test_asked_to_stop(void **unused) {
    (void)unused;
    parts p;
    int asked = 0;
    pcl_plane_state state[NPLANE];
    parts_open(&p, "stop", false, NULL);
    first_states(&p, state);
    p.place.stop_requested = always;
    p.place.stop_user = &asked;
    pcl_pool *pool = new_pool(&p);
    assert_fails(run_some(pool, 1, &(pcl_task){.kind = PCL_TASK_IMAGE}, state), PCLEAN_EINTERRUPTED,
                 "interrupted");
    assert_true(asked > 0);
    pcl_pool_free(pool);
    parts_close(&p);
}

/* A result has the first cycles of a plane and says how many more there were. */
static void test_more_cycles_than_a_result_has(void **unused) {
    (void)unused;
    const char *const more[] = {"niter", "515", "cycleniter", "1", "nchan", "1", NULL};
    parts p;
    pcl_plane_state state[NPLANE];
    parts_open(&p, "many", false, more);
    first_states(&p, state);
    pcl_pool *pool = new_pool(&p);
    assert_ok(run_some(pool, 1, &(pcl_task){.kind = PCL_TASK_IMAGE}, state));
    assert_int_equal(result[0].plane.niter, 515);
    assert_int_equal(ncycle, PCL_TASK_CYCLES);
    assert_int_equal(nleft, 515 - PCL_TASK_CYCLES);
    assert_int_equal(used, sizeof(pcl_task_result));
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
                                       cmocka_unit_test(test_masks_begun_twice),
                                       cmocka_unit_test(test_a_channel_is_its_planes),
                                       cmocka_unit_test(test_a_channel_ends_as_one),
                                       cmocka_unit_test(test_the_worst),
                                       cmocka_unit_test(test_asked_to_stop),
                                       cmocka_unit_test(test_more_cycles_than_a_result_has),
                                       cmocka_unit_test(test_a_plane_of_which_nothing_is_left),
                                       cmocka_unit_test(test_ways)};
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
