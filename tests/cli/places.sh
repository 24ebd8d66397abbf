# Names, sizes and places of products: strange, impossible, full, taken, shared.
. "$(dirname "$(realpath "$0")")/lib.bash"
ms=$DATA/vla_ngc5921.ms
tiny="--vis $ms --imsize 48 --cell 15arcsec --niter 3 --threads 1"
nothing_left() { [ -z "$(compgen -G "$1*")" ] || fail "left behind: $(compgen -G "$1*")"; }

# names
for name in 'a b  c' 'é☃' 'x.ms' 'a*[1]' './s' '-s'; do
    run image $tiny --imagename "$name"
    expect_status 0; expect_there "$name.image"; expect_there "$name.run.json"
    grep -Fq "  $name.image" out || fail "$name.image is not listed"
done
run image $tiny --imagename ''
expect_usage 'imagename'
run image $tiny --imagename folder/
expect_usage 'folder/'
run image $tiny --imagename "$(printf 'x%.0s' $(seq 250))"
expect_usage 'too long'
run image $tiny --imagename "$(printf 'folder/%.0s' $(seq 700))x"
expect_usage 'too long'
run image $tiny --imagename nowhere/deep/x
expect_failure 'no folder nowhere/deep'
grep -q ' read' err && fail "a missing folder shows before the data are read"
[ ! -e nowhere ] || fail "folders are not made"
echo text >file
run image $tiny --imagename file/x
expect_failure 'no folder file'

# a product's name taken by something else is kept
echo precious >taken.image
run image $tiny --imagename taken
expect_failure 'taken'
[ "$(cat taken.image)" = precious ] || fail "a file of that name was changed"
[ "$(compgen -G 'taken*')" = taken.image ] || fail "left behind: $(compgen -G 'taken*')"

# sizes
for size in 2 3 5 48,3 3,48 101 509 64,509; do
    rm -rf size.*
    run image $tiny --imagename size --imsize $size
    expect_status 0; expect_there size.image
done
expect_err '509 has a prime factor'
rm -rf size.*
run image $tiny --imagename size --imsize 200000
[ $status = 1 ] || [ $status = 2 ] || fail "exit status should be 1 or 2"
expect_err '^pclean: error: .*(200000|memory)'; nothing_left size

# cells
run image $tiny --imagename cell --cell 1deg # the products, blank, are there to look at, and the run has failed
expect_status 1; expect_err '^pclean: error: .*cell'; expect_err 'WARNING: cell 1 deg is too coarse .*use a cell of 14\.[0-9]* arcsec'
run image $tiny --imagename fine --cell 1uarcsec
expect_status 0; expect_err 'WARNING: no beam'
run image $tiny --imagename coarse --cell 60arcsec --specmode cube --start 40 --nchan 10 # the last channels are blank
expect_status 0; expect_err 'WARNING: cell 60 arcsec is too coarse'; expect_err 'WARNING: no data in channel 6-9'

# two runs of one name at once: one makes the products, the other says so
"$PCLEAN" image $tiny --imagename both --specmode cube --niter 3000 --imsize 256 --overwrite >out1 2>err1 &
first=$!
for _ in $(seq 100); do [ -e both.psf.part ] && break; sleep 0.05; done
run image $tiny --imagename both --specmode cube --nchan 3 --overwrite
expect_failure 'another run'
wait $first || fail "the first run should not be disturbed: $(tail -1 err1)"
nothing_left both.lock
run image $tiny --imagename both --specmode cube --nchan 3 --overwrite # and then it can
expect_status 0

# killed at once and for good: what was there stays, and the next run clears up
before=$(state_of both.*)
for after in 0.02 0.1 0.2 0.35; do
    "$PCLEAN" image $tiny --imagename both --specmode cube --niter 100000 --imsize 512 --overwrite >out 2>err &
    pid=$!
    sleep $after
    kill -KILL $pid
    wait $pid 2>/dev/null
    [ "$before" = "$(find both.* -type f -not -path '*.part/*' -not -name both.lock -print0 | sort -z | xargs -0 sha256sum)" ] ||
        fail "killed after $after s: products were touched"
done
run image $tiny --imagename both --overwrite
expect_status 0
[ "$(compgen -G 'both.*' | grep -Ec '\.(part|lock|old)$')" = 0 ] || fail "not cleared up: $(compgen -G 'both.*')"

# a model to start from has to be of the same pixels and channels
cube="--vis $ms --imsize 48 --cell 15arcsec --specmode cube --nchan 3 --niter 3 --threads 1"
run image $cube --start 10 --imagename m
expect_status 0
run image $cube --start 10 --imagename n --startmodel m.model
expect_status 0
for other in '--start 11' '--cell 10arcsec' '--imsize 50' '--nchan 2' '--stokes RR'; do
    run image $cube --start 10 --imagename n2 --startmodel m.model $other
    expect_usage 'm\.model has'
    rm -rf n2.*
done
before=$(state_of m.*)
run image $cube --start 11 --imagename m --restart
expect_usage 'other channel frequencies'
[ "$before" = "$(state_of m.*)" ] || fail "products were touched"
run image $cube --start 10 --imagename n3 --startmodel absent.model
expect_failure 'absent\.model'

# a disk that is full at the start, that runs full meanwhile, that has no room for two copies, that takes no more files
export tiny
line='pclean image, the disk runs full'
on_disk size=20m '"$PCLEAN" image $tiny --imagename disk/s >out 2>err || exit 78
    find disk -type f | sort | xargs sha256sum >before
    "$PCLEAN" image $tiny --imagename disk/s --overwrite --specmode cube --niter 3000 --imsize 256 --nchan 6 --start 8 >out 2>err & pid=$!
    for i in $(seq 200); do [ -e disk/s.mask.part ] && break; sleep 0.02; done
    dd if=/dev/zero of=disk/fill bs=4k 2>dd; wait $pid; status=$?; rm -f disk/fill
    find disk -type f | sort | xargs sha256sum | cmp - before || exit 79
    exit $status'
if ! no_disk "full disks"; then
    expect_failure '[Nn]o space'
    line='pclean image --overwrite, no room for two'
    on_disk size=2600k '"$PCLEAN" image $tiny --imagename disk/s --niter 0 --imsize 128 >out 2>err || exit 78
        find disk -type f | sort | xargs sha256sum >before
        "$PCLEAN" image $tiny --imagename disk/s --imsize 256 --overwrite >out 2>err; status=$?
        find disk -type f | sort | xargs sha256sum | cmp - before || exit 79
        exit $status'
    expect_failure 'no space.* [0-9.]+ MiB wanted'
    for files in 30 70 100 130; do
        line="pclean image, $files files"
        on_disk size=20m,nr_inodes=$files '"$PCLEAN" image $tiny --imagename disk/s >out 2>err'
        [ $status = 0 ] || expect_failure 'no space|No space'
        [ $status = 0 ] || [ ! -s left ] || fail "left behind: $(cat left)"
    done
fi
finish
