/* convert.c: MeasurementSets copied into ADIOS2 files and back (pclean/adios2.h). The copying
 * itself is casa/copy.cpp's; here are the names, the room on the disk, the progress, and what
 * becomes of it all when something goes wrong. */
#include "base/claim.h"
#include "base/clock.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/sized.h"
#include "casa/casa.h"
#include "image/kind.h"
#include "image/needed.h"
#include "pclean/adios2.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char *const default_columns[] = {"DATA",   "CORRECTED_DATA", "MODEL_DATA", "FLAG",
                                              "WEIGHT", "SIGMA",          NULL};

static const pclean_adios2_options defaults = {
    .size = sizeof defaults, .columns = default_columns, .engine = "BP4"};

void pclean_adios2_options_init(pclean_adios2_options *options, size_t size) {
    pcl_sized_init(options, size, &defaults, sizeof defaults);
}

void pclean_adios2_free_list(char **list) {
    if (!list)
        return;
    pcl_free(list);
}

void pclean_adios2_force_omp_single_thread(void) {
    (void)setenv("OMP_NUM_THREADS", "1", 1);
    omp_set_num_threads(1);
}

int pclean_adios2_uses(const char *ms, bool *uses, char ***columns, char *engine, pclean_err *err) {
    PCL_REQUIRE(err, ms);
    PCL_REQUIRE(err, uses);
    char **found = NULL, name[32] = "";
    *uses = false;
    if (columns)
        *columns = NULL;
    if (!pcl_fs_is_dir(ms))
        return PCL_FAIL(err, PCLEAN_EIO, "%s does not exist or is no table", ms);
    int status = casa_init(err);
    if (!status)
        status = casa_adios2_columns(ms, &found, name, err);
    if (!status) {
        *uses = found[0] != NULL;
        if (engine)
            snprintf(engine, sizeof name, "%s", name);
    }
    casa_end();
    if (!status && columns)
        *columns = found;
    else
        pcl_free(found);
    return status;
}

/* ---- parameters ---- */

/* ADIOS2 knows 2Gb, but not 2GB, 2gib or 2 G. */
static int normal_value(const char *value, char **out, pclean_err *err) {
    char *end;
    while (isspace((unsigned char)*value))
        value++;
    (void)strtoull(value, &end, 10);
    const int digits = (int)(end - value);
    while (isspace((unsigned char)*end))
        end++;
    const char *unit = *end && strchr("KMGTkmgt", *end) ? end : NULL;
    const char *rest = unit ? unit + 1 : end;
    const bool size = digits > 0 && isdigit((unsigned char)*value) && unit &&
                      (!*rest || strcasecmp(rest, "b") == 0 || strcasecmp(rest, "ib") == 0);
    return size ? pcl_asprintf(out, err, "%.*s%cb", digits, value, toupper((unsigned char)*unit))
                : pcl_strdup(out, value, err);
}

static void free_params(char **params) {
    for (size_t i = 0; params && params[i]; i++)
        pcl_free(params[i]);
    pcl_free(params);
}

static int normal_params(const char *const *params, char ***out, pclean_err *err) {
    size_t n = 0;
    while (params && params[n])
        n++;
    if (PCL_ZNEW(out, n + 1, "engine parameters", err) != 0)
        return -PCLEAN_ENOMEM;
    int status = n % 2 == 0 ? 0
                            : PCL_FAIL(err, PCLEAN_EPARAM, "the engine parameter %s has no value",
                                       params[n - 1]);
    for (size_t i = 0; i < n && !status; i++)
        status = i % 2 ? normal_value(params[i], &(*out)[i], err)
                       : pcl_strdup(&(*out)[i], params[i], err);
    return status;
}

static int check_engine(const pclean_adios2_options *o, pclean_err *err) {
    static const char *const good[] = {"BP4", "BP5", "BPFile"};
    if (o->xml_file && *o->xml_file)
        return access(o->xml_file, R_OK) == 0
                   ? 0
                   : PCL_FAIL(err, PCLEAN_EPARAM, "cannot read the ADIOS2 configuration %s: %s",
                              o->xml_file, strerror(errno));
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (o->engine && strcmp(o->engine, good[i]) == 0)
            return 0;
    return PCL_FAIL(err, PCLEAN_EPARAM, "engine \"%s\": choose BP4 or BP5",
                    o->engine ? o->engine : "");
}

/* ---- names and room ---- */

/* For pcl_apart: user is the output's name without its folders; NULL: all that is to be in the
 * folder. */
static bool is_output(const char *name, const void *user) {
    const char *base = user, *rest = name + (base ? strlen(base) : 0);
    return base && strncmp(name, base, strlen(base)) == 0 &&
           (!*rest || strcmp(rest, ".part") == 0 || strcmp(rest, ".lock") == 0);
}

/* The input, and all that it consists of, is apart from `name` in the folder, its .part and
 * .lock. */
static int check_apart(const char *in, const char *out, const char *folder, const char *name,
                       pclean_err *err) {
    const pcl_apart outputs = {.name = out, .folder = folder, .is_output = is_output, .user = name};
    return pcl_needed_check_table(&outputs, in, err);
}

static int check_output(const char *in, const char *out, bool overwrite, pclean_err *err) {
    char table[PATH_MAX], *folder = NULL, *lock = NULL, *part = NULL;
    const char *name;
    if (!*out)
        return PCL_FAIL(err, PCLEAN_EPARAM, "the output has no name");
    int status = pcl_fs_split(out, &folder, &name, err);
    if (!status)
        status = check_apart(in, out, folder, name, err);
    if (!status && snprintf(table, sizeof table, "%s/table.dat", folder) > 0 &&
        pcl_fs_exists(table))
        status = PCL_FAIL(err, PCLEAN_EPARAM,
                          "the output %s would lie inside the table %s; choose another folder", out,
                          folder);
    if (!status && !(status = pcl_asprintf(&lock, err, "%s.lock", out)) &&
        !(status = pcl_asprintf(&part, err, "%s.part", out)))
        status = pcl_claim_check(lock, part, err);
    pcl_free(part);
    pcl_free(lock);
    pcl_free(folder);
    if (status || !pcl_fs_exists(out))
        return status;
    if (!overwrite)
        return PCL_FAIL(err, PCLEAN_EEXIST,
                        "%s exists already: remove it, choose another name, or allow overwriting",
                        out);
    snprintf(table, sizeof table, "%s/table.dat", out);
    if (!pcl_fs_exists(table))
        return PCL_FAIL(err, PCLEAN_EEXIST, "%s is not a table, so it is not overwritten", out);
    if (pcl_kind_is_image(out))
        return PCL_FAIL(err, PCLEAN_EEXIST, "%s is a CASA image, so it is not overwritten", out);
    if (pcl_kind_is_ms(in) != pcl_kind_is_ms(out))
        return PCL_FAIL(err, PCLEAN_EEXIST,
                        "%s is not of the kind that %s is (one of them is a MeasurementSet), so it "
                        "is not overwritten; move it, or choose another name",
                        out, in);
    return 0;
}

/* Bytes of the sub-tables: the folders in a table's folder, but for ADIOS2's. */
static uint64_t subtable_bytes(const char *ms) {
    uint64_t total = 0;
    DIR *dir = opendir(ms);
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        char path[PATH_MAX];
        uint64_t bytes;
        if (e->d_name[0] == '.' || strstr(e->d_name, ".bp") ||
            snprintf(path, sizeof path, "%s/%s", ms, e->d_name) >= (int)sizeof path)
            continue;
        if (pcl_fs_is_dir(path) && pcl_fs_tree_size(path, &bytes, NULL) == 0)
            total += bytes;
    }
    if (dir)
        closedir(dir);
    return total;
}

/* Room for `need` bytes in the folder where `out` is, or will be. */
static int check_room(const char *out, uint64_t need, pclean_err *err) {
    char *copy = NULL, want[32], have[32];
    struct statvfs fs;
    if (pcl_strdup(&copy, out, err) != 0)
        return -PCLEAN_ENOMEM;
    const char *parent = dirname(copy);
    int status = 0;
    if (statvfs(parent, &fs) != 0)
        status = PCL_FAIL(err, PCLEAN_EIO, "%s: its folder %s: %s", out, parent, strerror(errno));
    else if ((uint64_t)fs.f_bavail * fs.f_frsize < need) {
        pcl_format_si(want, sizeof want, (double)need, PCL_DIM_BYTES);
        pcl_format_si(have, sizeof have, (double)fs.f_bavail * (double)fs.f_frsize, PCL_DIM_BYTES);
        status = PCL_FAIL(err, PCLEAN_ENOSPC, "%s needs about %s, but in %s there are %s", out,
                          want, parent, have);
    }
    pcl_free(copy);
    return status;
}

/* ---- one copy ---- */

/* casacore writes its indexes last, and where that fails the process can end: so it is not begun
 * without room for them. */
#define KEPT_BACK ((uint64_t)2 << 20)

typedef struct job {
    casa_copy *copy;
    casa_copy_info info;
    uint64_t rest_bytes; /* that must be free when the cells are written */
    const pclean_hooks *hooks;
    double start;
} job;

static void tell(const job *j, const char *stage, uint64_t done, double from, double to) {
    if (!j->hooks->progress)
        return;
    const double part = j->info.cell_bytes ? (double)done / (double)j->info.cell_bytes : 1,
                 elapsed = pcl_now() - j->start;
    pclean_progress p = {.stage = stage,
                         .fraction = from + (to - from) * part,
                         .done = (size_t)(done / 1000000),
                         .total = (size_t)(j->info.cell_bytes / 1000000),
                         .unit = "MB",
                         .elapsed_s = elapsed,
                         .remaining_s = -1};
    if (p.fraction > 0.02 && elapsed > 0.5)
        p.remaining_s = elapsed * (1 - p.fraction) / p.fraction;
    j->hooks->progress(&p, j->hooks->user);
}

static int check_stop(const job *j, pclean_err *err) {
    if (j->hooks->stop_requested && j->hooks->stop_requested(j->hooks->user))
        return PCL_FAIL(err, PCLEAN_EINTERRUPTED, "the copy was interrupted");
    return 0;
}

typedef int stepper(casa_copy *copy, uint64_t *bytes, bool *more, pclean_err *err);

static int walk(job *j, const char *stage, stepper *step, double from, double to, pclean_err *err) {
    uint64_t done = 0, bytes = 0;
    int status = 0;
    for (bool more = true; more && !status; done += bytes) {
        tell(j, stage, done, from, to);
        status = check_stop(j, err);
        if (!status)
            status = step(j->copy, &bytes, &more, err);
    }
    if (!status)
        tell(j, stage, j->info.cell_bytes, from, to);
    return status;
}

static int write_and_compare(job *j, const char *part, bool verify_all, pclean_err *err) {
    int status = casa_copy_create(j->copy, part, err);
    if (!status)
        status = walk(j, "copy", casa_copy_step, 0, 0.75, err);
    if (!status)
        status = check_room(part, j->rest_bytes, err);
    if (!status)
        status = casa_copy_finish(j->copy, err);
    if (!status) {
        status = casa_copy_reopen(j->copy, part, verify_all, err);
        if (status) /* the storage manager cannot fail when the table is closed: it only logs why */
            pcl_err_prefix(
                err,
                "the copy could not be completed, for a reason given above (is the disk full?): ");
    }
    if (!status)
        status = walk(j, "compare", casa_copy_compare, 0.75, 1, err);
    return status;
}

static int copy_to(job *j, const char *out, bool overwrite, bool verify_all, pclean_err *err) {
    char *part = NULL, *lock = NULL;
    int fd = -1;
    bool claimed = false;
    int status = pcl_asprintf(&part, err, "%s.part", out);
    if (!status)
        status = pcl_asprintf(&lock, err, "%s.lock", out);
    if (!status)
        status = pcl_claim_take(lock, &fd, &claimed, err);
    if (!status && !claimed)
        status = PCL_FAIL(err, PCLEAN_EEXIST, "another process is making %s now", out);
    if (!status)
        status = pcl_claim_make_way(lock, fd, part, err);
    if (!status) {
        status = write_and_compare(j, part, verify_all, err);
        casa_copy_close(j->copy); /* both tables, before they are renamed or removed */
        j->copy = NULL;
        if (!status)
            status = pcl_fs_sync_tree(part, err); /* the copy is on the disk before the one it
                                                   * replaces goes */
        if (!status)
            status = pcl_fs_publish(part, out, overwrite, err);
        if (status && pcl_fs_remove_tree(part, NULL) != 0)
            pcl_log(PCL_LOG_WARNING, "%s could not be removed", part);
    }
    if (claimed)
        pcl_claim_drop(lock, fd);
    pcl_free(lock);
    pcl_free(part);
    return status;
}

static void tell_plan(const casa_copy_spec *spec, const casa_copy_info *info, const char *out) {
    char size[32];
    pcl_format_si(size, sizeof size, (double)info->cell_bytes, PCL_DIM_BYTES);
    pcl_log(PCL_LOG_INFO, "%s -> %s: %zu rows, %s; moved %s: %s", spec->path, out,
            (size_t)info->nrow, size,
            spec->target == CASA_COPY_ADIOS2 ? "to ADIOS2" : "out of ADIOS2", info->columns);
    if (*info->variable)
        pcl_log(PCL_LOG_INFO, "cells of different shapes or unfilled: %s", info->variable);
    if (*info->text && spec->target == CASA_COPY_ADIOS2)
        pcl_log(PCL_LOG_WARNING,
                "packed, because it is text of more than %d rows: %s; casacore's own Adios2StMan "
                "cannot read that",
                PCLEAN_ADIOS2_TEXT_ROWS, info->text);
}

static int copy_table(const casa_copy_spec *spec, const char *out, const pclean_adios2_options *o,
                      const pclean_hooks *hooks, pclean_err *err) {
    job j = {.hooks = hooks, .start = pcl_now()};
    int status = pcl_fs_exists(spec->path)
                     ? check_output(spec->path, out, o->overwrite, err)
                     : PCL_FAIL(err, PCLEAN_EIO, "%s does not exist", spec->path);
    if (!status)
        status = casa_adios2_load(err);
    if (!status)
        status = casa_copy_check(spec->path, err);
    if (!status)
        status = casa_copy_open(spec, &j.copy, &j.info, err);
    if (!status)
        status = check_room(out,
                            j.info.cell_bytes + j.info.cell_bytes / 50 +
                                subtable_bytes(spec->path) + (1 << 20),
                            err);
    if (!status) {
        tell_plan(spec, &j.info, out);
        j.rest_bytes = subtable_bytes(spec->path) + KEPT_BACK;
        status = copy_to(&j, out, o->overwrite, o->verify_all, err);
    }
    casa_copy_close(j.copy);
    return status;
}

/* ---- the three functions ---- */

static void to_hooks(enum pcl_log_level level, const char *text, void *user) {
    const pclean_hooks *h = user;
    h->log((enum pclean_level)level, text, h->user);
}

/* What a call works with: the caller's wishes, and defaults for the others. */
typedef struct call {
    pclean_adios2_options options;
    pclean_hooks hooks;
} call;

static int begin(const pclean_adios2_options *options, const pclean_hooks *hooks, call *c,
                 pclean_err *err) {
    *c = (call){.options = defaults, .hooks = {.size = sizeof c->hooks}};
    int rc = PCL_TAKE(pclean_adios2_options, &c->options, options, err);
    rc = rc ? rc : PCL_TAKE(pclean_hooks, &c->hooks, hooks, err);
    if (rc)
        return rc;
    if (c->hooks.log)
        pcl_log_set_sink(to_hooks, &c->hooks);
    casa_stop_when(c->hooks.stop_requested, c->hooks.user);
    return casa_init(err);
}

static int end(const call *c, int status) {
    casa_end();
    if (c->hooks.log)
        pcl_log_set_sink(NULL, NULL);
    return status;
}

static int convert(const char *in, const char *out, const pclean_adios2_options *o, const int *ddid,
                   size_t nddid, const pclean_hooks *hooks, pclean_err *err) {
    char **params = NULL, *name = NULL;
    int status = check_engine(o, err);
    if (!status)
        status = normal_params(o->params, &params, err);
    if (!status)
        status = pcl_fs_strip_slashes(out, &name, err);
    if (!status) {
        const casa_copy_spec spec = {.path = in,
                                     .target = CASA_COPY_ADIOS2,
                                     .columns = o->columns ? o->columns : default_columns,
                                     .engine = o->engine,
                                     .params = (const char *const *)params,
                                     .xml_file = o->xml_file,
                                     .taql = o->taql,
                                     .ddid = ddid,
                                     .nddid = nddid};
        status = copy_table(&spec, name, o, hooks, err);
    }
    free_params(params);
    pcl_free(name);
    return status;
}

int pclean_adios2_convert(const char *in, const char *out, const pclean_adios2_options *options,
                          const pclean_hooks *hooks, pclean_err *err) {
    PCL_REQUIRE(err, in);
    PCL_REQUIRE(err, out);
    call c;
    int status = begin(options, hooks, &c, err);
    if (!status)
        status = convert(in, out, &c.options, NULL, 0, &c.hooks, err);
    return end(&c, status);
}

int pclean_adios2_restore(const char *in, const char *out, const pclean_adios2_options *options,
                          const pclean_hooks *hooks, pclean_err *err) {
    PCL_REQUIRE(err, in);
    PCL_REQUIRE(err, out);
    call c;
    char *name = NULL;
    int status = begin(options, hooks, &c, err);
    if (!status)
        status = pcl_fs_strip_slashes(out, &name, err);
    if (!status) {
        const casa_copy_spec spec = {.path = in, .target = CASA_COPY_TILED, .taql = c.options.taql};
        status = copy_table(&spec, name, &c.options, &c.hooks, err);
    }
    pcl_free(name);
    return end(&c, status);
}

/* ---- by spectral window ---- */

static int make_folders(const char *path, pclean_err *err) {
    char *copy = NULL;
    if (pcl_strdup(&copy, path, err) != 0)
        return -PCLEAN_ENOMEM;
    int status = 0;
    for (char *p = copy + 1; !status; p++) {
        const char c = *p;
        if (c != '/' && c)
            continue;
        *p = '\0';
        const int e = mkdir(copy, 0777) == 0 ? 0 : errno;
        if (e && !pcl_fs_is_dir(copy))
            status = PCL_FAIL(err, PCLEAN_EIO, "cannot make the folder %s: %s", copy, strerror(e));
        *p = c;
        if (!c)
            break;
    }
    pcl_free(copy);
    return status;
}

/* DIR/NAME_spwN.ms for each window, in one block. */
static int part_names(const char *in, const char *dir, const int *spw, size_t n, char ***out,
                      pclean_err *err) {
    char *path = NULL;
    int status = pcl_fs_strip_slashes(in, &path, err);
    if (status)
        return status;
    const char *base = basename(path);
    const size_t length = strlen(base),
                 stem =
                     length > 3 && strcasecmp(base + length - 3, ".ms") == 0 ? length - 3 : length;
    const size_t each = strlen(dir) + stem + 32;
    status = pcl_zalloc((void **)out, (n + 1) * sizeof(char *) + n * each, 1, "names", err);
    for (size_t i = 0; i < n && !status; i++) {
        (*out)[i] = (char *)(*out + n + 1) + i * each;
        snprintf((*out)[i], each, "%s/%.*s_spw%d.ms", dir, (int)stem, base, spw[i]);
    }
    pcl_free(path);
    return status;
}

typedef struct windows {
    int *spw, *spw_of_ddid, *ddid;
    size_t nspw, nddid;
} windows;

static int split(const char *in, char **names, const windows *w, const pclean_adios2_options *o,
                 const pclean_hooks *hooks, size_t *done, pclean_err *err) {
    int status = 0;
    for (size_t i = 0; i < w->nspw && !status; i++)
        status = check_output(in, names[i], o->overwrite, err);
    for (; *done < w->nspw && !status; *done += !status) {
        size_t n = 0;
        for (size_t d = 0; d < w->nddid; d++)
            if (w->spw_of_ddid[d] == w->spw[*done])
                w->ddid[n++] = (int)d;
        status = convert(in, names[*done], o, w->ddid, n, hooks, err);
    }
    return status;
}

int pclean_adios2_split(const char *in, const char *dir, const pclean_adios2_options *options,
                        const pclean_hooks *hooks, char ***outputs, pclean_err *err) {
    PCL_REQUIRE(err, in);
    PCL_REQUIRE(err, dir);
    call c;
    windows w = {0};
    char **names = NULL, *folder = NULL;
    size_t done = 0;
    bool new_folder = false;
    if (outputs)
        *outputs = NULL;
    int status = begin(options, hooks, &c, err);
    if (!status && c.options.taql && *c.options.taql)
        status = PCL_FAIL(err, PCLEAN_EPARAM, "split selects the rows by itself: no taql");
    if (!status)
        status = check_engine(&c.options, err);
    if (!status)
        status = casa_copy_windows(in, &w.spw, &w.nspw, &w.spw_of_ddid, &w.nddid, err);
    if (!status && w.nspw == 0)
        status = PCL_FAIL(err, PCLEAN_EDATA, "%s has no rows", in);
    if (!status)
        status = casa_adios2_load(err);
    if (!status)
        status = PCL_NEW(&w.ddid, w.nddid, "data descriptions", err);
    if (!status)
        status = pcl_fs_strip_slashes(dir, &folder, err);
    if (!status)
        status = check_apart(in, folder, folder, NULL, err);
    if (!status) {
        new_folder = !pcl_fs_exists(folder);
        status = make_folders(folder, err);
    }
    if (!status)
        status = part_names(in, folder, w.spw, w.nspw, &names, err);
    if (!status)
        status = split(in, names, &w, &c.options, &c.hooks, &done, err);
    if (status && new_folder && done == 0)
        (void)rmdir(folder);
    if (names)
        names[done] = NULL;
    if (outputs)
        *outputs = names;
    else
        pcl_free(names);
    pcl_free(folder);
    pcl_free(w.ddid);
    pcl_free(w.spw);
    pcl_free(w.spw_of_ddid);
    return end(&c, status);
}
