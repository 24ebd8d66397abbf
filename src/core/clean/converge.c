#include "core/clean/converge.h"

#include <math.h>

#include "pclean/run.h"

static double floor_level(const pcl_control *c, double rms) {
    return fmax(c->threshold_jy, c->nsigma * rms);
}

int pcl_converge_check(const pcl_control *c, pcl_progress_state *s, double peak, double rms,
                       size_t npixel) {
    const double previous = s->peak_previous, least = s->peak_least;
    const bool first = !s->started;
    s->peak_previous = peak;
    s->peak_least = first ? peak : fmin(least, peak);
    s->started = true;

    if (npixel == 0)
        return PCLEAN_STOP_ZEROMASK;
    if (c->niter == 0)
        return PCLEAN_STOP_FORCED;
    const double level = floor_level(c, rms);
    /* "within 1 % of it" counts as reached: CLEAN creeps towards a threshold */
    if (peak <= level || (level > 0 && fabs(peak - level) / level < 0.01))
        return level > c->threshold_jy ? PCLEAN_STOP_NSIGMA : PCLEAN_STOP_THRESHOLD;
    if (s->niter >= c->niter)
        return PCLEAN_STOP_NITER;
    if (first)
        return c->nmajor == 0 ? PCLEAN_STOP_NMAJOR : 0;
    if (fabs(peak - previous) < 1e-10)
        return PCLEAN_STOP_NOCHANGE;
    if (peak > 4 * previous)
        return PCLEAN_STOP_DIVERGED_STEP;
    if (peak > 4 * least)
        return PCLEAN_STOP_DIVERGED_MIN;
    if (c->nmajor >= 0 && s->nround >= c->nmajor)
        return PCLEAN_STOP_NMAJOR;
    return 0;
}

double pcl_converge_cyclethreshold(const pcl_control *c, double peak, double sidelobe, double rms) {
    const double fraction =
        fmin(fmax(c->cyclefactor * sidelobe, c->minpsffraction), c->maxpsffraction);
    return fmax(fraction * peak, floor_level(c, rms));
}

int pcl_converge_cycleniter(const pcl_control *c, const pcl_progress_state *s) {
    const int left = c->niter - s->niter;
    return c->cycleniter > 0 && c->cycleniter < left ? c->cycleniter : left;
}
