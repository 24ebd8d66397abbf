/* configbytes.h: a configuration as plain bytes and back, to the bit; for another process of the
 * same build. What was asked for and is not served does not come along: it was judged before. */
#ifndef PCL_CONFIGBYTES_H
#define PCL_CONFIGBYTES_H
#include "base/parcel.h"
#include "pclean/config.h"

int pcl_configbytes_put(const pclean_config *config, pcl_parcel *p, pclean_err *err) PCL_CHECK;
/* *config is not read. After a failure it need not be cleared. */
int pcl_configbytes_take(pcl_parcel_reader *r, pclean_config *config, pclean_err *err) PCL_CHECK;

#endif
