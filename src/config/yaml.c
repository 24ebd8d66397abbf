/* A parameter file is read in two steps: libyaml's events into a flat list of entries (the grammar:
 * which nesting is allowed), then the entries through the table into the config (the meaning). All
 * complaints of the second step are reported together, and the config changes only if there is
 * none. */
#include "base/fsutil.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/options.h"
#include "config/problems.h"
#include "config/python.h"
#include "config/unserved.h"
#include "config/value.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

/* A parameter file has some hundred lines; a cap keeps a mistaken path (an image, a log) from being
 * swallowed. */
#define LARGEST_FILE ((size_t)1 << 20)

/* Texts in a list and marks in a nested value, at most: aliases of aliases multiply. */
#define MOST_VALUES 10000
#define MOST_NESTED 1000

struct entry {
    char *group; /* NULL: at top level */
    char *name;
    struct pcl_texts value;
    bool null;
    size_t line;
};

/* What stands behind "&name", for "*name" further on. */
struct anchor {
    char *name;
    struct pcl_texts value;
    bool null;
};

struct reader {
    yaml_parser_t parser;
    const char *path;
    struct entry *entry;
    size_t n, capacity;
    struct anchor *anchor;
    size_t nanchor;
};

static void clear_entry(struct entry *e) {
    pcl_free(e->group);
    pcl_free(e->name);
    pcl_texts_clear(&e->value);
}

static void clear_entries(struct reader *r) {
    for (size_t i = 0; i < r->n; i++)
        clear_entry(&r->entry[i]);
    for (size_t i = 0; i < r->nanchor; i++) {
        pcl_free(r->anchor[i].name);
        pcl_texts_clear(&r->anchor[i].value);
    }
    pcl_free(r->entry);
    pcl_free(r->anchor);
    r->entry = NULL;
    r->anchor = NULL;
    r->n = r->capacity = r->nanchor = 0;
}

/* ---- grammar ---- */

static int fail_at(const struct reader *r, size_t line, pclean_err *err, const char *what) {
    return PCL_FAIL(err, PCLEAN_EPARAM, "%s:%zu: %s", r->path, line, what);
}

static size_t line_of(const yaml_event_t *event) {
    return event->start_mark.line + 1;
}

static int next_event(struct reader *r, yaml_event_t *event, pclean_err *err) {
    if (yaml_parser_parse(&r->parser, event))
        return 0;
    if (r->parser.error == YAML_MEMORY_ERROR)
        return PCL_FAIL(err, PCLEAN_ENOMEM, "%s: no memory to read it", r->path);
    size_t line = r->parser.error == YAML_READER_ERROR ? 0 : r->parser.problem_mark.line + 1;
    if (line == 0)
        return PCL_FAIL(err, PCLEAN_EPARAM, "%s: not a YAML text file: %s", r->path,
                        r->parser.problem);
    return PCL_FAIL(err, PCLEAN_EPARAM, "%s:%zu: not valid YAML: %s", r->path, line,
                    r->parser.problem);
}

static const char *scalar_text(const yaml_event_t *event) {
    return (const char *)event->data.scalar.value;
}

static bool scalar_is_null(const yaml_event_t *event) {
    const char *s = scalar_text(event);
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (s[0] == '\0' || strcmp(s, "~") == 0 || strcasecmp(s, "null") == 0 ||
            strcmp(s, "None") == 0);
}

static int check_scalar(const struct reader *r, const yaml_event_t *event, pclean_err *err) {
    if (strlen(scalar_text(event)) != event->data.scalar.length)
        return fail_at(r, line_of(event), err, "a text contains a NUL character");
    return 0;
}

static int add_texts(const struct reader *r, struct pcl_texts *to, const struct pcl_texts *from,
                     pclean_err *err) {
    int rc = 0;
    if (to->n + from->n > MOST_VALUES)
        return PCL_FAIL(err, PCLEAN_EPARAM, "%s: a list of more than %d values", r->path,
                        MOST_VALUES);
    for (size_t i = 0; i < from->n && !rc; i++)
        rc = pcl_texts_add(to, from->item[i], strlen(from->item[i]), err);
    return rc;
}

static int keep_anchor(struct reader *r, const char *name, const struct entry *e, pclean_err *err) {
    struct anchor *grown = NULL;
    if (!name)
        return 0;
    int rc = PCL_NEW(&grown, r->nanchor + 1, "anchors of a file", err);
    if (rc)
        return rc;
    if (r->nanchor)
        memcpy(grown, r->anchor, r->nanchor * sizeof *grown);
    pcl_free(r->anchor);
    r->anchor = grown;
    struct anchor *a = &grown[r->nanchor++];
    *a = (struct anchor){.value.is_list = e->value.is_list, .null = e->null};
    rc = pcl_strdup(&a->name, name, err);
    return rc ? rc : add_texts(r, &a->value, &e->value, err);
}

/* "*name": the latest value with "&name". */
static int read_alias(const struct reader *r, const yaml_event_t *event, struct entry *e,
                      pclean_err *err) {
    const char *name = (const char *)event->data.alias.anchor;
    if (strcmp(e->name, "<<") == 0)
        return fail_at(r, line_of(event), err,
                       "groups are not merged (<<): write their parameters");
    for (size_t i = r->nanchor; i-- > 0;)
        if (strcmp(r->anchor[i].name, name) == 0) {
            e->null = r->anchor[i].null && !e->value.is_list;
            e->value.is_list = e->value.is_list || r->anchor[i].value.is_list;
            return add_texts(r, &e->value, &r->anchor[i].value, err);
        }
    return PCL_FAIL(err, PCLEAN_EPARAM, "%s:%zu: *%s: there is no value &%s above", r->path,
                    line_of(event), name, name);
}

static int append(char **text, const char *more, pclean_err *err) {
    char *longer = NULL;
    int rc = pcl_asprintf(&longer, err, "%s%s", *text ? *text : "", more);
    if (!rc) {
        pcl_free(*text);
        *text = longer;
    }
    return rc;
}

static int append_quoted(char **text, const char *more, pclean_err *err) {
    char *quoted = NULL, *to;
    int rc = PCL_NEW(&quoted, 2 * strlen(more) + 3, "value", err);
    if (rc)
        return rc;
    to = quoted;
    *to++ = '\'';
    for (const char *c = more; *c; *to++ = *c++)
        if (*c == '\'' || *c == '\\')
            *to++ = '\\';
    strcpy(to, "'");
    rc = append(text, quoted, err);
    pcl_free(quoted);
    return rc;
}

/* A mapping or sequence inside a parameter's value, as Python prints it; what opens it has been
 * read. `marks` counts what has been. */
static int print_nested(struct reader *r, const yaml_event_t *open, size_t *marks, char **text,
                        pclean_err *err) {
    const bool dict = open->type == YAML_MAPPING_START_EVENT;
    bool ends = false;
    int rc = append(text, dict ? "{" : "[", err);
    for (size_t n = 0; !rc && !ends; n++) {
        yaml_event_t event;
        if (++*marks > MOST_NESTED)
            return fail_at(r, line_of(open), err, "a value with too much in it");
        if ((rc = next_event(r, &event, err)))
            return rc;
        ends = event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT;
        if (!ends && n > 0)
            rc = append(text, dict && n % 2 ? ": " : ", ", err);
        if (rc || ends)
            ;
        else if (event.type == YAML_SCALAR_EVENT)
            rc = append_quoted(text, scalar_text(&event), err);
        else if (event.type == YAML_ALIAS_EVENT)
            rc = fail_at(r, line_of(&event), err, "*name is read as a whole value only");
        else
            rc = print_nested(r, &event, marks, text, err);
        yaml_event_delete(&event);
    }
    if (!rc)
        rc = append(text, dict ? "}" : "]", err);
    return rc;
}

/* A dictionary or a list in a list: its texts. */
static int read_nested(struct reader *r, const yaml_event_t *open, struct entry *e,
                       pclean_err *err) {
    struct pcl_texts texts = {0};
    char *text = NULL;
    size_t marks = 0;
    int rc = print_nested(r, open, &marks, &text, err);
    if (!rc && (rc = pcl_texts_parse(&texts, pcl_option_find(e->name), text, err)))
        pcl_err_prefix(err, "%s:%zu: %s: ", r->path, line_of(open), e->name);
    rc = rc ? rc : add_texts(r, &e->value, &texts, err);
    e->value.is_list = e->value.is_list || texts.is_list;
    pcl_texts_clear(&texts);
    pcl_free(text);
    return rc;
}

/* Nothing in a list has a place of its own where there is one item for each MeasurementSet. */
static int read_item(struct reader *r, const yaml_event_t *event, struct entry *e,
                     pclean_err *err) {
    const struct pcl_option *option = pcl_option_find(e->name);
    int rc = check_scalar(r, event, err);
    if (rc || (scalar_is_null(event) && (!option || option->type != PCL_PERMS)))
        return rc;
    return pcl_texts_add(&e->value, scalar_text(event),
                         scalar_is_null(event) ? 0 : event->data.scalar.length, err);
}

static int read_sequence(struct reader *r, struct entry *e, pclean_err *err) {
    e->value.is_list = true;
    for (;;) {
        yaml_event_t event;
        int rc = next_event(r, &event, err);
        if (rc)
            return rc;
        yaml_event_type_t type = event.type;
        if (e->value.n > MOST_VALUES)
            rc = fail_at(r, line_of(&event), err, "a list of more values than a parameter takes");
        else if (type == YAML_SCALAR_EVENT)
            rc = read_item(r, &event, e, err);
        else if (type == YAML_ALIAS_EVENT)
            rc = read_alias(r, &event, e, err);
        else if (type != YAML_SEQUENCE_END_EVENT)
            rc = read_nested(r, &event, e, err);
        yaml_event_delete(&event);
        if (rc || type == YAML_SEQUENCE_END_EVENT)
            return rc;
    }
}

static int read_mapping(struct reader *r, const char *group, pclean_err *err);

static bool is_group(const char *name) {
    for (size_t i = 0; i < pcl_group_count(); i++)
        if (strcmp(pcl_group_name(i), name) == 0)
            return true;
    return false;
}

static int unknown_group(const struct reader *r, const struct entry *e, pclean_err *err) {
    const char *best = NULL;
    size_t least = 0;
    for (size_t i = 0; i < pcl_group_count(); i++) {
        size_t d = pcl_edit_distance(e->name, pcl_group_name(i));
        if (!best || d < least) {
            best = pcl_group_name(i);
            least = d;
        }
    }
    bool near = pcl_near_enough(e->name, least);
    return PCL_FAIL(err, PCLEAN_EPARAM, "%s:%zu: there is no group \"%.80s\"%s%s%s", r->path,
                    e->line, e->name, near ? "; did you mean " : "", near ? best : "",
                    near ? "?" : "");
}

/* cluster.slurm and cluster.submit, also at the top level. */
static bool is_subgroup(const struct entry *e, char *path, size_t size) {
    snprintf(path, size, "%.40s.%.60s", e->group ? e->group : "cluster", e->name);
    return pcl_unserved_is_group(path);
}

static int read_group(struct reader *r, const struct entry *e, pclean_err *err) {
    char path[128];
    if (!e->group && is_group(e->name))
        return read_mapping(r, e->name, err);
    return is_subgroup(e, path, sizeof path) ? read_mapping(r, path, err)
                                             : unknown_group(r, e, err);
}

/* A mapping is a group of parameters, or a dictionary of CASA where a parameter has its value. */
static bool is_parameter(const struct entry *e) {
    return !(!e->group && is_group(e->name)) &&
           (pcl_option_find(e->name) || pcl_unserved_find(e->name));
}

static const char *anchor_of(const yaml_event_t *event) {
    if (event->type == YAML_SCALAR_EVENT)
        return (const char *)event->data.scalar.anchor;
    return event->type == YAML_SEQUENCE_START_EVENT
               ? (const char *)event->data.sequence_start.anchor
               : NULL;
}

static int read_one(struct reader *r, const yaml_event_t *event, struct entry *e, pclean_err *err) {
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        e->null = scalar_is_null(event);
        if (check_scalar(r, event, err))
            return -PCLEAN_EPARAM;
        return pcl_texts_add(&e->value, scalar_text(event), event->data.scalar.length, err);
    case YAML_SEQUENCE_START_EVENT:
        return read_sequence(r, e, err);
    case YAML_MAPPING_START_EVENT:
        return read_nested(r, event, e, err);
    default:
        return read_alias(r, event, e, err);
    }
}

/* Reads the value of e->name; *nested says that it was a group, which has made entries of its
 * own. */
static int read_value(struct reader *r, struct entry *e, bool *nested, pclean_err *err) {
    yaml_event_t event;
    int rc = next_event(r, &event, err);
    if (rc)
        return rc;
    *nested = event.type == YAML_MAPPING_START_EVENT && !is_parameter(e);
    rc = *nested ? read_group(r, e, err) : read_one(r, &event, e, err);
    rc = rc || *nested ? rc : keep_anchor(r, anchor_of(&event), e, err);
    yaml_event_delete(&event);
    return rc;
}

static int keep_entry(struct reader *r, struct entry *e, pclean_err *err) {
    if (r->n == r->capacity) {
        struct entry *grown = NULL;
        size_t capacity = r->capacity ? 2 * r->capacity : 32;
        int rc = PCL_NEW(&grown, capacity, "parameters of a file", err);
        if (rc)
            return rc;
        if (r->n)
            memcpy(grown, r->entry, r->n * sizeof *grown);
        pcl_free(r->entry);
        r->entry = grown;
        r->capacity = capacity;
    }
    r->entry[r->n++] = *e;
    *e = (struct entry){0};
    return 0;
}

/* One "name: value"; *end when the mapping ends instead. */
static int read_pair(struct reader *r, const char *group, bool *end, pclean_err *err) {
    yaml_event_t event;
    struct entry e = {0};
    bool nested = false;
    int rc = next_event(r, &event, err);
    if (rc)
        return rc;
    *end = event.type == YAML_MAPPING_END_EVENT;
    if (!*end && event.type != YAML_SCALAR_EVENT)
        rc = fail_at(r, line_of(&event), err, "the name of a parameter is expected here");
    else if (!*end && (rc = check_scalar(r, &event, err)) == 0)
        rc = pcl_strdup(&e.name, scalar_text(&event), err);
    e.line = line_of(&event);
    yaml_event_delete(&event);
    if (rc == 0 && !*end && group)
        rc = pcl_strdup(&e.group, group, err);
    if (rc == 0 && !*end)
        rc = read_value(r, &e, &nested, err);
    if (rc == 0 && !*end && !nested)
        rc = keep_entry(r, &e, err);
    clear_entry(&e);
    return rc;
}

static int read_mapping(struct reader *r, const char *group, pclean_err *err) {
    bool end = false;
    int rc = 0;
    while (rc == 0 && !end)
        rc = read_pair(r, group, &end, err);
    return rc;
}

/* The frame around the one mapping of a file; an empty file is one without parameters. */
static int read_document(struct reader *r, pclean_err *err) {
    bool done = false, seen = false;
    int rc = 0;
    while (rc == 0 && !done) {
        yaml_event_t event;
        rc = next_event(r, &event, err);
        if (rc)
            return rc;
        if (event.type == YAML_MAPPING_START_EVENT)
            rc = read_mapping(r, NULL, err);
        else if (event.type == YAML_DOCUMENT_START_EVENT && seen)
            rc = fail_at(r, line_of(&event), err,
                         "a second document (---) begins here; one is read");
        else if (event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_ALIAS_EVENT ||
                 (event.type == YAML_SCALAR_EVENT && !scalar_is_null(&event)))
            rc = fail_at(r, line_of(&event), err, "not a list of \"parameter: value\"");
        seen = seen || event.type == YAML_DOCUMENT_START_EVENT;
        done = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    return rc;
}

/* ---- meaning ---- */

static bool same_group(const struct entry *a, const struct entry *b) {
    return a->group && b->group ? strcmp(a->group, b->group) == 0 : a->group == b->group;
}

/* The Python pclean writes pblimit and others into two groups: harmless while they agree. */
static const struct entry *contradicting(const struct reader *r, size_t i) {
    const struct entry *e = &r->entry[i];
    for (size_t j = 0; j < i; j++) {
        const struct entry *other = &r->entry[j];
        if (strcmp(e->name, other->name) != 0 || e->null || other->null)
            continue;
        if (same_group(e, other) ||
            (pcl_option_find(e->name) && !pcl_texts_equal(&e->value, &other->value)))
            return other;
    }
    return NULL;
}

static bool asks_for_nothing(const struct entry *e) {
    const struct pcl_option *option = pcl_option_find(e->name);
    char path[128];
    if (e->null)
        return option || pcl_unserved_find(e->name) || (!e->group && is_group(e->name)) ||
               is_subgroup(e, path, sizeof path);
    return option && option->type == PCL_INTPAIR && e->value.is_list && e->value.n == 0;
}

static int apply_entry(const struct reader *r, size_t i, pclean_config *config, pclean_err *err) {
    const struct entry *e = &r->entry[i];
    const struct entry *other = contradicting(r, i);
    if (other)
        return PCL_FAIL(err, PCLEAN_EPARAM, "%s is given here and in line %zu", e->name,
                        other->line);
    if ((!e->group && strcmp(e->name, "preset") == 0) || asks_for_nothing(e))
        return 0;
    if (!e->group && is_group(e->name))
        return PCL_FAIL(err, PCLEAN_EPARAM, "%s is a group: indent its parameters below it",
                        e->name);
    if (!e->value.is_list)
        return pcl_config_assign_text(config, e->group, e->name, e->value.item[0], err);
    return pcl_config_assign(config, e->group, e->name, (const char *const *)e->value.item,
                             e->value.n, err);
}

static int apply_preset_entry(const struct reader *r, pclean_config *config, int depth,
                              pclean_err *err) {
    for (size_t i = 0; i < r->n; i++) {
        const struct entry *e = &r->entry[i];
        if (e->group || strcmp(e->name, "preset") != 0 || e->null)
            continue;
        if (e->value.n != 1)
            return fail_at(r, e->line, err, "preset takes one name");
        int rc = depth >= PCL_PRESET_DEPTH
                     ? PCL_FAIL(err, PCLEAN_EPARAM, "presets that name presets, more than %d deep",
                                PCL_PRESET_DEPTH)
                     : pcl_preset_apply(config, e->value.item[0], r->path, depth + 1, err);
        if (rc)
            pcl_err_prefix(err, "%s:%zu: ", r->path, e->line);
        return rc;
    }
    return 0;
}

/* The whole path in the first line only: the room is for the complaints. */
static int apply_entries(const struct reader *r, pclean_config *config, pclean_err *err) {
    struct pcl_problems problems = {0};
    const char *slash = strrchr(r->path, '/');
    for (size_t i = 0; i < r->n; i++) {
        pclean_err one;
        int rc = apply_entry(r, i, config, &one);
        if (rc == -PCLEAN_ENOMEM)
            return PCL_FAIL(err, PCLEAN_ENOMEM, "%s:%zu: %s", r->path, r->entry[i].line, one.msg);
        if (rc)
            pcl_problems_add(&problems, rc, "%s:%zu: %s", problems.n && slash ? slash + 1 : r->path,
                             r->entry[i].line, one.msg);
    }
    if (problems.n)
        pcl_unserved_complain(config, &problems);
    return pcl_problems_finish(&problems, err);
}

/* ---- the file ---- */

static int read_file(const char *path, char **text, size_t *len, pclean_err *err) {
    *text = NULL;
    *len = 0;
    FILE *in = pcl_fs_open_stream(path);
    if (!in)
        return PCL_FAIL(err, PCLEAN_EIO, "cannot read %s: %s", path, strerror(errno));
    int rc = PCL_NEW(text, LARGEST_FILE + 1, "text of a parameter file", err);
    if (rc == 0) {
        *len = fread(*text, 1, LARGEST_FILE + 1, in);
        if (ferror(in))
            rc = PCL_FAIL(err, PCLEAN_EIO, "cannot read %s: %s", path, strerror(errno));
        else if (*len > LARGEST_FILE)
            rc = PCL_FAIL(err, PCLEAN_EPARAM, "%s is too large for a parameter file", path);
    }
    fclose(in);
    if (rc) {
        pcl_free(*text);
        *text = NULL;
    }
    return rc;
}

static int parse_text(struct reader *r, const char *text, size_t len, pclean_err *err) {
    if (!yaml_parser_initialize(&r->parser))
        return PCL_FAIL(err, PCLEAN_ENOMEM, "%s: no memory to read it", r->path);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, len);
    int rc = read_document(r, err);
    yaml_parser_delete(&r->parser);
    return rc;
}

int pcl_yaml_read_text(pclean_config *config, const char *path, const char *text, size_t len,
                       int depth, pclean_err *err) {
    struct reader reader = {.path = path};
    pclean_config changed = {0};
    int rc = parse_text(&reader, text, len, err);
    if (rc == 0)
        rc = pcl_config_copy(&changed, config, err);
    if (rc == 0)
        rc = apply_preset_entry(&reader, &changed, depth, err);
    if (rc == 0)
        rc = apply_entries(&reader, &changed, err);
    if (rc == 0) {
        pclean_config old = *config;
        *config = changed;
        changed = old;
    }
    pcl_config_clear(&changed);
    clear_entries(&reader);
    return rc;
}

int pcl_yaml_read(pclean_config *config, const char *path, int depth, pclean_err *err) {
    char *text = NULL;
    size_t len;
    int rc = read_file(path, &text, &len, err);
    if (rc == 0)
        rc = pcl_yaml_read_text(config, path, text, len, depth, err);
    pcl_free(text);
    return rc;
}

int pclean_config_read_yaml(pclean_config *config, const char *path, pclean_err *err) {
    PCL_REQUIRE(err, config);
    PCL_REQUIRE(err, path);
    return pcl_yaml_read(config, path, 0, err);
}
