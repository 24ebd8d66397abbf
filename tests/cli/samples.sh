# Samples that cannot be imaged: counted and named, whatever the weighting; never an image of them, never silence.
in_memory=yes
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

# values and weights that single precision cannot add up: left out, counted; the image is that of the other samples
cat >edit.py <<'END'
import sys, shutil, numpy as np
from casacore.tables import table
what, x = sys.argv[1], np.float32(sys.argv[2])
shutil.rmtree('x.ms', ignore_errors=True)
shutil.copytree(sys.argv[3], 'x.ms')
m = table('x.ms', readonly=False, ack=False)
rows = range(m.nrows()) if 'all' in what else [100, 2000]
f = m.getcol('FLAG')
f[100] = f[2000] = 'flag' in what  # the rows count, or do not
m.putcol('FLAG', f)
for r in rows:
    for c in ['DATA'] if 'data' in what else ['WEIGHT', 'WEIGHT_SPECTRUM'] if 'weight' in what else []:
        if c in m.colnames() and m.iscelldefined(c, r):
            m.putcell(c, r, m.getcell(c, r) * 0 + x)
END
chmod -R u+w . ; spoil() { "$python" edit.py "$1" "$2" "$DATA/vla_3c273_xband.ms" && chmod -R u+w x.ms; }
small="--vis x.ms --imsize 64 --cell 0.6arcsec $one"
spoil flag 0
for how in natural 'briggs --niter 20' uniform; do
    name=want-${how%% *}
    run image --imagename $name --weighting $how $small
    expect_status 0
done
for x in 'data 3e38' 'data 1e20' 'weight 1e38' 'weight 1e20' 'weight 1e-40'; do
    spoil $x
    for how in natural uniform 'briggs --niter 20 --cyclecontrol global'; do
        run image --imagename a --weighting $how $small
        expect_status 0; expect_err '^.*[24] samples were left out: their value or weight.*single precision'
        grep -q '"absurd": [24]' a.run.json || fail "the record does not count them ($x, $how)"
        for ext in psf image residual model sumwt; do
            cmp -s a.$ext/table.f0_TSM0 want-${how%% *}.$ext/table.f0_TSM0 || fail "$ext is not that of the other samples ($x, $how)"
        done
    done
done
for x in 'all-data 3e38' 'all-weight 1e38' 'all-weight 1e-40'; do
    spoil $x
    rm -rf a.*
    run image --imagename a $small
    expect_status 1; expect_err '^pclean: error: no usable visibility is left in x\.ms: .*too large or small for single precision'
    "$python" -c "
from casacore.images import image
assert all((image('a.' + e).getdata() == 0).all() for e in ('image', 'psf', 'residual', 'sumwt'))" 2>>err || fail "the image is not blank ($x)"
done
# weights far from 1, but not absurd: the same image
for x in 1e15 1e-25; do
    spoil all-weight $x; run image --imagename a --weighting briggs --niter 20 $small; expect_status 0
    spoil all-weight 1; run image --imagename b --weighting briggs --niter 20 $small; expect_status 0
    "$python" -c "
from casacore.images import image
a, b = image('a.image').getdata(), image('b.image').getdata()
assert abs(a - b).max() < 1e-4 * abs(b).max(), abs(a - b).max()" 2>>err || fail "weights of $x"
done

# a plane that is not finite (of a model beyond all bounds): blank, named, status 1, the others as they are without it
cube="--vis $DATA/vla_ngc5921.ms --imsize 64 --cell 15arcsec --specmode cube --start 20 --nchan 3 --threads 1 --overwrite"
run image --imagename m --niter 5 $cube
expect_status 0
"$python" -c "
from casacore.images import image
im = image('m.model'); d = im.getdata(); d[1, 0, 20:40, 20:40] = 3e38; im.putdata(d)"
before=$(state_of m.model)
for how in '--niter 0' '--niter 5' '--niter 5 --nworkers 2' '--niter 5 --nworkers 2 --cyclecontrol global'; do
    run image --imagename c --startmodel m.model $how $cube
    expect_status 1; expect_err '^pclean: error: channel 1 is not finite.*blank in the products'; expect_err 'WARNING: channel 1 is not finite'
    "$python" - <<'END' 2>>err || fail "the products ($how)"
import json, numpy as np
from casacore.images import image
for ext in ('image', 'psf', 'residual', 'model', 'sumwt'):
    d = image('c.' + ext).getdata()
    assert np.isfinite(d).all() and not d[1].any() and d[0].any() and d[2].any(), ext
planes = json.load(open('c.run.json'))['planes']
assert [p['stopcode'] == 22 for p in planes] == [False, True, False] and planes[1]['nvis'] == 0
END
    [ "$before" = "$(state_of m.model)" ] || fail "the start model changed"
done
rm -rf c.*
run image --imagename c --niter 5 $cube --start 21 --nchan 1
expect_status 0
"$python" -c "
from casacore.images import image
im = image('c.model'); im.putdata(im.getdata() * 0 + 3e38)"
rm -rf d.*
run image --imagename d --niter 5 --startmodel c.model $cube --start 21 --nchan 1
expect_status 1; expect_err '^pclean: error: no channel of the image is finite.*no product was changed'; expect_missing d.image
finish
