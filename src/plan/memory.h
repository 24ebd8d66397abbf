/* memory.h: how many workers the memory holds, and where the visibilities go. Pure arithmetic over
 * the sizes of buffers, which run/budget.h finds. */
#ifndef PCL_PLAN_MEMORY_H
#define PCL_PLAN_MEMORY_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Stages of a plane whose buffers come and go; the largest counts. X(symbol, what it is) */
#define PCL_MEMORY_STAGE_LIST(X)                                                                   \
    X(PCL_MEMORY_FFT, "Fourier transform")                                                         \
    X(PCL_MEMORY_BEAM, "beam fit")                                                                 \
    X(PCL_MEMORY_MINOR, "minor cycle")                                                             \
    X(PCL_MEMORY_RESTORE, "restoration")

enum pcl_memory_stage {
#define X(symbol, text) symbol,
    PCL_MEMORY_STAGE_LIST(X)
#undef X
        PCL_NMEMORY_STAGE
};
const char *pcl_memory_stage_name(enum pcl_memory_stage stage);

/* May the visibilities be in a scratch file? */
enum pcl_memory_file { PCL_MEMORY_FILE_NEVER, PCL_MEMORY_FILE_IF_NEEDED, PCL_MEMORY_FILE_ALWAYS };

/* Bytes of anonymous memory. */
typedef struct pcl_memory_sizes {
    uint64_t base;    /* libraries, tables, the list of planes: once */
    uint64_t reading; /* row blocks on their way from the MeasurementSets to the store: once */
    uint64_t store;   /* visibilities: once, in memory or in a scratch file */
    uint64_t worker;  /* what a worker holds all the time: grids, planes, batches ... */
    uint64_t stage[PCL_NMEMORY_STAGE]; /* what it holds besides, a while */
    uint64_t per_worker_base; /* of another process: stacks, its copy of what the libraries write */
    uint64_t reserved; /* by a worker and never written: the ends of buffers, stacks of threads.
                        * Counts for ulimit only */
} pcl_memory_sizes;

/* `bytes`, and who says so (borrowed, for messages). UINT64_MAX: no limit. */
typedef struct pcl_memory_limit {
    uint64_t bytes;
    const char *from;
} pcl_memory_limit;

typedef struct pcl_memory_limits {
    pcl_memory_limit run;     /* all processes together: anonymous memory */
    pcl_memory_limit worker;  /* a worker, with what it shares: anonymous memory */
    pcl_memory_limit process; /* a process: all that it maps and reserves, used or not (ulimit) */
} pcl_memory_limits;

typedef struct pcl_memory_plan {
    size_t nworkers; /* at least 1 */
    bool store_in_file;
    uint64_t bytes;              /* anonymous memory of all processes together at its peak */
    uint64_t mapped_bytes;       /* of the scratch file: can be evicted */
    uint64_t each_bytes;         /* of it what every further worker adds */
    uint64_t worker_bytes;       /* what counts for the limit of a worker, */
    uint64_t process_bytes;      /* and for that of a process */
    enum pcl_memory_stage stage; /* the largest */
} pcl_memory_plan;

/* The stage that counts. */
enum pcl_memory_stage pcl_memory_largest_stage(const pcl_memory_sizes *s);

/* What a worker in a process of its own takes. */
uint64_t pcl_memory_worker_bytes(const pcl_memory_sizes *s);
/* What n workers take together with all that they share; UINT64_MAX: beyond counting. */
uint64_t pcl_memory_bytes(const pcl_memory_sizes *s, size_t nworkers, bool store_in_file);

/* Workers, `wanted` at most, whose pcl_memory_bytes stay within limit_bytes; may be 0. */
size_t pcl_memory_workers_that_fit(const pcl_memory_sizes *s, uint64_t limit_bytes, size_t wanted,
                                   bool store_in_file);

/* Chooses. Nine tenths of the run's limit are planned with; only what cannot be made to fit into
 * all of it (one worker, the visibilities in a file) is refused: -PCLEAN_ENOMEM saying what is
 * needed and what there is. The other limits are kept or the run is refused. wanted: workers that
 * could have work. */
int pcl_memory_plan_make(const pcl_memory_sizes *s, const pcl_memory_limits *limits, size_t wanted,
                         enum pcl_memory_file file, pcl_memory_plan *out,
                         pclean_err *err) PCL_CHECK;

#endif
