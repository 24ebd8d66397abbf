/* data/rotation.c: what must hold of any two phase centres. */
#include "data/rotation.h"

#include <math.h>

#include "casa/casa.h"
#include "check.h"
#include "random.h"

static pclean_err err;
enum { J2000 = 0 };

static int frame_of(const char *text) {
    casa_direction d;
    char whole[64];
    snprintf(whole, sizeof whole, "%s 10deg 20deg", text);
    assert_ok(casa_direction_parse(whole, &d, &err));
    return d.frame;
}

static casa_direction any_direction(void) {
    return (casa_direction){J2000, 2 * M_PI * random_uniform(), asin(2 * random_uniform() - 1)};
}

/* Direction cosines of a direction as seen from a centre, straight from spherical trigonometry. */
static void cosines(const casa_direction *s, const casa_direction *c, double lmn[3]) {
    const double da = s->lon_rad - c->lon_rad;
    lmn[0] = cos(s->lat_rad) * sin(da);
    lmn[1] = sin(s->lat_rad) * cos(c->lat_rad) - cos(s->lat_rad) * sin(c->lat_rad) * cos(da);
    lmn[2] = sin(s->lat_rad) * sin(c->lat_rad) + cos(s->lat_rad) * cos(c->lat_rad) * cos(da);
}

/* u l + v m + w (n - 1) of any source differs between the two centres by the path alone. */
static void phases_of_all_sources_agree(void **state) {
    (void)state;
    for (int k = 0; k < 300; k++) {
        const casa_direction from = any_direction(), to = any_direction(), source = any_direction();
        const double uvw[3] = {random_uniform() - 0.5, random_uniform() - 0.5,
                               random_uniform() - 0.5};
        double turned[3], a[3], b[3];
        pcl_rotation r;
        assert_ok(pcl_rotation_make(&from, &to, &r, &err));
        const double path = pcl_rotation_apply(&r, uvw, turned);
        cosines(&source, &from, a);
        cosines(&source, &to, b);
        const double before = uvw[0] * a[0] + uvw[1] * a[1] + uvw[2] * (a[2] - 1),
                     after = turned[0] * b[0] + turned[1] * b[1] + turned[2] * (b[2] - 1);
        assert_true(fabs(before - path - after) < 1e-14);
        assert_true(fabs(turned[2] - uvw[2] - path) < 1e-15);
        cosines(&from, &to, b);
        assert_true(fabs(r.l - b[0]) < 1e-15 && fabs(r.m - b[1]) < 1e-15);
        assert_true(fabs(cos(r.offset_rad) - b[2]) < 1e-14);
    }
}

/* There and back is nothing; so are equal directions, and only these are `none`. */
static void there_and_back(void **state) {
    (void)state;
    for (int k = 0; k < 100; k++) {
        const casa_direction from = any_direction(), to = any_direction();
        const double uvw[3] = {random_uniform(), random_uniform(), random_uniform()};
        double there[3], back[3];
        pcl_rotation r, q, same;
        assert_ok(pcl_rotation_make(&from, &to, &r, &err));
        assert_ok(pcl_rotation_make(&to, &from, &q, &err));
        assert_ok(pcl_rotation_make(&from, &from, &same, &err));
        assert_true(same.none && !r.none && !q.none);
        const double path =
            pcl_rotation_apply(&r, uvw, there) + pcl_rotation_apply(&q, there, back);
        assert_true(fabs(path) < 1e-14);
        for (int i = 0; i < 3; i++)
            assert_true(fabs(back[i] - uvw[i]) < 1e-14);
    }
}

/* A path keeps its digits when the centres are a milliarcsecond apart. */
static void small_offsets_keep_their_digits(void **state) {
    (void)state;
    const casa_direction from = {J2000, 1, 0.5}, to = {J2000, 1, 0.5 + 1e-11};
    const double uvw[3] = {0, 0, 1};
    double turned[3];
    pcl_rotation r;
    assert_ok(pcl_rotation_make(&from, &to, &r, &err));
    const double path = pcl_rotation_apply(&r, uvw, turned);
    assert_true(path < 0 && fabs(path / -0.5e-22 - 1) < 1e-4);
}

/* The same place in two frames needs the turn of their poles and no path; a rotation by way of a
 * third frame is the same one. */
static void frames(void **state) {
    (void)state;
    static const char *const name[] = {"ICRS", "B1950", "GALACTIC"};
    for (int k = 0; k < 30; k++) {
        const casa_direction from = any_direction(), to = any_direction();
        const double uvw[3] = {random_uniform(), random_uniform(), random_uniform()};
        casa_direction other;
        double direct[3], half[3], by_way[3];
        pcl_rotation r, a, b;
        assert_ok(casa_direction_convert(&from, frame_of(name[k % 3]), &other, &err));
        assert_ok(pcl_rotation_make(&from, &other, &a, &err));
        assert_ok(pcl_rotation_make(&other, &to, &b, &err));
        assert_ok(pcl_rotation_make(&from, &to, &r, &err));
        assert_false(a.none);
        const double path = pcl_rotation_apply(&r, uvw, direct),
                     first = pcl_rotation_apply(&a, uvw, half),
                     second = pcl_rotation_apply(&b, half, by_way);
        /* B1950 is no pure rotation of J2000: aberration of 0.3 arcsec */
        const double tolerance = k % 3 == 1 ? 5e-6 : 1e-9;
        assert_true(fabs(first) < tolerance && fabs(first + second - path) < tolerance);
        for (int i = 0; i < 3; i++)
            assert_true(fabs(by_way[i] - direct[i]) < tolerance);
    }
    const casa_direction unknown = {999, 0, 0}, known = {J2000, 0, 0};
    pcl_rotation r;
    assert_true(pcl_rotation_make(&unknown, &known, &r, &err) < 0);
}

static void visibilities_turn(void **state) {
    (void)state;
    const double path[3] = {0, 0.25, 1e6 + 0.5}, wave = 299792458.0; /* a metre is a turn */
    float phasor[3][2], vis[6] = {1, 2, 3, 4, 5, 6};
    pcl_rotation_phasors(3, path, wave, phasor);
    assert_true(phasor[0][0] == 1 && phasor[0][1] == 0);
    pcl_rotation_turn(3, (const float(*)[2])phasor, vis);
    const float want[6] = {1, 2, 4, -3, -5, -6}; /* by 1, -i, -1 */
    for (int i = 0; i < 6; i++)
        assert_true(fabsf(vis[i] - want[i]) < 1e-6f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phases_of_all_sources_agree),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(small_offsets_keep_their_digits),
        cmocka_unit_test(frames),
        cmocka_unit_test(visibilities_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
