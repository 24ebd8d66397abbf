// ms_windows.cpp: the data descriptions of a MeasurementSet: channels, correlations, and the shape
// that cells have by them.
#include "casa/ms_private.hpp"
#include "casa/spw.hpp"
#include <algorithm>
#include <casacore/measures/Measures/MFrequency.h>
#include <casacore/tables/Tables/TableRecord.h>
#include <cmath>

using namespace casacore;

namespace {

constexpr double highest_hz = 1e16; // beyond light

/* MEAS_FREQ_REF counts in the table's own list of names where it has one. LOFAR's averager writes
 * rubbish there (10922): correlators observe in TOPO, so that is what it is taken for. */
int frequency_reference(casa_ms &m, int spwid) {
    const MSSpectralWindow &table = m.ms.spectralWindow();
    const int code = ScalarColumn<Int>(table, "MEAS_FREQ_REF")(static_cast<rownr_t>(spwid));
    const TableRecord &keywords = TableColumn(table, "CHAN_FREQ").keywordSet();
    int frame = code;
    if (keywords.isDefined("MEASINFO")) {
        const TableRecord &info = keywords.subRecord("MEASINFO");
        if (info.isDefined("TabRefCodes") && info.isDefined("TabRefTypes")) {
            const Vector<uInt> codes(info.asArrayuInt("TabRefCodes"));
            const Vector<String> names(info.asArrayString("TabRefTypes"));
            for (size_t i = 0; i < std::min(codes.size(), names.size()); i++)
                if (static_cast<int>(codes[i]) == code &&
                    casa_freq_frame_parse(names[i].c_str(), &frame, nullptr) == 0)
                    return frame;
        }
    }
    if (frame >= 0 && frame < static_cast<int>(MFrequency::N_Types))
        return frame;
    if (!m.warned_of_frame)
        ms_warn(m,
                "SPECTRAL_WINDOW: MEAS_FREQ_REF of window %d is %d, which is no frequency frame; "
                "taken as TOPO",
                spwid, code);
    m.warned_of_frame = true;
    return MFrequency::TOPO;
}

/* Frequencies and widths that a receiver can have; widths become positive. A width of 0 is replaced
 * by the spacing. */
int check_channels(casa_ms &m, ms_dd &dd, pclean_err *err) {
    const std::vector<double> &freq = dd.chan_freq;
    size_t nzero = 0, zero = 0;
    for (size_t c = 0; c < freq.size(); c++) {
        double &width = dd.chan_width[c];
        if (!(freq[c] > 0 && freq[c] < highest_hz))
            return PCL_FAIL(err, PCLEAN_EDATA,
                            "SPECTRAL_WINDOW: CHAN_FREQ of channel %d of window %d is %g Hz, which "
                            "is no frequency",
                            ms_number_of(dd, static_cast<int>(c)), dd.face.spwid, freq[c]);
        width = std::fabs(width);
        if (width == 0 && freq.size() > 1) {
            width = std::fabs(c > 0 ? freq[c] - freq[c - 1] : freq[1] - freq[0]);
            zero = nzero++ == 0 ? c : zero;
        }
        if (!(width > 0 && width < 2 * freq[c]))
            return PCL_FAIL(err, PCLEAN_EDATA,
                            "SPECTRAL_WINDOW: CHAN_WIDTH of channel %d of window %d is %g Hz at a "
                            "frequency of %g Hz",
                            ms_number_of(dd, static_cast<int>(c)), dd.face.spwid, width, freq[c]);
    }
    if (nzero > 0)
        ms_warn(
            m,
            "SPECTRAL_WINDOW: CHAN_WIDTH is 0 in %zu of %zu channels of window %d (the first is "
            "%d): taken as their spacing",
            nzero, freq.size(), dd.face.spwid, ms_number_of(dd, static_cast<int>(zero)));
    return 0;
}

int fill_window(casa_ms &m, ms_dd &dd, pclean_err *err) {
    const MSSpectralWindow &table = m.ms.spectralWindow();
    const int spwid = dd.face.spwid;
    if (spwid < 0 || static_cast<rownr_t>(spwid) >= table.nrow())
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "DATA_DESCRIPTION: SPECTRAL_WINDOW_ID of data description %d is %d, but "
                        "SPECTRAL_WINDOW has %llu rows",
                        dd.face.ddid, spwid, ms_ull(table.nrow()));
    std::vector<double> freq, width;
    int status = ms_read_window(table, spwid, freq, width, err);
    if (status)
        return status;
    dd.number = spw_channel_order(Vector<Double>(freq));
    for (size_t i = 0; i < freq.size(); i++) {
        const size_t c =
            static_cast<size_t>(dd.number.empty() ? static_cast<int>(i) : dd.number[i]);
        dd.chan_freq.push_back(freq[c]);
        dd.chan_width.push_back(width[c]);
    }
    if ((status = check_channels(m, dd, err)) != 0)
        return status;
    if (!dd.number.empty() && m.told_of_order.insert(spwid).second)
        pcl_log(
            PCL_LOG_INFO,
            "%s: the channels of spectral window %d are not in order of frequency: they are sorted",
            m.path.c_str(), spwid);
    dd.face.freq_ref = frequency_reference(m, spwid);
    return 0;
}

int fill_polarization(casa_ms &m, ms_dd &dd, pclean_err *err) {
    const MSPolarization &table = m.ms.polarization();
    const int polid = dd.face.polid;
    if (polid < 0 || static_cast<rownr_t>(polid) >= table.nrow())
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "DATA_DESCRIPTION: POLARIZATION_ID of data description %d is %d, but "
                        "POLARIZATION has %llu rows: which correlations the "
                        "data hold is unknown (was table.lock lost in a copy?)",
                        dd.face.ddid, polid, ms_ull(table.nrow()));
    dd.corr = ms_list_cell<Int>(table, "POLARIZATION", "CORR_TYPE", static_cast<rownr_t>(polid));
    const int ncorr = ScalarColumn<Int>(table, "NUM_CORR")(static_cast<rownr_t>(polid));
    if (ncorr < 1 || dd.corr.size() != static_cast<size_t>(ncorr))
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "POLARIZATION: setup %d has %zu values in CORR_TYPE, but NUM_CORR is %d",
                        polid, dd.corr.size(), ncorr);
    return 0;
}

int fill_channels(const casa_ms &m, ms_dd &dd, pclean_err *err) {
    const int nchan = static_cast<int>(dd.chan_freq.size());
    const auto found = m.channels.find(dd.face.spwid); // a sorted list
    int lowest = nchan, highest = -1;
    for (int c = 0; c < nchan; c++) {
        const int number = ms_number_of(dd, c);
        if (found != m.channels.end() &&
            !std::binary_search(found->second.begin(), found->second.end(), number))
            continue;
        dd.chansel.push_back(c);
        lowest = std::min(lowest, number);
        highest = std::max(highest, number);
    }
    if (dd.chansel.empty())
        return PCL_FAIL(err, PCLEAN_EDATA, "no channel of spectral window %d is selected",
                        dd.face.spwid);
    dd.first_chan = static_cast<size_t>(lowest);
    dd.span = static_cast<size_t>(highest - lowest) + 1;
    return 0;
}

int check_cell_shape(const casa_ms &m, const ms_dd &dd, pclean_err *err) {
    const std::string wrong =
        ms_wrong_cell(m.data.column, m.data.name, dd.first_row, ms_cell_shape(dd));
    return wrong.empty() ? 0 : PCL_FAIL(err, PCLEAN_EDATA, "%s", wrong.c_str());
}

} // namespace

int ms_read_window(const MSSpectralWindow &table, int spwid, std::vector<double> &freq,
                   std::vector<double> &width, pclean_err *err) {
    const rownr_t row = static_cast<rownr_t>(spwid);
    const int nchan = ScalarColumn<Int>(table, "NUM_CHAN")(row);
    freq = ms_list_cell<Double>(table, "SPECTRAL_WINDOW", "CHAN_FREQ", row);
    width = ms_list_cell<Double>(table, "SPECTRAL_WINDOW", "CHAN_WIDTH", row);
    if (nchan < 1 || freq.size() != static_cast<size_t>(nchan) || width.size() != freq.size())
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "SPECTRAL_WINDOW: window %d has %zu values in CHAN_FREQ and %zu in "
                        "CHAN_WIDTH, but NUM_CHAN is %d",
                        spwid, freq.size(), width.size(), nchan);
    return 0;
}

int ms_number_of(const ms_dd &dd, int c) {
    return dd.number.empty() ? c : dd.number[static_cast<size_t>(c)];
}

IPosition ms_cell_shape(const ms_dd &dd) {
    return IPosition(2, static_cast<ssize_t>(dd.corr.size()),
                     static_cast<ssize_t>(dd.chan_freq.size()));
}

std::string ms_shape_text(const IPosition &shape) {
    std::string text;
    for (const ssize_t n : shape)
        text += (text.empty() ? "" : " x ") + std::to_string(n);
    return text;
}

std::string ms_wrong_cell(const ArrayColumnBase &column, const std::string &name, uint64_t row,
                          const IPosition &want) {
    IPosition shape;
    try {
        if (column.isDefined(row))
            shape = column.shape(row);
    } catch (const std::exception &) {
        // TiledShapeStMan's answer for a cell never written
    }
    if (shape.isEqual(want))
        return "";
    const char *remedy =
        name == "CORRECTED_DATA"
            ? "; the data may not be calibrated: datacolumn=data images the column DATA"
            : "";
    if (shape.empty())
        return ms_format("%s of row %llu has no value%s", name.c_str(), ms_ull(row), remedy);
    return ms_format("%s of row %llu has the shape %s instead of %s%s%s", name.c_str(), ms_ull(row),
                     ms_shape_text(shape).c_str(), ms_shape_text(want).c_str(),
                     want.size() == 2 ? " (correlations x channels of its data description)" : "",
                     remedy);
}

int ms_find_dd(casa_ms &m, int ddid, uint64_t row, size_t *idd, pclean_err *err) {
    const auto found = m.dd_of_id.find(ddid);
    if (found != m.dd_of_id.end()) {
        *idd = found->second;
        return 0;
    }
    const MSDataDescription &table = m.ms.dataDescription();
    if (ddid < 0 || static_cast<rownr_t>(ddid) >= table.nrow())
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "row %llu has DATA_DESC_ID %d, but DATA_DESCRIPTION has %llu rows",
                        ms_ull(row), ddid, ms_ull(table.nrow()));
    ms_dd dd;
    dd.first_row = row;
    dd.face.ddid = ddid;
    dd.face.spwid = ScalarColumn<Int>(table, "SPECTRAL_WINDOW_ID")(static_cast<rownr_t>(ddid));
    dd.face.polid = ScalarColumn<Int>(table, "POLARIZATION_ID")(static_cast<rownr_t>(ddid));
    int status = fill_window(m, dd, err);
    if (status == 0)
        status = fill_polarization(m, dd, err);
    if (status == 0)
        status = fill_channels(m, dd, err);
    if (status == 0)
        status = check_cell_shape(m, dd, err);
    if (status)
        return status;
    *idd = m.dds.size();
    m.dd_of_id[ddid] = *idd;
    m.dds.push_back(std::move(dd));
    return 0;
}

void ms_sort_dds(casa_ms &m) {
    std::vector<uint16_t> new_place(m.dds.size());
    std::vector<ms_dd> sorted;
    for (auto &one : m.dd_of_id) { // a map walks by ddid
        new_place[one.second] = static_cast<uint16_t>(sorted.size());
        sorted.push_back(std::move(m.dds[one.second]));
        one.second = sorted.size() - 1;
    }
    m.dds = std::move(sorted);
    for (ms_row_index &row : m.index)
        row.dd = new_place[row.dd];
    for (ms_dd &dd : m.dds) {
        dd.face.nchan = dd.chan_freq.size();
        dd.face.chan_freq_hz = dd.chan_freq.data();
        dd.face.chan_width_hz = dd.chan_width.data();
        dd.face.number = dd.number.empty() ? nullptr : dd.number.data();
        dd.face.nchansel = dd.chansel.size();
        dd.face.chansel = dd.chansel.data();
        dd.face.ncorr = dd.corr.size();
        dd.face.corr = dd.corr.data();
        m.dd_faces.push_back(dd.face);
    }
}

bool ms_spectrum_filled(const casa_ms &m, const ms_dd &dd, uint64_t row) {
    const ArrayColumn<Float> &column = m.weight_spectrum.column;
    if (column.isNull() || !column.isDefined(row))
        return false;
    const IPosition shape = column.shape(row);
    return shape.size() == 2 && shape[0] == static_cast<ssize_t>(dd.corr.size()) &&
           shape[1] == static_cast<ssize_t>(dd.chan_freq.size());
}
