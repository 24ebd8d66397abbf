#include "run/timing.h"

#include <math.h>
#include <omp.h>
#include <string.h>
#include <unistd.h>

#include "base/bulk.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/spool.h"
#include "imager/target.h"
#include "run/run.h"

enum { SIDE = 512, VALUES = 1 << 21, ITERATIONS = 200 };

/* The run on a small scale: the same field of view in at most 512 pixels a side, so that as many w
 * planes are needed. */
typedef struct trial {
    const pcl_setup *run;
    double shrink;        /* pixels of the run to pixels of the trial, along an axis */
    pclean_config config; /* borrows the run's texts */
    char nothing[1];
    pcl_setup setup;
    pcl_store vis;
    pcl_target target;
} trial;

static void shrink_config(trial *t) {
    t->config = *t->run->config;
    pclean_config *c = &t->config;
    t->shrink = fmax(1, fmax(c->imsize[0], c->imsize[1]) / (double)SIDE);
    for (int i = 0; i < 2; i++) {
        c->imsize[i] = (int)fmax(2, c->imsize[i] / t->shrink);
        c->cell_rad[i] *= t->run->config->imsize[i] / (double)c->imsize[i];
    }
    c->niter = c->niter > 0 ? ITERATIONS + 1 : 0;
    c->scratch = t->nothing;
    c->mask = c->startmodel = (pclean_strlist){0};
    c->restart = false;
}

/* So that a sample of ordinary rows stays below a few MB. */
static size_t rows_to_sample(const pcl_setup *s) {
    size_t values = 1;
    for (size_t k = 0; k < s->source->nwindow; k++) {
        const casa_ms_dd *dd = s->source->window[k].dd;
        values = dd->nchansel * dd->ncorr > values ? dd->nchansel * dd->ncorr : values;
    }
    return VALUES / values + 64;
}

/* u and v shrink as the cell grows: the samples fall on the grid as those of the run do. w
 * stays. */
static void shrink_uv(trial *t) {
    const double x = t->run->config->cell_rad[0] / t->config.cell_rad[0],
                 y = t->run->config->cell_rad[1] / t->config.cell_rad[1];
    for (size_t k = 0; k < t->vis.nblock; k++) {
        pcl_block *b = &t->vis.block[k];
        for (size_t r = 0; r < b->nrow; r++) {
            b->u_m[r] *= x;
            b->v_m[r] *= y;
        }
        b->umax_m *= x;
        b->vmax_m *= y;
    }
}

/* ---- counting samples ---- */

/* Samples that a row gives to image channel ichan, or to all of them together (SIZE_MAX). */
static int samples_of_row(const pcl_channels *c, size_t ichan, const pcl_row_channels *row,
                          double doppler, double *n, pclean_err *err) {
    pcl_channel_sample *work = NULL;
    *n = 0;
    if (row->n == 0)
        return 0;
    int rc = PCL_NEW(&work, pcl_channels_max_samples(c, row), "channel map", err);
    for (size_t i = 0; !rc && i < c->nchan; i++)
        if (ichan == SIZE_MAX || i == ichan)
            *n += (double)pcl_channels_samples(c, i, row, doppler, work);
    pcl_free(work);
    return rc;
}

/* Of all planes of the run, before anything is left out for its flags. */
static int samples_of_run(const pcl_setup *s, double *n, pclean_err *err) {
    int rc = 0;
    *n = 0;
    for (size_t k = 0; !rc && k < s->source->nwindow; k++) {
        const pcl_window *w = &s->source->window[k];
        const pcl_row_channels row = pcl_window_channels(w);
        double per_row = 0;
        rc = samples_of_row(&s->channels, SIZE_MAX, &row, w->doppler0, &per_row, err);
        *n += per_row * (double)w->dd->nrow * (double)s->stokes.npol;
    }
    return rc;
}

static int samples_of_plane(const trial *t, size_t ichan, double *n, pclean_err *err) {
    *n = 0;
    for (size_t k = 0; k < t->vis.nblock; k++) {
        const pcl_block *b = &t->vis.block[k];
        double per_row;
        const pcl_row_channels row = pcl_block_channels(b);
        int rc = b->nrow
                     ? samples_of_row(&t->setup.channels, ichan, &row, b->doppler[0], &per_row, err)
                     : 0;
        if (rc)
            return rc;
        *n += b->nrow ? per_row * (double)b->nrow : 0;
    }
    return 0;
}

/* The middle channel, or another one that has data in the sample. */
static int find_channel(const trial *t, size_t *ichan, pclean_err *err) {
    const size_t nchan = t->setup.channels.nchan, most = nchan < 64 ? nchan : 64;
    for (size_t i = 0; i < most; i++) {
        double n;
        *ichan = (nchan / 2 + i * nchan / most) % nchan;
        int rc = samples_of_plane(t, *ichan, &n, err);
        if (rc || n > 0)
            return rc;
    }
    return PCL_FAIL(err, PCLEAN_EDATA, "the rows sampled hold no data of the channels tried");
}

/* ---- stopwatch ---- */

typedef struct plane_times {
    double samples, dirty, major;
} plane_times;

static int time_plane(trial *t, size_t ichan, size_t ipol, plane_times *out, pclean_err *err) {
    pcl_target *p = &t->target;
    int rc;
    memset(p->model[0], 0, p->nx * p->ny * sizeof **p->model);
    double start = pcl_now();
    if ((rc = pcl_target_begin(p, ichan, ipol, err)) || (rc = pcl_target_dirty(p, err)))
        return rc;
    pcl_target_measure(p);
    out->dirty += pcl_now() - start;
    if (t->config.niter == 0)
        return 0;
    p->model[0][p->nx * p->ny / 2] = 1e-6f; /* a model, whatever it is */
    start = pcl_now();
    rc = pcl_target_major(p, err);
    pcl_target_measure(p);
    out->major += pcl_now() - start;
    return rc;
}

/* Of the target's planes the mean. */
static int time_planes_of(trial *t, size_t ichan, plane_times *out, pclean_err *err) {
    pcl_target *p = &t->target;
    int rc = samples_of_plane(t, ichan, &out->samples, err);
    pcl_target_forget_weights(p); /* a common density is made anew */
    out->dirty = out->major = 0;
    for (size_t i = 0; !rc && i < p->npol; i++) {
        pcl_target_select(p, i);
        rc = time_plane(t, ichan, i, out, err);
    }
    out->dirty /= (double)p->npol;
    out->major /= (double)p->npol;
    return rc;
}

/* A component more, for each of the target's planes. */
static int time_iterations(trial *t, double *each, pclean_err *err) {
    double start = pcl_now();
    int niter;
    int rc = pcl_target_minor(&t->target, 0, 1, &niter, err);
    const double one = pcl_now() - start;
    start = pcl_now();
    if (!rc)
        rc = pcl_target_minor(&t->target, 0, ITERATIONS, &niter, err);
    *each = fmax(0, pcl_now() - start - one) / (ITERATIONS - 1) / (double)t->target.npol;
    return rc;
}

static int time_restoring(trial *t, double *seconds, pclean_err *err) {
    const double start = pcl_now();
    int rc = t->config.restoration ? pcl_target_restore(&t->target, &t->target.plane.beam, err) : 0;
    *seconds = pcl_now() - start;
    return rc;
}

/* Time = a samples + b pixels log(pixels), from two trials that differ in their samples; for the
 * run's mean plane. */
static double scaled(double t1, double n1, double t2, double n2, double samples,
                     double pixel_ratio) {
    double a = n1 > n2 ? (t1 - t2) / (n1 - n2) : 0;
    a = fmin(fmax(a, 0), n1 > 0 ? t1 / n1 : 0);
    return a * samples + (t1 - a * n1) * pixel_ratio;
}

static int time_planes(trial *t, double kept, pcl_timing *out, pclean_err *err) {
    const pclean_config *c = t->run->config;
    const double npixel = (double)c->imsize[0] * c->imsize[1],
                 small = (double)t->target.nx * (double)t->target.ny;
    const double nplane = (double)(t->run->desc.nchan * t->run->desc.npol),
                 ratio = npixel * log2(npixel) / (small * log2(small));
    plane_times all = {0}, few = {0};
    double samples;
    size_t ichan = 0;
    int rc;
    if ((rc = samples_of_run(t->run, &samples, err)) || (rc = find_channel(t, &ichan, err)) ||
        (rc = time_planes_of(t, ichan, &all, err)) || /* the first time pays for pages that are
                                                   * touched for the first time */
        (rc = time_planes_of(t, ichan, &all, err)) ||
        (c->niter > 0 && (rc = time_iterations(t, &out->iteration_s, err))) ||
        (rc = time_restoring(t, &out->finish_s, err)))
        return rc;
    for (size_t k = 0; k < t->vis.nblock; k++)
        t->vis.block[k].nrow = (t->vis.block[k].nrow + 7) / 8;
    if ((rc = time_planes_of(t, ichan, &few, err)))
        return rc;
    samples *= kept / nplane;
    out->dirty_s = scaled(all.dirty, all.samples, few.dirty, few.samples, samples, ratio);
    out->major_s = scaled(all.major, all.samples, few.major, few.samples, samples, ratio);
    out->iteration_s *= npixel / small;
    out->finish_s *= ratio;
    return 0;
}

/* To the disk, with a file that has no name. A folder that takes no file is the plan's to complain
 * about. */
static double bytes_written_per_second(const char *folder, pclean_err *err) {
    enum { BYTES = 16 << 20 };
    char *zeros = NULL, *name = NULL;
    int fd = -1;
    double seconds = 0;
    if (PCL_ZNEW(&zeros, BYTES, "block to write", err) == 0 &&
        pcl_spool_open(&(pcl_scratch){.folder = folder}, "a trial of its speed", BYTES, &fd, &name,
                       err) == 0) {
        const double start = pcl_now();
        if (pcl_bulk_pwrite(fd, name, zeros, BYTES, 0, err) == 0 && fdatasync(fd) == 0)
            seconds = pcl_now() - start;
        close(fd);
    }
    pcl_free(name);
    pcl_free(zeros);
    return seconds > 0 ? BYTES / seconds : 0;
}

static int try(trial *t, pcl_timing *out, pclean_err *err) {
    double all = 0, sampled = 0, stored = 0;
    shrink_config(t);
    int rc = pcl_setup_open(&t->config, &t->setup, err);
    if (rc)
        return rc;
    t->setup.sample_rows = rows_to_sample(&t->setup);
    for (size_t i = 0; i < t->setup.source->nms; i++) {
        all += (double)t->setup.source->info[i]->nrow;
        sampled += fmin((double)t->setup.source->info[i]->nrow, (double)t->setup.sample_rows);
    }
    const double start = pcl_now();
    if ((rc = pcl_setup_read(&t->setup, NULL, NULL, &t->vis, err)))
        return rc;
    out->read_s = (pcl_now() - start) * all / sampled;
    for (size_t k = 0; k < t->vis.nblock; k++)
        stored += (double)t->vis.block[k].nrow;
    shrink_uv(t);
    rc = pcl_target_init(&t->target, &t->setup, &t->vis, NULL, err);
    return rc ? rc : time_planes(t, fmin(1, stored / sampled), out, err);
}

int pcl_timing_measure(const pcl_setup *setup, size_t nthread, pcl_timing *out, pclean_err *err) {
    const double start = pcl_now();
    const int threads = omp_get_max_threads();
    trial t = {.run = setup};
    *out = (pcl_timing){0};
    omp_set_num_threads((int)nthread);
    int rc = try(&t, out, err);
    omp_set_num_threads(threads);
    pcl_target_clear(&t.target);
    pcl_store_clear(&t.vis);
    pcl_setup_close(&t.setup);
    if (rc)
        return rc;
    char folder[4096];
    pcl_resources_product_folder(setup->config, folder, sizeof folder);
    const double rate = bytes_written_per_second(folder, NULL);
    out->write_s = rate > 0 ? (double)pcl_products_bytes(setup) / rate : 0;
    out->seconds = pcl_now() - start;
    return 0;
}
