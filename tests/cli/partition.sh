# pclean partition: the table and JSON, the files, the parts imaged one by one, and what is refused.
. "$(dirname "$(realpath "$0")")/lib.bash"
ms=$DATA/sim_alma_topo.ms
cat >cube.yaml <<END
vis: $ms
imagename: images/line
imsize: 32
cell: 0.5arcsec
specmode: cube
weighting: briggs
niter: 20
END
mkdir images

# table, JSON, files
run partition cube.yaml -n 5
expect_status 0; expect_no_err; expect_out '^cube of 24 channels from 230\.026'; expect_out '^ +4 +20-23 .* 19008 .*images/line.subcube.4$'
expect_missing images/line.subcube.0.yaml
run partition cube.yaml --nparts 5 --json --write parts
expect_status 0
python3 - <<'END' || fail "the JSON is not as documented"
import json, os
p = json.load(open("out"))
assert p["nparts"] == 5 and len(p["parts"]) == 5 and sum(q["nchan"] for q in p["parts"]) == 24 == p["nchan"]
for k, q in enumerate(p["parts"]):
    assert set(q) >= {"name", "index", "rows", "nvis", "estimated_gib", "ms", "start", "width", "nchan", "channel_start", "freq_start_hz", "freq_end_hz"}
    assert q["index"] == k and q["name"] == "images/line.subcube.%d" % k and q["estimated_gib"] > 0 and os.path.exists(q["config"])
    assert q["freq_start_hz"] == p["first_hz"] + q["channel_start"] * p["step_hz"] and q["start"] == "%.10fGHz" % (q["freq_start_hz"] / 1e9)
    assert all(set(m) >= {"msname", "spw", "taql", "rows"} for m in q["ms"])
assert [q["channel_start"] for q in p["parts"]] == [0, 5, 10, 15, 20]
END

# the parts run as they stand; put together they are the cube
same_as_cube() { # CONFIG, last part
    run image $1 --overwrite
    expect_status 0
    for k in $(seq 0 $2); do
        run image parts/line.subcube.$k.yaml --overwrite
        expect_status 0
    done
    for product in psf residual model image pb sumwt mask; do
        line="parts of $product"
        for k in $(seq 0 $2); do cat images/line.subcube.$k.$product/table.f0_TSM0; done | cmp -s - images/line.$product/table.f0_TSM0 || fail "differ from the cube"
    done
}
same_as_cube cube.yaml 4

# channels 7-16 are flagged: the second part has no data. All parts run and are joined to the cube; with a loop that stops at a failure
looped() { # MS, status of concat
    sed "s|^vis:.*|vis: $1|" cube.yaml >flagged.yaml
    rm -rf images/* parts/*
    run partition flagged.yaml -n 3 --write parts; expect_status 0
    line="the loop over the parts"
    (set -e; for part in parts/*.yaml; do "$PCLEAN" image $part --progress none 2>>log; done) >out 2>err; status=$?; expect_status 0
    run concat --subcubes images/line --progress none; expect_status $2
}
cp -r "$ms" flagged.ms; chmod -R u+w flagged.ms; "$MSEDIT" flagged.ms flag 7 16
looped flagged.ms 0
expect_err 'WARNING: images/line.subcube.1.image has no data: planes 8 to 15 of images/line.image are blank'
grep -q 'WARNING: this part of the cube has no data' log && grep -q 'this part of the cube has no data' images/line.subcube.1.run.json || fail "the blank part should warn"
run image flagged.yaml --imagename whole; expect_status 0
for product in psf residual model image pb sumwt mask; do cmp -s whole.$product/table.f0_TSM0 images/line.$product/table.f0_TSM0 || fail "$product of the joined parts"; done
run concat --subcubes images/line --ext .image --overwrite --progress none --mode virtual; expect_status 1; expect_err 'an image without data has no beam'
cp -r images/line.subcube.1.image images/odd.image
dd if=/dev/zero bs=1 count=4 status=none | tr '\0' 'A' | dd of=images/odd.image/table.f0_TSM0 bs=1 seek=400 conv=notrunc status=none
run concat images/x.image images/line.subcube.0.image images/odd.image; expect_failure 'odd.image has no beam, images/line.subcube.0.image has one'
"$MSEDIT" flagged.ms flag
looped flagged.ms 1
expect_err 'no channel of images/line has data: the cube is blank'; expect_there images/line.subcube.0.image

# two MSs that each have half of the band
sed "s|^vis:.*|vis: [$ms, $ms]\nspw: ['0:0~11', '0:12~23']\ntaql: ['ANTENNA1 != 2', '']|" cube.yaml >two.yaml
run partition two.yaml -n 3 --write parts
expect_failure 'parts/line.subcube.[0-9].yaml exists already and is kept'
run partition two.yaml -n 3 --write parts --overwrite
expect_status 0; expect_missing parts/line.subcube.3.yaml; grep -q "spw: \['0:0~[0-9]*', '-1'\]" parts/line.subcube.0.yaml || fail "the second MS is not left out"
same_as_cube two.yaml 2

# chunks, surplus parts, workers
run partition cube.yaml --cube_chunksize 1 --json
expect_status 0; expect_out '"nparts": 24'
run partition cube.yaml --cube_chunksize 7 --json
expect_out '"nparts": 4'
run partition cube.yaml -n 30
expect_status 0; expect_out '^6 of the 30 parts asked for would be empty'
run partition cube.yaml --cube_chunksize 12 --keep_subcubes --concat_mode virtual --write halves
expect_status 0; grep -q 'keep_subcubes: false' halves/line.subcube.1.yaml || fail "a part would be cut into parts"
run partition cube.yaml --nworkers 2
expect_status 0; expect_out ' 2 parts$'
run partition cube.yaml -n 1 --nchan 1 --start 4
expect_status 0; expect_out ' 1 part$'

# continuum: ranges, the user's own condition, alignment, no rows for the last parts
run partition cube.yaml --specmode mfs --niter 0 -n 2 --json
expect_out '"taql": "ROWNUMBER\(\) >= 1 && ROWNUMBER\(\) <= 2377"'; expect_out '"name": "images/line.part.1"'; expect_out '"rows": 2375'
run partition cube.yaml --specmode mfs --taql 'ANTENNA1 == 2 || ANTENNA2 == 2' --antenna '!5' -n 3 --json
expect_status 0; expect_out '"taql": "\(ANTENNA1 == 2 \|\| ANTENNA2 == 2\) && ROWNUMBER'
run partition cube.yaml --specmode mfs --taql 'ROWNUMBER() IN [3,5,4000]' -n 5
expect_status 0; expect_out '^2 of the 5 parts asked for would be empty and are left out: there are no more rows'
run partition cube.yaml --specmode mfs -n 5 --align integration --balance visibilities --json
expect_status 0; expect_out '"flags_counted": true'

# uniform and briggs continuum: the density of the whole comes along
run partition cube.yaml --specmode mfs -n 2 --write parts
expect_status 0; expect_there parts/line.density; grep -q 'part_density: parts/line.density' parts/line.part.0.yaml || fail "the part does not name its density"
rm parts/line.density
run image parts/line.part.0.yaml
expect_failure 'density file parts/line.density cannot be opened'
cp parts/line.part.1.yaml parts/line.density
run image parts/line.part.0.yaml
expect_usage 'no density of an image'
run partition cube.yaml --specmode mfs -n 2 --write parts --overwrite
expect_failure 'parts/line.density is not a density of pclean partition.s and is not replaced'
rm parts/line.density
run partition cube.yaml --specmode mfs -n 2 --write parts --overwrite
expect_status 0
printf '\377' | dd of=parts/line.density bs=1 seek=1502 conv=notrunc status=none
run image parts/line.part.0.yaml
expect_failure 'parts/line.density: this density file is damaged'; expect_missing line.part.0.image
mv parts/line.density kept; mkfifo parts/line.density
run image parts/line.part.0.yaml
expect_failure 'parts/line.density is not a file'; expect_missing line.part.0.image
rm parts/line.density; mv kept parts/line.density
run partition cube.yaml --specmode mfs -n 2 --write parts --overwrite
run image parts/line.part.0.yaml --imsize 64
expect_usage 'no density of an image'
run image parts/line.part.0.yaml --antenna '1~9'
expect_usage 'part_density=parts/line.density: this density is of another selection of data or channels'

# what is refused
for n in 0 -1 1.5 99999999999999999999 many ''; do run partition cube.yaml -n "$n"; expect_usage 'how many parts'; done
run partition cube.yaml -n
expect_usage 'how many parts'
run partition cube.yaml
expect_usage 'how many parts'
run partition
expect_usage 'vis is not given|how many parts'
run partition cube.yaml -n 2 --align integration
expect_usage 'align=integration is for continuum'
run partition cube.yaml -n 2 --align time
expect_usage 'choose integration or none'
run partition cube.yaml -n 2 --balance rows
expect_usage 'choose visibilities or none'
run partition cube.yaml -n 2 --writ x
expect_usage 'did you mean --write'
run partition cube.yaml other.yaml -n 2
expect_usage 'one configuration file'
run partition none.yaml -n 2
expect_usage 'none.yaml'
run partition parts/line.subcube.1.yaml -n 2
expect_usage 'is a part already'
run partition cube.yaml -n 2 --imsize 0
expect_usage 'imsize'
run partition cube.yaml -n 2 --cyclecontrol global
expect_failure 'cannot be done in parts'
run partition cube.yaml -n 2 --start 99GHz
expect_usage 'outside the data'
run partition cube.yaml -n 2 --antenna '0&0;;;'
expect_failure 'antenna'
run partition cube.yaml -n 2 --specmode mfs --taql 'ANTENNA1 > 99'
expect_failure 'taql="ANTENNA1 > 99" selects no rows'
run partition cube.yaml -n 2 --specmode mfs --taql 'NOSUCH == 1'
expect_failure 'NOSUCH'
run partition cube.yaml -n 2 --spw -1
expect_failure 'spw=-1'
run partition cube.yaml -n 2 --write cube.yaml
expect_failure 'not a folder'
run partition cube.yaml -n 2 --write no/such
expect_failure 'cannot be made'
for bad in 'part_channel: 9' 'part_nchan: 3' 'part_start: -1' 'part_width: 0' 'part_start: nan'; do
    sed "s/^  ${bad%:*}:.*/  $bad/" parts/line.subcube.1.yaml >bad.yaml
    [ "$bad" = 'part_channel: 9' ] && sed -i 's/^  part_nchan:.*/  part_nchan: 10/' bad.yaml
    run image bad.yaml --overwrite
    expect_usage 'part_'
done

run partition --help
expect_status 0; expect_out 'Usage: pclean partition'
finish
