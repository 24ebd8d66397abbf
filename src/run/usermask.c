#include "run/usermask.h"

#include <stdio.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/log.h"
#include "base/mem.h"
#include "image/mask.h"

static const char spool_name[] = "the mask";

struct pcl_usermask {
    size_t npol, nchan; /* nchan 1: one for all channels */
    size_t offset;      /* of a part in the whole image */
    bool guesses;       /* a rest frequency that nobody gave */
    pcl_spool *planes;  /* [nchan][npol] of bool */
};

/* tclean's rule: automatic masks take nothing from it. */
static bool gives_mask(const pclean_config *c) {
    return c->mask.n > 0 && c->usemask != PCLEAN_USEMASK_AUTO;
}

/* Where an earlier run would have left its mask; true: this one goes on with it. tclean's rule: not
 * with usemask=pb. */
static bool find_own(const pclean_config *c, char *own, size_t size) {
    snprintf(own, size, "%s.mask", c->imagename);
    return c->restart && !gives_mask(c) && c->usemask != PCLEAN_USEMASK_PB && pcl_fs_exists(own);
}

/* *any: it selects something. */
static int spool_mask(pcl_usermask *m, pcl_mask *mask, const casa_image_desc *desc,
                      const pcl_scratch *scratch, bool *any, pclean_err *err) {
    bool *plane = NULL;
    const size_t n = desc->nx * desc->ny;
    int rc = PCL_NEW(&plane, n, "mask plane", err);
    if (!rc)
        rc = pcl_spool_new(scratch, spool_name, n * sizeof *plane, m->nchan * m->npol, &m->planes,
                           err);
    for (size_t k = 0; !rc && k < m->nchan * m->npol; k++)
        if (!(rc = pcl_mask_plane(mask, k % m->npol, m->offset + k / m->npol, plane, err))) {
            *any = *any || memchr(plane, 1, n * sizeof *plane);
            rc = pcl_spool_write(m->planes, k, plane, err);
        }
    pcl_free(plane);
    return rc;
}

bool pcl_usermask_is_wanted(const pclean_config *config) {
    char own[4096];
    return gives_mask(config) || find_own(config, own, sizeof own);
}

uint64_t pcl_usermask_scratch_bytes(const pcl_setup *s) {
    return pcl_usermask_is_wanted(s->config)
               ? (uint64_t)s->desc.nchan * s->desc.npol * s->desc.nx * s->desc.ny * sizeof(bool)
               : 0;
}

int pcl_usermask_open(const pcl_setup *setup, const pcl_scratch *scratch, pcl_usermask **out,
                      pclean_err *err) {
    const pclean_config *c = setup->config;
    char own[4096];
    *out = NULL;
    const bool continues = find_own(c, own, sizeof own);
    if (c->restart && gives_mask(c) && pcl_fs_exists(own))
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "mask and restart were both given and %s exists; leave mask out to go on "
                        "with that one, or remove it first",
                        own);
    if (!continues && !gives_mask(c))
        return 0;
    if (continues)
        pcl_log(PCL_LOG_INFO, "mask: %s, of the run that is continued", own);
    const casa_image_desc desc = continues ? setup->desc : pcl_setup_whole_desc(setup);
    pcl_usermask *m = NULL;
    pcl_mask *mask = NULL;
    int rc = PCL_ZNEW(&m, 1, "mask", err);
    const char *const path = own;
    const char *const *spec = continues ? &path : (const char *const *)c->mask.item;
    bool any = continues || desc.nchan != setup->desc.nchan; /* of a part nothing is asked */
    if (!rc && !(rc = pcl_mask_open(spec, continues ? 1 : c->mask.n, &desc, &mask, err))) {
        m->npol = desc.npol;
        m->nchan = pcl_mask_same_all_channels(mask) ? 1 : setup->desc.nchan;
        m->offset = continues ? 0 : setup->channels.offset;
        m->guesses = setup->restfreq_from == PCL_RESTFREQ_MIDDLE && pcl_mask_uses_restfreq(mask);
        rc = spool_mask(m, mask, &desc, scratch, &any, err);
    }
    if (!rc && !any)
        rc =
            PCL_FAIL(err, PCLEAN_EPARAM,
                     "mask %.200s%s selects no pixel of the image: there would be nothing to clean",
                     c->mask.item[0], c->mask.n > 1 ? " and the others" : "");
    pcl_mask_free(mask);
    if (rc)
        pcl_usermask_close(m);
    else
        *out = m;
    return rc;
}

int pcl_usermask_plane(const pcl_usermask *m, size_t ipol, size_t ichan, bool *plane,
                       pclean_err *err) {
    return pcl_spool_read(m->planes, (m->nchan == 1 ? 0 : ichan) * m->npol + ipol, plane, err);
}

bool pcl_usermask_guesses_velocity(const pcl_usermask *m) {
    return m && m->guesses;
}

/* ---- in another process ---- */

void pcl_usermask_put(const pcl_usermask *m, pcl_parcel *p) {
    pcl_parcel_put(p, &m->npol, sizeof m->npol);
    pcl_parcel_put(p, &m->nchan, sizeof m->nchan);
}

int pcl_usermask_attach(pcl_parcel_reader *r, const pcl_setup *setup, const pcl_scratch *scratch,
                        pcl_usermask **out, pclean_err *err) {
    pcl_usermask *m = NULL;
    *out = NULL;
    int rc = PCL_ZNEW(&m, 1, "mask", err);
    if (rc)
        return rc;
    pcl_parcel_take(r, &m->npol, sizeof m->npol);
    pcl_parcel_take(r, &m->nchan, sizeof m->nchan);
    if (!(rc = pcl_parcel_reader_check(r, err)))
        rc = pcl_spool_attach(scratch, spool_name, setup->desc.nx * setup->desc.ny * sizeof(bool),
                              m->nchan * m->npol, &m->planes, err);
    if (rc)
        pcl_usermask_close(m);
    else
        *out = m;
    return rc;
}

void pcl_usermask_close(pcl_usermask *m) {
    if (m)
        pcl_spool_free(m->planes);
    pcl_free(m);
}
