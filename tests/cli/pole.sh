# Phase centres on and beside the poles: the world coordinates in the headers are those of the pixels, for all readers.
. "$(dirname "$(realpath "$0")")/lib.bash"
python=/usr/bin/python3
"$python" -c 'import casacore.images' 2>/dev/null || { echo "python3-casacore is missing"; exit 1; }

# MS with its phase centre at RA and DEC (degrees, J2000), one source 20 cells east and 30 north of it: u l + v m turns of phase
cat >make.py <<'END'
import sys, numpy as np
from casacore.tables import table
ra, dec, cell = float(sys.argv[1]), float(sys.argv[2]), np.radians(0.6 / 3600)
f = table('x.ms/FIELD', readonly=False, ack=False)
for c in ('PHASE_DIR', 'DELAY_DIR', 'REFERENCE_DIR'):
    v = f.getcell(c, 0)
    f.putcell(c, 0, np.radians([ra, dec]).reshape(v.shape))
    k = f.getcolkeyword(c, 'MEASINFO')
    k['Ref'] = 'J2000'
    f.putcolkeyword(c, 'MEASINFO', k)
m = table('x.ms', readonly=False, ack=False)
freq = table('x.ms/SPECTRAL_WINDOW', ack=False).getcell('CHAN_FREQ', 0)
uvw = m.getcol('UVW')
turns = (uvw[:, 0] * 20 + uvw[:, 1] * 30)[:, None] * cell * freq[None, :] / 299792458.0
d = m.getcol('DATA')
d[...] = np.exp(2j * np.pi * turns)[:, :, None]
m.putcol('DATA', d)
END
# the peak and a mask in all products: where the header has it, against the SIN projection undone
cat >check.py <<'END'
import sys, os, numpy as np
from casacore.images import image
ra, dec, cell = np.radians(float(sys.argv[1])), np.radians(float(sys.argv[2])), np.radians(0.6 / 3600)
d = image('a.image').getdata()[0, 0]
y, x = np.unravel_index(np.argmax(d), d.shape)
assert (x, y) == (64 - 20, 64 + 30), (x, y)
l, m = 20 * cell, 30 * cell
n = np.sqrt(1 - l * l - m * m)
lat = np.arctan2(m * np.cos(dec) + n * np.sin(dec), np.hypot(l, n * np.cos(dec) - m * np.sin(dec)))
lon = ra + np.arctan2(l, n * np.cos(dec) - m * np.sin(dec))
for ext in ('image', 'psf', 'residual', 'model', 'pb', 'mask', 'image.pbcor'):
    w = image('a.' + ext).toworld((0, 0, y, x))
    off = np.hypot((w[3] - lon + np.pi) % (2 * np.pi) - np.pi, 0) * np.cos(lat), w[2] - lat
    assert abs(off[0]) < 1e-3 * cell and abs(off[1]) < 1e-3 * cell, (ext, w, lon, lat)
assert image('a.mask').getdata()[0, 0, y, x] == 1
END
for centre in '0 90' '77 90' '77 -90' '77 89.9999999999' '77 89.99999' '77 -89.9999999' '200 30'; do
    rm -rf x.ms a.* b.*
    cp -r "$DATA/vla_3c273_xband.ms" x.ms; chmod -R u+w x.ms
    "$python" make.py $centre
    set -- $centre
    # the mask as text, and as an image that the first run has made
    run image --vis x.ms --imagename a --imsize 128 --cell 0.6arcsec --datacolumn data --niter 20 --pbcor --mask 'circle[[44pix,94pix],9pix]'
    expect_status 0
    "$python" check.py $centre 2>err || fail "centre $centre"
    run image --vis x.ms --imagename b --imsize 128 --cell 0.6arcsec --datacolumn data --niter 20 --pbcor --mask a.mask
    expect_status 0
    cmp -s a.mask/table.f0_TSM0 b.mask/table.f0_TSM0 || fail "centre $centre: the mask as an image differs"
    cmp -s a.image/table.f0_TSM0 b.image/table.f0_TSM0 || fail "centre $centre: the images differ"
    run plot a.image --output a.png
    expect_status 0
done
# the circle in world coordinates, on the pole itself
rm -rf x.ms a.* b.*
cp -r "$DATA/vla_3c273_xband.ms" x.ms; chmod -R u+w x.ms
"$python" make.py 0 90
run image --vis x.ms --imagename a --imsize 128 --cell 0.6arcsec --datacolumn data --niter 20 --pbcor --mask 'circle[[146.30993deg,89.99399074deg],5.4arcsec]'
expect_status 0
"$python" check.py 0 90 2>err || fail "circle in world coordinates"
finish
