/* config.h (of the library): pclean_config as the library sees it. parameters.h has its fields. */
#ifndef PCL_CONFIG_H
#define PCL_CONFIG_H
#include "base/err.h"
#include "config/parameters.h"

/* Defaults, in a struct of the caller's. Never fails to leave one that pcl_config_clear accepts. */
int pcl_config_init(pclean_config *config, pclean_err *err) PCL_CHECK;
void pcl_config_clear(pclean_config *config);

/* What a selection (field, spw, taql ...) says for one of the MeasurementSets; "": nothing. */
const char *pcl_config_of_ms(const pclean_strlist *list, size_t ims);
/* The same for what selectdata=false passes over (timerange, uvrange, antenna, scan, observation,
 * intent). */
const char *pcl_config_selected(const pclean_config *config, const pclean_strlist *list,
                                size_t ims);

/* The groups of parameters as pclean_config_dump_json writes them; *out (a json_t) is the caller's
 * to release. */
struct json_t;
int pcl_config_json(const pclean_config *config, struct json_t **out, pclean_err *err) PCL_CHECK;

/* restoringbeam='common'. */
bool pcl_config_has_common_beam(const pclean_config *config);

/* How many files may include one another by `preset:`. */
#define PCL_PRESET_DEPTH 4

/* A copy in a struct of the caller's, which owns its strings; *to is not read. On failure *to is
 * zeroed. */
int pcl_config_copy(pclean_config *to, const pclean_config *from, pclean_err *err) PCL_CHECK;

/* Sets a served parameter, or checks that an unserved one asks for nothing. group NULL: any. */
int pcl_config_assign(pclean_config *config, const char *group, const char *name,
                      const char *const *items, size_t n, pclean_err *err) PCL_CHECK;

/* The same from one text: "a,b" and "[a, b]" are split where the parameter is a list. */
int pcl_config_assign_text(pclean_config *config, const char *group, const char *name,
                           const char *text, pclean_err *err) PCL_CHECK;

/* pclean_config_read_yaml and _apply_preset, `depth` files deep; a relative path is looked up from
 * the folder of `from_file` (NULL: the working folder). */
int pcl_yaml_read(pclean_config *config, const char *path, int depth, pclean_err *err) PCL_CHECK;
/* The same from a text; path is what errors call it. */
int pcl_yaml_read_text(pclean_config *config, const char *path, const char *text, size_t len,
                       int depth, pclean_err *err) PCL_CHECK;
int pcl_preset_apply(pclean_config *config, const char *name, const char *from_file, int depth,
                     pclean_err *err) PCL_CHECK;

#endif
