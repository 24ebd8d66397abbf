// ms_read.cpp: blocks of rows of a MeasurementSet.
#include "casa/ms_private.hpp"
#include <algorithm>

using namespace casacore;

namespace {

// per column, unless one row of tiles needs more
constexpr size_t max_tile_cache = size_t(32) << 20;

/* ---- small columns ---- */

/* Row numbers of the walked rows [irow, irow + nrow). */
void collect_rows(casa_ms &m, size_t irow, size_t nrow) {
    m.block_rows.resize(nrow);
    auto run = std::upper_bound(m.runs.begin(), m.runs.end(), irow,
                                [](size_t i, const ms_run &r) { return i < r.index; }) -
               1;
    for (size_t i = 0; i < nrow; i++) {
        if (run + 1 != m.runs.end() && (run + 1)->index == irow + i)
            ++run;
        m.block_rows[i] = run->row + (irow + i - run->index);
    }
}

/* Which rows of the block belong to which data description. */
void split_block(casa_ms &m, const std::vector<size_t> &dd_of_row) {
    for (ms_dd &dd : m.dds) {
        dd.rows.clear();
        dd.where.clear();
    }
    for (size_t i = 0; i < dd_of_row.size(); i++) {
        ms_dd &dd = m.dds[dd_of_row[i]];
        dd.rows.push_back(m.block_rows[i]);
        dd.where.push_back(i);
    }
    for (ms_dd &dd : m.dds) {
        const size_t n = dd.rows.size();
        dd.time.need(n);
        dd.field.need(n);
        dd.antenna1.need(n);
        dd.antenna2.need(n);
        dd.flag_row.need(n);
    }
}

void fill_scalars_from_index(casa_ms &m, size_t irow, size_t nrow) {
    std::vector<size_t> dd_of_row(nrow);
    for (size_t i = 0; i < nrow; i++)
        dd_of_row[i] = m.index[irow + i].dd;
    split_block(m, dd_of_row);
    for (ms_dd &dd : m.dds) {
        auto time = std::upper_bound(m.times.begin(), m.times.end(), irow,
                                     [](size_t i, const ms_time_run &t) { return i < t.index; }) -
                    1;
        for (size_t i = 0; i < dd.rows.size(); i++) {
            const size_t at = irow + dd.where[i];
            const ms_row_index &row = m.index[at];
            while (time + 1 != m.times.end() && (time + 1)->index <= at)
                ++time;
            dd.time.get()[i] = time->time_s;
            dd.field.get()[i] = row.field_and_flag >> 1;
            dd.flag_row.get()[i] = row.field_and_flag & 1;
            dd.antenna1.get()[i] = row.antenna1;
            dd.antenna2.get()[i] = row.antenna2;
        }
    }
}

void fill_scalars_from_table(casa_ms &m, size_t nrow) {
    ms_scalars s;
    ms_read_scalars(m, m.block_rows, &s);
    ms_replace_times(m, s.time, &s.flag_row);
    std::vector<size_t> dd_of_row(nrow);
    for (size_t i = 0; i < nrow; i++)
        dd_of_row[i] = m.dd_of_id.at(s.ddid[i]);
    split_block(m, dd_of_row);
    for (ms_dd &dd : m.dds)
        for (size_t i = 0; i < dd.rows.size(); i++) {
            const size_t at = dd.where[i];
            dd.time.get()[i] = s.time[at];
            dd.field.get()[i] = s.field[at];
            dd.flag_row.get()[i] = s.flag_row[at];
            dd.antenna1.get()[i] = s.antenna1[at];
            dd.antenna2.get()[i] = s.antenna2[at];
        }
}

/* ---- bulk columns ---- */

/* Lets the tile cache of a column keep what the next read needs again: the row of tiles in which
 * the block ends, and where other data descriptions may lie in the same hypercube all tiles of the
 * block. */
template <typename T>
void fit_tile_cache(ms_bulk<T> &bulk, const std::vector<uint64_t> &rows, size_t chan0, size_t nchan,
                    bool shared) {
    if (!bulk.tiles || rows.empty())
        return;
    const uint64_t row = rows.front();
    const IPosition tile = bulk.tiles->tileShape(row), cube = bulk.tiles->hypercubeShape(row);
    const size_t last = tile.size() - 1;
    size_t per_row = 1;
    for (size_t axis = 0; axis < last; axis++) {
        const bool channels = axis == 1 && nchan > 0;
        const size_t lo = channels ? chan0 : 0,
                     hi = channels ? chan0 + nchan - 1 : static_cast<size_t>(cube[axis]) - 1;
        per_row *= hi / static_cast<size_t>(tile[axis]) - lo / static_cast<size_t>(tile[axis]) + 1;
    }
    size_t want = per_row;
    if (shared)
        want *= (rows.back() - row) / static_cast<size_t>(tile[last]) + 2;
    const size_t limit =
        std::max<size_t>(per_row, max_tile_cache / std::max<uInt>(1, bulk.tiles->bucketSize(row)));
    want = std::min(want, limit);
    if (want > bulk.tiles->cacheSize(row))
        bulk.tiles->setCacheSize(row, static_cast<uInt>(want), False);
}

/* A block read failed: does a cell of the block have no data, or another shape than its data
 * description says? */
template <typename T>
void explain_cells(const ms_bulk<T> &bulk, const std::vector<uint64_t> &rows,
                   const IPosition &want) {
    for (const uint64_t row : rows) {
        const std::string wrong = ms_wrong_cell(bulk.column, bulk.name, row, want);
        if (!wrong.empty())
            throw ms_cell_error(wrong);
    }
}

/* Cells of shape `cell`, or a slice of each, of these rows. */
template <typename T, typename Out>
void read_cells(ms_bulk<T> &bulk, const std::vector<uint64_t> &rows, const IPosition &cell,
                const Slicer *slicer, Out *out) {
    static_assert(sizeof(T) % sizeof(Out) == 0, "out is T or its parts");
    IPosition shape = slicer ? slicer->length() : cell;
    shape.append(IPosition(1, static_cast<ssize_t>(rows.size())));
    Array<T> cells(shape, reinterpret_cast<T *>(out), SHARE);
    try {
        if (slicer)
            bulk.column.getColumnCells(ms_ref_rows(rows), *slicer, cells, False);
        else
            bulk.column.getColumnCells(ms_ref_rows(rows), cells, False);
    } catch (const std::exception &) { // casacore's array errors are no AipsError
        explain_cells(bulk, rows, cell);
        throw;
    }
}

/* Keeps the selected channels of [nrow][span][width] in place, in their order:
 * [nrow][nchansel][width]. */
template <typename T> void keep_selected(const ms_dd &dd, size_t nrow, size_t width, T *data) {
    if (dd.number.empty() && dd.span == dd.chansel.size())
        return;
    std::unique_ptr<T[]> copy(dd.number.empty() ? nullptr : new T[dd.span * width]);
    T *to = data;
    for (size_t row = 0; row < nrow; row++) {
        const T *from = data + row * dd.span * width;
        if (copy) {
            memcpy(copy.get(), from, dd.span * width * sizeof(T));
            from = copy.get();
        }
        for (const int c : dd.chansel) {
            memmove(to, from + (static_cast<size_t>(ms_number_of(dd, c)) - dd.first_chan) * width,
                    width * sizeof(T));
            to += width;
        }
    }
}

void set_stage(casa_ms &m, const std::string &column, const std::vector<uint64_t> &rows) {
    m.stage = ms_format("reading column %s, rows %llu to %llu", column.c_str(),
                        ms_ull(rows.front()), ms_ull(rows.back()));
}

/* One channelised column of the block rows `rows` of a data description, selected channels only.
 * parts: floats per value. */
template <typename T, typename Out>
void read_channels(casa_ms &m, ms_bulk<T> &bulk, const ms_dd &dd, const std::vector<uint64_t> &rows,
                   bool shared, ms_buffer<Out> &buffer) {
    const size_t ncorr = dd.corr.size(), parts = sizeof(T) / sizeof(Out);
    set_stage(m, bulk.name, rows);
    fit_tile_cache(bulk, rows, dd.first_chan, dd.span, shared);
    const Slicer slicer(IPosition(2, 0, static_cast<ssize_t>(dd.first_chan)),
                        IPosition(2, static_cast<ssize_t>(ncorr), static_cast<ssize_t>(dd.span)));
    Out *out = buffer.need(rows.size() * dd.span * ncorr * parts);
    read_cells(bulk, rows, ms_cell_shape(dd), dd.span == dd.chan_freq.size() ? nullptr : &slicer,
               out);
    keep_selected(dd, rows.size(), ncorr * parts, out);
}

void read_weight(casa_ms &m, const ms_dd &dd, const std::vector<uint64_t> &rows, bool shared,
                 ms_buffer<float> &buffer) {
    set_stage(m, "WEIGHT", rows);
    fit_tile_cache(m.weight, rows, 0, 0, shared);
    read_cells(m.weight, rows, IPosition(1, static_cast<ssize_t>(dd.corr.size())), nullptr,
               buffer.need(rows.size() * dd.corr.size()));
}

/* Which rows have their weights in WEIGHT_SPECTRUM. */
void split_by_weights(casa_ms &m, ms_dd &dd) {
    dd.filled.clear();
    dd.empty.clear();
    for (const uint64_t row : dd.rows)
        (ms_spectrum_filled(m, dd, row) ? dd.filled : dd.empty).push_back(row);
}

size_t weight_nchan_of(const ms_dd &dd) {
    return dd.filled.empty() ? 1 : dd.chansel.size();
}

/* WEIGHT_SPECTRUM where its cells are filled, WEIGHT (spread over the channels when the block mixes
 * both) elsewhere. */
void read_weights(casa_ms &m, ms_dd &dd, bool shared) {
    if (dd.filled.empty())
        return read_weight(m, dd, dd.rows, shared, dd.weight);
    if (dd.empty.empty())
        return read_channels(m, m.weight_spectrum, dd, dd.rows, shared, dd.weight);
    ms_buffer<float> spectra, plain;
    read_channels(m, m.weight_spectrum, dd, dd.filled, shared, spectra);
    read_weight(m, dd, dd.empty, shared, plain);
    const size_t ncorr = dd.corr.size(), ncell = dd.chansel.size() * ncorr;
    const float *spectrum = spectra.get(), *weight = plain.get();
    float *out = dd.weight.need(dd.rows.size() * ncell);
    auto next = dd.filled.begin();
    for (size_t i = 0; i < dd.rows.size(); i++, out += ncell) {
        if (next != dd.filled.end() && *next == dd.rows[i]) {
            std::copy(spectrum, spectrum + ncell, out);
            spectrum += ncell;
            ++next;
            continue;
        }
        for (size_t k = 0; k < ncell; k++)
            out[k] = weight[k % ncorr];
        weight += ncorr;
    }
}

/* Room of the caller's for the large arrays of the block. */
void take_room(casa_ms &m, casa_ms_lend *lend, void *user, const casa_ms_rows *rows) {
    std::vector<casa_ms_room> room(m.dds.size(), casa_ms_room{});
    if (lend)
        lend(rows, room.data(), user);
    for (size_t i = 0; i < m.dds.size(); i++) {
        ms_dd &dd = m.dds[i];
        const size_t n = rows[i].nrow * dd.chansel.size() * dd.corr.size();
        dd.vis.lend(room[i].vis, 2 * n);
        dd.flag.lend(room[i].flag, n);
        dd.weight.lend(room[i].weight, rows[i].nrow * rows[i].weight_nchan * dd.corr.size());
    }
}

void give_room_back(casa_ms &m) {
    for (ms_dd &dd : m.dds) {
        dd.vis.lend(nullptr, 0);
        dd.flag.lend(nullptr, 0);
        dd.weight.lend(nullptr, 0);
    }
}

void read_large(casa_ms &m, ms_dd &dd, bool shared, casa_ms_rows &r) {
    read_channels(m, m.data, dd, dd.rows, shared, dd.vis);
    ms_read_flags(m, dd, shared);
    read_weights(m, dd, shared);
    r.row = dd.rows.data();
    r.time_s = dd.time.get();
    r.uvw_m = dd.uvw.get();
    r.field_id = dd.field.get();
    r.antenna1 = dd.antenna1.get();
    r.antenna2 = dd.antenna2.get();
    r.flag_row = dd.flag_row.get();
    r.vis = dd.vis.get();
    r.flag = dd.flag.get();
    r.weight = dd.weight.get();
}

void read_block(casa_ms &m, size_t irow, size_t nrow, casa_ms_lend *lend, void *user,
                casa_ms_rows *rows) {
    ms_prepare_block(m, irow, nrow);
    ms_read_uvw(m);
    size_t nused = 0;
    for (size_t i = 0; i < m.dds.size(); i++) {
        split_by_weights(m, m.dds[i]);
        rows[i].nrow = m.dds[i].rows.size();
        rows[i].weight_nchan = rows[i].nrow ? weight_nchan_of(m.dds[i]) : 0;
        nused += rows[i].nrow > 0;
    }
    take_room(m, lend, user, rows);
    for (size_t i = 0; i < m.dds.size(); i++)
        if (rows[i].nrow)
            read_large(m, m.dds[i], nused > 1, rows[i]);
    m.stage.clear();
}

} // namespace

void ms_prepare_block(casa_ms &m, size_t irow, size_t nrow) {
    collect_rows(m, irow, nrow);
    if (m.indexed)
        fill_scalars_from_index(m, irow, nrow);
    else
        fill_scalars_from_table(m, nrow);
}

/* UVW has one shape for all rows: read for the whole block, then dealt out. */
void ms_read_uvw(casa_ms &m) {
    set_stage(m, "UVW", m.block_rows);
    const size_t nrow = m.block_rows.size();
    double *uvw = m.block_uvw.need(nrow * 3);
    read_cells(m.uvw, m.block_rows, IPosition(1, 3), nullptr, uvw);
    for (ms_dd &dd : m.dds) {
        double *out = dd.uvw.need(dd.rows.size() * 3);
        for (const size_t at : dd.where)
            out = std::copy(uvw + 3 * at, uvw + 3 * at + 3, out);
    }
}

void ms_read_flags(casa_ms &m, ms_dd &dd, bool shared) {
    read_channels(m, m.flag, dd, dd.rows, shared, dd.flag);
}

int casa_ms_read_into(casa_ms *ms, size_t irow, size_t nrow, casa_ms_lend *lend, void *user,
                      casa_ms_rows *rows, pclean_err *err) {
    for (size_t i = 0; i < ms->dds.size(); i++)
        rows[i] = casa_ms_rows{};
    if (irow > ms->info.nrow || nrow > ms->info.nrow - irow)
        return PCL_FAIL(err, PCLEAN_EBUG, "%s: rows [%zu, %zu) asked for, but %zu are selected",
                        ms->path.c_str(), irow, irow + nrow, ms->info.nrow);
    if (nrow == 0)
        return 0;
    const int status = ms_call(ms, err, [&] { read_block(*ms, irow, nrow, lend, user, rows); });
    if (lend)
        give_room_back(*ms);
    for (size_t i = 0; status && i < ms->dds.size(); i++)
        rows[i] = casa_ms_rows{};
    return status;
}

int casa_ms_read(casa_ms *ms, size_t irow, size_t nrow, casa_ms_rows *rows, pclean_err *err) {
    return casa_ms_read_into(ms, irow, nrow, nullptr, nullptr, rows, err);
}
