#include "imager/startmodel.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/mem.h"
#include "io/spool.h"
#include "io/virtual.h"

struct pcl_startmodel {
    size_t npol, nchan; /* nchan 1: one for all channels */
    pcl_spool *planes;  /* [nchan][npol] of float [ny][nx] */
};

/* The images while they are open. */
typedef struct sources {
    size_t n;
    casa_image **image;
    size_t *nchan;
} sources;

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
    casa_direction centre;
    if ((rc = casa_direction_convert(&d.centre, want->centre.frame, &centre, err)))
        return rc;
    const double east = cos(want->centre.lat_rad) * remainder(centre.lon_rad - want->centre.lon_rad, 2 * M_PI) + (d.crpix_x - want->crpix_x) * cell,
                 north = centre.lat_rad - want->centre.lat_rad - (d.crpix_y - want->crpix_y) * cell;
    if (hypot(east, north) > 0.01 * cell)
        return PCL_FAIL(err, PCLEAN_EPARAM, "model %s is centred elsewhere than the image; regrid it first", path);
    const double last = (double)(want->nchan - 1), step = fabs(want->cdelt_hz);
    if (d.nchan > 1 && (fabs(d.crval_hz - want->crval_hz) > 0.01 * step ||
                        fabs(d.crval_hz + last * d.cdelt_hz - want->crval_hz - last * want->cdelt_hz) > 0.01 * step))
        return PCL_FAIL(err, PCLEAN_EPARAM, "model %s has other channel frequencies than the image; regrid it first", path);
    return 0;
}

static int open_sources(sources *s, size_t n, const char *const *path, const casa_image_desc *desc, pclean_err *err) {
    int rc = PCL_ZNEW(&s->image, n, "start model", err);
    if (!rc)
        rc = PCL_ZNEW(&s->nchan, n, "start model", err);
    for (size_t i = 0; !rc && i < n; i++)
        if (!(rc = pcl_virtual_open(path[i], &s->image[i], err))) {
            s->n = i + 1;
            rc = check_shape(s->image[i], path[i], desc, &s->nchan[i], err);
        }
    return rc;
}

static void close_sources(sources *s) {
    for (size_t i = 0; i < s->n; i++)
        casa_image_close(s->image[i]);
    pcl_free(s->image);
    pcl_free(s->nchan);
}

/* Their sum in one plane; pixels that are not finite count as 0. */
static int add_up(const sources *s, size_t ipol, size_t ichan, size_t npixel, float *work, float *sum, pclean_err *err) {
    memset(sum, 0, npixel * sizeof *sum);
    for (size_t i = 0; i < s->n; i++) {
        int rc = casa_image_read_plane(s->image[i], ipol, s->nchan[i] == 1 ? 0 : ichan, work, NULL, err);
        if (rc)
            return rc;
        for (size_t k = 0; k < npixel; k++)
            if (isfinite(work[k]))
                sum[k] += work[k];
    }
    return 0;
}

/* offset: of our channel 0 in theirs */
static int spool_sources(pcl_startmodel *m, const sources *s, size_t offset, size_t npixel, const char *folder, pclean_err *err) {
    float *work = NULL, *sum = NULL;
    int rc;
    if (!(rc = PCL_NEW(&work, npixel, "start model plane", err)) && !(rc = PCL_NEW(&sum, npixel, "start model plane", err)))
        rc = pcl_spool_new(folder, "the start model", npixel * sizeof *sum, m->nchan * m->npol, &m->planes, err);
    for (size_t k = 0; !rc && k < m->nchan * m->npol; k++)
        if (!(rc = add_up(s, k % m->npol, offset + k / m->npol, npixel, work, sum, err)))
            rc = pcl_spool_write(m->planes, k, sum, err);
    pcl_free(sum);
    pcl_free(work);
    return rc;
}

int pcl_startmodel_open(const pcl_setup *setup, const char *folder, pcl_startmodel **out, pclean_err *err) {
    const pclean_config *c = setup->config;
    *out = NULL;
    char own[4096];
    snprintf(own, sizeof own, "%s.model", c->imagename);
    const bool restart = c->restart && pcl_fs_exists(own);
    if (!restart && c->startmodel.n == 0)
        return 0;
    if (restart && c->startmodel.n)
        return PCL_FAIL(err, PCLEAN_EPARAM, "startmodel and restart were both given and %s exists; give one of them", own);
    const char *const own_path[] = {own};
    const casa_image_desc desc = restart ? setup->desc : pcl_setup_whole_desc(setup);
    pcl_startmodel *m = NULL;
    sources s = {0};
    int rc = PCL_ZNEW(&m, 1, "start model", err);
    if (!rc)
        rc = open_sources(&s, restart ? 1 : c->startmodel.n, restart ? own_path : (const char *const *)c->startmodel.item, &desc, err);
    if (!rc) {
        m->npol = desc.npol;
        m->nchan = 1;
        for (size_t i = 0; i < s.n; i++)
            m->nchan = s.nchan[i] > 1 ? setup->desc.nchan : m->nchan;
        rc = spool_sources(m, &s, restart ? 0 : setup->channels.offset, desc.nx * desc.ny, folder, err);
    }
    close_sources(&s);
    if (rc)
        pcl_startmodel_close(m);
    else
        *out = m;
    return rc;
}

int pcl_startmodel_plane(const pcl_startmodel *m, size_t ipol, size_t ichan, float *model, pclean_err *err) {
    return pcl_spool_read(m->planes, (m->nchan == 1 ? 0 : ichan) * m->npol + ipol, model, err);
}

void pcl_startmodel_close(pcl_startmodel *m) {
    if (m)
        pcl_spool_free(m->planes);
    pcl_free(m);
}
