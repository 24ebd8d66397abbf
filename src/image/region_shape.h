/* region_shape.h: the shapes of region text (region_text.h), from their words to pixels. */
#ifndef PCL_REGION_SHAPE_H
#define PCL_REGION_SHAPE_H
#include "base/err.h"
#include "casa/casa.h"
#include "core/region.h"
#include <stdbool.h>
#include <stddef.h>

/* Where positions are meant. */
typedef struct pcl_sky {
    int frame; /* of positions on the sky, MDirection code */
    const casa_image_desc *desc;
} pcl_sky;

/* The shape `name` ("circle", any case) from its numbers word [nword], as they stand in the text.
 * *out is zeroed by the caller; out->vertex to be given to pcl_free, also after a failure.
 * -PCLEAN_EPARAM says what is wrong. */
int pcl_region_shape_make(const char *name, size_t nword, char *const *word, const pcl_sky *sky,
                          pcl_region *out, pclean_err *err) PCL_CHECK;

/* A number with this unit ("pix", "chan"), and nothing after it. */
bool pcl_region_shape_number(const char *text, const char *unit, double *value);

#endif
