# The programs in examples/ do what they say, README shows the first of them as it is, and what the command writes is what they get.
. "$(dirname "$(realpath "$0")")/lib.bash"
ms=$DATA/vla_ngc5921.ms

program() { # NAME ARGUMENTS...
    line="examples/$*"
    local name=$1
    shift
    "$BUILD/example_$name" "$@" >out 2>err </dev/null
    status=$?
}

cat >line.yaml <<END
selection: {vis: $ms}
image: {imagename: line, imsize: 64, cell: 15arcsec, specmode: cube, nchan: 4, start: 20}
iteration: {niter: 30}
END
program image line.yaml
expect_status 0; expect_there line.image; expect_there line.run.json
[ "$(grep -c '^channel [0-3]: ' out)" = 4 ] || fail "a line for each channel"
program image line.yaml
expect_status 1; expect_err 'products of line exist already'
program image absent.yaml
expect_status 1; expect_err 'absent.yaml'
[ "$(wc -l <err)" = 1 ] || fail "one sentence"

for part in 0 1; do
    run image line.yaml --imagename part$part --nchan 2 --start $((20 + 2 * part)) --threshold 2mJy
    expect_status 0
done
program concat joined.image part0.image part1.image
expect_status 0; expect_out '"path": "joined.image"'; expect_out '"planes": 4'
run verify joined.image --against line.image --full
expect_status 0
program concat joined2.image part1.image part0.image
expect_status 1; [ -s err ] || fail "no sentence"

program plan "{\"vis\": \"$ms\", \"imagename\": \"planned\", \"image\": {\"imsize\": [64, 32], \"cell\": \"15arcsec\", \"specmode\": \"cube\"}}"
expect_status 0; expect_out '^64 x 32 pixels, 46 channels from 1\.412787 GHz$'; expect_out '^[0-9]+ workers, '
program plan '{"vis": "absent.ms", "imagename": "planned", "nitter": 3}'
expect_status 1; expect_err 'did you mean niter'

line="README's program"
awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' "$SOURCE/README.md" >shown.c
tail -n +2 "$SOURCE/examples/image.c" >wanted.c
cmp shown.c wanted.c >err 2>&1 || fail "it is not examples/image.c (without its first line)"
finish
