// copy.cpp: a table copied block by block, some of its columns under another storage manager.
//
// casacore's own deep copy goes row by row through all columns and cannot be watched or stopped.
// Here each column is copied by itself, in blocks of rows, which is also the order in which
// Adios2StMan writes fastest. Columns of one IncrementalStMan are copied side by side: its buckets
// have ranges of rows of all its columns, and each would be written again for each column.
#include "casa/adios2.hpp"
#include "casa/casa_call.hpp"
extern "C" {
#include "base/fsutil.h"
#include "base/mem.h"
#include "pclean/adios2.h"
}
#include <algorithm>
#include <casacore/casa/Arrays/ArrayLogical.h>
#include <casacore/casa/Arrays/Slicer.h>
#include <casacore/casa/OS/Path.h>
#include <casacore/tables/DataMan/DataManInfo.h>
#include <casacore/tables/TaQL/ExprNode.h>
#include <casacore/tables/TaQL/TableParse.h>
#include <casacore/tables/Tables/ArrColDesc.h>
#include <casacore/tables/Tables/ArrayColumn.h>
#include <casacore/tables/Tables/ScalarColumn.h>
#include <casacore/tables/Tables/SetupNewTab.h>
#include <casacore/tables/Tables/TableAttr.h>
#include <casacore/tables/Tables/TableCopy.h>
#include <casacore/tables/Tables/TableRecord.h>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

using namespace casacore;

namespace {

constexpr size_t block_bytes = size_t(8) << 20;
constexpr rownr_t block_rows = 65536;
constexpr rownr_t incremental_rows = 64;
constexpr size_t sample_every = 16; // blocks, when not all are compared
const char *const manager_type = "Adios2StMan";

struct ColumnPlan {
    std::string name;
    bool moved = false;
    IPosition shape;       // of every cell, if `uniform`
    bool uniform = false;  // every cell is filled, and has one shape
    size_t cell_bytes = 0; // of the first cell
    String together;       // the IncrementalStMan that has it and others
};

size_t element_bytes(DataType type) {
    return type == TpString ? 16 : static_cast<size_t>(ValType::getTypeSize(type));
}

/* Calls f with a null pointer of the column's type. */
template <typename F> void with_type(const ColumnDesc &desc, F &&f) {
    switch (desc.dataType()) {
    case TpBool:
        return f(static_cast<Bool *>(nullptr));
    case TpUChar:
        return f(static_cast<uChar *>(nullptr));
    case TpShort:
        return f(static_cast<Short *>(nullptr));
    case TpUShort:
        return f(static_cast<uShort *>(nullptr));
    case TpInt:
        return f(static_cast<Int *>(nullptr));
    case TpUInt:
        return f(static_cast<uInt *>(nullptr));
    case TpInt64:
        return f(static_cast<Int64 *>(nullptr));
    case TpFloat:
        return f(static_cast<Float *>(nullptr));
    case TpDouble:
        return f(static_cast<Double *>(nullptr));
    case TpComplex:
        return f(static_cast<Complex *>(nullptr));
    case TpDComplex:
        return f(static_cast<DComplex *>(nullptr));
    case TpString:
        return f(static_cast<String *>(nullptr));
    default:
        throw AipsError("column " + desc.name() + " has a type that cannot be copied");
    }
}

struct Difference : std::runtime_error {
    using std::runtime_error::runtime_error;
};

[[noreturn]] void differs(const String &column, rownr_t row) {
    throw Difference("column " + std::string(column) + ", row " + std::to_string(row) +
                     ": the copy differs from the original");
}

/* Bytes, so that NaN equals NaN and -0 is not 0; texts as texts. */
template <typename T> bool same_bytes(const Array<T> &a, const Array<T> &b) {
    return a.shape().isEqual(b.shape()) && a.nelements() == b.nelements() &&
           memcmp(a.data(), b.data(), a.nelements() * sizeof(T)) == 0;
}
template <> bool same_bytes(const Array<String> &a, const Array<String> &b) {
    return a.shape().isEqual(b.shape()) && allEQ(a, b);
}

} // namespace

struct Subtable {
    std::string key, path;
};

struct casa_copy {
    casa_copy_target target;
    Table in, out;
    Record dminfo; // of the new table
    std::vector<ColumnPlan> columns;
    std::vector<Subtable> subtables;  // that the copy has
    std::vector<std::string> dropped; // keywords of sub-tables that the copy does not have
    size_t icol = 0, iblock = 0;
    rownr_t row = 0;
    bool all = true;
};

namespace {

/* ---- what there is ---- */

Table select_rows(const Table &whole, const casa_copy_spec &spec) {
    Table t = whole;
    if (spec.ddid) {
        Vector<Int> ids(spec.nddid);
        std::copy(spec.ddid, spec.ddid + spec.nddid, ids.begin());
        t = t(t.col("DATA_DESC_ID").in(TableExprNode(ids)));
    }
    if (spec.taql && *spec.taql)
        t = tableCommand(String("select from $1 where ") + spec.taql, t).table();
    return t;
}

/* Shapes of all cells: those of TiledShapeStMan come from memory, so this is quick. */
void look_at_shapes(const Table &t, ColumnPlan &p) {
    const ColumnDesc &desc = t.tableDesc()[p.name];
    const size_t element = element_bytes(desc.dataType());
    if (desc.isScalar()) {
        p.uniform = true;
        p.cell_bytes = element;
        return;
    }
    const TableColumn column(t, p.name);
    p.uniform = true;
    for (rownr_t row = 0; row < t.nrow(); row++) {
        const bool filled = column.isDefined(row);
        const IPosition shape = filled ? column.shape(row) : IPosition();
        if (p.cell_bytes == 0 && filled) {
            p.cell_bytes = static_cast<size_t>(shape.product()) * element;
            p.shape = shape;
        }
        if (!filled || shape.product() == 0 || !shape.isEqual(p.shape)) {
            p.uniform = false;
            return;
        }
    }
}

std::set<std::string> wanted_columns(const Table &t, const casa_copy_spec &spec) {
    std::set<std::string> wanted;
    if (!spec.columns)
        for (const std::string &name : casa_adios2_columns_of(t.dataManagerInfo(), nullptr))
            wanted.insert(name);
    for (size_t i = 0; spec.columns && spec.columns[i]; i++)
        if (t.tableDesc().isColumn(spec.columns[i]))
            wanted.insert(spec.columns[i]);
    return wanted;
}

/* ---- managers ---- */

Vector<String> names(const std::vector<String> &list) {
    return Vector<String>(list);
}

Record manager_record(const String &type, const String &name, const std::vector<String> &columns,
                      const Record &spec) {
    Record r;
    r.define("TYPE", type);
    r.define("NAME", name);
    r.define("COLUMNS", names(columns));
    r.defineRecord("SPEC", spec);
    return r;
}

Record adios2_spec(const casa_copy_spec &spec) {
    Record r, params;
    if (spec.xml_file && *spec.xml_file) {
        r.define("XMLFILE", String(spec.xml_file));
        return r;
    }
    if (spec.engine && *spec.engine)
        r.define("ENGINETYPE", String(spec.engine));
    for (size_t i = 0; spec.params && spec.params[i]; i += 2)
        params.define(spec.params[i], String(spec.params[i + 1]));
    if (params.nfields() > 0)
        r.defineRecord("ENGINEPARAMS", params);
    return r;
}

/* Tiles of about 1 MiB: whole cells of many rows. */
Record tile_spec(const ColumnPlan &p, size_t ndim) {
    const IPosition cell = p.shape.size() == ndim ? p.shape : IPosition(ndim, 1);
    const size_t bytes = std::max<size_t>(p.cell_bytes, 1);
    Record r;
    r.define("DEFAULTTILESHAPE",
             cell.concatenate(IPosition(1, static_cast<ssize_t>(
                                               std::max<size_t>(1, (size_t(1) << 20) / bytes))))
                 .asVector());
    return r;
}

String free_name(const std::set<String> &used, const String &wish) {
    String name = wish;
    for (int k = 1; used.count(name); k++)
        name = wish + "_" + String::toString(k);
    return name;
}

/* A copy is tiled by default shape; what the tiles of the first hypercube are is not always
 * that. */
void keep_tiles(Record &manager) {
    if (manager.asString("TYPE") != "TiledShapeStMan" || !manager.isDefined("SPEC"))
        return;
    Record spec = manager.subRecord("SPEC");
    if (!spec.isDefined("HYPERCUBES") || spec.subRecord("HYPERCUBES").nfields() == 0)
        return;
    spec.define("DEFAULTTILESHAPE",
                spec.subRecord("HYPERCUBES").subRecord(0).toArrayInt("TileShape"));
    manager.defineRecord("SPEC", spec);
}

/* The table's managers without the columns that move, and managers for these. */
Record new_managers(const Table &t, const std::vector<ColumnPlan> &columns,
                    const casa_copy_spec &spec) {
    Record result;
    std::set<String> used;
    std::set<String> moving;
    std::vector<String> moved, untiled;
    uInt n = 0;
    const auto add = [&](const Record &manager) {
        result.defineRecord("*" + String::toString(++n), manager);
    };
    for (const ColumnPlan &p : columns)
        if (p.moved)
            moving.insert(p.name);
    const Record old = t.dataManagerInfo();
    for (uInt i = 0; i < old.nfields(); i++) {
        Record manager = old.subRecord(i);
        std::vector<String> kept;
        for (const String &name : Vector<String>(manager.asArrayString("COLUMNS")))
            if (!moving.count(name) && t.tableDesc().isColumn(name))
                kept.push_back(name);
        if (kept.empty())
            continue;
        manager.define("COLUMNS", names(kept));
        keep_tiles(manager);
        used.insert(manager.asString("NAME"));
        add(manager);
    }
    for (const ColumnPlan &p : columns) {
        if (!p.moved)
            continue;
        const ColumnDesc &desc = t.tableDesc()[p.name];
        // tiles need to know it before the first cell
        const size_t ndim = static_cast<size_t>(std::max(0, desc.ndim()));
        if (spec.target == CASA_COPY_ADIOS2)
            moved.push_back(p.name);
        else if (desc.isScalar() || desc.dataType() == TpString || ndim == 0)
            untiled.push_back(p.name);
        else
            add(manager_record("TiledShapeStMan", free_name(used, "Tiled" + p.name), {p.name},
                               tile_spec(p, ndim)));
    }
    if (!moved.empty())
        add(manager_record(manager_type, free_name(used, manager_type), moved, adios2_spec(spec)));
    if (!untiled.empty())
        add(manager_record("StandardStMan", free_name(used, "SSM"), untiled, Record()));
    return result;
}

/* ---- descriptions ---- */

/* The column's description with a fixed shape, or (shape empty) with none. A shape cannot be taken
 * back, hence a new one. */
template <typename T>
void replace_description(TableDesc &desc, const ColumnDesc &old, const IPosition &shape) {
    const String name = old.name();
    const int other = old.options() & ~(ColumnDesc::FixedShape | ColumnDesc::Direct);
    const TableRecord keywords = old.keywordSet();
    ArrayColumnDesc<T> column =
        shape.empty()
            ? ArrayColumnDesc<T>(name, old.comment(), old.dataManagerType(), old.dataManagerGroup(),
                                 old.ndim(), other)
            : ArrayColumnDesc<T>(name, old.comment(), old.dataManagerType(), old.dataManagerGroup(),
                                 shape, other | ColumnDesc::FixedShape);
    desc.removeColumn(name);
    desc.addColumn(column);
    desc.rwColumnDesc(name).rwKeywordSet() = keywords;
}

void set_shape(TableDesc &desc, const ColumnPlan &p, casa_copy_target target) {
    const ColumnDesc old = desc[p.name];
    const bool fixed = old.isArray() && (old.options() & ColumnDesc::FixedShape);
    const bool fix = target == CASA_COPY_ADIOS2 && old.isArray() && p.uniform && !fixed;
    const bool unfix = target == CASA_COPY_TILED && fixed && old.dataType() != TpString;
    if (p.moved && (fix || unfix))
        with_type(old, [&](auto *type) {
            replace_description<std::remove_pointer_t<decltype(type)>>(desc, old,
                                                                       fix ? p.shape : IPosition());
        });
}

/* Groups of columns that were tiled together once, and of which a column has been removed since. */
void drop_broken_hypercolumns(TableDesc &desc) {
    for (const String &name : desc.hypercolumnNames()) {
        Vector<String> data, coordinates, id;
        desc.hypercolumnDesc(name, data, coordinates, id);
        if (!std::all_of(data.begin(), data.end(),
                         [&](const String &column) { return desc.isColumn(column); }))
            desc.removeHypercolumnDesc(name);
    }
}

void make_table(casa_copy &c, const char *out) {
    TableDesc desc = c.in.actualTableDesc();
    drop_broken_hypercolumns(desc);
    for (const ColumnPlan &p : c.columns)
        set_shape(desc, p, c.target);
    DataManInfo::adjustDesc(desc, c.dminfo);
    const Record dminfo = DataManInfo::adjustStMan(c.dminfo, "StandardStMan", true);
    SetupNewTable setup(out, desc, Table::New);
    setup.bindCreate(dminfo);
    c.out = Table(setup, c.in.nrow());
    TableCopy::copyInfo(c.out, c.in);
}

/* ---- blocks ---- */

rownr_t rows_of_block(const casa_copy &c, const ColumnPlan &p) {
    const rownr_t fit = std::max<rownr_t>(1, block_bytes / std::max<size_t>(p.cell_bytes, 1));
    return std::min({fit, block_rows, c.in.nrow() - c.row});
}

template <typename T>
void copy_scalars(casa_copy &c, const ColumnPlan &p, rownr_t first, rownr_t n) {
    const ScalarColumn<T> in(c.in, p.name);
    ScalarColumn<T> out(c.out, p.name);
    const Slicer rows(IPosition(1, static_cast<ssize_t>(first)),
                      IPosition(1, static_cast<ssize_t>(n)));
    out.putColumnRange(rows, in.getColumnRange(rows));
}

/* Cells without elements are left unfilled under Adios2StMan, which has no place for them. */
template <typename T>
void copy_arrays(casa_copy &c, const ColumnPlan &p, rownr_t first, rownr_t n) {
    const ArrayColumn<T> in(c.in, p.name);
    ArrayColumn<T> out(c.out, p.name);
    if (p.uniform) {
        const Slicer rows(IPosition(1, static_cast<ssize_t>(first)),
                          IPosition(1, static_cast<ssize_t>(n)));
        out.putColumnRange(rows, in.getColumnRange(rows));
        return;
    }
    for (rownr_t row = first; row < first + n; row++)
        if (in.isDefined(row) && !(p.moved && in.shape(row).product() == 0))
            out.put(row, in(row));
}

template <typename T>
void compare_scalars(casa_copy &c, const ColumnPlan &p, rownr_t first, rownr_t n) {
    const ScalarColumn<T> a(c.in, p.name), b(c.out, p.name);
    const Slicer rows(IPosition(1, static_cast<ssize_t>(first)),
                      IPosition(1, static_cast<ssize_t>(n)));
    const Vector<T> x = a.getColumnRange(rows), y = b.getColumnRange(rows);
    if (same_bytes<T>(x, y))
        return;
    for (rownr_t i = 0; i < n; i++)
        if (!same_bytes<T>(x(Slice(i)), y(Slice(i))))
            differs(p.name, first + i);
}

template <typename T>
void compare_arrays(casa_copy &c, const ColumnPlan &p, rownr_t first, rownr_t n) {
    const ArrayColumn<T> a(c.in, p.name), b(c.out, p.name);
    if (p.uniform) {
        const Slicer rows(IPosition(1, static_cast<ssize_t>(first)),
                          IPosition(1, static_cast<ssize_t>(n)));
        if (same_bytes<T>(a.getColumnRange(rows), b.getColumnRange(rows)))
            return;
    }
    for (rownr_t row = first; row < first + n; row++) {
        const bool filled = a.isDefined(row) && a.shape(row).product() != 0;
        if (filled != (b.isDefined(row) && b.shape(row).product() != 0) ||
            (filled && !same_bytes<T>(a(row), b(row))))
            differs(p.name, row);
    }
}

void do_rows(casa_copy &c, const ColumnPlan &p, rownr_t first, rownr_t n, bool compare) {
    const ColumnDesc desc = c.in.tableDesc()[p.name];
    with_type(desc, [&](auto *type) {
        using T = std::remove_pointer_t<decltype(type)>;
        if (compare)
            desc.isScalar() ? compare_scalars<T>(c, p, first, n)
                            : compare_arrays<T>(c, p, first, n);
        else
            desc.isScalar() ? copy_scalars<T>(c, p, first, n) : copy_arrays<T>(c, p, first, n);
    });
}

/* The next block, of one column or of several that go together; its bytes. */
uint64_t do_block(casa_copy &c, bool compare) {
    const ColumnPlan &p = c.columns[c.icol];
    const auto other = [&](const ColumnPlan &q) {
        return &q != &p && (p.together.empty() || q.together != p.together);
    };
    const size_t end = static_cast<size_t>(
        std::find_if(c.columns.begin() + static_cast<ptrdiff_t>(c.icol), c.columns.end(), other) -
        c.columns.begin());
    const rownr_t n = rows_of_block(c, p), step = p.together.empty() ? n : incremental_rows;
    const bool last = c.row + n == c.in.nrow();
    uint64_t bytes = 0;
    if (!compare || c.all || last || c.iblock % sample_every == 0)
        for (rownr_t row = c.row; row < c.row + n; row += step)
            for (size_t i = c.icol; i < end; i++)
                do_rows(c, c.columns[i], row, std::min(step, c.row + n - row), compare);
    for (size_t i = c.icol; i < end; i++)
        bytes += n * c.columns[i].cell_bytes;
    c.row = last ? 0 : c.row + n;
    c.iblock = last ? 0 : c.iblock + 1;
    c.icol = last ? end : c.icol;
    return bytes;
}

/* The columns of one IncrementalStMan, one after the other. */
void put_together(casa_copy &c) {
    for (uInt i = 0; i < c.dminfo.nfields(); i++) {
        const Record manager = c.dminfo.subRecord(i);
        if (manager.asString("TYPE") != "IncrementalStMan")
            continue;
        for (const String &name : Vector<String>(manager.asArrayString("COLUMNS")))
            for (ColumnPlan &p : c.columns)
                if (p.name == name.c_str())
                    p.together = manager.asString("NAME");
    }
    std::stable_sort(
        c.columns.begin(), c.columns.end(),
        [](const ColumnPlan &a, const ColumnPlan &b) { return a.together < b.together; });
}

/* ---- sub-tables ---- */

/* Sub-tables of the MeasurementSet definition (version 2): those that each MS must have, and those
 * that it may have. */
const std::set<std::string> must_have = {
    "ANTENNA",     "DATA_DESCRIPTION", "FEED",         "FIELD",     "FLAG_CMD",        "HISTORY",
    "OBSERVATION", "POINTING",         "POLARIZATION", "PROCESSOR", "SPECTRAL_WINDOW", "STATE"};
const std::set<std::string> may_have = {"DOPPLER", "FREQ_OFFSET", "SOURCE", "SYSCAL", "WEATHER"};

bool is_ms(const Table &t) {
    return t.keywordSet().isDefined("MS_VERSION") ||
           (t.tableDesc().isColumn("DATA_DESC_ID") && t.tableDesc().isColumn("UVW"));
}

/* A path that cannot be looked at is not known to be missing. */
bool is_missing(const String &path) {
    struct stat st;
    return lstat(path.c_str(), &st) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* Reads every cell of some thousand rows, the first and the last among them. */
void read_rows(const Table &t) {
    const rownr_t n = t.nrow(), step = std::max<rownr_t>(1, n / 1000);
    for (uInt i = 0; i < t.tableDesc().ncolumn(); i++) {
        const ColumnDesc &desc = t.tableDesc()[i];
        if (desc.dataType() == TpRecord)
            continue;
        with_type(desc, [&](auto *type) {
            using T = std::remove_pointer_t<decltype(type)>;
            for (rownr_t k = 0; k < n + step - 1; k += step) {
                const rownr_t row = std::min(k, n - 1);
                if (desc.isScalar())
                    ScalarColumn<T>(t, desc.name())(row);
                else if (const ArrayColumn<T> cells(t, desc.name()); cells.isDefined(row))
                    cells(row);
            }
        });
    }
}

/* A sub-table, opened and read, and those below it. A table may be named more than once, and even
 * name the one it belongs to. */
void read_subtables(const Table &t, std::set<std::string> &seen) {
    if (!seen.insert(t.tableName()).second)
        return;
    read_rows(t);
    const TableRecord &keywords = t.keywordSet();
    for (uInt i = 0; i < keywords.nfields(); i++)
        if (keywords.type(i) == TpTable && !is_missing(keywords.tableAttributes(i).name()))
            read_subtables(Table(keywords.tableAttributes(i).name(), TableLock::NoLocking), seen);
}

/* Does f, whose failure is one of the sub-table. */
template <typename F> void of_subtable(const Subtable &sub, const char *verb, F &&f) {
    const std::string what =
        "its sub-table " + sub.key + " (" + sub.path + ") cannot be " + verb + ": ";
    try {
        f();
    } catch (const std::bad_alloc &) {
        throw;
    } catch (const casa_failure &e) {
        throw casa_failure(e.code, what + e.what());
    } catch (const std::exception &e) {
        throw casa_failure(PCLEAN_EIO, what + casa_reason(e.what()));
    }
}

void fail_missing(const std::string &key) {
    throw casa_failure(PCLEAN_EDATA, "its sub-table " + key +
                                         " does not exist, and a MeasurementSet must have it: take "
                                         "it from a complete copy of the MeasurementSet");
}

/* What there is of sub-tables. A keyword may name a table that is not there (importasdm's
 * ASDM_MAIN): it stays as it is, but for those of the definition: casacore opens no MS in which
 * such a keyword leads nowhere. */
void find_subtables(casa_copy &c, const Table &whole) {
    const TableRecord &keywords = whole.keywordSet();
    const bool ms = is_ms(whole);
    for (uInt i = 0; i < keywords.nfields(); i++) {
        if (keywords.type(i) != TpTable)
            continue;
        const Subtable sub{keywords.name(i), keywords.tableAttributes(i).name()};
        if (!is_missing(sub.path)) {
            c.subtables.push_back(sub);
            continue;
        }
        if (ms && must_have.count(sub.key))
            fail_missing(sub.key);
        if (ms && may_have.count(sub.key))
            c.dropped.push_back(sub.key);
        pcl_log(PCL_LOG_WARNING, "%s: its sub-table %s does not exist, so the copy has none",
                whole.tableName().c_str(), sub.key.c_str());
    }
    for (const std::string &key : must_have)
        if (ms && !keywords.isDefined(key))
            fail_missing(key);
}

/* The files of a table that has its own are copied, so that the copy can be written; casacore does
 * the same by starting four processes. */
void copy_subtable(const Table &in, const String &to) {
    pclean_err err{};
    if (!in.isRootTable())
        in.deepCopy(to, Table::New);
    else if (pcl_fs_copy_tree(in.tableName().c_str(), to.c_str(), PCL_FS_COPY, &err) != 0)
        throw casa_failure(err.code, err.msg);
    else
        for (const auto &entry : std::filesystem::recursive_directory_iterator(to.c_str()))
            if (!entry.is_symlink())
                std::filesystem::permissions(entry.path(), std::filesystem::perms::owner_write,
                                             std::filesystem::perm_options::add);
}

String place_in(const Table &t, const Subtable &sub) {
    return t.tableName() + "/" + Path(sub.path).baseName();
}

/* A keyword that names the main table itself (SORTED_TABLE) is dropped. */
void copy_subtables(casa_copy &c, Table &out) {
    const std::vector<Subtable> named = c.subtables;
    c.subtables.clear();
    for (const Subtable &sub : named)
        of_subtable(sub, "copied", [&] {
            const Table t(sub.path, TableLock::NoLocking);
            const String name = place_in(out, sub);
            if (t.isSameRoot(c.in)) {
                c.dropped.push_back(sub.key);
                return;
            }
            copy_subtable(t, name);
            out.rwKeywordSet().defineTable(sub.key, Table(name));
            c.subtables.push_back(sub);
        });
    for (const std::string &key : c.dropped)
        out.rwKeywordSet().removeField(key);
}

/* Rows, and the type and so on of table.info, which casacore writes without looking whether it
 * could. */
bool same_frame(const Table &a, const Table &b) {
    const TableInfo &x = a.tableInfo(), &y = b.tableInfo();
    return a.nrow() == b.nrow() && x.type() == y.type() && x.subType() == y.subType() &&
           x.readme() == y.readme();
}

/* ---- the steps ---- */

int open_copy(casa_copy &c, const casa_copy_spec &spec, casa_copy_info &info, pclean_err *err) {
    if (!Table::isReadable(spec.path))
        return PCL_FAIL(err, PCLEAN_EIO, "%s",
                        access(spec.path, F_OK) == 0 ? "not a table that casacore can read"
                                                     : "does not exist");
    const Table whole(spec.path, TableLock::NoLocking);
    c.target = spec.target;
    const std::set<std::string> wanted = wanted_columns(whole, spec);
    if (wanted.empty())
        return spec.columns ? PCL_FAIL(err, PCLEAN_EDATA,
                                       "has none of the columns that were to be moved to ADIOS2")
                            : PCL_FAIL(err, PCLEAN_EDATA, "no column of it is in ADIOS2");
    find_subtables(c, whole);
    c.in = select_rows(whole, spec);
    if (c.in.nrow() == 0)
        return PCL_FAIL(err, PCLEAN_EDATA, "no row is selected");
    info = casa_copy_info{};
    info.nrow = c.in.nrow();
    for (uInt i = 0; i < c.in.tableDesc().ncolumn(); i++) {
        ColumnPlan p;
        p.name = c.in.tableDesc()[i].name();
        p.moved = wanted.count(p.name) != 0;
        look_at_shapes(c.in, p);
        info.cell_bytes += p.cell_bytes * c.in.nrow();
        const auto list = [&](char(&text)[512]) {
            snprintf(text + strlen(text), 512 - strlen(text), "%s%s", *text ? ", " : "",
                     p.name.c_str());
        };
        if (p.moved)
            list(info.columns);
        if (p.moved && !p.uniform)
            list(info.variable);
        if (p.moved && c.in.tableDesc()[i].dataType() == TpString &&
            info.nrow > PCLEAN_ADIOS2_TEXT_ROWS)
            list(info.text);
        c.columns.push_back(p);
    }
    c.dminfo = new_managers(c.in, c.columns, spec);
    put_together(c);
    return 0;
}

int step(casa_copy *copy, bool compare, uint64_t *bytes, bool *more, pclean_err *err) {
    *bytes = 0;
    const char *name =
        copy->icol < copy->columns.size() ? copy->columns[copy->icol].name.c_str() : "";
    const int status = casa_call(err, name, [&]() -> int {
        try {
            if (copy->icol < copy->columns.size())
                *bytes = do_block(*copy, compare);
        } catch (const Difference &e) {
            return PCL_FAIL(err, PCLEAN_EIO, "%s", e.what());
        }
        return 0;
    });
    *more = !status && copy->icol < copy->columns.size();
    return status;
}

} // namespace

int casa_copy_check(const char *path, pclean_err *err) {
    return casa_call(err, path, [&]() -> int {
        if (!Table::isReadable(path))
            return 0;
        const Table whole(path, TableLock::NoLocking);
        const TableRecord &keywords = whole.keywordSet();
        std::set<std::string> seen{whole.tableName()};
        for (uInt i = 0; i < keywords.nfields(); i++) {
            if (keywords.type(i) != TpTable)
                continue;
            const Subtable sub{keywords.name(i), keywords.tableAttributes(i).name()};
            if (!is_missing(sub.path))
                of_subtable(sub, "read",
                            [&] { read_subtables(Table(sub.path, TableLock::NoLocking), seen); });
        }
        return 0;
    });
}

int casa_copy_open(const casa_copy_spec *spec, casa_copy **out, casa_copy_info *info,
                   pclean_err *err) {
    *out = nullptr;
    std::unique_ptr<casa_copy> c;
    const int status = casa_call(err, spec->path, [&]() -> int {
        c.reset(new casa_copy);
        return open_copy(*c, *spec, *info, err);
    });
    if (status)
        casa_copy_close(c.release());
    else
        *out = c.release();
    return status;
}

/* A table that is not finished would write its rest when it is destroyed, and end the process where
 * it cannot (a full disk): it is given up instead. */
void casa_copy_close(casa_copy *copy) {
    (void)casa_call(nullptr, nullptr, [&]() -> int {
        if (copy && !copy->out.isNull() && copy->out.isWritable())
            copy->out.markForDelete();
        delete copy;
        return 0;
    });
}

int casa_copy_create(casa_copy *copy, const char *out, pclean_err *err) {
    copy->icol = copy->iblock = copy->row = 0;
    return casa_call(err, out, [&]() -> int {
        make_table(*copy, out);
        return 0;
    });
}

int casa_copy_step(casa_copy *copy, uint64_t *bytes, bool *more, pclean_err *err) {
    return step(copy, false, bytes, more, err);
}

int casa_copy_compare(casa_copy *copy, uint64_t *bytes, bool *more, pclean_err *err) {
    return step(copy, true, bytes, more, err);
}

int casa_copy_finish(casa_copy *copy, pclean_err *err) {
    return casa_call(err, nullptr, [&]() -> int {
        copy_subtables(*copy, copy->out);
        copy->out.flush(true, true);
        copy->out = Table();
        return 0;
    });
}

int casa_copy_reopen(casa_copy *copy, const char *out, bool all, pclean_err *err) {
    copy->icol = copy->iblock = copy->row = 0;
    copy->all = all;
    return casa_call(err, out, [&]() -> int {
        copy->out = Table(out, TableLock::NoLocking);
        bool same = same_frame(copy->in, copy->out);
        for (const Subtable &sub : copy->subtables)
            same = same && same_frame(Table(sub.path, TableLock::NoLocking),
                                      Table(place_in(copy->out, sub), TableLock::NoLocking));
        return same ? 0
                    : PCL_FAIL(err, PCLEAN_EIO,
                               "the rows or the table.info of the copy, or of a sub-table, are not "
                               "those of the original");
    });
}

int casa_copy_windows(const char *path, int **spw, size_t *nspw, int **spw_of_ddid, size_t *nddid,
                      pclean_err *err) {
    *spw = *spw_of_ddid = nullptr;
    return casa_call(err, path, [&]() -> int {
        if (!Table::isReadable(path))
            return PCL_FAIL(err, PCLEAN_EIO, "%s",
                            access(path, F_OK) == 0 ? "not a table that casacore can read"
                                                    : "does not exist");
        const Table t(path, TableLock::NoLocking);
        if (!t.tableDesc().isColumn("DATA_DESC_ID") ||
            !t.keywordSet().isDefined("DATA_DESCRIPTION"))
            return PCL_FAIL(err, PCLEAN_EDATA,
                            "not a MeasurementSet: no DATA_DESC_ID or no DATA_DESCRIPTION");
        const Vector<Int> window =
            ScalarColumn<Int>(t.keywordSet().asTable("DATA_DESCRIPTION"), "SPECTRAL_WINDOW_ID")
                .getColumn();
        const Vector<Int> ddid = ScalarColumn<Int>(t, "DATA_DESC_ID").getColumn();
        const std::set<Int> used(ddid.begin(), ddid.end());
        std::set<int> windows;
        *nddid = window.size();
        if (PCL_NEW(spw_of_ddid, *nddid + 1, "data descriptions", err) != 0)
            return -PCLEAN_ENOMEM;
        for (size_t i = 0; i < *nddid; i++) {
            (*spw_of_ddid)[i] = used.count(static_cast<Int>(i)) ? window[i] : -1;
            if ((*spw_of_ddid)[i] >= 0)
                windows.insert(window[i]);
        }
        if (!used.empty() && (*used.begin() < 0 || *used.rbegin() >= static_cast<Int>(*nddid)))
            return PCL_FAIL(err, PCLEAN_EDATA,
                            "DATA_DESC_ID of some row is not in DATA_DESCRIPTION");
        *nspw = windows.size();
        if (PCL_NEW(spw, *nspw + 1, "spectral windows", err) != 0)
            return -PCLEAN_ENOMEM;
        std::copy(windows.begin(), windows.end(), *spw);
        return 0;
    });
}
