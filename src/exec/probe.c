#include "exec/probe.h"
#include "base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct pcl_probe_report {
    char path[512]; /* that the child is at */
    pclean_err err; /* what is wrong with it */
    bool done;
};

/* For the header of one image, s. Slow network disks need some seconds. */
#ifndef PCL_PROBE_LIMIT_S
#define PCL_PROBE_LIMIT_S 300
#endif

/* Bytes that have come, 0: the child has ended; -1: an image took too long. */
static ssize_t listen_to(int line) {
    char buffer[256];
    const double begin = pcl_now();
    for (;;) {
        struct pollfd ready = {.fd = line, .events = POLLIN};
        if (poll(&ready, 1, 1000) > 0) {
            const ssize_t got = read(line, buffer, sizeof buffer);
            return got > 0 ? got : 0;
        }
        if (pcl_now() - begin >= PCL_PROBE_LIMIT_S)
            return -1;
    }
}

/* A child that was killed while a dead disk held it may not end: such a one is waited for a second
 * only. */
static void end_child(pcl_probe *p, bool killed, int *status) {
    const struct timespec pause = {.tv_nsec = 10000000};
    pid_t ended = 0;
    close(p->line);
    for (int i = 0; i < 100 && ended <= 0; i++) {
        ended = waitpid(p->pid, status, killed ? WNOHANG : 0);
        if (ended == 0)
            nanosleep(&pause, NULL);
        else if (ended < 0 && errno != EINTR)
            break;
    }
    p->pid = 0;
}

void pcl_probe_stop(pcl_probe *p) {
    int status;
    if (p->pid > 0) {
        kill(p->pid, SIGKILL);
        end_child(p, true, &status);
    }
    if (p->report)
        munmap(p->report, sizeof *p->report);
}

/* Waits until the child has done with visit i. */
static int wait_for_probe(pcl_probe *p, size_t i, pclean_err *err) {
    int status = 0;
    while (p->pid && p->begun < i + 2) {
        const ssize_t got = listen_to(p->line);
        if (got > 0) {
            p->begun += (size_t)got;
            continue;
        }
        if (got < 0)
            kill(p->pid, SIGKILL);
        end_child(p, got < 0, &status);
        if (got < 0)
            return PCL_FAIL(err, PCLEAN_EIO,
                            "%s: its header could not be read in %d s; does its disk answer? If it "
                            "does, its tables are damaged",
                            p->report->path, PCL_PROBE_LIMIT_S);
        if (!p->report->done)
            return PCL_FAIL(
                err, PCLEAN_EDATA, "%s: casacore breaks down over it (%s): its tables are damaged",
                p->report->path,
                WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "it ends the process");
        if (p->report->err.code && err)
            *err = p->report->err;
        return -p->report->err.code;
    }
    return 0;
}

int pcl_probe_visit(pcl_probe *p, const char *path, pclean_err *err) {
    if (!pcl_probe_is_child(p))
        return wait_for_probe(p, p->visits++, err);
    snprintf(p->report->path, sizeof p->report->path, "%s", path);
    return write(p->line, "", 1) == 1 ? 0 : PCL_FAIL(err, PCLEAN_EIO, "cannot report");
}

bool pcl_probe_is_child(const pcl_probe *p) {
    return p->pid < 0;
}

void pcl_probe_note(pcl_probe *p, const pclean_err *err) {
    if (!p->report->err.code)
        p->report->err = *err;
}

/* What a damaged table asks for must not take all memory of the machine: 1 GiB more is enough for
 * any headers. */
static void limit_memory(void) {
    struct rlimit limit;
    unsigned long long pages;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%*s %*s %*s %*s %*s %llu", &pages) == 1 &&
        getrlimit(RLIMIT_DATA, &limit) == 0) {
        const rlim_t most = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + ((rlim_t)1 << 30);
        limit.rlim_cur = most < limit.rlim_cur ? most : limit.rlim_cur;
        setrlimit(RLIMIT_DATA, &limit);
    }
    if (f)
        fclose(f);
}

__attribute__((noreturn)) static void
be_child(pcl_probe *p, int (*work)(pcl_probe *p, void *user, pclean_err *err), void *user) {
    pclean_err err = {0};
    const struct rlimit no_core = {0, 0};
    const int deadly[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        signal(deadly[i], SIG_DFL); /* the caller's handlers are not for a child that breaks down */
    setrlimit(RLIMIT_CORE, &no_core);
    limit_memory();
    const int null = open("/dev/null", O_WRONLY);
    (void)!(null >= 0 && dup2(null, STDERR_FILENO) >= 0);
    (void)!work(p, user, &err);
    p->report->done = true;
    _exit(0);
}

int pcl_probe_start(pcl_probe *p, int (*work)(pcl_probe *p, void *user, pclean_err *err),
                    void *user, pclean_err *err) {
    int ends[2];
    *p = (pcl_probe){.report = mmap(NULL, sizeof *p->report, PROT_READ | PROT_WRITE,
                                    MAP_SHARED | MAP_ANONYMOUS, -1, 0)};
    if (p->report == MAP_FAILED) {
        p->report = NULL;
        return PCL_FAIL(err, PCLEAN_ENOMEM, "no memory to share with a process");
    }
    if (pipe2(ends, O_CLOEXEC) != 0)
        return PCL_FAIL(err, PCLEAN_EIO, "cannot make a pipe: %s", strerror(errno));
    const pid_t pid = fork();
    if (pid == 0) {
        p->pid = -1;
        p->line = ends[1];
        be_child(p, work, user);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return PCL_FAIL(err, PCLEAN_EIO, "cannot start a process: %s", strerror(errno));
    }
    p->pid = pid;
    p->line = ends[0];
    return 0;
}
