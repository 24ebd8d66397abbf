# What a machine may do to a command: a folder that is gone or has a long name, no /proc, limits on the size and number of files, closed
# standard files, no HOME, a file that never ends, a request to stop. Each has a sentence and an end, and leaves nothing behind.
. "$(dirname "$(realpath "$0")")/lib.bash"
ms=$DATA/lofar_tNDPPP-generic.MS
image="image --vis $ms --imsize 32 --cell 5arcsec --niter 5 --specmode cube --nchan 3 --nworkers 1 --threads 1 --progress none"
here=$PWD

# ---- the current folder
in_folder() { # FOLDER-COMMANDS ARGUMENTS...
    line="$1; pclean ${*:2}"
    (eval "$1" && exec "$PCLEAN" "${@:2}") >"$here/out" 2>"$here/err" </dev/null
    status=$?
    expect_failure 'the current folder is gone, or its name has more than 1023 characters'
}
name=$(printf 'n%.0s' $(seq 200))
for command in "--version" "$image --imagename a" "plan --vis $ms" "concat a.image b.image" "verify a.image" "plot a.image" "mem --imsize 100"; do
    in_folder 'mkdir gone; cd gone; rmdir ../gone' $command
done
in_folder "for i in 1 2 3 4 5 6; do mkdir $name; cd $name; done" $image --imagename a
rm -rf "$name"

# ---- no /proc
if unshare -m bash -c 'mount -t tmpfs none /proc' 2>/dev/null; then
    for command in "$image --imagename a" "concat a.image b.image" "verify a.image" "plot a.image" "adios2 convert $ms o.ms"; do
        line="without /proc: pclean $command"
        unshare -m bash -c 'mount -t tmpfs none /proc; exec "$@"' bash "$PCLEAN" $command >out 2>err </dev/null
        status=$?
        expect_failure '/proc/meminfo cannot be read'
    done
fi

# ---- limits
line="with small files: pclean $image"
(ulimit -f 20; exec "$PCLEAN" $image --imagename a) >out 2>err </dev/null
status=$?
expect_failure 'File too large'
run $image --imagename a --threads 100000; expect_failure 'of 100000 threads can be started|threads'
[ -z "$(compgen -G 'a.*')" ] || fail "left behind: $(compgen -G 'a.*')"

for most in 6 8 10 14 20 26 32 40 64; do # the command needs about 48; below 4 no program starts
    line="with $most files: pclean $image"
    (for fd in 3 4 5 6 7 8 9; do eval "exec $fd>&-"; done; ulimit -n $most; exec "$PCLEAN" $image --imagename a --nworkers 2) >out 2>err </dev/null
    status=$?
    [ $most = 64 ] || expect_failure '[Tt]oo many open files'
    [ $status = 0 ] || [ -z "$(compgen -G 'a.*')" ] || fail "left behind: $(compgen -G 'a.*')"
done
expect_status 0
rm -rf a.*

# ---- standard files that are closed, no HOME, children that the shell ignores
in_such() { # WHAT COMMANDS
    line="$1: pclean $image"
    (eval "$2"'; exec "$PCLEAN" $image --imagename a --nworkers 2')
    status=$?
    : >out; : >err
    expect_status 0
    expect_there a.image/table.f0_TSM0
    rm -rf a.*
}
in_such 'no standard input' 'exec <&- >out 2>err'
in_such 'no standard output' 'exec </dev/null >&- 2>err'
in_such 'no standard files' 'exec <&- >&- 2>&-'
in_such 'no HOME' 'unset HOME; exec </dev/null >out 2>err'
in_such 'a HOME that is not there' 'export HOME=/nowhere; exec </dev/null >out 2>err'
in_such 'SIGCHLD is ignored' 'trap "" CHLD; exec </dev/null >out 2>err'

# ---- files that never end
run $image --imagename a; expect_status 0
mkdir f.image v.image
touch f.image/table.dat; mkfifo f.image/table.info v.image/imageconcat.json
run $image --imagename f --overwrite; expect_failure 'f.image is not a CASA image'
for command in "plot v.image" "verify v.image" "$image --imagename b --mask v.image" "$image --imagename b --startmodel v.image" "concat b.image v.image"; do
    run $command
    expect_status 1
    expect_err 'v.image'
done

# ---- a stop while casacore waits for a file
cp -r "$ms" w.ms && rm w.ms/FIELD/table.dat && mkfifo w.ms/FIELD/table.dat
line="SIGTERM while w.ms/FIELD is read"
"$PCLEAN" image --vis w.ms --imagename w --imsize 32 --cell 5arcsec >out 2>err </dev/null &
child=$!
sleep 1
kill -TERM $child 2>/dev/null
for i in $(seq 150); do kill -0 $child 2>/dev/null || break; sleep 0.1; done
kill -0 $child 2>/dev/null && { fail "it still runs, 15 s later"; kill -9 $child; }
wait $child
status=$?
[ "$status" != 0 ] || fail "exit status should not be 0"
finish
