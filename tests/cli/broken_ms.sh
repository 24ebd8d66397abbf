# MeasurementSets with a column, a cell, a row or a sub-table missing or absurd, for every table and column that is read: one sentence
# that names MS, table and column, or (where the image is right without it) the image and a warning that names them.
in_memory=yes
. "$(dirname "$(realpath "$0")")/lib.bash"
MSEDIT=$(realpath "$MSEDIT")
lofar=$DATA/lofar_tNDPPP-generic.MS vla=$DATA/vla_3c273_xband.ms
small="--imsize 32 --cell 5arcsec --niter 0 --threads 1 --nworkers 1 --progress none --imagename out"

broken() { # MS MSEDIT-WORDS: bad.ms is a copy, edited
    rm -rf bad.ms out.*
    cp -r "$1" bad.ms && chmod -R u+w bad.ms && "$MSEDIT" bad.ms $2 || { echo "msedit $2: failed"; exit 1; }
}
refused() { # MS MSEDIT-WORDS WORDS-OF-THE-ERROR [FLAGS]
    broken "$1" "$2"
    run image --vis bad.ms $small ${4-}
    line="$line (msedit $2)"
    expect_failure "bad\.ms: .*$3"
    [ -z "$(compgen -G 'out.*')" ] || fail "left behind: $(compgen -G 'out.*')"
}
imaged() { # MS MSEDIT-WORDS WORDS-OF-THE-WARNING [FLAGS]; no words: no warning about the MS
    broken "$1" "$2"
    run image --vis bad.ms $small ${4-}
    line="$line (msedit $2)"
    expect_status 0; expect_there out.residual
    if [ -n "$3" ]; then
        expect_err "WARNING: bad\.ms: .*$3"
        grep -Eq "bad\.ms: .*$3" out.run.json || fail "the record lacks: $3"
    else
        grep -q 'WARNING: bad\.ms' err && fail "a warning about the MS"
    fi
}

# ---- columns and sub-tables that are needed
for c in ANTENNA1 ANTENNA2 DATA_DESC_ID FIELD_ID FLAG FLAG_ROW TIME UVW WEIGHT; do
    refused "$lofar" "drop $c" "main table has no column $c"
done
for c in ANTENNA/DISH_DIAMETER ANTENNA/POSITION DATA_DESCRIPTION/POLARIZATION_ID DATA_DESCRIPTION/SPECTRAL_WINDOW_ID FIELD/NAME \
    FIELD/NUM_POLY FIELD/PHASE_DIR FIELD/SOURCE_ID FIELD/TIME OBSERVATION/OBSERVER OBSERVATION/TELESCOPE_NAME POLARIZATION/CORR_TYPE \
    POLARIZATION/NUM_CORR SPECTRAL_WINDOW/CHAN_FREQ SPECTRAL_WINDOW/CHAN_WIDTH SPECTRAL_WINDOW/MEAS_FREQ_REF SPECTRAL_WINDOW/NUM_CHAN; do
    refused "$lofar" "drop $c" "table ${c%/*} has no column ${c#*/}"
done
for c in ANTENNA/POSITION FIELD/NAME SPECTRAL_WINDOW/NUM_CHAN; do
    refused "$lofar" "retype $c" "table ${c%/*} has a column ${c#*/} of another type"
done
for t in ANTENNA DATA_DESCRIPTION FIELD OBSERVATION POLARIZATION SPECTRAL_WINDOW; do
    refused "$lofar" "drop-table $t" "no sub-table $t"
done

# ---- columns and sub-tables that are not: imaged, and no pixel differs; a selection may need them
run image --vis "$lofar" $small --spw 0:1~4 --antenna 0,1,2,3
cp -r out.residual want.residual
for c in SIGMA ARRAY_ID FEED1 INTERVAL EXPOSURE PROCESSOR_ID SCAN_NUMBER STATE_ID OBSERVATION_ID TIME_CENTROID FIELD/CODE FIELD/DELAY_DIR \
    DATA_DESCRIPTION/FLAG_ROW POLARIZATION/CORR_PRODUCT OBSERVATION/TIME_RANGE STATE/SIG FEED/POSITION PROCESSOR/TYPE HISTORY/MESSAGE \
    FLAG_CMD/COMMAND POINTING/DIRECTION; do
    imaged "$lofar" "drop $c" "has no column ${c#*/}: not needed" "--spw 0:1~4 --antenna 0,1,2,3"
    cmp -s out.residual/table.f0 want.residual/table.f0 || fail "other pixels"
done
for t in HISTORY FLAG_CMD FEED POINTING PROCESSOR STATE; do
    imaged "$lofar" "drop-table $t" ""
done
for t in FEED STATE; do imaged "$lofar" "clear $t" ""; done
imaged "$vla" 'drop SOURCE/CODE' 'SOURCE has no column CODE: not needed' '--cell 0.6arcsec'
refused "$lofar" 'drop SCAN_NUMBER' 'no column SCAN_NUMBER, which scan="0" needs' '--scan 0'
refused "$lofar" 'drop FIELD/CODE' 'FIELD has no column CODE, which field="0" needs' '--field 0'
refused "$lofar" 'drop ANTENNA/NAME' 'ANTENNA has no column NAME, which antenna="0" needs' '--antenna 0'
refused "$lofar" 'drop SPECTRAL_WINDOW/NAME' 'SPECTRAL_WINDOW has no column NAME, which spw="0" needs' '--spw 0'
refused "$lofar" 'drop STATE/OBS_MODE' 'STATE has no column OBS_MODE, which intent="X" needs' '--intent X'
refused "$lofar" 'drop SIGMA' 'no column SIGMA, which taql=.* needs' '--taql SIGMA[0]>0'
imaged "$lofar" 'drop SIGMA' 'no column SIGMA' '--taql ANTENNA1<5'

# ---- sub-tables without rows, indices into nowhere
refused "$lofar" 'clear FIELD' 'FIELD_ID 0, but FIELD has 0 rows'
refused "$lofar" 'clear SPECTRAL_WINDOW' 'SPECTRAL_WINDOW_ID .* is 0, but SPECTRAL_WINDOW has 0 rows'
refused "$lofar" 'clear POLARIZATION' 'POLARIZATION_ID .* is 0, but POLARIZATION has 0 rows'
refused "$lofar" 'clear DATA_DESCRIPTION' 'DATA_DESC_ID 0, but DATA_DESCRIPTION has 0 rows'
imaged "$lofar" 'clear OBSERVATION' 'OBSERVATION has no rows'
for x in -1 2000000000; do
    refused "$lofar" "set FIELD_ID 7 $x" "FIELD_ID $x, but FIELD has 1 rows"
    refused "$lofar" "set DATA_DESC_ID 7 $x" "row 7 has DATA_DESC_ID $x"
    refused "$lofar" "set DATA_DESCRIPTION/SPECTRAL_WINDOW_ID 0 $x" "DATA_DESCRIPTION: SPECTRAL_WINDOW_ID .* is $x"
    refused "$lofar" "set DATA_DESCRIPTION/POLARIZATION_ID 0 $x" "DATA_DESCRIPTION: POLARIZATION_ID .* is $x"
    imaged "$lofar" "set ANTENNA1 0 $x" "antenna $x in ANTENNA1 or ANTENNA2, but ANTENNA has 8 rows"
    imaged "$lofar" "set SPECTRAL_WINDOW/MEAS_FREQ_REF 0 $x" "SPECTRAL_WINDOW: MEAS_FREQ_REF of window 0 is $x"
    imaged "$lofar" "set STATE_ID 0 $x" ""
    imaged "$lofar" "set OBSERVATION_ID 0 $x" ""
    refused "$lofar" "set SPECTRAL_WINDOW/NUM_CHAN 0 $x" "SPECTRAL_WINDOW: .*NUM_CHAN is $x"
    refused "$lofar" "set SPECTRAL_WINDOW/NUM_CHAN 0 $x" "SPECTRAL_WINDOW: .*NUM_CHAN is $x" '--spw 0:1~3'
    refused "$lofar" "set POLARIZATION/NUM_CORR 0 $x" "POLARIZATION: .*NUM_CORR is $x"
    refused "$lofar" "set FIELD/NUM_POLY 0 $x" "FIELD: PHASE_DIR of field 0 .*NUM_POLY, $x"
done

# ---- shapes, and cells without a value
for n in 0 9; do
    refused "$lofar" "shape SPECTRAL_WINDOW/CHAN_FREQ 0 $n" "SPECTRAL_WINDOW: window 0 has $n values in CHAN_FREQ"
    refused "$lofar" "shape SPECTRAL_WINDOW/CHAN_WIDTH 0 $n" "SPECTRAL_WINDOW: .* and $n in CHAN_WIDTH"
    refused "$lofar" "shape POLARIZATION/CORR_TYPE 0 $n" "POLARIZATION: setup 0 has $n values in CORR_TYPE"
done
for shape in '0 0' '2 0' '1 1' '3 1'; do
    refused "$lofar" "shape FIELD/PHASE_DIR 0 $shape" "FIELD: PHASE_DIR of field 0 has the shape ${shape/ / x }"
done
refused "$lofar" 'unfill FIELD/PHASE_DIR' 'FIELD: PHASE_DIR of row 0 has no value'
refused "$lofar" 'unfill SPECTRAL_WINDOW/CHAN_FREQ' 'SPECTRAL_WINDOW: CHAN_FREQ of row 0 has no value'
refused "$lofar" 'unfill SPECTRAL_WINDOW/CHAN_WIDTH' 'SPECTRAL_WINDOW: CHAN_WIDTH of row 0 has no value'
refused "$lofar" 'unfill POLARIZATION/CORR_TYPE' 'POLARIZATION: CORR_TYPE of row 0 has no value'
refused "$lofar" 'shape UVW 5 2' 'UVW of row 5 has the shape 2 instead of 3'
refused "$lofar" 'unfill UVW 5' 'UVW of row 5 has no value'
refused "$lofar" 'shape FLAG 5 4 3' 'FLAG of row 5 has the shape 4 x 3 instead of 4 x 8'
refused "$lofar" 'unfill FLAG 5' 'FLAG of row 5 has no value'
refused "$DATA/vla_ngc5921.ms" 'shape WEIGHT 5 1' 'WEIGHT of row 5 has the shape 1 instead of 2'
refused "$DATA/vla_ngc5921.ms" 'unfill WEIGHT 5' 'WEIGHT of row 5 has no value'
refused "$vla" 'shape DATA 5 4 3' 'DATA of row 5 has the shape 4 x 3 instead of 4 x 1' '--cell 0.6arcsec'
refused "$vla" 'retype DATA' 'DATA of the main table does not hold complex' '--cell 0.6arcsec'
for n in 0 100; do
    refused "$vla" "copy DATA CORRECTED_DATA $n" "CORRECTED_DATA of row $n has no value.*datacolumn=data" '--cell 0.6arcsec'
    imaged "$vla" "copy DATA CORRECTED_DATA $n" '' '--cell 0.6arcsec --datacolumn data'
done
broken "$vla" 'copy DATA CORRECTED_DATA'
"$MSEDIT" bad.ms scale 0 CORRECTED_DATA
run image --vis bad.ms $small --cell 0.6arcsec
expect_failure 'bad\.ms: CORRECTED_DATA is 0 throughout.*datacolumn=data'
[ -z "$(compgen -G 'out.*')" ] || fail "left behind: $(compgen -G 'out.*')"
run image --vis bad.ms $small --cell 0.6arcsec --datacolumn data
expect_status 0

# ---- values that are none
for x in nan 0 1e30; do
    refused "$lofar" "set SPECTRAL_WINDOW/CHAN_FREQ 0 $x 3" 'SPECTRAL_WINDOW: CHAN_FREQ of channel 3 of window 0 is .*no frequency'
    [ $x = 0 ] || refused "$lofar" "set SPECTRAL_WINDOW/CHAN_WIDTH 0 $x 3" 'SPECTRAL_WINDOW: CHAN_WIDTH of channel 3 of window 0 is'
    [ $x = 0 ] || refused "$lofar" "set FIELD/PHASE_DIR 0 $x 1" 'FIELD: PHASE_DIR of field 0 is'
    imaged "$lofar" "set TIME 7 $x" 'TIME of 1 rows \(the first is row 7\)' '--specmode cube'
    imaged "$lofar" "set TIME 0:50 $x" 'TIME of 4 rows \(the first is row 0\)' '--specmode cube'
    imaged "$lofar" "set ANTENNA/POSITION 0 $x" ''
    imaged "$lofar" "set ANTENNA/DISH_DIAMETER 0 $x" 'ANTENNA: DISH_DIAMETER of 1 of'
done
imaged "$lofar" 'set SPECTRAL_WINDOW/CHAN_WIDTH 0 0 3' 'SPECTRAL_WINDOW: CHAN_WIDTH is 0 in 1 of 8 channels of window 0 \(the first is 3\)'
refused "$vla" 'set SPECTRAL_WINDOW/CHAN_WIDTH 0 0' 'SPECTRAL_WINDOW: CHAN_WIDTH of channel 0 of window 0 is 0' '--cell 0.6arcsec'
for x in nan inf 1e30; do refused "$lofar" "set TIME all $x" 'TIME of none of the 168 selected rows is a time'; done
imaged "$lofar" 'set TIME all 0' 'TIME begins at 0 s'
# an unknown telescope is where its first antenna is; if no antenna is anywhere, frequencies cannot change their frame
broken "$lofar" 'set OBSERVATION/TELESCOPE_NAME 0 NOWHERE'
for x in nan 0; do
    rm -rf out.*; "$MSEDIT" bad.ms set ANTENNA/POSITION 0 $x
    run image --vis bad.ms $small
    expect_status 0; expect_err 'WARNING: bad\.ms: ANTENNA: POSITION of antenna 0 is no place; that of antenna 1'
done
rm -rf out.*; "$MSEDIT" bad.ms set ANTENNA/POSITION all 0
run image --vis bad.ms $small
expect_failure 'bad\.ms: .*from TOPO to LSRK: telescope "NOWHERE" is not known, and POSITION in its table ANTENNA'
run image --vis bad.ms $small --outframe TOPO
expect_status 0
# frames and scales that are not to be had
refused "$lofar" 'reference FIELD/PHASE_DIR SUN' 'FIELD: PHASE_DIR of field 0 is given as the place of SUN'
refused "$lofar" 'reference FIELD/PHASE_DIR NONSENSE' 'FIELD: .*NONSENSE'
refused "$lofar" 'reference TIME GPS' 'TIME is said to be GPS'
refused "$lofar" 'reference TIME LAST' 'TIME is said to be LAST'

# ---- rows without a time are left out as if they were flagged: the image is the one without them
imaged "$lofar" 'set TIME 0:50 nan' 'TIME of 4 rows'
cp -r out.residual without.residual
broken "$lofar" 'set FLAG_ROW 0:50 1'
run image --vis bad.ms $small
cmp -s out.residual/table.f0 without.residual/table.f0 || fail "rows without TIME were imaged"

# ---- every command that reads an MS says the same
broken "$lofar" 'set FIELD/NUM_POLY 0 3'
for command in image plan 'partition -n 2'; do
    rm -rf out.*
    run $command --vis bad.ms $small
    expect_failure 'bad\.ms: FIELD: PHASE_DIR .*NUM_POLY, 3'
done
printf 'vis: bad.ms\nimagename: out\nimsize: 32\ncell: 5arcsec\n' >run.yaml
run mem run.yaml --model native
expect_failure 'bad\.ms: FIELD: PHASE_DIR .*NUM_POLY, 3'
broken "$lofar" 'set TIME 7 nan'
run plan --vis bad.ms $small
expect_status 0; expect_out '^Problems'; expect_out 'bad\.ms: TIME of 1 rows'
run partition -n 2 --vis bad.ms $small
expect_status 0
run mem run.yaml --model native
expect_status 0
for w in 'set FIELD/NUM_POLY 0 3' 'clear SPECTRAL_WINDOW' 'drop DATA_DESC_ID'; do
    broken "$lofar" "$w"; rm -rf copy.ms
    run adios2 convert bad.ms copy.ms
    [ "$status" -le 1 ] || fail "neither done nor failed (msedit $w)"
done

# ---- CORRECTED_DATA in some MSs only
broken "$vla" 'copy DATA CORRECTED_DATA'
mv bad.ms cal.ms; cp -r "$vla" raw.ms
pair="--vis cal.ms,raw.ms $small --cell 0.6arcsec"
run image $pair
expect_failure '1 of the MeasurementSets have CORRECTED_DATA \(cal\.ms\), 1 have only DATA \(raw\.ms\).*datacolumn=data'
[ -z "$(compgen -G 'out.*')" ] || fail "left behind: $(compgen -G 'out.*')"
for command in plan 'partition -n 2'; do
    run $command $pair
    expect_failure 'CORRECTED_DATA \(cal\.ms\), 1 have only DATA \(raw\.ms\)'
done
for flags in --mix-columns --mix_columns=true; do
    rm -rf out.*
    run image $pair $flags
    expect_status 0; expect_err 'WARNING: mix_columns: .*cal\.ms.*raw\.ms'; grep -q mix_columns out.run.json || fail "the record says nothing"
done
rm -rf out.*
run image $pair --datacolumn data
expect_status 0; grep -q 'WARNING: .*CORRECTED' err && fail "a warning"

# ---- few open files
for n in 7 12 20 30 32 34; do
    rm -rf out.*
    line="ulimit -n $n"
    (ulimit -n $n; "$PCLEAN" image --vis "$lofar" $small >out 2>err </dev/null); status=$?
    expect_failure '([Tt]oo many open files|ulimit -n)'
done
finish
