/* threads.h: whether the system lets us have threads. OpenMP ends the process when it does not, and
 * leaves behind what is half made: so it is asked before anything is made. */
#ifndef PCL_THREADS_H
#define PCL_THREADS_H
#include "base/err.h"

/* Starts threads until there are n, this one included, and ends them: -PCLEAN_EIO says why one
 * could not be started. */
int pcl_threads_check(int n, pclean_err *err) PCL_CHECK;

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
#endif

#endif
