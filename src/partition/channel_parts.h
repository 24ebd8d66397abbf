/* channel_parts.h: a cube cut by channels. A part reads the data channels that its own image
 * channels can need at any time of the observation. */
#ifndef PCL_CHANNEL_PARTS_H
#define PCL_CHANNEL_PARTS_H
#include "partition/whole.h"

/* Makes out->part: whole->nwanted parts, but no more than channels. Leaves whole->setup narrowed to
 * the last part. -PCLEAN_EBUG: the parts' channels are not the whole's. */
int pcl_channel_parts_cut(pcl_whole *whole, pclean_partition *out, pclean_err *err) PCL_CHECK;

/* What a setup that is narrowed to a part reads of its MSs: spw, the condition of its
 * configuration, and rows. ms [MSs of the setup], as pcl_whole_new_selection makes it. */
int pcl_channel_parts_select(const pcl_setup *part, pclean_part_ms *ms, pclean_err *err) PCL_CHECK;

#endif
