/* The Clark minor cycle: CASA's models from CASA's residual and PSF (tests/golden/make_clark.py);
 * what must hold of several Stokes planes; bad input. */
#include "core/clean/clark.h"

#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "unit/check.h"

enum { N = 96, NPOL = 4 };
static pclean_err err;

static void *array(size_t n, size_t size) {
    void *p = calloc(n, size);
    assert_non_null(p);
    return p;
}

static void read_golden(const char *name, void *out, size_t bytes) {
    char path[512];
    snprintf(path, sizeof path, "%s/hogbom_%s.bin", PCLEAN_TEST_GOLDEN, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("cannot open %s", path);
    assert_int_equal(fread(out, 1, bytes, f), bytes);
    fclose(f);
}

/* ---- a channel to be cleaned ---- */

typedef struct channel {
    size_t nx, ny, npol;
    float *residual[NPOL], *model[NPOL];
    const float *psf[NPOL];
    const bool *mask[NPOL];
    bool polarized[NPOL];
} channel;

static void add_plane(channel *c, const float *residual, const float *psf, const bool *mask,
                      bool polarized) {
    const size_t n = c->nx * c->ny, p = c->npol++;
    c->residual[p] = array(n, sizeof(float));
    memcpy(c->residual[p], residual, n * sizeof(float));
    c->model[p] = array(n, sizeof(float));
    c->psf[p] = psf;
    c->mask[p] = mask;
    c->polarized[p] = polarized;
}

static void clear(channel *c) {
    for (size_t p = 0; p < c->npol; p++) {
        free(c->residual[p]);
        free(c->model[p]);
    }
}

static pcl_clean_planes planes_of(channel *c) {
    return (pcl_clean_planes){.nx = c->nx,
                              .ny = c->ny,
                              .npol = c->npol,
                              .nterm = 1,
                              .residual = c->residual,
                              .model = c->model,
                              .psf = c->psf,
                              .mask = c->mask,
                              .polarized = c->polarized};
}

static pcl_clark_result clean(channel *c, const pcl_clean_params *params) {
    pcl_clark_result r;
    const pcl_clean_planes planes = planes_of(c);
    assert_ok(pcl_clark(&planes, params, &r, &err));
    return r;
}

/* ---- golden numbers ---- */

/* numpy.roll along y and x, times a factor. */
static void roll(const float *in, long dy, long dx, float factor, float *out) {
    for (long y = 0; y < N; y++)
        for (long x = 0; x < N; x++)
            out[(y + dy + N) % N * N + (x + dx + N) % N] = factor * in[y * N + x];
}

/* The planes and PSFs of make_clark.py. */
static void make_channel(channel *c, const char *stokes, const char *kind, const bool *mask,
                         float *psf) {
    float residual[N * N], plane[N * N];
    *c = (channel){.nx = N, .ny = N};
    read_golden("residual", residual, sizeof residual);
    read_golden("psf", psf, sizeof residual);
    if (strcmp(kind, "real") != 0)
        psf[(N / 2 + 20) * N + N / 2 + 5] = psf[(N / 2 - 20) * N + N / 2 - 5] =
            strcmp(kind, "high") == 0 ? 0.375f : 0.5625f;
    add_plane(c, residual, psf, mask, false);
    if (strcmp(stokes, "IV") == 0) {
        roll(residual, 2, -3, -0.25f, plane);
        add_plane(c, plane, psf, mask, true);
    } else if (strcmp(stokes, "IQUV") == 0) {
        roll(residual, 1, 2, 0.25f, plane);
        add_plane(c, plane, psf, mask, true);
        roll(residual, -4, 3, -0.125f, plane);
        add_plane(c, plane, psf, mask, true);
        roll(residual, 0, 0, 0.0625f, plane);
        add_plane(c, plane, psf, mask, true);
    }
}

/* CASA's models, [npol][N * N]. */
static float *read_models(const char *name) {
    char path[512], line[128];
    float *model = array(NPOL * N * N, sizeof *model);
    snprintf(path, sizeof path, "%s/clark_%s.tsv", PCLEAN_TEST_GOLDEN, name);
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("cannot open %s", path);
    while (fgets(line, sizeof line, f)) {
        size_t p, y, x;
        char value[40];
        assert_int_equal(sscanf(line, "%zu %zu %zu %39s", &p, &y, &x, value), 4);
        model[(p * N + y) * N + x] = strtof(value, NULL);
    }
    fclose(f);
    return model;
}

/* One row of clark.tsv. */
typedef struct golden {
    char name[32], deconvolver[16], stokes[8], psf[16], niter[32], stop[32];
    float gain, threshold;
    size_t cycleniter;
    int mask;
    double lobe;
} golden;

static void check_models(const golden *g, const channel *c) {
    float *want = read_models(g->name);
    double worst = 0, most = 0;
    for (size_t p = 0; p < c->npol; p++)
        for (size_t i = 0; i < N * N; i++) {
            worst = fmax(worst, fabs((double)c->model[p][i] - (double)want[p * N * N + i]));
            most = fmax(most, fabs((double)want[p * N * N + i]));
            if ((c->model[p][i] != 0) != (want[p * N * N + i] != 0))
                fail_msg("%s: plane %zu, pixel (%zu, %zu): %.9g, CASA %.9g", g->name, p, i % N,
                         i / N, (double)c->model[p][i], (double)want[p * N * N + i]);
        }
    if (!(worst <= 1e-5 * most))
        fail_msg("%s: models differ by %.3g of the largest component", g->name, worst / most);
    free(want);
}

/* "97+10" of a row: number of a plane. */
static long nth(const char *text, size_t n) {
    for (; n > 0; n--)
        text = strchr(text, '+') + 1;
    return strtol(text, NULL, 10);
}

static void check_golden(const golden *g) {
    static float psf[N * N];
    static bool mask[N * N];
    channel c;
    read_golden("mask", mask, sizeof mask);
    make_channel(&c, g->stokes, g->psf, g->mask ? mask : NULL, psf);
    const pcl_clean_params params = {
        .gain = g->gain, .threshold = g->threshold, .cycleniter = g->cycleniter, .lobe = g->lobe};
    if (strcmp(g->deconvolver, "clark") == 0) {
        const pcl_clark_result r = clean(&c, &params);
        assert_int_equal(r.niter, nth(g->niter, 0));
        assert_int_equal(r.stop, nth(g->stop, 0));
    } else { /* each plane after those before it */
        for (size_t p = 0; p < c.npol; p++) {
            const pcl_clean_planes all = planes_of(&c);
            pcl_clean_planes one = all;
            pcl_clark_result r;
            one.npol = 1;
            one.residual += p;
            one.model += p;
            one.psf += p;
            one.mask += p;
            one.polarized += p;
            assert_ok(pcl_clark(&one, &params, &r, &err));
            assert_int_equal(r.niter, nth(g->niter, p));
            assert_int_equal(r.stop, nth(g->stop, p));
        }
    }
    check_models(g, &c);
    clear(&c);
}

static void casa_models(void **state) {
    (void)state;
    char path[512], line[256];
    snprintf(path, sizeof path, "%s/clark.tsv", PCLEAN_TEST_GOLDEN);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t nrun = 0;
    while (fgets(line, sizeof line, f)) {
        golden g;
        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%31s %15s %7s %15s %f %f %zu %d %lf %31s %31s", g.name,
                                g.deconvolver, g.stokes, g.psf, &g.gain, &g.threshold,
                                &g.cycleniter, &g.mask, &g.lobe, g.niter, g.stop),
                         11);
        check_golden(&g);
        nrun++;
    }
    fclose(f);
    assert_int_equal(nrun, 15);
}

/* ---- identities ---- */

static uint64_t seed = 20261128;

static double uniform(void) { /* xorshift64*, in [0, 1) */
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (double)((seed * 2685821657736338717u) >> 11) * 0x1p-53;
}

/* A PSF with a round main lobe and random sidelobes, symmetric; images of odd and even sizes. */
static float *make_psf(size_t nx, size_t ny, double sidelobe) {
    float *psf = array(nx * ny, sizeof *psf);
    for (size_t i = 0; i < nx * ny; i++) {
        const double dx = (double)(i % nx) - (double)(nx / 2),
                     dy = (double)(i / nx) - (double)(ny / 2);
        const double r2 = dx * dx + dy * dy;
        psf[i] = (float)(exp(-r2 / 6) + sidelobe * cos(0.9 * dx + 0.4 * dy) * (1 - exp(-r2 / 6)) /
                                            (1 + sqrt(r2) / 10));
    }
    return psf;
}

static void add_source(size_t nx, size_t ny, const float *psf, size_t sx, size_t sy, double flux,
                       float *residual) {
    for (size_t i = 0; i < nx * ny; i++) {
        const size_t px = i % nx + nx / 2, py = i / nx + ny / 2;
        if (px >= sx && px - sx < nx && py >= sy && py - sy < ny)
            residual[i] += (float)(flux * (double)psf[(py - sy) * nx + px - sx]);
    }
}

/* residual = sum of sources (*) PSF. */
static float *make_residual(size_t nx, size_t ny, const float *psf, size_t nsource) {
    float *residual = array(nx * ny, sizeof *residual);
    for (size_t k = 0; k < nsource; k++) {
        const size_t sx = (size_t)(uniform() * (double)nx), sy = (size_t)(uniform() * (double)ny);
        add_source(nx, ny, psf, sx, sy, 0.2 + uniform(), residual);
    }
    return residual;
}

static const pcl_clean_params usual = {
    .gain = 0.1f, .threshold = 0.02f, .cycleniter = 1500, .lobe = 5.8};

/* What is left is what was there less PSF (*) model, summed plainly in double. */
static void residual_follows_from_model(void **state) {
    (void)state;
    const size_t nx = 75, ny = 62, n = nx * ny;
    float *psf = make_psf(nx, ny, 0.05), *start = make_residual(nx, ny, psf, 5);
    channel c = {.nx = nx, .ny = ny};
    add_plane(&c, start, psf, NULL, false);
    const pcl_clark_result r = clean(&c, &usual);
    assert_true(r.nround > 2 && r.niter > 50 && r.niter < usual.cycleniter);
    assert_true(r.patch[0] == 19 && r.patch[1] == 19);
    assert_int_equal(r.stop, PCL_MINOR_THRESHOLD);
    double worst = 0, flux = 0, left = 0;
    for (size_t i = 0; i < n; i++) {
        double want = (double)start[i];
        for (size_t k = 0; k < n; k++) {
            const size_t px = i % nx + nx / 2, py = i / nx + ny / 2;
            if (c.model[0][k] != 0 && px >= k % nx && px - k % nx < nx && py >= k / nx &&
                py - k / nx < ny)
                want -= (double)c.model[0][k] * (double)psf[(py - k / nx) * nx + px - k % nx];
        }
        worst = fmax(worst, fabs(want - (double)c.residual[0][i]));
        left = fmax(left, fabs((double)c.residual[0][i]));
        flux += (double)c.model[0][i];
    }
    assert_true(worst < 2e-6);
    assert_true(left < 0.05 && flux > 2);
    clear(&c);
    free(psf), free(start);
}

/* Planes of zeros change nothing; those of one sign pattern or the other are told apart only by
 * what they are. */
static void stokes_planes_together(void **state) {
    (void)state;
    const size_t nx = 64, ny = 70, n = nx * ny;
    float *psf = make_psf(nx, ny, 0.1), *i = make_residual(nx, ny, psf, 4),
          *zero = array(n, sizeof *zero);
    channel alone = {.nx = nx, .ny = ny}, all = alone, both = alone;
    add_plane(&alone, i, psf, NULL, false);
    add_plane(&all, i, psf, NULL, false);
    for (int p = 0; p < 3; p++)
        add_plane(&all, zero, psf, NULL, true);
    add_plane(&both, i, psf, NULL, false); /* as RR and LL of an unpolarised sky */
    add_plane(&both, i, psf, NULL, false);
    const pcl_clark_result a = clean(&alone, &usual), b = clean(&all, &usual),
                           c = clean(&both, &usual);
    assert_true(a.niter > 50 && a.niter == b.niter && a.niter == c.niter);
    assert_true(a.peak == b.peak && a.peak == c.peak);
    assert_memory_equal(alone.model[0], all.model[0], n * sizeof(float));
    assert_memory_equal(alone.residual[0], all.residual[0], n * sizeof(float));
    for (int p = 1; p < 4; p++)
        assert_memory_equal(zero, all.model[p], n * sizeof(float));
    for (int p = 0; p < 2; p++)
        assert_memory_equal(alone.model[0], both.model[p], n * sizeof(float));
    clear(&alone), clear(&all), clear(&both);
    free(psf), free(i), free(zero);
}

/* CASA's |I + P| is 0 for a source with I = -P, which it never finds; of Q and U alone it takes the
 * larger of |Q + U| and |Q - U|. The first component is the brightest pixel, which another one with
 * a value in the first plane alone outshines or not. */
static void brightness_is_never_negative(void **state) {
    (void)state;
    const size_t nx = 64, ny = 64, at = 40 * 64 + 20, other = 10 * 64 + 50;
    float *psf = make_psf(nx, ny, 0.02), *plane = array(nx * ny, sizeof *plane);
    static const struct {
        size_t npol;
        float value[4];
        bool polarized[4];
        float brightness;
    } cases[] = {{4, {-1, 1, 0, 0}, {false, true, true, true}, 2},
                 {4, {1, 0.6f, 0.8f, 0}, {false, true, true, true}, 2},
                 {2, {1, -0.5f}, {false, true}, 1.5f},
                 {2, {3, 4}, {true, true}, 5},
                 {2, {3, -4}, {false, false}, 4},
                 {3, {-2, 3, 4}, {false, true, true}, 7}};
    pcl_clean_params params = usual;
    params.cycleniter = 1;
    params.gain = 1;
    for (size_t k = 0; k < 2 * sizeof cases / sizeof *cases; k++) {
        const bool outshone = k % 2;
        channel c = {.nx = nx, .ny = ny};
        for (size_t p = 0; p < cases[k / 2].npol; p++) {
            plane[at] = cases[k / 2].value[p];
            plane[other] = p ? 0 : -cases[k / 2].brightness * (outshone ? 1.01f : 0.99f);
            add_plane(&c, plane, psf, NULL, cases[k / 2].polarized[p]);
        }
        assert_int_equal(clean(&c, &params).niter, 1);
        for (size_t p = 0; p < c.npol; p++) {
            assert_true(c.model[p][at] == (outshone ? 0 : cases[k / 2].value[p]));
            assert_true((c.model[p][other] != 0) == (outshone && p == 0));
        }
        clear(&c);
    }
    free(psf), free(plane);
}

/* Each plane is searched and cleaned in its own mask. */
static void masks_of_planes(void **state) {
    (void)state;
    const size_t nx = 60, ny = 60, n = nx * ny;
    float *psf = make_psf(nx, ny, 0.05), *i = array(n, sizeof *i), *q = array(n, sizeof *q);
    add_source(nx, ny, psf, 15, 20, 1, i); /* in both masks */
    add_source(nx, ny, psf, 15, 20, 0.5, q);
    add_source(nx, ny, psf, 12, 50, 0.8, i); /* in the first */
    add_source(nx, ny, psf, 12, 50, 0.7, q);
    add_source(nx, ny, psf, 50, 10, 0.6, i); /* in the second */
    add_source(nx, ny, psf, 50, 10, 0.9, q);
    bool *left = array(n, sizeof *left), *low = array(n, sizeof *low), *none = array(n, 1);
    for (size_t k = 0; k < n; k++) {
        left[k] = k % nx < 30;
        low[k] = k / nx < 35;
    }
    channel c = {.nx = nx, .ny = ny};
    add_plane(&c, i, psf, left, false);
    add_plane(&c, q, psf, low, true);
    const pcl_clark_result r = clean(&c, &usual);
    assert_true(r.niter > 20);
    size_t found[2] = {0};
    for (size_t k = 0; k < n; k++) {
        assert_true(c.model[0][k] == 0 || left[k]);
        assert_true(c.model[1][k] == 0 || low[k]);
        found[0] += c.model[0][k] != 0 && !low[k];
        found[1] += c.model[1][k] != 0 && !left[k];
    }
    assert_true(found[0] > 0 && found[1] > 0);
    clear(&c);
    c = (channel){.nx = nx, .ny = ny};
    add_plane(&c, i, psf, none, false);
    assert_int_equal(clean(&c, &usual).stop, PCL_MINOR_EMPTY_MASK);
    clear(&c);
    free(psf), free(i), free(q), free(left), free(low), free(none);
}

/* The same bits for any number of threads, and whatever is lent. */
static void threads_and_lent_memory(void **state) {
    (void)state;
    const size_t nx = 128, ny = 120, n = nx * ny;
    float *psf = make_psf(nx, ny, 0.2), *i = make_residual(nx, ny, psf, 30),
          *q = make_residual(nx, ny, psf, 10), *lent = array(8 * n, sizeof *lent);
    channel first = {.nx = nx, .ny = ny};
    add_plane(&first, i, psf, NULL, false);
    add_plane(&first, q, psf, NULL, true);
    pcl_clean_params params = usual;
    params.cycleniter = 4000;
    params.threshold = 0.001f;
    const pcl_clark_result a = clean(&first, &params);
    const int before = omp_get_max_threads();
    for (int k = 0; k < 6; k++) {
        channel c = {.nx = nx, .ny = ny};
        add_plane(&c, i, psf, NULL, false);
        add_plane(&c, q, psf, NULL, true);
        for (size_t j = 0; j < 8 * n; j++)
            lent[j] = NAN;
        omp_set_num_threads(1 + k % 3);
        params.spare[0] = (pcl_lent){lent + 1, k < 3 ? 4 * n - 1 : n};
        params.spare[1] = (pcl_lent){lent + 4 * n, k % 2 ? 4 * n : n};
        const pcl_clark_result b = clean(&c, &params);
        assert_true(a.niter == b.niter && a.nround == b.nround && a.peak == b.peak);
        for (int p = 0; p < 2; p++) {
            assert_memory_equal(first.model[p], c.model[p], n * sizeof(float));
            assert_memory_equal(first.residual[p], c.residual[p], n * sizeof(float));
        }
        clear(&c);
    }
    omp_set_num_threads(before);
    clear(&first);
    free(psf), free(i), free(q), free(lent);
}

/* The deconvolvers: clark is all planes together, clarkstokes each on its own. */
static void the_deconvolvers(void **state) {
    (void)state;
    const size_t nx = 64, ny = 64, n = nx * ny;
    float *psf = make_psf(nx, ny, 0.1), *i = make_residual(nx, ny, psf, 4),
          *q = make_residual(nx, ny, psf, 4);
    channel a = {.nx = nx, .ny = ny}, b = a, one = a;
    add_plane(&a, i, psf, NULL, false);
    add_plane(&a, q, psf, NULL, true);
    add_plane(&b, i, psf, NULL, false);
    add_plane(&b, q, psf, NULL, true);
    add_plane(&one, q, psf, NULL, true);
    pcl_clean_planes planes = planes_of(&a);
    pcl_clean_result ra, rb;
    assert_true(pcl_deconvolver_clark.joint && !pcl_deconvolver_clarkstokes.joint);
    assert_string_equal(pcl_deconvolver_clark.name, "clark");
    assert_string_equal(pcl_deconvolver_clarkstokes.name, "clarkstokes");
    assert_ok(pcl_deconvolver_clark.clean(&planes, &usual, &ra, &err));
    planes = planes_of(&b);
    assert_ok(pcl_deconvolver_clarkstokes.clean(&planes, &usual, &rb, &err));
    clean(&one, &usual);
    assert_memory_equal(b.model[1], one.model[0], n * sizeof(float));
    assert_true(ra.niter > 0 && rb.niter > 0);
    for (size_t k = 0; k < n; k++) /* a component is of all planes */
        assert_true((a.model[0][k] != 0) == (a.model[1][k] != 0));
    clear(&a), clear(&b), clear(&one);
    free(psf), free(i), free(q);
}

static void bad_input(void **state) {
    (void)state;
    const size_t nx = 48, ny = 40;
    float *psf = make_psf(nx, ny, 0.3), *i = make_residual(nx, ny, psf, 12);
    pcl_clark_result r;
    for (int k = 0; k < 5; k++) {
        channel c = {.nx = nx, .ny = ny};
        add_plane(&c, i, psf, NULL, false);
        pcl_clean_planes planes = planes_of(&c);
        const float was = psf[7];
        if (k == 0)
            psf[7] = NAN;
        if (k == 1)
            c.residual[0][99] = INFINITY;
        if (k == 2)
            planes.nx = 1;
        if (k == 3)
            planes.npol = 5;
        if (k == 4)
            c.residual[0][99] = NAN; /* never chosen */
        const int rc = pcl_clark(&planes, &usual, &r, &err);
        psf[7] = was;
        static const int want[] = {-PCLEAN_EDATA, -PCLEAN_EDATA, -PCLEAN_EPARAM, -PCLEAN_EPARAM, 0};
        static const char *const words[] = {"not finite", "infinite at pixel (3, 2)",
                                            "an image of 1 x 40 pixels", "5 Stokes planes"};
        assert_int_equal(rc, want[k]);
        if (rc)
            assert_non_null(strstr(err.msg, words[k]));
        clear(&c);
    }
    free(psf), free(i);
}

/* Each allocation fails once: an error, nothing kept. */
static void no_memory(void **state) {
    (void)state;
    const size_t nx = 128, ny = 120;
    float *psf = make_psf(nx, ny, 0.2), *i = make_residual(nx, ny, psf, 30);
    pcl_clean_params params = usual;
    params.cycleniter = 3000;
    params.threshold = 0.001f;
    long k = 0;
    for (int rc = -1; rc; k++) {
        channel c = {.nx = nx, .ny = ny};
        add_plane(&c, i, psf, NULL, false);
        const pcl_clean_planes planes = planes_of(&c);
        pcl_clark_result r;
        pcl_mem_fail_after(k + 1);
        rc = pcl_clark(&planes, &params, &r, &err);
        pcl_mem_fail_after(0);
        assert_true(rc == 0 || rc == -PCLEAN_ENOMEM);
        clear(&c);
    }
    assert_true(k > 10);
    free(psf), free(i);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(casa_models),
        cmocka_unit_test(residual_follows_from_model),
        cmocka_unit_test(stokes_planes_together),
        cmocka_unit_test(brightness_is_never_negative),
        cmocka_unit_test(masks_of_planes),
        cmocka_unit_test(threads_and_lent_memory),
        cmocka_unit_test(the_deconvolvers),
        cmocka_unit_test(bad_input),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
