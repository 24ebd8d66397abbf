#include "run/products.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "plan/cut.h"
#include "run/imagename.h"
#include "run/subcubes.h"

/* ---- creation ---- */

/* The header of a product; for a sub-cube that of `count` channels from `first` on. */
static casa_image_desc describe(const pcl_setup *setup, enum pcl_product k, size_t first,
                                size_t count) {
    casa_image_desc desc = setup->desc;
    desc.unit = pcl_product_unit(k);
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
            bytes += (uint64_t)(paged + pcl_subcubes_wanted(setup->config)) *
                     casa_image_bytes(&desc, pcl_product_has_mask(setup->config, k));
    }
    return bytes;
}

uint64_t pcl_products_work_bytes(const pcl_setup *setup) {
    const uint64_t nx = setup->desc.nx, across = (nx + 127) / 128;
    return (nx + across - 1) / across * across * 128 * sizeof(float); /* as casacore's tiles */
}

static void need_work(pcl_products *s, const pcl_cube *cube) {
    if (pcl_cube_work_size(cube) > s->nwork)
        s->nwork = pcl_cube_work_size(cube);
}

static int create_one(pcl_products *s, const char *path, const casa_image_desc *desc,
                      enum pcl_product k, const bool *pb_mask, pcl_cube **out, pclean_err *err) {
    int rc =
        pcl_cube_create(path, desc, pcl_product_has_mask(s->config, k) ? pb_mask : NULL, out, err);
    if (!rc)
        need_work(s, *out);
    return rc;
}

enum { ROOM = 9000 }; /* of a sub-cube's path */

/* Where sub-cube i is made: inside the folder of the cube where the mode wants that, else beside
 * it. */
static void subcube_path(const pcl_products *s, enum pcl_product k, size_t i,
                         char path[static ROOM]) {
    char name[4096];
    pcl_subcubes_name(s->config->imagename, i, name, sizeof name);
    if (s->mode == PCLEAN_CONCAT_MOVEVIRTUAL)
        snprintf(path, ROOM, "%s.part/%s%s", pcl_cube_final_path(s->cube[k]), basename(name),
                 pcl_product_extension(k));
    else
        snprintf(path, ROOM, "%s%s", name, pcl_product_extension(k));
}

static int create_subcubes(pcl_products *s, const pcl_setup *setup, enum pcl_product k,
                           const bool *pb_mask, pclean_err *err) {
    char path[ROOM];
    int rc = PCL_ZNEW(&s->subcube[k], s->nsubcube, "list of sub-cubes", err);
    for (size_t i = 0; !rc && i < s->nsubcube; i++) {
        subcube_path(s, k, i, path);
        if (s->mode != PCLEAN_CONCAT_MOVEVIRTUAL &&
            (rc = pcl_imagename_make_way(s->config, s->claim, path, err)))
            break;
        size_t first, count;
        pcl_cut_range(setup->desc.nchan, s->nsubcube, i, &first, &count);
        const casa_image_desc desc = describe(setup, k, first, count);
        rc = create_one(s, path, &desc, k, pb_mask, &s->subcube[k][i], err);
    }
    return rc;
}

int pcl_products_list_subcubes(const pcl_products *s, enum pcl_product k, bool inside,
                               pcl_virtual *list, pclean_err *err) {
    char name[4096];
    *list = (pcl_virtual){.type = "float", .axis = 3};
    int rc = PCL_ZNEW(&list->image, s->nsubcube, "list of sub-cubes", err);
    for (; !rc && list->n < s->nsubcube; list->n += !rc) {
        pcl_subcubes_name(s->config->imagename, list->n, name, sizeof name);
        rc = pcl_asprintf(&list->image[list->n], err, "%s%s%s", inside ? "././" : "./",
                          basename(name), pcl_product_extension(k));
    }
    return rc;
}

/* The list of sub-cubes that is the cube. */
static int create_virtual(pcl_products *s, const char *path, enum pcl_product k, pclean_err *err) {
    pcl_virtual list;
    int rc = pcl_products_list_subcubes(s, k, s->mode == PCLEAN_CONCAT_MOVEVIRTUAL, &list, err);
    if (!rc)
        rc = pcl_cube_create_virtual(path, &list, &s->cube[k], err);
    pcl_virtual_clear(&list);
    return rc;
}

static int create_product(pcl_products *s, const pcl_setup *setup, enum pcl_product k,
                          const bool *pb_mask, pclean_err *err) {
    char path[4096];
    pcl_product_path(s->config, k, path, sizeof path);
    int rc = pcl_imagename_make_way(s->config, s->claim, path, err);
    if (rc)
        return rc;
    if (s->mode == PCLEAN_CONCAT_PAGED) {
        const casa_image_desc desc = describe(setup, k, 0, setup->desc.nchan);
        rc = create_one(s, path, &desc, k, pb_mask, &s->cube[k], err);
    } else {
        rc = create_virtual(s, path, k, err);
    }
    return rc || s->nsubcube == 0 ? rc : create_subcubes(s, setup, k, pb_mask, err);
}

/* A pcl_subcubes_visitor: an unfinished sub-cube that holds nothing. What a killed run has left
 * besides went with its claim. */
static int remove_empty_part(const char *path, size_t i, const char *rest, void *user,
                             pclean_err *err) {
    (void)i;
    (void)user;
    (void)err;
    if (pcl_product_role(rest) == PCL_PRODUCT_ROLE_PART)
        (void)rmdir(path);
    return 0;
}

int pcl_products_create(pcl_products *s, const pcl_setup *setup, int claim, size_t nworker,
                        const bool *pb_mask, pclean_err *err) {
    const pclean_config *c = setup->config;
    *s = (pcl_products){
        .config = c, .claim = claim, .nchan = setup->desc.nchan, .mode = pcl_subcubes_mode(c)};
    if (pcl_subcubes_wanted(c))
        s->nsubcube = pcl_cut_count(s->nchan, c->cube_chunksize, nworker);
    int rc = pcl_subcubes_visit(c->imagename, remove_empty_part, NULL, err);
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++)
        if (pcl_product_wanted(c, k))
            rc = create_product(s, setup, k, pb_mask, err);
    if (!rc)
        rc = PCL_NEW(&s->work, s->nwork, "plane in tile order", err);
    if (rc)
        pcl_products_abort(s);
    return rc;
}

/* ---- in another process ---- */

/* The record of a product: of the cube, and of its first sub-cube, whose shape the others have but
 * for their number of channels. */
static int put_product(const pcl_products *s, enum pcl_product k, pcl_parcel *p, pclean_err *err) {
    pcl_cube_record cube, subcube = {0};
    const bool made = s->cube[k] != NULL;
    pcl_parcel_put(p, &made, sizeof made);
    if (!made)
        return 0;
    int rc = pcl_cube_describe(s->cube[k], &cube, err);
    if (!rc && s->nsubcube)
        rc = pcl_cube_describe(s->subcube[k][0], &subcube, err);
    pcl_parcel_put(p, &cube, sizeof cube);
    pcl_parcel_put(p, &subcube, sizeof subcube);
    return rc;
}

int pcl_products_put(const pcl_products *s, pcl_parcel *p, pclean_err *err) {
    int rc = 0;
    pcl_parcel_put(p, &s->nchan, sizeof s->nchan);
    pcl_parcel_put(p, &s->nsubcube, sizeof s->nsubcube);
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++)
        rc = put_product(s, k, p, err);
    return rc ? rc : pcl_parcel_check(p, err);
}

static int attach_subcubes(pcl_products *s, enum pcl_product k, pcl_cube_record *record,
                           pclean_err *err) {
    char path[ROOM];
    int rc = PCL_ZNEW(&s->subcube[k], s->nsubcube, "list of sub-cubes", err);
    for (size_t i = 0; !rc && i < s->nsubcube; i++) {
        size_t first;
        subcube_path(s, k, i, path);
        pcl_cut_range(s->nchan, s->nsubcube, i, &first, &record->nchan);
        if (!(rc = pcl_cube_attach(path, record, &s->subcube[k][i], err)))
            need_work(s, s->subcube[k][i]);
    }
    return rc;
}

static int attach_product(pcl_products *s, enum pcl_product k, pcl_parcel_reader *r,
                          pclean_err *err) {
    pcl_cube_record cube, subcube;
    char path[4096];
    bool made;
    pcl_parcel_take(r, &made, sizeof made);
    if (!made)
        return pcl_parcel_reader_check(r, err);
    pcl_parcel_take(r, &cube, sizeof cube);
    pcl_parcel_take(r, &subcube, sizeof subcube);
    pcl_product_path(s->config, k, path, sizeof path);
    int rc = pcl_parcel_reader_check(r, err);
    if (rc || (rc = pcl_cube_attach(path, &cube, &s->cube[k], err)))
        return rc;
    if (s->mode == PCLEAN_CONCAT_PAGED)
        need_work(s, s->cube[k]);
    return s->nsubcube ? attach_subcubes(s, k, &subcube, err) : 0;
}

int pcl_products_attach(pcl_parcel_reader *r, const pclean_config *config, pcl_products *s,
                        pclean_err *err) {
    *s = (pcl_products){.config = config, .claim = -1, .mode = pcl_subcubes_mode(config)};
    pcl_parcel_take(r, &s->nchan, sizeof s->nchan);
    pcl_parcel_take(r, &s->nsubcube, sizeof s->nsubcube);
    int rc = pcl_parcel_reader_check(r, err);
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++)
        rc = attach_product(s, k, r, err);
    if (!rc)
        rc = PCL_NEW(&s->work, s->nwork, "plane in tile order", err);
    if (rc)
        pcl_products_detach(s);
    return rc;
}

/* ---- planes: each goes to the cube, unless that is only a list, and to its sub-cube, if there are
 * any ---- */

/* The sub-cube that has channel *ichan, which becomes its own number there; NULL: there are
 * none. */
static pcl_cube *find_subcube(const pcl_products *s, enum pcl_product k, size_t *ichan) {
    if (s->nsubcube == 0)
        return NULL;
    const size_t i = pcl_cut_find(s->nchan, s->nsubcube, *ichan);
    size_t first, count;
    pcl_cut_range(s->nchan, s->nsubcube, i, &first, &count);
    *ichan -= first;
    return s->subcube[k][i];
}

static int write_pixels(pcl_products *s, enum pcl_product k, size_t ipol, size_t ichan,
                        const float *pixels, pclean_err *err) {
    int rc = 0;
    if (s->cube[k] && s->mode == PCLEAN_CONCAT_PAGED)
        rc = pcl_cube_write_plane(s->cube[k], ipol, ichan, pixels, s->work, err);
    pcl_cube *part = s->cube[k] && !rc ? find_subcube(s, k, &ichan) : NULL;
    return part ? pcl_cube_write_plane(part, ipol, ichan, pixels, s->work, err) : rc;
}

static int write_mask(pcl_products *s, enum pcl_product k, size_t ipol, size_t ichan,
                      const bool *good, pclean_err *err) {
    int rc = 0;
    if (s->mode == PCLEAN_CONCAT_PAGED)
        rc = pcl_cube_write_mask(s->cube[k], ipol, ichan, good, s->work, err);
    pcl_cube *part = rc ? NULL : find_subcube(s, k, &ichan);
    return part ? pcl_cube_write_mask(part, ipol, ichan, good, s->work, err) : rc;
}

static int write_plane(pcl_products *s, enum pcl_product k, const pcl_target *p,
                       const float *pixels, pclean_err *err) {
    return write_pixels(s, k, p->plane.ipol, p->plane.ichan, pixels, err);
}

/* ---- a place for the state of a plane (imager/state.h) ---- */

static int product_of(const pcl_state_item *item, enum pcl_product *k, pclean_err *err) {
    switch (item->array) {
    case PCL_STATE_PSF:
        *k = PCL_PRODUCT_PSF;
        return 0;
    case PCL_STATE_RESIDUAL:
        *k = PCL_PRODUCT_RESIDUAL;
        return 0;
    case PCL_STATE_MODEL:
        *k = PCL_PRODUCT_MODEL;
        return 0;
    default:
        return PCL_FAIL(err, PCLEAN_EBUG, "no product holds this array of a plane");
    }
}

static int write_state(void *user, const pcl_state_item *item, const void *array, pclean_err *err) {
    enum pcl_product k = PCL_NPRODUCT;
    int rc = product_of(item, &k, err);
    return rc ? rc : write_pixels(user, k, item->ipol, item->ichan, array, err);
}

static int read_state(void *user, const pcl_state_item *item, void *array, pclean_err *err) {
    pcl_products *s = user;
    enum pcl_product k = PCL_NPRODUCT;
    size_t ichan = item->ichan;
    int rc = product_of(item, &k, err);
    if (rc)
        return rc;
    pcl_cube *part = find_subcube(s, k, &ichan), *cube = part ? part : s->cube[k];
    if (cube)
        return pcl_cube_read_plane(cube, item->ipol, ichan, array, s->work, err);
    memset(array, 0, item->bytes); /* a product that is not made holds nothing: a model of zeros */
    return 0;
}

pcl_state_place pcl_products_place(pcl_products *s) {
    return (pcl_state_place){.write = write_state, .read = read_state, .user = s};
}

int pcl_products_blank(pcl_products *s, size_t ipol, size_t ichan, pclean_err *err) {
    float *zeros = NULL;
    int rc = PCL_ZNEW(&zeros, (size_t)s->config->imsize[0] * (size_t)s->config->imsize[1],
                      "blank plane", err);
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++)
        rc = write_pixels(s, k, ipol, ichan, zeros, err);
    pcl_free(zeros);
    return rc;
}

/* The primary beam, and the mask that follows from it: both change along the band. */
static int write_pb(pcl_products *s, pcl_target *p, pclean_err *err) {
    float *pb = pcl_target_borrow_plane(p);
    bool *good = pcl_target_borrow_mask(p);
    int rc = pcl_target_fill_pb(p, pb, err);
    if (rc || (rc = write_plane(s, PCL_PRODUCT_PB, p, pb, err)))
        return rc;
    for (size_t i = 0; i < p->nx * p->ny; i++)
        good[i] = pb[i] > 0; /* cut at |pblimit| already */
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++)
        if (s->cube[k] && pcl_product_has_mask(s->config, k))
            rc = write_mask(s, k, p->plane.ipol, p->plane.ichan, good, err);
    return rc;
}

/* The user's mask, or of an automatic one what was used last, as tclean. */
static bool clean_mask_at(const pcl_target *p, size_t i) {
    return p->automask.last ? p->automask.last[i] : !p->user_mask || p->user_mask[i];
}

static int write_clean_mask(pcl_products *s, pcl_target *p, pclean_err *err) {
    float *mask = pcl_target_borrow_plane(p);
    for (size_t i = 0; i < p->nx * p->ny; i++)
        mask[i] = clean_mask_at(p, i) ? 1 : 0;
    return write_plane(s, PCL_PRODUCT_MASK, p, mask, err);
}

int pcl_products_write_restored(pcl_products *s, pcl_target *p, pclean_err *err) {
    int rc = write_plane(s, PCL_PRODUCT_IMAGE, p, p->restored, err);
    if (!rc && s->cube[PCL_PRODUCT_PBCOR] && !(rc = pcl_target_correct_pb(p, err)))
        rc = write_plane(s, PCL_PRODUCT_PBCOR, p, p->restored, err);
    return rc;
}

int pcl_products_write(pcl_products *s, pcl_target *p, double sumwt, pclean_err *err) {
    const float weight = (float)sumwt;
    const pcl_state_place place = pcl_products_place(s);
    int rc;
    if ((rc = pcl_state_save(p, PCL_STATE_PSF | PCL_STATE_CYCLE, &place, err)) ||
        (rc = write_plane(s, PCL_PRODUCT_SUMWT, p, &weight, err)) ||
        (p->restored && (rc = pcl_products_write_restored(s, p, err))) ||
        (rc = write_pb(s, p, err)))
        return rc;
    return s->cube[PCL_PRODUCT_MASK] ? write_clean_mask(s, p, err) : 0;
}

/* ---- the end ---- */

static void free_products(pcl_products *s, void (*free_cube)(pcl_cube *cube)) {
    for (enum pcl_product k = 0; k < PCL_NPRODUCT; k++) {
        for (size_t i = 0; s->subcube[k] && i < s->nsubcube; i++)
            free_cube(s->subcube[k][i]);
        pcl_free(s->subcube[k]);
        free_cube(s->cube[k]);
    }
    pcl_free(s->work);
    *s = (pcl_products){0};
}

void pcl_products_abort(pcl_products *s) {
    free_products(s, s->kept ? pcl_cube_free : pcl_cube_abort);
}

void pcl_products_detach(pcl_products *s) {
    free_products(s, pcl_cube_free);
}
