/* run.h: one call of pclean_image, as its parts see it: run.c (the stages, in order), schedule.c
 * (which plane is done when), restoring.c (the beam of all planes), verdict.c (what became of it
 * all), hooks.c (what the caller hears meanwhile). */
#ifndef PCL_RUN_H
#define PCL_RUN_H
#include "base/err.h"
#include "core/commonbeam.h"
#include "exec/pool.h"
#include "imager/setup.h"
#include "pclean/run.h"
#include "run/history.h"
#include "run/resources.h"
#include "run/tasks.h"

typedef struct pcl_run {
    const pclean_config *config;
    const pclean_hooks *hooks;
    pclean_result *result;
    double start, stage_start;
    double cpu_start, team_seconds; /* CPU time of this thread then, and of its OpenMP threads */

    pcl_setup setup;
    pcl_store vis;
    pcl_usermask *mask;
    pcl_startmodel *startmodel;
    pcl_state_file *spare;
    pcl_products products;
    pcl_resources resources;
    enum pcl_tasks_way way;
    pcl_workplace place; /* the above, as the workers see it */
    pcl_parcel job;      /* the same for workers that do not inherit it */
    pcl_pool *pool;
    pcl_pool_usage usage; /* of workers that have ended */
    uint64_t peak_bytes;  /* anonymous memory of all processes, in the stages that are over */
    char scratch_folder[4096], scratch_prefix[32];
    pcl_scratch scratch; /* these, the prefix where workers do not inherit the files */

    int claim;     /* on the products' name; -1: none */
    bool stopping; /* the caller has asked for it; whoever heard it may have had nothing to end */
    size_t nplane;
    pcl_plane_state *state; /* [nchan][npol] */
    pcl_history history;
    int stop;             /* cyclecontrol=global: of all planes */
    pcl_beam common_beam; /* of restoringbeam='common'; zero: there is none (yet) */
    pcl_commonbeam_spread beam_spread;
    uint64_t most_nvis[4]; /* of the fullest plane of each polarization */
} pcl_run;

/* ---- hooks.c ---- */
void pcl_run_end_stage(pcl_run *r, const char *name);
/* A pcl_pool_params.stop_requested; user is the run. */
int pcl_run_stop_requested(void *user);
/* fraction: of the whole run. plane: NULL, or the one just finished. */
void pcl_run_report(const pcl_run *r, const char *stage, double fraction, size_t done, size_t total,
                    const char *unit, const pclean_plane *plane);
void pcl_run_report_cycle(const pcl_run *r, const pclean_cycle *cycle);
/* Logs a warning and keeps it for the result. */
void pcl_run_warn(pcl_run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- schedule.c ---- */
/* All planes, by the config's cyclecontrol, with r->pool. */
int pcl_run_image_planes(pcl_run *r, pclean_err *err) PCL_CHECK;

/* The plane could not be made: it is blank in the products, and the run fails. */
bool pcl_run_plane_failed(const pclean_plane *p);

/* true: the planes are cleaned as one problem. */
bool pcl_run_is_global(const pclean_config *config);

/* ---- restoring.c ---- */
/* The planes of this run get a common beam, once all have a PSF. */
bool pcl_run_has_common_beam(const pcl_run *r);
/* Finds it where it is wanted: r->common_beam. */
int pcl_run_find_common_beam(pcl_run *r, pclean_err *err) PCL_CHECK;
/* The beam that all planes are restored with, given or common; zero: each with its own. */
const pcl_beam *pcl_run_one_beam(const pcl_run *r);

/* ---- verdict.c ---- */
/* "channel 7", or "channel 7, polarization 1" where there are several. */
void pcl_run_plane_name(const pcl_run *r, const pclean_plane *p, char *buf, size_t size);
/* Warnings, the run's stop code, products and resources into the result. */
void pcl_run_sum_up(pcl_run *r);
void pcl_run_measure(pcl_run *r);
/* Looks at the memory: the peak since the last look, with that of casacore's process and
 * `growth_bytes` of workers on top, counts. */
void pcl_run_note_peak(pcl_run *r, uint64_t growth_bytes);
/* A run that wrote its products can still have failed. */
int pcl_run_verdict(const pcl_run *r, pclean_err *err) PCL_CHECK;

#endif
