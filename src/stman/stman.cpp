// stman.cpp: the storage manager Adios2StMan as casacore wants to see it: classes. What they do is
// bpfile.h's.
//
// The classes keep to the few functions that read or write a cell, and to those that read many
// cells at once; all other forms of access (strides, slices of cells, lists of rows) casacore's
// base class makes of these.
extern "C" {
#include "base/err.h"
#include "base/fsutil.h"
#include "base/mem.h"
#include "stman/bpfile.h"
}
#include "stman/stman.h"
#include <adios2_c.h>
#include <casacore/casa/Arrays/Array.h>
#include <casacore/casa/Arrays/Slicer.h>
#include <casacore/casa/Containers/Record.h>
#include <casacore/casa/IO/AipsIO.h>
#include <casacore/casa/Logging/LogIO.h>
#include <casacore/tables/DataMan/DataManError.h>
#include <casacore/tables/DataMan/StManColumnBase.h>
#include <casacore/tables/Tables/RefRows.h>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

using namespace casacore;

namespace {

const char *const type_name = "Adios2StMan";
// in the header: casacore's own manager would give empty texts, so it must not open it
const char *const packed_type = "Adios2StMan with packed text";
const char *const text_end = "ADIOS2BARRIER"; // upstream's, after each element of an array of text

[[noreturn]] void raise(const pclean_err &err) {
    throw DataManError(String("Adios2StMan: ") + err.msg);
}

// Runs a function of bpfile.h; a failure becomes an exception.
template <typename Call> void check(Call &&call) {
    pclean_err err{};
    if (call(&err) != 0)
        raise(err);
}

bp_type type_of(int data_type, const String &column) {
    switch (data_type) {
    case TpBool:
    case TpUChar:
        return BP_UINT8;
    case TpChar:
        return BP_INT8;
    case TpShort:
        return BP_INT16;
    case TpUShort:
        return BP_UINT16;
    case TpInt:
        return BP_INT32;
    case TpUInt:
        return BP_UINT32;
    case TpInt64:
        return BP_INT64;
    case TpFloat:
        return BP_FLOAT;
    case TpDouble:
        return BP_DOUBLE;
    case TpComplex:
        return BP_COMPLEX;
    case TpDComplex:
        return BP_DCOMPLEX;
    case TpString:
        return BP_STRING;
    default:
        throw DataManInvDT(column);
    }
}

// casacore counts axes from the fastest one, the file from the slowest.
struct Dims {
    size_t n, at[BP_MAXDIM];
    explicit Dims(const IPosition &p) : n(p.size()), at{} {
        if (n > BP_MAXDIM)
            throw DataManError("Adios2StMan: cells of more than 16 axes cannot be stored");
        for (size_t i = 0; i < n; i++)
            at[i] = static_cast<size_t>(p[n - 1 - i]);
    }
};

IPosition position_of(size_t ndim, const size_t *shape) {
    IPosition p(ndim);
    for (size_t i = 0; i < ndim; i++)
        p[i] = static_cast<ssize_t>(shape[ndim - 1 - i]);
    return p;
}

class Manager;

class Column final : public StManColumnBase {
  public:
    Column(Manager *manager, const String &name, int data_type, bool scalar)
        : StManColumnBase(data_type), itsManager(manager), itsName(name),
          itsType(type_of(data_type, name)), itsScalar(scalar) {}

    void forget() { itsColumn = nullptr; }

    Bool isWritable() const override;
    void setShape(rownr_t row, const IPosition &shape) override { itsShapes[row] = shape; }
    Bool isShapeDefined(rownr_t row) override;
    uInt ndim(rownr_t row) override { return shape(row).size(); }
    IPosition shape(rownr_t row) override;
    Bool canChangeShape() const override { return !itsFixed; }

    void getScalarColumnV(ArrayBase &data) override;
    void getScalarColumnCellsV(const RefRows &rows, ArrayBase &data) override;
    void getArrayV(rownr_t row, ArrayBase &data) override;
    void putArrayV(rownr_t row, const ArrayBase &data) override;
    void getArrayColumnV(ArrayBase &data) override;
    void getArrayColumnCellsV(const RefRows &rows, ArrayBase &data) override;
    void getSliceV(rownr_t row, const Slicer &slicer, ArrayBase &data) override;
    void putSliceV(rownr_t row, const Slicer &slicer, const ArrayBase &data) override;
    void getColumnSliceV(const Slicer &slicer, ArrayBase &data) override;
    void getColumnSliceCellsV(const RefRows &rows, const Slicer &slicer, ArrayBase &data) override;

  protected:
    void getBool(rownr_t row, Bool *p) override { get_scalar(row, p); }
    void getuChar(rownr_t row, uChar *p) override { get_scalar(row, p); }
    void getShort(rownr_t row, Short *p) override { get_scalar(row, p); }
    void getuShort(rownr_t row, uShort *p) override { get_scalar(row, p); }
    void getInt(rownr_t row, Int *p) override { get_scalar(row, p); }
    void getuInt(rownr_t row, uInt *p) override { get_scalar(row, p); }
    void getInt64(rownr_t row, Int64 *p) override { get_scalar(row, p); }
    void getfloat(rownr_t row, float *p) override { get_scalar(row, p); }
    void getdouble(rownr_t row, double *p) override { get_scalar(row, p); }
    void getComplex(rownr_t row, Complex *p) override { get_scalar(row, p); }
    void getDComplex(rownr_t row, DComplex *p) override { get_scalar(row, p); }
    void getString(rownr_t row, String *p) override { *p = get_text(row); }
    void putBool(rownr_t row, const Bool *p) override { put_cell(row, IPosition(), p); }
    void putuChar(rownr_t row, const uChar *p) override { put_cell(row, IPosition(), p); }
    void putShort(rownr_t row, const Short *p) override { put_cell(row, IPosition(), p); }
    void putuShort(rownr_t row, const uShort *p) override { put_cell(row, IPosition(), p); }
    void putInt(rownr_t row, const Int *p) override { put_cell(row, IPosition(), p); }
    void putuInt(rownr_t row, const uInt *p) override { put_cell(row, IPosition(), p); }
    void putInt64(rownr_t row, const Int64 *p) override { put_cell(row, IPosition(), p); }
    void putfloat(rownr_t row, const float *p) override { put_cell(row, IPosition(), p); }
    void putdouble(rownr_t row, const double *p) override { put_cell(row, IPosition(), p); }
    void putComplex(rownr_t row, const Complex *p) override { put_cell(row, IPosition(), p); }
    void putDComplex(rownr_t row, const DComplex *p) override { put_cell(row, IPosition(), p); }
    void putString(rownr_t row, const String *p) override { put_text(row, *p); }

  private:
    void setShapeColumn(const IPosition &shape) override {
        itsFixed = true;
        itsShape = shape;
    }
    bp_column *column();
    bool is_text() const { return itsType == BP_STRING; }
    void get_scalar(rownr_t row, void *out) {
        check(
            [&](pclean_err *err) { return bp_get(column(), row, 1, nullptr, nullptr, out, err); });
    }
    void put_cell(rownr_t row, const IPosition &shape, const void *cell) {
        const Dims d(shape);
        check([&](pclean_err *err) { return bp_put(column(), row, d.n, d.at, cell, err); });
    }
    std::string get_text(rownr_t row);
    void put_text(rownr_t row, const std::string &text) {
        check([&](pclean_err *err) {
            return bp_put_text(column(), row, text.data(), text.size(), err);
        });
    }
    // Reads rows, whole cells of this shape or a box of each, into `out` and on.
    void get_rows(rownr_t row, rownr_t nrow, const IPosition &shape, const Slicer *slicer,
                  void *out) {
        const Dims count(slicer ? slicer->length() : shape),
            start(slicer ? slicer->start() : IPosition());
        check([&](pclean_err *err) {
            return bp_get(column(), row, nrow, slicer ? start.at : nullptr, count.at, out, err);
        });
    }
    void get_range(rownr_t row, rownr_t nrow, const IPosition &shape, const Slicer *slicer,
                   ArrayBase &data);
    void get_list(const RefRows &rows, const Slicer *slicer, ArrayBase &data);
    // Whether rows can be read together: one shape, and no elements left out between.
    bool together(const Slicer *slicer) const;

    Manager *itsManager;
    String itsName;
    bp_type itsType;
    bool itsScalar, itsFixed = false;
    IPosition itsShape;
    std::unordered_map<rownr_t, IPosition> itsShapes; // set, but nothing put yet
    bp_column *itsColumn = nullptr;
};

struct Settings { // what SPEC holds
    std::string engine, xml_file;
    // what the parameters point to: three for each
    std::vector<std::string> text;
    size_t nengine = 0, ntransport = 0, noperator = 0;
    void add(const std::string &name, const std::string &key, const std::string &value) {
        text.insert(text.end(), {name, key, value});
    }
};

class Manager final : public DataManager {
  public:
    Manager(const String &name, const Record &spec) : itsName(name), itsSpec(spec) {}
    ~Manager() override;
    DataManager *clone() const override { return new Manager(itsName, itsSpec); }
    String dataManagerName() const override { return itsName; }
    String dataManagerType() const override { return type_name; }
    Record dataManagerSpec() const override;
    Bool canAddRow() const override { return itsWriting; }
    rownr_t nrow() const { return itsRows; }
    bool writing() const { return itsWriting; }
    bp_file *file() const { return itsFile; }

  private:
    DataManagerColumn *add(const String &name, int data_type, bool scalar) {
        itsColumns.emplace_back(new Column(this, name, data_type, scalar));
        return itsColumns.back().get();
    }
    DataManagerColumn *makeScalarColumn(const String &name, int data_type,
                                        const String &) override {
        return add(name, data_type, true);
    }
    DataManagerColumn *makeDirArrColumn(const String &name, int data_type,
                                        const String &) override {
        return add(name, data_type, false);
    }
    DataManagerColumn *makeIndArrColumn(const String &name, int data_type,
                                        const String &) override {
        return add(name, data_type, false);
    }
    void create64(rownr_t nrow) override;
    rownr_t open64(rownr_t nrow, AipsIO &ios) override;
    rownr_t resync64(rownr_t nrow) override { return itsRows = nrow; }
    Bool flush(AipsIO &ios, Bool sync) override;
    void addRow64(rownr_t nrow) override;
    void deleteManager() override;
    std::string path() const { return fileName() + ".bp"; }

    String itsName;
    Record itsSpec;
    rownr_t itsRows = 0;
    bool itsWriting = false, itsDeleted = false, itsSync = false;
    bp_file *itsFile = nullptr;
    std::vector<std::unique_ptr<Column>> itsColumns;
};

/* ---- columns ---- */

bp_column *Column::column() {
    if (!itsColumn) {
        const Dims d(itsShape);
        const bool fixed = itsScalar || itsFixed;
        const size_t n = is_text() ? 0 : d.n; // an array of text is one text
        check([&](pclean_err *err) {
            return bp_column_new(itsManager->file(), itsName.c_str(), itsType, n,
                                 fixed || is_text() ? d.at : nullptr, &itsColumn, err);
        });
    }
    return itsColumn;
}

Bool Column::isWritable() const {
    return itsManager->writing();
}

Bool Column::isShapeDefined(rownr_t row) {
    if (itsFixed || itsScalar)
        return true;
    return itsShapes.count(row) != 0 || bp_row_shape(column(), row, nullptr, nullptr);
}

IPosition Column::shape(rownr_t row) {
    if (itsFixed || itsScalar)
        return itsShape;
    const auto set = itsShapes.find(row);
    if (set != itsShapes.end())
        return set->second;
    size_t n = 0, dims[BP_MAXDIM];
    if (!bp_row_shape(column(), row, &n, dims))
        throw DataManError("Adios2StMan: column " + itsName + ", row " + String::toString(row) +
                           ": nothing has been written there");
    if (!is_text())
        return position_of(n, dims);
    // the file keeps no shape of an array of text: its elements in one axis
    const std::string text = get_text(row);
    ssize_t elements = 0;
    for (size_t at = 0; (at = text.find(text_end, at)) != std::string::npos; at += strlen(text_end))
        elements++;
    return IPosition(1, elements);
}

std::string Column::get_text(rownr_t row) {
    char *text = nullptr;
    size_t length = 0;
    check([&](pclean_err *err) { return bp_get_text(column(), row, &text, &length, err); });
    const std::unique_ptr<char, void (*)(char *)> owner(text, [](char *p) { pcl_free(p); });
    return std::string(text, length);
}

void split_text(const std::string &text, Array<String> &out) {
    size_t at = 0;
    for (String &element : out) {
        const size_t end = text.find(text_end, at);
        if (end == std::string::npos)
            throw DataManError(
                "Adios2StMan: an array of text has fewer elements in the file than its shape says");
        element = text.substr(at, end - at);
        at = end + strlen(text_end);
    }
}

std::string join_text(const Array<String> &in) {
    std::string text;
    for (const String &element : in) {
        if (element.find(text_end) != std::string::npos)
            throw DataManError("Adios2StMan: a text that holds \"ADIOS2BARRIER\" cannot be stored");
        text += element + text_end;
    }
    return text;
}

void Column::getArrayV(rownr_t row, ArrayBase &data) {
    if (is_text())
        split_text(get_text(row), static_cast<Array<String> &>(data));
    else
        get_range(row, 1, data.shape(), nullptr, data);
}

void Column::putArrayV(rownr_t row, const ArrayBase &data) {
    Bool copied;
    if (is_text()) {
        if (data.ndim() != 1 && !itsFixed)
            throw DataManError("Adios2StMan: column " + itsName +
                               ": arrays of text of more than one axis need a fixed shape");
        put_text(row, join_text(static_cast<const Array<String> &>(data)));
    } else {
        const void *p = data.getVStorage(copied);
        try {
            put_cell(row, data.shape(), p);
        } catch (...) {
            data.freeVStorage(p, copied);
            throw;
        }
        data.freeVStorage(p, copied);
    }
    itsShapes.erase(row);
}

bool Column::together(const Slicer *slicer) const {
    return !is_text() && (itsFixed || itsScalar) && (!slicer || slicer->stride().allOne());
}

// data: [cell or box of it][nrow]
void Column::get_range(rownr_t row, rownr_t nrow, const IPosition &shape, const Slicer *slicer,
                       ArrayBase &data) {
    Bool copied;
    void *p = data.getVStorage(copied);
    try {
        get_rows(row, nrow, shape, slicer, p);
    } catch (...) {
        data.putVStorage(p, copied);
        throw;
    }
    data.putVStorage(p, copied);
}

void Column::get_list(const RefRows &rows, const Slicer *slicer, ArrayBase &data) {
    Bool copied;
    void *p = data.getVStorage(copied);
    const IPosition cell = slicer ? slicer->length() : itsShape;
    const size_t bytes =
        (itsScalar ? 1 : static_cast<size_t>(cell.product())) * bp_type_size(itsType);
    char *out = static_cast<char *>(p);
    try {
        for (RefRowsSliceIter i(rows); !i.pastEnd(); i.next()) {
            const rownr_t first = i.sliceStart(), last = i.sliceEnd(), step = i.sliceIncr();
            const rownr_t run = step == 1 ? last - first + 1 : 1;
            for (rownr_t row = first; row <= last;
                 row += step == 1 ? run : step, out += run * bytes)
                get_rows(row, run, itsShape, slicer, out);
        }
    } catch (...) {
        data.putVStorage(p, copied);
        throw;
    }
    data.putVStorage(p, copied);
}

void Column::getScalarColumnV(ArrayBase &data) {
    if (is_text())
        getScalarColumnBase(data);
    else
        get_range(0, itsManager->nrow(), itsShape, nullptr, data);
}

void Column::getScalarColumnCellsV(const RefRows &rows, ArrayBase &data) {
    if (is_text())
        getScalarColumnCellsBase(rows, data);
    else
        get_list(rows, nullptr, data);
}

void Column::getArrayColumnV(ArrayBase &data) {
    if (together(nullptr))
        get_range(0, itsManager->nrow(), itsShape, nullptr, data);
    else
        getArrayColumnBase(data);
}

void Column::getArrayColumnCellsV(const RefRows &rows, ArrayBase &data) {
    if (together(nullptr))
        get_list(rows, nullptr, data);
    else
        getArrayColumnCellsBase(rows, data);
}

void Column::getSliceV(rownr_t row, const Slicer &slicer, ArrayBase &data) {
    if (!is_text() && slicer.stride().allOne())
        get_range(row, 1, itsShape, &slicer, data);
    else
        getSliceBase(row, slicer, data);
}

// A part of a cell that has not been put: the rest is zero.
void Column::putSliceV(rownr_t row, const Slicer &slicer, const ArrayBase &data) {
    if (!bp_row_shape(column(), row, nullptr, nullptr)) {
        const IPosition whole = shape(row);
        if (is_text()) {
            putArrayV(row, Array<String>(whole));
        } else {
            const std::vector<char> zeros(static_cast<size_t>(whole.product()) *
                                          bp_type_size(itsType));
            put_cell(row, whole, zeros.data());
            itsShapes.erase(row);
        }
    }
    putSliceBase(row, slicer, data);
}

void Column::getColumnSliceV(const Slicer &slicer, ArrayBase &data) {
    if (together(&slicer))
        get_range(0, itsManager->nrow(), itsShape, &slicer, data);
    else
        getColumnSliceBase(slicer, data);
}

void Column::getColumnSliceCellsV(const RefRows &rows, const Slicer &slicer, ArrayBase &data) {
    if (together(&slicer))
        get_list(rows, &slicer, data);
    else
        getColumnSliceCellsBase(rows, slicer, data);
}

/* ---- the manager ---- */

// Parameters: a record of texts; numbers are taken for texts.
void read_params(const Record &record, const std::string &name, Settings &out, size_t &n) {
    for (uInt i = 0; i < record.nfields(); i++, n++) {
        const DataType t = record.dataType(i);
        std::string value;
        if (t == TpString)
            value = record.asString(i);
        else if (t == TpBool)
            value = record.asBool(i) ? "true" : "false";
        else if (t == TpInt || t == TpInt64 || t == TpUInt || t == TpShort || t == TpUChar)
            value = std::to_string(record.asInt64(i));
        else
            throw DataManError("Adios2StMan: the parameter " + record.name(i) + " must be a text");
        out.add(name, record.name(i), value);
    }
}

Settings read_spec(const Record &spec) {
    Settings s;
    if (spec.isDefined("XMLFILE"))
        s.xml_file = spec.asString("XMLFILE");
    if (spec.isDefined("ENGINETYPE"))
        s.engine = spec.asString("ENGINETYPE");
    if (spec.isDefined("ENGINEPARAMS"))
        read_params(spec.asRecord("ENGINEPARAMS"), "", s, s.nengine);
    const auto groups = [&](const char *field, size_t &n) {
        if (!spec.isDefined(field))
            return;
        const Record record = spec.asRecord(field);
        for (uInt i = 0; i < record.nfields(); i++)
            read_params(record.asRecord(i), record.name(i), s, n);
    };
    groups("TRANSPORTPARAMS", s.ntransport);
    groups("OPERATORPARAMS", s.noperator);
    return s;
}

void Manager::create64(rownr_t nrow) {
    Settings s = read_spec(itsSpec);
    std::vector<bp_param> params;
    for (size_t i = 0; i + 2 < s.text.size(); i += 3)
        params.push_back(bp_param{&s.text[i][0], &s.text[i + 1][0], &s.text[i + 2][0]});
    bp_settings settings{};
    settings.engine = &s.engine[0];
    settings.xml_file = &s.xml_file[0];
    settings.engine_param = params.data();
    settings.nengine_param = s.nengine;
    settings.transport_param = params.data() + s.nengine;
    settings.ntransport_param = s.ntransport;
    settings.operator_param = params.data() + s.nengine + s.ntransport;
    settings.noperator_param = s.noperator;
    itsRows = nrow;
    check([&](pclean_err *err) { return bp_create(path().c_str(), &settings, &itsFile, err); });
    itsWriting = true;
}

rownr_t Manager::open64(rownr_t nrow, AipsIO &ios) {
    Int unused;
    ios.getstart(ios.getNextType() == packed_type ? packed_type : type_name);
    ios >> itsName >> unused;
    ios.getend();
    itsRows = nrow;
    check([&](pclean_err *err) { return bp_open(path().c_str(), &itsFile, err); });
    return itsRows;
}

// What is put may still be overwritten, so nothing goes to the file here; the manager's end does
// that.
Bool Manager::flush(AipsIO &ios, Bool sync) {
    itsSync = itsSync || sync;
    ios.putstart(itsFile && bp_has_packed_text(itsFile) ? packed_type : type_name, 2);
    ios << itsName << 0;
    ios.putend();
    return true;
}

void Manager::addRow64(rownr_t nrow) {
    if (!itsWriting)
        throw DataManError("Adios2StMan: rows cannot be added to an ADIOS2 table that has been "
                           "closed; copy the table instead");
    itsRows += nrow;
}

void Manager::deleteManager() {
    itsDeleted = true;
    const std::string name = path();
    bp_free(itsFile);
    itsFile = nullptr;
    for (auto &column : itsColumns)
        column->forget();
    check([&](pclean_err *err) { return pcl_fs_remove_tree(name.c_str(), err); });
}

Record Manager::dataManagerSpec() const {
    Record spec(itsSpec);
    if (itsFile && !spec.isDefined("ENGINETYPE"))
        spec.define("ENGINETYPE", bp_engine(itsFile));
    return spec;
}

// A destructor cannot fail; a file that could not be finished is one that cannot be opened, and the
// log says why.
Manager::~Manager() {
    pclean_err err{};
    if (itsFile && !itsDeleted && bp_finish(itsFile, itsSync, &err) != 0) {
        try {
            LogIO log(LogOrigin("Adios2StMan"));
            log << LogIO::SEVERE << err.msg << LogIO::POST;
        } catch (...) {
        }
    }
    bp_free(itsFile);
}

} // namespace

DataManager *pcl_adios2stman_make(const String &name, const Record &spec) {
    return new Manager(name.empty() ? String(type_name) : name, spec);
}

void pcl_adios2stman_register(void) {
    DataManager::registerCtor(type_name, pcl_adios2stman_make);
}

const char *pcl_adios2stman_version(void) {
    return ADIOS2_VERSION_STR;
}
