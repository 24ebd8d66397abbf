/* psfsub.h: subtracts the PSFs of many components from a box of an image at once. The convolution
 * is linear: nothing wraps around.
 *
 * The same bits for any number of threads: whether the sum is made component by component or with
 * Fourier transforms depends on the number of components and the sizes alone. Both agree to 1e-6 of
 * the largest component. */
#ifndef PCL_PSFSUB_H
#define PCL_PSFSUB_H
#include "base/err.h"
#include "core/lent.h"
#include <fftw3.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct pcl_point {
    size_t x, y; /* pixels of the image, inside the box */
    float v;     /* Jy */
} pcl_point;

/* A rectangle of an image of nx x ny pixels. */
typedef struct pcl_box {
    size_t nx, ny;   /* of the image, and of the PSF */
    size_t x0, y0;   /* its first pixel ... */
    size_t nbx, nby; /* ... and its size, at least 1 */
} pcl_box;

typedef struct pcl_psfsub {
    pcl_box box;
    size_t npx, npy, stride;  /* of a padded array: rows of npx reals, or npx / 2 + 1 complex */
    float *psf, *work;        /* [npy][stride]; NULL: not needed yet */
    const float *transformed; /* the PSF whose transform is in psf */
    fftwf_complex *column;    /* of each thread a few columns */
    size_t nthread, ncolumn;
    fftwf_plan row_forth, row_back, column_forth, column_back;
    pcl_lent spare; /* for work */
} pcl_psfsub;

/* Allocates nothing yet. spare: for as long as *s lives; where it is too small, memory is
 * allocated. To pcl_psfsub_clear. */
void pcl_psfsub_init(pcl_psfsub *s, const pcl_box *box, const pcl_lent *spare);
void pcl_psfsub_clear(pcl_psfsub *s);

/* image [ny][nx] -= PSF [ny][nx] (peak at (nx/2, ny/2)) around each of the n points, inside the
 * box; the PSF is zero outside its array. It must stay unchanged from call to call, as its
 * transform is kept. -PCLEAN_ENOMEM. */
int pcl_psfsub_subtract(pcl_psfsub *s, const float *psf, size_t n, const pcl_point *point,
                        float *image, pclean_err *err) PCL_CHECK;

/* The two ways, for tests. */
void pcl_psfsub_directly(const pcl_psfsub *s, const float *psf, size_t n, const pcl_point *point,
                         float *image);
int pcl_psfsub_by_fft(pcl_psfsub *s, const float *psf, size_t n, const pcl_point *point,
                      float *image, pclean_err *err) PCL_CHECK;

/* Bytes that are allocated at most where a call has up to n points. */
size_t pcl_psfsub_bytes(const pcl_box *box, size_t n, const pcl_lent *spare, size_t nthread);

#endif
