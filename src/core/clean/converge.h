/* converge.h: when to stop, and how deep a minor cycle may go: tclean's rules for one plane or,
 * with cyclecontrol=global, for all planes as one problem. Pure logic. Stop codes: enum pclean_stop
 * of pclean/run.h. */
#ifndef PCL_CONVERGE_H
#define PCL_CONVERGE_H
#include <stdbool.h>
#include <stddef.h>

typedef struct pcl_control {
    int niter, cycleniter; /* cycleniter -1: niter */
    int nmajor;            /* minor/major rounds, -1: no limit */
    double threshold_jy, nsigma;
    double cyclefactor, minpsffraction, maxpsffraction;
} pcl_control;

/* What the control remembers of a plane (or of all). */
typedef struct pcl_progress_state {
    int niter;  /* iterations done */
    int nround; /* minor/major rounds done */
    double peak_previous, peak_least;
    bool started;
} pcl_progress_state;

/* After a major cycle: the stop code, or 0 to go on. peak: |residual| inside the search region
 * [Jy/beam]; rms: robust rms of the residual; npixel: pixels in the search region. Updates the
 * state's peaks. */
int pcl_converge_check(const pcl_control *c, pcl_progress_state *s, double peak, double rms,
                       size_t npixel);

/* Where the next minor cycle of a plane stops. cyclecontrol=global: `peak` and `sidelobe` are the
 * largest of all planes, `rms` is the plane's own: each plane is cleaned down to its own nsigma,
 * while pcl_converge_check ends it all with the largest rms. */
double pcl_converge_cyclethreshold(const pcl_control *c, double peak, double sidelobe, double rms);
int pcl_converge_cycleniter(const pcl_control *c, const pcl_progress_state *s);

#endif
