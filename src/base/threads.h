/* threads.h: whether the system lets us have threads. OpenMP ends the process when it does not, and
 * leaves behind what is half made: so it is asked before anything is made. */
#ifndef PCL_THREADS_H
#define PCL_THREADS_H
#include "base/err.h"
#include <stdbool.h>
#ifdef _OPENMP
#include <omp.h>
#endif

/* Starts threads until there are n, this one included, and ends them: -PCLEAN_EIO says why one
 * could not be started. */
int pcl_threads_check(int n, pclean_err *err) PCL_CHECK;

/* true: this is the only thread of the process, which may fork. false: it is not, or /proc does not
 * tell. OpenMP's idle threads count: they are given up first (omp_pause_resource_all). */
bool pcl_threads_none_beside(void);

/* CPU time of this thread so far, seconds. */
double pcl_threads_cpu_seconds(void);

#ifdef _OPENMP /* base itself is compiled without */
/* The same, and lets OpenMP have its n threads now: it keeps them for later. */
static inline int pcl_threads_start(int n, pclean_err *err) {
    int rc = pcl_threads_check(n, err), started = 0;
    if (rc)
        return rc;
#pragma omp parallel num_threads(n) reduction(+ : started)
    started++;
    return started > 0 ? 0 : PCL_FAIL(err, PCLEAN_EBUG, "no thread was started");
}

/* CPU time of the n - 1 threads that OpenMP has for this one, so far. */
static inline double pcl_threads_team_seconds(int n) {
    double seconds = 0;
    if (n <= 1)
        return 0;
#pragma omp parallel num_threads(n) reduction(+ : seconds)
    if (omp_get_thread_num() > 0)
        seconds += pcl_threads_cpu_seconds();
    return seconds;
}
#endif

#endif
