#!/usr/bin/env python3
"""make_partition.py DATA_DIR: row ranges of the real CASA (synthesisutils.contdatapartition, casatools 6.7.0.31) for whole MeasurementSets, for
tests/property/partition.c. DATA_DIR holds the unpacked MSs of tests/data. Writes partition.tsv beside itself: ms, number of parts, number of the part, its
taql; of many parts the first and last four with rows. A part for which CASA has no rows gets an empty taql, which selects the whole MS; those are counted only:
part `empty`, number."""
import os, sys
from casatools import synthesisutils

su = synthesisutils()
rows = ["# ms\tnparts\tpart\ttaql   (contdatapartition, casatools 6.7.0.31)"]
for ms, counts in (("vla_ngc5921.ms", (1, 2, 3, 7, 8, 64, 12851, 12852)), ("sim_alma_topo.ms", (1, 2, 3, 5, 16, 1000, 4752, 4753))):
    record = dict(msname=os.path.join(sys.argv[1], ms), spw="", field="", taql="", timestr="", uvdist="", antenna="", scan="", obs="", state="")
    for n in counts:
        parts = su.contdatapartition({"ms0": record}, n)
        taql = [parts[k]["ms0"]["taql"] for k in sorted(parts, key=int)]
        full = [k for k in range(n) if taql[k]]
        for k in full if len(full) <= 8 else full[:4] + full[-4:]:
            rows.append("%s\t%d\t%d\t%s" % (ms, n, k, taql[k]))
        rows.append("%s\t%d\tempty\t%d" % (ms, n, n - len(full)))
open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "partition.tsv"), "w").write("\n".join(rows) + "\n")
