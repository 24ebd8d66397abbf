/* worker.h: one process that works for another, the line between them, and how it ended. It is
 * forked and goes on as it is, or becomes a program of ours that inherits nothing but its line and
 * its job. pool.h makes a crew of them.
 *
 * The line is a socket pair that keeps messages whole. It ends when either side does: a worker
 * whose coordinator is gone reads the end of the line and leaves (and the kernel kills it in the
 * middle of its work: PR_SET_PDEATHSIG); a coordinator whose worker is gone reads the end of the
 * line and asks the kernel how it died. */
#ifndef PCL_WORKER_H
#define PCL_WORKER_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct pcl_worker {
    pid_t pid; /* 0: no process */
    int fd;    /* coordinator's end of the line */
} pcl_worker;

/* How a process ended. */
typedef struct pcl_worker_end {
    char how[64]; /* "was killed by SIGKILL", "ended with exit status 3" */
    double cpu_seconds;
} pcl_worker_end;

/* Forks. In the child `body(fd, user)` runs, without a log, then the process ends; `others` are the
 * workers whose lines it must not keep open. OpenMP's idle threads are given up first (they do not
 * survive a fork, and a team that expects them would wait for ever); casacore tables must be
 * closed. */
typedef void pcl_worker_body(int fd, void *user);
int pcl_worker_start(pcl_worker *w, pcl_worker_body *body, void *user, const pcl_worker *others,
                     size_t nother, pclean_err *err) PCL_CHECK;

/* The same with a program, found at `path`, instead of a body. It finds its line and the file `job`
 * under the numbers below, no other file but standard output and error, and the signals of a
 * worker. A path that is no program shows as an error on the line. */
enum { PCL_WORKER_LINE = 0, PCL_WORKER_JOB = 3 };
int pcl_worker_start_program(pcl_worker *w, const char *path, int job, pclean_err *err) PCL_CHECK;
/* The program says that it is one: its memory is all its own. */
void pcl_worker_begin_program(void);

/* A worker's log goes to the line from now on. */
void pcl_worker_log_to(const int *fd);

/* The file `name` beside the library or program that this code is in, else in ../libexec/pclean
 * from there, as it is installed; *path to pcl_free. -PCLEAN_EIO: in neither. */
int pcl_worker_find_program(const char *name, char **path, pclean_err *err) PCL_CHECK;

/* Kills the process if it still lives, waits for its end and closes the line. *end may be NULL. */
void pcl_worker_stop(pcl_worker *w, pcl_worker_end *end);
/* true when the process has ended without its line showing it. Does not wait, does not reap. */
bool pcl_worker_is_dead(const pcl_worker *w);
/* true while a signal (SIGSTOP) holds the process. */
bool pcl_worker_is_stopped(const pcl_worker *w);

/* ---- messages ---- */
enum pcl_message_kind {
    PCL_MESSAGE_TASK,
    PCL_MESSAGE_RESULT,
    PCL_MESSAGE_ERROR,
    PCL_MESSAGE_LOG,
    PCL_MESSAGE_NOTE
};
typedef struct pcl_message {
    int kind, level;       /* level: of a log line */
    size_t size;           /* of what follows */
    uint64_t growth_bytes; /* a worker's peak of anonymous memory so far, over what it shares
                            * with the coordinator; 0 in log lines */
} pcl_message;

/* false: the line is broken. wait: block until there is room. */
bool pcl_message_send(int fd, enum pcl_message_kind kind, int level, const void *data, size_t size,
                      bool wait);
/* 1: a message, its data (up to `capacity` bytes) in `data`; 0: none is there now; -1: the line has
 * ended or broken. */
int pcl_message_receive(int fd, pcl_message *head, void *data, size_t capacity, bool wait);

#endif
