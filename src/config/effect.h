/* effect.h: what is said about parameters that have no effect on a run. */
#ifndef PCL_EFFECT_H
#define PCL_EFFECT_H
#include "base/err.h"
#include "config/parameters.h"

struct pcl_texts;

/* Lines "pbcor=true: without effect on this run (restoration=false)", one for each reason: the
 * values that differ from the defaults. *lines to be cleared with pcl_texts_clear. */
int pcl_effect_notes(const pclean_config *config, struct pcl_texts *lines,
                     pclean_err *err) PCL_CHECK;

#endif
