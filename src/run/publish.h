/* publish.h: the end of a run: its products get their headers and their final names, and those of
 * the run that they replace go. */
#ifndef PCL_PUBLISH_H
#define PCL_PUBLISH_H
#include "run/products.h"

/* What goes into the headers at the end. */
typedef struct pcl_publish_headers {
    const casa_beam *fitted; /* [nchan][npol] as in casa_image_finish; NULL: no plane has data */
    const casa_beam *one;    /* that all restored planes have; NULL: each its fitted one */
    const char *const *history;
    size_t nhistory;
} pcl_publish_headers;

/* Beams and history into the headers, then the final names. Failure leaves older products and their
 * run record as they were. */
int pcl_publish_products(pcl_products *s, const pcl_setup *setup,
                         const pcl_publish_headers *headers, pclean_err *err) PCL_CHECK;

#endif
