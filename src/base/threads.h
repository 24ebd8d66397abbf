/* threads.h: whether the system lets us have threads. OpenMP ends the process when it does not, and leaves behind what is half made: so it is asked
 * before anything is made. */
#ifndef PCL_THREADS_H
#define PCL_THREADS_H
#include "base/err.h"

/* Starts n threads beside this one and ends them: -PCLEAN_EIO says why one could not be started. */
int pcl_threads_check(int n, pclean_err *err) PCL_CHECK;

#endif
