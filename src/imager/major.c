#include "imager/major.h"

#include <math.h>
#include <string.h>

/* What is the same in all walks of a major cycle. */
typedef struct cycle {
    const pcl_major_means *means;
    float *predicted; /* NULL: nothing was predicted apart */
} cycle;

bool pcl_major_predicts(size_t nimage, const pcl_gridder_type *gridder) {
    return nimage > 1 || !gridder->subtracts;
}

static unsigned wants(bool w, bool id) {
    return PCL_SAMPLER_UV | PCL_SAMPLER_VIS | (w ? PCL_SAMPLER_W : 0u) | (id ? PCL_SAMPLER_ID : 0u);
}

static unsigned wants_to_weigh(bool by_place, const pcl_taper *taper) {
    return (by_place ? PCL_SAMPLER_NEAR : 0u) | (taper && taper->metres ? PCL_SAMPLER_METRES : 0u);
}

unsigned pcl_major_wants(size_t nimage, const pcl_gridder_type *gridder, bool model,
                         bool weighs_by_place, const pcl_taper *taper) {
    return wants(gridder->corrects_w, model && pcl_major_predicts(nimage, gridder)) |
           wants_to_weigh(weighs_by_place, taper);
}

/* Imaging weights of the batch, in place. */
static void weigh_batch(const pcl_major_image *im) {
    pcl_sampler *s = im->sampler;
    if (im->density->sum)
        pcl_density_apply(im->density, s->n, s->near_u, s->near_v, s->weight);
    if (im->radial)
        pcl_radial_apply(s->n, s->near_u, s->near_v, s->weight);
    const bool metres = im->taper->metres;
    pcl_taper_apply(im->taper, s->n, metres ? s->u_m : s->u, metres ? s->v_m : s->v, s->weight);
}

static void subtract_predicted(pcl_sampler *s, const float *predicted) {
    for (size_t i = 0; i < s->n; i++) {
        s->samples[2 * i] -= predicted[2 * s->id[i]];
        s->samples[2 * i + 1] -= predicted[2 * s->id[i] + 1];
    }
}

static void add_predicted(const pcl_sampler *s, float *predicted) {
    for (size_t i = 0; i < s->n; i++) {
        predicted[2 * s->id[i]] += s->samples[2 * i];
        predicted[2 * s->id[i] + 1] += s->samples[2 * i + 1];
    }
}

/* One walk over the samples, or several that are open at once. */
typedef struct stroll {
    const cycle *c;
    pcl_major_image *im;
    enum pcl_walk_kind kind;
    size_t iwalk, nwalk;
    pcl_walk want; /* of all of them */
} stroll;

/* What is done with a batch. */
static void use_batch(const stroll *w, pcl_grid_count *count) {
    const cycle *c = w->c;
    pcl_major_image *im = w->im;
    pcl_sampler *s = im->sampler;
    const pcl_samples batch = {
        .n = s->n, .u = s->u, .v = s->v, .w = s->w, .vis = s->samples, .weight = s->weight};
    for (size_t i = 0; w->kind == PCL_WALK_PREDICT && i < w->nwalk; i++) {
        /* the data are not needed: room for the prediction */
        im->gridder->predict(im->gridder_self, w->iwalk + i, &batch, s->samples);
        add_predicted(s, c->predicted);
    }
    if (w->kind == PCL_WALK_PREDICT)
        return;
    if (im->images.psf)
        im->gridder->count_outside(im->gridder_self, &batch, count);
    weigh_batch(im);
    if (c->predicted)
        subtract_predicted(s, c->predicted);
    im->gridder->add(im->gridder_self, &batch, count);
}

/* The scale of a walk that grids: all walks before it have been counted. */
static float scale_of(const pcl_major_image *im, const pcl_grid_count *count) {
    const double sumwt = im->images.psf ? count->sumwt : im->count.sumwt;
    return sumwt > 0 ? (float)(1 / sumwt) : 0;
}

static int walk_slice(void *user, size_t islice, pcl_sum_numbers *numbers, pclean_err *err) {
    const stroll *w = user;
    const cycle *c = w->c;
    pcl_major_image *im = w->im;
    pcl_sampler *s = im->sampler;
    unsigned want = wants(w->want.w, c->predicted != NULL);
    if (w->kind == PCL_WALK_GRID)
        want |= wants_to_weigh(im->density->sum || im->radial, im->taper);
    pcl_sampler_begin(s, im->ichan, im->ipol, want);
    pcl_sampler_slice(s, islice, c->means->slices->sum.nslice);
    if (w->want.w)
        pcl_sampler_window(s, w->want.w_low, w->want.w_high);
    bool more = true;
    for (;;) {
        if (c->means->stop && c->means->stop(c->means->user))
            return PCL_FAIL(err, PCLEAN_EINTERRUPTED, "interrupted; no product was changed");
        int rc = pcl_sampler_next(s, &more, err);
        if (rc)
            return rc;
        if (!more)
            break;
        use_batch(w, &numbers->count);
    }
    numbers->umax_lambda = fmax(numbers->umax_lambda, s->umax);
    numbers->vmax_lambda = fmax(numbers->vmax_lambda, s->vmax);
    return 0;
}

/* Opens the walks; together they want what each of them wants. */
static int begin_walks(stroll *w, const pcl_grid_images *images, pclean_err *err) {
    const pcl_major_image *im = w->im;
    const double reach = im->umax_lambda > 0 ? im->umax_lambda : 0.5 / im->cellx_rad;
    int rc = 0;
    for (size_t i = 0; !rc && i < w->nwalk; i++) {
        pcl_walk want;
        rc = im->gridder->begin(im->gridder_self, w->kind, w->iwalk + i, images, reach, &want, err);
        if (rc)
            return rc;
        w->want = (pcl_walk){.w = want.w,
                             .w_low = i ? fmin(w->want.w_low, want.w_low) : want.w_low,
                             .w_high = i ? fmax(w->want.w_high, want.w_high) : want.w_high};
    }
    return rc;
}

static int walk(stroll *w, const pcl_grid_images *images, pcl_sum_numbers *found, pclean_err *err) {
    const pcl_gridder_type *gridder = w->im->gridder;
    pcl_slices *slices = w->c->means->slices;
    pcl_grid_array grid[PCL_GRIDDER_GRIDS];
    int rc = begin_walks(w, images, err);
    if (rc)
        return rc;
    if (w->kind == PCL_WALK_PREDICT)
        rc = pcl_slices_walk(slices, walk_slice, w, err);
    else
        rc = pcl_slices_sum(slices, gridder->grids(w->im->gridder_self, grid), grid, walk_slice, w,
                            found, err);
    const float scale = !rc && w->kind == PCL_WALK_GRID ? scale_of(w->im, &found->count) : 0;
    for (size_t i = 0; !rc && i < w->nwalk; i++)
        rc = gridder->end(w->im->gridder_self, w->kind, w->iwalk + i, images, scale, err);
    return rc;
}

/* All walks of one kind over one image. */
static int pass(const cycle *c, pcl_major_image *im, enum pcl_walk_kind kind,
                const pcl_grid_images *images, pcl_sum_numbers *found, pclean_err *err) {
    const pcl_gridder_type *gridder = im->gridder;
    const size_t n = gridder->nwalk(im->gridder_self, kind);
    const bool several = kind == PCL_WALK_PREDICT && gridder->nopen;
    const size_t nopen = several ? gridder->nopen(im->gridder_self) : 1;
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i += nopen) {
        stroll w = {
            .c = c, .im = im, .kind = kind, .iwalk = i, .nwalk = n - i < nopen ? n - i : nopen};
        rc = walk(&w, images, found, err);
    }
    return rc;
}

static int make_residual(const cycle *c, pcl_major_image *im, bool subtracted, pclean_err *err) {
    pcl_grid_images images = im->images;
    pcl_sum_numbers found = {.umax_lambda = 0};
    if (subtracted)
        images.model = NULL;
    int rc = pass(c, im, PCL_WALK_GRID, &images, &found, err);
    if (rc || !images.psf)
        return rc;
    im->count = found.count;
    im->umax_lambda = found.umax_lambda;
    im->vmax_lambda = found.vmax_lambda;
    return 0;
}

int pcl_major_cycle(size_t nimage, pcl_major_image *image, const pcl_major_means *means,
                    pclean_err *err) {
    bool any_model = false;
    for (size_t i = 0; i < nimage; i++)
        any_model |= image[i].images.model != NULL;
    const bool apart = any_model && pcl_major_predicts(nimage, image[0].gridder);
    const cycle c = {.means = means, .predicted = apart ? means->predicted : NULL};
    int rc = 0;
    if (apart)
        memset(c.predicted, 0, 2 * pcl_sampler_nid(image[0].sampler) * sizeof *c.predicted);
    for (size_t i = 0; !rc && apart && i < nimage; i++)
        if (image[i].images.model)
            rc = pass(&c, &image[i], PCL_WALK_PREDICT, &image[i].images, NULL, err);
    for (size_t i = 0; !rc && i < nimage; i++)
        rc = make_residual(&c, &image[i], apart, err);
    return rc;
}
