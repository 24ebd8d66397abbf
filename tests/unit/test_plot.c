/* The picture: a PNG of the size asked for, of a cube and of a single plane; failures leave what
 * was there. */
#include "base/fsutil.h"
#include "base/mem.h"
#include "casa/casa.h"
#include "image/cube.h"
#include "pclean/plot.h"
#include "random.h"
#include "unit/check.h"
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#define DIR_NAME PCLEAN_TEST_TMP "/plot"
#define N        40

static char *cube_path = DIR_NAME "/cube.image", *plane_path = DIR_NAME "/plane.image";

static void write_planes(pcl_cube *cube, size_t nchan) {
    pclean_err err;
    float pixels[N * N], *work;
    assert_ok(PCL_NEW(&work, pcl_cube_work_size(cube), "work", &err));
    for (size_t c = 0; c < nchan; c++) {
        for (size_t i = 0; i < N * N; i++) {
            double dx = (double)(i % N) - 20 - (double)c, dy = (double)(i / N) - 20;
            double line = exp(-0.3 * ((double)c - 4) * ((double)c - 4));
            pixels[i] =
                (float)(0.05 * line * exp(-(dx * dx + dy * dy) / 12) + 1e-3 * random_normal());
        }
        assert_ok(pcl_cube_write_plane(cube, 0, c, pixels, work, &err));
    }
    pcl_free(work);
}

static void make_image(const char *path, size_t nchan) {
    pclean_err err;
    casa_image_desc d = {.nx = N,
                         .ny = N,
                         .npol = 1,
                         .nchan = nchan,
                         .stokes = {1},
                         .centre = {0, 4.0, 0.09},
                         .crpix_x = N / 2,
                         .crpix_y = N / 2,
                         .increment_x_rad = -7e-5,
                         .increment_y_rad = 7e-5,
                         .projection = "SIN",
                         .freq_frame = 1,
                         .crval_hz = 1.413e9,
                         .cdelt_hz = 24e3,
                         .restfreq_hz = 1.420405752e9,
                         .telescope = "VLA",
                         .observer = "TEST",
                         .object = "N5921",
                         .obsdate_s = 4.3e9,
                         .time_ref = "UTC",
                         .unit = "Jy/beam"};
    bool mask[N * N];
    for (size_t i = 0; i < N * N; i++) {
        mask[i] = hypot((double)(i % N) - 20, (double)(i / N) - 20) < 19;
    }
    pcl_cube *cube;
    assert_ok(pcl_cube_create(path, &d, mask, &cube, &err));
    write_planes(cube, nchan);
    assert_ok(pcl_cube_finish(cube, &(casa_beam){2.9e-4, 2.2e-4, 0.5}, 1, NULL, 0, &err));
    assert_ok(pcl_cube_publish(cube, true, &err));
    pcl_cube_free(cube);
}

static int set_up(void **state) {
    (void)state;
    pclean_err err;
    assert_ok(casa_init(&err));
    assert_ok(pcl_fs_remove_tree(DIR_NAME, &err));
    assert_int_equal(system("mkdir -p " DIR_NAME), 0);
    make_image(cube_path, 9);
    make_image(plane_path, 1);
    return 0;
}

/* Width and height from the header of a PNG file. */
static void assert_png(const char *path, unsigned width, unsigned height) {
    unsigned char head[24];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(head, 1, sizeof head, f), sizeof head);
    fclose(f);
    assert_memory_equal(head, "\x89PNG\r\n\x1a\n", 8);
    assert_int_equal((unsigned)head[16] << 24 | (unsigned)head[17] << 16 | (unsigned)head[18] << 8 |
                         head[19],
                     width);
    assert_int_equal((unsigned)head[20] << 24 | (unsigned)head[21] << 16 | (unsigned)head[22] << 8 |
                         head[23],
                     height);
}

static void test_sizes(void **state) {
    (void)state;
    pclean_err err;
    pclean_plot_options o;
    pclean_plot_options_init(&o, sizeof o);
    assert_ok(pclean_plot_cube(cube_path, DIR_NAME "/cube.png", NULL, &err));
    assert_png(DIR_NAME "/cube.png", 2000, 1125);
    assert_ok(pclean_plot_cube(plane_path, DIR_NAME "/plane.png", &o, &err));
    assert_png(DIR_NAME "/plane.png", 1300, 1180);
    o.width = 640;
    o.height = 480;
    o.title = "an \xe9toile"; /* Latin-1 */
    o.field = "3arcmin";
    o.max_panels = 4;
    assert_ok(pclean_plot_cube(cube_path, DIR_NAME "/cube.png", &o, &err)); /* replaces */
    assert_png(DIR_NAME "/cube.png", 640, 480);
}

static void assert_no_part(const char *png) {
    char part[400];
    snprintf(part, sizeof part, "%s.part", png);
    assert_false(pcl_fs_exists(part));
}

static void test_failures(void **state) {
    (void)state;
    pclean_err err;
    pclean_plot_options o;
    pclean_plot_options_init(&o, sizeof o);
    const char *png = DIR_NAME "/none.png";
    assert_int_not_equal(pclean_plot_cube(DIR_NAME "/absent.image", png, NULL, &err), 0);
    assert_non_null(strstr(err.msg, "absent.image"));
    assert_fails(pclean_plot_cube(cube_path, DIR_NAME "/nowhere/x.png", NULL, &err), PCLEAN_EIO,
                 "nowhere/x.png");
    assert_fails(pclean_plot_cube(cube_path, DIR_NAME, NULL, &err), PCLEAN_EEXIST, "is a folder");
    assert_true(pcl_fs_is_dir(cube_path));
    o.max_panels = 0;
    assert_fails(pclean_plot_cube(cube_path, png, &o, &err), PCLEAN_EPARAM, "panels");
    pclean_plot_options_init(&o, sizeof o);
    o.field = "3GHz";
    assert_fails(pclean_plot_cube(cube_path, png, &o, &err), PCLEAN_EPARAM, "field");
    assert_false(pcl_fs_exists(png));
    assert_no_part(png);
}

static void test_failed_allocations(void **state) {
    (void)state;
    pclean_err err;
    const char *png = DIR_NAME "/memory.png";
    long n = 1;
    for (;; n++) {
        pcl_mem_fail_after(n);
        int rc = pclean_plot_cube(cube_path, png, NULL, &err);
        pcl_mem_fail_after(0);
        if (rc == 0) {
            break;
        }
        assert_int_equal(rc, -PCLEAN_ENOMEM);
        assert_false(pcl_fs_exists(png));
        assert_no_part(png);
    }
    assert_true(n > 9);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sizes),
                                       cmocka_unit_test(test_failures),
                                       cmocka_unit_test(test_failed_allocations)};
    return cmocka_run_group_tests(tests, set_up, NULL);
}
