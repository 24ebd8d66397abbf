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

/* Where one weight density serves all samples: names its file as part_density of a part. It lies in
 * `folder`; NULL: beside the whole image. whole: configuration of the whole image. */
int pcl_partfiles_set_density(const pclean_config *whole, const char *folder, pclean_config *part,
                              pclean_err *err) PCL_CHECK;

/* Reads the data of the whole image and writes that file, with one thread: an OpenMP team would be
 * in the way of processes forked later. */
int pcl_partfiles_save_density(const pclean_config *whole, const char *folder,
                               pclean_err *err) PCL_CHECK;

/* The configuration of a part: written beside FOLDER/NAME.yaml; then given that name, which becomes
 * part->file, or dropped. All are written before one has its name. */
int pcl_partfiles_write(const pclean_part *part, const char *folder, pclean_err *err) PCL_CHECK;
int pcl_partfiles_publish(pclean_part *part, const char *folder, pclean_err *err) PCL_CHECK;
void pcl_partfiles_drop(const pclean_part *part, const char *folder);

/* Removes the parts of an earlier, finer partition: those of higher numbers. */
int pcl_partfiles_remove_stale(const pclean_partition *partition, const pclean_config *config,
                               const char *folder, pclean_err *err) PCL_CHECK;

#endif
