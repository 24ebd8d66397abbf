# restoringbeam and restoration: which products there are, what is said, workers, parts one by one.
. "$(dirname "$(realpath "$0")")/lib.bash"
ms=$DATA/vla_ngc5921.ms
image="--vis $ms --imsize 48 --cell 20arcsec --specmode cube --start 3 --nchan 5 --niter 30 --threads 1 --pbcor"
same() { for x in "${@:3}"; do cmp -s $1.$x/table.f0_TSM0 $2.$x/table.f0_TSM0 || fail "$1 and $2: other pixels in $x"; done; }
record() { python3 -c "import json; r = json.load(open('$1.run.json')); print($2)"; }

# one beam of all planes, for any number of workers, in both cyclecontrols, from a file of visibilities, by any kind of worker
run image $image --imagename own; expect_status 0
[ "$(record own "r['restoring_beam']['major_arcsec']")" = 0.0 ] || fail "each plane has its own beam"
for control in channel global; do
    run image $image --imagename $control.1 --restoringbeam common --cyclecontrol $control --nworkers 1; expect_status 0
    expect_err 'common beam of all planes: [0-9.]+ arcsec x [0-9.]+ arcsec at'
    run image $image --imagename $control.3 --restoringbeam common --cyclecontrol $control --nworkers 3 --scratch .; expect_status 0
    same $control.1 $control.3 image image.pbcor residual model psf pb sumwt mask
    export PCLEAN_WORKERS=attached
    run image $image --imagename $control.2 --restoringbeam common --cyclecontrol $control --nworkers 2; expect_status 0
    unset PCLEAN_WORKERS
    same $control.1 $control.2 image image.pbcor residual model
done
same own channel.1 residual model psf pb sumwt mask
cmp -s own.image/table.f0_TSM0 channel.1.image/table.f0_TSM0 && fail "the beams should differ"
[ "$(record channel.1 "r['restoring_beam']['major_arcsec'] >= max(p['beam']['major_arcsec'] for p in r['planes'])")" = True ] || fail "the common beam holds all"

# that beam given by its numbers makes the same image, to what the text rounds; without CLEAN too
beam=$(record channel.1 "'[%.17garcsec,%.17garcsec,%.17gdeg]' % tuple(r['restoring_beam'][k] for k in ('major_arcsec', 'minor_arcsec', 'pa_deg'))")
run image $image --imagename given --restoringbeam "$beam"; expect_status 0
python3 - <<'END' || fail "the same beam, another image"
import struct
a, b = (struct.unpack("<%df" % (len(x) // 4), x) for x in (open(n + ".image/table.f0_TSM0", "rb").read() for n in ("channel.1", "given")))
assert len(a) == len(b) and max(abs(x - y) for x, y in zip(a, b)) < 1e-6 * max(a)
END
run image $image --imagename dirty --restoringbeam common --niter 0; expect_status 0; expect_there dirty.image.pbcor; expect_missing dirty.mask

# one plane: its own beam
one="--vis $ms --imsize 48 --cell 20arcsec --niter 30 --threads 1"
run image $one --imagename mfs; expect_status 0
run image $one --imagename mfs.common --restoringbeam common; expect_status 0; expect_err 'restoringbeam=common: without effect.*one plane'
same mfs mfs.common psf residual model

# nothing restored
run image $image --imagename no --restoration false --restoringbeam common; expect_status 0
expect_err 'restoringbeam=common, pbcor=true: without effect on this run \(restoration=false\)'
expect_missing no.image; expect_missing no.image.pbcor; same own no residual model psf pb sumwt mask

# refused
run image $image --imagename bad --restoringbeam Common; expect_usage 'restoringbeam=Common: common, or sizes above 0'
run image $image --imagename bad --restoringbeam '[5]'; expect_usage 'restoringbeam=5: common, or sizes above 0 with their unit'
run image $image --imagename bad --restoringbeam '[50arcsec, 90arcsec]'; expect_usage 'the major axis comes first'
run image $image --imagename bad --restoringbeam 1000arcsec; expect_usage 'restoringbeam=1000arcsec: the beam is larger than the image'
expect_missing bad.psf

# a channel with hardly any data spoils it for all, and is named
spoilt="--vis $ms,$ms --spw \"['0:4~11','0:12']\" --uvrange \"['','<250m']\" --imsize 48 --cell 20arcsec --specmode cubedata --interpolation nearest --nchan 9 --threads 1"
line="a spoilt beam"; eval "run image $spoilt --imagename wild --restoringbeam common"; expect_status 0
expect_err 'WARNING: the common beam has [0-9.]+ times the area of the median .* without channel 8: '

# no data at all: no beam, a failure as ever
run image $image --imagename blank --restoringbeam common --start 1.5GHz --width 1MHz --overwrite; [ "$status" != 0 ] || fail "there are no data"

# parts: each says that it waits; the last step restores; a second joining finds it done
run partition $image --imagename part --restoringbeam common -n 3 --write parts; expect_status 0
for part in parts/*.yaml; do
    run image $part; expect_status 0; expect_err 'not restored yet: .* pclean concat --subcubes then makes .image and .image.pbcor'
done
expect_missing part.subcube.0.image; expect_missing part.subcube.0.image.pbcor; expect_there part.subcube.0.residual
grep -q 'not restored yet' part.subcube.0.run.json || fail "the record should say so"
run concat --subcubes part --dry-run; expect_status 0; expect_err 'would be restored'; expect_missing part.subcube.0.image
run concat --subcubes part --ext .residual,.psf; expect_status 0; expect_missing part.subcube.0.image
run concat --subcubes part --overwrite; expect_status 0; expect_err 'common beam of the 3 parts of part'
same channel.1 part image image.pbcor residual model psf pb sumwt mask
run concat --subcubes part; expect_failure 'exists already'
run concat --subcubes part --overwrite; expect_status 0; same channel.1 part image image.pbcor
run concat --subcubes part --mode movevirtual --overwrite; expect_status 0; expect_missing part.subcube.1.image
for x in image image.pbcor; do
    cat part.$x/part.subcube.?.$x/table.f0_TSM0 | cmp -s - channel.1.$x/table.f0_TSM0 || fail "other pixels in the moved parts of $x"
done

# a part made again is restored again; one of another kind, or none, is an error
rm -rf part.*
for part in parts/*.yaml; do run image $part; done
run concat --subcubes part; expect_status 0
run image parts/part.subcube.1.yaml --overwrite; expect_status 0; expect_missing part.subcube.1.image; expect_missing part.subcube.1.image.pbcor
run concat --subcubes part --overwrite; expect_status 0; same channel.1 part image image.pbcor
run image parts/part.subcube.1.yaml --overwrite --restoringbeam ""; expect_status 0
run concat --subcubes part --overwrite; expect_failure 'of the parts of part, some wait for their common beam .*number 1 does not'
same channel.1 part image image.pbcor
rm -rf part.subcube.1.model
run image parts/part.subcube.1.yaml --overwrite; rm -rf part.subcube.1.model
run concat --subcubes part --overwrite; expect_failure 'part.subcube.1.model'
same channel.1 part image image.pbcor
finish
