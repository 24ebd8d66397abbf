#include "imager/products.h"

#include <stdio.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/restore.h"
#include "imager/record.h"

static const struct {
    const char *extension, *unit;
    bool masked, beams;
} products[PCL_NPRODUCT] = {
#define X(symbol, extension, unit, masked, beams) {extension, unit, masked, beams},
    PCL_PRODUCT_LIST(X)
#undef X
};

bool pcl_product_wanted(const pclean_config *c, enum pcl_product product) {
    switch (product) {
    case PCL_PRODUCT_IMAGE:
        return c->restoration;
    case PCL_PRODUCT_PBCOR:
        return c->restoration && c->pbcor;
    case PCL_PRODUCT_MASK:
        return c->niter > 0;
    default:
        return true;
    }
}

void pcl_product_path(const pclean_config *c, enum pcl_product product, char *buf, size_t size) {
    snprintf(buf, size, "%s%s", c->imagename, products[product].extension);
}

int pcl_products_check(const pclean_config *c, pclean_err *err) {
    char found[512] = "", path[4096];
    for (enum pcl_product k = 0; k < PCL_NPRODUCT; k++) {
        pcl_product_path(c, k, path, sizeof path);
        if (pcl_fs_exists(path))
            snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s", *found ? " " : "", products[k].extension);
    }
    if (*found && !c->overwrite && !c->restart)
        return PCL_FAIL(err, PCLEAN_EEXIST,
                        "products of %s exist already (%s) and are kept; choose another imagename, or give --overwrite to replace them or --restart to continue from their model",
                        c->imagename, found);
    return 0;
}

/* Whether a product carries the primary beam's mask: .pb always (tclean's does), the others for a positive pblimit. */
static bool has_mask(const pclean_config *c, enum pcl_product k) {
    return products[k].masked && (c->pblimit > 0 || (c->pblimit < 0 && k == PCL_PRODUCT_PB));
}

static void claim_path(const pclean_config *c, char *buf, size_t size) { snprintf(buf, size, "%s.lock", c->imagename); }

int pcl_products_claim(const pclean_config *c, int *fd, pclean_err *err) {
    char path[4096];
    const char *slash = strrchr(c->imagename, '/'), *base = slash ? slash + 1 : c->imagename;
    const size_t longest = strlen(".image.pbcor.part"); /* of what is added to it */
    *fd = -1;
    if (strlen(base) + longest > 255 || strlen(c->imagename) + longest >= sizeof path - 256)
        return PCL_FAIL(err, PCLEAN_EPARAM, "imagename is too long (%zu characters): no file system takes its products", strlen(c->imagename));
    if (slash && slash != c->imagename) {
        snprintf(path, sizeof path, "%.*s", (int)(slash - c->imagename), c->imagename);
        if (!pcl_fs_is_dir(path))
            return PCL_FAIL(err, PCLEAN_EIO, "imagename=%s: there is no folder %s; make it first", c->imagename, path);
    }
    claim_path(c, path, sizeof path);
    bool claimed;
    int rc = pcl_fs_claim(path, fd, &claimed, err);
    if (rc)
        pcl_err_prefix(err, "imagename=%s: its folder cannot hold products: ", c->imagename);
    else if (!claimed)
        rc = PCL_FAIL(err, PCLEAN_EEXIST, "another run is making the products of %s now; wait for it, or choose another imagename", c->imagename);
    return rc;
}

void pcl_products_unclaim(const pclean_config *c, int fd) {
    char path[4096];
    claim_path(c, path, sizeof path);
    pcl_fs_unclaim(path, fd);
}

static casa_image_desc describe(const pcl_setup *setup, enum pcl_product k) {
    casa_image_desc desc = setup->desc;
    desc.unit = products[k].unit;
    if (k == PCL_PRODUCT_SUMWT) {
        desc.nx = desc.ny = 1;
        desc.crpix_x = desc.crpix_y = 0;
    }
    return desc;
}

uint64_t pcl_products_bytes(const pcl_setup *setup) {
    uint64_t bytes = 0;
    for (enum pcl_product k = 0; k < PCL_NPRODUCT; k++) {
        const casa_image_desc desc = describe(setup, k);
        if (pcl_product_wanted(setup->config, k))
            bytes += casa_image_bytes(&desc, has_mask(setup->config, k));
    }
    return bytes;
}

int pcl_products_create(pcl_products *s, const pcl_setup *setup, const bool *pb_mask, pclean_err *err) {
    *s = (pcl_products){.config = setup->config};
    int rc = 0;
    size_t work = 0;
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++) {
        if (!pcl_product_wanted(s->config, k))
            continue;
        const casa_image_desc desc = describe(setup, k);
        char path[4096];
        pcl_product_path(s->config, k, path, sizeof path);
        rc = pcl_cube_create(path, &desc, has_mask(s->config, k) ? pb_mask : NULL, &s->cube[k], err);
        if (!rc && pcl_cube_work_size(s->cube[k]) > work)
            work = pcl_cube_work_size(s->cube[k]);
    }
    if (!rc)
        rc = PCL_NEW(&s->work, work, "plane in tile order", err);
    if (rc)
        pcl_products_abort(s);
    return rc;
}

static int write_plane(pcl_products *s, enum pcl_product k, const pcl_plane *p, const float *pixels, pclean_err *err) {
    return s->cube[k] ? pcl_cube_write_plane(s->cube[k], p->ipol, p->ichan, pixels, s->work, err) : 0;
}

static int read_plane(pcl_products *s, enum pcl_product k, const pcl_plane *p, float *pixels, pclean_err *err) {
    return pcl_cube_read_plane(s->cube[k], p->ipol, p->ichan, pixels, s->work, err);
}

int pcl_products_save_psf(pcl_products *s, const pcl_plane *p, pclean_err *err) {
    return write_plane(s, PCL_PRODUCT_PSF, p, p->psf, err);
}

int pcl_products_load_psf(pcl_products *s, pcl_plane *p, pclean_err *err) {
    return read_plane(s, PCL_PRODUCT_PSF, p, p->psf, err);
}

int pcl_products_save_state(pcl_products *s, const pcl_plane *p, pclean_err *err) {
    int rc = write_plane(s, PCL_PRODUCT_RESIDUAL, p, p->residual, err);
    return rc ? rc : write_plane(s, PCL_PRODUCT_MODEL, p, p->model, err);
}

int pcl_products_load_state(pcl_products *s, pcl_plane *p, pclean_err *err) {
    int rc = read_plane(s, PCL_PRODUCT_RESIDUAL, p, p->residual, err);
    return rc ? rc : read_plane(s, PCL_PRODUCT_MODEL, p, p->model, err);
}

int pcl_products_blank(pcl_products *s, size_t ipol, size_t ichan, pclean_err *err) {
    float *zeros = NULL;
    int rc = PCL_ZNEW(&zeros, (size_t)s->config->imsize[0] * (size_t)s->config->imsize[1], "blank plane", err);
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++)
        if (s->cube[k])
            rc = pcl_cube_write_plane(s->cube[k], ipol, ichan, zeros, s->work, err);
    pcl_free(zeros);
    return rc;
}

/* The primary beam, and so its mask, changes along the band. */
static int write_masks(pcl_products *s, const pcl_plane *p, pclean_err *err) {
    bool *good = p->search; /* the plane is finished: free */
    int rc = 0;
    for (size_t i = 0; i < p->nx * p->ny; i++)
        good[i] = p->pb[i] > 0; /* cut at |pblimit| already */
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++)
        if (s->cube[k] && has_mask(s->config, k))
            rc = pcl_cube_write_mask(s->cube[k], p->ipol, p->ichan, good, s->work, err);
    return rc;
}

int pcl_products_write(pcl_products *s, pcl_plane *p, double sumwt, pclean_err *err) {
    const float weight = (float)sumwt;
    int rc;
    if ((rc = pcl_products_save_psf(s, p, err)) || (rc = pcl_products_save_state(s, p, err)) ||
        (rc = write_plane(s, PCL_PRODUCT_PB, p, p->pb, err)) || (rc = write_plane(s, PCL_PRODUCT_SUMWT, p, &weight, err)) ||
        (rc = write_plane(s, PCL_PRODUCT_IMAGE, p, p->image, err)) || (rc = write_masks(s, p, err)))
        return rc;
    const size_t n = p->nx * p->ny;
    if (s->cube[PCL_PRODUCT_PBCOR]) {
        pcl_restore_pbcor(p->image, p->pb, n, (float)s->config->pblimit, p->work);
        if ((rc = write_plane(s, PCL_PRODUCT_PBCOR, p, p->work, err)))
            return rc;
    }
    if (s->cube[PCL_PRODUCT_MASK]) {
        for (size_t i = 0; i < n; i++)
            p->work[i] = !p->user_mask || p->user_mask[i] ? 1 : 0;
        rc = write_plane(s, PCL_PRODUCT_MASK, p, p->work, err);
    }
    return rc;
}

/* Products of a run that this one replaces and that it does not make itself would pass for its own. */
static int remove_older(const pclean_config *c, pclean_err *err) {
    int rc = 0;
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++) {
        char path[4096];
        pcl_product_path(c, k, path, sizeof path);
        if (!pcl_product_wanted(c, k))
            rc = pcl_fs_remove_tree(path, err);
    }
    return rc;
}

int pcl_products_finish(pcl_products *s, const pcl_setup *setup, const casa_beam *fitted, const casa_beam *restoring,
                        const char *const *history, size_t nhistory, pclean_err *err) {
    int rc = 0;
    const size_t nplane = setup->desc.nchan * setup->desc.npol;
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++) {
        if (!s->cube[k])
            continue;
        const casa_beam *beams = products[k].beams ? (k == PCL_PRODUCT_PSF ? fitted : restoring) : NULL;
        rc = pcl_cube_finish(s->cube[k], beams, beams ? nplane : 0, history, nhistory, err);
    }
    if (rc)
        return rc;
    /* The record of an older run says "complete": it steps aside while the names change, and comes back if they cannot. */
    char record[4096], aside[4112];
    pcl_record_path(s->config, record, sizeof record);
    snprintf(aside, sizeof aside, "%s.old", record);
    const bool had_record = rename(record, aside) == 0;
    rc = pcl_cube_publish_all(s->cube, PCL_NPRODUCT, s->config->overwrite || s->config->restart, err);
    if (had_record && (rc ? rename(aside, record) : remove(aside)))
        pcl_log(PCL_LOG_WARNING, "%s could not be %s", aside, rc ? "renamed back" : "removed");
    return rc ? rc : remove_older(s->config, err);
}

void pcl_products_abort(pcl_products *s) {
    for (enum pcl_product k = 0; k < PCL_NPRODUCT; k++)
        pcl_cube_abort(s->cube[k]);
    pcl_free(s->work);
    *s = (pcl_products){0};
}
