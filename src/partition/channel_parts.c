#include "partition/channel_parts.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "plan/cut.h"

/* ---- samples of each channel ---- */

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
static int count_unflagged(const pcl_whole *whole, uint64_t **of_chan, pclean_err *err) {
    const pcl_source *src = whole->setup.source;
    int rc = 0;
    for (size_t k = 0; !rc && k < src->nwindow; k++)
        rc = PCL_NEW(&of_chan[k], src->window[k].dd->nchansel, "samples of each channel", err);
    for (size_t i = 0; !rc && i < src->nms; i++)
        if (src->info[i]->ndd)
            rc = pcl_whole_count_samples(whole, i, NULL, of_chan + src->first[i], err);
    return rc;
}

/* sum [nchan], zero at first. Flags are read where they matter. */
static int count_channels(const pcl_whole *whole, uint64_t *sum, pclean_err *err) {
    const pcl_source *src = whole->setup.source;
    uint64_t **of_chan = NULL;
    int rc = PCL_ZNEW(&of_chan, src->nwindow, "samples of each channel", err);
    if (!rc && whole->options.balance_visibilities)
        rc = count_unflagged(whole, of_chan, err);
    for (size_t k = 0; !rc && k < src->nwindow; k++)
        rc = add_samples(&whole->setup, &src->window[k], of_chan[k], sum, err);
    for (size_t k = 0; of_chan && k < src->nwindow; k++)
        pcl_free(of_chan[k]);
    pcl_free(of_chan);
    return rc;
}

/* ---- what a part reads ---- */

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

int pcl_channel_parts_select(const pcl_setup *part, pclean_part_ms *ms, pclean_err *err) {
    int rc = 0;
    for (size_t i = 0; !rc && i < part->source->nms; i++)
        rc = narrow_ms(part, i, &ms[i], err);
    return rc;
}

/* ---- the parts ---- */

/* A width too small for its label's decimals is written out. */
static int label_channels(const pcl_setup *s, double fracbw, pclean_part *p, pclean_err *err) {
    pclean_config *c = p->config;
    const double step = s->channels.step_hz;
    int rc;
    if ((rc = pcl_asprintf(&p->start, err, "%.10fGHz", p->freq_start_hz / 1e9)) ||
        (rc =
             pcl_asprintf(&p->width, err, fabs(step) >= 1 ? "%.10fGHz" : "%.17gGHz", step / 1e9)) ||
        (rc = pcl_whole_set(c, "start", err, "%s", p->start)) ||
        (rc = pcl_whole_set(c, "width", err, "%s", p->width)) ||
        (rc = pcl_whole_set(c, "fracbw", err, "%.17g", fracbw)))
        return rc;
    c->part_channel = (int)p->channel_start;
    c->nchan = (int)p->nchan;
    return 0;
}

/* Image channels [from, to), with the samples of each channel of the cube. */
static int add_part(pcl_whole *whole, size_t from, size_t to, const uint64_t *nvis,
                    pclean_partition *out, pclean_err *err) {
    pcl_setup *s = &whole->setup;
    pclean_part *p;
    int rc = pcl_whole_add_part(whole, "subcube", out, &p, err);
    p->channel_start = from;
    p->nchan = to - from;
    p->nvis = pcl_cut_sum(nvis, from, to);
    if (rc)
        return rc;
    pcl_setup_narrow(s, from, to - from);
    if ((rc = pcl_channel_parts_select(s, p->ms, err)))
        return rc;
    p->freq_start_hz = pcl_channels_centre(&s->channels, 0);
    p->freq_end_hz = pcl_channels_centre(&s->channels, s->channels.nchan - 1);
    for (size_t i = 0; i < p->nms; i++)
        p->rows += p->ms[i].rows;
    rc = label_channels(s, out->fracbw, p, err);
    return rc ? rc : pcl_whole_finish_part(whole, 1, p, err);
}

/* What the parts' own configurations say, against the whole. */
static int prove(const pclean_partition *out, pclean_err *err) {
    const pcl_cut_grid whole = {out->nchan, out->first_hz, out->step_hz};
    pcl_cut_grid *part = NULL;
    int rc = PCL_NEW(&part, out->nparts, "proof", err);
    for (size_t k = 0; !rc && k < out->nparts; k++) {
        const pclean_config *c = out->part[k].config;
        part[k] =
            (pcl_cut_grid){(size_t)c->nchan, c->part_start_hz + c->part_channel * c->part_width_hz,
                           c->part_width_hz};
    }
    if (!rc)
        rc = pcl_cut_prove(&whole, out->nparts, part, err);
    pcl_free(part);
    return rc;
}

int pcl_channel_parts_cut(pcl_whole *whole, pclean_partition *out, pclean_err *err) {
    const size_t nchan = whole->setup.channels.nchan,
                 npart = whole->nwanted < nchan ? whole->nwanted : nchan;
    uint64_t *nvis = NULL;
    size_t *cut = NULL;
    int rc;
    if ((rc = pcl_whole_find_wmax(whole, err)) ||
        (rc = PCL_ZNEW(&nvis, nchan, "samples of each channel", err)) ||
        (rc = count_channels(whole, nvis, err)) ||
        (rc = PCL_NEW(&cut, npart + 1, "channel ranges", err)) ||
        (rc = PCL_ZNEW(&out->part, npart, "list of parts", err)))
        goto done;
    if (whole->options.balance_visibilities)
        pcl_cut_weights(nchan, nvis, npart, cut);
    else
        pcl_cut_channels(nchan, npart, cut);
    whole->setup.all_channels = false; /* a common density comes in a file */
    for (size_t k = 0; !rc && k < npart; k++)
        rc = add_part(whole, cut[k], cut[k + 1], nvis, out, err);
    if (!rc)
        rc = prove(out, err);
done:
    pcl_free(cut);
    pcl_free(nvis);
    return rc;
}
