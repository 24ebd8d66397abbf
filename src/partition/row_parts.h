/* row_parts.h: a continuum image cut by rows of its MeasurementSets. Each MS is cut into as many
 * ranges as parts are wanted, and part k has range k of each. */
#ifndef PCL_ROW_PARTS_H
#define PCL_ROW_PARTS_H
#include "partition/whole.h"

/* The band over all times, as the whole image's run finds it when it reads: changes the setup. */
int pcl_row_parts_widen(pcl_whole *whole, pclean_err *err) PCL_CHECK;

/* Makes out->part: whole->nwanted parts, but none without rows. */
int pcl_row_parts_cut(const pcl_whole *whole, pclean_partition *out, pclean_err *err) PCL_CHECK;

/* *text = the condition, if any, and that a row is one of the selected rows [from, to) of the MS,
 * as TaQL; to be given to pcl_free. from < to. */
int pcl_row_parts_range(const casa_ms *ms, const char *condition, size_t from, size_t to,
                        char **text, pclean_err *err) PCL_CHECK;

#endif
