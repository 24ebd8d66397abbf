#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/weight.h"
#include "random.h"

enum { N = 500, NX = 32, NY = 24 };
static const double cellx = 1e-4, celly = 2e-4;

static void samples(double *u, double *v, float *w, double reach) {
    for (size_t i = 0; i < N; i++) {
        u[i] = (random_uniform() - 0.5) * reach / cellx;
        v[i] = (random_uniform() - 0.5) * reach / celly;
        w[i] = (float)(0.5 + random_uniform());
    }
}

/* Uniform weights give every occupied cell the same total: each sample's w / D sums to 1/2 over a
 * cell and its mirror. */
static void uniform_weights_flatten_the_plane(void **state) {
    (void)state;
    double u[N], v[N];
    float w[N];
    pcl_density d;
    pclean_err err;
    assert_int_equal(
        pcl_density_init(&d, &(pcl_raster){NX, NY, cellx, celly}, PCL_DENSITY_ROUND, 1, 0, &err),
        0);
    samples(u, v, w, 0.8);
    pcl_density_add(&d, N, u, v, w);
    pcl_density_finish_uniform(&d);
    double before = 0, after = 0, occupied = 0;
    for (size_t i = 0; i < N; i++)
        before += 2 * (double)w[i];
    assert_true(fabs(d.sumwt - before) < 1e-5 * before);
    for (size_t i = 0; i < NX * NY; i++)
        occupied += d.sum[i] > 0;
    pcl_density_apply(&d, N, u, v, w);
    for (size_t i = 0; i < N; i++)
        after += 2 * (double)w[i];
    assert_true(fabs(after - occupied) < 1e-3 * occupied);
    pcl_density_clear(&d);
}

static void briggs_goes_from_uniform_to_natural(void **state) {
    (void)state;
    double u[N], v[N];
    float natural[N], w[N], uniform[N];
    pcl_density d;
    pclean_err err;
    samples(u, v, natural, 0.8);
    assert_int_equal(
        pcl_density_init(&d, &(pcl_raster){NX, NY, cellx, celly}, PCL_DENSITY_ROUND, 1, 0, &err),
        0);
    pcl_density_add(&d, N, u, v, natural);
    pcl_density_finish_uniform(&d);
    for (size_t i = 0; i < N; i++)
        uniform[i] = natural[i];
    pcl_density_apply(&d, N, u, v, uniform);
    for (int robust = -6; robust <= 6; robust += 12) {
        pcl_density_finish_briggs(&d, robust);
        for (size_t i = 0; i < N; i++)
            w[i] = natural[i];
        pcl_density_apply(&d, N, u, v, w);
        const float *like = robust < 0 ? uniform : natural;
        for (size_t i = 1; i < N; i++)
            assert_true(fabs((double)(w[i] / w[0]) - (double)(like[i] / like[0])) <
                        1e-3 * (double)(like[i] / like[0]));
    }
    pcl_density_clear(&d);
}

static void samples_outside_get_no_weight(void **state) {
    (void)state;
    pcl_density d;
    pclean_err err;
    const double u[] = {0, 0.49 / cellx, -0.5 / cellx, 0.7 / cellx}, v[] = {0, 0, 0, 0};
    for (int cell = PCL_DENSITY_TRUNCATE; cell <= PCL_DENSITY_ROUND; cell++) {
        float w[] = {1, 1, 1, 1};
        assert_int_equal(pcl_density_init(&d, &(pcl_raster){NX, NY, cellx, celly},
                                          (enum pcl_density_cell)cell, 1, 0, &err),
                         0);
        pcl_density_add(&d, 4, u, v, w);
        pcl_density_finish_briggs(&d, 0);
        pcl_density_apply(&d, 4, u, v, w);
        assert_true(w[0] > 0);
        assert_true(w[3] == 0);
        pcl_density_clear(&d);
    }
}

/* The cell by tclean's rules of (u, v), or of its mirror; false: it has none. */
static bool plain_cell(enum pcl_density_cell cell, double u, double v, int side, int at[2]) {
    const double x = side * NX * cellx * u, y = -side * NY * celly * v;
    const bool truncate = cell == PCL_DENSITY_TRUNCATE;
    const double column = truncate ? trunc(NX / 2 - x) : floor(x + NX / 2 + 0.5),
                 row = truncate ? trunc(NY / 2 - y) : floor(y + NY / 2 + 0.5);
    at[0] = (int)column;
    at[1] = (int)row;
    return column > 0 && column < NX && row > 0 && row < NY;
}

/* The density by tclean's rules, sample by sample and cell by cell of its box. */
static void plain_density(enum pcl_density_cell cell, int box, size_t n, const double *u,
                          const double *v, const float *w, float *sum) {
    const bool truncate = cell == PCL_DENSITY_TRUNCATE;
    const float share = truncate ? 1 : 1 / (float)((2 * box + 1) * (2 * box + 1));
    for (size_t i = 0; i < n; i++)
        for (int side = 1; side >= -1; side -= 2) {
            int at[2];
            if (!(w[i] > 0) || !plain_cell(cell, u[i], v[i], side, at))
                continue;
            const bool fits = at[0] > box && at[0] + box < NX && at[1] > box && at[1] + box < NY;
            for (int y = at[1] - box; y <= at[1] + box && (fits || !truncate); y++)
                for (int x = at[0] - box; x <= at[0] + box; x++)
                    if (x >= 0 && x < NX && y >= 0 && y < NY)
                        sum[y * NX + x] += share * (2 * w[i]);
        }
}

enum kind { UNIFORM, BRIGGS, BRIGGSABS, BRIGGSBWTAPER, NKIND };

static void finish(pcl_density *d, enum kind kind) {
    pcl_density_spread(d);
    if (kind == BRIGGS)
        pcl_density_finish_briggs(d, 0.5);
    else if (kind == BRIGGSABS)
        pcl_density_finish_briggsabs(d, -0.7, 1.3);
    else if (kind == BRIGGSBWTAPER)
        pcl_density_finish_briggsbwtaper(d, 0.5, 0.2);
    else
        pcl_density_finish_uniform(d);
}

/* Random samples, a tenth of them without weight, some outside the grid. */
static void many_samples(size_t n, double *u, double *v, float *w) {
    for (size_t i = 0; i < n; i++) {
        u[i] = (random_uniform() - 0.5) * 1.1 / cellx;
        v[i] = (random_uniform() - 0.5) * 1.1 / celly;
        w[i] = random_uniform() < 0.1 ? 0 : (float)random_uniform();
    }
}

/* The divisor of the natural weight, written out (docs/algorithms.md). */
static double plain_divisor(enum kind kind, const float *density, double per_weight, size_t at,
                            double cells) {
    double square = 0;
    for (size_t i = 0; i < NX * NY; i++)
        square += (double)density[i] * (double)density[i];
    const double D = (double)density[at], f2 = 2.5 / (square / per_weight), b = 0.2 * cells;
    switch (kind) {
    case BRIGGS:
        return D * f2 + 1;
    case BRIGGSABS:
        return D * 0.49 + 2 * 1.3 * 1.3;
    case BRIGGSBWTAPER:
        return D * f2 / (b + 0.5 >= 1.5 ? b + 0.5 : (4 - b) / (4 - 2 * b)) + 1;
    default:
        return D;
    }
}

static void check_formula(enum pcl_density_cell cell, size_t box, enum kind kind, size_t n,
                          const double *u, const double *v, const float *natural) {
    float plain[NX * NY] = {0}, w[N];
    pcl_density d;
    pclean_err err;
    assert_int_equal(pcl_density_init(&d, &(pcl_raster){NX, NY, cellx, celly}, cell, 2, box, &err),
                     0);
    memcpy(w, natural, sizeof w);
    pcl_density_add(&d, n, u, v, w);
    plain_density(cell, (int)box, n, u, v, natural, plain);
    const double per_weight = d.sumwt;
    finish(&d, kind);
    for (size_t i = 0; i < NX * NY; i++)
        assert_true(fabs((double)(d.sum[i] - plain[i])) <= 1e-5 * (double)plain[i]);
    pcl_density_apply(&d, n, u, v, w);
    size_t nweighted = 0;
    for (size_t i = 0; i < n; i++) {
        int at[2];
        const bool inside = plain_cell(cell, u[i], v[i], 1, at);
        const size_t place = inside ? (size_t)(at[1] * NX + at[0]) : 0;
        double want = 0;
        if (inside && natural[i] > 0 && plain[place] > 0)
            want = (double)natural[i] / plain_divisor(kind, plain, per_weight, place,
                                                      hypot(NX * cellx * u[i], NY * celly * v[i]));
        assert_true(fabs((double)w[i] - want) <= 2e-5 * want);
        nweighted += want > 0;
    }
    assert_true(nweighted > n / 3 && nweighted < n);
    pcl_density_clear(&d);
}

/* Every kind of weights, cell and box is its formula; distances reach both sides of the step of
 * briggsbwtaper's. */
static void weights_are_their_formulas(void **state) {
    (void)state;
    double u[N], v[N];
    float w[N];
    many_samples(N, u, v, w);
    for (int cell = PCL_DENSITY_TRUNCATE; cell <= PCL_DENSITY_ROUND; cell++)
        for (size_t box = 0; box <= 3; box++)
            for (int kind = 0; kind < NKIND; kind++)
                check_formula((enum pcl_density_cell)cell, box, (enum kind)kind, N, u, v, w);
}

/* tclean's .sumwt of two samples, weights 2 and 6, as many cells apart (docs/algorithms.md): a box
 * that does and one that does not reach; both kinds of grid. */
static void two_samples_share_a_box(void **state) {
    (void)state;
    static const struct {
        enum pcl_density_cell cell;
        int apart;
        size_t box;
        double sumwt;
    } is[] = {{PCL_DENSITY_TRUNCATE, 3, 3, 2}, {PCL_DENSITY_TRUNCATE, 4, 3, 4},
              {PCL_DENSITY_TRUNCATE, 1, 1, 2}, {PCL_DENSITY_TRUNCATE, 2, 1, 4},
              {PCL_DENSITY_ROUND, 1, 0, 2},    {PCL_DENSITY_ROUND, 1, 1, 9},
              {PCL_DENSITY_ROUND, 2, 1, 18},   {PCL_DENSITY_ROUND, 2, 2, 25},
              {PCL_DENSITY_ROUND, 3, 2, 50}};
    for (size_t k = 0; k < sizeof is / sizeof *is; k++) {
        const bool truncate = is[k].cell == PCL_DENSITY_TRUNCATE;
        const double at = truncate ? 5.5 : 5;
        const double u[] = {at / (NX * cellx), (at + is[k].apart) / (NX * cellx)},
                     v[] = {at / (NY * celly), at / (NY * celly)};
        float w[] = {2, 6};
        pcl_density d;
        pclean_err err;
        assert_int_equal(pcl_density_init(&d, &(pcl_raster){NX, NY, cellx, celly}, is[k].cell,
                                          truncate ? 1 : 2, is[k].box, &err),
                         0);
        pcl_density_add(&d, 2, u, v, w);
        finish(&d, UNIFORM);
        pcl_density_apply(&d, 2, u, v, w);
        assert_true(fabs(2 * (double)(w[0] + w[1]) - is[k].sumwt) < 1e-5);
        pcl_density_clear(&d);
    }
}

/* briggsabs is natural at robust 0 and uniform without noise, but for a factor; briggsbwtaper of
 * one channel is briggs, bit for bit. */
static void kinds_meet_at_their_limits(void **state) {
    (void)state;
    double u[N], v[N];
    float w[N], natural[N], uniform[N], briggs[N];
    pcl_density d;
    pclean_err err;
    many_samples(N, u, v, w);
    assert_int_equal(
        pcl_density_init(&d, &(pcl_raster){NX, NY, cellx, celly}, PCL_DENSITY_ROUND, 1, 0, &err),
        0);
    pcl_density_add(&d, N, u, v, w);
#define WEIGH(out, ...)                                                                            \
    (pcl_density_finish_##__VA_ARGS__, memcpy(out, w, sizeof w),                                   \
     pcl_density_apply(&d, N, u, v, out))
    WEIGH(uniform, uniform(&d));
    WEIGH(natural, briggsabs(&d, 0, 2));
    for (size_t i = 0; i < N; i++)
        assert_true(natural[i] == (uniform[i] > 0 ? w[i] / 8 : 0));
    WEIGH(natural, briggsabs(&d, -2, 1e-6));
    for (size_t i = 0; i < N; i++)
        assert_true(fabs((double)(4 * natural[i] - uniform[i])) <= 1e-6 * (double)uniform[i]);
    WEIGH(briggs, briggs(&d, 0.5));
    WEIGH(natural, briggsbwtaper(&d, 0.5, 0));
#undef WEIGH
    assert_memory_equal(natural, briggs, sizeof briggs);
    pcl_density_clear(&d);
}

static void radial_weights_are_distances(void **state) {
    (void)state;
    const double u[] = {0, 3000, -30}, v[] = {0, -4000, 40};
    float w[] = {5, 2, 0};
    pcl_radial_apply(3, u, v, w);
    assert_true(w[0] == 0 && w[1] == 10000 && w[2] == 0);
}

static void check_threads(enum pcl_density_cell cell, size_t box, enum kind kind, size_t n,
                          const double *u, const double *v, const float *w) {
    const int before = omp_get_max_threads();
    float plain[NX * NY] = {0}, *weight[3];
    plain_density(cell, 0, n, u, v, w, plain);
    for (int t = 0; t < 3; t++) {
        pcl_density d;
        pclean_err err;
        omp_set_num_threads(t + 1);
        assert_int_equal(
            pcl_density_init(&d, &(pcl_raster){NX, NY, cellx, celly}, cell, 2, box, &err), 0);
        pcl_density_add(&d, n, u, v, w);
        assert_memory_equal(d.sum, plain, sizeof plain);
        finish(&d, kind);
        weight[t] = malloc(n * sizeof *w);
        memcpy(weight[t], w, n * sizeof *w);
        pcl_density_apply(&d, n, u, v, weight[t]);
        assert_memory_equal(weight[t], weight[0], n * sizeof *w);
        pcl_density_clear(&d);
    }
    for (int t = 0; t < 3; t++)
        free(weight[t]);
    omp_set_num_threads(before);
}

static void threads_change_nothing(void **state) {
    (void)state;
    enum { MANY = 150001 }; /* more than two groups */
    double *u = malloc(MANY * sizeof *u), *v = malloc(MANY * sizeof *v);
    float *w = malloc(MANY * sizeof *w);
    many_samples(MANY, u, v, w);
    for (int cell = PCL_DENSITY_TRUNCATE; cell <= PCL_DENSITY_ROUND; cell++) {
        check_threads((enum pcl_density_cell)cell, 0, BRIGGS, MANY, u, v, w);
        check_threads((enum pcl_density_cell)cell, 2, BRIGGSBWTAPER, MANY, u, v, w);
    }
    free(u);
    free(v);
    free(w);
}

static void tapers_are_half_where_they_should_be(void **state) {
    (void)state;
    float w[] = {1, 1, 1};
    const double u[] = {0, 1000, 0}, v[] = {0, 0, 2000};
    pcl_taper t = pcl_taper_uv(2000, 1000, 0); /* major axis to the north: along v */
    pcl_taper_apply(&t, 3, u, v, w);
    assert_true(fabs((double)w[0] - 1) < 1e-7 && fabs((double)w[1] - 0.5) < 1e-6 &&
                fabs((double)w[2] - 0.5) < 1e-6);
    /* a sky Gaussian of FWHM theta has its half maximum at 2 ln2 / (pi theta) wavelengths */
    const double theta = 1e-4, half = 2 * log(2) / (M_PI * theta);
    float x = 1;
    t = pcl_taper_sky(theta, theta, 0.3);
    pcl_taper_apply(&t, 1, &half, &(double){0}, &x);
    assert_true(fabs((double)x - 0.5) < 1e-6);
    /* metres and wavelengths differ in what u and v are given in */
    const pcl_taper baseline = pcl_taper_baseline(2000, 1000, 0);
    assert_true(baseline.metres && !t.metres && baseline.on);
    float y[] = {1, 1, 1};
    pcl_taper_apply(&baseline, 3, u, v, y);
    assert_memory_equal(y, w, sizeof w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uniform_weights_flatten_the_plane),
        cmocka_unit_test(briggs_goes_from_uniform_to_natural),
        cmocka_unit_test(samples_outside_get_no_weight),
        cmocka_unit_test(weights_are_their_formulas),
        cmocka_unit_test(two_samples_share_a_box),
        cmocka_unit_test(kinds_meet_at_their_limits),
        cmocka_unit_test(radial_weights_are_distances),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(tapers_are_half_where_they_should_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
