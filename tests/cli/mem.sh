# pclean mem: the table, JSON, both models, and numbers that make no sense.
. "$(dirname "$(realpath "$0")")/lib.bash"
json() { python3 -c "import json; e = json.load(open('out')); assert $1, e" 2>&1 | tail -1 | grep . && fail "JSON: $1"; }

run mem --imsize 8000 --ram 64GiB
expect_status 0; expect_no_err; expect_out '^worker +5\.230'; expect_out 'complex visibility grid +complex64 +8\.0 +0\.477'
expect_out 'peak +52\.80 GiB with 10 workers'; expect_out 'available +64\.00 GiB'; expect_out 'recommended +10 workers'
run mem --imsize 1280,1024 --gridder MOSAIC --deconvolver mtmfs --nterms 2 --nworkers 3 --ram=8 --json
expect_status 0; expect_no_err
json 'e["worker_gib"] == 1.4421875 and e["peak_gib"] == 3 * 1.4421875 + .5 and e["recommended_nworkers"] == 4 and e["available_gib"] == 8'
json 'e["model"] == "casa" and e["nworkers"] == 3 and abs(sum(b["gib"] for b in e["buffers"] if b["per"] == "worker") - 1.4421875) < 1e-12'
json 'set(e["buffers"][0]) == {"name", "dtype", "per", "bytes_per_pixel", "gib"}'
run mem
expect_status 0; expect_out 'available +[0-9.]+ GiB \([a-zS]'
SLURM_MEM_PER_NODE=2048 run mem --json
json 'e["available_gib"] == 2 and e["available_from"] == "SLURM_MEM_PER_NODE" and e["recommended_nworkers"] == 1'

cat >c.yaml <<END
selection:
  vis: $DATA/vla_ngc5921.ms
image: {imagename: out, imsize: [512, 256], cell: 15arcsec, specmode: cube, start: 20, nchan: 2}
weight: {weighting: briggs}
iteration: {niter: 100}
cluster: {threads: 1, nworkers: 2, progress: none}
END
sed -i 's/, progress: none//' c.yaml
run mem c.yaml --model native --nworkers 2 --ram 64GiB --json
expect_status 0
json 'e["model"] == "native" and any(b["name"] == "visibilities" and b["gib"] > 0 for b in e["buffers"])'
cp out native.json
run image c.yaml --progress none
expect_status 0
python3 - <<'END' || fail "pclean mem and the run differ"
import json
assert json.load(open('out.run.json'))['memory']['plan_bytes'] == round(json.load(open('native.json'))['peak_gib'] * 2**30)
END
run mem c.yaml
expect_status 0; expect_out '^model +casa'; expect_out 'mask +float32 +4\.0 +0\.000'
run mem c.yaml --imsize 8000
expect_status 0; expect_out '^worker +5\.230'
run mem --model native --imsize 4096
expect_status 0; expect_out '^uv grids '; expect_out '^minor cycle '
run mem --model native --imsize 4096 --niter 0
expect_status 0
grep -q '^minor cycle' out && fail "nothing is cleaned"

for bad in '--imsize 0' '--imsize -4' '--imsize 12x3' '--imsize 1,2,3' '--imsize 9223372036854775808' '--imsize 4294967296,4294967296' \
    '--imsize 100 --nchan-per-task 0' '--imsize 9223372036854775807 --nchan-per-task 3' '--nterms 0' '--nfields -1' '--nworkers 0' '--nworkers -3' '--nworkers 1e3' \
    '--ram 0' '--ram -5GiB' '--ram nan' '--ram 64furlongs' '--ram 1e30GiB' '--ram-safety-factor 0' '--ram-safety-factor 1.1' \
    '--ram-safety-factor nan' '--model tclean' '--model native --imsize 70000' '--grider mosaic' '--nterms' '--json=3' 'absent.yaml' '--spw'; do
    run mem $bad
    expect_usage .
done
run mem --model native --gridder mosaic
expect_failure 'gridder'
run mem --grider mosaic
expect_usage 'did you mean --gridder'
run mem --model native --vis absent.ms
expect_failure 'absent\.ms'
finish
