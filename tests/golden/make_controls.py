"""make_controls.py DATA_DIR: makes controls.tsv and controls_minor.tsv, what the real tclean (casatasks 6.7.0.31) says of CLEAN's
controls on vla_ngc5921.ms: the return record of each run, and the full summary of each plane and cycle.
DATA_DIR: where tests/data/unpack put the MeasurementSets. Runs in a scratch folder; about 3 minutes on one core."""
import os, shutil, sys, tempfile
import numpy as np
HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.abspath(sys.argv[1])
os.chdir(tempfile.mkdtemp(prefix='controls.'))   # before CASA opens its log
from casatasks import casalog, tclean
from casatools import image
casalog.setlogfile('/dev/null')
ia = image()

BASE = dict(imsize=128, cell='15arcsec', weighting='briggs', robust=0.5, niter=100000, pblimit=-0.2)
MFS = dict(BASE, specmode='mfs')
CUBE = dict(BASE, specmode='cube', start=34, nchan=9, width=1, outframe='LSRK', interpolation='linear')
CIRCLE = 'circle[[64pix,64pix],20pix]'
# what a row of controls.tsv has of the parameters, with tclean's defaults
SHOWN = dict(specmode='', niter=0, threshold='0Jy', nsigma=0.0, fastnoise=True, cycleniter=-1, cyclefactor=1.0, minpsffraction=0.05,
             maxpsffraction=0.8, nmajor=-1, pblimit=0.2, pbmask=0.0, mask='-')
CASES = [
    ('mfs_threshold', dict(MFS, threshold='2mJy')),
    ('mfs_circle', dict(MFS, threshold='2mJy', mask=CIRCLE, cycleniter=50)),
    ('mfs_niter10', dict(MFS, niter=10)),
    ('mfs_cycleniter', dict(MFS, niter=60, cycleniter=25)),
    ('mfs_nmajor0', dict(MFS, nmajor=0)),
    ('mfs_nmajor1', dict(MFS, nmajor=1)),
    ('mfs_nmajor2', dict(MFS, nmajor=2, cycleniter=30)),
    ('mfs_cyclefactor', dict(MFS, threshold='2mJy', cyclefactor=3.0)),
    ('mfs_fractions', dict(MFS, threshold='2mJy', cyclefactor=9.0, maxpsffraction=0.4)),
    ('mfs_minpsffraction', dict(MFS, threshold='2mJy', minpsffraction=0.6)),
    ('mfs_nsigma_circle', dict(MFS, nsigma=3.0, mask=CIRCLE)),
    ('mfs_nsigma_outside', dict(MFS, nsigma=3.0, mask=CIRCLE, fastnoise=False)),
    ('mfs_nsigma_chauvenet', dict(MFS, nsigma=4.0, fastnoise=False, mask='all')),   # without a mask tclean ends with an empty one
    ('mfs_nsigma_pblimit', dict(MFS, nsigma=3.0, mask=CIRCLE, pblimit=0.6)),
    ('mfs_nsigma_pbmask', dict(MFS, nsigma=3.0, mask=CIRCLE, pbmask=0.7)),
    ('mfs_nsigma_pbmask_outside', dict(MFS, nsigma=3.0, mask=CIRCLE, pbmask=0.7, fastnoise=False)),
    ('mfs_nsigma_threshold', dict(MFS, nsigma=3.0, threshold='4mJy', mask=CIRCLE)),
    ('mfs_nsigma_below', dict(MFS, nsigma=20.0, threshold='9mJy')),
    ('cube_threshold', dict(CUBE, threshold='8mJy')),
    ('cube_niter', dict(CUBE, niter=300, cycleniter=20)),
    ('cube_nmajor0', dict(CUBE, nmajor=0)),
    ('cube_nsigma_circle', dict(CUBE, nsigma=5.0, mask=CIRCLE)),
    ('cube_nsigma_outside', dict(CUBE, nsigma=5.0, mask=CIRCLE, fastnoise=False)),
    ('cube_holes', dict(CUBE, threshold='8mJy', mask='holes')),
]
KEYS = ['startIterDone', 'iterDone', 'startPeakRes', 'peakRes', 'startModelFlux', 'modelFlux', 'startPeakResNM', 'peakResNM', 'cycleThresh',
        'cycleStartIters', 'masksum', 'stopCode']


def run(**par):
    for e in os.listdir('.'):
        if e.startswith('x.'):
            shutil.rmtree(e) if os.path.isdir(e) else os.remove(e)
    return tclean(vis=os.path.join(DATA, 'vla_ngc5921.ms'), imagename='x', fullsummary=True, restoration=False, parallel=False, **par)


def make_mask(par, kind):
    """all: every pixel; holes: every pixel of the channels but 0, 4 and 8."""
    run(**dict(par, niter=0))
    name = '%s.%s.mask' % (kind, par['specmode'])
    if os.path.exists(name):
        shutil.rmtree(name)
    ia.open('x.psf'); copy = ia.newimagefromimage(infile='x.psf', outfile=name); ia.close()
    a = np.ones(copy.shape())
    if kind == 'holes':
        a[:, :, :, [0, 4, 8]] = 0
    copy.putchunk(a); copy.close()
    return os.path.abspath(name)


with open(os.path.join(HERE, 'controls.tsv'), 'w') as f, open(os.path.join(HERE, 'controls_minor.tsv'), 'w') as g:
    f.write('#name\t' + '\t'.join(SHOWN) + '\titerdone\tnmajordone\tstopcode\tcyclethreshold\tmaxpsfsidelobe\tsummarymajor\tstopDescription\n')
    g.write('#name\tchan\tcycle\t' + '\t'.join(KEYS) + '\n')
    for name, par in CASES:
        par = dict(par)
        shown = dict(SHOWN, **{k: v for k, v in par.items() if k in SHOWN})
        if par.get('mask') in ('all', 'holes'):
            par['mask'] = make_mask({k: v for k, v in par.items() if k != 'mask'}, par['mask'])
        if shown['mask'] == CIRCLE:
            shown['mask'] = 'circle'
        rec = run(**par)
        major = ','.join(str(int(v)) for v in np.ravel(rec['summarymajor'])) or '-'
        row = [name] + [shown[k] for k in SHOWN] + [rec['iterdone'], rec['nmajordone'], rec['stopcode'], '%.9g' % rec['cyclethreshold'],
                                                  '%.9g' % rec['maxpsfsidelobe'], major, rec['stopDescription']]
        print(row, flush=True)
        f.write('\t'.join(map(str, row)) + '\n')
        planes = rec['summaryminor'].get(0, {})
        for chan in sorted(planes):
            t = planes[chan][0]
            for k in range(len(t['iterDone'])):
                g.write('%s\t%d\t%d\t' % (name, chan, k) + '\t'.join('%.9g' % t[key][k] for key in KEYS) + '\n')
scratch = os.getcwd()
os.chdir(tempfile.gettempdir())   # CASA asks for its folder once more when Python ends
shutil.rmtree(scratch)
