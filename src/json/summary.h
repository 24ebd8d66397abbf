/* summary.h: what tclean's return record has beside numbers: summaryminor, summarymajor and the
 * words of its stop codes. Each is made of a pclean_result; NULL: no memory. Thread-safe. */
#ifndef PCL_JSON_SUMMARY_H
#define PCL_JSON_SUMMARY_H
#include <jansson.h>

/* {"0": {channel: {polarization: {"iterDone": [...], ...}}}}; the outer key is tclean's number of
 * the field. Without fullsummary of the result four of the keys. */
json_t *pcl_json_summaryminor(const void *result);

/* [iterations of all planes done before each major cycle] */
json_t *pcl_json_summarymajor(const void *result);

/* The words of tclean for the result's stop code; ours for ours. */
json_t *pcl_json_stop_description(const void *result);

#endif
