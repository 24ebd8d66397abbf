/* bpfile.c: the file, its engine and its sums; writing. Reading is in bpread.c.
 *
 * What was measured with ADIOS2 2.12 and decides the shape of this code:
 *  - BP5 writes a deferred block of MinDeferredSize and more straight from the caller's memory at perform_data_write; smaller
 *    ones it copies, so they are let through and written when enough have come together.
 *  - BP4 copies every block and empties its buffer by itself at MaxBufferSize. adios2_flush in mid-step loses data.
 *  - BP4's buffer then becomes as small as what was in it, and the end of a block that is larger than that is lost, without an
 *    error. So no block is larger than half of MaxBufferSize.
 *  - A row that is put twice in one step reads differently from call to call: so it is never done.
 *  - One channel of all rows lies in every page of a file of whole cells. So blocks of large cells are put in pieces, by ranges
 *    of channels: ADIOS2 gives rows out of them all the same.
 *  - Opened as a stream, an unfinished file makes the reader wait for ever; with random access it does not. */
#include "stman/bpfile_private.h"
#include "base/bulk.h"
#include "base/fsutil.h"
#include "base/mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SUMS       "pclean.sums"                   /* in the .bp folder; upstream's manager does not look at it */
#define BUFFERS    ((size_t)32 << 20)              /* bytes of rows kept by all columns together */
#define BLOCK_MAX  ((size_t)8 << 20)               /* of one column */
#define BLOCK_MIN  ((size_t)64 << 10)
#define PIECES     8                               /* of a block, at most, along the slowest axis of its cells */
#define PIECE_MIN  512                             /* bytes of each cell in a piece */
#define STRAIGHT   131072                          /* bytes of a block that BP5 writes without a copy */
#define STRAIGHT_TEXT "131072"
#define LET_THROUGH ((size_t)15 << 20)             /* bytes that BP5 may copy before it is told to write; less than its chunk */
#define PROBE_S    20                              /* a foreign file that takes longer to open is given up */
#define EMPTY_READS 6                              /* in a row, and it is cut short */
#define PROBE_BLOCKS 256                           /* of each column of it, and texts of all, are tried */

size_t bp_type_size(enum bp_type type) {
    static const size_t size[] = {1, 1, 2, 2, 4, 4, 8, 4, 8, 8, 16, 0};
    return size[type];
}

static adios2_type adios_type(enum bp_type type) {
    static const adios2_type types[] = {adios2_type_uint8_t,       adios2_type_int8_t,        adios2_type_int16_t, adios2_type_uint16_t,
                                        adios2_type_int32_t,       adios2_type_uint32_t,      adios2_type_int64_t, adios2_type_float,
                                        adios2_type_double,        adios2_type_float_complex, adios2_type_double_complex,
                                        adios2_type_string};
    return types[type];
}

int bp_check_engine(const char *engine, pclean_err *err) {
    static const char *const good[] = {"", "BP4", "BP5", "BPFile", "File"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!engine || strcasecmp(engine, good[i]) == 0)
            return 0;
    return PCL_FAIL(err, PCLEAN_EUNSUPPORTED, "the ADIOS2 engine \"%s\" cannot hold table columns: use BP4 or BP5", engine);
}

const char *bp_engine(const bp_file *file) {
    return file->bp5 ? "BP5" : "BP4";
}

/* ADIOS2's C functions print their reason on standard error and return a number. */
int bp_adios_failed(const bp_file *file, const char *what, pclean_err *err) {
    return PCL_FAIL(err, PCLEAN_EIO, "%s: ADIOS2 could not %s; it gives the reason on standard error", file->path, what);
}

/* ------------------------------------------------------------------ the engine */

/* Our own values where neither the caller nor its XML file has any: memory that does not grow with the table, and no minima and
 * maxima, which cost a pass over the data and which nothing reads. */
static const char *const own_params[][2] = {{"StatsLevel", "0"},         {"MaxBufferSize", "32Mb"},   {"InitialBufferSize", "16Mb"},
                                            {"BufferGrowthFactor", "2"}, {"BufferChunkSize", "16Mb"}, {"MinDeferredSize", STRAIGHT_TEXT}};
enum { NOWN = sizeof own_params / sizeof *own_params };

/* ADIOS2 does not mind in which letters keys are written, but keeps them as they are. */
static const char *as_we_spell_it(const char *key) {
    for (size_t i = 0; i < NOWN; i++)
        if (strcasecmp(key, own_params[i][0]) == 0)
            return own_params[i][0];
    return key;
}

/* "" if it has none. */
static void get_param(const bp_file *f, const char *key, char *value, size_t size) {
    size_t n = size - 1;
    value[0] = '\0';
    if (adios2_get_parameter(value, &n, f->io, key) != 0 || n >= size)
        n = 0;
    value[n] = '\0';
}

static bool set_own_params(bp_file *f) {
    char max[64], value[64];
    bool bad = false;
    get_param(f, "MaxBufferSize", max, sizeof max);
    for (size_t i = 0; i < NOWN; i++) {
        get_param(f, own_params[i][0], value, sizeof value);
        if (!*value && !(*max && strcmp(own_params[i][0], "InitialBufferSize") == 0)) /* which may be larger than the caller's */
            bad = adios2_set_parameter(f->io, own_params[i][0], own_params[i][1]) != 0 || bad;
    }
    return bad;
}

static bool set_engine_params(bp_file *f, const bp_settings *s) {
    bool bad = adios2_set_engine(f->io, s->engine && *s->engine ? s->engine : "BP5") != 0;
    for (size_t i = 0; i < s->nengine_param; i++)
        bad = adios2_set_parameter(f->io, as_we_spell_it(s->engine_param[i].key), s->engine_param[i].value) != 0 || bad;
    for (size_t i = 0; i < s->ntransport_param; i++) {
        size_t index = 0;
        bad = adios2_add_transport(&index, f->io, s->transport_param[i].name) != 0 || bad;
        for (size_t j = i; j < s->ntransport_param && strcmp(s->transport_param[j].name, s->transport_param[i].name) == 0; i = j++)
            if (s->transport_param[j].key)
                bad = adios2_set_transport_parameter(f->io, index, s->transport_param[j].key, s->transport_param[j].value) != 0 || bad;
    }
    return bad;
}

/* Bytes of BP4's buffer, in ADIOS2's notation. */
static size_t bp4_buffer(const bp_file *f) {
    char value[64], *unit;
    get_param(f, "MaxBufferSize", value, sizeof value);
    const unsigned long long n = strtoull(value, &unit, 10);
    const int shift = strcasecmp(unit, "gb") == 0 ? 30 : strcasecmp(unit, "mb") == 0 ? 20 : strcasecmp(unit, "kb") == 0 ? 10 : 0;
    return n << shift >> shift == n ? (size_t)(n << shift) : SIZE_MAX;
}

/* Whether the settings leave the layout of the file as bpmap.c knows it. That of BP4 can be recognised. */
static bool usual_layout(const bp_file *f, const bp_settings *s) {
    static const char *const harmless[] = {"MaxBufferSize", "InitialBufferSize", "StatsLevel", "Threads", "Profile"};
    size_t other = s->nengine_param;
    for (size_t i = 0; i < s->nengine_param; i++)
        for (size_t j = 0; j < sizeof harmless / sizeof *harmless; j++)
            other -= strcasecmp(s->engine_param[i].key, harmless[j]) == 0;
    return s->noperator_param == 0 && (!f->bp5 || (other == 0 && s->ntransport_param == 0 && !(s->xml_file && *s->xml_file)));
}

static int start_adios(bp_file *f, const bp_settings *s, pclean_err *err) {
    const bool xml = s && s->xml_file && *s->xml_file;
    if (xml && access(s->xml_file, R_OK) != 0)
        return PCL_FAIL(err, PCLEAN_EIO, "cannot read the ADIOS2 configuration %s: %s", s->xml_file, strerror(errno));
    f->adios = xml ? adios2_init_config_serial(s->xml_file) : adios2_init_serial();
    f->io = f->adios ? adios2_declare_io(f->adios, "Adios2StMan") : NULL;
    if (!f->io)
        return xml ? PCL_FAIL(err, PCLEAN_EPARAM, "ADIOS2 does not accept %s; it gives the reason on standard error", s->xml_file)
                   : bp_adios_failed(f, "start", err);
    adios2_bool configured = adios2_false;
    if (xml && (adios2_in_config_file(&configured, f->io) != 0 || !configured))
        return PCL_FAIL(err, PCLEAN_EPARAM, "%s has no <io name=\"Adios2StMan\">, so none of its settings would be used", s->xml_file);
    char type[128] = "";
    size_t size = sizeof type - 1;
    if (xml && adios2_engine_type(type, &size, f->io) == 0 && bp_check_engine(type, err) != 0) { /* others may wait for a reader */
        pcl_err_prefix(err, "%s: ", s->xml_file);
        return -PCLEAN_EUNSUPPORTED;
    }
    if (s && ((!xml && set_engine_params(f, s)) || set_own_params(f)))
        return PCL_FAIL(err, PCLEAN_EPARAM, "%s: ADIOS2 does not accept the engine's parameters; it gives the reason on standard error", f->path);
    return 0;
}

/* As written in the file: BP5 has its variables in mmd.0. */
static bool is_bp5(const char *path) {
    char name[4200];
    snprintf(name, sizeof name, "%s/mmd.0", path);
    return access(name, F_OK) == 0;
}

static int new_file(const char *path, bool writing, bp_file **out, pclean_err *err) {
    bp_file *f = NULL;
    if (PCL_ZNEW(&f, 1, "an ADIOS2 file", err) != 0)
        return -PCLEAN_ENOMEM;
    f->writing = writing;
    f->pid = getpid();
    f->folder = f->data = -1;
    char *real = *path == '/' ? NULL : realpath(".", NULL); /* a forked child may have gone elsewhere */
    const int status = real ? pcl_asprintf(&f->path, err, "%s/%s", real, path) : pcl_strdup(&f->path, path, err);
    free(real);
    *out = f;
    return status;
}

static int copy_operators(bp_file *f, const bp_settings *s, pclean_err *err) {
    if (PCL_ZNEW(&f->operators, s->noperator_param + 1, "ADIOS2 operators", err) != 0)
        return -PCLEAN_ENOMEM;
    for (size_t i = 0; i < s->noperator_param; i++, f->noperator++)
        if (pcl_strdup(&f->operators[i].name, s->operator_param[i].name, err) != 0 ||
            pcl_strdup(&f->operators[i].key, s->operator_param[i].key, err) != 0 ||
            pcl_strdup(&f->operators[i].value, s->operator_param[i].value, err) != 0)
            return -PCLEAN_ENOMEM;
    return 0;
}

/* The XML file may name an engine of its own. */
static int learn_engine(bp_file *f, pclean_err *err) {
    char type[128] = "";
    size_t size = sizeof type - 1;
    if (adios2_engine_get_type(type, &size, f->engine) != 0)
        return bp_adios_failed(f, "name its engine", err);
    f->bp5 = strstr(type, "BP5") != NULL;
    if (f->bp5 || strstr(type, "BP4") != NULL)
        return 0;
    return PCL_FAIL(err, PCLEAN_EUNSUPPORTED, "%s: the ADIOS2 engine %s cannot hold table columns: use BP4 or BP5", f->path, type);
}

int bp_create(const char *path, const bp_settings *settings, bp_file **out, pclean_err *err) {
    *out = NULL;
    bp_file *f = NULL;
    adios2_step_status step;
    int status = bp_check_engine(settings->engine, err);
    if (!status)
        status = new_file(path, true, &f, err);
    if (!status)
        status = copy_operators(f, settings, err);
    if (!status)
        status = pcl_fs_remove_tree(f->path, err);
    if (!status)
        status = start_adios(f, settings, err);
    if (!status && !(f->engine = adios2_open(f->io, f->path, adios2_mode_write)))
        status = bp_adios_failed(f, "create the file", err);
    if (!status)
        status = learn_engine(f, err);
    if (!status && (f->folder = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        status = PCL_FAIL(err, PCLEAN_EIO, "%s: cannot open what ADIOS2 has made: %s", f->path, strerror(errno));
    if (!status && adios2_begin_step(f->engine, adios2_step_mode_append, -1, &step) != 0)
        status = bp_adios_failed(f, "begin writing", err);
    if (status) {
        bp_free(f);
        return status;
    }
    f->mapped = usual_layout(f, settings);
    f->buffer_bytes = bp4_buffer(f);
    *out = f;
    return 0;
}

/* ------------------------------------------------------------------ sums: are the files what the writer left? */

/* FNV-1a, 64 bits: against damage, not against malice. */
static int sum_file(int folder, const char *name, uint64_t *sum, uint64_t *size, pclean_err *err) {
    unsigned char block[65536];
    ssize_t n;
    const int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return PCL_FAIL(err, PCLEAN_EIO, "%s: %s", name, strerror(errno));
    *sum = PCL_HASH;
    *size = 0;
    while ((n = read(fd, block, sizeof block)) > 0) {
        *sum = pcl_hash(*sum, block, (size_t)n);
        *size += (uint64_t)n;
    }
    const int e = errno;
    close(fd);
    return n == 0 ? 0 : PCL_FAIL(err, PCLEAN_EIO, "%s: %s", name, strerror(e));
}

/* The files of a .bp folder that say where everything is, and the data, of which the size must do. */
static const char *const metadata_names[] = {"md.idx", "md.0", "mmd.0", BP_MAP};

static int write_sums(const bp_file *f, bool sync, pclean_err *err) {
    char text[1024];
    size_t n = 0;
    struct stat st;
    for (size_t i = 0; i < sizeof metadata_names / sizeof *metadata_names; i++) {
        uint64_t sum, size;
        if (fstatat(f->folder, metadata_names[i], &st, 0) != 0)
            continue;
        if (sum_file(f->folder, metadata_names[i], &sum, &size, err) != 0)
            return -PCLEAN_EIO;
        n += (size_t)snprintf(text + n, sizeof text - n, "%s %" PRIu64 " %016" PRIx64 "\n", metadata_names[i], size, sum);
    }
    if (fstatat(f->folder, "data.0", &st, 0) == 0)
        n += (size_t)snprintf(text + n, sizeof text - n, "data.0 %jd -\n", (intmax_t)st.st_size);
    if (sync) {
        const int data = openat(f->folder, "data.0", O_RDONLY | O_CLOEXEC);
        if (data >= 0) {
            (void)fsync(data);
            close(data);
        }
    }
    char *path = NULL;
    int status = pcl_asprintf(&path, err, "/proc/self/fd/%d/" SUMS, f->folder); /* the table may have been renamed meanwhile */
    if (!status)
        status = pcl_fs_write_text(path, text, n, err);
    pcl_free(path);
    return status;
}

static int damaged(const char *path, const char *name, pclean_err *err) {
    return PCL_FAIL(err, PCLEAN_EIO, "%s/%s is not what was written: the file is damaged, cut short, or another program has changed it", path, name);
}

/* *known: there are sums. */
static int check_sums(const char *path, int folder, bool *known, pclean_err *err) {
    char name[32], given[32];
    uintmax_t want;
    int status = 0;
    struct stat st;
    const int fd = openat(folder, SUMS, O_RDONLY | O_CLOEXEC);
    FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
    *known = in != NULL;
    if (!in)
        return 0;
    bool any = false;
    while (!status && fscanf(in, "%31s %ju %31s", name, &want, given) == 3) {
        any = true;
        char found[32] = "-";
        uint64_t sum, size = 0;
        if (strchr(name, '/') || fstatat(folder, name, &st, 0) != 0)
            status = damaged(path, name, err);
        else if (strcmp(given, "-") == 0)
            size = (uint64_t)st.st_size;
        else if ((status = sum_file(folder, name, &sum, &size, err)) == 0)
            snprintf(found, sizeof found, "%016" PRIx64, sum);
        if (!status && (size != want || strcmp(found, given) != 0))
            status = damaged(path, name, err);
    }
    if (!status && (!any || !feof(in)))
        status = damaged(path, SUMS, err);
    fclose(in);
    return status;
}

/* ------------------------------------------------------------------ opening */

int bp_open_engine(bp_file *f, pclean_err *err) {
    const int status = start_adios(f, NULL, err);
    if (status)
        return status;
    /* threads of a reader would be lost in a forked child; metadata that are too short would be waited for */
    if (adios2_set_engine(f->io, "BPFile") != 0 || adios2_set_parameter(f->io, "Threads", "1") != 0 ||
        adios2_set_parameter(f->io, "OpenTimeoutSecs", "0") != 0 ||
        !(f->engine = adios2_open(f->io, f->path, adios2_mode_readRandomAccess)))
        return bp_adios_failed(f, "open the file", err);
    return 0;
}

/* The last element of PROBE_BLOCKS blocks and of the last one: reading beyond the end of a file that was cut short, ADIOS2 waits
 * for more. */
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
        if (!empty && (adios2_set_selection(v, (size_t)info->Dims, at, one) != 0 || adios2_get(f->engine, v, element, adios2_mode_sync) != 0))
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
    return !text_too || (adios2_get_string(f->engine, v, NULL, &length) == 0 && (text = malloc(length + 1)) != NULL &&
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

/* Waits for the child's end. Beyond the end of a file ADIOS2 reads again and again in the hope that it grows: then the child is
 * ended at once. */
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
        return PCL_FAIL(err, PCLEAN_EIO, "%s: cannot start a process to try the file: %s", f->path, strerror(errno));
    await_probe(child, &state);
    if (WIFEXITED(state) && WEXITSTATUS(state) == 0)
        return 0;
    return PCL_FAIL(err, PCLEAN_EIO, "%s: ADIOS2 cannot read this file: it is damaged, or its writer did not finish", f->path);
}

static int check_before_open(bp_file *f, pclean_err *err) {
    struct stat st;
    bool known = false;
    const int folder = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return PCL_FAIL(err, PCLEAN_EIO, "cannot open the ADIOS2 file %s: %s", f->path, strerror(errno));
    int status = 0;
    if (fstatat(folder, "md.idx", &st, 0) != 0 || st.st_size <= 64 || fstatat(folder, "md.0", &st, 0) != 0)
        status = PCL_FAIL(err, PCLEAN_EIO, "%s: the program that wrote this file did not finish it, so its columns cannot be read", f->path);
    else
        status = check_sums(f->path, folder, &known, err);
    close(folder);
    f->mapped = known; /* the sums are also the map's */
    return status || known ? status : probe(f, err);
}

int bp_open(const char *path, bp_file **out, pclean_err *err) {
    *out = NULL;
    bp_file *f = NULL;
    int status = new_file(path, false, &f, err);
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
    f->bp5 = is_bp5(f->path);
    *out = f;
    return 0;
}

/* ------------------------------------------------------------------ columns */

/* A compressor that this ADIOS2 has not is an error before the first row. */
static int define_operator(bp_column *c, pclean_err *err) {
    const bp_file *f = c->file;
    for (size_t i = 0; i < f->noperator; i++) {
        const bp_param *p = &f->operators[i];
        if (strcmp(p->name, c->name) == 0 && strcmp(p->key, "Operator") == 0 &&
            !(c->operator = adios2_define_operator(f->adios, c->name, p->value)))
            return PCL_FAIL(err, PCLEAN_EUNSUPPORTED, "column %s: this ADIOS2 has no operator \"%s\"", c->name, p->value);
    }
    return 0;
}

int bp_column_new(bp_file *file, const char *name, enum bp_type type, size_t ndim, const size_t *shape, bp_column **out, pclean_err *err) {
    *out = NULL;
    if (ndim > BP_MAXDIM)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED, "column %s: cells of %zu axes, at most %d can be stored", name, ndim, BP_MAXDIM);
    bp_column *c = NULL;
    if (PCL_ZNEW(&c, 1, "a column", err) != 0)
        return -PCLEAN_ENOMEM;
    c->file = file;
    c->type = type;
    c->fixed = shape != NULL;
    c->ndim = ndim;
    c->scratch = c->stream = -1;
    for (size_t i = 0; shape && i < ndim; i++)
        c->shape[i] = shape[i];
    c->next = file->columns;
    file->columns = c;
    file->ncolumn++;
    int status = pcl_strdup(&c->name, name, err);
    if (!status && file->writing)
        status = define_operator(c, err);
    else if (!status)
        status = type == BP_STRING ? bp_text_open(c, err) : bp_column_open(c, err);
    *out = status ? NULL : c; /* a failed one stays with its file */
    return status;
}

size_t bp_cell_bytes(enum bp_type type, size_t ndim, const size_t *shape) {
    size_t n = bp_type_size(type);
    for (size_t i = 0; i < ndim; i++)
        if (__builtin_mul_overflow(n, shape[i], &n))
            return SIZE_MAX;
    return n;
}

/* ------------------------------------------------------------------ rows in memory */

static bool has_bit(const bp_bits *b, uint64_t row) {
    return row / 64 < b->nword && (b->word[row / 64] >> (row % 64) & 1);
}

int bp_grow(void **array, size_t *n, size_t need, size_t size, pclean_err *err) {
    if (need <= *n)
        return 0;
    size_t more = *n + *n / 2 > need ? *n + *n / 2 : need + 16;
    void *p = realloc(*array, more * size);
    if (!p)
        return PCL_FAIL(err, PCLEAN_ENOMEM, "out of memory for the list of rows");
    memset((char *)p + *n * size, 0, (more - *n) * size);
    *array = p;
    *n = more;
    return 0;
}

static int set_bit(bp_bits *b, uint64_t row, pclean_err *err) {
    const int status = bp_grow((void **)&b->word, &b->nword, (size_t)(row / 64) + 1, sizeof *b->word, err);
    if (!status)
        b->word[row / 64] |= (uint64_t)1 << (row % 64);
    return status;
}

static bool same_shape(size_t ndim, const size_t *a, const size_t *b) {
    return ndim == 0 || memcmp(a, b, ndim * sizeof *a) == 0;
}

/* The number (from 1) of a shape in the column's list. */
static int shape_number(bp_column *c, const size_t *shape, uint32_t *number, pclean_err *err) {
    for (size_t i = c->nshape; i > 0; i--)
        if (same_shape(c->ndim, c->shapes[i - 1], shape)) {
            *number = (uint32_t)i;
            return 0;
        }
    if (bp_grow((void **)&c->shapes, &c->nshape_room, c->nshape + 1, sizeof *c->shapes, err) != 0)
        return -PCLEAN_ENOMEM;
    memcpy(c->shapes[c->nshape], shape, c->ndim * sizeof *shape);
    *number = (uint32_t)++c->nshape;
    return 0;
}

static bool has_put(const bp_column *c, uint64_t row) {
    return (c->begun && row >= c->first && row < c->row + c->nrow) || has_bit(&c->spilled, row);
}

static uint32_t number_of_shape(const bp_column *c, uint64_t row) {
    if (has_bit(&c->spilled, row))
        return c->shape_of[row];
    size_t low = 0, high = c->nrun; /* the last run that does not begin after the row */
    while (high - low > 1) {
        const size_t mid = low + (high - low) / 2;
        if (c->run[mid].row <= row)
            low = mid;
        else
            high = mid;
    }
    return c->run[low].shape;
}

static const size_t *written_shape(const bp_column *c, uint64_t row) {
    return c->fixed ? c->shape : c->shapes[number_of_shape(c, row) - 1];
}

bool bp_written_shape(const bp_column *c, uint64_t row, const size_t **shape) {
    if (!has_put(c, row))
        return false;
    *shape = c->ndim ? written_shape(c, row) : c->shape;
    return true;
}

/* ------------------------------------------------------------------ blocks into the file */

static int add_operator(bp_column *c, pclean_err *err) {
    const bp_file *f = c->file;
    size_t index = 0;
    if (c->operator && adios2_add_operation(&index, c->variable, c->operator, "", "") != 0)
        return bp_adios_failed(f, "compress a column", err);
    for (size_t j = 0; c->operator && j < f->noperator; j++)
        if (strcmp(f->operators[j].name, c->name) == 0 && strcmp(f->operators[j].key, "Operator") != 0 &&
            adios2_set_operation_parameter(c->variable, index, f->operators[j].key, f->operators[j].value) != 0)
            return PCL_FAIL(err, PCLEAN_EPARAM, "column %s: the operator does not accept %s", c->name, f->operators[j].key);
    return 0;
}

/* Rows of a column; of each cell [first, first + n) of the slowest axis. */
static int select_block(bp_column *c, uint64_t row, size_t nrow, const size_t *shape, size_t first, size_t n, pclean_err *err) {
    size_t global[BP_MAXDIM + 1] = {SIZE_MAX}, start[BP_MAXDIM + 1] = {(size_t)row, first}, count[BP_MAXDIM + 1] = {nrow};
    bool larger = false;
    for (size_t i = 0; i < c->ndim; i++) {
        larger = larger || shape[i] > c->largest[i];
        c->largest[i] = shape[i] > c->largest[i] ? shape[i] : c->largest[i];
        global[i + 1] = c->largest[i];
        count[i + 1] = i ? shape[i] : n;
    }
    bool bad = false;
    if (!c->variable) {
        c->variable = adios2_define_variable(c->file->io, c->name, adios_type(c->type), c->ndim + 1, global, start, count, adios2_constant_dims_false);
        if (!c->variable)
            return bp_adios_failed(c->file, "define a column", err);
        const int status = add_operator(c, err);
        if (status)
            return status;
    } else if (larger) {
        bad = adios2_set_shape(c->variable, c->ndim + 1, global) != 0;
    }
    bad = bad || adios2_set_selection(c->variable, c->ndim + 1, start, count) != 0;
    return bad ? bp_adios_failed(c->file, "select rows of a column", err) : 0;
}

static int write_let_through(bp_file *f, pclean_err *err) {
    if (adios2_perform_data_write(f->engine) != 0)
        return bp_adios_failed(f, "write (is the disk full?)", err);
    f->let_through = 0;
    bp_map_written(f);
    return 0;
}

int bp_need_room(bp_room *room, size_t bytes, pclean_err *err) {
    if (bytes <= room->size)
        return 0;
    pcl_free(room->bytes);
    room->bytes = NULL;
    room->size = 0;
    const int status = pcl_alloc((void **)&room->bytes, bytes, 1, "a block of rows", err);
    room->size = status ? 0 : bytes;
    return status;
}

/* Pieces of whole rows come one after the other, each with its own channels: data[row][first to first + n of a cell]. */
static int gather(bp_file *f, const char *data, size_t nrow, size_t cell, const size_t *edge, size_t npiece, pclean_err *err) {
    const int status = bp_need_room(&f->scratch, nrow * cell, err);
    char *out = f->scratch.bytes;
    for (size_t k = 0; k < npiece && !status; k++)
        for (size_t i = 0; i < nrow; i++, out += edge[k + 1] - edge[k])
            memcpy(out, data + i * cell + edge[k], edge[k + 1] - edge[k]);
    return status;
}

static int put_piece(bp_column *c, const void *data, size_t bytes, bool straight, pclean_err *err) {
    const size_t room = c->file->buffer_bytes / 2;
    if (!c->file->bp5 && room > 0 && bytes > room - room / 16)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED, "column %s: BP4 with a buffer of %zu bytes cannot store a cell of %zu: take BP5, or a MaxBufferSize of %zu",
                        c->name, c->file->buffer_bytes, bytes, 3 * bytes);
    if (adios2_put(c->file->engine, c->variable, data, straight ? adios2_mode_deferred : adios2_mode_sync) != 0)
        return bp_adios_failed(c->file, "write (is the disk full?)", err);
    return bp_map_note(c, data, bytes, err);
}

static size_t piece_count(const bp_column *c, size_t cell) {
    const size_t most = c->fixed && c->ndim > 0 ? c->shape[0] : 1, fit = cell / PIECE_MIN < PIECES ? cell / PIECE_MIN : PIECES;
    return fit < 1 || most < 1 ? 1 : most < fit ? most : fit;
}

static int write_block(bp_column *c, uint64_t row, size_t nrow, const size_t *shape, const void *data, pclean_err *err) {
    bp_file *f = c->file;
    const size_t cell = bp_cell_bytes(c->type, c->ndim, shape), bytes = nrow * cell, npiece = piece_count(c, cell), slow = c->ndim ? shape[0] : 1;
    const bool straight = f->bp5 && f->mapped && bytes / npiece / 2 >= STRAIGHT;
    size_t first[PIECES + 1], edge[PIECES + 1]; /* of each piece: along the slowest axis, and in bytes of a cell */
    for (size_t k = 0; k <= npiece; k++)
        edge[k] = (first[k] = k * slow / npiece) * (slow ? cell / slow : 0);
    int status = f->bp5 && f->let_through > 0 && f->let_through + bytes > LET_THROUGH ? write_let_through(f, err) : 0;
    if (!status && npiece > 1)
        status = gather(f, data, nrow, cell, edge, npiece, err);
    for (size_t k = 0; k < npiece && !status; k++) {
        status = select_block(c, row, nrow, shape, first[k], first[k + 1] - first[k], err);
        if (!status)
            status = put_piece(c, npiece > 1 ? f->scratch.bytes + nrow * edge[k] : (const char *)data, nrow * (edge[k + 1] - edge[k]), straight, err);
    }
    f->let_through += bytes;
    if (!status && straight)
        status = write_let_through(f, err);
    f->failed = f->failed || status != 0;
    return status;
}

static int flush_buffer(bp_column *c, pclean_err *err) {
    if (c->nrow == 0)
        return 0;
    const size_t nrow = c->nrow;
    c->nrow = 0;
    const int status = write_block(c, c->row, nrow, c->block_shape, c->buffer, err);
    c->row += nrow;
    return status;
}

/* Bytes of a block of rows: a part of what all columns may have, whole cells, at least one. */
static size_t block_bytes(const bp_column *c, size_t cell) {
    const bp_file *f = c->file;
    const size_t most = f->bp5 ? BLOCK_MAX : f->buffer_bytes / 4 < BLOCK_MAX ? f->buffer_bytes / 4 : BLOCK_MAX;
    size_t share = BUFFERS / f->ncolumn;
    share = share < BLOCK_MIN ? BLOCK_MIN : share;
    share = share > most ? most : share;
    return cell >= share ? cell : (share + cell - 1) / cell * cell;
}

static int need_buffer(bp_column *c, size_t bytes, pclean_err *err) {
    if (c->buffer && bytes <= c->buffer_bytes)
        return 0;
    pcl_free(c->buffer);
    c->buffer = NULL;
    c->buffer_bytes = bytes;
    return pcl_alloc((void **)&c->buffer, bytes, 1, "a block of rows", err);
}

/* ------------------------------------------------------------------ rows out of order, in a scratch file */

/* Cells of one size have their place by row; others are appended, and each row keeps where. */
static int scratch_place(bp_column *c, uint64_t row, size_t bytes, uint64_t *place, pclean_err *err) {
    if (c->fixed) {
        *place = row * bytes;
        return 0;
    }
    const int status = bp_grow((void **)&c->place, &c->nplace, (size_t)row + 1, sizeof *c->place, err);
    if (status)
        return status;
    if (!has_bit(&c->spilled, row)) {
        c->place[row] = c->scratch_end;
        c->scratch_end += bytes;
    }
    *place = c->place[row];
    return 0;
}

static int open_scratch(bp_column *c, pclean_err *err) {
    char name[64];
    snprintf(name, sizeof name, "scratch.%ld.%p", (long)getpid(), (void *)c);
    c->scratch = openat(c->file->folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (c->scratch < 0)
        return PCL_FAIL(err, PCLEAN_EIO, "%s: cannot make a scratch file for rows put out of order: %s", c->file->path, strerror(errno));
    unlinkat(c->file->folder, name, 0);
    return 0;
}

static int spill(bp_column *c, uint64_t row, const size_t *shape, const void *cell, pclean_err *err) {
    uint64_t place = 0;
    const size_t bytes = bp_cell_bytes(c->type, c->ndim, shape);
    int status = c->scratch < 0 ? open_scratch(c, err) : 0;
    if (!status)
        status = scratch_place(c, row, bytes, &place, err);
    if (!status)
        status = pcl_bulk_pwrite(c->scratch, c->file->path, cell, bytes, place, err);
    return status ? status : set_bit(&c->spilled, row, err);
}

static int read_spilled(bp_column *c, uint64_t row, size_t nrow, size_t cell, void *out, pclean_err *err) {
    for (size_t i = 0; i < nrow; i++) {
        const uint64_t place = c->fixed ? (row + i) * cell : c->place[row + i];
        const size_t n = c->fixed ? nrow : 1; /* fixed ones lie together */
        const int status = pcl_bulk_pread(c->scratch, c->file->path, (char *)out + i * cell, n * cell, place, err);
        if (status)
            return status;
        if (c->fixed)
            break;
    }
    return 0;
}

/* The end of the rows from `row` that are spilled and have its shape, `most` at most. */
static uint64_t spilled_run(const bp_column *c, uint64_t row, size_t most) {
    uint64_t end = row + 1;
    while (end - row < most && has_bit(&c->spilled, end) && (c->fixed || c->shape_of[end] == c->shape_of[row]))
        end++;
    return end;
}

static int write_spilled(bp_column *c, pclean_err *err) {
    int status = 0;
    for (uint64_t row = 0; !status && row < c->spilled.nword * 64;) {
        if (!has_bit(&c->spilled, row)) {
            row += c->spilled.word[row / 64] == 0 ? 64 - row % 64 : 1;
            continue;
        }
        const size_t *shape = written_shape(c, row);
        const size_t cell = bp_cell_bytes(c->type, c->ndim, shape), room = block_bytes(c, cell ? cell : 1);
        const uint64_t end = spilled_run(c, row, cell ? room / cell : 1);
        status = need_buffer(c, room, err);
        if (!status)
            status = read_spilled(c, row, (size_t)(end - row), cell, c->buffer, err);
        if (!status)
            status = write_block(c, row, (size_t)(end - row), shape, c->buffer, err);
        row = end;
    }
    return status;
}

/* ------------------------------------------------------------------ putting */

int bp_may_write(const bp_file *f, const char *column, pclean_err *err) {
    if (!f->writing || f->finished)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "column %s: an ADIOS2 column is written once, when its table is made, and cannot be changed later: copy the table instead", column);
    if (f->pid != getpid())
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED, "column %s: this ADIOS2 file was begun before a fork; only the process that began it can write it", column);
    return 0;
}

/* The shape of a row that is about to be put, of a variable column. */
static int remember_shape(bp_column *c, uint64_t row, const size_t *shape, bool in_order, pclean_err *err) {
    uint32_t number;
    int status = shape_number(c, shape, &number, err);
    if (status || (in_order && c->nrun > 0 && c->run[c->nrun - 1].shape == number))
        return status;
    if (in_order) {
        status = bp_grow((void **)&c->run, &c->run_room, c->nrun + 1, sizeof *c->run, err);
        if (!status)
            c->run[c->nrun++] = (bp_run){row, number};
    } else {
        status = bp_grow((void **)&c->shape_of, &c->nshape_of, (size_t)row + 1, sizeof *c->shape_of, err);
        if (!status)
            c->shape_of[row] = number;
    }
    return status;
}

static bool in_buffer(const bp_column *c, uint64_t row) {
    return row >= c->row && row - c->row < c->nrow;
}

static int replace(bp_column *c, uint64_t row, const size_t *shape, const void *cell, pclean_err *err) {
    const size_t bytes = bp_cell_bytes(c->type, c->ndim, shape);
    if (!same_shape(c->ndim, written_shape(c, row), shape))
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED, "column %s, row %" PRIu64 ": put before with another shape, and that cannot be changed", c->name, row);
    if (in_buffer(c, row)) {
        memcpy(c->buffer + (row - c->row) * bytes, cell, bytes);
        return 0;
    }
    if (has_bit(&c->spilled, row))
        return spill(c, row, shape, cell, err);
    return PCL_FAIL(err, PCLEAN_EUNSUPPORTED, "column %s, row %" PRIu64 ": put before, and already in the ADIOS2 file, where it cannot be changed: put each row once",
                    c->name, row);
}

/* The next row of the run: into the buffer, which goes to the file when it is full or the shape changes. */
static int append(bp_column *c, const size_t *shape, const void *cell, pclean_err *err) {
    const size_t bytes = bp_cell_bytes(c->type, c->ndim, shape), room = block_bytes(c, bytes ? bytes : 1);
    int status = 0;
    if (c->nrow > 0 && (!same_shape(c->ndim, c->block_shape, shape) || (c->nrow + 1) * bytes > c->buffer_bytes))
        status = flush_buffer(c, err);
    if (!status && c->nrow == 0) {
        for (size_t i = 0; i < c->ndim; i++)
            c->block_shape[i] = shape[i];
        status = need_buffer(c, room, err);
    }
    if (status)
        return status;
    memcpy(c->buffer + c->nrow * bytes, cell, bytes);
    c->nrow++;
    return (c->nrow + 1) * bytes > c->buffer_bytes ? flush_buffer(c, err) : 0;
}

int bp_put(bp_column *c, uint64_t row, size_t ndim, const size_t *shape, const void *cell, pclean_err *err) {
    int status = bp_may_write(c->file, c->name, err);
    if (status)
        return status;
    if (!c->begun && !c->fixed)
        c->ndim = ndim; /* the first cell says how many axes all have */
    if (ndim != c->ndim || ndim > BP_MAXDIM)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED, "column %s, row %" PRIu64 ": %zu axes, but ADIOS2 stores %zu for every cell of this column (at most %d)",
                        c->name, row, ndim, c->ndim, BP_MAXDIM);
    if (c->fixed && !same_shape(ndim, c->shape, shape))
        return PCL_FAIL(err, PCLEAN_EPARAM, "column %s, row %" PRIu64 ": not the shape of the column's cells", c->name, row);
    if (has_put(c, row))
        return replace(c, row, shape, cell, err);
    if (!c->begun)
        c->first = c->row = row;
    c->begun = true;
    const bool in_order = row == c->row + c->nrow;
    status = c->fixed ? 0 : remember_shape(c, row, shape, in_order, err);
    if (status)
        return status;
    return in_order ? append(c, shape, cell, err) : spill(c, row, shape, cell, err);
}

int bp_append(bp_column *c, uint64_t row, uint64_t nrow, const void *cells, pclean_err *err) {
    const size_t bytes = bp_cell_bytes(c->type, c->ndim, c->shape);
    const char *in = cells;
    int status = nrow > 0 ? bp_put(c, row, c->ndim, c->shape, in, err) : 0;
    for (uint64_t done = 1, n; done < nrow && !status; done += n) {
        n = c->nrow > 0 ? (c->buffer_bytes - c->nrow * bytes) / bytes : 1; /* that the buffer has room for; an empty one may have to be made */
        n = n < nrow - done ? n : nrow - done;
        if (c->nrow > 0 && n > 1) {
            memcpy(c->buffer + c->nrow * bytes, in + done * bytes, (n - 1) * bytes);
            c->nrow += n - 1;
        }
        status = append(c, c->shape, in + (done + n - 1) * bytes, err); /* which also flushes */
    }
    return status;
}

/* What has been put and is still here. */
int bp_get_unfinished(bp_column *c, uint64_t row, size_t cell, void *out, pclean_err *err) {
    if (in_buffer(c, row)) {
        memcpy(out, c->buffer + (row - c->row) * cell, cell);
        return 0;
    }
    if (has_bit(&c->spilled, row))
        return read_spilled(c, row, 1, cell, out, err);
    return PCL_FAIL(err, PCLEAN_EUNSUPPORTED, "column %s, row %" PRIu64 ": already in the ADIOS2 file; close the table before reading it", c->name, row);
}

/* ------------------------------------------------------------------ the end */

int bp_finish(bp_file *f, bool sync, pclean_err *err) {
    if (!f->writing || f->finished)
        return 0;
    int status = bp_may_write(f, "all", err);
    if (!status && f->failed)
        status = PCL_FAIL(err, PCLEAN_EIO, "%s: an earlier write failed, so this file is not complete", f->path);
    for (bp_column *c = f->columns; c && !status; c = c->next) {
        status = flush_buffer(c, err);
        if (!status)
            status = write_spilled(c, err);
    }
    for (bp_column *c = f->columns; c && !status; c = c->next)
        status = bp_text_write(c, err);
    f->finished = true;
    if (status)
        return status;
    adios2_engine *engine = f->engine;
    f->engine = NULL;
    f->close_failed = adios2_end_step(engine) != 0 || adios2_close(engine) != 0;
    if (f->close_failed)
        return bp_adios_failed(f, "end the file (is the disk full?)", err);
    status = bp_map_save(f, err);
    if (!status)
        status = write_sums(f, sync, err);
    f->complete = status == 0;
    return status;
}

static void free_column(bp_column *c) {
    bp_text_free(c);
    free(c->spilled.word);
    free(c->run);
    free(c->shape_of);
    free(c->shapes);
    free(c->place);
    if (c->scratch >= 0)
        close(c->scratch);
    pcl_free(c->buffer);
    pcl_free(c->name);
    bp_column_close(c);
    pcl_free(c);
}

/* What an engine that is given up still writes goes nowhere, so that it can be closed on a full disk, too. (One that could not be
 * closed is never destroyed: its destructor would end the process. Nor is one whose step could not be ended: BP4 would write its index again, beyond the
 * end of its buffer.) */
static void write_nowhere(const bp_file *f) {
    static const char *const names[] = {"data.0", "md.0", "md.idx", "mmd.0"};
    struct stat open_one, named;
    const int nowhere = memfd_create("nowhere", MFD_CLOEXEC); /* /dev/null has no positions */
    DIR *descriptors = f->folder < 0 || nowhere < 0 ? NULL : opendir("/proc/self/fd");
    for (struct dirent *e; descriptors && (e = readdir(descriptors)) != NULL;) {
        const int fd = atoi(e->d_name);
        for (size_t i = 0; i < sizeof names / sizeof *names && fstat(fd, &open_one) == 0; i++)
            if (fstatat(f->folder, names[i], &named, 0) == 0 && named.st_dev == open_one.st_dev && named.st_ino == open_one.st_ino)
                (void)dup2(nowhere, fd);
    }
    if (descriptors)
        closedir(descriptors);
    if (nowhere >= 0)
        close(nowhere);
}

/* An engine that is destroyed in mid-step would write what it has; the index is taken away first, and without one the file is
 * an unfinished one. */
static void spoil(const bp_file *f) {
    if (f->folder < 0)
        return;
    (void)unlinkat(f->folder, SUMS, 0);
    (void)unlinkat(f->folder, BP_MAP, 0);
    const int fd = openat(f->folder, "md.idx", O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
}

/* The BP5 reader of ADIOS2 leaves its timings in /tmp when it is closed, and cannot be told not to. */
static void remove_profile(const bp_file *f) {
    char name[4200];
    const char *slash = strrchr(f->path, '/');
    if (!f->writing && f->bp5 &&
        snprintf(name, sizeof name, "/tmp/%s_%lx_profiling.json", slash ? slash + 1 : f->path, (unsigned long)getpid()) < (int)sizeof name)
        (void)unlink(name);
}

void bp_free(bp_file *f) {
    if (!f)
        return;
    while (f->columns) {
        bp_column *c = f->columns;
        f->columns = c->next;
        free_column(c);
    }
    const bool given_up = f->writing && !f->complete;
    if (f->pid == getpid()) { /* the engine of a child's parent would write and close what is not ours */
        if (given_up)
            write_nowhere(f);
        if (f->engine) {
            f->close_failed = adios2_close(f->engine) != 0;
            remove_profile(f);
        }
        if (f->adios && !f->close_failed)
            (void)adios2_finalize(f->adios);
        if (given_up)
            spoil(f);
    }
    if (f->folder >= 0)
        close(f->folder);
    for (size_t i = 0; i < f->noperator; i++) {
        pcl_free(f->operators[i].name);
        pcl_free(f->operators[i].key);
        pcl_free(f->operators[i].value);
    }
    if (f->data >= 0)
        close(f->data);
    pcl_free(f->operators);
    pcl_free(f->scratch.bytes);
    free(f->place);
    pcl_free(f->map);
    pcl_free(f->path);
    pcl_free(f);
}
