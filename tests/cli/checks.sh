# The checks of the source tree find what they are for: an offence of each kind in a tree of three files.
. "$(dirname "$(realpath "$0")")/lib.bash"
mkdir -p tree/src/core tree/cli tree/include tree/tests/unit tree/tests/cli
touch out err

# finds LINE TEXT: exactly this line of src/core/a.c, and nothing else
finds() {
    line="check-functions of $(head -1 tree/src/core/a.c)"
    local said
    said=$("$SOURCE/tools/check-functions" tree | grep '^src')
    [ "$said" = "$1" ] || fail "check-functions says: $said"
}
try() { printf '%s\n' "$@" >tree/src/core/a.c; }
try 'static int f(int a, int b, int c, int (*d)(int, int), int e, int g, int h) {' '    return a ? b : (c ? 1 : 2);' '}'
finds 'src/core/a.c:2: a conditional expression inside another'
try '/* int f(int a, int b, int c, int d, int e, int g, int h, int i) { */' '' 'static int f(int a, int b, int c, int (*d)(int, int), int e,' '             int g, int h, char i) {' '    return 1;' '}'
finds 'src/core/a.c:3: f has 8 parameters: at most 7, or a struct'
try 'static const int v[] = {1 ? 2 : 3, 4 ? 5 : 6};' 'int f(void) {' '    char c = '"'?', s[] = \"a ? b : \\\\\"c ? d\";" '    return g(1 ? 2 : 3, 4 ? 5 : 6) + (1 ? 2 : 3) /* a ? b ? */ + (4 ? 5 : 6);' '}'
finds ''
try 'int f(void) {' "$(yes '    g();' | head -58)" '}'
finds ''
try 'int f(void) {' "$(yes '    g();' | head -59)" '}' 'int h(void) {' '    return 1 ? 2 : 3 ? 4 : 5;' '}'
finds 'src/core/a.c:1: f has 61 lines: at most 60
src/core/a.c:63: a conditional expression inside another'

# ---- each source file has its test, or one that serves instead
table() { printf '| files | served by |\n|---|---|\n%s\n' "$1" >tree/tests/README.md; }
tests() { # PATTERN; "": all is well
    line="check-tests for: $1"
    local said status=0
    said=$("$SOURCE/tools/check-tests" tree) || status=$?
    if [ -z "$1" ]; then [ $status = 0 ] || fail "check-tests says: $said"; else
        [ $status = 1 ] && grep -q -- "$1" <<<"$said" || fail "check-tests says: $said"; fi
}
table ''; tests 'src/core/a.c: no tests/unit/test_a.c'
touch tree/tests/cli/x.sh
table '| `core/a.c` | `cli/x.sh` |'; tests ''
table '| `core/a.c` | `cli/y.sh` |'; tests 'tests/cli/y.sh does not exist'
table '| `core/a.c` | nothing |'; tests 'no test serves'
table '| `core/a.c`, `core/b.c` | `cli/x.sh` |'; tests 'src/core/b.c does not exist'
touch tree/tests/unit/test_a.c
tests 'a test of its own'
table ''; tests ''
finish
