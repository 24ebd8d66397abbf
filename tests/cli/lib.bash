# lib.bash: for the tests of the command line. Needs PCLEAN (the command), DATA (unpacked MSs), SOURCE, BUILD.
# A test calls `run ARGUMENTS...`, then expect_... about its exit status, standard output (out) and error (err); `finish`
# ends it. Each test works in a folder of its own that is removed; with in_memory=yes set before, one that is no disk's, where
# there is such a place: for tests that copy small MeasurementSets often, which costs more than all that pclean does there.
set -u
PCLEAN=$(realpath "$PCLEAN")
DATA=$(realpath "$DATA")
SOURCE=$(realpath "$SOURCE")
export LC_ALL=C
unset COLUMNS
parent=$PWD
if [ "${in_memory-no}" = yes ] && [ -w /dev/shm ] && [ "$(df --output=avail -m /dev/shm | tail -1)" -gt 256 ]; then
    parent=/dev/shm
fi
work=$(mktemp -d "$parent/cli.XXXXXX") || exit 1
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0
status=
line=

run() {
    line="pclean $*"
    "$PCLEAN" "$@" >out 2>err </dev/null
    status=$?
}

fail() {
    failures=$((failures + 1))
    echo "FAILED: $line"
    echo "        $1"
    echo "        exit status $status; standard output: $(head -c 400 out | head -5)"
    echo "        standard error: $(tail -c 800 err | tail -5)"
}

expect_status() { [ "$status" = "$1" ] || fail "exit status should be $1"; }
expect_out() { grep -Eq -e "$1" out || fail "standard output lacks: $1"; }
expect_err() { grep -Eq -e "$1" err || fail "standard error lacks: $1"; }
expect_no_out() { [ ! -s out ] || fail "standard output should be empty"; }
expect_no_err() { [ ! -s err ] || fail "standard error should be empty"; }
expect_missing() { [ ! -e "$1" ] || fail "$1 should not exist"; }
expect_there() { [ -e "$1" ] || fail "$1 should exist"; }

# Wrong usage: status 2, one error (with a hint or further lines of it), nothing on standard output.
expect_usage() {
    expect_status 2
    expect_no_out
    [ "$(grep -c '^pclean: error: ' err)" = 1 ] || fail "standard error should hold one error"
    expect_err "$1"
}

# A failed run: status 1, one sentence at the end of the log, nothing on standard output.
expect_failure() {
    expect_status 1
    expect_no_out
    [ "$(grep -c '^pclean: error: ' err)" = 1 ] || fail "standard error should hold one error"
    tail -n 1 err | grep -q '^pclean: error: ' || fail "the error should be the last line"
    expect_err "$1"
}

# Checksums of files or folders, to see that nothing changed.
state_of() { find "$@" -type f -print0 | sort -z | xargs -0 sha256sum; }

# MOUNT-OPTIONS COMMANDS: does COMMANDS where ./disk is a small file system of its own. Their status is $status, 77 where
# nobody may mount one; `left` lists what is on it in the end. (An account without rights gets them in a user namespace.)
on_disk() {
    local as_root=
    [ "$(id -u)" = 0 ] || as_root=-r
    mkdir -p disk
    unshare $as_root -m true 2>/dev/null || { status=77; return; }
    PCLEAN=$PCLEAN unshare $as_root -m bash -c "mount -t tmpfs -o $1 none disk || exit 77
        $2
        status=\$?; find disk -mindepth 1 >left; exit \$status"
    status=$?
}
no_disk() { [ "$status" = 77 ] && echo "$1: not tested, this account may not mount a file system"; }

finish() {
    [ "$failures" = 0 ] || { echo "$failures failed"; exit 1; }
    echo "all as expected"
    exit 0
}
