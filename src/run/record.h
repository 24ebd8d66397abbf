/* record.h: NAME.run.json, written last: what was asked, with what, and what became of every plane.
 * Its presence says that the run is complete. Schema: docs/data-model.md. */
#ifndef PCL_RECORD_H
#define PCL_RECORD_H
#include "base/err.h"
#include "imager/setup.h"
#include "pclean/run.h"
#include <stdbool.h>

void pcl_record_path(const pclean_config *config, char *buf, size_t size);

/* -PCLEAN_EEXIST if NAME.run.json, or the name it has while it stands aside, is something else than
 * a record. */
int pcl_record_check(const pclean_config *config, pclean_err *err) PCL_CHECK;

/* Whether a run was killed while its products changed names: the record of an older one stands
 * aside. */
bool pcl_record_is_aside(const pclean_config *config);

/* Removes records that a killed process has not finished. The name is claimed. */
void pcl_record_tidy(const pclean_config *config);

/* What the result says of the run besides its planes: its versions, configuration and beginning;
 * and, when its planes are done, its data and end. */
int pcl_record_begin(const pclean_config *config, pclean_result *result, pclean_err *err) PCL_CHECK;
int pcl_record_finish(const pcl_setup *setup, pclean_result *result, pclean_err *err) PCL_CHECK;

/* Writes the record: the result as JSON, but for the list of products. */
int pcl_record_write(const pclean_config *config, const pclean_result *result,
                     pclean_err *err) PCL_CHECK;

/* The configuration as history lines, "name = value"; array and strings to be freed with
 * pcl_record_free_lines. */
int pcl_record_history(const pclean_config *config, char ***lines, size_t *n,
                       pclean_err *err) PCL_CHECK;
void pcl_record_free_lines(char **lines, size_t n);

#endif
