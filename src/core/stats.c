/* stats.c: sums run row by row, each row on its own, so that no order of threads can enter; selection goes by the bits
 * of the floats (three histograms of 11, 11 and 10 bits), which is linear for any data and moves nothing. */
#include "core/stats.h"
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define MAD_TO_RMS 1.4826 /* of a Gaussian */

static bool counts(const float *image, const bool *mask, size_t i) {
    return (!mask || mask[i]) && isfinite(image[i]);
}

static void add_row(const float *row, const bool *mask, size_t nx, size_t y, pcl_stats *out, double *squares) {
    double sum = 0, sum2 = 0;
    for (size_t x = 0; x < nx; x++) {
        if (!counts(row, mask, x))
            continue;
        const float v = row[x];
        sum += (double)v;
        sum2 += (double)v * (double)v;
        out->min = v < out->min ? v : out->min;
        out->max = v > out->max ? v : out->max;
        if (out->n == 0 || fabsf(v) > fabsf(out->peak)) {
            out->peak = v;
            out->peak_x = x;
            out->peak_y = y;
        }
        out->n++;
    }
    out->sum += sum;
    *squares += sum2;
}

void pcl_stats_plane(const float *image, const bool *mask, size_t nx, size_t ny, pcl_stats *out) {
    double squares = 0;
    *out = (pcl_stats){.min = FLT_MAX, .max = -FLT_MAX};
    for (size_t y = 0; y < ny; y++)
        add_row(image + y * nx, mask ? mask + y * nx : NULL, nx, y, out, &squares);
    if (out->n == 0) {
        *out = (pcl_stats){.n = 0};
        return;
    }
    out->mean = out->sum / (double)out->n;
    out->rms = sqrt(squares / (double)out->n);
}

/* Bits that order as the floats do. */
static uint32_t key_of(float v) {
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static float value_of(uint32_t key) {
    const uint32_t bits = key & 0x80000000u ? key & 0x7fffffffu : ~key;
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

float pcl_stats_select(const float *value, size_t n, size_t k) {
    static const unsigned shift[3] = {21, 10, 0}, width[3] = {11, 11, 10};
    uint32_t prefix = 0;
    for (size_t pass = 0; pass < 3; pass++) {
        size_t count[2048] = {0};
        const unsigned above = shift[pass] + width[pass];
        for (size_t i = 0; i < n; i++) {
            const uint32_t key = key_of(value[i]);
            if (pass == 0 || key >> above == prefix >> above)
                count[key >> shift[pass] & ((1u << width[pass]) - 1)]++;
        }
        uint32_t bucket = 0;
        while (k >= count[bucket])
            k -= count[bucket++];
        prefix |= bucket << shift[pass];
    }
    return value_of(prefix);
}

static double median_of(const float *value, size_t n) {
    const float low = pcl_stats_select(value, n, (n - 1) / 2);
    if (n % 2)
        return (double)low;
    return 0.5 * ((double)low + (double)pcl_stats_select(value, n, n / 2));
}

double pcl_stats_mad_rms(const float *image, const bool *mask, size_t n, float *work, double *median) {
    size_t nused = 0;
    for (size_t i = 0; i < n; i++)
        if (counts(image, mask, i))
            work[nused++] = image[i];
    if (median)
        *median = 0;
    if (nused == 0)
        return 0;
    const double middle = median_of(work, nused);
    if (median)
        *median = middle;
    for (size_t i = 0; i < nused; i++)
        work[i] = (float)fabs((double)work[i] - middle);
    return MAD_TO_RMS * median_of(work, nused);
}
