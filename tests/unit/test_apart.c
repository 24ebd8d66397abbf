#include "base/apart.h"
#include "base/fsutil.h"
#include "unit/check.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char old_folder[4096];

/* work/ is where the outputs go: x, and all that begins with x and a dot. */
static int enter(void **state) {
    (void)state;
    static const char *const folders[] = {"work", "work/x",    "work/x/in", "work/y",
                                          "data", "data/deep", "table"};
    char folder[] = PCLEAN_TEST_TMP "/apart.XXXXXX";
    mkdir(PCLEAN_TEST_TMP, 0777);
    if (!getcwd(old_folder, sizeof old_folder) || !mkdtemp(folder) || chdir(folder) != 0)
        return -1;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (mkdir(folders[i], 0777) != 0)
            return -1;
    return symlink("../work/x", "data/link") || symlink("link", "data/chain") ||
                   symlink("../data/deep", "work/x.link") || symlink("work", "short") ||
                   symlink("../work/x", "table/column") ||
                   pcl_fs_write_text("table/table.dat", "", 0, NULL)
               ? -1
               : 0;
}

static int leave(void **state) {
    (void)state;
    char here[4096];
    return getcwd(here, sizeof here) && chdir(old_folder) == 0 ? pcl_fs_remove_tree(here, NULL)
                                                               : -1;
}

static bool is_output(const char *name, const void *user) {
    const size_t n = strlen(user);
    return strncmp(name, user, n) == 0 && (!name[n] || name[n] == '.');
}

static void test_paths(void **state) {
    (void)state;
    static const struct {
        const char *input, *says; /* NULL: apart */
    } cases[] = {
        {"work/x", "is the output"},
        {"work/x/", "is the output"},
        {"./work//x", "is the output"},
        {"work/../work/x", "is the output"},
        {"short/x", "is the output"},
        {"data/link", "is the output"},
        {"data/chain/", "is the output"},
        {"work/x.link", "is the output"},
        {"work/x/in", "lies inside"},
        {"data/link/in", "lies inside"},
        {"work/x/../y", NULL},
        {"work/y", NULL},
        {"work/nothing", NULL},
        {"data", NULL},
        {"work", "would lie inside"},
        {"short", "would lie inside"},
        {".", "would lie inside"},
        {"/", "would lie inside"},
        {"table", "table/column is the output"},
    };
    static const char *const folder[] = {"work", "short/", "data/../work", "./short/y/.."};
    for (size_t k = 0; k < sizeof folder / sizeof *folder; k++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            const pcl_apart outputs = {"name", folder[k], is_output, "x"};
            pclean_err err = {0};
            const int rc = pcl_apart_check(&outputs, cases[i].input, NULL, &err);
            if (!cases[i].says != (rc == 0) ||
                (rc && (rc != -PCLEAN_EPARAM || !strstr(err.msg, cases[i].says))))
                fail_msg("%s with outputs in %s: %d, %s", cases[i].input, folder[k], rc,
                         rc ? err.msg : "apart");
        }
}

/* Outputs in a folder that is still to be made. */
static void test_new_folder(void **state) {
    (void)state;
    const pcl_apart in = {"name", "data/deep/new/newer", is_output, "x"},
                    beside = {"name", "new/newer", is_output, "x"};
    pclean_err err;
    assert_fails(pcl_apart_check(&in, "data", NULL, &err), PCLEAN_EPARAM,
                 "the output name would lie inside the input data");
    assert_fails(pcl_apart_check(&in, "work/x.link", NULL, &err), PCLEAN_EPARAM,
                 "would lie inside the input work/x.link");
    assert_ok(pcl_apart_check(&beside, "data", NULL, &err));
}

static void test_belonging(void **state) {
    (void)state;
    const pcl_apart outputs = {"imagename=x", "work", is_output, "x"};
    pclean_err err;
    assert_fails(pcl_apart_check(&outputs, "work/x", "my.list", &err), PCLEAN_EPARAM,
                 "work/x is the output and one of the inputs (which my.list needs): imagename=x");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_paths, enter, leave),
        cmocka_unit_test_setup_teardown(test_new_folder, enter, leave),
        cmocka_unit_test_setup_teardown(test_belonging, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
