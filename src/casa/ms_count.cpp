// ms_count.cpp: what selected rows of a MeasurementSet hold, without reading their visibilities.
#include "casa/ms_private.hpp"
#include <algorithm>
#include <cmath>

using namespace casacore;

namespace {

/* Calls take(first, rows) for the selected rows, some at a time. */
template <typename Take> void walk_selected(const casa_ms &m, const Take &take) {
    const std::vector<ms_run> &runs = ms_selected_runs(m);
    const size_t total = ms_count_selected(m);
    std::vector<uint64_t> rows;
    for (size_t begin = 0, run = 0; begin < total; begin += ms_rows_at_once) {
        rows.resize(std::min(ms_rows_at_once, total - begin));
        for (size_t i = 0; i < rows.size(); i++) {
            if (run + 1 < runs.size() && runs[run + 1].index == begin + i)
                run++;
            rows[i] = runs[run].row + (begin + i - runs[run].index);
        }
        take(begin, rows);
    }
}

void count_rows(casa_ms &m, size_t nslice, const size_t *cut, const double *last_time,
                size_t *nrow) {
    const size_t ndd = m.dds.size();
    std::fill(nrow, nrow + nslice * ndd, size_t(0));
    if (ndd == 1 && m.info.nrow_auto == 0 && !last_time) {
        for (size_t k = 0; k < nslice; k++)
            nrow[k] = cut[k + 1] - cut[k];
        return;
    }
    walk_selected(m, [&](size_t begin, const std::vector<uint64_t> &rows) {
        const RefRows refs = ms_ref_rows(rows);
        Vector<Int> ddid, antenna1, antenna2;
        Vector<Double> time;
        m.ddid.getColumnCells(refs, ddid, True);
        if (last_time) {
            m.time.getColumnCells(refs, time, True);
            ms_replace_times(m, time, nullptr);
        }
        if (m.info.nrow_auto > 0) {
            m.antenna1.getColumnCells(refs, antenna1, True);
            m.antenna2.getColumnCells(refs, antenna2, True);
        }
        for (size_t i = 0; i < rows.size(); i++) {
            if (!antenna1.empty() && antenna1[i] == antenna2[i])
                continue;
            const size_t k =
                last_time
                    ? static_cast<size_t>(std::lower_bound(last_time, last_time + nslice, time[i]) -
                                          last_time)
                    : static_cast<size_t>(std::upper_bound(cut, cut + nslice + 1, begin + i) -
                                          cut) -
                          1;
            if (k < nslice)
                nrow[k * ndd + m.dd_of_id.at(ddid[i])]++;
        }
    });
}

/* Index into casa_ms_info.field of each FIELD_ID. */
std::vector<size_t> index_of_fields(const casa_ms &m) {
    std::vector<size_t> index;
    for (size_t i = 0; i < m.fields.size(); i++) {
        index.resize(static_cast<size_t>(m.fields[i].id) + 1);
        index.back() = i;
    }
    return index;
}

void largest_uvw(casa_ms &m, const double (*rotation)[3][3], double (*uvw_m)[3]) {
    const std::vector<size_t> index = index_of_fields(m);
    std::fill(uvw_m[0], uvw_m[0] + 3 * m.dds.size(), 0.0);
    for (size_t irow = 0; irow < m.info.nrow; irow += ms_rows_at_once) {
        ms_prepare_block(m, irow, std::min(ms_rows_at_once, m.info.nrow - irow));
        ms_read_uvw(m);
        for (size_t d = 0; d < m.dds.size(); d++)
            for (size_t i = 0; i < m.dds[d].rows.size(); i++) {
                const double *uvw = m.dds[d].uvw.get() + 3 * i;
                if (m.dds[d].flag_row.get()[i] || !std::isfinite(uvw[0]) ||
                    !std::isfinite(uvw[1]) || !std::isfinite(uvw[2]))
                    continue;
                const auto *turn =
                    rotation ? rotation[index[static_cast<size_t>(m.dds[d].field.get()[i])]]
                             : nullptr;
                for (size_t k = 0; k < 3; k++) {
                    const double x =
                        turn ? turn[k][0] * uvw[0] + turn[k][1] * uvw[1] + turn[k][2] * uvw[2]
                             : uvw[k];
                    uvw_m[d][k] = std::max(uvw_m[d][k], std::fabs(x));
                }
            }
    }
    m.stage.clear();
}

/* Unflagged samples of one row; those of each channel are added up. */
uint32_t count_row(const bool *flag, size_t nchan, size_t ncorr, uint32_t want, uint64_t *of_chan) {
    uint32_t n = 0;
    for (size_t c = 0; c < nchan; c++) {
        bool good = want != 0;
        for (size_t k = 0; k < ncorr; k++)
            good = good && !(want >> k & 1 && flag[c * ncorr + k]);
        n += good;
        if (of_chan)
            of_chan[c] += good;
    }
    return n;
}

void count_samples(casa_ms &m, const uint32_t *want, uint64_t *of_row, uint64_t *const *of_chan) {
    size_t row_bytes = 1;
    for (const ms_dd &dd : m.dds)
        row_bytes = std::max(row_bytes, dd.span * dd.corr.size());
    const size_t step = std::max<size_t>(1, (size_t(4) << 20) / row_bytes);
    if (of_row)
        std::fill(of_row, of_row + ms_count_selected(m), uint64_t(0));
    for (size_t d = 0; of_chan && d < m.dds.size(); d++)
        std::fill(of_chan[d], of_chan[d] + m.dds[d].chansel.size(), uint64_t(0));
    const std::vector<ms_run> &runs = ms_selected_runs(m);
    for (size_t irow = 0; irow < m.info.nrow; irow += step) {
        ms_prepare_block(m, irow, std::min(step, m.info.nrow - irow));
        for (size_t d = 0; d < m.dds.size(); d++) {
            ms_dd &dd = m.dds[d];
            const size_t nchan = dd.chansel.size(), ncorr = dd.corr.size();
            if (dd.rows.empty())
                continue;
            ms_read_flags(m, dd, m.dds.size() > 1);
            for (size_t i = 0; i < dd.rows.size(); i++) {
                if (dd.flag_row.get()[i])
                    continue;
                const uint32_t n = count_row(dd.flag.get() + i * nchan * ncorr, nchan, ncorr,
                                             want[d], of_chan ? of_chan[d] : nullptr);
                if (!of_row)
                    continue;
                const auto run =
                    std::upper_bound(runs.begin(), runs.end(), dd.rows[i],
                                     [](uint64_t row, const ms_run &r) { return row < r.row; }) -
                    1;
                of_row[run->index + (dd.rows[i] - run->row)] = n;
            }
        }
    }
    m.stage.clear();
}

} // namespace

int casa_ms_count_rows(casa_ms *ms, size_t nslice, const size_t *cut, const double *last_time,
                       size_t *nrow, pclean_err *err) {
    return ms_call(ms, err, [&] { count_rows(*ms, nslice, cut, last_time, nrow); });
}

int casa_ms_read_times(casa_ms *ms, double *time_s, pclean_err *err) {
    return ms_call(ms, err, [&] {
        walk_selected(*ms, [&](size_t begin, const std::vector<uint64_t> &rows) {
            Vector<Double> cells;
            ms->time.getColumnCells(ms_ref_rows(rows), cells, True);
            ms_replace_times(*ms, cells, nullptr);
            std::copy(cells.begin(), cells.end(), time_s + begin);
        });
    });
}

int casa_ms_largest_uvw(casa_ms *ms, const double (*rotation)[3][3], double (*uvw_m)[3],
                        pclean_err *err) {
    return ms_call(ms, err, [&] { largest_uvw(*ms, rotation, uvw_m); });
}

int casa_ms_count_samples(casa_ms *ms, const uint32_t *want, uint64_t *of_row,
                          uint64_t *const *of_chan, pclean_err *err) {
    return ms_call(ms, err, [&] { count_samples(*ms, want, of_row, of_chan); });
}
