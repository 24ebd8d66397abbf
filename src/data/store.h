/* store.h: the packed store: the visibilities of an image as plain arrays. It is filled once
 * (fill.h); all that follows (weights, PSF, residuals of every major cycle, in any number of
 * processes) reads it and never casacore.
 *
 * For each window of the source (a "block"): vis and weight [npol][nchan][row_stride], row fastest,
 * so the samples of one image channel lie together; 12 bytes per visibility and Stokes plane, 40
 * per row. Weight 0 marks a sample that is flagged, not finite, absurd (below) or has no weight.
 * Rows that are flagged whole (FLAG_ROW) or have no finite UVW are not stored; all others are, so
 * that neither the rows nor their order (sorter.h) depend on which channels are read.
 *
 * A row knows its number in its MS, its field and the dishes at its ends (identity.h). The number
 * has 64 bits: an MS may have more rows than 32 bits count, and nothing else leads from a sorted
 * row back to what the MS has, or is to get, for it.
 *
 * Where: in memory, or in a scratch file that is reserved in full before the reading begins, has no
 * name (nothing is left behind however the run ends), and is mapped: its pages can be evicted.
 * After filling nothing writes to the store, so processes forked then share it. */
#ifndef PCL_STORE_H
#define PCL_STORE_H
#include "base/err.h"
#include "base/spool.h"
#include "data/channels.h"
#include "data/identity.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pcl_block {
    size_t ims; /* the MS that its rows are from */
    size_t nrow, row_stride;
    double *u_m, *v_m, *w_m;       /* [nrow] */
    double umax_m, vmax_m, wmax_m; /* largest |u|, |v|, |w| of the rows */
    uint32_t *itime;               /* [nrow] index into doppler */
    uint64_t *row;                 /* [nrow] number in the MS, from 0 */
    pcl_row_identity *who;         /* [nrow] in the MS's lists */
    size_t ntime;
    double *time_s, *doppler; /* [ntime] image frame / data frame */
    size_t nchan;
    double *freq_hz;   /* [nchan] data frame: the observed frequency */
    double spacing_hz; /* of the spectral window's channels */
    float *vis;        /* [npol][nchan][row_stride][2] */
    float *weight;     /* [npol][nchan][row_stride] natural weight */
} pcl_block;

/* Absurd: a weight, a value or their product too large for 2^64 of them to be added up in single
 * precision, which is how they are gridded; or a weight so small that a sum of such has no inverse
 * there. */
#define PCL_STORE_MOST  0x1p64f
#define PCL_STORE_LEAST 0x1p-100f

/* What its scratch file is called. */
#define PCL_STORE_SPOOL "the visibilities"

typedef struct pcl_store {
    size_t npol, nblock;
    pcl_block *block;
    size_t nms;
    pcl_identity *identity;                       /* [nms] the lists of each MS */
    uint64_t nflagged, nonfinite, nabsurd, nused; /* samples per plane summed over planes; of
                                                   * planes that the rows can give */
    uint64_t bytes;                               /* size of the store, in memory or in the file */
    bool in_file;
    void *room;                      /* what the blocks' large arrays point into */
    double doppler_min, doppler_max; /* relative to the first selected row of each MS */
} pcl_store;

/* The channels of a block's rows. */
static inline pcl_row_channels pcl_block_channels(const pcl_block *b) {
    return (pcl_row_channels){.n = b->nchan, .freq_hz = b->freq_hz, .spacing_hz = b->spacing_hz};
}

/* What a block has room for. */
typedef struct pcl_block_shape {
    size_t nchan, nrow;
} pcl_block_shape;

/* Rows that a block of at most nrow rows has room for. */
size_t pcl_store_row_stride(size_t nrow);

/* Bytes of such a block in the store, exactly. */
uint64_t pcl_store_bytes(size_t npol, const pcl_block_shape *shape);

/* The store of blocks of these shapes [nblock]: the arrays of their rows are there and not set,
 * nrow is 0. scratch: where a scratch file goes; NULL: in memory. A file that does not fit is
 * -PCLEAN_ENOSPC. *out to be cleared, also after a failure. */
int pcl_store_make(const pcl_scratch *scratch, size_t npol, size_t nblock,
                   const pcl_block_shape *shape, pcl_store *out, pclean_err *err) PCL_CHECK;
void pcl_store_clear(pcl_store *store);

#endif
