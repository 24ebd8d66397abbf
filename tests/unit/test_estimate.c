#include "config/config.h"
#include "pclean/memory.h"
#include "run/budget.h"
#include "unit/check.h"
#include <math.h>
#include <stdlib.h>

static pclean_memory_request request(int model, int64_t imsize) {
    pclean_memory_request q;
    pclean_memory_request_init(&q, sizeof q);
    q.model = model;
    q.imsize[0] = imsize;
    return q;
}

static double worker_of(const pclean_memory_request *q) {
    pclean_err err;
    double gib;
    assert_ok(pclean_estimate_worker_memory_gib(q, &gib, &err));
    return gib;
}

/* golden/make_memory.py: the doubles of the Python pclean, every bit. */
static void casa_is_the_python_pclean_to_the_last_bit(void **state) {
    (void)state;
    FILE *f = fopen(PCLEAN_TEST_GOLDEN "/memory.tsv", "r");
    assert_non_null(f);
    char line[512], gridder[32], deconvolver[32];
    size_t n = 0;
    while (fgets(line, sizeof line, f)) {
        pclean_memory_request q = request(PCLEAN_MEMORY_CASA, 0);
        long long nx, ny, nchan, nterms, nfields, nworkers, fit;
        double ram, worker, peak, got;
        if (*line == '#')
            continue;
        assert_int_equal(sscanf(line,
                                "%lld %lld %lld %31s %31s %lld %lld %lld %la %la %la %la %lld", &nx,
                                &ny, &nchan, gridder, deconvolver, &nterms, &nfields, &nworkers,
                                &ram, &q.ram_safety_factor, &worker, &peak, &fit),
                         13);
        q.imsize[0] = nx;
        q.imsize[1] = ny;
        q.nimsize = ny ? 2 : 1;
        q.nchan_per_task = nchan;
        q.gridder = gridder;
        q.deconvolver = deconvolver;
        q.nterms = nterms;
        q.nfields = nfields;
        pclean_err err;
        size_t recommended;
        assert_ok(pclean_estimate_peak_ram_gib(nworkers, &q, &got, &err));
        assert_ok(pclean_recommend_nworkers(&ram, &q, &recommended, &err));
        if (worker_of(&q) != worker || got != peak || (long long)recommended != fit)
            fail_msg("%s: %a %a %zu", line, worker_of(&q), got, recommended);
        n++;
    }
    fclose(f);
    assert_true(n > 50);
}

static void defaults_are_the_specifications(void **state) {
    (void)state;
    pclean_memory_request q;
    pclean_memory_request_init(&q, sizeof q);
    pclean_memory_request full = {.size = sizeof full,
                                  .imsize = {4096, 4096},
                                  .nimsize = 2,
                                  .nchan_per_task = 1,
                                  .gridder = "Standard",
                                  .deconvolver = "HOGBOM",
                                  .nterms = 1,
                                  .nfields = 1,
                                  .ram_safety_factor = 0.85};
    assert_true(worker_of(&q) == worker_of(&full));
    q.imsize[0] = 8000;
    assert_true(fabs(worker_of(&q) - 5.2299) < 1e-4); /* the specification's first example */
    pclean_err err;
    char from[160];
    size_t here, given;
    const double available = pclean_available_ram_gib(from, sizeof from);
    assert_true(available > 0 && *from);
    assert_ok(pclean_recommend_nworkers(NULL, &q, &here, &err));
    assert_ok(pclean_recommend_nworkers(&available, &q, &given, &err));
    assert_int_equal(here, given);
    pclean_memory_estimate *e = NULL;
    assert_ok(pclean_estimate_memory(&q, 0, NULL, &e, &err));
    assert_string_equal(e->available_from, from);
    assert_true(e->available_gib == available);
    pclean_memory_estimate_free(e);
}

/* The buffers of a worker add up to it, and with the shared ones to the peak. */
static void assert_sums(const pclean_memory_estimate *e, double tolerance) {
    double worker = 0, once = 0;
    for (size_t i = 0; i < e->nbuffer; i++) {
        assert_true(e->buffer[i].gib > 0 && *e->buffer[i].name && *e->buffer[i].dtype);
        *(e->buffer[i].once ? &once : &worker) += e->buffer[i].gib;
    }
    assert_true(fabs(worker - e->worker_gib) < 1e-9);
    assert_true(fabs((double)e->nworkers * worker + once - e->peak_gib) <= tolerance);
}

static void buffers_add_up(void **state) {
    (void)state;
    pclean_memory_estimate *e = NULL;
    pclean_err err;
    const double ram = 64;
    pclean_memory_request q = request(PCLEAN_MEMORY_CASA, 8000);
    assert_ok(pclean_estimate_memory(&q, 0, &ram, &e, &err));
    assert_int_equal(e->recommended_nworkers, 10);
    assert_int_equal(e->nworkers, 10);
    assert_sums(e, 1e-9);
    assert_true(e->buffer[0].bytes_per_pixel == 8);
    pclean_memory_estimate_free(e);
    q.gridder = "mosaic";
    q.nchan_per_task = 3;
    assert_ok(pclean_estimate_memory(&q, 2, &ram, &e, &err));
    assert_int_equal(e->nworkers, 2);
    assert_sums(e, 1e-9);
    assert_true(fabs(e->buffer[0].bytes_per_pixel - 48) < 1e-9);
    pclean_memory_estimate_free(e);
    q = request(PCLEAN_MEMORY_NATIVE, 1024);
    assert_ok(pclean_estimate_memory(&q, 3, &ram, &e, &err));
    assert_sums(e, 1e-9);
    assert_true(e->recommended_nworkers > 100);
    pclean_memory_estimate *fit = NULL;
    assert_ok(pclean_estimate_memory(&q, (int64_t)e->recommended_nworkers, &ram, &fit, &err));
    assert_true(fit->peak_gib <= 64 * 0.85);
    pclean_memory_estimate_free(fit);
    assert_ok(pclean_estimate_memory(&q, (int64_t)e->recommended_nworkers + 1, &ram, &fit, &err));
    assert_true(fit->peak_gib > 64 * 0.85);
    pclean_memory_estimate_free(fit);
    pclean_memory_estimate_free(e);
}

/* What pclean_image plans with, for the same data and configuration. */
static void native_is_the_budget_of_a_run(void **state) {
    (void)state;
    static const char *const settings[] = {"vis",       PCLEAN_TEST_DATA "/vla_ngc5921.ms",
                                           "imagename", "unused",
                                           "imsize",    "512",
                                           "cell",      "15arcsec",
                                           "specmode",  "cube",
                                           "nchan",     "4",
                                           "start",     "20",
                                           "niter",     "100",
                                           "weighting", "briggs",
                                           NULL};
    static const char *const gridders[] = {"Standard", "WPROJECT"};
    pclean_err err;
    pclean_config config;
    assert_ok(pcl_config_init(&config, &err));
    for (const char *const *s = settings; *s; s += 2)
        assert_ok(pclean_config_set(&config, s[0], s[1], &err));
    for (size_t i = 0; i < 2; i++) {
        assert_ok(pclean_config_set(&config, "gridder", gridders[i], &err));
        pcl_setup setup;
        pcl_budget b;
        const pcl_sysinfo limits = {
            .cores = 2, .memory_bytes = (uint64_t)8 << 30, .process_bytes = UINT64_MAX};
        assert_ok(pcl_setup_open(&config, &setup, &err));
        assert_ok(pcl_budget_make(&setup, &limits, 3, 1, PCL_MEMORY_FILE_IF_NEEDED, &b, &err));
        pcl_setup_close(&setup);
        const double ram = 8;
        pclean_memory_estimate *e = NULL;
        pclean_memory_request q = request(PCLEAN_MEMORY_NATIVE, 0);
        q.nimsize = 0; /* the config's */
        q.gridder = i ? NULL : gridders[i];
        q.deconvolver = NULL;
        q.config = &config;
        assert_ok(pclean_estimate_memory(&q, 3, &ram, &e, &err));
        assert_true(e->peak_gib == (double)b.plan.bytes / (1024.0 * 1024 * 1024));
        assert_true(e->worker_gib == (double)b.plan.each_bytes / (1024.0 * 1024 * 1024));
        const double alone = e->worker_gib, short_of = (e->peak_gib - 0.0001) / q.ram_safety_factor;
        /* the visibilities make room */
        pclean_memory_estimate_free(e);
        assert_ok(pclean_estimate_memory(&q, 3, &short_of, &e, &err));
        assert_true(e->peak_gib < (double)b.plan.bytes / (1024.0 * 1024 * 1024) - 0.0005);
        pclean_memory_estimate_free(e);
        q.nchan_per_task = 1000; /* one plane at a time */
        assert_true(worker_of(&q) == alone);
        /* from the sizes alone the images are the same, the data are not known */
        q.config = NULL;
        q.nimsize = 1;
        q.imsize[0] = 512;
        q.gridder = gridders[i];
        q.deconvolver = "hogbom";
        assert_true(fabs(worker_of(&q) - alone) < 0.05);
        q.nchan_per_task = 1;
    }
    /* a scratch file holds the visibilities: they do not count */
    pclean_memory_request q = request(PCLEAN_MEMORY_NATIVE, 512);
    q.config = &config;
    double in_memory, in_file;
    assert_ok(pclean_estimate_peak_ram_gib(1, &q, &in_memory, &err));
    assert_ok(pclean_config_set(&config, "scratch", "/tmp", &err));
    assert_ok(pclean_estimate_peak_ram_gib(1, &q, &in_file, &err));
    assert_true(in_file < in_memory);
    pcl_config_clear(&config);
}

static void bad_numbers_are_named(void **state) {
    (void)state;
    pclean_err err;
    pclean_memory_estimate *e = NULL;
    size_t n = 7;
    double gib = 7, ram = 64;
    pclean_memory_request q = request(PCLEAN_MEMORY_CASA, 0);
    assert_fails(pclean_estimate_worker_memory_gib(&q, &gib, &err), PCLEAN_EPARAM,
                 "imsize=0: at least 1");
    assert_true(gib == 0);
    q = request(PCLEAN_MEMORY_CASA, -5);
    assert_fails(pclean_estimate_worker_memory_gib(&q, &gib, &err), PCLEAN_EPARAM, "imsize=-5");
    q = request(PCLEAN_MEMORY_CASA, INT64_MAX);
    assert_fails(pclean_estimate_worker_memory_gib(&q, &gib, &err), PCLEAN_EPARAM,
                 "more pixels than can be counted");
    q = request(PCLEAN_MEMORY_CASA, 100);
    q.nterms = 0;
    assert_fails(pclean_estimate_worker_memory_gib(&q, &gib, &err), PCLEAN_EPARAM, "nterms=0");
    q = request(PCLEAN_MEMORY_CASA, 100);
    q.nimsize = 3;
    assert_fails(pclean_estimate_worker_memory_gib(&q, &gib, &err), PCLEAN_EPARAM,
                 "imsize has 3 values");
    q = request(2, 100);
    assert_fails(pclean_estimate_worker_memory_gib(&q, &gib, &err), PCLEAN_EPARAM,
                 "no memory model 2");
    for (int model = 0; model < 2; model++) {
        q = request(model, 100);
        assert_fails(pclean_estimate_peak_ram_gib(0, &q, &gib, &err), PCLEAN_EPARAM, "nworkers=0");
        assert_fails(pclean_estimate_memory(&q, -1, &ram, &e, &err), PCLEAN_EPARAM, "nworkers=-1");
        const double bad[] = {NAN, -1, INFINITY, 1e300};
        for (size_t i = 0; i < 4; i++)
            assert_fails(pclean_recommend_nworkers(&bad[i], &q, &n, &err), PCLEAN_EPARAM,
                         "available RAM");
        assert_int_equal(n, 0);
        const double factor[] = {0, -0.5, 1.0000001, NAN, INFINITY};
        for (size_t i = 0; i < 5; i++) {
            q.ram_safety_factor = factor[i];
            assert_fails(pclean_recommend_nworkers(&ram, &q, &n, &err), PCLEAN_EPARAM,
                         "ram_safety_factor=");
        }
    }
    q = request(PCLEAN_MEMORY_NATIVE, 70000);
    assert_fails(pclean_estimate_worker_memory_gib(&q, &gib, &err), PCLEAN_EPARAM,
                 "more than 2^32");
    q = request(PCLEAN_MEMORY_NATIVE, 100);
    q.gridder = "awproject";
    assert_fails(pclean_estimate_worker_memory_gib(&q, &gib, &err), PCLEAN_EUNSUPPORTED, "gridder");
    assert_fails(pclean_parse_ram_gib("64 parsec", &gib, &err), PCLEAN_EPARAM, "64 parsec");
    assert_fails(pclean_parse_ram_gib("-1GiB", &gib, &err), PCLEAN_EPARAM, "above 0");
    assert_fails(pclean_parse_ram_gib("nan", &gib, &err), PCLEAN_EPARAM, "nan");
    assert_ok(pclean_parse_ram_gib("512 MiB", &gib, &err));
    assert_true(gib == 0.5);
    assert_ok(pclean_parse_ram_gib("3", &gib, &err));
    assert_true(gib == 3);
}

/* Numbers of any size: a finite, positive answer that grows with each of them, or a sentence. */
static void any_numbers(void **state) {
    (void)state;
    static const int64_t numbers[] = {INT64_MIN,  -1,
                                      0,          1,
                                      2,          3,
                                      100,        4096,
                                      65536,      92682,
                                      INT32_MAX,  (int64_t)1 << 32,
                                      3037000500, (int64_t)1 << 62,
                                      INT64_MAX};
    const size_t n = sizeof numbers / sizeof *numbers;
    static const char *const gridders[] = {"standard", "wproject", "mosaic", "nonsense"};
    static const double rams[] = {0, 1e-300, 0.5, 64, 1e12};
    srand(5);
    size_t answers = 0;
    for (int i = 0; i < 20000; i++) {
        pclean_memory_request q;
        pclean_memory_request_init(&q, sizeof q);
        q.model = rand() % 2;
        q.nimsize = 1 + (size_t)rand() % 2;
        q.imsize[0] = numbers[(size_t)rand() % n];
        q.imsize[1] = numbers[(size_t)rand() % n];
        q.nchan_per_task = rand() % 2 ? 1 : numbers[(size_t)rand() % n];
        q.nterms = rand() % 2 ? 1 : numbers[(size_t)rand() % n];
        q.nfields = rand() % 2 ? 1 : numbers[(size_t)rand() % n];
        q.gridder = gridders[rand() % 4];
        q.deconvolver = rand() % 2 ? "hogbom" : "mtmfs";
        const int64_t nworkers = numbers[(size_t)rand() % n];
        const double ram = rams[rand() % 5];
        pclean_memory_estimate *e = NULL;
        pclean_err err;
        if (pclean_estimate_memory(&q, nworkers, &ram, &e, &err)) {
            assert_true(*err.msg && !e);
            continue;
        }
        answers++;
        const double npixel =
            (double)q.imsize[0] * (double)q.imsize[q.nimsize - 1] / (1024.0 * 1024 * 1024);
        assert_true(isfinite(e->peak_gib) &&
                    e->worker_gib > (q.model ? 20 : 76 * (double)q.nchan_per_task) * npixel);
        assert_true(e->peak_gib >= e->worker_gib * (1 - 1e-9) - 0.001);
        assert_true(e->recommended_nworkers >= 1 &&
                    (double)e->recommended_nworkers * e->worker_gib <=
                        fmax(ram, e->worker_gib) * (1 + 1e-9));
        pclean_memory_estimate_free(e);
    }
    assert_true(answers > 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(casa_is_the_python_pclean_to_the_last_bit),
        cmocka_unit_test(defaults_are_the_specifications),
        cmocka_unit_test(buffers_add_up),
        cmocka_unit_test(native_is_the_budget_of_a_run),
        cmocka_unit_test(bad_numbers_are_named),
        cmocka_unit_test(any_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
