# A telescope of which nothing is known, whose antennas have no dish diameter: the image is made, .pb is 1, and it is said.
. "$(dirname "$(realpath "$0")")/lib.bash"
python=/usr/bin/python3
"$python" -c 'import casacore.images' 2>/dev/null || { echo "python3-casacore is missing"; exit 1; }
small="--imsize 64 --cell 0.6arcsec --datacolumn data --threads 1 --nworkers 1"
cp -r "$DATA/vla_3c273_xband.ms" x.ms; chmod -R u+w x.ms
"$python" - <<'END'
from casacore.tables import table
t = table('x.ms/OBSERVATION', readonly=False, ack=False)
t.putcol('TELESCOPE_NAME', ['NOWHERE'] * t.nrows())
t = table('x.ms/ANTENNA', readonly=False, ack=False)
t.putcol('DISH_DIAMETER', t.getcol('DISH_DIAMETER') * 0)
END
for how in '' '--pblimit 0' '--pblimit -0.2' '--niter 10 --usemask pb --pbmask 0.3' '--specmode cubedata --gridder wproject'; do
    rm -rf a.*
    run image --vis x.ms --imagename a $small $how
    expect_status 0; expect_err 'no primary beam is known for telescope "NOWHERE".*\.pb is 1 everywhere'
    "$python" - <<'END' 2>>err || fail "the products ($how)"
from casacore.images import image
im = image('a.pb')
assert (im.getdata() == 1).all() and not im.getmask().any()
assert not image('a.image').getmask().any() and abs(image('a.image').getdata()).max() > 20
END
done
# the same pixels as with a known beam, but for the mask
run image --vis "$DATA/vla_3c273_xband.ms" --imagename b $small; run image --vis x.ms --imagename c $small
cmp -s b.image/table.f0_TSM0 c.image/table.f0_TSM0 || fail "the image depends on the telescope's name"

rm -rf a.*
run image --vis x.ms --imagename a $small --pbcor
expect_failure 'pbcor.*NOWHERE.*x\.ms.*DISH_DIAMETER'; expect_missing a.image; expect_missing a.run.json
run plan --vis x.ms --imagename a $small --pbcor --no-time
expect_failure 'pbcor.*NOWHERE'
finish
