#include "json/summary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "pclean/run.h"

/* ---- summaryminor ---- */

static json_t *number(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

/* A row of tclean's table: its name, whether it is in the short form, its value for a cycle. */
typedef struct row {
    const char *name;
    bool is_short;
    json_t *(*value)(const pclean_cycle *c);
} row;

#define COUNTED(function, member)                                                                  \
    static json_t *function(const pclean_cycle *c) {                                               \
        return json_integer((json_int_t)c->member);                                                \
    }
#define MEASURED(function, member)                                                                 \
    static json_t *function(const pclean_cycle *c) {                                               \
        return number((double)c->member);                                                          \
    }
COUNTED(start_iter_done, start_iter_done)
COUNTED(iter_done, iter_done)
COUNTED(cycle_start_iters, cycle_start_iters)
COUNTED(masksum, masksum)
COUNTED(stop_code, stop_code)
MEASURED(start_peak_res, start_peak_res)
MEASURED(peak_res, peak_res)
MEASURED(start_model_flux, start_model_flux)
MEASURED(model_flux, model_flux)
MEASURED(start_peak_res_nm, start_peak_res_nm)
MEASURED(peak_res_nm, peak_res_nm)
MEASURED(cycle_thresh, cycle_thresh)

static const row rows[] = {{"startIterDone", false, start_iter_done},
                           {"iterDone", true, iter_done},
                           {"startPeakRes", false, start_peak_res},
                           {"peakRes", true, peak_res},
                           {"startModelFlux", false, start_model_flux},
                           {"modelFlux", true, model_flux},
                           {"startPeakResNM", false, start_peak_res_nm},
                           {"peakResNM", false, peak_res_nm},
                           {"cycleThresh", true, cycle_thresh},
                           {"cycleStartIters", false, cycle_start_iters},
                           {"masksum", false, masksum},
                           {"stopCode", false, stop_code}};

/* One list per row over the n cycles of a plane. */
static json_t *plane_summary(const pclean_cycle *cycle, size_t n, bool full) {
    json_t *plane = json_object();
    for (size_t i = 0; plane && i < sizeof rows / sizeof *rows; i++) {
        if (!full && !rows[i].is_short)
            continue;
        json_t *list = json_array();
        for (size_t k = 0; list && k < n; k++)
            json_array_append_new(list, rows[i].value(&cycle[k]));
        json_object_set_new(plane, rows[i].name, list);
    }
    return plane;
}

/* The object under a number, made where it is not there. */
static json_t *under(json_t *object, size_t number) {
    char key[24];
    snprintf(key, sizeof key, "%zu", number);
    json_t *inner = json_object_get(object, key);
    if (!inner) {
        inner = json_object();
        if (json_object_set_new(object, key, inner))
            return NULL;
    }
    return inner;
}

static int add_plane(json_t *field, const pclean_cycle *cycle, size_t n, bool full) {
    json_t *chan = under(field, cycle->chan);
    char key[24];
    snprintf(key, sizeof key, "%zu", cycle->pol);
    return chan ? json_object_set_new(chan, key, plane_summary(cycle, n, full)) : -1;
}

/* Of a run of niter 0 tclean has one cycle without iterations. */
static int add_dirty(json_t *field, const pclean_result *r) {
    int bad = 0;
    for (size_t i = 0; !bad && r->plane && i < r->nchan * r->npol; i++) {
        const pclean_plane *p = &r->plane[i];
        const float peak = (float)p->peak_dirty;
        const pclean_cycle none = {.chan = p->chan,
                                   .pol = p->pol,
                                   .start_peak_res = peak,
                                   .peak_res = peak,
                                   .start_peak_res_nm = peak,
                                   .peak_res_nm = peak,
                                   .start_model_flux = (float)p->model_flux,
                                   .model_flux = (float)p->model_flux,
                                   .stop_code = 3};
        if (p->stop == PCLEAN_STOP_FORCED)
            bad = add_plane(field, &none, 1, r->fullsummary);
    }
    return bad;
}

static size_t cycles_of(const pclean_result *r) {
    return r->cycle ? r->ncycle : 0;
}

json_t *pcl_json_summaryminor(const void *result) {
    const pclean_result *r = result;
    const size_t ncycle = cycles_of(r);
    json_t *all = json_object(), *field = all ? under(all, 0) : NULL;
    int bad = field ? add_dirty(field, r) : -1;
    for (size_t i = 0, n; !bad && i < ncycle; i += n) {
        const pclean_cycle *c = &r->cycle[i];
        for (n = 1; i + n < ncycle && c[n].chan == c->chan && c[n].pol == c->pol;)
            n++;
        bad = add_plane(field, c, n, r->fullsummary);
    }
    if (bad) {
        json_decref(all);
        return NULL;
    }
    return all;
}

json_t *pcl_json_summarymajor(const void *result) {
    const pclean_result *r = result;
    const size_t n = r->nmajordone > 0 ? (size_t)r->nmajordone : 0;
    uint64_t done = 0, *each = calloc(n + 1, sizeof *each); /* [i]: in minor cycle i */
    json_t *list = each ? json_array() : NULL;
    for (size_t i = 0; list && i < cycles_of(r); i++)
        if ((size_t)r->cycle[i].icycle < n)
            each[r->cycle[i].icycle] += r->cycle[i].iter_done;
    for (size_t k = 0; list && k < n; k++) {
        json_array_append_new(list, json_integer((json_int_t)done));
        done += each[k];
    }
    free(each);
    return list;
}

/* ---- stop codes ---- */

json_t *pcl_json_stop_description(const void *result) {
    static const char *const words[] = {
        [PCLEAN_STOP_NITER] = "iteration limit",
        [PCLEAN_STOP_THRESHOLD] = "threshold",
        [PCLEAN_STOP_FORCED] = "Zero iterations performed",
        [PCLEAN_STOP_NOCHANGE] = "no change in peak residual across two major cycles",
        [PCLEAN_STOP_DIVERGED_STEP] =
            "peak residual increased by more than 3 times from the previous major cycle",
        [PCLEAN_STOP_DIVERGED_MIN] =
            "peak residual increased by more than 3 times from the minimum reached",
        [PCLEAN_STOP_ZEROMASK] = "zero mask",
        [PCLEAN_STOP_NSIGMA] = "any combination of n-sigma and other valid exit criterion",
        [PCLEAN_STOP_NMAJOR] = "reached nmajor"};
    const int stop = ((const pclean_result *)result)->stop;
    const bool theirs = stop > 0 && (size_t)stop < sizeof words / sizeof *words;
    return json_string(theirs ? words[stop] : pclean_stop_text(stop));
}
