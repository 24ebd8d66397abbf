/* value.h: one parameter's value between text and its field in the config. */
#ifndef PCL_VALUE_H
#define PCL_VALUE_H
#include "base/err.h"
#include "config/options.h"

/* Texts of one parameter: `item` is owned. is_list: it has the form of a sequence, also with one item. */
struct pcl_texts {
    size_t n;
    char **item;
    bool is_list;
};
void pcl_texts_clear(struct pcl_texts *texts);
int pcl_texts_add(struct pcl_texts *texts, const char *text, size_t len, pclean_err *err) PCL_CHECK;
/* "a,b", "[a, b]" or "['a', 'b']" -> items. */
int pcl_texts_split(struct pcl_texts *texts, const char *text, pclean_err *err) PCL_CHECK;

/* Sets the field from its items. On failure the field is as it was. Errors name the parameter and the value. */
int pcl_value_set(const struct pcl_option *option, pclean_config *config, const char *const *items, size_t n,
                  pclean_err *err) PCL_CHECK;
/* The field as items that pcl_value_set reads back to the same value, bit for bit. */
int pcl_value_get(const struct pcl_option *option, const pclean_config *config, struct pcl_texts *texts,
                  pclean_err *err) PCL_CHECK;
/* Frees what the field owns and leaves NULL or an empty list. */
void pcl_value_clear(const struct pcl_option *option, pclean_config *config);

/* Memory of a worker as Dask writes it: "4GB", "4GiB", "4G", bytes as a bare number above 1, or a part ("0.5") of what there
 * is. One of *bytes and *part is set; both are 0 for "0", "auto" and "", which set no limit. false: it is none of these. */
bool pcl_parse_memory_limit(const char *text, double *bytes, double *part);

/* true/false/yes/no/1/0 in any case; false: it is none of them. */
bool pcl_parse_bool(const char *text, bool *value);
/* "12", also "1e4" if it is whole; false: not an int. */
bool pcl_parse_int(const char *text, int *value);

#endif
