/* correlations.h: which rows can give which plane. Rows of one data description hold the same correlations; a plane takes those
 * of every data description that has the ones it needs, linear or circular, two or four. */
#ifndef PCL_CORRELATIONS_H
#define PCL_CORRELATIONS_H
#include "imager/setup.h"

/* Fills s->plane, s->given and s->used of the opened MSs. A plane that no row can give is an error (-PCLEAN_EDATA) that says
 * what the data have; of a part of an image it is blank. */
int pcl_correlations_find(pcl_setup *s, pclean_err *err) PCL_CHECK;

/* "stokes Q: 200 of 300 rows cannot give it and are left out (they hold RR LL)"; false when every row gives plane ipol. */
bool pcl_correlations_left(const pcl_setup *s, size_t ipol, char *text, size_t size);

#endif
