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

static json_t *texts(char *const *list) {
    json_t *a = json_array();
    for (; list && *list; list++)
        if (json_array_append_new(a, text(*list))) {
            json_decref(a);
            return NULL;
        }
    return a;
}

static json_t *real(double x, double unit) {
    const double value = unit != 0 ? x * unit : x;
    return isfinite(value) ? json_real(value) : json_null();
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
        return real(*(const double *)p, f->unit);
    case PCL_JSON_TEXT:
    case PCL_JSON_STATIC:
        return text(*(char *const *)p);
    case PCL_JSON_CHARS:
        return text(p);
    case PCL_JSON_WORD:
        return text(f->word(*(const int *)p));
    case PCL_JSON_STRUCT:
        return pcl_json_write(f->of, p);
    case PCL_JSON_STRUCTS:
        return structs(f->of, *(char *const *)p, length_of(f, base));
    case PCL_JSON_SIZES:
    case PCL_JSON_SUMS:
        return numbers(f, *(void *const *)p, length_of(f, base));
    case PCL_JSON_TEXTS:
        return texts(*(char **const *)p);
    }
    return NULL;
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
    json_t *object = json_object();
    for (size_t i = 0; object && i < s->nfield; i++)
        if (put(object, s->field[i].name, value_of(&s->field[i], from))) {
            json_decref(object);
            object = NULL;
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
        *(double *)to = json_is_null(v) ? NAN : json_number_value(v) / (f->unit != 0 ? f->unit : 1);
        return 0;
    }
}

static int read_field(const pcl_json_field *f, const json_t *v, void *base, pclean_err *err) {
    void *to = (char *)base + f->offset;
    switch (f->type) {
    case PCL_JSON_STATIC:
    case PCL_JSON_WORD:
        return 0;
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
    case PCL_JSON_STRUCT:
        return json_is_object(v) ? pcl_json_read(f->of, v, to, err) : wrong(f, "an object", err);
    case PCL_JSON_STRUCTS:
    case PCL_JSON_SIZES:
    case PCL_JSON_SUMS:
        return read_array(f, v, base, err);
    case PCL_JSON_TEXTS:
        return read_texts(f, v, to, err);
    default:
        return read_number(f, v, to, err);
    }
}

int pcl_json_read(const pcl_json_struct *s, const json_t *from, void *to, pclean_err *err) {
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
