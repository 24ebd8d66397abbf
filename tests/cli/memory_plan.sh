# The memory plan: kept (within 5 % or 16 MiB of the anonymous memory measured), and a limit that is obeyed. With
# MATRIX=full the large matrix (minutes).
. "$(dirname "$(realpath "$0")")/lib.bash"
ms=$DATA/vla_ngc5921.ms

planned() { # ARGUMENTS...: runs, then holds plan against measurement
    run image --vis "$ms" --imagename out --overwrite --cell 15arcsec --specmode cube --start 20 --progress none "$@"
    expect_status 0
    python3 - <<'END' || fail "the plan does not hold: $(python3 -c 'import json; print(json.load(open("out.run.json"))["memory"])')"
import json, sys
m = json.load(open('out.run.json'))['memory']
off = abs(m['plan_bytes'] - m['measured_bytes'])
sys.exit(not (m['measured_bytes'] > 1 << 20 and off <= max(16 << 20, 0.05 * m['measured_bytes'])))
END
    [ -z "${VERBOSE:-}" ] || echo "$line: $(python3 -c 'import json; m = json.load(open("out.run.json"))["memory"]; print(m["plan_bytes"] >> 20, m["measured_bytes"] >> 20)')"
}

sizes="100 1024" channels=2 niters=100 threads=1 workers="1 2"
[ "${MATRIX:-}" != full ] || { sizes="100 512 1024 2048 4096"; channels="1 16"; niters="0 100"; threads="1 2"; workers="1 2 3"; }
for imsize in $sizes; do
    for nchan in $channels; do
        for niter in $niters; do
            for thread in $threads; do
                for worker in $workers; do
                    planned --imsize "$imsize" --nchan "$nchan" --niter "$niter" --weighting briggs --threads "$thread" --nworkers "$worker"
                done
            done
        done
    done
done
planned --imsize 2048 --nchan 1 --niter 0 --nworkers 1
expect_err 'memory: .* planned of '
rm -rf out.*

# limits: what fits runs, what does not says so before anything is written
large="--vis $ms --imagename out --imsize 1024 --cell 15arcsec --specmode cube --start 20 --nchan 2 --threads 1 --progress none"
run image $large --memory 200MiB
expect_status 0; expect_err 'of 200\.0 MiB \(memory=200MiB\)'; expect_err '2 workers'
rm -rf out.*
run image $large --nworkers 2 --memory 80MiB
expect_status 0; expect_err '1 worker .*memory for 1'
rm -rf out.*
run image $large --memory 30MiB
expect_failure 'one image plane needs [0-9.]+ MiB .* there are 30\.0 MiB; take a smaller imsize'
[ -z "$(compgen -G 'out*.p*')$(compgen -G 'out.*')" ] || fail "left behind: $(compgen -G 'out.*')"
run image $large --memory lots
expect_usage 'memory=lots'
run image $large --memory 7
expect_usage 'memory=7: a size with its unit'

line="ulimit -v, image of 12000 pixels"
(ulimit -v 2000000; exec "$PCLEAN" image --vis "$ms" --imagename out --imsize 12000 --cell 1arcsec --threads 1 --nworkers 1 --progress none) >out 2>err </dev/null
status=$?
expect_failure 'one image plane needs .*GiB'
[ -z "$(compgen -G 'out.*')" ] || fail "left behind: $(compgen -G 'out.*')"

# the estimates for CASA's workers
run memory --imsize 8000 --available-ram-gib 64
expect_status 0; expect_no_err; expect_out 'worker +5.23 GiB'; expect_out 'recommended +10 workers'
run memory --imsize 1280,1024 --gridder mosaic --deconvolver mtmfs --nterms 2 --nworkers 3 --available-ram-gib=8
expect_status 0; expect_out 'worker +1.44 GiB'; expect_out '3 +workers +4.83 GiB'
run memory
expect_status 0; expect_out 'available +[0-9.]+ GiB \('
run memory --imsize 12x3
expect_usage 'imsize'
run memory --grider mosaic
expect_usage 'did you mean --gridder'
run memory 5
expect_usage 'unexpected'
run memory --nterms
expect_usage 'needs a value'
finish
