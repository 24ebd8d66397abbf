# Help, version, subcommands, unknown words: what a first user types.
. "$(dirname "$(realpath "$0")")/lib.bash"

run --help
expect_status 0; expect_no_err; expect_out '^Usage: pclean COMMAND'; expect_out 'pclean image --vis'
for command in image plot config mem plan; do expect_out "^  $command "; done
run -h
expect_status 0; expect_out '^Usage:'
run help
expect_status 0; expect_out '^Usage:'
run --version
expect_status 0; expect_no_err; expect_out '^pclean [0-9]+\.[0-9]+\.[0-9]+$'
[ "$(wc -l <out)" = 1 ] || fail "the version is one line"

for command in image plot config mem plan; do
    run $command --help
    expect_status 0; expect_no_err; expect_out "^Usage: pclean $command"
    run help $command
    expect_status 0; expect_out "^Usage: pclean $command"
done
run image --help
for word in --robust --pblimit --threshold 'Exit status' 'run\.json' 'dump-config' 'list-presets' 'briggs'; do expect_out "$word"; done

run
expect_usage 'which command'
run imgae
expect_usage 'unknown command "imgae"; did you mean "image"\?'
run frobnicate
expect_usage 'unknown command "frobnicate"'
expect_err 'pclean --help'
run help imgae
expect_usage 'did you mean "image"'

run config
expect_status 0; expect_out 'robust'
run config --markdown
expect_status 0; expect_no_err; expect_out 'robust'
run config --dump
expect_status 0; expect_no_err; expect_out '^weight:'
run config --list-presets
expect_status 0; expect_out '[a-z]'
run config --markdwon
expect_usage 'did you mean --markdown'
run config surplus
expect_usage 'surplus'

run plot
expect_usage 'which image'
run plot a b
expect_usage 'one image at a time'
run plot a --outptu x
expect_usage 'did you mean --output'
run plot a --panels many
expect_usage 'panels'
run plot a --size 3
expect_usage 'size'
run plot a --output
expect_usage 'needs a value'
run plot absent.image
expect_failure 'absent\.image'
expect_missing absent.image.png

# A full disk behind standard output is a failure; a reader that goes away is not shown as one.
if [ -w /dev/full ]; then
    line='pclean --help >/dev/full'; : >out
    "$PCLEAN" --help >/dev/full 2>err; status=$?
    expect_status 1; expect_err 'standard output'
fi
line='pclean image --help | head -1'; : >out
"$PCLEAN" image --help 2>err | head -1 >out; status=0
expect_no_err
finish
