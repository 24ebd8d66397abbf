#!/usr/bin/env python3
"""make_clark.py: golden numbers of tests/unit/test_clark.c from the real deconvolve (casatasks 6.7.0.31), deconvolvers clark and clarkstokes.

Takes tclean's own residual and PSF of make_hogbom.py, 96 x 96 pixels of 15 arcsec. Stokes planes and PSFs with higher sidelobes are made of these by shifts (numpy.roll along
y, x), signs and powers of two, so that the test makes the same float32 numbers; see `planes` and `psfs`. Kept to what CASA does right (docs/compat-tclean.md): one PSF and one mask for all planes, the total
intensity positive where it is bright. Writes beside itself
  clark.tsv        the runs: name deconvolver planes psf gain threshold niter mask, the beam in pixels, and CASA's record: iterations and stop code
  clark_NAME.tsv   the model: plane y x value (hexadecimal float), all pixels that are not 0
Run it in a scratch folder: OMP_NUM_THREADS=1 python make_clark.py
"""
import os, shutil, numpy as np
from casatasks import deconvolve
from casatools import image, coordsys
ia, cst = image(), coordsys()
here = os.path.dirname(os.path.abspath(__file__))
N = 96
residual, psf = (np.fromfile(os.path.join(here, 'hogbom_%s.bin' % k), '<f4').reshape(N, N) for k in ('residual', 'psf'))
mask = np.fromfile(os.path.join(here, 'hogbom_mask.bin'), np.uint8).reshape(N, N)
f32 = np.float32
planes = {'I': [residual],
          'IV': [residual, f32(-0.25) * np.roll(residual, (2, -3), (0, 1))],
          'IQUV': [residual, f32(0.25) * np.roll(residual, (1, 2), (0, 1)), f32(-0.125) * np.roll(residual, (-4, 3), (0, 1)), f32(0.0625) * residual]}
psfs = {'real': psf}
for name, height in (('high', f32(0.375)), ('higher', f32(0.5625))):  # sidelobes 20 pixels from the peak
    p = psf.copy()
    for dy, dx in ((20, 5), (-20, -5)):
        p[N // 2 + dy, N // 2 + dx] = height
    psfs[name] = p
runs = [('few', 'clark', 'I', 'real', 0.1, 0, 20, 0), ('many', 'clark', 'I', 'real', 0.1, 0, 600, 0), ('thr', 'clark', 'I', 'real', 0.1, 0.006, 4000, 0),
        ('blocks', 'clark', 'I', 'real', 0.1, 0, 9000, 0), ('inmask', 'clark', 'I', 'real', 0.2, 0, 300, 1), ('inmask_thr', 'clark', 'I', 'real', 0.05, 0.004, 3000, 1),
        ('high', 'clark', 'I', 'high', 0.1, 0, 300, 0), ('higher', 'clark', 'I', 'higher', 0.1, 0, 300, 0), ('high_inmask', 'clark', 'I', 'high', 0.1, 0.005, 400, 1),
        ('iv', 'clark', 'IV', 'real', 0.1, 0, 300, 1), ('iv_thr', 'clark', 'IV', 'real', 0.1, 0.008, 2000, 1), ('iquv', 'clark', 'IQUV', 'real', 0.1, 0, 60, 1),
        ('iquv_thr', 'clark', 'IQUV', 'real', 0.1, 0.01, 2000, 1), ('apart_iv', 'clarkstokes', 'IV', 'real', 0.1, 0.004, 200, 1), ('apart_iquv', 'clarkstokes', 'IQUV', 'real', 0.1, 0.004, 100, 1)]


def write(name, arrays, stokes):
    shutil.rmtree(name, ignore_errors=True)
    a = np.array(arrays).transpose(2, 1, 0)[:, :, :, None]  # x, y, pol, chan
    cs = cst.newcoordsys(direction=True, spectral=True, stokes=list(stokes))
    cs.setunits(['rad', 'rad', '', 'Hz'])
    step = 15 * np.pi / 180 / 3600
    cs.setincrement(value=[-step, step], type='direction')
    cs.setreferencepixel(value=[N // 2, N // 2], type='direction')
    cs.setincrement(value=[1e6], type='spectral')
    cs.settelescope('VLA')
    ia.fromarray(name, a.astype(float), csys=cs.torecord(), overwrite=True, log=False, type='f')
    ia.close()


def main():
    rows = ['# name deconvolver planes psf gain threshold niter mask beam_pixels iterations stopcode   (deconvolve, casatasks 6.7.0.31)']
    for name, deconvolver, stokes, kind, gain, threshold, niter, masked in runs:
        write('ck.psf', [psfs[kind]] * len(stokes), stokes)
        write('ck.residual', planes[stokes], stokes)
        write('ck_in.mask', [mask] * len(stokes), stokes)
        for e in ('model', 'mask', 'image', 'pb', 'sumwt'):
            shutil.rmtree('ck.' + e, ignore_errors=True)
        r = deconvolve(imagename='ck', deconvolver=deconvolver, gain=gain, threshold='%gJy' % threshold, niter=niter, restoration=False, interactive=False, fullsummary=True,
                       usemask='user', mask='ck_in.mask' if masked else '')
        ia.open('ck.model')
        model = ia.getchunk()[:, :, :, 0].transpose(2, 1, 0)
        ia.close()
        ia.open('ck.psf')
        beam = ia.restoringbeam(channel=0, polarization=0)
        ia.close()
        if 'beams' in beam:
            beam = beam['beams']['*0']['*0']
        s = r['summaryminor'][0][0]
        done = '+'.join('%d' % s[p]['iterDone'][0] for p in sorted(s))
        stop = '+'.join('%d' % s[p]['stopCode'][0] for p in sorted(s)) if 'stopCode' in s[0] else '-1'
        print(name, {p: {k: v[0] for k, v in s[p].items()} for p in s}, 'pixels', np.count_nonzero(model), beam)
        rows.append('%s %s %s %s %g %g %d %d %.9g %s %s' % (name, deconvolver, stokes, kind, gain, threshold, niter, masked, beam['major']['value'] / 15, done, stop))
        with open(os.path.join(here, 'clark_%s.tsv' % name), 'w') as f:
            for p, y, x in np.argwhere(model != 0):
                f.write('%d\t%d\t%d\t%s\n' % (p, y, x, float(model[p, y, x]).hex()))
    with open(os.path.join(here, 'clark.tsv'), 'w') as f:
        f.write('\n'.join(rows) + '\n')


main()
