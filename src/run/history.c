#include "run/history.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Few runs have more: a hundred thousand channels of some cycles each, or one of very many. */
enum { OF_EACH_PLANE = 4, IN_ANY_CASE = 16384 };

size_t pcl_history_most(size_t nplane) {
    return OF_EACH_PLANE * nplane + IN_ANY_CASE;
}

/* While the list is sorted there are pointers to its members. */
uint64_t pcl_history_bytes(size_t nplane) {
    return (uint64_t)pcl_history_most(nplane) * (sizeof(pclean_cycle) + 2 * sizeof(void *));
}

void pcl_history_init(pcl_history *h, size_t nplane) {
    *h = (pcl_history){.most = pcl_history_most(nplane)};
}

void pcl_history_clear(pcl_history *h) {
    free(h->cycle);
    *h = (pcl_history){0};
}

static int make_room(pcl_history *h, size_t n, pclean_err *err) {
    if (n <= h->room)
        return 0;
    size_t room = 2 * h->room > n ? 2 * h->room : n;
    room = room < h->most ? room : h->most;
    pclean_cycle *cycle = realloc(h->cycle, room * sizeof *cycle);
    if (!cycle)
        return PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for the record of %zu minor cycles", room);
    h->cycle = cycle;
    h->room = room;
    return 0;
}

int pcl_history_add(pcl_history *h, const pclean_cycle *cycle, size_t n, pclean_err *err) {
    const size_t left = h->most - h->n, kept = n < left ? n : left;
    int rc = make_room(h, h->n + kept, err);
    if (rc)
        return rc;
    if (kept)
        memcpy(h->cycle + h->n, cycle, kept * sizeof *cycle);
    h->n += kept;
    h->nleft += n - kept;
    return 0;
}

static int by_plane(const void *a, const void *b) {
    const pclean_cycle *s = a, *t = b;
    if (s->chan != t->chan)
        return s->chan < t->chan ? -1 : 1;
    if (s->pol != t->pol)
        return s->pol < t->pol ? -1 : 1;
    return (s->icycle > t->icycle) - (s->icycle < t->icycle);
}

static bool is_of(const pclean_cycle *a, const pclean_cycle *b) {
    return a->chan == b->chan && a->pol == b->pol;
}

void pcl_history_count(pcl_history *h, size_t from, uint64_t done) {
    uint64_t now = done;
    if (h->n > from)
        qsort(h->cycle + from, h->n - from, sizeof *h->cycle, by_plane);
    for (size_t i = from; i < h->n; i++) {
        pclean_cycle *c = &h->cycle[i];
        c->cycle_start_iters = done;
        c->start_iter_done = now;
        if (i + 1 == h->n || !is_of(c, c + 1))
            now += c->iter_done;
    }
}

void pcl_history_give(pcl_history *h, pclean_result *result) {
    if (h->n)
        qsort(h->cycle, h->n, sizeof *h->cycle, by_plane);
    result->cycle = h->cycle;
    result->ncycle = h->n;
    result->ncycle_left_out = h->nleft;
    *h = (pcl_history){.most = h->most};
}
