/* axis.h: may these images be joined along this axis, in which order, and is the joined axis
 * regular? Pure decisions. */
#ifndef PCL_AXIS_H
#define PCL_AXIS_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

enum pcl_axis_kind {
    PCL_AXIS_SPECTRAL, /* Hz; a regular axis or a table */
    PCL_AXIS_LINEAR,   /* any other that can become a table */
    PCL_AXIS_SKY,      /* pixel offset from the reference direction times the increment; regular
                        * or nothing */
    PCL_AXIS_STOKES    /* codes; they need only be different */
};

/* The axis of one image. */
typedef struct pcl_axis {
    const char *name; /* path of the image, for errors */
    enum pcl_axis_kind kind;
    size_t n;
    const double *value; /* [n] at the pixel centres */
    double increment;    /* of a single pixel, with its sign; 0: not known */
    const char *frame;   /* of frequencies, "" for others: must be the same in all */
} pcl_axis;

typedef struct pcl_axis_joined {
    size_t *order;     /* [nimage] which image comes first, second ...; yours to pcl_free */
    bool regular;      /* value[k] = value[0] + k increment to 1 % of it: the first image's own
                        * axis goes on */
    bool casa_regular; /* casacore takes it for regular when it opens a virtual image */
} pcl_axis_joined;

/* Gaps and pixels of other widths are an error unless `relax`; a wrong order unless `reorder`.
 * Always errors: overlaps, opposite or different directions, other kinds or frames. -PCLEAN_EDATA
 * names the image and says what to do. */
int pcl_axis_join(const pcl_axis *images, size_t nimage, bool relax, bool reorder,
                  pcl_axis_joined *out, pclean_err *err) PCL_CHECK;

#endif
