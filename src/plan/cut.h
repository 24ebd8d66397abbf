/* cut.h: where to cut rows and channels, and how a selection is written. Pure arithmetic;
 * pclean/partition.h has the rules. A partition of n things into parts is a list of cuts: part k is
 * [cut[k], cut[k + 1]), cut[0] = 0. */
#ifndef PCL_CUT_H
#define PCL_CUT_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum { PCL_CUT_MOST = 100000 };

/* Whether an image can be cut into so many parts, 1 to PCL_CUT_MOST: -PCLEAN_EPARAM. */
int pcl_cut_check(int nparts, pclean_err *err) PCL_CHECK;

/* CASA's row ranges. cut [npart + 1]; the last parts may be empty. npart >= 1. */
void pcl_cut_rows(size_t nrow, size_t npart, size_t *cut);

/* A cube's channels: part i of n has nchan div n in a row, the first nchan mod n parts one more, as
 * in the Python pclean. */

/* Number of parts for a cube_chunksize: -1 one for each worker, N > 0 as many as parts of N
 * channels would be; 1 to nchan. */
size_t pcl_cut_count(size_t nchan, int chunksize, size_t nworker);

/* Channels [*first, *first + *count) of part i. */
void pcl_cut_range(size_t nchan, size_t n, size_t i, size_t *first, size_t *count);

/* The part that has channel ichan. */
size_t pcl_cut_find(size_t nchan, size_t n, size_t ichan);

/* Channels of a cube. cut [npart + 1]; empty parts, if any, are the last. */
void pcl_cut_channels(size_t nchan, size_t npart, size_t *cut);

/* Parts of about equal sums of weight [n], none empty while there are things left. cut [npart +
 * 1]. */
void pcl_cut_weights(size_t n, const uint64_t *weight, size_t npart, size_t *cut);

/* Sum of the weights of things [from, to). */
uint64_t pcl_cut_sum(const uint64_t *weight, size_t from, size_t to);

/* Channels at equal steps. */
typedef struct pcl_cut_grid {
    size_t nchan;
    double first_hz, step_hz; /* centre of channel 0; step negative: descending */
} pcl_cut_grid;

/* Refuses gaps and overlaps: the channel centres of part [npart], put together, must be the whole's
 * to 1e-9 of a channel. */
int pcl_cut_prove(const pcl_cut_grid *whole, size_t npart, const pcl_cut_grid *part,
                  pclean_err *err) PCL_CHECK;

/* *text = "0:12~31;40~50" of ascending channels, appended after a comma to what is there; NULL at
 * first, to be given to pcl_free. */
int pcl_cut_add_spw(char **text, int spw, size_t nchan, const int *chan, pclean_err *err) PCL_CHECK;

/* *text = "(condition) && more", or `more` alone. */
int pcl_cut_and(const char *condition, const char *more, char **text, pclean_err *err) PCL_CHECK;

#endif
