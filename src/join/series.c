#include "join/series.h"
#include "base/mem.h"
#include "exec/probe.h"
#include "image/virtual.h"
#include "join/axis.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- opening ---- */

typedef struct opener {
    pcl_series *p;
    size_t room;
    int axis; /* of virtual images; -1: not known yet */
    pcl_probe probe;
} opener;

static int add_part(opener *o, const char *path, pclean_err *err) {
    pcl_series *p = o->p;
    int rc = 0;
    if (p->n == o->room) {
        casa_member **more = NULL;
        const size_t n = 2 * o->room + 16;
        if ((rc = PCL_NEW(&more, n, "list of images", err)))
            return rc;
        if (p->n > 0)
            memcpy(more, p->part, p->n * sizeof *more);
        pcl_free(p->part);
        p->part = more;
        o->room = n;
    }
    rc = casa_member_open(path, &p->part[p->n], err);
    p->n += !rc;
    return !rc && pcl_probe_is_child(&o->probe) ? casa_member_try_history(p->part[p->n - 1], err)
                                                : rc;
}

static int add_image(opener *o, const char *path, pclean_err *err);

/* A virtual image is taken for its images, which are joined along its own axis: that must be
 * ours. */
static int add_list(opener *o, const char *path, pclean_err *err) {
    pcl_virtual list;
    int rc = pcl_virtual_read(path, &list, err);
    if (rc)
        return rc;
    o->p->nested = true;
    if (o->axis >= 0 && (size_t)o->axis != list.axis)
        rc =
            PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                     "%s: this virtual image is joined along axis %zu, not %d; make it paged first",
                     path, list.axis, o->axis);
    o->axis = (int)list.axis;
    for (size_t i = 0; !rc && i < list.n; i++)
        if ((rc = add_image(o, list.image[i], err)))
            pcl_err_prefix(err, "%s lists it: ", path);
    pcl_virtual_clear(&list);
    return rc;
}

/* The child notes what is wrong where it meets it, without the names of lists around it: those are
 * put before it here. */
static int add_image(opener *o, const char *path, pclean_err *err) {
    int rc = pcl_probe_visit(&o->probe, path, err);
    if (!rc)
        rc = pcl_virtual_is(path) ? add_list(o, path, err) : add_part(o, path, err);
    if (rc && err && pcl_probe_is_child(&o->probe))
        pcl_probe_note(&o->probe, err);
    return rc;
}

/* Lists are looked through before any of them is followed. */
static int check_list(opener *o, const char *path, pclean_err *err) {
    int rc = pcl_probe_visit(&o->probe, path, err);
    if (!rc && (rc = pcl_virtual_check(path, err)) && err && pcl_probe_is_child(&o->probe))
        pcl_probe_note(&o->probe, err);
    return rc;
}

static int add_images(opener *o, const char *const *names, size_t n, pclean_err *err) {
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++)
        if (!(rc = check_list(o, names[i], err)))
            rc = add_image(o, names[i], err);
    return rc;
}

typedef struct names {
    size_t n;
    const char *const *name;
} names;

/* What the child does. */
static int try_images(pcl_probe *probe, void *user, pclean_err *err) {
    const names *all = user;
    pcl_series parts = {0};
    opener o = {.p = &parts, .axis = -1, .probe = *probe};
    return add_images(&o, all->name, all->n, err);
}

static int find_axis(pcl_series *p, int wanted, int of_lists, pclean_err *err) {
    const casa_member_info *info = casa_member_get_info(p->part[0]);
    const int axis = wanted >= 0 ? wanted : info->spectral_axis;
    if (axis < 0)
        return PCL_FAIL(err, PCLEAN_EDATA, "%s has no spectral axis; say along which axis to join",
                        info->path);
    if ((size_t)axis >= info->pixels.ndim)
        return PCL_FAIL(err, PCLEAN_EPARAM, "%s has no axis %d: it has %zu, counted from 0",
                        info->path, axis, info->pixels.ndim);
    if (of_lists >= 0 && axis != of_lists)
        return PCL_FAIL(
            err, PCLEAN_EUNSUPPORTED,
            "%s is part of a virtual image joined along axis %d, not %d; make that paged first",
            info->path, of_lists, axis);
    p->axis = (size_t)axis;
    return 0;
}

/* ---- the joined axis ---- */

static enum pcl_axis_kind kind_of(enum casa_axis_kind kind) {
    return kind == CASA_AXIS_SPECTRAL ? PCL_AXIS_SPECTRAL
           : kind == CASA_AXIS_SKY    ? PCL_AXIS_SKY
           : kind == CASA_AXIS_STOKES ? PCL_AXIS_STOKES
                                      : PCL_AXIS_LINEAR;
}

static int order_parts(pcl_series *p, const size_t *order, pclean_err *err) {
    casa_member **sorted = NULL;
    int rc = PCL_NEW(&sorted, p->n, "list of images", err);
    if (rc)
        return rc;
    for (size_t i = 0; i < p->n; i++)
        sorted[i] = p->part[order[i]];
    pcl_free(p->part);
    p->part = sorted;
    return 0;
}

static int join_axis(pcl_series *p, bool relax, bool reorder, pclean_err *err) {
    pcl_axis *axes = NULL;
    pcl_axis_joined joined = {0};
    int rc = PCL_ZNEW(&axes, p->n, "axes", err);
    for (size_t i = 0; !rc && i < p->n; i++) {
        casa_member_axis a;
        if ((rc = casa_member_get_axis(p->part[i], p->axis, &a, err)))
            break;
        axes[i] = (pcl_axis){casa_member_get_info(p->part[i])->path,
                             kind_of(a.kind),
                             a.n,
                             a.value,
                             a.increment,
                             a.frame};
        p->total += a.n;
    }
    if (!rc && !(rc = pcl_axis_join(axes, p->n, relax, reorder, &joined, err)) &&
        !(rc = PCL_NEW(&p->value, p->total, "axis", err))) {
        size_t at = 0;
        for (size_t i = 0; i < p->n; i++) {
            const pcl_axis *a = &axes[joined.order[i]];
            memcpy(p->value + at, a->value, a->n * sizeof *p->value);
            at += a->n;
        }
        p->regular = joined.regular;
        p->casa_regular = joined.casa_regular;
        rc = order_parts(p, joined.order, err);
    }
    pcl_free(joined.order);
    pcl_free(axes);
    return rc;
}

static int list_tiles(pcl_series *p, pclean_err *err) {
    bool masked = false;
    size_t offset = 0;
    int rc = PCL_NEW(&p->pixels, p->n, "list of pixel files", err);
    if (!rc)
        rc = PCL_NEW(&p->mask, p->n, "list of masks", err);
    for (size_t i = 0; !rc && i < p->n; i++) {
        const casa_member_info *info = casa_member_get_info(p->part[i]);
        const size_t n = info->pixels.shape[p->axis];
        p->pixels[i] = (pcl_tiles_part){&info->pixels, offset, n};
        p->mask[i] = (pcl_tiles_part){info->masked ? &info->mask : NULL, offset, n};
        masked = masked || info->masked;
        offset += n;
    }
    if (!masked) {
        pcl_free(p->mask);
        p->mask = NULL;
    }
    return rc;
}

/* ---- images without data ---- */

static int is_part_blank(const pcl_tiles_part *part, size_t axis, bool *blank, pclean_err *err) {
    const casa_tiles *t = part->tiles;
    const pcl_tiles_part alone = {t, 0, part->n};
    pcl_boxes boxes;
    pcl_boxes_make(t, PCL_PARTS_BOX_BYTES, axis, 1, &boxes);
    size_t most = t->bytes, start[CASA_MAX_DIM], length[CASA_MAX_DIM];
    for (size_t d = 0; d < t->ndim; d++)
        most *= boxes.size[d];
    char *pixels = NULL;
    int rc = PCL_NEW(&pixels, most, "box of pixels", err);
    for (size_t i = 0; !rc && *blank && i < boxes.n; i++) {
        size_t n = t->bytes;
        pcl_boxes_get(&boxes, t, i, start, length);
        for (size_t d = 0; d < t->ndim; d++)
            n *= length[d];
        rc = pcl_tiles_gather(&alone, 1, axis, t, start, length, pixels, err);
        for (size_t k = 0; !rc && *blank && k < n; k++)
            *blank = pixels[k] == 0;
    }
    pcl_free(pixels);
    return rc;
}

int pcl_series_is_blank(const pcl_series *p, const pcl_tiles_part *part, bool *blank,
                        pclean_err *err) {
    int rc = 0;
    *blank = true;
    if (part)
        return is_part_blank(part, p->axis, blank, err);
    for (size_t i = 0; !rc && *blank && i < p->n; i++)
        rc = is_part_blank(&p->pixels[i], p->axis, blank, err);
    return rc;
}

/* A part of a cube that has no data has no beam. */
static int check_beams(pcl_series *p, pclean_err *err) {
    size_t with = p->n;
    for (size_t i = p->n; i-- > 0;)
        with = casa_member_get_info(p->part[i])->beam ? i : with;
    p->beams = with < p->n;
    int rc = 0;
    for (size_t i = 0; !rc && p->beams && i < p->n; i++) {
        const casa_member_info *info = casa_member_get_info(p->part[i]);
        bool blank = true;
        if (!info->beam && !(rc = pcl_series_is_blank(p, &p->pixels[i], &blank, err)) && !blank)
            rc = PCL_FAIL(err, PCLEAN_EDATA, "%s has no beam, %s has one; give all a beam, or none",
                          info->path, casa_member_get_info(p->part[with])->path);
        p->nblank += !info->beam;
    }
    return rc;
}

int pcl_series_load(const char *const *name, size_t n, int axis, bool relax, bool reorder,
                    bool trusted, pcl_series *out, pclean_err *err) {
    *out = (pcl_series){0};
    opener o = {.p = out, .axis = -1};
    int rc = n > 0 ? 0 : PCL_FAIL(err, PCLEAN_EPARAM, "no images to join");
    if (!rc && !trusted)
        rc = pcl_probe_start(&o.probe, try_images, &(names){n, name}, err);
    if (!rc)
        rc = add_images(&o, name, n, err);
    pcl_probe_stop(&o.probe);
    if (!rc)
        rc = find_axis(out, axis, o.axis, err);
    for (size_t i = 1; !rc && i < out->n; i++)
        rc = casa_member_compare(out->part[0], out->part[i], out->axis, relax, err);
    if (!rc && !(rc = join_axis(out, relax, reorder, err)) && !(rc = list_tiles(out, err)))
        rc = check_beams(out, err);
    if (rc)
        pcl_series_clear(out);
    return rc;
}

void pcl_series_clear(pcl_series *p) {
    for (size_t i = 0; i < p->n; i++)
        casa_member_close(p->part[i]);
    pcl_free(p->part);
    pcl_free(p->pixels);
    pcl_free(p->mask);
    pcl_free(p->value);
    *p = (pcl_series){0};
}

/* ---- comparing ---- */

/* The part of the whole that a box of one part is. */
static int compare_box(const pcl_tiles_part *whole, size_t nwhole, const pcl_tiles_part *part,
                       const casa_tiles *shape, size_t axis, const size_t *start,
                       const size_t *length, char *a, char *b, long *where, pclean_err *err) {
    size_t at[CASA_MAX_DIM] = {0}, n = pcl_tiles_pixel(shape);
    for (size_t i = 0; i < shape->ndim; i++) {
        at[i] = start[i] + (i == axis ? part->offset : 0);
        n *= length[i];
    }
    int rc;
    if ((rc = pcl_tiles_gather(part, 1, axis, shape, at, length, a, err)) ||
        (rc = pcl_tiles_gather(whole, nwhole, axis, shape, at, length, b, err)))
        return rc;
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i]) {
            size_t pixel = i / pcl_tiles_pixel(shape);
            for (size_t d = 0; d < axis; d++)
                pixel /= length[d];
            *where = (long)(at[axis] + pixel % length[axis]);
            return 0;
        }
    return 0;
}

static int compare_part(const pcl_tiles_part *whole, size_t nwhole, const pcl_tiles_part *part,
                        const casa_tiles *shape, size_t axis, bool full, long *where,
                        pclean_err *err) {
    if (nwhole == 1 && part->tiles &&
        pcl_tiles_line_up(part->tiles, whole->tiles, axis, part->offset)) {
        bool same;
        const int rc =
            pcl_tiles_same(part->tiles, whole->tiles, axis, part->offset, full, &same, err);
        if (rc || same)
            return rc;
    }
    pcl_boxes boxes;
    pcl_boxes_make(shape, full ? PCL_PARTS_BOX_BYTES : 1, axis,
                   pcl_tiles_thickest(whole, nwhole, axis), &boxes);
    size_t most = pcl_tiles_pixel(shape);
    for (size_t i = 0; i < shape->ndim; i++)
        most *= boxes.size[i];
    char *a = NULL, *b = NULL;
    int rc = PCL_NEW(&a, most, "box of pixels", err);
    if (!rc)
        rc = PCL_NEW(&b, most, "box of pixels", err);
    const size_t step = full ? 1 : boxes.n > 3 ? (boxes.n - 1) / 3 : 1;
    for (size_t i = 0; !rc && *where < 0; i += step) {
        size_t start[CASA_MAX_DIM], length[CASA_MAX_DIM];
        const size_t k = i < boxes.n - 1 ? i : boxes.n - 1;
        pcl_boxes_get(&boxes, shape, k, start, length);
        rc = compare_box(whole, nwhole, part, shape, axis, start, length, a, b, where, err);
        if (i >= boxes.n - 1)
            break;
    }
    pcl_free(a);
    pcl_free(b);
    return rc;
}

/* The planes of parts, the first of which is plane `at` of the whole. */
static int compare_at(const pcl_series *whole, const pcl_series *parts, size_t at, bool full,
                      long *where, pclean_err *err) {
    int rc = 0;
    for (size_t i = 0; !rc && *where < 0 && i < parts->n; i++) {
        pcl_tiles_part pixels = parts->pixels[i], mask = {NULL, pixels.offset + at, pixels.n};
        pixels.offset += at;
        rc = compare_part(whole->pixels, whole->n, &pixels, pixels.tiles, whole->axis, full, where,
                          err);
        casa_tiles bits = *pixels.tiles; /* also where this part has no mask */
        bits.bytes = 0;
        mask.tiles = parts->mask ? parts->mask[i].tiles : NULL;
        if (!rc && *where < 0 && whole->mask)
            rc = compare_part(whole->mask, whole->n, &mask, &bits, whole->axis, full, where, err);
    }
    return rc;
}

int pcl_series_compare(const pcl_series *whole, const pcl_series *parts, bool full, long *where,
                       pclean_err *err) {
    *where = -1;
    if (whole->total != parts->total)
        return PCL_FAIL(err, PCLEAN_EFAILED, "%s has %zu planes, its parts have %zu",
                        casa_member_get_info(whole->part[0])->path, whole->total, parts->total);
    if ((whole->mask != NULL) != (parts->mask != NULL))
        return PCL_FAIL(err, PCLEAN_EFAILED, "%s has %s mask, its parts have %s",
                        casa_member_get_info(whole->part[0])->path, whole->mask ? "a" : "no",
                        parts->mask ? "one" : "none");
    return compare_at(whole, parts, 0, full, where, err);
}

/* The plane of `whole` that has this value on the axis; total: none. */
static size_t find_value(const pcl_series *whole, double value) {
    size_t k = 0;
    while (k < whole->total && !(fabs(whole->value[k] - value) <= 1e-12 * fabs(value)))
        k++;
    return k;
}

int pcl_series_find(const pcl_series *whole, const pcl_series *some, long *offset,
                    pclean_err *err) {
    const size_t at = find_value(whole, some->value[0]);
    long where = -1;
    *offset = -1;
    if (at + some->total > whole->total || (some->mask && !whole->mask))
        return 0;
    for (size_t i = 1; i < some->total; i++)
        if (find_value(whole, some->value[i]) != at + i)
            return 0;
    const int rc = compare_at(whole, some, at, true, &where, err);
    if (!rc && where < 0)
        *offset = (long)at;
    return rc;
}
