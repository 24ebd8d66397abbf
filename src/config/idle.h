/* idle.h: when a parameter has no effect on a run, whatever it says. */
#ifndef PCL_IDLE_H
#define PCL_IDLE_H
#include "config/parameters.h"
#include <stdbool.h>

/* Whether what was asked for the parameter `name` is one of "a|b" (pcl_asked_is). */
typedef bool pcl_idle_test(const pclean_config *config, const char *name, const char *words);

/* Why the parameter has no effect on this run, in a few words; NULL: it has one. The tables of
 * parameters (options.c, unserved.c) name one of these beside each parameter that has such a
 * condition. */
typedef const char *pcl_idle(const pclean_config *config, pcl_idle_test *is);

pcl_idle pcl_idle_always_w, pcl_idle_one_channel, pcl_idle_no_frame, pcl_idle_no_grid,
    pcl_idle_no_velocity, pcl_idle_no_density, pcl_idle_no_planes_density, pcl_idle_not_briggs,
    pcl_idle_not_briggsabs, pcl_idle_not_briggsbwtaper, pcl_idle_joint_gridder, pcl_idle_no_clean,
    pcl_idle_any_deconvolver, pcl_idle_not_mtmfs, pcl_idle_not_multiscale, pcl_idle_not_asp,
    pcl_idle_not_automask, pcl_idle_no_user_mask, pcl_idle_not_pbmask, pcl_idle_no_noise,
    pcl_idle_restart, pcl_idle_no_restoration, pcl_idle_beam;

/* of the Python pclean, and of selectdata */
pcl_idle pcl_idle_no_selection, pcl_idle_no_dask, pcl_idle_no_cluster, pcl_idle_no_slurm,
    pcl_idle_own_automask;

#endif
