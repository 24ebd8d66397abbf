# What goes where: results on standard output, log and progress on standard error.
. "$(dirname "$(realpath "$0")")/lib.bash"
ms=$DATA/vla_ngc5921.ms
small="--vis $ms --imsize 64 --cell 15arcsec --specmode cube --start 20 --nchan 3 --niter 20 --restfreq 1.420405752GHz"

run image $small --imagename a
expect_status 0
expect_out 'stopped by'; expect_out '^ +0 +1\.413275 +1504\.93 '; expect_out '^chan +LSRK GHz +km/s'; expect_out '^ +2 '; expect_out '^Stopped by: '
expect_out '^Products'; expect_out '^  a\.image$'; expect_out '^  a\.run\.json$'
expect_out '^Time '; expect_out '^Memory '; expect_out '^Data '
grep -Eq '^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}  ' err || fail "log lines carry the time"
grep -q $'\r' err && fail "no bar where standard error is no terminal"
while read -r product; do expect_there "$product"; done < <(sed -n '/^Products/,/^Time/s/^  //p' out)

# what has no effect is in the log and in the record; what has some is not
run image $small --imagename n --restoration False --pbcor True --noisethreshold 3 --reffreq 1.4GHz --gain 0.2
expect_status 0; expect_err 'pbcor=true: without effect on this run \(restoration=false\)'; expect_err 'noisethreshold=3: without effect.*usemask'
expect_err 'reffreq=1.4GHz: without effect .*mtmfs'; grep -q 'gain=' err && fail "gain has an effect"
grep -q '"pbcor=true: without effect on this run (restoration=false)"' n.run.json || fail "the record lacks what had no effect"
expect_missing n.image; expect_missing n.image.pbcor

# planes of noise alone, and what was tried where CLEAN diverged
run image $small --start 2 --nchan 4 --niter 0 --imagename q
expect_status 0; expect_out '^Noise alone: channels 0-1$'; expect_err 'noise alone \(dirty peak below 4.5 times the rms\): channel 0-1$'
run image --vis $ms --imsize 96 --cell 15arcsec --niter 3000 --gain 1 --imagename v --restoration false
expect_status 0; expect_err 'channel 0: CLEAN diverged; back to [0-9]+ iterations and a peak of .* with a gain of 0.5'
expect_out 'CLEAN diverged in channel 0, went back to the best residual'
grep -q '"retries": 1' v.run.json || fail "the record lacks the retry"

run image $small --imagename b --progress none
expect_status 0
grep -q '%' err && fail "--progress none shows no progress"
run image $small --imagename c --progress lines --verbose
expect_status 0; expect_err '%'; expect_err 'debug: '

# JSON: every line an object; a line per plane; the end
run image $small --imagename d --progress json
expect_status 0; expect_out '^Products'
grep -Evq '^\{"event":"(start|progress|cycle|plane|log|result|end)",.*\}$' err && fail "a line that is no JSON object of a known event"
[ "$(grep -c '"event":"progress".*"plane":{"chan":' err)" = 3 ] || fail "each finished plane is reported once"
tail -n 1 err | grep -q '^{"event":"end","status":0,"error":null,' || fail "the last line tells the end"
if command -v python3 >/dev/null; then
    python3 -c 'import json,sys; [json.loads(l) for l in open("err")]' || fail "not JSON"
fi
run image --vis absent.ms --imagename e --progress json
expect_status 1; expect_no_out
tail -n 1 err | grep -q '^{"event":"end","status":1,"error":".*absent.ms' || fail "the last line tells the error"

# a bar on a terminal, cleared before log lines and at the end
if command -v script >/dev/null; then
    line='pclean image on a terminal'
    script -qec "$PCLEAN image $small --imagename f" typescript >/dev/null </dev/null
    status=$?
    expect_status 0
    grep -q $'\r.*\[#* *\] .*%' typescript || fail "no bar on a terminal"
fi

# the log closed: the run goes on
line='pclean image 2>&-'
"$PCLEAN" image $small --imagename g >out 2>&-; status=$?; : >err
expect_status 0; expect_there g.image
cmp a.image/table.f0_TSM0 g.image/table.f0_TSM0 >/dev/null || fail "the pixels differ: was the log written into them?"
line='pclean image, the reader of the log gone'
"$PCLEAN" image $small --imagename h 2> >(exec true) >out; status=$?
expect_status 0; expect_there h.image

# the label of the spectral axis is that of the frame that was asked for; a cube in the data's own frame has none, as tclean's
run image $small --imagename i --specmode cubedata --nchan 2
expect_status 0; grep -aq Undefined i.psf/table.dat || fail "cubedata should be labelled Undefined"
run image $small --imagename j --specmode cube --nchan 2
expect_status 0; grep -aq Undefined j.psf/table.dat && fail "a cube should be labelled LSRK"

# plot
run plot a.image
expect_status 0; expect_no_err; expect_out '^a\.image\.png$'; expect_there a.image.png
head -c 8 a.image.png | cmp -s - <(printf '\x89PNG\r\n\x1a\n') || fail "not a PNG file"
run plot a.image/ --output p.png --title T --field 10arcmin --panels 2 --size 800x450
expect_status 0; expect_there p.png
run plot a.image --output nowhere/p.png
expect_failure 'nowhere/p\.png'
mkdir folder && touch folder/kept
run plot a.image --output folder
expect_failure 'folder'
expect_there folder/kept
[ -z "$(compgen -G '*.png.part')" ] || fail "left behind: $(compgen -G '*.png.part')"
finish
