/* The common beam: it holds all beams, is the smallest that does (by symmetry, by search, beside
 * CASA's in tests/golden/make_commonbeam.py), and does not depend on the beams' order. */
#include "core/commonbeam.h"

#include <math.h>
#include <stdlib.h>

#include "random.h"
#include "unit/check.h"

#define ARCSEC (M_PI / 180 / 3600)
#define DEGREE (M_PI / 180)

static double area(const pcl_beam *b) {
    return b->major_rad * b->minor_rad;
}

static bool is_same(const pcl_beam *a, const pcl_beam *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

/* How far the beams stick out at most, less 1. */
static double excess(const pcl_beam *beam, size_t n, const pcl_beam *holder) {
    double most = 0;
    for (size_t i = 0; i < n; i++)
        if (beam[i].major_rad > 0)
            most = fmax(most, pcl_commonbeam_ratio(&beam[i], holder));
    return most - 1;
}

static void one_beam_is_its_own(void **state) {
    (void)state;
    const pcl_beam b = {5 * ARCSEC, 3 * ARCSEC, 0.4}, none = {0, 0, 0};
    /* with others inside it, twice, with planes without a beam */
    const pcl_beam some[] = {none, {2.9 * ARCSEC, 2 * ARCSEC, 1.2}, b, {4 * ARCSEC, ARCSEC, 0.4}, b,
                             none};
    pcl_beam found;
    assert_true(pcl_commonbeam_find(&b, 1, &found) && is_same(&found, &b));
    assert_true(pcl_commonbeam_find(some, 6, &found) && is_same(&found, &b));
    assert_false(pcl_commonbeam_find(&none, 1, &found));
    assert_true(is_same(&found, &none));
    assert_false(pcl_commonbeam_find(NULL, 0, &found));
}

/* Where one is a circle, the smallest around both has the axes of the other one, as long as the
 * longer. So for any two, in coordinates in which one is a circle. */
static void two_beams(void **state) {
    (void)state;
    const pcl_beam round = {5, 5, 0}, oval = {8, 2, 0.3};
    pcl_beam found, both[2] = {round, oval};
    assert_true(pcl_commonbeam_find(both, 2, &found));
    assert_true(fabs(area(&found) / 40 - 1) <
                1e-8); /* what is flat at the bottom is known less well */
    assert_true(fabs(found.major_rad - 8) < 1e-4 && fabs(found.minor_rad - 5) < 1e-4 &&
                fabs(found.pa_rad - 0.3) < 1e-4);
    both[0] = (pcl_beam){8, 2, 0};
    both[1] = (pcl_beam){8, 2, M_PI_2}; /* a cross */
    assert_true(pcl_commonbeam_find(both, 2, &found));
    assert_true(fabs(area(&found) / 64 - 1) < 1e-8);
    /* three at 60 degrees: a circle, by symmetry */
    const pcl_beam three[] = {{8, 2, 0}, {8, 2, M_PI / 3}, {8, 2, -M_PI / 3}};
    assert_true(pcl_commonbeam_find(three, 3, &found));
    assert_true(fabs(found.major_rad - 8) < 1e-4 && fabs(found.minor_rad - 8) < 1e-4);
}

static size_t random_beams(pcl_beam *beam, double spread) {
    const size_t n = 1 + (size_t)(40 * random_uniform());
    for (size_t i = 0; i < n; i++) {
        const double major = exp(spread * (random_uniform() - 0.5));
        beam[i] = (pcl_beam){major, major / (1 + spread * random_uniform()),
                             M_PI * (random_uniform() - 0.5)};
    }
    return n;
}

/* A beam is sought that holds all and has less area: none is smaller by more than the steps of the
 * search explain. */
static double search(const pcl_beam *beam, size_t n, const pcl_beam *found) {
    double least = area(found);
    for (int a = -10; a <= 10; a++)
        for (int q = -10; q <= 10; q++)
            for (int p = -10; p <= 10; p++) {
                pcl_beam b = {found->major_rad * (1 + 0.004 * a),
                              found->minor_rad * (1 + 0.004 * q), found->pa_rad + 0.02 * p};
                const double scale = 1 + excess(beam, n, &b); /* it holds all then */
                b.major_rad *= scale;
                b.minor_rad *= scale;
                least = fmin(least, area(&b));
            }
    return least;
}

static void random_sets(void **state) {
    (void)state;
    static const double spreads[] = {1e-6, 1e-3, 0.1, 1, 3};
    pcl_beam beam[41], found, again, by;
    for (size_t t = 0; t < 200; t++) {
        const size_t n = random_beams(beam, spreads[t % 5]);
        assert_true(pcl_commonbeam_find(beam, n, &found));
        assert_true(found.major_rad >= found.minor_rad && found.minor_rad > 0);
        assert_true(excess(beam, n, &found) < 1e-12);
        for (size_t i = 0; i < n; i++) { /* the Gaussian in between is there, or nearly a line */
            const pcl_beam wider = {found.major_rad * (1 + 1e-9), found.minor_rad * (1 + 1e-9),
                                    found.pa_rad};
            assert_true(pcl_beam_between(&beam[i], &wider, &by));
        }
        for (size_t i = n; i-- > 1;) { /* shuffled */
            const size_t k = (size_t)(random_uniform() * (double)(i + 1));
            const pcl_beam b = beam[i];
            beam[i] = beam[k];
            beam[k] = b;
        }
        assert_true(pcl_commonbeam_find(beam, n, &again) && is_same(&found, &again));
        if (t % 20 < 5)
            assert_true(search(beam, n, &found) > area(&found) * (1 - 1e-7));
    }
}

/* Never larger than CASA's, and equal to it where one beam holds all. */
static void casas_sets(void **state) {
    (void)state;
    FILE *in = fopen(PCLEAN_TEST_GOLDEN "/commonbeam.tsv", "r");
    pcl_beam beam[20], found;
    char line[200];
    size_t n = 0, nset = 0, nequal = 0;
    double most = 0, least = 2;
    assert_non_null(in);
    while (fgets(line, sizeof line, in)) {
        double major, minor, pa;
        if (sscanf(line, "%*s %lf %lf %lf", &major, &minor, &pa) != 3)
            continue;
        const pcl_beam b = {major * ARCSEC, minor * ARCSEC, pa * DEGREE};
        if (strncmp(line, "common", 6) != 0) {
            beam[n++] = b;
            continue;
        }
        assert_int_equal(n, 20);
        assert_true(pcl_commonbeam_find(beam, n, &found));
        assert_true(excess(beam, n, &found) < 1e-12);
        const double ratio = area(&found) / area(&b);
        most = fmax(most, ratio);
        least = fmin(least, ratio);
        nequal += fabs(ratio - 1) < 1e-9;
        nset++;
        n = 0;
    }
    fclose(in);
    print_message("%zu sets: area %.4f to %.9f of CASA's, %zu equal\n", nset, least, most, nequal);
    assert_int_equal(nset, 100);
    assert_true(most < 1 + 1e-8 && nequal > 10);
}

/* What a header does to it: arcsec and degrees, and back. */
static void rounded_beams_come_back(void **state) {
    (void)state;
    for (size_t t = 0; t < 10000; t++) {
        const double major = exp(-30 * random_uniform()),
                     pa = t % 10 ? M_PI * (random_uniform() - 0.5) : M_PI_2 * (t % 20 ? 1 : -1);
        const pcl_beam b = {major, major * random_uniform(), pa},
                       rounded = pcl_commonbeam_round(&b);
        const pcl_beam read = {rounded.major_rad / ARCSEC * ARCSEC,
                               rounded.minor_rad / (M_PI / 648000) * ARCSEC,
                               rounded.pa_rad * (180 / M_PI) * DEGREE};
        const pcl_beam again = pcl_commonbeam_round(&read);
        assert_true(is_same(&rounded, &again));
        assert_true(fabs(rounded.major_rad / b.major_rad - 1) < 1e-11 &&
                    fabs(rounded.pa_rad - b.pa_rad) < 1e-11 && fabs(rounded.pa_rad) <= M_PI_2);
    }
}

/* A channel with hardly any data, and a band so wide that the beams double: only the first is
 * worth a word. */
static void outliers(void **state) {
    (void)state;
    enum { N = 100 };
    pcl_beam beam[N], work[N], common;
    pcl_commonbeam_spread spread;
    for (size_t i = 0; i < N; i++)
        beam[i] = (pcl_beam){1 + 0.01 * (double)i, 0.8 + 0.008 * (double)i, 0.2};
    assert_true(pcl_commonbeam_find(beam, N, &common));
    pcl_commonbeam_judge(beam, N, N / 20, &common, work, &spread);
    assert_true(spread.above_median > 1.5);
    assert_false(pcl_commonbeam_is_spoilt(&spread));
    for (size_t i = 0; i < N; i++)
        beam[i] = (pcl_beam){1 + 0.001 * (double)i, 0.8, 0.2};
    beam[0] = (pcl_beam){3, 1, 1};
    beam[99] = (pcl_beam){0, 0, 0};
    assert_true(pcl_commonbeam_find(beam, N, &common));
    pcl_commonbeam_judge(beam, N, N / 20, &common, work, &spread);
    assert_true(pcl_commonbeam_is_spoilt(&spread));
    for (size_t i = 0; i < N; i++)
        assert_int_equal(pcl_commonbeam_is_outlier(&spread, &beam[i]), i == 0);
    assert_true(pcl_commonbeam_find(beam, 6, &common)); /* of a few channels, too */
    pcl_commonbeam_judge(beam, 6, 1, &common, work, &spread);
    assert_true(pcl_commonbeam_is_spoilt(&spread));
    pcl_commonbeam_judge(beam, 1, 1, &common, work, &spread); /* one is usual */
    assert_false(pcl_commonbeam_is_spoilt(&spread));
    assert_false(pcl_commonbeam_is_outlier(&spread, &beam[0]));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_beam_is_its_own),
                                       cmocka_unit_test(two_beams),
                                       cmocka_unit_test(random_sets),
                                       cmocka_unit_test(casas_sets),
                                       cmocka_unit_test(rounded_beams_come_back),
                                       cmocka_unit_test(outliers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
