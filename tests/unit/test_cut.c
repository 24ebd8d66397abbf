#include <stdlib.h>

#include "base/mem.h"
#include "check.h"
#include "plan/cut.h"
#include "random.h"

static pclean_err err;

static size_t any(size_t below) {
    return (size_t)(random_uniform() * (double)below);
}

static void check_cuts(const size_t *cut, size_t n, size_t npart) {
    assert_int_equal(cut[0], 0);
    assert_int_equal(cut[npart], n);
    for (size_t k = 0; k < npart; k++)
        assert_true(cut[k] <= cut[k + 1]);
}

/* Part k has rows k (d + 1) ... of d = R div n; also where the numbers are huge. */
static void rows_follow_casas_rule(void **state) {
    (void)state;
    size_t cut[5001];
    for (int round = 0; round < 2000; round++) {
        const size_t huge = round % 4 == 0, nrow = huge ? SIZE_MAX - any(1000) : any(20000),
                     npart = 1 + any(5000), each = nrow / npart + 1;
        pcl_cut_rows(nrow, npart, cut);
        check_cuts(cut, nrow, npart);
        for (size_t k = 0; k < npart; k++)
            assert_int_equal(cut[k], k <= nrow / each ? k * each : nrow);
    }
    pcl_cut_rows(108360, 7, cut);
    assert_int_equal(cut[1] + 1, 15482);
    assert_int_equal(cut[6] + 1, 92887);
}

static void how_many_parts(void **state) {
    (void)state;
    assert_int_equal(pcl_cut_check(1, &err), 0);
    assert_int_equal(pcl_cut_check(PCL_CUT_MOST, &err), 0);
    assert_int_equal(pcl_cut_check(0, &err), -PCLEAN_EPARAM);
    assert_int_equal(pcl_cut_check(-3, &err), -PCLEAN_EPARAM);
    assert_int_equal(pcl_cut_check(PCL_CUT_MOST + 1, &err), -PCLEAN_EPARAM);
}

static void channels_differ_by_one_at_most(void **state) {
    (void)state;
    size_t cut[301];
    for (size_t nchan = 1; nchan < 300; nchan += 7)
        for (size_t npart = 1; npart <= 300; npart += 3) {
            pcl_cut_channels(nchan, npart, cut);
            check_cuts(cut, nchan, npart);
            for (size_t k = 0; k < npart; k++)
                assert_int_equal(cut[k + 1] - cut[k], nchan / npart + (k < nchan % npart));
        }
}

/* No part is heavier than its share and one thing more, none is empty while there are things
 * enough. */
static void weights_are_shared(void **state) {
    (void)state;
    uint64_t weight[500];
    size_t cut[601];
    for (int round = 0; round < 2000; round++) {
        const size_t n = any(500), npart = 1 + any(n ? n + 20 : 20);
        uint64_t total = 0, heaviest = 0;
        for (size_t i = 0; i < n; i++) {
            weight[i] = round % 3 == 0 ? 0 : round % 3 == 1 ? any(1000) : (uint64_t)any(3) << 61;
            weight[i] = round % 3 == 2 ? weight[i] / 4 : weight[i];
            heaviest = weight[i] > heaviest ? weight[i] : heaviest;
            total += round % 3 == 1 ? weight[i] : 0;
        }
        pcl_cut_weights(n, weight, npart, cut);
        check_cuts(cut, n, npart);
        for (size_t k = 0; k < npart; k++) {
            uint64_t sum = 0;
            for (size_t i = cut[k]; i < cut[k + 1]; i++)
                sum += weight[i];
            assert_true(npart > n || cut[k + 1] > cut[k]);
            assert_true(round % 3 != 1 || cut[k + 1] - cut[k] <= 1 || 10 * npart > n ||
                        sum <= total / npart + heaviest + 1);
        }
    }
}

static void gaps_and_overlaps_are_refused(void **state) {
    (void)state;
    const double f = 230e9, w = -244e3;
    const pcl_cut_grid whole = {8, f, w}, a = {3, f, w}, b = {1, f + 3 * w, w},
                       c = {4, f + 4 * w, w}, later = {4, f + 5 * w, w},
                       near = {4, f + 4 * w * (1 + 1e-8), w}, wide = {4, f + 4 * w, w * 1.001},
                       shorter = {3, f + 4 * w, w}, longer = {2, f + 3 * w, w};
    assert_ok(pcl_cut_prove(&whole, 3, (const pcl_cut_grid[]){a, b, c}, &err));
    assert_fails(pcl_cut_prove(&whole, 3, (const pcl_cut_grid[]){a, b, later}, &err), PCLEAN_EBUG,
                 "channel 0 of part 2");
    assert_fails(pcl_cut_prove(&whole, 3, (const pcl_cut_grid[]){a, b, near}, &err), PCLEAN_EBUG,
                 "channel 0 of part 2");
    assert_fails(pcl_cut_prove(&whole, 3, (const pcl_cut_grid[]){a, b, wide}, &err), PCLEAN_EBUG,
                 "channel 1 of part 2");
    assert_fails(pcl_cut_prove(&whole, 3, (const pcl_cut_grid[]){a, b, shorter}, &err), PCLEAN_EBUG,
                 "7 channels together");
    assert_fails(pcl_cut_prove(&whole, 3, (const pcl_cut_grid[]){a, longer, c}, &err), PCLEAN_EBUG,
                 "channel 0 of part 2");
}

static void selections_are_written(void **state) {
    (void)state;
    const int chan[] = {3, 4, 5, 9, 11, 12};
    char *text = NULL;
    assert_ok(pcl_cut_add_spw(&text, 0, 6, chan, &err));
    assert_string_equal(text, "0:3~5;9~9;11~12");
    assert_ok(pcl_cut_add_spw(&text, 17, 1, chan, &err));
    assert_string_equal(text, "0:3~5;9~9;11~12,17:3~3");
    pcl_mem_fail_after(1);
    assert_fails(pcl_cut_add_spw(&text, 1, 6, chan, &err), PCLEAN_ENOMEM, "selection");
    assert_string_equal(text, "0:3~5;9~9;11~12,17:3~3");
    pcl_free(text);
    assert_ok(pcl_cut_and(" ", "A == 1", &text, &err));
    assert_string_equal(text, "A == 1");
    pcl_free(text);
    assert_ok(pcl_cut_and("B == 2 || C == 3", "A == 1", &text, &err));
    assert_string_equal(text, "(B == 2 || C == 3) && A == 1");
    pcl_free(text);
}

static void parts_cover_all_channels_once(void **state) {
    (void)state;
    for (size_t nchan = 1; nchan < 40; nchan++)
        for (size_t n = 1; n <= nchan; n++) {
            size_t next = 0, first, count;
            for (size_t i = 0; i < n; i++) {
                pcl_cut_range(nchan, n, i, &first, &count);
                assert_int_equal(first, next);
                assert_true(count == nchan / n || (count == nchan / n + 1 && i < nchan % n));
                for (size_t c = first; c < first + count; c++)
                    assert_int_equal(pcl_cut_find(nchan, n, c), i);
                next += count;
            }
            assert_int_equal(next, nchan);
        }
}

static void count_follows_chunksize(void **state) {
    (void)state;
    assert_int_equal(pcl_cut_count(10, -1, 4), 4);
    assert_int_equal(pcl_cut_count(3, -1, 4), 3);
    assert_int_equal(pcl_cut_count(10, 1, 4), 10);
    assert_int_equal(pcl_cut_count(10, 4, 4), 3); /* of 4, 3, 3 channels */
    assert_int_equal(pcl_cut_count(10, 100, 4), 1);
    assert_int_equal(pcl_cut_count(1, -1, 0), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_follow_casas_rule),         cmocka_unit_test(how_many_parts),
        cmocka_unit_test(channels_differ_by_one_at_most), cmocka_unit_test(weights_are_shared),
        cmocka_unit_test(gaps_and_overlaps_are_refused),  cmocka_unit_test(selections_are_written),
        cmocka_unit_test(parts_cover_all_channels_once),  cmocka_unit_test(count_follows_chunksize),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
