#include "data/sorter.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

enum { LEVELS = 7, SIDE = 1 << LEVELS, NTILE = SIDE * SIDE, NW = 16 };

static size_t tiles_of(enum pcl_row_order order) {
    return order == PCL_ROWS_BY_W ? (size_t)NW * NTILE : NTILE;
}

int pcl_sorter_init(enum pcl_row_order order, size_t stretch, pcl_sorter *s, pclean_err *err) {
    *s = (pcl_sorter){.order = order, .stretch = stretch};
    int rc;
    if ((rc = PCL_NEW(&s->tile, stretch, "row sorter", err)) ||
        (rc = PCL_NEW(&s->from, stretch, "row sorter", err)) ||
        (rc = PCL_NEW(&s->copy, stretch, "row sorter", err)))
        return rc;
    return PCL_NEW(&s->count, tiles_of(order) + 1, "row sorter", err);
}

void pcl_sorter_clear(pcl_sorter *s) {
    pcl_free(s->tile);
    pcl_free(s->from);
    pcl_free(s->copy);
    pcl_free(s->count);
    *s = (pcl_sorter){0};
}

uint64_t pcl_sorter_bytes(enum pcl_row_order order, size_t stretch) {
    const pcl_sorter *s = NULL;
    return stretch * (sizeof *s->tile + sizeof *s->from + sizeof *s->copy) +
           tiles_of(order) * sizeof *s->count;
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

/* Tiles per metre. */
typedef struct tile_scale {
    double uv, w;
} tile_scale;

/* A row is sorted where the gridder puts it: mirrored to u >= 0 or, if it corrects for w, to w >=
 * 0, and then by |w| first. */
static uint32_t tile_of(bool by_w, double u, double v, double w, const tile_scale *per_m) {
    const bool mirrored = by_w ? w < 0 : u < 0;
    const double scale = mirrored ? -per_m->uv : per_m->uv, u0 = by_w ? 0.5 * SIDE : 0;
    const uint32_t tile = hilbert((uint32_t)(scale * u + u0), (uint32_t)(scale * v + 0.5 * SIDE));
    return by_w ? (uint32_t)(fabs(w) * per_m->w) * NTILE + tile : tile;
}

static tile_scale scale_of(const double *u, const double *v, const double *w, size_t n) {
    double reach = 0, w_reach = 0;
    for (size_t i = 0; i < n; i++) {
        reach = fmax(reach, fmax(fabs(u[i]), fabs(v[i])));
        w_reach = fmax(w_reach, fabs(w[i]));
    }
    return (tile_scale){.uv = reach > 0 ? 0.5 * (SIDE - 1) / reach : 0,
                        .w = w_reach > 0 ? (NW - 0.5) / w_reach : 0};
}

/* s->from by counting: stable. */
static void find_order(pcl_sorter *s, const double *u, const double *v, const double *w, size_t n) {
    const tile_scale per_m = scale_of(u, v, w, n);
    const bool by_w = s->order == PCL_ROWS_BY_W;
    const size_t ntile = tiles_of(s->order);
    memset(s->count, 0, (ntile + 1) * sizeof *s->count);
    for (size_t i = 0; i < n; i++) {
        s->tile[i] = tile_of(by_w, u[i], v[i], w[i], &per_m);
        s->count[s->tile[i] + 1]++;
    }
    for (size_t t = 0; t < ntile; t++)
        s->count[t + 1] += s->count[t];
    for (size_t i = 0; i < n; i++)
        s->from[s->count[s->tile[i]]++] = (uint32_t)i;
}

/* Values of 4 bytes each. */
static void permute_words(const pcl_sorter *s, void *array, size_t n) {
    uint32_t *a = array, *copy = (uint32_t *)s->copy;
    memcpy(copy, a, n * sizeof *a);
    for (size_t i = 0; i < n; i++)
        a[i] = copy[s->from[i]];
}

/* Values of 8 bytes each. */
static void permute_pairs(const pcl_sorter *s, void *array, size_t n) {
    uint64_t *a = array, *copy = s->copy;
    memcpy(copy, a, n * sizeof *a);
    for (size_t i = 0; i < n; i++)
        a[i] = copy[s->from[i]];
}

_Static_assert(sizeof(pcl_row_identity) == sizeof(uint32_t), "it is moved as a word");

void pcl_sorter_sort(pcl_sorter *s, pcl_block *b, size_t npol, size_t from, size_t n) {
    find_order(s, b->u_m + from, b->v_m + from, b->w_m + from, n);
    permute_pairs(s, b->u_m + from, n);
    permute_pairs(s, b->v_m + from, n);
    permute_pairs(s, b->w_m + from, n);
    permute_words(s, b->itime + from, n);
    permute_pairs(s, b->row + from, n);
    permute_words(s, b->who + from, n);
    for (size_t c = 0; c < npol * b->nchan; c++) {
        permute_pairs(s, b->vis + 2 * (c * b->row_stride + from), n);
        permute_words(s, b->weight + c * b->row_stride + from, n);
    }
}
