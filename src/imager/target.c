#include "imager/target.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "core/clean/hogbom.h"
#include "imager/major.h"
#include "imager/weighing.h"
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

/* Samples per plane, about: the gridder weighs its kernels by it. It must not depend on how many channels the cube has, or a
 * channel's bits would. */
static double samples_per_plane(const pcl_setup *s, const pcl_vis *vis) {
    double n = 0;
    if (s->part && s->config->part_samples > 0)
        return s->config->part_samples;
    for (size_t k = 0; k < vis->nblock; k++)
        n += (double)vis->block[k].row_stride * (s->channels.mfs ? (double)vis->block[k].nchan : 1);
    return n;
}

static int allocate(pcl_plane *p, pclean_err *err) {
    const pclean_config *c = p->setup->config;
    const size_t n = npixel(p);
    int rc;
    const bool w = pcl_gridder_nplane(p->gridder) > 0, starts = c->restart || c->startmodel.n > 0, model = starts || c->niter > 0;
    if ((rc = pcl_grid_scratch_new(p->gridder, p->sampler.nmax, &p->scratch, err)) ||
        (rc = pcl_uvgrid_new(p->gridder, false, &p->vis_grid, err)) || (rc = PCL_NEW(&p->psf, n, "PSF plane", err)) ||
        (rc = PCL_NEW(&p->residual, n, "residual plane", err)) || (rc = PCL_NEW(&p->model, n, "model plane", err)) ||
        (rc = PCL_NEW(&p->search, n, "search mask", err)))
        return rc;
    p->image = p->vis_grid.re;
    /* with w the model's planes pass through vis_grid before the data's do, and leave their prediction behind */
    if (model && (rc = w ? PCL_NEW(&p->predicted, 2 * pcl_sampler_nid(&p->sampler), "model visibilities", err)
                         : pcl_uvgrid_new(p->gridder, false, &p->model_grid, err)))
        return rc;
    if (w || !model || starts)
        return pcl_uvgrid_new(p->gridder, !w, &p->psf_grid, err);
    p->psf_grid.re = p->model_grid.re;
    return 0;
}

static double largest_w(const pcl_setup *s, const pcl_vis *vis) {
    double most = 0;
    if (s->part && s->config->part_wmax_lambda > 0)
        return s->config->part_wmax_lambda;
    for (size_t k = 0; k < vis->nblock; k++) {
        const pcl_vis_block *b = &vis->block[k];
        most = fmax(most, pcl_plane_wmax(b->wmax_m, b->nchan, b->freq_hz));
    }
    return most;
}

double pcl_plane_good_cell(double reach_lambda) { return reach_lambda > 0 ? 1 / (3 * reach_lambda) : 0; }

double pcl_plane_wmax(double w_m, size_t nchan, const double *freq_hz) {
    double highest = 0;
    for (size_t c = 0; c < nchan; c++)
        highest = fmax(highest, freq_hz[c]);
    return w_m * highest / 299792458.0 * (1 + 1e-9);
}

/* |w| that the gridder must reach, wavelengths: 0 where w is to be ignored, or where all it does over the whole field
 * stays below the accuracy. */
static double wmax_to_correct(const pcl_setup *s, const pcl_vis *vis) {
    const pclean_config *c = s->config;
    if (c->gridder == PCLEAN_GRIDDER_STANDARD)
        return 0;
    const double wmax = largest_w(s, vis), l = 0.5 * c->imsize[0] * c->cell_rad[0], m = 0.5 * c->imsize[1] * c->cell_rad[1];
    const double r2 = fmin(1, l * l + m * m), turns = wmax * r2 / (1 + sqrt(1 - r2));
    return 2 * M_PI * turns < 0.1 * c->accuracy ? 0 : wmax;
}

pcl_control pcl_plane_control(const pclean_config *c) {
    return (pcl_control){.niter = c->niter, .cycleniter = c->cycleniter, .nmajor = c->nmajor, .threshold_jy = c->threshold_jy,
                         .nsigma = c->nsigma, .cyclefactor = c->cyclefactor, .minpsffraction = c->minpsffraction,
                         .maxpsffraction = c->maxpsffraction};
}

int pcl_plane_init(pcl_plane *p, const pcl_setup *setup, const pcl_vis *vis, pclean_err *err) {
    const pclean_config *c = setup->config;
    *p = (pcl_plane){.setup = setup, .vis = vis, .nx = (size_t)c->imsize[0], .ny = (size_t)c->imsize[1],
                     .control = pcl_plane_control(c), .density_pol = SIZE_MAX};
    const pcl_gridder_params grid = {.nx = p->nx, .ny = p->ny, .cellx_rad = c->cell_rad[0], .celly_rad = c->cell_rad[1],
                                     .accuracy = c->accuracy, .nvis = samples_per_plane(setup, vis), .wmax_lambda = wmax_to_correct(setup, vis),
                                     .kernel = -1};
    int rc;
    if ((rc = parse_taper(&c->uvtaper, &p->taper, err)) || (rc = pcl_gridder_new(&grid, &p->gridder, err)) ||
        (rc = pcl_sampler_init(&p->sampler, vis, &setup->channels, err)) ||
        (rc = pcl_weighing_init(setup, &p->density, err)) ||
        (rc = allocate(p, err)))
        pcl_plane_clear(p);
    return rc;
}

void pcl_plane_clear(pcl_plane *p) {
    pcl_grid_scratch_free(p->scratch);
    pcl_uvgrid_clear(&p->vis_grid);
    if (p->psf_grid.re != p->model_grid.re)
        pcl_uvgrid_clear(&p->psf_grid);
    pcl_uvgrid_clear(&p->model_grid);
    pcl_gridder_free(p->gridder);
    pcl_sampler_clear(&p->sampler);
    pcl_density_clear(&p->density);
    pcl_free(p->predicted);
    pcl_free(p->psf);
    pcl_free(p->residual);
    pcl_free(p->model);
    pcl_free(p->user_mask);
    pcl_free(p->search);
    *p = (pcl_plane){0};
}

int pcl_plane_primary_beam(const pcl_setup *s, double freq_hz, float *pb, const char **name, bool *known, pclean_err *err) {
    const pclean_config *c = s->config;
    pcl_pb model;
    int rc = pcl_pb_init(&model, s->desc.telescope, s->dish_diameter_m, s->channels.first_hz, freq_hz, err);
    if (rc)
        return rc;
    pcl_pb_fill(&model, s->desc.crpix_x, s->desc.crpix_y, s->desc.nx, s->desc.ny, c->cell_rad[0], c->cell_rad[1], pb);
    pcl_pb_cut(pb, s->desc.nx * s->desc.ny, (float)c->pblimit);
    *name = model.name;
    if (known)
        *known = model.known;
    return 0;
}

int pcl_plane_fill_pb(const pcl_plane *p, float *pb, pclean_err *err) {
    const char *name;
    return pcl_plane_primary_beam(p->setup, pcl_channels_centre(&p->setup->channels, p->ichan), pb, &name, NULL, err);
}

int pcl_plane_begin(pcl_plane *p, size_t ichan, size_t ipol, pclean_err *err) {
    const pcl_setup *s = p->setup;
    const pclean_config *c = s->config;
    p->ichan = ichan;
    p->ipol = ipol;
    float *pb = p->image;
    int rc = pcl_plane_fill_pb(p, pb, err);
    if (rc)
        return rc;
    const bool use_pb = c->pblimit > 0 || c->usemask == PCLEAN_USEMASK_PB; /* pb is 0 at and below pblimit */
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

/* ----------------------------------------------------------------------------------------------------------- weights */

/* A common density needs all data once, so it is made when the first plane of a Stokes parameter asks for it. */
static int make_density(pcl_plane *p, pclean_err *err) {
    const pcl_setup *s = p->setup;
    const bool common = pcl_weighing_is_common(s->config);
    if (!p->density.sum || (common && p->density_pol == p->ipol))
        return 0;
    p->density_pol = SIZE_MAX;
    int rc = common && s->part && *s->config->part_density ? pcl_weighing_load(s, s->config->part_density, p->ipol, &p->density, err)
                                                           : pcl_weighing_count(s, &p->sampler, p->ichan, p->ipol, &p->density, err);
    if (!rc)
        p->density_pol = p->ipol;
    return rc;
}

/* ------------------------------------------------------------------------------------------------------ major cycle */

static bool any_model(const pcl_plane *p) {
    for (size_t i = 0; i < npixel(p); i++)
        if (p->model[i] != 0)
            return true;
    return false;
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
    p->umax_lambda = p->vmax_lambda = 0;
    p->has_beam = false;
    p->beam = (pcl_beam){0}; /* that of the plane before, where this one has no data */
    p->sidelobe = 0;
    int rc;
    if ((rc = make_density(p, err)) || (rc = pcl_major_cycle(p, any_model(p), true, err)))
        return rc;
    return p->sumwt > 0 ? measure_psf(p, err) : 0;
}

int pcl_plane_reweigh(pcl_plane *p, pclean_err *err) { return make_density(p, err); }

int pcl_plane_major(pcl_plane *p, pclean_err *err) { return pcl_major_cycle(p, any_model(p), false, err); }

/* ------------------------------------------------------------------------------------------- minor cycle and the end */

int pcl_plane_minor(pcl_plane *p, double threshold_jy, int cycleniter, int *niter, pclean_err *err) {
    pcl_hogbom_params h;
    pcl_hogbom_params_init(&h);
    h.gain = (float)p->setup->config->gain;
    h.threshold = (float)threshold_jy;
    h.cycleniter = (size_t)cycleniter;
    h.keep = PCL_HOGBOM_KEEP_NONE;
    const size_t nspare = 2 * pcl_gridder_plane_bytes(p->gridder) / sizeof(float);
    h.spare_psf = (pcl_hogbom_spare){p->model_grid.re ? p->model_grid.re : p->psf_grid.re, nspare};
    h.spare_residual = (pcl_hogbom_spare){p->vis_grid.re, nspare};
    pcl_hogbom_result result;
    const bool everywhere = p->nsearch == npixel(p);
    int rc = pcl_hogbom(p->nx, p->ny, p->residual, p->psf, everywhere ? NULL : p->search, p->model, &h, &result, err);
    *niter = (int)result.niter;
    return rc;
}

void pcl_plane_measure(pcl_plane *p) {
    const size_t n = npixel(p);
    p->peak = (double)pcl_stats_peak(p->residual, p->search, n);
    p->rms = pcl_stats_mad_rms(p->residual, n, (int32_t *)(void *)p->image, NULL);
    p->model_flux = pcl_stats_sum(p->model, n);
    p->finite = p->setup->stokes.sumwt_factor * p->sumwt <= (double)FLT_MAX && pcl_stats_all_finite(p->residual, n) &&
                pcl_stats_all_finite(p->psf, n) && pcl_stats_all_finite(p->model, n);
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
    r.own = p->beam; /* zero where none could be fitted */
    r.cellx_rad = c->cell_rad[0];
    r.celly_rad = c->cell_rad[1];
    return pcl_restore(p->model, p->residual, p->nx, p->ny, &r, p->image, err);
}
