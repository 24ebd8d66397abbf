"""Which pixels CASA takes for shapes of region text: crtf_shapes.tsv (casatools 6.7).

A line: the text (its lines joined by " / "), then the runs of pixels outside and inside by turns, of all planes one after
the other; "-": CASA refuses it. The image has 48 x 40 pixels, 2 Stokes planes, 3 channels. Left out, as CASA has them
wrong: a range in a global line (passed over), range=[0chan,0chan] (all channels), lengths where pixels are not square.
Run in an empty folder: python crtf_shapes.py >crtf_shapes.tsv"""
from itertools import groupby
from casatools import image

SHAPE = [48, 40, 2, 3]


def make():
    ia = image()
    ia.fromshape("shapes.im", SHAPE, overwrite=True)
    cs = ia.coordsys()
    cs.setreferencecode("J2000", "direction")
    cs.setreferencevalue("15h22m00s +05d04m00s", "direction")
    cs.setreferencepixel([24, 20], "direction")
    cs.setincrement(["-2arcsec", "2arcsec"], "direction")
    cs.setreferencecode("LSRK", "spectral")
    cs.setreferencevalue("1GHz", "spectral")
    cs.setreferencepixel(0, "spectral")
    cs.setincrement("1MHz", "spectral")
    cs.setrestfrequency("1.001GHz")
    cs.setstokes("I V")
    ia.setcoordsys(cs.torecord())
    return ia


def runs(ia, text):
    ia.set(pixels="0")
    try:
        with open("t.crtf", "w") as f:
            f.write("#CRTFv0\n" + text + "\n")
        ia.set(pixels="1", region="t.crtf")
    except Exception:
        return "-"
    p = ia.getchunk()
    flat = [p[x, y, s, c] > 0.5 for c in range(SHAPE[3]) for s in range(SHAPE[2]) for y in range(SHAPE[1]) for x in range(SHAPE[0])]
    lengths = [(v, len(list(g))) for v, g in groupby(flat)]
    if lengths[0][0]:
        lengths.insert(0, (False, 0))
    return " ".join(str(n) for v, n in lengths)


P = "[20pix, 18pix]"
Q = "[15h22m00.37s, +05d04m06.3s]"
CASES = [
    # every shape in pixels and on the sky
    f"circle[{P}, 6pix]", f"circle[{P}, 6.3pix]", f"circle[{Q}, 12.5arcsec]", f"circle[{P}, 0.2arcmin]", f"circle[{Q}, 6pix]",
    f"annulus[{P}, [3pix, 7pix]]", f"annulus[{Q}, [6arcsec, 15arcsec]]",
    f"ellipse[{P}, [9pix, 4pix], 30deg]", f"ellipse[{Q}, [18arcsec, 7arcsec], 30deg]", f"ellipse[{Q}, [7arcsec, 18arcsec], -20deg]",
    f"ellipse[{Q}, [18arcsec, 7arcsec], 0.5rad]",
    "box[[10.2pix, 8pix], [21pix, 30.6pix]]", "box[[15h22m01s, +05d03m40s], [15h21m59s, +05d04m20s]]",
    "box[[30pix, 30pix], [21pix, 10pix]]",
    f"centerbox[{P}, [11pix, 6pix]]", f"centerbox[{Q}, [20.5arcsec, 31arcsec]]",
    f"rotbox[{P}, [14pix, 5pix], 25deg]", f"rotbox[{Q}, [30arcsec, 9arcsec], 25deg]", f"rotbox[{Q}, [30arcsec, 9arcsec], 115deg]",
    "poly[[5pix,5pix],[30pix,8pix],[25.5pix,33pix]]",
    "poly[[15h22m01.53s,+05d03m40.7s],[15h21m59.1s,+05d03m50.3s],[15h21m58.8s,+05d04m15.9s],[15h22m00.2s,+05d04m00.5s]]",
    # positions
    "circle[[15:22:00.37, +5.04.06.3], 12arcsec]", "circle[[230.5deg, 5.067deg], 12arcsec]", "circle[[4.0229839rad, 0.0884rad], 12arcsec]",
    "circle[[230.5001deg, +05d04m06.3s], 12arcsec]",
    # beyond the edges
    "circle[[-2pix, 10pix], 6pix]", "box[[-5pix, -5pix], [8pix, 60pix]]", "circle[[24pix, 20pix], 90pix]",
    # frames
    "circle[[15h19m31.5s, +05d14m44.3s], 12arcsec], coord=B1950", "circle[[8.1345deg, 47.9247deg], 0.004deg], coord=GALACTIC",
    "circle[[15h22m00.37s, +05d04m06.3s], 12arcsec], coord=ICRS", "circle[[15h22m00.37s, +05d04m06.3s], 12arcsec], coord=J2000",
    # planes
    f"circle[{P}, 4pix], range=[1chan, 2chan]", f"circle[{P}, 4pix], range=[1000.6MHz,1001.4MHz]",
    f"circle[{P}, 4pix], corr=[V]", f"circle[{P}, 4pix], corr=[I, V]", f"circle[{P}, 4pix], corr=I",
    f"circle[{P}, 4pix], range=[1chan, 1chan], corr=[I], color=red, linewidth=2, label='a, b'",
    # several lines
    f"circle[{P}, 4pix]\nbox[[30pix, 5pix], [40pix, 9pix]]", f"circle[{P}, 8pix]\n-circle[{P}, 3pix]",
    f"circle[{P}, 8pix]\n-circle[{P}, 3pix]\ncenterbox[{P}, [2pix, 2pix]]", f"circle[{P}, 8pix]\n-box[[0pix,0pix],[20pix,40pix]]",
    f"box[[30pix, 5pix], [40pix, 9pix]], range=[0chan,1chan]\ncircle[{P}, 4pix], range=[2chan,2chan]",
    f"global coord=B1950, color=blue\ncircle[[15h19m31.5s, +05d14m44.3s], 12arcsec]",
    f"global corr=[V]\ncircle[{P}, 4pix]\nbox[[30pix, 5pix], [40pix, 9pix]], corr=[I]",
    f"ann circle[{P}, 9pix]\ncircle[{P}, 4pix]", f"circle[{P}, 4pix]\nann text[{P}, 'hello']\n# a comment",
    f"circle[{P}, 4pix]\ntext[{P}, 'hello'], color=red", f"symbol[{P}, .]\ncircle[{P}, 4pix]", f"line[[1pix,1pix],{P}]\ncircle[{P}, 4pix]",
    # refused
    f"circle[{P}]", f"circle[{P}, 4]", "circle[[20, 18], 4pix]", f"circl[{P}, 4pix]", f"annulus[{P}, [7pix, 3pix]]",
    "poly[[5pix,5pix],[30pix,8pix]]", f"circle[{P}, 4pix], coord=NOWHERE", f"circle[{P}, 4pix], corr=[Q]", "circle[[200pix, 200pix], 4pix]",
]
ia = make()
for text in CASES:
    print(text.replace("\n", " / ") + "\t" + runs(ia, text))
ia.done()
