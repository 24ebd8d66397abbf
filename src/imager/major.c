#include "imager/major.h"

#include <math.h>
#include <string.h>

/* Imaging weights of the batch, in place. */
static void weigh_batch(pcl_plane *p) {
    pcl_sampler *s = &p->sampler;
    if (p->density.sum)
        pcl_density_apply(&p->density, s->n, s->near_u, s->near_v, s->weight);
    pcl_taper_apply(&p->taper, s->n, s->u, s->v, s->weight);
}

/* What a pass over the data needs of each sample. */
static unsigned data_wanted(const pcl_plane *p) {
    return PCL_SAMPLER_UV | PCL_SAMPLER_VIS | (p->density.sum ? PCL_SAMPLER_NEAR : 0u);
}

/* The next batch, unless the caller wants the run to stop. */
static int next_batch(pcl_plane *p, bool *more, pclean_err *err) {
    if (p->stop_requested && p->stop_requested(p->stop_user))
        return PCL_FAIL(err, PCLEAN_EINTERRUPTED, "interrupted; no product was changed");
    return pcl_sampler_next(&p->sampler, more, err);
}

static pcl_samples batch_of(const pcl_sampler *s) {
    return (pcl_samples){.n = s->n, .u = s->u, .v = s->v, .w = s->w, .vis = s->samples, .weight = s->weight};
}

static void note_count(pcl_plane *p, const pcl_grid_count *count) {
    p->sumwt = count->sumwt > 0 ? count->sumwt : 0;
    p->nvis = p->sumwt > 0 ? count->used : 0;
    p->noutside = count->outside;
    p->umax_lambda = p->sampler.umax;
    p->vmax_lambda = p->sampler.vmax;
}

static float scale_of(const pcl_plane *p) { return p->sumwt > 0 ? (float)(1 / p->sumwt) : 0; }

/* Largest |u| that may be asked for: the first pass does not know it yet. */
static double reach(const pcl_plane *p) {
    return p->umax_lambda > 0 ? p->umax_lambda : 0.5 / p->setup->config->cell_rad[0];
}

/* ------------------------------------------------------------------------------------------------------- without w */

static int flat_cycle(pcl_plane *p, bool with_model, bool with_psf, pclean_err *err) {
    pcl_sampler *s = &p->sampler;
    pcl_grid_count count = {0};
    int rc = with_model ? pcl_grid_from_image(p->gridder, p->model, reach(p), &p->model_grid, err) : 0;
    if (rc)
        return rc;
    pcl_uvgrid_zero(p->gridder, &p->vis_grid);
    if (with_psf)
        pcl_uvgrid_zero(p->gridder, &p->psf_grid);
    pcl_sampler_begin(s, p->ichan, p->ipol, data_wanted(p));
    bool more = true;
    while (!(rc = next_batch(p, &more, err)) && more) {
        const pcl_samples batch = batch_of(s);
        if (with_psf)
            pcl_grid_count_outside(p->gridder, &batch, 0, &count);
        weigh_batch(p);
        pcl_grid_add(p->gridder, p->scratch, &batch, with_model ? &p->model_grid : NULL, &p->vis_grid,
                     with_psf ? &p->psf_grid : NULL, &count);
    }
    if (rc)
        return rc;
    if (with_psf) {
        note_count(p, &count);
        if ((rc = pcl_grid_to_image(p->gridder, &p->psf_grid, scale_of(p), p->psf, err)))
            return rc;
    }
    return pcl_grid_to_image(p->gridder, &p->vis_grid, scale_of(p), p->residual, err);
}

/* ---------------------------------------------------------------------------------------------------------- with w */

static void begin_w_plane(pcl_plane *p, size_t iplane, unsigned wanted) {
    double low, high;
    pcl_gridder_plane_range(p->gridder, iplane, &low, &high);
    pcl_sampler_begin(&p->sampler, p->ichan, p->ipol, wanted | PCL_SAMPLER_W);
    pcl_sampler_window(&p->sampler, low, high);
}

/* Model visibilities of all samples, plane by plane. */
static int predict_with_w(pcl_plane *p, pclean_err *err) {
    pcl_sampler *s = &p->sampler;
    memset(p->predicted, 0, 2 * pcl_sampler_nid(s) * sizeof *p->predicted);
    for (size_t j = 0; j < pcl_gridder_nplane(p->gridder); j++) {
        int rc = pcl_grid_plane_from_image(p->gridder, j, p->model, reach(p), &p->vis_grid, err);
        begin_w_plane(p, j, PCL_SAMPLER_UV | PCL_SAMPLER_VIS | PCL_SAMPLER_ID);
        bool more = true;
        while (!rc && !(rc = next_batch(p, &more, err)) && more) {
            const pcl_samples batch = batch_of(s);
            memset(s->samples, 0, 2 * s->n * sizeof *s->samples); /* the data are not needed: room for the prediction */
            pcl_grid_predict_w(p->gridder, p->scratch, &batch, j, &p->vis_grid, s->samples);
            for (size_t i = 0; i < s->n; i++) {
                p->predicted[2 * s->id[i]] += s->samples[2 * i];
                p->predicted[2 * s->id[i] + 1] += s->samples[2 * i + 1];
            }
        }
        if (rc)
            return rc;
    }
    return 0;
}

static int grid_w_plane(pcl_plane *p, size_t iplane, bool with_model, bool with_psf, pcl_grid_count *count, pclean_err *err) {
    pcl_sampler *s = &p->sampler;
    pcl_uvgrid_zero(p->gridder, &p->vis_grid);
    if (with_psf)
        pcl_uvgrid_zero(p->gridder, &p->psf_grid);
    begin_w_plane(p, iplane, data_wanted(p) | (with_model ? PCL_SAMPLER_ID : 0u));
    bool more = true;
    int rc;
    while (!(rc = next_batch(p, &more, err)) && more) {
        const pcl_samples batch = batch_of(s);
        if (with_psf)
            pcl_grid_count_outside(p->gridder, &batch, iplane, count);
        weigh_batch(p);
        for (size_t i = 0; with_model && i < s->n; i++) {
            s->samples[2 * i] -= p->predicted[2 * s->id[i]];
            s->samples[2 * i + 1] -= p->predicted[2 * s->id[i] + 1];
        }
        pcl_grid_add_w(p->gridder, p->scratch, &batch, iplane, &p->vis_grid, with_psf ? &p->psf_grid : NULL, count);
    }
    return rc ? rc
              : pcl_grid_plane_to_image(p->gridder, iplane, &p->vis_grid, p->residual, with_psf ? &p->psf_grid : NULL, p->psf, err);
}

static int w_cycle(pcl_plane *p, bool with_model, bool with_psf, pclean_err *err) {
    const size_t n = p->nx * p->ny;
    pcl_grid_count count = {0};
    int rc = with_model ? predict_with_w(p, err) : 0;
    memset(p->residual, 0, n * sizeof *p->residual);
    if (with_psf)
        memset(p->psf, 0, n * sizeof *p->psf);
    for (size_t j = 0; !rc && j < pcl_gridder_nplane(p->gridder); j++)
        rc = grid_w_plane(p, j, with_model, with_psf, &count, err);
    if (rc)
        return rc;
    if (with_psf) {
        note_count(p, &count);
        pcl_grid_finish_w(p->gridder, scale_of(p), p->psf);
    }
    pcl_grid_finish_w(p->gridder, scale_of(p), p->residual);
    return 0;
}

int pcl_major_cycle(pcl_plane *p, bool with_model, bool with_psf, pclean_err *err) {
    if (!with_psf && !(p->sumwt > 0))
        return 0;
    return pcl_gridder_nplane(p->gridder) ? w_cycle(p, with_model, with_psf, err) : flat_cycle(p, with_model, with_psf, err);
}
