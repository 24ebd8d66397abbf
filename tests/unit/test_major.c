/* imager/major.c on a store made by hand: the residual of models is what the Fourier sum says, for
 * one image and for several, with and without w. */
#include "imager/major.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "core/grid/dft.h"
#include "random.h"
#include "unit/check.h"

static pclean_err err;
static const double C = 299792458.0;
enum { NROW = 300, NCHAN = 3, STRIDE = 304, NIMAGE = 2, MOST = 40 * 36 };

/* Rows out to 28 wavelengths in u and v, and 20 in w: with cells of 0.01 rad and images of a
 * quarter of a radian w turns by tenths of a turn. */
typedef struct data {
    double u[NROW], v[NROW], w[NROW], freq[NCHAN], time[1], doppler[1];
    uint32_t itime[NROW];
    float vis[NCHAN * STRIDE * 2], weight[NCHAN * STRIDE];
    pcl_block block;
    pcl_store vis_store;
} data;

static data *make_data(void) {
    data *d = calloc(1, sizeof *d);
    assert_non_null(d);
    random_state = 88172645463325252u;
    for (size_t c = 0; c < NCHAN; c++)
        d->freq[c] = C * (1 + 0.02 * (double)c);
    d->doppler[0] = 1;
    pcl_block *b = &d->block;
    *b = (pcl_block){.nrow = NROW,
                     .row_stride = STRIDE,
                     .u_m = d->u,
                     .v_m = d->v,
                     .w_m = d->w,
                     .itime = d->itime,
                     .ntime = 1,
                     .time_s = d->time,
                     .doppler = d->doppler,
                     .nchan = NCHAN,
                     .freq_hz = d->freq,
                     .spacing_hz = 0.02 * C,
                     .vis = d->vis,
                     .weight = d->weight};
    for (size_t r = 0; r < NROW; r++) {
        d->u[r] = 54 * random_uniform() - 27;
        d->v[r] = 54 * random_uniform() - 27;
        d->w[r] = 39 * random_uniform() - 19.5;
        b->umax_m = fmax(b->umax_m, fabs(d->u[r]));
        b->vmax_m = fmax(b->vmax_m, fabs(d->v[r]));
        b->wmax_m = fmax(b->wmax_m, fabs(d->w[r]));
        for (size_t c = 0; c < NCHAN; c++) {
            const size_t at = c * STRIDE + r;
            d->vis[2 * at] = (float)random_normal();
            d->vis[2 * at + 1] = (float)random_normal();
            d->weight[at] = random_uniform() < 0.1 ? 0 : (float)(0.5 + random_uniform());
        }
    }
    d->vis_store = (pcl_store){.npol = 1, .nblock = 1, .block = b};
    return d;
}

static const pcl_channels mfs = {
    .nchan = 1, .whole = 1, .mfs = true, .nearest = true, .first_hz = 299792458.0, .step_hz = 1e7};

/* Two images about the same centre, of different cells and sizes. */
static const size_t nx[NIMAGE] = {24, 40}, ny[NIMAGE] = {20, 36};
static const double cell[NIMAGE] = {0.01, 0.007};

typedef struct rig {
    data *d;
    bool w;
    pcl_sampler sampler[NIMAGE];
    pcl_slices slices;
    pcl_density density; /* none: natural weights */
    pcl_taper taper;
    float plane[NIMAGE][3][MOST]; /* residual, PSF, model */
    float *residual[NIMAGE][1], *psf[NIMAGE][1], *model[NIMAGE][1];
    pcl_major_image image[NIMAGE];
    pcl_major_means means;
} rig;

static rig *set_up(bool w) {
    rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->d = make_data();
    r->w = w;
    assert_ok(pcl_slices_init(&r->slices, 1, 0, NULL, &err));
    for (size_t i = 0; i < NIMAGE; i++) {
        const pcl_gridder_type *type = w ? &pcl_gridder_wstack : &pcl_gridder_flat;
        assert_ok(pcl_sampler_init(&r->sampler[i], &r->d->vis_store, &mfs, &err));
        const pcl_gridder_params params = {.grid = {.nx = nx[i],
                                                    .ny = ny[i],
                                                    .cellx_rad = cell[i],
                                                    .celly_rad = cell[i],
                                                    .accuracy = 1e-6,
                                                    .nvis = NROW * NCHAN,
                                                    .wmax_lambda = w ? 22 : 0,
                                                    .kernel = -1},
                                           .nbatch = r->sampler[i].nmax,
                                           .model = true,
                                           .model_at_first = true};
        r->residual[i][0] = r->plane[i][0];
        r->psf[i][0] = r->plane[i][1];
        r->model[i][0] = r->plane[i][2];
        r->image[i] =
            (pcl_major_image){.gridder = type,
                              .sampler = &r->sampler[i],
                              .density = &r->density,
                              .taper = &r->taper,
                              .cellx_rad = cell[i],
                              .images = {.nterm = 1, .residual = r->residual[i], .psf = r->psf[i]}};
        assert_ok(type->make(&params, &r->image[i].gridder_self, &err));
    }
    r->means.slices = &r->slices;
    assert_ok(PCL_NEW(&r->means.predicted, 2 * pcl_sampler_nid(&r->sampler[0]), "test", &err));
    return r;
}

static void tear_down(rig *r) {
    for (size_t i = 0; i < NIMAGE; i++) {
        r->image[i].gridder->free(r->image[i].gridder_self);
        pcl_sampler_clear(&r->sampler[i]);
    }
    pcl_slices_clear(&r->slices);
    pcl_free(r->means.predicted);
    free(r->d);
    free(r);
}

static void put_model(rig *r, size_t i) {
    memset(r->model[i][0], 0, sizeof r->plane[i][2]);
    for (size_t k = 0; k < 9; k++)
        r->model[i][0][(size_t)(random_uniform() * (double)(nx[i] * ny[i]))] =
            (float)random_normal();
    r->image[i].images.model = (const float *const *)r->model[i];
}

/* vis += factor times the model's visibilities, by the Fourier sum. */
static void add_visibilities(rig *r, size_t i, double factor) {
    data *d = r->d;
    for (size_t c = 0; c < NCHAN; c++)
        for (size_t k = 0; k < NROW; k++) {
            const double f = d->freq[c] / C;
            double vis[2];
            const pcl_raster raster = {nx[i], ny[i], cell[i], cell[i]};
            const double uvw[3] = {d->u[k] * f, d->v[k] * f, r->w ? d->w[k] * f : 0};
            pcl_dft_predict(&raster, r->model[i][0], uvw, vis);
            float *at = d->vis + 2 * (c * STRIDE + k);
            at[0] += (float)(factor * vis[0]);
            at[1] += (float)(factor * vis[1]);
        }
}

static double largest(const float *x, size_t n) {
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs((double)x[i]));
    return most;
}

static void cycle(rig *r, size_t nimage) {
    assert_ok(pcl_major_cycle(nimage, r->image, &r->means, &err));
}

static void take(const float *plane, size_t n, float *to) {
    memcpy(to, plane, n * sizeof *to);
}

static void assert_near(const float *is, const float *want, size_t n, double tolerance) {
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)is[i] - (double)want[i]) <= tolerance))
            fail_msg("pixel %zu: %g is not %g", i, (double)is[i], (double)want[i]);
}

/* residual(model) = dirty image of data less the Fourier sum of the model; the PSF is the image of
 * ones; counts are those of the samples. */
static void a_model_is_subtracted(void **state) {
    (void)state;
    for (int w = 0; w <= 1; w++) {
        rig *r = set_up(w);
        static float is[MOST], psf[MOST];
        const size_t n = nx[0] * ny[0];
        put_model(r, 0);
        cycle(r, 1);
        take(r->residual[0][0], n, is);
        take(r->psf[0][0], n, psf);
        double sumwt = 0;
        size_t used = 0;
        for (size_t i = 0; i < NCHAN * STRIDE; i++) {
            sumwt += (double)r->d->weight[i];
            used += r->d->weight[i] > 0;
        }
        assert_int_equal(r->image[0].count.used, used);
        assert_true(fabs(r->image[0].count.sumwt / sumwt - 1) < 1e-6);
        assert_true(fabs((double)psf[ny[0] / 2 * nx[0] + nx[0] / 2] - 1) < 1e-5);
        assert_true(r->image[0].umax_lambda >= r->d->block.umax_m);
        add_visibilities(r, 0, -1);
        r->image[0].images.model = NULL;
        cycle(r, 1);
        assert_true(largest(is, n) > 0.05);
        assert_near(is, r->residual[0][0], n, 3e-5);
        assert_memory_equal(psf, r->psf[0][0], n * sizeof *psf);
        tear_down(r);
    }
}

/* Two images subtract both models from the residuals of both: of data that are the Fourier sums of
 * the two nothing is left in either. */
static void images_subtract_each_others_models(void **state) {
    (void)state;
    for (int w = 0; w <= 1; w++) {
        rig *r = set_up(w);
        memset(r->d->vis, 0, sizeof r->d->vis);
        for (size_t i = 0; i < NIMAGE; i++) {
            put_model(r, i);
            add_visibilities(r, i, 1);
        }
        cycle(r, NIMAGE);
        for (size_t i = 0; i < NIMAGE; i++)
            assert_true(largest(r->residual[i][0], nx[i] * ny[i]) < 5e-5);
        assert_int_equal(r->image[0].count.used, r->image[1].count.used);
        for (size_t i = 0; i < NIMAGE; i++) { /* one model alone is not enough for either */
            r->image[i].images.model = NULL;
            cycle(r, NIMAGE);
            for (size_t k = 0; k < NIMAGE; k++)
                assert_true(largest(r->residual[k][0], nx[k] * ny[k]) > 0.05);
            r->image[i].images.model = (const float *const *)r->model[i];
        }
        tear_down(r);
    }
}

/* A later cycle without PSF uses the sum of weights of the first, and gives its bytes. */
static void a_later_cycle_repeats_the_first(void **state) {
    (void)state;
    for (int w = 0; w <= 1; w++)
        for (size_t nimage = 1; nimage <= NIMAGE; nimage++) {
            rig *r = set_up(w);
            static float first[MOST];
            const size_t n = nx[0] * ny[0];
            put_model(r, 0);
            cycle(r, nimage);
            take(r->residual[0][0], n, first);
            for (size_t i = 0; i < nimage; i++)
                r->image[i].images.psf = NULL;
            cycle(r, nimage);
            assert_memory_equal(first, r->residual[0][0], n * sizeof *first);
            tear_down(r);
        }
}

/* Slices of the rows, summed along their tree, change roundings and nothing else. */
static void slices_make_the_same_images(void **state) {
    (void)state;
    for (int w = 0; w <= 1; w++) {
        rig *r = set_up(w);
        static float one[NIMAGE][MOST];
        for (size_t i = 0; i < NIMAGE; i++)
            put_model(r, i);
        cycle(r, NIMAGE);
        const pcl_grid_count count = r->image[0].count;
        for (size_t i = 0; i < NIMAGE; i++)
            take(r->residual[i][0], nx[i] * ny[i], one[i]);
        size_t nfloat = 0;
        for (size_t i = 0; i < NIMAGE; i++) {
            pcl_grid_array grid[PCL_GRIDDER_GRIDS];
            size_t sum = 0;
            const size_t ngrid = r->image[i].gridder->grids(r->image[i].gridder_self, grid);
            for (size_t k = 0; k < ngrid; k++)
                sum += grid[k].n;
            nfloat = sum > nfloat ? sum : nfloat;
        }
        pcl_slices_clear(&r->slices);
        assert_ok(pcl_slices_init(&r->slices, 16, nfloat, NULL, &err));
        cycle(r, NIMAGE);
        for (size_t i = 0; i < NIMAGE; i++)
            assert_near(r->residual[i][0], one[i], nx[i] * ny[i], 1e-5);
        assert_int_equal(count.used, r->image[0].count.used);
        assert_true(fabs(count.sumwt / r->image[0].count.sumwt - 1) < 1e-12);
        tear_down(r);
    }
}

static size_t nbegun;

static int count_begun(void *user) {
    ++*(size_t *)user;
    return 0;
}

/* Walks that are open at once go through the rows together, and predict the same bits as one after
 * the other. */
static void walks_that_are_open_at_once(void **state) {
    (void)state;
    static float together[NIMAGE][MOST];
    pcl_gridder_type alone = pcl_gridder_wstack;
    size_t nbatch[2];
    alone.nopen = NULL;
    for (int k = 0; k < 2; k++) {
        rig *r = set_up(true);
        nbegun = 0;
        r->means.stop = count_begun;
        r->means.user = &nbegun;
        for (size_t i = 0; i < NIMAGE; i++) {
            put_model(r, i);
            assert_true(r->image[i].gridder->nwalk(r->image[i].gridder_self, PCL_WALK_PREDICT) > 2);
            if (k)
                r->image[i].gridder = &alone;
        }
        cycle(r, NIMAGE);
        nbatch[k] = nbegun;
        for (size_t i = 0; i < NIMAGE; i++) {
            if (k)
                assert_memory_equal(r->residual[i][0], together[i], nx[i] * ny[i] * sizeof(float));
            take(r->residual[i][0], nx[i] * ny[i], together[i]);
        }
        tear_down(r);
    }
    assert_true(nbatch[0] < nbatch[1]);
}

static void without_data_all_is_zero(void **state) {
    (void)state;
    for (int w = 0; w <= 1; w++) {
        rig *r = set_up(w);
        memset(r->d->weight, 0, sizeof r->d->weight);
        put_model(r, 0);
        cycle(r, 1);
        assert_true(largest(r->residual[0][0], nx[0] * ny[0]) == 0);
        assert_true(largest(r->psf[0][0], nx[0] * ny[0]) == 0);
        assert_int_equal(r->image[0].count.used, 0);
        assert_true(r->image[0].count.sumwt == 0);
        tear_down(r);
    }
}

static int count_down(void *user) {
    int *left = user;
    return (*left)-- == 0;
}

static void a_stop_is_heeded_between_batches(void **state) {
    (void)state;
    rig *r = set_up(true);
    int left = 3;
    r->means.stop = count_down;
    r->means.user = &left;
    assert_fails(pcl_major_cycle(1, r->image, &r->means, &err), PCLEAN_EINTERRUPTED, "interrupted");
    assert_int_equal(left, -1);
    tear_down(r);
}

/* What is announced is what is asked for: of one image whose gridder subtracts no ids, of others
 * with a model ids; w where it is corrected. */
static void wants_follow_the_gridder(void **state) {
    (void)state;
    const unsigned plain = PCL_SAMPLER_UV | PCL_SAMPLER_VIS;
    const pcl_gridder_type *flat = &pcl_gridder_flat, *wstack = &pcl_gridder_wstack;
    assert_int_equal(pcl_major_wants(1, flat, true, false, NULL), plain);
    assert_int_equal(pcl_major_wants(1, flat, true, true, NULL), plain | PCL_SAMPLER_NEAR);
    assert_int_equal(pcl_major_wants(2, flat, true, false, NULL), plain | PCL_SAMPLER_ID);
    assert_int_equal(pcl_major_wants(2, flat, false, false, NULL), plain);
    assert_int_equal(pcl_major_wants(1, wstack, true, false, NULL),
                     plain | PCL_SAMPLER_W | PCL_SAMPLER_ID);
    const pcl_taper lambda = pcl_taper_uv(1, 1, 0), metres = pcl_taper_baseline(1, 1, 0);
    assert_int_equal(pcl_major_wants(1, flat, true, false, &lambda), plain);
    assert_int_equal(pcl_major_wants(1, flat, true, false, &metres), plain | PCL_SAMPLER_METRES);
    assert_false(pcl_major_predicts(1, flat));
    assert_true(pcl_major_predicts(2, flat) && pcl_major_predicts(1, wstack));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_is_subtracted),
        cmocka_unit_test(images_subtract_each_others_models),
        cmocka_unit_test(a_later_cycle_repeats_the_first),
        cmocka_unit_test(slices_make_the_same_images),
        cmocka_unit_test(without_data_all_is_zero),
        cmocka_unit_test(a_stop_is_heeded_between_batches),
        cmocka_unit_test(walks_that_are_open_at_once),
        cmocka_unit_test(wants_follow_the_gridder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
