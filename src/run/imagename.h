/* imagename.h: the name under which a run makes its products: it is claimed for one run at a time
 * (NAME.lock), and what stands under it is looked at before anything is replaced. */
#ifndef PCL_IMAGENAME_H
#define PCL_IMAGENAME_H
#include "base/err.h"
#include "pclean/config.h"
#include <stdbool.h>

/* -PCLEAN_EPARAM if what the run reads is among what it makes, replaces or removes, or its products
 * would lie inside that. */
int pcl_imagename_check_inputs(const pclean_config *config, pclean_err *err) PCL_CHECK;

/* -PCLEAN_EEXIST naming what exists, unless overwrite or restart is set; in any case if it is not
 * ours to replace: a product that is no CASA image, a record that is none, and with `unfinished` a
 * .part that no run of this name has noted in its lock file. A product that is a symbolic link is
 * replaced itself; what it leads to stays. Changes nothing. */
int pcl_imagename_check(const pclean_config *config, bool unfinished, pclean_err *err) PCL_CHECK;

/* Claims the name for this run, before anything is read: tells at once when another run is making
 * these products, when the folder is missing or cannot be written, or when the name is too long.
 * What a killed run of this name has left is removed. *fd to be given to pcl_imagename_unclaim. */
int pcl_imagename_claim(const pclean_config *config, int *fd, pclean_err *err) PCL_CHECK;
void pcl_imagename_unclaim(const pclean_config *config, int fd);

/* Notes under the claim that `path`.part is to be made; removes what a killed run has left there.
 * -PCLEAN_EEXIST: that is not ours. */
int pcl_imagename_make_way(const pclean_config *config, int claim, const char *path,
                           pclean_err *err) PCL_CHECK;

/* Brings back what an earlier run had moved aside when it was killed. Under the claim, before
 * anything can fail. */
int pcl_imagename_repair(const pclean_config *config, pclean_err *err) PCL_CHECK;

#endif
