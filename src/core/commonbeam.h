/* commonbeam.h: the smallest beam that holds all beams of an image: restoringbeam='common'. */
#ifndef PCL_COMMONBEAM_H
#define PCL_COMMONBEAM_H
#include "core/beam.h"
#include <stdbool.h>
#include <stddef.h>

/* The beam of smallest area to which an image of each of these beams can be brought by convolution
 * (the ellipse of smallest area that holds all ellipses), within 1e-7 of that area. beam [n], in
 * any order, which does not change a bit of the result; those without axes are passed over. One
 * that holds all others comes back as it is. False, and *out zero: there is none. Some twenty
 * passes over the beams at most. Thread-safe. */
bool pcl_commonbeam_find(const pcl_beam *beam, size_t n, pcl_beam *out);

/* What is usual among beams [n]: *median, the one of median area, and *limit, 1.2 times the ratio
 * (see below) to it that all but `most` of them keep to. work [n]. False: there are not more than
 * `most` beams. */
bool pcl_commonbeam_usual(const pcl_beam *beam, size_t n, size_t most, double *work,
                          pcl_beam *median, double *limit);

/* The same beam in 40 digits of two, so that it comes back from a header, which has arcsec and
 * degrees, to the last bit by being rounded again: parts of an image then find the common beam of
 * the whole. */
pcl_beam pcl_commonbeam_round(const pcl_beam *beam);

/* How far a beam sticks out of another one: the largest ratio of their widths in a direction. At
 * most 1: it is held. Both have axes above 0. */
double pcl_commonbeam_ratio(const pcl_beam *beam, const pcl_beam *holder);

#endif
