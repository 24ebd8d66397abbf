# What is installed works from any place, without the build tree and without an environment: the command, the library for
# programs of one's own (pkg-config), the storage manager with each of its libraries once.
. "$(dirname "$(realpath "$0")")/lib.bash"
line="cmake --install"
DESTDIR=$work/stage cmake --install "$BUILD" --prefix /usr >log 2>&1 || fail "$(tail -n 3 log)"
mv stage/usr moved
rmdir stage || fail "installed outside of the prefix: $(find stage)"
here=$work/moved
PCLEAN=$here/bin/pclean

opened() { # which libraries the command opens: none of the build tree's
    env -i PATH="$PATH" HOME="$HOME" TMPDIR="$work" LD_DEBUG=files LD_DEBUG_OUTPUT=debug "$PCLEAN" "$@" >out 2>err
    status=$?
    line="installed: pclean $*"
    sed -n 's/.*calling init: //p' debug.* | sort -u | xargs realpath >libraries
    rm debug.*
    grep -q "^$here/lib/libpclean" libraries || fail "the installed library is not used"
    ! grep -v "^$here/" libraries | grep "^$BUILD/" || fail "the build tree is used"
}
opened --version
expect_status 0
opened adios2 check
if [ -d "$BUILD/adios2stman" ]; then
    expect_status 0; expect_out "^plug-in +$here/lib/pclean/adios2stman$"
    grep -q "^$here/lib/pclean/adios2stman/libpclean_adios2stman" libraries || fail "the installed plug-in is not used"
    opened adios2 env
    expect_status 0; [ "$(cat out)" = "export CASACORE_LDPATH='$here/lib/pclean/adios2stman'" ] || fail "env"
    twice=$(find "$here/lib" -type f -print0 | xargs -0 sha256sum | sort | uniq -w 64 -D)
    [ -z "$twice" ] || fail "installed more than once: $twice"
    run adios2 convert "$DATA/vla_3c273_xband.ms" c.ms
    expect_status 0
    line="python-casacore with the installed plug-in"
    export CASACORE_LDPATH=$here/lib/pclean/adios2stman
    /usr/bin/python3 -c 'import casacore.tables as ct; assert ct.table("c.ms", ack=False).getcol("DATA").any()' >out 2>err || fail "cannot read"
    # what may be missing is told
    mv "$here/lib/pclean/adios2stman/libpclean_adios2stman.so" away
    run adios2 check
    expect_status 1; expect_out 'folder adios2stman is missing'; expect_out '^ADIOS2 +none'
    run adios2 uses c.ms
    expect_failure 'c\.ms: .*folder adios2stman is missing'
    echo text >"$here/lib/pclean/adios2stman/libpclean_adios2stman.so"
    run adios2 check --json
    expect_status 1; expect_out '"supported": false'; expect_out 'cannot be loaded: .*libpclean_adios2stman.so: .*'
    run adios2 env
    expect_failure 'cannot be loaded'
    mv away "$here/lib/pclean/adios2stman/libpclean_adios2stman.so"
    if [ -d "$here/lib/pclean/adios2stman/adios2" ]; then
        rm -r "$here/lib/pclean/adios2stman/adios2"
        run adios2 check
        expect_status 1; expect_out 'cannot be loaded: libadios2_c\.so'
    fi
    TMPDIR=$work/nowhere run adios2 check
    expect_failure 'set TMPDIR'
else
    expect_status 1; expect_out 'built without ADIOS2'
fi

line="a program built with pkg-config"
export PKG_CONFIG_PATH=$here/lib/pkgconfig
cc -o mine "$SOURCE/examples/image.c" $(pkg-config --cflags --libs pclean) "-Wl,-rpath,$(pkg-config --variable=libdir pclean)" >out 2>err || fail "does not compile"
./mine absent.yaml >out 2>err
status=$?
expect_status 1; expect_err 'absent.yaml'
ldd ./mine | grep -q "libpclean.so.0 => .*moved/" || fail "not the installed library"
finish
