/* verify.c: the public face of checking an image: blank and NaN planes, gaps, and what it should
 * consist of. */
#include "base/mem.h"
#include "base/sized.h"
#include "casa/casa.h"
#include "join/series.h"
#include "pclean/concat.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const pclean_verify_options defaults = {.size = sizeof defaults, .axis = -1};

void pclean_verify_options_init(pclean_verify_options *options, size_t size) {
    pcl_sized_init(options, size, &defaults, sizeof defaults);
}

void pclean_verify_result_free(pclean_verify_result *r) {
    if (!r)
        return;
    free(r->nan);
    free(r->blank);
    free(r->gap);
    free(r->differ);
    free(r->checksum);
    pcl_free(r->image);
    pcl_free(r->error);
    pcl_free(r);
}

/* ---- what the pixels of each plane are ---- */

typedef struct plane_sum {
    uint64_t n, nan, zero, checksum;
} plane_sum;

/* Mixes bits well (the finaliser of splitmix64): pixels of equal value at different places must not
 * cancel. */
static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* One number of a pixel: 4 or 8 bytes. */
static void add_word(plane_sum *s, const char *at, size_t word, uint64_t place) {
    uint64_t bits = 0;
    double value;
    if (word == 4) {
        uint32_t narrow;
        float x;
        memcpy(&narrow, at, 4);
        memcpy(&x, at, 4);
        bits = narrow;
        value = x;
    } else {
        memcpy(&bits, at, 8);
        memcpy(&value, at, 8);
    }
    s->n++;
    s->nan += isnan(value) != 0;
    s->zero += value == 0;
    s->checksum += mix(bits ^ mix(place + 0x9e3779b97f4a7c15u));
}

/* The sum of a plane does not depend on the order in which its pixels come, so not on tiles. */
static void add_box(plane_sum *sums, const casa_tiles *t, size_t axis, const size_t *start,
                    const size_t *length, const char *pixels) {
    const size_t nword = t->bytes / t->word;
    size_t at[CASA_MAX_DIM] = {0};
    for (bool more = true; more;) {
        for (size_t x = 0; x < length[0]; x++) {
            at[0] = x;
            uint64_t place = 0;
            for (size_t d = t->ndim; d-- > 0;)
                if (d != axis)
                    place = place * t->shape[d] + start[d] + at[d];
            for (size_t k = 0; k < nword; k++, pixels += t->word)
                add_word(&sums[start[axis] + at[axis]], pixels, t->word, place * nword + k);
        }
        size_t d = 1;
        while (d < t->ndim && ++at[d] == length[d])
            at[d++] = 0;
        more = d < t->ndim;
    }
}

static int sum_member(const pcl_tiles_member *member, size_t axis, plane_sum *sums, uint64_t *bytes,
                      pclean_err *err) {
    const casa_tiles *t = member->tiles;
    const pcl_tiles_member alone = {t, 0, member->n};
    pcl_boxes boxes;
    pcl_box box;
    pcl_boxes_make(t, PCL_SERIES_BOX_BYTES, axis, 1, &boxes);
    char *pixels = NULL;
    int rc =
        pcl_alloc((void **)&pixels, pcl_boxes_pixels(&boxes, t), t->bytes, "box of pixels", err);
    for (size_t i = 0; !rc && i < boxes.n; i++) {
        pcl_boxes_get(&boxes, t, i, &box);
        if (!(rc = pcl_tiles_gather(&(pcl_tiles_series){&alone, 1, axis}, t, &box, pixels, err)))
            add_box(sums + member->offset, t, axis, box.start, box.length, pixels);
    }
    pcl_free(pixels);
    *bytes += pcl_tiles_size(t);
    return rc;
}

/* ---- the findings ---- */

static int allocate(pclean_verify_result *r, size_t n, pclean_err *err) {
    r->nplane = n;
    r->nan = calloc(n, sizeof *r->nan);
    r->blank = calloc(n, sizeof *r->blank);
    r->gap = calloc(n, sizeof *r->gap);
    r->differ = calloc(n, sizeof *r->differ);
    r->checksum = calloc(n, sizeof *r->checksum);
    return r->nan && r->blank && r->gap && r->differ && r->checksum
               ? 0
               : PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for the findings about %zu planes", n);
}

static int look_at_planes(const pcl_series *p, pclean_verify_result *r, pclean_err *err) {
    plane_sum *sums = NULL;
    int rc = PCL_ZNEW(&sums, p->total, "sums of planes", err);
    for (size_t i = 0; !rc && i < p->n; i++)
        rc = sum_member(&p->pixels[i], p->axis, sums, &r->bytes, err);
    for (size_t k = 0; !rc && k < p->total; k++) {
        r->checksum[k] = sums[k].checksum;
        if (sums[k].nan == sums[k].n)
            r->nan[r->nnan++] = k;
        if (sums[k].zero == sums[k].n)
            r->blank[r->nblank++] = k;
    }
    pcl_free(sums);
    return rc;
}

/* Where the step is not that of most of the others. */
static void look_for_gaps(const pcl_series *p, pclean_verify_result *r) {
    casa_member_axis a;
    if (p->total < 3 || casa_member_get_axis(p->member[0], p->axis, &a, NULL) != 0 ||
        a.kind == CASA_AXIS_STOKES)
        return;
    double least = INFINITY;
    for (size_t k = 0; k + 1 < p->total; k++)
        least = fmin(least, fabs(p->value[k + 1] - p->value[k]));
    for (size_t k = 0; k + 1 < p->total; k++)
        if (fabs(p->value[k + 1] - p->value[k]) > 1.02 * least)
            r->gap[r->ngap++] = k;
}

static int compare(const pcl_series *image, const pclean_verify_options *o, pclean_verify_result *r,
                   pclean_err *err) {
    const pcl_series_options load = {.axis = (int)image->axis, .relax = true};
    pcl_series members = {0};
    long where = -1;
    int rc = pcl_series_load(o->against, o->nagainst, &load, &members, err);
    if (!rc)
        rc = casa_member_compare(image->member[0], members.member[0], image->axis, true, err);
    if (!rc && members.beams != image->beams)
        rc = PCL_FAIL(err, PCLEAN_EFAILED, "%s has %s, its parts have %s",
                      casa_member_get_info(image->member[0])->path,
                      image->beams ? "a beam" : "no beam", members.beams ? "one" : "none");
    if (!rc && members.total != image->total)
        rc = PCL_FAIL(err, PCLEAN_EFAILED, "%s has %zu planes, its parts have %zu",
                      casa_member_get_info(image->member[0])->path, image->total, members.total);
    for (size_t k = 0; !rc && k < members.total; k++) {
        const size_t next = k ? k : 1; /* the step to its neighbour */
        const double step = members.total > 1 ? fabs(members.value[next] - members.value[next - 1])
                                              : fabs(members.value[0]);
        if (!(fabs(members.value[k] - image->value[k]) <= 0.02 * step))
            r->differ[r->ndiffer++] = k;
    }
    if (!rc && r->ndiffer == 0 &&
        !(rc = pcl_series_compare(image, &members, o->full, &where, err)) && where >= 0)
        r->differ[r->ndiffer++] = (size_t)where;
    pcl_series_clear(&members);
    return rc;
}

static int verdict(const char *image, bool allow_blank, const pclean_verify_result *r,
                   pclean_err *err) {
    if (r->ndiffer)
        return PCL_FAIL(err, PCLEAN_EFAILED,
                        "%s: plane %zu is not that of the images it should consist of", image,
                        r->differ[0]);
    if (r->nnan)
        return PCL_FAIL(err, PCLEAN_EFAILED,
                        "%s: %zu of %zu planes hold nothing but NaN, the first is %zu", image,
                        r->nnan, r->nplane, r->nan[0]);
    if (r->nblank && !allow_blank)
        return PCL_FAIL(err, PCLEAN_EFAILED,
                        "%s: %zu of %zu planes hold nothing but zeros, the first is %zu", image,
                        r->nblank, r->nplane, r->blank[0]);
    if (r->ngap)
        return PCL_FAIL(err, PCLEAN_EFAILED,
                        "%s: %zu gaps along the axis, the first between planes %zu and %zu", image,
                        r->ngap, r->gap[0], r->gap[0] + 1);
    return 0;
}

static int verify(const char *image, const pclean_verify_options *o, pclean_verify_result *r,
                  pclean_err *err) {
    const pcl_series_options load = {.axis = o->axis, .relax = true};
    pcl_series series = {0};
    int rc = casa_init(err);
    if (!rc && !(rc = pcl_series_load(&image, 1, &load, &series, err)))
        rc = allocate(r, series.total, err);
    if (!rc) {
        look_for_gaps(&series, r);
        if (o->full || o->nagainst == 0)
            rc = look_at_planes(&series, r, err);
    }
    if (!rc && o->nagainst > 0)
        rc = compare(&series, o, r, err);
    pcl_series_clear(&series);
    return rc ? rc : verdict(image, o->allow_blank, r, err);
}

int pclean_verify_image(const char *image, const pclean_verify_options *options,
                        pclean_verify_result **result, pclean_err *err) {
    PCL_REQUIRE(err, result);
    *result = NULL;
    PCL_REQUIRE(err, image);
    pclean_verify_options o = defaults;
    pclean_err why = {0};
    int rc = PCL_TAKE(pclean_verify_options, &o, options, err);
    if (rc)
        return rc;
    if (o.nagainst)
        PCL_REQUIRE(err, o.against);
    if ((rc = PCL_ZNEW(result, 1, "result", err)) ||
        (rc = pcl_strdup(&(*result)->image, image, err)))
        return rc;
    rc = verify(image, &o, *result, &why);
    casa_end();
    if (rc && err)
        *err = why;
    return rc && pcl_strdup(&(*result)->error, why.msg, err) ? -PCLEAN_ENOMEM : rc;
}
