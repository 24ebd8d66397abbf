#include "imager/params.h"

#include "base/quantity.h"

static int parse_angle(const char *parameter, const char *text, const char *unit, double *out,
                       pclean_err *err) {
    int rc = pcl_quantity_parse_as(text, PCL_DIM_ANGLE, unit, out, err);
    if (rc)
        pcl_err_prefix(err, "%s: ", parameter);
    return rc;
}

/* One or two axes and a position angle: "10arcsec", or ["10arcsec", "5arcsec", "30deg"]. */
static int parse_taper(const pclean_strlist *text, pcl_taper *out, pclean_err *err) {
    *out = (pcl_taper){0};
    if (text->n == 0 || !*text->item[0])
        return 0;
    double axis[2], pa = 0;
    enum pcl_dimension dim = PCL_DIM_NONE; /* tclean: a bare number is in lambda */
    for (size_t i = 0; i < 2; i++) {
        pcl_quantity q;
        int rc = pcl_quantity_parse(text->item[text->n > i ? i : 0], &q, err);
        if (rc) {
            pcl_err_prefix(err, "uvtaper: ");
            return rc;
        }
        axis[i] = q.value;
        dim = q.dim;
    }
    int rc = text->n > 2 ? parse_angle("uvtaper", text->item[2], "deg", &pa, err) : 0;
    if (rc)
        return rc;
    if (dim == PCL_DIM_ANGLE)
        *out = pcl_taper_sky(axis[0], axis[1], pa);
    else if (dim == PCL_DIM_LENGTH)
        *out = pcl_taper_baseline(axis[0], axis[1], pa);
    else
        *out = pcl_taper_uv(axis[0], axis[1], pa);
    return 0;
}

static int parse_beam(const pclean_config *c, pcl_beam *out, pclean_err *err) {
    const pclean_strlist *text = &c->restoringbeam;
    *out = (pcl_beam){0};
    if (text->n == 0 || !*text->item[0] || pcl_config_has_common_beam(c))
        return 0;
    double value[3] = {0};
    for (size_t i = 0; i < text->n && i < 3; i++) {
        int rc =
            parse_angle("restoringbeam", text->item[i], i < 2 ? "arcsec" : "deg", &value[i], err);
        if (rc)
            return rc;
    }
    *out = (pcl_beam){value[0], text->n > 1 ? value[1] : value[0], value[2]};
    return 0;
}

/* "" is 0. */
static int parse_fracbw(const char *text, double *out, pclean_err *err) {
    pcl_quantity q = {.value = 0};
    int rc = *text ? pcl_quantity_parse(text, &q, err) : 0;
    if (rc)
        pcl_err_prefix(err, "fracbw: ");
    *out = q.value;
    return rc;
}

static bool has_density(const pclean_config *c) {
    return c->weighting != PCLEAN_WEIGHTING_NATURAL && c->weighting != PCLEAN_WEIGHTING_RADIAL;
}

bool pcl_params_common_density(const pclean_config *c) {
    return has_density(c) && (c->specmode == PCLEAN_SPECMODE_MFS || !c->perchanweightdensity ||
                              c->weighting == PCLEAN_WEIGHTING_SUPERUNIFORM);
}

bool pcl_params_restores_later(const pclean_config *c) {
    return c->restoration && pcl_config_has_common_beam(c) && c->part_channel >= 0 &&
           c->specmode != PCLEAN_SPECMODE_MFS;
}

bool pcl_params_model(const pclean_config *c) {
    return c->niter > 0 || pcl_params_model_at_first(c);
}

bool pcl_params_model_at_first(const pclean_config *c) {
    return c->restart || c->startmodel.n > 0;
}

static const pcl_deconvolver *deconvolver_of(const pclean_config *c) {
    switch (c->deconvolver) {
    case PCLEAN_DECONVOLVER_CLARK:
        return &pcl_deconvolver_clark;
    case PCLEAN_DECONVOLVER_CLARKSTOKES:
        return &pcl_deconvolver_clarkstokes;
    default:
        return &pcl_deconvolver_hogbom;
    }
}

int pcl_params_resolve(const pclean_config *c, pcl_params *out, pclean_err *err) {
    *out = (pcl_params){.gridder = c->gridder == PCLEAN_GRIDDER_STANDARD ? &pcl_gridder_flat
                                                                         : &pcl_gridder_wstack,
                        .deconvolver = deconvolver_of(c),
                        .nterm = 1,
                        .model = pcl_params_model(c),
                        .model_at_first = pcl_params_model_at_first(c),
                        .density = has_density(c),
                        .radial = c->weighting == PCLEAN_WEIGHTING_RADIAL,
                        .common_density = pcl_params_common_density(c),
                        .slicing = pcl_slicing_usual,
                        .common_beam = c->restoration && pcl_config_has_common_beam(c),
                        .finds_mask = c->usemask == PCLEAN_USEMASK_AUTO && c->niter > 0,
                        .automask = {.sidelobethreshold = c->sidelobethreshold,
                                     .noisethreshold = c->noisethreshold,
                                     .lownoisethreshold = c->lownoisethreshold,
                                     .negativethreshold = c->negativethreshold,
                                     .smoothfactor = c->smoothfactor,
                                     .minbeamfrac = c->minbeamfrac,
                                     .cutthreshold = c->cutthreshold,
                                     .growiterations = c->growiterations,
                                     .dogrowprune = c->dogrowprune,
                                     .minpercentchange = c->minpercentchange,
                                     .fastnoise = c->fastnoise},
                        .control = {.niter = c->niter,
                                    .cycleniter = c->cycleniter,
                                    .nmajor = c->nmajor,
                                    .threshold_jy = c->threshold_jy,
                                    .nsigma = c->nsigma,
                                    .cyclefactor = c->cyclefactor,
                                    .minpsffraction = c->minpsffraction,
                                    .maxpsffraction = c->maxpsffraction}};
    int rc = parse_taper(&c->uvtaper, &out->taper, err);
    rc = rc ? rc : parse_fracbw(c->fracbw, &out->fracbw, err);
    return rc ? rc : parse_beam(c, &out->restoring_beam, err);
}
