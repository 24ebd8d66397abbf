#include "join/series.h"
#include "base/mem.h"
#include "casa/casa.h"
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
    bool trusted;
} opener;

static int add_member(opener *o, const char *path, pclean_err *err) {
    pcl_series *p = o->p;
    int rc = 0;
    if (p->n == o->room) {
        casa_member **more = NULL;
        const size_t n = 2 * o->room + 16;
        if ((rc = PCL_NEW(&more, n, "list of images", err)))
            return rc;
        if (p->n > 0)
            memcpy(more, p->member, p->n * sizeof *more);
        pcl_free(p->member);
        p->member = more;
        o->room = n;
    }
    rc = casa_member_open(path, &p->member[p->n], err);
    p->n += !rc;
    return rc || o->trusted ? rc : casa_member_try_history(p->member[p->n - 1], err);
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

static int add_image(opener *o, const char *path, pclean_err *err) {
    return pcl_virtual_is(path) ? add_list(o, path, err) : add_member(o, path, err);
}

/* Lists are looked through before any of them is followed. */
static int add_images(opener *o, const char *const *names, size_t n, pclean_err *err) {
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++)
        if (!(rc = pcl_virtual_check(names[i], err)))
            rc = add_image(o, names[i], err);
    return rc;
}

static int find_axis(pcl_series *p, int wanted, int of_lists, pclean_err *err) {
    const casa_member_info *info = casa_member_get_info(p->member[0]);
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
    switch (kind) {
    case CASA_AXIS_SPECTRAL:
        return PCL_AXIS_SPECTRAL;
    case CASA_AXIS_SKY:
        return PCL_AXIS_SKY;
    case CASA_AXIS_STOKES:
        return PCL_AXIS_STOKES;
    default:
        return PCL_AXIS_LINEAR;
    }
}

static int order_members(pcl_series *p, const size_t *order, pclean_err *err) {
    casa_member **sorted = NULL;
    int rc = PCL_NEW(&sorted, p->n, "list of images", err);
    if (rc)
        return rc;
    for (size_t i = 0; i < p->n; i++)
        sorted[i] = p->member[order[i]];
    pcl_free(p->member);
    p->member = sorted;
    return 0;
}

static int join_axis(pcl_series *p, bool relax, bool reorder, pclean_err *err) {
    pcl_axis *axes = NULL;
    pcl_axis_joined joined = {0};
    int rc = PCL_ZNEW(&axes, p->n, "axes", err);
    for (size_t i = 0; !rc && i < p->n; i++) {
        casa_member_axis a;
        if ((rc = casa_member_get_axis(p->member[i], p->axis, &a, err)))
            break;
        axes[i] = (pcl_axis){casa_member_get_info(p->member[i])->path,
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
        rc = order_members(p, joined.order, err);
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
        const casa_member_info *info = casa_member_get_info(p->member[i]);
        const size_t n = info->pixels.shape[p->axis];
        p->pixels[i] = (pcl_tiles_member){&info->pixels, offset, n};
        p->mask[i] = (pcl_tiles_member){info->masked ? &info->mask : NULL, offset, n};
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

pcl_tiles_series pcl_series_pixels(const pcl_series *p) {
    return (pcl_tiles_series){p->pixels, p->n, p->axis};
}

pcl_tiles_series pcl_series_masks(const pcl_series *p) {
    return (pcl_tiles_series){p->mask, p->n, p->axis};
}

static int is_member_blank(const pcl_tiles_member *member, size_t axis, bool *blank,
                           pclean_err *err) {
    const casa_tiles *t = member->tiles;
    const pcl_tiles_member alone = {t, 0, member->n};
    pcl_boxes boxes;
    pcl_box box;
    pcl_boxes_make(t, PCL_SERIES_BOX_BYTES, axis, 1, &boxes);
    char *pixels = NULL;
    int rc =
        pcl_alloc((void **)&pixels, pcl_boxes_pixels(&boxes, t), t->bytes, "box of pixels", err);
    for (size_t i = 0; !rc && *blank && i < boxes.n; i++) {
        size_t n = t->bytes;
        pcl_boxes_get(&boxes, t, i, &box);
        for (size_t d = 0; d < t->ndim; d++)
            n *= box.length[d];
        rc = pcl_tiles_gather(&(pcl_tiles_series){&alone, 1, axis}, t, &box, pixels, err);
        for (size_t k = 0; !rc && *blank && k < n; k++)
            *blank = pixels[k] == 0;
    }
    pcl_free(pixels);
    return rc;
}

int pcl_series_is_blank(const pcl_series *p, const pcl_tiles_member *member, bool *blank,
                        pclean_err *err) {
    int rc = 0;
    *blank = true;
    if (member)
        return is_member_blank(member, p->axis, blank, err);
    for (size_t i = 0; !rc && *blank && i < p->n; i++)
        rc = is_member_blank(&p->pixels[i], p->axis, blank, err);
    return rc;
}

/* Whether the history says that none of its planes has a beam: no data, or PSFs to which none could
 * be fitted. */
static bool says_so(const casa_member *member) {
    const casa_tiles *t = &casa_member_get_info(member)->pixels;
    size_t nplane = 1;
    char *line = NULL;
    bool found = false;
    for (size_t i = 2; i < t->ndim; i++)
        nplane *= t->shape[i];
    if (!(nplane > 1 ? pcl_asprintf(&line, NULL, CASA_BORROWED_LINE "0-%zu", nplane - 1)
                     : pcl_asprintf(&line, NULL, CASA_BORROWED_LINE "0")) &&
        casa_member_find_history(member, line, &found, NULL))
        found = false;
    pcl_free(line);
    return found;
}

/* A sub-cube that has no data has no beam. */
static int check_beams(pcl_series *p, pclean_err *err) {
    size_t with = p->n;
    for (size_t i = p->n; i-- > 0;)
        with = casa_member_get_info(p->member[i])->beam ? i : with;
    p->beams = with < p->n;
    int rc = 0;
    for (size_t i = 0; !rc && p->beams && i < p->n; i++) {
        const casa_member_info *info = casa_member_get_info(p->member[i]);
        bool blank = true;
        if (!info->beam && !says_so(p->member[i]) &&
            !(rc = pcl_series_is_blank(p, &p->pixels[i], &blank, err)) && !blank)
            rc = PCL_FAIL(err, PCLEAN_EDATA, "%s has no beam, %s has one; give all a beam, or none",
                          info->path, casa_member_get_info(p->member[with])->path);
        p->nblank += !info->beam;
    }
    return rc;
}

int pcl_series_load(const char *const *name, size_t n, const pcl_series_options *o, pcl_series *out,
                    pclean_err *err) {
    *out = (pcl_series){0};
    opener open = {.p = out, .axis = -1, .trusted = o->trusted};
    int rc = n > 0 ? 0 : PCL_FAIL(err, PCLEAN_EPARAM, "no images to join");
    if (!rc)
        rc = add_images(&open, name, n, err);
    if (!rc)
        rc = find_axis(out, o->axis, open.axis, err);
    for (size_t i = 1; !rc && i < out->n; i++)
        rc = casa_member_compare(out->member[0], out->member[i], out->axis, o->relax, err);
    if (!rc && !(rc = join_axis(out, o->relax, o->reorder, err)) && !(rc = list_tiles(out, err)))
        rc = check_beams(out, err);
    if (rc)
        pcl_series_clear(out);
    return rc;
}

void pcl_series_clear(pcl_series *p) {
    for (size_t i = 0; i < p->n; i++)
        casa_member_close(p->member[i]);
    pcl_free(p->member);
    pcl_free(p->pixels);
    pcl_free(p->mask);
    pcl_free(p->value);
    *p = (pcl_series){0};
}

/* ---- comparing ---- */

/* One array of a member against that of the whole. */
typedef struct comparison {
    pcl_tiles_series whole;
    const pcl_tiles_member *member; /* its offset is that in the whole */
    const casa_tiles *form;         /* of the member; bits where it has no mask */
    bool full;
    char *a, *b; /* a box of each */
    long where;  /* plane of the first difference; -1: none so far */
} comparison;

/* box: of the member. */
static int compare_box(comparison *q, const pcl_box *box, pclean_err *err) {
    const size_t axis = q->whole.axis, pixel = pcl_tiles_pixel(q->form);
    pcl_box at = *box; /* in the whole */
    at.start[axis] += q->member->offset;
    size_t n = pixel;
    for (size_t i = 0; i < q->form->ndim; i++)
        n *= box->length[i];
    int rc;
    if ((rc = pcl_tiles_gather(&(pcl_tiles_series){q->member, 1, axis}, q->form, &at, q->a, err)) ||
        (rc = pcl_tiles_gather(&q->whole, q->form, &at, q->b, err)))
        return rc;
    for (size_t i = 0; i < n; i++)
        if (q->a[i] != q->b[i]) {
            size_t k = i / pixel;
            for (size_t d = 0; d < axis; d++)
                k /= box->length[d];
            q->where = (long)(at.start[axis] + k % box->length[axis]);
            return 0;
        }
    return 0;
}

static int compare_boxes(comparison *q, pclean_err *err) {
    const casa_tiles *form = q->form;
    const size_t pixel = pcl_tiles_pixel(form);
    pcl_boxes boxes;
    pcl_box box;
    pcl_boxes_make(form, q->full ? PCL_SERIES_BOX_BYTES : 1, q->whole.axis,
                   pcl_tiles_thickest(&q->whole), &boxes);
    const size_t most = pcl_boxes_pixels(&boxes, form);
    int rc = pcl_alloc((void **)&q->a, most, pixel, "box of pixels", err);
    if (!rc)
        rc = pcl_alloc((void **)&q->b, most, pixel, "box of pixels", err);
    const size_t step = !q->full && boxes.n > 3 ? (boxes.n - 1) / 3 : 1;
    for (size_t i = 0; !rc && q->where < 0; i += step) {
        pcl_boxes_get(&boxes, form, i < boxes.n - 1 ? i : boxes.n - 1, &box);
        rc = compare_box(q, &box, err);
        if (i >= boxes.n - 1)
            break;
    }
    pcl_free(q->a);
    pcl_free(q->b);
    q->a = q->b = NULL;
    return rc;
}

/* Whole tiles are compared without looking into them, where they can be. */
static int compare_member(comparison *q, pclean_err *err) {
    const pcl_tiles_member *m = q->member;
    const casa_tiles *whole = q->whole.member[0].tiles;
    const size_t axis = q->whole.axis;
    if (q->whole.n == 1 && m->tiles && pcl_tiles_line_up(m->tiles, whole, axis, m->offset)) {
        bool same;
        const int rc = pcl_tiles_same(m->tiles, whole, axis, m->offset, q->full, &same, err);
        if (rc || same)
            return rc;
    }
    return compare_boxes(q, err);
}

/* The planes of members, the first of which is plane `at` of the whole. */
static int compare_at(const pcl_series *whole, const pcl_series *members, size_t at, bool full,
                      long *where, pclean_err *err) {
    int rc = 0;
    for (size_t i = 0; !rc && *where < 0 && i < members->n; i++) {
        pcl_tiles_member pixels = members->pixels[i], mask = {NULL, pixels.offset + at, pixels.n};
        pixels.offset += at;
        comparison q = {.whole = pcl_series_pixels(whole),
                        .member = &pixels,
                        .form = pixels.tiles,
                        .full = full,
                        .where = -1};
        rc = compare_member(&q, err);
        casa_tiles bits = *pixels.tiles; /* also where this member has no mask */
        bits.bytes = 0;
        mask.tiles = members->mask ? members->mask[i].tiles : NULL;
        if (!rc && q.where < 0 && whole->mask) {
            q.whole = pcl_series_masks(whole);
            q.member = &mask;
            q.form = &bits;
            rc = compare_member(&q, err);
        }
        *where = q.where;
    }
    return rc;
}

int pcl_series_compare(const pcl_series *whole, const pcl_series *members, bool full, long *where,
                       pclean_err *err) {
    *where = -1;
    if (whole->total != members->total)
        return PCL_FAIL(err, PCLEAN_EFAILED, "%s has %zu planes, its parts have %zu",
                        casa_member_get_info(whole->member[0])->path, whole->total, members->total);
    if ((whole->mask != NULL) != (members->mask != NULL))
        return PCL_FAIL(err, PCLEAN_EFAILED, "%s has %s mask, its parts have %s",
                        casa_member_get_info(whole->member[0])->path, whole->mask ? "a" : "no",
                        members->mask ? "one" : "none");
    return compare_at(whole, members, 0, full, where, err);
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
