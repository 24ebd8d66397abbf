/* bpopen.c: opening a file, after a look at it in a child process where nothing vouches for it. In
 * pclean-casa, which is such a process itself, there is no other one: its caller has the sentence
 * for a crash, and ends it where it waits for more of a file that was cut short. */
#include "stman/bpfile_private.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROBE_S                                                                                    \
    20                /* a foreign file that takes longer to open is
                       * given up */
#define EMPTY_READS 6 /* in a row, and it is cut short */
#define PROBE_BLOCKS                                                                               \
    256 /* of each column of it, and texts of all, are
         * tried */

int bp_open_engine(bp_file *f, pclean_err *err) {
    const int status = bp_start(f, NULL, err);
    if (status)
        return status;
    /* threads of a reader would be lost in a forked child; metadata that are too short would be
     * waited for */
    if (adios2_set_engine(f->io, "BPFile") != 0 ||
        adios2_set_parameter(f->io, "Threads", "1") != 0 ||
        adios2_set_parameter(f->io, "OpenTimeoutSecs", "0") != 0 ||
        !(f->engine = adios2_open(f->io, f->path, adios2_mode_readRandomAccess)))
        return bp_adios_failed(f, "open the file", err);
    return 0;
}

/* The last element of PROBE_BLOCKS blocks and of the last one: reading beyond the end of a file
 * that was cut short, ADIOS2 waits for more. */
static bool probe_blocks(bp_file *f, adios2_variable *v) {
    const adios2_varinfo *info = adios2_inquire_blockinfo(f->engine, v, 0);
    const size_t n = info ? info->nblocks : 0, step = n / PROBE_BLOCKS + 1;
    if (!info || info->Dims < 0 || info->Dims > BP_MAXDIM + 1)
        return false;
    for (size_t i = 0; i < n + step - 1 && info->Dims > 0; i += step) {
        const adios2_blockinfo *b = &info->BlocksInfo[i < n ? i : n - 1];
        size_t at[BP_MAXDIM + 1], one[BP_MAXDIM + 1];
        char element[32];
        bool empty = !b->Start || !b->Count;
        for (int k = 0; k < info->Dims && !empty; k++) {
            empty = b->Count[k] == 0;
            at[k] = b->Start[k] + b->Count[k] - 1;
            one[k] = 1;
        }
        if (!empty && (adios2_set_selection(v, (size_t)info->Dims, at, one) != 0 ||
                       adios2_get(f->engine, v, element, adios2_mode_sync) != 0))
            return false;
    }
    return true;
}

static bool probe_variable(bp_file *f, adios2_variable *v, bool text_too) {
    adios2_type type;
    size_t length = 0;
    if (adios2_variable_type(&type, v) != 0)
        return false;
    if (type != adios2_type_string)
        return probe_blocks(f, v);
    char *text = NULL;
    return !text_too || (adios2_get_string(f->engine, v, NULL, &length) == 0 &&
                         (text = malloc(length + 1)) != NULL &&
                         adios2_get_string(f->engine, v, text, &length) == 0);
}

/* What a reader does first, in a process that may crash or hang over a damaged file. */
static void probe_in_child(bp_file *f) {
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, 1);
    dup2(null, 2);
    alarm(PROBE_S);
    signal(SIGALRM, SIG_DFL);
    signal(SIGSEGV, SIG_DFL);
    signal(SIGABRT, SIG_DFL);
    adios2_variable **variables = NULL;
    size_t n = 0;
    if (bp_open_engine(f, NULL) != 0 || adios2_inquire_all_variables(&variables, &n, f->io) != 0)
        _exit(1);
    for (size_t i = 0; i < n; i++)
        if (!probe_variable(f, variables[i], i % (n / PROBE_BLOCKS + 1) == 0))
            _exit(1);
    _exit(0);
}

/* Counters of a process: calls of read, and the bytes they gave. */
static bool read_counters(pid_t child, uintmax_t *calls, uintmax_t *bytes) {
    char name[64], text[256];
    snprintf(name, sizeof name, "/proc/%ld/io", (long)child);
    const int fd = open(name, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    return sscanf(text, "rchar: %ju wchar: %*u syscr: %ju", bytes, calls) == 2;
}

/* Waits for the child's end. Beyond the end of a file ADIOS2 reads again and again in the hope that
 * it grows: then the child is ended at once. */
static void await_probe(pid_t child, int *state) {
    const struct timespec pause = {.tv_nsec = 2000000};
    uintmax_t calls, bytes, calls_then = 0, bytes_then = 0;
    for (;;) {
        const pid_t ended = waitpid(child, state, WNOHANG);
        if (ended == child || (ended < 0 && errno != EINTR))
            return;
        if (read_counters(child, &calls, &bytes)) {
            if (bytes != bytes_then)
                calls_then = calls;
            bytes_then = bytes;
            if (calls - calls_then >= EMPTY_READS)
                kill(child, SIGKILL);
        }
        nanosleep(&pause, NULL);
    }
}

static int probe(bp_file *f, pclean_err *err) {
    int state = 0;
    const pid_t child = fork();
    if (child == 0)
        probe_in_child(f);
    if (child < 0)
        return PCL_FAIL(err, PCLEAN_EIO, "%s: cannot start a process to try the file: %s", f->path,
                        strerror(errno));
    await_probe(child, &state);
    if (WIFEXITED(state) && WEXITSTATUS(state) == 0)
        return 0;
    return PCL_FAIL(err, PCLEAN_EIO,
                    "%s: ADIOS2 cannot read this file: it is damaged, or its writer did not finish",
                    f->path);
}

static int check_before_open(bp_file *f, pclean_err *err) {
    struct stat st;
    bool known = false;
    const int folder = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return PCL_FAIL(err, PCLEAN_EIO, "cannot open the ADIOS2 file %s: %s", f->path,
                        strerror(errno));
    int status = 0;
    if (fstatat(folder, "md.idx", &st, 0) != 0 || st.st_size <= 64 ||
        fstatat(folder, "md.0", &st, 0) != 0)
        status = PCL_FAIL(
            err, PCLEAN_EIO,
            "%s: the program that wrote this file did not finish it, so its columns cannot be read",
            f->path);
    else
        status = bp_sums_check(f->path, folder, &known, err);
    close(folder);
    f->mapped = known; /* the sums are also the map's */
    return status || known || getenv("PCLEAN_CASA_PROCESS") ? status : probe(f, err);
}

int bp_open(const char *path, bp_file **out, pclean_err *err) {
    *out = NULL;
    bp_file *f = NULL;
    int status = bp_new(path, false, &f, err);
    if (!status)
        status = check_before_open(f, err);
    if (!status && f->mapped)
        status = bp_map_load(f, err);
    if (!status)
        status = bp_open_engine(f, err);
    if (status) {
        bp_free(f);
        return status;
    }
    f->bp5 = bp_is_bp5(f->path);
    *out = f;
    return 0;
}
