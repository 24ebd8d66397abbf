/* casa/image.cpp: what is written is read back, and what other programs may hold is met. */
#include "base/bulk.h"
#include "base/fsutil.h"
#include "casa/casa.h"
#include "unit/check.h"
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[1024], name[1200];
static pclean_err err;

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "%s/image.XXXXXX", PCLEAN_TEST_TMP);
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return pcl_fs_remove_tree(folder, &err);
}

static const char *in_folder(const char *base) {
    snprintf(name, sizeof name, "%s/%s", folder, base);
    return name;
}

static casa_image_desc example(size_t nx, size_t ny, size_t npol, size_t nchan) {
    return (casa_image_desc){.nx = nx,
                             .ny = ny,
                             .npol = npol,
                             .nchan = nchan,
                             .stokes = {1, 4, 5, 8},
                             .centre = {0, -2.26, 0.0884},
                             .crpix_x = (double)(nx / 2),
                             .crpix_y = (double)(ny / 2),
                             .increment_x_rad = -7.27e-5,
                             .increment_y_rad = 7.28e-5,
                             .projection = "SIN",
                             .freq_frame = 1,
                             .crval_hz = 1.413e9,
                             .cdelt_hz = -24414.0625,
                             .restfreq_hz = 1420405752.0,
                             .telescope = "VLA",
                             .observer = "TEST",
                             .object = "N5921_2",
                             .obsdate_s = 49820.4 * 86400,
                             .time_ref = "TAI",
                             .position_itrf_m = {-1601185.365, -5041977.547, 3554875.870},
                             .unit = "Jy/beam"};
}

static void assert_near(double a, double b, double tolerance) {
    assert_true(fabs(a - b) <= tolerance);
}

static casa_image *reopen(const char *path, casa_image_desc *d) {
    casa_image *im = NULL;
    assert_ok(casa_image_open(path, &im, &err));
    assert_ok(casa_image_get_desc(im, d, &err));
    return im;
}

static void header_survives(void **state) {
    (void)state;
    casa_image_desc d = example(101, 257, 2, 3), r;
    casa_image_layout layout;
    const char *path = in_folder("header");
    assert_ok(casa_image_create(path, &d, NULL, &layout, &err));
    assert_int_equal(layout.tile_x, 101);
    assert_int_equal(layout.tile_y, 86);
    assert_int_equal(layout.size_bytes, 101 * 86 * 3 * 6 * 4);
    casa_image *im = reopen(path, &r);
    assert_true(r.nx == 101 && r.ny == 257 && r.npol == 2 && r.nchan == 3);
    assert_true(r.stokes[0] == 1 && r.stokes[1] == 4);
    assert_int_equal(r.centre.frame, 0);
    assert_near(r.centre.lon_rad, d.centre.lon_rad + 2 * acos(-1), 1e-14);
    assert_near(r.centre.lat_rad, d.centre.lat_rad, 1e-14);
    assert_true(r.crpix_x == 50 && r.crpix_y == 128);
    assert_near(r.increment_x_rad / d.increment_x_rad, 1, 1e-14);
    assert_near(r.increment_y_rad / d.increment_y_rad, 1, 1e-14);
    assert_string_equal(r.projection, "SIN");
    assert_int_equal(r.freq_frame, 1);
    assert_near(r.crval_hz, d.crval_hz, 1e-6);
    assert_near(r.cdelt_hz, d.cdelt_hz, 1e-6);
    assert_null(r.chan_freq_hz);
    assert_near(r.restfreq_hz, d.restfreq_hz, 0);
    assert_string_equal(r.telescope, "VLA");
    assert_string_equal(r.observer, "TEST");
    assert_string_equal(r.object, "N5921_2");
    assert_string_equal(r.time_ref, "TAI");
    assert_string_equal(r.unit, "Jy/beam");
    assert_near(r.obsdate_s, d.obsdate_s, 1e-5);
    for (int i = 0; i < 3; i++)
        assert_near(r.position_itrf_m[i], d.position_itrf_m[i], 1e-6);
    casa_image_close(im);
}

static void tabular_axis_survives(void **state) {
    (void)state;
    const double freq[4] = {1.0e9, 1.1e9, 1.3e9, 1.6e9};
    casa_image_desc d = example(4, 4, 1, 4), r;
    casa_image_layout layout;
    d.chan_freq_hz = freq;
    assert_ok(casa_image_create(in_folder("table"), &d, NULL, &layout, &err));
    casa_image *im = reopen(in_folder("table"), &r);
    assert_non_null(r.chan_freq_hz);
    for (int i = 0; i < 4; i++)
        assert_near(r.chan_freq_hz[i], freq[i], 1e-3);
    casa_image_close(im);
}

static void mask_is_the_same_on_all_planes(void **state) {
    (void)state;
    enum { NX = 131, NY = 57 };
    static bool mask[NX * NY], back[NX * NY];
    static float pixels[NX * NY];
    casa_image_desc d = example(NX, NY, 2, 5), r;
    casa_image_layout layout;
    for (size_t i = 0; i < NX * NY; i++)
        mask[i] = i % 7 != 0 && i % NX > 3;
    assert_ok(casa_image_create(in_folder("mask"), &d, mask, &layout, &err));
    casa_image *im = reopen(in_folder("mask"), &r);
    for (size_t ichan = 0; ichan < 5; ichan++)
        for (size_t ipol = 0; ipol < 2; ipol++) {
            memset(back, 2, sizeof back);
            pixels[5] = 1;
            assert_ok(casa_image_read_plane(im, ipol, ichan, pixels, back, &err));
            assert_memory_equal(mask, back, sizeof mask);
            assert_true(pixels[5] == 0);
        }
    assert_fails(casa_image_read_plane(im, 2, 0, pixels, NULL, &err), PCLEAN_EBUG,
                 "polarization 2");
    casa_image_close(im);
}

static void beams_survive(void **state) {
    (void)state;
    casa_image_desc d = example(8, 8, 2, 3), r;
    casa_image_layout layout;
    casa_beam beams[6], b;
    bool has;
    const char *history[] = {"one", "two"};
    for (size_t i = 0; i < 6; i++)
        beams[i] = (casa_beam){1e-4 + 1e-6 * (double)i, 1e-4, 0.1 * (double)i};
    beams[0] = (casa_beam){0, 0, 0}; /* blank planes: the largest, and one that is given */
    beams[4] = (casa_beam){-2e-4, -1e-4, 0.7};
    const char *path = in_folder("beams");
    assert_ok(casa_image_create(path, &d, NULL, &layout, &err));
    assert_ok(casa_image_finish(path, beams, 6, history, 2, &err));
    casa_image *im = reopen(path, &r);
    casa_beam all[6];
    assert_ok(casa_image_get_beams(im, all, &has, &err));
    assert_true(has);
    for (size_t i = 0; i < 6; i++) {
        const casa_beam *expected = &beams[i == 0 ? 4 : i]; /* 4 is the largest */
        const double sign = i == 0 || i == 4 ? -1 : 1;      /* borrowed */
        assert_ok(casa_image_get_beam(im, i % 2, i / 2, &b, &has, &err));
        assert_true(has);
        assert_near(b.major_rad, fabs(expected->major_rad), 1e-15);
        assert_near(b.minor_rad, fabs(expected->minor_rad), 1e-15);
        assert_near(b.pa_rad, expected->pa_rad, 1e-13);
        assert_true(all[i].major_rad == sign * b.major_rad &&
                    all[i].minor_rad == sign * b.minor_rad && all[i].pa_rad == b.pa_rad);
    }
    casa_image_close(im);
    assert_fails(casa_image_finish(path, beams, 5, NULL, 0, &err), PCLEAN_EBUG, "5 beams");

    assert_ok(casa_image_create(in_folder("beam"), &d, NULL, &layout, &err));
    assert_ok(casa_image_finish(name, beams + 1, 1, NULL, 0, &err));
    im = reopen(name, &r);
    assert_ok(casa_image_get_beam(im, 1, 2, &b, &has, &err));
    assert_true(has);
    assert_near(b.major_rad, beams[1].major_rad, 1e-15);
    casa_image_close(im);

    assert_ok(casa_image_create(in_folder("none"), &d, NULL, &layout, &err));
    assert_ok(casa_image_finish(name, beams, 1, history, 2, &err));
    im = reopen(name, &r);
    assert_ok(casa_image_get_beam(im, 0, 0, &b, &has, &err));
    assert_false(has);
    assert_ok(casa_image_get_beams(im, all, &has, &err));
    assert_false(has);
    assert_true(all[5].major_rad == 0);
    casa_image_close(im);
}

/* casacore does not look whether table.info is written, and without it cannot open the image. */
static void what_makes_it_an_image_is_read_back(void **state) {
    (void)state;
    static const bool mask[64];
    const char *const types[] = {"", "/logtable", "/mask0"}, *history[] = {"one", "two"};
    const casa_beam beam = {1e-4, 1e-4, 0};
    const casa_image_desc d = example(8, 8, 1, 3);
    casa_image_layout layout;
    casa_image *im;
    for (size_t i = 0; i < 3; i++)
        for (int how = 0; how < 2; how++) {
            char path[1300], info[1400];
            snprintf(path, sizeof path, "%s%zu%d", in_folder("info"), i, how);
            snprintf(info, sizeof info, "%s%s/table.info", path, types[i]);
            assert_ok(casa_image_create(path, &d, mask, &layout, &err));
            assert_ok(casa_image_finish(path, &beam, 1, history, 2, &err));
            assert_ok(casa_image_read_back(path, 2, &err));
            assert_fails(casa_image_read_back(path, 99, &err), PCLEAN_EIO, "lines of history");
            assert_int_equal(how ? truncate(info, 0) : unlink(info), 0);
            assert_fails(casa_image_read_back(path, 2, &err), PCLEAN_EDATA,
                         "table.info is missing or damaged");
            if (i == 0)
                assert_fails(casa_image_open(path, &im, &err), PCLEAN_EDATA, "not a CASA image");
            if (!how) { /* and nothing can be written there */
                assert_int_equal(mkdir(info, 0777), 0);
                assert_fails(casa_image_finish(path, &beam, 1, history, 2, &err), PCLEAN_EDATA,
                             "table.info is missing or damaged");
            }
        }
}

static void creation_does_not_write_the_pixels(void **state) {
    (void)state;
    casa_image_desc d = example(2048, 2048, 1, 32);
    casa_image_layout layout;
    struct stat st;
    assert_ok(casa_image_create(in_folder("large"), &d, NULL, &layout, &err));
    assert_int_equal(stat(layout.pixel_file, &st), 0);
    assert_int_equal(st.st_size, 2048 * 2048 * 32 * 4L);
    assert_true(st.st_blocks * 512 < 16 << 20);
    assert_ok(pcl_fs_remove_tree(name, &err));
}

/* 2 + 1 channels joined by an imageconcat.json, as CASA's virtual concatenation makes it. */
static void virtual_concatenation_is_read(void **state) {
    (void)state;
    const char json[] = "{\"Version\":1,\"DataType\":\"float\",\"Axis\":3,\"TempClose\":true,"
                        "\"Images\":[\"./part0\",\"./part1\"],\"MiscInfo\":{}}";
    char path[1300];
    casa_image_layout layout;
    for (int i = 0; i < 2; i++) {
        casa_image_desc d = example(4, 3, 1, i ? 1 : 2);
        float pixels[24];
        for (int j = 0; j < 24; j++)
            pixels[j] = (float)(i * 24 + j);
        d.crval_hz += i * 2 * d.cdelt_hz;
        assert_ok(casa_image_create(in_folder(i ? "part1" : "part0"), &d, NULL, &layout, &err));
        int fd = open(layout.pixel_file, O_WRONLY);
        assert_ok(
            pcl_bulk_pwrite(fd, layout.pixel_file, pixels, d.nchan * 12 * sizeof *pixels, 0, &err));
        close(fd);
    }
    assert_int_equal(mkdir(in_folder("joined"), 0777), 0);
    snprintf(path, sizeof path, "%s/imageconcat.json", name);
    assert_ok(pcl_fs_write_text(path, json, strlen(json), &err));
    casa_image_desc r;
    casa_image *im = reopen(in_folder("joined"), &r);
    assert_int_equal(r.nchan, 3);
    float back[12];
    for (size_t c = 0; c < 3; c++) {
        assert_ok(casa_image_read_plane(im, 0, c, back, NULL, &err));
        for (int j = 0; j < 12; j++)
            assert_true(back[j] == (float)((int)c * 12 + j));
    }
    casa_image_close(im);
    assert_ok(pcl_fs_remove_tree(in_folder("part1"), &err));
    assert_int_not_equal(casa_image_open(in_folder("joined"), &im, &err), 0);
    assert_non_null(strstr(err.msg, "part1"));
}

static void bad_input_is_named(void **state) {
    (void)state;
    casa_image_desc d = example(8, 8, 1, 1);
    casa_image_layout layout;
    casa_image *im = NULL;
    assert_ok(casa_image_create(in_folder("there"), &d, NULL, &layout, &err));
    assert_fails(casa_image_create(name, &d, NULL, &layout, &err), PCLEAN_EEXIST,
                 "there: exists already");
    assert_true(pcl_fs_is_dir(name));
    assert_fails(casa_image_create(in_folder("no/such"), &d, NULL, &layout, &err), PCLEAN_EIO,
                 "No such file");
    d.npol = 5;
    assert_fails(casa_image_create(in_folder("pols"), &d, NULL, &layout, &err), PCLEAN_EPARAM,
                 "5 polarizations");
    assert_false(pcl_fs_exists(name));
    d.npol = 1;
    d.time_ref = "TEATIME";
    assert_fails(casa_image_create(in_folder("time"), &d, NULL, &layout, &err), PCLEAN_ECASA,
                 "TEATIME");
    assert_false(pcl_fs_exists(name));
    d.time_ref = "UTC";
    d.nx = d.ny = 1u << 20;
    d.nchan = 1000;
    assert_fails(casa_image_create(in_folder("huge"), &d, NULL, &layout, &err), PCLEAN_ENOSPC,
                 "TiB wanted");
    assert_false(pcl_fs_exists(name));
    assert_fails(casa_image_open(in_folder("nothing"), &im, &err), PCLEAN_EIO, "no such image");
    assert_fails(casa_image_open(folder, &im, &err), PCLEAN_EDATA, "not a CASA image");
    assert_ok(pcl_fs_write_text(in_folder("text"), "hello", 5, &err));
    assert_fails(casa_image_open(name, &im, &err), PCLEAN_EDATA, "not a CASA image");
    assert_null(im);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_survives),
        cmocka_unit_test(tabular_axis_survives),
        cmocka_unit_test(mask_is_the_same_on_all_planes),
        cmocka_unit_test(beams_survive),
        cmocka_unit_test(what_makes_it_an_image_is_read_back),
        cmocka_unit_test(creation_does_not_write_the_pixels),
        cmocka_unit_test(virtual_concatenation_is_read),
        cmocka_unit_test(bad_input_is_named),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
