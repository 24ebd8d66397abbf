/* plan.h: what pclean_image would do with a configuration, without doing it: data, channel grid,
 * workers, memory, disk, time. The plan is made by the code that makes the run's own. Nothing is
 * written.
 *
 *     pclean_plan *plan = NULL;
 *     if (pclean_plan_make(config, NULL, &plan, &err) == 0)
 *         printf("%zu channels, %.1f GB\n", plan->nchan, 1e-9 * (double)plan->memory_bytes);
 *     pclean_plan_free(plan);
 *
 * Thread-safe: each thread has a process for casacore. */
#ifndef PCLEAN_PLAN_H
#define PCLEAN_PLAN_H
#include "pclean/config.h"
#include "pclean/error.h"
#include "pclean/partition.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One data description (spectral window x polarization) of one MeasurementSet. */
typedef struct pclean_plan_window {
    char *msname;
    int spw;
    size_t nchan, nchan_read; /* selected, and of them those that the image needs */
    size_t nrow;              /* selected, without autocorrelations */
    double low_hz, high_hz;   /* edges of the selected channels in the image's frame, at the
                               * first selected time */
} pclean_plan_window;

/* A folder and what would be put there. */
typedef struct pclean_plan_disk {
    char *folder;                      /* as its path was given */
    uint64_t needed_bytes, free_bytes; /* free now, for this user */
} pclean_plan_disk;

/* Seconds. The run's own data are sampled: a small part is read and one small plane made of it. */
typedef struct pclean_plan_time {
    bool known;        /* false: the sample held no data of the image, or planning was told
                 * not to measure */
    double sampling_s; /* that this estimate took */
    double read_s;     /* reading and packing all rows */
    double dirty_s;    /* all planes with niter 0, restoring included, by all workers */
    double write_s;    /* the products to the disk */
    double clean_s;    /* what CLEAN adds if every plane takes all niter iterations, */
    int nmajor;        /* in this many major cycles (nmajor of the config, else 5, guessed) */
} pclean_plan_time;

/* A kind of memory of a worker. */
typedef struct pclean_plan_buffer {
    char name[24];
    uint64_t bytes;
} pclean_plan_buffer;

typedef struct pclean_plan {
    size_t nwindow;
    pclean_plan_window *window;

    size_t nx, ny, nchan, npol; /* of the image; planes are nchan npol */
    double first_hz, step_hz;   /* centres of the channels; an mfs image's follow from the data,
                                 * its extent may grow a little */
    double restfreq_hz;
    char restfreq_from[48]; /* whose it is: "restfreq", "SOURCE.REST_FREQUENCY", "middle of the
                             * selected data" */
    char frame[16];         /* "LSRK"; "data" with cubedata */

    int nworkers, nthreads; /* processes, threads of each */
    char workers_why[160];  /* a sentence */

    uint64_t memory_bytes;       /* anonymous memory of all processes at the peak */
    uint64_t memory_limit_bytes; /* UINT64_MAX: none known */
    char memory_limit_from[160];
    uint64_t worker_bytes; /* of it what each further worker adds: */
    size_t nbuffer;
    pclean_plan_buffer buffer[8]; /* grids, planes, density, batches, and that of the stages that
                                   * has the largest */
    uint64_t visibility_bytes;    /* the packed store, once */
    bool store_in_file;           /* a scratch file holds it: not part of memory_bytes */

    pclean_plan_disk products, scratch; /* pixels and masks; scratch files (at most) */
    bool one_disk;                      /* the two folders share their free space */
    pclean_plan_time time;

    size_t nproblem;
    char **problem;              /* sentences: why the run would end, or end badly, as things are
                     * now */
    char *config;                /* as pclean_config_dump_json writes it */
    pclean_partition *partition; /* the same work as parts, one for each worker or as
                                  * cube_chunksize says; NULL: not asked for, or there are none */
    char *no_partition;          /* why there are none; NULL: there are, or not asked for */
} pclean_plan;

typedef struct pclean_plan_options {
    size_t size;
    bool measure; /* default true: estimate the time, which takes about a second */
    bool parts;   /* default false: make the partition, too, for which the data are opened again */
} pclean_plan_options;
PCLEAN_API void pclean_plan_options_init(pclean_plan_options *options, size_t size);

/* options NULL: defaults. *plan is NULL after a failure. Errors as those of pclean_image before it
 * begins; products that exist already or a disk too small are problems, not errors. */
PCLEAN_API int pclean_plan_make(const pclean_config *config, const pclean_plan_options *options,
                                pclean_plan **plan, pclean_err *err);
PCLEAN_API void pclean_plan_free(pclean_plan *plan); /* NULL: nothing */
/* *json to be freed with free(); after a failure (-PCLEAN_ENOMEM) NULL. */
PCLEAN_API int pclean_plan_json(const pclean_plan *plan, char **json, pclean_err *err);

#ifdef __cplusplus
}
#endif
#endif
