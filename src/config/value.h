/* value.h: one parameter's value between text and its field in the config. */
#ifndef PCL_VALUE_H
#define PCL_VALUE_H
#include "base/err.h"
#include "config/options.h"

/* Texts of one parameter: `item` is owned. is_list: it has the form of a sequence, also with one
 * item. */
struct pcl_texts {
    size_t n;
    char **item;
    bool is_list;
};
void pcl_texts_clear(struct pcl_texts *texts);
int pcl_texts_add(struct pcl_texts *texts, const char *text, size_t len, pclean_err *err) PCL_CHECK;
bool pcl_texts_equal(const struct pcl_texts *a, const struct pcl_texts *b);
/* "a,b,c". */
void pcl_texts_join(const struct pcl_texts *texts, char *buf, size_t size);

/* One text as a user writes it -> items, for a parameter (NULL: one that is not served, a list).
 *   [a, b]  ['a', "b"]  (64, 64)  [a,]  [[1, 2], [3]]  []
 *                        lists as Python and CASA write them; inner lists are joined
 *   'a'                  without the quotation marks
 *   a,b                  two items where the parameter is a list, else a text with a comma
 *   a path that exists   one item, whatever is in it; "a,b.ms,c.ms": the longest that exist
 * (a) without a comma is no list, as in Python. A text in "..." keeps the marks where they are
 * CASA's own: in selections. */
int pcl_texts_parse(struct pcl_texts *texts, const struct pcl_option *option, const char *text,
                    pclean_err *err) PCL_CHECK;

/* The other way: "a,b", or where that would be read as something else "['a', 'b']". pcl_free. */
int pcl_texts_write(const struct pcl_texts *texts, const struct pcl_option *option, char **out,
                    pclean_err *err) PCL_CHECK;

/* Sets the field from its items. On failure the field is as it was. Errors name the parameter and
 * the value. */
int pcl_value_set(const struct pcl_option *option, pclean_config *config, const char *const *items,
                  size_t n, pclean_err *err) PCL_CHECK;
/* The field as items that pcl_value_set reads back to the same value, bit for bit. */
int pcl_value_get(const struct pcl_option *option, const pclean_config *config,
                  struct pcl_texts *texts, pclean_err *err) PCL_CHECK;
/* Frees what the field owns and leaves NULL or an empty list. */
void pcl_value_clear(const struct pcl_option *option, pclean_config *config);

/* Memory of a worker as Dask writes it: "4GB", "4GiB", "4G", bytes as a bare number above 1, or a
 * part ("0.5") of what there is. One of *bytes and *part is set; both are 0 for "0", "auto" and "",
 * which set no limit. false: it is none of these. */
bool pcl_parse_memory_limit(const char *text, double *bytes, double *part);

/* true/false/yes/no/on/off/t/f/y/n/1/0 in any case; false: it is none of them. */
bool pcl_parse_bool(const char *text, bool *value);
/* "12", also "1e4" if it is whole; false: not an int. */
bool pcl_parse_int(const char *text, int *value);

#endif
