/* Regions of masks against plain twins: repeated dilation, labels by relaxation, the Gaussian
 * summed pixel by pixel. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>

#include "base/mem.h"
#include "core/clean/morphology.h"
#include "random.h"
#include "unit/check.h"

static bool *random_mask(size_t n, double part) {
    bool *mask = calloc(n, sizeof *mask);
    assert_non_null(mask);
    for (size_t i = 0; i < n; i++)
        mask[i] = random_uniform() < part;
    return mask;
}

static bool *copy_of(const bool *mask, size_t n) {
    bool *copy = malloc(n * sizeof *copy);
    assert_non_null(copy);
    return memcpy(copy, mask, n * sizeof *copy);
}

static bool at(const bool *mask, size_t nx, size_t ny, long x, long y) {
    return x >= 0 && y >= 0 && x < (long)nx && y < (long)ny && mask[y * (long)nx + x];
}

/* Each region gets its lowest pixel as label. */
static void plain_prune(bool *mask, size_t nx, size_t ny, double least) {
    const size_t n = nx * ny;
    size_t *label = calloc(n, sizeof *label), *size = calloc(n, sizeof *size);
    for (size_t i = 0; i < n; i++)
        label[i] = i;
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < 2; k++) {
                const size_t j = i + (k ? nx : 1);
                if (j >= n || (k == 0 && j % nx == 0) || !mask[i] || !mask[j] ||
                    label[i] == label[j])
                    continue;
                label[i] = label[j] = label[i] < label[j] ? label[i] : label[j];
                changed = true;
            }
    }
    for (size_t i = 0; i < n; i++)
        size[label[i]] += mask[i];
    for (size_t i = 0; i < n; i++)
        mask[i] = mask[i] && (double)size[label[i]] >= least;
    free(label);
    free(size);
}

static void pruning_equals_labels(void **state) {
    (void)state;
    const size_t nx = 37, ny = 23, n = nx * ny;
    uint32_t *work = malloc(n * sizeof *work);
    for (double part = 0; part <= 1; part += 0.25)
        for (double least = 0; least < 30; least += 2.5) {
            bool *mask = random_mask(n, part), *twin = copy_of(mask, n);
            plain_prune(twin, nx, ny, least);
            const pcl_morphology_regions r = pcl_morphology_prune(mask, nx, ny, least, work);
            assert_memory_equal(mask, twin, n);
            assert_true(r.pruned <= r.found && (least > 1 || r.pruned == 0));
            free(mask);
            free(twin);
        }
    /* strictly fewer: three pixels stay where three are asked for; corners do not touch */
    bool small[16] = {1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0};
    const pcl_morphology_regions r = pcl_morphology_prune(small, 4, 4, 3, work);
    assert_true(r.found == 3 && r.pruned == 2 && small[0] && small[2] && !small[7] && !small[12]);
    free(work);
}

static void plain_grow(bool *mask, const float *image, double above, size_t nx, size_t ny,
                       size_t npass) {
    for (size_t pass = 0; pass < npass; pass++) {
        bool *old = copy_of(mask, nx * ny);
        for (size_t i = 0; i < nx * ny; i++)
            old[i] = old[i] && (double)image[i] > above;
        for (long y = 0; y < (long)ny; y++)
            for (long x = 0; x < (long)nx; x++)
                if (at(old, nx, ny, x - 1, y) || at(old, nx, ny, x + 1, y) ||
                    at(old, nx, ny, x, y - 1) || at(old, nx, ny, x, y + 1))
                    mask[y * (long)nx + x] = true;
        free(old);
    }
    for (size_t i = 0; i < nx * ny; i++)
        mask[i] = mask[i] && (double)image[i] > above;
}

static void growing_equals_repeated_dilation(void **state) {
    (void)state;
    const size_t nx = 41, ny = 29, n = nx * ny;
    float *image = malloc(n * sizeof *image);
    uint32_t *work = malloc(n * sizeof *work);
    for (size_t npass = 0; npass < 60; npass += npass < 4 ? 1 : 14)
        for (double level = -0.4; level < 0.5; level += 0.2) {
            for (size_t i = 0; i < n; i++)
                image[i] = (float)(random_uniform() - 0.5);
            image[n / 2] = NAN;
            bool *mask = random_mask(n, 0.01), *twin = copy_of(mask, n);
            plain_grow(twin, image, level, nx, ny, npass);
            pcl_morphology_grow(mask, image, level, nx, ny, npass, work);
            assert_memory_equal(mask, twin, n);
            free(mask);
            free(twin);
        }
    free(image);
    free(work);
}

static void plain_smooth(bool *mask, const pcl_raster *r, const pcl_beam *beam, double cut,
                         double slack) {
    const pcl_beam_form f = pcl_beam_pixel_form(beam, r->cellx_rad, r->celly_rad);
    double *sum = calloc(r->nx * r->ny, sizeof *sum), most = 0;
    for (size_t i = 0; i < r->nx * r->ny; i++)
        for (size_t j = 0; mask[i] && j < r->nx * r->ny; j++) {
            const double dx = (double)(j % r->nx) - (double)(i % r->nx),
                         dy = (double)(j / r->nx) - (double)(i / r->nx);
            sum[j] += exp(-(f.xx * dx * dx + 2 * f.xy * dx * dy + f.yy * dy * dy));
        }
    for (size_t i = 0; i < r->nx * r->ny; i++)
        most = fmax(most, sum[i]);
    for (size_t i = 0; i < r->nx * r->ny; i++)
        mask[i] = sum[i] > cut * most * slack;
    free(sum);
}

/* Pixels whose value is within 1e-6 of the level may fall either way. */
static void smoothing_equals_the_sum(void **state) {
    (void)state;
    pclean_err err = {0};
    const pcl_beam beams[] = {{3, 2, 0.6}, {9, 1.5, -1.2}, {0.4, 0.4, 0}, {60, 40, 0.3}};
    const pcl_raster raster = {45, 31, 1, 1.25};
    const size_t n = raster.nx * raster.ny;
    float *work = malloc(n * sizeof *work);
    for (size_t b = 0; b < sizeof beams / sizeof *beams; b++)
        for (int kind = 0; kind < 4; kind++)
            for (double cut = 0.01; cut < 1; cut *= 3) {
                bool *mask = random_mask(n, kind == 3 ? 0.9 : 0.003 * kind);
                bool *least = copy_of(mask, n), *most = copy_of(mask, n), *one = copy_of(mask, n);
                plain_smooth(least, &raster, &beams[b], cut, 1 + 1e-6);
                plain_smooth(most, &raster, &beams[b], cut, 1 - 1e-6);
                omp_set_num_threads(3);
                assert_ok(pcl_morphology_smooth(mask, &raster, &beams[b], cut, work, &err));
                omp_set_num_threads(1);
                assert_ok(pcl_morphology_smooth(one, &raster, &beams[b], cut, work, &err));
                for (size_t i = 0; i < n; i++)
                    assert_true(least[i] <= mask[i] && mask[i] <= most[i]);
                assert_memory_equal(mask, one, n);
                free(mask);
                free(least);
                free(most);
                free(one);
            }
    free(work);
}

/* cut near 1: only where the smoothed mask has its maximum. */
static void a_high_cut_leaves_maxima(void **state) {
    (void)state;
    pclean_err err = {0};
    const pcl_raster raster = {40, 40, 1, 1};
    bool *mask = random_mask(1600, 0);
    float *work = malloc(1600 * sizeof *work);
    for (size_t y = 10; y < 15; y++)
        for (size_t x = 20; x < 25; x++)
            mask[y * 40 + x] = true;
    assert_ok(pcl_morphology_smooth(mask, &raster, &(pcl_beam){4, 4, 0}, 0.999, work, &err));
    for (size_t i = 0; i < 1600; i++)
        assert_true(mask[i] == (i == 12 * 40 + 22));
    free(mask);
    free(work);
}

static void no_memory_is_an_error(void **state) {
    (void)state;
    pclean_err err = {0};
    const pcl_raster raster = {8, 8, 1, 1};
    bool mask[64] = {true}, old[64] = {true};
    float work[64];
    for (long k = 1; k <= 3; k++) {
        pcl_mem_fail_after(k);
        assert_fails(pcl_morphology_smooth(mask, &raster, &(pcl_beam){2, 2, 0}, 0.1, work, &err),
                     PCLEAN_ENOMEM, "mask");
        assert_memory_equal(mask, old, sizeof mask);
    }
    pcl_mem_fail_after(0);
    assert_true(pcl_morphology_smooth_bytes(&raster, &(pcl_beam){2, 2, 0}, 2) >
                pcl_morphology_smooth_bytes(&raster, &(pcl_beam){2, 2, 0}, 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pruning_equals_labels), cmocka_unit_test(growing_equals_repeated_dilation),
        cmocka_unit_test(smoothing_equals_the_sum), cmocka_unit_test(a_high_cut_leaves_maxima),
        cmocka_unit_test(no_memory_is_an_error)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
