/* plane.h: one image plane (a channel and a Stokes parameter) from samples to residual, and one minor cycle on it. The
 * order of the calls is the life of a plane: begin, {minor, major}*, restore. Everything a plane needs is allocated once
 * and used for plane after plane. */
#ifndef PCL_PLANE_H
#define PCL_PLANE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "core/beam.h"
#include "core/grid/grid.h"
#include "core/weight.h"
#include "core/clean/converge.h"
#include "data/sampler.h"
#include "imager/setup.h"

typedef struct pcl_plane {
    const pcl_setup *setup;
    const pcl_vis *vis;
    size_t nx, ny;
    pcl_control control;
    pcl_taper taper;

    pcl_gridder *gridder;
    pcl_grid_scratch *scratch;
    pcl_uvgrid vis_grid, psf_grid, model_grid; /* model_grid only when cleaning without w; if no model is there from the start,
                                                * it lends its memory to psf_grid, which the first pass alone needs */
    float *predicted;           /* [pcl_sampler_nid][2] model visibilities, only when cleaning with w */
    pcl_sampler sampler;
    pcl_density density;        /* of this plane, or of all channels: made once per Stokes plane */
    size_t density_pol;         /* Stokes plane that a common density is of; SIZE_MAX: none yet */

    /* The plane at hand; arrays [ny][nx]. */
    size_t ichan, ipol;
    float *psf, *residual, *model;
    float *image;               /* the restored image, or work space: in vis_grid's memory, which a major cycle uses */
    bool *user_mask;            /* NULL: none */
    bool *search;               /* user mask and primary beam: where CLEAN looks */
    size_t nsearch;
    double sumwt;               /* of the gridded samples */
    uint64_t nvis, noutside;
    double umax_lambda, vmax_lambda;
    pcl_beam beam;              /* fitted; zero when the plane is blank */
    bool has_beam;
    double sidelobe;
    double peak, rms;           /* |residual| in the search region; robust rms of the plane */
    double model_flux;
    bool finite;                /* residual and PSF are, in single precision, and .sumwt will be */
    int (*stop_requested)(void *user); /* polled between batches; NULL: never */
    void *stop_user;
} pcl_plane;

/* The iteration control that a config asks for. */
pcl_control pcl_plane_control(const pclean_config *config);

int pcl_plane_init(pcl_plane *p, const pcl_setup *setup, const pcl_vis *vis, pclean_err *err) PCL_CHECK;
void pcl_plane_clear(pcl_plane *p);

/* A cell, rad, that carries samples up to |u|, |v| = reach wavelengths: a third of the finest fringe. */
double pcl_plane_good_cell(double reach_lambda);

/* |w| in wavelengths that the gridder must reach for rows up to |w| = w_m metres at these frequencies. */
double pcl_plane_wmax(double w_m, size_t nchan, const double *freq_hz);

/* The telescope's primary beam at a frequency, cut as tclean's .pb, into pb [ny][nx]; *name says which model. *known false (NULL: not
 * asked): there is none, pb is 1. */
int pcl_plane_primary_beam(const pcl_setup *s, double freq_hz, float *pb, const char **name, bool *known, pclean_err *err) PCL_CHECK;

/* The same at the frequency of the plane at hand. */
int pcl_plane_fill_pb(const pcl_plane *p, float *pb, pclean_err *err) PCL_CHECK;

/* The search region at the plane's frequency (p->user_mask filled by the caller before). Uses p->image. */
int pcl_plane_begin(pcl_plane *p, size_t ichan, size_t ipol, pclean_err *err) PCL_CHECK;

/* Weights, PSF, its beam and sidelobe, and the residual of the model that p->model holds (zeros: the dirty image).
 * Without data: everything zero, nvis 0. */
int pcl_plane_dirty(pcl_plane *p, pclean_err *err) PCL_CHECK;

/* The weights alone, for a plane whose first pass was made earlier (cyclecontrol=global). */
int pcl_plane_reweigh(pcl_plane *p, pclean_err *err) PCL_CHECK;

/* Minor cycle to a threshold; adds to the model. *niter as tclean counts. p->residual is spent: pcl_plane_major follows. */
int pcl_plane_minor(pcl_plane *p, double threshold_jy, int cycleniter, int *niter, pclean_err *err) PCL_CHECK;

/* Major cycle: p->residual = data - model. */
int pcl_plane_major(pcl_plane *p, pclean_err *err) PCL_CHECK;

/* Peak, rms and model flux of what p->residual and p->model hold. Uses p->image. */
void pcl_plane_measure(pcl_plane *p);

/* p->image = model convolved with the beam + residual. */
int pcl_plane_restore(pcl_plane *p, const pcl_beam *beam, pclean_err *err) PCL_CHECK;

#endif
