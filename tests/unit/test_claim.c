#include "base/claim.h"
#include "base/fsutil.h"
#include "unit/check.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char old_folder[4096];

/* Each test runs in an empty folder of its own. */
static int enter(void **state) {
    (void)state;
    char folder[] = PCLEAN_TEST_TMP "/claim.XXXXXX";
    mkdir(PCLEAN_TEST_TMP, 0777);
    return getcwd(old_folder, sizeof old_folder) && mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state) {
    (void)state;
    char here[4096];
    return getcwd(here, sizeof here) && chdir(old_folder) == 0 ? pcl_fs_remove_tree(here, NULL)
                                                               : -1;
}

static void put(const char *path, const char *text) {
    pclean_err err;
    assert_ok(pcl_fs_write_text(path, text, strlen(text), &err));
}

static void make_folder(const char *path) {
    char file[300];
    assert_int_equal(mkdir(path, 0777), 0);
    snprintf(file, sizeof file, "%s/file", path);
    put(file, "x");
}

static int take(const char *lock) {
    pclean_err err;
    int fd;
    bool claimed;
    assert_ok(pcl_claim_take(lock, &fd, &claimed, &err));
    assert_true(claimed);
    return fd;
}

static void test_one_at_a_time(void **state) {
    (void)state;
    pclean_err err;
    bool claimed;
    int other, fd = take("a.lock");
    assert_ok(pcl_claim_take("a.lock", &other, &claimed, &err));
    assert_false(claimed);
    assert_int_equal(other, -1);
    pcl_claim_drop("a.lock", fd);
    assert_false(pcl_fs_exists("a.lock"));
}

static void test_foreign_file(void **state) {
    (void)state;
    static const char *const text[] = {"[[package]]\n", "p", "pclean is at work\n", "\n"};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        pclean_err err;
        bool claimed;
        int fd;
        put("a.lock", text[i]);
        if (i == 1) { /* a piece of our own line, which a process that was killed may have left */
            pcl_claim_drop("a.lock", take("a.lock"));
            assert_false(pcl_fs_exists("a.lock"));
            continue;
        }
        assert_fails(pcl_claim_take("a.lock", &fd, &claimed, &err), PCLEAN_EEXIST,
                     "a.lock is not a lock file of pclean's");
        assert_int_equal(fd, -1);
        assert_true(pcl_fs_exists("a.lock"));
    }
    pclean_err err;
    bool claimed;
    int fd;
    assert_int_equal(mkfifo("f.lock", 0666), 0);
    assert_fails(pcl_claim_take("f.lock", &fd, &claimed, &err), PCLEAN_EEXIST, "not a lock file");
}

static void test_leftovers(void **state) {
    (void)state;
    pclean_err err;
    int fd = take("a.lock");
    assert_ok(pcl_claim_make_way("a.lock", fd, "a.image.part", &err));
    assert_ok(pcl_claim_make_way("a.lock", fd, "a.psf.part", &err));
    make_folder("a.image.part");
    make_folder("a.mask.part");   /* somebody else's */
    pcl_claim_drop("a.lock", fd); /* as if killed: what was noted is still there, so the note
                                   * stays, too */
    assert_true(pcl_fs_exists("a.lock"));
    assert_ok(pcl_claim_check("a.lock", "a.image.part", &err));
    assert_ok(pcl_claim_check("a.lock", "a.nothing.part", &err));
    assert_fails(pcl_claim_check("a.lock", "a.mask.part", &err), PCLEAN_EEXIST,
                 "a.mask.part is in the way");
    fd = take("a.lock");
    assert_false(pcl_fs_exists("a.image.part"));
    assert_fails(pcl_claim_make_way("a.lock", fd, "a.mask.part", &err), PCLEAN_EEXIST,
                 "a.mask.part is in the way");
    assert_true(pcl_fs_exists("a.mask.part/file"));
    assert_int_equal(mkdir("a.pb.part", 0777), 0); /* an empty folder is no loss */
    assert_ok(pcl_claim_make_way("a.lock", fd, "a.pb.part", &err));
    assert_false(pcl_fs_exists("a.pb.part"));
    pcl_claim_drop("a.lock", fd);
    assert_false(pcl_fs_exists("a.lock"));
}

/* Whatever stands in a lock file: only NAME.(anything).part goes. */
static void test_notes_are_no_licence(void **state) {
    (void)state;
    pclean_err err;
    make_folder("precious");
    make_folder("a.image");
    make_folder("b.image.part");
    int fd = take("a.lock");
    assert_ok(pcl_claim_make_way("a.lock", fd, "a.psf.part", &err));
    assert_ok(pcl_claim_make_way("a.lock", fd, "a.\nprecious\n.part", &err)); /* not noted */
    FILE *f = fopen("a.lock", "a");
    assert_non_null(f);
    fputs("precious\na.image\nb.image.part\na.x/../precious.part\n", f);
    fclose(f);
    close(fd);
    pcl_claim_tidy("a.lock");
    assert_false(pcl_fs_exists("a.lock"));
    assert_true(pcl_fs_exists("precious/file") && pcl_fs_exists("a.image/file") &&
                pcl_fs_exists("b.image.part/file"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_at_a_time, enter, leave),
        cmocka_unit_test_setup_teardown(test_foreign_file, enter, leave),
        cmocka_unit_test_setup_teardown(test_leftovers, enter, leave),
        cmocka_unit_test_setup_teardown(test_notes_are_no_licence, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
