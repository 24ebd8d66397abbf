"""together.py LIBPCLEAN MS us|them: libpclean and another owner of casacore in one Python, by turns, the given one first. The other is
casatools where it can be imported (its tclean images too), else python-casacore. Works in the current folder. Prints the checksum of
our pixels; fails where they, or what the other reads, are not the same each time."""
import ctypes
import hashlib
import os
import shutil
import sys

library, ms, first = sys.argv[1:]


class Err(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("line", ctypes.c_int), ("file", ctypes.c_char * 40), ("msg", ctypes.c_char * 976)]


def us():
    """The pixels of an image that libpclean makes with two workers."""
    pclean = ctypes.CDLL(library)
    err, config = Err(), ctypes.c_void_p()

    def do(function, *arguments):
        if function(*arguments, ctypes.byref(err)):
            sys.exit(err.msg.decode())

    do(pclean.pclean_config_new, ctypes.byref(config))
    for name, value in dict(vis=ms, imagename="us", imsize=64, cell="1arcsec", specmode="cube", nchan=2, niter=50, nworkers=2,
                            overwrite="true").items():
        do(pclean.pclean_config_set, config, name.encode(), str(value).encode())
    do(pclean.pclean_image, config, None, None)
    pclean.pclean_config_free(config)
    digest = hashlib.sha256()
    for product in "image", "model", "psf", "residual":
        with open(f"us.{product}/table.f0_TSM0", "rb") as f:
            digest.update(f.read())
    return digest.hexdigest()


def casacore():
    """What python-casacore reads: the data, and our image."""
    import casacore.images
    import casacore.tables
    with casacore.tables.table(ms, ack=False) as t:
        data = t.getcol("DATA").sum()
    pixels = casacore.images.image("us.image").getdata() if os.path.exists("us.image") else None
    return complex(data), None if pixels is None else float(abs(pixels).sum())


def casatools():
    """The same with casatools, and the pixels that its tclean makes."""
    import casatasks
    import casatools
    t = casatools.table()
    t.open(ms)
    data = t.getcol("DATA").sum()
    t.close()
    shutil.rmtree("theirs", ignore_errors=True)
    os.mkdir("theirs")
    casatasks.tclean(vis=ms, imagename="theirs/t", imsize=64, cell="1arcsec", specmode="cube", nchan=2, niter=50)
    ia = casatools.image()
    ia.open("theirs/t.image")
    made = float(abs(ia.getchunk()).sum())
    ia.close()
    pixels = None
    if os.path.exists("us.image"):
        ia.open("us.image")
        pixels = float(abs(ia.getchunk()).sum())
        ia.close()
    return complex(data) + made, pixels


try:
    import importlib.util
    them = casatools if importlib.util.find_spec("casatools") else casacore
    turns = [us, them] if first == "us" else [them, us]
    ours, theirs = [], []
    for turn in turns + turns:
        (ours if turn is us else theirs).append(turn())
    assert ours[0] == ours[1], ours
    assert theirs[0][0] == theirs[1][0], theirs
    assert len({pixels for _, pixels in theirs} - {None}) == 1, theirs
except ImportError as error:
    sys.exit(str(error))
print(ours[0])
