/* pool.h: tasks done by a crew of processes.
 *
 * A task is a record of fixed size, its result another, which may end early, both without
 * pointers. What does not change
 * from task to task is the job. A worker either inherits it, as it was in memory when the worker
 * was forked, or makes it anew from a few plain bytes and what these name: files, MeasurementSets.
 * With a `program`, workers are processes of that program and inherit nothing; else they are
 * forked. Tasks are handed out one at a time in the order given (longest first keeps the crew busy
 * to the end). Workers live until pcl_pool_free and keep what they have set up from one batch to
 * the next.
 *
 * A worker that dies loses nothing but time: its task goes to a fresh worker once, and when that
 * one dies too the task is reported as lost and the others go on. So a task must bear being begun
 * twice: it may write its outputs, and must not write its inputs. With one worker the tasks are run
 * in the calling process, unless there is a program, and nobody survives a crash. A worker that is
 * stopped (SIGSTOP) is waited for; the log says so after three seconds.
 *
 * One thread calls; while workers live it must keep casacore's tables closed (pcl_worker_start). */
#ifndef PCL_POOL_H
#define PCL_POOL_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pcl_pool pcl_pool;

/* A worker's line to the coordinator, for what it tells in the middle of a task. */
typedef struct pcl_pool_line pcl_pool_line;
/* A note, at most 1 KiB without pointers, that `told` of pcl_pool_events hears. */
void pcl_pool_tell(const pcl_pool_line *line, const void *note, size_t size);

typedef struct pcl_pool_params {
    size_t nworker;                            /* 1 without a program: in the calling process */
    size_t task_size, result_size;             /* bytes; at most 64 KiB */
    size_t (*result_used)(const void *result); /* bytes of a result that count; NULL: all */
    void *inherited; /* what forked workers and the calling process find in memory; NULL: they
                          * make it anew from the job */
    const void *job; /* [job_size] plain bytes; NULL where all inherit. Borrowed until free */
    size_t job_size;
    const char *program; /* path of the workers' program, whose main calls pcl_pool_serve; NULL:
                          * they are forked */
    const char *build;   /* of the program: another build's would misread the job (exec/job.h) */
    /* In a worker before its first task; *worker is passed on. What it logs is dropped: the
     * coordinator has said it. inherited as above, NULL in a program. */
    int (*open)(const void *job, size_t job_size, void *inherited, void **worker, pclean_err *err);
    /* One task. An error ends the batch with this error: for what would befall every task alike (a
     * full disk). */
    int (*run)(void *worker, const void *task, void *result, pclean_err *err);
    /* After open: the line, which lives as long as the worker. NULL: it tells nothing. */
    void (*attach)(void *worker, const pcl_pool_line *line);
    void (*close)(void *worker);       /* NULL-safe; a worker that is killed ends without it */
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
    /* A note about task k, which is under way: a task that is done anew tells anew. NULL: nobody
     * listens. */
    void (*told)(size_t k, const void *note, void *user);
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

/* The life of a process of the program, from its main: task_size, result_size, build, open and run
 * of params count. Returns when the coordinator is gone or has done with it; what fails before
 * becomes the answer to its first task. */
void pcl_pool_serve(const pcl_pool_params *params);

#endif
