/* region.h: shapes in a plane of pixels: ellipses, rings and polygons. Pure arithmetic.
 *
 * A pixel belongs to a shape when its centre is inside or on the edge. What counts as on the edge
 * has the margin of casacore's LCEllipsoid and LCPolygon with their single precision, so that a
 * mask is tclean's but for a pixel in some thousands whose centre lies that near to an edge. */
#ifndef PCL_REGION_H
#define PCL_REGION_H
#include <stdbool.h>
#include <stddef.h>

typedef struct pcl_region {
    bool is_polygon;
    /* An ellipse: offsets from (x, y) in pixels times `scale` are turned by the angle, then divided
     * by the semi-axes. */
    double x, y, scale[2], sin_pa, cos_pa, semi[2];
    double inner; /* radius of its hole, in radii; 0: none */
    /* A polygon, closed, by the even-odd rule. */
    size_t nvertex;
    double *vertex; /* [nvertex][2] x, y in pixels; the caller's */
} pcl_region;

/* Vertices a hair from a pixel's centre are put on it, which the rule for edges needs to see. */
void pcl_region_snap(pcl_region *r);

/* Sets the pixels of plane [ny][nx] that belong to the region to `value`, leaves the others.
 * cross [nvertex]: scratch. */
void pcl_region_fill(const pcl_region *r, bool value, size_t nx, size_t ny, bool *plane,
                     double *cross);

#endif
