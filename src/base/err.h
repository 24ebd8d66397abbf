/* err.h: fill and extend a pclean_err. */
#ifndef PCL_ERR_H
#define PCL_ERR_H
#include "pclean/error.h"

#define PCL_CHECK __attribute__((warn_unused_result))

/* Fills *err (NULL allowed) and returns -code, so a caller can `return PCL_FAIL(err, PCLEAN_EIO,
 * "...", ...)`. */
#define PCL_FAIL(err, code, ...) pcl_err_set((err), (code), __FILE__, __LINE__, __VA_ARGS__)
int pcl_err_set(pclean_err *err, int code, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* For public functions: a pointer that must be given. */
#define PCL_REQUIRE(err, pointer)                                                                  \
    do {                                                                                           \
        if (!(pointer))                                                                            \
            return PCL_FAIL((err), PCLEAN_EPARAM, "%s: the argument %s is NULL", __func__,         \
                            #pointer);                                                             \
    } while (0)

/* Puts context in front of the message ("channel 17: ..."); the lower text is kept as far as it
 * fits. Keeps the code. */
void pcl_err_prefix(pclean_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "cannot VERB PATH: " and errno's own words, as -PCLEAN_ENOSPC or -PCLEAN_EIO. */
int pcl_err_errno(pclean_err *err, const char *verb, const char *path) PCL_CHECK;

#endif
