#include "imager/sampler.h"

#include <string.h>

#include "base/mem.h"

static const double C = 299792458.0;
enum { BATCH = 1 << 17 };

int pcl_sampler_init(pcl_sampler *s, const pcl_vis *vis, const pcl_channels *channels, pclean_err *err) {
    *s = (pcl_sampler){.vis = vis, .channels = channels, .nmax = BATCH};
    for (size_t k = 0; k < vis->nblock; k++) {
        size_t n = pcl_channels_max_samples(channels, vis->block[k].nchan, vis->block[k].freq_hz);
        if (n > s->nmax)
            s->nmax = n;
    }
    int rc;
    if ((rc = PCL_NEW(&s->u, s->nmax, "sample batch", err)) || (rc = PCL_NEW(&s->v, s->nmax, "sample batch", err)) ||
        (rc = PCL_NEW(&s->frame_u, s->nmax, "sample batch", err)) || (rc = PCL_NEW(&s->frame_v, s->nmax, "sample batch", err)) ||
        (rc = PCL_NEW(&s->near_u, s->nmax, "sample batch", err)) || (rc = PCL_NEW(&s->near_v, s->nmax, "sample batch", err)) ||
        (rc = PCL_NEW(&s->samples, 2 * s->nmax, "sample batch", err)) ||
        (rc = PCL_NEW(&s->weight, s->nmax, "sample batch", err)) ||
        (rc = PCL_NEW(&s->near_weight, s->nmax, "sample batch", err)))
        pcl_sampler_clear(s);
    return rc;
}

void pcl_sampler_clear(pcl_sampler *s) {
    pcl_free(s->u);
    pcl_free(s->v);
    pcl_free(s->frame_u);
    pcl_free(s->frame_v);
    pcl_free(s->near_u);
    pcl_free(s->near_v);
    pcl_free(s->samples);
    pcl_free(s->weight);
    pcl_free(s->near_weight);
    pcl_free(s->count);
    pcl_free(s->entry);
    *s = (pcl_sampler){0};
}

void pcl_sampler_begin(pcl_sampler *s, size_t ichan, size_t ipol) {
    s->ichan = ichan;
    s->ipol = ipol;
    s->iblock = 0;
    s->irow = 0;
    s->n = 0;
}

static int reserve(void **array, size_t *size, size_t n, size_t item, pclean_err *err) {
    if (n <= *size)
        return 0;
    pcl_free(*array);
    *array = NULL;
    *size = 0;
    int rc = pcl_alloc(array, n, item, "channel map", err);
    if (!rc)
        *size = n;
    return rc;
}

/* Which data channels feed this image channel at each of the block's times. An image that takes everything (mfs) needs no
 * table: sample j of a row is data channel j. */
static int map_block(pcl_sampler *s, const pcl_vis_block *b, pclean_err *err) {
    s->max_per_row = pcl_channels_max_samples(s->channels, b->nchan, b->freq_hz);
    if (s->channels->mfs)
        return 0;
    int rc = reserve((void **)&s->count, &s->count_size, b->ntime, sizeof *s->count, err);
    if (!rc)
        rc = reserve((void **)&s->entry, &s->entry_size, b->ntime * s->max_per_row, sizeof *s->entry, err);
    if (rc)
        return rc;
    size_t most = 0;
    for (size_t t = 0; t < b->ntime; t++) {
        s->count[t] = pcl_channels_samples(s->channels, s->ichan, b->nchan, b->freq_hz, b->doppler[t],
                                           s->entry + t * s->max_per_row);
        most = s->count[t] > most ? s->count[t] : most;
    }
    if (most == 0)
        s->max_per_row = 0; /* the block has nothing for this channel */
    return 0;
}

static void add_sample(pcl_sampler *s, const pcl_vis_block *b, size_t row, const pcl_channel_sample *e) {
    const size_t plane = s->ipol * b->nchan, lo = (plane + (size_t)e->lo) * b->row_stride + row,
                 hi = (plane + (size_t)e->hi) * b->row_stride + row, near = (plane + (size_t)e->near) * b->row_stride + row;
    const float wlo = b->weight[lo], whi = b->weight[hi];
    if (!(wlo > 0 && whi > 0))
        return;
    const size_t i = s->n++;
    const double doppler = b->doppler[b->itime[row]], observed = e->freq_hz / doppler / C,
                 looked_up = b->freq_hz[e->near] * doppler / C;
    s->u[i] = b->u_m[row] * observed;
    s->v[i] = b->v_m[row] * observed;
    s->frame_u[i] = b->u_m[row] * e->freq_hz / C;
    s->frame_v[i] = b->v_m[row] * e->freq_hz / C;
    s->near_u[i] = b->u_m[row] * looked_up;
    s->near_v[i] = b->v_m[row] * looked_up;
    const float a = e->alpha;
    s->samples[2 * i] = b->vis[2 * lo] + a * (b->vis[2 * hi] - b->vis[2 * lo]);
    s->samples[2 * i + 1] = b->vis[2 * lo + 1] + a * (b->vis[2 * hi + 1] - b->vis[2 * lo + 1]);
    s->weight[i] = wlo + a * (whi - wlo);
    s->near_weight[i] = b->weight[near];
}

static void add_rows(pcl_sampler *s, const pcl_vis_block *b, size_t from, size_t to) {
    if (s->channels->mfs) {
        for (size_t j = 0; j < b->nchan; j++)
            for (size_t r = from; r < to; r++) {
                const pcl_channel_sample e = {.lo = (int)j, .hi = (int)j, .near = (int)j,
                                              .freq_hz = b->freq_hz[j] * b->doppler[b->itime[r]]};
                add_sample(s, b, r, &e);
            }
        return;
    }
    const size_t stride = pcl_channels_max_samples(s->channels, b->nchan, b->freq_hz);
    for (size_t j = 0; j < stride; j++)
        for (size_t r = from; r < to; r++) {
            const size_t t = b->itime[r];
            if (j < s->count[t])
                add_sample(s, b, r, &s->entry[t * stride + j]);
        }
}

int pcl_sampler_next(pcl_sampler *s, bool *more, pclean_err *err) {
    s->n = 0;
    while (s->n == 0 && s->iblock < s->vis->nblock) {
        const pcl_vis_block *b = &s->vis->block[s->iblock];
        if (s->irow == 0 && b->nrow > 0 && b->nchan > 0) {
            int rc = map_block(s, b, err);
            if (rc)
                return rc;
        }
        if (b->nchan == 0 || s->irow >= b->nrow || s->max_per_row == 0) {
            s->iblock++;
            s->irow = 0;
            continue;
        }
        size_t end = s->irow + s->nmax / s->max_per_row;
        end = end < b->nrow ? end : b->nrow;
        add_rows(s, b, s->irow, end);
        s->irow = end;
        if (end == b->nrow) {
            s->iblock++;
            s->irow = 0;
        }
    }
    *more = s->n > 0;
    return 0;
}
