#include "image/virtual.h"
#include "base/fsutil.h"
#include "base/mem.h"
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char list_name[] = "imageconcat.json";

bool pcl_virtual_is(const char *path) {
    char file[PATH_MAX];
    const int n = snprintf(file, sizeof file, "%s/%s", path, list_name);
    return n > 0 && (size_t)n < sizeof file && pcl_fs_exists(file);
}

/* MiscInfo is left out: casacore then merges that of the images. */
int pcl_virtual_write(const char *folder, const pcl_virtual *v, pclean_err *err) {
    char *file = NULL, *text = NULL;
    errno = 0;
    json_t *names = json_array();
    for (size_t i = 0; i < v->n; i++)
        if (json_array_append_new(names, json_string(v->image[i])) != 0) { /* it takes UTF-8 only */
            json_decref(names);
            if (errno == ENOMEM)
                return PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for the list of %zu images", v->n);
            return PCL_FAIL(
                err, PCLEAN_EPARAM,
                "%s: the name of this image cannot be written into a list (not UTF-8); rename it",
                v->image[i]);
        }
    json_t *root = json_pack("{s:i s:s s:I s:b s:o}", "Version", 1, "DataType", v->type, "Axis",
                             (json_int_t)v->axis, "TempClose", 1, "Images", names);
    text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    int rc = text ? pcl_asprintf(&file, err, "%s/%s", folder, list_name)
                  : PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for the list of %zu images", v->n);
    if (!rc)
        rc = pcl_fs_write_text(file, text, strlen(text), err);
    free(text);
    pcl_free(file);
    return rc;
}

/* The length of the folder's own name, without slashes at its end. */
static size_t trimmed(const char *folder) {
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/')
        n--;
    return n;
}

/* casacore's Path::addDirectory. */
static int full_path(const char *folder, const char *name, char **out, pclean_err *err) {
    size_t n = trimmed(folder);
    if (strncmp(name, "././", 4) == 0)
        return pcl_asprintf(out, err, "%.*s/%s", (int)n, folder, name + 4);
    if (strncmp(name, "./", 2) != 0)
        return pcl_strdup(out, name, err);
    while (n > 0 && folder[n - 1] != '/')
        n--;
    return pcl_asprintf(out, err, "%.*s%s", (int)n, folder, name + 2);
}

static int read_list(const char *folder, json_t *root, pcl_virtual *out, pclean_err *err) {
    const json_t *images = json_object_get(root, "Images"), *axis = json_object_get(root, "Axis"),
                 *version = json_object_get(root, "Version");
    const char *type = json_string_value(json_object_get(root, "DataType"));
    if (version && json_integer_value(version) != 1)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED, "its version is not 1");
    if (!json_is_integer(axis) || json_integer_value(axis) < 0 || json_integer_value(axis) > 100)
        return PCL_FAIL(err, PCLEAN_EDATA, "it has no Axis");
    if (!type || strlen(type) >= sizeof out->type)
        return PCL_FAIL(err, PCLEAN_EDATA, "it has no DataType");
    if (json_array_size(images) == 0)
        return PCL_FAIL(err, PCLEAN_EDATA, "it has no Images");
    out->axis = (size_t)json_integer_value(axis);
    snprintf(out->type, sizeof out->type, "%s", type);
    int rc = PCL_ZNEW(&out->image, json_array_size(images), "list of images", err);
    for (size_t i = 0; !rc && i < json_array_size(images); i++) {
        const char *name = json_string_value(json_array_get(images, i));
        if (!name || !*name)
            return PCL_FAIL(err, PCLEAN_EDATA, "entry %zu of its Images is no name", i);
        if (!(rc = full_path(folder, name, &out->image[i], err)))
            out->n = i + 1;
    }
    return rc;
}

int pcl_virtual_read(const char *folder, pcl_virtual *out, pclean_err *err) {
    *out = (pcl_virtual){0};
    char *file = NULL;
    json_error_t why;
    int rc = pcl_asprintf(&file, err, "%.*s/%s", (int)trimmed(folder), folder, list_name);
    if (rc)
        return rc;
    FILE *f = pcl_fs_open_text(file);
    json_t *root = f ? json_loadf(f, JSON_REJECT_DUPLICATES, &why) : NULL;
    if (root)
        rc = read_list(folder, root, out, err);
    else if (f)
        rc = PCL_FAIL(err, PCLEAN_EDATA, "%s (line %d)", why.text, why.line);
    else
        rc = PCL_FAIL(err, PCLEAN_EDATA, "it is no file that can be read: %s", strerror(errno));
    json_decref(root);
    if (f)
        fclose(f);
    if (rc) {
        pcl_err_prefix(err, "%s is not the list of a virtual image: ", file);
        pcl_virtual_clear(out);
    }
    pcl_free(file);
    return rc;
}

/* ---- lists in lists ---- */

enum { MOST_DEEP = 8 };

typedef struct place {
    dev_t dev;
    ino_t ino;
} place;

static int compare_places(const void *a, const void *b) {
    const place *p = a, *q = b;
    return p->dev != q->dev ? (p->dev > q->dev) - (p->dev < q->dev)
                            : (p->ino > q->ino) - (p->ino < q->ino);
}

/* Notes an image in the tree `seen`; an error if it is there already: pixels that come twice cannot
 * lie one after the other along an axis. */
static int note_image(const char *path, void **seen, pclean_err *err) {
    struct stat st;
    place *here = NULL;
    if (stat(path, &st) != 0)
        return PCL_FAIL(err, PCLEAN_EIO, "%s: no such image", path);
    int rc = PCL_NEW(&here, 1, "list of images", err);
    if (rc)
        return rc;
    *here = (place){st.st_dev, st.st_ino};
    place **found = tsearch(here, seen, compare_places);
    if (!found || *found != here)
        pcl_free(here);
    if (!found)
        return PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for the list of images");
    return *found == here
               ? 0
               : PCL_FAIL(err, PCLEAN_EDATA, "%s is listed twice: does one list itself?", path);
}

static int check_paged(const char *path, pclean_err *err) {
    char *file = NULL;
    int rc = pcl_asprintf(&file, err, "%s/table.dat", path);
    if (!rc && !pcl_fs_exists(file))
        rc = PCL_FAIL(err, PCLEAN_EUNSUPPORTED, "%s is not a CASA image on disk", path);
    pcl_free(file);
    return rc;
}

static int check_lists(const char *path, int depth, void **seen, pclean_err *err) {
    pcl_virtual list;
    int rc = note_image(path, seen, err);
    if (rc)
        return rc;
    if (!pcl_virtual_is(path))
        return check_paged(path, err);
    if (depth > MOST_DEEP)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "%s: virtual images inside virtual images, more than %d deep", path,
                        MOST_DEEP);
    if ((rc = pcl_virtual_read(path, &list, err)))
        return rc;
    for (size_t i = 0; !rc && i < list.n; i++)
        if ((rc = check_lists(list.image[i], depth + 1, seen, err)))
            pcl_err_prefix(err, "%s lists it: ", path);
    pcl_virtual_clear(&list);
    return rc;
}

int pcl_virtual_check(const char *path, pclean_err *err) {
    void *seen = NULL;
    const int rc = pcl_virtual_is(path) ? check_lists(path, 0, &seen, err) : 0;
    tdestroy(seen, pcl_free);
    return rc;
}

int pcl_virtual_open(const char *path, casa_image **out, pclean_err *err) {
    *out = NULL;
    const int rc = pcl_virtual_check(path, err);
    return rc ? rc : casa_image_open(path, out, err);
}

void pcl_virtual_clear(pcl_virtual *v) {
    for (size_t i = 0; i < v->n; i++)
        pcl_free(v->image[i]);
    pcl_free(v->image);
    *v = (pcl_virtual){0};
}

/* ---- all that belongs to an image ---- */

typedef struct walk {
    pcl_virtual_visitor *visit;
    void *user;
    char **list; /* virtual images still to be looked into, and those that have been */
    struct stat *seen;
    size_t n, room;
} walk;

static bool was_seen(const walk *w, const struct stat *st) {
    for (size_t i = 0; i < w->n; i++)
        if (w->seen[i].st_dev == st->st_dev && w->seen[i].st_ino == st->st_ino)
            return true;
    return false;
}

static int add_list(walk *w, const char *path, pclean_err *err) {
    struct stat st;
    if (!pcl_virtual_is(path) || stat(path, &st) != 0 || was_seen(w, &st))
        return 0;
    if (w->n == w->room) {
        const size_t room = w->room ? 2 * w->room : 16;
        char **list = NULL;
        struct stat *seen = NULL;
        int rc = PCL_ZNEW(&list, room, "lists of images", err);
        if (rc || (rc = PCL_ZNEW(&seen, room, "lists of images", err))) {
            pcl_free(list);
            return rc;
        }
        for (size_t i = 0; i < w->n; i++) {
            list[i] = w->list[i];
            seen[i] = w->seen[i];
        }
        pcl_free(w->list);
        pcl_free(w->seen);
        w->list = list;
        w->seen = seen;
        w->room = room;
    }
    w->seen[w->n] = st;
    int rc = pcl_strdup(&w->list[w->n], path, err);
    w->n += !rc;
    return rc;
}

static int visit_one(walk *w, const char *path, pclean_err *err) {
    int rc = w->visit(path, w->user, err);
    return rc ? rc : add_list(w, path, err);
}

int pcl_virtual_visit(const char *path, pcl_virtual_visitor *visit, void *user, pclean_err *err) {
    walk w = {.visit = visit, .user = user};
    int rc = visit_one(&w, path, err);
    for (size_t i = 0; !rc && i < w.n; i++) {
        pcl_virtual v;
        if (pcl_virtual_read(w.list[i], &v, NULL) != 0)
            continue;
        for (size_t k = 0; !rc && k < v.n; k++)
            rc = visit_one(&w, v.image[k], err);
        pcl_virtual_clear(&v);
    }
    for (size_t i = 0; i < w.n; i++)
        pcl_free(w.list[i]);
    pcl_free(w.list);
    pcl_free(w.seen);
    return rc;
}
