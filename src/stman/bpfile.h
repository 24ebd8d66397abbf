/* bpfile.h: table columns in an ADIOS2 BP file of one step, laid out as casacore's Adios2StMan lays
 * them out.
 *
 * A column of numbers is one variable of its name, a global array [row][cell, slowest axis first];
 * a column of text is one scalar string variable NAME<row> for each row, or, when it is long,
 * packed into two columns of numbers (bptext.c). Shapes are slowest axis first throughout, arrays
 * row-major, numbers in the machine's byte order. A file is written once, by one process, and can
 * then be read by many.
 *
 * Writing. Rows put in ascending order without gaps go to the file in blocks of some MiB. All other
 * orders are collected in a scratch file beside it (unlinked, so nothing stays behind) and written
 * at the end in row order. Either way the memory is bounded: 32 MiB of rows for all columns
 * together, 8 MiB of text, and the engine's own buffer.
 *
 * A handle belongs to the process that made it. A forked child may read (it opens the file anew),
 * but not write. Not thread-safe. */
#ifndef PCL_BPFILE_H
#define PCL_BPFILE_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BP_MAXDIM 16 /* axes of a cell */

enum bp_type {
    BP_UINT8,
    BP_INT8,
    BP_INT16,
    BP_UINT16,
    BP_INT32,
    BP_UINT32,
    BP_INT64,
    BP_FLOAT,
    BP_DOUBLE,
    BP_COMPLEX,
    BP_DCOMPLEX,
    BP_STRING
};
size_t bp_type_size(enum bp_type type); /* 0 for BP_STRING */

/* One engine parameter, one parameter of a transport (name: "File" ...) or of an operator (name: a
 * variable, key "Operator": the compressor). */
typedef struct bp_param {
    char *name, *key, *value;
} bp_param;

typedef struct bp_settings {
    char *engine;   /* NULL or "": BP5 */
    char *xml_file; /* NULL or "": none; its settings for the I/O "Adios2StMan" then take the
                     * place of all others */
    bp_param *engine_param, *transport_param, *operator_param;
    size_t nengine_param, ntransport_param, noperator_param;
} bp_settings;

/* Whether the engine's name can be used here: BP4, BP5, BPFile or none. */
int bp_check_engine(const char *engine, pclean_err *err) PCL_CHECK;

typedef struct bp_file bp_file;
typedef struct bp_column bp_column;

/* Begins a new file; what is there under this name is replaced. settings are copied. */
int bp_create(const char *path, const bp_settings *settings, bp_file **out,
              pclean_err *err) PCL_CHECK;

/* Opens a finished file. A file whose writer did not come to its end, or that is damaged, is an
 * error: the sums that bp_finish leaves are compared; without them (another program's file) a child
 * process tries the file first. */
int bp_open(const char *path, bp_file **out, pclean_err *err) PCL_CHECK;

/* "BP4" or "BP5". */
const char *bp_engine(const bp_file *file);

/* The column `name`, as it will be written or as it is in the file. shape NULL: cells may differ in
 * shape, but not in their number of axes (ndim then counts for nothing). ndim 0 with a shape: one
 * number, or text, per row. A column that is not in an opened file has no written row. The column
 * belongs to the file. */
int bp_column_new(bp_file *file, const char *name, enum bp_type type, size_t ndim,
                  const size_t *shape, bp_column **out, pclean_err *err) PCL_CHECK;

/* Whether the row has been put; *ndim and shape[BP_MAXDIM] (both may be NULL) are set then. */
bool bp_row_shape(bp_column *column, uint64_t row, size_t *ndim, size_t *shape);

/* Puts one cell. A row that has been put already is replaced while it has not gone to the file;
 * later that is an error. */
int bp_put(bp_column *column, uint64_t row, size_t ndim, const size_t *shape, const void *cell,
           pclean_err *err) PCL_CHECK;

/* Gets cells [row, row + nrow) into out[nrow][cell], or the box start, count [ndim] of each (NULL:
 * whole cells). The rows must have one shape. Rows that nobody has put are an error that names the
 * first. Works for what has just been put, too. */
int bp_get(bp_column *column, uint64_t row, uint64_t nrow, const size_t *start, const size_t *count,
           void *out, pclean_err *err) PCL_CHECK;

/* The same for text; *out is NUL-terminated and the caller's (pcl_free). */
int bp_put_text(bp_column *column, uint64_t row, const char *text, size_t length,
                pclean_err *err) PCL_CHECK;
int bp_get_text(bp_column *column, uint64_t row, char **out, size_t *length,
                pclean_err *err) PCL_CHECK;

/* Whether a column is packed (bptext.c), so far. */
bool bp_has_packed_text(const bp_file *file);

/* Ends writing: everything goes to the file and its sums beside it, synced when asked. After a
 * failure the file is one that bp_open refuses. Nothing for an opened file. */
int bp_finish(bp_file *file, bool sync, pclean_err *err) PCL_CHECK;

/* Frees; a file that was not finished stays unreadable. In a forked child the parent's file is left
 * alone. */
void bp_free(bp_file *file);

#endif
