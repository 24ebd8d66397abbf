/* imager/subcubes.c: which sub-cubes a run leaves, their names, and which names are such. */
#include "base/fsutil.h"
#include "config/config.h"
#include "run/subcubes.h"
#include "unit/check.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char old_folder[4096], folder[1024];
static pclean_err err;

static int enter(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "%s/subcubes.XXXXXX", PCLEAN_TEST_TMP);
    return getcwd(old_folder, sizeof old_folder) && mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state) {
    (void)state;
    return chdir(old_folder) == 0 ? pcl_fs_remove_tree(folder, &err) : -1;
}

static void modes(void **state) {
    (void)state;
    enum {
        AUTO = PCLEAN_CONCAT_AUTO,
        PAGED = PCLEAN_CONCAT_PAGED,
        LIST = PCLEAN_CONCAT_VIRTUAL,
        MOVE = PCLEAN_CONCAT_MOVEVIRTUAL
    };
    static const struct {
        bool mfs, keep;
        int asked, mode;
        bool wanted;
    } cases[] = {
        {false, false, AUTO, PAGED, false},  {false, true, AUTO, LIST, true},
        {false, false, PAGED, PAGED, false}, {false, true, PAGED, PAGED, true},
        {false, false, LIST, LIST, true},    {false, true, LIST, LIST, true},
        {false, false, MOVE, MOVE, true},    {false, true, MOVE, MOVE, true},
        {true, true, AUTO, PAGED, false},    {true, true, LIST, PAGED, false},
        {true, false, MOVE, PAGED, false},   {true, true, PAGED, PAGED, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pclean_config c;
        assert_ok(pcl_config_init(&c, &err));
        assert_ok(pclean_config_set(&c, "specmode", cases[i].mfs ? "mfs" : "cube", &err));
        c.keep_subcubes = cases[i].keep;
        c.concat_mode = cases[i].asked;
        assert_int_equal(pcl_subcubes_mode(&c), cases[i].mode);
        assert_int_equal(pcl_subcubes_wanted(&c), cases[i].wanted);
        pcl_config_clear(&c);
    }
}

static void names(void **state) {
    (void)state;
    char buf[40];
    pcl_subcubes_name("here/line", 12, buf, sizeof buf);
    assert_string_equal(buf, "here/line.subcube.12");
}

typedef struct visits {
    size_t n, sum, stop_at;
    char seen[20][600];
} visits;

static int visit(const char *path, size_t i, const char *rest, void *user, pclean_err *e) {
    visits *v = user;
    (void)e;
    assert_true(v->n < 20);
    snprintf(v->seen[v->n++], sizeof v->seen[0], "%s %zu %s", path, i, rest);
    v->sum += i;
    return v->n == v->stop_at ? 7 : pcl_fs_remove_tree(path, e); /* it may remove what it visits */
}

static bool saw(const visits *v, const char *text) {
    for (size_t i = 0; i < v->n; i++)
        if (strcmp(v->seen[i], text) == 0)
            return true;
    return false;
}

static void make(const char *place) {
    static const char *const is[] = {"a.subcube.0.image", "a.subcube.10.image.pbcor",
                                     "a.subcube.007.psf", "a.subcube.2.psf.part",
                                     "a.subcube.999999999.sumwt"};
    static const char *const is_not[] = {"a.image",
                                         "a.subcube",
                                         "a.subcube.",
                                         "a.subcube.image",
                                         "a.subcube..image",
                                         "a.subcube.x.image",
                                         "a.subcube.-1.image",
                                         "a.subcube.1",
                                         "a.subcube.1image",
                                         "ab.subcube.0.image",
                                         "b.subcube.0.image",
                                         "a.subcube.1234567890.image",
                                         "a.SUBCUBE.0.image",
                                         " a.subcube.0.image"};
    char path[600];
    for (size_t i = 0; i < sizeof is / sizeof *is; i++) {
        snprintf(path, sizeof path, "%s%s", place, is[i]);
        assert_int_equal(mkdir(path, 0777), 0);
    }
    for (size_t i = 0; i < sizeof is_not / sizeof *is_not; i++) {
        snprintf(path, sizeof path, "%s%s", place, is_not[i]);
        assert_int_equal(mkdir(path, 0777), 0);
    }
}

static void what_is_visited(void **state) {
    (void)state;
    visits v = {0};
    make("");
    assert_ok(pcl_subcubes_visit("a", visit, &v, &err));
    assert_int_equal(v.n, 5);
    assert_true(saw(&v, "a.subcube.0.image 0 .image"));
    assert_true(saw(&v, "a.subcube.10.image.pbcor 10 .image.pbcor"));
    assert_true(saw(&v, "a.subcube.007.psf 7 .psf"));
    assert_true(saw(&v, "a.subcube.2.psf.part 2 .psf.part"));
    assert_true(saw(&v, "a.subcube.999999999.sumwt 999999999 .sumwt"));
    v = (visits){0};
    assert_ok(pcl_subcubes_visit("a", visit, &v, &err)); /* they were removed, nothing else was */
    assert_int_equal(v.n, 0);
    assert_true(pcl_fs_exists("b.subcube.0.image"));
    /* in another folder */
    assert_int_equal(mkdir("there", 0777), 0);
    make("there/");
    assert_ok(pcl_subcubes_visit("there/a", visit, &v, &err));
    assert_int_equal(v.n, 5);
    assert_true(saw(&v, "there/a.subcube.0.image 0 .image"));
    /* the first answer that is not 0 ends it */
    v = (visits){.stop_at = 1};
    assert_int_equal(mkdir("c.subcube.0.x", 0777) || mkdir("c.subcube.1.x", 0777), 0);
    assert_int_equal(pcl_subcubes_visit("c", visit, &v, &err), 7);
    assert_int_equal(v.n, 1);
    /* no folder: no sub-cubes; no folder at all: an error */
    v = (visits){0};
    assert_ok(pcl_subcubes_visit("absent/a", visit, &v, &err));
    assert_ok(pcl_fs_write_text("file", "x", 1, &err));
    assert_fails(pcl_subcubes_visit("file/a", visit, &v, &err), PCLEAN_EIO,
                 "cannot read the folder file/");
    assert_int_equal(v.n, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes), cmocka_unit_test(names),
        cmocka_unit_test_setup_teardown(what_is_visited, enter, leave)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
