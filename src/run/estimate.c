/* estimate.c: pclean/memory.h, the two memory models behind one interface. */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "base/sized.h"
#include "base/sysinfo.h"
#include "casa/casa.h"
#include "config/config.h"
#include "config/options.h"
#include "pclean/memory.h"
#include "plan/casa_memory.h"
#include "run/budget.h"

static const double GIB = 1024.0 * 1024.0 * 1024.0;

/* A request whose gaps are filled from its config, and what the model says about it. */
typedef struct model {
    pcl_casa_task task;
    char gridder[32], deconvolver[32];
    double worker_gib;
    pcl_budget budget; /* native */
    bool only_file;    /* native: the user wants the visibilities in a scratch file */
} model;

static const pclean_memory_request defaults = {.size = sizeof defaults,
                                               .model = PCLEAN_MEMORY_CASA,
                                               .imsize = {4096},
                                               .nimsize = 1,
                                               .nchan_per_task = 1,
                                               .gridder = "standard",
                                               .deconvolver = "hogbom",
                                               .nterms = 1,
                                               .nfields = 1,
                                               .ram_safety_factor = PCLEAN_RAM_SAFETY_FACTOR};

void pclean_memory_request_init(pclean_memory_request *request, size_t size) {
    pcl_sized_init(request, size, &defaults, sizeof defaults);
}

void pclean_memory_estimate_free(pclean_memory_estimate *estimate) {
    pcl_free(estimate);
}

/* ---- the request ---- */

/* A choice in the config's words, or the request's word. */
static int find_word(const pclean_config *c, const char *name, const char *given, char *buf,
                     size_t size, pclean_err *err) {
    const struct pcl_option *o = pcl_option_find(name);
    if (given)
        snprintf(buf, size, "%s", given);
    else if (!c)
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "%s is not given, and there is no configuration to take it from", name);
    else if (!pcl_words_at(o->choices, (size_t) * (const int *)pcl_option_const_field(o, c), buf,
                           size))
        return PCL_FAIL(err, PCLEAN_EPARAM, "%s: not one of %s", name, o->choices);
    return 0;
}

static int resolve(const pclean_memory_request *q, model *m, pclean_err *err) {
    *m = (model){.task = {.nchan = q->nchan_per_task, .nterms = q->nterms, .nfields = q->nfields}};
    if (q->nimsize > 2 || (q->nimsize == 0 && !q->config))
        return PCL_FAIL(err, PCLEAN_EPARAM, "imsize has %zu values: give one or two", q->nimsize);
    if (q->nimsize > 0) {
        m->task.nx = q->imsize[0];
        m->task.ny = q->imsize[q->nimsize - 1];
    } else {
        m->task.nx = q->config->imsize[0];
        m->task.ny = q->config->imsize[1];
    }
    m->task.gridder = m->gridder;
    m->task.deconvolver = m->deconvolver;
    int rc = find_word(q->config, "gridder", q->gridder, m->gridder, sizeof m->gridder, err);
    return rc ? rc
              : find_word(q->config, "deconvolver", q->deconvolver, m->deconvolver,
                          sizeof m->deconvolver, err);
}

/* ---- our own engine ---- */

/* What is counted when nothing is known of a run: that it cleans, with a density. */
static int usual_config(pclean_config *c, pclean_err *err) {
    int rc = pclean_config_set(c, "niter", "1000", err);
    return rc ? rc : pclean_config_set(c, "weighting", "briggs", err);
}

/* A setup without data. */
static int assume_setup(const pclean_config *c, pcl_setup *setup, pclean_err *err) {
    int rc = pcl_params_resolve(c, &setup->params, err);
    if (!rc)
        rc = pcl_stokes_parse(c->stokes, &setup->stokes, err);
    setup->desc.npol = setup->stokes.npol;
    return rc;
}

static int count_run(const pclean_config *c, model *m, pclean_err *err) {
    pcl_setup setup = {.config = c, .desc = {.nx = (size_t)m->task.nx, .ny = (size_t)m->task.ny}};
    const bool has_data = c->vis.n > 0;
    m->only_file = *c->scratch != '\0';
    int rc = has_data ? pcl_setup_open(c, &setup, err) : assume_setup(c, &setup, err);
    if (!rc) {
        rc = pcl_budget_count(&setup, (size_t)(c->threads > 0 ? c->threads : 1), &m->budget, err);
        if (has_data)
            pcl_setup_close(&setup);
    }
    casa_end();
    return rc;
}

/* A config that need not name its data and products, but whose numbers must be in order. */
static int check_config(const pclean_config *c, pclean_err *err) {
    char unnamed[] = "unnamed", *vis[] = {unnamed};
    pclean_config complete = *c;
    if (!*c->imagename)
        complete.imagename = unnamed;
    if (c->vis.n == 0)
        complete.vis = (pclean_strlist){.n = 1, .item = vis};
    return pclean_config_validate(&complete, err);
}

static int native_model(const pclean_memory_request *q, model *m, pclean_err *err) {
    pclean_config own = {0};
    double unused; /* the numbers are checked in one place */
    int rc = pcl_casa_memory_worker_gib(&m->task, &unused, err);
    if (!rc &&
        (m->task.nx > INT_MAX || m->task.ny > INT_MAX || m->task.nx > UINT32_MAX / m->task.ny))
        rc = PCL_FAIL(err, PCLEAN_EPARAM,
                      "imsize=%" PRId64 ",%" PRId64
                      ": the uv grid would have more than 2^32 cells; make it smaller",
                      m->task.nx, m->task.ny);
    if (rc || (rc = pcl_config_init(&own, err)) ||
        (rc = pclean_config_set(&own, "gridder", m->gridder, err)) ||
        (rc = pclean_config_set(&own, "deconvolver", m->deconvolver, err)) ||
        (!q->config && (rc = usual_config(&own, err))) || (rc = pclean_config_served(&own, err)))
        goto done;
    pclean_config run = q->config ? *q->config : own; /* borrows its texts */
    run.gridder = own.gridder;
    run.deconvolver = own.deconvolver;
    run.imsize[0] = (int)m->task.nx;
    run.imsize[1] = (int)m->task.ny;
    if (!(rc = check_config(&run, err)) && !(rc = count_run(&run, m, err)))
        m->worker_gib = (double)pcl_memory_worker_bytes(&m->budget.sizes) / GIB;
done:
    pcl_config_clear(&own);
    return rc;
}

static int make_model(const pclean_memory_request *q, model *m, pclean_err *err) {
    int rc = resolve(q, m, err);
    if (rc)
        return rc;
    if (q->model == PCLEAN_MEMORY_NATIVE)
        return native_model(q, m, err);
    if (q->model != PCLEAN_MEMORY_CASA)
        return PCL_FAIL(err, PCLEAN_EPARAM, "there is no memory model %d", q->model);
    return pcl_casa_memory_worker_gib(&m->task, &m->worker_gib, err);
}

/* ---- peak and workers ---- */

static int check_ram(double gib, pclean_err *err) {
    return gib >= 0 && gib <= 1e12
               ? 0
               : PCL_FAIL(err, PCLEAN_EPARAM,
                          "available RAM of %g GiB: give a number from 0 to 1e12", gib);
}

static int check_factor(double factor, pclean_err *err) {
    return factor > 0 && factor <= 1
               ? 0
               : PCL_FAIL(err, PCLEAN_EPARAM, "ram_safety_factor=%g: above 0, at most 1", factor);
}

static size_t native_fit(const model *m, double usable_gib, bool in_file) {
    return pcl_memory_workers_that_fit(&m->budget.sizes, (uint64_t)(usable_gib * GIB), SIZE_MAX,
                                       in_file);
}

/* The visibilities go to a file where the user says so or the workers do not fit otherwise. */
static bool uses_file(const pclean_memory_request *q, const model *m, double usable_gib,
                      int64_t nworkers) {
    return q->model == PCLEAN_MEMORY_NATIVE &&
           (m->only_file ||
            nworkers > (int64_t)fmin((double)native_fit(m, usable_gib, false), 1e18));
}

static size_t recommend(const pclean_memory_request *q, const model *m, double usable_gib) {
    if (q->model == PCLEAN_MEMORY_NATIVE) {
        const size_t in_memory = m->only_file ? 0 : native_fit(m, usable_gib, false),
                     n = in_memory ? in_memory : native_fit(m, usable_gib, true);
        return n ? n : 1;
    }
    const double n = (usable_gib - PCLEAN_COORDINATOR_OVERHEAD_GIB) / m->worker_gib;
    return n > 1 ? (size_t)n : 1; /* at most 1e12 / 0.7 */
}

static int find_peak(const pclean_memory_request *q, const model *m, int64_t nworkers, bool in_file,
                     double *gib, pclean_err *err) {
    if (nworkers < 1)
        return PCL_FAIL(err, PCLEAN_EPARAM, "nworkers=%" PRId64 ": at least 1", nworkers);
    *gib = q->model == PCLEAN_MEMORY_CASA
               ? (double)nworkers * m->worker_gib + PCLEAN_COORDINATOR_OVERHEAD_GIB
               : (double)pcl_memory_bytes(&m->budget.sizes, (size_t)nworkers, in_file) / GIB;
    return 0;
}

/* ---- buffers ---- */

static void add_buffer(pclean_memory_estimate *e, const char *name, const char *dtype, bool once,
                       double bytes, double npixel) {
    if (!(bytes > 0) || e->nbuffer == sizeof e->buffer / sizeof *e->buffer)
        return;
    pclean_memory_buffer *b = &e->buffer[e->nbuffer++];
    *b = (pclean_memory_buffer){
        .once = once, .gib = bytes / GIB, .bytes_per_pixel = npixel > 0 ? bytes / npixel : 0};
    snprintf(b->name, sizeof b->name, "%s", name);
    snprintf(b->dtype, sizeof b->dtype, "%s", dtype);
}

static void list_casa_buffers(const model *m, pclean_memory_estimate *e) {
    const double npixel = (double)m->task.nx * (double)m->task.ny;
    const double images =
        (m->worker_gib - PCLEAN_WORKER_BASE_OVERHEAD_GIB) * GIB / PCLEAN_BYTES_PER_PIXEL_STANDARD;
#define X(name, dtype, bytes) add_buffer(e, name, dtype, false, (bytes)*images, npixel);
    PCL_CASA_BUFFER_LIST(X)
#undef X
    add_buffer(e, "Python and Dask", "mixed", false, PCLEAN_WORKER_BASE_OVERHEAD_GIB * GIB, 0);
    add_buffer(e, "coordinator", "mixed", true, PCLEAN_COORDINATOR_OVERHEAD_GIB * GIB, 0);
}

static void list_native_buffers(const model *m, bool in_file, pclean_memory_estimate *e) {
    const double npixel = (double)m->task.nx * (double)m->task.ny;
    const pcl_budget *b = &m->budget;
    add_buffer(e, "uv grids", "float32", false, (double)b->grids, npixel);
    add_buffer(e, "image planes and masks", "float32, bool", false, (double)b->planes, npixel);
    add_buffer(e, "weight density", "float32", false, (double)b->density, npixel);
    const enum pcl_memory_stage most = pcl_memory_largest_stage(&b->sizes);
    add_buffer(e, pcl_memory_stage_name(most), "mixed", false, (double)b->sizes.stage[most],
               npixel);
    add_buffer(e, "sample batches", "mixed", false, (double)b->batches, 0);
    add_buffer(e, "model visibilities", "complex64", false, (double)b->predicted, 0);
    add_buffer(e, "process", "mixed", false, (double)b->sizes.per_worker_base, 0);
    add_buffer(e, "libraries and row index", "mixed", true, (double)b->sizes.base, 0);
    add_buffer(e, in_file ? "visibilities (scratch file, not counted)" : "visibilities",
               "complex64, float32", true, (double)b->sizes.store, 0);
}

/* ---- interface ---- */

static int estimate(const pclean_memory_request *q, int64_t nworkers,
                    const double *available_ram_gib, pclean_memory_estimate *e, pclean_err *err) {
    *e = (pclean_memory_estimate){
        .available_from = "given", .model = q->model, .ram_safety_factor = q->ram_safety_factor};
    e->available_gib = available_ram_gib
                           ? *available_ram_gib
                           : pclean_available_ram_gib(e->available_from, sizeof e->available_from);
    model m;
    int rc;
    if ((rc = check_ram(e->available_gib, err)) || (rc = check_factor(q->ram_safety_factor, err)) ||
        (rc = make_model(q, &m, err)))
        return rc;
    e->worker_gib = m.worker_gib;
    const double usable = e->available_gib * q->ram_safety_factor;
    e->recommended_nworkers = recommend(q, &m, usable);
    if (nworkers == 0)
        nworkers = (int64_t)e->recommended_nworkers;
    const bool in_file = uses_file(q, &m, usable, nworkers);
    if ((rc = find_peak(q, &m, nworkers, in_file, &e->peak_gib, err)))
        return rc;
    e->nworkers = (size_t)nworkers;
    if (q->model == PCLEAN_MEMORY_CASA)
        list_casa_buffers(&m, e);
    else
        list_native_buffers(&m, in_file, e);
    return 0;
}

static int take(const pclean_memory_request *theirs, pclean_memory_request *q, pclean_err *err) {
    *q = defaults;
    return PCL_TAKE(pclean_memory_request, q, theirs, err);
}

int pclean_estimate_memory(const pclean_memory_request *request, int64_t nworkers,
                           const double *available_ram_gib, pclean_memory_estimate **out,
                           pclean_err *err) {
    PCL_REQUIRE(err, out);
    *out = NULL;
    PCL_REQUIRE(err, request);
    pclean_memory_request q;
    int rc = take(request, &q, err);
    if (rc || (rc = PCL_ZNEW(out, 1, "estimate", err)))
        return rc;
    if ((rc = estimate(&q, nworkers, available_ram_gib, *out, err))) {
        pcl_free(*out);
        *out = NULL;
    }
    return rc;
}

int pclean_estimate_worker_memory_gib(const pclean_memory_request *request, double *gib,
                                      pclean_err *err) {
    PCL_REQUIRE(err, request);
    PCL_REQUIRE(err, gib);
    pclean_memory_request q;
    model m;
    *gib = 0;
    int rc = take(request, &q, err);
    rc = rc ? rc : make_model(&q, &m, err);
    *gib = rc ? 0 : m.worker_gib;
    return rc;
}

int pclean_estimate_peak_ram_gib(int64_t nworkers, const pclean_memory_request *request,
                                 double *gib, pclean_err *err) {
    PCL_REQUIRE(err, request);
    PCL_REQUIRE(err, gib);
    pclean_memory_request q;
    model m;
    *gib = 0;
    int rc = take(request, &q, err);
    rc = rc ? rc : make_model(&q, &m, err);
    return rc ? rc : find_peak(&q, &m, nworkers, m.only_file, gib, err);
}

int pclean_recommend_nworkers(const double *available_ram_gib, const pclean_memory_request *request,
                              size_t *nworkers, pclean_err *err) {
    PCL_REQUIRE(err, request);
    PCL_REQUIRE(err, nworkers);
    pclean_memory_request q;
    pclean_memory_estimate e = {0};
    int rc = take(request, &q, err);
    rc = rc ? rc : estimate(&q, 0, available_ram_gib, &e, err);
    *nworkers = rc ? 0 : e.recommended_nworkers;
    return rc;
}

double pclean_available_ram_gib(char *from, size_t size) {
    pcl_sysinfo s;
    pcl_sysinfo_read("", &s);
    if (from)
        snprintf(from, size, "%s", s.capacity_from);
    return fmin((double)s.capacity_bytes / GIB, 1e12);
}

int pclean_parse_ram_gib(const char *text, double *gib, pclean_err *err) {
    PCL_REQUIRE(err, text);
    PCL_REQUIRE(err, gib);
    *gib = 0;
    double bytes;
    int rc = pcl_quantity_parse_as(text, PCL_DIM_BYTES, "GiB", &bytes, err);
    if (!rc && !(bytes > 0))
        rc = PCL_FAIL(err, PCLEAN_EPARAM, "\"%s\": memory above 0, such as 64GiB", text);
    *gib = rc ? 0 : bytes / GIB;
    return rc;
}
