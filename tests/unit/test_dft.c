/* The explicit sum, which judges the gridders: closed forms, and its two halves are adjoint. */
#include <math.h>

#include "check.h"
#include "core/grid/dft.h"
#include "random.h"

/* A source of 1 Jy off the centre: phases only, +2 pi (u l + v m + w (n - 1)). */
static void a_point_source_has_its_phase(void **state) {
    (void)state;
    const pcl_raster raster = {8, 6, 1e-3, 2e-3};
    float image[48] = {0};
    image[4 * 8 + 1] = 1; /* x - nx/2 = -3: east, l > 0; y - ny/2 = 1: north */
    const double l = 3e-3, m = 2e-3, n = sqrt(1 - l * l - m * m);
    const double uvw[4][3] = {{0, 0, 0}, {100, 0, 0}, {0, 70, 0}, {-35, 20, 4000}};
    for (size_t k = 0; k < 4; k++) {
        double vis[2];
        pcl_dft_predict(&raster, image, uvw[k], vis);
        const double phase = 2 * M_PI * (uvw[k][0] * l + uvw[k][1] * m + uvw[k][2] * (n - 1));
        assert_true(fabs(vis[0] - cos(phase)) < 1e-9 && fabs(vis[1] - sin(phase)) < 1e-9);
        /* and back: its own pixel has all of its flux */
        const float value[2] = {(float)vis[0], (float)vis[1]}, weight = 2;
        const pcl_samples one = {1, &uvw[k][0], &uvw[k][1], &uvw[k][2], value, &weight};
        assert_true(fabs(pcl_dft_pixel(&one, l, m) - 2) < 1e-6);
    }
}

/* <G v, x> = <v, G* x>, with w and without. */
static void prediction_is_the_adjoint(void **state) {
    (void)state;
    enum { NVIS = 20, NX = 7, NY = 5 };
    const pcl_raster raster = {NX, NY, 3e-3, 2e-3};
    double u[NVIS], v[NVIS], w[NVIS];
    float vis[2 * NVIS], weight[NVIS], image[NX * NY];
    for (size_t i = 0; i < NX * NY; i++)
        image[i] = (float)random_normal();
    for (size_t k = 0; k < NVIS; k++) {
        u[k] = 100 * random_normal();
        v[k] = 100 * random_normal();
        w[k] = 1000 * random_normal();
        vis[2 * k] = (float)random_normal();
        vis[2 * k + 1] = (float)random_normal();
        weight[k] = (float)random_uniform();
    }
    for (int with_w = 0; with_w < 2; with_w++) {
        const pcl_samples all = {NVIS, u, v, with_w ? w : NULL, vis, weight};
        double there = 0, back = 0;
        for (size_t y = 0; y < NY; y++)
            for (size_t x = 0; x < NX; x++)
                there += (double)image[y * NX + x] *
                         pcl_dft_pixel(&all, -((double)x - NX / 2) * raster.cellx_rad,
                                       ((double)y - NY / 2) * raster.celly_rad);
        for (size_t k = 0; k < NVIS; k++) {
            double model[2];
            pcl_dft_predict(&raster, image, (const double[]){u[k], v[k], with_w ? w[k] : 0}, model);
            back += (double)weight[k] *
                    ((double)vis[2 * k] * model[0] + (double)vis[2 * k + 1] * model[1]);
        }
        assert_true(fabs(there - back) < 1e-10 * (fabs(there) + 1));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_point_source_has_its_phase),
        cmocka_unit_test(prediction_is_the_adjoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
