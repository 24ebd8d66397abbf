"""same_table.py A B [WHERE]: two tables (of the first, the rows of this TaQL condition) are equal: columns, keywords, every cell, in sub-tables, too. Prints the first
difference, exit status 1. Shapes may be fixed in one and free in the other; a cell without elements equals an unfilled one."""
import sys
import numpy as np
import casacore.tables as ct


def fail(text):
    sys.exit("same_table: " + text)


def plain(x):
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, np.ndarray):
        return (x.shape, x.dtype.kind, x.tolist())
    return x.split("/")[-1] if isinstance(x, str) and x.startswith("Table: ") else x


def same_keywords(what, a, b):
    for key in sorted(set(a) | set(b)):
        if key not in a or key not in b or repr(plain(a[key])) != repr(plain(b[key])):
            fail("%s: keyword %s: %r and %r" % (what, key, a.get(key), b.get(key)))


def cells(t, name, row):
    if not t.iscelldefined(name, row):
        return None
    x = t.getcell(name, row)
    if isinstance(x, dict):
        x = np.array(x["array"]).reshape(x["shape"]) if "array" in x else repr(plain(x))
    x = np.asarray(x)
    return x if x.size else None


def bulk(t, name, n):
    """All cells as one array where they have one shape; python-casacore's getcol writes past its array where they have not."""
    if not t.isscalarcol(name):
        if not all(t.iscelldefined(name, row) for row in range(n)) or len(set(t.getcolshapestring(name))) != 1:
            return None
    try:
        x = t.getcol(name)
    except RuntimeError:  # records, arrays of text
        return None
    return x if isinstance(x, np.ndarray) and x.size else None


def same_column(name, a, b, n):
    if n == 0:
        return
    x, y = bulk(a, name, n), bulk(b, name, n)
    if x is not None and y is not None:
        if x.shape != y.shape or x.tobytes() != y.tobytes():
            fail("column %s differs" % name)
        return
    for row in range(n):
        x, y = cells(a, name, row), cells(b, name, row)
        if (x is None) != (y is None) or (x is not None and (x.shape != y.shape or x.tobytes() != y.tobytes())):
            fail("column %s, row %d: %r and %r" % (name, row, x, y))


def same(a, b):
    if a.nrows() != b.nrows():
        fail("%d and %d rows" % (a.nrows(), b.nrows()))
    if sorted(a.colnames()) != sorted(b.colnames()):
        fail("columns %s and %s" % (a.colnames(), b.colnames()))
    same_keywords("table", a.getkeywords(), b.getkeywords())
    for name in a.colnames():
        same_keywords(name, a.getcolkeywords(name), b.getcolkeywords(name))
        same_column(name, a, b, a.nrows())


a, b = (ct.table(path, ack=False) for path in sys.argv[1:3])
if len(sys.argv) > 3:
    a = ct.taql("select from $a where %s" % sys.argv[3])
same(a, b)
for key, value in b.getkeywords().items():
    if isinstance(value, str) and value.startswith("Table: ") and ct.tableexists(value[7:]):
        x = ct.table(a.getkeyword(key)[7:], ack=False)
        y = ct.table(value[7:], ack=False)
        try:
            same(x, y)
        except SystemExit as e:
            fail("sub-table %s: %s" % (key, e))
