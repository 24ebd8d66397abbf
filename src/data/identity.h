/* identity.h: who a row of the store is, besides its uvw and its time: small numbers for its field
 * and for the dishes at its two ends. What the numbers mean is the MS's own list. */
#ifndef PCL_IDENTITY_H
#define PCL_IDENTITY_H
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

struct casa_ms_info;

/* 4 bytes a row. */
typedef struct pcl_row_identity {
    uint16_t field;  /* index into field_id */
    uint8_t dish[2]; /* of ANTENNA1 and ANTENNA2: indices into dish_m */
} pcl_row_identity;

/* The lists of an MS. A list is empty (nfield, ndish 0) where it has more entries than a row's
 * numbers can tell apart, 65536 fields or 256 kinds of dish; the numbers are then 0 and mean
 * nothing. */
typedef struct pcl_identity {
    size_t nfield;
    int *field_id; /* [nfield] FIELD_ID of the fields with selected rows, ascending */
    size_t ndish;
    double *dish_m;   /* [ndish] diameters, ascending; the first is 0: not known */
    size_t nantenna;  /* rows of the table ANTENNA */
    uint8_t *dish_of; /* [nantenna] dish of each antenna */
} pcl_identity;

/* To be cleared, also after a failure. */
int pcl_identity_make(const struct casa_ms_info *info, pcl_identity *out,
                      pclean_err *err) PCL_CHECK;
void pcl_identity_clear(pcl_identity *id);

/* antenna [2]; one that the table ANTENNA lacks has no known dish. */
pcl_row_identity pcl_identity_of_row(const pcl_identity *id, int field_id, const int antenna[2]);

#endif
