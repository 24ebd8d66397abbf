/* clock.h: time for measuring durations. */
#ifndef PCL_CLOCK_H
#define PCL_CLOCK_H
#include <time.h>

/* Seconds since some fixed moment; never goes back. */
static inline double pcl_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
