#include "core/clean/converge.h"

#include <math.h>

#include "core/clean/deconvolver.h"
#include "pclean/run.h"

enum { PATIENCE = 4 }; /* times that a peak may grow */

/* "within 1 % of it" counts as reached: CLEAN creeps towards a threshold */
static bool is_reached(double peak, double level) {
    return peak <= level || (level > 0 && fabs(peak - level) / level < 0.01);
}

/* tclean's order: a threshold wins over niter, and threshold over n-sigma. */
static int stop_at_goal(const pcl_control *c, const pcl_progress_state *s, const pcl_standing *at) {
    if (is_reached(at->peak, c->threshold_jy))
        return PCLEAN_STOP_THRESHOLD;
    if (at->nsigma_jy > 0 && is_reached(at->peak, at->nsigma_jy))
        return PCLEAN_STOP_NSIGMA;
    return s->niter >= c->niter ? PCLEAN_STOP_NITER : 0;
}

void pcl_converge_note(pcl_progress_state *s, const pcl_standing *at) {
    s->peak_previous = at->peak;
    s->nomask_previous = at->peak_nomask;
    s->nomask_least = s->started ? fmin(s->nomask_least, at->peak_nomask) : at->peak_nomask;
    s->started = true;
}

int pcl_converge_check(const pcl_control *c, pcl_progress_state *s, const pcl_standing *at) {
    const pcl_progress_state before = *s;
    pcl_converge_note(s, at);

    if (at->npixel == 0)
        return PCLEAN_STOP_ZEROMASK;
    if (c->niter == 0)
        return PCLEAN_STOP_FORCED;
    const int goal = stop_at_goal(c, s, at);
    if (goal)
        return goal;
    if (!before.started)
        return c->nmajor == 0 ? PCLEAN_STOP_NMAJOR : 0;
    if (fabs(at->peak - before.peak_previous) < 1e-10)
        return PCLEAN_STOP_NOCHANGE;
    if (at->peak_nomask > PATIENCE * before.nomask_previous)
        return PCLEAN_STOP_DIVERGED_STEP;
    if (at->peak_nomask > PATIENCE * before.nomask_least)
        return PCLEAN_STOP_DIVERGED_MIN;
    if (c->nmajor >= 0 && s->nround >= c->nmajor)
        return PCLEAN_STOP_NMAJOR;
    return 0;
}

int pcl_converge_diverged(const pcl_progress_state *s, const pcl_standing *at, double best_peak,
                          int minor_stop) {
    if (!(at->peak_nomask <= PATIENCE * s->nomask_previous)) /* NaN too */
        return PCLEAN_STOP_DIVERGED_STEP;
    if (at->peak_nomask > PATIENCE * s->nomask_least)
        return PCLEAN_STOP_DIVERGED_MIN;
    return minor_stop == PCL_MINOR_DIVERGED && at->peak > 1.1 * best_peak
               ? PCLEAN_STOP_DIVERGED_MINOR
               : 0;
}

double pcl_converge_cyclethreshold(const pcl_control *c, double peak, double sidelobe) {
    const double fraction =
        fmin(fmax(c->cyclefactor * sidelobe, c->minpsffraction), c->maxpsffraction);
    return fmax(fraction * peak, c->threshold_jy);
}

int pcl_converge_cycleniter(const pcl_control *c, const pcl_progress_state *s) {
    const int left = c->niter - s->niter;
    return c->cycleniter > 0 && c->cycleniter < left ? c->cycleniter : left;
}

double pcl_converge_shallower(double level, double peak, int nretry) {
    return nretry > 0 && level < peak ? peak - ldexp(peak - level, -nretry) : level;
}

bool pcl_converge_is_noise(double peak_dirty, double rms, double limit) {
    return rms > 0 && peak_dirty < limit * rms;
}
