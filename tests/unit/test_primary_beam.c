/* imager/primary_beam.c: the primary beam of one field, of a shifted one, and of several. */
#include "imager/primary_beam.h"

#include <math.h>
#include <stdlib.h>

#include "imager.h"

static pclean_err err;
enum { NX = 90, NY = 80 };

static void beam_of(const pcl_setup *s, size_t y, size_t ny, float *out) {
    pcl_primary_beam beam;
    assert_ok(pcl_primary_beam_init(s, 1.4e9, &beam, &err));
    pcl_primary_beam_rows(&beam, y, ny, out);
    pcl_primary_beam_clear(&beam);
}

static void one_pointing_is_the_telescopes_beam(void **state) {
    (void)state;
    static float got[NX * NY], want[NX * NY];
    image f = {0};
    pcl_pb model;
    image_configure_line(&f, NULL);
    image_open(&f);
    assert_int_equal(f.setup.npointing, 1);
    assert_true(f.setup.pointing[0][0] == NX / 2 && f.setup.pointing[0][1] == NY / 2);
    const pcl_raster raster = {NX, NY, f.config.cell_rad[0], f.config.cell_rad[1]};
    assert_ok(pcl_pb_init(&model, f.setup.desc.telescope, f.setup.dish_diameter_m,
                          f.setup.channels.first_hz, 1.4e9, &err));
    pcl_pb_fill(&model, &raster, NX / 2, NY / 2, want);
    pcl_pb_cut(want, NX * NY, (float)f.config.pblimit);
    beam_of(&f.setup, 0, NY, got);
    assert_memory_equal(got, want, sizeof got);
    image_close(&f);
}

/* The beam stays at the field when the image is centred elsewhere. */
static void the_beam_stays_where_the_telescope_looked(void **state) {
    (void)state;
    char text[100];
    double reach[2];
    image f = {0}, g = {0};
    image_configure_line(&f, NULL);
    image_open(&f);
    const double cell = f.config.cell_rad[0];
    snprintf(text, sizeof text, "J2000 %.17grad %.17grad", f.setup.centre.lon_rad,
             f.setup.centre.lat_rad - 12 * cell);
    image_configure_line(&g, (const char *const[]){"phasecenter", text, NULL});
    image_open(&g);
    assert_int_equal(g.setup.npointing, 1);
    assert_true(fabs(g.setup.pointing[0][0] - NX / 2) < 1e-6);
    assert_true(fabs(g.setup.pointing[0][1] - (NY / 2 + 12)) < 1e-4);
    pcl_primary_beam_reach(&g.setup, reach);
    assert_true(reach[0] < 1e-6 && fabs(reach[1] - 12) < 1e-4);
    image_close(&f);
    image_close(&g);
}

/* Their sum over its largest value; rows one by one are those of the whole. */
static void several_pointings_are_added(void **state) {
    (void)state;
    static float all[NX * NY], part[NX], sum[NX * NY];
    double where[3][2] = {{20, 30}, {60, 30.5}, {45, -20}};
    image f = {0};
    float most = 0;
    image_configure_line(&f, (const char *const[]){"cell", "1arcmin", "pblimit", "0.1", NULL});
    image_open(&f);
    double(*own)[2] = f.setup.pointing;
    for (int k = 0; k < 3; k++) {
        f.setup.pointing = &where[k];
        beam_of(&f.setup, 0, NY, all);
        const pcl_raster raster = {NX, NY, f.config.cell_rad[0], f.config.cell_rad[1]};
        pcl_pb model;
        assert_ok(pcl_pb_init(&model, f.setup.desc.telescope, f.setup.dish_diameter_m,
                              f.setup.channels.first_hz, 1.4e9, &err));
        pcl_pb_fill(&model, &raster, where[k][0], where[k][1], all);
        for (int i = 0; i < NX * NY; i++)
            sum[i] += all[i];
    }
    for (int i = 0; i < NX * NY; i++)
        most = fmaxf(most, sum[i]);
    f.setup.pointing = where;
    f.setup.npointing = 3;
    beam_of(&f.setup, 0, NY, all);
    for (int i = 0; i < NX * NY; i++) {
        const float want = sum[i] / most;
        assert_true(fabsf(want - 0.1f) < 1e-6f || fabsf(all[i] - (want > 0.1f ? want : 0)) < 1e-6f);
    }
    for (size_t y = 0; y < NY; y++) {
        beam_of(&f.setup, y, 1, part);
        assert_memory_equal(part, all + y * NX, sizeof part);
    }
    f.setup.pointing = own;
    f.setup.npointing = 1;
    image_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_pointing_is_the_telescopes_beam),
        cmocka_unit_test(the_beam_stays_where_the_telescope_looked),
        cmocka_unit_test(several_pointings_are_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
