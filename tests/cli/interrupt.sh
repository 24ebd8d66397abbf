# Ctrl-C and kill: exit status 1, a sentence, nothing half-written under a final name, nothing lost that was there.
. "$(dirname "$(realpath "$0")")/lib.bash"
set -m # background jobs get SIGINT as from a terminal
ms=$DATA/vla_ngc5921.ms
long="--imsize 1024 --cell 4arcsec --specmode cube --niter 2000000 --threshold 0 --threads 1 --progress json"

# interrupt SIGNAL NAME: starts a long run, waits until it images, sends the signal.
interrupt() {
    line="pclean image ..., SIG$1"
    "$PCLEAN" image --vis "$ms" --imagename "$2" $long --overwrite >out 2>err &
    local pid=$!
    for _ in $(seq 300); do
        grep -q '"stage":"image"' err && break
        kill -0 $pid 2>/dev/null || break
        sleep 0.1
    done
    kill -"$1" $pid 2>/dev/null || fail "the run had ended before the signal"
    local start=$SECONDS
    wait $pid
    status=$?
    [ $((SECONDS - start)) -le 20 ] || fail "stopping took $((SECONDS - start)) s"
}

interrupt INT out
expect_status 1; expect_no_out
expect_err '"event":"end","status":1,"error":"'
left=$(compgen -G 'out.*' | grep -v '\.part$')
[ -z "$left" ] || fail "under a final name: $left"

# products of an earlier run stay as they were
run image --vis "$ms" --imagename old --imsize 64 --cell 15arcsec --specmode cube --nchan 1
expect_status 0
before=$(state_of old.*)
interrupt TERM old
expect_status 1
[ "$before" = "$(find old.* -type f -not -path '*.part/*' -print0 | sort -z | xargs -0 sha256sum)" ] || fail "an interrupted run touched existing products"

# without JSON: the sentence
line="pclean image ..., SIGINT, plain log"
"$PCLEAN" image --vis "$ms" --imagename plain ${long/json/lines} >out 2>err &
pid=$!
for _ in $(seq 300); do compgen -G 'plain.*.part' >/dev/null && break; sleep 0.1; done
kill -INT $pid
wait $pid
status=$?
expect_failure 'half-written'

# and then the same name can be imaged
run image --vis "$ms" --imagename out --imsize 64 --cell 15arcsec --specmode cube --nchan 1
expect_status 0; expect_there out.image; expect_there out.run.json
[ -z "$(compgen -G 'out.*.part')" ] || fail "left behind: $(compgen -G 'out.*.part')"
finish
