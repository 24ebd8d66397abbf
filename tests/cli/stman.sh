# The storage manager Adios2StMan as python-casacore sees it. Of a build with AddressSanitizer this runs under it, too.
. "$(dirname "$(realpath "$0")")/lib.bash"
folder=$BUILD/adios2stman
[ -d "$folder" ] || { echo "not tested, this build has no ADIOS2"; exit 0; }
python=/usr/bin/python3
"$python" -c 'import casacore.tables' 2>/dev/null || { echo "python3-casacore is missing"; exit 1; }
export TMPDIR=$work CASACORE_LDPATH=$folder
if nm -D "$folder/libpclean_adios2stman.so" | grep -q __asan_init; then # Python itself is not of this kind, and its leaks are no concern
    export ASAN_OPTIONS=detect_leaks=0
    python=asan_python
    asan_python() { LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so) $(gcc -print-file-name=libstdc++.so)" /usr/bin/python3 "$@"; }
fi
tool() { # LABEL SCRIPT ARGUMENTS...
    line=$1
    "$python" "$SOURCE/tests/tools/$2" "${@:3}" >out 2>err
    status=$?
    expect_status 0
}

# every type and shape of column, through python-casacore with the plug-in
for engine in BP4 BP5; do
    tool "columns of $engine" adios2_columns.py both $engine columns.tab
done
for engine in BP4 BP5; do
    line="ushort $engine"
    "$BUILD/ushort" ushort.tab $engine >out 2>err || fail "columns of uShort: $(cat err)"
done
# text beyond what casacore's own manager would hold
"$python" - <<'END' || fail "packed text"
import casacore.tables as ct, glob, numpy as np
n = 20000
texts = ["text %d" % (row * 7919) if row % 11 else "" for row in range(n)]
for engine in "BP4", "BP5":
    dminfo = {"*1": {"TYPE": "Adios2StMan", "NAME": "A", "SEQNR": 0, "COLUMNS": ["S", "A"], "SPEC": {"ENGINETYPE": engine}}}
    t = ct.table("text.tab", ct.maketabdesc([ct.makescacoldesc("S", ""), ct.makearrcoldesc("A", "", shape=[2])]), nrow=n, dminfo=dminfo, ack=False)
    t.putcol("S", texts[:9000], 0, 9000)
    for row in range(0, n, 5):
        t.putcell("A", row, ["a%d" % row, "b"])
    t.putcol("S", texts[9000:], 9000, n - 9000)
    t.close()
    t = ct.table("text.tab", ack=False)
    assert t.getcol("S") == texts and t.getcol("S", 7, 500, 31) == texts[7:7 + 500 * 31:31] and t.getcell("S", 9001) == texts[9001]
    assert t.getcell("A", 19995) == ["a19995", "b"] or list(np.ravel(t.getcell("A", 19995)["array"])) == ["a19995", "b"], t.getcell("A", 19995)
    assert b"packed text" in open("text.tab/table.dat", "rb").read() # which casacore's own manager does not open
    assert "S/rows" in open(glob.glob("text.tab/*.bp/pclean.places")[0]).read()
    t.close()
END
# files of casacore's own Adios2StMan
for e in 4 5; do
    cp -r "$DATA/adios2_upstream_bp$e.tab" upstream.tab
    tool "upstream's columns of BP$e" adios2_columns.py read BP$e upstream.tab upstream
    truncate -s 40000 upstream.tab/table.f0.bp/data.0
    "$python" -c 'import casacore.tables as ct; ct.table("upstream.tab", ack=False)' >out 2>err && fail "a file cut short was opened"
    expect_err 'damaged, or its writer did not finish'
    rm -rf upstream.tab
done
# several processes at once
for k in 1 2 3; do
    "$python" "$SOURCE/tests/tools/adios2_columns.py" read BP5 columns.tab 2>>err &
    readers[k]=$!
done
line="three readers"
for k in 1 2 3; do wait "${readers[k]}" || fail "reader $k"; done
# nothing of ADIOS2's is seen by the program that loaded it
"$python" - <<'END' || fail "symbols leak"
import ctypes, casacore.tables as ct
ct.table("columns.tab", ack=False).getcol("INT_scalar")
program = ctypes.CDLL(None)
for name in ("adios2_init_serial", "bp_open", "sqlite3_open"):
    assert not hasattr(program, name), name
END
# a table that has been closed takes no more
"$python" - <<'END' || fail "closed tables"
import casacore.tables as ct
t = ct.table("columns.tab", readonly=False, ack=False)
for call in (lambda: t.putcell("INT_scalar", 0, 1), lambda: t.addrows(3)):
    try:
        call()
    except RuntimeError as e:
        assert "ADIOS2" in str(e) or "not writable" in str(e), e
    else:
        raise AssertionError("went through")
END


tool "SPEC" adios2_spec.py

# damaged files: errors
for engine in BP4 BP5; do
    line="a small table of $engine"
    "$python" - $engine <<'END' 2>err || fail "not made"
import sys, numpy as np, casacore.tables as ct
desc = ct.maketabdesc([ct.makescacoldesc("A", 0.0), ct.makearrcoldesc("B", 0, valuetype="complex", ndim=2, shape=[4, 2]), ct.makescacoldesc("C", "")])
t = ct.table("small." + sys.argv[1], desc, nrow=20, ack=False, dminfo={"*1": {"TYPE": "Adios2StMan", "NAME": "x", "SEQNR": 0, "COLUMNS": ["A", "B", "C"],
                                                                         "SPEC": {"ENGINETYPE": sys.argv[1]}}})
for row in range(20):
    t.putcell("A", row, row * 1.5)
    t.putcell("B", row, np.full([4, 2], row + 1j))
    t.putcell("C", row, "row %d" % row)
END
    tool "damaged files of $engine" adios2_damage.py small.$engine 12 7
done
finish
