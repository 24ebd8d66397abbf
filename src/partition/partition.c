/* partition.c: a configuration and its MeasurementSets -> parts (pclean/partition.h).
 * plan/partition.h has the arithmetic, setup.h what an image is; here they meet. From the top: what
 * every part inherits, rows, channels, files, CASA's calls. */
#include "pclean/partition.h"

#include <errno.h>
#include <math.h>
#include <omp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fsutil.h"
#include "base/mem.h"
#include "base/sysinfo.h"
#include "config/config.h"
#include "imager/setup.h"
#include "imager/target.h"
#include "imager/weighing.h"
#include "partition/partfiles.h"
#include "plan/cut.h"
#include "run/budget.h"
#include "run/workers.h"

enum { MOST_PARTS = 100000 };

/* ---- the structs ---- */

void pclean_part_ms_free(pclean_part_ms *ms, size_t n) {
    if (!ms)
        return;
    for (size_t i = 0; ms && i < n; i++) {
        pcl_free(ms[i].msname);
        pcl_free(ms[i].spw);
        pcl_free(ms[i].taql);
    }
    pcl_free(ms);
}

static void clear_part(pclean_part *p) {
    pclean_part_ms_free(p->ms, p->nms);
    pclean_config_clear(&p->config);
    pcl_free(p->name);
    pcl_free(p->file);
    pcl_free(p->start);
    pcl_free(p->width);
}

void pclean_partition_clear(pclean_partition *partition) {
    if (!partition)
        return;
    for (size_t k = 0; k < partition->nparts; k++)
        clear_part(&partition->part[k]);
    pcl_free(partition->part);
    *partition = (pclean_partition){0};
}

static int check_nparts(int nparts, pclean_err *err) {
    if (nparts < 1)
        return PCL_FAIL(err, PCLEAN_EPARAM, "%d parts were asked for: at least 1", nparts);
    if (nparts > MOST_PARTS)
        return PCL_FAIL(err, PCLEAN_EPARAM, "%d parts were asked for: at most %d", nparts,
                        MOST_PARTS);
    return 0;
}

size_t pclean_partition_nparts(const pclean_config *config, size_t nchan, size_t nparts) {
    const size_t chunk = config && config->cube_chunksize > 0 ? (size_t)config->cube_chunksize : 0;
    return chunk ? nchan / chunk + (nchan % chunk > 0) : nparts;
}

/* ---- what every part inherits ---- */

static int set(pclean_config *c, const char *name, pclean_err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static int set(pclean_config *c, const char *name, pclean_err *err, const char *fmt, ...) {
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return pcl_config_assign(c, NULL, name, (const char *const[]){text}, 1, err);
}

static int set_text(pclean_config *c, const char *name, const char *text, pclean_err *err) {
    return pcl_config_assign(c, NULL, name, &text, 1, err);
}

/* The direction to its last bit, unless the config gives it itself. */
static int set_centre(pclean_config *c, const pcl_setup *s, pclean_err *err) {
    if (strchr(c->phasecenter, ' '))
        return 0;
    return set(c, "phasecenter", err, "%s %.17grad %.17grad",
               casa_direction_frame_name(s->centre.frame), s->centre.lon_rad, s->centre.lat_rad);
}

/* Where the density of the whole selection is, or will be. */
static int density_path(const pclean_config *whole, const char *folder, char **path,
                        pclean_err *err) {
    const char *slash = strrchr(whole->imagename, '/');
    return folder ? pcl_asprintf(path, err, "%s/%s.density", folder,
                                 slash ? slash + 1 : whole->imagename)
                  : pcl_asprintf(path, err, "%s.density", whole->imagename);
}

static int set_density(pclean_config *c, const pclean_config *whole, const char *folder,
                       pclean_err *err) {
    char *path = NULL;
    int rc = pcl_params_common_density(whole) ? density_path(whole, folder, &path, err) : 0;
    if (!rc && path)
        rc = set_text(c, "part_density", path, err);
    pcl_free(path);
    return rc;
}

/* Largest |w|, wavelengths, of all data in the channels that are read; 0 where nobody asks. */
static int find_wmax(const pcl_setup *s, double *wmax, pclean_err *err) {
    double(*uvw)[3] = NULL;
    *wmax = 0;
    if (!s->params.gridder->corrects_w)
        return 0;
    int rc = PCL_NEW(&uvw, s->source->nwindow, "largest w", err);
    if (!rc)
        rc = pcl_source_largest_uvw(s->source, uvw, err);
    for (size_t k = 0; !rc && k < s->source->nwindow; k++) {
        const pcl_row_channels row = pcl_window_channels(&s->source->window[k]);
        *wmax = fmax(*wmax, pcl_target_wmax(uvw[k][2], row.n, row.freq_hz));
    }
    pcl_free(uvw);
    return rc;
}

/* The config of a part before its rows or channels are chosen. */
static int inherit(const pcl_setup *s, double wmax, const char *name, pclean_config *c,
                   pclean_err *err) {
    int rc;
    if ((rc = pcl_config_copy(c, s->config, err)) || (rc = set_text(c, "imagename", name, err)) ||
        (rc = set_centre(c, s, err)) || (rc = set_density(c, s->config, NULL, err)))
        return rc;
    c->keep_subcubes = false; /* of the whole image, not of its parts */
    c->concat_mode = PCLEAN_CONCAT_AUTO;
    c->cube_chunksize = -1;
    c->part_channel = 0;
    c->part_nchan = (int)s->channels.whole;
    c->part_start_hz = s->channels.first_hz;
    c->part_width_hz = s->channels.step_hz;
    c->part_epoch_s = s->epoch_s;
    c->part_samples = s->samples_per_plane;
    c->part_wmax_lambda = wmax;
    return s->restfreq_hz > 0 ? set(c, "restfreq", err, "%.17gHz", s->restfreq_hz) : 0;
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
    if (!(rc = pcl_config_assign(&p->config, NULL, "spw", spw, p->nms, err)))
        rc = pcl_config_assign(&p->config, NULL, "taql", taql, p->nms, err);
done:
    pcl_free(taql);
    pcl_free(spw);
    return rc;
}

/* Memory of a part's run. The machine's own limits say nothing about the one where it will run. */
static int plan_memory(pcl_setup *s, const pclean_config *c, double row_fraction, double *gib,
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

static int new_part_ms(const pcl_setup *s, pclean_part_ms **out, pclean_err *err) {
    const size_t n = s->source->nms;
    int rc = PCL_ZNEW(out, n, "part", err);
    for (size_t i = 0; !rc && i < n; i++)
        rc = pcl_strdup(&(*out)[i].msname, s->config->vis.item[i], err);
    return rc;
}

/* Appends a part with the inherited config. */
static int add_part(const pcl_setup *s, double wmax, const char *kind, pclean_partition *out,
                    pclean_part **part, pclean_err *err) {
    pclean_part *p = *part = &out->part[out->nparts];
    *p = (pclean_part){.index = out->nparts, .nms = 0};
    out->nparts++;
    int rc = pcl_asprintf(&p->name, err, "%s.%s.%zu", s->config->imagename, kind, p->index);
    if (!rc && !(rc = new_part_ms(s, &p->ms, err)))
        p->nms = s->source->nms;
    return rc ? rc : inherit(s, wmax, p->name, &p->config, err);
}

static void describe_whole(const pcl_setup *s, size_t wanted, pclean_partition *out) {
    const double first = s->channels.first_hz,
                 last = first + (double)(s->channels.whole - 1) * s->channels.step_hz;
    out->nparts_wanted = wanted;
    out->nchan = s->channels.whole;
    out->first_hz = first;
    out->step_hz = s->channels.step_hz;
    out->epoch_s = s->epoch_s;
    out->fracbw = 2 * fabs(last - first) / (last + first);
    out->frame = s->frame < 0 ? "data" : casa_freq_frame_name(s->frame);
}

/* Checks what both kinds need and opens the MSs. */
static int open_whole(const pclean_config *config, bool cube, pcl_setup *s, pclean_err *err) {
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
    return pcl_setup_open(config, s, err);
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

/* ---- rows: continuum ---- */

/* How one MS is cut. */
typedef struct slices {
    size_t n, nrow, nbin;
    size_t *cut;        /* [n + 1] of rows, or of bins when the rows are not in order of time */
    uint64_t *weight;   /* of each row, then of each bin: what is balanced; NULL: CASA's ranges */
    double *time;       /* [nrow], then [nbin] distinct; NULL: not aligned */
    size_t *first_row;  /* [nbin + 1] of each distinct time; rows in order only */
    uint64_t *bin_rows; /* [nbin] */
    bool in_order;
    uint64_t *rows, *nvis; /* [n] */
} slices;

static void clear_slices(slices *s) {
    pcl_free(s->cut);
    pcl_free(s->weight);
    pcl_free(s->time);
    pcl_free(s->first_row);
    pcl_free(s->bin_rows);
    pcl_free(s->rows);
    pcl_free(s->nvis);
    *s = (slices){0};
}

static int weigh_rows(const pcl_setup *setup, size_t ims, slices *s, pclean_err *err) {
    uint32_t *want = NULL;
    int rc = find_wanted(setup, &want, err);
    if (!rc && !(rc = PCL_NEW(&s->weight, s->nrow, "samples of each row", err)))
        rc = casa_ms_count_samples(setup->source->ms[ims], want + setup->source->first[ims],
                                   s->weight, NULL, err);
    pcl_free(want);
    return rc;
}

typedef struct timed {
    double time;
    uint64_t weight;
} timed;
static int by_time(const void *a, const void *b) {
    const timed *x = a, *y = b;
    return (x->time > y->time) - (x->time < y->time);
}

/* Rows that are not in order of time are sorted with their weights. */
static int sort_rows(slices *s, pclean_err *err) {
    timed *list = NULL;
    int rc = PCL_NEW(&list, s->nrow, "times", err);
    if (rc)
        return rc;
    for (size_t i = 0; i < s->nrow; i++)
        list[i] = (timed){s->time[i], s->weight ? s->weight[i] : 1};
    qsort(list, s->nrow, sizeof *list, by_time);
    for (size_t i = 0; i < s->nrow; i++) {
        s->time[i] = list[i].time;
        if (s->weight)
            s->weight[i] = list[i].weight;
    }
    pcl_free(list);
    return 0;
}

/* Rows -> bins of one time each: time, weight and rows of each. */
static int bin_rows(const pcl_setup *setup, size_t ims, slices *s, pclean_err *err) {
    int rc;
    if ((rc = PCL_NEW(&s->time, s->nrow, "times", err)) ||
        (rc = PCL_NEW(&s->first_row, s->nrow + 1, "times", err)) ||
        (rc = PCL_NEW(&s->bin_rows, s->nrow, "times", err)) ||
        (rc = casa_ms_read_times(setup->source->ms[ims], s->time, err)))
        return rc;
    s->in_order = true;
    for (size_t i = 1; i < s->nrow; i++)
        s->in_order = s->in_order && s->time[i] >= s->time[i - 1];
    if (!s->in_order && (rc = sort_rows(s, err)))
        return rc;
    for (size_t i = 0; i < s->nrow; i++) {
        const uint64_t weight = s->weight ? s->weight[i] : 1;
        if (i == 0 || s->time[i] > s->time[s->nbin - 1]) {
            s->time[s->nbin] = s->time[i];
            s->first_row[s->nbin] = i;
            s->bin_rows[s->nbin] = 0;
            if (s->weight)
                s->weight[s->nbin] = 0;
            s->nbin++;
        }
        s->bin_rows[s->nbin - 1]++;
        if (s->weight)
            s->weight[s->nbin - 1] += weight;
    }
    s->first_row[s->nbin] = s->nrow;
    return 0;
}

static uint64_t sum_of(const uint64_t *x, size_t from, size_t to) {
    uint64_t sum = 0;
    for (size_t i = from; i < to; i++)
        sum += x[i];
    return sum;
}

/* Rows and samples of each slice. Weighed slices know their samples; for others every selected
 * channel counts. */
static int count_slices(const pcl_setup *setup, size_t ims, slices *s, pclean_err *err) {
    const casa_ms_info *info = setup->source->info[ims];
    const bool by_bins = s->time && !s->in_order;
    size_t *nrow = NULL;
    double *last = NULL;
    int rc;
    if ((rc = PCL_ZNEW(&nrow, s->n * (info->ndd + 1), "rows of the parts", err)) ||
        (rc = PCL_NEW(&last, s->n, "times", err)))
        goto done;
    for (size_t k = 0; k < s->n; k++) {
        s->rows[k] =
            by_bins ? sum_of(s->bin_rows, s->cut[k], s->cut[k + 1]) : s->cut[k + 1] - s->cut[k];
        last[k] = by_bins && s->cut[k + 1] > 0 ? s->time[s->cut[k + 1] - 1] : -INFINITY;
    }
    if (!s->weight && s->nrow)
        rc = casa_ms_count_rows(setup->source->ms[ims], s->n, s->cut, by_bins ? last : NULL, nrow,
                                err);
    for (size_t k = 0; !rc && !s->weight && k < s->n; k++)
        for (size_t d = 0; d < info->ndd; d++)
            s->nvis[k] += (uint64_t)nrow[k * info->ndd + d] * info->dd[d].nchansel;
done:
    pcl_free(last);
    pcl_free(nrow);
    return rc;
}

static int cut_ms(const pcl_setup *setup, size_t ims, const pclean_partition_options *o,
                  size_t npart, slices *s, pclean_err *err) {
    *s = (slices){.n = npart, .nrow = casa_ms_selected(setup->source->ms[ims], NULL)};
    int rc;
    if ((rc = PCL_ZNEW(&s->cut, npart + 1, "row ranges", err)) ||
        (rc = PCL_ZNEW(&s->rows, npart, "row ranges", err)) ||
        (rc = PCL_ZNEW(&s->nvis, npart, "row ranges", err)) || s->nrow == 0)
        return rc;
    if ((o->balance_visibilities && (rc = weigh_rows(setup, ims, s, err))) ||
        (o->align_integration && (rc = bin_rows(setup, ims, s, err))))
        return rc;
    if (s->time || s->weight) {
        pcl_cut_weights(s->time ? s->nbin : s->nrow, s->weight ? s->weight : s->bin_rows, npart,
                        s->cut);
        for (size_t k = 0; s->weight && k < npart; k++)
            s->nvis[k] = sum_of(s->weight, s->cut[k], s->cut[k + 1]);
        for (size_t k = 0; s->time && s->in_order && k <= npart; k++)
            s->cut[k] = s->first_row[s->cut[k]];
    } else {
        pcl_cut_rows(s->nrow, npart, s->cut);
    }
    return count_slices(setup, ims, s, err);
}

static int row_range_text(const casa_ms *ms, const char *condition, size_t from, size_t to,
                          char **text, pclean_err *err) {
    char range[96];
    snprintf(range, sizeof range, "ROWNUMBER() >= %llu && ROWNUMBER() <= %llu",
             (unsigned long long)casa_ms_row_number(ms, from) + 1,
             (unsigned long long)casa_ms_row_number(ms, to - 1) + 1);
    return pcl_cut_and(condition, range, text, err);
}

static int take_slice(const pcl_setup *setup, size_t ims, const slices *s, size_t k,
                      pclean_part_ms *out, pclean_err *err) {
    const casa_ms_selection sel = pcl_setup_selection(setup->config, ims);
    char range[96];
    out->rows = s->rows[k];
    int rc = pcl_strdup(&out->spw, out->rows ? sel.spw : "-1", err);
    if (rc || !out->rows)
        return rc ? rc : pcl_strdup(&out->taql, "", err);
    if (!s->time || s->in_order)
        return row_range_text(setup->source->ms[ims], sel.taql, s->cut[k], s->cut[k + 1],
                              &out->taql, err);
    snprintf(range, sizeof range, "TIME >= %.17g && TIME <= %.17g", s->time[s->cut[k]],
             s->time[s->cut[k + 1] - 1]);
    return pcl_cut_and(sel.taql, range, &out->taql, err);
}

/* Part k of every MS; *part NULL when none has rows. */
static int add_row_part(pcl_setup *s, const slices *slice, size_t k, uint64_t whole_rows,
                        pclean_partition *out, pclean_err *err) {
    const size_t nms = s->source->nms;
    uint64_t rows = 0;
    for (size_t i = 0; i < nms; i++)
        rows += slice[i].rows[k];
    if (rows == 0)
        return 0;
    pclean_part *p;
    int rc = add_part(s, 0, "part", out, &p, err);
    p->rows = rows;
    p->nchan = 1;
    p->freq_start_hz = s->channels.first_hz - 0.5 * s->channels.step_hz;
    p->freq_end_hz = s->channels.first_hz + 0.5 * s->channels.step_hz;
    for (size_t i = 0; !rc && i < nms; i++) {
        rc = take_slice(s, i, &slice[i], k, &p->ms[i], err);
        p->nvis += slice[i].nvis[k];
    }
    if (!rc && !(rc = set_selection(p, err)))
        rc = plan_memory(s, &p->config, (double)rows / (double)whole_rows, &p->estimated_gib, err);
    return rc;
}

/* The band over all times, as the whole image's run finds it when it reads. */
static int widen_band(pcl_setup *s, pclean_err *err) {
    double least = 1, most = 1, *factor = NULL;
    int rc = 0;
    for (size_t k = 0; !rc && k < s->source->nwindow; k++) {
        const pcl_window *w = &s->source->window[k];
        const double *time_s;
        if (w->from == w->to)
            continue;
        const size_t n = casa_ms_times(s->source->ms[w->ims], w->idd, &time_s);
        if (!(rc = PCL_NEW(&factor, n, "Doppler factors", err)) &&
            !(rc = pcl_source_doppler(s->source, w, n, time_s, factor, err)))
            pcl_source_widen(w, n, factor, &least, &most);
        pcl_free(factor);
        factor = NULL;
    }
    return rc ? rc : pcl_setup_widen(s, least, most, err);
}

static int cut_rows(pcl_setup *s, const pclean_partition_options *o, size_t wanted,
                    pclean_partition *out, pclean_err *err) {
    const size_t nms = s->source->nms;
    size_t most = 0, covered = 0, whole = 0;
    slices *slice = NULL;
    for (size_t i = 0; i < nms; i++) {
        const size_t n = casa_ms_selected(s->source->ms[i], NULL);
        most = n > most ? n : most;
        whole += n;
    }
    /* more parts than rows are as one more: a row each */
    const size_t npart = wanted <= most ? wanted : most + 1;
    int rc = PCL_ZNEW(&slice, nms, "row ranges", err);
    for (size_t i = 0; !rc && i < nms; i++)
        rc = cut_ms(s, i, o, npart, &slice[i], err);
    if (!rc)
        rc = PCL_ZNEW(&out->part, npart, "list of parts", err);
    for (size_t k = 0; !rc && k < npart; k++)
        rc = add_row_part(s, slice, k, whole, out, err);
    for (size_t k = 0; k < out->nparts; k++)
        covered += out->part[k].rows;
    if (!rc && covered != whole)
        rc = PCL_FAIL(err, PCLEAN_EBUG, "the parts have %zu rows together, the selection has %zu",
                      covered, whole);
    for (size_t i = 0; slice && i < nms; i++)
        clear_slices(&slice[i]);
    pcl_free(slice);
    return rc;
}

static const pclean_partition_options no_options;

int pclean_partition_continuum(const pclean_config *config, int nparts,
                               const pclean_partition_options *options, pclean_partition *out,
                               pclean_err *err) {
    PCL_REQUIRE(err, config);
    PCL_REQUIRE(err, out);
    *out = (pclean_partition){0};
    const pclean_partition_options *o = options ? options : &no_options;
    pcl_setup s = {0};
    int rc;
    if (!(rc = check_nparts(nparts, err)) && !(rc = open_whole(config, false, &s, err)) &&
        !(rc = widen_band(&s, err))) {
        describe_whole(&s, (size_t)nparts, out);
        out->flags_counted = o->balance_visibilities;
        rc = cut_rows(&s, o, (size_t)nparts, out, err);
    }
    pcl_setup_close(&s);
    return rc;
}

/* ---- channels: cubes ---- */

/* Samples that a window gives to each channel of the cube, added to sum [nchan]: rows, or unflagged
 * samples of_chan [nchansel]. At the first selected time. */
static int add_samples(const pcl_setup *s, const pcl_window *w, const uint64_t *of_chan,
                       uint64_t *sum, pclean_err *err) {
    const pcl_row_channels row = pcl_window_channels(w);
    pcl_channel_sample *sample = NULL;
    if (row.n == 0)
        return 0;
    int rc = PCL_NEW(&sample, pcl_channels_max_samples(&s->channels, &row), "channel list", err);
    for (size_t i = 0; !rc && i < s->channels.nchan; i++) {
        const size_t m = pcl_channels_samples(&s->channels, i, &row, w->doppler0, sample);
        for (size_t j = 0; j < m; j++)
            sum[i] += of_chan ? of_chan[w->from + (size_t)sample[j].near] : w->dd->nrow;
    }
    pcl_free(sample);
    return rc;
}

/* Unflagged samples of each selected channel of each window: of_chan [nwindow][nchansel]. */
static int count_unflagged(const pcl_setup *s, uint64_t **of_chan, pclean_err *err) {
    const pcl_source *src = s->source;
    uint32_t *want = NULL;
    int rc = find_wanted(s, &want, err);
    for (size_t k = 0; !rc && k < src->nwindow; k++)
        rc = PCL_NEW(&of_chan[k], src->window[k].dd->nchansel, "samples of each channel", err);
    for (size_t i = 0; !rc && i < src->nms; i++)
        if (src->info[i]->ndd)
            rc = casa_ms_count_samples(src->ms[i], want + src->first[i], NULL,
                                       of_chan + src->first[i], err);
    pcl_free(want);
    return rc;
}

/* Samples of each channel of the cube; with `flags` those are read. */
static int count_channels(const pcl_setup *s, bool flags, uint64_t **sum, pclean_err *err) {
    const size_t nwindow = s->source->nwindow;
    uint64_t **of_chan = NULL;
    int rc;
    if (!(rc = PCL_ZNEW(sum, s->channels.nchan, "samples of each channel", err)) &&
        !(rc = PCL_ZNEW(&of_chan, nwindow, "samples of each channel", err)) && flags)
        rc = count_unflagged(s, of_chan, err);
    for (size_t k = 0; !rc && k < nwindow; k++)
        rc = add_samples(s, &s->source->window[k], of_chan[k], *sum, err);
    for (size_t k = 0; of_chan && k < nwindow; k++)
        pcl_free(of_chan[k]);
    pcl_free(of_chan);
    return rc;
}

static int by_number(const void *a, const void *b) {
    return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

/* Channel numbers that the setup's part needs of the spectral window of *w, in all of its MS's data
 * descriptions that have it, ascending. */
static int needed_of_window(const pcl_source *src, const pcl_window *w, int **chan, size_t *n,
                            pclean_err *err) {
    const pcl_window *first = src->window + src->first[w->ims],
                     *end = src->window + src->first[w->ims + 1];
    size_t most = 0;
    *n = 0;
    for (const pcl_window *v = first; v < end; v++)
        most += v->dd->spwid == w->dd->spwid ? v->to - v->from : 0;
    int rc = PCL_NEW(chan, most, "channel list", err);
    if (rc)
        return rc;
    for (const pcl_window *v = first; v < end; v++)
        for (size_t c = v->from; v->dd->spwid == w->dd->spwid && c < v->to; c++)
            (*chan)[(*n)++] = casa_ms_channel_number(v->dd, v->dd->chansel[c]);
    qsort(*chan, *n, sizeof **chan, by_number);
    size_t left = 0;
    for (size_t i = 0; i < *n; i++)
        if (left == 0 || (*chan)[i] != (*chan)[left - 1])
            (*chan)[left++] = (*chan)[i];
    *n = left;
    return 0;
}

/* spw and rows of one MS for the setup's part. */
static int narrow_ms(const pcl_setup *s, size_t ims, pclean_part_ms *out, pclean_err *err) {
    const pcl_source *src = s->source;
    int rc = pcl_strdup(&out->taql, pcl_setup_selection(s->config, ims).taql, err);
    for (size_t k = src->first[ims]; !rc && k < src->first[ims + 1]; k++) {
        const pcl_window *w = &src->window[k];
        bool seen = false;
        for (size_t e = src->first[ims]; e < k; e++)
            seen = seen || src->window[e].dd->spwid == w->dd->spwid;
        int *chan = NULL;
        size_t n = 0;
        if (!seen && !(rc = needed_of_window(src, w, &chan, &n, err)) && n)
            rc = pcl_cut_add_spw(&out->spw, w->dd->spwid, n, chan, err);
        pcl_free(chan);
        out->rows += w->to > w->from ? w->dd->nrow : 0;
    }
    return rc || out->spw ? rc : pcl_strdup(&out->spw, "-1", err);
}

static int narrow_all(const pcl_setup *s, pclean_part_ms *ms, pclean_err *err) {
    int rc = 0;
    for (size_t i = 0; !rc && i < s->source->nms; i++)
        rc = narrow_ms(s, i, &ms[i], err);
    return rc;
}

/* A width too small for its label's decimals is written out. */
static int label_channels(const pcl_setup *s, double fracbw, pclean_part *p, pclean_err *err) {
    pclean_config *c = &p->config;
    const double step = s->channels.step_hz;
    int rc;
    if ((rc = pcl_asprintf(&p->start, err, "%.10fGHz", p->freq_start_hz / 1e9)) ||
        (rc =
             pcl_asprintf(&p->width, err, fabs(step) >= 1 ? "%.10fGHz" : "%.17gGHz", step / 1e9)) ||
        (rc = set_text(c, "start", p->start, err)) || (rc = set_text(c, "width", p->width, err)) ||
        (rc = set(c, "fracbw", err, "%.17g", fracbw)))
        return rc;
    c->part_channel = (int)p->channel_start;
    c->nchan = (int)p->nchan;
    return 0;
}

static int add_channel_part(pcl_setup *s, double wmax, size_t from, size_t to, const uint64_t *nvis,
                            pclean_partition *out, pclean_err *err) {
    pclean_part *p;
    int rc = add_part(s, wmax, "subcube", out, &p, err);
    p->channel_start = from;
    p->nchan = to - from;
    p->nvis = sum_of(nvis, from, to);
    if (rc)
        return rc;
    pcl_setup_narrow(s, from, to - from);
    if ((rc = narrow_all(s, p->ms, err)))
        return rc;
    p->freq_start_hz = pcl_channels_centre(&s->channels, 0);
    p->freq_end_hz = pcl_channels_centre(&s->channels, s->channels.nchan - 1);
    for (size_t i = 0; i < p->nms; i++)
        p->rows += p->ms[i].rows;
    if (!(rc = label_channels(s, out->fracbw, p, err)) && !(rc = set_selection(p, err)))
        rc = plan_memory(s, &p->config, 1, &p->estimated_gib, err);
    return rc;
}

/* What the parts' own configurations say, against the whole. */
static int prove(const pclean_partition *out, pclean_err *err) {
    double *first = NULL, *step = NULL;
    size_t *nchan = NULL;
    int rc;
    if ((rc = PCL_NEW(&first, out->nparts, "proof", err)) ||
        (rc = PCL_NEW(&step, out->nparts, "proof", err)) ||
        (rc = PCL_NEW(&nchan, out->nparts, "proof", err)))
        goto done;
    for (size_t k = 0; k < out->nparts; k++) {
        const pclean_config *c = &out->part[k].config;
        first[k] = c->part_start_hz + c->part_channel * c->part_width_hz;
        step[k] = c->part_width_hz;
        nchan[k] = (size_t)c->nchan;
    }
    rc = pcl_cut_prove(out->nchan, out->first_hz, out->step_hz, out->nparts, nchan, first, step,
                       err);
done:
    pcl_free(nchan);
    pcl_free(step);
    pcl_free(first);
    return rc;
}

static int cut_channels(pcl_setup *s, bool balance, size_t npart, pclean_partition *out,
                        pclean_err *err) {
    const size_t nchan = s->channels.nchan;
    uint64_t *nvis = NULL;
    size_t *cut = NULL;
    double wmax;
    int rc;
    if ((rc = find_wmax(s, &wmax, err)) || (rc = count_channels(s, balance, &nvis, err)) ||
        (rc = PCL_NEW(&cut, npart + 1, "channel ranges", err)) ||
        (rc = PCL_ZNEW(&out->part, npart, "list of parts", err)))
        goto done;
    if (balance)
        pcl_cut_weights(nchan, nvis, npart, cut);
    else
        pcl_cut_channels(nchan, npart, cut);
    s->all_channels = false; /* a common density comes in a file */
    for (size_t k = 0; !rc && k < npart; k++)
        rc = add_channel_part(s, wmax, cut[k], cut[k + 1], nvis, out, err);
    if (!rc)
        rc = prove(out, err);
done:
    pcl_free(cut);
    pcl_free(nvis);
    return rc;
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

int pclean_partition_cube(const pclean_config *config, int nparts,
                          const pclean_partition_options *options, pclean_partition *out,
                          pclean_err *err) {
    PCL_REQUIRE(err, config);
    PCL_REQUIRE(err, out);
    *out = (pclean_partition){.cube = true};
    const pclean_partition_options *o = options ? options : &no_options;
    const bool chunks = nparts == 0 && config->cube_chunksize > 0;
    pcl_setup s = {0};
    int rc;
    if ((rc = chunks ? 0 : check_nparts(nparts, err)))
        return rc;
    if (o->align_integration)
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "align=integration is for continuum images, whose parts are rows; a cube's "
                        "are channels");
    if (!(rc = open_whole(config, true, &s, err))) {
        const size_t wanted =
            chunks ? pclean_partition_nparts(config, s.channels.nchan, 0) : (size_t)nparts;
        describe_whole(&s, wanted, out);
        out->flags_counted = o->balance_visibilities;
        if (wanted > 1 && s.channels.nchan > 1 &&
            config->cyclecontrol == PCLEAN_CYCLECONTROL_GLOBAL && config->niter > 0)
            rc = PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                          "cyclecontrol=global cleans the cube as one problem, which cannot be "
                          "done in parts; use cyclecontrol=channel");
        else if (wanted > MOST_PARTS)
            rc = check_nparts((int)least(wanted, INT32_MAX), err);
        else
            rc = cut_channels(&s, o->balance_visibilities, least(wanted, s.channels.nchan), out,
                              err);
    }
    pcl_setup_close(&s);
    return rc;
}

int pclean_partition_make(const pclean_config *config, int nparts,
                          const pclean_partition_options *options, pclean_partition *out,
                          pclean_err *err) {
    PCL_REQUIRE(err, config);
    PCL_REQUIRE(err, out);
    return (config->specmode == PCLEAN_SPECMODE_MFS
                ? pclean_partition_continuum
                : pclean_partition_cube)(config, nparts, options, out, err);
}

/* ---- files ---- */

/* One thread: an OpenMP team would be in the way of processes forked later. */
static int save_density(const pclean_config *config, const char *folder, pclean_err *err) {
    const int nthread = omp_get_max_threads();
    pcl_setup s = {0};
    pcl_store vis = {0};
    pcl_sysinfo limits;
    pcl_budget budget;
    const pcl_scratch scratch = {.folder = *config->scratch ? config->scratch : folder};
    char *path = NULL;
    int rc;
    omp_set_num_threads(1);
    pcl_sysinfo_read("", &limits);
    if ((rc = density_path(config, folder, &path, err)) || (rc = pcl_setup_open(config, &s, err)) ||
        (rc = pcl_budget_make(&s, &limits, 1, 1,
                              *config->scratch ? PCL_MEMORY_FILE_ALWAYS : PCL_MEMORY_FILE_IF_NEEDED,
                              &budget, err)))
        goto done;
    if (budget.plan.store_in_file)
        s.scratch = &scratch;
    if (!(rc = pcl_setup_read(&s, NULL, NULL, &vis, err)))
        rc = pcl_weighing_save(&s, &vis, path, err);
done:
    pcl_store_clear(&vis);
    pcl_setup_close(&s);
    pcl_free(path);
    omp_set_num_threads(nthread);
    return rc;
}

static int write_part(pclean_part *p, const char *folder, pclean_err *err) {
    const char *slash = strrchr(p->name, '/');
    char *path = NULL, *text = NULL;
    size_t size = 0;
    int rc = pcl_asprintf(&path, err, "%s/%s.yaml", folder, slash ? slash + 1 : p->name);
    if (rc)
        return rc;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        rc = PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for the text of %s", path);
    else
        rc = pclean_config_dump_yaml(&p->config, out, err);
    if (out && fclose(out) != 0 && !rc)
        rc = PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for the text of %s", path);
    if (!rc)
        rc = pcl_fs_write_text(path, text, size, err);
    free(text);
    if (rc) {
        pcl_free(path);
        return rc;
    }
    pcl_free(p->file);
    p->file = path;
    return 0;
}

static int check_folder(const char *folder, pclean_err *err) {
    return folder && *folder ? 0
                             : PCL_FAIL(err, PCLEAN_EPARAM, "the folder for the parts has no name");
}

int pclean_partition_check(const pclean_partition *partition, const pclean_config *config,
                           const char *folder, bool overwrite, pclean_err *err) {
    PCL_REQUIRE(err, partition);
    PCL_REQUIRE(err, config);
    PCL_REQUIRE(err, folder);
    int rc = check_folder(folder, err);
    return rc ? rc : pcl_partfiles_check(partition, config, folder, overwrite, err);
}

int pclean_partition_write(pclean_partition *partition, const pclean_config *config,
                           const char *folder, pclean_err *err) {
    PCL_REQUIRE(err, partition);
    PCL_REQUIRE(err, config);
    PCL_REQUIRE(err, folder);
    int rc = pclean_partition_check(partition, config, folder, true, err);
    if (rc)
        return rc;
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return PCL_FAIL(err, PCLEAN_EIO, "the folder %s cannot be made: %s", folder,
                        strerror(errno));
    if (!pcl_fs_is_dir(folder))
        return PCL_FAIL(err, PCLEAN_EIO, "%s is not a folder", folder);
    if (pcl_params_common_density(config) && (rc = save_density(config, folder, err)))
        return rc;
    for (size_t k = 0; !rc && k < partition->nparts; k++)
        if (!(rc = set_density(&partition->part[k].config, config, folder, err)))
            rc = write_part(&partition->part[k], folder, err);
    return rc ? rc : pcl_partfiles_remove_stale(partition, config, folder, err);
}

/* ---- CASA's two calls ---- */

static const char *text_or_empty(const char *text) {
    return text ? text : "";
}

static casa_ms_selection to_casa(const pclean_ms_selection *m) {
    return (casa_ms_selection){.field = m->field,
                               .spw = m->spw,
                               .timerange = m->timestr,
                               .uvrange = m->uvdist,
                               .antenna = m->antenna,
                               .scan = m->scan,
                               .observation = m->obs,
                               .intent = m->state,
                               .taql = m->taql};
}

static int cut_selection(const pclean_ms_selection *m, size_t npart, size_t stride,
                         pclean_part_ms *out, pclean_err *err) {
    const casa_ms_selection sel = to_casa(m);
    casa_ms *ms = NULL;
    size_t *cut = NULL;
    int rc;
    if ((rc = casa_ms_open_rows(m->msname, &sel, &ms, err)) ||
        (rc = PCL_NEW(&cut, npart + 1, "row ranges", err)))
        goto done;
    pcl_cut_rows(casa_ms_selected(ms, NULL), npart, cut);
    for (size_t k = 0; !rc && k < npart; k++, out += stride) {
        out->rows = cut[k + 1] - cut[k];
        if (!(rc = pcl_strdup(&out->msname, m->msname, err)) &&
            !(rc = pcl_strdup(&out->spw, text_or_empty(m->spw), err)))
            rc = out->rows ? row_range_text(ms, text_or_empty(m->taql), cut[k], cut[k + 1],
                                            &out->taql, err)
                           : pcl_strdup(&out->taql, "", err);
    }
done:
    pcl_free(cut);
    casa_ms_close(ms);
    return rc;
}

int pclean_contdatapartition(size_t nms, const pclean_ms_selection *ms, int npart,
                             pclean_part_ms **out, pclean_err *err) {
    PCL_REQUIRE(err, ms);
    PCL_REQUIRE(err, out);
    *out = NULL;
    int rc;
    for (size_t i = 0; i < nms; i++)
        if (!ms[i].msname)
            return PCL_FAIL(err, PCLEAN_EPARAM, "a selection without msname");
    if ((rc = check_nparts(npart, err)) || (rc = casa_init(err)) ||
        (rc = PCL_ZNEW(out, (size_t)npart * nms, "row ranges", err)))
        return rc;
    for (size_t i = 0; !rc && i < nms; i++)
        rc = cut_selection(&ms[i], (size_t)npart, nms, *out + i, err);
    if (rc) {
        pclean_part_ms_free(*out, (size_t)npart * nms);
        *out = NULL;
    }
    return rc;
}

/* A cube of one pixel on this axis: a configuration that only its selections and its grid matter
 * of. */
static int config_of_axis(size_t nms, const pclean_ms_selection *ms,
                          const pclean_spectral_axis *axis, pclean_config *c, pclean_err *err) {
    const char **vis = NULL;
    int rc;
    if ((rc = PCL_NEW(&vis, nms, "list of MeasurementSets", err)) ||
        (rc = pclean_config_init(c, err)))
        goto done;
    for (size_t i = 0; i < nms; i++)
        vis[i] = ms[i].msname;
    if ((rc = pcl_config_assign(c, NULL, "vis", vis, nms, err)) ||
        (rc = set(c, "specmode", err, "cube")) ||
        (rc = set_text(c, "outframe", text_or_empty(axis->frame), err)) ||
        (rc = set_text(c, "phasecenter", text_or_empty(axis->phasecenter), err)) ||
        (rc = set(c, "imsize", err, "1")) || (rc = set(c, "imagename", err, "axis")) ||
        (rc = set(c, "stokes", err, "pseudoI")))
        goto done;
    c->part_channel = 0;
    c->nchan = c->part_nchan = (int)axis->nchan;
    c->part_start_hz = axis->first_hz;
    c->part_width_hz = axis->step_hz;
    rc = pclean_config_validate(c, err);
done:
    pcl_free(vis);
    return rc;
}

void pclean_axis_parts_free(pclean_axis_part *part, size_t n, size_t nms) {
    if (!part)
        return;
    for (size_t k = 0; part && k < n; k++)
        pclean_part_ms_free(part[k].ms, nms);
    pcl_free(part);
}

static int cut_axis(pcl_setup *s, size_t npart, pclean_axis_part *out, pclean_err *err) {
    size_t *cut = NULL;
    int rc = PCL_NEW(&cut, npart + 1, "channel ranges", err);
    if (rc)
        return rc;
    pcl_cut_channels(s->channels.whole, npart, cut);
    for (size_t k = 0; !rc && k < npart; k++) {
        out[k].channel_start = cut[k];
        out[k].nchan = cut[k + 1] - cut[k];
        pcl_setup_narrow(s, cut[k], out[k].nchan);
        if (!(rc = new_part_ms(s, &out[k].ms, err)))
            rc = narrow_all(s, out[k].ms, err);
        out[k].first_hz = pcl_channels_centre(&s->channels, 0);
    }
    pcl_free(cut);
    return rc;
}

int pclean_cubedataimagepartition(size_t nms, const pclean_ms_selection *ms,
                                  const pclean_spectral_axis *axis, int npart,
                                  pclean_axis_part **out, size_t *nout, pclean_err *err) {
    PCL_REQUIRE(err, ms);
    PCL_REQUIRE(err, axis);
    PCL_REQUIRE(err, out);
    PCL_REQUIRE(err, nout);
    pclean_config config = {0};
    casa_ms_selection *sel = NULL;
    pcl_setup s = {0};
    *out = NULL;
    *nout = 0;
    int rc;
    if ((rc = check_nparts(npart, err)))
        return rc;
    if (axis->nchan < 1 || axis->nchan > INT32_MAX)
        return PCL_FAIL(err, PCLEAN_EPARAM, "a spectral axis of %zu channels cannot be partitioned",
                        axis->nchan);
    for (size_t i = 0; i < nms; i++)
        if (!ms[i].msname || !axis->frame)
            return PCL_FAIL(err, PCLEAN_EPARAM, "%s",
                            axis->frame ? "a selection without msname"
                                        : "a spectral axis without frame");
    if ((rc = config_of_axis(nms, ms, axis, &config, err)) ||
        (rc = PCL_NEW(&sel, nms, "selection", err)))
        goto done;
    for (size_t i = 0; i < nms; i++)
        sel[i] = to_casa(&ms[i]);
    const size_t n = least((size_t)npart, axis->nchan);
    if ((rc = pcl_setup_open_axis(&config, sel, &s, err)) ||
        (rc = PCL_ZNEW(out, n, "list of parts", err)) || (rc = cut_axis(&s, n, *out, err)))
        goto done;
    for (size_t k = 0; k < n; k++) /* the condition is the caller's own */
        for (size_t i = 0; !rc && i < nms; i++) {
            pcl_free((*out)[k].ms[i].taql);
            (*out)[k].ms[i].taql = NULL;
            rc = pcl_strdup(&(*out)[k].ms[i].taql, text_or_empty(ms[i].taql), err);
        }
    *nout = n;
done:
    if (rc) {
        pclean_axis_parts_free(*out, least((size_t)npart, axis->nchan), nms);
        *out = NULL;
        *nout = 0;
    }
    pcl_setup_close(&s);
    pcl_free(sel);
    pclean_config_clear(&config);
    return rc;
}
