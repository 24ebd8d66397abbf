/* concat.c: the public face of joining: options, work side by side, results. The making of one
 * image is joined.c. */
#include "pclean/concat.h"
#include "base/claim.h"
#include "base/clock.h"
#include "base/filesize.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sized.h"
#include "base/sysinfo.h"
#include "base/threads.h"
#include "casa/casa.h"
#include "join/joined.h"
#include "join/restoring.h"
#include "join/resume.h"
#include <dirent.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- options and results ---- */

static const char *const mode_names[] = {"auto", "paged", "virtual", "movevirtual", "copyvirtual"};

static const pclean_concat_options defaults = {.size = sizeof defaults,
                                               .mode = PCLEAN_CONCAT_PAGED,
                                               .axis = -1,
                                               .relax = true,
                                               .overwrite = true,
                                               .max_workers = 4};

void pclean_concat_options_init(pclean_concat_options *options, size_t size) {
    pcl_sized_init(options, size, &defaults, sizeof defaults);
}

int pclean_concat_mode_parse(const char *text) {
    for (int i = 0; text && i < (int)(sizeof mode_names / sizeof *mode_names); i++)
        if (strcasecmp(text, mode_names[i]) == 0)
            return i;
    return text && strcasecmp(text, "nomovevirtual") == 0 ? PCLEAN_CONCAT_VIRTUAL : -1;
}

const char *pclean_concat_mode_name(int mode) {
    return mode >= 0 && mode < (int)(sizeof mode_names / sizeof *mode_names) ? mode_names[mode]
                                                                             : "unknown";
}

void pclean_concat_result_free(pclean_concat_result *result) {
    if (!result)
        return;
    for (size_t i = 0; i < result->noutput; i++)
        free(result->output[i].path);
    free(result->output);
    pcl_free(result);
}

/* ---- work side by side ---- */

typedef struct job {
    size_t ijoined, i;
} job;

typedef struct work {
    pcl_joined *joined;
    pclean_err *error; /* [n] of each joined image; code 0: none so far */
    size_t n;
    pclean_hooks hooks;
    double start;
    uint64_t total, done;
    bool stopped;
    sigset_t signals; /* as the caller has them */
} work;

/* A pcl_tiles_watch. The calling thread of the library alone calls the hooks. */
static int note_bytes(uint64_t bytes, void *user) {
    work *w = user;
    uint64_t done;
    bool stopped;
#pragma omp atomic capture
    done = w->done += bytes;
    if (omp_get_thread_num() == 0) {
        const double elapsed = pcl_now() - w->start;
        char unit[40];
        snprintf(unit, sizeof unit, "MiB, %.0f MB/s",
                 elapsed > 0 ? 1e-6 * (double)done / elapsed : 0);
        const pclean_progress p = {
            .stage = "copy",
            .fraction = w->total ? (double)done / (double)w->total : 1,
            .done = (size_t)(done >> 20),
            .total = (size_t)(w->total >> 20),
            .unit = unit,
            .elapsed_s = elapsed,
            .remaining_s = done ? elapsed * (double)(w->total - done) / (double)done : -1};
        if (w->hooks.progress)
            w->hooks.progress(&p, w->hooks.user);
        if (w->hooks.stop_requested && w->hooks.stop_requested(w->hooks.user)) {
#pragma omp atomic write
            w->stopped = true;
        }
    }
#pragma omp atomic read
    stopped = w->stopped;
    return stopped;
}

/* A pcl_tiles_watch that has no part in the progress. */
static int is_stopped(uint64_t bytes, void *user) {
    const work *w = user;
    (void)bytes;
    return w->hooks.stop_requested && w->hooks.stop_requested(w->hooks.user);
}

static void do_one(work *w, const job *k, pcl_tiles_room *room) {
    pclean_err *kept = &w->error[k->ijoined], err = {0};
    int code;
#pragma omp atomic read
    code = kept->code;
    if (code)
        return; /* the image has failed already */
    const pcl_tiles_watch watch = {note_bytes, w};
    if (pcl_joined_job(&w->joined[k->ijoined], k->i, room, &watch, &err)) {
#pragma omp critical(pcl_concat_error)
        if (!kept->code)
            *kept = err;
    }
}

static int do_all(work *w, int nthread, pclean_err *err) {
    size_t njob = 0, most = 0;
    job *jobs = NULL;
    for (size_t i = 0; i < w->n; i++)
        if (!w->error[i].code) {
            const size_t n = pcl_joined_njob(&w->joined[i]);
            most = n > most ? n : most;
            njob += n;
            w->total += pcl_joined_bytes(&w->joined[i]);
        }
    int rc = PCL_NEW(&jobs, njob, "list of pieces of work", err);
    if (rc)
        return rc;
    size_t at = 0;
    for (size_t k = 0; k < most; k++) /* by turns: threads that write one file wait for each
                                       * other */
        for (size_t i = 0; i < w->n; i++)
            if (!w->error[i].code && k < pcl_joined_njob(&w->joined[i]))
                jobs[at++] = (job){i, k};
#pragma omp parallel num_threads(nthread)
    {
        pcl_tiles_room room = {0};
#pragma omp for schedule(dynamic)
        for (size_t k = 0; k < njob; k++)
            do_one(w, &jobs[k], &room);
        pcl_tiles_room_clear(&room);
    }
#pragma omp parallel for schedule(dynamic) num_threads(nthread)
    for (size_t i = 0; i < w->n; i++)
        if (!w->error[i].code)
            (void)!pcl_joined_sync(&w->joined[i], &w->error[i]);
    pcl_free(jobs);
    return w->stopped ? PCL_FAIL(err, PCLEAN_EINTERRUPTED, "interrupted: no image was changed") : 0;
}

static int thread_count(const pclean_concat_options *o) {
    pcl_sysinfo limits;
    pcl_sysinfo_read("", &limits);
    return o->max_workers > 0 ? o->max_workers : limits.cores;
}

/* Opens and makes image after image (casacore: one thread), moves all pixels side by side, finishes
 * image after image. A failure is that of its image; what concerns all is returned. */
static int join_all(work *w, const pclean_concat_options *o, pclean_err *err) {
    for (size_t i = 0; !o->dry_run && i < w->n; i++)
        if (!w->error[i].code)
            (void)!pcl_joined_make(&w->joined[i], &w->error[i]);
    int rc = o->dry_run ? 0 : do_all(w, thread_count(o), err);
    for (size_t i = 0; !rc && !o->dry_run && i < w->n; i++)
        if (!w->error[i].code)
            (void)!pcl_joined_finish(&w->joined[i], &w->error[i]);
    return rc;
}

static int make_result(const work *w, pclean_concat_result **result, pclean_err *err) {
    if (!result)
        return 0;
    int rc = PCL_ZNEW(result, 1, "result", err);
    if (rc)
        return rc;
    pclean_concat_result *r = *result;
    r->output = calloc(w->n ? w->n : 1, sizeof *r->output);
    if (!r->output)
        return PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for the result");
    for (size_t i = 0; i < w->n; i++) {
        const pcl_joined *j = &w->joined[i];
        pclean_concat_output *out = &r->output[r->noutput++];
        *out = (pclean_concat_output){.path = strdup(j->final_path ? j->final_path : ""),
                                      .mode = j->mode,
                                      .ninput = j->ninput,
                                      .nplane = j->series.total,
                                      .regular = j->series.regular,
                                      .bytes = pcl_joined_bytes(j),
                                      .bytes_whole_tiles = pcl_joined_bytes_whole(j),
                                      .err = w->error[i]};
        r->bytes += w->error[i].code ? 0 : out->bytes;
    }
    r->seconds = pcl_now() - w->start;
    return 0;
}

static void log_to_hooks(enum pcl_log_level level, const char *text, void *user) {
    const pclean_hooks *hooks = user;
    hooks->log((enum pclean_level)level, text, hooks->user);
}

static int begin(work *w, size_t n, const pclean_concat_options *o, const pclean_hooks *hooks,
                 pclean_err *err) {
    *w = (work){.start = pcl_now()};
    pcl_filesize_hold(&w->signals);
    w->hooks = (pclean_hooks){.size = sizeof w->hooks};
    int rc = PCL_TAKE(pclean_hooks, &w->hooks, hooks, err);
    rc = rc ? rc : pcl_threads_start(thread_count(o), err);
    casa_stop_when(w->hooks.stop_requested, w->hooks.user);
    rc = rc ? rc : casa_init(err);
    if (!rc && w->hooks.log)
        pcl_log_set_sink(log_to_hooks, &w->hooks);
    if (!rc && !(rc = PCL_ZNEW(&w->joined, n, "joined images", err)))
        rc = PCL_ZNEW(&w->error, n, "errors", err);
    for (size_t i = 0; !rc && i < n; i++)
        w->joined[i].claim = -1;
    return rc;
}

static void end(work *w) {
    for (size_t i = 0; i < w->n; i++)
        pcl_joined_clear(&w->joined[i]);
    pcl_free(w->joined);
    pcl_free(w->error);
    pcl_log_set_sink(NULL, NULL);
    casa_end();
    pcl_filesize_release(&w->signals);
}

/* delete_inputs: only of what has been joined, all of it. */
static int delete_inputs(const work *w, const pclean_concat_options *o, pclean_err *err) {
    int rc = 0;
    for (size_t i = 0; o->delete_inputs && !o->dry_run && !rc && i < w->n; i++)
        if (pcl_joined_removes(&w->joined[i]) && w->joined[i].mode != PCLEAN_CONCAT_MOVEVIRTUAL)
            rc = pcl_joined_remove_inputs(&w->joined[i], err);
    return rc;
}

static int check_options(const pclean_concat_options *o, pclean_err *err) {
    if (o->mode < 0 || o->mode > PCLEAN_CONCAT_COPYVIRTUAL)
        return PCL_FAIL(err, PCLEAN_EPARAM, "there is no mode %d", o->mode);
    const bool stays =
        o->mode == PCLEAN_CONCAT_VIRTUAL || (o->mode == PCLEAN_CONCAT_AUTO && o->keep_subcubes);
    return o->delete_inputs && stays ? PCL_FAIL(err, PCLEAN_EPARAM,
                                                "a virtual image needs its inputs: they cannot be "
                                                "deleted (mode movevirtual takes them in)")
                                     : 0;
}

/* ---- the two calls ---- */

int pclean_concat_images(const char *outimage, const char *const *inimages, size_t n,
                         const pclean_concat_options *options, const pclean_hooks *hooks,
                         pclean_concat_result **result, pclean_err *err) {
    PCL_REQUIRE(err, outimage);
    PCL_REQUIRE(err, inimages);
    pclean_concat_options own = defaults, *const o = &own;
    work w = {0};
    if (result)
        *result = NULL;
    int rc = PCL_TAKE(pclean_concat_options, o, options, err);
    if (rc || (rc = check_options(o, err)))
        return rc;
    if (!(rc = begin(&w, 1, o, hooks, err))) {
        w.n = 1;
        if (!pcl_joined_open(&w.joined[0], outimage, inimages, n, o, &w.error[0]))
            rc = join_all(&w, o, err);
        if (!rc && w.error[0].code) {
            rc = -w.error[0].code;
            if (err)
                *err = w.error[0];
        }
        if (!rc)
            rc = delete_inputs(&w, o, err);
        const int made = make_result(&w, result, rc ? NULL : err);
        rc = rc ? rc : made;
    }
    end(&w);
    return rc;
}

static const char *const standard_extensions[] = {".image",
                                                  ".residual",
                                                  ".psf",
                                                  ".model",
                                                  ".pb",
                                                  ".image.pbcor",
                                                  ".mask",
                                                  ".weight",
                                                  ".sumwt",
                                                  ".image.tt0",
                                                  ".image.tt1",
                                                  ".image.tt2",
                                                  ".residual.tt0",
                                                  ".residual.tt1",
                                                  ".residual.tt2",
                                                  ".psf.tt0",
                                                  ".psf.tt1",
                                                  ".psf.tt2",
                                                  ".psf.tt3",
                                                  ".psf.tt4",
                                                  ".model.tt0",
                                                  ".model.tt1",
                                                  ".model.tt2",
                                                  ".pb.tt0",
                                                  ".pb.tt1",
                                                  ".pb.tt2",
                                                  ".image.pbcor.tt0",
                                                  ".image.tt0.pbcor",
                                                  ".image.tt1.pbcor",
                                                  ".weight.tt0",
                                                  ".weight.tt1",
                                                  ".weight.tt2",
                                                  ".weight.tt3",
                                                  ".weight.tt4",
                                                  ".sumwt.tt0",
                                                  ".sumwt.tt1",
                                                  ".sumwt.tt2",
                                                  ".sumwt.tt3",
                                                  ".sumwt.tt4",
                                                  ".alpha",
                                                  ".alpha.error",
                                                  ".beta",
                                                  NULL};

/* Whether this is the extension, or that of a sub-cube on its way out. */
static bool is_extension(const char *rest, const char *extension) {
    const size_t n = strlen(extension);
    return strncmp(rest, extension, n) == 0 &&
           (!rest[n] || strcmp(rest + n, PCL_RESUME_ENDING) == 0);
}

/* One more than the highest number in BASE.subcube.N.EXT of these extensions; 0: there are none. */
static size_t count_parts(const char *base, const char *const *extensions) {
    const char *slash = strrchr(base, '/'), *name = slash ? slash + 1 : base;
    char folder[4096], prefix[4096];
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - base) + 1 : 1,
             slash ? base : ".");
    const size_t n = (size_t)snprintf(prefix, sizeof prefix, "%s.subcube.", name);
    size_t count = 0;
    DIR *stream = opendir(folder);
    struct dirent *entry;
    while (stream && (entry = readdir(stream)) != NULL) {
        const char *digits = entry->d_name + n;
        if (strncmp(entry->d_name, prefix, n) != 0 || !*digits || strspn(digits, "0123456789") > 8)
            continue;
        const char *rest = digits + strspn(digits, "0123456789");
        for (size_t i = 0; rest > digits && extensions[i]; i++)
            if (is_extension(rest, extensions[i]) && strtoul(digits, NULL, 10) >= count)
                count = strtoul(digits, NULL, 10) + 1;
    }
    if (stream)
        closedir(stream);
    return count;
}

/* The names of the sub-cubes of one extension. *found: there are some; *missing: the first that is
 * not there, nparts: none. */
static int name_parts(const char *base, const char *extension, size_t nparts, char **name,
                      bool *found, size_t *missing, pclean_err *err) {
    int rc = 0;
    *found = false;
    *missing = nparts;
    for (size_t i = 0; !rc && i < nparts; i++) {
        char *aside = NULL;
        if ((rc = pcl_asprintf(&name[i], err, "%s.subcube.%zu%s", base, i, extension)) ||
            (rc = pcl_resume_aside(name[i], &aside, err)))
            break;
        const bool there = pcl_fs_exists(name[i]);
        *found = *found || there || pcl_fs_exists(aside);
        *missing = !there && *missing == nparts ? i : *missing;
        pcl_free(aside);
    }
    return rc;
}

/* Opens the joined image of one extension; *found: it has sub-cubes. */
static int open_extension(pcl_joined *j, const char *base, const char *extension, size_t nparts,
                          const pclean_concat_options *o, bool *found, pclean_err *err) {
    char **name = NULL, *out = NULL, *lock = NULL;
    size_t missing = nparts;
    *found = false;
    int rc = PCL_ZNEW(&name, nparts, "list of sub-cubes", err);
    if (!rc && !(rc = pcl_asprintf(&out, err, "%s%s", base, extension)))
        rc = name_parts(base, extension, nparts, name, found, &missing, err);
    if (!rc && *found) {
        rc = pcl_joined_open(j, out, (const char *const *)name, nparts, o, err);
        if (rc && missing < nparts)
            rc = PCL_FAIL(err, PCLEAN_EDATA,
                          "%s is missing (%zu parts are expected); nothing was joined as %s",
                          name[missing], nparts, out);
    } else if (!rc && !(rc = pcl_asprintf(&lock, err, "%s.lock", out))) {
        pcl_claim_tidy(lock);
    }
    if (*found && rc && !j->final_path) /* for the result */
        (void)!pcl_asprintf(&j->final_path, NULL, "%s%s", base, extension);
    for (size_t i = 0; name && i < nparts; i++)
        pcl_free(name[i]);
    pcl_free(name);
    pcl_free(out);
    pcl_free(lock);
    return rc;
}

/* Names every image that failed; what befell each is in the result. */
static int list_failures(const work *w, pclean_err *err) {
    size_t nfailed = 0;
    char names[400] = "";
    const char *first = "";
    for (size_t i = 0; i < w->n; i++)
        if (w->error[i].code) {
            const size_t used = strlen(names);
            first = nfailed++ ? first : w->error[i].msg;
            snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "",
                     w->joined[i].final_path ? w->joined[i].final_path : "?");
        }
    return nfailed ? PCL_FAIL(err, PCLEAN_EFAILED,
                              "%zu of %zu images were not joined: %s; the first because %s",
                              nfailed, w->n, names, first)
                   : 0;
}

/* The products' lock of an imaging run of this name. */
static int claim_base(const char *base, char **path, int *fd, pclean_err *err) {
    bool claimed = true;
    int rc = pcl_asprintf(path, err, "%s.lock", base);
    if (!rc && !(rc = pcl_claim_take(*path, fd, &claimed, err)) && !claimed)
        rc = PCL_FAIL(err, PCLEAN_EEXIST,
                      "another process is making the images of %s now; wait for it", base);
    return rc;
}

/* Whether an image holds nothing but zeros. Its inputs may have moved into it. */
static int is_blank(const char *name, size_t axis, bool *blank, pclean_err *err) {
    const pcl_series_options load = {.axis = (int)axis, .relax = true, .trusted = true};
    pcl_series series;
    int rc = pcl_series_load(&name, 1, &load, &series, err);
    if (!rc)
        rc = pcl_series_is_blank(&series, NULL, blank, err);
    pcl_series_clear(&series);
    return rc;
}

/* As pclean image does: a cube without any data is no success, although it is there. Parts of it
 * are none by themselves. */
static int check_data(const work *w, const char *base, pclean_err *err) {
    const char *const weights = ".sumwt";
    for (size_t i = 0; i < w->n; i++) {
        const char *name = w->joined[i].final_path;
        bool blank = false;
        if (strlen(name) < strlen(weights) ||
            strcmp(name + strlen(name) - strlen(weights), weights) != 0)
            continue;
        const int rc = is_blank(name, w->joined[i].series.axis, &blank, err);
        if (rc || blank)
            return rc ? rc
                      : PCL_FAIL(err, PCLEAN_EFAILED,
                                 "no channel of %s has data: the cube is blank", base);
    }
    return 0;
}

/* Parts that wait for their common beam get their images, where these are to be joined. */
static int restore_parts(work *w, const char *base, size_t nparts, const char *const *extensions,
                         const pclean_concat_options *o, pclean_err *err) {
    char *image = NULL;
    bool wanted = false, due = false;
    for (size_t i = 0; extensions[i]; i++)
        wanted = wanted || strcmp(extensions[i], ".image") == 0;
    int rc = pcl_asprintf(&image, err, "%s.image", base);
    if (!rc && wanted && (o->overwrite || !pcl_fs_exists(image)))
        rc = pcl_restoring_is_due(base, nparts, &due, err);
    if (!rc && due && o->dry_run)
        pcl_log(PCL_LOG_INFO, "the parts of %s would be restored with their common beam", base);
    else if (!rc && due)
        rc = pcl_restoring_do(base, nparts, &(pcl_tiles_watch){is_stopped, w}, err);
    pcl_free(image);
    return rc;
}

static int join_subcubes(work *w, const char *base, size_t nparts, const char *const *extensions,
                         const pclean_concat_options *o, pclean_err *err) {
    if (nparts == 0)
        nparts = count_parts(base, extensions);
    int rc = restore_parts(w, base, nparts, extensions, o, err);
    if (rc)
        return rc;
    for (size_t i = 0; extensions[i]; i++) {
        bool found;
        pcl_joined *j = &w->joined[w->n];
        rc = open_extension(j, base, extensions[i], nparts, o, &found, &w->error[w->n]);
        if (found) {
            w->n++;
        } else if (rc) {
            if (err)
                *err = w->error[w->n];
            return rc;
        }
    }
    if (w->n == 0)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "there are no sub-cubes %s.subcube.0... of any of the extensions", base);
    rc = join_all(w, o, err);
    if (!rc && !(rc = list_failures(w, err)) && !o->dry_run)
        rc = check_data(w, base, err);
    return rc ? rc : delete_inputs(w, o, err);
}

int pclean_concat_subcubes(const char *base, size_t nparts, const char *const *extensions,
                           const pclean_concat_options *options, const pclean_hooks *hooks,
                           pclean_concat_result **result, pclean_err *err) {
    PCL_REQUIRE(err, base);
    pclean_concat_options own = defaults, *const o = &own;
    char *lock = NULL;
    int fd = -1;
    if (result)
        *result = NULL;
    int rc = PCL_TAKE(pclean_concat_options, o, options, err);
    rc = rc ? rc : check_options(o, err);
    if (rc || (rc = claim_base(base, &lock, &fd, err))) {
        pcl_free(lock);
        return rc;
    }
    extensions = extensions ? extensions : standard_extensions;
    size_t n = 0;
    while (extensions[n])
        n++;
    work w = {0};
    if (!(rc = begin(&w, n, o, hooks, err))) {
        rc = join_subcubes(&w, base, nparts, extensions, o, err);
        const int made = make_result(&w, result, rc ? NULL : err);
        rc = rc ? rc : made;
    }
    end(&w);
    pcl_claim_drop(lock, fd);
    pcl_free(lock);
    return rc;
}
