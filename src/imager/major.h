/* major.h: the major cycle: models -> predicted visibilities -> residual images, with the PSFs the
 * first time. One loop for every gridder, over one image or several (outlier fields): each model is
 * subtracted from all of them. */
#ifndef PCL_MAJOR_H
#define PCL_MAJOR_H
#include "core/grid/gridder.h"
#include "core/weight.h"
#include "data/sampler.h"
#include "imager/slices.h"

/* One image of a major cycle. Everything is borrowed. */
typedef struct pcl_major_image {
    const pcl_gridder_type *gridder;
    void *gridder_self;
    pcl_sampler *sampler; /* of the same store for all images: sample id k is the same sample */
    size_t ichan, ipol;
    const pcl_density *density; /* imaging weights; its sum NULL: natural or radial */
    bool radial;
    const pcl_taper *taper;
    pcl_grid_images images; /* psf NULL: not wanted; then sumwt holds what the pass that made it
                             * found */
    double cellx_rad;
    /* Out when psf is wanted, and in afterwards. */
    pcl_grid_count count;
    double umax_lambda, vmax_lambda; /* of the samples; umax 0: not known yet */
} pcl_major_image;

/* What a major cycle needs besides. */
typedef struct pcl_major_means {
    float *predicted; /* [pcl_sampler_nid][2]: work space; NULL allowed where pcl_major_predicts
                         * says no */
    pcl_slices
        *slices; /* of the rows, and who shares them; with room for the grids of each image */
    int (*stop)(void *user); /* polled between batches; NULL: never */
    void *user;
} pcl_major_means;

/* residual of each image = image of (data - all models), and its psf, count and bounds where psf is
 * wanted. Without data all are zero. What walks over the rows have added up passes through the sum
 * over slices before it is transformed. */
int pcl_major_cycle(size_t nimage, pcl_major_image *image, const pcl_major_means *means,
                    pclean_err *err) PCL_CHECK;

/* Whether model visibilities of all samples must be kept: not for one image whose gridder subtracts
 * as it goes. */
bool pcl_major_predicts(size_t nimage, const pcl_gridder_type *gridder);

/* What the walks of a major cycle ask of the sampler, all together: a sum of pcl_sampler_want.
 * weighs_by_place: by a density, or radial; taper NULL: none. */
unsigned pcl_major_wants(size_t nimage, const pcl_gridder_type *gridder, bool model,
                         bool weighs_by_place, const pcl_taper *taper);

#endif
