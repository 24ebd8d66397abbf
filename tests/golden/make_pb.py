#!/usr/bin/env python3
"""make_pb.py FOLDER: primary beams of the real tclean (casatools 6.7.0.31, gridder standard) for tests/unit/test_pb.c.

FOLDER holds the unpacked vla_ngc5921_contsub.ms; copies of it get other telescope names, dish diameters and frequencies. Writes pb.tsv
beside itself: one row per case, telescope dish_m freq_hz cell_arcsec and .pb at 0, 10, 20 ... 190 pixels north of the centre.
"""
import os, shutil, sys, numpy as np
from casatasks import tclean
from casatools import image, table
ia, tb = image(), table()
here = os.path.dirname(os.path.abspath(__file__))
ngc = os.path.join(sys.argv[1], 'vla_ngc5921_contsub.ms')
G = 1e9  # telescope, dish, frequency (0: the MS's own), cell at 1.4 GHz
cases = [('VLA', 25, 0, 12), ('VLA', 25, 3 * G, 12), ('VLA', 25, 8.1 * G, 12), ('EVLA', 25, 0, 12), ('EVLA', 25, 0.35 * G, 12), ('EVLA', 25, 3.1 * G, 12), ('EVLA', 25, 6 * G, 12),
         ('EVLA', 25, 45 * G, 12), ('EVLA', 25, 18.5 * G, 12), ('ALMA', 12, 230 * G, 25), ('ALMA', 7, 100 * G, 45), ('ACA', 7, 0, 45), ('NGVLA', 18, 0, 20), ('ATCA', 22, 0, 15),
         ('ATCA', 22, 2.1 * G, 15), ('ATCA', 22, 5.5 * G, 15), ('ATCA', 22, 9 * G, 15), ('ATCA', 22, 20 * G, 15), ('ATCA', 22, 90 * G, 15), ('ATCA', 22, 60 * G, 15), ('BIMA', 6, 115 * G, 45),
         ('OVRO', 10.4, 100 * G, 25), ('SMA', 6, 224 * G, 50), ('ATA', 6, 0, 45), ('GBT', 100, 0, 5), ('NRAO12M', 12, 0, 25), ('SKA-LIKE', 15, 0, 18), ('LOFAR', 30.75, 0.15 * G, 9)]
rows = ['# telescope dish_m freq_hz cell_arcsec, then .pb at 0, 10, ... 190 pixels north   (tclean, casatools 6.7.0.31)']
for name, dish, freq, cell in cases:
    shutil.rmtree('golden_tmp.ms', True)
    shutil.copytree(ngc, 'golden_tmp.ms')
    tb.open('golden_tmp.ms/OBSERVATION', nomodify=False)
    tb.putcol('TELESCOPE_NAME', [name] * tb.nrows())
    tb.close()
    tb.open('golden_tmp.ms/ANTENNA', nomodify=False)
    tb.putcol('DISH_DIAMETER', np.full(tb.nrows(), float(dish)))
    tb.close()
    tb.open('golden_tmp.ms/SPECTRAL_WINDOW', nomodify=False)
    f = tb.getcell('CHAN_FREQ', 0)
    if freq:
        tb.putcell('CHAN_FREQ', 0, f - f[0] + freq)
        tb.putcell('REF_FREQUENCY', 0, freq)
    tb.close()
    cell = cell / ((freq or f[0]) / 1.4e9)
    os.system('rm -rf golden_tmp.im.*')
    tclean(vis='golden_tmp.ms', imagename='golden_tmp.im', specmode='mfs', imsize=400, cell='%.9garcsec' % cell, spw='0:0', pblimit=-1e-6, niter=0, interactive=False)
    ia.open('golden_tmp.im.pb')
    p = ia.getchunk()[200, 200:400:10, 0, 0]
    r = ia.coordsys().torecord()
    ia.close()
    nu = [r[k] for k in r if k.startswith('spectral')][0]['wcs']['crval']
    rows.append('%s %g %.15g %.9g %s' % (name, dish, nu, cell, ' '.join('%.7g' % v for v in p)))
open(os.path.join(here, 'pb.tsv'), 'w').write('\n'.join(rows) + '\n')
os.system('rm -rf golden_tmp.*')
