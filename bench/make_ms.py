"""make_ms.py KIND OUT.ms [nrow] [nchan]: a MeasurementSet for the benchmarks, made with casatools.simulator. KIND:

  alma     43 antennas, 120 integrations of 30 s: 108 360 rows x 16 channels x XX,YY at 230 GHz, channels of 1 MHz
  vla      27 antennas, B array, 720 integrations of 20 s: 252 720 rows x 64 channels x RR,LL at 1.4 GHz, channels of 4 MHz
  small    27 antennas, 8 integrations: 2 808 rows x 4 channels (what a program needs to start)
  growth   27 antennas, as many integrations as nrow rows need, nchan channels; DATA only

Four point sources with noise: one steady at the phase centre, three elsewhere (lines for alma, continua for the others). The phases have w.
Written beside and renamed: OUT.ms is there only when complete."""
import os, shutil, sys
import numpy as np
import casadata
from casatools import measures, simulator, table

C = 299792458.0
ARCSEC = np.pi / 180 / 3600
ARRAYS = os.path.join(list(casadata.__path__)[0], "__data__", "alma", "simmos")

# l to the east, m to the north [arcsec], flux [Jy]; a line has its centre and width in channels
LINES = [(0, 0, 1.0, None), (6, 2, 0.5, (8, 5.0)), (-7, 5, 0.3, (5, 5.0)), (3, -9, 0.2, (10, 5.0))]
CONTINUA = [(0, 0, 1.0, None), (540, 430, 0.5, None), (-860, 250, 0.3, None), (310, -1200, 0.2, None)]
KINDS = {
    "alma": dict(array="alma.cycle8.5.cfg", telescope="ALMA", hz=230e9, chan_hz=1e6, nchan=16, ntime=120, hours=1.0, stokes="XX YY",
                 feed="perfect X Y", direction=("05h00m00", "-20d00m00"), sources=LINES, noise=0.05),
    "vla": dict(array="vla.b.cfg", telescope="VLA", hz=1.4e9, chan_hz=4e6, nchan=64, ntime=720, hours=4.0, stokes="RR LL",
                feed="perfect R L", direction=("12h00m00", "34d00m00"), sources=CONTINUA, noise=0.1),
}
KINDS["small"] = dict(KINDS["vla"], nchan=4, ntime=8)
KINDS["growth"] = dict(KINDS["vla"], bare=True, chan_hz=0.5e6)


def empty_ms(path, k):
    """The rows and UVW of the observation; no data yet."""
    lines = [line.split() for line in open(os.path.join(ARRAYS, k["array"])) if line.strip() and line[0] != "#"]
    x, y, z, dish = ([float(fields[i]) for fields in lines] for i in range(4))
    sm, me = simulator(), measures()
    sm.open(path)
    sm.setconfig(telescopename=k["telescope"], x=x, y=y, z=z, dishdiameter=dish, mount=["alt-az"], antname=["A%02d" % i for i in range(len(x))],
                 padname=["P%02d" % i for i in range(len(x))], coordsystem="local", referencelocation=me.observatory(k["telescope"]))
    sm.setspwindow(spwname="bench", freq="%gHz" % k["hz"], deltafreq="%gHz" % k["chan_hz"], freqresolution="%gHz" % k["chan_hz"],
                   nchannels=k["nchan"], stokes=k["stokes"])
    sm.setfeed(k["feed"], pol=[""])
    sm.setfield(sourcename="bench", sourcedirection=me.direction("J2000", *k["direction"]))
    sm.setlimits(shadowlimit=0.01, elevationlimit="8deg")
    sm.setauto(autocorrwt=0.0)
    sm.settimes(integrationtime="%.9gs" % (k["hours"] * 3600 / k["ntime"]), usehourangle=True, referencetime=me.epoch("UTC", "2024/01/15/00:00:00"))
    sm.observe("bench", "bench", starttime="%.9gh" % (-k["hours"] / 2), stoptime="%.9gh" % (k["hours"] / 2))
    sm.close()


def visibilities(uvw, k, rng):
    """[2][nchan][nrow]"""
    hz = k["hz"] + k["chan_hz"] * np.arange(k["nchan"])
    v = np.zeros((k["nchan"], uvw.shape[1]), np.complex64)
    for l, m, jy, line in k["sources"]:
        l, m = l * ARCSEC, m * ARCSEC
        delay = (uvw[0] * l + uvw[1] * m + uvw[2] * (np.sqrt(1 - l * l - m * m) - 1)) / C
        for c in range(k["nchan"]):
            amp = jy if line is None else jy * np.exp(-0.5 * ((c - line[0]) / line[1]) ** 2)
            if amp > 1e-6:
                turns = (delay * hz[c]) % 1.0
                v[c] += (amp * np.exp(2j * np.pi * turns.astype(np.float32))).astype(np.complex64)
    noise = rng.standard_normal((2, 2) + v.shape, dtype=np.float32) * np.float32(k["noise"])
    return v + noise[0] + 1j * noise[1]


def fill(path, k, block=20000):
    tb = table()
    tb.open(path, nomodify=False)
    have = tb.colnames()
    columns = [c for c in ("DATA", "CORRECTED_DATA") if c in have]
    if k.get("bare"):
        drop = [c for c in ("CORRECTED_DATA", "MODEL_DATA") if c in have]
        if drop:
            tb.removecols(drop)
        columns = ["DATA"]
    rng = np.random.default_rng(1)
    nrow = tb.nrows()
    for first in range(0, nrow, block):
        n = min(block, nrow - first)
        data = visibilities(tb.getcol("UVW", first, n), k, rng).astype(np.complex64)
        for c in columns:
            tb.putcol(c, data, first, n)
    tb.close()
    return nrow


def main():
    kind, out = sys.argv[1:3]
    k = dict(KINDS[kind])
    if kind == "growth":
        nrow, k["nchan"] = int(sys.argv[3]), int(sys.argv[4])
        k["ntime"] = max(1, round(nrow / 351))
        k["hours"] = 4.0 if k["ntime"] > 100 else 1.0
    elif kind == "small":
        k["hours"] = 0.5
    part = out + ".part"
    for old in (out, part):
        shutil.rmtree(old, ignore_errors=True)
    os.makedirs(os.path.dirname(os.path.abspath(out)), exist_ok=True)
    empty_ms(part, k)
    nrow = fill(part, k)
    os.rename(part, out)
    print("%s: %d rows x %d channels" % (out, nrow, k["nchan"]))


main()
