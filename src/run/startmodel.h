/* startmodel.h: a model to start from: the .model of an earlier run of the same name (restart), or
 * CASA images given as startmodel, whose pixel grid must be the image's own. The images are read
 * and added up when they are opened, into a scratch file that every worker can read: no table stays
 * open for a fork to inherit. */
#ifndef PCL_STARTMODEL_H
#define PCL_STARTMODEL_H
#include "base/err.h"
#include "base/parcel.h"
#include "base/spool.h"
#include "imager/setup.h"
#include <stdint.h>

typedef struct pcl_startmodel pcl_startmodel;

/* Bytes of the scratch file that pcl_startmodel_open makes, at most. */
uint64_t pcl_startmodel_scratch_bytes(const pcl_setup *setup);
/* *out stays NULL when the config asks for none. Every image must be in Jy/pixel on the image's
 * grid (samegrid.h; one channel serves all); of a part, a startmodel is that of the whole image,
 * what restart finds its own. `scratch`: where its planes go. Calls casacore. */
int pcl_startmodel_open(const pcl_setup *setup, const pcl_scratch *scratch, pcl_startmodel **out,
                        pclean_err *err) PCL_CHECK;
/* model [ny][nx], written. Any process, no casacore. */
int pcl_startmodel_plane(const pcl_startmodel *s, size_t ipol, size_t ichan, float *model,
                         pclean_err *err) PCL_CHECK;
/* Between processes: where its planes are, and the same model in a process that finds them
 * in `scratch`. Errors as pcl_spool_attach. */
void pcl_startmodel_put(const pcl_startmodel *m, pcl_parcel *p);
int pcl_startmodel_attach(pcl_parcel_reader *r, const pcl_setup *setup, const pcl_scratch *scratch,
                          pcl_startmodel **out, pclean_err *err) PCL_CHECK;
/* NULL is allowed. */
void pcl_startmodel_close(pcl_startmodel *s);

#endif
