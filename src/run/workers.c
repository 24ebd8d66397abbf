#include "run/workers.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}
static size_t at_least_1(size_t n) {
    return n ? n : 1;
}
static const char *plural(size_t n) {
    return n == 1 ? "" : "s";
}

__attribute__((format(printf, 2, 3))) static void add(pcl_workers *w, const char *fmt, ...) {
    const size_t used = strlen(w->why);
    va_list args;
    va_start(args, fmt);
    vsnprintf(w->why + used, sizeof w->why - used, fmt, args);
    va_end(args);
}

void pcl_workers_choose(const pcl_workers_request *q, pcl_workers *out) {
    const size_t ncore = at_least_1(q->ncore), nplane = at_least_1(q->nplane),
                 nfit = at_least_1(q->nfit);
    const size_t threads = q->threads > 0 ? (size_t)q->threads : 1,
                 asked = q->nworkers > 0 ? (size_t)q->nworkers : at_least_1(ncore / threads),
                 wanted = q->nmost ? least(asked, q->nmost) : asked;
    *out = (pcl_workers){.nworker = least(wanted, least(nplane, nfit))};
    out->nthread = q->threads > 0 ? (size_t)q->threads : at_least_1(ncore / out->nworker);
    add(out, "%zu worker%s x %zu thread%s: %zu core%s, %zu %s%s", out->nworker,
        plural(out->nworker), out->nthread, plural(out->nthread), ncore, plural(ncore), nplane,
        q->channels ? "channel" : "plane", plural(nplane));
    if (wanted < least(asked, nplane))
        add(out, ", at most %zu process%s", wanted, wanted == 1 ? "" : "es");
    if (nfit < least(wanted, nplane))
        add(out, ", memory for %zu", nfit);
    if (q->nworkers > 0)
        add(out, ", nworkers=%d", q->nworkers);
    if (q->threads > 0)
        add(out, ", threads=%d", q->threads);
}
