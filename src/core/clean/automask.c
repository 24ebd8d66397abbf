/* automask.c: thresholds, and the three kinds of regions that make a mask.
 *
 * With S the highest sidelobe, A the largest |residual|, s the noise, all over the valid region V:
 *     T = median + max(sidelobethreshold S A, noisethreshold s), Tlow likewise with lownoise...,
 *     Tneg = median - max(sidelobethreshold S A, negativethreshold s).
 * New:      {r > T} in V, pruned, smoothed.
 * Grown:    the mask spread inside {r > Tlow}, pruned, smoothed; once components have been made.
 * Negative: {r < Tneg}, smoothed.
 * CASA compares the other way round where T < 0; here it is always r > T. */
#include "core/clean/automask.h"

#include <math.h>
#include <string.h>

#include "core/noise.h"
#include "core/stats.h"

void pcl_automask_params_init(pcl_automask_params *p) {
    *p = (pcl_automask_params){.sidelobethreshold = 3,
                               .noisethreshold = 5,
                               .lownoisethreshold = 1.5,
                               .smoothfactor = 1,
                               .minbeamfrac = 0.3,
                               .cutthreshold = 0.01,
                               .growiterations = 75,
                               .dogrowprune = true,
                               .minpercentchange = -1,
                               .fastnoise = true};
}

static size_t npixel(const pcl_automask_plane *p) {
    return p->raster.nx * p->raster.ny;
}

static size_t count(const bool *mask, size_t n) {
    size_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += mask[i];
    return sum;
}

/* ---- noise ---- */

void pcl_automask_noise(const pcl_automask_params *p, const pcl_automask_plane *plane,
                        const pcl_automask_work *work, double *median, double *sigma) {
    const size_t n = npixel(plane);
    const bool *where = plane->valid;
    if (!p->fastnoise) {
        size_t nmask = 0, noutside = 0;
        for (size_t i = 0; i < n; i++) {
            work->mask[i] = plane->valid[i] & !plane->mask[i];
            nmask += plane->mask[i];
            noutside += work->mask[i];
        }
        where = work->mask;
        if (nmask == 0 || noutside == 0) {
            memcpy(work->mask, plane->valid, n * sizeof *work->mask);
            pcl_noise_clip(plane->residual, work->mask, n);
        }
    }
    *sigma =
        pcl_stats_mad_rms_in(plane->residual, where, n, (int32_t *)(void *)work->plane, median);
}

static void find_thresholds(const pcl_automask_params *p, const pcl_automask_plane *plane,
                            const pcl_automask_work *work, pcl_automask_result *out) {
    pcl_automask_noise(p, plane, work, &out->median, &out->sigma);
    out->peak = (double)pcl_stats_peak(plane->residual, plane->valid, npixel(plane));
    const double side = plane->sidelobe * p->sidelobethreshold * out->peak,
                 noise = p->noisethreshold * out->sigma;
    out->threshold = out->median + fmax(side, noise);
    out->low = out->median + fmax(side, p->lownoisethreshold * out->sigma);
    out->negative = out->median - fmax(side, p->negativethreshold * out->sigma);
    out->noise = noise > side;
}

/* ---- regions ---- */

static bool has_beam(const pcl_automask_plane *plane) {
    return plane->beam.minor_rad > 0;
}

/* Prunes work->mask. */
static pcl_morphology_regions prune(const pcl_automask_params *p, const pcl_automask_plane *plane,
                                    const pcl_automask_work *work) {
    const pcl_beam *b = &plane->beam;
    const double area = M_PI * b->major_rad * b->minor_rad /
                        (4 * M_LN2 * plane->raster.cellx_rad * plane->raster.celly_rad);
    return pcl_morphology_prune(work->mask, plane->raster.nx, plane->raster.ny,
                                has_beam(plane) ? p->minbeamfrac * area : 0,
                                (uint32_t *)(void *)work->plane);
}

static pcl_beam smoothing_beam(const pcl_automask_params *p, const pcl_beam *beam) {
    return (pcl_beam){p->smoothfactor * beam->major_rad, p->smoothfactor * beam->minor_rad,
                      beam->pa_rad};
}

/* Smooths work->mask and adds what of it is valid to `to`. */
static int smooth_into(const pcl_automask_params *p, const pcl_automask_plane *plane,
                       const pcl_automask_work *work, bool *to, pclean_err *err) {
    const pcl_beam by = smoothing_beam(p, &plane->beam);
    int rc = by.minor_rad > 0 ? pcl_morphology_smooth(work->mask, &plane->raster, &by,
                                                      p->cutthreshold, work->plane, err)
                              : 0;
    for (size_t i = 0; !rc && i < npixel(plane); i++)
        to[i] = to[i] | (work->mask[i] & plane->valid[i]);
    return rc;
}

/* The largest float that is not above: r > level for a float r is r > this, and much faster. */
static float float_below(double level) {
    const float f = (float)level;
    return (double)f > level ? nextafterf(f, -INFINITY) : f;
}

static int add_new(const pcl_automask_params *p, const pcl_automask_plane *plane,
                   const pcl_automask_work *work, pcl_automask_result *out, pclean_err *err) {
    const bool prunes = p->minbeamfrac > 0; /* else CASA smooths what is outside V, too */
    const float level = float_below(out->threshold);
    const float *residual = plane->residual;
    const size_t n = npixel(plane);
    for (size_t i = 0; i < n; i++)
        work->mask[i] = residual[i] > level;
    for (size_t i = 0; prunes && i < n; i++)
        work->mask[i] = work->mask[i] & plane->valid[i];
    if (prunes)
        out->fresh = prune(p, plane, work);
    return smooth_into(p, plane, work, plane->positive, err);
}

static int add_grown(const pcl_automask_params *p, const pcl_automask_plane *plane,
                     const pcl_automask_work *work, pcl_automask_result *out, pclean_err *err) {
    memcpy(work->mask, plane->mask, npixel(plane) * sizeof *work->mask);
    pcl_morphology_grow(work->mask, plane->residual, out->low, plane->raster.nx, plane->raster.ny,
                        (size_t)p->growiterations, (uint32_t *)(void *)work->plane);
    if (p->dogrowprune && p->minbeamfrac > 0)
        out->grown = prune(p, plane, work);
    return smooth_into(p, plane, work, plane->positive, err);
}

static int add_negative(const pcl_automask_params *p, const pcl_automask_plane *plane,
                        const pcl_automask_work *work, const pcl_automask_result *out,
                        pclean_err *err) {
    for (size_t i = 0; i < npixel(plane); i++)
        work->mask[i] = (double)plane->residual[i] < out->negative;
    return smooth_into(p, plane, work, plane->mask, err);
}

/* ---- an update ---- */

/* An empty mask of noise rests: nothing is cleaned, so nothing changes. */
bool pcl_automask_is_final(const pcl_automask_params *p, bool at_threshold,
                           const pcl_automask_result *r) {
    if (!r->noise)
        return false;
    if (r->npixel == 0)
        return true;
    const double change = (double)r->npixel - (double)r->nbefore;
    return p->minpercentchange >= 0 && at_threshold &&
           (r->npixel == r->nbefore || 100 * change < p->minpercentchange * (double)r->nbefore);
}

int pcl_automask_update(const pcl_automask_params *p, const pcl_automask_plane *plane,
                        const pcl_automask_work *work, pcl_automask_result *out, pclean_err *err) {
    const size_t n = npixel(plane);
    int rc;
    *out = (pcl_automask_result){0};
    if (n > PCL_MORPHOLOGY_MOST)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "usemask=auto-multithresh: %zu x %zu pixels are more than 2^32",
                        plane->raster.nx, plane->raster.ny);
    for (size_t i = 0; i < n; i++) {
        plane->mask[i] = plane->mask[i] & plane->valid[i];
        plane->positive[i] = plane->positive[i] & plane->valid[i];
    }
    out->nbefore = count(plane->mask, n);
    find_thresholds(p, plane, work, out);
    if ((rc = add_new(p, plane, work, out, err)) ||
        (plane->grow && p->growiterations > 0 && out->nbefore > 0 &&
         (rc = add_grown(p, plane, work, out, err))) ||
        (p->negativethreshold > 0 && (rc = add_negative(p, plane, work, out, err))))
        return rc;
    for (size_t i = 0; i < n; i++)
        plane->mask[i] = plane->mask[i] | plane->positive[i];
    out->npixel = count(plane->mask, n);
    out->final = pcl_automask_is_final(p, plane->at_threshold, out);
    return 0;
}

size_t pcl_automask_bytes(const pcl_automask_params *p, const pcl_raster *raster,
                          const pcl_beam *beam, size_t nthread) {
    const pcl_beam by = smoothing_beam(p, beam);
    return by.minor_rad > 0 ? pcl_morphology_smooth_bytes(raster, &by, nthread) : 0;
}
