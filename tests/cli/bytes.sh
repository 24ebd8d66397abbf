# The pixels and records of some twenty runs are those of tests/golden/bytes.tsv, to the byte. A change that is meant
# brings new rows (REFRESH=1 makes them) and a line in CHANGELOG.md that says why.
. "$(dirname "$(realpath "$0")")/lib.bash"
. "$SOURCE/tests/bytes.bash"
golden=$SOURCE/tests/golden/bytes.tsv
set=$(bytes_set)
mkdir runs && (cd runs && bytes_runs "$PCLEAN" "$DATA") >now || fail "a run failed: $(grep failed now)"
"$PCLEAN" adios2 check >/dev/null 2>&1 || echo "without ADIOS2: its run is left out"
if [ "${REFRESH:-}" = 1 ]; then
    { grep -v "^$set	" "$golden"; sed "s/ /\t/g; s/^/$set\t/" now; } >new && cp new "$golden"
fi
if ! grep -q "^$set	" "$golden"; then
    [ "$set" != avx2+fma ] || fail "no rows for $set in $golden"
    echo "no rows for the kernels of this machine ($set): nothing is compared"
    finish
fi
grep "^$set	" "$golden" | cut -f2- | tr '\t' ' ' >want
grep -q '^adios2 ' now || sed -i '/^adios2 /d' want
diff want now >differ || fail "bytes changed: $(sed -n 's/^> //p' differ | head -20 | tr '\n' ';')"
finish
