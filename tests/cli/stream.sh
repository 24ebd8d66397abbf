# The stream of JSON lines: every line of real runs is as docs/json.md says, and a command stops a run.
. "$(dirname "$(realpath "$0")")/lib.bash"
ms=$DATA/vla_ngc5921.ms
small="--vis $ms --imsize 64 --cell 15arcsec --specmode cube --nchan 3 --start 20"

# check FILE EVENT...: each line by the schema; these events, and start first and end last.
check() {
    python3 - "$SOURCE/docs/json.md" "$@" <<'PY' >schema.log 2>&1 || fail "$(cat schema.log)"
import json, re, sys
lines = re.search(r"```schema\n(.*?)```", open(sys.argv[1]).read(), re.S).group(1).splitlines()
schema = {l.split()[0]: dict(k.split("=") for k in l.split()[1:]) for l in lines}
kinds = {"bool": bool, "int": int, "real": (int, float), "text": str, "object": dict}
seen = []
for line in open(sys.argv[2]):
    event = json.loads(line)
    name = event.pop("event")
    seen.append(name)
    rows = schema[name]
    unknown = set(event) - {k.rstrip("?") for k in rows}
    assert not unknown, f"{name}: not in docs/json.md: {unknown}"
    for key, kind in rows.items():
        if key.endswith("?") and key[:-1] not in event:
            continue
        value, (kind, *null) = event[key.rstrip("?")], kind.split("|")
        assert (value is None and null) or (isinstance(value, kinds[kind]) and (kind != "int" or not isinstance(value, bool))), f"{name}.{key}: {value!r} is no {kind}"
assert seen[0] == "start" and seen[-1] == "end" and seen.count("start") == seen.count("end") == 1, seen
missing = set(sys.argv[3:]) - set(seen)
assert not missing, f"no such event: {missing}"
PY
}

run image $small --imagename a --niter 20 --progress json
expect_status 0
check err log progress cycle plane result
[ "$(grep -c '^{"event":"plane"' err)" = 3 ] || fail "an event for each plane"
line="the result and the record"
python3 - <<'PY' || fail "the result is not the record and the products"
import json
result = [json.loads(l)["result"] for l in open("err") if l.startswith('{"event":"result"')][0]
products = result.pop("products")
record = json.load(open("a.run.json"))
assert list(result) == list(record), "other keys"
for key in record:  # time and memory go on while the record is written
    assert key in ("seconds", "cpu_seconds", "peak_memory_bytes", "memory", "stages_s", "ms_bytes_read") or result[key] == record[key], key
assert "a.image" in products and products[-1] == "a.run.json", products
planes = [json.loads(l) for l in open("err") if l.startswith('{"event":"plane"')]
for p in planes:
    p.pop("event")
assert sorted(planes, key=lambda p: p["chan"]) == result["planes"], "planes"
PY
# Each cycle of each plane is told, in order, by whoever made it.
cycles() { # FILE: the cycles of a stream are those of its planes
    python3 - "$1" <<'PY' >cycles.log 2>&1 || fail "$(cat cycles.log)"
import json, sys
planes, cycles = {}, {}
for e in map(json.loads, open(sys.argv[1])):
    if e["event"] == "plane":
        planes[e["chan"], e["pol"]] = e
    elif e["event"] == "cycle":
        assert (e["chan"], e["pol"]) not in planes
        cycles.setdefault((e["chan"], e["pol"]), []).append(e)
assert planes and cycles
for k, p in planes.items():
    told = cycles.get(k) or cycles.get((k[0], 0), [])  # planes that are cleaned together: one for all
    assert [c["icycle"] for c in told] == list(range(p["nmajor"] - 1)), (k, told, p)
    thresholds = [c["cycle_thresh"] for c in told]
    assert thresholds == sorted(thresholds, reverse=True) and min(thresholds, default=1) > 0, thresholds
    assert sum(c["iter_done"] for c in told) == p["niter"], (k, told, p)
PY
}
clean="--niter 200 --cycleniter 40 --nmajor 4 --overwrite --progress json"
for more in "--nworkers 1" "--nworkers 2 --deconvolver clark --stokes RRLL --cyclecontrol global"; do
    line="cycles: $more"
    run image $small --imagename c $clean $more; expect_status 0; check err cycle; cycles err
done
line="cycles: workers that are a program"
PCLEAN_WORKERS=program run image $small --imagename c $clean --nworkers 2; expect_status 0; cycles err
rm -rf c.*

run image $small --imagename a --progress json; expect_status 1; check err error
run image $small --imagename g --niter 20 --cyclecontrol global --progress json; expect_status 0; check err log progress plane result
run concat j.image a.image --progress json; expect_status 0; check err result
if "$PCLEAN" adios2 check >/dev/null 2>&1; then
    run adios2 convert "$ms" b.ms --progress json; expect_status 0; check err progress
fi

# A command stops a run as Ctrl-C does: nothing is left under a final name.
long="--vis $ms --imsize 1024 --cell 4arcsec --specmode cube --niter 2000000 --threshold 0 --threads 1 --progress json"
line="a command stops a run"
mkfifo commands
"$PCLEAN" image $long --imagename stopped --commands stdin <commands >out 2>err &
pid=$!
exec 8>commands
for _ in $(seq 300); do
    grep -q '"event":"plane"' err && break
    sleep 0.1
done
echo 'stop now' >&8
echo '{"command":"stop","by":"a test"}' >&8
wait $pid
status=$?
exec 8>&-
expect_status 1
check err log progress error
expect_err '"level":"warning","text":"not a command'
expect_err '"name":"interrupted"'
[ -z "$(compgen -G 'stopped.*')" ] || fail "left behind: $(compgen -G 'stopped.*')"

# Input that ends is no command; without the stream there is nobody to answer.
run image $small --imagename e --progress json --commands stdin; expect_status 0
run image $small --imagename f --commands stdin; expect_usage 'goes with --progress json'
run concat k.image a.image --commands file --progress json; expect_usage 'stdin, not "file"'
finish
