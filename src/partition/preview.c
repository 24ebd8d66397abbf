/* preview.c: pclean/plan.h. The plan of a run, and the parts it could be cut into. */
#include "base/mem.h"
#include "base/sized.h"
#include "casa/casa.h"
#include "config/config.h"
#include "pclean/plan.h"
#include "run/plan.h"

static const pclean_plan_options defaults = {.size = sizeof defaults, .measure = true};

void pclean_plan_options_init(pclean_plan_options *options, size_t size) {
    pcl_sized_init(options, size, &defaults, sizeof defaults);
}

void pclean_plan_free(pclean_plan *plan) {
    if (!plan)
        return;
    pclean_partition_free(plan->partition);
    pcl_free(plan->no_partition);
    pcl_plan_clear(plan);
    pcl_free(plan);
}

/* A part for each worker, or as cube_chunksize says. That there are none is no failure. */
static int add_parts(const pclean_config *config, pclean_plan *plan, pclean_err *err) {
    pclean_err why;
    const bool chunks = config->cube_chunksize > 0 && config->specmode != PCLEAN_SPECMODE_MFS;
    const int nparts = chunks ? 0 : plan->nworkers;
    return pclean_partition_make(config, nparts, NULL, &plan->partition, &why)
               ? pcl_strdup(&plan->no_partition, why.msg, err)
               : 0;
}

int pclean_plan_make(const pclean_config *config, const pclean_plan_options *options,
                     pclean_plan **plan, pclean_err *err) {
    PCL_REQUIRE(err, plan);
    *plan = NULL;
    PCL_REQUIRE(err, config);
    pclean_plan_options o = defaults;
    int rc = PCL_TAKE(pclean_plan_options, &o, options, err);
    if (rc || (rc = PCL_ZNEW(plan, 1, "plan", err)))
        return rc;
    rc = pcl_plan_make(config, o.measure, *plan, err);
    if (!rc && o.parts)
        rc = add_parts(config, *plan, err);
    casa_end();
    if (rc) {
        pclean_plan_free(*plan);
        *plan = NULL;
    }
    return rc;
}
