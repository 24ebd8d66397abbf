#include "imager/target.h"
#include "imager/primary_beam.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "core/commonbeam.h"
#include "core/noise.h"
#include "core/pb.h"
#include "core/restore.h"
#include "core/stats.h"
#include "imager/weighing.h"

static size_t npixel(const pcl_target *p) {
    return p->nx * p->ny;
}

/* ---- planes that are held together ---- */

size_t pcl_target_npol(const pcl_setup *s) {
    const pcl_params *p = &s->params;
    return p->deconvolver->joint && p->control.niter > 0 ? s->desc.npol : 1;
}

static void lay_aside(pcl_target *p) {
    pcl_target_aside *a = &p->aside[p->ihand];
    *a = (pcl_target_aside){.plane = p->plane,
                            .user_mask = p->user_mask,
                            .search = p->search,
                            .valid = p->valid,
                            .quiet = p->quiet,
                            .clips = p->clips,
                            .is_dirty = p->is_dirty,
                            .automask = p->automask,
                            .density = p->density,
                            .density_pol = p->density_pol};
    memcpy(a->psf, p->psf, sizeof a->psf);
    memcpy(a->residual, p->residual, sizeof a->residual);
    memcpy(a->model, p->model, sizeof a->model);
    memcpy(a->best, p->best, sizeof a->best);
}

static void take_up(pcl_target *p, size_t i) {
    const pcl_target_aside *a = &p->aside[i];
    p->ihand = i;
    p->plane = a->plane;
    p->user_mask = a->user_mask;
    p->search = a->search;
    p->valid = a->valid;
    p->quiet = a->quiet;
    p->clips = a->clips;
    p->is_dirty = a->is_dirty;
    p->automask = a->automask;
    p->density = a->density;
    p->density_pol = a->density_pol;
    memcpy(p->psf, a->psf, sizeof a->psf);
    memcpy(p->residual, a->residual, sizeof a->residual);
    memcpy(p->model, a->model, sizeof a->model);
    memcpy(p->best, a->best, sizeof a->best);
}

void pcl_target_select(pcl_target *p, size_t ipol) {
    if (p->npol == 1 || ipol == p->ihand)
        return;
    lay_aside(p);
    take_up(p, ipol);
    p->restored = NULL;
}

/* ---- lent memory ---- */

static pcl_lent lend(pcl_target *p, int which) {
    if (which == 0)
        p->restored = NULL;
    return p->gridder->lend(p->gridder_self, which);
}

float *pcl_target_borrow_plane(pcl_target *p) {
    return lend(p, 0).at;
}

bool *pcl_target_borrow_mask(pcl_target *p) {
    return (bool *)(void *)lend(p, 1).at;
}

/* ---- set-up ---- */

double pcl_target_good_cell(double reach_lambda) {
    return reach_lambda > 0 ? 1 / (3 * reach_lambda) : 0;
}

double pcl_target_wmax(double w_m, size_t nchan, const double *freq_hz) {
    double highest = 0;
    for (size_t c = 0; c < nchan; c++)
        highest = fmax(highest, freq_hz[c]);
    return w_m * highest / 299792458.0 * (1 + 1e-9);
}

static double largest_w(const pcl_setup *s, const pcl_store *vis) {
    double most = 0;
    if (s->part && s->config->part_wmax_lambda > 0)
        return s->config->part_wmax_lambda;
    for (size_t k = 0; k < vis->nblock; k++) {
        const pcl_block *b = &vis->block[k];
        most = fmax(most, pcl_target_wmax(b->wmax_m, b->nchan, b->freq_hz));
    }
    return most;
}

/* |w| that the gridder must reach, wavelengths: 0 where w is to be ignored, or where all it does
 * over the whole field stays below the accuracy. */
static double wmax_to_correct(const pcl_setup *s, const pcl_store *vis) {
    const pclean_config *c = s->config;
    if (!s->params.gridder->corrects_w)
        return 0;
    const double wmax = largest_w(s, vis), l = 0.5 * c->imsize[0] * c->cell_rad[0],
                 m = 0.5 * c->imsize[1] * c->cell_rad[1];
    const double r2 = fmin(1, l * l + m * m), turns = wmax * r2 / (1 + sqrt(1 - r2));
    return 2 * M_PI * turns < 0.1 * c->accuracy ? 0 : wmax;
}

/* What is allocated; pcl_target_init and pcl_target_count read it alike. */
typedef struct shape {
    size_t npixel, npol, nterm, npsf;
    const pcl_gridder_type *gridder;
    pcl_gridder_params gridding;
    unsigned want;     /* of the sampler, in all walks together */
    size_t npredicted; /* model visibilities kept */
    size_t nslice;
    pcl_weighing_size density;
    bool user_mask, valid, quiet, best, automask;
} shape;

static shape shape_of(const pcl_setup *s, const pcl_target_samples *samples,
                      const pcl_target_options *options) {
    const pclean_config *c = s->config;
    const pcl_params *p = &s->params;
    const pcl_gridder_type *gridder = samples->wmax_lambda > 0 ? p->gridder : &pcl_gridder_flat;
    return (shape){
        .npixel = s->desc.nx * s->desc.ny,
        .npol = pcl_target_npol(s),
        .nterm = p->nterm,
        .npsf = 2 * p->nterm - 1,
        .gridder = gridder,
        .gridding = {.grid = {.nx = s->desc.nx,
                              .ny = s->desc.ny,
                              .cellx_rad = c->cell_rad[0],
                              .celly_rad = c->cell_rad[1],
                              .accuracy = c->accuracy,
                              .nvis = samples->per_plane,
                              .wmax_lambda = samples->wmax_lambda,
                              .kernel = -1},
                     .nbatch = samples->nbatch,
                     .model = p->model,
                     .model_at_first = p->model_at_first},
        .want = pcl_major_wants(1, gridder, p->model, p->density || p->radial, &p->taper) |
                (p->density ? PCL_SAMPLER_FRAME : 0u),
        .npredicted = p->model && pcl_major_predicts(1, gridder) ? samples->nid : 0,
        .nslice = pcl_slices_count(&p->slicing, samples->per_plane, s->desc.nx * s->desc.ny),
        .density = pcl_weighing_size_of(s),
        .user_mask = options->user_mask,
        .valid = options->user_mask || c->usemask == PCLEAN_USEMASK_PB || p->finds_mask,
        .quiet = c->niter > 0 && c->nsigma > 0 && !p->finds_mask,
        .best = c->niter > 0 && c->nretry > 0,
        .automask = p->finds_mask};
}

/* Floats of the largest sum over slices: a set of grids, or a density. */
static size_t floats_summed(const shape *h, const pcl_gridder_bytes *gridder) {
    const size_t n = gridder->summed / sizeof(float);
    return h->density.ncell > n ? h->density.ncell : n;
}

static int allocate_masks(pcl_target_masks *m, size_t n, pclean_err *err) {
    int rc = PCL_NEW(&m->region, n, "region of the mask", err);
    if (!rc && !(rc = PCL_NEW(&m->positive, n, "positive mask", err)))
        rc = PCL_NEW(&m->last, n, "mask used last", err);
    return rc;
}

static int allocate_plane(pcl_target *p, const shape *h, pclean_err *err) {
    const size_t n = h->npixel;
    p->density_pol = SIZE_MAX;
    int rc = pcl_weighing_init(p->setup, &p->density, err);
    if (!rc)
        rc = PCL_NEW(&p->search, n, "search mask", err);
    if (!rc && h->user_mask)
        rc = PCL_NEW(&p->user_mask, n, "user mask", err);
    if (!rc && h->valid)
        rc = PCL_NEW(&p->valid, n, "mask of the primary beam", err);
    if (!rc && h->quiet)
        rc = PCL_NEW(&p->quiet, n, "mask of the noise", err);
    for (size_t t = 0; !rc && h->best && t < h->nterm; t++)
        rc = PCL_NEW(&p->best[t], n, "best model", err);
    if (!rc && h->automask)
        rc = allocate_masks(&p->automask, n, err);
    for (size_t t = 0; !rc && t < h->npsf; t++)
        rc = PCL_NEW(&p->psf[t], n, "PSF plane", err);
    for (size_t t = 0; !rc && t < h->nterm; t++)
        if (!(rc = PCL_NEW(&p->residual[t], n, "residual plane", err)))
            rc = PCL_NEW(&p->model[t], n, "model plane", err);
    return rc;
}

static int allocate(pcl_target *p, const shape *h, pclean_err *err) {
    int rc =
        h->npredicted ? PCL_NEW(&p->predicted, 2 * h->npredicted, "model visibilities", err) : 0;
    for (size_t i = h->npol; !rc && i-- > 0;) { /* the first is at hand in the end */
        pcl_target_select(p, i);
        rc = allocate_plane(p, h, err);
    }
    return rc;
}

int pcl_target_init(pcl_target *p, const pcl_setup *setup, const pcl_store *vis,
                    const pcl_target_options *options, pclean_err *err) {
    *p = (pcl_target){.setup = setup,
                      .vis = vis,
                      .nx = setup->desc.nx,
                      .ny = setup->desc.ny,
                      .npol = pcl_target_npol(setup),
                      .nterm = setup->params.nterm,
                      .gain_factor = 1};
    if (options)
        p->options = *options;
    int rc = pcl_sampler_init(&p->sampler, vis, &setup->channels, err);
    if (rc)
        return rc;
    const pcl_target_samples samples = {.per_plane = setup->samples_per_plane,
                                        .nbatch = p->sampler.nmax,
                                        .nid = pcl_sampler_nid(&p->sampler),
                                        .wmax_lambda = wmax_to_correct(setup, vis)};
    const shape h = shape_of(setup, &samples, &p->options);
    pcl_gridder_bytes gridder;
    p->gridder = h.gridder;
    if ((rc = h.gridder->count(&h.gridding, 1, &gridder, err)) ||
        (rc = pcl_slices_init(&p->slices, h.nslice, floats_summed(&h, &gridder), &p->options.share,
                              err)) ||
        (rc = h.gridder->make(&h.gridding, &p->gridder_self, err)) || (rc = allocate(p, &h, err)))
        pcl_target_clear(p);
    return rc;
}

static uint64_t count_minor(const pcl_setup *s, const shape *h, const pcl_gridder_bytes *gridder,
                            size_t nthread);
static uint64_t count_restoring(const pcl_setup *s, size_t nthread);

/* Of one plane. */
static uint64_t masks_held(const shape *h) {
    return 1 + (uint64_t)h->user_mask + h->valid + h->quiet + (h->automask ? 3 : 0);
}

int pcl_target_count(const pcl_setup *s, const pcl_target_samples *samples,
                     const pcl_target_options *options, size_t nthread, pcl_target_bytes *out,
                     pclean_err *err) {
    const shape h = shape_of(s, samples, options);
    const uint64_t n = h.npol * h.npixel,
                   each = pcl_sampler_bytes(0, h.want) / pcl_sampler_batch(0);
    pcl_gridder_bytes gridder;
    *out = (pcl_target_bytes){0};
    int rc = h.gridder->count(&h.gridding, nthread, &gridder, err);
    if (rc)
        return rc;
    *out = (pcl_target_bytes){.grids = gridder.grids,
                              .gridder = gridder.tables + gridder.batch,
                              .batch = samples->nbatch * each,
                              .planes = (h.npsf + (h.best ? 3 : 2) * h.nterm) * n * sizeof(float),
                              .masks = masks_held(&h) * n * sizeof(bool),
                              .density = h.npol * h.density.bytes,
                              .predicted = 2 * sizeof(float) * (uint64_t)h.npredicted,
                              .sums = pcl_sum_bytes(h.nslice, floats_summed(&h, &gridder)),
                              .fft = gridder.fft,
                              .minor = count_minor(s, &h, &gridder, nthread),
                              .restore = count_restoring(s, nthread)};
    return 0;
}

uint64_t pcl_target_bytes_held(const pcl_target_bytes *b) {
    return b->grids + b->gridder + b->batch + b->planes + b->masks + b->density + b->predicted +
           b->sums;
}

static void free_plane(pcl_target *p) {
    pcl_density_clear(&p->density);
    for (size_t t = 0; t < PCL_TARGET_NPSF; t++)
        pcl_free(p->psf[t]);
    for (size_t t = 0; t < PCL_TARGET_NTERM; t++) {
        pcl_free(p->residual[t]);
        pcl_free(p->model[t]);
        pcl_free(p->best[t]);
    }
    pcl_free(p->user_mask);
    pcl_free(p->search);
    pcl_free(p->valid);
    pcl_free(p->quiet);
    pcl_free(p->automask.region);
    pcl_free(p->automask.positive);
    pcl_free(p->automask.last);
}

void pcl_target_clear(pcl_target *p) {
    if (p->gridder)
        p->gridder->free(p->gridder_self);
    pcl_sampler_clear(&p->sampler);
    pcl_slices_clear(&p->slices);
    pcl_free(p->predicted);
    for (size_t i = 0; i < p->npol; i++) {
        pcl_target_select(p, i);
        free_plane(p);
    }
    *p = (pcl_target){0};
}

int pcl_target_primary_beam(const pcl_setup *s, double freq_hz, float *pb, const char **name,
                            bool *known, pclean_err *err) {
    pcl_primary_beam beam;
    int rc = pcl_primary_beam_init(s, freq_hz, &beam, err);
    if (!rc) {
        pcl_primary_beam_rows(&beam, 0, s->desc.ny, pb);
        *name = beam.model.name;
        if (known)
            *known = beam.model.known;
    }
    pcl_primary_beam_clear(&beam);
    return rc;
}

int pcl_target_fill_pb(const pcl_target *p, float *pb, pclean_err *err) {
    const char *name;
    return pcl_target_primary_beam(
        p->setup, pcl_channels_centre(&p->setup->channels, p->plane.ichan), pb, &name, NULL, err);
}

/* Where the noise for nsigma is measured: above pbmask, whatever usemask is. */
static void find_quiet(pcl_target *p, const float *pb) {
    const float limit = (float)p->setup->config->pbmask;
    const size_t n = npixel(p);
    size_t nquiet = 0, nmask = 0, noutside = 0;
    for (size_t i = 0; i < n; i++)
        nquiet += p->quiet[i] = pb[i] > limit;
    for (size_t i = 0; i < n; i++) {
        p->quiet[i] |= nquiet == 0; /* a primary beam that is 0 everywhere */
        nmask += p->user_mask && p->user_mask[i];
        noutside += p->quiet[i] && p->user_mask && !p->user_mask[i];
    }
    p->clips = nmask == 0 || noutside == 0;
}

/* An automatic mask before its first update: what an earlier run has left, or empty. */
static void begin_mask(pcl_target *p) {
    for (size_t i = 0; i < npixel(p); i++)
        p->search[i] = p->user_mask && (p->user_mask[i] & p->automask.region[i]);
    memset(p->automask.positive, 0, npixel(p) * sizeof *p->automask.positive);
    memcpy(p->automask.last, p->search, npixel(p) * sizeof *p->search);
    p->plane.nmask = 0;
    p->plane.automask = (pcl_automask_result){0};
    p->plane.settled = false;
    p->plane.nsigma_jy = 0;
}

/* CLEAN looks where the primary beam exceeds pbmask, not pblimit. */
static bool limits_by_pbmask(const pcl_setup *s) {
    return s->config->usemask == PCLEAN_USEMASK_PB ||
           (s->params.finds_mask && s->config->pbmask > 0);
}

int pcl_target_begin(pcl_target *p, size_t ichan, size_t ipol, pclean_err *err) {
    const pcl_setup *s = p->setup;
    const pclean_config *c = s->config;
    pcl_target_select(p, ipol);
    p->plane.ichan = ichan;
    p->plane.ipol = ipol;
    float *pb = pcl_target_borrow_plane(p);
    int rc = pcl_target_fill_pb(p, pb, err);
    if (rc)
        return rc;
    /* pb is 0 at and below pblimit */
    const bool use_pb = c->pblimit > 0 || limits_by_pbmask(s);
    const float limit = limits_by_pbmask(s) ? (float)c->pbmask : 0;
    bool *where = p->automask.region ? p->automask.region : p->search;
    p->gain_factor = 1;
    if (p->quiet)
        find_quiet(p, pb);
    for (size_t i = 0; p->valid && i < npixel(p); i++)
        p->valid[i] = !(c->pblimit > 0) || pb[i] > 0;
    for (size_t i = 0; i < npixel(p); i++)
        where[i] = (!use_pb) | (pb[i] > limit);
    if (p->automask.region)
        begin_mask(p);
    else
        for (size_t i = 0; p->user_mask && i < npixel(p); i++)
            p->search[i] = p->search[i] & p->user_mask[i];
    p->plane.nsearch = 0; /* an automatic mask may be anywhere in its region */
    for (size_t i = 0; i < npixel(p); i++)
        p->plane.nsearch += where[i];
    return 0;
}

/* ---- weights ---- */

/* A common density needs all data once, so it is made when the first plane of a Stokes parameter
 * asks for it. */
static int make_density(pcl_target *p, pclean_err *err) {
    const pcl_setup *s = p->setup;
    const bool common = s->params.common_density;
    if (!p->density.sum || (common && p->density_pol == p->plane.ipol))
        return 0;
    p->density_pol = SIZE_MAX;
    int rc = common && s->part && *s->config->part_density
                 ? pcl_weighing_load(s, s->config->part_density, p->plane.ipol, &p->density, err)
                 : pcl_weighing_count(s, &p->sampler, &p->slices, p->plane.ichan, p->plane.ipol,
                                      &p->density, err);
    if (!rc)
        p->density_pol = p->plane.ipol;
    return rc;
}

/* ---- major cycle ---- */

static bool any_model(const pcl_target *p) {
    for (size_t t = 0; t < p->nterm; t++)
        for (size_t i = 0; i < npixel(p); i++)
            if (p->model[t][i] != 0)
                return true;
    return false;
}

static int run_major(pcl_target *p, bool with_psf, pclean_err *err) {
    pcl_major_image image = {.gridder = p->gridder,
                             .gridder_self = p->gridder_self,
                             .sampler = &p->sampler,
                             .ichan = p->plane.ichan,
                             .ipol = p->plane.ipol,
                             .density = &p->density,
                             .radial = p->setup->params.radial,
                             .taper = &p->setup->params.taper,
                             .cellx_rad = p->setup->config->cell_rad[0],
                             .images = {p->nterm, p->residual, with_psf ? p->psf : NULL,
                                        any_model(p) ? (const float *const *)p->model : NULL},
                             .count = {.sumwt = p->plane.sumwt},
                             .umax_lambda = p->plane.umax_lambda,
                             .vmax_lambda = p->plane.vmax_lambda};
    if (!with_psf && !(p->plane.sumwt > 0)) { /* a blank plane, cleaned together with others */
        for (size_t t = 0; t < p->nterm; t++)
            memset(p->residual[t], 0, npixel(p) * sizeof **p->residual);
        return 0;
    }
    p->restored = NULL; /* the grids are needed */
    const pcl_major_means means = {.predicted = p->predicted,
                                   .slices = &p->slices,
                                   .stop = p->options.stop_requested,
                                   .user = p->options.stop_user};
    int rc = pcl_major_cycle(1, &image, &means, err);
    if (rc || !with_psf)
        return rc;
    p->plane.sumwt = image.count.sumwt > 0 ? image.count.sumwt : 0;
    p->plane.nvis = p->plane.sumwt > 0 ? image.count.used : 0;
    p->plane.noutside = image.count.outside;
    p->plane.umax_lambda = image.umax_lambda;
    p->plane.vmax_lambda = image.vmax_lambda;
    return 0;
}

static int measure_psf(pcl_target *p, pclean_err *err) {
    const pclean_config *c = p->setup->config;
    const pcl_raster raster = {p->nx, p->ny, c->cell_rad[0], c->cell_rad[1]};
    p->plane.has_beam = false;
    p->plane.beam = (pcl_beam){0};
    p->plane.sidelobe = 0;
    pclean_err why = {0};
    if (pcl_beam_fit(p->psf[0], &raster, c->psfcutoff, &p->plane.beam, &why)) {
        if (why.code == PCLEAN_ENOMEM) {
            if (err)
                *err = why;
            return -why.code;
        }
        return 0; /* no main lobe to fit: the run names the plane */
    }
    p->plane.has_beam = true;
    p->plane.sidelobe = pcl_beam_sidelobe(p->psf[0], &raster, &p->plane.beam);
    if (p->setup->params.common_beam)
        p->plane.beam = pcl_commonbeam_round(&p->plane.beam);
    return 0;
}

int pcl_target_dirty(pcl_target *p, pclean_err *err) {
    p->plane.umax_lambda = p->plane.vmax_lambda = 0;
    p->plane.has_beam = false;
    p->plane.beam = (pcl_beam){0}; /* that of the plane before, where this one has no data */
    p->plane.sidelobe = 0;
    int rc;
    p->is_dirty = true;
    if ((rc = make_density(p, err)) || (rc = run_major(p, true, err)))
        return rc;
    return p->plane.sumwt > 0 ? measure_psf(p, err) : 0;
}

void pcl_target_forget_weights(pcl_target *p) {
    p->density_pol = SIZE_MAX;
    for (size_t i = 0; i < p->npol; i++)
        p->aside[i].density_pol = SIZE_MAX;
}

int pcl_target_reweigh(pcl_target *p, pclean_err *err) {
    return make_density(p, err);
}

int pcl_target_major(pcl_target *p, pclean_err *err) {
    p->is_dirty = false;
    return run_major(p, false, err);
}

/* ---- minor cycle and the end ---- */

/* The arrays of all planes that are held, as a deconvolver takes them. */
typedef struct held_planes {
    float *residual[PCL_TARGET_NPOL * PCL_TARGET_NTERM], *model[PCL_TARGET_NPOL * PCL_TARGET_NTERM];
    const float *psf[PCL_TARGET_NPOL * PCL_TARGET_NPSF];
    const bool *mask[PCL_TARGET_NPOL];
    bool polarized[PCL_TARGET_NPOL];
    double lobe; /* pixels; the widest */
} held_planes;

static void list_held(pcl_target *p, held_planes *h) {
    const size_t ihand = p->ihand, npsf = 2 * p->nterm - 1;
    for (size_t i = 0; i < p->npol; i++) {
        pcl_target_select(p, i);
        for (size_t t = 0; t < p->nterm; t++) {
            h->residual[i * p->nterm + t] = p->residual[t];
            h->model[i * p->nterm + t] = p->model[t];
        }
        for (size_t t = 0; t < npsf; t++)
            h->psf[i * npsf + t] = p->psf[t];
        h->mask[i] = p->plane.nsearch == npixel(p) ? NULL : p->search;
        h->polarized[i] = pcl_stokes_is_polarized(p->setup->stokes.code[p->plane.ipol]);
        h->lobe = fmax(h->lobe, p->plane.beam.major_rad / p->setup->config->cell_rad[0]);
    }
    pcl_target_select(p, ihand);
}

int pcl_target_minor(pcl_target *p, double threshold_jy, int cycleniter, int *niter,
                     pclean_err *err) {
    const pclean_config *c = p->setup->config;
    const pcl_deconvolver *deconvolver = p->setup->params.deconvolver;
    held_planes held = {.lobe = 0};
    list_held(p, &held);
    pcl_clean_params params = {.gain = (float)(p->gain_factor * c->gain),
                               .threshold = (float)threshold_jy,
                               .cycleniter = (size_t)cycleniter,
                               .keep = c->fullsummary && p->valid && deconvolver->keeps,
                               .lobe = held.lobe,
                               .stop = p->options.stop_requested,
                               .stop_user = p->options.stop_user};
    pcl_clean_result result;
    for (int i = 0; i < 2; i++)
        params.spare[i] = lend(p, i);
    const pcl_clean_planes planes = {.nx = p->nx,
                                     .ny = p->ny,
                                     .npol = p->npol,
                                     .nterm = p->nterm,
                                     .residual = held.residual,
                                     .model = held.model,
                                     .psf = held.psf,
                                     .mask = held.mask,
                                     .polarized = held.polarized};
    int rc = deconvolver->clean(&planes, &params, &result, err);
    *niter = (int)result.niter;
    p->cycle = (pcl_target_cycle){result.stop, (double)result.peak,
                                  p->valid ? (double)NAN : (double)result.peak};
    if (!rc && params.keep)
        p->cycle.peak_nomask = (double)pcl_stats_peak(p->residual[0], p->valid, npixel(p));
    return rc;
}

/* Radius in which CLEAN looks, rad: the primary beam's at the lowest frequency. */
static double search_radius(const pcl_setup *s) {
    const pclean_config *c = s->config;
    const double limit = limits_by_pbmask(s) ? fmax(c->pbmask, fabs(c->pblimit)) : c->pblimit;
    const double first = pcl_channels_centre(&s->channels, 0),
                 last = pcl_channels_centre(&s->channels, s->channels.nchan - 1);
    pcl_pb pb;
    if (!(limit > 0) || pcl_pb_init(&pb, s->desc.telescope, s->dish_diameter_m,
                                    s->channels.first_hz, fmin(first, last), NULL))
        return INFINITY;
    const double corner =
        hypot((double)s->desc.nx * c->cell_rad[0], (double)s->desc.ny * c->cell_rad[1]);
    double reach = 0; /* a sidelobe of the beam may exceed a small limit: the last radius that
                       * does */
    for (int i = 0; i <= 1000; i++)
        if ((double)pcl_pb_at(&pb, corner * i / 1000) > limit)
            reach = corner * (i + 1) / 1000;
    return reach;
}

/* Components of one minor cycle. A minor cycle goes down to a fraction of its peak, which takes
 * thousands, not niter. */
static size_t likely_components(const pclean_config *c) {
    const size_t most = 100000;
    const size_t n =
        (size_t)(c->cycleniter > 0 && c->cycleniter < c->niter ? c->cycleniter : c->niter);
    return n < most ? n : most;
}

/* The beam is not known yet: four pixels across. */
static uint64_t count_masking(const pcl_setup *s, size_t nthread) {
    const pcl_raster raster = {s->desc.nx, s->desc.ny, s->config->cell_rad[0],
                               s->config->cell_rad[1]};
    const double across = 4 * fmax(raster.cellx_rad, raster.celly_rad);
    return s->params.finds_mask ? pcl_automask_bytes(&s->params.automask, &raster,
                                                     &(pcl_beam){across, across, 0}, nthread)
                                : 0;
}

static uint64_t count_minor(const pcl_setup *s, const shape *h, const pcl_gridder_bytes *gridder,
                            size_t nthread) {
    const pclean_config *c = s->config;
    if (c->niter == 0)
        return 0;
    const bool keeps = c->fullsummary && h->valid; /* every pixel then */
    const double radius = keeps ? INFINITY : search_radius(s);
    double away[2];
    pcl_primary_beam_reach(s, away);
    const pcl_clean_extent extent = {.nx = s->desc.nx,
                                     .ny = s->desc.ny,
                                     .npol = h->npol,
                                     .nterm = h->nterm,
                                     .half_x = radius / c->cell_rad[0] + away[0],
                                     .half_y = radius / c->cell_rad[1] + away[1],
                                     .any_mask = h->user_mask || h->automask,
                                     .ncomponent = likely_components(c),
                                     .nthread = nthread};
    pcl_clean_params params = {0};
    for (int i = 0; i < 2; i++)
        params.spare[i].n = gridder->lent[i] / sizeof(float);
    const uint64_t cleaning = s->params.deconvolver->bytes(&extent, &params),
                   masking = count_masking(s, nthread);
    return cleaning > masking ? cleaning : masking;
}

/* tclean's rule: fastnoise takes all pixels; otherwise those outside the mask count, or, without a
 * mask and before the first cycle, those that are no outliers. */
static double measure_noise(pcl_target *p) {
    const size_t n = npixel(p);
    int32_t *work = (int32_t *)(void *)pcl_target_borrow_plane(p);
    const bool *mask = p->quiet;
    if (!p->setup->config->fastnoise) {
        bool *chosen = pcl_target_borrow_mask(p);
        const bool clips = p->clips || p->is_dirty;
        for (size_t i = 0; i < n; i++)
            chosen[i] = p->quiet[i] && (clips || !p->user_mask[i]);
        if (clips)
            pcl_noise_clip(p->residual[0], chosen, n);
        mask = chosen;
    }
    return pcl_stats_mad_rms_in(p->residual[0], mask, n, work, NULL);
}

void pcl_target_measure(pcl_target *p) {
    const size_t n = npixel(p);
    const bool no_mask_yet = p->automask.region && p->plane.nmask == 0;
    p->plane.peak =
        (double)pcl_stats_peak(p->residual[0], no_mask_yet ? p->automask.region : p->search, n);
    p->plane.peak_nomask =
        p->valid ? (double)pcl_stats_peak(p->residual[0], p->valid, n) : p->plane.peak;
    p->plane.rms =
        pcl_stats_mad_rms(p->residual[0], n, (int32_t *)(void *)pcl_target_borrow_plane(p), NULL);
    if (!p->automask.region)
        p->plane.nsigma_jy = p->quiet ? p->setup->config->nsigma * measure_noise(p) : 0;
    p->plane.model_flux = pcl_stats_sum(p->model[0], n);
    p->plane.finite = p->setup->stokes.sumwt_factor * p->plane.sumwt <= (double)FLT_MAX &&
                      pcl_stats_all_finite(p->residual[0], n) &&
                      pcl_stats_all_finite(p->psf[0], n) && pcl_stats_all_finite(p->model[0], n);
}

int pcl_target_restore(pcl_target *p, const pcl_beam *beam, pclean_err *err) {
    const pclean_config *c = p->setup->config;
    float *image = pcl_target_borrow_plane(p);
    if (!(beam->major_rad > 0)) {
        memcpy(image, p->residual[0], npixel(p) * sizeof *image);
        p->restored = image;
        return 0;
    }
    pcl_restore_params r;
    pcl_restore_params_init(&r);
    r.beam = *beam;
    r.own = p->plane.beam; /* zero where none could be fitted */
    r.cellx_rad = c->cell_rad[0];
    r.celly_rad = c->cell_rad[1];
    int rc = pcl_restore(p->model[0], p->residual[0], p->nx, p->ny, &r, image, err);
    if (!rc)
        p->restored = image;
    return rc;
}

/* The beam is not known yet: four pixels across, as the cell should be chosen, or what the user
 * asks for. */
static uint64_t count_restoring(const pcl_setup *s, size_t nthread) {
    const pclean_config *c = s->config;
    /* to which the residual is brought: all its pixels are convolved */
    const double wanted = s->params.restoring_beam.major_rad;
    const bool given = wanted > 0 || s->params.common_beam;
    if (!c->restoration || (!s->params.model && !given) || pcl_params_restores_later(c))
        return 0;
    const double major = wanted > 0 ? wanted : 4 * fmax(c->cell_rad[0], c->cell_rad[1]);
    pcl_restore_params r;
    pcl_restore_params_init(&r);
    r.beam = (pcl_beam){major, major, 0};
    r.cellx_rad = c->cell_rad[0];
    r.celly_rad = c->cell_rad[1];
    const size_t ncomponent = given || s->params.model_at_first ? SIZE_MAX : (size_t)c->niter;
    return pcl_restore_likely_bytes(s->desc.nx, s->desc.ny, &r, ncomponent, nthread);
}

int pcl_target_correct_pb(pcl_target *p, pclean_err *err) {
    const pcl_setup *s = p->setup;
    float *row = lend(p, 1).at;
    pcl_primary_beam beam;
    int rc =
        pcl_primary_beam_init(s, pcl_channels_centre(&s->channels, p->plane.ichan), &beam, err);
    for (size_t y = 0; !rc && y < p->ny; y++) {
        float *image = p->restored + y * p->nx;
        pcl_primary_beam_rows(&beam, y, 1, row);
        pcl_restore_pbcor(image, row, p->nx, (float)s->config->pblimit, image);
    }
    pcl_primary_beam_clear(&beam);
    return rc;
}
