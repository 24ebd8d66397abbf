/* publish.h: the end of a run: its products get their headers and their final names, and those of
 * the run that they replace go. */
#ifndef PCL_PUBLISH_H
#define PCL_PUBLISH_H
#include "run/products.h"

/* Beams [nchan][npol] (fitted for .psf, restoring for .image; NULL: none) and history into the
 * headers, then the final names. Failure leaves older products and their run record as they
 * were. */
int pcl_publish_products(pcl_products *s, const pcl_setup *setup, const casa_beam *fitted,
                         const casa_beam *restoring, const char *const *history, size_t nhistory,
                         pclean_err *err) PCL_CHECK;

#endif
