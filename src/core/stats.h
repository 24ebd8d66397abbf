/* stats.h: statistics of one plane, over the finite pixels inside a mask. The same bits for any number of threads. */
#ifndef PCL_STATS_H
#define PCL_STATS_H
#include <stdbool.h>
#include <stddef.h>

typedef struct pcl_stats {
    size_t n;              /* pixels counted; 0: all the rest is 0 */
    double sum, mean, rms; /* rms about zero: sqrt(sum of squares / n) */
    float min, max;
    float peak; /* signed value with the largest magnitude, the first of equals with x running fastest */
    size_t peak_x, peak_y;
} pcl_stats;

/* image [ny][nx]; mask [ny][nx], true where pixels count; NULL: everywhere. */
void pcl_stats_plane(const float *image, const bool *mask, size_t nx, size_t ny, pcl_stats *out);

/* Median and robust rms, 1.4826 median|x - median|, of n pixels; of an even count the mean of the two middle values, as
 * casacore. work [n]: overwritten. Time O(n) whatever the data. Returns the rms (0 without pixels); median may be NULL.
 */
double pcl_stats_mad_rms(const float *image, const bool *mask, size_t n, float *work, double *median);

/* The k-th smallest (from 0) of n values without NaN; read only. k < n. */
float pcl_stats_select(const float *value, size_t n, size_t k);

#endif
