# Images of ADIOS2-backed MSs are those of the original ones, to the byte: made by pclean, and by wsclean with the plug-in where there is a wsclean.
. "$(dirname "$(realpath "$0")")/lib.bash"
[ -d "$BUILD/adios2stman" ] || { echo "not tested, this build has no ADIOS2"; exit 0; }
eval "$("$PCLEAN" adios2 env)"
command -v wsclean >/dev/null || echo "wsclean is not here: its images are not compared"

dirty() { # NAME MS: pclean's status
    local cell=0.5arcsec
    [[ $ms == *vlba* ]] && cell=0.1mas
    run image --vis "$2" --imsize 64 --cell $cell --field 0 --datacolumn data --threads 1 --imagename "$1" --overwrite
    echo $status
}
wsdirty() { # NAME MS: the pixels of wsclean's image; nothing where it cannot read the MS
    rm -rf w.ms w-*.fits
    cp -r "$2" w.ms
    chmod -R u+w w.ms # wsclean wants to write
    wsclean -no-reorder -j 1 -data-column DATA -size 64 64 -scale 0.5asec -name w w.ms >wsclean.log 2>&1 && tail -c 16384 w-dirty.fits >"$1"
}
n=0 nimage=0 nwsclean=0
for ms in "$DATA"/*.ms "$DATA"/*.MS; do
    rm -rf c.ms a.* b.* wa wb
    run adios2 convert "$ms" c.ms --engine BP$((4 + n++ % 2))
    expect_status 0
    [ "$(dirty a "$ms")" = "$(dirty b c.ms)" ] || fail "$ms: one can be imaged, the other not"
    if [ -d a.residual ]; then
        nimage=$((nimage + 1))
        for e in psf residual; do
            cmp a.$e/table.f0_TSM0 b.$e/table.f0_TSM0 || fail "$ms: $e differs"
        done
    fi
    if command -v wsclean >/dev/null && wsdirty wa "$ms"; then # it cannot read some of the originals
        nwsclean=$((nwsclean + 1))
        wsdirty wb c.ms || fail "wsclean: $(tail -n 1 wsclean.log)"
        cmp wa wb || fail "$ms: wsclean's image differs"
    fi
done
line="number of images"
[ $nimage -ge $((n - 1)) ] || fail "only $nimage of $n could be imaged" # one MS is flagged
! command -v wsclean >/dev/null || [ $nwsclean -ge 5 ] || fail "wsclean could read $nwsclean of $n"

# a cleaned cube, of some columns
ms=$DATA/vla_ngc5921.ms
small="--imsize 64 --cell 15arcsec --specmode cube --start 8 --nchan 3 --niter 20 --threads 1"
run image --vis "$ms" $small --imagename cube
expect_status 0
for engine in BP4 BP5; do
    run adios2 convert "$ms" c.ms --engine $engine --overwrite --columns DATA,FLAG,WEIGHT,UVW
    expect_status 0
    run image --vis c.ms $small --imagename other --overwrite
    expect_status 0
    for e in psf residual image model; do
        cmp cube.$e/table.f0_TSM0 other.$e/table.f0_TSM0 || fail "$e differs with $engine"
    done
done
finish
