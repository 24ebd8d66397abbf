/* restoring.h: the parts of a cube with restoringbeam='common', which their runs have left without
 * .image (image/unrestored.h): the common beam of all of them, and their restored images. */
#ifndef PCL_RESTORING_H
#define PCL_RESTORING_H
#include "base/err.h"
#include "join/tiles.h"
#include <stdbool.h>
#include <stddef.h>

/* Whether the parts BASE.subcube.0 ... wait for their common beam. False also where the residual of
 * one of them is missing or damaged, which joining will tell. -PCLEAN_EDATA: some do and some do
 * not. Calls casacore. */
int pcl_restoring_is_due(const char *base, size_t npart, bool *due, pclean_err *err) PCL_CHECK;

/* Finds the beam, from the .psf of all parts, and makes .image (and .image.pbcor, where their runs
 * were to) of each, byte for byte as one run of the whole cube would have. Older ones are replaced;
 * of a part nothing is replaced before its new images are complete. Calls casacore.
 * -PCLEAN_EEXIST: another process is making a part. */
int pcl_restoring_do(const char *base, size_t npart, const pcl_tiles_watch *watch,
                     pclean_err *err) PCL_CHECK;

#endif
