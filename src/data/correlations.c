#include "data/correlations.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* The plane from a row with these correlations; without terms where it cannot be made. */
static pcl_vis_plane plane_of(const pcl_stokes *s, size_t ipol, const casa_ms_dd *dd) {
    pcl_stokes_terms t;
    if (pcl_stokes_find_terms(s, ipol, dd->ncorr, dd->corr, &t, NULL))
        return (pcl_vis_plane){0};
    pcl_vis_plane out = {.nterm = t.n, .either = s->either_hand};
    for (size_t k = 0; k < t.n; k++) {
        out.index[k] = t.term[k].index;
        out.re[k] = t.term[k].re;
        out.im[k] = t.term[k].im;
    }
    return out;
}

/* Adds "RR LL" to "XX YY; ...", once. */
static void add_names(const casa_ms_dd *dd, char *list, size_t size) {
    char names[64];
    pcl_stokes_list(dd->ncorr, dd->corr, names, sizeof names);
    for (const char *p = list; *p;) {
        const size_t n = strcspn(p, ";");
        if (n == strlen(names) && strncmp(p, names, n) == 0)
            return;
        p += n;
        p += strspn(p, "; ");
    }
    const size_t used = strlen(list);
    snprintf(list + used, size - used, "%s%s", used ? "; " : "", names);
}

static void planes_of_dd(pcl_correlations *c, const pcl_stokes *stokes, const casa_ms_dd *dd,
                         size_t k) {
    for (size_t p = 0; p < stokes->npol; p++) {
        pcl_vis_plane *plane = &c->plane[k * stokes->npol + p];
        pcl_correlations_rows *rows = &c->rows[p];
        *plane = plane_of(stokes, p, dd);
        c->used[k] = c->used[k] || plane->nterm > 0;
        if (plane->nterm > 0) {
            rows->nrow += dd->nrow;
        } else {
            rows->nleft += dd->nrow;
            add_names(dd, rows->left, sizeof rows->left);
        }
    }
}

int pcl_correlations_find(const pcl_stokes *stokes, const pcl_vis_source *source, size_t ndd,
                          bool may_be_blank, pcl_correlations *out, pclean_err *err) {
    int rc;
    *out = (pcl_correlations){0};
    if ((rc = PCL_NEW(&out->plane, ndd * stokes->npol, "reading plan", err)) ||
        (rc = PCL_ZNEW(&out->used, ndd + 1, "reading plan", err)))
        return rc;
    const size_t nms = pcl_vis_source_count(source);
    for (size_t i = 0, k = 0; i < nms; i++) {
        const casa_ms_info *info = pcl_vis_source_info(source, i);
        for (size_t d = 0; d < info->ndd; d++, k++)
            planes_of_dd(out, stokes, &info->dd[d], k);
    }
    for (size_t p = 0; !may_be_blank && p < stokes->npol; p++)
        if (out->rows[p].nrow == 0) {
            rc = pcl_stokes_refuse(stokes, p, out->rows[p].left, err);
            if (nms == 1)
                pcl_err_prefix(err, "%s: ", pcl_vis_source_info(source, 0)->path);
            return rc;
        }
    return 0;
}

void pcl_correlations_clear(pcl_correlations *c) {
    pcl_free(c->plane);
    pcl_free(c->used);
    *c = (pcl_correlations){0};
}

bool pcl_correlations_left(const pcl_correlations *c, const pcl_stokes *stokes, size_t ipol,
                           char *text, size_t size) {
    const pcl_correlations_rows *rows = &c->rows[ipol];
    if (rows->nleft == 0)
        return false;
    snprintf(
        text, size, "stokes %s: %zu of %zu rows cannot give it and are left out (they hold %s)",
        pcl_stokes_name(stokes->code[ipol]), rows->nleft, rows->nrow + rows->nleft, rows->left);
    return true;
}
