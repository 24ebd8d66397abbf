#!/usr/bin/env python3
"""make_hogbom.py MS: golden numbers of tests/unit/test_hogbom.c from the real tclean (casatools 6.7.0.31).

MS is vla_ngc5921_contsub.ms, unpacked. Images channel 30, 96 x 96 pixels of 15 arcsec, briggs 0.5. Writes beside itself, float32, x fastest:
  hogbom_residual.bin hogbom_psf.bin    tclean's own, niter=0
  hogbom_NAME.bin                       tclean's .model of one minor cycle (nmajor=1, cyclefactor tiny, minpsffraction 0)
  hogbom_mask.bin                       bytes, the .mask of the runs `inmask` and `inmask_thr`
  hogbom.tsv                            the runs: name gain threshold cycleniter mask, and tclean's record: niter stopcode peak flux
Run it in a scratch folder: /opt/casa/bin/python make_hogbom.py /path/to/vla_ngc5921_contsub.ms
"""
import os, sys, numpy as np
from casatasks import tclean
from casatools import image
ia = image()
here = os.path.dirname(os.path.abspath(__file__))
common = dict(vis=sys.argv[1], specmode='mfs', imsize=96, cell='15arcsec', weighting='briggs', robust=0.5, spw='0:30', pblimit=-1e-6, interactive=False)
region = 'circle[[45pix,50pix],14pix]'
# cycleniter below 5000: one block; 12000: blocks of 2000, ended by code 4 (possible divergence)
runs = [('n200', 0.1, 0.0, 200, ''), ('thr', 0.1, 0.006, 4000, ''), ('blocks', 0.1, 0.0, 12000, ''),
        ('inmask', 0.2, 0.0, 300, region), ('inmask_thr', 0.05, 0.004, 3000, region)]


def run(**k):
    os.system('rm -rf golden_tmp.*')
    return tclean(imagename='golden_tmp', **common, **k)


def pixels(ext):
    ia.open('golden_tmp' + ext)
    a = ia.getchunk()[:, :, 0, 0]
    ia.close()
    return np.asfortranarray(a.astype(np.float32)).T  # [ny][nx]


def save(name, a):
    a.tofile(os.path.join(here, 'hogbom_%s.bin' % name))


run(niter=0)
save('residual', pixels('.residual'))
save('psf', pixels('.psf'))
rows = ['# name gain threshold cycleniter mask niter stopcode peak flux   (tclean, casatools 6.7.0.31)']
for name, gain, threshold, n, mask in runs:
    r = run(niter=n, gain=gain, threshold='%gJy' % threshold, nmajor=1, cyclefactor=1e-5, minpsffraction=0., mask=mask, fullsummary=True)
    s = r['summaryminor'][0][0][0]
    save(name, pixels('.model'))
    if mask:
        (pixels('.mask') > 0.5).astype(np.uint8).tofile(os.path.join(here, 'hogbom_mask.bin'))
    rows.append('%s %g %.9g %d %d %d %d %.9g %.9g' % (name, gain, s['cycleThresh'][0], n, bool(mask), s['iterDone'][0], s['stopCode'][0], s['peakRes'][0], s['modelFlux'][0]))
open(os.path.join(here, 'hogbom.tsv'), 'w').write('\n'.join(rows) + '\n')
os.system('rm -rf golden_tmp.*')
