# Job files of the Python pclean and calls of tclean: read as they are, with one line for what is done otherwise, or one sentence
# for what is missing.
. "$(dirname "$(realpath "$0")")/lib.bash"
ms=$DATA/vla_ngc5921.ms

# Calls of tclean as mappings, with tuples, dictionaries and all: "ok" where only vis is wanting, else the sentence.
number=0
while IFS='|' read -r want call; do
    number=$((number + 1))
    [ -n "$want" ] || continue
    echo "{imagename: t, $call}" >call.yaml
    run plan call.yaml --no-time
    line="call $number: $call"
    case $want in
    ok) [ "$(grep -vc '^See:' err)" = 1 ] || fail "one error: no vis"; expect_err 'vis is not given|absent\.ms' ;;
    *) expect_usage "$want" ;;
    esac
done <<'END'
ok|selectdata: true, field: '0', spw: '0:5~20', antenna: '', scan: '', observation: '', intent: '', datacolumn: corrected
ok|selectdata: false, antenna: '0&1', timerange: '<11:00:00', uvrange: '>1klambda', scan: '1', observation: 0, intent: '*'
ok|vis: [absent.ms, absent.ms], spw: ['0', '0:1~5'], field: ['0', '0'], scan: [null, '3']
ok|vis: !!python/tuple [absent.ms], antenna: ['0,1,2,3&'], scan: ['7,9,11']
scan=1,2: one text, or a list of as many|vis: absent.ms, scan: ['1', '2']
ok|datacolumn: data
ok|datacolumn: observed
ok|datacolumn: model
datacolumn=residual: choose one of corrected, data, model|datacolumn: residual
ok|imsize: 100, cell: 8.0arcsec
ok|imsize: [100, 80], cell: [8.0arcsec]
ok|imsize: "[100, 80]", cell: "['8.0arcsec', '4.0arcsec']"
ok|imsize: "array([100, 80])", cell: "array(['8.0arcsec', '4.0arcsec'])"
ok|imsize: [100], cell: []
ok|imsize: [100.0, 80.0], cell: 8
ok|cell: [8, 4.5]
ok|cell: ''
ok|cell: {value: 8.0, unit: arcsec}
imsize: give one value, or two|imsize: [100, 80, 1]
imsize=12.5: a whole number|imsize: 12.5
ok|phasecenter: 0
ok|phasecenter: '0'
ok|phasecenter: J2000 19:59:28.500 +40.44.01.50
ok|phasecenter: ICRS 09:47:57.4981 +013.16.44.121
ok|phasecenter: {m0: {unit: rad, value: -1.05}, m1: {unit: rad, value: 0.71}, refer: J2000, type: direction}
phasecenter=TRACKFIELD is not available|phasecenter: TRACKFIELD
phasecenter=J2000 19:59:28.500|phasecenter: J2000 19:59:28.500
ok|stokes: I
ok|stokes: IQUV
ok|stokes: pseudoI
ok|stokes: RRLL
ok|stokes: XXYY
ok|stokes: UV
stokes=RRLLRL: choose one of|stokes: RRLLRL
projection=TAN is not available|projection: TAN
ok|specmode: mfs, start: 5, width: 1MHz, nchan: 3, reffreq: 1.5GHz, nterms: 2, scales: [0, 5]
ok|specmode: cont
ok|specmode: cube, nchan: 10, start: 4, width: 2
ok|specmode: cube, nchan: 10, start: '4', width: '2'
ok|specmode: cube, start: 1.2GHz, width: 50MHz, outframe: TOPO
ok|specmode: cube, start: 8.63699e+10Hz, width: 30515.9Hz
ok|specmode: cube, start: -107920.698km/s, width: '', restfreq: [1.25GHz], veltype: radio, outframe: LSRK
ok|specmode: cube, start: 1e5km/s, veltype: optical, restfreq: 1.25GHz
ok|specmode: cube, start: {value: 1.2, unit: GHz}, width: {value: 50, unit: MHz}
ok|specmode: cube, start: {m0: {value: 1.2, unit: GHz}, refer: LSRK, type: frequency}
ok|specmode: cube, start: {m0: {value: 10, unit: km/s}, refer: RADIO, type: doppler}, restfreq: 1.25GHz
start=BARY 1.2GHz: the frame is not outframe=LSRK|specmode: cube, start: {m0: {value: 1.2, unit: GHz}, refer: BARY, type: frequency}
ok|specmode: cubedata, outframe: ''
specmode=cubesource is not available|specmode: cubesource
specmode=mvc is not available|specmode: mvc
outframe=SOURCE is not available|specmode: cube, outframe: SOURCE
ok|specmode: cube, restfreq: 1420405752.0
ok|specmode: cube, restfreq: [1.25GHz, 1.3GHz]
ok|specmode: cube, restfreq: {value: 1.25, unit: GHz}
restfreq=1.25: a frequency with its unit|specmode: cube, restfreq: 1.25
start=1.5: a data channel number|specmode: cube, start: 1.5
width=1.5MHz,2MHz|specmode: cube, width: '1.5MHz,2MHz'
interpolation=cubic is not available|specmode: cube, nchan: 5, interpolation: cubic
ok|specmode: mfs, interpolation: cubic
ok|gridder: standard, facets: 1, wprojplanes: 1, vptable: '', mosweight: true, aterm: true, psterm: false, wbawp: true
ok|gridder: gridft, conjbeams: false, cfcache: '', usepointing: false, computepastep: 360.0, rotatepastep: 360.0
ok|gridder: ft, pointingoffsetsigdev: [], pblimit: 0.2, normtype: flatnoise, psfphasecenter: ''
ok|gridder: wproject, wprojplanes: -1
ok|gridder: wprojectft, wprojplanes: 16
ok|gridder: widefield, wprojplanes: 4
ok|gridder: standard, mosweight: false, usepointing: true, conjbeams: true, normtype: pbsquare
facets=2 is not available|gridder: widefield, facets: 2
gridder=mosaic is not available|gridder: mosaic
gridder=awproject, conjbeams=true are not available|gridder: awproject, conjbeams: true
vptable=a.tab is not available|vptable: a.tab
outlierfile=a.txt is not available|outlierfile: a.txt
ok|deconvolver: mem, niter: 0
deconvolver=mtmfs, nterms=3 are not available|deconvolver: mtmfs, niter: 0, nterms: 3
ok|restoringbeam: '', restoration: true, pbcor: true
ok|restoringbeam: ['5arcsec', '4arcsec', '30deg']
ok|restoringbeam: {major: {unit: arcsec, value: 5}, minor: {unit: arcsec, value: 4}, positionangle: {unit: deg, value: 30}}
ok|weighting: natural, robust: 0.5, noise: 1.0Jy, npixels: 0, uvtaper: ['']
ok|weighting: briggs, robust: '-0.5', uvtaper: [5klambda, 3klambda, 45deg]
ok|weighting: uniform, uvtaper: []
robust=3: from -2 to 2|weighting: briggs, robust: 3
ok|niter: 100, gain: 0.1, threshold: 0.1mJy, nsigma: 0.0, cycleniter: -1, cyclefactor: 1.0, minpsffraction: 0.05, nmajor: -1
ok|niter: '100', threshold: 0.001, interactive: 0, fullsummary: false, gain: '0.1'
ok|niter: 1e3, threshold: '0.0', interactive: false
ok|niter: 10_000, threshold: {value: 2.0, unit: mJy}, interactive: ''
threshold=1GHz|niter: 10, threshold: 1GHz
interactive=true is not available|niter: 10, interactive: true
ok|interactive: true
ok|usemask: user, mask: ''
ok|usemask: user, niter: 10, mask: 'circle[[40pix,40pix],10pix]'
ok|usemask: user, niter: 10, mask: ['circle[[40pix,40pix],10pix]', 'box[[1pix,1pix],[9pix,9pix]]']
ok|usemask: user, niter: 10, mask: [['circle[[40pix,40pix],10pix]'], ['a.mask']]
ok|usemask: pb, niter: 10, pbmask: 0.2, mask: []
pbmask=0: usemask=pb needs a pbmask above 0|usemask: pb, niter: 10
ok|restart: true, savemodel: none, calcres: true, calcpsf: true, psfcutoff: 0.35, parallel: false
ok|restart: yes, parallel: on
savemodel=modelcolumn is not available|savemodel: modelcolumn
savemodel=virtual, calcres=false, calcpsf=false are not available|savemodel: virtual, calcres: false, calcpsf: false
ok|field: None, spw: None, niter: None, restfreq: null, cell: null, mask: None, outlierfile: None, nterms: None
there is no parameter "nitter"; did you mean niter|nitter: 5
of dictionaries only quantities|niter: {a: 5}
END
[ "$number" -gt 95 ] || fail "the table was read"

# A job file with all groups of the Python pclean. What it says of Dask and Slurm is said to be done otherwise.
cat >job.yaml <<END
selection:
  vis:
    - $ms
  field: ''
  spw: ['0:20~29']
  antenna: ['0,1,2,3,4,5,6,7,8,9,10,11&']
  scan: ['2,4,6']
  intent: ''
  datacolumn: data
image:
  imagename: job
  imsize: [64, 64]
  cell: '15arcsec'
  phasecenter: 'J2000 15:22:00.1 +05.04.00.0'
  stokes: I
  specmode: cube
  reffreq: ''
  nchan: 3
  start: '1.41325e+09Hz'
  width: '48828.1Hz'
  outframe: LSRK
  restfreq: []
  perchanweightdensity: true
  nterms: 2
grid: {gridder: standard, mosweight: false, usepointing: false, pblimit: 0.2, pointingoffsetsigdev: []}
weight: {weighting: briggs, robust: 0.5, npixels: 0, uvtaper: [], fracbw: null}
deconvolution: {deconvolver: hogbom, scales: [], restoration: false, usemask: auto-multithresh, growiterations: 50, python_automask: false}
iteration: {niter: 0, threshold: '30mJy', interactive: false}
normalization: {pblimit: 0.2, normtype: flatnoise, psfcutoff: 0.35}
misc: {restart: true, savemodel: none}
cluster:
  parallel: true
  nworkers: 2
  cube_chunksize: -1
  concat_mode: paged
  type: slurm
  scheduler_address: null
  slurm:
    queue: batch
    job_mem: 20GB
    walltime: '14-00:00:00'
    job_extra_directives: ['--exclusive', '--reservation=x']
    python: /usr/bin/python
    local_directory: /tmp
  submit:
    workdir: /tmp
    psrecord: true
END
run image job.yaml
expect_status 0
for ext in psf residual pb sumwt run.json; do expect_there "job.$ext"; done
expect_missing job.image
for words in 'parallel=true: without effect .*no Dask here' 'type=slurm, slurm_queue=batch, .*slurm_local_directory=/tmp.*psrecord=true: without effect .*no Slurm jobs' \
    'python_automask=false: without effect'; do
    [ "$(grep -Ec "$words" err)" = 1 ] || fail "one line: $words"
done
sed -i 's/^  slurm:/slurm:/; s/^  submit:/submit:/; s/^    \([a-z_]*:\)/  \1/' job.yaml # also at the top level
run plan job.yaml --no-time
expect_status 0

# nothing of selectdata=false is selected
run plan --vis "$ms" --imagename s --selectdata false --scan 3 --antenna '1&2' --no-time
expect_status 0; expect_out 'vla_ngc5921.ms +0 +11934 '
run plan --vis "$ms" --imagename s --scan 3 --no-time
expect_status 0; expect_out 'vla_ngc5921.ms +0 +[0-9]{1,4} '

# the Python pclean's own command line
run --vis "$ms" --imagename line --imsize 64 48 --cell 15arcsec --no-restoration --parallel --no-psrecord --cluster-type slurm \
    --slurm-queue q --threads-per-worker 2 --log-level DEBUG --uvtaper 5klambda 3klambda 45deg --dump-config
expect_status 0; expect_out '^  imsize: \[64, 48\]'; expect_out '^  restoration: false'; expect_out '^  verbose: true'
expect_out "^  uvtaper: \['?5klambda'?, '?3klambda'?, '?45deg'?\]"
run --pconfig job.yaml --vis a.ms b.ms --python-automask --no-python-automask --dump-config
expect_status 0; expect_out '^  vis: \[a.ms, b.ms\]'; expect_out '^  nchan: 3'
run image --imsize 64 64 job.yaml --dump-config # a file remains one
expect_status 0; expect_out '^  imsize: \[64, 64\]'; expect_out '^  nchan: 3'
run image --imsize 64 64 64 --vis a.ms --imagename b
expect_usage 'imsize: give one value, or two for x and y; there are 3'
run image job.yaml --pconfig other.yaml
expect_usage 'one configuration file at a time'
run image job.yaml --keep_subcubes off --restart on --dump-config
expect_status 0; expect_out '^  keep_subcubes: false'; expect_out '^  restart: true'
run submit job.yaml --dry-run
expect_usage 'no jobs are sent to Slurm by this version: run pclean image'
run --frobnicate
expect_usage 'there is no parameter "frobnicate"'

# a preset by the Python pclean's name says what it lacks
run image --preset vlass --vis a.ms --imagename b
expect_usage 'deconvolver=mtmfs.* not available'
finish
