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

# matrix GRIDDERS SIZES NCHANS NITERS THREADS WORKERS [DECONVOLVERS [STOKES]], each a list
matrix() {
    local gridder deconvolver imsize nchan niter thread worker
    for gridder in $1; do for deconvolver in ${7:-hogbom}; do for imsize in $2; do for nchan in $3; do
        for niter in $4; do for thread in $5; do for worker in $6; do
            planned --gridder "$gridder" --deconvolver $deconvolver --imsize "$imsize" --nchan "$nchan" --niter "$niter" \
                --weighting briggs --threads "$thread" --nworkers "$worker" --stokes "${8:-I}"
        done; done; done
    done; done; done; done
}

if [ "${MATRIX:-}" = full ]; then
    matrix "standard wproject" "100 512 1024 2048" "1 16" "0 100" "1 2" "1 2 3"
    matrix standard 4096 "1 4" "0 100" 1 "1 2"
    matrix "standard wproject" "100 512 1024 2048" 2 "100 20000" "1 2" "1 2" "clark clarkstokes" "I"
    matrix standard "512 2048" 2 "100 20000" 1 "1 2" clark "RRLL"
else
    matrix standard "100 1024" 2 100 1 "1 2"
    matrix standard 512 "1 8" 0 2 3
    matrix wproject "256 1024" 2 100 1 "1 2"
    matrix standard 1024 2 5000 1 2 clark RRLL
fi
planned --imsize 2048 --nchan 1 --niter 0 --nworkers 1
expect_err 'memory: .* planned of '
rm -rf out.*

# limits: what fits runs, what does not says so before anything is written
large="--vis $ms --imagename out --imsize 1024 --cell 15arcsec --specmode cube --start 20 --nchan 2 --threads 1 --progress none"
run image $large --memory 200MiB
expect_status 0; expect_err 'of 200\.0 MiB \(memory=200MiB\)'; expect_err '2 workers'
rm -rf out.*
run image $large --nworkers 2 --memory 50MiB
expect_status 0; expect_err '1 worker .*memory for 1'
rm -rf out.*
run image $large --memory 30MiB
expect_failure 'one image plane needs [0-9.]+ MiB .* there are 30\.0 MiB \(memory=30MiB\); take a smaller imsize'
[ -z "$(compgen -G 'out*.p*')$(compgen -G 'out.*')" ] || fail "left behind: $(compgen -G 'out.*')"
run image $large --memory lots
expect_usage 'memory=lots'
run image $large --memory 7
expect_usage 'memory=7: a size with its unit'

# the same for each worker, as the Python pclean's files have it
run image $large --nworkers 2 --memory_limit 0.5 --memory 200MiB
expect_status 0; expect_err '2 workers'; expect_err 'a worker with what it shares [0-9.]+ MiB of 100\.0 MiB \(memory_limit\)'
rm -rf out.*
run image $large --nworkers 2 --memory_limit 25MB
expect_failure 'one image plane needs [0-9.]+ MiB .* there are 23\.8 MiB \(memory_limit\)'
[ -z "$(compgen -G 'out.*')" ] || fail "left behind: $(compgen -G 'out.*')"
run image $large --memory_limit lots
expect_usage 'memory_limit=lots: 4GB'

finish
