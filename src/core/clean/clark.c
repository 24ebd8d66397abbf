/* clark.c: the Clark minor cycle as CASA has it, in single precision as CASA's.
 *
 * A round. L = peak x (largest |PSF| outside the patch) x factor. The list holds all pixels whose
 * brightness is at least max(L, threshold). Components are found in the list, the first one
 * always, and the patch of the PSF is subtracted from the list, until its peak is down to
 *     max(P sum_{j = 1..k} 1 / (n + j), threshold),
 * P being the peak that the round began with, n the components of earlier rounds, k those of this
 * one. Then the full PSFs are subtracted from the image. The next round begins with the last peak
 * of the list, which may be above or below that of the image: CASA does not look, and what is
 * searched depends on it.
 *
 * The list is kept by rows, and each row in cells of 64 columns. Cells and rows have their peaks,
 * so that a component costs the cells of the patch and a look at the rows' peaks.
 */
#include "core/clean/clark.h"

#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/clean/psfsub.h"

enum { NPOL = 4, NROUND = 10, CELL = 64 };

#define SIMD __attribute__((target_clones("avx2", "default")))

/* A component of a round. */
typedef struct component {
    size_t at, order; /* pixel; its number in the round */
    float v[NPOL];
} component;

typedef struct clark {
    const pcl_clean_planes *planes;
    const pcl_clean_params *params;
    pcl_box box; /* about the masks */
    pcl_psfsub psfsub;
    size_t side[2], half[2]; /* of the patch, along x and y */
    float sidelobe;
    size_t most; /* components of a round */
    float factor;
    bool slow; /* the peak has risen, or a list was empty */

    /* The list, row by row of the box and cell by cell: pixels first[c] to first[c + 1] - 1 of cell
     * c = row ncell + cell. */
    size_t nlist, ncell; /* of a row */
    size_t *first;       /* [nby ncell + 1] */
    float *cell_peak;    /* [nby ncell] brightness of the brightest pixel; below 0: there is none */
    uint32_t *x;         /* [nlist] column of the image */
    float *value;        /* [npol][nlist] */
    float *row_peak;     /* [nby] */
    float *line;         /* [nthread][nbx] brightness of a row of the image */
    component *found;    /* [nfound] */
    pcl_point *points;   /* [nfound] of one plane, as psfsub wants them */
    size_t nfound, room;
} clark;

/* ---- brightness ---- */

/* v [npol]. tclean's formulas for I and V, and for I, Q, U, V where I is not negative. */
static float brightness(const clark *s, const float *v) {
    const size_t npol = s->planes->npol;
    if (npol == 1)
        return fabsf(v[0]);
    float total = 0, squares = 0;
    for (size_t p = 0; p < npol; p++) {
        if (s->planes->polarized[p])
            squares += v[p] * v[p];
        else
            total = fmaxf(total, fabsf(v[p]));
    }
    return total + sqrtf(squares);
}

static bool is_open(const clark *s, size_t p, size_t at) {
    const bool *mask = s->planes->mask[p];
    return !mask || mask[at];
}

/* Values of a pixel of the image, 0 where a plane may not be searched; false: none may. */
static bool look(const clark *s, size_t at, float *v) {
    bool any = false;
    for (size_t p = 0; p < s->planes->npol; p++) {
        const bool open = is_open(s, p, at);
        v[p] = open ? s->planes->residual[p][at] : 0;
        any |= open;
    }
    return any;
}

SIMD static void single_line(const float *restrict r, const bool *restrict mask, size_t n,
                             float *restrict out) {
    for (size_t x = 0; x < n; x++)
        out[x] = fabsf(r[x]);
    for (size_t x = 0; mask && x < n; x++)
        out[x] = mask[x] ? out[x] : -1;
}

/* Of a row of the box, out [nbx]; -1 where no plane may be searched. */
static void line_brightness(const clark *s, size_t row, float *out) {
    const pcl_box *b = &s->box;
    const size_t at = (b->y0 + row) * b->nx + b->x0;
    const bool *mask = s->planes->mask[0];
    float v[NPOL];
    if (s->planes->npol == 1)
        single_line(s->planes->residual[0] + at, mask ? mask + at : NULL, b->nbx, out);
    else
        for (size_t x = 0; x < b->nbx; x++)
            out[x] = look(s, at + x, v) ? brightness(s, v) : -1;
}

static float *own_line(const clark *s) {
    return s->line + (size_t)omp_get_thread_num() * s->box.nbx;
}

/* NaN is never the largest. */
SIMD static float largest_in(const float *v, size_t n) {
    float peak = -1;
    for (size_t i = 0; i < n; i++)
        peak = v[i] > peak ? v[i] : peak;
    return peak;
}

/* The brightest pixel of the image. */
static float image_peak(const clark *s) {
    float peak = 0;
#pragma omp parallel for schedule(static) reduction(max : peak)
    for (size_t row = 0; row < s->box.nby; row++) {
        float *line = own_line(s);
        line_brightness(s, row, line);
        const float f = largest_in(line, s->box.nbx);
        peak = f > peak ? f : peak;
    }
    return peak;
}

static int refuse_infinite(size_t x, size_t y, pclean_err *err) {
    return PCL_FAIL(err, PCLEAN_EDATA, "the residual is infinite at pixel (%zu, %zu)", x, y);
}

/* The largest |residual| of any plane, which tclean's control goes by. */
static int find_largest(const clark *s, float *largest, pclean_err *err) {
    const pcl_box *b = &s->box;
    float peak = 0;
    for (size_t p = 0; p < s->planes->npol; p++)
        for (size_t y = b->y0; y < b->y0 + b->nby; y++)
            for (size_t x = b->x0; x < b->x0 + b->nbx; x++) {
                const size_t at = y * b->nx + x;
                const float f = is_open(s, p, at) ? fabsf(s->planes->residual[p][at]) : 0;
                if (isinf(f))
                    return refuse_infinite(x, y, err);
                peak = f > peak ? f : peak;
            }
    *largest = peak;
    return 0;
}

/* ---- the list ---- */

static float pixel_brightness(const clark *s, size_t i) {
    float v[NPOL];
    for (size_t p = 0; p < s->planes->npol; p++)
        v[p] = s->value[p * s->nlist + i];
    return brightness(s, v);
}

SIMD static float largest_magnitude(const float *v, size_t n) {
    float peak = -1;
    for (size_t i = 0; i < n; i++)
        peak = fabsf(v[i]) > peak ? fabsf(v[i]) : peak;
    return peak;
}

static void find_cell_peak(clark *s, size_t c) {
    const size_t from = s->first[c], to = s->first[c + 1];
    float peak = -1;
    if (s->planes->npol == 1)
        peak = largest_magnitude(s->value + from, to - from);
    else
        for (size_t i = from; i < to; i++)
            peak = fmaxf(peak, pixel_brightness(s, i));
    s->cell_peak[c] = peak;
}

static void find_row_peak(clark *s, size_t row) {
    s->row_peak[row] = largest_in(s->cell_peak + row * s->ncell, s->ncell);
}

/* The brightest pixel of the list, the first of equals. */
static size_t brightest(const clark *s, size_t *row) {
    const float peak = largest_in(s->row_peak, s->box.nby);
    for (*row = 0; *row < s->box.nby - 1 && s->row_peak[*row] < peak;)
        ++*row;
    size_t c = *row * s->ncell;
    while (s->cell_peak[c] < peak)
        c++;
    size_t i = s->first[c];
    while (pixel_brightness(s, i) < peak)
        i++;
    return i;
}

static float list_peak(const clark *s) {
    return largest_in(s->row_peak, s->box.nby);
}

/* How many pixels of each cell are as bright as this. */
static void count_row(clark *s, size_t row, float limit) {
    const float *line = own_line(s);
    for (size_t k = 0; k < s->ncell; k++) {
        const size_t end = (k + 1) * CELL < s->box.nbx ? (k + 1) * CELL : s->box.nbx;
        size_t n = 0;
        for (size_t x = k * CELL; x < end; x++)
            n += line[x] >= limit;
        s->first[row * s->ncell + k + 1] = n;
    }
}

/* A place of the list is written again and again until its pixel has come: without a branch. */
static void list_row(clark *s, size_t row, float limit) {
    const pcl_box *b = &s->box;
    const size_t from = s->first[row * s->ncell], to = s->first[(row + 1) * s->ncell],
                 at = (b->y0 + row) * b->nx;
    const float *line = own_line(s);
    for (size_t i = from, x = 0; i < to; x++) {
        s->x[i] = (uint32_t)(b->x0 + x);
        i += line[x] >= limit;
    }
    for (size_t p = 0; p < s->planes->npol; p++)
        for (size_t i = from; i < to; i++)
            s->value[p * s->nlist + i] =
                is_open(s, p, at + s->x[i]) ? s->planes->residual[p][at + s->x[i]] : 0;
    for (size_t k = 0; k < s->ncell; k++)
        find_cell_peak(s, row * s->ncell + k);
    find_row_peak(s, row);
}

static bool is_lent(const clark *s, int which, const void *at) {
    return at == s->params->spare[which].at;
}

static void free_list(clark *s) {
    if (!is_lent(s, 0, s->x))
        pcl_free(s->x);
    if (!is_lent(s, 1, s->value))
        pcl_free(s->value);
    s->x = NULL;
    s->value = NULL;
}

/* Memory of the list, lent where that is enough. */
static int take_list(clark *s, pclean_err *err) {
    const pcl_lent *spare = s->params->spare;
    const size_t nvalue = s->planes->npol * s->nlist;
    int rc = 0;
    s->x = spare[0].n >= s->nlist ? (uint32_t *)(void *)spare[0].at : NULL;
    s->value = spare[1].n >= nvalue ? spare[1].at : NULL;
    if (!s->x)
        rc = PCL_NEW(&s->x, s->nlist, "the list of bright pixels", err);
    if (!rc && !s->value)
        rc = PCL_NEW(&s->value, nvalue, "the list of bright pixels", err);
    return rc;
}

/* All pixels from this brightness on, which is not negative. */
static int make_list(clark *s, float limit, pclean_err *err) {
    const size_t nby = s->box.nby;
#pragma omp parallel for schedule(static)
    for (size_t row = 0; row < nby; row++) {
        line_brightness(s, row, own_line(s));
        count_row(s, row, limit);
    }
    s->first[0] = 0;
    for (size_t c = 0; c < nby * s->ncell; c++)
        s->first[c + 1] += s->first[c];
    s->nlist = s->first[nby * s->ncell];
    if (s->nlist == 0)
        return 0;
    const int rc = take_list(s, err);
    if (rc)
        return rc;
#pragma omp parallel for schedule(static)
    for (size_t row = 0; row < nby; row++) {
        line_brightness(s, row, own_line(s));
        list_row(s, row, limit);
    }
    return 0;
}

/* ---- components ---- */

static int note_component(clark *s, const component *c, pclean_err *err) {
    if (s->nfound == s->room) {
        component *grown = NULL;
        const size_t room = s->room ? 2 * s->room : 512;
        const int rc = PCL_NEW(&grown, room, "the components of a round", err);
        if (rc)
            return rc;
        if (s->nfound)
            memcpy(grown, s->found, s->nfound * sizeof *grown);
        pcl_free(s->found);
        s->found = grown;
        s->room = room;
    }
    s->found[s->nfound++] = *c;
    return 0;
}

/* Takes the patch around a component off the pixels of one cell. */
static void subtract_from_cell(clark *s, size_t cell, size_t y, size_t cx, const float *v,
                               size_t psf_row) {
    const pcl_clean_planes *c = s->planes;
    const size_t from = s->first[cell], to = s->first[cell + 1], shift = s->half[0] - cx,
                 side = s->side[0], centre = c->nx / 2 - s->half[0];
    for (size_t p = 0; p < c->npol; p++) {
        const float *psf = c->psf[p] + psf_row + centre;
        float *value = s->value + p * s->nlist;
        for (size_t i = from; i < to; i++) {
            const size_t k = s->x[i] + shift; /* column of the patch, huge to its left */
            if (k < side && (c->npol == 1 || is_open(s, p, y * c->nx + s->x[i])))
                value[i] -= v[p] * psf[k];
        }
    }
}

static void subtract_patch(clark *s, size_t cx, size_t cy, const float *v) {
    const pcl_box *b = &s->box;
    const size_t low = cy > s->half[1] + b->y0 ? cy - s->half[1] - b->y0 : 0,
                 left = cx > s->half[0] + b->x0 ? cx - s->half[0] - b->x0 : 0,
                 right = cx + s->side[0] - s->half[0] - b->x0;
    for (size_t row = low; row < b->nby && b->y0 + row + s->half[1] - cy < s->side[1]; row++) {
        const size_t y = b->y0 + row;
        for (size_t k = left / CELL; k < s->ncell && k * CELL < right; k++) {
            const size_t cell = row * s->ncell + k;
            if (s->first[cell] == s->first[cell + 1])
                continue;
            subtract_from_cell(s, cell, y, cx, v, (y + b->ny / 2 - cy) * b->nx);
            find_cell_peak(s, cell);
        }
        find_row_peak(s, row);
    }
}

/* The component at the brightest pixel of the list: into the models, off the list. */
static int make_component(clark *s, pclean_err *err) {
    const pcl_clean_planes *planes = s->planes;
    size_t row;
    const size_t i = brightest(s, &row), x = s->x[i], y = s->box.y0 + row;
    component c = {.at = y * planes->nx + x, .order = s->nfound};
    if (isinf(pixel_brightness(s, i)))
        return refuse_infinite(x, y, err);
    for (size_t p = 0; p < planes->npol; p++) {
        c.v[p] = s->value[p * s->nlist + i] * s->params->gain;
        planes->model[p][c.at] += c.v[p];
    }
    subtract_patch(s, x, y, c.v);
    return note_component(s, &c, err);
}

/* Components in the list, `most` at most, in a round that follows on `before` components. *peak:
 * its brightest pixel afterwards. */
static int clean_list(clark *s, float flux_limit, size_t most, size_t before, float *peak,
                      pclean_err *err) {
    const float threshold = s->params->threshold, start = list_peak(s),
                inverse = 1.0f / (flux_limit / start);
    float limit = fmaxf(flux_limit, threshold), sum = 0;
    s->nfound = 0;
    for (*peak = start; s->nfound<most && * peak> limit; *peak = list_peak(s)) {
        const int rc = make_component(s, err);
        if (rc)
            return rc;
        /* as CASA rounds it; where nothing is outside the patch its limit is no number */
        const float n = (float)(before + s->nfound);
        sum += flux_limit > 0 ? inverse / n : start / n;
        limit = fmaxf(flux_limit > 0 ? flux_limit * sum : sum, threshold);
    }
    return 0;
}

static int by_place(const void *a, const void *b) {
    const component *c = a, *d = b;
    if (c->at != d->at)
        return (c->at > d->at) - (c->at < d->at);
    return (c->order > d->order) - (c->order < d->order);
}

/* The components of a pixel become one. */
static void merge_components(clark *s) {
    size_t n = 0;
    qsort(s->found, s->nfound, sizeof *s->found, by_place);
    for (size_t i = 0; i < s->nfound; i++) {
        if (n > 0 && s->found[n - 1].at == s->found[i].at)
            for (size_t p = 0; p < NPOL; p++)
                s->found[n - 1].v[p] += s->found[i].v[p];
        else
            s->found[n++] = s->found[i];
    }
    s->nfound = n;
}

/* The full PSFs of the round's components off the image. */
static int subtract_components(clark *s, pclean_err *err) {
    const pcl_clean_planes *planes = s->planes;
    pcl_point *point = NULL;
    merge_components(s);
    int rc = PCL_NEW(&point, s->nfound, "the components of a round", err);
    for (size_t p = 0; !rc && p < planes->npol; p++) {
        for (size_t i = 0; i < s->nfound; i++)
            point[i] = (pcl_point){s->found[i].at % planes->nx, s->found[i].at / planes->nx,
                                   s->found[i].v[p]};
        rc = pcl_psfsub_subtract(&s->psfsub, planes->psf[p], s->nfound, point, planes->residual[p],
                                 err);
    }
    pcl_free(point);
    return rc;
}

/* ---- rounds ---- */

/* One round; *done: its components. false in *more: nothing is bright enough, twice. */
static int make_round(clark *s, size_t limit, size_t before, float *peak, size_t *done, bool *more,
                      pclean_err *err) {
    float flux_limit = *peak * s->sidelobe * s->factor;
    if (s->factor > 1)
        flux_limit = (float)fmin(0.95 * (double)*peak, (double)flux_limit);
    *done = 0;
    int rc = make_list(s, fmaxf(flux_limit, s->params->threshold), err);
    if (!rc && s->nlist == 0) {
        *more = !s->slow;
        s->slow = true;
        s->factor = (float)(1.2 * (double)s->factor);
        return 0;
    }
    const size_t most = s->most < limit - before ? s->most : limit - before;
    if (!rc)
        rc = clean_list(s, flux_limit, most, before, peak, err);
    free_list(s);
    *done = s->nfound;
    return rc || s->nfound == 0 ? rc : subtract_components(s, err);
}

/* A block of at most `limit` components: rounds from where the image is. */
static int make_block(clark *s, size_t limit, size_t *done, pcl_clark_result *out,
                      pclean_err *err) {
    float peak = image_peak(s);
    bool more = true;
    s->factor = 1.5f / 4.5f;
    s->slow = false;
    s->most = limit;
    if (s->sidelobe > 0.5f)
        s->most = 5;
    else if ((double)s->sidelobe > 0.35)
        s->most = 50;
    *done = 0;
    for (size_t k = 0; more && *done < limit && peak > s->params->threshold && k < NROUND;) {
        const float previous = peak;
        size_t n;
        const int rc = make_round(s, limit, *done, &peak, &n, &more, err);
        if (rc)
            return rc;
        if (peak > previous) {
            s->factor *= 3;
            s->most = 10;
            s->slow = true;
        }
        *done += n;
        k += s->nlist > 0;
        out->nround += s->nlist > 0;
    }
    out->peak = peak;
    return 0;
}

/* ---- set-up ---- */

/* The smallest rectangle about the pixels that may be searched; false: there are none. */
static bool find_box(const pcl_clean_planes *c, pcl_box *box) {
    size_t x0 = c->nx, x1 = 0, y0 = c->ny, y1 = 0;
    for (size_t p = 0; p < c->npol; p++)
        for (size_t y = 0; y < c->ny; y++)
            for (size_t x = 0; x < c->nx; x++)
                if (!c->mask[p] || c->mask[p][y * c->nx + x]) {
                    x0 = x < x0 ? x : x0;
                    x1 = x > x1 ? x : x1;
                    y0 = y < y0 ? y : y0;
                    y1 = y > y1 ? y : y1;
                }
    *box = (pcl_box){c->nx, c->ny, x0, y0, 0, 0};
    if (x0 > x1)
        return false;
    box->nbx = x1 - x0 + 1;
    box->nby = y1 - y0 + 1;
    return true;
}

static float largest_of(const float *row, size_t from, size_t to) {
    float most = 0;
    for (size_t x = from; x < to; x++)
        most = fabsf(row[x]) > most ? fabsf(row[x]) : most;
    return most;
}

/* ClarkCleanLatModel::absMaxBeyondDist: outside the rows within half[1] of the peak, and of these
 * rows what is left of half[0], and right from it on. */
static float find_sidelobe(const clark *s, const float *psf) {
    const size_t nx = s->planes->nx, ny = s->planes->ny, cx = nx / 2, cy = ny / 2;
    float most = 0;
    if (s->side[0] == nx && s->side[1] == ny)
        return 0;
    for (size_t y = 0; y < ny; y++) {
        const float *row = psf + y * nx;
        const bool outside = y + s->half[1] < cy || y > cy + s->half[1];
        most = fmaxf(most, largest_of(row, 0, outside ? nx : cx - s->half[0]));
        most = fmaxf(most, largest_of(row, outside ? nx : cx + s->half[0], nx));
    }
    return most;
}

/* The patch is about three beams wide. */
static void choose_patch(clark *s) {
    const pcl_clean_planes *c = s->planes;
    const double lobe = ceil(s->params->lobe);
    const size_t n[2] = {c->nx, c->ny},
                 side = 3 * (size_t)fmin(fmax(4, lobe), (double)(n[0] + n[1])) + 1;
    for (int i = 0; i < 2; i++) {
        s->side[i] = side < n[i] ? side : n[i];
        s->half[i] = s->side[i] / 2;
    }
    for (size_t p = 0; p < c->npol; p++)
        s->sidelobe = fmaxf(s->sidelobe, find_sidelobe(s, c->psf[p]));
}

static int check(const pcl_clean_planes *c, pclean_err *err) {
    const size_t most = (size_t)1 << 24;
    if (c->nx < 2 || c->ny < 2 || c->nx > most || c->ny > most || c->npol < 1 || c->npol > NPOL)
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "an image of %zu x %zu pixels and %zu Stokes planes cannot be cleaned",
                        c->nx, c->ny, c->npol);
    bool finite = true;
    for (size_t p = 0; p < c->npol; p++)
        for (size_t i = 0; i < c->nx * c->ny; i++)
            finite &= isfinite(c->psf[p][i]) != 0;
    if (!finite)
        return PCL_FAIL(err, PCLEAN_EDATA, "the PSF has pixels that are not finite");
    return 0;
}

static int make_blocks(clark *s, pcl_clark_result *out, pclean_err *err) {
    pcl_minor minor;
    int rc = find_largest(s, &out->peak, err);
    if (rc)
        return rc;
    int stop = pcl_minor_begin(&minor, s->params->cycleniter, s->params->threshold, out->peak);
    while (stop < 0) {
        size_t done = 0;
        if ((rc = make_block(s, pcl_minor_block(&minor), &done, out, err)))
            return rc;
        stop = pcl_minor_end_block(&minor, done, out->peak);
    }
    out->niter = minor.niter;
    out->stop = (enum pcl_minor_stop)stop;
    return 0;
}

int pcl_clark(const pcl_clean_planes *planes, const pcl_clean_params *params, pcl_clark_result *out,
              pclean_err *err) {
    clark s = {.planes = planes, .params = params};
    *out = (pcl_clark_result){.stop = PCL_MINOR_EMPTY_MASK};
    int rc = check(planes, err);
    if (rc || !find_box(planes, &s.box))
        return rc;
    pcl_psfsub_init(&s.psfsub, &s.box, &params->spare[0]);
    choose_patch(&s);
    s.ncell = (s.box.nbx + CELL - 1) / CELL;
    const size_t ncell = s.box.nby * s.ncell, nthread = (size_t)omp_get_max_threads();
    if ((rc = PCL_NEW(&s.first, ncell + 1, "the list of bright pixels", err)) ||
        (rc = PCL_NEW(&s.cell_peak, ncell, "the list of bright pixels", err)) ||
        (rc = PCL_NEW(&s.row_peak, s.box.nby, "the list of bright pixels", err)) ||
        (rc = PCL_NEW(&s.line, nthread * s.box.nbx, "a row of the image", err)))
        goto done;
    rc = make_blocks(&s, out, err);
    out->patch[0] = s.side[0];
    out->patch[1] = s.side[1];
    out->sidelobe = s.sidelobe;
done:
    free_list(&s);
    pcl_psfsub_clear(&s.psfsub);
    pcl_free(s.first);
    pcl_free(s.cell_peak);
    pcl_free(s.row_peak);
    pcl_free(s.line);
    pcl_free(s.found);
    return rc;
}

/* ---- the deconvolvers ---- */

static int clean_together(const pcl_clean_planes *c, const pcl_clean_params *p,
                          pcl_clean_result *out, pclean_err *err) {
    pcl_clark_result result;
    const int rc = pcl_clark(c, p, &result, err);
    *out = (pcl_clean_result){result.niter, result.stop, result.peak};
    return rc;
}

static int clean_apart(const pcl_clean_planes *c, const pcl_clean_params *p, pcl_clean_result *out,
                       pclean_err *err) {
    int rc = 0;
    *out = (pcl_clean_result){0};
    for (size_t i = 0; !rc && i < c->npol; i++) {
        pcl_clark_result one;
        const pcl_clean_planes plane = {.nx = c->nx,
                                        .ny = c->ny,
                                        .npol = 1,
                                        .nterm = 1,
                                        .residual = &c->residual[i],
                                        .model = &c->model[i],
                                        .psf = &c->psf[i],
                                        .mask = &c->mask[i],
                                        .polarized = &c->polarized[i]};
        rc = pcl_clark(&plane, p, &one, err);
        out->niter += one.niter;
        if (i == 0 || one.peak > out->peak) {
            out->stop = one.stop;
            out->peak = one.peak;
        }
    }
    return rc;
}

/* Half of a side of the box about the middle that can be searched. */
static size_t side_of(double half, size_t n) {
    return 2 * half + 1 < (double)n ? 2 * (size_t)half + 1 : n;
}

/* npol planes are cleaned together. */
static size_t count_bytes(const pcl_clean_extent *e, const pcl_clean_params *p, size_t npol) {
    const pcl_box box = {.nx = e->nx,
                         .ny = e->ny,
                         .nbx = side_of(e->half_x, e->nx),
                         .nby = side_of(e->half_y, e->ny)};
    const size_t nlist = box.nbx * box.nby, /* all of it, at worst */
        rows = box.nby * (((box.nbx + CELL - 1) / CELL) * (sizeof(size_t) + sizeof(float)) +
                          sizeof(float)) +
               sizeof(size_t) + e->nthread * box.nbx * sizeof(float);
    const size_t room = e->ncomponent < 512 ? 512 : 3 * e->ncomponent, /* old and new at once */
        found = room * sizeof(component) + e->ncomponent * sizeof(pcl_point);
    return rows + found + (p->spare[0].n < nlist ? nlist * sizeof(uint32_t) : 0) +
           (p->spare[1].n < npol * nlist ? npol * nlist * sizeof(float) : 0) +
           pcl_psfsub_bytes(&box, e->ncomponent, &p->spare[0], e->nthread);
}

static size_t bytes_together(const pcl_clean_extent *e, const pcl_clean_params *p) {
    return count_bytes(e, p, e->npol);
}

static size_t bytes_apart(const pcl_clean_extent *e, const pcl_clean_params *p) {
    return count_bytes(e, p, 1);
}

const pcl_deconvolver pcl_deconvolver_clark = {
    .name = "clark", .joint = true, .clean = clean_together, .bytes = bytes_together};
const pcl_deconvolver pcl_deconvolver_clarkstokes = {
    .name = "clarkstokes", .clean = clean_apart, .bytes = bytes_apart};
