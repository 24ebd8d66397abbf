#include "partition/partfiles.h"

#include <dirent.h>
#include <errno.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "base/mem.h"
#include "base/sysinfo.h"
#include "config/config.h"
#include "imager/weighing.h"
#include "run/budget.h"
#include "run/inputs.h"

typedef struct files {
    const char *base, *kind; /* "line", "subcube": line.subcube.0.yaml, line.density */
} files;

/* A name without its folders. */
static const char *base_of(const char *name) {
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

static files files_of(const pclean_partition *p, const pclean_config *c) {
    return (files){base_of(c->imagename), p->cube ? "subcube" : "part"};
}

/* ---- names ---- */

/* Whether a name is BASE.KIND.N.yaml, and N. */
static bool is_part(const files *f, const char *name, size_t *n) {
    char *end;
    const size_t base = strlen(f->base), kind = strlen(f->kind);
    if (strncmp(name, f->base, base) != 0 || name[base] != '.' ||
        strncmp(name + base + 1, f->kind, kind) != 0 || name[base + 1 + kind] != '.')
        return false;
    const char *digits = name + base + kind + 2;
    const size_t ndigit = strspn(digits, "0123456789");
    *n = strtoul(digits, &end, 10);
    return ndigit > 0 && ndigit < 10 && (ndigit == 1 || digits[0] != '0') &&
           strcmp(end, ".yaml") == 0;
}

static bool is_density(const files *f, const char *name) {
    const size_t n = strlen(f->base);
    return strncmp(name, f->base, n) == 0 &&
           (strcmp(name + n, ".density") == 0 || strcmp(name + n, ".density.part") == 0);
}

/* For pcl_apart; user is a files. */
static bool is_output(const char *name, const void *user) {
    size_t n;
    return is_part(user, name, &n) || is_density(user, name);
}

/* Whether a file is the configuration of a part. */
static bool holds_part(const char *path) {
    pclean_config c;
    FILE *f = pcl_fs_open_text(path);
    if (!f)
        return false;
    fclose(f);
    const bool is = pcl_config_init(&c, NULL) == 0 &&
                    pclean_config_read_yaml(&c, path, NULL) == 0 && c.part_channel >= 0;
    pcl_config_clear(&c);
    return is;
}

/* ---- what is there already ---- */

/* Calls visit for each of our names in the folder, with the number of a part or SIZE_MAX. */
typedef int visitor(const char *path, size_t n, const void *user, pclean_err *err);
static int visit_all(const files *f, const char *folder, visitor *visit, const void *user,
                     pclean_err *err) {
    DIR *stream = opendir(folder);
    int rc = 0;
    for (struct dirent *e; stream && !rc && (e = readdir(stream)) != NULL;) {
        char *path = NULL;
        size_t n = SIZE_MAX;
        if (!is_part(f, e->d_name, &n) && !is_density(f, e->d_name))
            continue;
        if (!(rc = pcl_asprintf(&path, err, "%s/%s", folder, e->d_name)))
            rc = visit(path, n, user, err);
        pcl_free(path);
    }
    if (stream)
        closedir(stream);
    return rc;
}

/* A visitor; user: bool overwrite. */
static int check_file(const char *path, size_t n, const void *user, pclean_err *err) {
    const bool ours = n == SIZE_MAX ? pcl_weighing_is_density(path) : holds_part(path);
    if (!ours)
        return PCL_FAIL(err, PCLEAN_EEXIST,
                        "%s is not %s and is not replaced; move it, or choose another folder", path,
                        n == SIZE_MAX ? "a density of pclean partition's"
                                      : "the configuration of a part");
    return *(const bool *)user ? 0
                               : PCL_FAIL(err, PCLEAN_EEXIST,
                                          "%s exists already and is kept; choose another folder, "
                                          "or allow overwriting (--overwrite)",
                                          path);
}

int pcl_partfiles_check(const pclean_partition *partition, const pclean_config *config,
                        const char *folder, bool overwrite, pclean_err *err) {
    const files f = files_of(partition, config);
    const pcl_apart outputs = {
        .name = folder, .folder = folder, .is_output = is_output, .user = &f};
    int rc = pcl_inputs_check(config, &outputs, err);
    return rc ? rc : visit_all(&f, folder, check_file, &overwrite, err);
}

/* A visitor; user: size_t nparts. */
static int remove_higher(const char *path, size_t n, const void *user, pclean_err *err) {
    if (n == SIZE_MAX || n < *(const size_t *)user || unlink(path) == 0)
        return 0;
    return PCL_FAIL(err, PCLEAN_EIO, "%s, a part of an earlier partition, cannot be removed: %s",
                    path, strerror(errno));
}

int pcl_partfiles_remove_stale(const pclean_partition *partition, const pclean_config *config,
                               const char *folder, pclean_err *err) {
    const files f = files_of(partition, config);
    return visit_all(&f, folder, remove_higher, &partition->nparts, err);
}

/* ---- writing ---- */

static const char unfinished[] = ".part";

static int density_path(const pclean_config *whole, const char *folder, char **path,
                        pclean_err *err) {
    if (folder)
        return pcl_asprintf(path, err, "%s/%s.density", folder, base_of(whole->imagename));
    return pcl_asprintf(path, err, "%s.density", whole->imagename);
}

int pcl_partfiles_set_density(const pclean_config *whole, const char *folder, pclean_config *part,
                              pclean_err *err) {
    char *path = NULL;
    if (!pcl_params_common_density(whole))
        return 0;
    int rc = density_path(whole, folder, &path, err);
    if (!rc)
        rc = pcl_config_assign(part, NULL, "part_density", (const char *const[]){path}, 1, err);
    pcl_free(path);
    return rc;
}

int pcl_partfiles_save_density(const pclean_config *config, const char *folder, pclean_err *err) {
    const int nthread = omp_get_max_threads();
    pcl_setup s = {0};
    pcl_store vis = {0};
    pcl_sysinfo limits;
    pcl_budget budget;
    const pcl_scratch scratch = {.folder = *config->scratch ? config->scratch : folder};
    char *path = NULL;
    int rc;
    omp_set_num_threads(1);
    pcl_sysinfo_read("", &limits);
    if ((rc = density_path(config, folder, &path, err)) || (rc = pcl_setup_open(config, &s, err)) ||
        (rc = pcl_budget_make(&s, &limits, 1, 1,
                              *config->scratch ? PCL_MEMORY_FILE_ALWAYS : PCL_MEMORY_FILE_IF_NEEDED,
                              &budget, err)))
        goto done;
    if (budget.plan.store_in_file)
        s.scratch = &scratch;
    if (!(rc = pcl_setup_read(&s, NULL, NULL, &vis, err)))
        rc = pcl_weighing_save(&s, &vis, path, err);
done:
    pcl_store_clear(&vis);
    pcl_setup_close(&s);
    pcl_free(path);
    omp_set_num_threads(nthread);
    return rc;
}

static int part_path(const pclean_part *p, const char *folder, const char *ending, char **path,
                     pclean_err *err) {
    return pcl_asprintf(path, err, "%s/%s.yaml%s", folder, base_of(p->name), ending);
}

int pcl_partfiles_write(const pclean_part *p, const char *folder, pclean_err *err) {
    char *path = NULL, *text = NULL;
    size_t size = 0;
    int rc = part_path(p, folder, unfinished, &path, err);
    if (rc)
        return rc;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        rc = PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for the text of %s", path);
    else
        rc = pclean_config_dump_yaml(p->config, out, err);
    if (out && fclose(out) != 0 && !rc)
        rc = PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for the text of %s", path);
    if (!rc)
        rc = pcl_fs_write_text(path, text, size, err);
    free(text);
    pcl_free(path);
    return rc;
}

void pcl_partfiles_drop(const pclean_part *p, const char *folder) {
    char *path = NULL;
    if (part_path(p, folder, unfinished, &path, NULL) == 0)
        unlink(path);
    pcl_free(path);
}

int pcl_partfiles_publish(pclean_part *p, const char *folder, pclean_err *err) {
    char *from = NULL, *path = NULL;
    int rc = part_path(p, folder, unfinished, &from, err);
    rc = rc ? rc : part_path(p, folder, "", &path, err);
    if (!rc && rename(from, path) != 0)
        rc = pcl_err_errno(err, "write", path);
    pcl_free(from);
    if (rc) {
        pcl_free(path);
        return rc;
    }
    pcl_free(p->file);
    p->file = path;
    return 0;
}
