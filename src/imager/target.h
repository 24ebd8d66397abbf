/* target.h: an image plane (a channel and a Stokes parameter) from samples to residual, and one
 * minor cycle on it. The order of the calls is the life of a plane: begin, dirty, {minor, major}*,
 * restore. Everything a plane needs is allocated once and used for plane after plane.
 *
 * A deconvolver that judges the Stokes planes of a channel together needs all of them at a time:
 * then the target holds each with its own arrays. One of them is the plane at hand, which all
 * functions work on, but for pcl_target_minor: it cleans all that are held. */
#ifndef PCL_TARGET_H
#define PCL_TARGET_H
#include "base/err.h"
#include "core/beam.h"
#include "core/clean/automask.h"
#include "core/weight.h"
#include "data/sampler.h"
#include "imager/major.h"
#include "imager/setup.h"
#include "imager/slices.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for Taylor terms; nterm is 1 today. */
enum { PCL_TARGET_NTERM = 4, PCL_TARGET_NPSF = 2 * PCL_TARGET_NTERM - 1 };

/* Stokes planes of a channel at most. */
enum { PCL_TARGET_NPOL = 4 };

/* What its owner brings along; zeros: nothing. */
typedef struct pcl_target_options {
    bool user_mask;                    /* there is one, for the owner to put into .user_mask before
                                        * each pcl_target_begin */
    pcl_share share;                   /* with whom the walks over the rows are shared */
    int (*stop_requested)(void *user); /* polled between batches; NULL: never */
    void *stop_user;
} pcl_target_options;

/* A plane without its arrays: all else that is known of it. It has no pointers, so it can travel to
 * another process and be a line of a file. */
typedef struct pcl_plane {
    size_t ichan, ipol;
    size_t nsearch;                  /* pixels where CLEAN looks */
    double sumwt;                    /* sum of the imaging weights of the gridded samples */
    uint64_t nvis;                   /* gridded samples; 0: the plane is blank */
    uint64_t noutside;               /* samples that the cell cannot carry */
    double umax_lambda, vmax_lambda; /* bounds of |u|, |v|; 0: not known yet */
    pcl_beam beam;                   /* fitted; zero where has_beam is false */
    bool has_beam;
    double sidelobe;    /* largest of the PSF, whose peak is 1 */
    double peak, rms;   /* Jy/beam: |residual| in the search region; robust rms of the plane */
    double peak_nomask; /* Jy/beam: |residual| where no mask counts */
    double nsigma_jy;   /* n-sigma threshold, Jy/beam; 0: none */
    double model_flux;  /* Jy */
    bool finite;        /* residual, model and PSF are, and .sumwt will be, in single precision */
    size_t nmask;       /* updates of an automatic mask (imager/masking.h) */
    pcl_automask_result automask; /* of the last one */
    bool settled;                 /* no update will change that mask or the one used last */
} pcl_plane;

/* The parts of an automatic mask besides .search, [ny][nx]; NULL where usemask is another. */
typedef struct pcl_target_masks {
    bool *region;   /* where there may be a mask: above pblimit or pbmask */
    bool *positive; /* what automask.h wants kept */
    bool *last;     /* the mask that was used last */
} pcl_target_masks;

/* A plane that a target holds and that is not at hand; the fields are those of pcl_target. */
typedef struct pcl_target_aside {
    pcl_plane plane;
    float *psf[PCL_TARGET_NPSF], *residual[PCL_TARGET_NTERM], *model[PCL_TARGET_NTERM];
    float *best[PCL_TARGET_NTERM];
    bool *user_mask, *search, *valid, *quiet, clips, is_dirty;
    pcl_target_masks automask;
    pcl_density density;
    size_t density_pol;
} pcl_target_aside;

/* How a minor cycle ended. */
typedef struct pcl_target_cycle {
    enum pcl_minor_stop stop;
    double peak;        /* Jy/beam, |residual| inside the search region */
    double peak_nomask; /* the same where the user's mask does not count; NAN: not looked for */
} pcl_target_cycle;

typedef struct pcl_target {
    const pcl_setup *setup;
    pcl_target_options options;
    const pcl_store *vis;
    size_t nx, ny;
    const pcl_gridder_type *gridder;
    void *gridder_self;
    float *predicted; /* [pcl_sampler_nid][2] model visibilities, where
                       * pcl_major_predicts says so */
    pcl_sampler sampler;
    pcl_slices slices;
    size_t npol;  /* pcl_target_npol */
    size_t ihand; /* which of them is at hand */
    pcl_target_aside aside[PCL_TARGET_NPOL];

    /* The plane at hand; arrays [ny][nx]. */
    pcl_plane plane;
    pcl_density density; /* of this plane, or of all channels: made once per Stokes plane */
    size_t density_pol;  /* Stokes plane that a common density is of; SIZE_MAX: none yet */
    size_t nterm;        /* of residual and model; the PSF has 2 nterm - 1 */
    float *psf[PCL_TARGET_NPSF], *residual[PCL_TARGET_NTERM], *model[PCL_TARGET_NTERM];
    /* Of pcl_target_restore, in lent memory; NULL: there is none (any more). */
    float *restored;
    bool *user_mask; /* NULL: none; automatic masks begin with it */
    bool *search;    /* user mask and primary beam, or automatic mask: where CLEAN looks */
    pcl_target_masks automask;
    bool *valid;                   /* primary beam above pblimit; NULL: as search */
    bool *quiet;                   /* where the noise is measured; NULL: nobody asks for it */
    bool clips;                    /* no mask parts the noise from the sky */
    bool is_dirty;                 /* no cycle has been made */
    float *best[PCL_TARGET_NTERM]; /* the model of the lowest residual, for the owner; NULL: none */

    double gain_factor; /* of the loop gain, for the owner to lower: pcl_target_begin makes it 1 */
    pcl_target_cycle cycle; /* of the last minor cycle */
} pcl_target;

int pcl_target_init(pcl_target *p, const pcl_setup *setup, const pcl_store *vis,
                    const pcl_target_options *options, pclean_err *err) PCL_CHECK;
void pcl_target_clear(pcl_target *p);

/* Stokes planes that a target holds at a time: all of a channel where the deconvolver judges them
 * together, else 1. */
size_t pcl_target_npol(const pcl_setup *s);

/* Makes Stokes plane ipol the plane at hand, as it was left, where several are held; else nothing.
 * The restored image is gone. */
void pcl_target_select(pcl_target *p, size_t ipol);

/* Lent memory (core/lent.h). A target has no work space of its own: between two passes over the
 * data it lends the gridder's grids, as a plane and a mask, to those of its functions that say they
 * borrow them and to its owner. There is one plane and one mask, [ny][nx] each, which may be
 * borrowed at the same time. What is borrowed may be used until a function is called that borrows
 * the same, or that cleans or passes over the data. The restored image is the one content that
 * outlives a call: it lies in the plane, and who borrows that ends it (p->restored is NULL
 * then). */
float *pcl_target_borrow_plane(pcl_target *p);
bool *pcl_target_borrow_mask(pcl_target *p);

/* What the size of a target depends on besides the setup: pcl_target_init finds it in the store,
 * the memory plan in the descriptions of the MSs. */
typedef struct pcl_target_samples {
    double per_plane;   /* about: chooses the gridding kernel */
    size_t nbatch;      /* of a batch at most */
    size_t nid;         /* pcl_sampler_nid */
    double wmax_lambda; /* |w| that the gridder corrects; 0: it ignores w */
} pcl_target_samples;

/* The memory of a target, bytes by name. */
typedef struct pcl_target_bytes {
    /* for as long as it lives */
    uint64_t grids;     /* uv grids, lent between two passes */
    uint64_t gridder;   /* its tables and its work space for a batch */
    uint64_t batch;     /* samples of a batch */
    uint64_t planes;    /* PSF, residual, model, best model */
    uint64_t masks;     /* where CLEAN looks; the user's; those of an automatic one; where peaks
                         * and noise are measured */
    uint64_t density;   /* of weights */
    uint64_t predicted; /* model visibilities */
    uint64_t sums;      /* partial sums over slices of the rows */
    /* a while, one after the other, at most */
    uint64_t fft;     /* while an image is transformed */
    uint64_t minor;   /* of a minor cycle, besides what is lent to it, or of a mask's update */
    uint64_t restore; /* of pcl_target_restore */
} pcl_target_bytes;

/* What pcl_target_init and the functions below will allocate, to the byte for what is held; without
 * the sampler's tables of channels (data/sampler.h), which are small. */
int pcl_target_count(const pcl_setup *s, const pcl_target_samples *samples,
                     const pcl_target_options *options, size_t nthread, pcl_target_bytes *out,
                     pclean_err *err) PCL_CHECK;
/* The sum of what is held. */
uint64_t pcl_target_bytes_held(const pcl_target_bytes *b);

/* A cell, rad, that carries samples up to |u|, |v| = reach wavelengths: a third of the finest
 * fringe. */
double pcl_target_good_cell(double reach_lambda);

/* |w| in wavelengths that the gridder must reach for rows up to |w| = w_m metres at these
 * frequencies. */
double pcl_target_wmax(double w_m, size_t nchan, const double *freq_hz);

/* The telescope's primary beam at a frequency, cut as tclean's .pb, into pb [ny][nx]; *name says
 * which model. *known false (NULL: not asked): there is none, pb is 1. */
int pcl_target_primary_beam(const pcl_setup *s, double freq_hz, float *pb, const char **name,
                            bool *known, pclean_err *err) PCL_CHECK;

/* The same at the frequency of the plane at hand. */
int pcl_target_fill_pb(const pcl_target *p, float *pb, pclean_err *err) PCL_CHECK;

/* Makes this plane the plane at hand; its search region at its frequency, within p->user_mask
 * where there is one (of several planes that are held, of the one selected). An automatic mask is
 * p->user_mask, or empty. Borrows a plane. */
int pcl_target_begin(pcl_target *p, size_t ichan, size_t ipol, pclean_err *err) PCL_CHECK;

/* Weights, PSF, its beam and sidelobe, and the residual of the model that p->model holds (zeros:
 * the dirty image). Without data: everything zero, nvis 0. */
int pcl_target_dirty(pcl_target *p, pclean_err *err) PCL_CHECK;

/* A common density is made anew with the next plane. */
void pcl_target_forget_weights(pcl_target *p);

/* The weights alone, for a plane whose first pass was made earlier (cyclecontrol=global). */
int pcl_target_reweigh(pcl_target *p, pclean_err *err) PCL_CHECK;

/* Minor cycle to a threshold, of all planes that are held; adds to their models. *niter as tclean
 * counts. Their residuals are spent: pcl_target_major of each follows. Borrows all that is lent. */
int pcl_target_minor(pcl_target *p, double threshold_jy, int cycleniter, int *niter,
                     pclean_err *err) PCL_CHECK;

/* Major cycle: p->residual = data - model. */
int pcl_target_major(pcl_target *p, pclean_err *err) PCL_CHECK;

/* Peaks, rms, n-sigma threshold and model flux of what p->residual and p->model hold. The peak is
 * one inside p->search; of an automatic mask that was never updated, inside its region; the n-sigma
 * threshold stays as the mask's update left it. Borrows a plane and a mask. */
void pcl_target_measure(pcl_target *p);

/* p->restored = model convolved with the beam + residual; needs p->residual and p->model. */
int pcl_target_restore(pcl_target *p, const pcl_beam *beam, pclean_err *err) PCL_CHECK;

/* p->restored /= primary beam, 0 where that is not above |pblimit|. Borrows a mask. */
int pcl_target_correct_pb(pcl_target *p, pclean_err *err) PCL_CHECK;

#endif
