"""bench.py: what run, moments and damage in this folder share: operations of pclean, what is there before and after them, and what is wrong with
what is there when one was disturbed. README.md says what is wanted. PCLEAN is the command, FAULT_SHIM the library made of shim.c, DATA the folder of unpacked
MeasurementSets (default: those of build/)."""
import array
import collections
import glob
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

SOURCE = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
PCLEAN = os.path.realpath(os.environ.get("PCLEAN", SOURCE + "/build/pclean"))
BUILD = os.path.dirname(PCLEAN)
SHIM = os.path.realpath(os.environ.get("FAULT_SHIM", BUILD + "/libfault_shim.so"))
DATA = os.path.realpath(os.environ.get("DATA", BUILD + "/data"))
PATIENCE_S = 60
SHOWN = 8  # of what is wrong with an operation and a kind of fault
WORK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # where scratch folders are made
HISTORY_S = 2 * 86400  # times in an image's history are this close to now

# ------------------------------------------------------------------ what is tried

Operation = collections.namedtuple("Operation", "name command products before inputs removes several prints short",
                                   defaults=((), (), (), (), False, False, True))
# before: commands that make the older state. inputs: must stay as they are. removes: inputs that the command itself removes in the end.
# several: each product is made by itself. prints: what it prints is its product, too.

IMAGE = ["image", "--vis", DATA + "/lofar_tNDPPP-generic.MS", "--imsize", "16", "--cell", "5arcsec", "--specmode", "cube", "--nchan", "3",
         "--threshold", "0.1mJy", "--nworkers", "2", "--threads", "1", "--pbcor", "true", "--imagename"]
ALONE = ["--nworkers", "1"]
KINDS = [".psf", ".residual", ".model", ".image", ".image.pbcor", ".pb", ".sumwt", ".mask"]
NEW, OLD, OVER = ["--niter", "20"], ["--niter", "7"], ["--overwrite"]
KEEP = ["--keep_subcubes", "true"]
SUBCUBES = IMAGE + ["s"] + OLD + KEEP
SUBCUBE_IMAGES = ["s.subcube.0.image", "s.subcube.1.image"]
JOINED = IMAGE + ["j", "--niter", "3"]
PART = ["--taql", "ROWID() < 40"]
DENSE = ["--weighting", "briggs", "--perchanweightdensity", "false"]
PARTITION = ["partition", *IMAGE[1:-1], "--imagename", "q", *DENSE, "-n", "2", "--write", "parts"]


def products(name, nsub=0):
    return [name + kind for kind in KINDS] + [name + ".run.json"] + [f"{name}.subcube.{i}{kind}" for i in range(nsub) for kind in KINDS]


OPERATIONS = [
    Operation("image fresh", IMAGE + ["a"] + NEW, products("a")),
    Operation("image overwrite", IMAGE + ["a"] + NEW + OVER, products("a"), [IMAGE + ["a"] + OLD]),
    Operation("image keep_subcubes", IMAGE + ["a"] + NEW + OVER + KEEP, products("a", 2), [IMAGE + ["a"] + OLD + KEEP]),
    Operation("image movevirtual", IMAGE + ["a"] + NEW + OVER + ["--concat_mode", "movevirtual"], products("a"),
              [IMAGE + ["a"] + OLD + ["--concat_mode", "movevirtual"]], short=False),
    Operation("image global", IMAGE + ["a", "--niter", "40", "--cyclecontrol", "global", "--scratch", "."] + OVER, products("a"),
              [IMAGE + ["a"] + OLD], short=False),
    Operation("image alone", IMAGE + ["a"] + NEW + OVER + ALONE, products("a"), [IMAGE + ["a"] + OLD]),
    Operation("image mfs", IMAGE + ["a", "--specmode", "mfs", "--nchan", "-1"] + NEW + OVER + ALONE, products("a"),
              [IMAGE + ["a", "--specmode", "mfs", "--nchan", "-1"] + OLD]),
    Operation("concat paged", ["concat", "j.image", *SUBCUBE_IMAGES] + OVER, ["j.image"], [SUBCUBES, JOINED], SUBCUBE_IMAGES),
    Operation("concat virtual", ["concat", "j.image", *SUBCUBE_IMAGES, "--mode", "virtual"] + OVER, ["j.image"], [SUBCUBES, JOINED], SUBCUBE_IMAGES),
    Operation("concat movevirtual", ["concat", "j.image", *SUBCUBE_IMAGES, "--mode", "movevirtual"] + OVER, ["j.image"],
              [SUBCUBES, JOINED], removes=SUBCUBE_IMAGES),
    Operation("concat delete", ["concat", "--subcubes", "s", "--delete-subcubes"] + OVER, products("s"),
              [SUBCUBES], removes=products("s", 2)[len(KINDS) + 1:]),
    Operation("adios2 convert", ["adios2", "convert", "i.ms", "o.ms"] + OVER, ["o.ms"], [["adios2", "convert", "i.ms", "o.ms"] + PART], ["i.ms"]),
    Operation("adios2 restore", ["adios2", "restore", "c.ms", "o.ms"] + OVER, ["o.ms"],
              [["adios2", "convert", "i.ms", "c.ms"], ["adios2", "convert", "i.ms", "o.ms"] + PART], ["i.ms", "c.ms"]),
    Operation("adios2 split", ["adios2", "split", "i.ms", "p"] + OVER, [f"p/i_spw{k}.ms" for k in range(4)], inputs=["i.ms"], several=True, short=False),
    Operation("partition", PARTITION + OVER, ["parts/q.density", "parts/q.subcube.0.yaml", "parts/q.subcube.1.yaml"], [PARTITION + ["--robust", "2"]],
              several=True),
    Operation("verify", ["verify", "j.image"], before=[JOINED], inputs=["j.image"], prints=True),
    Operation("plan", ["plan", *IMAGE[1:-1], "--imagename", "q", "--no-time"], short=False),
]

# ------------------------------------------------------------------ what is there


def without_times(data):
    """Zeros for the doubles that are times of today, in casacore's seconds."""
    now = time.time() + 40587 * 86400
    values = array.array("d", data[:len(data) // 8 * 8])
    return array.array("d", (0 if abs(x - now) < HISTORY_S else x for x in values)).tobytes() + data[len(values) * 8:]


def without_gaps(data):
    """In front of an array of a StManArrayFile, that is of the number of its axes (here 2 or 3) and their lengths, there may be a word that is whatever
    casacore's memory held."""
    words = array.array("I", data[:len(data) // 4 * 4])
    gaps = set()
    for i in range(len(words) - 5, -1, -1):
        ndim = words[i + 1]
        if 2 <= ndim <= 3 and i + 1 not in gaps and all(1 <= n <= 4096 for n in words[i + 2:i + 2 + ndim]):
            gaps.add(i)
    for i in gaps:
        words[i] = 0
    return words.tobytes() + data[len(words) * 4:]


FREE = ("profiling.json", "pclean.places", "pclean.sums")  # that an ADIOS2 file can do without: docs/adios2.md


def content(path):
    """What a file has to have in common with another of its state."""
    name = os.path.basename(path)
    if os.path.islink(path):
        return "link to " + os.readlink(path)
    if name == "table.lock":
        return "there"
    if name == "md.idx":  # of an ADIOS2 file: with times
        return os.path.getsize(path)
    if name.endswith(".run.json"):
        try:
            with open(path) as file:
                return json.load(file)["config"]["iteration"]["niter"]
        except (ValueError, KeyError):
            return "not a record"
    with open(path, "rb") as file:
        data = file.read()
    if name == "table.info":
        return re.findall(rb"(?m)^(Type|SubType) = (.+)$", data)  # the rest are remarks
    if path.endswith("logtable/table.f0"):
        data = without_times(data)
    elif re.fullmatch(r"table\.f\d+i", name):
        data = without_gaps(data)
    return hashlib.sha1(data).hexdigest()


def tree(path):
    """{name: content} of a file or folder, None if there is neither."""
    if not os.path.lexists(path):
        return None
    if os.path.islink(path) or not os.path.isdir(path):
        return {"": content(path)}
    return {os.path.relpath(os.path.join(top, name), path): content(os.path.join(top, name)) for top, _, names in os.walk(path) for name in names
            if name not in FREE}


def differing(a, b):
    return sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))


def difference(a, b):
    if a is None or b is None:
        return "missing" if a is None else "should not be there"
    return ", ".join(f"{name} {'differs' if name in a and name in b else 'is missing' if name in b else 'is too many'}" for name in differing(a, b)[:3])


def entries(folder):
    """Names in a folder, and those below them of something unfinished."""
    found = set(os.listdir(folder))
    for top, folders, files in os.walk(folder):
        found |= {os.path.relpath(os.path.join(top, name), folder) for name in folders + files
                  if name != "table.lock" and re.search(r"\.part|\.lock|\.old|\.tmp|_tmp|\.removed|\.aside|\.room", name)}
    return found


# ------------------------------------------------------------------ running


def session(leader):
    """Living processes of the session that a command was started in."""
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(path.split("/")[2]))
    return found


def end_session(leader):
    for pid in session(leader):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass


Outcome = collections.namedtuple("Outcome", "status out err hung orphans")


def run(command, folder, kill_s=None, group=False, **environment):
    """kill_s: it is killed so much later, alone or with all that it started."""
    env = dict(os.environ, LC_ALL="C", OMP_NUM_THREADS="1", OMP_WAIT_POLICY="passive", **environment)
    process = subprocess.Popen([PCLEAN, *command], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True, text=True, errors="replace")
    if kill_s is not None:
        try:
            process.wait(kill_s)
        except subprocess.TimeoutExpired:
            (os.killpg if group else os.kill)(process.pid, signal.SIGKILL)
    try:
        hung, (out, err) = False, process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        end_session(process.pid)
        hung, (out, err) = True, process.communicate()
    patience = time.monotonic() + 5
    while session(process.pid) and time.monotonic() < patience:
        time.sleep(0.02)
    orphans = len(session(process.pid))
    end_session(process.pid)
    return Outcome(process.returncode, out, err, hung, orphans)


def must_run(command, folder):
    outcome = run(command, folder)
    if outcome.status != 0:
        sys.exit(f"without a fault: pclean {' '.join(command)}: exit status {outcome.status}\n{outcome.err}")
    return outcome


class Bench:
    """An operation with its older state in a folder, and what its products are before and after."""

    def __init__(self, operation, work):
        self.op, self.work = operation, work + "/" + operation.name.replace(" ", "_")
        self.old_folder, new_folder = self.work + "/old", self.work + "/new"
        os.makedirs(self.old_folder)
        if operation.name.startswith("adios2"):
            shutil.copytree(DATA + "/lofar_tNDPPP-bda.MS", self.old_folder + "/i.ms")
        for command in operation.before:
            must_run(command, self.old_folder)
        shutil.copytree(self.old_folder, new_folder, symlinks=True)
        self.out = must_run(operation.command, new_folder).out
        self.names = [*operation.products, *operation.removes]
        self.old, self.new = ({name: tree(f"{folder}/{name}") for name in self.names} for folder in (self.old_folder, new_folder))
        self.again = self.new
        if operation.products and "--overwrite" not in operation.command:  # and where the products are there, with that: the history says so
            must_run([*operation.command, "--overwrite"], new_folder)
            self.again = {name: tree(f"{new_folder}/{name}") for name in self.names}
        self.inputs = {name: tree(f"{self.old_folder}/{name}") for name in operation.inputs}
        self.entries = entries(self.old_folder) | entries(new_folder)
        self.whole = [tree(self.old_folder)] + ([] if operation.removes else [tree(new_folder)])

    def copy(self, name):
        folder = f"{self.work}/{name}"
        shutil.copytree(self.old_folder, folder, symlinks=True)
        return folder

    def drop(self, folder):
        shutil.rmtree(folder)
        for end in (".log", ".count"):
            if os.path.exists(folder + end):
                os.remove(folder + end)


# ------------------------------------------------------------------ judging

ENDED = "a library has ended the command"
KEPT = "all planes are finished and are kept"  # after two deaths over a header


def stands_in(bench, now):
    """A list that has the new sub-cubes inside takes the place of the one beside them while these change names."""
    inside = {}
    for name in (now or {}):
        sub, _, rest = name.partition("/")
        if rest:
            inside.setdefault(sub, {})[rest] = now[name]
    return bool(inside) and "imageconcat.json" in now and all(cube == bench.new.get(sub) for sub, cube in inside.items())


REDONE = "another one does its work again"


def state(bench, folder, words):
    """{name: "old", "new", "same" (as both), or what is wrong with it}"""
    found = {}
    for name in bench.names:
        now, old, new = tree(f"{folder}/{name}"), bench.old[name], bench.new[name]
        if REDONE in words:  # of a worker that died: the history tells it
            now, old, new = (t and {path: content for path, content in t.items() if "logtable/" not in path} for t in (now, old, new))
        if now is None and name.endswith(".run.json"):
            found[name] = "no record"  # as it is between two states
        elif now == old or now == new:
            found[name] = "same" if old == new else "old" if now == old else "new"
        elif stands_in(bench, now):
            found[name] = "new"
        else:
            nearest = min((wanted for wanted in (old, new) if wanted is not None), key=lambda wanted: len(differing(now or {}, wanted)))
            found[name] = f"LOST: {name}: {difference(now, nearest)}"
    return found


def judge_status(bench, outcome, killed, found):
    """Exit status and words, against what was done."""
    words = set(found.values()) - {"same"}
    if outcome.hung:
        return ["HANGS"]
    if outcome.status < 0:
        return [] if killed else [f"ENDS by signal {-outcome.status}: {outcome.err[-300:]}"]
    if outcome.status == 0 and bench.op.prints and outcome.out != bench.out:
        return ["SILENT: exit status 0, but it prints something else"]
    if outcome.status == 0:
        return [] if words <= {"new"} else [f"SILENT: exit status 0, but {sorted(words)}"]
    problems = [] if outcome.status == 1 else [f"STATUS {outcome.status}"]
    lines = outcome.err.strip().split("\n")
    if not lines[-1].startswith("pclean: error: ") or sum(line.startswith("pclean: error: ") for line in lines) != 1:
        problems.append("WORDS: not one sentence at the end: " + outcome.err[-300:])
    if {"old", "new"} <= words and not (bench.op.removes or bench.op.several):
        problems.append("MIXED: " + ", ".join(name for name in found if found[name] == "new"))
    return problems


def judge_rerun(bench, folder, found, left, unremoved):
    """The same command again, without a fault: it finishes what there is to do, and tidies. (If its inputs are gone, there may be nothing left to do.)"""
    done = all(found[name] in ("new", "same") for name in bench.names)
    if bench.op.removes and done and (unremoved or all(name.endswith(".lock") for name in left)):
        return []
    if tree(folder) in bench.whole:  # as if nothing had been
        return []
    wanted, outcome = bench.new, run(bench.op.command, folder)
    if outcome.status != 0 and re.search("exists? already", outcome.err) and "--overwrite" not in bench.op.command:
        wanted, outcome = bench.again, run([*bench.op.command, "--overwrite"], folder)
    if outcome.hung or outcome.status != 0:
        return [f"RERUN: exit status {outcome.status}: {outcome.err.strip()[-300:]}"]
    problems = [f"RERUN: {name} {difference(tree(f'{folder}/{name}'), wanted[name])}" for name in bench.names if tree(f"{folder}/{name}") != wanted[name]]
    left = sorted(entries(folder) - bench.entries)
    return problems + ([f"RERUN LEAVES {left[:4]}"] if left else [])


def judge(bench, folder, outcome, killed, unremoved):
    """What is wrong after an operation that was disturbed. unremoved: what is unfinished may have stayed."""
    found = state(bench, folder, outcome.err)
    problems = [text for text in found.values() if text.startswith("LOST")]
    problems += judge_status(bench, outcome, killed, found)
    problems += [f"INPUT {name}: {difference(tree(f'{folder}/{name}'), before)}" for name, before in bench.inputs.items() if tree(f"{folder}/{name}") != before]
    if outcome.orphans:
        problems.append(f"ORPHANS: {outcome.orphans}")
    left = sorted(entries(folder) - bench.entries)
    unremoved = outcome.status >= 0 and (unremoved or ENDED in outcome.err or KEPT in outcome.err) and all(re.search(r"\.(part|lock)\b", name) for name in left)
    if left and outcome.status >= 0 and not unremoved:
        problems.append(f"LEAVES {left[:4]}")
    return problems + judge_rerun(bench, folder, found, left, unremoved)
