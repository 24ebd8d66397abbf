#include "pclean/concat.h"
#include "run/products.h"

#include "parts.h"

enum { NX = 40, NY = 36, N = NX * NY, NCHAN = 4, NPOL = 2 };
static pclean_err err;

static int set_up(void **state) {
    (void)state;
    return make_folder("products", true);
}

/* The ways in which a run leaves cubes and sub-cubes: each plane lies once, or twice. */
static const char *const modes[][7] = {
    {"stokes", "RRLL", NULL},
    {"stokes", "RRLL", "keep_subcubes", "true", "concat_mode", "paged"},
    {"stokes", "RRLL", "concat_mode", "virtual", "cube_chunksize", "3"},
    {"stokes", "RRLL", "concat_mode", "movevirtual", "cube_chunksize", "1"}};
static const size_t nsubcube[] = {0, 2, 2, 4};

/* A target whose planes tell where they belong. */
static void fill(pcl_target *t, size_t ipol, size_t ichan) {
    t->plane.ipol = ipol;
    t->plane.ichan = ichan;
    for (size_t i = 0; i < N; i++) {
        t->psf[0][i] = parts_pixel(ipol, ichan, i) + 1;
        t->residual[0][i] = parts_pixel(ipol, ichan, i) + 2;
        t->model[0][i] = parts_pixel(ipol, ichan, i) + 3;
    }
}

static void save_all(pcl_products *s, pcl_target *t) {
    const pcl_state_place place = pcl_products_place(s);
    for (size_t k = 0; k < NCHAN * NPOL; k++) {
        fill(t, k % NPOL, k / NPOL);
        assert_ok(pcl_state_save(t, PCL_STATE_PSF | PCL_STATE_CYCLE, &place, &err));
    }
}

static void check_all(pcl_products *s, pcl_target *t, long blank) {
    const pcl_state_place place = pcl_products_place(s);
    for (size_t k = 0; k < NCHAN * NPOL; k++) {
        fill(t, k % NPOL, k / NPOL);
        memset(t->psf[0], 1, N * sizeof(float));
        memset(t->residual[0], 1, N * sizeof(float));
        memset(t->model[0], 1, N * sizeof(float));
        const pcl_plane at = t->plane;
        assert_ok(pcl_state_load(t, &at, PCL_STATE_PSF | PCL_STATE_CYCLE, &place, &err));
        for (size_t i = 0; i < N; i++) {
            const float x = (long)k == blank ? 0 : parts_pixel(k % NPOL, k / NPOL, i),
                        one = (long)k == blank ? 0 : 1;
            assert_true(t->psf[0][i] == x + one);
            assert_true(t->residual[0][i] == x + 2 * one);
            assert_true(t->model[0][i] == x + 3 * one);
        }
    }
}

/* Saved is loaded, by who made the products and by who attached them, from either to the other. */
static void test_planes_in_every_mode(void **state) {
    (void)state;
    for (size_t m = 0; m < sizeof modes / sizeof *modes; m++)
        for (int other = 0; other < 2; other++) {
            parts p;
            pcl_target t;
            pcl_parcel record = {0};
            pcl_products attached;
            parts_open(&p, "modes", false, modes[m]);
            assert_int_equal(p.products.nsubcube, nsubcube[m]);
            assert_ok(pcl_target_init(&t, &p.setup, &p.vis, NULL, &err));
            assert_ok(pcl_products_put(&p.products, &record, &err));
            pcl_parcel_reader r = {.data = record.data, .size = record.size};
            assert_ok(pcl_products_attach(&r, &p.config, &attached, &err));
            assert_int_equal(r.at, record.size);
            save_all(other ? &attached : &p.products, &t);
            check_all(other ? &p.products : &attached, &t, -1);
            assert_ok(pcl_products_blank(other ? &attached : &p.products, 1, 2, &err));
            check_all(other ? &p.products : &attached, &t, 2 * NPOL + 1);
            pcl_products_detach(&attached);
            pcl_target_clear(&t);
            pcl_parcel_clear(&record);
            parts_close(&p);
            for (enum pcl_product k = 0; k < PCL_NPRODUCT; k++)
                assert_false(pcl_fs_exists(in_folder("modes%s.part", pcl_product_extension(k))));
        }
}

/* A product that is not made takes no planes, and a model that is none reads as zeros. */
static void test_products_that_are_not_made(void **state) {
    (void)state;
    const char *const more[] = {"niter", "0", "restoration", "false", "stokes", "RRLL", NULL};
    parts p;
    pcl_target t;
    parts_open(&p, "few", false, more);
    assert_null(p.products.cube[PCL_PRODUCT_MODEL]);
    assert_null(p.products.cube[PCL_PRODUCT_IMAGE]);
    assert_null(p.products.cube[PCL_PRODUCT_MASK]);
    assert_ok(pcl_target_init(&t, &p.setup, &p.vis, NULL, &err));
    save_all(&p.products, &t);
    fill(&t, 0, 1);
    const pcl_state_place place = pcl_products_place(&p.products);
    const pcl_plane at = t.plane;
    assert_ok(pcl_state_load(&t, &at, PCL_STATE_CYCLE, &place, &err));
    assert_true(t.residual[0][5] == parts_pixel(0, 1, 5) + 2);
    for (size_t i = 0; i < N; i++)
        assert_true(t.model[0][i] == 0);
    pcl_target_clear(&t);
    parts_close(&p);
}

/* Bytes on disk are those that were foretold, within the headers of casacore. */
static void test_bytes_on_disk(void **state) {
    (void)state;
    for (size_t m = 0; m < sizeof modes / sizeof *modes; m++) {
        parts p;
        uint64_t bytes = 0, all = 0;
        parts_open(&p, "bytes", false, modes[m]);
        for (enum pcl_product k = 0; k < PCL_NPRODUCT; k++)
            if (p.products.cube[k]) {
                assert_ok(pcl_fs_tree_size(pcl_cube_path(p.products.cube[k]), &bytes, &err));
                all += bytes;
                for (size_t i = 0; p.products.mode != PCLEAN_CONCAT_MOVEVIRTUAL && i < nsubcube[m];
                     i++) {
                    assert_ok(
                        pcl_fs_tree_size(pcl_cube_path(p.products.subcube[k][i]), &bytes, &err));
                    all += bytes;
                }
            }
        const uint64_t planned = pcl_products_bytes(&p.setup);
        assert_true(all >= planned);
        assert_true(all - planned < 7 * (1 + nsubcube[m]) * 60000);
        parts_close(&p);
    }
}

static void test_attached_to_what_is_gone(void **state) {
    (void)state;
    parts p;
    pcl_parcel record = {0};
    pcl_products attached;
    parts_open(&p, "gone", false, modes[2]);
    assert_ok(pcl_products_put(&p.products, &record, &err));
    for (size_t n = 0; n < record.size; n += 11) {
        pcl_parcel_reader r = {.data = record.data, .size = n};
        assert_fails(pcl_products_attach(&r, &p.config, &attached, &err), PCLEAN_EDATA,
                     "cut short");
    }
    assert_ok(pcl_fs_remove_tree(in_folder("gone.subcube.1.residual.part"), &err));
    pcl_parcel_reader r = {.data = record.data, .size = record.size};
    assert_fails(pcl_products_attach(&r, &p.config, &attached, &err), PCLEAN_EIO,
                 "gone.subcube.1.residual.part/table.f0_TSM0: No such file");
    pcl_parcel_clear(&record);
    parts_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_planes_in_every_mode),
                                       cmocka_unit_test(test_products_that_are_not_made),
                                       cmocka_unit_test(test_bytes_on_disk),
                                       cmocka_unit_test(test_attached_to_what_is_gone)};
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
