#!/usr/bin/env python3
"""make_beams.py FOLDER: beams fitted by the real tclean (casatools 6.7.0.31) for tests/unit/test_beam.c.

FOLDER holds the unpacked vla_ngc5921_contsub.ms, vla_3c273_xband.ms, alma_hd142527_b9_3spw.ms. Writes beside itself, for each case,
beams_NAME.bin (the .psf, float32 [ny][nx]) and one row of beams.tsv: name nx ny cellx celly (arcsec) major minor (arcsec) pa (deg) sidelobe.
"""
import os, sys, numpy as np
from casatasks import tclean
from casatools import image
ia = image()
here = os.path.dirname(os.path.abspath(__file__))
ngc, c273, hd = ('vla_ngc5921_contsub.ms', '0:30'), ('vla_3c273_xband.ms', '0'), ('alma_hd142527_b9_3spw.ms', '0')
cases = [('briggs', ngc, [64, 64], [15, 15], 'briggs', 0.5), ('natural', ngc, [50, 50], [12, 12], 'natural', 0),
         ('cells', ngc, [48, 80], [20, 11], 'briggs', 0.), ('tall', ngc, [40, 72], [15, 15], 'uniform', 0), ('odd', c273, [65, 65], [0.6, 0.6], 'natural', 0),
         ('coarse', c273, [48, 48], [2.0, 2.0], 'uniform', 0), ('alma', hd, [64, 50], [0.05, 0.05], 'briggs', 0.5)]
rows = ['# name nx ny cellx celly major minor pa sidelobe   (tclean, casatools 6.7.0.31; arcsec, deg)']
for name, (ms, spw), imsize, cell, weighting, robust in cases:
    os.system('rm -rf golden_tmp.*')
    r = tclean(vis=os.path.join(sys.argv[1], ms), spw=spw, imagename='golden_tmp', specmode='mfs', imsize=imsize, cell=['%garcsec' % c for c in cell], weighting=weighting,
               robust=robust, pblimit=-1e-6, niter=1, nmajor=1, interactive=False)
    ia.open('golden_tmp.psf')
    b = ia.restoringbeam()
    a = ia.getchunk()[:, :, 0, 0].astype(np.float32)
    ia.close()
    np.asfortranarray(a).T.tofile(os.path.join(here, 'beams_%s.bin' % name))
    rows.append('%s %d %d %g %g %.9g %.9g %.9g %.9g' % (name, *imsize, *cell, b['major']['value'], b['minor']['value'], b['positionangle']['value'], r['maxpsfsidelobe']))
open(os.path.join(here, 'beams.tsv'), 'w').write('\n'.join(rows) + '\n')
os.system('rm -rf golden_tmp.*')
