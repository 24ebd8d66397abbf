# pclean plan: the text, JSON, and that nothing is written.
. "$(dirname "$(realpath "$0")")/lib.bash"
json() { python3 -c "import json; p = json.load(open('out')); assert $1, p" 2>&1 | tail -1 | grep . && fail "JSON: $1"; }
cat >c.yaml <<END
selection:
  vis: $DATA/vla_ngc5921.ms
image: {imagename: cube, imsize: 128, cell: 15arcsec, specmode: cube, start: 20, nchan: 6}
iteration: {niter: 50}
cluster: {threads: 1, nworkers: 2}
END
run plan c.yaml
expect_status 0; expect_no_err
expect_out '^  niter +50'; expect_out '^Image: 128 x 128 pixels, 6 channels from 1\.4132'; expect_out '^Workers: 2 workers x 1 thread'
expect_out '^Memory: [0-9.]+ MiB of '; expect_out '^  products  +2\.3 MiB of'; expect_out '^Time: [0-9.]+ s to [0-9.]+ s'
expect_out '^ +1 +3-5 .*subcube\.1$'; expect_out '^  data      \[=+\]'; expect_out '^  image     \[ +#+ +\]'; expect_out '^  worker 2  \[ *#*\+'
grep -q Problems out && fail "there is no problem"
run plan c.yaml --json --niter 0
expect_status 0; expect_no_err
json 'p["config"]["iteration"]["niter"] == 0 and p["image"]["nchan"] == 6 and p["workers"]["processes"] == 2 and p["problems"] == []'
json '[(x["channel_start"], x["nchan"]) for x in p["partition"]["parts"]] == [(0, 3), (3, 3)]'
json 'p["data"][0]["rows"] == 11934 and 6 <= p["data"][0]["nchan_read"] <= 10 and p["time"]["clean_most_s"] == 0 and p["time"]["dirty_s"] > 0'
json 'p["disk"]["products"]["needed_bytes"] > 6 * 4 * 6 * 128**2 // 2 and p["memory"]["plan_bytes"] > p["memory"]["worker_bytes"]'
[ -z "$(compgen -G 'cube*')" ] || fail "written: $(compgen -G 'cube*')"
run plan c.yaml --no-time
expect_status 0; expect_out '^Time: not known'
mkdir cube.psf
run plan c.yaml --json --no-time
expect_status 0
json '"exist already" in p["problems"][0] and p["time"] is None'
run plan c.yaml --no-time
expect_out '^Problems$'
run plan c.yaml --memory 12MiB
expect_failure 'one image plane needs'
run plan c.yaml --imsize -3
expect_usage 'imsize'
run plan c.yaml --start 900GHz
expect_usage 'start'
run plan absent.yaml
expect_usage 'absent\.yaml'
run plan
expect_usage 'vis is not given'
run plan c.yaml --jsno
expect_usage 'did you mean --json'
run plan c.yaml --vis absent.ms
expect_failure 'absent\.ms'
finish
