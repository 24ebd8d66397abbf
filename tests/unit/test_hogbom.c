/* The minor cycle: tclean's .model bit for bit from tclean's own .residual and .psf
 * (tests/golden/make_hogbom.py); the lazy form = the plain one bit for bit over random images;
 * planted sources; bad input. */
#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/clean/hogbom.h"

enum { GOLDEN = 96 };

static void read_golden(const char *name, void *out, size_t bytes) {
    char path[512];
    snprintf(path, sizeof path, "%s/hogbom_%s.bin", PCLEAN_TEST_GOLDEN, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("cannot open %s", path);
    assert_int_equal(fread(out, 1, bytes, f), bytes);
    fclose(f);
}

static void *array(size_t n, size_t size) {
    void *p = calloc(n, size);
    assert_non_null(p);
    return p;
}

typedef int minor_cycle(const pcl_hogbom_plane *, const pcl_hogbom_params *, pcl_hogbom_result *,
                        pclean_err *);

/* One row of hogbom.tsv. */
typedef struct golden_run {
    char name[32];
    pcl_hogbom_params p;
    int mask, stop;
    size_t niter;
    double peak, flux;
} golden_run;

static void check_golden_run(const golden_run *g, minor_cycle *clean, enum pcl_hogbom_keep keep) {
    const size_t n = GOLDEN * GOLDEN;
    float *residual = array(n, 4), *psf = array(n, 4), *model = array(n, 4), *want = array(n, 4);
    bool *mask = array(n, sizeof *mask);
    read_golden("residual", residual, n * 4);
    read_golden("psf", psf, n * 4);
    read_golden("mask", mask, n);
    read_golden(g->name, want, n * 4);
    pcl_hogbom_params p = g->p;
    p.keep = keep;
    pcl_hogbom_result r;
    pclean_err err = {0};
    assert_int_equal(
        clean(&(pcl_hogbom_plane){GOLDEN, GOLDEN, residual, psf, g->mask ? mask : NULL, model}, &p,
              &r, &err),
        0);
    assert_memory_equal(model, want, n * 4);
    assert_int_equal(r.stop, g->stop);
    assert_int_equal(r.niter, g->niter);
    if (fabs((double)fabsf(r.peak_end) - g->peak) > 1e-8 * g->peak) /* nine digits */
        fail_msg("%s: peak %.9g, tclean %.9g", g->name, (double)r.peak_end, g->peak);
    assert_true(fabs(r.flux - g->flux) <= 1e-5 * g->flux);
    free(residual), free(psf), free(model), free(want), free(mask);
}

static void tclean_model_bit_for_bit(void **state) {
    (void)state;
    char path[512], line[256];
    snprintf(path, sizeof path, "%s/hogbom.tsv", PCLEAN_TEST_GOLDEN);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t nrun = 0;
    while (fgets(line, sizeof line, f)) {
        golden_run g;
        pcl_hogbom_params_init(&g.p);
        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%31s %f %f %zu %d %zu %d %lf %lf", g.name, &g.p.gain,
                                &g.p.threshold, &g.p.cycleniter, &g.mask, &g.niter, &g.stop,
                                &g.peak, &g.flux),
                         9);
        check_golden_run(&g, pcl_hogbom_plain, PCL_HOGBOM_KEEP_ALL);
        check_golden_run(&g, pcl_hogbom, PCL_HOGBOM_KEEP_ALL);
        check_golden_run(&g, pcl_hogbom, PCL_HOGBOM_KEEP_NONE);
        nrun++;
    }
    fclose(f);
    assert_int_equal(nrun, 5);
}

/* ---- The lazy form against the plain one ---- */

static uint64_t seed = 20261122;

static double uniform(void) { /* xorshift64*, in [0, 1) */
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (double)((seed * 2685821657736338717u) >> 11) * 0x1p-53;
}

typedef struct image {
    size_t nx, ny;
    float *residual, *psf, *model;
    bool *mask;
} image;

/* A PSF with a main lobe, noise-like sidelobes of the given level, and a residual of sources plus
 * noise. quantum > 0 rounds everything to its multiples, which makes many equal peaks. */
static image random_image(size_t nx, size_t ny, double sidelobe, double cover, double quantum) {
    const size_t n = nx * ny;
    image im = {nx, ny, array(n, 4), array(n, 4), array(n, 4), array(n, sizeof(bool))};
    for (size_t i = 0; i < n; i++) {
        const double dx = (double)(i % nx) - (double)(nx / 2),
                     dy = (double)(i / nx) - (double)(ny / 2);
        const double r2 = dx * dx + 2 * dy * dy;
        im.psf[i] = (float)(exp(-r2 / 8) + sidelobe * (2 * uniform() - 1) * (1 - exp(-r2 / 8)) /
                                               (1 + sqrt(r2) / 40));
        im.residual[i] =
            (float)(0.2 * (2 * uniform() - 1) + (uniform() < 0.002 ? 2 * uniform() - 0.5 : 0));
        if (quantum > 0) {
            im.psf[i] = (float)(round((double)im.psf[i] / quantum) * quantum);
            im.residual[i] = (float)(round((double)im.residual[i] / quantum) * quantum);
        }
        im.model[i] = (float)(0.01 * uniform());
        im.mask[i] = uniform() < cover;
    }
    return im;
}

static void free_image(image *im) {
    free(im->residual), free(im->psf), free(im->model), free(im->mask);
}

static image copy_image(const image *im) {
    const size_t n = im->nx * im->ny;
    image c = {im->nx, im->ny, array(n, 4), array(n, 4), array(n, 4), array(n, sizeof(bool))};
    memcpy(c.residual, im->residual, n * 4);
    memcpy(c.psf, im->psf, n * 4);
    memcpy(c.model, im->model, n * 4);
    memcpy(c.mask, im->mask, n * sizeof(bool));
    return c;
}

static void same_pixels(const float *a, const float *b, const bool *where, size_t n) {
    for (size_t i = 0; i < n; i++)
        if ((!where || where[i]) && !(a[i] == b[i] || (isnan(a[i]) && isnan(b[i]))))
            fail_msg("pixel %zu: %.9g and %.9g", i, (double)a[i], (double)b[i]);
}

static void same_result(const pcl_hogbom_result *a, const pcl_hogbom_result *b) {
    assert_int_equal(a->stop, b->stop);
    assert_int_equal(a->niter, b->niter);
    assert_int_equal(a->ncomponent, b->ncomponent);
    assert_true(a->peak_start == b->peak_start && a->peak_end == b->peak_end && a->flux == b->flux);
    assert_true(a->peak_x == b->peak_x && a->peak_y == b->peak_y);
}

static void compare_forms(const image *im, bool use_mask, const pcl_hogbom_params *p, int nthread) {
    const size_t n = im->nx * im->ny;
    image plain = copy_image(im), lazy = copy_image(im);
    pcl_hogbom_result a, b;
    pclean_err err = {0};
    pcl_hogbom_params q = *p;
    const bool *mask = use_mask ? im->mask : NULL;
    assert_int_equal(pcl_hogbom_plain(&(pcl_hogbom_plane){im->nx, im->ny, plain.residual, im->psf,
                                                          mask, plain.model},
                                      &q, &a, &err),
                     0);
    omp_set_num_threads(nthread);
    float *spare = NULL;
    if (nthread % 2) { /* lends memory, for one of the two too little */
        const size_t nspare = (im->nx + 100) * (im->ny + 100);
        spare = malloc(2 * nspare * sizeof *spare);
        for (size_t i = 0; i < 2 * nspare; i++)
            spare[i] = NAN;
        q.spare_psf = (pcl_lent){spare, nthread == 1 ? nspare : 1};
        q.spare_residual = (pcl_lent){spare + nspare, nthread == 1 ? 1 : nspare};
    }
    assert_int_equal(
        pcl_hogbom(&(pcl_hogbom_plane){im->nx, im->ny, lazy.residual, im->psf, mask, lazy.model},
                   &q, &b, &err),
        0);
    free(spare);
    assert_memory_equal(plain.model, lazy.model, n * 4);
    same_result(&a, &b);
    if (q.keep != PCL_HOGBOM_KEEP_NONE)
        same_pixels(plain.residual, lazy.residual, q.keep == PCL_HOGBOM_KEEP_MASK ? mask : NULL, n);
    free_image(&plain);
    free_image(&lazy);
}

static void lazy_equals_plain(void **state) {
    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    const size_t size[][2] = {{64, 64}, {97, 33}, {33, 130}, {128, 127}, {2, 2},
                              {3, 5},   {31, 64}, {200, 96}, {1, 0}};
    for (size_t k = 0; size[k][1] > 0; k++)
        for (int variant = 0; variant < 6; variant++) {
            image im = random_image(size[k][0], size[k][1], variant % 2 ? 0.3 : 0.02,
                                    variant % 3 ? 0.5 : 0.01, variant >= 4 ? 0.0625 : 0);
            pcl_hogbom_params p;
            pcl_hogbom_params_init(&p);
            p.gain = variant >= 4 ? 0.5f : 0.1f;
            p.cycleniter = 400;
            p.threshold = variant == 3 ? 0.15f : 0.0f;
            p.keep = (enum pcl_hogbom_keep)(variant % 3);
            compare_forms(&im, variant != 1 && variant != 4, &p, 1 + variant % 3);
            free_image(&im);
        }
}

static void many_tiles_in_parallel(void **state) {
    (void)state;
    image im = random_image(801, 640, 0.4, 0.9, 0); /* 26 x 20 tiles, sidelobes that touch them
                                                     * all */
    for (size_t i = 0; i < 801 * 640; i++)          /* and peaks so alike that all are stale at
                                                     * once */
        im.residual[i] = fmaxf(-0.2f, fminf(0.2f, im.residual[i]));
    pcl_hogbom_params p;
    pcl_hogbom_params_init(&p);
    p.cycleniter = 80;
    for (int nthread = 1; nthread <= 4; nthread++)
        compare_forms(&im, nthread % 2, &p, nthread);
    free_image(&im);
}

static void blocks_and_box_mask(void **state) {
    (void)state;
    image im = random_image(120, 150, 0.05, 0, 0);
    for (size_t y = 40; y < 70; y++)
        for (size_t x = 50; x < 65; x++)
            im.mask[y * 120 + x] = true;
    im.residual[50 * 120 + 55] = NAN;
    pcl_hogbom_params p;
    pcl_hogbom_params_init(&p);
    p.cycleniter = 5000; /* blocks of 2000 */
    p.keep = PCL_HOGBOM_KEEP_NONE;
    compare_forms(&im, true, &p, 2);
    free_image(&im);
}

/* ---- What a user expects ---- */

static void planted_sources(void **state) {
    (void)state;
    const size_t nx = 140, ny = 128;
    image im = random_image(nx, ny, 0.03, 0, 0);
    const size_t at[3][2] = {{70, 64}, {40, 90}, {100, 30}};
    const float flux[3] = {1.0f, 0.5f, -0.25f};
    memset(im.residual, 0, nx * ny * 4);
    memset(im.model, 0, nx * ny * 4);
    for (size_t k = 0; k < 3; k++)
        for (size_t y = 0; y < ny; y++)
            for (size_t x = 0; x < nx; x++) {
                const size_t px = x + nx / 2 - at[k][0], py = y + ny / 2 - at[k][1];
                if (px < nx && py < ny)
                    im.residual[y * nx + x] += flux[k] * im.psf[py * nx + px];
            }
    pcl_hogbom_params p;
    pcl_hogbom_params_init(&p);
    p.cycleniter = 2000;
    p.threshold = 1e-3f;
    pcl_hogbom_result r;
    assert_int_equal(
        pcl_hogbom(&(pcl_hogbom_plane){nx, ny, im.residual, im.psf, NULL, im.model}, &p, &r, NULL),
        0);
    assert_int_equal(r.stop, PCL_MINOR_THRESHOLD);
    for (size_t k = 0; k < 3; k++)
        assert_true(fabsf(im.model[at[k][1] * nx + at[k][0]] - flux[k]) < 0.01f * fabsf(flux[k]));
    assert_true(fabs(r.flux - 1.25) < 0.0125);
    free_image(&im);
}

static void counting_rules(void **state) {
    (void)state;
    image im = random_image(64, 64, 0.02, 1, 0);
    pcl_hogbom_params p;
    pcl_hogbom_params_init(&p);
    pcl_hogbom_result r;
    assert_int_equal(
        pcl_hogbom(&(pcl_hogbom_plane){64, 64, im.residual, im.psf, NULL, im.model}, &p, &r, NULL),
        0);
    assert_int_equal(r.stop, PCL_MINOR_CYCLENITER); /* cycleniter 0 */
    assert_int_equal(r.ncomponent, 0);
    p.cycleniter = 10;
    assert_int_equal(
        pcl_hogbom(&(pcl_hogbom_plane){64, 64, im.residual, im.psf, NULL, im.model}, &p, &r, NULL),
        0);
    assert_int_equal(r.niter, 10);
    assert_int_equal(r.ncomponent, 11);
    p.threshold = fabsf(r.peak_end);
    assert_int_equal(
        pcl_hogbom(&(pcl_hogbom_plane){64, 64, im.residual, im.psf, NULL, im.model}, &p, &r, NULL),
        0);
    assert_int_equal(r.stop, PCL_MINOR_THRESHOLD); /* |peak| = threshold: nothing to do */
    assert_int_equal(r.ncomponent, 0);
    memset(im.mask, 0, 64 * 64 * sizeof(bool));
    assert_int_equal(pcl_hogbom(&(pcl_hogbom_plane){64, 64, im.residual, im.psf, im.mask, im.model},
                                &p, &r, NULL),
                     0);
    assert_int_equal(r.stop, PCL_MINOR_EMPTY_MASK);
    free_image(&im);
}

static int third_time(void *user) {
    return ++*(int *)user == 3;
}

static void it_stops_when_asked(void **state) {
    (void)state;
    image im = random_image(64, 40, 0.02, 1, 0);
    const float *const psf[] = {im.psf};
    const bool *const mask[] = {NULL};
    int asked = 0;
    const pcl_clean_planes planes = {.nx = 64,
                                     .ny = 40,
                                     .npol = 1,
                                     .nterm = 1,
                                     .residual = &im.residual,
                                     .model = &im.model,
                                     .psf = psf,
                                     .mask = mask};
    pcl_clean_params params = {
        .gain = 1e-3f, .cycleniter = 1000, .stop = third_time, .stop_user = &asked};
    pcl_clean_result result;
    pclean_err err = {0};
    assert_int_equal(pcl_deconvolver_hogbom.clean(&planes, &params, &result, &err),
                     -PCLEAN_EINTERRUPTED);
    assert_int_equal(asked, 3);
    free_image(&im);
}

static void bad_input(void **state) {
    (void)state;
    image im = random_image(64, 40, 0.02, 1, 0);
    pcl_hogbom_params p;
    pcl_hogbom_params_init(&p);
    p.cycleniter = 3;
    pcl_hogbom_result r;
    pclean_err err = {0};
    assert_int_equal(
        pcl_hogbom(&(pcl_hogbom_plane){1, 40, im.residual, im.psf, NULL, im.model}, &p, &r, &err),
        -PCLEAN_EPARAM);
    im.psf[7] = INFINITY;
    assert_int_equal(
        pcl_hogbom(&(pcl_hogbom_plane){64, 40, im.residual, im.psf, NULL, im.model}, &p, &r, &err),
        -PCLEAN_EDATA);
    im.psf[7] = 0;
    im.residual[100] = -INFINITY;
    assert_int_equal(
        pcl_hogbom(&(pcl_hogbom_plane){64, 40, im.residual, im.psf, NULL, im.model}, &p, &r, &err),
        -PCLEAN_EDATA);
    assert_int_equal(
        pcl_hogbom_plain(&(pcl_hogbom_plane){64, 40, im.residual, im.psf, NULL, im.model}, &p, &r,
                         &err),
        -PCLEAN_EDATA);
    im.residual[100] = 0;
    for (long k = 1; k < 20; k++) {
        pcl_mem_fail_after(k);
        const int rc = pcl_hogbom(
            &(pcl_hogbom_plane){64, 40, im.residual, im.psf, im.mask, im.model}, &p, &r, &err);
        assert_true(rc == 0 || rc == -PCLEAN_ENOMEM);
        assert_true(k > 2 || rc == -PCLEAN_ENOMEM);
    }
    pcl_mem_fail_after(0);
    free_image(&im);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tclean_model_bit_for_bit), cmocka_unit_test(lazy_equals_plain),
        cmocka_unit_test(many_tiles_in_parallel),   cmocka_unit_test(blocks_and_box_mask),
        cmocka_unit_test(planted_sources),          cmocka_unit_test(counting_rules),
        cmocka_unit_test(it_stops_when_asked),      cmocka_unit_test(bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
