#include "imager/major.h"

#include <math.h>
#include <string.h>

typedef struct cycle {
    float *predicted; /* NULL: nothing was predicted apart */
    int (*stop)(void *user);
    void *user;
} cycle;

bool pcl_major_predicts(size_t nimage, const pcl_gridder_type *gridder) {
    return nimage > 1 || !gridder->subtracts;
}

unsigned pcl_major_wants(size_t nimage, const pcl_gridder_type *gridder, bool model,
                         bool weighs_by_density) {
    unsigned want = PCL_SAMPLER_UV | PCL_SAMPLER_VIS;
    want |= weighs_by_density ? PCL_SAMPLER_NEAR : 0u;
    want |= gridder->corrects_w ? PCL_SAMPLER_W : 0u;
    want |= model && pcl_major_predicts(nimage, gridder) ? PCL_SAMPLER_ID : 0u;
    return want;
}

/* Imaging weights of the batch, in place. */
static void weigh_batch(const pcl_major_image *im) {
    pcl_sampler *s = im->sampler;
    if (im->density->sum)
        pcl_density_apply(im->density, s->n, s->near_u, s->near_v, s->weight);
    pcl_taper_apply(im->taper, s->n, s->u, s->v, s->weight);
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

/* What is done with a batch in a walk. */
static void use_batch(const cycle *c, pcl_major_image *im, enum pcl_walk_kind kind,
                      pcl_grid_count *count) {
    pcl_sampler *s = im->sampler;
    const pcl_samples batch = {
        .n = s->n, .u = s->u, .v = s->v, .w = s->w, .vis = s->samples, .weight = s->weight};
    if (kind == PCL_WALK_PREDICT) {
        /* the data are not needed: room for the prediction */
        im->gridder->predict(im->gridder_self, &batch, s->samples);
        add_predicted(s, c->predicted);
        return;
    }
    if (im->images.psf)
        im->gridder->count_outside(im->gridder_self, &batch, count);
    weigh_batch(im);
    if (c->predicted)
        subtract_predicted(s, c->predicted);
    im->gridder->add(im->gridder_self, &batch, count);
}

/* Of a walk that grids. */
static float scale_of(const pcl_major_image *im, const pcl_grid_count *count) {
    const double sumwt = im->images.psf ? count->sumwt : im->count.sumwt;
    return sumwt > 0 ? (float)(1 / sumwt) : 0;
}

static int walk(const cycle *c, pcl_major_image *im, enum pcl_walk_kind kind, size_t iwalk,
                const pcl_grid_images *images, pcl_grid_count *count, pclean_err *err) {
    pcl_sampler *s = im->sampler;
    const double reach = im->umax_lambda > 0 ? im->umax_lambda : 0.5 / im->cellx_rad;
    pcl_walk want;
    int rc = im->gridder->begin(im->gridder_self, kind, iwalk, images, reach, &want, err);
    if (rc)
        return rc;
    pcl_sampler_begin(s, im->ichan, im->ipol,
                      PCL_SAMPLER_UV | PCL_SAMPLER_VIS | (want.w ? PCL_SAMPLER_W : 0u) |
                          (c->predicted ? PCL_SAMPLER_ID : 0u) |
                          (kind == PCL_WALK_GRID && im->density->sum ? PCL_SAMPLER_NEAR : 0u));
    if (want.w)
        pcl_sampler_window(s, want.w_low, want.w_high);
    bool more = true;
    for (;;) {
        if (c->stop && c->stop(c->user))
            return PCL_FAIL(err, PCLEAN_EINTERRUPTED, "interrupted; no product was changed");
        if ((rc = pcl_sampler_next(s, &more, err)))
            return rc;
        if (!more)
            break;
        use_batch(c, im, kind, count);
    }
    const float scale = kind == PCL_WALK_GRID ? scale_of(im, count) : 0;
    return im->gridder->end(im->gridder_self, kind, iwalk, images, scale, err);
}

/* All walks of one kind over one image. */
static int pass(const cycle *c, pcl_major_image *im, enum pcl_walk_kind kind,
                const pcl_grid_images *images, pcl_grid_count *count, pclean_err *err) {
    int rc = 0;
    for (size_t i = 0; !rc && i < im->gridder->nwalk(im->gridder_self, kind); i++)
        rc = walk(c, im, kind, i, images, count, err);
    return rc;
}

static int make_residual(const cycle *c, pcl_major_image *im, bool subtracted, pclean_err *err) {
    pcl_grid_images images = im->images;
    pcl_grid_count count = {0};
    if (subtracted)
        images.model = NULL;
    int rc = pass(c, im, PCL_WALK_GRID, &images, &count, err);
    if (rc || !images.psf)
        return rc;
    im->count = count;
    im->umax_lambda = im->sampler->umax;
    im->vmax_lambda = im->sampler->vmax;
    return 0;
}

int pcl_major_cycle(size_t nimage, pcl_major_image *image, float *predicted,
                    int (*stop)(void *user), void *user, pclean_err *err) {
    bool any_model = false;
    for (size_t i = 0; i < nimage; i++)
        any_model |= image[i].images.model != NULL;
    const bool apart = any_model && pcl_major_predicts(nimage, image[0].gridder);
    const cycle c = {.predicted = apart ? predicted : NULL, .stop = stop, .user = user};
    int rc = 0;
    if (apart)
        memset(predicted, 0, 2 * pcl_sampler_nid(image[0].sampler) * sizeof *predicted);
    for (size_t i = 0; !rc && apart && i < nimage; i++)
        if (image[i].images.model)
            rc = pass(&c, &image[i], PCL_WALK_PREDICT, &image[i].images, NULL, err);
    for (size_t i = 0; !rc && i < nimage; i++)
        rc = make_residual(&c, &image[i], apart, err);
    return rc;
}
