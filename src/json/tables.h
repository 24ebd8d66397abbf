/* tables.h: the fields of the public structs, and their JSON as text. docs/json.md describes what
 * comes out. Thread-safe. */
#ifndef PCL_JSON_TABLES_H
#define PCL_JSON_TABLES_H
#include "pclean.h"
#include "json/fields.h"

extern const pcl_json_struct pcl_json_err;         /* pclean_err; null: code 0 */
extern const pcl_json_struct pcl_json_plane;       /* pclean_plane, as in the record */
extern const pcl_json_struct pcl_json_plane_event; /* pclean_plane, as in progress lines: their
                                                      * keys are older */
extern const pcl_json_struct pcl_json_progress;    /* pclean_progress */
extern const pcl_json_struct pcl_json_cycle;       /* pclean_cycle */
extern const pcl_json_struct pcl_json_result;      /* pclean_result */
extern const pcl_json_struct pcl_json_record;      /* pclean_result without its products */
extern const pcl_json_struct pcl_json_plan;        /* pclean_plan */
extern const pcl_json_struct pcl_json_partition;   /* pclean_partition */
extern const pcl_json_struct pcl_json_concat;      /* pclean_concat_result */
extern const pcl_json_struct pcl_json_verify;      /* pclean_verify_result */
extern const pcl_json_struct pcl_json_memory;      /* pclean_memory_estimate */
extern const pcl_json_struct pcl_json_adios2;      /* pclean_adios2_info */

/* *out: a struct as text, to be freed with free(); NULL after a failure. */
int pcl_json_text(const pcl_json_struct *s, const void *from, char **out,
                  pclean_err *err) PCL_CHECK;

#endif
