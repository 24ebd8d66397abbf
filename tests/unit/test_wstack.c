/* With w (wstack.c): images and predictions against the explicit sum, adjointness, any number of
 * threads. */
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

enum { N = 400 };
static double u[N], v[N], w[N];
static float vis[2 * N], weight[N];

static pcl_grid *gridder_for(size_t nx, size_t ny, double cell, double wmax, double accuracy) {
    pclean_err err;
    pcl_grid *g;
    const pcl_grid_params p = {.nx = nx,
                               .ny = ny,
                               .cellx_rad = cell,
                               .celly_rad = 1.2 * cell,
                               .accuracy = accuracy,
                               .nvis = N,
                               .wmax_lambda = wmax,
                               .kernel = -1};
    for (size_t i = 0; i < N; i++) {
        u[i] = (random_uniform() - 0.5) / cell;
        v[i] = (random_uniform() - 0.5) / (1.2 * cell);
        w[i] = (2 * random_uniform() - 1) * wmax;
        vis[2 * i] = (float)random_normal();
        vis[2 * i + 1] = (float)random_normal();
        weight[i] = i % 7 == 3 ? 0 : (float)random_uniform();
    }
    w[0] = wmax;
    w[1] = 0;
    assert_int_equal(pcl_grid_new(&p, &g, &err), 0);
    return g;
}

static const pcl_samples samples = {.n = N, .u = u, .v = v, .w = w, .vis = vis, .weight = weight};

static void make_images(const pcl_grid *g, size_t npix, float *image, float *psf) {
    pclean_err err;
    pcl_uvgrid grid, psf_grid;
    pcl_grid_scratch *scratch;
    assert_int_equal(pcl_uvgrid_new(g, false, &grid, &err), 0);
    assert_int_equal(pcl_uvgrid_new(g, false, &psf_grid, &err), 0);
    assert_int_equal(pcl_grid_scratch_new(g, N, &scratch, &err), 0);
    memset(image, 0, npix * sizeof *image);
    memset(psf, 0, npix * sizeof *psf);
    pcl_grid_count count = {0};
    for (size_t j = 0; j < pcl_grid_nplane(g); j++) {
        pcl_uvgrid_zero(g, &grid);
        pcl_uvgrid_zero(g, &psf_grid);
        pcl_grid_add_w(g, scratch, &samples, j, &grid, &psf_grid, &count);
        assert_int_equal(pcl_grid_plane_to_image(g, j, &grid, image, &psf_grid, psf, &err), 0);
    }
    assert_int_equal(count.used, N - 57); /* each one once, those without weight not at all */
    pcl_grid_finish_w(g, 1, image);
    pcl_grid_finish_w(g, 1, psf);
    pcl_grid_scratch_free(scratch);
    pcl_uvgrid_clear(&grid);
    pcl_uvgrid_clear(&psf_grid);
}

static void predict(const pcl_grid *g, double umax, const float *image, float *out) {
    pclean_err err;
    pcl_uvgrid grid;
    pcl_grid_scratch *scratch;
    assert_int_equal(pcl_uvgrid_new(g, false, &grid, &err), 0);
    assert_int_equal(pcl_grid_scratch_new(g, N, &scratch, &err), 0);
    memset(out, 0, 2 * N * sizeof *out);
    for (size_t j = 0; j < pcl_grid_nplane(g); j++) {
        assert_int_equal(pcl_grid_plane_from_image(g, j, image, umax, &grid, &err), 0);
        pcl_grid_predict_w(g, scratch, &samples, j, &grid, out);
    }
    pcl_grid_scratch_free(scratch);
    pcl_uvgrid_clear(&grid);
}

/* Fields from a degree to a hemisphere, w from next to nothing to hundreds of turns across the
 * field. */
static const struct {
    size_t nx, ny;
    double cell, wmax;
} fields[] = {{64, 64, 3e-4, 3000}, {101, 57, 1e-3, 2000}, {90, 64, 1e-2, 300},
              {80, 80, 5e-6, 1e5},  {3, 40, 1e-3, 500},    {64, 50, 0.02, 50}};
enum { NFIELD = sizeof fields / sizeof *fields };

static void images_agree_with_the_sum_with_w(void **state) {
    (void)state;
    const double accuracies[] = {1e-3, 1e-5, 1e-6};
    for (size_t k = 0; k < NFIELD; k++)
        for (size_t a = 0; a < 3; a++) {
            const size_t nx = fields[k].nx, ny = fields[k].ny;
            pcl_grid *g = gridder_for(nx, ny, fields[k].cell, fields[k].wmax, accuracies[a]);
            float *image = malloc(nx * ny * sizeof *image), *psf = malloc(nx * ny * sizeof *psf),
                  one[2 * N];
            make_images(g, nx * ny, image, psf);
            for (size_t i = 0; i < N; i++) {
                one[2 * i] = 1;
                one[2 * i + 1] = 0;
            }
            double e[2] = {0}, power[2] = {0};
            for (int i = 0; i < 60; i++) {
                const size_t x = (size_t)(random_uniform() * (double)nx),
                             y = (size_t)(random_uniform() * (double)ny);
                const double l = -((double)x - (double)(nx / 2)) * fields[k].cell,
                             m = ((double)y - (double)(ny / 2)) * 1.2 * fields[k].cell;
                if (l * l + m * m > 0.98)
                    continue;
                for (int p = 0; p < 2; p++) {
                    const pcl_samples all = {N, u, v, w, p ? one : vis, weight};
                    const double want = pcl_dft_pixel(&all, l, m);
                    e[p] += pow((double)(p ? psf : image)[y * nx + x] - want, 2);
                    power[p] += want * want;
                }
            }
            for (int p = 0; p < 2; p++)
                if (!(sqrt(e[p] / power[p]) < 3 * accuracies[a]))
                    fail_msg("field %zu accuracy %g %s: %.2e (%zu planes)", k, accuracies[a],
                             p ? "psf" : "image", sqrt(e[p] / power[p]), pcl_grid_nplane(g));
            free(image);
            free(psf);
            pcl_grid_free(g);
        }
}

static void predictions_agree_and_are_adjoint(void **state) {
    (void)state;
    for (size_t k = 0; k < NFIELD; k++) {
        const size_t nx = fields[k].nx, ny = fields[k].ny;
        pcl_grid *g = gridder_for(nx, ny, fields[k].cell, fields[k].wmax, 1e-5);
        float *image = malloc(nx * ny * sizeof *image), *psf = malloc(nx * ny * sizeof *psf),
              *x = calloc(nx * ny, sizeof *x), out[2 * N];
        for (size_t i = 0; i < nx * ny; i++) {
            const double l = ((double)(i % nx) - (double)(nx / 2)) * fields[k].cell,
                         m = ((double)(i / nx) - (double)(ny / 2)) * 1.2 * fields[k].cell;
            if (i % 5 == 0 && l * l + m * m < 0.98)
                x[i] = (float)random_normal();
        }
        predict(g, 0.5 / fields[k].cell, x, out);
        double e = 0, power = 0;
        for (size_t i = 0; i < 60; i++) {
            double want[2];
            pcl_dft_predict(&(pcl_raster){nx, ny, fields[k].cell, 1.2 * fields[k].cell}, x,
                            (const double[]){u[i], v[i], w[i]}, want);
            e += pow((double)out[2 * i] - want[0], 2) + pow((double)out[2 * i + 1] - want[1], 2);
            power += want[0] * want[0] + want[1] * want[1];
        }
        if (!(sqrt(e / power) < 4e-5))
            fail_msg("field %zu: prediction off by %.2e", k, sqrt(e / power));
        make_images(g, nx * ny, image, psf);
        double left = 0, right = 0, norm = 0;
        for (size_t i = 0; i < nx * ny; i++)
            left += (double)image[i] * (double)x[i];
        for (size_t i = 0; i < N; i++) {
            const double a = (double)weight[i] * ((double)out[2 * i] * (double)vis[2 * i] +
                                                  (double)out[2 * i + 1] * (double)vis[2 * i + 1]);
            right += a;
            norm += fabs(a);
        }
        if (fabs(left - right) > 3e-6 * norm)
            fail_msg("field %zu: <Gv,x> = %.9g, <v,G*x> = %.9g of %.3g", k, left, right, norm);
        free(image);
        free(psf);
        free(x);
        pcl_grid_free(g);
    }
}

static void threads_do_not_change_a_bit(void **state) {
    (void)state;
    enum { NX = 96, NY = 80 };
    static float first[NX * NY], first_psf[NX * NY], image[NX * NY], psf[NX * NY];
    for (int threads = 1; threads <= 3; threads++) {
        omp_set_num_threads(threads);
        random_state = 4711;
        pcl_grid *g = gridder_for(NX, NY, 1e-3, 2000, 1e-5);
        make_images(g, NX * NY, threads == 1 ? first : image, threads == 1 ? first_psf : psf);
        if (threads > 1) {
            assert_memory_equal(image, first, sizeof image);
            assert_memory_equal(psf, first_psf, sizeof psf);
        }
        pcl_grid_free(g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_agree_with_the_sum_with_w),
        cmocka_unit_test(predictions_agree_and_are_adjoint),
        cmocka_unit_test(threads_do_not_change_a_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
