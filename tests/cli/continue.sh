# What a run starts from: models on the pixels of the image and no others, masks on any, and the mask of the run that is continued.
. "$(dirname "$(realpath "$0")")/lib.bash"
cube="--vis $DATA/vla_ngc5921.ms --imsize 48 --cell 15arcsec --specmode cube --progress none"
image="image $cube --start 10 --nchan 3 --threads 1"
same() { cmp -s "$1/table.f0_TSM0" "$2/table.f0_TSM0" || fail "$1 and $2 differ"; }
differ() { ! cmp -s "$1/table.f0_TSM0" "$2/table.f0_TSM0" || fail "$1 and $2 should differ"; }
shape='circle[[24pix,24pix],6pix], range=[1chan,2chan]'

# ---- a mask of several channels is of these channels, a model of these and in Jy/pixel
run $image --imagename m --niter 20 --mask "$shape"; expect_status 0
run $image --imagename n --niter 20 --mask m.mask; expect_status 0; same m.image n.image
run $image --imagename n --overwrite --niter 0 --startmodel m.model; expect_status 0; rm -rf n.*
run image $cube --start 10 --nchan 1 --imagename one --niter 20 --mask 'circle[[24pix,24pix],6pix]'; expect_status 0
run image $cube --start 12 --nchan 2 --imagename n --niter 20 --mask one.mask; expect_status 0; rm -rf n.* # one channel serves all
refused() { # OPTION SENTENCE ARGUMENTS: before anything is made
    run $image --imagename n --niter 5 --$1 "${@:3}"; expect_usage "$2"
    [ -z "$(compgen -G 'n.*')" ] || fail "left behind: $(compgen -G 'n.*')"
}
refused startmodel "model m.model has other channel frequencies than the image: its channel 0" m.model --start 11
refused startmodel "model m.model has other channel frequencies than the image: its channel 1" m.model --width=-1 --start 10
refused startmodel "model m.model has its frequencies in another frame than the image .LSRK, not TOPO" m.model --outframe TOPO
refused startmodel "model m.model has its frequencies in another frame" m.model --specmode cubedata
refused startmodel "model m.model has another cell" m.model --cell 15.1arcsec

# ---- a mask on another grid is that of the nearest pixels and channels, with a line in the log
as_region() { # REGION ARGUMENTS: m.mask regridded is what the region would be
    run $image --imagename n --overwrite --niter 5 --mask m.mask "${@:2}"; expect_status 0; expect_err 'mask m\.mask is on another grid'
    run $image --imagename o --overwrite --niter 5 --mask "$1" "${@:2}"; expect_status 0
    same n.mask o.mask; same n.model o.model; rm -rf n.* o.*
}
as_region 'circle[[24pix,24pix],6pix], range=[0chan,1chan]' --start 11
as_region 'circle[[24pix,24pix],6pix], range=[1chan,2chan]' --width=-1 --start 13
as_region "$shape" --outframe TOPO # the same channels of the data at the first row's time
as_region 'circle[[12pix,12pix],3pix], range=[1chan,2chan]' --imsize 24 --cell 30arcsec
refused mask 'the channels of mask m\.mask cannot be brought to the image.s: it or the image has no frequency frame' m.mask --specmode cubedata
refused mask 'mask m\.mask selects no pixel of the image' m.mask --start 20
refused mask 'mask m\.mask and the others selects no pixel' "['m.mask', 'm.mask']" --start 20

# ---- of several masks all together
run $image --imagename n --niter 20 --mask "['one.mask', '$shape', 'box[[2pix,2pix],[5pix,5pix]], range=[0chan,0chan]']"; expect_status 0
printf '%s\n' 'circle[[24pix,24pix],6pix]' 'box[[2pix,2pix],[5pix,5pix]], range=[0chan,0chan]' >all.crtf
run $image --imagename o --niter 20 --mask all.crtf; expect_status 0; same n.mask o.mask; same n.image o.image; rm -rf n.* o.*
refused startmodel 'another Stokes parameter than the image: I where the image has RR' m.model --stokes RR
refused startmodel 'm.image is in Jy/beam, as a restored image .*give the .model' m.image
refused startmodel 'm.mask has no unit, a model has Jy/pixel' m.mask

# ---- a continued run cleans where the earlier one did, whatever the number of workers; one of whole cubes, one of lists
cp -r m.mask first.mask
for k in 1 2 3; do
    for product in m.*; do [ -d "$product" ] && cp -r "$product" "c$k${product#m}"; done
done
for k in 1 2 3; do
    run $image --imagename c$k --restart --niter 60 --nworkers $k; expect_status 0; expect_err "mask: c$k.mask, of the run that is continued"
    same c$k.mask first.mask; same c$k.model c1.model
done
differ c1.model m.model
run $image --imagename e --niter 0 --startmodel m.model; expect_status 0 # the same, by hand
run $image --imagename e --overwrite --niter 60 --startmodel m.model --mask first.mask; expect_status 0
same e.model c1.model; same e.image c1.image
run $image --imagename s --niter 20 --mask "$shape" --keep_subcubes --cube_chunksize 1 --concat_mode virtual; expect_status 0
run $image --imagename s --niter 60 --restart --keep_subcubes --cube_chunksize 1 --concat_mode virtual; expect_status 0
cat s.subcube.?.model/table.f0_TSM0 | cmp -s - c1.model/table.f0_TSM0 || fail "restart from a virtual mask"
run $image --imagename c1 --restart --niter 0; expect_status 0; same c1.mask first.mask

# tclean's rule: another mask beside NAME.mask is an error, usemask=pb takes its place; NAME.mask without a model counts, too
before=$(state_of c1.*)
run $image --imagename c1 --restart --niter 60 --mask 'circle[[10pix,10pix],3pix]'
expect_usage 'mask and restart were both given and c1.mask exists; leave mask out .* or remove it first'
run image $cube --start 11 --nchan 3 --imagename c1 --restart --niter 60; expect_usage 'c1\.model has other channel frequencies'
[ "$before" = "$(state_of c1.*)" ] || fail "products were touched"
rm -rf c2.model; run $image --imagename c2 --restart --niter 20; expect_status 0; same c2.model m.model
run $image --imagename c3 --restart --niter 60 --usemask pb --pbmask 0.3; expect_status 0; differ c3.mask first.mask
run $image --imagename z --niter 0; expect_status 0
run $image --imagename z --restart --niter 20 --mask "$shape"; expect_status 0; same z.model m.model # niter 0 left no mask

# ---- a model of zeros that nobody asked for is not written; one that was given or is continued is
run $image --imagename z --overwrite --niter 0 --restoration false; expect_status 0; expect_missing z.model; expect_missing z.image; expect_there z.residual
run $image --imagename y --niter 0 --restoration false --cyclecontrol global; expect_status 0; expect_missing y.model
same y.residual z.residual
run $image --imagename y --overwrite --niter 0; expect_status 0; expect_there y.model
run $image --imagename z --overwrite --niter 0 --restoration false --startmodel y.model; expect_status 0; same z.model y.model; same z.residual y.residual
run $image --imagename z --restart --niter 0 --restoration false; expect_status 0; same z.model y.model
finish
