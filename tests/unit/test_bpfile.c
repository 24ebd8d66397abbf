#include "stman/bpfile.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "base/mem.h"
#include "random.h"
#include "unit/check.h"

#define FILE_BP PCLEAN_TEST_TMP "/columns.bp"
enum { NROW = 97, NTYPE = 11 };
static const size_t shape3[3] = {2, 3, 4};
static char *engines[] = {"BP4", "BP5"};

static bp_settings with_engine(char *engine) {
    return (bp_settings){.engine = engine};
}

/* Byte k of the cell of a row: every row, type and place differs. */
static void fill(char *cell, size_t bytes, uint64_t row, int type) {
    for (size_t k = 0; k < bytes; k++)
        cell[k] = (char)(row * 31 + k * 7 + (size_t)type * 13 + (row >> 8));
}

static void variable_shape(uint64_t row, size_t shape[2]) {
    shape[0] = row / 7 % 3 + 1;
    shape[1] = row / 11 % 4 + 1;
}

enum form { SCALAR, FIXED, VARIABLE, NFORM };

static size_t cell_of(enum form form, int type, uint64_t row, size_t *ndim,
                      size_t shape[BP_MAXDIM]) {
    *ndim = form == SCALAR ? 0 : form == FIXED ? 3 : 2;
    if (form == FIXED)
        memcpy(shape, shape3, sizeof shape3);
    else
        variable_shape(row, shape);
    size_t n = bp_type_size((enum bp_type)type);
    for (size_t i = 0; i < *ndim; i++)
        n *= shape[i];
    return n;
}

static bp_column *new_column(bp_file *f, enum form form, int type) {
    static const char *const names[] = {"SCALAR", "FIXED", "VARIABLE"};
    char name[32];
    pclean_err err;
    bp_column *c;
    snprintf(name, sizeof name, "%s_%d", names[form], type);
    assert_ok(bp_column_new(f, name, (enum bp_type)type, form == FIXED ? 3 : 0,
                            form == VARIABLE ? NULL : shape3, &c, &err));
    return c;
}

/* Orders of rows: ascending, descending, odd ones before even ones, shuffled. */
static uint64_t row_at(int order, size_t i) {
    if (order == 1)
        return NROW - 1 - i;
    if (order == 2)
        return i < NROW / 2 ? 2 * i + 1 : 2 * (i - NROW / 2);
    return order == 3 ? i * 41 % NROW : i;
}

static void put_all(bp_file *f, int order) {
    pclean_err err;
    char cell[4096];
    size_t ndim, shape[BP_MAXDIM];
    bp_column *c[NFORM][NTYPE];
    for (enum form form = 0; form < NFORM; form++)
        for (int type = 0; type < NTYPE; type++)
            c[form][type] = new_column(f, form, type);
    for (size_t i = 0; i < NROW; i++)
        for (enum form form = 0; form < NFORM; form++)
            for (int type = 0; type < NTYPE; type++) {
                const uint64_t row = row_at(order, i);
                fill(cell, cell_of(form, type, row, &ndim, shape), row, type);
                assert_ok(bp_put(c[form][type], row, ndim, shape, cell, &err));
            }
}

static void check_all(bp_file *f, int order) {
    pclean_err err;
    char want[4096], got[4096];
    size_t ndim, shape[BP_MAXDIM], found[BP_MAXDIM], nfound;
    for (enum form form = 0; form < NFORM; form++)
        for (int type = 0; type < NTYPE; type++) {
            bp_column *c = new_column(f, form, type);
            for (size_t i = 0; i < NROW; i++) {
                const uint64_t row = row_at(order, i);
                const size_t bytes = cell_of(form, type, row, &ndim, shape);
                fill(want, bytes, row, type);
                assert_true(bp_row_shape(c, row, &nfound, found));
                assert_int_equal(nfound, ndim);
                assert_memory_equal(found, shape, ndim * sizeof *shape);
                assert_ok(bp_get(c, row, 1, NULL, NULL, got, &err));
                assert_memory_equal(got, want, bytes);
            }
            assert_false(bp_row_shape(c, NROW, NULL, NULL));
            assert_fails(bp_get(c, NROW, 1, NULL, form == FIXED ? shape3 : NULL, got, &err),
                         PCLEAN_EDATA, "nothing has been written");
        }
}

static void test_every_type_shape_and_order_comes_back(void **state) {
    (void)state;
    pclean_err err;
    bp_file *f;
    for (size_t e = 0; e < 2; e++)
        for (int order = 0; order < 4; order++) {
            const bp_settings s = with_engine(engines[e]);
            assert_ok(bp_create(FILE_BP, &s, &f, &err));
            put_all(f, order);
            assert_ok(bp_finish(f, false, &err));
            bp_free(f);
            assert_ok(bp_open(FILE_BP, &f, &err));
            assert_string_equal(bp_engine(f), engines[e]);
            check_all(f, (order + 1) % 4);
            bp_free(f);
        }
}

/* Cells of 4 kB, so that there are several blocks, and reads are served by windows, directly, or
 * both. */
enum { BIG = 1024, NBIG = 4500 };
static const size_t big_shape[2] = {BIG / 4, 4};

static float big_value(uint64_t row, size_t k) {
    return (float)(row * 3 + k % 1021);
}

static void write_big(char *engine, bool ascending) {
    pclean_err err;
    bp_file *f;
    bp_column *c;
    static float cell[BIG];
    const bp_settings s = with_engine(engine);
    assert_ok(bp_create(FILE_BP, &s, &f, &err));
    assert_ok(bp_column_new(f, "DATA", BP_FLOAT, 2, big_shape, &c, &err));
    for (uint64_t i = 0; i < NBIG; i++) {
        const uint64_t row = ascending ? i : i * 7 % NBIG; /* 7 and NBIG have no common factor */
        for (size_t k = 0; k < BIG; k++)
            cell[k] = big_value(row, k);
        assert_ok(bp_put(c, row, 2, big_shape, cell, &err));
    }
    assert_ok(bp_finish(f, true, &err));
    bp_free(f);
}

static void check_box(bp_column *c, uint64_t row, uint64_t nrow, const size_t start[2],
                      const size_t count[2]) {
    pclean_err err;
    const size_t n = count[0] * count[1];
    float *out = malloc(nrow * n * sizeof *out);
    assert_ok(bp_get(c, row, nrow, start, count, out, &err));
    for (uint64_t i = 0; i < nrow; i++)
        for (size_t a = 0; a < count[0]; a++)
            for (size_t b = 0; b < count[1]; b++)
                assert_true(out[i * n + a * count[1] + b] ==
                            big_value(row + i, (start[0] + a) * 4 + start[1] + b));
    free(out);
}

static void test_blocks_windows_and_boxes(void **state) {
    (void)state;
    pclean_err err;
    bp_file *f;
    bp_column *c;
    const size_t none[2] = {0, 0}, chan[2] = {100, 0}, one[2] = {1, 4}, corner[2] = {200, 1},
                 some[2] = {30, 2};
    for (int k = 0; k < 4; k++) {
        write_big(engines[k % 2], k < 2);
        assert_ok(bp_open(FILE_BP, &f, &err));
        assert_ok(bp_column_new(f, "DATA", BP_FLOAT, 2, big_shape, &c, &err));
        check_box(c, 0, NBIG, none, big_shape);
        check_box(c, 0, NBIG, chan, one);
        check_box(c, 5, NBIG - 9, corner, some);
        for (uint64_t row = 0; row + 64 <= NBIG; row += 64)
            check_box(c, row, 64, none, big_shape);
        for (uint64_t row = 0; row < NBIG; row += 100)
            check_box(c, row, 1, corner, some);
        for (uint64_t row = 990; row < 1100; row++)
            check_box(c, row, 1, corner, some);
        check_box(c, 400, 300, none, big_shape); /* partly in the window */
        float x[BIG];
        assert_fails(bp_get(c, NBIG - 3, 9, NULL, big_shape, x, &err), PCLEAN_EDATA,
                     "row 4500: nothing has been written");
        assert_fails(bp_get(c, 3, 1, corner, big_shape, x, &err), PCLEAN_EDATA, "not the shape");
        bp_free(f);
    }
}

static void test_gaps_and_second_puts(void **state) {
    (void)state;
    pclean_err err;
    bp_file *f;
    bp_column *c, *absent;
    float got[20];
    for (size_t e = 0; e < 2; e++) {
        float x = 1;
        const bp_settings s = with_engine(engines[e]);
        assert_ok(bp_create(FILE_BP, &s, &f, &err));
        assert_ok(bp_column_new(f, "A", BP_FLOAT, 0, shape3, &c, &err));
        for (uint64_t row = 0; row < 20; row++)
            if (row != 5)
                assert_ok(bp_put(c, row, 0, NULL, &x, &err));
        x = 2;
        assert_ok(bp_put(c, 3, 0, NULL, &x, &err));  /* in the buffer */
        assert_ok(bp_put(c, 12, 0, NULL, &x, &err)); /* in the scratch file: it came after the
                                                      * gap */
        assert_ok(bp_get(c, 12, 1, NULL, NULL, got, &err));
        assert_true(got[0] == 2);
        assert_fails(bp_get(c, 5, 1, NULL, NULL, got, &err), PCLEAN_EDATA,
                     "row 5: nothing has been written");
        assert_ok(bp_finish(f, false, &err));
        assert_fails(bp_put(c, 5, 0, NULL, &x, &err), PCLEAN_EUNSUPPORTED, "written once");
        bp_free(f);
        assert_ok(bp_open(FILE_BP, &f, &err));
        assert_ok(bp_column_new(f, "A", BP_FLOAT, 0, shape3, &c, &err));
        assert_ok(bp_get(c, 6, 14, NULL, NULL, got, &err));
        for (size_t i = 0; i < 14; i++)
            assert_true(got[i] == (i == 6 ? 2 : 1));
        assert_ok(bp_get(c, 3, 1, NULL, NULL, got, &err));
        assert_true(got[0] == 2);
        assert_fails(bp_get(c, 0, 20, NULL, shape3, got, &err), PCLEAN_EDATA,
                     "row 5: nothing has been written");
        assert_fails(bp_put(c, 5, 0, NULL, &x, &err), PCLEAN_EUNSUPPORTED, "written once");
        assert_ok(bp_column_new(f, "B", BP_FLOAT, 0, shape3, &absent, &err));
        assert_fails(bp_get(absent, 0, 1, NULL, shape3, got, &err), PCLEAN_EDATA,
                     "no column of this name");
        assert_fails(bp_column_new(f, "A", BP_INT16, 0, shape3, &absent, &err), PCLEAN_EIO,
                     "does not fit");
        assert_fails(bp_column_new(f, "A", BP_FLOAT, 3, shape3, &absent, &err), PCLEAN_EIO,
                     "does not fit");
        bp_free(f);
    }
}

static void test_reading_leaves_nothing_in_tmp(void **state) {
    (void)state;
    pclean_err err;
    bp_file *f;
    bp_column *c;
    const size_t none[2] = {0, 0};
    char name[100];
    write_big("BP5", true);
    assert_ok(bp_open(FILE_BP, &f, &err));
    assert_ok(bp_column_new(f, "DATA", BP_FLOAT, 2, big_shape, &c, &err));
    check_box(c, 3, 5, none, big_shape);
    bp_free(f);
    snprintf(name, sizeof name, "/tmp/columns.bp_%lx_profiling.json", (unsigned long)getpid());
    assert_int_not_equal(access(name, F_OK), 0);
}

static void test_a_row_in_the_file_is_not_put_again(void **state) {
    (void)state;
    pclean_err err;
    bp_file *f;
    bp_column *c;
    static float cell[BIG];
    const bp_settings s = with_engine("BP5");
    assert_ok(bp_create(FILE_BP, &s, &f, &err));
    assert_ok(bp_column_new(f, "DATA", BP_FLOAT, 2, big_shape, &c, &err));
    for (uint64_t row = 0; row < 3000; row++)
        assert_ok(bp_put(c, row, 2, big_shape, cell, &err));
    assert_fails(bp_put(c, 0, 2, big_shape, cell, &err), PCLEAN_EUNSUPPORTED,
                 "already in the ADIOS2 file");
    assert_fails(bp_get(c, 0, 1, NULL, NULL, cell, &err), PCLEAN_EUNSUPPORTED, "close the table");
    assert_ok(bp_put(c, 2999, 2, big_shape, cell, &err));
    assert_fails(bp_put(c, 3000, 2, shape3, cell, &err), PCLEAN_EPARAM, "shape");
    assert_fails(bp_put(c, 3000, 1, shape3, cell, &err), PCLEAN_EUNSUPPORTED, "1 axes");
    bp_free(f); /* given up */
    assert_fails(bp_open(FILE_BP, &f, &err), PCLEAN_EIO, "did not finish");
}

/* ---- memory ---- */

#ifndef __SANITIZE_ADDRESS__ /* which keeps what is freed */
enum { ROWS = 200000, BOUND = 128 << 20 };

static void *watch_memory(void *stop) {
    while (!atomic_load((atomic_bool *)stop)) {
        (void)pcl_mem_peak();
        usleep(1000);
    }
    return NULL;
}

/* 270 MB in columns of numbers, of different shapes and of text. */
static void write_much(char *engine, int order) {
    static const size_t large[2] = {64, 2};
    const bp_settings s = with_engine(engine);
    float cell[256] = {0};
    pclean_err err;
    bp_file *f;
    bp_column *data, *flag, *time, *variable, *text;
    assert_ok(bp_create(FILE_BP, &s, &f, &err));
    assert_ok(bp_column_new(f, "DATA", BP_COMPLEX, 2, large, &data, &err));
    assert_ok(bp_column_new(f, "FLAG", BP_UINT8, 2, large, &flag, &err));
    assert_ok(bp_column_new(f, "TIME", BP_DOUBLE, 0, large, &time, &err));
    assert_ok(bp_column_new(f, "VARIABLE", BP_FLOAT, 1, NULL, &variable, &err));
    assert_ok(bp_column_new(f, "TEXT", BP_STRING, 0, large, &text, &err));
    for (uint64_t i = 0; i < ROWS; i++) {
        const uint64_t row = order == 0 ? i : order == 1 ? ROWS - 1 - i : i * 7919 % ROWS;
        const size_t shape[1] = {row < ROWS / 2 ? 32 : 16};
        memcpy(cell, &row, sizeof row);
        assert_ok(bp_put(data, row, 2, large, cell, &err));
        assert_ok(bp_put(flag, row, 2, large, cell, &err));
        assert_ok(bp_put(time, row, 0, large, cell, &err));
        assert_ok(bp_put(variable, row, 1, shape, cell, &err));
        assert_ok(bp_put_text(text, row, "twenty characters...", 20, &err));
    }
    assert_ok(bp_finish(f, false, &err));
    bp_free(f);
}

static void test_writing_takes_bounded_memory(void **state) {
    (void)state;
    for (int k = 0; k < 6; k++) {
        atomic_bool stop = false;
        pthread_t watcher;
        (void)malloc_trim(0);
        const size_t before = pcl_mem_peak_restart();
        assert_int_equal(pthread_create(&watcher, NULL, watch_memory, &stop), 0);
        write_much(engines[k % 2], k / 2);
        atomic_store(&stop, true);
        assert_int_equal(pthread_join(watcher, NULL), 0);
        const size_t taken = pcl_mem_peak() - before;
        print_message("%s, order %d: %zu MiB\n", engines[k % 2], k / 2, taken >> 20);
        assert_in_range(taken, (size_t)1 << 20, BOUND);
    }
}
#endif

/* ---- processes ---- */

static void expect_child(pid_t pid) {
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_a_killed_writer_leaves_an_error(void **state) {
    (void)state;
    pclean_err err;
    bp_file *f;
    for (size_t e = 0; e < 2; e++) {
        const pid_t pid = fork();
        if (pid == 0) {
            bp_column *c;
            static float cell[BIG];
            const bp_settings s = with_engine(engines[e]);
            if (bp_create(FILE_BP, &s, &f, &err) != 0 ||
                bp_column_new(f, "DATA", BP_FLOAT, 2, big_shape, &c, &err) != 0)
                _exit(1);
            for (uint64_t row = 0; row < NBIG; row++)
                if (bp_put(c, row, 2, big_shape, cell, &err) != 0)
                    _exit(1);
            raise(SIGKILL);
        }
        int status;
        waitpid(pid, &status, 0);
        assert_true(WIFSIGNALED(status));
        assert_fails(bp_open(FILE_BP, &f, &err), PCLEAN_EIO, "did not finish");
        assert_null(f);
    }
    assert_fails(bp_open(PCLEAN_TEST_TMP "/none.bp", &f, &err), PCLEAN_EIO, "none.bp");
}

static void test_forked_children_read_and_do_not_write(void **state) {
    (void)state;
    pclean_err err;
    bp_file *f, *g;
    bp_column *c, *d;
    const size_t none[2] = {0, 0};
    static float cell[BIG];
    const bp_settings s = with_engine("BP5");
    write_big("BP4", true);
    assert_ok(bp_open(FILE_BP, &f, &err));
    assert_ok(bp_column_new(f, "DATA", BP_FLOAT, 2, big_shape, &c, &err));
    check_box(c, 17, 3, none, big_shape);
    assert_ok(bp_create(PCLEAN_TEST_TMP "/second.bp", &s, &g, &err));
    assert_ok(bp_column_new(g, "DATA", BP_FLOAT, 2, big_shape, &d, &err));
    assert_ok(bp_put(d, 0, 2, big_shape, cell, &err));
    pid_t child[3];
    for (int k = 0; k < 3; k++)
        if ((child[k] = fork()) == 0) {
            for (uint64_t row = (uint64_t)k; row + 40 < NBIG; row += 37)
                check_box(c, row, 40, none, big_shape);
            bool good = bp_put(d, 1, 2, big_shape, cell, &err) == -PCLEAN_EUNSUPPORTED &&
                        strstr(err.msg, "before a fork");
            good = good && bp_finish(g, false, &err) == -PCLEAN_EUNSUPPORTED;
            bp_free(g);
            bp_free(f);
            _exit(!good);
        }
    for (uint64_t row = 0; row + 1700 < NBIG; row += 411)
        check_box(c, row, 1700, none, big_shape);
    for (int k = 0; k < 3; k++)
        expect_child(child[k]);
    assert_ok(bp_finish(g, false, &err));
    bp_free(g);
    bp_free(f);
    assert_ok(bp_open(PCLEAN_TEST_TMP "/second.bp", &g, &err));
    bp_free(g);
}

/* ---- damage ---- */

static void change_byte(const char *path, off_t at, unsigned char with) {
    unsigned char byte;
    const int fd = open(path, O_RDWR);
    assert_true(fd >= 0 && pread(fd, &byte, 1, at) == 1);
    byte ^= with;
    assert_true(pwrite(fd, &byte, 1, at) == 1);
    close(fd);
}

static void write_small(char *engine) {
    pclean_err err;
    bp_file *f;
    const bp_settings s = with_engine(engine);
    assert_ok(bp_create(FILE_BP, &s, &f, &err));
    put_all(f, 0);
    assert_ok(bp_finish(f, false, &err));
    bp_free(f);
}

/* Whatever can be opened is read, in a process of its own: it may give other values, but it must
 * end by itself. */
static void read_in_child(void) {
    pclean_err err;
    const pid_t pid = fork();
    if (pid == 0) {
        bp_file *f;
        alarm(60);
        if (!freopen("/dev/null", "w", stderr))
            _exit(2);
        const int status = bp_open(FILE_BP, &f, &err);
        _exit(status != 0 && status != -PCLEAN_EIO);
    }
    expect_child(pid);
}

static void test_damage_is_an_error(void **state) {
    (void)state;
    static const char *const names[] = {"md.idx", "md.0", "mmd.0"};
    pclean_err err;
    bp_file *f;
    char path[300];
    struct stat st;
    for (size_t e = 0; e < 2; e++) {
        write_small(engines[e]);
        for (size_t k = 0; k < 3; k++) {
            snprintf(path, sizeof path, FILE_BP "/%s", names[k]);
            if (stat(path, &st) != 0)
                continue;
            for (int i = 0; i < 10; i++) {
                const off_t at = (off_t)(random_uniform() * (double)st.st_size);
                change_byte(path, at, (unsigned char)(1 + i * 20));
                assert_fails(bp_open(FILE_BP, &f, &err), PCLEAN_EIO, "is not what was written");
                change_byte(path, at, (unsigned char)(1 + i * 20));
            }
        }
        assert_int_equal(stat(FILE_BP "/data.0", &st), 0);
        assert_int_equal(truncate(FILE_BP "/data.0", st.st_size - 1), 0);
        assert_fails(bp_open(FILE_BP, &f, &err), PCLEAN_EIO, "data.0 is not what was written");
        assert_int_equal(truncate(FILE_BP "/data.0", st.st_size), 0);
        assert_ok(bp_open(FILE_BP, &f, &err));
        bp_free(f);
    }
}

/* Another program's file has no sums. */
static void test_damage_without_sums_ends_in_an_error_too(void **state) {
    (void)state;
    static const char *const names[] = {"md.idx", "md.0", "mmd.0"};
    char path[300];
    struct stat st;
    for (size_t e = 0; e < 2; e++) {
        write_small(engines[e]);
        assert_int_equal(unlink(FILE_BP "/pclean.sums"), 0);
        read_in_child();
        for (size_t k = 0; k < 3; k++) {
            snprintf(path, sizeof path, FILE_BP "/%s", names[k]);
            if (stat(path, &st) != 0)
                continue;
            for (int i = 0; i < 6; i++) {
                /* of the index only its header: after the rest ADIOS2 may wait 10 s for files to
                 * grow */
                const off_t at = (off_t)(random_uniform() * (k == 0 ? 64 : (double)st.st_size));
                change_byte(path, at, 0xff);
                read_in_child();
                change_byte(path, at, 0xff);
            }
        }
    }
}

static void test_settings_that_cannot_be(void **state) {
    (void)state;
    pclean_err err;
    bp_file *f;
    bp_settings s = with_engine("HDF5");
    assert_fails(bp_create(FILE_BP, &s, &f, &err), PCLEAN_EUNSUPPORTED, "HDF5");
    s = (bp_settings){.xml_file = "/no/such.xml"};
    assert_fails(bp_create(FILE_BP, &s, &f, &err), PCLEAN_EIO, "/no/such.xml");
    static const char other[] =
        "<?xml version=\"1.0\"?><adios-config><io name=\"other\"></io></adios-config>";
    assert_ok(pcl_fs_write_text(PCLEAN_TEST_TMP "/other.xml", other, sizeof other - 1, &err));
    s = (bp_settings){.xml_file = PCLEAN_TEST_TMP "/other.xml"};
    assert_fails(bp_create(FILE_BP, &s, &f, &err), PCLEAN_EPARAM, "Adios2StMan");
    assert_null(f);
}

static void test_no_memory(void **state) {
    (void)state;
    pclean_err err;
    bp_file *f;
    const bp_settings s = with_engine("BP5");
    int failures = 0;
    for (long n = 1;; n++, failures++) {
        bp_column *c;
        float x = 0;
        pcl_mem_fail_after(n);
        int status = bp_create(FILE_BP, &s, &f, &err);
        if (!status)
            status = bp_column_new(f, "A", BP_FLOAT, 0, shape3, &c, &err);
        for (uint64_t row = 0; row < 10 && !status; row++)
            status = bp_put(c, row * 2, 0, NULL, &x, &err);
        if (!status)
            status = bp_finish(f, false, &err);
        bp_free(f);
        f = NULL;
        if (!status)
            status = bp_open(FILE_BP, &f, &err);
        if (!status)
            status = bp_column_new(f, "A", BP_FLOAT, 0, shape3, &c, &err);
        if (!status)
            status = bp_get(c, 4, 1, NULL, NULL, &x, &err);
        bp_free(f);
        pcl_mem_fail_after(0);
        if (!status)
            break;
        assert_int_equal(status, -PCLEAN_ENOMEM);
    }
    assert_true(failures > 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_shape_and_order_comes_back),
        cmocka_unit_test(test_blocks_windows_and_boxes),
        cmocka_unit_test(test_gaps_and_second_puts),
        cmocka_unit_test(test_reading_leaves_nothing_in_tmp),
        cmocka_unit_test(test_a_row_in_the_file_is_not_put_again),
#ifndef __SANITIZE_ADDRESS__
        cmocka_unit_test(test_writing_takes_bounded_memory),
#endif
        cmocka_unit_test(test_a_killed_writer_leaves_an_error),
        cmocka_unit_test(test_forked_children_read_and_do_not_write),
        cmocka_unit_test(test_damage_is_an_error),
        cmocka_unit_test(test_damage_without_sums_ends_in_an_error_too),
        cmocka_unit_test(test_settings_that_cannot_be),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
