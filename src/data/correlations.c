#include "data/correlations.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

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

static void planes_of_window(pcl_correlations *c, const pcl_stokes *stokes, const casa_ms_dd *dd,
                             size_t k) {
    for (size_t p = 0; p < stokes->npol; p++) {
        pcl_stokes_terms *plane = &c->plane[k * stokes->npol + p];
        pcl_correlations_rows *rows = &c->rows[p];
        if (pcl_stokes_find_terms(stokes, p, dd->ncorr, dd->corr, plane, NULL) == 0) {
            c->used[k] = true;
            rows->nrow += dd->nrow;
        } else {
            *plane = (pcl_stokes_terms){0};
            rows->nleft += dd->nrow;
            add_names(dd, rows->left, sizeof rows->left);
        }
    }
}

int pcl_correlations_find(const pcl_stokes *stokes, const pcl_source *source, bool may_be_blank,
                          pcl_correlations *out, pclean_err *err) {
    int rc;
    *out = (pcl_correlations){0};
    if ((rc = PCL_NEW(&out->plane, source->nwindow * stokes->npol, "reading plan", err)) ||
        (rc = PCL_ZNEW(&out->used, source->nwindow, "reading plan", err)))
        return rc;
    for (size_t k = 0; k < source->nwindow; k++)
        planes_of_window(out, stokes, source->window[k].dd, k);
    for (size_t p = 0; !may_be_blank && p < stokes->npol; p++)
        if (out->rows[p].nrow == 0) {
            rc = pcl_stokes_refuse(stokes, p, out->rows[p].left, err);
            if (source->nms == 1)
                pcl_err_prefix(err, "%s: ", source->info[0]->path);
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
    const bool one_hand = strstr(rows->left, "RR") || strstr(rows->left, "LL") ||
                          strstr(rows->left, "XX") || strstr(rows->left, "YY");
    snprintf(text, size,
             "stokes %s: %zu of %zu rows cannot give it and are left out (they hold %s)%s",
             pcl_stokes_asked(stokes, ipol), rows->nleft, rows->nrow + rows->nleft, rows->left,
             one_hand && !stokes->either_hand && stokes->code[ipol] == PCL_STOKES_I
                 ? "; stokes=pseudoI takes those with one hand, too"
                 : "");
    return true;
}
