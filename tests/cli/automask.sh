# Automatic masks from outside: verdicts on empty ones, what verbose tells, runs that go on, the presets.
. "$(dirname "$(realpath "$0")")/lib.bash"
cube="--vis $DATA/vla_ngc5921.ms --imsize 64 --cell 15arcsec --specmode cube --start 3 --nchan 4 --niter 60 --weighting briggs --usemask auto-multithresh --preset alma-12m-short"
same() { cmp -s "$1/table.f0_TSM0" "$2/table.f0_TSM0" || fail "$1 and $2 differ"; }
differ() { cmp -s "$1/table.f0_TSM0" "$2/table.f0_TSM0" && fail "$1 and $2 are the same"; }

# one plane of noise among others: named, not cleaned, no failure
run image $cube --imagename a --verbose
expect_status 0
expect_err 'debug: channel 3, polarization 0: mask 2 by (noise|sidelobes): new above .* mJy, grown above .* mJy, negative below nothing, rms .* mJy; [0-9]+ new regions \([0-9]+ pruned\), [0-9]+ grown \([0-9]+ pruned\), [0-9]+ pixels'
expect_err 'nothing to clean in channel 0: nothing stands out of the noise there, and no minor cycle was made .*noisethreshold=4\.25'
expect_out 'Empty mask, not cleaned: channel 0$'
grep -q '"stop": *"empty mask"' a.run.json || fail "the record has no verdict on the empty mask"
run image $cube --imagename b --mask 'circle[[32pix,32pix],3pix]'
expect_status 0; expect_err 'mask=.*: without effect on this run \(usemask=auto-multithresh finds its own'; grep -q 'debug: channel' err && fail "only verbose tells of masks"
same a.mask b.mask; same a.model b.model

# all planes empty: the products are there, and it is a failure unless that is allowed
run image $cube --imagename e --noisethreshold 1000
expect_status 1; expect_err 'usemask=auto-multithresh found nothing to mask in any channel'; expect_there e.image; expect_there e.mask
run image $cube --imagename f --noisethreshold 1000 --niter 0; expect_status 0; same e.residual f.residual
run image $cube --imagename e --overwrite --noisethreshold 1000 --allow-empty; expect_status 0; expect_err 'nothing to clean in channel 0-3'
run image $cube --imagename g --noisethreshold 1000 --cyclecontrol global; expect_status 1; expect_err 'found nothing to mask'
same g.residual f.residual; same g.mask e.mask
# a user's mask that leaves nothing, likewise
run image $cube --usemask user --imagename u --pblimit 0.9 --mask 'circle[[1pix,1pix],1pix]'; expect_status 1; expect_err 'the mask leaves no pixel'
run image $cube --usemask user --imagename u --overwrite --pblimit 0.9 --mask 'circle[[1pix,1pix],1pix]' --allow_empty true; expect_status 0

# a run that goes on begins with the mask of the first: it only grows
cp -r a.mask before.mask
run image $cube --imagename a --restart --noisethreshold 1000 --sidelobethreshold 1000 --growiterations 0; expect_status 0
same a.mask before.mask

# bad values are sentences; the masks of a blank or beamless plane are no numbers that are none
run image $cube --imagename x --sidelobethreshold -1 --minbeamfrac -2 --growiterations -1 --cutthreshold 1 --noisethreshold=nan
expect_usage 'sidelobethreshold=-1: 0 or more'
for word in minbeamfrac=-2 growiterations=-1 cutthreshold=1 noisethreshold=nan; do expect_err "$word"; done
run image --vis "$DATA/sim_alma_topo.ms" --specmode cube --imsize 64 --cell 0.5arcsec --nchan 6 --start 20 --niter 30 --usemask auto-multithresh --minbeamfrac 1.5 --imagename blank
expect_status 1; expect_err 'no data in channel'; expect_err 'found nothing to mask' # minbeamfrac: no region is that large
if command -v python3 >/dev/null; then
    python3 -c 'import sys, array; a = array.array("f"); a.frombytes(open("blank.image/table.f0_TSM0", "rb").read()); sys.exit(any(v != v for v in a))' || fail "NaN in an image"
fi
finish
