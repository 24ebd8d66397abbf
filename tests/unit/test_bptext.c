#include "base/fsutil.h"
#include "base/mem.h"
#include "pclean/adios2.h"
#include "stman/bpfile.h"
#include "unit/check.h"
#include <adios2_c.h>
#include <inttypes.h>
#include <stdlib.h>

#define FILE_BP PCLEAN_TEST_TMP "/text.bp"
static const size_t scalar[1];
static char *engines[] = {"BP4", "BP5"};

static bp_file *create(char *engine) {
    bp_file *f;
    pclean_err err;
    const bp_settings s = {.engine = engine};
    assert_ok(bp_create(FILE_BP, &s, &f, &err));
    return f;
}

static bp_file *reopened(bp_file *f) {
    pclean_err err;
    assert_ok(bp_finish(f, false, &err));
    bp_free(f);
    assert_ok(bp_open(FILE_BP, &f, &err));
    return f;
}

static bp_column *column(bp_file *f, const char *name) {
    bp_column *c;
    pclean_err err;
    assert_ok(bp_column_new(f, name, BP_STRING, 0, scalar, &c, &err));
    return c;
}

static void expect(bp_column *c, uint64_t row, const char *want) {
    pclean_err err;
    char *text;
    size_t n;
    assert_int_equal(bp_row_shape(c, row, NULL, NULL), want != NULL);
    if (want) {
        assert_ok(bp_get_text(c, row, &text, &n, &err));
        assert_string_equal(text, want);
        assert_int_equal(n, strlen(want));
        pcl_free(text);
    } else {
        assert_fails(bp_get_text(c, row, &text, &n, &err), PCLEAN_EDATA,
                     "nothing has been written");
    }
}

static bool is_variable(const char *name) {
    adios2_adios *adios = adios2_init_serial();
    adios2_io *io = adios2_declare_io(adios, "io");
    adios2_engine *engine = adios2_open(io, FILE_BP, adios2_mode_readRandomAccess);
    assert_non_null(engine);
    const bool found = adios2_inquire_variable(io, name) != NULL;
    assert_int_equal(adios2_close(engine), 0);
    assert_int_equal(adios2_finalize(adios), 0);
    return found;
}

static void test_few_rows(void **state) {
    static const char *const want[] = {"", NULL, "a\nb\xc3\xa9", NULL, "later"};
    (void)state;
    pclean_err err;
    for (size_t e = 0; e < 2; e++) {
        bp_file *f = create(engines[e]);
        bp_column *c = column(f, "NAME");
        assert_ok(bp_put_text(c, 4, "later", 5, &err));
        assert_ok(bp_put_text(c, 0, "first", 5, &err));
        assert_ok(bp_put_text(c, 0, "", 0, &err));
        assert_ok(bp_put_text(c, 2, want[2], strlen(want[2]), &err));
        assert_fails(bp_put_text(c, 3, "a\0b", 3, &err), PCLEAN_EUNSUPPORTED, "NUL");
        expect(c, 4, "later");
        expect(c, 1, NULL);
        assert_false(bp_has_packed_text(f));
        f = reopened(f);
        c = column(f, "NAME");
        for (uint64_t row = 0; row < 5; row++)
            expect(c, row, want[row]);
        bp_free(f);
        assert_true(is_variable("NAME4")); /* as casacore's own manager wants it */
    }
}

/* Texts of every length, the empty one too; every 97th row has none. */
static const char *text_of(uint64_t row, char *out, size_t size) {
    if (row % 97 == 13)
        return NULL;
    snprintf(out, size, "%.*s%" PRIu64, (int)(row % 23), "abcdefghijklmnopqrstuvwxyz", row);
    return row % 101 == 5 ? "" : out;
}

enum { MANY = 3 * PCLEAN_ADIOS2_TEXT_ROWS };

static uint64_t row_at(int order, uint64_t i) {
    return order == 0 ? i : order == 1 ? MANY - 1 - i : i * 7919 % MANY;
}

static void test_many_rows_are_packed(void **state) {
    (void)state;
    pclean_err err;
    char room[64];
    for (int k = 0; k < 6; k++) {
        bp_file *f = create(engines[k % 2]);
        bp_column *few = column(f, "FEW"), *c = column(f, "NAME");
        assert_ok(bp_put_text(few, 7, "seven", 5, &err));
        for (uint64_t i = 0; i < MANY; i++) {
            const char *text = text_of(row_at(k / 2, i), room, sizeof room);
            if (text)
                assert_ok(bp_put_text(c, row_at(k / 2, i), text, strlen(text), &err));
        }
        assert_ok(bp_put_text(c, MANY, "last", 4, &err));
        assert_ok(bp_put_text(c, MANY, "the last", 8, &err)); /* is still in memory */
        expect(c, MANY, "the last");
        assert_true(bp_has_packed_text(f));
        f = reopened(f);
        few = column(f, "FEW");
        c = column(f, "NAME");
        for (uint64_t row = 0; row < MANY; row++)
            expect(c, row, text_of(row, room, sizeof room));
        for (uint64_t i = 0; i < 1000; i++) /* far jumps */
            expect(c, i * 7919 % MANY, text_of(i * 7919 % MANY, room, sizeof room));
        expect(c, MANY, "the last");
        expect(c, MANY + 1, NULL);
        expect(few, 7, "seven");
        bp_free(f);
        assert_false(is_variable("NAME4"));
        assert_true(is_variable("FEW7"));
    }
}

static void test_long_texts_are_packed(void **state) {
    (void)state;
    pclean_err err;
    const size_t length = 5000000;
    char *text = malloc(length + 1);
    assert_non_null(text);
    memset(text, 'x', length);
    text[length] = '\0';
    for (size_t e = 0; e < 2; e++) {
        bp_file *f = create(engines[e]);
        bp_column *c = column(f, "NAME");
        for (uint64_t row = 0; row < 9; row++) {
            text[row] = 'y';
            assert_ok(bp_put_text(c, row, text, length - row, &err));
            text[row] = 'x';
        }
        f = reopened(f);
        c = column(f, "NAME");
        for (uint64_t row = 0; row < 9; row++) {
            text[row] = 'y';
            text[length - row] = '\0';
            expect(c, row, text);
            text[row] = text[length - row] = 'x';
            text[length] = '\0';
        }
        bp_free(f);
        assert_false(is_variable("NAME0"));
    }
    free(text);
}

static void test_a_packed_row_in_the_file_is_not_put_again(void **state) {
    (void)state;
    pclean_err err;
    char *text;
    size_t n;
    bp_file *f = create("BP5");
    bp_column *c = column(f, "NAME");
    for (uint64_t row = 0; row < 1 << 20; row++)
        assert_ok(bp_put_text(c, row, "0123456789", 10, &err));
    assert_fails(bp_put_text(c, 0, "x", 1, &err), PCLEAN_EUNSUPPORTED,
                 "already in the ADIOS2 file");
    assert_fails(bp_get_text(c, 0, &text, &n, &err), PCLEAN_EUNSUPPORTED, "close the table");
    bp_free(f);
}

/* Sums say nothing of the bytes of data.0: places that cannot be are errors, whatever they ask
 * for. */
static void test_spoilt_places_are_errors(void **state) {
    static const unsigned char fills[] = {0xff, 0x7f, 0x01, 0x00};
    (void)state;
    pclean_err err;
    for (size_t k = 0; k < sizeof fills; k++) {
        bp_file *f = create(engines[k % 2]);
        bp_column *c = column(f, "NAME");
        for (uint64_t row = 0; row <= PCLEAN_ADIOS2_TEXT_ROWS; row++)
            assert_ok(bp_put_text(c, row, "text", 4, &err));
        bp_free(reopened(f));
        char block[4096];
        memset(block, fills[k], sizeof block);
        FILE *data = fopen(FILE_BP "/data.0", "r+");
        assert_non_null(data);
        assert_int_equal(fseek(data, 0, SEEK_END), 0);
        const long size = ftell(data);
        rewind(data);
        for (long at = 0; at < size; at += (long)sizeof block)
            assert_true(
                fwrite(block, 1,
                       (size_t)(size - at < (long)sizeof block ? size - at : (long)sizeof block),
                       data) > 0);
        assert_int_equal(fclose(data), 0);
        assert_ok(bp_open(FILE_BP, &f, &err));
        c = column(f, "NAME");
        char *text;
        size_t n;
        if (fills[k] == 0)
            expect(c, 7, ""); /* a place that can be */
        else
            assert_fails(bp_get_text(c, 7, &text, &n, &err), PCLEAN_EIO, "is damaged");
        bp_free(f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_rows),
        cmocka_unit_test(test_many_rows_are_packed),
        cmocka_unit_test(test_long_texts_are_packed),
        cmocka_unit_test(test_spoilt_places_are_errors),
        cmocka_unit_test(test_a_packed_row_in_the_file_is_not_put_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
