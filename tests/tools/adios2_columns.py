"""adios2_columns.py write|read|both ENGINE TABLE [upstream]: every type and shape of column in an Adios2StMan table, through python-casacore.

`write` makes the table, `read` compares every form of access with the arrays it was made of; both fail loudly. `upstream`: only
what casacore's own Adios2StMan can do (no variable shapes, no strides, no whole columns of text), for files of one read by the other.
CASACORE_LDPATH says which storage manager is used."""
import shutil, sys
import numpy as np
import casacore.tables as ct

NROW = 37
TYPES = {"boolean": "?", "uchar": "u1", "short": "i2", "int": "i4", "uint": "u4", "int64": "i8", "float": "f4", "double": "f8",
         "complex": "c8", "dcomplex": "c16", "string": "U"}
SHAPE = [3, 5, 2]  # as python-casacore has it: slowest axis first


def values(kind, shape, seed):
    r = np.random.default_rng(seed)
    if kind == "U":
        return np.array(["w" * int(k % 7) + str(k) for k in r.integers(0, 1000, int(np.prod(shape)))]).reshape(shape)
    if kind == "?":
        return r.integers(0, 2, shape).astype(bool)
    if kind[0] == "c":
        return (r.standard_normal(shape) + 1j * r.standard_normal(shape)).astype(kind)
    if kind[0] == "f":
        return r.standard_normal(shape).astype(kind)
    info = np.iinfo(kind)
    return r.integers(info.min, info.max, shape, dtype=kind, endpoint=True)


def row_shape(row):
    return [row % 3 + 1, 4 + row // 10]


def columns(upstream):
    for i, (name, kind) in enumerate(TYPES.items()):
        yield name, kind, "scalar", values(kind, [NROW], i)
        yield name, kind, "fixed", values(kind, [NROW] + SHAPE, 100 + i)
        if not upstream and kind != "U":
            yield name, kind, "variable", [values(kind, row_shape(row), 200 + 40 * i + row) for row in range(NROW)]


def make(path, engine, upstream):
    shutil.rmtree(path, ignore_errors=True)
    descs, names = [], []
    for name, kind, form, _ in columns(upstream):
        names.append(name.upper() + "_" + form)
        if form == "scalar":
            descs.append(ct.makescacoldesc(names[-1], 0, valuetype=name))
        elif form == "fixed":
            descs.append(ct.makearrcoldesc(names[-1], 0, valuetype=name, ndim=3, shape=SHAPE))
        else:
            descs.append(ct.makearrcoldesc(names[-1], 0, valuetype=name, ndim=2))
    dminfo = {"*1": {"TYPE": "Adios2StMan", "NAME": "Adios2StMan", "SEQNR": 0, "COLUMNS": names, "SPEC": {"ENGINETYPE": engine}}}
    t = ct.table(path, ct.maketabdesc(descs), nrow=NROW, dminfo=dminfo, ack=False)
    for name, kind, form, data in columns(upstream):
        column = name.upper() + "_" + form
        if form == "variable" or kind == "U":
            for row in range(NROW):
                t.putcell(column, row, data[row] if form != "scalar" else str(data[row]))
        elif form == "scalar":
            t.putcol(column, data)
        elif upstream:  # which puts ranges of rows at wrong places
            t.putcol(column, data)
        else:
            t.putcol(column, data[:20], 0, 20)
            t.putcol(column, data[20:], 20, NROW - 20)
    t.close()


def same(what, a, b):
    a, b = np.asarray(a), np.asarray(b)
    if kind_of(a) == "U" or kind_of(b) == "U":
        a, b = a.astype(str), b.astype(str)
    assert a.shape == b.shape, "%s: shape %s, not %s" % (what, a.shape, b.shape)
    assert a.astype(b.dtype).tobytes() == b.tobytes(), "%s: other values" % what


def kind_of(a):
    return "U" if a.dtype.kind in "UOS" else a.dtype.kind


def read_array(t, column, data, upstream, text):
    for row in (0, 36, 17, 18, 19, 5):
        same(column + " cell", np.array(t.getcell(column, row)["array"]).reshape(SHAPE) if text else t.getcell(column, row), data[row])
    if text:
        return
    same(column, t.getcol(column), data)
    same(column + " slice", t.getcellslice(column, 9, [1, 2, 0], [2, 4, 1]), data[9][1:3, 2:5, 0:2])
    same(column + " column slice", t.getcolslice(column, [1, 2, 1], [2, 4, 1]), data[:, 1:3, 2:5, 1:2])
    same(column + " column slice of rows", t.getcolslice(column, [0, 2, 0], [2, 2, 1], [], 5, 20), data[5:25, :, 2:3, :])
    if not upstream:  # it gives other rows, or other parts of them
        same(column + " rows", t.getcol(column, 7, 11), data[7:18])
        same(column + " every third row", t.getcol(column, 1, -1, 3), data[1::3])
        same(column + " strided slice", t.getcolslice(column, [0, 0, 0], [2, 4, 1], [2, 2, 1], 3, 9, 2), data[3:21:2, ::2, ::2, :])
        rows = t.selectrows([30, 2, 3, 4, 2, 11])
        same(column + " rows of a selection", rows.getcol(column), data[[30, 2, 3, 4, 2, 11]])


def read(path, upstream):
    t = ct.table(path, ack=False)
    assert t.nrows() == NROW
    for name, kind, form, data in columns(upstream):
        column = name.upper() + "_" + form
        if form == "scalar":
            same(column + " cells", [t.getcell(column, row) for row in range(NROW)], data)
            if kind != "U" or not upstream:
                same(column, t.getcol(column), data)
            if not upstream:
                same(column + " every fourth row", t.getcol(column, 2, 6, 4), data[2:26:4])
        elif form == "fixed":
            read_array(t, column, data, upstream, kind == "U")
        else:
            for row in list(range(NROW)) + [3, 36, 0]:
                same("%s %d" % (column, row), t.getcell(column, row), data[row])
            same(column + " slice", t.getcellslice(column, 21, [0, 1], [0, 3], [1, 2]), data[21][0:1, 1:4:2])
            same(column + " rows of one shape", t.getcol(column, 0, 4, 3), np.array(data[0:12:3]))
    t.close()


if __name__ == "__main__":
    what, engine, table = sys.argv[1:4]
    only_upstream = "upstream" in sys.argv[4:]
    if what in ("write", "both"):
        make(table, engine, only_upstream)
    if what in ("read", "both"):
        read(table, only_upstream)
