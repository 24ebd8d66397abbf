/* masking.h: the automatic mask of the plane at hand (usemask=auto-multithresh): an update
 * after each major cycle. Where usemask is another, it does nothing. */
#ifndef PCL_MASKING_H
#define PCL_MASKING_H
#include "base/err.h"
#include "imager/target.h"
#include <stdbool.h>

/* What an update must know of the cleaning so far. */
typedef struct pcl_masking_cycle {
    double sidelobe;   /* highest sidelobe, of all that are cleaned as one */
    bool cleaned;      /* components have been made: the mask may grow */
    bool at_threshold; /* the last minor cycle went down to the run's threshold */
} pcl_masking_cycle;

/* Updates p->search with the residual, and all that p->plane says of it; p->automask.last is the
 * mask that the cycle before used, of the first update that one itself. A blank plane has no mask.
 * Borrows plane and mask. Errors as pcl_automask_update. */
int pcl_masking_update(pcl_target *p, const pcl_masking_cycle *cycle, pclean_err *err) PCL_CHECK;

/* After an update of all Stokes planes that a target holds: their masks rest together or not at
 * all, by the type of the first and the pixels of all, as in tclean. */
void pcl_masking_agree(pcl_target *p, const pcl_masking_cycle *cycle);

#endif
