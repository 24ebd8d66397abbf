/* casa.h: the only door to casacore. Pure C; every body runs inside casa_call() so that no
 * exception leaves this folder.
 *
 * casacore is not thread-safe and a Table must not cross a fork: call everything here from one
 * thread, and close every handle before forking. Tables are opened with TableLock::NoLocking, so
 * read-only media and tables locked by another program work. Paths are file-system paths. Angles
 * rad, frequencies Hz, times s (MJD * 86400) in the reference named beside them. Complex data are
 * (re, im) float pairs, layout-compatible with `float complex`. */
#ifndef PCL_CASA_H
#define PCL_CASA_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Routes casacore's log messages to pcl_log and checks that the measures data (observatories,
 * TAI_UTC) are found. Call once, before anything else here. */
int casa_init(pclean_err *err) PCL_CHECK;
/* Whatever casacore holds for this thread is given up: its process ends. What is still open is of
 * no use any more but to be closed. The next call begins anew. */
void casa_end(void);
/* true: the last call of this thread failed because casacore's process died, again where it was
 * done again. */
bool casa_has_died(void);

/* What casacore's processes of this thread have used since the last casa_end. */
typedef struct casa_usage {
    double cpu_seconds;
    uint64_t read_bytes; /* from files */
    uint64_t peak_bytes; /* memory that nothing can evict, at its largest since the last
                             * casa_restart_peak */
    uint64_t address_bytes,
        data_bytes; /* what counts for ulimit -v and ulimit -d, at its largest */
} casa_usage;
/* Zeros where casacore is in this process. */
void casa_get_usage(casa_usage *out);
void casa_restart_peak(void);

/* Until casa_end a call of this thread that takes long asks whether to stop, and then ends with
 * -PCLEAN_EINTERRUPTED. */
void casa_stop_when(int (*stop_requested)(void *user), void *user);
const char *casa_version(void); /* "3.5.0", static storage */

/* ---- sky directions and spectral frames (coords.cpp) ---- */

/* A direction in one of casacore's frames; `frame` is the MDirection code, 0 = J2000. */
typedef struct casa_direction {
    int frame;
    double lon_rad, lat_rad;
} casa_direction;

/* "J2000 12h56m44 21d41m05", "ICRS ...", "B1950 ...", "GALACTIC ...", or without a frame (J2000).
 * tclean's syntax. */
int casa_direction_parse(const char *text, casa_direction *out, pclean_err *err) PCL_CHECK;
int casa_direction_convert(const casa_direction *in, int to_frame, casa_direction *out,
                           pclean_err *err) PCL_CHECK;
const char *casa_direction_frame_name(int frame); /* "J2000", "ICRS", "B1950_VLA" ...; static */

/* Spectral frame codes are casacore's MFrequency::Types (REST 0, LSRK 1, LSRD 2, BARY 3, GEO 4,
 * TOPO 5, GALACTO 6 ...). */
int casa_freq_frame_parse(const char *name, int *frame, pclean_err *err) PCL_CHECK;
const char *casa_freq_frame_name(int frame);
#define CASA_FREQ_UNDEFINED 64 /* the label of an axis in no frame */

/* Stokes codes are casacore's Stokes::StokesTypes (I 1, Q 2, U 3, V 4, RR 5, RL 6, LR 7, LL 8, XX
 * 9, XY 10, YX 11, YY 12). */
const char *casa_stokes_name(int code);

/* ---- MeasurementSets (ms_*.cpp) ---- */

typedef struct casa_ms casa_ms;

/* MSSelection expressions, "" or NULL = all; the same syntax and meaning as tclean's. spw "-1",
 * CASA's word for none: the MS is described as the other expressions select it, but no row is there
 * to be read (ndd and nrow are 0). */
typedef struct casa_ms_selection {
    const char *field, *spw, *timerange, *uvrange, *antenna, *scan, *observation, *intent;
    const char *taql;       /* a condition of casacore's query language, ANDed with the others */
    const char *datacolumn; /* "data", "corrected" (falls back to DATA when the column is absent)
                             * or "model" */
} casa_ms_selection;

/* One data description (spectral window x polarization) that has selected rows. Arrays belong to
 * the casa_ms. */
typedef struct casa_ms_dd {
    int ddid, spwid, polid;
    /* Channels of the spectral window, in the order of the MS; where their frequencies neither rise
     * nor fall all along it, by ascending frequency. */
    size_t nchan;
    const double *chan_freq_hz;  /* [nchan] centres, in frame freq_ref */
    const double *chan_width_hz; /* [nchan] absolute values */
    const int *number;           /* [nchan] number of each channel in the MS, as users count;
                                  * NULL: 0, 1, 2 ... */
    size_t nchansel;             /* selected channels (spw="0:10~20;30~40") */
    const int *chansel;          /* [nchansel] ascending indices into the window */
    int freq_ref;                /* MFrequency code of CHAN_FREQ */
    size_t ncorr;
    const int *corr; /* [ncorr] Stokes codes as stored */
    size_t nrow;     /* selected rows with this ddid, autocorrelations excluded */
} casa_ms_dd;

/* Number in the MS of channel c of the window. */
static inline int casa_ms_channel_number(const casa_ms_dd *dd, int c) {
    return dd->number ? dd->number[c] : c;
}

/* The step from channel to channel of the window, whichever are selected; the smallest one where
 * steps differ by more than 1 %. 0 when it has one frequency. */
static inline double casa_ms_spacing(const casa_ms_dd *dd) {
    double first = 0, least = 0;
    bool even = true;
    for (size_t i = 1; i < dd->nchan; i++) {
        const double step = dd->chan_freq_hz[i] - dd->chan_freq_hz[i - 1],
                     size = step < 0 ? -step : step;
        first = i == 1 ? size : first;
        even = even && size > 0.99 * first && size < 1.01 * first;
        least = size > 0 && (least == 0 || size < least) ? size : least;
    }
    return even ? first : least;
}

typedef struct casa_ms_field {
    int id;
    const char *name;
    casa_direction phase_dir; /* its own frame */
} casa_ms_field;

/* What the selected rows of an opened MS say. Borrowed from the casa_ms. */
typedef struct casa_ms_info {
    const char *path;
    size_t nrow;      /* rows that casa_ms_read will walk: selected, cross-correlations
                       * only */
    size_t nrow_auto; /* selected autocorrelation rows, left out */
    size_t ndd;
    const casa_ms_dd *dd;
    size_t nfield; /* fields with selected rows, by ascending id */
    const casa_ms_field *field;
    size_t nantenna;                  /* rows of ANTENNA */
    const double *antenna_dish_m;     /* [nantenna] DISH_DIAMETER; 0 where it is no diameter */
    const char *telescope, *observer; /* OBSERVATION row 0 */
    double dish_diameter_m; /* smallest and equal-to-all flag below, antennas of selected rows */
    bool dish_diameter_mixed;
    double position_itrf_m[3]; /* observatory table entry of `telescope`; first antenna where
                                * unknown */
    bool position_from_table;
    bool position_known; /* false: neither; then it is 0, 0, 0 and casa_doppler must not be
                          * asked */
    double first_time_s; /* TIME of the first selected row that has one (row order of the
                          * MS, autocorrelations included as tclean does) */
    double time_min_s, time_max_s; /* over the selected rows */
    const char *time_ref;          /* "UTC", "TAI" ...: TIME column's MEASINFO */
    double restfreq_hz;     /* SOURCE.REST_FREQUENCY of first selected field/spw, 0 when there
                             * is none */
    const char *datacolumn; /* column that is read: "DATA", "CORRECTED_DATA", "MODEL_DATA" */
    bool has_weight_spectrum;
    size_t nwarning; /* what is wrong with the MS and does not stop an image: sentences
                      * that begin with its path */
    const char *const *warning;
    uint64_t column_bytes; /* size on disk of the data-manager files that hold the columns
                            * that are read */
} casa_ms_info;

/* Opens read-only and applies the selection. Errors name the path and the failing expression; an
 * empty selection is -PCLEAN_EDATA and says which expression emptied it where that can be told. */
int casa_ms_open(const char *path, const casa_ms_selection *sel, casa_ms **out,
                 pclean_err *err) PCL_CHECK;
void casa_ms_close(casa_ms *ms);
const casa_ms_info *casa_ms_get_info(const casa_ms *ms);

/* Rows of one data description inside a block. All arrays borrowed from the casa_ms, valid until
 * the next read or close. Order: rows as in the MS; [row][chan][corr] with corr fastest, selected
 * channels only. */
typedef struct casa_ms_rows {
    size_t nrow;
    const uint64_t *row;            /* [nrow] number in the MS, from 0 */
    const double *time_s;           /* [nrow] */
    const double *uvw_m;            /* [nrow][3]; may hold NaN */
    const int *field_id;            /* [nrow] */
    const int *antenna1, *antenna2; /* [nrow] */
    const bool *flag_row;           /* [nrow] */
    const float *vis;               /* [nrow][nchansel][ncorr][2] */
    const bool *flag;               /* [nrow][nchansel][ncorr] */
    const float *weight;            /* [nrow][weight_nchan][ncorr]; WEIGHT_SPECTRUM where its cell
                                     * is filled, else WEIGHT */
    size_t weight_nchan;            /* nchansel or 1 */
} casa_ms_rows;

/* ---- the selection by itself: every selected row, autocorrelations too, in the order of the MS */

/* Opens and selects, and reads no more than the selection needs: serves the two functions below,
 * nothing else. */
int casa_ms_open_rows(const char *path, const casa_ms_selection *sel, casa_ms **out,
                      pclean_err *err) PCL_CHECK;
size_t casa_ms_selected(const casa_ms *ms, size_t *nrow_of_ms);
/* Number in the MS (from 0) of selected row i. */
uint64_t casa_ms_row_number(const casa_ms *ms, size_t i);

/* What selected rows hold; the MS is one opened by casa_ms_open.
 * The distinct times of the cross-correlation rows of a data description, in no order; borrowed. */
size_t casa_ms_times(casa_ms *ms, size_t idd, const double **time_s);
/* nrow[k][idd]: cross-correlation rows of slice k < nslice: selected rows [cut[k], cut[k + 1]); or,
 * with last_time [nslice] ascending, those whose TIME is above last_time[k - 1] and not above
 * last_time[k]. */
int casa_ms_count_rows(casa_ms *ms, size_t nslice, const size_t *cut, const double *last_time,
                       size_t *nrow, pclean_err *err) PCL_CHECK;
/* TIME of all selected rows into time_s [casa_ms_selected]. */
int casa_ms_read_times(casa_ms *ms, double *time_s, pclean_err *err) PCL_CHECK;
/* The phase centre of a field of the table FIELD, by its number or its name (any case; the first
 * one of that name), whether it has selected rows or not. -PCLEAN_EPARAM: there is none. */
int casa_ms_field_direction(casa_ms *ms, const char *field, casa_direction *out,
                            pclean_err *err) PCL_CHECK;
/* Largest |u|, |v|, |w| in m of the rows of each data description that imaging uses: not flagged
 * whole, UVW finite. uvw_m [ndd]. rotation [nfield]: UVW of each field of casa_ms_info are
 * multiplied by this first; NULL: taken as they are. */
int casa_ms_largest_uvw(casa_ms *ms, const double (*rotation)[3][3], double (*uvw_m)[3],
                        pclean_err *err) PCL_CHECK;
/* Unflagged samples: a sample is a channel of a cross-correlation row; it counts when none of the
 * correlations in want[idd] (bit k: correlation k; 0: none counts) is flagged, nor the row. of_row
 * [casa_ms_selected] or NULL; of_chan[idd][nchansel] or NULL. */
int casa_ms_count_samples(casa_ms *ms, const uint32_t *want, uint64_t *of_row,
                          uint64_t *const *of_chan, pclean_err *err) PCL_CHECK;

/* Reads rows [irow, irow+nrow) of the selection (cross-correlations, MS order) and fills
 * rows[0..ndd). */
int casa_ms_read(casa_ms *ms, size_t irow, size_t nrow, casa_ms_rows *rows,
                 pclean_err *err) PCL_CHECK;

/* A change of spectral frame, for an observer who looks at a direction. */
typedef struct casa_frame_change {
    int from, to;              /* MFrequency codes */
    double position_itrf_m[3]; /* of the observer */
    const char *time_ref;      /* what times are in: "UTC", "TAI" ... */
    casa_direction direction;
} casa_frame_change;

/* factor[i] = frequency in the frame `to` / frequency in the frame `from` at time_s[i] [ntime]. One
 * Doppler factor serves all frequencies. */
int casa_doppler(const casa_frame_change *change, size_t ntime, const double *time_s,
                 double *factor, pclean_err *err) PCL_CHECK;

/* freq_hz [n] at time_s -> out_hz [n], as tclean converts single frequencies (casacore's
 * MFrequency::Convert): what casa_doppler is checked against. */
int casa_freq_convert(const casa_frame_change *change, double time_s, size_t n,
                      const double *freq_hz, double *out_hz, pclean_err *err) PCL_CHECK;

/* The folders a table is made of: its own, those of the tables it refers to (a reference table) or
 * consists of (a Multi-MS), and the sub-tables of each. A NULL-terminated list in one block
 * (pcl_free); one that does not exist is in it, too. (folders.cpp) */
int casa_table_folders(const char *path, char ***folders, pclean_err *err) PCL_CHECK;

/* ---- CASA images (image.cpp) ---- */

typedef struct casa_image_desc {
    size_t nx, ny, npol, nchan;
    int stokes[4];                           /* Stokes codes of the planes */
    casa_direction centre;                   /* reference value; its frame is the image's frame */
    double crpix_x, crpix_y;                 /* 0-based: nx/2, ny/2 in integer division */
    double increment_x_rad, increment_y_rad; /* -cell, +cell */
    const char *projection;                  /* "SIN" */
    int freq_frame;                          /* MFrequency code of the label */
    double crval_hz, cdelt_hz;               /* channel 0 centre and spacing */
    const double *chan_freq_hz;              /* NULL, or [nchan] for a tabular axis */
    double restfreq_hz;
    const char *telescope, *observer, *object;
    double obsdate_s; /* with time_ref */
    const char *time_ref;
    double position_itrf_m[3];
    const char *unit; /* "Jy/beam", "Jy/pixel" or "" */
} casa_image_desc;

/* How the pixels of a finished image lie in the file `pixel_file` (TiledCellStMan, one plane =
 * ntile_x*ntile_y tiles). */
typedef struct casa_image_layout {
    char pixel_file[1024];
    size_t tile_x, tile_y; /* tile depth is 1 on the Stokes and spectral axes */
    bool big_endian;       /* byte order of the floats */
    uint64_t size_bytes;   /* whole file */
    /* The default mask, "" when there is none: the same tiles, one bit a pixel (lowest bit first),
     * each tile in whole bytes. */
    char mask_file[1024];
} casa_image_layout;

/* Side of the tiles of an image with n pixels along it. Pure. */
size_t casa_image_tile_edge(size_t n);
/* Bytes on disk of the pixels of such an image, and of its default mask where it has one. Pure. */
uint64_t casa_image_bytes(const casa_image_desc *desc, bool mask);

/* Creates the image folder `path` (must not exist) with everything but its pixels and beams, and
 * closes it: coordinates, units, miscinfo, object, table structure; tile shape [tile_x, tile_y, 1,
 * 1]. `mask` NULL, or [ny][nx], true = good: stored as the default mask "mask0", the same for every
 * plane. */
int casa_image_create(const char *path, const casa_image_desc *desc, const bool *mask,
                      casa_image_layout *layout, pclean_err *err) PCL_CHECK;

/* How the line of the history begins that says which planes have no beam of their own; then
 * "0-3, 7", their numbers, polarization faster than channel. */
#define CASA_BORROWED_LINE "no beam of their own: planes "

/* After the pixels are in: restoring beams (major, minor FWHM rad, pa rad north through east; per
 * plane, nbeam = nchan*npol with pol fastest; 1 = one beam; 0 = none), and history lines. CASA
 * wants a beam in every plane or in none, so one without its own borrows: axes below 0 are (but for
 * the sign) those of another plane's beam; axes of 0 stand for the largest there is. A line of the
 * history says which planes have borrowed. Then the image is read back, as below. */
typedef struct casa_beam {
    double major_rad, minor_rad, pa_rad;
} casa_beam;
int casa_image_finish(const char *path, const casa_beam *beams, size_t nbeam,
                      const char *const *history, size_t nhistory, pclean_err *err) PCL_CHECK;

/* Reads back what makes a new image one, from its files and as casacore does: the types of its
 * tables, which casacore writes without a look at whether the disk takes them, the header, the
 * mask, at least nhistory lines of history. All of its tables must be closed. */
int casa_image_read_back(const char *path, size_t nhistory, pclean_err *err) PCL_CHECK;

/* Reading, for masks, start models and tests: any CASA image (any tile shape, virtual
 * concatenations). */
typedef struct casa_image casa_image;
int casa_image_open(const char *path, casa_image **out, pclean_err *err) PCL_CHECK;
void casa_image_close(casa_image *im);
/* desc strings borrowed from im. nbeam as above. Axes missing in the file count as length 1. */
int casa_image_get_desc(casa_image *im, casa_image_desc *desc, pclean_err *err) PCL_CHECK;
int casa_image_read_plane(casa_image *im, size_t ipol, size_t ichan, float *pixels /* [ny][nx] */,
                          bool *mask /* [ny][nx] or NULL */, pclean_err *err) PCL_CHECK;
int casa_image_get_beam(casa_image *im, size_t ipol, size_t ichan, casa_beam *beam, bool *has,
                        pclean_err *err) PCL_CHECK;
/* The beams of all planes at once, [nchan][npol]; those that the history calls borrowed with axes
 * below 0, as above. *any false: the image has none, and beams are zero. */
int casa_image_get_beams(casa_image *im, casa_beam *beams, bool *any, pclean_err *err) PCL_CHECK;

/* ---- the storage manager Adios2StMan (adios2.cpp) ---- */

/* The folder of our plug-in, for CASACORE_LDPATH: beside libpclean, as built or as installed; ""
 * where it was not built. casa_init has casacore use it, loading it when the first table asks for
 * it. Static storage. */
const char *casa_adios2_folder(void);

/* Loads the plug-in; where there is none, a sentence (-PCLEAN_EUNSUPPORTED). Then the version of
 * ADIOS2 is known, else "". */
int casa_adios2_load(pclean_err *err) PCL_CHECK;
const char *casa_adios2_version(void);

/* A throw-away table `path` (must not exist) with a column under the manager: made, written, opened
 * again, compared. */
int casa_adios2_try(const char *path, pclean_err *err) PCL_CHECK;

/* Names of the columns that the manager holds, a NULL-terminated list in one block (pcl_free), and
 * the engine of the file. */
int casa_adios2_columns(const char *path, char ***columns, char engine[32],
                        pclean_err *err) PCL_CHECK;

/* The file of casacore's library of tables. Static storage. */
const char *casa_library_path(void);

/* ---- tables copied under other managers (copy.cpp) ---- */

enum casa_copy_target { CASA_COPY_ADIOS2, CASA_COPY_TILED };

typedef struct casa_copy_spec {
    const char *path;             /* the table to copy: plain, reference or concatenated */
    enum casa_copy_target target; /* where the columns go */
    const char *const *columns;   /* NULL-terminated; those of them that the table has. NULL: all
                                   * under Adios2StMan */
    const char *engine;           /* of Adios2StMan, as SPEC's ENGINETYPE */
    const char *const *params;    /* NULL, or key, value, ..., NULL: ENGINEPARAMS */
    const char *xml_file;         /* NULL, or instead of both */
    const char *taql;             /* NULL, or the WHERE of the rows to copy */
    const int *ddid;              /* NULL, or only rows of these DATA_DESC_ID */
    size_t nddid;
} casa_copy_spec;

typedef struct casa_copy_info {
    uint64_t nrow;
    uint64_t cell_bytes; /* of all columns, as far as it can be known: what a progress counts */
    char columns[512];   /* the columns that move, for a message */
    char variable[512];  /* those of them whose cells stay of different shapes; "" if none */
    char text[512];      /* those of them of text of too many rows for the form of casacore's
                          * own manager; "" if none */
} casa_copy_info;

typedef struct casa_copy casa_copy;

/* Reads the sub-tables that the table names and that exist, some thousand rows of each. What cannot
 * be opened as a table is no error of this. */
int casa_copy_check(const char *path, pclean_err *err) PCL_CHECK;

/* Opens and selects. No row, no column to move, a sub-table missing that an MS must have:
 * -PCLEAN_EDATA; not a table: -PCLEAN_EIO. */
int casa_copy_open(const casa_copy_spec *spec, casa_copy **out, casa_copy_info *info,
                   pclean_err *err) PCL_CHECK;
void casa_copy_close(casa_copy *copy);

/* Makes the new table, empty but for its rows. A moved column whose cells all have one shape gets
 * that as its fixed shape. */
int casa_copy_create(casa_copy *copy, const char *out, pclean_err *err) PCL_CHECK;

/* Copies the next block of rows of a column; *bytes of cells. *more is false when nothing is
 * left. */
int casa_copy_step(casa_copy *copy, uint64_t *bytes, bool *more, pclean_err *err) PCL_CHECK;

/* Sub-tables, then closes the new table: everything is in its files. */
int casa_copy_finish(casa_copy *copy, pclean_err *err) PCL_CHECK;

/* Opens the new table for comparing; then casa_copy_compare as casa_copy_step. all: every block,
 * else the first, the last and each sixteenth of a column. A difference: -PCLEAN_EIO that names
 * column and row. */
int casa_copy_reopen(casa_copy *copy, const char *out, bool all, pclean_err *err) PCL_CHECK;
int casa_copy_compare(casa_copy *copy, uint64_t *bytes, bool *more, pclean_err *err) PCL_CHECK;

/* The spectral windows that rows of the MS belong to: their ids, ascending, and for each row of
 * DATA_DESCRIPTION its window (-1: no row of the MS has it). Both the caller's (pcl_free). */
int casa_copy_windows(const char *path, int **spw, size_t *nspw, int **spw_of_ddid, size_t *nddid,
                      pclean_err *err) PCL_CHECK;

#ifdef __cplusplus
}
#endif
#endif
