# Sub-cubes and virtual cubes of a run: the same pixels as the plain run, refused or removed like every product.
. "$(dirname "$(realpath "$0")")/lib.bash"
image="--vis $DATA/vla_ngc5921.ms --imsize 64 --cell 15arcsec --specmode cube --start 3 --nchan 7 --niter 50 --threshold 5mJy --pbcor --nworkers 2 --threads 1"
products="image image.pbcor mask model pb psf residual sumwt"

# joined NAME: the pixel and mask files of the sub-cubes of NAME (a glob), one after the other, are those of the plain run
joined() {
    for x in $products; do
        for file in table.f0_TSM0 mask0/table.f0_TSM0; do
            [ -f plain.$x/$file ] || continue
            cat $1.subcube.?.$x/$file | cmp -s - plain.$x/$file || fail "$1: other pixels in $x/$file"
        done
    done
}
count() { compgen -G "$1" | wc -l; }

run image $image --imagename plain
expect_status 0
[ "$(count 'plain.subcube.*')" = 0 ] || fail "sub-cubes that nobody asked for"

# keep_subcubes: as many as workers, and a list of them
run image $image --imagename keep --keep_subcubes --cyclecontrol channel
expect_status 0; joined keep
[ "$(count 'keep.subcube.?.image')" = 2 ] || fail "one sub-cube for each worker"
grep -q '"subcubes": 2' keep.run.json || fail "the record lacks the sub-cubes"
expect_there keep.image/imageconcat.json; expect_missing keep.image/table.dat
run image $image --imagename keep
expect_failure '16 of sub-cubes'

# an older sub-cube alone is kept, too
run image $image --imagename lone --nchan 1
expect_status 0
mkdir aside; cp -r lone.image aside/lone.subcube.0.image; rm -rf lone.*; mv aside/* .
run image $image --imagename lone
expect_failure '1 of sub-cubes'
expect_there lone.subcube.0.image; expect_missing lone.image

# the parts are those of the specification: 3, 2, 2 channels
run image $image --imagename three --concat_mode nomovevirtual --cube_chunksize 3
expect_status 0; joined three
[ "$(stat -c %s three.subcube.*.image/table.f0_TSM0 | tr '\n' ' ')" = "49152 32768 32768 " ] || fail "sizes of the parts"

# inside the cube: it stays whole when it is moved; the start model of a restart is read from there
run image $image --imagename move --concat_mode movevirtual --cube_chunksize 1 --cyclecontrol global
expect_status 0
[ "$(count 'move.subcube.*')" = 0 ] || fail "sub-cubes beside the cube"
run image $image --imagename whole --cyclecontrol global
expect_status 0
mkdir elsewhere; cp -r move.image elsewhere/other.image
run plot elsewhere/other.image
expect_status 0
for i in 0 1 2 3 4 5 6; do cat move.image/move.subcube.$i.image/table.f0_TSM0; done | cmp -s - whole.image/table.f0_TSM0 || fail "movevirtual, cyclecontrol global: other pixels"
for name in move whole; do
    run image $image --imagename $name --restart --niter 100 $([ $name = move ] && echo --concat_mode virtual)
    expect_status 0
done
cat move.subcube.?.model/table.f0_TSM0 | cmp -s - whole.model/table.f0_TSM0 || fail "restart from a virtual model"

# paged with sub-cubes: both
run image $image --imagename both --concat_mode paged --keep_subcubes
expect_status 0; joined both
for x in $products; do cmp -s both.$x/table.f0_TSM0 plain.$x/table.f0_TSM0 || fail "paged with sub-cubes: $x"; done

# a run that replaces another leaves none of its sub-cubes behind, nor what a killed run left
mkdir three.subcube.9.psf.part
run image $image --imagename three --keep_subcubes --cube_chunksize 4 --overwrite
expect_status 0; joined three
[ "$(count 'three.subcube.*')" = 16 ] || fail "sub-cubes of the older run: $(compgen -G 'three.subcube.*' | tr '\n' ' ')"
run image $image --imagename three --overwrite
expect_status 0
[ "$(count 'three.subcube.*')" = 0 ] || fail "sub-cubes of the older run: $(compgen -G 'three.subcube.*' | tr '\n' ' ')"

# a failure in the middle of making them leaves nothing
(trap '' XFSZ; ulimit -f 100; run image $image --imsize 256 --imagename gone --keep_subcubes --cube_chunksize 1; expect_failure 'gone.subcube'; exit $failures) || failures=1
[ "$(count 'gone.*')" = 0 ] || fail "left behind: $(compgen -G 'gone.*')"
run image $image --imagename mfs --specmode mfs --nchan -1 --start '' --concat_mode virtual --keep_subcubes
expect_status 0; expect_there mfs.image/table.dat
run image $image --imagename x --cube_chunksize 0
expect_usage 'cube_chunksize'
finish
