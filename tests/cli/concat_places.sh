# pclean concat where files cannot be made, moved or read: two file systems, full disks, read-only folders, links, lists of lists. The
# inputs stay what they were, an old image too, nothing unfinished is left, and the sentence names the file and says what to do.
. "$(dirname "$(realpath "$0")")/lib.bash"
run image --vis "$DATA/vla_ngc5921.ms" --imagename a --imsize 64 --cell 30arcsec --specmode cube --start 3 --nchan 6 --keep_subcubes --concat_mode paged --cube_chunksize 2
expect_status 0
mkdir in; mv a.subcube.?.image in; mv a.image whole.image; rm -rf a.*
inputs=$(state_of in)
parts="in/a.subcube.0.image in/a.subcube.1.image in/a.subcube.2.image"
untouched() { # ... and nothing but what is named is in the folder of the output
    [ "$inputs" = "$(state_of in)" ] || fail "the inputs were changed"
    [ -z "$(find in \( -name '*.part' -o -name '*.lock' \) ! -name table.lock)" ] || fail "left behind in the inputs' folder"
}
left_in() { [ "$(ls -A "$1" | tr '\n' ' ')" = "$2" ] || fail "$1 holds $(ls -A "$1" | tr '\n' ' ')"; }
same() { run verify "$1" --against whole.image --full; expect_status 0; }

# ---- two file systems
other=$(mktemp -d /dev/shm/pclean.XXXXXX 2>/dev/null) || other=
[ -n "$other" ] && trap 'rm -rf "$other"; chmod -R u+w "$work"; rm -rf "$work"' EXIT
if [ -n "$other" ] && [ "$(stat -c %d "$other")" != "$(stat -c %d .)" ]; then
    run concat "$other/m.image" $parts --mode movevirtual
    expect_failure 'in/a.subcube.0.image cannot be moved into .*m.image without copying it; allow that \(--allow-copy\), or use mode paged or virtual: .*cross-device'
    untouched; left_in "$other" ""
    cp -r whole.image "$other/m.image"; old=$(state_of "$other")
    run concat "$other/m.image" $parts --mode movevirtual --overwrite
    expect_failure '--allow-copy'
    untouched; [ "$old" = "$(state_of "$other")" ] || fail "the old image was touched"
    for mode in paged virtual copyvirtual; do
        run concat "$other/m.image" $parts --mode $mode --overwrite --progress none
        expect_status 0; untouched; same "$other/m.image"; left_in "$other" "m.image "
    done
    # the second of three inputs cannot be copied: the first is there still
    cp -r in movable; mkfifo movable/a.subcube.1.image/pipe
    run concat "$other/m.image" movable/* --mode movevirtual --allow-copy --overwrite
    expect_failure 'movable/a.subcube.1.image/pipe is neither a file nor a folder'
    same "$other/m.image"; left_in "$other" "m.image "; left_in movable "a.subcube.0.image a.subcube.1.image a.subcube.2.image "
    rm movable/*/pipe
    run concat "$other/m.image" movable/* --mode movevirtual --allow-copy --overwrite --progress none
    expect_status 0; expect_out 'movevirtual, 3 images'; left_in movable ""; left_in "$other" "m.image "
    same "$other/m.image"
    mv "$other/m.image" moved.image; same moved.image
else
    echo "two file systems: not tested, /dev/shm is not another one that can be written"
fi

# ---- a full disk: at each size, where pixels, masks, headers or lists no longer fit, the old image stays
need=$(du -sk in | cut -f1)
on_full() { # SIZE MODE FLAGS SUFFIX
    line="pclean concat --mode $2 $3 onto a disk of $1"
    rm -rf given; cp -r in given
    export mode="$2" flags="$3"
    on_disk size="$1" 'mkdir disk/x.image && echo "{\"DataType\": \"float\", \"Axis\": 3, \"Images\": [\"/old\"]}" >disk/x.image/imageconcat.json
        "$PCLEAN" concat disk/x.image given/* --mode $mode $flags --overwrite --progress none >out 2>err; status=$?
        ls -A disk >names; cat disk/x.image/imageconcat.json >old 2>&1; exit $status'
    no_disk "$line" && return
    expect_failure 'disk/x.image.*(no space|No space left)'
    [ "$(cat names)" = x.image ] && grep -q '"/old"' old || fail "on the disk: $(cat names old)"
    diff -r in given >/dev/null || fail "the inputs were changed"
}
for kib in 16 60 $((need / 3)) $((need * 2 / 3)) $((need - 40)); do
    on_full ${kib}k paged ""
    [ "$status" = 77 ] && break
    on_full ${kib}k copyvirtual ""
    on_full ${kib}k movevirtual --allow-copy
done
on_full 4k virtual ""

# ---- folders and files without rights; as somebody without privileges
if [ "$(id -u)" = 0 ]; then
    somebody="setpriv --reuid=65534 --regid=65534 --clear-groups"
    chmod 755 "$work"
    $somebody test -x "$PCLEAN" -a -r "$work/whole.image/table.dat" || somebody=no
else
    somebody=
fi
try() { # ARGUMENTS: pclean concat without privileges
    line="without privileges: pclean concat $*"
    $somebody "$PCLEAN" concat "$@" --progress none >out 2>err </dev/null
    status=$?
}
if [ "$somebody" != no ]; then
    mkdir -m 777 out.d
    chmod -R a-w,a+rX in
    for mode in paged virtual copyvirtual; do
        try out.d/$mode.image $parts --mode $mode
        expect_status 0; untouched; same out.d/$mode.image
    done
    try out.d/x.image $parts --mode movevirtual
    expect_failure 'cannot move in/a.subcube.0.image: Permission denied; use another mode'
    try out.d/x.image $parts --mode movevirtual --allow-copy
    expect_failure 'cannot move in/a.subcube.0.image: Permission denied'
    try out.d/y.image $parts --delete-subcubes
    expect_status 1; expect_err 'out.d/y.image is complete, but its input in/a.subcube.0.image could not be removed: Permission denied'; same out.d/y.image
    try in/x.image $parts
    expect_failure 'in/x.image cannot be made in its folder, choose another: .*Permission denied'
    try in/x.image $parts --mode virtual
    expect_failure 'Permission denied'
    untouched; left_in out.d "copyvirtual.image paged.image virtual.image y.image "
    chmod 0 in/a.subcube.1.image/table.f0_TSM0
    try out.d/x.image $parts
    expect_failure 'in/a.subcube.1.image/table.f0_TSM0: Permission denied'
    chmod 0 in/a.subcube.1.image
    try out.d/x.image $parts
    expect_failure 'in/a.subcube.1.image: cannot be read: Permission denied'
    chmod -R u+rwX in; chmod 644 in/a.subcube.1.image/table.f0_TSM0
    left_in out.d "copyvirtual.image paged.image virtual.image y.image "
else
    echo "read-only folders: not tested, somebody without privileges cannot reach $work"
fi
untouched

# ---- links: an image by way of one is read; moving it would leave the image itself sharing its files
ln -s in/a.subcube.0.image link.image
run concat l.image link.image --mode movevirtual
expect_usage 'link.image is a symbolic link and cannot be moved'
for mode in paged virtual copyvirtual; do
    run concat l.$mode.image link.image in/a.subcube.1.image --mode $mode --progress none
    expect_status 0; untouched
    run verify l.$mode.image --against in/a.subcube.0.image in/a.subcube.1.image --full; expect_status 0
done
# a pixel file elsewhere: copies hold it, a move is refused
cp -r in tied; mv tied/a.subcube.0.image/table.f0_TSM0 pixels; ln -s ../../pixels tied/a.subcube.0.image/table.f0_TSM0
run concat t.image tied/* --mode movevirtual
expect_failure 'a.subcube.0.image/table.f0_TSM0: it is a symbolic link'
left_in tied "a.subcube.0.image a.subcube.1.image a.subcube.2.image "; expect_missing t.image
run concat t.image tied/* --mode movevirtual --allow-copy --progress none
expect_status 0; mkdir -p far/away; mv t.image far/away; rm -f pixels; same far/away/t.image

# ---- an output that is an input by way of a list
cp -r in listed
run concat v.image listed/* --mode virtual --progress none; expect_status 0
run concat w.image v.image --mode virtual --progress none; expect_status 0; same w.image
for mode in paged virtual; do
    run concat listed/a.subcube.1.image w.image --mode $mode --overwrite
    expect_usage 'listed/a.subcube.1.image is the output and one of the inputs'
done
diff -r in listed >/dev/null || fail "an image of a list was changed"
same w.image

# ---- what a process that was killed while it removed inputs has left is in nobody's way
mkdir -p listed/a.subcube.0.image.removed.part/x
run concat d.image listed/* --overwrite; expect_failure 'this is not a CASA image'
run concat d.image listed/*.image --delete-subcubes --progress none; expect_status 0; same d.image; left_in listed ""
finish
