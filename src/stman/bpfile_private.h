/* bpfile_private.h: what bpfile.c (the file, writing) and bpread.c (reading) share. */
#ifndef PCL_BPFILE_PRIVATE_H
#define PCL_BPFILE_PRIVATE_H
#include "stman/bpfile.h"
#include <adios2_c.h>
#include <sys/types.h>

/* A row for each bit. */
typedef struct bp_bits {
    uint64_t *word;
    size_t nword;
} bp_bits;

/* Rows [row, end) of a column in the file; of variable columns with their shape. */
typedef struct bp_block {
    uint64_t row, end;
    const size_t *shape;
} bp_block;

struct bp_column {
    bp_file *file;
    bp_column *next;
    char *name;
    enum bp_type type;
    bool fixed;
    size_t ndim, shape[BP_MAXDIM]; /* shape: of fixed columns */
    adios2_variable *variable;     /* NULL: not defined yet, or not in the file */

    /* writing */
    bp_bits put, spilled;
    char *buffer; /* rows [row, row + nrow), all of block_shape; row + nrow is the row that continues the run */
    size_t buffer_bytes, nrow, block_shape[BP_MAXDIM], largest[BP_MAXDIM];
    uint64_t row;
    uint32_t *shape_of; /* of variable columns: by row, 1 + index into shapes */
    size_t nshape_of, nshape, nshape_room;
    size_t (*shapes)[BP_MAXDIM];
    int scratch;
    uint64_t *place, scratch_end; /* in the scratch file, of variable columns */
    size_t nplace;
    char **text; /* by row */
    size_t ntext;

    /* reading */
    adios2_varinfo *info;
    bp_block *block; /* by row; of fixed columns adjacent ones are joined */
    size_t nblock, nfile_block;
    char *window; /* rows [window_row, window_end), each of the column's largest shape */
    uint64_t window_row, window_end, next_row;
    size_t window_bytes;
};

struct bp_file {
    char *path;
    bool writing, bp5, failed, finished, complete;
    pid_t pid;
    int folder; /* of the .bp, open while it is written */
    adios2_adios *adios;
    adios2_io *io;
    adios2_engine *engine;
    bp_column *columns;
    size_t ncolumn, let_through;
    bp_param *operators;
    size_t noperator;
};

/* bpfile.c */
int bp_adios_failed(const bp_file *file, const char *what, pclean_err *err) PCL_CHECK;
int bp_open_engine(bp_file *file, pclean_err *err) PCL_CHECK;
int bp_may_write(const bp_file *file, const char *column, pclean_err *err) PCL_CHECK;
size_t bp_cell_bytes(enum bp_type type, size_t ndim, const size_t *shape);
bool bp_written_shape(const bp_column *c, uint64_t row, const size_t **shape);
int bp_get_unfinished(bp_column *c, uint64_t row, size_t cell, void *out, pclean_err *err) PCL_CHECK;

/* bpread.c */
int bp_column_open(bp_column *c, pclean_err *err) PCL_CHECK;
void bp_column_close(bp_column *c);

#endif
