"""check_dft.py DATA_DIR: how far tclean's golden .residual (natural weights) is from the explicit Fourier sum with the OBSERVED
frequencies and no w, as rms of the difference over the cube's peak. This is CASA's own error: what a test may ask of us is a little
more (README.md). CASA's Python; a few seconds."""
import json, os, sys
import numpy as np
from casatools import measures, quanta, table
HERE = os.path.dirname(os.path.abspath(__file__))
tb, me, qa = table(), measures(), quanta()
C, ARCSEC = 299792458.0, np.pi / 180 / 3600
UNIT = {'arcsec': ARCSEC, 'marcsec': ARCSEC / 1000, 'deg': np.pi / 180}


def read(ms, spw):
    tb.open(ms + '/DATA_DESCRIPTION'); dd = int(np.nonzero(tb.getcol('SPECTRAL_WINDOW_ID') == spw)[0][0]); tb.close()
    tb.open(ms + '/SPECTRAL_WINDOW'); f, ref = tb.getcell('CHAN_FREQ', spw), tb.getcell('MEAS_FREQ_REF', spw); tb.close()
    tb.open(ms); s = tb.query('DATA_DESC_ID==%d' % dd)
    d = {c: s.getcol(c) for c in ('DATA', 'FLAG', 'FLAG_ROW', 'WEIGHT', 'UVW', 'TIME', 'ANTENNA1', 'ANTENNA2')}
    if 'WEIGHT_SPECTRUM' in s.colnames():
        d['WS'] = s.getcol('WEIGHT_SPECTRUM')
    else:
        d['WS'] = np.repeat(d['WEIGHT'][:, None, :], len(f), 1)
    d['tref'] = s.getcolkeywords('TIME')['MEASINFO']['Ref']; s.close(); tb.close()
    bad = d['FLAG'].any(axis=0) | d['FLAG_ROW'][None] | (d['ANTENNA1'] == d['ANTENNA2'])[None]
    w = np.where(bad, 0, (d['WS'][0] + d['WS'][-1]) / 2.0)
    tb.open(ms + '/OBSERVATION'); tel = tb.getcell('TELESCOPE_NAME', 0); tb.close()
    tb.open(ms + '/FIELD'); p = tb.getcell('PHASE_DIR', 0).ravel(); tb.close()
    lsrk = np.ones(d['TIME'].size)
    if ref == 5:
        for t in np.unique(d['TIME']):
            me.doframe(me.observatory(tel)); me.doframe(me.direction('J2000', '%.15frad' % p[0], '%.15frad' % p[1])); me.doframe(me.epoch(d['tref'], '%.9fs' % t))
            lsrk[d['TIME'] == t] = me.measure(me.frequency('TOPO', '%.6fHz' % f[0]), 'LSRK')['m0']['value'] / f[0]
    return d['UVW'], f, lsrk, w, (d['DATA'][0] + d['DATA'][-1]) / 2


for line in open(os.path.join(HERE, 'cases.tsv')):
    v = line.rstrip('\n').split('\t')
    if v[0].startswith('#') or v[11] != 'natural' or v[10] == 'linear' and v[2] != 'mfs' or v[15] == '-':
        continue
    name, ms, mode, n = v[0], os.path.join(sys.argv[1], v[1]), v[2], int(v[3])
    cell = [float(v[4][:-len(u)]) * k for u, k in UNIT.items() if v[4].endswith(u) and v[4][:-len(u)].replace('.', '').isdigit()][0]
    man = json.load(open(os.path.join(HERE, name + '.json')))
    freq = [float(l.split('\t')[1]) for l in open(os.path.join(HERE, name + '.chan.tsv')) if l[0] != '#']
    chans = [int(c) for c in v[15].split(',')]
    gold = np.fromfile(os.path.join(HERE, name + '.residual.f32'), '<f4').reshape(len(chans), n, n)
    tb.open(ms + '/SPECTRAL_WINDOW'); nspw = tb.nrows(); tb.close()
    spws = [int(v[5])] if v[5] != '-' else range(nspw)
    x = -(np.arange(n) - n // 2) * cell; y = (np.arange(n) - n // 2) * cell
    for k, c in enumerate(chans):
        img, sw = np.zeros((n, n)), 0.0
        for spw in spws:
            uvw, f, lsrk, w, vis = read(ms, spw)
            for dc in range(len(f)):
                if mode == 'mfs':
                    use = w[dc] > 0
                else:
                    df = man['cdelt_hz']
                    scale = lsrk if mode == 'cube' else 1.0
                    use = (w[dc] > 0) & (np.floor((f[dc] * scale - freq[0]) / df + 0.5 + 1e-9) == c)
                if not np.any(use):
                    continue
                u, vv = uvw[0][use] * f[dc] / C, uvw[1][use] * f[dc] / C
                wt, d = w[dc][use], vis[dc][use]
                for i in range(0, len(u), 20000):
                    s = slice(i, i + 20000)
                    ex = np.exp(-2j * np.pi * np.outer(u[s], x)); ey = np.exp(-2j * np.pi * np.outer(vv[s], y)) * (wt[s] * d[s])[:, None]
                    img += (ey.T @ ex).real
                sw += wt.sum()
        img /= sw
        dif = gold[k] - img
        print('%-28s chan %2d  rms %.1e  max %.1e of the cube peak; 2*weight %.8g' % (name, c, np.sqrt((dif ** 2).mean()) / man['cube_peak'], np.abs(dif).max() / man['cube_peak'], 2 * sw), flush=True)
