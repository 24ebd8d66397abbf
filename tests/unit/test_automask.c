/* Automatic masks: CASA's own, pixel for pixel (tests/golden/make_automask.py); what holds for any
 * plane; bad input. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>

#include "core/clean/automask.h"
#include "core/stats.h"
#include "random.h"
#include "unit/check.h"

enum { SIDE = 128, N = SIDE * SIDE };

static void *read_golden(const char *name, size_t bytes) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", PCLEAN_TEST_GOLDEN, name);
    FILE *f = fopen(path, "rb");
    void *data = malloc(bytes);
    if (!f || !data || fread(data, 1, bytes, f) != bytes)
        fail_msg("cannot read %s", path);
    fclose(f);
    return data;
}

/* ---- CASA's masks ---- */

/* One row of automask.tsv. */
typedef struct golden_case {
    char name[16];
    int plane, nplane, ncycle, prune_grown, fast;
    double threshold, pbmask, beam[3], sidelobe;
    pcl_automask_params p;
} golden_case;

static bool read_case(FILE *f, golden_case *g) {
    char line[512];
    pcl_automask_params *p = &g->p;
    memset(g, 0, sizeof *g);
    if (!fgets(line, sizeof line, f))
        return false;
    assert_int_equal(
        sscanf(line,
               "%15s %d %d %d %lf %lf %lf %lf %lf %lf %lf %lf %d %d %lf %d %lf %lf %lf %lf %lf",
               g->name, &g->plane, &g->nplane, &g->ncycle, &g->threshold, &p->sidelobethreshold,
               &p->noisethreshold, &p->lownoisethreshold, &p->negativethreshold, &p->smoothfactor,
               &p->minbeamfrac, &p->cutthreshold, &p->growiterations, &g->prune_grown,
               &p->minpercentchange, &g->fast, &g->pbmask, &g->beam[0], &g->beam[1], &g->beam[2],
               &g->sidelobe),
        21);
    p->dogrowprune = g->prune_grown;
    p->fastnoise = g->fast;
    return true;
}

/* residual -= flux PSF about pixel (x, y). */
static void subtract(double *residual, const int16_t *psf, int x, int y, double flux) {
    for (int j = 0; j < SIDE; j++)
        for (int i = 0; i < SIDE; i++) {
            const int px = i - x + SIDE / 2, py = j - y + SIDE / 2;
            if (px >= 0 && py >= 0 && px < SIDE && py < SIDE)
                residual[j * SIDE + i] -= flux * psf[py * SIDE + px] / 16384;
        }
}

/* The components that CASA found in one cycle of one plane. */
static void subtract_cycle(double *residual, const int16_t *psf, const char *name, int cycle,
                           int plane) {
    char path[512], line[256], which[16];
    snprintf(path, sizeof path, "%s/automask_model.tsv", PCLEAN_TEST_GOLDEN);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        int c, p, y, x;
        double flux;
        if (sscanf(line, "%15s %d %d %d %d %lf", which, &c, &p, &y, &x, &flux) == 6 &&
            strcmp(which, name) == 0 && c == cycle && p == plane)
            subtract(residual, psf, x, y, flux);
    }
    fclose(f);
}

/* tclean's: the primary beam of make_automask.py above pblimit 0.2, or above pbmask. */
static void fill_valid(bool *valid, double limit) {
    for (int i = 0; i < N; i++) {
        const double x = i % SIDE - SIDE / 2, y = i / SIDE - SIDE / 2;
        valid[i] = exp(-4 * M_LN2 * (x * x + y * y) / (70 * 70)) > limit;
    }
}

static size_t differing(const bool *mask, const unsigned char *bits) {
    size_t n = 0;
    for (size_t i = 0; i < N; i++)
        n += mask[i] != (bits[i / 8] >> (i % 8) & 1);
    return n;
}

static bool reaches_threshold(const golden_case *g, const float *residual, const bool *mask) {
    const double fraction = fmin(fmax(g->sidelobe, 0.05), 0.8);
    return fraction * (double)pcl_stats_peak(residual, mask, N) <= g->threshold;
}

/* The cycles of one plane, each mask held against CASA's; returns how many. */
static size_t check_plane(const golden_case *g, const int16_t *planes, int plane,
                          const unsigned char *bits) {
    static double exact[N];
    static float residual[N], work[N];
    static bool valid[N], mask[N], positive[N], scratch[N];
    pclean_err err = {0};
    const pcl_automask_plane p = {.raster = {SIDE, SIDE, 1, 1},
                                  .residual = residual,
                                  .valid = valid,
                                  .mask = mask,
                                  .positive = positive,
                                  .beam = {g->beam[0], g->beam[1], g->beam[2] * M_PI / 180},
                                  .sidelobe = g->sidelobe};
    const pcl_automask_work lent = {work, scratch};
    pcl_automask_result result = {0};
    memset(mask, 0, sizeof mask);
    memset(positive, 0, sizeof positive);
    fill_valid(valid, g->pbmask > 0 ? g->pbmask : 0.2);
    for (int i = 0; i < N; i++)
        exact[i] = planes[(1 + g->plane + plane) * N + i] / 16384.0;
    for (int cycle = 0; cycle < g->ncycle; cycle++) {
        pcl_automask_plane now = p;
        now.grow = cycle > 0;
        now.at_threshold = cycle > 0 && reaches_threshold(g, residual, mask);
        if (cycle > 0)
            subtract_cycle(exact, planes, g->name, cycle, plane);
        for (int i = 0; i < N; i++)
            residual[i] = (float)exact[i];
        if (!result.final)
            assert_ok(pcl_automask_update(&g->p, &now, &lent, &result, &err));
        if (differing(mask, bits + (size_t)cycle * N / 8))
            fail_msg("%s, plane %d, cycle %d: %zu pixels differ from CASA's mask", g->name, plane,
                     cycle, differing(mask, bits + (size_t)cycle * N / 8));
    }
    return (size_t)g->ncycle;
}

static void masks_are_casas(void **state) {
    (void)state;
    enum { NMASK = 75 };
    int16_t *planes = read_golden("automask_planes.i16", 6 * N * sizeof *planes);
    unsigned char *bits = read_golden("automask_mask.bin", NMASK * N / 8);
    char path[512], line[512];
    size_t nmask = 0;
    golden_case g;
    snprintf(path, sizeof path, "%s/automask.tsv", PCLEAN_TEST_GOLDEN);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    while (read_case(f, &g))
        for (int k = 0; k < g.nplane; k++)
            nmask += check_plane(&g, planes, k, bits + nmask * N / 8);
    assert_int_equal(nmask, NMASK);
    fclose(f);
    free(planes);
    free(bits);
}

/* ---- what holds for any plane ---- */

typedef struct made {
    float residual[N], work[N];
    bool valid[N], mask[N], positive[N], scratch[N];
    pcl_automask_plane plane;
    pcl_automask_work lent;
} made;

/* Noise of 1, and `flux` at a round source of 3 pixels in the middle. */
static made *make_plane(double flux) {
    made *m = calloc(1, sizeof *m);
    assert_non_null(m);
    for (int i = 0; i < N; i++) {
        const double x = i % SIDE - SIDE / 2, y = i / SIDE - SIDE / 2;
        m->residual[i] = (float)(random_normal() + flux * exp(-(x * x + y * y) / 8));
        m->valid[i] = true;
    }
    m->plane = (pcl_automask_plane){.raster = {SIDE, SIDE, 1, 1},
                                    .residual = m->residual,
                                    .valid = m->valid,
                                    .mask = m->mask,
                                    .positive = m->positive,
                                    .beam = {5, 3, 0.5},
                                    .sidelobe = 0.1};
    m->lent = (pcl_automask_work){m->work, m->scratch};
    return m;
}

static pcl_automask_result update(made *m, const pcl_automask_params *p) {
    pclean_err err = {0};
    pcl_automask_result r;
    assert_ok(pcl_automask_update(p, &m->plane, &m->lent, &r, &err));
    return r;
}

static void noise_has_no_mask(void **state) {
    (void)state;
    pcl_automask_params p;
    pcl_automask_params_init(&p);
    for (int k = 0; k < 40; k++) {
        made *m = make_plane(0);
        p.fastnoise = k % 2;
        const pcl_automask_result r = update(m, &p);
        assert_true(r.noise && r.npixel == 0 && r.final && fabs(r.sigma - 1) < 0.05);
        free(m);
    }
}

static void masks_never_shrink(void **state) {
    (void)state;
    static bool old[N];
    pcl_automask_params p;
    pcl_automask_params_init(&p);
    p.negativethreshold = 4;
    made *m = make_plane(40), *other = make_plane(12);
    for (int cycle = 0; cycle < 6; cycle++) {
        memcpy(old, m->mask, sizeof old);
        m->plane.residual = cycle % 2 ? other->residual : m->residual;
        m->plane.grow = cycle > 0;
        update(m, &p);
        for (int i = 0; i < N; i++)
            assert_true(old[i] <= m->mask[i] && m->positive[i] <= m->mask[i]);
    }
    assert_true(m->mask[N / 2 + SIDE / 2]);
    free(m);
    free(other);
}

static void no_growth_is_growiterations_zero(void **state) {
    (void)state;
    pcl_automask_params p;
    pcl_automask_params_init(&p);
    made *a = make_plane(40), *b = calloc(1, sizeof *b);
    assert_non_null(b);
    a->plane.sidelobe = 0.01;
    memcpy(b->residual, a->residual, sizeof a->residual);
    memcpy(b->valid, a->valid, sizeof a->valid);
    b->plane = a->plane;
    b->plane.residual = b->residual;
    b->plane.mask = b->mask;
    b->plane.positive = b->positive;
    b->lent = (pcl_automask_work){b->work, b->scratch};
    for (int cycle = 0; cycle < 3; cycle++) {
        update(a, &p); /* grow is false */
        b->plane.grow = true;
        pcl_automask_params none = p;
        none.growiterations = 0;
        update(b, &none);
        assert_memory_equal(a->mask, b->mask, sizeof a->mask);
    }
    a->plane.grow = true;
    const pcl_automask_result r = update(a, &p);
    assert_true(r.npixel > r.nbefore && r.grown.found > 0);
    free(a);
    free(b);
}

static void threads_change_nothing(void **state) {
    (void)state;
    pcl_automask_params p;
    pcl_automask_params_init(&p);
    p.negativethreshold = 3;
    p.fastnoise = false;
    p.noisethreshold = 3;
    made *m = make_plane(30);
    static bool one[N];
    pcl_automask_result r[2];
    for (int k = 0; k < 2; k++) {
        omp_set_num_threads(k ? 3 : 1);
        memset(m->mask, 0, sizeof m->mask);
        memset(m->positive, 0, sizeof m->positive);
        m->plane.grow = false;
        update(m, &p);
        m->plane.grow = true;
        r[k] = update(m, &p);
        if (k == 0)
            memcpy(one, m->mask, sizeof one);
    }
    assert_memory_equal(one, m->mask, sizeof one);
    assert_true(r[0].median == r[1].median && r[0].sigma == r[1].sigma &&
                r[0].threshold == r[1].threshold && r[0].grown.found == r[1].grown.found);
    free(m);
}

/* The noise of a plane with a strong source: over V, without outliers, outside the mask. */
static void noise_is_robust(void **state) {
    (void)state;
    pcl_automask_params p;
    double median, sigma, clipped;
    pcl_automask_params_init(&p);
    made *m = make_plane(0);
    for (int i = 0; i < N; i++)
        if (i % SIDE < SIDE / 4)
            m->residual[i] += 100;
    pcl_automask_noise(&p, &m->plane, &m->lent, &median, &sigma);
    p.fastnoise = false;
    for (int i = 0; i < N; i++)
        m->mask[i] = i % SIDE < SIDE / 4;
    pcl_automask_noise(&p, &m->plane, &m->lent, &median, &clipped);
    assert_true(sigma > 1.2 && fabs(clipped - 1) < 0.05 && fabs(median) < 0.05);
    for (int i = 0; i < N; i++)
        m->residual[i] -= i % SIDE < SIDE / 4 && i % 7 ? 100 : 0;
    memset(m->mask, 0, sizeof m->mask);
    pcl_automask_noise(&p, &m->plane, &m->lent, &median, &clipped);
    assert_true(fabs(clipped - 1) < 0.1);
    free(m);
}

static void minpercentchange_ends_it(void **state) {
    (void)state;
    pcl_automask_params p;
    pcl_automask_params_init(&p);
    p.sidelobethreshold = 0.1;
    made *m = make_plane(20);
    assert_false(update(m, &p).final); /* off */
    p.minpercentchange = 0;
    assert_false(update(m, &p).final); /* the threshold is not reached */
    m->plane.at_threshold = true;
    pcl_automask_result r = update(m, &p);
    assert_true(r.noise && r.npixel == r.nbefore && r.final);
    memset(m->mask, 0, sizeof m->mask);
    memset(m->positive, 0, sizeof m->positive);
    r = update(m, &p);
    assert_true(r.npixel > 0 && r.nbefore == 0 && !r.final);
    free(m);
}

/* ---- bad input ---- */

static void bad_planes(void **state) {
    (void)state;
    pcl_automask_params p;
    pcl_automask_params_init(&p);
    p.negativethreshold = 1;
    made *m = make_plane(40);
    for (int i = 0; i < N; i += 3)
        m->residual[i] = i % 2 ? NAN : INFINITY;
    for (int i = 0; i < N; i++)
        m->valid[i] = i % 3 > 0;
    pcl_automask_result r = update(m, &p);
    assert_true(isfinite(r.sigma) && isfinite(r.threshold) && r.npixel > 0 && r.npixel < N / 2);
    memset(m->valid, 0, sizeof m->valid); /* masked all over */
    r = update(m, &p);
    assert_true(r.npixel == 0 && !r.noise && r.threshold == 0);
    memset(m->residual, 0, sizeof m->residual);
    memset(m->valid, true, sizeof m->valid);
    p.negativethreshold = 0;
    r = update(m, &p); /* nothing but zeros */
    assert_true(r.sigma == 0 && r.npixel == 0);
    free(m);
}

/* Without a beam nothing can be pruned or smoothed: what is above the threshold is the mask. */
static void no_beam(void **state) {
    (void)state;
    pcl_automask_params p;
    pcl_automask_params_init(&p);
    p.minbeamfrac = 2;
    made *m = make_plane(40);
    m->plane.beam = (pcl_beam){0};
    m->plane.sidelobe = 0;
    const pcl_automask_result r = update(m, &p);
    for (int i = 0; i < N; i++)
        assert_true(m->mask[i] == ((double)m->residual[i] > r.threshold));
    assert_true(r.npixel > 0 && r.fresh.pruned == 0);
    free(m);
}

static void too_many_pixels(void **state) {
    (void)state;
    pclean_err err = {0};
    pcl_automask_params p;
    pcl_automask_params_init(&p);
    const pcl_automask_plane huge = {.raster = {100000, 100000, 1, 1}};
    pcl_automask_result r;
    assert_fails(pcl_automask_update(&p, &huge, &(pcl_automask_work){0}, &r, &err),
                 PCLEAN_EUNSUPPORTED, "100000 x 100000");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(masks_are_casas),
                                       cmocka_unit_test(noise_has_no_mask),
                                       cmocka_unit_test(masks_never_shrink),
                                       cmocka_unit_test(no_growth_is_growiterations_zero),
                                       cmocka_unit_test(threads_change_nothing),
                                       cmocka_unit_test(noise_is_robust),
                                       cmocka_unit_test(minpercentchange_ends_it),
                                       cmocka_unit_test(bad_planes),
                                       cmocka_unit_test(no_beam),
                                       cmocka_unit_test(too_many_pixels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
