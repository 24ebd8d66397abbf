/* history.h: the minor cycles of all planes of a run, as tclean's summaryminor has them. They come
 * with the results of tasks and stay in memory up to a limit that is part of the memory plan. */
#ifndef PCL_HISTORY_H
#define PCL_HISTORY_H
#include "base/err.h"
#include "pclean/run.h"
#include <stddef.h>
#include <stdint.h>

/* Cycles that a run of this many planes keeps at most, and the bytes that they take. */
size_t pcl_history_most(size_t nplane);
uint64_t pcl_history_bytes(size_t nplane);

typedef struct pcl_history {
    pclean_cycle *cycle; /* [n] */
    size_t n, room, most, nleft;
} pcl_history;

void pcl_history_init(pcl_history *h, size_t nplane);
void pcl_history_clear(pcl_history *h);

/* What is beyond the limit is counted, not kept. */
int pcl_history_add(pcl_history *h, const pclean_cycle *cycle, size_t n, pclean_err *err) PCL_CHECK;

/* The cycles from number `from` on are one round of cyclecontrol=global, before which `done`
 * iterations had been made: they are counted through the planes in their order, as tclean does. Of
 * a plane that went back, the last cycle counts. */
void pcl_history_count(pcl_history *h, size_t from, uint64_t done);

/* The cycles into the result, by plane; the history is empty then. */
void pcl_history_give(pcl_history *h, pclean_result *result);

#endif
