#include "imager/target.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "core/pb.h"
#include "core/restore.h"
#include "core/stats.h"
#include "imager/weighing.h"

static size_t npixel(const pcl_target *p) {
    return p->nx * p->ny;
}

/* ---- set-up ---- */

static int allocate(pcl_target *p, pclean_err *err) {
    const size_t n = npixel(p);
    size_t nlent;
    int rc = PCL_NEW(&p->search, n, "search mask", err);
    for (size_t t = 0; !rc && t < 2 * p->nterm - 1; t++)
        rc = PCL_NEW(&p->psf[t], n, "PSF plane", err);
    for (size_t t = 0; !rc && t < p->nterm; t++)
        if (!(rc = PCL_NEW(&p->residual[t], n, "residual plane", err)))
            rc = PCL_NEW(&p->model[t], n, "model plane", err);
    if (!rc && p->setup->params.model && pcl_major_predicts(1, p->gridder))
        rc = PCL_NEW(&p->predicted, 2 * pcl_sampler_nid(&p->sampler), "model visibilities", err);
    p->work = p->gridder->lend(p->gridder_self, 0, &nlent);
    p->work_mask = (bool *)p->gridder->lend(p->gridder_self, 1, &nlent);
    return rc;
}

static double largest_w(const pcl_setup *s, const pcl_vis *vis) {
    double most = 0;
    if (s->part && s->config->part_wmax_lambda > 0)
        return s->config->part_wmax_lambda;
    for (size_t k = 0; k < vis->nblock; k++) {
        const pcl_vis_block *b = &vis->block[k];
        most = fmax(most, pcl_target_wmax(b->wmax_m, b->nchan, b->freq_hz));
    }
    return most;
}

double pcl_target_good_cell(double reach_lambda) {
    return reach_lambda > 0 ? 1 / (3 * reach_lambda) : 0;
}

double pcl_target_wmax(double w_m, size_t nchan, const double *freq_hz) {
    double highest = 0;
    for (size_t c = 0; c < nchan; c++)
        highest = fmax(highest, freq_hz[c]);
    return w_m * highest / 299792458.0 * (1 + 1e-9);
}

/* |w| that the gridder must reach, wavelengths: 0 where w is to be ignored, or where all it does
 * over the whole field stays below the accuracy. */
static double wmax_to_correct(const pcl_setup *s, const pcl_vis *vis) {
    const pclean_config *c = s->config;
    if (!s->params.gridder->corrects_w)
        return 0;
    const double wmax = largest_w(s, vis), l = 0.5 * c->imsize[0] * c->cell_rad[0],
                 m = 0.5 * c->imsize[1] * c->cell_rad[1];
    const double r2 = fmin(1, l * l + m * m), turns = wmax * r2 / (1 + sqrt(1 - r2));
    return 2 * M_PI * turns < 0.1 * c->accuracy ? 0 : wmax;
}

pcl_gridder_params pcl_target_gridder_params(const pcl_setup *s, double nvis, double wmax_lambda,
                                             size_t nbatch) {
    const pclean_config *c = s->config;
    return (pcl_gridder_params){.grid = {.nx = s->desc.nx,
                                         .ny = s->desc.ny,
                                         .cellx_rad = c->cell_rad[0],
                                         .celly_rad = c->cell_rad[1],
                                         .accuracy = c->accuracy,
                                         .nvis = nvis,
                                         .wmax_lambda = wmax_lambda,
                                         .kernel = -1},
                                .nbatch = nbatch,
                                .model = s->params.model,
                                .model_at_first = s->params.model_at_first};
}

static int make_gridder(pcl_target *p, pclean_err *err) {
    const double wmax = wmax_to_correct(p->setup, p->vis);
    const pcl_gridder_params params =
        pcl_target_gridder_params(p->setup, p->setup->samples_per_plane, wmax, p->sampler.nmax);
    p->gridder = wmax > 0 ? p->setup->params.gridder : &pcl_gridder_flat;
    return p->gridder->make(&params, &p->gridder_self, err);
}

int pcl_target_init(pcl_target *p, const pcl_setup *setup, const pcl_vis *vis, pclean_err *err) {
    const pclean_config *c = setup->config;
    *p = (pcl_target){.setup = setup,
                      .vis = vis,
                      .nx = (size_t)c->imsize[0],
                      .ny = (size_t)c->imsize[1],
                      .nterm = setup->params.nterm,
                      .density_pol = SIZE_MAX};
    int rc;
    if ((rc = pcl_sampler_init(&p->sampler, vis, &setup->channels, err)) ||
        (rc = make_gridder(p, err)) || (rc = pcl_weighing_init(setup, &p->density, err)) ||
        (rc = allocate(p, err)))
        pcl_target_clear(p);
    return rc;
}

void pcl_target_clear(pcl_target *p) {
    if (p->gridder)
        p->gridder->free(p->gridder_self);
    pcl_sampler_clear(&p->sampler);
    pcl_density_clear(&p->density);
    pcl_free(p->predicted);
    for (size_t t = 0; t < PCL_TARGET_NPSF; t++)
        pcl_free(p->psf[t]);
    for (size_t t = 0; t < PCL_TARGET_NTERM; t++) {
        pcl_free(p->residual[t]);
        pcl_free(p->model[t]);
    }
    pcl_free(p->user_mask);
    pcl_free(p->search);
    *p = (pcl_target){0};
}

int pcl_target_primary_beam(const pcl_setup *s, double freq_hz, float *pb, const char **name,
                            bool *known, pclean_err *err) {
    const pclean_config *c = s->config;
    pcl_pb model;
    int rc = pcl_pb_init(&model, s->desc.telescope, s->dish_diameter_m, s->channels.first_hz,
                         freq_hz, err);
    if (rc)
        return rc;
    const pcl_raster raster = {s->desc.nx, s->desc.ny, c->cell_rad[0], c->cell_rad[1]};
    pcl_pb_fill(&model, &raster, s->desc.crpix_x, s->desc.crpix_y, pb);
    pcl_pb_cut(pb, s->desc.nx * s->desc.ny, (float)c->pblimit);
    *name = model.name;
    if (known)
        *known = model.known;
    return 0;
}

int pcl_target_fill_pb(const pcl_target *p, float *pb, pclean_err *err) {
    const char *name;
    return pcl_target_primary_beam(p->setup, pcl_channels_centre(&p->setup->channels, p->ichan), pb,
                                   &name, NULL, err);
}

int pcl_target_begin(pcl_target *p, size_t ichan, size_t ipol, pclean_err *err) {
    const pcl_setup *s = p->setup;
    const pclean_config *c = s->config;
    p->ichan = ichan;
    p->ipol = ipol;
    float *pb = p->work;
    int rc = pcl_target_fill_pb(p, pb, err);
    if (rc)
        return rc;
    /* pb is 0 at and below pblimit */
    const bool use_pb = c->pblimit > 0 || c->usemask == PCLEAN_USEMASK_PB;
    const float limit = c->usemask == PCLEAN_USEMASK_PB ? (float)c->pbmask : 0;
    p->nsearch = 0;
    for (size_t i = 0; i < npixel(p); i++)
        p->search[i] = (!use_pb) | (pb[i] > limit);
    for (size_t i = 0; p->user_mask && i < npixel(p); i++)
        p->search[i] = p->search[i] & p->user_mask[i];
    for (size_t i = 0; i < npixel(p); i++)
        p->nsearch += p->search[i];
    return 0;
}

/* ---- weights ---- */

/* A common density needs all data once, so it is made when the first plane of a Stokes parameter
 * asks for it. */
static int make_density(pcl_target *p, pclean_err *err) {
    const pcl_setup *s = p->setup;
    const bool common = s->params.common_density;
    if (!p->density.sum || (common && p->density_pol == p->ipol))
        return 0;
    p->density_pol = SIZE_MAX;
    int rc = common && s->part && *s->config->part_density
                 ? pcl_weighing_load(s, s->config->part_density, p->ipol, &p->density, err)
                 : pcl_weighing_count(s, &p->sampler, p->ichan, p->ipol, &p->density, err);
    if (!rc)
        p->density_pol = p->ipol;
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
                             .ichan = p->ichan,
                             .ipol = p->ipol,
                             .density = &p->density,
                             .taper = &p->setup->params.taper,
                             .cellx_rad = p->setup->config->cell_rad[0],
                             .images = {p->nterm, p->residual, with_psf ? p->psf : NULL,
                                        any_model(p) ? (const float *const *)p->model : NULL},
                             .count = {.sumwt = p->sumwt},
                             .umax_lambda = p->umax_lambda,
                             .vmax_lambda = p->vmax_lambda};
    if (!with_psf && !(p->sumwt > 0))
        return 0;
    int rc = pcl_major_cycle(1, &image, p->predicted, p->stop_requested, p->stop_user, err);
    if (rc || !with_psf)
        return rc;
    p->sumwt = image.count.sumwt > 0 ? image.count.sumwt : 0;
    p->nvis = p->sumwt > 0 ? image.count.used : 0;
    p->noutside = image.count.outside;
    p->umax_lambda = image.umax_lambda;
    p->vmax_lambda = image.vmax_lambda;
    return 0;
}

static int measure_psf(pcl_target *p, pclean_err *err) {
    const pclean_config *c = p->setup->config;
    const pcl_raster raster = {p->nx, p->ny, c->cell_rad[0], c->cell_rad[1]};
    p->has_beam = false;
    p->beam = (pcl_beam){0};
    p->sidelobe = 0;
    pclean_err why = {0};
    if (pcl_beam_fit(p->psf[0], &raster, c->psfcutoff, &p->beam, &why)) {
        if (why.code == PCLEAN_ENOMEM) {
            if (err)
                *err = why;
            return -why.code;
        }
        return 0; /* no main lobe to fit: the run names the plane */
    }
    p->has_beam = true;
    p->sidelobe = pcl_beam_sidelobe(p->psf[0], &raster, &p->beam);
    return 0;
}

int pcl_target_dirty(pcl_target *p, pclean_err *err) {
    p->umax_lambda = p->vmax_lambda = 0;
    p->has_beam = false;
    p->beam = (pcl_beam){0}; /* that of the plane before, where this one has no data */
    p->sidelobe = 0;
    int rc;
    if ((rc = make_density(p, err)) || (rc = run_major(p, true, err)))
        return rc;
    return p->sumwt > 0 ? measure_psf(p, err) : 0;
}

void pcl_target_forget_weights(pcl_target *p) {
    p->density_pol = SIZE_MAX;
}

int pcl_target_reweigh(pcl_target *p, pclean_err *err) {
    return make_density(p, err);
}

int pcl_target_major(pcl_target *p, pclean_err *err) {
    return run_major(p, false, err);
}

/* ---- minor cycle and the end ---- */

int pcl_target_minor(pcl_target *p, double threshold_jy, int cycleniter, int *niter,
                     pclean_err *err) {
    pcl_clean_params params = {.gain = (float)p->setup->config->gain,
                               .threshold = (float)threshold_jy,
                               .cycleniter = (size_t)cycleniter};
    pcl_clean_result result;
    for (int i = 0; i < 2; i++)
        params.spare[i].at = p->gridder->lend(p->gridder_self, i, &params.spare[i].n);
    const bool *mask = p->nsearch == npixel(p) ? NULL : p->search;
    const pcl_clean_planes planes = {.nx = p->nx,
                                     .ny = p->ny,
                                     .npol = 1,
                                     .nterm = p->nterm,
                                     .residual = p->residual,
                                     .model = p->model,
                                     .psf = (const float *const *)p->psf,
                                     .mask = &mask};
    int rc = p->setup->params.deconvolver->clean(&planes, &params, &result, err);
    *niter = (int)result.niter;
    return rc;
}

void pcl_target_measure(pcl_target *p) {
    const size_t n = npixel(p);
    p->peak = (double)pcl_stats_peak(p->residual[0], p->search, n);
    p->rms = pcl_stats_mad_rms(p->residual[0], n, (int32_t *)(void *)p->work, NULL);
    p->model_flux = pcl_stats_sum(p->model[0], n);
    p->finite = p->setup->stokes.sumwt_factor * p->sumwt <= (double)FLT_MAX &&
                pcl_stats_all_finite(p->residual[0], n) && pcl_stats_all_finite(p->psf[0], n) &&
                pcl_stats_all_finite(p->model[0], n);
}

int pcl_target_restore(pcl_target *p, const pcl_beam *beam, pclean_err *err) {
    const pclean_config *c = p->setup->config;
    if (!(beam->major_rad > 0)) {
        memcpy(p->work, p->residual[0], npixel(p) * sizeof *p->work);
        return 0;
    }
    pcl_restore_params r;
    pcl_restore_params_init(&r);
    r.beam = *beam;
    r.own = p->beam; /* zero where none could be fitted */
    r.cellx_rad = c->cell_rad[0];
    r.celly_rad = c->cell_rad[1];
    return pcl_restore(p->model[0], p->residual[0], p->nx, p->ny, &r, p->work, err);
}

int pcl_target_correct_pb(pcl_target *p, pclean_err *err) {
    const pcl_setup *s = p->setup;
    const pclean_config *c = s->config;
    float *row = (float *)(void *)p->work_mask;
    pcl_pb model;
    int rc = pcl_pb_init(&model, s->desc.telescope, s->dish_diameter_m, s->channels.first_hz,
                         pcl_channels_centre(&s->channels, p->ichan), err);
    for (size_t y = 0; !rc && y < p->ny; y++) {
        float *image = p->work + y * p->nx;
        const pcl_raster line = {p->nx, 1, c->cell_rad[0], c->cell_rad[1]};
        pcl_pb_fill(&model, &line, s->desc.crpix_x, s->desc.crpix_y - (double)y, row);
        pcl_pb_cut(row, p->nx, (float)c->pblimit);
        pcl_restore_pbcor(image, row, p->nx, (float)c->pblimit, image);
    }
    return rc;
}
