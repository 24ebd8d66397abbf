/* workplace.h: what the tasks of a run find in memory, and how a process comes by it that has not
 * inherited it: from the job, plain bytes that name what it opens by itself.
 *
 * The job has the configuration, the setup, and where products, mask, start model and the scratch
 * file of cyclecontrol=global are; these are attached by their names. The visibilities are attached
 * too where they are in a scratch file; else the process reads the MeasurementSets itself, which
 * gives the same samples in the same order, or an error if they are not those that the run began
 * with. So all that another machine needs is the same paths. */
#ifndef PCL_WORKPLACE_H
#define PCL_WORKPLACE_H
#include "base/parcel.h"
#include "base/spool.h"
#include "imager/setup.h"
#include "imager/state.h"
#include "run/products.h"
#include "run/startmodel.h"
#include "run/usermask.h"
#include <sys/types.h>

/* Made before the workers are, const from then on. */
typedef struct pcl_workplace {
    const pcl_setup *setup;
    const pcl_store *vis;
    pcl_products *products;
    const pcl_usermask *mask;         /* NULL: none */
    const pcl_startmodel *startmodel; /* NULL: none */
    const pcl_state_file *spare;      /* residuals and models; NULL unless cyclecontrol=global */
    size_t nthread;
    pid_t coordinator;                 /* asks stop_requested between the cycles of a task: only
                                        * where it does the tasks itself */
    int (*stop_requested)(void *user); /* NULL: never */
    void *stop_user;
} pcl_workplace;

/* What the spare scratch file is called, and the arrays of state.h that it has: automatic masks
 * twice, as no product holds them. */
#define PCL_WORKPLACE_SPARE "residuals and models between cycles"
unsigned pcl_workplace_spare_arrays(const pcl_setup *setup);

/* The job of this workplace, whose scratch files have names. */
int pcl_workplace_put(const pcl_workplace *place, const pcl_scratch *scratch, pcl_parcel *job,
                      pclean_err *err) PCL_CHECK;

/* In another process, or a forked one. The working folder becomes the coordinator's, as paths may
 * be relative. *out to pcl_workplace_close; it has no stop_requested. Calls casacore where it
 * reads. */
int pcl_workplace_open(const void *job, size_t job_size, pcl_workplace **out,
                       pclean_err *err) PCL_CHECK;
/* NULL is allowed. The files stay. */
void pcl_workplace_close(pcl_workplace *place);

#endif
