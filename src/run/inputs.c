#include "run/inputs.h"

#include "casa/casa.h"
#include "image/needed.h"

int pcl_inputs_check(const pclean_config *c, const pcl_apart *outputs, pclean_err *err) {
    int rc = casa_init(err);
    for (size_t i = 0; !rc && i < c->vis.n; i++)
        rc = pcl_needed_check_table(outputs, c->vis.item[i], err);
    for (size_t i = 0; !rc && i < c->mask.n; i++) /* region text is no path that exists */
        rc = pcl_needed_check_image(outputs, c->mask.item[i], err);
    for (size_t i = 0; !rc && i < c->startmodel.n; i++)
        rc = pcl_needed_check_image(outputs, c->startmodel.item[i], err);
    return rc || !*c->part_density ? rc : pcl_apart_check(outputs, c->part_density, NULL, err);
}
