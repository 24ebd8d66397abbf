/* gridfn.h: the gridding kernel, its polynomial form and its grid correction.
 *
 * The kernel is a generalised exponential of a semicircle, C(x) = exp(beta W ((1 - (2x/W)^2)^e0 -
 * 1)) for |x| < W/2 (Barnett, Magland & af Klinteberg 2019, SIAM J. Sci. Comput. 41, C479), with
 * beta and e0 chosen for each support W and padding sigma so that the least-misfit error (Ye, Gull,
 * Tan & Nikolic 2020, MNRAS 491, 1146, eq. 21) averaged over the image is smallest; the grid
 * correction is the least-misfit one of the same paper. */
#ifndef PCL_GRIDFN_H
#define PCL_GRIDFN_H
#include <stddef.h>

enum { PCL_GRIDFN_TAPS = 8, PCL_GRIDFN_DEGREE = 11, PCL_GRIDFN_EVEN = 12 };

typedef struct pcl_gridfn {
    int support;  /* W, cells; <= PCL_GRIDFN_TAPS */
    double sigma; /* padding: grid size / image size, at least */
    double beta, e0;
    double misfit;  /* rms error over a 2-D image for visibilities of unit modulus, relative to
                     * a unit source */
    double magnify; /* of rounding, by the correction: rms over the image */
    /* Tap t of a sample that lies `offset` in [0, 1) cells before its first tap plus W/2 has the
     * value sum_d coef[d][t] (2 offset - 1)^d; taps t >= W are 0. */
    float coef[PCL_GRIDFN_DEGREE + 1][PCL_GRIDFN_TAPS];
    /* For |x| < W/2, C(x) = sum_d even[d] q^d, q = 2 (2x/W)^2 - 1. */
    float even[PCL_GRIDFN_EVEN + 1];
} pcl_gridfn;

/* The cheapest kernel whose error (misfit, and single-precision rounding magnified by the
 * correction) is at most `accuracy`, for an image of npixel pixels and nvis visibilities per image;
 * the most accurate one when none is. */
void pcl_gridfn_choose(double accuracy, double npixel, double nvis, pcl_gridfn *out);

/* misfit and single-precision rounding together. */
double pcl_gridfn_error(const pcl_gridfn *fn);

/* The k-th kernel of the table; 0 when there is none. */
int pcl_gridfn_get(size_t k, pcl_gridfn *out);

/* C at x cells from its centre, evaluated directly. */
double pcl_gridfn_value(const pcl_gridfn *fn, double x);

/* Least-misfit correction h[i] for pixels i - n/2 of an axis with a grid of ngrid cells: an image
 * is multiplied by it after the FFT (gridding) or before (degridding). [n] */
void pcl_gridfn_correction(const pcl_gridfn *fn, size_t n, size_t ngrid, float *h);

/* The same at x cycles per cell, for other axes (w). */
double pcl_gridfn_correction_at(const pcl_gridfn *fn, double x);

#endif
