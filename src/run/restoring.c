/* restoring.c: the beam that all planes of a run are restored with. */
#include <math.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "core/commonbeam.h"
#include "run/run.h"

bool pcl_run_has_common_beam(const pcl_run *r) {
    return r->setup.params.common_beam && !pcl_params_restores_later(r->config);
}

const pcl_beam *pcl_run_one_beam(const pcl_run *r) {
    const pcl_beam *given = &r->setup.params.restoring_beam;
    return given->major_rad > 0 ? given : &r->common_beam;
}

static double area(const pcl_beam *b) {
    return b->major_rad * b->minor_rad;
}

/* One channel with hardly any data can make the common beam large for all: looks for channels whose
 * beams stick out of the median one much further than those of nearly all others, and for the
 * common beam without them. Leaves what the warning needs in r->outliers. */
static int find_outliers(pcl_run *r, const pcl_beam *beam, pclean_err *err) {
    const size_t n = r->nplane, npol = r->setup.desc.npol;
    pcl_run_outliers *o = &r->outliers;
    double *work = NULL;
    pcl_beam *rest = NULL, without;
    int rc = PCL_NEW(&work, n, "beams", err);
    if (!rc)
        rc = PCL_NEW(&rest, n, "beams", err);
    if (!rc && pcl_commonbeam_usual(beam, n, n / 20 > npol ? n / 20 : npol, work, &o->median,
                                    &o->limit)) {
        for (size_t k = 0; k < n; k++)
            rest[k] = beam[k].major_rad > 0 && pcl_commonbeam_ratio(&beam[k], &o->median) > o->limit
                          ? (pcl_beam){0}
                          : beam[k];
        o->above_median = area(&r->common_beam) / area(&o->median);
        if (pcl_commonbeam_find(rest, n, &without))
            o->above_rest = area(&r->common_beam) / area(&without);
    }
    pcl_free(rest);
    pcl_free(work);
    return rc;
}

int pcl_run_find_common_beam(pcl_run *r, pclean_err *err) {
    pcl_beam *beam = NULL;
    char major[40], minor[40];
    if (!pcl_run_has_common_beam(r))
        return 0;
    int rc = PCL_NEW(&beam, r->nplane, "beams", err);
    if (rc)
        return rc;
    for (size_t k = 0; k < r->nplane; k++)
        beam[k] = r->state[k].numbers.beam;
    if (pcl_commonbeam_find(beam, r->nplane, &r->common_beam)) {
        pcl_format_si(major, sizeof major, r->common_beam.major_rad, PCL_DIM_ANGLE);
        pcl_format_si(minor, sizeof minor, r->common_beam.minor_rad, PCL_DIM_ANGLE);
        pcl_log(PCL_LOG_INFO, "common beam of all planes: %s x %s at %.2f deg", major, minor,
                r->common_beam.pa_rad * 180 / M_PI);
        rc = find_outliers(r, beam, err);
    }
    pcl_free(beam);
    return rc;
}
