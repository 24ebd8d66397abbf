/* pclean-casa: the process that has casacore. libpclean starts it, with a line to it as descriptor
 * 3, and does in it what casa/casa.h and casa/join.h declare. It ends when the line does. */
#include "base/log.h"
#include "base/mem.h"
#include "casa/casa.h"
#include "pclean.h"
#include "serve.h"
#include "wire/frame.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LINE = 3 };

static pcl_serve *const serve[] = {
#define X(symbol, function) [symbol] = function,
    PCL_CALL_LIST(X)
#undef X
};

/* ---- log ---- */

static void log_to_line(enum pcl_log_level level, const char *text, void *user) {
    (void)user;
    pcl_wire body = {0};
    pcl_wire_put_text(&body, text);
    if (!pcl_wire_bad(&body))
        (void)pcl_frame_send(LINE, PCL_FRAME_LOG, level, body.data, body.n, -1);
    pcl_wire_clear(&body);
}

/* ---- what it uses ---- */

/* The number in kB after `key` in a file of /proc, as bytes. */
static uint64_t bytes_of(const char *file, const char *key, uint64_t unit) {
    char line[256];
    unsigned long long n = 0;
    FILE *f = fopen(file, "re");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, strlen(key)) == 0) {
            n = strtoull(line + strlen(key), NULL, 10);
            break;
        }
    if (f)
        fclose(f);
    return n * unit;
}

/* Blocks of rows are shared memory: it is counted here, not at the caller. */
static bool tell_usage(void) {
    static const char status[] = "/proc/self/status";
    struct rusage use = {0};
    const uint64_t peak = pcl_mem_peak(), now = pcl_mem_peak_restart(),
                   shared = bytes_of(status, "RssShmem:", 1024);
    (void)getrusage(RUSAGE_SELF, &use);
    const pcl_frame_usage usage = {.cpu_seconds =
                                       (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                                       1e-6 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec),
                                   .read_bytes = bytes_of("/proc/self/io", "rchar:", 1),
                                   .now_bytes = now + shared,
                                   .peak_bytes = peak + shared,
                                   .address_bytes = bytes_of(status, "VmPeak:", 1024),
                                   .data_bytes = bytes_of(status, "VmData:", 1024)};
    return pcl_frame_send(LINE, PCL_FRAME_USAGE, 0, &usage, sizeof usage, -1);
}

/* ---- limits ---- */

static rlim_t memory_at_start;

/* Memory of this process's own now, bytes. */
static rlim_t memory_now(void) {
    unsigned long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f) {
        if (fscanf(f, "%*s %*s %*s %*s %*s %llu", &pages) != 1)
            pages = 0;
        fclose(f);
    }
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* What a damaged table asks for must not take all memory of the machine: 1 GiB more than at the
 * start is enough for headers, and for a request of many channels or beams so many times its
 * size. */
void pcl_serve_allow(uint64_t bytes) {
    static rlim_t allowed, most; /* never more than it was given */
    struct rlimit limit;
    const rlim_t want = ((rlim_t)1 << 30) + (rlim_t)bytes;
    if (want <= allowed || !memory_at_start || getrlimit(RLIMIT_DATA, &limit) != 0)
        return;
    most = allowed ? most : limit.rlim_cur;
    allowed = want;
    limit.rlim_cur = memory_at_start + want < most ? memory_at_start + want : most;
    setrlimit(RLIMIT_DATA, &limit);
}

/* ---- life ---- */

/* Ends the process when the line ends, whatever casacore is busy with. */
static void *watch(void *unused) {
    struct pollfd line = {.fd = LINE, .events = POLLRDHUP};
    (void)unused;
    while (poll(&line, 1, -1) < 0 || !(line.revents & (POLLRDHUP | POLLHUP | POLLERR)))
        ;
    _exit(0);
}

static void start_watching(void) {
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    if (pthread_attr_init(&attributes) == 0) {
        pthread_attr_setstacksize(&attributes, 65536);
        (void)!pthread_create(&thread, &attributes, watch, NULL);
        pthread_attr_destroy(&attributes);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static bool send_error(const pclean_err *err) {
    return pcl_frame_send(LINE, PCL_FRAME_ERROR, 0, err, sizeof *err, -1);
}

static bool say_hello(void) {
    pclean_err err = {0};
    pcl_wire body = {0};
    if (casa_init(&err) != 0)
        return send_error(&err);
    const char *const fact[] = {PCLEAN_VERSION, casa_version(), casa_library_path(),
                                casa_adios2_folder()};
    for (size_t i = 0; i < sizeof fact / sizeof *fact; i++)
        pcl_wire_put_text(&body, fact[i]);
    const bool sent =
        tell_usage() && pcl_frame_send(LINE, PCL_FRAME_HELLO, 0, body.data, body.n, -1);
    pcl_wire_clear(&body);
    return sent;
}

/* Tests have the process die at its n-th call, or at each call of a name (wire/calls.h):
 * PCLEAN_CASA_DIES=n or NAME, followed by :FILE for the one process that makes the file. */
static void die_for_a_test(uint32_t call) {
    static const char *const name[] = {
#define X(symbol, function) [symbol] = #symbol,
        PCL_CALL_LIST(X)
#undef X
    };
    static long calls;
    const char *at = getenv("PCLEAN_CASA_DIES");
    if (!at)
        return;
    const size_t length = strcspn(at, ":");
    const bool named = strlen(name[call]) == length && strncmp(at, name[call], length) == 0;
    if (++calls != strtol(at, NULL, 10) && !named)
        return;
    if (at[length] == ':' && open(at + length + 1, O_CREAT | O_EXCL | O_WRONLY, 0666) < 0)
        return;
    signal(SIGSEGV, SIG_DFL); /* whatever a sanitizer makes of it */
    raise(SIGSEGV);
}

static bool answer(const pcl_frame *head, pcl_wire *in) {
    pclean_err err = {0};
    pcl_wire out = {0};
    int pass = -1, rc;
    if (head->kind != PCL_FRAME_CALL || head->number >= PCL_NCALL)
        return false;
    pcl_serve_allow(64 * head->size);
    die_for_a_test(head->number);
    rc = serve[head->number](in, &out, &pass, &err);
    if (!rc && pcl_wire_bad(&out))
        rc = PCL_FAIL(&err, PCLEAN_ENOMEM, "out of memory for an answer");
    const bool sent = tell_usage() && (rc ? send_error(&err)
                                          : pcl_frame_send(LINE, PCL_FRAME_REPLY, head->number,
                                                           out.data, out.n, pass));
    pcl_wire_clear(&out);
    return sent;
}

int main(int argc, char **argv) {
    const struct rlimit no_core = {0, 0};
    if (argc != 2 || strcmp(argv[1], "--line") != 0) {
        fprintf(stderr,
                "pclean-casa %s: libpclean starts this program for what needs casacore; "
                "there is nothing that a user could do with it.\n",
                PCLEAN_VERSION);
        return 2;
    }
    /* Ctrl-C at a terminal, and what is sent to a group, reach this process too: the caller decides,
     * with whom this process ends */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that reaches its limit is an error */
    setrlimit(RLIMIT_CORE, &no_core);
    setenv("PCLEAN_CASA_PROCESS", "1", 1); /* for the storage manager: stman/bpopen.c */
    start_watching();
    pcl_log_set_sink(log_to_line, NULL);
    bool go_on = say_hello();
    memory_at_start = memory_now();
    pcl_wire in = {0};
    while (go_on) {
        pcl_frame head;
        if (pcl_frame_receive(LINE, 0, &head, &in, NULL) != PCL_FRAME_OK)
            break;
        go_on = answer(&head, &in);
    }
    _exit(0); /* no destructors: what is open was only read, or is closed by its own call */
}
