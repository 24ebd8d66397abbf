#include "imager/inputs.h"

#include "base/fsutil.h"
#include "base/mem.h"
#include "casa/casa.h"
#include "io/virtual.h"

static int check_ms(const char *path, const pcl_apart *outputs, pclean_err *err) {
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

static int check_image(const char *path, const pcl_apart *outputs, pclean_err *err) {
    image of = {outputs, path};
    return pcl_virtual_visit(path, check_member, &of, err);
}

int pcl_inputs_check(const pclean_config *c, const pcl_apart *outputs, pclean_err *err) {
    int rc = casa_init(err);
    for (size_t i = 0; !rc && i < c->vis.n; i++)
        rc = check_ms(c->vis.item[i], outputs, err);
    if (!rc && *c->mask) /* region text is no path that exists */
        rc = check_image(c->mask, outputs, err);
    for (size_t i = 0; !rc && i < c->startmodel.n; i++)
        rc = check_image(c->startmodel.item[i], outputs, err);
    return rc || !*c->part_density ? rc : pcl_apart_check(outputs, c->part_density, NULL, err);
}
