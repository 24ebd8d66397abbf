#include "config/value.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "config/python.h"
#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- lists of texts ---- */

void pcl_texts_clear(struct pcl_texts *texts) {
    for (size_t i = 0; i < texts->n; i++)
        pcl_free(texts->item[i]);
    pcl_free(texts->item);
    *texts = (struct pcl_texts){0};
}

/* Room doubles whenever the number of texts is a power of two. */
static int make_room(struct pcl_texts *texts, pclean_err *err) {
    char **grown = NULL;
    if (texts->n & (texts->n - 1))
        return 0;
    int rc = PCL_NEW(&grown, texts->n ? 2 * texts->n : 1, "list of values", err);
    if (rc)
        return rc;
    if (texts->n)
        memcpy(grown, texts->item, texts->n * sizeof *grown);
    pcl_free(texts->item);
    texts->item = grown;
    return 0;
}

int pcl_texts_add(struct pcl_texts *texts, const char *text, size_t len, pclean_err *err) {
    char *copy = NULL;
    int rc = pcl_asprintf(&copy, err, "%.*s", (int)len, text);
    if (!rc && (rc = make_room(texts, err)))
        pcl_free(copy);
    if (!rc)
        texts->item[texts->n++] = copy;
    return rc;
}

bool pcl_texts_equal(const struct pcl_texts *a, const struct pcl_texts *b) {
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->item[i], b->item[i]) != 0)
            return false;
    return true;
}

void pcl_texts_join(const struct pcl_texts *texts, char *buf, size_t size) {
    size_t at = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < texts->n && at < size; i++)
        at += (size_t)snprintf(buf + at, size - at, "%s%s", i ? "," : "", texts->item[i]);
}

/* ---- lists as a user writes them ---- */

/* How deep lists may stand in lists. */
#define DEEPEST 8

/* What a reader of a list has found. Items are only counted while texts is NULL. */
struct list_reader {
    struct pcl_texts *texts;
    bool keeps_none; /* None has a place of its own */
    size_t ncomma;   /* of the outermost list */
    pclean_err *err;
    int rc;
};

static const char *skip_blanks(const char *p) {
    while (isspace((unsigned char)*p))
        p++;
    return p;
}

static void take_item(struct list_reader *r, const char *begin, size_t len) {
    if (r->texts && !r->rc)
        r->rc = pcl_texts_add(r->texts, begin, len, r->err);
}

/* A quoted text at p, `\'` being a mark in it; its end, NULL if it has none or something but a
 * comma or bracket follows. */
static const char *read_quoted(struct list_reader *r, const char *p) {
    const char mark = *p++;
    char *plain = NULL;
    size_t n = 0;
    if (!r->rc)
        r->rc = PCL_NEW(&plain, strlen(p) + 1, "value", r->err);
    for (; *p && *p != mark; p++) {
        if (*p == '\\' && (p[1] == mark || p[1] == '\\'))
            p++;
        if (plain)
            plain[n++] = *p;
    }
    if (plain)
        take_item(r, plain, n);
    pcl_free(plain);
    p = *p ? skip_blanks(p + 1) : NULL;
    return p && strchr(",])", *p) ? p : NULL;
}

/* "64 64", as numpy prints [64, 64]: each number is an item. */
static bool take_numbers(struct list_reader *r, const char *begin, const char *end) {
    size_t n = 0;
    for (const char *p = begin; p < end; p = skip_blanks(p), n++) {
        char *after;
        strtod(p, &after);
        if (after == p || (after < end && !isspace((unsigned char)*after)))
            return false;
        p = after;
    }
    for (const char *p = begin; p < end && n > 1; p = skip_blanks(p)) {
        const size_t len = strcspn(p, " \t\n\r\v\f,])");
        take_item(r, p, len);
        p += len;
    }
    return n > 1;
}

static void take_dict(struct list_reader *r, const char *begin, size_t n) {
    char *dict = NULL, *text = NULL;
    int rc = r->rc ? r->rc : pcl_asprintf(&dict, r->err, "%.*s", (int)n, begin);
    if (!rc && !(rc = pcl_python_dict(dict, &text, r->err)))
        take_item(r, text, strlen(text));
    r->rc = rc;
    pcl_free(text);
    pcl_free(dict);
}

/* A bare item at p, up to a comma or bracket outside its own brackets: circle[[1pix,2pix],3pix] is
 * one. */
static const char *read_bare(struct list_reader *r, const char *p) {
    const char *begin = p;
    p = pcl_python_value_end(begin);
    size_t n = (size_t)(p - begin);
    while (n > 0 && isspace((unsigned char)begin[n - 1]))
        n--;
    if (*begin == '{' && r->texts)
        take_dict(r, begin, n);
    else if (n == 4 && strncmp(begin, "None", 4) == 0)
        r->keeps_none ? take_item(r, begin, 0) : (void)0;
    else if (n > 0 && !take_numbers(r, begin, begin + n))
        take_item(r, begin, n);
    return *p ? p : NULL;
}

static const char *read_list(struct list_reader *r, const char *p, int depth);

/* One item: a list, a quoted or a bare text, or one of these as numpy prints it. */
static const char *read_item(struct list_reader *r, const char *p, int depth) {
    const char *after = NULL, *inner = pcl_python_wrapped(p, &after);
    p = inner ? inner : p;
    if (*p == '[' || *p == '(')
        p = depth < DEEPEST ? read_list(r, p, depth + 1) : NULL;
    else if (*p == '\'' || *p == '"')
        p = read_quoted(r, p);
    else
        p = read_bare(r, p);
    return inner && p ? after : p;
}

/* The list that begins at p: one past its last bracket; NULL: it is none. */
static const char *read_list(struct list_reader *r, const char *p, int depth) {
    const char close = *p == '[' ? ']' : ')';
    p = skip_blanks(p + 1);
    while (p && *p != close) {
        p = read_item(r, p, depth);
        p = p ? skip_blanks(p) : NULL;
        if (p && *p == ',') {
            r->ncomma += depth == 0;
            p = skip_blanks(p + 1);
        } else if (p && *p != close) {
            p = NULL;
        }
    }
    return p ? p + 1 : NULL;
}

/* Is the whole text one list? */
static bool is_list(const char *text) {
    const char *begin = skip_blanks(text);
    struct list_reader counter = {0};
    if (*begin != '[' && *begin != '(')
        return false;
    const char *end = read_list(&counter, begin, 0);
    if (!end || *skip_blanks(end) != '\0')
        return false;
    return *begin == '[' || counter.ncomma > 0 || *skip_blanks(begin + 1) == ')';
}

static bool is_text_list(const struct pcl_option *o) {
    return o->type == PCL_TEXTLIST || o->type == PCL_PERMS || o->type == PCL_WHOLES;
}

/* A text of it stays whole, whatever commas it has. */
static bool is_whole(const struct pcl_option *o) {
    return o->type == PCL_PERMS || o->type == PCL_WHOLES;
}

/* The text without blanks and quotation marks around it; double ones only where `both`. */
static int add_unquoted(struct pcl_texts *texts, const char *text, size_t n, bool both,
                        pclean_err *err) {
    while (n > 0 && isspace((unsigned char)*text)) {
        text++;
        n--;
    }
    while (n > 0 && isspace((unsigned char)text[n - 1]))
        n--;
    const bool quoted = n >= 2 && (*text == '\'' || (both && *text == '"')) &&
                        memchr(text + 1, *text, n - 1) == text + n - 1;
    return pcl_texts_add(texts, text + quoted, n - 2 * quoted, err);
}

static bool exists(const char *text, size_t n) {
    char path[4096];
    return n > 0 && n < sizeof path && memcpy(path, text, n) &&
           (path[n] = '\0', access(path, F_OK) == 0);
}

/* The end of the item at p: a comma outside quotation marks; of paths, the last one up to which the
 * text exists. */
static const char *item_end(const char *p, bool is_path) {
    const char *begin = skip_blanks(p), *end = NULL, *comma = p;
    if ((*begin == '\'' || *begin == '"') && (comma = strchr(begin + 1, *begin)))
        return comma + strcspn(comma, ",");
    for (comma = p + strcspn(p, ","); is_path; comma += 1 + strcspn(comma + 1, ",")) {
        if (exists(begin, (size_t)(comma - begin)))
            end = comma;
        if (!*comma)
            break;
    }
    return end ? end : p + strcspn(p, ",");
}

static int split(struct pcl_texts *texts, const char *p, bool is_path, pclean_err *err) {
    int rc = 0;
    for (const char *end; *p && rc == 0; p = *end ? end + 1 : end) {
        end = item_end(p, is_path);
        if (*skip_blanks(p) && skip_blanks(p) < end)
            rc = add_unquoted(texts, p, (size_t)(end - p), true, err);
    }
    return rc;
}

/* What numpy or a dictionary of CASA has in the whole text; *out NULL: it is neither. */
static int unwrap(const char *text, char **out, pclean_err *err) {
    const char *after = NULL, *inner = pcl_python_wrapped(skip_blanks(text), &after);
    *out = NULL;
    if (pcl_python_is_dict(text))
        return pcl_python_dict(text, out, err);
    if (!inner || *skip_blanks(after))
        return 0;
    return pcl_asprintf(out, err, "%.*s", (int)(pcl_python_value_end(inner) - inner), inner);
}

static int parse_plain(struct pcl_texts *texts, const struct pcl_option *o, const char *text,
                       pclean_err *err) {
    const bool is_path = o && o->is_path, splits = !o || (pcl_option_is_list(o) && !is_whole(o));
    struct list_reader reader = {.texts = texts, .keeps_none = o && is_whole(o), .err = err};
    if (is_list(text)) {
        texts->is_list = true;
        read_list(&reader, skip_blanks(text), 0);
        return reader.rc;
    }
    return splits ? split(texts, text, is_path, err)
                  : add_unquoted(texts, text, strlen(text), !is_whole(o), err);
}

int pcl_texts_parse(struct pcl_texts *texts, const struct pcl_option *o, const char *text,
                    pclean_err *err) {
    char *inner = NULL;
    *texts = (struct pcl_texts){0};
    if (o && o->is_path && exists(text, strlen(text)))
        return pcl_texts_add(texts, text, strlen(text), err);
    int rc = unwrap(text, &inner, err);
    if (!rc)
        rc = parse_plain(texts, o, inner ? inner : text, err);
    pcl_free(inner);
    if (rc)
        pcl_texts_clear(texts);
    return rc;
}

/* "['a', 'b']" */
static int write_list(const struct pcl_texts *texts, char **out, pclean_err *err) {
    size_t size = 3;
    for (size_t i = 0; i < texts->n; i++)
        size += 2 * strlen(texts->item[i]) + 4;
    int rc = PCL_NEW(out, size, "text of a value", err);
    if (rc)
        return rc;
    char *p = *out;
    *p++ = '[';
    for (size_t i = 0; i < texts->n; i++) {
        p = stpcpy(p, i ? ", '" : "'");
        for (const char *c = texts->item[i]; *c; *p++ = *c++)
            if (*c == '\'' || *c == '\\')
                *p++ = '\\';
        *p++ = '\'';
    }
    strcpy(p, "]");
    return 0;
}

static int write_joined(const struct pcl_texts *texts, char **out, pclean_err *err) {
    size_t size = 1;
    for (size_t i = 0; i < texts->n; i++)
        size += strlen(texts->item[i]) + 1;
    const int rc = PCL_NEW(out, size, "text of a value", err);
    if (!rc)
        pcl_texts_join(texts, *out, size);
    return rc;
}

int pcl_texts_write(const struct pcl_texts *texts, const struct pcl_option *o, char **out,
                    pclean_err *err) {
    struct pcl_texts back;
    int rc = write_joined(texts, out, err);
    if (rc || (rc = pcl_texts_parse(&back, o, *out, err)))
        return rc;
    const bool same = pcl_texts_equal(texts, &back);
    pcl_texts_clear(&back);
    if (same)
        return 0;
    pcl_free(*out);
    return write_list(texts, out, err);
}

/* Would the text, as it is, be read as something else? */
static bool needs_list(const char *text) {
    const size_t n = strlen(text);
    return is_list(text) ||
           (n > 0 && (strchr(" \t\n\r\v\f'\"", text[0]) || strchr(" \t\n\r\v\f", text[n - 1])));
}

/* ---- text to value ---- */

bool pcl_parse_memory_limit(const char *text, double *bytes, double *part) {
    pcl_quantity q;
    char with_b[64];
    *bytes = *part = 0;
    if (!*text || strcasecmp(text, "auto") == 0)
        return true;
    snprintf(with_b, sizeof with_b, "%.60sB", text); /* Dask's "4G" */
    if (pcl_quantity_parse(text, &q, NULL) || (q.dim != PCL_DIM_NONE && q.dim != PCL_DIM_BYTES))
        if (pcl_quantity_parse(with_b, &q, NULL) || q.dim != PCL_DIM_BYTES)
            return false;
    *(q.dim == PCL_DIM_NONE && q.value <= 1 ? part : bytes) = q.value;
    return q.value >= 0;
}

bool pcl_parse_bool(const char *text, bool *value) {
    static const char yes[] = "true|yes|on|t|y|1|1.0", no[] = "false|no|off|f|n|0|0.0";
    *value = pcl_words_index(yes, text) >= 0;
    return *value || pcl_words_index(no, text) >= 0;
}

/* "10_000", as Python writes it, is 10000. */
static const char *without_underscores(const char *text, char *buf, size_t size) {
    size_t n = 0;
    if (!strchr(text, '_') || strlen(text) >= size)
        return text;
    for (const char *p = text; *p; p++)
        if (*p != '_' || p == text || !isdigit((unsigned char)p[-1]) ||
            !isdigit((unsigned char)p[1]))
            buf[n++] = *p;
    buf[n] = '\0';
    return buf;
}

static bool parse_real(const char *text, double *value) {
    pcl_quantity q;
    char digits[64];
    text = without_underscores(text, digits, sizeof digits);
    if (pcl_quantity_parse(text, &q, NULL) != 0 || q.dim != PCL_DIM_NONE)
        return false;
    *value = q.value;
    return true;
}

bool pcl_parse_int(const char *text, int *value) {
    double x;
    if (!parse_real(text, &x) || x < INT_MIN || x > INT_MAX || trunc(x) < x || trunc(x) > x)
        return false;
    *value = (int)x;
    return true;
}

static int bad_value(const struct pcl_option *o, const char *text, const char *wanted,
                     pclean_err *err) {
    return PCL_FAIL(err, PCLEAN_EPARAM, "%s=%.200s: %s", o->name, text[0] ? text : "\"\"", wanted);
}

static int bad_choice(const struct pcl_option *o, const char *text, pclean_err *err) {
    char choices[400];
    pcl_words_join(o->choices, choices, sizeof choices);
    if (o->unavailable && pcl_words_index(o->unavailable, text) >= 0)
        return PCL_FAIL(
            err, PCLEAN_EUNSUPPORTED,
            "%s=%s is tclean's but not available in this version of pclean (available: %s)",
            o->name, text, choices);
    return PCL_FAIL(err, PCLEAN_EPARAM, "%s=%.200s: choose one of %s", o->name,
                    text[0] ? text : "\"\"", choices);
}

/* "ft" -> "standard" by "ft=standard|gridft=standard"; other texts pass. `word` holds the
 * result. */
static const char *resolve_alias(const struct pcl_option *o, const char *text, char *word,
                                 size_t size) {
    for (size_t i = 0; pcl_words_at(o->alias, i, word, size); i++) {
        char *equals = strchr(word, '=');
        if (equals && strlen(text) == (size_t)(equals - word) &&
            strncasecmp(word, text, (size_t)(equals - word)) == 0)
            return equals + 1;
    }
    return text;
}

static int find_choice(const struct pcl_option *o, const char *text, int *index, pclean_err *err) {
    char word[64];
    *index = pcl_words_index(o->choices, resolve_alias(o, text, word, sizeof word));
    return *index < 0 ? bad_choice(o, text, err) : 0;
}

static int set_text(char **field, const char *text, pclean_err *err) {
    char *copy = NULL;
    int rc = pcl_strdup(&copy, text, err);
    if (rc == 0) {
        pcl_free(*field);
        *field = copy;
    }
    return rc;
}

static int set_word(const struct pcl_option *o, char **field, const char *text, pclean_err *err) {
    char word[64] = "";
    int index, rc = find_choice(o, text, &index, err);
    if (rc)
        return rc;
    pcl_words_at(o->choices, (size_t)index, word, sizeof word);
    return set_text(field, word, err);
}

/* Empty items ask for nothing: tclean writes uvtaper=['']. Where each has its place they stay. */
static int set_list(pclean_strlist *field, const char *const *items, size_t n, bool keep_empty,
                    pclean_err *err) {
    struct pcl_texts texts = {0};
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        if (items[i][0] || keep_empty)
            rc = pcl_texts_add(&texts, items[i], strlen(items[i]), err);
    if (rc) {
        pcl_texts_clear(&texts);
        return rc;
    }
    struct pcl_texts old = {.n = field->n, .item = field->item};
    pcl_texts_clear(&old);
    *field = (pclean_strlist){texts.n, texts.item};
    return 0;
}

static int parse_angle(const struct pcl_option *o, const char *text, double *rad, pclean_err *err) {
    int rc = pcl_quantity_parse_as(text, PCL_DIM_ANGLE, o->unit, rad, err);
    if (rc)
        pcl_err_prefix(err, "%s=%s: ", o->name, text);
    return rc;
}

static int set_pair(const struct pcl_option *o, void *field, const char *const *items, size_t n,
                    pclean_err *err) {
    int pixel[2];
    double rad[2];
    if (n < 1 || n > 2)
        return PCL_FAIL(err, PCLEAN_EPARAM, "%s: give one value, or two for x and y; there are %zu",
                        o->name, n);
    for (size_t i = 0; i < 2; i++) {
        const char *text = items[i < n ? i : 0];
        if (o->type == PCL_INTPAIR && !pcl_parse_int(text, &pixel[i]))
            return bad_value(o, text, "a whole number is needed", err);
        int rc = o->type == PCL_ANGLEPAIR ? parse_angle(o, text, &rad[i], err) : 0;
        if (rc)
            return rc;
    }
    if (o->type == PCL_INTPAIR)
        memcpy(field, pixel, sizeof pixel);
    else
        memcpy(field, rad, sizeof rad);
    return 0;
}

static int set_scalar(const struct pcl_option *o, void *field, const char *text, pclean_err *err) {
    double x;
    int i, rc;
    bool b;
    switch (o->type) {
    case PCL_TEXT:
        return set_text(field, text, err);
    case PCL_WORD:
        return set_word(o, field, text, err);
    case PCL_INT:
        if (!pcl_parse_int(text, &i))
            return bad_value(o, text, "a whole number is needed", err);
        *(int *)field = i;
        return 0;
    case PCL_REAL:
        if (!parse_real(text, &x))
            return bad_value(o, text, "a number is needed", err);
        *(double *)field = x;
        return 0;
    case PCL_BOOL:
        if (!pcl_parse_bool(text, &b))
            return bad_value(o, text, "say true or false", err);
        *(bool *)field = b;
        return 0;
    case PCL_CHOICE:
        if ((rc = find_choice(o, text, &i, err)) == 0)
            *(int *)field = i;
        return rc;
    case PCL_FLUX:
        if (!*text) { /* tclean's empty threshold */
            *(double *)field = 0;
            return 0;
        }
        rc = pcl_quantity_parse_as(text, PCL_DIM_FLUX, o->unit, &x, err);
        if (rc)
            pcl_err_prefix(err, "%s=%s: ", o->name, text);
        else
            *(double *)field = x;
        return rc;
    case PCL_TEXTLIST:
    case PCL_PERMS:
    case PCL_WHOLES:
    case PCL_INTPAIR:
    case PCL_ANGLEPAIR:
        break;
    }
    return PCL_FAIL(err, PCLEAN_EBUG, "%s is not a scalar", o->name);
}

int pcl_value_set(const struct pcl_option *option, pclean_config *config, const char *const *items,
                  size_t n, pclean_err *err) {
    void *field = pcl_option_field(option, config);
    const bool is_text = option->type == PCL_TEXTLIST || option->type == PCL_TEXT;
    if (n == 1 && is_text && option->unavailable &&
        pcl_words_index(option->unavailable, items[0]) >= 0)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "%s=%s is tclean's but not available in this version of pclean",
                        option->name, items[0]);
    if (is_text_list(option))
        return set_list(field, items, n, option->type == PCL_PERMS && n > 1, err);
    if (option->type == PCL_INTPAIR || option->type == PCL_ANGLEPAIR)
        return set_pair(option, field, items, n, err);
    if (n > 1)
        return PCL_FAIL(err, PCLEAN_EPARAM, "%s takes one value, not a list of %zu", option->name,
                        n);
    return set_scalar(option, field, n ? items[0] : "", err);
}

/* ---- value to text ---- */

/* The shortest decimal number that is read back to the same double. */
static void format_real(char *buf, size_t size, double x) {
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(buf, size, "%.*g", digits, x);
        double back = strtod(buf, NULL);
        if (back <= x && back >= x)
            return;
    }
}

/* As above in arcsec; the few doubles that no number of arcsec gives are written in rad, which
 * always works. */
static void format_angle(char *buf, size_t size, double rad) {
    double arcsec = rad * (648000.0 / 3.14159265358979323846);
    for (int digits = 1; digits <= 17; digits++) {
        double back;
        snprintf(buf, size, "%.*garcsec", digits, arcsec);
        if (pcl_quantity_parse_as(buf, PCL_DIM_ANGLE, NULL, &back, NULL) == 0 && back <= rad &&
            back >= rad)
            return;
    }
    format_real(buf, size - 4, rad);
    strcat(buf, "rad");
}

static int add(struct pcl_texts *texts, const char *text, pclean_err *err) {
    return pcl_texts_add(texts, text, strlen(text), err);
}

static int get_scalar(const struct pcl_option *o, const void *field, struct pcl_texts *texts,
                      pclean_err *err) {
    char buf[64];
    switch (o->type) {
    case PCL_TEXT:
    case PCL_WORD:
        texts->is_list = *(char *const *)field && needs_list(*(char *const *)field);
        return add(texts, *(char *const *)field ? *(char *const *)field : "", err);
    case PCL_INT:
        snprintf(buf, sizeof buf, "%d", *(const int *)field);
        return add(texts, buf, err);
    case PCL_REAL:
        format_real(buf, sizeof buf, *(const double *)field);
        return add(texts, buf, err);
    case PCL_FLUX:
        format_real(buf, sizeof buf - 4, *(const double *)field);
        strcat(buf, "Jy");
        return add(texts, buf, err);
    case PCL_BOOL:
        return add(texts, *(const bool *)field ? "true" : "false", err);
    case PCL_CHOICE:
        if (*(const int *)field < 0 ||
            !pcl_words_at(o->choices, (size_t) * (const int *)field, buf, sizeof buf))
            return PCL_FAIL(err, PCLEAN_EBUG, "%s has no choice number %d", o->name,
                            *(const int *)field);
        return add(texts, buf, err);
    case PCL_TEXTLIST:
    case PCL_PERMS:
    case PCL_WHOLES:
    case PCL_INTPAIR:
    case PCL_ANGLEPAIR:
        break;
    }
    return PCL_FAIL(err, PCLEAN_EBUG, "%s is not a scalar", o->name);
}

static int get_list(const struct pcl_option *o, const void *field, struct pcl_texts *texts,
                    pclean_err *err) {
    char buf[64];
    int rc = 0;
    texts->is_list = true;
    if (is_text_list(o)) {
        const pclean_strlist *list = field;
        texts->is_list =
            o->type == PCL_TEXTLIST || list->n > 1 || (list->n == 1 && needs_list(list->item[0]));
        if (!texts->is_list && list->n == 0)
            return add(texts, "", err);
        for (size_t i = 0; i < list->n && rc == 0; i++)
            rc = add(texts, list->item[i], err);
        return rc;
    }
    for (size_t i = 0; i < 2 && rc == 0; i++) {
        if (o->type == PCL_INTPAIR)
            snprintf(buf, sizeof buf, "%d", ((const int *)field)[i]);
        else
            format_angle(buf, sizeof buf, ((const double *)field)[i]);
        rc = add(texts, buf, err);
    }
    return rc;
}

int pcl_value_get(const struct pcl_option *option, const pclean_config *config,
                  struct pcl_texts *texts, pclean_err *err) {
    const void *field = pcl_option_const_field(option, config);
    *texts = (struct pcl_texts){0};
    int rc = pcl_option_is_list(option) ? get_list(option, field, texts, err)
                                        : get_scalar(option, field, texts, err);
    if (rc)
        pcl_texts_clear(texts);
    return rc;
}

void pcl_value_clear(const struct pcl_option *option, pclean_config *config) {
    void *field = pcl_option_field(option, config);
    if (option->type == PCL_TEXT || option->type == PCL_WORD) {
        pcl_free(*(char **)field);
        *(char **)field = NULL;
    } else if (is_text_list(option)) {
        pclean_strlist *list = field;
        struct pcl_texts texts = {.n = list->n, .item = list->item};
        pcl_texts_clear(&texts);
        *list = (pclean_strlist){0};
    }
}
