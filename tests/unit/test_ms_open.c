/* casa/ms_open.cpp: what is no MeasurementSet, is damaged, locked or read-only. */
#include "base/fsutil.h"
#include "sets.h"
#include <fcntl.h>
#include <glob.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_not_a_measurement_set(void **state) {
    (void)state;
    casa_ms *ms;
    char antenna[600];
    snprintf(antenna, sizeof antenna, "%s/ANTENNA", data("vla_ngc5921.ms"));
    assert_fails(casa_ms_open(PCLEAN_TEST_TMP "/nowhere.ms", NULL, &ms, &err), PCLEAN_EIO,
                 "No such file");
    assert_fails(casa_ms_open("", NULL, &ms, &err), PCLEAN_EPARAM, "no MeasurementSet is named");
    assert_fails(casa_ms_open(NULL, NULL, &ms, &err), PCLEAN_EPARAM, "no MeasurementSet is named");
    assert_fails(casa_ms_open("/etc/passwd", NULL, &ms, &err), PCLEAN_EDATA, "is a file");
    assert_fails(casa_ms_open("/etc", NULL, &ms, &err), PCLEAN_EDATA, "no table.dat");
    assert_fails(casa_ms_open(antenna, NULL, &ms, &err), PCLEAN_EDATA, "is not a MeasurementSet");
    assert_int_equal(casa_ms_open("/etc", NULL, &ms, NULL), -PCLEAN_EDATA);
}

/* Reads all of it; the status of the first thing that fails. */
static int read_all(const char *path) {
    casa_ms *ms;
    casa_ms_rows rows[8];
    int status = casa_ms_open(path, NULL, &ms, &err);
    if (status)
        return status;
    const size_t nrow = casa_ms_get_info(ms)->nrow;
    for (size_t row = 0; row < nrow && status == 0; row += 500) {
        status = casa_ms_read(ms, row, nrow - row < 500 ? nrow - row : 500, rows, &err);
        if (status)
            assert_null(rows[0].vis);
    }
    casa_ms_close(ms);
    return status;
}

/* Every file of the main table and of two sub-tables, cut in half, emptied or removed: an error or
 * the data, no crash. */
static void test_damaged_files(void **state) {
    (void)state;
    const char *path = PCLEAN_TEST_TMP "/damaged.ms";
    glob_t files;
    const char *sets = "alma_mssel_small_wvr.ms";
    copy_set(sets, path);
    assert_int_equal(glob(PCLEAN_TEST_TMP "/damaged.ms/table.*", 0, NULL, &files), 0);
    glob(PCLEAN_TEST_TMP "/damaged.ms/SPECTRAL_WINDOW/table.*", GLOB_APPEND, NULL, &files);
    glob(PCLEAN_TEST_TMP "/damaged.ms/POLARIZATION/table.*", GLOB_APPEND, NULL, &files);
    size_t nfailed = 0;
    for (size_t i = 0; i < files.gl_pathc; i++)
        for (int damage = 0; damage < 3; damage++) {
            const char *file = files.gl_pathv[i];
            char away[600];
            struct stat st;
            snprintf(away, sizeof away, "%s.away", file);
            assert_int_equal(stat(file, &st), 0);
            assert_int_equal(rename(file, away), 0);
            if (damage < 2) {
                char command[1300];
                snprintf(command, sizeof command, "head -c %lld '%s' > '%s'",
                         (long long)(damage ? 0 : st.st_size / 2), away, file);
                assert_int_equal(system(command), 0);
            }
            const int status = read_all(path);
            if (status) {
                nfailed++;
                assert_non_null(strstr(err.msg, path));
                assert_true(status == -PCLEAN_EIO || status == -PCLEAN_EDATA ||
                            status == -PCLEAN_ECASA);
            }
            remove(file);
            assert_int_equal(rename(away, file), 0);
        }
    assert_true(nfailed > files.gl_pathc);
    globfree(&files);
    assert_int_equal(read_all(path), 0); /* whole again */
    assert_ok(pcl_fs_remove_tree(path, &err));
}

static void test_cut_short_says_so(void **state) {
    (void)state;
    const char *path = PCLEAN_TEST_TMP "/short.ms";
    glob_t files;
    copy_set("vla_ngc5921.ms", path);
    assert_int_equal(glob(PCLEAN_TEST_TMP "/short.ms/table.f*_TSM*", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct stat st;
        assert_int_equal(stat(files.gl_pathv[i], &st), 0);
        if (st.st_size > 4000000) /* DATA */
            assert_int_equal(truncate(files.gl_pathv[i], st.st_size / 2), 0);
    }
    globfree(&files);
    assert_int_equal(read_all(path), -PCLEAN_EIO);
    assert_non_null(strstr(err.msg, "reading column DATA, rows"));
    assert_non_null(strstr(err.msg, "missing, damaged or cut short"));
    assert_ok(pcl_fs_remove_tree(path, &err));
}

/* Another process holds a write lock on every table; the files are read-only: nothing waits,
 * nothing is written. */
static void test_locked_and_read_only(void **state) {
    (void)state;
    const char *path = PCLEAN_TEST_TMP "/locked.ms";
    copy_set("vla_3c273_xband.ms", path);
    int ready[2], done[2];
    char byte = 0;
    assert_int_equal(pipe(ready) | pipe(done), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        glob_t tables;
        glob(PCLEAN_TEST_TMP "/locked.ms/*/table.dat", 0, NULL, &tables);
        for (size_t i = 0; i <= tables.gl_pathc; i++) {
            char lock[1200];
            const char *table = i ? tables.gl_pathv[i - 1] : PCLEAN_TEST_TMP "/locked.ms/table.dat";
            struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
            snprintf(lock, sizeof lock, "%.*slock", (int)strlen(table) - 3, table);
            const int fd = open(lock, O_RDWR | O_CREAT, 0666);
            if (fd < 0 || fcntl(fd, F_SETLK, &all) != 0)
                _exit(1);
        }
        _exit(write(ready[1], "r", 1) != 1 || read(done[0], &byte, 1) != 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(system("chmod -R a-w '" PCLEAN_TEST_TMP "/locked.ms'"), 0);
    assert_int_equal(read_all(path), 0);
    assert_int_equal(system("chmod -R u+w '" PCLEAN_TEST_TMP "/locked.ms'"), 0);
    assert_int_equal(write(done[1], "d", 1), 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(done[i]);
    }
    assert_ok(pcl_fs_remove_tree(path, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_locked_and_read_only), /* first: forks before casacore opens
                                                      * anything */
        cmocka_unit_test(test_not_a_measurement_set),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_cut_short_says_so),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
