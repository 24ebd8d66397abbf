#include "plan/memory.h"

#include <math.h>
#include <stdio.h>
#include <strings.h>

#include "base/quantity.h"
#include "base/sysinfo.h"
#include "pclean/memory.h"

/* ---------------------------------------------------------------------------------------------- workers that run CASA */

static const double GIB = 1024.0 * 1024.0 * 1024.0;

void pclean_memory_task_init(pclean_memory_task *t) {
    *t = (pclean_memory_task){.nx = 4096, .ny = 4096, .nchan_per_task = 1, .gridder = "standard", .deconvolver = "hogbom",
                              .nterms = 1, .nfields = 1};
}

static double gridder_factor(const pclean_memory_task *t) {
    static const struct { const char *name; double factor; } table[] = {
        {"standard", 1.0}, {"wproject", 1.2}, {"widefield", 1.3}, {"mosaic", 2.0}, {"awproject", 2.5}};
    double factor = 1;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcasecmp(t->gridder, table[i].name) == 0)
            factor = table[i].factor;
    if (strcasecmp(t->gridder, "mosaic") == 0 && t->nfields > 1)
        factor *= 1 + 0.1 * (sqrt((double)t->nfields) - 1);
    return factor;
}

double pclean_memory_estimate_worker_gib(const pclean_memory_task *t) {
    double bytes = (double)t->nx * (double)t->ny * (double)t->nchan_per_task * PCLEAN_MEMORY_BYTES_PER_PIXEL_STANDARD;
    bytes *= gridder_factor(t);
    if (strcasecmp(t->deconvolver, "mtmfs") == 0)
        bytes *= (double)t->nterms * (double)t->nterms;
    return PCLEAN_MEMORY_WORKER_BASE_OVERHEAD_GIB + bytes / GIB;
}

double pclean_memory_estimate_peak_gib(size_t nworkers, const pclean_memory_task *t) {
    return (double)nworkers * pclean_memory_estimate_worker_gib(t) + PCLEAN_MEMORY_COORDINATOR_OVERHEAD_GIB;
}

size_t pclean_memory_recommend_nworkers(double available_gib, const pclean_memory_task *t, double safety_factor) {
    if (!(available_gib > 0))
        available_gib = pclean_memory_available_gib(NULL);
    if (!(safety_factor > 0))
        safety_factor = PCLEAN_MEMORY_SAFETY_FACTOR;
    const double n =
        floor((available_gib * safety_factor - PCLEAN_MEMORY_COORDINATOR_OVERHEAD_GIB) / pclean_memory_estimate_worker_gib(t));
    return n > 1 ? (size_t)n : 1;
}

double pclean_memory_available_gib(const char **from) {
    static _Thread_local pcl_sysinfo s;
    pcl_sysinfo_read("", &s);
    if (from)
        *from = s.memory_from;
    return (double)s.memory_bytes / GIB;
}

/* ------------------------------------------------------------------------------------------------- our own engine */

const char *pcl_memory_stage_name(enum pcl_memory_stage stage) {
    static const char *const name[] = {
#define X(symbol, text) text,
        PCL_MEMORY_STAGE_LIST(X)
#undef X
    };
    return name[stage];
}

static enum pcl_memory_stage largest_stage(const pcl_memory_sizes *s) {
    enum pcl_memory_stage most = 0;
    for (enum pcl_memory_stage k = 1; k < PCL_NMEMORY_STAGE; k++)
        if (s->stage[k] > s->stage[most])
            most = k;
    return most;
}

static uint64_t most(uint64_t a, uint64_t b) { return a > b ? a : b; }

/* Anonymous memory of n workers; one works in the calling process. */
static uint64_t bytes_of(const pcl_memory_sizes *s, size_t n, bool in_file) {
    const uint64_t shared = s->base + (in_file ? 0 : s->store);
    const uint64_t one = s->worker + s->stage[largest_stage(s)];
    const uint64_t working = n > 1 ? n * (one + s->per_worker_base) : one;
    return shared + most(s->reading, working);
}

/* The same of the process that has most. */
static uint64_t bytes_of_process(const pcl_memory_sizes *s, bool in_file) {
    return bytes_of(s, 1, in_file) + (in_file ? s->store : 0); /* mappings count for ulimit -v */
}

static size_t workers_that_fit(const pcl_memory_sizes *s, uint64_t limit, size_t wanted, bool in_file) {
    size_t n = 0;
    while (n < wanted && bytes_of(s, n + 1, in_file) <= limit)
        n++;
    return n;
}

static int refuse(const pcl_memory_sizes *s, uint64_t limit, bool in_file, bool of_process, pclean_err *err) {
    char need[40], have[40], store[40], part[80] = "";
    const uint64_t bytes = of_process ? bytes_of_process(s, in_file) : bytes_of(s, 1, in_file);
    pcl_format_si(need, sizeof need, (double)bytes, PCL_DIM_BYTES);
    pcl_format_si(have, sizeof have, (double)limit, PCL_DIM_BYTES);
    pcl_format_si(store, sizeof store, (double)s->store, PCL_DIM_BYTES);
    if (!in_file || of_process)
        snprintf(part, sizeof part, ", of which the visibilities %s,", store);
    return PCL_FAIL(err, PCLEAN_ENOMEM,
                    "one image plane needs %s of memory%s and there are %s; take a smaller imsize, fewer threads, or a machine or job with more memory",
                    need, part, have);
}

int pcl_memory_plan_make(const pcl_memory_sizes *s, uint64_t memory_bytes, uint64_t process_bytes, size_t wanted,
                         enum pcl_memory_file file, pcl_memory_plan *out, pclean_err *err) {
    *out = (pcl_memory_plan){0};
    wanted = wanted ? wanted : 1;
    const uint64_t limit = memory_bytes / 10 * 9;
    const bool can_use_file = file != PCL_MEMORY_FILE_NEVER, can_use_memory = file != PCL_MEMORY_FILE_ALWAYS;
    size_t in_memory = can_use_memory && bytes_of_process(s, false) <= process_bytes ? workers_that_fit(s, limit, wanted, false) : 0;
    size_t in_file = can_use_file && bytes_of_process(s, true) <= process_bytes ? workers_that_fit(s, limit, wanted, true) : 0;
    if (in_memory == 0 && in_file == 0) { /* the last tenth, then */
        const bool fits_process = bytes_of_process(s, can_use_file) <= process_bytes || bytes_of_process(s, false) <= process_bytes;
        if (!fits_process)
            return refuse(s, process_bytes, can_use_file, true, err);
        if (bytes_of(s, 1, can_use_file) > memory_bytes)
            return refuse(s, memory_bytes, can_use_file, false, err);
        in_file = can_use_file;
        in_memory = !can_use_file;
    }
    out->store_in_file = in_file > in_memory;
    out->nworkers = out->store_in_file ? in_file : in_memory;
    out->bytes = bytes_of(s, out->nworkers, out->store_in_file);
    out->mapped_bytes = out->store_in_file ? s->store : 0;
    out->stage = largest_stage(s);
    out->each_bytes = s->worker + s->stage[out->stage] + s->per_worker_base;
    return 0;
}
