#include "line/program.h"
#include "base/clock.h"
#include "pclean.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

const char *pcl_program_version(void) {
    return PCLEAN_VERSION;
}

/* The folder of the file that this function is in. */
static bool own_folder(char *folder, size_t size) {
    Dl_info info;
    char real[4096];
    if (dladdr(__extension__(void *) own_folder, &info) == 0 || !info.dli_fname)
        return false;
    if (!realpath(info.dli_fname, real) && !realpath("/proc/self/exe", real))
        return false;
    char *slash = strrchr(real, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return snprintf(folder, size, "%s", real) < (int)size;
}

int pcl_program_find(char *path, size_t size, pclean_err *err) {
    static const char *const below[] = {"/pclean-casa", "/../libexec/pclean/pclean-casa"};
    char folder[4096];
    const char *named = getenv("PCLEAN_CASA");
    const bool known = own_folder(folder, sizeof folder);
    for (size_t i = 0; known && i < sizeof below / sizeof *below; i++)
        if (snprintf(path, size, "%s%s", folder, below[i]) < (int)size && access(path, X_OK) == 0)
            return 0;
    if (named && snprintf(path, size, "%s", named) < (int)size && access(path, X_OK) == 0)
        return 0;
    return PCL_FAIL(err, PCLEAN_EIO,
                    "the program pclean-casa, which reads and writes casacore's tables, is neither "
                    "in %s nor in ../libexec/pclean from there nor what PCLEAN_CASA names",
                    known ? folder : "the library's folder");
}

/* A descriptor that is none of those the program gets under fixed numbers. */
static int out_of_the_way(int fd) {
    const int moved = fcntl(fd, F_DUPFD_CLOEXEC, 4);
    close(fd);
    return moved;
}

static int set_up(posix_spawn_file_actions_t *files, posix_spawnattr_t *attributes, int line,
                  int words) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    sigdelset(&all, SIGKILL);
    sigdelset(&all, SIGSTOP);
    int rc = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    rc = rc ? rc : posix_spawn_file_actions_addopen(files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    rc = rc ? rc : posix_spawn_file_actions_adddup2(files, words, STDERR_FILENO);
    rc = rc ? rc : posix_spawn_file_actions_adddup2(files, line, 3);
    rc = rc ? rc : posix_spawnattr_setsigmask(attributes, &none);
    rc = rc ? rc : posix_spawnattr_setsigdefault(attributes, &all);
    return rc ? rc
              : posix_spawnattr_setflags(attributes,
                                         POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int spawn(const char *path, int line, int words, pid_t *pid) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    char *const arguments[] = {(char *)(uintptr_t)path, "--line", NULL};
    int rc = posix_spawn_file_actions_init(&files);
    if (rc)
        return rc;
    if (!(rc = posix_spawnattr_init(&attributes))) {
        if (!(rc = set_up(&files, &attributes, line, words)))
            rc = posix_spawn(pid, path, &files, &attributes, arguments, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

int pcl_program_start(const char *path, pcl_program *p, pclean_err *err) {
    int line[2], rc;
    *p = (pcl_program){.fd = -1, .words = -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line) != 0)
        return PCL_FAIL(err, PCLEAN_EIO, "cannot open a line to a process for casacore: %s",
                        strerror(errno));
    line[0] = out_of_the_way(line[0]); /* of a host that has closed its standard output, too */
    line[1] = out_of_the_way(line[1]);
    p->words = out_of_the_way(memfd_create("pclean-casa", MFD_CLOEXEC));
    pid_t pid = 0;
    if (line[0] < 0 || line[1] < 0 || p->words < 0)
        rc = errno;
    else
        rc = spawn(path, line[1], p->words, &pid);
    if (line[1] >= 0)
        close(line[1]);
    if (rc) {
        if (line[0] >= 0)
            close(line[0]);
        if (p->words >= 0)
            close(p->words);
        if (rc == EMFILE || rc == ENFILE || rc == EINVAL)
            return PCL_FAIL(err, PCLEAN_EIO,
                            "too many open files: %s cannot be started; let this process have more "
                            "(ulimit -n)",
                            path);
        return PCL_FAIL(err, PCLEAN_EIO, "cannot start %s: %s", path, strerror(rc));
    }
    p->pid = pid;
    p->fd = line[0];
    return 0;
}

bool pcl_program_reads_nothing(pcl_program *p) {
    enum { READS = 6 };
    char name[64], text[256];
    uintmax_t calls, bytes;
    snprintf(name, sizeof name, "/proc/%ld/io", (long)p->pid);
    const int fd = open(name, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    if (sscanf(text, "rchar: %ju wchar: %*u syscr: %ju", &bytes, &calls) != 2)
        return false;
    if (bytes == p->bytes && p->seen > 0)
        return calls - p->calls >= READS && pcl_now() - p->seen > 1;
    p->bytes = bytes;
    p->calls = calls;
    p->seen = pcl_now();
    return false;
}

static void describe(int status, char *how, size_t size) {
    const char *name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;
    if (name)
        snprintf(how, size, "was killed by SIG%s", name);
    else if (WIFSIGNALED(status))
        snprintf(how, size, "was killed by signal %d", WTERMSIG(status));
    else
        snprintf(how, size, "ended with status %d", WEXITSTATUS(status));
}

/* The last line with text, without what the C++ library puts in front of an exception's. */
static void last_words(int file, char *words, size_t size) {
    char text[2048];
    const off_t end = lseek(file, 0, SEEK_END),
                from = end > (off_t)sizeof text - 1 ? end - (off_t)sizeof text + 1 : 0;
    const ssize_t n = end > 0 ? pread(file, text, sizeof text - 1, from) : 0;
    size_t length = n > 0 ? (size_t)n : 0;
    while (length > 0 && strchr(" \t\r\n", text[length - 1]))
        length--;
    text[length] = '\0';
    const char *line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    while (*line == ' ')
        line++;
    if (strncmp(line, "what():", 7) == 0)
        line += 7 + strspn(line + 7, " ");
    snprintf(words, size, "%.*s", (int)size - 1, line);
}

/* One that was killed while a dead disk holds it may not end: such a one is waited for a second. */
static bool has_ended(pid_t pid, int *status, struct rusage *use, double patience_s) {
    const struct timespec pause = {.tv_nsec = 2000000};
    for (double waited = 0; waited < patience_s; waited += 2e-3) {
        const pid_t ended = wait4(pid, status, WNOHANG, use);
        if (ended > 0)
            return true;
        if (ended < 0 && errno != EINTR) {
            *status = -1; /* a host program that ignores SIGCHLD reaps for us */
            return true;
        }
        nanosleep(&pause, NULL);
    }
    return false;
}

void pcl_program_stop(pcl_program *p, bool kill_it, pcl_program_end *end) {
    int status = -1;
    struct rusage use = {0};
    if (end)
        *end = (pcl_program_end){0};
    if (!p->pid)
        return;
    if (kill_it)
        kill(p->pid, SIGKILL);
    close(p->fd);
    bool ended = has_ended(p->pid, &status, &use, kill_it ? 1 : 10);
    if (!ended) {
        kill(p->pid, SIGKILL);
        ended = has_ended(p->pid, &status, &use, 1);
    }
    if (end) {
        *end = (pcl_program_end){.how = "ended, nobody knows how",
                                 .cpu_seconds =
                                     (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                                     1e-6 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec)};
        if (ended && status != -1)
            describe(status, end->how, sizeof end->how);
        last_words(p->words, end->words, sizeof end->words);
    }
    close(p->words);
    *p = (pcl_program){.fd = -1, .words = -1};
}
