/* lazy.c: the fast form of the Hogbom minor cycle.
 *
 * The image is cut into tiles of TILE x TILE pixels. For each tile we keep
 *   fresh[t]   max |r| over its searched pixels after the first done[t] components have been
 *              subtracted from it,
 *   bound[t]   a number that max |r| after ALL components cannot exceed,
 * and subtract nothing from a tile before its bound says that it could hold the peak. Then all
 * components it has missed are applied in the order in which they were made, so each pixel sees the
 * very sequence of float32 operations of the plain loop and has the same bits; and several are
 * applied in one pass, the row held in registers.
 *
 * The bound. A component v turns r into r' = fl(r - fl(v p)). With u = 2^-24 and results outside
 * the subnormal range |r'| <= (|r| + |v||p|(1 + u))(1 + u). Let P be the largest |p| over a region
 * that covers the tile's shift of the PSF. In float32 we form
 *     w = fl(|v| P),  s = fl(fl(bound + w) + FLT_MIN),  bound' = fl(s (1 + 16u)).
 * Each fl loses at most a factor (1 - u), so
 *     bound' >= (bound + |v|P (1 - u))(1 - u)^3 (1 + 16u) > (bound + |v|P (1 + u))(1 + u).
 * FLT_MIN makes up for products in the subnormal range (wrong by at most 2^-150) where it matters,
 * and is lost to rounding, covered by the slack of 12u bound, where it does not. Overflow gives
 * +Inf, which is still a bound.
 *
 * The peak. Let best be the largest fresh[t] of the tiles that are up to date. Every stale tile
 * with bound >= best is brought up to date, highest bound first, until none is left: then no other
 * tile can hold a value >= best. Equal values are told apart by position (row, then column): the
 * first in the order of the plain loop. Which tiles are brought up to date, and by which thread,
 * changes only when the work is done, never its result.
 *
 * Measured (one core of an AMD EPYC, AVX2 form, dirty images of NGC 5921 and HD 142527, full mask,
 * 500 components, deep enough that three quarters of all (tile, component) pairs must be applied):
 * 3.4 to 5 us per component at 256^2, 45 to 60 at 1024^2, 220 to 320 at 2048^2; the plain loop
 * takes 33, 600 and 2300, a fused AVX2 pass over everything 140 at 1024^2. Setting up takes 0.15, 3
 * and 14 ms. What is left is the reading of the PSF from the last cache: AVX-512 gains a tenth,
 * tiles of 64 pixels nothing, and lose at 256^2. In the worst case, a PSF whose sidelobes never
 * fall, each tile is touched for each component and the cost is that of one fused pass. */
#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "core/clean/hogbom_private.h"

#define SIMD __attribute__((target_clones("avx2", "default")))

enum {
    TILE = 32, /* pixels; one row of a tile is a few vector registers */
    CELL = 8,  /* pixels; grain of the table of PSF maxima */
    PHASES = TILE / CELL,
    PARALLEL_TILES = 192 /* stale tiles that make a parallel region worth its start, also on a
                          * busy machine */
};

/* See DEFINE_APPLY. */
typedef void apply_function(float *restrict r, const float *const *restrict p,
                            const float *restrict v, size_t n, size_t stride);

typedef struct lazy {
    size_t nx, ny, ntx, nty; /* pixels; tiles */
    /* The PSF with TILE zeros on each side; its last row or column of an odd axis, which is never
     * used, is zero too. */
    float *psf;
    size_t psf_stride;
    /* cover[row][phase][k]: max |psf| over the (TILE + CELL)-square that starts at table cell
     * (PHASES k + phase, row). */
    float *cover;
    size_t cover_nk;
    float *residual;             /* [ntile in use][TILE][TILE] */
    int32_t *select;             /* [tiles with a partial mask][TILE][TILE]: 0x7fffffff where
                                  * searched, else 0 */
    int32_t *select_all;         /* [TILE][TILE] of 0x7fffffff */
    const int32_t **tile_select; /* [ntile]; NULL: nothing to search in this tile */
    float **tile_residual;       /* [ntile]; NULL: tile not in use */
    float *fresh, *bound;        /* [ntile] */
    float *row_bound;            /* [nty]: max of bound over a row of tiles */
    size_t *done;                /* [ntile] components applied */
    pcl_component *component;
    size_t ncomponent, capacity;
    const float **pending; /* [nthread][capacity] */
    float *pending_v;      /* [nthread][capacity] */
    int nthread;
    apply_function *apply;
} lazy;

static size_t tiles(size_t n) {
    return (n + TILE - 1) / TILE;
}

/* Applies n components to a tile, in order: r -= v[j] * p[j], where p[j] points at the PSF pixel
 * that falls on the tile's first pixel. Four vectors of a row are held in registers while the
 * components pass. Each row of the PSF lies on another page, where no hardware prefetch helps. One
 * body for each register width: left to itself, gcc 12 keeps the row in memory (AVX2) or splits
 * wider vectors (three times slower than this). */
#define DEFINE_APPLY(name, isa, width)                                                             \
    isa static void name(float *restrict r, const float *const *restrict p,                        \
                         const float *restrict v, size_t n, size_t stride) {                       \
        typedef float vec __attribute__((vector_size(4 * (width)), aligned(4), may_alias));        \
        for (size_t y = 0; y < TILE; y++)                                                          \
            for (size_t x = 0; x < TILE; x += 4 * (width)) {                                       \
                vec *row = (vec *)(r + y * TILE + x);                                              \
                vec a = row[0], b = row[1], c = row[2], d = row[3];                                \
                for (size_t j = 0; j < n; j++) {                                                   \
                    const float *next = p[j] + (y + 4) * stride + x;                               \
                    for (size_t line = 0; line < 4 * (width) + 16; line += 16)                     \
                        __builtin_prefetch(next + line);                                           \
                    const vec *q = (const vec *)(p[j] + y * stride + x);                           \
                    a -= v[j] * q[0];                                                              \
                    b -= v[j] * q[1];                                                              \
                    c -= v[j] * q[2];                                                              \
                    d -= v[j] * q[3];                                                              \
                }                                                                                  \
                row[0] = a;                                                                        \
                row[1] = b;                                                                        \
                row[2] = c;                                                                        \
                row[3] = d;                                                                        \
            }                                                                                      \
    }
DEFINE_APPLY(apply_baseline, , 4)
#ifdef __x86_64__
DEFINE_APPLY(apply_avx2, __attribute__((target("avx2"))), 8)
#endif

static apply_function *choose_apply(void) {
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2"))
        return apply_avx2;
#endif
    return apply_baseline;
}

/* The bits of max |r| over the selected pixels of a tile (floats that are not negative order as
 * their bits do). */
SIMD static int32_t tile_max(const float *restrict r, const int32_t *restrict select) {
    int32_t most = 0;
    for (size_t i = 0; i < TILE * TILE; i++) {
        int32_t bits;
        memcpy(&bits, r + i, sizeof bits);
        bits &= select[i];
        most = bits > most ? bits : most;
    }
    return most;
}

/* bound += |v| * cover over one row of tiles, rounded upwards (see the proof above); returns the
 * row's maximum. Bounds are not negative, so their bits order as they do. */
SIMD static float raise_bounds(float *restrict bound, const float *restrict cover, float abs_v,
                               size_t n) {
    int32_t most = 0;
    for (size_t i = 0; i < n; i++) {
        const float b =
            (bound[i] + abs_v * cover[i] + FLT_MIN) * (1.0f + 16.0f * FLT_EPSILON / 2.0f);
        bound[i] = b;
        int32_t bits;
        memcpy(&bits, &b, sizeof bits);
        most = bits > most ? bits : most;
    }
    float result;
    memcpy(&result, &most, sizeof result);
    return result;
}

/* Brings tile t up to date. Touches only what belongs to t (and the thread), so tiles may be done
 * in parallel. */
static void refresh(lazy *s, size_t t, int thread) {
    const float **p = s->pending + (size_t)thread * s->capacity;
    float *v = s->pending_v + (size_t)thread * s->capacity;
    const size_t x0 = t % s->ntx * TILE, y0 = t / s->ntx * TILE;
    size_t n = 0;
    for (size_t j = s->done[t]; j < s->ncomponent; j++) {
        const pcl_component *c = &s->component[j];
        /* may wrap: no overlap */
        const size_t px = x0 + TILE + s->nx / 2 - c->x, py = y0 + TILE + s->ny / 2 - c->y;
        if (px - 1 >= s->nx + TILE - 1 || py - 1 >= s->ny + TILE - 1)
            continue;
        p[n] = s->psf + py * s->psf_stride + px;
        v[n++] = c->v;
    }
    s->done[t] = s->ncomponent;
    if (n > 0) {
        s->apply(s->tile_residual[t], p, v, n, s->psf_stride);
        const int32_t bits =
            tile_max(s->tile_residual[t], s->tile_select[t] ? s->tile_select[t] : s->select_all);
        memcpy(&s->fresh[t], &bits, sizeof bits);
    }
    if (s->tile_select[t])
        s->bound[t] = s->fresh[t];
}

static void set_row_bound(lazy *s, size_t ty) {
    float most = -INFINITY;
    for (size_t i = ty * s->ntx; i < (ty + 1) * s->ntx; i++)
        most = s->bound[i] > most ? s->bound[i] : most;
    s->row_bound[ty] = most;
}

/* The tile with the largest bound. */
static size_t top_tile(const lazy *s) {
    size_t ty = 0;
    for (size_t i = 1; i < s->nty; i++)
        if (s->row_bound[i] > s->row_bound[ty])
            ty = i;
    const float *b = s->bound + ty * s->ntx;
    for (size_t i = 0; i < s->ntx; i++)
        if (b[i] == s->row_bound[ty])
            return ty * s->ntx + i;
    return ty * s->ntx;
}

/* Brings all stale tiles with a bound of at least `best` up to date when they are many; else does
 * nothing. */
static void refresh_many(lazy *s, float best) {
    if (s->nthread < 2)
        return;
    size_t n = 0;
    const size_t ntile = s->ntx * s->nty;
    for (size_t t = 0; t < ntile; t++)
        n += s->done[t] < s->ncomponent && s->bound[t] >= best;
    if (n < PARALLEL_TILES)
        return;
#pragma omp parallel for schedule(dynamic, 4) num_threads(s->nthread)
    for (size_t t = 0; t < ntile; t++)
        if (s->done[t] < s->ncomponent && s->bound[t] >= best)
            refresh(s, t, omp_get_thread_num());
    for (size_t ty = 0; ty < s->nty; ty++)
        set_row_bound(s, ty);
}

/* First selected pixel of tile t, in row order, whose |r| is fresh[t]. */
static pcl_peak locate(const lazy *s, size_t t) {
    const float *r = s->tile_residual[t];
    const int32_t *select = s->tile_select[t];
    int32_t want;
    memcpy(&want, &s->fresh[t], sizeof want);
    for (size_t i = 0; i < TILE * TILE; i++) {
        int32_t bits;
        memcpy(&bits, r + i, sizeof bits);
        if (select[i] && (bits & select[i]) == want)
            return (pcl_peak){t % s->ntx * TILE + i % TILE, t / s->ntx * TILE + i / TILE,
                              s->fresh[t], r[i]};
    }
    return (pcl_peak){0, 0, -1.0f, 0.0f};
}

static pcl_peak lazy_find(void *state) {
    lazy *s = state;
    size_t t = top_tile(s);
    bool tried = false;
    float best = -1.0f;
    for (; s->done[t] < s->ncomponent && s->bound[t] >= 0.0f; t = top_tile(s)) {
        refresh(s, t, 0);
        set_row_bound(s, t / s->ntx);
        best = s->fresh[t] > best ? s->fresh[t] : best;
        if (!tried && s->fresh[t] == best)
            refresh_many(s, best);
        tried = true;
    }
    if (s->bound[t] < 0.0f)
        return (pcl_peak){0, 0, -1.0f, 0.0f};
    /* t is up to date and no bound is larger. Tiles of equal bound: bring them up to date too, take
     * the first pixel. */
    best = s->bound[t];
    pcl_peak first = {0, 0, -1.0f, 0.0f};
    for (size_t ty = 0; ty < s->nty; ty++) {
        if (s->row_bound[ty] < best)
            continue;
        for (size_t i = ty * s->ntx; i < (ty + 1) * s->ntx; i++) {
            if (s->bound[i] < best)
                continue;
            refresh(s, i, 0);
            if (s->bound[i] < best)
                continue;
            const pcl_peak here = locate(s, i);
            if (first.abs < 0.0f || here.y < first.y || (here.y == first.y && here.x < first.x))
                first = here;
        }
        set_row_bound(s, ty);
        if (first.abs >= 0.0f)
            break; /* later rows of tiles hold later pixels */
    }
    return first;
}

static int grow(lazy *s, pclean_err *err) {
    const size_t capacity = s->capacity ? 2 * s->capacity : 1024;
    pcl_component *c = NULL;
    const float **p = NULL;
    float *v = NULL;
    int rc = PCL_NEW(&c, capacity, "the components of a minor cycle", err);
    if (!rc)
        rc = pcl_alloc((void **)&p, capacity * (size_t)s->nthread, sizeof *p, "pending components",
                       err);
    if (!rc)
        rc = PCL_NEW(&v, capacity * (size_t)s->nthread, "pending components", err);
    if (rc) {
        pcl_free(c);
        pcl_free(p);
        return rc;
    }
    if (s->ncomponent)
        memcpy(c, s->component, s->ncomponent * sizeof *c);
    pcl_free(s->component);
    pcl_free(s->pending);
    pcl_free(s->pending_v);
    s->component = c;
    s->pending = p;
    s->pending_v = v;
    s->capacity = capacity;
    return 0;
}

static int lazy_subtract(void *state, pcl_component c, pclean_err *err) {
    lazy *s = state;
    if (s->ncomponent == s->capacity) {
        const int rc = grow(s, err);
        if (rc)
            return rc;
    }
    s->component[s->ncomponent++] = c;
    /* Tile column 0 starts at the padded PSF column TILE + nx/2 - x; the table has nx further cells
     * of zeros before. */
    const size_t sx = s->nx + s->nx / 2 - c.x;
    const size_t kx = sx / CELL;
    for (size_t ty = 0; ty < s->nty; ty++) {
        if (s->row_bound[ty] < 0.0f)
            continue;
        const size_t ky = (s->ny + s->ny / 2 + ty * TILE - c.y) / CELL;
        const float *cover = s->cover + (ky * PHASES + kx % PHASES) * s->cover_nk + kx / PHASES;
        s->row_bound[ty] = raise_bounds(s->bound + ty * s->ntx, cover, fabsf(c.v), s->ntx);
    }
    return 0;
}

/* ---- Setting the lazy form up and down ---- */

/* n floats from what the caller lends, or new ones. */
static int take(const pcl_lent *spare, size_t n, float **out, const char *what, pclean_err *err) {
    if (n > spare->n)
        return PCL_NEW(out, n, what, err);
    *out = spare->at;
    return 0;
}

static void give_back(const pcl_lent *spare, float **array) {
    if (*array != spare->at)
        pcl_free(*array);
    *array = NULL;
}

static int copy_psf(lazy *s, const float *psf, const pcl_hogbom_params *p, pclean_err *err) {
    s->psf_stride = s->nx + 2 * TILE;
    const size_t n = s->psf_stride * (s->ny + 2 * TILE);
    const int rc = take(&p->spare_psf, n, &s->psf, "the padded PSF", err);
    if (rc)
        return rc;
    memset(s->psf, 0, n * sizeof *s->psf);
    for (size_t y = 0; y < s->ny / 2 * 2; y++)
        memcpy(s->psf + (y + TILE) * s->psf_stride + TILE, psf + y * s->nx,
               s->nx / 2 * 2 * sizeof *psf);
    return 0;
}

/* out[i] = max of in[i ... i + width - 1], reaching past the end as zeros; one line with a
 * stride. */
static void sliding_max(const float *in, float *out, size_t n, size_t stride, size_t width) {
    for (size_t i = 0; i < n; i++) {
        float most = 0.0f;
        for (size_t j = i; j < n && j < i + width; j++)
            most = in[j * stride] > most ? in[j * stride] : most;
        out[i * stride] = most;
    }
}

/* Cells of the table of PSF maxima along an axis of n pixels. Its pixel 0 is PSF pixel -n: a tile
 * starts at PSF pixel TILE t + n/2 - x >= -n. A multiple of PHASES. */
static size_t cover_cells(size_t n) {
    return (n + tiles(n) * TILE + n / 2) / CELL / PHASES * PHASES + 2 * PHASES;
}

static int make_cover(lazy *s, const float *psf, pclean_err *err) {
    const size_t mx = cover_cells(s->nx), my = cover_cells(s->ny);
    float *a = NULL, *b = NULL;
    s->cover_nk = mx / PHASES;
    int rc = PCL_ZNEW(&a, mx * my, "the PSF maxima", err);
    if (!rc)
        rc = PCL_NEW(&b, mx * my, "the PSF maxima", err);
    if (!rc)
        rc = PCL_NEW(&s->cover, mx * my, "the PSF maxima", err);
    if (rc)
        goto done;
    for (size_t y = 0; y < s->ny / 2 * 2; y++)
        for (size_t x = 0; x < s->nx / 2 * 2; x++) {
            float *cell = a + (y + s->ny) / CELL * mx + (x + s->nx) / CELL;
            const float p = fabsf(psf[y * s->nx + x]);
            *cell = p > *cell ? p : *cell;
        }
    const size_t width = PHASES + 1; /* a tile that starts inside a cell */
    for (size_t y = 0; y < my; y++)
        sliding_max(a + y * mx, b + y * mx, mx, 1, width);
    for (size_t x = 0; x < mx; x++)
        sliding_max(b + x, a + x, my, mx, width);
    for (size_t y = 0; y < my; y++)
        for (size_t x = 0; x < mx; x++)
            s->cover[(y * PHASES + x % PHASES) * s->cover_nk + x / PHASES] = a[y * mx + x];
done:
    pcl_free(a);
    pcl_free(b);
    return rc;
}

/* Whether tile t has any pixel to search, and whether all of its TILE x TILE pixels are. */
static void tile_mask(const lazy *s, const float *residual, const bool *mask, size_t t, bool *any,
                      bool *all) {
    const size_t x0 = t % s->ntx * TILE, y0 = t / s->ntx * TILE;
    *any = false;
    *all = x0 + TILE <= s->nx && y0 + TILE <= s->ny;
    for (size_t y = y0; y < y0 + TILE && y < s->ny; y++)
        for (size_t x = x0; x < x0 + TILE && x < s->nx; x++) {
            const size_t i = y * s->nx + x;
            const bool on = (!mask || mask[i]) && !isnan(residual[i]);
            *any |= on;
            *all &= on;
        }
}

static void load_tile(lazy *s, const float *residual, const bool *mask, size_t t, int32_t *select) {
    const size_t x0 = t % s->ntx * TILE, y0 = t / s->ntx * TILE;
    float *r = s->tile_residual[t];
    for (size_t y = 0; y < TILE; y++)
        for (size_t x = 0; x < TILE; x++) {
            const bool inside = x0 + x < s->nx && y0 + y < s->ny;
            const size_t i = (y0 + y) * s->nx + x0 + x;
            r[y * TILE + x] = inside ? residual[i] : 0.0f;
            if (select)
                select[y * TILE + x] =
                    inside && (!mask || mask[i]) && !isnan(residual[i]) ? INT32_MAX : 0;
        }
}

static void store_tile(const lazy *s, float *residual, size_t t) {
    const size_t x0 = t % s->ntx * TILE, y0 = t / s->ntx * TILE;
    const size_t n = x0 + TILE <= s->nx ? TILE : s->nx - x0;
    for (size_t y = 0; y < TILE && y0 + y < s->ny; y++)
        memcpy(residual + (y0 + y) * s->nx + x0, s->tile_residual[t] + y * TILE,
               n * sizeof *residual);
}

/* Chooses the tiles in use, gives them memory, loads them and finds their maxima. */
static int load_tiles(lazy *s, const float *residual, const bool *mask, const pcl_hogbom_params *p,
                      pclean_err *err) {
    const bool keep_all = p->keep == PCL_HOGBOM_KEEP_ALL;
    const size_t ntile = s->ntx * s->nty, area = TILE * TILE;
    size_t nused = 0, npartial = 0;
    for (size_t t = 0; t < ntile; t++) {
        bool any, all;
        tile_mask(s, residual, mask, t, &any, &all);
        s->tile_select[t] = any ? s->select_all : NULL;
        s->done[t] = any && !all; /* for now: is partial */
        nused += any || keep_all;
        npartial += any && !all;
    }
    int rc = take(&p->spare_residual, nused * area, &s->residual, "the tiles of the residual", err);
    if (!rc)
        rc = PCL_NEW(&s->select, npartial * area, "the tiles of the mask", err);
    if (rc)
        return rc;
    float *r = s->residual;
    int32_t *select = s->select;
    for (size_t t = 0; t < ntile; t++) {
        s->bound[t] = s->fresh[t] = -INFINITY; /* stays so under raise_bounds */
        if (!s->tile_select[t] && !keep_all)
            continue;
        s->tile_residual[t] = r;
        r += area;
        const bool partial = s->done[t] != 0;
        load_tile(s, residual, mask, t, partial ? select : NULL);
        s->done[t] = 0;
        if (!s->tile_select[t])
            continue;
        if (partial) {
            s->tile_select[t] = select;
            select += area;
        }
        const int32_t bits = tile_max(s->tile_residual[t], s->tile_select[t]);
        memcpy(&s->fresh[t], &bits, sizeof bits);
        s->bound[t] = s->fresh[t];
    }
    for (size_t ty = 0; ty < s->nty; ty++)
        set_row_bound(s, ty);
    return 0;
}

static int lazy_init(lazy *s, const pcl_hogbom_plane *plane, const pcl_hogbom_params *p,
                     pclean_err *err) {
    const size_t nx = plane->nx, ny = plane->ny;
    *s = (lazy){.nx = nx,
                .ny = ny,
                .ntx = tiles(nx),
                .nty = tiles(ny),
                .nthread = omp_get_max_threads(),
                .apply = choose_apply()};
    const size_t ntile = s->ntx * s->nty;
    int rc = copy_psf(s, plane->psf, p, err);
    if (!rc)
        rc = make_cover(s, plane->psf, err);
    if (!rc)
        rc = PCL_NEW(&s->select_all, TILE * TILE, "a tile of the mask", err);
    if (!rc)
        rc = pcl_zalloc((void **)&s->tile_select, ntile, sizeof *s->tile_select, "the tiles", err);
    if (!rc)
        rc = pcl_zalloc((void **)&s->tile_residual, ntile, sizeof *s->tile_residual, "the tiles",
                        err);
    if (!rc)
        rc = PCL_NEW(&s->fresh, ntile, "the tiles", err);
    if (!rc)
        rc = PCL_NEW(&s->bound, ntile, "the tiles", err);
    if (!rc)
        rc = PCL_NEW(&s->row_bound, s->nty, "the tiles", err);
    if (!rc)
        rc = PCL_ZNEW(&s->done, ntile, "the tiles", err);
    if (rc)
        return rc;
    for (size_t i = 0; i < TILE * TILE; i++)
        s->select_all[i] = INT32_MAX;
    return load_tiles(s, plane->residual, plane->mask, p, err);
}

static void lazy_clear(lazy *s, const pcl_hogbom_params *p) {
    give_back(&p->spare_psf, &s->psf);
    give_back(&p->spare_residual, &s->residual);
    void *owned[] = {s->cover,         s->select,    s->select_all, s->tile_select,
                     s->tile_residual, s->fresh,     s->bound,      s->row_bound,
                     s->done,          s->component, s->pending,    s->pending_v};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        pcl_free(owned[i]);
}

static void lazy_store(lazy *s, float *residual) {
#pragma omp parallel for schedule(dynamic, 4) num_threads(s->nthread)
    for (size_t t = 0; t < s->ntx * s->nty; t++) {
        if (!s->tile_residual[t])
            continue;
        refresh(s, t, omp_get_thread_num());
        store_tile(s, residual, t);
    }
}

int pcl_hogbom(const pcl_hogbom_plane *plane, const pcl_hogbom_params *p, pcl_hogbom_result *result,
               pclean_err *err) {
    lazy s = {0};
    const pcl_hogbom_form form = {plane, &s, lazy_find, lazy_subtract};
    int rc = pcl_hogbom_check(plane, err);
    if (!rc)
        rc = lazy_init(&s, plane, p, err);
    if (!rc)
        rc = pcl_hogbom_run(&form, p, result, err);
    if (!rc && p->keep != PCL_HOGBOM_KEEP_NONE && result->ncomponent > 0)
        lazy_store(&s, plane->residual);
    lazy_clear(&s, p);
    return rc;
}

/* How far [from, to] is from 0. */
static double distance(double from, double to) {
    if (from > 0)
        return from;
    return to < 0 ? -to : 0;
}

/* Tiles that the ellipse touches, and those of them that are not searched as a whole. */
static void count_tiles(const pcl_clean_extent *e, size_t *nused, size_t *npartial) {
    const size_t nx = e->nx, ny = e->ny;
    *nused = *npartial = 0;
    for (size_t ty = 0; ty < tiles(ny); ty++)
        for (size_t tx = 0; tx < tiles(nx); tx++) {
            const double x0 = (double)(tx * TILE) - (double)(nx / 2),
                         y0 = (double)(ty * TILE) - (double)(ny / 2);
            const double x1 = x0 + TILE - 1, y1 = y0 + TILE - 1;
            const double near_x = distance(x0, x1), near_y = distance(y0, y1);
            const double far_x = fmax(fabs(x0), fabs(x1)), far_y = fmax(fabs(y0), fabs(y1));
            if (hypot(near_x / e->half_x, near_y / e->half_y) > 1)
                continue;
            ++*nused;
            *npartial += (tx + 1) * TILE > nx || (ty + 1) * TILE > ny ||
                         hypot(far_x / e->half_x, far_y / e->half_y) > 1;
        }
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t not_spared(const pcl_lent *spare, size_t n) {
    return n > spare->n ? n * sizeof(float) : 0;
}

size_t pcl_hogbom_bytes(const pcl_clean_extent *e, const pcl_hogbom_params *p) {
    const size_t nx = e->nx, ny = e->ny, ncomponent = e->ncomponent;
    size_t nused, npartial;
    count_tiles(e, &nused, &npartial);
    const size_t ntile = tiles(nx) * tiles(ny), area = TILE * TILE;
    const size_t padded = not_spared(&p->spare_psf, (nx + 2 * TILE) * (ny + 2 * TILE));
    const size_t cover = cover_cells(nx) * cover_cells(ny) * sizeof(float);
    const size_t lists = ntile * (2 * sizeof(float) + 3 * sizeof(void *)) + area * sizeof(int32_t) +
                         tiles(ny) * sizeof(float);
    const size_t work = not_spared(&p->spare_residual, nused * area) +
                        (e->any_mask ? nused : npartial) * area * sizeof(int32_t);
    /* doubled, old and new at once */
    const size_t capacity = ncomponent < 1024 ? 1024 : 3 * ncomponent;
    return padded + larger(3 * cover, /* two of them only while one is made */
                           cover + lists + work +
                               capacity * (sizeof(pcl_component) +
                                           e->nthread * (sizeof(void *) + sizeof(float))));
}
