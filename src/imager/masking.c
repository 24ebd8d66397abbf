#include "imager/masking.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "core/stats.h"

static pcl_raster raster_of(const pcl_setup *s) {
    return (pcl_raster){s->desc.nx, s->desc.ny, s->config->cell_rad[0], s->config->cell_rad[1]};
}

static const char *flux_text(double jy, char *buf, size_t size) {
    snprintf(buf, size, "%.4g mJy", 1000 * jy);
    return buf;
}

/* For verbose: what decided, and what it led to. */
static void tell(const pcl_target *p) {
    const pcl_automask_result *r = &p->plane.automask;
    char t[4][32];
    if (!p->setup->config->verbose)
        return;
    pcl_log(PCL_LOG_DEBUG,
            "channel %zu, polarization %zu: mask %zu by %s: new above %s, grown above %s, negative "
            "below %s, rms %s; %zu new regions (%zu pruned), %zu grown (%zu pruned), %zu pixels%s",
            p->plane.ichan, p->plane.ipol, p->plane.nmask, r->noise ? "noise" : "sidelobes",
            flux_text(r->threshold, t[0], sizeof t[0]), flux_text(r->low, t[1], sizeof t[1]),
            p->setup->config->negativethreshold > 0 ? flux_text(r->negative, t[2], sizeof t[2])
                                                    : "nothing",
            flux_text(r->sigma, t[3], sizeof t[3]), r->fresh.found, r->fresh.pruned, r->grown.found,
            r->grown.pruned, r->npixel, r->final ? ", for good" : "");
}

static pcl_automask_plane plane_of(pcl_target *p, const pcl_masking_cycle *cycle) {
    return (pcl_automask_plane){.raster = raster_of(p->setup),
                                .residual = p->residual[0],
                                .valid = p->automask.region,
                                .mask = p->search,
                                .positive = p->automask.positive,
                                .beam = p->plane.beam,
                                .sidelobe = cycle->sidelobe,
                                .grow = cycle->cleaned,
                                .at_threshold = cycle->at_threshold};
}

/* tclean's: the noise of the mask that will be used, but for the first cycle, whose mask came of
 * it; and other than without automatic masks the median counts. known: it is that of the update. */
static void find_nsigma(pcl_target *p, const pcl_automask_plane *plane,
                        const pcl_automask_work *work, bool known) {
    const double nsigma = p->setup->config->nsigma;
    double median = p->plane.automask.median, sigma = p->plane.automask.sigma;
    if (nsigma > 0 && !known)
        pcl_automask_noise(&p->setup->params.automask, plane, work, &median, &sigma);
    p->plane.nsigma_jy = nsigma > 0 ? nsigma * sigma + median : 0;
}

int pcl_masking_update(pcl_target *p, const pcl_masking_cycle *cycle, pclean_err *err) {
    const size_t n = p->nx * p->ny;
    const bool first = p->plane.nmask == 0, fast = p->setup->params.automask.fastnoise;
    bool updated = false;
    if (!p->automask.region || p->plane.nvis == 0)
        return 0;
    const pcl_automask_plane plane = plane_of(p, cycle);
    const pcl_automask_work work = {pcl_target_borrow_plane(p), pcl_target_borrow_mask(p)};
    if (!first)
        memcpy(p->automask.last, p->search, n * sizeof *p->search);
    p->plane.settled = p->plane.automask.final;
    if (!p->plane.automask.final) {
        int rc =
            pcl_automask_update(&p->setup->params.automask, &plane, &work, &p->plane.automask, err);
        if (rc)
            return rc;
        updated = true;
        p->plane.nmask++;
        p->plane.nsearch = p->plane.automask.npixel;
        tell(p);
    }
    if (first)
        memcpy(p->automask.last, p->search, n * sizeof *p->search);
    p->plane.settled |= p->plane.automask.final && p->plane.nsearch == 0;
    p->plane.peak = (double)pcl_stats_peak(p->residual[0], p->search, n);
    find_nsigma(p, &plane, &work, updated && (first || fast));
    return 0;
}

void pcl_masking_agree(pcl_target *p, const pcl_masking_cycle *cycle) {
    pcl_automask_result all = {0};
    for (size_t i = 0; i < p->npol; i++) {
        pcl_target_select(p, i);
        const pcl_automask_result *r = &p->plane.automask;
        all.noise = i == 0 ? r->noise : all.noise;
        all.npixel += r->npixel;
        all.nbefore += r->nbefore;
    }
    all.final = pcl_automask_is_final(&p->setup->params.automask, cycle->at_threshold, &all);
    for (size_t i = 0; i < p->npol; i++) {
        pcl_target_select(p, i);
        p->plane.automask.final = all.final;
        p->plane.settled &= all.final;
    }
}
