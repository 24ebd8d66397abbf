# Samples that cannot be imaged: counted and named, whatever the weighting; never an image of them, never silence.
. "$(dirname "$(realpath "$0")")/lib.bash"
python=/usr/bin/python3
"$python" -c 'import casacore.images' 2>/dev/null || { echo "python3-casacore is missing"; exit 1; }
one="--threads 1 --nworkers 1 --overwrite --datacolumn data"

# all beyond the grid: the default cell for a VLBI set
for how in natural uniform briggs 'briggs --specmode cube' 'uniform --specmode cube --perchanweightdensity false' 'briggs --gridder wproject'; do
    run image --vis "$DATA/vlba_m87_mojave_2spw.ms" --imagename a --imsize 64 --spw 0 --weighting $how $one
    expect_status 1
    tail -n 1 err | grep -Eq 'all data lie beyond what the cell can carry.*use a smaller cell: one of [0-9.]+ ?[a-z]+ holds all samples' || fail "the error lacks the cell ($how)"
    expect_err 'cell 1.?arcsec is too coarse.*samples were left out.*use a cell of'; expect_err 'all data of channel 0.* lie beyond'
    grep -q 'no data' err && fail "there are data ($how)"
done
run plan --vis "$DATA/vlba_m87_mojave_2spw.ms" --imagename a --imsize 64 --no-time
expect_status 0; expect_out 'cell 1.?arcsec is too coarse for the longest baselines.*use a cell of'
good=$(sed -n 's/.*use a cell of \([^ ]* *[a-z]*\) or less.*/\1/p' out | tr -d ' ')
run plan --vis "$DATA/vlba_m87_mojave_2spw.ms" --imagename a --imsize 64 --no-time --cell "$good"
expect_status 0; grep -q 'too coarse' out && fail "the cell $good that was named is too coarse"
run image --vis "$DATA/vlba_m87_mojave_2spw.ms" --imagename a --imsize 64 --cell "$good" --spw 0 --weighting uniform $one
expect_status 0; grep -q 'too coarse' err && fail "the cell $good that was named is too coarse"

# some beyond it: the same number with every weighting
want=
for how in natural uniform 'briggs --robust -1' 'natural --gridder wproject' 'uniform --gridder wproject' 'uniform --uvtaper 20klambda' 'natural --uvtaper 1klambda' \
    'briggs --specmode cubedata' 'natural --niter 5' 'briggs --niter 5 --cyclecontrol global'; do
    run image --vis "$DATA/vla_3c273_xband.ms" --imagename a --imsize 64 --cell 2arcsec --weighting $how $one
    expect_status 0
    n=$(sed -n 's/.*too coarse for the longest baselines: \([0-9]*\) samples.*/\1/p' err)
    [ "${n:-0}" -gt 100 ] || fail "no samples are counted ($how)"
    [ "$n" = "${want:=$n}" ] || fail "$n samples are beyond the grid, with natural weights $want ($how)"
done
finish
