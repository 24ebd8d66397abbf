# Data without a rest frequency: the middle of the selected data stands for it, as in tclean, and whoever means a velocity hears of it.
. "$(dirname "$(realpath "$0")")/lib.bash"
m87=$DATA/vlba_m87_mojave_2spw.ms  # two windows of one channel of 8 MHz, at 8104.45875 and 8112.45875 MHz
hera=$DATA/hera_zen_2458101.ms     # 101 channels of 97.65625 kHz from 148.828125 MHz
small="--imsize 32 --threads 1 --nworkers 1 --imagename out --stokes XX --cell 900arcsec"

image() { rm -rf out.*; run image $small --niter 0 "$@"; }
restfreq() { # HZ FROM
    grep -q "\"restfreq_from\": \"$2\"" out.run.json || fail "the record should say: $2"
    grep '"restfreq_hz"' out.run.json | tr -d ' ,' | awk -F: -v want="$1" '{exit !($2 - want < 0.01 && want - $2 < 0.01)}' ||
        fail "the rest frequency is not $1 but $(grep restfreq_hz out.run.json)"
}
middle='middle of the selected data'

image --vis "$m87" --stokes RR --cell 1marcsec --specmode cubedata
expect_status 0; restfreq 8108458750 "$middle"; expect_err 'rest frequency: the data have none; the middle of the selected data, 8\.1084[0-9]* GHz'
image --vis "$m87" --stokes RR --cell 1marcsec --specmode cubedata --spw 1
expect_status 0; restfreq 8112458750 "$middle"
image --vis "$hera" --specmode cube
expect_status 0; restfreq 153710937.5 "$middle"
image --vis "$hera" --specmode cube --spw '0:10~20;40' --start 12 --nchan 2 # of the selection, whatever is imaged
expect_status 0; restfreq 151269531.25 "$middle"
! grep -q 'velocity' err || fail "no velocity was meant"
image --vis "$hera" --outframe TOPO # a continuum image's own frequency
expect_status 0; restfreq 153710937.5 "$middle"
image --vis "$hera" --specmode cube --outframe TOPO --width 500km/s --spw 0:10~20
expect_status 0; restfreq 150292968.75 "$middle"
expect_err 'WARNING: start or width is a velocity, but the data have no rest frequency.* middle of the selected data, 150\.29.* MHz; give restfreq'
grep -q 'start or width is a velocity, but' out.run.json || fail "the record lacks the warning"
image --vis "$hera" --specmode cube --start 90000km/s
expect_status 2; expect_err 'no rest frequency: it counts from the middle of the selected data.*restfreq: start="90000km/s" .*is outside the data'
image --vis "$hera" --specmode cube --width 500km/s --restfreq 150MHz
expect_status 0; restfreq 150000000 restfreq
! grep -q 'WARNING: start' err || fail "the rest frequency was given"
region='circle[[16pix,16pix],5pix]'
image --vis "$hera" --specmode cube --outframe TOPO --mask "$region, range=[-500km/s,500km/s]"
expect_status 0; expect_err 'WARNING: mask has a range in velocity, but the data have no rest frequency.*middle of the selected data, 153\.71.* MHz; give restfreq'
grep -q 'mask has a range in velocity, but' out.run.json || fail "the record lacks the warning"
for given in '-500km/s,500km/s], restfreq=153.7MHz' '0chan,3chan]' '150MHz,151MHz]'; do
    image --vis "$hera" --specmode cube --outframe TOPO --mask "$region, range=[$given"
    expect_status 0; ! grep -q 'WARNING: mask has' err || fail "nothing was guessed"
done
image --vis "$hera" --specmode cube --outframe TOPO --mask "$region, range=[-500km/s,500km/s]" --restfreq 153.7MHz
expect_status 0; ! grep -q 'WARNING: mask has' err || fail "the rest frequency was given"
image --vis "$DATA/vla_ngc5921.ms" --stokes I --cell 20arcsec --specmode cube --start 1500km/s --nchan 1
expect_status 0; restfreq 1420405752 SOURCE.REST_FREQUENCY
run plan --vis "$hera" $small --specmode cube --no-time --json
expect_status 0; expect_out '"restfreq_from": ?"middle of the selected data"'
finish
