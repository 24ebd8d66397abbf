/* schedule.c with tasks that only pretend: which plane is done when, and what becomes of one that
 * dies. */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "parts.h"
#include "run/run.h"

enum { NCHAN = 4, MOST = 200 };
static pclean_err err;

static int set_up(void **state) {
    (void)state;
    return make_folder("schedule", true);
}

/* ---- tasks ---- */

/* What workers did, in order where there is one of them. */
static struct shared {
    int n;
    struct {
        int kind, chan;
        double level;
        int cycleniter;
    } did[MOST];
    int deadly; /* the channel whose tasks kill their worker; -1: none */
} * shared;

static int open_worker(const void *job, size_t size, void *inherited, void **worker,
                       pclean_err *e) {
    (void)job;
    (void)size;
    (void)e;
    *worker = inherited;
    return 0;
}

static const pcl_pool_line *line; /* of a worker */

static void attach(void *worker, const pcl_pool_line *its_line) {
    (void)worker;
    line = its_line;
}

/* A plane of channel c has peak c + 1, its second polarization half of it; a cycle halves it in as
 * many iterations as it may. */
static void pretend_plane(const pcl_task *t, pcl_plane_state *s) {
    if (t->kind == PCL_TASK_DIRTY || t->kind == PCL_TASK_IMAGE) {
        s->plane.nvis = s->plane.chan == 0 ? 0 : 100; /* channel 0 is blank */
        s->plane.peak_residual =
            s->plane.nvis ? ((double)s->plane.chan + 1) / (double)(s->plane.pol + 1) : 0;
        s->plane.psf_sidelobe = 0.2;
        s->numbers.nsearch = s->plane.nvis ? 10 : 0;
        s->plane.seconds = s->plane.chan == 2 ? 9 : (double)s->plane.chan + 1;
    }
    if (t->kind == PCL_TASK_CYCLE) {
        s->plane.peak_residual /= 2;
        s->plane.niter += t->cycleniter;
        s->plane.nmajor++;
        const pclean_cycle told = {.chan = s->plane.chan, .icycle = 77 + (int)s->plane.chan};
        pcl_pool_tell(line, &told, sizeof told);
    }
    s->numbers.peak_nomask = s->plane.peak_residual;
}

static int pretend(void *worker, const void *in, void *out, pclean_err *e) {
    (void)worker;
    (void)e;
    const pcl_task *t = in;
    pcl_task_result *result = out;
    pcl_plane_state *s = result->state;
    result->ncycle = result->nleft = 0;
    memcpy(s, t->state, t->nplane * sizeof *s);
    const int i = __sync_fetch_and_add(&shared->n, 1);
    shared->did[i].kind = t->kind;
    shared->did[i].chan = (int)s->plane.chan;
    shared->did[i].level = t->peak;
    shared->did[i].cycleniter = t->cycleniter;
    if ((int)s->plane.chan == shared->deadly)
        raise(SIGKILL);
    if (t->kind == PCL_TASK_CYCLE)
        result->cycle[result->ncycle++] = (pclean_cycle){
            .chan = s->plane.chan, .icycle = s->plane.nmajor, .iter_done = (uint64_t)t->cycleniter};
    for (size_t k = 0; k < t->nplane; k++)
        pretend_plane(t, &s[k]);
    return 0;
}

/* ---- the run ---- */

typedef struct fixture {
    parts p;
    pclean_result *result;
    pclean_plane plane[NCHAN];
    pcl_plane_state state[NCHAN];
    pclean_hooks hooks;
    pcl_run r;
    double fraction;
    int nreport, nplane, ncycle;
    char stages[400];
} fixture;

static void hear_cycle(const pclean_cycle *c, void *user) {
    fixture *f = user;
    assert_int_equal(c->icycle, 77 + (int)c->chan);
    f->ncycle++;
}

static void hear(const pclean_progress *p, void *user) {
    fixture *f = user;
    assert_true(p->fraction >= f->fraction && p->fraction <= 1);
    f->fraction = p->fraction;
    f->nreport++;
    f->nplane += p->plane != NULL;
    if (!strstr(f->stages, p->stage)) {
        strcat(f->stages, p->stage);
        strcat(f->stages, " ");
    }
}

/* joint NULL: hogbom, whose planes are tasks. */
static fixture *begin_with(const pcl_deconvolver *joint, const char *const *more, size_t nworker) {
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_ok(PCL_ZNEW(&f->result, 1, "result", &err));
    *shared = (struct shared){.deadly = -1};
    parts_open(&f->p, "schedule", false, more);
    if (joint)
        f->p.setup.params.deconvolver = joint;
    const size_t npol = f->p.setup.desc.npol, each = pcl_target_npol(&f->p.setup);
    *f->result = (pclean_result){.nchan = NCHAN / npol, .npol = npol, .plane = f->plane};
    f->hooks =
        (pclean_hooks){.size = sizeof f->hooks, .progress = hear, .user = f, .cycle = hear_cycle};
    f->r = (pcl_run){.config = &f->p.config,
                     .hooks = &f->hooks,
                     .result = f->result,
                     .setup = f->p.setup,
                     .vis = f->p.vis,
                     .products = f->p.products,
                     .claim = -1,
                     .nplane = NCHAN,
                     .state = f->state};
    for (size_t k = 0; k < NCHAN; k++) {
        f->state[k].plane.chan = k / npol;
        f->state[k].plane.pol = k % npol;
    }
    const pcl_pool_params params = {.nworker = nworker,
                                    .task_size = pcl_task_bytes(each),
                                    .result_size = sizeof(pcl_task_result),
                                    .result_used = pcl_task_result_used,
                                    .inherited = shared,
                                    .open = open_worker,
                                    .run = pretend,
                                    .attach = attach};
    assert_ok(pcl_pool_new(&params, &f->r.pool, &err));
    pcl_history_init(&f->r.history, f->r.nplane);
    return f;
}

static fixture *begin(const char *const *more, size_t nworker) {
    return begin_with(NULL, more, nworker);
}

static void end(fixture *f) {
    pcl_pool_free(f->r.pool);
    pcl_history_clear(&f->r.history);
    f->result->plane = NULL;
    pclean_result_free(f->result);
    parts_close(&f->p);
    free(f);
}

static void test_every_plane_on_its_own(void **state) {
    (void)state;
    fixture *f = begin(NULL, 1);
    assert_ok(pcl_run_image_planes(&f->r, &err));
    assert_int_equal(shared->n, NCHAN);
    for (int c = 0; c < NCHAN; c++) {
        assert_int_equal(shared->did[c].kind, PCL_TASK_IMAGE);
        assert_int_equal(f->plane[c].chan, c);
    }
    assert_string_equal(f->stages, "image ");
    assert_int_equal(f->nreport, NCHAN);
    assert_int_equal(f->nplane, NCHAN); /* each is finished */
    assert_true(f->fraction == 1);
    assert_false(pcl_run_is_global(&f->p.config));
    end(f);
}

/* All dirty images, then cycle after cycle for those above the level of the worst, then all
 * products. */
static void test_all_planes_together(void **state) {
    (void)state;
    const char *const more[] = {"cyclecontrol", "global",    "niter", "1000", "cycleniter",
                                "10",           "threshold", "0.5Jy", NULL};
    fixture *f = begin(more, 1);
    assert_true(pcl_run_is_global(&f->p.config));
    assert_ok(pcl_run_image_planes(&f->r, &err));
    int kind = PCL_TASK_DIRTY, count[PCL_TASK_FINISH + 1] = {0};
    for (int i = 0; i < shared->n; i++) {
        assert_true(shared->did[i].kind == kind || shared->did[i].kind > kind);
        kind = shared->did[i].kind;
        count[kind]++;
        if (kind == PCL_TASK_CYCLE) {
            assert_int_not_equal(shared->did[i].chan, 0); /* it has no data */
            assert_true(shared->did[i].cycleniter > 0 && shared->did[i].cycleniter <= 10);
        }
    }
    assert_int_equal(count[PCL_TASK_IMAGE], 0);
    assert_int_equal(count[PCL_TASK_DIRTY], NCHAN);
    assert_int_equal(count[PCL_TASK_FINISH], NCHAN);
    assert_true(count[PCL_TASK_CYCLE] >= 4);
    assert_int_equal(f->ncycle, count[PCL_TASK_CYCLE]);
    assert_true(shared->did[NCHAN].level == 4);   /* the worst plane's peak is everybody's */
    assert_int_equal(shared->did[NCHAN].chan, 2); /* which took longest before */
    for (int c = 1; c < NCHAN; c++) {
        assert_true(f->plane[c].peak_residual <= 0.5);
        assert_int_equal(f->plane[c].stop, PCLEAN_STOP_THRESHOLD);
    }
    assert_int_equal(f->plane[0].stop, PCLEAN_STOP_BLANK);
    assert_string_equal(f->stages, "dirty clean restore ");
    assert_int_equal(f->nplane, NCHAN);
    end(f);
}

/* The limit is of all planes together. */
static void test_the_last_iteration(void **state) {
    (void)state;
    const char *const more[] = {"cyclecontrol", "global", "niter", "25", "cycleniter", "10", NULL};
    fixture *f = begin(more, 1);
    assert_ok(pcl_run_image_planes(&f->r, &err));
    int niter = 0;
    for (int c = 0; c < NCHAN; c++)
        niter += f->plane[c].niter;
    assert_true(niter >= 25 && niter < 60);
    assert_int_equal(f->plane[3].stop, PCLEAN_STOP_NITER);
    end(f);
}

/* A plane that kills its workers is blank, takes no further part, and is told. */
static void test_a_plane_that_dies(void **state) {
    (void)state;
    const char *const more[] = {"cyclecontrol", "global",    "niter", "1000", "cycleniter",
                                "10",           "threshold", "0.5Jy", NULL};
    fixture *f = begin(more, 2);
    shared->deadly = 2;
    assert_ok(pcl_run_image_planes(&f->r, &err));
    int begun = 0;
    for (int i = 0; i < shared->n; i++)
        begun += shared->did[i].chan == 2;
    assert_int_equal(begun, 2);
    assert_int_equal(f->plane[2].stop, PCLEAN_STOP_FAILED);
    assert_true(pcl_run_plane_failed(&f->plane[2]) && !pcl_run_plane_failed(&f->plane[3]));
    assert_int_equal(f->plane[3].stop, PCLEAN_STOP_THRESHOLD);
    assert_string_equal(f->result->warning[0], "channel 2: the worker was killed by SIGKILL; "
                                               "another one does its work again");
    assert_string_equal(f->result->warning[1],
                        "channel 2: the worker was killed by SIGKILL twice; it is left blank");
    assert_null(f->result->warning[2]);
    end(f);
}

/* ---- a channel is a task ---- */

static pcl_deconvolver together(void) {
    pcl_deconvolver d = pcl_deconvolver_hogbom;
    d.joint = true;
    return d;
}

static void test_a_channel_is_a_task(void **state) {
    (void)state;
    const pcl_deconvolver joint = together();
    fixture *f = begin_with(&joint, (const char *[]){"stokes", "RRLL", "nchan", "2", NULL}, 1);
    assert_ok(pcl_run_image_planes(&f->r, &err));
    assert_int_equal(shared->n, 2);
    for (int c = 0; c < 2; c++)
        assert_int_equal(shared->did[c].chan, c);
    for (size_t k = 0; k < 4; k++) {
        assert_int_equal(f->plane[k].chan, k / 2);
        assert_int_equal(f->plane[k].pol, k % 2);
    }
    assert_true(f->plane[3].peak_residual == 1 && f->plane[2].peak_residual == 2);
    assert_int_equal(f->nplane, 4); /* each is told */
    assert_true(f->fraction == 1);
    end(f);
}

/* A channel takes part while one of its planes is above the level; its iterations count once. */
static void test_channels_together(void **state) {
    (void)state;
    const pcl_deconvolver joint = together();
    const char *const more[] = {"stokes",    "RRLL",  "nchan", "2",          "cyclecontrol",
                                "global",    "niter", "30",    "cycleniter", "10",
                                "threshold", "1mJy",  NULL};
    fixture *f = begin_with(&joint, more, 1);
    assert_ok(pcl_run_image_planes(&f->r, &err));
    int ncycle = 0;
    for (int i = 0; i < shared->n; i++) {
        if (shared->did[i].kind != PCL_TASK_CYCLE)
            continue;
        assert_int_equal(shared->did[i].chan, 1);
        assert_true(shared->did[i].level == 2.0 / (1 << ncycle)); /* of the first polarization */
        ncycle++;
    }
    assert_int_equal(ncycle, 3); /* 3 x 10 = niter, though each plane shows 30 */
    assert_int_equal(f->plane[2].niter, 30);
    assert_int_equal(f->plane[3].niter, 30);
    assert_int_equal(f->plane[2].stop, PCLEAN_STOP_NITER);
    assert_int_equal(f->plane[3].stop, PCLEAN_STOP_NITER);
    assert_int_equal(f->plane[0].stop, PCLEAN_STOP_BLANK);
    end(f);
}

static void test_a_channel_that_dies(void **state) {
    (void)state;
    const pcl_deconvolver joint = together();
    fixture *f = begin_with(&joint, (const char *[]){"stokes", "RRLL", "nchan", "2", NULL}, 2);
    shared->deadly = 1;
    assert_ok(pcl_run_image_planes(&f->r, &err));
    for (size_t k = 2; k < 4; k++) {
        assert_int_equal(f->plane[k].stop, PCLEAN_STOP_FAILED);
        assert_int_equal(f->plane[k].pol, k - 2);
    }
    assert_false(pcl_run_plane_failed(&f->plane[0]) || pcl_run_plane_failed(&f->plane[1]));
    assert_string_equal(f->result->warning[1],
                        "channel 1: the worker was killed by SIGKILL twice; it is left blank");
    assert_int_equal(f->nplane, 4);
    end(f);
}

static int stop(void *user) {
    return ++*(int *)user > 2;
}

static void test_interrupted(void **state) {
    (void)state;
    int asked = 0;
    fixture *f = begin(NULL, 1);
    pcl_pool_free(f->r.pool);
    const pcl_pool_params params = {.nworker = 1,
                                    .task_size = pcl_task_bytes(1),
                                    .result_size = sizeof(pcl_task_result),
                                    .result_used = pcl_task_result_used,
                                    .inherited = shared,
                                    .open = open_worker,
                                    .run = pretend,
                                    .stop_requested = stop,
                                    .stop_user = &asked};
    assert_ok(pcl_pool_new(&params, &f->r.pool, &err));
    assert_fails(pcl_run_image_planes(&f->r, &err), PCLEAN_EINTERRUPTED,
                 "interrupted; no product was changed");
    assert_int_equal(shared->n, 2);
    end(f);
}

int main(void) {
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_plane_on_its_own), cmocka_unit_test(test_all_planes_together),
        cmocka_unit_test(test_the_last_iteration),     cmocka_unit_test(test_a_plane_that_dies),
        cmocka_unit_test(test_a_channel_is_a_task),    cmocka_unit_test(test_channels_together),
        cmocka_unit_test(test_a_channel_that_dies),    cmocka_unit_test(test_interrupted)};
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
