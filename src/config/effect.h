/* effect.h: when a parameter has no effect on a run, whatever it says. */
#ifndef PCL_EFFECT_H
#define PCL_EFFECT_H
#include "base/err.h"
#include "pclean/config.h"

/* Why the parameter has no effect on this run, in a few words; NULL: it has one. The tables of parameters (options.c,
 * unserved.c) name one of these beside each parameter that has such a condition. */
typedef const char *pcl_idle(const pclean_config *config);

pcl_idle pcl_idle_always_w, pcl_idle_one_channel, pcl_idle_no_frame, pcl_idle_no_grid, pcl_idle_no_velocity, pcl_idle_no_density, pcl_idle_no_planes_density,
    pcl_idle_not_briggs, pcl_idle_not_briggsabs, pcl_idle_joint_gridder, pcl_idle_no_clean, pcl_idle_any_deconvolver, pcl_idle_not_mtmfs,
    pcl_idle_not_multiscale, pcl_idle_not_asp, pcl_idle_not_automask, pcl_idle_not_pbmask, pcl_idle_no_restoration, pcl_idle_beam;

struct pcl_texts;

/* Lines "pbcor=true: without effect on this run (restoration=false)", one for each reason: the values that differ from the
 * defaults. *lines to be cleared with pcl_texts_clear. */
int pcl_effect_notes(const pclean_config *config, struct pcl_texts *lines, pclean_err *err) PCL_CHECK;

#endif
