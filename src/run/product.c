#include "run/product.h"

#include "imager/params.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *extension, *unit;
    bool masked, beams;
} products[PCL_NPRODUCT] = {
#define X(symbol, extension, unit, masked, beams) {extension, unit, masked, beams},
    PCL_PRODUCT_LIST(X)
#undef X
};

const char *pcl_product_extension(enum pcl_product product) {
    return products[product].extension;
}

const char *pcl_product_unit(enum pcl_product product) {
    return products[product].unit;
}

bool pcl_product_has_beams(enum pcl_product product) {
    return products[product].beams;
}

bool pcl_product_has_mask(const pclean_config *c, enum pcl_product k) {
    return products[k].masked && (c->pblimit > 0 || (c->pblimit < 0 && k == PCL_PRODUCT_PB));
}

bool pcl_product_wanted(const pclean_config *c, enum pcl_product product) {
    switch (product) {
    case PCL_PRODUCT_IMAGE:
        return c->restoration && !pcl_params_restores_later(c);
    case PCL_PRODUCT_PBCOR:
        return c->restoration && c->pbcor && !pcl_params_restores_later(c);
    case PCL_PRODUCT_MASK:
        return c->niter > 0;
    case PCL_PRODUCT_MODEL: /* as in tclean: nobody needs one of zeros */
        return c->restoration || pcl_params_model(c);
    default:
        return true;
    }
}

void pcl_product_path(const pclean_config *c, enum pcl_product product, char *buf, size_t size) {
    snprintf(buf, size, "%s%s", c->imagename, products[product].extension);
}

enum pcl_product pcl_product_find(const char *extension) {
    enum pcl_product k = 0;
    while (k < PCL_NPRODUCT && strcmp(products[k].extension, extension) != 0)
        k++;
    return k;
}

/* Whether `name` ends with the suffix, which then is cut off. */
static bool cut_suffix(char *name, const char *suffix) {
    const size_t n = strlen(name), m = strlen(suffix);
    const bool has = n > m && strcmp(name + n - m, suffix) == 0;
    name[has ? n - m : n] = '\0';
    return has;
}

enum pcl_product_role pcl_product_role(const char *extension) {
    char text[64];
    if (strlen(extension) >= sizeof text)
        return PCL_PRODUCT_ROLE_NONE;
    snprintf(text, sizeof text, "%s", extension);
    enum pcl_product_role role = PCL_PRODUCT_ROLE_PRODUCT;
    if (cut_suffix(text, ".old.part"))
        role = PCL_PRODUCT_ROLE_ASIDE;
    else if (cut_suffix(text, ".next.part") || cut_suffix(text, ".part"))
        role = PCL_PRODUCT_ROLE_PART;
    return pcl_product_find(text) < PCL_NPRODUCT ? role : PCL_PRODUCT_ROLE_NONE;
}
