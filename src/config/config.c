#include "config/config.h"
#include "base/mem.h"
#include "config/options.h"
#include "config/unserved.h"
#include "config/value.h"
#include <stdint.h>
#include <string.h>

void pcl_config_clear(pclean_config *config) {
    if (!config)
        return;
    for (size_t i = 0; i < pcl_option_count(); i++)
        pcl_value_clear(pcl_option_at(i), config);
    struct pcl_texts asked = {.n = config->asked.n, .item = config->asked.item};
    pcl_texts_clear(&asked);
    *config = (pclean_config){0};
}

int pcl_config_init(pclean_config *config, pclean_err *err) {
    *config = (pclean_config){0};
    for (size_t i = 0; i < pcl_option_count(); i++) {
        int rc = pcl_config_assign_text(config, NULL, pcl_option_at(i)->name, pcl_option_at(i)->def,
                                        err);
        if (rc) {
            pcl_config_clear(config);
            return rc;
        }
    }
    return 0;
}

int pcl_config_copy(pclean_config *to, const pclean_config *from, pclean_err *err) {
    *to = (pclean_config){0};
    int rc = 0;
    for (size_t i = 0; i < pcl_option_count() && rc == 0; i++) {
        struct pcl_texts texts;
        rc = pcl_value_get(pcl_option_at(i), from, &texts, err);
        if (rc == 0)
            rc = pcl_value_set(pcl_option_at(i), to, (const char *const *)texts.item, texts.n, err);
        pcl_texts_clear(&texts);
    }
    for (size_t i = 0; i < from->asked.n && rc == 0; i++) {
        char name[64];
        const char *value = pcl_asked_at(from, i, name, sizeof name);
        rc = pcl_asked_set(to, name, value, err);
    }
    if (rc)
        pcl_config_clear(to);
    return rc;
}

int pclean_config_new(pclean_config **config, pclean_err *err) {
    PCL_REQUIRE(err, config);
    int rc = PCL_ZNEW(config, 1, "configuration", err);
    if (!rc && (rc = pcl_config_init(*config, err))) {
        pcl_free(*config);
        *config = NULL;
    }
    return rc;
}

int pclean_config_copy(const pclean_config *config, pclean_config **copy, pclean_err *err) {
    PCL_REQUIRE(err, config);
    PCL_REQUIRE(err, copy);
    int rc = PCL_ZNEW(copy, 1, "configuration", err);
    if (!rc && (rc = pcl_config_copy(*copy, config, err))) {
        pcl_free(*copy);
        *copy = NULL;
    }
    return rc;
}

void pclean_config_free(pclean_config *config) {
    pcl_config_clear(config);
    pcl_free(config);
}

static int unknown(const char *name, pclean_err *err) {
    const char *near = pcl_option_nearest(name);
    if (near)
        return PCL_FAIL(err, PCLEAN_EPARAM, "there is no parameter \"%.80s\"; did you mean %s?",
                        name, near);
    return PCL_FAIL(err, PCLEAN_EPARAM,
                    "there is no parameter \"%.80s\"; pclean image --help lists them all", name);
}

static int wrong_group(const char *name, const char *right, const char *given, pclean_err *err) {
    return PCL_FAIL(err, PCLEAN_EPARAM, "%s belongs to the group %.*s, not to %s", name,
                    (int)strcspn(right, "|"), right, given);
}

/* Keeps what this version lacks in mind until the whole config is known. */
static int keep_asked(pclean_config *config, const char *name, const char *const *items, size_t n,
                      pclean_err *err) {
    const struct pcl_texts texts = {.n = n, .item = (char **)(uintptr_t)items}; /* only read */
    char value[1000];
    pcl_texts_join(&texts, value, sizeof value);
    return pcl_asked_set(config, name, value, err);
}

/* tclean's cell='', cell=[] and cell=['']: the default. */
static bool is_empty_pair(const struct pcl_option *option, const char *const *items, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (items[i][0])
            return false;
    return option->type == PCL_ANGLEPAIR;
}

/* A value that the parameter lacks leaves it at its default. */
static int set_option(pclean_config *config, const struct pcl_option *option,
                      const char *const *items, size_t n, pclean_err *err) {
    int rc = is_empty_pair(option, items, n) ? 0 : pcl_value_set(option, config, items, n, err);
    if (rc == 0)
        return pcl_asked_set(config, option->name, NULL, err);
    if (rc != -PCLEAN_EUNSUPPORTED ||
        (rc = pcl_config_assign_text(config, NULL, option->name, option->def, err)))
        return rc;
    return keep_asked(config, option->name, items, n, err);
}

static int ask(pclean_config *config, const struct pcl_unserved *unserved, const char *const *items,
               size_t n, pclean_err *err) {
    char name[64];
    pcl_unserved_name(unserved, name, sizeof name);
    return pcl_unserved_asks(unserved, items, n) ? keep_asked(config, name, items, n, err)
                                                 : pcl_asked_set(config, name, NULL, err);
}

int pcl_config_assign(pclean_config *config, const char *group, const char *name,
                      const char *const *items, size_t n, pclean_err *err) {
    const struct pcl_unserved *unserved = pcl_unserved_find_in(group, name);
    const struct pcl_option *option = pcl_option_find(name);
    if (option && (!group || pcl_option_in_group(option, group)))
        return set_option(config, option, items, n, err);
    if (unserved)
        return ask(config, unserved, items, n, err);
    if (option)
        return wrong_group(name, option->group, group, err);
    unserved = pcl_unserved_find(name);
    if (unserved && group)
        return wrong_group(name, unserved->group, group, err);
    return unknown(name, err);
}

int pcl_config_assign_text(pclean_config *config, const char *group, const char *name,
                           const char *text, pclean_err *err) {
    const struct pcl_option *option = pcl_option_find(name);
    struct pcl_texts texts;
    const char *none = text + strspn(text, " ");
    if (strncmp(none, "None", 4) == 0 && none[4 + strspn(none + 4, " ")] == '\0')
        return option || pcl_unserved_find(name) ? 0 : unknown(name, err); /* Python's nothing */
    int rc = pcl_texts_parse(&texts, option, text, err);
    const bool nothing = texts.is_list && texts.n == 0 && option && option->type == PCL_INTPAIR;
    if (rc == 0 && !nothing)
        rc = pcl_config_assign(config, group, name, (const char *const *)texts.item, texts.n, err);
    pcl_texts_clear(&texts);
    return rc;
}

/* --interactive alone means yes, as it does for the parameters that are served. */
static bool is_unserved_switch(const char *name) {
    const struct pcl_unserved *unserved = pcl_unserved_find(name);
    return unserved &&
           (strcmp(unserved->accept, "true") == 0 || strcmp(unserved->accept, "false") == 0 ||
            strcmp(name, "python_automask") == 0); /* which says a line whatever it says */
}

int pclean_config_set(pclean_config *config, const char *name, const char *value, pclean_err *err) {
    PCL_REQUIRE(err, config);
    PCL_REQUIRE(err, name);
    if (!value && (pclean_config_is_bool(name) || is_unserved_switch(name)))
        value = "true";
    if (!value)
        return pcl_option_find(name) || pcl_unserved_find(name)
                   ? PCL_FAIL(err, PCLEAN_EPARAM, "%s needs a value", name)
                   : unknown(name, err);
    return pcl_config_assign_text(config, NULL, name, value, err);
}

int pclean_config_get(const pclean_config *config, const char *name, char **text, pclean_err *err) {
    PCL_REQUIRE(err, text);
    *text = NULL;
    PCL_REQUIRE(err, config);
    PCL_REQUIRE(err, name);
    const struct pcl_option *option = pcl_option_find(name);
    struct pcl_texts texts;
    char *written = NULL;
    if (!option)
        return unknown(name, err);
    int rc = pcl_value_get(option, config, &texts, err);
    rc = rc ? rc : pcl_texts_write(&texts, option, &written, err);
    if (!rc && !(*text = strdup(written)))
        rc = PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for the value of %s", name);
    pcl_free(written);
    pcl_texts_clear(&texts);
    return rc;
}

/* The field with the items of `more` behind its own. */
static int append(pclean_config *config, const struct pcl_option *option,
                  const struct pcl_texts *more, pclean_err *err) {
    struct pcl_texts all;
    int rc = pcl_value_get(option, config, &all, err);
    for (size_t i = 0; i < more->n && rc == 0; i++)
        rc = pcl_texts_add(&all, more->item[i], strlen(more->item[i]), err);
    if (rc == 0)
        rc = pcl_config_assign(config, NULL, option->name, (const char *const *)all.item, all.n,
                               err);
    pcl_texts_clear(&all);
    return rc;
}

int pclean_config_append(pclean_config *config, const char *name, const char *value,
                         pclean_err *err) {
    PCL_REQUIRE(err, config);
    PCL_REQUIRE(err, name);
    const struct pcl_option *option = pcl_option_find(name);
    struct pcl_texts more;
    if (!option || option->type != PCL_TEXTLIST || !value)
        return pclean_config_set(config, name, value, err);
    int rc = pcl_texts_parse(&more, option, value, err);
    if (rc == 0)
        rc = append(config, option, &more, err);
    pcl_texts_clear(&more);
    return rc;
}

bool pcl_config_has_common_beam(const pclean_config *c) {
    return c->restoringbeam.n == 1 && strcmp(c->restoringbeam.item[0], "common") == 0;
}

const char *pcl_config_of_ms(const pclean_strlist *list, size_t ims) {
    if (!list || list->n == 0)
        return "";
    return list->item[list->n > 1 ? ims : 0];
}

const char *pcl_config_selected(const pclean_config *config, const pclean_strlist *list,
                                size_t ims) {
    return config->selectdata ? pcl_config_of_ms(list, ims) : "";
}
