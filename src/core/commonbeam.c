/* commonbeam.c: the ellipse of smallest area around ellipses with one centre.
 *
 * A beam is the matrix S of its squared widths (1 along an axis becomes width^2); Gaussians are
 * convolved by adding theirs, so the common beam C must have C - S >= 0 for all S. That is the same
 * as holding each ellipse x^T S^-1 x <= 1, and with W = C^-1 the problem is convex: det W as large
 * as can be where x^T W x <= 1 for all points x of all ellipses. It has one solution, which three
 * points at most determine (W has three coefficients).
 *
 * Exchange of points: W of the points so far; the point that sticks out most, over all beams; the
 * best W of that and two of the others at most; and again. The area grows in every step, so no set
 * of points comes twice. For the beam S it is x = S W y / sqrt(r), with r the largest eigenvalue of
 * S W and y its vector. At the end W is made smaller by what still sticks out, 1e-12 or so.
 *
 * Coordinates in which the largest beam is the unit circle keep the numbers of order one. All
 * choices between equals go by the beams' numbers, not their places: order changes nothing. */
#include "core/commonbeam.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { MAX_STEPS = 500 };
#define ENOUGH (1 + 1e-12)

/* A symmetric 2 x 2 matrix. */
typedef struct sym {
    double xx, xy, yy;
} sym;
typedef struct point {
    double x, y;
} point;

static double det(const sym *m) {
    return m->xx * m->yy - m->xy * m->xy;
}

static sym inverse(const sym *m) {
    const double d = det(m);
    return (sym){m->yy / d, -m->xy / d, m->xx / d};
}

/* Squares of the widths, x along the major axis of pa 0, turned by pa. */
static sym widths_of(const pcl_beam *b) {
    const double c = cos(b->pa_rad), s = sin(b->pa_rad), p = b->major_rad * b->major_rad,
                 q = b->minor_rad * b->minor_rad;
    return (sym){p * c * c + q * s * s, (p - q) * c * s, p * s * s + q * c * c};
}

static pcl_beam beam_of(const sym *m) {
    const double mean = (m->xx + m->yy) / 2, half = hypot((m->xx - m->yy) / 2, m->xy);
    double pa = 0.5 * atan2(2 * m->xy, m->xx - m->yy);
    if (pa <= -M_PI_2)
        pa += M_PI;
    /* the minor axis by the determinant: no digits cancel */
    const double major2 = mean + half;
    return (pcl_beam){sqrt(major2), sqrt(det(m) / major2), pa};
}

/* ---- coordinates ---- */

/* x = L x', with S = L L^T of the largest beam. */
typedef struct frame {
    double a, b, c; /* L = (a 0; b c) */
} frame;

static frame frame_of(const sym *s) {
    const double a = sqrt(s->xx);
    return (frame){a, s->xy / a, sqrt(det(s)) / a};
}

/* L^-1 m L^-T */
static sym into(const frame *f, const sym *m) {
    const double xx = m->xx / (f->a * f->a), xy = (m->xy / f->a - f->b * xx) / f->c;
    return (sym){xx, xy, (m->yy - f->b * f->b * xx - 2 * f->b * f->c * xy) / (f->c * f->c)};
}

/* L m L^T */
static sym out_of(const frame *f, const sym *m) {
    return (sym){f->a * f->a * m->xx, f->a * (f->b * m->xx + f->c * m->xy),
                 f->b * f->b * m->xx + 2 * f->b * f->c * m->xy + f->c * f->c * m->yy};
}

/* ---- what sticks out ---- */

static double value(const sym *w, const point *p) {
    return w->xx * p->x * p->x + 2 * w->xy * p->x * p->y + w->yy * p->y * p->y;
}

/* The largest eigenvalue of S W; the root by its entries: where S is W^-1, no digits cancel. */
static double reach(const sym *s, const sym *w) {
    const double xx = s->xx * w->xx + s->xy * w->xy, xy = s->xx * w->xy + s->xy * w->yy,
                 yx = s->xy * w->xx + s->yy * w->xy, yy = s->xy * w->xy + s->yy * w->yy;
    const double half = (xx - yy) / 2, root = half * half + xy * yx;
    return (xx + yy) / 2 + sqrt(root > 0 ? root : 0);
}

/* The point of S that sticks out most of W: r is reach. x^T W x is largest for (S W - r) x = 0. */
static point farthest(const sym *s, const sym *w, double r) {
    const double a = s->xx * w->xx + s->xy * w->xy - r, b = s->xx * w->xy + s->xy * w->yy,
                 c = s->xy * w->xx + s->yy * w->xy, d = s->xy * w->xy + s->yy * w->yy - r;
    point p = a * a + b * b > c * c + d * d ? (point){-b, a} : (point){-d, c};
    if (p.x == 0 && p.y == 0) /* S is W^-1 but for its size: any point */
        p.x = 1;
    const sym q = inverse(s);
    const double scale = 1 / sqrt(value(&q, &p));
    return (point){p.x * scale, p.y * scale};
}

/* ---- the ellipse of a few points ---- */

/* W of two points: C = p p^T + q q^T. False: they lie in one direction. */
static bool through_two(const point *p, const point *q, sym *w) {
    const sym c = {p->x * p->x + q->x * q->x, p->x * p->y + q->x * q->y, p->y * p->y + q->y * q->y};
    if (!(det(&c) > 1e-14 * c.xx * c.yy))
        return false;
    *w = inverse(&c);
    return true;
}

/* W of three points: those lie on it. Cramer's rule. */
static bool through_three(const point *p[3], sym *w) {
    double m[3][3];
    for (int i = 0; i < 3; i++) {
        m[i][0] = p[i]->x * p[i]->x;
        m[i][1] = 2 * p[i]->x * p[i]->y;
        m[i][2] = p[i]->y * p[i]->y;
    }
    double co[3][3], sum[3] = {0};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            const int a = (i + 1) % 3, b = (i + 2) % 3, c = (j + 1) % 3, d = (j + 2) % 3;
            co[i][j] = m[a][c] * m[b][d] - m[a][d] * m[b][c];
            sum[j] += co[i][j];
        }
    const double whole = m[0][0] * co[0][0] + m[0][1] * co[0][1] + m[0][2] * co[0][2];
    *w = (sym){sum[0] / whole, sum[1] / whole, sum[2] / whole};
    return isfinite(w->xx) && isfinite(w->xy) && isfinite(w->yy) && w->xx > 0 && det(w) > 0;
}

/* The points that determine W. */
typedef struct basis {
    size_t n;
    point p[3];
    sym w;
} basis;

static bool holds(const sym *w, const basis *b, const point *p) {
    for (size_t i = 0; i < b->n; i++)
        if (value(w, &b->p[i]) > 1 + 1e-11)
            return false;
    return value(w, p) <= 1 + 1e-11;
}

static void take_if_better(const basis *old, const point *p, const basis *with, basis *best) {
    if (holds(&with->w, old, p) && (best->n == 0 || det(&with->w) > det(&best->w)))
        *best = *with;
}

/* The best W for the points so far and one more, which is one of those that determine it. False:
 * to the last digits there is none. */
static bool exchange(basis *b, const point *p) {
    basis best = {0};
    for (size_t i = 0; i < b->n; i++) {
        basis two = {.n = 2, .p = {*p, b->p[i]}};
        if (through_two(p, &b->p[i], &two.w))
            take_if_better(b, p, &two, &best);
        for (size_t j = i + 1; j < b->n; j++) {
            basis three = {.n = 3, .p = {*p, b->p[i], b->p[j]}};
            const point *all[3] = {p, &b->p[i], &b->p[j]};
            if (through_three(all, &three.w))
                take_if_better(b, p, &three, &best);
        }
    }
    if (best.n == 0 || !(det(&best.w) < det(&b->w)))
        return false;
    *b = best;
    return true;
}

/* ---- the beams ---- */

static bool is_beam(const pcl_beam *b) {
    return b->major_rad > 0 && b->minor_rad > 0;
}

/* An order of beams by their numbers. */
static bool comes_before(const pcl_beam *a, const pcl_beam *b) {
    if (a->major_rad != b->major_rad)
        return a->major_rad > b->major_rad;
    if (a->minor_rad != b->minor_rad)
        return a->minor_rad > b->minor_rad;
    return a->pa_rad > b->pa_rad;
}

static const pcl_beam *find_largest(const pcl_beam *beam, size_t n) {
    const pcl_beam *largest = NULL;
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        const double area = beam[i].major_rad * beam[i].minor_rad;
        if (is_beam(&beam[i]) &&
            (area > most || (area == most && largest && comes_before(&beam[i], largest)))) {
            largest = &beam[i];
            most = area;
        }
    }
    return largest;
}

/* The beam that sticks out most, and by how much. */
static const pcl_beam *find_worst(const pcl_beam *beam, size_t n, const frame *f, const sym *w,
                                  double *most) {
    const pcl_beam *worst = NULL;
    *most = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_beam(&beam[i]))
            continue;
        const sym wide = widths_of(&beam[i]), s = into(f, &wide);
        const double r = reach(&s, w);
        if (r > *most || (r == *most && comes_before(&beam[i], worst))) {
            worst = &beam[i];
            *most = r;
        }
    }
    return worst;
}

bool pcl_commonbeam_find(const pcl_beam *beam, size_t n, pcl_beam *out) {
    *out = (pcl_beam){0};
    const pcl_beam *largest = find_largest(beam, n);
    if (!largest)
        return false;
    const sym wide = widths_of(largest);
    const frame f = frame_of(&wide);
    basis b = {.n = 2, .p = {{1, 0}, {0, 1}}, .w = {1, 0, 1}};
    double most = 0;
    const pcl_beam *worst = find_worst(beam, n, &f, &b.w, &most);
    if (most <= ENOUGH) {
        *out = *largest;
        return true;
    }
    for (int i = 0; i < MAX_STEPS && most > ENOUGH; i++) {
        const sym own = widths_of(worst), s = into(&f, &own);
        const point p = farthest(&s, &b.w, most);
        if (!exchange(&b, &p))
            break;
        worst = find_worst(beam, n, &f, &b.w, &most);
    }
    const sym c = inverse(&b.w);
    const sym whole = out_of(&f, &(sym){c.xx * most, c.xy * most, c.yy * most});
    *out = beam_of(&whole);
    return true;
}

double pcl_commonbeam_ratio(const pcl_beam *beam, const pcl_beam *holder) {
    const sym a = widths_of(beam), b = widths_of(holder), w = inverse(&b);
    return sqrt(reach(&a, &w));
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double area(const pcl_beam *b) {
    return b->major_rad * b->minor_rad;
}

/* The one of median area; number [n]. *m: how many there are. */
static pcl_beam find_median(const pcl_beam *beam, size_t n, double *number, size_t *m) {
    *m = 0;
    for (size_t i = 0; i < n; i++)
        if (is_beam(&beam[i]))
            number[(*m)++] = area(&beam[i]);
    qsort(number, *m, sizeof *number, ascending);
    for (size_t i = 0; *m && i < n; i++)
        if (is_beam(&beam[i]) && !(area(&beam[i]) < number[(*m - 1) / 2]) &&
            !(area(&beam[i]) > number[(*m - 1) / 2]))
            return beam[i];
    return (pcl_beam){0};
}

void pcl_commonbeam_judge(const pcl_beam *beam, size_t n, size_t most, const pcl_beam *common,
                          pcl_beam *work, pcl_commonbeam_spread *out) {
    double *number = (double *)(void *)work;
    pcl_beam without;
    size_t m;
    const pcl_beam median = find_median(beam, n, number, &m);
    *out = (pcl_commonbeam_spread){0};
    if (m <= most)
        return;
    m = 0;
    for (size_t i = 0; i < n; i++)
        if (is_beam(&beam[i]))
            number[m++] = pcl_commonbeam_ratio(&beam[i], &median);
    qsort(number, m, sizeof *number, ascending);
    *out = (pcl_commonbeam_spread){.median = median,
                                   .limit = 1.2 * number[m - 1 - most],
                                   .above_median = area(common) / area(&median)};
    for (size_t i = 0; i < n; i++)
        work[i] = pcl_commonbeam_is_outlier(out, &beam[i]) ? (pcl_beam){0} : beam[i];
    if (pcl_commonbeam_find(work, n, &without))
        out->above_rest = area(common) / area(&without);
}

bool pcl_commonbeam_is_spoilt(const pcl_commonbeam_spread *s) {
    return s->above_median > 1.5 && s->above_rest > 1.2;
}

bool pcl_commonbeam_is_outlier(const pcl_commonbeam_spread *s, const pcl_beam *beam) {
    return is_beam(beam) && is_beam(&s->median) &&
           pcl_commonbeam_ratio(beam, &s->median) > s->limit;
}

static double round_digits(double x) {
    int exponent;
    const double part = frexp(x, &exponent);
    return ldexp(nearbyint(ldexp(part, 40)), exponent - 40);
}

pcl_beam pcl_commonbeam_round(const pcl_beam *beam) {
    double pa = round_digits(beam->pa_rad);
    if (fabs(pa) > M_PI_2) /* casacore would turn it round */
        pa -= copysign(ldexp(1, -39), pa);
    return (pcl_beam){round_digits(beam->major_rad), round_digits(beam->minor_rad), pa};
}
