/* The files of a partition: which are ours to replace, and which go when there are fewer parts. */
#include <sys/stat.h>

#include "base/fsutil.h"
#include "base/mem.h"
#include "check.h"
#include "config/config.h"
#include "folder.h"
#include "partition/partfiles.h"
#include "pclean/config.h"

static pclean_err err;
static pclean_config config;

static int set_up(void **state) {
    (void)state;
    if (make_folder("partfiles", false) || pcl_config_init(&config, &err))
        return -1;
    return pclean_config_set(&config, "vis", "no.ms", &err) ||
                   pclean_config_set(&config, "imagename", "images/line,1", &err)
               ? -1
               : 0;
}

static int tear_down(void **state) {
    pcl_config_clear(&config);
    return remove_folder(state);
}

static void write_text(const char *name, const char *text) {
    assert_ok(pcl_fs_write_text(in_folder("%s", name), text, strlen(text), &err));
}

/* The configuration of part n, as pclean_partition_write leaves it. */
static void write_part(size_t n) {
    pclean_part part = {.index = n};
    assert_ok(pcl_asprintf(&part.name, &err, "images/line,1.subcube.%zu", n));
    assert_ok(pclean_config_new(&part.config, &err));
    assert_ok(pclean_config_set(part.config, "vis", "no.ms", &err));
    part.config->part_channel = (int)n;
    part.config->part_nchan = 9;
    assert_ok(pcl_partfiles_write(&part, folder, &err));
    pcl_partfiles_drop(&part, folder);
    assert_fails(pcl_partfiles_publish(&part, folder, &err), PCLEAN_EIO, "cannot write");
    assert_null(part.file);
    assert_ok(pcl_partfiles_write(&part, folder, &err));
    assert_ok(pcl_partfiles_publish(&part, folder, &err));
    assert_string_equal(part.file, in_folder("line,1.subcube.%zu.yaml", n));
    pclean_config_free(part.config);
    pcl_free(part.file);
    pcl_free(part.name);
}

static bool there(size_t n) {
    return pcl_fs_exists(in_folder("line,1.subcube.%zu.yaml", n));
}

static void only_parts_are_replaced(void **state) {
    (void)state;
    const pclean_partition three = {.cube = true, .nparts = 3};
    assert_ok(pcl_partfiles_check(&three, &config, folder, false, &err));
    write_part(1);
    assert_fails(pcl_partfiles_check(&three, &config, folder, false, &err), PCLEAN_EEXIST,
                 "line,1.subcube.1.yaml exists already");
    assert_ok(pcl_partfiles_check(&three, &config, folder, true, &err));
    write_text("line,1.subcube.2.yaml", "vis: other.ms\nniter: 5\n"); /* a user's own */
    assert_fails(pcl_partfiles_check(&three, &config, folder, true, &err), PCLEAN_EEXIST,
                 "line,1.subcube.2.yaml is not the configuration of a part");
    assert_ok(pcl_fs_remove_tree(in_folder("line,1.subcube.2.yaml"), &err));
    write_text("line,1.density", "not a density, but of its name");
    assert_fails(pcl_partfiles_check(&three, &config, folder, true, &err), PCLEAN_EEXIST,
                 "line,1.density is not a density");
    assert_ok(pcl_fs_remove_tree(in_folder("line,1.density"), &err));
}

/* Other names, and parts of the other kind, are nobody's business. */
static void only_higher_numbers_are_removed(void **state) {
    (void)state;
    const pclean_partition two = {.cube = true, .nparts = 2};
    static const char *const others[] = {"line,1.subcube.03.yaml", "line,1.subcube.3.yaml.bak",
                                         "line,1.part.7.yaml", "line,10.subcube.5.yaml",
                                         "line,1.subcube..yaml"};
    for (size_t n = 0; n < 5; n++)
        write_part(n);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        write_text(others[i], "x");
    assert_ok(pcl_partfiles_remove_stale(&two, &config, folder, &err));
    for (size_t n = 0; n < 5; n++)
        assert_int_equal(there(n), n < 2);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_true(pcl_fs_exists(in_folder("%s", others[i])));
}

static void the_density_lies_with_the_parts(void **state) {
    (void)state;
    pclean_config part;
    assert_ok(pcl_config_init(&part, &err));
    assert_ok(pclean_config_set(&config, "weighting", "natural", &err));
    assert_ok(pcl_partfiles_set_density(&config, "there", &part, &err));
    assert_string_equal(part.part_density, ""); /* nothing to share */
    assert_ok(pclean_config_set(&config, "weighting", "uniform", &err));
    assert_ok(pcl_partfiles_set_density(&config, "there", &part, &err));
    assert_string_equal(part.part_density, "there/line,1.density");
    assert_ok(pcl_partfiles_set_density(&config, NULL, &part, &err));
    assert_string_equal(part.part_density, "images/line,1.density");
    pcl_config_clear(&part);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_parts_are_replaced),
        cmocka_unit_test(only_higher_numbers_are_removed),
        cmocka_unit_test(the_density_lies_with_the_parts),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
