#include "image/region_shape.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "image/samegrid.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The numbers of a shape, in order. */
typedef struct words {
    size_t n;
    char *const *item;
} words;

bool pcl_region_shape_number(const char *text, const char *unit, double *value) {
    char *end;
    *value = strtod(text, &end);
    if (end == text || !isfinite(*value))
        return false;
    while (isspace((unsigned char)*end))
        end++;
    return strcasecmp(end, unit) == 0;
}

/* ---- positions and lengths ---- */

/* What the text says: pixels, or an angle pair in `frame`. */
typedef struct position {
    bool pix;
    int frame;
    double v[2];
} position;

static int parse_position(const char *x, const char *y, int frame, position *out, pclean_err *err) {
    bool pix_x = pcl_region_shape_number(x, "pix", &out->v[0]),
         pix_y = pcl_region_shape_number(y, "pix", &out->v[1]);
    out->pix = pix_x && pix_y;
    out->frame = frame;
    if (pix_x != pix_y)
        return PCL_FAIL(err, PCLEAN_EPARAM, "position [%s, %s] mixes pixels and sky coordinates", x,
                        y);
    if (out->pix)
        return 0;
    if (strchr(y, ':'))
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "latitude \"%s\" is ambiguous, CASA takes colons as hours; write +12d34m56 "
                        "or +12.34.56",
                        y);
    int rc = pcl_parse_longitude(x, &out->v[0], err);
    return rc ? rc : pcl_parse_latitude(y, &out->v[1], err);
}

static int to_pixels(const position *p, const casa_image_desc *d, double *xy, pclean_err *err) {
    if (p->pix) {
        memcpy(xy, p->v, sizeof p->v);
        return 0;
    }
    casa_direction at = {p->frame, p->v[0], p->v[1]};
    int rc =
        p->frame == d->centre.frame ? 0 : casa_direction_convert(&at, d->centre.frame, &at, err);
    if (rc == 0 && !pcl_samegrid_sky_to_pixel(d, at.lon_rad, at.lat_rad, &xy[0], &xy[1]))
        rc = PCL_FAIL(err, PCLEAN_EPARAM,
                      "a position lies more than 90 degrees from the image centre");
    return rc;
}

/* Makes a position in pixels one on the sky, in the image's frame. */
static int to_sky(position *p, const casa_image_desc *d, pclean_err *err) {
    if (!p->pix)
        return 0;
    double l = (p->v[0] - d->crpix_x) * d->increment_x_rad,
           m = (p->v[1] - d->crpix_y) * d->increment_y_rad;
    double s0 = sin(d->centre.lat_rad), c0 = cos(d->centre.lat_rad), n = sqrt(1 - l * l - m * m);
    if (!(l * l + m * m < 1))
        return PCL_FAIL(err, PCLEAN_EPARAM, "pixel [%g, %g] is not on the sky", p->v[0], p->v[1]);
    p->pix = false;
    p->frame = d->centre.frame;
    p->v[0] = d->centre.lon_rad + atan2(l, n * c0 - m * s0);
    p->v[1] = asin(m * c0 + n * s0);
    return 0;
}

/* The position `north` along the meridian, then `east` along the great circle across it: casacore's
 * MVDirection::shift. */
static position shifted(const position *p, double east, double north) {
    double lat = p->v[1] + north;
    position out = *p;
    out.v[0] = p->v[0] + atan2(sin(east), cos(east) * cos(lat));
    out.v[1] = asin(cos(east) * sin(lat));
    return out;
}

/* Two lengths of one shape: both in pixels or both angles. */
typedef struct lengths {
    bool pix;
    double v[2];
} lengths;

static int parse_lengths(const char *a, const char *b, lengths *out, pclean_err *err) {
    const char *text[2] = {a, b};
    bool pix[2];
    for (int i = 0; i < 2; i++) {
        int rc = 0;
        pix[i] = pcl_region_shape_number(text[i], "pix", &out->v[i]);
        if (!pix[i] &&
            (rc = pcl_quantity_parse_as(text[i], PCL_DIM_ANGLE, NULL, &out->v[i], err)) != 0)
            return rc;
        if (out->v[i] < 0)
            return PCL_FAIL(err, PCLEAN_EPARAM, "length \"%s\" is negative", text[i]);
    }
    if (pix[0] != pix[1])
        return PCL_FAIL(err, PCLEAN_EPARAM, "lengths \"%s\" and \"%s\" mix pixels and angles", a,
                        b);
    out->pix = pix[0];
    return 0;
}

/* Offsets in pixels times scale are east and north: in rad, or in pixels for lengths in pixels. */
static void set_scale(const casa_image_desc *d, bool pix, double scale[2]) {
    scale[0] = pix ? copysign(1, d->increment_x_rad) : d->increment_x_rad;
    scale[1] = pix ? copysign(1, d->increment_y_rad) : d->increment_y_rad;
}

static int parse_angle(const char *text, const lengths *size, const casa_image_desc *d,
                       pcl_region *r, pclean_err *err) {
    double pa;
    int rc = pcl_quantity_parse_as(text, PCL_DIM_ANGLE, NULL, &pa, err);
    if (rc)
        return rc;
    bool square = fabs(fabs(d->increment_x_rad / d->increment_y_rad) - 1) < 1e-6;
    if (size->pix && !square && pa != 0)
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "a turned shape needs sizes in arcsec when pixels are not square");
    r->sin_pa = sin(pa);
    r->cos_pa = cos(pa);
    return 0;
}

/* ---- shapes ---- */

static int add_vertices(pcl_region *r, size_t n, pclean_err *err) {
    r->is_polygon = true;
    r->nvertex = n;
    return PCL_NEW(&r->vertex, 2 * n, "mask polygon", err);
}

static int make_ellipse(const words *w, const pcl_sky *s, pcl_region *r, pclean_err *err) {
    position p;
    lengths size;
    double xy[2];
    bool full = w->n == 5;
    r->cos_pa = 1;
    int rc = parse_position(w->item[0], w->item[1], s->frame, &p, err);
    if (rc || (rc = to_pixels(&p, s->desc, xy, err)) != 0)
        return rc;
    if ((rc = parse_lengths(w->item[2], full ? w->item[3] : w->item[2], &size, err)) != 0)
        return rc;
    if (full && (rc = parse_angle(w->item[4], &size, s->desc, r, err)) != 0)
        return rc;
    if (size.v[0] <= 0 || size.v[1] <= 0)
        return PCL_FAIL(err, PCLEAN_EPARAM, "a radius is zero");
    r->x = xy[0];
    r->y = xy[1];
    r->semi[0] = size.v[0];
    r->semi[1] = size.v[1];
    set_scale(s->desc, size.pix, r->scale);
    return 0;
}

static int make_annulus(const words *w, const pcl_sky *s, pcl_region *r, pclean_err *err) {
    lengths size;
    char *const outer[3] = {w->item[0], w->item[1], w->item[3]};
    int rc = parse_lengths(w->item[2], w->item[3], &size, err);
    if (rc)
        return rc;
    if (size.v[0] >= size.v[1])
        return PCL_FAIL(err, PCLEAN_EPARAM, "the inner radius %s is not below the outer one, %s",
                        w->item[2], w->item[3]);
    r->inner = size.v[0] / size.v[1];
    return make_ellipse(&(words){3, outer}, s, r, err);
}

static int make_box(const words *w, const pcl_sky *s, pcl_region *r, pclean_err *err) {
    position a, b;
    int rc = parse_position(w->item[0], w->item[1], s->frame, &a, err);
    if (rc || (rc = parse_position(w->item[2], w->item[3], s->frame, &b, err)) != 0)
        return rc;
    if (a.pix != b.pix)
        return PCL_FAIL(err, PCLEAN_EPARAM, "the corners mix pixels and sky coordinates");
    if ((rc = add_vertices(r, 4, err)) != 0)
        return rc;
    for (size_t i = 0; i < 4 && rc == 0; i++) { /* sides along the coordinates, as CASA has it */
        position corner = a;
        if (i == 1 || i == 2)
            corner.v[0] = b.v[0];
        if (i >= 2)
            corner.v[1] = b.v[1];
        rc = to_pixels(&corner, s->desc, r->vertex + 2 * i, err);
    }
    return rc;
}

static int make_rotbox(const words *w, const pcl_sky *s, pcl_region *r, pclean_err *err) {
    position p;
    lengths size;
    r->cos_pa = 1;
    int rc = parse_position(w->item[0], w->item[1], s->frame, &p, err);
    if (rc || (rc = to_sky(&p, s->desc, err)) != 0 ||
        (rc = parse_lengths(w->item[2], w->item[3], &size, err)) != 0)
        return rc;
    if (w->n == 5 && (rc = parse_angle(w->item[4], &size, s->desc, r, err)) != 0)
        return rc;
    if (size.pix) {
        size.v[0] *= fabs(s->desc->increment_x_rad);
        size.v[1] *= fabs(s->desc->increment_y_rad);
    }
    rc = add_vertices(r, 4, err);
    for (size_t i = 0; i < 4 && rc == 0; i++) {
        double across = (i == 1 || i == 2 ? 0.5 : -0.5) * size.v[0],
               along = (i >= 2 ? 0.5 : -0.5) * size.v[1];
        position corner = shifted(&p, across * r->cos_pa + along * r->sin_pa,
                                  along * r->cos_pa - across * r->sin_pa);
        rc = to_pixels(&corner, s->desc, r->vertex + 2 * i, err);
    }
    return rc;
}

static int make_poly(const words *w, const pcl_sky *s, pcl_region *r, pclean_err *err) {
    position p;
    int rc = add_vertices(r, w->n / 2, err);
    for (size_t i = 0; i < w->n / 2 && rc == 0; i++)
        if ((rc = parse_position(w->item[2 * i], w->item[2 * i + 1], s->frame, &p, err)) == 0)
            rc = to_pixels(&p, s->desc, r->vertex + 2 * i, err);
    return rc;
}

typedef struct shape {
    const char *name;
    size_t nword; /* 0: an even number from 6 */
    int (*make)(const words *, const pcl_sky *, pcl_region *, pclean_err *);
    const char *form;
} shape;

static const shape shapes[] = {
    {"circle", 3, make_ellipse, "circle[[x,y],r]"},
    {"annulus", 4, make_annulus, "annulus[[x,y],[r1,r2]]"},
    {"ellipse", 5, make_ellipse, "ellipse[[x,y],[a,b],pa]"},
    {"box", 4, make_box, "box[[x1,y1],[x2,y2]]"},
    {"rectangularbox", 4, make_box, "rectangularbox[[x1,y1],[x2,y2]]"},
    {"centerbox", 4, make_rotbox, "centerbox[[x,y],[w,h]]"},
    {"rotbox", 5, make_rotbox, "rotbox[[x,y],[w,h],pa]"},
    {"rotatedbox", 5, make_rotbox, "rotatedbox[[x,y],[w,h],pa]"},
    {"poly", 0, make_poly, "poly[[x1,y1],[x2,y2],[x3,y3],...]"},
    {"polygon", 0, make_poly, "polygon[[x1,y1],[x2,y2],[x3,y3],...]"},
};

static const shape *find_shape(const char *name) {
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (strcasecmp(name, shapes[i].name) == 0)
            return &shapes[i];
    return NULL;
}

int pcl_region_shape_make(const char *name, size_t nword, char *const *word, const pcl_sky *sky,
                          pcl_region *out, pclean_err *err) {
    const shape *s = find_shape(name);
    if (!s)
        return PCL_FAIL(
            err, PCLEAN_EPARAM,
            "\"%.40s\" is not a region (circle, annulus, ellipse, box, centerbox, rotbox, poly)",
            name);
    const bool wrong = s->nword ? nword != s->nword : nword < 6 || nword % 2 != 0;
    if (wrong)
        return PCL_FAIL(err, PCLEAN_EPARAM, "%zu numbers where %s is wanted", nword, s->form);
    int rc = s->make(&(words){nword, word}, sky, out, err);
    if (!rc)
        pcl_region_snap(out);
    return rc;
}
