/* rotation.h: rows whose field is centred elsewhere than the image: their baselines as the image's
 * centre sees them, and the path by which their visibilities must turn for a source there to have
 * phase 0. Exact, in double precision.
 *
 * With unit vectors e (east), n (north), s (to the source) of the field's phase centre and of the
 * image's, uvw' = R uvw with R_ij = basis'_i . basis_j, and V' = V exp(-2 pi i (w' - w) nu / c):
 * Thompson, Moran & Swenson, Interferometry and Synthesis in Radio Astronomy, ch. 4. */
#ifndef PCL_ROTATION_H
#define PCL_ROTATION_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

struct casa_direction;

typedef struct pcl_rotation {
    bool none;         /* the field is centred where the image is: nothing to do, to the bit */
    double uvw[3][3];  /* R */
    double path[3];    /* w' - w = path . uvw, without the digits that a difference loses */
    double offset_rad; /* from the image's centre to the field's */
    double l, m;       /* the field's centre in the image's frame: direction cosines to the east
                        * and to the north; meaningless where it is 90 degrees away or more */
} pcl_rotation;

/* From a field's phase centre to the image's, which may be given in different frames.
 * -PCLEAN_EDATA: frames that casacore does not convert. */
int pcl_rotation_make(const struct casa_direction *field, const struct casa_direction *centre,
                      pcl_rotation *out, pclean_err *err) PCL_CHECK;

/* out = R uvw; returns the path w' - w in m. */
double pcl_rotation_apply(const pcl_rotation *r, const double uvw_m[3], double out_m[3]);

/* exp(-2 pi i path nu / c) of n rows at an observed frequency; exactly 1 where the path is 0. */
void pcl_rotation_phasors(size_t n, const double *path_m, double freq_hz, float (*phasor)[2]);

/* V -> V' of n rows: vis [n][2]. */
void pcl_rotation_turn(size_t n, const float (*phasor)[2], float *vis);

#endif
