/* shim.c: system calls that fail, end early, or are the last that a process makes. Loaded into a
 * program and all its children with LD_PRELOAD; tests/fault/run is its driver. The program's
 * environment says what is to happen:
 *
 *   FAULT_CALLS    classes of calls, comma-separated: write fsync rename open look fallocate mkdir
 *                  unlink close read link fork flock fcntl mmap malloc (open: for writing or
 *                  creating; look: for reading, and folders; malloc: whatever gives memory)
 *   FAULT_PROGRAM  only calls of the program of this name; otherwise of all
 *   FAULT_PATH     only calls on a path with this part in it; otherwise all but those on standard
 *                  input, output and error
 *   FAULT_AT       the call that the fault hits: 1 is the first of the program and its children. 0:
 *                  none, they are only counted
 *   FAULT_ACTION   fail: the call fails with FAULT_ERRNO (a number). short: it transfers half of
 *                  what it should. kill: it ends the process group
 *   FAULT_STICKY   1: all later calls fail, too
 *   FAULT_COUNTER  a file that holds the number of calls, shared by all processes
 *   FAULT_LOG      a file to which the call that is hit is written, or all of them when they are
 *                  only counted
 *
 * What the C library does inside itself (fwrite, fclose, readdir) is not seen. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* The names that programs call; the C library's own headers have them in other forms. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

enum action { FAIL, SHORT, KILL };

static struct {
    bool ready, sticky;
    bool memory; /* calls that give memory are asked for: too many to look it up in each */
    enum action action;
    int error;
    uint64_t at, *counter;
    const char *calls, *path, *log;
} fault;
static uint64_t own_counter;
static __thread bool busy; /* the shim's own calls are none of the program's */

static const char *setting(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value ? value : otherwise;
}

static uint64_t *shared_counter(const char *path) {
    const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT, 0666);
    if (fd < 0 || syscall(SYS_ftruncate, fd, sizeof(uint64_t)) != 0)
        return &own_counter;
    void *p = (void *)syscall(SYS_mmap, NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED,
                              fd, 0);
    syscall(SYS_close, fd);
    return p == MAP_FAILED ? &own_counter : p;
}

static bool is_asked_for(const char *class) {
    const size_t n = strlen(class);
    for (const char *p = fault.calls; (p = strstr(p, class)) != NULL; p += n)
        if ((p == fault.calls || p[-1] == ',') && (p[n] == ',' || !p[n]))
            return true;
    return false;
}

/* The programs' constructors may call before this one has run. */
__attribute__((constructor)) static void begin(void) {
    if (fault.ready)
        return;
    const char *program = setting("FAULT_PROGRAM", "");
    const char *action = setting("FAULT_ACTION", "fail");
    fault.ready = true;
    fault.action = strcmp(action, "kill") == 0 ? KILL : strcmp(action, "short") == 0 ? SHORT : FAIL;
    fault.sticky = strcmp(setting("FAULT_STICKY", "0"), "1") == 0;
    fault.error = atoi(setting("FAULT_ERRNO", "5"));
    fault.at = strtoull(setting("FAULT_AT", "0"), NULL, 10);
    fault.calls = setting("FAULT_CALLS", "");
    if (*program && strcmp(program, program_invocation_short_name) != 0)
        fault.calls = "";
    fault.path = setting("FAULT_PATH", "");
    fault.log = setting("FAULT_LOG", "");
    fault.counter = shared_counter(setting("FAULT_COUNTER", "/dev/null"));
    fault.memory = is_asked_for("malloc");
}

/* The path of a descriptor, or NULL where it is no file of a disk's. */
static const char *path_of(int fd, char *text, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(link, text, size - 1);
    text[n < 0 ? 0 : n] = '\0';
    return text[0] == '/' ? text : NULL;
}

static bool is_counted(const char *path, int fd) {
    if (path && (strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/sys/", 5) == 0 ||
                 strncmp(path, "/dev/null", 9) == 0))
        return false;
    if (*fault.path)
        return path && strstr(path, fault.path);
    return fd < 0 || (fd > 2 && path);
}

static void write_log(uint64_t n, const char *class, const char *call, const char *path,
                      const char *to) {
    char line[9000];
    if (!*fault.log)
        return;
    const int length = snprintf(line, sizeof line, "%llu\t%s\t%s\t%s\t%s\n", (unsigned long long)n,
                                class, call, path ? path : "", to ? to : "");
    const int fd =
        (int)syscall(SYS_openat, AT_FDCWD, fault.log, O_WRONLY | O_APPEND | O_CREAT, 0666);
    if (fd >= 0) {
        (void)!syscall(SYS_write, fd, line, (size_t)length);
        syscall(SYS_close, fd);
    }
}

/* Whether this call is to fail. The path is given, or that of fd. */
static bool strikes(const char *class, const char *call, const char *path, int fd, const char *to) {
    char text[4096];
    bool hit = false;
    begin();
    if (busy || !is_asked_for(class))
        return false;
    busy = true;
    const int saved = errno;
    if (!path && fd >= 0)
        path = path_of(fd, text, sizeof text);
    if (is_counted(path, fd)) {
        const uint64_t n = __atomic_add_fetch(fault.counter, 1, __ATOMIC_SEQ_CST);
        hit = fault.at > 0 && (n == fault.at || (fault.sticky && n > fault.at));
        if (n == fault.at || fault.at == 0)
            write_log(n, class, call, path, to);
        if (hit && fault.action == KILL)
            syscall(SYS_kill, 0, SIGKILL);
    }
    errno = hit ? fault.error : saved;
    busy = false;
    return hit;
}

#define FIND(type, name, ...)                                                                      \
    static type (*real)(__VA_ARGS__);                                                              \
    if (!real)                                                                                     \
    *(void **)&real = dlsym(RTLD_NEXT, #name)

/* WRAP(type, class, name, (parameters), (arguments), path, fd, to, result of a failure) */
#define PARAMS(...) __VA_ARGS__
#define WRAP(type, class, name, params, args, path, fd, to, failed)                                \
    __attribute__((visibility("default"))) type name(PARAMS params) {                              \
        FIND(type, name, PARAMS params);                                                           \
        return strikes(class, #name, path, fd, to) ? (failed) : real args;                         \
    }
/* The same for a transfer of n bytes; half of them, if it is to be short. */
#define TRANSFER(class, name, params, args, half)                                                  \
    __attribute__((visibility("default"))) ssize_t name(PARAMS params) {                           \
        FIND(ssize_t, name, PARAMS params);                                                        \
        if (!strikes(class, #name, NULL, fd, NULL))                                                \
            return real args;                                                                      \
        return fault.action == SHORT && n > 1 ? real half : -1;                                    \
    }

TRANSFER("write", write, (int fd, const void *b, size_t n), (fd, b, n), (fd, b, n / 2))
TRANSFER("write", pwrite, (int fd, const void *b, size_t n, off_t at), (fd, b, n, at),
         (fd, b, n / 2, at))
TRANSFER("write", pwrite64, (int fd, const void *b, size_t n, off64_t at), (fd, b, n, at),
         (fd, b, n / 2, at))
TRANSFER("write", writev, (int fd, const struct iovec *b, int n), (fd, b, n), (fd, b, n / 2))
TRANSFER("write", pwritev, (int fd, const struct iovec *b, int n, off_t at), (fd, b, n, at),
         (fd, b, n / 2, at))
TRANSFER("write", copy_file_range,
         (int in, off64_t *from, int fd, off64_t *to, size_t n, unsigned flags),
         (in, from, fd, to, n, flags), (in, from, fd, to, n / 2, flags))
TRANSFER("write", sendfile, (int fd, int in, off_t *from, size_t n), (fd, in, from, n),
         (fd, in, from, n / 2))
TRANSFER("read", read, (int fd, void *b, size_t n), (fd, b, n), (fd, b, n / 2))
TRANSFER("read", pread, (int fd, void *b, size_t n, off_t at), (fd, b, n, at), (fd, b, n / 2, at))
TRANSFER("read", pread64, (int fd, void *b, size_t n, off64_t at), (fd, b, n, at),
         (fd, b, n / 2, at))

WRAP(int, "fsync", fsync, (int fd), (fd), NULL, fd, NULL, -1)
WRAP(int, "fsync", fdatasync, (int fd), (fd), NULL, fd, NULL, -1)
WRAP(int, "rename", rename, (const char *a, const char *b), (a, b), a, -1, b, -1)
WRAP(int, "rename", renameat, (int d, const char *a, int e, const char *b), (d, a, e, b), a, -1, b,
     -1)
WRAP(int, "rename", renameat2, (int d, const char *a, int e, const char *b, unsigned f),
     (d, a, e, b, f), a, -1, b, -1)
WRAP(int, "link", link, (const char *a, const char *b), (a, b), a, -1, b, -1)
WRAP(int, "link", linkat, (int d, const char *a, int e, const char *b, int f), (d, a, e, b, f), a,
     -1, b, -1)
WRAP(int, "link", symlink, (const char *a, const char *b), (a, b), a, -1, b, -1)
WRAP(int, "unlink", unlink, (const char *a), (a), a, -1, NULL, -1)
WRAP(int, "unlink", unlinkat, (int d, const char *a, int f), (d, a, f), a, -1, NULL, -1)
WRAP(int, "unlink", remove, (const char *a), (a), a, -1, NULL, -1)
WRAP(int, "unlink", rmdir, (const char *a), (a), a, -1, NULL, -1)
WRAP(int, "mkdir", mkdir, (const char *a, mode_t m), (a, m), a, -1, NULL, -1)
WRAP(int, "mkdir", mkdirat, (int d, const char *a, mode_t m), (d, a, m), a, -1, NULL, -1)
WRAP(int, "fallocate", posix_fallocate, (int fd, off_t at, off_t n), (fd, at, n), NULL, fd, NULL,
     fault.error)
WRAP(int, "fallocate", posix_fallocate64, (int fd, off64_t at, off64_t n), (fd, at, n), NULL, fd,
     NULL, fault.error)
WRAP(int, "fallocate", fallocate, (int fd, int m, off_t at, off_t n), (fd, m, at, n), NULL, fd,
     NULL, -1)
WRAP(int, "fallocate", ftruncate, (int fd, off_t n), (fd, n), NULL, fd, NULL, -1)
WRAP(int, "fallocate", ftruncate64, (int fd, off64_t n), (fd, n), NULL, fd, NULL, -1)
WRAP(int, "fallocate", truncate, (const char *a, off_t n), (a, n), a, -1, NULL, -1)
WRAP(int, "flock", flock, (int fd, int how), (fd, how), NULL, fd, NULL, -1)
WRAP(void *, "mmap", mmap, (void *a, size_t n, int how, int flags, int fd, off_t at),
     (a, n, how, flags, fd, at), NULL, -1, NULL, MAP_FAILED)
WRAP(void *, "mmap", mmap64, (void *a, size_t n, int how, int flags, int fd, off64_t at),
     (a, n, how, flags, fd, at), NULL, -1, NULL, MAP_FAILED)
WRAP(pid_t, "fork", fork, (void), (), NULL, -1, NULL, -1)
WRAP(DIR *, "look", opendir, (const char *a), (a), a, -1, NULL, NULL)

/* The descriptor is closed in any case, as the system does it. */
__attribute__((visibility("default"))) int close(int fd) {
    FIND(int, close, int);
    const bool failed = strikes("close", "close", NULL, fd, NULL);
    const int result = real(fd);
    if (failed)
        errno = fault.error;
    return failed ? -1 : result;
}

static const char *class_of_open(int flags) {
    return (flags & O_ACCMODE) == O_RDONLY && !(flags & O_CREAT) ? "look" : "open";
}
static const char *class_of_fopen(const char *mode) {
    return *mode == 'r' && !strchr(mode, '+') ? "look" : "open";
}

#define MODE_OF(flags, mode)                                                                       \
    mode_t mode = 0;                                                                               \
    if ((flags) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) {                                        \
        va_list list;                                                                              \
        va_start(list, flags);                                                                     \
        mode = va_arg(list, mode_t);                                                               \
        va_end(list);                                                                              \
    }
#define WRAP_OPEN(name)                                                                            \
    __attribute__((visibility("default"))) int name(const char *path, int flags, ...) {            \
        FIND(int, name, const char *, int, ...);                                                   \
        MODE_OF(flags, mode)                                                                       \
        return strikes(class_of_open(flags), #name, path, -1, NULL) ? -1                           \
                                                                    : real(path, flags, mode);     \
    }
#define WRAP_OPENAT(name)                                                                          \
    __attribute__((visibility("default"))) int name(int folder, const char *path, int flags,       \
                                                    ...) {                                         \
        FIND(int, name, int, const char *, int, ...);                                              \
        MODE_OF(flags, mode)                                                                       \
        return strikes(class_of_open(flags), #name, path, -1, NULL)                                \
                   ? -1                                                                            \
                   : real(folder, path, flags, mode);                                              \
    }
WRAP_OPEN(open)
WRAP_OPEN(open64)
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)
WRAP(int, "open", creat, (const char *a, mode_t m), (a, m), a, -1, NULL, -1)
WRAP(int, "open", mkstemp, (char *a), (a), a, -1, NULL, -1)
WRAP(FILE *, class_of_fopen(mode), fopen, (const char *a, const char *mode), (a, mode), a, -1, NULL,
     NULL)
WRAP(FILE *, class_of_fopen(mode), fopen64, (const char *a, const char *mode), (a, mode), a, -1,
     NULL, NULL)

#define WRAP_FCNTL(name)                                                                           \
    __attribute__((visibility("default"))) int name(int fd, int command, ...) {                    \
        FIND(int, name, int, int, ...);                                                            \
        va_list list;                                                                              \
        va_start(list, command);                                                                   \
        void *argument = va_arg(list, void *);                                                     \
        va_end(list);                                                                              \
        return strikes("fcntl", #name, NULL, fd, NULL) ? -1 : real(fd, command, argument);         \
    }
WRAP_FCNTL(fcntl)
WRAP_FCNTL(fcntl64)

/* Memory. Before the shim has begun, and while it looks for the functions that it stands for, the
 * C library's are called by their other names. */
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t),
    *__libc_memalign(size_t, size_t);

static bool has_none(const char *call) {
    return fault.memory && strikes("malloc", call, NULL, -1, NULL);
}

#define WRAP_MEMORY(name, params, args, otherwise)                                                 \
    __attribute__((visibility("default"))) void *name(PARAMS params) {                             \
        static void *(*real)(PARAMS params);                                                       \
        static __thread bool looking;                                                              \
        if (has_none(#name))                                                                       \
            return errno = ENOMEM, NULL;                                                           \
        if (!real && !looking) {                                                                   \
            looking = true;                                                                        \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                             \
            looking = false;                                                                       \
        }                                                                                          \
        return real ? real args : otherwise;                                                       \
    }
WRAP_MEMORY(malloc, (size_t n), (n), __libc_malloc(n))
WRAP_MEMORY(calloc, (size_t n, size_t size), (n, size), __libc_calloc(n, size))
WRAP_MEMORY(realloc, (void *p, size_t n), (p, n), __libc_realloc(p, n))
WRAP_MEMORY(memalign, (size_t align, size_t n), (align, n), __libc_memalign(align, n))
WRAP_MEMORY(aligned_alloc, (size_t align, size_t n), (align, n), __libc_memalign(align, n))

__attribute__((visibility("default"))) int posix_memalign(void **p, size_t align, size_t n) {
    FIND(int, posix_memalign, void **, size_t, size_t);
    return has_none("posix_memalign") ? ENOMEM : real(p, align, n);
}
