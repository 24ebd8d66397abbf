/* live.h: what pclean's allocations hold at a moment, to the byte, with the help of
 * pcl_mem_listen. One thread at a time. */
#ifndef TEST_LIVE_H
#define TEST_LIVE_H
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

enum { LIVE_MOST = 4096 };
static struct {
    const void *block;
    size_t bytes;
    const char *what;
} live[LIVE_MOST];
static size_t live_now, live_peak;

/* The sampler's tables of channels are left out: their size depends on the times of the data. */
static void live_heard(const void *block, size_t bytes, const char *what) {
    for (size_t i = 0; i < LIVE_MOST; i++) {
        if (live[i].block != (what ? NULL : block))
            continue;
        live_now += what ? bytes : 0;
        live_now -= what ? 0 : live[i].bytes;
        live_peak = live_now > live_peak ? live_now : live_peak;
        live[i].block = what ? block : NULL;
        live[i].bytes = bytes;
        live[i].what = what;
        return;
    }
}

static void live_heard_but_channels(const void *block, size_t bytes, const char *what) {
    if (!what || strcmp(what, "channel map") != 0)
        live_heard(block, bytes, what);
}

static void live_begin(void) {
    memset(live, 0, sizeof live);
    live_now = live_peak = 0;
    pcl_mem_listen(live_heard_but_channels);
}

static void live_end(void) {
    pcl_mem_listen(NULL);
}

/* Bytes of the blocks allocated for this. */
static inline size_t live_of(const char *what) {
    size_t n = 0;
    for (size_t i = 0; i < LIVE_MOST; i++)
        n += live[i].block && strcmp(live[i].what, what) == 0 ? live[i].bytes : 0;
    return n;
}

#endif
