#include "base/bulk.h"
#include "unit/check.h"
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MEBI = 1 << 20 };

/* A new open file without a name. */
static int scratch(const char *folder) {
    char name[300];
    snprintf(name, sizeof name, "%s/copy.XXXXXX", folder);
    mkdir(PCLEAN_TEST_TMP, 0777);
    const int fd = mkstemp(name);
    assert_true(fd >= 0);
    unlink(name);
    return fd;
}

/* Another file system, where there is one. */
static const char *in_memory(void) {
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : PCLEAN_TEST_TMP;
}

static unsigned char byte_of(size_t i) {
    return (unsigned char)((i * 2654435761u) >> 16);
}

static void fill(int fd, size_t size) {
    pclean_err err;
    unsigned char *data = malloc(size);
    for (size_t i = 0; i < size; i++)
        data[i] = byte_of(i);
    assert_ok(pcl_bulk_pwrite(fd, "in", data, size, 0, &err));
    free(data);
}

/* Copies into a file of 0xee and asks for every byte of that, the untouched ones too. */
static void check_copy(const char *from, const char *to, size_t offset_in, size_t offset_out,
                       size_t size, bool on_disk) {
    pclean_err err;
    const size_t room = offset_out + size + 3 * 4096;
    const int in = scratch(from), out = scratch(to);
    unsigned char *data = malloc(room);
    fill(in, offset_in + size);
    if (on_disk)
        fsync(in);
    memset(data, 0xee, room);
    assert_ok(pcl_bulk_pwrite(out, "out", data, room, 0, &err));
    const int flags = fcntl(out, F_GETFL);
    assert_ok(pcl_bulk_copy(&(pcl_bulk_place){in, "in", offset_in},
                            &(pcl_bulk_place){out, "out", offset_out}, size, &err));
    assert_int_equal(fcntl(out, F_GETFL), flags);
    assert_ok(pcl_bulk_pread(out, "out", data, room, 0, &err));
    for (size_t i = 0; i < room; i++)
        if (data[i] !=
            (i >= offset_out && i < offset_out + size ? byte_of(offset_in + i - offset_out) : 0xee))
            fail_msg("%zu bytes from %zu to %zu: byte %zu is wrong", size, offset_in, offset_out,
                     i);
    free(data);
    close(in);
    close(out);
}

static void test_copies(void **state) {
    (void)state;
    const char *memory = in_memory(), *disk = PCLEAN_TEST_TMP;
    const size_t sizes[] = {
        0, 1, 4095, 4096, 65536, MEBI - 1, MEBI, MEBI + 4096 + 77, 9 * MEBI, 17 * MEBI + 5};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        check_copy(disk, disk, 0, 0, sizes[i], i % 2);
        check_copy(disk, disk, 4096, 8192, sizes[i], false);
        check_copy(disk, disk, 4096, 100, sizes[i], false);
        check_copy(disk, memory, 512, 4096, sizes[i], false);
        check_copy(memory, disk, 8192, 0, sizes[i], false);
    }
}

/* Holes are copied as zeros, also into what is reserved but not written. */
static void test_holes(void **state) {
    (void)state;
    pclean_err err;
    const int in = scratch(PCLEAN_TEST_TMP), out = scratch(PCLEAN_TEST_TMP);
    const size_t size = 4 * MEBI;
    unsigned char *data = malloc(size), word[2] = {7, 9};
    assert_int_equal(ftruncate(in, (off_t)size), 0);
    assert_ok(pcl_bulk_pwrite(in, "in", word, 2, 2 * MEBI - 1, &err));
    assert_int_equal(posix_fallocate(out, 0, (off_t)size), 0);
    assert_ok(pcl_bulk_copy(&(pcl_bulk_place){in, "in", 0}, &(pcl_bulk_place){out, "out", 0}, size,
                            &err));
    assert_ok(pcl_bulk_pread(out, "out", data, size, 0, &err));
    for (size_t i = 0; i < size; i++)
        assert_int_equal(data[i], i == 2 * MEBI - 1 ? 7 : i == 2 * MEBI ? 9 : 0);
    free(data);
    close(in);
    close(out);
}

static void test_short_input(void **state) {
    (void)state;
    pclean_err err;
    for (int i = 0; i < 2; i++) {
        const int in = scratch(PCLEAN_TEST_TMP), out = scratch(i ? in_memory() : PCLEAN_TEST_TMP);
        fill(in, 2 * MEBI + 100);
        assert_int_equal(pcl_bulk_copy(&(pcl_bulk_place){in, "the input", 0},
                                       &(pcl_bulk_place){out, "the output", 0}, 20 * MEBI, &err),
                         -PCLEAN_EIO);
        assert_non_null(strstr(err.msg, "the input: it ends at byte 2097252"));
        close(in);
        close(out);
    }
}

static void test_unwritable(void **state) {
    (void)state;
    pclean_err err;
    const int in = scratch(PCLEAN_TEST_TMP), full = open("/dev/full", O_WRONLY);
    fill(in, 2 * MEBI);
    assert_int_equal(pcl_bulk_copy(&(pcl_bulk_place){in, "in", 0},
                                   &(pcl_bulk_place){full, "the output", 0}, 2 * MEBI, &err),
                     -PCLEAN_ENOSPC);
    assert_non_null(strstr(err.msg, "the output"));
    close(in);
    close(full);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_holes),
        cmocka_unit_test(test_short_input),
        cmocka_unit_test(test_unwritable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
