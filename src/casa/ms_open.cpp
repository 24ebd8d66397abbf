// ms_open.cpp: opens and closes a MeasurementSet; how failures are told.
#include "casa/ms_private.hpp"
#include <cstdarg>

using namespace casacore;

namespace {

int open_tables(casa_ms &m, const casa_ms_selection *sel, pclean_err *err) {
    ms_tables tables;
    const int status = ms_tables_open(m.path, sel, &tables, err);
    if (status)
        return status;
    m.main = tables.main;
    m.ms = tables.ms;
    for (const std::string &text : tables.lacks)
        ms_warn(m, "%s: not needed for an image", text.c_str());
    return 0;
}

int choose_datacolumn(casa_ms &m, const char *wanted, pclean_err *err) {
    const TableDesc &desc = m.main.tableDesc();
    const std::string want = wanted && *wanted ? wanted : "corrected";
    if (want == "corrected")
        m.datacolumn = desc.isColumn("CORRECTED_DATA") ? "CORRECTED_DATA" : "DATA";
    else if (want == "data")
        m.datacolumn = "DATA";
    else if (want == "model")
        m.datacolumn = "MODEL_DATA";
    else
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "datacolumn \"%s\" is not one of data, corrected, model", want.c_str());
    if (desc.isColumn(m.datacolumn) && desc[m.datacolumn].isArray() &&
        desc[m.datacolumn].dataType() == TpComplex)
        return 0;
    if (desc.isColumn(m.datacolumn))
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "the column %s of the main table does not hold complex visibilities",
                        m.datacolumn.c_str());
    if (desc.isColumn("FLOAT_DATA"))
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "there is no column %s, only FLOAT_DATA: single-dish data hold no "
                        "visibilities to image",
                        m.datacolumn.c_str());
    return PCL_FAIL(err, PCLEAN_EDATA, "there is no column %s (datacolumn: %s)",
                    m.datacolumn.c_str(), want.c_str());
}

template <typename T> void attach(ms_bulk<T> &bulk, const Table &table, const std::string &name) {
    bulk.name = name;
    bulk.column.attach(table, name);
    try {
        bulk.tiles.reset(new ROTiledStManAccessor(table, name, True));
    } catch (const std::exception &) {
        bulk.tiles.reset(); // another storage manager: nothing to tune
    }
}

void attach_columns(casa_ms &m) {
    attach(m.data, m.main, m.datacolumn);
    attach(m.flag, m.main, "FLAG");
    attach(m.weight, m.main, "WEIGHT");
    attach(m.uvw, m.main, "UVW");
    if (m.main.tableDesc().isColumn("WEIGHT_SPECTRUM"))
        attach(m.weight_spectrum, m.main, "WEIGHT_SPECTRUM");
    m.time.attach(m.main, "TIME");
    m.antenna1.attach(m.main, "ANTENNA1");
    m.antenna2.attach(m.main, "ANTENNA2");
    m.field_id.attach(m.main, "FIELD_ID");
    m.ddid.attach(m.main, "DATA_DESC_ID");
    m.flag_row.attach(m.main, "FLAG_ROW");
}

/* spw "-1": the description stays, nothing is read. */
void forget_rows(casa_ms &m) {
    m.dds.clear();
    m.dd_faces.clear();
    m.runs.clear();
    m.selected.clear();
    m.index.clear();
    m.times.clear();
    m.info.nrow = m.info.nrow_auto = m.info.ndd = 0;
    m.info.column_bytes = 0;
}

int open_ms(casa_ms &m, const casa_ms_selection *sel, pclean_err *err) {
    int status = open_tables(m, sel, err);
    if (status || (status = choose_datacolumn(m, sel->datacolumn, err)) != 0)
        return status;
    attach_columns(m);
    ms_set_scalar_cache(m, true); // for the selection and for the scan, which ends it
    Table selected;
    if ((status = ms_apply_selection(m, sel, &selected, err)) != 0)
        return status;
    ms_scan scan;
    if ((status = ms_time_reference(m, err)) != 0 ||
        (status = ms_scan_rows(m, selected, scan, err)) != 0)
        return status;
    ms_sort_dds(m);
    if ((status = ms_describe(m, scan, err)) != 0)
        return status;
    if (m.describe_only)
        forget_rows(m);
    for (const std::string &text : m.warnings)
        m.warning_faces.push_back(text.c_str());
    m.info.nwarning = m.warnings.size();
    m.info.warning = m.warning_faces.data();
    return 0;
}

/* The rows of a selection and no more. */
int open_rows(casa_ms &m, const casa_ms_selection *sel, pclean_err *err) {
    int status = open_tables(m, sel, err);
    Table selected;
    if (status || (status = ms_apply_selection(m, sel, &selected, err)) != 0)
        return status;
    if (m.whole) {
        m.runs.push_back({0, 0});
    } else {
        const Vector<rownr_t> numbers(selected.rowNumbers());
        for (size_t i = 0; i < numbers.size(); i++)
            ms_add_to_runs(m.runs, numbers[i], i, i > 0 ? numbers[i - 1] : 0);
    }
    m.info.path = m.path.c_str();
    m.info.nrow = m.describe_only ? 0 : selected.nrow();
    return 0;
}

/* ---- failures ---- */

/* casacore's I/O layers speak of buckets and blocks: says first what that means. */
void explain_damage(pclean_err *err) {
    if (err->code != PCLEAN_ECASA)
        return;
    for (const char *word : {"FilebufIO", "FiledesIO", "RegularFileIO", "BucketCache", "BucketFile",
                             "TSMFile", "headerFileGet", "AipsIO", "does not exist"})
        if (strstr(err->msg, word) != nullptr) {
            pcl_err_prefix(
                err,
                "a file of the MeasurementSet is missing, damaged or cut short; casacore says: ");
            err->code = PCLEAN_EIO;
            return;
        }
}

} // namespace

void ms_warn(casa_ms &m, const char *fmt, ...) {
    char text[500];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    m.warnings.push_back(m.path + ": " + text);
}

int ms_report(const char *path, const std::string &stage, pclean_err *failure, pclean_err *err) {
    explain_damage(failure);
    if (!stage.empty())
        pcl_err_prefix(failure, "%s: ", stage.c_str());
    if (path && *path)
        pcl_err_prefix(failure, "%s: ", path);
    if (err)
        *err = *failure;
    return -failure->code;
}

/* How much of an MS is opened. */
typedef int open_how(casa_ms &m, const casa_ms_selection *sel, pclean_err *err);
static int open_with(open_how *how, const char *path, const casa_ms_selection *sel, casa_ms **out,
                     pclean_err *err) {
    *out = nullptr;
    const casa_ms_selection everything{};
    std::unique_ptr<casa_ms> m;
    pclean_err failure{};
    const int status = casa_call(&failure, nullptr, [&]() -> int {
        m.reset(new casa_ms);
        m->path = path ? path : "";
        try {
            return how(*m, sel ? sel : &everything, &failure);
        } catch (const ms_cell_error &e) {
            return PCL_FAIL(&failure, PCLEAN_EDATA, "%s", e.what());
        }
    });
    if (status == 0) {
        *out = m.release();
        return 0;
    }
    const std::string stage = m ? m->stage : "";
    casa_ms_close(m.release());
    return ms_report(path, stage, &failure, err);
}

int casa_ms_open(const char *path, const casa_ms_selection *sel, casa_ms **out, pclean_err *err) {
    return open_with(open_ms, path, sel, out, err);
}

int casa_ms_open_rows(const char *path, const casa_ms_selection *sel, casa_ms **out,
                      pclean_err *err) {
    return open_with(open_rows, path, sel, out, err);
}

void casa_ms_close(casa_ms *ms) {
    (void)casa_call(nullptr, nullptr, [&]() -> int {
        delete ms;
        return 0;
    });
}

const casa_ms_info *casa_ms_get_info(const casa_ms *ms) {
    return &ms->info;
}
