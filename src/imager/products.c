#include "imager/products.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/restore.h"
#include "imager/record.h"
#include "imager/subcubes.h"
#include "plan/partition.h"

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

/* The product that has this extension; PCL_NPRODUCT: none. */
static enum pcl_product find_product(const char *extension) {
    enum pcl_product k = 0;
    while (k < PCL_NPRODUCT && strcmp(products[k].extension, extension) != 0)
        k++;
    return k;
}

/* A pcl_subcubes_visitor; user is their number. */
static int count_subcube(const char *path, size_t i, const char *rest, void *user, pclean_err *err) {
    (void)path;
    (void)i;
    (void)err;
    *(size_t *)user += find_product(rest) < PCL_NPRODUCT;
    return 0;
}

int pcl_products_check(const pclean_config *c, pclean_err *err) {
    char found[512] = "", path[4096];
    for (enum pcl_product k = 0; k < PCL_NPRODUCT; k++) {
        pcl_product_path(c, k, path, sizeof path);
        if (pcl_fs_exists(path))
            snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s", *found ? " " : "", products[k].extension);
    }
    size_t nsubcube = 0;
    const int rc = pcl_subcubes_visit(c->imagename, count_subcube, &nsubcube, err);
    if (rc)
        return rc;
    if (nsubcube > 0)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%zu of sub-cubes", *found ? " " : "", nsubcube);
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
    /* of what is added to it */
    const size_t longest = strlen(pcl_subcubes_wanted(c) ? ".subcube.999999.image.pbcor.part" : ".image.pbcor.old.part");
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

/* ---- creation ---- */

/* The header of a product; for a sub-cube that of `count` channels from `first` on. */
static casa_image_desc describe(const pcl_setup *setup, enum pcl_product k, size_t first, size_t count) {
    casa_image_desc desc = setup->desc;
    desc.unit = products[k].unit;
    if (k == PCL_PRODUCT_SUMWT) {
        desc.nx = desc.ny = 1;
        desc.crpix_x = desc.crpix_y = 0;
    }
    desc.nchan = count;
    desc.crval_hz += (double)first * desc.cdelt_hz;
    if (desc.chan_freq_hz)
        desc.chan_freq_hz += first;
    return desc;
}

uint64_t pcl_products_bytes(const pcl_setup *setup) {
    const bool paged = pcl_subcubes_mode(setup->config) == PCLEAN_CONCAT_PAGED;
    uint64_t bytes = 0;
    for (enum pcl_product k = 0; k < PCL_NPRODUCT; k++) {
        const casa_image_desc desc = describe(setup, k, 0, setup->desc.nchan);
        if (pcl_product_wanted(setup->config, k))
            bytes += (uint64_t)(paged + pcl_subcubes_wanted(setup->config)) * casa_image_bytes(&desc, has_mask(setup->config, k));
    }
    return bytes;
}

static int create_one(pcl_products *s, const char *path, const casa_image_desc *desc, enum pcl_product k, const bool *pb_mask,
                      pcl_cube **out, pclean_err *err) {
    int rc = pcl_cube_create(path, desc, has_mask(s->config, k) ? pb_mask : NULL, out, err);
    if (!rc && pcl_cube_work_size(*out) > s->nwork)
        s->nwork = pcl_cube_work_size(*out);
    return rc;
}

/* The sub-cubes of a product, inside the folder of the cube where the mode wants that. */
static int create_subcubes(pcl_products *s, const pcl_setup *setup, enum pcl_product k, const bool *pb_mask, pclean_err *err) {
    char name[4096], path[9000];
    int rc = PCL_ZNEW(&s->subcube[k], s->nsubcube, "list of sub-cubes", err);
    for (size_t i = 0; !rc && i < s->nsubcube; i++) {
        pcl_subcubes_name(s->config->imagename, i, name, sizeof name);
        if (s->mode == PCLEAN_CONCAT_MOVEVIRTUAL)
            snprintf(path, sizeof path, "%s/%s%s", pcl_cube_path(s->cube[k]), basename(name), products[k].extension);
        else
            snprintf(path, sizeof path, "%s%s", name, products[k].extension);
        size_t first, count;
        pcl_partition_range(setup->desc.nchan, s->nsubcube, i, &first, &count);
        const casa_image_desc desc = describe(setup, k, first, count);
        rc = create_one(s, path, &desc, k, pb_mask, &s->subcube[k][i], err);
    }
    return rc;
}

/* The list of sub-cubes that is the cube. */
static int create_virtual(pcl_products *s, const char *path, enum pcl_product k, pclean_err *err) {
    char name[4096];
    pcl_virtual list = {.type = "float", .axis = 3};
    int rc = PCL_ZNEW(&list.image, s->nsubcube, "list of sub-cubes", err);
    for (; !rc && list.n < s->nsubcube; list.n += !rc) {
        pcl_subcubes_name(s->config->imagename, list.n, name, sizeof name);
        rc = pcl_asprintf(&list.image[list.n], err, "%s%s%s", s->mode == PCLEAN_CONCAT_MOVEVIRTUAL ? "././" : "./", basename(name),
                          products[k].extension);
    }
    if (!rc)
        rc = pcl_cube_create_virtual(path, &list, &s->cube[k], err);
    pcl_virtual_clear(&list);
    return rc;
}

static int create_product(pcl_products *s, const pcl_setup *setup, enum pcl_product k, const bool *pb_mask, pclean_err *err) {
    char path[4096];
    pcl_product_path(s->config, k, path, sizeof path);
    int rc;
    if (s->mode == PCLEAN_CONCAT_PAGED) {
        const casa_image_desc desc = describe(setup, k, 0, setup->desc.nchan);
        rc = create_one(s, path, &desc, k, pb_mask, &s->cube[k], err);
    } else {
        rc = create_virtual(s, path, k, err);
    }
    return rc || s->nsubcube == 0 ? rc : create_subcubes(s, setup, k, pb_mask, err);
}

/* A pcl_subcubes_visitor: what a run that was killed has left. */
static int remove_part(const char *path, size_t i, const char *rest, void *user, pclean_err *err) {
    (void)i;
    (void)user;
    const size_t n = strlen(rest), suffix = strlen(".part");
    return n > suffix && strcmp(rest + n - suffix, ".part") == 0 ? pcl_fs_remove_tree(path, err) : 0;
}

int pcl_products_create(pcl_products *s, const pcl_setup *setup, size_t nworker, const bool *pb_mask, pclean_err *err) {
    const pclean_config *c = setup->config;
    *s = (pcl_products){.config = c, .nchan = setup->desc.nchan, .mode = pcl_subcubes_mode(c)};
    if (pcl_subcubes_wanted(c))
        s->nsubcube = pcl_partition_count(s->nchan, c->cube_chunksize, nworker);
    int rc = pcl_subcubes_visit(c->imagename, remove_part, NULL, err);
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++)
        if (pcl_product_wanted(c, k))
            rc = create_product(s, setup, k, pb_mask, err);
    if (!rc)
        rc = PCL_NEW(&s->work, s->nwork, "plane in tile order", err);
    if (rc)
        pcl_products_abort(s);
    return rc;
}

/* ---- planes: each goes to the cube, unless that is only a list, and to its sub-cube, if there are any ---- */

/* The sub-cube that has channel *ichan, which becomes its own number there; NULL: there are none. */
static pcl_cube *find_subcube(const pcl_products *s, enum pcl_product k, size_t *ichan) {
    if (s->nsubcube == 0)
        return NULL;
    const size_t i = pcl_partition_find(s->nchan, s->nsubcube, *ichan);
    size_t first, count;
    pcl_partition_range(s->nchan, s->nsubcube, i, &first, &count);
    *ichan -= first;
    return s->subcube[k][i];
}

static int write_pixels(pcl_products *s, enum pcl_product k, size_t ipol, size_t ichan, const float *pixels, pclean_err *err) {
    int rc = 0;
    if (s->cube[k] && s->mode == PCLEAN_CONCAT_PAGED)
        rc = pcl_cube_write_plane(s->cube[k], ipol, ichan, pixels, s->work, err);
    pcl_cube *part = s->cube[k] && !rc ? find_subcube(s, k, &ichan) : NULL;
    return part ? pcl_cube_write_plane(part, ipol, ichan, pixels, s->work, err) : rc;
}

static int write_mask(pcl_products *s, enum pcl_product k, size_t ipol, size_t ichan, const bool *good, pclean_err *err) {
    int rc = 0;
    if (s->mode == PCLEAN_CONCAT_PAGED)
        rc = pcl_cube_write_mask(s->cube[k], ipol, ichan, good, s->work, err);
    pcl_cube *part = rc ? NULL : find_subcube(s, k, &ichan);
    return part ? pcl_cube_write_mask(part, ipol, ichan, good, s->work, err) : rc;
}

static int write_plane(pcl_products *s, enum pcl_product k, const pcl_plane *p, const float *pixels, pclean_err *err) {
    return write_pixels(s, k, p->ipol, p->ichan, pixels, err);
}

static int read_plane(pcl_products *s, enum pcl_product k, const pcl_plane *p, float *pixels, pclean_err *err) {
    size_t ichan = p->ichan;
    pcl_cube *cube = find_subcube(s, k, &ichan);
    return pcl_cube_read_plane(cube ? cube : s->cube[k], p->ipol, ichan, pixels, s->work, err);
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
        rc = write_pixels(s, k, ipol, ichan, zeros, err);
    pcl_free(zeros);
    return rc;
}

/* The primary beam, and so its mask, changes along the band. */
static int write_masks(pcl_products *s, pcl_plane *p, const float *pb, pclean_err *err) {
    bool *good = p->search;
    int rc = 0;
    for (size_t i = 0; i < p->nx * p->ny; i++)
        good[i] = pb[i] > 0; /* cut at |pblimit| already */
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++)
        if (s->cube[k] && has_mask(s->config, k))
            rc = write_mask(s, k, p->ipol, p->ichan, good, err);
    return rc;
}

int pcl_products_write(pcl_products *s, pcl_plane *p, double sumwt, pclean_err *err) {
    const size_t n = p->nx * p->ny;
    const float weight = (float)sumwt;
    int rc;
    if ((rc = pcl_products_save_psf(s, p, err)) || (rc = pcl_products_save_state(s, p, err)) ||
        (rc = write_plane(s, PCL_PRODUCT_SUMWT, p, &weight, err)) || (rc = write_plane(s, PCL_PRODUCT_IMAGE, p, p->image, err)))
        return rc;
    float *pb = p->residual; /* what is written makes room */
    if ((rc = pcl_plane_fill_pb(p, pb, err)) || (rc = write_plane(s, PCL_PRODUCT_PB, p, pb, err)) || (rc = write_masks(s, p, pb, err)))
        return rc;
    if (s->cube[PCL_PRODUCT_PBCOR]) {
        pcl_restore_pbcor(p->image, pb, n, (float)s->config->pblimit, p->image);
        if ((rc = write_plane(s, PCL_PRODUCT_PBCOR, p, p->image, err)))
            return rc;
    }
    if (s->cube[PCL_PRODUCT_MASK]) {
        float *mask = p->psf;
        for (size_t i = 0; i < n; i++)
            mask[i] = !p->user_mask || p->user_mask[i] ? 1 : 0;
        rc = write_plane(s, PCL_PRODUCT_MASK, p, mask, err);
    }
    return rc;
}

/* ---- the end ---- */

/* A pcl_subcubes_visitor; user is the pcl_products: sub-cubes that this run has not made. */
static int remove_older_subcube(const char *path, size_t i, const char *rest, void *user, pclean_err *err) {
    const pcl_products *s = user;
    const enum pcl_product k = find_product(rest);
    const bool made = k < PCL_NPRODUCT && s->mode != PCLEAN_CONCAT_MOVEVIRTUAL && i < s->nsubcube && s->cube[k];
    return k == PCL_NPRODUCT || made ? 0 : pcl_fs_remove_tree(path, err);
}

/* Products of a run that this one replaces and that it does not make itself would pass for its own. */
static int remove_older(pcl_products *s, pclean_err *err) {
    int rc = pcl_subcubes_visit(s->config->imagename, remove_older_subcube, s, err);
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++) {
        char path[4096];
        pcl_product_path(s->config, k, path, sizeof path);
        if (!pcl_product_wanted(s->config, k))
            rc = pcl_fs_remove_tree(path, err);
    }
    return rc;
}

static int finish_product(pcl_products *s, const pcl_setup *setup, enum pcl_product k, const casa_beam *beams,
                          const char *const *history, size_t nhistory, pclean_err *err) {
    const size_t npol = setup->desc.npol;
    int rc = 0;
    for (size_t i = 0; !rc && i < s->nsubcube; i++) {
        size_t first, count;
        pcl_partition_range(s->nchan, s->nsubcube, i, &first, &count);
        rc = pcl_cube_finish(s->subcube[k][i], beams ? beams + first * npol : NULL, beams ? count * npol : 0, history, nhistory, err);
    }
    return rc ? rc : pcl_cube_finish(s->cube[k], beams, beams ? s->nchan * npol : 0, history, nhistory, err);
}

/* To the disk, and final names for all: the sub-cubes before the cubes, of which they may be the inside. */
static int publish(pcl_products *s, pclean_err *err) {
    pcl_cube **all = NULL;
    size_t n = 0;
    int rc = PCL_NEW(&all, PCL_NPRODUCT * (s->nsubcube + 1), "list of products", err);
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++)
        for (size_t i = 0; s->subcube[k] && i < s->nsubcube; i++)
            all[n++] = s->subcube[k][i];
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++)
        all[n++] = s->cube[k];
    if (!rc && !(rc = pcl_cube_sync_all(all, n, err)))
        rc = pcl_cube_publish_all(all, n, s->config->overwrite || s->config->restart, err);
    pcl_free(all);
    return rc;
}

/* A product's name, and the one it has while it stands aside. */
static void list_paths(const pcl_products *s, enum pcl_product k, char path[static 4096], char aside[static 4112]) {
    pcl_product_path(s->config, k, path, 4096);
    snprintf(aside, 4112, "%s.old.part", path);
}

/* A list of sub-cubes beside it would show old and new ones together while these change their names. So it steps aside before, and comes
 * back if they cannot (back). */
static int move_lists(const pcl_products *s, bool back, bool *moved, pclean_err *err) {
    int rc = 0;
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++) {
        char path[4096], aside[4112];
        list_paths(s, k, path, aside);
        if (!back && (!s->cube[k] || s->nsubcube == 0 || s->mode == PCLEAN_CONCAT_MOVEVIRTUAL || !pcl_virtual_is(path)))
            continue;
        if (!back && (rc = pcl_fs_remove_tree(aside, err)))
            break;
        if (back ? moved[k] && rename(aside, path) : rename(path, aside))
            rc = PCL_FAIL(err, PCLEAN_EIO, "cannot move %s aside and back: %s", path, strerror(errno));
        moved[k] = !back && !rc;
    }
    return rc;
}

/* Also of a run that was killed. */
static int remove_moved_lists(const pcl_products *s, pclean_err *err) {
    int rc = 0;
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++) {
        char path[4096], aside[4112];
        list_paths(s, k, path, aside);
        rc = pcl_fs_remove_tree(aside, err);
    }
    return rc;
}

int pcl_products_finish(pcl_products *s, const pcl_setup *setup, const casa_beam *fitted, const casa_beam *restoring,
                        const char *const *history, size_t nhistory, pclean_err *err) {
    int rc = 0;
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++) {
        const casa_beam *beams = products[k].beams ? (k == PCL_PRODUCT_PSF ? fitted : restoring) : NULL;
        if (s->cube[k])
            rc = finish_product(s, setup, k, beams, history, nhistory, err);
    }
    if (rc)
        return rc;
    /* The record of an older run says "complete": it steps aside while the names change, and comes back if they cannot. */
    char record[4096], aside[4112];
    pcl_record_path(s->config, record, sizeof record);
    snprintf(aside, sizeof aside, "%s.old", record);
    const bool had_record = rename(record, aside) == 0;
    bool moved[PCL_NPRODUCT] = {false};
    pclean_err why;
    if (!(rc = move_lists(s, false, moved, err)))
        rc = publish(s, err);
    if (rc && move_lists(s, true, moved, &why))
        pcl_log(PCL_LOG_WARNING, "%s", why.msg);
    if (rc ? had_record && rename(aside, record) : remove(aside) && errno != ENOENT) /* it may be that of a killed run */
        pcl_log(PCL_LOG_WARNING, "%s could not be %s", aside, rc ? "renamed back" : "removed");
    return rc || (rc = remove_moved_lists(s, err)) ? rc : remove_older(s, err);
}

void pcl_products_abort(pcl_products *s) {
    for (enum pcl_product k = 0; k < PCL_NPRODUCT; k++) {
        for (size_t i = 0; s->subcube[k] && i < s->nsubcube; i++)
            pcl_cube_abort(s->subcube[k][i]);
        pcl_free(s->subcube[k]);
        pcl_cube_abort(s->cube[k]);
    }
    pcl_free(s->work);
    *s = (pcl_products){0};
}
