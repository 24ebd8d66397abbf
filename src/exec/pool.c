#include "exec/pool.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "exec/job.h"
#include "exec/worker.h"

enum { TICK_MS = 50, LOG_SIZE = 2048, NONE = -1, STOPPED_S = 3 };

/* A place in the crew: the process that fills it now and what it does. */
typedef struct place {
    pcl_worker worker;
    long task; /* index into the batch, NONE: idle */
    uint64_t growth_bytes;
    double stopped_since; /* 0: it is not stopped; INFINITY: that has been told */
} place;

struct pcl_pool_line {
    int fd;                        /* -1: the worker is in the calling process, ... */
    const pcl_pool_events *events; /* ... where these hear of its task */
    size_t task;
};

struct pcl_pool {
    pcl_pool_params p;
    place *place;          /* [nworker] */
    pcl_worker *workers;   /* [nworker] copies of the places' workers, for a new worker to close */
    struct pollfd *poll;   /* [nworker] */
    unsigned char *buffer; /* a message's data */
    size_t buffer_size;
    char *program; /* p.program */
    int job_file;  /* for the program; -1: none */
    void *own;     /* the worker in the calling process */
    bool is_open;
    pcl_pool_line line; /* its own */
    pcl_pool_usage usage;
};

/* One call of pcl_pool_run. */
typedef struct batch {
    pcl_pool *pool;
    const pcl_pool_events *events;
    const unsigned char *task;
    size_t n, next, nended;
    long *again; /* [nworker] tasks that lost their worker and wait for another: at most one
                  * a place */
    size_t nagain;
    char (*died)[64]; /* [n] how the first worker of a task ended; "": it has not */
} batch;

/* The program, and the job as a file in memory that every process of it reads. */
static int keep_program(pcl_pool *pool, pclean_err *err) {
    const pcl_pool_params *p = &pool->p;
    int rc = pcl_strdup(&pool->program, p->program, err);
    if (rc)
        return rc;
    pool->p.program = pool->program;
    pool->job_file = memfd_create("pclean-job", MFD_CLOEXEC);
    if (pool->job_file < 0)
        return PCL_FAIL(err, PCLEAN_EFAILED, "cannot keep the job of the workers: %s",
                        strerror(errno));
    return pcl_job_save(pool->job_file, p->build, p->job, p->job_size, err);
}

int pcl_pool_new(const pcl_pool_params *params, pcl_pool **out, pclean_err *err) {
    *out = NULL;
    pcl_pool *pool = NULL;
    int rc = PCL_ZNEW(&pool, 1, "crew of workers", err);
    if (rc)
        return rc;
    pool->p = *params;
    pool->job_file = -1;
    pool->line.fd = -1;
    const size_t sizes[] = {params->task_size, params->result_size, sizeof(pclean_err), LOG_SIZE};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        pool->buffer_size = sizes[i] > pool->buffer_size ? sizes[i] : pool->buffer_size;
    const size_t n = params->nworker;
    if ((rc = PCL_ZNEW(&pool->place, n, "crew of workers", err)) ||
        (rc = PCL_ZNEW(&pool->workers, n, "crew of workers", err)) ||
        (rc = PCL_ZNEW(&pool->poll, n, "crew of workers", err)) ||
        (rc = PCL_ZNEW(&pool->buffer, pool->buffer_size, "message", err)) ||
        (params->program && (rc = keep_program(pool, err)))) {
        pcl_pool_free(pool);
        return rc;
    }
    for (size_t i = 0; i < n; i++)
        pool->place[i].task = NONE;
    *out = pool;
    return 0;
}

static int interrupted(const pcl_pool *pool, pclean_err *err) {
    return pool->p.stop_requested && pool->p.stop_requested(pool->p.stop_user)
               ? PCL_FAIL(err, PCLEAN_EINTERRUPTED, "interrupted")
               : 0;
}

/* ---- the calling process ---- */

static int open_here(pcl_pool *pool, pclean_err *err) {
    const pcl_pool_params *p = &pool->p;
    if (pool->is_open)
        return 0;
    int rc = p->open(p->job, p->job_size, p->inherited, &pool->own, err);
    pool->is_open = rc == 0;
    if (pool->is_open && p->attach)
        p->attach(pool->own, &pool->line);
    return rc;
}

static int run_here(pcl_pool *pool, size_t n, const unsigned char *task,
                    const pcl_pool_events *events, pclean_err *err) {
    int rc = 0;
    pool->line.events = events;
    for (size_t k = 0; !rc && k < n; k++) {
        pool->line.task = k;
        if (!(rc = interrupted(pool, err)) && !(rc = open_here(pool, err)) &&
            !(rc = pool->p.run(pool->own, task + k * pool->p.task_size, pool->buffer, err)))
            rc = events->done(k, pool->buffer, events->user, err);
    }
    return rc;
}

void pcl_pool_tell(const pcl_pool_line *line, const void *note, size_t size) {
    if (line->fd >= 0)
        (void)pcl_message_send(line->fd, PCL_MESSAGE_NOTE, 0, note, size, true);
    else if (line->events && line->events->told)
        line->events->told(line->task, note, line->events->user);
}

/* ---- a worker process ---- */

static bool answer(int fd, int rc, const pclean_err *err, const void *result, size_t size) {
    return rc ? pcl_message_send(fd, PCL_MESSAGE_ERROR, 0, err, sizeof *err, true)
              : pcl_message_send(fd, PCL_MESSAGE_RESULT, 0, result, size, true);
}

/* Takes tasks from the line until it ends; after an error (rc, *err) that is the answer, whatever
 * comes. */
static void work_to_the_end(int fd, const pcl_pool_params *p, int rc, pclean_err *err) {
    const pcl_pool_line note_line = {.fd = fd};
    pcl_message head;
    unsigned char *task = NULL, *result = NULL;
    void *worker = NULL;
    if (!rc && !(rc = PCL_NEW(&task, p->task_size, "task", err)) &&
        !(rc = PCL_NEW(&result, p->result_size, "result", err)) &&
        !(rc = p->open(p->job, p->job_size, p->inherited, &worker, err)))
        pcl_worker_log_to(&fd);
    if (!rc && p->attach)
        p->attach(worker, &note_line);
    bool line = !rc || answer(fd, rc, err, NULL, 0);
    while (line && pcl_message_receive(fd, &head, task, task ? p->task_size : 0, true) == 1) {
        if (!rc) {
            memset(result, 0, p->result_size);
            rc = p->run(worker, task, result, err);
        }
        line =
            answer(fd, rc, err, result, p->result_used ? p->result_used(result) : p->result_size);
    }
    if (p->close)
        p->close(worker);
    pcl_free(task);
    pcl_free(result);
}

/* A pcl_worker_body. */
static void work(int fd, void *user) {
    pclean_err err = {0};
    work_to_the_end(fd, user, 0, &err);
}

void pcl_pool_serve(const pcl_pool_params *params) {
    pcl_pool_params p = *params;
    void *job = NULL;
    pclean_err err = {0};
    pcl_worker_begin_program();
    const int rc = pcl_job_load(PCL_WORKER_JOB, p.build, &job, &p.job_size, &err);
    close(PCL_WORKER_JOB);
    p.job = job;
    p.inherited = NULL;
    work_to_the_end(PCL_WORKER_LINE, &p, rc, &err);
    pcl_free(job);
}

/* ---- the coordinator ---- */

static int start_worker(pcl_pool *pool, place *at, pclean_err *err) {
    for (size_t i = 0; i < pool->p.nworker; i++)
        pool->workers[i] = pool->place[i].worker;
    int rc =
        pool->p.program
            ? pcl_worker_start_program(&at->worker, pool->p.program, pool->job_file, err)
            : pcl_worker_start(&at->worker, work, &pool->p, pool->workers, pool->p.nworker, err);
    pool->usage.nstarted += !rc;
    return rc;
}

/* Ends a place's process and books what it used. */
static void stop_place(pcl_pool *pool, place *at, pcl_worker_end *end) {
    pcl_worker_end e;
    if (!at->worker.pid)
        return;
    pcl_worker_stop(&at->worker, &e);
    at->task = NONE;
    pool->usage.cpu_seconds += e.cpu_seconds;
    if (end)
        *end = e;
}

static int lost_worker(batch *b, place *at, pclean_err *err) {
    pcl_worker_end end;
    const long k = at->task;
    stop_place(b->pool, at, &end);
    b->pool->usage.ndied++;
    if (k == NONE) {
        pcl_log(PCL_LOG_DEBUG, "an idle worker %s", end.how);
        return 0;
    }
    const bool again = !*b->died[k];
    char how[160];
    if (again) {
        snprintf(how, sizeof how, "%s", end.how);
        memcpy(b->died[k], end.how, sizeof end.how);
        b->again[b->nagain++] = k;
    } else {
        if (strcmp(b->died[k], end.how) == 0)
            snprintf(how, sizeof how, "%s twice", end.how);
        else
            snprintf(how, sizeof how, "%s, the one that tried again %s", b->died[k], end.how);
        b->nended++;
    }
    return b->events->died((size_t)k, how, again, b->events->user, err);
}

/* The next task: those that lost their worker first. */
static long take_task(batch *b) {
    if (b->nagain)
        return b->again[--b->nagain];
    return b->next < b->n ? (long)b->next++ : NONE;
}

/* Every idle place gets a task, and a process where it has none. A crew that cannot be filled works
 * with fewer. */
static int hand_out(batch *b, pclean_err *err) {
    pcl_pool *pool = b->pool;
    size_t nbusy = 0;
    for (size_t i = 0; i < pool->p.nworker; i++)
        nbusy += pool->place[i].task != NONE;
    for (size_t i = 0; i < pool->p.nworker && (b->nagain || b->next < b->n); i++) {
        place *at = &pool->place[i];
        pclean_err why;
        if (at->task != NONE)
            continue;
        if (!at->worker.pid && start_worker(pool, at, &why)) {
            if (nbusy)
                return 0; /* tried again when one of the others is idle */
            if (err)
                *err = why;
            return -why.code;
        }
        at->task = take_task(b);
        nbusy++;
        int rc = 0;
        if (!pcl_message_send(at->worker.fd, PCL_MESSAGE_TASK, 0,
                              b->task + (size_t)at->task * pool->p.task_size, pool->p.task_size,
                              false))
            rc = lost_worker(b, at, err);
        if (rc)
            return rc;
    }
    return 0;
}

/* One message of a worker. */
static int heed(batch *b, place *at, const pcl_message *head, pclean_err *err) {
    pcl_pool *pool = b->pool;
    if (head->growth_bytes > at->growth_bytes) { /* successors in one place never live together */
        pool->usage.growth_bytes += head->growth_bytes - at->growth_bytes;
        at->growth_bytes = head->growth_bytes;
    }
    switch (head->kind) {
    case PCL_MESSAGE_LOG:
        pool->buffer[pool->buffer_size - 1] = 0;
        pcl_log((enum pcl_log_level)head->level, "%s", (const char *)pool->buffer);
        return 0;
    case PCL_MESSAGE_NOTE:
        if (b->events->told)
            b->events->told((size_t)at->task, pool->buffer, b->events->user);
        return 0;
    case PCL_MESSAGE_RESULT: {
        const long k = at->task;
        at->task = NONE;
        b->nended++;
        return b->events->done((size_t)k, pool->buffer, b->events->user, err);
    }
    default: {
        pclean_err e;
        memcpy(&e, pool->buffer, sizeof e);
        if (err)
            *err = e;
        return -e.code;
    }
    }
}

/* Reads what a worker has sent, to the end of its line if it has died. */
static int listen_to(batch *b, place *at, pclean_err *err) {
    pcl_message head;
    int got, rc = 0;
    while (!rc && (got = pcl_message_receive(at->worker.fd, &head, b->pool->buffer,
                                             b->pool->buffer_size, false)) > 0)
        rc = heed(b, at, &head, err);
    return rc || got == 0 ? rc : lost_worker(b, at, err);
}

/* A stopped worker holds up the run for as long as somebody likes, who may have forgotten it. */
static void watch_stopped(place *at) {
    const double t = pcl_now();
    const long pid = at->worker.pid;
    if (at->task == NONE || !pcl_worker_is_stopped(&at->worker)) {
        at->stopped_since = 0;
    } else if (!(at->stopped_since > 0)) {
        at->stopped_since = t;
    } else if (t - at->stopped_since > STOPPED_S) {
        pcl_log(PCL_LOG_WARNING,
                "the worker with process number %ld is stopped, and the run waits for it: kill "
                "-CONT %ld lets it go on, kill -KILL %ld gives its work to another one",
                pid, pid, pid);
        at->stopped_since = INFINITY;
    }
}

/* Waits a tick for messages and deaths. */
static int wait_for_workers(batch *b, pclean_err *err) {
    pcl_pool *pool = b->pool;
    for (size_t i = 0; i < pool->p.nworker; i++)
        pool->poll[i] = (struct pollfd){
            .fd = pool->place[i].worker.pid ? pool->place[i].worker.fd : -1, .events = POLLIN};
    const int n = poll(pool->poll, pool->p.nworker, TICK_MS);
    int rc = interrupted(pool, err); /* before deaths: a signal to the whole group must not start
                                      * new workers */
    for (size_t i = 0; !rc && n > 0 && i < pool->p.nworker; i++)
        if (pool->poll[i].fd >= 0 && pool->poll[i].revents)
            rc = listen_to(b, &pool->place[i], err);
    for (size_t i = 0; !rc && n <= 0 && i < pool->p.nworker; i++)
        if (pcl_worker_is_dead(&pool->place[i].worker)) {
            rc = listen_to(b, &pool->place[i], err); /* what it sent before its end */
            if (!rc && pool->place[i].worker.pid)
                rc = lost_worker(b, &pool->place[i], err);
        } else {
            watch_stopped(&pool->place[i]);
        }
    return rc;
}

static int run_crew(pcl_pool *pool, size_t n, const unsigned char *task,
                    const pcl_pool_events *events, pclean_err *err) {
    batch b = {.pool = pool, .events = events, .task = task, .n = n};
    int rc = PCL_ZNEW(&b.died, n, "list of tasks", err);
    if (!rc)
        rc = PCL_ZNEW(&b.again, pool->p.nworker, "list of tasks", err);
    while (!rc && b.nended < n)
        if (!(rc = hand_out(&b, err)))
            rc = wait_for_workers(&b, err);
    pcl_free(b.again);
    pcl_free(b.died);
    if (rc)
        pcl_pool_stop(pool);
    return rc;
}

int pcl_pool_run(pcl_pool *pool, size_t n, const void *tasks, const pcl_pool_events *events,
                 pclean_err *err) {
    return pool->p.nworker > 1 || pool->p.program ? run_crew(pool, n, tasks, events, err)
                                                  : run_here(pool, n, tasks, events, err);
}

void pcl_pool_stop(pcl_pool *pool) {
    if (!pool)
        return;
    for (size_t i = 0; pool->place && i < pool->p.nworker; i++)
        stop_place(pool, &pool->place[i], NULL);
    if (pool->is_open && pool->p.close)
        pool->p.close(pool->own);
    pool->is_open = false;
    pool->own = NULL;
}

const pcl_pool_usage *pcl_pool_get_usage(const pcl_pool *pool) {
    return &pool->usage;
}

void pcl_pool_free(pcl_pool *pool) {
    if (!pool)
        return;
    pcl_pool_stop(pool);
    if (pool->job_file >= 0)
        close(pool->job_file);
    pcl_free(pool->program);
    pcl_free(pool->place);
    pcl_free(pool->workers);
    pcl_free(pool->poll);
    pcl_free(pool->buffer);
    pcl_free(pool);
}
