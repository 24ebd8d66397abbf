#include "json/fields.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const void *at(const void *base, size_t offset) {
    return (const char *)base + offset;
}

/* The length of an array in the struct. */
static size_t length_of(const pcl_json_field *f, const void *base) {
    const size_t n = *(const size_t *)at(base, f->length);
    return f->length2 ? n * *(const size_t *)at(base, f->length2) : n;
}

/* ---- writing ---- */

static json_t *count(uint64_t n) {
    return n <= INT64_MAX ? json_integer((json_int_t)n) : json_null();
}

/* A text that is not UTF-8 (a Latin-1 name) keeps its ASCII letters; each other byte becomes
 * U+FFFD. */
static json_t *repaired(const char *t) {
    char *copy = malloc(3 * strlen(t) + 1), *p = copy;
    for (; copy && *t; t++)
        p = (unsigned char)*t < 128 ? (*p = *t, p + 1) : stpcpy(p, "\xef\xbf\xbd");
    if (!copy)
        return NULL;
    *p = '\0';
    json_t *j = json_string(copy);
    free(copy);
    return j;
}

static json_t *text(const char *t) {
    json_t *j = t ? json_string(t) : json_null();
    return j ? j : repaired(t);
}

static json_t *value_of(const pcl_json_field *f, const void *base);

static json_t *structs(const pcl_json_struct *s, const char *first, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; first && i < n; i++)
        if (json_array_append_new(list, pcl_json_write(s, first + i * s->size))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *numbers(const pcl_json_field *f, const void *array, size_t n) {
    json_t *list = json_array();
    char sum[20];
    for (size_t i = 0; array && i < n; i++) {
        if (f->type == PCL_JSON_SIZES) {
            json_array_append_new(list, count(((const size_t *)array)[i]));
        } else {
            snprintf(sum, sizeof sum, "%016llx", (unsigned long long)((const uint64_t *)array)[i]);
            json_array_append_new(list, json_string(sum));
        }
    }
    return list;
}

static json_t *texts(char *const *list, size_t n) {
    json_t *a = json_array();
    for (size_t i = 0; list && i < n && list[i]; i++)
        if (json_array_append_new(a, text(list[i]))) {
            json_decref(a);
            return NULL;
        }
    return a;
}

static json_t *map(const pcl_json_struct *s, const char *first, size_t n) {
    json_t *object = json_object();
    for (size_t i = 0; object && i < n; i++) {
        const char *one = first + i * s->size;
        json_t *key = value_of(&s->field[0], one);
        if (!json_is_string(key) ||
            json_object_set_new(object, json_string_value(key), value_of(&s->field[1], one))) {
            json_decref(object);
            object = NULL;
        }
        json_decref(key);
    }
    return object;
}

/* Word number k of "a|b|c"; NULL: there are fewer. */
static json_t *word_at(const char *words, int k) {
    for (; k > 0 && words; k--)
        words = strchr(words, '|') ? strchr(words, '|') + 1 : NULL;
    return words && k == 0 ? json_stringn(words, strcspn(words, "|")) : json_null();
}

static json_t *object_of(const char *t) {
    return t ? json_loads(t, 0, NULL) : json_null();
}

static double or_one(double x) {
    return x != 0 ? x : 1;
}

static json_t *real(double x, const pcl_json_field *f) {
    const double value = x * or_one(f->unit) / or_one(f->per);
    return isfinite(value) ? json_real(value) : json_null();
}

/* Structs and lists. */
static json_t *value_of_many(const pcl_json_field *f, const void *base) {
    const void *p = at(base, f->offset);
    switch (f->type) {
    case PCL_JSON_STRUCT:
        return pcl_json_write(f->of, p);
    case PCL_JSON_POINTER:
        return *(void *const *)p ? pcl_json_write(f->of, *(void *const *)p) : json_null();
    case PCL_JSON_STRUCTS:
        return structs(f->of, *(char *const *)p, length_of(f, base));
    case PCL_JSON_INSIDE:
        return structs(f->of, p, length_of(f, base));
    case PCL_JSON_MAP:
        return map(f->of, p, length_of(f, base));
    case PCL_JSON_SIZES:
    case PCL_JSON_SUMS:
        return numbers(f, *(void *const *)p, length_of(f, base));
    case PCL_JSON_TEXTS:
        return texts(*(char **const *)p, SIZE_MAX);
    case PCL_JSON_LIST:
        return texts(*(char **const *)p, length_of(f, base));
    case PCL_JSON_MADE:
        return f->make(base);
    default:
        return NULL;
    }
}

static json_t *value_of(const pcl_json_field *f, const void *base) {
    const void *p = at(base, f->offset);
    switch (f->type) {
    case PCL_JSON_SIZE:
        return count(*(const size_t *)p);
    case PCL_JSON_UINT64:
        return count(*(const uint64_t *)p);
    case PCL_JSON_INT:
        return json_integer(*(const int *)p);
    case PCL_JSON_BOOL:
        return json_boolean(*(const bool *)p);
    case PCL_JSON_REAL:
        return real(*(const double *)p, f);
    case PCL_JSON_FLOAT:
        return real((double)*(const float *)p, f);
    case PCL_JSON_TEXT:
        return text(*(char *const *)p);
    case PCL_JSON_CHARS:
        return text(p);
    case PCL_JSON_CHOICE:
        return word_at(f->words, *(const int *)p);
    case PCL_JSON_EITHER:
        return word_at(f->words, *(const bool *)p);
    case PCL_JSON_WORD:
        return text(f->word(*(const int *)p));
    case PCL_JSON_OBJECT:
        return object_of(*(char *const *)p);
    default:
        return value_of_many(f, base);
    }
}

/* Puts value under a name with dots; takes the value. */
static int put(json_t *object, const char *name, json_t *value) {
    const char *dot = strchr(name, '.');
    if (!dot)
        return json_object_set_new(object, name, value);
    char outer[64];
    snprintf(outer, sizeof outer, "%.*s", (int)(dot - name), name);
    json_t *inner = json_object_get(object, outer);
    if (!inner) {
        inner = json_object();
        if (json_object_set_new(object, outer, inner)) {
            json_decref(value);
            return -1;
        }
    }
    return put(inner, dot + 1, value);
}

json_t *pcl_json_write(const pcl_json_struct *s, const void *from) {
    if (s->given && !s->given(from))
        return json_null();
    json_t *object = json_object();
    for (size_t i = 0; object && i < s->nfield; i++) {
        json_t *value = value_of(&s->field[i], from);
        if (s->field[i].optional && json_is_null(value))
            continue; /* null is static: it needs no decref */
        if (put(object, s->field[i].name, value)) {
            json_decref(object);
            object = NULL;
        }
    }
    return object;
}

/* ---- reading ---- */

static const json_t *get(const json_t *object, const char *name) {
    const char *dot = strchr(name, '.');
    if (!dot)
        return json_object_get(object, name);
    char outer[64];
    snprintf(outer, sizeof outer, "%.*s", (int)(dot - name), name);
    return get(json_object_get(object, outer), dot + 1);
}

static int wrong(const pcl_json_field *f, const char *wanted, pclean_err *err) {
    return PCL_FAIL(err, PCLEAN_EPARAM, "JSON: \"%s\" should be %s", f->name, wanted);
}

/* A count; null is the largest. */
static int read_count(const pcl_json_field *f, const json_t *v, uint64_t *out, pclean_err *err) {
    if (json_is_null(v)) {
        *out = UINT64_MAX;
        return 0;
    }
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return wrong(f, "a whole number of 0 or more", err);
    *out = (uint64_t)json_integer_value(v);
    return 0;
}

static int copy_text(const char *from, char **out, pclean_err *err) {
    *out = strdup(from);
    return *out ? 0
                : PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for a text of %zu characters",
                           strlen(from));
}

static int read_field(const pcl_json_field *f, const json_t *v, void *base, pclean_err *err);

static int read_texts(const pcl_json_field *f, const json_t *v, char ***out, pclean_err *err) {
    if (!json_is_array(v))
        return wrong(f, "a list of texts", err);
    const size_t n = json_array_size(v);
    int rc = 0;
    if (!(*out = calloc(n + 1, sizeof **out)))
        return PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for a list of %zu texts", n);
    for (size_t i = 0; !rc && i < n; i++) {
        const char *t = json_string_value(json_array_get(v, i));
        rc = t ? copy_text(t, &(*out)[i], err) : wrong(f, "a list of texts", err);
    }
    return rc;
}

/* A list of texts with its length in a field of its own; the same memory as one ended by NULL. */
static int read_list(const pcl_json_field *f, const json_t *v, void *base, pclean_err *err) {
    *(size_t *)((char *)base + f->length) = json_array_size(v);
    return read_texts(f, v, (char ***)(void *)((char *)base + f->offset), err);
}

static int read_pointer(const pcl_json_field *f, const json_t *v, void **out, pclean_err *err) {
    if (json_is_null(v))
        return 0;
    if (!(*out = calloc(1, f->of->size)))
        return PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for %s", f->name);
    return pcl_json_read(f->of, v, *out, err);
}

static int read_inside(const pcl_json_field *f, const json_t *v, void *base, pclean_err *err) {
    const size_t n = json_array_size(v);
    char *first = (char *)base + f->offset;
    if (!json_is_array(v) || n > f->room)
        return wrong(f, "a short list", err);
    *(size_t *)((char *)base + f->length) = n;
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++)
        rc = pcl_json_read(f->of, json_array_get(v, i), first + i * f->of->size, err);
    return rc;
}

static int read_map(const pcl_json_field *f, const json_t *v, void *base, pclean_err *err) {
    char *one = (char *)base + f->offset;
    const char *key;
    json_t *value;
    int rc = 0;
    if (!json_is_object(v) || json_object_size(v) > f->room)
        return wrong(f, "a small object", err);
    *(size_t *)((char *)base + f->length) = json_object_size(v);
    json_object_foreach((json_t *)(uintptr_t)v, key, value) {
        json_t *name = json_string(key);
        rc = rc ? rc : read_field(&f->of->field[0], name, one, err);
        rc = rc ? rc : read_field(&f->of->field[1], value, one, err);
        json_decref(name);
        one += f->of->size;
    }
    return rc;
}

/* The index of a word in "a|b|c". */
static int read_word(const pcl_json_field *f, const json_t *v, int *out, pclean_err *err) {
    const char *word = json_string_value(v), *p = f->words;
    for (*out = 0; word && p; ++*out, p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
        if (strlen(word) == strcspn(p, "|") && strncmp(word, p, strlen(word)) == 0)
            return 0;
    *out = 0;
    return wrong(f, f->words, err);
}

static int read_object(const pcl_json_field *f, const json_t *v, char **out, pclean_err *err) {
    if (json_is_null(v))
        return 0;
    if (!json_is_object(v))
        return wrong(f, "an object", err);
    *out = json_dumps(v, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    return *out ? 0 : PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for %s", f->name);
}

/* An array, whose length goes to its own field. */
static int read_array(const pcl_json_field *f, const json_t *v, void *base, pclean_err *err) {
    if (!json_is_array(v))
        return wrong(f, "a list", err);
    const size_t n = json_array_size(v),
                 each = f->type == PCL_JSON_STRUCTS ? f->of->size : sizeof(uint64_t);
    char *array = calloc(n ? n : 1, each);
    if (!array)
        return PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for a list of %zu", n);
    *(void **)((char *)base + f->offset) = array;
    if (!f->length2)
        *(size_t *)((char *)base + f->length) = n;
    else if (length_of(f, base) != n)
        return wrong(f, "a list of as many as the numbers beside it say", err);
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++) {
        const json_t *item = json_array_get(v, i);
        if (f->type == PCL_JSON_STRUCTS)
            rc = pcl_json_read(f->of, item, array + i * each, err);
        else if (f->type == PCL_JSON_SUMS)
            ((uint64_t *)(void *)array)[i] =
                json_is_string(item) ? strtoull(json_string_value(item), NULL, 16) : 0;
        else
            rc = read_count(f, item, (uint64_t *)(void *)array + i, err);
    }
    return rc;
}

static int read_number(const pcl_json_field *f, const json_t *v, void *to, pclean_err *err) {
    uint64_t n = 0;
    int rc = 0;
    switch (f->type) {
    case PCL_JSON_SIZE:
        rc = read_count(f, v, &n, err);
        *(size_t *)to = (size_t)n;
        return rc;
    case PCL_JSON_UINT64:
        return read_count(f, v, to, err);
    case PCL_JSON_INT:
        if (!json_is_integer(v) || json_integer_value(v) != (int)json_integer_value(v))
            return wrong(f, "a whole number", err);
        *(int *)to = (int)json_integer_value(v);
        return 0;
    case PCL_JSON_BOOL:
        if (!json_is_boolean(v))
            return wrong(f, "true or false", err);
        *(bool *)to = json_is_true(v);
        return 0;
    default:
        if (!json_is_number(v) && !json_is_null(v))
            return wrong(f, "a number", err);
        *(double *)to =
            json_is_null(v) ? NAN : json_number_value(v) * or_one(f->per) / or_one(f->unit);
        return 0;
    }
}

static int read_many(const pcl_json_field *f, const json_t *v, void *base, pclean_err *err) {
    void *to = (char *)base + f->offset;
    switch (f->type) {
    case PCL_JSON_STRUCT:
        return json_is_object(v) || f->of->given ? pcl_json_read(f->of, v, to, err)
                                                 : wrong(f, "an object", err);
    case PCL_JSON_POINTER:
        return read_pointer(f, v, to, err);
    case PCL_JSON_INSIDE:
        return read_inside(f, v, base, err);
    case PCL_JSON_MAP:
        return read_map(f, v, base, err);
    case PCL_JSON_TEXTS:
        return read_texts(f, v, to, err);
    case PCL_JSON_LIST:
        return read_list(f, v, base, err);
    case PCL_JSON_FLOAT:
    case PCL_JSON_WORD:
    case PCL_JSON_MADE:
        return 0;
    default:
        return read_array(f, v, base, err);
    }
}

static int read_field(const pcl_json_field *f, const json_t *v, void *base, pclean_err *err) {
    void *to = (char *)base + f->offset;
    int k = 0, rc;
    switch (f->type) {
    case PCL_JSON_SIZE:
    case PCL_JSON_UINT64:
    case PCL_JSON_INT:
    case PCL_JSON_BOOL:
    case PCL_JSON_REAL:
        return read_number(f, v, to, err);
    case PCL_JSON_TEXT:
        if (json_is_null(v))
            return 0;
        return json_is_string(v) ? copy_text(json_string_value(v), to, err)
                                 : wrong(f, "a text", err);
    case PCL_JSON_CHARS:
        if (!json_is_string(v) || strlen(json_string_value(v)) >= f->length)
            return wrong(f, "a short text", err);
        snprintf(to, f->length, "%s", json_string_value(v));
        return 0;
    case PCL_JSON_CHOICE:
        return read_word(f, v, to, err);
    case PCL_JSON_EITHER:
        rc = read_word(f, v, &k, err);
        *(bool *)to = k;
        return rc;
    case PCL_JSON_OBJECT:
        return read_object(f, v, to, err);
    default:
        return read_many(f, v, base, err);
    }
}

int pcl_json_read(const pcl_json_struct *s, const json_t *from, void *to, pclean_err *err) {
    if (s->given && json_is_null(from))
        return 0;
    if (!json_is_object(from))
        return PCL_FAIL(err, PCLEAN_EPARAM, "JSON: an object was expected");
    int rc = 0;
    for (size_t i = 0; !rc && i < s->nfield; i++) {
        const json_t *v = get(from, s->field[i].name);
        if (v)
            rc = read_field(&s->field[i], v, to, err);
    }
    return rc;
}
