#include "data/conversion.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Finite numbers that single precision cannot carry on with; without a branch. A weight of 0 or
 * below is not absurd: it is none. */
static inline bool is_absurd(float re, float im, float weight) {
    const float a = fabsf(re), b = fabsf(im), value = a > b ? a : b;
    return (value > PCL_STORE_MOST) | (weight > PCL_STORE_MOST) |
           (weight * value > PCL_STORE_MOST) | ((weight > 0) & (weight < PCL_STORE_LEAST));
}

/* One sample of a plane from its correlations; returns its weight, 0 when it is not used. */
static inline float combine(const pcl_stokes_terms *p, const float *vis, const bool *flag,
                            float weight, float out[2], pcl_tally *t) {
    float re = 0, im = 0;
    size_t good = 0;
    for (size_t k = 0; k < p->n; k++) {
        const size_t c = p->index[k];
        if (flag[c])
            continue;
        re += p->re[k] * vis[2 * c] - p->im[k] * vis[2 * c + 1];
        im += p->re[k] * vis[2 * c + 1] + p->im[k] * vis[2 * c];
        good++;
    }
    out[0] = out[1] = 0;
    if (good == 0 || (good < p->n && !p->either)) {
        t->nflagged++;
        return 0;
    }
    if (p->either) { /* the mean of the good hands: each term carries a half; the weight counts
                      * the hands */
        re *= 2 / (float)good;
        im *= 2 / (float)good;
        weight *= 0.5f * (float)good;
    }
    if (!isfinite(re) || !isfinite(im) || !isfinite(weight)) {
        t->nonfinite++;
        return 0;
    }
    if (!(weight > 0)) {
        t->nflagged++;
        return 0;
    }
    if (is_absurd(re, im, weight)) {
        t->nabsurd++;
        return 0;
    }
    out[0] = re;
    out[1] = im;
    return weight;
}

/* Where the correlations of a row's first channel lie. */
typedef struct row_place {
    const float *vis, *weight;
    const bool *flag;
} row_place;

/* One channel of n rows: where its correlations lie, and where its samples go. */
typedef struct channel {
    const row_place *row;
    size_t n;
    size_t at, weight_at; /* of its first correlation and weight, from a row's place */
    size_t ncorr;
    float *vis, *weight;
} channel;

static void convert_general(const pcl_stokes_terms *plane, const channel *c, pcl_tally *t) {
    const channel in = *c;
    for (size_t k = 0; k < in.n; k++) {
        const float *w = in.row[k].weight + in.weight_at;
        in.weight[k] = combine(plane, in.row[k].vis + 2 * in.at, in.row[k].flag + in.at,
                               0.5f * (w[0] + w[in.ncorr - 1]), in.vis + 2 * k, t);
        t->nused += in.weight[k] > 0;
    }
}

/* The same without branches for two real terms that are both needed: Stokes I, the most common. */
static void convert_pair(const pcl_stokes_terms *plane, const channel *c, pcl_tally *t) {
    const channel in = *c;
    const size_t i = in.at + plane->index[0], j = in.at + plane->index[1];
    const float a = plane->re[0], b = plane->re[1];
    for (size_t k = 0; k < in.n; k++) {
        const row_place *row = &in.row[k];
        const float *p = row->vis + 2 * i, *q = row->vis + 2 * j, *wp = row->weight + in.weight_at;
        const float re = a * p[0] + b * q[0], im = a * p[1] + b * q[1],
                    w = 0.5f * (wp[0] + wp[in.ncorr - 1]);
        /* x - x is 0 for what is finite, else NaN */
        const bool flagged = row->flag[i] | row->flag[j],
                   finite = (re - re) + (im - im) + (w - w) == 0;
        const bool absurd = is_absurd(re, im, w), use = !flagged & finite & (w > 0) & !absurd;
        in.vis[2 * k] = use ? re : 0;
        in.vis[2 * k + 1] = use ? im : 0;
        in.weight[k] = use ? w : 0;
        t->nused += use;
        t->nonfinite += !flagged & !finite;
        t->nflagged += flagged | (finite & !(w > 0));
        t->nabsurd += !flagged & finite & (w > 0) & absurd;
    }
}

static bool is_pair(const pcl_stokes_terms *plane) {
    return plane->n == 2 && !plane->either && plane->im[0] == 0 && plane->im[1] == 0;
}

/* A plane that these rows cannot give. */
static void leave_blank(const pcl_block *b, size_t ipol, size_t n) {
    for (size_t c = 0; c < b->nchan; c++) {
        const size_t to = (ipol * b->nchan + c) * b->row_stride + b->nrow;
        memset(b->vis + 2 * to, 0, 2 * n * sizeof *b->vis);
        memset(b->weight + to, 0, n * sizeof *b->weight);
    }
}

void pcl_conversion_rows(const pcl_conversion *c, const casa_ms_rows *rows, const size_t *row,
                         size_t n, pcl_tally *tally) {
    const pcl_block *b = c->block;
    const size_t nchansel = c->dd->nchansel, ncorr = c->dd->ncorr,
                 weight_step = rows->weight_nchan == 1 ? 0 : ncorr;
    row_place place[PCL_CONVERSION_MOST];
    for (size_t k = 0; k < n; k++) {
        const size_t first = (row[k] * nchansel + c->from) * ncorr;
        place[k] =
            (row_place){rows->vis + 2 * first,
                        rows->weight + (weight_step ? first : row[k] * ncorr), rows->flag + first};
    }
    pcl_tally t = *tally;
    for (size_t p = 0; p < c->npol; p++) {
        const pcl_stokes_terms *plane = &c->plane[p];
        if (plane->n == 0) {
            leave_blank(b, p, n);
            continue;
        }
        const bool pair = is_pair(plane);
        for (size_t ichan = 0; ichan < b->nchan; ichan++) {
            const size_t to = (p * b->nchan + ichan) * b->row_stride + b->nrow;
            const channel in = {.row = place,
                                .n = n,
                                .at = ichan * ncorr,
                                .weight_at = ichan * weight_step,
                                .ncorr = ncorr,
                                .vis = b->vis + 2 * to,
                                .weight = b->weight + to};
            (pair ? convert_pair : convert_general)(plane, &in, &t);
        }
    }
    *tally = t;
}
