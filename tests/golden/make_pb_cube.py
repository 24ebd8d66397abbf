#!/usr/bin/env python3
"""make_pb_cube.py FOLDER: .pb of cubes across the edges of receiver bands, made by the real tclean (casatools 6.7.0.31, gridder standard),
for tests/unit/test_pb.c.

FOLDER holds the unpacked vla_ngc5921.ms of tests/data; copies of it get other telescope names and frequencies. Writes pb_cube.tsv beside
itself: one row per channel, telescope dish_m first_hz (of the cube) freq_hz cell_arcsec and .pb at 0, 4 ... 28 pixels north of the centre.
The model of the VLA and ATCA is that of the cube's FIRST channel; the EVLA's is looked up for each channel.
"""
import os, shutil, sys, numpy as np
from casatasks import tclean
from casatools import image, table
ia, tb = image(), table()
here = os.path.dirname(os.path.abspath(__file__))
ngc = os.path.join(sys.argv[1], 'vla_ngc5921.ms')
# telescope, middle of the band, step, cell, first channels of the cubes
cases = [('VLA', 2e9, 2e6, 60, (0, 15, 22, 28)), ('VLA', 1e9, 2e6, 120, (0, 15, 28)), ('VLA', 7e9, 5e6, 15, (15, 28)), ('EVLA', 2e9, 20e6, 60, (0, 28)), ('ATCA', 3.5e9, 10e6, 30, (0, 15, 28))]
rows = ['# telescope dish_m first_hz freq_hz cell_arcsec, then .pb at 0, 4, ... 28 pixels north   (tclean, casatools 6.7.0.31)']
for name, middle, step, cell, starts in cases:
    shutil.rmtree('golden_tmp.ms', True)
    shutil.copytree(ngc, 'golden_tmp.ms')
    tb.open('golden_tmp.ms/OBSERVATION', nomodify=False)
    tb.putcol('TELESCOPE_NAME', [name] * tb.nrows())
    tb.close()
    tb.open('golden_tmp.ms/SPECTRAL_WINDOW', nomodify=False)
    n = len(tb.getcell('CHAN_FREQ', 0))
    tb.putcell('CHAN_FREQ', 0, middle + (np.arange(n) - n // 2) * step)
    for column in ('CHAN_WIDTH', 'EFFECTIVE_BW', 'RESOLUTION'):
        tb.putcell(column, 0, np.full(n, step))
    tb.putcell('REF_FREQUENCY', 0, middle - n // 2 * step)
    tb.putcell('TOTAL_BANDWIDTH', 0, n * step)
    tb.close()
    for start in starts:
        os.system('rm -rf golden_tmp.im.*')
        tclean(vis='golden_tmp.ms', imagename='golden_tmp.im', specmode='cube', start=start, nchan=12, imsize=64, cell='%garcsec' % cell, outframe='LSRK',
               interpolation='nearest', pblimit=-1e-6, niter=0, restoration=False, interactive=False)
        ia.open('golden_tmp.im.pb')
        p = ia.getchunk()[32, 32:64:4, 0, :]
        nu = [ia.toworld([0, 0, 0, c])['numeric'][3] for c in range(p.shape[1])]
        ia.close()
        rows += ['%s 25 %.15g %.15g %.9g %s' % (name, nu[0], nu[c], cell, ' '.join('%.7g' % v for v in p[:, c])) for c in range(0, len(nu), 2)]
open(os.path.join(here, 'pb_cube.tsv'), 'w').write('\n'.join(rows) + '\n')
os.system('rm -rf golden_tmp.*')
