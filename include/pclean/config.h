/* config.h: what the user asks for. An opaque object, filled by parameters' names (tclean's) and
 * values as text, YAML or JSON; ONE table of parameters also drives flags, presets, validation,
 * help and docs.
 *
 *     pclean_config *config = NULL;
 *     pclean_err err = {0};
 *     int rc = pclean_config_new(&config, &err);                          // the defaults
 *     rc = rc ? rc : pclean_config_read_yaml(config, "line.yaml", &err);  // may be left out
 *     rc = rc ? rc : pclean_config_set(config, "threshold", "2mJy", &err);
 *     rc = rc ? rc : pclean_config_set(config, "imsize", "512,256", &err);
 *     rc = rc ? rc : pclean_config_validate(config, &err);
 *     ...                                                                 // run.h, plan.h ...
 *     pclean_config_free(config);
 *
 * Names, types, units and choices: docs/cli.md, or pclean_config_print_help. Functions that take a
 * const pclean_config * may be called from several threads with one object; those that change it
 * are for one thread at a time. */
#ifndef PCLEAN_CONFIG_H
#define PCLEAN_CONFIG_H
#include "pclean/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pclean_config pclean_config;

/* ---- life ---- */

/* *config: a new one with all defaults, to be freed by the caller. After a failure (-PCLEAN_ENOMEM)
 * NULL. */
PCLEAN_API int pclean_config_new(pclean_config **config, pclean_err *err);
/* *copy: a new one like `config`, to be freed by the caller. After a failure NULL. */
PCLEAN_API int pclean_config_copy(const pclean_config *config, pclean_config **copy,
                                  pclean_err *err);
PCLEAN_API void pclean_config_free(pclean_config *config); /* NULL: nothing */

/* ---- one parameter ---- */

/* Sets a parameter from text, as a flag or YAML scalar would: "--cell 0.4arcsec", lists as "a,b" or
 * as Python and CASA write them, "['a', 'b']", "(64, 64)", quantities also as
 * "{'value': 1, 'unit': 'Jy'}"; None leaves the parameter as it is. value NULL: for a yes/no
 * parameter true, else -PCLEAN_EPARAM. An unknown name is -PCLEAN_EPARAM that names the nearest
 * one, and so is a value that cannot be read; the parameter is then as it was. What of tclean this
 * version does not serve is kept in mind: whether the run needs it is known when all parameters are
 * (pclean_config_served). */
PCLEAN_API int pclean_config_set(pclean_config *config, const char *name, const char *value,
                                 pclean_err *err);
/* The same, but a list of texts (vis, startmodel ...) grows. */
PCLEAN_API int pclean_config_append(pclean_config *config, const char *name, const char *value,
                                    pclean_err *err);
/* *text: the parameter's value as text that pclean_config_set reads back to the same value; the
 * caller frees it with free(). After a failure NULL. -PCLEAN_EPARAM: no such parameter. */
PCLEAN_API int pclean_config_get(const pclean_config *config, const char *name, char **text,
                                 pclean_err *err);

/* ---- many parameters ---- */

/* Reads a YAML file: parameters nested by group, as the Python pclean writes them, or flat at the
 * top level. Sets what it names, leaves the rest; after a failure all is as it was. -PCLEAN_EIO: it
 * cannot be read; -PCLEAN_EPARAM: what is wrong in it as FILE:LINE, one complaint a line. */
PCLEAN_API int pclean_config_read_yaml(pclean_config *config, const char *path, pclean_err *err);

/* The same from a JSON object {parameter: value} or {group: {parameter: value}}, or of both. Values
 * are texts as pclean_config_set takes them, numbers, true, false, lists of these, or null, which
 * leaves the parameter as it is. -PCLEAN_EPARAM: not JSON, or a complaint for each line. */
PCLEAN_API int pclean_config_set_json(pclean_config *config, const char *json, pclean_err *err);

/* Applies a preset by name (share/presets/NAME.yaml beside the library, or a path ending in .yaml)
 * as pclean_config_read_yaml does its file. -PCLEAN_EPARAM: there is none of that name; the message
 * lists those that there are. */
PCLEAN_API int pclean_config_apply_preset(pclean_config *config, const char *name, pclean_err *err);
/* Lists "name\tone-line description\n" for each preset into `out`, which stays open. -PCLEAN_EIO: a
 * preset cannot be read, or `out` not be written. */
PCLEAN_API int pclean_config_list_presets(FILE *out, pclean_err *err);

/* The configuration into `out`, which stays open, as YAML that pclean_config_read_yaml reads back
 * to the same, without what has no effect and is not served. -PCLEAN_EUNSUPPORTED as
 * pclean_config_served; -PCLEAN_EIO: `out` cannot be written; -PCLEAN_EPARAM: a text is not UTF-8.
 * */
PCLEAN_API int pclean_config_dump_yaml(const pclean_config *config, FILE *out, pclean_err *err);

/* *json: the configuration as one JSON object {group: {parameter: value}}, which
 * pclean_config_set_json reads; the caller frees it with free(). After a failure NULL.
 * -PCLEAN_EPARAM: a text is not UTF-8. */
PCLEAN_API int pclean_config_dump_json(const pclean_config *config, char **json, pclean_err *err);

/* ---- checks ---- */

/* Checks ranges and combinations: -PCLEAN_EPARAM lists EVERY violation, one per line (as many as
 * the message holds), with what pclean_config_served has to say; -PCLEAN_EUNSUPPORTED where there
 * is nothing but that. No file is touched. Done by all functions that take a whole configuration.
 * */
PCLEAN_API int pclean_config_validate(const pclean_config *config, pclean_err *err);

/* -PCLEAN_EUNSUPPORTED names all that was set, has an effect on this run, and is not served by this
 * version. A part of pclean_config_validate. */
PCLEAN_API int pclean_config_served(const pclean_config *config, pclean_err *err);

/* ---- the table ---- */

/* Help of all parameters (name, type, default, unit, choices, meaning) by group into `out`, which
 * stays open: plain text `width` columns wide, or Markdown. -PCLEAN_EIO: `out` cannot be
 * written. */
PCLEAN_API int pclean_config_print_help(FILE *out, int width, pclean_err *err);
PCLEAN_API int pclean_config_print_markdown(FILE *out, pclean_err *err);

/* Number of parameters, and the name of parameter i, from 0, in table order; NULL past the end.
 * Static storage. */
PCLEAN_API size_t pclean_config_count(void);
PCLEAN_API const char *pclean_config_name(size_t i);
/* true when a flag of that name needs no value (--overwrite); false also where there is no such
 * parameter. */
PCLEAN_API bool pclean_config_is_bool(const char *name);

#ifdef __cplusplus
}
#endif
#endif
