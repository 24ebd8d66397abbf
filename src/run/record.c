#include "run/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
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
#include "image/unrestored.h"
#include "imager/params.h"
#include "pclean.h"
#include "json/tables.h"

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

/* ---- what is recorded ---- */

static void now_text(char *buf, size_t size) {
    const time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static int no_memory(pclean_err *err) {
    return PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for the run record");
}

int pcl_record_begin(const pclean_config *config, pclean_result *r, pclean_err *err) {
    snprintf(r->version, sizeof r->version, "%s", PCLEAN_VERSION);
    now_text(r->started, sizeof r->started);
    return pclean_config_dump_json(config, &r->config, err);
}

static int list_ms(const pcl_setup *setup, pclean_result *r, pclean_err *err) {
    if (!(r->ms = calloc(setup->nms, sizeof *r->ms)))
        return no_memory(err);
    for (size_t i = 0; i < setup->nms; i++) {
        const pcl_setup_ms *ms = &setup->ms[i];
        pclean_result_ms *out = &r->ms[r->nms++];
        *out = (pclean_result_ms){.path = strdup(ms->path),
                                  .column = strdup(ms->datacolumn),
                                  .rows = ms->nrow,
                                  .autocorrelations_left_out = ms->nrow_auto,
                                  .telescope = strdup(ms->telescope)};
        if (!out->path || !out->column || !out->telescope)
            return no_memory(err);
    }
    return 0;
}

static int list_stokes(const pcl_setup *setup, pclean_result *r, pclean_err *err) {
    if (!(r->stokes = calloc(setup->stokes.npol, sizeof *r->stokes)))
        return no_memory(err);
    for (size_t p = 0; p < setup->stokes.npol; p++) {
        const pcl_correlations_rows *rows = &setup->correlations.rows[p];
        pclean_result_stokes *out = &r->stokes[r->nstokes++];
        *out = (pclean_result_stokes){.plane = strdup(pcl_stokes_name(setup->stokes.code[p])),
                                      .rows = rows->nrow,
                                      .rows_left_out = rows->nleft,
                                      .left_out_hold = strdup(rows->left)};
        if (!out->plane || !out->left_out_hold)
            return no_memory(err);
    }
    return 0;
}

static int list_effects(const pclean_config *config, pclean_result *r, pclean_err *err) {
    struct pcl_texts notes;
    int rc = pcl_effect_notes(config, &notes, err);
    if (!rc && !(r->without_effect = calloc(notes.n + 1, sizeof *r->without_effect)))
        rc = no_memory(err);
    for (size_t i = 0; !rc && i < notes.n; i++)
        if (!(r->without_effect[i] = strdup(notes.item[i])))
            rc = no_memory(err);
    pcl_texts_clear(&notes);
    return rc;
}

int pcl_record_finish(const pcl_setup *setup, pclean_result *r, pclean_err *err) {
    snprintf(r->casacore_version, sizeof r->casacore_version, "%s", casa_version());
    now_text(r->finished, sizeof r->finished);
    r->first_hz = setup->desc.crval_hz;
    r->step_hz = setup->channels.step_hz;
    r->restfreq_hz = setup->restfreq_hz;
    snprintf(r->restfreq_from, sizeof r->restfreq_from, "%s", pcl_setup_restfreq_from(setup));
    int rc;
    if ((rc = list_ms(setup, r, err)) || (rc = list_stokes(setup, r, err)))
        return rc;
    return list_effects(setup->config, r, err);
}

/* ---- writing ---- */

int pcl_record_write(const pclean_config *config, const pclean_result *r, pclean_err *err) {
    char *text = NULL, path[4096];
    int rc = pcl_json_text(&pcl_json_record, r, &text, err);
    if (rc)
        return rc;
    pcl_record_path(config, path, sizeof path);
    rc = pcl_fs_write_text(path, text, strlen(text), err);
    free(text);
    return rc;
}

int pcl_record_history(const pclean_config *config, char ***lines, size_t *n, pclean_err *err) {
    *lines = NULL;
    *n = 0;
    json_t *root; /* not read from text: without memory jansson's reader drops characters */
    int rc = pcl_config_json(config, &root, err);
    if (rc)
        return rc;
    if ((rc = PCL_ZNEW(lines, pclean_config_count() + 3, "history", err)))
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
        rc = shown ? pcl_asprintf(&(*lines)[*n], err, "%-22s= %s", key, shown)
                   : PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for the history");
        *n += !rc;
        free(shown);
    }
    if (!rc && pcl_params_restores_later(config))
        rc = pcl_strdup(&(*lines)[(*n)++], config->pbcor ? PCL_UNRESTORED_PBCOR : PCL_UNRESTORED,
                        err);
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
