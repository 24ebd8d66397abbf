#include "run/plan.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "run/imagename.h"
#include "run/products.h"
#include "run/resources.h"
#include "run/run.h"
#include "run/timing.h"
#include "run/usermask.h"

enum { NMAJOR_GUESSED = 5 };

void pcl_plan_clear(pclean_plan *p) {
    if (!p)
        return;
    for (size_t i = 0; i < p->nwindow; i++)
        pcl_free(p->window[i].msname);
    for (size_t i = 0; i < p->nproblem; i++)
        pcl_free(p->problem[i]);
    pcl_free(p->window);
    pcl_free(p->problem);
    pcl_free(p->products.folder);
    pcl_free(p->scratch.folder);
    free(p->config);
    *p = (pclean_plan){0};
}

__attribute__((format(printf, 3, 4))) static int add_problem(pclean_plan *p, pclean_err *err,
                                                             const char *fmt, ...) {
    char **grown = NULL, text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    int rc = PCL_ZNEW(&grown, p->nproblem + 1, "list of problems", err);
    if (rc)
        return rc;
    if (p->nproblem)
        memcpy(grown, p->problem, p->nproblem * sizeof *grown);
    pcl_free(p->problem);
    p->problem = grown;
    rc = pcl_strdup(&grown[p->nproblem], text, err);
    p->nproblem += !rc;
    return rc;
}

/* ---- data and image ---- */

static int list_window(const pcl_window *window, pclean_plan_window *w, pclean_err *err) {
    const casa_ms_dd *dd = window->dd;
    *w = (pclean_plan_window){.spw = dd->spwid,
                              .nchan = dd->nchansel,
                              .nchan_read = window->to - window->from,
                              .nrow = dd->nrow,
                              .low_hz = INFINITY,
                              .high_hz = -INFINITY};
    for (size_t i = 0; i < dd->nchansel; i++) {
        const double f = window->freq_hz[i], half = 0.5 * dd->chan_width_hz[dd->chansel[i]];
        w->low_hz = fmin(w->low_hz, (f - half) * window->doppler0);
        w->high_hz = fmax(w->high_hz, (f + half) * window->doppler0);
    }
    return pcl_strdup(&w->msname, window->info->path, err);
}

static int list_windows(const pcl_setup *s, pclean_plan *p, pclean_err *err) {
    int rc = PCL_ZNEW(&p->window, s->source->nwindow, "list of spectral windows", err);
    for (; !rc && p->nwindow < s->source->nwindow; p->nwindow++)
        rc = list_window(&s->source->window[p->nwindow], &p->window[p->nwindow], err);
    return rc;
}

static void describe_image(const pcl_setup *s, pclean_plan *p) {
    p->nx = s->desc.nx;
    p->ny = s->desc.ny;
    p->nchan = s->desc.nchan;
    p->npol = s->desc.npol;
    p->first_hz = s->channels.first_hz;
    p->step_hz = s->channels.step_hz;
    p->restfreq_hz = s->restfreq_hz;
    snprintf(p->restfreq_from, sizeof p->restfreq_from, "%s", pcl_setup_restfreq_from(s));
    snprintf(p->frame, sizeof p->frame, "%s",
             s->frame < 0 ? "data" : casa_freq_frame_name(s->frame));
}

/* Largest |u| and |v|, wavelengths, in the channels that are read. */
static int find_reach(const pcl_setup *s, double reach[2], pclean_err *err) {
    double(*uvw)[3] = NULL;
    int rc = PCL_NEW(&uvw, s->source->nwindow, "largest u and v", err);
    if (!rc)
        rc = pcl_source_largest_uvw(s->source, uvw, err);
    for (size_t k = 0; !rc && k < s->source->nwindow; k++) {
        const pcl_row_channels row = pcl_window_channels(&s->source->window[k]);
        for (size_t axis = 0; axis < 2; axis++)
            reach[axis] = fmax(reach[axis], pcl_target_wmax(uvw[k][axis], row.n, row.freq_hz));
    }
    pcl_free(uvw);
    return rc;
}

/* What the run would leave out, with a warning or, if it is all of the data, with an error. */
static int check_cell(const pcl_setup *s, pclean_plan *p, pclean_err *err) {
    const double *cell = s->config->cell_rad;
    double reach[2] = {0};
    int rc = find_reach(s, reach, err);
    if (rc || (reach[0] * cell[0] < 0.5 && reach[1] * cell[1] < 0.5))
        return rc;
    char have[40], good[40];
    pcl_format_si(have, sizeof have, fmax(cell[0], cell[1]), PCL_DIM_ANGLE);
    pcl_format_si(good, sizeof good, pcl_target_good_cell(fmax(reach[0], reach[1])), PCL_DIM_ANGLE);
    return add_problem(p, err,
                       "cell %s is too coarse for the longest baselines, whose samples will be "
                       "left out; use a cell of %s or less",
                       have, good);
}

/* ---- workers, memory, disk ---- */

static void add_buffer(pclean_plan *p, const char *name, uint64_t bytes) {
    pclean_plan_buffer *b = &p->buffer[p->nbuffer++];
    snprintf(b->name, sizeof b->name, "%s", name);
    b->bytes = bytes;
}

static void describe_memory(const pcl_resources *r, pclean_plan *p) {
    const pcl_budget *b = &r->budget;
    p->nworkers = (int)r->workers.nworker;
    p->nthreads = (int)r->workers.nthread;
    snprintf(p->workers_why, sizeof p->workers_why, "%s", r->workers.why);
    p->memory_bytes = b->plan.bytes;
    p->memory_limit_bytes = b->limit_bytes;
    snprintf(p->memory_limit_from, sizeof p->memory_limit_from, "%s", b->limit_from);
    p->worker_bytes = b->plan.each_bytes;
    add_buffer(p, "grids", b->grids);
    add_buffer(p, "planes", b->planes);
    add_buffer(p, "density", b->density);
    add_buffer(p, "batches", b->batches + b->predicted);
    add_buffer(p, pcl_memory_stage_name(b->plan.stage), b->sizes.stage[b->plan.stage]);
    p->visibility_bytes = b->sizes.store;
    p->store_in_file = b->plan.store_in_file;
}

/* The visibilities, for a clean of all planes together their residuals and models, mask and start
 * model. */
static uint64_t scratch_bytes(const pcl_setup *s, const pclean_plan *p) {
    const pclean_config *c = s->config;
    return (p->store_in_file ? p->visibility_bytes : 0) +
           (pcl_run_is_global(c) ? pcl_state_file_bytes(s, pcl_workplace_spare_arrays(s)) : 0) +
           pcl_usermask_scratch_bytes(s) + pcl_startmodel_scratch_bytes(s);
}

/* *device tells file systems apart; a folder that is not there has no free space. */
static int look_at_folder(pclean_plan_disk *d, const char *folder, dev_t *device, pclean_err *err) {
    struct statvfs fs;
    struct stat st;
    *device = 0;
    if (stat(folder, &st) == 0 && S_ISDIR(st.st_mode) && statvfs(folder, &fs) == 0) {
        *device = st.st_dev;
        d->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    }
    return pcl_strdup(&d->folder, folder, err);
}

static int check_disk(pclean_plan *p, const pclean_plan_disk *d, const char *what, uint64_t needed,
                      pclean_err *err) {
    char wanted[40], room[40];
    if (access(d->folder, W_OK | X_OK))
        return add_problem(p, err, "%s: no folder that %s could be written to", d->folder, what);
    if (needed <= d->free_bytes)
        return 0;
    pcl_format_si(wanted, sizeof wanted, (double)needed, PCL_DIM_BYTES);
    pcl_format_si(room, sizeof room, (double)d->free_bytes, PCL_DIM_BYTES);
    return add_problem(p, err, "%s: %s take %s, and %s are free on its disk", d->folder, what,
                       wanted, room);
}

static int describe_disk(const pcl_setup *s, pclean_plan *p, pclean_err *err) {
    char folder[4096];
    dev_t products, scratch;
    p->products.needed_bytes = pcl_products_bytes(s);
    p->scratch.needed_bytes = scratch_bytes(s, p);
    pcl_resources_product_folder(s->config, folder, sizeof folder);
    int rc = look_at_folder(&p->products, folder, &products, err);
    pcl_resources_scratch_folder(s->config, folder, sizeof folder);
    if (rc || (rc = look_at_folder(&p->scratch, folder, &scratch, err)))
        return rc;
    p->one_disk = products == scratch;
    const uint64_t both = p->products.needed_bytes + p->scratch.needed_bytes;
    if (p->one_disk || p->scratch.needed_bytes == 0)
        return check_disk(p, &p->products,
                          p->scratch.needed_bytes ? "products and scratch files" : "the products",
                          both, err);
    rc = check_disk(p, &p->products, "the products", p->products.needed_bytes, err);
    return rc ? rc : check_disk(p, &p->scratch, "scratch files", p->scratch.needed_bytes, err);
}

static int check_products(const pclean_config *c, pclean_plan *p, pclean_err *err) {
    pclean_err why;
    return pcl_imagename_check_inputs(c, &why) || pcl_imagename_check(c, true, &why)
               ? add_problem(p, err, "%s", why.msg)
               : 0;
}

/* ---- time ---- */

static int estimate_time(const pcl_setup *s, pclean_plan *p, pclean_err *err) {
    pcl_timing c;
    pclean_err why = {0};
    int rc = pcl_timing_measure(s, (size_t)p->nthreads, &c, &why);
    if (rc == -PCLEAN_EDATA)
        return 0;
    if (rc) {
        if (err)
            *err = why;
        return rc;
    }
    const double each = (double)pcl_target_npol(s), ntask = (double)(p->nchan * p->npol) / each,
                 rounds = ceil(ntask / p->nworkers) * each;
    p->time = (pclean_plan_time){.known = true,
                                 .sampling_s = c.seconds,
                                 .read_s = c.read_s,
                                 .write_s = c.write_s,
                                 .dirty_s = rounds * (c.dirty_s + c.finish_s)};
    if (s->config->niter > 0) {
        p->time.nmajor = s->config->nmajor >= 0 ? s->config->nmajor : NMAJOR_GUESSED;
        p->time.clean_s = rounds * (p->time.nmajor * c.major_s + s->config->niter * c.iteration_s);
    }
    return 0;
}

/* ---- the whole ---- */

static int make(const pclean_config *config, bool measure, pcl_setup *s, pclean_plan *p,
                pclean_err *err) {
    pcl_resources resources = {0};
    int rc;
    if ((rc = pclean_config_validate(config, err)) || (rc = check_products(config, p, err)) ||
        (rc = pcl_setup_open(config, s, err)))
        return rc;
    for (size_t i = 0; i < s->nwarning; i++)
        if ((rc = add_problem(p, err, "%s", s->warning[i])))
            return rc;
    if ((rc = list_windows(s, p, err)) || (rc = pcl_resources_plan(s, &resources, err)))
        return rc;
    describe_image(s, p);
    describe_memory(&resources, p);
    if ((rc = check_cell(s, p, err)) || (rc = describe_disk(s, p, err)))
        return rc;
    return measure ? estimate_time(s, p, err) : 0;
}

int pcl_plan_make(const pclean_config *config, bool measure, pclean_plan *p, pclean_err *err) {
    pcl_setup setup = {0};
    *p = (pclean_plan){0};
    int rc = make(config, measure, &setup, p, err);
    rc = rc ? rc : pclean_config_dump_json(config, &p->config, err);
    pcl_setup_close(&setup);
    if (rc)
        pcl_plan_clear(p);
    return rc;
}
