#include "data/vis.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/spool.h"

struct pcl_vis_source {
    size_t n;
    casa_ms **ms;
};

int pcl_vis_open(size_t nms, const char *const *path, const casa_ms_selection *sel,
                 pcl_vis_source **out, pclean_err *err) {
    *out = NULL;
    pcl_vis_source *src = NULL;
    int rc = PCL_ZNEW(&src, 1, "list of MeasurementSets", err);
    if (!rc)
        rc = PCL_ZNEW(&src->ms, nms, "list of MeasurementSets", err);
    for (size_t i = 0; !rc && i < nms; i++) {
        rc = casa_ms_open(path[i], &sel[i], &src->ms[i], err);
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

size_t pcl_vis_source_count(const pcl_vis_source *src) {
    return src->n;
}

const casa_ms_info *pcl_vis_source_info(const pcl_vis_source *src, size_t ims) {
    return casa_ms_get_info(src->ms[ims]);
}

casa_ms *pcl_vis_source_ms(const pcl_vis_source *src, size_t ims) {
    return src->ms[ims];
}

int pcl_vis_doppler(const pcl_vis_source *src, size_t ims, size_t idd, int frame,
                    const casa_direction *dir, size_t ntime, const double *time_s, double *factor,
                    pclean_err *err) {
    const casa_ms_info *info = pcl_vis_source_info(src, ims);
    if (frame < 0 || info->dd[idd].freq_ref == frame) {
        for (size_t i = 0; i < ntime; i++)
            factor[i] = 1;
        return 0;
    }
    if (!info->position_known)
        return PCL_FAIL(
            err, PCLEAN_EDATA,
            "%s: frequencies cannot be brought from %s to %s: telescope \"%s\" is not known, and "
            "POSITION in its table ANTENNA is no place (outframe=%s needs none)",
            info->path, casa_freq_frame_name(info->dd[idd].freq_ref), casa_freq_frame_name(frame),
            info->telescope, casa_freq_frame_name(info->dd[idd].freq_ref));
    int rc = casa_doppler(info->dd[idd].freq_ref, frame, info->position_itrf_m, info->time_ref, dir,
                          ntime, time_s, factor, err);
    if (rc)
        pcl_err_prefix(err, "%s: ", info->path);
    return rc;
}

/* ---- distinct times ---- */

/* Open-addressing table from a time to its index, so that baseline-major MSs are served as well as
 * time-major ones. */
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

/* ---- the store's place ---- */

enum { PAGE = 4096 };

static char *page_from(void *p) {
    return (char *)(((uintptr_t)p + PAGE - 1) / PAGE * PAGE);
}

/* Rows are padded to whole cache lines; channels a multiple of 4 KiB apart would share cache
 * sets. */
size_t pcl_vis_row_stride(size_t nrow) {
    const size_t n = (nrow + 15) / 16 * 16;
    return n % 512 == 0 ? n + 16 : n;
}

/* A sample of the rows is a few runs of them, evenly spaced. */
typedef struct row_steps {
    size_t each, stride, n;
} row_steps;

enum {
    STEP_BYTES = 4 << 20 /* of one read: what is read stays in the cache until it is converted */
};

static size_t row_bytes(const casa_ms_info *info) {
    size_t most = 1;
    for (size_t d = 0; d < info->ndd; d++) {
        const size_t bytes = info->dd[d].nchansel * info->dd[d].ncorr * 13;
        most = bytes > most ? bytes : most;
    }
    return most;
}

static row_steps steps_of(const casa_ms_info *info, size_t sample_rows) {
    row_steps s = {.each = STEP_BYTES / row_bytes(info) + 1};
    s.stride = s.each;
    if (sample_rows && sample_rows < info->nrow) {
        s.each = s.each < sample_rows / 4 + 1 ? s.each : sample_rows / 4 + 1;
        s.stride = (size_t)((double)s.each * ((double)info->nrow / (double)sample_rows));
    }
    s.n = (info->nrow + s.stride - 1) / s.stride;
    return s;
}

/* Rows of a data description that can come. */
static size_t rows_of(const casa_ms_info *info, size_t idd, size_t sample_rows) {
    const row_steps s = steps_of(info, sample_rows);
    return s.n * s.each < info->dd[idd].nrow ? s.n * s.each : info->dd[idd].nrow;
}

/* Bytes of a block; with b, its arrays are laid out from `base` on. */
static size_t lay_out(pcl_vis_block *b, char *base, size_t npol, size_t nchan, size_t nrow) {
    const size_t stride = pcl_vis_row_stride(nrow), n = npol * nchan * stride;
    const size_t size[] = {2 * n * sizeof *b->vis,  n * sizeof *b->weight,
                           stride * sizeof *b->u_m, stride * sizeof *b->v_m,
                           stride * sizeof *b->w_m, stride * sizeof *b->itime};
    size_t at[sizeof size / sizeof *size + 1] = {0};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        at[i + 1] = at[i] + (size[i] + PAGE - 1) / PAGE * PAGE;
    if (b) {
        b->row_stride = stride;
        b->vis = (float *)(base + at[0]);
        b->weight = (float *)(base + at[1]);
        b->u_m = (double *)(base + at[2]);
        b->v_m = (double *)(base + at[3]);
        b->w_m = (double *)(base + at[4]);
        b->itime = (uint32_t *)(base + at[5]);
    }
    return at[sizeof size / sizeof *size];
}

static int map_scratch(const pcl_scratch *where, size_t bytes, void **out, pclean_err *err) {
    char *name;
    /* reserved: a write to the mapping finds its space */
    int fd, rc = pcl_spool_open(where, PCL_VIS_SPOOL, bytes, &fd, &name, err);
    if (rc)
        return rc;
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        rc = PCL_FAIL(err, PCLEAN_EIO, "%s cannot be mapped (%zu bytes): %s", name, bytes,
                      strerror(errno));
    else
        *out = map;
    close(fd);
    pcl_free(name);
    return rc;
}

static int store_new(pcl_vis *vis, const pcl_scratch *where, pclean_err *err) {
    const size_t bytes = (size_t)vis->bytes;
    if (where && bytes) {
        vis->in_file = true;
        return map_scratch(where, bytes, &vis->store, err);
    }
    return PCL_NEW((char **)&vis->store, bytes + PAGE, "visibility store", err);
}

static void store_free(pcl_vis *vis) {
    if (!vis->in_file)
        pcl_free(vis->store);
    else if (vis->store)
        munmap(vis->store, (size_t)vis->bytes);
}

void pcl_vis_clear(pcl_vis *vis) {
    for (size_t k = 0; vis->block && k < vis->nblock; k++) {
        pcl_vis_block *b = &vis->block[k];
        pcl_free(b->time_s);
        pcl_free(b->doppler);
        pcl_free(b->freq_hz);
    }
    store_free(vis);
    pcl_free(vis->block);
    *vis = (pcl_vis){0};
}

/* Block k is data description *idd of the MS returned. */
static const casa_ms_info *ms_of_block(const pcl_vis_source *src, size_t k, size_t *idd) {
    size_t i = 0;
    while (k >= pcl_vis_source_info(src, i)->ndd)
        k -= pcl_vis_source_info(src, i++)->ndd;
    *idd = k;
    return pcl_vis_source_info(src, i);
}

static size_t count_blocks(const pcl_vis_source *src) {
    size_t n = 0;
    for (size_t i = 0; i < src->n; i++)
        n += pcl_vis_source_info(src, i)->ndd;
    return n;
}

static int blocks_new(const pcl_vis_source *src, const pcl_vis_request *request, pcl_vis *vis,
                      pclean_err *err) {
    uint64_t work;
    pcl_vis_plan(src, request, &vis->bytes, &work);
    int rc;
    if ((rc = PCL_ZNEW(&vis->block, vis->nblock, "visibility store", err)) ||
        (rc = store_new(vis, request->scratch, err)))
        return rc;
    char *base = page_from(vis->store);
    for (size_t k = 0; k < vis->nblock; k++) {
        size_t idd;
        const casa_ms_info *info = ms_of_block(src, k, &idd);
        const casa_ms_dd *dd = &info->dd[idd];
        pcl_vis_block *b = &vis->block[k];
        b->nchan = request->to[k] - request->from[k];
        base += lay_out(b, base, vis->npol, b->nchan, rows_of(info, idd, request->sample_rows));
        b->spacing_hz = casa_ms_spacing(dd);
        if ((rc = PCL_NEW(&b->freq_hz, b->nchan, "frequencies", err)))
            return rc;
        for (size_t c = 0; c < b->nchan; c++)
            b->freq_hz[c] = dd->chan_freq_hz[dd->chansel[request->from[k] + c]];
    }
    return 0;
}

/* ---- order of rows ---- */

enum { WINDOW = 1 << 18, LEVELS = 7, SIDE = 1 << LEVELS, NTILE = SIDE * SIDE, NW = 16 };

typedef struct row_sorter {
    size_t window;
    bool by_w;
    uint32_t *tile;  /* [window] */
    uint32_t *from;  /* [window] row that comes to this place */
    uint64_t *copy;  /* [window] */
    uint32_t *count; /* [NTILE + 1], by_w: [NW NTILE + 1] */
} row_sorter;

static int sorter_new(size_t window, bool by_w, row_sorter *s, pclean_err *err) {
    *s = (row_sorter){.window = window, .by_w = by_w};
    int rc;
    if ((rc = PCL_NEW(&s->tile, window, "row sorter", err)) ||
        (rc = PCL_NEW(&s->from, window, "row sorter", err)) ||
        (rc = PCL_NEW(&s->copy, window, "row sorter", err)))
        return rc;
    return PCL_NEW(&s->count, (by_w ? NW : 1) * NTILE + 1, "row sorter", err);
}

static void sorter_clear(row_sorter *s) {
    pcl_free(s->tile);
    pcl_free(s->from);
    pcl_free(s->copy);
    pcl_free(s->count);
}

/* Place of cell (x, y) of a SIDE x SIDE square along Hilbert's curve (Warren 2012, Hacker's
 * Delight, section 16). */
static uint32_t hilbert(uint32_t x, uint32_t y) {
    uint32_t place = 0;
    for (uint32_t s = SIDE / 2; s > 0; s /= 2) {
        const uint32_t rx = (x & s) != 0, ry = (y & s) != 0;
        place += s * s * ((3 * rx) ^ ry);
        if (!ry) {
            if (rx) {
                x = SIDE - 1 - x;
                y = SIDE - 1 - y;
            }
            const uint32_t t = x;
            x = y;
            y = t;
        }
    }
    return place;
}

/* A row is sorted where the gridder puts it: mirrored to u >= 0 or, if it corrects for w, to w >=
 * 0, and then by |w| first. */
static uint32_t tile_of(bool by_w, double u, double v, double w, double per_m, double per_m_of_w) {
    const double sign = (by_w ? w : u) < 0 ? -per_m : per_m;
    const uint32_t tile =
        hilbert((uint32_t)(sign * u + (by_w ? 0.5 * SIDE : 0)), (uint32_t)(sign * v + 0.5 * SIDE));
    return by_w ? (uint32_t)(fabs(w) * per_m_of_w) * NTILE + tile : tile;
}

static void find_order(row_sorter *s, const double *u, const double *v, const double *w, size_t n) {
    double reach = 0, w_reach = 0;
    for (size_t i = 0; i < n; i++) {
        reach = fmax(reach, fmax(fabs(u[i]), fabs(v[i])));
        w_reach = fmax(w_reach, fabs(w[i]));
    }
    const double per_m = reach > 0 ? 0.5 * (SIDE - 1) / reach : 0,
                 per_m_of_w = w_reach > 0 ? (NW - 0.5) / w_reach : 0;
    const size_t ntile = s->by_w ? NW * NTILE : NTILE;
    memset(s->count, 0, (ntile + 1) * sizeof *s->count);
    for (size_t i = 0; i < n; i++) {
        s->tile[i] = tile_of(s->by_w, u[i], v[i], w[i], per_m, per_m_of_w);
        s->count[s->tile[i] + 1]++;
    }
    for (size_t t = 0; t < ntile; t++)
        s->count[t + 1] += s->count[t];
    for (size_t i = 0; i < n; i++)
        s->from[s->count[s->tile[i]]++] = (uint32_t)i;
}

static void permute_words(const row_sorter *s, void *array, size_t n) {
    uint32_t *a = array, *copy = (uint32_t *)s->copy;
    memcpy(copy, a, n * sizeof *a);
    for (size_t i = 0; i < n; i++)
        a[i] = copy[s->from[i]];
}

static void permute_pairs(const row_sorter *s, void *array, size_t n) {
    uint64_t *a = array, *copy = s->copy;
    memcpy(copy, a, n * sizeof *a);
    for (size_t i = 0; i < n; i++)
        a[i] = copy[s->from[i]];
}

/* Rows [from, from + n) of a block. */
static void sort_rows(row_sorter *s, pcl_vis_block *b, size_t npol, size_t from, size_t n) {
    find_order(s, b->u_m + from, b->v_m + from, b->w_m + from, n);
    permute_pairs(s, b->u_m + from, n);
    permute_pairs(s, b->v_m + from, n);
    permute_pairs(s, b->w_m + from, n);
    permute_words(s, b->itime + from, n);
    for (size_t c = 0; c < npol * b->nchan; c++) {
        permute_pairs(s, b->vis + 2 * (c * b->row_stride + from), n);
        permute_words(s, b->weight + c * b->row_stride + from, n);
    }
}

/* ---- rows to the store ---- */

typedef struct tally {
    uint64_t nflagged, nonfinite, nabsurd, nused;
} tally;

/* Finite numbers that single precision cannot carry on with; without a branch. A weight of 0 or
 * below is not absurd: it is none. */
static inline bool is_absurd(float re, float im, float weight) {
    const float a = fabsf(re), b = fabsf(im), value = a > b ? a : b;
    return (value > PCL_VIS_MOST) | (weight > PCL_VIS_MOST) | (weight * value > PCL_VIS_MOST) |
           ((weight > 0) & (weight < PCL_VIS_LEAST));
}

/* One sample of a plane from its correlations; returns its weight, 0 when it is not used. */
static inline float combine(const pcl_vis_plane *p, const float *vis, const bool *flag,
                            float weight, float out[2], tally *t) {
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
        t->nflagged++;
        return 0;
    }
    if (p->either) { /* mean of the good hands: each term carries a half; its weight counts the
                      * hands */
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

/* What the rows of one data description go through. */
typedef struct reader {
    pcl_vis *vis;
    pcl_vis_block *block;
    const casa_ms_dd *dd;
    size_t from; /* first selected channel that is kept */
    const pcl_vis_plane *plane;
    time_table *times;
    row_sorter *sorter;
    size_t sorted; /* rows of the block that are in their order */
} reader;

enum { TOGETHER = 16 }; /* rows written together: a cache line of weights */

/* Where the correlations of a row's first channel lie. */
typedef struct row_place {
    const float *vis, *weight;
    const bool *flag;
} row_place;

/* One channel of one plane. */
static void convert_general(const pcl_vis_plane *plane, const row_place *row, size_t at,
                            size_t weight_at, size_t ncorr, size_t n, float *vis, float *weight,
                            tally *t) {
    for (size_t k = 0; k < n; k++) {
        const float *w = row[k].weight + weight_at;
        weight[k] = combine(plane, row[k].vis + 2 * at, row[k].flag + at,
                            0.5f * (w[0] + w[ncorr - 1]), vis + 2 * k, t);
        t->nused += weight[k] > 0;
    }
}

/* The same without branches for two real terms that are both needed: Stokes I, the most common. */
static void convert_pair(const pcl_vis_plane *plane, const row_place *row, size_t at,
                         size_t weight_at, size_t ncorr, size_t n, float *vis, float *weight,
                         tally *t) {
    const size_t i = at + plane->index[0], j = at + plane->index[1];
    const float a = plane->re[0], b = plane->re[1];
    for (size_t k = 0; k < n; k++) {
        const float *p = row[k].vis + 2 * i, *q = row[k].vis + 2 * j,
                    *wp = row[k].weight + weight_at;
        const float re = a * p[0] + b * q[0], im = a * p[1] + b * q[1],
                    w = 0.5f * (wp[0] + wp[ncorr - 1]);
        /* x - x is 0 for what is finite, else NaN */
        const bool flagged = row[k].flag[i] | row[k].flag[j],
                   finite = (re - re) + (im - im) + (w - w) == 0;
        const bool absurd = is_absurd(re, im, w), use = !flagged & finite & (w > 0) & !absurd;
        vis[2 * k] = use ? re : 0;
        vis[2 * k + 1] = use ? im : 0;
        weight[k] = use ? w : 0;
        t->nused += use;
        t->nonfinite += !flagged & !finite;
        t->nflagged += flagged | (finite & !(w > 0));
        t->nabsurd += !flagged & finite & (w > 0) & absurd;
    }
}

/* Of a plane that these rows cannot give. */
static void leave_blank(const pcl_vis_block *b, size_t ipol, size_t n) {
    for (size_t c = 0; c < b->nchan; c++) {
        const size_t to = (ipol * b->nchan + c) * b->row_stride + b->nrow;
        memset(b->vis + 2 * to, 0, 2 * n * sizeof *b->vis);
        memset(b->weight + to, 0, n * sizeof *b->weight);
    }
}

/* Rows row[0 .. n) of what casacore read -> rows nrow ... of the block. */
static void convert_rows(reader *rd, const casa_ms_rows *rows, const size_t *row, size_t n) {
    const pcl_vis_block *b = rd->block;
    const size_t nchansel = rd->dd->nchansel, ncorr = rd->dd->ncorr,
                 weight_step = rows->weight_nchan == 1 ? 0 : ncorr;
    row_place place[TOGETHER];
    for (size_t k = 0; k < n; k++) {
        const size_t first = (row[k] * nchansel + rd->from) * ncorr;
        place[k] =
            (row_place){rows->vis + 2 * first,
                        rows->weight + (weight_step ? first : row[k] * ncorr), rows->flag + first};
    }
    tally t = {0};
    for (size_t p = 0; p < rd->vis->npol; p++) {
        const pcl_vis_plane *plane = &rd->plane[p];
        if (plane->nterm == 0) {
            leave_blank(b, p, n);
            continue;
        }
        const bool pair =
            plane->nterm == 2 && !plane->either && plane->im[0] == 0 && plane->im[1] == 0;
        for (size_t c = 0; c < b->nchan; c++) {
            const size_t to = (p * b->nchan + c) * b->row_stride + b->nrow;
            (pair ? convert_pair : convert_general)(plane, place, c * ncorr, c * weight_step, ncorr,
                                                    n, b->vis + 2 * to, b->weight + to, &t);
        }
    }
    rd->vis->nflagged += t.nflagged;
    rd->vis->nonfinite += t.nonfinite;
    rd->vis->nabsurd += t.nabsurd;
    rd->vis->nused += t.nused;
}

static void store_rows(reader *rd, const casa_ms_rows *rows, const size_t *row,
                       const uint32_t *itime, size_t n) {
    pcl_vis_block *b = rd->block;
    convert_rows(rd, rows, row, n);
    for (size_t k = 0; k < n; k++, b->nrow++) {
        const double *uvw = rows->uvw_m + 3 * row[k];
        b->u_m[b->nrow] = uvw[0];
        b->v_m[b->nrow] = uvw[1];
        b->w_m[b->nrow] = uvw[2];
        b->itime[b->nrow] = itime[k];
        b->umax_m = fmax(b->umax_m, fabs(uvw[0]));
        b->vmax_m = fmax(b->vmax_m, fabs(uvw[1]));
        b->wmax_m = fmax(b->wmax_m, fabs(uvw[2]));
    }
    while (b->nrow - rd->sorted >= rd->sorter->window) {
        sort_rows(rd->sorter, b, rd->vis->npol, rd->sorted, rd->sorter->window);
        rd->sorted += rd->sorter->window;
    }
}

static int take_rows(reader *rd, const casa_ms_rows *rows, pclean_err *err) {
    uint64_t nsample = 0;
    for (size_t p = 0; p < rd->vis->npol; p++)
        nsample += rd->plane[p].nterm > 0 ? rd->block->nchan : 0;
    size_t row[TOGETHER], n = 0;
    uint32_t itime[TOGETHER];
    if (rd->block->nchan == 0) /* the image has no channel here */
        return 0;
    for (size_t r = 0; r < rows->nrow; r++) {
        const double *uvw = rows->uvw_m + 3 * r;
        /* flagged rows too: an mfs image is labelled with the extent over all selected times */
        int rc = time_index(rd->times, rows->time_s[r], &itime[n], err);
        if (rc)
            return rc;
        if (rows->flag_row[r]) {
            rd->vis->nflagged += nsample;
            continue;
        }
        if (!isfinite(uvw[0]) || !isfinite(uvw[1]) || !isfinite(uvw[2])) {
            rd->vis->nonfinite += nsample;
            continue;
        }
        row[n++] = r;
        if (n == TOGETHER) {
            store_rows(rd, rows, row, itime, n);
            n = 0;
        }
    }
    if (n)
        store_rows(rd, rows, row, itime, n);
    return 0;
}

/* Widens [*least, *most] by the factors relative to that of the first selected row. */
static int add_range(const pcl_vis_source *src, size_t ims, size_t idd, int frame,
                     const casa_direction *dir, size_t n, const double *factor, double *least,
                     double *most, pclean_err *err) {
    double first;
    int rc = pcl_vis_doppler(src, ims, idd, frame, dir, 1,
                             &pcl_vis_source_info(src, ims)->first_time_s, &first, err);
    for (size_t i = 0; !rc && i < n; i++) {
        *least = fmin(*least, factor[i] / first);
        *most = fmax(*most, factor[i] / first);
    }
    return rc;
}

int pcl_vis_doppler_range(const pcl_vis_source *src, size_t ims, size_t idd, int frame,
                          const casa_direction *dir, size_t ntime, const double *time_s,
                          double *least, double *most, pclean_err *err) {
    double *factor = NULL;
    int rc = PCL_NEW(&factor, ntime, "Doppler factors", err);
    if (!rc && !(rc = pcl_vis_doppler(src, ims, idd, frame, dir, ntime, time_s, factor, err)))
        rc = add_range(src, ims, idd, frame, dir, ntime, factor, least, most, err);
    pcl_free(factor);
    return rc;
}

static int finish_block(pcl_vis_source *src, size_t ims, size_t idd, const pcl_vis_request *request,
                        time_table *times, pcl_vis_block *b, pcl_vis *vis, pclean_err *err) {
    pcl_free(times->slot);
    times->slot = NULL;
    b->time_s = times->time;
    times->time = NULL;
    b->ntime = times->used;
    int rc = PCL_NEW(&b->doppler, b->ntime, "Doppler factors", err);
    if (!rc)
        rc = pcl_vis_doppler(src, ims, idd, request->frame, &request->direction, b->ntime,
                             b->time_s, b->doppler, err);
    if (!rc)
        rc = add_range(src, ims, idd, request->frame, &request->direction, b->ntime, b->doppler,
                       &vis->doppler_min, &vis->doppler_max, err);
    return rc;
}

static int read_rows(pcl_vis_source *src, size_t ims, const row_steps *step, reader *rd,
                     casa_ms_rows *rows, pcl_vis_progress *progress, void *user, size_t *rows_done,
                     size_t rows_total, pclean_err *err) {
    const casa_ms_info *info = pcl_vis_source_info(src, ims);
    int rc = 0;
    for (size_t at = 0; !rc && at < info->nrow; at += step->stride) {
        const size_t n = at + step->each < info->nrow ? step->each : info->nrow - at;
        rc = casa_ms_read(src->ms[ims], at, n, rows, err);
        for (size_t d = 0; !rc && d < info->ndd; d++)
            rc = take_rows(&rd[d], &rows[d], err);
        *rows_done += n;
        if (!rc && progress && progress(*rows_done, rows_total, user))
            rc = PCL_FAIL(err, PCLEAN_EINTERRUPTED, "interrupted while reading %s", info->path);
    }
    return rc;
}

static int read_ms(pcl_vis_source *src, size_t ims, size_t first_block,
                   const pcl_vis_request *request, row_sorter *sorter, pcl_vis_progress *progress,
                   void *user, size_t *rows_done, size_t rows_total, pcl_vis *vis,
                   pclean_err *err) {
    const casa_ms_info *info = pcl_vis_source_info(src, ims);
    casa_ms_rows *rows = NULL;
    time_table *times = NULL;
    reader *rd = NULL;
    int rc;
    if ((rc = PCL_ZNEW(&rows, info->ndd, "row block", err)) ||
        (rc = PCL_ZNEW(&times, info->ndd, "table of times", err)) ||
        (rc = PCL_ZNEW(&rd, info->ndd, "row block", err)))
        goto done;
    for (size_t d = 0; d < info->ndd; d++) {
        const size_t k = first_block + d;
        rd[d] = (reader){.vis = vis,
                         .block = &vis->block[k],
                         .dd = &info->dd[d],
                         .from = request->from[k],
                         .plane = request->plane + k * vis->npol,
                         .times = &times[d],
                         .sorter = sorter};
    }
    const row_steps step = steps_of(info, request->sample_rows);
    rc = read_rows(src, ims, &step, rd, rows, progress, user, rows_done, rows_total, err);
    for (size_t d = 0; !rc && d < info->ndd; d++) {
        sort_rows(sorter, rd[d].block, vis->npol, rd[d].sorted, rd[d].block->nrow - rd[d].sorted);
        rc = finish_block(src, ims, d, request, &times[d], rd[d].block, vis, err);
    }
done:
    for (size_t d = 0; times && d < info->ndd; d++) {
        pcl_free(times[d].slot);
        pcl_free(times[d].time);
    }
    pcl_free(rd);
    pcl_free(times);
    pcl_free(rows);
    return rc;
}

static size_t window_of(const pcl_vis_source *src, const pcl_vis_request *request) {
    size_t most = 1, window = request->window ? request->window : WINDOW;
    for (size_t k = 0; k < count_blocks(src); k++) {
        size_t d;
        const casa_ms_info *info = ms_of_block(src, k, &d);
        most = info->dd[d].nrow > most ? info->dd[d].nrow : most;
    }
    return most < window ? most : window;
}

void pcl_vis_plan(const pcl_vis_source *src, const pcl_vis_request *request, uint64_t *store_bytes,
                  uint64_t *work_bytes) {
    const row_sorter *s = NULL;
    *store_bytes = 0;
    for (size_t k = 0; k < count_blocks(src); k++) {
        size_t d;
        const casa_ms_info *info = ms_of_block(src, k, &d);
        *store_bytes += lay_out(NULL, NULL, request->npol, request->to[k] - request->from[k],
                                rows_of(info, d, request->sample_rows));
    }
    *work_bytes = STEP_BYTES +
                  window_of(src, request) * (sizeof *s->tile + sizeof *s->from + sizeof *s->copy) +
                  (request->by_w ? (size_t)NW : 1) * NTILE * sizeof *s->count;
}

int pcl_vis_read(pcl_vis_source *src, const pcl_vis_request *request, pcl_vis_progress *progress,
                 void *user, pcl_vis *out, pclean_err *err) {
    *out = (pcl_vis){
        .npol = request->npol, .nblock = count_blocks(src), .doppler_min = 1, .doppler_max = 1};
    size_t total = 0, done = 0;
    for (size_t i = 0; i < src->n; i++)
        total += pcl_vis_source_info(src, i)->nrow;
    row_sorter sorter = {0};
    int rc = blocks_new(src, request, out, err);
    if (!rc)
        rc = sorter_new(window_of(src, request), request->by_w, &sorter, err);
    for (size_t i = 0, first = 0; !rc && i < src->n; i++) {
        rc = read_ms(src, i, first, request, &sorter, progress, user, &done, total, out, err);
        first += pcl_vis_source_info(src, i)->ndd;
    }
    sorter_clear(&sorter);
    if (rc)
        pcl_vis_clear(out);
    return rc;
}
