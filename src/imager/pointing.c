#include "imager/pointing.h"

#include <math.h>
#include <stdbool.h>

#include "base/mem.h"

static bool is_listed(double (*list)[2], size_t n, double x, double y) {
    const double near = 1e-3;
    for (size_t i = 0; i < n; i++)
        if (fabs(list[i][0] - x) < near && fabs(list[i][1] - y) < near)
            return true;
    return false;
}

/* Adds those of one MS. */
static void list_fields(const pcl_source *src, size_t ims, const casa_image_desc *desc, size_t *n,
                        double (*list)[2]) {
    const pcl_rotation *rotation = src->rotation[ims];
    for (size_t k = 0; k < src->info[ims]->nfield; k++) {
        double x = desc->crpix_x, y = desc->crpix_y;
        if (rotation && rotation[k].offset_rad >= M_PI / 2)
            continue;
        if (rotation && !rotation[k].none) {
            x += rotation[k].l / desc->increment_x_rad;
            y += rotation[k].m / desc->increment_y_rad;
        }
        if (!is_listed(list, *n, x, y)) {
            list[*n][0] = x;
            list[(*n)++][1] = y;
        }
    }
}

int pcl_pointing_find(const pcl_source *src, const casa_image_desc *desc, size_t *n,
                      double (**out)[2], pclean_err *err) {
    size_t most = 1;
    for (size_t i = 0; i < src->nms; i++)
        most += src->info[i]->nfield;
    *n = 0;
    int rc = PCL_NEW(out, most, "list of pointings", err);
    for (size_t i = 0; !rc && i < src->nms; i++)
        list_fields(src, i, desc, n, *out);
    if (!rc && *n == 0) {
        (*out)[0][0] = desc->crpix_x;
        (*out)[0][1] = desc->crpix_y;
        *n = 1;
    }
    return rc;
}
