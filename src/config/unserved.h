/* unserved.h: parameters of tclean and of the Python pclean that this version does not have. They are known by name, so
 * that their files can be read: a value that asks for nothing we lack is accepted, any other is refused by name. */
#ifndef PCL_UNSERVED_H
#define PCL_UNSERVED_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

struct pcl_unserved {
    const char *group; /* "a|b" */
    const char *name;
    const char *accept; /* "a|b": values without effect here ("" or null always is); "*": all of them */
    const char *what;   /* what it is about, completes "NAME (...)" */
};

size_t pcl_unserved_count(void);
const struct pcl_unserved *pcl_unserved_at(size_t i);
const struct pcl_unserved *pcl_unserved_find(const char *name);
/* Also for names that occur in several groups ("log_directory" of slurm and of submit). */
const struct pcl_unserved *pcl_unserved_find_in(const char *group, const char *name);
/* true: the group or sub-group ("cluster.slurm") holds nothing but unserved parameters. */
bool pcl_unserved_is_group(const char *group);
/* 0 or -PCLEAN_EUNSUPPORTED. */
int pcl_unserved_check(const struct pcl_unserved *u, const char *const *items, size_t n, pclean_err *err) PCL_CHECK;

#endif
