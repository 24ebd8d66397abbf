#include "base/bulk.h"
#include "base/fsutil.h"
#include "base/mem.h"
#include "unit/check.h"
#include <errno.h>
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
    return getcwd(here, sizeof here) && chdir(old_folder) == 0 ? pcl_fs_remove_tree(here, NULL)
                                                               : -1;
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
    assert_ok(pcl_bulk_pwrite(fd, "big", "abc", 3, 0, &err));
    assert_ok(pcl_fs_allocate(fd, "big", 100000, &err));
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 100000);
    assert_ok(pcl_fs_allocate(fd, "big", 0, &err));
    char back[3];
    assert_ok(pcl_bulk_pread(fd, "big", back, 3, 0, &err));
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
    assert_fails(pcl_bulk_pread(fd, "a", back, 8, 0, &err), PCLEAN_EIO,
                 "ends at byte 5, 3 bytes are missing");
    assert_fails(pcl_bulk_pwrite(fd, "a", "x", 1, 0, &err), PCLEAN_EIO, "write a");
    close(fd);
    fd = open("/dev/full", O_WRONLY);
    if (fd >= 0)
        assert_fails(pcl_bulk_pwrite(fd, "/dev/full", "x", 1, 0, &err), PCLEAN_ENOSPC, "/dev/full");
    close(fd);
}

static void make_tree(const char *path) {
    char name[200];
    make_folder(path, "12345");
    snprintf(name, sizeof name, "%s/sub", path);
    make_folder(name, "in sub");
    snprintf(name, sizeof name, "%s/empty", path);
    put(name, "");
    snprintf(name, sizeof name, "%s/script", path);
    put(name, "#!");
    assert_int_equal(chmod(name, 0750), 0);
}

static ino_t inode(const char *path, nlink_t *links) {
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    *links = st.st_nlink;
    return st.st_ino;
}

static void test_copy_tree(void **state) {
    (void)state;
    pclean_err err;
    struct stat st;
    nlink_t links;
    make_tree("tree");
    for (int link = 0; link < 2; link++) {
        assert_ok(pcl_fs_copy_tree("tree", "copy", link, &err));
        assert_holds("copy/file", "12345");
        assert_holds("copy/sub/file", "in sub");
        assert_holds("copy/empty", "");
        assert_int_equal(stat("copy/script", &st), 0);
        assert_int_equal(st.st_mode & 0777, 0750);
        assert_int_equal(inode("copy/sub/file", &links) == inode("tree/sub/file", &links), link);
        assert_int_equal(links, 1 + link);
        assert_fails(pcl_fs_copy_tree("tree", "copy", link, &err), PCLEAN_EIO,
                     "make the folder copy: File exists");
        assert_ok(pcl_fs_remove_tree("copy", &err));
        assert_holds("tree/file", "12345");
    }
    assert_fails(pcl_fs_copy_tree("absent", "copy", false, &err), PCLEAN_EIO, "read absent");
    assert_ok(pcl_fs_remove_tree("copy", &err));
    assert_fails(pcl_fs_copy_tree("tree", "absent/copy", false, &err), PCLEAN_EIO, "absent/copy");
    /* links out of the tree: a copy holds what they lead to; a second name for them is none */
    put("outside", "precious");
    assert_int_equal(symlink("../../outside", "tree/sub/link"), 0);
    assert_ok(pcl_fs_copy_tree("tree", "copy", false, &err));
    assert_holds("copy/sub/link", "precious");
    assert_int_equal(lstat("copy/sub/link", &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_ok(pcl_fs_remove_tree("copy", &err));
    assert_fails(pcl_fs_copy_tree("tree", "copy", true, &err), PCLEAN_EUNSUPPORTED,
                 "tree/sub/link: it is a symbolic link");
    assert_ok(pcl_fs_remove_tree("copy", &err));
    assert_ok(pcl_fs_remove_tree("tree/sub/link", &err));
    static const struct {
        const char *target, *words;
        int code;
    } bad[] = {{"..", "sub/link is a link to something that is no file", PCLEAN_EDATA},
               {"nowhere", "follow the link tree/sub/link", PCLEAN_EIO},
               {"link", "follow the link tree/sub/link", PCLEAN_EIO}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(symlink(bad[i].target, "tree/sub/link"), 0);
        assert_fails(pcl_fs_copy_tree("tree", "copy", false, &err), bad[i].code, bad[i].words);
        assert_ok(pcl_fs_remove_tree("copy", &err));
        assert_ok(pcl_fs_remove_tree("tree/sub/link", &err));
    }
    assert_int_equal(mkfifo("tree/pipe", 0666), 0);
    for (int link = 0; link < 2; link++) {
        assert_fails(pcl_fs_copy_tree("tree", "copy", link, &err), PCLEAN_EDATA,
                     "tree/pipe is neither a file nor a folder");
        assert_ok(pcl_fs_remove_tree("copy", &err));
    }
    assert_holds("tree/sub/file", "in sub");
    assert_holds("outside", "precious");
}

/* To another file system, where there is one: no second names, but copies. */
static void test_copy_to_another_disk(void **state) {
    (void)state;
    pclean_err err;
    struct stat here, there;
    char other[] = "/dev/shm/pclean.XXXXXX", copy[60], file[80];
    if (!mkdtemp(other)) {
        print_message("no /dev/shm: not tested\n");
        return;
    }
    snprintf(copy, sizeof copy, "%s/copy", other);
    snprintf(file, sizeof file, "%s/sub/file", copy);
    assert_int_equal(stat(".", &here) || stat(other, &there), 0);
    if (here.st_dev == there.st_dev) {
        print_message("/dev/shm is no other file system: not tested\n");
    } else {
        make_tree("tree");
        assert_fails(pcl_fs_copy_tree("tree", copy, true, &err), PCLEAN_EUNSUPPORTED,
                     "cross-device");
        assert_ok(pcl_fs_remove_tree(copy, &err));
        assert_ok(pcl_fs_copy_tree("tree", copy, false, &err));
        assert_holds(file, "in sub");
    }
    assert_ok(pcl_fs_remove_tree(other, &err));
}

static void test_sync_tree(void **state) {
    (void)state;
    pclean_err err;
    make_tree("tree");
    assert_int_equal(symlink("nowhere", "tree/sub/link"), 0);
    assert_ok(pcl_fs_sync_tree("tree", &err));
    assert_ok(pcl_fs_sync_tree("tree/file", &err));
    assert_fails(pcl_fs_sync_tree("absent", &err), PCLEAN_EIO, "absent");
}

static void test_endless(void **state) {
    (void)state;
    char found[300] = "", text[20] = "";
    assert_int_equal(mkdir("tree", 0777), 0);
    assert_int_equal(mkdir("tree/sub", 0777), 0);
    put("tree/sub/file", "hello");
    assert_int_equal(symlink("..", "tree/sub/up"), 0);
    assert_false(pcl_fs_find_endless("tree", found, sizeof found));
    assert_false(pcl_fs_find_endless("absent", found, sizeof found));
    assert_int_equal(mkfifo("tree/sub/pipe", 0666), 0);
    assert_int_equal(symlink("sub/pipe", "tree/link"), 0);
    assert_true(pcl_fs_find_endless("tree/sub", found, sizeof found));
    assert_string_equal(found, "tree/sub/pipe");
    assert_int_equal(unlink("tree/sub/file"), 0);
    assert_null(pcl_fs_open_text("tree/sub/pipe"));
    assert_null(pcl_fs_open_stream("absent"));
    assert_int_equal(errno, ENOENT);
    if (fork() == 0) {
        const int fd = open("tree/sub/pipe", O_WRONLY);
        _exit(write(fd, "hello", 5) != 5);
    }
    FILE *f = pcl_fs_open_stream("tree/sub/pipe");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    assert_string_equal(text, "hello");
    fclose(f);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, enter, leave)

static void test_names(void **state) {
    (void)state;
    static const char *const cases[][2] = {{"a", "a"}, {"a/", "a"}, {"/a/b//", "/a/b"},
                                           {"/", "/"}, {"//", "/"}, {"", ""}};
    pclean_err err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *out;
        assert_ok(pcl_fs_strip_slashes(cases[i][0], &out, &err));
        assert_string_equal(out, cases[i][1]);
        pcl_free(out);
    }
    assert_true(pcl_fs_lies_in("/a/b", "/a/b"));
    assert_true(pcl_fs_lies_in("/a/b/c", "/a/b"));
    assert_false(pcl_fs_lies_in("/a/bc", "/a/b"));
    assert_false(pcl_fs_lies_in("/a", "/a/b"));
    assert_true(pcl_fs_lies_in("/a", "/"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names),
                                       in_folder(test_remove),
                                       in_folder(test_endless),
                                       in_folder(test_publish),
                                       in_folder(test_publish_aside),
                                       in_folder(test_write_text),
                                       in_folder(test_tree_size),
                                       in_folder(test_allocate),
                                       in_folder(test_read_write),
                                       in_folder(test_copy_tree),
                                       in_folder(test_copy_to_another_disk),
                                       in_folder(test_sync_tree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
