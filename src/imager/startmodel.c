#include "imager/startmodel.h"

#include <math.h>
#include <stdio.h>

#include "base/fsutil.h"
#include "base/mem.h"

struct pcl_startmodel {
    size_t n, npixel;
    casa_image **image;
    size_t *nchan;
    float *plane; /* [npixel] */
};

static int check_shape(casa_image *image, const char *path, const casa_image_desc *want, size_t *nchan, pclean_err *err) {
    casa_image_desc d;
    int rc = casa_image_get_desc(image, &d, err);
    if (rc)
        return rc;
    *nchan = d.nchan;
    if (d.nx != want->nx || d.ny != want->ny || d.npol != want->npol || (d.nchan != 1 && d.nchan != want->nchan))
        return PCL_FAIL(err, PCLEAN_EPARAM, "model %s has %zu x %zu pixels, %zu planes of polarization and %zu channels; the image has %zu x %zu, %zu and %zu",
                        path, d.nx, d.ny, d.npol, d.nchan, want->nx, want->ny, want->npol, want->nchan);
    const double cell = fabs(want->increment_x_rad);
    if (fabs(d.increment_x_rad - want->increment_x_rad) > 1e-6 * cell || fabs(d.increment_y_rad - want->increment_y_rad) > 1e-6 * cell)
        return PCL_FAIL(err, PCLEAN_EPARAM, "model %s has another cell than the image; regrid it first", path);
    return 0;
}

int pcl_startmodel_open(const pclean_config *c, const casa_image_desc *desc, pcl_startmodel **out, pclean_err *err) {
    *out = NULL;
    char own[4096];
    snprintf(own, sizeof own, "%s.model", c->imagename);
    const bool restart = c->restart && pcl_fs_exists(own);
    if (!restart && c->startmodel.n == 0)
        return 0;
    if (restart && c->startmodel.n)
        return PCL_FAIL(err, PCLEAN_EPARAM, "startmodel and restart were both given and %s exists; give one of them", own);
    pcl_startmodel *s = NULL;
    int rc = PCL_ZNEW(&s, 1, "start model", err);
    if (rc)
        return rc;
    s->npixel = desc->nx * desc->ny;
    const size_t n = restart ? 1 : c->startmodel.n;
    if (!(rc = PCL_ZNEW(&s->image, n, "start model", err)) && !(rc = PCL_ZNEW(&s->nchan, n, "start model", err)))
        rc = PCL_NEW(&s->plane, s->npixel, "start model plane", err);
    for (size_t i = 0; !rc && i < n; i++) {
        const char *path = restart ? own : c->startmodel.item[i];
        if (!(rc = casa_image_open(path, &s->image[i], err))) {
            s->n = i + 1;
            rc = check_shape(s->image[i], path, desc, &s->nchan[i], err);
        }
    }
    if (rc) {
        pcl_startmodel_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

void pcl_startmodel_close(pcl_startmodel *s) {
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        casa_image_close(s->image[i]);
    pcl_free(s->image);
    pcl_free(s->nchan);
    pcl_free(s->plane);
    pcl_free(s);
}

int pcl_startmodel_plane(pcl_startmodel *s, size_t ipol, size_t ichan, float *model, pclean_err *err) {
    for (size_t i = 0; i < s->n; i++) {
        int rc = casa_image_read_plane(s->image[i], ipol, s->nchan[i] == 1 ? 0 : ichan, s->plane, NULL, err);
        if (rc)
            return rc;
        for (size_t k = 0; k < s->npixel; k++)
            if (isfinite(s->plane[k]))
                model[k] += s->plane[k];
    }
    return 0;
}
