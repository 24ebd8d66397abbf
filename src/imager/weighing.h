/* weighing.h: the density grids that all weights but natural and radial need: which samples count,
 * in which cells; and the density of a whole selection in a file, for parts that see only some of
 * its samples. */
#ifndef PCL_WEIGHING_H
#define PCL_WEIGHING_H
#include "base/err.h"
#include "core/weight.h"
#include "data/sampler.h"
#include "imager/setup.h"
#include "imager/slices.h"
#include <stddef.h>

/* An empty density as the config wants it; nothing (d->sum stays NULL) for natural and radial
 * weights. */
int pcl_weighing_init(const pcl_setup *setup, pcl_density *d, pclean_err *err) PCL_CHECK;

/* Cells of that density, and what it allocates; zeros where there is none. */
typedef struct pcl_weighing_size {
    size_t ncell;
    uint64_t bytes;
} pcl_weighing_size;
pcl_weighing_size pcl_weighing_size_of(const pcl_setup *setup);

/* The density of a plane, or the common one of a Stokes plane, from the samples, summed over their
 * slices and finished as the weighting wants it. The sampler is used and left at its end. */
int pcl_weighing_count(const pcl_setup *setup, pcl_sampler *s, pcl_slices *slices, size_t ichan,
                       size_t ipol, pcl_density *d, pclean_err *err) PCL_CHECK;

/* The common density of Stokes plane ipol from a file of pcl_weighing_save, finished likewise; the
 * robust parameter is the setup's. -PCLEAN_EPARAM: the file belongs to another image, or was made
 * by another version; -PCLEAN_EDATA: it is damaged (length, checksums). */
int pcl_weighing_load(const pcl_setup *setup, const char *path, size_t ipol, pcl_density *d,
                      pclean_err *err) PCL_CHECK;

/* Whether a file is such a density, or an unfinished or empty one. */
bool pcl_weighing_is_density(const char *path);

/* Counts the common density of every Stokes plane and writes them: temporary name, sync, rename. */
int pcl_weighing_save(const pcl_setup *setup, const pcl_store *vis, const char *path,
                      pclean_err *err) PCL_CHECK;

#endif
