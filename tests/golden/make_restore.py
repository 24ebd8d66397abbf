#!/usr/bin/env python3
"""make_restore.py FOLDER: .image for a given restoringbeam, made by the real tclean (casatasks 6.7.0.31), for tests/property/golden_clean.c.

FOLDER holds the unpacked vla_ngc5921.ms of tests/data. mfs, 128 x 128 pixels of 15 arcsec, briggs 0.5, pblimit -0.2. Writes restore.tsv (name, niter,
restoringbeam, peak of .image) and the middle 64 x 64 pixels of each .image, [y][x], as restore_NAME.f32.
tclean convolves the residual (unit volume) with what brings the fitted beam to the given one and multiplies it by the ratio of their areas, if the narrow
width of that Gaussian exceeds a pixel's diagonal; else the residual is added as it is (case narrow; `close` is just below the diagonal).
"""
import os, shutil, sys, numpy as np
from casatasks import tclean
from casatools import image
ia = image()
here = os.path.dirname(os.path.abspath(__file__))
cases = [('round', 100, ['90arcsec']), ('oval', 100, ['110arcsec', '70arcsec', '50deg']), ('narrow', 100, ['30arcsec']), ('close', 100, ['56arcsec', '50arcsec', '5deg']),
         ('dirty', 0, ['90arcsec'])]
rows = ['#name\tniter\trestoringbeam\tpeak']
for name, niter, beam in cases:
    os.system('rm -rf golden_tmp.*')
    tclean(vis=os.path.join(sys.argv[1], 'vla_ngc5921.ms'), imagename='golden_tmp', specmode='mfs', imsize=128, cell='15arcsec', weighting='briggs', robust=0.5,
           niter=niter, restoringbeam=beam, pblimit=-0.2, interactive=False)
    ia.open('golden_tmp.image')
    a = ia.getchunk(getmask=False)[32:96, 32:96, 0, 0].T
    ia.close()
    np.ascontiguousarray(a).astype('<f4').tofile(os.path.join(here, 'restore_%s.f32' % name))
    rows.append('%s\t%d\t%s\t%.9g' % (name, niter, ','.join(beam), a.max()))
open(os.path.join(here, 'restore.tsv'), 'w').write('\n'.join(rows) + '\n')
os.system('rm -rf golden_tmp.*')
