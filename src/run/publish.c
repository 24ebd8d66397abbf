#include "run/publish.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fsutil.h"
#include "base/log.h"
#include "base/mem.h"
#include "casa/casa.h"
#include "plan/cut.h"
#include "run/imagename.h"
#include "run/record.h"
#include "run/subcubes.h"

enum { ROOM = 4128 }; /* of a path with an ending */

/* ---- products of the run that is replaced ---- */

/* The mask of the run that is continued, where this one makes none: the next may need it. */
static bool is_kept(const pcl_products *s, enum pcl_product k) {
    return s->config->restart && k == PCL_PRODUCT_MASK && !pcl_product_wanted(s->config, k);
}

/* By way of the name that is noted: what a kill leaves of it is the next run's to remove. */
static int remove_product(const pcl_products *s, const char *path, pclean_err *err) {
    char part[ROOM + 64];
    if (!pcl_fs_exists(path))
        return 0;
    int rc = pcl_imagename_make_way(s->config, s->claim, path, err);
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
    const enum pcl_product k = pcl_product_find(rest);
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

/* ---- lists of sub-cubes, while these change their names ---- */

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
    int rc = pcl_imagename_make_way(s->config, s->claim, next, err);
    if (!rc)
        rc = pcl_products_list_subcubes(s, k, true, &list, err);
    if (!rc && mkdir(folder, 0777) != 0)
        rc = PCL_FAIL(err, PCLEAN_EIO, "cannot make the folder %s: %s", folder, strerror(errno));
    for (size_t i = 0; !rc && i < list.n; i++) {
        char inside[2 * ROOM];
        snprintf(inside, sizeof inside, "%s/%s", folder, basename(list.image[i]));
        rc = pcl_fs_copy_tree(pcl_cube_path(s->subcube[k][i]), inside, PCL_FS_LINK, err);
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
    const int rc =
        pcl_imagename_make_way(s->config, s->claim, next, err); /* what there is of it goes */
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

/* ---- headers and final names ---- */

/* The header of a cube of `nplane` planes from `first_plane` on. */
static int finish_cube(pcl_cube *cube, enum pcl_product k, const pcl_publish_headers *h,
                       size_t first_plane, size_t nplane, pclean_err *err) {
    const casa_beam *beams = h->fitted ? h->fitted + first_plane : NULL;
    size_t n = beams ? nplane : 0;
    if (h->one && k != PCL_PRODUCT_PSF) {
        beams = h->one;
        n = 1;
    }
    if (!pcl_product_has_beams(k))
        n = 0;
    return pcl_cube_finish(cube, n ? beams : NULL, n, h->history, h->nhistory, err);
}

static int finish_product(pcl_products *s, const pcl_setup *setup, enum pcl_product k,
                          const pcl_publish_headers *h, pclean_err *err) {
    const size_t npol = setup->desc.npol;
    int rc = 0;
    for (size_t i = 0; !rc && i < s->nsubcube; i++) {
        size_t first, count;
        pcl_cut_range(s->nchan, s->nsubcube, i, &first, &count);
        rc = finish_cube(s->subcube[k][i], k, h, first * npol, count * npol, err);
    }
    return rc ? rc : finish_cube(s->cube[k], k, h, 0, s->nchan * npol, err);
}

/* Two processes have died over a header: the disk, or casacore itself. Days of work are not lost
 * to that. */
static int keep_planes(pcl_products *s, int rc, pclean_err *err) {
    if (!casa_has_died())
        return rc;
    const pclean_err why = err ? *err : (pclean_err){0};
    s->kept = true;
    return PCL_FAIL(err, why.code ? why.code : PCLEAN_EIO,
                    "%.500s; all planes are finished and are kept, without beams and history, in "
                    "the images %s.*.part, which the next run of this name removes: move them away "
                    "to use them",
                    why.msg, s->config->imagename);
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

/* Final names for all that is complete and on the disk. The record of an older run says "complete":
 * it steps aside while the names change, and comes back if they cannot. */
static int give_final_names(pcl_products *s, pcl_cube **all, size_t n, pclean_err *err) {
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

int pcl_publish_products(pcl_products *s, const pcl_setup *setup,
                         const pcl_publish_headers *headers, pclean_err *err) {
    int rc = pcl_imagename_check(s->config, false, err); /* again: hours may have passed */
    for (enum pcl_product k = 0; !rc && k < PCL_NPRODUCT; k++)
        if (s->cube[k] && (rc = finish_product(s, setup, k, headers, err)))
            rc = keep_planes(s, rc, err);
    pcl_cube **all = NULL;
    size_t n = 0;
    if (!rc && !(rc = list_all(s, &all, &n, err)) && !(rc = pcl_cube_sync_all(all, n, err)))
        rc = give_final_names(s, all, n, err);
    pcl_free(all);
    return rc || (rc = remove_moved_lists(s, err)) ? rc : remove_older(s, err);
}
