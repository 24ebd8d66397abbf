/* fill.h: MeasurementSets -> the packed store. The rows of every window are read once, in blocks
 * that casacore's caches hold; each block is converted (convert.h) and put at the end of its
 * window's block of the store, which is sorted stretch by stretch (sorter.h). */
#ifndef PCL_FILL_H
#define PCL_FILL_H
#include "base/err.h"
#include "data/sorter.h"
#include "data/source.h"
#include "data/stokes.h"
#include "data/store.h"
#include <stddef.h>
#include <stdint.h>

/* Called after each block of rows; a non-zero answer stops the reading with
 * -PCLEAN_EINTERRUPTED. */
typedef int pcl_fill_progress(size_t rows_done, size_t rows, void *user);

typedef struct pcl_fill_request {
    size_t npol;
    /* [nwindow][npol] of the source; without terms where the window cannot give the plane: all its
     * samples have weight 0 */
    const pcl_stokes_terms *plane;
    enum pcl_row_order order;
    const pcl_scratch *scratch; /* where a scratch file goes; NULL: the store is in memory */
    size_t sample_rows; /* read about so many rows of each MS, from all over it; 0: all of them */
    size_t stretch;     /* rows sorted together; 0: PCL_SORTER_STRETCH (tests give less) */
    pcl_fill_progress *progress; /* or NULL */
    void *user;
} pcl_fill_request;

/* Size of the store that pcl_fill_store will make, exactly, and of its work space besides
 * casacore's, about. */
void pcl_fill_plan(const pcl_source *src, const pcl_fill_request *request, uint64_t *store_bytes,
                   uint64_t *work_bytes);

/* The store: block k holds channels [from, to) of window k. Frequencies are brought to the frame of
 * pcl_source_set_frame. Serial, on purpose: worker processes are forked after it, and OpenMP must
 * not have run in a process that forks. A scratch file that does not fit: -PCLEAN_ENOSPC before
 * anything is read. *out to be cleared (pcl_store_clear); after a failure it is empty. */
int pcl_fill_store(pcl_source *src, const pcl_fill_request *request, pcl_store *out,
                   pclean_err *err) PCL_CHECK;

#endif
