"""make_sim.py OUT.ms: the simulated MeasurementSet sim_alma_topo.ms (CASA's Python, casatools 6.7.0.31).
12 ALMA antennas, 66 baselines, 72 integrations of 5 min (6 h around transit), 230 GHz, 24 channels of 244.140625 kHz in
TOPO, XX,YY, no noise. The observatory's motion towards the source changes over the 6 h, so a line that is narrow in LSRK
drifts across the TOPO channels. Sources at whole pixels of 0.1 arcsec: l (east) and m (north) are direction cosines."""
import math, os, shutil, sys
import numpy as np
import casadata
from casatools import measures, quanta, simulator, table
sm, me, qa, tb = simulator(), measures(), quanta(), table()
CELL = 0.1 * math.pi / 180 / 3600
FREQ, DF, NCHAN = 230e9, 244140.625, 24
DIRECTION = ('J2000', '05h00m00', '-20d00m00')
# pixels east, pixels north, Jy, line: None = flat, else sigma in channel widths, centred on LINE_HZ in LSRK
SOURCES = [(0, 0, 1.0, None), (-95, 60, 0.5, None), (30, -20, 0.8, 2.0)]


def lsrk(position, time_s, topo_hz):
    me.doframe(position)
    me.doframe(me.direction(*DIRECTION))
    me.doframe(me.epoch('UTC', qa.quantity(time_s, 's')))
    return me.measure(me.frequency('TOPO', qa.quantity(topo_hz, 'Hz')), 'LSRK')['m0']['value']


out = sys.argv[1].rstrip('/')
shutil.rmtree(out, ignore_errors=True)
cfg = os.path.join(list(casadata.__path__)[0], '__data__', 'alma', 'simmos', 'alma.cycle8.3.cfg')
pads = [[float(v) for v in l.split()[:4]] for l in open(cfg) if l.strip() and not l.startswith('#')]
ants = pads[:1] + pads[1::4][:11]
assert len(ants) == 12
position = me.observatory('ALMA')
tmp = out + '.tmp'
shutil.rmtree(tmp, ignore_errors=True)
sm.open(tmp)
sm.setconfig(telescopename='ALMA', x=[a[0] for a in ants], y=[a[1] for a in ants], z=[a[2] for a in ants], dishdiameter=[12.0] * 12,
             mount=['alt-az'], antname=['A%02d' % i for i in range(12)], padname=['P%02d' % i for i in range(12)],
             coordsystem='local', referencelocation=position)
sm.setspwindow(spwname='SPW0', freq='%.6fHz' % FREQ, deltafreq='%.6fHz' % DF, freqresolution='%.6fHz' % DF, nchannels=NCHAN, stokes='XX YY')
sm.setfeed('perfect X Y', pol=[''])
sm.setfield(sourcename='sim', sourcedirection=me.direction(*DIRECTION))
sm.setlimits(shadowlimit=0.01, elevationlimit='10deg')
sm.setauto(autocorrwt=0.0)
sm.settimes(integrationtime='300s', usehourangle=True, referencetime=me.epoch('UTC', '2024/01/15/00:00:00'))
sm.observe('sim', 'SPW0', starttime='-3h', stoptime='3h')
sm.close()

tb.open(tmp, nomodify=False)
uvw, time, a1, a2 = tb.getcol('UVW'), tb.getcol('TIME'), tb.getcol('ANTENNA1'), tb.getcol('ANTENNA2')
tb2 = table(); tb2.open(tmp + '/SPECTRAL_WINDOW'); chan = tb2.getcell('CHAN_FREQ', 0); ref = tb2.getcol('MEAS_FREQ_REF')[0]; tb2.close()
assert ref == 5, 'not TOPO'
assert abs(chan[0] - FREQ) < 1e-3 and abs(chan[1] - chan[0] - DF) < 1e-3
times = np.unique(time)
ratio = {t: lsrk(position, t, FREQ) / FREQ for t in times}
line_hz = chan[NCHAN // 2] * ratio[times[len(times) // 2]]
scale = np.array([ratio[t] for t in time])
vis = np.zeros((NCHAN, time.size), complex)
for east, north, jy, sigma in SOURCES:
    l, m = east * CELL, north * CELL
    delay = (uvw[0] * l + uvw[1] * m + uvw[2] * (math.sqrt(1 - l * l - m * m) - 1)) / 299792458.0
    for c in range(NCHAN):
        amp = jy if sigma is None else jy * np.exp(-0.5 * ((chan[c] * scale - line_hz) / (sigma * DF)) ** 2)
        vis[c] += amp * np.exp(2j * np.pi * delay * chan[c])
data = np.repeat(vis[None].astype(np.complex64), 2, axis=0)
weight = np.repeat((0.5 + 0.125 * ((3 * a1 + 5 * a2) % 8))[None].astype(np.float64), 2, axis=0)
flag = np.zeros(data.shape, bool)
frow = ((a1 == 3) & (time > times[40]) & (time < times[50])) | (a1 == a2)
flag[:, :, frow] = True
tb.putcol('DATA', data); tb.putcol('FLAG', flag); tb.putcol('FLAG_ROW', frow)
tb.putcol('WEIGHT', weight); tb.putcol('SIGMA', 1 / np.sqrt(weight))
drop = [c for c in tb.colnames() if c in ('CORRECTED_DATA', 'MODEL_DATA', 'IMAGING_WEIGHT', 'WEIGHT_SPECTRUM', 'SIGMA_SPECTRUM')]
if drop:
    tb.removecols(drop)
tb.close()
tb.open(tmp)
cp = tb.copy(out, deep=True, valuecopy=True); cp.close(); tb.close()
shutil.rmtree(tmp)
print(out, time.size, 'rows, %d times' % times.size, 'LSRK/TOPO - 1: %.6e at the first, %.6e at the last integration' % (ratio[times[0]] - 1, ratio[times[-1]] - 1))
print('drift %.2f channels; line at LSRK %.3f Hz; flagged rows %d; longest baseline %.1f m' %
      (FREQ * abs(ratio[times[-1]] - ratio[times[0]]) / DF, line_hz, frow.sum(), np.hypot(uvw[0], uvw[1]).max()))
