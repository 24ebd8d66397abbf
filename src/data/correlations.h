/* correlations.h: which rows can give which plane. Rows of one data description hold the same
 * correlations; a plane takes those of every data description that has the ones it needs, linear or
 * circular, two or four. */
#ifndef PCL_CORRELATIONS_H
#define PCL_CORRELATIONS_H
#include "data/source.h"
#include "data/stokes.h"

/* The rows that a Stokes plane takes, and those that it leaves out: what these hold, "RR LL; XX
 * YY". */
typedef struct pcl_correlations_rows {
    size_t nrow, nleft;
    char left[96];
} pcl_correlations_rows;

typedef struct pcl_correlations {
    pcl_stokes_terms *plane;       /* [nwindow][npol]; without terms where the window cannot give
                                    * the plane */
    bool *used;                    /* [nwindow]: gives a plane */
    pcl_correlations_rows rows[4]; /* [npol] */
} pcl_correlations;

/* Finds what every window of the source can give. A plane that no row can give is an error
 * (-PCLEAN_EDATA) that says what the data have, unless it may be blank. *out to be cleared, also
 * after a failure. */
int pcl_correlations_find(const pcl_stokes *stokes, const pcl_source *source, bool may_be_blank,
                          pcl_correlations *out, pclean_err *err) PCL_CHECK;
void pcl_correlations_clear(pcl_correlations *c);

/* "stokes Q: 200 of 300 rows cannot give it and are left out (they hold RR LL)"; false when every
 * row gives plane ipol. */
bool pcl_correlations_left(const pcl_correlations *c, const pcl_stokes *stokes, size_t ipol,
                           char *text, size_t size);

#endif
