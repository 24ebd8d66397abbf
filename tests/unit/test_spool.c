#include "base/spool.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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
    assert_ok(pcl_spool_new(folder, "a test", sizeof plane, 3, &s, &err));
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

static void test_what_goes_wrong(void **state) {
    (void)state;
    pclean_err err;
    pcl_spool *s;
    assert_fails(pcl_spool_new("/no/such/folder", "the mask", 4, 1, &s, &err), PCLEAN_EIO,
                 "cannot make the scratch file for the mask in /no/such/folder");
    assert_null(s);
    assert_fails(pcl_spool_new(PCLEAN_TEST_TMP, "the mask", (size_t)1 << 50, 4, &s, &err),
                 PCLEAN_ENOSPC, "the scratch file for the mask");
    assert_null(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_planes_come_back_from_another_process),
                                       cmocka_unit_test(test_what_goes_wrong)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
