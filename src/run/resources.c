#include "run/resources.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/hash.h"
#include "base/quantity.h"
#include "casa/casa.h"
#include "imager/target.h"

void pcl_resources_product_folder(const pclean_config *c, char *buf, size_t size) {
    const char *slash = strrchr(c->imagename, '/');
    if (!slash)
        snprintf(buf, size, ".");
    else
        snprintf(buf, size, "%.*s", slash == c->imagename ? 1 : (int)(slash - c->imagename),
                 c->imagename);
}

void pcl_resources_scratch_folder(const pclean_config *c, char *buf, size_t size) {
    if (*c->scratch)
        snprintf(buf, size, "%s", c->scratch);
    else
        pcl_resources_product_folder(c, buf, size);
}

void pcl_resources_scratch_prefix(const pclean_config *c, char *buf, size_t size) {
    char folder[4096];
    pcl_resources_product_folder(c, folder, sizeof folder);
    char *real = realpath(folder, NULL);
    const char *whole = real ? real : folder, *slash = strrchr(c->imagename, '/'),
               *base = slash ? slash + 1 : c->imagename;
    uint64_t hash = pcl_hash(PCL_HASH, whole, strlen(whole) + 1);
    hash = pcl_hash(hash, base, strlen(base));
    snprintf(buf, size, "pclean-%016llx", (unsigned long long)hash);
    free(real);
}

/* Measured: what casacore's process takes beyond an open MeasurementSet for the reading of rows:
 * two blocks of them, caches of tiles. */
enum { CASA_ROOM_MIB = 24 };

/* casacore's process has our limits for itself. */
static int check_casa_limit(int resource, uint64_t taken, const char *from, pclean_err *err) {
    const uint64_t need = taken + ((uint64_t)CASA_ROOM_MIB << 20);
    struct rlimit limit;
    char t[2][40];
    if (taken == 0 || getrlimit((__rlimit_resource_t)resource, &limit) != 0 ||
        limit.rlim_cur >= need)
        return 0;
    pcl_format_si(t[0], sizeof t[0], (double)need, PCL_DIM_BYTES);
    pcl_format_si(t[1], sizeof t[1], (double)limit.rlim_cur, PCL_DIM_BYTES);
    return PCL_FAIL(err, PCLEAN_ENOMEM,
                    "casacore's process needs %s to read the data and there are %s (%s); raise "
                    "that limit",
                    t[0], t[1], from);
}

static int check_casa(const pcl_setup *s, pclean_err *err) {
    casa_usage casa;
    if (!s->source)
        return 0;
    casa_get_usage(&casa);
    int rc = check_casa_limit(RLIMIT_AS, casa.address_bytes, "ulimit -v", err);
    return rc ? rc : check_casa_limit(RLIMIT_DATA, casa.data_bytes, "ulimit -d", err);
}

/* Fewer workers than cores have more threads each, which takes more memory: the plan is made again
 * until it holds. */
int pcl_resources_plan(const pcl_setup *s, pcl_resources *r, pclean_err *err) {
    const pclean_config *c = s->config;
    const size_t each = pcl_target_npol(s);
    int rc = check_casa(s, err);
    if (rc)
        return rc;
    pcl_sysinfo_read("", &r->limits);
    pcl_workers_request q = {.nworkers = c->nworkers,
                             .threads = c->threads,
                             .ncore = (size_t)r->limits.cores,
                             .nplane = s->desc.nchan * s->desc.npol / each,
                             .channels = each > 1,
                             .nmost = r->most_workers,
                             .nfit = SIZE_MAX};
    for (;;) {
        pcl_workers_choose(&q, &r->workers);
        const bool file = *c->scratch || (r->in_file && r->workers.nworker > 1);
        rc = pcl_budget_make(s, &r->limits, r->workers.nworker, r->workers.nthread,
                             file ? PCL_MEMORY_FILE_ALWAYS : PCL_MEMORY_FILE_IF_NEEDED, &r->budget,
                             err);
        if (rc)
            return rc;
        if (r->budget.plan.nworkers >= r->workers.nworker)
            return 0;
        q.nfit = r->budget.plan.nworkers;
    }
}
