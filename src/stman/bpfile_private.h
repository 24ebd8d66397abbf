/* bpfile_private.h: what bpfile.c (the file, writing), bpread.c (reading) and bpmap.c (places of blocks) share. */
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

/* A block that has been put: what it begins and ends with, and where it lies in data.0. */
typedef struct bp_place {
    const struct bp_column *column;
    size_t bytes;
    uint64_t head, tail, offset;
} bp_place;

/* A block whose place is known: rows [row, end), and of each cell [first, first + n) of its slowest axis. */
typedef struct bp_part {
    uint64_t row, end, offset;
    size_t first, n;
} bp_part;

struct bp_column {
    bp_file *file;
    bp_column *next;
    char *name;
    enum bp_type type;
    bool fixed;
    size_t ndim, shape[BP_MAXDIM]; /* shape: of fixed columns */
    adios2_variable *variable;     /* NULL: not defined yet, or not in the file */
    adios2_operator *operator;     /* that compresses it; NULL: none */

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
    bp_part *part; /* by row, then by `first`; NULL: places are not known, ADIOS2 reads */
    size_t npart;
    uint64_t last_row, step, asked_end; /* the last request; how far it jumped; rows before that are being fetched */
    bool follows;       /* the rows that are read now come after the last ones */
    char *window; /* rows [window_row, window_end), each of the column's largest shape; with parts, bytes of data.0 */
    uint64_t window_row, window_end, next_row;
    size_t window_bytes;
};

struct bp_file {
    char *path;
    bool writing, bp5, failed, finished, complete, close_failed;
    pid_t pid;
    int folder; /* of the .bp, open while it is written */
    adios2_adios *adios;
    adios2_io *io;
    adios2_engine *engine;
    bp_column *columns;
    size_t ncolumn, let_through;
    size_t buffer_bytes; /* BP4's MaxBufferSize; 0: not known */
    bp_param *operators;
    size_t noperator;

    bool mapped; /* the places of blocks are kept; reading: they are in map */
    bp_place *place;
    size_t nplace, place_room, nplaced;
    uint64_t data_end;
    char *map;
    int data; /* of data.0, open for reading */
    char *scratch;
    size_t scratch_bytes;
};

/* bpfile.c */
int bp_adios_failed(const bp_file *file, const char *what, pclean_err *err) PCL_CHECK;
int bp_open_engine(bp_file *file, pclean_err *err) PCL_CHECK;
int bp_may_write(const bp_file *file, const char *column, pclean_err *err) PCL_CHECK;
size_t bp_cell_bytes(enum bp_type type, size_t ndim, const size_t *shape);
bool bp_written_shape(const bp_column *c, uint64_t row, const size_t **shape);
int bp_get_unfinished(bp_column *c, uint64_t row, size_t cell, void *out, pclean_err *err) PCL_CHECK;

#define BP_HASH UINT64_C(14695981039346656037) /* of nothing */
uint64_t bp_hash(uint64_t hash, const void *data, size_t n); /* of what had `hash` and then data */
int bp_need_scratch(bp_file *file, size_t bytes, pclean_err *err) PCL_CHECK;
int bp_grow(void **array, size_t *n, size_t need, size_t size, pclean_err *err) PCL_CHECK;

/* bpmap.c: the file of places, in the .bp folder. */
#define BP_MAP "pclean.places"
/* Writing: a block has been put; ADIOS2 has written what was put; everything is written. */
int bp_map_note(bp_column *c, const void *data, size_t bytes, pclean_err *err) PCL_CHECK;
void bp_map_written(bp_file *file);
int bp_map_save(bp_file *file, pclean_err *err) PCL_CHECK;
/* Reading: the map; a column's parts, where it has them; cells of such a column as bp_get gets them. */
int bp_map_load(bp_file *file, pclean_err *err) PCL_CHECK;
int bp_map_column(bp_column *c, pclean_err *err) PCL_CHECK;
int bp_map_get(bp_column *c, uint64_t row, uint64_t nrow, const size_t *start, const size_t *count, char *out, pclean_err *err) PCL_CHECK;

/* bpread.c */
/* Copies the box start, count out of an array of shape `whole`. */
void bp_copy_box(size_t ndim, size_t element, const size_t *whole, const size_t *start, const size_t *count, const char *in, char *out);
int bp_column_open(bp_column *c, pclean_err *err) PCL_CHECK;
void bp_column_close(bp_column *c);

#endif
