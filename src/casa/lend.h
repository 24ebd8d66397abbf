/* lend.h: rows read straight into memory of the caller's, for the program that shares it with
 * another process. */
#ifndef PCL_LEND_H
#define PCL_LEND_H
#include "casa/casa.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where the arrays of a data description may lie. */
typedef struct casa_ms_room {
    float *vis, *weight; /* [nrow][nchansel][ncorr] of pairs; [nrow][weight_nchan][ncorr] */
    bool *flag;          /* [nrow][nchansel][ncorr] */
} casa_ms_room;

/* rows [ndd]: nrow and weight_nchan of each are known. room [ndd], zeros: what it may have. */
typedef void casa_ms_lend(const casa_ms_rows *rows, casa_ms_room *room, void *user);

/* casa_ms_read, whose arrays vis, flag and weight lie in the room that `lend` gives where the cells
 * are read as they are, and else in memory of the ms, as all others do. lend NULL: none. */
int casa_ms_read_into(casa_ms *ms, size_t irow, size_t nrow, casa_ms_lend *lend, void *user,
                      casa_ms_rows *rows, pclean_err *err) PCL_CHECK;

#ifdef __cplusplus
}
#endif

#endif
