# Data that are partly or wholly unusable: flags, weights, NaN, missing columns, another program's lock.
. "$(dirname "$(realpath "$0")")/lib.bash"
MSEDIT=$(realpath "$MSEDIT")
ms=$DATA/vla_ngc5921.ms
small="--imsize 64 --cell 15arcsec --specmode cube --start 8 --nchan 4 --niter 5 --threads 1 --imagename out"

spoil() { # WORD...: bad.ms is a spoiled copy
    rm -rf bad.ms out.*
    cp -r "$ms" bad.ms && chmod -R u+w bad.ms && "$MSEDIT" bad.ms "$@" || { echo "msedit $*: failed"; exit 1; }
}
refused() { # WORDS-OF-THE-ERROR MSEDIT-WORDS...
    spoil "${@:2}"
    run image --vis bad.ms $small
    line="$line (msedit ${*:2})"
    expect_failure "bad\.ms: .*$1"
    [ -z "$(compgen -G 'out.*')" ] || fail "left behind: $(compgen -G 'out.*')"
}
refused 'no usable visibility' flag
refused 'no usable visibility' flag-rows
refused 'no usable visibility' weight 0
refused 'no usable visibility' weight -1
refused 'not finite' weight nan
refused 'not finite' spoil 2
refused 'not finite' spoil-uvw 1
refused 'DATA' drop DATA
refused 'FLAG' drop FLAG
refused 'WEIGHT' drop WEIGHT
refused 'UVW' drop UVW
for table in ANTENNA SPECTRAL_WINDOW FIELD; do
    spoil scale 1 && rm -r bad.ms/$table
    run image --vis bad.ms $small
    expect_failure "$table"
done

# the good part is imaged, what is bad is counted, the image is finite
spoil spoil 1000
run image --vis bad.ms $small
expect_status 0; expect_err 'WARNING: 19[0-9] samples are NaN or infinite'; expect_out '19[0-9] not finite'
grep -Eq ' (nan|inf|-) +' <(sed -n '3,6p' out) && fail "the table holds a value that is no number"
spoil spoil-uvw 10
run image --vis bad.ms $small
expect_status 0; expect_err 'WARNING: [0-9]+ samples are NaN or infinite'

# flagged channels are blank, and named
spoil flag 10 12
run image --vis bad.ms $small
expect_status 0; expect_err 'WARNING: no data in channel 2-3'; expect_out '^No data: channels 2-3'
for e in psf residual image; do expect_there out.$e; done

# a lock of another program, and media that cannot be written: the MS is read all the same, and left as it was
spoil scale 1
mkfifo hold locked
"$MSEDIT" bad.ms lock <hold >locked &
exec 9>hold
read -r _ <locked
before=$(find bad.ms -printf '%p %s %T@\n' | sort)
run image --vis bad.ms $small
expect_status 0; expect_there out.image
[ "$before" = "$(find bad.ms -printf '%p %s %T@\n' | sort)" ] || fail "the MS was touched"
exec 9>&-
wait
rm -rf out.*
chmod -R a-w bad.ms
run image --vis bad.ms $small
expect_status 0; expect_there out.image
chmod -R u+w bad.ms

# every kind of selection that selects nothing, or nothing sensible
for word in 'field=7' 'spw=0:900~990' 'spw=abc' 'timerange=2030/01/01' 'timerange=soon' 'antenna=XX' 'antenna=1&1' \
    'scan=99' 'observation=7' 'intent=*NO*' 'uvrange=>900km' 'uvrange=abc'; do
    rm -rf out.*
    run image --vis "$ms" $small "--$word"
    expect_failure "${word%%=*}="
    [ -z "$(compgen -G 'out.*')" ] || fail "left behind"
done
finish
