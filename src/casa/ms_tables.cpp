// ms_tables.cpp: opens the tables of a MeasurementSet, and says which column of which table is
// missing.
#include "casa/ms_tables.hpp"
#include <casacore/tables/Tables/ScalarColumn.h>
#include <casacore/tables/Tables/SetupNewTab.h>
#include <casacore/tables/Tables/TableRecord.h>
#include <cstdarg>
#include <cstdio>
#include <sys/stat.h>

using namespace casacore;

std::string ms_format(const char *fmt, ...) {
    char text[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return text;
}

namespace {

constexpr const char *everything = "*", *mentioned = "?";

/* Columns that are read, of every MS or (with `expression`) to understand a selection. "" is the
 * main table; everything: any column of the definition; mentioned: those in the text of the
 * expression. */
struct Need {
    const char *table, *columns, *expression;
};
const Need needs[] = {
    {"", "ANTENNA1 ANTENNA2 DATA_DESC_ID FIELD_ID FLAG FLAG_ROW TIME UVW WEIGHT", ""},
    {"ANTENNA", "DISH_DIAMETER POSITION", ""},
    {"DATA_DESCRIPTION", "POLARIZATION_ID SPECTRAL_WINDOW_ID", ""},
    {"FIELD", "NAME NUM_POLY PHASE_DIR SOURCE_ID TIME", ""},
    {"OBSERVATION", "OBSERVER TELESCOPE_NAME", ""},
    {"POLARIZATION", "CORR_TYPE NUM_CORR", ""},
    {"SPECTRAL_WINDOW", "CHAN_FREQ CHAN_WIDTH MEAS_FREQ_REF NUM_CHAN", ""},
    {"ANTENNA", everything, "antenna"},
    {"FIELD", everything, "field"},
    {"SPECTRAL_WINDOW", everything, "spw"},
    {"SPECTRAL_WINDOW", everything, "uvrange"},
    {"STATE", everything, "intent"},
    {"", "STATE_ID", "intent"},
    {"", "SCAN_NUMBER", "scan"},
    {"", "OBSERVATION_ID", "observation"},
    {"", "EXPOSURE INTERVAL", "timerange"},
    {"", mentioned, "taql"},
};

struct Definition {
    const char *table;
    const TableDesc &(*columns)();
    bool required; // of every MS; the others may be absent
    bool read;     // its rows are of use here
};
const Definition definitions[] = {
    {"ANTENNA", MSAntenna::requiredTableDesc, true, true},
    {"DATA_DESCRIPTION", MSDataDescription::requiredTableDesc, true, true},
    {"DOPPLER", MSDoppler::requiredTableDesc, false, false},
    {"FEED", MSFeed::requiredTableDesc, true, false},
    {"FIELD", MSField::requiredTableDesc, true, true},
    {"FLAG_CMD", MSFlagCmd::requiredTableDesc, true, false},
    {"FREQ_OFFSET", MSFreqOffset::requiredTableDesc, false, false},
    {"HISTORY", MSHistory::requiredTableDesc, true, false},
    {"OBSERVATION", MSObservation::requiredTableDesc, true, true},
    {"POINTING", MSPointing::requiredTableDesc, true, false},
    {"POLARIZATION", MSPolarization::requiredTableDesc, true, true},
    {"PROCESSOR", MSProcessor::requiredTableDesc, true, false},
    {"SOURCE", MSSource::requiredTableDesc, false, true},
    {"SPECTRAL_WINDOW", MSSpectralWindow::requiredTableDesc, true, true},
    {"STATE", MSState::requiredTableDesc, true, true},
    {"SYSCAL", MSSysCal::requiredTableDesc, false, false},
    {"WEATHER", MSWeather::requiredTableDesc, false, false},
};

/* What is missing: a column of a table, or (column "") the whole table. */
struct Fault {
    std::string table, column, text;
};

/* ---- what is missing ---- */

const char *expression(const casa_ms_selection *sel, const std::string &name) {
    const std::pair<const char *, const char *> all[] = {
        {"antenna", sel->antenna},         {"field", sel->field},     {"intent", sel->intent},
        {"observation", sel->observation}, {"scan", sel->scan},       {"spw", sel->spw},
        {"timerange", sel->timerange},     {"uvrange", sel->uvrange}, {"taql", sel->taql},
    };
    for (const auto &one : all)
        if (name == one.first)
            return one.second ? one.second : "";
    return "";
}

bool contains(const std::string &words, const std::string &word) {
    return (" " + words + " ").find(" " + word + " ") != std::string::npos;
}

bool concerns(const Need &need, const std::string &column, const casa_ms_selection *sel) {
    if (need.columns == mentioned)
        return strstr(expression(sel, need.expression), column.c_str()) != nullptr;
    return column.empty() || need.columns == everything || contains(need.columns, column);
}

/* Why the column is needed: "" for any image, the name of an expression, or null where it is not. A
 * table is needed where a column of it is. */
const char *needed_for(const Fault &fault, const casa_ms_selection *sel) {
    for (const Need &need : needs)
        if (fault.table == need.table && (!*need.expression || *expression(sel, need.expression)) &&
            concerns(need, fault.column, sel))
            return need.expression;
    return nullptr;
}

std::string unit_of(const TableRecord &keywords) {
    if (!keywords.isDefined("QuantumUnits"))
        return "";
    std::string units;
    for (const String &unit : keywords.asArrayString("QuantumUnits"))
        units += (units.empty() ? "" : ",") + unit;
    return units;
}

std::string measure_of(const TableRecord &keywords) {
    return keywords.isDefined("MEASINFO") && keywords.asRecord("MEASINFO").isDefined("type")
               ? keywords.asRecord("MEASINFO").asString("type")
               : String();
}

/* What keeps a column from being what the definition says, "" if nothing does. */
std::string fault_of_column(const Table &table, const ColumnDesc &wanted) {
    const std::string name = wanted.name();
    if (!table.tableDesc().isColumn(wanted.name()))
        return "no column " + name;
    const ColumnDesc &found = table.tableDesc()[wanted.name()];
    const TableRecord &keywords = TableColumn(table, wanted.name()).keywordSet();
    if (found.dataType() != wanted.dataType() || found.isArray() != wanted.isArray())
        return "a column " + name + " of another type than the definition's";
    const std::string unit = unit_of(wanted.keywordSet()),
                      measure = measure_of(wanted.keywordSet());
    if (!unit.empty() && unit_of(keywords) != unit)
        return "a column " + name + " in " +
               (unit_of(keywords).empty() ? "no unit" : unit_of(keywords)) +
               " (QuantumUnits), not " + unit;
    if (!measure.empty() && measure_of(keywords) != measure)
        return "a column " + name + " that is no " + measure + " (MEASINFO)";
    if (name == "FLAG_CATEGORY" && !keywords.isDefined("CATEGORY"))
        return "a column " + name + " without its keyword CATEGORY";
    return "";
}

void add_faults(const Table &table, const std::string &name, const TableDesc &definition,
                std::vector<Fault> &faults) {
    for (uInt i = 0; i < definition.ncolumn(); i++) {
        const std::string text = fault_of_column(table, definition[i]);
        if (!text.empty())
            faults.push_back(
                {name, definition[i].name(),
                 (name.empty() ? "the main table" : "its table " + name) + " has " + text});
    }
}

std::vector<Fault> find_faults(const Table &main, std::vector<Table> &open) {
    std::vector<Fault> faults;
    add_faults(main, "", MeasurementSet::requiredTableDesc(), faults);
    for (const Definition &d : definitions) {
        if (main.keywordSet().isDefined(d.table)) {
            open.push_back(main.keywordSet().asTable(d.table, TableLock(TableLock::NoLocking)));
            add_faults(open.back(), d.table, d.columns(), faults);
        } else if (d.required) {
            faults.push_back({d.table, "", std::string("there is no sub-table ") + d.table});
        }
    }
    return faults;
}

/* All that is needed and not there, in one sentence. */
int refuse(const std::vector<Fault> &faults, const casa_ms_selection *sel, pclean_err *err) {
    std::string text;
    size_t n = 0;
    for (const Fault &fault : faults) {
        const char *why = needed_for(fault, sel);
        if (!why || n++ >= 6)
            continue;
        text += (text.empty() ? "" : "; ") + fault.text;
        if (*why)
            text += std::string(", which ") + why + "=\"" + expression(sel, why) + "\" needs";
    }
    if (n == 0)
        return 0;
    if (n > 6)
        text += "; and so on";
    return PCL_FAIL(err, PCLEAN_EDATA, "is not a MeasurementSet that can be imaged: %s",
                    text.c_str());
}

/* ---- what stands in for it ---- */

Table memory_table(const std::string &name, const TableDesc &columns, rownr_t nrow) {
    SetupNewTable setup(name, columns, Table::New);
    return Table(setup, Table::Memory, nrow);
}

/* Memory is not cleared by casacore. */
void blank(Table &table, const ColumnDesc &column) {
    if (!column.isScalar())
        return; // no cell of it has a value
    if (column.dataType() == TpInt)
        ScalarColumn<Int>(table, column.name()).fillColumn(0);
    else if (column.dataType() == TpDouble)
        ScalarColumn<Double>(table, column.name()).fillColumn(0);
    else if (column.dataType() == TpBool)
        ScalarColumn<Bool>(table, column.name()).fillColumn(False);
}

/* A copy of a sub-table in memory, whose columns are all as defined; those that were not are
 * empty. */
Table complete(const Table &table, const Definition &definition) {
    if (!definition.read)
        return memory_table(table.tableName(), definition.columns(), 0);
    Table copy = table.copyToMemoryTable(table.tableName());
    for (uInt i = 0; i < definition.columns().ncolumn(); i++) {
        const ColumnDesc &column = definition.columns()[i];
        if (fault_of_column(table, column).empty())
            continue;
        if (copy.tableDesc().isColumn(column.name()))
            copy.removeColumn(column.name());
        copy.addColumn(column);
        blank(copy, column);
    }
    return copy;
}

template <typename T> void copy_scalars(const Table &from, Table &to, const String &column) {
    ScalarColumn<T>(to, column).putColumn(ScalarColumn<T>(from, column));
}

/* The columns that selections look at. Cells of the others are without a value, so that whoever
 * asks for one hears of it. */
void copy_columns(const Table &from, Table &to) {
    const TableDesc &definition = MeasurementSet::requiredTableDesc();
    for (uInt i = 0; i < definition.ncolumn(); i++) {
        const ColumnDesc &column = definition[i];
        if (!column.isScalar() || !fault_of_column(from, column).empty())
            blank(to, column);
        else if (column.dataType() == TpInt)
            copy_scalars<Int>(from, to, column.name());
        else if (column.dataType() == TpDouble)
            copy_scalars<Double>(from, to, column.name());
        else if (column.dataType() == TpBool)
            copy_scalars<Bool>(from, to, column.name());
    }
    ArrayColumn<Double>(to, "UVW").putColumn(ArrayColumn<Double>(from, "UVW"));
}

bool is_whole(const std::vector<Fault> &faults, const std::string &table) {
    for (const Fault &fault : faults)
        if (fault.table == table)
            return false;
    return true;
}

/* What casacore's class accepts in place of an incomplete MS, in memory: sub-tables that are whole
 * as they are, completed copies of the others, and of the main table, where rows are to be
 * selected, what that needs. */
MeasurementSet stand_in(const Table &main, const std::vector<Fault> &faults, bool selects) {
    Table rows = memory_table(main.tableName(), MeasurementSet::requiredTableDesc(),
                              selects ? main.nrow() : 0);
    if (selects)
        copy_columns(main, rows);
    for (const Definition &d : definitions) {
        const bool there = main.keywordSet().isDefined(d.table);
        if (!there && !d.required)
            continue;
        const Table table =
            there ? main.keywordSet().asTable(d.table, TableLock(TableLock::NoLocking))
                  : memory_table(d.table, d.columns(), 0);
        rows.rwKeywordSet().defineTable(
            d.table, is_whole(faults, d.table) || !there ? table : complete(table, d));
    }
    return MeasurementSet(rows);
}

int check_path(const char *path, pclean_err *err) {
    struct stat st;
    if (!*path)
        return PCL_FAIL(err, PCLEAN_EPARAM, "no MeasurementSet is named");
    if (stat(path, &st) != 0)
        return PCL_FAIL(err, PCLEAN_EIO, "cannot be opened: %s", strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return PCL_FAIL(err, PCLEAN_EDATA, "is a file, not a MeasurementSet (which is a folder)");
    const std::string descriptor = std::string(path) + "/table.dat";
    if (stat(descriptor.c_str(), &st) != 0)
        return PCL_FAIL(err, PCLEAN_EDATA, "is not a MeasurementSet: there is no table.dat in it");
    return 0;
}

bool selects_rows(const casa_ms_selection *sel) {
    for (const Need &need : needs)
        if (*expression(sel, need.expression))
            return true;
    return false;
}

} // namespace

/* NoLocking holds for the sub-tables too: MeasurementSet opens them with the main table's lock
 * options. */
int ms_tables_open(const std::string &path, const casa_ms_selection *sel, ms_tables *out,
                   pclean_err *err) {
    int status = check_path(path.c_str(), err);
    if (status)
        return status;
    const TableLock lock(TableLock::NoLocking);
    out->main = Table(path, lock, Table::Old);
    std::vector<Table> open; // while the MS opens: both share one set of files
    const std::vector<Fault> faults = find_faults(out->main, open);
    if ((status = refuse(faults, sel, err)) != 0)
        return status;
    for (const Fault &fault : faults)
        if (!fault.column
                 .empty()) // sub-tables of no use to an image are left out by several programs
            out->lacks.push_back(fault.text);
    out->ms = out->lacks.empty() ? MeasurementSet(path, lock, Table::Old)
                                 : stand_in(out->main, faults, selects_rows(sel));
    if (out->main.nrow() == 0)
        return PCL_FAIL(err, PCLEAN_EDATA, "the MeasurementSet has no rows");
    return 0;
}
