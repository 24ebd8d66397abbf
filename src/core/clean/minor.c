#include "core/clean/minor.h"

enum {
    BLOCK_FROM = 5000, /* tclean: cycleniter from which it works in blocks, and their size */
    BLOCK_SIZE = 2000
};

size_t pcl_minor_block(const pcl_minor *m) {
    return m->cycleniter < BLOCK_FROM ? m->cycleniter : BLOCK_SIZE;
}

int pcl_minor_begin(pcl_minor *m, size_t cycleniter, float threshold, float abs_peak) {
    *m = (pcl_minor){.cycleniter = cycleniter, .threshold = threshold, .smallest = abs_peak};
    int stop = -1;
    if (cycleniter == 0)
        stop = PCL_MINOR_CYCLENITER;
    if (abs_peak <= threshold)
        stop = PCL_MINOR_THRESHOLD;
    return stop;
}

/* SIMinorCycleController::majorCycleRequired: the later rules win. */
int pcl_minor_end_block(pcl_minor *m, size_t done, float abs_peak) {
    const float smallest = m->smallest;
    int stop = -1;
    m->niter += done;
    if (m->niter >= m->cycleniter)
        stop = PCL_MINOR_CYCLENITER;
    if (abs_peak <= m->threshold)
        stop = PCL_MINOR_THRESHOLD;
    if (done == 0)
        stop = PCL_MINOR_ZERO_ITER;
    if (done > 0 && smallest > 0.0f && (double)((abs_peak - smallest) / smallest) > 0.1)
        stop = PCL_MINOR_DIVERGED;
    if (stop < 0 && done != pcl_minor_block(m))
        stop = PCL_MINOR_NO_CRITERION;
    if (abs_peak < smallest)
        m->smallest = abs_peak;
    return stop;
}
