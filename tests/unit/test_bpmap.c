#include "stman/bpfile.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "unit/check.h"

#define FILE_BP PCLEAN_TEST_TMP "/map.bp"
#define MAP     FILE_BP "/pclean.places"
#define SUMS    FILE_BP "/pclean.sums"
enum {
    NROW = 10000,
    NCHAN = 67,
    NPOL = 8
}; /* 67 channels: pieces of 8 and of 9; 21 MB: three
    * blocks of DATA, read by threads */
static const size_t data_shape[2] = {NCHAN, NPOL}, flag_shape[2] = {NCHAN, 1},
                    wide_shape[1] = {40000};
enum { NWIDE = 60 };
static float expected[NROW][NCHAN][NPOL], found[NROW][NCHAN][NPOL];
static float wide[NWIDE][40000], wide_found[NWIDE];
static unsigned char flag[NROW][NCHAN], flag_found[NROW][NCHAN];

static void fill(void) {
    for (size_t row = 0; row < NROW; row++)
        for (size_t chan = 0; chan < NCHAN; chan++) {
            /* before it, all blocks look alike */
            flag[row][chan] = row > 4000 && (row + chan) % 11 == 0;
            for (size_t pol = 0; pol < NPOL; pol++)
                expected[row][chan][pol] = (float)(row * 1000 + chan * NPOL + pol);
        }
    for (size_t row = 0; row < NWIDE; row++)
        for (size_t chan = 0; chan < 40000; chan++)
            wide[row][chan] = (float)(row * 50000 + chan);
}

static void write_with(const bp_settings *s, bool backwards) {
    pclean_err err;
    bp_file *f;
    bp_column *data, *flags, *w;
    assert_ok(bp_create(FILE_BP, s, &f, &err));
    assert_ok(bp_column_new(f, "DATA", BP_FLOAT, 2, data_shape, &data, &err));
    assert_ok(bp_column_new(f, "FLAG", BP_UINT8, 2, flag_shape, &flags, &err));
    assert_ok(bp_column_new(f, "A WIDE ONE", BP_FLOAT, 1, wide_shape, &w, &err));
    for (size_t i = 0; i < NROW; i++) {
        const size_t row = backwards ? NROW - 1 - i : i;
        assert_ok(bp_put(data, row, 2, data_shape, expected[row], &err));
        assert_ok(bp_put(flags, row, 2, flag_shape, flag[row], &err));
        if (row < NWIDE)
            assert_ok(bp_put(w, row, 1, wide_shape, wide[row], &err));
    }
    assert_ok(bp_finish(f, false, &err));
    bp_free(f);
}

static void write_file(char *engine, bp_param *param, size_t nparam, bool backwards) {
    const bp_settings s = {.engine = engine, .engine_param = param, .nengine_param = nparam};
    write_with(&s, backwards);
}

static void check_box(bp_column *c, size_t row, size_t nrow, const size_t start[2],
                      const size_t count[2]) {
    pclean_err err;
    float *out = found[0][0];
    memset(found, 0xff, nrow * count[0] * count[1] * sizeof *out);
    assert_ok(bp_get(c, row, nrow, start, count, out, &err));
    for (size_t i = 0; i < nrow; i++)
        for (size_t j = 0; j < count[0]; j++, out += count[1])
            assert_memory_equal(out, &expected[row + i][start[0] + j][start[1]],
                                count[1] * sizeof *out);
}

/* So that the data come from the disk, where there is one. */
static void forget_pages(void) {
    const int fd = open(FILE_BP "/data.0", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    (void)fsync(fd);
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
}

static void check_file(void) {
    const size_t none[2] = {0, 0}, chan[2] = {40, 0}, one[2] = {1, NPOL}, middle[2] = {7, 2},
                 some[2] = {30, 3}, last[2] = {66, 7}, most[2] = {60, NPOL}, single[2] = {1, 1};
    const size_t far = 39999, near = 1;
    pclean_err err;
    bp_file *f;
    bp_column *data, *flags, *w;
    assert_ok(bp_open(FILE_BP, &f, &err));
    assert_ok(bp_column_new(f, "DATA", BP_FLOAT, 2, data_shape, &data, &err));
    assert_ok(bp_column_new(f, "FLAG", BP_UINT8, 2, flag_shape, &flags, &err));
    assert_ok(bp_column_new(f, "A WIDE ONE", BP_FLOAT, 1, wide_shape, &w, &err));
    check_box(data, 0, NROW, none, data_shape);
    forget_pages();
    check_box(data, 0, NROW, none, data_shape);
    check_box(data, 999, NROW - 1000, none, data_shape);
    forget_pages();
    check_box(data, 0, NROW, none, most);
    assert_int_equal(setenv("OMP_NUM_THREADS", "1", 1), 0);
    check_box(data, 0, NROW, none, data_shape);
    check_box(data, 0, NROW, none, most);
    forget_pages();
    check_box(data, 0, NROW, none, most);
    assert_int_equal(unsetenv("OMP_NUM_THREADS"), 0);
    check_box(data, 0, NROW, chan, one);
    check_box(data, 3, NROW - 9, middle, some);
    check_box(data, 0, NROW, last, single);
    for (size_t row = 0; row < NROW; row += 64) /* the last is shorter */
        check_box(data, row, row + 64 < NROW ? 64 : NROW - row, none, data_shape);
    for (size_t row = 3; row < NROW; row += 100)
        check_box(data, row, 1, none, data_shape);
    for (size_t row = NROW; row >= 700; row -= 700)
        check_box(data, row - 1, 1, middle, some);
    for (size_t row = 3900; row < 3960; row++) /* over the end of a block */
        check_box(data, row, 2, middle, some);
    check_box(data, 1000, 3000, none, data_shape);
    assert_ok(bp_get(flags, 0, NROW, NULL, flag_shape, flag_found, &err));
    assert_memory_equal(flag_found, flag, sizeof flag);
    assert_ok(bp_get(w, 0, NWIDE, &far, &near, wide_found, &err));
    for (size_t row = 0; row < NWIDE; row++)
        assert_float_equal(wide_found[row], wide[row][far], 0);
    assert_fails(bp_get(data, NROW - 3, 9, NULL, data_shape, found, &err), PCLEAN_EDATA,
                 "row 10000: nothing has been written");
    bp_free(f);
}

/* The same cells by the map and, without it, by ADIOS2; BP4 with small buffers, of which the file
 * has many. */
static void test_cells_by_the_map_and_without(void **state) {
    (void)state;
    bp_param small[1] = {{"", "MaxBufferSize", "3Mb"}};
    for (int k = 0; k < 5; k++) {
        write_file(k % 2 ? "BP5" : "BP4", small, k == 4, k >= 2 && k < 4);
        assert_true(pcl_fs_exists(MAP));
        check_file();
        assert_int_equal(unlink(SUMS), 0); /* a map without sums is not believed */
        check_file();
    }
}

/* BP5 may lay blocks out in another way when it is told to. */
static void test_no_map_for_unusual_settings(void **state) {
    (void)state;
    bp_param param[1] = {{"", "BufferChunkSize", "1Mb"}};
    write_file("BP5", param, 1, false);
    assert_false(pcl_fs_exists(MAP));
    check_file();
}

#define XML_HEAD                                                                                   \
    "<?xml version=\"1.0\"?><adios-config><io name=\"Adios2StMan\"><engine type=\"BP4\">"
#define XML_SIZE "<parameter key=\"MaxBufferSize\" value=\"256Kb\"/>"
#define XML_TAIL "</engine></io></adios-config>"
#define XML      PCLEAN_TEST_TMP "/map.xml"

static void write_xml(const char *text) {
    pclean_err err;
    assert_ok(pcl_fs_write_text(XML, text, strlen(text), &err));
}

/* BP4's layout is recognised, whoever set it. */
static void test_a_map_with_an_xml_file(void **state) {
    (void)state;
    const bp_settings s = {.xml_file = XML};
    write_xml(XML_HEAD XML_TAIL);
    write_with(&s, false);
    assert_true(pcl_fs_exists(MAP));
    check_file();
}

/* ADIOS2 would lose the end of the cells. */
static void test_cells_too_large_for_the_buffer_of_bp4(void **state) {
    (void)state;
    bp_param small[2] = {{"", "MaxBufferSize", "256kb"}, {"", "maxbuffersize", "256Kb"}};
    const bp_settings settings[3] = {
        {.engine = "BP4", .engine_param = small, .nengine_param = 1},
        {.engine = "BP4", .engine_param = small + 1, .nengine_param = 1},
        {.xml_file = XML}};
    const size_t shape[2] = {1, 40000};
    pclean_err err;
    bp_file *f;
    bp_column *c;
    write_xml(XML_HEAD XML_SIZE XML_TAIL);
    for (size_t i = 0; i < 3; i++) {
        assert_ok(bp_create(FILE_BP, &settings[i], &f, &err));
        assert_ok(bp_column_new(f, "WIDE", BP_FLOAT, 2, shape, &c, &err));
        assert_fails(bp_put(c, 0, 2, shape, wide[0], &err), PCLEAN_EUNSUPPORTED,
                     "take BP5, or a MaxBufferSize of 480000");
        bp_free(f);
    }
}

static void test_a_changed_map_is_an_error(void **state) {
    (void)state;
    pclean_err err;
    bp_file *f;
    write_file("BP4", NULL, 0, false);
    FILE *map = fopen(MAP, "r+");
    assert_non_null(map);
    assert_int_equal(fputc('9', map), '9');
    assert_int_equal(fclose(map), 0);
    assert_fails(bp_open(FILE_BP, &f, &err), PCLEAN_EIO, "is not what was written");
}

static void test_a_file_cut_short_is_an_error(void **state) {
    (void)state;
    pclean_err err;
    bp_file *f;
    bp_column *data;
    struct stat st;
    write_file("BP5", NULL, 0, false);
    assert_ok(bp_open(FILE_BP, &f, &err));
    assert_ok(bp_column_new(f, "DATA", BP_FLOAT, 2, data_shape, &data, &err));
    assert_int_equal(stat(FILE_BP "/data.0", &st), 0);
    assert_int_equal(truncate(FILE_BP "/data.0", 5000000), 0); /* while it is open */
    assert_fails(bp_get(data, 0, NROW, NULL, data_shape, found, &err), PCLEAN_EIO,
                 "bytes are missing");
    bp_free(f);
}

/* While a thread of the parent reads the next block. */
static void test_a_forked_child_reads_on(void **state) {
    (void)state;
    const size_t none[2] = {0, 0};
    pclean_err err;
    bp_file *f;
    bp_column *data;
    write_file("BP5", NULL, 0, false);
    assert_ok(bp_open(FILE_BP, &f, &err));
    assert_ok(bp_column_new(f, "DATA", BP_FLOAT, 2, data_shape, &data, &err));
    for (size_t row = 0; row < NROW; row += 500) {
        check_box(data, row, 500, none, data_shape);
        if (row % 1000 != 0)
            continue;
        const pid_t child = fork();
        if (child == 0) {
            if (row + 500 < NROW)
                check_box(data, row + 500, 500, none, data_shape);
            check_box(data, row, 500, none, data_shape);
            if (row == 4000)
                bp_free(f);
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    bp_free(f);
}

static int begin(void **state) {
    (void)state;
    (void)mkdir(PCLEAN_TEST_TMP, 0777);
    fill();
    return 0;
}

static int end(void **state) {
    (void)state;
    return pcl_fs_remove_tree(FILE_BP, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells_by_the_map_and_without),
        cmocka_unit_test(test_no_map_for_unusual_settings),
        cmocka_unit_test(test_a_forked_child_reads_on),
        cmocka_unit_test(test_a_map_with_an_xml_file),
        cmocka_unit_test(test_cells_too_large_for_the_buffer_of_bp4),
        cmocka_unit_test(test_a_changed_map_is_an_error),
        cmocka_unit_test(test_a_file_cut_short_is_an_error),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
