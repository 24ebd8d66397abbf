#include "config/configbytes.h"
#include "config/config.h"

#include "base/mem.h"
#include "config/options.h"
#include "config/value.h"

/* Parameters in the order of the table, each as a list of texts (pcl_value_get). */
int pcl_configbytes_put(const pclean_config *config, pcl_parcel *p, pclean_err *err) {
    for (size_t i = 0; i < pcl_option_count(); i++) {
        struct pcl_texts texts;
        int rc = pcl_value_get(pcl_option_at(i), config, &texts, err);
        if (rc)
            return rc;
        pcl_parcel_put(p, &texts.n, sizeof texts.n);
        for (size_t k = 0; k < texts.n; k++)
            pcl_parcel_put_text(p, texts.item[k]);
        pcl_texts_clear(&texts);
    }
    return pcl_parcel_check(p, err);
}

static int take_option(pcl_parcel_reader *r, const struct pcl_option *o, pclean_config *config,
                       pclean_err *err) {
    char **item = NULL;
    size_t n = pcl_parcel_take_count(r, sizeof(size_t)), k = 0;
    int rc = PCL_ZNEW(&item, n, "list of values", err);
    for (; !rc && k < n; k += !rc)
        rc = pcl_parcel_take_text(r, &item[k], err);
    if (!rc && !(rc = pcl_parcel_reader_check(r, err)))
        rc = pcl_value_set(o, config, (const char *const *)item, n, err);
    while (k > 0)
        pcl_free(item[--k]);
    pcl_free(item);
    return rc;
}

int pcl_configbytes_take(pcl_parcel_reader *r, pclean_config *config, pclean_err *err) {
    int rc = pcl_config_init(config, err);
    for (size_t i = 0; !rc && i < pcl_option_count(); i++)
        rc = take_option(r, pcl_option_at(i), config, err);
    if (rc)
        pcl_config_clear(config);
    return rc;
}
