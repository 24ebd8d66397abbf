/* virtual.h: CASA's virtual images: a folder with an imageconcat.json that lists the images of
 * which it consists, one after the other along one axis. casacore makes coordinates, beams, mask,
 * units and history from theirs when it opens the folder. Paths in the list: "././x" lies inside
 * the folder, "./x" beside it, all others are absolute. */
#ifndef PCL_VIRTUAL_H
#define PCL_VIRTUAL_H
#include "base/err.h"
#include "casa/casa.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct pcl_virtual {
    char type[16]; /* of the pixels, as casacore writes it: float, double, Complex, DComplex */
    size_t axis;   /* 0-based pixel axis along which the images are joined */
    size_t n;
    char **image; /* [n] */
} pcl_virtual;

/* Whether the folder `path` holds an imageconcat.json. */
bool pcl_virtual_is(const char *path);

/* Writes folder/imageconcat.json; image[i] as they are to stand in the list. */
int pcl_virtual_write(const char *folder, const pcl_virtual *v, pclean_err *err) PCL_CHECK;

/* Reads it; image[i] become paths that can be opened from here. *out to pcl_virtual_clear.
 * -PCLEAN_EDATA says what is wrong with the file. */
int pcl_virtual_read(const char *folder, pcl_virtual *out, pclean_err *err) PCL_CHECK;

/* Whether casacore may open `path`, which would follow lists without end: the images of a virtual
 * image (nothing else is looked at) are paged ones, or virtual ones of which this holds, and none
 * is listed twice. -PCLEAN_EDATA, -PCLEAN_EIO says which list is wrong, and why. */
int pcl_virtual_check(const char *path, pclean_err *err) PCL_CHECK;

/* Opens any image of the user's, after that. */
int pcl_virtual_open(const char *path, casa_image **out, pclean_err *err) PCL_CHECK;

void pcl_virtual_clear(pcl_virtual *v);

/* Calls visit for the image `path` and, if it is virtual, for all that its list names, and theirs;
 * each list once, whatever they say. A list that cannot be read ends there (its reader will say
 * so). Ends with the first answer that is not 0. */
typedef int pcl_virtual_visitor(const char *path, void *user, pclean_err *err);
int pcl_virtual_visit(const char *path, pcl_virtual_visitor *visit, void *user,
                      pclean_err *err) PCL_CHECK;

#endif
