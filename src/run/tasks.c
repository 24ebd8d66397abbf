#include "run/tasks.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "core/stats.h"
#include "exec/worker.h"
#include "run/build.h"

/* Where a task stands: tests kill workers there. */
#ifdef PCL_TEST_STAGE
void pcl_test_stage(size_t ichan, const char *stage);
#else
#define pcl_test_stage(ichan, stage) ((void)0)
#endif

/* What a worker keeps from task to task. */
typedef struct worker {
    const pcl_workplace *t;
    pcl_workplace *own; /* t, where it was not inherited */
    pcl_target target;
    bool asks; /* whether it is to stop */
} worker;

/* ---- its records ---- */

static void note_residual(const pcl_target *t, pcl_plane_state *s) {
    s->numbers = t->plane;
    s->plane.peak_residual = t->plane.peak;
    s->plane.rms_residual = t->plane.rms;
    s->plane.model_flux = t->plane.model_flux;
}

static void note_dirty(const pcl_target *t, pcl_plane_state *s) {
    const pcl_plane *p = &t->plane;
    pclean_plane *out = &s->plane;
    out->nvis = p->nvis;
    out->sumwt = t->setup->stokes.sumwt_factor * p->sumwt;
    out->beam_major_rad = p->beam.major_rad;
    out->beam_minor_rad = p->beam.minor_rad;
    out->beam_pa_rad = p->beam.pa_rad;
    out->psf_sidelobe = p->sidelobe;
    out->peak_dirty = p->peak;
    out->nmajor = 1;
    note_residual(t, s);
}

void pcl_plane_state_fail(pcl_plane_state *s, int stop) {
    *s = (pcl_plane_state){.plane = {.chan = s->plane.chan,
                                     .pol = s->plane.pol,
                                     .freq_hz = s->plane.freq_hz,
                                     .seconds = s->plane.seconds,
                                     .stop = stop}};
}

/* ---- steps ---- */

/* A plane that is not finite is none: blank, and the run's verdict names it. */
static int give_up(worker *w, pcl_plane_state *s, pclean_err *err) {
    pcl_plane_state_fail(s, PCLEAN_STOP_NOT_FINITE);
    return pcl_products_blank(w->t->products, s->plane.pol, s->plane.chan, err);
}

/* Primary beam and masks of the plane. */
static int begin(worker *w, const pcl_plane_state *s, pclean_err *err) {
    pcl_target *p = &w->target;
    const size_t ichan = s->plane.chan, ipol = s->plane.pol;
    int rc = w->t->mask ? pcl_usermask_plane(w->t->mask, ipol, ichan, p->user_mask, err) : 0;
    return rc ? rc : pcl_target_begin(p, ichan, ipol, err);
}

/* Weights, PSF, dirty image: the first major cycle, less the model to start from. */
static int dirty(worker *w, pcl_plane_state *s, pclean_err *err) {
    pcl_target *p = &w->target;
    int rc;
    if ((rc = begin(w, s, err)))
        return rc;
    if (!w->t->startmodel)
        memset(p->model[0], 0, p->nx * p->ny * sizeof **p->model);
    else if ((rc = pcl_startmodel_plane(w->t->startmodel, p->plane.ipol, p->plane.ichan,
                                        p->model[0], err)))
        return rc;
    pcl_test_stage(p->plane.ichan, "begin");
    if ((rc = pcl_target_dirty(p, err)))
        return rc;
    pcl_target_measure(p);
    note_dirty(p, s);
    pcl_test_stage(p->plane.ichan, "dirty");
    return 0;
}

/* One minor and the major cycle after it. */
static int clean_round(worker *w, double level, int cycleniter, pcl_plane_state *s,
                       pclean_err *err) {
    pcl_target *p = &w->target;
    int niter = 0, rc;
    if ((rc = pcl_target_minor(p, level, cycleniter, &niter, err)))
        return rc;
    pcl_test_stage(p->plane.ichan, "minor");
    if ((rc = pcl_target_major(p, err)))
        return rc;
    s->progress.niter += niter;
    s->progress.nround++;
    pcl_target_measure(p);
    note_residual(p, s);
    s->plane.niter = s->progress.niter;
    s->plane.nmajor = s->progress.nround + 1;
    pcl_test_stage(p->plane.ichan, "major");
    return 0;
}

/* What the plane at hand is restored with. */
static const pcl_beam *choose_beam(const pcl_target *p, const pcl_beam *common) {
    const pcl_beam *given = &p->setup->params.restoring_beam;
    if (given->major_rad > 0)
        return given;
    return common->major_rad > 0 ? common : &p->plane.beam;
}

/* *finite false: it has grown beyond single precision. */
static int restore(worker *w, const pcl_beam *common, bool *finite, pclean_err *err) {
    pcl_target *p = &w->target;
    int rc = pcl_target_restore(p, choose_beam(p, common), err);
    pcl_test_stage(p->plane.ichan, "restore");
    *finite = rc || pcl_stats_all_finite(p->restored, p->nx * p->ny);
    return rc;
}

/* common NULL: the plane is restored when the common beam is known. */
static int restore_and_write(worker *w, const pcl_beam *common, pcl_plane_state *s,
                             pclean_err *err) {
    const pclean_config *c = w->t->setup->config;
    bool finite = true;
    int rc = c->restoration && common ? restore(w, common, &finite, err) : 0;
    if (!finite)
        return give_up(w, s, err);
    if (!rc)
        rc = pcl_products_write(w->t->products, &w->target, s->plane.sumwt, err);
    pcl_test_stage(w->target.plane.ichan, "write");
    return rc;
}

static int stop_requested(const worker *w) {
    return w->asks && w->t->stop_requested(w->t->stop_user);
}

/* ---- cyclecontrol=global: planes between their tasks ---- */

/* Where residual and model are; the PSF stays in its product. */
static pcl_state_place place_of(const worker *w, bool spare) {
    return spare ? pcl_state_file_place(w->t->spare) : pcl_products_place(w->t->products);
}

/* To the place that was not read. */
static int save_state(worker *w, pcl_plane_state *s, bool in_spare, pclean_err *err) {
    const pcl_state_place place = place_of(w, in_spare);
    s->in_spare = in_spare;
    return pcl_state_save(&w->target, PCL_STATE_CYCLE, &place, err);
}

/* Makes the plane of an earlier task the plane at hand again, with masks made anew; its weights
 * only where a major cycle follows. */
static int resume(worker *w, const pcl_plane_state *s, bool weights, pclean_err *err) {
    const pcl_state_place fixed = place_of(w, false), changing = place_of(w, s->in_spare);
    pcl_target *t = &w->target;
    int rc;
    if ((rc = begin(w, s, err)) ||
        (rc = pcl_state_load(t, &s->numbers, PCL_STATE_PSF, &fixed, err)) ||
        (rc = pcl_state_load(t, &s->numbers, PCL_STATE_CYCLE, &changing, err)))
        return rc;
    return weights && t->plane.nvis ? pcl_target_reweigh(t, err) : 0;
}

/* ---- tasks ---- */

static int image_plane(worker *w, pcl_plane_state *s, pclean_err *err) {
    pcl_target *p = &w->target;
    const pcl_control *c = &p->setup->params.control;
    int rc = dirty(w, s, err), stop = 0;
    while (!rc) {
        if (!p->plane.finite)
            return give_up(w, s, err);
        stop = p->plane.nvis ? pcl_converge_check(c, &s->progress, p->plane.peak, p->plane.rms,
                                                  p->plane.nsearch)
                             : PCLEAN_STOP_BLANK;
        if (stop)
            break;
        if (stop_requested(w))
            return PCL_FAIL(err, PCLEAN_EINTERRUPTED, "interrupted");
        const double level =
            pcl_converge_cyclethreshold(c, p->plane.peak, p->plane.sidelobe, p->plane.rms);
        rc = clean_round(w, level, pcl_converge_cycleniter(c, &s->progress), s, err);
    }
    s->plane.stop = stop;
    const pcl_beam own = {0}, *beam = p->setup->params.common_beam ? NULL : &own;
    return rc ? rc : restore_and_write(w, beam, s, err);
}

static int make_dirty(worker *w, pcl_plane_state *s, pclean_err *err) {
    const pcl_state_place place = place_of(w, false);
    int rc = dirty(w, s, err);
    if (!rc && !w->target.plane.finite)
        return give_up(w, s, err);
    if (!rc)
        rc = pcl_state_save(&w->target, PCL_STATE_PSF, &place, err);
    if (!rc)
        rc = save_state(w, s, false, err);
    pcl_test_stage(w->target.plane.ichan, "save");
    return rc;
}

double pcl_task_level(const pcl_control *control, const pcl_task *task, const pcl_plane_state *s) {
    return pcl_converge_cyclethreshold(control, task->peak, task->sidelobe, s->plane.rms_residual);
}

static int make_cycle(worker *w, const pcl_task *task, pcl_plane_state *s, pclean_err *err) {
    int rc = resume(w, s, true, err);
    pcl_test_stage(w->target.plane.ichan, "resume");
    if (!rc)
        rc = clean_round(w, pcl_task_level(&w->t->setup->params.control, task, s), task->cycleniter,
                         s, err);
    if (!rc && !w->target.plane.finite)
        return give_up(w, s, err);
    if (!rc)
        rc = save_state(w, s, !s->in_spare, err);
    pcl_test_stage(w->target.plane.ichan, "save");
    return rc;
}

static int finish_plane(worker *w, const pcl_beam *common, pcl_plane_state *s, pclean_err *err) {
    int rc = resume(w, s, false, err);
    if (rc)
        return rc;
    const bool later = pcl_params_restores_later(w->t->setup->config);
    return restore_and_write(w, later ? NULL : common, s, err);
}

/* From the products, where all but the restored ones are. A blank plane stays blank. */
static int restore_plane(worker *w, const pcl_beam *common, pcl_plane_state *s, pclean_err *err) {
    const pcl_state_place place = pcl_products_place(w->t->products);
    bool finite;
    if (s->plane.nvis == 0 && !w->t->startmodel)
        return 0;
    int rc = pcl_state_load(&w->target, &s->numbers, PCL_STATE_CYCLE, &place, err);
    if (rc || (rc = restore(w, common, &finite, err)))
        return rc;
    if (!finite)
        return give_up(w, s, err);
    rc = pcl_products_write_restored(w->t->products, &w->target, err);
    pcl_test_stage(w->target.plane.ichan, "write");
    return rc;
}

static int run_task(void *user, const void *in, void *out, pclean_err *err) {
    worker *w = user;
    const pcl_task *task = in;
    pcl_plane_state *s = out;
    const double start = pcl_now();
    int rc = 0;
    *s = task->state;
    switch (task->kind) {
    case PCL_TASK_IMAGE:
        rc = image_plane(w, s, err);
        break;
    case PCL_TASK_DIRTY:
        rc = make_dirty(w, s, err);
        break;
    case PCL_TASK_CYCLE:
        rc = make_cycle(w, task, s, err);
        break;
    case PCL_TASK_FINISH:
        rc = finish_plane(w, &task->common, s, err);
        break;
    case PCL_TASK_RESTORE:
        rc = restore_plane(w, &task->common, s, err);
        break;
    }
    s->plane.seconds += pcl_now() - start;
    if (rc && rc != -PCLEAN_EINTERRUPTED)
        pcl_err_prefix(err, "channel %zu: ", s->plane.chan);
    return rc;
}

/* ---- workers ---- */

static void close_worker(void *user) {
    worker *w = user;
    if (!w)
        return;
    pcl_target_clear(&w->target);
    pcl_workplace_close(w->own);
    pcl_free(w);
}

static int open_plane(worker *w, pclean_err *err) {
    const pcl_workplace *t = w->t;
    omp_set_num_threads((int)t->nthread);
    w->asks = t->stop_requested && t->coordinator == getpid();
    const pcl_target_options options = {.user_mask = t->mask != NULL,
                                        .stop_requested = w->asks ? t->stop_requested : NULL,
                                        .stop_user = t->stop_user};
    return pcl_target_init(&w->target, t->setup, t->vis, &options, err);
}

static int open_worker(const void *job, size_t job_size, void *inherited, void **out,
                       pclean_err *err) {
    worker *w = NULL;
    int rc = PCL_ZNEW(&w, 1, "worker", err);
    if (rc)
        return rc;
    if (!inherited)
        rc = pcl_workplace_open(job, job_size, &w->own, err);
    w->t = inherited ? inherited : w->own;
    if (rc || (rc = open_plane(w, err)))
        close_worker(w);
    else
        *out = w;
    return rc;
}

static pcl_pool_params pool_params(void) {
    return (pcl_pool_params){.task_size = sizeof(pcl_task),
                             .result_size = sizeof(pcl_plane_state),
                             .build = pcl_build,
                             .open = open_worker,
                             .run = run_task,
                             .close = close_worker};
}

int pcl_tasks_find_way(enum pcl_tasks_way *way, pclean_err *err) {
    static const char *const word[] = {"forked", "attached", "program"};
    const char *text = getenv("PCLEAN_WORKERS");
    *way = PCL_TASKS_INHERIT;
    if (!text || !*text)
        return 0;
    for (int i = PCL_TASKS_INHERIT; i <= PCL_TASKS_PROGRAM; i++)
        if (strcmp(text, word[i]) == 0) {
            *way = (enum pcl_tasks_way)i;
            return 0;
        }
    return PCL_FAIL(err, PCLEAN_EPARAM,
                    "the environment variable PCLEAN_WORKERS is \"%s\": leave it out, or set it to "
                    "forked, attached or program",
                    text);
}

int pcl_tasks_pool(const pcl_tasks_crew *crew, pcl_pool **out, pclean_err *err) {
    pcl_pool_params params = pool_params();
    char *program = NULL;
    *out = NULL;
    int rc = crew->way == PCL_TASKS_PROGRAM
                 ? pcl_worker_find_program("pclean-worker", &program, err)
                 : 0;
    if (rc)
        return rc;
    params.nworker = crew->nworker;
    params.inherited = crew->way == PCL_TASKS_INHERIT ? crew->place : NULL;
    params.job = crew->job;
    params.job_size = crew->job_size;
    params.program = program;
    params.stop_requested = crew->place->stop_requested;
    params.stop_user = crew->place->stop_user;
    rc = pcl_pool_new(&params, out, err);
    pcl_free(program);
    return rc;
}

void pcl_tasks_serve(void) {
    const pcl_pool_params params = pool_params();
    pcl_pool_serve(&params);
}
