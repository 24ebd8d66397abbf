#include "config/config.h"
#include "run/usermask.h"

#include "base/mem.h"
#include "folder.h"
#include "unit/check.h"

enum { NX = 40, NY = 36, N = NX * NY };
static pclean_err err;

static int set_up(void **state) {
    (void)state;
    return make_folder("usermask", true);
}

typedef struct fixture {
    pclean_config config;
    pcl_setup setup;
    pcl_usermask *mask;
} fixture;

static int open_mask(fixture *f, const char *name, const char *const *more) {
    static const char *const fixed[] = {"vis",      PCLEAN_TEST_DATA "/vla_ngc5921.ms",
                                        "imsize",   "40,36",
                                        "cell",     "20arcsec",
                                        "specmode", "cube",
                                        "start",    "5",
                                        "nchan",    "4",
                                        "niter",    "5",
                                        NULL};
    *f = (fixture){0};
    assert_ok(pcl_config_init(&f->config, &err));
    for (size_t i = 0; fixed[i]; i += 2)
        assert_ok(pclean_config_set(&f->config, fixed[i], fixed[i + 1], &err));
    for (; *more; more += 2)
        assert_ok(pclean_config_set(&f->config, more[0], more[1], &err));
    assert_ok(pclean_config_set(&f->config, "imagename", in_folder("%s", name), &err));
    assert_ok(pcl_setup_open(&f->config, &f->setup, &err));
    return pcl_usermask_open(&f->setup, &(pcl_scratch){.folder = folder}, &f->mask, &err);
}

static void close_mask(fixture *f) {
    pcl_usermask_close(f->mask);
    pcl_setup_close(&f->setup);
    pcl_config_clear(&f->config);
}

static size_t count(const fixture *f, size_t ipol, size_t ichan) {
    bool plane[N];
    size_t n = 0;
    assert_ok(pcl_usermask_plane(f->mask, ipol, ichan, plane, &err));
    for (size_t i = 0; i < N; i++)
        n += plane[i];
    return n;
}

static void test_none(void **state) {
    (void)state;
    fixture f;
    assert_ok(open_mask(&f, "none", (const char *const[]){NULL}));
    assert_null(f.mask);
    assert_false(pcl_usermask_is_wanted(&f.config));
    assert_false(pcl_usermask_guesses_velocity(f.mask));
    close_mask(&f);
}

static void test_of_every_channel(void **state) {
    (void)state;
    fixture f;
    assert_ok(open_mask(
        &f, "all",
        (const char *const[]){"mask", "box[[10pix,12pix],[19pix,14pix]]", "stokes", "RRLL", NULL}));
    assert_true(pcl_usermask_is_wanted(&f.config));
    for (size_t k = 0; k < 8; k++)
        assert_int_equal(count(&f, k % 2, k / 2), 30);
    close_mask(&f);
}

static void test_of_a_range_of_channels(void **state) {
    (void)state;
    fixture f;
    assert_ok(
        open_mask(&f, "range",
                  (const char *const[]){
                      "mask", "box[[10pix,12pix],[19pix,14pix]], range=[1chan,2chan]", NULL}));
    for (size_t c = 0; c < 4; c++)
        assert_int_equal(count(&f, 0, c), c == 1 || c == 2 ? 30 : 0);
    close_mask(&f);
}

/* The mask that an earlier run of the name has left; with another one besides it is refused. */
static void test_of_the_run_that_is_continued(void **state) {
    (void)state;
    fixture f;
    assert_ok(open_mask(&f, "again", (const char *const[]){NULL}));
    casa_image_layout layout;
    casa_image_desc d = f.setup.desc;
    assert_ok(casa_image_create(in_folder("again.mask"), &d, NULL, &layout, &err));
    close_mask(&f);
    FILE *pixels = fopen(layout.pixel_file, "r+b");
    const float one = 1;
    fseek(pixels, (long)(2 * layout.tile_x * layout.tile_y * sizeof one), SEEK_SET);
    fwrite(&one, sizeof one, 1, pixels);
    fclose(pixels);
    assert_ok(open_mask(&f, "again", (const char *const[]){"restart", "true", NULL}));
    assert_true(pcl_usermask_is_wanted(&f.config));
    size_t n = 0;
    for (size_t c = 0; c < 4; c++)
        n += count(&f, 0, c);
    assert_int_equal(n, 1);
    close_mask(&f);
    assert_ok(open_mask(&f, "again", /* tclean's rule */
                        (const char *const[]){"restart", "true", "usemask", "pb", NULL}));
    assert_null(f.mask);
    close_mask(&f);
    assert_fails(open_mask(&f, "again",
                           (const char *const[]){"restart", "true", "mask",
                                                 "box[[10pix,12pix],[19pix,14pix]]", NULL}),
                 PCLEAN_EPARAM, "mask and restart were both given");
    assert_null(f.mask);
    close_mask(&f);
}

static void test_what_is_no_mask(void **state) {
    (void)state;
    fixture f;
    assert_true(open_mask(&f, "none", (const char *const[]){"mask", "circle[[1pix", NULL}) < 0);
    assert_null(f.mask);
    close_mask(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_none),
                                       cmocka_unit_test(test_of_every_channel),
                                       cmocka_unit_test(test_of_a_range_of_channels),
                                       cmocka_unit_test(test_of_the_run_that_is_continued),
                                       cmocka_unit_test(test_what_is_no_mask)};
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
