/* image/mask.c: region text against the pixel counts of tclean's own masks (casatools 6.7.0.31, the
 * same texts), mask images, and sentences for what cannot be read. */
#include "base/bulk.h"
#include "base/fsutil.h"
#include "base/mem.h"
#include "image/mask.h"
#include "unit/check.h"
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[1024], name[1200];
static pclean_err err;

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "%s/mask.XXXXXX", PCLEAN_TEST_TMP);
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return pcl_fs_remove_tree(folder, &err);
}

static const char *in_folder(const char *base) {
    snprintf(name, sizeof name, "%s/%s", folder, base);
    return name;
}

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

static bool plane[256 * 256];

static size_t count_of(pcl_mask *mask, const casa_image_desc *d, size_t ipol, size_t ichan) {
    size_t n = 0;
    assert_ok(pcl_mask_plane(mask, ipol, ichan, plane, &err));
    for (size_t i = 0; i < d->nx * d->ny; i++)
        n += plane[i];
    return n;
}

static void assert_count(const casa_image_desc *d, const char *text, size_t ichan,
                         size_t expected) {
    pcl_mask *mask = NULL;
    assert_ok(pcl_mask_open(text, d, &mask, &err));
    size_t n = count_of(mask, d, 0, ichan);
    if (n != expected)
        fail_msg("%s: %zu pixels instead of %zu", text, n, expected);
    pcl_mask_free(mask);
}

static void regions_have_tcleans_pixels(void **state) {
    (void)state;
    const struct {
        const char *text;
        size_t n;
    } in_pixels[] = {
        {"circle[[128pix,128pix],20pix]", 1257},
        {"circle[[100.3pix,140.7pix],7.5pix]", 179},
        {"circle[[60pix,60pix],3pix]", 29},
        {"CIRCLE [[128 pix, 128pix], 20pix]", 1257},
        {"box[[100pix,100pix],[120pix,130pix]]", 651},
        {"box[[100.4pix,100.6pix],[120.5pix,130.5pix]]", 600},
        {"box[[120pix,130pix],[100pix,100pix]]", 651},
        {"centerbox[[60.3pix,70.6pix],[5.5pix,6.4pix]]", 36},
        {"annulus[[128pix,128pix],[10pix,20pix]]", 940},
        {"poly[[100pix,100pix],[150pix,110pix],[120pix,160pix]]", 1421},
        {"poly[[100pix,100pix],[120pix,100pix],[120pix,120pix],[100pix,120pix]]", 441},
        {"poly[[100.5pix,100.5pix],[120.5pix,100.5pix],[120.5pix,120.5pix],[100.5pix,120.5pix]]",
         400},
        {"poly[[100pix,100pix],[140pix,140pix],[140pix,100pix],[100pix,140pix]]", 881},
        {"poly[[-20pix,100pix],[40pix,140pix],[30pix,60pix]]", 1937},
        {"circle[[128pix,128pix],20pix]\nbox[[10pix,10pix],[20pix,20pix]]", 1378},
        {"#CRTFv0\ncircle[[128pix,128pix],20pix]\n-box[[120pix,120pix],[130pix,130pix]]\n", 1136},
    };
    casa_image_desc d = sky(256, 240, 5);
    for (size_t i = 0; i < sizeof in_pixels / sizeof *in_pixels; i++)
        assert_count(&d, in_pixels[i].text, 0, in_pixels[i].n);
    assert_count(&d, "rotbox[[100.2pix,90.3pix],[40pix,20pix],30deg]", 0, 800);
    assert_count(&d, "ellipse[[100.2pix,90.3pix],[40pix,20pix],30deg]", 0, 2518);

    casa_image_desc north = sky(200, 180, 70);
    assert_count(&north, "circle[[194.813deg,70.1034deg],597arcsec]", 0, 4973);
    assert_count(&north, "circle[[12:59:15.12,70.06.12.24],597arcsec]", 0, 4973);
    assert_count(&north, "box[[195.505650deg,69.8deg],[194.305650deg,70.2deg]]", 0, 9454);
    assert_count(&north, "centerbox[[195.307deg,70.103deg],[20.3arcmin,10.4arcmin]]", 0, 3354);
    assert_count(&north, "rotbox[[195.307deg,70.103deg],[20.3arcmin,10.4arcmin],30deg]", 0, 3377);
    assert_count(&north, "ellipse[[195.305650deg,70.1deg],[20arcmin,5arcmin],30deg]", 0, 4980);
    assert_count(&north, "ellipse[[195.307deg,70.103deg],[5.3arcmin,20.3arcmin],30deg]", 0, 5205);
    assert_count(&north,
                 "poly[[195.5057deg,69.803deg],[194.3059deg,70.0041deg],[194.8203deg,70.3017deg]]",
                 0, 4543);
}

/* A small ellipse far from round: its long axis lies along the position angle, north through east
 * (east: lower x). */
static void position_angles_go_north_through_east(void **state) {
    (void)state;
    casa_image_desc d = sky(256, 240, 5);
    pcl_mask *mask = NULL;
    const char *const texts[] = {"ellipse[[128pix,120pix],[50pix,3pix],30deg]",
                                 "rotbox[[128pix,120pix],[6pix,100pix],30deg]"};
    for (size_t i = 0; i < 2; i++) {
        assert_ok(pcl_mask_open(texts[i], &d, &mask, &err));
        assert_ok(pcl_mask_plane(mask, 0, 0, plane, &err));
        assert_true(plane[(120 + 35) * 256 + 128 - 20]); /* 40 pixels along 30 degrees */
        assert_false(plane[(120 + 35) * 256 + 128 + 20]);
        pcl_mask_free(mask);
    }
}

static void frames_are_converted(void **state) {
    (void)state;
    casa_image_desc d = sky(256, 240, 5);
    casa_direction at = d.centre;
    char text[200];
    assert_ok(casa_direction_parse("GALACTIC 0deg 0deg", &at, &err));
    assert_ok(casa_direction_convert(&d.centre, at.frame, &at, &err));
    snprintf(text, sizeof text, "circle[[%.10frad,%.10frad],300arcsec], coord=GALACTIC, color=red",
             at.lon_rad, at.lat_rad);
    pcl_mask *mask = NULL;
    assert_ok(pcl_mask_open(text, &d, &mask, &err));
    assert_int_equal(count_of(mask, &d, 0, 0), 1257);
    assert_true(plane[140 * 256 + 128] && plane[120 * 256 + 148] && !plane[120 * 256 + 149]);
    pcl_mask_free(mask);
}

static void ranges_and_order_count(void **state) {
    (void)state;
    casa_image_desc d = sky(256, 240, 5);
    pcl_mask *mask = NULL;
    const char *text = "#CRTFv0 CASA Region Text Format\n"
                       "global range=[1chan,3chan]  color=blue, label='a, b'\n\n"
                       "circle[[128pix,128pix],20pix]\n"
                       "-box[[120pix,120pix],[130pix,130pix]], range=2chan~2chan\n"
                       "+ box[[10pix,10pix],[20pix,20pix]] range=[0chan,0chan]\n"
                       "ann circle[[30pix,30pix],20pix]\n"
                       "symbol[[32.1423deg, 12.1412deg], D], linewidth=2\n";
    assert_ok(pcl_fs_write_text(in_folder("some.crtf"), text, strlen(text), &err));
    assert_ok(pcl_mask_open(name, &d, &mask, &err));
    const size_t expected[5] = {121, 1257, 1136, 1257, 0};
    for (size_t c = 0; c < 5; c++)
        assert_int_equal(count_of(mask, &d, 0, c), expected[c]);
    assert_false(pcl_mask_same_all_channels(mask));
    pcl_mask_free(mask);

    assert_count(&d, "-box[[10pix,10pix],[20pix,20pix]]", 4, 256 * 240 - 121); /* from everything */
    assert_count(&d, "circle[[128pix,128pix],20pix] range=[3chan,99chan]", 4, 1257);
    assert_count(&d, "", 2, 256 * 240);
    d.npol = 2;
    assert_ok(pcl_mask_open("circle[[128pix,128pix],20pix], corr=[V]", &d, &mask, &err));
    assert_int_equal(count_of(mask, &d, 0, 0), 0);
    assert_int_equal(count_of(mask, &d, 1, 0), 1257);
    assert_true(pcl_mask_same_all_channels(mask));
    pcl_mask_free(mask);
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
            pcl_mask *mask = NULL;
            d.restfreq_hz = 1.001e9;
            if (turn == 1 && strstr(line, "chan"))
                continue;
            if (turn == 1) {
                d.crval_hz = 1.004e9;
                d.cdelt_hz = -1e6;
            }
            d.chan_freq_hz = turn == 2 ? freq : NULL;
            const int rc = pcl_mask_open(text, &d, &mask, &err);
            if ((rc == 0) != (first[0] != '-'))
                fail_msg("%s: %s", line, rc ? err.msg : "accepted");
            for (int c = 0; c < 5 && rc == 0; c++) {
                const int from = atoi(first), to = atoi(strchr(first, '\t')),
                          k = turn == 1 ? 4 - c : c;
                if ((count_of(mask, &d, 0, (size_t)c) > 0) != (k >= from && k <= to) &&
                    !strstr(line, "1000.5MHz"))
                    fail_msg("%s: channel %d", line, c);
            }
            pcl_mask_free(mask);
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
        {"nosuchfile", "neither an existing image", PCLEAN_EPARAM},
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
        {"circle[[900pix,128pix],20pix]", "covers no pixel", PCLEAN_EPARAM},
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
    casa_image_desc d = sky(256, 240, 5);
    pcl_mask *mask = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_fails(pcl_mask_open(bad[i].text, &d, &mask, &err), bad[i].code, bad[i].words);
        assert_null(mask);
    }
    assert_ok(pcl_fs_write_text(in_folder("binary"), "a[\0b", 4, &err));
    assert_fails(pcl_mask_open(name, &d, &mask, &err), PCLEAN_EPARAM,
                 "neither a CASA image nor region text");
}

static void make_mask_image(const char *base, const casa_image_desc *d, const bool *good) {
    casa_image_layout layout;
    assert_ok(casa_image_create(in_folder(base), d, good, &layout, &err));
    int fd = open(layout.pixel_file, O_WRONLY);
    size_t tile = layout.tile_x * layout.tile_y; /* one tile a plane here */
    for (size_t c = 0; c < d->nchan; c++)
        for (size_t i = 0; i <= c + 1; i++) { /* channel c: pixels 0 ... c+1 of row 0, the last
                                               * one just at 0.5 */
            float value = i <= c ? 1.0f : 0.5f;
            assert_ok(pcl_bulk_pwrite(fd, name, &value, sizeof value, (c * tile + i) * sizeof value,
                                      &err));
        }
    close(fd);
}

static void images_are_masks(void **state) {
    (void)state;
    casa_image_desc d = sky(100, 90, 5), one = d, other = d;
    bool good[9000];
    pcl_mask *mask = NULL;
    memset(good, 1, sizeof good);
    good[1] = false;
    make_mask_image("cube", &d, good);
    assert_ok(pcl_mask_open(name, &d, &mask, &err));
    for (size_t c = 0; c < 5; c++)
        assert_int_equal(count_of(mask, &d, 0, c), c == 0 ? 1 : c); /* pixel 1 is masked */
    assert_false(pcl_mask_same_all_channels(mask));
    pcl_mask_free(mask);

    one.nchan = 1;
    make_mask_image("one", &one, NULL);
    assert_ok(pcl_mask_open(name, &d, &mask, &err));
    assert_int_equal(count_of(mask, &d, 0, 4), 1);
    assert_true(pcl_mask_same_all_channels(mask));
    pcl_mask_free(mask);

    other.nx = 99;
    assert_fails(pcl_mask_open(name, &other, &mask, &err), PCLEAN_EPARAM,
                 "100 x 90 pixels, the image 99 x 90");
    other = d;
    other.nchan = 4;
    assert_fails(pcl_mask_open(in_folder("cube"), &other, &mask, &err), PCLEAN_EPARAM,
                 "5 channels, the image 4");
    other = d;
    other.crval_hz += 2e6;
    assert_fails(pcl_mask_open(name, &other, &mask, &err), PCLEAN_EPARAM, "channel 0");
    other = d;
    other.centre.lon_rad += 1e-3;
    assert_fails(pcl_mask_open(name, &other, &mask, &err), PCLEAN_EPARAM, "elsewhere on the sky");
    other = d;
    other.increment_x_rad *= 1.1;
    assert_fails(pcl_mask_open(name, &other, &mask, &err), PCLEAN_EPARAM, "elsewhere on the sky");
    assert_fails(pcl_mask_open(folder, &d, &mask, &err), PCLEAN_EDATA, "not a CASA image");
}

static void every_failing_allocation_is_survived(void **state) {
    (void)state;
    casa_image_desc d = sky(20, 20, 5);
    pcl_mask *mask = NULL;
    int rc = -1;
    for (long n = 1; rc != 0 && n < 100; n++) {
        pcl_mem_fail_after(n);
        rc = pcl_mask_open("box[[1pix,1pix],[4pix,4pix]], "
                           "range=[0chan,1chan]\ncircle[[9pix,9pix],3pix]\npoly[[0pix,0pix],"
                           "[3pix,0pix],[3pix,3pix]]",
                           &d, &mask, &err);
        pcl_mem_fail_after(0);
        assert_true(rc == 0 || rc == -PCLEAN_ENOMEM);
    }
    assert_int_equal(rc, 0);
    pcl_mask_free(mask);
    pcl_mask_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions_have_tcleans_pixels),
        cmocka_unit_test(position_angles_go_north_through_east),
        cmocka_unit_test(frames_are_converted),
        cmocka_unit_test(ranges_and_order_count),
        cmocka_unit_test(ranges_are_casas),
        cmocka_unit_test(bad_text_is_named),
        cmocka_unit_test(images_are_masks),
        cmocka_unit_test(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
