# Limits that the system sets: a scratch disk that is too small or runs full, ulimit, Slurm, cgroups. What does not fit is
# refused with a sentence that names the limit, before any product; what the plan accepts ends within the limit.
. "$(dirname "$(realpath "$0")")/lib.bash"
ms=$DATA/vla_ngc5921.ms
small="--vis $ms --imsize 80 --cell 15arcsec --niter 5 --threads 1"
cube="--vis $ms --imsize 256 --cell 15arcsec --specmode cube --start 20 --nchan 4 --niter 200 --threads 1"
nothing_new() { [ "$before" = "$(state_of s.*)" ] || fail "products were touched"; [ -z "$(compgen -G '*.part')" ] || fail "left behind: $(compgen -G '*.part')"; }

# scratch files are sized when they are made: of the visibilities, a start model, a mask, a clean of all channels together
run image $small --imagename s
expect_status 0
before=$(state_of s.*)
global="$cube --cyclecontrol global --nworkers 2"
full() { # SIZE WORDS ARGUMENTS...
    line="pclean image $3 --scratch, of $1"
    arguments="$3 --imagename s --overwrite --scratch disk" on_disk size="$1" '"$PCLEAN" image $arguments >out 2>err'
    no_disk "$line" && return
    expect_failure "no space for the scratch file for $2 in disk: [0-9.]+ [KM]iB wanted, [0-9.]+ [KM]iB free"
    [ ! -s left ] || fail "left in scratch: $(cat left)"
    nothing_new
}
full 3m 'the visibilities' "$small"
cp -r s.model start.model; cp -r s.mask only.mask
full 4k '.*model' "$small --startmodel start.model"
full 4k '.*mask' "$small --mask only.mask"
full 3m 'residuals and models between cycles' "$global"

# a disk that others fill later does no harm: the space is reserved
run image $global --imagename quiet
expect_status 0
line="pclean image, the scratch disk runs full meanwhile"
export global
on_disk size=8m '"$PCLEAN" image $global --imagename filled --scratch disk >out 2>err & pid=$!
    for i in $(seq 200); do [ -e filled.psf.part ] && break; sleep 0.02; done
    dd if=/dev/zero of=disk/fill bs=4k 2>dd; wait $pid; status=$?; rm -f disk/fill; exit $status'
if ! no_disk "$line"; then
    expect_status 0
    grep -q 'No space left' dd || fail "the disk was not filled"
    for product in image residual model; do
        cmp quiet.$product/table.f0_TSM0 filled.$product/table.f0_TSM0 || fail "the $product differs"
    done
    [ ! -s left ] || fail "left in scratch: $(cat left)"
fi
rm -rf quiet.* filled.*

# ulimit: the sum of what the log says a process needs, and what it has already, is enough, and less is refused
mib() { sed -n "s/.*a process with all it reserves $1 (ulimit.*/\\1/p" err; }
limited() { # FLAG MIB
    line="ulimit -$1 $2 MiB; pclean image"
    (ulimit -"$1" $(($2 * 1024)); exec "$PCLEAN" image $cube --nworkers 2 --imagename u --overwrite --progress none) >out 2>err </dev/null
    status=$?
}
for flag in v d; do
    limited $flag 900
    expect_status 0; expect_err "memory: a process with all it reserves [0-9.]+ MiB of [0-9.]+ MiB \(ulimit -$flag\)"
    least=$(echo "$(mib '\([0-9.]*\) MiB of .*') $(mib '.* MiB of \([0-9.]*\) MiB')" | awk '{ print int(900 - $2 + $1) }')
    limited $flag $((least + 2 > 130 ? least + 2 : 130)) # casacore's process has the same limit, and needs about so much
    expect_status 0
    rm -rf u.*
    limited $flag $((least - 2))
    expect_failure "(one image plane|it|casacore's process) needs (about )?[0-9.]+ MiB.* there are [0-9.]+ MiB \(ulimit -$flag\)"
    [ -z "$(compgen -G 'u.*')" ] || fail "left behind: $(compgen -G 'u.*')"
done


# casacore's process has the same limits: less than the reading of the data needs is refused, not found out later
for limit in v:100 d:24; do
    limited ${limit%:*} ${limit#*:}
    expect_failure "casacore's process needs [0-9.]+ MiB to read the data and there are ${limit#*:}\\.0 MiB \\(ulimit -${limit%:*}\\); raise that limit"
    [ -z "$(compgen -G 'u.*')" ] || fail "left behind: $(compgen -G 'u.*')"
done

# Slurm's variables
line="pclean image in a Slurm job"
(export SLURM_MEM_PER_NODE=200 SLURM_CPUS_PER_TASK=1; exec "$PCLEAN" image $cube --imagename u --overwrite) >out 2>err </dev/null
status=$?
expect_status 0; expect_err ': 1 core,'; expect_err 'planned of 200\.0 MiB \(SLURM_MEM_PER_NODE\)'
(export SLURM_MEM_PER_CPU=20 SLURM_CPUS_ON_NODE=1; exec "$PCLEAN" image $cube --imsize 1024 --imagename v) >out 2>err </dev/null
status=$?
expect_failure 'one image plane needs .* there are 20\.0 MiB \(SLURM_MEM_PER_CPU x 1 cores\)'
[ -z "$(compgen -G 'v.*')" ] || fail "left behind: $(compgen -G 'v.*')"

# a cgroup, where this account may make one (root, v1 or v2)
group= file=
for hierarchy in /sys/fs/cgroup/memory /sys/fs/cgroup; do
    try=$hierarchy/pclean-test.$$
    [ -n "$group" ] || ! mkdir "$try" 2>/dev/null && continue
    for file in memory.limit_in_bytes memory.max; do [ -w "$try/$file" ] && group=$try && break; done
    [ -n "$group" ] || rmdir "$try"
done
grouped() { # MIB ARGUMENTS
    line="pclean image $2 in a cgroup of $1 MiB"
    echo $(($1 << 20)) >"$group/$file"
    (echo 0 >"$group/cgroup.procs" || exit 76; exec "$PCLEAN" image $2 --imagename u --overwrite --progress none) >out 2>err </dev/null
    status=$?
}
if [ -n "$group" ]; then
    grouped 120 "$cube --imsize 1024"
    [ "$status" = 76 ] && echo "cgroups: not tested, no process may be moved into one"
    if [ "$status" != 76 ]; then
        expect_status 0; expect_err "planned of [0-9.]+ MiB \($file of cgroup /pclean-test\.$$\)"
        rm -rf u.*
        grouped 60 "$cube --imsize 1024"
        expect_failure "one image plane needs [0-9.]+ MiB .* there are [0-9.]+ MiB \($file of cgroup /pclean-test\.$$\)"
        [ -z "$(compgen -G 'u.*')" ] || fail "left behind: $(compgen -G 'u.*')"
        for events in memory.events memory.oom_control; do
            [ ! -e "$group/$events" ] || grep -q 'oom_kill 0' "$group/$events" || fail "a process was killed: $(cat "$group/$events")"
        done
    fi
    rmdir "$group"
else
    echo "cgroups: not tested, this account may not make one"
fi
finish
