#include "io/vis.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

struct pcl_vis_source {
    size_t n;
    casa_ms **ms;
};

int pcl_vis_open(size_t nms, const char *const *path, const casa_ms_selection *sel, pcl_vis_source **out, pclean_err *err) {
    *out = NULL;
    pcl_vis_source *src = NULL;
    int rc = PCL_ZNEW(&src, 1, "list of MeasurementSets", err);
    if (!rc)
        rc = PCL_ZNEW(&src->ms, nms, "list of MeasurementSets", err);
    for (size_t i = 0; !rc && i < nms; i++) {
        rc = casa_ms_open(path[i], sel, &src->ms[i], err);
        src->n = i + 1;
    }
    if (rc) {
        pcl_vis_close(src);
        return rc;
    }
    *out = src;
    return 0;
}

void pcl_vis_close(pcl_vis_source *src) {
    if (!src)
        return;
    for (size_t i = 0; i < src->n; i++)
        casa_ms_close(src->ms[i]);
    pcl_free(src->ms);
    pcl_free(src);
}

size_t pcl_vis_source_count(const pcl_vis_source *src) { return src->n; }

const casa_ms_info *pcl_vis_source_info(const pcl_vis_source *src, size_t ims) { return casa_ms_get_info(src->ms[ims]); }

int pcl_vis_doppler(const pcl_vis_source *src, size_t ims, size_t idd, int frame, const casa_direction *dir, size_t ntime,
                    const double *time_s, double *factor, pclean_err *err) {
    const casa_ms_info *info = pcl_vis_source_info(src, ims);
    if (frame < 0 || info->dd[idd].freq_ref == frame) {
        for (size_t i = 0; i < ntime; i++)
            factor[i] = 1;
        return 0;
    }
    return casa_doppler(info->dd[idd].freq_ref, frame, info->position_itrf_m, info->time_ref, dir, ntime, time_s, factor, err);
}

/* -------------------------------------------------------------------------------------------------- distinct times */

/* Open-addressing table from a time to its index, so that baseline-major MSs are served as well as time-major ones. */
typedef struct time_table {
    size_t size, used; /* size: a power of 2 */
    uint32_t *slot;    /* index + 1, 0: empty */
    double *time;      /* [size / 2] */
} time_table;

static size_t slot_of(const time_table *t, double time) {
    uint64_t bits;
    memcpy(&bits, &time, sizeof bits);
    size_t at = (size_t)((bits * 0x9E3779B97F4A7C15u) >> 20) & (t->size - 1);
    while (t->slot[at] && t->time[t->slot[at] - 1] != time)
        at = (at + 1) & (t->size - 1);
    return at;
}

static int grow(time_table *t, pclean_err *err) {
    time_table bigger = {.size = t->size ? 2 * t->size : 1024, .used = t->used};
    int rc = PCL_ZNEW(&bigger.slot, bigger.size, "table of times", err);
    if (!rc)
        rc = PCL_NEW(&bigger.time, bigger.size / 2, "table of times", err);
    if (rc) {
        pcl_free(bigger.slot);
        return rc;
    }
    for (size_t i = 0; i < t->used; i++) {
        bigger.time[i] = t->time[i];
        bigger.slot[slot_of(&bigger, t->time[i])] = (uint32_t)(i + 1);
    }
    pcl_free(t->slot);
    pcl_free(t->time);
    *t = bigger;
    return 0;
}

static int time_index(time_table *t, double time, uint32_t *index, pclean_err *err) {
    if (t->used == t->size / 2) {
        int rc = grow(t, err);
        if (rc)
            return rc;
    }
    size_t at = slot_of(t, time);
    if (!t->slot[at]) {
        t->time[t->used] = time;
        t->slot[at] = (uint32_t)++t->used;
    }
    *index = t->slot[at] - 1;
    return 0;
}

/* ------------------------------------------------------------------------------------------------------ the store */

void pcl_vis_clear(pcl_vis *vis) {
    for (size_t k = 0; k < vis->nblock; k++) {
        pcl_vis_block *b = &vis->block[k];
        pcl_free(b->u_m);
        pcl_free(b->v_m);
        pcl_free(b->w_m);
        pcl_free(b->itime);
        pcl_free(b->time_s);
        pcl_free(b->doppler);
        pcl_free(b->freq_hz);
        pcl_free(b->vis);
        pcl_free(b->weight);
    }
    pcl_free(vis->block);
    *vis = (pcl_vis){0};
}

static int block_init(pcl_vis_block *b, const casa_ms_dd *dd, size_t npol, size_t from, size_t to, uint64_t *bytes,
                      pclean_err *err) {
    const size_t n = dd->nrow;
    b->row_stride = n;
    b->nchan = to - from;
    const size_t nsample = npol * b->nchan * n;
    int rc;
    if ((rc = PCL_NEW(&b->u_m, n, "uvw", err)) || (rc = PCL_NEW(&b->v_m, n, "uvw", err)) ||
        (rc = PCL_NEW(&b->w_m, n, "uvw", err)) || (rc = PCL_NEW(&b->itime, n, "times", err)) ||
        (rc = PCL_NEW(&b->freq_hz, b->nchan, "frequencies", err)) ||
        (rc = PCL_NEW(&b->vis, 2 * nsample, "visibility store", err)) ||
        (rc = PCL_NEW(&b->weight, nsample, "visibility store", err)))
        return rc;
    for (size_t c = 0; c < b->nchan; c++)
        b->freq_hz[c] = dd->chan_freq_hz[dd->chansel[from + c]];
    *bytes += n * (3 * sizeof(double) + sizeof(uint32_t)) + nsample * 3 * sizeof(float);
    return 0;
}

/* One sample of a plane from its correlations; returns its weight, 0 when it is not used. */
static float combine(const pcl_vis_plane *p, const float *vis, const bool *flag, float weight, float out[2], uint64_t *nflagged,
                     uint64_t *nonfinite) {
    float re = 0, im = 0;
    size_t good = 0;
    for (size_t k = 0; k < p->nterm; k++) {
        const size_t c = p->index[k];
        if (flag[c])
            continue;
        re += p->re[k] * vis[2 * c] - p->im[k] * vis[2 * c + 1];
        im += p->re[k] * vis[2 * c + 1] + p->im[k] * vis[2 * c];
        good++;
    }
    out[0] = out[1] = 0;
    if (good == 0 || (good < p->nterm && !p->either)) {
        ++*nflagged;
        return 0;
    }
    if (p->either) { /* mean of the good hands: each term carries a half; its weight counts the hands */
        re *= 2 / (float)good;
        im *= 2 / (float)good;
        weight *= 0.5f * (float)good;
    }
    if (!isfinite(re) || !isfinite(im) || !isfinite(weight)) {
        ++*nonfinite;
        return 0;
    }
    if (!(weight > 0)) {
        ++*nflagged;
        return 0;
    }
    out[0] = re;
    out[1] = im;
    return weight;
}

/* Row r of what casacore read -> row `to` of the block; false when nothing of it is usable. */
static bool store_row(pcl_vis *vis, pcl_vis_block *b, const casa_ms_rows *rows, size_t r, size_t nchansel, size_t ncorr,
                      size_t from, const pcl_vis_plane *plane, size_t to) {
    bool any = false;
    for (size_t p = 0; p < vis->npol; p++)
        for (size_t c = 0; c < b->nchan; c++) {
            const size_t in = (r * nchansel + from + c) * ncorr, at = (p * b->nchan + c) * b->row_stride + to;
            const float *w = rows->weight + (rows->weight_nchan == 1 ? r : r * nchansel + from + c) * ncorr;
            const float weight = 0.5f * (w[0] + w[ncorr - 1]);
            b->weight[at] = combine(&plane[p], rows->vis + 2 * in, rows->flag + in, weight, b->vis + 2 * at, &vis->nflagged,
                                    &vis->nonfinite);
            if (b->weight[at] > 0) {
                any = true;
                vis->nused++;
            }
        }
    return any;
}

static int store_rows(pcl_vis *vis, pcl_vis_block *b, time_table *times, const casa_ms_rows *rows, const casa_ms_dd *dd,
                      size_t from, const pcl_vis_plane *plane, pclean_err *err) {
    for (size_t r = 0; r < rows->nrow; r++) {
        const double *uvw = rows->uvw_m + 3 * r;
        const uint64_t nsample = vis->npol * b->nchan;
        uint32_t itime; /* flagged rows too: an mfs image is labelled with the extent over all selected times */
        int rc = time_index(times, rows->time_s[r], &itime, err);
        if (rc)
            return rc;
        if (rows->flag_row[r]) {
            vis->nflagged += nsample;
            continue;
        }
        if (!isfinite(uvw[0]) || !isfinite(uvw[1]) || !isfinite(uvw[2])) {
            vis->nonfinite += nsample;
            continue;
        }
        if (!store_row(vis, b, rows, r, dd->nchansel, dd->ncorr, from, plane, b->nrow))
            continue;
        b->u_m[b->nrow] = uvw[0];
        b->v_m[b->nrow] = uvw[1];
        b->w_m[b->nrow] = uvw[2];
        b->itime[b->nrow++] = itime;
    }
    return 0;
}

static int finish_block(pcl_vis_source *src, size_t ims, size_t idd, const pcl_vis_request *request, time_table *times,
                        pcl_vis_block *b, pcl_vis *vis, pclean_err *err) {
    pcl_free(times->slot);
    times->slot = NULL;
    b->time_s = times->time;
    times->time = NULL;
    b->ntime = times->used;
    int rc = PCL_NEW(&b->doppler, b->ntime, "Doppler factors", err);
    if (!rc)
        rc = pcl_vis_doppler(src, ims, idd, request->frame, &request->direction, b->ntime, b->time_s, b->doppler, err);
    double first;
    if (!rc)
        rc = pcl_vis_doppler(src, ims, idd, request->frame, &request->direction, 1,
                             &pcl_vis_source_info(src, ims)->first_time_s, &first, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < b->ntime; i++) {
        double d = b->doppler[i] / first;
        vis->doppler_min = fmin(vis->doppler_min, d);
        vis->doppler_max = fmax(vis->doppler_max, d);
    }
    return 0;
}

static int read_ms(pcl_vis_source *src, size_t ims, size_t first_block, const pcl_vis_request *request,
                   pcl_vis_progress *progress, void *user, size_t *rows_done, size_t rows_total, pcl_vis *vis, pclean_err *err) {
    const casa_ms_info *info = pcl_vis_source_info(src, ims);
    casa_ms_rows *rows = NULL;
    time_table *times = NULL;
    size_t row_bytes = 1;
    int rc = PCL_ZNEW(&rows, info->ndd, "row block", err);
    if (!rc)
        rc = PCL_ZNEW(&times, info->ndd, "table of times", err);
    for (size_t d = 0; !rc && d < info->ndd; d++) {
        const size_t k = first_block + d, bytes = info->dd[d].nchansel * info->dd[d].ncorr * 13;
        rc = block_init(&vis->block[k], &info->dd[d], vis->npol, request->from[k], request->to[k], &vis->bytes, err);
        row_bytes = bytes > row_bytes ? bytes : row_bytes;
    }
    const size_t step = (16u << 20) / row_bytes + 1;
    for (size_t at = 0; !rc && at < info->nrow; at += step) {
        const size_t n = at + step < info->nrow ? step : info->nrow - at;
        rc = casa_ms_read(src->ms[ims], at, n, rows, err);
        for (size_t d = 0; !rc && d < info->ndd; d++) {
            const size_t k = first_block + d;
            rc = store_rows(vis, &vis->block[k], &times[d], &rows[d], &info->dd[d], request->from[k],
                            request->plane + k * vis->npol, err);
        }
        *rows_done += n;
        if (!rc && progress && progress(*rows_done, rows_total, user))
            rc = PCL_FAIL(err, PCLEAN_EINTERRUPTED, "interrupted while reading %s", info->path);
    }
    for (size_t d = 0; !rc && d < info->ndd; d++)
        rc = finish_block(src, ims, d, request, &times[d], &vis->block[first_block + d], vis, err);
    for (size_t d = 0; times && d < info->ndd; d++) {
        pcl_free(times[d].slot);
        pcl_free(times[d].time);
    }
    pcl_free(times);
    pcl_free(rows);
    return rc;
}

int pcl_vis_read(pcl_vis_source *src, const pcl_vis_request *request, pcl_vis_progress *progress, void *user, pcl_vis *out,
                 pclean_err *err) {
    *out = (pcl_vis){.npol = request->npol, .doppler_min = 1, .doppler_max = 1};
    size_t nblock = 0, total = 0, done = 0;
    for (size_t i = 0; i < src->n; i++) {
        nblock += pcl_vis_source_info(src, i)->ndd;
        total += pcl_vis_source_info(src, i)->nrow;
    }
    int rc = PCL_ZNEW(&out->block, nblock, "visibility store", err);
    if (rc)
        return rc;
    out->nblock = nblock;
    for (size_t i = 0, first = 0; !rc && i < src->n; i++) {
        rc = read_ms(src, i, first, request, progress, user, &done, total, out, err);
        first += pcl_vis_source_info(src, i)->ndd;
    }
    if (rc)
        pcl_vis_clear(out);
    return rc;
}
