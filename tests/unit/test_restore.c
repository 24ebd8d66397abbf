/* Restoring: against the sum written out, direct = FFT, no wrapping, threads, pbcor, bad input. */
#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/restore.h"

#define ARCSEC (M_PI / 180 / 3600)

static uint64_t seed = 11;

static double uniform(void) {
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (double)((seed * 2685821657736338717u) >> 11) * 0x1p-53;
}

static float *array(size_t n) {
    float *p = calloc(n, sizeof *p);
    assert_non_null(p);
    return p;
}

static pcl_restore_params params(double major, double minor, double pa,
                                 enum pcl_restore_method method) {
    pcl_restore_params p;
    pcl_restore_params_init(&p);
    p.beam = (pcl_beam){major * ARCSEC, minor * ARCSEC, pa};
    p.cellx_rad = ARCSEC;
    p.celly_rad = 1.5 * ARCSEC;
    p.method = method;
    return p;
}

/* Largest difference over the largest value of b. */
static double difference(const float *a, const float *b, size_t n) {
    double most = 0, peak = 0;
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
        peak = fmax(peak, fabs((double)b[i]));
    }
    return most / peak;
}

static void written_out(const float *model, const float *residual, size_t nx, size_t ny,
                        const pcl_restore_params *p, float *out) {
    const pcl_beam_form f = pcl_beam_pixel_form(&p->beam, p->cellx_rad, p->celly_rad);
    for (size_t i = 0; i < nx * ny; i++) {
        double sum = (double)residual[i];
        for (size_t j = 0; j < nx * ny; j++) {
            const double dx = (double)(i % nx) - (double)(j % nx),
                         dy = (double)(i / nx) - (double)(j / nx);
            if (model[j] != 0)
                sum +=
                    (double)model[j] * exp(-(f.xx * dx * dx + 2 * f.xy * dx * dy + f.yy * dy * dy));
        }
        out[i] = (float)sum;
    }
}

static void methods_agree(void **state) {
    (void)state;
    const size_t size[][2] = {{64, 64}, {45, 70}, {71, 33}, {2, 9}};
    const double shape[][2] = {{8, 5}, {1.2, 1.0}, {60, 30}, {300, 200}};
    for (size_t s = 0; s < 4; s++)
        for (size_t b = 0; b < 4; b++)
            for (int many = 0; many < 2; many++) {
                const size_t nx = size[s][0], ny = size[s][1], n = nx * ny;
                float *model = array(n), *residual = array(n), *want = array(n), *direct = array(n),
                      *fft = array(n);
                for (size_t i = 0; i < n; i++) {
                    model[i] =
                        uniform() < (many ? 0.2 : 3 / (double)n) ? (float)(uniform() - 0.2) : 0.0f;
                    residual[i] = (float)(0.1 * uniform());
                }
                model[0] = 1; /* a component in the corner: nothing may wrap */
                pcl_restore_params p = params(shape[b][0], shape[b][1], 0.7, PCL_RESTORE_DIRECT);
                written_out(model, residual, nx, ny, &p, want);
                omp_set_num_threads(1 + many);
                assert_int_equal(pcl_restore(model, residual, nx, ny, &p, direct, NULL), 0);
                p.method = PCL_RESTORE_FFT;
                assert_int_equal(pcl_restore(model, residual, nx, ny, &p, fft, NULL), 0);
                assert_true(difference(direct, want, n) < 3e-7);
                assert_true(difference(fft, want, n) < 1e-6);
                p.method = PCL_RESTORE_AUTO;
                /* in place */
                assert_int_equal(pcl_restore(model, residual, nx, ny, &p, residual, NULL), 0);
                assert_true(!memcmp(residual, direct, n * 4) || !memcmp(residual, fft, n * 4));
                free(model), free(residual), free(want), free(direct), free(fft);
            }
}

static void threads_change_nothing(void **state) {
    (void)state;
    const size_t nx = 150, ny = 131, n = nx * ny;
    float *model = array(n), *one = array(n), *more = array(n);
    for (size_t i = 0; i < n; i++)
        model[i] = uniform() < 0.01 ? (float)uniform() : 0.0f;
    const pcl_restore_params p = params(9, 6, -0.3, PCL_RESTORE_DIRECT);
    omp_set_num_threads(1);
    assert_int_equal(pcl_restore(model, NULL, nx, ny, &p, one, NULL), 0);
    for (int t = 2; t <= 4; t++) {
        omp_set_num_threads(t);
        assert_int_equal(pcl_restore(model, NULL, nx, ny, &p, more, NULL), 0);
        assert_memory_equal(one, more, n * 4);
    }
    free(model), free(one), free(more);
}

static void pbcor(void **state) {
    (void)state;
    const float image[5] = {1, 2, 3, 4, 5}, pb[5] = {1, 0.5f, 0.2f, 0.1f, 0};
    const float want[5] = {1, 4, 0, 0, 0}; /* 0.2 is not above 0.2 */
    float out[5];
    pcl_restore_pbcor(image, pb, 5, -0.2f, out);
    assert_memory_equal(out, want, sizeof want);
}

static void bad_input(void **state) {
    (void)state;
    float model[64] = {0}, residual[64] = {0}, out[64];
    pcl_restore_params p;
    pcl_restore_params_init(&p);
    residual[5] = 3;
    /* blank channel: no beam needed */
    assert_int_equal(pcl_restore(model, residual, 8, 8, &p, out, NULL), 0);
    assert_memory_equal(out, residual, sizeof out);
    model[3] = 1;
    assert_int_equal(pcl_restore(model, residual, 8, 8, &p, out, NULL), -PCLEAN_EPARAM);
    p = params(3, 2, 0, PCL_RESTORE_AUTO);
    model[4] = NAN;
    assert_int_equal(pcl_restore(model, residual, 8, 8, &p, out, NULL), -PCLEAN_EDATA);
    model[4] = 0;
    for (int method = PCL_RESTORE_DIRECT; method <= PCL_RESTORE_FFT; method++)
        for (long k = 1; k <= (method == PCL_RESTORE_DIRECT ? 2 : 3); k++) {
            p.method = (enum pcl_restore_method)method;
            pcl_mem_fail_after(k);
            assert_int_equal(pcl_restore(model, residual, 8, 8, &p, out, NULL), -PCLEAN_ENOMEM);
        }
    pcl_mem_fail_after(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(methods_agree),
                                       cmocka_unit_test(threads_change_nothing),
                                       cmocka_unit_test(pbcor), cmocka_unit_test(bad_input)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
