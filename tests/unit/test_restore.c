/* Restoring: against the sum written out, direct = FFT, no wrapping, threads, pbcor, bad input. */
#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/commonbeam.h"
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

/* A cube of tclean's (tests/golden/make_common.py): from its model and residual, with the beams
 * that it has used, comes its image; and its common beam is no smaller than ours. */
enum { SIDE = 48, NCHAN = 4, NPLANE = NCHAN * SIDE * SIDE };

/* rms of the difference over the peak of the plane, where tclean's wrapping does not reach. */
static double misfit(const float *have, const float *want) {
    enum { EDGE = 14 };
    double square = 0, most = 0;
    for (size_t y = EDGE; y < SIDE - EDGE; y++)
        for (size_t x = EDGE; x < SIDE - EDGE; x++) {
            square += pow((double)have[y * SIDE + x] - (double)want[y * SIDE + x], 2);
            most = fmax(most, fabs((double)want[y * SIDE + x]));
        }
    return sqrt(square) / (SIDE - 2 * EDGE) / most;
}

static void tclean_cube(void **state) {
    (void)state;
    static float pixels[5][NPLANE], image[SIDE * SIDE];
    const double degree = M_PI / 180;
    char line[300], name[20];
    FILE *in = fopen(PCLEAN_TEST_GOLDEN "/common.f32", "rb");
    assert_non_null(in);
    assert_int_equal(fread(pixels, sizeof pixels, 1, in), 1);
    fclose(in);
    assert_non_null(in = fopen(PCLEAN_TEST_GOLDEN "/common.tsv", "r"));
    assert_non_null(fgets(line, sizeof line, in));
    pcl_beam fitted[NCHAN], common = {0}, found;
    size_t n = 0, nwider = 0;
    double worst = 0;
    for (double v[6]; fgets(line, sizeof line, in); n++) {
        const size_t ichan = n % NCHAN;
        assert_int_equal(sscanf(line, "%19s %*d %lf %lf %lf %lf %lf %lf", name, v, v + 1, v + 2,
                                v + 3, v + 4, v + 5),
                         7);
        pcl_restore_params p;
        pcl_beam by;
        pcl_restore_params_init(&p);
        p.cellx_rad = p.celly_rad = 15 * ARCSEC;
        p.own = (pcl_beam){v[0] * ARCSEC, v[1] * ARCSEC, v[2] * degree};
        p.beam = (pcl_beam){v[3] * ARCSEC, v[4] * ARCSEC, v[5] * degree};
        nwider += pcl_restore_widens(&p, &by);
        assert_int_equal(pcl_restore(pixels[0] + ichan * SIDE * SIDE,
                                     pixels[1] + ichan * SIDE * SIDE, SIDE, SIDE, &p, image, NULL),
                         0);
        const double is = misfit(image, pixels[2 + n / NCHAN] + ichan * SIDE * SIDE);
        worst = fmax(worst, is);
        print_message("%s, channel %zu: rms of the difference %.1e of the peak\n", name, ichan, is);
        fitted[ichan] = p.own;
        common = p.beam;
    }
    fclose(in);
    assert_int_equal(n, 3 * NCHAN);
    assert_true(nwider > NCHAN && nwider < 2 * NCHAN); /* both of its ways are there */
    assert_true(worst < 1e-6);
    assert_true(pcl_commonbeam_find(fitted, NCHAN, &found));
    const double ratio = found.major_rad * found.minor_rad / (common.major_rad * common.minor_rad);
    print_message("common beam: area %.5f of tclean's\n", ratio);
    assert_true(ratio < 1 + 1e-6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods_agree), cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(pbcor), cmocka_unit_test(bad_input), cmocka_unit_test(tclean_cube)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
