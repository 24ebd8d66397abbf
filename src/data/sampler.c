#include "data/sampler.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

static const double C = 299792458.0;
enum {
    BATCH = 1 << 17,
    PART = 1024 /* rows that one thread takes at a time */
};
enum { OBSERVED, FRAME, NEAR };

int pcl_sampler_init(pcl_sampler *s, const pcl_store *vis, const pcl_channels *channels,
                     pclean_err *err) {
    *s = (pcl_sampler){.vis = vis, .channels = channels, .nmax = BATCH};
    for (size_t k = 0; k < vis->nblock; k++) {
        const pcl_row_channels row = pcl_block_channels(&vis->block[k]);
        const size_t n = pcl_channels_max_samples(channels, &row);
        if (n > s->nmax)
            s->nmax = n;
    }
    int rc = PCL_NEW(&s->weight, s->nmax, "sample batch", err);
    if (rc)
        pcl_sampler_clear(s);
    return rc;
}

void pcl_sampler_clear(pcl_sampler *s) {
    pcl_free(s->u);
    pcl_free(s->v);
    pcl_free(s->w);
    pcl_free(s->id);
    pcl_free(s->frame_u);
    pcl_free(s->frame_v);
    pcl_free(s->near_u);
    pcl_free(s->near_v);
    pcl_free(s->u_m);
    pcl_free(s->v_m);
    pcl_free(s->samples);
    pcl_free(s->weight);
    pcl_free(s->count);
    pcl_free(s->entry);
    pcl_free(s->scale);
    pcl_free(s->unit);
    pcl_free(s->reach);
    *s = (pcl_sampler){0};
}

size_t pcl_sampler_batch(size_t most_per_row) {
    return most_per_row > BATCH ? most_per_row : BATCH;
}

uint64_t pcl_sampler_bytes(size_t nmax, unsigned want) {
    const size_t n = nmax > BATCH ? nmax : BATCH;
    size_t each = sizeof(float);
    if (want & PCL_SAMPLER_UV)
        each += 2 * sizeof(double);
    if (want & PCL_SAMPLER_W)
        each += sizeof(double);
    if (want & PCL_SAMPLER_ID)
        each += sizeof(size_t);
    if (want & PCL_SAMPLER_VIS)
        each += 2 * sizeof(float);
    if (want & PCL_SAMPLER_FRAME)
        each += 2 * sizeof(double);
    if (want & PCL_SAMPLER_NEAR)
        each += 2 * sizeof(double);
    if (want & PCL_SAMPLER_METRES)
        each += 2 * sizeof(double);
    return n * each;
}

void pcl_sampler_begin(pcl_sampler *s, size_t ichan, size_t ipol, unsigned want) {
    s->want = want;
    s->ichan = ichan;
    s->ipol = ipol;
    s->iblock = 0;
    s->irow = 0;
    s->islice = 0;
    s->nslice = 1;
    s->inside = false;
    s->n = 0;
    s->umax = s->vmax = s->wmax = 0;
    s->first_id = 0;
    s->wlow = 0;
    s->whigh = INFINITY;
}

void pcl_sampler_window(pcl_sampler *s, double low, double high) {
    s->wlow = low;
    s->whigh = high;
}

void pcl_sampler_slice(pcl_sampler *s, size_t islice, size_t nslice) {
    s->islice = islice;
    s->nslice = nslice;
}

/* A block has as many ids as its rows can give samples to any channel. */
static size_t ids_of_block(const pcl_sampler *s, const pcl_block *b) {
    const pcl_row_channels row = pcl_block_channels(b);
    return b->nrow * pcl_channels_max_samples(s->channels, &row);
}

size_t pcl_sampler_nid(const pcl_sampler *s) {
    size_t n = 0;
    for (size_t k = 0; k < s->vis->nblock; k++)
        n += ids_of_block(s, &s->vis->block[k]);
    return n;
}

/* ---- work space ---- */

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

static int make(double **array, size_t n, pclean_err *err) {
    return *array ? 0 : PCL_NEW(array, n, "sample batch", err);
}

/* The arrays that this walk fills. */
static int allocate(pcl_sampler *s, pclean_err *err) {
    const size_t n = s->nmax;
    int rc = 0;
    if (s->want & PCL_SAMPLER_UV && ((rc = make(&s->u, n, err)) || (rc = make(&s->v, n, err))))
        return rc;
    if (s->want & PCL_SAMPLER_W && (rc = make(&s->w, n, err)))
        return rc;
    if (s->want & PCL_SAMPLER_ID && !s->id && (rc = PCL_NEW(&s->id, n, "sample batch", err)))
        return rc;
    if (s->want & PCL_SAMPLER_FRAME &&
        ((rc = make(&s->frame_u, n, err)) || (rc = make(&s->frame_v, n, err))))
        return rc;
    if (s->want & PCL_SAMPLER_NEAR &&
        ((rc = make(&s->near_u, n, err)) || (rc = make(&s->near_v, n, err))))
        return rc;
    if (s->want & PCL_SAMPLER_METRES &&
        ((rc = make(&s->u_m, n, err)) || (rc = make(&s->v_m, n, err))))
        return rc;
    return s->want & PCL_SAMPLER_VIS && !s->samples
               ? PCL_NEW(&s->samples, 2 * n, "sample batch", err)
               : 0;
}

/* ---- channel map ---- */

static void map_time(pcl_sampler *s, const pcl_block *b, size_t t) {
    pcl_channel_sample *e = s->entry + t * s->stride;
    const pcl_row_channels row = pcl_block_channels(b);
    s->count[t] = pcl_channels_samples(s->channels, s->ichan, &row, b->doppler[t], e);
    for (size_t j = 0; j < s->count[t]; j++) {
        double *scale = s->scale[t * s->stride + j];
        scale[OBSERVED] = e[j].freq_hz / b->doppler[t] / C;
        scale[FRAME] = e[j].freq_hz / C;
        scale[NEAR] = b->freq_hz[e[j].near] * b->doppler[t] / C;
    }
}

static bool all_same(const double *x, size_t n) {
    for (size_t i = 1; i < n; i++)
        if (x[i] != x[0])
            return false;
    return true;
}

/* Which data channels feed this image channel at each of the block's times. An image that takes
 * everything (mfs) needs no table: sample j of a row is data channel j. */
static int map_block(pcl_sampler *s, const pcl_block *b, pclean_err *err) {
    const pcl_row_channels row = pcl_block_channels(b);
    s->stride = s->per_row = pcl_channels_max_samples(s->channels, &row);
    s->same_for_all = s->channels->mfs || all_same(b->doppler, b->ntime);
    double most = 0;
    if (s->channels->mfs) {
        for (size_t c = 0; c < b->nchan; c++)
            most = fmax(most, b->freq_hz[c] / C);
    } else {
        const size_t ntime = s->same_for_all ? 1 : b->ntime;
        int rc;
        if ((rc = reserve((void **)&s->count, &s->count_size, ntime, sizeof *s->count, err)) ||
            (rc = reserve((void **)&s->entry, &s->entry_size, ntime * s->stride, sizeof *s->entry,
                          err)) ||
            (rc = reserve((void **)&s->scale, &s->scale_size, ntime * s->stride, sizeof *s->scale,
                          err)))
            return rc;
#pragma omp parallel for schedule(static) if (ntime > 1)
        for (size_t t = 0; t < ntime; t++)
            map_time(s, b, t);
        s->per_row = 0; /* stays so when the block has nothing for this channel */
        for (size_t t = 0; t < ntime; t++) {
            s->per_row = s->count[t] > s->per_row ? s->count[t] : s->per_row;
            for (size_t j = 0; j < s->count[t]; j++)
                most = fmax(most, s->scale[t * s->stride + j][OBSERVED]);
        }
    }
    s->umax = fmax(s->umax, b->umax_m * most);
    s->vmax = fmax(s->vmax, b->vmax_m * most);
    s->wmax = fmax(s->wmax, b->wmax_m * most);
    return 0;
}

/* ---- parts of a batch ---- */

/* Part of a batch: sample j of rows [row, row + nrow). */
typedef struct part {
    size_t j, row, nrow;
    const double *reach;       /* of its rows, with w */
    const float *weight, *vis; /* of the plane's channel 0, row `row` */
} part;

/* Entry j of a row when all rows have the same. */
static pcl_channel_sample common_entry(const pcl_sampler *s, const pcl_block *b, size_t j,
                                       double scale[3]) {
    if (!s->channels->mfs) {
        memcpy(scale, s->scale[j], sizeof *s->scale);
        return s->entry[j];
    }
    /* the frame's factor is a row's own */
    scale[OBSERVED] = scale[FRAME] = scale[NEAR] = b->freq_hz[j] / C;
    return (pcl_channel_sample){.lo = (int)j, .hi = (int)j, .near = (int)j};
}

/* Entry j of a row; NULL when it has no more. */
static inline const pcl_channel_sample *entry_of(const pcl_sampler *s, const pcl_block *b,
                                                 size_t row, size_t j) {
    const size_t t = b->itime[row];
    return j < s->count[t] ? &s->entry[t * s->stride + j] : NULL;
}

static void find_reach(const pcl_block *b, size_t from, size_t to, double reach[2]) {
    reach[0] = INFINITY;
    reach[1] = 0;
    for (size_t r = from; r < to && r < from + PART; r++) {
        reach[0] = fmin(reach[0], fabs(b->w_m[r]));
        reach[1] = fmax(reach[1], fabs(b->w_m[r]));
    }
}

/* The rows i < n of a part whose two weights are not 0, as offsets from its first row; returns
 * their number. list NULL: only that. */
static size_t list_weighted(const float *lo, const float *hi, size_t n, uint16_t *list) {
    size_t m = 0;
    if (list)
        for (size_t i = 0; i < n; i++) {
            list[m] = (uint16_t)i;
            m += (lo[i] > 0) & (hi[i] > 0);
        }
    else
        for (size_t i = 0; i < n; i++)
            m += (lo[i] > 0) & (hi[i] > 0);
    return m;
}

/* All rows have the same entry. */
static size_t list_common(const pcl_sampler *s, const pcl_block *b, const part *p, uint16_t *list) {
    double scale[3];
    const pcl_channel_sample e = common_entry(s, b, p->j, scale);
    const float *lo = p->weight + (size_t)e.lo * b->row_stride,
                *hi = p->weight + (size_t)e.hi * b->row_stride;
    const double low = s->wlow / scale[OBSERVED], high = s->whigh / scale[OBSERVED];
    if (p->reach && (p->reach[1] < low || p->reach[0] > high))
        return 0;
    if (!p->reach || (p->reach[0] >= low && p->reach[1] <= high))
        return list_weighted(lo, hi, p->nrow, list);
    const double *w = b->w_m + p->row;
    size_t n = 0;
    for (size_t i = 0; i < p->nrow; i++) {
        if (list)
            list[n] = (uint16_t)i;
        n += (lo[i] > 0) & (hi[i] > 0) & (fabs(w[i]) >= low) & (fabs(w[i]) <= high);
    }
    return n;
}

/* Each row has the entry of its time. */
static size_t list_by_time(const pcl_sampler *s, const pcl_block *b, const part *p,
                           uint16_t *list) {
    const size_t stride = b->row_stride;
    size_t n = 0;
    for (size_t i = 0; i < p->nrow; i++) {
        const pcl_channel_sample *e = entry_of(s, b, p->row + i, p->j);
        if (!e)
            continue;
        if (list)
            list[n] = (uint16_t)i;
        const double w = fabs(b->w_m[p->row + i]) * s->scale[e - s->entry][OBSERVED];
        n += (p->weight[(size_t)e->lo * stride + i] > 0) &
             (p->weight[(size_t)e->hi * stride + i] > 0) & (w >= s->wlow) & (w <= s->whigh);
    }
    return n;
}

/* The rows of a part that have the sample, as offsets from its first row; returns their number.
 * list NULL: only that. */
static size_t list_rows(const pcl_sampler *s, const pcl_block *b, const part *p, uint16_t *list) {
    return (s->same_for_all ? list_common : list_by_time)(s, b, p, list);
}

static inline void interpolate(const part *p, size_t stride, const pcl_channel_sample *e, size_t i,
                               float *out) {
    const float *lo = p->vis + 2 * ((size_t)e->lo * stride + i),
                *hi = p->vis + 2 * ((size_t)e->hi * stride + i);
    out[0] = lo[0] + e->alpha * (hi[0] - lo[0]);
    out[1] = lo[1] + e->alpha * (hi[1] - lo[1]);
}

static inline float interpolate_weight(const part *p, size_t stride, const pcl_channel_sample *e,
                                       size_t i) {
    const float lo = p->weight[(size_t)e->lo * stride + i],
                hi = p->weight[(size_t)e->hi * stride + i];
    return lo + e->alpha * (hi - lo);
}

static inline __attribute__((always_inline)) void
scale_rows(const double *metres, const uint16_t *list, size_t n, double scale, double *out) {
    if (list)
        for (size_t k = 0; k < n; k++)
            out[k] = metres[list[k]] * scale;
    else
        for (size_t k = 0; k < n; k++)
            out[k] = metres[k] * scale;
}

/* n listed (NULL: the first n) of rows with `width` floats. */
static inline __attribute__((always_inline)) void
copy_rows(const float *rows, size_t width, const uint16_t *list, size_t n, float *out) {
    if (list)
        for (size_t k = 0; k < n; k++)
            memcpy(out + width * k, rows + width * list[k], width * sizeof *out);
    else
        memcpy(out, rows, n * width * sizeof *out);
}

/* Frame coordinates of mfs: each row has its Doppler factor. */
static void scale_rows_doppler(const pcl_block *b, const part *p, const uint16_t *list, size_t n,
                               double scale, double *u, double *v) {
    for (size_t k = 0; k < n; k++) {
        const size_t row = p->row + (list ? list[k] : k);
        const double f = scale * b->doppler[b->itime[row]];
        u[k] = b->u_m[row] * f;
        v[k] = b->v_m[row] * f;
    }
}

/* All rows have the same entry. list NULL: all rows have the sample. */
static void fill_common(pcl_sampler *s, const pcl_block *b, const part *p, const uint16_t *list,
                        size_t n, size_t at) {
    double scale[3];
    const pcl_channel_sample e = common_entry(s, b, p->j, scale);
    const size_t stride = b->row_stride;
    const double *u = b->u_m + p->row, *v = b->v_m + p->row;
    if (s->want & PCL_SAMPLER_UV) {
        scale_rows(u, list, n, scale[OBSERVED], s->u + at);
        scale_rows(v, list, n, scale[OBSERVED], s->v + at);
    }
    if (s->want & PCL_SAMPLER_W)
        scale_rows(b->w_m + p->row, list, n, scale[OBSERVED], s->w + at);
    if (s->want & PCL_SAMPLER_METRES) {
        scale_rows(u, list, n, 1, s->u_m + at);
        scale_rows(v, list, n, 1, s->v_m + at);
    }
    for (int what = FRAME; what <= NEAR; what++) {
        if (!(s->want & (what == FRAME ? PCL_SAMPLER_FRAME : PCL_SAMPLER_NEAR)))
            continue;
        double *to_u = (what == FRAME ? s->frame_u : s->near_u) + at,
               *to_v = (what == FRAME ? s->frame_v : s->near_v) + at;
        if (s->channels->mfs) {
            scale_rows_doppler(b, p, list, n, scale[what], to_u, to_v);
        } else {
            scale_rows(u, list, n, scale[what], to_u);
            scale_rows(v, list, n, scale[what], to_v);
        }
    }
    if (s->want & PCL_SAMPLER_VIS) {
        float *to = s->samples + 2 * at;
        if (e.lo == e.hi)
            copy_rows(p->vis + 2 * (size_t)e.lo * stride, 2, list, n, to);
        else
            for (size_t k = 0; k < n; k++)
                interpolate(p, stride, &e, list ? list[k] : k, to + 2 * k);
    }
    if (e.lo == e.hi || s->want & PCL_SAMPLER_NEAR)
        copy_rows(p->weight + (size_t)e.near * stride, 1, list, n, s->weight + at);
    else
        for (size_t k = 0; k < n; k++)
            s->weight[at + k] = interpolate_weight(p, stride, &e, list ? list[k] : k);
}

/* Each row has the entry of its time. */
static void fill_by_time(pcl_sampler *s, const pcl_block *b, const part *p, const uint16_t *list,
                         size_t n, size_t at) {
    const size_t stride = b->row_stride;
    for (size_t k = 0; k < n; k++, at++) {
        const size_t i = list[k], row = p->row + i;
        const pcl_channel_sample *e = entry_of(s, b, row, p->j);
        const double *scale = s->scale[e - s->entry], u = b->u_m[row], v = b->v_m[row];
        if (s->want & PCL_SAMPLER_UV) {
            s->u[at] = u * scale[OBSERVED];
            s->v[at] = v * scale[OBSERVED];
        }
        if (s->want & PCL_SAMPLER_W)
            s->w[at] = b->w_m[row] * scale[OBSERVED];
        if (s->want & PCL_SAMPLER_METRES) {
            s->u_m[at] = u;
            s->v_m[at] = v;
        }
        if (s->want & PCL_SAMPLER_FRAME) {
            s->frame_u[at] = u * scale[FRAME];
            s->frame_v[at] = v * scale[FRAME];
        }
        s->weight[at] = interpolate_weight(p, stride, e, i);
        if (s->want & PCL_SAMPLER_NEAR) {
            s->near_u[at] = u * scale[NEAR];
            s->near_v[at] = v * scale[NEAR];
            s->weight[at] = p->weight[(size_t)e->near * stride + i];
        }
        if (s->want & PCL_SAMPLER_VIS)
            interpolate(p, stride, e, i, s->samples + 2 * at);
    }
}

static void fill_ids(pcl_sampler *s, const part *p, const uint16_t *list, size_t n, size_t at) {
    for (size_t k = 0; k < n; k++)
        s->id[at + k] = s->first_id + (p->row + (list ? list[k] : k)) * s->stride + p->j;
}

static void fill_part(pcl_sampler *s, const pcl_block *b, const part *p, size_t n, size_t at) {
    uint16_t list[PART];
    const bool all = n == p->nrow && s->same_for_all;
    if (!all)
        list_rows(s, b, p, list);
    if (s->want & PCL_SAMPLER_ID)
        fill_ids(s, p, all ? NULL : list, n, at);
    if (s->same_for_all)
        fill_common(s, b, p, all ? NULL : list, n, at);
    else
        fill_by_time(s, b, p, list, n, at);
}

static part part_of(const pcl_sampler *s, const pcl_block *b, size_t from, size_t to, size_t k) {
    const size_t npart = (to - from + PART - 1) / PART, row = from + k % npart * PART;
    const size_t plane = s->ipol * b->nchan * b->row_stride + row;
    return (part){.j = k / npart,
                  .row = row,
                  .reach = s->want & PCL_SAMPLER_W ? s->reach[k % npart] : NULL,
                  .nrow = to - row < PART ? to - row : PART,
                  .weight = b->weight + plane,
                  .vis = b->vis + 2 * plane};
}

/* Samples of rows [from, to): first every part is counted, then each is filled where it belongs. */
static int add_rows(pcl_sampler *s, const pcl_block *b, size_t from, size_t to, pclean_err *err) {
    const size_t nstretch = (to - from + PART - 1) / PART, nunit = s->per_row * nstretch;
    int rc;
    if ((rc = reserve((void **)&s->unit, &s->unit_size, nunit + 1, sizeof *s->unit, err)) ||
        (s->want & PCL_SAMPLER_W &&
         (rc = reserve((void **)&s->reach, &s->reach_size, nstretch, sizeof *s->reach, err))))
        return rc;
    for (size_t k = 0; s->want & PCL_SAMPLER_W && k < nstretch; k++)
        find_reach(b, from + k * PART, to, s->reach[k]);
    s->unit[0] = 0;
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (size_t k = 0; k < nunit; k++) {
            const part p = part_of(s, b, from, to, k);
            s->unit[k + 1] = (uint32_t)list_rows(s, b, &p, NULL);
        }
#pragma omp single
        for (size_t k = 0; k < nunit; k++)
            s->unit[k + 1] += s->unit[k];
#pragma omp for schedule(static)
        for (size_t k = 0; k < nunit; k++) {
            const part p = part_of(s, b, from, to, k);
            if (s->unit[k + 1] > s->unit[k])
                fill_part(s, b, &p, s->unit[k + 1] - s->unit[k], s->unit[k]);
        }
    }
    s->n = s->unit[nunit];
    return 0;
}

int pcl_sampler_next(pcl_sampler *s, bool *more, pclean_err *err) {
    s->n = 0;
    int rc = allocate(s, err);
    while (!rc && s->n == 0 && s->iblock < s->vis->nblock) {
        const pcl_block *b = &s->vis->block[s->iblock];
        const size_t from = b->nrow * s->islice / s->nslice,
                     to = b->nrow * (s->islice + 1) / s->nslice;
        const bool empty = from == to || b->nchan == 0;
        if (!empty && !s->inside) {
            rc = map_block(s, b, err);
            s->inside = true;
            s->irow = from;
        }
        if (!rc && !empty && s->per_row > 0) {
            const size_t step = s->nmax / s->per_row,
                         end = to - s->irow < step ? to : s->irow + step;
            rc = add_rows(s, b, s->irow, end, err);
            s->irow = end;
        }
        if (empty || s->per_row == 0 || s->irow == to) {
            s->first_id += ids_of_block(s, b);
            s->iblock++;
            s->inside = false;
        }
    }
    *more = s->n > 0;
    return rc;
}
