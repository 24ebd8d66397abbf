#include "run/budget.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "config/value.h"
#include "data/sampler.h"
#include "imager/target.h"
#include "run/history.h"
#include "run/products.h"
#include "run/usermask.h"

static const uint64_t MIB = 1024 * 1024;

/* Measured (glibc 2.36, casacore 3.5): what libraries write before the first row is read,
 * casacore's index of the rows, and what a forked worker touches of its own. */
enum { BASE_MIB = 9, INDEX_BYTES_PER_ROW = 40, WORKER_MIB = 1 };

/* ---- what is read ---- */

typedef struct data_size {
    size_t nrow, most_per_row;
    size_t nid;            /* most_per_row of each row, summed */
    size_t touched;        /* samples of a batch that are written: of the rows that go into one */
    double nvis_per_plane; /* about: what the gridder's kernel is chosen with */
    uint64_t ms_bytes;     /* visibilities, flags and weights of the selected rows
                            * and channels */
} data_size;

/* Samples of a row of a window for the middle channel, and room for the most there can be. */
static int samples_per_row(const pcl_setup *s, const pcl_window *w, size_t *likely, size_t *most,
                           pclean_err *err) {
    const pcl_row_channels row = pcl_window_channels(w);
    pcl_channel_sample *sample = NULL;
    *likely = *most = row.n ? pcl_channels_max_samples(&s->channels, &row) : 0;
    if (s->channels.mfs || row.n == 0)
        return 0;
    int rc = PCL_NEW(&sample, *most, "channel list", err);
    if (!rc)
        *likely =
            pcl_channels_samples(&s->channels, s->channels.nchan / 2, &row, w->doppler0, sample);
    pcl_free(sample);
    return rc;
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Without MeasurementSets: full batches, a million samples for a plane, nothing stored. */
static data_size assume_data(void) {
    return (data_size){
        .most_per_row = 1, .nid = 1000000, .touched = pcl_sampler_batch(1), .nvis_per_plane = 1e6};
}

static int measure_data(const pcl_setup *s, data_size *out, pclean_err *err) {
    *out = (data_size){0};
    for (size_t k = 0; k < s->source->nwindow; k++) {
        const pcl_window *w = &s->source->window[k];
        const casa_ms_dd *dd = w->dd;
        size_t likely, most;
        int rc = samples_per_row(s, w, &likely, &most, err);
        if (rc)
            return rc;
        const size_t batch = most ? least(dd->nrow, pcl_sampler_batch(most) / most) * likely : 0;
        out->touched = batch > out->touched ? batch : out->touched;
        out->most_per_row = most > out->most_per_row ? most : out->most_per_row;
        out->nid += most * dd->nrow;
        out->nrow += dd->nrow;
        out->ms_bytes += (uint64_t)dd->nrow * (dd->nchansel * dd->ncorr * 13 + 64);
    }
    out->nvis_per_plane = s->samples_per_plane;
    return 0;
}

static void count_reading(const pcl_setup *s, const data_size *data, pcl_memory_sizes *out) {
    pcl_fill_request request = pcl_setup_request(s);
    request.sample_rows = 0;
    pcl_fill_plan(s->source, &request, &out->store, &out->reading);
    if (out->reading > data->ms_bytes) /* a small MS fits into less than one step */
        out->reading = data->ms_bytes;
    out->base += INDEX_BYTES_PER_ROW * (uint64_t)data->nrow;
}

/* ---- what a worker holds ---- */

static uint64_t stack_bytes(void) {
    pthread_attr_t attr;
    size_t bytes = 0;
    if (pthread_getattr_default_np(&attr) == 0) {
        (void)pthread_attr_getstacksize(&attr, &bytes);
        pthread_attr_destroy(&attr);
    }
    return bytes;
}

/* Full batches are allocated, and written as far as there are samples. */
static int count_worker(const pcl_setup *s, const data_size *data, pcl_budget *b, pclean_err *err) {
    const pcl_target_options options = {.user_mask = pcl_usermask_is_wanted(s->config)};
    pcl_target_samples samples = {.per_plane = data->nvis_per_plane,
                                  .nbatch = data->touched,
                                  .nid = data->nid,
                                  .wmax_lambda = s->params.gridder->corrects_w ? 1 : 0};
    pcl_target_bytes written, all;
    int rc = pcl_target_count(s, &samples, &options, b->nthread, &written, err);
    samples.nbatch = pcl_sampler_batch(data->most_per_row);
    if (rc || (rc = pcl_target_count(s, &samples, &options, b->nthread, &all, err)))
        return rc;
    b->grids = written.grids + written.sums;
    b->planes = written.planes + written.masks + pcl_products_work_bytes(s);
    b->density = written.density;
    b->batches = written.batch + written.gridder;
    b->predicted = written.predicted;
    b->sizes.worker = pcl_target_bytes_held(&written) + pcl_products_work_bytes(s);
    b->sizes.reserved = pcl_target_bytes_held(&all) - pcl_target_bytes_held(&written) +
                        (b->nthread - 1) * stack_bytes();
    b->sizes.stage[PCL_MEMORY_FFT] = written.fft;
    b->sizes.stage[PCL_MEMORY_MINOR] = written.minor;
    b->sizes.stage[PCL_MEMORY_RESTORE] = written.restore;
    return 0;
}

/* ---- the whole ---- */

static int find_run_limit(const pclean_config *c, const pcl_sysinfo *limits, pcl_budget *b,
                          pclean_err *err) {
    b->limit_bytes = limits->memory_bytes;
    snprintf(b->limit_from, sizeof b->limit_from, "%s", limits->memory_from);
    if (!*c->memory)
        return 0;
    double bytes;
    int rc = pcl_quantity_parse_as(c->memory, PCL_DIM_BYTES, NULL, &bytes, err);
    if (rc) {
        pcl_err_prefix(err, "memory: ");
        return rc;
    }
    b->over = bytes > (double)limits->memory_bytes;
    b->limit_bytes = bytes < 1e18 ? (uint64_t)bytes : (uint64_t)1e18;
    snprintf(b->limit_from, sizeof b->limit_from, "memory=%.100s", c->memory);
    return 0;
}

static int find_worker_limit(const pclean_config *c, pcl_budget *b, pclean_err *err) {
    double bytes, part;
    if (!pcl_parse_memory_limit(c->memory_limit, &bytes, &part))
        return PCL_FAIL(err, PCLEAN_EPARAM, "memory_limit=%.60s is no size", c->memory_limit);
    b->worker = (pcl_memory_limit){UINT64_MAX, "memory_limit"};
    if (part > 0 && b->limit_bytes < UINT64_MAX)
        bytes = part * (double)b->limit_bytes;
    if (bytes > 0 && bytes < 1e18)
        b->worker.bytes = (uint64_t)bytes;
    return 0;
}

static int find_limits(const pclean_config *c, const pcl_sysinfo *limits, pcl_budget *b,
                       pclean_err *err) {
    b->process = (pcl_memory_limit){limits->process_bytes, limits->process_from};
    int rc = find_run_limit(c, limits, b, err);
    return rc ? rc : find_worker_limit(c, b, err);
}

int pcl_budget_count(const pcl_setup *s, size_t nthread, pcl_budget *b, pclean_err *err) {
    *b = (pcl_budget){.nthread = nthread ? nthread : 1,
                      .sizes = {.base = BASE_MIB * MIB, .per_worker_base = WORKER_MIB * MIB}};
    data_size data = assume_data();
    int rc;
    if ((s->source && (rc = measure_data(s, &data, err))) || (rc = count_worker(s, &data, b, err)))
        return rc;
    if (s->source)
        count_reading(s, &data, &b->sizes);
    if (s->source && s->config->niter > 0)
        b->sizes.base += pcl_history_bytes(s->desc.nchan * s->desc.npol);
    b->nvis_per_plane = data.nvis_per_plane;
    return 0;
}

int pcl_budget_make(const pcl_setup *s, const pcl_sysinfo *limits, size_t wanted, size_t nthread,
                    enum pcl_memory_file file, pcl_budget *b, pclean_err *err) {
    int rc;
    if ((rc = pcl_budget_count(s, nthread, b, err)) ||
        (rc = find_limits(s->config, limits, b, err)))
        return rc;
    const pcl_memory_limits all = {
        .run = {b->limit_bytes, b->limit_from}, .worker = b->worker, .process = b->process};
    return pcl_memory_plan_make(&b->sizes, &all, wanted, file, &b->plan, err);
}

uint64_t pcl_budget_of_rows(const pcl_budget *b, double fraction) {
    const uint64_t index = b->sizes.base - BASE_MIB * MIB,
                   rows = index + (b->plan.store_in_file ? 0 : b->sizes.store);
    return b->plan.bytes - (uint64_t)((1 - fraction) * (double)rows);
}

static const char *text_of(uint64_t bytes, char *buf, size_t size) {
    pcl_format_si(buf, size, (double)bytes, PCL_DIM_BYTES);
    return buf;
}

static void log_limit(const char *what, uint64_t bytes, const pcl_memory_limit *limit) {
    char t[2][40];
    if (limit->bytes < UINT64_MAX)
        pcl_log(PCL_LOG_INFO, "memory: %s %s of %s (%s)", what, text_of(bytes, t[0], sizeof t[0]),
                text_of(limit->bytes, t[1], sizeof t[1]), limit->from);
}

void pcl_budget_log(const pcl_budget *b) {
    char t[6][40];
    const size_t z = sizeof t[0];
    const pcl_memory_plan *p = &b->plan;
    if (b->over)
        pcl_log(PCL_LOG_WARNING, "%s is more than there is now", b->limit_from);
    pcl_log(PCL_LOG_INFO, "memory: %s planned of %s (%s); visibilities %s %s",
            text_of(p->bytes, t[0], z),
            b->limit_bytes == UINT64_MAX ? "any" : text_of(b->limit_bytes, t[1], z), b->limit_from,
            text_of(b->sizes.store, t[2], z), p->store_in_file ? "in a scratch file" : "in memory");
    pcl_log(
        PCL_LOG_INFO, "memory: a worker %s: uv grids %s, planes %s, density %s, batches %s, %s %s",
        text_of(p->each_bytes, t[0], z), text_of(b->grids, t[1], z), text_of(b->planes, t[2], z),
        text_of(b->density, t[3], z), text_of(b->batches + b->predicted, t[4], z),
        pcl_memory_stage_name(p->stage), text_of(b->sizes.stage[p->stage], t[5], z));
    log_limit("a worker with what it shares", p->worker_bytes, &b->worker);
    log_limit("a process with all it reserves", p->process_bytes, &b->process);
}
