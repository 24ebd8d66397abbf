/* restoring.c: what the last task of a run does (run/tasks.c) for parts that were made one by one:
 * from the same pixels, with the same beams to the last bit (pcl_commonbeam_round), and the primary
 * beam that is in .pb. */
#include "join/restoring.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/claim.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "base/mem.h"
#include "casa/casa.h"
#include "core/commonbeam.h"
#include "core/restore.h"
#include "core/stats.h"
#include "image/cube.h"
#include "image/kind.h"
#include "image/unrestored.h"
#include "join/series.h"
#include "pclean.h"

#define ARCSEC (M_PI / 180 / 3600)

/* ---- images of a part ---- */

static int name_image(const char *base, size_t ipart, const char *extension, char **out,
                      pclean_err *err) {
    return pcl_asprintf(out, err, "%s.subcube.%zu%s", base, ipart, extension);
}

/* An image of planes of floats, [channel][polarization][y][x]. */
static int open_image(const char *base, size_t ipart, const char *extension, pcl_series *out,
                      pclean_err *err) {
    const pcl_series_options load = {.axis = 3, .relax = true};
    char *name = NULL;
    *out = (pcl_series){0};
    int rc = name_image(base, ipart, extension, &name, err);
    if (!rc && !(rc = pcl_series_load((const char *const *)&name, 1, &load, out, err))) {
        const casa_member_info *info = casa_member_get_info(out->member[0]);
        if (info->pixels.ndim != 4 || info->spectral_axis != 3 || strcmp(info->type, "float") != 0)
            rc = PCL_FAIL(err, PCLEAN_EDATA, "%s is no image of this program's", name);
    }
    pcl_free(name);
    return rc;
}

static size_t plane_count(const pcl_series *s) {
    return s->total * s->pixels[0].tiles->shape[2];
}

static int read_plane(const pcl_series *s, size_t iplane, float *pixels, pclean_err *err) {
    const casa_tiles *t = s->pixels[0].tiles;
    const pcl_box box = {.start = {0, 0, iplane % t->shape[2], iplane / t->shape[2]},
                         .length = {t->shape[0], t->shape[1], 1, 1}};
    const pcl_tiles_series pixel_files = pcl_series_pixels(s);
    return pcl_tiles_gather(&pixel_files, t, &box, pixels, err);
}

/* ---- who waits ---- */

static int does_wait(const char *base, size_t ipart, bool *waits, bool *pbcor, pclean_err *err) {
    pcl_series residual;
    int rc = open_image(base, ipart, ".residual", &residual, err);
    *pbcor = *waits = false;
    if (!rc &&
        !(rc = casa_member_find_history(residual.member[0], PCL_UNRESTORED_PBCOR, pbcor, err)) &&
        !(*waits = *pbcor))
        rc = casa_member_find_history(residual.member[0], PCL_UNRESTORED, waits, err);
    pcl_series_clear(&residual);
    return rc;
}

int pcl_restoring_is_due(const char *base, size_t npart, bool *due, pclean_err *err) {
    bool first = false, waits, pbcor;
    int rc = 0;
    *due = npart > 0;
    for (size_t i = 0; !rc && *due && i < npart; i++) {
        char *name = NULL;
        if (!(rc = name_image(base, i, ".residual", &name, err)))
            *due = pcl_fs_is_dir(name);
        pcl_free(name);
    }
    for (size_t i = 0; !rc && *due && i < npart; i++) {
        if (does_wait(base, i, &waits, &pbcor, NULL)) {
            *due = false; /* the joining of the residuals will say what is wrong with it */
            return 0;
        }
        first = i == 0 ? waits : first;
        if (waits != first)
            rc = PCL_FAIL(err, PCLEAN_EDATA,
                          "of the parts of %s, some wait for their common beam "
                          "(restoringbeam=common) and number %zu %s: make all of them with the "
                          "same parameters",
                          base, i, waits ? "is the first that does" : "does not");
    }
    *due = !rc && *due && first;
    return rc;
}

/* ---- beams ---- */

/* The fitted beams of all planes of all parts; zero: none was fitted. */
typedef struct beams {
    pcl_beam *beam;
    size_t n, npol, *first; /* [npart + 1] of each part */
} beams;

static void clear_beams(beams *b) {
    pcl_free(b->beam);
    pcl_free(b->first);
}

/* Those of one image, appended. */
static int add_image(beams *b, const char *path, size_t nplane, pclean_err *err) {
    casa_image *image = NULL;
    casa_beam *read = NULL;
    bool any;
    int rc = casa_image_open(path, &image, err);
    if (!rc && !(rc = PCL_NEW(&read, nplane, "beams", err)))
        rc = casa_image_get_beams(image, read, &any, err);
    for (size_t i = 0; !rc && i < nplane; i++) {
        const pcl_beam own = {read[i].major_rad, read[i].minor_rad, read[i].pa_rad};
        b->beam[b->n++] = own.major_rad > 0 ? pcl_commonbeam_round(&own) : (pcl_beam){0};
    }
    pcl_free(read);
    casa_image_close(image);
    return rc;
}

static int add_part(beams *b, const char *base, size_t ipart, pclean_err *err) {
    pcl_series psf;
    pcl_beam *more = NULL;
    int rc = open_image(base, ipart, ".psf", &psf, err);
    const size_t nplane = rc ? 0 : plane_count(&psf);
    if (!rc)
        rc = PCL_NEW(&more, b->n + nplane, "beams", err);
    if (!rc) {
        b->npol = psf.pixels[0].tiles->shape[2];
        if (b->n)
            memcpy(more, b->beam, b->n * sizeof *more);
        pcl_free(b->beam);
        b->beam = more;
    }
    for (size_t i = 0; !rc && i < psf.n; i++)
        rc =
            add_image(b, casa_member_get_info(psf.member[i])->path, psf.pixels[i].n * b->npol, err);
    b->first[ipart + 1] = b->n;
    pcl_series_clear(&psf);
    return rc;
}

/* As verdict.c does: few channels spoil the common beam for all. */
static int warn_of_outliers(const beams *b, const pcl_beam *common, pclean_err *err) {
    const size_t most = b->n / 20 > b->npol ? b->n / 20 : b->npol;
    pcl_commonbeam_spread spread;
    pcl_beam *work = NULL;
    char list[200] = "";
    int rc = PCL_NEW(&work, b->n, "beams", err);
    if (rc)
        return rc;
    pcl_commonbeam_judge(b->beam, b->n, most, common, work, &spread);
    pcl_free(work);
    for (size_t i = 0; i < b->n && strlen(list) < 150; i++)
        if (pcl_commonbeam_is_outlier(&spread, &b->beam[i]))
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s%zu", *list ? ", " : "",
                     i / b->npol);
    if (pcl_commonbeam_is_spoilt(&spread) && *list)
        pcl_log(PCL_LOG_WARNING,
                "the common beam has %.3g times the area of the median channel's beam, %.3g times "
                "what it would have without channel %s: look at the data there, or leave it out",
                spread.above_median, spread.above_rest, list);
    return 0;
}

static int find_common(const char *base, size_t npart, beams *b, pcl_beam *common,
                       pclean_err *err) {
    int rc = PCL_ZNEW(&b->first, npart + 1, "beams", err);
    for (size_t i = 0; !rc && i < npart; i++)
        rc = add_part(b, base, i, err);
    if (rc)
        return rc;
    if (!pcl_commonbeam_find(b->beam, b->n, common)) {
        pcl_log(PCL_LOG_WARNING, "no plane of %s has a beam: the residuals are the images", base);
        return 0;
    }
    pcl_log(PCL_LOG_INFO, "common beam of the %zu parts of %s: %.6g x %.6g arcsec at %.2f deg",
            npart, base, common->major_rad / ARCSEC, common->minor_rad / ARCSEC,
            common->pa_rad * 180 / M_PI);
    return warn_of_outliers(b, common, err);
}

/* ---- an image in the making ---- */

typedef struct restored {
    char *path, *part_path; /* NAME.image, and that with .part, as which it is made */
    pcl_cube *cube;
    bool exists; /* part_path is there */
} restored;

/* The folder, with the residual's header, history and mask, and room for the pixels. */
static int create_folder(const restored *r, const pcl_series *residual, const char *line,
                         pclean_err *err) {
    const casa_tiles *t = residual->pixels[0].tiles;
    const casa_join join = {
        .member = residual->member,
        .nmember = residual->n,
        .axis = residual->axis,
        .tile = {casa_image_tile_edge(t->shape[0]), casa_image_tile_edge(t->shape[1]), 1, 1},
        .regular = residual->regular,
        .value = residual->value,
        .masked = residual->mask != NULL,
        .unit = "Jy/beam",
        .history = &line,
        .nhistory = 1};
    return casa_join_create(r->part_path, &join, err);
}

static int copy_mask(const pcl_series *residual, const casa_tiles *to, pclean_err *err) {
    const pcl_tiles_series from = pcl_series_masks(residual);
    pcl_tiles_room room = {0};
    pcl_boxes boxes;
    pcl_box box;
    int rc = 0;
    pcl_boxes_make(to, PCL_SERIES_BOX_BYTES, residual->axis, pcl_tiles_thickest(&from), &boxes);
    for (size_t i = 0; !rc && i < boxes.n; i++) {
        pcl_boxes_get(&boxes, to, i, &box);
        rc = pcl_tiles_repack(&from, to, &box, &room, NULL, err);
    }
    pcl_tiles_room_clear(&room);
    return rc;
}

/* The made folder, for planes. */
static int attach_planes(restored *r, const pcl_series *residual, pclean_err *err) {
    casa_member *made = NULL;
    int rc = casa_member_open(r->part_path, &made, err);
    if (rc)
        return rc;
    const casa_member_info *info = casa_member_get_info(made);
    const casa_tiles *t = &info->pixels;
    pcl_cube_record record = {.nx = t->shape[0],
                              .ny = t->shape[1],
                              .npol = t->shape[2],
                              .nchan = t->shape[3],
                              .tile_x = t->tile[0],
                              .tile_y = t->tile[1],
                              .big_endian = t->big_endian};
    snprintf(record.pixel_file, sizeof record.pixel_file, "%s", basename(t->file));
    if (info->masked)
        rc = copy_mask(residual, &info->mask, err);
    if (!rc)
        rc = pcl_cube_attach(r->path, &record, &r->cube, err);
    casa_member_close(made);
    return rc;
}

/* Under the lock of the part's own run. */
static int create_restored(restored *r, const char *lock, int claim, const char *line,
                           const pcl_series *residual, pclean_err *err) {
    int rc;
    if ((rc = pcl_asprintf(&r->part_path, err, "%s.part", r->path)) ||
        (rc = pcl_kind_check_image(r->path, err)) ||
        (rc = pcl_claim_make_way(lock, claim, r->part_path, err)) ||
        (rc = create_folder(r, residual, line, err)))
        return rc;
    r->exists = true;
    return attach_planes(r, residual, err);
}

static int finish_restored(restored *r, const pcl_beam *common, pclean_err *err) {
    const casa_beam beam = {common->major_rad, common->minor_rad, common->pa_rad};
    const int rc = casa_image_finish(r->part_path, &beam, common->major_rad > 0, NULL, 0, err);
    return rc ? rc : pcl_fs_sync_tree(r->part_path, err);
}

static void clear_restored(restored *r) {
    pclean_err err;
    pcl_cube_free(r->cube);
    if (r->exists && pcl_fs_remove_tree(r->part_path, &err) != 0)
        pcl_log(PCL_LOG_WARNING, "an unfinished image is left behind: %s", err.msg);
    pcl_free(r->part_path);
    pcl_free(r->path);
}

/* ---- a part ---- */

typedef struct part {
    const char *base;
    size_t ipart;
    const pcl_beam *own; /* [nplane] */
    pcl_beam common;
    bool pbcor;
    pcl_series residual, model, pb;
    restored image, corrected;
    float *plane[3], *work; /* model, residual and then the image, primary beam */
} part;

static int open_part(part *p, pclean_err *err) {
    const char *base = p->base;
    bool waits;
    int rc;
    if ((rc = does_wait(base, p->ipart, &waits, &p->pbcor, err)) ||
        (rc = open_image(base, p->ipart, ".residual", &p->residual, err)) ||
        (rc = open_image(base, p->ipart, ".model", &p->model, err)) ||
        (p->pbcor && (rc = open_image(base, p->ipart, ".pb", &p->pb, err))))
        return rc;
    const pcl_series *const all[] = {&p->residual, &p->model, p->pbcor ? &p->pb : &p->model};
    const size_t *shape = p->residual.pixels[0].tiles->shape;
    for (size_t i = 0; i < 3; i++)
        if (memcmp(all[i]->pixels[0].tiles->shape, shape, 3 * sizeof *shape) != 0 ||
            all[i]->total != p->residual.total)
            return PCL_FAIL(err, PCLEAN_EDATA, "%s and %s have another shape",
                            casa_member_get_info(p->residual.member[0])->path,
                            casa_member_get_info(all[i]->member[0])->path);
    for (size_t i = 0; !rc && i < 3; i++)
        rc = PCL_NEW(&p->plane[i], shape[0] * shape[1], "plane", err);
    return rc;
}

/* The cells, from the coordinates. */
static int read_cells(const part *p, pcl_restore_params *r, pclean_err *err) {
    casa_image *image = NULL;
    casa_image_desc desc;
    int rc = casa_image_open(casa_member_get_info(p->residual.member[0])->path, &image, err);
    if (!rc && !(rc = casa_image_get_desc(image, &desc, err))) {
        r->cellx_rad = fabs(desc.increment_x_rad);
        r->celly_rad = fabs(desc.increment_y_rad);
    }
    casa_image_close(image);
    return rc;
}

static int restore_plane(part *p, size_t iplane, pcl_restore_params *r, pclean_err *err) {
    const size_t *shape = p->residual.pixels[0].tiles->shape, n = shape[0] * shape[1],
                 ichan = iplane / shape[2], ipol = iplane % shape[2];
    float *model = p->plane[0], *image = p->plane[1], *pb = p->plane[2];
    int rc;
    r->beam = p->common;
    r->own = p->own[iplane];
    if ((rc = read_plane(&p->model, iplane, model, err)) ||
        (rc = read_plane(&p->residual, iplane, image, err)) ||
        (p->common.major_rad > 0 &&
         (rc = pcl_restore(model, image, shape[0], shape[1], r, image, err))))
        return rc;
    if (!pcl_stats_all_finite(image, n)) {
        pcl_log(PCL_LOG_WARNING, "channel %zu of %s.subcube.%zu is not finite and left blank",
                ichan, p->base, p->ipart);
        return 0;
    }
    if ((rc = pcl_cube_write_plane(p->image.cube, ipol, ichan, image, p->work, err)) || !p->pbcor ||
        (rc = read_plane(&p->pb, iplane, pb, err)))
        return rc;
    pcl_restore_pbcor(image, pb, n, 0, image); /* .pb is cut at pblimit */
    return pcl_cube_write_plane(p->corrected.cube, ipol, ichan, image, p->work, err);
}

static int restore_planes(part *p, const pcl_tiles_watch *watch, pclean_err *err) {
    const size_t nplane = plane_count(&p->residual);
    pcl_restore_params r;
    pcl_restore_params_init(&r);
    int rc = read_cells(p, &r, err);
    if (!rc)
        rc = PCL_NEW(&p->work, pcl_cube_work_size(p->image.cube), "plane in tile order", err);
    for (size_t i = 0; !rc && i < nplane; i++) {
        rc = restore_plane(p, i, &r, err);
        if (!rc && watch->done(0, watch->user))
            rc = PCL_FAIL(err, PCLEAN_EINTERRUPTED, "interrupted: no image was changed");
    }
    return rc;
}

/* Both images, then their names. */
static int make_images(part *p, const char *lock, int claim, const pcl_tiles_watch *watch,
                       pclean_err *err) {
    char *line = NULL;
    int rc;
    if ((rc = pcl_asprintf(&line, err,
                           "pclean " PCLEAN_VERSION " concat: restored with the common beam of all "
                           "parts, %.17g x %.17g arcsec at %.17g deg",
                           p->common.major_rad / ARCSEC, p->common.minor_rad / ARCSEC,
                           p->common.pa_rad * 180 / M_PI)) ||
        (rc = create_restored(&p->image, lock, claim, line, &p->residual, err)) ||
        (p->pbcor && (rc = create_restored(&p->corrected, lock, claim, line, &p->residual, err))) ||
        (rc = restore_planes(p, watch, err)) ||
        (rc = finish_restored(&p->image, &p->common, err)) ||
        (p->pbcor && (rc = finish_restored(&p->corrected, &p->common, err))))
        goto done;
    restored *const all[] = {&p->image, p->pbcor ? &p->corrected : NULL};
    for (size_t i = 0; !rc && i < 2 && all[i]; i++)
        if (!(rc = pcl_fs_publish(all[i]->part_path, all[i]->path, true, err)))
            all[i]->exists = false;
done:
    pcl_free(line);
    return rc;
}

static int restore_part(const char *base, size_t ipart, const pcl_beam *own, const pcl_beam *common,
                        const pcl_tiles_watch *watch, pclean_err *err) {
    part p = {.base = base, .ipart = ipart, .own = own, .common = *common};
    char *lock = NULL;
    int claim = -1, rc;
    bool claimed = true;
    if ((rc = name_image(base, ipart, ".lock", &lock, err)) ||
        (rc = name_image(base, ipart, ".image", &p.image.path, err)) ||
        (rc = name_image(base, ipart, ".image.pbcor", &p.corrected.path, err)) ||
        (rc = pcl_claim_take(lock, &claim, &claimed, err)))
        goto done;
    if (!claimed)
        rc = PCL_FAIL(err, PCLEAN_EEXIST,
                      "another process is making %s.subcube.%zu now; wait for it", base, ipart);
    if (!rc && !(rc = open_part(&p, err)))
        rc = make_images(&p, lock, claim, watch, err);
done:
    clear_restored(&p.image);
    clear_restored(&p.corrected);
    pcl_series_clear(&p.residual);
    pcl_series_clear(&p.model);
    pcl_series_clear(&p.pb);
    for (size_t i = 0; i < 3; i++)
        pcl_free(p.plane[i]);
    pcl_free(p.work);
    if (lock)
        pcl_claim_drop(lock, claim);
    pcl_free(lock);
    return rc;
}

int pcl_restoring_do(const char *base, size_t npart, const pcl_tiles_watch *watch,
                     pclean_err *err) {
    beams b = {0};
    pcl_beam common;
    int rc = find_common(base, npart, &b, &common, err);
    for (size_t i = 0; !rc && i < npart; i++)
        rc = restore_part(base, i, b.beam + b.first[i], &common, watch, err);
    clear_beams(&b);
    return rc;
}
