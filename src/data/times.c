#include "data/times.h"

#include <string.h>

#include "base/mem.h"

/* The slot that holds this time, or the empty one where it belongs. */
static size_t slot_of(const pcl_times *t, double time_s) {
    uint64_t bits;
    memcpy(&bits, &time_s, sizeof bits);
    size_t at = (size_t)((bits * 0x9E3779B97F4A7C15u) >> 20) & (t->size - 1);
    while (t->slot[at] && t->time_s[t->slot[at] - 1] != time_s)
        at = (at + 1) & (t->size - 1);
    return at;
}

static int grow(pcl_times *t, pclean_err *err) {
    pcl_times bigger = {.size = t->size ? 2 * t->size : 1024, .n = t->n};
    int rc = PCL_ZNEW(&bigger.slot, bigger.size, "table of times", err);
    if (!rc)
        rc = PCL_NEW(&bigger.time_s, bigger.size / 2, "table of times", err);
    if (rc) {
        pcl_free(bigger.slot);
        return rc;
    }
    for (size_t i = 0; i < t->n; i++) {
        bigger.time_s[i] = t->time_s[i];
        bigger.slot[slot_of(&bigger, t->time_s[i])] = (uint32_t)(i + 1);
    }
    pcl_free(t->slot);
    pcl_free(t->time_s);
    *t = bigger;
    return 0;
}

int pcl_times_index(pcl_times *t, double time_s, uint32_t *index, pclean_err *err) {
    if (t->n == t->size / 2) {
        int rc = grow(t, err);
        if (rc)
            return rc;
    }
    const size_t at = slot_of(t, time_s);
    if (!t->slot[at]) {
        t->time_s[t->n] = time_s;
        t->slot[at] = (uint32_t)++t->n;
    }
    *index = t->slot[at] - 1;
    return 0;
}

double *pcl_times_take(pcl_times *t, size_t *n) {
    double *list = t->time_s;
    *n = t->n;
    t->time_s = NULL;
    pcl_times_clear(t);
    return list;
}

void pcl_times_clear(pcl_times *t) {
    pcl_free(t->slot);
    pcl_free(t->time_s);
    *t = (pcl_times){0};
}
