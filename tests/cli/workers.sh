# Worker processes as a user sees them: what the log says, killed ones, and nobody left behind.
. "$(dirname "$(realpath "$0")")/lib.bash"
set -m
ms=$DATA/vla_ngc5921.ms
short="--vis $ms --imsize 64 --cell 15arcsec --specmode cube --niter 50 --threshold 5mJy"
long="--vis $ms --imsize 512 --cell 8arcsec --specmode cube --niter 2000 --threshold 1mJy --overwrite --nworkers 3 --threads 1"
pixels() { (cd "$(dirname "$1")" && find "$(basename "$1")".* -name '*_TSM0' -path '*.*/*' | sort | xargs sha256sum | sed "s/ $(basename "$1")/ /"); }
children() { # of a process; casacore's is no worker
    local found
    found=$(pgrep -P "$1" | grep -vxF -f <(pgrep -P "$1" -f pclean-casa; echo none)) && echo "$found"
}
await() { for _ in $(seq 200); do "$@" >/dev/null && return; sleep 0.05; done; fail "never: $*"; }

# the log says how many and why; a continuum image has one plane and one worker
run image $short --imagename cube --nchan 5 --nworkers 2 --threads 1
expect_status 0; expect_err '2 workers x 1 thread: .*5 planes, nworkers=2, threads=1'
grep -q '"processes": 2' cube.run.json || fail "the record lacks the workers"
run image --vis "$ms" --imsize 64 --cell 15arcsec --imagename mfs
expect_status 0; expect_err '1 worker x [0-9]+ threads?: [0-9]+ cores?, 1 plane'
run image $short --imagename cube --nworkers -1
expect_usage 'nworkers'
run image --vis "$ms" --imagename cube --nworkers many
expect_usage 'nworkers'

# the whole cube, undisturbed
line="pclean image ..., undisturbed"
"$PCLEAN" image $long --imagename quiet >out 2>err
status=$?
expect_status 0
pixels quiet >quiet.sums

# a worker killed at some moment, by anybody: done again, the same pixels
for wait in 0 0.2 0.6; do
    line="pclean image ..., a worker killed after $wait s"
    "$PCLEAN" image $long --imagename killed >out 2>err &
    pid=$!
    await children $pid
    sleep $wait
    victim=$(children $pid | shuf -n 1)
    kill -9 "$victim" || fail "no worker to kill"
    wait $pid
    status=$?
    expect_status 0
    expect_err 'the worker was killed by SIGKILL; another one does its work again'
    pixels killed | cmp -s - quiet.sums || fail "the pixels differ after a worker was killed"
done

# kill -9 of the coordinator: its workers go too
line="pclean image ..., coordinator killed"
"$PCLEAN" image $long --imagename gone >out 2>err &
pid=$!
await children $pid
sleep 0.2
workers=$(children $pid)
kill -9 $pid
wait $pid 2>/dev/null
status=$?
sleep 0.3
for w in $workers; do
    [ -d /proc/"$w" ] && [ "$(sed 's/.*) \(.\).*/\1/' /proc/"$w"/stat 2>/dev/null)" != Z ] && fail "worker $w lives on"
done
[ -z "$(compgen -G 'gone.*' | grep -v -e '\.part$' -e '\.lock$')" ] || fail "under a final name: $(compgen -G 'gone.*')"

# Ctrl-C, which a terminal sends to the workers too
line="pclean image ..., SIGINT to the group"
"$PCLEAN" image $long --imagename stopped >out 2>err &
pid=$!
await children $pid
workers=$(children $pid)
sleep 0.2
kill -INT -- -$pid
wait $pid
status=$?
expect_failure 'interrupted'
for w in $workers; do [ -d /proc/"$w" ] && fail "worker $w lives on"; done
[ -z "$(compgen -G 'stopped.*')" ] || fail "left behind: $(compgen -G 'stopped.*')"
finish
