# Virtual images that list themselves, or others without end: an error wherever an image is opened, and nothing else.
. "$(dirname "$(realpath "$0")")/lib.bash"
shape=(--vis "$DATA/vla_ngc5921.ms" --imsize 16 --cell 30arcsec --specmode cube --start 3 --nchan 2 --niter 5 --progress none)
run image "${shape[@]}" --imagename a --keep_subcubes --cube_chunksize 1; expect_status 0

# NAME IMAGES...: a list of images beside it
list() {
    mkdir -p "$1"
    local names; names=$(printf ', "./%s"' "${@:2}")
    echo "{\"Version\":1,\"DataType\":\"float\",\"Axis\":3,\"TempClose\":true,\"Images\":[${names:2}]}" >"$1/imageconcat.json"
}
list self.image self.image
list ping.image pong.image; list pong.image ping.image
ln -s self.image link.image; list linked.image link.image linked.image
list bomb0.image a.subcube.0.model
for i in 1 2 3 4 5 6 7; do list bomb$i.image $(printf "bomb$((i - 1)).image %.0s" 1 2 3 4 5 6 7 8 9); done
list gone.image a.subcube.0.model absent.image
mkdir expr.image; echo '{"Version":1}' >expr.image/imageexpr.json; list odd.image expr.image
deep=a.model
for i in 0 1 2 3 4 5 6 7 8 9; do list deep$i.image $deep; deep=deep$i.image; done

while read -r image sentence; do
    run plot $image --output p.png; expect_failure "$sentence"; expect_missing p.png
    run image "${shape[@]}" --imagename m --mask $image; expect_failure "$sentence"
    run image "${shape[@]}" --imagename m --startmodel $image; expect_failure "$sentence"
    run verify $image; expect_failure "$sentence"
    run concat c.image $image; expect_failure "$sentence"
    [ -z "$(ls -d m.* c.* 2>/dev/null)" ] || fail "$(ls -d m.* c.*) should not be left"
done <<'END'
self.image self.image is listed twice
ping.image ping.image is listed twice
linked.image link.image is listed twice|link.image lists it
bomb7.image is listed twice
gone.image gone.image lists it: absent.image: no such image
odd.image expr.image is not a CASA image
deep9.image more than 8 deep
END

# what lists may do
list nest.model a.model
run plot nest.model --output p.png; expect_status 0
run image "${shape[@]}" --imagename m --startmodel nest.model; expect_status 0
run verify nest.model --allow-blank; expect_status 0
finish
