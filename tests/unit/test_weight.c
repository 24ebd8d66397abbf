#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/weight.h"
#include "random.h"

enum { N = 500, NX = 32, NY = 24 };
static const double cellx = 1e-4, celly = 2e-4;

static void samples(double *u, double *v, float *w, double reach) {
    for (size_t i = 0; i < N; i++) {
        u[i] = (random_uniform() - 0.5) * reach / cellx;
        v[i] = (random_uniform() - 0.5) * reach / celly;
        w[i] = (float)(0.5 + random_uniform());
    }
}

/* Uniform weights give every occupied cell the same total: each sample's w / D sums to 1/2 over a
 * cell and its mirror. */
static void uniform_weights_flatten_the_plane(void **state) {
    (void)state;
    double u[N], v[N];
    float w[N];
    pcl_density d;
    pclean_err err;
    assert_int_equal(
        pcl_density_init(&d, &(pcl_raster){NX, NY, cellx, celly}, PCL_DENSITY_ROUND, 1, &err), 0);
    samples(u, v, w, 0.8);
    pcl_density_add(&d, N, u, v, w);
    pcl_density_finish_uniform(&d);
    double before = 0, after = 0, occupied = 0;
    for (size_t i = 0; i < N; i++)
        before += 2 * (double)w[i];
    assert_true(fabs(d.sumwt - before) < 1e-5 * before);
    for (size_t i = 0; i < NX * NY; i++)
        occupied += d.sum[i] > 0;
    pcl_density_apply(&d, N, u, v, w);
    for (size_t i = 0; i < N; i++)
        after += 2 * (double)w[i];
    assert_true(fabs(after - occupied) < 1e-3 * occupied);
    pcl_density_clear(&d);
}

static void briggs_goes_from_uniform_to_natural(void **state) {
    (void)state;
    double u[N], v[N];
    float natural[N], w[N], uniform[N];
    pcl_density d;
    pclean_err err;
    samples(u, v, natural, 0.8);
    assert_int_equal(
        pcl_density_init(&d, &(pcl_raster){NX, NY, cellx, celly}, PCL_DENSITY_ROUND, 1, &err), 0);
    pcl_density_add(&d, N, u, v, natural);
    pcl_density_finish_uniform(&d);
    for (size_t i = 0; i < N; i++)
        uniform[i] = natural[i];
    pcl_density_apply(&d, N, u, v, uniform);
    for (int robust = -6; robust <= 6; robust += 12) {
        pcl_density_finish_briggs(&d, robust);
        for (size_t i = 0; i < N; i++)
            w[i] = natural[i];
        pcl_density_apply(&d, N, u, v, w);
        const float *like = robust < 0 ? uniform : natural;
        for (size_t i = 1; i < N; i++)
            assert_true(fabs((double)(w[i] / w[0]) - (double)(like[i] / like[0])) <
                        1e-3 * (double)(like[i] / like[0]));
    }
    pcl_density_clear(&d);
}

static void samples_outside_get_no_weight(void **state) {
    (void)state;
    pcl_density d;
    pclean_err err;
    const double u[] = {0, 0.49 / cellx, -0.5 / cellx, 0.7 / cellx}, v[] = {0, 0, 0, 0};
    for (int cell = PCL_DENSITY_TRUNCATE; cell <= PCL_DENSITY_ROUND; cell++) {
        float w[] = {1, 1, 1, 1};
        assert_int_equal(pcl_density_init(&d, &(pcl_raster){NX, NY, cellx, celly},
                                          (enum pcl_density_cell)cell, 1, &err),
                         0);
        pcl_density_add(&d, 4, u, v, w);
        pcl_density_finish_briggs(&d, 0);
        pcl_density_apply(&d, 4, u, v, w);
        assert_true(w[0] > 0);
        assert_true(w[3] == 0);
        pcl_density_clear(&d);
    }
}

/* The density by tclean's rules, sample by sample. */
static void plain_density(enum pcl_density_cell cell, size_t n, const double *u, const double *v,
                          const float *w, float *sum) {
    for (size_t i = 0; i < n; i++)
        for (int side = 1; side >= -1; side -= 2) {
            const double x = side * NX * cellx * u[i], y = -side * NY * celly * v[i];
            const double column =
                cell == PCL_DENSITY_TRUNCATE ? trunc(NX / 2 - x) : floor(x + NX / 2 + 0.5);
            const double row =
                cell == PCL_DENSITY_TRUNCATE ? trunc(NY / 2 - y) : floor(y + NY / 2 + 0.5);
            if (w[i] > 0 && column > 0 && column < NX && row > 0 && row < NY)
                sum[(size_t)row * NX + (size_t)column] += 2 * w[i];
        }
}

static void threads_change_nothing(void **state) {
    (void)state;
    enum { MANY = 150001 }; /* more than two groups */
    const int before = omp_get_max_threads();
    double *u = malloc(MANY * sizeof *u), *v = malloc(MANY * sizeof *v);
    float *w = malloc(MANY * sizeof *w), *weight[3];
    for (size_t i = 0; i < MANY; i++) {
        u[i] = (random_uniform() - 0.5) * 1.1 / cellx;
        v[i] = (random_uniform() - 0.5) * 1.1 / celly;
        w[i] = random_uniform() < 0.1 ? 0 : (float)random_uniform();
    }
    for (int cell = PCL_DENSITY_TRUNCATE; cell <= PCL_DENSITY_ROUND; cell++) {
        float plain[NX * NY] = {0};
        plain_density((enum pcl_density_cell)cell, MANY, u, v, w, plain);
        for (int t = 0; t < 3; t++) {
            pcl_density d;
            pclean_err err;
            omp_set_num_threads(t + 1);
            assert_int_equal(pcl_density_init(&d, &(pcl_raster){NX, NY, cellx, celly},
                                              (enum pcl_density_cell)cell, 2, &err),
                             0);
            pcl_density_add(&d, MANY, u, v, w);
            assert_memory_equal(d.sum, plain, sizeof plain);
            pcl_density_finish_briggs(&d, 0.5);
            weight[t] = malloc(MANY * sizeof *w);
            memcpy(weight[t], w, MANY * sizeof *w);
            pcl_density_apply(&d, MANY, u, v, weight[t]);
            assert_memory_equal(weight[t], weight[0], MANY * sizeof *w);
            pcl_density_clear(&d);
        }
        for (int t = 0; t < 3; t++)
            free(weight[t]);
    }
    omp_set_num_threads(before);
    free(u);
    free(v);
    free(w);
}

static void tapers_are_half_where_they_should_be(void **state) {
    (void)state;
    float w[] = {1, 1, 1};
    const double u[] = {0, 1000, 0}, v[] = {0, 0, 2000};
    pcl_taper t = pcl_taper_uv(2000, 1000, 0); /* major axis to the north: along v */
    pcl_taper_apply(&t, 3, u, v, w);
    assert_true(fabs((double)w[0] - 1) < 1e-7 && fabs((double)w[1] - 0.5) < 1e-6 &&
                fabs((double)w[2] - 0.5) < 1e-6);
    /* a sky Gaussian of FWHM theta has its half maximum at 2 ln2 / (pi theta) wavelengths */
    const double theta = 1e-4, half = 2 * log(2) / (M_PI * theta);
    float x = 1;
    t = pcl_taper_sky(theta, theta, 0.3);
    pcl_taper_apply(&t, 1, &half, &(double){0}, &x);
    assert_true(fabs((double)x - 0.5) < 1e-6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uniform_weights_flatten_the_plane),
        cmocka_unit_test(briggs_goes_from_uniform_to_natural),
        cmocka_unit_test(samples_outside_get_no_weight),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(tapers_are_half_where_they_should_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
