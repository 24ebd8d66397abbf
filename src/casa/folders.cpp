// folders.cpp: where a table's contents lie.
#include "casa/casa_call.hpp"
#include "casa/list.hpp"
#include <casacore/tables/Tables/Table.h>
#include <casacore/tables/Tables/TableAttr.h>
#include <casacore/tables/Tables/TableColumn.h>
#include <casacore/tables/Tables/TableRecord.h>

using namespace casacore;

namespace {

void add_table(const std::string &path, std::vector<std::string> &found);

void add_named(const TableRecord &keywords, std::vector<std::string> &found) {
    for (uInt i = 0; i < keywords.nfields(); i++)
        if (keywords.dataType(Int(i)) == TpTable)
            add_table(keywords.tableAttributes(Int(i)).name(), found);
}

/* The tables it refers to or consists of, and its sub-tables. */
void add_contents(const std::string &path, std::vector<std::string> &found) {
    const Table table(path, TableLock(TableLock::NoLocking));
    add_named(table.keywordSet(), found);
    for (uInt i = 0; i < table.tableDesc().ncolumn(); i++)
        add_named(TableColumn(table, i).keywordSet(), found);
    for (const String &part : table.getPartNames(False))
        add_table(part, found);
}

/* One that cannot be opened is named all the same. */
void add_table(const std::string &path, std::vector<std::string> &found) {
    if (std::find(found.begin(), found.end(), path) != found.end())
        return;
    found.push_back(path);
    try {
        if (Table::isReadable(path))
            add_contents(path, found);
    } catch (const std::exception &) {
        return; /* who reads it will say why */
    }
}

} // namespace

int casa_table_folders(const char *path, char ***folders, pclean_err *err) {
    *folders = nullptr;
    return casa_call(err, path, [&]() -> int {
        std::vector<std::string> found;
        add_table(path, found);
        return casa_make_list(found, folders, err);
    });
}
