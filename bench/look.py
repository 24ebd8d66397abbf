"""look.py JSON: what a run's images hold, so that a broken run is not taken for a fast one. Runs in the peers' venv.

{"images": [paths in channel order, CASA or FITS], "psf": path, "cell": arcsec, "sources": [[l, m] arcsec, ...]}
prints {"at": [brightest pixel within 3 of each source, over all channels], "centre": value at the phase centre in the middle
channel, "psf": peak of the PSF's middle channel, "finite": share of finite pixels}."""
import json, os, sys
import numpy as np


def planes(path):
    """[chan][y][x]"""
    if os.path.isdir(path):
        from casatools import image
        ia = image()
        ia.open(path)
        a = ia.getchunk()
        ia.close()
        return a[:, :, 0, :].transpose(2, 1, 0)
    from astropy.io import fits
    return np.asarray(fits.getdata(path), np.float32)[0]


def main():
    job = json.loads(sys.argv[1])
    cube = np.concatenate([planes(p) for p in job["images"]])
    psf = planes(job["psf"])
    ny, nx = cube.shape[1:]
    at = []
    for l, m in job["sources"]:
        x, y = nx // 2 - round(l / job["cell"]), ny // 2 + round(m / job["cell"])
        at.append(float(np.nanmax(cube[:, y - 3:y + 4, x - 3:x + 4])))
    mid = cube[len(cube) // 2, ny // 2 - 3:ny // 2 + 4, nx // 2 - 3:nx // 2 + 4]
    print(json.dumps({"at": at, "centre": float(np.nanmax(mid)), "psf": float(np.nanmax(psf[len(psf) // 2])),
                      "finite": float(np.isfinite(cube).mean())}))


main()
