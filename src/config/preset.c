#include "base/mem.h"
#include "config/config.h"
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef PCLEAN_SHARE_INSTALL
#define PCLEAN_SHARE_INSTALL "/usr/local/share/pclean"
#endif
#ifndef PCLEAN_SHARE_SOURCE
#define PCLEAN_SHARE_SOURCE "share"
#endif

#define NFOLDER 3

/* Where presets are looked for, in order: the user's word, the installation, the source tree that
 * was built. */
static const char *share_folder(size_t i) {
    const char *const folder[NFOLDER] = {getenv("PCLEAN_SHARE"), PCLEAN_SHARE_INSTALL,
                                         PCLEAN_SHARE_SOURCE};
    return folder[i] && folder[i][0] ? folder[i] : NULL;
}

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), m = strlen(end);
    return n > m && strcmp(s + n - m, end) == 0;
}

static bool is_path(const char *name) {
    return strchr(name, '/') || ends_with(name, ".yaml") || ends_with(name, ".yml");
}

/* ---- the list ---- */

struct preset {
    char *name, *path;
};
struct presets {
    struct preset *item;
    size_t n;
};

static void clear_presets(struct presets *list) {
    for (size_t i = 0; i < list->n; i++) {
        pcl_free(list->item[i].name);
        pcl_free(list->item[i].path);
    }
    pcl_free(list->item);
    *list = (struct presets){0};
}

static const struct preset *find_preset(const struct presets *list, const char *name) {
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->item[i].name, name) == 0)
            return &list->item[i];
    return NULL;
}

static int add_preset(struct presets *list, const char *folder, const char *file, pclean_err *err) {
    struct preset p = {0};
    struct preset *grown = NULL;
    int rc = pcl_asprintf(&p.name, err, "%.*s", (int)(strlen(file) - strlen(".yaml")), file);
    if (rc == 0 && find_preset(list, p.name)) /* an earlier folder has it */
        goto done;
    if (rc == 0)
        rc = pcl_asprintf(&p.path, err, "%s/presets/%s", folder, file);
    if (rc == 0)
        rc = PCL_NEW(&grown, list->n + 1, "list of presets", err);
    if (rc)
        goto done;
    if (list->n)
        memcpy(grown, list->item, list->n * sizeof *grown);
    grown[list->n] = p;
    pcl_free(list->item);
    list->item = grown;
    list->n++;
    return 0;
done:
    pcl_free(p.path);
    pcl_free(p.name);
    return rc;
}

/* A folder that does not exist has no presets; the source tree is usually gone where the program is
 * installed. */
static int add_folder(struct presets *list, const char *folder, pclean_err *err) {
    char *path = NULL;
    int rc = pcl_asprintf(&path, err, "%s/presets", folder);
    if (rc)
        return rc;
    DIR *stream = opendir(path);
    if (!stream && errno != ENOENT && errno != ENOTDIR)
        rc = PCL_FAIL(err, PCLEAN_EIO, "cannot list the presets in %s: %s", path, strerror(errno));
    struct dirent *entry;
    while (stream && rc == 0 && (entry = readdir(stream)) != NULL)
        if (ends_with(entry->d_name, ".yaml") && entry->d_name[0] != '.')
            rc = add_preset(list, folder, entry->d_name, err);
    if (stream)
        closedir(stream);
    pcl_free(path);
    return rc;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct preset *)a)->name, ((const struct preset *)b)->name);
}

static int collect(struct presets *list, pclean_err *err) {
    int rc = 0;
    *list = (struct presets){0};
    for (size_t i = 0; i < NFOLDER && rc == 0; i++)
        if (share_folder(i))
            rc = add_folder(list, share_folder(i), err);
    if (rc)
        clear_presets(list);
    else if (list->n)
        qsort(list->item, list->n, sizeof *list->item, by_name);
    return rc;
}

/* The comment in the first line. */
static int print_preset(FILE *out, const struct preset *p, pclean_err *err) {
    char line[400] = "";
    FILE *in = fopen(p->path, "r");
    if (!in)
        return PCL_FAIL(err, PCLEAN_EIO, "cannot read %s: %s", p->path, strerror(errno));
    if (!fgets(line, sizeof line, in))
        line[0] = '\0';
    fclose(in);
    const char *text = line + strspn(line, "# ");
    fprintf(out, "%s\t%.*s\n", p->name, line[0] == '#' ? (int)strcspn(text, "\n") : 0, text);
    return 0;
}

int pclean_config_list_presets(FILE *out, pclean_err *err) {
    PCL_REQUIRE(err, out);
    struct presets list;
    int rc = collect(&list, err);
    for (size_t i = 0; i < list.n && rc == 0; i++)
        rc = print_preset(out, &list.item[i], err);
    clear_presets(&list);
    if (rc == 0 && ferror(out))
        rc = PCL_FAIL(err, PCLEAN_EIO, "cannot write the list of presets");
    return rc;
}

/* ---- one of them ---- */

static int not_found(const struct presets *list, const char *name, pclean_err *err) {
    char known[500] = "";
    size_t at = 0;
    for (size_t i = 0; i < list->n && at < sizeof known; i++)
        at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "",
                               list->item[i].name);
    if (list->n == 0)
        return PCL_FAIL(
            err, PCLEAN_EPARAM,
            "there is no preset \"%.80s\", nor any other: set PCLEAN_SHARE to the folder "
            "that holds presets/",
            name);
    return PCL_FAIL(err, PCLEAN_EPARAM, "there is no preset \"%.80s\" (there are: %s)", name,
                    known);
}

static int apply_named(pclean_config *config, const char *name, int depth, pclean_err *err) {
    struct presets list;
    int rc = collect(&list, err);
    if (rc)
        return rc;
    const struct preset *p = find_preset(&list, name);
    rc = p ? pcl_yaml_read(config, p->path, depth, err) : not_found(&list, name, err);
    clear_presets(&list);
    return rc;
}

int pcl_preset_apply(pclean_config *config, const char *name, const char *from_file, int depth,
                     pclean_err *err) {
    if (!is_path(name))
        return apply_named(config, name, depth, err);
    const char *slash = from_file && name[0] != '/' ? strrchr(from_file, '/') : NULL;
    if (!slash)
        return pcl_yaml_read(config, name, depth, err);
    char *path = NULL;
    int rc = pcl_asprintf(&path, err, "%.*s/%s", (int)(slash - from_file), from_file, name);
    if (rc == 0)
        rc = pcl_yaml_read(config, path, depth, err);
    pcl_free(path);
    return rc;
}

int pclean_config_apply_preset(pclean_config *config, const char *name, pclean_err *err) {
    PCL_REQUIRE(err, config);
    PCL_REQUIRE(err, name);
    return pcl_preset_apply(config, name, NULL, 0, err);
}
