/* stats.c: medians are exact: a sample brackets the middle, one pass over the plane counts what is
 * lower and keeps what is inside, and a radix selection among that ends it. Comparisons are of
 * integers that order as the floats do. */
#include "core/stats.h"
#include <float.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#define MAD_TO_RMS 1.4826 /* of a Gaussian */
#define SIMD       __attribute__((target_clones("avx2", "default")))

enum {
    BAND = 1 << 14, /* pixels summed together: sums do not depend on the number of threads */
    LANES = 8,
    BLOCK = 512,      /* pixels whose keys are made together */
    SAMPLE = 1 << 13, /* pixels that bracket a median */
    MARGIN = 181,     /* four standard deviations of a median's rank among them */
    MOST_PARTS = 64,
    NOT_FINITE = INT32_MAX /* as a key: above all */
};

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* ---- peak and sum ---- */

SIMD static int32_t peak_bits(const float *image, const bool *mask, size_t n) {
    int32_t most = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t bits;
        memcpy(&bits, &image[i], sizeof bits);
        bits &= INT32_MAX;
        bits = bits < 0x7f800000 && (!mask || mask[i]) ? bits : 0;
        most = bits > most ? bits : most;
    }
    return most;
}

float pcl_stats_peak(const float *image, const bool *mask, size_t n) {
    int32_t most = 0;
#pragma omp parallel for schedule(static) reduction(max : most)
    for (size_t from = 0; from < n; from += BAND) {
        const int32_t bits =
            peak_bits(image + from, mask ? mask + from : NULL, least(BAND, n - from));
        most = bits > most ? bits : most;
    }
    float peak;
    memcpy(&peak, &most, sizeof peak);
    return peak;
}

SIMD static size_t count_finite(const float *image, const bool *mask, size_t n) {
    size_t nfinite = 0;
    if (mask)
        for (size_t i = 0; i < n; i++)
            nfinite += mask[i] & (fabsf(image[i]) <= FLT_MAX);
    else
        for (size_t i = 0; i < n; i++)
            nfinite += fabsf(image[i]) <= FLT_MAX;
    return nfinite;
}

bool pcl_stats_all_finite(const float *image, size_t n) {
    return count_finite(image, NULL, n) == n;
}

static inline double finite_or_zero(float v) {
    return fabsf(v) <= FLT_MAX ? (double)v : 0;
}

SIMD static double sum_band(const float *image, size_t n) {
    double lane[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            lane[k] += finite_or_zero(image[i + k]);
    for (; i < n; i++)
        sum += finite_or_zero(image[i]);
    for (size_t k = 0; k < LANES; k++)
        sum += lane[k];
    return sum;
}

double pcl_stats_sum(const float *image, size_t n) {
    enum { NBAND = 256 };
    double sum = 0;
    for (size_t from = 0; from < n; from += NBAND * (size_t)BAND) {
        const size_t nband = least(NBAND, (n - from + BAND - 1) / BAND);
        double band[NBAND];
#pragma omp parallel for schedule(static)
        for (size_t k = 0; k < nband; k++)
            band[k] = sum_band(image + from + k * BAND, least(BAND, n - from - k * BAND));
        for (size_t k = 0; k < nband; k++)
            sum += band[k];
    }
    return sum;
}

/* ---- medians ---- */

/* The values whose median is wanted: pixels, or their distances from a value. */
typedef struct values {
    const float *image;
    const bool *mask; /* pixels that count; NULL: all */
    size_t n;
    bool distances;
    double from;
} values;

/* Integers that order as the floats do. */
static inline int32_t key_of(float v) {
    int32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits ^ (bits >> 31 & INT32_MAX);
}

static double value_of(int32_t key) {
    const int32_t bits = key ^ (key >> 31 & INT32_MAX);
    float v;
    memcpy(&v, &bits, sizeof v);
    return (double)v;
}

/* Keys of values [at, at + n). */
SIMD static void make_keys(const values *v, size_t at, size_t n, int32_t *restrict key) {
    const float *image = v->image + at;
    const double from = v->from;
    if (v->distances)
        for (size_t i = 0; i < n; i++)
            key[i] = fabsf(image[i]) <= FLT_MAX ? key_of((float)fabs((double)image[i] - from))
                                                : NOT_FINITE;
    else
        for (size_t i = 0; i < n; i++)
            key[i] = fabsf(image[i]) <= FLT_MAX ? key_of(image[i]) : NOT_FINITE;
    if (v->mask)
        for (size_t i = 0; i < n; i++)
            key[i] = v->mask[at + i] ? key[i] : NOT_FINITE;
}

typedef struct bracket {
    int32_t low, high;
} bracket;

/* Puts those of values [from, to) that are inside the bracket into `kept`, which has room for to -
 * from; returns how many, and counts the lower ones. */
static size_t keep_inside(const values *v, size_t from, size_t to, const bracket *b, int32_t *kept,
                          size_t *lower) {
    int32_t key[BLOCK];
    const uint32_t low = (uint32_t)b->low, width = (uint32_t)b->high - low;
    size_t nkept = 0;
    *lower = 0;
    for (size_t at = from; at < to; at += BLOCK) {
        const size_t n = least(BLOCK, to - at);
        make_keys(v, at, n, key);
        uint32_t below = 0;
        for (size_t i = 0; i < n; i++)
            below += key[i] < b->low;
        *lower += below;
        for (size_t i = 0; i < n; i++) {
            kept[nkept] = key[i];
            nkept += (uint32_t)key[i] - low <= width;
        }
    }
    return nkept;
}

/* The same of all values, in parallel parts. */
static size_t keep_all_inside(const values *v, const bracket *b, int32_t *kept, size_t *lower) {
    const size_t npart = least(MOST_PARTS, (size_t)omp_get_max_threads());
    size_t nkept[MOST_PARTS], below[MOST_PARTS], n = 0;
#pragma omp parallel for schedule(static, 1)
    for (size_t k = 0; k < npart; k++) {
        const size_t from = v->n * k / npart, to = v->n * (k + 1) / npart;
        nkept[k] = keep_inside(v, from, to, b, kept + from, &below[k]);
    }
    *lower = 0;
    for (size_t k = 0; k < npart; k++) {
        memmove(kept + n, kept + v->n * k / npart, nkept[k] * sizeof *kept);
        n += nkept[k];
        *lower += below[k];
    }
    return n;
}

/* The k-th smallest (from 0) of n keys, by three histograms: linear for any data, and moves
 * nothing. */
static int32_t select_key(const int32_t *key, size_t n, size_t k) {
    static const unsigned shift[3] = {21, 10, 0}, width[3] = {11, 11, 10};
    const uint32_t sign = 0x80000000u;
    uint32_t prefix = 0;
    for (size_t pass = 0; pass < 3; pass++) {
        size_t count[2048] = {0};
        const unsigned above = shift[pass] + width[pass];
        for (size_t i = 0; i < n; i++) {
            const uint32_t bits = (uint32_t)key[i] ^ sign;
            if (pass == 0 || bits >> above == prefix >> above)
                count[bits >> shift[pass] & ((1u << width[pass]) - 1)]++;
        }
        uint32_t bucket = 0;
        while (k >= count[bucket])
            k -= count[bucket++];
        prefix |= bucket << shift[pass];
    }
    return (int32_t)(prefix ^ sign);
}

/* Where the k-th smallest value most likely is. Golden steps spread the sample over rows and
 * columns alike. */
static bracket guess(const values *v, size_t k) {
    if (v->n < 4 * SAMPLE)
        return (bracket){INT32_MIN, INT32_MAX};
    int32_t key[SAMPLE];
    uint64_t place = 0;
    for (size_t i = 0; i < SAMPLE; i++, place += 0x9E3779B97F4A7C15u)
        make_keys(v, (size_t)((unsigned __int128)place * v->n >> 64), 1, &key[i]);
    const size_t rank = (size_t)((double)k / (double)v->n * SAMPLE);
    return (bracket){rank < MARGIN ? INT32_MIN : select_key(key, SAMPLE, rank - MARGIN),
                     rank + MARGIN >= SAMPLE ? INT32_MAX : select_key(key, SAMPLE, rank + MARGIN)};
}

/* Median of the `nfinite` finite values. */
static double median_of(const values *v, size_t nfinite, int32_t *work) {
    const size_t k = (nfinite - 1) / 2, pair = nfinite % 2 ? 0 : 1;
    bracket b = guess(v, k);
    size_t lower, n = keep_all_inside(v, &b, work, &lower);
    if (k < lower || k + pair >= lower + n) {
        b = (bracket){INT32_MIN, INT32_MAX};
        n = keep_all_inside(v, &b, work, &lower);
    }
    const double middle = value_of(select_key(work, n, k - lower));
    return pair ? 0.5 * (middle + value_of(select_key(work, n, k - lower + 1))) : middle;
}

double pcl_stats_mad_rms(const float *image, size_t n, int32_t *work, double *median) {
    return pcl_stats_mad_rms_in(image, NULL, n, work, median);
}

double pcl_stats_mad_rms_in(const float *image, const bool *mask, size_t n, int32_t *work,
                            double *median) {
    const size_t nfinite = count_finite(image, mask, n);
    values v = {.image = image, .mask = mask, .n = n};
    const double middle = nfinite ? median_of(&v, nfinite, work) : 0;
    if (median)
        *median = middle;
    v.distances = true;
    v.from = middle;
    return nfinite ? MAD_TO_RMS * median_of(&v, nfinite, work) : 0;
}
