#include "exec/worker.h"

#include <errno.h>
#include <omp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

/* Anonymous memory that a forked process began with, all of it shared; 0 in the coordinator. */
static size_t shared_bytes;

/* ---- messages ---- */

bool pcl_message_send(int fd, enum pcl_message_kind kind, int level, const void *data, size_t size,
                      bool wait) {
    const size_t peak = shared_bytes && kind != PCL_MESSAGE_LOG ? pcl_mem_peak() : 0;
    pcl_message head = {.kind = kind,
                        .level = level,
                        .size = size,
                        .growth_bytes = peak > shared_bytes ? peak - shared_bytes : 0};
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
    static const int normal[] = {SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGCHLD, SIGUSR1, SIGUSR2},
                     ignored[] = {SIGINT, SIGPIPE};
    for (size_t i = 0; i < sizeof normal / sizeof *normal; i++)
        signal(normal[i], SIG_DFL);
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void live(int fd, pid_t coordinator, pcl_worker_body *body, void *user,
                           const pcl_worker *others, size_t nother) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != coordinator) /* gone before the line above */
        _exit(0);
    reset_signals();
    shared_bytes = pcl_mem_peak_restart();
    for (size_t i = 0; i < nother; i++)
        if (others[i].pid)
            close(others[i].fd);
    pcl_log_set_sink(log_to_line, &fd);
    body(fd, user);
    _exit(0); /* the host program's exit handlers and buffers are not ours */
}

int pcl_worker_start(pcl_worker *w, pcl_worker_body *body, void *user, const pcl_worker *others,
                     size_t nother, pclean_err *err) {
    *w = (pcl_worker){.fd = -1};
    int line[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) != 0)
        return PCL_FAIL(err, PCLEAN_EFAILED, "cannot open a line to a worker process: %s",
                        strerror(errno));
    omp_pause_resource_all(omp_pause_hard);
    const pid_t coordinator = getpid(), pid = fork();
    if (pid == 0) {
        close(line[0]);
        live(line[1], coordinator, body, user, others, nother);
    }
    close(line[1]);
    if (pid < 0) {
        const int why = errno;
        close(line[0]);
        return PCL_FAIL(err, PCLEAN_EFAILED,
                        "cannot start a worker process: %s; use fewer (nworkers)", strerror(why));
    }
    *w = (pcl_worker){.pid = pid, .fd = line[0]};
    return 0;
}

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

void pcl_worker_stop(pcl_worker *w, pcl_worker_end *end) {
    pcl_worker_end nobody;
    if (!end)
        end = &nobody;
    /* a host program that ignores SIGCHLD reaps for us */
    *end = (pcl_worker_end){.how = "ended, nobody knows how"};
    if (!w->pid)
        return;
    kill(w->pid, SIGKILL); /* one that is dying already keeps its own cause of death */
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

/* What waitid has to tell of the process, left there to be told again. */
static int look(const pcl_worker *w, int what, siginfo_t *info) {
    *info = (siginfo_t){0};
    return waitid(P_PID, (id_t)w->pid, info, what | WNOHANG | WNOWAIT);
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
