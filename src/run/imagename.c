#include "run/imagename.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/apart.h"
#include "base/claim.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "base/mem.h"
#include "image/kind.h"
#include "image/virtual.h"
#include "run/inputs.h"
#include "run/product.h"
#include "run/record.h"
#include "run/subcubes.h"

static const char *base_of(const pclean_config *c) {
    const char *slash = strrchr(c->imagename, '/');
    return slash ? slash + 1 : c->imagename;
}

static void claim_path(const pclean_config *c, char *buf, size_t size) {
    snprintf(buf, size, "%s.lock", c->imagename);
}

/* ---- what a run reads ---- */

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
    return pcl_product_role(behind ? behind : rest) != PCL_PRODUCT_ROLE_NONE;
}

int pcl_imagename_check_inputs(const pclean_config *c, pclean_err *err) {
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

/* ---- what stands under the name ---- */

typedef struct found {
    const pclean_config *config;
    bool unfinished; /* look at what is unfinished, too */
    size_t nsubcube; /* sub-cubes that are products */
} found;

/* Only images give way to products, only what a run of this name has noted to a .part, only a list
 * to one that is moved aside. */
static int check_kind(const found *f, const char *path, const char *extension, pclean_err *err) {
    char lock[4096];
    switch (pcl_product_role(extension)) {
    case PCL_PRODUCT_ROLE_NONE:
        return 0;
    case PCL_PRODUCT_ROLE_PART:
        claim_path(f->config, lock, sizeof lock);
        return f->unfinished ? pcl_claim_check(lock, path, err) : 0;
    case PCL_PRODUCT_ROLE_ASIDE:
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
    f->nsubcube += pcl_product_find(rest) < PCL_NPRODUCT;
    return check_kind(f, path, rest, err);
}

static int check_kinds(found *f, pclean_err *err) {
    static const char *const suffix[] = {"", ".part", ".next.part", ".old.part"};
    const size_t nsuffix = sizeof suffix / sizeof *suffix;
    const pclean_config *c = f->config;
    char path[4096], extension[64];
    int rc = pcl_subcubes_visit(c->imagename, check_subcube, f, err);
    for (size_t k = 0; !rc && k < PCL_NPRODUCT * nsuffix; k++) {
        snprintf(extension, sizeof extension, "%s%s", pcl_product_extension(k / nsuffix),
                 suffix[k % nsuffix]);
        snprintf(path, sizeof path, "%s%s", c->imagename, extension);
        rc = check_kind(f, path, extension, err);
    }
    return rc ? rc : pcl_record_check(c, err);
}

int pcl_imagename_check(const pclean_config *c, bool unfinished, pclean_err *err) {
    char list[512] = "", path[4096];
    found f = {.config = c, .unfinished = unfinished};
    const int rc = check_kinds(&f, err);
    for (enum pcl_product k = 0; k < PCL_NPRODUCT; k++) {
        pcl_product_path(c, k, path, sizeof path);
        if (pcl_fs_exists(path))
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", *list ? " " : "",
                     pcl_product_extension(k));
    }
    pcl_record_path(c, path, sizeof path);
    const bool recorded = pcl_fs_exists(path);
    if (recorded)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s.run.json", *list ? " " : "");
    if (f.nsubcube > 0)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%zu of sub-cubes",
                 *list ? " " : "", f.nsubcube);
    if (*list && !c->overwrite && !c->restart)
        return PCL_FAIL(
            err, PCLEAN_EEXIST,
            "products of %s exist already (%s) and are kept%s; choose another imagename, or give "
            "--overwrite to replace them or --restart to continue from their model",
            c->imagename, list,
            recorded ? ""
                     : " (there is no .run.json: another program made them, or a run that was "
                       "killed when all but that was done)");
    return rc;
}

/* ---- the claim ---- */

/* A pcl_subcubes_visitor: what a killed run of a part of this image has left. */
static int tidy_subcube(const char *path, size_t i, const char *rest, void *user, pclean_err *err) {
    (void)i;
    (void)user;
    (void)err;
    if (strcmp(rest, ".lock") == 0)
        pcl_claim_tidy(path);
    return 0;
}

int pcl_imagename_claim(const pclean_config *c, int *fd, pclean_err *err) {
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

void pcl_imagename_unclaim(const pclean_config *c, int fd) {
    char path[4096];
    claim_path(c, path, sizeof path);
    pcl_claim_drop(path, fd);
}

int pcl_imagename_make_way(const pclean_config *c, int claim, const char *path, pclean_err *err) {
    char lock[4096], part[9100];
    claim_path(c, lock, sizeof lock);
    snprintf(part, sizeof part, "%s.part", path);
    return pcl_claim_make_way(lock, claim, part, err);
}

/* ---- what a killed run moved aside ---- */

/* What stands aside under PATH.old.part comes back if a run was killed before there was a new PATH;
 * else the new one has replaced it. Only a list is known by itself; where the file system cannot
 * exchange names, all products step aside, and the record has done so before. */
static int bring_back(const char *old, bool record_is_aside, pclean_err *err) {
    char path[4128];
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
    return pcl_product_role(rest) == PCL_PRODUCT_ROLE_ASIDE
               ? bring_back(path, *(const bool *)user, err)
               : 0;
}

int pcl_imagename_repair(const pclean_config *c, pclean_err *err) {
    char old[4128];
    bool aside = pcl_record_is_aside(c);
    int rc = pcl_subcubes_visit(c->imagename, bring_subcube_back, &aside, err);
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++) {
        pcl_product_path(c, k, old, 4096);
        snprintf(old + strlen(old), sizeof old - strlen(old), ".old.part");
        rc = bring_back(old, aside, err);
    }
    return rc;
}
