/* pool.h: tasks done by a crew of local processes.
 *
 * A task is a record of fixed size, its result another; what does not change from task to task the
 * workers find in memory, as it was when they were forked. Tasks are handed out one at a time in
 * the order given (longest first keeps the crew busy to the end). Workers live until pcl_pool_free
 * and keep what they have set up from one batch to the next.
 *
 * A worker that dies loses nothing but time: its task goes to a fresh worker once, and when that
 * one dies too the task is reported as lost and the others go on. So a task must bear being begun
 * twice: it may write its outputs, and must not write its inputs. With one worker the tasks are run
 * in the calling process, and nobody survives a crash. A worker that is stopped (SIGSTOP) is waited
 * for; the log says so after three seconds.
 *
 * One thread calls; while workers live it must keep casacore's tables closed (pcl_worker_start). */
#ifndef PCL_POOL_H
#define PCL_POOL_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pcl_pool pcl_pool;

typedef struct pcl_pool_params {
    size_t nworker;                /* 1: in the calling process */
    size_t task_size, result_size; /* bytes; at most 64 KiB */
    void *context;
    /* In a worker before its first task; *worker is passed on. forked: false in the calling
     * process. */
    int (*open)(void *context, bool forked, void **worker, pclean_err *err);
    /* One task. An error ends the batch with this error: for what would befall every task alike (a
     * full disk). */
    int (*run)(void *worker, const void *task, void *result, pclean_err *err);
    void (*close)(void *worker);       /* NULL-safe; not called in forked workers, which just end */
    int (*stop_requested)(void *user); /* polled; non-zero kills the crew and ends the batch with
                                        * -PCLEAN_EINTERRUPTED. NULL: never */
    void *stop_user;
} pcl_pool_params;

/* Starts nothing yet. */
int pcl_pool_new(const pcl_pool_params *params, pcl_pool **out, pclean_err *err) PCL_CHECK;

typedef struct pcl_pool_events {
    /* Task k is done. A non-zero answer ends the batch with -that code, *err filled. */
    int (*done)(size_t k, const void *result, void *user, pclean_err *err);
    /* The worker of task k died: `how` says "was killed by SIGKILL" (or, the second time, "...
     * twice"); again: another one does it anew; otherwise the task is lost. Answer as above. */
    int (*died)(size_t k, const char *how, bool again, void *user, pclean_err *err);
    void *user;
} pcl_pool_events;

/* Does tasks[n] of task_size bytes and returns when each is done or lost. Failure: no worker is
 * left running. */
int pcl_pool_run(pcl_pool *pool, size_t n, const void *tasks, const pcl_pool_events *events,
                 pclean_err *err) PCL_CHECK;

/* What the workers that have ended used: all of them after pcl_pool_stop. Nothing for the calling
 * process. */
typedef struct pcl_pool_usage {
    double cpu_seconds;
    uint64_t growth_bytes; /* peaks of anonymous memory beyond what they share with the
                            * coordinator, summed over the crew */
    size_t nstarted, ndied;
} pcl_pool_usage;

/* Ends the workers; none is left when it returns. pcl_pool_run would start new ones. NULL is
 * allowed. */
void pcl_pool_stop(pcl_pool *pool);
const pcl_pool_usage *pcl_pool_get_usage(const pcl_pool *pool);
/* Stops and frees. NULL is allowed. */
void pcl_pool_free(pcl_pool *pool);

#endif
