/* stokes.h: the `stokes` parameter -> image planes, and each plane as a combination of stored
 * correlations. */
#ifndef PCL_STOKES_H
#define PCL_STOKES_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

/* Stokes codes, casacore's numbers. */
enum {
    PCL_STOKES_I = 1,
    PCL_STOKES_Q,
    PCL_STOKES_U,
    PCL_STOKES_V,
    PCL_STOKES_RR,
    PCL_STOKES_RL,
    PCL_STOKES_LR,
    PCL_STOKES_LL,
    PCL_STOKES_XX,
    PCL_STOKES_XY,
    PCL_STOKES_YX,
    PCL_STOKES_YY
};

typedef struct pcl_stokes {
    size_t npol;
    int code[4];         /* of the image planes */
    bool either_hand;    /* pseudoI: each parallel hand by its own flag */
    double sumwt_factor; /* .sumwt = factor * sum of imaging weights: 2 where both hands fall on
                          * one plane (I alone) */
} pcl_stokes;

int pcl_stokes_parse(const char *text, pcl_stokes *out, pclean_err *err) PCL_CHECK;

/* plane = sum_k (re_k + i im_k) * correlation[index_k]. */
typedef struct pcl_stokes_terms {
    size_t n; /* 0: it cannot be made */
    size_t index[2];
    float re[2], im[2];
    bool either; /* a flagged term leaves the other alone (pseudoI) */
} pcl_stokes_terms;

/* Q, U, V: a part of the intensity, of either sign. */
bool pcl_stokes_is_polarized(int code);

/* "I", "RR" ... */
const char *pcl_stokes_name(int code);
/* What plane ipol was asked for as: pseudoI is I in the image. Static. */
const char *pcl_stokes_asked(const pcl_stokes *stokes, size_t ipol);
/* "RR LL" */
void pcl_stokes_list(size_t ncorr, const int *corr, char *out, size_t size);

/* Combination for a plane from correlations stored as corr[ncorr] (any order). -PCLEAN_EDATA names
 * what is missing. */
int pcl_stokes_find_terms(const pcl_stokes *s, size_t ipol, size_t ncorr, const int *corr,
                          pcl_stokes_terms *out, pclean_err *err) PCL_CHECK;

/* The error that a plane cannot be made of what there is: "RR LL"; of rows that differ "RR; LL". */
int pcl_stokes_refuse(const pcl_stokes *s, size_t ipol, const char *have,
                      pclean_err *err) PCL_CHECK;

#endif
