/* casa_calls.c: contdatapartition and cubedataimagepartition, the calls of CASA's that cut by
 * selections alone, without a configuration of an image. */
#include <stdint.h>

#include "base/mem.h"
#include "casa/casa.h"
#include "config/config.h"
#include "partition/channel_parts.h"
#include "partition/row_parts.h"
#include "plan/cut.h"

/* ---- rows ---- */

static const char *text_or_empty(const char *text) {
    return text ? text : "";
}

static casa_ms_selection to_casa(const pclean_ms_selection *m) {
    return (casa_ms_selection){.field = m->field,
                               .spw = m->spw,
                               .timerange = m->timestr,
                               .uvrange = m->uvdist,
                               .antenna = m->antenna,
                               .scan = m->scan,
                               .observation = m->obs,
                               .intent = m->state,
                               .taql = m->taql};
}

static int cut_selection(const pclean_ms_selection *m, size_t npart, size_t stride,
                         pclean_part_ms *out, pclean_err *err) {
    const casa_ms_selection sel = to_casa(m);
    casa_ms *ms = NULL;
    size_t *cut = NULL;
    int rc;
    if ((rc = casa_ms_open_rows(m->msname, &sel, &ms, err)) ||
        (rc = PCL_NEW(&cut, npart + 1, "row ranges", err)))
        goto done;
    pcl_cut_rows(casa_ms_selected(ms, NULL), npart, cut);
    for (size_t k = 0; !rc && k < npart; k++, out += stride) {
        out->rows = cut[k + 1] - cut[k];
        if (!(rc = pcl_strdup(&out->msname, m->msname, err)) &&
            !(rc = pcl_strdup(&out->spw, text_or_empty(m->spw), err)))
            rc = out->rows ? pcl_row_parts_range(ms, text_or_empty(m->taql), cut[k], cut[k + 1],
                                                 &out->taql, err)
                           : pcl_strdup(&out->taql, "", err);
    }
done:
    pcl_free(cut);
    casa_ms_close(ms);
    return rc;
}

static int check_names(size_t nms, const pclean_ms_selection *ms, pclean_err *err) {
    for (size_t i = 0; i < nms; i++)
        if (!ms[i].msname)
            return PCL_FAIL(err, PCLEAN_EPARAM, "a selection without msname");
    return 0;
}

int pclean_contdatapartition(size_t nms, const pclean_ms_selection *ms, int npart,
                             pclean_part_ms **out, pclean_err *err) {
    PCL_REQUIRE(err, ms);
    PCL_REQUIRE(err, out);
    *out = NULL;
    int rc;
    if ((rc = check_names(nms, ms, err)) || (rc = pcl_cut_check(npart, err)) ||
        (rc = casa_init(err)) || (rc = PCL_ZNEW(out, (size_t)npart * nms, "row ranges", err)))
        return rc;
    for (size_t i = 0; !rc && i < nms; i++)
        rc = cut_selection(&ms[i], (size_t)npart, nms, *out + i, err);
    casa_end();
    if (rc) {
        pclean_part_ms_free(*out, (size_t)npart * nms);
        *out = NULL;
    }
    return rc;
}

/* ---- a spectral axis ---- */

/* A cube of one pixel on this axis: a configuration that only its selections and its grid matter
 * of. */
static int config_of_axis(size_t nms, const pclean_ms_selection *ms,
                          const pclean_spectral_axis *axis, pclean_config *c, pclean_err *err) {
    const char **vis = NULL;
    int rc;
    if ((rc = PCL_NEW(&vis, nms, "list of MeasurementSets", err)) || (rc = pcl_config_init(c, err)))
        goto done;
    for (size_t i = 0; i < nms; i++)
        vis[i] = ms[i].msname;
    if ((rc = pcl_config_assign(c, NULL, "vis", vis, nms, err)) ||
        (rc = pcl_whole_set(c, "specmode", err, "cube")) ||
        (rc = pcl_whole_set(c, "outframe", err, "%s", text_or_empty(axis->frame))) ||
        (rc = pcl_whole_set(c, "phasecenter", err, "%s", text_or_empty(axis->phasecenter))) ||
        (rc = pcl_whole_set(c, "imsize", err, "1")) ||
        (rc = pcl_whole_set(c, "imagename", err, "axis")) ||
        (rc = pcl_whole_set(c, "stokes", err, "pseudoI")))
        goto done;
    c->part_channel = 0;
    c->nchan = c->part_nchan = (int)axis->nchan;
    c->part_start_hz = axis->first_hz;
    c->part_width_hz = axis->step_hz;
    rc = pclean_config_validate(c, err);
done:
    pcl_free(vis);
    return rc;
}

void pclean_axis_parts_free(pclean_axis_part *part, size_t n, size_t nms) {
    if (!part)
        return;
    for (size_t k = 0; k < n; k++)
        pclean_part_ms_free(part[k].ms, nms);
    pcl_free(part);
}

static int cut_axis(pcl_setup *s, size_t npart, pclean_axis_part *out, pclean_err *err) {
    size_t *cut = NULL;
    int rc = PCL_NEW(&cut, npart + 1, "channel ranges", err);
    if (rc)
        return rc;
    pcl_cut_channels(s->channels.whole, npart, cut);
    for (size_t k = 0; !rc && k < npart; k++) {
        out[k].channel_start = cut[k];
        out[k].nchan = cut[k + 1] - cut[k];
        pcl_setup_narrow(s, cut[k], out[k].nchan);
        if (!(rc = pcl_whole_new_selection(s, &out[k].ms, err)))
            rc = pcl_channel_parts_select(s, out[k].ms, err);
        out[k].first_hz = pcl_channels_centre(&s->channels, 0);
    }
    pcl_free(cut);
    return rc;
}

static int check_axis(size_t nms, const pclean_ms_selection *ms, const pclean_spectral_axis *axis,
                      pclean_err *err) {
    if (axis->nchan < 1 || axis->nchan > INT32_MAX)
        return PCL_FAIL(err, PCLEAN_EPARAM, "a spectral axis of %zu channels cannot be partitioned",
                        axis->nchan);
    if (nms && !axis->frame)
        return PCL_FAIL(err, PCLEAN_EPARAM, "a spectral axis without frame");
    return check_names(nms, ms, err);
}

/* The conditions as the caller has them. */
static int keep_conditions(size_t nms, const pclean_ms_selection *ms, size_t npart,
                           pclean_axis_part *part, pclean_err *err) {
    int rc = 0;
    for (size_t k = 0; k < npart; k++)
        for (size_t i = 0; !rc && i < nms; i++) {
            pcl_free(part[k].ms[i].taql);
            part[k].ms[i].taql = NULL;
            rc = pcl_strdup(&part[k].ms[i].taql, text_or_empty(ms[i].taql), err);
        }
    return rc;
}

int pclean_cubedataimagepartition(size_t nms, const pclean_ms_selection *ms,
                                  const pclean_spectral_axis *axis, int npart,
                                  pclean_axis_part **out, size_t *nout, pclean_err *err) {
    PCL_REQUIRE(err, ms);
    PCL_REQUIRE(err, axis);
    PCL_REQUIRE(err, out);
    PCL_REQUIRE(err, nout);
    pclean_config config = {0};
    casa_ms_selection *sel = NULL;
    pcl_setup s = {0};
    size_t n = 0;
    *out = NULL;
    *nout = 0;
    int rc;
    if ((rc = pcl_cut_check(npart, err)) || (rc = check_axis(nms, ms, axis, err)))
        return rc;
    if ((rc = config_of_axis(nms, ms, axis, &config, err)) ||
        (rc = PCL_NEW(&sel, nms, "selection", err)))
        goto done;
    for (size_t i = 0; i < nms; i++)
        sel[i] = to_casa(&ms[i]);
    n = (size_t)npart < axis->nchan ? (size_t)npart : axis->nchan;
    if ((rc = pcl_setup_open_axis(&config, sel, &s, err)) ||
        (rc = PCL_ZNEW(out, n, "list of parts", err)) || (rc = cut_axis(&s, n, *out, err)) ||
        (rc = keep_conditions(nms, ms, n, *out, err)))
        goto done;
    *nout = n;
done:
    if (rc) {
        pclean_axis_parts_free(*out, n, nms);
        *out = NULL;
    }
    pcl_setup_close(&s);
    casa_end();
    pcl_free(sel);
    pcl_config_clear(&config);
    return rc;
}
