#include "plan/casa_memory.h"

#include <inttypes.h>
#include <math.h>
#include <strings.h>

#include "pclean/memory.h"

static double gridder_factor(const pcl_casa_task *t) {
    static const struct {
        const char *name;
        double factor;
    } table[] = {{"standard", 1.0},
                 {"wproject", 1.2},
                 {"widefield", 1.3},
                 {"mosaic", 2.0},
                 {"awproject", 2.5}};
    double factor = 1;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcasecmp(t->gridder, table[i].name) == 0)
            factor = table[i].factor;
    if (strcasecmp(t->gridder, "mosaic") == 0 && t->nfields > 1)
        factor *= 1.0 + 0.1 * (sqrt((double)t->nfields) - 1.0);
    return factor;
}

static int check(const pcl_casa_task *t, pclean_err *err) {
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{"imsize", t->nx},
                   {"imsize", t->ny},
                   {"nchan_per_task", t->nchan},
                   {"nterms", t->nterms},
                   {"nfields", t->nfields}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].value < 1)
            return PCL_FAIL(err, PCLEAN_EPARAM, "%s=%" PRId64 ": at least 1", numbers[i].name,
                            numbers[i].value);
    return 0;
}

int pcl_casa_memory_worker_gib(const pcl_casa_task *t, double *gib, pclean_err *err) {
    *gib = 0;
    int rc = check(t, err);
    if (rc)
        return rc;
    int64_t npixel, terms = 1;
    if (__builtin_mul_overflow(t->nx, t->ny, &npixel) ||
        __builtin_mul_overflow(npixel, t->nchan, &npixel))
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "imsize=%" PRId64 ",%" PRId64 " and nchan_per_task=%" PRId64
                        " make more pixels than can be counted; make them smaller",
                        t->nx, t->ny, t->nchan);
    if (strcasecmp(t->deconvolver, "mtmfs") == 0 &&
        __builtin_mul_overflow(t->nterms, t->nterms, &terms))
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "nterms=%" PRId64 ": more than can be counted; make it smaller", t->nterms);
    const double bytes =
        (double)npixel * PCLEAN_BYTES_PER_PIXEL_STANDARD * gridder_factor(t) * (double)terms;
    *gib = PCLEAN_WORKER_BASE_OVERHEAD_GIB + bytes / (1024.0 * 1024.0 * 1024.0);
    return 0;
}
