/* times.h: the distinct times of rows, numbered as they come: an open-addressing table, so that
 * baseline-major MSs are served as well as time-major ones. */
#ifndef PCL_TIMES_H
#define PCL_TIMES_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

typedef struct pcl_times {
    size_t size, n; /* size: a power of 2 */
    uint32_t *slot; /* [size] index + 1, 0: empty */
    double *time_s; /* [n] in the order in which they came, room for size / 2 */
} pcl_times;        /* zeroed: empty */

/* The number of a time, a new one if it has not been seen. */
int pcl_times_index(pcl_times *t, double time_s, uint32_t *index, pclean_err *err) PCL_CHECK;

/* Hands the list [*n] to the caller (pcl_free) and clears the table; NULL when it is empty. */
double *pcl_times_take(pcl_times *t, size_t *n);
void pcl_times_clear(pcl_times *t);

#endif
