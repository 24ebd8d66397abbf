#include "partition/channel_parts.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "plan/cut.h"

/* ---- samples of each channel ---- */

/* Samples that data description k of the setup (number idd of its MS) gives to each channel of the
 * cube, added to sum [nchan]: rows, or unflagged samples of_chan [nchansel]. At the first selected
 * time. */
static int add_samples(const pcl_setup *s, size_t ims, size_t idd, size_t k,
                       const uint64_t *of_chan, uint64_t *sum, pclean_err *err) {
    const casa_ms_info *info = pcl_vis_source_info(s->source, ims);
    const casa_ms_dd *dd = &info->dd[idd];
    double *freq = NULL, doppler;
    pcl_channel_sample *sample = NULL;
    pcl_row_channels row;
    int rc = pcl_setup_row_channels(s, dd, k, &freq, &row, err);
    if (rc || row.n == 0)
        goto done;
    if ((rc =
             PCL_NEW(&sample, pcl_channels_max_samples(&s->channels, &row), "channel list", err)) ||
        (rc = pcl_vis_doppler(s->source, ims, idd, s->frame, &s->centre, 1, &info->first_time_s,
                              &doppler, err)))
        goto done;
    for (size_t i = 0; i < s->channels.nchan; i++) {
        const size_t m = pcl_channels_samples(&s->channels, i, &row, doppler, sample);
        for (size_t j = 0; j < m; j++)
            sum[i] += of_chan ? of_chan[s->from[k] + (size_t)sample[j].near] : dd->nrow;
    }
done:
    pcl_free(sample);
    pcl_free(freq);
    return rc;
}

/* The same of all data descriptions of an MS. Its flags are read where they matter. */
static int add_samples_of_ms(const pcl_whole *whole, size_t ims, size_t first_dd, uint64_t *sum,
                             pclean_err *err) {
    const pcl_setup *s = &whole->setup;
    const casa_ms_info *info = pcl_vis_source_info(s->source, ims);
    const bool flags = whole->options.balance_visibilities;
    uint64_t **of_chan = NULL;
    int rc = PCL_ZNEW(&of_chan, info->ndd, "samples of each channel", err);
    for (size_t d = 0; !rc && flags && d < info->ndd; d++)
        rc = PCL_NEW(&of_chan[d], info->dd[d].nchansel, "samples of each channel", err);
    if (!rc && flags && info->ndd)
        rc = pcl_whole_count_samples(whole, ims, first_dd, NULL, of_chan, err);
    for (size_t d = 0; !rc && d < info->ndd; d++)
        rc = add_samples(s, ims, d, first_dd + d, of_chan[d], sum, err);
    for (size_t d = 0; of_chan && d < info->ndd; d++)
        pcl_free(of_chan[d]);
    pcl_free(of_chan);
    return rc;
}

/* sum [nchan], zero at first. */
static int count_channels(const pcl_whole *whole, uint64_t *sum, pclean_err *err) {
    const pcl_vis_source *source = whole->setup.source;
    int rc = 0;
    for (size_t i = 0, dd = 0; !rc && i < pcl_vis_source_count(source); i++) {
        rc = add_samples_of_ms(whole, i, dd, sum, err);
        dd += pcl_vis_source_info(source, i)->ndd;
    }
    return rc;
}

/* ---- what a part reads ---- */

static int by_number(const void *a, const void *b) {
    return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

/* Channel numbers of a spectral window that the setup's part needs, of all data descriptions that
 * have it, ascending. */
static int needed_of_window(const pcl_setup *s, const casa_ms_info *info, size_t first_dd, int spw,
                            int **chan, size_t *n, pclean_err *err) {
    size_t most = 0;
    *n = 0;
    for (size_t d = 0; d < info->ndd; d++)
        most += info->dd[d].spwid == spw ? s->to[first_dd + d] - s->from[first_dd + d] : 0;
    int rc = PCL_NEW(chan, most, "channel list", err);
    if (rc)
        return rc;
    for (size_t d = 0; d < info->ndd; d++)
        for (size_t c = s->from[first_dd + d]; info->dd[d].spwid == spw && c < s->to[first_dd + d];
             c++)
            (*chan)[(*n)++] = casa_ms_channel_number(&info->dd[d], info->dd[d].chansel[c]);
    qsort(*chan, *n, sizeof **chan, by_number);
    size_t left = 0;
    for (size_t i = 0; i < *n; i++)
        if (left == 0 || (*chan)[i] != (*chan)[left - 1])
            (*chan)[left++] = (*chan)[i];
    *n = left;
    return 0;
}

/* spw and rows of one MS for the setup's part. */
static int narrow_ms(const pcl_setup *s, size_t ims, size_t first_dd, pclean_part_ms *out,
                     pclean_err *err) {
    const casa_ms_info *info = pcl_vis_source_info(s->source, ims);
    int rc = pcl_strdup(&out->taql, pcl_setup_selection(s->config, ims).taql, err);
    for (size_t d = 0; !rc && d < info->ndd; d++) {
        bool seen = false;
        for (size_t e = 0; e < d; e++)
            seen = seen || info->dd[e].spwid == info->dd[d].spwid;
        int *chan = NULL;
        size_t n = 0;
        if (!seen &&
            !(rc = needed_of_window(s, info, first_dd, info->dd[d].spwid, &chan, &n, err)) && n)
            rc = pcl_cut_add_spw(&out->spw, info->dd[d].spwid, n, chan, err);
        pcl_free(chan);
        out->rows += s->to[first_dd + d] > s->from[first_dd + d] ? info->dd[d].nrow : 0;
    }
    return rc || out->spw ? rc : pcl_strdup(&out->spw, "-1", err);
}

int pcl_channel_parts_select(const pcl_setup *part, pclean_part_ms *ms, pclean_err *err) {
    int rc = 0;
    for (size_t i = 0, dd = 0; !rc && i < pcl_vis_source_count(part->source); i++) {
        rc = narrow_ms(part, i, dd, &ms[i], err);
        dd += pcl_vis_source_info(part->source, i)->ndd;
    }
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
    if (rc || (rc = pcl_setup_narrow(s, from, to - from, err)) ||
        (rc = pcl_channel_parts_select(s, p->ms, err)))
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
    double *first = NULL, *step = NULL;
    size_t *nchan = NULL;
    int rc;
    if ((rc = PCL_NEW(&first, out->nparts, "proof", err)) ||
        (rc = PCL_NEW(&step, out->nparts, "proof", err)) ||
        (rc = PCL_NEW(&nchan, out->nparts, "proof", err)))
        goto done;
    for (size_t k = 0; k < out->nparts; k++) {
        const pclean_config *c = out->part[k].config;
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
