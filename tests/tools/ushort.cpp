// ushort TABLE ENGINE: columns of unsigned 16-bit numbers under Adios2StMan, which python-casacore
// cannot open: written, and read in every way. CASACORE_LDPATH says which manager is used.
#include <casacore/casa/Arrays/ArrayLogical.h>
#include <casacore/casa/Arrays/ArrayMath.h>
#include <casacore/casa/Arrays/Slicer.h>
#include <casacore/casa/Containers/Record.h>
#include <casacore/tables/Tables/ArrColDesc.h>
#include <casacore/tables/Tables/ArrayColumn.h>
#include <casacore/tables/Tables/ScaColDesc.h>
#include <casacore/tables/Tables/ScalarColumn.h>
#include <casacore/tables/Tables/SetupNewTab.h>
#include <casacore/tables/Tables/Table.h>
#include <iostream>
#include <string>
#include <vector>

using namespace casacore;

namespace {

constexpr rownr_t nrow = 50;
const IPosition shape(2, 4, 6);

uShort scalar(rownr_t row) {
    return static_cast<uShort>(65535 - 1000 * row);
}

Array<uShort> cell(rownr_t row, const IPosition &of) {
    Array<uShort> a(of);
    indgen(a, static_cast<uShort>(65000 + 97 * row)); // goes beyond 65535 and begins again
    return a;
}

IPosition variable_shape(rownr_t row) {
    return IPosition(2, 1 + row % 3, 2);
}

void expect(bool good, const std::string &what) {
    if (!good)
        throw AipsError(what + " differs");
}

void write(const String &path, const String &engine) {
    TableDesc desc;
    desc.addColumn(ScalarColumnDesc<uShort>("SCALAR"));
    desc.addColumn(ArrayColumnDesc<uShort>("FIXED", shape, ColumnDesc::FixedShape));
    desc.addColumn(ArrayColumnDesc<uShort>("VARIABLE", 2));
    SetupNewTable setup(path, desc, Table::New);
    Record spec, manager, info;
    spec.define("ENGINETYPE", engine);
    manager.define("TYPE", "Adios2StMan");
    manager.define("NAME", "A");
    manager.define("COLUMNS", Vector<String>(std::vector<String>{"SCALAR", "FIXED", "VARIABLE"}));
    manager.defineRecord("SPEC", spec);
    info.defineRecord("*1", manager);
    setup.bindCreate(info);
    Table t(setup, nrow);
    ScalarColumn<uShort> s(t, "SCALAR");
    ArrayColumn<uShort> f(t, "FIXED"), v(t, "VARIABLE");
    for (rownr_t row = 0; row < nrow; row++) {
        s.put(row, scalar(row));
        f.put(row, cell(row, shape));
        v.put(row, cell(row, variable_shape(row)));
    }
}

void read(const String &path) {
    const Table t(path);
    const ScalarColumn<uShort> s(t, "SCALAR");
    const ArrayColumn<uShort> f(t, "FIXED"), v(t, "VARIABLE");
    const Vector<uShort> all = s.getColumn();
    const Array<uShort> cells = f.getColumn();
    const Slicer box(IPosition(2, 1, 0), IPosition(2, 2, 3), IPosition(2, 1, 2)),
        rows(IPosition(1, 3), IPosition(1, 9), IPosition(1, 5));
    const Array<uShort> boxes = f.getColumn(box), some = f.getColumnRange(rows);
    for (rownr_t row = 0; row < nrow; row++) {
        const Array<uShort> want = cell(row, shape);
        expect(s(row) == scalar(row) && all(IPosition(1, row)) == scalar(row), "SCALAR");
        expect(
            allEQ(f(row), want) &&
                allEQ(cells(IPosition(3, 0, 0, row), IPosition(3, 3, 5, row)).reform(shape), want),
            "FIXED");
        expect(
            allEQ(
                boxes(IPosition(3, 0, 0, row), IPosition(3, 1, 2, row)).reform(IPosition(2, 2, 3)),
                want(box)),
            "a box of FIXED");
        expect(allEQ(v(row), cell(row, variable_shape(row))), "VARIABLE");
    }
    for (rownr_t i = 0; i < 9; i++)
        expect(allEQ(some(IPosition(3, 0, 0, i), IPosition(3, 3, 5, i)).reform(shape),
                     cell(3 + 5 * i, shape)),
               "every fifth row of FIXED");
}

} // namespace

int main(int, char **argv) {
    try {
        write(argv[1], argv[2]);
        read(argv[1]);
        return 0;
    } catch (const std::exception &e) {
        std::cerr << "ushort: " << e.what() << "\n";
        return 1;
    }
}
