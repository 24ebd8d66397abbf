/* schedule.c: which plane is done when: the coordinator's side of the two cyclecontrols. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "run/run.h"

/* ---- one batch of tasks ---- */

typedef struct batch {
    pcl_run *r;
    const char *stage;
    double from, to; /* of the whole run's progress */
    bool last;       /* the planes are finished with it */
    size_t n, done;
    pcl_task *task; /* [nplane] */
} batch;

static size_t index_of(const batch *b, size_t k) {
    const pclean_plane *p = &b->task[k].state.plane;
    return p->chan * b->r->setup.desc.npol + p->pol;
}

static void report_task(batch *b, size_t iplane) {
    pcl_run *r = b->r;
    r->result->plane[iplane] = r->state[iplane].plane;
    b->done++;
    pcl_run_report(r, b->stage, b->from + (b->to - b->from) * (double)b->done / (double)b->n,
                   b->done, b->n, "planes", b->last ? &r->result->plane[iplane] : NULL);
}

static int task_done(size_t k, const void *result, void *user, pclean_err *err) {
    (void)err;
    batch *b = user;
    b->r->state[index_of(b, k)] = *(const pcl_plane_state *)result;
    report_task(b, index_of(b, k));
    return 0;
}

/* A plane whose worker died twice stays blank, whatever those two wrote, and takes no further
 * part. */
static int task_died(size_t k, const char *how, bool again, void *user, pclean_err *err) {
    batch *b = user;
    pcl_run *r = b->r;
    pcl_plane_state *s = &r->state[index_of(b, k)];
    char name[64];
    pcl_run_plane_name(r, &s->plane, name, sizeof name);
    if (again) {
        pcl_run_warn(r, "%s: the worker %s; another one does its work again", name, how);
        return 0;
    }
    pcl_run_warn(r, "%s: the worker %s; it is left blank", name, how);
    pcl_plane_state_fail(s, PCLEAN_STOP_FAILED);
    report_task(b, index_of(b, k));
    return pcl_products_blank(&r->products, s->plane.pol, s->plane.chan, err);
}

/* Longest first: by what the plane took last time, before that by the rows that its channel finds
 * data in. */
static double expected_cost(const pcl_run *r, const pcl_plane_state *s, pcl_channel_sample *work) {
    if (s->plane.seconds > 0 || r->setup.channels.mfs)
        return s->plane.seconds;
    double rows = 0;
    for (size_t i = 0; i < r->vis.nblock; i++) {
        const pcl_block *b = &r->vis.block[i];
        const pcl_row_channels row = pcl_block_channels(b);
        if (b->nrow && b->nchan && b->ntime)
            rows +=
                (double)b->nrow * (double)pcl_channels_samples(&r->setup.channels, s->plane.chan,
                                                               &row, b->doppler[0], work);
    }
    return rows;
}

static int by_cost(const void *a, const void *b) {
    const pcl_task *s = a, *t = b;
    const double x = s->cost, y = t->cost;
    const size_t i = s->state.plane.chan, j = t->state.plane.chan, p = s->state.plane.pol,
                 q = t->state.plane.pol;
    if (x != y)
        return (x < y) - (x > y);
    return i != j ? (i > j) - (i < j) : (p > q) - (p < q);
}

static int sort_tasks(const batch *b, pclean_err *err) {
    size_t most = 1;
    for (size_t i = 0; i < b->r->vis.nblock; i++) {
        const pcl_block *block = &b->r->vis.block[i];
        const pcl_row_channels row = pcl_block_channels(block);
        const size_t n = pcl_channels_max_samples(&b->r->setup.channels, &row);
        most = n > most ? n : most;
    }
    pcl_channel_sample *work = NULL;
    int rc = PCL_NEW(&work, most, "channel map", err);
    if (rc)
        return rc;
    for (size_t k = 0; k < b->n; k++)
        b->task[k].cost = expected_cost(b->r, &b->task[k].state, work);
    qsort(b->task, b->n, sizeof *b->task, by_cost);
    pcl_free(work);
    return 0;
}

/* Gives the task to every plane for which `takes` says so, and waits for all of them: the barrier
 * of a cycle. */
static int run_batch(batch *b, const pcl_task *what,
                     bool (*takes)(const pcl_run *, const pcl_plane_state *, const pcl_task *),
                     pclean_err *err) {
    const pcl_pool_events events = {.done = task_done, .died = task_died, .user = b};
    b->n = b->done = 0;
    for (size_t k = 0; k < b->r->nplane; k++)
        if (!pcl_run_plane_failed(&b->r->state[k].plane) && takes(b->r, &b->r->state[k], what)) {
            b->task[b->n] = *what;
            b->task[b->n++].state = b->r->state[k];
        }
    int rc = sort_tasks(b, err);
    return rc ? rc : pcl_pool_run(b->r->pool, b->n, b->task, &events, err);
}

static bool takes_all(const pcl_run *r, const pcl_plane_state *s, const pcl_task *what) {
    (void)r;
    (void)s;
    (void)what;
    return true;
}

/* ---- cyclecontrol=channel: every plane on its own ---- */

static int image_by_plane(batch *b, pclean_err *err) {
    pcl_run *r = b->r;
    const pcl_task task = {.kind = PCL_TASK_IMAGE};
    const bool again = pcl_run_has_common_beam(r);
    b->stage = "image";
    b->from = 0.1;
    b->to = again ? 0.9 : 1;
    b->last = !again;
    int rc = run_batch(b, &task, takes_all, err);
    if (rc || !again || (rc = pcl_run_find_common_beam(r, err)))
        return rc;
    const pcl_task then = {.kind = PCL_TASK_RESTORE, .common = r->common_beam};
    b->stage = "restore";
    b->from = b->to;
    b->to = 1;
    b->last = true;
    return run_batch(b, &then, takes_all, err);
}

/* ---- cyclecontrol=global: all planes as one problem, one barrier per cycle ---- */

/* The worst plane speaks for all: tclean's control. */
static void worst_of_all(const pcl_run *r, double *peak, double *sidelobe, double *rms,
                         size_t *nsearch) {
    *peak = *sidelobe = *rms = 0;
    *nsearch = 0;
    for (size_t k = 0; k < r->nplane; k++) {
        const pclean_plane *p = &r->state[k].plane;
        if (p->nvis == 0)
            continue;
        *peak = fmax(*peak, p->peak_residual);
        *sidelobe = fmax(*sidelobe, p->psf_sidelobe);
        *rms = fmax(*rms, p->rms_residual);
        *nsearch += r->state[k].numbers.nsearch;
    }
}

static bool above_level(const pcl_run *r, const pcl_plane_state *s, const pcl_task *what) {
    return s->plane.nvis > 0 && s->numbers.nsearch > 0 &&
           s->plane.peak_residual >= pcl_task_level(&r->setup.params.control, what, s);
}

static double iterations(const pcl_run *r) {
    double n = 0;
    for (size_t k = 0; k < r->nplane; k++)
        n += r->state[k].plane.niter;
    return n;
}

static int cycle_globally(batch *b, int *stop, pclean_err *err) {
    const pcl_control *control = &b->r->setup.params.control;
    pcl_progress_state all = {0};
    for (;;) {
        double peak, sidelobe, rms;
        size_t nsearch;
        worst_of_all(b->r, &peak, &sidelobe, &rms, &nsearch);
        if ((*stop = pcl_converge_check(control, &all, peak, rms, nsearch)))
            return 0;
        const pcl_task task = {.kind = PCL_TASK_CYCLE,
                               .peak = peak,
                               .sidelobe = sidelobe,
                               .cycleniter = pcl_converge_cycleniter(control, &all)};
        b->stage = "clean";
        b->from = b->to;
        b->to += 0.3 * (0.9 - b->to); /* nobody knows how many cycles are left */
        int rc = run_batch(b, &task, above_level, err);
        if (rc)
            return rc;
        all.niter = (int)fmin(iterations(b->r), 2e9);
        all.nround++;
    }
}

static int image_globally(batch *b, pclean_err *err) {
    pcl_run *r = b->r;
    const pcl_task first = {.kind = PCL_TASK_DIRTY};
    int rc, stop;
    b->stage = "dirty";
    b->from = 0.1;
    b->to = 0.4;
    if ((rc = run_batch(b, &first, takes_all, err)) || (rc = cycle_globally(b, &stop, err)))
        return rc;
    for (size_t k = 0; k < r->nplane; k++) {
        pcl_plane_state *s = &r->state[k];
        if (pcl_run_plane_failed(&s->plane))
            continue;
        s->plane.stop = stop;
        if (s->plane.nvis == 0)
            s->plane.stop = PCLEAN_STOP_BLANK;
        else if (s->numbers.nsearch == 0)
            s->plane.stop = PCLEAN_STOP_ZEROMASK;
    }
    if ((rc = pcl_run_find_common_beam(r, err)))
        return rc;
    const pcl_task last = {.kind = PCL_TASK_FINISH, .common = r->common_beam};
    b->stage = "restore";
    b->from = b->to;
    b->to = 1;
    b->last = true;
    return run_batch(b, &last, takes_all, err);
}

bool pcl_run_plane_failed(const pclean_plane *p) {
    return p->stop == PCLEAN_STOP_FAILED || p->stop == PCLEAN_STOP_NOT_FINITE;
}

bool pcl_run_is_global(const pclean_config *c) {
    return c->cyclecontrol == PCLEAN_CYCLECONTROL_GLOBAL && c->niter > 0;
}

int pcl_run_image_planes(pcl_run *r, pclean_err *err) {
    batch b = {.r = r};
    int rc = PCL_ZNEW(&b.task, r->nplane, "list of tasks", err);
    if (rc)
        return rc;
    rc = pcl_run_is_global(r->config) ? image_globally(&b, err) : image_by_plane(&b, err);
    pcl_free(b.task);
    return rc == -PCLEAN_EINTERRUPTED
               ? PCL_FAIL(err, PCLEAN_EINTERRUPTED, "interrupted; no product was changed")
               : rc;
}
