/* weight.h: imaging weights as tclean computes them (docs/compat-tclean.md): natural, uniform,
 * briggs; uv taper.
 *
 * The density grid has the image's own number of cells, 1/(imsize cell) wavelengths wide, so
 * weights depend on imsize. Each sample counts at (u, v) and at (-u, -v). Briggs 1995 (PhD thesis,
 * New Mexico Tech), eq. 3.19, in the form weight = w / (D f2 + 1), f2 = (5 10^-R)^2 / (sum D^2 /
 * sum w).
 *
 * Everything here uses OpenMP's threads and gives the same bits for any number of them: a cell
 * belongs to one thread and sums its samples in their order; other sums go by slices of fixed
 * size. */
#ifndef PCL_WEIGHT_H
#define PCL_WEIGHT_H
#include "base/err.h"
#include "core/raster.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a coordinate becomes a cell: one grid for all channels truncates (both signs of u and v, so
 * the grid is not symmetric), a grid for each channel rounds. Both are tclean's; beams depend on it
 * at the 1e-2 level. */
enum pcl_density_cell { PCL_DENSITY_TRUNCATE, PCL_DENSITY_ROUND };

typedef struct pcl_density {
    size_t nx, ny;
    double cellx_rad, celly_rad;
    enum pcl_density_cell cell;
    double per_sample; /* a sample of weight w adds per_sample * w: 2 where both hands fall on
                        * one plane (cubes), else 1 */
    float *sum;        /* [ny][nx] */
    double sumwt;      /* of what was added, both signs */
    double f2, d2;     /* weight / (D f2 + d2) */
    uint32_t *place;   /* work space of pcl_density_add: cells of a group of samples ... */
    uint8_t *owner;    /* ... and the thread that each cell belongs to */
    double *row;       /* [ny] */
} pcl_density;

/* What pcl_density_init allocates. */
uint64_t pcl_density_bytes(size_t nx, size_t ny);

int pcl_density_init(pcl_density *d, const pcl_raster *raster, enum pcl_density_cell cell,
                     double per_sample, pclean_err *err) PCL_CHECK;
void pcl_density_clear(pcl_density *d);
void pcl_density_zero(pcl_density *d);

/* u, v [n] wavelengths (at the frequency in the image's frame, as tclean), weight [n] natural
 * weights. */
void pcl_density_add(pcl_density *d, size_t n, const double *u, const double *v,
                     const float *weight);
void pcl_density_finish_uniform(pcl_density *d);
void pcl_density_finish_briggs(pcl_density *d, double robust);
/* weight [n] in: natural; out: imaging weight; 0 outside the grid. */
void pcl_density_apply(const pcl_density *d, size_t n, const double *u, const double *v,
                       float *weight);

/* Gaussian uv taper exp(-(a x^2 + b y^2)) on axes turned by pa (north through east). */
typedef struct pcl_taper {
    bool on;
    double cos_pa, sin_pa; /* major axis of the sky Gaussian along (u, v) = (sin pa, cos pa) */
    double major, minor;   /* exponents per wavelength^2 along the major and minor axis */
} pcl_taper;

/* FWHM on the sky in rad: exp(-pi^2 theta^2 r^2 / (4 ln 2)). */
pcl_taper pcl_taper_sky(double major_rad, double minor_rad, double pa_rad);
/* Half width at half maximum in wavelengths: exp(-ln2 (r/R)^2). */
pcl_taper pcl_taper_uv(double major_lambda, double minor_lambda, double pa_rad);
void pcl_taper_apply(const pcl_taper *t, size_t n, const double *u, const double *v, float *weight);

#endif
