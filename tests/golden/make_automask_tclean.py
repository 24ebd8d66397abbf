#!/usr/bin/env python3
"""make_automask_tclean.py DATA_DIR: runs of the real tclean (casatasks 6.7.0.31) with usemask='auto-multithresh' for tests/property/golden_automask.c.

Writes automask_tclean.tsv beside itself: name, ms, our parameters (comma separated name=value, as pclean takes them), iterdone, nmajordone, stopcode, model flux, and
the pixels of .mask in each channel. Run it in a scratch folder with OMP_NUM_THREADS=1.
"""
import os, sys
from casatasks import tclean
from casatools import image
ia = image()
here = os.path.dirname(os.path.abspath(__file__))
short = dict(usemask='auto-multithresh', sidelobethreshold=2.0, noisethreshold=4.25, lownoisethreshold=1.5, minbeamfrac=0.3)
cases = [('line', 'vla_ngc5921.ms', dict(specmode='cube', imsize=128, cell='15arcsec', weighting='briggs', robust=0.5, start=3, nchan=10, niter=2000, threshold='8mJy', **short)),
         ('negative', 'vla_ngc5921.ms', dict(specmode='cube', imsize=128, cell='15arcsec', weighting='briggs', robust=0.5, start=3, nchan=6, niter=2000, threshold='6mJy',
                                             negativethreshold=4.0, fastnoise=False, **short)),
         ('percent', 'vla_ngc5921.ms', dict(specmode='cube', imsize=128, cell='15arcsec', weighting='briggs', robust=0.5, start=6, nchan=4, niter=2000, threshold='4mJy',
                                            minpercentchange=1.0, **short)),
         ('continuum', 'alma_hd142527_b9_3spw.ms', dict(specmode='mfs', imsize=160, cell='0.03arcsec', weighting='briggs', robust=0.5, niter=2000, nsigma=3.0, **short)),
         ('outside', 'alma_hd142527_b9_3spw.ms', dict(specmode='mfs', imsize=160, cell='0.03arcsec', weighting='briggs', robust=0.5, niter=2000, nsigma=3.0, fastnoise=False, **short))]
rows = ['#name\tms\tparameters\titerdone\tnmajordone\tstopcode\tflux\tmask']
for name, ms, kw in cases:
    os.system('rm -rf golden_tmp.*')
    r = tclean(vis=os.path.join(sys.argv[1], ms), imagename='golden_tmp', interactive=False, **kw)
    ia.open('golden_tmp.model')
    flux = ia.getchunk().sum()
    ia.close()
    ia.open('golden_tmp.mask')
    mask = (ia.getchunk()[:, :, 0, :] > 0.5).sum(axis=(0, 1))
    ia.close()
    rows.append('\t'.join([name, ms, ','.join('%s=%s' % kv for kv in kw.items()), '%d' % r['iterdone'], '%d' % r['nmajordone'], '%d' % r['stopcode'], '%.6g' % flux,
                           ','.join('%d' % n for n in mask)]))
open(os.path.join(here, 'automask_tclean.tsv'), 'w').write('\n'.join(rows) + '\n')
os.system('rm -rf golden_tmp.*')
