#include "core/noise.h"

#include <float.h>
#include <math.h>

/* How many pixels, their mean and standard deviation. */
typedef struct moments {
    size_t n;
    double mean, sd;
} moments;

static moments measure(const float *image, const bool *mask, size_t n) {
    moments m = {0};
    double sum = 0, square = 0;
    for (size_t i = 0; i < n; i++)
        if (mask[i]) {
            sum += (double)image[i];
            m.n++;
        }
    m.mean = m.n ? sum / (double)m.n : 0;
    for (size_t i = 0; i < n; i++)
        if (mask[i])
            square += ((double)image[i] - m.mean) * ((double)image[i] - m.mean);
    m.sd = m.n > 1 ? sqrt(square / (double)(m.n - 1)) : 0;
    return m;
}

/* The z of erfc(z / sqrt 2) = p, by halving. */
static double z_of(double p) {
    double low = 0, high = 40;
    for (int i = 0; i < 80; i++) {
        const double z = 0.5 * (low + high);
        if (erfc(z / sqrt(2)) > p)
            low = z;
        else
            high = z;
    }
    return low;
}

void pcl_noise_clip(const float *image, bool *mask, size_t n) {
    enum { PASSES = 5 };
    for (size_t i = 0; i < n; i++)
        mask[i] = mask[i] && fabsf(image[i]) <= FLT_MAX;
    for (int pass = 0; pass < PASSES; pass++) {
        const moments m = measure(image, mask, n);
        const double reach = m.n > 1 ? z_of(0.5 / (double)m.n) * m.sd : INFINITY;
        size_t left = 0;
        for (size_t i = 0; i < n; i++)
            left += mask[i] = mask[i] && fabs((double)image[i] - m.mean) <= reach;
        if (left == m.n)
            return;
    }
}
