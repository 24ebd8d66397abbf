#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/grid/dft.h"
#include "core/grid/grid.h"
#include "random.h"

/* n random samples inside the uv plane of the image, some negative u, some unused; and some
 * outside. */
typedef struct scene {
    size_t nx, ny, n;
    double cellx, celly;
    double *u, *v;
    float *vis, *weight;
    pcl_grid *g;
    pcl_grid_scratch *scratch;
} scene;

static void scene_init(scene *s, size_t nx, size_t ny, size_t n, double accuracy, int kernel) {
    *s = (scene){.nx = nx, .ny = ny, .n = n, .cellx = 1e-5, .celly = 1.3e-5};
    s->u = malloc(n * sizeof *s->u);
    s->v = malloc(n * sizeof *s->v);
    s->vis = malloc(2 * n * sizeof *s->vis);
    s->weight = malloc(n * sizeof *s->weight);
    for (size_t i = 0; i < n; i++) {
        s->u[i] = (random_uniform() - 0.5) / s->cellx;
        s->v[i] = (random_uniform() - 0.5) / s->celly;
        if (i % 10 == 1)
            s->u[i] *= 1e-3; /* near the fold */
        s->vis[2 * i] = (float)random_normal();
        s->vis[2 * i + 1] = (float)random_normal();
        s->weight[i] = i % 7 == 3 ? 0 : (float)random_uniform();
    }
    pclean_err err;
    const pcl_grid_params p = {.nx = nx,
                               .ny = ny,
                               .cellx_rad = s->cellx,
                               .celly_rad = s->celly,
                               .accuracy = accuracy,
                               .nvis = (double)n,
                               .kernel = kernel};
    assert_int_equal(pcl_grid_new(&p, &s->g, &err), 0);
    assert_int_equal(pcl_grid_scratch_new(s->g, n, &s->scratch, &err), 0);
}

static void scene_clear(scene *s) {
    pcl_grid_scratch_free(s->scratch);
    pcl_grid_free(s->g);
    free(s->u);
    free(s->v);
    free(s->vis);
    free(s->weight);
}

static pcl_samples samples_of(const scene *s) {
    return (pcl_samples){.n = s->n, .u = s->u, .v = s->v, .vis = s->vis, .weight = s->weight};
}

static void dirty(scene *s, const pcl_uvgrid *model, float *image, float *psf) {
    pcl_uvgrid grid, psfgrid;
    pclean_err err;
    pcl_samples in = samples_of(s);
    pcl_grid_count count = {0};
    assert_int_equal(pcl_uvgrid_new(s->g, false, &grid, &err), 0);
    assert_int_equal(pcl_uvgrid_new(s->g, true, &psfgrid, &err), 0);
    pcl_grid_add(s->g, s->scratch, &in, model, &grid, psf ? &psfgrid : NULL, &count);
    assert_int_equal(count.outside, 0);
    assert_int_equal(pcl_grid_to_image(s->g, &grid, 1, image, &err), 0);
    if (psf)
        assert_int_equal(pcl_grid_to_image(s->g, &psfgrid, 1, psf, &err), 0);
    pcl_uvgrid_clear(&grid);
    pcl_uvgrid_clear(&psfgrid);
}

/* rms error over random pixels divided by the rms of the exact image. */
static double error_against_dft(const scene *s, const float *image, bool psf) {
    double e2 = 0, p2 = 0;
    float *one = malloc(2 * s->n * sizeof *one);
    for (size_t i = 0; i < s->n; i++) {
        one[2 * i] = 1;
        one[2 * i + 1] = 0;
    }
    for (int k = 0; k < 60; k++) {
        size_t x = (size_t)(random_uniform() * (double)s->nx),
               y = (size_t)(random_uniform() * (double)s->ny);
        double l = -((double)x - (double)(s->nx / 2)) * s->cellx,
               m = ((double)y - (double)(s->ny / 2)) * s->celly;
        const pcl_samples all = {s->n, s->u, s->v, NULL, psf ? one : s->vis, s->weight};
        double want = pcl_dft_pixel(&all, l, m);
        double e = (double)image[y * s->nx + x] - want;
        e2 += e * e;
        p2 += want * want;
    }
    free(one);
    return sqrt(e2 / p2);
}

static const size_t sizes[][2] = {{64, 64}, {101, 57}, {1, 1}, {2, 3}, {37, 128}, {250, 250}};

static void images_agree_with_the_fourier_sum(void **state) {
    (void)state;
    const double accuracies[] = {1e-2, 1e-3, 1e-4, 1e-5, 1e-6};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        for (size_t a = 0; a < sizeof accuracies / sizeof *accuracies; a++) {
            scene s;
            scene_init(&s, sizes[k][0], sizes[k][1], 300, accuracies[a], -1);
            float *image = malloc(s.nx * s.ny * sizeof *image),
                  *psf = malloc(s.nx * s.ny * sizeof *psf);
            dirty(&s, NULL, image, psf);
            double e = error_against_dft(&s, image, false), ep = error_against_dft(&s, psf, true);
            if (e > 2 * accuracies[a] || ep > 2 * accuracies[a])
                fail_msg("%zux%zu accuracy %g: image %.2e psf %.2e", s.nx, s.ny, accuracies[a], e,
                         ep);
            free(image);
            free(psf);
            scene_clear(&s);
        }
}

static void every_kernel_keeps_its_promise(void **state) {
    (void)state;
    pcl_gridfn fn;
    for (int k = 0; pcl_gridfn_get((size_t)k, &fn); k++) {
        scene s;
        scene_init(&s, 90, 64, 300, 0, k);
        float *image = malloc(s.nx * s.ny * sizeof *image);
        dirty(&s, NULL, image, NULL);
        double e = error_against_dft(&s, image, false);
        if (e > 2 * fn.misfit + 1e-6)
            fail_msg("kernel %d (support %d, padding %g): %.2e, promised %.2e", k, fn.support,
                     fn.sigma, e, fn.misfit);
        free(image);
        scene_clear(&s);
    }
}

static void prediction_agrees_with_the_fourier_sum(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        scene s;
        scene_init(&s, sizes[k][0], sizes[k][1], 60, 1e-5, -1);
        float *image = calloc(s.nx * s.ny, sizeof *image), *vis = malloc(2 * s.n * sizeof *vis);
        for (size_t i = 0; i < 20; i++)
            image[(size_t)(random_uniform() * (double)(s.nx * s.ny))] = (float)random_normal();
        pcl_uvgrid model;
        pclean_err err;
        assert_int_equal(pcl_uvgrid_new(s.g, false, &model, &err), 0);
        assert_int_equal(pcl_grid_from_image(s.g, image, 0.5 / s.cellx, &model, &err), 0);
        pcl_samples in = samples_of(&s);
        pcl_grid_predict(s.g, s.scratch, &in, &model, vis);
        double e2 = 0, p2 = 0;
        for (size_t i = 0; i < s.n; i++) {
            double want[2];
            pcl_dft_predict(&(pcl_raster){s.nx, s.ny, s.cellx, s.celly}, image,
                            (const double[]){s.u[i], s.v[i], 0}, want);
            /* grid.h ignores w, and so must its twin here */
            e2 += pow((double)vis[2 * i] - want[0], 2) + pow((double)vis[2 * i + 1] - want[1], 2);
            p2 += want[0] * want[0] + want[1] * want[1];
        }
        if (sqrt(e2 / p2) > 2e-5)
            fail_msg("%zux%zu: %.2e", s.nx, s.ny, sqrt(e2 / p2));
        pcl_uvgrid_clear(&model);
        free(image);
        free(vis);
        scene_clear(&s);
    }
}

/* <G v, x> = <v, G* x>, and the fused residual is gridding of the difference. */
static void gridding_and_degridding_are_adjoint(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        scene s;
        scene_init(&s, sizes[k][0], sizes[k][1], 500, 1e-4, -1);
        size_t npix = s.nx * s.ny;
        float *image = malloc(npix * sizeof *image), *x = malloc(npix * sizeof *x),
              *vis = malloc(2 * s.n * sizeof *vis);
        for (size_t i = 0; i < npix; i++)
            x[i] = (float)random_normal();
        dirty(&s, NULL, image, NULL);
        pcl_uvgrid model;
        pclean_err err;
        assert_int_equal(pcl_uvgrid_new(s.g, false, &model, &err), 0);
        assert_int_equal(pcl_grid_from_image(s.g, x, 0.5 / s.cellx, &model, &err), 0);
        pcl_samples in = samples_of(&s);
        pcl_grid_predict(s.g, s.scratch, &in, &model, vis);
        double left = 0, right = 0, norm = 0;
        for (size_t i = 0; i < npix; i++)
            left += (double)image[i] * (double)x[i];
        for (size_t i = 0; i < s.n; i++) {
            double a = (double)s.weight[i] * ((double)vis[2 * i] * (double)s.vis[2 * i] +
                                              (double)vis[2 * i + 1] * (double)s.vis[2 * i + 1]);
            right += a;
            norm += fabs(a);
        }
        if (fabs(left - right) > 2e-6 * norm)
            fail_msg("%zux%zu: %.9g against %.9g of %.3g", s.nx, s.ny, left, right, norm);

        float *fused = malloc(npix * sizeof *fused), *separate = malloc(npix * sizeof *separate);
        dirty(&s, &model, fused, NULL);
        for (size_t i = 0; i < 2 * s.n; i++)
            s.vis[i] -= vis[i];
        dirty(&s, NULL, separate, NULL);
        double peak = 0, worst = 0;
        for (size_t i = 0; i < npix; i++) {
            peak = fmax(peak, fabs((double)separate[i]));
            worst = fmax(worst, fabs((double)fused[i] - (double)separate[i]));
        }
        assert_true(worst <= 2e-5 * peak);
        pcl_uvgrid_clear(&model);
        free(image);
        free(x);
        free(vis);
        free(fused);
        free(separate);
        scene_clear(&s);
    }
}

static void threads_do_not_change_a_bit(void **state) {
    (void)state;
    enum { NX = 96, NY = 80 };
    static float reference[NX * NY], image[NX * NY], psf[NX * NY], reference_psf[NX * NY];
    for (int threads = 1; threads <= 3; threads++) {
        omp_set_num_threads(threads);
        random_state = 4711;
        scene s;
        scene_init(&s, NX, NY, 20000, 1e-5, -1);
        dirty(&s, NULL, threads == 1 ? reference : image, threads == 1 ? reference_psf : psf);
        if (threads > 1) {
            assert_memory_equal(image, reference, sizeof image);
            assert_memory_equal(psf, reference_psf, sizeof psf);
        }
        scene_clear(&s);
    }
}

static void samples_beyond_the_cell_are_counted_and_left_out(void **state) {
    (void)state;
    scene s;
    scene_init(&s, 32, 32, 10, 1e-4, -1);
    for (size_t i = 0; i < s.n; i++)
        s.weight[i] = 1;
    s.u[0] = 0.5001 / s.cellx;
    s.v[1] = -0.7 / s.celly;
    s.u[2] = NAN;
    s.weight[3] = 0;
    pcl_uvgrid grid;
    pclean_err err;
    pcl_samples in = samples_of(&s);
    pcl_grid_count count = {0};
    assert_int_equal(pcl_uvgrid_new(s.g, false, &grid, &err), 0);
    pcl_grid_add(s.g, s.scratch, &in, NULL, &grid, NULL, &count);
    assert_int_equal(count.used, 6);
    assert_int_equal(count.outside, 0); /* asked for by itself: */
    pcl_grid_count_outside(s.g, &in, 0, &count);
    assert_int_equal(count.outside, 3);
    assert_int_equal(count.used, 6);
    assert_true(fabs(count.sumwt - 6) < 1e-12);
    pcl_uvgrid_clear(&grid);
    scene_clear(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_agree_with_the_fourier_sum),
        cmocka_unit_test(every_kernel_keeps_its_promise),
        cmocka_unit_test(prediction_agrees_with_the_fourier_sum),
        cmocka_unit_test(gridding_and_degridding_are_adjoint),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(samples_beyond_the_cell_are_counted_and_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
