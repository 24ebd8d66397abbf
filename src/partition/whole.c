#include "partition/whole.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sysinfo.h"
#include "config/config.h"
#include "imager/target.h"
#include "partition/partfiles.h"
#include "pclean/concat.h"
#include "run/budget.h"
#include "run/workers.h"

/* ---- the whole ---- */

int pcl_whole_open(const pclean_config *config, const pclean_partition_options *options, bool cube,
                   pcl_whole *out, pclean_err *err) {
    *out = (pcl_whole){.nwanted = 1};
    if (options)
        out->options = *options;
    int rc = pclean_config_validate(config, err);
    if (rc)
        return rc;
    if (config->part_channel >= 0)
        return PCL_FAIL(
            err, PCLEAN_EPARAM,
            "part_channel=%d: this configuration is a part already; give that of the whole image",
            config->part_channel);
    if (cube != (config->specmode != PCLEAN_SPECMODE_MFS))
        return PCL_FAIL(
            err, PCLEAN_EPARAM,
            cube ? "specmode=mfs makes one plane, which is partitioned by rows, not by channels"
                 : "a cube is partitioned by channels, not by rows; set specmode=mfs for a "
                   "continuum image");
    if ((rc = pcl_setup_open(config, &out->setup, err)) || out->setup.npointing < 2)
        return rc;
    rc = PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                  "the selected fields have %zu phase centres: parts of such an image, which may "
                  "lack some of them, are not made; image it whole, or one field at a time",
                  out->setup.npointing);
    pcl_setup_close(&out->setup);
    return rc;
}

void pcl_whole_close(pcl_whole *whole) {
    pcl_setup_close(&whole->setup);
}

int pcl_whole_find_wmax(pcl_whole *whole, pclean_err *err) {
    const pcl_setup *s = &whole->setup;
    double(*uvw)[3] = NULL;
    whole->wmax_lambda = 0;
    if (!s->params.gridder->corrects_w)
        return 0;
    int rc = PCL_NEW(&uvw, s->source->nwindow, "largest w", err);
    if (!rc)
        rc = pcl_source_largest_uvw(s->source, uvw, err);
    for (size_t k = 0; !rc && k < s->source->nwindow; k++) {
        const pcl_row_channels row = pcl_window_channels(&s->source->window[k]);
        const double w = pcl_target_wmax(uvw[k][2], row.n, row.freq_hz);
        whole->wmax_lambda = fmax(whole->wmax_lambda, w);
    }
    pcl_free(uvw);
    return rc;
}

void pcl_whole_describe(const pcl_whole *whole, pclean_partition *out) {
    const pcl_setup *s = &whole->setup;
    out->flags_counted = whole->options.balance_visibilities;
    out->nparts_wanted = whole->nwanted;
    out->nchan = s->channels.whole;
    out->first_hz = s->channels.first_hz;
    out->step_hz = s->channels.step_hz;
    out->epoch_s = s->epoch_s;
    out->fracbw = pcl_setup_fracbw(s);
    snprintf(out->frame, sizeof out->frame, "%s",
             s->frame < 0 ? "data" : casa_freq_frame_name(s->frame));
}

/* want [nwindow], bit k: correlation k of the window goes into a plane. */
static int find_wanted(const pcl_setup *s, uint32_t **want, pclean_err *err) {
    int rc = PCL_ZNEW(want, s->source->nwindow, "correlations", err);
    for (size_t k = 0; !rc && k < s->source->nwindow; k++)
        for (size_t p = 0; p < s->stokes.npol; p++) {
            const pcl_stokes_terms *plane = &s->correlations.plane[k * s->stokes.npol + p];
            for (size_t t = 0; t < plane->n; t++)
                (*want)[k] |= 1u << plane->index[t];
        }
    return rc;
}

int pcl_whole_count_samples(const pcl_whole *whole, size_t ims, uint64_t *of_row,
                            uint64_t *const *of_chan, pclean_err *err) {
    const pcl_source *src = whole->setup.source;
    uint32_t *want = NULL;
    int rc = find_wanted(&whole->setup, &want, err);
    rc =
        rc ? rc : casa_ms_count_samples(src->ms[ims], want + src->first[ims], of_row, of_chan, err);
    pcl_free(want);
    return rc;
}

/* ---- a part ---- */

int pcl_whole_set(pclean_config *config, const char *name, pclean_err *err, const char *fmt, ...) {
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    const int n = vasprintf(&text, fmt, args);
    va_end(args);
    if (n < 0)
        return PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for the text of %s", name);
    const int rc = pcl_config_assign(config, NULL, name, (const char *const[]){text}, 1, err);
    free(text);
    return rc;
}

/* What the whole image takes of MS number ims. */
static int copy_selection(const pclean_config *c, size_t ims, pclean_part_ms *out,
                          pclean_err *err) {
    const struct {
        char **to;
        const pclean_strlist *from;
    } texts[] = {{&out->timestr, &c->timerange}, {&out->uvdist, &c->uvrange},
                 {&out->antenna, &c->antenna},   {&out->scan, &c->scan},
                 {&out->obs, &c->observation},   {&out->state, &c->intent}};
    int rc = pcl_strdup(&out->msname, c->vis.item[ims], err);
    rc = rc ? rc : pcl_strdup(&out->field, pcl_config_of_ms(&c->field, ims), err);
    for (size_t i = 0; !rc && i < sizeof texts / sizeof *texts; i++)
        rc = pcl_strdup(texts[i].to, pcl_config_selected(c, texts[i].from, ims), err);
    return rc;
}

int pcl_whole_new_selection(const pcl_setup *setup, pclean_part_ms **out, pclean_err *err) {
    const size_t n = setup->source->nms;
    int rc = PCL_ZNEW(out, n, "part", err);
    for (size_t i = 0; !rc && i < n; i++)
        rc = copy_selection(setup->config, i, &(*out)[i], err);
    return rc;
}

/* The direction to its last bit, unless the config gives it itself. */
static int set_centre(const pcl_setup *s, pclean_config *c, pclean_err *err) {
    if (strchr(c->phasecenter, ' '))
        return 0;
    return pcl_whole_set(c, "phasecenter", err, "%s %.17grad %.17grad",
                         casa_direction_frame_name(s->centre.frame), s->centre.lon_rad,
                         s->centre.lat_rad);
}

/* The configuration of a part before its rows or channels are chosen. */
static int inherit(const pcl_whole *whole, const char *name, pclean_config **config,
                   pclean_err *err) {
    const pcl_setup *s = &whole->setup;
    int rc = pclean_config_copy(s->config, config, err);
    pclean_config *c = *config;
    if (rc || (rc = pcl_whole_set(c, "imagename", err, "%s", name)) ||
        (rc = set_centre(s, c, err)) || (rc = pcl_partfiles_set_density(s->config, NULL, c, err)))
        return rc;
    c->keep_subcubes = false; /* what becomes of sub-cubes concerns the whole image */
    c->concat_mode = PCLEAN_CONCAT_AUTO;
    c->cube_chunksize = -1;
    c->part_channel = 0;
    c->part_nchan = (int)s->channels.whole;
    c->part_start_hz = s->channels.first_hz;
    c->part_width_hz = s->channels.step_hz;
    c->part_epoch_s = s->epoch_s;
    c->part_samples = s->samples_per_plane;
    c->part_wmax_lambda = whole->wmax_lambda;
    return s->restfreq_hz > 0 ? pcl_whole_set(c, "restfreq", err, "%.17gHz", s->restfreq_hz) : 0;
}

int pcl_whole_add_part(const pcl_whole *whole, const char *kind, pclean_partition *out,
                       pclean_part **part, pclean_err *err) {
    const pcl_setup *s = &whole->setup;
    pclean_part *p = *part = &out->part[out->nparts];
    *p = (pclean_part){.index = out->nparts};
    out->nparts++;
    int rc = pcl_asprintf(&p->name, err, "%s.%s.%zu", s->config->imagename, kind, p->index);
    if (!rc && !(rc = pcl_whole_new_selection(s, &p->ms, err)))
        p->nms = s->source->nms;
    return rc ? rc : inherit(whole, p->name, &p->config, err);
}

/* spw and taql of each MS into the config. */
static int set_selection(pclean_part *p, pclean_err *err) {
    const char **spw = NULL, **taql = NULL;
    int rc;
    if ((rc = PCL_NEW(&spw, p->nms, "selection", err)) ||
        (rc = PCL_NEW(&taql, p->nms, "selection", err)))
        goto done;
    for (size_t i = 0; i < p->nms; i++) {
        spw[i] = p->ms[i].spw;
        taql[i] = p->ms[i].taql;
    }
    if (!(rc = pcl_config_assign(p->config, NULL, "spw", spw, p->nms, err)))
        rc = pcl_config_assign(p->config, NULL, "taql", taql, p->nms, err);
done:
    pcl_free(taql);
    pcl_free(spw);
    return rc;
}

/* Memory of a part's run. This machine's limits say nothing about the one where it will run. */
static int plan_memory(const pcl_setup *s, const pclean_config *c, double row_fraction, double *gib,
                       pclean_err *err) {
    pcl_setup part = *s;
    pcl_sysinfo limits;
    pcl_workers workers;
    pcl_budget budget;
    part.config = c;
    part.part = true;
    pcl_sysinfo_read("", &limits);
    limits.memory_bytes = limits.process_bytes = UINT64_MAX;
    const pcl_workers_request q = {.nworkers = c->nworkers,
                                   .threads = c->threads,
                                   .ncore = (size_t)limits.cores,
                                   .nplane = s->channels.nchan * s->stokes.npol,
                                   .nfit = SIZE_MAX};
    pcl_workers_choose(&q, &workers);
    int rc = pcl_budget_make(&part, &limits, workers.nworker, workers.nthread,
                             *c->scratch ? PCL_MEMORY_FILE_ALWAYS : PCL_MEMORY_FILE_IF_NEEDED,
                             &budget, err);
    *gib = rc ? 0 : (double)pcl_budget_of_rows(&budget, row_fraction) / (1024.0 * 1024.0 * 1024.0);
    return rc;
}

int pcl_whole_finish_part(const pcl_whole *whole, double row_fraction, pclean_part *part,
                          pclean_err *err) {
    const int rc = set_selection(part, err);
    return rc ? rc
              : plan_memory(&whole->setup, part->config, row_fraction, &part->estimated_gib, err);
}
