/* bpwrite.c: columns that are written: rows in memory, blocks into the file. Reading is in
 * bpread.c.
 *
 * What was measured with ADIOS2 2.12 and decides the shape of this code:
 *  - BP5 writes a deferred block of MinDeferredSize and more straight from the caller's memory at
 *    perform_data_write; smaller ones it copies, so they are let through and written when enough
 *    have come together.
 *  - BP4 copies every block and empties its buffer by itself at MaxBufferSize. adios2_flush in
 *    mid-step loses data.
 *  - BP4's buffer then becomes as small as what was in it, and the end of a block that is larger
 *    than that is lost, without an error. So no block is larger than half of MaxBufferSize.
 *  - A row that is put twice in one step reads differently from call to call: so it is never done.
 *  - One channel of all rows lies in every page of a file of whole cells. So blocks of large cells
 *    are put in pieces, by ranges of channels: ADIOS2 gives rows out of them all the same.
 *  - Opened as a stream, an unfinished file makes the reader wait for ever; with random access it
 *    does not. */
#include "base/bulk.h"
#include "base/fsutil.h"
#include "base/mem.h"
#include "stman/bpfile_private.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFERS   ((size_t)32 << 20) /* bytes of rows kept by all columns together */
#define BLOCK_MAX ((size_t)8 << 20)  /* of one column */
#define BLOCK_MIN ((size_t)64 << 10)
#define PIECES                                                                                     \
    8                 /* of a block, at most, along the slowest axis
                       * of its cells */
#define PIECE_MIN 512 /* bytes of each cell in a piece */
#define STRAIGHT                                                                                   \
    131072 /* bytes of a block that BP5 writes without a
            * copy */
#define LET_THROUGH                                                                                \
    ((size_t)15 << 20) /* bytes that BP5 may copy before it is told
                        * to write; less than its chunk */

/* ---- columns ---- */

/* A compressor that this ADIOS2 has not is an error before the first row. */
static int define_operator(bp_column *c, pclean_err *err) {
    const bp_file *f = c->file;
    for (size_t i = 0; i < f->noperator; i++) {
        const bp_param *p = &f->operators[i];
        if (strcmp(p->name, c->name) == 0 && strcmp(p->key, "Operator") == 0 &&
            !(c->operator= adios2_define_operator(f->adios, c->name, p->value)))
            return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                            "column %s: this ADIOS2 has no operator \"%s\"", c->name, p->value);
    }
    return 0;
}

int bp_column_new(bp_file *file, const char *name, enum bp_type type, size_t ndim,
                  const size_t *shape, bp_column **out, pclean_err *err) {
    *out = NULL;
    if (ndim > BP_MAXDIM)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "column %s: cells of %zu axes, at most %d can be stored", name, ndim,
                        BP_MAXDIM);
    bp_column *c = NULL;
    if (PCL_ZNEW(&c, 1, "a column", err) != 0)
        return -PCLEAN_ENOMEM;
    c->file = file;
    c->type = type;
    c->fixed = shape != NULL;
    c->ndim = ndim;
    c->scratch = c->stream = -1;
    for (size_t i = 0; shape && i < ndim; i++)
        c->shape[i] = shape[i];
    c->next = file->columns;
    file->columns = c;
    file->ncolumn++;
    int status = pcl_strdup(&c->name, name, err);
    if (!status && file->writing)
        status = define_operator(c, err);
    else if (!status)
        status = type == BP_STRING ? bp_text_open(c, err) : bp_column_open(c, err);
    *out = status ? NULL : c; /* a failed one stays with its file */
    return status;
}

size_t bp_cell_bytes(enum bp_type type, size_t ndim, const size_t *shape) {
    size_t n = bp_type_size(type);
    for (size_t i = 0; i < ndim; i++)
        if (__builtin_mul_overflow(n, shape[i], &n))
            return SIZE_MAX;
    return n;
}

/* ---- rows in memory ---- */

static bool has_bit(const bp_bits *b, uint64_t row) {
    return row / 64 < b->nword && (b->word[row / 64] >> (row % 64) & 1);
}

int bp_grow(void **array, size_t *n, size_t need, size_t size, pclean_err *err) {
    if (need <= *n)
        return 0;
    size_t more = *n + *n / 2 > need ? *n + *n / 2 : need + 16;
    void *p = realloc(*array, more * size);
    if (!p)
        return PCL_FAIL(err, PCLEAN_ENOMEM, "out of memory for the list of rows");
    memset((char *)p + *n * size, 0, (more - *n) * size);
    *array = p;
    *n = more;
    return 0;
}

static int set_bit(bp_bits *b, uint64_t row, pclean_err *err) {
    const int status =
        bp_grow((void **)&b->word, &b->nword, (size_t)(row / 64) + 1, sizeof *b->word, err);
    if (!status)
        b->word[row / 64] |= (uint64_t)1 << (row % 64);
    return status;
}

static bool same_shape(size_t ndim, const size_t *a, const size_t *b) {
    return ndim == 0 || memcmp(a, b, ndim * sizeof *a) == 0;
}

/* The number (from 1) of a shape in the column's list. */
static int shape_number(bp_column *c, const size_t *shape, uint32_t *number, pclean_err *err) {
    for (size_t i = c->nshape; i > 0; i--)
        if (same_shape(c->ndim, c->shapes[i - 1], shape)) {
            *number = (uint32_t)i;
            return 0;
        }
    if (bp_grow((void **)&c->shapes, &c->nshape_room, c->nshape + 1, sizeof *c->shapes, err) != 0)
        return -PCLEAN_ENOMEM;
    memcpy(c->shapes[c->nshape], shape, c->ndim * sizeof *shape);
    *number = (uint32_t)++c->nshape;
    return 0;
}

static bool has_put(const bp_column *c, uint64_t row) {
    return (c->begun && row >= c->first && row < c->row + c->nrow) || has_bit(&c->spilled, row);
}

static uint32_t number_of_shape(const bp_column *c, uint64_t row) {
    if (has_bit(&c->spilled, row))
        return c->shape_of[row];
    size_t low = 0, high = c->nrun; /* the last run that does not begin after the row */
    while (high - low > 1) {
        const size_t mid = low + (high - low) / 2;
        if (c->run[mid].row <= row)
            low = mid;
        else
            high = mid;
    }
    return c->run[low].shape;
}

static const size_t *written_shape(const bp_column *c, uint64_t row) {
    return c->fixed ? c->shape : c->shapes[number_of_shape(c, row) - 1];
}

bool bp_written_shape(const bp_column *c, uint64_t row, const size_t **shape) {
    if (!has_put(c, row))
        return false;
    *shape = c->ndim ? written_shape(c, row) : c->shape;
    return true;
}

/* ---- blocks into the file ---- */

static int add_operator(bp_column *c, pclean_err *err) {
    const bp_file *f = c->file;
    size_t index = 0;
    if (c->operator&& adios2_add_operation(&index, c->variable, c->operator, "", "") != 0)
        return bp_adios_failed(f, "compress a column", err);
    for (size_t j = 0; c->operator&& j<f->noperator; j++)
        if (strcmp(f->operators[j].name, c->name) == 0 &&
            strcmp(f->operators[j].key, "Operator") != 0 &&
            adios2_set_operation_parameter(c->variable, index, f->operators[j].key,
                                           f->operators[j].value) != 0)
            return PCL_FAIL(err, PCLEAN_EPARAM, "column %s: the operator does not accept %s",
                            c->name, f->operators[j].key);
    return 0;
}

/* Rows of a column; of each cell [first, first + n) of the slowest axis. */
static int select_block(bp_column *c, uint64_t row, size_t nrow, const size_t *shape, size_t first,
                        size_t n, pclean_err *err) {
    size_t global[BP_MAXDIM + 1] = {SIZE_MAX}, start[BP_MAXDIM + 1] = {(size_t)row, first},
                              count[BP_MAXDIM + 1] = {nrow};
    bool larger = false;
    for (size_t i = 0; i < c->ndim; i++) {
        larger = larger || shape[i] > c->largest[i];
        c->largest[i] = shape[i] > c->largest[i] ? shape[i] : c->largest[i];
        global[i + 1] = c->largest[i];
        count[i + 1] = i ? shape[i] : n;
    }
    bool bad = false;
    if (!c->variable) {
        c->variable =
            adios2_define_variable(c->file->io, c->name, bp_adios_type(c->type), c->ndim + 1,
                                   global, start, count, adios2_constant_dims_false);
        if (!c->variable)
            return bp_adios_failed(c->file, "define a column", err);
        const int status = add_operator(c, err);
        if (status)
            return status;
    } else if (larger) {
        bad = adios2_set_shape(c->variable, c->ndim + 1, global) != 0;
    }
    bad = bad || adios2_set_selection(c->variable, c->ndim + 1, start, count) != 0;
    return bad ? bp_adios_failed(c->file, "select rows of a column", err) : 0;
}

static int write_let_through(bp_file *f, pclean_err *err) {
    if (adios2_perform_data_write(f->engine) != 0)
        return bp_adios_failed(f, "write (is the disk full?)", err);
    f->let_through = 0;
    bp_map_written(f);
    return 0;
}

int bp_need_room(bp_room *room, size_t bytes, pclean_err *err) {
    if (bytes <= room->size)
        return 0;
    pcl_free(room->bytes);
    room->bytes = NULL;
    room->size = 0;
    const int status = pcl_alloc((void **)&room->bytes, bytes, 1, "a block of rows", err);
    room->size = status ? 0 : bytes;
    return status;
}

/* Pieces of whole rows come one after the other, each with its own channels: data[row][first to
 * first + n of a cell]. */
static int gather(bp_file *f, const char *data, size_t nrow, size_t cell, const size_t *edge,
                  size_t npiece, pclean_err *err) {
    const int status = bp_need_room(&f->scratch, nrow * cell, err);
    char *out = f->scratch.bytes;
    for (size_t k = 0; k < npiece && !status; k++)
        for (size_t i = 0; i < nrow; i++, out += edge[k + 1] - edge[k])
            memcpy(out, data + i * cell + edge[k], edge[k + 1] - edge[k]);
    return status;
}

static int put_piece(bp_column *c, const void *data, size_t bytes, bool straight, pclean_err *err) {
    const size_t room = c->file->buffer_bytes / 2;
    if (!c->file->bp5 && room > 0 && bytes > room - room / 16)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "column %s: BP4 with a buffer of %zu bytes cannot store a cell of %zu: "
                        "take BP5, or a MaxBufferSize of %zu",
                        c->name, c->file->buffer_bytes, bytes, 3 * bytes);
    if (adios2_put(c->file->engine, c->variable, data,
                   straight ? adios2_mode_deferred : adios2_mode_sync) != 0)
        return bp_adios_failed(c->file, "write (is the disk full?)", err);
    return bp_map_note(c, data, bytes, err);
}

static size_t piece_count(const bp_column *c, size_t cell) {
    const size_t most = c->fixed && c->ndim > 0 ? c->shape[0] : 1,
                 fit = cell / PIECE_MIN < PIECES ? cell / PIECE_MIN : PIECES;
    const size_t n = most < fit ? most : fit;
    return n > 1 ? n : 1;
}

static int write_block(bp_column *c, uint64_t row, size_t nrow, const size_t *shape,
                       const void *data, pclean_err *err) {
    bp_file *f = c->file;
    const size_t cell = bp_cell_bytes(c->type, c->ndim, shape), bytes = nrow * cell,
                 npiece = piece_count(c, cell), slow = c->ndim ? shape[0] : 1;
    const bool straight = f->bp5 && f->mapped && bytes / npiece / 2 >= STRAIGHT;
    size_t first[PIECES + 1], edge[PIECES + 1]; /* of each piece: along the slowest axis, and in
                                                 * bytes of a cell */
    for (size_t k = 0; k <= npiece; k++)
        edge[k] = (first[k] = k * slow / npiece) * (slow ? cell / slow : 0);
    int status = f->bp5 && f->let_through > 0 && f->let_through + bytes > LET_THROUGH
                     ? write_let_through(f, err)
                     : 0;
    if (!status && npiece > 1)
        status = gather(f, data, nrow, cell, edge, npiece, err);
    for (size_t k = 0; k < npiece && !status; k++) {
        status = select_block(c, row, nrow, shape, first[k], first[k + 1] - first[k], err);
        if (!status)
            status =
                put_piece(c, npiece > 1 ? f->scratch.bytes + nrow * edge[k] : (const char *)data,
                          nrow * (edge[k + 1] - edge[k]), straight, err);
    }
    f->let_through += bytes;
    if (!status && straight)
        status = write_let_through(f, err);
    f->failed = f->failed || status != 0;
    return status;
}

int bp_flush(bp_column *c, pclean_err *err) {
    if (c->nrow == 0)
        return 0;
    const size_t nrow = c->nrow;
    c->nrow = 0;
    const int status = write_block(c, c->row, nrow, c->block_shape, c->buffer, err);
    c->row += nrow;
    return status;
}

/* Bytes of a block of rows: a part of what all columns may have, whole cells, at least one. */
static size_t block_bytes(const bp_column *c, size_t cell) {
    const bp_file *f = c->file;
    const bool small = !f->bp5 && f->buffer_bytes / 4 < BLOCK_MAX;
    const size_t most = small ? f->buffer_bytes / 4 : BLOCK_MAX;
    size_t share = BUFFERS / f->ncolumn;
    share = share < BLOCK_MIN ? BLOCK_MIN : share;
    share = share > most ? most : share;
    return cell >= share ? cell : (share + cell - 1) / cell * cell;
}

static int need_buffer(bp_column *c, size_t bytes, pclean_err *err) {
    if (c->buffer && bytes <= c->buffer_bytes)
        return 0;
    pcl_free(c->buffer);
    c->buffer = NULL;
    c->buffer_bytes = bytes;
    return pcl_alloc((void **)&c->buffer, bytes, 1, "a block of rows", err);
}

/* ---- rows out of order, in a scratch file ---- */

/* Cells of one size have their place by row; others are appended, and each row keeps where. */
static int scratch_place(bp_column *c, uint64_t row, size_t bytes, uint64_t *place,
                         pclean_err *err) {
    if (c->fixed) {
        *place = row * bytes;
        return 0;
    }
    const int status =
        bp_grow((void **)&c->place, &c->nplace, (size_t)row + 1, sizeof *c->place, err);
    if (status)
        return status;
    if (!has_bit(&c->spilled, row)) {
        c->place[row] = c->scratch_end;
        c->scratch_end += bytes;
    }
    *place = c->place[row];
    return 0;
}

static int open_scratch(bp_column *c, pclean_err *err) {
    char name[64];
    snprintf(name, sizeof name, "scratch.%ld.%p", (long)getpid(), (void *)c);
    c->scratch = openat(c->file->folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (c->scratch < 0)
        return PCL_FAIL(err, PCLEAN_EIO,
                        "%s: cannot make a scratch file for rows put out of order: %s",
                        c->file->path, strerror(errno));
    unlinkat(c->file->folder, name, 0);
    return 0;
}

static int spill(bp_column *c, uint64_t row, const size_t *shape, const void *cell,
                 pclean_err *err) {
    uint64_t place = 0;
    const size_t bytes = bp_cell_bytes(c->type, c->ndim, shape);
    int status = c->scratch < 0 ? open_scratch(c, err) : 0;
    if (!status)
        status = scratch_place(c, row, bytes, &place, err);
    if (!status)
        status = pcl_bulk_pwrite(c->scratch, c->file->path, cell, bytes, place, err);
    return status ? status : set_bit(&c->spilled, row, err);
}

static int read_spilled(bp_column *c, uint64_t row, size_t nrow, size_t cell, void *out,
                        pclean_err *err) {
    for (size_t i = 0; i < nrow; i++) {
        const uint64_t place = c->fixed ? (row + i) * cell : c->place[row + i];
        const size_t n = c->fixed ? nrow : 1; /* fixed ones lie together */
        const int status =
            pcl_bulk_pread(c->scratch, c->file->path, (char *)out + i * cell, n * cell, place, err);
        if (status)
            return status;
        if (c->fixed)
            break;
    }
    return 0;
}

/* The end of the rows from `row` that are spilled and have its shape, `most` at most. */
static uint64_t spilled_run(const bp_column *c, uint64_t row, size_t most) {
    uint64_t end = row + 1;
    while (end - row < most && has_bit(&c->spilled, end) &&
           (c->fixed || c->shape_of[end] == c->shape_of[row]))
        end++;
    return end;
}

int bp_write_spilled(bp_column *c, pclean_err *err) {
    int status = 0;
    for (uint64_t row = 0; !status && row < c->spilled.nword * 64;) {
        if (!has_bit(&c->spilled, row)) {
            row += c->spilled.word[row / 64] == 0 ? 64 - row % 64 : 1;
            continue;
        }
        const size_t *shape = written_shape(c, row);
        const size_t cell = bp_cell_bytes(c->type, c->ndim, shape),
                     room = block_bytes(c, cell ? cell : 1);
        const uint64_t end = spilled_run(c, row, cell ? room / cell : 1);
        status = need_buffer(c, room, err);
        if (!status)
            status = read_spilled(c, row, (size_t)(end - row), cell, c->buffer, err);
        if (!status)
            status = write_block(c, row, (size_t)(end - row), shape, c->buffer, err);
        row = end;
    }
    return status;
}

/* ---- putting ---- */

int bp_may_write(const bp_file *f, const char *column, pclean_err *err) {
    if (!f->writing || f->finished)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "column %s: an ADIOS2 column is written once, when its table is made, and "
                        "cannot be changed later: copy the table instead",
                        column);
    if (f->pid != getpid())
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "column %s: this ADIOS2 file was begun before a fork; only the process "
                        "that began it can write it",
                        column);
    return 0;
}

/* The shape of a row that is about to be put, of a variable column. */
static int remember_shape(bp_column *c, uint64_t row, const size_t *shape, bool in_order,
                          pclean_err *err) {
    uint32_t number;
    int status = shape_number(c, shape, &number, err);
    if (status || (in_order && c->nrun > 0 && c->run[c->nrun - 1].shape == number))
        return status;
    if (in_order) {
        status = bp_grow((void **)&c->run, &c->run_room, c->nrun + 1, sizeof *c->run, err);
        if (!status)
            c->run[c->nrun++] = (bp_run){row, number};
    } else {
        status = bp_grow((void **)&c->shape_of, &c->nshape_of, (size_t)row + 1, sizeof *c->shape_of,
                         err);
        if (!status)
            c->shape_of[row] = number;
    }
    return status;
}

static bool in_buffer(const bp_column *c, uint64_t row) {
    return row >= c->row && row - c->row < c->nrow;
}

static int replace(bp_column *c, uint64_t row, const size_t *shape, const void *cell,
                   pclean_err *err) {
    const size_t bytes = bp_cell_bytes(c->type, c->ndim, shape);
    if (!same_shape(c->ndim, written_shape(c, row), shape))
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "column %s, row %" PRIu64
                        ": put before with another shape, and that cannot be changed",
                        c->name, row);
    if (in_buffer(c, row)) {
        memcpy(c->buffer + (row - c->row) * bytes, cell, bytes);
        return 0;
    }
    if (has_bit(&c->spilled, row))
        return spill(c, row, shape, cell, err);
    return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                    "column %s, row %" PRIu64 ": put before, and already in the ADIOS2 file, where "
                    "it cannot be changed: put each row once",
                    c->name, row);
}

/* The next row of the run: into the buffer, which goes to the file when it is full or the shape
 * changes. */
static int append(bp_column *c, const size_t *shape, const void *cell, pclean_err *err) {
    const size_t bytes = bp_cell_bytes(c->type, c->ndim, shape),
                 room = block_bytes(c, bytes ? bytes : 1);
    int status = 0;
    if (c->nrow > 0 &&
        (!same_shape(c->ndim, c->block_shape, shape) || (c->nrow + 1) * bytes > c->buffer_bytes))
        status = bp_flush(c, err);
    if (!status && c->nrow == 0) {
        for (size_t i = 0; i < c->ndim; i++)
            c->block_shape[i] = shape[i];
        status = need_buffer(c, room, err);
    }
    if (status)
        return status;
    memcpy(c->buffer + c->nrow * bytes, cell, bytes);
    c->nrow++;
    return (c->nrow + 1) * bytes > c->buffer_bytes ? bp_flush(c, err) : 0;
}

int bp_put(bp_column *c, uint64_t row, size_t ndim, const size_t *shape, const void *cell,
           pclean_err *err) {
    int status = bp_may_write(c->file, c->name, err);
    if (status)
        return status;
    if (!c->begun && !c->fixed)
        c->ndim = ndim; /* the first cell says how many axes all have */
    if (ndim != c->ndim || ndim > BP_MAXDIM)
        return PCL_FAIL(
            err, PCLEAN_EUNSUPPORTED,
            "column %s, row %" PRIu64
            ": %zu axes, but ADIOS2 stores %zu for every cell of this column (at most %d)",
            c->name, row, ndim, c->ndim, BP_MAXDIM);
    if (c->fixed && !same_shape(ndim, c->shape, shape))
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "column %s, row %" PRIu64 ": not the shape of the column's cells", c->name,
                        row);
    if (has_put(c, row))
        return replace(c, row, shape, cell, err);
    if (!c->begun)
        c->first = c->row = row;
    c->begun = true;
    const bool in_order = row == c->row + c->nrow;
    status = c->fixed ? 0 : remember_shape(c, row, shape, in_order, err);
    if (status)
        return status;
    return in_order ? append(c, shape, cell, err) : spill(c, row, shape, cell, err);
}

int bp_append(bp_column *c, uint64_t row, uint64_t nrow, const void *cells, pclean_err *err) {
    const size_t bytes = bp_cell_bytes(c->type, c->ndim, c->shape);
    const char *in = cells;
    int status = nrow > 0 ? bp_put(c, row, c->ndim, c->shape, in, err) : 0;
    for (uint64_t done = 1, n; done < nrow && !status; done += n) {
        /* that the buffer has room for; an empty one may have to be made */
        n = c->nrow > 0 ? (c->buffer_bytes - c->nrow * bytes) / bytes : 1;
        n = n < nrow - done ? n : nrow - done;
        if (c->nrow > 0 && n > 1) {
            memcpy(c->buffer + c->nrow * bytes, in + done * bytes, (n - 1) * bytes);
            c->nrow += n - 1;
        }
        status = append(c, c->shape, in + (done + n - 1) * bytes, err); /* which also flushes */
    }
    return status;
}

/* What has been put and is still here. */
int bp_get_unfinished(bp_column *c, uint64_t row, size_t cell, void *out, pclean_err *err) {
    if (in_buffer(c, row)) {
        memcpy(out, c->buffer + (row - c->row) * cell, cell);
        return 0;
    }
    if (has_bit(&c->spilled, row))
        return read_spilled(c, row, 1, cell, out, err);
    return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                    "column %s, row %" PRIu64
                    ": already in the ADIOS2 file; close the table before reading it",
                    c->name, row);
}
