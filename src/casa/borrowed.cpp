#include "casa/borrowed.hpp"
#include "casa/casa.h"
extern "C" {
#include "base/fsutil.h"
}
#include <casacore/casa/Arrays/Vector.h>
#include <casacore/tables/Tables/ScalarColumn.h>
#include <casacore/tables/Tables/Table.h>
#include <cstdlib>
#include <cstring>

using namespace casacore;

static const char beginning[] = CASA_BORROWED_LINE;
static const size_t length = sizeof beginning - 1;

String casa_borrowed_line(const std::vector<bool> &borrowed) {
    std::string line;
    const size_t n = borrowed.size();
    for (size_t i = 0; i < n; i++) {
        if (!borrowed[i])
            continue;
        const size_t first = i;
        while (i + 1 < n && borrowed[i + 1])
            i++;
        line += line.empty() ? beginning : ", ";
        line += std::to_string(first);
        if (i > first)
            line += "-" + std::to_string(i);
    }
    return line;
}

std::vector<bool> casa_borrowed_find(const std::vector<String> &history, size_t nplane) {
    std::vector<bool> borrowed(nplane, false);
    const String *last = nullptr;
    for (const String &line : history)
        last = std::strncmp(line.c_str(), beginning, length) == 0 ? &line : last;
    const char *at = last ? last->c_str() + length : "";
    while (*at) {
        char *end;
        const unsigned long first = std::strtoul(at, &end, 10);
        const unsigned long to = *end == '-' ? std::strtoul(end + 1, &end, 10) : first;
        for (unsigned long i = first; i <= to && i < nplane; i++)
            borrowed[i] = true;
        at = *end == ',' ? end + 1 : "";
    }
    return borrowed;
}

std::vector<String> casa_read_history(const String &path) {
    const String name = path + "/logtable";
    std::vector<String> lines;
    if (!pcl_fs_is_dir(name.c_str()))
        return lines;
    const Table table(name, TableLock(TableLock::NoLocking));
    const Vector<String> message = ScalarColumn<String>(table, "MESSAGE").getColumn();
    lines.assign(message.begin(), message.end());
    return lines;
}
