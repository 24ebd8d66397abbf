#include "config/python.h"
#include "base/mem.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char *skip_blanks(const char *p) {
    while (isspace((unsigned char)*p))
        p++;
    return p;
}

/* One past the closing quotation mark of the text that begins at p. */
static const char *quoted_end(const char *p) {
    const char mark = *p++;
    for (; *p && *p != mark; p++)
        p += *p == '\\' && p[1];
    return *p ? p + 1 : p;
}

const char *pcl_python_value_end(const char *p) {
    int depth = 0;
    bool fresh = true; /* a quoted text can begin here */
    while (*p && (depth > 0 || !strchr(",])}", *p))) {
        if (fresh && (*p == '\'' || *p == '"')) {
            p = quoted_end(p);
            fresh = false;
            continue;
        }
        depth += (strchr("[({", *p) != NULL) - (strchr("])}", *p) != NULL);
        fresh = strchr("[({,:", *p) || (fresh && isspace((unsigned char)*p));
        p++;
    }
    return p;
}

const char *pcl_python_wrapped(const char *p, const char **after) {
    const bool numpy = strncmp(p, "np.", 3) == 0 || strncmp(p, "numpy.", 6) == 0;
    const char *open = p + strspn(p, "abcdefghijklmnopqrstuvwxyz_.0123456789");
    if (*open != '(' || (!numpy && strncmp(p, "array(", 6) != 0))
        return NULL;
    const char *end = pcl_python_value_end(open + 1);
    while (*end == ',') /* dtype=... */
        end = pcl_python_value_end(end + 1);
    if (*end != ')')
        return NULL;
    *after = end + 1;
    return skip_blanks(open + 1);
}

/* ---- dictionaries ---- */

/* The value of a key in the dictionary that begins at text ('{'), on the outermost level; NULL:
 * there is none. */
static const char *value_of(const char *text, const char *key) {
    const size_t n = strlen(key);
    for (const char *p = skip_blanks(text + 1); *p == '\'' || *p == '"';) {
        const char *end = quoted_end(p);
        const bool found = (size_t)(end - p) == n + 2 && strncmp(p + 1, key, n) == 0;
        p = skip_blanks(end);
        if (*p != ':')
            return NULL;
        p = skip_blanks(p + 1);
        if (found)
            return p;
        p = pcl_python_value_end(p);
        p = skip_blanks(p + (*p == ','));
    }
    return NULL;
}

/* A value's text without quotation marks, numpy's words and the brackets of a list of one. */
static bool plain(const char *value, char *buf, size_t size) {
    const char *after, *inner = value ? pcl_python_wrapped(value, &after) : NULL;
    value = inner ? inner : value;
    if (!value)
        return false;
    const bool list = *value == '[';
    value = list ? skip_blanks(value + 1) : value;
    const char *end = pcl_python_value_end(value);
    if (list && *end != ']') /* of more than one */
        return false;
    while (end > value && isspace((unsigned char)end[-1]))
        end--;
    const bool quoted = *value == '\'' || *value == '"';
    value += quoted;
    const size_t n = (size_t)(end - value) - quoted;
    if (n == 0 || n >= size || strpbrk(value, "[{") == value)
        return false;
    snprintf(buf, size, "%.*s", (int)n, value);
    return true;
}

/* {'value': 1.4, 'unit': 'GHz'} -> "1.4GHz" */
static bool quantity(const char *dict, char *buf, size_t size) {
    char value[64], unit[32] = "";
    if (!dict || *dict != '{' || !plain(value_of(dict, "value"), value, sizeof value))
        return false;
    (void)plain(value_of(dict, "unit"), unit, sizeof unit); /* '': a bare number */
    snprintf(buf, size, "%s%s", value, unit);
    return true;
}

bool pcl_python_is_dict(const char *text) {
    const char *p = skip_blanks(text), *end = pcl_python_value_end(p);
    if (*p != '{' || *end)
        return false;
    while (isspace((unsigned char)end[-1]))
        end--;
    return end[-1] == '}';
}

int pcl_python_dict(const char *text, char **out, pclean_err *err) {
    char a[100], b[100], pa[100], refer[32] = "";
    const char *dict = skip_blanks(text), *angle = value_of(dict, "positionangle");
    *out = NULL;
    if (quantity(dict, a, sizeof a))
        return pcl_asprintf(out, err, "%s", a);
    (void)plain(value_of(dict, "refer"), refer, sizeof refer);
    if (quantity(value_of(dict, "m0"), a, sizeof a)) {
        const bool two = quantity(value_of(dict, "m1"), b, sizeof b);
        return pcl_asprintf(out, err, "%s%s%s%s%s", refer, *refer ? " " : "", a, two ? " " : "",
                            two ? b : "");
    }
    if (quantity(value_of(dict, "major"), a, sizeof a) &&
        quantity(value_of(dict, "minor"), b, sizeof b) &&
        quantity(angle ? angle : value_of(dict, "pa"), pa, sizeof pa))
        return pcl_asprintf(out, err, "['%s', '%s', '%s']", a, b, pa);
    return PCL_FAIL(err, PCLEAN_EPARAM,
                    "%.80s: of dictionaries only quantities {value, unit}, measures {m0, refer} "
                    "and beams {major, minor, positionangle} are read",
                    dict);
}
