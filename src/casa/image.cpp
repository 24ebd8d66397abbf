// image.cpp: CASA images. Writing makes everything but the pixels, reading takes any image plane by
// plane.
//
// An image that is written keeps its pixels in one file, table.f0_TSM0, of [tile_x, tile_y, 1, 1]
// tiles. casacore fills a new one with zeros, bucket by bucket, through its own cache (64 GB of
// writes for a 64 GB cube); but its cache takes the buckets that the file has already as they are
// (BucketCache, from the size of the file). So the column is made first, the empty file is given
// its full size (a hole reads as zeros), and only then the cell gets its shape. The same for the
// bits of the mask, of which only the first plane is written through casacore and the other ones
// are copies of its bytes.
extern "C" {
#include "base/bulk.h"
#include "base/err.h"
#include "base/fsutil.h"
}
#include "casa/borrowed.hpp"
#include "casa/casa.h"
#include "casa/casa_call.hpp"
#include "casa/new_table.hpp"
#include <casacore/casa/Arrays/ArrayMath.h>
#include <casacore/casa/OS/Time.h>
#include <casacore/coordinates/Coordinates/CoordinateSystem.h>
#include <casacore/coordinates/Coordinates/DirectionCoordinate.h>
#include <casacore/coordinates/Coordinates/SpectralCoordinate.h>
#include <casacore/coordinates/Coordinates/StokesCoordinate.h>
#include <casacore/images/Images/ImageBeamSet.h>
#include <casacore/images/Images/ImageInfo.h>
#include <casacore/images/Images/ImageOpener.h>
#include <casacore/images/Images/PagedImage.h>
#include <casacore/images/Regions/ImageRegion.h>
#include <casacore/images/Regions/RegionHandler.h>
#include <casacore/lattices/LRegions/LCBox.h>
#include <casacore/lattices/LRegions/LCPagedMask.h>
#include <casacore/lattices/Lattices/PagedArray.h>
#include <casacore/measures/Measures/MCPosition.h>
#include <casacore/measures/Measures/MeasConvert.h>
#include <casacore/tables/Tables/ScalarColumn.h>
#include <casacore/tables/Tables/TableColumn.h>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

using namespace casacore;

namespace {

/* ---- coordinates ---- */

/* CASA writes longitudes of images in 0 ... 2 pi. */
double positive_angle(double rad) {
    return rad - C::_2pi * std::floor(rad / C::_2pi);
}

/* North is up at the reference pixel: LONPOLE is 180 for zenithal projections. The FITS default is
 * that, too, but 0 with the centre on the north pole, which would turn the image round by 180
 * degrees there. */
const double north_up_deg = 180;

CoordinateSystem make_coordinates(const casa_image_desc &d) {
    Matrix<Double> identity(2, 2, 0.0);
    identity.diagonal() = 1.0;
    DirectionCoordinate direction(
        static_cast<MDirection::Types>(d.centre.frame), Projection(Projection::type(d.projection)),
        positive_angle(d.centre.lon_rad), d.centre.lat_rad, d.increment_x_rad, d.increment_y_rad,
        identity, d.crpix_x, d.crpix_y, north_up_deg * C::degree);
    Vector<Int> stokes(static_cast<size_t>(d.npol));
    for (size_t i = 0; i < d.npol; i++)
        stokes[i] = d.stokes[i];
    const auto frame = static_cast<MFrequency::Types>(d.freq_frame);
    SpectralCoordinate spectral;
    if (d.chan_freq_hz && d.nchan > 1)
        spectral = SpectralCoordinate(
            frame, Vector<Double>(std::vector<Double>(d.chan_freq_hz, d.chan_freq_hz + d.nchan)),
            d.restfreq_hz);
    else
        spectral = SpectralCoordinate(frame, d.chan_freq_hz ? d.chan_freq_hz[0] : d.crval_hz,
                                      d.cdelt_hz, 0.0, d.restfreq_hz);

    MEpoch::Types time_ref = MEpoch::UTC;
    if (d.time_ref && d.time_ref[0] && !MEpoch::getType(time_ref, d.time_ref))
        throw AipsError(String("time reference ") + d.time_ref + " is not known");
    ObsInfo info;
    info.setTelescope(d.telescope ? d.telescope : "");
    info.setObserver(d.observer ? d.observer : "");
    info.setObsDate(MEpoch(Quantity(d.obsdate_s / C::day, "d"), time_ref));
    info.setTelescopePosition(
        MPosition(MVPosition(d.position_itrf_m[0], d.position_itrf_m[1], d.position_itrf_m[2]),
                  MPosition::ITRF));
    info.setPointingCenter(MVDirection(d.centre.lon_rad, d.centre.lat_rad));

    CoordinateSystem coords;
    coords.addCoordinate(direction);
    coords.addCoordinate(StokesCoordinate(stokes));
    coords.addCoordinate(spectral);
    coords.setObsInfo(info);
    return coords;
}

int check_desc(const casa_image_desc &d, pclean_err *err) {
    const size_t most = 1u << 30;
    if (d.nx == 0 || d.ny == 0 || d.nchan == 0 || d.npol == 0 || d.npol > 4 || d.nx > most ||
        d.ny > most || d.nchan > most)
        return PCL_FAIL(
            err, PCLEAN_EPARAM,
            "an image of %zu x %zu pixels, %zu polarizations, %zu channels cannot be made", d.nx,
            d.ny, d.npol, d.nchan);
    if (!d.projection || Projection::type(d.projection) == Projection::N_PROJ)
        return PCL_FAIL(err, PCLEAN_EPARAM, "projection \"%s\" is not known (SIN ...)",
                        d.projection ? d.projection : "");
    return 0;
}

/* ---- creation ---- */

struct Shape {
    size_t nplane, ntile; // planes of the image, tiles of a plane
    IPosition cube, tile;
    explicit Shape(const casa_image_desc &d)
        : nplane(d.npol * d.nchan), ntile(0),
          cube(4, static_cast<ssize_t>(d.nx), static_cast<ssize_t>(d.ny),
               static_cast<ssize_t>(d.npol), static_cast<ssize_t>(d.nchan)),
          tile(4, static_cast<ssize_t>(casa_image_tile_edge(d.nx)),
               static_cast<ssize_t>(casa_image_tile_edge(d.ny)), 1, 1) {
        ntile = ((d.nx + tile_x() - 1) / tile_x()) * ((d.ny + tile_y() - 1) / tile_y());
    }
    size_t tile_x() const { return static_cast<size_t>(tile[0]); }
    size_t tile_y() const { return static_cast<size_t>(tile[1]); }
    uint64_t pixel_bytes() const {
        return uint64_t{nplane} * ntile * tile_x() * tile_y() * sizeof(float);
    }
    uint64_t mask_plane_bytes() const { return uint64_t{ntile} * ((tile_x() * tile_y() + 7) / 8); }
    uint64_t mask_bytes() const { return nplane * mask_plane_bytes(); }
};

void write_mask_plane(PagedArray<Bool> &bits, const Shape &shape, const bool *mask) {
    const IPosition plane(4, shape.cube[0], shape.cube[1], 1, 1);
    const Array<Bool> values(plane, const_cast<Bool *>(mask), SHARE);
    bits.putSlice(values, IPosition(4, 0));
    bits.flush();
}

void make_mask(PagedImage<Float> &image, const String &path, const Shape &shape, const bool *mask) {
    Table table = make_cell_table<Bool>(path + "/" + mask_name, PagedArray<Bool>::defaultColumn(),
                                        shape.tile, Table::LocalEndian, shape.mask_bytes());
    PagedArray<Bool> bits(TiledShape(shape.cube, shape.tile), table);
    write_mask_plane(bits, shape, mask);
    const LCPagedMask region(bits, LCBox(IPosition(4, 0), shape.cube - 1, shape.cube));
    image.defineRegion(mask_name, ImageRegion(region), RegionHandler::Masks, True);
    image.setDefaultMask(mask_name);
    table.flush();
}

/* Gives all planes the bytes of the first one. */
int repeat_mask_plane(const String &path, const Shape &shape, pclean_err *err) {
    const String file = path + "/" + mask_name + "/" + pixel_file_name;
    const size_t size = static_cast<size_t>(shape.mask_plane_bytes());
    std::vector<char> plane(size);
    const int fd = open(file.c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return io_fail(err, "cannot open the mask");
    int status = pcl_bulk_pread(fd, file.c_str(), plane.data(), size, 0, err);
    for (size_t i = 1; i < shape.nplane && status == 0; i++)
        status = pcl_bulk_pwrite(fd, file.c_str(), plane.data(), size, i * size, err);
    if (close(fd) != 0 && status == 0)
        status = io_fail(err, "cannot write the mask");
    return status;
}

void write_header(PagedImage<Float> &image, const casa_image_desc &d) {
    if (d.unit && d.unit[0])
        image.setUnits(Unit(d.unit));
    ImageInfo info;
    info.setImageType(ImageInfo::Intensity);
    info.setObjectName(d.object ? d.object : "");
    image.setImageInfo(info);
    TableRecord misc;
    misc.define("INSTRUME", String(d.telescope ? d.telescope : ""));
    misc.define("distance", 0.0);
    image.setMiscInfo(misc);
}

void make_image(const String &path, const casa_image_desc &d, const Shape &shape, const bool *mask,
                bool *big_endian) {
    Table table = make_cell_table<Float>(path, pixel_column, shape.tile, Table::LocalEndian,
                                         shape.pixel_bytes());
    *big_endian = table.endianFormat() == Table::BigEndian;
    PagedImage<Float> image(TiledShape(shape.cube, shape.tile), make_coordinates(d), table);
    write_header(image, d);
    if (mask)
        make_mask(image, path, shape, mask);
    image.flush();
    table.flush();
}

int fill_layout(const String &path, const Shape &shape, bool big_endian, bool has_mask,
                casa_image_layout *layout, pclean_err *err) {
    const String file = path + "/" + pixel_file_name;
    const String bits = has_mask ? path + "/" + mask_name + "/" + pixel_file_name : String();
    struct stat st;
    if (file.size() >= sizeof layout->pixel_file || bits.size() >= sizeof layout->mask_file)
        return PCL_FAIL(err, PCLEAN_EPARAM, "this name is too long (%zu characters at most)",
                        sizeof layout->pixel_file - 1);
    if (stat(file.c_str(), &st) != 0)
        return io_fail(err, "the pixel file is missing");
    if (static_cast<uint64_t>(st.st_size) != shape.pixel_bytes())
        return PCL_FAIL(err, PCLEAN_EBUG, "casacore gave the pixel file %lld bytes instead of %llu",
                        static_cast<long long>(st.st_size),
                        static_cast<unsigned long long>(shape.pixel_bytes()));
    std::memcpy(layout->pixel_file, file.c_str(), file.size() + 1);
    layout->tile_x = shape.tile_x();
    layout->tile_y = shape.tile_y();
    layout->big_endian = big_endian;
    layout->size_bytes = shape.pixel_bytes();
    std::memcpy(layout->mask_file, bits.c_str(), bits.size() + 1);
    return 0;
}

/* ---- finishing ---- */

/* It has a beam, or borrows one. */
bool has_axes(const casa_beam &b) {
    return std::isfinite(b.major_rad) && std::fabs(b.major_rad) > 0 && std::fabs(b.minor_rad) > 0;
}

bool is_own(const casa_beam &b) {
    return b.major_rad > 0 && b.minor_rad > 0;
}

GaussianBeam make_beam(const casa_beam &b) {
    Quantity major(std::fabs(b.major_rad), "rad"), minor(std::fabs(b.minor_rad), "rad"),
        pa(b.pa_rad, "rad");
    // the units that CASA writes
    return GaussianBeam(major.get("arcsec"), minor.get("arcsec"), pa.get("deg"));
}

/* casacore refuses an image of which one plane has no beam. */
const casa_beam *find_largest(const casa_beam *beams, size_t n) {
    const casa_beam *largest = nullptr;
    for (size_t i = 0; i < n; i++)
        if (has_axes(beams[i]) &&
            (!largest || std::fabs(beams[i].major_rad * beams[i].minor_rad) >
                             std::fabs(largest->major_rad * largest->minor_rad)))
            largest = &beams[i];
    return largest;
}

int set_beams(Table &table, const casa_beam *beams, size_t nbeam, pclean_err *err) {
    const IPosition shape = TableColumn(table, pixel_column).shape(0);
    size_t npol = static_cast<size_t>(shape[2]), nchan = static_cast<size_t>(shape[3]);
    if (nbeam != 1 && nbeam != npol * nchan)
        return PCL_FAIL(err, PCLEAN_EBUG, "%zu beams for %zu channels of %zu polarizations", nbeam,
                        nchan, npol);
    if (nbeam == 1)
        npol = nchan = 1;
    const casa_beam *largest = find_largest(beams, nbeam);
    if (!largest)
        return 0;
    Matrix<GaussianBeam> set(nchan, npol);
    for (size_t i = 0; i < nchan; i++)
        for (size_t j = 0; j < npol; j++) {
            const casa_beam &b = beams[i * npol + j];
            set(i, j) = make_beam(has_axes(b) ? b : *largest);
        }
    TableRecord &keywords = table.rwKeywordSet();
    ImageInfo info;
    String why;
    if (keywords.isDefined("imageinfo") && !info.fromRecord(why, keywords.asRecord("imageinfo")))
        return PCL_FAIL(err, PCLEAN_ECASA, "%s", why.c_str());
    info.removeRestoringBeam();
    if (nbeam == 1)
        info.setRestoringBeam(set(0, 0));
    else
        info.setBeams(ImageBeamSet(set));
    TableRecord record;
    if (!info.toRecord(why, record))
        return PCL_FAIL(err, PCLEAN_ECASA, "%s", why.c_str());
    keywords.defineRecord("imageinfo", record);
    return 0;
}

/* What the history says of them: nothing where all have their own. */
String borrowed_line(const casa_beam *beams, size_t nbeam) {
    std::vector<bool> borrowed(nbeam);
    for (size_t i = 0; i < nbeam; i++)
        borrowed[i] = !is_own(beams[i]);
    return casa_borrowed_line(borrowed);
}

/* As casacore's log sink writes it, but without its lock: that would wait for any reader to close
 * the image. */
void append_history(const String &path, const std::vector<String> &history) {
    Table log(path + "/logtable", TableLock(TableLock::NoLocking), Table::Update);
    ScalarColumn<Double> time(log, "TIME");
    ScalarColumn<String> priority(log, "PRIORITY"), message(log, "MESSAGE"),
        location(log, "LOCATION"), id(log, "OBJECT_ID");
    const Double now = Time().modifiedJulianDay() * C::day;
    const auto first = log.nrow();
    log.addRow(history.size());
    for (size_t i = 0; i < history.size(); i++) {
        time.put(first + i, now);
        priority.put(first + i, "INFO");
        message.put(first + i, history[i]);
        location.put(first + i, "::pclean");
        id.put(first + i, "");
    }
    log.flush();
}

/* ---- reading back ---- */

/* The image as casacore opens it: all of its header is read. */
template <typename T> int open_as_image(Table &table, pclean_err *err) {
    PagedImage<T> image(table);
    if (image.shape().empty() || image.coordinates().nPixelAxes() != image.shape().size())
        return PCL_FAIL(err, PCLEAN_EIO, "read back it has other axes than were written");
    if (image.hasPixelMask() && image.pixelMask().shape() != image.shape())
        return PCL_FAIL(err, PCLEAN_EIO, "read back it has a mask of another shape");
    return 0;
}

int read_back_history(const String &path, size_t nhistory, pclean_err *err) {
    const Table log(path + "/logtable", TableLock(TableLock::NoLocking));
    const ScalarColumn<String> message(log, "MESSAGE");
    if (log.nrow() < nhistory)
        return PCL_FAIL(err, PCLEAN_EIO, "read back it has %llu lines of history, not %zu",
                        static_cast<unsigned long long>(log.nrow()), nhistory);
    for (rownr_t i = 0; i < log.nrow(); i++)
        (void)message(i);
    return 0;
}

int read_back(const String &path, size_t nhistory, pclean_err *err) {
    int rc;
    if ((rc = check_table_type(path, image_type, err)) ||
        (rc = check_table_type(path + "/logtable", "Log message", err)))
        return rc;
    const String mask = path + "/" + mask_name;
    if (pcl_fs_exists(mask.c_str()) && (rc = check_table_type(mask, "Paged Array", err)))
        return rc;
    if ((rc = read_back_history(path, nhistory, err)))
        return rc;
    Table table(path, TableLock(TableLock::NoLocking));
    switch (table.tableDesc().columnDesc(pixel_column).dataType()) {
    case TpFloat:
        return open_as_image<Float>(table, err);
    case TpDouble:
        return open_as_image<Double>(table, err);
    case TpComplex:
        return open_as_image<Complex>(table, err);
    default:
        return open_as_image<DComplex>(table, err);
    }
}

/* ---- reading ---- */

/* The pixel axis of each of (x, y, Stokes, frequency), -1 where the image has none. */
struct Axes {
    int x = -1, y = -1, stokes = -1, freq = -1;
};

int one_axis(const CoordinateSystem &coords, Coordinate::Type type) {
    const Int i = coords.findCoordinate(type);
    return i < 0 ? -1 : coords.pixelAxes(static_cast<uInt>(i))[0];
}

int find_axes(const CoordinateSystem &coords, const IPosition &shape, Axes *axes, pclean_err *err) {
    const Int direction = coords.findCoordinate(Coordinate::DIRECTION);
    if (direction < 0)
        return PCL_FAIL(err, PCLEAN_EDATA, "this image has no sky coordinates");
    const Vector<Int> sky = coords.pixelAxes(static_cast<uInt>(direction));
    *axes = Axes();
    axes->x = sky[0];
    axes->y = sky[1];
    axes->stokes = one_axis(coords, Coordinate::STOKES);
    axes->freq = one_axis(coords, Coordinate::SPECTRAL);
    if (axes->x < 0 || axes->y < 0)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED, "this image is a slice without both sky axes");
    for (int i = 0; i < static_cast<int>(shape.size()); i++)
        if (i != axes->x && i != axes->y && i != axes->stokes && i != axes->freq &&
            shape[static_cast<size_t>(i)] != 1)
            return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                            "axis %d of this image (length %lld) is neither sky, Stokes nor "
                            "frequency; take one plane of it first",
                            i, static_cast<long long>(shape[static_cast<size_t>(i)]));
    if (axes->stokes >= 0 && shape[static_cast<size_t>(axes->stokes)] > 4)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED, "this image has more than 4 Stokes planes");
    return 0;
}

} // namespace

struct casa_image {
    std::string path;
    std::unique_ptr<ImageInterface<Float>> image;
    Axes axes;
    IPosition shape;
    std::vector<double> chan_freq_hz;
    std::string projection, telescope, observer, object, time_ref, unit;

    size_t length(int axis) const {
        return axis < 0 ? 1 : static_cast<size_t>(shape[static_cast<size_t>(axis)]);
    }
};

namespace {

int open_table_image(const char *path, std::unique_ptr<ImageInterface<Float>> *out,
                     pclean_err *err) {
    Table table(path, TableLock(TableLock::NoLocking));
    if (!table.tableDesc().isColumn(pixel_column) || table.nrow() != 1)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "this table is not a CASA image: it has no cell \"map\"");
    if (table.tableDesc().columnDesc(pixel_column).dataType() != TpFloat)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "the pixels of this image are not single precision real numbers");
    out->reset(new PagedImage<Float>(table));
    return 0;
}

int open_concat_image(const char *path, std::unique_ptr<ImageInterface<Float>> *out,
                      pclean_err *err) {
    std::unique_ptr<LatticeBase> lattice(ImageOpener::openImageConcat(path));
    auto *image = dynamic_cast<ImageInterface<Float> *>(lattice.get());
    if (!image)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "the pixels of this virtual image are not single precision real numbers");
    lattice.release();
    out->reset(image);
    return 0;
}

int open_any(const char *path, std::unique_ptr<ImageInterface<Float>> *out, pclean_err *err) {
    if (!pcl_fs_exists(path))
        return PCL_FAIL(err, PCLEAN_EIO, "no such image");
    switch (ImageOpener::imageType(path)) {
    case ImageOpener::AIPSPP:
        return open_table_image(path, out, err);
    case ImageOpener::IMAGECONCAT:
        return open_concat_image(path, out, err);
    case ImageOpener::FITS:
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "this is a FITS file; make a CASA image of it (importfits)");
    default:
        return PCL_FAIL(err, PCLEAN_EDATA, "this is not a CASA image");
    }
}

int describe_sky(const casa_image &im, const CoordinateSystem &coords, casa_image_desc *d,
                 std::string *projection, pclean_err *err) {
    DirectionCoordinate sky =
        coords.directionCoordinate(static_cast<uInt>(coords.findCoordinate(Coordinate::DIRECTION)));
    sky.setWorldAxisUnits(Vector<String>(2, "rad"));
    const Matrix<Double> xform = sky.linearTransform();
    if (std::abs(xform(0, 1)) > 1e-9 || std::abs(xform(1, 0)) > 1e-9)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "the sky axes of this image are rotated against its pixels");
    if (Projection::isZenithal(sky.projection().type()) &&
        std::abs(sky.longLatPoles()[2] - north_up_deg) > 1e-9)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "the sky of this image is turned by %.6g degrees against its pixels "
                        "(LONPOLE %.6g; tclean's images are so with the centre on the north pole)",
                        north_up_deg - sky.longLatPoles()[2], sky.longLatPoles()[2]);
    d->nx = im.length(im.axes.x);
    d->ny = im.length(im.axes.y);
    d->centre = casa_direction{static_cast<int>(sky.directionType(False)), sky.referenceValue()[0],
                               sky.referenceValue()[1]};
    d->crpix_x = sky.referencePixel()[0];
    d->crpix_y = sky.referencePixel()[1];
    d->increment_x_rad = sky.increment()[0] * xform(0, 0);
    d->increment_y_rad = sky.increment()[1] * xform(1, 1);
    *projection = sky.projection().name();
    const Vector<Double> parameters = sky.projection().parameters();
    for (size_t i = 0; i < parameters.size(); i++)
        if (parameters[i] != 0) // a slant SIN (NCP) must not pass for a plain one
            *projection += (i == 0 ? " " : ",") + std::to_string(parameters[i]);
    return 0;
}

void describe_stokes(const casa_image &im, const CoordinateSystem &coords, casa_image_desc *d) {
    d->npol = im.length(im.axes.stokes);
    d->stokes[0] = Stokes::I;
    const Int i = coords.findCoordinate(Coordinate::STOKES);
    if (i < 0)
        return;
    const Vector<Int> codes = coords.stokesCoordinate(static_cast<uInt>(i)).stokes();
    for (size_t p = 0; p < d->npol && p < codes.size(); p++)
        d->stokes[p] = codes[p];
}

void describe_frequency(const casa_image &im, const CoordinateSystem &coords, casa_image_desc *d,
                        std::vector<double> *table) {
    d->nchan = im.length(im.axes.freq);
    table->clear();
    const Int i = coords.findCoordinate(Coordinate::SPECTRAL);
    if (i < 0)
        return;
    SpectralCoordinate spectral = coords.spectralCoordinate(static_cast<uInt>(i));
    spectral.setWorldAxisUnits(Vector<String>(1, "Hz"));
    table->resize(d->nchan);
    for (size_t c = 0; c < d->nchan; c++)
        spectral.toWorld((*table)[c], static_cast<Double>(c));
    d->freq_frame = static_cast<int>(spectral.frequencySystem(False));
    d->crval_hz = (*table)[0];
    d->cdelt_hz = d->nchan > 1 ? (*table)[1] - (*table)[0] : spectral.increment()[0];
    d->restfreq_hz = spectral.restFrequency();
    if (spectral.worldValues().empty())
        table->clear(); // a linear axis needs no table
    else
        d->chan_freq_hz = table->data();
}

void describe_observation(casa_image *im, const CoordinateSystem &coords, casa_image_desc *d) {
    const ObsInfo info = coords.obsInfo();
    im->telescope = info.telescope();
    im->observer = info.observer();
    im->object = im->image->imageInfo().objectName();
    im->time_ref = info.obsDate().getRefString();
    im->unit = im->image->units().getName();
    d->telescope = im->telescope.c_str();
    d->observer = im->observer.c_str();
    d->object = im->object.c_str();
    d->time_ref = im->time_ref.c_str();
    d->unit = im->unit.c_str();
    d->obsdate_s = info.obsDate().get("s").getValue();
    if (!info.isTelescopePositionSet())
        return;
    const MPosition itrf = MPosition::Convert(info.telescopePosition(), MPosition::ITRF)();
    const Vector<Double> xyz = itrf.getValue().getValue();
    for (size_t i = 0; i < 3; i++)
        d->position_itrf_m[i] = xyz[i];
}

/* Copies a slice of one plane to out[ny][nx]; the slice's x axis is the faster one unless
 * `transposed`. */
template <typename T>
void copy_plane(const Array<T> &slice, size_t nx, size_t ny, bool transposed, T *out) {
    Bool owned;
    const T *values = slice.getStorage(owned);
    if (!transposed)
        std::memcpy(out, values, nx * ny * sizeof(T));
    else
        for (size_t y = 0; y < ny; y++)
            for (size_t x = 0; x < nx; x++)
                out[y * nx + x] = values[x * ny + y];
    slice.freeStorage(values, owned);
}

} // namespace

/* ---- the C face ---- */

int casa_image_create(const char *path, const casa_image_desc *desc, const bool *mask,
                      casa_image_layout *layout, pclean_err *err) {
    *layout = casa_image_layout();
    bool mine = false;
    int status = casa_call(err, path, [&]() -> int {
        int rc = check_desc(*desc, err);
        if (rc)
            return rc;
        const Shape shape(*desc);
        const uint64_t headers = 1u << 20;
        if ((rc = check_place(path, shape.pixel_bytes() + (mask ? shape.mask_bytes() : 0), headers,
                              err)) != 0)
            return rc;
        mine = true;
        bool big_endian = false;
        make_image(path, *desc, shape, mask, &big_endian);
        if (mask && (rc = repeat_mask_plane(path, shape, err)) != 0)
            return rc;
        return fill_layout(path, shape, big_endian, mask != nullptr, layout, err);
    });
    if (status != 0 && mine && pcl_fs_remove_tree(path, nullptr) != 0)
        pcl_err_prefix(err, "(%s is left behind) ", path);
    return status;
}

int casa_image_finish(const char *path, const casa_beam *beams, size_t nbeam,
                      const char *const *history, size_t nhistory, pclean_err *err) {
    return casa_call(err, path, [&]() -> int {
        uint64_t bytes = (1u << 20) + 1024 * nbeam;
        for (size_t i = 0; i < nhistory; i++)
            bytes += 256 + 2 * std::strlen(history[i]);
        int rc = check_room(path, bytes, err);
        if (rc)
            return rc;
        {
            Table table(path, TableLock(TableLock::NoLocking), Table::Update);
            if (nbeam > 0 && (rc = set_beams(table, beams, nbeam, err)) != 0)
                return rc;
            std::vector<String> lines(history, history + nhistory);
            const String borrowed = borrowed_line(beams, nbeam);
            if (!borrowed.empty())
                lines.push_back(borrowed);
            if (!lines.empty())
                append_history(path, lines);
            table.flush();
        }
        return read_back(path, nhistory, err);
    });
}

int casa_image_read_back(const char *path, size_t nhistory, pclean_err *err) {
    return casa_call(err, path, [&]() -> int { return read_back(path, nhistory, err); });
}

int casa_image_open(const char *path, casa_image **out, pclean_err *err) {
    *out = nullptr;
    return casa_call(err, path, [&]() -> int {
        std::unique_ptr<casa_image> im(new casa_image);
        im->path = path;
        int rc = open_any(path, &im->image, err);
        if (rc)
            return rc;
        im->shape = im->image->shape();
        if ((rc = find_axes(im->image->coordinates(), im->shape, &im->axes, err)) != 0)
            return rc;
        *out = im.release();
        return 0;
    });
}

void casa_image_close(casa_image *im) {
    (void)casa_call(nullptr, nullptr, [&]() -> int {
        delete im;
        return 0;
    });
}

int casa_image_get_desc(casa_image *im, casa_image_desc *desc, pclean_err *err) {
    *desc = casa_image_desc();
    return casa_call(err, im->path.c_str(), [&]() -> int {
        casa_image_desc d = casa_image_desc();
        const CoordinateSystem &coords = im->image->coordinates();
        const int rc = describe_sky(*im, coords, &d, &im->projection, err);
        if (rc)
            return rc;
        d.projection = im->projection.c_str();
        describe_stokes(*im, coords, &d);
        describe_frequency(*im, coords, &d, &im->chan_freq_hz);
        describe_observation(im, coords, &d);
        *desc = d;
        return 0;
    });
}

int casa_image_read_plane(casa_image *im, size_t ipol, size_t ichan, float *pixels, bool *mask,
                          pclean_err *err) {
    return casa_call(err, im->path.c_str(), [&]() -> int {
        const Axes &a = im->axes;
        if (ipol >= im->length(a.stokes) || ichan >= im->length(a.freq))
            return PCL_FAIL(err, PCLEAN_EBUG, "there is no plane of polarization %zu, channel %zu",
                            ipol, ichan);
        IPosition start(im->shape.size(), 0), length(im->shape.size(), 1);
        for (int sky : {a.x, a.y})
            length[static_cast<size_t>(sky)] = im->shape[static_cast<size_t>(sky)];
        if (a.stokes >= 0)
            start[static_cast<size_t>(a.stokes)] = static_cast<ssize_t>(ipol);
        if (a.freq >= 0)
            start[static_cast<size_t>(a.freq)] = static_cast<ssize_t>(ichan);
        const Slicer plane(start, length);
        const size_t nx = im->length(a.x), ny = im->length(a.y);
        copy_plane(im->image->getSlice(plane), nx, ny, a.x > a.y, pixels);
        if (mask && im->image->isMasked())
            copy_plane(im->image->getMaskSlice(plane), nx, ny, a.x > a.y, mask);
        else if (mask)
            std::memset(mask, 1, nx * ny);
        return 0;
    });
}

int casa_image_get_beam(casa_image *im, size_t ipol, size_t ichan, casa_beam *beam, bool *has,
                        pclean_err *err) {
    *beam = casa_beam();
    *has = false;
    return casa_call(err, im->path.c_str(), [&]() -> int {
        const ImageInfo &info = im->image->imageInfo(); // a copy would be one of all beams
        if (!info.hasBeam())
            return 0;
        const GaussianBeam found =
            info.restoringBeam(static_cast<Int>(ichan), static_cast<Int>(ipol));
        if (found.isNull())
            return 0;
        *beam = casa_beam{found.getMajor("rad"), found.getMinor("rad"), found.getPA("rad", True)};
        *has = true;
        return 0;
    });
}

int casa_image_get_beams(casa_image *im, casa_beam *beams, bool *any, pclean_err *err) {
    const size_t npol = im->length(im->axes.stokes), nchan = im->length(im->axes.freq);
    std::fill(beams, beams + nchan * npol, casa_beam());
    *any = false;
    return casa_call(err, im->path.c_str(), [&]() -> int {
        const ImageInfo &info = im->image->imageInfo();
        if (!info.hasBeam())
            return 0;
        const std::vector<bool> borrowed =
            casa_borrowed_find(casa_read_history(im->path), nchan * npol);
        for (size_t i = 0; i < nchan * npol; i++) {
            const GaussianBeam b =
                info.restoringBeam(static_cast<Int>(i / npol), static_cast<Int>(i % npol));
            const double sign = borrowed[i] ? -1 : 1;
            if (!b.isNull())
                beams[i] = casa_beam{sign * b.getMajor("rad"), sign * b.getMinor("rad"),
                                     b.getPA("rad", True)};
        }
        *any = true;
        return 0;
    });
}
