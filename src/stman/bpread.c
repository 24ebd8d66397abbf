/* bpread.c: reading columns of an ADIOS2 file.
 *
 * ADIOS2 looks at every block of a variable for each request: 8 ms for 50 000 blocks in BP4, as a
 * file has that was written row by row. So requests are made for whole windows of some MiB, also
 * when rows are asked for one after the other, and the window serves the rest. Far jumps and large
 * or partial reads go to ADIOS2 directly. Columns whose blocks' places are known (bpmap.c) are read
 * without ADIOS2 (bpparts.c).
 *
 * Cells of different shapes lie in one global array as large as the largest of them, each in its
 * corner; a window holds rows of that size, and the rows' own shapes come from the list of
 * blocks. */
#include "base/mem.h"
#include "stman/bpfile_private.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WINDOW      ((size_t)8 << 20)
#define WINDOW_MANY ((size_t)16 << 20) /* of a column of many blocks */
#define MANY        512                /* blocks */
#define NEAR        8                  /* a jump over this many rows still reads on */
#define BOX_ROWS                                                                                   \
    ((size_t)32 << 20) /* bytes of the rows of which ADIOS2 is asked for a part
                        * at a time */

/* ---- which rows there are ---- */

static int by_row(const void *a, const void *b) {
    const bp_block *x = a, *y = b;
    return x->row < y->row ? -1 : x->row > y->row;
}

int bp_bad_block(const bp_column *c, pclean_err *err) {
    return PCL_FAIL(err, PCLEAN_EIO,
                    "%s: column %s does not fit the table's description of it, or is damaged",
                    c->file->path, c->name);
}

/* One block's rows and shape, checked against the column. */
static int take_block(bp_column *c, const adios2_blockinfo *b, bp_block *out, pclean_err *err) {
    if (!b->Start || !b->Count)
        return bp_bad_block(c, err);
    *out = (bp_block){b->Start[0], b->Start[0] + b->Count[0], b->Count + 1};
    bool good = out->end >= out->row;
    for (size_t i = 0; i < c->ndim && good; i++) {
        const size_t most = c->fixed ? c->shape[i] : c->largest[i];
        good = b->Count[i + 1] <= most && b->Start[i + 1] <= most - b->Count[i + 1] &&
               (c->fixed || b->Start[i + 1] == 0);
    }
    return good ? 0 : bp_bad_block(c, err);
}

/* Adjacent and overlapping blocks of fixed columns become one. */
static int join_blocks(bp_column *c, pclean_err *err) {
    size_t n = 0;
    for (size_t i = 0; i < c->nblock; i++) {
        bp_block *last = n ? &c->block[n - 1] : NULL;
        if (last && !c->fixed && c->block[i].row < last->end)
            return PCL_FAIL(err, PCLEAN_EDATA,
                            "%s: row %" PRIu64
                            " of column %s was written twice, so its value is not certain",
                            c->file->path, c->block[i].row, c->name);
        if (last && c->fixed && c->block[i].row <= last->end)
            last->end = c->block[i].end > last->end ? c->block[i].end : last->end;
        else
            c->block[n++] = c->block[i];
    }
    c->nblock = n;
    return 0;
}

static void find_largest(bp_column *c) {
    memset(c->largest, 0, sizeof c->largest);
    for (size_t k = 0; k < c->info->nblocks; k++)
        for (size_t i = 0; i < c->ndim && c->info->BlocksInfo[k].Count; i++) {
            const size_t n = c->info->BlocksInfo[k].Count[i + 1];
            c->largest[i] = n > c->largest[i] ? n : c->largest[i];
        }
}

static int list_blocks(bp_column *c, pclean_err *err) {
    const adios2_varinfo *info = c->info;
    int status = PCL_NEW(&c->block, info->nblocks + 1, "the list of blocks", err);
    if (!status && !c->fixed)
        find_largest(c);
    for (size_t k = 0; k < info->nblocks && !status; k++)
        status = take_block(c, &info->BlocksInfo[k], &c->block[c->nblock++], err);
    if (status)
        return status;
    c->nfile_block = info->nblocks;
    qsort(c->block, c->nblock, sizeof *c->block, by_row);
    return join_blocks(c, err);
}

static bool type_fits(enum bp_type want, adios2_type found) {
    static const adios2_type types[] = {
        adios2_type_uint8_t,       adios2_type_int8_t,        adios2_type_int16_t,
        adios2_type_uint16_t,      adios2_type_int32_t,       adios2_type_uint32_t,
        adios2_type_int64_t,       adios2_type_float,         adios2_type_double,
        adios2_type_float_complex, adios2_type_double_complex};
    return types[want] == found;
}

int bp_column_open(bp_column *c, pclean_err *err) {
    adios2_type type;
    size_t ndim = 0;
    c->variable = adios2_inquire_variable(c->file->io, c->name);
    if (!c->variable)
        return 0; /* nobody has put a row */
    if (adios2_variable_type(&type, c->variable) != 0 ||
        adios2_variable_ndims(&ndim, c->variable) != 0)
        return bp_adios_failed(c->file, "describe a column", err);
    if (!c->fixed && ndim >= 1)
        c->ndim = ndim - 1;
    if (!type_fits(c->type, type) || ndim != c->ndim + 1 || c->ndim > BP_MAXDIM)
        return bp_bad_block(c, err);
    if (!c->info)
        c->info = adios2_inquire_blockinfo(c->file->engine, c->variable, 0);
    if (!c->info)
        return bp_adios_failed(c->file, "list the rows of a column", err);
    if ((size_t)c->info->Dims != ndim && c->info->nblocks > 0)
        return bp_bad_block(c, err);
    if (c->block)
        return 0;
    const int status = list_blocks(c, err);
    c->next_row = UINT64_MAX; /* the first request follows none */
    return status ? status : bp_map_column(c, err);
}

void bp_column_close(bp_column *c) {
    if (c->info)
        adios2_free_blockinfo(c->info);
    pcl_free(c->block);
    pcl_free(c->part);
    bp_parts_end_ahead(c);
    pcl_free(c->window.bytes);
    pcl_free(c->ahead.bytes);
    if (c->stream >= 0)
        close(c->stream);
}

size_t bp_find_range(const uint64_t *end, size_t stride, size_t n, uint64_t row) {
    size_t low = 0, high = n;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (*(const uint64_t *)((const char *)end + mid * stride) <= row)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The block that holds a row, or NULL. */
static const bp_block *find_block(const bp_column *c, uint64_t row) {
    const size_t k =
        c->nblock > 0 ? bp_find_range(&c->block->end, sizeof *c->block, c->nblock, row) : 0;
    return k < c->nblock && c->block[k].row <= row ? &c->block[k] : NULL;
}

bool bp_row_shape(bp_column *c, uint64_t row, size_t *ndim, size_t *shape) {
    const size_t *found = c->shape;
    if (c->type == BP_STRING) {
        if (!bp_text_is_there(c, row))
            return false;
    } else if (c->file->writing) {
        if (!bp_written_shape(c, row, &found))
            return false;
    } else {
        const bp_block *b = find_block(c, row);
        if (!b)
            return false;
        found = c->fixed ? c->shape : b->shape;
    }
    if (ndim)
        *ndim = c->ndim;
    if (shape && c->ndim)
        memcpy(shape, found, c->ndim * sizeof *shape);
    return true;
}

/* ---- a forked child ---- */

/* The file's position is shared with the parent, so a child opens the file for itself. What belongs
 * to the parent's handle is left as it is: closing it here could only harm. */
int bp_follow_fork(bp_file *f, pclean_err *err) {
    if (f->pid == getpid())
        return 0;
    if (f->writing)
        return bp_may_write(f, "all", err);
    const int status = bp_open_engine(f, err);
    for (bp_column *c = f->columns; c && !status; c = c->next) {
        c->variable = c->variable ? adios2_inquire_variable(f->io, c->name) : NULL;
        c->ahead_runs = false; /* the parent's thread */
    }
    if (!status)
        f->pid = getpid();
    return status;
}

/* ---- getting ---- */

static int get_box(bp_column *c, uint64_t row, uint64_t nrow, const size_t *start,
                   const size_t *count, void *out, pclean_err *err) {
    size_t from[BP_MAXDIM + 1] = {(size_t)row}, n[BP_MAXDIM + 1] = {(size_t)nrow};
    for (size_t i = 0; i < c->ndim; i++) {
        from[i + 1] = start ? start[i] : 0;
        n[i + 1] = count[i];
    }
    if (adios2_set_selection(c->variable, c->ndim + 1, from, n) != 0 ||
        adios2_get(c->file->engine, c->variable, out, adios2_mode_sync) != 0)
        return bp_adios_failed(c->file, "read rows of a column", err);
    return 0;
}

static const size_t *cell_shape(const bp_column *c) {
    return c->fixed ? c->shape : c->largest;
}

void bp_copy_box(size_t ndim, size_t element, const size_t *whole, const size_t *start,
                 const size_t *count, const char *in, char *out) {
    size_t run = element, inner = ndim; /* axes from `inner` on are whole: they are copied at
                                         * once */
    while (inner > 0 && count[inner - 1] == whole[inner - 1])
        run *= count[--inner];
    size_t stride[BP_MAXDIM], at[BP_MAXDIM] = {0}, s = element;
    for (size_t i = ndim; i-- > 0; s *= whole[i])
        stride[i] = s;
    if (inner > 0)
        run *= count[--inner];
    for (size_t i = 0; i < ndim; i++) {
        in += start[i] * stride[i];
        if (count[i] == 0)
            return;
    }
    for (;;) {
        memcpy(out, in, run);
        out += run;
        size_t i = inner;
        for (;; i--) {
            if (i == 0)
                return;
            in += stride[i - 1];
            if (++at[i - 1] < count[i - 1])
                break;
            in -= stride[i - 1] * count[i - 1];
            at[i - 1] = 0;
        }
    }
}

static size_t window_bytes(const bp_column *c) {
    return c->nfile_block > MANY ? WINDOW_MANY : WINDOW;
}

static int load_window(bp_column *c, uint64_t row, size_t cell, pclean_err *err) {
    const size_t most = window_bytes(c);
    const uint64_t rows = cell && cell < most ? most / cell : 1, last = c->block[c->nblock - 1].end;
    const uint64_t end = last - row < rows ? last : row + rows;
    c->window_row = c->window_end = 0;
    int status = bp_need_room(&c->window, rows * cell, err);
    if (!status)
        status = get_box(c, row, end - row, NULL, cell_shape(c), c->window.bytes, err);
    if (!status) {
        c->window_row = row;
        c->window_end = end;
    }
    return status;
}

static void copy_from_window(bp_column *c, uint64_t row, uint64_t nrow, const size_t *start,
                             const size_t *count, size_t cell, char *out) {
    static const size_t origin[BP_MAXDIM];
    const size_t bytes = bp_cell_bytes(c->type, c->ndim, count);
    const char *in = c->window.bytes + (row - c->window_row) * cell;
    if (bytes == cell) {
        memcpy(out, in, nrow * cell);
        return;
    }
    for (uint64_t i = 0; i < nrow; i++)
        bp_copy_box(c->ndim, bp_type_size(c->type), cell_shape(c), start ? start : origin, count,
                    in + i * cell, out + i * bytes);
}

/* Large reads, in parts that keep ADIOS2's own memory small. */
static int get_directly(bp_column *c, uint64_t row, uint64_t nrow, const size_t *start,
                        const size_t *count, char *out, pclean_err *err) {
    const size_t bytes = bp_cell_bytes(c->type, c->ndim, count),
                 cell = bp_cell_bytes(c->type, c->ndim, cell_shape(c));
    uint64_t step = nrow;
    if (bytes != cell && cell > 0)
        step = cell < BOX_ROWS ? BOX_ROWS / cell : 1;
    for (uint64_t done = 0; done < nrow; done += step) {
        const uint64_t n = nrow - done < step ? nrow - done : step;
        const int status = get_box(c, row + done, n, start, count, out + done * bytes, err);
        if (status)
            return status;
    }
    return 0;
}

int bp_not_written(const bp_column *c, uint64_t row, pclean_err *err) {
    return PCL_FAIL(
        err, PCLEAN_EDATA, "column %s, row %" PRIu64 ": nothing has been written there%s", c->name,
        row,
        c->variable || c->file->writing ? "" : " (the ADIOS2 file has no column of this name)");
}

/* Every row is there, and the box fits its shape. */
static int check_rows(bp_column *c, uint64_t row, uint64_t nrow, const size_t *start,
                      const size_t *count, pclean_err *err) {
    for (uint64_t at = row; at < row + nrow;) {
        const bp_block *b = find_block(c, at);
        if (!b)
            return bp_not_written(c, at, err);
        const size_t *shape = c->fixed ? c->shape : b->shape;
        for (size_t i = 0; i < c->ndim; i++)
            if (start ? count[i] > shape[i] || start[i] > shape[i] - count[i]
                      : count[i] != shape[i])
                return PCL_FAIL(err, PCLEAN_EDATA,
                                "column %s, row %" PRIu64
                                ": the cell has not the shape that was asked for",
                                c->name, at);
        at = b->end;
    }
    return 0;
}

static int get_finished(bp_column *c, uint64_t row, uint64_t nrow, const size_t *start,
                        const size_t *count, void *out, pclean_err *err) {
    int status = bp_follow_fork(c->file, err);
    if (!status)
        status = check_rows(c, row, nrow, start, count, err);
    if (status)
        return status;
    const size_t cell = bp_cell_bytes(c->type, c->ndim, cell_shape(c)),
                 bytes = bp_cell_bytes(c->type, c->ndim, count);
    if (bytes == 0)
        return 0;
    const size_t window = window_bytes(c);
    const uint64_t jump = !c->part && window == WINDOW_MANY ? window / cell : NEAR;
    c->follows = row >= c->next_row && row - c->next_row <= jump;
    c->next_row = row + nrow;
    if (c->part)
        return bp_parts_get(c, row, nrow, start, count, out, err);
    const bool inside = row >= c->window_row && row + nrow <= c->window_end;
    if (!inside && (!c->follows || nrow > window / 2 / cell))
        return get_directly(c, row, nrow, start, count, out, err);
    if (!inside)
        status = load_window(c, row, cell, err);
    if (!status)
        copy_from_window(c, row, nrow, start, count, cell, out);
    return status;
}

static int get_written(bp_column *c, uint64_t row, uint64_t nrow, const size_t *start,
                       const size_t *count, char *out, pclean_err *err) {
    int status = bp_follow_fork(c->file, err);
    for (uint64_t i = 0; i < nrow && !status; i++) {
        const size_t *shape = c->shape;
        if (!bp_written_shape(c, row + i, &shape))
            return bp_not_written(c, row + i, err);
        const size_t cell = bp_cell_bytes(c->type, c->ndim, shape),
                     bytes = bp_cell_bytes(c->type, c->ndim, count);
        char *whole = NULL;
        status = pcl_alloc((void **)&whole, cell, 1, "a cell", err);
        if (!status)
            status = bp_get_unfinished(c, row + i, cell, whole, err);
        if (!status && !start)
            memcpy(out + i * bytes, whole, bytes);
        else if (!status)
            bp_copy_box(c->ndim, bp_type_size(c->type), shape, start, count, whole,
                        out + i * bytes);
        pcl_free(whole);
    }
    return status;
}

int bp_get(bp_column *c, uint64_t row, uint64_t nrow, const size_t *start, const size_t *count,
           void *out, pclean_err *err) {
    size_t shape[BP_MAXDIM];
    if (nrow == 0)
        return 0;
    if (!count) {
        if (!bp_row_shape(c, row, NULL, shape))
            return bp_not_written(c, row, err);
        count = shape;
    }
    return c->file->writing ? get_written(c, row, nrow, start, count, out, err)
                            : get_finished(c, row, nrow, start, count, out, err);
}
