/* inputs.h: everything that a configuration has a run read: MeasurementSets with the tables they
 * need, mask, start models with the images that their lists name, density. */
#ifndef PCL_INPUTS_H
#define PCL_INPUTS_H
#include "base/apart.h"
#include "config/config.h"

/* -PCLEAN_EPARAM if any of it is among the outputs, or the outputs would lie inside it
 * (base/apart.h). Changes nothing; inputs that cannot be read are left to who reads them. Calls
 * casacore. */
int pcl_inputs_check(const pclean_config *config, const pcl_apart *outputs,
                     pclean_err *err) PCL_CHECK;

#endif
