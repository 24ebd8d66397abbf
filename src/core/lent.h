/* lent.h: memory that its owner does not need for a while and lends meanwhile.
 *
 * The rule: the owner says from when to when. A borrower finds no content and leaves none, and
 * uses it no longer than the call for which it was lent. What is not lent to a function is not
 * used by it. */
#ifndef PCL_LENT_H
#define PCL_LENT_H
#include <stddef.h>

/* n floats; {NULL, 0}: nothing. */
typedef struct pcl_lent {
    float *at;
    size_t n;
} pcl_lent;

#endif
