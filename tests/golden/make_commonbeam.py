#!/usr/bin/env python3
"""make_commonbeam.py: common beams by CASA (casatools 6.7, image.commonbeam, which tclean's restoringbeam='common' uses), for tests/unit/test_commonbeam.c.

Writes commonbeam.tsv: 100 sets of 20 beams, a row per beam (set, major, minor in arcsec, pa in deg) and a row "common" with CASA's. Beams of all
orientations or nearly one, round or long, alike or not.
CASA's beam has up to 1.8 times the smallest area; where no single beam holds all others, mostly a little more than it needs (0.1 % in each axis).
"""
import os, shutil
import numpy as np
from casatools import image
here = os.path.dirname(os.path.abspath(__file__))
ia, rng, n = image(), np.random.default_rng(1), 20
ia.fromshape('commonbeam_tmp.im', [8, 8, 1, n], overwrite=True)
rows = ['#set\tmajor_arcsec\tminor_arcsec\tpa_deg']
for k in range(100):
    spread = [0.02, 0.3, 1.0][k % 3]
    ia.setrestoringbeam(remove=True)
    for i in range(n):
        major = 5 * np.exp(0.3 * spread * rng.normal())
        beam = [round(x, 5) for x in (major, major / (1 + spread * abs(rng.normal())), rng.uniform(-90, 90) if k % 4 else 30 + 5 * rng.normal())]
        rows.append('%d\t%.5f\t%.5f\t%.5f' % (k, *beam))
        ia.setrestoringbeam('%.5farcsec' % beam[0], '%.5farcsec' % beam[1], '%.5fdeg' % beam[2], channel=i, polarization=0)
    c = ia.commonbeam()
    rows.append('common\t%.12g\t%.12g\t%.12g' % tuple(c[x]['value'] for x in ('major', 'minor', 'pa')))
ia.done()
shutil.rmtree('commonbeam_tmp.im')
open(os.path.join(here, 'commonbeam.tsv'), 'w').write('\n'.join(rows) + '\n')
