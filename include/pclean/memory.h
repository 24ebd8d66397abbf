/* memory.h: how much memory imaging takes and how many workers fit, before anything starts.
 *
 *     pclean_memory_request request;
 *     pclean_memory_request_init(&request, sizeof request);
 *     request.model = PCLEAN_MEMORY_NATIVE;
 *     request.imsize[0] = 8000;
 *     pclean_memory_estimate *e = NULL;
 *     if (pclean_estimate_memory(&request, 0, NULL, &e, &err) == 0)
 *         printf("%zu workers, %.1f GiB each\n", e->recommended_nworkers, e->worker_gib);
 *     pclean_memory_estimate_free(e);
 *
 * The names are those of the Python pclean's utils.memory_estimate with pclean_ in front (PCLEAN_
 * for its constants): estimate_worker_memory_gib, estimate_peak_ram_gib, recommend_nworkers,
 * BYTES_PER_PIXEL_STANDARD, WORKER_BASE_OVERHEAD_GIB. Their arguments are the members of
 * pclean_memory_request, and pclean_memory_request_init sets their defaults. 1 GiB is 2^30 bytes.
 *
 * Two models:
 *
 * PCLEAN_MEMORY_CASA, workers that run CASA: the Python pclean's formula, equal to it in every bit.
 *     GiB of a worker = 0.7 + nx ny nchan_per_task 76 f / 2^30
 * where f is by gridder (any case) 1 for standard, 1.2 wproject, 1.3 widefield, 2 mosaic, 2.5
 * awproject, 1 for any other; a mosaic of several fields has f (1 + 0.1 (sqrt(nfields) - 1)); the
 * deconvolver mtmfs multiplies by nterms^2. The peak adds 0.5 GiB for the coordinator. The second
 * example in that module's documentation (imsize [1280, 1024], mosaic, mtmfs, nterms 2: "5.08...")
 * contradicts its own formula, which gives 1.4421875; the formula is right.
 *
 * PCLEAN_MEMORY_NATIVE, this library's own workers: the sum that pclean_image plans with, made by
 * functions beside the allocations. A worker holds one plane at a time (all Stokes planes of a
 * channel with deconvolver clark), so nchan_per_task changes nothing. With a config that names
 * MeasurementSets these are opened and their sizes counted. Without, the memory that depends on the
 * data is not known: the packed visibilities are then left out (12 bytes for each visibility and
 * Stokes plane and 40 for each row, once for all workers, in memory or in a scratch file), a plane
 * has a million samples, and with no config at all it is cleaned (niter 1000) with a density for
 * briggs weighting. Each worker has config->threads threads, 1 where that is 0.
 *
 * Thread-safe. */
#ifndef PCLEAN_MEMORY_H
#define PCLEAN_MEMORY_H
#include "pclean/config.h"
#include "pclean/error.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PCLEAN_BYTES_PER_PIXEL_STANDARD 76.0 /* of CASA, per channel */
#define PCLEAN_WORKER_BASE_OVERHEAD_GIB 0.7  /* Python and Dask */
#define PCLEAN_COORDINATOR_OVERHEAD_GIB 0.5
#define PCLEAN_RAM_SAFETY_FACTOR        0.85

enum pclean_memory_model { PCLEAN_MEMORY_CASA, PCLEAN_MEMORY_NATIVE };

typedef struct pclean_memory_request {
    size_t size;
    int model;                   /* enum pclean_memory_model */
    int64_t imsize[2];           /* pixels: nx, ny */
    size_t nimsize;              /* values in it: 1 for a square image, 2, or 0 for the config's */
    int64_t nchan_per_task;      /* channels that a worker of CASA images at a time */
    const char *gridder;         /* borrowed, any case; NULL: the config's */
    const char *deconvolver;     /* likewise */
    int64_t nterms;              /* Taylor terms; counts with mtmfs only */
    int64_t nfields;             /* pointings; counts with mosaic only */
    double ram_safety_factor;    /* of the memory there is, for workers; above 0, at most 1 */
    const pclean_config *config; /* borrowed, need not be complete; NULL: none */
} pclean_memory_request;

/* Defaults: casa, imsize 4096, 1 channel, standard, hogbom, 1 term, 1 field, 0.85, no config. */
PCLEAN_API void pclean_memory_request_init(pclean_memory_request *request, size_t size);

/* Peak memory of one worker, GiB. Errors of these four functions: -PCLEAN_EPARAM for a number below
 * 1, a NaN, a factor outside (0, 1], sizes whose product cannot be counted, and for the native
 * model a gridder or deconvolver that it lacks; opening MeasurementSets fails as pclean_image does.
 * *gib is 0 then. */
PCLEAN_API int pclean_estimate_worker_memory_gib(const pclean_memory_request *request, double *gib,
                                                 pclean_err *err);

/* Peak memory of nworkers workers together with what they share, GiB; visibilities in memory unless
 * the config has scratch. */
PCLEAN_API int pclean_estimate_peak_ram_gib(int64_t nworkers, const pclean_memory_request *request,
                                            double *gib, pclean_err *err);

/* The most workers that fit into ram_safety_factor of *available_ram_gib, at least 1. NULL: what
 * pclean_available_ram_gib says. */
PCLEAN_API int pclean_recommend_nworkers(const double *available_ram_gib,
                                         const pclean_memory_request *request, size_t *nworkers,
                                         pclean_err *err);

/* Memory that a process here may use, GiB: the least of physical memory, the limits of its cgroups
 * (v1, v2) and Slurm's allocation, whatever is in use now. from: which of them it is, cut to size
 * bytes; NULL: not wanted. */
PCLEAN_API double pclean_available_ram_gib(char *from, size_t size);

/* "64GiB", "500 MB", or a bare number of GiB. -PCLEAN_EPARAM: not a number, an unknown unit, or not
 * above 0. */
PCLEAN_API int pclean_parse_ram_gib(const char *text, double *gib, pclean_err *err);

typedef struct pclean_memory_buffer {
    char name[48], dtype[24];
    bool once;              /* shared by all workers */
    double bytes_per_pixel; /* of one plane of the image; 0 where the buffer does not depend on
                               * its size */
    double gib;
} pclean_memory_buffer;

/* All of it at once. */
typedef struct pclean_memory_estimate {
    double worker_gib;
    size_t nworkers;
    double peak_gib; /* of nworkers */
    size_t recommended_nworkers;
    double available_gib;
    char available_from[160]; /* which limit that is; "given" */
    size_t nbuffer;
    pclean_memory_buffer buffer[16]; /* those of a worker add up to worker_gib */
    int model;                       /* enum pclean_memory_model, and the factor: of the request */
    double ram_safety_factor;
} pclean_memory_estimate;
PCLEAN_API void pclean_memory_estimate_free(pclean_memory_estimate *estimate); /* NULL: nothing */
/* *json to be freed with free(); after a failure (-PCLEAN_ENOMEM) NULL. */
PCLEAN_API int pclean_memory_json(const pclean_memory_estimate *estimate, char **json,
                                  pclean_err *err);

/* nworkers 0: as many as are recommended. Native: visibilities that leave no room for the workers
 * go to a scratch file. *out is NULL after a failure. */
PCLEAN_API int pclean_estimate_memory(const pclean_memory_request *request, int64_t nworkers,
                                      const double *available_ram_gib, pclean_memory_estimate **out,
                                      pclean_err *err);

#ifdef __cplusplus
}
#endif
#endif
