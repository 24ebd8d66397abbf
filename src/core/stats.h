/* stats.h: statistics of one plane over its finite pixels. The same bits for any number of
 * threads. */
#ifndef PCL_STATS_H
#define PCL_STATS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest magnitude of n pixels; mask [n]: true where pixels count, NULL: everywhere. 0 without
 * pixels. */
float pcl_stats_peak(const float *image, const bool *mask, size_t n);

/* Whether all n pixels are finite. */
bool pcl_stats_all_finite(const float *image, size_t n);

/* Sum of n pixels. */
double pcl_stats_sum(const float *image, size_t n);

/* Median and robust rms, 1.4826 median|x - median|, of n pixels; of an even count the mean of the
 * two middle values, as casacore. work [n]: overwritten. Time O(n) whatever the data. Returns the
 * rms (0 without pixels); median may be NULL. */
double pcl_stats_mad_rms(const float *image, size_t n, int32_t *work, double *median);
/* The same where mask [n] is true; NULL: everywhere. */
double pcl_stats_mad_rms_in(const float *image, const bool *mask, size_t n, int32_t *work,
                            double *median);

#endif
