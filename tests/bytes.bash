# bytes.bash: runs whose pixels and records must not change unnoticed. Sourced by tests/cli/bytes.sh, which compares
# one pclean with tests/golden/bytes.tsv, and by bench/bytes, which compares two.

# The set of instructions that pclean and FFTW choose their kernels by: it is part of the bits.
bytes_set() {
    local flags
    flags=" $(grep -m1 '^flags' /proc/cpuinfo) "
    case $flags in
    *" avx2 "*) [[ $flags == *" fma "* ]] && echo avx2+fma || echo avx2 ;;
    *) echo other ;;
    esac
}

# A run record without times, memory and places.
bytes_record() {
    python3 - "$1" <<'PY'
import hashlib, json, sys
record = json.load(open(sys.argv[1]))
kept = {k: record[k] for k in ("ms", "cube", "stopcode", "stop", "planes", "samples", "warnings")}
for plane in kept["planes"]:
    for key in ("seconds", "noise_only", "retries"):
        plane.pop(key, None)
print(hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16])
PY
}

# PREFIX...: a line "run product checksum" for each product with one of these names, of pixels, masks and lists of images.
bytes_list() { # RUN NAME
    local product files
    for product in "$2".*; do
        case $product in
        *.run.json) echo "$1 ${product#"$2"} $(bytes_record "$product")" ;;
        *.yaml | *.density) ;;
        *)
            files=$(cd "$product" && find . -name '*_TSM*' -o -name imageconcat.json | sort)
            echo "$1 ${product#"$2"} $(cd "$product" && cat $files | sha256sum | cut -c1-16)"
            ;;
        esac
    done
}

# PCLEAN DATA: makes the runs in the current folder and lists them. DATA holds the MeasurementSets of tests/data.
bytes_runs() {
    local pclean=$1 failed=0 line sky
    ln -sfn "$2" data
    image() { # RUN ARGUMENTS...
        local run=$1
        shift
        "$pclean" image --imagename "$run" "$@" >"$run".log 2>&1 || { echo "$run failed: $(tail -n 1 "$run".log)"; failed=1; }
    }
    line="--vis data/vla_ngc5921.ms --specmode cube --imsize 96 --cell 15arcsec --start 10 --nchan 5 --niter 40 --threshold 4mJy"
    sky="--vis data/vla_posa_74mhz.ms --imsize 160 --cell 25arcsec --niter 30"
    image cube $line --nworkers 1 --threads 1
    image workers $line --nworkers 3 --threads 2
    image briggs $line --weighting briggs --robust 0.5 --nworkers 2
    image common $line --weighting briggs --perchanweightdensity false --nworkers 2
    image global $line --cyclecontrol global --nworkers 2
    image keep $line --keep_subcubes true --nworkers 2
    image list $line --concat_mode movevirtual --cube_chunksize 2 --nworkers 1
    image scratch $line --scratch . --nworkers 2
    image mask $line --mask 'circle[[48pix,48pix],12pix]' --pbcor true --nworkers 1
    image restart $line --niter 10 --nworkers 1
    image restart $line --niter 30 --restart true --nworkers 2
    image start $line --startmodel cube.model --niter 5 --nworkers 1
    image mfs $sky --weighting briggs --threads 2
    image wide $sky --gridder wproject --weighting uniform --uvtaper 60arcsec --threads 2
    image stokes --vis data/vla_3c273_xband.ms --imsize 96 --cell 0.6arcsec --stokes IQUV --niter 30
    image windows --vis data/alma_hd142527_b9_3spw.ms --imsize 128 --cell 0.03arcsec --niter 30 --nsigma 3 --restoringbeam 0.5arcsec
    image drift --vis data/sim_alma_topo.ms --specmode cube --imsize 80 --cell 0.5arcsec --nchan 6 --start 8 --width 1 --niter 20
    image nearest --vis data/hera_zen_2458101.ms --specmode cubedata --imsize 48 --cell 0.5deg --nchan 4 --interpolation nearest --niter 10
    image hilo --vis data/eht_m87_2017_101_hilo.ms --imsize 64 --cell 4e-6arcsec --niter 20 --usemask pb --pbmask 0.2
    "$pclean" partition $line --weighting briggs --imagename parts -n 3 --write . >parts.log 2>&1 || failed=1
    for p in parts.subcube.?.yaml; do "$pclean" image "$p" >>parts.log 2>&1 || failed=1; done
    "$pclean" concat --subcubes parts >>parts.log 2>&1 || failed=1
    "$pclean" partition $sky --niter 0 --weighting uniform --imagename rows -n 2 --write . >rows.log 2>&1 || failed=1
    for p in rows.part.?.yaml; do "$pclean" image "$p" >>rows.log 2>&1 || failed=1; done
    if "$pclean" adios2 check >/dev/null 2>&1; then
        "$pclean" adios2 convert data/sim_alma_topo.ms adios2.ms >adios2.log 2>&1 || failed=1
        image adios2 --vis adios2.ms --specmode cube --imsize 80 --cell 0.5arcsec --nchan 6 --start 8 --width 1 --niter 20
        rm -rf adios2.ms
    fi
    rm -f ./*.log data
    local run
    for run in cube workers briggs common global keep list scratch mask restart start mfs wide stokes windows drift nearest hilo parts rows adios2; do
        compgen -G "$run.*" >/dev/null && bytes_list "$run" "$run"
    done
    return $failed
}
