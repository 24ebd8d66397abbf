/* flat.c: the gridder that ignores w. One walk grids, and predicts and subtracts the model as it
 * goes. */
#include "base/mem.h"
#include "core/grid/gridder.h"

typedef struct flat {
    pcl_grid *grid;
    pcl_grid_scratch *scratch;
    pcl_uvgrid vis, psf, model; /* the PSF is gridded in the model's memory if there is no model
                                 * at first */
    bool model_at_first;
    bool with_model, with_psf; /* in this walk */
} flat;

static void flat_free(void *self) {
    flat *f = self;
    if (!f)
        return;
    pcl_grid_scratch_free(f->scratch);
    pcl_uvgrid_clear(&f->vis);
    if (f->psf.re != f->model.re)
        pcl_uvgrid_clear(&f->psf);
    pcl_uvgrid_clear(&f->model);
    pcl_grid_free(f->grid);
    pcl_free(f);
}

static int make_grids(flat *f, bool with_model, pclean_err *err) {
    int rc;
    if ((rc = pcl_uvgrid_new(f->grid, false, &f->vis, err)) ||
        (with_model && (rc = pcl_uvgrid_new(f->grid, false, &f->model, err))))
        return rc;
    if (!with_model || f->model_at_first)
        return pcl_uvgrid_new(f->grid, true, &f->psf, err);
    f->psf.re = f->model.re;
    return 0;
}

static int flat_count(const pcl_gridder_params *p, size_t nthread, pcl_gridder_bytes *out,
                      pclean_err *err) {
    pcl_grid_bytes b;
    *out = (pcl_gridder_bytes){0};
    int rc = pcl_grid_count_bytes(&p->grid, p->nbatch, nthread, &b, err);
    if (rc)
        return rc;
    const size_t vis = 2, psf = !p->model || p->model_at_first ? 1 : 0, model = p->model ? 2 : 0;
    *out = (pcl_gridder_bytes){.grids = (vis + psf + model) * b.plane,
                               .summed = (vis + 1) * b.plane,
                               .tables = sizeof(flat) + b.tables,
                               .batch = b.scratch,
                               .fft = b.fft,
                               .lent = {vis * b.plane, (p->model ? model : psf) * b.plane}};
    return 0;
}

static int flat_make(const pcl_gridder_params *p, void **self, pclean_err *err) {
    flat *f = NULL;
    int rc = PCL_ZNEW(&f, 1, "gridder", err);
    if (rc)
        return rc;
    f->model_at_first = p->model_at_first;
    if ((rc = pcl_grid_new(&p->grid, &f->grid, err)) ||
        (rc = pcl_grid_scratch_new(f->grid, p->nbatch, &f->scratch, err)) ||
        (rc = make_grids(f, p->model, err))) {
        flat_free(f);
        return rc;
    }
    *self = f;
    return 0;
}

static size_t flat_nwalk(const void *self, enum pcl_walk_kind kind) {
    (void)self;
    (void)kind;
    return 1;
}

static int flat_begin(void *self, enum pcl_walk_kind kind, size_t iwalk,
                      const pcl_grid_images *images, double umax_lambda, pcl_walk *walk,
                      pclean_err *err) {
    flat *f = self;
    (void)iwalk;
    *walk = (pcl_walk){0};
    f->with_model = images->model != NULL;
    f->with_psf = images->psf != NULL;
    int rc = f->with_model
                 ? pcl_grid_from_image(f->grid, images->model[0], umax_lambda, &f->model, err)
                 : 0;
    if (rc || kind == PCL_WALK_PREDICT)
        return rc;
    pcl_uvgrid_zero(f->grid, &f->vis);
    if (f->with_psf)
        pcl_uvgrid_zero(f->grid, &f->psf);
    return 0;
}

static void flat_add(void *self, const pcl_samples *samples, pcl_grid_count *count) {
    flat *f = self;
    pcl_grid_add(f->grid, f->scratch, samples, f->with_model ? &f->model : NULL, &f->vis,
                 f->with_psf ? &f->psf : NULL, count);
}

static size_t flat_grids(void *self, pcl_grid_array *grid) {
    flat *f = self;
    grid[0] = (pcl_grid_array){f->vis.re, pcl_uvgrid_nfloat(f->grid, &f->vis), &f->vis.ncol};
    if (!f->with_psf)
        return 1;
    grid[1] = (pcl_grid_array){f->psf.re, pcl_uvgrid_nfloat(f->grid, &f->psf), &f->psf.ncol};
    return 2;
}

static void flat_count_outside(const void *self, const pcl_samples *samples,
                               pcl_grid_count *count) {
    const flat *f = self;
    pcl_grid_count_outside(f->grid, samples, 0, count);
}

static void flat_predict(void *self, size_t iwalk, const pcl_samples *samples, float *vis) {
    flat *f = self;
    (void)iwalk;
    pcl_grid_predict(f->grid, f->scratch, samples, &f->model, vis);
}

static int flat_end(void *self, enum pcl_walk_kind kind, size_t iwalk,
                    const pcl_grid_images *images, float scale, pclean_err *err) {
    flat *f = self;
    (void)iwalk;
    if (kind == PCL_WALK_PREDICT)
        return 0;
    int rc = f->with_psf ? pcl_grid_to_image(f->grid, &f->psf, scale, images->psf[0], err) : 0;
    return rc ? rc : pcl_grid_to_image(f->grid, &f->vis, scale, images->residual[0], err);
}

static pcl_lent flat_lend(void *self, int which) {
    flat *f = self;
    const pcl_uvgrid *second = f->model.re ? &f->model : &f->psf,
                     *grid = which == 0 ? &f->vis : second;
    return (pcl_lent){grid->re, pcl_uvgrid_nfloat(f->grid, grid)};
}

const pcl_gridder_type pcl_gridder_flat = {.name = "flat",
                                           .subtracts = true,
                                           .count = flat_count,
                                           .make = flat_make,
                                           .free = flat_free,
                                           .nwalk = flat_nwalk,
                                           .begin = flat_begin,
                                           .add = flat_add,
                                           .grids = flat_grids,
                                           .count_outside = flat_count_outside,
                                           .predict = flat_predict,
                                           .end = flat_end,
                                           .lend = flat_lend};
