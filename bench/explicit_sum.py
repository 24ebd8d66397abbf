"""explicit_sum.py MS IMAGE CELL_ARCSEC with-w|without-w [npixel]: error of a naturally weighted dirty mfs image (CASA or FITS, Stokes I of two
parallel hands) against the Fourier sum written out, at random pixels: prints rms error / peak and largest error / peak. Runs in the peers' venv."""
import os, sys
import numpy as np
from casatools import table

C = 299792458.0


def image_plane(path):
    """[y][x]"""
    if os.path.isdir(path):
        from casatools import image
        ia = image()
        ia.open(path)
        a = ia.getchunk()[:, :, 0, 0].T
        ia.close()
        return a
    from astropy.io import fits
    return np.asarray(fits.getdata(path), np.float64)[0, 0]


def main():
    ms, path, cell, w_term = sys.argv[1:5]
    npixel = int(sys.argv[5]) if len(sys.argv) > 5 else 100
    cell = float(cell) * np.pi / 180 / 3600
    a = image_plane(path)
    ny, nx = a.shape
    rng = np.random.default_rng(2)
    x, y = rng.integers(nx // 20, nx - nx // 20, npixel), rng.integers(ny // 20, ny - ny // 20, npixel)
    x[0], y[0] = nx // 2, ny // 2
    l, m = -(x - nx // 2) * cell, (y - ny // 2) * cell
    n = np.sqrt(1 - l * l - m * m) - 1 if w_term == "with-w" else np.zeros(npixel)
    tb = table()
    tb.open(ms + "/SPECTRAL_WINDOW")
    hz = tb.getcol("CHAN_FREQ")[:, 0]
    tb.close()
    tb.open(ms)
    column = "CORRECTED_DATA" if "CORRECTED_DATA" in tb.colnames() else "DATA"
    total, sumwt, nrow, block = np.zeros(npixel), 0.0, tb.nrows(), 8192
    for first in range(0, nrow, block):
        k = min(block, nrow - first)
        uvw, weight = tb.getcol("UVW", first, k), tb.getcol("WEIGHT", first, k).mean(axis=0)
        vis = tb.getcol(column, first, k).mean(axis=0).astype(np.complex128)
        weight = np.where(tb.getcol("FLAG", first, k).any(axis=0), 0.0, weight[None, :])
        sumwt += weight.sum()
        vis *= weight
        for i in range(npixel):
            # exp(i nu d) over equally spaced channels by a recurrence, renewed every 16 channels
            delay = -2j * np.pi * (uvw[0] * l[i] + uvw[1] * m[i] + uvw[2] * n[i]) / C
            step = np.exp(delay * (hz[1] - hz[0])) if len(hz) > 1 else None
            for c in range(len(hz)):
                turn = np.exp(delay * hz[c]) if c % 16 == 0 else turn * step
                total[i] += (vis[c].real * turn.real - vis[c].imag * turn.imag).sum()
    tb.close()
    truth = total / sumwt
    err = a[y, x] - truth
    peak = np.nanmax(np.abs(a))
    print("%.3g %.3g" % (np.sqrt((err ** 2).mean()) / peak, np.abs(err).max() / peak))


main()
