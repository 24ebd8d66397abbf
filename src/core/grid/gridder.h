/* gridder.h: a gridder makes images of samples, and samples of images; each is one file (flat.c,
 * wstack.c) behind the struct of functions below. imager/major.c is the only caller; nobody else
 * asks which gridder it is.
 *
 * A pass over the data consists of walks: in each one all samples of a plane come by, batch after
 * batch, in one order.
 *   PCL_WALK_GRID     begin, add for each batch, end: adds weight (vis - model) to the grids, which
 *                     begin makes zero. The last walk's end leaves residual, and psf where it is
 *                     wanted. Between the last add and end the grids may be added up with those of
 *                     other samples (imager/slices.h).
 *   PCL_WALK_PREDICT  begin, predict for each batch, end: the samples' model visibilities are the
 *                     sum over these walks. Several that follow each other may be open at once:
 *                     begin of all, predict of each in their order for each batch, end of all.
 *
 * Thread-safety: a gridder serves one pass at a time. Its bits do not depend on the number of
 * threads. */
#ifndef PCL_GRIDDER_H
#define PCL_GRIDDER_H
#include "core/grid/grid.h"
#include "core/lent.h"

typedef struct pcl_gridder_params {
    pcl_grid_params grid;
    size_t nbatch;       /* samples of a batch at most */
    bool model;          /* a model will be subtracted ... */
    bool model_at_first; /* ... already in the pass that makes the PSF */
} pcl_gridder_params;

/* The images of a pass; arrays [ny][nx] borrowed from begin to end. nterm is 1: more come with
 * Taylor terms. */
typedef struct pcl_grid_images {
    size_t nterm;
    float *const *residual;    /* [nterm], out */
    float *const *psf;         /* [2 nterm - 1], out; NULL: not wanted */
    const float *const *model; /* [nterm], Jy/pixel; NULL: none, or it is subtracted by the
                                * caller */
} pcl_grid_images;

enum pcl_walk_kind { PCL_WALK_PREDICT, PCL_WALK_GRID };

/* What a walk needs of the samples. */
typedef struct pcl_walk {
    bool w; /* their w, and only those with low <= |w| <= high (wavelengths) */
    double w_low, w_high;
} pcl_walk;

/* A grid as numbers that can be added up. */
typedef struct pcl_grid_array {
    float *at;
    size_t n;
    size_t *reach; /* how far from u = 0 it may not be zero, in the gridder's unit; of a sum the
                    * largest. NULL: none */
} pcl_grid_array;

/* Grids of a walk at most: residuals and PSFs of four Taylor terms. */
enum { PCL_GRIDDER_GRIDS = 11 };

/* Memory, bytes. */
typedef struct pcl_gridder_bytes {
    size_t grids;  /* for as long as the gridder lives */
    size_t summed; /* what grids() lists of them, at most */
    size_t tables; /* likewise */
    size_t batch;  /* work space for a batch, likewise */
    size_t fft;    /* while an image is transformed */
    size_t lent[2];
} pcl_gridder_bytes;

typedef struct pcl_gridder_type {
    const char *name;
    bool corrects_w; /* |w| of grid.wmax_lambda; its walks are short where rows come in the order
                      * of |w| */
    bool subtracts;  /* a walk that grids can also predict and subtract images.model: no walk for
                      * that */
    int (*count)(const pcl_gridder_params *, size_t nthread, pcl_gridder_bytes *, pclean_err *);
    int (*make)(const pcl_gridder_params *, void **self, pclean_err *);
    void (*free)(void *self); /* NULL: nothing */
    size_t (*nwalk)(const void *self, enum pcl_walk_kind);
    /* Walks that predict, open at once: the rows are gone through once for all of them. NULL: 1. */
    size_t (*nopen)(const void *self);
    /* umax_lambda bounds |u| of the samples that will be predicted. */
    int (*begin)(void *self, enum pcl_walk_kind, size_t iwalk, const pcl_grid_images *,
                 double umax_lambda, pcl_walk *, pclean_err *);
    void (*add)(void *self, const pcl_samples *, pcl_grid_count *);
    /* The grids that this walk fills into grid [PCL_GRIDDER_GRIDS]; returns how many. */
    size_t (*grids)(void *self, pcl_grid_array *grid);
    /* Counts the samples that the cell cannot carry; asked with natural weights, before add. */
    void (*count_outside)(const void *self, const pcl_samples *, pcl_grid_count *);
    /* vis [n][2] = what walk iwalk adds to the samples' model visibilities, 0 for those beyond what
     * it wants; vis may be the samples' own. */
    void (*predict)(void *self, size_t iwalk, const pcl_samples *, float *vis);
    /* scale: 1 over the sum of weights; heeded by the last walk only. */
    int (*end)(void *self, enum pcl_walk_kind, size_t iwalk, const pcl_grid_images *, float scale,
               pclean_err *);
    /* The grids, which are free from the end of a pass to the begin of the next; the same memory
     * at every call. 0: more than nx ny floats; 1: likewise where there is a model, else more than
     * half of that. */
    pcl_lent (*lend)(void *self, int which);
} pcl_gridder_type;

extern const pcl_gridder_type pcl_gridder_flat;   /* the array and the sky are flat: w is ignored */
extern const pcl_gridder_type pcl_gridder_wstack; /* exact w, plane by plane */

#endif
