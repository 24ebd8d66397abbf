#include "partition/row_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "plan/cut.h"

/* ---- one MS ---- */

/* How it is cut. */
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

static int weigh_rows(const pcl_whole *whole, size_t ims, slices *s, pclean_err *err) {
    int rc = PCL_NEW(&s->weight, s->nrow, "samples of each row", err);
    return rc ? rc : pcl_whole_count_samples(whole, ims, s->weight, NULL, err);
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
        s->rows[k] = by_bins ? pcl_cut_sum(s->bin_rows, s->cut[k], s->cut[k + 1])
                             : s->cut[k + 1] - s->cut[k];
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

/* By bins of time, or by rows, of equal weight. */
static void cut_by_weight(slices *s) {
    pcl_cut_weights(s->time ? s->nbin : s->nrow, s->weight ? s->weight : s->bin_rows, s->n, s->cut);
    for (size_t k = 0; s->weight && k < s->n; k++)
        s->nvis[k] = pcl_cut_sum(s->weight, s->cut[k], s->cut[k + 1]);
    for (size_t k = 0; s->time && s->in_order && k <= s->n; k++)
        s->cut[k] = s->first_row[s->cut[k]];
}

static int cut_ms(const pcl_whole *whole, size_t ims, size_t npart, slices *s, pclean_err *err) {
    const pcl_setup *setup = &whole->setup;
    const pclean_partition_options *o = &whole->options;
    *s = (slices){.n = npart, .nrow = casa_ms_selected(setup->source->ms[ims], NULL)};
    int rc;
    if ((rc = PCL_ZNEW(&s->cut, npart + 1, "row ranges", err)) ||
        (rc = PCL_ZNEW(&s->rows, npart, "row ranges", err)) ||
        (rc = PCL_ZNEW(&s->nvis, npart, "row ranges", err)) || s->nrow == 0)
        return rc;
    if ((o->balance_visibilities && (rc = weigh_rows(whole, ims, s, err))) ||
        (o->align_integration && (rc = bin_rows(setup, ims, s, err))))
        return rc;
    if (s->time || s->weight)
        cut_by_weight(s);
    else
        pcl_cut_rows(s->nrow, npart, s->cut);
    return count_slices(setup, ims, s, err);
}

int pcl_row_parts_range(const casa_ms *ms, const char *condition, size_t from, size_t to,
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
        return pcl_row_parts_range(setup->source->ms[ims], sel.taql, s->cut[k], s->cut[k + 1],
                                   &out->taql, err);
    snprintf(range, sizeof range, "TIME >= %.17g && TIME <= %.17g", s->time[s->cut[k]],
             s->time[s->cut[k + 1] - 1]);
    return pcl_cut_and(sel.taql, range, &out->taql, err);
}

/* ---- the parts ---- */

/* Range k of every MS; nothing when none has rows there. */
static int add_part(const pcl_whole *whole, const slices *slice, size_t k, uint64_t whole_rows,
                    pclean_partition *out, pclean_err *err) {
    const pcl_setup *s = &whole->setup;
    const size_t nms = s->source->nms;
    uint64_t rows = 0;
    for (size_t i = 0; i < nms; i++)
        rows += slice[i].rows[k];
    if (rows == 0)
        return 0;
    pclean_part *p;
    int rc = pcl_whole_add_part(whole, "part", out, &p, err);
    p->rows = rows;
    p->nchan = 1;
    p->freq_start_hz = s->channels.first_hz - 0.5 * s->channels.step_hz;
    p->freq_end_hz = s->channels.first_hz + 0.5 * s->channels.step_hz;
    for (size_t i = 0; !rc && i < nms; i++) {
        rc = take_slice(s, i, &slice[i], k, &p->ms[i], err);
        p->nvis += slice[i].nvis[k];
    }
    return rc ? rc : pcl_whole_finish_part(whole, (double)rows / (double)whole_rows, p, err);
}

/* Every row is in one part. */
static int check_cover(const pclean_partition *out, size_t whole_rows, pclean_err *err) {
    size_t covered = 0;
    for (size_t k = 0; k < out->nparts; k++)
        covered += out->part[k].rows;
    return covered == whole_rows
               ? 0
               : PCL_FAIL(err, PCLEAN_EBUG,
                          "the parts have %zu rows together, the selection has %zu", covered,
                          whole_rows);
}

int pcl_row_parts_cut(const pcl_whole *whole, pclean_partition *out, pclean_err *err) {
    const pcl_source *source = whole->setup.source;
    const size_t nms = source->nms;
    size_t most = 0, rows = 0;
    slices *slice = NULL;
    for (size_t i = 0; i < nms; i++) {
        const size_t n = casa_ms_selected(source->ms[i], NULL);
        most = n > most ? n : most;
        rows += n;
    }
    /* more parts than rows are as one more: a row each */
    const size_t npart = whole->nwanted <= most ? whole->nwanted : most + 1;
    int rc = PCL_ZNEW(&slice, nms, "row ranges", err);
    for (size_t i = 0; !rc && i < nms; i++)
        rc = cut_ms(whole, i, npart, &slice[i], err);
    if (!rc)
        rc = PCL_ZNEW(&out->part, npart, "list of parts", err);
    for (size_t k = 0; !rc && k < npart; k++)
        rc = add_part(whole, slice, k, rows, out, err);
    if (!rc)
        rc = check_cover(out, rows, err);
    for (size_t i = 0; slice && i < nms; i++)
        clear_slices(&slice[i]);
    pcl_free(slice);
    return rc;
}

/* ---- the band ---- */

int pcl_row_parts_widen(pcl_whole *whole, pclean_err *err) {
    pcl_setup *s = &whole->setup;
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
