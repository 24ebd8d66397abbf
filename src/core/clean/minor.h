/* minor.h: what tclean's minor cycles have in common (SDAlgorithmBase.cc,
 * SIMinorCycleController.cc): they work in blocks of components, and after each block it is asked
 * whether that was the last. Pure logic. */
#ifndef PCL_MINOR_H
#define PCL_MINOR_H
#include <stddef.h>

/* Why a minor cycle ended: tclean's numbers of the summaryminor record. */
enum pcl_minor_stop {
    PCL_MINOR_EMPTY_MASK = 0,   /* no pixel may be searched: nothing done */
    PCL_MINOR_CYCLENITER = 1,   /* niter reached cycleniter */
    PCL_MINOR_THRESHOLD = 2,    /* |peak| <= threshold (also before the first component) */
    PCL_MINOR_ZERO_ITER = 3,    /* a block made no component */
    PCL_MINOR_DIVERGED = 4,     /* |peak| > 1.1 times its smallest value at the start of a block.
                                * tclean keeps the model and goes on with the next major cycle */
    PCL_MINOR_NO_CRITERION = 5, /* a block ended early and no criterion holds */
    PCL_MINOR_NSIGMA = 6        /* THRESHOLD where that is n-sigma: its caller's to tell */
};

typedef struct pcl_minor {
    size_t cycleniter; /* components at most, as tclean counts them */
    float threshold;   /* Jy/beam */
    size_t niter;      /* reported by the blocks so far */
    float smallest;    /* |peak| at the start of a block */
} pcl_minor;

/* abs_peak: the largest |residual| where it is searched. Both return a pcl_minor_stop, or -1: go
 * on with a block of at most pcl_minor_block components. done: what it reports. */
int pcl_minor_begin(pcl_minor *m, size_t cycleniter, float threshold, float abs_peak);
int pcl_minor_end_block(pcl_minor *m, size_t done, float abs_peak);

/* From 5000 on tclean works in blocks of 2000, so that the sum may exceed cycleniter by up to
 * 1999. */
size_t pcl_minor_block(const pcl_minor *m);

#endif
