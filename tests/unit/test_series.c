/* Images seen as one: order, axis, masks and beams of the members; comparing finds the plane that
 * differs, and finding tells where planes lie. Damaged images are in property/spoiled_images.c. */
#include "base/fsutil.h"
#include "casa/casa.h"
#include "check.h"
#include "folder.h"
#include "join/series.h"
#include "pclean/concat.h"

static pclean_err err;

enum { NX = 20, NY = 10, NPIXEL = NX * NY };

static int set_up(void **state) {
    (void)state;
    return make_folder("series", false) == 0 ? casa_init(&err) : -1;
}

typedef struct example {
    size_t first, nchan; /* channels of a grid of 1 MHz */
    bool masked, blank;
    casa_beam beam;
} example;

/* Pixel i of channel c is 1000 c + i + 1; the mask is good where i is even. */
static const char *make_image(const char *name, example e) {
    const char *path = in_folder("%s", name);
    const casa_image_desc d = {.nx = NX,
                               .ny = NY,
                               .npol = 1,
                               .nchan = e.nchan,
                               .stokes = {1},
                               .centre = {0, 1, 0.5},
                               .increment_x_rad = -1e-5,
                               .increment_y_rad = 1e-5,
                               .projection = "SIN",
                               .freq_frame = 1,
                               .crval_hz = 1e9 + 1e6 * (double)e.first,
                               .cdelt_hz = 1e6,
                               .time_ref = "UTC",
                               .position_itrf_m = {1e6, 2e6, 6e6}};
    casa_image_layout layout;
    float *pixels = calloc(NPIXEL * e.nchan, sizeof *pixels);
    bool good[NPIXEL];
    for (size_t i = 0; i < NPIXEL; i++)
        good[i] = i % 2 == 0;
    for (size_t k = 0; k < NPIXEL * e.nchan && !e.blank; k++)
        pixels[k] = (float)(1000 * (e.first + k / NPIXEL) + k % NPIXEL + 1);
    assert_ok(casa_image_create(path, &d, e.masked ? good : NULL, &layout, &err));
    assert_ok(casa_image_finish(path, &e.beam, e.beam.major_rad > 0, NULL, 0, &err));
    assert_ok(pcl_fs_write_text(layout.pixel_file, (const char *)pixels,
                                NPIXEL * e.nchan * sizeof *pixels, &err));
    free(pixels);
    return path;
}

static const casa_beam beam = {3e-5, 2e-5, 0.1};

static void load(const char *const *names, size_t n, pcl_series *out) {
    assert_ok(
        pcl_series_load(names, n, &(pcl_series_options){.axis = -1, .trusted = true}, out, &err));
}

static void members_are_put_in_order(void **state) {
    (void)state;
    const char *const names[] = {make_image("o.b", (example){.first = 2, .nchan = 3}),
                                 make_image("o.a", (example){.first = 0, .nchan = 2})};
    pcl_series s;
    assert_fails(
        pcl_series_load(names, 2, &(pcl_series_options){.axis = -1, .trusted = true}, &s, &err),
        PCLEAN_EDATA, "");
    assert_null(s.member);
    assert_ok(pcl_series_load(
        names, 2, &(pcl_series_options){.axis = -1, .reorder = true, .trusted = true}, &s, &err));
    assert_int_equal(s.n, 2);
    assert_int_equal(s.total, 5);
    assert_int_equal(s.axis, 3);
    assert_true(s.regular && !s.mask && !s.beams);
    assert_string_equal(casa_member_get_info(s.member[0])->path, names[1]);
    for (size_t k = 0; k < 5; k++)
        assert_true(s.value[k] == 1e9 + 1e6 * (double)k);
    const pcl_tiles_series pixels = pcl_series_pixels(&s);
    assert_int_equal(pixels.n, 2);
    assert_int_equal(pixels.member[1].offset, 2);
    assert_int_equal(pixels.member[1].n, 3);
    pcl_series_clear(&s);
}

/* One image of six channels, and the same pixels in two; then one pixel of channel 4 changes. */
static void the_first_plane_that_differs_is_found(void **state) {
    (void)state;
    const char *const whole_name[] = {make_image("w", (example){.nchan = 6, .masked = true})},
                      *const names[] = {
                          make_image("w.a", (example){.nchan = 2, .masked = true}),
                          make_image("w.b", (example){.first = 2, .nchan = 4, .masked = true})};
    pcl_series whole, members;
    long where = 0;
    load(whole_name, 1, &whole);
    load(names, 2, &members);
    for (int full = 0; full < 2; full++) {
        assert_ok(pcl_series_compare(&whole, &members, full, &where, &err));
        assert_int_equal(where, -1);
    }
    FILE *f = fopen(members.pixels[1].tiles->file, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, (2 * NPIXEL + 77) * (long)sizeof(float), SEEK_SET), 0);
    assert_int_equal(putc(1, f), 1);
    fclose(f);
    assert_ok(pcl_series_compare(&whole, &members, true, &where, &err));
    assert_int_equal(where, 4);
    pcl_series_clear(&members);
    load(names, 1, &members);
    assert_fails(pcl_series_compare(&whole, &members, true, &where, &err), PCLEAN_EFAILED,
                 "6 planes, its parts have 2");
    pcl_series_clear(&members);
    pcl_series_clear(&whole);
}

static void planes_are_found_where_they_lie(void **state) {
    (void)state;
    const char *const whole_name[] = {make_image("f", (example){.nchan = 6})},
                      *const some_name[] = {make_image("f.a", (example){.first = 3, .nchan = 2})},
                      *const beyond_name[] = {make_image("f.b", (example){.first = 5, .nchan = 2})},
                      *const blank_name[] = {
                          make_image("f.c", (example){.first = 3, .nchan = 2, .blank = true})};
    pcl_series whole, some;
    long offset = 0;
    load(whole_name, 1, &whole);
    load(some_name, 1, &some);
    assert_ok(pcl_series_find(&whole, &some, &offset, &err));
    assert_int_equal(offset, 3);
    pcl_series_clear(&some);
    load(beyond_name, 1, &some); /* one plane is outside */
    assert_ok(pcl_series_find(&whole, &some, &offset, &err));
    assert_int_equal(offset, -1);
    pcl_series_clear(&some);
    load(blank_name, 1, &some); /* the place, but not the pixels */
    assert_ok(pcl_series_find(&whole, &some, &offset, &err));
    assert_int_equal(offset, -1);
    pcl_series_clear(&some);
    pcl_series_clear(&whole);
}

/* A member without a beam is one without data, or an error. */
static void only_blank_members_lack_a_beam(void **state) {
    (void)state;
    const char *const names[] = {
        make_image("b.a", (example){.nchan = 1, .beam = beam}),
        make_image("b.b", (example){.first = 1, .nchan = 1, .blank = true}),
        make_image("b.c", (example){.first = 2, .nchan = 1})};
    const pcl_series_options o = {.axis = -1, .trusted = true};
    pcl_series s;
    bool blank = true;
    load(names, 2, &s);
    assert_true(s.beams && s.nblank == 1);
    assert_ok(pcl_series_is_blank(&s, &s.pixels[1], &blank, &err));
    assert_true(blank);
    assert_ok(pcl_series_is_blank(&s, NULL, &blank, &err));
    assert_false(blank);
    pcl_series_clear(&s);
    assert_fails(pcl_series_load(names, 3, &o, &s, &err), PCLEAN_EDATA, "b.c has no beam");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_put_in_order),
        cmocka_unit_test(the_first_plane_that_differs_is_found),
        cmocka_unit_test(planes_are_found_where_they_lie),
        cmocka_unit_test(only_blank_members_lack_a_beam),
    };
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
