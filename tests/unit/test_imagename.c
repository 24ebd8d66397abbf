#include "config/config.h"
#include "run/imagename.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "casa/casa.h"
#include "folder.h"
#include "unit/check.h"

static pclean_err err;

static int set_up(void **state) {
    (void)state;
    return make_folder("imagename", true);
}

static void configure(pclean_config *c, const char *name) {
    assert_ok(pcl_config_init(c, &err));
    assert_ok(pclean_config_set(c, "imagename", name, &err));
}

static void write_text(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void make_image(const char *path) {
    casa_image_layout layout;
    const casa_image_desc d = {.nx = 2,
                               .ny = 2,
                               .npol = 1,
                               .nchan = 1,
                               .stokes = {1},
                               .increment_x_rad = -1e-5,
                               .increment_y_rad = 1e-5,
                               .projection = "SIN",
                               .freq_frame = 1,
                               .crval_hz = 1e9,
                               .cdelt_hz = 1e6,
                               .time_ref = "UTC"};
    assert_ok(casa_image_create(path, &d, NULL, &layout, &err));
}

static void test_one_at_a_time(void **state) {
    (void)state;
    pclean_config c;
    int fd, other;
    configure(&c, in_folder("claim"));
    assert_ok(pcl_imagename_claim(&c, &fd, &err));
    assert_true(pcl_fs_exists(in_folder("claim.lock")));
    assert_fails(pcl_imagename_claim(&c, &other, &err), PCLEAN_EEXIST,
                 "another run is making the products");
    assert_int_equal(other, -1);
    pcl_imagename_unclaim(&c, fd);
    assert_false(pcl_fs_exists(in_folder("claim.lock")));
    pcl_config_clear(&c);
}

static void test_names_that_cannot_be(void **state) {
    (void)state;
    char longest[260];
    pclean_config c;
    int fd;
    memset(longest, 'n', sizeof longest);
    longest[259] = '\0';
    const struct {
        const char *name;
        int code;
        const char *words;
    } cases[] = {{in_folder("%s", longest), PCLEAN_EPARAM, "imagename is too long"},
                 {in_folder("no/such/x"), PCLEAN_EIO, "there is no folder"},
                 {"/proc/x", PCLEAN_EIO, "its folder cannot hold products"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        configure(&c, cases[i].name);
        assert_fails(pcl_imagename_claim(&c, &fd, &err), cases[i].code, cases[i].words);
        assert_int_equal(fd, -1);
        pcl_config_clear(&c);
    }
}

static void test_what_stands_there(void **state) {
    (void)state;
    pclean_config c;
    configure(&c, in_folder("there"));
    assert_ok(pcl_imagename_check(&c, true, &err)); /* nothing */
    make_image(in_folder("there.psf"));
    assert_fails(pcl_imagename_check(&c, true, &err), PCLEAN_EEXIST, "(.psf) and are kept");
    make_image(in_folder("there.subcube.3.image"));
    assert_fails(pcl_imagename_check(&c, true, &err), PCLEAN_EEXIST, "(.psf 1 of sub-cubes)");
    c.overwrite = true;
    assert_ok(pcl_imagename_check(&c, true, &err));
    mkdir(in_folder("there.mask"), 0777); /* no image, and no product of ours */
    write_text(in_folder("there.mask/important"), "text");
    assert_fails(pcl_imagename_check(&c, true, &err), PCLEAN_EEXIST, "there.mask");
    assert_ok(pcl_fs_remove_tree(in_folder("there.mask"), &err));
    write_text(in_folder("there.run.json"), "a poem");
    assert_fails(pcl_imagename_check(&c, true, &err), PCLEAN_EEXIST, "there.run.json");
    assert_ok(pcl_fs_remove_tree(in_folder("there.run.json"), &err));
    mkdir(in_folder("there.pb.part"), 0777); /* of no run of this name */
    write_text(in_folder("there.pb.part/important"), "text");
    assert_fails(pcl_imagename_check(&c, true, &err), PCLEAN_EEXIST, "there.pb.part");
    assert_ok(pcl_imagename_check(&c, false, &err)); /* at the end of a run they are its own */
    pcl_config_clear(&c);
}

/* What was noted is ours to remove, at once and for the next run; anything else is not. */
static void test_making_way(void **state) {
    (void)state;
    pclean_config c;
    int fd;
    configure(&c, in_folder("way"));
    mkdir(in_folder("way.pb.part"), 0777);
    write_text(in_folder("way.pb.part/important"), "text");
    assert_ok(pcl_imagename_claim(&c, &fd, &err));
    assert_fails(pcl_imagename_make_way(&c, fd, in_folder("way.pb"), &err), PCLEAN_EEXIST,
                 "way.pb.part is in the way");
    assert_ok(pcl_imagename_make_way(&c, fd, in_folder("way.psf"), &err));
    mkdir(in_folder("way.psf.part"), 0777);
    write_text(in_folder("way.psf.part/table"), "text");
    assert_ok(pcl_imagename_make_way(&c, fd, in_folder("way.psf"), &err));
    assert_false(pcl_fs_exists(in_folder("way.psf.part")));
    mkdir(in_folder("way.psf.part"), 0777);
    write_text(in_folder("way.psf.part/table"), "text");
    close(fd); /* as if killed: the lock file with its notes stays */
    assert_ok(pcl_imagename_claim(&c, &fd, &err));
    assert_false(pcl_fs_exists(in_folder("way.psf.part")));
    assert_true(pcl_fs_exists(in_folder("way.pb.part/important")));
    pcl_imagename_unclaim(&c, fd);
    pcl_config_clear(&c);
}

/* Everything steps aside while names change where two names cannot be exchanged; the record
 * first. */
static void test_what_a_killed_run_moved_aside(void **state) {
    (void)state;
    pclean_config c;
    configure(&c, in_folder("aside"));
    make_image(in_folder("aside.psf.old.part"));
    assert_ok(pcl_imagename_repair(&c, &err));
    assert_false(pcl_fs_exists(in_folder("aside.psf"))); /* no record is aside: not ours */
    write_text(in_folder("aside.run.json.aside"), "{\n \"pclean\": \"1\",\n \"casacore\": \"3");
    make_image(in_folder("aside.subcube.0.pb.old.part"));
    assert_ok(pcl_imagename_repair(&c, &err));
    assert_true(pcl_fs_exists(in_folder("aside.psf")));
    assert_true(pcl_fs_exists(in_folder("aside.subcube.0.pb")));
    make_image(in_folder("aside.psf.old.part")); /* the new one is there */
    assert_ok(pcl_imagename_repair(&c, &err));
    assert_false(pcl_fs_exists(in_folder("aside.psf.old.part")));
    pcl_config_clear(&c);
}

static void test_inputs_are_no_outputs(void **state) {
    (void)state;
    pclean_config c;
    configure(&c, in_folder("in"));
    make_image(in_folder("in.model"));
    make_image(in_folder("other.model"));
    assert_ok(pclean_config_set(&c, "startmodel", in_folder("other.model"), &err));
    assert_ok(pcl_imagename_check_inputs(&c, &err));
    assert_ok(pclean_config_set(&c, "startmodel", in_folder("in.model"), &err));
    assert_fails(pcl_imagename_check_inputs(&c, &err), PCLEAN_EPARAM, "in.model");
    pcl_config_clear(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_at_a_time),
                                       cmocka_unit_test(test_names_that_cannot_be),
                                       cmocka_unit_test(test_what_stands_there),
                                       cmocka_unit_test(test_making_way),
                                       cmocka_unit_test(test_what_a_killed_run_moved_aside),
                                       cmocka_unit_test(test_inputs_are_no_outputs)};
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
