#include "line/line.h"
#include "base/clock.h"
#include "base/fds.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "base/mem.h"
#include "casa/casa.h"
#include "line/program.h"
#include "wire/frame.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The process of this thread. */
static _Thread_local struct line {
    pcl_program program;
    pid_t owner;         /* the process that started it: a forked child has none */
    uint64_t generation; /* counts the processes; those of a handle's time are told apart by it */
    pcl_ahead *ahead;    /* whose reply has not come yet */
    bool died;           /* which failed the last call */
    casa_usage ended;    /* of the processes that have ended */
    pcl_frame_usage now; /* of this one, as it told last; peak_bytes since it was asked for */
    char fact[PCL_LINE_NFACT][4096];
    int (*stop)(void *user); /* of the process that asked for it */
    void *stop_user;
    pid_t stop_owner;
    char odd[4096]; /* what casacore waits for without an end */
} line;

/* Memory that casacore's process takes by itself, bytes, about: its libraries. */
#define NEEDED ((rlim_t)96 << 20)
/* A limit of so much is named where memory is short. */
#define MANY ((rlim_t)4 << 30)

enum outcome { DONE, FAILED, DIED, LATE, STUCK, CUT, STOPPED };
enum { TICK_MS = 50 };
#define LOOK_S 0.5 /* without an answer, and what casacore reads is looked at */

/* ---- messages ---- */

/* The least limit of memory that this process and casacore's have, and its flag of ulimit. */
static rlim_t find_limit(char *flag) {
    struct rlimit space = {RLIM_INFINITY, RLIM_INFINITY}, data = space;
    (void)getrlimit(RLIMIT_AS, &space);
    (void)getrlimit(RLIMIT_DATA, &data);
    *flag = space.rlim_cur <= data.rlim_cur ? 'v' : 'd';
    return *flag == 'v' ? space.rlim_cur : data.rlim_cur;
}

static int read_error(pcl_wire *body, pclean_err *err) {
    pclean_err failure;
    char flag;
    const rlim_t least = find_limit(&flag);
    pcl_wire_get_struct(body, &failure, sizeof failure);
    failure.msg[sizeof failure.msg - 1] = failure.file[sizeof failure.file - 1] = '\0';
    if (failure.code <= 0)
        failure.code = PCLEAN_EBUG;
    const size_t n = strlen(failure.msg);
    if (failure.code == PCLEAN_ENOMEM && least < MANY)
        snprintf(failure.msg + n, sizeof failure.msg - n,
                 "; its process may have %llu MiB (ulimit -%c)", (unsigned long long)least >> 20,
                 flag);
    if (err)
        *err = failure;
    return -failure.code;
}

static uint64_t most(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static void note_usage(pcl_wire *body) {
    pcl_frame_usage usage;
    pcl_wire_get_struct(body, &usage, sizeof usage);
    if (pcl_wire_bad(body))
        return;
    usage.peak_bytes = most(usage.peak_bytes, line.now.peak_bytes);
    line.now = usage;
}

static bool stop_requested(void) {
    return line.stop && line.stop_owner == getpid() && line.stop(line.stop_user);
}

/* Until a message begins. DONE: one does, or the line has ended. */
static enum outcome wait_for_message(const char *path, double limit_s) {
    const double begin = pcl_now();
    bool looked = !path;
    for (;;) {
        struct pollfd ready = {.fd = line.program.fd, .events = POLLIN};
        if (poll(&ready, 1, TICK_MS) > 0)
            return DONE;
        const double waited = pcl_now() - begin;
        if (stop_requested())
            return STOPPED;
        if (!looked && waited > LOOK_S) {
            looked = true;
            if (pcl_fs_find_endless(path, line.odd, sizeof line.odd))
                return STUCK;
        }
        if (waited > LOOK_S && pcl_program_reads_nothing(&line.program))
            return CUT;
        if (limit_s > 0 && waited > limit_s)
            return LATE;
    }
}

/* The next message that is neither for the log nor of what is used. */
static enum pcl_frame_got next_message(double limit_s, pcl_frame *head, pcl_wire *body,
                                       int *passed) {
    for (;;) {
        const enum pcl_frame_got got =
            pcl_frame_receive(line.program.fd, limit_s, head, body, passed);
        if (got == PCL_FRAME_OK && head->kind == PCL_FRAME_USAGE) {
            note_usage(body);
            continue;
        }
        if (got != PCL_FRAME_OK || head->kind != PCL_FRAME_LOG)
            return got;
        const char *text = pcl_wire_get_text(body);
        if (text)
            pcl_log((enum pcl_log_level)head->number, "%s", text);
    }
}

/* Takes what comes until the call is answered. */
static enum outcome wait_for_reply(const char *path, double limit_s, pcl_wire *reply, int *passed,
                                   int *status, pclean_err *err) {
    pcl_frame head;
    const enum outcome out = wait_for_message(path, limit_s);
    if (out != DONE)
        return out;
    switch (next_message(limit_s, &head, reply, passed)) {
    case PCL_FRAME_NO_MEMORY:
        *status = PCL_FAIL(err, PCLEAN_ENOMEM, "out of memory: casacore sent %llu bytes",
                           (unsigned long long)head.size);
        return DIED; /* what follows on the line is lost */
    case PCL_FRAME_LATE:
        return LATE;
    case PCL_FRAME_ENDED:
        return DIED;
    case PCL_FRAME_OK:
        break;
    }
    if (head.kind == PCL_FRAME_REPLY) {
        *status = 0;
        return DONE;
    }
    if (head.kind != PCL_FRAME_ERROR)
        return DIED;
    *status = read_error(reply, err);
    return FAILED;
}

/* ---- the process ---- */

static void keep_most(casa_usage *u) {
    u->peak_bytes = most(u->peak_bytes, line.now.peak_bytes);
    u->address_bytes = most(u->address_bytes, line.now.address_bytes);
    u->data_bytes = most(u->data_bytes, line.now.data_bytes);
}

static void forget(pcl_program_end *end, bool kill_it) {
    pcl_program_end ignored;
    end = end ? end : &ignored;
    if (line.ahead)
        line.ahead->arrived = false;
    line.ahead = NULL;
    pcl_fds_close_in_children_not(line.program.fd);
    pcl_program_stop(&line.program, kill_it, end);
    line.ended.cpu_seconds +=
        end->cpu_seconds > line.now.cpu_seconds ? end->cpu_seconds : line.now.cpu_seconds;
    line.ended.read_bytes += line.now.read_bytes;
    keep_most(&line.ended);
    line.now = (pcl_frame_usage){0};
}

/* Why it has not started: a limit of the system, as far as that can be told. */
static int tell_start(const char *path, const pcl_program_end *end, pclean_err *err) {
    char limit[160] = "", flag;
    const rlim_t least = find_limit(&flag);
    if (least < NEEDED)
        snprintf(limit, sizeof limit, "; it needs about %d MiB, there are %llu MiB (ulimit -%c)",
                 (int)(NEEDED >> 20), (unsigned long long)least >> 20, flag);
    return PCL_FAIL(err, *limit ? PCLEAN_ENOMEM : PCLEAN_EIO, "%s does not start: it %s%s%s%s",
                    path, end->how, *end->words ? ", and says: " : "", end->words, limit);
}

/* The first message of the process says who it is. */
static int read_hello(const char *path, pclean_err *err) {
    pcl_frame head;
    pcl_wire body = {0};
    const enum pcl_frame_got got = next_message(60, &head, &body, NULL);
    int rc = 0;
    const char *version =
        got == PCL_FRAME_OK && head.kind == PCL_FRAME_HELLO ? pcl_wire_get_text(&body) : NULL;
    if (got == PCL_FRAME_OK && head.kind == PCL_FRAME_ERROR) {
        rc = read_error(&body, err);
        forget(NULL, true);
    } else if (!version) {
        pcl_program_end end;
        forget(&end, got == PCL_FRAME_LATE);
        rc = tell_start(path, &end, err);
    } else if (strcmp(version, pcl_program_version()) != 0) {
        rc = PCL_FAIL(err, PCLEAN_EIO,
                      "%s is of another version of pclean (%s, this is %s): install both together",
                      path, version, pcl_program_version());
        forget(NULL, true);
    }
    for (size_t i = 0; !rc && i < PCL_LINE_NFACT; i++) {
        const char *text = pcl_wire_get_text(&body);
        snprintf(line.fact[i], sizeof line.fact[i], "%s", text ? text : "");
    }
    pcl_wire_clear(&body);
    return rc;
}

static int call_once(const pcl_line_job *job, pclean_err *err, enum outcome *out);

static int start(pclean_err *err) {
    if (line.program.pid && line.owner != getpid())
        line.program = (pcl_program){.fd = -1}; /* of the process that has forked this one */
    if (line.program.pid)
        return 0;
    char path[4096];
    int rc = pcl_program_find(path, sizeof path, err);
    if (rc || (rc = pcl_program_start(path, &line.program, err)))
        return rc;
    line.owner = getpid();
    line.generation++;
    pcl_fds_close_in_children(line.program.fd);
    return read_hello(path, err);
}

int casa_init(pclean_err *err) {
    return start(err);
}

void casa_stop_when(int (*requested)(void *user), void *user) {
    line.stop = requested;
    line.stop_user = user;
    line.stop_owner = getpid();
}

void casa_end(void) {
    line.stop = NULL;
    if (line.program.pid && line.owner == getpid())
        forget(NULL, false);
    line.ended = (casa_usage){0};
}

bool casa_has_died(void) {
    return line.died;
}

void casa_get_usage(casa_usage *out) {
    *out = line.ended;
    out->cpu_seconds += line.now.cpu_seconds;
    out->read_bytes += line.now.read_bytes;
    keep_most(out);
}

void casa_restart_peak(void) {
    line.ended.peak_bytes = 0;
    line.now.peak_bytes = line.now.now_bytes;
}

const char *pcl_line_fact(enum pcl_line_fact fact) {
    return line.fact[fact];
}

/* ---- how it died ---- */

static bool is_full(const char *words) {
    return strstr(words, strerror(ENOSPC)) || strstr(words, strerror(EDQUOT)) ||
           strstr(words, strerror(EFBIG));
}

static int tell_death(const pcl_line_job *job, const pcl_program_end *end, enum outcome out,
                      pclean_err *err) {
    const char *path = job->path ? job->path : "casacore";
    if (out == STOPPED)
        return PCL_FAIL(err, PCLEAN_EINTERRUPTED, "interrupted while %s %s", job->doing, path);
    if (out == STUCK)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "%s: casacore waits for %s, which is a FIFO or a device and no file", path,
                        line.odd);
    if (out == CUT)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "%s: it is damaged, or its writer did not finish: a file is cut short and "
                        "is read beyond its end again and again",
                        path);
    if (out == LATE)
        return PCL_FAIL(err, PCLEAN_EIO,
                        "%s: its header could not be read in %d s; does its disk answer? If it "
                        "does, its tables are damaged",
                        path, (int)job->limit_s);
    if (is_full(end->words))
        return PCL_FAIL(err, PCLEAN_ENOSPC, "%s: the disk is full; casacore %s while %s it: %s",
                        path, end->how, job->doing, end->words);
    if (job->makes || !job->repeat)
        return PCL_FAIL(err, PCLEAN_EIO,
                        "%s: casacore %s while %s it%s%s; is the disk full, or broken?", path,
                        end->how, job->doing, *end->words ? ": " : "", end->words);
    return PCL_FAIL(err, PCLEAN_EDATA,
                    "%s: casacore breaks down over it (it %s while %s it%s%s): its tables are "
                    "damaged",
                    path, end->how, job->doing, *end->words ? ": " : "", end->words);
}

/* ---- calls ---- */

/* The reply of a call that was sent before is taken first. */
static void take_ahead(void) {
    pcl_ahead *a = line.ahead;
    line.ahead = NULL;
    if (!a)
        return;
    const enum outcome out = wait_for_reply(a->path, 0, &a->reply, &a->passed, &a->status, &a->err);
    a->arrived = out == DONE || out == FAILED;
    if (!a->arrived) {
        const pcl_line_job job = {.doing = a->doing, .path = a->path, .repeat = true};
        pcl_program_end end;
        forget(&end, out != DIED);
        a->status = a->status ? a->status : tell_death(&job, &end, out, &a->err);
    }
}

void pcl_line_put_handle(pcl_wire *request) {
    pcl_wire_put_u64(request, 0);
}

/* Opened with the request that it was opened with first. */
static enum outcome open_again(pcl_handle *h, pclean_err *err, int *rc) {
    const pcl_line_job job = {.call = h->open,
                              .doing = "opening",
                              .path = h->path,
                              .limit_s = PCL_LINE_LIMIT_S,
                              .request = &h->request,
                              .reply = &(pcl_wire){0}};
    enum outcome out;
    *rc = call_once(&job, err, &out);
    if (out == DONE) {
        h->id = pcl_wire_get_u64(job.reply);
        h->generation = line.generation;
    }
    pcl_wire_clear(job.reply);
    return out;
}

int pcl_line_find(pcl_handle *handle, uint64_t *id, pclean_err *err) {
    int rc = start(err);
    if (!rc && handle->generation != line.generation)
        (void)open_again(handle, err, &rc);
    *id = handle->id;
    return rc;
}

static int call_once(const pcl_line_job *job, pclean_err *err, enum outcome *out) {
    pclean_err local = {0};
    *out = FAILED;
    line.died = false;
    if (pcl_wire_bad(job->request))
        return PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for a message to casacore");
    if (stop_requested())
        return tell_death(job, NULL, STOPPED, err);
    int rc = start(&local);
    for (size_t i = 0; !rc && i < job->nhandle; i++) {
        if (job->handle[i]->generation != line.generation &&
            (*out = open_again(job->handle[i], &local, &rc)) != DONE)
            break;
        memcpy(job->request->data + 8 * (i + job->counted), &job->handle[i]->id, 8);
    }
    if (rc) {
        if (err)
            *err = local;
        return rc;
    }
    take_ahead();
    *out = DIED;
    if (pcl_frame_send(line.program.fd, PCL_FRAME_CALL, job->call, job->request->data,
                       job->request->n, -1))
        *out = wait_for_reply(job->path, job->limit_s, job->reply, job->passed, &rc, &local);
    if (*out != DONE && *out != FAILED) {
        pcl_program_end end;
        forget(&end, *out != DIED);
        rc = rc ? rc : tell_death(job, &end, *out, &local);
        line.died = *out == DIED;
    }
    if (rc && err)
        *err = local;
    return rc;
}

int pcl_line_call(const pcl_line_job *job, pclean_err *err) {
    enum outcome out;
    const bool was_there = job->makes && pcl_fs_exists(job->path);
    int rc = call_once(job, err, &out);
    if (job->died)
        *job->died = out == DIED;
    if (out == DONE || out == FAILED)
        return rc;
    if (job->makes && !was_there && pcl_fs_remove_tree(job->path, NULL) != 0)
        return rc;
    if (out == DIED && job->repeat && !was_there) {
        pcl_log(PCL_LOG_DEBUG, "casacore's process is started again: %s", err ? err->msg : "");
        rc = call_once(job, err, &out);
        if (out == DIED && job->makes)
            (void)!pcl_fs_remove_tree(job->path, NULL);
    }
    return rc;
}

int pcl_line_check(const pcl_line_job *job, pclean_err *err) {
    if (!pcl_wire_bad(job->reply))
        return 0;
    return PCL_FAIL(err, PCLEAN_EBUG, "%s: the answer of casacore's process is cut short",
                    job->path ? job->path : "casacore");
}

/* ---- what is open there ---- */

int pcl_line_open(pcl_handle *h, const char *doing, pclean_err *err) {
    const pcl_line_job job = {.call = h->open,
                              .doing = doing,
                              .path = h->path,
                              .limit_s = PCL_LINE_LIMIT_S,
                              .repeat = true,
                              .request = &h->request,
                              .reply = &h->reply};
    int rc = pcl_line_call(&job, err);
    if (rc)
        return rc;
    h->id = pcl_wire_get_u64(&h->reply);
    h->generation = line.generation;
    return pcl_line_check(&job, err);
}

void pcl_line_close(pcl_handle *h) {
    if (line.program.pid && h->id && h->generation == line.generation) {
        pcl_wire request = {0}, reply = {0};
        pcl_line_put_handle(&request);
        (void)!pcl_line_call(&(pcl_line_job){.call = h->close,
                                             .doing = "closing",
                                             .path = h->path,
                                             .handle = &h,
                                             .nhandle = 1,
                                             .request = &request,
                                             .reply = &reply},
                             NULL);
        pcl_wire_clear(&request);
        pcl_wire_clear(&reply);
    }
    pcl_wire_clear(&h->request);
    pcl_wire_clear(&h->reply);
    h->id = 0;
}

/* ---- calls sent ahead ---- */

void pcl_line_begin(pcl_ahead *a, enum pcl_call call) {
    take_ahead();
    a->arrived = false;
    a->passed = -1;
    a->err = (pclean_err){0};
    a->status = 0;
    a->sent =
        line.program.pid && !pcl_wire_bad(&a->request) &&
        pcl_frame_send(line.program.fd, PCL_FRAME_CALL, call, a->request.data, a->request.n, -1);
    line.ahead = a->sent ? a : NULL;
}

bool pcl_line_finish(pcl_ahead *a) {
    if (a->sent && line.ahead == a)
        take_ahead();
    const bool arrived = a->sent && a->arrived;
    a->sent = false;
    return arrived;
}

void pcl_line_drop(pcl_ahead *a) {
    if (pcl_line_finish(a) && a->passed >= 0)
        close(a->passed);
    pcl_wire_clear(&a->request);
    pcl_wire_clear(&a->reply);
}
