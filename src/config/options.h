/* options.h: THE table of parameters. YAML, flags, defaults, validation, help, dumps and docs all
 * read it. */
#ifndef PCL_OPTIONS_H
#define PCL_OPTIONS_H
#include "config/idle.h"
#include "config/parameters.h"
#include "config/words.h"
#include <stdbool.h>
#include <stddef.h>

enum pcl_option_type {
    PCL_TEXT,      /* char *: as given */
    PCL_WORD,      /* char *: one of the choices, in their spelling */
    PCL_TEXTLIST,  /* pclean_strlist */
    PCL_PERMS,     /* pclean_strlist: one text for all MSs, whatever commas it has, or a list of
                    * one for each */
    PCL_WHOLES,    /* pclean_strlist: one text, whatever commas it has, or a list */
    PCL_INT,       /* int */
    PCL_INTPAIR,   /* int[2]: one value is used for both */
    PCL_REAL,      /* double, a bare number */
    PCL_BOOL,      /* bool */
    PCL_CHOICE,    /* int: index in the choices */
    PCL_ANGLEPAIR, /* double[2], rad: a bare number is in `unit` */
    PCL_FLUX       /* double, Jy: a bare number is in `unit` */
};

struct pcl_option {
    const char *group;
    const char *name;
    enum pcl_option_type type;
    size_t offset;           /* in pclean_config */
    const char *def;         /* default, as a user would write it */
    const char *choices;     /* "a|b|c"; NULL: free */
    const char *unavailable; /* values of tclean that this version does not have, "a|b"; NULL:
                              * none */
    const char *alias;       /* other spellings, "alias=choice|alias=choice"; NULL: none */
    const char *also_group;  /* other groups in which the Python pclean writes it, "a|b"; NULL:
                              * none */
    const char *unit;        /* for people, and of a bare number; NULL: none */
    bool is_path;            /* of files: what exists under the whole text is not split */
    pcl_idle *idle;          /* when it has no effect whatever it says; NULL: never */
    const char *help;        /* one sentence */
};

/* The groups in their order, and the parameters in groups' order. */
size_t pcl_group_count(void);
const char *pcl_group_name(size_t i);
size_t pcl_option_count(void);
const struct pcl_option *pcl_option_at(size_t i);
/* NULL: no such parameter. */
const struct pcl_option *pcl_option_find(const char *name);
bool pcl_option_in_group(const struct pcl_option *option, const char *group);
/* It takes several values: a list, or one for x and one for y. */
bool pcl_option_is_list(const struct pcl_option *option);
/* The parameter's place in a config. */
void *pcl_option_field(const struct pcl_option *option, pclean_config *config);
const void *pcl_option_const_field(const struct pcl_option *option, const pclean_config *config);

/* The name nearest to a mistyped one by edit distance; NULL if nothing is near. Static storage. */
const char *pcl_option_nearest(const char *name);
/* Number of insertions, deletions, replacements and swaps of neighbours, case ignored, from a to
 * b. */
size_t pcl_edit_distance(const char *a, const char *b);
/* How far a name may be from its correction to be worth suggesting. */
bool pcl_near_enough(const char *name, size_t distance);

#endif
