# pclean adios2 (the storage manager by itself: stman.sh): MSs converted, split and restored cell for cell; the same images; what goes wrong leaves nothing behind.
. "$(dirname "$(realpath "$0")")/lib.bash"
ms=$DATA/vla_3c273_xband.ms
if [ ! -d "$BUILD/adios2stman" ]; then # cmake -DPCLEAN_ADIOS2=OFF
    run adios2 check
    expect_status 1; expect_out 'built without ADIOS2 .*: build it with'; expect_out '^plug-in +none'
    for words in env "convert $ms out.ms" "split $ms parts" "restore $ms out.ms"; do
        run adios2 $words
        expect_failure 'without ADIOS2'; expect_missing parts; expect_missing out.ms
    done
    run adios2 uses "$ms"
    expect_status 1; expect_no_out; expect_no_err
    echo "ADIOS2-backed MSs: not tested, this build has no ADIOS2"
    finish
fi
python=/usr/bin/python3
"$python" -c 'import casacore.tables' 2>/dev/null || { echo "python3-casacore is missing"; exit 1; }
export TMPDIR=$work

run adios2 check
expect_status 0; expect_out '^Adios2StMan +works'; expect_out '^ADIOS2 +2\.'; expect_out 'BP4 BP5'; expect_out '^casacore +3\.'
run adios2 check --json --keep
expect_status 0
"$python" -c 'import json; d = json.load(open("out")); assert d["supported"] and d["plugin"] and "casatools" in d' || fail "the JSON"
compgen -G 'pclean-*/_pclean_adios2_probe.tab' >/dev/null || fail "--keep should keep the table"
rm -rf pclean-*
mkdir -p conda/conda-meta
echo '{"version": "6.7.0", "build": "py311_nompi_1", "channel": "conda-forge", "subdir": "linux-64"}' >conda/conda-meta/casatools-6.7.0-1.json
CONDA_PREFIX=$work/conda run adios2 check
expect_out '^casatools +6\.7\.0, conda, build py311_nompi_1'
mkdir -p venv/lib/python3.11/site-packages/casatools-6.7.2.1.dist-info
CONDA_PREFIX= VIRTUAL_ENV=$work/venv run adios2 check
expect_out '^casatools +6\.7\.2\.1, pip'
run adios2 env
expect_status 0; expect_out '^export CASACORE_LDPATH='
eval "$(cat out)"

same() { # A B [WHERE]
    line="same_table $*"
    "$python" "$SOURCE/tests/tools/same_table.py" "$@" 2>err || fail "the tables differ"
}
n=0
for ms in "$DATA"/*.ms "$DATA"/*.MS; do
    engine=BP$((4 + n++ % 2))
    run adios2 convert "$ms" c.ms --engine $engine --verify
    expect_status 0; expect_out '^c\.ms$'
    run adios2 uses c.ms
    expect_status 0; expect_out '^DATA$'; expect_out '^FLAG$'
    "$python" "$SOURCE/tests/tools/same_managers.py" "$ms" c.ms "$(paste -sd, out)" >same 2>&1 || fail "other managers: $(cat same)"
    run adios2 restore c.ms r.ms --verify
    expect_status 0
    run adios2 uses r.ms
    expect_status 1; expect_no_out
    same "$ms" c.ms; same "$ms" r.ms
    rm -rf c.ms r.ms
done

# reference and concatenated MSs, and rows by TaQL
"$python" - "$DATA/vla_3c273_xband.ms" <<'END'
import sys, casacore.tables as ct
t = ct.table(sys.argv[1], ack=False)
t.query("ANTENNA1 > 3").copy("ref.ms")
t.query("ANTENNA1 > 3").copy("deep.ms", deep=True)
t.query("ANTENNA1 <= 3").copy("rest.ms", deep=True)
ct.msconcat(["deep.ms", "rest.ms"], "cat.ms")
END
run adios2 convert ref.ms c.ms --overwrite --verify
expect_status 0; same deep.ms c.ms
run adios2 convert cat.ms c.ms --overwrite --verify
expect_status 0; same cat.ms c.ms
run adios2 convert "$DATA/vla_3c273_xband.ms" c.ms --overwrite --taql 'ANTENNA1 > 3'
expect_status 0; same deep.ms c.ms

# long text is packed, which is said
"$python" - <<'END'
import casacore.tables as ct
n = 20000
t = ct.table("notes.tab", ct.maketabdesc([ct.makescacoldesc("NOTE", ""), ct.makearrcoldesc("WORDS", "", ndim=1), ct.makescacoldesc("TIME", 0.0)]), nrow=n, ack=False)
t.putcol("NOTE", ["note %d" % (row % 777) for row in range(n)])
for row in range(n):
    t.putcell("WORDS", row, ["w%d" % row] * (row % 3 + 1))
END
for engine in BP4 BP5; do
    run adios2 convert notes.tab packed.tab --columns NOTE,WORDS,TIME --engine $engine --overwrite --verify
    expect_status 0; expect_err 'packed, because it is text of more than 16384 rows: NOTE, WORDS'; same notes.tab packed.tab
    run adios2 restore packed.tab back.tab --overwrite
    expect_status 0; same notes.tab back.tab
done

# what is copied can be written, whatever the input
cp -r "$DATA/vla_3c273_xband.ms" ro.ms && chmod -R a-w ro.ms
run adios2 convert ro.ms c.ms --overwrite
expect_status 0
[ -z "$(find c.ms ! -type l ! -perm -u+w)" ] || fail "read-only files"
run adios2 convert "$DATA/vla_3c273_xband.ms" c.ms --overwrite --taql 'ANTENNA1 > 3'

# the parts have the rows of their windows, all of them, once
ms=$DATA/alma_hd142527_b9_3spw.ms
run adios2 split "$ms" sub/parts --engine BP5 --verify
expect_status 0; expect_out '^sub/parts/alma_hd142527_b9_3spw_spw0\.ms$'
[ "$(wc -l <out)" = 3 ] || fail "three parts"
for k in 0 1 2; do
    same "$ms" sub/parts/alma_hd142527_b9_3spw_spw$k.ms "DATA_DESC_ID in [select rowid() from ::DATA_DESCRIPTION where SPECTRAL_WINDOW_ID == $k]"
done
"$python" -c '
import casacore.tables as ct, glob, sys
assert sum(ct.table(p, ack=False).nrows() for p in glob.glob("sub/parts/*.ms")) == ct.table(sys.argv[1], ack=False).nrows()' "$ms" || fail "rows"
run adios2 split "$ms" sub/parts
expect_failure 'exists already'
run adios2 split "$DATA/lofar_tNDPPP-bda.MS" bda # cells of four shapes, in each window of one
expect_status 0
"$python" -c '
import casacore.tables as ct
for k, nchan in enumerate([3, 4, 1, 8]):
    assert list(ct.table("bda/lofar_tNDPPP-bda_spw%d.ms" % k, ack=False).getcoldesc("DATA")["shape"]) == [nchan, 4]' 2>err || fail "shapes of parts"

# a sub-table is left out only if it does not exist, and never one that an MS must have; an older copy stays as it was
ms=$DATA/lofar_tNDPPP-bda.MS
run adios2 convert "$ms" good.ms; expect_status 0
run adios2 convert "$ms" in2.ms; expect_status 0
before=$(state_of good.ms)
spoilt() { # COMMAND(S) IN THE FOLDER OF THE INPUT, EXPECTED
    rm -rf bad.ms bad2.ms
    cp -r "$ms" bad.ms; cp -r in2.ms bad2.ms
    (cd bad.ms && eval "$1"); (cd bad2.ms && eval "$1")
    for words in "convert bad.ms good.ms --overwrite" "convert bad.ms fresh.ms" "restore bad2.ms good.ms --overwrite" "split bad.ms parts"; do
        run adios2 $words
        expect_failure "$2"
    done
    for left in fresh.ms fresh.ms.part fresh.ms.lock good.ms.part good.ms.lock parts; do expect_missing $left; done
    [ "$before" = "$(state_of good.ms)" ] || fail "the older copy should be as it was"
}
spoilt ': >FIELD/table.dat' 'sub-table FIELD .*bad2?\.ms/FIELD\) cannot be read: '
spoilt 'truncate -s 300 HISTORY/table.dat' 'sub-table HISTORY .*cannot be read: '
spoilt 'rm ANTENNA/table.f0' 'sub-table ANTENNA .*cannot be read: '
spoilt 'truncate -s 100 SPECTRAL_WINDOW/table.f0' 'sub-table SPECTRAL_WINDOW .*cannot be read: '
spoilt 'rm POINTING/table.dat' 'sub-table POINTING .*cannot be read: '
spoilt 'rm -r STATE; ln -s nowhere STATE' 'sub-table STATE .*cannot be read: '
spoilt ': >QUALITY_KIND_NAME/table.dat' 'sub-table QUALITY_KIND_NAME .*cannot be read: '
spoilt ': >sky/NAMES/table.dat' 'sub-table sky .*cannot be read: .*NAMES'
put() { for at in $2; do printf "\\x${at#*:}" | dd of="$1" bs=1 seek="${at%:*}" conv=notrunc 2>/dev/null; done; } # FILE, BYTE:HEX...
spoilt 'put SPECTRAL_WINDOW/table.f0 "546:7f 199:ff 162:7f"' 'bad2?\.ms: casacore breaks down over it' # it would end the process
for needed in ANTENNA FEED FIELD FLAG_CMD HISTORY OBSERVATION POINTING POLARIZATION PROCESSOR SPECTRAL_WINDOW STATE; do
    rm -rf bad.ms; cp -r "$ms" bad.ms; rm -r bad.ms/$needed
    run adios2 convert bad.ms good.ms --overwrite
    expect_failure "bad\.ms: its sub-table $needed does not exist, and a MeasurementSet must have it"
done
rm -rf bad.ms; cp -r "$ms" bad.ms
"$python" -c 'import casacore.tables as ct; ct.table("bad.ms", readonly=False, ack=False).removekeyword("FEED")' 2>err || fail "removing a keyword"
run adios2 convert bad.ms good.ms --overwrite
expect_failure 'bad\.ms: its sub-table FEED does not exist, and a MeasurementSet must have it'
[ "$before" = "$(state_of good.ms)" ] || fail "the older copy should be as it was"
rm -rf bad.ms; cp -r "$ms" bad.ms; rm -r bad.ms/instrument
run adios2 convert bad.ms good.ms --overwrite
expect_status 0; expect_err 'WARNING: .*bad\.ms: its sub-table instrument does not exist, so the copy has none'
cp -r "$DATA/vla_3c273_xband.ms" source.ms; rm -r source.ms/SOURCE
run adios2 convert source.ms good.ms --overwrite # casacore opens no MS whose SOURCE is named but missing
expect_status 0; expect_err 'its sub-table SOURCE does not exist'
run image --vis good.ms --imagename nosource --imsize 32 --cell 1arcsec --niter 0
expect_status 0

# what cannot be
ms=$DATA/vla_3c273_xband.ms
run adios2 convert none.ms x.ms; expect_failure 'none\.ms does not exist'
run adios2 split none.ms x; expect_failure 'none\.ms: does not exist'
run adios2 uses none.ms; expect_failure 'none\.ms does not exist'
run adios2 restore "$ms" x.ms; expect_failure 'no column of it is in ADIOS2'
run adios2 convert "$ms" x.ms --columns LAG_DATA; expect_failure 'none of the columns'
run adios2 convert "$ms" x.ms --taql 'ANTENNA1 > 999'; expect_failure 'no row is selected'
run adios2 convert "$ms" nowhere/x.ms; expect_failure 'nowhere: No such file'
cp -r "$ms" in.ms; mkdir outer; cp -r in.ms outer/in.ms; touch outer/table.dat
before=$(state_of in.ms outer)
for words in "convert in.ms in.ms/x.ms" "convert in.ms in.ms/ANTENNA/deep/x.ms" "split in.ms in.ms" "split in.ms in.ms/parts" "convert outer/in.ms outer --overwrite"; do
    run adios2 $words
    expect_status 2; expect_err 'inside the input'
done
[ "$before" = "$(state_of in.ms outer)" ] || fail "the input was touched"
run adios2 split "$ms" new/parts --columns LAG_DATA; expect_failure 'none of the columns'
expect_missing new/parts
mkdir folder; touch folder/mine
run adios2 convert "$ms" folder --overwrite; expect_failure 'not a table'
expect_there folder/mine
before=$(state_of c.ms)
run adios2 convert "$ms" c.ms; expect_failure 'c\.ms exists already'
run adios2 convert "$ms" c.ms --overwrite --xml none.xml; expect_status 2; expect_err 'none\.xml'
run adios2 convert c.ms ./c.ms --overwrite; expect_status 2; expect_err 'must not be the input'
run adios2 convert "$ms" c.ms --overwrite --engine BP5 --param MaxShmSize=12parsec --param MinDeferredSize=nonsense; expect_status 1
[ "$before" = "$(state_of c.ms)" ] || fail "the old output should be as it was"
run adios2 convert "$ms" x.ms --engine HDF5; expect_status 2; expect_err 'BP4 or BP5'
run adios2; expect_usage 'which of check'
run adios2 konvert; expect_usage 'konvert'
run adios2 convert "$ms"; expect_usage 'takes 2 names'
run adios2 convert "$ms" x.ms --param Threads; expect_usage 'KEY=VALUE'
run adios2 convert "$ms" x.ms --engin BP4; expect_usage 'did you mean --engine'
run adios2 split "$ms" x --taql 1; expect_usage 'no meaning here'
run adios2 convert "$ms" d.ms --param 'MaxBufferSize=16 MiB' --param InitialBufferSize=1mb
expect_status 0; same "$ms" d.ms

# a disk that fills up (a limit on the size of files stands for it), a kill, an interrupt
ms=$DATA/vla_ngc5921.ms
for engine in BP4 BP5; do
    line="full disk, $engine"
    (trap '' XFSZ; ulimit -f 4000; exec "$PCLEAN" adios2 convert "$ms" x.ms --engine $engine >out 2>err)
    status=$?
    expect_status 1; expect_err 'pclean: error: .*is the disk full'
done
line="a file of casacore's that reaches its limit"
(trap '' XFSZ; ulimit -f 333; exec "$PCLEAN" adios2 convert "$ms" x.ms >out 2>err)
status=$?
expect_failure 'write error in .*: (the disk is full, or the file has reached its limit|File too large)'
export ms before
line="a small disk"
on_disk size=1m '"$PCLEAN" adios2 convert "$ms" disk/x.ms >out 2>err'
if ! no_disk "$line"; then
    expect_failure 'disk/x\.ms needs about [0-9.]+ MiB, but in disk there are 1\.0 MiB'
    [ ! -s left ] || fail "left behind: $(cat left)"
    line="a disk that others fill meanwhile, over an older output"
    on_disk size=40m 'cp -r d.ms disk/x.ms; find disk/x.ms -type f | sort | xargs sha256sum >sums
        "$PCLEAN" adios2 convert "$ms" disk/x.ms --overwrite --engine BP5 >out 2>err & pid=$!
        for i in $(seq 200); do [ -e disk/x.ms.part ] && break; sleep 0.01; done
        dd if=/dev/zero of=disk/fill bs=4k 2>dd; wait $pid; status=$?; rm -f disk/fill
        [ $status = 0 ] || find disk -type f | sort | xargs sha256sum | cmp - sums || exit 79
        exit $status'
    [ "$status" = 0 ] || expect_status 1 # it may have been quicker
    [ "$status" = 0 ] || tail -n 1 err | grep -q '^pclean: error: ' || fail "the error should be the last line"
    line="a read-only disk"
    on_disk size=40m 'mount -o remount,ro disk; "$PCLEAN" adios2 convert "$ms" disk/x.ms >out 2>err; first=$?; "$PCLEAN" adios2 split "$ms" disk/parts >>out 2>>err; exit $((first * 10 + $?))'
    expect_status 11; [ "$(grep -c '^pclean: error: .*Read-only file system' err)" = 2 ] || fail "two errors that say read-only"
fi
for delay in 0.03 0.1 0.2; do
    cp -r d.ms old.ms
    before=$(state_of old.ms)
    timeout --foreground -s KILL $delay "$PCLEAN" adios2 convert "$ms" old.ms --overwrite >out 2>err
    [ "$before" = "$(state_of old.ms)" ] || "$PCLEAN" adios2 uses old.ms >/dev/null || fail "killed after $delay s: neither the old output nor a new one"
    rm -rf old.ms*
    timeout --foreground -s KILL $delay "$PCLEAN" adios2 convert "$ms" k.ms >out 2>err
    timeout --foreground -s INT $delay "$PCLEAN" adios2 convert "$ms" i.ms >out 2>err
done 2>/dev/null
run adios2 convert "$ms" k.ms --overwrite
expect_status 0; expect_missing k.ms.part; expect_missing k.ms.lock
expect_missing i.ms.part; expect_missing i.ms.lock
for left in x.ms x.ms.part x.ms.lock; do expect_missing $left; done

# damage is an error of the imager, too
truncate -s -1 k.ms/table.f*.bp/data.0
run image --vis k.ms --imsize 64 --cell 15arcsec --imagename bad
expect_failure 'is not what was written'
# without the checksums, as another program's file, ADIOS2 waits for more
rm k.ms/table.f*.bp/pclean.sums k.ms/table.f*.bp/pclean.places
truncate -s 20000 k.ms/table.f*.bp/data.0
run adios2 restore k.ms x.ms
expect_failure 'a file is cut short and is read beyond its end again and again|ADIOS2 could not|did not finish'
expect_missing x.ms
finish
