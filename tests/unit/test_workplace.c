#include "run/workplace.h"

#include <stdlib.h>

#include "imager/setupbytes.h"
#include "parts.h"

static pclean_err err;

static int set_up(void **state) {
    (void)state;
    return make_folder("workplace", true);
}

static const char *const everything[] = {"mask",
                                         "circle[[20pix,18pix],9pix], range=[1chan,2chan]",
                                         "startmodel",
                                         NULL,
                                         "stokes",
                                         "RRLL",
                                         "cyclecontrol",
                                         "global",
                                         NULL};

/* A model to start from. */
static const char *make_model(void) {
    static char path[1000];
    parts p;
    float pixels[40 * 36] = {0}, *work = NULL;
    const char *const model[] = {"stokes", "RRLL", NULL};
    snprintf(path, sizeof path, "%s", in_folder("start.model"));
    parts_open(&p, "start", false, model);
    pcl_cube *cube = p.products.cube[PCL_PRODUCT_MODEL];
    assert_ok(PCL_NEW(&work, pcl_cube_work_size(cube), "work", &err));
    for (size_t k = 0; k < 8; k++) {
        pixels[k] = (float)k;
        assert_ok(pcl_cube_write_plane(cube, k % 2, k / 2, pixels, work, &err));
    }
    assert_ok(pcl_cube_finish(cube, NULL, 0, NULL, 0, &err));
    assert_ok(pcl_cube_publish(cube, true, &err));
    pcl_free(work);
    parts_close(&p);
    return path;
}

static void open_parts(parts *p, bool in_file, pcl_parcel *job) {
    const char *more[sizeof everything / sizeof *everything];
    memcpy(more, everything, sizeof everything);
    more[3] = make_model();
    parts_open(p, "job", in_file, more);
    *job = (pcl_parcel){0};
    assert_ok(pcl_workplace_put(&p->place, &p->scratch, job, &err));
}

static void assert_same_setup(const pcl_setup *a, const pcl_setup *b) {
    pcl_parcel x = {0}, y = {0};
    pcl_setupbytes_put(a, &x);
    pcl_setupbytes_put(b, &y);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    pcl_parcel_clear(&x);
    pcl_parcel_clear(&y);
}

static void assert_same_store(const pcl_store *a, const pcl_store *b) {
    assert_int_equal(a->npol, b->npol);
    assert_int_equal(a->nblock, b->nblock);
    assert_int_equal(a->nused, b->nused);
    for (size_t k = 0; k < a->nblock; k++) {
        const pcl_block *x = &a->block[k], *y = &b->block[k];
        const size_t n = a->npol * x->nchan * x->row_stride;
        assert_int_equal(x->nrow, y->nrow);
        assert_int_equal(x->row_stride, y->row_stride);
        assert_int_equal(x->nchan, y->nchan);
        assert_int_equal(x->ntime, y->ntime);
        assert_true(x->umax_m == y->umax_m && x->vmax_m == y->vmax_m && x->wmax_m == y->wmax_m);
        assert_true(x->spacing_hz == y->spacing_hz);
        assert_memory_equal(x->freq_hz, y->freq_hz, x->nchan * sizeof *x->freq_hz);
        assert_memory_equal(x->time_s, y->time_s, x->ntime * sizeof *x->time_s);
        assert_memory_equal(x->doppler, y->doppler, x->ntime * sizeof *x->doppler);
        assert_memory_equal(x->u_m, y->u_m, x->nrow * sizeof *x->u_m);
        assert_memory_equal(x->v_m, y->v_m, x->nrow * sizeof *x->v_m);
        assert_memory_equal(x->w_m, y->w_m, x->nrow * sizeof *x->w_m);
        assert_memory_equal(x->itime, y->itime, x->nrow * sizeof *x->itime);
        for (size_t c = 0; c < n; c += x->row_stride) {
            assert_memory_equal(x->weight + c, y->weight + c, x->nrow * sizeof *x->weight);
            assert_memory_equal(x->vis + 2 * c, y->vis + 2 * c, 2 * x->nrow * sizeof *x->vis);
        }
    }
}

/* Planes of one are planes of the other. */
static void assert_same_files(const pcl_workplace *a, const pcl_workplace *b) {
    enum { N = 40 * 36 };
    bool mask[2][N];
    float model[2][N], plane[N], again[N];
    for (size_t k = 0; k < 8; k++) {
        assert_ok(pcl_usermask_plane(a->mask, k % 2, k / 2, mask[0], &err));
        assert_ok(pcl_usermask_plane(b->mask, k % 2, k / 2, mask[1], &err));
        assert_memory_equal(mask[0], mask[1], sizeof *mask);
        assert_int_equal(mask[0][18 * 40 + 20], k / 2 == 1 || k / 2 == 2);
        assert_ok(pcl_startmodel_plane(a->startmodel, k % 2, k / 2, model[0], &err));
        assert_ok(pcl_startmodel_plane(b->startmodel, k % 2, k / 2, model[1], &err));
        assert_memory_equal(model[0], model[1], sizeof *model);
        assert_true(model[0][k] == (float)k);
        for (size_t i = 0; i < N; i++)
            plane[i] = parts_pixel(k % 2, k / 2, i);
        const pcl_state_item item = {k / 2, k % 2, PCL_STATE_RESIDUAL, 0, sizeof plane};
        const pcl_state_place to = pcl_state_file_place(b->spare),
                              from = pcl_state_file_place(a->spare);
        assert_ok(to.write(to.user, &item, plane, &err));
        assert_ok(from.read(from.user, &item, again, &err));
        assert_memory_equal(plane, again, sizeof plane);
    }
}

static void check_opened(bool in_file) {
    parts p;
    pcl_parcel job;
    pcl_workplace *other;
    open_parts(&p, in_file, &job);
    assert_int_equal(p.vis.in_file, in_file);
    assert_ok(pcl_workplace_open(job.data, job.size, &other, &err));
    assert_int_equal(other->nthread, 1);
    assert_null(other->stop_requested);
    assert_same_setup(&p.setup, other->setup);
    assert_string_equal(other->setup->config->imagename, p.config.imagename);
    assert_same_store(&p.vis, other->vis);
    assert_same_files(&p.place, other);
    pcl_workplace_close(other);
    assert_true(pcl_fs_exists(in_folder("job.residual.part"))); /* whose it is */
    pcl_parcel_clear(&job);
    parts_close(&p);
}

static void test_with_the_store_in_a_file(void **state) {
    (void)state;
    check_opened(true);
}

static void test_with_the_data_read_again(void **state) {
    (void)state;
    check_opened(false);
}

/* A job cut anywhere is an error with a sentence; so is one whose files are gone. */
static void test_what_is_missing(void **state) {
    (void)state;
    parts p;
    pcl_parcel job;
    pcl_workplace *other;
    open_parts(&p, true, &job);
    for (size_t n = 0; n < job.size; n += n < 300 ? 1 : 37) {
        unsigned char *piece = malloc(n ? n : 1);
        memcpy(piece, job.data, n);
        assert_fails(pcl_workplace_open(piece, n, &other, &err), PCLEAN_EDATA, "cut short");
        assert_null(other);
        free(piece);
    }
    const char *const needed[] = {
        "pclean-parts.the-visibilities", "pclean-parts.the-mask", "pclean-parts.the-start-model",
        "pclean-parts.residuals-and-models-between-cycles", "job.psf.part/table.f0_TSM0"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        assert_int_equal(rename(in_folder("%s", needed[i]), in_folder("away")), 0);
        assert_fails(pcl_workplace_open(job.data, job.size, &other, &err), PCLEAN_EIO, needed[i]);
        assert_null(other);
        assert_int_equal(rename(in_folder("away"), in_folder("%s", needed[i])), 0);
    }
    pcl_parcel_clear(&job);
    parts_close(&p);
}

/* Memory that is short at any allocation is an error, and nothing is lost (ASan would tell). */
static void test_no_memory(void **state) {
    (void)state;
    parts p;
    pcl_parcel job;
    pcl_workplace *other = NULL;
    open_parts(&p, true, &job);
    long n = 1;
    for (int rc = -1; rc; n += 7) {
        pcl_mem_fail_after(n);
        rc = pcl_workplace_open(job.data, job.size, &other, &err);
        pcl_mem_fail_after(0);
        if (rc)
            assert_int_equal(rc, -PCLEAN_ENOMEM);
    }
    assert_true(n > 100);
    pcl_workplace_close(other);
    pcl_workplace_close(NULL);
    pcl_parcel_clear(&job);
    parts_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_with_the_store_in_a_file),
                                       cmocka_unit_test(test_with_the_data_read_again),
                                       cmocka_unit_test(test_what_is_missing),
                                       cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
