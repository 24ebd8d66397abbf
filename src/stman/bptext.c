/* bptext.c: columns of text.
 *
 * casacore's own manager has a scalar string variable NAME<row> for each row. ADIOS2 keeps 2 kB for
 * each in memory, whoever opens the file. So that is the form of short columns only. Beyond
 * PCLEAN_ADIOS2_TEXT_ROWS texts in the file, or TEXT_BYTES of them, a column is packed: its texts
 * one after the other are the column NAME/text of bytes, and NAME/rows holds by row where its text
 * begins there and how long it is. These are columns like others, in blocks; casacore's own manager
 * does not look for them, and refuses the table (stman.cpp). */
#include "base/mem.h"
#include "pclean/adios2.h"
#include "stman/bpfile_private.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES ((size_t)8 << 20)

static const size_t pair[1] = {2}; /* the shape of a cell of NAME/rows */

static int open_packed(bp_column *c, pclean_err *err) {
    char *text = NULL, *rows = NULL;
    int status = pcl_asprintf(&text, err, "%s/text", c->name);
    if (!status)
        status = pcl_asprintf(&rows, err, "%s/rows", c->name);
    if (!status)
        status = bp_column_new(c->file, text, BP_UINT8, 0, pair, &c->packed_text, err);
    if (!status)
        status = bp_column_new(c->file, rows, BP_INT64, 1, pair, &c->packed_rows, err);
    pcl_free(text);
    pcl_free(rows);
    return status;
}

/* ---- writing ---- */

static int put_packed(bp_column *c, uint64_t row, const char *text, size_t length,
                      pclean_err *err) {
    const bp_column *t = c->packed_text;
    const uint64_t end = t->row + t->nrow;
    const int64_t where[2] = {(int64_t)end, (int64_t)length};
    const int status = bp_put(c->packed_rows, row, 1, pair, where, err);
    return status ? status : bp_append(c->packed_text, end, length, text, err);
}

static void forget(bp_column *c, uint64_t row) {
    if (row >= c->ntext || !c->text[row])
        return;
    c->file->ntext--;
    c->file->text_bytes -= strlen(c->text[row]);
    free(c->text[row]);
    c->text[row] = NULL;
}

static int pack(bp_column *c, pclean_err *err) {
    int status = open_packed(c, err);
    for (uint64_t row = 0; row < c->ntext && !status; row++)
        if (c->text[row]) {
            status = put_packed(c, row, c->text[row], strlen(c->text[row]), err);
            forget(c, row);
        }
    return status;
}

static int keep(bp_column *c, uint64_t row, const char *text, size_t length, pclean_err *err) {
    const int status = bp_grow((void **)&c->text, &c->ntext, (size_t)row + 1, sizeof *c->text, err);
    char *copy = status ? NULL : strndup(text, length);
    if (!copy)
        return status ? status
                      : PCL_FAIL(err, PCLEAN_ENOMEM, "out of memory for column %s", c->name);
    forget(c, row);
    c->text[row] = copy;
    c->file->ntext++;
    c->file->text_bytes += length;
    return 0;
}

int bp_put_text(bp_column *c, uint64_t row, const char *text, size_t length, pclean_err *err) {
    int status = bp_may_write(c->file, c->name, err);
    if (!status && memchr(text, 0, length))
        status = PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                          "column %s, row %" PRIu64 ": ADIOS2 cannot store a text that holds a NUL",
                          c->name, row);
    if (!status && !c->packed_rows &&
        (c->file->ntext >= PCLEAN_ADIOS2_TEXT_ROWS || c->file->text_bytes + length > TEXT_BYTES))
        status = pack(c, err);
    if (status)
        return status;
    return c->packed_rows ? put_packed(c, row, text, length, err) : keep(c, row, text, length, err);
}

int bp_text_write(bp_column *c, pclean_err *err) {
    for (size_t row = 0; row < c->ntext; row++) {
        char name[1024];
        if (!c->text[row])
            continue;
        snprintf(name, sizeof name, "%.1000s%zu", c->name, row);
        adios2_variable *v = adios2_define_variable(c->file->io, name, adios2_type_string, 0, NULL,
                                                    NULL, NULL, adios2_constant_dims_true);
        if (!v || adios2_put(c->file->engine, v, c->text[row], adios2_mode_sync) != 0)
            return bp_adios_failed(c->file, "write a text", err);
    }
    return 0;
}

bool bp_has_packed_text(const bp_file *f) {
    for (const bp_column *c = f->columns; c; c = c->next)
        if (c->packed_rows)
            return true;
    return false;
}

void bp_text_free(bp_column *c) {
    for (size_t i = 0; i < c->ntext; i++)
        free(c->text[i]);
    free(c->text);
}

/* ---- reading ---- */

static adios2_variable *variable_of(const bp_column *c, const char *after) {
    char *name = NULL;
    const int status = pcl_asprintf(&name, NULL, "%s%s", c->name, after);
    adios2_variable *v = status ? NULL : adios2_inquire_variable(c->file->io, name);
    pcl_free(name);
    return v;
}

static adios2_variable *variable_of_row(const bp_column *c, uint64_t row) {
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64, row);
    return variable_of(c, number);
}

int bp_text_open(bp_column *c, pclean_err *err) {
    return variable_of(c, "/rows") ? open_packed(c, err) : 0;
}

bool bp_text_is_there(const bp_column *c, uint64_t row) {
    if (c->packed_rows)
        return bp_row_shape(c->packed_rows, row, NULL, NULL);
    return c->file->writing ? row < c->ntext && c->text[row] : variable_of_row(c, row) != NULL;
}

static int get_packed(bp_column *c, uint64_t row, char **out, size_t *length, pclean_err *err) {
    int64_t where[2];
    int status = bp_get(c->packed_rows, row, 1, NULL, NULL, where, err);
    if (status)
        return status;
    if (where[0] < 0 || where[1] < 0 || where[1] > INT64_MAX - where[0] ||
        (where[1] > 0 &&
         !bp_row_shape(c->packed_text, (uint64_t)(where[0] + where[1] - 1), NULL, NULL)))
        return bp_bad_block(c, err);
    *length = (size_t)where[1];
    status = PCL_ZNEW(out, *length + 1, "a text", err);
    return status || *length == 0
               ? status
               : bp_get(c->packed_text, (uint64_t)where[0], *length, NULL, NULL, *out, err);
}

static int get_variable(bp_column *c, uint64_t row, char **out, size_t *length, pclean_err *err) {
    adios2_type type;
    int status = bp_follow_fork(c->file, err);
    adios2_variable *v = status ? NULL : variable_of_row(c, row);
    if (!v)
        return status ? status : bp_not_written(c, row, err);
    if (adios2_variable_type(&type, v) != 0 || type != adios2_type_string)
        return bp_bad_block(c, err);
    if (adios2_get_string(c->file->engine, v, NULL, length) != 0)
        return bp_adios_failed(c->file, "read a text", err);
    status = PCL_ZNEW(out, *length + 1, "a text", err);
    if (!status && adios2_get_string(c->file->engine, v, *out, length) != 0)
        status = bp_adios_failed(c->file, "read a text", err);
    return status;
}

int bp_get_text(bp_column *c, uint64_t row, char **out, size_t *length, pclean_err *err) {
    int status;
    *out = NULL;
    *length = 0;
    if (!bp_text_is_there(c, row))
        return bp_not_written(c, row, err);
    if (c->packed_rows) {
        status = get_packed(c, row, out, length, err);
    } else if (c->file->writing) {
        *length = strlen(c->text[row]);
        status = pcl_strdup(out, c->text[row], err);
    } else {
        status = get_variable(c, row, out, length, err);
    }
    if (status) {
        pcl_free(*out);
        *out = NULL;
    }
    return status;
}
