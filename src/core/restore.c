/* restore.c: two ways to convolve a model with a Gaussian, both linear (nothing wraps around the
 * edges).
 *
 * The Gaussian is cut where it falls below exp(-CUT) = 1.4e-11. Direct: the cut Gaussian is made
 * once and added for each component, row by row of the output, in double; a row belongs to one
 * thread and takes its components in the order of the model's pixels, so threads change nothing.
 * FFT: real transforms of size >= image + radius of the cut Gaussian, so that what wraps around
 * falls outside the image; the kernel is the sampled Gaussian, not its analytic transform, which
 * differs for beams of one or two pixels. Costs (2 cores, EPYC): 0.3 ns per component and kernel
 * pixel, 0.3 ns per padded pixel and log2 of their number: the choice compares the two counts. */
#include "core/restore.h"
#include "base/mem.h"
#include <fftw3.h>
#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define CUT 25.0

void pcl_restore_params_init(pcl_restore_params *p) {
    *p = (pcl_restore_params){.method = PCL_RESTORE_AUTO};
}

/* The cut Gaussian: value [2 ry + 1][2 rx + 1]. */
typedef struct kernel {
    size_t rx, ry;
    float *value;
} kernel;

/* out = add + in (*) kernel; images [ny][nx]. */
typedef struct convolution {
    size_t nx, ny;
    const float *in;
    size_t ncomponent; /* pixels of `in` that are not 0 */
    const float *add;  /* NULL: zeros; may be out */
    const kernel *kernel;
} convolution;

/* Half sizes of the box in which the exponent is below CUT, no larger than the image needs. */
static void kernel_radius(const pcl_restore_params *p, const pcl_beam *beam, size_t nx, size_t ny,
                          size_t *rx, size_t *ry) {
    const pcl_beam_form f = pcl_beam_pixel_form(beam, p->cellx_rad, p->celly_rad);
    const double det = f.xx * f.yy - f.xy * f.xy;
    const double x = ceil(sqrt(CUT * f.yy / det)), y = ceil(sqrt(CUT * f.xx / det));
    *rx = x < (double)(nx - 1) ? (size_t)x : nx - 1;
    *ry = y < (double)(ny - 1) ? (size_t)y : ny - 1;
}

static int make_kernel(const pcl_restore_params *p, const pcl_beam *beam, size_t nx, size_t ny,
                       kernel *k, pclean_err *err) {
    kernel_radius(p, beam, nx, ny, &k->rx, &k->ry);
    const size_t kx = 2 * k->rx + 1, ky = 2 * k->ry + 1;
    const int rc = PCL_NEW(&k->value, kx * ky, "the restoring beam", err);
    if (!rc)
        pcl_beam_gaussian(beam, &(pcl_raster){kx, ky, p->cellx_rad, p->celly_rad}, k->value);
    return rc;
}

/* ---- Direct ---- */

/* The components of a model in the order of its pixels; those of row y are first[y] ... first[y +
 * 1] - 1. */
typedef struct components {
    size_t *first; /* [ny + 1] */
    uint32_t *x;
    float *v;
} components;

static int list_components(const convolution *q, components *c, pclean_err *err) {
    const float *model = q->in;
    const size_t nx = q->nx, ny = q->ny, n = q->ncomponent;
    int rc = PCL_NEW(&c->first, ny + 1, "the components of a model", err);
    if (!rc)
        rc = PCL_NEW(&c->x, n, "the components of a model", err);
    if (!rc)
        rc = PCL_NEW(&c->v, n, "the components of a model", err);
    if (rc)
        return rc;
    size_t i = 0;
    for (size_t y = 0; y < ny; y++) {
        c->first[y] = i;
        for (size_t x = 0; x < nx; x++)
            if (model[y * nx + x] != 0) {
                c->x[i] = (uint32_t)x;
                c->v[i++] = model[y * nx + x];
            }
    }
    c->first[ny] = i;
    return 0;
}

/* One row of the convolution into sum [nx]. */
static void direct_row(const components *c, size_t nx, size_t ny, const kernel *k, size_t y,
                       double *sum) {
    for (size_t x = 0; x < nx; x++)
        sum[x] = 0;
    for (size_t my = y > k->ry ? y - k->ry : 0; my < ny && my <= y + k->ry; my++) {
        const float *g = k->value + (y + k->ry - my) * (2 * k->rx + 1);
        for (size_t i = c->first[my]; i < c->first[my + 1]; i++) {
            const size_t mx = c->x[i];
            const size_t begin = mx > k->rx ? mx - k->rx : 0,
                         end = mx + k->rx < nx ? mx + k->rx + 1 : nx;
            for (size_t x = begin; x < end; x++)
                sum[x] += (double)c->v[i] * (double)g[x + k->rx - mx];
        }
    }
}

static int convolve_direct(const convolution *q, float *out, pclean_err *err) {
    const size_t nx = q->nx, ny = q->ny;
    const float *add = q->add;
    double *sum = NULL;
    components c = {0};
    const int nthread = omp_get_max_threads();
    int rc = PCL_NEW(&sum, (size_t)nthread * nx, "rows of the restored image", err);
    if (!rc)
        rc = list_components(q, &c, err);
    if (rc)
        goto done;
#pragma omp parallel for schedule(dynamic, 8) num_threads(nthread)
    for (size_t y = 0; y < ny; y++) {
        double *row = sum + (size_t)omp_get_thread_num() * nx;
        direct_row(&c, nx, ny, q->kernel, y, row);
        for (size_t x = 0; x < nx; x++)
            out[y * nx + x] = (float)((add ? (double)add[y * nx + x] : 0) + row[x]);
    }
done:
    pcl_free(c.v);
    pcl_free(c.x);
    pcl_free(c.first);
    pcl_free(sum);
    return rc;
}

/* ---- FFT ---- */

/* The next even number with factors 2, 3, 5, 7 only. */
static size_t good_size(size_t n) {
    for (n += n % 2;; n += 2) {
        size_t m = n;
        for (size_t f = 2; f <= 7; f++)
            while (m % f == 0)
                m /= f;
        if (m == 1)
            return n;
    }
}

typedef struct padded {
    size_t nx, ny, stride; /* stride of a row of reals: nx + 2 */
} padded;

static padded pad(size_t nx, size_t ny, size_t rx, size_t ry) {
    padded p = {good_size(nx + rx), good_size(ny + ry), 0};
    p.stride = p.nx + 2;
    return p;
}

static int transform(const padded *p, float *data, bool forward, pclean_err *err) {
    fftwf_plan plan = NULL;
#pragma omp critical(fftw_planner)
    plan = forward ? fftwf_plan_dft_r2c_2d((int)p->ny, (int)p->nx, data, (fftwf_complex *)data,
                                           FFTW_ESTIMATE)
                   : fftwf_plan_dft_c2r_2d((int)p->ny, (int)p->nx, (fftwf_complex *)data, data,
                                           FFTW_ESTIMATE);
    if (!plan)
        return PCL_FAIL(err, PCLEAN_ENOMEM, "no plan for a Fourier transform of %zu x %zu", p->nx,
                        p->ny);
    fftwf_execute(plan);
#pragma omp critical(fftw_planner)
    fftwf_destroy_plan(plan);
    return 0;
}

/* The kernel with its centre at pixel (0, 0), negative offsets at the far ends. */
static void place_kernel(const kernel *k, const padded *p, float *data) {
    const size_t kx = 2 * k->rx + 1;
    for (size_t y = 0; y <= 2 * k->ry; y++)
        for (size_t x = 0; x < kx; x++) {
            const size_t px = (x + p->nx - k->rx) % p->nx, py = (y + p->ny - k->ry) % p->ny;
            data[py * p->stride + px] += k->value[y * kx + x];
        }
}

/* a *= b * scale, complex */
static void multiply(float *a, const float *b, size_t n, float scale) {
    for (size_t i = 0; i < n; i++) {
        const float re = a[2 * i] * b[2 * i] - a[2 * i + 1] * b[2 * i + 1];
        const float im = a[2 * i] * b[2 * i + 1] + a[2 * i + 1] * b[2 * i];
        a[2 * i] = re * scale;
        a[2 * i + 1] = im * scale;
    }
}

static int convolve_fft(const convolution *q, float *out, pclean_err *err) {
    const size_t nx = q->nx, ny = q->ny;
    const float *add = q->add;
    const padded p = pad(nx, ny, q->kernel->rx, q->kernel->ry);
    float *data = NULL, *beam = NULL;
    int rc = PCL_ZNEW(&data, p.stride * p.ny, "the padded model", err);
    if (!rc)
        rc = PCL_ZNEW(&beam, p.stride * p.ny, "the padded beam", err);
    if (rc)
        goto done;
    for (size_t y = 0; y < ny; y++)
        memcpy(data + y * p.stride, q->in + y * nx, nx * sizeof *data);
    place_kernel(q->kernel, &p, beam);
    rc = transform(&p, data, true, err);
    if (!rc)
        rc = transform(&p, beam, true, err);
    if (rc)
        goto done;
    multiply(data, beam, p.stride / 2 * p.ny, (float)(1.0 / ((double)p.nx * (double)p.ny)));
    rc = transform(&p, data, false, err);
    if (rc)
        goto done;
    for (size_t y = 0; y < ny; y++)
        for (size_t x = 0; x < nx; x++)
            out[y * nx + x] = (add ? add[y * nx + x] : 0.0f) + data[y * p.stride + x];
done:
    pcl_free(beam);
    pcl_free(data);
    return rc;
}

/* ---- Choice ---- */

static bool direct_is_cheaper(const convolution *q) {
    const kernel *k = q->kernel;
    const padded p = pad(q->nx, q->ny, k->rx, k->ry);
    const double pixels = (double)p.nx * (double)p.ny;
    return (double)q->ncomponent * (double)(2 * k->rx + 1) * (double)(2 * k->ry + 1) <
           pixels * log2(pixels);
}

static void copy_residual(const float *residual, size_t n, float *out) {
    if (!residual)
        memset(out, 0, n * sizeof *out);
    else if (residual != out)
        memcpy(out, residual, n * sizeof *out);
}

static int convolve(const convolution *q, enum pcl_restore_method method, float *out,
                    pclean_err *err) {
    const bool direct =
        method == PCL_RESTORE_DIRECT || (method == PCL_RESTORE_AUTO && direct_is_cheaper(q));
    return direct ? convolve_direct(q, out, err) : convolve_fft(q, out, err);
}

/* Number of pixels that are not 0; false: some are not finite. */
static bool count_components(const float *image, size_t n, size_t *ncomponent) {
    bool finite = true;
    *ncomponent = 0;
    for (size_t i = 0; i < n; i++) {
        *ncomponent += image[i] != 0;
        finite &= isfinite(image[i]) != 0;
    }
    return finite;
}

bool pcl_restore_widens(const pcl_restore_params *p, pcl_beam *by) {
    return p->own.major_rad > 0 && pcl_beam_between(&p->own, &p->beam, by) &&
           by->minor_rad > hypot(p->cellx_rad, p->celly_rad);
}

/* The residual as it is to be added, into out. */
static int place_residual(const float *residual, size_t nx, size_t ny, const pcl_restore_params *p,
                          float *out, pclean_err *err) {
    pcl_beam by;
    size_t ncomponent;
    if (!residual || !pcl_restore_widens(p, &by)) {
        copy_residual(residual, nx * ny, out);
        return 0;
    }
    if (!count_components(residual, nx * ny, &ncomponent))
        return PCL_FAIL(
            err, PCLEAN_EDATA,
            "the residual has pixels that are not finite; it cannot be brought to another beam");
    kernel k = {0, 0, NULL};
    int rc = make_kernel(p, &by, nx, ny, &k, err);
    if (rc)
        return rc;
    double volume = 0;
    const size_t n = (2 * k.rx + 1) * (2 * k.ry + 1);
    for (size_t i = 0; i < n; i++)
        volume += (double)k.value[i];
    const double scale =
        p->beam.major_rad * p->beam.minor_rad / (p->own.major_rad * p->own.minor_rad) / volume;
    for (size_t i = 0; i < n; i++)
        k.value[i] = (float)(scale * (double)k.value[i]);
    const convolution q = {
        .nx = nx, .ny = ny, .in = residual, .ncomponent = ncomponent, .kernel = &k};
    rc = convolve(&q, p->method, out, err);
    pcl_free(k.value);
    return rc;
}

int pcl_restore(const float *model, const float *residual, size_t nx, size_t ny,
                const pcl_restore_params *p, float *out, pclean_err *err) {
    size_t ncomponent;
    if (!count_components(model, nx * ny, &ncomponent))
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "the model has pixels that are not finite; it cannot be restored");
    if (ncomponent > 0 && (!(p->beam.major_rad > 0) || !(p->beam.minor_rad > 0) ||
                           !(p->cellx_rad > 0) || !(p->celly_rad > 0)))
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "a model cannot be restored without a beam and a cell size");
    int rc = place_residual(residual, nx, ny, p, out, err);
    if (rc || ncomponent == 0)
        return rc;
    kernel k = {0, 0, NULL};
    const convolution q = {
        .nx = nx, .ny = ny, .in = model, .ncomponent = ncomponent, .add = out, .kernel = &k};
    if (!(rc = make_kernel(p, &p->beam, nx, ny, &k, err)))
        rc = convolve(&q, p->method, out, err);
    pcl_free(k.value);
    return rc;
}

size_t pcl_restore_bytes(size_t nx, size_t ny, const pcl_restore_params *p) {
    size_t rx, ry;
    kernel_radius(p, &p->beam, nx, ny, &rx, &ry); /* what brings the residual to the beam is
                                                   * narrower */
    const padded q = pad(nx, ny, rx, ry);
    /* the list of components of the direct form, 8 B each, is smaller than the padded arrays of the
     * FFT */
    return (2 * rx + 1) * (2 * ry + 1) * sizeof(float) + 2 * q.stride * q.ny * sizeof(float) +
           (size_t)omp_get_max_threads() * nx * sizeof(double) + (ny + 1) * sizeof(size_t);
}

size_t pcl_restore_likely_bytes(size_t nx, size_t ny, const pcl_restore_params *p,
                                size_t ncomponent, size_t nthread) {
    const double n = (double)nx * (double)ny;
    /* side of the cut beam in pixels */
    const double reach = 6 * p->beam.major_rad / p->cellx_rad + 1;
    if ((double)ncomponent * reach * reach >= n * log2(n))
        return pcl_restore_bytes(nx, ny, p);
    return ncomponent * (2 * sizeof(uint32_t)) + nthread * nx * sizeof(double);
}

void pcl_restore_pbcor(const float *image, const float *pb, size_t n, float pblimit, float *out) {
    const float limit = fabsf(pblimit);
    for (size_t i = 0; i < n; i++)
        out[i] = pb[i] > limit ? image[i] / pb[i] : 0.0f;
}
