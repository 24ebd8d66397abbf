/* python.h: values as Python, numpy and CASA print them. */
#ifndef PCL_PYTHON_H
#define PCL_PYTHON_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

/* "array([64, 64], dtype=int32)", "np.float64(0.5)" at p: the value inside, and *after behind the
 * closing bracket. NULL: p is none of these. */
const char *pcl_python_wrapped(const char *p, const char **after);

/* One past the end of the value at p: a comma or closing bracket outside its own brackets and
 * quotation marks, or the end of the text. */
const char *pcl_python_value_end(const char *p);

/* true: the whole text is a dictionary, "{...}". */
bool pcl_python_is_dict(const char *text);

/* What a dictionary of CASA says as a user writes it; *out to be given to pcl_free.
 *   {'value': 1.4, 'unit': 'GHz'}                    1.4GHz
 *   {'m0': {...}, 'refer': 'LSRK', 'type': ...}      LSRK 1.4GHz, J2000 1.2rad 0.3rad
 *   {'major': {...}, 'minor': {...}, 'pa': {...}}    a list of three
 * -PCLEAN_EPARAM: any other. */
int pcl_python_dict(const char *text, char **out, pclean_err *err) PCL_CHECK;

#endif
