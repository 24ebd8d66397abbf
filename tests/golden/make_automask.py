#!/usr/bin/env python3
"""make_automask.py: masks of usemask='auto-multithresh' made by CASA's own deconvolver (casatasks 6.7.0.31), for tests/unit/test_automask.c.

No MeasurementSet: a PSF of random tracks with a slanted beam, planes of points (two just outside pb > 0.2), a faint disc and noise, 128 x 128 pixels of 1 arcsec. They are multiples of
2^-14, so that the files hold what CASA had to the bit. Each case is hasConverged, updateMask, {minor cycle, updateMask, hasConverged}, the order of tclean.
Writes beside itself
  automask_planes.i16       int16 / 2^14, [6][y][x], x fastest: the PSF, then planes 0 to 4
  automask.tsv              the cases: name, first plane, planes, cycles, parameters, beam (arcsec, deg), sidelobe
  automask_model.tsv        what each minor cycle added to the model: case, cycle, plane, y, x, Jy
  automask_mask.bin         for each case, plane and cycle a mask [y][x], eight pixels to a byte, the lowest bit first
The pixels are those of tclean 6.7: none of its faults (docs/compat-tclean.md) is in the way: T stays above zero, all planes have the same beam.
Run it in a scratch folder: OMP_NUM_THREADS=1 python make_automask.py
"""
import glob, os, shutil, numpy as np
from casatools import image
from casatasks.private.imagerhelpers.imager_deconvolver import PyDeconvolver
from casatasks.private.imagerhelpers.input_parameters import ImagerParameters
ia = image()
here = os.path.dirname(os.path.abspath(__file__))
n, tag = 128, 'golden_tmp'
y, x = np.meshgrid(np.arange(n) - n // 2, np.arange(n) - n // 2, indexing='ij')


def make_psf():
    g = np.random.default_rng(3)
    w = np.zeros((n, n))
    for k in range(60):
        r, p0 = 0.23 * n * np.sqrt(g.uniform(0.002, 1)), g.uniform(0, 2 * np.pi)
        for t in np.linspace(0, 2.2, 160):
            a, b = r * np.cos(p0 + t), 0.7 * r * np.sin(p0 + t)
            u, v = int(round(0.8 * a - 0.6 * b)), int(round(0.6 * a + 0.8 * b))
            w[v % n, u % n] += 1
            w[-v % n, -u % n] += 1
    w = np.where(w > 0, w / (1 + 0.15 * w), 0)
    psf = np.fft.fftshift(np.fft.ifft2(w).real)
    return psf / psf.max()


def convolve(a, b):
    return np.fft.fftshift(np.fft.ifft2(np.fft.fft2(np.fft.ifftshift(a)) * np.fft.fft2(np.fft.ifftshift(b))).real)


def whole(a):
    return np.round(a * 2**14).astype(np.int16)


psf = make_psf()
g = np.random.default_rng(8)
sky = np.zeros((n, n))
for dx, dy, flux in [(10, -20, 1.0), (-33, 14, .5), (30, 30, .12), (-20, -34, -.3), (50, 20, .8), (-45, -31, -.5)]:
    sky[n // 2 + dy, n // 2 + dx] += flux
sky += 0.02 * np.exp(-((x - 22)**2 + (y - 12)**2) / (2 * 5.**2))
sky = convolve(sky, psf)


def noise(s):
    z = convolve(g.normal(size=(n, n)), psf)
    return z * s / z.std()


planes = np.stack([whole(p) for p in [psf, sky + noise(.01), sky + noise(.01), 0.3 * sky + noise(.02), noise(.01), 0.05 * sky + noise(.01)]])
pixels = planes / 2.**14
psf = pixels[0]
pb = np.exp(-np.log(2) * 4 * (x**2 + y**2) / (70.**2))


def write(ext, planes):
    a = np.asarray(planes, np.float32).transpose(2, 1, 0)[:, :, None, :]
    ia.fromshape(tag + ext, list(a.shape), overwrite=True)
    cs = ia.coordsys()
    cs.setunits(['rad', 'rad', '', 'Hz'])
    inc = cs.increment(format='n')['numeric']
    inc[0], inc[1], inc[3] = -np.pi / 180 / 3600, np.pi / 180 / 3600, 1e6
    cs.setincrement(value=list(inc))
    cs.settelescope('VLA')
    ref = cs.referencepixel()['numeric']
    ref[0] = ref[1] = n // 2
    cs.setreferencepixel(list(ref))
    ia.setcoordsys(cs.torecord())
    ia.putchunk(a)
    ia.close()


def read(ext):
    ia.open(tag + ext)
    a = ia.getchunk()[:, :, 0, :].transpose(2, 1, 0)
    ia.close()
    return a


def beam():
    ia.open(tag + '.psf')
    b = ia.restoringbeam()
    ia.close()
    b = b['beams']['*0']['*0'] if 'beams' in b else b
    return [b[k]['value'] for k in ('major', 'minor', 'positionangle')]


def run(first, nplane, ncycle, cycleniter, threshold, parameters):
    for f in glob.glob(tag + '.*'):
        shutil.rmtree(f, ignore_errors=True)
    write('.psf', [psf] * nplane)
    write('.residual', pixels[1 + first:1 + first + nplane])
    write('.pb', [pb] * nplane)
    for ext in ('.pb', '.residual'):
        ia.open(tag + ext)
        ia.calcmask('"%s.pb">0.2' % tag, name='mask0')
        ia.close()
    p = ImagerParameters(imagename=tag, msname='', imsize=[n, n], cell=['1arcsec'], deconvolver='hogbom', niter=10**6, cycleniter=cycleniter,
                         threshold='%gJy' % threshold, usemask='auto-multithresh', **parameters)
    d = PyDeconvolver(params=p)
    d.initializeDeconvolvers()
    d.initializeIterationControl()
    masks, models = [], []
    d.hasConverged()
    d.updateMask()
    while True:
        masks.append(read('.mask') > 0.5)
        models.append(read('.model').astype(np.float64) if len(masks) > 1 else np.zeros((nplane, n, n)))
        if len(masks) > ncycle or (len(masks) > 1 and d.hasConverged()):
            break
        d.runMinorCycle()
        d.updateMask()
    b = beam()
    d.deleteTools()
    return masks, models, b


def sidelobe(b):
    t = np.deg2rad(b[2])
    along, across = -np.sin(t) * x + np.cos(t) * y, np.cos(t) * x + np.sin(t) * y
    return max(abs(psf.min()), (psf - np.exp(-4 * np.log(2) * ((along / b[0])**2 + (across / b[1])**2))).max())


base = dict(sidelobethreshold=2.0, noisethreshold=5.0, lownoisethreshold=1.5, negativethreshold=0.0, smoothfactor=1.0, minbeamfrac=0.3, cutthreshold=0.01,
            growiterations=75, dogrowprune=True, minpercentchange=-1.0, fastnoise=True, pbmask=0.2)
cases = [('default', {}), ('negative', dict(negativethreshold=7.0)), ('slow', dict(fastnoise=False)), ('noprune', dict(minbeamfrac=0.0)),
         ('smooth2', dict(smoothfactor=2.0, cutthreshold=0.1)), ('grow5', dict(growiterations=5, dogrowprune=False, sidelobethreshold=0.5)),
         ('side0', dict(sidelobethreshold=0.5)), ('nogrow', dict(growiterations=0, sidelobethreshold=0.5)), ('pbmask', dict(pbmask=0.5, sidelobethreshold=1.0)),
         ('nopbmask', dict(pbmask=0.0, sidelobethreshold=0.5, negativethreshold=6.0)),
         ('percent', dict(sidelobethreshold=0.3, minpercentchange=10.0, lownoisethreshold=2.0, negativethreshold=4.0))]
rows = ['#name\tplane\tnplane\tncycle\tthreshold\t' + '\t'.join(base) + '\tmajor\tminor\tpa\tsidelobe']
model, bits = ['#case\tcycle\tplane\ty\tx\tflux'], []


def add(name, first, nplane, ncycle, cycleniter, threshold, change):
    parameters = {**base, **change}
    masks, models, b = run(first, nplane, ncycle, cycleniter, threshold, parameters)
    rows.append('%s\t%d\t%d\t%d\t%g\t' % (name, first, nplane, len(masks), threshold) + '\t'.join('%g' % v for v in parameters.values()) +
                '\t%.9g\t%.9g\t%.9g\t%.9g' % (*b, sidelobe(b)))
    for k in range(1, len(models)):
        step = models[k] - models[k - 1]
        for p, j, i in np.argwhere(step != 0):
            model.append('%s\t%d\t%d\t%d\t%d\t%.9g' % (name, k, p, j, i, step[p, j, i]))
    for p in range(nplane):
        for m in masks:
            bits.append(np.packbits(m[p].ravel(), bitorder='little'))
    # what the test takes for granted: the residual is the plane less the PSF at each component
    res = pixels[1 + first:1 + first + nplane].copy()
    for p, j, i in np.argwhere(models[-1] != 0):
        f, dy, dx = models[-1][p, j, i], j - n // 2, i - n // 2
        res[p, max(dy, 0):n + min(dy, 0), max(dx, 0):n + min(dx, 0)] -= f * psf[max(-dy, 0):n + min(-dy, 0), max(-dx, 0):n + min(-dx, 0)]
    print(name, 'pixels', [[int(m[p].sum()) for m in masks] for p in range(nplane)], 'residual off by %.1e' % abs(res - read('.residual')).max())


for name, change in cases:
    add(name, 0, 1, 4, 15, 0.08 if name == 'percent' else 0, change)
add('cube', 1, 4, 4, 12, 0, dict(sidelobethreshold=0.5, negativethreshold=7.0, fastnoise=False))
planes.astype('<i2').tofile(os.path.join(here, 'automask_planes.i16'))
np.concatenate(bits).tofile(os.path.join(here, 'automask_mask.bin'))
open(os.path.join(here, 'automask.tsv'), 'w').write('\n'.join(rows) + '\n')
open(os.path.join(here, 'automask_model.tsv'), 'w').write('\n'.join(model) + '\n')
os.system('rm -rf %s.*' % tag)
