// ms.cpp: reads MeasurementSets: selection, description, and row blocks. Also the start-up of
// casacore.
//
// Each byte of the selected columns is to come from disk about once. Three things serve that: the
// small scalar columns are read once at open and kept packed (8 bytes per row); bulk columns are
// read with one block get per data description; and the tile caches hold what a block leaves
// unfinished, so that the next block (or the next data description, where several share a
// hypercube) finds it there.
#include "casa/casa_call.hpp"
extern "C" {
#include "base/fsutil.h"
}
#include "casa/adios2.hpp"
#include "casa/ms_tables.hpp"
#include "casa/spw.hpp"
#include <algorithm>
#include <array>
#include <casacore/casa/Arrays/ArrayMath.h>
#include <casacore/casa/Logging/LogSink.h>
#include <casacore/casa/OS/Path.h>
#include <casacore/casa/version.h>
#include <casacore/measures/Measures/MCPosition.h>
#include <casacore/measures/Measures/MeasConvert.h>
#include <casacore/measures/Measures/MeasTable.h>
#include <casacore/ms/MSSel/MSSelection.h>
#include <casacore/ms/MeasurementSets/MSAntennaColumns.h>
#include <casacore/ms/MeasurementSets/MSFieldColumns.h>
#include <casacore/ms/MeasurementSets/MeasurementSet.h>
#include <casacore/tables/DataMan/IncrStManAccessor.h>
#include <casacore/tables/DataMan/StandardStManAccessor.h>
#include <casacore/tables/DataMan/TiledStManAccessor.h>
#include <casacore/tables/Tables/ArrayColumn.h>
#include <casacore/tables/Tables/RefRows.h>
#include <casacore/tables/Tables/ScalarColumn.h>
#include <climits>
#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <map>
#include <memory>
#include <pwd.h>
#include <set>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

using namespace casacore;

namespace {

constexpr size_t scan_rows = 65536;                   // rows per step of the scan at open
constexpr size_t max_index_bytes = size_t(64) << 20;  // packed scalars are kept up to here
constexpr size_t max_scalar_cache = size_t(16) << 20; // StandardStMan buckets kept during the scan
// per column, unless one row of tiles needs more
constexpr size_t max_tile_cache = size_t(32) << 20;

/* ---- start-up ---- */

/* casacore's log goes to pcl_log. Notes on Earth orientation and the age of the leap second table
 * come with every Debian installation and change LSRK by 4e-11 at most: told once, as debug. */
class LogToPcl : public LogSinkInterface {
  public:
    Bool postLocally(const LogMessage &message) override {
        if (!filter().pass(message))
            return False;
        std::string text = message.message();
        std::replace(text.begin(), text.end(), '\n', ' ');
        const bool noise = is_known_noise(text);
        if (noise && !noise_told.insert(text.substr(0, 16)).second)
            return True;
        const bool warning = !noise && message.priority() >= LogMessage::WARN;
        if (warning && held)
            held->push_back(text);
        else
            tell(warning ? PCL_LOG_WARNING : PCL_LOG_DEBUG, text);
        return True;
    }
    String id() const override { return "LogToPcl"; }
    void tell(pcl_log_level level, const std::string &text) {
        if (text != previous)
            pcl_log(level, "casacore: %s", text.c_str());
        previous = text;
    }
    std::vector<std::string> *held = nullptr; // warnings go there

  private:
    static bool is_known_noise(const std::string &text) {
        for (const char *word :
             {"IERS", "Earth axis", "TAI_UTC seems out-of-date", "lstat failed for"})
            if (text.find(word) != std::string::npos)
                return true;
        return false;
    }
    std::set<std::string> noise_told;
    std::string previous;
};

/* While it lives casacore's warnings are held back. What casacore warns of and then refuses would
 * be said twice. */
class HeldWarnings {
  public:
    HeldWarnings() : sink(dynamic_cast<LogToPcl *>(&LogSink::globalSink())) {
        if (sink)
            sink->held = &texts;
    }
    HeldWarnings(const HeldWarnings &) = delete;
    HeldWarnings &operator=(const HeldWarnings &) = delete;
    ~HeldWarnings() {
        if (sink)
            sink->held = nullptr;
    }
    void tell() const {
        for (const std::string &text : texts)
            sink->tell(PCL_LOG_WARNING, text);
    }

  private:
    LogToPcl *sink;
    std::vector<std::string> texts;
};

/* Can this process open as many files as the columns of a table may need? (casacore opens some only
 * when it reads, and ends the process where it then finds no more for /proc/meminfo.) */
bool has_files_left() {
    std::vector<int> files;
    while (files.size() < 16 && (files.empty() || files.back() >= 0))
        files.push_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
    const bool left = files.back() >= 0;
    for (const int file : files)
        if (file >= 0)
            close(file);
    return left;
}

int check_measures_data(pclean_err *err) {
    std::string missing;
    try {
        MeasTable::Observatories();
    } catch (const std::exception &) {
        missing = "the table of observatories (Debian package casacore-data-observatories)";
    }
    try {
        MeasTable::dUTC(51544.0);
    } catch (const std::exception &) {
        missing += missing.empty() ? "" : " and ";
        missing += "the leap seconds TAI_UTC (casacore-data-tai-utc)";
    }
    if (missing.empty())
        return 0;
    if (!has_files_left())
        return PCL_FAIL(err, PCLEAN_EIO, "%s",
                        casa_too_many_files("casacore's measures data cannot be opened").c_str());
    return PCL_FAIL(err, PCLEAN_ECASA, "casacore's measures data lack %s: install what is named",
                    missing.c_str());
}

/* ---- small helpers ---- */

/* An array that grows and is never initialised; std::vector would zero what is about to be read. */
template <typename T> class Buffer {
  public:
    T *need(size_t n) {
        if (n > capacity) {
            data.reset();
            capacity = 0;
            data.reset(new T[n]);
            capacity = n;
        }
        return data.get();
    }
    T *get() { return data.get(); }

  private:
    std::unique_ptr<T[]> data;
    size_t capacity = 0;
};

/* Consecutive rows of the MS: index is the position of the first in the list of all rows walked. */
struct Run {
    uint64_t row, index;
};

struct TimeRun {
    double time_s;
    uint64_t index;
};

/* What is kept of one row, cross-correlations only. */
struct RowIndex {
    uint16_t antenna1, antenna2, dd;
    uint16_t field_and_flag; // field << 1 | FLAG_ROW
};

/* The scalar columns of some rows, as read. */
struct Scalars {
    Vector<Double> time;
    Vector<Int> antenna1, antenna2, field, ddid;
    Vector<Bool> flag_row;
};

/* A bulk column and the door to its tile cache. */
template <typename T> struct Bulk {
    ArrayColumn<T> column;
    std::unique_ptr<ROTiledStManAccessor> tiles; // null: not tiled, or a reference table
    std::string name;
};

struct Expression {
    const char *name;
    std::string text;  // as it was given
    std::string meant; // what casacore is told
};

struct DataDescription {
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
    Buffer<double> time, uvw;
    Buffer<int> field, antenna1, antenna2;
    Buffer<bool> flag_row, flag;
    Buffer<float> vis, weight;
};

RefRows ref_rows(const std::vector<uint64_t> &rows) {
    Vector<rownr_t> list(rows.size());
    std::copy(rows.begin(), rows.end(), list.begin());
    return RefRows(list, False, True);
}

uint64_t data_manager_bytes(const std::string &table, int seqnr) {
    const std::string name = "table.f" + std::to_string(seqnr);
    uint64_t bytes = 0;
    DIR *dir = opendir(table.c_str());
    if (!dir)
        return 0;
    while (const dirent *entry = readdir(dir)) {
        // table.f3, table.f3i, table.f3_TSM0, the folder table.f3.bp
        const std::string file = entry->d_name;
        uint64_t size;
        if (file.compare(0, name.size(), name) == 0 &&
            (file.size() == name.size() || !isdigit(file[name.size()])) &&
            pcl_fs_tree_size((table + "/" + file).c_str(), &size, nullptr) == 0)
            bytes += size;
    }
    closedir(dir);
    return bytes;
}

} // namespace

struct casa_ms {
    std::string path, telescope, observer, time_ref, datacolumn, stage;
    Table main;        // the rows
    MeasurementSet ms; // sub-tables and selections; see ms_tables.hpp
    std::vector<std::string> warnings;
    std::vector<const char *> warning_faces;
    bool warned_of_frame = false;
    enum { unknown, absent, present } dates = unknown; // does any row have one?
    bool has_time = false;                             // a selected row has
    uint64_t nrow_no_time = 0, first_no_time = 0;
    bool whole = true;           // every row of the MS is selected
    bool describe_only = false;  // spw "-1"
    std::set<int> told_of_order; // spectral windows
    Bulk<Complex> data;
    Bulk<Bool> flag;
    Bulk<Float> weight, weight_spectrum;
    Bulk<Double> uvw;
    ScalarColumn<Double> time;
    ScalarColumn<Int> antenna1, antenna2, field_id, ddid;
    ScalarColumn<Bool> flag_row;
    std::map<int, std::vector<int>> channels; // by spectral window; empty: all of all
    std::vector<DataDescription> dds;         // ascending ddid
    std::map<int, size_t> dd_of_id;
    std::vector<std::string> field_names;
    std::vector<casa_ms_field> fields;
    std::vector<casa_ms_dd> dd_faces;
    casa_ms_info info{};
    // rows
    std::vector<Run> runs;     // cross-correlations
    std::vector<Run> selected; // all selected rows, where they are not the same
    // `index` and `times` hold all rows; else the scalars are read again in each block
    bool indexed = true;
    std::vector<RowIndex> index;
    std::vector<TimeRun> times;
    // scratch of the current block
    std::vector<uint64_t> block_rows;
    Buffer<double> block_uvw;
    Buffer<float> scratch;
};

namespace {

void warn(casa_ms &m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void warn(casa_ms &m, const char *fmt, ...) {
    char text[500];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    m.warnings.push_back(m.path + ": " + text);
}

unsigned long long number(uint64_t row) {
    return row;
}

/* ---- opening ---- */

int open_tables(casa_ms &m, const casa_ms_selection *sel, pclean_err *err) {
    ms_tables tables;
    const int status = ms_tables_open(m.path, sel, &tables, err);
    if (status)
        return status;
    m.main = tables.main;
    m.ms = tables.ms;
    for (const std::string &text : tables.lacks)
        warn(m, "%s: not needed for an image", text.c_str());
    return 0;
}

int choose_datacolumn(casa_ms &m, const char *wanted, pclean_err *err) {
    const TableDesc &desc = m.main.tableDesc();
    const std::string want = wanted && *wanted ? wanted : "corrected";
    if (want == "corrected")
        m.datacolumn = desc.isColumn("CORRECTED_DATA") ? "CORRECTED_DATA" : "DATA";
    else if (want == "data")
        m.datacolumn = "DATA";
    else if (want == "model")
        m.datacolumn = "MODEL_DATA";
    else
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "datacolumn \"%s\" is not one of data, corrected, model", want.c_str());
    if (desc.isColumn(m.datacolumn) && desc[m.datacolumn].isArray() &&
        desc[m.datacolumn].dataType() == TpComplex)
        return 0;
    if (desc.isColumn(m.datacolumn))
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "the column %s of the main table does not hold complex visibilities",
                        m.datacolumn.c_str());
    if (desc.isColumn("FLOAT_DATA"))
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "there is no column %s, only FLOAT_DATA: single-dish data hold no "
                        "visibilities to image",
                        m.datacolumn.c_str());
    return PCL_FAIL(err, PCLEAN_EDATA, "there is no column %s (datacolumn: %s)",
                    m.datacolumn.c_str(), want.c_str());
}

template <typename T> void attach(Bulk<T> &bulk, const Table &table, const std::string &name) {
    bulk.name = name;
    bulk.column.attach(table, name);
    try {
        bulk.tiles.reset(new ROTiledStManAccessor(table, name, True));
    } catch (const std::exception &) {
        bulk.tiles.reset(); // another storage manager: nothing to tune
    }
}

void attach_columns(casa_ms &m) {
    attach(m.data, m.main, m.datacolumn);
    attach(m.flag, m.main, "FLAG");
    attach(m.weight, m.main, "WEIGHT");
    attach(m.uvw, m.main, "UVW");
    if (m.main.tableDesc().isColumn("WEIGHT_SPECTRUM"))
        attach(m.weight_spectrum, m.main, "WEIGHT_SPECTRUM");
    m.time.attach(m.main, "TIME");
    m.antenna1.attach(m.main, "ANTENNA1");
    m.antenna2.attach(m.main, "ANTENNA2");
    m.field_id.attach(m.main, "FIELD_ID");
    m.ddid.attach(m.main, "DATA_DESC_ID");
    m.flag_row.attach(m.main, "FLAG_ROW");
}

/* ---- selection ---- */

/* "-1", as a text of spw */
bool says_none(const char *spw) {
    const char *word = spw ? spw + strspn(spw, " \t") : "";
    return strncmp(word, "-1", 2) == 0 && word[2 + strspn(word + 2, " \t")] == '\0';
}

std::vector<Expression> expressions(const casa_ms_selection *sel) {
    const std::pair<const char *, const char *> all[] = {
        {"field", sel->field},
        {"spw", sel->spw},
        {"timerange", sel->timerange},
        {"uvrange", sel->uvrange},
        {"antenna", sel->antenna},
        {"scan", sel->scan},
        {"observation", sel->observation},
        {"intent", sel->intent},
        {"taql", sel->taql},
    };
    std::vector<Expression> given;
    for (const auto &one : all)
        if (one.second && one.second[strspn(one.second, " \t")] != '\0' &&
            !(one.first == all[1].first && says_none(one.second)))
            given.push_back({one.first, one.second, one.second});
    return given;
}

void set_expression(MSSelection &selection, const Expression &e) {
    const std::string name = e.name;
    if (name == "field")
        selection.setFieldExpr(e.meant);
    else if (name == "spw")
        selection.setSpwExpr(e.meant);
    else if (name == "timerange")
        selection.setTimeExpr(e.meant);
    else if (name == "uvrange")
        selection.setUvDistExpr(e.meant);
    else if (name == "antenna")
        selection.setAntennaExpr(e.meant);
    else if (name == "scan")
        selection.setScanExpr(e.meant);
    else if (name == "observation")
        selection.setObservationExpr(e.meant);
    else if (name == "taql")
        selection.setTaQLExpr(e.meant);
    else
        selection.setStateExpr(e.meant);
}

/* The rows of a selection, as a reference table (the MS itself when nothing narrows it). */
Table select_rows(const MeasurementSet &ms, MSSelection &selection) {
    const TableExprNode node = selection.toTableExprNode(&ms);
    return node.isNull() ? Table(ms) : ms(node);
}

size_t count_alone(const MeasurementSet &ms, const Expression &e) {
    MSSelection selection;
    set_expression(selection, e);
    return select_rows(ms, selection).nrow();
}

/* After a selection threw: the expression that throws on its own, with MSSelection's words. */
int explain_refused(const MeasurementSet &ms, const std::vector<Expression> &given,
                    const std::string &message, pclean_err *err) {
    for (const Expression &e : given)
        try {
            count_alone(ms, e);
        } catch (const std::exception &x) {
            return PCL_FAIL(err, PCLEAN_EDATA, "%s=\"%s\": %s", e.name, e.text.c_str(),
                            casa_first_line(x.what()).c_str());
        }
    return PCL_FAIL(err, PCLEAN_EDATA, "the selection failed: %s", message.c_str());
}

/* After a selection gave no rows: the expressions that match nothing on their own, or all of them
 * together. */
int explain_empty(const MeasurementSet &ms, const std::vector<Expression> &given, pclean_err *err) {
    std::string all;
    for (const Expression &e : given) {
        if (count_alone(ms, e) == 0)
            return PCL_FAIL(err, PCLEAN_EDATA, "%s=\"%s\" selects no rows", e.name, e.text.c_str());
        all += (all.empty() ? "" : ", ") + ms_format("%s=\"%s\"", e.name, e.text.c_str());
    }
    return PCL_FAIL(err, PCLEAN_EDATA, "no row matches %s together (each matches some alone)",
                    all.c_str());
}

/* MSSelection's channel list: rows of (spw, first, last, step). */
void keep_channels(casa_ms &m, const Matrix<Int> &list) {
    std::map<int, std::set<int>> sets;
    for (rownr_t i = 0; i < list.nrow(); i++) {
        const int lo = std::min(list(i, 1), list(i, 2)), hi = std::max(list(i, 1), list(i, 2));
        const int step = std::max(1, std::abs(list(i, 3)));
        for (int c = lo; c <= hi; c += step)
            sets[list(i, 0)].insert(c);
    }
    for (const auto &one : sets)
        m.channels[one.first] = std::vector<int>(one.second.begin(), one.second.end());
}

/* MSSelection moves a channel number beyond the last channel to the last one ("0:100~200" gives
 * channel 62 of 63). What lies outside altogether is a mistake: plain numbers that start beyond
 * every selected window's end are refused. */
int check_channel_numbers(const casa_ms &m, const std::string &spw, pclean_err *err) {
    const ScalarColumn<Int> num_chan(m.ms.spectralWindow(), "NUM_CHAN");
    int most = 0;
    for (const auto &one : m.channels)
        most = std::max(most, num_chan(static_cast<rownr_t>(one.first)));
    bool channels = false;
    for (size_t i = 0; i < spw.size(); i++) {
        if (spw[i] == ',')
            channels = false;
        else if (spw[i] == ':')
            channels = true;
        const bool starts = spw[i] == ':' || (channels && spw[i] == ';');
        char *end;
        const char *text = spw.c_str() + i + 1;
        if (!starts || !isdigit(text[strspn(text, " ")]))
            continue;
        // without a unit it is a channel for casacore, also with a decimal point
        const double first = strtod(text, &end);
        end += strspn(end, " ");
        // a unit would follow here
        const char *after = *end == '~' ? end + 1 + strspn(end + 1, " 0123456789.eE+-") : end;
        if (strchr(";,^", *after) == nullptr || first < most) // strchr finds the final NUL too
            continue;
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "spw=\"%s\": there is no channel %.10g, the spectral windows have up to %d "
                        "channels (a frequency needs its unit, as 1.42GHz)",
                        spw.c_str(), first, most);
    }
    return 0;
}

int read_window(const MSSpectralWindow &table, int spwid, std::vector<double> &freq,
                std::vector<double> &width, pclean_err *err);

int check_windows(const casa_ms &m, pclean_err *err) {
    std::vector<double> freq, width;
    int status = 0;
    for (rownr_t row = 0; status == 0 && row < m.ms.spectralWindow().nrow(); row++)
        status = read_window(m.ms.spectralWindow(), static_cast<int>(row), freq, width, err);
    return status;
}

/* Frequencies that casacore would misread become channel numbers. */
int translate_spw(const MeasurementSet &ms, std::vector<Expression> &given, pclean_err *err) {
    for (Expression &e : given)
        try {
            if (strcmp(e.name, "spw") == 0)
                e.meant = spw_without_frequencies(ms, e.text);
        } catch (const AipsError &x) {
            return PCL_FAIL(err, PCLEAN_EDATA, "spw=\"%s\": %s", e.text.c_str(),
                            casa_first_line(x.what()).c_str());
        }
    return 0;
}

int apply_selection(casa_ms &m, const casa_ms_selection *sel, Table *selected, pclean_err *err) {
    std::vector<Expression> given = expressions(sel);
    *selected = m.main;
    m.describe_only = says_none(sel->spw);
    if (given.empty())
        return 0;
    // MSSelection reads them without looking
    int status = sel->spw && *sel->spw ? check_windows(m, err) : 0;
    if (status)
        return status;
    const HeldWarnings warnings;
    if ((status = translate_spw(m.ms, given, err)) != 0)
        return status;
    std::string refused;
    { // MSSelection's error handlers are static: one object at a time
        MSSelection selection;
        for (const Expression &e : given)
            set_expression(selection, e);
        try {
            *selected = select_rows(m.ms, selection);
            if (sel->spw && *sel->spw && !m.describe_only)
                keep_channels(m, selection.getChanList(nullptr, 1, True));
        } catch (const std::bad_alloc &) {
            throw;
        } catch (const std::exception &x) {
            refused = casa_first_line(x.what());
        }
    }
    if (!refused.empty())
        return explain_refused(m.ms, given, refused, err);
    if (selected->nrow() == 0)
        return explain_empty(m.ms, given, err);
    warnings.tell();
    m.whole = selected->nrow() == m.main.nrow();
    return m.channels.empty() ? 0 : check_channel_numbers(m, sel->spw, err);
}

/* ---- rows ---- */

/* 1890 to 2175. */
bool is_date(double time_s) {
    return time_s > 1e9 && time_s < 1e10;
}

/* Does any row of the MS, selected or not, have a date? (Simulated times may count from 0.) */
bool has_dates(casa_ms &m) {
    if (m.dates == casa_ms::unknown) {
        m.dates = casa_ms::absent;
        Vector<Double> times;
        for (rownr_t row = 0; m.dates == casa_ms::absent && row < m.main.nrow(); row += scan_rows) {
            m.time.getColumnRange(Slicer(IPosition(1, static_cast<ssize_t>(row)),
                                         IPosition(1, static_cast<ssize_t>(std::min<rownr_t>(
                                                          scan_rows, m.main.nrow() - row)))),
                                  times, True);
            if (std::any_of(times.begin(), times.end(), is_date))
                m.dates = casa_ms::present;
        }
    }
    return m.dates == casa_ms::present;
}

bool is_time(casa_ms &m, double time_s) {
    return is_date(time_s) || (std::isfinite(time_s) && std::fabs(time_s) < 1e10 && !has_dates(m));
}

/* A row without a time counts as flagged: its frequencies cannot be brought to the image's frame.
 * It gets a time that another row has, so that no sum meets what stood there. */
void replace_times(casa_ms &m, Vector<Double> &time, Vector<Bool> *flag_row) {
    for (size_t i = 0; i < time.size(); i++)
        if (!is_time(m, time[i])) {
            time[i] = m.info.first_time_s;
            if (flag_row)
                (*flag_row)[i] = true;
        }
}

void read_scalars(casa_ms &m, const std::vector<uint64_t> &rows, Scalars *s) {
    const RefRows refs = ref_rows(rows);
    m.time.getColumnCells(refs, s->time, True);
    m.antenna1.getColumnCells(refs, s->antenna1, True);
    m.antenna2.getColumnCells(refs, s->antenna2, True);
    m.field_id.getColumnCells(refs, s->field, True);
    m.ddid.getColumnCells(refs, s->ddid, True);
    m.flag_row.getColumnCells(refs, s->flag_row, True);
}

/* The earliest, the latest and the first time of the selected rows that have one; counts those that
 * have none. */
void scan_times(casa_ms &m, const std::vector<uint64_t> &rows, const Scalars &s) {
    for (size_t i = 0; i < rows.size(); i++) {
        const double time_s = s.time[i];
        if (!is_time(m, time_s)) {
            if (m.nrow_no_time++ == 0)
                m.first_no_time = rows[i];
            continue;
        }
        if (!m.has_time)
            m.info.first_time_s = m.info.time_min_s = m.info.time_max_s = time_s;
        m.has_time = true;
        m.info.time_min_s = std::min(m.info.time_min_s, time_s);
        m.info.time_max_s = std::max(m.info.time_max_s, time_s);
    }
}

/* After the scan. */
int check_times(casa_ms &m, pclean_err *err) {
    if (!m.has_time)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "the main table: TIME of none of the %llu selected rows is a time",
                        number(m.nrow_no_time));
    if (m.nrow_no_time > 0)
        warn(m,
             "TIME of %llu rows (the first is row %llu) is not a time: they are left out, as if "
             "they were flagged",
             number(m.nrow_no_time), number(m.first_no_time));
    if (!is_date(m.info.first_time_s))
        warn(m,
             "TIME begins at %g s, long before there were telescopes: spectral frames and dates "
             "mean nothing",
             m.info.first_time_s);
    return 0;
}

template <typename Accessor>
void set_bucket_cache(const Table &table, const String &column, size_t bucket, bool large) {
    Accessor accessor(table, column, True);
    if (!large)
        accessor.clearCache();
    accessor.setCacheSize(
        large ? static_cast<uInt>(std::max<size_t>(2, max_scalar_cache / bucket)) : 2, False);
}

/* The scalar columns often share buckets: enough of them are cached that each bucket is read once
 * for all columns. */
void set_scalar_cache(const casa_ms &m, bool large) {
    const Record managers = m.main.dataManagerInfo();
    for (uInt i = 0; i < managers.nfields(); i++) {
        const Record &one = managers.subRecord(i);
        const Vector<String> columns = one.asArrayString("COLUMNS");
        const String type = one.asString("TYPE");
        if (columns.empty() || (type != "StandardStMan" && type != "IncrementalStMan"))
            continue;
        const size_t bucket =
            static_cast<size_t>(std::max(1, one.subRecord("SPEC").asInt("BUCKETSIZE")));
        try {
            if (type == "StandardStMan")
                set_bucket_cache<ROStandardStManAccessor>(m.main, columns[0], bucket, large);
            else
                set_bucket_cache<ROIncrementalStManAccessor>(m.main, columns[0], bucket, large);
        } catch (const std::exception &) {
            // a reference table: its parent's caches stay as they are
        }
    }
}

int find_dd(casa_ms &m, int ddid, uint64_t row, size_t *idd, pclean_err *err);

/* Different numbers among many. */
class Numbers {
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

struct Scan {
    Numbers antennas, fields;
    uint64_t nrow_auto = 0, nrow = 0;
    uint64_t last_row = 0;
};

void sort_times(DataDescription &dd) {
    std::sort(dd.times.begin(), dd.times.end());
    dd.times.erase(std::unique(dd.times.begin(), dd.times.end()), dd.times.end());
}

/* Rows mostly come in order of time; where they do not, the list is cleaned each time it has
 * doubled. */
void note_time(DataDescription &dd, double time_s) {
    if (!dd.times.empty() && dd.times.back() == time_s)
        return;
    if (dd.times.size() >= dd.sort_times_at) {
        sort_times(dd);
        dd.sort_times_at = std::max<size_t>(4096, 2 * dd.times.size());
    }
    dd.times.push_back(time_s);
}

void add_to_runs(std::vector<Run> &runs, uint64_t row, uint64_t index, uint64_t previous) {
    if (index == 0 || row != previous + 1)
        runs.push_back({row, index});
}

/* Adds one cross-correlation row to the lists. */
int scan_row(casa_ms &m, Scan &scan, uint64_t row, const Scalars &s, size_t i, pclean_err *err) {
    size_t idd = 0;
    int status = find_dd(m, s.ddid[i], row, &idd, err);
    if (status)
        return status;
    m.dds[idd].face.nrow++;
    if (m.has_time) // else no row has had one yet
        note_time(m.dds[idd], s.time[i]);
    add_to_runs(m.runs, row, scan.nrow, scan.last_row);
    scan.last_row = row;
    scan.antennas.add(s.antenna1[i]);
    scan.antennas.add(s.antenna2[i]);
    scan.fields.add(s.field[i]);
    const int largest =
        std::max({s.antenna1[i], s.antenna2[i], s.field[i] * 2 + 1, static_cast<int>(idd)});
    const int smallest = std::min({s.antenna1[i], s.antenna2[i], s.field[i]});
    if (m.indexed && (smallest < 0 || largest > UINT16_MAX)) {
        m.indexed = false;
        std::vector<RowIndex>().swap(m.index);
        std::vector<TimeRun>().swap(m.times);
    }
    if (m.indexed) {
        m.index.push_back({static_cast<uint16_t>(s.antenna1[i]),
                           static_cast<uint16_t>(s.antenna2[i]), static_cast<uint16_t>(idd),
                           static_cast<uint16_t>(s.field[i] * 2 + (s.flag_row[i] ? 1 : 0))});
        if (m.times.empty() || m.times.back().time_s != s.time[i])
            m.times.push_back({s.time[i], scan.nrow});
    }
    scan.nrow++;
    return 0;
}

/* One pass over the selected rows: separates the autocorrelations, finds data descriptions, fields
 * and antennas. */
int scan_rows_once(casa_ms &m, const Table &selected, Scan &scan, pclean_err *err) {
    const Vector<rownr_t> numbers =
        m.whole ? Vector<rownr_t>() : Vector<rownr_t>(selected.rowNumbers());
    const uint64_t total = m.whole ? m.main.nrow() : numbers.size();
    m.indexed = total * sizeof(RowIndex) <= max_index_bytes;
    if (m.indexed)
        m.index.reserve(total);
    std::vector<uint64_t> rows;
    uint64_t previous = 0; // last row of the step before
    Scalars s;
    for (uint64_t begin = 0; begin < total; begin += scan_rows) {
        previous = rows.empty() ? 0 : rows.back();
        rows.resize(std::min<uint64_t>(scan_rows, total - begin));
        for (size_t i = 0; i < rows.size(); i++)
            rows[i] = m.whole ? begin + i : numbers[begin + i];
        m.stage = ms_format("reading TIME, ANTENNA and other small columns, rows %llu to %llu",
                            static_cast<unsigned long long>(rows.front()),
                            static_cast<unsigned long long>(rows.back()));
        read_scalars(m, rows, &s);
        scan_times(m, rows, s);
        replace_times(m, s.time, &s.flag_row);
        m.stage.clear();
        for (size_t i = 0; i < rows.size(); i++) {
            const bool is_auto = s.antenna1[i] == s.antenna2[i];
            if (is_auto && scan.nrow_auto++ == 0)
                m.selected = m.runs; // so far they were the same
            if (scan.nrow_auto > 0)
                add_to_runs(m.selected, rows[i], begin + i, i > 0 ? rows[i - 1] : previous);
            if (is_auto)
                continue;
            const int status = scan_row(m, scan, rows[i], s, i, err);
            if (status)
                return status;
        }
    }
    if (!m.selected.empty())
        m.selected.shrink_to_fit();
    set_scalar_cache(m, false);
    const int status = check_times(m, err);
    if (status)
        return status;
    if (scan.nrow == 0)
        return PCL_FAIL(
            err, PCLEAN_EDATA,
            "the selection holds autocorrelations only (%llu rows): there is nothing to image",
            static_cast<unsigned long long>(scan.nrow_auto));
    m.index.shrink_to_fit();
    return 0;
}

/* ---- data descriptions ---- */

/* MEAS_FREQ_REF counts in the table's own list of names where it has one. LOFAR's averager writes
 * rubbish there (10922): correlators observe in TOPO, so that is what it is taken for. */
int frequency_reference(casa_ms &m, int spwid) {
    const MSSpectralWindow &table = m.ms.spectralWindow();
    const int code = ScalarColumn<Int>(table, "MEAS_FREQ_REF")(static_cast<rownr_t>(spwid));
    const TableRecord &keywords = TableColumn(table, "CHAN_FREQ").keywordSet();
    int frame = code;
    if (keywords.isDefined("MEASINFO")) {
        const TableRecord &info = keywords.subRecord("MEASINFO");
        if (info.isDefined("TabRefCodes") && info.isDefined("TabRefTypes")) {
            const Vector<uInt> codes(info.asArrayuInt("TabRefCodes"));
            const Vector<String> names(info.asArrayString("TabRefTypes"));
            for (size_t i = 0; i < std::min(codes.size(), names.size()); i++)
                if (static_cast<int>(codes[i]) == code &&
                    casa_freq_frame_parse(names[i].c_str(), &frame, nullptr) == 0)
                    return frame;
        }
    }
    if (frame >= 0 && frame < static_cast<int>(MFrequency::N_Types))
        return frame;
    if (!m.warned_of_frame)
        warn(m,
             "SPECTRAL_WINDOW: MEAS_FREQ_REF of window %d is %d, which is no frequency frame; "
             "taken as TOPO",
             spwid, code);
    m.warned_of_frame = true;
    return MFrequency::TOPO;
}

/* Centres and widths of a window's channels, as many as NUM_CHAN says. */
int read_window(const MSSpectralWindow &table, int spwid, std::vector<double> &freq,
                std::vector<double> &width, pclean_err *err) {
    const rownr_t row = static_cast<rownr_t>(spwid);
    const int nchan = ScalarColumn<Int>(table, "NUM_CHAN")(row);
    freq = ms_list_cell<Double>(table, "SPECTRAL_WINDOW", "CHAN_FREQ", row);
    width = ms_list_cell<Double>(table, "SPECTRAL_WINDOW", "CHAN_WIDTH", row);
    if (nchan < 1 || freq.size() != static_cast<size_t>(nchan) || width.size() != freq.size())
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "SPECTRAL_WINDOW: window %d has %zu values in CHAN_FREQ and %zu in "
                        "CHAN_WIDTH, but NUM_CHAN is %d",
                        spwid, freq.size(), width.size(), nchan);
    return 0;
}

constexpr double highest_hz = 1e16; // beyond light

/* Number in the MS of channel c. */
int number_of(const DataDescription &dd, int c) {
    return dd.number.empty() ? c : dd.number[static_cast<size_t>(c)];
}

/* Frequencies and widths that a receiver can have; widths become positive. A width of 0 is replaced
 * by the spacing. */
int check_channels(casa_ms &m, DataDescription &dd, pclean_err *err) {
    const std::vector<double> &freq = dd.chan_freq;
    size_t nzero = 0, zero = 0;
    for (size_t c = 0; c < freq.size(); c++) {
        double &width = dd.chan_width[c];
        if (!(freq[c] > 0 && freq[c] < highest_hz))
            return PCL_FAIL(err, PCLEAN_EDATA,
                            "SPECTRAL_WINDOW: CHAN_FREQ of channel %d of window %d is %g Hz, which "
                            "is no frequency",
                            number_of(dd, static_cast<int>(c)), dd.face.spwid, freq[c]);
        width = std::fabs(width);
        if (width == 0 && freq.size() > 1) {
            width = std::fabs(c > 0 ? freq[c] - freq[c - 1] : freq[1] - freq[0]);
            zero = nzero++ == 0 ? c : zero;
        }
        if (!(width > 0 && width < 2 * freq[c]))
            return PCL_FAIL(err, PCLEAN_EDATA,
                            "SPECTRAL_WINDOW: CHAN_WIDTH of channel %d of window %d is %g Hz at a "
                            "frequency of %g Hz",
                            number_of(dd, static_cast<int>(c)), dd.face.spwid, width, freq[c]);
    }
    if (nzero > 0)
        warn(m,
             "SPECTRAL_WINDOW: CHAN_WIDTH is 0 in %zu of %zu channels of window %d (the first is "
             "%d): taken as their spacing",
             nzero, freq.size(), dd.face.spwid, number_of(dd, static_cast<int>(zero)));
    return 0;
}

int fill_window(casa_ms &m, DataDescription &dd, pclean_err *err) {
    const MSSpectralWindow &table = m.ms.spectralWindow();
    const int spwid = dd.face.spwid;
    if (spwid < 0 || static_cast<rownr_t>(spwid) >= table.nrow())
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "DATA_DESCRIPTION: SPECTRAL_WINDOW_ID of data description %d is %d, but "
                        "SPECTRAL_WINDOW has %llu rows",
                        dd.face.ddid, spwid, static_cast<unsigned long long>(table.nrow()));
    std::vector<double> freq, width;
    int status = read_window(table, spwid, freq, width, err);
    if (status)
        return status;
    dd.number = spw_channel_order(Vector<Double>(freq));
    for (size_t i = 0; i < freq.size(); i++) {
        const size_t c =
            static_cast<size_t>(dd.number.empty() ? static_cast<int>(i) : dd.number[i]);
        dd.chan_freq.push_back(freq[c]);
        dd.chan_width.push_back(width[c]);
    }
    if ((status = check_channels(m, dd, err)) != 0)
        return status;
    if (!dd.number.empty() && m.told_of_order.insert(spwid).second)
        pcl_log(
            PCL_LOG_INFO,
            "%s: the channels of spectral window %d are not in order of frequency: they are sorted",
            m.path.c_str(), spwid);
    dd.face.freq_ref = frequency_reference(m, spwid);
    return 0;
}

int fill_polarization(casa_ms &m, DataDescription &dd, pclean_err *err) {
    const MSPolarization &table = m.ms.polarization();
    const int polid = dd.face.polid;
    if (polid < 0 || static_cast<rownr_t>(polid) >= table.nrow())
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "DATA_DESCRIPTION: POLARIZATION_ID of data description %d is %d, but "
                        "POLARIZATION has %llu rows: which correlations the "
                        "data hold is unknown (was table.lock lost in a copy?)",
                        dd.face.ddid, polid, static_cast<unsigned long long>(table.nrow()));
    dd.corr = ms_list_cell<Int>(table, "POLARIZATION", "CORR_TYPE", static_cast<rownr_t>(polid));
    const int ncorr = ScalarColumn<Int>(table, "NUM_CORR")(static_cast<rownr_t>(polid));
    if (ncorr < 1 || dd.corr.size() != static_cast<size_t>(ncorr))
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "POLARIZATION: setup %d has %zu values in CORR_TYPE, but NUM_CORR is %d",
                        polid, dd.corr.size(), ncorr);
    return 0;
}

int fill_channels(const casa_ms &m, DataDescription &dd, pclean_err *err) {
    const int nchan = static_cast<int>(dd.chan_freq.size());
    const auto found = m.channels.find(dd.face.spwid); // a sorted list
    int lowest = nchan, highest = -1;
    for (int c = 0; c < nchan; c++) {
        const int number = number_of(dd, c);
        if (found != m.channels.end() &&
            !std::binary_search(found->second.begin(), found->second.end(), number))
            continue;
        dd.chansel.push_back(c);
        lowest = std::min(lowest, number);
        highest = std::max(highest, number);
    }
    if (dd.chansel.empty())
        return PCL_FAIL(err, PCLEAN_EDATA, "no channel of spectral window %d is selected",
                        dd.face.spwid);
    dd.first_chan = static_cast<size_t>(lowest);
    dd.span = static_cast<size_t>(highest - lowest) + 1;
    return 0;
}

IPosition cell_shape(const DataDescription &dd) {
    return IPosition(2, static_cast<ssize_t>(dd.corr.size()),
                     static_cast<ssize_t>(dd.chan_freq.size()));
}

std::string shape_text(const IPosition &shape) {
    std::string text;
    for (const ssize_t n : shape)
        text += (text.empty() ? "" : " x ") + std::to_string(n);
    return text;
}

/* What is wrong with a cell that should have this shape (correlations, channels), "" if nothing
 * is. */
template <typename T>
std::string wrong_cell(const Bulk<T> &bulk, uint64_t row, const IPosition &want) {
    IPosition shape;
    try {
        if (bulk.column.isDefined(row))
            shape = bulk.column.shape(row);
    } catch (const std::exception &) {
        // TiledShapeStMan's answer for a cell never written
    }
    if (shape.isEqual(want))
        return "";
    const char *remedy =
        bulk.name == "CORRECTED_DATA"
            ? "; the data may not be calibrated: datacolumn=data images the column DATA"
            : "";
    if (shape.empty())
        return ms_format("%s of row %llu has no value%s", bulk.name.c_str(), number(row), remedy);
    return ms_format("%s of row %llu has the shape %s instead of %s%s%s", bulk.name.c_str(),
                     number(row), shape_text(shape).c_str(), shape_text(want).c_str(),
                     want.size() == 2 ? " (correlations x channels of its data description)" : "",
                     remedy);
}

int check_cell_shape(const casa_ms &m, const DataDescription &dd, pclean_err *err) {
    const std::string wrong = wrong_cell(m.data, dd.first_row, cell_shape(dd));
    return wrong.empty() ? 0 : PCL_FAIL(err, PCLEAN_EDATA, "%s", wrong.c_str());
}

/* The entry of a data description, made at its first row. */
int find_dd(casa_ms &m, int ddid, uint64_t row, size_t *idd, pclean_err *err) {
    const auto found = m.dd_of_id.find(ddid);
    if (found != m.dd_of_id.end()) {
        *idd = found->second;
        return 0;
    }
    const MSDataDescription &table = m.ms.dataDescription();
    if (ddid < 0 || static_cast<rownr_t>(ddid) >= table.nrow())
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "row %llu has DATA_DESC_ID %d, but DATA_DESCRIPTION has %llu rows",
                        static_cast<unsigned long long>(row), ddid,
                        static_cast<unsigned long long>(table.nrow()));
    DataDescription dd;
    dd.first_row = row;
    dd.face.ddid = ddid;
    dd.face.spwid = ScalarColumn<Int>(table, "SPECTRAL_WINDOW_ID")(static_cast<rownr_t>(ddid));
    dd.face.polid = ScalarColumn<Int>(table, "POLARIZATION_ID")(static_cast<rownr_t>(ddid));
    int status = fill_window(m, dd, err);
    if (status == 0)
        status = fill_polarization(m, dd, err);
    if (status == 0)
        status = fill_channels(m, dd, err);
    if (status == 0)
        status = check_cell_shape(m, dd, err);
    if (status)
        return status;
    *idd = m.dds.size();
    m.dd_of_id[ddid] = *idd;
    m.dds.push_back(std::move(dd));
    return 0;
}

/* Entries come in order of appearance; the face wants them by ddid. */
void sort_dds(casa_ms &m) {
    std::vector<uint16_t> new_place(m.dds.size());
    std::vector<DataDescription> sorted;
    for (auto &one : m.dd_of_id) { // a map walks by ddid
        new_place[one.second] = static_cast<uint16_t>(sorted.size());
        sorted.push_back(std::move(m.dds[one.second]));
        one.second = sorted.size() - 1;
    }
    m.dds = std::move(sorted);
    for (RowIndex &row : m.index)
        row.dd = new_place[row.dd];
    for (DataDescription &dd : m.dds) {
        dd.face.nchan = dd.chan_freq.size();
        dd.face.chan_freq_hz = dd.chan_freq.data();
        dd.face.chan_width_hz = dd.chan_width.data();
        dd.face.number = dd.number.empty() ? nullptr : dd.number.data();
        dd.face.nchansel = dd.chansel.size();
        dd.face.chansel = dd.chansel.data();
        dd.face.ncorr = dd.corr.size();
        dd.face.corr = dd.corr.data();
        m.dd_faces.push_back(dd.face);
    }
}

/* ---- description ---- */

/* PHASE_DIR holds the terms of a polynomial in time, 2 x (NUM_POLY + 1): casacore reads as many
 * without looking. */
int check_phase_dir(const MSField &table, int id, pclean_err *err) {
    const rownr_t row = static_cast<rownr_t>(id);
    const int npoly = ScalarColumn<Int>(table, "NUM_POLY")(row);
    const std::vector<double> terms = ms_list_cell<Double>(table, "FIELD", "PHASE_DIR", row);
    const IPosition shape = ArrayColumn<Double>(table, "PHASE_DIR").shape(row);
    if (npoly < 0 || shape.size() != 2 || shape[0] != 2 || shape[1] <= npoly)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "FIELD: PHASE_DIR of field %d has the shape %s, but its NUM_POLY, %d, asks "
                        "for 2 x %lld",
                        id, shape_text(shape).c_str(), npoly, npoly + 1LL);
    for (size_t i = 0; i < 2 * (static_cast<size_t>(npoly) + 1); i++)
        if (!std::isfinite(terms[i]))
            return PCL_FAIL(err, PCLEAN_EDATA, "FIELD: PHASE_DIR of field %d is not finite", id);
    if (std::fabs(terms[0]) > 4 * M_PI || std::fabs(terms[1]) > M_PI_2 + 1e-6)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "FIELD: PHASE_DIR of field %d is (%g, %g) rad, which is no direction", id,
                        terms[0], terms[1]);
    const double time = npoly > 0 ? ScalarColumn<Double>(table, "TIME")(row) : 0;
    return std::isfinite(time)
               ? 0
               : PCL_FAIL(
                     err, PCLEAN_EDATA,
                     "FIELD: TIME of field %d, which the terms of its PHASE_DIR count from, is %g",
                     id, time);
}

int phase_direction(casa_ms &m, const MSFieldColumns &columns, int id, casa_direction *out,
                    pclean_err *err) {
    const MSField &table = m.ms.field();
    const int status = check_phase_dir(table, id, err);
    if (status)
        return status;
    const MDirection dir = columns.phaseDirMeas(static_cast<rownr_t>(id), m.info.first_time_s);
    const Vector<Double> angles = dir.getValue().get();
    *out = {static_cast<int>(dir.getRef().getType()), angles[0], angles[1]};
    if (strcmp(casa_direction_frame_name(out->frame), "unknown") == 0)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "FIELD: PHASE_DIR of field %d is given as the place of %s: moving sources "
                        "are not imaged",
                        id, MDirection::showType(dir.getRef().getType()).c_str());
    return 0;
}

int describe_fields(casa_ms &m, const std::set<int> &ids, pclean_err *err) {
    const MSField &table = m.ms.field();
    m.stage = "FIELD"; // a reference that casacore does not know
    const MSFieldColumns columns(table);
    m.stage.clear();
    for (const int id : ids) {
        if (id < 0 || static_cast<rownr_t>(id) >= table.nrow())
            return PCL_FAIL(err, PCLEAN_EDATA, "rows have FIELD_ID %d, but FIELD has %llu rows", id,
                            static_cast<unsigned long long>(table.nrow()));
        casa_ms_field field{};
        field.id = id;
        const int status = phase_direction(m, columns, id, &field.phase_dir, err);
        if (status)
            return status;
        m.fields.push_back(field);
        m.field_names.push_back(columns.name()(static_cast<rownr_t>(id)));
    }
    for (size_t i = 0; i < m.fields.size(); i++)
        m.fields[i].name = m.field_names[i].c_str();
    return 0;
}

/* The table's own matching takes abbreviations ("V" may become the VLA): names must agree but for
 * case. EVLA, which Debian's table lacks, is the VLA's site. */
bool observatory_position(const std::string &telescope, MPosition *position) {
    String wanted(telescope);
    wanted.upcase();
    if (wanted == "EVLA" || wanted == "JVLA")
        wanted = "VLA";
    for (const String &name : MeasTable::Observatories()) {
        String upper(name);
        upper.upcase();
        if (upper == wanted)
            return MeasTable::Observatory(*position, name);
    }
    return false;
}

/* Of the first antenna that has a place: not 0, and no farther than the Moon's orbit. */
bool antenna_position(casa_ms &m, double xyz[3]) {
    const MSAntenna &table = m.ms.antenna();
    m.stage = "ANTENNA";
    const MSAntennaColumns columns(table);
    m.stage.clear();
    for (rownr_t row = 0; row < table.nrow(); row++) {
        if (!columns.position().isDefined(row) || columns.position().shape(row) != IPosition(1, 3))
            continue;
        const Vector<Double> place =
            MPosition::Convert(columns.positionMeas()(row), MPosition::ITRF)()
                .getValue()
                .getValue();
        const double r = std::sqrt(place[0] * place[0] + place[1] * place[1] + place[2] * place[2]);
        if (!(r > 1 && r < 1e9))
            continue;
        if (row > 0)
            warn(m,
                 "ANTENNA: POSITION of antenna 0 is no place; that of antenna %llu is taken for "
                 "the telescope's",
                 number(row));
        std::copy(place.begin(), place.end(), xyz);
        return true;
    }
    return false;
}

void describe_position(casa_ms &m) {
    MPosition position;
    m.info.position_from_table = m.info.position_known =
        observatory_position(m.telescope, &position);
    if (!m.info.position_from_table) {
        m.info.position_known = antenna_position(m, m.info.position_itrf_m);
        return;
    }
    const Vector<Double> xyz =
        MPosition::Convert(position, MPosition::ITRF)().getValue().getValue();
    std::copy(xyz.begin(), xyz.end(), m.info.position_itrf_m);
}

/* Imaging needs no antenna entry: what is missing or absurd is left out, and told. */
void describe_dishes(casa_ms &m, const std::set<int> &antennas) {
    const MSAntenna &table = m.ms.antenna();
    const ScalarColumn<Double> diameters(table, "DISH_DIAMETER");
    size_t nbad = 0, nabsent = 0;
    for (const int id : antennas) {
        if (id < 0 || static_cast<rownr_t>(id) >= table.nrow()) {
            if (nabsent++ == 0)
                warn(m,
                     "rows have antenna %d in ANTENNA1 or ANTENNA2, but ANTENNA has %llu rows: "
                     "imaged all the same",
                     id, number(table.nrow()));
            continue;
        }
        const double d = diameters(static_cast<rownr_t>(id));
        if (!(d > 0 && d < 1e6)) {
            nbad++;
            continue;
        }
        if (m.info.dish_diameter_m > 0 && d != m.info.dish_diameter_m)
            m.info.dish_diameter_mixed = true;
        if (m.info.dish_diameter_m <= 0 || d < m.info.dish_diameter_m)
            m.info.dish_diameter_m = d;
    }
    if (nbad > 0 && m.info.dish_diameter_m > 0)
        warn(m,
             "ANTENNA: DISH_DIAMETER of %zu of the antennas is no diameter and was not looked at",
             nbad);
}

void describe_array(casa_ms &m, const std::set<int> &antennas) {
    const MSObservation &observation = m.ms.observation();
    if (observation.nrow() > 0) {
        m.telescope = ScalarColumn<String>(observation, "TELESCOPE_NAME")(0);
        m.observer = ScalarColumn<String>(observation, "OBSERVER")(0);
    } else {
        warn(m, "OBSERVATION has no rows: the telescope is not known");
    }
    describe_position(m);
    describe_dishes(m, antennas);
}

/* SOURCE.REST_FREQUENCY of the first field and window; 0 where there is none. */
double rest_frequency(const casa_ms &m) {
    if (!m.ms.keywordSet().isDefined("SOURCE") || m.ms.source().isNull() || m.fields.empty())
        return 0;
    const MSSource &table = m.ms.source();
    if (!table.tableDesc().isColumn("REST_FREQUENCY"))
        return 0;
    const int source =
        ScalarColumn<Int>(m.ms.field(), "SOURCE_ID")(static_cast<rownr_t>(m.fields[0].id));
    const ScalarColumn<Int> ids(table, "SOURCE_ID"), windows(table, "SPECTRAL_WINDOW_ID");
    const ArrayColumn<Double> rest(table, "REST_FREQUENCY");
    for (rownr_t row = 0; row < table.nrow(); row++) {
        if (ids(row) != source || (windows(row) != -1 && windows(row) != m.dds[0].face.spwid) ||
            !rest.isDefined(row))
            continue;
        const Vector<Double> lines(rest(row));
        if (!lines.empty() && lines[0] > 0)
            return lines[0];
    }
    return 0;
}

int time_reference(casa_ms &m, pclean_err *err) {
    const TableRecord &keywords = m.time.keywordSet();
    m.time_ref = "UTC";
    if (keywords.isDefined("MEASINFO") && keywords.asRecord("MEASINFO").isDefined("Ref"))
        m.time_ref = keywords.asRecord("MEASINFO").asString("Ref");
    MEpoch::Types type;
    const bool sidereal =
        MEpoch::getType(type, m.time_ref) && (type == MEpoch::LAST || type == MEpoch::LMST ||
                                              type == MEpoch::GMST1 || type == MEpoch::GAST);
    if (!MEpoch::getType(type, m.time_ref) || sidereal)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "the main table: TIME is said to be %s (Ref in MEASINFO), which is not a "
                        "time that can be converted (UTC, TAI, TT, TDB ...)",
                        m.time_ref.c_str());
    return 0;
}

/* WEIGHT_SPECTRUM may exist with empty cells. A column of fixed shape has none. */
bool spectrum_filled(const casa_ms &m, const DataDescription &dd, uint64_t row) {
    const ArrayColumn<Float> &column = m.weight_spectrum.column;
    if (column.isNull() || !column.isDefined(row))
        return false;
    const IPosition shape = column.shape(row);
    return shape.size() == 2 && shape[0] == static_cast<ssize_t>(dd.corr.size()) &&
           shape[1] == static_cast<ssize_t>(dd.chan_freq.size());
}

/* Files of the storage managers that hold the columns casa_ms_read reads, in each part of a virtual
 * or reference table. */
uint64_t column_bytes(const casa_ms &m) {
    std::set<std::string> wanted = {"TIME",         "ANTENNA1", "ANTENNA2", "FIELD_ID",
                                    "DATA_DESC_ID", "FLAG_ROW", "UVW",      "FLAG"};
    bool all_spectrum = m.info.has_weight_spectrum, any_spectrum = false;
    for (const DataDescription &dd : m.dds) {
        const bool filled = spectrum_filled(m, dd, dd.first_row);
        all_spectrum = all_spectrum && filled;
        any_spectrum = any_spectrum || filled;
    }
    wanted.insert(m.datacolumn);
    if (any_spectrum)
        wanted.insert("WEIGHT_SPECTRUM");
    if (!all_spectrum)
        wanted.insert("WEIGHT");
    uint64_t bytes = 0;
    for (const String &part : m.main.getPartNames(True)) {
        const Table table(part, TableLock(TableLock::NoLocking), Table::Old);
        const Record managers = table.dataManagerInfo();
        for (uInt i = 0; i < managers.nfields(); i++) {
            const Record &one = managers.subRecord(i);
            const Vector<String> columns = one.asArrayString("COLUMNS");
            if (std::any_of(columns.begin(), columns.end(),
                            [&](const String &c) { return wanted.count(c) > 0; }))
                bytes += data_manager_bytes(part, static_cast<int>(one.asInt64("SEQNR")));
        }
    }
    return bytes;
}

void describe(casa_ms &m, const Scan &scan) {
    casa_ms_info &info = m.info;
    info.path = m.path.c_str();
    info.nrow = scan.nrow;
    info.nrow_auto = scan.nrow_auto;
    info.ndd = m.dd_faces.size();
    info.dd = m.dd_faces.data();
    info.nfield = m.fields.size();
    info.field = m.fields.data();
    info.telescope = m.telescope.c_str();
    info.observer = m.observer.c_str();
    info.time_ref = m.time_ref.c_str();
    info.restfreq_hz = rest_frequency(m);
    info.datacolumn = m.datacolumn.c_str();
    for (const DataDescription &dd : m.dds)
        info.has_weight_spectrum = info.has_weight_spectrum || spectrum_filled(m, dd, dd.first_row);
    info.column_bytes = column_bytes(m);
}

/* spw "-1": the description stays, nothing is read. */
void forget_rows(casa_ms &m) {
    m.dds.clear();
    m.dd_faces.clear();
    m.runs.clear();
    m.selected.clear();
    m.index.clear();
    m.times.clear();
    m.info.nrow = m.info.nrow_auto = m.info.ndd = 0;
    m.info.column_bytes = 0;
}

int open_ms(casa_ms &m, const casa_ms_selection *sel, pclean_err *err) {
    int status = open_tables(m, sel, err);
    if (status || (status = choose_datacolumn(m, sel->datacolumn, err)) != 0)
        return status;
    attach_columns(m);
    set_scalar_cache(m, true); // for the selection and for the scan, which ends it
    Table selected;
    if ((status = apply_selection(m, sel, &selected, err)) != 0)
        return status;
    Scan scan;
    if ((status = time_reference(m, err)) != 0 ||
        (status = scan_rows_once(m, selected, scan, err)) != 0)
        return status;
    sort_dds(m);
    if ((status = describe_fields(m, scan.fields.all, err)) != 0)
        return status;
    describe_array(m, scan.antennas.all);
    describe(m, scan);
    if (m.describe_only)
        forget_rows(m);
    for (const std::string &text : m.warnings)
        m.warning_faces.push_back(text.c_str());
    m.info.nwarning = m.warnings.size();
    m.info.warning = m.warning_faces.data();
    return 0;
}

/* The rows of a selection and no more. */
int open_rows(casa_ms &m, const casa_ms_selection *sel, pclean_err *err) {
    int status = open_tables(m, sel, err);
    Table selected;
    if (status || (status = apply_selection(m, sel, &selected, err)) != 0)
        return status;
    if (m.whole) {
        m.runs.push_back({0, 0});
    } else {
        const Vector<rownr_t> numbers(selected.rowNumbers());
        for (size_t i = 0; i < numbers.size(); i++)
            add_to_runs(m.runs, numbers[i], i, i > 0 ? numbers[i - 1] : 0);
    }
    m.info.path = m.path.c_str();
    m.info.nrow = m.describe_only ? 0 : selected.nrow();
    return 0;
}

/* ---- reading ---- */

/* Row numbers of the walked rows [irow, irow + nrow). */
void collect_rows(casa_ms &m, size_t irow, size_t nrow) {
    m.block_rows.resize(nrow);
    auto run = std::upper_bound(m.runs.begin(), m.runs.end(), irow,
                                [](size_t i, const Run &r) { return i < r.index; }) -
               1;
    for (size_t i = 0; i < nrow; i++) {
        if (run + 1 != m.runs.end() && (run + 1)->index == irow + i)
            ++run;
        m.block_rows[i] = run->row + (irow + i - run->index);
    }
}

/* Which rows of the block belong to which data description. */
void split_block(casa_ms &m, const std::vector<size_t> &dd_of_row) {
    for (DataDescription &dd : m.dds) {
        dd.rows.clear();
        dd.where.clear();
    }
    for (size_t i = 0; i < dd_of_row.size(); i++) {
        DataDescription &dd = m.dds[dd_of_row[i]];
        dd.rows.push_back(m.block_rows[i]);
        dd.where.push_back(i);
    }
    for (DataDescription &dd : m.dds) {
        const size_t n = dd.rows.size();
        dd.time.need(n);
        dd.field.need(n);
        dd.antenna1.need(n);
        dd.antenna2.need(n);
        dd.flag_row.need(n);
    }
}

void fill_scalars_from_index(casa_ms &m, size_t irow, size_t nrow) {
    std::vector<size_t> dd_of_row(nrow);
    for (size_t i = 0; i < nrow; i++)
        dd_of_row[i] = m.index[irow + i].dd;
    split_block(m, dd_of_row);
    for (DataDescription &dd : m.dds) {
        auto time = std::upper_bound(m.times.begin(), m.times.end(), irow,
                                     [](size_t i, const TimeRun &t) { return i < t.index; }) -
                    1;
        for (size_t i = 0; i < dd.rows.size(); i++) {
            const size_t at = irow + dd.where[i];
            const RowIndex &row = m.index[at];
            while (time + 1 != m.times.end() && (time + 1)->index <= at)
                ++time;
            dd.time.get()[i] = time->time_s;
            dd.field.get()[i] = row.field_and_flag >> 1;
            dd.flag_row.get()[i] = row.field_and_flag & 1;
            dd.antenna1.get()[i] = row.antenna1;
            dd.antenna2.get()[i] = row.antenna2;
        }
    }
}

void fill_scalars_from_table(casa_ms &m, size_t nrow) {
    Scalars s;
    read_scalars(m, m.block_rows, &s);
    replace_times(m, s.time, &s.flag_row);
    std::vector<size_t> dd_of_row(nrow);
    for (size_t i = 0; i < nrow; i++)
        dd_of_row[i] = m.dd_of_id.at(s.ddid[i]);
    split_block(m, dd_of_row);
    for (DataDescription &dd : m.dds)
        for (size_t i = 0; i < dd.rows.size(); i++) {
            const size_t at = dd.where[i];
            dd.time.get()[i] = s.time[at];
            dd.field.get()[i] = s.field[at];
            dd.flag_row.get()[i] = s.flag_row[at];
            dd.antenna1.get()[i] = s.antenna1[at];
            dd.antenna2.get()[i] = s.antenna2[at];
        }
}

/* Rows [irow, irow + nrow) of the walk with their scalars. */
void prepare_block(casa_ms &m, size_t irow, size_t nrow) {
    collect_rows(m, irow, nrow);
    if (m.indexed)
        fill_scalars_from_index(m, irow, nrow);
    else
        fill_scalars_from_table(m, nrow);
}

/* Lets the tile cache of a column keep what the next read needs again: the row of tiles in which
 * the block ends, and where other data descriptions may lie in the same hypercube all tiles of the
 * block. */
template <typename T>
void fit_tile_cache(Bulk<T> &bulk, const std::vector<uint64_t> &rows, size_t chan0, size_t nchan,
                    bool shared) {
    if (!bulk.tiles || rows.empty())
        return;
    const uint64_t row = rows.front();
    const IPosition tile = bulk.tiles->tileShape(row), cube = bulk.tiles->hypercubeShape(row);
    const size_t last = tile.size() - 1;
    size_t per_row = 1;
    for (size_t axis = 0; axis < last; axis++) {
        const bool channels = axis == 1 && nchan > 0;
        const size_t lo = channels ? chan0 : 0,
                     hi = channels ? chan0 + nchan - 1 : static_cast<size_t>(cube[axis]) - 1;
        per_row *= hi / static_cast<size_t>(tile[axis]) - lo / static_cast<size_t>(tile[axis]) + 1;
    }
    size_t want = per_row;
    if (shared)
        want *= (rows.back() - row) / static_cast<size_t>(tile[last]) + 2;
    const size_t limit =
        std::max<size_t>(per_row, max_tile_cache / std::max<uInt>(1, bulk.tiles->bucketSize(row)));
    want = std::min(want, limit);
    if (want > bulk.tiles->cacheSize(row))
        bulk.tiles->setCacheSize(row, static_cast<uInt>(want), False);
}

/* A block read failed: does a cell of the block have no data, or another shape than its data
 * description says? */
template <typename T>
void explain_cells(const Bulk<T> &bulk, const std::vector<uint64_t> &rows, const IPosition &want) {
    for (const uint64_t row : rows) {
        const std::string wrong = wrong_cell(bulk, row, want);
        if (!wrong.empty())
            throw ms_cell_error(wrong);
    }
}

/* Cells of shape `cell`, or a slice of each, of these rows. */
template <typename T, typename Out>
void read_cells(Bulk<T> &bulk, const std::vector<uint64_t> &rows, const IPosition &cell,
                const Slicer *slicer, Out *out) {
    static_assert(sizeof(T) % sizeof(Out) == 0, "out is T or its parts");
    IPosition shape = slicer ? slicer->length() : cell;
    shape.append(IPosition(1, static_cast<ssize_t>(rows.size())));
    Array<T> cells(shape, reinterpret_cast<T *>(out), SHARE);
    try {
        if (slicer)
            bulk.column.getColumnCells(ref_rows(rows), *slicer, cells, False);
        else
            bulk.column.getColumnCells(ref_rows(rows), cells, False);
    } catch (const std::exception &) { // casacore's array errors are no AipsError
        explain_cells(bulk, rows, cell);
        throw;
    }
}

/* Keeps the selected channels of [nrow][span][width] in place, in their order:
 * [nrow][nchansel][width]. */
template <typename T>
void keep_selected(const DataDescription &dd, size_t nrow, size_t width, T *data) {
    if (dd.number.empty() && dd.span == dd.chansel.size())
        return;
    std::unique_ptr<T[]> copy(dd.number.empty() ? nullptr : new T[dd.span * width]);
    T *to = data;
    for (size_t row = 0; row < nrow; row++) {
        const T *from = data + row * dd.span * width;
        if (copy) {
            memcpy(copy.get(), from, dd.span * width * sizeof(T));
            from = copy.get();
        }
        for (const int c : dd.chansel) {
            memmove(to, from + (static_cast<size_t>(number_of(dd, c)) - dd.first_chan) * width,
                    width * sizeof(T));
            to += width;
        }
    }
}

void set_stage(casa_ms &m, const std::string &column, const std::vector<uint64_t> &rows) {
    m.stage = ms_format("reading column %s, rows %llu to %llu", column.c_str(),
                        static_cast<unsigned long long>(rows.front()),
                        static_cast<unsigned long long>(rows.back()));
}

/* One channelised column of the block rows `rows` of a data description, selected channels only.
 * parts: floats per value. */
template <typename T, typename Out>
void read_channels(casa_ms &m, Bulk<T> &bulk, const DataDescription &dd,
                   const std::vector<uint64_t> &rows, bool shared, Buffer<Out> &buffer) {
    const size_t ncorr = dd.corr.size(), parts = sizeof(T) / sizeof(Out);
    set_stage(m, bulk.name, rows);
    fit_tile_cache(bulk, rows, dd.first_chan, dd.span, shared);
    const Slicer slicer(IPosition(2, 0, static_cast<ssize_t>(dd.first_chan)),
                        IPosition(2, static_cast<ssize_t>(ncorr), static_cast<ssize_t>(dd.span)));
    Out *out = buffer.need(rows.size() * dd.span * ncorr * parts);
    read_cells(bulk, rows, cell_shape(dd), dd.span == dd.chan_freq.size() ? nullptr : &slicer, out);
    keep_selected(dd, rows.size(), ncorr * parts, out);
}

void read_weight(casa_ms &m, const DataDescription &dd, const std::vector<uint64_t> &rows,
                 bool shared, Buffer<float> &buffer) {
    set_stage(m, "WEIGHT", rows);
    fit_tile_cache(m.weight, rows, 0, 0, shared);
    read_cells(m.weight, rows, IPosition(1, static_cast<ssize_t>(dd.corr.size())), nullptr,
               buffer.need(rows.size() * dd.corr.size()));
}

/* WEIGHT_SPECTRUM where its cells are filled, WEIGHT (spread over the channels when the block mixes
 * both) elsewhere. */
size_t read_weights(casa_ms &m, DataDescription &dd, bool shared) {
    std::vector<uint64_t> filled, empty;
    std::vector<bool> is_filled(dd.rows.size());
    for (size_t i = 0; i < dd.rows.size(); i++) {
        is_filled[i] = spectrum_filled(m, dd, dd.rows[i]);
        (is_filled[i] ? filled : empty).push_back(dd.rows[i]);
    }
    if (filled.empty()) {
        read_weight(m, dd, dd.rows, shared, dd.weight);
        return 1;
    }
    if (empty.empty()) {
        read_channels(m, m.weight_spectrum, dd, dd.rows, shared, dd.weight);
        return dd.chansel.size();
    }
    Buffer<float> spectra, plain;
    read_channels(m, m.weight_spectrum, dd, filled, shared, spectra);
    read_weight(m, dd, empty, shared, plain);
    const size_t ncorr = dd.corr.size(), ncell = dd.chansel.size() * ncorr;
    const float *spectrum = spectra.get(), *weight = plain.get();
    float *out = dd.weight.need(dd.rows.size() * ncell);
    for (size_t i = 0; i < dd.rows.size(); i++, out += ncell) {
        if (is_filled[i]) {
            std::copy(spectrum, spectrum + ncell, out);
            spectrum += ncell;
            continue;
        }
        for (size_t k = 0; k < ncell; k++)
            out[k] = weight[k % ncorr];
        weight += ncorr;
    }
    return dd.chansel.size();
}

/* UVW has one shape for all rows: read for the whole block, then dealt out. */
void read_uvw(casa_ms &m) {
    set_stage(m, "UVW", m.block_rows);
    const size_t nrow = m.block_rows.size();
    double *uvw = m.block_uvw.need(nrow * 3);
    read_cells(m.uvw, m.block_rows, IPosition(1, 3), nullptr, uvw);
    for (DataDescription &dd : m.dds) {
        double *out = dd.uvw.need(dd.rows.size() * 3);
        for (const size_t at : dd.where)
            out = std::copy(uvw + 3 * at, uvw + 3 * at + 3, out);
    }
}

void read_block(casa_ms &m, size_t irow, size_t nrow, casa_ms_rows *rows) {
    prepare_block(m, irow, nrow);
    read_uvw(m);
    const bool shared = std::count_if(m.dds.begin(), m.dds.end(), [](const DataDescription &dd) {
                            return !dd.rows.empty();
                        }) > 1;
    for (size_t i = 0; i < m.dds.size(); i++) {
        DataDescription &dd = m.dds[i];
        if (dd.rows.empty())
            continue;
        read_channels(m, m.data, dd, dd.rows, shared, dd.vis);
        read_channels(m, m.flag, dd, dd.rows, shared, dd.flag);
        const size_t weight_nchan = read_weights(m, dd, shared);
        rows[i] =
            casa_ms_rows{dd.rows.size(),    dd.time.get(),     dd.uvw.get(),      dd.field.get(),
                         dd.antenna1.get(), dd.antenna2.get(), dd.flag_row.get(), dd.vis.get(),
                         dd.flag.get(),     dd.weight.get(),   weight_nchan};
    }
    m.stage.clear();
}

/* ---- all selected rows ---- */

const std::vector<Run> &selected_runs(const casa_ms &m) {
    return m.selected.empty() ? m.runs : m.selected;
}

size_t count_selected(const casa_ms &m) {
    return m.info.nrow + m.info.nrow_auto;
}

const Run &run_of(const std::vector<Run> &runs, uint64_t index) {
    return *(std::upper_bound(runs.begin(), runs.end(), index,
                              [](uint64_t i, const Run &r) { return i < r.index; }) -
             1);
}

/* Calls take(first, rows) for the selected rows, some at a time. */
template <typename Take> void walk_selected(const casa_ms &m, const Take &take) {
    const std::vector<Run> &runs = selected_runs(m);
    const size_t total = count_selected(m);
    std::vector<uint64_t> rows;
    for (size_t begin = 0, run = 0; begin < total; begin += scan_rows) {
        rows.resize(std::min(scan_rows, total - begin));
        for (size_t i = 0; i < rows.size(); i++) {
            if (run + 1 < runs.size() && runs[run + 1].index == begin + i)
                run++;
            rows[i] = runs[run].row + (begin + i - runs[run].index);
        }
        take(begin, rows);
    }
}

void count_rows(casa_ms &m, size_t nslice, const size_t *cut, const double *last_time,
                size_t *nrow) {
    const size_t ndd = m.dds.size();
    std::fill(nrow, nrow + nslice * ndd, size_t(0));
    if (ndd == 1 && m.info.nrow_auto == 0 && !last_time) {
        for (size_t k = 0; k < nslice; k++)
            nrow[k] = cut[k + 1] - cut[k];
        return;
    }
    walk_selected(m, [&](size_t begin, const std::vector<uint64_t> &rows) {
        const RefRows refs = ref_rows(rows);
        Vector<Int> ddid, antenna1, antenna2;
        Vector<Double> time;
        m.ddid.getColumnCells(refs, ddid, True);
        if (last_time) {
            m.time.getColumnCells(refs, time, True);
            replace_times(m, time, nullptr);
        }
        if (m.info.nrow_auto > 0) {
            m.antenna1.getColumnCells(refs, antenna1, True);
            m.antenna2.getColumnCells(refs, antenna2, True);
        }
        for (size_t i = 0; i < rows.size(); i++) {
            if (!antenna1.empty() && antenna1[i] == antenna2[i])
                continue;
            const size_t k =
                last_time
                    ? static_cast<size_t>(std::lower_bound(last_time, last_time + nslice, time[i]) -
                                          last_time)
                    : static_cast<size_t>(std::upper_bound(cut, cut + nslice + 1, begin + i) -
                                          cut) -
                          1;
            if (k < nslice)
                nrow[k * ndd + m.dd_of_id.at(ddid[i])]++;
        }
    });
}

void largest_uvw(casa_ms &m, double (*uvw_m)[3]) {
    std::fill(uvw_m[0], uvw_m[0] + 3 * m.dds.size(), 0.0);
    for (size_t irow = 0; irow < m.info.nrow; irow += scan_rows) {
        prepare_block(m, irow, std::min(scan_rows, m.info.nrow - irow));
        read_uvw(m);
        for (size_t d = 0; d < m.dds.size(); d++)
            for (size_t i = 0; i < m.dds[d].rows.size(); i++) {
                const double *uvw = m.dds[d].uvw.get() + 3 * i;
                if (!m.dds[d].flag_row.get()[i] && std::isfinite(uvw[0]) && std::isfinite(uvw[1]) &&
                    std::isfinite(uvw[2]))
                    for (size_t k = 0; k < 3; k++)
                        uvw_m[d][k] = std::max(uvw_m[d][k], std::fabs(uvw[k]));
            }
    }
    m.stage.clear();
}

/* Unflagged samples of one row; those of each channel are added up. */
uint32_t count_row(const bool *flag, size_t nchan, size_t ncorr, uint32_t want, uint64_t *of_chan) {
    uint32_t n = 0;
    for (size_t c = 0; c < nchan; c++) {
        bool good = want != 0;
        for (size_t k = 0; k < ncorr; k++)
            good = good && !(want >> k & 1 && flag[c * ncorr + k]);
        n += good;
        if (of_chan)
            of_chan[c] += good;
    }
    return n;
}

void count_samples(casa_ms &m, const uint32_t *want, uint64_t *of_row, uint64_t *const *of_chan) {
    size_t row_bytes = 1;
    for (const DataDescription &dd : m.dds)
        row_bytes = std::max(row_bytes, dd.span * dd.corr.size());
    const size_t step = std::max<size_t>(1, (size_t(4) << 20) / row_bytes);
    if (of_row)
        std::fill(of_row, of_row + count_selected(m), uint64_t(0));
    for (size_t d = 0; of_chan && d < m.dds.size(); d++)
        std::fill(of_chan[d], of_chan[d] + m.dds[d].chansel.size(), uint64_t(0));
    const std::vector<Run> &runs = selected_runs(m);
    for (size_t irow = 0; irow < m.info.nrow; irow += step) {
        prepare_block(m, irow, std::min(step, m.info.nrow - irow));
        for (size_t d = 0; d < m.dds.size(); d++) {
            DataDescription &dd = m.dds[d];
            const size_t nchan = dd.chansel.size(), ncorr = dd.corr.size();
            if (dd.rows.empty())
                continue;
            read_channels(m, m.flag, dd, dd.rows, m.dds.size() > 1, dd.flag);
            for (size_t i = 0; i < dd.rows.size(); i++) {
                if (dd.flag_row.get()[i])
                    continue;
                const uint32_t n = count_row(dd.flag.get() + i * nchan * ncorr, nchan, ncorr,
                                             want[d], of_chan ? of_chan[d] : nullptr);
                if (!of_row)
                    continue;
                const auto run =
                    std::upper_bound(runs.begin(), runs.end(), dd.rows[i],
                                     [](uint64_t row, const Run &r) { return row < r.row; }) -
                    1;
                of_row[run->index + (dd.rows[i] - run->row)] = n;
            }
        }
    }
    m.stage.clear();
}

} // namespace

/* casacore looks for ~/.casarc, and without HOME, as in some batch jobs, finds no measures data
 * either. */
static void need_home() {
    if (getenv("HOME"))
        return;
    const passwd *user = getpwuid(getuid());
    setenv("HOME", user ? user->pw_dir : "/", 0);
}

int casa_init(pclean_err *err) {
    return casa_call(err, nullptr, [&]() -> int {
        need_home();
        if (access("/proc/meminfo", R_OK) != 0)
            return PCL_FAIL(err, PCLEAN_EIO,
                            "/proc/meminfo cannot be read: %s; casacore needs it, so mount /proc "
                            "(containers have it, unless they are told not to)",
                            strerror(errno));
        LogSinkInterface *sink = new LogToPcl;
        LogSink::globalSink(sink); // takes it over
        casa_adios2_register();
        return check_measures_data(err);
    });
}

const char *casa_version(void) {
    static const std::string version = getVersion();
    return version.c_str();
}

/* casacore's I/O layers speak of buckets and blocks: says first what that means. */
static void explain_damage(pclean_err *err) {
    if (err->code != PCLEAN_ECASA)
        return;
    for (const char *word : {"FilebufIO", "FiledesIO", "RegularFileIO", "BucketCache", "BucketFile",
                             "TSMFile", "headerFileGet", "AipsIO", "does not exist"})
        if (strstr(err->msg, word) != nullptr) {
            pcl_err_prefix(
                err,
                "a file of the MeasurementSet is missing, damaged or cut short; casacore says: ");
            err->code = PCLEAN_EIO;
            return;
        }
}

/* Adds the stage and the path to a failure and hands it to the caller. */
static int report(const char *path, const std::string &stage, pclean_err *failure,
                  pclean_err *err) {
    explain_damage(failure);
    if (!stage.empty())
        pcl_err_prefix(failure, "%s: ", stage.c_str());
    if (path && *path)
        pcl_err_prefix(failure, "%s: ", path);
    if (err)
        *err = *failure;
    return -failure->code;
}

typedef int open_how(casa_ms &m, const casa_ms_selection *sel, pclean_err *err);
static int open_with(open_how *how, const char *path, const casa_ms_selection *sel, casa_ms **out,
                     pclean_err *err) {
    *out = nullptr;
    const casa_ms_selection everything{};
    std::unique_ptr<casa_ms> m;
    pclean_err failure{};
    const int status = casa_call(&failure, nullptr, [&]() -> int {
        m.reset(new casa_ms);
        m->path = path ? path : "";
        try {
            return how(*m, sel ? sel : &everything, &failure);
        } catch (const ms_cell_error &e) {
            return PCL_FAIL(&failure, PCLEAN_EDATA, "%s", e.what());
        }
    });
    if (status == 0) {
        *out = m.release();
        return 0;
    }
    const std::string stage = m ? m->stage : "";
    casa_ms_close(m.release());
    return report(path, stage, &failure, err);
}

int casa_ms_open(const char *path, const casa_ms_selection *sel, casa_ms **out, pclean_err *err) {
    return open_with(open_ms, path, sel, out, err);
}

int casa_ms_open_rows(const char *path, const casa_ms_selection *sel, casa_ms **out,
                      pclean_err *err) {
    return open_with(open_rows, path, sel, out, err);
}

void casa_ms_close(casa_ms *ms) {
    (void)casa_call(nullptr, nullptr, [&]() -> int {
        delete ms;
        return 0;
    });
}

const casa_ms_info *casa_ms_get_info(const casa_ms *ms) {
    return &ms->info;
}

/* Calls `body`, which fills what the caller gave. */
template <typename Body> static int with_report(casa_ms *ms, pclean_err *err, const Body &body) {
    pclean_err failure{};
    const int status = casa_call(&failure, nullptr, [&]() -> int {
        if (!has_files_left())
            return PCL_FAIL(&failure, PCLEAN_EIO, "%s",
                            casa_too_many_files("more are needed to read").c_str());
        try {
            body();
        } catch (const ms_cell_error &e) {
            return PCL_FAIL(&failure, PCLEAN_EDATA, "%s", e.what());
        }
        return 0;
    });
    return status ? report(ms->path.c_str(), ms->stage, &failure, err) : 0;
}

int casa_ms_read(casa_ms *ms, size_t irow, size_t nrow, casa_ms_rows *rows, pclean_err *err) {
    for (size_t i = 0; i < ms->dds.size(); i++)
        rows[i] = casa_ms_rows{};
    if (irow > ms->info.nrow || nrow > ms->info.nrow - irow)
        return PCL_FAIL(err, PCLEAN_EBUG, "%s: rows [%zu, %zu) asked for, but %zu are selected",
                        ms->path.c_str(), irow, irow + nrow, ms->info.nrow);
    if (nrow == 0)
        return 0;
    const int status = with_report(ms, err, [&] { read_block(*ms, irow, nrow, rows); });
    for (size_t i = 0; status && i < ms->dds.size(); i++)
        rows[i] = casa_ms_rows{};
    return status;
}

size_t casa_ms_selected(const casa_ms *ms, size_t *nrow_of_ms) {
    if (nrow_of_ms)
        *nrow_of_ms = ms->main.nrow();
    return count_selected(*ms);
}

uint64_t casa_ms_row_number(const casa_ms *ms, size_t i) {
    const Run &run = run_of(selected_runs(*ms), i);
    return run.row + (i - run.index);
}

size_t casa_ms_times(casa_ms *ms, size_t idd, const double **time_s) {
    sort_times(ms->dds[idd]);
    *time_s = ms->dds[idd].times.data();
    return ms->dds[idd].times.size();
}

int casa_ms_count_rows(casa_ms *ms, size_t nslice, const size_t *cut, const double *last_time,
                       size_t *nrow, pclean_err *err) {
    return with_report(ms, err, [&] { count_rows(*ms, nslice, cut, last_time, nrow); });
}

int casa_ms_read_times(casa_ms *ms, double *time_s, pclean_err *err) {
    return with_report(ms, err, [&] {
        walk_selected(*ms, [&](size_t begin, const std::vector<uint64_t> &rows) {
            Vector<Double> cells;
            ms->time.getColumnCells(ref_rows(rows), cells, True);
            replace_times(*ms, cells, nullptr);
            std::copy(cells.begin(), cells.end(), time_s + begin);
        });
    });
}

int casa_ms_largest_uvw(casa_ms *ms, double (*uvw_m)[3], pclean_err *err) {
    return with_report(ms, err, [&] { largest_uvw(*ms, uvw_m); });
}

int casa_ms_count_samples(casa_ms *ms, const uint32_t *want, uint64_t *of_row,
                          uint64_t *const *of_chan, pclean_err *err) {
    return with_report(ms, err, [&] { count_samples(*ms, want, of_row, of_chan); });
}
