#include "base/fsutil.h"
#include "image/kind.h"
#include "unit/check.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = PCLEAN_TEST_TMP "/kind.XXXXXX";
static pclean_err err;

static int make_folder(void **state) {
    (void)state;
    mkdir(PCLEAN_TEST_TMP, 0777);
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return pcl_fs_remove_tree(folder, &err);
}

/* A folder with up to two files; NULL: none. */
static const char *made_of(const char *name1, const char *text1, const char *name2,
                           const char *text2) {
    static char path[1200];
    static int n;
    char file[1300];
    snprintf(path, sizeof path, "%s/%d", folder, n++);
    assert_int_equal(mkdir(path, 0777), 0);
    for (int i = 0; i < 2; i++) {
        const char *name = i ? name2 : name1, *text = i ? text2 : text1;
        snprintf(file, sizeof file, "%s/%s", path, name ? name : "");
        if (name)
            assert_ok(pcl_fs_write_text(file, text, strlen(text), &err));
    }
    return path;
}

static void what_is_an_image(void **state) {
    (void)state;
    const char *list = "{\"DataType\": \"float\", \"Axis\": 3, \"Images\": [\"./a\"]}";
    assert_true(
        pcl_kind_is_image(made_of("table.dat", "x", "table.info", "Type = Image\nSubType = \n")));
    assert_true(pcl_kind_is_image(made_of("imageconcat.json", list, NULL, NULL)));
    assert_false(
        pcl_kind_is_image(made_of("table.dat", "x", "table.info", "Type = Measurement Set\n")));
    assert_false(pcl_kind_is_image(made_of("table.dat", "x", "table.info", "Type = ImageNotes\n")));
    assert_false(pcl_kind_is_image(made_of("table.dat", "x", "table.info", "")));
    assert_false(pcl_kind_is_image(made_of("table.dat", "x", NULL, NULL)));
    assert_false(pcl_kind_is_image(made_of("table.dat", "x", "imageconcat.json", list)));
    assert_false(pcl_kind_is_image(made_of("table.info", "Type = Image\n", NULL, NULL)));
    assert_false(pcl_kind_is_image(made_of("imageconcat.json", "{\"Images\": []}", NULL, NULL)));
    assert_false(pcl_kind_is_image(made_of("notes", "x", NULL, NULL)));
    assert_false(pcl_kind_is_image(made_of(NULL, NULL, NULL, NULL)));
    assert_false(pcl_kind_is_image("/dev/null"));
    assert_false(pcl_kind_is_image("no such folder"));
}

static void what_may_be_replaced(void **state) {
    (void)state;
    assert_ok(pcl_kind_check_image("no such folder", &err));
    assert_fails(pcl_kind_check_image("/dev/null", &err), PCLEAN_EEXIST,
                 "/dev/null is not a CASA image and is not replaced");
    char link[1200];
    snprintf(link, sizeof link, "%s/dangling", folder);
    assert_int_equal(symlink("nowhere", link), 0);
    assert_fails(pcl_kind_check_image(link, &err), PCLEAN_EEXIST, "dangling is not a CASA image");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_an_image),
                                       cmocka_unit_test(what_may_be_replaced)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
