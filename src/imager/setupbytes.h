/* setupbytes.h: what imaging needs of a setup, as plain bytes and back, to the bit: so a worker of
 * another process opens no MeasurementSet to know the image. Two setups of the same configuration
 * and data have the same bytes. */
#ifndef PCL_SETUPBYTES_H
#define PCL_SETUPBYTES_H
#include "base/parcel.h"
#include "imager/setup.h"

void pcl_setupbytes_put(const pcl_setup *setup, pcl_parcel *p);
/* Of the same config, borrowed. *setup to pcl_setup_close; it has no MeasurementSets, and what only
 * reading them needs is empty. */
int pcl_setupbytes_take(pcl_parcel_reader *r, const pclean_config *config, pcl_setup *setup,
                        pclean_err *err) PCL_CHECK;

#endif
