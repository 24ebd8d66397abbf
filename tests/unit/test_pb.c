/* Primary beams against tclean's .pb (tests/golden/make_pb.py), published half widths, and bad
 * input. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/pb.h"

#define ARCSEC (M_PI / 180 / 3600)

static pcl_pb pb; /* 40 kB */

static void tclean_pb(void **state) {
    (void)state;
    char path[512], line[1024], name[32];
    snprintf(path, sizeof path, "%s/pb.tsv", PCLEAN_TEST_GOLDEN);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t ncase = 0;
    double dish, freq, cell, want;
    while (fgets(line, sizeof line, f)) {
        int at, step;
        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%31s %lf %lf %lf%n", name, &dish, &freq, &cell, &at), 4);
        pclean_err err = {0};
        if (pcl_pb_init(&pb, name, dish, freq, freq, &err))
            fail_msg("%s", err.msg);
        float column[200];
        pcl_pb_fill(&pb, &(pcl_raster){1, 200, cell * ARCSEC, cell * ARCSEC}, 0, 0, column);
        pcl_pb_cut(column, 200, -1e-6f);
        for (size_t y = 0; y < 200; y += 10) {
            assert_int_equal(sscanf(line + at, "%lf%n", &want, &step), 1);
            at += step;
            if (fabs((double)column[y] - want) > 2e-6)
                fail_msg("%s %g Hz, %zu pixels: %.7g, tclean %.7g", name, freq, y,
                         (double)column[y], want);
        }
        ncase++;
    }
    fclose(f);
    assert_int_equal(ncase, 28);
}

/* Channels of cubes across the edges of receiver bands. */
static void tclean_pb_of_cubes(void **state) {
    (void)state;
    char line[1024], name[32];
    FILE *f = fopen(PCLEAN_TEST_GOLDEN "/pb_cube.tsv", "r");
    assert_non_null(f);
    size_t ncase = 0;
    double dish, first, freq, cell, want;
    while (fgets(line, sizeof line, f)) {
        int at, step;
        if (line[0] == '#')
            continue;
        assert_int_equal(
            sscanf(line, "%31s %lf %lf %lf %lf%n", name, &dish, &first, &freq, &cell, &at), 5);
        assert_int_equal(pcl_pb_init(&pb, name, dish, first, freq, NULL), 0);
        float column[32];
        pcl_pb_fill(&pb, &(pcl_raster){1, 32, cell * ARCSEC, cell * ARCSEC}, 0, 0, column);
        pcl_pb_cut(column, 32, -1e-6f);
        for (size_t y = 0; y < 32; y += 4) {
            assert_int_equal(sscanf(line + at, "%lf%n", &want, &step), 1);
            at += step;
            if (fabs((double)column[y] - want) > 2e-6)
                fail_msg("%s first %g Hz, %g Hz, %zu pixels: %.7g, tclean %.7g", name, first, freq,
                         y, (double)column[y], want);
        }
        ncase++;
    }
    fclose(f);
    assert_true(ncase >= 80);
}

/* Full width at half maximum, rad. */
static double width(const char *telescope, double dish, double freq_hz) {
    assert_int_equal(pcl_pb_init(&pb, telescope, dish, freq_hz, freq_hz, NULL), 0);
    assert_true(pcl_pb_at(&pb, 0) == 1.0f);
    double r = 0;
    while (pcl_pb_at(&pb, r) > 0.5f)
        r += 0.1 * ARCSEC;
    return 2 * r;
}

static void published_widths(void **state) {
    (void)state;
    const double arcmin = 60 * ARCSEC;
    assert_true(fabs(width("MeerKAT", 13.5, 1.5e9) / arcmin - 57.5) < 0.1); /* Mauch et al. 2020 */
    assert_true(fabs(width("MeerKAT", 13.5, 0.75e9) / arcmin - 115) < 0.2);
    assert_true(fabs(width("WSRT", 25, 1.4e9) / arcmin - 35.6) < 0.5); /* cos^6 */
    assert_true(fabs(width("GMRT", 45, 1.39e9) / arcmin - 24) < 1.5);  /* NCRA */
    assert_true(fabs(width("GMRT", 45, 0.4e9) / arcmin - 75) < 5);
    assert_true(fabs(width("ASKAP", 12, 1e9) - 1.09 * 0.299792458 / 12) < 0.1 * arcmin);
    assert_true(fabs(width("ALMA", 12, 230e9) / ARCSEC - 1.13 * 0.299792458 / 230 / 12 / ARCSEC) <
                1.5);
}

static void every_beam_falls_and_ends(void **state) {
    (void)state;
    const char *const list[] = {"VLA",      "EVLA", "ALMA", "ACA",     "NGVLA", "ATCA",
                                "BIMA",     "OVRO", "SMA",  "ATA",     "GBT",   "NRAO12M",
                                "IRAM_PDB", "WSRT", "GMRT", "MeerKAT", "ASKAP", "SOMETHING"};
    for (size_t k = 0; k < sizeof list / sizeof *list; k++)
        for (double freq = 0.05e9; freq < 1000e9; freq *= 1.3) {
            assert_int_equal(pcl_pb_init(&pb, list[k], 20, freq, freq, NULL), 0);
            assert_true(strlen(pb.name) > 0);
            bool low = false;
            for (size_t i = 0; i < PCL_PB_SAMPLES; i++) {
                assert_true(pb.power[i] >= 0 && pb.power[i] <= 1);
                low |= pb.power[i] < 0.2f;
                assert_true(!low || pb.power[i] < 0.25f); /* never back to the main lobe */
            }
            assert_true(low);
            const double reach = pb.reach_arcmin_ghz / (freq / 1e9) * 60 * ARCSEC;
            assert_true(pcl_pb_at(&pb, 1.001 * reach) == 0.0f);
        }
}

static void grid_and_cut(void **state) {
    (void)state;
    assert_int_equal(pcl_pb_init(&pb, "VLA", 25, 1.4e9, 1.4e9, NULL), 0);
    float image[40 * 30];
    pcl_pb_fill(&pb, &(pcl_raster){40, 30, 60 * ARCSEC, 30 * ARCSEC}, 12, 20, image);
    assert_true(image[20 * 40 + 12] == 1.0f);
    assert_true(image[20 * 40 + 15] == image[20 * 40 + 9]);  /* symmetric */
    assert_true(image[26 * 40 + 12] == image[20 * 40 + 15]); /* cells of different size */
    const float kept = image[20 * 40 + 15];
    pcl_pb_cut(image, 40 * 30, 0.2f);
    for (size_t i = 0; i < 40 * 30; i++)
        assert_true(image[i] == 0.0f || image[i] > 0.2f);
    assert_true(image[20 * 40 + 15] == kept);
}

static void bad_input(void **state) {
    (void)state;
    pclean_err err = {0};
    assert_int_equal(pcl_pb_init(&pb, "VLA", 25, -1, 1.4e9, &err), -PCLEAN_EPARAM);
    assert_int_equal(pcl_pb_init(&pb, "VLA", 25, 1.4e9, 0, &err), -PCLEAN_EPARAM);
    /* any case, no diameter needed */
    assert_int_equal(pcl_pb_init(&pb, "vla", 0, 1.4e9, 1.4e9, &err), 0);
}

/* Neither telescope nor dish: 1 wherever one looks. */
static void the_unknown_beam_is_one(void **state) {
    (void)state;
    static const double no_dish[] = {0, -1, NAN};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pcl_pb_init(&pb, "NOWHERE", no_dish[i], 1e9, 1e9, NULL), 0);
        assert_false(pb.known || pcl_pb_is_known("NOWHERE", no_dish[i]));
        for (double r = 0; r < 1.6; r += 0.01)
            assert_true(pcl_pb_at(&pb, r) == 1.0f);
    }
    assert_int_equal(pcl_pb_init(&pb, "NOWHERE", 25, 1e9, 1e9, NULL), 0);
    assert_true(pb.known && pcl_pb_at(&pb, 0.1) < 0.1f);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(tclean_pb),
                                       cmocka_unit_test(published_widths),
                                       cmocka_unit_test(every_beam_falls_and_ends),
                                       cmocka_unit_test(grid_and_cut),
                                       cmocka_unit_test(bad_input),
                                       cmocka_unit_test(the_unknown_beam_is_one),
                                       cmocka_unit_test(tclean_pb_of_cubes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
