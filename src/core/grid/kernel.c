#include "core/grid/kernel.h"

#include <stdbool.h>
#include <string.h>

#include "core/simd.h"

/* Eight floats side by side: the taps of one row. GCC splits them where the instruction set has
 * narrower registers. */
typedef float taps __attribute__((vector_size(32)));
typedef float taps_anywhere __attribute__((vector_size(32), aligned(4), may_alias));

#pragma GCC diagnostic ignored "-Wpsabi" /* taps never cross a call: everything below is inlined */

INLINE taps load(const float *p) {
    return *(const taps_anywhere *)p;
}
INLINE void store(float *p, taps v) {
    *(taps_anywhere *)p = v;
}

/* Kernel values of GROUP samples in both directions by Horner's rule: together, because each chain
 * is all latency. The last group of n samples is filled up with its last one. */
enum { GROUP = 4 };
typedef struct footprints {
    taps kx[GROUP];
    float ky[GROUP][PCL_GRIDFN_TAPS];
} footprints;

INLINE void kernel_values(const pcl_gridfn *fn, const pcl_grid_item *item, size_t n,
                          footprints *out) {
    taps x[GROUP], y[GROUP];
    float dx[GROUP], dy[GROUP];
    for (size_t i = 0; i < GROUP; i++) {
        const pcl_grid_item *it = item + (i < n ? i : n - 1);
        dx[i] = it->dx;
        dy[i] = it->dy;
        x[i] = y[i] = load(fn->coef[PCL_GRIDFN_DEGREE]);
    }
    for (int d = PCL_GRIDFN_DEGREE - 1; d >= 0; d--) {
        const taps c = load(fn->coef[d]);
        for (int i = 0; i < GROUP; i++) {
            x[i] = x[i] * dx[i] + c;
            y[i] = y[i] * dy[i] + c;
        }
    }
    for (int i = 0; i < GROUP; i++) {
        out->kx[i] = x[i];
        memcpy(out->ky[i], &y[i], sizeof y[i]);
    }
}

/* plane += kx ky at the footprint's cells. */
INLINE void add_rows(float *plane, size_t cell, size_t stride, int support, taps kx,
                     const float *ky) {
    float *row = plane + cell;
    for (int j = 0; j < support; j++, row += stride)
        store(row, load(row) + kx * ky[j]);
}

INLINE void read_model(const pcl_grid_target *t, size_t cell, int support, taps kx, const float *ky,
                       float *re, float *im) {
    taps r = {0}, i = {0};
    for (int j = 0; j < support; j++) {
        size_t at = cell + (size_t)j * t->stride;
        r += load(t->model_re + at) * ky[j];
        i += load(t->model_im + at) * ky[j];
    }
    r *= kx;
    i *= kx;
    *re = ((r[0] + r[4]) + (r[1] + r[5])) + ((r[2] + r[6]) + (r[3] + r[7]));
    *im = ((i[0] + i[4]) + (i[1] + i[5])) + ((i[2] + i[6]) + (i[3] + i[7]));
}

INLINE void add_one(const pcl_grid_item *it, taps kx, const float *ky, const pcl_grid_target *g,
                    int support) {
    const size_t cell = it->cell;
    float re = it->re, im = it->im;
    if (g->model_re) {
        float mr, mi;
        read_model(g, cell, support, kx, ky, &mr, &mi);
        re -= mr;
        im -= mi;
    }
    kx *= it->weight;
    if (g->re) {
        add_rows(g->re, cell, g->stride, support, kx * re, ky);
        add_rows(g->im, cell, g->stride, support, kx * im, ky);
    }
    if (g->psf)
        add_rows(g->psf, cell, g->stride, support, kx, ky);
}

INLINE void add_one_w(const pcl_grid_item *it, taps kx, const float *ky, const pcl_grid_target *g,
                      int support) {
    const pcl_grid_item i = *it;
    if (g->re) {
        add_rows(g->re, i.cell, g->stride, support, kx * i.re, ky);
        add_rows(g->im, i.cell, g->stride, support, kx * i.im, ky);
    }
    if (g->psf) {
        add_rows(g->psf, i.cell, g->stride, support, kx * i.weight, ky);
        add_rows(g->psf_im, i.cell, g->stride, support, kx * i.sign, ky);
    }
}

INLINE void add(const pcl_gridfn *fn, const pcl_grid_item *item, size_t n, const pcl_grid_target *t,
                int support, bool w) {
    const pcl_grid_target g = *t;
    footprints f;
    for (size_t k = 0; k < n; k += GROUP) {
        kernel_values(fn, item + k, n - k, &f);
        for (size_t i = 0; i < GROUP && k + i < n; i++)
            if (w)
                add_one_w(item + k + i, f.kx[i], f.ky[i], &g, support);
            else
                add_one(item + k + i, f.kx[i], f.ky[i], &g, support);
    }
}

INLINE void predict(const pcl_gridfn *fn, const pcl_grid_item *item, size_t n,
                    const pcl_grid_target *t, int support, float *vis) {
    footprints f;
    for (size_t k = 0; k < n; k += GROUP) {
        kernel_values(fn, item + k, n - k, &f);
        for (size_t i = 0; i < GROUP && k + i < n; i++) {
            const pcl_grid_item *it = item + k + i;
            float re, im;
            read_model(t, it->cell, support, f.kx[i], f.ky[i], &re, &im);
            vis[2 * (size_t)it->index] = re;
            vis[2 * (size_t)it->index + 1] = it->sign * im;
        }
    }
}

/* One set of functions for each support and instruction set. */
#define INSTANCE(w, isa, attribute)                                                                \
    attribute static void add_##w##_##isa(const pcl_gridfn *fn, const pcl_grid_item *item,         \
                                          size_t n, const pcl_grid_target *t) {                    \
        add(fn, item, n, t, w, false);                                                             \
    }                                                                                              \
    attribute static void add_w_##w##_##isa(const pcl_gridfn *fn, const pcl_grid_item *item,       \
                                            size_t n, const pcl_grid_target *t) {                  \
        add(fn, item, n, t, w, true);                                                              \
    }                                                                                              \
    attribute static void predict_##w##_##isa(const pcl_gridfn *fn, const pcl_grid_item *item,     \
                                              size_t n, const pcl_grid_target *t, float *vis) {    \
        predict(fn, item, n, t, w, vis);                                                           \
    }
#define SUPPORTS(X, isa, attribute)                                                                \
    X(3, isa, attribute)                                                                           \
    X(4, isa, attribute)                                                                           \
    X(5, isa, attribute) X(6, isa, attribute) X(7, isa, attribute) X(8, isa, attribute)
#define ENTRY(w, isa, attribute) [w] = {add_##w##_##isa, add_w_##w##_##isa, predict_##w##_##isa},

SUPPORTS(INSTANCE, base, )
static const pcl_grid_kernel base_kernels[PCL_GRIDFN_TAPS + 1] = {SUPPORTS(ENTRY, base, )};

#ifdef __x86_64__
SUPPORTS(INSTANCE, fma, WITH_AVX2)
static const pcl_grid_kernel fma_kernels[PCL_GRIDFN_TAPS + 1] = {SUPPORTS(ENTRY, fma, WITH_AVX2)};
#endif

INLINE void screen_row(size_t n, const double *l2, double m2, double w, float *restrict c,
                       float *restrict s) {
    for (size_t x = 0; x < n; x++) {
        const double r2 = l2[x] + m2, inside = r2 < 1 ? 1 : 0;
        const double turns = -w * r2 / (1 + __builtin_sqrt(inside * (1 - r2))); /* w (n - 1) */
        float cosine, sine;
        pcl_turn((float)(turns - pcl_whole(turns)), &cosine, &sine);
        c[x] = (float)inside * cosine;
        s[x] = (float)inside * sine;
    }
}

static void screen_base(size_t n, const double *l2, double m2, double w, float *restrict c,
                        float *restrict s) {
    screen_row(n, l2, m2, w, c, s);
}
#ifdef __x86_64__
WITH_AVX2 static void screen_fma(size_t n, const double *l2, double m2, double w, float *restrict c,
                                 float *restrict s) {
    screen_row(n, l2, m2, w, c, s);
}
#endif

void pcl_w_screen(size_t n, const double *l2, double m2, double w, float *restrict c,
                  float *restrict s) {
#ifdef __x86_64__
    if (HAS_AVX2) {
        screen_fma(n, l2, m2, w, c, s);
        return;
    }
#endif
    screen_base(n, l2, m2, w, c, s);
}

pcl_grid_kernel pcl_grid_kernel_for(int support) {
#ifdef __x86_64__
    if (HAS_AVX2)
        return fma_kernels[support];
#endif
    return base_kernels[support];
}

void pcl_interleave(size_t n, const float *restrict re, const float *restrict im,
                    float *restrict z) {
    if (im)
        for (size_t i = 0; i < n; i++) {
            z[2 * i] = re[i];
            z[2 * i + 1] = im[i];
        }
    else
        for (size_t i = 0; i < n; i++) {
            z[2 * i] = re[i];
            z[2 * i + 1] = 0;
        }
}

void pcl_deinterleave(size_t n, const float *restrict z, float *restrict re, float *restrict im) {
    for (size_t i = 0; i < n; i++) {
        re[i] = z[2 * i];
        im[i] = z[2 * i + 1];
    }
}
