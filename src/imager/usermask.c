#include "imager/usermask.h"

#include "base/mem.h"
#include "io/mask.h"
#include "io/spool.h"

struct pcl_usermask {
    size_t npol, nchan; /* nchan 1: one for all channels */
    size_t offset;      /* of a part in the whole image */
    pcl_spool *planes;  /* [nchan][npol] of bool */
};

static int spool_mask(pcl_usermask *m, pcl_mask *mask, const casa_image_desc *desc, const char *folder, pclean_err *err) {
    bool *plane = NULL;
    const size_t n = desc->nx * desc->ny;
    int rc = PCL_NEW(&plane, n, "mask plane", err);
    if (!rc)
        rc = pcl_spool_new(folder, "the mask", n * sizeof *plane, m->nchan * m->npol, &m->planes, err);
    for (size_t k = 0; !rc && k < m->nchan * m->npol; k++)
        if (!(rc = pcl_mask_plane(mask, k % m->npol, m->offset + k / m->npol, plane, err)))
            rc = pcl_spool_write(m->planes, k, plane, err);
    pcl_free(plane);
    return rc;
}

int pcl_usermask_open(const pcl_setup *setup, const char *folder, pcl_usermask **out, pclean_err *err) {
    *out = NULL;
    if (!*setup->config->mask)
        return 0;
    const casa_image_desc whole = pcl_setup_whole_desc(setup);
    pcl_usermask *m = NULL;
    pcl_mask *mask = NULL;
    int rc = PCL_ZNEW(&m, 1, "mask", err);
    if (!rc && !(rc = pcl_mask_open(setup->config->mask, &whole, &mask, err))) {
        m->npol = whole.npol;
        m->nchan = pcl_mask_same_all_channels(mask) ? 1 : setup->desc.nchan;
        m->offset = setup->channels.offset;
        rc = spool_mask(m, mask, &whole, folder, err);
    }
    pcl_mask_free(mask);
    if (rc)
        pcl_usermask_close(m);
    else
        *out = m;
    return rc;
}

int pcl_usermask_plane(const pcl_usermask *m, size_t ipol, size_t ichan, bool *plane, pclean_err *err) {
    return pcl_spool_read(m->planes, (m->nchan == 1 ? 0 : ichan) * m->npol + ipol, plane, err);
}

void pcl_usermask_close(pcl_usermask *m) {
    if (m)
        pcl_spool_free(m->planes);
    pcl_free(m);
}
