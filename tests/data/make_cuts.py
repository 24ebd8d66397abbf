"""make_cuts.py SOURCE_DIR OUT_DIR: the two cut MeasurementSets of tests/data (run with CASA's Python, casatasks 6.7.0.31).
vla_ngc5921.ms: channels 5~50 of vla_ngc5921_contsub.ms (the HI line), without WEIGHT_SPECTRUM and SIGMA_SPECTRUM (equal
to WEIGHT and SIGMA in every channel: checked here).
vla_posa_74mhz.ms: channels 3~6 and every other integration of the 99, WEIGHT_SPECTRUM kept (it differs by channel)."""
import os, shutil, sys
import numpy as np
import casatools
from casatasks import mstransform
tb = casatools.table()


def cut(src, out, spw, keep_spectrum, every=1):
    shutil.rmtree(out, ignore_errors=True)
    tb.open(src)
    if not keep_spectrum:
        ws, w = tb.getcol('WEIGHT_SPECTRUM'), tb.getcol('WEIGHT')   # [pol, chan, row], [pol, row]
        assert np.abs(ws / w[:, None, :] - 1).max() < 3e-6 and np.ptp(ws, axis=1).max() == 0, 'WEIGHT_SPECTRUM differs from WEIGHT'
        del ws
    times = np.unique(tb.getcol('TIME'))
    tb.close()
    tmp = out + '.tmp'
    shutil.rmtree(tmp, ignore_errors=True)
    mstransform(vis=src, outputvis=tmp, spw=spw, datacolumn='data', keepflags=True, usewtspectrum=keep_spectrum)
    # rewrite: only the wanted columns and rows, tables closed and locks flushed
    tb.open(tmp)
    names = [c for c in tb.colnames() if c not in ('SIGMA_SPECTRUM', 'FLAG_CATEGORY') and (keep_spectrum or c != 'WEIGHT_SPECTRUM')]
    t = tb.getcol('TIME')
    rows = np.nonzero(np.isin(np.searchsorted(times, t + 1e-3) % every, [1 % every]))[0] if every > 1 else np.arange(tb.nrows())
    tb.close()
    tb.open(tmp, nomodify=False)
    drop = [c for c in tb.colnames() if c in ('SIGMA_SPECTRUM',) or (not keep_spectrum and c == 'WEIGHT_SPECTRUM')]
    if drop:
        tb.removecols(drop)
    tb.close()
    tb.open(tmp)
    sel = tb.selectrows([int(r) for r in rows])
    copy = sel.copy(out, deep=True, valuecopy=True)
    copy.close(); sel.close(); tb.close()
    shutil.rmtree(tmp)
    tb.open(out + '/HISTORY', nomodify=False)   # the tasks' log: paths of the machine that made the cut
    if tb.nrows() > 0:
        tb.removerows(list(range(tb.nrows())))
    tb.close()
    tb.open(out); print(out, tb.nrows(), 'rows', tb.getcell('DATA', 0).shape, tb.colnames()); tb.close()


src, dst = sys.argv[1:3]
cut(src + '/vla_ngc5921_contsub.ms', dst + '/vla_ngc5921.ms', '0:5~50', False)
cut(src + '/vla_posa_74mhz.ms', dst + '/vla_posa_74mhz.ms', '0:3~6', True, every=2)
