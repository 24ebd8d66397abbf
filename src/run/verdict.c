/* verdict.c: what became of a run: its warnings, its stop code, what it used, and whether it may be
 * called a success. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/threads.h"
#include "casa/casa.h"
#include "core/restore.h"
#include "run/record.h"
#include "run/run.h"

/* ---- naming of planes ---- */

void pcl_run_plane_name(const pcl_run *r, const pclean_plane *p, char *buf, size_t size) {
    if (r->setup.desc.npol > 1)
        snprintf(buf, size, "channel %zu, polarization %zu", p->chan, p->pol);
    else
        snprintf(buf, size, "channel %zu", p->chan);
}

typedef bool plane_test(const pcl_run *r, const pclean_plane *p);

/* "3, 7-9" of the channels for which the test holds in one of the polarizations [from_pol, to_pol);
 * returns their number. */
static size_t list_channels_of(const pcl_run *r, size_t from_pol, size_t to_pol, plane_test *test,
                               char *out, size_t size) {
    size_t n = 0, nchan = r->setup.desc.nchan, npol = r->setup.desc.npol;
    long from = -1;
    out[0] = 0;
    for (size_t c = 0; c <= nchan; c++) {
        bool hit = false;
        for (size_t p = from_pol; c < nchan && p < to_pol; p++)
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

static size_t list_channels(const pcl_run *r, plane_test *test, char *out, size_t size) {
    return list_channels_of(r, 0, r->setup.desc.npol, test, out, size);
}

/* Whether it holds in every plane. */
static bool holds_in_all(const pcl_run *r, plane_test *test) {
    size_t n = 0;
    for (size_t k = 0; k < r->nplane; k++)
        n += test(r, &r->result->plane[k]);
    return n == r->nplane;
}

static bool has_failed(const pcl_run *r, const pclean_plane *p) {
    (void)r;
    return p->stop == PCLEAN_STOP_FAILED;
}
static bool is_not_finite(const pcl_run *r, const pclean_plane *p) {
    (void)r;
    return p->stop == PCLEAN_STOP_NOT_FINITE;
}
static bool is_blank(const pcl_run *r, const pclean_plane *p) {
    (void)r;
    return p->nvis == 0 && !pcl_run_plane_failed(p);
}
static const pcl_plane_state *state_of(const pcl_run *r, const pclean_plane *p) {
    return &r->state[p->chan * r->setup.desc.npol + p->pol];
}
static uint64_t noutside_of(const pcl_run *r, const pclean_plane *p) {
    return state_of(r, p)->numbers.noutside;
}
static bool has_no_data(const pcl_run *r, const pclean_plane *p) {
    return is_blank(r, p) && noutside_of(r, p) == 0;
}
static bool is_beyond_grid(const pcl_run *r, const pclean_plane *p) {
    return is_blank(r, p) && noutside_of(r, p) > 0;
}
static bool is_thin(const pcl_run *r, const pclean_plane *p) {
    return p->nvis > 0 && 2 * p->nvis < r->most_nvis[p->pol];
}
static bool has_no_beam(const pcl_run *r, const pclean_plane *p) {
    (void)r;
    return p->nvis > 0 && !(p->beam_major_rad > 0);
}
/* All planes have another beam than the residual's, which cannot be brought to it. */
static bool keeps_its_beam(const pcl_run *r, const pclean_plane *p) {
    pcl_restore_params q;
    pcl_beam by;
    pcl_restore_params_init(&q);
    q.beam = *pcl_run_one_beam(r);
    q.own = (pcl_beam){p->beam_major_rad, p->beam_minor_rad, p->beam_pa_rad};
    q.cellx_rad = r->config->cell_rad[0];
    q.celly_rad = r->config->cell_rad[1];
    const bool alike = fabs(q.beam.major_rad / q.own.major_rad - 1) < 0.01 &&
                       fabs(q.beam.minor_rad / q.own.minor_rad - 1) < 0.01;
    return r->config->restoration && q.beam.major_rad > 0 && q.own.major_rad > 0 && !alike &&
           !pcl_restore_widens(&q, &by);
}
static bool is_outlier(const pcl_run *r, const pclean_plane *p) {
    const pcl_beam own = {p->beam_major_rad, p->beam_minor_rad, p->beam_pa_rad};
    return pcl_commonbeam_is_outlier(&r->beam_spread, &own);
}
static bool has_empty_mask(const pcl_run *r, const pclean_plane *p) {
    (void)r;
    return p->stop == PCLEAN_STOP_ZEROMASK;
}
/* Nothing stands out of the noise: more cleaning elsewhere would not change that. */
static bool is_noise_for_mask(const pcl_run *r, const pclean_plane *p) {
    return has_empty_mask(r, p) && r->setup.params.finds_mask &&
           state_of(r, p)->numbers.automask.noise;
}
/* That nothing is told of otherwise. */
static bool is_quiet_noise(const pcl_run *r, const pclean_plane *p) {
    return p->noise_only && !is_noise_for_mask(r, p);
}
static bool has_empty_mask_besides(const pcl_run *r, const pclean_plane *p) {
    return has_empty_mask(r, p) && !is_noise_for_mask(r, p);
}
static bool has_diverged(const pcl_run *r, const pclean_plane *p) {
    (void)r;
    return p->stop != PCLEAN_STOP_NOISE && pcl_plane_settled(p);
}
static bool has_recovered(const pcl_run *r, const pclean_plane *p) {
    return p->nretry > 0 && !has_diverged(r, p) && !pcl_run_plane_failed(p);
}

/* Diverging, but another limit ended it first. */
static bool has_grown(const pcl_run *r, const pclean_plane *p) {
    return !has_diverged(r, p) && p->niter > 0 && p->peak_residual > 4 * p->peak_dirty;
}

/* cyclecontrol=global ends with the largest rms of all planes, as tclean: a plane of lower noise
 * may be far from its own n-sigma. */
static bool is_above_nsigma(const pcl_run *r, const pclean_plane *p) {
    return p->stop == PCLEAN_STOP_NSIGMA &&
           p->peak_residual > 1.5 * state_of(r, p)->numbers.nsigma_jy;
}

/* Samples of all planes that the cell cannot carry, and a cell that holds them all. */
static uint64_t count_outside(const pcl_run *r, char good[static 40]) {
    uint64_t n = 0;
    double reach = 0;
    for (size_t k = 0; k < r->nplane; k++) {
        const pcl_plane *p = &r->state[k].numbers;
        n += p->noutside;
        reach = fmax(reach, fmax(p->umax_lambda, p->vmax_lambda));
    }
    pcl_format_si(good, 40, pcl_target_good_cell(reach), PCL_DIM_ANGLE);
    return n;
}

/* A cell too coarse for the longest baselines loses their visibilities: say which cell would carry
 * them. */
static void warn_cell(pcl_run *r) {
    char good[40], have[40];
    const uint64_t noutside = count_outside(r, good);
    if (noutside == 0)
        return;
    pcl_format_si(have, sizeof have, fmax(r->config->cell_rad[0], r->config->cell_rad[1]),
                  PCL_DIM_ANGLE);
    pcl_run_warn(r,
                 "cell %s is too coarse for the longest baselines: %llu samples were left out (all "
                 "planes together); use a cell of %s or less",
                 have, (unsigned long long)noutside, good);
}

static bool is_part_of_cube(const pcl_run *r) {
    return r->setup.channels.nchan < r->setup.channels.whole;
}

static const char *what_was_tried(const pcl_run *r) {
    static const char *const words[] = {
        "", ", also with half the gain and shallower minor cycles; it is left at its best residual",
        ", also with a quarter of the gain and shallower minor cycles; it is left at its best "
        "residual"};
    return words[r->config->nretry];
}

/* Noise alone is no trouble, so no warning either. */
static void tell_noise(const pcl_run *r) {
    char list[600];
    if (list_channels(r, is_quiet_noise, list, sizeof list))
        pcl_log(PCL_LOG_INFO, "noise alone (dirty peak below %g times the rms): channel %s%s",
                r->config->noiselimit, list,
                r->config->skipnoise && r->config->niter > 0 ? "; not cleaned (skipnoise)" : "");
}

/* What is said of the common beam: that it is still to be found, or that few channels spoil it for
 * all. */
static void warn_common_beam(pcl_run *r) {
    if (pcl_params_restores_later(r->config))
        pcl_run_warn(r,
                     "not restored yet: restoringbeam=common is found when all parts of the "
                     "cube are joined; pclean concat --subcubes then makes .image%s",
                     r->config->pbcor ? " and .image.pbcor" : "");
    char list[600];
    if (pcl_commonbeam_is_spoilt(&r->beam_spread) &&
        list_channels(r, is_outlier, list, sizeof list))
        pcl_run_warn(
            r,
            "the common beam has %.3g times the area of the median channel's beam, %.3g "
            "times what it would have without channel %s: look at the data there, or leave "
            "it out",
            r->beam_spread.above_median, r->beam_spread.above_rest, list);
}

/* " of stokes V", or nothing where there is one plane. */
static const char *stokes_words(const pcl_run *r, size_t ipol, char *buf, size_t size) {
    buf[0] = '\0';
    if (r->setup.desc.npol > 1)
        snprintf(buf, size, " of stokes %s", pcl_stokes_name(r->setup.stokes.code[ipol]));
    return buf;
}

static void warn_empty_masks(pcl_run *r) {
    char list[600], stokes[24];
    for (size_t p = 0; p < r->setup.desc.npol; p++) {
        stokes_words(r, p, stokes, sizeof stokes);
        if (list_channels_of(r, p, p + 1, is_noise_for_mask, list, sizeof list))
            pcl_run_warn(r,
                         "nothing to clean in channel %s%s: nothing stands out of the noise there, "
                         "and no minor cycle was made (automatic mask, noisethreshold=%g)",
                         list, stokes, r->config->noisethreshold);
        if (list_channels_of(r, p, p + 1, has_empty_mask_besides, list, sizeof list))
            pcl_run_warn(r, "nothing to clean in channel %s%s: the %smask is empty there", list,
                         stokes, r->setup.params.finds_mask ? "automatic " : "");
    }
}

static void warn_beams(pcl_run *r) {
    char list[600];
    if (list_channels(r, has_no_beam, list, sizeof list))
        pcl_run_warn(r,
                     "no beam could be fitted to the PSF of channel %s: a restored image there is "
                     "the %s (a finer cell or larger imsize helps%s)%s",
                     list,
                     pcl_run_one_beam(r)->major_rad > 0
                         ? "model in the other planes' beam and the residual as it is"
                         : "residual alone",
                     pcl_run_one_beam(r)->major_rad > 0 ? "" : ", or give restoringbeam",
                     r->setup.params.finds_mask
                         ? "; automatic masks there are neither pruned nor smoothed, and know no "
                           "sidelobes"
                         : "");
    warn_common_beam(r);
    if (list_channels(r, keeps_its_beam, list, sizeof list))
        pcl_run_warn(r,
                     "restoringbeam is not wider than the fitted beam by a pixel in every "
                     "direction in channel %s: the residual there keeps the fitted beam, only the "
                     "model has the other one",
                     list);
}

static void warn_about_planes(pcl_run *r) {
    char list[600];
    warn_cell(r);
    if (list_channels(r, is_not_finite, list, sizeof list))
        pcl_run_warn(
            r, "channel %s is not finite: numbers grew beyond single precision; it is left blank",
            list);
    for (size_t p = 0; p < r->setup.desc.npol; p++) { /* the rows of one need not be those of
                                                       * another */
        char stokes[24];
        stokes_words(r, p, stokes, sizeof stokes);
        if (list_channels_of(r, p, p + 1, has_no_data, list, sizeof list))
            pcl_run_warn(r, "no data in channel %s%s: blank", list, stokes);
        if (list_channels_of(r, p, p + 1, is_beyond_grid, list, sizeof list))
            pcl_run_warn(r, "all data of channel %s%s lie beyond what the cell can carry: blank",
                         list, stokes);
        if (list_channels_of(r, p, p + 1, is_thin, list, sizeof list))
            pcl_run_warn(r, "less than half of the fullest channel's data in channel %s%s", list,
                         stokes);
    }
    if (holds_in_all(r, is_blank) && is_part_of_cube(r))
        pcl_run_warn(r, "this part of the cube has no data: its products are blank, to be joined "
                        "with those of the other parts (pclean concat fails if none has data)");
    warn_beams(r);
    warn_empty_masks(r);
    if (list_channels(r, has_diverged, list, sizeof list))
        pcl_run_warn(r, "CLEAN diverged in channel %s%s", list, what_was_tried(r));
    if (list_channels(r, has_recovered, list, sizeof list))
        pcl_run_warn(r,
                     "CLEAN diverged in channel %s, went back to the best residual there and on "
                     "with less gain and shallower minor cycles, without diverging again",
                     list);
    if (list_channels(r, is_above_nsigma, list, sizeof list))
        pcl_run_warn(r,
                     "channel %s is far above its own nsigma x rms: the noisiest channel's ended "
                     "CLEAN for all, as in tclean (cyclecontrol=channel has one limit for each)",
                     list);
    if (list_channels(r, has_grown, list, sizeof list))
        pcl_run_warn(r,
                     "the residual of channel %s is over 4 x the dirty image's: CLEAN was "
                     "diverging when its iterations ended",
                     list);
}

/* The stop code, as one among others: that nothing stands out of a plane's noise is no trouble. */
static int urgency_of(const pcl_run *r, const pclean_plane *p) {
    return is_noise_for_mask(r, p) ? PCLEAN_STOP_NOISE : p->stop;
}

/* One stop code for the run: what most needs attention. Where planes are cleaned as one problem,
 * some of them may have empty masks. */
static int worst_stop(const pcl_run *r) {
    static const int order[] = {
        PCLEAN_STOP_FAILED,        PCLEAN_STOP_NOT_FINITE,     PCLEAN_STOP_DIVERGED_MIN,
        PCLEAN_STOP_DIVERGED_STEP, PCLEAN_STOP_DIVERGED_MINOR, PCLEAN_STOP_ZEROMASK,
        PCLEAN_STOP_NITER,         PCLEAN_STOP_NMAJOR,         PCLEAN_STOP_NOCHANGE,
        PCLEAN_STOP_NSIGMA,        PCLEAN_STOP_THRESHOLD,      PCLEAN_STOP_NOISE,
        PCLEAN_STOP_FORCED,        PCLEAN_STOP_BLANK};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        for (size_t k = 0; k < r->nplane; k++)
            if (urgency_of(r, &r->result->plane[k]) == order[i]) {
                const int stop = r->result->plane[k].stop;
                return stop == PCLEAN_STOP_ZEROMASK && r->stop ? r->stop : stop;
            }
    return PCLEAN_STOP_NONE;
}

/* Why there is nothing in the image. */
static int fail_blank(const pcl_run *r, pclean_err *err) {
    char good[40];
    if (count_outside(r, good))
        return PCL_FAIL(err, PCLEAN_EFAILED,
                        "all data lie beyond what the cell can carry: the image is blank; use a "
                        "smaller cell: one of %s holds all samples",
                        good);
    if (r->vis.nabsurd && !r->vis.nused)
        return PCL_FAIL(err, PCLEAN_EFAILED,
                        "no usable visibility is left in %s: the values or weights of %llu samples "
                        "are too large or small for single precision; the image is blank",
                        r->setup.ms[0].path, (unsigned long long)r->vis.nabsurd);
    return PCL_FAIL(err, PCLEAN_EFAILED, "no channel of the image has data: the image is blank");
}

static bool has_nothing_to_clean(const pcl_run *r, const pclean_plane *p) {
    return has_empty_mask(r, p) || is_blank(r, p);
}

/* Nothing was there to be cleaned, in any channel. */
static int fail_empty(const pcl_run *r, pclean_err *err) {
    if (r->config->allow_empty)
        return 0;
    if (r->setup.params.finds_mask)
        return PCL_FAIL(
            err, PCLEAN_EFAILED,
            "nothing was cleaned: usemask=auto-multithresh found nothing to mask in any "
            "channel (a lower noisethreshold, sidelobethreshold or minbeamfrac finds "
            "more); the dirty products were written (allow_empty: no failure)");
    return PCL_FAIL(err, PCLEAN_EFAILED,
                    "nothing was cleaned: the mask leaves no pixel inside the primary beam in "
                    "any channel; the dirty products were written (allow_empty: no failure)");
}

/* A run that wrote its products can still have failed: nobody should find out weeks later. A part
 * of a cube may be blank, or have nothing to clean, where the cube is and has not. */
int pcl_run_verdict(const pcl_run *r, pclean_err *err) {
    const bool of_cube = is_part_of_cube(r);
    char list[600];
    if (list_channels(r, has_failed, list, sizeof list))
        return PCL_FAIL(
            err, PCLEAN_EFAILED,
            "the workers of channel %s died, as the warnings say; it is blank in the products, "
            "which hold all other channels (out of memory? fewer workers need less: nworkers)",
            list);
    if (list_channels(r, is_not_finite, list, sizeof list))
        return PCL_FAIL(err, PCLEAN_EFAILED,
                        "channel %s is not finite: numbers grew beyond single precision; it is "
                        "blank in the products, which hold all other channels (look at its data "
                        "and weights, at uvtaper and at the model to start from)",
                        list);
    if (!of_cube && holds_in_all(r, is_blank))
        return fail_blank(r, err);
    if (list_channels(r, has_diverged, list, sizeof list))
        return PCL_FAIL(
            err, PCLEAN_EFAILED,
            "CLEAN diverged in channel %s%s; the products were written, look at them "
            "before use (threshold or nsigma, a smaller gain or a larger cyclefactor help)",
            list, what_was_tried(r));
    if (!of_cube && r->config->niter > 0 && holds_in_all(r, has_nothing_to_clean))
        return fail_empty(r, err);
    return 0;
}

static void list_products(pcl_run *r) {
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

void pcl_run_note_peak(pcl_run *r, uint64_t growth_bytes) {
    casa_usage casa;
    casa_get_usage(&casa);
    const uint64_t peak = pcl_mem_peak() + growth_bytes + casa.peak_bytes;
    r->peak_bytes = peak > r->peak_bytes ? peak : r->peak_bytes;
    pcl_mem_peak_restart();
    casa_restart_peak();
}

void pcl_run_measure(pcl_run *r) {
    casa_usage casa;
    casa_get_usage(&casa);
    r->result->seconds = pcl_now() - r->start;
    r->result->cpu_seconds = pcl_threads_cpu_seconds() - r->cpu_start + r->team_seconds +
                             r->usage.cpu_seconds + casa.cpu_seconds;
    pcl_run_note_peak(r, 0);
    r->result->peak_memory_bytes = r->peak_bytes;
}

/* What tclean returns besides. */
static void sum_up_control(pcl_run *r) {
    pclean_result *out = r->result;
    double peak = 0, level = 0;
    const bool global = pcl_run_is_global(r->config);
    const pcl_deconvolver *deconvolver = r->setup.params.deconvolver;
    const bool joint = deconvolver && deconvolver->joint; /* iterations of all polarizations */
    pcl_control control = r->setup.params.control;
    control.threshold_jy = 0; /* tclean shows it without */
    for (size_t k = 0; k < r->nplane; k++) {
        const pclean_plane *p = &out->plane[k];
        out->iterdone += joint && p->pol > 0 ? 0 : (uint64_t)p->niter;
        out->nmajordone = p->nmajor > out->nmajordone ? p->nmajor : out->nmajordone;
        out->maxpsfsidelobe = fmax(out->maxpsfsidelobe, p->psf_sidelobe);
        peak = fmax(peak, p->peak_residual);
        level =
            fmax(level, pcl_converge_cyclethreshold(&control, p->peak_residual, p->psf_sidelobe));
    }
    if (global)
        level = pcl_converge_cyclethreshold(&control, peak, out->maxpsfsidelobe);
    out->cyclethreshold = r->config->niter > 0 ? level : 0;
    if (r->config->niter == 0)
        out->maxpsfsidelobe = 0;
    out->fullsummary = r->config->fullsummary;
    pcl_history_give(&r->history, out);
}

void pcl_run_sum_up(pcl_run *r) {
    for (size_t k = 0; k < r->nplane; k++) {
        uint64_t *most = &r->most_nvis[r->result->plane[k].pol];
        *most = r->result->plane[k].nvis > *most ? r->result->plane[k].nvis : *most;
    }
    warn_about_planes(r);
    tell_noise(r);
    if (r->config->restoration) {
        r->result->restoring_major_rad = pcl_run_one_beam(r)->major_rad;
        r->result->restoring_minor_rad = pcl_run_one_beam(r)->minor_rad;
        r->result->restoring_pa_rad = pcl_run_one_beam(r)->pa_rad;
    }
    r->result->stop = worst_stop(r);
    sum_up_control(r);
    list_products(r);
    pcl_run_measure(r);
}
