/* apart.h: what a command reads must be apart from what it makes, replaces or removes. All of the
 * latter are entries of one folder that are known by their names. Links are followed: it does not
 * matter under which name an input was given. */
#ifndef PCL_APART_H
#define PCL_APART_H
#include "base/err.h"
#include <stdbool.h>

typedef struct pcl_apart {
    const char *name;   /* of the output, for messages */
    const char *folder; /* of the outputs; need not exist yet */
    /* whether an entry of this name in the folder is one, or would be */
    bool (*is_output)(const char *entry, const void *user);
    const void *user;
} pcl_apart;

/* -PCLEAN_EPARAM if `input` (a file or folder; one that does not exist is no matter of this) is an
 * output or lies in one, if a symbolic link on the way to it or inside it does, or if the outputs
 * would lie inside it. `of`: the input as the user gave it, where this one only belongs to it (a
 * member of a list), else NULL. */
int pcl_apart_check(const pcl_apart *outputs, const char *input, const char *of,
                    pclean_err *err) PCL_CHECK;

#endif
