/* subcubes.h: products of parts of the band, NAME.subcube.N.image and so on: whether a run leaves
 * them, and which there are in the folder of the products. */
#ifndef PCL_SUBCUBES_H
#define PCL_SUBCUBES_H
#include "base/err.h"
#include "config/config.h"
#include "pclean/concat.h"
#include <stdbool.h>
#include <stddef.h>

/* config->concat_mode with auto and the needs of the modes resolved; PCLEAN_CONCAT_PAGED for
 * mfs. */
int pcl_subcubes_mode(const pclean_config *config);
/* Whether the run makes sub-cubes at all: beside the cube, or (movevirtual) inside it. */
bool pcl_subcubes_wanted(const pclean_config *config);

/* "NAME.subcube.3" */
void pcl_subcubes_name(const char *imagename, size_t i, char *buf, size_t size);

/* The rest of a name behind "BASE.subcube.N", from the next dot on; NULL for any other name. BASE
 * has no folders. */
const char *pcl_subcubes_rest(const char *name, const char *base, size_t *i);

/* Calls visit for everything called NAME.subcube.<number><rest> beside the products, in no order;
 * `rest` begins with a dot. Ends with the first answer that is not 0. visit may remove it. */
typedef int pcl_subcubes_visitor(const char *path, size_t i, const char *rest, void *user,
                                 pclean_err *err);
int pcl_subcubes_visit(const char *imagename, pcl_subcubes_visitor *visit, void *user,
                       pclean_err *err) PCL_CHECK;

#endif
