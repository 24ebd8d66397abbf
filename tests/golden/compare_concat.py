#!/usr/bin/env python3
"""compare_concat.py PCLEAN [OUT.tsv]: joins the same images with pclean concat and with casatools' ia.imageconcat and compares
shape, pixels, mask, coordinates, beams, units, object and history of what comes out, for a matrix of cases, by casatools and by python-casacore.
Needs casatools, and python-casacore in /usr/bin/python3 (or PYTHON_CASACORE), which also makes the images in the other byte order and with odd tiles.
Prints one line per case; exit status 1 if a case is not as expected. With OUT.tsv: writes the table kept in tests/golden/concat.tsv.

Expected: "same" (all of it equal; pixels and masks bit for bit), or "refused" (pclean refuses what CASA joins with wrong frequencies,
without beams, or with a wrong unit), or "both refuse"."""
import os
import shutil
import subprocess
import sys
import tempfile

import casatools
import numpy as np

pclean = os.path.realpath(sys.argv[1])
casacore_python = os.environ.get("PYTHON_CASACORE", "/usr/bin/python3")
rng = np.random.default_rng(1)


def make(name, nchan=3, first=0.0, inc=1e6, f0=1.4e9, unit="Jy/beam", beams=None, mask=False, shape=(20, 17, 1), dtype="f", tiles=None,
         table=None, frame="LSRK", ra=0.0, stokes="I", again=None, blank=()):
    ia = casatools.image()
    cs = casatools.coordsys().newcoordsys(direction=True, spectral=True, stokes=list(stokes))
    cs.setreferencecode(frame, "spectral")
    cs.setreferencevalue([ra], "direction")
    cs.setreferencepixel([0], "spectral")
    cs.setreferencevalue([f0 + first * abs(inc)], "spectral")
    cs.setincrement([inc], "spectral")
    if table is not None:
        cs.setspectral(refcode=frame, frequencies=casatools.quanta().quantity(list(np.asarray(table, float)), "Hz"))
    full = [shape[0], shape[1], len(stokes), nchan]
    ia.fromshape(name, full, csys=cs.torecord(), overwrite=True, type=dtype)
    pixels = rng.normal(size=full)
    ia.putchunk(pixels + 1j * rng.normal(size=full) if dtype in ("c", "cd") else pixels)
    for c in blank:  # planes without data; such a plane has the largest beam
        ia.putchunk(np.zeros([shape[0], shape[1], len(stokes), 1]), [0, 0, 0, c])
    if dtype in ("d", "cd"):  # casatools can do little more with these
        ia.done()
        make_again(name, again)
        return
    ia.setbrightnessunit(unit)
    ia.setmiscinfo({"origin": name, "same": 1.5})
    ia.sethistory("test", ["made as " + name])
    if beams == "plane":
        for c in range(nchan):
            for p in range(len(stokes)):
                ia.setrestoringbeam(f"{(20 if c in blank else 5 + c + p) + len(name)}arcsec", "3arcsec", "10deg", channel=c, polarization=p)
    elif beams:
        ia.setrestoringbeam(beams, "3arcsec", "10deg")
    if mask:
        ia.calcmask(f'"{name}" > 0')
    ia.done()
    make_again(name, again)


AGAIN = """
import sys, casacore.images as ci, casacore.tables as ct
name, tiles = sys.argv[1], [int(n) for n in sys.argv[2].split(",")]
old, keys = ci.image(name), ct.table(name, ack=False).getkeywords()
masked = bool(keys.get("Image_defaultmask"))
new = ci.image(name + ".again", values=old.getdata(), coordsys=old.coordinates(), tileshape=tiles, **(dict(mask=old.getmask(), maskname="mask0") if masked else {}))
del old, new
table = ct.table(name + ".again", readonly=False, ack=False)
for key in ("units", "imageinfo", "miscinfo"):
    if key in keys:
        table.putkeyword(key, keys[key])
assert table.endianformat() == "big"
"""


def make_again(name, tiles):
    """The same image as python-casacore writes it: big-endian, with tiles of an odd shape (channel first)."""
    if not tiles:
        return
    with open("aipsrc", "w") as out:
        out.write("table.endianformat: big\n")
    subprocess.run([casacore_python, "-c", AGAIN, name, tiles], env={**os.environ, "CASARCFILES": os.path.realpath("aipsrc")}, check=True, capture_output=True)
    shutil.rmtree(name)
    os.rename(name + ".again", name)


READ = """
import sys, hashlib, casacore.images as ci
for name in sys.argv[1:]:
    im = ci.image(name)
    data, mask, c = im.getdata(), im.getmask(), im.coordinates().dict()
    shape = im.shape()
    world = [["%.12e" % x for x in im.toworld([k, shape[1] - 1, y, 3])] for k in range(shape[0]) for y in (0, shape[2] - 1)]
    print(shape, hashlib.sha256(data.tobytes()).hexdigest(), hashlib.sha256(mask.tobytes()).hexdigest(), im.unit(), im.info()["imageinfo"], world, c.get("telescope"), c.get("obsdate"))
"""


def casacore_agrees(a, b):
    lines = subprocess.run([casacore_python, "-c", READ, a, b], check=True, capture_output=True, text=True).stdout.splitlines()
    return lines[0] == lines[1]


def describe(name):
    ia = casatools.image()
    ia.open(name)
    cs = ia.coordsys()
    shape = ia.shape()
    out = {"shape": list(shape), "pixels": ia.getchunk(), "mask": ia.getchunk(getmask=True), "unit": ia.brightnessunit() if ia.pixeltype()[0] != "d" else "", "type": ia.pixeltype(),
           "beam": str(ia.restoringbeam()) if ia.pixeltype()[0] != "d" else "",
           "world": [[cs.toworld([x, y, s, c], "n")["numeric"].tolist() for c in range(shape[3])] for x, y, s in ((0, 0, 0), (shape[0] - 1, shape[1] - 1, shape[2] - 1))],
           "frame": cs.referencecode("spectral"), "names": cs.names(), "units": cs.units(), "rest": cs.restfrequency()["value"].tolist(), "telescope": cs.telescope(),
           "history": [line for line in (ia.history(list=False) if ia.pixeltype()[0] != "d" else []) if "made as" in line]}
    ia.done()
    return out


def difference(a, b):
    for key in a:
        if key == "world":
            same = np.allclose(a[key], b[key], rtol=1e-13, atol=1e-13)
        elif isinstance(a[key], np.ndarray):
            same = a[key].shape == b[key].shape and np.array_equal(a[key], b[key])
        else:
            same = a[key] == b[key]
        if not same:
            return key
    return ""


three = [dict(first=3 * i) for i in range(3)]
cases = [
    # name, images, options of pclean, options of imageconcat, expected
    ("plain", three, [], {}, "same"),
    ("one channel each", [dict(first=i, nchan=1) for i in range(5)], [], {}, "same"),
    ("unequal parts", [dict(first=0, nchan=4), dict(first=4, nchan=3), dict(first=7, nchan=1)], [], {}, "same"),
    ("descending", [dict(first=-3 * i, inc=-1e6) for i in range(3)], [], {}, "same"),
    ("masks", [dict(first=3 * i, mask=True) for i in range(3)], [], {}, "same"),
    ("mask and no mask", [dict(first=0, mask=True), dict(first=3)], [], {}, "same"),
    ("no mask and mask", [dict(first=0), dict(first=3, mask=True)], [], {}, "same"),
    ("beams per plane", [dict(first=3 * i, beams="plane") for i in range(2)], [], {}, "same"),
    ("one beam", [dict(first=3 * i, beams="7arcsec") for i in range(2)], [], {}, "same"),
    ("different beams", [dict(first=0, beams="7arcsec"), dict(first=3, beams="8arcsec")], [], {}, "same"),
    ("single and per-plane beams", [dict(first=0, beams="7arcsec"), dict(first=3, beams="plane")], [], {}, "same"),
    ("IQUV, beams, masks", [dict(first=3 * i, stokes="IQUV", beams="plane", mask=True) for i in range(2)], [], {}, "same"),
    ("large tiles", [dict(first=4 * i, nchan=4, shape=(256, 128, 1)) for i in range(2)], [], {}, "same"),
    ("complex", [dict(first=3 * i, dtype="c") for i in range(2)], [], {}, "same"),
    ("double", [dict(first=3 * i, dtype="d") for i in range(2)], [], {}, "same"),
    ("double complex", [dict(first=3 * i, dtype="cd") for i in range(2)], [], {}, "same"),
    ("big-endian, odd tiles", [dict(first=3 * i, again="2,1,5,7") for i in range(3)], [], {}, "same"),
    ("big-endian, masks, beams per plane", [dict(first=3 * i, again="1,1,17,20", mask=True, beams="plane") for i in range(2)], [], {}, "same"),
    ("little-endian after big-endian", [dict(first=0, again="3,1,4,20", mask=True), dict(first=3)], [], {}, "same"),
    ("big-endian after little-endian", [dict(first=0), dict(first=3, again="3,1,4,20", mask=True)], [], {}, "same"),
    ("big-endian complex", [dict(first=3 * i, again="2,1,5,7", dtype="c") for i in range(2)], [], {}, "same"),
    ("big-endian double", [dict(first=3 * i, again="2,1,5,7", dtype="d") for i in range(2)], [], {}, "same"),
    ("other tiles in each", [dict(first=3 * i, again=tiles, stokes="IQUV") for i, tiles in enumerate(("1,1,3,4", "3,2,17,20", "2,4,9,11"))], [], {}, "same"),
    ("blank planes, the largest beam", [dict(first=3 * i, beams="plane", blank=(1,)) for i in range(2)], [], {}, "same"),
    ("descending, masks, beams per plane", [dict(first=-3 * i, inc=-1e6, mask=True, beams="plane") for i in range(3)], [], {}, "same"),
    ("descending tables", [dict(table=[1.415e9, 1.411e9, 1.41e9]), dict(table=[1.403e9, 1.401e9, 1.4e9])], ["--relax"], dict(relax=True), "same"),
    ("table after linear", [dict(first=0), dict(table=[1.41e9, 1.411e9, 1.415e9])], ["--relax"], dict(relax=True), "same"),
    ("gap, relax", [dict(first=0), dict(first=5)], ["--relax"], dict(relax=True), "same"),
    ("gap, strict", [dict(first=0), dict(first=5)], [], dict(relax=False), "both refuse"),
    ("other width, relax", [dict(first=0), dict(first=1.75, inc=2e6)], ["--relax"], dict(relax=True), "same"),
    ("other width, strict", [dict(first=0), dict(first=1.75, inc=2e6)], [], dict(relax=False), "both refuse"),
    ("tables", [dict(table=[1.4e9, 1.401e9, 1.403e9]), dict(table=[1.41e9, 1.411e9, 1.415e9])], ["--relax"], dict(relax=True), "same"),
    ("given in any order", [dict(first=6), dict(first=0), dict(first=3)], ["--reorder"], dict(reorder=True), "same"),
    ("along Stokes", [dict(stokes="I"), dict(stokes="V")], ["--axis", "2"], dict(axis=2), "same"),
    ("wrong order, relax", [dict(first=3), dict(first=0)], ["--relax"], dict(relax=True), "refused"),
    ("overlap, relax", [dict(first=0), dict(first=2)], ["--relax"], dict(relax=True), "refused"),
    ("opposite increments, relax", [dict(first=0), dict(first=5, inc=-1e6)], ["--relax"], dict(relax=True), "refused"),
    ("one without beam, relax", [dict(first=0, beams="7arcsec"), dict(first=3)], ["--relax"], dict(relax=True), "refused"),
    ("different units", [dict(first=0), dict(first=3, unit="K")], [], {}, "refused"),
    ("other frame, relax", [dict(first=0), dict(first=3, frame="TOPO")], ["--relax"], dict(relax=True), "refused"),
    ("other sky, relax", [dict(first=0), dict(first=3, ra=10)], ["--relax"], dict(relax=True), "refused"),
    ("other shape", [dict(first=0), dict(first=3, shape=(21, 17, 1))], [], dict(relax=True), "both refuse"),
    # images of different types: casatools crashes; pclean refuses
]


def run(case, modes):
    title, images, ours, theirs, expected = case
    names = [f"in{'abcdefgh'[i]}.image" for i in range(len(images))]
    for name, keywords in zip(names, images):
        make(name, **keywords)
    worst = expected
    for mode in modes:
        for folder in ("casa.image", "pclean.image"):
            shutil.rmtree(folder, ignore_errors=True)
        ia = casatools.image()
        theirs_done = True
        try:
            ia.imageconcat("casa.image", names, mode="paged", **{"relax": False, **theirs}).done()
        except RuntimeError:
            theirs_done = False
        ia.done()
        done = subprocess.run([pclean, "concat", "pclean.image", *names, "--mode", mode, *ours], capture_output=True, text=True)
        if done.returncode not in (0, 1):
            found = f"status {done.returncode}"
        elif done.returncode == 1:
            found = "refused" if theirs_done else "both refuse"
        elif not theirs_done:
            found = "CASA refuses"
        else:
            what = difference(describe("casa.image"), describe("pclean.image"))
            if not what and not casacore_agrees("casa.image", "pclean.image"):
                what = "for python-casacore"
            found = f"other {what}" if what else "same"
        if found != expected:
            worst = f"{mode}: {found} ({done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ''})"
    return worst


home = os.getcwd()
folder = tempfile.mkdtemp()
os.chdir(folder)
failed = 0
rows = []
for case in cases:
    virtual = [] if case[0] == "given in any order" else ["virtual", "copyvirtual"]
    found = run(case, ["paged"] + virtual)
    failed += found != case[4]
    rows.append((case[0], case[4], found))
    print(f"{'ok  ' if found == case[4] else 'FAIL'} {case[0]}: {found}", flush=True)
os.chdir(home)
shutil.rmtree(folder)
if len(sys.argv) > 2 and not failed:
    with open(sys.argv[2], "w") as out:
        out.write(f"# casatools {casatools.version_string()}; made by compare_concat.py\n# case\twhat comes out\n")
        out.writelines(f"{title}\t{found}\n" for title, _, found in rows)
sys.exit(failed > 0)
