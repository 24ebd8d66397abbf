/* unserved.h: parameters and values of tclean and of the Python pclean that this version does not
 * have. They are known by name, so that their files and calls can be read: a value that asks for
 * nothing we lack is accepted, any other is kept in the config's list `asked` until the whole
 * config is known. What then has no effect on the run is accepted too; the rest is refused, all of
 * it in one sentence. */
#ifndef PCL_UNSERVED_H
#define PCL_UNSERVED_H
#include "config/idle.h"
#include "config/problems.h"
#include <stdbool.h>
#include <stddef.h>

struct pcl_unserved {
    const char *group; /* "a|b" */
    const char *name;
    const char *accept; /* "a|b": values without effect here ("" or null always is); "*": all of
                         * them */
    const char *what;   /* what it is about, completes "NAME (...)" */
    pcl_idle *idle;     /* when it has no effect whatever it says; NULL: never */
};

size_t pcl_unserved_count(void);
const struct pcl_unserved *pcl_unserved_at(size_t i);
const struct pcl_unserved *pcl_unserved_find(const char *name);
/* Also for names that occur in several groups ("local_directory" of cluster and of slurm). */
const struct pcl_unserved *pcl_unserved_find_in(const char *group, const char *name);
/* The name that is unique without a group: "slurm_queue". */
void pcl_unserved_name(const struct pcl_unserved *u, char *buf, size_t size);
/* true: the group or sub-group ("cluster.slurm") holds nothing but unserved parameters. */
bool pcl_unserved_is_group(const char *group);
/* Does the value ask for something? */
bool pcl_unserved_asks(const struct pcl_unserved *u, const char *const *items, size_t n);

/* The value asked for that this version lacks; NULL: none. */
const char *pcl_asked(const pclean_config *config, const char *name);
/* Is it, a choice, one of "a|b"? What was asked for counts, also where this version lacks it. A
 * pcl_idle_test. */
bool pcl_asked_is(const pclean_config *config, const char *name, const char *words);
/* Entry i of the list: its value, and its name copied into the buffer. */
const char *pcl_asked_at(const pclean_config *config, size_t i, char *name, size_t size);
/* Replaces the entry, or removes it (value NULL). */
int pcl_asked_set(pclean_config *config, const char *name, const char *value,
                  pclean_err *err) PCL_CHECK;
/* Why it has no effect on this run; NULL: it has one. */
const char *pcl_asked_idle(const pclean_config *config, const char *name);
/* Adds the one sentence about all that has an effect; none if there is nothing. */
void pcl_unserved_complain(const pclean_config *config, struct pcl_problems *problems);

#endif
