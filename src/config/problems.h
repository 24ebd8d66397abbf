/* problems.h: collects several complaints into one pclean_err, one per line. */
#ifndef PCL_PROBLEMS_H
#define PCL_PROBLEMS_H
#include "base/err.h"
#include <stddef.h>

struct pcl_problems {
    size_t n;       /* complaints so far */
    size_t dropped; /* of which did not fit */
    int code;       /* PCLEAN_EPARAM as soon as one is, else the first */
    char text[900];
};

void pcl_problems_add(struct pcl_problems *problems, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* 0 if there was none, else fills *err. */
int pcl_problems_finish(const struct pcl_problems *problems, pclean_err *err) PCL_CHECK;

#endif
