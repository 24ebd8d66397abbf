# Rows of one MS with different correlations: a plane is made of the rows that can give it, the others are counted. Each image is
# held, byte for byte, against one of the same rows without the others.
in_memory=yes
. "$(dirname "$(realpath "$0")")/lib.bash"
MSEDIT=$(realpath "$MSEDIT")
small="--imsize 48 --cell 0.8arcsec"

made() { # NAME MS WORDS: NAME is a copy of MS in which all weights are alike and the words are done
    cp -r "$DATA/$2" "$1" && chmod -R u+w "$1" || exit 1
    "$MSEDIT" "$1" weight 2 && { [ $# = 2 ] || "$MSEDIT" "$1" "${@:3}"; } || { echo "msedit ${*:3}: failed"; exit 1; }
}
image() { # NAME MS ARGUMENTS
    rm -rf "$1".*
    run image --vis "$2" --imagename "$1" --threads 1 --nworkers 1 $small "${@:3}"
    expect_status 0
}
pixels() { cat "$1".{image,psf,residual,sumwt}/table.f*_TSM0 | sha256sum; }
same() { # MS PLAIN-MS STOKES PLAIN-ARGUMENTS...
    for more in "--weighting natural" "--weighting briggs --niter 10"; do
        image plain "$2" --stokes "$3" $more "${@:4}"
        image mixed "$1" --stokes "$3" $more
        [ "$(pixels plain)" = "$(pixels mixed)" ] || fail "stokes $3 of $1 is not that of the rows that give it ($more)"
    done
}

vla=vla_3c273_xband.ms
made all.ms $vla                  # RR RL LR LL
made two.ms $vla keep 3 0 1 2 3   # the same in two data descriptions
made split.ms $vla split          # one correlation a row
made some.ms $vla keep 3 0 3      # every third row has RR LL only
made feeds.ms $vla linear 3       # every third row has XX XY YX YY
made lines.ms $vla linear 1      # all are linear

# one correlation each
same split.ms all.ms RR --taql 'ROWID()%4==0'
expect_err 'WARNING: stokes RR: 5751 of 7669 rows cannot give it and are left out \(they hold RL; LR; LL\)'
grep -A4 '"plane": "RR"' mixed.run.json | tr -d ' \n' | grep -q '"rows":1918,"rows_left_out":5751,"left_out_hold":"RL;LR;LL"' || fail "the record does not say what was left out"
grep -q 'stokes RR: 5751' mixed.run.json || fail "the record lacks the warning"
same split.ms all.ms LL --taql 'ROWID()%4==3'
image mixed split.ms --stokes RRLL
expect_err 'stokes RR: 5751 of'; expect_err 'stokes LL: 5752 of'
image mixed split.ms --stokes pseudoI
expect_err 'stokes pseudoI: 3834 of 7669 rows cannot give it .*they hold RL; LR'
refused() { # MS STOKES ERROR
    rm -rf mixed.*
    run image --vis "$1" --imagename mixed $small --stokes "$2"
    expect_failure "$1: stokes $3"
    expect_missing mixed.psf
}
refused split.ms I 'I cannot be made from the correlations in the data \(RR; RL; LR; LL\): .*both hands in one row.*pseudoI'
refused split.ms IQUV 'I cannot be made'
refused split.ms Q 'Q cannot be made from the correlations in the data \(RR; RL; LR; LL\)'
refused some.ms XX 'XX cannot be made from the correlations in the data \(RR RL LR LL; RR LL\)'

# two and four correlations
for stokes in I IV RRLL; do same some.ms two.ms $stokes; done
grep -q 'WARNING' err && fail "there is nothing to warn of"
same some.ms all.ms QU --taql 'ROWID()%3!=0'
image mixed some.ms --stokes IQUV --niter 20
for p in Q U; do expect_err "stokes $p: 2557 of 7669 rows cannot give it and are left out \(they hold RR LL\)"; done
[ "$(grep -c 'left out (they' err)" = 2 ] || fail "I and V lack nothing"
cp -r mixed.image one.image
image mixed some.ms --stokes IQUV --niter 20 --threads 2 --nworkers 2
cmp -s one.image/table.f0_TSM0 mixed.image/table.f0_TSM0 || fail "two workers make another image"

# linear and circular
for stokes in I pseudoI; do same feeds.ms two.ms $stokes; done
same feeds.ms lines.ms XX --taql 'ROWID()%3==0'
same feeds.ms all.ms RL --taql 'ROWID()%3!=0'
image mixed feeds.ms --stokes IQUV
grep -q 'WARNING' err && fail "every row gives every plane"
same all.ms,lines.ms all.ms RR

# windows that give no plane do not count for the band; parts are the whole
made posa.ms vla_posa_74mhz.ms split
small="--imsize 48 --cell 25arcsec"
rm -rf mixed.* whole.*
for mode in mfs cube; do
    image whole posa.ms --stokes LL --specmode $mode
    rm -rf mixed.* parts
    run partition --vis posa.ms --imagename mixed $small --stokes LL --specmode $mode -n 2 --write parts
    expect_status 0
    for part in parts/*.yaml; do run image "$part" --threads 1 --nworkers 1; expect_status 0; done
    for key in first_hz step_hz restfreq_hz; do
        [ "$mode" = cube ] || [ "$(grep "\"$key\"" whole.run.json)" = "$(cat mixed*.run.json | grep "\"$key\"" | sort -u)" ] || fail "$key of the parts is not the whole's"
    done
done
run concat --subcubes mixed --mode paged
expect_status 0
[ "$(cat whole.residual/table.f*_TSM0 | sha256sum)" = "$(cat mixed.residual/table.f*_TSM0 | sha256sum)" ] || fail "the joined parts are not the cube"
finish
