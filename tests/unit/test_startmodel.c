#include "config/config.h"
#include "run/startmodel.h"

#include <math.h>

#include "base/mem.h"
#include "folder.h"
#include "image/cube.h"
#include "unit/check.h"

enum { NX = 40, NY = 36, N = NX * NY };
static pclean_err err;

static int set_up(void **state) {
    (void)state;
    return make_folder("startmodel", true);
}

typedef struct fixture {
    pclean_config config;
    pcl_setup setup;
    pcl_startmodel *model;
} fixture;

static void open_setup(fixture *f, const char *name, const char *const *more) {
    static const char *const fixed[] = {"vis",      PCLEAN_TEST_DATA "/vla_ngc5921.ms",
                                        "imsize",   "40,36",
                                        "cell",     "20arcsec",
                                        "specmode", "cube",
                                        "start",    "5",
                                        "nchan",    "4",
                                        NULL};
    *f = (fixture){0};
    assert_ok(pcl_config_init(&f->config, &err));
    for (size_t i = 0; fixed[i]; i += 2)
        assert_ok(pclean_config_set(&f->config, fixed[i], fixed[i + 1], &err));
    for (; *more; more += 2)
        assert_ok(pclean_config_set(&f->config, more[0], more[1], &err));
    assert_ok(pclean_config_set(&f->config, "imagename", in_folder("%s", name), &err));
    assert_ok(pcl_setup_open(&f->config, &f->setup, &err));
}

static int open_model(fixture *f, const char *name, const char *const *more) {
    open_setup(f, name, more);
    return pcl_startmodel_open(&f->setup, &(pcl_scratch){.folder = folder}, &f->model, &err);
}

static void close_model(fixture *f) {
    pcl_startmodel_close(f->model);
    pcl_setup_close(&f->setup);
    pcl_config_clear(&f->config);
}

/* An image on the grid of the runs whose pixel i of channel c is value + c + i / 1000. */
static void make_image(const char *name, const char *unit, size_t nchan, float value) {
    fixture f;
    float pixels[N], *work = NULL;
    pcl_cube *cube = NULL;
    open_setup(&f, "unused", (const char *const[]){NULL});
    casa_image_desc d = f.setup.desc;
    d.unit = unit;
    d.nchan = nchan;
    assert_ok(pcl_cube_create(in_folder("%s", name), &d, NULL, &cube, &err));
    assert_ok(PCL_NEW(&work, pcl_cube_work_size(cube), "work", &err));
    for (size_t c = 0; c < nchan; c++) {
        for (size_t i = 0; i < N; i++)
            pixels[i] = i == 7 ? NAN : value + (float)c + (float)i / 1000;
        assert_ok(pcl_cube_write_plane(cube, 0, c, pixels, work, &err));
    }
    assert_ok(pcl_cube_finish(cube, NULL, 0, NULL, 0, &err));
    assert_ok(pcl_cube_publish(cube, true, &err));
    pcl_cube_free(cube);
    pcl_free(work);
    close_model(&f);
}

static void check_planes(const fixture *f, float value, float per_chan, float per_pixel) {
    float plane[N];
    for (size_t c = 0; c < 4; c++) {
        assert_ok(pcl_startmodel_plane(f->model, 0, c, plane, &err));
        for (size_t i = 0; i < N; i++) {
            const float want = i == 7 ? 0 : value + per_chan * (float)c + per_pixel * (float)i;
            assert_true(fabsf(plane[i] - want) < 1e-4f);
        }
    }
}

static void test_none(void **state) {
    (void)state;
    fixture f;
    assert_ok(open_model(&f, "none", (const char *const[]){"restart", "true", NULL}));
    assert_null(f.model); /* there is no earlier run */
    close_model(&f);
}

/* One channel serves all; several images are added up; what is not finite counts as 0. */
static void test_images_are_added_up(void **state) {
    (void)state;
    fixture f;
    char both[2100];
    make_image("cube.model", "Jy/pixel", 4, 10);
    make_image("mfs.model", "Jy/pixel", 1, 100);
    assert_ok(
        open_model(&f, "sum", (const char *const[]){"startmodel", in_folder("cube.model"), NULL}));
    check_planes(&f, 10, 1, 0.001f);
    close_model(&f);
    assert_ok(
        open_model(&f, "sum", (const char *const[]){"startmodel", in_folder("mfs.model"), NULL}));
    check_planes(&f, 100, 0, 0.001f);
    close_model(&f);
    snprintf(both, sizeof both, "%s,%s", in_folder("mfs.model"), in_folder("cube.model"));
    assert_ok(open_model(&f, "sum", (const char *const[]){"startmodel", both, NULL}));
    check_planes(&f, 110, 1, 0.002f);
    close_model(&f);
}

static void test_of_the_run_that_is_continued(void **state) {
    (void)state;
    fixture f;
    make_image("again.model", "Jy/pixel", 4, 20);
    assert_ok(open_model(&f, "again", (const char *const[]){"restart", "true", NULL}));
    check_planes(&f, 20, 1, 0.001f);
    close_model(&f);
    assert_fails(open_model(&f, "again",
                            (const char *const[]){"restart", "true", "startmodel",
                                                  in_folder("again.model"), NULL}),
                 PCLEAN_EPARAM, "startmodel and restart were both given");
    assert_null(f.model);
    close_model(&f);
}

static void test_what_is_no_model(void **state) {
    (void)state;
    static const struct {
        const char *unit;
        size_t nchan;
        const char *words;
    } cases[] = {{"Jy/beam", 4, "is in Jy/beam, as a restored image"},
                 {"", 4, "has no unit, a model has Jy/pixel"},
                 {"K", 4, "has the unit K"},
                 {"Jy/pixel", 3, "bad.model"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        make_image("bad.model", cases[i].unit, cases[i].nchan, 1);
        assert_fails(open_model(&f, "none",
                                (const char *const[]){"startmodel", in_folder("bad.model"), NULL}),
                     PCLEAN_EPARAM, cases[i].words);
        assert_null(f.model);
        close_model(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_none),
                                       cmocka_unit_test(test_images_are_added_up),
                                       cmocka_unit_test(test_of_the_run_that_is_continued),
                                       cmocka_unit_test(test_what_is_no_model)};
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
