/* rows.h: how the rows of a block lie in the memory that both processes see. */
#ifndef PCL_ROWS_H
#define PCL_ROWS_H
#include "casa/casa.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of one data description: where its arrays begin, one behind the other, each at a multiple of 64
 * bytes. */
typedef struct pcl_rows_shape {
    uint64_t offset, nrow, weight_nchan;
} pcl_rows_shape;

/* Bytes that its arrays take; UINT64_MAX: no memory could hold them. */
uint64_t pcl_rows_bytes(const casa_ms_dd *dd, const pcl_rows_shape *shape);

/* Points the arrays of *rows into the block [size]; false: they do not lie in it. */
bool pcl_rows_point(const casa_ms_dd *dd, const pcl_rows_shape *shape, void *base, uint64_t size,
                    casa_ms_rows *rows);

#endif
