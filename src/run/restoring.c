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

int pcl_run_find_common_beam(pcl_run *r, pclean_err *err) {
    const size_t n = r->nplane, npol = r->setup.desc.npol;
    pcl_beam *beam = NULL; /* and as many for work */
    char major[40], minor[40];
    if (!pcl_run_has_common_beam(r))
        return 0;
    int rc = PCL_NEW(&beam, 2 * n, "beams", err);
    if (rc)
        return rc;
    for (size_t k = 0; k < n; k++)
        beam[k] = r->state[k].numbers.beam;
    if (pcl_commonbeam_find(beam, n, &r->common_beam)) {
        pcl_format_si(major, sizeof major, r->common_beam.major_rad, PCL_DIM_ANGLE);
        pcl_format_si(minor, sizeof minor, r->common_beam.minor_rad, PCL_DIM_ANGLE);
        pcl_log(PCL_LOG_INFO, "common beam of all planes: %s x %s at %.2f deg", major, minor,
                r->common_beam.pa_rad * 180 / M_PI);
        pcl_commonbeam_judge(beam, n, n / 20 > npol ? n / 20 : npol, &r->common_beam, beam + n,
                             &r->beam_spread);
    }
    pcl_free(beam);
    return rc;
}
