// msedit: spoils a copy of a MeasurementSet, for tests. Usage: msedit MS WORD [ARGUMENTS]; WORD one
// of
//   flag [FIRST LAST]   set FLAG (of channels FIRST to LAST)       flag-rows      set FLAG_ROW
//   weight X            set WEIGHT and WEIGHT_SPECTRUM              scale X [COLUMN]  multiply DATA
//   spoil N             every Nth sample of DATA NaN, the one after it infinite
//   spoil-uvw N         every Nth row's UVW NaN                     rows FIRST LAST OUT  copy these
//   rows to the new MS OUT
//   drop COLUMN         remove a column; here and below COLUMN may be one of a sub-table:
//                       FIELD/NUM_POLY
//   set COLUMN ROW X [I]  a cell, or only element I of it, is X; ROW may be "all" or FIRST:STEP
//   shape COLUMN ROW N... a cell of this shape, empty where it was smaller
//   unfill COLUMN [N]   a column anew, without a value from row N (0) on
//   copy COLUMN NEW [N] a new column with the description and the cells of another, up to row N
//   retype COLUMN       a column of the same name and shape, of texts (of integers, if it was one
//                       of texts)
//   reference COLUMN R  the measure's reference (MEASINFO) is R     drop-table SUB remove the
//                       keyword of a sub-table
//   clear SUB           remove all rows of a sub-table
//   flip-width          the other sign for every CHAN_WIDTH
//   reverse, shuffle    the channels of every window in another order, the data with them (shuffle:
//                       channel i goes to 7 i + 3)
//   split               row n keeps correlation n modulo their number only: data descriptions of
//                       one correlation each
//   keep N CORR...      of every Nth row (0, N ...) only these correlations (numbers): a data
//                       description more
//   linear N            every Nth row (0, N ...) is called XX, XY, YX, YY instead of RR, RL, LR,
//                       LL: a data description more
//   lock                hold a write lock on the main table until standard input ends
#include <casacore/casa/Arrays/Array.h>
#include <casacore/casa/Arrays/ArrayMath.h>
#include <casacore/casa/Arrays/Matrix.h>
#include <casacore/tables/DataMan/StandardStMan.h>
#include <casacore/tables/Tables/ArrColDesc.h>
#include <casacore/tables/Tables/ArrayColumn.h>
#include <casacore/tables/Tables/ScaColDesc.h>
#include <casacore/tables/Tables/ScalarColumn.h>
#include <casacore/tables/Tables/Table.h>
#include <casacore/tables/Tables/TableRecord.h>

#include <cstdio>
#include <functional>
#include <iostream>
#include <limits>
#include <map>
#include <string>
#include <vector>

using namespace casacore;

template <typename T>
static void each_cell(Table &t, const char *column,
                      const std::function<void(rownr_t, Array<T> &)> &change) {
    if (!t.tableDesc().isColumn(column))
        return;
    ArrayColumn<T> c(t, column);
    for (rownr_t row = 0; row < t.nrow(); row++)
        if (c.isDefined(row)) {
            Array<T> a = c(row);
            change(row, a);
            c.put(row, a);
        }
}

static void flag(Table &t, long first, long last) {
    each_cell<Bool>(t, "FLAG", [=](rownr_t, Array<Bool> &a) {
        const ssize_t n = a.shape()[1], end = last < 0 || last >= n ? n - 1 : last;
        if (first <= end)
            a(IPosition(2, 0, first), IPosition(2, a.shape()[0] - 1, end)) = true;
    });
}

static void spoil(Table &t, size_t every) {
    const float nan = std::numeric_limits<float>::quiet_NaN(),
                inf = std::numeric_limits<float>::infinity();
    size_t k = 0;
    each_cell<Complex>(t, "DATA", [&](rownr_t, Array<Complex> &a) {
        for (auto &x : a) {
            if (k % every == 0)
                x = Complex(nan, 0);
            else if (k % every == 1)
                x = Complex(1, -inf);
            k++;
        }
    });
}

/* The table of "SUB/COLUMN" or "COLUMN", opened to be written; *column is the name alone. */
static Table table_of(const std::string &path, const std::string &name, std::string *column) {
    const size_t slash = name.find('/');
    *column = name.substr(slash == std::string::npos ? 0 : slash + 1);
    return Table(slash == std::string::npos ? path : path + "/" + name.substr(0, slash),
                 Table::Update);
}

template <typename T> static T value_of(const std::string &text);
template <> Double value_of(const std::string &text) {
    return std::stod(text);
}
template <> Float value_of(const std::string &text) {
    return std::stof(text);
}
template <> Int value_of(const std::string &text) {
    return std::stoi(text);
}
template <> Bool value_of(const std::string &text) {
    return text == "1";
}
template <> Complex value_of(const std::string &text) {
    return Complex(std::stof(text), 0);
}
template <> String value_of(const std::string &text) {
    return text;
}

/* Calls change(value of the column's type) with a value of that type. */
template <typename Change> static void with_type(DataType type, const Change &change) {
    switch (type) {
    case TpDouble:
        return change(Double());
    case TpFloat:
        return change(Float());
    case TpInt:
        return change(Int());
    case TpBool:
        return change(Bool());
    case TpComplex:
        return change(Complex());
    case TpString:
        return change(String());
    default:
        throw AipsError("a column of this type is not served");
    }
}

static std::vector<rownr_t> rows_of(const Table &t, const std::string &text) {
    std::vector<rownr_t> rows;
    const size_t colon = text.find(':');
    const rownr_t first = text == "all" ? 0 : std::stoul(text),
                  step = colon != std::string::npos ? std::stoul(text.substr(colon + 1)) : 1;
    for (rownr_t row = first;
         row < t.nrow() && (text == "all" || colon != std::string::npos || row == first);
         row += step)
        rows.push_back(row);
    return rows;
}

/* set COLUMN ROW X [I] */
static void set(const std::vector<std::string> &arg) {
    std::string name;
    Table t = table_of(arg.at(0), arg.at(2), &name);
    const ColumnDesc desc = t.tableDesc()[name];
    with_type(desc.dataType(), [&](auto like) {
        using T = decltype(like);
        const T x = value_of<T>(arg.at(4));
        for (const rownr_t row : rows_of(t, arg.at(3))) {
            if (desc.isScalar()) {
                ScalarColumn<T>(t, name).put(row, x);
                continue;
            }
            ArrayColumn<T> column(t, name);
            Array<T> cell = column(row);
            if (arg.size() > 5)
                cell.data()[std::stoul(arg[5])] = x;
            else
                cell = x;
            column.put(row, cell);
        }
    });
}

/* A storage manager may not give up one of its columns: then that gets another name. */
static void drop(Table &t, const std::string &name) {
    if (t.canRemoveColumn(name))
        t.removeColumn(name);
    else
        t.renameColumn(name + "_GONE", name);
}

/* A new column like another of the table, of another name or type, its first `n` cells copied where
 * the type is the same. Cells have no fixed shape, so that they can be without a value. */
static void anew(Table &t, const ColumnDesc old, const std::string &name, DataType type,
                 rownr_t n) {
    const TableRecord keywords = TableColumn(t, old.name()).keywordSet();
    with_type(type, [&](auto value) {
        using T = decltype(value);
        const std::string temporary = name + "_NEW";
        if (old.isScalar())
            t.addColumn(ScalarColumnDesc<T>(temporary));
        else
            t.addColumn(ArrayColumnDesc<T>(temporary, old.ndim()), "StandardStMan", False);
        if (type == old.dataType() && !old.isScalar()) {
            ArrayColumn<T> from(t, old.name()), to(t, temporary);
            for (rownr_t row = 0; row < std::min(n, t.nrow()); row++)
                to.put(row, from(row));
        }
        TableColumn(t, temporary).rwKeywordSet().assign(keywords);
        if (t.tableDesc().isColumn(name))
            drop(t, name);
        t.renameColumn(name, temporary);
    });
}

/* shape COLUMN ROW N... */
static void shape(const std::vector<std::string> &arg) {
    std::string name;
    Table t = table_of(arg.at(0), arg.at(2), &name);
    with_type(t.tableDesc()[name].dataType(), [&](auto like) {
        using T = decltype(like);
        IPosition wanted(arg.size() - 4);
        for (size_t i = 4; i < arg.size(); i++)
            wanted[i - 4] = std::stol(arg[i]);
        anew(t, t.tableDesc()[name], name, t.tableDesc()[name].dataType(), t.nrow());
        ArrayColumn<T> column(t, name);
        for (const rownr_t row : rows_of(t, arg.at(3))) {
            const Array<T> old = column(row);
            Array<T> cell(wanted, T());
            for (size_t i = 0; i < std::min(old.size(), cell.size()); i++)
                cell.data()[i] = old.data()[i];
            column.put(row, cell);
        }
    });
}

static bool edit_column(const std::vector<std::string> &arg) {
    const std::string &word = arg.at(1);
    std::string name;
    if (word == "set") {
        set(arg);
    } else if (word == "shape") {
        shape(arg);
    } else if (word == "drop") {
        Table t = table_of(arg.at(0), arg.at(2), &name);
        drop(t, name);
    } else if (word == "unfill" || word == "retype" || word == "copy") {
        Table t = table_of(arg.at(0), arg.at(2), &name);
        const ColumnDesc old = t.tableDesc()[name];
        const size_t at = word == "copy" ? 4 : 3;
        const rownr_t n = arg.size() > at ? std::stoul(arg[at]) : word == "copy" ? t.nrow() : 0;
        const DataType other = old.dataType() == TpString ? TpInt : TpString;
        anew(t, old, word == "copy" ? arg.at(3) : name, word == "retype" ? other : old.dataType(),
             n);
    } else if (word == "reference") {
        Table t = table_of(arg.at(0), arg.at(2), &name);
        TableColumn(t, name)
            .rwKeywordSet()
            .rwSubRecord("MEASINFO")
            .define("Ref", String(arg.at(3)));
    } else if (word == "drop-table") {
        Table(arg.at(0), Table::Update).rwKeywordSet().removeField(arg.at(2));
    } else if (word == "clear") {
        Table t(arg.at(0) + "/" + arg.at(2), Table::Update);
        t.removeRow(t.rowNumbers());
    } else {
        return false;
    }
    return true;
}

/* Channel `order[i]` of every window and cell comes to place i. Windows of one channel stay. */
template <typename T>
static void reorder(Table &t, const char *column,
                    const std::function<std::vector<ssize_t>(ssize_t)> &order) {
    each_cell<T>(t, column, [&](rownr_t, Array<T> &a) {
        const size_t axis = a.ndim() - 1;
        const std::vector<ssize_t> from = order(a.shape()[axis]);
        const Array<T> old(a.copy());
        for (ssize_t i = 0; i < a.shape()[axis]; i++) {
            IPosition to0(a.ndim(), 0), to1(a.shape() - 1), from0(to0), from1(to1);
            to0[axis] = to1[axis] = i;
            from0[axis] = from1[axis] = from[static_cast<size_t>(i)];
            a(to0, to1) = old(from0, from1);
        }
    });
}

static void reorder_all(Table &t, const std::function<std::vector<ssize_t>(ssize_t)> &order) {
    reorder<Complex>(t, "DATA", order);
    reorder<Complex>(t, "CORRECTED_DATA", order);
    reorder<Bool>(t, "FLAG", order);
    reorder<Float>(t, "WEIGHT_SPECTRUM", order);
    Table windows(t.keywordSet().asTable("SPECTRAL_WINDOW").tableName(), Table::Update);
    for (const char *column : {"CHAN_FREQ", "CHAN_WIDTH", "EFFECTIVE_BW", "RESOLUTION"})
        reorder<Double>(windows, column, order);
}

static std::vector<ssize_t> reversed(ssize_t n) {
    std::vector<ssize_t> from;
    for (ssize_t i = 0; i < n; i++)
        from.push_back(n - 1 - i);
    return from;
}

static std::vector<ssize_t> shuffled(ssize_t n) {
    ssize_t step = 7;
    while (n % step == 0)
        step++;
    std::vector<ssize_t> from(static_cast<size_t>(n));
    for (ssize_t i = 0; i < n; i++)
        from[static_cast<size_t>((step * i + 3) % n)] = i;
    return from;
}

/* A data description of these correlations (with `linear`, as linear ones), otherwise that of
 * `ddid`. */
static Int new_description(Table &t, Int ddid, const std::vector<ssize_t> &keep, bool linear) {
    Table dd(t.keywordSet().asTable("DATA_DESCRIPTION").tableName(), Table::Update);
    Table pol(t.keywordSet().asTable("POLARIZATION").tableName(), Table::Update);
    const rownr_t old = static_cast<rownr_t>(
                      ScalarColumn<Int>(dd, "POLARIZATION_ID")(static_cast<rownr_t>(ddid))),
                  row = pol.nrow(), out = dd.nrow();
    const Vector<Int> all(ArrayColumn<Int>(pol, "CORR_TYPE")(old));
    const Matrix<Int> products(ArrayColumn<Int>(pol, "CORR_PRODUCT")(old));
    Vector<Int> type(keep.size());
    Matrix<Int> product(2, keep.size());
    for (size_t k = 0; k < keep.size(); k++) {
        type[k] = all[static_cast<size_t>(keep[k])] + (linear ? 4 : 0); // Stokes::RR is 5, XX 9
        product.column(k) = products.column(static_cast<size_t>(keep[k]));
    }
    pol.addRow();
    ArrayColumn<Int>(pol, "CORR_TYPE").put(row, type);
    ArrayColumn<Int>(pol, "CORR_PRODUCT").put(row, product);
    ScalarColumn<Int>(pol, "NUM_CORR").put(row, static_cast<Int>(keep.size()));
    dd.addRow();
    ScalarColumn<Int>(dd, "POLARIZATION_ID").put(out, static_cast<Int>(row));
    ScalarColumn<Int> window(dd, "SPECTRAL_WINDOW_ID");
    window.put(out, window(static_cast<rownr_t>(ddid)));
    return static_cast<Int>(out);
}

/* The first axis of each cell keeps keep[row] of its places; the column is made anew, for cells of
 * any shape. */
template <typename T>
static void keep_of_column(Table &t, const char *column,
                           const std::vector<std::vector<ssize_t>> &keep) {
    if (!t.tableDesc().isColumn(column))
        return;
    const ArrayColumn<T> old(t, column);
    std::vector<Array<T>> cells(t.nrow());
    for (rownr_t row = 0; row < t.nrow(); row++)
        if (old.isDefined(row))
            cells[row].reference(old(row));
    t.removeColumn(column);
    t.addColumn(ArrayColumnDesc<T>(column), StandardStMan(std::string(column) + "_kept", 65536));
    ArrayColumn<T> out(t, column);
    for (rownr_t row = 0; row < t.nrow(); row++) {
        const Array<T> &all = cells[row];
        IPosition shape(all.shape());
        if (shape.empty())
            continue;
        shape[0] = static_cast<ssize_t>(keep[row].size());
        Array<T> a(shape);
        for (size_t k = 0; k < keep[row].size(); k++) {
            IPosition to0(shape.size(), 0), to1(shape - 1), from0(to0), from1(to1);
            to0[0] = to1[0] = static_cast<ssize_t>(k);
            from0[0] = from1[0] = keep[row][k];
            a(to0, to1) = all(from0, from1);
        }
        out.put(row, a);
    }
}

/* keep_of(row, correlations of the row): which of them stay; empty: all. */
static void
keep_correlations(Table &t, const std::function<std::vector<ssize_t>(rownr_t, ssize_t)> &keep_of) {
    ScalarColumn<Int> ddid(t, "DATA_DESC_ID");
    const ArrayColumn<Bool> flag(t, "FLAG");
    std::map<std::pair<Int, std::vector<ssize_t>>, Int> made;
    std::vector<std::vector<ssize_t>> keep(t.nrow());
    for (rownr_t row = 0; row < t.nrow(); row++) {
        const ssize_t n = flag.shape(row)[0];
        keep[row] = keep_of(row, n);
        if (keep[row].empty()) {
            for (ssize_t k = 0; k < n; k++)
                keep[row].push_back(k);
            continue;
        }
        const auto key = std::make_pair(ddid(row), keep[row]);
        if (!made.count(key))
            made[key] = new_description(t, ddid(row), keep[row], false);
        ddid.put(row, made[key]);
    }
    keep_of_column<Complex>(t, "DATA", keep);
    keep_of_column<Bool>(t, "FLAG", keep);
    for (const char *column : {"WEIGHT", "SIGMA", "WEIGHT_SPECTRUM"})
        keep_of_column<Float>(t, column, keep);
}

static int run(const std::vector<std::string> &arg) {
    const std::string &path = arg.at(0), &word = arg.at(1);
    if (word == "rows") {
        Table all(path);
        Vector<rownr_t> rows(std::stoul(arg.at(3)) - std::stoul(arg.at(2)) + 1);
        indgen(rows, static_cast<rownr_t>(std::stoul(arg.at(2))));
        all(rows).deepCopy(arg.at(4), Table::New, true);
        return 0;
    }
    if (edit_column(arg))
        return 0;
    Table t(path, TableLock(word == "lock" ? TableLock::PermanentLocking : TableLock::AutoLocking),
            Table::Update);
    if (word == "lock") {
        std::puts("locked");
        std::fflush(stdout);
        while (std::getchar() != EOF)
            ;
    } else if (word == "flag") {
        flag(t, arg.size() > 2 ? std::stol(arg[2]) : 0, arg.size() > 3 ? std::stol(arg[3]) : -1);
    } else if (word == "flag-rows") {
        ScalarColumn<Bool>(t, "FLAG_ROW").fillColumn(true);
    } else if (word == "weight") {
        const float x = std::stof(arg.at(2));
        const auto set = [x](rownr_t, Array<Float> &a) { a = x; };
        each_cell<Float>(t, "WEIGHT", set);
        each_cell<Float>(t, "WEIGHT_SPECTRUM", set);
    } else if (word == "scale") {
        const float x = std::stof(arg.at(2));
        each_cell<Complex>(t, arg.size() > 3 ? arg[3].c_str() : "DATA",
                           [x](rownr_t, Array<Complex> &a) { a *= Complex(x, 0); });
    } else if (word == "spoil") {
        spoil(t, std::stoul(arg.at(2)));
    } else if (word == "spoil-uvw") {
        const size_t every = std::stoul(arg.at(2));
        each_cell<Double>(t, "UVW", [every](rownr_t row, Array<Double> &a) {
            if (row % every == 0)
                a = std::numeric_limits<double>::quiet_NaN();
        });
    } else if (word == "flip-width") {
        Table windows(t.keywordSet().asTable("SPECTRAL_WINDOW").tableName(), Table::Update);
        each_cell<Double>(windows, "CHAN_WIDTH", [](rownr_t, Array<Double> &a) { a *= -1.0; });
    } else if (word == "reverse" || word == "shuffle") {
        reorder_all(t, word == "reverse" ? reversed : shuffled);
    } else if (word == "split") {
        keep_correlations(t, [](rownr_t row, ssize_t n) {
            return std::vector<ssize_t>{static_cast<ssize_t>(row) % n};
        });
    } else if (word == "keep") {
        const rownr_t every = std::stoul(arg.at(2));
        std::vector<ssize_t> keep;
        for (size_t i = 3; i < arg.size(); i++)
            keep.push_back(std::stol(arg[i]));
        keep_correlations(t, [&](rownr_t row, ssize_t) {
            return row % every == 0 ? keep : std::vector<ssize_t>();
        });
    } else if (word == "linear") {
        const rownr_t every = std::stoul(arg.at(2));
        ScalarColumn<Int> ddid(t, "DATA_DESC_ID");
        const ArrayColumn<Bool> flag(t, "FLAG");
        std::map<Int, Int> made;
        for (rownr_t row = 0; row < t.nrow(); row += every) {
            if (!made.count(ddid(row))) {
                std::vector<ssize_t> all;
                for (ssize_t k = 0; k < flag.shape(row)[0]; k++)
                    all.push_back(k);
                made[ddid(row)] = new_description(t, ddid(row), all, true);
            }
            ddid.put(row, made[ddid(row)]);
        }
    } else {
        std::cerr << "msedit: unknown word " << word << "\n";
        return 2;
    }
    return 0;
}

int main(int argc, char **argv) {
    try {
        return run(std::vector<std::string>(argv + 1, argv + argc));
    } catch (const std::exception &e) {
        std::cerr << "msedit: " << e.what() << "\n";
        return 1;
    }
}
