#include "core/grid_kernel.h"

#include <string.h>

/* Eight floats side by side: the taps of one row. GCC splits them where the instruction set has narrower registers. */
typedef float taps __attribute__((vector_size(32)));
typedef float taps_anywhere __attribute__((vector_size(32), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))
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
    attribute static void predict_##w##_##isa(const pcl_gridfn *fn, const pcl_grid_item *item, size_t n,               \
                                              const pcl_grid_target *t, float *vis) {                                  \
        predict(fn, item, n, t, w, vis);                                                                               \
    }
#define SUPPORTS(X, isa, attribute)                                                                                    \
    X(3, isa, attribute) X(4, isa, attribute) X(5, isa, attribute) X(6, isa, attribute) X(7, isa, attribute)           \
    X(8, isa, attribute)
#define ENTRY(w, isa, attribute) [w] = {add_##w##_##isa, predict_##w##_##isa},

SUPPORTS(INSTANCE, base, )
static const pcl_grid_kernel base_kernels[PCL_GRIDFN_TAPS + 1] = {SUPPORTS(ENTRY, base, )};

#ifdef __x86_64__
#define FMA_TARGET __attribute__((target("avx2,fma")))
SUPPORTS(INSTANCE, fma, FMA_TARGET)
static const pcl_grid_kernel fma_kernels[PCL_GRIDFN_TAPS + 1] = {SUPPORTS(ENTRY, fma, FMA_TARGET)};
#endif

pcl_grid_kernel pcl_grid_kernel_for(int support) {
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
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
