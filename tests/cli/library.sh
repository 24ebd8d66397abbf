# The library links neither casacore nor C++, shows only pclean_* functions, and starts its program for casacore.
. "$(dirname "$(realpath "$0")")/lib.bash"

line="ldd libpclean.so"
ldd "$BUILD/libpclean.so" >out
grep -qE 'libcasa|libstdc' out && fail "linked: $(grep -E 'libcasa|libstdc' out)"
line="nm -D libpclean.so"
nm -D --defined-only "$BUILD/libpclean.so" | awk '$3 !~ /^(pclean_|[.]gomp_critical)/ { print $3 }' >out
[ -s out ] && fail "visible: $(cat out)"

# by hand it says what it is
line=pclean-casa
"$BUILD/pclean-casa" </dev/null >out 2>err
status=$?
expect_status 2; expect_no_out; expect_err 'libpclean starts this program'

# without it, or with something else in its place, a sentence
mkdir here
cp "$(realpath "$BUILD/libpclean.so")" here/libpclean.so.0
cp "$PCLEAN" here/pclean
PCLEAN=here/pclean
ms=$DATA/vla_3c273_xband.ms
run image --vis "$ms" --imsize 32 --cell 1arcsec --imagename x
expect_failure 'the program pclean-casa, which reads and writes casacore.s tables, is neither in '
[ -z "$(compgen -G 'x.*')" ] || fail "left behind: $(compgen -G 'x.*')"
ln -s /bin/true here/pclean-casa
run image --vis "$ms" --imsize 32 --cell 1arcsec --imagename x
expect_failure 'pclean-casa does not start: it ended with status 0'
rm here/pclean-casa
version=$("$PCLEAN" --version | grep -o '[0-9]*\.[0-9]*\.[0-9]*' | head -n 1)
sed "s/${version//./[.]}/9.9.9/g" "$BUILD/pclean-casa" >here/pclean-casa # a version as long as this one
chmod +x here/pclean-casa
run image --vis "$ms" --imsize 32 --cell 1arcsec --imagename x
expect_failure "pclean-casa is of another version of pclean \\(9\\.9\\.9, this is $version\\): install both together"
rm here/pclean-casa
export PCLEAN_CASA=$BUILD/pclean-casa
run image --vis "$ms" --imsize 32 --cell 1arcsec --imagename x
expect_status 0

# it dies once, wherever: nothing is to be seen of that; it dies always: a sentence, and nothing is left
unset PCLEAN_CASA
PCLEAN=$BUILD/pclean
sum() { cat "$1".*/*_TSM0 | sha256sum; }
for n in 1 2 3 5 8 12 20; do
    rm -f died
    export PCLEAN_CASA_DIES=$n:$work/died
    run image --vis "$ms" --imsize 32 --cell 1arcsec --imagename "x$n" --niter 5
    unset PCLEAN_CASA_DIES
    expect_status 0
    [ -e died ] || [ $n -gt 12 ] || fail "it did not die at call $n"
    [ "$(sum "x$n")" = "$(sum x1)" ] || fail "the pixels differ"
    export PCLEAN_CASA_DIES=$n
    run image --vis "$ms" --imsize 32 --cell 1arcsec --imagename "y$n"
    unset PCLEAN_CASA_DIES
    [ $status = 0 ] || expect_failure 'casacore (breaks down over it|was killed by SIGSEGV)'
    [ $status = 0 ] || [ -z "$(compgen -G "y$n.*")" ] || fail "left behind: $(compgen -G "y$n.*")"
done

# it dies twice over a header: the old products stay, the finished planes are kept and named; the next run removes them
image="--vis $ms --imsize 32 --cell 1arcsec --niter 5 --nworkers 2"
run image $image --imagename h --stokes RR
expect_status 0
before=$(state_of h.*)
for mode in '' '--specmode cube --nchan 4 --cube_chunksize 2 --concat_mode movevirtual'; do
    run image $image $mode --imagename right
    expect_status 0
    export PCLEAN_CASA_DIES=PCL_CALL_IMAGE_FINISH
    run image $image $mode --imagename h --overwrite
    unset PCLEAN_CASA_DIES
    expect_failure 'h.*\.part: casacore was killed by SIGSEGV while finishing the header of it; .* all planes are finished and are kept, .* in the images h\.\*\.part, which the next run of this name removes'
    rm -rf kept && mkdir kept && mv h.*.part kept
    [ "$before" = "$(state_of $(ls -d h.* | grep -v lock))" ] || fail "old products were touched"
    [ "$(cat kept/h.*image*.part/*_TSM0 kept/h.*image*.part/*/*_TSM0 2>/dev/null | sha256sum)" = "$(cat right.image/*_TSM0 right.image/*/*_TSM0 2>/dev/null | sha256sum)" ] || fail "other planes were kept"
    mv kept/* .
    run image $image --imagename h --stokes RR --overwrite
    expect_status 0
    [ -z "$(compgen -G 'h.*.part')$(compgen -G 'h.lock')" ] || fail "left behind: $(compgen -G 'h.*')"
    before=$(state_of h.*)
    rm -rf right.*
done
# and once: nothing is to be seen
rm -f died
export PCLEAN_CASA_DIES=PCL_CALL_IMAGE_FINISH:$work/died
run image $image --imagename h --stokes RR --overwrite
unset PCLEAN_CASA_DIES
expect_status 0
expect_there died
finish
