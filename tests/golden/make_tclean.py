"""make_tclean.py DATA_DIR [part ...]: makes the golden files that README.md describes with the real tclean (casatasks 6.7.0.31).
DATA_DIR: where tests/data/unpack put the MeasurementSets. Parts: images chan_grid sumwt clean (default: all).
Runs in a scratch folder; about 2 minutes on one core."""
import json, os, shutil, sys, tempfile
import numpy as np
HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.abspath(sys.argv[1])
os.chdir(tempfile.mkdtemp(prefix='golden.'))   # before CASA opens its log
import casatasks
from casatasks import casalog, tclean
from casatools import image
casalog.setlogfile('/dev/null')
PARTS = sys.argv[2:] or ['images', 'chan_grid', 'sumwt', 'clean']
VERSION = casatasks.version_string()
ia = image()
NGC, HERA, POSA, HD, M87, SIM, MSSEL = ('vla_ngc5921.ms', 'hera_zen_2458101.ms', 'vla_posa_74mhz.ms', 'alma_hd142527_b9_3spw.ms',
                                        'vlba_m87_mojave_2spw.ms', 'sim_alma_topo.ms', 'alma_mssel_small_wvr.ms')


# tclean's own distance from the explicit sum is larger where bright sky lies outside the image (check_dft.py)
TOLERANCE = {HERA: 2e-3, POSA: 2e-3}


def run(ms, **par):
    """One tclean run; the image lies at 'x.*' afterwards. Returns tclean's record."""
    for e in os.listdir('.'):
        if e.startswith(('x.', 'IMAGING_WEIGHT')):   # the weights of an earlier cube, which CASA takes again whatever npixels and noise are
            shutil.rmtree(e) if os.path.isdir(e) else os.remove(e)
    par = dict(dict(niter=0, restoration=False, pblimit=-0.2, parallel=False), **par)
    return tclean(vis=os.path.join(DATA, ms), imagename='x', fullsummary=True, **par)


def pixels(ext):
    """[chan][y][x] float32 of the first Stokes plane"""
    ia.open('x.' + ext)
    a = ia.getchunk(getmask=False)[:, :, 0, :]
    ia.close()
    return np.ascontiguousarray(a.transpose(2, 1, 0)).astype('<f4')


def spectral(ext='psf'):
    """crval, cdelt of pixel 0 (tabular axes: None), frame, and the frequency of each channel"""
    ia.open('x.' + ext)
    n = ia.shape()[3]
    r = ia.coordsys().torecord()['spectral2']
    ia.close()
    if 'wcs' in r:
        w = r['wcs']
        f0, df = w['crval'] + (0 - w['crpix']) * w['cdelt'] * w['pc'], w['cdelt'] * w['pc']
        return f0, df, r['system'], [f0 + c * df for c in range(n)], 'linear'
    t = r['tabular']
    f = np.array(t['worldvalues'])
    if len(t['pixelvalues']) != n:
        f = np.interp(np.arange(n), t['pixelvalues'], f)
    return f[0], f[1] - f[0] if n > 1 else t['cdelt'], r['system'], list(f), 'tabular'


def sumwt():
    ia.open('x.sumwt')
    a = np.ravel(ia.getchunk(getmask=False))
    ia.close()
    return [float(v) for v in a]


def beams():
    """(major arcsec, minor arcsec, pa deg) of each channel; zeros where the PSF has none"""
    ia.open('x.psf')
    n = ia.shape()[3]
    out = []
    for c in range(n):
        try:
            b = ia.restoringbeam(channel=c, polarization=0) if n > 1 else ia.restoringbeam()
            b = b.get('*0', b) if isinstance(b, dict) else b
            if 'beams' in b:
                b = list(list(b['beams'].values())[0].values())[0]
            out.append((b['major']['value'], b['minor']['value'], b['positionangle']['value']))
        except Exception:
            out.append((0.0, 0.0, 0.0))
    ia.close()
    return out


def manifest(name, ms, par, extra):
    clean = {k: os.path.basename(v) if k == 'mask' and v.startswith('/') else v for k, v in par.items()}
    with open(os.path.join(HERE, name + '.json'), 'w') as f:
        json.dump(dict(name=name, ms=ms, casatasks=VERSION, tclean=clean, **extra), f, indent=1, sort_keys=True)
        f.write('\n')


def store(name, ms, par, residual, psf):
    """name.chan.tsv (every channel), name.residual.f32 and name.psf.f32 (the listed channels), name.json, a line of cases.tsv"""
    run(ms, **par)
    f0, df, frame, freq, _ = spectral()
    w, b = sumwt(), beams()
    res, p = pixels('residual'), pixels('psf')
    with open(os.path.join(HERE, name + '.chan.tsv'), 'w') as f:
        f.write('#chan\tfreq_hz\tsumwt\tbmaj_arcsec\tbmin_arcsec\tbpa_deg\tpeak_residual\n')
        for c in range(len(freq)):
            f.write('%d\t%.9f\t%.9g\t%.9g\t%.9g\t%.9g\t%.9g\n' % ((c, freq[c], w[c]) + b[c] + (float(np.abs(res[c]).max()),)))
    for ext, a, chans in (('residual', res, residual), ('psf', p, psf)):
        if chans:
            a[chans].tofile(os.path.join(HERE, '%s.%s.f32' % (name, ext)))
    cube_peak = float(np.abs(res).max())
    manifest(name, ms, par, dict(frame=frame, cdelt_hz=df, cube_peak=cube_peak, residual_channels=residual, psf_channels=psf, shape=[len(freq), p.shape[1], p.shape[2]]))
    print(name, len(freq), 'channels', 'cube peak %.6g' % cube_peak, 'sumwt', w[:3], 'beam', b[len(b) // 2], flush=True)
    lst = lambda v: ','.join(map(str, v)) if v else '-'
    return [name, ms, par['specmode'], par['imsize'], par['cell'], par.get('spw') or '-', par.get('start', '') or '-', par.get('nchan', 1), par.get('width', '') or '-',
            par.get('outframe') or '-', par.get('interpolation', 'linear'), par['weighting'], par.get('robust', 0), int(par.get('perchanweightdensity', True)),
            par.get('uvrange') or '-', lst(residual), lst(psf), '%.9g' % cube_peak, '%g' % TOLERANCE.get(ms, 5e-4)]


def images():
    line = dict(specmode='cube', imsize=128, cell='15arcsec', start=34, nchan=9, width=1, outframe='LSRK')
    # 12207.03125 Hz above channel 34: every image channel lies midway between two data channels
    half = dict(specmode='cube', imsize=128, cell='15arcsec', start='%.6fHz' % (1412787144.081 + 34.5 * 24414.0625), nchan=9, width='24414.0625Hz', outframe='LSRK')
    rows = [
        ('ngc5921_natural_nearest', NGC, dict(line, weighting='natural', interpolation='nearest'), [4], []),
        ('ngc5921_natural_linear', NGC, dict(line, weighting='natural', interpolation='linear'), [], []),
        ('ngc5921_briggs_nearest', NGC, dict(line, weighting='briggs', robust=0.5, interpolation='nearest'), [], []),
        ('ngc5921_briggs_linear', NGC, dict(line, weighting='briggs', robust=0.5, interpolation='linear'), [0, 4, 8], [0, 4, 8]),
        ('ngc5921_briggs_linear_onegrid', NGC, dict(line, weighting='briggs', robust=0.5, interpolation='linear', perchanweightdensity=False), [4], [4]),
        ('ngc5921_briggs_nearest_onegrid', NGC, dict(line, weighting='briggs', robust=0.5, interpolation='nearest', perchanweightdensity=False), [], []),
        ('ngc5921_natural_linear_half', NGC, dict(half, weighting='natural', interpolation='linear'), [4], []),
        ('ngc5921_briggs_linear_half', NGC, dict(half, weighting='briggs', robust=0.5, interpolation='linear'), [], []),
        ('ngc5921_mfs_briggs', NGC, dict(specmode='mfs', imsize=128, cell='15arcsec', weighting='briggs', robust=0.5), [0], [0]),
        ('ngc5921_mfs_odd', NGC, dict(specmode='mfs', imsize=101, cell='15arcsec', weighting='briggs', robust=0.5), [], [0]),
        ('hera_natural_nearest', HERA, dict(specmode='cube', imsize=64, cell='0.5deg', start=40, nchan=6, width=1, outframe='LSRK', weighting='natural', interpolation='nearest'), [0, 2, 4], [2]),
        ('hera_cubedata_natural', HERA, dict(specmode='cubedata', imsize=64, cell='0.5deg', start=40, nchan=3, width=1, weighting='natural', interpolation='nearest'), [1], [1]),
        ('posa_natural_nearest', POSA, dict(specmode='cube', imsize=96, cell='20arcsec', start=0, nchan=4, width=1, outframe='LSRK', weighting='natural', interpolation='nearest'), [1, 2], [1]),
        ('posa_mfs_uniform', POSA, dict(specmode='mfs', imsize=96, cell='20arcsec', weighting='uniform'), [0], [0]),
        ('hd142527_mfs_briggs', HD, dict(specmode='mfs', imsize=96, cell='0.06arcsec', weighting='briggs', robust=0.5), [0], [0]),
        ('hd142527_mfs_natural_spw1', HD, dict(specmode='mfs', imsize=96, cell='0.06arcsec', spw='1', weighting='natural'), [0], []),
        ('m87_mfs_natural', M87, dict(specmode='mfs', imsize=96, cell='0.4marcsec', weighting='natural'), [0], [0]),
        ('sim_cubedata_natural', SIM, dict(specmode='cubedata', imsize=128, cell='0.2arcsec', start=8, nchan=4, width=1, weighting='natural', interpolation='nearest'), [1], [1]),
        ('sim_lsrk_natural_nearest', SIM, dict(specmode='cube', imsize=128, cell='0.2arcsec', nchan=-1, start='', width='', outframe='LSRK', weighting='natural', interpolation='nearest'), [12], []),
        ('sim_lsrk_natural_linear', SIM, dict(specmode='cube', imsize=128, cell='0.2arcsec', nchan=-1, start='', width='', outframe='LSRK', weighting='natural', interpolation='linear'), [12], []),
    ]
    for n in os.listdir(HERE):
        if n.endswith(('.f32', '.chan.tsv')) and not n.startswith('clean_'):
            os.remove(os.path.join(HERE, n))
    with open(os.path.join(HERE, 'cases.tsv'), 'w') as f:
        f.write('#name\tms\tspecmode\timsize\tcell\tspw\tstart\tnchan\twidth\toutframe\tinterpolation\tweighting\trobust\tperchan\tuvrange\tresidual_channels\tpsf_channels\tcube_peak\ttol_rms\n')
        for r in rows:
            f.write('\t'.join(map(str, store(*r))) + '\n')


def chan_grid():
    rows = []
    def add(ms, spw, note='', **p):
        rows.append((ms, spw, note, p))
    for spec in ({}, dict(nchan=9, start=34, width=1), dict(nchan=4, start=4, width=2), dict(nchan=5, start=10, width=3), dict(nchan=6, start=20, width=-1), dict(nchan=3, start=20, width=-2),
                 dict(start=40), dict(start=40, width=3), dict(nchan=60, start=0), dict(nchan=4, start='1413.2MHz'), dict(nchan=4, start='1413.2MHz', width='50kHz'),
                 dict(nchan=4, start='1413.2MHz', width='-50kHz'), dict(nchan=-1, start='1413.2MHz', width='50kHz'), dict(nchan=-1, width='100kHz'), dict(nchan=-1, width='-100kHz'),
                 dict(nchan=5, start='1500km/s', width='6km/s'), dict(nchan=5, start='1500km/s', width='-6km/s'), dict(nchan=-1, start='1500km/s', width='6km/s'),
                 dict(nchan=-1, width='10km/s'), dict(nchan=-1, width='-10km/s'), dict(nchan=4, start='1500km/s'), 
                 dict(nchan=5, start='1500km/s', width='8km/s', restfreq='1.42GHz'), dict(nchan=5, start='1500km/s', width='8km/s', veltype='optical')):
        add(NGC, '', **spec)
    add(NGC, '0:10~20'); add(NGC, '0:10~20', start=0); add(NGC, '0:10~20', nchan=3, start=12)
    add(NGC, '', outframe='BARY', nchan=5, start=10); add(NGC, '', outframe='TOPO', nchan=5, start=10); add(NGC, '', specmode='cubedata', nchan=5, start=10)
    add(NGC, '', specmode='mfs'); add(NGC, '0:10~20', specmode='mfs')
    add(NGC, '', note='N start outside the data: moved to the edge of the band', nchan=4, start='1400MHz')
    add(NGC, '', note='N start channel >= number of channels: taken as 0', nchan=4, start=60)
    add(NGC, '', note='E start and width of different kinds', nchan=4, start='1.5e6m/s', width=2)
    add(NGC, '', note='E width narrower than the data', nchan=4, start='1413.2MHz', width='10kHz')
    for ms in (SIM, POSA):
        c = 1 if ms == POSA else 6
        for frame in ('LSRK', 'BARY', 'TOPO'):
            add(ms, '', outframe=frame); add(ms, '', outframe=frame, nchan=2, start=c, width=1); add(ms, '', outframe=frame, nchan=2, start=c, width=-1)
            add(ms, '', outframe=frame, nchan=2, start=0, width=2)
        add(ms, '', specmode='cubedata'); add(ms, '', specmode='cubedata', nchan=2, start=c, width=1); add(ms, '', specmode='mfs', outframe='LSRK'); add(ms, '', specmode='mfs', outframe='TOPO')
    for frame in ('LSRK', 'BARY', 'TOPO'):
        add(SIM, '', outframe=frame, nchan=3, start='230.002GHz', width='0.5MHz'); add(SIM, '', outframe=frame, nchan=3, start='-2km/s', width='0.7km/s', restfreq='230GHz')
        add(SIM, '', outframe=frame, nchan=-1, width='1MHz'); add(SIM, '', outframe=frame, nchan=-1, width='-1km/s')
    add(SIM, '0:5~15', outframe='LSRK'); add(SIM, '0:5~15', outframe='LSRK', start=5, width=2); add(SIM, '', specmode='cubedata', nchan=3, start='230.002GHz', width='0.5MHz')
    add(SIM, '', outframe='LSRK', nchan=3, start='20km/s', width='0.7km/s', veltype='optical', note='N optical velocities on this MS: tclean fails (its tabular axis)')
    add(SIM, '', outframe='LSRK', nchan=5, start='-4km/s', width='1km/s', veltype='optical', note='N optical velocities on this MS: tclean fails (its tabular axis)')
    for frame in ('LSRK', 'BARY', 'TOPO'):
        add(MSSEL, '1', outframe=frame); add(MSSEL, '1', outframe=frame, nchan=5, start=10, width=1); add(MSSEL, '1', outframe=frame, nchan=5, start=10, width=2)
    add(MSSEL, '1', outframe='LSRK', nchan=5, start=20, width=-1); add(MSSEL, '1', outframe='LSRK', nchan=5, start='85GHz', width='40MHz'); add(MSSEL, '1', outframe='LSRK', nchan=-1, width='100MHz')
    add(MSSEL, '1', outframe='LSRK', nchan=-1, width='300km/s', restfreq='85.5GHz'); add(MSSEL, '1', outframe='LSRK', nchan=3, start='85GHz'); odd = 'N descending data: start "" ignores the channel selection'
    add(MSSEL, '1:10~20', outframe='LSRK', note=odd); add(MSSEL, '1:10~20', outframe='LSRK', nchan=3, note=odd); add(MSSEL, '1:10~20', outframe='LSRK', nchan=3, start=12); add(MSSEL, '1:10~20', outframe='TOPO', note=odd);
    add(MSSEL, '1:10~20', specmode='mfs'); add(MSSEL, '1', specmode='mfs'); add(HERA, '0:10~20', outframe='LSRK'); add(HERA, '0:10~20', outframe='LSRK', nchan=3, width=2)
    add(MSSEL, '1', specmode='cubedata', nchan=5, start=10)
    add(HERA, '', outframe='LSRK', nchan=5, start=40); add(HERA, '', outframe='TOPO', nchan=5, start=40); add(HERA, '', specmode='cubedata', nchan=5, start=40)
    with open(os.path.join(HERE, 'chan_grid.tsv'), 'w') as f:
        f.write('#ms\tspecmode\tspw\tstart\twidth\tnchan_in\toutframe\tveltype\trestfreq\tnchan_out\tcrval_hz\tcdelt_hz\taxis\tN\n')
        for ms, spw, note, p in rows:
            par = dict(dict(specmode='cube', start='', width='', nchan=-1, outframe='LSRK', veltype='radio', restfreq=''), **p)
            if par['specmode'] == 'cubedata':
                par.pop('outframe')
            q = dict(par, imsize=8, cell='15arcsec' if ms in (NGC, POSA) else '0.1deg' if ms == HERA else '0.2arcsec', calcres=False, calcpsf=True, interpolation='nearest', field='0', spw=spw)
            if not q['restfreq']:
                q.pop('restfreq')
            try:
                run(ms, **q)
                f0, df, frame, freq, kind = spectral()
                got = '%d\t%.9f\t%.9f\t%s' % (len(freq), f0, df, kind)
            except Exception as e:
                got = '0\t0\t0\terror'
                note = note or 'E'
                print('   ', str(e)[:200])
            d = lambda v: '-' if v == '' else str(v)
            row = '\t'.join([ms, par['specmode'], d(spw), d(par['start']), d(par['width']), str(par['nchan']), par.get('outframe', '-'), par['veltype'], d(par['restfreq']), got, note or '-'])
            print(row, flush=True)
            f.write(row + '\n')


def sumwt_table():
    rows = []
    W = [('natural', 0.0), ('uniform', 0.0)] + [('briggs', r) for r in (-2.0, 0.0, 0.5, 2.0)]
    ngc = dict(imsize=128, cell='15arcsec'); cube = dict(specmode='cube', start=36, nchan=4, width=1, outframe='LSRK', interpolation='nearest')
    for w, r in W:
        rows.append((NGC, dict(ngc, specmode='mfs', weighting=w, robust=r)))
        rows.append((NGC, dict(ngc, weighting=w, robust=r, perchanweightdensity=True, **cube)))
        if w != 'natural':
            rows.append((NGC, dict(ngc, weighting=w, robust=r, perchanweightdensity=False, **cube)))
        rows.append((HD, dict(imsize=128, cell='0.06arcsec', specmode='mfs', weighting=w, robust=r)))
        rows.append((M87, dict(imsize=128, cell='0.3marcsec', specmode='mfs', weighting=w, robust=r)))
        rows.append((SIM, dict(imsize=128, cell='0.1arcsec', specmode='cubedata', start=4, nchan=3, width=1, weighting=w, robust=r, interpolation='nearest')))
        rows.append((SIM, dict(imsize=128, cell='0.1arcsec', specmode='cube', start=4, nchan=3, width=1, outframe='LSRK', weighting=w, robust=r, interpolation='nearest')))
    rows.append((NGC, dict(ngc, weighting='briggs', robust=0.5, perchanweightdensity=True, **dict(cube, interpolation='linear'))))
    rows.append((SIM, dict(imsize=128, cell='0.1arcsec', specmode='cube', start=4, nchan=3, width=1, outframe='LSRK', weighting='briggs', robust=0.5, interpolation='linear')))
    for imsize in (101, 256):
        rows.append((NGC, dict(imsize=imsize, cell='15arcsec', specmode='mfs', weighting='briggs', robust=0.5)))
        rows.append((NGC, dict(imsize=imsize, cell='15arcsec', weighting='briggs', robust=0.5, perchanweightdensity=True, **cube)))
    rows.append((NGC, dict(imsize=[128, 96], cell=['15arcsec', '20arcsec'], specmode='mfs', weighting='briggs', robust=0.5)))
    for t in (['2klambda'], ['60arcsec'], ['90arcsec', '45arcsec', '30deg'], ['3klambda', '1.5klambda', '-40deg']):
        rows.append((NGC, dict(ngc, specmode='mfs', weighting='natural', uvtaper=t)))
        rows.append((NGC, dict(ngc, weighting='briggs', robust=0.5, uvtaper=t, perchanweightdensity=True, **cube)))
    for t in (['150klambda'], ['1arcsec'], ['1.5arcsec', '0.8arcsec', '60deg']):
        rows.append((HD, dict(imsize=128, cell='0.06arcsec', specmode='mfs', weighting='briggs', robust=0.5, uvtaper=t)))
    hd = dict(imsize=128, cell='0.06arcsec')
    band = dict(hd, specmode='cube', start='691.8GHz', width='2.4GHz', nchan=8, outframe='LSRK', interpolation='nearest')   # fractional bandwidth 0.024, with its windows at both ends
    sim = dict(imsize=128, cell='0.1arcsec', specmode='cube', start=4, nchan=3, width=1, outframe='LSRK', interpolation='nearest')
    for w in (dict(weighting='briggsabs', robust=1.0, noise='5Jy'), dict(weighting='briggsabs', robust=-0.5, noise='20Jy'), dict(weighting='radial'),
              dict(weighting='superuniform', npixels=0), dict(weighting='superuniform', npixels=1), dict(weighting='superuniform', npixels=5)):
        rows.append((NGC, dict(ngc, specmode='mfs', **w)))
        for each in (True, False):
            rows.append((NGC, dict(ngc, perchanweightdensity=each, **cube, **w)))
        rows.append((HD, dict(hd, specmode='mfs', **w)))
        rows.append((SIM, dict(sim, **w)))
    for w in (dict(weighting='uniform'), dict(weighting='briggs', robust=0.5), dict(weighting='briggsabs', robust=1.0, noise='5Jy')):
        rows.append((NGC, dict(ngc, specmode='mfs', npixels=64, **w)))
        rows.append((NGC, dict(ngc, perchanweightdensity=False, npixels=200, **cube, **w)))
        for n in (1, 4):
            rows.append((NGC, dict(ngc, npixels=n, **cube, **w)))
        rows.append((SIM, dict(sim, npixels=2, **w)))
    for r in (-2.0, 0.5, 2.0):
        w = dict(weighting='briggsbwtaper', robust=r)
        rows += [(NGC, dict(ngc, **cube, **w)), (HD, dict(band, **w)), (SIM, dict(sim, **w))]
    for w in (dict(weighting='briggsabs', robust=1.0, noise='5Jy'), dict(weighting='briggsbwtaper', robust=0.5), dict(weighting='radial'), dict(weighting='superuniform', npixels=1)):
        for t in (['2klambda'], ['90arcsec', '45arcsec', '30deg']):
            rows.append((NGC, dict(ngc, uvtaper=t, **cube, **w)))
    with open(os.path.join(HERE, 'sumwt.tsv'), 'w') as f:
        f.write('#ms\tspecmode\tweighting\trobust\tnoise\tnpixels\tperchan\tinterpolation\tuvtaper\timsize\tcell\tstart\tnchan\twidth\tsumwt\tbeams\n')
        for ms, p in rows:
            run(ms, **p)
            lst = lambda v: ','.join(map(str, v)) if isinstance(v, list) else str(v)
            d = lambda v: '-' if v == '' or v == [] else lst(v)
            row = '\t'.join([ms, p['specmode'], p['weighting'], '%g' % p.get('robust', 0), p.get('noise', '-'), str(p.get('npixels', 0)), str(int(p.get('perchanweightdensity', True))), p.get('interpolation', 'linear'), d(p.get('uvtaper', [])),
                             lst(p['imsize']), lst(p['cell']), d(p.get('start', '')), str(p.get('nchan', 1)), d(p.get('width', '')),
                             ','.join('%.9g' % v for v in sumwt()), ','.join('%.9g/%.9g/%.9g' % b for b in beams())])
            print(row[:230], flush=True)
            f.write(row + '\n')


def components():
    m = pixels('model')
    c, y, x = np.nonzero(m)
    return [(int(a), int(b), int(d), float(m[a, b, d])) for a, b, d in zip(c, y, x)]


def clean():
    base = dict(specmode='mfs', imsize=128, cell='15arcsec', weighting='briggs', robust=0.5)
    cube = dict(specmode='cube', imsize=128, cell='15arcsec', start=34, nchan=9, width=1, outframe='LSRK', weighting='briggs', robust=0.5, interpolation='linear')
    box = 'circle[[64pix,64pix],20pix]'
    zero = 'box[[200pix,200pix],[210pix,210pix]]'
    cases = [
        # what the minor cycle alone does: one cycle from the .residual and .psf of the image case of the same parameters
        ('clean_minor_mfs', dict(base, niter=100, nmajor=1, gain=0.1), 'ngc5921_mfs_briggs', True),
        ('clean_minor_mfs_circle', dict(base, niter=60, nmajor=1, gain=0.1, mask=box), 'ngc5921_mfs_briggs', True),
        ('clean_minor_mfs_deep', dict(base, niter=300, nmajor=1, gain=0.5, cyclefactor=0.2), 'ngc5921_mfs_briggs', True),
        ('clean_minor_mfs_cycleniter', dict(base, niter=100, nmajor=1, gain=0.1, cycleniter=12, cyclefactor=0.1), 'ngc5921_mfs_briggs', True),
        ('clean_minor_cube', dict(cube, niter=300, nmajor=1, gain=0.1), 'ngc5921_briggs_linear', True),
        # whole runs
        ('clean_mfs_niter100', dict(base, niter=100), '-', True),
        ('clean_mfs_threshold', dict(base, niter=100000, threshold='3mJy', cycleniter=40), '-', False),
        ('clean_mfs_threshold_first', dict(base, niter=1000, threshold='1Jy'), '-', False),
        ('clean_mfs_nmajor', dict(base, niter=100000, threshold='0.5mJy', cycleniter=20, nmajor=3), '-', False),
        ('clean_mfs_nsigma_first', dict(base, niter=100000, nsigma=10.0), '-', False),
        ('clean_mfs_nsigma', dict(base, niter=100000, nsigma=3.0), '-', False),
        ('clean_mfs_zeromask', dict(base, niter=100, usemask='user', mask=os.path.join(os.getcwd(), 'zero.mask')), '-', False),
        ('clean_mfs_niter0', dict(base, niter=0), '-', False),
        ('clean_mfs_niter1', dict(base, niter=1), '-', False),
        ('clean_mfs_gain1_unmasked', dict(base, niter=2000, gain=1.0), '-', False),
        ('clean_cube_niter200', dict(cube, niter=200), '-', False),
        ('clean_cube_threshold', dict(cube, niter=100000, threshold='8mJy'), '-', False),
        ('clean_cube_nsigma', dict(cube, niter=100000, nsigma=6.0), '-', False),
        ('clean_cube_nsigma4', dict(cube, niter=100000, nsigma=4.0), '-', False),
    ]
    run(NGC, **base)
    ia.open('x.psf'); z = ia.newimagefromimage(infile='x.psf', outfile='zero.mask', overwrite=True); ia.close()
    z.putchunk(np.zeros([128, 128, 1, 1])); z.close()
    head = ['name', 'from', 'specmode', 'imsize', 'niter', 'gain', 'threshold', 'nsigma', 'cycleniter', 'cyclefactor', 'nmajor', 'mask',
            'iterdone', 'nmajordone', 'stopcode', 'cyclethreshold', 'maxpsfsidelobe', 'peak_residual', 'model_flux', 'stop_text']
    with open(os.path.join(HERE, 'clean.tsv'), 'w') as f, open(os.path.join(HERE, 'clean_minor.tsv'), 'w') as g:
        f.write('#' + '\t'.join(head) + '\n')
        g.write('#name\tchan\tcycle\tstart_iter\titer_done\tstart_peak\tpeak\tstart_flux\tflux\tcycle_threshold\tstopcode\tmasksum\n')
        for name, p, source, keep in cases:
            rec = run(NGC, **dict(p, restoration=keep and source == '-'))
            res = pixels('residual')
            m = pixels('model') if os.path.exists('x.model') else np.zeros(1)   # without a minor cycle and without restoration there is none
            maskname = {'-': '-', box: 'circle64,64,20'}.get(p.get('mask', '-'), 'zero')
            row = [name, source, p['specmode'], p['imsize'], p['niter'], p.get('gain', 0.1), p.get('threshold', '0Jy'), p.get('nsigma', 0.0), p.get('cycleniter', -1), p.get('cyclefactor', 1.0), p.get('nmajor', -1), maskname,
                   rec['iterdone'], rec['nmajordone'], rec['stopcode'], '%.9g' % rec.get('cyclethreshold', 0), '%.9g' % rec.get('maxpsfsidelobe', 0), '%.9g' % np.abs(res).max(), '%.9g' % m.astype(float).sum(), str(rec.get('stopDescription', '-')).replace('\t', ' ').replace('\n', ' ')]
            print(row, flush=True)
            f.write('\t'.join(map(str, row)) + '\n')
            s = rec.get('summaryminor', {}).get(0, {})
            for chan in sorted(s):
                t = s[chan][0]
                for k in range(len(t.get('iterDone', []))):
                    get = lambda key: t[key][k] if key in t and len(t[key]) > k else 0
                    g.write('%s\t%d\t%d\t%d\t%d\t%.9g\t%.9g\t%.9g\t%.9g\t%.9g\t%d\t%d\n' % (name, chan, k, get('startIterDone'), get('iterDone'), get('startPeakRes'), get('peakRes'), get('startModelFlux'),
                            get('modelFlux'), get('cycleThresh'), get('stopCode'), get('masksum')))
            if keep:
                with open(os.path.join(HERE, name + '.model.tsv'), 'w') as h:
                    h.write('#chan\ty\tx\tvalue_jy (hexadecimal float, exact)\n')
                    for c, y, x, v in components():
                        h.write('%d\t%d\t%d\t%s\n' % (c, y, x, v.hex()))
                if source == '-':
                    for ext in ('residual', 'image'):
                        pixels(ext).tofile(os.path.join(HERE, '%s.%s.f32' % (name, ext)))
            manifest(name, NGC, p, dict(record={k: (v.item() if hasattr(v, 'item') else v) for k, v in rec.items() if k in ('iterdone', 'nmajordone', 'stopcode', 'cyclethreshold', 'maxpsfsidelobe', 'stopDescription', 'niter', 'threshold', 'cyclefactor', 'loopgain', 'cycleniter')}))


for part in PARTS:
    {'images': images, 'chan_grid': chan_grid, 'sumwt': sumwt_table, 'clean': clean}[part]()
scratch = os.getcwd()
os.chdir(tempfile.gettempdir())   # CASA asks for its folder once more when Python ends
shutil.rmtree(scratch)
