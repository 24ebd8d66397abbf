# Workers as processes of pclean-worker: found where pclean is built and where it is installed, killed like others, and
# none is left when the coordinator dies.
. "$(dirname "$(realpath "$0")")/lib.bash"
set -m
ms=$DATA/vla_ngc5921.ms
cube="--vis $ms --imsize 512 --cell 8arcsec --specmode cube --nchan 12 --niter 2000 --threshold 1mJy --overwrite --nworkers 3 --threads 1"
pixels() { find "$1".* -name '*_TSM0' | sort | xargs sha256sum | sed "s/ $1/ /"; }
children() { pgrep -P "$1" -f pclean-worker; }
await() { for _ in $(seq 1000); do "$@" >/dev/null && return; sleep 0.01; done; fail "never: $*"; }
three() { [ "$(children "$1" | wc -l)" = 3 ]; }
hold() { await three "$1"; kill -STOP $(children "$1"); } # however fast the machine is, they are at work
nothing_left() { [ -z "$(compgen -G 'pclean-*')" ] || fail "left behind: $(compgen -G 'pclean-*')"; }

run image $cube --imagename forked
expect_status 0
pixels forked >forked.sums
export PCLEAN_WORKERS=program

# a worker killed in the middle of its work is replaced
for scratch in "" "--scratch $work"; do
    line="pclean image ..., PCLEAN_WORKERS=program $scratch, a worker killed"
    "$PCLEAN" image $cube $scratch --imagename killed >out 2>err &
    pid=$!
    hold $pid
    kill -9 "$(children $pid | shuf -n 1)" || fail "no worker to kill"
    kill -CONT $(children $pid)
    wait $pid
    status=$?
    expect_status 0
    expect_err 'the worker was killed by SIGKILL; another one does its work again'
    pixels killed | cmp -s - forked.sums || fail "the pixels differ"
    nothing_left
done

# no worker is left when the coordinator dies; its scratch files are the next run's to remove
line="pclean image ..., PCLEAN_WORKERS=program, coordinator killed"
"$PCLEAN" image $cube --scratch . --imagename gone >out 2>err &
pid=$!
hold $pid
workers=$(children $pid)
kill -9 $pid
wait $pid 2>/dev/null
status=$?
sleep 0.3
for w in $workers; do
    [ -d /proc/"$w" ] && [ "$(sed 's/.*) \(.\).*/\1/' /proc/"$w"/stat 2>/dev/null)" != Z ] && fail "worker $w lives on"
done
[ -n "$(compgen -G 'pclean-*')" ] || fail "no scratch file with a name"
PCLEAN_WORKERS=forked run image $cube --nchan 1 --imagename gone
expect_status 0
nothing_left

# Ctrl-C
line="pclean image ..., PCLEAN_WORKERS=program, SIGINT to the group"
"$PCLEAN" image $cube --scratch . --imagename stopped >out 2>err &
pid=$!
await children $pid
workers=$(children $pid)
kill -INT -- -$pid
wait $pid
status=$?
expect_failure 'interrupted'
for w in $workers; do [ -d /proc/"$w" ] && fail "worker $w lives on"; done
nothing_left
[ -z "$(compgen -G 'stopped.*')" ] || fail "left behind: $(compgen -G 'stopped.*')"

# as installed, from any place; without the program, a sentence
line="cmake --install"
cmake --install "$BUILD" --prefix "$work/here" >log 2>&1 || fail "$(tail -n 3 log)"
mv here there
PCLEAN=$work/there/bin/pclean
run image $cube --nchan 2 --imagename installed
expect_status 0
mv there/libexec/pclean/pclean-worker there/bin
run image $cube --nchan 2 --imagename none
expect_failure 'the program pclean-worker is neither in .*/there/lib/ nor in .*libexec/pclean'
nothing_left

# by hand it says what it is
there/bin/pclean-worker </dev/null >out 2>err
status=$?
line=pclean-worker
expect_status 2; expect_no_out; expect_err 'pclean itself starts this program'
finish
