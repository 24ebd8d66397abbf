/* Structs of an earlier and of a later version, and sizes that cannot be ones. */
#include "base/sized.h"

#include <stdbool.h>
#include <string.h>

#include "unit/check.h"

typedef struct options {
    size_t size;
    int a, b;
    double c;
} options;
typedef struct earlier {
    size_t size;
    int a, b;
} earlier;
typedef struct later {
    options now;
    int d;
} later;

static const options defaults = {sizeof(options), 1, 2, 3};
static pclean_err err;

static void the_same_version_is_taken_whole(void **state) {
    (void)state;
    options theirs, ours = defaults;
    pcl_sized_init(&theirs, sizeof theirs, &defaults, sizeof defaults);
    assert_memory_equal(&theirs, &defaults, sizeof defaults);
    theirs.b = 7;
    theirs.c = 8;
    assert_ok(PCL_TAKE(options, &ours, &theirs, &err));
    assert_memory_equal(&ours, &theirs, sizeof ours);
    ours = defaults;
    assert_ok(PCL_TAKE(options, &ours, NULL, &err));
    assert_memory_equal(&ours, &defaults, sizeof ours);
}

static void an_earlier_version_has_defaults_for_what_it_lacks(void **state) {
    (void)state;
    struct {
        earlier theirs;
        char behind[16];
    } x;
    options ours = defaults;
    memset(&x, 0x55, sizeof x);
    pcl_sized_init(&x.theirs, sizeof x.theirs, &defaults, sizeof defaults);
    for (size_t i = 0; i < sizeof x.behind; i++)
        assert_int_equal(x.behind[i], 0x55);
    assert_int_equal(x.theirs.b, 2);
    x.theirs.a = 5;
    assert_ok(pcl_sized_take(&ours, sizeof ours, &x.theirs, "options", &err));
    assert_true(ours.size == sizeof ours && ours.a == 5 && ours.b == 2 && ours.c == 3);
}

static void a_later_version_must_not_ask_for_more(void **state) {
    (void)state;
    later theirs;
    options ours = defaults;
    memset(&theirs, 0x55, sizeof theirs);
    pcl_sized_init(&theirs, sizeof theirs, &defaults, sizeof defaults);
    assert_true(theirs.now.size == sizeof theirs && theirs.d == 0 && theirs.now.c == 3);
    theirs.now.a = 5;
    assert_ok(pcl_sized_take(&ours, sizeof ours, &theirs, "options", &err));
    assert_true(ours.size == sizeof ours && ours.a == 5);
    theirs.d = 1;
    assert_fails(pcl_sized_take(&ours, sizeof ours, &theirs, "options", &err), PCLEAN_EPARAM,
                 "options of a later version");
}

static void wrong_sizes_are_named(void **state) {
    (void)state;
    static const size_t wrong[] = {0, 1, sizeof(size_t), sizeof(options) + 1, 1 << 20, SIZE_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        options theirs = {.size = wrong[i], .a = 9}, ours = defaults;
        assert_fails(PCL_TAKE(options, &ours, &theirs, &err), PCLEAN_EPARAM, "options_init");
        assert_memory_equal(&ours, &defaults, sizeof ours);
    }
    options theirs = {.size = 77};
    pcl_sized_init(&theirs, 3, &defaults, sizeof defaults);
    pcl_sized_init(NULL, sizeof theirs, &defaults, sizeof defaults);
    assert_int_equal(theirs.size, 77);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_version_is_taken_whole),
        cmocka_unit_test(an_earlier_version_has_defaults_for_what_it_lacks),
        cmocka_unit_test(a_later_version_must_not_ask_for_more),
        cmocka_unit_test(wrong_sizes_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
