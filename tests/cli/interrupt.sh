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

# stop SECONDS ARGUMENTS: SIGTERM to all its processes so long after the beginning, which must end the command in about two seconds, its processes with it, and leave nothing behind.
stop() {
    line="pclean ${*:2}, SIGTERM"
    "$PCLEAN" "${@:2}" >out 2>err </dev/null &
    local pid=$! begin process
    sleep "$1"
    kill -TERM -- -$pid 2>/dev/null || fail "the run had ended before the signal"
    begin=$(date +%s%N)
    wait $pid
    status=$?
    [ $(($(date +%s%N) - begin)) -lt 4000000000 ] || fail "stopping took $((($(date +%s%N) - begin) / 1000000)) ms"
    [ "$status" = 1 ] || [ "$status" = 143 ] || fail "exit status should be 1, or that of SIGTERM"
    sleep 0.3
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/cwd")" = "$PWD" ] || continue
        case $(readlink "$process/exe") in */pclean*) fail "a process is left: $(tr '\0' ' ' <"$process/cmdline")" ;; esac
    done
    [ -z "$(compgen -G 'g.*')" ] || fail "left behind: $(compgen -G 'g.*')"
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

# one minor cycle of minutes in the calling process
small="--vis $ms --imagename g --imsize 256 --cell 8arcsec --niter 2000000000 --gain 0.0000001 --nworkers 1"
stop 2 image $small --threads 2
expect_failure 'interrupted'
stop 2 image $small --progress json
expect_status 1; expect_err '"event":"end","status":1,"error":"'

# casacore waits for what does not answer: a pipe behind a link to a folder
cp -r "$ms" pipe.ms
mv pipe.ms/FIELD field; rm field/table.f0; mkfifo field/table.f0; ln -s "$PWD/field" pipe.ms/FIELD
cut="--vis pipe.ms --imagename g --imsize 64 --cell 15arcsec"
stop 1 image $cut
expect_failure 'interrupted'
stop 1 adios2 convert pipe.ms g.ms
expect_failure 'interrupted'
stop 1 plan $cut
stop 1 partition $cut -n 2 --write g.parts
run image --vis "$ms" --imagename h --imsize 32 --cell 30arcsec --specmode cube --nchan 2
cp -r h.image h2.image
mv h.image/logtable log; rm log/table.info; mkfifo log/table.info; ln -s "$PWD/log" h.image/logtable
stop 1 concat g.image h.image h2.image
expect_failure 'interrupted'
# where the pipe is in the folder itself, that is said at once
rm h.image/logtable; mv log h.image/logtable
run concat g.image h.image h2.image
expect_failure 'casacore waits for h.image/logtable/table.info, which is a FIFO'
rm -rf pipe.ms field h.* h2.image

# and then the same name can be imaged
run image --vis "$ms" --imagename out --imsize 64 --cell 15arcsec --specmode cube --nchan 1
expect_status 0; expect_there out.image; expect_there out.run.json
[ -z "$(compgen -G 'out.*.part')" ] || fail "left behind: $(compgen -G 'out.*.part')"
finish
