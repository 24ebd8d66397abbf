/* bench_grid: the gridding kernel alone, one thread: uvw, frequencies and visibilities in memory ->
 * dirty image.
 *
 *   bench_grid DATA SIZE CELL_ARCSEC ACCURACY w|- psf|- REPEAT OUT
 *       one line of JSON; OUT: float [SIZE][SIZE], sum of weights 1
 *   bench_grid machine
 *       memory bandwidth and multiply-adds of one core
 *
 * DATA (bench/grid writes it): int64 nrow, nchan; double hz[nchan], uvw_m[nrow][3]; float
 * weight[nrow]; float vis[nrow][nchan][2]. Timed: everything from there to the image, for the best
 * of REPEAT runs in CPU seconds; not timed: bringing the visibilities into the layout of pclean's
 * store, blocks of [chan][row]. With w the rows are first put in order of |w| (timed) and a plane
 * is given only the batches that reach it. Batches are of 2^17 samples, as in the imager.
 *
 * Counted from the algorithm (no w), per sample: W taps a side in registers of 8 lanes, polynomials
 * of degree D, one complex plane:
 *   flops = 2 D 2 8 (kernel in x and y) + 24 (weight, re, im) + 4 * 8 W (one multiply-add per lane,
 *   row and plane) + 16 W for the PSF memory = 16 (u, v) + 8 (vis) + 4 (weight) + 2 * 4 planes *
 *   cells touched per batch / samples per batch
 * The sort's items (2 * 32 byte written and read) stay in the last cache: a batch's are 8 MiB. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <omp.h>

#include "core/grid/grid.h"

enum { BATCH = 1 << 17, TILE = 16 };

typedef struct data {
    size_t nrow, nchan;
    double *hz, *uvw;
    float *weight, *vis;
} data;

typedef struct work {
    double *u, *v, *w;
    float *weight;
    size_t *order;
} work;

static void die(const char *what) {
    fprintf(stderr, "bench_grid: %s\n", what);
    exit(1);
}

static void *array(size_t n, size_t size) {
    void *p = aligned_alloc(64, (n * size + 127) / 64 * 64);
    if (!p)
        die("no memory");
    return p;
}

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void take(void *p, size_t n, size_t size, FILE *f) {
    if (fread(p, size, n, f) != n)
        die("the data file is short");
}

static data read_data(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f)
        die("cannot open the data file");
    int64_t n[2];
    take(n, 2, sizeof *n, f);
    data d = {.nrow = (size_t)n[0], .nchan = (size_t)n[1]};
    d.hz = array(d.nchan, sizeof *d.hz);
    d.uvw = array(3 * d.nrow, sizeof *d.uvw);
    d.weight = array(d.nrow, sizeof *d.weight);
    d.vis = array(2 * d.nrow * d.nchan, sizeof *d.vis);
    take(d.hz, d.nchan, sizeof *d.hz, f);
    take(d.uvw, 3 * d.nrow, sizeof *d.uvw, f);
    take(d.weight, d.nrow, sizeof *d.weight, f);
    take(d.vis, 2 * d.nrow * d.nchan, sizeof *d.vis, f);
    fclose(f);
    return d;
}

/* ---- one image ---- */

static const data *sorted_data;
static int by_w(const void *a, const void *b) {
    double wa = fabs(sorted_data->uvw[3 * *(const size_t *)a + 2]),
           wb = fabs(sorted_data->uvw[3 * *(const size_t *)b + 2]);
    return (wa > wb) - (wa < wb);
}

/* The visibilities as pclean's store has them: blocks of rows (in the order of `order`), in each
 * [chan][row]. */
static void store(const data *d, const work *k, size_t nrow_batch, float *vis) {
    for (size_t r = 0; r < d->nrow; r += nrow_batch) {
        const size_t n = r + nrow_batch < d->nrow ? nrow_batch : d->nrow - r;
        float *block = vis + 2 * r * d->nchan;
        for (size_t i = 0; i < n; i++)
            for (size_t c = 0; c < d->nchan; c++)
                memcpy(block + 2 * (c * n + i), d->vis + 2 * (k->order[r + i] * d->nchan + c),
                       2 * sizeof *block);
    }
}

/* Rows [from, to) of the order: the batch whose visibilities are `vis`. */
static pcl_samples fill(const data *d, work *k, size_t from, size_t to, int with_w,
                        const float *vis) {
    size_t n = 0;
    for (size_t c = 0; c < d->nchan; c++) {
        const double f = d->hz[c] / 299792458.0;
        for (size_t i = from; i < to; i++, n++) {
            const size_t row = k->order[i];
            const double *uvw = d->uvw + 3 * row;
            k->u[n] = uvw[0] * f;
            k->v[n] = uvw[1] * f;
            if (with_w)
                k->w[n] = uvw[2] * f;
            k->weight[n] = d->weight[row];
        }
    }
    return (pcl_samples){
        .n = n, .u = k->u, .v = k->v, .w = with_w ? k->w : NULL, .vis = vis, .weight = k->weight};
}

typedef struct timing {
    double total, fill, add, transform;
} timing;

static int one_image(const data *d, const pcl_grid *g, pcl_grid_scratch *s, work *k, int with_w,
                     float scale, float *image, float *psf_image, timing *t, pclean_err *err) {
    const size_t nrow_batch = BATCH / d->nchan ? BATCH / d->nchan : 1;
    static float *stored = NULL;
    pcl_uvgrid grid = {0}, psf = {0};
    pcl_grid_count count = {0};
    double start = cpu_seconds();
    for (size_t i = 0; i < d->nrow; i++)
        k->order[i] = i;
    sorted_data = d;
    if (with_w)
        qsort(k->order, d->nrow, sizeof *k->order, by_w);
    const double sorting = cpu_seconds() - start;
    if (!stored) {
        stored = array(2 * d->nrow * d->nchan, sizeof *stored);
        store(d, k, nrow_batch, stored);
    }
    start = cpu_seconds() - sorting;
    int rc = pcl_uvgrid_new(g, false, &grid, err);
    if (!rc && psf_image)
        rc = pcl_uvgrid_new(g, !with_w, &psf, err);
    const size_t nplane = with_w ? pcl_grid_nplane(g) : 1;
    for (size_t plane = 0; plane < nplane && !rc; plane++) {
        double low = 0, high = INFINITY;
        if (with_w) {
            pcl_grid_plane_range(g, plane, &low, &high);
            pcl_uvgrid_zero(g, &grid);
            if (psf_image)
                pcl_uvgrid_zero(g, &psf);
        }
        for (size_t r = 0; r < d->nrow; r += nrow_batch) {
            const size_t end = r + nrow_batch < d->nrow ? r + nrow_batch : d->nrow;
            if (with_w) {
                const double near = fabs(d->uvw[3 * k->order[r] + 2]) * d->hz[0] / 299792458.0,
                             far = fabs(d->uvw[3 * k->order[end - 1] + 2]) * d->hz[d->nchan - 1] /
                                   299792458.0;
                if (near > high || far < low)
                    continue;
            }
            double t0 = cpu_seconds();
            const pcl_samples batch = fill(d, k, r, end, with_w, stored + 2 * r * d->nchan);
            double t1 = cpu_seconds();
            if (with_w)
                pcl_grid_add_w(g, s, &batch, plane, &grid, psf_image ? &psf : NULL, &count);
            else
                pcl_grid_add(g, s, &batch, NULL, &grid, psf_image ? &psf : NULL, &count);
            t->fill += t1 - t0;
            t->add += cpu_seconds() - t1;
        }
        double t2 = cpu_seconds();
        if (with_w) /* image and psf_image are zero */
            rc = pcl_grid_plane_to_image(g, plane, &grid, image, psf_image ? &psf : NULL, psf_image,
                                         err);
        else {
            rc = pcl_grid_to_image(g, &grid, scale, image, err);
            if (!rc && psf_image)
                rc = pcl_grid_to_image(g, &psf, scale, psf_image, err);
        }
        t->transform += cpu_seconds() - t2;
    }
    if (with_w && !rc) {
        pcl_grid_finish_w(g, scale, image);
        if (psf_image)
            pcl_grid_finish_w(g, scale, psf_image);
    }
    pcl_uvgrid_clear(&grid);
    pcl_uvgrid_clear(&psf);
    t->total = cpu_seconds() - start;
    return rc;
}

/* Grid cells in tiles that a batch touches, per sample, averaged over the batches. */
static double cells_per_sample(const data *d, const pcl_grid *g, double cell) {
    size_t ngx, ngy;
    pcl_grid_size(g, &ngx, &ngy);
    const size_t ntx = ngx / TILE + 2, nty = ngy / TILE + 2,
                 nrow_batch = BATCH / d->nchan ? BATCH / d->nchan : 1;
    unsigned char *seen = array(ntx * nty, 1);
    double cells = 0;
    for (size_t r = 0; r < d->nrow; r += nrow_batch) {
        memset(seen, 0, ntx * nty);
        for (size_t i = r; i < r + nrow_batch && i < d->nrow; i++)
            for (size_t c = 0; c < d->nchan; c++) {
                double u = d->uvw[3 * i] * d->hz[c] / 299792458.0 * cell,
                       v = d->uvw[3 * i + 1] * d->hz[c] / 299792458.0 * cell;
                if (u < 0) {
                    u = -u;
                    v = -v;
                }
                if (u >= 0.5 || fabs(v) >= 0.5)
                    continue;
                unsigned char *at = seen + (size_t)((v + 0.5) * (double)ngy) / TILE * ntx +
                                    (size_t)(u * (double)ngx) / TILE;
                if (!*at) {
                    *at = 1;
                    cells += TILE * TILE;
                }
            }
    }
    free(seen);
    return cells / (double)(d->nrow * d->nchan);
}

static int grid_main(char **arg) {
    const data d = read_data(arg[1]);
    const size_t n = strtoul(arg[2], NULL, 10);
    const double cell = strtod(arg[3], NULL) * M_PI / 180 / 3600, accuracy = strtod(arg[4], NULL);
    const int with_w = !strcmp(arg[5], "w"), with_psf = !strcmp(arg[6], "psf"),
              repeat = atoi(arg[7]);
    omp_set_num_threads(1);
    double wmax = 0, sumwt = 0;
    for (size_t i = 0; i < d.nrow; i++) {
        sumwt += (double)d.weight[i] * (double)d.nchan;
        wmax = fmax(wmax, fabs(d.uvw[3 * i + 2]) * d.hz[d.nchan - 1] / 299792458.0);
    }
    const pcl_grid_params p = {.nx = n,
                               .ny = n,
                               .cellx_rad = cell,
                               .celly_rad = cell,
                               .accuracy = accuracy,
                               .nvis = (double)(d.nrow * d.nchan),
                               .wmax_lambda = with_w ? wmax : 0,
                               .kernel = -1};
    pclean_err err = {0};
    pcl_grid *g = NULL;
    pcl_grid_scratch *s = NULL;
    const size_t nbatch = BATCH > d.nchan ? BATCH : d.nchan;
    if (pcl_grid_new(&p, &g, &err) || pcl_grid_scratch_new(g, nbatch, &s, &err))
        die(err.msg);
    work k = {array(nbatch, sizeof(double)), array(nbatch, sizeof(double)),
              array(nbatch, sizeof(double)), array(nbatch, sizeof(float)),
              array(d.nrow, sizeof(size_t))};
    float *image = array(n * n, sizeof *image), *psf = with_psf ? array(n * n, sizeof *psf) : NULL;
    timing best = {.total = INFINITY};
    for (int i = 0; i < repeat; i++) {
        timing t = {0};
        memset(image, 0, n * n * sizeof *image);
        if (psf)
            memset(psf, 0, n * n * sizeof *psf);
        if (one_image(&d, g, s, &k, with_w, (float)(1 / sumwt), image, psf, &t, &err))
            die(err.msg);
        if (t.total < best.total)
            best = t;
    }
    FILE *f = fopen(arg[8], "wb");
    if (!f || fwrite(image, sizeof *image, n * n, f) != n * n || fclose(f))
        die("cannot write the image");
    const pcl_gridfn *fn = pcl_grid_function(g);
    size_t ngx, ngy;
    pcl_grid_size(g, &ngx, &ngy);
    const double nvis = (double)(d.nrow * d.nchan), planes = with_psf ? 3 : 2;
    const double flops = 2 * PCL_GRIDFN_DEGREE * 2 * 8 + 24 + 32.0 * fn->support +
                         (with_psf ? 16.0 * fn->support : 0);
    const double cells = cells_per_sample(&d, g, cell), bytes = 28 + 2 * 4 * planes * cells;
    printf("{\"nvis\": %.0f, \"support\": %d, \"sigma\": %.3f, \"ngx\": %zu, \"ngy\": %zu, "
           "\"nplane\": %zu, \"seconds\": %.4f, \"fill\": %.4f, \"add\": %.4f, "
           "\"transform\": %.4f, \"flops\": %.0f, \"bytes\": %.1f}\n",
           nvis, fn->support, fn->sigma, ngx, ngy, with_w ? pcl_grid_nplane(g) : 0, best.total,
           best.fill, best.add, best.transform, flops, bytes);
    pcl_grid_scratch_free(s);
    pcl_grid_free(g);
    return 0;
}

/* ---- the machine ---- */

static double triad_bytes_per_second(void) {
    const size_t n = 16 << 20; /* 3 x 64 MiB */
    float *a = array(n, sizeof *a), *b = array(n, sizeof *b), *c = array(n, sizeof *c), best = 0;
    for (size_t i = 0; i < n; i++)
        a[i] = b[i] = c[i] = 1;
    for (int turn = 0; turn < 8; turn++) {
        const double t0 = cpu_seconds();
        for (size_t i = 0; i < n; i++)
            a[i] = b[i] + 0.5f * c[i];
        __asm__ volatile("" ::"r"(a) : "memory");
        best = fmaxf(best, (float)(3.0 * sizeof *a * (double)n / (cpu_seconds() - t0)));
    }
    free(a);
    free(b);
    free(c);
    return best;
}

typedef float lanes __attribute__((vector_size(32)));

#ifdef __x86_64__
__attribute__((target("avx2,fma"), optimize("fp-contract=fast")))
#endif
static double
multiply_adds(size_t turns) {
    lanes x[10], m = {0}, a = {0};
    for (int j = 0; j < 8; j++) {
        m[j] = 0.999f;
        a[j] = 0.001f;
    }
    for (int i = 0; i < 10; i++)
        x[i] = a * (float)i;
    const double t0 = cpu_seconds();
    for (size_t t = 0; t < turns; t++)
#pragma GCC unroll 10
        for (int i = 0; i < 10; i++)
            x[i] = x[i] * m + a;
    const double t1 = cpu_seconds();
    lanes sum = {0};
    for (int i = 0; i < 10; i++)
        sum += x[i];
    volatile float keep = sum[0];
    (void)keep;
    return 2.0 * 8 * 10 * (double)turns / (t1 - t0);
}

int main(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "machine")) {
        multiply_adds(1 << 20);
        printf("{\"bytes_per_s\": %.4g, \"flops_per_s\": %.4g}\n", triad_bytes_per_second(),
               multiply_adds(1 << 26));
        return 0;
    }
    if (argc == 9)
        return grid_main(argv);
    die("usage: bench_grid DATA SIZE CELL_ARCSEC ACCURACY w|- psf|- REPEAT OUT, or bench_grid "
        "machine");
}
