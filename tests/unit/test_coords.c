/* casa/coords.cpp: directions, spectral frames and Doppler factors, against CASA 6.7's own me tool:
 *   me.measure(me.direction(frame, lon, lat), 'J2000')
 *   me.doframe(me.epoch(ref, t)); me.doframe(position); me.doframe(direction)
 *   me.measure(me.frequency('TOPO', '1GHz'), to)['m0']['value'] / 1e9 */
#include "base/log.h"
#include "casa/casa.h"
#include "check.h"
#include <math.h>

static pclean_err err;

/* Debian has no table of the Earth's orientation (UT1 - UTC), CASA has: up to 5e-11 in what starts
 * or ends in TOPO. What needs no Earth rotation is the same to the last digit. */
#define TOPO_TOLERANCE 5e-11
#define EXACT          1e-15

static const double alma[3] = {2225343.555, -5440366.402, -2480637.971};
static const double first_time = 5211989963.728707, second_time = 4304482380.000687;

static int start(void **state) {
    (void)state;
    return casa_init(&err);
}

static casa_direction parsed(const char *text) {
    casa_direction d;
    assert_ok(casa_direction_parse(text, &d, &err));
    return d;
}

static void test_parse_forms(void **state) {
    (void)state;
    const double lon = (12 + 56 / 60.0 + 44 / 3600.0) * M_PI / 12 - 2 * M_PI,
                 lat = (21 + 41 / 60.0 + 5 / 3600.0) * M_PI / 180;
    for (size_t i = 0; i < 6; i++) {
        const char *same[] = {
            "J2000 12h56m44 21d41m05",       "12h56m44 21d41m05",
            "j2000 12:56:44 21.41.05",       "12:56:44,+21.41.05",
            "  J2000 12h56m44s  21d41m05s ", "J2000 194.1833333333333333deg 21.684722222222222deg"};
        const casa_direction d = parsed(same[i]);
        assert_int_equal(d.frame, 0);
        assert_true(fabs(remainder(d.lon_rad - lon, 2 * M_PI)) < 1e-14);
        assert_true(fabs(d.lat_rad - lat) < 1e-14);
    }
    assert_string_equal(casa_direction_frame_name(parsed("ICRS 1deg 2deg").frame), "ICRS");
    assert_string_equal(casa_direction_frame_name(parsed("B1950_VLA 1deg -2deg").frame),
                        "B1950_VLA");
    assert_string_equal(casa_direction_frame_name(parsed("galactic 1deg -2deg").frame), "GALACTIC");
    assert_string_equal(casa_direction_frame_name(-1), "unknown");
}

static void test_parse_refuses(void **state) {
    (void)state;
    casa_direction d;
    assert_fails(casa_direction_parse("", &d, &err), PCLEAN_EPARAM, "frame, longitude, latitude");
    assert_fails(casa_direction_parse(NULL, &d, &err), PCLEAN_EPARAM, "frame, longitude, latitude");
    assert_fails(casa_direction_parse("MARS", &d, &err), PCLEAN_EPARAM, "MARS");
    assert_fails(casa_direction_parse("J3000 1deg 2deg", &d, &err), PCLEAN_EPARAM,
                 "\"J3000\" is not known");
    assert_fails(casa_direction_parse("J2000 1.5 2deg", &d, &err), PCLEAN_EPARAM,
                 "longitude \"1.5\"");
    assert_fails(casa_direction_parse("J2000 1deg 2Jy", &d, &err), PCLEAN_EPARAM,
                 "latitude \"2Jy\"");
    assert_fails(casa_direction_parse("J2000 1deg 91deg", &d, &err), PCLEAN_EPARAM,
                 "beyond 90 degrees");
    /* hours to CASA, degrees to everybody else */
    assert_fails(casa_direction_parse("J2000 12:56:44 +5:41:05", &d, &err), PCLEAN_EPARAM,
                 "ambiguous");
    assert_int_equal(casa_direction_parse("?", &d, NULL), -PCLEAN_EPARAM);
}

static void test_convert(void **state) {
    (void)state;
    const struct {
        const char *text;
        double lon, lat; /* J2000, CASA */
    } known[] = {
        {"B1950_VLA -3.025728389rad 0.040643337rad", -3.0145689067580643, 0.03582085906602843},
        {"GALACTIC 30deg 10deg", -1.524924574337065, 0.03435681709659586},
        {"ICRS 12h56m44 21d41m05", -2.894046722128541, 0.37846988636516854},
        {"J2000 1deg 2deg", M_PI / 180, M_PI / 90}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const casa_direction from = parsed(known[i].text);
        casa_direction to;
        assert_ok(casa_direction_convert(&from, 0, &to, &err));
        assert_int_equal(to.frame, 0);
        assert_true(fabs(to.lon_rad - known[i].lon) < 1e-14);
        assert_true(fabs(to.lat_rad - known[i].lat) < 1e-14);
        assert_ok(casa_direction_convert(&to, from.frame, &to, &err)); /* in place, and back */
        /* B1950's E-terms are solved for by iteration */
        assert_true(fabs(to.lon_rad - from.lon_rad) < 1e-10);
        assert_true(fabs(to.lat_rad - from.lat_rad) < 1e-10);
    }
    const casa_direction odd = {999, 0, 0};
    casa_direction to;
    assert_fails(casa_direction_convert(&odd, 0, &to, &err), PCLEAN_EPARAM, "999");
}

static void test_names(void **state) {
    (void)state;
    const char *frames[] = {"REST", "LSRK",    "LSRD",   "BARY", "GEO",
                            "TOPO", "GALACTO", "LGROUP", "CMB"};
    for (int i = 0; i < 9; i++) {
        int code = -1;
        assert_string_equal(casa_freq_frame_name(i), frames[i]);
        assert_ok(casa_freq_frame_parse(frames[i], &code, &err));
        assert_int_equal(code, i);
    }
    int code;
    assert_ok(casa_freq_frame_parse("lsrk", &code, &err));
    assert_int_equal(code, 1);
    assert_fails(casa_freq_frame_parse("LSR", &code, &err), PCLEAN_EPARAM, "\"LSR\" is not one of");
    assert_fails(casa_freq_frame_parse(NULL, &code, &err), PCLEAN_EPARAM, "is not one of");
    assert_string_equal(casa_freq_frame_name(64), "Undefined");
    const char *stokes[] = {"I", "Q", "U", "V", "RR", "RL", "LR", "LL", "XX", "XY", "YX", "YY"};
    for (int i = 0; i < 12; i++)
        assert_string_equal(casa_stokes_name(i + 1), stokes[i]);
    assert_string_equal(casa_stokes_name(0), "??");
    assert_string_equal(casa_stokes_name(-5), "??");
    assert_string_equal(casa_stokes_name(100000), "??");
}

/* casa_doppler at ALMA. */
static int doppler(int from, int to, const char *ref, const casa_direction *dir, size_t n,
                   const double *time, double *factor) {
    const casa_frame_change change = {from, to, {alma[0], alma[1], alma[2]}, ref, *dir};
    return casa_doppler(&change, n, time, factor, &err);
}

static void test_doppler_against_casa(void **state) {
    (void)state;
    const casa_direction dir = parsed("J2000 05h00m00 -20d00m00");
    const struct {
        int to;
        const char *ref;
        double first, second;
    } casa[] = {{1, "UTC", 1.0001135567817043, 1.000117970453185},
                {3, "UTC", 1.000049945706644, 1.0000543590973983},
                {4, "UTC", 0.9999990621321172, 0.999999504227753},
                {1, "TAI", 1.000113553781285, 1.0001179733779626}};
    for (size_t i = 0; i < sizeof casa / sizeof *casa; i++) {
        const double times[2] = {first_time, second_time};
        double factor[2];
        assert_ok(doppler(5, casa[i].to, casa[i].ref, &dir, 2, times, factor));
        assert_true(fabs(factor[0] / casa[i].first - 1) < TOPO_TOLERANCE);
        assert_true(fabs(factor[1] / casa[i].second - 1) < TOPO_TOLERANCE);
    }
    double factor;
    /* LSRK -> BARY: no Earth in it */
    assert_ok(doppler(1, 3, "UTC", &dir, 1, &first_time, &factor));
    assert_true(fabs(factor / 0.9999363961475884 - 1) < EXACT);
    /* GEO -> BARY: no rotation */
    assert_ok(doppler(4, 3, "UTC", &dir, 1, &first_time, &factor));
    assert_true(fabs(factor / 1.000050883622249 - 1) < EXACT);
}

/* What holds without CASA: there and back, one factor for all frequencies, 31 s between UTC and
 * TAI. */
static void test_doppler_identities(void **state) {
    (void)state;
    const casa_direction dir = parsed("J2000 05h00m00 -20d00m00");
    for (int from = 1; from <= 8; from++)
        for (int to = 1; to <= 8; to++) {
            double there, back, hz[3] = {1e8, 1.4e9, 2.3e11}, out[3];
            assert_ok(doppler(from, to, "UTC", &dir, 1, &first_time, &there));
            assert_ok(doppler(to, from, "UTC", &dir, 1, &first_time, &back));
            assert_true(fabs(there * back - 1) < 1e-14);
            assert_true(from == to ? there == 1.0 : there != 1.0);
            assert_ok(casa_freq_convert(
                &(casa_frame_change){from, to, {alma[0], alma[1], alma[2]}, "UTC", dir}, first_time,
                3, hz, out, &err));
            for (int k = 0; k < 3; k++)
                assert_true(fabs(out[k] / hz[k] / there - 1) < 1e-15);
        }
    const double utc = second_time - 29; /* TAI - UTC was 29 s in April 1995 */
    double from_tai, from_utc;
    assert_ok(doppler(5, 1, "TAI", &dir, 1, &second_time, &from_tai));
    assert_ok(doppler(5, 1, "UTC", &dir, 1, &utc, &from_utc));
    assert_true(fabs(from_tai / from_utc - 1) < 1e-15);
    /* the frame of the direction does not matter */
    casa_direction galactic;
    double from_galactic;
    assert_ok(casa_direction_convert(&dir, parsed("GALACTIC 0deg 0deg").frame, &galactic, &err));
    assert_ok(doppler(5, 1, "TAI", &galactic, 1, &second_time, &from_galactic));
    assert_true(fabs(from_tai / from_galactic - 1) < 1e-14);
}

static void test_doppler_refuses(void **state) {
    (void)state;
    const casa_direction dir = {0, 1, 0.5}, odd = {999, 1, 0.5};
    double factor = 7;
    assert_fails(doppler(0, 1, "UTC", &dir, 1, &first_time, &factor), PCLEAN_EUNSUPPORTED,
                 "rest frame");
    assert_true(factor == 0.0); /* outputs are zeroed */
    assert_ok(doppler(0, 0, "UTC", &dir, 1, &first_time, &factor));
    assert_true(factor == 1.0);
    assert_fails(doppler(64, 1, "UTC", &dir, 1, &first_time, &factor), PCLEAN_EPARAM, "64");
    assert_fails(doppler(5, 1, "FOO", &dir, 1, &first_time, &factor), PCLEAN_EPARAM, "\"FOO\"");
    assert_fails(doppler(5, 1, "UTC", &odd, 1, &first_time, &factor), PCLEAN_EPARAM, "999");
    assert_fails(casa_freq_convert(&(casa_frame_change){.from = 5, .to = 0, .time_ref = "UTC"},
                                   first_time, 1, &factor, &factor, &err),
                 PCLEAN_EUNSUPPORTED, "TOPO and REST");
    assert_ok(doppler(5, 1, "UTC", &dir, 0, NULL, NULL));
}

/* A direction in rad is what was written, to the last bit: a part sees the sky as the whole image
 * does. */
static void test_radians_are_exact(void **state) {
    (void)state;
    for (int i = 0; i < 1000; i++) {
        const double lon = -3.14 + 6.28 * (i / 999.0) + 1e-9 * i, lat = 1.57 * sin(i);
        char text[96];
        casa_direction d;
        snprintf(text, sizeof text, "B1950_VLA %.17grad %.17grad", lon, lat);
        assert_ok(casa_direction_parse(text, &d, &err));
        assert_true(d.lon_rad == lon && d.lat_rad == lat);
        assert_string_equal(casa_direction_frame_name(d.frame), "B1950_VLA");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse_forms),
                                       cmocka_unit_test(test_parse_refuses),
                                       cmocka_unit_test(test_radians_are_exact),
                                       cmocka_unit_test(test_convert),
                                       cmocka_unit_test(test_names),
                                       cmocka_unit_test(test_doppler_against_casa),
                                       cmocka_unit_test(test_doppler_identities),
                                       cmocka_unit_test(test_doppler_refuses)};
    return cmocka_run_group_tests(tests, start, NULL);
}
