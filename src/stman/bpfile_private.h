/* bpfile_private.h: what bpfile.c (the file, writing), bpread.c (reading), bpmap.c and bpparts.c
 * (places of blocks, and reading there) and bptext.c share. */
#ifndef PCL_BPFILE_PRIVATE_H
#define PCL_BPFILE_PRIVATE_H
#include "base/hash.h"
#include "stman/bpfile.h"
#include <adios2_c.h>
#include <pthread.h>
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

/* Rows put in order from `row` on have the shape of this number, up to the next run's. */
typedef struct bp_run {
    uint64_t row;
    uint32_t shape;
} bp_run;

/* A block that has been put: what it begins and ends with, and where it lies in data.0. */
typedef struct bp_place {
    const struct bp_column *column;
    size_t bytes;
    uint64_t head, tail, offset;
} bp_place;

/* A block whose place is known: rows [row, end), and of each cell [first, first + n) of its slowest
 * axis. */
typedef struct bp_part {
    uint64_t row, end, offset;
    size_t first, n;
} bp_part;

typedef struct bp_room {
    char *bytes;
    size_t size;
} bp_room;

struct bp_column {
    bp_file *file;
    bp_column *next;
    char *name;
    enum bp_type type;
    bool fixed;
    size_t ndim, shape[BP_MAXDIM]; /* shape: of fixed columns */
    adios2_variable *variable;     /* NULL: not defined yet, or not in the file */
    adios2_operator *operator;     /* that compresses it; NULL: none */

    /* writing: rows [first, row + nrow) were put in ascending order; others are spilled, into a
     * scratch file */
    bool begun;
    bp_bits spilled;
    char *buffer; /* rows [row, row + nrow), all of block_shape, that have not gone to the file */
    size_t buffer_bytes, nrow, block_shape[BP_MAXDIM], largest[BP_MAXDIM];
    uint64_t first, row;
    bp_run *run;        /* of variable columns: the shapes of rows in order */
    uint32_t *shape_of; /* and of spilled ones, by row; numbers of shapes count from 1 */
    size_t nrun, run_room, nshape_of, nshape, nshape_room;
    size_t (*shapes)[BP_MAXDIM];
    int scratch;
    uint64_t *place, scratch_end; /* in the scratch file, of variable columns */
    size_t nplace;

    /* text (bptext.c) */
    char **text; /* by row, while it is written and not packed */
    size_t ntext;
    bp_column *packed_text, *packed_rows; /* of text that is packed */

    /* reading */
    adios2_varinfo *info;
    bp_block *block; /* by row; of fixed columns adjacent ones are joined */
    size_t nblock, nfile_block;
    bp_part *part; /* by row, then by `first`; NULL: places are not known, ADIOS2 reads */
    size_t npart;
    uint64_t last_row, step, asked_end; /* the last request; how far it jumped; rows before that
                                         * are being fetched */
    bool follows;                       /* the rows that are read now come after the last ones */
    bp_room window; /* rows [window_row, window_end), each of the column's largest shape; with
                     * parts, the block that ends before part window_next */
    uint64_t window_row, window_end, next_row;
    size_t window_next;
    int stream;    /* data.0 again, for what is read in order */
    bp_room ahead; /* the block of part ahead_k, that a thread reads while ahead_runs */
    size_t ahead_k;
    bool ahead_runs, ahead_good;
    pthread_t ahead_thread;
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
    size_t ntext, text_bytes; /* texts in memory, of all columns */
    size_t buffer_bytes;      /* BP4's MaxBufferSize */
    bp_param *operators;
    size_t noperator;

    bool mapped; /* the places of blocks are kept; reading: they are in map */
    bp_place *place;
    size_t nplace, place_room, nplaced;
    uint64_t data_end;
    char *map;
    int data; /* of data.0, open for reading */
    bp_room scratch;
};

/* bpfile.c */
int bp_adios_failed(const bp_file *file, const char *what, pclean_err *err) PCL_CHECK;
adios2_type bp_adios_type(enum bp_type type);
bool bp_is_bp5(const char *path);
int bp_new(const char *path, bool writing, bp_file **out, pclean_err *err) PCL_CHECK;
/* ADIOS2 itself, with the settings of a file that is made, or none. */
int bp_start(bp_file *file, const bp_settings *settings, pclean_err *err) PCL_CHECK;

/* bpsums.c: a file with the checksum of each metadata file, written last; *known: there is one. */
int bp_sums_write(const bp_file *file, bool sync, pclean_err *err) PCL_CHECK;
int bp_sums_check(const char *path, int folder, bool *known, pclean_err *err) PCL_CHECK;

/* bpopen.c */
int bp_open_engine(bp_file *file, pclean_err *err) PCL_CHECK;

/* bpwrite.c */
int bp_may_write(const bp_file *file, const char *column, pclean_err *err) PCL_CHECK;
size_t bp_cell_bytes(enum bp_type type, size_t ndim, const size_t *shape);
bool bp_written_shape(const bp_column *c, uint64_t row, const size_t **shape);
/* Puts the row's cell and those after it, of a fixed column that was put in order up to there. */
int bp_append(bp_column *c, uint64_t row, uint64_t nrow, const void *cells,
              pclean_err *err) PCL_CHECK;
int bp_get_unfinished(bp_column *c, uint64_t row, size_t cell, void *out,
                      pclean_err *err) PCL_CHECK;
/* The rows in memory become a block of the file. */
int bp_flush(bp_column *c, pclean_err *err) PCL_CHECK;
/* The rows that came out of order, too. */
int bp_write_spilled(bp_column *c, pclean_err *err) PCL_CHECK;

/* at least so many; what was in it is lost */
int bp_need_room(bp_room *room, size_t bytes, pclean_err *err) PCL_CHECK;
int bp_grow(void **array, size_t *n, size_t need, size_t size, pclean_err *err) PCL_CHECK;

/* bpmap.c: the file of places, in the .bp folder. */
#define BP_MAP "pclean.places"
/* Writing: a block has been put; ADIOS2 has written what was put; everything is written. */
int bp_map_note(bp_column *c, const void *data, size_t bytes, pclean_err *err) PCL_CHECK;
void bp_map_written(bp_file *file);
int bp_map_save(bp_file *file, pclean_err *err) PCL_CHECK;
/* Reading: the map; a column's parts, where it has them; its slowest axis, 1 for scalars; the byte
 * after a part. */
int bp_map_load(bp_file *file, pclean_err *err) PCL_CHECK;
int bp_map_column(bp_column *c, pclean_err *err) PCL_CHECK;
size_t bp_slow_axis(const bp_column *c);
uint64_t bp_part_end(const bp_column *c, const bp_part *part);

/* bpparts.c: cells of a column that has parts, as bp_get gets them; the thread that reads ahead
 * ends. */
int bp_parts_get(bp_column *c, uint64_t row, uint64_t nrow, const size_t *start,
                 const size_t *count, char *out, pclean_err *err) PCL_CHECK;
void bp_parts_end_ahead(bp_column *c);

/* bptext.c. Writing: what is in memory goes to the file. Reading: is the column packed? Whether the
 * row has a text. */
int bp_text_write(bp_column *c, pclean_err *err) PCL_CHECK;
int bp_text_open(bp_column *c, pclean_err *err) PCL_CHECK;
bool bp_text_is_there(const bp_column *c, uint64_t row);
void bp_text_free(bp_column *c);

/* bpread.c */
int bp_not_written(const bp_column *c, uint64_t row, pclean_err *err) PCL_CHECK;
int bp_follow_fork(bp_file *f, pclean_err *err) PCL_CHECK;
int bp_bad_block(const bp_column *c, pclean_err *err) PCL_CHECK;
/* The number of the first range that ends after the row; n: none does. The n ranges are in
 * ascending order. `end` points to the end of the first one; that of the next lies `stride` bytes
 * further. */
size_t bp_find_range(const uint64_t *end, size_t stride, size_t n, uint64_t row);
/* Copies the box start, count out of an array of shape `whole`. */
void bp_copy_box(size_t ndim, size_t element, const size_t *whole, const size_t *start,
                 const size_t *count, const char *in, char *out);
int bp_column_open(bp_column *c, pclean_err *err) PCL_CHECK;
void bp_column_close(bp_column *c);

#endif
