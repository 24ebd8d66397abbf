#include "base/mem.h"
#include "config/config.h"
#include "core/clean/hogbom.h"
#include "core/grid/grid.h"
#include "imager.h"
#include "imager/masking.h"
#include "live.h"
#include "run/budget.h"
#include "run/products.h"
#include "unit/check.h"
#include <math.h>
#include <omp.h>
#include <stdlib.h>

static const uint64_t MIB = 1024 * 1024;

/* A setup of the smallest data set there is, with this image. */
typedef struct fixture {
    pclean_config config;
    pcl_setup setup;
} fixture;

static void set(fixture *f, const char *name, const char *value) {
    pclean_err err;
    assert_ok(pclean_config_set(&f->config, name, value, &err));
}

static fixture *begin(const char *imsize, const char *const *more) {
    pclean_err err;
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_ok(pcl_config_init(&f->config, &err));
    set(f, "vis", PCLEAN_TEST_DATA "/vla_ngc5921.ms");
    set(f, "imagename", "unused");
    set(f, "imsize", imsize);
    set(f, "cell", "15arcsec");
    set(f, "specmode", "cube");
    set(f, "nchan", "4");
    set(f, "start", "20");
    for (; more && *more; more += 2)
        set(f, more[0], more[1]);
    assert_ok(pcl_setup_open(&f->config, &f->setup, &err));
    return f;
}

static void end(fixture *f) {
    pcl_setup_close(&f->setup);
    pcl_config_clear(&f->config);
    free(f);
}

static pcl_sysinfo machine(uint64_t memory) {
    return (pcl_sysinfo){
        .cores = 2, .memory_bytes = memory, .process_bytes = UINT64_MAX, .memory_from = "a test"};
}

static pcl_budget budget_of(const char *imsize, const char *const *more, size_t wanted,
                            size_t nthread) {
    fixture *f = begin(imsize, more);
    const pcl_sysinfo limits = machine(UINT64_MAX);
    pclean_err err;
    pcl_budget b;
    assert_ok(
        pcl_budget_make(&f->setup, &limits, wanted, nthread, PCL_MEMORY_FILE_IF_NEEDED, &b, &err));
    end(f);
    return b;
}

static void every_buffer_counts(void **state) {
    (void)state;
    const pcl_budget plain = budget_of("1024", NULL, 1, 1);
    const uint64_t n = 1024 * 1024;
    assert_int_equal(plain.planes, n * (3 * sizeof(float) + 1) + 1024 * 128 * sizeof(float));
    assert_int_equal(plain.density, 0);
    assert_int_equal(plain.sizes.stage[PCL_MEMORY_MINOR], 0);
    assert_int_equal(plain.sizes.worker,
                     plain.grids + plain.planes + plain.density + plain.batches + plain.predicted);
    assert_true(plain.sizes.store > 0 && plain.sizes.base > MIB);
    assert_false(plain.plan.store_in_file);

    const pcl_budget clean =
        budget_of("1024", (const char *[]){"niter", "100", "weighting", "briggs", NULL}, 1, 1);
    assert_int_equal(clean.grids * 3, plain.grids * 4); /* the model's two planes, one of them
                                                         * the PSF's before */
    const pcl_budget again = budget_of("1024", (const char *[]){"restart", "true", NULL}, 1, 1);
    assert_int_equal(again.grids * 3, plain.grids * 5); /* at the same time */
    assert_true(clean.density >= n * sizeof(float));
    assert_true(clean.batches > plain.batches);
    /* the grids' memory serves */
    assert_true(clean.sizes.stage[PCL_MEMORY_MINOR] > 0 &&
                clean.sizes.stage[PCL_MEMORY_MINOR] < 5 * n);
    assert_true(clean.plan.bytes > plain.plan.bytes);

    const pcl_budget threads = budget_of("1024", (const char *[]){"niter", "100", NULL}, 1, 8);
    assert_int_equal(threads.sizes.stage[PCL_MEMORY_FFT], 8 * plain.sizes.stage[PCL_MEMORY_FFT]);
    const pcl_budget workers = budget_of("1024", NULL, 3, 1);
    assert_int_equal(workers.plan.nworkers, 3);
    assert_int_equal(workers.plan.bytes,
                     workers.sizes.base + workers.sizes.store + 3 * workers.plan.each_bytes);
    const pcl_budget wide =
        budget_of("1024", (const char *[]){"gridder", "wproject", "niter", "100", NULL}, 1, 1);
    assert_true(wide.grids > clean.grids && wide.predicted > 0);
}

/* The sums beside the allocations are the allocations. */
static void gridding_is_counted_exactly(void **state) {
    (void)state;
    const pcl_grid_params p = {.nx = 700,
                               .ny = 500,
                               .cellx_rad = 1e-5,
                               .celly_rad = 1e-5,
                               .accuracy = 1e-5,
                               .nvis = 1e5,
                               .kernel = -1};
    pclean_err err;
    pcl_grid_bytes bytes;
    pcl_grid *g;
    assert_ok(pcl_grid_count_bytes(&p, 100000, (size_t)omp_get_max_threads(), &bytes, &err));
    assert_ok(pcl_grid_new(&p, &g, &err));
    assert_int_equal(bytes.plane, pcl_grid_plane_bytes(g));
    assert_true(bytes.scratch > 100000 * 30 && bytes.scratch < 100000 * 70);
    pcl_grid_free(g);
}

enum { BEAM_WINDOW = 1 << 16 };

/* The life of a target's planes, as the tasks of a run lead it. */
static void image_planes(pcl_target *t) {
    pclean_err err;
    int niter;
    const size_t n = t->nx * t->ny;
    for (size_t i = 0; i < t->npol; i++) {
        pcl_target_select(t, i);
        if (t->user_mask)
            memset(t->user_mask, 1, n);
        assert_ok(pcl_target_begin(t, t->setup->desc.nchan / 2, i, &err));
        memset(t->model[0], 0, n * sizeof **t->model);
        t->model[0][n / 2] = t->setup->params.model_at_first ? 1e-3f : 0;
        assert_ok(pcl_target_dirty(t, &err));
    }
    if (!t->setup->params.model)
        return;
    for (size_t i = 0; i < t->npol; i++) {
        pcl_target_select(t, i);
        pcl_target_measure(t);
        assert_ok(pcl_masking_update(t, &(pcl_masking_cycle){.sidelobe = 0.1}, &err));
    }
    assert_ok(pcl_target_minor(t, 0, 20, &niter, &err));
    for (size_t i = 0; i < t->npol; i++) {
        pcl_target_select(t, i);
        assert_ok(pcl_target_major(t, &err));
        assert_ok(pcl_target_restore(t, &t->plane.beam, &err));
    }
}

/* What a worker was planned to hold is what it holds when it has imaged a plane, to the byte; what
 * comes and goes stays within its plan. */
static void check_plan(image *f, double nslice, const pcl_deconvolver *deconvolver) {
    pclean_err err;
    pcl_budget b;
    pcl_target t;
    const pcl_target_options options = {.user_mask = f->config.mask.n > 0};
    image_open(f);
    f->setup.params.deconvolver = deconvolver;
    f->setup.params.slicing = (pcl_slicing){.samples = f->setup.samples_per_plane / nslice};
    assert_ok(pcl_budget_count(&f->setup, 1, &b, &err));
    const uint64_t strip = pcl_products_work_bytes(&f->setup);
    image_read(f);
    live_begin();
    assert_ok(pcl_target_init(&t, &f->setup, &f->vis, &options, &err));
    image_planes(&t);
    const uint64_t planned = b.sizes.worker + b.sizes.reserved - strip;
    assert_int_equal(live_now, planned);
    assert_int_equal(live_of("PSF plane") + live_of("residual plane") + live_of("model plane") +
                         live_of("best model") + live_of("search mask") + live_of("user mask") +
                         live_of("mask of the primary beam") + live_of("mask of the noise") +
                         live_of("region of the mask") + live_of("positive mask") +
                         live_of("mask used last"),
                     b.planes - strip);
    assert_int_equal(live_of("uv grid") + live_of("partial sums"), b.grids);
    assert_true((nslice > 1) == (live_of("partial sums") > 0));
    assert_int_equal(live_of("model visibilities"), b.predicted);
    assert_int_equal(live_of("weight density grid") + live_of("weight density work space"),
                     b.density);
    assert_true(live_peak > planned);
    /* a beam fit has its window besides */
    assert_true(live_peak <=
                planned + b.sizes.stage[pcl_memory_largest_stage(&b.sizes)] + BEAM_WINDOW);
    pcl_target_clear(&t);
    live_end();
    assert_int_equal(live_now, 0);
    image_close(f);
}

static void a_worker_allocates_what_is_planned(void **state) {
    (void)state;
    static const char *const model[][5] = {
        {NULL}, {"niter", "20", "nsigma", "3", NULL}, {"restart", "true", NULL}};
    static const char *const mask[][5] = {
        {NULL},
        {"mask", "circle[[45pix,40pix],9pix]", NULL},
        {"usemask", "auto-multithresh", "noisethreshold", "1", NULL}};
    static const char *const weights[][7] = {
        {NULL},
        {"weighting", "briggs", NULL},
        {"weighting", "uniform", "perchanweightdensity", "false", NULL},
        {"weighting", "superuniform", "uvtaper", "200m", NULL},
        {"weighting", "radial", NULL},
        {"weighting", "uniform", "perchanweightdensity", "false", "npixels", "150", NULL}};
    const int before = omp_get_max_threads();
    omp_set_num_threads(1);
    for (size_t k = 0; k < 108; k++) {
        image f = {0};
        if (k % 2)
            image_configure_wide(&f, NULL);
        else
            image_configure_line(&f, NULL);
        image_set(&f, model[k / 2 % 3]);
        image_set(&f, mask[k / 6 % 3]);
        image_set(&f, weights[k / 18]);
        check_plan(&f, k % 5 == 0 ? 8 : 1, &pcl_deconvolver_hogbom);
    }
    pcl_deconvolver joint = pcl_deconvolver_hogbom;
    joint.joint = true;
    for (size_t k = 0; k < 9; k++) { /* both planes of a channel at a time */
        image f = {0};
        image_configure_line(&f, (const char *[]){"stokes", "RRLL", NULL});
        image_set(&f, model[k % 3]);
        image_set(&f, mask[k / 3]);
        image_set(&f, weights[k / 3]);
        check_plan(&f, k % 5 == 0 ? 8 : 1, &joint);
    }
    for (size_t k = 0; k < 6; k++) {
        image f = {0};
        image_configure_line(&f, (const char *[]){"niter", "20", "stokes", "RRLL", NULL});
        image_set(&f, mask[k % 2]);
        image_set(&f, weights[k / 2]);
        check_plan(&f, k % 5 == 0 ? 8 : 1,
                   k % 3 ? &pcl_deconvolver_clark : &pcl_deconvolver_clarkstokes);
    }
    omp_set_num_threads(before);
}

static size_t hogbom_bytes(size_t n, double half, bool any_mask, size_t spare) {
    const pcl_clean_extent e = {.nx = n,
                                .ny = n,
                                .npol = 1,
                                .nterm = 1,
                                .half_x = half,
                                .half_y = half,
                                .any_mask = any_mask,
                                .ncomponent = 100,
                                .nthread = 1};
    pcl_hogbom_params p;
    pcl_hogbom_params_init(&p);
    p.spare_psf.n = p.spare_residual.n = spare;
    return pcl_hogbom_bytes(&e, &p);
}

static void a_search_region_is_cheaper(void **state) {
    (void)state;
    const size_t all = hogbom_bytes(1024, INFINITY, true, 0);
    const size_t full = hogbom_bytes(1024, INFINITY, false, 0);
    const size_t disc = hogbom_bytes(1024, 200, false, 0);
    assert_int_equal(all - full, 1024 * 1024 * 4); /* no tile has a mask of its own */
    assert_true(disc < full && disc > (1024 + 64) * (1024 + 64) * 4);
    assert_true(hogbom_bytes(1000, INFINITY, false, 0) > (1000 + 64) * (1000 + 64) * 4);
    const size_t spared = hogbom_bytes(1024, INFINITY, false, (1024 + 64) * (1024 + 64));
    assert_true(spared + (1024 + 64) * (1024 + 64) * 4 <= full);
}

static void memory_is_a_limit(void **state) {
    (void)state;
    pclean_err err;
    pcl_budget b;
    fixture *f = begin("1024", (const char *[]){"memory", "2GiB", NULL});
    pcl_sysinfo limits = machine(8192 * MIB);
    assert_ok(pcl_budget_make(&f->setup, &limits, 2, 1, PCL_MEMORY_FILE_IF_NEEDED, &b, &err));
    assert_int_equal(b.limit_bytes, 2048 * MIB);
    assert_string_equal(b.limit_from, "memory=2GiB");
    assert_int_equal(b.plan.nworkers, 2);
    set(f, "memory", "20MiB");
    assert_fails(pcl_budget_make(&f->setup, &limits, 2, 1, PCL_MEMORY_FILE_IF_NEEDED, &b, &err),
                 PCLEAN_ENOMEM, "one image plane needs");
    assert_non_null(strstr(err.msg, "there are 20.0 MiB (memory=20MiB)"));
    set(f, "memory", "2GiB");
    set(f, "memory_limit", "0.5");
    assert_ok(pcl_budget_make(&f->setup, &limits, 2, 1, PCL_MEMORY_FILE_IF_NEEDED, &b, &err));
    assert_int_equal(b.worker.bytes, 1024 * MIB);
    assert_int_equal(b.plan.nworkers, 2);
    set(f, "memory_limit", "30MB");
    assert_fails(pcl_budget_make(&f->setup, &limits, 2, 1, PCL_MEMORY_FILE_IF_NEEDED, &b, &err),
                 PCLEAN_ENOMEM, "there are 28.6 MiB (memory_limit)");
    set(f, "memory_limit", "auto");
    set(f, "memory", "");
    limits.memory_bytes = 20 * MIB;
    assert_fails(pcl_budget_make(&f->setup, &limits, 1, 1, PCL_MEMORY_FILE_IF_NEEDED, &b, &err),
                 PCLEAN_ENOMEM, "one image plane needs");
    end(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_buffer_counts),
        cmocka_unit_test(gridding_is_counted_exactly),
        cmocka_unit_test(a_worker_allocates_what_is_planned),
        cmocka_unit_test(a_search_region_is_cheaper),
        cmocka_unit_test(memory_is_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
