"""adios2_damage.py TABLE COUNT SEED: an Adios2StMan table is spoilt in COUNT ways for each of its files, and in its header, and read through casacore, each time in a process of
its own: an error or values, but no crash and no wait. With `pclean.sums` beside the file (our own) every change of the metadata is an error. Without it
(another program's file) the values may be others; there a changed index and cut metadata are left out, as ADIOS2 waits 5 to 20 s for the rest."""
import os, random, signal, struct, sys
import casacore.tables as ct

LIMIT_S = 30


def read_all(path):
    t = ct.table(path, ack=False)
    for name in t.colnames():
        for row in range(t.nrows()):
            t.getcell(name, row)
    t.close()


def outcome(path):
    """`read`, `error: ...` or how the process ended."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open("/dev/null", os.O_WRONLY), 2)
        signal.alarm(LIMIT_S)
        try:
            read_all(path)
            text = "read"
        except Exception as e: # UnicodeDecodeError, too: a text may be any bytes
            text = "error: " + str(e)
        os.write(w, text.encode()[:4000])
        os._exit(0)
    os.close(w)
    with os.fdopen(r, "rb") as pipe:
        text = pipe.read().decode()
    state = os.waitpid(pid, 0)[1]
    return text if state == 0 else "ended with state %d" % state


def changes(random_, data, count):
    """Bytes changed, fields made huge, parts cut off, repeated, zeroed."""
    for k in range(count):
        d, at = bytearray(data), random_.randrange(max(1, len(data)))
        kind = k % 6
        if kind == 0:
            d[at] ^= random_.randrange(1, 256)
        elif kind == 1:
            del d[at:]
        elif kind == 2:
            d[at : at + 8] = struct.pack("<Q", random_.choice([0, 1, 2**31, 2**63, 2**64 - 1]))
        elif kind == 3:
            n = random_.randrange(1, 64)
            d[at : at + n] = bytes(n)
        elif kind == 4:
            d[at : at + 16] = d[:16]
        else:
            d = bytearray(random_.randbytes(len(d)))
        yield kind, at, bytes(d)


def spoil_header(table, random_, count):
    """What the manager itself has in table.dat: a type, a name, a number."""
    path = os.path.join(table, "table.dat")
    with open(path, "rb") as f:
        data = f.read()
    header = data.rfind(b"Adios2StMan")
    for at in random_.sample(range(header - 12, min(header + 40, len(data))), count):
        d = bytearray(data)
        d[at] ^= random_.randrange(1, 256)
        with open(path, "wb") as f:
            f.write(d)
        result = outcome(table)
        if not (result == "read" or result.startswith("error: ")):
            sys.exit("adios2_damage: table.dat at %d: %s" % (at, result))
    with open(path, "wb") as f:
        f.write(data)


def main(table, count, seed):
    random_ = random.Random(seed)
    folder = [f for f in sorted(os.listdir(table)) if f.endswith(".bp")][0]
    sums = os.path.join(table, folder, "pclean.sums")
    assert outcome(table) == "read"
    files = [folder + "/" + f for f in ("data.0", "md.0", "md.idx", "mmd.0", "pclean.places", "pclean.sums") if os.path.exists(os.path.join(table, folder, f))]
    seen = {}
    spoil_header(table, random_, count)
    for summed in (True, False):
        if not summed:
            os.remove(sums)
            files = [f for f in files if f.endswith(("data.0", "/md.0"))]
            assert outcome(table) == "read"
        for name in files:
            path = os.path.join(table, name)
            with open(path, "rb") as f:
                data = f.read()
            for kind, at, spoilt in changes(random_, data, count):
                if not summed and kind == 1 and name.endswith("md.0"):
                    continue
                with open(path, "wb") as f:
                    f.write(spoilt)
                result = outcome(table)
                what = "%s, change %d at %d, sums %s: %s" % (name, kind, at, summed, result)
                if not (result == "read" or result.startswith("error: ")):
                    sys.exit("adios2_damage: " + what)
                if summed and result == "read" and spoilt != data and "/m" in name:
                    sys.exit("adios2_damage: not noticed: " + what)
                seen[result[:5]] = seen.get(result[:5], 0) + 1
            with open(path, "wb") as f:
                f.write(data)
            os.rename(path, path + ".away")
            result = outcome(table)
            if not result.startswith("error: ") and not name.endswith(("pclean.sums", "mmd.0")):
                sys.exit("adios2_damage: %s missing: %s" % (name, result))
            os.rename(path + ".away", path)
    assert outcome(table) == "read"
    print(seen)


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
