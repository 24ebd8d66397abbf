/* ms_tables.hpp: the tables of a MeasurementSet, opened and checked: are the columns there, do they
 * have the type and unit that the MeasurementSet definition gives them, is a cell filled. */
#ifndef PCL_MS_TABLES_HPP
#define PCL_MS_TABLES_HPP
#include "casa/casa_call.hpp"
#include <casacore/ms/MeasurementSets/MeasurementSet.h>
#include <casacore/tables/Tables/ArrayColumn.h>
#include <stdexcept>
#include <string>
#include <vector>

struct ms_tables {
    casacore::Table main; // the rows, as they are on disk
    // for sub-tables and selections of main's rows; of an incomplete MS it has no bulk columns
    casacore::MeasurementSet ms;
    // what every MS must have, this one does not, and an image does not need
    std::vector<std::string> lacks;
};

/* Opens read-only, without locks. casacore's class refuses an MS that lacks any column of the
 * definition. What an image or the expressions in `sel` need and is not there is an error that
 * names table and column; what they do not need is replaced, in memory, so that the class can be
 * used. */
int ms_tables_open(const std::string &path, const casa_ms_selection *sel, ms_tables *out,
                   pclean_err *err);

/* A row whose cells cannot be used: the data's fault, not casacore's. */
struct ms_cell_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/* printf into a string of at most 600 characters. */
std::string ms_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The cell of a column of lists in a sub-table; ms_cell_error names both where it has no value. */
template <typename T>
std::vector<T> ms_list_cell(const casacore::Table &table, const char *name, const char *column,
                            casacore::rownr_t row) {
    const casacore::ArrayColumn<T> cells(table, column);
    if (!cells.isDefined(row))
        throw ms_cell_error(ms_format("%s: %s of row %llu has no value", name, column,
                                      static_cast<unsigned long long>(row)));
    const casacore::Array<T> cell = cells(row);
    return std::vector<T>(cell.begin(), cell.end());
}

#endif
