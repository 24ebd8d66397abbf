/* series.h: several images on disk seen as one along an axis. Virtual images count as the images
 * they list. */
#ifndef PCL_SERIES_H
#define PCL_SERIES_H
#include "base/err.h"
#include "casa/join.h"
#include "join/tiles.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct pcl_series {
    size_t n, axis, total;    /* images, axis along which they are joined, its pixels */
    casa_member **member;     /* [n] in order */
    pcl_tiles_member *pixels; /* [n] */
    pcl_tiles_member *mask;   /* [n]; NULL: none has a mask */
    double *value;            /* [total] of the axis */
    bool regular;             /* the axis is the first image's, continued */
    bool casa_regular;        /* casacore takes it for that */
    bool nested;              /* one of the names was a virtual image */
    bool beams;               /* the images have beams, but for nblank of them, which are zeros: no
                             * data */
    size_t nblank;
} pcl_series;

typedef struct pcl_series_options {
    int axis;     /* along which the images are joined; -1: the spectral one */
    bool relax;   /* as pclean_concat_options */
    bool reorder; /* likewise */
    bool trusted; /* this process has made the images: their history is not tried */
} pcl_series_options;

/* Opens the images name[n] and checks that they go together (axis.h, casa_member_compare; all have
 * a beam or none, but for blank ones). Calls casacore. *out to
 * pcl_series_clear. */
int pcl_series_load(const char *const *name, size_t n, const pcl_series_options *options,
                    pcl_series *out, pclean_err *err) PCL_CHECK;
void pcl_series_clear(pcl_series *p);

/* The arrays of all images; that of the masks only where one has a mask. */
pcl_tiles_series pcl_series_pixels(const pcl_series *p);
pcl_tiles_series pcl_series_masks(const pcl_series *p);

/* Whether all pixels of an image, or (member NULL) of all, are 0. No casacore. */
int pcl_series_is_blank(const pcl_series *p, const pcl_tiles_member *member, bool *blank,
                        pclean_err *err) PCL_CHECK;

/* Compares the pixels and mask of `whole` with those of `members`, of which it should consist: all
 * of them, or the first and the last tile of each member and two between. *where: plane of the
 * first difference, -1: none. No casacore. */
int pcl_series_compare(const pcl_series *whole, const pcl_series *members, bool full, long *where,
                       pclean_err *err) PCL_CHECK;

/* Where in `whole` the planes of `some` lie, the same pixels and mask, all of them compared:
 * *offset, -1: they do not. No casacore. */
int pcl_series_find(const pcl_series *whole, const pcl_series *some, long *offset,
                    pclean_err *err) PCL_CHECK;

/* The largest box of pixels that is held in memory. */
enum { PCL_SERIES_BOX_BYTES = 16 << 20 };

#endif
