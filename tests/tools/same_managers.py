"""same_managers.py A B COLUMN,...: all columns but these have the same data managers in both tables, with the same tiles. Prints those that have not."""
import sys
import casacore.tables as ct


def managers(path):
    found = {}
    for m in ct.table(path, ack=False).getdminfo().values():
        cubes = m["SPEC"].get("HYPERCUBES", {}).values()
        for column in m["COLUMNS"]:
            found[column] = (m["TYPE"], m["NAME"], [list(c["TileShape"]) for c in cubes], m["SPEC"].get("BUCKETSIZE"))
    return found


a, b = managers(sys.argv[1]), managers(sys.argv[2])
others = ["%s: %s and %s" % (c, a[c], b.get(c)) for c in a if c not in sys.argv[3].split(",") and a[c] != b.get(c)]
sys.exit("\n".join(others) or 0)
