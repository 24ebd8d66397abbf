// adios2.cpp: the storage manager Adios2StMan: where it is, whether it works, which columns use it.
#include "casa/adios2.hpp"
#include "casa/casa_call.hpp"
#include "casa/list.hpp"
#include <casacore/casa/Arrays/ArrayMath.h>
#include <casacore/tables/DataMan/DataManError.h>
#include <casacore/tables/DataMan/DataManager.h>
#include <casacore/tables/Tables/ArrColDesc.h>
#include <casacore/tables/Tables/ArrayColumn.h>
#include <casacore/tables/Tables/SetupNewTab.h>
#include <casacore/tables/Tables/Table.h>
#include <cstdlib>
#include <dlfcn.h>
#include <unistd.h>

using namespace casacore;

namespace {

const char *const library_name = "/libpclean_adios2stman.so";

std::string folder_of(const void *address) {
    Dl_info info;
    if (dladdr(address, &info) == 0 || !info.dli_fname)
        return "";
    char *real = realpath(info.dli_fname, nullptr);
    const std::string path = real ? real : info.dli_fname;
    free(real);
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::string find_folder() {
    const std::string here = folder_of(reinterpret_cast<const void *>(casa_adios2_folder));
    for (const char *below : {"/adios2stman", "/../../lib/pclean/adios2stman"})
        if (access((here + below + library_name).c_str(), R_OK) == 0) {
            char *real = realpath((here + below).c_str(), nullptr);
            const std::string folder = real ? real : here + below;
            free(real);
            return folder;
        }
    return "";
}

const char *version = "";

/* Loaded with local symbols: those of ADIOS2's own libraries must not stand in front of the
 * program's. Never unloaded. */
DataManagerCtor load() {
    static DataManagerCtor make = nullptr;
    const std::string folder = casa_adios2_folder();
    if (make)
        return make;
    if (folder.empty())
        throw casa_failure(PCLEAN_EUNSUPPORTED,
                           "pclean was built without ADIOS2 (or its folder adios2stman is "
                           "missing), so it has no storage manager Adios2StMan: "
                           "build it with ADIOS2 2.12 or later, as the README says");
    void *library = dlopen((folder + library_name).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library)
        *reinterpret_cast<void **>(&make) = dlsym(library, "pcl_adios2stman_make");
    if (!make)
        throw casa_failure(PCLEAN_EUNSUPPORTED,
                           std::string("the storage manager Adios2StMan cannot be loaded: ") +
                               dlerror());
    const char *(*ask)() = nullptr;
    *reinterpret_cast<void **>(&ask) = dlsym(library, "pcl_adios2stman_version");
    version = ask ? ask() : "";
    return make;
}

DataManager *make_manager(const String &name, const Record &spec) {
    return load()(name, spec);
}

} // namespace

void casa_adios2_register() {
    if (!DataManager::isRegistered("Adios2StMan"))
        DataManager::registerCtor("Adios2StMan", make_manager);
}

const char *casa_adios2_folder(void) {
    static const std::string folder = find_folder();
    return folder.c_str();
}

int casa_adios2_load(pclean_err *err) {
    return casa_call(err, nullptr, [&]() -> int {
        load();
        return 0;
    });
}

const char *casa_adios2_version(void) {
    return version;
}

const char *casa_library_path(void) {
    static std::string path;
    Dl_info info;
    if (path.empty() &&
        dladdr(reinterpret_cast<const void *>(&DataManager::isRegistered), &info) != 0 &&
        info.dli_fname)
        path = info.dli_fname;
    return path.c_str();
}

std::vector<std::string> casa_adios2_columns_of(const Record &dminfo, std::string *engine) {
    std::vector<std::string> found;
    for (uInt i = 0; i < dminfo.nfields(); i++) {
        const Record manager = dminfo.subRecord(i);
        if (manager.asString("TYPE") != "Adios2StMan")
            continue;
        const Vector<String> columns(manager.asArrayString("COLUMNS"));
        found.insert(found.end(), columns.begin(), columns.end());
        if (engine && manager.isDefined("SPEC") &&
            manager.subRecord("SPEC").isDefined("ENGINETYPE"))
            *engine = manager.subRecord("SPEC").asString("ENGINETYPE");
    }
    return found;
}

int casa_adios2_try(const char *path, pclean_err *err) {
    return casa_call(err, nullptr, [&]() -> int {
        Vector<Float> values(1000);
        indgen(values);
        {
            TableDesc desc;
            desc.addColumn(
                ArrayColumnDesc<Float>("DATA", IPosition(1, 1000), ColumnDesc::FixedShape));
            SetupNewTable setup(path, desc, Table::New);
            setup.bindAll(*std::unique_ptr<DataManager>(
                DataManager::getCtor("Adios2StMan")("Adios2StMan", Record())));
            Table table(setup, 3);
            ArrayColumn<Float> column(table, "DATA");
            for (rownr_t row = 0; row < 3; row++)
                column.put(row, values + static_cast<Float>(row));
        }
        const Table table(path);
        const ArrayColumn<Float> column(table, "DATA");
        for (rownr_t row = 0; row < 3; row++)
            if (!allEQ(column(row), Array<Float>(values + static_cast<Float>(row))))
                return PCL_FAIL(err, PCLEAN_EIO, "%s: what was read is not what was written", path);
        return 0;
    });
}

int casa_adios2_columns(const char *path, char ***columns, char engine[32], pclean_err *err) {
    *columns = nullptr;
    engine[0] = '\0';
    return casa_call(err, path, [&]() -> int {
        std::string name;
        const std::vector<std::string> found =
            casa_adios2_columns_of(Table(path, TableLock::NoLocking).dataManagerInfo(), &name);
        if (casa_make_list(found, columns, err) != 0)
            return -PCLEAN_ENOMEM;
        snprintf(engine, 32, "%s", name.c_str());
        return 0;
    });
}
