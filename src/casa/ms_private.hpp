/* ms_private.hpp: an opened MeasurementSet, as the files that open and read it share it:
 *
 *     ms_tables.cpp    the tables, checked column by column
 *     ms_open.cpp      opening and closing; what a failure is told with
 *     ms_select.cpp    the rows and channels that the expressions select
 *     ms_scan.cpp      one pass over the small columns of the selected rows
 *     ms_windows.cpp   data descriptions: channels, correlations, shapes of cells
 *     ms_describe.cpp  fields, antennas, telescope: casa_ms_info
 *     ms_read.cpp      blocks of rows
 *     ms_count.cpp     what selected rows hold, without their visibilities
 *
 * Each byte of the selected columns is to come from disk about once. Three things serve that: the
 * small scalar columns are read once at open and kept packed (8 bytes per row); bulk columns are
 * read with one block get per data description; and the tile caches hold what a block leaves
 * unfinished, so that the next block (or the next data description, where several share a
 * hypercube) finds it there. */
#ifndef PCL_MS_PRIVATE_HPP
#define PCL_MS_PRIVATE_HPP
#include "casa/casa_call.hpp"
#include "casa/lend.h"
#include "casa/ms_tables.hpp"
#include "casa/start.hpp"
#include <casacore/ms/MeasurementSets/MeasurementSet.h>
#include <casacore/tables/DataMan/TiledStManAccessor.h>
#include <casacore/tables/Tables/ArrayColumn.h>
#include <casacore/tables/Tables/RefRows.h>
#include <casacore/tables/Tables/ScalarColumn.h>
#include <climits>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

constexpr size_t ms_rows_at_once = 65536; // of the small columns, per step of a walk

/* An array that grows and is never initialised; std::vector would zero what is about to be read.
 * One that is lent takes its place while it is large enough. */
template <typename T> class ms_buffer {
  public:
    void lend(T *array, size_t n) {
        lent = array;
        lent_capacity = n;
        use_lent = false;
    }
    T *need(size_t n) {
        use_lent = lent && n <= lent_capacity;
        if (use_lent)
            return lent;
        if (n > capacity) {
            data.reset();
            capacity = 0;
            data.reset(new T[n]);
            capacity = n;
        }
        return data.get();
    }
    T *get() { return use_lent ? lent : data.get(); }

  private:
    std::unique_ptr<T[]> data;
    size_t capacity = 0;
    T *lent = nullptr;
    size_t lent_capacity = 0;
    bool use_lent = false;
};

/* Consecutive rows of the MS: index is the position of the first in the list of all rows walked. */
struct ms_run {
    uint64_t row, index;
};

struct ms_time_run {
    double time_s;
    uint64_t index;
};

/* What is kept of one row, cross-correlations only. */
struct ms_row_index {
    uint16_t antenna1, antenna2, dd;
    uint16_t field_and_flag; // field << 1 | FLAG_ROW
};

/* The scalar columns of some rows, as read. */
struct ms_scalars {
    casacore::Vector<casacore::Double> time;
    casacore::Vector<casacore::Int> antenna1, antenna2, field, ddid;
    casacore::Vector<casacore::Bool> flag_row;
};

/* A bulk column and the door to its tile cache. */
template <typename T> struct ms_bulk {
    casacore::ArrayColumn<T> column;
    // null: not tiled, or a reference table
    std::unique_ptr<casacore::ROTiledStManAccessor> tiles;
    std::string name;
};

/* A data description and its rows of the current block. */
struct ms_dd {
    casa_ms_dd face{};
    std::vector<double> chan_freq, chan_width;
    std::vector<int> number; // in the MS, of each channel; empty where they are the same
    std::vector<int> chansel, corr;
    // channels of the MS that are read: [first_chan, first_chan + span)
    size_t first_chan = 0, span = 0;
    uint64_t first_row = 0;
    std::vector<double> times; // distinct, but for what came since they were last sorted
    size_t sort_times_at = 4096;
    // of the current block
    std::vector<uint64_t> rows;
    std::vector<size_t> where; // position of each row in the block
    // rows whose cell of WEIGHT_SPECTRUM is filled, and the others
    std::vector<uint64_t> filled, empty;
    ms_buffer<double> time, uvw;
    ms_buffer<int> field, antenna1, antenna2;
    ms_buffer<bool> flag_row, flag;
    ms_buffer<float> vis, weight;
};

struct casa_ms {
    std::string path, telescope, observer, time_ref, datacolumn;
    std::string stage;           // what is being done, for the message of a failure
    casacore::Table main;        // the rows
    casacore::MeasurementSet ms; // sub-tables and selections; see ms_tables.hpp
    std::vector<std::string> warnings;
    std::vector<const char *> warning_faces;
    bool warned_of_frame = false;
    enum { unknown, absent, present } dates = unknown; // does any row have one?
    bool has_time = false;                             // a selected row has
    uint64_t nrow_no_time = 0, first_no_time = 0;
    bool whole = true;           // every row of the MS is selected
    bool describe_only = false;  // spw "-1"
    std::set<int> told_of_order; // spectral windows
    ms_bulk<casacore::Complex> data;
    ms_bulk<casacore::Bool> flag;
    ms_bulk<casacore::Float> weight, weight_spectrum;
    ms_bulk<casacore::Double> uvw;
    casacore::ScalarColumn<casacore::Double> time;
    casacore::ScalarColumn<casacore::Int> antenna1, antenna2, field_id, ddid;
    casacore::ScalarColumn<casacore::Bool> flag_row;
    std::map<int, std::vector<int>> channels; // by spectral window; empty: all of all
    std::vector<ms_dd> dds;                   // ascending ddid
    std::map<int, size_t> dd_of_id;
    std::vector<std::string> field_names;
    std::vector<casa_ms_field> fields;
    std::vector<double> dish_m; // of every antenna; 0: no diameter
    std::vector<casa_ms_dd> dd_faces;
    casa_ms_info info{};
    // rows
    std::vector<ms_run> runs;     // cross-correlations
    std::vector<ms_run> selected; // all selected rows, where they are not the same
    // `index` and `times` hold all rows; else the scalars are read again in each block
    bool indexed = true;
    std::vector<ms_row_index> index;
    std::vector<ms_time_run> times;
    // scratch of the current block
    std::vector<uint64_t> block_rows;
    ms_buffer<double> block_uvw;
};

/* For %llu. */
inline unsigned long long ms_ull(uint64_t n) {
    return n;
}

inline casacore::RefRows ms_ref_rows(const std::vector<uint64_t> &rows) {
    casacore::Vector<casacore::rownr_t> list(rows.size());
    std::copy(rows.begin(), rows.end(), list.begin());
    return casacore::RefRows(list, casacore::False, casacore::True);
}

/* ---- ms_open.cpp ---- */

void ms_warn(casa_ms &m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds the stage and the path to a failure and hands it to the caller. */
int ms_report(const char *path, const std::string &stage, pclean_err *failure, pclean_err *err);

/* Calls `body`, which fills what the caller gave. */
template <typename Body> int ms_call(casa_ms *ms, pclean_err *err, const Body &body) {
    pclean_err failure{};
    const int status = casa_call(&failure, nullptr, [&]() -> int {
        if (!casa_has_files_left())
            return PCL_FAIL(&failure, PCLEAN_EIO, "%s",
                            casa_too_many_files("more are needed to read").c_str());
        try {
            body();
        } catch (const ms_cell_error &e) {
            return PCL_FAIL(&failure, PCLEAN_EDATA, "%s", e.what());
        }
        return 0;
    });
    return status ? ms_report(ms->path.c_str(), ms->stage, &failure, err) : 0;
}

/* ---- ms_select.cpp ---- */

/* The selected rows into *selected, the selected channels into m.channels. */
int ms_apply_selection(casa_ms &m, const casa_ms_selection *sel, casacore::Table *selected,
                       pclean_err *err);

/* All selected rows, autocorrelations too: their runs, and how many there are. */
const std::vector<ms_run> &ms_selected_runs(const casa_ms &m);
size_t ms_count_selected(const casa_ms &m);

/* ---- ms_scan.cpp ---- */

/* Different numbers among many. */
class ms_numbers {
  public:
    void add(int id) {
        int &last = recent[static_cast<unsigned>(id) % 256];
        if (last == id)
            return;
        last = id;
        all.insert(id);
    }
    std::set<int> all;

  private:
    std::vector<int> recent = std::vector<int>(256, INT_MIN);
};

/* What the pass over the selected rows finds, besides m.runs, m.index and the data descriptions. */
struct ms_scan {
    ms_numbers antennas, fields;
    uint64_t nrow_auto = 0, nrow = 0;
    uint64_t last_row = 0;
};

/* One pass over the selected rows: separates the autocorrelations, finds data descriptions, fields
 * and antennas. */
int ms_scan_rows(casa_ms &m, const casacore::Table &selected, ms_scan &scan, pclean_err *err);

/* The small columns of these rows. */
void ms_read_scalars(casa_ms &m, const std::vector<uint64_t> &rows, ms_scalars *s);

/* A row without a time counts as flagged: its frequencies cannot be brought to the image's frame.
 * It gets a time that another row has, so that no sum meets what stood there. */
void ms_replace_times(casa_ms &m, casacore::Vector<casacore::Double> &time,
                      casacore::Vector<casacore::Bool> *flag_row);

/* The scalar columns often share buckets: with a large cache each bucket is read once for all
 * columns. */
void ms_set_scalar_cache(const casa_ms &m, bool large);

void ms_add_to_runs(std::vector<ms_run> &runs, uint64_t row, uint64_t index, uint64_t previous);

/* ---- ms_windows.cpp ---- */

/* The entry of a data description, made at its first row. */
int ms_find_dd(casa_ms &m, int ddid, uint64_t row, size_t *idd, pclean_err *err);

/* Brings the entries, which the scan makes in order of appearance, into the order of their ids, and
 * makes their faces. */
void ms_sort_dds(casa_ms &m);

/* Centres and widths of a window's channels, as many as NUM_CHAN says. */
int ms_read_window(const casacore::MSSpectralWindow &table, int spwid, std::vector<double> &freq,
                   std::vector<double> &width, pclean_err *err);

/* Number in the MS of channel c. */
int ms_number_of(const ms_dd &dd, int c);

/* Correlations, channels. */
casacore::IPosition ms_cell_shape(const ms_dd &dd);
std::string ms_shape_text(const casacore::IPosition &shape);

/* What is wrong with a cell of the column `name` that should have this shape, "" if nothing is. */
std::string ms_wrong_cell(const casacore::ArrayColumnBase &column, const std::string &name,
                          uint64_t row, const casacore::IPosition &want);

/* WEIGHT_SPECTRUM may exist with empty cells. A column of fixed shape has none. */
bool ms_spectrum_filled(const casa_ms &m, const ms_dd &dd, uint64_t row);

/* ---- ms_describe.cpp ---- */

/* Finds what TIME is in: m.time_ref. */
int ms_time_reference(casa_ms &m, pclean_err *err);

/* Fills m.info, but for the warnings. After the scan. */
int ms_describe(casa_ms &m, const ms_scan &scan, pclean_err *err);

/* ---- ms_read.cpp ---- */

/* Rows [irow, irow + nrow) of the walk with their scalars: the current block. */
void ms_prepare_block(casa_ms &m, size_t irow, size_t nrow);

/* UVW of all rows of the current block. */
void ms_read_uvw(casa_ms &m);
/* FLAG of the block's rows of a data description. shared: others may lie in the same hypercube. */
void ms_read_flags(casa_ms &m, ms_dd &dd, bool shared);

#endif
