/* startmodel.h: a model to start from: the .model of an earlier run of the same name (restart), or CASA images given as
 * startmodel, whose pixel grid must be the image's own. */
#ifndef PCL_STARTMODEL_H
#define PCL_STARTMODEL_H
#include "base/err.h"
#include "casa/casa.h"
#include "pclean/config.h"

typedef struct pcl_startmodel pcl_startmodel;

/* *out stays NULL when the config asks for none. Every image must have the shape of `desc` (one channel serves all). */
int pcl_startmodel_open(const pclean_config *config, const casa_image_desc *desc, pcl_startmodel **out, pclean_err *err)
    PCL_CHECK;
void pcl_startmodel_close(pcl_startmodel *s);
/* Adds the plane to model [ny][nx]. */
int pcl_startmodel_plane(pcl_startmodel *s, size_t ipol, size_t ichan, float *model, pclean_err *err) PCL_CHECK;

#endif
