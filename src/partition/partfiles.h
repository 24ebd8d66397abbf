/* partfiles.h: the files that pclean_partition_write leaves in its folder, and which of those that
 * are there already are ours to replace. */
#ifndef PCL_PARTFILES_H
#define PCL_PARTFILES_H
#include "base/err.h"
#include "pclean/partition.h"

/* -PCLEAN_EEXIST if a file of such a name is there: a part of any number, unless overwrite is set
 * and it is the configuration of a part; a density, unless overwrite is set and it is one.
 * -PCLEAN_EPARAM if it is an input. Changes nothing. */
int pcl_partfiles_check(const pclean_partition *partition, const pclean_config *config,
                        const char *folder, bool overwrite, pclean_err *err) PCL_CHECK;

/* Removes the parts of an earlier, finer partition: those of higher numbers. */
int pcl_partfiles_remove_stale(const pclean_partition *partition, const pclean_config *config,
                               const char *folder, pclean_err *err) PCL_CHECK;

#endif
