#include "base/apart.h"
#include "base/fsutil.h"
#include "base/mem.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct question {
    const pcl_apart *outputs;
    struct stat folder; /* of the outputs */
    const char *input, *of;
} question;

static bool is_same(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static int refuse(const question *q, const char *entry, bool itself, pclean_err *err) {
    char *needs = NULL;
    int rc = q->of && strcmp(q->of, q->input) != 0
                 ? pcl_asprintf(&needs, err, " (which %s needs)", q->of)
                 : 0;
    const char *of = needs ? needs : "", *name = q->outputs->name;
    if (!rc && itself)
        rc = PCL_FAIL(err, PCLEAN_EPARAM,
                      "%s is the output and one of the inputs%s: %s would replace or remove it, "
                      "but the output must not be the input; "
                      "choose another name for it",
                      q->input, of, name);
    else if (!rc)
        rc = PCL_FAIL(err, PCLEAN_EPARAM,
                      "%s%s lies inside %s, which %s would replace or remove: neither may the "
                      "output be inside the input nor the input inside the "
                      "output; choose another name for it",
                      q->input, of, entry, name);
    pcl_free(needs);
    return rc;
}

/* Whether the entry `path` is an output. */
static int check_entry(const question *q, const char *path, bool itself, pclean_err *err) {
    struct stat parent;
    char *folder = NULL;
    const char *name;
    int rc = pcl_fs_split(path, &folder, &name, err);
    if (!rc && *name && stat(folder, &parent) == 0 && is_same(&parent, &q->folder) &&
        q->outputs->is_output(name, q->outputs->user))
        rc = refuse(q, path, itself, err);
    pcl_free(folder);
    return rc;
}

/* The path and its folders up to the root: with only_links those of them that are symbolic
 * links. */
static int check_way(const question *q, const char *path, bool only_links, pclean_err *err) {
    char *way = NULL;
    struct stat st;
    int rc = pcl_fs_strip_slashes(path, &way, err);
    for (bool itself = true; !rc && *way; itself = false) {
        if (!only_links || (lstat(way, &st) == 0 && S_ISLNK(st.st_mode)))
            rc = check_entry(q, way, itself, err);
        char *slash = strrchr(way, '/');
        while (slash && slash > way && slash[-1] == '/')
            slash--;
        if (!slash)
            break;
        *slash = '\0';
    }
    pcl_free(way);
    return rc;
}

static int check_path(const question *q, const char *path, pclean_err *err) {
    int rc = check_way(q, path, true, err);
    char *real = rc ? NULL : realpath(path, NULL);
    rc = real ? check_way(q, real, false, err) : rc;
    free(real);
    return rc;
}

static bool is_table(const char *folder) {
    char *file = NULL;
    const bool is = pcl_asprintf(&file, NULL, "%s/table.dat", folder) == 0 && pcl_fs_exists(file);
    pcl_free(file);
    return is;
}

/* What the links in a table's folder lead to: its files and sub-tables may lie elsewhere. */
static int check_links(const question *q, const char *folder, pclean_err *err) {
    DIR *stream = is_table(folder) ? opendir(folder) : NULL;
    int rc = 0;
    for (struct dirent *e; stream && !rc && (e = readdir(stream)) != NULL;) {
        char *path = NULL;
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        rc = pcl_asprintf(&path, err, "%s/%s", folder, e->d_name);
        const question link = {q->outputs, q->folder, path, q->of ? q->of : q->input};
        const bool there = !rc && lstat(path, &st) == 0;
        if (there && S_ISLNK(st.st_mode))
            rc = check_path(&link, path, err);
        else if (there && S_ISDIR(st.st_mode))
            rc = check_links(q, path, err);
        pcl_free(path);
    }
    if (stream)
        closedir(stream);
    return rc;
}

/* Cuts the last name off a path; false when there is none. */
static bool cut_name(char *path) {
    char *slash = strrchr(path, '/');
    if (!slash || (slash == path && !slash[1]))
        return false;
    slash[slash == path] = '\0';
    return true;
}

/* Whether the outputs' folder, or the first one above it that exists, is the input or below it. */
static int check_outside(const question *q, const struct stat *input, pclean_err *err) {
    char *way = NULL, *real = NULL;
    struct stat st;
    bool more = true;
    int rc = pcl_strdup(&way, q->outputs->folder, err);
    while (!rc && more && !(real = realpath(way, NULL)))
        more = cut_name(way);
    if (!rc && !real)
        real = realpath(".", NULL);
    for (more = real != NULL; !rc && more; more = cut_name(real))
        if (stat(real, &st) == 0 && is_same(&st, input))
            rc = PCL_FAIL(
                err, PCLEAN_EPARAM,
                "the output %s would lie inside the input %s: choose another name for the output",
                q->outputs->name, q->input);
    free(real);
    pcl_free(way);
    return rc;
}

int pcl_apart_check(const pcl_apart *outputs, const char *input, const char *of, pclean_err *err) {
    question q = {.outputs = outputs, .input = input, .of = of};
    struct stat st;
    const bool there = stat(input, &st) == 0;
    int rc = 0;
    if (stat(outputs->folder, &q.folder) == 0 && !(rc = check_path(&q, input, err)) && there &&
        S_ISDIR(st.st_mode))
        rc = check_links(&q, input, err);
    return rc || !there || !S_ISDIR(st.st_mode) ? rc : check_outside(&q, &st, err);
}
