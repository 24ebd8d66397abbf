/* conversion.h: correlations of rows, as casacore reads them, -> samples of Stokes planes in the
 * store: flags, weights and bad values are resolved here, once. */
#ifndef PCL_CONVERSION_H
#define PCL_CONVERSION_H
#include "casa/casa.h"
#include "data/stokes.h"
#include "data/store.h"
#include <stddef.h>
#include <stdint.h>

/* Samples that are used, and those that are not: flagged or without weight, not finite, absurd
 * (store.h). */
typedef struct pcl_tally {
    uint64_t nused, nflagged, nonfinite, nabsurd;
} pcl_tally;

/* What the rows of a window become. */
typedef struct pcl_conversion {
    const casa_ms_dd *dd;
    size_t from; /* the first selected channel that goes into the block, which has as many as
                  * it has room for */
    size_t npol;
    const pcl_stokes_terms *plane; /* [npol]; one without terms is left blank */
    pcl_block *block;
} pcl_conversion;

enum { PCL_CONVERSION_MOST = 16 }; /* rows at once: a cache line of weights */

/* Rows row[0 .. n), n <= PCL_CONVERSION_MOST, of what casacore read -> vis and weight of the rows
 * block->nrow ... of the block. Adds to *tally. */
void pcl_conversion_rows(const pcl_conversion *c, const casa_ms_rows *rows, const size_t *row,
                         size_t n, pcl_tally *tally);

#endif
