"""adios2_spec.py: what the SPEC of a dminfo record may say to Adios2StMan, and what it answers to nonsense. Works in the current folder."""
import os, shutil, sys
import numpy as np
import casacore.tables as ct

VALUES = np.arange(600, dtype="f4").reshape(100, 3, 2)


def make(spec):
    shutil.rmtree("spec.tab", ignore_errors=True)
    desc = ct.maketabdesc([ct.makearrcoldesc("DATA", 0.0, valuetype="float", ndim=2, shape=[3, 2])])
    t = ct.table("spec.tab", desc, nrow=100, ack=False, dminfo={"*1": {"TYPE": "Adios2StMan", "NAME": "mine", "SEQNR": 0, "COLUMNS": ["DATA"], "SPEC": spec}})
    info = t.getdminfo()["*1"]
    t.putcol("DATA", VALUES)
    t.close()
    t = ct.table("spec.tab", ack=False)
    assert np.array_equal(t.getcol("DATA"), VALUES)
    again = t.getdminfo()["*1"]
    assert again["TYPE"] == "Adios2StMan" and again["NAME"] == "mine" and list(again["COLUMNS"]) == ["DATA"]
    t.close()
    return info["SPEC"], os.path.exists("spec.tab/table.f0.bp/mmd.0")


def works(spec, bp5):
    given, is_bp5 = make(spec)
    assert is_bp5 == bp5, (spec, is_bp5)
    for key in spec:
        assert given[key] == spec[key], (key, given)


def fails(spec, *words):
    try:
        make(spec)
    except RuntimeError as e:
        assert any(w in str(e) for w in words), (spec, str(e))
    else:
        raise AssertionError("went through: %r" % spec)


def xml(name, text):
    with open(name, "w") as f:
        f.write(text)
    return name


def config(*ios):
    return '<?xml version="1.0"?>\n<adios-config>%s</adios-config>\n' % "".join(
        '<io name="%s"><engine type="%s"><parameter key="MaxBufferSize" value="32Mb"/></engine></io>' % io for io in ios)


works({}, True)  # as ADIOS2's BPFile
works({"ENGINETYPE": "BPFile"}, True)
works({"ENGINETYPE": "BP4", "ENGINEPARAMS": {"MaxBufferSize": "16Mb", "StatsLevel": "1"}}, False)
works({"ENGINETYPE": "BP5", "ENGINEPARAMS": {"BufferChunkSize": "1Mb", "Threads": 1, "Profile": "off"}}, True)
works({"ENGINETYPE": "BP4", "ENGINEPARAMS": {"NobodyKnowsThis": "1"}}, False)  # ADIOS2 passes over them
works({"ENGINETYPE": "BP4", "TRANSPORTPARAMS": {"File": {"Library": "stdio"}}}, False)
works({"ENGINETYPE": "BP5", "TRANSPORTPARAMS": {"File": {"Library": "POSIX"}}}, True)
works({"ENGINETYPE": "BP5", "OPERATORPARAMS": {"OTHER": {"Operator": "zfp", "accuracy": "0.1"}}}, True)  # not a column of this manager
fails({"ENGINETYPE": "HDF5"}, "HDF5")
fails({"ENGINETYPE": "BP4", "ENGINEPARAMS": {"MaxBufferSize": "12parsec"}}, "ADIOS2")
fails({"ENGINETYPE": "BP4", "ENGINEPARAMS": {"MaxBufferSize": [1, 2]}}, "must be a text")
fails({"ENGINETYPE": "BP4", "ENGINEPARAMS": "MaxBufferSize=1Mb"}, "ENGINEPARAMS", "type")
fails({"ENGINETYPE": "BP4", "OPERATORPARAMS": {"DATA": {"Operator": "nosuch"}}}, "nosuch", "DATA")
fails({"ENGINETYPE": "BP4", "TRANSPORTPARAMS": {"File": {"Library": "pigeon"}}}, "ADIOS2")

works({"XMLFILE": xml("both.xml", config(("other", "BP5"), ("Adios2StMan", "BP4"), ("third", "BP5")))}, False)
works({"XMLFILE": "both.xml", "ENGINETYPE": "BP5", "ENGINEPARAMS": {"MaxBufferSize": "12parsec"}}, False)  # the file alone counts
works({"XMLFILE": xml("five.xml", config(("Adios2StMan", "BP5")))}, True)
fails({"XMLFILE": xml("without.xml", config(("other", "BP4")))}, "no <io")
fails({"XMLFILE": "absent.xml"}, "absent.xml")
fails({"XMLFILE": xml("empty.xml", "")}, "empty.xml")
fails({"XMLFILE": xml("garbage.xml", "\x01<adios\xff <<>> & no XML")}, "garbage.xml")
fails({"XMLFILE": xml("cut.xml", config(("Adios2StMan", "BP4"))[:90])}, "cut.xml")
fails({"XMLFILE": xml("engine.xml", config(("Adios2StMan", "SST")))}, "SST", "ADIOS2")
fails({"XMLFILE": xml("wrong.xml", config(("Adios2StMan", "BP17")))}, "ADIOS2")
sys.stdout.write("all as expected\n")
