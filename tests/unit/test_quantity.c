#include "base/quantity.h"
#include "unit/check.h"
#include <math.h>

static const double pi = 3.14159265358979323846;

static void assert_near(double a, double b) {
    if (!(fabs(a - b) <= 4e-16 * fabs(b)))
        fail_msg("%.17g is not %.17g", a, b);
}

static void test_units(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum pcl_dimension dim;
        double si;
    } good[] = {
        {"12", PCL_DIM_NONE, 12},
        {" -1.5e3 ", PCL_DIM_NONE, -1500},
        {".5Jy", PCL_DIM_FLUX, 0.5},
        {"5mJy", PCL_DIM_FLUX, 0.005},
        {"5 mJy/beam", PCL_DIM_FLUX, 0.005},
        {"5MJy", PCL_DIM_FLUX, 5e6},
        {"7uJy", PCL_DIM_FLUX, 7e-6},
        {"230.5GHz", PCL_DIM_FREQ, 230.5e9},
        {"1.4ghz", PCL_DIM_FREQ, 1.4e9},
        {"1420.4 MHz", PCL_DIM_FREQ, 1420.4e6},
        {"-10km/s", PCL_DIM_VELOCITY, -10e3},
        {"300m/s", PCL_DIM_VELOCITY, 300},
        {"100m", PCL_DIM_LENGTH, 100},
        {"25mm", PCL_DIM_LENGTH, 0.025},
        {"2min", PCL_DIM_TIME, 120},
        {"1klambda", PCL_DIM_LAMBDA, 1000},
        {"2Mlambda", PCL_DIM_LAMBDA, 2e6},
        {"2GiB", PCL_DIM_BYTES, 2147483648.0},
        {"2gb", PCL_DIM_BYTES, 2e9},
        {"2mb", PCL_DIM_BYTES, 2e6}, /* there is no milli-byte */
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        pclean_err err;
        pcl_quantity q;
        assert_ok(pcl_quantity_parse(good[i].text, &q, &err));
        assert_int_equal(q.dim, good[i].dim);
        assert_near(q.value, good[i].si);
    }
}

static void test_angles(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double arcsec;
    } good[] = {{"10arcsec", 10}, {"10ARCSEC", 10}, {"1arcmin", 60}, {"1deg", 3600},
                {"20mas", 0.02},  {"5uas", 5e-6},   {"2'", 120},     {"3\"", 3}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        pclean_err err;
        double rad;
        assert_ok(pcl_quantity_parse_as(good[i].text, PCL_DIM_ANGLE, NULL, &rad, &err));
        assert_near(rad, good[i].arcsec * pi / 648000);
    }
}

static void test_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      " ",
                                      "arcsec",
                                      "nan",
                                      "inf",
                                      "0x10",
                                      "1e999",
                                      "1.2.3",
                                      "5 5",
                                      "1,5",
                                      "3furlong",
                                      "1GHz2",
                                      "--1",
                                      "1e308THz",
                                      "5mJy/beams",
                                      "+",
                                      "1 very long text that is no unit at all"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        pcl_quantity q = {1, PCL_DIM_ANGLE};
        if (pcl_quantity_parse(bad[i], &q, NULL) != -PCLEAN_EPARAM)
            fail_msg("\"%s\" was taken", bad[i]);
        assert_true(q.value <= 0 && q.value >= 0 && q.dim == PCL_DIM_NONE);
    }
}

/* milli or mega: never guessed */
static void test_case_matters(void **state) {
    (void)state;
    pclean_err err;
    pcl_quantity q;
    assert_fails(pcl_quantity_parse("5mHz", &q, &err), PCLEAN_EPARAM, "did you mean MHz?");
    assert_ok(pcl_quantity_parse("5mjy", &q, &err));
    assert_near(q.value, 0.005);
    assert_ok(pcl_quantity_parse("5MJY", &q, &err));
    assert_near(q.value, 5e6);
}

static void test_dimension(void **state) {
    (void)state;
    pclean_err err;
    double x;
    assert_ok(pcl_quantity_parse_as("2", PCL_DIM_FLUX, "mJy", &x, &err));
    assert_near(x, 0.002);
    assert_fails(pcl_quantity_parse_as("2", PCL_DIM_FLUX, NULL, &x, &err), PCLEAN_EPARAM,
                 "needed is: flux density");
    assert_fails(pcl_quantity_parse_as("2GHz", PCL_DIM_ANGLE, "arcsec", &x, &err), PCLEAN_EPARAM,
                 "of the kind frequency; needed is: angle");
}

static void test_format(void **state) {
    (void)state;
    static const struct {
        double value;
        enum pcl_dimension dim;
        const char *text;
    } good[] = {
        {1.4123e9, PCL_DIM_FREQ, "1.4123 GHz"},
        {15 * 3.14159265358979323846 / 648000, PCL_DIM_ANGLE, "15 arcsec"},
        {0.0123, PCL_DIM_FLUX, "12.3 mJy"},
        {1.3e9, PCL_DIM_BYTES, "1.2 GiB"},
        {0, PCL_DIM_FLUX, "0 Jy"},
        {-3500, PCL_DIM_VELOCITY, "-3.5 km/s"},
        {90, PCL_DIM_TIME, "90 s"},
        {180, PCL_DIM_TIME, "3 min"},
        {2500, PCL_DIM_LAMBDA, "2.5 klambda"},
        {0.25, PCL_DIM_NONE, "0.25"},
        {12, PCL_DIM_BYTES, "12 B"},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char buf[40];
        pcl_format_si(buf, sizeof buf, good[i].value, good[i].dim);
        assert_string_equal(buf, good[i].text);
    }
}

static void test_sky(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool longitude;
        double deg;
    } good[] = {
        {"12h34m56.7s", true, (12 + 34 / 60.0 + 56.7 / 3600) * 15},
        {"12h56m44", true, (12 + 56 / 60.0 + 44 / 3600.0) * 15},
        {"12:34:56.7", true, (12 + 34 / 60.0 + 56.7 / 3600) * 15},
        {"189.18d00m00s", true, -1},
        {"292.5deg", true, 292.5},
        {"-05d04m03.2s", false, -(5 + 4 / 60.0 + 3.2 / 3600)},
        {"-05.04.03.2", false, -(5 + 4 / 60.0 + 3.2 / 3600)},
        {"-00:30:00", false, -0.5},
        {"+21d41m05", false, 21 + 41 / 60.0 + 5 / 3600.0},
        {"-049.28.04.458", false, -(49 + 28 / 60.0 + 4.458 / 3600)},
        {"-40.0deg", false, -40},
        {"90deg", false, 90},
    };
    pclean_err err;
    double rad;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int rc = good[i].longitude ? pcl_parse_longitude(good[i].text, &rad, &err)
                                   : pcl_parse_latitude(good[i].text, &rad, &err);
        if (good[i].deg <= -1 && good[i].longitude)
            assert_int_equal(rc, -PCLEAN_EPARAM);
        else if (rc != 0 || !(fabs(rad - good[i].deg * pi / 180) < 1e-15))
            fail_msg("%s: %.17g", good[i].text, rad);
    }
    static const char *const bad[] = {"",       "12h61m00", "25h00m00", "12h",
                                      "361deg", "12.5",     "J2000",    "12h34m56.7x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_fails(pcl_parse_longitude(bad[i], &rad, &err), PCLEAN_EPARAM, "not a longitude");
    assert_fails(pcl_parse_latitude("91deg", &rad, &err), PCLEAN_EPARAM, "at most 90");
    assert_fails(pcl_parse_latitude("12h00m00", &rad, &err), PCLEAN_EPARAM, "not a latitude");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units),     cmocka_unit_test(test_angles),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_case_matters),
        cmocka_unit_test(test_dimension), cmocka_unit_test(test_format),
        cmocka_unit_test(test_sky)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
