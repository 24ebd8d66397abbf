#include "run/products.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/apart.h"
#include "base/claim.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/restore.h"
#include "image/kind.h"
#include "image/virtual.h"
#include "plan/cut.h"
#include "run/inputs.h"
#include "run/record.h"
#include "run/subcubes.h"

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
    case PCL_PRODUCT_MODEL: /* as in tclean: nobody needs one of zeros */
        return c->restoration || pcl_params_model(c);
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

/* ---- what is there already ---- */

static const char *base_of(const pclean_config *c) {
    const char *slash = strrchr(c->imagename, '/');
    return slash ? slash + 1 : c->imagename;
}

static void claim_path(const pclean_config *c, char *buf, size_t size) {
    snprintf(buf, size, "%s.lock", c->imagename);
}

/* Whether `name` ends with the suffix, which then is cut off. */
static bool cut_suffix(char *name, const char *suffix) {
    const size_t n = strlen(name), m = strlen(suffix);
    const bool has = n > m && strcmp(name + n - m, suffix) == 0;
    name[has ? n - m : n] = '\0';
    return has;
}

/* What an extension makes of a name. */
enum role { ROLE_NONE, ROLE_PRODUCT, ROLE_PART, ROLE_ASIDE };

static enum role role_of(const char *extension) {
    char text[64];
    if (strlen(extension) >= sizeof text)
        return ROLE_NONE;
    snprintf(text, sizeof text, "%s", extension);
    enum role role = ROLE_PRODUCT;
    if (cut_suffix(text, ".old.part"))
        role = ROLE_ASIDE;
    else if (cut_suffix(text, ".next.part") || cut_suffix(text, ".part"))
        role = ROLE_PART;
    return find_product(text) < PCL_NPRODUCT ? role : ROLE_NONE;
}

/* For pcl_apart: user is the imagename without its folders. */
static bool is_output(const char *name, const void *user) {
    const char *base = user, *rest = name + strlen(base);
    size_t i;
    if (strncmp(name, base, strlen(base)) != 0)
        return false;
    if (strcmp(rest, ".lock") == 0 || strcmp(rest, ".run.json") == 0 ||
        strcmp(rest, ".run.json.aside") == 0 || strncmp(rest, ".run.json.tmp.", 14) == 0)
        return true;
    const char *behind = pcl_subcubes_rest(name, base, &i);
    return role_of(behind ? behind : rest) != ROLE_NONE;
}

int pcl_products_check_inputs(const pclean_config *c, pclean_err *err) {
    pcl_apart outputs = {.is_output = is_output, .user = base_of(c)};
    char *folder = NULL, *name = NULL;
    const char *base;
    int rc = pcl_fs_split(c->imagename, &folder, &base, err);
    if (!rc && !(rc = pcl_asprintf(&name, err, "imagename=%s", c->imagename))) {
        outputs.folder = folder;
        outputs.name = name;
        rc = pcl_inputs_check(c, &outputs, err);
    }
    pcl_free(name);
    pcl_free(folder);
    return rc;
}

typedef struct found {
    const pclean_config *config;
    bool parts;      /* look at what is unfinished, too */
    size_t nsubcube; /* sub-cubes that are products */
} found;

/* Only images give way to products, only what a run of this name has noted to a .part, only a list
 * to one that is moved aside. */
static int check_kind(const found *f, const char *path, const char *extension, pclean_err *err) {
    char lock[4096];
    switch (role_of(extension)) {
    case ROLE_NONE:
        return 0;
    case ROLE_PART:
        claim_path(f->config, lock, sizeof lock);
        return f->parts ? pcl_claim_check(lock, path, err) : 0;
    case ROLE_ASIDE:
        return pcl_virtual_is(path) ? 0 : pcl_claim_check("", path, err);
    default:
        return pcl_kind_check_image(path, err);
    }
}

/* A pcl_subcubes_visitor; user is a found. */
static int check_subcube(const char *path, size_t i, const char *rest, void *user,
                         pclean_err *err) {
    found *f = user;
    (void)i;
    f->nsubcube += find_product(rest) < PCL_NPRODUCT;
    return check_kind(f, path, rest, err);
}

static int check_kinds(found *f, pclean_err *err) {
    static const char *const suffix[] = {"", ".part", ".next.part", ".old.part"};
    const size_t nsuffix = sizeof suffix / sizeof *suffix;
    const pclean_config *c = f->config;
    char path[4096], extension[64];
    int rc = pcl_subcubes_visit(c->imagename, check_subcube, f, err);
    for (size_t k = 0; !rc && k < PCL_NPRODUCT * nsuffix; k++) {
        snprintf(extension, sizeof extension, "%s%s", products[k / nsuffix].extension,
                 suffix[k % nsuffix]);
        snprintf(path, sizeof path, "%s%s", c->imagename, extension);
        rc = check_kind(f, path, extension, err);
    }
    return rc ? rc : pcl_record_check(c, err);
}

static int check_names(const pclean_config *c, bool parts, pclean_err *err) {
    char list[512] = "", path[4096];
    found f = {.config = c, .parts = parts};
    const int rc = check_kinds(&f, err);
    for (enum pcl_product k = 0; k < PCL_NPRODUCT; k++) {
        pcl_product_path(c, k, path, sizeof path);
        if (pcl_fs_exists(path))
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", *list ? " " : "",
                     products[k].extension);
    }
    pcl_record_path(c, path, sizeof path);
    if (pcl_fs_exists(path))
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s.run.json", *list ? " " : "");
    if (f.nsubcube > 0)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%zu of sub-cubes",
                 *list ? " " : "", f.nsubcube);
    if (*list && !c->overwrite && !c->restart)
        return PCL_FAIL(
            err, PCLEAN_EEXIST,
            "products of %s exist already (%s) and are kept; choose another imagename, or give "
            "--overwrite to replace them or --restart to continue from their model",
            c->imagename, list);
    return rc;
}

int pcl_products_check(const pclean_config *c, pclean_err *err) {
    return check_names(c, true, err);
}

/* Whether a product carries the primary beam's mask: .pb always (tclean's does), the others for a
 * positive pblimit. */
static bool has_mask(const pclean_config *c, enum pcl_product k) {
    return products[k].masked && (c->pblimit > 0 || (c->pblimit < 0 && k == PCL_PRODUCT_PB));
}

/* A pcl_subcubes_visitor: what a killed run of a part of this image has left. */
static int tidy_subcube(const char *path, size_t i, const char *rest, void *user, pclean_err *err) {
    (void)i;
    (void)user;
    (void)err;
    if (strcmp(rest, ".lock") == 0)
        pcl_claim_tidy(path);
    return 0;
}

int pcl_products_claim(const pclean_config *c, int *fd, pclean_err *err) {
    char path[4096];
    const char *base = base_of(c);
    /* of what is added to it */
    const size_t longest = strlen(pcl_subcubes_wanted(c) ? ".subcube.999999.image.pbcor.old.part"
                                                         : ".image.pbcor.next.part");
    *fd = -1;
    if (strlen(base) + longest > 255 || strlen(c->imagename) + longest >= sizeof path - 256)
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "imagename is too long (%zu characters): no file system takes its products",
                        strlen(c->imagename));
    if (base > c->imagename + 1) {
        snprintf(path, sizeof path, "%.*s", (int)(base - 1 - c->imagename), c->imagename);
        if (!pcl_fs_is_dir(path))
            return PCL_FAIL(err, PCLEAN_EIO, "imagename=%s: there is no folder %s; make it first",
                            c->imagename, path);
    }
    claim_path(c, path, sizeof path);
    bool claimed;
    int rc = pcl_claim_take(path, fd, &claimed, err);
    if (rc == -PCLEAN_EEXIST)
        return rc;
    if (rc)
        pcl_err_prefix(err, "imagename=%s: its folder cannot hold products: ", c->imagename);
    else if (!claimed)
        rc = PCL_FAIL(err, PCLEAN_EEXIST,
                      "another run is making the products of %s now; wait for it, or choose "
                      "another imagename",
                      c->imagename);
    if (rc || !claimed)
        return rc;
    pcl_record_tidy(c);
    return pcl_subcubes_visit(c->imagename, tidy_subcube, NULL, err);
}

void pcl_products_unclaim(const pclean_config *c, int fd) {
    char path[4096];
    claim_path(c, path, sizeof path);
    pcl_claim_drop(path, fd);
}

/* ---- creation ---- */

/* The header of a product; for a sub-cube that of `count` channels from `first` on. */
static casa_image_desc describe(const pcl_setup *setup, enum pcl_product k, size_t first,
                                size_t count) {
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
            bytes += (uint64_t)(paged + pcl_subcubes_wanted(setup->config)) *
                     casa_image_bytes(&desc, has_mask(setup->config, k));
    }
    return bytes;
}

uint64_t pcl_products_work_bytes(const pcl_setup *setup) {
    const uint64_t nx = setup->desc.nx, across = (nx + 127) / 128;
    return (nx + across - 1) / across * across * 128 * sizeof(float); /* as casacore's tiles */
}

/* What stands at the name of an unfinished product, of a run that was killed. */
static int make_way(const pcl_products *s, const char *path, pclean_err *err) {
    char lock[4096], part[9100];
    claim_path(s->config, lock, sizeof lock);
    snprintf(part, sizeof part, "%s.part", path);
    return pcl_claim_make_way(lock, s->claim, part, err);
}

static int create_one(pcl_products *s, const char *path, const casa_image_desc *desc,
                      enum pcl_product k, const bool *pb_mask, pcl_cube **out, pclean_err *err) {
    int rc = pcl_cube_create(path, desc, has_mask(s->config, k) ? pb_mask : NULL, out, err);
    if (!rc && pcl_cube_work_size(*out) > s->nwork)
        s->nwork = pcl_cube_work_size(*out);
    return rc;
}

/* The sub-cubes of a product, inside the folder of the cube where the mode wants that. */
static int create_subcubes(pcl_products *s, const pcl_setup *setup, enum pcl_product k,
                           const bool *pb_mask, pclean_err *err) {
    char name[4096], path[9000];
    int rc = PCL_ZNEW(&s->subcube[k], s->nsubcube, "list of sub-cubes", err);
    for (size_t i = 0; !rc && i < s->nsubcube; i++) {
        pcl_subcubes_name(s->config->imagename, i, name, sizeof name);
        if (s->mode == PCLEAN_CONCAT_MOVEVIRTUAL)
            snprintf(path, sizeof path, "%s/%s%s", pcl_cube_path(s->cube[k]), basename(name),
                     products[k].extension);
        else
            snprintf(path, sizeof path, "%s%s", name, products[k].extension);
        if (s->mode != PCLEAN_CONCAT_MOVEVIRTUAL && (rc = make_way(s, path, err)))
            break;
        size_t first, count;
        pcl_cut_range(setup->desc.nchan, s->nsubcube, i, &first, &count);
        const casa_image_desc desc = describe(setup, k, first, count);
        rc = create_one(s, path, &desc, k, pb_mask, &s->subcube[k][i], err);
    }
    return rc;
}

/* The sub-cubes of a product in a list, inside its folder or beside it. */
static int list_subcubes(const pcl_products *s, enum pcl_product k, bool inside, pcl_virtual *list,
                         pclean_err *err) {
    char name[4096];
    *list = (pcl_virtual){.type = "float", .axis = 3};
    int rc = PCL_ZNEW(&list->image, s->nsubcube, "list of sub-cubes", err);
    for (; !rc && list->n < s->nsubcube; list->n += !rc) {
        pcl_subcubes_name(s->config->imagename, list->n, name, sizeof name);
        rc = pcl_asprintf(&list->image[list->n], err, "%s%s%s", inside ? "././" : "./",
                          basename(name), products[k].extension);
    }
    return rc;
}

/* The list of sub-cubes that is the cube. */
static int create_virtual(pcl_products *s, const char *path, enum pcl_product k, pclean_err *err) {
    pcl_virtual list;
    int rc = list_subcubes(s, k, s->mode == PCLEAN_CONCAT_MOVEVIRTUAL, &list, err);
    if (!rc)
        rc = pcl_cube_create_virtual(path, &list, &s->cube[k], err);
    pcl_virtual_clear(&list);
    return rc;
}

static int create_product(pcl_products *s, const pcl_setup *setup, enum pcl_product k,
                          const bool *pb_mask, pclean_err *err) {
    char path[4096];
    pcl_product_path(s->config, k, path, sizeof path);
    int rc = make_way(s, path, err);
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
    if (role_of(rest) == ROLE_PART)
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
    pcl_cube *cube = find_subcube(s, k, &ichan);
    return pcl_cube_read_plane(cube ? cube : s->cube[k], item->ipol, ichan, array, s->work, err);
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
        if (s->cube[k] && has_mask(s->config, k))
            rc = write_mask(s, k, p->plane.ipol, p->plane.ichan, good, err);
    return rc;
}

static int write_clean_mask(pcl_products *s, pcl_target *p, pclean_err *err) {
    float *mask = pcl_target_borrow_plane(p);
    for (size_t i = 0; i < p->nx * p->ny; i++)
        mask[i] = !p->user_mask || p->user_mask[i] ? 1 : 0;
    return write_plane(s, PCL_PRODUCT_MASK, p, mask, err);
}

int pcl_products_write(pcl_products *s, pcl_target *p, double sumwt, pclean_err *err) {
    const float weight = (float)sumwt;
    const pcl_state_place place = pcl_products_place(s);
    int rc;
    if ((rc = pcl_state_save(p, PCL_STATE_PSF | PCL_STATE_CYCLE, &place, err)) ||
        (rc = write_plane(s, PCL_PRODUCT_SUMWT, p, &weight, err)) ||
        (rc = write_plane(s, PCL_PRODUCT_IMAGE, p, p->restored, err)))
        return rc;
    if (s->cube[PCL_PRODUCT_PBCOR] &&
        ((rc = pcl_target_correct_pb(p, err)) ||
         (rc = write_plane(s, PCL_PRODUCT_PBCOR, p, p->restored, err))))
        return rc;
    if ((rc = write_pb(s, p, err)))
        return rc;
    return s->cube[PCL_PRODUCT_MASK] ? write_clean_mask(s, p, err) : 0;
}

/* ---- the end ---- */

enum { ROOM = 4128 }; /* of a path with an ending */

/* The mask of the run that is continued, where this one makes none: the next may need it. */
static bool is_kept(const pcl_products *s, enum pcl_product k) {
    return s->config->restart && k == PCL_PRODUCT_MASK && !pcl_product_wanted(s->config, k);
}

/* By way of the name that is noted: what a kill leaves of it is the next run's to remove. */
static int remove_product(const pcl_products *s, const char *path, pclean_err *err) {
    char part[ROOM + 64];
    if (!pcl_fs_exists(path))
        return 0;
    int rc = make_way(s, path, err);
    if (rc)
        return rc;
    snprintf(part, sizeof part, "%s.part", path);
    if (rename(path, part) != 0)
        return PCL_FAIL(err, PCLEAN_EIO,
                        "%s, a product of the run that was replaced, cannot be removed: %s", path,
                        strerror(errno));
    return pcl_fs_remove_tree(part, err);
}

/* A pcl_subcubes_visitor; user is the pcl_products: sub-cubes that this run has not made. */
static int remove_older_subcube(const char *path, size_t i, const char *rest, void *user,
                                pclean_err *err) {
    const pcl_products *s = user;
    const enum pcl_product k = find_product(rest);
    const bool made =
        k < PCL_NPRODUCT && s->mode != PCLEAN_CONCAT_MOVEVIRTUAL && i < s->nsubcube && s->cube[k];
    return k == PCL_NPRODUCT || made || is_kept(s, k) ? 0 : remove_product(s, path, err);
}

/* Products of a run that this one replaces and that it does not make itself would pass for its
 * own. */
static int remove_older(pcl_products *s, pclean_err *err) {
    int rc = 0;
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++) {
        char path[4096];
        pcl_product_path(s->config, k, path, sizeof path);
        if (!pcl_product_wanted(s->config, k) && !is_kept(s, k))
            rc = remove_product(s, path, err);
    }
    /* after lists of them */
    return rc ? rc : pcl_subcubes_visit(s->config->imagename, remove_older_subcube, s, err);
}

static int finish_product(pcl_products *s, const pcl_setup *setup, enum pcl_product k,
                          const casa_beam *beams, const char *const *history, size_t nhistory,
                          pclean_err *err) {
    const size_t npol = setup->desc.npol;
    int rc = 0;
    for (size_t i = 0; !rc && i < s->nsubcube; i++) {
        size_t first, count;
        pcl_cut_range(s->nchan, s->nsubcube, i, &first, &count);
        rc = pcl_cube_finish(s->subcube[k][i], beams ? beams + first * npol : NULL,
                             beams ? count * npol : 0, history, nhistory, err);
    }
    return rc ? rc
              : pcl_cube_finish(s->cube[k], beams, beams ? s->nchan * npol : 0, history, nhistory,
                                err);
}

/* All that has a name of its own, in the order in which the final ones are given: sub-cubes before
 * the lists of them, which they may be the inside of; but after a cube with pixels of its own, as
 * that may replace a list. */
static int list_all(const pcl_products *s, pcl_cube ***all, size_t *n, pclean_err *err) {
    *n = 0;
    int rc = PCL_NEW(all, PCL_NPRODUCT * (s->nsubcube + 1), "list of products", err);
    for (int part = 0; !rc && part < 2; part++)
        for (enum pcl_product k = 0; k < PCL_NPRODUCT; k++)
            if ((part == 0) == (s->mode == PCLEAN_CONCAT_PAGED))
                (*all)[(*n)++] = s->cube[k];
            else
                for (size_t i = 0; s->subcube[k] && i < s->nsubcube; i++)
                    (*all)[(*n)++] = s->subcube[k][i];
    return rc;
}

/* A product's name with an ending: ".next.part" of what stands in for it while sub-cubes change
 * their names, ".old.part" of the old one then. */
static void path_with(const pclean_config *c, enum pcl_product k, const char *ending,
                      char path[static ROOM]) {
    pcl_product_path(c, k, path, 4096);
    snprintf(path + strlen(path), ROOM - strlen(path), "%s", ending);
}

/* A list that has the new sub-cubes inside: second names of their files. */
static int make_stand_in(const pcl_products *s, enum pcl_product k, const char *folder,
                         pclean_err *err) {
    pcl_virtual list = {0};
    char next[ROOM];
    path_with(s->config, k, ".next", next);
    int rc = make_way(s, next, err);
    if (!rc)
        rc = list_subcubes(s, k, true, &list, err);
    if (!rc && mkdir(folder, 0777) != 0)
        rc = PCL_FAIL(err, PCLEAN_EIO, "cannot make the folder %s: %s", folder, strerror(errno));
    for (size_t i = 0; !rc && i < list.n; i++) {
        char inside[2 * ROOM];
        snprintf(inside, sizeof inside, "%s/%s", folder, basename(list.image[i]));
        rc = pcl_fs_copy_tree(pcl_cube_path(s->subcube[k][i]), inside, true, err);
    }
    if (!rc && !(rc = pcl_virtual_write(folder, &list, err)))
        rc = pcl_fs_sync_tree(folder, err);
    pcl_virtual_clear(&list);
    return rc;
}

enum moved { STAYS, PREPARED, REPLACED, ASIDE };

/* A list of sub-cubes beside it would show old and new ones together while these change their
 * names. So a stand-in takes its place meanwhile; where none can be made (a file system without
 * hard links) the list steps aside. */
static int prepare_list(const pcl_products *s, enum pcl_product k, enum moved *moved,
                        pclean_err *err) {
    char path[ROOM], next[ROOM], old[ROOM];
    pclean_err why; /* a stand-in is worth no failure */
    path_with(s->config, k, "", path);
    if (!s->cube[k] || s->mode == PCLEAN_CONCAT_PAGED || s->mode == PCLEAN_CONCAT_MOVEVIRTUAL ||
        !pcl_virtual_is(path))
        return 0;
    path_with(s->config, k, ".next.part", next);
    path_with(s->config, k, ".old.part", old);
    *moved = make_stand_in(s, k, next, &why) ? ASIDE : PREPARED;
    if (*moved == PREPARED)
        return 0;
    path_with(s->config, k, ".next", next);
    const int rc = make_way(s, next, err); /* what there is of it goes */
    return rc ? rc : pcl_fs_remove_tree(old, err);
}

static int move_list(const pcl_products *s, enum pcl_product k, enum moved *moved,
                     pclean_err *err) {
    const enum moved wanted = *moved == PREPARED ? REPLACED : *moved;
    char path[ROOM], aside[ROOM];
    int rc = 0;
    path_with(s->config, k, "", path);
    path_with(s->config, k, wanted == ASIDE ? ".old.part" : ".next.part", aside);
    if (wanted == REPLACED)
        rc = pcl_cube_exchange(aside, path, err);
    else if (wanted == ASIDE && rename(path, aside) != 0)
        rc = PCL_FAIL(err, PCLEAN_EIO, "cannot move %s aside: %s", path, strerror(errno));
    *moved = rc ? STAYS : wanted;
    return rc;
}

/* All stand-ins are on the disk before the first of them is used: what follows is renaming only. */
static int move_lists(const pcl_products *s, enum moved *moved, pclean_err *err) {
    enum moved wanted[PCL_NPRODUCT] = {STAYS};
    int rc = 0;
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++)
        rc = prepare_list(s, k, &wanted[k], err);
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++)
        if (!(rc = move_list(s, k, &wanted[k], err)))
            moved[k] = wanted[k];
    return rc;
}

/* The names could not change: the lists come back. */
static void move_lists_back(const pcl_products *s, const enum moved *moved) {
    char path[ROOM], aside[ROOM];
    pclean_err err;
    for (enum pcl_product k = 0; k < PCL_NPRODUCT; k++) {
        path_with(s->config, k, "", path);
        path_with(s->config, k, moved[k] == ASIDE ? ".old.part" : ".next.part", aside);
        if (moved[k] == REPLACED && pcl_cube_exchange(aside, path, &err))
            pcl_log(PCL_LOG_WARNING, "%s", err.msg);
        else if (moved[k] == ASIDE && rename(aside, path))
            pcl_log(PCL_LOG_WARNING, "cannot move %s back: %s", aside, strerror(errno));
        else if (moved[k] != ASIDE && pcl_fs_remove_tree(aside, &err))
            pcl_log(PCL_LOG_WARNING, "%s", err.msg);
    }
}

/* Also of a run that was killed. */
static int remove_moved_lists(const pcl_products *s, pclean_err *err) {
    char path[ROOM];
    int rc = 0;
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++) {
        path_with(s->config, k, ".next.part", path);
        if (!(rc = pcl_fs_remove_tree(path, err))) {
            path_with(s->config, k, ".old.part", path);
            rc = pcl_fs_remove_tree(path, err);
        }
    }
    return rc;
}

/* What stands aside under PATH.old.part comes back if a run was killed before there was a new PATH;
 * else the new one has replaced it. Only a list is known by itself; where the file system cannot
 * exchange names, all products step aside, and the record has done so before. */
static int bring_back(const char *old, bool record_is_aside, pclean_err *err) {
    char path[ROOM];
    snprintf(path, sizeof path, "%.*s", (int)(strlen(old) - strlen(".old.part")), old);
    if (!pcl_kind_is_image(old) || pcl_virtual_check(old, NULL) ||
        !(record_is_aside || pcl_virtual_is(old)))
        return 0;
    if (pcl_fs_exists(path))
        return record_is_aside ? pcl_fs_remove_tree(old, err) : 0;
    if (rename(old, path) != 0)
        return PCL_FAIL(err, PCLEAN_EIO,
                        "cannot bring %s back to %s, as a run that was killed left it: %s", old,
                        path, strerror(errno));
    pcl_log(PCL_LOG_WARNING,
            "%s is back: a run that was killed had moved it aside; make the products again if they "
            "do not belong together",
            path);
    return 0;
}

/* A pcl_subcubes_visitor; user: is the record aside? */
static int bring_subcube_back(const char *path, size_t i, const char *rest, void *user,
                              pclean_err *err) {
    (void)i;
    return role_of(rest) == ROLE_ASIDE ? bring_back(path, *(const bool *)user, err) : 0;
}

int pcl_products_repair(const pclean_config *c, pclean_err *err) {
    char old[ROOM];
    bool aside = pcl_record_is_aside(c);
    int rc = pcl_subcubes_visit(c->imagename, bring_subcube_back, &aside, err);
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++) {
        path_with(c, k, ".old.part", old);
        rc = bring_back(old, aside, err);
    }
    return rc;
}

/* Final names for all that is complete and on the disk. The record of an older run says "complete":
 * it steps aside while the names change, and comes back if they cannot. */
static int publish(pcl_products *s, pcl_cube **all, size_t n, pclean_err *err) {
    char record[4096], aside[4112];
    enum moved moved[PCL_NPRODUCT] = {STAYS};
    pcl_record_path(s->config, record, sizeof record);
    snprintf(aside, sizeof aside, "%s.aside", record);
    const bool had_record = rename(record, aside) == 0;
    int rc = move_lists(s, moved, err);
    if (!rc)
        rc = pcl_cube_publish_all(all, n, s->config->overwrite || s->config->restart, err);
    if (rc)
        move_lists_back(s, moved);
    /* it may be that of a killed run */
    if (rc ? had_record && rename(aside, record) : remove(aside) && errno != ENOENT)
        pcl_log(PCL_LOG_WARNING, "%s could not be %s", aside, rc ? "renamed back" : "removed");
    return rc;
}

int pcl_products_finish(pcl_products *s, const pcl_setup *setup, const casa_beam *fitted,
                        const casa_beam *restoring, const char *const *history, size_t nhistory,
                        pclean_err *err) {
    int rc = check_names(s->config, false, err); /* again: hours may have passed */
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++) {
        const casa_beam *beams =
            products[k].beams ? (k == PCL_PRODUCT_PSF ? fitted : restoring) : NULL;
        if (s->cube[k])
            rc = finish_product(s, setup, k, beams, history, nhistory, err);
    }
    pcl_cube **all = NULL;
    size_t n = 0;
    if (!rc && !(rc = list_all(s, &all, &n, err)) && !(rc = pcl_cube_sync_all(all, n, err)))
        rc = publish(s, all, n, err);
    pcl_free(all);
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
