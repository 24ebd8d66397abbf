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

/* How a residual stands after a major cycle: that of a plane, or the worst of all. */
typedef struct pcl_standing {
    double peak;        /* |residual| inside the search region [Jy/beam] */
    double peak_nomask; /* the same without the user's mask: divergence is judged by it */
    double nsigma_jy;   /* n-sigma threshold; 0: none */
    size_t npixel;      /* pixels in the search region */
} pcl_standing;

/* What the control remembers of a plane (or of all). */
typedef struct pcl_progress_state {
    int niter;  /* iterations done */
    int nround; /* minor/major rounds done */
    double peak_previous;
    double nomask_previous, nomask_least; /* of peak_nomask */
    bool started;
} pcl_progress_state;

/* The state's peaks are those of this standing from now on. */
void pcl_converge_note(pcl_progress_state *s, const pcl_standing *at);

/* After a major cycle: the stop code, or 0 to go on. Notes the standing. */
int pcl_converge_check(const pcl_control *c, pcl_progress_state *s, const pcl_standing *at);

/* Whether a major cycle has made it worse, of which pcl_converge_check has not been told yet: its
 * stop code, or 0. s: as the check before the cycle left it; best_peak: the lowest peak so far;
 * minor_stop: enum pcl_minor_stop of the minor cycle. */
int pcl_converge_diverged(const pcl_progress_state *s, const pcl_standing *at, double best_peak,
                          int minor_stop);

/* Where the next minor cycle of a plane stops: tclean's cyclethreshold; below n-sigma thresholds it
 * stops earlier. cyclecontrol=global: `peak` and `sidelobe` are the largest of all planes. */
double pcl_converge_cyclethreshold(const pcl_control *c, double peak, double sidelobe);
int pcl_converge_cycleniter(const pcl_control *c, const pcl_progress_state *s);

/* The same level for a plane that has diverged: with each retry half as deep from its own peak. */
double pcl_converge_shallower(double level, double peak, int nretry);

/* Whether a plane is noise alone: a dirty peak below `limit` times the rms. 0: none is. */
bool pcl_converge_is_noise(double peak_dirty, double rms, double limit);

#endif
