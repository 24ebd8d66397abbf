#include "config/config.h"
#include "config/options.h"
#include "config/unserved.h"
#include "config/value.h"
#include <string.h>

void pclean_config_clear(pclean_config *config) {
    if (!config)
        return;
    for (size_t i = 0; i < pcl_option_count(); i++)
        pcl_value_clear(pcl_option_at(i), config);
    *config = (pclean_config){0};
}

int pclean_config_init(pclean_config *config, pclean_err *err) {
    *config = (pclean_config){0};
    for (size_t i = 0; i < pcl_option_count(); i++) {
        int rc = pcl_config_assign_text(config, NULL, pcl_option_at(i)->name, pcl_option_at(i)->def, err);
        if (rc) {
            pclean_config_clear(config);
            return rc;
        }
    }
    return 0;
}

int pcl_config_copy(pclean_config *to, const pclean_config *from, pclean_err *err) {
    *to = (pclean_config){0};
    for (size_t i = 0; i < pcl_option_count(); i++) {
        struct pcl_texts texts;
        int rc = pcl_value_get(pcl_option_at(i), from, &texts, err);
        if (rc == 0)
            rc = pcl_value_set(pcl_option_at(i), to, (const char *const *)texts.item, texts.n, err);
        pcl_texts_clear(&texts);
        if (rc) {
            pclean_config_clear(to);
            return rc;
        }
    }
    return 0;
}

static int unknown(const char *name, pclean_err *err) {
    const char *near = pcl_option_nearest(name);
    if (near)
        return PCL_FAIL(err, PCLEAN_EPARAM, "there is no parameter \"%.80s\"; did you mean %s?", name, near);
    return PCL_FAIL(err, PCLEAN_EPARAM, "there is no parameter \"%.80s\"; pclean image --help lists them all", name);
}

static int wrong_group(const char *name, const char *right, const char *given, pclean_err *err) {
    return PCL_FAIL(err, PCLEAN_EPARAM, "%s belongs to the group %.*s, not to %s", name, (int)strcspn(right, "|"),
                    right, given);
}

int pcl_config_assign(pclean_config *config, const char *group, const char *name, const char *const *items, size_t n,
                      pclean_err *err) {
    const struct pcl_unserved *unserved = pcl_unserved_find_in(group, name);
    const struct pcl_option *option = pcl_option_find(name);
    if (option && (!group || pcl_option_in_group(option, group)))
        return pcl_value_set(option, config, items, n, err);
    if (unserved)
        return pcl_unserved_check(unserved, items, n, err);
    if (option)
        return wrong_group(name, option->group, group, err);
    unserved = pcl_unserved_find(name);
    if (unserved && group)
        return wrong_group(name, unserved->group, group, err);
    return unknown(name, err);
}

int pcl_config_assign_text(pclean_config *config, const char *group, const char *name, const char *text,
                           pclean_err *err) {
    const struct pcl_option *option = pcl_option_find(name);
    struct pcl_texts texts = {0};
    const bool whole = option && (option->type == PCL_PERMS || !pcl_option_is_list(option));
    int rc = whole ? pcl_texts_add(&texts, text, strlen(text), err) : pcl_texts_split(&texts, text, err);
    if (rc == 0)
        rc = pcl_config_assign(config, group, name, (const char *const *)texts.item, texts.n, err);
    pcl_texts_clear(&texts);
    return rc;
}

int pclean_config_set(pclean_config *config, const char *name, const char *value, pclean_err *err) {
    if (!value && pclean_config_is_bool(name))
        value = "true";
    if (!value)
        return pcl_option_find(name) ? PCL_FAIL(err, PCLEAN_EPARAM, "%s needs a value", name) : unknown(name, err);
    return pcl_config_assign_text(config, NULL, name, value, err);
}
