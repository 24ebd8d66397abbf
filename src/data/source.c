#include "data/source.h"

#include <string.h>

#include "base/mem.h"

static int open_sets(pcl_source *src, size_t nms, const char *const *path,
                     const casa_ms_selection *sel, pclean_err *err) {
    int rc;
    if ((rc = PCL_ZNEW(&src->ms, nms, "list of MeasurementSets", err)) ||
        (rc = PCL_ZNEW(&src->info, nms, "list of MeasurementSets", err)) ||
        (rc = PCL_ZNEW(&src->first, nms + 1, "list of MeasurementSets", err)) ||
        (rc = PCL_ZNEW(&src->rotation, nms, "list of MeasurementSets", err)))
        return rc;
    for (size_t i = 0; !rc && i < nms; i++) {
        if ((rc = casa_ms_open(path[i], &sel[i], &src->ms[i], err)))
            return rc;
        src->nms = i + 1;
        src->info[i] = casa_ms_get_info(src->ms[i]);
        src->first[i + 1] = src->first[i] + src->info[i]->ndd;
    }
    src->nwindow = src->first[nms];
    return 0;
}

static int list_windows(pcl_source *src, pclean_err *err) {
    size_t nchan = 0;
    for (size_t i = 0; i < src->nms; i++)
        for (size_t d = 0; d < src->info[i]->ndd; d++)
            nchan += src->info[i]->dd[d].nchansel;
    int rc;
    if ((rc = PCL_ZNEW(&src->window, src->nwindow, "list of spectral windows", err)) ||
        (rc = PCL_NEW(&src->freq_hz, nchan, "list of spectral windows", err)))
        return rc;
    double *freq = src->freq_hz;
    for (size_t i = 0; i < src->nms; i++)
        for (size_t d = 0; d < src->info[i]->ndd; d++) {
            const casa_ms_dd *dd = &src->info[i]->dd[d];
            src->window[src->first[i] + d] = (pcl_window){.ims = i,
                                                          .idd = d,
                                                          .info = src->info[i],
                                                          .dd = dd,
                                                          .freq_hz = freq,
                                                          .spacing_hz = casa_ms_spacing(dd),
                                                          .to = dd->nchansel,
                                                          .doppler0 = 1};
            for (size_t c = 0; c < dd->nchansel; c++)
                *freq++ = dd->chan_freq_hz[dd->chansel[c]];
        }
    return 0;
}

int pcl_source_open(size_t nms, const char *const *path, const casa_ms_selection *sel,
                    pcl_source **out, pclean_err *err) {
    *out = NULL;
    pcl_source *src = NULL;
    int rc = PCL_ZNEW(&src, 1, "list of MeasurementSets", err);
    if (rc)
        return rc;
    src->frame = -1;
    if ((rc = open_sets(src, nms, path, sel, err)) || (rc = list_windows(src, err))) {
        pcl_source_close(src);
        return rc;
    }
    *out = src;
    return 0;
}

void pcl_source_close(pcl_source *src) {
    if (!src)
        return;
    for (size_t i = 0; i < src->nms; i++) {
        casa_ms_close(src->ms[i]);
        pcl_free(src->rotation[i]);
    }
    pcl_free(src->rotation);
    pcl_free(src->freq_hz);
    pcl_free(src->window);
    pcl_free(src->first);
    pcl_free(src->info);
    pcl_free(src->ms);
    pcl_free(src);
}

static bool same_frame(const pcl_source *src, const pcl_window *w) {
    return src->frame < 0 || w->dd->freq_ref == src->frame;
}

int pcl_source_doppler(const pcl_source *src, const pcl_window *w, size_t ntime,
                       const double *time_s, double *factor, pclean_err *err) {
    const casa_ms_info *info = w->info;
    if (same_frame(src, w)) {
        for (size_t i = 0; i < ntime; i++)
            factor[i] = 1;
        return 0;
    }
    const char *from = casa_freq_frame_name(w->dd->freq_ref);
    if (!info->position_known)
        return PCL_FAIL(
            err, PCLEAN_EDATA,
            "%s: frequencies cannot be brought from %s to %s: telescope \"%s\" is not known, and "
            "POSITION in its table ANTENNA is no place (outframe=%s needs none)",
            info->path, from, casa_freq_frame_name(src->frame), info->telescope, from);
    const double *xyz = info->position_itrf_m;
    const casa_frame_change change = {
        w->dd->freq_ref, src->frame, {xyz[0], xyz[1], xyz[2]}, info->time_ref, src->direction};
    int rc = casa_doppler(&change, ntime, time_s, factor, err);
    if (rc)
        pcl_err_prefix(err, "%s: ", info->path);
    return rc;
}

int pcl_source_set_frame(pcl_source *src, int frame, const casa_direction *direction,
                         const bool *used, pclean_err *err) {
    src->frame = frame;
    src->direction = *direction;
    int rc = 0;
    for (size_t k = 0; !rc && k < src->nwindow; k++) {
        pcl_window *w = &src->window[k];
        const bool needed = !used || used[k];
        w->doppler0 = 1;
        if (needed || w->info->position_known)
            rc = pcl_source_doppler(src, w, 1, &w->info->first_time_s, &w->doppler0, err);
    }
    return rc;
}

void pcl_source_widen(const pcl_window *w, size_t ntime, const double *factor, double *least,
                      double *most) {
    for (size_t i = 0; i < ntime; i++) {
        const double x = factor[i] / w->doppler0;
        *least = x < *least ? x : *least;
        *most = x > *most ? x : *most;
    }
}

int pcl_source_set_centre(pcl_source *src, const casa_direction *centre, pclean_err *err) {
    for (size_t i = 0; i < src->nms; i++) {
        const casa_ms_info *info = src->info[i];
        bool any = false;
        pcl_free(src->rotation[i]);
        src->rotation[i] = NULL;
        int rc = PCL_NEW(&src->rotation[i], info->nfield, "list of fields", err);
        if (rc)
            return rc;
        for (size_t k = 0; k < info->nfield; k++) {
            rc = pcl_rotation_make(&info->field[k].phase_dir, centre, &src->rotation[i][k], err);
            if (rc) {
                pcl_err_prefix(err, "%s: field %d: ", info->path, info->field[k].id);
                return rc;
            }
            any = any || !src->rotation[i][k].none;
        }
        if (!any) {
            pcl_free(src->rotation[i]);
            src->rotation[i] = NULL;
        }
    }
    return 0;
}

const pcl_rotation *pcl_source_rotation(const pcl_source *src, size_t ims, int field_id) {
    const casa_ms_info *info = src->info[ims];
    if (!src->rotation[ims])
        return NULL;
    size_t low = 0, high = info->nfield; /* ascending */
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (info->field[middle].id <= field_id)
            low = middle;
        else
            high = middle;
    }
    return src->rotation[ims][low].none ? NULL : &src->rotation[ims][low];
}

static int largest_uvw(const pcl_source *src, size_t ims, double (*uvw_m)[3], pclean_err *err) {
    const size_t nfield = src->info[ims]->nfield;
    if (!src->rotation[ims])
        return casa_ms_largest_uvw(src->ms[ims], NULL, uvw_m, err);
    double(*rotation)[3][3] = NULL;
    int rc = PCL_NEW(&rotation, nfield, "list of fields", err);
    if (rc)
        return rc;
    for (size_t k = 0; k < nfield; k++)
        memcpy(rotation[k], src->rotation[ims][k].uvw, sizeof rotation[k]);
    rc = casa_ms_largest_uvw(src->ms[ims], (const double(*)[3][3])rotation, uvw_m, err);
    pcl_free(rotation);
    return rc;
}

int pcl_source_largest_uvw(const pcl_source *src, double (*uvw_m)[3], pclean_err *err) {
    int rc = 0;
    for (size_t i = 0; !rc && i < src->nms; i++)
        rc = largest_uvw(src, i, uvw_m + src->first[i], err);
    return rc;
}
