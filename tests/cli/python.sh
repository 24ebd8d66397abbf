# libpclean in a Python program that has casacore of its own, loaded before it or after it: python3-casacore, and CASA's modules where
# PCLEAN_CASA_PYTHON names a Python that has them. Both image or read by turns; our pixels are those of the command.
. "$(dirname "$(realpath "$0")")/lib.bash"
ms=$DATA/vla_3c273_xband.ms
run image --vis "$ms" --imagename command --imsize 64 --cell 1arcsec --specmode cube --nchan 2 --niter 50
expect_status 0
wanted=$(cat command.{image,model,psf,residual}/table.f0_TSM0 | sha256sum | cut -d' ' -f1)
preload=
if grep -aq __asan_init "$PCLEAN"; then
    export ASAN_OPTIONS=detect_leaks=0 # of Python, which is not of this kind
    preload="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so) $(gcc -print-file-name=libstdc++.so)"
fi
together() { # PYTHON
    for first in us them; do
        line="$1 together.py, $first first"
        rm -rf us.* theirs
        LD_PRELOAD=$preload "$1" "$SOURCE/tests/tools/together.py" "$BUILD/libpclean.so" "$ms" $first >out 2>err </dev/null
        status=$?
        expect_status 0
        [ "$(tail -n 1 out)" = "$wanted" ] || fail "other pixels than the command's, $wanted"
    done
}
if /usr/bin/python3 -c 'import casacore.tables, casacore.images' 2>err; then
    together /usr/bin/python3
else
    echo "skipped: /usr/bin/python3 has no casacore (Debian package python3-casacore): $(tail -n 1 err)"
fi
if [ -n "${PCLEAN_CASA_PYTHON:-}" ]; then
    together "$PCLEAN_CASA_PYTHON"
else
    echo "CASA: not tested, PCLEAN_CASA_PYTHON names no Python"
fi
finish
