/* sorter.h: the order of rows in the store.
 *
 * Rows are taken in stretches of 2^18, in the order of the MS; inside a stretch they are sorted by
 * uv tile: the uv plane folded to u >= 0, 64 x 128 tiles over the stretch's extent, along a Hilbert
 * curve; rows of one tile stay in the order of the MS. PCL_ROWS_BY_W folds the plane to w >= 0, has
 * 128 x 128 tiles, and puts 16 steps of |w| before the tile: a w plane then concerns few ranges of
 * rows. So the samples of a batch fall on few cells of a grid, and the order depends on nothing but
 * the data.
 *
 * Serial, as all of the filling is (fill.h). */
#ifndef PCL_SORTER_H
#define PCL_SORTER_H
#include "base/err.h"
#include "data/store.h"
#include <stddef.h>
#include <stdint.h>

enum pcl_row_order {
    PCL_ROWS_BY_UV,
    PCL_ROWS_BY_W /* for gridders that correct for w */
};

/* Rows of a stretch. */
#define PCL_SORTER_STRETCH ((size_t)1 << 18)

typedef struct pcl_sorter {
    enum pcl_row_order order;
    size_t stretch;  /* most rows that are sorted together */
    uint32_t *tile;  /* [stretch] */
    uint32_t *from;  /* [stretch] row that comes to this place */
    uint64_t *copy;  /* [stretch] */
    uint32_t *count; /* [number of tiles + 1] */
} pcl_sorter;

/* To be cleared, also after a failure. */
int pcl_sorter_init(enum pcl_row_order order, size_t stretch, pcl_sorter *s,
                    pclean_err *err) PCL_CHECK;
void pcl_sorter_clear(pcl_sorter *s);
/* What pcl_sorter_init allocates. */
uint64_t pcl_sorter_bytes(enum pcl_row_order order, size_t stretch);

/* Sorts rows [from, from + n) of a block with npol planes; n <= stretch. */
void pcl_sorter_sort(pcl_sorter *s, pcl_block *b, size_t npol, size_t from, size_t n);

#endif
