#include "config/idle.h"

#include "base/quantity.h"
#include "config/words.h"

static bool makes_one_channel(const pclean_config *c, pcl_idle_test *is) {
    return is(c, "specmode", "mfs") || (c->nchan == 1 && c->part_channel == -1);
}

const char *pcl_idle_no_selection(const pclean_config *c, pcl_idle_test *is) {
    (void)is;
    return c->selectdata ? NULL : "selectdata=false";
}

const char *pcl_idle_no_dask(const pclean_config *c, pcl_idle_test *is) {
    (void)c, (void)is;
    return "no Dask here: nworkers processes of this machine share the work and leave no parts";
}

const char *pcl_idle_no_slurm(const pclean_config *c, pcl_idle_test *is) {
    (void)c, (void)is;
    return "no Slurm jobs are made: the run takes place where it is started";
}

const char *pcl_idle_no_cluster(const pclean_config *c, pcl_idle_test *is) {
    return is(c, "type", "slurm") ? pcl_idle_no_slurm(c, is) : pcl_idle_no_dask(c, is);
}

const char *pcl_idle_own_automask(const pclean_config *c, pcl_idle_test *is) {
    (void)c, (void)is;
    return "automatic masks are made by pclean's own code";
}

const char *pcl_idle_always_w(const pclean_config *c, pcl_idle_test *is) {
    return is(c, "gridder", "standard") ? "gridder=standard"
                                        : "the accuracy decides on the w planes";
}

const char *pcl_idle_one_channel(const pclean_config *c, pcl_idle_test *is) {
    return makes_one_channel(c, is) ? "an image of one channel takes the samples as they are"
                                    : NULL;
}

/* The line in the log is all that tells somebody who forgot specmode=cube. */
const char *pcl_idle_no_grid(const pclean_config *c, pcl_idle_test *is) {
    return is(c, "specmode", "mfs")
               ? "specmode=mfs makes one plane of all selected channels; a cube is specmode=cube"
               : NULL;
}

const char *pcl_idle_no_frame(const pclean_config *c, pcl_idle_test *is) {
    return is(c, "specmode", "cubedata") ? "specmode=cubedata" : NULL;
}

static bool is_velocity(const char *text) {
    pcl_quantity q;
    return pcl_quantity_parse(text, &q, NULL) == 0 && q.dim == PCL_DIM_VELOCITY;
}

const char *pcl_idle_no_velocity(const pclean_config *c, pcl_idle_test *is) {
    (void)is;
    return is_velocity(pcl_spectral_amount(c->start, NULL, 0)) || is_velocity(c->width)
               ? NULL
               : "neither start nor width is a velocity";
}

const char *pcl_idle_no_density(const pclean_config *c, pcl_idle_test *is) {
    if (is(c, "weighting", "radial"))
        return "weighting=radial";
    return is(c, "weighting", "natural") ? "weighting=natural" : NULL;
}

const char *pcl_idle_no_planes_density(const pclean_config *c, pcl_idle_test *is) {
    if (is(c, "weighting", "superuniform"))
        return "weighting=superuniform takes one density of all channels";
    return is(c, "specmode", "mfs") ? "specmode=mfs" : pcl_idle_no_density(c, is);
}

const char *pcl_idle_not_briggs(const pclean_config *c, pcl_idle_test *is) {
    return is(c, "weighting", "briggs|briggsabs|briggsbwtaper") ? NULL : "weighting is not briggs";
}

const char *pcl_idle_not_briggsabs(const pclean_config *c, pcl_idle_test *is) {
    return is(c, "weighting", "briggsabs") ? NULL : "weighting is not briggsabs";
}

/* Parts have it whatever the weighting is. */
const char *pcl_idle_not_briggsbwtaper(const pclean_config *c, pcl_idle_test *is) {
    return is(c, "weighting", "briggsbwtaper") || c->part_channel >= 0
               ? NULL
               : "weighting is not briggsbwtaper";
}

const char *pcl_idle_joint_gridder(const pclean_config *c, pcl_idle_test *is) {
    return is(c, "gridder", "standard|wproject|widefield") ? "only for gridder mosaic and awproject"
                                                           : NULL;
}

const char *pcl_idle_no_clean(const pclean_config *c, pcl_idle_test *is) {
    (void)is;
    return c->niter == 0 ? "niter=0" : NULL;
}

/* mtmfs makes other products also without CLEAN. */
const char *pcl_idle_any_deconvolver(const pclean_config *c, pcl_idle_test *is) {
    return is(c, "deconvolver", "mtmfs") ? NULL : pcl_idle_no_clean(c, is);
}

const char *pcl_idle_not_mtmfs(const pclean_config *c, pcl_idle_test *is) {
    return is(c, "deconvolver", "mtmfs") ? NULL : "deconvolver is not mtmfs";
}

const char *pcl_idle_not_multiscale(const pclean_config *c, pcl_idle_test *is) {
    return is(c, "deconvolver", "multiscale|mtmfs") ? pcl_idle_no_clean(c, is)
                                                    : "deconvolver is not multiscale or mtmfs";
}

const char *pcl_idle_not_asp(const pclean_config *c, pcl_idle_test *is) {
    return is(c, "deconvolver", "asp") ? pcl_idle_no_clean(c, is) : "deconvolver is not asp";
}

const char *pcl_idle_not_automask(const pclean_config *c, pcl_idle_test *is) {
    return is(c, "usemask", "auto-multithresh") ? pcl_idle_no_clean(c, is)
                                                : "usemask is not auto-multithresh";
}

const char *pcl_idle_no_user_mask(const pclean_config *c, pcl_idle_test *is) {
    return is(c, "usemask", "auto-multithresh")
               ? "usemask=auto-multithresh finds its own, as tclean"
               : pcl_idle_no_clean(c, is);
}

/* The noise of nsigma is that of the pixels above pbmask. */
const char *pcl_idle_not_pbmask(const pclean_config *c, pcl_idle_test *is) {
    return is(c, "usemask", "pb|auto-multithresh") || c->nsigma > 0
               ? pcl_idle_no_clean(c, is)
               : "usemask is neither pb nor auto-multithresh, and nsigma is 0";
}

const char *pcl_idle_no_noise(const pclean_config *c, pcl_idle_test *is) {
    return is(c, "usemask", "auto-multithresh") || c->nsigma > 0
               ? pcl_idle_no_clean(c, is)
               : "neither nsigma nor usemask=auto-multithresh asks for the noise";
}

/* What tclean would take from its earlier products is the same when it is made again. */
const char *pcl_idle_restart(const pclean_config *c, pcl_idle_test *is) {
    (void)is;
    return c->restart ? "restart=true: PSF and residual are made anew, from the data and NAME.model"
                      : NULL;
}

const char *pcl_idle_no_restoration(const pclean_config *c, pcl_idle_test *is) {
    (void)is;
    return c->restoration ? NULL : "restoration=false";
}

/* The common beam of one plane is its own. */
const char *pcl_idle_beam(const pclean_config *c, pcl_idle_test *is) {
    const bool one_pol = pcl_words_index("I|Q|U|V|RR|LL|RL|LR|XX|YY|XY|YX|pseudoI", c->stokes) >= 0;
    const bool common =
        c->restoringbeam.n == 1 && pcl_words_index("common", c->restoringbeam.item[0]) >= 0;
    if (c->restoration && common && makes_one_channel(c, is) && one_pol)
        return "the image has one plane";
    return pcl_idle_no_restoration(c, is);
}
