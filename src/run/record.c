#include "run/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "base/mem.h"
#include "config/effect.h"
#include "config/value.h"
#include "pclean.h"

void pcl_record_path(const pclean_config *config, char *buf, size_t size) {
    snprintf(buf, size, "%s.run.json", config->imagename);
}

/* ---- records that are there already ---- */

/* The beginning of every record, as pcl_record_write makes it. of_killed: it may be cut off. */
static bool is_record(const char *path, bool of_killed) {
    static const char head[] = "{\n \"pclean\": \"", then[] = "\",\n \"casacore\": \"";
    char text[64] = "";
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    const ssize_t n = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)
                          ? pread(fd, text, sizeof text - 1, 0)
                          : -1;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return false;
    const size_t length = (size_t)n, first = sizeof head - 1;
    if (of_killed && length <= first)
        return strncmp(text, head, length) == 0;
    const char *end = strncmp(text, head, first) == 0 ? strchr(text + first, '"') : NULL;
    return end ? strncmp(end, then, sizeof then - 1) == 0
               : of_killed && strncmp(text, head, first) == 0;
}

int pcl_record_check(const pclean_config *config, pclean_err *err) {
    char path[4096], aside[4112];
    pcl_record_path(config, path, sizeof path);
    snprintf(aside, sizeof aside, "%s.aside", path);
    for (const char *p = path; p; p = p == path ? aside : NULL)
        if (pcl_fs_exists(p) && !is_record(p, false))
            return PCL_FAIL(err, PCLEAN_EEXIST,
                            "%s is not the record of a run and is not replaced; move it, or choose "
                            "another imagename",
                            p);
    return 0;
}

bool pcl_record_is_aside(const pclean_config *config) {
    char path[4096], aside[4112];
    pcl_record_path(config, path, sizeof path);
    snprintf(aside, sizeof aside, "%s.aside", path);
    return is_record(aside, false);
}

/* NAME.run.json.tmp.PID */
void pcl_record_tidy(const pclean_config *config) {
    char path[4096], *folder = NULL;
    const char *name;
    pcl_record_path(config, path, sizeof path);
    DIR *stream = pcl_fs_split(path, &folder, &name, NULL) == 0 ? opendir(folder) : NULL;
    for (struct dirent *e; stream && (e = readdir(stream)) != NULL;) {
        char temporary[4400], *end;
        const size_t n = strlen(name);
        if (strncmp(e->d_name, name, n) != 0 || strncmp(e->d_name + n, ".tmp.", 5) != 0)
            continue;
        const long pid = strtol(e->d_name + n + 5, &end, 10);
        snprintf(temporary, sizeof temporary, "%s/%s", folder, e->d_name);
        if (pid > 0 && !*end && kill((pid_t)pid, 0) != 0 && errno == ESRCH &&
            is_record(temporary, true))
            (void)unlink(temporary);
    }
    if (stream)
        closedir(stream);
    pcl_free(folder);
}

/* ---- writing ---- */

static json_t *number(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *strings(char *const *list) {
    json_t *a = json_array();
    for (; list && *list; list++)
        json_array_append_new(a, json_string(*list));
    return a;
}

static json_t *plane_record(const pclean_plane *p) {
    const double arcsec = 180 * 3600 / M_PI;
    return json_pack(
        "{s:I s:I s:o s:I s:o s:{s:o s:o s:o} s:o s:o s:o s:o s:o s:i s:i s:i s:s s:o}", "chan",
        (json_int_t)p->chan, "pol", (json_int_t)p->pol, "freq_hz", number(p->freq_hz), "nvis",
        (json_int_t)p->nvis, "sumwt", number(p->sumwt), "beam", "major_arcsec",
        number(p->beam_major_rad * arcsec), "minor_arcsec", number(p->beam_minor_rad * arcsec),
        "pa_deg", number(p->beam_pa_rad * 180 / M_PI), "psf_sidelobe", number(p->psf_sidelobe),
        "peak_dirty", number(p->peak_dirty), "peak_residual", number(p->peak_residual),
        "rms_residual", number(p->rms_residual), "model_flux", number(p->model_flux), "niter",
        p->niter, "nmajor", p->nmajor, "stopcode", p->stop, "stop", pclean_stop_text(p->stop),
        "seconds", number(p->seconds));
}

static json_t *ms_record(const pcl_setup *setup) {
    json_t *list = json_array();
    for (size_t i = 0; i < setup->nms; i++) {
        const pcl_setup_ms *ms = &setup->ms[i];
        json_array_append_new(
            list, json_pack("{s:s s:s s:I s:I s:s}", "path", ms->path, "column", ms->datacolumn,
                            "rows", (json_int_t)ms->nrow, "autocorrelations_left_out",
                            (json_int_t)ms->nrow_auto, "telescope", ms->telescope));
    }
    return list;
}

static json_t *effects_record(const pclean_config *config) {
    struct pcl_texts notes;
    json_t *list = pcl_effect_notes(config, &notes, NULL) ? NULL : json_array();
    for (size_t i = 0; i < notes.n; i++)
        json_array_append_new(list, json_string(notes.item[i]));
    pcl_texts_clear(&notes);
    return list;
}

static json_t *stokes_record(const pcl_setup *setup) {
    json_t *list = json_array();
    for (size_t p = 0; p < setup->stokes.npol; p++) {
        const pcl_correlations_rows *g = &setup->correlations.rows[p];
        json_array_append_new(list, json_pack("{s:s s:I s:I s:s}", "plane",
                                              pcl_stokes_name(setup->stokes.code[p]), "rows",
                                              (json_int_t)g->nrow, "rows_left_out",
                                              (json_int_t)g->nleft, "left_out_hold", g->left));
    }
    return list;
}

static void now_text(char *buf, size_t size) {
    const time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

int pcl_record_write(const pcl_setup *setup, const pclean_result *r, const char *started,
                     pclean_err *err) {
    char *config_text = NULL, finished[32], path[4096];
    int rc = pclean_config_dump_json(setup->config, &config_text, err);
    if (rc)
        return rc;
    now_text(finished, sizeof finished);
    json_t *planes = json_array(), *stages = json_object();
    for (size_t i = 0; i < r->nchan * r->npol; i++)
        json_array_append_new(planes, plane_record(&r->plane[i]));
    for (size_t i = 0; i < r->nstage; i++)
        json_object_set_new(stages, r->stage[i].name, number(r->stage[i].seconds));
    json_t *config = json_loads(config_text, 0, NULL);
    free(config_text);
    json_t *record = json_pack(
        "{s:s s:s s:s s:s s:o s:o s:{s:I s:I s:o s:o s:o s:s s:I} s:o s:i s:s s:o s:o s:{s:I s:I "
        "s:I s:I} s:I s:I s:I s:{s:I s:I s:I s:o s:s s:s} s:{s:i s:i} s:o s:o s:o}",
        "pclean", PCLEAN_VERSION, "casacore", casa_version(), "started", started, "finished",
        finished, "config", config, "ms", ms_record(setup), "cube", "nchan", (json_int_t)r->nchan,
        "npol", (json_int_t)r->npol, "first_hz", number(setup->desc.crval_hz), "step_hz",
        number(setup->channels.step_hz), "restfreq_hz", number(setup->restfreq_hz), "restfreq_from",
        pcl_setup_restfreq_from(setup), "subcubes", (json_int_t)r->nsubcube, "stokes",
        stokes_record(setup), "stopcode", r->stop, "stop", pclean_stop_text(r->stop), "planes",
        planes, "stages_s", stages, "samples", "used", (json_int_t)r->nvis_used, "flagged",
        (json_int_t)r->nvis_flagged, "not_finite", (json_int_t)r->nvis_nonfinite, "absurd",
        (json_int_t)r->nvis_absurd, "ms_bytes_read", (json_int_t)r->ms_bytes_read,
        "ms_column_bytes", (json_int_t)r->ms_column_bytes, "peak_memory_bytes",
        (json_int_t)r->peak_memory_bytes, "memory", "plan_bytes", (json_int_t)r->plan_memory_bytes,
        "plan_mapped_bytes", (json_int_t)r->plan_mapped_bytes, "measured_bytes",
        (json_int_t)r->peak_memory_bytes, "limit_bytes",
        r->limit_memory_bytes < INT64_MAX ? json_integer((json_int_t)r->limit_memory_bytes)
                                          : json_null(),
        "limit_from", r->limit_memory_from, "visibilities",
        r->store_in_file ? "scratch file" : "memory", "workers", "processes", r->nworkers,
        "threads", r->nthreads, "seconds", number(r->seconds), "cpu_seconds",
        number(r->cpu_seconds), "warnings", strings(r->warning));
    if (record &&
        json_object_set_new(record, "without_effect", effects_record(setup->config)) != 0) {
        json_decref(record);
        record = NULL;
    }
    char *text = record ? json_dumps(record, JSON_INDENT(1)) : NULL;
    json_decref(record);
    if (!text)
        return PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for the run record");
    pcl_record_path(setup->config, path, sizeof path);
    rc = pcl_fs_write_text(path, text, strlen(text), err);
    free(text);
    return rc;
}

int pcl_record_history(const pclean_config *config, char ***lines, size_t *n, pclean_err *err) {
    *lines = NULL;
    *n = 0;
    char *text = NULL;
    int rc = pclean_config_dump_json(config, &text, err);
    if (rc)
        return rc;
    json_t *root = json_loads(text, 0, NULL);
    free(text);
    if ((rc = PCL_ZNEW(lines, pclean_config_count() + 2, "history", err)))
        goto done;
    rc = pcl_asprintf(&(*lines)[(*n)++], err, "taskname=pclean image");
    if (!rc)
        rc = pcl_asprintf(&(*lines)[(*n)++], err, "version: pclean " PCLEAN_VERSION " casacore %s",
                          casa_version());
    const char *group, *key;
    json_t *members, *value;
    json_object_foreach(root, group, members) json_object_foreach(members, key, value) {
        if (rc || *n >= pclean_config_count() + 2)
            break;
        char *shown = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        rc = pcl_asprintf(&(*lines)[*n], err, "%-22s= %s", key, shown ? shown : "?");
        *n += !rc;
        free(shown);
    }
done:
    json_decref(root);
    if (rc) {
        pcl_record_free_lines(*lines, *n);
        *lines = NULL;
        *n = 0;
    }
    return rc;
}

void pcl_record_free_lines(char **lines, size_t n) {
    for (size_t i = 0; lines && i < n; i++)
        pcl_free(lines[i]);
    pcl_free(lines);
}
