/* memory.h: how much memory workers of CASA's imager need, as the Python pclean estimates it. For sizing jobs that run
 * CASA; pclean's own plan is made from its own buffers, is printed by `pclean image`, and is much smaller.
 *
 * GiB of a worker = 0.7 + nx ny nchan 76 f / 2^30, where f is by gridder (any case) 1 for standard, 1.2 wproject, 1.3
 * widefield, 2 mosaic, 2.5 awproject, 1 for any other; times nterms^2 for the deconvolver mtmfs; a mosaic of several
 * fields has f (1 + 0.1 (sqrt(nfields) - 1)). The second example of the specification (imsize [1280, 1024], mosaic,
 * mtmfs, nterms 2: "5.08...") contradicts this formula, which gives 1.44; the formula is right.
 *
 * Pure functions: no errors, thread-safe. */
#ifndef PCLEAN_MEMORY_H
#define PCLEAN_MEMORY_H
#include "pclean/error.h"
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PCLEAN_MEMORY_BYTES_PER_PIXEL_STANDARD 76.0    /* per channel */
#define PCLEAN_MEMORY_WORKER_BASE_OVERHEAD_GIB 0.7     /* Python and Dask */
#define PCLEAN_MEMORY_COORDINATOR_OVERHEAD_GIB 0.5
#define PCLEAN_MEMORY_SAFETY_FACTOR 0.85               /* of the memory there is, for workers */

typedef struct pclean_memory_task {
    size_t nx, ny;           /* pixels */
    size_t nchan_per_task;   /* channels that a worker images at a time */
    const char *gridder;     /* borrowed */
    const char *deconvolver; /* borrowed */
    int nterms;              /* Taylor terms; counts with mtmfs only */
    size_t nfields;          /* pointings; counts with mosaic only */
} pclean_memory_task;

/* Defaults: imsize 4096, one channel, standard, hogbom, one term, one field. */
PCLEAN_API void pclean_memory_task_init(pclean_memory_task *task);

/* Peak memory of one worker, GiB. */
PCLEAN_API double pclean_memory_estimate_worker_gib(const pclean_memory_task *task);

/* Peak memory of nworkers workers and the coordinator, GiB. */
PCLEAN_API double pclean_memory_estimate_peak_gib(size_t nworkers, const pclean_memory_task *task);

/* Most workers that fit into safety_factor of available_gib, at least 1. available_gib <= 0: what this process may use
 * (free memory, cgroup and Slurm limits). safety_factor <= 0: 0.85. */
PCLEAN_API size_t pclean_memory_recommend_nworkers(double available_gib, const pclean_memory_task *task, double safety_factor);

/* Memory that this process may use, GiB, and which limit says so; *from static text of the call's thread, may be NULL. */
PCLEAN_API double pclean_memory_available_gib(const char **from);

#ifdef __cplusplus
}
#endif
#endif
