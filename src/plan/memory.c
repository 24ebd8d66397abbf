#include "plan/memory.h"

#include <stdio.h>

#include "base/quantity.h"

const char *pcl_memory_stage_name(enum pcl_memory_stage stage) {
    static const char *const name[] = {
#define X(symbol, text) text,
        PCL_MEMORY_STAGE_LIST(X)
#undef X
    };
    return name[stage];
}

enum pcl_memory_stage pcl_memory_largest_stage(const pcl_memory_sizes *s) {
    enum pcl_memory_stage most = 0;
    for (enum pcl_memory_stage k = 1; k < PCL_NMEMORY_STAGE; k++)
        if (s->stage[k] > s->stage[most])
            most = k;
    return most;
}

static uint64_t most(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static uint64_t shared_bytes(const pcl_memory_sizes *s, bool in_file) {
    return s->base + (in_file ? 0 : s->store);
}

uint64_t pcl_memory_worker_bytes(const pcl_memory_sizes *s) {
    return s->worker + s->stage[pcl_memory_largest_stage(s)] + s->per_worker_base;
}

/* One worker works in the calling process. */
uint64_t pcl_memory_bytes(const pcl_memory_sizes *s, size_t n, bool in_file) {
    uint64_t working = pcl_memory_worker_bytes(s), all;
    if (n <= 1)
        working -= s->per_worker_base;
    else if (__builtin_mul_overflow(working, n, &working))
        return UINT64_MAX;
    return __builtin_add_overflow(shared_bytes(s, in_file), most(s->reading, working), &all)
               ? UINT64_MAX
               : all;
}

/* One worker, with what it shares. */
static uint64_t bytes_of_worker(const pcl_memory_sizes *s, bool in_file) {
    return pcl_memory_bytes(s, 1, in_file) + s->per_worker_base;
}

/* The visibilities count in either place: as memory, or as a mapping. */
static uint64_t bytes_of_process(const pcl_memory_sizes *s) {
    return bytes_of_worker(s, false) + s->reserved;
}

size_t pcl_memory_workers_that_fit(const pcl_memory_sizes *s, uint64_t limit, size_t wanted,
                                   bool in_file) {
    if (wanted == 0 || pcl_memory_bytes(s, 1, in_file) > limit)
        return 0;
    const uint64_t n = (limit - shared_bytes(s, in_file)) / most(pcl_memory_worker_bytes(s), 1);
    const size_t fit = n < wanted ? n : wanted;
    return fit > 1 ? fit : 1;
}

static size_t workers_within(const pcl_memory_sizes *s, const pcl_memory_limits *limits,
                             size_t wanted, bool in_file) {
    if (bytes_of_process(s) > limits->process.bytes ||
        bytes_of_worker(s, in_file) > limits->worker.bytes)
        return 0;
    return pcl_memory_workers_that_fit(s, limits->run.bytes / 10 * 9, wanted, in_file);
}

/* -PCLEAN_ENOMEM when `bytes`, of which the visibilities `store`, are more than the limit. */
static int check(uint64_t bytes, uint64_t store, const pcl_memory_limit *limit, pclean_err *err) {
    char need[40], have[40], visibilities[40], part[80] = "";
    if (bytes <= limit->bytes)
        return 0;
    pcl_format_si(need, sizeof need, (double)bytes, PCL_DIM_BYTES);
    pcl_format_si(have, sizeof have, (double)limit->bytes, PCL_DIM_BYTES);
    pcl_format_si(visibilities, sizeof visibilities, (double)store, PCL_DIM_BYTES);
    if (store)
        snprintf(part, sizeof part, ", of which the visibilities %s,", visibilities);
    return PCL_FAIL(err, PCLEAN_ENOMEM,
                    "one image plane needs %s of memory%s and there are %s (%s); take a smaller "
                    "imsize, fewer threads, or a machine or job with more memory",
                    need, part, have, limit->from);
}

static int check_one(const pcl_memory_sizes *s, const pcl_memory_limits *limits, bool in_file,
                     pclean_err *err) {
    const uint64_t store = in_file ? 0 : s->store;
    int rc = check(bytes_of_process(s), s->store, &limits->process, err);
    if (!rc)
        rc = check(bytes_of_worker(s, in_file), store, &limits->worker, err);
    return rc ? rc : check(pcl_memory_bytes(s, 1, in_file), store, &limits->run, err);
}

int pcl_memory_plan_make(const pcl_memory_sizes *s, const pcl_memory_limits *limits, size_t wanted,
                         enum pcl_memory_file file, pcl_memory_plan *out, pclean_err *err) {
    *out = (pcl_memory_plan){0};
    wanted = wanted ? wanted : 1;
    const bool can_use_file = file != PCL_MEMORY_FILE_NEVER,
               can_use_memory = file != PCL_MEMORY_FILE_ALWAYS;
    size_t in_memory = can_use_memory ? workers_within(s, limits, wanted, false) : 0;
    size_t in_file = can_use_file ? workers_within(s, limits, wanted, true) : 0;
    if (in_memory == 0 && in_file == 0) { /* the last tenth, then */
        int rc = check_one(s, limits, can_use_file, err);
        if (rc)
            return rc;
        in_file = can_use_file;
        in_memory = !can_use_file;
    }
    out->store_in_file = in_file > in_memory;
    out->nworkers = out->store_in_file ? in_file : in_memory;
    out->bytes = pcl_memory_bytes(s, out->nworkers, out->store_in_file);
    out->mapped_bytes = out->store_in_file ? s->store : 0;
    out->stage = pcl_memory_largest_stage(s);
    out->each_bytes = pcl_memory_worker_bytes(s);
    out->worker_bytes = bytes_of_worker(s, out->store_in_file);
    out->process_bytes = bytes_of_process(s);
    return 0;
}
