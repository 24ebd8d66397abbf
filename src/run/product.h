/* product.h: the kinds of image that a run can leave, and their names, which are tclean's. Pure. */
#ifndef PCL_PRODUCT_H
#define PCL_PRODUCT_H
#include "pclean/config.h"
#include <stdbool.h>
#include <stddef.h>

/* X(symbol, extension, unit, has the primary-beam mask, has beams) */
#define PCL_PRODUCT_LIST(X)                                                                        \
    X(PCL_PRODUCT_PSF, ".psf", "", false, true)                                                    \
    X(PCL_PRODUCT_RESIDUAL, ".residual", "", true, false)                                          \
    X(PCL_PRODUCT_MODEL, ".model", "Jy/pixel", false, false)                                       \
    X(PCL_PRODUCT_IMAGE, ".image", "Jy/beam", true, true)                                          \
    X(PCL_PRODUCT_PBCOR, ".image.pbcor", "Jy/beam", true, true)                                    \
    X(PCL_PRODUCT_PB, ".pb", "", true, false)                                                      \
    X(PCL_PRODUCT_SUMWT, ".sumwt", "", false, false)                                               \
    X(PCL_PRODUCT_MASK, ".mask", "", false, false)

enum pcl_product {
#define X(symbol, extension, unit, masked, beams) symbol,
    PCL_PRODUCT_LIST(X)
#undef X
        PCL_NPRODUCT
};

bool pcl_product_wanted(const pclean_config *config, enum pcl_product product);
/* NAME.extension into buf. */
void pcl_product_path(const pclean_config *config, enum pcl_product product, char *buf,
                      size_t size);
const char *pcl_product_extension(enum pcl_product product);
const char *pcl_product_unit(enum pcl_product product);
bool pcl_product_has_beams(enum pcl_product product);
/* Whether it carries the primary beam's mask: .pb always (tclean's does), the others for a positive
 * pblimit. */
bool pcl_product_has_mask(const pclean_config *config, enum pcl_product product);

/* The product that has this extension; PCL_NPRODUCT: none. */
enum pcl_product pcl_product_find(const char *extension);

/* What an extension makes of a name: a product, one that is not finished (".image.part", or
 * ".next.part"), one that was moved aside (".old.part"), none of them. */
enum pcl_product_role {
    PCL_PRODUCT_ROLE_NONE,
    PCL_PRODUCT_ROLE_PRODUCT,
    PCL_PRODUCT_ROLE_PART,
    PCL_PRODUCT_ROLE_ASIDE
};
enum pcl_product_role pcl_product_role(const char *extension);

#endif
