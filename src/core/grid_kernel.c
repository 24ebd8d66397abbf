#include "core/grid_kernel.h"

#include <string.h>

#include "core/simd.h"

/* Eight floats side by side: the taps of one row. GCC splits them where the instruction set has narrower registers. */
typedef float taps __attribute__((vector_size(32)));
typedef float taps_anywhere __attribute__((vector_size(32), aligned(4), may_alias));

#pragma GCC diagnostic ignored "-Wpsabi" /* taps never cross a call: everything below is inlined */

INLINE taps load(const float *p) { return *(const taps_anywhere *)p; }
INLINE void store(float *p, taps v) { *(taps_anywhere *)p = v; }

/* Kernel values in both directions by Horner's rule (the two chains hide each other's latency). */
INLINE void kernel_values(const pcl_gridfn *fn, const pcl_grid_item *it, taps *kx, taps *ky) {
    taps x = load(fn->coef[PCL_GRIDFN_DEGREE]), y = x;
    for (int d = PCL_GRIDFN_DEGREE - 1; d >= 0; d--) {
        taps c = load(fn->coef[d]);
        x = x * it->dx + c;
        y = y * it->dy + c;
    }
    *kx = x;
    *ky = y;
}

INLINE void read_model(const pcl_grid_target *t, size_t cell, int support, taps kx, const float *ky, float *re, float *im) {
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

INLINE void add(const pcl_gridfn *fn, const pcl_grid_item *item, size_t n, const pcl_grid_target *t, int support) {
    const pcl_grid_target g = *t;
    for (size_t k = 0; k < n; k++) {
        const pcl_grid_item *it = item + k;
        taps kx, kv;
        kernel_values(fn, it, &kx, &kv);
        float ky[PCL_GRIDFN_TAPS];
        memcpy(ky, &kv, sizeof ky);
        float re = it->re, im = it->im;
        if (g.model_re) {
            float mr, mi;
            read_model(&g, it->cell, support, kx, ky, &mr, &mi);
            re -= mr;
            im -= mi;
        }
        kx *= it->weight;
        if (g.re) {
            taps vr = kx * re, vi = kx * im;
            for (int j = 0; j < support; j++) {
                size_t at = it->cell + (size_t)j * g.stride;
                store(g.re + at, load(g.re + at) + vr * ky[j]);
                store(g.im + at, load(g.im + at) + vi * ky[j]);
            }
        }
        if (g.psf)
            for (int j = 0; j < support; j++) {
                size_t at = it->cell + (size_t)j * g.stride;
                store(g.psf + at, load(g.psf + at) + kx * ky[j]);
            }
    }
}

INLINE void add_w(const pcl_gridfn *fn, const pcl_grid_item *item, size_t n, const pcl_grid_target *t, int support) {
    const pcl_grid_target g = *t;
    for (size_t k = 0; k < n; k++) {
        const pcl_grid_item *it = item + k;
        taps kx, kv;
        kernel_values(fn, it, &kx, &kv);
        float ky[PCL_GRIDFN_TAPS];
        memcpy(ky, &kv, sizeof ky);
        if (g.re) {
            const taps vr = kx * it->re, vi = kx * it->im;
            for (int j = 0; j < support; j++) {
                size_t at = it->cell + (size_t)j * g.stride;
                store(g.re + at, load(g.re + at) + vr * ky[j]);
                store(g.im + at, load(g.im + at) + vi * ky[j]);
            }
        }
        if (g.psf) {
            const taps pr = kx * it->weight, pi = kx * it->sign;
            for (int j = 0; j < support; j++) {
                size_t at = it->cell + (size_t)j * g.stride;
                store(g.psf + at, load(g.psf + at) + pr * ky[j]);
                store(g.psf_im + at, load(g.psf_im + at) + pi * ky[j]);
            }
        }
    }
}

INLINE void predict(const pcl_gridfn *fn, const pcl_grid_item *item, size_t n, const pcl_grid_target *t, int support,
                    float *vis) {
    for (size_t k = 0; k < n; k++) {
        const pcl_grid_item *it = item + k;
        taps kx, kv;
        kernel_values(fn, it, &kx, &kv);
        float ky[PCL_GRIDFN_TAPS], re, im;
        memcpy(ky, &kv, sizeof ky);
        read_model(t, it->cell, support, kx, ky, &re, &im);
        vis[2 * (size_t)it->index] = re;
        vis[2 * (size_t)it->index + 1] = it->sign * im;
    }
}

/* One pair of functions for each support and instruction set. */
#define INSTANCE(w, isa, attribute)                                                                                    \
    attribute static void add_##w##_##isa(const pcl_gridfn *fn, const pcl_grid_item *item, size_t n,                   \
                                          const pcl_grid_target *t) {                                                  \
        add(fn, item, n, t, w);                                                                                        \
    }                                                                                                                  \
    attribute static void add_w_##w##_##isa(const pcl_gridfn *fn, const pcl_grid_item *item, size_t n,                 \
                                            const pcl_grid_target *t) {                                                \
        add_w(fn, item, n, t, w);                                                                                      \
    }                                                                                                                  \
    attribute static void predict_##w##_##isa(const pcl_gridfn *fn, const pcl_grid_item *item, size_t n,               \
                                              const pcl_grid_target *t, float *vis) {                                  \
        predict(fn, item, n, t, w, vis);                                                                               \
    }
#define SUPPORTS(X, isa, attribute)                                                                                    \
    X(3, isa, attribute) X(4, isa, attribute) X(5, isa, attribute) X(6, isa, attribute) X(7, isa, attribute)           \
    X(8, isa, attribute)
#define ENTRY(w, isa, attribute) [w] = {add_##w##_##isa, add_w_##w##_##isa, predict_##w##_##isa},

SUPPORTS(INSTANCE, base, )
static const pcl_grid_kernel base_kernels[PCL_GRIDFN_TAPS + 1] = {SUPPORTS(ENTRY, base, )};

#ifdef __x86_64__
SUPPORTS(INSTANCE, fma, WITH_AVX2)
static const pcl_grid_kernel fma_kernels[PCL_GRIDFN_TAPS + 1] = {SUPPORTS(ENTRY, fma, WITH_AVX2)};
#endif

INLINE void screen_row(size_t n, const double *l2, double m2, double w, float *restrict c, float *restrict s) {
    for (size_t x = 0; x < n; x++) {
        const double r2 = l2[x] + m2, inside = r2 < 1 ? 1 : 0;
        const double turns = -w * r2 / (1 + __builtin_sqrt(inside * (1 - r2))); /* w (n - 1) */
        float cosine, sine;
        pcl_turn((float)(turns - pcl_whole(turns)), &cosine, &sine);
        c[x] = (float)inside * cosine;
        s[x] = (float)inside * sine;
    }
}

static void screen_base(size_t n, const double *l2, double m2, double w, float *restrict c, float *restrict s) {
    screen_row(n, l2, m2, w, c, s);
}
#ifdef __x86_64__
WITH_AVX2 static void screen_fma(size_t n, const double *l2, double m2, double w, float *restrict c, float *restrict s) {
    screen_row(n, l2, m2, w, c, s);
}
#endif

void pcl_w_screen(size_t n, const double *l2, double m2, double w, float *restrict c, float *restrict s) {
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

void pcl_interleave(size_t n, const float *restrict re, const float *restrict im, float *restrict z) {
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
