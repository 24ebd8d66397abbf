/* weight.h: imaging weights as tclean computes them (docs/algorithms.md): uniform, superuniform
 * and the three kinds of briggs, from a density; radial; uv taper. Natural weights are left as
 * they are.
 *
 * The density grid has the image's own number of cells, 1/(imsize cell) wavelengths wide, so
 * weights depend on imsize. Each sample counts at (u, v) and at (-u, -v). Briggs 1995 (PhD thesis,
 * New Mexico Tech), eq. 3.19, in the form weight = w / (D f2 + 1), f2 = (5 10^-R)^2 / (sum D^2 /
 * sum w).
 * The other kinds put other numbers into the same form; superuniform counts a sample in a box of
 * cells; briggsbwtaper divides D by a factor that grows with the distance from the centre.
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
    size_t box;        /* a sample counts in (2 box + 1)^2 cells; 0: in its own */
    float *sum;        /* [ny][nx] */
    float *spread;     /* [ny][nx] work space of pcl_density_spread; NULL without a box */
    double sumwt;      /* of what was added, both signs */
    double f2, d2;     /* weight / (D f2 / F + d2) */
    double fracbw;     /* fractional bandwidth of the cube, for F of briggsbwtaper; 0: F is 1 */
    uint32_t *place;   /* work space of pcl_density_add: cells of a group of samples ... */
    uint8_t *owner;    /* ... and the thread that each cell belongs to */
    double *row;       /* [ny] */
} pcl_density;

/* What pcl_density_init allocates. */
uint64_t pcl_density_bytes(size_t nx, size_t ny, size_t box);

int pcl_density_init(pcl_density *d, const pcl_raster *raster, enum pcl_density_cell cell,
                     double per_sample, size_t box, pclean_err *err) PCL_CHECK;
void pcl_density_clear(pcl_density *d);
void pcl_density_zero(pcl_density *d);

/* u, v [n] wavelengths (at the frequency in the image's frame, as tclean), weight [n] natural
 * weights. */
void pcl_density_add(pcl_density *d, size_t n, const double *u, const double *v,
                     const float *weight);

/* When all is added: spread it over the box, then finish it once. Without a box spreading does
 * nothing. With one, tclean's two codes differ again: with PCL_DENSITY_TRUNCATE a sample counts
 * fully in each cell of its box, and not at all when the box does not fit into the grid; with
 * PCL_DENSITY_ROUND it is divided among the cells, and what falls outside is lost. */
void pcl_density_spread(pcl_density *d);
void pcl_density_finish_uniform(pcl_density *d);
void pcl_density_finish_briggs(pcl_density *d, double robust);
void pcl_density_finish_briggsabs(pcl_density *d, double robust, double noise_jy);
void pcl_density_finish_briggsbwtaper(pcl_density *d, double robust, double fracbw);

/* weight [n] in: natural; out: imaging weight; 0 outside the grid. */
void pcl_density_apply(const pcl_density *d, size_t n, const double *u, const double *v,
                       float *weight);

/* Weights times the distance from the centre; u, v [n] wavelengths. */
void pcl_radial_apply(size_t n, const double *u, const double *v, float *weight);

/* Gaussian uv taper exp(-(a x^2 + b y^2)) on axes turned by pa (north through east). */
typedef struct pcl_taper {
    bool on;
    bool metres;           /* of u and v in metres, not in wavelengths */
    double cos_pa, sin_pa; /* major axis of the sky Gaussian along (u, v) = (sin pa, cos pa) */
    double major, minor;   /* exponents per wavelength^2, or metre^2, along the two axes */
} pcl_taper;

/* FWHM on the sky in rad: exp(-pi^2 theta^2 r^2 / (4 ln 2)). */
pcl_taper pcl_taper_sky(double major_rad, double minor_rad, double pa_rad);
/* Half width at half maximum in wavelengths: exp(-ln2 (r/R)^2); or in metres of baseline. */
pcl_taper pcl_taper_uv(double major_lambda, double minor_lambda, double pa_rad);
pcl_taper pcl_taper_baseline(double major_m, double minor_m, double pa_rad);
/* u, v [n] in the taper's unit. */
void pcl_taper_apply(const pcl_taper *t, size_t n, const double *u, const double *v, float *weight);

#endif
