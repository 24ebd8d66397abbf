#include "base/spool.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "unit/check.h"

static size_t names_in(const char *folder) {
    size_t n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void test_planes_come_back_from_another_process(void **state) {
    (void)state;
    enum { N = 1000 };
    static const char folder[] = PCLEAN_TEST_TMP "/spool";
    pclean_err err;
    pcl_spool *s;
    float plane[N];
    mkdir(folder, 0777);
    const size_t names = names_in(folder);
    assert_ok(pcl_spool_new(&(pcl_scratch){.folder = folder}, "a test", sizeof plane, 3, &s, &err));
    assert_int_equal(names_in(folder), names); /* it has no name */
    const pid_t pid = fork();
    if (pid == 0) {
        for (size_t i = 0; i < N; i++)
            plane[i] = (float)i;
        _exit(pcl_spool_write(s, 1, plane, &err) != 0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_ok(pcl_spool_read(s, 1, plane, &err));
    for (size_t i = 0; i < N; i++)
        assert_true(plane[i] == (float)i);
    assert_ok(pcl_spool_read(s, 2, plane, &err));
    assert_true(plane[7] == 0);
    assert_fails(pcl_spool_read(s, 3, plane, &err), PCLEAN_EBUG, "no plane 3 of 3");
    pcl_spool_free(s);
    pcl_spool_free(NULL);
}

/* A process that inherits nothing finds the file by its name. */
static void test_attached_by_name(void **state) {
    (void)state;
    static const char folder[] = PCLEAN_TEST_TMP "/spool";
    const pcl_scratch where = {.folder = folder, .prefix = "pclean-0123"},
                      other = {.folder = folder, .prefix = "pclean-01"};
    pclean_err err;
    pcl_spool *s, *again;
    double plane[100] = {0};
    char *path;
    mkdir(folder, 0777);
    const size_t names = names_in(folder);
    for (int twice = 0; twice < 2; twice++) { /* one that a killed run has left is replaced */
        assert_ok(pcl_spool_new(&where, "a test", sizeof plane, 3, &s, &err));
        assert_int_equal(names_in(folder), names + 1);
        assert_ok(pcl_spool_read(s, 1, plane, &err));
        assert_true(plane[99] == 0);
        assert_ok(pcl_scratch_path(&where, "a test", &path, &err));
        assert_string_equal(path, PCLEAN_TEST_TMP "/spool/pclean-0123.a-test");
        assert_ok(pcl_spool_attach(&where, "a test", sizeof plane, 3, &again, &err));
        plane[99] = 1;
        assert_ok(pcl_spool_write(again, 1, plane, &err));
        plane[99] = 0;
        assert_ok(pcl_spool_read(s, 1, plane, &err));
        assert_true(plane[99] == 1);
        assert_fails(pcl_spool_read(again, 3, plane, &err), PCLEAN_EBUG, "no plane 3 of 3");
        pcl_spool_free(s);
        pcl_spool_free(again);
        assert_fails(pcl_spool_attach(&where, "a test", sizeof plane, 4, &again, &err),
                     PCLEAN_EDATA, "has 2400 bytes");
        assert_null(again);
        pcl_free(path);
    }
    pcl_scratch_remove(&other); /* its name only begins alike */
    assert_int_equal(names_in(folder), names + 1);
    pcl_scratch_remove(&where);
    assert_int_equal(names_in(folder), names);
    assert_fails(pcl_spool_attach(&(pcl_scratch){"/no/such", "file"}, "it", 8, 1, &again, &err),
                 PCLEAN_EIO, "cannot open the scratch file /no/such/file.it: No such file");
    assert_ok(pcl_scratch_path(&(pcl_scratch){.folder = folder}, "a test", &path, &err));
    assert_null(path);
}

static void test_what_goes_wrong(void **state) {
    (void)state;
    pclean_err err;
    pcl_spool *s;
    assert_fails(
        pcl_spool_new(&(pcl_scratch){.folder = "/no/such/folder"}, "the mask", 4, 1, &s, &err),
        PCLEAN_EIO, "cannot make the scratch file for the mask in /no/such/folder");
    assert_null(s);
    assert_fails(pcl_spool_new(&(pcl_scratch){.folder = PCLEAN_TEST_TMP}, "the mask",
                               (size_t)1 << 50, 4, &s, &err),
                 PCLEAN_ENOSPC, "the scratch file for the mask");
    assert_null(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_planes_come_back_from_another_process),
                                       cmocka_unit_test(test_attached_by_name),
                                       cmocka_unit_test(test_what_goes_wrong)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
