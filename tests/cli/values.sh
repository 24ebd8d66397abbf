# How flags, files and presets give values: forms, order, and that a dumped configuration reads back the same.
. "$(dirname "$(realpath "$0")")/lib.bash"

dump() { run image "$@" --dump-config; expect_status 0; expect_no_err; }

dump --imsize 512,256
expect_out '^  imsize: \[512, 256\]'
dump --imsize=512
expect_out '^  imsize: \[512, 512\]'
dump --imsize '[512, 256]'
expect_out '^  imsize: \[512, 256\]'
dump --nchan -1 --robust -0.5 --pblimit -0.1
expect_out '^  nchan: -1'; expect_out '^  robust: -0.5'; expect_out '^  pblimit: -0.1'
dump --nchan=-1 --robust=-2
expect_out '^  robust: -2'
dump --start -300km/s --width -2
expect_out '^  start: .*-300km/s'; expect_out "^  width: .*-2"
dump --overwrite
expect_out '^  overwrite: true'
dump --overwrite --niter 7
expect_out '^  overwrite: true'; expect_out '^  niter: 7'
dump --overwrite true --restoration false
expect_out '^  overwrite: true'; expect_out '^  restoration: false'
dump --restoration=False
expect_out '^  restoration: false'
dump --vis a.ms --vis b.ms
expect_out '^  vis: \[a.ms, b.ms\]'
dump --vis a.ms,b.ms
expect_out '^  vis: \[a.ms, b.ms\]'
dump --niter 5 --niter 6
expect_out '^  niter: 6'
dump --field ''
expect_out "^  field: ''"
dump --spw '0:10~20;30~40'
expect_out '0:10~20;30~40'

# lists and values as Python and CASA write them
dump --imsize '(64, 64)' --cell "['0.5arcsec', '1arcsec']" --niter '[100]' --robust "'-0.5'" --pbcor '[True]' --restoration False
expect_out '^  imsize: \[64, 64\]'; expect_out '^  cell: \[0.5arcsec, 1arcsec\]'; expect_out '^  niter: 100'
expect_out '^  robust: -0.5'; expect_out '^  pbcor: true'; expect_out '^  restoration: false'
dump --imsize '[64,]' --spw "['0','0']" --restfreq "['1.25GHz']" --scan "('7,11', '8,12')" --uvtaper "['']" --cell '[]' --restart True
expect_out '^  imsize: \[64, 64\]'; expect_out "^  spw: \['0', '0'\]"; expect_out "^  restfreq: \['1.25GHz'\]"
expect_out "^  scan: \['7,11', '8,12'\]"; expect_out '^  uvtaper: \[\]'; expect_out '^  cell: \[1arcsec, 1arcsec\]'; expect_out '^  restart: true'
dump --taql '(ANTENNA1 == 1)' --mask "['circle[[9pix,9pix],3pix]']" --outframe '' --datacolumn observed --spw '0:0~60^2'
expect_out "^  taql: '\(ANTENNA1 == 1\)'"; expect_out "^  mask: circle\[\[9pix,9pix\],3pix\]"; expect_out '^  outframe: LSRK'
expect_out '^  datacolumn: data'; expect_out "^  spw: '?0:0~60\^2"
run image --imsize '[64, 64' --dump-config
expect_usage 'imsize'
run image --niter '[1, 2]' --dump-config
expect_usage 'niter takes one value'

# a selection for each MeasurementSet, read as such
run plan --vis "$DATA/vla_ngc5921.ms" --vis "$DATA/vla_ngc5921.ms" --imagename b --antenna "['1&2', '']" --field "('0', '0')" --imsize 64 --cell 15arcsec --no-time
expect_status 0; expect_out 'vla_ngc5921.ms +0 +34 '; expect_out 'vla_ngc5921.ms +0 +11934 '
run plan --vis "$DATA/vla_ngc5921.ms" --imagename b --scan "['1', '2,3']" --no-time
expect_usage 'scan=1,2,3: one text, or a list of as many'

# paths with commas and brackets: in lists, in marks, and where they exist
dump --vis "['a,b.ms', 'c.ms']" --vis "'d,e.ms'"
expect_out "^  vis: \['a,b.ms', c.ms, 'd,e.ms'\]"
mkdir 'a,b.ms' '[m], n' 'x,y,z'
dump --vis 'a,b.ms' --vis 'q.ms,x,y,z,r.ms' --mask '[m], n' --startmodel 'x,y,z'
expect_out "^  vis: \['a,b.ms', q.ms, 'x,y,z', r.ms\]"; expect_out "^  startmodel: \['x,y,z'\]"
cp out commas.yaml
(mkdir elsewhere && cd elsewhere && "$PCLEAN" image ../commas.yaml --dump-config) >again 2>/dev/null
cmp -s commas.yaml again || fail "paths with commas do not read back the same"
rmdir 'a,b.ms' '[m], n' 'x,y,z' elsewhere

# tclean's values: what has no effect on the run is accepted, the rest is named at once
dump --pbcor --restoration false --restoringbeam common --reffreq 1.5GHz --nterms 3 --scales '[0,5,15]' --mosweight False \
    --usepointing False --usemask auto-multithresh --sidelobethreshold 2.0 --minbeamfrac 0.1 --deconvolver multiscale --interactive
run image --vis a.ms --imagename b --niter 100 --gridder mosaic --deconvolver mtmfs --nterms 3 --usemask auto-multithresh --sidelobethreshold 2.5 \
    --savemodel modelcolumn --calcpsf False --restoringbeam common --conjbeams True --specmode mvc --start 5
expect_usage 'are not available in this version of pclean'
for word in gridder=mosaic deconvolver=mtmfs nterms=3 savemodel calcpsf conjbeams specmode=mvc; do expect_err "$word"; done
for command in image plan partition; do
    run $command --vis a.ms --imagename b --savemodel virtual --facets 3 --gain 7 --robust much --nitter 5
    expect_usage 'savemodel=virtual, facets=3 are not available'
    expect_err 'gain=7'; expect_err 'robust=much'; expect_err 'did you mean niter'
done
printf 'image: {specmode: cube}\ngrid: {gridder: mosaic}\niteration: {niter: 9}\ndeconvolution: {deconvolver: asp, largestscale: 4}\n' >mosaic.yaml
run image mosaic.yaml --dump-config
expect_usage 'gridder=mosaic, deconvolver=asp, largestscale=4 are not'
dump mosaic.yaml --gridder standard --niter 0
rm mosaic.yaml

# defaults < preset < file < flags, wherever they stand
cat >a.yaml <<END
iteration:
  niter: 11
weight:
  weighting: briggs
  robust: 1
END
cat >p.yaml <<END
# a preset of one's own
iteration:
  niter: 22
  gain: 0.2
END
dump a.yaml
expect_out '^  niter: 11'
dump --robust 0 a.yaml --preset p.yaml
expect_out '^  niter: 11'; expect_out '^  robust: 0$'; expect_out '^  gain: 0\.2'
dump --preset p.yaml
expect_out '^  niter: 22'
dump --overwrite a.yaml
expect_out '^  overwrite: true'; expect_out '^  niter: 11'

# every preset, and a dump of everything, reads back the same
"$PCLEAN" image --list-presets >presets || fail "list-presets"
[ -s presets ] || fail "there are presets"
while read -r name _; do
    if ! "$PCLEAN" image --preset "$name" --dump-config >/dev/null 2>err; then # it says what is missing
        line="image --preset $name"; status=2; expect_err '(is|are) not available in this version of pclean'
        continue
    fi
    dump --preset "$name" --vis 'a b.ms' --imagename "it's: #1" --mask 'circle[[100pix,100pix],20pix]' --phasecenter 'J2000 12h56m44 -21d41m05'
    cp out first.yaml
    dump first.yaml
    cmp -s out first.yaml || fail "preset $name: the dump does not read back the same"
done <presets
dump
cp out first.yaml
dump first.yaml
cmp -s out first.yaml || fail "the dump does not read back the same"

# the demonstration's file is a good one
run image "$SOURCE/share/demo.yaml" --dump-config
expect_status 0; expect_out '^  specmode: cube'

run image --nitter 5
expect_usage 'did you mean niter'
run image --niter
expect_usage '--niter needs a value'
run image --niter --gain 0.1
expect_usage '--niter needs a value'
run image --niter many
expect_usage 'niter.*many'
run image --weighting brigs
expect_usage 'weighting'
run image --cell 3GHz
expect_usage 'cell'
run image --overwrite=perhaps
expect_usage 'overwrite'
run image -niter 5
expect_usage 'two dashes'
run image --cell 1arcsec 2arcsec
expect_usage 'unexpected "2arcsec".*commas'
run image a.yaml p.yaml
expect_usage 'one configuration file'
run image --dump-cofig
expect_usage 'did you mean --dump-config'
run image --dump-config=yes
expect_usage 'takes no value'
run image --preset nowhere
expect_usage 'nowhere'
run image --preset
expect_usage 'needs a name'
run image nowhere.yaml
expect_usage 'nowhere\.yaml'
printf 'iteration:\n  nitter: 5\n' >bad.yaml
run image bad.yaml
expect_usage 'bad\.yaml:2.*did you mean niter'
printf 'iteration: [\n' >bad.yaml
run image bad.yaml
expect_usage 'bad\.yaml:'

# all that is missing or wrong at once
run image
expect_usage 'vis'; expect_err 'imagename'
run image --vis a.ms --imagename b --imsize 0 --gain 7 --specmode cube
expect_usage 'imsize'; expect_err 'gain'
run image --vis a.ms --imagename b --robust much --gain little --weighting uniforn
expect_usage 'robust=much'; expect_err 'gain=little'; expect_err 'uniforn'
finish
