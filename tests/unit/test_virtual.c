/* image/virtual.c: CASA's lists of images: what is written is read back; casacore's own; names;
 * everything that is no such list. */
#include "base/fsutil.h"
#include "image/virtual.h"
#include "unit/check.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[1024], list[1100];
static pclean_err err;

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "%s/virtual.XXXXXX", PCLEAN_TEST_TMP);
    if (!mkdtemp(folder))
        return -1;
    snprintf(list, sizeof list, "%s/list", folder);
    return mkdir(list, 0777);
}

static int remove_folder(void **state) {
    (void)state;
    return pcl_fs_remove_tree(folder, &err);
}

static void put(const char *text, size_t n) {
    char path[1200];
    snprintf(path, sizeof path, "%s/imageconcat.json", list);
    assert_ok(pcl_fs_write_text(path, text, n, &err));
}

static void expect_names(const pcl_virtual *v, size_t n, const char *const *names) {
    assert_int_equal(v->n, n);
    for (size_t i = 0; i < n; i++) {
        char path[1200]; /* "@" is the folder of the test */
        snprintf(path, sizeof path, "%s%s", *names[i] == '@' ? folder : "",
                 names[i] + (*names[i] == '@'));
        assert_string_equal(v->image[i], path);
    }
}

static void what_is_written_is_read(void **state) {
    (void)state;
    char *names[] = {"./beside.image", "././inside.image", "/somewhere/else.image",
                     "./with \"quotes\" and \\ and \xc3\xa9.image", "./tab\there"};
    const char *const found[] = {"@/beside.image", "@/list/inside.image", "/somewhere/else.image",
                                 "@/with \"quotes\" and \\ and \xc3\xa9.image", "@/tab\there"};
    static const char *const types[] = {"float", "double", "Complex", "DComplex"};
    for (size_t axis = 0; axis < 4; axis++) {
        pcl_virtual v = {.axis = axis, .n = 5, .image = names}, back;
        snprintf(v.type, sizeof v.type, "%s", types[axis]);
        assert_ok(pcl_virtual_write(list, &v, &err));
        assert_true(pcl_virtual_is(list));
        assert_ok(pcl_virtual_read(list, &back, &err));
        assert_int_equal(back.axis, axis);
        assert_string_equal(back.type, types[axis]);
        expect_names(&back, 5, found);
        pcl_virtual_clear(&back);
        assert_int_equal(back.n, 0);
    }
    /* slashes at the end of the folder's name change nothing */
    pcl_virtual back;
    char slashed[1200];
    snprintf(slashed, sizeof slashed, "%s//", list);
    assert_true(pcl_virtual_is(slashed));
    assert_ok(pcl_virtual_read(slashed, &back, &err));
    expect_names(&back, 5, found);
    pcl_virtual_clear(&back);
    /* a name that JSON cannot hold */
    char *bad[] = {"./latin\xe9.image"};
    const pcl_virtual v = {.type = "float", .n = 1, .image = bad};
    assert_fails(pcl_virtual_write(list, &v, &err), PCLEAN_EPARAM, "not UTF-8");
}

static void names_from_the_current_folder(void **state) {
    (void)state;
    char here[4096];
    pcl_virtual back;
    char *names[] = {"./beside.image", "././inside.image"};
    const pcl_virtual v = {.type = "float", .n = 2, .image = names};
    assert_ok(pcl_virtual_write(list, &v, &err));
    assert_true(getcwd(here, sizeof here) && chdir(folder) == 0);
    const int rc = pcl_virtual_read("list", &back, &err);
    assert_int_equal(chdir(here), 0);
    assert_int_equal(rc, 0);
    assert_string_equal(back.image[0], "beside.image");
    assert_string_equal(back.image[1], "list/inside.image");
    pcl_virtual_clear(&back);
}

/* As ia.imageconcat of casatools 6.7 writes it (mode nomovevirtual, two images beside it). */
static void casacore_s_own_list(void **state) {
    (void)state;
    static const char text[] =
        "{\"Version\":1,\n \"DataType\":\"float\",\n \"Axis\":3,\n \"TempClose\":true,\n "
        "\"Images\":[\n  \"./in0.image\",\n  \"./in1.image\"\n ],\n"
        " \"MiscInfo\":{\n  \"origin\":\"in0.image\",\n  \"same\":1.5\n }\n}\n";
    const char *const found[] = {"@/in0.image", "@/in1.image"};
    pcl_virtual back;
    put(text, strlen(text));
    assert_ok(pcl_virtual_read(list, &back, &err));
    assert_int_equal(back.axis, 3);
    assert_string_equal(back.type, "float");
    expect_names(&back, 2, found);
    pcl_virtual_clear(&back);
}

static void what_is_no_list(void **state) {
    (void)state;
    static const struct {
        const char *text, *words;
        int code;
    } cases[] = {
        {"", "line 1", PCLEAN_EDATA},
        {"{", "line 1", PCLEAN_EDATA},
        {"[]", "no Axis", PCLEAN_EDATA},
        {"null", "'[' or '{' expected", PCLEAN_EDATA},
        {"{\"Version\":2,\"DataType\":\"float\",\"Axis\":3,\"Images\":[\"./a\"]}",
         "version is not 1", PCLEAN_EUNSUPPORTED},
        {"{\"Version\":\"x\",\"DataType\":\"float\",\"Axis\":3,\"Images\":[\"./a\"]}",
         "version is not 1", PCLEAN_EUNSUPPORTED},
        {"{\"Version\":1,\"DataType\":\"float\",\"Images\":[\"./a\"]}", "no Axis", PCLEAN_EDATA},
        {"{\"Version\":1,\"DataType\":\"float\",\"Axis\":-1,\"Images\":[\"./a\"]}", "no Axis",
         PCLEAN_EDATA},
        {"{\"Version\":1,\"DataType\":\"float\",\"Axis\":3.5,\"Images\":[\"./a\"]}", "no Axis",
         PCLEAN_EDATA},
        {"{\"Version\":1,\"DataType\":\"float\",\"Axis\":99999999999999999999,\"Images\":[\"./"
         "a\"]}",
         "too big integer", PCLEAN_EDATA},
        {"{\"Version\":1,\"Axis\":3,\"Images\":[\"./a\"]}", "no DataType", PCLEAN_EDATA},
        {"{\"Version\":1,\"DataType\":7,\"Axis\":3,\"Images\":[\"./a\"]}", "no DataType",
         PCLEAN_EDATA},
        {"{\"Version\":1,\"DataType\":\"a type with a very long "
         "name\",\"Axis\":3,\"Images\":[\"./a\"]}",
         "no DataType", PCLEAN_EDATA},
        {"{\"Version\":1,\"DataType\":\"float\",\"Axis\":3}", "no Images", PCLEAN_EDATA},
        {"{\"Version\":1,\"DataType\":\"float\",\"Axis\":3,\"Images\":[]}", "no Images",
         PCLEAN_EDATA},
        {"{\"Version\":1,\"DataType\":\"float\",\"Axis\":3,\"Images\":\"./a\"}", "no Images",
         PCLEAN_EDATA},
        {"{\"Version\":1,\"DataType\":\"float\",\"Axis\":3,\"Images\":[\"./a\",3]}",
         "entry 1 of its Images is no name", PCLEAN_EDATA},
        {"{\"Version\":1,\"DataType\":\"float\",\"Axis\":3,\"Images\":[\"\"]}",
         "entry 0 of its Images is no name", PCLEAN_EDATA},
        {"{\"Version\":1,\"DataType\":\"float\",\"Axis\":3,\"Axis\":2,\"Images\":[\"./a\"]}",
         "duplicate", PCLEAN_EDATA},
        {"{\"Version\":1,\"DataType\":\"float\",\"Axis\":3,\"Images\":[\"./a\"]} and more",
         "end of file expected", PCLEAN_EDATA},
        {"{\"Version\":1,\"DataType\":\"fl\xff\",\"Axis\":3,\"Images\":[\"./a\"]}",
         "decode byte 0xff", PCLEAN_EDATA},
    };
    pcl_virtual back;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put(cases[i].text, strlen(cases[i].text));
        assert_fails(pcl_virtual_read(list, &back, &err), cases[i].code, cases[i].words);
        assert_non_null(strstr(err.msg, "imageconcat.json is not the list of a virtual image"));
        assert_int_equal(back.n, 0);
    }
    /* brackets in brackets, more than any stack holds */
    enum { DEEP = 1000000 };
    char *deep = malloc(DEEP);
    assert_non_null(deep);
    memset(deep, '[', DEEP);
    put(deep, DEEP);
    free(deep);
    assert_fails(pcl_virtual_read(list, &back, &err), PCLEAN_EDATA, "depth");
    /* nothing there, a folder of that name */
    char path[1200];
    snprintf(path, sizeof path, "%s/imageconcat.json", list);
    assert_int_equal(unlink(path), 0);
    assert_false(pcl_virtual_is(list));
    assert_fails(pcl_virtual_read(list, &back, &err), PCLEAN_EDATA, "No such file");
    assert_int_equal(mkdir(path, 0777), 0);
    assert_fails(pcl_virtual_read(list, &back, &err), PCLEAN_EDATA, "imageconcat.json");
    assert_int_equal(rmdir(path), 0);
}

/* Any change of a few bytes: a sentence, or a list of names; run under the sanitisers, too. */
static void damaged_lists(void **state) {
    (void)state;
    static const char text[] =
        "{\"Version\":1,\"DataType\":\"float\",\"Axis\":3,\"TempClose\":true,\"Images\":[\"./"
        "a.image\",\"././b.image\",\"/c.image\"],\"MiscInfo\":{}}";
    static const char common[] = "{}[]\":,\\u0019.-/ \n";
    char damaged[sizeof text];
    size_t nread = 0;
    for (unsigned round = 0; round < 500; round++) {
        size_t n = sizeof text - 1;
        memcpy(damaged, text, sizeof text);
        srand(round);
        for (unsigned i = 0; i < 1 + round % 4; i++)
            damaged[(size_t)rand() % n] =
                round % 2 ? common[(size_t)rand() % (sizeof common - 1)] : (char)(rand() & 255);
        put(damaged, round % 10 == 9 ? (size_t)rand() % n : n);
        pcl_virtual back;
        err = (pclean_err){0};
        const int rc = pcl_virtual_read(list, &back, &err);
        if (rc == 0) {
            nread++;
            assert_in_range(back.axis, 0, 100);
            assert_true(back.n > 0);
            for (size_t i = 0; i < back.n; i++)
                assert_true(strlen(back.image[i]) > 0);
        } else {
            assert_int_equal(err.code, -rc);
            assert_non_null(strstr(err.msg, "imageconcat.json"));
        }
        pcl_virtual_clear(&back);
    }
    assert_in_range(nread, 20, 400);
}

/* A pcl_virtual_visitor; user counts. */
static int count_visit(const char *path, void *user, pclean_err *e) {
    (void)e;
    assert_non_null(path);
    return ++*(size_t *)user > 1000 ? -1 : 0;
}

/* Lists that list themselves and each other, and each the next one many times: every list is looked
 * into once. */
static void loops_and_bombs_end(void **state) {
    (void)state;
    enum { DEPTH = 20, WIDTH = 10 };
    char path[1200], text[2000];
    for (int k = 0; k < DEPTH; k++) {
        int at = snprintf(text, sizeof text,
                          "{\"DataType\": \"float\", \"Axis\": 3, \"Images\": [\"./%d\"", k);
        for (int i = 0; i < WIDTH; i++)
            at += snprintf(text + at, sizeof text - (size_t)at, ", \"./%d\"", (k + 1) % DEPTH);
        at += snprintf(text + at, sizeof text - (size_t)at, ", \"./no such image\"]}");
        snprintf(path, sizeof path, "%s/%d", folder, k);
        assert_int_equal(mkdir(path, 0777), 0);
        snprintf(path, sizeof path, "%s/%d/imageconcat.json", folder, k);
        assert_ok(pcl_fs_write_text(path, text, (size_t)at, &err));
    }
    size_t n = 0;
    snprintf(path, sizeof path, "%s/0", folder);
    assert_ok(pcl_virtual_visit(path, count_visit, &n, &err));
    assert_int_equal(n, 1 + DEPTH * (WIDTH + 2));
    n = 1000; /* the first answer ends it */
    assert_int_equal(pcl_virtual_visit(path, count_visit, &n, &err), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read), cmocka_unit_test(names_from_the_current_folder),
        cmocka_unit_test(casacore_s_own_list),     cmocka_unit_test(what_is_no_list),
        cmocka_unit_test(damaged_lists),           cmocka_unit_test(loops_and_bombs_end),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
