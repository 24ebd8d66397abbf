#include "exec/job.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "unit/check.h"

static pclean_err err;
static const char build[] = "0.1.0 1234", text[] = "what a worker must know";

static int saved(const void *job, size_t size) {
    const int fd = memfd_create("job", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_ok(pcl_job_save(fd, build, job, size, &err));
    return fd;
}

static size_t size_of(int fd) {
    return (size_t)lseek(fd, 0, SEEK_END);
}

static void check_loaded(int fd, const void *want, size_t n) {
    void *job;
    size_t size;
    assert_ok(pcl_job_load(fd, build, &job, &size, &err));
    assert_int_equal(size, n);
    if (n)
        assert_memory_equal(job, want, n);
    pcl_free(job);
}

static void test_saved_is_loaded(void **state) {
    (void)state;
    const size_t size[] = {0, 1, sizeof text, 3000000};
    for (size_t i = 0; i < 4; i++) {
        char *job = calloc(size[i] + 1, 1);
        memcpy(job, text, size[i] < sizeof text ? size[i] : sizeof text);
        const int fd = saved(job, size[i]);
        check_loaded(fd, job, size[i]);
        check_loaded(fd, job, size[i]); /* as often as there are workers */
        close(fd);
        free(job);
    }
}

static void test_from_a_pipe(void **state) {
    (void)state;
    int line[2];
    char all[400];
    const int fd = saved(text, sizeof text);
    const ssize_t n = pread(fd, all, sizeof all, 0);
    assert_int_equal(pipe(line), 0);
    assert_int_equal(write(line[1], all, (size_t)n), n);
    close(line[1]);
    check_loaded(line[0], text, sizeof text);
    close(line[0]);
    close(fd);
}

static void test_cut_short_anywhere(void **state) {
    (void)state;
    void *job;
    size_t size;
    const int fd = saved(text, sizeof text);
    for (size_t n = size_of(fd); n-- > 0;) {
        assert_int_equal(ftruncate(fd, (off_t)n), 0);
        assert_fails(pcl_job_load(fd, build, &job, &size, &err), PCLEAN_EDATA, "cut short");
        assert_null(job);
        assert_int_equal(size, 0);
    }
    close(fd);
}

/* Whichever byte is another one, or one too many: a sentence. */
static void test_any_byte_damaged(void **state) {
    (void)state;
    void *job;
    size_t size;
    const int fd = saved(text, sizeof text);
    const size_t n = size_of(fd);
    for (size_t i = 0; i < n; i++) {
        char c;
        assert_int_equal(pread(fd, &c, 1, (off_t)i), 1);
        c ^= 1;
        assert_int_equal(pwrite(fd, &c, 1, (off_t)i), 1);
        assert_true(pcl_job_load(fd, build, &job, &size, &err) < 0);
        assert_true(strstr(err.msg, "damaged") || strstr(err.msg, "no job") ||
                    strstr(err.msg, "another build"));
        c ^= 1;
        assert_int_equal(pwrite(fd, &c, 1, (off_t)i), 1);
    }
    check_loaded(fd, text, sizeof text);
    assert_int_equal(pwrite(fd, "", 1, (off_t)n), 1);
    assert_fails(pcl_job_load(fd, build, &job, &size, &err), PCLEAN_EDATA, "has no end");
    close(fd);
}

static void test_another_build(void **state) {
    (void)state;
    void *job;
    size_t size;
    const int fd = saved(text, sizeof text);
    assert_fails(pcl_job_load(fd, "0.1.0 1235", &job, &size, &err), PCLEAN_EFAILED,
                 "another build of pclean (0.1.0 1234; this worker is of 0.1.0 1235)");
    close(fd);
    assert_fails(pcl_job_load(-1, build, &job, &size, &err), PCLEAN_EIO, "cannot read its job");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_saved_is_loaded), cmocka_unit_test(test_from_a_pipe),
        cmocka_unit_test(test_cut_short_anywhere), cmocka_unit_test(test_any_byte_damaged),
        cmocka_unit_test(test_another_build)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
