/* new_table.hpp: making image tables without paying for zeros, and on a disk that may be full. */
#ifndef PCL_NEW_TABLE_HPP
#define PCL_NEW_TABLE_HPP
extern "C" {
#include "base/err.h"
}
#include <casacore/casa/Arrays/IPosition.h>
#include <casacore/tables/DataMan/TiledCellStMan.h>
#include <casacore/tables/Tables/ArrColDesc.h>
#include <casacore/tables/Tables/SetupNewTab.h>
#include <casacore/tables/Tables/Table.h>
#include <casacore/tables/Tables/TableDesc.h>
#include <cstdint>
#include <string>

const char *const pixel_column = "map";
const char *const mask_name = "mask0";
const char *const image_type = "Image"; // what table.info says
// the one data manager of a new table, the one file of its cells
const char *const pixel_file_name = "table.f0_TSM0";

/* errno's own words. */
int io_fail(pclean_err *err, const char *what);

/* Reserves and gives back `bytes` in a folder, to see that casacore will find them. */
int check_room(const std::string &folder, uint64_t bytes, pclean_err *err);

/* Whether an image folder can be made at path. */
int check_place(const char *path, uint64_t pixel_bytes, uint64_t header_bytes, pclean_err *err);

/* Whether casacore finds a table of this type ("Image") in the folder. It writes the type, which is
 * in the file table.info, without a look at whether the disk takes it, and then cannot open the
 * image. */
int check_table_type(const std::string &folder, const char *type, pclean_err *err);

/* Gives a file its size, as a hole. */
void set_file_size(const std::string &file, uint64_t bytes);

/* A new table of one cell `column` of tile's dimension, its file already as long as it will be. */
template <typename T>
casacore::Table make_cell_table(const casacore::String &path, const casacore::String &column,
                                const casacore::IPosition &tile,
                                casacore::Table::EndianFormat order, uint64_t bytes) {
    using namespace casacore;
    const uInt ndim = static_cast<uInt>(tile.size());
    SetupNewTable setup(path, TableDesc(), Table::New);
    Table table(setup, TableLock(TableLock::AutoNoReadLocking), 0, False, order,
                TSMOption(TSMOption::Cache, 0, 0));
    TableDesc desc; // as PagedArray makes it when it finds no column
    desc.addColumn(ArrayColumnDesc<T>(column, "version 4.0", static_cast<Int>(ndim)));
    desc.defineHypercolumn(column, ndim, Vector<String>(1, column));
    table.addColumn(desc, TiledCellStMan(column, tile));
    set_file_size(path + "/" + pixel_file_name, bytes);
    return table;
}

#endif
