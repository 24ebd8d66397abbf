/* hogbom_private.h: what hogbom.c and lazy.c share. Not for use outside them. */
#ifndef PCL_HOGBOM_PRIVATE_H
#define PCL_HOGBOM_PRIVATE_H
#include "core/clean/hogbom.h"

typedef struct pcl_component {
    size_t x, y;
    float v;
} pcl_component;

/* The largest |residual|; abs < 0: there is none. */
typedef struct pcl_peak {
    size_t x, y;
    float abs, value;
} pcl_peak;

/* The two operations in which the forms differ. find may fail only with -PCLEAN_ENOMEM; subtract
 * likewise. */
typedef struct pcl_hogbom_form {
    const pcl_hogbom_plane *plane;
    void *state;
    pcl_peak (*find)(void *state);
    int (*subtract)(void *state, pcl_component c, pclean_err *err);
} pcl_hogbom_form;

/* The minor cycle in either form: tclean's counting and stop codes. */
int pcl_hogbom_run(const pcl_hogbom_form *form, const pcl_hogbom_params *p, pcl_hogbom_result *out,
                   pclean_err *err) PCL_CHECK;
int pcl_hogbom_check(const pcl_hogbom_plane *plane, pclean_err *err) PCL_CHECK;

#endif
