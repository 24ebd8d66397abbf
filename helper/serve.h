/* serve.h: what the program pclean-casa does for each call of wire/calls.h. A function reads its
 * arguments from `in`, calls casacore (casa/casa.h, casa/join.h) and puts the results into `out`;
 * src/line does the same the other way round. */
#ifndef PCL_SERVE_H
#define PCL_SERVE_H
#include "base/err.h"
#include "wire/calls.h"
#include "wire/wire.h"

/* *pass: a descriptor to send along with the reply; -1: none. */
typedef int pcl_serve(pcl_wire *in, pcl_wire *out, int *pass, pclean_err *err);

#define X(symbol, function) pcl_serve function;
PCL_CALL_LIST(X)
#undef X

/* What is open, by number from 1 on. */
typedef struct pcl_shelf {
    void **item; /* [n] NULL: closed */
    size_t n;
} pcl_shelf;
/* *number of the item that is put there. */
int pcl_shelf_put(pcl_shelf *shelf, void *item, uint64_t *number, pclean_err *err) PCL_CHECK;
/* The item with the number that comes next in the message; NULL, the message is bad: there is
 * none. */
void *pcl_shelf_get(const pcl_shelf *shelf, pcl_wire *in);
/* The same, and its number is free. */
void *pcl_shelf_take(pcl_shelf *shelf, pcl_wire *in);

/* Lets this process have so many bytes more than for other calls. */
void pcl_serve_allow(uint64_t bytes);

/* -PCLEAN_EBUG: the message was not what the call takes. */
int pcl_serve_check(const pcl_wire *in, pclean_err *err) PCL_CHECK;

#endif
