#include "imager/plane.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "core/hogbom.h"
#include "core/pb.h"
#include "core/restore.h"
#include "core/stats.h"

static size_t npixel(const pcl_plane *p) { return p->nx * p->ny; }

/* ------------------------------------------------------------------------------------------------------------ set-up */

static int parse_taper(const pclean_strlist *text, pcl_taper *out, pclean_err *err) {
    *out = (pcl_taper){0};
    if (text->n == 0 || !*text->item[0])
        return 0;
    double axis[2], pa = 0;
    bool wavelengths = false;
    for (size_t i = 0; i < 2; i++) {
        pcl_quantity q;
        int rc = pcl_quantity_parse(text->item[text->n > i ? i : 0], &q, err);
        if (rc) {
            pcl_err_prefix(err, "uvtaper: ");
            return rc;
        }
        axis[i] = q.value;
        wavelengths = q.dim == PCL_DIM_LAMBDA || q.dim == PCL_DIM_NONE; /* tclean: a bare number is in lambda */
    }
    if (text->n > 2) {
        int rc = pcl_quantity_parse_as(text->item[2], PCL_DIM_ANGLE, "deg", &pa, err);
        if (rc) {
            pcl_err_prefix(err, "uvtaper: ");
            return rc;
        }
    }
    *out = wavelengths ? pcl_taper_uv(axis[0], axis[1], pa) : pcl_taper_sky(axis[0], axis[1], pa);
    return 0;
}

static double mean_samples_per_plane(const pcl_setup *s, const pcl_vis *vis) {
    return (double)vis->nused / (double)(s->channels.nchan * s->stokes.npol);
}

static int allocate(pcl_plane *p, pclean_err *err) {
    const pclean_config *c = p->setup->config;
    const size_t n = npixel(p);
    int rc;
    if ((rc = pcl_grid_scratch_new(p->gridder, p->sampler.nmax, &p->scratch, err)) ||
        (rc = pcl_uvgrid_new(p->gridder, false, &p->vis_grid, err)) ||
        (rc = pcl_uvgrid_new(p->gridder, true, &p->psf_grid, err)) || (rc = PCL_ZNEW(&p->psf, n, "PSF plane", err)) ||
        (rc = PCL_ZNEW(&p->residual, n, "residual plane", err)) || (rc = PCL_ZNEW(&p->model, n, "model plane", err)) ||
        (rc = PCL_ZNEW(&p->image, n, "image plane", err)) || (rc = PCL_ZNEW(&p->pb, n, "primary beam plane", err)) ||
        (rc = PCL_NEW(&p->search, n, "search mask", err)) || (rc = PCL_NEW(&p->work, n, "work plane", err)))
        return rc;
    return c->niter > 0 || c->restart || c->startmodel.n ? pcl_uvgrid_new(p->gridder, false, &p->model_grid, err) : 0;
}

/* A common density needs all data once, so it is made when the first plane of a Stokes parameter asks for it. */
static int init_density(pcl_plane *p, pclean_err *err) {
    const pclean_config *c = p->setup->config;
    p->density_pol = SIZE_MAX;
    if (c->weighting == PCLEAN_WEIGHTING_NATURAL)
        return 0;
    p->common_density = p->setup->channels.mfs || !c->perchanweightdensity;
    const double per_sample = p->common_density ? 1 : p->setup->stokes.sumwt_factor; /* as tclean's two codes */
    return pcl_density_init(&p->density, p->nx, p->ny, c->cell_rad[0], c->cell_rad[1],
                            p->common_density ? PCL_DENSITY_TRUNCATE : PCL_DENSITY_ROUND, per_sample, err);
}

int pcl_plane_init(pcl_plane *p, const pcl_setup *setup, const pcl_vis *vis, pclean_err *err) {
    const pclean_config *c = setup->config;
    *p = (pcl_plane){.setup = setup, .vis = vis, .nx = (size_t)c->imsize[0], .ny = (size_t)c->imsize[1],
                     .control = {.niter = c->niter, .cycleniter = c->cycleniter, .nmajor = c->nmajor,
                                 .threshold_jy = c->threshold_jy, .nsigma = c->nsigma, .cyclefactor = c->cyclefactor,
                                 .minpsffraction = c->minpsffraction, .maxpsffraction = c->maxpsffraction}};
    const pcl_gridder_params grid = {.nx = p->nx, .ny = p->ny, .cellx_rad = c->cell_rad[0], .celly_rad = c->cell_rad[1],
                                     .accuracy = c->accuracy, .nvis = mean_samples_per_plane(setup, vis), .kernel = -1};
    int rc;
    if ((rc = parse_taper(&c->uvtaper, &p->taper, err)) || (rc = pcl_gridder_new(&grid, &p->gridder, err)) ||
        (rc = pcl_sampler_init(&p->sampler, vis, &setup->channels, err)) || (rc = init_density(p, err)) ||
        (rc = allocate(p, err)))
        pcl_plane_clear(p);
    return rc;
}

void pcl_plane_clear(pcl_plane *p) {
    pcl_grid_scratch_free(p->scratch);
    pcl_uvgrid_clear(&p->vis_grid);
    pcl_uvgrid_clear(&p->psf_grid);
    pcl_uvgrid_clear(&p->model_grid);
    pcl_gridder_free(p->gridder);
    pcl_sampler_clear(&p->sampler);
    pcl_density_clear(&p->density);
    pcl_free(p->psf);
    pcl_free(p->residual);
    pcl_free(p->model);
    pcl_free(p->image);
    pcl_free(p->pb);
    pcl_free(p->user_mask);
    pcl_free(p->search);
    pcl_free(p->work);
    *p = (pcl_plane){0};
}

int pcl_plane_primary_beam(const pcl_setup *s, double freq_hz, float *pb, const char **name, pclean_err *err) {
    const pclean_config *c = s->config;
    pcl_pb model;
    int rc = pcl_pb_init(&model, s->desc.telescope, s->dish_diameter_m, freq_hz, err);
    if (rc)
        return rc;
    pcl_pb_fill(&model, s->desc.crpix_x, s->desc.crpix_y, s->desc.nx, s->desc.ny, c->cell_rad[0], c->cell_rad[1], pb);
    pcl_pb_cut(pb, s->desc.nx * s->desc.ny, (float)c->pblimit);
    *name = model.name;
    return 0;
}

int pcl_plane_begin(pcl_plane *p, size_t ichan, size_t ipol, pclean_err *err) {
    const pcl_setup *s = p->setup;
    const pclean_config *c = s->config;
    p->ichan = ichan;
    p->ipol = ipol;
    const char *name;
    int rc = pcl_plane_primary_beam(s, s->channels.first_hz + (double)ichan * s->channels.step_hz, p->pb, &name, err);
    if (rc)
        return rc;
    const bool use_pb = c->pblimit > 0 || c->usemask == PCLEAN_USEMASK_PB; /* pb is 0 at and below pblimit */
    const float limit = c->usemask == PCLEAN_USEMASK_PB ? (float)c->pbmask : 0;
    p->nsearch = 0;
    for (size_t i = 0; i < npixel(p); i++) {
        p->search[i] = (!p->user_mask || p->user_mask[i]) && (!use_pb || p->pb[i] > limit);
        p->nsearch += p->search[i];
    }
    return 0;
}

/* ----------------------------------------------------------------------------------------------------------- weights */

static int add_density(pcl_plane *p, const pcl_channels *channels, pclean_err *err) {
    pcl_sampler *s = &p->sampler;
    const pcl_channels *keep = s->channels;
    s->channels = channels;
    pcl_density_zero(&p->density);
    pcl_sampler_begin(s, p->ichan, p->ipol);
    bool more = true;
    int rc;
    while (!(rc = pcl_sampler_next(s, &more, err)) && more) {
        /* the density is of the interpolated samples, at their frequency in the image's frame */
        pcl_density_add(&p->density, s->n, s->frame_u, s->frame_v, s->weight);
    }
    s->channels = keep;
    if (p->setup->config->weighting == PCLEAN_WEIGHTING_BRIGGS)
        pcl_density_finish_briggs(&p->density, p->setup->config->robust);
    else
        pcl_density_finish_uniform(&p->density);
    return rc;
}

static int make_density(pcl_plane *p, pclean_err *err) {
    if (!p->density.sum)
        return 0;
    if (!p->common_density)
        return add_density(p, &p->setup->channels, err);
    if (p->density_pol == p->ipol)
        return 0;
    const pcl_channels all = {.nchan = 1, .mfs = true, .nearest = true};
    int rc = add_density(p, &all, err);
    p->density_pol = p->ipol;
    return rc;
}

/* Imaging weights of the batch, in place. */
static void weigh_batch(pcl_plane *p) {
    pcl_sampler *s = &p->sampler;
    if (p->density.sum) {
        memcpy(s->weight, s->near_weight, s->n * sizeof *s->weight);
        pcl_density_apply(&p->density, s->n, s->near_u, s->near_v, s->weight);
    }
    pcl_taper_apply(&p->taper, s->n, s->u, s->v, s->weight);
}

/* ------------------------------------------------------------------------------------------------------ major cycle */

/* Grids all samples of the plane, minus the model's where there is one; with_psf also their PSF. */
static int grid_plane(pcl_plane *p, bool with_model, bool with_psf, pclean_err *err) {
    pcl_sampler *s = &p->sampler;
    pcl_grid_count count = {0};
    pcl_uvgrid_zero(p->gridder, &p->vis_grid);
    if (with_psf) {
        pcl_uvgrid_zero(p->gridder, &p->psf_grid);
        p->umax_lambda = p->vmax_lambda = 0;
    }
    pcl_sampler_begin(s, p->ichan, p->ipol);
    bool more = true;
    int rc;
    while (!(rc = pcl_sampler_next(s, &more, err)) && more) {
        if (p->stop_requested && p->stop_requested(p->stop_user))
            return PCL_FAIL(err, PCLEAN_EINTERRUPTED, "interrupted; no product was changed");
        weigh_batch(p);
        const pcl_samples batch = {.n = s->n, .u = s->u, .v = s->v, .vis = s->samples, .weight = s->weight};
        pcl_grid_add(p->gridder, p->scratch, &batch, with_model ? &p->model_grid : NULL, &p->vis_grid,
                     with_psf ? &p->psf_grid : NULL, &count);
        if (with_psf)
            for (size_t i = 0; i < s->n; i++) {
                p->umax_lambda = fmax(p->umax_lambda, fabs(s->u[i]));
                p->vmax_lambda = fmax(p->vmax_lambda, fabs(s->v[i]));
            }
    }
    if (!rc && with_psf) {
        p->sumwt = count.sumwt;
        p->nvis = count.used;
        p->noutside = count.outside;
    }
    return rc;
}

static bool any_model(const pcl_plane *p) {
    for (size_t i = 0; i < npixel(p); i++)
        if (p->model[i] != 0)
            return true;
    return false;
}

static int transform_model(pcl_plane *p, bool *with_model, pclean_err *err) {
    *with_model = p->model_grid.re && any_model(p);
    /* every sample may be asked for: the first pass does not know umax yet */
    const double umax = p->umax_lambda > 0 ? p->umax_lambda : 0.5 / p->setup->config->cell_rad[0];
    return *with_model ? pcl_grid_from_image(p->gridder, p->model, umax, &p->model_grid, err) : 0;
}

static int measure_psf(pcl_plane *p, pclean_err *err) {
    const pclean_config *c = p->setup->config;
    p->has_beam = false;
    p->beam = (pcl_beam){0};
    p->sidelobe = 0;
    pclean_err why = {0};
    if (pcl_beam_fit(p->psf, p->nx, p->ny, c->cell_rad[0], c->cell_rad[1], c->psfcutoff, &p->beam, &why)) {
        if (why.code == PCLEAN_ENOMEM) {
            if (err)
                *err = why;
            return -why.code;
        }
        return 0; /* no main lobe to fit: the run names the plane */
    }
    p->has_beam = true;
    p->sidelobe = pcl_beam_sidelobe(p->psf, p->nx, p->ny, c->cell_rad[0], c->cell_rad[1], &p->beam);
    return 0;
}

int pcl_plane_dirty(pcl_plane *p, pclean_err *err) {
    bool with_model;
    p->umax_lambda = p->vmax_lambda = 0;
    p->has_beam = false;
    p->sidelobe = 0;
    int rc;
    if ((rc = make_density(p, err)) || (rc = transform_model(p, &with_model, err)) ||
        (rc = grid_plane(p, with_model, true, err)))
        return rc;
    if (!(p->sumwt > 0)) {
        memset(p->psf, 0, npixel(p) * sizeof *p->psf);
        memset(p->residual, 0, npixel(p) * sizeof *p->residual);
        p->sumwt = 0;
        p->nvis = 0;
        return 0;
    }
    const float scale = (float)(1 / p->sumwt);
    if ((rc = pcl_grid_to_image(p->gridder, &p->psf_grid, scale, p->psf, err)) ||
        (rc = pcl_grid_to_image(p->gridder, &p->vis_grid, scale, p->residual, err)))
        return rc;
    return measure_psf(p, err);
}

int pcl_plane_reweigh(pcl_plane *p, pclean_err *err) { return make_density(p, err); }

int pcl_plane_major(pcl_plane *p, pclean_err *err) {
    if (!(p->sumwt > 0))
        return 0;
    bool with_model;
    int rc;
    if ((rc = transform_model(p, &with_model, err)) || (rc = grid_plane(p, with_model, false, err)))
        return rc;
    return pcl_grid_to_image(p->gridder, &p->vis_grid, (float)(1 / p->sumwt), p->residual, err);
}

/* ------------------------------------------------------------------------------------------- minor cycle and the end */

int pcl_plane_minor(pcl_plane *p, double threshold_jy, int cycleniter, int *niter, pclean_err *err) {
    pcl_hogbom_params h;
    pcl_hogbom_params_init(&h);
    h.gain = (float)p->setup->config->gain;
    h.threshold = (float)threshold_jy;
    h.cycleniter = (size_t)cycleniter;
    h.keep = PCL_HOGBOM_KEEP_NONE;
    pcl_hogbom_result result;
    const bool everywhere = p->nsearch == npixel(p);
    int rc = pcl_hogbom(p->nx, p->ny, p->residual, p->psf, everywhere ? NULL : p->search, p->model, &h, &result, err);
    *niter = (int)result.niter;
    return rc;
}

void pcl_plane_measure(pcl_plane *p) {
    const size_t n = npixel(p);
    double median;
    pcl_stats residual, model;
    pcl_stats_plane(p->residual, p->search, p->nx, p->ny, &residual);
    pcl_stats_plane(p->model, NULL, p->nx, p->ny, &model);
    p->peak = fabs((double)residual.peak);
    p->rms = pcl_stats_mad_rms(p->residual, NULL, n, p->work, &median);
    p->model_flux = model.sum;
}

int pcl_plane_restore(pcl_plane *p, const pcl_beam *beam, pclean_err *err) {
    const pclean_config *c = p->setup->config;
    if (!(beam->major_rad > 0)) {
        memcpy(p->image, p->residual, npixel(p) * sizeof *p->image);
        return 0;
    }
    pcl_restore_params r;
    pcl_restore_params_init(&r);
    r.beam = *beam;
    r.cellx_rad = c->cell_rad[0];
    r.celly_rad = c->cell_rad[1];
    return pcl_restore(p->model, p->residual, p->nx, p->ny, &r, p->image, err);
}
