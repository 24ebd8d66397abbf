/* image/region_text.c: what lines say: shapes, planes and ranges, and sentences for what they
 * cannot. (test_mask.c has tclean's pixels.) */
#include "image/region_text.h"
#include "unit/check.h"
#include <math.h>
#include <stdlib.h>

static pclean_err err;

static const double arcsec = 4.84813681109536e-6;

static casa_image_desc sky(size_t nx, size_t ny, double dec_deg) {
    return (casa_image_desc){.nx = nx,
                             .ny = ny,
                             .npol = 1,
                             .nchan = 5,
                             .stokes = {1, 4},
                             .centre = {0, 3.4, dec_deg * 3600 * arcsec},
                             .crpix_x = (double)(nx / 2),
                             .crpix_y = (double)(ny / 2),
                             .increment_x_rad = -15 * arcsec,
                             .increment_y_rad = 15 * arcsec,
                             .projection = "SIN",
                             .freq_frame = 1,
                             .crval_hz = 1e9,
                             .cdelt_hz = 1e6,
                             .time_ref = "UTC",
                             .position_itrf_m = {1e6, 2e6, 6e6}};
}

static int parse(const char *text, const casa_image_desc *d, pcl_region_text *out) {
    static char copy[2000];
    snprintf(copy, sizeof copy, "%s", text);
    return pcl_region_text_parse("here", copy, d, out, &err);
}

static void lines_keep_their_order_and_planes(void **state) {
    (void)state;
    casa_image_desc d = sky(256, 240, 5);
    d.npol = 2; /* I, V */
    pcl_region_text got;
    assert_ok(parse("#CRTFv0\n"
                    "global range=[1chan,3chan] color=blue\n"
                    "circle[[128pix,128pix],20pix]\n"
                    "- box[[10pix,10pix],[20pix,20pix]], range=[2chan,9chan], corr=[V]\n"
                    "\n"
                    "ann circle[[30pix,30pix],20pix]\n"
                    "+poly[[1pix,1pix],[2.0001pix,3pix],[4pix,5pix]] coord=B1950",
                    &d, &got));
    assert_int_equal(got.nline, 3);
    const pcl_region_line *l = got.line;
    assert_true(!l[0].exclude && l[1].exclude && !l[2].exclude);
    assert_true(!l[0].shape.is_polygon && l[0].shape.x == 128 && l[0].shape.semi[1] == 20);
    assert_true(l[0].first_chan == 1 && l[0].last_chan == 3 && l[0].pol[0] && l[0].pol[1]);
    assert_true(l[1].first_chan == 2 && l[1].last_chan == 4 && !l[1].pol[0] && l[1].pol[1]);
    assert_true(l[1].shape.nvertex == 4 && l[2].shape.nvertex == 3);
    assert_true(l[2].shape.vertex[2] == 2 && l[2].shape.vertex[3] == 3); /* a hair away */
    pcl_region_text_clear(&got);
}

static void whose_rest_frequency_counts(void **state) {
    (void)state;
    const char *circle = "circle[[128pix,128pix],20pix]", *velocities = "range=[-5km/s,5km/s]";
    const struct {
        const char *options;
        bool images;
    } cases[] = {{"range=[1chan,2chan]", false},
                 {"range=[1GHz,1.002GHz]", false},
                 {"range=[-5km/s,5km/s]", true},
                 {"restfreq=1.001GHz, range=[-5km/s,5km/s]", false}};
    casa_image_desc d = sky(256, 240, 5);
    pcl_region_text got;
    char text[200];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        d.restfreq_hz = 1.002e9;
        snprintf(text, sizeof text, "%s %s", circle, cases[i].options);
        assert_ok(parse(text, &d, &got));
        assert_int_equal(got.uses_restfreq, cases[i].images);
        pcl_region_text_clear(&got);
    }
    d.restfreq_hz = 0;
    snprintf(text, sizeof text, "%s %s", circle, velocities);
    assert_fails(parse(text, &d, &got), PCLEAN_EPARAM, "add restfreq=");
    pcl_region_text_clear(&got);
}

/* Channels as CASA takes them (crtf_ranges.py), with the axis ascending, descending and as a
 * table. */
static void ranges_are_casas(void **state) {
    (void)state;
    FILE *table = fopen(PCLEAN_TEST_GOLDEN "/crtf_ranges.tsv", "r");
    char line[300], text[400];
    size_t nrow = 0;
    assert_non_null(table);
    for (; fgets(line, sizeof line, table); nrow++) {
        char *first = strchr(line, '\t') + 1;
        snprintf(text, sizeof text, "circle[[128pix,128pix],20pix], %.*s", (int)(first - line - 1),
                 line);
        for (int turn = 0; turn < 3; turn++) {
            const double freq[5] = {1e9, 1.001e9, 1.002e9, 1.003e9, 1.004e9};
            casa_image_desc d = sky(256, 240, 5);
            pcl_region_text got;
            d.restfreq_hz = 1.001e9;
            if (turn == 1 && strstr(line, "chan"))
                continue;
            if (turn == 1) {
                d.crval_hz = 1.004e9;
                d.cdelt_hz = -1e6;
            }
            d.chan_freq_hz = turn == 2 ? freq : NULL;
            const int rc = parse(text, &d, &got);
            if ((rc == 0) != (first[0] != '-'))
                fail_msg("%s: %s", line, rc ? err.msg : "accepted");
            for (int c = 0; c < 5 && rc == 0; c++) {
                const int from = atoi(first), to = atoi(strchr(first, '\t')),
                          k = turn == 1 ? 4 - c : c;
                const bool in =
                    (size_t)c >= got.line->first_chan && (size_t)c <= got.line->last_chan;
                if (in != (k >= from && k <= to) && !strstr(line, "1000.5MHz"))
                    fail_msg("%s: channel %d", line, c);
            }
            pcl_region_text_clear(&got);
        }
    }
    fclose(table);
    assert_int_equal(nrow, 19);
}

static void bad_text_is_named(void **state) {
    (void)state;
    const struct {
        const char *text, *words;
        int code;
    } bad[] = {
        {"circle[[128pix,128pix],20pix", "is not a region such as", PCLEAN_EPARAM},
        {"blob[[128pix,128pix],20pix]", "\"blob\" is not a region", PCLEAN_EPARAM},
        {"circle[[128pix,128pix]]", "2 numbers where circle[[x,y],r]", PCLEAN_EPARAM},
        {"poly[[1pix,1pix],[2pix,2pix]]", "poly[[x1,y1]", PCLEAN_EPARAM},
        {"circle[[128,128],20]", "\"128\" is not a longitude", PCLEAN_EPARAM},
        {"circle[[128pix,5deg],20pix]", "mixes pixels", PCLEAN_EPARAM},
        {"circle[[128pix,128pix],20]", "\"20\"", PCLEAN_EPARAM},
        {"circle[[128pix,128pix],0pix]", "radius is zero", PCLEAN_EPARAM},
        {"circle[[128pix,128pix],-3pix]", "negative", PCLEAN_EPARAM},
        {"annulus[[128pix,128pix],[20pix,10pix]]", "inner radius", PCLEAN_EPARAM},
        {"circle[[13:00:00,05:00:00],1arcmin]", "ambiguous", PCLEAN_EPARAM},
        {"circle[[14deg,-5deg],1arcmin]", "90 degrees", PCLEAN_EPARAM},
        {"circle[[128pix,128pix],20pix] range=[1.4GHz,1.5GHz]", "outside the image's 5 channels",
         PCLEAN_EPARAM},
        {"circle[[128pix,128pix],20pix] range=[1.001GHz,1.002GHz], frame=TOPO",
         "frame=TOPO: ", PCLEAN_EUNSUPPORTED},
        {"circle[[128pix,128pix],20pix] range=[-5km/s,5km/s]", "add restfreq=", PCLEAN_EPARAM},
        {"circle[[128pix,128pix],20pix] range=[-5km/s,5km/s], restfreq=1GHz veltype=BETA",
         "veltype=BETA", PCLEAN_EUNSUPPORTED},
        {"circle[[128pix,128pix],20pix] range=[1chan,1.002GHz]", "both ends must be",
         PCLEAN_EPARAM},
        {"circle[[128pix,128pix],20pix] range=[1,3]", "\"1\" is no channel, frequency or velocity",
         PCLEAN_EPARAM},
        {"circle[[128pix,128pix],20pix] range=[7chan,9chan]", "outside the image's 5 channels",
         PCLEAN_EPARAM},
        {"circle[[128pix,128pix],20pix] range=[7chan", "has no end", PCLEAN_EPARAM},
        {"circle[[128pix,128pix],20pix] coord=NOWHERE", "coord=NOWHERE", PCLEAN_EPARAM},
        {"circle[[128pix,128pix],20pix] corr=[Q]", "no Stokes plane", PCLEAN_EPARAM},
        {"circle[[128pix,128pix],20pix] colour=red", "\"colour\" is not known", PCLEAN_EPARAM},
        {"circle[[128pix,128pix],20pix] red", "option=value", PCLEAN_EPARAM},
        {"circle[[128pix,128pix],20pix]\n\nbox[[1pix]]", "line 3: ", PCLEAN_EPARAM},
        {"# [nothing]\n", "no region", PCLEAN_EPARAM},
    };
    const casa_image_desc d = sky(256, 240, 5);
    pcl_region_text text;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_fails(parse(bad[i].text, &d, &text), bad[i].code, bad[i].words);
        assert_non_null(strstr(err.msg, "here"));
        pcl_region_text_clear(&text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_keep_their_order_and_planes),
        cmocka_unit_test(whose_rest_frequency_counts),
        cmocka_unit_test(ranges_are_casas),
        cmocka_unit_test(bad_text_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
