#include "exec/worker.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <omp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fds.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/threads.h"

/* Whether this process is a worker, and the anonymous memory that it began with if it was forked,
 * all of it shared. */
static struct {
    bool is_worker;
    size_t shared_bytes;
} self;

/* ---- messages ---- */

bool pcl_message_send(int fd, enum pcl_message_kind kind, int level, const void *data, size_t size,
                      bool wait) {
    const size_t peak = self.is_worker && kind != PCL_MESSAGE_LOG ? pcl_mem_peak() : 0;
    pcl_message head = {.kind = kind,
                        .level = level,
                        .size = size,
                        .growth_bytes = peak > self.shared_bytes ? peak - self.shared_bytes : 0};
    struct iovec part[2] = {{&head, sizeof head}, {(void *)(uintptr_t)data, size}};
    const struct msghdr message = {.msg_iov = part, .msg_iovlen = 2};
    ssize_t n;
    do
        n = sendmsg(fd, &message, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)(sizeof head + size);
}

int pcl_message_receive(int fd, pcl_message *head, void *data, size_t capacity, bool wait) {
    struct iovec part[2] = {{head, sizeof *head}, {data, capacity}};
    struct msghdr message = {.msg_iov = part, .msg_iovlen = 2};
    ssize_t n;
    do
        n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    return n >= (ssize_t)sizeof *head && !(message.msg_flags & MSG_TRUNC) &&
                   head->size == (size_t)n - sizeof *head
               ? 1
               : -1;
}

/* ---- the process ---- */

static void log_to_line(enum pcl_log_level level, const char *text, void *user) {
    (void)pcl_message_send(*(const int *)user, PCL_MESSAGE_LOG, level, text, strlen(text) + 1,
                           true);
}

/* Ctrl-C at a terminal reaches the workers too: the coordinator decides what becomes of them. Their
 * other signals do what they do by default, whatever the host program made of them. */
static void reset_signals(void) {
    static const int normal[] = {SIGTERM, SIGHUP,  SIGQUIT, SIGALRM,
                                 SIGCHLD, SIGUSR1, SIGUSR2, SIGABRT},
                     ignored[] = {SIGINT, SIGPIPE, SIGXFSZ};
    for (size_t i = 0; i < sizeof normal / sizeof *normal; i++)
        signal(normal[i], SIG_DFL);
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

void pcl_worker_log_to(const int *fd) {
    pcl_log_set_sink(log_to_line, (void *)(uintptr_t)fd);
}

/* What every child does first. */
static void begin(pid_t coordinator) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* also of a program that it becomes */
    if (getppid() != coordinator)     /* gone before the line above */
        _exit(0);
    reset_signals();
    pcl_fds_close();
    pcl_log_set_sink(NULL, NULL); /* that of the host program */
    self.is_worker = true;
}

/* fork, with a line: 0 in the child, whose end of it is *fd. */
static int fork_with_line(pcl_worker *w, pid_t *pid, int *fd, pclean_err *err) {
    *w = (pcl_worker){.fd = -1};
    int line[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) != 0)
        return PCL_FAIL(err, PCLEAN_EFAILED, "cannot open a line to a worker process: %s",
                        strerror(errno));
    const pid_t coordinator = getpid();
    *pid = fork();
    if (*pid == 0) {
        close(line[0]);
        *fd = line[1];
        begin(coordinator);
        return 0;
    }
    const int why = errno;
    close(line[1]);
    if (*pid < 0) {
        close(line[0]);
        return PCL_FAIL(err, PCLEAN_EFAILED,
                        "cannot start a worker process: %s; use fewer (nworkers)", strerror(why));
    }
    *w = (pcl_worker){.pid = *pid, .fd = line[0]};
    return 0;
}

static _Noreturn void live(int fd, pcl_worker_body *body, void *user, const pcl_worker *others,
                           size_t nother) {
    self.shared_bytes = pcl_mem_peak_restart();
    for (size_t i = 0; i < nother; i++)
        if (others[i].pid)
            close(others[i].fd);
    body(fd, user);
    _exit(0); /* the host program's exit handlers and buffers are not ours */
}

int pcl_worker_start(pcl_worker *w, pcl_worker_body *body, void *user, const pcl_worker *others,
                     size_t nother, pclean_err *err) {
    pid_t pid;
    int fd, rc;
    *w = (pcl_worker){.fd = -1};
    omp_pause_resource_all(omp_pause_hard);
    if (!pcl_threads_none_beside())
        return PCL_FAIL(err, PCLEAN_EFAILED,
                        "cannot start a worker process: this process has got other threads "
                        "meanwhile; set nworkers to 1, or PCLEAN_WORKERS to program");
    rc = fork_with_line(w, &pid, &fd, err);
    if (!rc && pid == 0)
        live(fd, body, user, others, nother);
    return rc;
}

/* ---- a program ---- */

/* In the child. No file of the host program stays open: a worker must not hold its sockets. */
static _Noreturn void become(const char *path, int fd, int job) {
    char *const arguments[] = {(char *)(uintptr_t)path, NULL};
    pclean_err err;
    const int line_above = fcntl(fd, F_DUPFD, 10), job_above = fcntl(job, F_DUPFD, 10);
    if (line_above >= 0 && job_above >= 0 && dup2(line_above, PCL_WORKER_LINE) >= 0 &&
        dup2(job_above, PCL_WORKER_JOB) >= 0 && close_range(PCL_WORKER_JOB + 1, ~0u, 0) == 0)
        execv(path, arguments);
    (void)PCL_FAIL(&err, PCLEAN_EFAILED, "cannot start the program %s: %s", path, strerror(errno));
    (void)pcl_message_send(PCL_WORKER_LINE, PCL_MESSAGE_ERROR, 0, &err, sizeof err, true);
    pcl_message head;
    (void)pcl_message_receive(PCL_WORKER_LINE, &head, NULL, 0, true); /* until the task is there */
    _exit(127);
}

int pcl_worker_start_program(pcl_worker *w, const char *path, int job, pclean_err *err) {
    pid_t pid;
    int fd, rc = fork_with_line(w, &pid, &fd, err);
    if (!rc && pid == 0)
        become(path, fd, job);
    return rc;
}

void pcl_worker_begin_program(void) {
    self.is_worker = true;
    pcl_mem_peak_restart();
}

int pcl_worker_find_program(const char *name, char **path, pclean_err *err) {
    static const char *const below[] = {"", "../libexec/pclean/"};
    Dl_info info;
    const bool known = dladdr(&self, &info) != 0 && info.dli_fname;
    char *here = known ? realpath(info.dli_fname, NULL) : NULL;
    int rc = 0;
    *path = NULL;
    const int length = here ? (int)(strrchr(here, '/') + 1 - here) : 0;
    for (size_t i = 0; here && !rc && i < sizeof below / sizeof *below; i++) {
        if ((rc = pcl_asprintf(path, err, "%.*s%s%s", length, here, below[i], name)) ||
            access(*path, X_OK) == 0)
            goto done;
        pcl_free(*path);
        *path = NULL;
    }
    rc = PCL_FAIL(err, PCLEAN_EIO,
                  "the program %s is neither in %.*s nor in %.*s%s: is pclean installed whole?",
                  name, length, here ? here : "", length, here ? here : "", below[1]);
done:
    free(here);
    return rc;
}

/* ---- how it ended ---- */

static void describe(int status, char *how, size_t size) {
    if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        if (name)
            snprintf(how, size, "was killed by SIG%s", name);
        else
            snprintf(how, size, "was killed by signal %d", WTERMSIG(status));
    } else {
        snprintf(how, size, "ended with exit status %d", WEXITSTATUS(status));
    }
}

/* What waitid has to tell of the process, left there to be told again. */
static int look(const pcl_worker *w, int what, siginfo_t *info) {
    *info = (siginfo_t){0};
    return waitid(P_PID, (id_t)w->pid, info, what | WNOHANG | WNOWAIT);
}

void pcl_worker_stop(pcl_worker *w, pcl_worker_end *end) {
    pcl_worker_end nobody;
    siginfo_t info;
    if (!end)
        end = &nobody;
    /* a host program that ignores SIGCHLD reaps for us */
    *end = (pcl_worker_end){.how = "ended, nobody knows how"};
    if (!w->pid)
        return;
    /* one that is dying already keeps its own cause of death; one whose end the host program has
     * taken away may have given its number to another */
    if (look(w, WEXITED, &info) == 0 || errno != ECHILD)
        kill(w->pid, SIGKILL);
    int status;
    struct rusage use;
    pid_t pid;
    do
        pid = wait4(w->pid, &status, 0, &use);
    while (pid < 0 && errno == EINTR);
    if (pid == w->pid) {
        describe(status, end->how, sizeof end->how);
        end->cpu_seconds = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                           1e-6 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
    }
    close(w->fd);
    *w = (pcl_worker){.fd = -1};
}

bool pcl_worker_is_dead(const pcl_worker *w) {
    siginfo_t info;
    if (!w->pid)
        return false;
    if (look(w, WEXITED, &info) != 0)
        return errno == ECHILD;
    return info.si_pid == w->pid;
}

bool pcl_worker_is_stopped(const pcl_worker *w) {
    siginfo_t info;
    return w->pid && look(w, WSTOPPED, &info) == 0 && info.si_pid == w->pid;
}
