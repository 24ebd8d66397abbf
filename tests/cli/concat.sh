# pclean concat and verify as a user meets them: results, refusals, and what stays as it was.
. "$(dirname "$(realpath "$0")")/lib.bash"
run image --vis "$DATA/vla_ngc5921.ms" --imagename a --imsize 32 --cell 30arcsec --specmode cube --start 3 --nchan 6 --pbcor --keep_subcubes --concat_mode paged --cube_chunksize 2
expect_status 0
parts="a.subcube.0.image a.subcube.1.image a.subcube.2.image"

run concat j.image $parts --progress none
expect_status 0; expect_out 'j.image: paged, 3 images, 6 planes'; expect_missing j.image.lock
cmp -s j.image/table.f0_TSM0 a.image/table.f0_TSM0 && cmp -s j.image/mask0/table.f0_TSM0 a.image/mask0/table.f0_TSM0 || fail "other pixels than the run's own cube"
before=$(state_of j.image)
run concat j.image $parts; expect_failure 'j.image exists already and is kept'
run concat j.image $parts --overwrite --json --progress none; expect_status 0; expect_out '"mode": "paged"'
run concat one.image a.subcube.1.image --progress none; expect_status 0

# what does not go together
run concat x.image a.subcube.1.image a.subcube.0.image; expect_failure 'a.subcube.0.image lies before a.subcube.1.image .*--reorder'
run concat x.image a.subcube.1.image a.subcube.0.image --reorder --progress none; expect_status 0; rm -r x.image
run concat x.image a.subcube.0.image a.subcube.2.image; expect_failure 'a gap of 2 pixels'
run concat x.image a.subcube.0.image a.subcube.0.image --relax; expect_failure 'overlap'
run concat x.image a.subcube.0.image a.subcube.1.residual; expect_failure 'its unit is'
run concat x.image a.subcube.0.image nothing.image; expect_failure 'nothing.image: no such image'
run concat a.subcube.0.image $parts --overwrite; expect_usage 'is the output and one of the inputs'
run concat x.image $parts --axis 9; expect_usage 'no axis 9'
run concat x.image; expect_usage 'which images shall become x.image'
run concat x.image $parts --mode fast; expect_usage 'paged, virtual'
run concat x.image $parts --overwirte; expect_usage 'did you mean --overwrite'
expect_missing x.image; expect_missing x.image.concat.part; expect_missing x.image.lock

# another process holds the name
(flock -x 9; "$PCLEAN" concat x.image $parts >out 2>err; echo $? >status) 9>x.image.lock
status=$(cat status); expect_failure 'another process is making x.image now'
rm -f x.image.lock

# virtual ones; a moved folder stays valid
run concat v.image $parts --virtual --progress none
expect_status 0; expect_err 'deprecated'; expect_there v.image/imageconcat.json
run verify v.image --against $parts --full; expect_status 0
mkdir moved && cp -r a.subcube.?.image moved
run concat m.image moved/a.subcube.?.image --mode movevirtual --progress none
expect_status 0; [ -z "$(ls moved)" ] || fail "the inputs should have moved"
mv m.image moved/n.image
run verify moved/n.image --against a.image --full; expect_status 0
run concat p.image moved/n.image --progress none; expect_status 0
cmp -s p.image/table.f0_TSM0 a.image/table.f0_TSM0 || fail "a virtual image made paged"

# sub-cubes of all products: a failed one does not stop the others; deleted only after success
for x in image residual psf; do rm -r a.$x; done
truncate -s 100 a.subcube.1.residual/table.f0_TSM0
run concat --subcubes a --overwrite --delete-subcubes --progress none
expect_status 1; expect_err 'a.residual failed: .*truncated'; expect_err '1 of 7 images were not joined: a.residual'
expect_there a.image; expect_there a.psf; expect_missing a.residual; expect_there a.subcube.0.image
run concat --subcubes a -n 4 --ext .image --overwrite; expect_status 1; expect_err 'a.subcube.3.image is missing'
run concat --subcubes a --ext .image,.psf --overwrite --dry-run; expect_status 0; expect_out 'would make a.psf'
run concat --subcubes a --ext .image,.psf --overwrite --delete-subcubes --verify full --progress none
expect_status 0; expect_missing a.subcube.0.image; expect_missing a.subcube.2.psf; expect_there a.subcube.0.pb
cmp -s p.image/table.f0_TSM0 a.image/table.f0_TSM0 || fail "joined sub-cubes"
run concat --subcubes nothing; expect_failure 'there are no sub-cubes'

# killed while the sub-cubes are removed: the same command finishes; what another image has under these names stays
run image --vis "$DATA/vla_ngc5921.ms" --imagename k --imsize 16 --cell 30arcsec --specmode cube --start 3 --nchan 3 --cube_chunksize 1 --keep_subcubes --concat_mode virtual --progress none; expect_status 0
mkdir keep; cp -r k.subcube.* keep
finish_k="concat --subcubes k --delete-subcubes --overwrite --progress none"
run $finish_k; expect_status 0; expect_missing k.subcube.0.image
cp -r keep/k.subcube.2.image .; cp -r keep/k.subcube.1.image k.subcube.1.image.removed.part; rm k.subcube.1.image.removed.part/table.dat; cp -r keep/k.subcube.?.residual .
touch k.lock k.image.lock k.psf.lock
sum=$(state_of k.image)
run $finish_k; expect_status 0; expect_err 'k.image is complete; an earlier run was killed'; [ -z "$(ls -d k.subcube.* k*.lock 2>/dev/null)" ] || fail "left: $(ls -d k.subcube.* k*.lock)"
[ "$sum" = "$(state_of k.image)" ] || fail "k.image should stay as it is"
cp -r keep/k.subcube.2.residual k.subcube.2.image
run $finish_k; expect_failure 'k.subcube.0.image is missing .3 parts are expected'; expect_there k.subcube.2.image
[ "$sum" = "$(state_of k.image)" ] || fail "k.image should stay as it is"

# an image that nobody can open is none
cp -r a.image noinfo.image; rm noinfo.image/table.info
run verify noinfo.image; expect_failure 'noinfo.image/table.info is missing or damaged'
run concat x.image noinfo.image; expect_failure 'noinfo.image/table.info is missing or damaged'; expect_missing x.image

# names of Taylor terms
for x in image.tt0 image.tt1 psf.tt2 residual.tt0 image.tt0.pbcor alpha.error; do
    for i in 0 1 2; do cp -r moved/n.image/a.subcube.$i.image t.subcube.$i.$x; done
done
cp -r t.subcube.0.image.tt0 t.subcube.0.other
run concat --subcubes t --progress none; expect_status 0
for x in image.tt0 image.tt1 psf.tt2 residual.tt0 image.tt0.pbcor alpha.error; do cmp -s t.$x/table.f0_TSM0 p.image/table.f0_TSM0 || fail "t.$x"; done
expect_missing t.other; expect_missing t.lock

# verify tells what is wrong
run verify a.image; expect_status 0; expect_out '6 planes, all is well'
dd if=/dev/zero of=a.image/table.f0_TSM0 bs=4096 count=1 seek=2 conv=notrunc status=none
run verify a.image; expect_failure '1 of 6 planes hold nothing but zeros, the first is 2'
run verify a.image --against p.image --full; expect_failure 'plane 2 is not that'
truncate -s 100 a.image/table.f0_TSM0
run verify a.image; expect_failure 'truncated'
finish
