/* timing.h: how long a run will take, from a short one: a sample of the rows is read and one small
 * plane made of them by the same code as the run's. */
#ifndef PCL_TIMING_H
#define PCL_TIMING_H
#include "base/err.h"
#include "imager/setup.h"

typedef struct pcl_timing {
    double seconds;     /* that the measurement itself took */
    double read_s;      /* reading and packing all rows */
    double write_s;     /* all products to the disk; 0: their folder takes no file */
    double dirty_s;     /* a plane's weights, PSF and first residual, */
    double major_s;     /* each further major cycle, */
    double iteration_s; /* each iteration of CLEAN, */
    double finish_s;    /* restoring: means over the planes of the run, seconds of one worker */
} pcl_timing;

/* `setup` is the run's, open; its MSs are opened once more and read in part. nthread: of a worker.
 * -PCLEAN_EDATA where the sample holds nothing to image. After a failure *out holds nothing of
 * use. */
int pcl_timing_measure(const pcl_setup *setup, size_t nthread, pcl_timing *out,
                       pclean_err *err) PCL_CHECK;

#endif
