#!/usr/bin/env python3
"""make_common.py FOLDER: a cube restored by the real tclean (casatasks 6.7.0.31) with a beam per channel, a given one and the common one, for
tests/unit/test_restore.c.

FOLDER holds the unpacked vla_ngc5921.ms of tests/data, of which a copy is made. There channel 6 loses the samples with |u| above 500 m, channel 7
those with |v| above 500 m, so that no beam holds all others. 4 channels of 48 x 48 pixels of 15 arcsec, niter 100, a mask in the middle, pblimit -0.2. Writes common.tsv (case, channel, the
fitted beam and the one that tclean restored with, in arcsec and degrees) and common.f32: .model and .residual, then .image of each case, [channel][y][x].
tclean brings the residual to the beam in the cases common and given where the rule of make_restore.py holds, here in some of the channels.
"""
import os, shutil, sys
import numpy as np
from casatasks import tclean
from casatools import image, table
ia, tb = image(), table()
here = os.path.dirname(os.path.abspath(__file__))
os.system('rm -rf common_tmp.*')
shutil.copytree(os.path.join(sys.argv[1], 'vla_ngc5921.ms'), 'common_tmp.ms')
tb.open('common_tmp.ms', nomodify=False)
flag, uvw = tb.getcol('FLAG'), tb.getcol('UVW')
for chan, axis in ((6, 0), (7, 1)):
    flag[:, chan, abs(uvw[axis]) > 500] = True
tb.putcol('FLAG', flag)
tb.close()

def chunk(name):
    ia.open(name)
    a = np.ascontiguousarray(ia.getchunk()[:, :, 0].transpose(2, 1, 0)).astype('<f4')
    beams = [ia.restoringbeam(channel=c, polarization=0) for c in range(4)] if 'image' in name or 'psf' in name else None
    ia.close()
    return a, beams

rows, arrays = ['#case\tchannel\town_major\town_minor\town_pa\tmajor\tminor\tpa'], []
def numbers(b):
    pa = b['positionangle']
    return b['major']['value'], b['minor']['value'], pa['value'] * (180 / np.pi if pa['unit'] == 'rad' else 1)
for case, beam in (('own', ''), ('given', ['80arcsec', '72arcsec', '20deg']), ('common', 'common')):
    os.system('rm -rf common_tmp.x.*')
    tclean(vis='common_tmp.ms', imagename='common_tmp.x', specmode='cube', start=4, nchan=4, outframe='TOPO', interpolation='nearest', imsize=48, cell='15arcsec',
           weighting='briggs', robust=0.5, niter=100, mask='circle[[24pix,24pix],6pix]', restoringbeam=beam, pblimit=-0.2, interactive=False)
    if not arrays:
        arrays += [chunk('common_tmp.x.model')[0], chunk('common_tmp.x.residual')[0]]
    own, used = chunk('common_tmp.x.psf')[1], chunk('common_tmp.x.image')
    arrays.append(used[0])
    rows += ['%s\t%d\t' % (case, c) + '\t'.join('%.12g' % v for v in numbers(own[c]) + numbers(used[1][c])) for c in range(4)]
np.concatenate(arrays).tofile(os.path.join(here, 'common.f32'))
open(os.path.join(here, 'common.tsv'), 'w').write('\n'.join(rows) + '\n')
os.system('rm -rf common_tmp.*')
