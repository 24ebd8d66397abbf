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

/* Whether few beams make the common beam large for all: those that stick out of the median beam
 * 1.2 times as far as all but `most` of the beams. */
typedef struct pcl_commonbeam_spread {
    pcl_beam median; /* of median area; zero: there are not more than `most` */
    double limit;    /* of pcl_commonbeam_ratio to it, above which a beam is one */
    double above_median,
        above_rest; /* area of the common beam, over that of the median one and over
                                      * that of the common beam without them */
} pcl_commonbeam_spread;

/* most: 1 in 20, but at least the planes of a channel. work [n]. */
void pcl_commonbeam_judge(const pcl_beam *beam, size_t n, size_t most, const pcl_beam *common,
                          pcl_beam *work, pcl_commonbeam_spread *out);
/* They do: it has more than 1.5 times the median beam's area, and 1.2 times what it would have
 * without them. */
bool pcl_commonbeam_is_spoilt(const pcl_commonbeam_spread *spread);
bool pcl_commonbeam_is_outlier(const pcl_commonbeam_spread *spread, const pcl_beam *beam);

/* The same beam in 40 digits of two, so that it comes back from a header, which has arcsec and
 * degrees, to the last bit by being rounded again: parts of an image then find the common beam of
 * the whole. */
pcl_beam pcl_commonbeam_round(const pcl_beam *beam);

/* How far a beam sticks out of another one: the largest ratio of their widths in a direction. At
 * most 1: it is held. Both have axes above 0. */
double pcl_commonbeam_ratio(const pcl_beam *beam, const pcl_beam *holder);

#endif
