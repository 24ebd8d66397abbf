"""Which channels CASA takes for range=[...] of region text, on a cube of 5 channels: crtf_ranges.tsv (casatools 6.7).

Run in an empty folder: python crtf_ranges.py >crtf_ranges.tsv"""
from casatools import image

ia = image()
ia.fromshape("cube.im", [32, 32, 1, 5], overwrite=True)
cs = ia.coordsys()
cs.setreferencecode("LSRK", "spectral")
cs.setreferencevalue("1GHz", "spectral")
cs.setreferencepixel(0, "spectral")
cs.setincrement("1MHz", "spectral")
cs.setrestfrequency("1.001GHz")
ia.setcoordsys(cs.torecord())


def channels(options):
    try:
        s = ia.statistics(region="box[[3pix,3pix],[9pix,9pix]], " + options)
        return "%d\t%d" % (s["blc"][3], s["trc"][3])
    except Exception:
        return "-\t-"


for options in ("range=[1000.6MHz,1002.4MHz]", "range=[1000.4MHz,1002.6MHz]", "range=[1000.5MHz,1002.5MHz]",
                "range=[1.0012GHz,1.0013GHz]", "range=[997MHz,1001MHz]", "range=[1002MHz,1.09GHz]", "range=[1001.6MHz,1001.4MHz]",
                "range=[1002MHz,1001MHz]", "range=[1003MHz,1003MHz]", "range=[1100MHz,1200MHz]", "range=[1chan,3chan]",
                "range=[1001MHz,1003MHz], frame=LSRK", "range=[1001MHz,1003MHz], frame=TOPO", "range=[-600km/s,0km/s]",
                "range=[-600km/s,0km/s], veltype=OPTICAL", "range=[0km/s,300km/s], restfreq=1.003GHz",
                "range=[-600km/s,0km/s], frame=LSRK, veltype=RADIO, restfreq=1.001GHz", "range=[1chan,1003MHz]", "range=[1,3]"):
    print(options + "\t" + channels(options))
