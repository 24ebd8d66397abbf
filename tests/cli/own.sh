# What a command reads is never what it replaces or removes, and what it did not make is kept: each way into that, by each command.
in_memory=yes
. "$(dirname "$(realpath "$0")")/lib.bash"
data=$DATA/lofar_tNDPPP-generic.MS
common="--imsize 32 --cell 5arcsec --niter 10 --nworkers 1 --threads 1 --specmode cube --nchan 3"
image="image --vis $data $common"

# refused COMMAND: wrong usage, and nothing in this folder has changed
everything() { find . -mindepth 1 ! -name out ! -name err ! -name state ! -name now -printf '%p %y %i %s %T@ %l\n' | sort; }
refused() { # PATTERN ARGUMENTS
    local pattern=$1
    everything >state
    run "${@:2}"
    case $status in 1 | 2) ;; *) fail "should be refused" ;; esac
    expect_no_out; expect_err "$pattern"
    everything >now
    cmp -s now state || fail "something was changed: $(diff state now | head -5)"
}

# ---- MeasurementSets under names of products
for name in d.image e.mask f.subcube.3.image g.psf.part h.subcube.0.model.part i.image.old.part j.v1.2.residual k.run.json l.lock; do
    base=${name%%.image*}; base=${base%%.mask}; base=${base%%.subcube*}; base=${base%%.psf*}; base=${base%%.residual}; base=${base%%.run*}; base=${base%%.lock}
    cp -r "$data" "$name"
    refused "$name is the output and one of the inputs" image --vis "$name" --imagename "$base" $common --overwrite
    refused "is the output and one of the inputs" image --vis "$PWD/$name/" --imagename "./$base" $common --restart
    rm -rf "$name"
done
cp -r "$data" d.image; mkdir in out.d; ln -s "$PWD/d.image" in/link.ms; ln -s .. in/up; ln -s in/up up2
refused 'in/link.ms is the output' image --vis in/link.ms --imagename d $common --overwrite
refused 'in/up/d.image is the output' image --vis in/up/d.image --imagename d $common
refused 'is the output' image --vis "in/../d.image//" --imagename "in/up/d" $common --overwrite
refused 'd.image is the output' image --vis "$data,d.image" --imagename "$PWD/in/../d" $common --overwrite
refused 'd.image is the output' image --vis d.image --imagename up2/d $common --overwrite
run plan --vis d.image --imagename d $common --overwrite --no-time
grep -q 'd.image is the output' out err || fail "plan does not see it"
refused 'would lie inside the input d.image' image --vis d.image --imagename d.image/x $common
refused 'would lie inside the input in/link.ms' image --vis in/link.ms --imagename d.image/ANTENNA/x $common
mkdir n.image; mv d.image n.image/
refused 'lies inside .*n.image, which imagename=n would replace' image --vis n.image/d.image --imagename n $common --overwrite
mv n.image/d.image .; rmdir n.image
# what an MS needs elsewhere: a parent table, a sub-table by a link
if python3 -c 'import casacore.tables' 2>/dev/null; then
    python3 -c "
import casacore.tables as t
t.taql('SELECT FROM d.image WHERE ANTENNA1 == 0 GIVING ref.ms')" >/dev/null
    refused 'd.image.*which ref.ms needs' image --vis ref.ms --imagename d $common --overwrite
    rm -rf ref.ms
fi
mv d.image m.ms; mv m.ms/ANTENNA s.pb; ln -s ../s.pb m.ms/ANTENNA
refused 's.pb|ANTENNA' image --vis m.ms --imagename s $common --overwrite
rm -rf m.ms s.pb in up2 out.d

# ---- images: masks, start models, by lists and links
run $image --imagename m --keep_subcubes --cube_chunksize 1; expect_status 0
refused 'm.mask is the output' $image --imagename m --mask m.mask --niter 0 --overwrite
refused 'm.mask is the output' $image --imagename m --mask m.mask --restart
refused 'm.subcube.1.mask' $image --imagename m --mask m.subcube.1.mask --overwrite
refused 'm.model is the output' $image --imagename m --startmodel m.model --overwrite
run concat list.model m.subcube.?.model --mode virtual --progress none; expect_status 0
run concat lists.model list.model --mode virtual --progress none; expect_status 0
for path in list.model lists.model "$PWD/lists.model/"; do
    refused 'm.subcube.[0-9].model is the output .*\(which .*list.*needs' $image --imagename m --startmodel "$path" --overwrite
done
echo '{"Version": 1, "DataType": "float", "Axis": 3, "Images": ["./loop.mask", "./m.subcube.2.mask"]}' >loop.json
mkdir loop.mask; mv loop.json loop.mask/imageconcat.json
refused 'm.subcube.2.mask' $image --imagename m --mask loop.mask --overwrite
ln -s m.mask l.mask
refused 'l.mask is the output' $image --imagename m --mask l.mask --overwrite
rm -rf l.mask loop.mask
printf '#CRTF\nbox[[4pix,4pix],[20pix,20pix]]\n' >r.mask
refused 'r.mask' $image --imagename r --mask r.mask --overwrite
run $image --imagename r2 --mask r.mask; expect_status 0; rm -rf r2.*

# --restart reads its own products: the mask outlives a run that makes none
run $image --imagename re --keep_subcubes --cube_chunksize 1; expect_status 0
before=$(state_of re.mask re.subcube.?.mask)
run $image --imagename re --restart --niter 0; expect_status 0
[ "$before" = "$(state_of re.mask re.subcube.?.mask)" ] || fail "the mask is lost"
rm -rf re.*

# ---- what is not ours stays
printf '[[package]]\n' >poetry.lock
refused 'poetry.lock is not a lock file of pclean' $image --imagename poetry
run concat poetry m.subcube.?.image; expect_failure 'poetry.lock is not a lock file'
expect_missing poetry; [ "$(cat poetry.lock)" = '[[package]]' ] || fail "the lock file was changed"
: >empty.lock; run $image --imagename empty; expect_status 0; expect_missing empty.lock; rm -rf empty.*
for name in a.image a.psf a.mask a.subcube.7.pb; do
    for kind in folder file table; do
        case $kind in folder) mkdir $name; echo notes >$name/notes ;; file) echo notes >$name ;; table) cp -r "$data" $name ;; esac
        refused "$name is not a CASA image and is not replaced" $image --imagename a --overwrite
        refused "products of a exist already" $image --imagename a
        rm -rf $name
    done
done
for name in a.image.part a.residual.part a.subcube.2.psf.part; do
    mkdir $name; echo notes >$name/notes
    refused "$name is in the way and was not left by a run" $image --imagename a --overwrite
    refused "$name is in the way" $image --imagename a
    rm -rf $name
done
mkdir a.image.old.part; echo notes >a.image.old.part/notes
refused 'a.image.old.part is in the way' $image --imagename a
rm -rf a.image.old.part; cp -r m.subcube.1.image a.image.old.part
refused 'a.image.old.part is in the way' $image --imagename a --overwrite
rm -rf a.image.old.part
for name in a.run.json a.run.json.aside; do
    echo '{"mine": 1}' >$name
    refused 'run.json' $image --imagename a
    refused "$name is not the record of a run" $image --imagename a --overwrite
    rm $name
done
mkdir z.image.part # an empty folder is nobody's loss
run $image --imagename z; expect_status 0; rm -rf z.*
# a record that is all that is left of an older run
run $image --imagename a; expect_status 0
rm -rf a.psf a.residual a.model a.image a.pb a.sumwt a.mask
refused 'exist already \(.run.json\)' $image --imagename a
run $image --imagename killed; expect_status 0; rm killed.run.json # as after a kill between the two
refused 'exist already \(.psf .*\) and are kept \(there is no .run.json: another program made them, or a run that was killed' $image --imagename killed
run $image --imagename killed --overwrite; expect_status 0; rm -rf killed.*
run $image --imagename a --overwrite; expect_status 0

# a product that is a link is replaced itself; what it leads to stays
mkdir far; mv a.image far/kept.image; ln -s far/kept.image a.image
before=$(state_of far)
run $image --imagename a --overwrite; expect_status 0
[ ! -L a.image ] && [ -e a.image/table.dat ] || fail "the link was not replaced"
[ "$before" = "$(state_of far)" ] || fail "what the link led to was touched"
mkdir far/notes; echo x >far/notes/x; rm -rf a.pb; ln -s far/notes a.pb
refused 'a.pb is not a CASA image' $image --imagename a --overwrite
rm a.pb

# ---- what a killed run has left goes at the next one
"$PCLEAN" image --vis "$data" --imagename k --imsize 512 --cell 5arcsec --niter 100000 --specmode cube --nworkers 1 >out 2>err &
pid=$!
for _ in $(seq 200); do [ -e k.sumwt.part ] && break; sleep 0.02; done
kill -KILL $pid; wait $pid 2>/dev/null
expect_there k.psf.part; expect_there k.lock
printf '{\n "pclean": "0.1' >k.run.json.tmp.99999999
echo mine >k.run.json.tmp.99999998
run $image --imagename k --niter 0; expect_status 0
[ "$(compgen -G 'k.*' | grep -E 'part|lock|tmp')" = k.run.json.tmp.99999998 ] || fail "not cleared up: $(compgen -G 'k.*' | tr '\n' ' ')"
# also that of a part, for the run of the whole
printf 'pclean is at work here, or was killed: the next run removes the following\nk.subcube.1.psf.part\n' >k.subcube.1.lock
mkdir k.subcube.1.psf.part; echo x >k.subcube.1.psf.part/x
run $image --imagename k --overwrite; expect_status 0; expect_missing k.subcube.1.lock; expect_missing k.subcube.1.psf.part
# but a note is no licence for what else has such a name
printf 'pclean is at work here, or was killed: the next run removes the following\nk2.psf.part\nfar\nm.image\nk2.image\n' >k2.lock
mkdir k2.psf.part; echo x >k2.psf.part/x
run $image --imagename k2; expect_status 0; expect_there far; expect_there m.image; expect_missing k2.lock

# ---- threads that the system does not give: nothing is left (root has no such limit)
if [ "$(id -u)" = 0 ] && setpriv --reuid=64999 --regid=64999 --clear-groups test -x "$PCLEAN" -a -r m.image/table.dat; then
    mkdir -m 777 few; chmod 755 "$work"
    for words in "concat few/o.image m.image" "image --vis $data --imagename few/a --imsize 32 --cell 5arcsec --nworkers 1 --threads 4"; do
        line="pclean $words, no threads"
        setpriv --reuid=64999 --regid=64999 --clear-groups bash -c "ulimit -u 1; exec $PCLEAN $words" >out 2>err; status=$?
        expect_failure 'threads can be started'
        [ -z "$(ls -A few)" ] || fail "left behind: $(ls -A few)"
    done
    # threads that only OpenMP does not get
    line="pclean concat, OMP_STACKSIZE"; OMP_STACKSIZE=100000G "$PCLEAN" concat few/o.image m.image >out 2>err; status=$?
    [ -z "$(ls -A few | grep part)" ] || fail "left behind: $(ls -A few)"
fi

# ---- concat
mkdir c.image; echo notes >c.image/notes
refused 'c.image is not a CASA image' concat c.image m.subcube.?.image --overwrite
rm -r c.image; mkdir c.image.concat.part; echo notes >c.image.concat.part/notes
refused 'c.image.concat.part is in the way' concat c.image m.subcube.?.image
rm -r c.image.concat.part; ln -s m.subcube.0.image c.image
refused 'is the output and one of the inputs' concat c.image c.image m.subcube.1.image --overwrite
rm c.image; mkdir c.image; mv m.subcube.0.image c.image/
refused 'lies inside' concat c.image c.image/m.subcube.0.image m.subcube.1.image --overwrite
mv c.image/m.subcube.0.image .; rmdir c.image
refused 'would lie inside the input' concat m.subcube.0.image/x.image m.subcube.?.image

# ---- adios2 (checked before the plug-in is looked for)
cp -r "$data" x.ms; ln -s x.ms y.ms; mkdir out.ms; cp -r x.ms out.ms/in.ms; touch out.ms/table.dat; ln -s out.ms/in.ms w.ms
refused 'must not be the input' adios2 convert y.ms x.ms --overwrite
refused 'must not be the input' adios2 convert y.ms y.ms/ --overwrite
refused 'inside the input' adios2 convert w.ms out.ms --overwrite
refused 'inside the input' adios2 restore "$PWD/w.ms/." out.ms --overwrite
refused 'inside the input' adios2 convert y.ms x.ms/FIELD/a.ms
refused 'inside the input' adios2 split y.ms x.ms/SOURCE/../parts
mkdir o.ms.part; echo notes >o.ms.part/notes
refused 'o.ms.part is in the way' adios2 convert x.ms o.ms
printf 'mine\n' >p.ms.lock
run adios2 convert x.ms p.ms; [ "$status" != 0 ] && [ "$(cat p.ms.lock)" = mine ] || fail "p.ms.lock was not kept"
mv x.ms q.ms.part
refused 'must not be the input' adios2 convert q.ms.part q.ms
refused 'm.psf is not a table' adios2 convert q.ms.part m.psf --overwrite
refused 'a.psf is a CASA image' adios2 convert q.ms.part a.psf --overwrite
cp -r q.ms.part/ANTENNA cal.tab
refused 'cal.tab is not of the kind' adios2 convert q.ms.part cal.tab --overwrite
mkdir other && cp -r q.ms.part other/o.ms
refused 'would lie inside the table other/o.ms' adios2 convert q.ms.part other/o.ms/ANTENNA --overwrite
rm -rf y.ms w.ms out.ms q.ms.part o.ms.part cal.tab other

# ---- partition --write
part="partition --vis $data $common --imagename cube --weighting natural"
run $part -n 3 --write parts; expect_status 0
refused 'parts/cube.subcube.[0-9].yaml exists already and is kept' $part -n 2 --write parts
run $part -n 2 --write parts --overwrite; expect_status 0; expect_missing parts/cube.subcube.2.yaml; expect_there parts/cube.subcube.1.yaml
printf 'niter: 3\n' >parts/cube.subcube.9.yaml
refused 'parts/cube.subcube.9.yaml is not the configuration of a part' $part -n 2 --write parts --overwrite
rm parts/cube.subcube.9.yaml
cp -r "$data" p.ms
refused 'would lie inside the input' partition --vis p.ms $common --imagename cube -n 2 --write p.ms/parts
mkdir dens; echo mine >dens/cube.density
refused 'cube.density is not a density' partition --vis $data $common --imagename cube --specmode mfs --nchan -1 --weighting uniform -n 2 --write dens --overwrite

# ---- plot
echo text >t.png
refused 't.png is not a PNG picture' plot m.image --output t.png
refused 'inside the input' plot m.image --output m.image/table.dat
refused 'inside the input' plot m.image --output m.image/new.png
run plot m.image --output u.png; expect_status 0
run plot m.image --output u.png; expect_status 0
echo text >u.png.part
run plot m.image --output u.png; expect_status 0; [ "$(cat u.png.part)" = text ] || fail 'another file was touched'; rm -f u.png
finish
