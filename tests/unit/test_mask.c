/* image/mask.c: masks of region text against the pixel counts of tclean's own (casatools 6.7.0.31,
 * the same texts), mask images, and sentences for what cannot be read. */
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

static int open_mask(const char *spec, const casa_image_desc *d, pcl_mask **out, pclean_err *e) {
    return pcl_mask_open(&spec, spec[0] != 0, d, out, e);
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
    assert_ok(open_mask(text, d, &mask, &err));
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

/* ---- every shape, pixel by pixel, as casatools has it (crtf_shapes.py) ---- */

static bool golden[3 * 2 * 40 * 48];

/* The runs of a line of the table, outside and inside by turns. */
static void read_runs(const char *text) {
    size_t at = 0;
    bool inside = false;
    for (char *end; at < sizeof golden / sizeof *golden; inside = !inside, text = end) {
        const unsigned long n = strtoul(text, &end, 10);
        assert_true(end != text && n <= sizeof golden / sizeof *golden - at);
        memset(golden + at, inside, n * sizeof *golden);
        at += n;
    }
}

static void assert_planes(const casa_image_desc *d, const char *text, pcl_mask *mask) {
    const size_t n = d->nx * d->ny;
    for (size_t k = 0; k < d->nchan * d->npol; k++) {
        assert_ok(pcl_mask_plane(mask, k % d->npol, k / d->npol, plane, &err));
        for (size_t i = 0; i < n; i++)
            if (plane[i] != golden[k * n + i])
                fail_msg("%s: plane %zu, pixel %zu,%zu", text, k, i % d->nx, i / d->nx);
    }
}

static void shapes_have_casas_pixels(void **state) {
    (void)state;
    static char line[20000];
    casa_image_desc d = sky(48, 40, 0);
    size_t ncase = 0;
    FILE *table = fopen(PCLEAN_TEST_GOLDEN "/crtf_shapes.tsv", "r");
    assert_non_null(table);
    d.npol = 2;
    d.nchan = 3;
    d.restfreq_hz = 1.001e9;
    d.centre = (casa_direction){0, 230.5 * 3600 * arcsec, (5 + 4 / 60.0) * 3600 * arcsec};
    d.increment_x_rad = -2 * arcsec;
    d.increment_y_rad = 2 * arcsec;
    while (fgets(line, sizeof line, table)) {
        char *tab = strchr(line, '\t');
        pcl_mask *mask = NULL;
        assert_non_null(tab);
        *tab = '\0';
        for (char *p = line; (p = strstr(p, " / ")) != NULL;) /* lines of one text */
            memcpy(p, " \n ", 3);
        if (tab[1] == '-') {
            assert_int_equal(open_mask(line, &d, &mask, &err), -PCLEAN_EPARAM);
        } else {
            assert_ok(open_mask(line, &d, &mask, &err));
            read_runs(tab + 1);
            assert_planes(&d, line, mask);
            pcl_mask_free(mask);
        }
        ncase++;
    }
    fclose(table);
    assert_true(ncase > 55);
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
    assert_ok(open_mask(name, &d, &mask, &err));
    const size_t expected[5] = {121, 1257, 1136, 1257, 0};
    for (size_t c = 0; c < 5; c++)
        assert_int_equal(count_of(mask, &d, 0, c), expected[c]);
    assert_false(pcl_mask_same_all_channels(mask));
    pcl_mask_free(mask);

    assert_count(&d, "-box[[10pix,10pix],[20pix,20pix]]", 4, 256 * 240 - 121); /* from everything */
    assert_count(&d, "circle[[128pix,128pix],20pix] range=[3chan,99chan]", 4, 1257);
    assert_count(&d, "", 2, 256 * 240);
    d.npol = 2;
    assert_ok(open_mask("circle[[128pix,128pix],20pix], corr=[V]", &d, &mask, &err));
    assert_int_equal(count_of(mask, &d, 0, 0), 0);
    assert_int_equal(count_of(mask, &d, 1, 0), 1257);
    assert_true(pcl_mask_same_all_channels(mask));
    pcl_mask_free(mask);
}

static void what_is_no_mask_is_named(void **state) {
    (void)state;
    casa_image_desc d = sky(256, 240, 5), tan = d;
    pcl_mask *mask = NULL;
    const char *circle = "circle[[128pix,128pix],20pix]";
    tan.projection = "TAN";
    assert_fails(open_mask("nosuchfile", &d, &mask, &err), PCLEAN_EPARAM,
                 "neither an existing image");
    assert_fails(open_mask("circle[[900pix,128pix],20pix]", &d, &mask, &err), PCLEAN_EPARAM,
                 "covers no pixel");
    assert_fails(open_mask(circle, &tan, &mask, &err), PCLEAN_EUNSUPPORTED, "not TAN");
    assert_fails(open_mask("circle[[128pix,128pix]]", &d, &mask, &err), PCLEAN_EPARAM,
                 "mask text, line 1: ");
    assert_null(mask);
    assert_ok(pcl_fs_write_text(in_folder("bad.crtf"), "\nblob[[1pix]]", 13, &err));
    assert_fails(open_mask(name, &d, &mask, &err), PCLEAN_EPARAM, "bad.crtf, line 2: ");
    assert_ok(pcl_fs_write_text(in_folder("binary"), "a[\0b", 4, &err));
    assert_fails(open_mask(name, &d, &mask, &err), PCLEAN_EPARAM,
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
    assert_ok(open_mask(name, &d, &mask, &err));
    for (size_t c = 0; c < 5; c++)
        assert_int_equal(count_of(mask, &d, 0, c), c == 0 ? 1 : c); /* pixel 1 is masked */
    assert_false(pcl_mask_same_all_channels(mask));
    pcl_mask_free(mask);

    one.nchan = 1;
    make_mask_image("one", &one, NULL);
    assert_ok(open_mask(name, &d, &mask, &err));
    assert_int_equal(count_of(mask, &d, 0, 4), 1);
    assert_true(pcl_mask_same_all_channels(mask));
    pcl_mask_free(mask);

    other.stokes[0] = 2;
    other.npol = 2;
    assert_ok(open_mask(name, &other, &mask, &err)); /* one polarization is for all */
    pcl_mask_free(mask);
    assert_fails(open_mask(folder, &d, &mask, &err), PCLEAN_EDATA, "not a CASA image");
}

/* Pixel x of the first row is set in channels x ... 4. */
static void images_on_other_grids_are_regridded(void **state) {
    (void)state;
    casa_image_desc d = sky(100, 90, 5), other = d;
    pcl_mask *mask = NULL;
    make_mask_image("grid", &d, NULL);
    other.nx = 50; /* crpix stays: the left half of the image */
    assert_ok(open_mask(name, &other, &mask, &err));
    assert_int_equal(count_of(mask, &other, 0, 3), 4);
    pcl_mask_free(mask);
    other = d;
    other.crpix_x += 7; /* all pixels lie seven further right */
    assert_ok(open_mask(name, &other, &mask, &err));
    assert_int_equal(count_of(mask, &other, 0, 3), 4);
    assert_true(!plane[6] && plane[7] && plane[10] && !plane[11]);
    pcl_mask_free(mask);
    other = d;
    other.nchan = 4; /* channels by frequency: two lower, twice as wide, the last beyond the end */
    other.crval_hz -= 2e6;
    other.cdelt_hz = 2e6;
    assert_ok(open_mask(name, &other, &mask, &err));
    const size_t expected[4] = {0, 1, 3, 5};
    for (size_t c = 0; c < 4; c++)
        assert_int_equal(count_of(mask, &other, 0, c), expected[c]);
    assert_false(pcl_mask_same_all_channels(mask));
    pcl_mask_free(mask);
    other = d;
    other.projection = "TAN";
    assert_fails(open_mask(name, &other, &mask, &err), PCLEAN_EPARAM,
                 "has the projection SIN, the image TAN; regrid it first");
}

static void several_masks_are_one(void **state) {
    (void)state;
    casa_image_desc d = sky(100, 90, 5);
    pcl_mask *mask = NULL;
    char path[1200];
    make_mask_image("several", &d, NULL);
    snprintf(path, sizeof path, "%s", name);
    const char *const both[] = {path, "box[[2pix,0pix],[5pix,0pix]], range=[0chan,1chan]",
                                "-box[[0pix,1pix],[99pix,89pix]]"};
    assert_ok(pcl_mask_open(both, 2, &d, &mask, &err));
    const size_t expected[5] = {5, 6, 3, 4, 5};
    for (size_t c = 0; c < 5; c++)
        assert_int_equal(count_of(mask, &d, 0, c), expected[c]);
    assert_false(pcl_mask_same_all_channels(mask));
    pcl_mask_free(mask);
    assert_ok(pcl_mask_open(both, 3, &d, &mask, &err)); /* what one takes away, another may add */
    assert_int_equal(count_of(mask, &d, 0, 0), 100);
    pcl_mask_free(mask);
    assert_ok(pcl_mask_open(NULL, 0, &d, &mask, &err));
    assert_int_equal(count_of(mask, &d, 0, 0), 9000);
    pcl_mask_free(mask);
    const char *const bad[] = {path, "nosuchfile"};
    assert_fails(pcl_mask_open(bad, 2, &d, &mask, &err), PCLEAN_EPARAM, "mask \"nosuchfile\"");
}

static void every_failing_allocation_is_survived(void **state) {
    (void)state;
    casa_image_desc d = sky(20, 20, 5);
    pcl_mask *mask = NULL;
    int rc = -1;
    for (long n = 1; rc != 0 && n < 100; n++) {
        pcl_mem_fail_after(n);
        rc = open_mask("box[[1pix,1pix],[4pix,4pix]], "
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
        cmocka_unit_test(shapes_have_casas_pixels),
        cmocka_unit_test(ranges_and_order_count),
        cmocka_unit_test(what_is_no_mask_is_named),
        cmocka_unit_test(images_are_masks),
        cmocka_unit_test(images_on_other_grids_are_regridded),
        cmocka_unit_test(several_masks_are_one),
        cmocka_unit_test(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
