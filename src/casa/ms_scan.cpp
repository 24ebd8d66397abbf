// ms_scan.cpp: one pass over the small columns of the selected rows, which are then kept packed.
#include "casa/ms_private.hpp"
#include <algorithm>
#include <casacore/tables/DataMan/IncrStManAccessor.h>
#include <casacore/tables/DataMan/StandardStManAccessor.h>
#include <cmath>

using namespace casacore;

namespace {

constexpr size_t max_index_bytes = size_t(64) << 20;  // packed scalars are kept up to here
constexpr size_t max_scalar_cache = size_t(16) << 20; // StandardStMan buckets kept during the scan

/* ---- times ---- */

/* 1890 to 2175. */
bool is_date(double time_s) {
    return time_s > 1e9 && time_s < 1e10;
}

/* Does any row of the MS, selected or not, have a date? (Simulated times may count from 0.) */
bool has_dates(casa_ms &m) {
    if (m.dates == casa_ms::unknown) {
        m.dates = casa_ms::absent;
        Vector<Double> times;
        for (rownr_t row = 0; m.dates == casa_ms::absent && row < m.main.nrow();
             row += ms_rows_at_once) {
            m.time.getColumnRange(Slicer(IPosition(1, static_cast<ssize_t>(row)),
                                         IPosition(1, static_cast<ssize_t>(std::min<rownr_t>(
                                                          ms_rows_at_once, m.main.nrow() - row)))),
                                  times, True);
            if (std::any_of(times.begin(), times.end(), is_date))
                m.dates = casa_ms::present;
        }
    }
    return m.dates == casa_ms::present;
}

bool is_time(casa_ms &m, double time_s) {
    return is_date(time_s) || (std::isfinite(time_s) && std::fabs(time_s) < 1e10 && !has_dates(m));
}

/* The earliest, the latest and the first time of the selected rows that have one; counts those that
 * have none. */
void scan_times(casa_ms &m, const std::vector<uint64_t> &rows, const ms_scalars &s) {
    for (size_t i = 0; i < rows.size(); i++) {
        const double time_s = s.time[i];
        if (!is_time(m, time_s)) {
            if (m.nrow_no_time++ == 0)
                m.first_no_time = rows[i];
            continue;
        }
        if (!m.has_time)
            m.info.first_time_s = m.info.time_min_s = m.info.time_max_s = time_s;
        m.has_time = true;
        m.info.time_min_s = std::min(m.info.time_min_s, time_s);
        m.info.time_max_s = std::max(m.info.time_max_s, time_s);
    }
}

/* After the scan. */
int check_times(casa_ms &m, pclean_err *err) {
    if (!m.has_time)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "the main table: TIME of none of the %llu selected rows is a time",
                        ms_ull(m.nrow_no_time));
    if (m.nrow_no_time > 0)
        ms_warn(m,
                "TIME of %llu rows (the first is row %llu) is not a time: they are left out, as if "
                "they were flagged",
                ms_ull(m.nrow_no_time), ms_ull(m.first_no_time));
    if (!is_date(m.info.first_time_s))
        ms_warn(m,
                "TIME begins at %g s, long before there were telescopes: spectral frames and dates "
                "mean nothing",
                m.info.first_time_s);
    return 0;
}

void sort_times(ms_dd &dd) {
    std::sort(dd.times.begin(), dd.times.end());
    dd.times.erase(std::unique(dd.times.begin(), dd.times.end()), dd.times.end());
}

/* Rows mostly come in order of time; where they do not, the list is cleaned each time it has
 * doubled. */
void note_time(ms_dd &dd, double time_s) {
    if (!dd.times.empty() && dd.times.back() == time_s)
        return;
    if (dd.times.size() >= dd.sort_times_at) {
        sort_times(dd);
        dd.sort_times_at = std::max<size_t>(4096, 2 * dd.times.size());
    }
    dd.times.push_back(time_s);
}

/* ---- small columns ---- */

template <typename Accessor>
void set_bucket_cache(const Table &table, const String &column, size_t bucket, bool large) {
    Accessor accessor(table, column, True);
    if (!large)
        accessor.clearCache();
    accessor.setCacheSize(
        large ? static_cast<uInt>(std::max<size_t>(2, max_scalar_cache / bucket)) : 2, False);
}

/* Adds one cross-correlation row to the lists. */
int scan_row(casa_ms &m, ms_scan &scan, uint64_t row, const ms_scalars &s, size_t i,
             pclean_err *err) {
    size_t idd = 0;
    int status = ms_find_dd(m, s.ddid[i], row, &idd, err);
    if (status)
        return status;
    m.dds[idd].face.nrow++;
    if (m.has_time) // else no row has had one yet
        note_time(m.dds[idd], s.time[i]);
    ms_add_to_runs(m.runs, row, scan.nrow, scan.last_row);
    scan.last_row = row;
    scan.antennas.add(s.antenna1[i]);
    scan.antennas.add(s.antenna2[i]);
    scan.fields.add(s.field[i]);
    const int largest =
        std::max({s.antenna1[i], s.antenna2[i], s.field[i] * 2 + 1, static_cast<int>(idd)});
    const int smallest = std::min({s.antenna1[i], s.antenna2[i], s.field[i]});
    if (m.indexed && (smallest < 0 || largest > UINT16_MAX)) {
        m.indexed = false;
        std::vector<ms_row_index>().swap(m.index);
        std::vector<ms_time_run>().swap(m.times);
    }
    if (m.indexed) {
        m.index.push_back({static_cast<uint16_t>(s.antenna1[i]),
                           static_cast<uint16_t>(s.antenna2[i]), static_cast<uint16_t>(idd),
                           static_cast<uint16_t>(s.field[i] * 2 + (s.flag_row[i] ? 1 : 0))});
        if (m.times.empty() || m.times.back().time_s != s.time[i])
            m.times.push_back({s.time[i], scan.nrow});
    }
    scan.nrow++;
    return 0;
}

} // namespace

void ms_replace_times(casa_ms &m, Vector<Double> &time, Vector<Bool> *flag_row) {
    for (size_t i = 0; i < time.size(); i++)
        if (!is_time(m, time[i])) {
            time[i] = m.info.first_time_s;
            if (flag_row)
                (*flag_row)[i] = true;
        }
}

void ms_read_scalars(casa_ms &m, const std::vector<uint64_t> &rows, ms_scalars *s) {
    const RefRows refs = ms_ref_rows(rows);
    m.time.getColumnCells(refs, s->time, True);
    m.antenna1.getColumnCells(refs, s->antenna1, True);
    m.antenna2.getColumnCells(refs, s->antenna2, True);
    m.field_id.getColumnCells(refs, s->field, True);
    m.ddid.getColumnCells(refs, s->ddid, True);
    m.flag_row.getColumnCells(refs, s->flag_row, True);
}

void ms_set_scalar_cache(const casa_ms &m, bool large) {
    const Record managers = m.main.dataManagerInfo();
    for (uInt i = 0; i < managers.nfields(); i++) {
        const Record &one = managers.subRecord(i);
        const Vector<String> columns = one.asArrayString("COLUMNS");
        const String type = one.asString("TYPE");
        if (columns.empty() || (type != "StandardStMan" && type != "IncrementalStMan"))
            continue;
        const size_t bucket =
            static_cast<size_t>(std::max(1, one.subRecord("SPEC").asInt("BUCKETSIZE")));
        try {
            if (type == "StandardStMan")
                set_bucket_cache<ROStandardStManAccessor>(m.main, columns[0], bucket, large);
            else
                set_bucket_cache<ROIncrementalStManAccessor>(m.main, columns[0], bucket, large);
        } catch (const std::exception &) {
            // a reference table: its parent's caches stay as they are
        }
    }
}

void ms_add_to_runs(std::vector<ms_run> &runs, uint64_t row, uint64_t index, uint64_t previous) {
    if (index == 0 || row != previous + 1)
        runs.push_back({row, index});
}

int ms_scan_rows(casa_ms &m, const Table &selected, ms_scan &scan, pclean_err *err) {
    const Vector<rownr_t> numbers =
        m.whole ? Vector<rownr_t>() : Vector<rownr_t>(selected.rowNumbers());
    const uint64_t total = m.whole ? m.main.nrow() : numbers.size();
    m.indexed = total * sizeof(ms_row_index) <= max_index_bytes;
    if (m.indexed)
        m.index.reserve(total);
    std::vector<uint64_t> rows;
    uint64_t previous = 0; // last row of the step before
    ms_scalars s;
    for (uint64_t begin = 0; begin < total; begin += ms_rows_at_once) {
        previous = rows.empty() ? 0 : rows.back();
        rows.resize(std::min<uint64_t>(ms_rows_at_once, total - begin));
        for (size_t i = 0; i < rows.size(); i++)
            rows[i] = m.whole ? begin + i : numbers[begin + i];
        m.stage = ms_format("reading TIME, ANTENNA and other small columns, rows %llu to %llu",
                            ms_ull(rows.front()), ms_ull(rows.back()));
        ms_read_scalars(m, rows, &s);
        scan_times(m, rows, s);
        ms_replace_times(m, s.time, &s.flag_row);
        m.stage.clear();
        for (size_t i = 0; i < rows.size(); i++) {
            const bool is_auto = s.antenna1[i] == s.antenna2[i];
            if (is_auto && scan.nrow_auto++ == 0)
                m.selected = m.runs; // so far they were the same
            if (scan.nrow_auto > 0)
                ms_add_to_runs(m.selected, rows[i], begin + i, i > 0 ? rows[i - 1] : previous);
            if (is_auto)
                continue;
            const int status = scan_row(m, scan, rows[i], s, i, err);
            if (status)
                return status;
        }
    }
    if (!m.selected.empty())
        m.selected.shrink_to_fit();
    ms_set_scalar_cache(m, false);
    const int status = check_times(m, err);
    if (status)
        return status;
    if (scan.nrow == 0)
        return PCL_FAIL(
            err, PCLEAN_EDATA,
            "the selection holds autocorrelations only (%llu rows): there is nothing to image",
            ms_ull(scan.nrow_auto));
    m.index.shrink_to_fit();
    return 0;
}

size_t casa_ms_times(casa_ms *ms, size_t idd, const double **time_s) {
    sort_times(ms->dds[idd]);
    *time_s = ms->dds[idd].times.data();
    return ms->dds[idd].times.size();
}
