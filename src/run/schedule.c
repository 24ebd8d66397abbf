/* schedule.c: which plane is done when: the coordinator's side of the two cyclecontrols. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "run/run.h"

/* ---- one batch of tasks ---- */

typedef struct batch {
    pcl_run *r;
    const char *stage;
    double from, to; /* of the whole run's progress */
    bool last;       /* the planes are finished with it */
    size_t ntask, n, done;
    size_t each;         /* planes of a task */
    size_t stride;       /* bytes of a task */
    unsigned char *task; /* [nplane / each][stride] */
} batch;

static pcl_task *task_at(const batch *b, size_t k) {
    return (pcl_task *)(void *)(b->task + k * b->stride);
}

/* The first plane of task k. */
static size_t index_of(const batch *b, size_t k) {
    const pclean_plane *p = &task_at(b, k)->state[0].plane;
    return p->chan * b->r->setup.desc.npol + p->pol;
}

static void report_plane(batch *b, size_t iplane) {
    pcl_run *r = b->r;
    r->result->plane[iplane] = r->state[iplane].plane;
    b->done++;
    pcl_run_report(r, b->stage, b->from + (b->to - b->from) * (double)b->done / (double)b->n,
                   b->done, b->n, "planes", b->last ? &r->result->plane[iplane] : NULL);
}

static int task_done(size_t k, const void *result, void *user, pclean_err *err) {
    batch *b = user;
    const pcl_task_result *r = result;
    const size_t first = index_of(b, k);
    memcpy(&b->r->state[first], r->state, b->each * sizeof *b->r->state);
    for (size_t i = 0; i < b->each; i++)
        report_plane(b, first + i);
    b->r->history.nleft += r->nleft;
    return pcl_history_add(&b->r->history, r->cycle, r->ncycle, err);
}

/* Planes whose worker died twice stay blank, whatever those two wrote, and take no further part. */
static int task_died(size_t k, const char *how, bool again, void *user, pclean_err *err) {
    batch *b = user;
    pcl_run *r = b->r;
    const size_t first = index_of(b, k);
    pcl_plane_state *s = &r->state[first];
    char name[64];
    int rc = 0;
    if (b->each > 1)
        snprintf(name, sizeof name, "channel %zu", s->plane.chan);
    else
        pcl_run_plane_name(r, &s->plane, name, sizeof name);
    if (again) {
        pcl_run_warn(r, "%s: the worker %s; another one does its work again", name, how);
        return 0;
    }
    pcl_run_warn(r, "%s: the worker %s; it is left blank", name, how);
    for (size_t i = 0; !rc && i < b->each; i++) {
        pcl_plane_state_fail(&s[i], PCLEAN_STOP_FAILED);
        report_plane(b, first + i);
        rc = pcl_products_blank(&r->products, s[i].plane.pol, s[i].plane.chan, err);
    }
    return rc;
}

static void task_told(size_t k, const void *note, void *user) {
    const batch *b = user;
    pclean_cycle cycle; /* the note may lie anywhere */
    (void)k;
    memcpy(&cycle, note, sizeof cycle);
    pcl_run_report_cycle(b->r, &cycle);
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
    const size_t i = s->state[0].plane.chan, j = t->state[0].plane.chan, p = s->state[0].plane.pol,
                 q = t->state[0].plane.pol;
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
    for (size_t k = 0; k < b->ntask; k++)
        task_at(b, k)->cost = expected_cost(b->r, &task_at(b, k)->state[0], work);
    qsort(b->task, b->ntask, b->stride, by_cost);
    pcl_free(work);
    return 0;
}

/* A task of these planes, the next of the batch. */
static void add_task(batch *b, const pcl_task *what, const pcl_plane_state *s) {
    pcl_task *task = task_at(b, b->ntask++);
    *task = *what;
    memcpy(task->state, s, b->each * sizeof *s);
    b->n += b->each;
}

/* Gives the task to all planes for which `takes` says so, and waits for all of them: the barrier of
 * a cycle. */
static int run_batch(batch *b, const pcl_task *what,
                     bool (*takes)(const pcl_run *, const pcl_plane_state *, const pcl_task *),
                     pclean_err *err) {
    const pcl_pool_events events = {
        .done = task_done, .died = task_died, .told = task_told, .user = b};
    pcl_task task = *what;
    b->ntask = b->n = b->done = 0;
    task.nplane = b->each;
    for (size_t k = 0; k < b->r->nplane; k += b->each) {
        const pcl_plane_state *s = &b->r->state[k];
        if (!pcl_run_plane_failed(&s->plane) && takes(b->r, s, &task))
            add_task(b, &task, s);
    }
    int rc = sort_tasks(b, err);
    return rc ? rc : pcl_pool_run(b->r->pool, b->ntask, b->task, &events, err);
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
    const bool again = pcl_run_has_common_beam(r);
    b->stage = "image";
    b->from = 0.1;
    b->to = again ? 0.9 : 1;
    b->last = !again;
    int rc = run_batch(b, &(pcl_task){.kind = PCL_TASK_IMAGE}, takes_all, err);
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

static bool above_level(const pcl_run *r, const pcl_plane_state *s, const pcl_task *what) {
    return pcl_task_cleans(&r->setup.params.control, what, s);
}

/* Whether an automatic mask of theirs may still change. */
static bool has_mask_to_update(const pcl_run *r, const pcl_plane_state *s, const pcl_task *what) {
    bool has = false;
    for (size_t i = 0; i < what->nplane; i++)
        has |= r->setup.params.finds_mask && s[i].plane.nvis > 0 && !s[i].numbers.settled &&
               !pcl_plane_settled(&s[i].plane);
    return has;
}

static bool takes_part(const pcl_run *r, const pcl_plane_state *s, const pcl_task *what) {
    return above_level(r, s, what) || has_mask_to_update(r, s, what);
}

/* Planes that are cleaned together share theirs. */
static double iterations(const batch *b) {
    double n = 0;
    for (size_t k = 0; k < b->r->nplane; k += b->each)
        n += b->r->state[k].plane.niter;
    return n;
}

/* Planes that take no part in a cycle are in tclean's summary all the same. */
static int note_resting(batch *b, const pcl_task *task, int round, pclean_err *err) {
    pcl_run *r = b->r;
    int rc = 0;
    for (size_t k = 0; !rc && k < r->nplane; k += b->each) {
        const pcl_plane_state *s = &r->state[k];
        if (pcl_run_plane_failed(&s->plane) || above_level(r, s, task))
            continue;
        const pclean_cycle cycle = pcl_task_rest(&r->setup.params.control, task, s, round);
        rc = pcl_history_add(&r->history, &cycle, 1, err);
    }
    return rc;
}

static int cycle_globally(batch *b, int *stop, pclean_err *err) {
    const pcl_control *control = &b->r->setup.params.control;
    pcl_progress_state all = {0};
    for (;;) {
        pcl_worst worst; /* speaks for all: tclean's control */
        pcl_worst_of(b->r->nplane, b->r->state, &worst);
        if ((*stop = pcl_converge_check(control, &all, &worst.at)))
            return 0;
        const pcl_task task = {.kind = PCL_TASK_CYCLE,
                               .nplane = b->each,
                               .peak = worst.at.peak,
                               .sidelobe = worst.sidelobe,
                               .cycleniter = pcl_converge_cycleniter(control, &all)};
        b->stage = "clean";
        b->from = b->to;
        b->to += 0.3 * (0.9 - b->to); /* nobody knows how many cycles are left */
        const size_t from = b->r->history.n;
        int rc = note_resting(b, &task, all.nround, err);
        if (rc || (rc = run_batch(b, &task, takes_part, err)))
            return rc;
        pcl_history_count(&b->r->history, from, (uint64_t)all.niter);
        all.niter = (int)fmin(iterations(b), 2e9);
        all.nround++;
    }
}

/* tclean's sidelobe level is one for the cube, known once all dirty images are there. */
static int make_masks(batch *b, pclean_err *err) {
    pcl_worst worst;
    if (!b->r->setup.params.finds_mask)
        return 0;
    pcl_worst_of(b->r->nplane, b->r->state, &worst);
    const pcl_task task = {.kind = PCL_TASK_MASK, .sidelobe = worst.sidelobe};
    b->stage = "clean";
    b->from = b->to;
    return run_batch(b, &task, has_mask_to_update, err);
}

static int image_globally(batch *b, pclean_err *err) {
    pcl_run *r = b->r;
    const pcl_task first = {.kind = PCL_TASK_DIRTY};
    int rc, stop;
    b->stage = "dirty";
    b->from = 0.1;
    b->to = 0.4;
    if ((rc = run_batch(b, &first, takes_all, err)) || (rc = make_masks(b, err)) ||
        (rc = cycle_globally(b, &stop, err)))
        return rc;
    r->stop = stop;
    for (size_t k = 0; k < r->nplane; k++) {
        pcl_plane_state *s = &r->state[k];
        if (!pcl_run_plane_failed(&s->plane) && !pcl_plane_settled(&s->plane))
            pcl_plane_state_stop(s, stop);
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
    const size_t each = pcl_target_npol(&r->setup);
    batch b = {.r = r, .each = each, .stride = pcl_task_bytes(each)};
    int rc = pcl_zalloc((void **)&b.task, r->nplane / each, b.stride, "list of tasks", err);
    if (rc)
        return rc;
    rc = pcl_run_is_global(r->config) ? image_globally(&b, err) : image_by_plane(&b, err);
    pcl_free(b.task);
    return rc == -PCLEAN_EINTERRUPTED
               ? PCL_FAIL(err, PCLEAN_EINTERRUPTED, "interrupted; no product was changed")
               : rc;
}
