// msedit: spoils a copy of a MeasurementSet, for tests. Usage: msedit MS WORD [ARGUMENTS]; WORD one of
//   flag [FIRST LAST]   set FLAG (of channels FIRST to LAST)       flag-rows      set FLAG_ROW
//   weight X            set WEIGHT and WEIGHT_SPECTRUM              scale X        multiply DATA
//   spoil N             every Nth sample of DATA NaN, the one after it infinite
//   spoil-uvw N         every Nth row's UVW NaN                     drop COLUMN    remove a column
//   rows FIRST LAST OUT copy these rows to the new MS OUT
//   lock                hold a write lock on the main table until standard input ends
#include <casacore/casa/Arrays/Array.h>
#include <casacore/casa/Arrays/ArrayMath.h>
#include <casacore/tables/Tables/ArrayColumn.h>
#include <casacore/tables/Tables/ScalarColumn.h>
#include <casacore/tables/Tables/Table.h>

#include <cstdio>
#include <functional>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

using namespace casacore;

template <typename T> static void each_cell(Table &t, const char *column, const std::function<void(rownr_t, Array<T> &)> &change) {
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
    const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
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

static int run(const std::vector<std::string> &arg) {
    const std::string &path = arg.at(0), &word = arg.at(1);
    if (word == "rows") {
        Table all(path);
        Vector<rownr_t> rows(std::stoul(arg.at(3)) - std::stoul(arg.at(2)) + 1);
        indgen(rows, static_cast<rownr_t>(std::stoul(arg.at(2))));
        all(rows).deepCopy(arg.at(4), Table::New, true);
        return 0;
    }
    Table t(path, TableLock(word == "lock" ? TableLock::PermanentLocking : TableLock::AutoLocking), Table::Update);
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
        each_cell<Complex>(t, "DATA", [x](rownr_t, Array<Complex> &a) { a *= Complex(x, 0); });
    } else if (word == "spoil") {
        spoil(t, std::stoul(arg.at(2)));
    } else if (word == "spoil-uvw") {
        const size_t every = std::stoul(arg.at(2));
        each_cell<Double>(t, "UVW", [every](rownr_t row, Array<Double> &a) {
            if (row % every == 0)
                a = std::numeric_limits<double>::quiet_NaN();
        });
    } else if (word == "drop") {
        t.removeColumn(arg.at(2));
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
