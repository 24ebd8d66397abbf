# Channels in any order, CHAN_WIDTH of any sign: the image is that of the same data in order, byte for byte.
in_memory=yes
. "$(dirname "$(realpath "$0")")/lib.bash"
MSEDIT=$(realpath "$MSEDIT")
ngc="--imsize 48 --cell 20arcsec --niter 10"
sim="--imsize 48 --cell 0.5arcsec"

edited() { # MS WORDS: x.ms is a copy of it, each word done to it
    rm -rf x.ms
    cp -r "$DATA/$1" x.ms && chmod -R u+w x.ms || exit 1
    for word in $2; do "$MSEDIT" x.ms "$word" || { echo "msedit $word: failed"; exit 1; }; done
}
image() { # NAME MS ARGUMENTS
    rm -rf "$1".*
    run image --vis "$2" --imagename "$1" --threads 1 --nworkers 1 "${@:3}"
    expect_status 0
}
pixels() { cat "$1".{image,psf,residual,sumwt}/table.f*_TSM0 | sha256sum; }
same() { # MS WORDS ARGUMENTS: the image does not change with the words
    edited "$1" "$2"
    image plain "$DATA/$1" "${@:3}"
    image other x.ms "${@:3}"
    [ "$(pixels plain)" = "$(pixels other)" ] || fail "not the same image after: $2"
    for key in first_hz step_hz; do
        [ "$(grep "\"$key\"" plain.run.json)" = "$(grep "\"$key\"" other.run.json)" ] || fail "$key differs after: $2"
    done
}

# every channel that has data is imaged
same vla_ngc5921.ms shuffle $ngc --specmode mfs --weighting briggs
expect_err 'the channels of spectral window 0 are not in order of frequency: they are sorted'
for mode in cube cubedata; do
    same sim_alma_topo.ms shuffle $sim --specmode $mode --interpolation linear --weighting briggs
    same sim_alma_topo.ms shuffle $sim --specmode $mode --interpolation nearest --width 3
done
image plain "$DATA/sim_alma_topo.ms" $sim --specmode cube --start 4 --nchan 3
image other x.ms $sim --specmode cube --start "$((7 * 4 % 24 + 3))" --nchan 3 # the number that this channel has now
[ "$(pixels plain)" = "$(pixels other)" ] || fail "start is not the channel's number in the MS"

# its parts are the whole
rm -rf other.* plain.*
run partition --vis x.ms --imagename other $sim --specmode cube -n 3 --write parts
expect_status 0
for part in parts/*.yaml; do run image "$part" --threads 1 --nworkers 1; expect_status 0; done
run concat --subcubes other --mode paged
expect_status 0
image plain "$DATA/sim_alma_topo.ms" $sim --specmode cube
[ "$(cat plain.residual/table.f*_TSM0 | sha256sum)" = "$(cat other.residual/table.f*_TSM0 | sha256sum)" ] || fail "the joined parts are not the cube"

# channels by frequency
for word in flip-width shuffle; do
    edited vla_ngc5921.ms $word
    mv x.ms $word.ms
done
for spw in '0:1413.0~1413.5MHz' '0:1413.01MHz' '0:1413.4~1500MHz' '*:1412.9~1413.1MHz;1413.3~1413.35MHz' \
    '0:1413~1413.8MHz^100kHz' '1413~1414MHz' '0:1413.0MHz~1413.5MHz'; do
    image plain "$DATA/vla_ngc5921.ms" $ngc --specmode mfs --niter 0 --spw "$spw"
    for word in flip-width shuffle; do
        image other $word.ms $ngc --specmode mfs --niter 0 --spw "$spw"
        [ "$(pixels plain)" = "$(pixels other)" ] || fail "not the channels of $spw after: $word"
    done
done
for words in reverse "reverse flip-width"; do # ascending again where it was not
    edited vla_ngc5921.ms "$words"
    image other x.ms $ngc --specmode mfs --niter 0 --spw '0:1413.0~1413.5MHz'
    image plain "$DATA/vla_ngc5921.ms" $ngc --specmode mfs --niter 0 --spw '0:1413.0~1413.5MHz'
    [ "$(grep '"used"' other.run.json)" = "$(grep '"used"' plain.run.json)" ] || fail "other channels after: $words"
    [ "$(grep '"first_hz"' other.run.json)" = "$(grep '"first_hz"' plain.run.json)" ] || fail "other frequencies after: $words"
done
same alma_hd142527_b9_3spw.ms flip-width --imsize 48 --cell 0.05arcsec --spw '0,2'
for spw in '0:1500~1510MHz' '0:1300~1310MHz' '0:1500~1510MHz;5~8' '1500~1510MHz' '0:1413.5~1413.0MHz' '0:10~20km/s'; do
    for ms in "$DATA/vla_ngc5921.ms" flip-width.ms; do
        rm -rf other.*
        run image --vis "$ms" --imagename other $ngc --spw "$spw"
        expect_failure "spw=\"$spw\": "
        expect_missing other.psf
    done
done

# ---- a width that is not how far channels are apart, and channel numbers below 0
cp -r "$DATA/vla_ngc5921.ms" wide.ms; chmod -R u+w wide.ms
"$MSEDIT" wide.ms set SPECTRAL_WINDOW/CHAN_WIDTH all 244e3 || exit 1
words='spectral window 0: CHAN_WIDTH is 244 kHz, but the channels are 24\.41[0-9]* kHz apart'
rm -rf other.*
run image --vis wide.ms --imagename other $ngc --specmode cube --niter 0 --nchan 2
expect_status 0; [ "$(grep -c "WARNING: $words" err)" = 1 ] || fail "one warning"
run image --vis wide.ms --imagename other --overwrite $ngc --specmode cube --niter 0 --nchan 2 --width 250kHz
expect_status 0; ! grep -q "$words" err || fail "the width is given"
run image --vis "$DATA/vla_ngc5921.ms" --imagename other --overwrite $ngc --specmode cube --niter 0 --nchan 2
expect_status 0; ! grep -q WARNING err || fail "nothing to warn of"
for spw in '0:-1' '0:-3~5' '0:1~2;-1'; do
    run plan --vis "$DATA/vla_ngc5921.ms" --imagename n --spw "$spw"
    expect_failure "spw=\"$spw\": a channel number is negative"
done
finish
