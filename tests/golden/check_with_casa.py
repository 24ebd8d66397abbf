"""Do CASA and casacore take our images as their own? Run by hand, with CASA; not part of ctest.

    /opt/casa/bin/python tests/golden/check_with_casa.py [CC]

Needs casatools and casatasks (6.7.0.31 was used), gcc and the casacore headers, and a MeasurementSet for the comparison
with tclean: NGC 5921 as $MS, or build/data/vla_ngc5921_contsub.ms. Works in a temporary folder.
1. compiles a maker from src/base, src/casa/image.cpp and src/image/cube.c;
2. tclean makes a masked cube of 3 channels; the maker makes one with the same description (read from tclean's image through
   casa_image_get_desc), pixels, mask and beams;
3. every keyword of the two tables is compared (tclean's own miscinfo mem..., chnchnks, mpiprocs, useweightimage left out),
   their pixels, masks, ia.summary, coordinate systems, beams, statistics, history;
4. images of other tile shapes, big-endian, transposed, of fewer axes, virtual, are read by casa_image_read_plane.
Prints what differs and "n checks, m failed"; exit status 1 when m > 0."""

import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np
from casatasks import imstat, tclean
from casatools import image, table

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MS = os.path.abspath(os.environ.get("MS", os.path.join(ROOT, "build/data/vla_ngc5921_contsub.ms")))
MAKER = r"""
#include "image/cube.h"
#include <stdio.h>
#include <stdlib.h>
static pclean_err e;
static void must(int rc) { if (rc) { fprintf(stderr, "%s\n", e.msg); exit(1); } }
/* copy FROM TO: the same image, made by us.  dump FROM OUT: all planes as float32, then as mask bytes */
int main(int argc, char **argv) {
    casa_image *im; casa_image_desc d;
    if (argc != 4) return 2;
    must(casa_image_open(argv[2], &im, &e));
    must(casa_image_get_desc(im, &d, &e));
    size_t n = d.nx * d.ny, nplane = d.npol * d.nchan;
    float *pixels = malloc(n * nplane * sizeof *pixels);
    bool *mask = malloc(n * nplane), has = false;
    casa_beam *beams = malloc(nplane * sizeof *beams);
    for (size_t i = 0; i < nplane; i++) {
        must(casa_image_read_plane(im, i % d.npol, i / d.npol, pixels + i * n, mask + i * n, &e));
        must(casa_image_get_beam(im, i % d.npol, i / d.npol, &beams[i], &has, &e));
    }
    if (argv[1][0] == 'd') {
        FILE *f = fopen(argv[3], "wb");
        fwrite(pixels, sizeof *pixels, n * nplane, f);
        fwrite(mask, 1, n * nplane, f);
        fclose(f);
        printf("%zu %zu %zu %zu\n", d.nx, d.ny, d.npol, d.nchan);
        return 0;
    }
    pcl_cube *cube;
    must(pcl_cube_create(argv[3], &d, mask, &cube, &e));
    float *work = malloc(pcl_cube_work_size(cube) * sizeof *work);
    for (size_t i = 0; i < nplane; i++)
        must(pcl_cube_write_plane(cube, i % d.npol, i / d.npol, pixels + i * n, work, &e));
    const char *history[] = {"taskname=pclean", "version: check"};
    must(pcl_cube_finish(cube, has ? beams : NULL, has ? nplane : 0, history, 2, &e));
    must(pcl_cube_publish(cube, false, &e));
    pcl_cube_free(cube);
    casa_image_close(im);
    return 0;
}
"""
failed, done = 0, 0


def check(good, what):
    global failed, done
    done += 1
    if not good:
        failed += 1
        print("FAILED:", what)


def compile_maker(cc):
    with open("maker.c", "w") as f:
        f.write(MAKER)
    src = os.path.join(ROOT, "src")
    include = ["-I" + src, "-I" + ROOT + "/include", "-isystem", "/usr/include/casacore", "-D_GNU_SOURCE", "-O1"]
    env = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
    c_files = ["maker.c", src + "/image/cube.c"] + [src + "/base/%s.c" % b for b in ("err", "fsutil", "log", "mem")]
    objects = []
    for name in c_files + [src + "/casa/image.cpp"]:
        objects.append(os.path.basename(name) + ".o")
        language = ["-std=c++17"] if name.endswith("pp") else ["-std=c17"]
        subprocess.run([cc] + language + include + ["-c", name, "-o", objects[-1]], check=True, env=env)
    libs = subprocess.run(["pkg-config", "--libs", "casacore"], capture_output=True, text=True, check=True).stdout.split()
    subprocess.run([cc] + objects + ["-lstdc++"] + libs + ["-lm", "-o", "maker"], check=True, env=env)


def run_maker(*args):
    return subprocess.run(["./maker"] + list(args), capture_output=True, text=True)


def keywords(path):
    tb = table()
    tb.open(path)
    out = {k: tb.getkeyword(k) for k in tb.keywordnames()}
    out["(info)"] = tb.info()
    out["(columns)"] = tb.getdesc()
    tb.close()
    return out


def same(a, b, where, skip):
    """Compares nested keywords; where: path of names. Paths of sub-tables compare by their last name."""
    if any(s in where for s in skip):
        return
    if isinstance(a, dict) and isinstance(b, dict):
        check(set(a) - set(skip) == set(b) - set(skip), "%s: keys %s" % (where, sorted(set(a) ^ set(b))))
        for k in set(a) & set(b):
            same(a[k], b[k], where + "/" + k, skip)
    elif isinstance(a, str) and a.startswith("Table:"):
        check(os.path.basename(a) == os.path.basename(b), where)
    else:
        x, y = np.asarray(a), np.asarray(b)
        if x.dtype.kind in "fc" and x.shape == y.shape:
            good = np.allclose(x, y, rtol=1e-7 if "beam" in where else 1e-12, atol=1e-12)
        else:
            good = x.shape == y.shape and x.dtype.kind == y.dtype.kind and np.all(x == y)
        check(good, "%s: tclean %s, ours %s" % (where, a, b))


def compare(tclean_image, our_image):
    skip = ("memavail", "memreq", "mpiprocs", "chnchnks", "useweightimage")
    same(keywords(tclean_image), keywords(our_image), "", skip)
    ia = image()
    seen = []
    for path in (tclean_image, our_image):
        ia.open(path)
        summary = ia.summary(list=False)
        seen.append(dict(pixels=ia.getchunk(), mask=ia.getchunk(getmask=True), beam=ia.restoringbeam(), unit=ia.brightnessunit(),
                         csys=ia.coordsys().torecord(), names=list(summary["axisnames"]), default=summary["defaultmask"],
                         history=ia.history(list=False), misc=ia.miscinfo(), shape=list(ia.shape())))
        ia.close()
    a, b = seen
    for key in ("pixels", "mask"):
        check(np.array_equal(a[key], b[key]), key)
    for key in ("unit", "names", "default", "shape"):
        check(a[key] == b[key], "%s: %s, %s" % (key, a[key], b[key]))
    same(a["csys"], b["csys"], "csys", ("parentName",))
    same(a["beam"], b["beam"], "restoringbeam", ())
    check(any("taskname=pclean" in line for line in b["history"]), "history %s" % b["history"])
    s, t = imstat(tclean_image), imstat(our_image)
    for key in ("sum", "rms", "max", "min", "npts", "flux"):
        check(np.allclose(s.get(key, 0), t.get(key, 0), rtol=1e-12), "imstat " + key)
    check(list(s["maxpos"]) == list(t["maxpos"]) and s["maxposf"] == t["maxposf"], "imstat maxpos")


def dumped(path):
    """planes [nchan][npol][ny][nx] as our reader sees them."""
    r = run_maker("dump", path, "dump.bin")
    if r.returncode:
        return r.stderr
    nx, ny, npol, nchan = map(int, r.stdout.split())
    n = nx * ny * npol * nchan
    raw = open("dump.bin", "rb").read()
    shape = (nchan, npol, ny, nx)
    return np.frombuffer(raw, np.float32, n).reshape(shape), np.frombuffer(raw, bool, n, 4 * n).reshape(shape)


def check_reading(source):
    """source: a masked cube with axes (x, y, Stokes, frequency)."""
    for old in ("order.im", "extra.im", "flat.im", "big.im", "chan1.im", "joined.im"):
        shutil.rmtree(old, ignore_errors=True)
    ia = image()
    ia.open(source)
    pixels, mask = ia.getchunk().T, ia.getchunk(getmask=True).T  # [chan][pol][y][x]
    ia.transpose("order.im", order="3201").done()
    ia.adddegaxes("extra.im", linear=True).done()
    ia.subimage("flat.im", region="", dropdeg=True).done()
    ia.subimage("chan1.im", region="", mask="").done()
    ia.close()
    tb = table()
    tb.open(source)
    big = tb.copy("big.im", deep=True, valuecopy=True, endian="big")
    big.close()
    tb.close()
    ia.imageconcat("joined.im", [source, source], mode="nomovevirtual", relax=True, axis=3).done()
    for path in ("order.im", "extra.im", "flat.im", "big.im", "chan1.im"):
        got = dumped(path)
        check(not isinstance(got, str), "%s: %s" % (path, got))
        if not isinstance(got, str):
            check(np.array_equal(got[0].reshape(pixels.shape), pixels), path + " pixels")
            # transpose and the endian copy lose no mask; adddegaxes keeps it
            check(np.array_equal(got[1].reshape(mask.shape), mask), path + " mask")
    got = dumped("joined.im")
    check(not isinstance(got, str), "virtual: %s" % (got,))
    if not isinstance(got, str):
        check(np.array_equal(got[0], np.concatenate([pixels, pixels])), "virtual pixels")
        check(np.array_equal(got[1], np.concatenate([mask, mask])), "virtual mask")


def main():
    folder = tempfile.mkdtemp(prefix="check_with_casa.")
    os.chdir(folder)
    compile_maker(sys.argv[1] if len(sys.argv) > 1 else "gcc")
    common = dict(vis=MS, imsize=[250, 200], cell="15arcsec", weighting="briggs", robust=0.5, datacolumn="data", niter=10)
    tclean(imagename="cube", specmode="cube", start=25, nchan=3, width=1, **common)
    tclean(imagename="mfs", specmode="mfs", **common)
    for name in ("cube.image", "cube.residual", "cube.pb", "mfs.image", "mfs.pb"):
        r = run_maker("copy", name, "our." + name)
        check(r.returncode == 0, r.stderr)
        compare(name, "our." + name)
    check_reading("cube.image")
    check_reading("our.cube.image")
    print("%d checks, %d failed" % (done, failed))
    os.chdir("/")
    shutil.rmtree(folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
