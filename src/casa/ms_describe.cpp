// ms_describe.cpp: what a MeasurementSet says of its fields, antennas and telescope.
#include "casa/ms_private.hpp"
extern "C" {
#include "base/fsutil.h"
}
#include <algorithm>
#include <casacore/measures/Measures/MCPosition.h>
#include <casacore/measures/Measures/MeasConvert.h>
#include <casacore/measures/Measures/MeasTable.h>
#include <casacore/ms/MeasurementSets/MSAntennaColumns.h>
#include <casacore/ms/MeasurementSets/MSFieldColumns.h>
#include <casacore/tables/Tables/TableRecord.h>
#include <cmath>
#include <dirent.h>

using namespace casacore;

namespace {

/* ---- fields ---- */

/* PHASE_DIR holds the terms of a polynomial in time, 2 x (NUM_POLY + 1): casacore reads as many
 * without looking. */
int check_phase_dir(const MSField &table, int id, pclean_err *err) {
    const rownr_t row = static_cast<rownr_t>(id);
    const int npoly = ScalarColumn<Int>(table, "NUM_POLY")(row);
    const std::vector<double> terms = ms_list_cell<Double>(table, "FIELD", "PHASE_DIR", row);
    const IPosition shape = ArrayColumn<Double>(table, "PHASE_DIR").shape(row);
    if (npoly < 0 || shape.size() != 2 || shape[0] != 2 || shape[1] <= npoly)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "FIELD: PHASE_DIR of field %d has the shape %s, but its NUM_POLY, %d, asks "
                        "for 2 x %lld",
                        id, ms_shape_text(shape).c_str(), npoly, npoly + 1LL);
    for (size_t i = 0; i < 2 * (static_cast<size_t>(npoly) + 1); i++)
        if (!std::isfinite(terms[i]))
            return PCL_FAIL(err, PCLEAN_EDATA, "FIELD: PHASE_DIR of field %d is not finite", id);
    if (std::fabs(terms[0]) > 4 * M_PI || std::fabs(terms[1]) > M_PI_2 + 1e-6)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "FIELD: PHASE_DIR of field %d is (%g, %g) rad, which is no direction", id,
                        terms[0], terms[1]);
    const double time = npoly > 0 ? ScalarColumn<Double>(table, "TIME")(row) : 0;
    return std::isfinite(time)
               ? 0
               : PCL_FAIL(
                     err, PCLEAN_EDATA,
                     "FIELD: TIME of field %d, which the terms of its PHASE_DIR count from, is %g",
                     id, time);
}

int phase_direction(casa_ms &m, const MSFieldColumns &columns, int id, casa_direction *out,
                    pclean_err *err) {
    const MSField &table = m.ms.field();
    const int status = check_phase_dir(table, id, err);
    if (status)
        return status;
    const MDirection dir = columns.phaseDirMeas(static_cast<rownr_t>(id), m.info.first_time_s);
    const Vector<Double> angles = dir.getValue().get();
    *out = {static_cast<int>(dir.getRef().getType()), angles[0], angles[1]};
    if (strcmp(casa_direction_frame_name(out->frame), "unknown") == 0)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "FIELD: PHASE_DIR of field %d is given as the place of %s: moving sources "
                        "are not imaged",
                        id, MDirection::showType(dir.getRef().getType()).c_str());
    return 0;
}

int describe_fields(casa_ms &m, const std::set<int> &ids, pclean_err *err) {
    const MSField &table = m.ms.field();
    m.stage = "FIELD"; // a reference that casacore does not know
    const MSFieldColumns columns(table);
    m.stage.clear();
    for (const int id : ids) {
        if (id < 0 || static_cast<rownr_t>(id) >= table.nrow())
            return PCL_FAIL(err, PCLEAN_EDATA, "rows have FIELD_ID %d, but FIELD has %llu rows", id,
                            ms_ull(table.nrow()));
        casa_ms_field field{};
        field.id = id;
        const int status = phase_direction(m, columns, id, &field.phase_dir, err);
        if (status)
            return status;
        m.fields.push_back(field);
        m.field_names.push_back(columns.name()(static_cast<rownr_t>(id)));
    }
    for (size_t i = 0; i < m.fields.size(); i++)
        m.fields[i].name = m.field_names[i].c_str();
    return 0;
}

/* The row of FIELD that a number or a name means; -1: none. */
int find_field(const MSField &table, const MSFieldColumns &columns, const std::string &text) {
    char *end;
    const long number = strtol(text.c_str(), &end, 10);
    if (end != text.c_str() && !*end)
        return number >= 0 && static_cast<rownr_t>(number) < table.nrow() ? static_cast<int>(number)
                                                                          : -1;
    for (rownr_t i = 0; i < table.nrow(); i++)
        if (strcasecmp(columns.name()(i).c_str(), text.c_str()) == 0)
            return static_cast<int>(i);
    return -1;
}

/* ---- the array ---- */

/* The table's own matching takes abbreviations ("V" may become the VLA): names must agree but for
 * case. EVLA, which Debian's table lacks, is the VLA's site. */
bool observatory_position(const std::string &telescope, MPosition *position) {
    String wanted(telescope);
    wanted.upcase();
    if (wanted == "EVLA" || wanted == "JVLA")
        wanted = "VLA";
    for (const String &name : MeasTable::Observatories()) {
        String upper(name);
        upper.upcase();
        if (upper == wanted)
            return MeasTable::Observatory(*position, name);
    }
    return false;
}

/* The place of the first antenna that has one: not 0, and no farther than the Moon's orbit. */
bool antenna_position(casa_ms &m, double xyz[3]) {
    const MSAntenna &table = m.ms.antenna();
    m.stage = "ANTENNA";
    const MSAntennaColumns columns(table);
    m.stage.clear();
    for (rownr_t row = 0; row < table.nrow(); row++) {
        if (!columns.position().isDefined(row) || columns.position().shape(row) != IPosition(1, 3))
            continue;
        const Vector<Double> place =
            MPosition::Convert(columns.positionMeas()(row), MPosition::ITRF)()
                .getValue()
                .getValue();
        const double r = std::sqrt(place[0] * place[0] + place[1] * place[1] + place[2] * place[2]);
        if (!(r > 1 && r < 1e9))
            continue;
        if (row > 0)
            ms_warn(m,
                    "ANTENNA: POSITION of antenna 0 is no place; that of antenna %llu is taken for "
                    "the telescope's",
                    ms_ull(row));
        std::copy(place.begin(), place.end(), xyz);
        return true;
    }
    return false;
}

void describe_position(casa_ms &m) {
    MPosition position;
    m.info.position_from_table = m.info.position_known =
        observatory_position(m.telescope, &position);
    if (!m.info.position_from_table) {
        m.info.position_known = antenna_position(m, m.info.position_itrf_m);
        return;
    }
    const Vector<Double> xyz =
        MPosition::Convert(position, MPosition::ITRF)().getValue().getValue();
    std::copy(xyz.begin(), xyz.end(), m.info.position_itrf_m);
}

/* The diameters of all antennas; what is absurd becomes 0. */
void read_dishes(casa_ms &m) {
    const Vector<Double> all = ScalarColumn<Double>(m.ms.antenna(), "DISH_DIAMETER").getColumn();
    for (const double d : all)
        m.dish_m.push_back(d > 0 && d < 1e6 ? d : 0);
    m.info.nantenna = m.dish_m.size();
    m.info.antenna_dish_m = m.dish_m.data();
}

/* Imaging needs no antenna entry: what is missing or absurd is left out, and told. */
void describe_dishes(casa_ms &m, const std::set<int> &antennas) {
    size_t nbad = 0, nabsent = 0;
    read_dishes(m);
    for (const int id : antennas) {
        if (id < 0 || static_cast<size_t>(id) >= m.dish_m.size()) {
            if (nabsent++ == 0)
                ms_warn(m,
                        "rows have antenna %d in ANTENNA1 or ANTENNA2, but ANTENNA has %llu rows: "
                        "imaged all the same",
                        id, ms_ull(m.dish_m.size()));
            continue;
        }
        const double d = m.dish_m[static_cast<size_t>(id)];
        if (d == 0) {
            nbad++;
            continue;
        }
        if (m.info.dish_diameter_m > 0 && d != m.info.dish_diameter_m)
            m.info.dish_diameter_mixed = true;
        if (m.info.dish_diameter_m <= 0 || d < m.info.dish_diameter_m)
            m.info.dish_diameter_m = d;
    }
    if (nbad > 0 && m.info.dish_diameter_m > 0)
        ms_warn(m,
                "ANTENNA: DISH_DIAMETER of %zu of the antennas is no diameter and was not looked "
                "at",
                nbad);
}

void describe_array(casa_ms &m, const std::set<int> &antennas) {
    const MSObservation &observation = m.ms.observation();
    if (observation.nrow() > 0) {
        m.telescope = ScalarColumn<String>(observation, "TELESCOPE_NAME")(0);
        m.observer = ScalarColumn<String>(observation, "OBSERVER")(0);
    } else {
        ms_warn(m, "OBSERVATION has no rows: the telescope is not known");
    }
    describe_position(m);
    describe_dishes(m, antennas);
}

/* ---- the rest ---- */

/* SOURCE.REST_FREQUENCY of the first field and window; 0 where there is none. */
double rest_frequency(const casa_ms &m) {
    if (!m.ms.keywordSet().isDefined("SOURCE") || m.ms.source().isNull() || m.fields.empty())
        return 0;
    const MSSource &table = m.ms.source();
    if (!table.tableDesc().isColumn("REST_FREQUENCY"))
        return 0;
    const int source =
        ScalarColumn<Int>(m.ms.field(), "SOURCE_ID")(static_cast<rownr_t>(m.fields[0].id));
    const ScalarColumn<Int> ids(table, "SOURCE_ID"), windows(table, "SPECTRAL_WINDOW_ID");
    const ArrayColumn<Double> rest(table, "REST_FREQUENCY");
    for (rownr_t row = 0; row < table.nrow(); row++) {
        if (ids(row) != source || (windows(row) != -1 && windows(row) != m.dds[0].face.spwid) ||
            !rest.isDefined(row))
            continue;
        const Vector<Double> lines(rest(row));
        if (!lines.empty() && lines[0] > 0)
            return lines[0];
    }
    return 0;
}

uint64_t data_manager_bytes(const std::string &table, int seqnr) {
    const std::string name = "table.f" + std::to_string(seqnr);
    uint64_t bytes = 0;
    DIR *dir = opendir(table.c_str());
    if (!dir)
        return 0;
    while (const dirent *entry = readdir(dir)) {
        // table.f3, table.f3i, table.f3_TSM0, the folder table.f3.bp
        const std::string file = entry->d_name;
        uint64_t size;
        if (file.compare(0, name.size(), name) == 0 &&
            (file.size() == name.size() || !isdigit(file[name.size()])) &&
            pcl_fs_tree_size((table + "/" + file).c_str(), &size, nullptr) == 0)
            bytes += size;
    }
    closedir(dir);
    return bytes;
}

/* Files of the storage managers that hold the columns casa_ms_read reads, in each part of a virtual
 * or reference table. */
uint64_t column_bytes(const casa_ms &m) {
    std::set<std::string> wanted = {"TIME",         "ANTENNA1", "ANTENNA2", "FIELD_ID",
                                    "DATA_DESC_ID", "FLAG_ROW", "UVW",      "FLAG"};
    bool all_spectrum = m.info.has_weight_spectrum, any_spectrum = false;
    for (const ms_dd &dd : m.dds) {
        const bool filled = ms_spectrum_filled(m, dd, dd.first_row);
        all_spectrum = all_spectrum && filled;
        any_spectrum = any_spectrum || filled;
    }
    wanted.insert(m.datacolumn);
    if (any_spectrum)
        wanted.insert("WEIGHT_SPECTRUM");
    if (!all_spectrum)
        wanted.insert("WEIGHT");
    uint64_t bytes = 0;
    for (const String &part : m.main.getPartNames(True)) {
        const Table table(part, TableLock(TableLock::NoLocking), Table::Old);
        const Record managers = table.dataManagerInfo();
        for (uInt i = 0; i < managers.nfields(); i++) {
            const Record &one = managers.subRecord(i);
            const Vector<String> columns = one.asArrayString("COLUMNS");
            if (std::any_of(columns.begin(), columns.end(),
                            [&](const String &c) { return wanted.count(c) > 0; }))
                bytes += data_manager_bytes(part, static_cast<int>(one.asInt64("SEQNR")));
        }
    }
    return bytes;
}

} // namespace

int casa_ms_field_direction(casa_ms *ms, const char *field, casa_direction *out, pclean_err *err) {
    *out = casa_direction{};
    return casa_call(err, ms->path.c_str(), [&]() -> int {
        const MSField &table = ms->ms.field();
        const MSFieldColumns columns(table);
        const int id = find_field(table, columns, field);
        if (id < 0)
            return PCL_FAIL(err, PCLEAN_EPARAM,
                            "there is no field \"%s\" in the %llu rows of FIELD", field,
                            ms_ull(table.nrow()));
        return phase_direction(*ms, columns, id, out, err);
    });
}

int ms_time_reference(casa_ms &m, pclean_err *err) {
    const TableRecord &keywords = m.time.keywordSet();
    m.time_ref = "UTC";
    if (keywords.isDefined("MEASINFO") && keywords.asRecord("MEASINFO").isDefined("Ref"))
        m.time_ref = keywords.asRecord("MEASINFO").asString("Ref");
    MEpoch::Types type;
    const bool sidereal =
        MEpoch::getType(type, m.time_ref) && (type == MEpoch::LAST || type == MEpoch::LMST ||
                                              type == MEpoch::GMST1 || type == MEpoch::GAST);
    if (!MEpoch::getType(type, m.time_ref) || sidereal)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "the main table: TIME is said to be %s (Ref in MEASINFO), which is not a "
                        "time that can be converted (UTC, TAI, TT, TDB ...)",
                        m.time_ref.c_str());
    return 0;
}

int ms_describe(casa_ms &m, const ms_scan &scan, pclean_err *err) {
    const int status = describe_fields(m, scan.fields.all, err);
    if (status)
        return status;
    describe_array(m, scan.antennas.all);
    casa_ms_info &info = m.info;
    info.path = m.path.c_str();
    info.nrow = scan.nrow;
    info.nrow_auto = scan.nrow_auto;
    info.ndd = m.dd_faces.size();
    info.dd = m.dd_faces.data();
    info.nfield = m.fields.size();
    info.field = m.fields.data();
    info.telescope = m.telescope.c_str();
    info.observer = m.observer.c_str();
    info.time_ref = m.time_ref.c_str();
    info.restfreq_hz = rest_frequency(m);
    info.datacolumn = m.datacolumn.c_str();
    for (const ms_dd &dd : m.dds)
        info.has_weight_spectrum =
            info.has_weight_spectrum || ms_spectrum_filled(m, dd, dd.first_row);
    info.column_bytes = column_bytes(m);
    return 0;
}
