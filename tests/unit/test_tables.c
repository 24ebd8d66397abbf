/* Each public result: a struct in which every field has a value of its own is written, read, and
 * the same; no field of a struct is without a row. The rows themselves say how a struct is
 * filled. */
#include "json/tables.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "unit/check.h"

static pclean_err err;

/* ---- filling ---- */

static int count; /* of values so far: each is another one */

static void fill(const pcl_json_struct *s, char *base);

static char *new_text(void) {
    char text[32];
    snprintf(text, sizeof text, "text \"%d\" \xc3\xa9", ++count);
    return strdup(text);
}

static size_t words_in(const char *words) {
    size_t n = 1;
    for (; *words; words++)
        n += *words == '|';
    return n;
}

static char *fill_structs(const pcl_json_struct *s, size_t n, char *first) {
    for (size_t i = 0; i < n; i++)
        fill(s, first + i * s->size);
    return first;
}

static void *new_numbers(void) {
    uint64_t *numbers = calloc(2, sizeof *numbers);
    numbers[0] = (uint64_t)++count;
    numbers[1] = (uint64_t)INT64_MAX - (uint64_t)++count;
    return numbers;
}

static char **new_texts(void) {
    char **texts = calloc(3, sizeof *texts);
    texts[0] = new_text();
    texts[1] = new_text();
    return texts;
}

static bool has_length(const pcl_json_field *f) {
    return f->type == PCL_JSON_STRUCTS || f->type == PCL_JSON_INSIDE || f->type == PCL_JSON_MAP ||
           f->type == PCL_JSON_SIZES || f->type == PCL_JSON_SUMS || f->type == PCL_JSON_LIST;
}

static void fill_many(const pcl_json_field *f, char *base) {
    void *to = base + f->offset;
    if (has_length(f))
        *(size_t *)(void *)(base + f->length) = 2;
    if (f->length2)
        *(size_t *)(void *)(base + f->length2) = 1;
    if (f->type == PCL_JSON_STRUCT)
        fill(f->of, to);
    if (f->type == PCL_JSON_POINTER)
        *(void **)to = fill_structs(f->of, 1, calloc(1, f->of->size));
    if (f->type == PCL_JSON_STRUCTS)
        *(void **)to = fill_structs(f->of, 2, calloc(2, f->of->size));
    if (f->type == PCL_JSON_INSIDE || f->type == PCL_JSON_MAP)
        fill_structs(f->of, 2, to);
    if (f->type == PCL_JSON_SIZES || f->type == PCL_JSON_SUMS)
        *(void **)to = new_numbers();
    if (f->type == PCL_JSON_TEXTS || f->type == PCL_JSON_LIST)
        *(char ***)to = new_texts();
}

static void fill_one(const pcl_json_field *f, char *base) {
    void *to = base + f->offset;
    if (f->type == PCL_JSON_SIZE || f->type == PCL_JSON_UINT64)
        *(uint64_t *)to = (uint64_t)++count;
    if (f->type == PCL_JSON_INT)
        *(int *)to = ++count;
    if (f->type == PCL_JSON_BOOL)
        *(bool *)to = true;
    if (f->type == PCL_JSON_REAL)
        *(double *)to = ++count / 3.0;
    if (f->type == PCL_JSON_TEXT)
        *(char **)to = new_text();
    if (f->type == PCL_JSON_OBJECT)
        *(char **)to = strdup("{\n  \"group\": {\n    \"a\": 0.1\n  }\n}");
    if (f->type == PCL_JSON_CHARS)
        snprintf(to, f->length, "chars %d", ++count);
    if (f->type == PCL_JSON_CHOICE)
        *(int *)to = (int)words_in(f->words) - 1;
    if (f->type == PCL_JSON_EITHER)
        *(bool *)to = ++count % 2;
}

/* Lengths last: they are fields as well. */
static void fill(const pcl_json_struct *s, char *base) {
    for (size_t i = 0; i < s->nfield; i++)
        fill_one(&s->field[i], base);
    for (size_t i = 0; i < s->nfield; i++)
        fill_many(&s->field[i], base);
}

/* ---- freeing ---- */

static void clear(const pcl_json_struct *s, char *base);

static void clear_structs(const pcl_json_struct *s, size_t n, char *first) {
    for (size_t i = 0; first && i < n; i++)
        clear(s, first + i * s->size);
}

static void clear(const pcl_json_struct *s, char *base) {
    for (size_t i = 0; i < s->nfield; i++) {
        const pcl_json_field *f = &s->field[i];
        void *to = base + f->offset;
        const size_t n = has_length(f) ? *(size_t *)(void *)(base + f->length) : 1;
        if (f->type == PCL_JSON_STRUCT || f->type == PCL_JSON_INSIDE || f->type == PCL_JSON_MAP)
            clear_structs(f->of, n, to);
        if (f->type == PCL_JSON_POINTER || f->type == PCL_JSON_STRUCTS)
            clear_structs(f->of, n, *(void **)to);
        if (f->type == PCL_JSON_TEXTS || f->type == PCL_JSON_LIST)
            for (char **t = *(char ***)to; t && *t; t++)
                free(*t);
        switch (f->type) {
        case PCL_JSON_TEXT:
        case PCL_JSON_OBJECT:
        case PCL_JSON_POINTER:
        case PCL_JSON_STRUCTS:
        case PCL_JSON_SIZES:
        case PCL_JSON_SUMS:
        case PCL_JSON_TEXTS:
        case PCL_JSON_LIST:
            free(*(void **)to);
            break;
        default:
            break;
        }
    }
}

/* ---- the tests ---- */

static const struct {
    const char *name;
    const pcl_json_struct *s;
} tables[] = {{"result", &pcl_json_result}, {"plane", &pcl_json_plane},
              {"plan", &pcl_json_plan},     {"partition", &pcl_json_partition},
              {"concat", &pcl_json_concat}, {"verify", &pcl_json_verify},
              {"memory", &pcl_json_memory}, {"adios2", &pcl_json_adios2},
              {"err", &pcl_json_err},       {"plane_event", &pcl_json_plane_event}};
enum { NTABLE = sizeof tables / sizeof *tables };

static void same_scalars(const pcl_json_struct *s, const char *a, const char *b) {
    for (size_t i = 0; i < s->nfield; i++) {
        const pcl_json_field *f = &s->field[i];
        if (f->type == PCL_JSON_REAL &&
            f->unit != 0) { /* an angle: its digits are those of the unit */
            const double x = *(const double *)(const void *)(a + f->offset),
                         y = *(const double *)(const void *)(b + f->offset);
            assert_true(fabs(x - y) <= 4e-16 * fabs(x));
        } else if (f->type == PCL_JSON_REAL || f->type == PCL_JSON_SIZE ||
                   f->type == PCL_JSON_UINT64) {
            assert_memory_equal(a + f->offset, b + f->offset, 8);
        } else if (f->type == PCL_JSON_INT || f->type == PCL_JSON_CHOICE) {
            assert_memory_equal(a + f->offset, b + f->offset, sizeof(int));
        } else if (f->type == PCL_JSON_CHARS) {
            assert_string_equal(a + f->offset, b + f->offset);
        }
    }
}

/* Texts are equal where the JSON is: nothing is left out of it, and it has all digits. */
static void what_is_written_is_read(void **state) {
    (void)state;
    for (size_t k = 0; k < NTABLE; k++) {
        const pcl_json_struct *s = tables[k].s;
        char *a = calloc(1, s->size), *b = calloc(1, s->size), *text = NULL, *again = NULL;
        fill(s, a);
        assert_ok(pcl_json_text(s, a, &text, &err));
        json_t *json = json_loads(text, 0, NULL);
        assert_non_null(json);
        if (pcl_json_read(s, json, b, &err))
            fail_msg("%s: %s", tables[k].name, err.msg);
        same_scalars(s, a, b);
        assert_ok(pcl_json_text(s, b, &again, &err));
        if (s != &pcl_json_result && s != &pcl_json_plane) /* angles */
            assert_string_equal(text, again);
        json_decref(json);
        free(text);
        free(again);
        clear(s, a);
        clear(s, b);
        free(a);
        free(b);
    }
}

static size_t size_of(const pcl_json_field *f) {
    switch (f->type) {
    case PCL_JSON_INT:
    case PCL_JSON_CHOICE:
    case PCL_JSON_WORD:
        return sizeof(int);
    case PCL_JSON_BOOL:
    case PCL_JSON_EITHER:
        return sizeof(bool);
    case PCL_JSON_CHARS:
        return f->length;
    case PCL_JSON_INSIDE:
    case PCL_JSON_MAP:
        return f->room * f->of->size;
    case PCL_JSON_MADE:
        return f->offset ? 8 : 0;
    default:
        return 8;
    }
}

static void mark(const pcl_json_struct *s, char *base) {
    for (size_t i = 0; i < s->nfield; i++) {
        const pcl_json_field *f = &s->field[i];
        if (f->type == PCL_JSON_STRUCT)
            mark(f->of, base + f->offset);
        else
            memset(base + f->offset, 1, size_of(f));
        if (has_length(f) || (f->type == PCL_JSON_MADE && f->length))
            memset(base + f->length, 1, sizeof(size_t));
    }
}

/* Bytes of which no row says anything are padding: fewer than eight in a row. */
static void every_field_has_a_row(void **state) {
    (void)state;
    for (size_t k = 0; k < NTABLE; k++) {
        const pcl_json_struct *s = tables[k].s;
        char *seen = calloc(1, s->size);
        size_t bare = 0;
        mark(s, seen);
        for (size_t i = 0; i < s->size; i++) {
            bare = seen[i] ? 0 : bare + 1;
            if (bare >= 8)
                fail_msg("%s: no row for the field that ends with byte %zu", tables[k].name, i);
        }
        free(seen);
    }
}

static void what_is_not_there_is_null(void **state) {
    (void)state;
    const pclean_plan plan = {.memory_limit_bytes = UINT64_MAX, .step_hz = NAN};
    char *text = NULL;
    assert_ok(pclean_plan_json(&plan, &text, &err));
    assert_non_null(strstr(text, "\"limit_bytes\": null"));
    assert_non_null(strstr(text, "\"step_hz\": null"));
    assert_non_null(strstr(text, "\"time\": null"));
    assert_null(strstr(text, "partition"));
    free(text);
    const pclean_adios2_info info = {.reason = "\xff"};
    assert_ok(pclean_adios2_json(&info, &text, &err));
    assert_non_null(strstr(text, "\"casatools\": null"));
    assert_non_null(strstr(text, "\"reason\": \"\xef\xbf\xbd\""));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(every_field_has_a_row),
        cmocka_unit_test(what_is_not_there_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
