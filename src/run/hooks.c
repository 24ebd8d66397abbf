/* hooks.c: what the caller of pclean_image hears while it runs: progress, warnings, and his wish to
 * stop. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "run/run.h"

void pcl_run_end_stage(pcl_run *r, const char *name) {
    const double t = pcl_now();
    pclean_result *res = r->result;
    if (res->nstage < sizeof res->stage / sizeof *res->stage) {
        pclean_stage_time *stage = &res->stage[res->nstage++];
        snprintf(stage->name, sizeof stage->name, "%s", name);
        stage->seconds = t - r->stage_start;
    }
    r->stage_start = t;
}

int pcl_run_stop_requested(void *user) {
    pcl_run *r = user;
    if (!r->stopping && r->hooks->stop_requested)
        r->stopping = r->hooks->stop_requested(r->hooks->user) != 0;
    return r->stopping;
}

void pcl_run_report(const pcl_run *r, const char *stage, double fraction, size_t done, size_t total,
                    const char *unit, const pclean_plane *plane) {
    if (!r->hooks->progress)
        return;
    const double t = pcl_now(), spent = t - r->stage_start;
    const pclean_progress p = {.stage = stage,
                               .done = done,
                               .total = total,
                               .unit = unit,
                               .plane = plane,
                               .fraction = fraction,
                               .elapsed_s = t - r->start,
                               .remaining_s =
                                   done > 0 ? spent * (double)(total - done) / (double)done : -1};
    r->hooks->progress(&p, r->hooks->user);
}

void pcl_run_report_cycle(const pcl_run *r, const pclean_cycle *cycle) {
    if (r->hooks->cycle)
        r->hooks->cycle(cycle, r->hooks->user);
}

void pcl_run_warn(pcl_run *r, const char *fmt, ...) {
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    pcl_log(PCL_LOG_WARNING, "%s", text);
    size_t n = 0;
    while (r->result->warning && r->result->warning[n])
        n++;
    char **more = realloc(r->result->warning, (n + 2) * sizeof *more);
    if (!more)
        return;
    r->result->warning = more;
    more[n] = strdup(text);
    more[n + 1] = NULL;
}
