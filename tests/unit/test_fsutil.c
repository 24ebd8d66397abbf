#include "base/fsutil.h"
#include "unit/check.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char old_folder[4096];

/* Each test runs in an empty folder of its own. */
static int enter(void **state) {
    (void)state;
    char folder[] = PCLEAN_TEST_TMP "/fsutil.XXXXXX";
    mkdir(PCLEAN_TEST_TMP, 0777);
    return getcwd(old_folder, sizeof old_folder) && mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state) {
    (void)state;
    char here[4096];
    return getcwd(here, sizeof here) && chdir(old_folder) == 0 ? pcl_fs_remove_tree(here, NULL) : -1;
}

static void put(const char *path, const char *text) {
    pclean_err err;
    assert_ok(pcl_fs_write_text(path, text, strlen(text), &err));
}

static void make_folder(const char *path, const char *text) {
    char file[300];
    assert_int_equal(mkdir(path, 0777), 0);
    snprintf(file, sizeof file, "%s/file", path);
    put(file, text);
}

static void assert_holds(const char *path, const char *text) {
    char buf[100] = "";
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t n = fread(buf, 1, sizeof buf - 1, in);
    fclose(in);
    buf[n] = '\0';
    assert_string_equal(buf, text);
}

static void test_remove(void **state) {
    (void)state;
    pclean_err err;
    make_folder("keep", "precious");
    make_folder("tree", "x");
    make_folder("tree/sub", "y");
    assert_int_equal(symlink("../keep", "tree/link"), 0);
    assert_int_equal(symlink("keep", "link"), 0);
    assert_int_equal(symlink("nowhere", "tree/dangling"), 0);
    assert_ok(pcl_fs_remove_tree("tree", &err));
    assert_false(pcl_fs_exists("tree"));
    assert_ok(pcl_fs_remove_tree("link", &err));
    assert_false(pcl_fs_exists("link"));
    assert_holds("keep/file", "precious");
    assert_ok(pcl_fs_remove_tree("absent", &err));
    assert_fails(pcl_fs_remove_tree("keep/file/below", &err), PCLEAN_EIO, "keep/file/below");
}

static void test_publish(void **state) {
    (void)state;
    pclean_err err;
    make_folder("new", "1");
    assert_ok(pcl_fs_publish("new", "final", false, &err));
    assert_holds("final/file", "1");
    make_folder("new", "2");
    assert_fails(pcl_fs_publish("new", "final", false, &err), PCLEAN_EEXIST, "final");
    assert_holds("final/file", "1");
    assert_holds("new/file", "2");
    assert_ok(pcl_fs_publish("new", "final", true, &err));
    assert_holds("final/file", "2");
    assert_false(pcl_fs_exists("new"));
    make_folder("new", "3");
    assert_ok(pcl_fs_publish("new", "other", true, &err)); /* nothing to replace */
    assert_holds("other/file", "3");
    assert_fails(pcl_fs_publish("absent", "final", true, &err), PCLEAN_EIO, "absent");
    assert_fails(pcl_fs_publish("absent", "free", false, &err), PCLEAN_EIO, "absent");
    assert_holds("final/file", "2");
}

static void test_publish_aside(void **state) {
    (void)state;
    pclean_err err;
    make_folder("final", "1");
    make_folder("new", "2");
    assert_ok(pcl_fs_publish_aside("new", "final", &err));
    assert_holds("final/file", "2");
    assert_fails(pcl_fs_publish_aside("absent", "final", &err), PCLEAN_EIO, "absent");
    assert_holds("final/file", "2"); /* moved back */
}

static void test_write_text(void **state) {
    (void)state;
    pclean_err err;
    put("a", "one");
    put("a", "two");
    assert_holds("a", "two");
    assert_fails(pcl_fs_write_text("absent/a", "x", 1, &err), PCLEAN_EIO, "absent/a");
    uint64_t bytes;
    assert_ok(pcl_fs_tree_size(".", &bytes, &err));
    assert_int_equal(bytes, 3); /* and no temporary file beside it */
}

static void test_tree_size(void **state) {
    (void)state;
    pclean_err err;
    uint64_t bytes;
    make_folder("tree", "12345");
    make_folder("tree/sub", "123");
    assert_int_equal(symlink("file", "tree/link"), 0);
    assert_ok(pcl_fs_tree_size("tree", &bytes, &err));
    assert_int_equal(bytes, 8);
    assert_ok(pcl_fs_tree_size("tree/file", &bytes, &err));
    assert_int_equal(bytes, 5);
    assert_fails(pcl_fs_tree_size("absent", &bytes, &err), PCLEAN_EIO, "absent");
    assert_true(pcl_fs_is_dir("tree"));
    assert_false(pcl_fs_is_dir("tree/file"));
}

static void test_allocate(void **state) {
    (void)state;
    pclean_err err;
    struct stat st;
    int fd = open("big", O_RDWR | O_CREAT, 0666);
    assert_true(fd >= 0);
    assert_ok(pcl_fs_pwrite_all(fd, "big", "abc", 3, 0, &err));
    assert_ok(pcl_fs_allocate(fd, "big", 100000, &err));
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 100000);
    assert_ok(pcl_fs_allocate(fd, "big", 0, &err));
    char back[3];
    assert_ok(pcl_fs_pread_all(fd, "big", back, 3, 0, &err));
    assert_memory_equal(back, "abc", 3);
    assert_fails(pcl_fs_allocate(fd, "big", (uint64_t)1 << 52, &err), PCLEAN_ENOSPC, "big");
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 100000); /* as it was */
    assert_fails(pcl_fs_allocate(fd, "big", UINT64_MAX, &err), PCLEAN_ENOSPC, "big");
    close(fd);
}

static void test_read_write(void **state) {
    (void)state;
    pclean_err err;
    char back[8];
    put("a", "hello");
    int fd = open("a", O_RDONLY);
    assert_fails(pcl_fs_pread_all(fd, "a", back, 8, 0, &err), PCLEAN_EIO, "ends at byte 5, 3 bytes are missing");
    assert_fails(pcl_fs_pwrite_all(fd, "a", "x", 1, 0, &err), PCLEAN_EIO, "write a");
    close(fd);
    fd = open("/dev/full", O_WRONLY);
    if (fd >= 0)
        assert_fails(pcl_fs_pwrite_all(fd, "/dev/full", "x", 1, 0, &err), PCLEAN_ENOSPC, "/dev/full");
    close(fd);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void) {
    const struct CMUnitTest tests[] = {
        in_folder(test_remove),    in_folder(test_publish),  in_folder(test_publish_aside), in_folder(test_write_text),
        in_folder(test_tree_size), in_folder(test_allocate), in_folder(test_read_write)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
