#include "run/publish.h"

#include <math.h>

#include "parts.h"
#include "run/record.h"

static pclean_err err;

static int set_up(void **state) {
    (void)state;
    return make_folder("publish", true);
}

static const casa_beam beams[] = {
    {1e-4, 1e-4, 0}, {2e-4, 1e-4, 0}, {3e-4, 1e-4, 0}, {4e-4, 1e-4, 0}};
static const char *const history[] = {"a line", "another"};
static const pcl_publish_headers headers = {.fitted = beams, .history = history, .nhistory = 2};

/* One that a run of `more` makes, nothing written into it but this pixel of its residual. */
static int publish(const char *name, const char *const *more, float pixel) {
    enum { N = 40 * 36 };
    parts p;
    float *plane = NULL;
    parts_open(&p, name, false, more);
    assert_ok(PCL_ZNEW(&plane, N, "plane", &err));
    plane[0] = pixel;
    pcl_cube *cube = p.products.nsubcube ? p.products.subcube[PCL_PRODUCT_RESIDUAL][0]
                                         : p.products.cube[PCL_PRODUCT_RESIDUAL];
    assert_ok(pcl_cube_write_plane(cube, 0, 0, plane, p.products.work, &err));
    const int rc = pcl_publish_products(&p.products, &p.setup, &headers, &err);
    pcl_free(plane);
    parts_close(&p);
    return rc;
}

static float pixel_of(const char *name) {
    float plane[40 * 36];
    casa_image *image;
    assert_ok(pcl_virtual_open(in_folder("%s.residual", name), &image, &err));
    assert_ok(casa_image_read_plane(image, 0, 0, plane, NULL, &err));
    casa_image_close(image);
    return plane[0];
}

static bool there(const char *name, const char *extension) {
    return pcl_fs_exists(in_folder("%s%s", name, extension));
}

static void test_headers_and_names(void **state) {
    (void)state;
    assert_ok(publish("one", NULL, 1));
    for (enum pcl_product k = 0; k < PCL_NPRODUCT; k++) {
        casa_image *image;
        casa_beam beam;
        bool has;
        if (k == PCL_PRODUCT_PBCOR)
            continue;
        assert_false(there("one.part", pcl_product_extension(k)));
        assert_ok(casa_image_open(in_folder("one%s", pcl_product_extension(k)), &image, &err));
        assert_ok(casa_image_get_beam(image, 0, 2, &beam, &has, &err));
        assert_int_equal(has, k == PCL_PRODUCT_PSF || k == PCL_PRODUCT_IMAGE);
        if (has)
            assert_true(beam.major_rad > 2.9e-4 && beam.major_rad < 3.1e-4);
        casa_image_close(image);
    }
    assert_true(pixel_of("one") == 1);
    assert_fails(publish("one", NULL, 2), PCLEAN_EEXIST, "products of");
    assert_true(pixel_of("one") == 1);
}

/* All restored planes have the same: one beam in the header, as tclean's; the PSFs keep theirs. */
static void test_one_beam(void **state) {
    (void)state;
    static const casa_beam one = {5e-4, 4e-4, 0.3};
    pcl_publish_headers with = headers;
    casa_beam found[4];
    bool any;
    parts p;
    with.one = &one;
    parts_open(&p, "common", false, NULL);
    assert_ok(pcl_publish_products(&p.products, &p.setup, &with, &err));
    parts_close(&p);
    for (int psf = 0; psf < 2; psf++) {
        casa_image *image;
        assert_ok(casa_image_open(in_folder(psf ? "common.psf" : "common.image"), &image, &err));
        assert_ok(casa_image_get_beams(image, found, &any, &err));
        casa_image_close(image);
        for (size_t i = 0; i < 4; i++)
            assert_true(fabs(found[i].major_rad / (psf ? beams[i] : one).major_rad - 1) < 1e-12);
    }
}

/* Products of the run that is replaced and that the new one does not make go; the mask of one that
 * is continued stays. */
static void test_older_products(void **state) {
    (void)state;
    assert_ok(publish("old", (const char *const[]){"pbcor", "true", NULL}, 1));
    assert_true(there("old", ".image.pbcor") && there("old", ".mask"));
    assert_ok(publish("old", (const char *const[]){"niter", "0", "restart", "true", NULL}, 2));
    assert_true(pixel_of("old") == 2);
    assert_false(there("old", ".image.pbcor"));
    assert_true(there("old", ".mask"));
    assert_ok(publish("old", (const char *const[]){"niter", "0", "overwrite", "true", NULL}, 3));
    assert_true(pixel_of("old") == 3);
    assert_false(there("old", ".mask"));
}

/* From any way to leave sub-cubes to any other: the new ones are there, and none of the old. */
static void test_subcubes_of_another_kind(void **state) {
    (void)state;
    static const char *const modes[][7] = {
        {"overwrite", "true", NULL},
        {"overwrite", "true", "concat_mode", "virtual", "cube_chunksize", "1"},
        {"overwrite", "true", "concat_mode", "movevirtual", "cube_chunksize", "2"},
        {"overwrite", "true", "concat_mode", "virtual", "cube_chunksize", "3"}};
    static const size_t nbeside[] = {0, 4, 0, 2};
    for (size_t from = 0; from < 4; from++)
        for (size_t to = 0; to < 4; to++) {
            assert_ok(publish("kind", modes[from], 1));
            assert_true(pixel_of("kind") == 1);
            assert_ok(publish("kind", modes[to], 2));
            assert_true(pixel_of("kind") == 2);
            for (size_t i = 0; i < 5; i++)
                assert_int_equal(pcl_fs_exists(in_folder("kind.subcube.%zu.residual", i)),
                                 i < nbeside[to]);
            assert_false(there("kind", ".residual.part") || there("kind", ".residual.next.part") ||
                         there("kind", ".residual.old.part") || there("kind", ".lock"));
        }
}

/* A folder that no rename goes into: everything is as it was, the record too. */
static void test_names_that_cannot_change(void **state) {
    (void)state;
    assert_ok(publish("fail", NULL, 1));
    FILE *record = fopen(in_folder("fail.run.json"), "w");
    fputs("{\n \"pclean\": \"1\",\n \"casacore\": \"3\"}", record);
    fclose(record);
    parts p;
    parts_open(&p, "fail", false, (const char *const[]){"overwrite", "true", NULL});
    assert_ok(pcl_fs_remove_tree(in_folder("fail.sumwt"), &err));
    FILE *other = fopen(in_folder("fail.sumwt"), "w"); /* no image: not ours to replace */
    fputs("a poem", other);
    fclose(other);
    assert_fails(pcl_publish_products(&p.products, &p.setup, &headers, &err), PCLEAN_EEXIST,
                 "fail.sumwt");
    parts_close(&p);
    assert_true(pixel_of("fail") == 1);
    assert_true(there("fail", ".run.json") && !there("fail", ".run.json.aside"));
    assert_false(there("fail", ".psf.part"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers_and_names), cmocka_unit_test(test_one_beam),
        cmocka_unit_test(test_older_products), cmocka_unit_test(test_subcubes_of_another_kind),
        cmocka_unit_test(test_names_that_cannot_change)};
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
