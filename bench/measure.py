"""measure.py: one whole process measured: CPU, wall time, memory. For bench/run and bench/growth."""
import os, subprocess, threading, time


def descendants(pid):
    found, todo = [], [pid]
    while todo:
        p = todo.pop()
        found.append(p)
        try:
            for task in os.listdir("/proc/%d/task" % p):
                with open("/proc/%d/task/%s/children" % (p, task)) as f:
                    todo += [int(c) for c in f.read().split()]
        except OSError:
            pass
    return found


def resident_bytes(pids):
    """Of several processes the proportional share, so that pages they have in common count once."""
    total = 0
    for p in pids:
        try:
            if len(pids) == 1:
                with open("/proc/%d/statm" % p) as f:
                    total += int(f.read().split()[1]) * 4096
            else:
                with open("/proc/%d/smaps_rollup" % p) as f:
                    total += next(int(line.split()[1]) * 1024 for line in f if line.startswith("Pss:"))
        except (OSError, StopIteration, IndexError):
            pass
    return total


def anonymous_bytes(pids):
    """Memory that only these processes' ends give back: no mapped files, which the kernel may drop."""
    total = 0
    for p in pids:
        try:
            with open("/proc/%d/status" % p) as f:
                total += sum(int(line.split()[1]) * 1024 for line in f if line.startswith(("RssAnon:", "RssShmem:")))
        except (OSError, ValueError, IndexError):
            pass
    return total


def measured(cmd, log, env=None, cwd=None):
    """Runs cmd. This process stays small: a child's ru_maxrss begins with its parent's."""
    peak, anonymous, most, done = [0], [0], [1], threading.Event()
    with open(log, "ab") as out:
        t0 = time.monotonic()
        child = subprocess.Popen(cmd, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env, cwd=cwd)

        def watch():
            while not done.wait(0.05):
                pids = descendants(child.pid)
                most[0] = max(most[0], len(pids))
                peak[0] = max(peak[0], resident_bytes(pids))
                anonymous[0] = max(anonymous[0], anonymous_bytes(pids))
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        _, status, use = os.wait4(child.pid, 0)
        wall = time.monotonic() - t0
        done.set()
        watcher.join()
        child.returncode = os.waitstatus_to_exitcode(status)
    return dict(status=child.returncode, cpu=use.ru_utime + use.ru_stime, user=use.ru_utime, system=use.ru_stime, wall=wall,
                memory=max(use.ru_maxrss * 1024, peak[0]), anonymous=anonymous[0], processes=most[0])
