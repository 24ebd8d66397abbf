#include "config/config.h"
#include "config/options.h"
#include "config/value.h"
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

static bool is_text(const struct pcl_option *o) {
    return o->type == PCL_TEXT || o->type == PCL_WORD || o->type == PCL_TEXTLIST ||
           o->type == PCL_PERMS || o->type == PCL_WHOLES;
}

/* ---- YAML ---- */

/* Would another YAML reader take the plain text for a number, a truth value or nothing? */
static bool needs_quotes(const char *s) {
    return (!isalpha((unsigned char)s[0]) && s[0] != '/') ||
           pcl_words_index("null|none|true|false|yes|no|on|off|y|n|inf|nan", s) >= 0;
}

static bool emit(yaml_emitter_t *emitter, yaml_event_t *event, int made) {
    return made && yaml_emitter_emit(emitter, event);
}

static bool emit_scalar(yaml_emitter_t *emitter, const char *text, bool quoted) {
    yaml_event_t event;
    return emit(emitter, &event,
                yaml_scalar_event_initialize(
                    &event, NULL, NULL, (const yaml_char_t *)text, (int)strlen(text), 1, 1,
                    quoted ? YAML_SINGLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE));
}

static bool emit_mapping_start(yaml_emitter_t *emitter) {
    yaml_event_t event;
    return emit(
        emitter, &event,
        yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));
}

static bool emit_mapping_end(yaml_emitter_t *emitter) {
    yaml_event_t event;
    return emit(emitter, &event, yaml_mapping_end_event_initialize(&event));
}

static bool emit_value(yaml_emitter_t *emitter, const struct pcl_option *o,
                       const struct pcl_texts *texts) {
    yaml_event_t event;
    bool ok =
        !texts->is_list ||
        emit(emitter, &event,
             yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_FLOW_SEQUENCE_STYLE));
    for (size_t i = 0; i < texts->n && ok; i++)
        ok = emit_scalar(emitter, texts->item[i], is_text(o) && needs_quotes(texts->item[i]));
    return ok &&
           (!texts->is_list || emit(emitter, &event, yaml_sequence_end_event_initialize(&event)));
}

static int yaml_failed(const yaml_emitter_t *emitter, pclean_err *err) {
    if (emitter->error == YAML_MEMORY_ERROR)
        return PCL_FAIL(err, PCLEAN_ENOMEM, "no memory to write the parameters as YAML");
    if (emitter->error == YAML_WRITER_ERROR)
        return PCL_FAIL(err, PCLEAN_EIO, "cannot write the parameters as YAML: %s",
                        emitter->problem);
    return errno == ENOMEM /* libyaml refuses a text for two reasons, and does not say which */
               ? PCL_FAIL(err, PCLEAN_ENOMEM, "no memory to write the parameters as YAML")
               : PCL_FAIL(err, PCLEAN_EPARAM,
                          "cannot write the parameters as YAML: a text is not UTF-8");
}

static int emit_option(yaml_emitter_t *emitter, const struct pcl_option *o,
                       const pclean_config *config, pclean_err *err) {
    struct pcl_texts texts;
    int rc = pcl_value_get(o, config, &texts, err);
    errno = 0;
    if (rc == 0 && !(emit_scalar(emitter, o->name, false) && emit_value(emitter, o, &texts)))
        rc = yaml_failed(emitter, err);
    pcl_texts_clear(&texts);
    return rc;
}

static int emit_group(yaml_emitter_t *emitter, const char *group, const pclean_config *config,
                      pclean_err *err) {
    int rc = 0;
    if (!emit_scalar(emitter, group, false) || !emit_mapping_start(emitter))
        return yaml_failed(emitter, err);
    for (size_t i = 0; i < pcl_option_count() && rc == 0; i++)
        if (strcmp(pcl_option_at(i)->group, group) == 0)
            rc = emit_option(emitter, pcl_option_at(i), config, err);
    if (rc == 0 && !emit_mapping_end(emitter))
        rc = yaml_failed(emitter, err);
    return rc;
}

static bool emit_begin(yaml_emitter_t *emitter) {
    yaml_event_t event;
    return emit(emitter, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING)) &&
           emit(emitter, &event,
                yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1)) &&
           emit_mapping_start(emitter);
}

static bool emit_end(yaml_emitter_t *emitter) {
    yaml_event_t event;
    return emit_mapping_end(emitter) &&
           emit(emitter, &event, yaml_document_end_event_initialize(&event, 1)) &&
           emit(emitter, &event, yaml_stream_end_event_initialize(&event));
}

int pclean_config_dump_yaml(const pclean_config *config, FILE *out, pclean_err *err) {
    PCL_REQUIRE(err, config);
    PCL_REQUIRE(err, out);
    yaml_emitter_t emitter;
    int rc = pclean_config_served(config, err);
    if (rc)
        return rc;
    if (!yaml_emitter_initialize(&emitter))
        return PCL_FAIL(err, PCLEAN_ENOMEM, "no memory to write the parameters as YAML");
    yaml_emitter_set_output_file(&emitter, out);
    yaml_emitter_set_width(&emitter, -1); /* one line per parameter, however long */
    yaml_emitter_set_unicode(&emitter, 1);
    rc = emit_begin(&emitter) ? 0 : yaml_failed(&emitter, err);
    for (size_t i = 0; i < pcl_group_count() && rc == 0; i++)
        rc = emit_group(&emitter, pcl_group_name(i), config, err);
    if (rc == 0 && !emit_end(&emitter))
        rc = yaml_failed(&emitter, err);
    yaml_emitter_delete(&emitter);
    if (rc == 0 && (fflush(out) != 0 || ferror(out)))
        rc = PCL_FAIL(err, PCLEAN_EIO, "cannot write the parameters as YAML");
    return rc;
}

/* ---- JSON ---- */

static json_t *json_item(const struct pcl_option *o, const char *text) {
    switch (o->type) {
    case PCL_INT:
    case PCL_INTPAIR:
        return json_integer(strtol(text, NULL, 10));
    case PCL_REAL:
        return json_real(strtod(text, NULL));
    case PCL_BOOL:
        return json_boolean(strcmp(text, "true") == 0);
    default: /* quantities keep their unit */
        return json_string(text);
    }
}

static json_t *json_value(const struct pcl_option *o, const struct pcl_texts *texts) {
    if (!texts->is_list || o->type == PCL_TEXT)
        return json_item(o, texts->item[0]);
    json_t *list = json_array();
    for (size_t i = 0; i < texts->n && list; i++)
        if (json_array_append_new(list, json_item(o, texts->item[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

static int add_json(json_t *root, const struct pcl_option *o, const pclean_config *config,
                    pclean_err *err) {
    struct pcl_texts texts;
    int rc = pcl_value_get(o, config, &texts, err);
    if (rc)
        return rc;
    json_t *group = json_object_get(root, o->group);
    if (!group && json_object_set_new(root, o->group, json_object()) == 0)
        group = json_object_get(root, o->group);
    errno = 0;
    json_t *value = json_value(o, &texts);
    if (!value && errno != ENOMEM)
        rc =
            PCL_FAIL(err, PCLEAN_EPARAM, "cannot write %s as JSON: its text is not UTF-8", o->name);
    else if (!value || json_object_set_new(group, o->name, value) != 0)
        rc = PCL_FAIL(err, PCLEAN_ENOMEM, "no memory to write the parameters as JSON");
    pcl_texts_clear(&texts);
    return rc;
}

int pcl_config_json(const pclean_config *config, json_t **out, pclean_err *err) {
    json_t *root = json_object();
    int rc = root ? 0 : PCL_FAIL(err, PCLEAN_ENOMEM, "no memory to write the parameters as JSON");
    for (size_t i = 0; i < pcl_option_count() && rc == 0; i++)
        rc = add_json(root, pcl_option_at(i), config, err);
    if (rc) {
        json_decref(root);
        root = NULL;
    }
    *out = root;
    return rc;
}

int pclean_config_dump_json(const pclean_config *config, char **json, pclean_err *err) {
    PCL_REQUIRE(err, config);
    PCL_REQUIRE(err, json);
    json_t *root;
    *json = NULL;
    int rc = pcl_config_json(config, &root, err);
    if (rc == 0) {
        /* 15 digits: what people write comes out as they wrote it (0.1, not
         * 0.10000000000000001). */
        *json = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
        if (!*json)
            rc = PCL_FAIL(err, PCLEAN_ENOMEM, "no memory to write the parameters as JSON");
    }
    json_decref(root);
    return rc;
}
