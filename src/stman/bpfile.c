/* bpfile.c: the file from its making to its end: engine, settings, columns, the last step. Writing
 * is in bpwrite.c. */
#include "base/fsutil.h"
#include "base/mem.h"
#include "stman/bpfile_private.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUMS                                                                                       \
    "pclean.sums" /* in the .bp folder; upstream's manager does
                   * not look at it */
#define STRAIGHT_TEXT "131072"

size_t bp_type_size(enum bp_type type) {
    static const size_t size[] = {1, 1, 2, 2, 4, 4, 8, 4, 8, 8, 16, 0};
    return size[type];
}

adios2_type bp_adios_type(enum bp_type type) {
    static const adios2_type types[] = {
        adios2_type_uint8_t,       adios2_type_int8_t,         adios2_type_int16_t,
        adios2_type_uint16_t,      adios2_type_int32_t,        adios2_type_uint32_t,
        adios2_type_int64_t,       adios2_type_float,          adios2_type_double,
        adios2_type_float_complex, adios2_type_double_complex, adios2_type_string};
    return types[type];
}

int bp_check_engine(const char *engine, pclean_err *err) {
    static const char *const good[] = {"", "BP4", "BP5", "BPFile", "File"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!engine || strcasecmp(engine, good[i]) == 0)
            return 0;
    return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                    "the ADIOS2 engine \"%s\" cannot hold table columns: use BP4 or BP5", engine);
}

const char *bp_engine(const bp_file *file) {
    return file->bp5 ? "BP5" : "BP4";
}

/* ADIOS2's C functions print their reason on standard error and return a number. */
int bp_adios_failed(const bp_file *file, const char *what, pclean_err *err) {
    return PCL_FAIL(err, PCLEAN_EIO,
                    "%s: ADIOS2 could not %s; it gives the reason on standard error", file->path,
                    what);
}

/* ---- the engine ---- */

/* Our own values where neither the caller nor its XML file has any: memory that does not grow with
 * the table, and no minima and maxima, which cost a pass over the data and which nothing reads. */
static const char *const own_params[][2] = {
    {"StatsLevel", "0"},         {"MaxBufferSize", "32Mb"},   {"InitialBufferSize", "16Mb"},
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
        /* which may be larger than the caller's */
        if (!*value && !(*max && strcmp(own_params[i][0], "InitialBufferSize") == 0))
            bad = adios2_set_parameter(f->io, own_params[i][0], own_params[i][1]) != 0 || bad;
    }
    return bad;
}

static bool set_engine_params(bp_file *f, const bp_settings *s) {
    bool bad = adios2_set_engine(f->io, s->engine && *s->engine ? s->engine : "BP5") != 0;
    for (size_t i = 0; i < s->nengine_param; i++)
        bad = adios2_set_parameter(f->io, as_we_spell_it(s->engine_param[i].key),
                                   s->engine_param[i].value) != 0 ||
              bad;
    for (size_t i = 0; i < s->ntransport_param; i++) {
        size_t index = 0;
        bad = adios2_add_transport(&index, f->io, s->transport_param[i].name) != 0 || bad;
        for (size_t j = i; j < s->ntransport_param &&
                           strcmp(s->transport_param[j].name, s->transport_param[i].name) == 0;
             i = j++)
            if (s->transport_param[j].key)
                bad = adios2_set_transport_parameter(f->io, index, s->transport_param[j].key,
                                                     s->transport_param[j].value) != 0 ||
                      bad;
    }
    return bad;
}

/* Bytes of BP4's buffer, in ADIOS2's notation. */
static size_t bp4_buffer(const bp_file *f) {
    char value[64], *unit;
    get_param(f, "MaxBufferSize", value, sizeof value);
    const unsigned long long n = strtoull(value, &unit, 10);
    static const char *const units[] = {"", "kb", "mb", "gb"};
    int shift = 0;
    for (int k = 1; k < 4; k++)
        shift = strcasecmp(unit, units[k]) == 0 ? 10 * k : shift;
    return n << shift >> shift == n ? (size_t)(n << shift) : SIZE_MAX;
}

/* Whether the settings leave the layout of the file as bpmap.c knows it. That of BP4 can be
 * recognised. */
static bool usual_layout(const bp_file *f, const bp_settings *s) {
    static const char *const harmless[] = {"MaxBufferSize", "InitialBufferSize", "StatsLevel",
                                           "Threads", "Profile"};
    size_t other = s->nengine_param;
    for (size_t i = 0; i < s->nengine_param; i++)
        for (size_t j = 0; j < sizeof harmless / sizeof *harmless; j++)
            other -= strcasecmp(s->engine_param[i].key, harmless[j]) == 0;
    return s->noperator_param == 0 &&
           (!f->bp5 || (other == 0 && s->ntransport_param == 0 && !(s->xml_file && *s->xml_file)));
}

int bp_start(bp_file *f, const bp_settings *s, pclean_err *err) {
    const bool xml = s && s->xml_file && *s->xml_file;
    if (xml && access(s->xml_file, R_OK) != 0)
        return PCL_FAIL(err, PCLEAN_EIO, "cannot read the ADIOS2 configuration %s: %s", s->xml_file,
                        strerror(errno));
    f->adios = xml ? adios2_init_config_serial(s->xml_file) : adios2_init_serial();
    f->io = f->adios ? adios2_declare_io(f->adios, "Adios2StMan") : NULL;
    if (!f->io)
        return xml ? PCL_FAIL(err, PCLEAN_EPARAM,
                              "ADIOS2 does not accept %s; it gives the reason on standard error",
                              s->xml_file)
                   : bp_adios_failed(f, "start", err);
    adios2_bool configured = adios2_false;
    if (xml && (adios2_in_config_file(&configured, f->io) != 0 || !configured))
        return PCL_FAIL(
            err, PCLEAN_EPARAM,
            "%s has no <io name=\"Adios2StMan\">, so none of its settings would be used",
            s->xml_file);
    char type[128] = "";
    size_t size = sizeof type - 1;
    /* others may wait for a reader */
    if (xml && adios2_engine_type(type, &size, f->io) == 0 && bp_check_engine(type, err) != 0) {
        pcl_err_prefix(err, "%s: ", s->xml_file);
        return -PCLEAN_EUNSUPPORTED;
    }
    if (s && ((!xml && set_engine_params(f, s)) || set_own_params(f)))
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "%s: ADIOS2 does not accept the engine's parameters; it gives the reason "
                        "on standard error",
                        f->path);
    return 0;
}

/* As written in the file: BP5 has its variables in mmd.0. */
bool bp_is_bp5(const char *path) {
    char name[4200];
    snprintf(name, sizeof name, "%s/mmd.0", path);
    return access(name, F_OK) == 0;
}

int bp_new(const char *path, bool writing, bp_file **out, pclean_err *err) {
    bp_file *f = NULL;
    if (PCL_ZNEW(&f, 1, "an ADIOS2 file", err) != 0)
        return -PCLEAN_ENOMEM;
    f->writing = writing;
    f->pid = getpid();
    f->folder = f->data = -1;
    /* a forked child may have gone elsewhere */
    char *real = *path == '/' ? NULL : realpath(".", NULL);
    const int status =
        real ? pcl_asprintf(&f->path, err, "%s/%s", real, path) : pcl_strdup(&f->path, path, err);
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
    return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                    "%s: the ADIOS2 engine %s cannot hold table columns: use BP4 or BP5", f->path,
                    type);
}

int bp_create(const char *path, const bp_settings *settings, bp_file **out, pclean_err *err) {
    *out = NULL;
    bp_file *f = NULL;
    adios2_step_status step;
    int status = bp_check_engine(settings->engine, err);
    if (!status)
        status = bp_new(path, true, &f, err);
    if (!status)
        status = copy_operators(f, settings, err);
    if (!status)
        status = pcl_fs_remove_tree(f->path, err);
    if (!status)
        status = bp_start(f, settings, err);
    if (!status && !(f->engine = adios2_open(f->io, f->path, adios2_mode_write)))
        status = bp_adios_failed(f, "create the file", err);
    if (!status)
        status = learn_engine(f, err);
    if (!status && (f->folder = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        status = PCL_FAIL(err, PCLEAN_EIO, "%s: cannot open what ADIOS2 has made: %s", f->path,
                          strerror(errno));
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

/* ---- the end ---- */

int bp_finish(bp_file *f, bool sync, pclean_err *err) {
    if (!f->writing || f->finished)
        return 0;
    int status = bp_may_write(f, "all", err);
    if (!status && f->failed)
        status = PCL_FAIL(err, PCLEAN_EIO,
                          "%s: an earlier write failed, so this file is not complete", f->path);
    for (bp_column *c = f->columns; c && !status; c = c->next) {
        status = bp_flush(c, err);
        if (!status)
            status = bp_write_spilled(c, err);
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
        status = bp_sums_write(f, sync, err);
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

/* What an engine that is given up still writes goes nowhere, so that it can be closed on a full
 * disk, too. (One that could not be closed is never destroyed: its destructor would end the
 * process. Nor is one whose step could not be ended: BP4 would write its index again, beyond the
 * end of its buffer.) */
static void write_nowhere(const bp_file *f) {
    static const char *const names[] = {"data.0", "md.0", "md.idx", "mmd.0"};
    struct stat open_one, named;
    const int nowhere = memfd_create("nowhere", MFD_CLOEXEC); /* /dev/null has no positions */
    DIR *descriptors = f->folder < 0 || nowhere < 0 ? NULL : opendir("/proc/self/fd");
    for (struct dirent *e; descriptors && (e = readdir(descriptors)) != NULL;) {
        const int fd = atoi(e->d_name);
        for (size_t i = 0; i < sizeof names / sizeof *names && fstat(fd, &open_one) == 0; i++)
            if (fstatat(f->folder, names[i], &named, 0) == 0 && named.st_dev == open_one.st_dev &&
                named.st_ino == open_one.st_ino)
                (void)dup2(nowhere, fd);
    }
    if (descriptors)
        closedir(descriptors);
    if (nowhere >= 0)
        close(nowhere);
}

/* An engine that is destroyed in mid-step would write what it has; the index is taken away first,
 * and without one the file is an unfinished one. */
static void spoil(const bp_file *f) {
    if (f->folder < 0)
        return;
    (void)unlinkat(f->folder, SUMS, 0);
    (void)unlinkat(f->folder, BP_MAP, 0);
    const int fd = openat(f->folder, "md.idx", O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
}

/* The BP5 reader of ADIOS2 leaves its timings in /tmp when it is closed, and cannot be told not
 * to. */
static void remove_profile(const bp_file *f) {
    char name[4200];
    const char *slash = strrchr(f->path, '/');
    if (!f->writing && f->bp5 &&
        snprintf(name, sizeof name, "/tmp/%s_%lx_profiling.json", slash ? slash + 1 : f->path,
                 (unsigned long)getpid()) < (int)sizeof name)
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
    if (f->pid == getpid()) { /* the engine of a child's parent would write and close what is not
                               * ours */
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
