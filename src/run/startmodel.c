#include "run/startmodel.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/mem.h"
#include "image/samegrid.h"
#include "image/virtual.h"

static const char spool_name[] = "the start model";

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

static int check_source(casa_image *image, const char *path, const casa_image_desc *want,
                        size_t *nchan, pclean_err *err) {
    casa_image_desc d;
    int rc = casa_image_get_desc(image, &d, err);
    if (rc)
        return rc;
    *nchan = d.nchan;
    char what[4200];
    snprintf(what, sizeof what, "model %s", path);
    if (strcmp(d.unit, "Jy/beam") == 0)
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "%s is in Jy/beam, as a restored image (.image) is; a model is in "
                        "Jy/pixel: give the .model of that run",
                        what);
    if (strcmp(d.unit, "Jy/pixel") != 0)
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "%s has %s%s, a model has Jy/pixel; give the .model of a run, or set the "
                        "unit if the pixels are that",
                        what, *d.unit ? "the unit " : "no unit", d.unit);
    return pcl_samegrid_check(what, &d, want, true, err);
}

static int open_sources(sources *s, size_t n, const char *const *path, const casa_image_desc *desc,
                        pclean_err *err) {
    int rc = PCL_ZNEW(&s->image, n, "start model", err);
    if (!rc)
        rc = PCL_ZNEW(&s->nchan, n, "start model", err);
    for (size_t i = 0; !rc && i < n; i++)
        if (!(rc = pcl_virtual_open(path[i], &s->image[i], err))) {
            s->n = i + 1;
            rc = check_source(s->image[i], path[i], desc, &s->nchan[i], err);
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
static int add_up(const sources *s, size_t ipol, size_t ichan, size_t npixel, float *work,
                  float *sum, pclean_err *err) {
    memset(sum, 0, npixel * sizeof *sum);
    for (size_t i = 0; i < s->n; i++) {
        int rc =
            casa_image_read_plane(s->image[i], ipol, s->nchan[i] == 1 ? 0 : ichan, work, NULL, err);
        if (rc)
            return rc;
        for (size_t k = 0; k < npixel; k++)
            if (isfinite(work[k]))
                sum[k] += work[k];
    }
    return 0;
}

/* offset: of our channel 0 in theirs */
static int spool_sources(pcl_startmodel *m, const sources *s, size_t offset, size_t npixel,
                         const pcl_scratch *scratch, pclean_err *err) {
    float *work = NULL, *sum = NULL;
    int rc;
    if (!(rc = PCL_NEW(&work, npixel, "start model plane", err)) &&
        !(rc = PCL_NEW(&sum, npixel, "start model plane", err)))
        rc = pcl_spool_new(scratch, spool_name, npixel * sizeof *sum, m->nchan * m->npol,
                           &m->planes, err);
    for (size_t k = 0; !rc && k < m->nchan * m->npol; k++)
        if (!(rc = add_up(s, k % m->npol, offset + k / m->npol, npixel, work, sum, err)))
            rc = pcl_spool_write(m->planes, k, sum, err);
    pcl_free(sum);
    pcl_free(work);
    return rc;
}

uint64_t pcl_startmodel_scratch_bytes(const pcl_setup *s) {
    return s->params.model_at_first
               ? (uint64_t)s->desc.nchan * s->desc.npol * s->desc.nx * s->desc.ny * sizeof(float)
               : 0;
}

int pcl_startmodel_open(const pcl_setup *setup, const pcl_scratch *scratch, pcl_startmodel **out,
                        pclean_err *err) {
    const pclean_config *c = setup->config;
    *out = NULL;
    char own[4096];
    snprintf(own, sizeof own, "%s.model", c->imagename);
    const bool restart = c->restart && pcl_fs_exists(own);
    if (!restart && c->startmodel.n == 0)
        return 0;
    if (restart && c->startmodel.n)
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "startmodel and restart were both given and %s exists; give one of them",
                        own);
    const char *const own_path[] = {own};
    const casa_image_desc desc = restart ? setup->desc : pcl_setup_whole_desc(setup);
    pcl_startmodel *m = NULL;
    sources s = {0};
    int rc = PCL_ZNEW(&m, 1, "start model", err);
    if (!rc)
        rc = open_sources(&s, restart ? 1 : c->startmodel.n,
                          restart ? own_path : (const char *const *)c->startmodel.item, &desc, err);
    if (!rc) {
        m->npol = desc.npol;
        m->nchan = 1;
        for (size_t i = 0; i < s.n; i++)
            m->nchan = s.nchan[i] > 1 ? setup->desc.nchan : m->nchan;
        rc = spool_sources(m, &s, restart ? 0 : setup->channels.offset, desc.nx * desc.ny, scratch,
                           err);
    }
    close_sources(&s);
    if (rc)
        pcl_startmodel_close(m);
    else
        *out = m;
    return rc;
}

int pcl_startmodel_plane(const pcl_startmodel *m, size_t ipol, size_t ichan, float *model,
                         pclean_err *err) {
    return pcl_spool_read(m->planes, (m->nchan == 1 ? 0 : ichan) * m->npol + ipol, model, err);
}

/* ---- in another process ---- */

void pcl_startmodel_put(const pcl_startmodel *m, pcl_parcel *p) {
    pcl_parcel_put(p, &m->npol, sizeof m->npol);
    pcl_parcel_put(p, &m->nchan, sizeof m->nchan);
}

int pcl_startmodel_attach(pcl_parcel_reader *r, const pcl_setup *setup, const pcl_scratch *scratch,
                          pcl_startmodel **out, pclean_err *err) {
    pcl_startmodel *m = NULL;
    *out = NULL;
    int rc = PCL_ZNEW(&m, 1, "start model", err);
    if (rc)
        return rc;
    pcl_parcel_take(r, &m->npol, sizeof m->npol);
    pcl_parcel_take(r, &m->nchan, sizeof m->nchan);
    if (!(rc = pcl_parcel_reader_check(r, err)))
        rc = pcl_spool_attach(scratch, spool_name, setup->desc.nx * setup->desc.ny * sizeof(float),
                              m->nchan * m->npol, &m->planes, err);
    if (rc)
        pcl_startmodel_close(m);
    else
        *out = m;
    return rc;
}

void pcl_startmodel_close(pcl_startmodel *m) {
    if (m)
        pcl_spool_free(m->planes);
    pcl_free(m);
}
