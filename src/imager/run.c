/* run.c: pclean_image, from the configuration to the finished products. Reads top down: pclean_image at the end, the
 * stages above it, what they share first. */
#include "pclean/run.h"

#include <math.h>
#include <omp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "imager/converge.h"
#include "imager/plane.h"
#include "imager/products.h"
#include "imager/record.h"
#include "imager/setup.h"
#include "imager/startmodel.h"
#include "io/mask.h"
#include "pclean.h"

const char *pclean_version(void) { return PCLEAN_VERSION; }

const char *pclean_stop_text(int stop) {
    switch (stop) {
#define X(symbol, number, text)                                                                                        \
    case number:                                                                                                       \
        return text;
        PCLEAN_STOP_LIST(X)
#undef X
    }
    return "unknown";
}

/* What a run holds; everything here is released in one place. */
typedef struct run {
    const pclean_config *config;
    const pclean_hooks *hooks;
    pclean_result *result;
    pcl_setup setup;
    pcl_vis vis;
    pcl_plane plane;
    pcl_products products;
    pcl_mask *mask;
    pcl_startmodel *startmodel;
    pcl_progress_state *state; /* [nchan][npol] */
    casa_beam *fitted, *restoring; /* [nchan][npol]; zero: none */
    pcl_beam fixed_beam;       /* restoringbeam; zero: each plane's own */
    size_t nplane;
    double start, stage_start;
    char started[32];
} run;

/* ------------------------------------------------------------------------------------- time, progress and warnings */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void end_stage(run *r, const char *name) {
    const double t = now();
    pclean_result *res = r->result;
    if (res->nstage < sizeof res->stage / sizeof *res->stage)
        res->stage[res->nstage++] = (pclean_stage_time){.name = name, .seconds = t - r->stage_start};
    r->stage_start = t;
}

static int stop_requested(const run *r) {
    return r->hooks && r->hooks->stop_requested && r->hooks->stop_requested(r->hooks->user);
}

/* The reading of the data counts for a tenth of the bar, the planes for the rest. */
static void report(const run *r, const char *stage, size_t done, size_t total, const char *unit, const pclean_plane *plane) {
    if (!r->hooks || !r->hooks->progress)
        return;
    const double part = total ? (double)done / (double)total : 1;
    pclean_progress p = {.stage = stage, .done = done, .total = total, .unit = unit, .plane = plane,
                         .fraction = strcmp(stage, "read") == 0 ? 0.1 * part : 0.1 + 0.9 * part,
                         .elapsed_s = now() - r->start, .remaining_s = -1};
    const double spent = now() - r->stage_start;
    if (done > 0)
        p.remaining_s = spent * (double)(total - done) / (double)done;
    r->hooks->progress(&p, r->hooks->user);
}

static int reading_progress(size_t done, size_t total, void *user) {
    const run *r = user;
    report(r, "read", done, total, "rows", NULL);
    return stop_requested(r);
}

static int poll_stop(void *user) { return stop_requested(user); }

/* Logs a warning and keeps it for the result. */
__attribute__((format(printf, 2, 3))) static void warn(run *r, const char *fmt, ...) {
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    pcl_log(PCL_LOG_WARNING, "%s", text);
    size_t n = 0;
    while (r->result->warning && r->result->warning[n])
        n++;
    char **more = realloc(r->result->warning, (n + 2) * sizeof *more);
    if (!more)
        return;
    r->result->warning = more;
    more[n] = strdup(text);
    more[n + 1] = NULL;
}

static uint64_t bytes_read_so_far(void) {
    unsigned long long n = 0;
    FILE *f = fopen("/proc/self/io", "r");
    if (f) {
        if (fscanf(f, "rchar: %llu", &n) != 1)
            n = 0;
        fclose(f);
    }
    return n;
}

/* -------------------------------------------------------------------------------------------------------- one plane */

static pclean_plane *record_of(const run *r, size_t ichan, size_t ipol) {
    return &r->result->plane[ichan * r->setup.desc.npol + ipol];
}

/* Header, primary beam, masks and the model to start from. */
static int begin_plane(run *r, size_t ichan, size_t ipol, pclean_err *err) {
    pcl_plane *p = &r->plane;
    int rc;
    if (r->mask && (rc = pcl_mask_plane(r->mask, ipol, ichan, p->user_mask, err)))
        return rc;
    if ((rc = pcl_plane_begin(p, ichan, ipol, err)))
        return rc;
    memset(p->model, 0, p->nx * p->ny * sizeof *p->model);
    return r->startmodel ? pcl_startmodel_plane(r->startmodel, ipol, ichan, p->model, err) : 0;
}

static void note_dirty(run *r) {
    const pcl_plane *p = &r->plane;
    pclean_plane *out = record_of(r, p->ichan, p->ipol);
    const casa_beam beam = {p->beam.major_rad, p->beam.minor_rad, p->beam.pa_rad};
    *out = (pclean_plane){.chan = p->ichan, .pol = p->ipol,
                          .freq_hz = r->setup.channels.first_hz + (double)p->ichan * r->setup.channels.step_hz,
                          .nvis = p->nvis, .sumwt = r->setup.stokes.sumwt_factor * p->sumwt,
                          .beam_major_rad = beam.major_rad, .beam_minor_rad = beam.minor_rad, .beam_pa_rad = beam.pa_rad,
                          .psf_sidelobe = p->sidelobe, .peak_dirty = p->peak,
                          .nmajor = 1};
    r->fitted[p->ichan * r->setup.desc.npol + p->ipol] = beam;
}

static void note_residual(run *r) {
    const pcl_plane *p = &r->plane;
    pclean_plane *out = record_of(r, p->ichan, p->ipol);
    out->peak_residual = p->peak;
    out->rms_residual = p->rms;
    out->model_flux = p->model_flux;
}

/* Weights, PSF, dirty image: the first major cycle. */
static int dirty_plane(run *r, size_t ichan, size_t ipol, pclean_err *err) {
    int rc;
    if ((rc = begin_plane(r, ichan, ipol, err)) || (rc = pcl_plane_dirty(&r->plane, err)))
        return rc;
    pcl_plane_measure(&r->plane);
    note_dirty(r);
    note_residual(r);
    return 0;
}

/* Stop code of a plane that has just had a major cycle; 0: go on. */
static int check_plane(run *r, pcl_progress_state *state) {
    const pcl_plane *p = &r->plane;
    if (p->nvis == 0)
        return PCLEAN_STOP_BLANK;
    return pcl_converge_check(&p->control, state, p->peak, p->rms, p->nsearch);
}

/* One minor and the major cycle after it. */
static int clean_round(run *r, double cyclethreshold, int cycleniter, pcl_progress_state *state, pclean_err *err) {
    int niter = 0, rc;
    if ((rc = pcl_plane_minor(&r->plane, cyclethreshold, cycleniter, &niter, err)) || (rc = pcl_plane_major(&r->plane, err)))
        return rc;
    state->niter += niter;
    state->nround++;
    pcl_plane_measure(&r->plane);
    note_residual(r);
    pclean_plane *out = record_of(r, r->plane.ichan, r->plane.ipol);
    out->niter = state->niter;
    out->nmajor = state->nround + 1;
    return 0;
}

static int finish_plane(run *r, pclean_err *err) {
    pcl_plane *p = &r->plane;
    const pcl_beam *beam = r->fixed_beam.major_rad > 0 ? &r->fixed_beam : &p->beam;
    pclean_plane *out = record_of(r, p->ichan, p->ipol);
    int rc = r->config->restoration ? pcl_plane_restore(p, beam, err) : 0;
    return rc ? rc : pcl_products_write(&r->products, p, out->sumwt, err);
}

static int prefix_plane(const run *r, int rc, pclean_err *err) {
    if (rc)
        pcl_err_prefix(err, "channel %zu: ", r->plane.ichan);
    return rc;
}

/* --------------------------------------------------------------------- cyclecontrol=channel: every plane on its own */

static int clean_plane(run *r, size_t ichan, size_t ipol, pclean_err *err) {
    pcl_progress_state *state = &r->state[ichan * r->setup.desc.npol + ipol];
    const pcl_control *c = &r->plane.control;
    int rc = dirty_plane(r, ichan, ipol, err), stop = 0;
    while (!rc && !(stop = check_plane(r, state))) {
        if (stop_requested(r))
            return PCL_FAIL(err, PCLEAN_EINTERRUPTED, "interrupted; no product was changed");
        const double level = pcl_converge_cyclethreshold(c, r->plane.peak, r->plane.sidelobe, r->plane.rms);
        rc = clean_round(r, level, pcl_converge_cycleniter(c, state), state, err);
    }
    record_of(r, ichan, ipol)->stop = stop;
    return rc ? rc : finish_plane(r, err);
}

static int image_by_plane(run *r, pclean_err *err) {
    const size_t npol = r->setup.desc.npol;
    for (size_t k = 0; k < r->nplane; k++) {
        if (stop_requested(r))
            return PCL_FAIL(err, PCLEAN_EINTERRUPTED, "interrupted; no product was changed");
        const double t = now();
        int rc = prefix_plane(r, clean_plane(r, k / npol, k % npol, err), err);
        if (rc)
            return rc;
        r->result->plane[k].seconds = now() - t;
        report(r, "image", k + 1, r->nplane, "planes", &r->result->plane[k]);
    }
    return 0;
}

/* -------------------------------------------- cyclecontrol=global: all planes as one problem, one barrier per cycle */

/* The worst plane speaks for all: tclean's control. */
static void worst_of_all(const run *r, double *peak, double *sidelobe, double *rms, size_t *nsearch, const size_t *npix) {
    *peak = *sidelobe = *rms = 0;
    *nsearch = 0;
    for (size_t k = 0; k < r->nplane; k++) {
        const pclean_plane *p = &r->result->plane[k];
        if (p->nvis == 0)
            continue;
        *peak = fmax(*peak, p->peak_residual);
        *sidelobe = fmax(*sidelobe, p->psf_sidelobe);
        *rms = fmax(*rms, p->rms_residual);
        *nsearch += npix[k];
    }
}

/* Brings a plane's state back from disk and makes it the plane at hand; its grids of the first pass are not needed. */
static int resume_plane(run *r, size_t k, pclean_err *err) {
    pcl_plane *p = &r->plane;
    const size_t npol = r->setup.desc.npol;
    int rc;
    if ((rc = begin_plane(r, k / npol, k % npol, err)) || (rc = pcl_products_load_state(&r->products, p, err)))
        return rc;
    const pclean_plane *rec = &r->result->plane[k];
    p->beam = (pcl_beam){rec->beam_major_rad, rec->beam_minor_rad, rec->beam_pa_rad};
    p->has_beam = rec->beam_major_rad > 0;
    p->sidelobe = rec->psf_sidelobe;
    p->nvis = rec->nvis;
    p->sumwt = rec->sumwt / r->setup.stokes.sumwt_factor;
    p->umax_lambda = 0;
    return p->nvis ? pcl_plane_reweigh(p, err) : 0;
}

static int global_cycle(run *r, double level, int cycleniter, pcl_progress_state *all, pclean_err *err) {
    int made = 0;
    for (size_t k = 0; k < r->nplane; k++) {
        const pclean_plane *rec = &r->result->plane[k];
        if (rec->nvis == 0 || rec->peak_residual < level)
            continue;
        if (stop_requested(r))
            return PCL_FAIL(err, PCLEAN_EINTERRUPTED, "interrupted; no product was changed");
        const int before = r->state[k].niter;
        int rc;
        if ((rc = resume_plane(r, k, err)))
            return prefix_plane(r, rc, err);
        pcl_plane_measure(&r->plane);
        if (r->plane.nsearch && ((rc = clean_round(r, level, cycleniter, &r->state[k], err)) ||
                                 (rc = pcl_products_save_state(&r->products, &r->plane, err))))
            return prefix_plane(r, rc, err);
        made += r->state[k].niter - before;
    }
    all->niter += made;
    all->nround++;
    return 0;
}

static int image_globally(run *r, pclean_err *err) {
    const size_t npol = r->setup.desc.npol;
    size_t *npix = NULL, nsearch;
    double peak, sidelobe, rms;
    int rc = PCL_ZNEW(&npix, r->nplane, "list of planes", err), stop = 0;
    for (size_t k = 0; !rc && k < r->nplane; k++) {
        const double t = now();
        rc = prefix_plane(r, dirty_plane(r, k / npol, k % npol, err), err);
        if (!rc)
            rc = pcl_products_save_state(&r->products, &r->plane, err);
        npix[k] = r->plane.nsearch;
        r->result->plane[k].seconds = now() - t;
        report(r, "dirty", k + 1, r->nplane, "planes", NULL);
    }
    pcl_progress_state all = {0};
    while (!rc) {
        worst_of_all(r, &peak, &sidelobe, &rms, &nsearch, npix);
        if ((stop = pcl_converge_check(&r->plane.control, &all, peak, rms, nsearch)))
            break;
        const double level = pcl_converge_cyclethreshold(&r->plane.control, peak, sidelobe, rms);
        rc = global_cycle(r, level, pcl_converge_cycleniter(&r->plane.control, &all), &all, err);
    }
    for (size_t k = 0; !rc && k < r->nplane; k++) {
        if (!(rc = begin_plane(r, k / npol, k % npol, err)) && !(rc = pcl_products_load_state(&r->products, &r->plane, err))) {
            pclean_plane *rec = &r->result->plane[k];
            r->plane.beam = (pcl_beam){rec->beam_major_rad, rec->beam_minor_rad, rec->beam_pa_rad};
            rec->stop = rec->nvis == 0 ? PCLEAN_STOP_BLANK : npix[k] == 0 ? PCLEAN_STOP_ZEROMASK : stop;
            rc = finish_plane(r, err);
            report(r, "image", k + 1, r->nplane, "planes", rec);
        }
    }
    pcl_free(npix);
    return rc;
}

/* ------------------------------------------------------------------------------------------------- stages of a run */

static int parse_fixed_beam(run *r, pclean_err *err) {
    const pclean_strlist *text = &r->config->restoringbeam;
    if (text->n == 0 || !*text->item[0])
        return 0;
    double value[3] = {0};
    for (size_t i = 0; i < text->n && i < 3; i++) {
        int rc = pcl_quantity_parse_as(text->item[i], PCL_DIM_ANGLE, i < 2 ? "arcsec" : "deg", &value[i], err);
        if (rc) {
            pcl_err_prefix(err, "restoringbeam: ");
            return rc;
        }
    }
    r->fixed_beam = (pcl_beam){value[0], text->n > 1 ? value[1] : value[0], value[2]};
    return 0;
}

/* The products, with the primary beam's mask at the middle of the band in every plane until the plane is written. */
static int create_products(run *r, pclean_err *err) {
    const pcl_setup *s = &r->setup;
    pcl_plane *p = &r->plane;
    const char *name;
    const double middle = s->channels.first_hz + 0.5 * (double)(s->channels.nchan - 1) * s->channels.step_hz;
    int rc = pcl_plane_primary_beam(s, middle, p->pb, &name, err);
    if (rc)
        return rc;
    pcl_log(PCL_LOG_INFO, "primary beam: %s", name);
    bool *mask = p->search; /* free until the first plane begins */
    for (size_t i = 0; i < p->nx * p->ny; i++)
        mask[i] = p->pb[i] > 0;
    return pcl_products_create(&r->products, s, mask, err);
}

static int open_inputs(run *r, pclean_err *err) {
    int rc;
    if ((rc = pcl_products_check(r->config, err)) || (rc = pcl_setup_open(r->config, &r->setup, err)))
        return rc;
    if (*r->config->mask && (rc = pcl_mask_open(r->config->mask, &r->setup.desc, &r->mask, err)))
        return rc;
    return pcl_startmodel_open(r->config, &r->setup.desc, &r->startmodel, err);
}

static void describe_data(const run *r) {
    const pcl_setup *s = &r->setup;
    char first[40], step[40];
    pcl_format_si(first, sizeof first, s->channels.first_hz, PCL_DIM_FREQ);
    pcl_format_si(step, sizeof step, s->channels.step_hz, PCL_DIM_FREQ);
    for (size_t i = 0; i < pcl_vis_source_count(s->source); i++) {
        const casa_ms_info *info = pcl_vis_source_info(s->source, i);
        pcl_log(PCL_LOG_INFO, "%s: %zu rows of %s, %s, %zu field%s, %zu spectral window%s", info->path, info->nrow,
                info->datacolumn, info->telescope, info->nfield, info->nfield == 1 ? "" : "s", info->ndd, info->ndd == 1 ? "" : "s");
    }
    pcl_log(PCL_LOG_INFO, "image: %zu x %zu pixels, %zu channel%s from %s in steps of %s (%s)", s->desc.nx, s->desc.ny,
            s->desc.nchan, s->desc.nchan == 1 ? "" : "s", first, step, s->frame < 0 ? "frame of the data" : casa_freq_frame_name(s->frame));
}

static int read_data(run *r, pclean_err *err) {
    const uint64_t before = bytes_read_so_far();
    int rc = pcl_setup_read(&r->setup, reading_progress, r, &r->vis, err);
    r->result->ms_bytes_read = bytes_read_so_far() - before;
    r->result->nvis_used = r->vis.nused;
    r->result->nvis_flagged = r->vis.nflagged;
    r->result->nvis_nonfinite = r->vis.nonfinite;
    if (!rc && r->vis.nonfinite)
        warn(r, "%llu samples are NaN or infinite and were left out", (unsigned long long)r->vis.nonfinite);
    return rc;
}

static int allocate_run(run *r, pclean_err *err) {
    int rc;
    r->nplane = r->setup.desc.nchan * r->setup.desc.npol;
    r->result->nchan = r->setup.desc.nchan;
    r->result->npol = r->setup.desc.npol;
    r->result->plane = calloc(r->nplane, sizeof *r->result->plane);
    if (!r->result->plane)
        return PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for the record of %zu planes", r->nplane);
    if ((rc = PCL_ZNEW(&r->state, r->nplane, "plane states", err)) || (rc = PCL_ZNEW(&r->fitted, r->nplane, "beams", err)) ||
        (rc = PCL_ZNEW(&r->restoring, r->nplane, "beams", err)) || (rc = pcl_plane_init(&r->plane, &r->setup, &r->vis, err)))
        return rc;
    r->plane.stop_requested = poll_stop;
    r->plane.stop_user = r;
    return r->mask ? PCL_NEW(&r->plane.user_mask, r->plane.nx * r->plane.ny, "user mask", err) : 0;
}

/* Planes without a beam of their own get the largest there is, as in tclean. */
static const casa_beam *header_beams(run *r) {
    casa_beam largest = {0};
    for (size_t k = 0; k < r->nplane; k++)
        if (r->fitted[k].major_rad * r->fitted[k].minor_rad > largest.major_rad * largest.minor_rad)
            largest = r->fitted[k];
    if (!(largest.major_rad > 0) && !(r->fixed_beam.major_rad > 0))
        return NULL;
    for (size_t k = 0; k < r->nplane; k++) {
        if (!(r->fitted[k].major_rad > 0))
            r->fitted[k] = largest;
        r->restoring[k] = r->fixed_beam.major_rad > 0
                              ? (casa_beam){r->fixed_beam.major_rad, r->fixed_beam.minor_rad, r->fixed_beam.pa_rad}
                              : r->fitted[k];
    }
    return r->restoring;
}

static int publish(run *r, pclean_err *err) {
    char **history = NULL;
    size_t nhistory = 0;
    const casa_beam *restoring = header_beams(r);
    int rc = pcl_record_history(r->config, &history, &nhistory, err);
    if (!rc)
        rc = pcl_products_finish(&r->products, &r->setup, restoring ? r->fitted : NULL, restoring,
                                 (const char *const *)history, nhistory, err);
    pcl_record_free_lines(history, nhistory);
    return rc;
}

/* ------------------------------------------------------------------------------------------------- what happened */

/* "3, 7-9" of the channels for which the test holds; returns their number. */
static size_t list_channels(const run *r, bool (*test)(const run *, const pclean_plane *), char *out, size_t size) {
    size_t n = 0, nchan = r->setup.desc.nchan, npol = r->setup.desc.npol;
    long from = -1;
    out[0] = 0;
    for (size_t c = 0; c <= nchan; c++) {
        bool hit = false;
        for (size_t p = 0; c < nchan && p < npol; p++)
            hit = hit || test(r, &r->result->plane[c * npol + p]);
        n += hit;
        if (hit && from < 0)
            from = (long)c;
        if (!hit && from >= 0) {
            const size_t used = strlen(out);
            if (from == (long)c - 1)
                snprintf(out + used, size - used, "%s%ld", used ? ", " : "", from);
            else
                snprintf(out + used, size - used, "%s%ld-%zu", used ? ", " : "", from, c - 1);
            from = -1;
        }
    }
    return n;
}

static uint64_t most_samples(const run *r) {
    uint64_t most = 0;
    for (size_t k = 0; k < r->nplane; k++)
        most = r->result->plane[k].nvis > most ? r->result->plane[k].nvis : most;
    return most;
}

static bool is_blank(const run *r, const pclean_plane *p) {
    (void)r;
    return p->nvis == 0;
}
static bool is_thin(const run *r, const pclean_plane *p) { return p->nvis > 0 && 2 * p->nvis < most_samples(r); }
static bool has_no_beam(const run *r, const pclean_plane *p) {
    (void)r;
    return p->nvis > 0 && !(p->beam_major_rad > 0);
}
static bool has_empty_mask(const run *r, const pclean_plane *p) {
    (void)r;
    return p->stop == PCLEAN_STOP_ZEROMASK;
}
static bool has_diverged(const run *r, const pclean_plane *p) {
    (void)r;
    return p->stop == PCLEAN_STOP_DIVERGED_STEP || p->stop == PCLEAN_STOP_DIVERGED_MIN;
}

/* A cell too coarse for the longest baseline loses its visibilities: say which cell would carry them. */
static void warn_cell(run *r, uint64_t noutside, double reach_lambda) {
    if (noutside == 0)
        return;
    char good[40], have[40];
    const double better = 1 / (3 * reach_lambda);
    pcl_format_si(have, sizeof have, fmax(r->config->cell_rad[0], r->config->cell_rad[1]), PCL_DIM_ANGLE);
    pcl_format_si(good, sizeof good, better, PCL_DIM_ANGLE);
    warn(r, "cell %s is too coarse for the longest baselines: samples were left out (%llu in the last plane); use a cell of %s or less",
         have, (unsigned long long)noutside, good);
}

static void warn_about_planes(run *r) {
    char list[600];
    warn_cell(r, r->plane.noutside, fmax(r->plane.umax_lambda, r->plane.vmax_lambda));
    if (list_channels(r, is_blank, list, sizeof list))
        warn(r, "no data in channel %s: blank", list);
    if (list_channels(r, is_thin, list, sizeof list))
        warn(r, "less than half of the fullest channel's data in channel %s", list);
    if (list_channels(r, has_no_beam, list, sizeof list))
        warn(r, "no beam could be fitted to the PSF of channel %s", list);
    if (list_channels(r, has_empty_mask, list, sizeof list))
        warn(r, "nothing to clean in channel %s: the mask is empty there", list);
    if (list_channels(r, has_diverged, list, sizeof list))
        warn(r, "CLEAN diverged in channel %s", list);
}

/* One stop code for the run: what most needs attention. */
static int worst_stop(const run *r) {
    static const int order[] = {PCLEAN_STOP_FAILED, PCLEAN_STOP_DIVERGED_MIN, PCLEAN_STOP_DIVERGED_STEP, PCLEAN_STOP_ZEROMASK,
                                PCLEAN_STOP_NITER, PCLEAN_STOP_NMAJOR, PCLEAN_STOP_NOCHANGE, PCLEAN_STOP_NSIGMA,
                                PCLEAN_STOP_THRESHOLD, PCLEAN_STOP_FORCED, PCLEAN_STOP_BLANK};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        for (size_t k = 0; k < r->nplane; k++)
            if (r->result->plane[k].stop == order[i])
                return order[i];
    return PCLEAN_STOP_NONE;
}

/* A run that wrote its products can still have failed: nobody should find out weeks later. */
static int verdict(const run *r, pclean_err *err) {
    char list[600];
    if (list_channels(r, has_diverged, list, sizeof list))
        return PCL_FAIL(err, PCLEAN_EFAILED, "CLEAN diverged in channel %s; the products were written, look at them before use (a smaller gain or larger cyclefactor helps)", list);
    if (r->config->niter > 0 && list_channels(r, has_empty_mask, list, sizeof list) == r->setup.desc.nchan)
        return PCL_FAIL(err, PCLEAN_EFAILED, "nothing was cleaned: the mask leaves no pixel inside the primary beam in any channel; the dirty products were written");
    return 0;
}

static void list_products(run *r) {
    char path[4096];
    char **list = calloc(PCL_NPRODUCT + 2, sizeof *list);
    if (!list)
        return;
    size_t n = 0;
    for (enum pcl_product k = 0; k < PCL_NPRODUCT; k++)
        if (pcl_product_wanted(r->config, k)) {
            pcl_product_path(r->config, k, path, sizeof path);
            list[n++] = strdup(path);
        }
    pcl_record_path(r->config, path, sizeof path);
    list[n] = strdup(path);
    r->result->product = list;
}

static void measure_run(run *r) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    r->result->seconds = now() - r->start;
    r->result->cpu_seconds = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                             1e-6 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
    r->result->peak_memory_bytes = (uint64_t)use.ru_maxrss * 1024;
}

void pclean_result_clear(pclean_result *result) {
    free(result->plane);
    for (size_t i = 0; result->product && result->product[i]; i++)
        free(result->product[i]);
    for (size_t i = 0; result->warning && result->warning[i]; i++)
        free(result->warning[i]);
    free(result->product);
    free(result->warning);
    *result = (pclean_result){0};
}

static void log_to_hooks(enum pcl_log_level level, const char *text, void *user) {
    const pclean_hooks *hooks = user;
    hooks->log((enum pclean_level)level, text, hooks->user);
}

static void release(run *r) {
    pcl_products_abort(&r->products);
    pcl_mask_free(r->mask);
    pcl_startmodel_close(r->startmodel);
    pcl_plane_clear(&r->plane);
    pcl_vis_clear(&r->vis);
    pcl_setup_close(&r->setup);
    pcl_free(r->state);
    pcl_free(r->fitted);
    pcl_free(r->restoring);
}

static int run_stages(run *r, pclean_err *err) {
    int rc;
    if ((rc = pclean_config_validate(r->config, err)) || (rc = parse_fixed_beam(r, err)) || (rc = open_inputs(r, err)))
        return rc;
    describe_data(r);
    end_stage(r, "open");
    if ((rc = read_data(r, err)))
        return rc;
    end_stage(r, "read");
    if ((rc = allocate_run(r, err)) || (rc = create_products(r, err)))
        return rc;
    end_stage(r, "create");
    const bool global = r->config->cyclecontrol == PCLEAN_CYCLECONTROL_GLOBAL && r->config->niter > 0;
    if ((rc = global ? image_globally(r, err) : image_by_plane(r, err)))
        return rc;
    end_stage(r, "image");
    if ((rc = publish(r, err)))
        return rc;
    end_stage(r, "publish");
    warn_about_planes(r);
    r->result->stop = worst_stop(r);
    list_products(r);
    measure_run(r);
    if ((rc = pcl_record_write(&r->setup, r->result, r->started, err)))
        return rc;
    return verdict(r, err);
}

int pclean_image(const pclean_config *config, const pclean_hooks *hooks, pclean_result *result, pclean_err *err) {
    *result = (pclean_result){0};
    run r = {.config = config, .hooks = hooks, .result = result, .start = now()};
    r.stage_start = r.start;
    const time_t clock = time(NULL);
    struct tm tm;
    strftime(r.started, sizeof r.started, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&clock, &tm));
    if (hooks && hooks->log)
        pcl_log_set_sink(log_to_hooks, (void *)(uintptr_t)hooks);
    if (config->threads > 0)
        omp_set_num_threads(config->threads);
    int rc = run_stages(&r, err);
    measure_run(&r);
    release(&r);
    pcl_log_set_sink(NULL, NULL);
    return rc;
}
