/* parcel.h: values laid one after the other as plain bytes, and taken out again in the same order
 * by another process of the same build: bytes are those of this machine. Errors wait for one
 * question at the end. */
#ifndef PCL_PARCEL_H
#define PCL_PARCEL_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

/* ---- laying in: {0} is an empty parcel, to pcl_parcel_clear ---- */
typedef struct pcl_parcel {
    unsigned char *data;
    size_t size, capacity;
    bool failed; /* memory was short */
} pcl_parcel;

void pcl_parcel_put(pcl_parcel *p, const void *data, size_t size);
/* NULL counts as "". */
void pcl_parcel_put_text(pcl_parcel *p, const char *text);
/* -PCLEAN_ENOMEM if anything could not be laid in. */
int pcl_parcel_check(const pcl_parcel *p, pclean_err *err) PCL_CHECK;
void pcl_parcel_clear(pcl_parcel *p);

/* ---- taking out ---- */
typedef struct pcl_parcel_reader {
    const unsigned char *data; /* borrowed */
    size_t size, at;
    bool failed; /* it ended before what was asked for */
} pcl_parcel_reader;

/* Zeros where the parcel has ended. */
void pcl_parcel_take(pcl_parcel_reader *r, void *data, size_t size);
/* *text to pcl_free; -PCLEAN_ENOMEM, or -PCLEAN_EDATA where the parcel has ended: then it is
 * NULL. */
int pcl_parcel_take_text(pcl_parcel_reader *r, char **text, pclean_err *err) PCL_CHECK;
/* A number of things of at least `least` bytes each that follow: one that the rest cannot hold
 * counts as the end of the parcel, and is 0. */
size_t pcl_parcel_take_count(pcl_parcel_reader *r, size_t least);
/* -PCLEAN_EDATA if the parcel has ended too soon. */
int pcl_parcel_reader_check(const pcl_parcel_reader *r, pclean_err *err) PCL_CHECK;

#endif
