/* budget.h: the memory plan of a run, made from the setup before anything large is allocated: what
 * each buffer will take, how many workers fit, and whether the visibilities stay in memory or go to
 * a scratch file.
 *
 * Bytes are of anonymous memory, which nothing can evict; pages of the scratch file are counted
 * apart. Each sum is made by a function beside the allocations (pcl_fill_plan, pcl_target_count,
 * pcl_products_work_bytes). The plan is held against what is measured in every run record
 * (tests/cli/memory_plan.sh: within 5 % or 16 MiB). */
#ifndef PCL_BUDGET_H
#define PCL_BUDGET_H
#include "base/err.h"
#include "base/sysinfo.h"
#include "imager/setup.h"
#include "plan/memory.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pcl_budget {
    uint64_t limit_bytes;             /* that the run may use */
    char limit_from[160];             /* parameter `memory`, or which limit of sysinfo.h */
    bool over;                        /* the parameter asks for more than there is */
    pcl_memory_limit worker, process; /* memory_limit, ulimit */
    size_t nthread;                   /* of each worker */
    pcl_memory_sizes sizes;
    pcl_memory_plan plan;
    double nvis_per_plane; /* counts flagged samples: with it the gridder's kernel, and so its
                            * size, is what was planned */

    /* What a worker holds, bytes; sizes.worker is the sum. */
    uint64_t grids, planes, density, batches, predicted;
} pcl_budget;

/* The sizes alone: limits and plan stay zero. A setup without a source (one with config, params,
 * stokes and desc.nx, .ny, .npol only) stands for data that are not known: a million samples for a
 * plane, and nothing in the store. */
int pcl_budget_count(const pcl_setup *s, size_t nthread, pcl_budget *out,
                     pclean_err *err) PCL_CHECK;

/* limits: its texts are borrowed by *out. wanted: workers that could have work (>= 1); nthread:
 * threads of each at most; file: may the visibilities be in a scratch file. -PCLEAN_ENOMEM: one
 * plane does not fit; the message says what is needed and what there is. */
int pcl_budget_make(const pcl_setup *s, const pcl_sysinfo *limits, size_t wanted, size_t nthread,
                    enum pcl_memory_file file, pcl_budget *out, pclean_err *err) PCL_CHECK;

/* The bytes of a plan when only this fraction of its rows is read. */
uint64_t pcl_budget_of_rows(const pcl_budget *b, double fraction);

/* A few lines in the log. */
void pcl_budget_log(const pcl_budget *b);

#endif
