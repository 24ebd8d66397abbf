/* check.c: is there a storage manager Adios2StMan, does it work, and which casacore and casatools
 * are here (pclean/adios2.h). Python is not started: what pip and conda have installed is read from
 * their records. */
#include "base/fsutil.h"
#include "base/mem.h"
#include "casa/casa.h"
#include "pclean/adios2.h"
#include <dirent.h>
#include <glob.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COPY(to, text) snprintf((to), sizeof(to), "%s", (text) ? (text) : "")

/* ---- where casacore comes from ---- */

/* The Debian package that has installed a file, of those whose name begins so:
 * /var/lib/dpkg/info/PACKAGE.list holds its paths. */
static bool debian_package(const char *path, const char *begin, char *name, size_t size) {
    glob_t found;
    char pattern[200], line[PATH_MAX];
    bool is = false;
    snprintf(pattern, sizeof pattern, "/var/lib/dpkg/info/%s*.list", begin);
    if (glob(pattern, 0, NULL, &found) != 0)
        return false;
    for (size_t i = 0; i < found.gl_pathc && !is; i++) {
        FILE *in = fopen(found.gl_pathv[i], "r");
        while (in && !is && fgets(line, sizeof line, in)) {
            line[strcspn(line, "\n")] = '\0';
            is = strcmp(line, path) == 0;
        }
        if (in)
            fclose(in);
        if (is) {
            const char *file = strrchr(found.gl_pathv[i], '/') + 1;
            snprintf(name, size, "Debian package %.*s", (int)strcspn(file, ":."), file);
        }
    }
    globfree(&found);
    return is;
}

static void describe_casacore(pclean_adios2_info *info) {
    COPY(info->casacore_version, casa_version());
    COPY(info->casacore_library, casa_library_path());
    const char *conda = getenv("CONDA_PREFIX");
    char *real = realpath(info->casacore_library, NULL);
    if ((!real ||
         !debian_package(real, "libcasa-", info->casacore_origin, sizeof info->casacore_origin)) &&
        !debian_package(info->casacore_library, "libcasa-", info->casacore_origin,
                        sizeof info->casacore_origin))
        COPY(info->casacore_origin,
             conda && *conda && strncmp(info->casacore_library, conda, strlen(conda)) == 0
                 ? "conda"
                 : "own build");
    free(real);
}

/* ---- casatools ---- */

static void take_text(const json_t *o, const char *key, char *to, size_t size) {
    const char *text = json_string_value(json_object_get(o, key));
    snprintf(to, size, "%s", text ? text : "");
}

static bool conda_casatools(const char *prefix, pclean_adios2_info *info) {
    char pattern[PATH_MAX];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/conda-meta/casatools-*.json", prefix);
    if (glob(pattern, 0, NULL, &found) != 0)
        return false;
    COPY(info->casatools_origin, "conda");
    COPY(info->casatools_folder, found.gl_pathv[0]);
    /* a record that cannot be read leaves the texts empty */
    json_t *o = json_load_file(found.gl_pathv[0], 0, NULL);
    take_text(o, "version", info->casatools_version, sizeof info->casatools_version);
    take_text(o, "build", info->casatools_build, sizeof info->casatools_build);
    take_text(o, "channel", info->casatools_channel, sizeof info->casatools_channel);
    take_text(o, "subdir", info->casatools_subdir, sizeof info->casatools_subdir);
    if (!*info->casatools_version)
        COPY(info->casatools_version, "unknown");
    json_decref(o);
    globfree(&found);
    return true;
}

static bool pip_casatools(const char *prefix, pclean_adios2_info *info) {
    char pattern[PATH_MAX];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/lib/python3*/site-packages/casatools-*.dist-info",
             prefix);
    if (glob(pattern, 0, NULL, &found) != 0)
        return false;
    const char *name = strrchr(found.gl_pathv[0], '/') + strlen("/casatools-");
    snprintf(info->casatools_version, sizeof info->casatools_version, "%.*s",
             (int)(strlen(name) - strlen(".dist-info")), name);
    COPY(info->casatools_origin, "pip");
    COPY(info->casatools_folder, found.gl_pathv[0]);
    globfree(&found);
    return true;
}

/* The prefix of the first python3 on the PATH. A virtual environment's python3 is a link, so the
 * link itself counts. */
static bool python_prefix(char *out, size_t size) {
    char *path = strdup(getenv("PATH") ? getenv("PATH") : ""), *rest = path;
    bool found = false;
    for (char *dir; !found && (dir = strsep(&rest, ":")) != NULL;) {
        char name[PATH_MAX];
        snprintf(name, sizeof name, "%s/python3", dir);
        found = access(name, X_OK) == 0;
        if (found)
            snprintf(out, size, "%s/..", dir);
    }
    free(path);
    return found;
}

static void describe_casatools(pclean_adios2_info *info) {
    char prefix[PATH_MAX];
    const char *conda = getenv("CONDA_PREFIX"), *venv = getenv("VIRTUAL_ENV");
    if (conda && *conda && (conda_casatools(conda, info) || pip_casatools(conda, info)))
        return;
    if (venv && *venv && pip_casatools(venv, info))
        return;
    if (python_prefix(prefix, sizeof prefix) && !conda_casatools(prefix, info))
        (void)pip_casatools(prefix, info);
}

/* ---- does it work ---- */

static int try_manager(bool cleanup, pclean_adios2_info *info, pclean_err *err) {
    char *folder = NULL, *table = NULL;
    pclean_err why = {0};
    const char *tmp = getenv("TMPDIR");
    int status = pcl_asprintf(&folder, err, "%s/pclean-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!status && !mkdtemp(folder))
        status =
            PCL_FAIL(err, PCLEAN_EIO, "cannot make a folder for a test table in %s: set TMPDIR",
                     tmp && *tmp ? tmp : "/tmp");
    if (!status)
        status = pcl_asprintf(&table, err, "%s/_pclean_adios2_probe.tab", folder);
    if (!status) {
        info->supported = casa_adios2_load(&why) == 0 && casa_adios2_try(table, &why) == 0;
        COPY(info->reason, why.msg);
        COPY(info->adios2_version, casa_adios2_version());
        COPY(info->engines, *info->adios2_version ? "BP4 BP5" : "");
        if (cleanup)
            status = pcl_fs_remove_tree(folder, err);
    }
    pcl_free(table);
    pcl_free(folder);
    return status;
}

void pclean_adios2_info_free(pclean_adios2_info *info) {
    pcl_free(info);
}

int pclean_adios2_check(bool cleanup, pclean_adios2_info **info, pclean_err *err) {
    PCL_REQUIRE(err, info);
    *info = NULL;
    int status = casa_init(err);
    if (status || (status = PCL_ZNEW(info, 1, "findings", err)))
        return status;
    COPY((*info)->plugin, casa_adios2_folder());
    describe_casacore(*info);
    describe_casatools(*info);
    status = try_manager(cleanup, *info, err);
    casa_end();
    if (status) {
        pclean_adios2_info_free(*info);
        *info = NULL;
    }
    return status;
}
