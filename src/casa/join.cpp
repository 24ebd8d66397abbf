// join.cpp: what images to be joined say of themselves, and the joined image but for its pixels.
//
// Only tables are read and written here. Pixels lie in files of tiles whose layout this file tells
// (casa_tiles); the caller moves them. What is decided about coordinates is decided from numbers by
// join/axis.c.
extern "C" {
#include "base/fsutil.h"
}
#include "casa/borrowed.hpp"
#include "casa/casa_call.hpp"
#include "casa/join.h"
#include "casa/new_table.hpp"
#include <casacore/casa/Logging/LogMessage.h>
#include <casacore/casa/OS/Time.h>
#include <casacore/coordinates/Coordinates/CoordinateSystem.h>
#include <casacore/coordinates/Coordinates/DirectionCoordinate.h>
#include <casacore/coordinates/Coordinates/SpectralCoordinate.h>
#include <casacore/coordinates/Coordinates/StokesCoordinate.h>
#include <casacore/coordinates/Coordinates/TabularCoordinate.h>
#include <casacore/images/Images/ImageBeamSet.h>
#include <casacore/images/Images/ImageInfo.h>
#include <casacore/images/Images/PagedImage.h>
#include <casacore/images/Regions/ImageRegion.h>
#include <casacore/images/Regions/RegionHandler.h>
#include <casacore/lattices/LRegions/LCBox.h>
#include <casacore/lattices/LRegions/LCPagedMask.h>
#include <casacore/lattices/Lattices/PagedArray.h>
#include <casacore/tables/DataMan/TiledStManAccessor.h>
#include <casacore/tables/Tables/ScalarColumn.h>
#include <casacore/tables/Tables/TableAttr.h>
#include <casacore/tables/Tables/TableColumn.h>
#include <casacore/tables/Tables/TableRecord.h>
#include <cmath>
#include <memory>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

using namespace casacore;

struct casa_member {
    std::string path, frame;
    casa_member_info info;
    DataType type;
    CoordinateSystem coords;
    ImageInfo image_info;
    TableRecord misc;
    String unit;
    std::vector<double> axis_value;
};

namespace {

/* ---- files of tiles ---- */

const struct {
    DataType type;
    const char *name;
    size_t bytes, word;
} types[] = {{TpFloat, "float", 4, 4},
             {TpDouble, "double", 8, 8},
             {TpComplex, "Complex", 8, 4},
             {TpDComplex, "DComplex", 16, 8},
             {TpBool, "Bool", 0, 1}};

uint64_t tile_bytes(const casa_tiles &t) {
    uint64_t n = 1;
    for (size_t i = 0; i < t.ndim; i++)
        n *= t.tile[i];
    return t.bytes ? n * t.bytes : (n + 7) / 8;
}

uint64_t file_bytes(const casa_tiles &t) {
    uint64_t n = tile_bytes(t);
    for (size_t i = 0; i < t.ndim; i++)
        n *= (t.shape[i] + t.tile[i] - 1) / t.tile[i];
    return n;
}

int copy_shape(const IPosition &from, size_t *to, pclean_err *err) {
    if (from.size() == 0 || from.size() > CASA_MAX_DIM)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "its pixels have %zu axes (1 to %d are supported)", from.size(),
                        CASA_MAX_DIM);
    for (size_t i = 0; i < from.size(); i++) {
        if (from[i] < 1 || from[i] > (1 << 30))
            return PCL_FAIL(err, PCLEAN_EDATA, "its axis %zu has length %lld", i,
                            static_cast<long long>(from[i]));
        to[i] = static_cast<size_t>(from[i]);
    }
    return 0;
}

/* The name of the data manager of a column and the number of its files. */
int find_manager(const Table &table, const String &column, String *name, uInt *number,
                 pclean_err *err) {
    const Record all = table.dataManagerInfo();
    for (uInt i = 0; i < all.nfields(); i++) {
        const Record &one = all.subRecord(i);
        if (!anyEQ(one.asArrayString("COLUMNS"), column))
            continue;
        if (one.asString("TYPE") != "TiledCellStMan")
            return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                            "its pixels are kept by %s; copy the image with CASA first",
                            one.asString("TYPE").c_str());
        *name = one.asString("NAME");
        *number = static_cast<uInt>(one.asInt("SEQNR"));
        return 0;
    }
    return PCL_FAIL(err, PCLEAN_EDATA, "it has no column %s", column.c_str());
}

int fill_tiles(const Table &table, const String &column, DataType type, casa_tiles *out,
               pclean_err *err) {
    String manager;
    uInt number = 0;
    int rc = find_manager(table, column, &manager, &number, err);
    if (rc)
        return rc;
    *out = casa_tiles();
    for (const auto &t : types)
        if (t.type == type) {
            out->bytes = t.bytes;
            out->word = t.word;
        }
    const ROTiledStManAccessor tiles(table, manager);
    if (tiles.nhypercubes() != 1)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "its pixels are in %u arrays; copy the image with CASA first",
                        tiles.nhypercubes());
    const IPosition shape = tiles.hypercubeShape(0), tile = tiles.tileShape(0);
    if (shape.size() != tile.size())
        return PCL_FAIL(err, PCLEAN_EDATA, "its tiles have %zu axes, its pixels %zu", tile.size(),
                        shape.size());
    if ((rc = copy_shape(shape, out->shape, err)) || (rc = copy_shape(tile, out->tile, err)))
        return rc;
    out->ndim = shape.size();
    out->big_endian = table.endianFormat() == Table::BigEndian;
    const std::string file =
        std::string(table.tableName()) + "/table.f" + std::to_string(number) + "_TSM0";
    if (file.size() >= sizeof out->file)
        return PCL_FAIL(err, PCLEAN_EPARAM, "this name is too long");
    std::memcpy(out->file, file.c_str(), file.size() + 1);
    struct stat st;
    if (stat(out->file, &st) != 0)
        return PCL_FAIL(err, PCLEAN_EDATA, "its pixel file %s is missing: %s", out->file,
                        std::strerror(errno));
    if (static_cast<uint64_t>(st.st_size) != file_bytes(*out))
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "its pixel file %s has %lld bytes where its tiles need %llu: it is "
                        "truncated or damaged",
                        out->file, static_cast<long long>(st.st_size),
                        static_cast<unsigned long long>(file_bytes(*out)));
    return 0;
}

/* ---- reading ---- */

Table open_table(const std::string &path) {
    return Table(path, TableLock(TableLock::NoLocking));
}

int read_mask(const Table &table, casa_member *member, pclean_err *err) {
    const TableRecord &keys = table.keywordSet();
    const String name =
        keys.isDefined("Image_defaultmask") ? keys.asString("Image_defaultmask") : String();
    if (name.empty())
        return 0;
    if (!keys.isDefined("masks") || !keys.asRecord("masks").isDefined(name))
        return PCL_FAIL(err, PCLEAN_EDATA, "its default mask \"%s\" is not there", name.c_str());
    const TableRecord &region = keys.asRecord("masks").asRecord(name);
    if (!region.isDefined("name") || region.asString("name") != "LCPagedMask" ||
        !region.isDefined("mask") || region.dataType("mask") != TpTable)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "its default mask \"%s\" is not a pixel mask; make one of it with CASA's "
                        "makemask first",
                        name.c_str());
    const String folder = region.tableAttributes("mask").name();
    if (!pcl_fs_is_dir(folder.c_str()))
        return PCL_FAIL(err, PCLEAN_EDATA, "its mask %s is missing", folder.c_str());
    const int rc = fill_tiles(open_table(folder), PagedArray<Bool>::defaultColumn(), TpBool,
                              &member->info.mask, err);
    if (rc) {
        pcl_err_prefix(err, "mask \"%s\": ", name.c_str());
        return rc;
    }
    const casa_tiles &m = member->info.mask, &p = member->info.pixels;
    if (m.ndim != p.ndim || std::memcmp(m.shape, p.shape, sizeof m.shape) != 0)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "its mask \"%s\" has another shape than its pixels", name.c_str());
    member->info.masked = true;
    return 0;
}

int read_header(const Table &table, casa_member *member, pclean_err *err) {
    const TableRecord &keys = table.keywordSet();
    const std::unique_ptr<CoordinateSystem> coords(CoordinateSystem::restore(keys, "coords"));
    if (!coords)
        return PCL_FAIL(err, PCLEAN_EDATA, "it has no coordinates");
    if (coords->nPixelAxes() != member->info.pixels.ndim)
        return PCL_FAIL(err, PCLEAN_EDATA, "its coordinates have %u pixel axes, its pixels %zu",
                        coords->nPixelAxes(), member->info.pixels.ndim);
    member->coords = *coords;
    const Int spectral = coords->findCoordinate(Coordinate::SPECTRAL);
    member->info.spectral_axis =
        spectral < 0 ? -1 : coords->pixelAxes(static_cast<uInt>(spectral))[0];
    String why;
    if (keys.isDefined("imageinfo") &&
        !member->image_info.fromRecord(why, keys.asRecord("imageinfo")))
        return PCL_FAIL(err, PCLEAN_EDATA, "its imageinfo cannot be read: %s", why.c_str());
    member->info.beam = member->image_info.hasBeam();
    if (keys.isDefined("miscinfo"))
        member->misc = keys.asRecord("miscinfo");
    if (keys.isDefined("units"))
        member->unit = keys.asString("units");
    return 0;
}

/* What it adds to the header and the history of the joined image, about. */
uint64_t estimate_header(const std::string &path) {
    uint64_t bytes = 4096;
    for (const char *file : {"/logtable/table.f0", "/table.dat"}) {
        struct stat st;
        if (stat((path + file).c_str(), &st) == 0)
            bytes += 2 * static_cast<uint64_t>(st.st_size);
    }
    return bytes;
}

int read_member(casa_member *member, pclean_err *err) {
    if (!pcl_fs_exists(member->path.c_str()))
        return PCL_FAIL(err, PCLEAN_EIO, "no such image");
    if (access(member->path.c_str(), R_OK | X_OK) != 0)
        return PCL_FAIL(err, PCLEAN_EIO, "cannot be read: %s", std::strerror(errno));
    if (!pcl_fs_is_dir(member->path.c_str()) ||
        !pcl_fs_exists((member->path + "/table.dat").c_str()))
        return PCL_FAIL(err, PCLEAN_EDATA, "this is not a CASA image");
    const Table table = open_table(member->path);
    if (!table.tableDesc().isColumn(pixel_column) || table.nrow() != 1)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "this table is not a CASA image: it has no cell \"map\"");
    int rc = check_table_type(member->path, image_type, err);
    if (rc)
        return rc;
    member->type = table.tableDesc().columnDesc(pixel_column).dataType();
    for (const auto &t : types)
        if (t.type == member->type && t.bytes > 0)
            member->info.type = t.name;
    if (!member->info.type)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "its pixels are neither float nor double nor complex");
    rc = fill_tiles(table, pixel_column, member->type, &member->info.pixels, err);
    if (!rc && !(rc = read_header(table, member, err)))
        rc = read_mask(table, member, err);
    member->info.header_bytes = estimate_header(member->path);
    return rc;
}

/* ---- axes ---- */

/* The coordinate that has a pixel axis; k: which of its axes. */
const Coordinate &coordinate_of(const CoordinateSystem &coords, size_t axis, Int *which, Int *k) {
    coords.findPixelAxis(*which, *k, static_cast<uInt>(axis));
    if (*which < 0)
        throw AipsError("pixel axis " + std::to_string(axis) + " has no coordinate");
    return coords.coordinate(static_cast<uInt>(*which));
}

double world_value(const Coordinate &c, Int k, double pixel) {
    Vector<Double> p = c.referencePixel().copy(), w(c.nWorldAxes());
    p[static_cast<size_t>(k)] = pixel;
    if (!c.toWorld(w, p))
        throw AipsError(c.errorMessage());
    return w[static_cast<size_t>(k)];
}

void fill_axis(casa_member *member, size_t axis, casa_member_axis *out) {
    Int which, k;
    const std::unique_ptr<Coordinate> c(coordinate_of(member->coords, axis, &which, &k).clone());
    const size_t n = member->info.pixels.shape[axis], i = static_cast<size_t>(k);
    std::vector<double> &value = member->axis_value;
    value.resize(n);
    member->frame.clear();
    *out = casa_member_axis();
    switch (c->type()) {
    case Coordinate::SPECTRAL: {
        auto &spectral = dynamic_cast<SpectralCoordinate &>(*c);
        spectral.setWorldAxisUnits(Vector<String>(1, "Hz"));
        member->frame = MFrequency::showType(spectral.frequencySystem(False));
        out->kind = CASA_AXIS_SPECTRAL;
        break;
    }
    case Coordinate::LINEAR:
    case Coordinate::TABULAR:
        out->kind = CASA_AXIS_LINEAR;
        break;
    case Coordinate::STOKES:
        out->kind = CASA_AXIS_STOKES;
        break;
    case Coordinate::DIRECTION:
        out->kind = CASA_AXIS_SKY;
        break;
    default:
        throw AipsError("pixel axis " + std::to_string(axis) + " is of a kind (" +
                        std::string(c->showType()) + ") that cannot be joined");
    }
    out->increment = out->kind == CASA_AXIS_STOKES ? 1 : c->increment()[i];
    if (out->kind == CASA_AXIS_STOKES && dynamic_cast<StokesCoordinate &>(*c).stokes().size() < n)
        throw AipsError("there are fewer Stokes parameters than pixels on axis " +
                        std::to_string(axis));
    for (size_t j = 0; j < n; j++)
        if (out->kind == CASA_AXIS_SKY)
            value[j] = (static_cast<double>(j) - c->referencePixel()[i]) * out->increment;
        else if (out->kind == CASA_AXIS_STOKES)
            value[j] = dynamic_cast<StokesCoordinate &>(*c).stokes()[j];
        else
            value[j] = world_value(*c, k, static_cast<double>(j));
    out->n = n;
    out->value = value.data();
    out->frame = member->frame.c_str();
}

/* ---- comparing ---- */

struct Tolerance {
    double pixels;
    bool relax;
};

bool near_in_pixels(double a, double b, double pixel, double tolerance) {
    return std::abs(a - b) <= tolerance * std::abs(pixel) + 1e-14 * std::abs(a);
}

/* What differs between two coordinates of one kind, "" if nothing does; `skip` is the axis of it
 * along which images are joined (-1: none). */
std::string coordinate_difference(const Coordinate &a, const Coordinate &b, Int skip,
                                  const IPosition &shape, Tolerance t) {
    if (a.type() != b.type())
        return "kind";
    if (anyNE(a.worldAxisUnits(), b.worldAxisUnits()))
        return "unit";
    if (a.type() == Coordinate::STOKES)
        return skip >= 0 || allEQ(dynamic_cast<const StokesCoordinate &>(a).stokes(),
                                  dynamic_cast<const StokesCoordinate &>(b).stokes())
                   ? ""
                   : "Stokes parameters";
    if (a.type() == Coordinate::SPECTRAL) {
        const auto &p = dynamic_cast<const SpectralCoordinate &>(a),
                   &q = dynamic_cast<const SpectralCoordinate &>(b);
        if (p.frequencySystem(False) != q.frequencySystem(False))
            return "frequency frame";
        if (!t.relax && !near(p.restFrequency(), q.restFrequency(), 1e-9))
            return "rest frequency";
    }
    if (a.type() == Coordinate::DIRECTION) {
        const auto &p = dynamic_cast<const DirectionCoordinate &>(a),
                   &q = dynamic_cast<const DirectionCoordinate &>(b);
        if (p.directionType(False) != q.directionType(False))
            return "reference frame";
        if (p.projection().type() != q.projection().type())
            return "projection";
        for (size_t i = 0; i < 2;
             i++) // sky axes join only where nothing but the reference pixel differs
            if (!near_in_pixels(p.referenceValue()[i], q.referenceValue()[i], p.increment()[i],
                                t.pixels))
                return "reference direction";
    }
    const Vector<Double> pixel_a = a.referencePixel(), pixel_b = b.referencePixel(),
                         step_a = a.increment(), step_b = b.increment();
    for (size_t i = 0; i < step_a.size(); i++) {
        if (static_cast<Int>(i) == skip && a.type() != Coordinate::DIRECTION)
            continue;
        const double n = static_cast<double>(i < shape.size() ? shape[i] : 1);
        if (std::abs(step_a[i] - step_b[i]) * n > t.pixels * std::abs(step_a[i]))
            return "pixel size";
        if (static_cast<Int>(i) == skip)
            continue;
        if (std::abs(pixel_a[i] - pixel_b[i]) > t.pixels)
            return "reference pixel";
        const Int k = static_cast<Int>(i);
        for (double at : {0.0, n - 1})
            if (a.type() != Coordinate::DIRECTION &&
                !near_in_pixels(world_value(a, k, at), world_value(b, k, at), step_a[i], t.pixels))
                return "value";
    }
    return "";
}

int compare_coordinates(const casa_member &a, const casa_member &b, size_t axis, bool relax,
                        pclean_err *err) {
    if (a.coords.nCoordinates() != b.coords.nCoordinates())
        return PCL_FAIL(err, PCLEAN_EDATA, "it has %u coordinates, %s has %u",
                        b.coords.nCoordinates(), a.path.c_str(), a.coords.nCoordinates());
    for (uInt i = 0; i < a.coords.nCoordinates(); i++) {
        const Vector<Int> axes = a.coords.pixelAxes(i), others = b.coords.pixelAxes(i);
        if (axes.size() != others.size() || anyNE(axes, others))
            return PCL_FAIL(err, PCLEAN_EDATA, "its axes are in another order than those of %s",
                            a.path.c_str());
        Int skip = -1;
        IPosition shape(axes.size(), 1);
        for (size_t k = 0; k < axes.size(); k++)
            if (axes[k] == static_cast<Int>(axis))
                skip = static_cast<Int>(k);
            else if (axes[k] >= 0)
                shape[k] = static_cast<ssize_t>(a.info.pixels.shape[axes[k]]);
        const std::string what =
            coordinate_difference(a.coords.coordinate(i), b.coords.coordinate(i), skip, shape,
                                  {relax ? 0.1 : 0.001, relax});
        if (!what.empty())
            return PCL_FAIL(err, PCLEAN_EDATA, "its %s coordinate has another %s than that of %s",
                            b.coords.showType(i).c_str(), what.c_str(), a.path.c_str());
    }
    return 0;
}

int compare_parts(const casa_member &a, const casa_member &b, size_t axis, bool relax,
                  pclean_err *err) {
    if (a.type != b.type)
        return PCL_FAIL(err, PCLEAN_EDATA, "its pixels are %s, those of %s %s", b.info.type,
                        a.path.c_str(), a.info.type);
    if (a.info.pixels.ndim != b.info.pixels.ndim)
        return PCL_FAIL(err, PCLEAN_EDATA, "it has %zu axes, %s has %zu", b.info.pixels.ndim,
                        a.path.c_str(), a.info.pixels.ndim);
    for (size_t i = 0; i < a.info.pixels.ndim; i++)
        if (i != axis && a.info.pixels.shape[i] != b.info.pixels.shape[i])
            return PCL_FAIL(err, PCLEAN_EDATA, "its axis %zu has %zu pixels, that of %s %zu", i,
                            b.info.pixels.shape[i], a.path.c_str(), a.info.pixels.shape[i]);
    if (a.unit != b.unit)
        return PCL_FAIL(err, PCLEAN_EDATA, "its unit is \"%s\", that of %s \"%s\"", b.unit.c_str(),
                        a.path.c_str(), a.unit.c_str());
    return compare_coordinates(a, b, axis, relax, err);
}

/* ---- the joined header ---- */

CoordinateSystem join_coordinates(const casa_join &j, size_t total) {
    const casa_member &first = *j.member[0];
    CoordinateSystem coords(first.coords);
    Int which, k;
    const Coordinate &c = coordinate_of(first.coords, j.axis, &which, &k);
    const uInt i = static_cast<uInt>(which);
    const Vector<Double> values(std::vector<Double>(j.value, j.value + total));
    const bool table = !j.regular ||
                       (c.type() == Coordinate::SPECTRAL &&
                        !dynamic_cast<const SpectralCoordinate &>(c).worldValues().empty()) ||
                       c.type() == Coordinate::TABULAR;
    if (c.type() == Coordinate::STOKES) {
        Vector<Int> codes(total);
        for (size_t n = 0; n < total; n++)
            codes[n] = static_cast<Int>(std::lround(j.value[n]));
        coords.replaceCoordinate(StokesCoordinate(codes), i);
    } else if (c.type() == Coordinate::SPECTRAL && table && total > 1) {
        const auto &spectral = dynamic_cast<const SpectralCoordinate &>(c);
        coords.replaceCoordinate(
            SpectralCoordinate(spectral.frequencySystem(False), values, spectral.restFrequency()),
            i);
    } else if (c.type() != Coordinate::SPECTRAL && c.type() != Coordinate::DIRECTION && table &&
               total > 1) {
        if (c.nPixelAxes() != 1)
            throw AipsError(
                "axis " + std::to_string(j.axis) +
                " belongs to a coordinate of several axes, which cannot become a table");
        Vector<Double> pixels(total);
        for (size_t n = 0; n < total; n++)
            pixels[n] = static_cast<Double>(n);
        coords.replaceCoordinate(
            TabularCoordinate(pixels, values, c.worldAxisUnits()[0], c.worldAxisNames()[0]), i);
    }
    return coords;
}

double area(const GaussianBeam &beam) {
    return beam.getMajor("rad") * beam.getMinor("rad");
}

/* The beams of a member, [channel][polarization], and which of them it has borrowed; of one that
 * has none, a blank one, a single borrowed beam. */
struct member_beams {
    Matrix<GaussianBeam> beam;
    std::vector<bool> borrowed;
};

member_beams beams_of(const casa_member &member) {
    member_beams m;
    if (member.info.beam)
        m.beam = member.image_info.getBeamSet().getBeams();
    else
        m.beam.resize(1, 1);
    const size_t n = m.beam.nelements();
    m.borrowed = n > 1 ? casa_borrowed_find(casa_read_history(member.path), n)
                       : std::vector<bool>(n, !member.info.beam);
    return m;
}

/* The largest beam of all; a borrowed one only where there is no other. */
const GaussianBeam *find_largest(const std::vector<member_beams> &all) {
    const GaussianBeam *largest = nullptr;
    for (int borrowed = 0; borrowed < 2 && !largest; borrowed++)
        for (const member_beams &m : all)
            for (size_t c = 0; c < m.beam.nrow(); c++)
                for (size_t p = 0; p < m.beam.ncolumn(); p++) {
                    const GaussianBeam &b = m.beam(c, p);
                    if (!b.isNull() && m.borrowed[c * m.beam.ncolumn() + p] == (borrowed == 1) &&
                        (!largest || area(b) > area(*largest)))
                        largest = &b;
                }
    return largest;
}

/* Borrowed beams become the largest of all members: that of one of them is not that of all. */
void lend_largest(std::vector<member_beams> *all, const GaussianBeam &largest) {
    for (member_beams &m : *all)
        for (size_t i = 0; i < m.borrowed.size(); i++)
            if (m.borrowed[i])
                m.beam(i / m.beam.ncolumn(), i % m.beam.ncolumn()) = largest;
}

bool same_beams(const member_beams &a, const member_beams &b) {
    return a.beam.shape() == b.beam.shape() &&
           (a.borrowed == b.borrowed || a.borrowed.size() == 1) &&
           ImageBeamSet(a.beam).equivalent(ImageBeamSet(b.beam));
}

/* A beam for each plane of the joined image. */
void join_planes(const casa_join &j, const std::vector<member_beams> &all, bool along_freq,
                 member_beams *out) {
    const size_t npol = out->beam.ncolumn();
    size_t begin = 0;
    for (size_t i = 0; i < j.nmember; i++) {
        const member_beams &from = all[i];
        const size_t n = j.member[i]->info.pixels.shape[j.axis];
        const size_t from_chan = along_freq ? begin : 0, from_pol = along_freq ? 0 : begin;
        for (size_t c = 0; c < (along_freq ? n : out->beam.nrow()); c++)
            for (size_t p = 0; p < (along_freq ? npol : n); p++) {
                const size_t fc = std::min<size_t>(c, from.beam.nrow() - 1),
                             fp = std::min<size_t>(p, from.beam.ncolumn() - 1);
                out->beam(c + from_chan, p + from_pol) = from.beam(fc, fp);
                out->borrowed[(c + from_chan) * npol + p + from_pol] =
                    from.borrowed[fc * from.beam.ncolumn() + fp];
            }
        begin += n;
    }
}

/* One beam stays one; others become one for each plane. *line: what the history says of borrowed
 * ones. */
int join_beams(const casa_join &j, size_t total, ImageInfo *info, String *line, pclean_err *err) {
    const casa_member &first = *j.member[0];
    const int axis = static_cast<int>(j.axis), pol = first.coords.polarizationAxisNumber();
    const bool along_freq = axis == first.info.spectral_axis, along_pol = axis == pol;
    bool same = true;
    size_t nchan = 1, npol = 1;
    std::vector<member_beams> all;
    for (size_t i = 0; i < j.nmember; i++)
        all.push_back(beams_of(*j.member[i]));
    const GaussianBeam *largest = find_largest(all);
    if (!largest)
        return 0;
    lend_largest(&all, GaussianBeam(*largest));
    for (const member_beams &m : all) {
        same = same && same_beams(all[0], m);
        nchan = std::max<size_t>(nchan, m.beam.nrow());
        npol = std::max<size_t>(npol, m.beam.ncolumn());
    }
    const member_beams &one = all[0];
    const size_t n = one.beam.nelements();
    if (same && (!(along_freq || along_pol) || n == 1 || (along_freq && one.beam.nrow() == 1) ||
                 (along_pol && one.beam.ncolumn() == 1))) {
        if (n > 1) // else the first one's, as it is
            *line = casa_borrowed_line(one.borrowed);
        if (!line->empty() || !first.info.beam)
            info->setBeams(ImageBeamSet(one.beam));
        return 0;
    }
    if (!along_freq && !along_pol)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "the images have different beams in the same planes; bring them to one "
                        "resolution first");
    nchan = along_freq ? total : nchan;
    npol = along_pol ? total : npol;
    member_beams joined = {Matrix<GaussianBeam>(nchan, npol),
                           std::vector<bool>(nchan * npol, false)};
    join_planes(j, all, along_freq, &joined);
    info->setBeams(ImageBeamSet(joined.beam));
    *line = casa_borrowed_line(joined.borrowed);
    return 0;
}

std::string field_text(const TableRecord &record, const String &name) {
    TableRecord one;
    one.mergeField(record, record.fieldNumber(name), RecordInterface::OverwriteDuplicates);
    std::ostringstream text;
    text.precision(17);
    text << one;
    return text.str();
}

/* As casacore merges them, but a field that is the same in all is kept once. */
TableRecord join_misc(const casa_join &j) {
    TableRecord out(j.member[0]->misc);
    for (size_t i = 1; i < j.nmember; i++) {
        const TableRecord &from = j.member[i]->misc;
        for (uInt f = 0; f < from.nfields(); f++) {
            const String name = from.name(f);
            if (!out.isDefined(name)) {
                out.mergeField(from, static_cast<Int>(f), RecordInterface::OverwriteDuplicates);
            } else if (field_text(out, name) != field_text(from, name)) {
                TableRecord one;
                one.mergeField(from, static_cast<Int>(f), RecordInterface::OverwriteDuplicates);
                one.renameField(name + "_" + String::toString(i), 0);
                out.merge(one, RecordInterface::OverwriteDuplicates);
            }
        }
    }
    return out;
}

/* ---- history ---- */

struct LogColumns {
    ScalarColumn<Double> time;
    ScalarColumn<String> priority, message, location, id;
    explicit LogColumns(const Table &t)
        : time(t, "TIME"), priority(t, "PRIORITY"), message(t, "MESSAGE"), location(t, "LOCATION"),
          id(t, "OBJECT_ID") {}
};

/* to NULL: only reads. */
void copy_history(const std::string &path, Table *log, LogColumns *to) {
    if (!pcl_fs_is_dir((path + "/logtable").c_str()))
        return;
    const Table table = open_table(path + "/logtable");
    const rownr_t n = table.nrow(), at = to ? log->nrow() : 0;
    if (n == 0)
        return;
    const LogColumns from(table);
    const Vector<Double> time = from.time.getColumn();
    const Vector<String> priority = from.priority.getColumn(), message = from.message.getColumn(),
                         location = from.location.getColumn(), id = from.id.getColumn();
    if (!to)
        return;
    log->addRow(n);
    const Slicer rows(IPosition(1, static_cast<ssize_t>(at)),
                      IPosition(1, static_cast<ssize_t>(n)));
    to->time.putColumnRange(rows, time);
    to->priority.putColumnRange(rows, priority);
    to->message.putColumnRange(rows, message);
    to->location.putColumnRange(rows, location);
    to->id.putColumnRange(rows, id);
}

void write_history(const std::string &path, const casa_join &j, const String &borrowed) {
    std::vector<String> lines(j.history, j.history + j.nhistory);
    if (!borrowed.empty())
        lines.push_back(borrowed);
    Table log(path + "/logtable", TableLock(TableLock::NoLocking), Table::Update);
    LogColumns to(log);
    for (size_t i = 0; i < j.nmember; i++)
        copy_history(j.member[i]->path, &log, &to);
    const Double now = Time().modifiedJulianDay() * C::day;
    rownr_t row = log.nrow();
    log.addRow(lines.size());
    for (size_t i = 0; i < lines.size(); i++, row++) {
        to.time.put(row, now);
        to.priority.put(row, "INFO");
        to.message.put(row, lines[i]);
        to.location.put(row, "pclean concat");
        to.id.put(row, "");
    }
    log.flush();
}

/* ---- the joined image ---- */

/* The layout of the joined pixels (bytes > 0) or mask. */
casa_tiles joined_tiles(const casa_join &j, size_t total, bool mask) {
    casa_tiles t = j.member[0]->info.pixels;
    t.shape[j.axis] = total;
    std::memcpy(t.tile, j.tile, sizeof t.tile);
    if (mask)
        t.bytes = 0;
    return t;
}

IPosition position(size_t ndim, const size_t *values) {
    IPosition p(ndim);
    for (size_t i = 0; i < ndim; i++)
        p[i] = static_cast<ssize_t>(values[i]);
    return p;
}

template <typename T>
int make_joined(const std::string &path, const casa_join &j, size_t total, String *borrowed,
                pclean_err *err) {
    const casa_member &first = *j.member[0];
    const casa_tiles pixels = joined_tiles(j, total, false);
    const IPosition shape = position(pixels.ndim, pixels.shape),
                    tile = position(pixels.ndim, pixels.tile);
    ImageInfo info(first.image_info);
    const int rc = join_beams(j, total, &info, borrowed, err);
    if (rc)
        return rc;
    Table table = make_cell_table<T>(path, pixel_column, tile,
                                     pixels.big_endian ? Table::BigEndian : Table::LittleEndian,
                                     file_bytes(pixels));
    PagedImage<T> image(TiledShape(shape, tile), join_coordinates(j, total), table);
    image.setUnits(Unit(*j.unit ? String(j.unit) : first.unit));
    image.setImageInfo(info);
    image.setMiscInfo(join_misc(j));
    if (j.masked) {
        const String folder = String(path) + "/" + mask_name;
        Table bits_table =
            make_cell_table<Bool>(folder, PagedArray<Bool>::defaultColumn(), tile,
                                  Table::LocalEndian, file_bytes(joined_tiles(j, total, true)));
        PagedArray<Bool> bits(TiledShape(shape, tile), bits_table);
        const LCPagedMask region(bits, LCBox(IPosition(shape.size(), 0), shape - 1, shape));
        image.defineRegion(mask_name, ImageRegion(region), RegionHandler::Masks, True);
        image.setDefaultMask(mask_name);
        bits_table.flush();
    }
    image.flush();
    table.flush();
    return 0;
}

int make_any(const std::string &path, const casa_join &j, size_t total, String *borrowed,
             pclean_err *err) {
    switch (j.member[0]->type) {
    case TpFloat:
        return make_joined<Float>(path, j, total, borrowed, err);
    case TpDouble:
        return make_joined<Double>(path, j, total, borrowed, err);
    case TpComplex:
        return make_joined<Complex>(path, j, total, borrowed, err);
    default:
        return make_joined<DComplex>(path, j, total, borrowed, err);
    }
}

} // namespace

/* ---- the C face ---- */

/* casacore opens no image of which one is missing: its history, its regions, its mask. */
static int check_tables(const std::string &path, pclean_err *err) {
    const Table table(path, TableLock(TableLock::NoLocking));
    const TableRecord &keywords = table.keywordSet();
    for (uInt i = 0; i < keywords.nfields(); i++)
        if (keywords.dataType(Int(i)) == TpTable &&
            !Table::isReadable(keywords.tableAttributes(Int(i)).name()))
            return PCL_FAIL(err, PCLEAN_EDATA,
                            "%s: its table %s is missing or damaged: CASA cannot open this image",
                            path.c_str(), keywords.tableAttributes(Int(i)).name().c_str());
    return 0;
}

int casa_member_open(const char *path, casa_member **out, pclean_err *err) {
    *out = nullptr;
    return casa_call(err, path, [&]() -> int {
        std::unique_ptr<casa_member> member(new casa_member());
        member->path = path;
        while (member->path.size() > 1 && member->path.back() == '/')
            member->path.pop_back();
        member->info = casa_member_info();
        int rc = read_member(member.get(), err);
        rc = rc ? rc : check_tables(member->path, err);
        member->info.path = member->path.c_str();
        if (!rc)
            *out = member.release();
        return rc;
    });
}

void casa_member_close(casa_member *member) {
    (void)casa_call(nullptr, nullptr, [&]() -> int {
        delete member;
        return 0;
    });
}

const casa_member_info *casa_member_get_info(const casa_member *member) {
    return &member->info;
}

int casa_member_get_axis(casa_member *member, size_t axis, casa_member_axis *out, pclean_err *err) {
    return casa_call(err, member->path.c_str(), [&]() -> int {
        if (axis >= member->info.pixels.ndim)
            return PCL_FAIL(err, PCLEAN_EPARAM, "there is no axis %zu: it has %zu, counted from 0",
                            axis, member->info.pixels.ndim);
        fill_axis(member, axis, out);
        return 0;
    });
}

int casa_member_try_history(const casa_member *member, pclean_err *err) {
    return casa_call(err, member->path.c_str(), [&]() -> int {
        copy_history(member->path, nullptr, nullptr);
        return 0;
    });
}

int casa_member_find_history(const casa_member *member, const char *text, bool *found,
                             pclean_err *err) {
    *found = false;
    return casa_call(err, member->path.c_str(), [&]() -> int {
        const std::string end = text;
        const Table table = open_table(member->path + "/logtable");
        const Vector<String> message = ScalarColumn<String>(table, "MESSAGE").getColumn();
        for (const String &line : message)
            *found = *found || (line.size() >= end.size() &&
                                line.compare(line.size() - end.size(), end.size(), end) == 0);
        return 0;
    });
}

int casa_member_compare(const casa_member *a, const casa_member *b, size_t axis, bool relax,
                        pclean_err *err) {
    return casa_call(err, b->path.c_str(),
                     [&]() -> int { return compare_parts(*a, *b, axis, relax, err); });
}

int casa_join_create(const char *path, const casa_join *join, pclean_err *err) {
    bool mine = false;
    const int status = casa_call(err, path, [&]() -> int {
        uint64_t headers = 1u << 20;
        size_t total = 0;
        for (size_t i = 0; i < join->nmember; i++) {
            headers += join->member[i]->info.header_bytes;
            total += join->member[i]->info.pixels.shape[join->axis];
        }
        headers += 4096 * join->nhistory + 256 * total;
        const uint64_t pixels = file_bytes(joined_tiles(*join, total, false)) +
                                (join->masked ? file_bytes(joined_tiles(*join, total, true)) : 0);
        int rc = check_place(path, pixels, headers, err);
        if (rc)
            return rc;
        mine = true;
        String borrowed;
        if ((rc = make_any(path, *join, total, &borrowed, err)) == 0)
            write_history(path, *join, borrowed);
        return rc;
    });
    if (status != 0 && mine && pcl_fs_remove_tree(path, nullptr) != 0)
        pcl_err_prefix(err, "(%s is left behind) ", path);
    return status;
}

int casa_default_tile(size_t ndim, const size_t *shape, size_t *tile, pclean_err *err) {
    return casa_call(err, nullptr, [&]() -> int {
        return copy_shape(TiledShape(position(ndim, shape)).tileShape(), tile, err);
    });
}
