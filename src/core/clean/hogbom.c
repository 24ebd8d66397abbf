/* hogbom.c: the minor cycle of CASA (hclean.f under SDAlgorithmBase.cc): its control, its plain
 * form, and the deconvolver on the fast form of lazy.c, which has the same bits. */
#include "core/clean/hogbom.h"

#include <math.h>

#include "core/clean/deconvolver.h"
#include "core/clean/hogbom_private.h"

enum { STOP_EVERY = 64 };

void pcl_hogbom_params_init(pcl_hogbom_params *p) {
    *p = (pcl_hogbom_params){
        .gain = 0.1f, .threshold = 0.0f, .cycleniter = 0, .keep = PCL_HOGBOM_KEEP_ALL};
}

/* ---- The control: tclean's counting and stop codes, the same for both forms ---- */

/* One call of hclean.f: at most nstep + 1 components; *done is what it reports. */
static int run_block(const pcl_hogbom_form *e, const pcl_hogbom_params *p, size_t nstep,
                     pcl_peak *at, pcl_hogbom_result *out, size_t *done, pclean_err *err) {
    float *model = e->plane->model;
    const size_t nx = e->plane->nx;
    for (size_t i = 0; i <= nstep; i++) {
        if (at->abs < p->threshold) {
            *done = i;
            return 0;
        }
        if (!isfinite(at->abs))
            return PCL_FAIL(err, PCLEAN_EDATA, "the residual is infinite at pixel (%zu, %zu)",
                            at->x, at->y);
        if (p->stop && i % STOP_EVERY == 0 && p->stop(p->stop_user))
            return PCL_FAIL(err, PCLEAN_EINTERRUPTED, "interrupted");
        const pcl_component c = {at->x, at->y, p->gain * at->value};
        model[c.y * nx + c.x] += c.v;
        out->flux += (double)c.v;
        out->ncomponent++;
        const int rc = e->subtract(e->state, c, err);
        if (rc)
            return rc;
        *at = e->find(e->state);
    }
    *done = nstep;
    return 0;
}

int pcl_hogbom_run(const pcl_hogbom_form *e, const pcl_hogbom_params *p, pcl_hogbom_result *out,
                   pclean_err *err) {
    *out = (pcl_hogbom_result){.stop = PCL_MINOR_EMPTY_MASK};
    pcl_peak at = e->find(e->state);
    if (at.abs < 0.0f)
        return 0;
    pcl_minor minor;
    out->peak_start = at.value;
    int stop = pcl_minor_begin(&minor, p->cycleniter, p->threshold, at.abs);
    while (stop < 0) {
        size_t done = 0;
        const int rc = run_block(e, p, pcl_minor_block(&minor), &at, out, &done, err);
        if (rc)
            return rc;
        stop = pcl_minor_end_block(&minor, done, at.abs);
    }
    out->niter = minor.niter;
    out->stop = (enum pcl_minor_stop)stop;
    out->peak_end = at.value;
    out->peak_x = at.x;
    out->peak_y = at.y;
    return 0;
}

int pcl_hogbom_check(const pcl_hogbom_plane *plane, pclean_err *err) {
    const size_t nx = plane->nx, ny = plane->ny;
    const size_t most = (size_t)1 << 24;
    if (nx < 2 || ny < 2 || nx > most || ny > most)
        return PCL_FAIL(err, PCLEAN_EPARAM, "an image of %zu x %zu pixels cannot be cleaned", nx,
                        ny);
    bool finite = true;
    for (size_t i = 0; i < nx * ny; i++)
        finite &= isfinite(plane->psf[i]) != 0;
    if (!finite)
        return PCL_FAIL(err, PCLEAN_EDATA, "the PSF has pixels that are not finite");
    return 0;
}

/* ---- The plain form ---- */

static pcl_peak plain_find(void *state) {
    const pcl_hogbom_plane *s = state;
    pcl_peak best = {0, 0, -1.0f, 0.0f};
    for (size_t y = 0; y < s->ny; y++)
        for (size_t x = 0; x < s->nx; x++) {
            const size_t i = y * s->nx + x;
            if ((!s->mask || s->mask[i]) && fabsf(s->residual[i]) > best.abs)
                best = (pcl_peak){x, y, fabsf(s->residual[i]), s->residual[i]};
        }
    return best;
}

static int plain_subtract(void *state, pcl_component c, pclean_err *err) {
    (void)err;
    const pcl_hogbom_plane *s = state;
    const size_t hx = s->nx / 2, hy = s->ny / 2;
    const size_t x0 = c.x > hx ? c.x - hx : 0, x1 = c.x + hx < s->nx ? c.x + hx : s->nx;
    const size_t y0 = c.y > hy ? c.y - hy : 0, y1 = c.y + hy < s->ny ? c.y + hy : s->ny;
    for (size_t y = y0; y < y1; y++) {
        float *restrict r = s->residual + y * s->nx;
        const float *restrict p = s->psf + (y + hy - c.y) * s->nx;
        for (size_t x = x0; x < x1; x++)
            r[x] -= c.v * p[x + hx - c.x];
    }
    return 0;
}

int pcl_hogbom_plain(const pcl_hogbom_plane *plane, const pcl_hogbom_params *p,
                     pcl_hogbom_result *result, pclean_err *err) {
    const int rc = pcl_hogbom_check(plane, err);
    if (rc)
        return rc;
    pcl_hogbom_plane state = *plane;
    const pcl_hogbom_form form = {plane, &state, plain_find, plain_subtract};
    return pcl_hogbom_run(&form, p, result, err);
}

/* ---- The deconvolver ---- */

static int clean(const pcl_clean_planes *c, const pcl_clean_params *p, pcl_clean_result *out,
                 pclean_err *err) {
    const pcl_hogbom_params params = {.gain = p->gain,
                                      .threshold = p->threshold,
                                      .cycleniter = p->cycleniter,
                                      .keep = p->keep ? PCL_HOGBOM_KEEP_ALL : PCL_HOGBOM_KEEP_NONE,
                                      .spare_residual = p->spare[0],
                                      .spare_psf = p->spare[1],
                                      .stop = p->stop,
                                      .stop_user = p->stop_user};
    *out = (pcl_clean_result){0};
    for (size_t i = 0; i < c->npol; i++) {
        pcl_hogbom_result one;
        const pcl_hogbom_plane plane = {c->nx,     c->ny,      c->residual[i],
                                        c->psf[i], c->mask[i], c->model[i]};
        int rc = pcl_hogbom(&plane, &params, &one, err);
        if (rc)
            return rc;
        out->niter += one.niter;
        if (i == 0 || fabsf(one.peak_end) > out->peak) {
            out->stop = one.stop;
            out->peak = fabsf(one.peak_end);
        }
    }
    return 0;
}

static size_t bytes(const pcl_clean_extent *e, const pcl_clean_params *p) {
    const pcl_hogbom_params params = {.spare_residual = p->spare[0], .spare_psf = p->spare[1]};
    return pcl_hogbom_bytes(e, &params);
}

const pcl_deconvolver pcl_deconvolver_hogbom = {
    .name = "hogbom", .keeps = true, .clean = clean, .bytes = bytes};
