/* plan.h: the plan of a run (pclean/plan.h), in a struct of the caller's and without its partition,
 * which src/partition adds. Not thread-safe. */
#ifndef PCL_PLAN_H
#define PCL_PLAN_H
#include "base/err.h"
#include "pclean/plan.h"

/* measure: estimate the time. *plan to be cleared; zero after a failure. */
int pcl_plan_make(const pclean_config *config, bool measure, pclean_plan *plan,
                  pclean_err *err) PCL_CHECK;
/* Not of its partition. */
void pcl_plan_clear(pclean_plan *plan);

#endif
