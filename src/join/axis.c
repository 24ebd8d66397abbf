#include "join/axis.h"
#include "base/mem.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double tolerance = 0.01; /* of a pixel; casacore's */

/* What pixels at the two ends of an image are wide; 0: not known. */
static double first_step(const pcl_axis *a) {
    return a->n > 1 ? a->value[1] - a->value[0] : a->increment;
}

static double last_step(const pcl_axis *a) {
    return a->n > 1 ? a->value[a->n - 1] - a->value[a->n - 2] : a->increment;
}

static int check_one(const pcl_axis *a, const pcl_axis *first, pclean_err *err) {
    if (a->kind != first->kind)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "%s: the axis to join is of another kind than that of %s", a->name,
                        first->name);
    if (strcmp(a->frame, first->frame) != 0)
        return PCL_FAIL(
            err, PCLEAN_EDATA,
            "%s: its frequencies are in %s, those of %s in %s; bring them to one frame first",
            a->name, a->frame, first->name, first->frame);
    const double step = first_step(a);
    for (size_t i = 0; i < a->n; i++)
        if (!isfinite(a->value[i]) ||
            (i > 0 && a->kind != PCL_AXIS_STOKES && !((a->value[i] - a->value[i - 1]) * step > 0)))
            return PCL_FAIL(err, PCLEAN_EDATA, "%s: pixel %zu of the axis to join is out of order",
                            a->name, i);
    return 0;
}

static int check_stokes(const pcl_axis *images, size_t nimage, pclean_err *err) {
    const char *seen[64] = {0};
    for (size_t i = 0; i < nimage; i++)
        for (size_t k = 0; k < images[i].n; k++) {
            const long code = lround(images[i].value[k]);
            if (code < 0 || code >= 64)
                return PCL_FAIL(err, PCLEAN_EDATA, "%s: %ld is no Stokes parameter", images[i].name,
                                code);
            if (seen[code])
                return PCL_FAIL(
                    err, PCLEAN_EDATA,
                    "%s has a Stokes parameter that %s has already; leave one of them out",
                    images[i].name, seen[code]);
            seen[code] = images[i].name;
        }
    return 0;
}

/* The common direction, +1 or -1; 0: single pixels of unknown width. Fails where images
 * disagree. */
static int find_direction(const pcl_axis *images, size_t nimage, double *direction,
                          pclean_err *err) {
    *direction = 0;
    const char *whose = "";
    for (size_t i = 0; i < nimage; i++) {
        const double step = first_step(&images[i]);
        if (step * *direction < 0)
            return PCL_FAIL(err, PCLEAN_EDATA,
                            "%s runs in the opposite direction along the axis to join than %s; "
                            "turn one of them round first",
                            images[i].name, whose);
        if (*direction == 0 && step != 0) {
            *direction = step > 0 ? 1 : -1;
            whose = images[i].name;
        }
    }
    return 0;
}

typedef struct key {
    double value;
    size_t i;
} key;

static int compare_keys(const void *a, const void *b) {
    const key *p = a, *q = b;
    const int by_value = (p->value > q->value) - (p->value < q->value);
    return by_value ? by_value : (p->i > q->i) - (p->i < q->i);
}

static int sort_images(const pcl_axis *images, size_t nimage, double direction, size_t *order,
                       pclean_err *err) {
    key *keys = NULL;
    int rc = PCL_NEW(&keys, nimage, "order of images", err);
    if (rc)
        return rc;
    for (size_t i = 0; i < nimage; i++)
        keys[i] = (key){images[i].value[0] * (direction < 0 ? -1 : 1), i};
    qsort(keys, nimage, sizeof *keys, compare_keys);
    for (size_t i = 0; i < nimage; i++)
        order[i] = keys[i].i;
    pcl_free(keys);
    return 0;
}

static int refuse_overlap(const pcl_axis *a, const pcl_axis *b, double npixel, pclean_err *err) {
    return PCL_FAIL(
        err, PCLEAN_EDATA,
        "%s and %s overlap by %.4g pixel%s along the axis; leave one of them out or cut it",
        a->name, b->name, npixel, npixel == 1 ? "" : "s");
}

/* How b follows a: an error, or whether the joined axis stays regular there as casacore sees it. */
static int check_pair(const pcl_axis *a, const pcl_axis *b, double direction, bool relax,
                      bool reorder, bool *regular, pclean_err *err) {
    double wide_a = fabs(last_step(a)), wide_b = fabs(first_step(b));
    wide_a = wide_a > 0 ? wide_a : wide_b;
    wide_b = wide_b > 0 ? wide_b : wide_a;
    const double distance = (b->value[0] - a->value[a->n - 1]) * (direction < 0 ? -1 : 1);
    const double touching = (wide_a + wide_b) / 2;
    if ((b->value[0] - a->value[0]) * (direction < 0 ? -1 : 1) < 0 && !reorder)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "%s lies before %s along the axis; give them in order, or ask for "
                        "reordering (--reorder)",
                        b->name, a->name);
    if (!(distance > touching * (1 - tolerance)) || distance <= 0)
        return refuse_overlap(a, b, (touching - distance) / (touching > 0 ? touching : 1), err);
    *regular = fabs(distance - wide_b) <= tolerance * wide_a && wide_a > 0;
    const bool sky = a->kind == PCL_AXIS_SKY, gap = distance > touching * (1 + tolerance),
               other = fabs(wide_a - wide_b) > tolerance * wide_a;
    if (gap && (!relax || sky))
        return PCL_FAIL(err, PCLEAN_EDATA, "between %s and %s there is a gap of %.4g pixels%s",
                        a->name, b->name, distance / touching - 1,
                        sky ? ": a sky axis cannot have one"
                            : "; is an image missing? Gaps are allowed with relax");
    if (other && (!relax || sky))
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "the pixels of %s are %.6g times as wide as those of %s along the axis%s",
                        b->name, wide_b / wide_a, a->name,
                        sky ? ": a sky axis cannot have both"
                            : "; different widths are allowed with relax");
    return 0;
}

static bool is_regular(const pcl_axis *images, const pcl_axis_joined *j, size_t nimage) {
    const pcl_axis *a = &images[j->order[0]];
    const double step = first_step(a), start = a->value[0];
    size_t k = 0;
    for (size_t i = 0; i < nimage; i++) {
        a = &images[j->order[i]];
        for (size_t c = 0; c < a->n; c++, k++)
            if (!(fabs(a->value[c] - start - (double)k * step) <= tolerance * fabs(step)))
                return false;
    }
    return true;
}

int pcl_axis_join(const pcl_axis *images, size_t nimage, bool relax, bool reorder,
                  pcl_axis_joined *out, pclean_err *err) {
    *out = (pcl_axis_joined){.regular = true, .casa_regular = true};
    double direction;
    int rc = PCL_NEW(&out->order, nimage, "order of images", err);
    for (size_t i = 0; !rc && i < nimage; i++) {
        out->order[i] = i;
        rc = check_one(&images[i], &images[0], err);
    }
    if (!rc && images[0].kind == PCL_AXIS_STOKES) {
        rc = check_stokes(images, nimage, err);
    } else if (!rc && !(rc = find_direction(images, nimage, &direction, err))) {
        if (reorder)
            rc = sort_images(images, nimage, direction, out->order, err);
        for (size_t i = 1; !rc && i < nimage; i++) {
            bool regular = false;
            rc = check_pair(&images[out->order[i - 1]], &images[out->order[i]], direction, relax,
                            reorder, &regular, err);
            out->casa_regular = out->casa_regular && regular;
        }
        out->regular = !rc && is_regular(images, out, nimage);
    }
    if (rc) {
        pcl_free(out->order);
        *out = (pcl_axis_joined){0};
    }
    return rc;
}
