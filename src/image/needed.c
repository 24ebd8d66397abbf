#include "image/needed.h"
#include "base/mem.h"
#include "casa/casa.h"
#include "image/virtual.h"

int pcl_needed_check_table(const pcl_apart *outputs, const char *path, pclean_err *err) {
    char **folder = NULL;
    int rc = pcl_apart_check(outputs, path, NULL, err);
    if (rc || casa_table_folders(path, &folder, NULL) != 0)
        return rc;
    for (size_t i = 0; !rc && folder[i]; i++)
        rc = pcl_apart_check(outputs, folder[i], path, err);
    pcl_free(folder);
    return rc;
}

typedef struct image {
    const pcl_apart *outputs;
    const char *path;
} image;

/* A pcl_virtual_visitor; user is the image as it was given. */
static int check_member(const char *path, void *user, pclean_err *err) {
    const image *of = user;
    return pcl_apart_check(of->outputs, path, of->path, err);
}

int pcl_needed_check_image(const pcl_apart *outputs, const char *path, pclean_err *err) {
    image of = {outputs, path};
    return pcl_virtual_visit(path, check_member, &of, err);
}
