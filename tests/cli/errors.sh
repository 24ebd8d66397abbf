# Bad input of a run: one clear sentence, the right exit status, nothing lost, nothing half-written.
. "$(dirname "$(realpath "$0")")/lib.bash"
ms=$DATA/vla_ngc5921.ms
small="--imsize 64 --cell 15arcsec --specmode cube --start 20 --nchan 2 --niter 5 --threads 1"

no_products() { # nothing under a final name, nothing left over
    local left
    left=$(compgen -G 'out.*')
    [ -z "$left" ] || fail "left behind: $left"
}

# no error: an environment without HOME, which casacore wants
line="without HOME"
env -u HOME "$PCLEAN" adios2 uses "$ms" >out 2>err
status=$?
expect_status 1; expect_no_err

run image --vis absent.ms --imagename out $small
expect_failure 'absent\.ms'; no_products
mkdir folder && echo text >folder/table.dat
run image --vis folder --imagename out $small
expect_failure 'folder'; no_products
echo text >file
run image --vis file --imagename out $small
expect_failure 'file'; no_products

# truncated: a table without its main file, and one whose data end early
cp -r "$ms" cut.ms && chmod -R u+w cut.ms
truncate -s 100 cut.ms/table.dat
run image --vis cut.ms --imagename out $small
expect_failure 'cut\.ms'; no_products
cp "$ms/table.dat" cut.ms/table.dat
biggest=$(cd cut.ms && find . -maxdepth 1 -type f -printf '%s %p\n' | sort -rn | head -1 | cut -d' ' -f2)
truncate -s 10000 "cut.ms/$biggest"
run image --vis cut.ms --imagename out $small
expect_failure 'cut\.ms'; no_products
rm -rf cut.ms

# selections
run image --vis "$ms" --imagename out $small --field nosuchfield
expect_failure 'nosuchfield'; no_products
run image --vis "$ms" --imagename out $small --scan 999
expect_failure '999'; no_products
run image --vis "$ms" --imagename out $small --spw 7
expect_failure '7'; no_products
run image --vis "$ms" --imagename out $small --uvrange '>900km'
expect_failure 'uvrange|900km'; no_products
run image --vis "$ms" --imagename out --imsize 64 --cell 15arcsec --specmode cube --start 500 --nchan 2
expect_usage '500'; no_products

# parameters
run image --vis "$ms" --imagename out --imsize 0 --cell 15arcsec
expect_usage 'imsize'; no_products
run image --vis "$ms" --imagename out $small --nitter 5
expect_usage 'niter'; no_products
run image --vis "$ms" --imagename out $small --mask absent.mask
expect_usage 'absent\.mask'; no_products

# folders that cannot hold products
run image --vis "$ms" --imagename file/out $small
expect_failure 'file'
if [ "$(id -u)" != 0 ]; then
    mkdir locked && chmod 555 locked
    run image --vis "$ms" --imagename locked/out $small
    expect_failure 'locked'
fi

# a full disk, where a small file system of one's own can be mounted
if unshare -rm true 2>/dev/null; then
    mkdir disk
    line="pclean image on a full disk"
    unshare -rm bash -c "mount -t tmpfs -o size=600k none disk || exit 77
        '$PCLEAN' image --vis '$ms' --imagename disk/out $small --imsize 512 >out 2>err; s=\$?; ls disk >left; exit \$s"
    status=$?
    if [ $status != 77 ]; then
        expect_failure 'space|full|room'
        [ ! -s left ] || fail "left on the full disk: $(cat left)"
    fi
fi

# existing products are kept unless --overwrite
run image --vis "$ms" --imagename out $small
expect_status 0; expect_there out.image; expect_there out.run.json
before=$(state_of out.*)
run image --vis "$ms" --imagename out $small --robust 2 --weighting briggs
expect_failure 'overwrite'
[ "$before" = "$(state_of out.*)" ] || fail "existing products were touched"
run image --vis absent.ms --imagename out $small --overwrite
expect_failure 'absent\.ms'
[ "$before" = "$(state_of out.*)" ] || fail "a failed run with --overwrite touched existing products"
run image --vis "$ms" --imagename out $small --robust 2 --weighting briggs --overwrite
expect_status 0
[ "$before" != "$(state_of out.*)" ] || fail "--overwrite should replace"
[ -z "$(compgen -G 'out.*.part')" ] || fail "left behind: $(compgen -G 'out.*.part')"

# sizes that are not nice work; a cell that is too coarse is warned of, with a better one
run image --vis "$ms" --imagename odd --imsize 67,61 --cell 15arcsec --specmode mfs --niter 3
expect_status 0; expect_there odd.image
run image --vis "$ms" --imagename coarse --imsize 64 --cell 300arcsec --specmode mfs
expect_err 'WARNING: .*cell'
finish
