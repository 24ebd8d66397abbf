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

static uint64_t most(uint64_t a, uint64_t b) { return a > b ? a : b; }

static uint64_t shared_bytes(const pcl_memory_sizes *s, bool in_file) { return s->base + (in_file ? 0 : s->store); }

uint64_t pcl_memory_worker_bytes(const pcl_memory_sizes *s) { return s->worker + s->stage[pcl_memory_largest_stage(s)] + s->per_worker_base; }

/* One worker works in the calling process. */
uint64_t pcl_memory_bytes(const pcl_memory_sizes *s, size_t n, bool in_file) {
    uint64_t working = pcl_memory_worker_bytes(s), all;
    if (n <= 1)
        working -= s->per_worker_base;
    else if (__builtin_mul_overflow(working, n, &working))
        return UINT64_MAX;
    return __builtin_add_overflow(shared_bytes(s, in_file), most(s->reading, working), &all) ? UINT64_MAX : all;
}

/* The same of the process that has most. */
static uint64_t bytes_of_process(const pcl_memory_sizes *s, bool in_file) {
    return pcl_memory_bytes(s, 1, in_file) + (in_file ? s->store : 0); /* mappings count for ulimit -v */
}

size_t pcl_memory_workers_that_fit(const pcl_memory_sizes *s, uint64_t limit, size_t wanted, bool in_file) {
    if (wanted == 0 || pcl_memory_bytes(s, 1, in_file) > limit)
        return 0;
    const uint64_t n = (limit - shared_bytes(s, in_file)) / most(pcl_memory_worker_bytes(s), 1);
    return n < 1 ? 1 : n < wanted ? n : wanted;
}

static int refuse(const pcl_memory_sizes *s, uint64_t limit, bool in_file, bool of_process, pclean_err *err) {
    char need[40], have[40], store[40], part[80] = "";
    const uint64_t bytes = of_process ? bytes_of_process(s, in_file) : pcl_memory_bytes(s, 1, in_file);
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
    size_t in_memory = can_use_memory && bytes_of_process(s, false) <= process_bytes ? pcl_memory_workers_that_fit(s, limit, wanted, false) : 0;
    size_t in_file = can_use_file && bytes_of_process(s, true) <= process_bytes ? pcl_memory_workers_that_fit(s, limit, wanted, true) : 0;
    if (in_memory == 0 && in_file == 0) { /* the last tenth, then */
        const bool fits_process = bytes_of_process(s, can_use_file) <= process_bytes || bytes_of_process(s, false) <= process_bytes;
        if (!fits_process)
            return refuse(s, process_bytes, can_use_file, true, err);
        if (pcl_memory_bytes(s, 1, can_use_file) > memory_bytes)
            return refuse(s, memory_bytes, can_use_file, false, err);
        in_file = can_use_file;
        in_memory = !can_use_file;
    }
    out->store_in_file = in_file > in_memory;
    out->nworkers = out->store_in_file ? in_file : in_memory;
    out->bytes = pcl_memory_bytes(s, out->nworkers, out->store_in_file);
    out->mapped_bytes = out->store_in_file ? s->store : 0;
    out->stage = pcl_memory_largest_stage(s);
    out->each_bytes = pcl_memory_worker_bytes(s);
    return 0;
}
