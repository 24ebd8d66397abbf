/* casa_memory.h: memory of workers that run CASA, by the formula of pclean/memory.h. The order of
 * the operations is the Python pclean's, so the doubles are equal in every bit. Pure. */
#ifndef PCL_CASA_MEMORY_H
#define PCL_CASA_MEMORY_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

typedef struct pcl_casa_task {
    int64_t nx, ny, nchan;
    const char *gridder, *deconvolver; /* any case */
    int64_t nterms, nfields;
} pcl_casa_task;

/* -PCLEAN_EPARAM: a number below 1, or more pixels than can be counted. */
int pcl_casa_memory_worker_gib(const pcl_casa_task *task, double *gib, pclean_err *err) PCL_CHECK;

/* The buffers that make 76 bytes per pixel and channel with the standard gridder. X(name, dtype,
 * bytes per pixel) */
#define PCL_CASA_BUFFER_LIST(X)                                                                    \
    X("complex visibility grid", "complex64", 8)                                                   \
    X("weight grid", "complex64", 8)                                                               \
    X("FFT workspace (in + out)", "complex64", 16)                                                 \
    X("residual image", "float32", 4)                                                              \
    X("model image", "float32", 4)                                                                 \
    X("PSF image", "float32", 4)                                                                   \
    X("weight image (sumwt)", "float32", 4)                                                        \
    X("primary beam", "float32", 4)                                                                \
    X("mask", "float32", 4)                                                                        \
    X("temporary, bookkeeping", "mixed", 20)

#endif
