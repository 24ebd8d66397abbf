/* A struct written and read again is the same; what JSON holds; values of the wrong kind. */
#include "json/fields.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "unit/check.h"

static pclean_err err;

typedef struct inner {
    double value;
    char name[8];
} inner;

typedef struct outer {
    size_t n, nx, ny;
    uint64_t limit;
    int stop;
    bool done;
    char *path;
    inner first;
    inner *list;
    size_t *chan;
    size_t nchan;
    uint64_t *sum;
    char **word;
} outer;

static const char *word_of(int k) {
    return k == 2 ? "two" : NULL;
}

#define AT(type, member) offsetof(type, member)
static const pcl_json_field inner_fields[] = {
    {.name = "quarter", .type = PCL_JSON_REAL, .offset = AT(inner, value), .unit = 4},
    {.name = "name", .type = PCL_JSON_CHARS, .offset = AT(inner, name), .length = 8}};
static const pcl_json_struct inner_struct = {
    .size = sizeof(inner), .nfield = 2, .field = inner_fields};
static const pcl_json_field outer_fields[] = {
    {.name = "nx", .type = PCL_JSON_SIZE, .offset = AT(outer, nx)},
    {.name = "ny", .type = PCL_JSON_SIZE, .offset = AT(outer, ny)},
    {.name = "memory.limit", .type = PCL_JSON_UINT64, .offset = AT(outer, limit)},
    {.name = "memory.done", .type = PCL_JSON_BOOL, .offset = AT(outer, done)},
    {.name = "stopcode", .type = PCL_JSON_INT, .offset = AT(outer, stop)},
    {.name = "stop", .type = PCL_JSON_WORD, .offset = AT(outer, stop), .word = word_of},
    {.name = "path", .type = PCL_JSON_TEXT, .offset = AT(outer, path)},
    {.name = "first", .type = PCL_JSON_STRUCT, .offset = AT(outer, first), .of = &inner_struct},
    {.name = "list",
     .type = PCL_JSON_STRUCTS,
     .offset = AT(outer, list),
     .length = AT(outer, nx),
     .length2 = AT(outer, ny),
     .of = &inner_struct},
    {.name = "chan", .type = PCL_JSON_SIZES, .offset = AT(outer, chan), .length = AT(outer, nchan)},
    {.name = "sum", .type = PCL_JSON_SUMS, .offset = AT(outer, sum), .length = AT(outer, nchan)},
    {.name = "word", .type = PCL_JSON_TEXTS, .offset = AT(outer, word)}};
static const pcl_json_struct outer_struct = {.size = sizeof(outer),
                                             .nfield = sizeof outer_fields / sizeof *outer_fields,
                                             .field = outer_fields};

static void clear(outer *o) {
    free(o->path);
    free(o->list);
    free(o->chan);
    free(o->sum);
    for (size_t i = 0; o->word && o->word[i]; i++)
        free(o->word[i]);
    free(o->word);
}

static void what_is_written_is_read(void **state) {
    (void)state;
    inner list[2] = {{3, "a"}, {NAN, "b"}};
    size_t chan[3] = {4, 5, 6};
    uint64_t sum[3] = {1, UINT64_MAX, 3};
    char *word[] = {"x", "y z", NULL};
    const outer o = {.nx = 2,
                     .ny = 1,
                     .limit = UINT64_MAX,
                     .stop = 2,
                     .done = true,
                     .path = "p",
                     .first = {0.5, "c"},
                     .list = list,
                     .chan = chan,
                     .nchan = 3,
                     .sum = sum,
                     .word = word};
    json_t *j = pcl_json_write(&outer_struct, &o);
    char *text = json_dumps(j, JSON_COMPACT);
    assert_string_equal(
        text,
        "{\"nx\":2,\"ny\":1,\"memory\":{\"limit\":null,\"done\":true},\"stopcode\":2,\"stop\":"
        "\"two\",\"path\":\"p\","
        "\"first\":{\"quarter\":2.0,\"name\":\"c\"},\"list\":[{\"quarter\":12.0,\"name\":\"a\"},"
        "{\"quarter\":null,\"name\":\"b\"}],\"chan\":[4,5,6],\"sum\":[\"0000000000000001\","
        "\"ffffffffffffffff\","
        "\"0000000000000003\"],\"word\":[\"x\",\"y z\"]}");
    outer back = {0};
    assert_ok(pcl_json_read(&outer_struct, j, &back, &err));
    json_t *again = pcl_json_write(&outer_struct, &back);
    assert_true(json_equal(j, again));
    assert_true(back.limit == UINT64_MAX && isnan(back.list[1].value) && back.sum[1] == UINT64_MAX);
    free(text);
    json_decref(j);
    json_decref(again);
    clear(&back);
}

static void values_of_the_wrong_kind_are_named(void **state) {
    (void)state;
    const char *const bad[][2] = {{"{\"nx\": -1}", "nx"},
                                  {"{\"nx\": \"3\"}", "nx"},
                                  {"{\"memory\": {\"done\": 1}}", "memory.done"},
                                  {"{\"stopcode\": 1e10}", "stopcode"},
                                  {"{\"path\": 3}", "path"},
                                  {"{\"first\": []}", "first"},
                                  {"{\"chan\": [1, null, \"a\"]}", "chan"},
                                  {"{\"word\": [1]}", "word"},
                                  {"{\"first\": {\"name\": \"too long for it\"}}", "name"},
                                  {"{\"nx\": 2, \"ny\": 2, \"list\": [{}]}", "list"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *j = json_loads(bad[i][0], 0, NULL);
        outer o = {0};
        assert_int_equal(pcl_json_read(&outer_struct, j, &o, &err), -PCLEAN_EPARAM);
        assert_non_null(strstr(err.msg, bad[i][1]));
        json_decref(j);
        clear(&o);
    }
}

static void texts_that_are_not_utf8_keep_their_letters(void **state) {
    (void)state;
    const outer o = {.path = "\xe9toile"};
    json_t *j = pcl_json_write(&outer_struct, &o);
    assert_string_equal(json_string_value(json_object_get(j, "path")), "\xef\xbf\xbdtoile");
    json_decref(j);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(values_of_the_wrong_kind_are_named),
        cmocka_unit_test(texts_that_are_not_utf8_keep_their_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
