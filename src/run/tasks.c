#include "run/tasks.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/threads.h"
#include "core/stats.h"
#include "exec/worker.h"
#include "imager/masking.h"
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
    bool asks;            /* whether it is to stop */
    bool holds_best;      /* the target's best model is of the planes at hand */
    bool at_threshold;    /* the last minor cycle went down to the threshold of the run */
    pcl_task_result *out; /* of the task at hand */
    const pcl_pool_line *line;
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
    out->noise_only = p->nvis > 0 && p->nsearch > 0 && !t->setup->params.model_at_first &&
                      pcl_converge_is_noise(p->peak, p->rms, t->setup->config->noiselimit);
    note_residual(t, s);
}

void pcl_plane_state_fail(pcl_plane_state *s, int stop) {
    *s = (pcl_plane_state){.plane = {.chan = s->plane.chan,
                                     .pol = s->plane.pol,
                                     .freq_hz = s->plane.freq_hz,
                                     .seconds = s->plane.seconds,
                                     .stop = stop}};
}

bool pcl_plane_settled(const pclean_plane *p) {
    const int stop = p->stop;
    return stop == PCLEAN_STOP_NOISE || stop == PCLEAN_STOP_DIVERGED_STEP ||
           stop == PCLEAN_STOP_DIVERGED_MIN || stop == PCLEAN_STOP_DIVERGED_MINOR;
}

void pcl_plane_state_stop(pcl_plane_state *s, int stop) {
    s->plane.stop = stop;
    if (s->plane.nvis == 0)
        s->plane.stop = PCLEAN_STOP_BLANK;
    else if (s->numbers.nsearch == 0)
        s->plane.stop = PCLEAN_STOP_ZEROMASK;
}

void pcl_worst_of(size_t n, const pcl_plane_state *s, pcl_worst *out) {
    *out = (pcl_worst){.nvis = 0};
    for (size_t i = 0; i < n; i++) {
        const pclean_plane *p = &s[i].plane;
        if (p->nvis == 0 || pcl_plane_settled(&s[i].plane))
            continue;
        out->nvis += p->nvis;
        out->at.peak = fmax(out->at.peak, p->peak_residual);
        out->at.peak_nomask = fmax(out->at.peak_nomask, s[i].numbers.peak_nomask);
        out->at.nsigma_jy = fmax(out->at.nsigma_jy, s[i].numbers.nsigma_jy);
        out->at.npixel += s[i].numbers.nsearch;
        out->sidelobe = fmax(out->sidelobe, p->psf_sidelobe);
    }
}

static bool all_finite(size_t n, const pcl_plane_state *s) {
    bool finite = true;
    for (size_t i = 0; i < n; i++)
        finite &= s[i].numbers.finite;
    return finite;
}

/* Automatic masks grow from cycle to cycle, so that the peaks inside them do not compare. */
static pcl_standing standing_of(const worker *w, const pcl_worst *worst) {
    pcl_standing at = worst->at;
    if (w->t->setup->params.finds_mask)
        at.peak = at.peak_nomask;
    return at;
}

/* ---- steps ---- */

/* A plane that is not finite is none: blank, and the run's verdict names it; so are those that are
 * cleaned with it. */
static int give_up(worker *w, size_t n, pcl_plane_state *s, pclean_err *err) {
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++) {
        pcl_plane_state_fail(&s[i], PCLEAN_STOP_NOT_FINITE);
        rc = pcl_products_blank(w->t->products, s[i].plane.pol, s[i].plane.chan, err);
    }
    return rc;
}

/* Primary beam and masks of the plane. */
static int begin(worker *w, const pcl_plane_state *s, pclean_err *err) {
    pcl_target *p = &w->target;
    const size_t ichan = s->plane.chan, ipol = s->plane.pol;
    pcl_target_select(p, ipol);
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

static int dirty_all(worker *w, size_t n, pcl_plane_state *s, pclean_err *err) {
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++)
        rc = dirty(w, &s[i], err);
    return rc;
}

double pcl_task_level(const pcl_control *control, double peak, double sidelobe, size_t nplane,
                      const pcl_plane_state *s, double *cyclethreshold) {
    pcl_worst own;
    pcl_worst_of(nplane, s, &own);
    *cyclethreshold = pcl_converge_shallower(pcl_converge_cyclethreshold(control, peak, sidelobe),
                                             own.at.peak, s->plane.nretry);
    return fmax(*cyclethreshold, own.at.nsigma_jy);
}

/* The minor cycle that has just been made goes into the result, as tclean tells it, and to whoever
 * listens. */
static void note_cycle(worker *w, const pclean_cycle *cycle) {
    pcl_task_result *out = w->out;
    pcl_pool_tell(w->line, cycle, sizeof *cycle);
    if (out->ncycle < PCL_TASK_CYCLES)
        out->cycle[out->ncycle++] = *cycle;
    else
        out->nleft++;
}

/* What all planes of a task are cleaned by: the peak and sidelobe that say how deep, and how
 * long. */
typedef struct goal {
    double peak, sidelobe;
    int cycleniter;
} goal;

static double model_flux_of(size_t n, const pcl_plane_state *s) {
    double flux = 0;
    for (size_t i = 0; i < n; i++)
        flux += s[i].plane.model_flux;
    return flux;
}

/* What is known of a minor cycle before it is made. */
static pclean_cycle begin_cycle(size_t n, const pcl_plane_state *s, double cyclethreshold) {
    pcl_worst before;
    pcl_worst_of(n, s, &before);
    return (pclean_cycle){.chan = s->plane.chan,
                          .pol = s->plane.pol,
                          .icycle = s->progress.nround,
                          .cycle_start_iters = (uint64_t)s->progress.niter,
                          .start_iter_done = (uint64_t)s->progress.niter,
                          .masksum = before.at.npixel,
                          .start_peak_res = (float)before.at.peak,
                          .start_peak_res_nm = (float)before.at.peak_nomask,
                          .start_model_flux = (float)model_flux_of(n, s),
                          .cycle_thresh = (float)cyclethreshold};
}

pclean_cycle pcl_task_rest(const pcl_control *control, const pcl_task *task,
                           const pcl_plane_state *s, int round) {
    double cyclethreshold;
    const double level =
        pcl_task_level(control, task->peak, task->sidelobe, task->nplane, s, &cyclethreshold);
    pclean_cycle c = begin_cycle(task->nplane, s, cyclethreshold);
    c.icycle = round;
    c.peak_res = c.start_peak_res;
    c.peak_res_nm = c.start_peak_res_nm;
    c.model_flux = c.start_model_flux;
    c.stop_code = (double)c.peak_res <= cyclethreshold && !(level > cyclethreshold)
                      ? PCL_MINOR_THRESHOLD
                      : PCL_MINOR_ZERO_ITER;
    if (pcl_plane_settled(&s->plane))
        c.stop_code = PCL_MINOR_EMPTY_MASK;
    return c;
}

/* tclean's code: at an n-sigma level 6, or 3 where nothing was to be done. */
static int stop_code(const pcl_target_cycle *minor, int niter, bool nsigma) {
    if (minor->stop != PCL_MINOR_THRESHOLD || !nsigma)
        return (int)minor->stop;
    return niter > 0 ? PCL_MINOR_NSIGMA : PCL_MINOR_ZERO_ITER;
}

/* One minor cycle of all planes of the task, and the major cycle of each after it. */
static int clean_round(worker *w, const goal *g, size_t n, pcl_plane_state *s, pclean_err *err) {
    pcl_target *p = &w->target;
    double cyclethreshold;
    const double level =
        pcl_task_level(&w->t->setup->params.control, g->peak, g->sidelobe, n, s, &cyclethreshold);
    pclean_cycle cycle = begin_cycle(n, s, cyclethreshold);
    int niter = 0, rc;
    p->gain_factor = ldexp(1, -s->plane.nretry);
    w->at_threshold = cyclethreshold <= w->t->setup->params.control.threshold_jy;
    if ((rc = pcl_target_minor(p, level, g->cycleniter, &niter, err)))
        return rc;
    pcl_test_stage(p->plane.ichan, "minor");
    for (size_t i = 0; i < n; i++) {
        pcl_target_select(p, s[i].plane.pol);
        if ((rc = pcl_target_major(p, err)))
            return rc;
        pcl_target_measure(p);
        note_residual(p, &s[i]);
        s[i].progress.niter += niter;
        s[i].progress.nround++;
        s[i].plane.niter = s[i].progress.niter;
        s[i].plane.nmajor = s[i].progress.nround + 1;
    }
    cycle.iter_done = (uint64_t)niter;
    cycle.peak_res = (float)p->cycle.peak;
    cycle.peak_res_nm = (float)p->cycle.peak_nomask;
    cycle.model_flux = (float)model_flux_of(n, s);
    cycle.stop_code = stop_code(&p->cycle, niter, level > cyclethreshold);
    note_cycle(w, &cycle);
    pcl_test_stage(p->plane.ichan, "major");
    return 0;
}

/* The automatic mask of each plane, where that is asked for, with the sidelobe level of all that
 * are cleaned as one. */
static int update_masks(worker *w, double sidelobe, bool cleaned, size_t n, pcl_plane_state *s,
                        pclean_err *err) {
    pcl_target *p = &w->target;
    const pcl_masking_cycle cycle = {sidelobe, cleaned, cleaned && w->at_threshold};
    int rc = 0;
    for (size_t i = 0; !rc && p->automask.region && i < n; i++) {
        pcl_target_select(p, s[i].plane.pol);
        rc = pcl_masking_update(p, &cycle, err);
    }
    if (!rc && p->automask.region && n > 1)
        pcl_masking_agree(p, &cycle);
    for (size_t i = 0; !rc && p->automask.region && i < n; i++) {
        pcl_target_select(p, s[i].plane.pol);
        note_residual(p, &s[i]);
    }
    return rc;
}

/* ---- steps when it diverges ---- */

/* The models at hand are the best so far, if they are. */
static void keep_best(worker *w, size_t n, pcl_plane_state *s, const pcl_worst *worst) {
    pcl_target *p = &w->target;
    const double peak = standing_of(w, worst).peak;
    if (!p->best[0] || (s->best.known && peak > s->best.peak))
        return;
    for (size_t i = 0; i < n; i++) {
        pcl_target_select(p, s[i].plane.pol);
        for (size_t t = 0; t < p->nterm; t++)
            memcpy(p->best[t], p->model[t], p->nx * p->ny * sizeof **p->best);
    }
    s->best = (pcl_best){.known = true, .peak = peak, .niter = s->progress.niter};
    w->holds_best = true;
}

static pcl_state_place place_of(const worker *w, bool spare);

/* To the models of the best cycle, whose residual is made anew. */
static int go_back(worker *w, size_t n, pcl_plane_state *s, pclean_err *err) {
    pcl_target *p = &w->target;
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++) {
        pcl_target_select(p, s[i].plane.pol);
        if (!w->holds_best) {
            const pcl_state_place place = place_of(w, true);
            if ((rc = pcl_state_load(p, &s[i].numbers, PCL_STATE_BEST, &place, err)))
                break;
        }
        for (size_t t = 0; t < p->nterm; t++)
            memcpy(p->model[t], p->best[t], p->nx * p->ny * sizeof **p->best);
        if ((rc = pcl_target_major(p, err)))
            break;
        pcl_target_measure(p);
        note_residual(p, &s[i]);
        s[i].progress.niter = s[i].plane.niter = s->best.niter;
    }
    return rc;
}

/* Whether the last round has made it worse: its stop code, or 0. */
static int diverged(const worker *w, size_t n, const pcl_plane_state *s) {
    pcl_worst worst;
    pcl_worst_of(n, s, &worst);
    if (!w->target.best[0])
        return 0;
    const pcl_standing at = standing_of(w, &worst);
    return all_finite(n, s)
               ? pcl_converge_diverged(&s->progress, &at, s->best.peak, (int)w->target.cycle.stop)
               : PCLEAN_STOP_DIVERGED_STEP;
}

/* A round. Where it diverges: back to the best residual, and again with half the gain and half as
 * deep. *stop: why it was given up, else 0. */
static int careful_round(worker *w, const goal *g, size_t n, pcl_plane_state *s, int *stop,
                         pclean_err *err) {
    for (;;) {
        int rc = clean_round(w, g, n, s, err);
        /* a minor cycle beyond single precision */
        const bool burst = rc == -PCLEAN_EDATA && w->target.best[0];
        *stop = burst ? PCLEAN_STOP_DIVERGED_MINOR : 0;
        if (!rc)
            *stop = diverged(w, n, s);
        if (*stop)
            rc = go_back(w, n, s, err);
        if (rc || *stop == 0 || s->plane.nretry == w->t->setup->config->nretry)
            return rc;
        for (size_t i = 0; i < n; i++)
            s[i].plane.nretry++;
        pcl_log(PCL_LOG_INFO,
                "channel %zu: CLEAN diverged; back to %d iterations and a peak of %.4g Jy, and on "
                "with a gain of %g",
                s->plane.chan, s->best.niter, s->best.peak,
                ldexp(w->t->setup->config->gain, -s->plane.nretry));
    }
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
        return give_up(w, 1, s, err);
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

/* Automatic masks have two places in the spare file; none before their first update. */
static unsigned masks_of(const pcl_target *t, const pcl_plane *numbers, bool in_spare) {
    if (!t->automask.region || numbers->nmask == 0)
        return 0;
    return in_spare ? PCL_STATE_AUTOMASK_ODD : PCL_STATE_AUTOMASK;
}

static int save_masks(worker *w, const pcl_plane_state *s, bool in_spare, pclean_err *err) {
    const pcl_state_place place = place_of(w, true);
    pcl_target_select(&w->target, s->plane.pol);
    return pcl_state_save(&w->target, masks_of(&w->target, &s->numbers, in_spare), &place, err);
}

/* To the place that was not read. */
static int save_state(worker *w, pcl_plane_state *s, bool in_spare, pclean_err *err) {
    const pcl_state_place place = place_of(w, in_spare);
    s->in_spare = in_spare;
    pcl_target_select(&w->target, s->plane.pol);
    int rc = pcl_state_save(&w->target, PCL_STATE_CYCLE, &place, err);
    return rc ? rc : save_masks(w, s, in_spare, err);
}

/* Makes the plane of an earlier task the plane at hand again, with masks made anew but automatic
 * ones; its weights only where a major cycle follows. */
static int resume(worker *w, const pcl_plane_state *s, bool weights, pclean_err *err) {
    const pcl_state_place fixed = place_of(w, false), changing = place_of(w, s->in_spare),
                          masks = place_of(w, true);
    pcl_target *t = &w->target;
    int rc;
    if ((rc = begin(w, s, err)) ||
        (rc = pcl_state_load(t, &s->numbers, masks_of(t, &s->numbers, s->in_spare), &masks, err)) ||
        (rc = pcl_state_load(t, &s->numbers, PCL_STATE_PSF, &fixed, err)) ||
        (rc = pcl_state_load(t, &s->numbers, PCL_STATE_CYCLE, &changing, err)))
        return rc;
    return weights && t->plane.nvis ? pcl_target_reweigh(t, err) : 0;
}

/* ---- tasks ---- */

/* Noise alone, which is to be left alone. */
static bool is_skipped(const worker *w, size_t n, const pcl_plane_state *s) {
    const pclean_config *c = w->t->setup->config;
    bool noise = c->skipnoise && c->niter > 0;
    for (size_t i = 0; i < n; i++)
        noise &= s[i].plane.noise_only || s[i].plane.nvis == 0;
    return noise;
}

static void stop_all(size_t n, pcl_plane_state *s, int stop) {
    for (size_t i = 0; i < n; i++)
        pcl_plane_state_stop(&s[i], stop);
}

static int first_masks(worker *w, size_t n, pcl_plane_state *s, pclean_err *err) {
    pcl_worst worst;
    pcl_worst_of(n, s, &worst);
    return update_masks(w, worst.sidelobe, false, n, s, err);
}

/* Cleans the planes of a task, whose dirty images are made, to their stop code. *finite false: they
 * are none any more. */
static int clean_planes(worker *w, size_t n, pcl_plane_state *s, bool *finite, pclean_err *err) {
    const pcl_control *c = &w->t->setup->params.control;
    int rc = 0, stop = is_skipped(w, n, s) ? PCLEAN_STOP_NOISE : 0;
    if (stop)
        stop_all(n, s, stop);
    else if (all_finite(n, s))
        rc = first_masks(w, n, s, err);
    while (!rc && (*finite = all_finite(n, s)) && !stop) {
        pcl_worst worst;
        pcl_worst_of(n, s, &worst);
        stop = worst.nvis ? pcl_converge_check(c, &s->progress, &worst.at) : PCLEAN_STOP_BLANK;
        stop_all(n, s, stop);
        if (stop)
            break;
        if (stop_requested(w))
            return PCL_FAIL(err, PCLEAN_EINTERRUPTED, "interrupted");
        const goal g = {worst.at.peak, worst.sidelobe, pcl_converge_cycleniter(c, &s->progress)};
        keep_best(w, n, s, &worst);
        if (!(rc = careful_round(w, &g, n, s, &stop, err)))
            rc = update_masks(w, g.sidelobe, s->progress.niter > 0, n, s, err);
        stop_all(n, s, stop);
    }
    return rc;
}

static int image_planes(worker *w, size_t n, pcl_plane_state *s, pclean_err *err) {
    const pcl_beam own = {0};
    bool finite = true;
    int rc = dirty_all(w, n, s, err);
    if (!rc)
        rc = clean_planes(w, n, s, &finite, err);
    if (!rc && !finite)
        return give_up(w, n, s, err);
    for (size_t i = 0; !rc && i < n; i++) {
        pcl_target_select(&w->target, s[i].plane.pol);
        rc = restore_and_write(w, w->t->setup->params.common_beam ? NULL : &own, &s[i], err);
    }
    return rc;
}

static int make_dirty(worker *w, size_t n, pcl_plane_state *s, pclean_err *err) {
    const pcl_state_place place = place_of(w, false);
    int rc = dirty_all(w, n, s, err);
    if (!rc && !all_finite(n, s))
        return give_up(w, n, s, err);
    if (!rc && is_skipped(w, n, s))
        stop_all(n, s, PCLEAN_STOP_NOISE);
    for (size_t i = 0; !rc && i < n; i++) {
        pcl_target_select(&w->target, s[i].plane.pol);
        if (!(rc = pcl_state_save(&w->target, PCL_STATE_PSF, &place, err)))
            rc = save_state(w, &s[i], false, err);
    }
    pcl_test_stage(w->target.plane.ichan, "save");
    return rc;
}

/* The best models to the scratch file, where the next cycle would be without them. */
static int save_best(worker *w, size_t n, pcl_plane_state *s, pclean_err *err) {
    const pcl_state_place place = place_of(w, true);
    pcl_worst worst;
    int rc = 0;
    pcl_worst_of(n, s, &worst);
    if (!w->holds_best || standing_of(w, &worst).peak <= s->best.peak)
        return 0;
    for (size_t i = 0; !rc && i < n; i++) {
        pcl_target_select(&w->target, s[i].plane.pol);
        rc = pcl_state_save(&w->target, PCL_STATE_BEST, &place, err);
    }
    return rc;
}

bool pcl_task_cleans(const pcl_control *control, const pcl_task *task, const pcl_plane_state *s) {
    double cyclethreshold;
    const double level =
        pcl_task_level(control, task->peak, task->sidelobe, task->nplane, s, &cyclethreshold);
    bool cleans = false;
    for (size_t i = 0; i < task->nplane; i++)
        cleans |= s[i].plane.nvis > 0 && s[i].numbers.nsearch > 0 &&
                  !pcl_plane_settled(&s[i].plane) && s[i].plane.peak_residual >= level;
    return cleans;
}

/* The first masks, of dirty images. */
static int make_masks(worker *w, const pcl_task *task, pcl_plane_state *s, pclean_err *err) {
    const size_t n = task->nplane;
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++)
        rc = resume(w, &s[i], false, err);
    if (!rc)
        rc = update_masks(w, task->sidelobe, false, n, s, err);
    for (size_t i = 0; !rc && i < n; i++)
        rc = save_masks(w, &s[i], s[i].in_spare, err);
    return rc;
}

/* Minor and major cycle from the models and residuals at hand. */
static int clean_once(worker *w, const pcl_task *task, pcl_plane_state *s, pclean_err *err) {
    const size_t n = task->nplane;
    const goal g = {task->peak, task->sidelobe, task->cycleniter};
    pcl_worst worst;
    int stop = 0;
    pcl_worst_of(n, s, &worst);
    pcl_converge_note(&s->progress, &worst.at);
    keep_best(w, n, s, &worst);
    int rc = careful_round(w, &g, n, s, &stop, err);
    if (!rc)
        rc = save_best(w, n, s, err);
    if (!rc && stop)
        stop_all(n, s, stop);
    return rc;
}

/* Planes that rest in this cycle, being below its level, come here for their automatic masks. */
static int make_cycle(worker *w, const pcl_task *task, pcl_plane_state *s, pclean_err *err) {
    const size_t n = task->nplane;
    const pcl_setup *setup = w->t->setup;
    const bool cleans =
        !setup->params.finds_mask || pcl_task_cleans(&setup->params.control, task, s);
    int rc = 0;
    w->at_threshold = pcl_converge_cyclethreshold(&setup->params.control, task->peak,
                                                  task->sidelobe) <= setup->config->threshold_jy;
    for (size_t i = 0; !rc && i < n; i++)
        rc = resume(w, &s[i], cleans, err);
    pcl_test_stage(w->target.plane.ichan, "resume");
    if (!rc && cleans)
        rc = clean_once(w, task, s, err);
    if (!rc && !all_finite(n, s))
        return give_up(w, n, s, err);
    if (!rc)
        rc = update_masks(w, task->sidelobe, true, n, s, err);
    for (size_t i = 0; !rc && i < n; i++)
        rc = save_state(w, &s[i], !s[i].in_spare, err);
    pcl_test_stage(w->target.plane.ichan, "save");
    return rc;
}

static int finish_planes(worker *w, const pcl_beam *common, size_t n, pcl_plane_state *s,
                         pclean_err *err) {
    const bool later = pcl_params_restores_later(w->t->setup->config);
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++)
        if (!(rc = resume(w, &s[i], false, err)))
            rc = restore_and_write(w, later ? NULL : common, &s[i], err);
    return rc;
}

/* From the products, where all but the restored ones are. A blank plane stays blank. */
static int restore_plane(worker *w, const pcl_beam *common, pcl_plane_state *s, pclean_err *err) {
    const pcl_state_place place = pcl_products_place(w->t->products);
    bool finite;
    if (s->plane.nvis == 0 && !w->t->startmodel)
        return 0;
    pcl_target_select(&w->target, s->plane.pol);
    int rc = pcl_state_load(&w->target, &s->numbers, PCL_STATE_CYCLE, &place, err);
    if (rc || (rc = restore(w, common, &finite, err)))
        return rc;
    if (!finite)
        return give_up(w, 1, s, err);
    rc = pcl_products_write_restored(w->t->products, &w->target, err);
    pcl_test_stage(w->target.plane.ichan, "write");
    return rc;
}

static int restore_planes(worker *w, const pcl_beam *common, size_t n, pcl_plane_state *s,
                          pclean_err *err) {
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++)
        rc = restore_plane(w, common, &s[i], err);
    return rc;
}

static int run_task(void *user, const void *in, void *out, pclean_err *err) {
    worker *w = user;
    const pcl_task *task = in;
    const size_t n = task->nplane;
    w->out = out;
    w->out->ncycle = w->out->nleft = 0;
    w->holds_best = false;
    pcl_plane_state *s = w->out->state;
    const double start = pcl_now();
    int rc = 0;
    memcpy(s, task->state, n * sizeof *s);
    switch (task->kind) {
    case PCL_TASK_IMAGE:
        rc = image_planes(w, n, s, err);
        break;
    case PCL_TASK_DIRTY:
        rc = make_dirty(w, n, s, err);
        break;
    case PCL_TASK_MASK:
        rc = make_masks(w, task, s, err);
        break;
    case PCL_TASK_CYCLE:
        rc = make_cycle(w, task, s, err);
        break;
    case PCL_TASK_FINISH:
        rc = finish_planes(w, &task->common, n, s, err);
        break;
    case PCL_TASK_RESTORE:
        rc = restore_planes(w, &task->common, n, s, err);
        break;
    }
    for (size_t i = 0; i < n; i++)
        s[i].plane.seconds += (pcl_now() - start) / (double)n;
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

size_t pcl_task_bytes(size_t nplane) {
    return sizeof(pcl_task) + nplane * sizeof(pcl_plane_state);
}

static void attach_worker(void *user, const pcl_pool_line *line) {
    ((worker *)user)->line = line;
}

size_t pcl_task_result_used(const void *result) {
    const pcl_task_result *r = result;
    return offsetof(pcl_task_result, cycle) + r->ncycle * sizeof *r->cycle;
}

/* With room for any task and its result. */
static pcl_pool_params pool_params(void) {
    return (pcl_pool_params){.task_size = pcl_task_bytes(PCL_TARGET_NPOL),
                             .result_size = sizeof(pcl_task_result),
                             .result_used = pcl_task_result_used,
                             .build = pcl_build,
                             .open = open_worker,
                             .run = run_task,
                             .attach = attach_worker,
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

int pcl_tasks_may_fork(enum pcl_tasks_way *way, bool *may, pclean_err *err) {
    char *program = NULL;
    omp_pause_resource_all(omp_pause_hard);
    *may = pcl_threads_none_beside();
    if (*may || *way == PCL_TASKS_PROGRAM)
        return 0;
    const int rc = pcl_worker_find_program("pclean-worker", &program, err);
    if (!rc)
        *way = PCL_TASKS_PROGRAM;
    pcl_free(program);
    return rc;
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
    params.task_size = pcl_task_bytes(pcl_target_npol(crew->place->setup));
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
