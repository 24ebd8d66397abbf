/* simd.h: what the files that are compiled for several instruction sets share. One baseline package
 * runs everywhere: a function is written once as INLINE, and instantiated for the baseline and,
 * with WITH_AVX2, for newer machines. */
#ifndef PCL_SIMD_H
#define PCL_SIMD_H

#define INLINE static inline __attribute__((always_inline))

#ifdef __x86_64__
#define WITH_AVX2 __attribute__((target("avx2,fma")))
#define HAS_AVX2  (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
#else
#define WITH_AVX2
#define HAS_AVX2 0
#endif

/* cos and sin of 2 pi t for |t| <= 1/2, by the Taylor series of a quarter turn: x in [-pi/4, pi/4]
 * after folding. Single precision, error below 2e-7, and no branch, so that it is vectorised. */
INLINE void pcl_turn(float t, float *c, float *s) {
    /* 1.5 2^23: rounds to -2 ... 2 */
    const float quarter = 4 * t, k = (quarter + 12582912.0f) - 12582912.0f;
    const float x = (quarter - k) * 1.57079632679489662f, z = x * x;
    const float sine = x * (1 + z * (-1.6666667e-1f + z * (8.3333310e-3f + z * -1.98412e-4f)));
    const float cosine =
        1 + z * (-0.5f + z * (4.1666668e-2f + z * (-1.3888889e-3f + z * 2.4801e-5f)));
    const int q = (int)k & 3;
    const float a = q & 1 ? sine : cosine, b = q & 1 ? cosine : sine;
    *c = q == 1 || q == 2 ? -a : a;
    *s = q >= 2 ? -b : b;
}

/* Adding and taking away 1.5 2^52 rounds to a whole number and, unlike rint, is vectorised
 * everywhere. */
INLINE double pcl_whole(double t) {
    return (t + 6755399441055744.0) - 6755399441055744.0;
}

#endif
