/* image/cube.c: planes in any order from threads and processes, final names, and what failure
 * leaves behind. */
#include "base/fsutil.h"
#include "base/mem.h"
#include "folder.h"
#include "image/cube.h"
#include "unit/check.h"
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static pclean_err err;

static int set_up(void **state) {
    (void)state;
    return make_folder("cube", false);
}

static casa_image_desc example(size_t nx, size_t ny, size_t npol, size_t nchan) {
    return (casa_image_desc){.nx = nx,
                             .ny = ny,
                             .npol = npol,
                             .nchan = nchan,
                             .stokes = {1, 2, 3, 4},
                             .centre = {0, 1, 0.5},
                             .crpix_x = (double)(nx / 2),
                             .crpix_y = (double)(ny / 2),
                             .increment_x_rad = -1e-5,
                             .increment_y_rad = 1e-5,
                             .projection = "SIN",
                             .freq_frame = 1,
                             .crval_hz = 1e9,
                             .cdelt_hz = 1e6,
                             .time_ref = "UTC",
                             .position_itrf_m = {1e6, 2e6, 6e6}};
}

static float value_of(size_t ichan, size_t ipol, size_t i) {
    return (float)(ichan * 10 + ipol + 1) + (float)(i * 2654435761u % 4096) / 4096;
}

/* Writes plane number `plane` (polarization fastest). Returns 0 or a code; usable in a child. */
static int write_one(pcl_cube *cube, const casa_image_desc *d, size_t plane) {
    float *pixels = NULL, *work = NULL;
    pclean_err e;
    int rc = PCL_NEW(&pixels, d->nx * d->ny, "pixels", &e);
    if (rc == 0)
        rc = PCL_NEW(&work, pcl_cube_work_size(cube), "work", &e);
    for (size_t i = 0; rc == 0 && i < d->nx * d->ny; i++)
        pixels[i] = value_of(plane / d->npol, plane % d->npol, i);
    if (rc == 0)
        rc = pcl_cube_write_plane(cube, plane % d->npol, plane / d->npol, pixels, work, &e);
    pcl_free(pixels);
    pcl_free(work);
    return rc;
}

/* Every pixel through casacore; plane `blank` (or none: SIZE_MAX) is zero. */
static void assert_written(const char *path, const casa_image_desc *d, const bool *mask,
                           size_t blank) {
    casa_image *im = NULL;
    float *pixels = NULL;
    bool *good = NULL;
    size_t n = d->nx * d->ny;
    assert_ok(casa_image_open(path, &im, &err));
    assert_ok(PCL_NEW(&pixels, n, "pixels", &err));
    assert_ok(PCL_NEW(&good, n, "mask", &err));
    for (size_t plane = 0; plane < d->nchan * d->npol; plane++) {
        assert_ok(casa_image_read_plane(im, plane % d->npol, plane / d->npol, pixels, good, &err));
        for (size_t i = 0; i < n; i++) {
            assert_true(pixels[i] ==
                        (plane == blank ? 0 : value_of(plane / d->npol, plane % d->npol, i)));
            assert_int_equal(good[i], mask ? mask[i] : true);
        }
    }
    pcl_free(pixels);
    pcl_free(good);
    casa_image_close(im);
}

static void what_is_written_is_read(void **state) {
    (void)state;
    const size_t shape[][4] = {{1, 1, 1, 7},     {101, 57, 1, 3},  {256, 256, 2, 2},
                               {129, 300, 4, 2}, {128, 128, 1, 1}, {1, 260, 1, 2},
                               {517, 3, 2, 1}};
    for (size_t s = 0; s < sizeof shape / sizeof *shape; s++) {
        casa_image_desc d = example(shape[s][0], shape[s][1], shape[s][2], shape[s][3]);
        size_t nplane = d.nchan * d.npol, blank = nplane > 2 ? 1 : SIZE_MAX;
        bool *mask = NULL;
        assert_ok(PCL_NEW(&mask, d.nx * d.ny, "mask", &err));
        for (size_t i = 0; i < d.nx * d.ny; i++)
            mask[i] = i % 3 == 0;
        for (int masked = 0; masked < 2; masked++) {
            pcl_cube *cube = NULL;
            const char *path = in_folder("identity");
            assert_ok(pcl_cube_create(path, &d, masked ? mask : NULL, &cube, &err));
            for (size_t plane = nplane; plane-- > 0;)
                if (plane != blank)
                    assert_ok(write_one(cube, &d, plane));
            /* opens while the run goes on */
            assert_written(pcl_cube_path(cube), &d, masked ? mask : NULL, blank);
            assert_ok(pcl_cube_finish(cube, NULL, 0, NULL, 0, &err));
            assert_ok(pcl_cube_publish(cube, true, &err));
            assert_string_equal(pcl_cube_path(cube), path);
            assert_written(path, &d, masked ? mask : NULL, blank);
            assert_false(pcl_fs_exists(in_folder("identity.part")));
            pcl_cube_free(cube);
        }
        pcl_free(mask);
    }
}

typedef struct share {
    pcl_cube *cube;
    const casa_image_desc *d;
    size_t first, step;
    int rc;
} share;

static void *write_share(void *arg) {
    share *s = arg;
    for (size_t plane = s->first; plane < s->d->nchan * s->d->npol && s->rc == 0; plane += s->step)
        s->rc = write_one(s->cube, s->d, plane);
    return NULL;
}

static void threads_write_planes(void **state) {
    (void)state;
    casa_image_desc d = example(150, 70, 2, 20);
    pcl_cube *cube = NULL;
    pthread_t thread[4];
    share shares[4];
    assert_ok(pcl_cube_create(in_folder("threads"), &d, NULL, &cube, &err));
    for (size_t i = 0; i < 4; i++) {
        shares[i] = (share){cube, &d, i, 4, 0};
        assert_int_equal(pthread_create(&thread[i], NULL, write_share, &shares[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(shares[i].rc, 0);
    }
    assert_ok(pcl_cube_finish(cube, NULL, 0, NULL, 0, &err));
    assert_written(pcl_cube_path(cube), &d, NULL, SIZE_MAX);
    pcl_cube_abort(cube);
}

static void processes_write_planes(void **state) {
    (void)state;
    casa_image_desc d = example(150, 70, 1, 21);
    pcl_cube *cube = NULL;
    assert_ok(pcl_cube_create(in_folder("processes"), &d, NULL, &cube, &err));
    for (size_t i = 0; i < 2; i++)
        if (fork() == 0) {
            share s = {cube, &d, i, 2, 0};
            write_share(&s);
            _exit(s.rc != 0);
        }
    for (int status, i = 0; i < 2; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_ok(pcl_cube_finish(cube, NULL, 0, NULL, 0, &err));
    assert_written(pcl_cube_path(cube), &d, NULL, SIZE_MAX);
    pcl_cube_abort(cube);
    assert_false(pcl_fs_exists(in_folder("processes.part")));
}

/* All that a process which attaches knows is the record and the name. */
static void write_attached(const char *path, const pcl_cube_record *record,
                           const casa_image_desc *d, const bool *mask) {
    pcl_cube *cube = NULL;
    float *work = NULL;
    pclean_err e;
    int rc = pcl_cube_attach(path, record, &cube, &e);
    if (!rc)
        rc = PCL_NEW(&work, pcl_cube_work_size(cube), "work", &e);
    for (size_t plane = 0; !rc && plane < d->nchan * d->npol; plane++)
        if (!(rc = write_one(cube, d, plane)) && mask)
            rc = pcl_cube_write_mask(cube, plane % d->npol, plane / d->npol, mask, work, &e);
    pcl_free(work);
    pcl_cube_free(cube);
    _exit(rc != 0);
}

static void attached_planes_are_the_same(void **state) {
    (void)state;
    const size_t sizes[][2] = {{1, 1}, {101, 57}, {300, 131}};
    for (size_t k = 0; k < 6; k++) {
        const casa_image_desc d = example(sizes[k / 2][0], sizes[k / 2][1], 2, 3);
        const bool masked = k % 2;
        pcl_cube *cube = NULL;
        pcl_cube_record record;
        bool *mask = NULL;
        int status;
        assert_ok(PCL_ZNEW(&mask, d.nx * d.ny, "mask", &err));
        assert_ok(pcl_cube_create(in_folder("attached"), &d, masked ? mask : NULL, &cube, &err));
        assert_ok(pcl_cube_describe(cube, &record, &err));
        for (size_t i = 0; i < d.nx * d.ny; i++)
            mask[i] = i % 5 != 1;
        if (fork() == 0)
            write_attached(in_folder("attached"), &record, &d, masked ? mask : NULL);
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
        assert_ok(pcl_cube_finish(cube, NULL, 0, NULL, 0, &err));
        assert_written(pcl_cube_path(cube), &d, masked ? mask : NULL, SIZE_MAX);
        pcl_cube_abort(cube);
        pcl_free(mask);
    }
}

static void what_cannot_be_attached(void **state) {
    (void)state;
    const casa_image_desc d = example(40, 30, 1, 3);
    pcl_cube *cube = NULL, *other = NULL;
    pcl_cube_record record;
    assert_ok(pcl_cube_create(in_folder("attached"), &d, NULL, &cube, &err));
    assert_ok(pcl_cube_describe(cube, &record, &err));
    assert_fails(pcl_cube_attach(in_folder("elsewhere"), &record, &other, &err), PCLEAN_EIO,
                 "elsewhere.part/table.f0_TSM0: No such file");
    assert_null(other);
    record.nchan = 4;
    assert_fails(pcl_cube_attach(in_folder("attached"), &record, &other, &err), PCLEAN_EDATA,
                 "the planes need");
    assert_null(other);
    record.nchan = 3;
    assert_ok(pcl_cube_attach(in_folder("attached"), &record, &other, &err));
    pcl_cube_free(other);
    assert_true(pcl_fs_exists(pcl_cube_path(cube))); /* whose it is */
    for (long n = 1; n <= 3; n++) {
        pcl_mem_fail_after(n);
        assert_int_equal(pcl_cube_attach(in_folder("attached"), &record, &other, &err),
                         -PCLEAN_ENOMEM);
        pcl_mem_fail_after(0);
    }
    pcl_cube_abort(cube);
}

/* A finished cube of one plane whose pixels are those of channel `generation`. */
static pcl_cube *finished(const char *path, float generation) {
    casa_image_desc d = example(2, 1, 1, 1);
    pcl_cube *cube = NULL;
    float pixels[2] = {generation, generation}, work[2];
    assert_ok(pcl_cube_create(path, &d, NULL, &cube, &err));
    assert_int_equal(pcl_cube_work_size(cube), 2);
    assert_ok(pcl_cube_write_plane(cube, 0, 0, pixels, work, &err));
    assert_ok(pcl_cube_finish(cube, NULL, 0, NULL, 0, &err));
    assert_ok(pcl_cube_sync_all((pcl_cube *[]){NULL, cube, NULL}, 3, &err));
    return cube;
}

static float generation_of(const char *path) {
    casa_image *im = NULL;
    float pixels[2];
    assert_ok(casa_image_open(path, &im, &err));
    assert_ok(casa_image_read_plane(im, 0, 0, pixels, NULL, &err));
    casa_image_close(im);
    return pixels[0];
}

static void an_existing_product_is_kept_or_exchanged(void **state) {
    (void)state;
    const char *path = in_folder("again");
    pcl_cube *cube = finished(path, 1);
    assert_ok(pcl_cube_publish(cube, false, &err));
    pcl_cube_abort(cube); /* published: nothing to remove */
    assert_true(generation_of(path) == 1);
    cube = finished(path, 2);
    assert_true(generation_of(path) == 1);
    assert_fails(pcl_cube_publish(cube, false, &err), PCLEAN_EEXIST, "again");
    assert_true(generation_of(path) == 1);
    assert_ok(pcl_cube_publish(cube, true, &err));
    assert_true(generation_of(path) == 2);
    assert_false(pcl_fs_exists(in_folder("again.part")));
    pcl_cube_free(cube);
    cube = finished(path, 3);
    pcl_cube_free(cube); /* as if killed: the .part stays, the next run removes it */
    assert_true(pcl_fs_exists(in_folder("again.part")));
    cube = finished(path, 4);
    pcl_cube_abort(cube);
    assert_true(generation_of(path) == 2);
    pcl_cube_free(NULL);
    pcl_cube_abort(NULL);
}

static void all_names_change_or_none(void **state) {
    (void)state;
    const char *path[4] = {in_folder("set.psf"), in_folder("set.new"), in_folder("set.image"),
                           in_folder("set.last")};
    pcl_cube *cube[5] = {NULL};
    for (int i = 0; i < 4; i += 2) {
        pcl_cube *old = finished(path[i], 1);
        assert_ok(pcl_cube_publish(old, false, &err));
        pcl_cube_free(old);
    }
    for (int i = 0; i < 4; i++)
        cube[i + 1] = finished(path[i], 2);
    char lost[1300];
    snprintf(lost, sizeof lost, "%s.part", path[3]);
    assert_ok(pcl_fs_remove_tree(lost, &err)); /* the last one cannot be renamed */
    assert_fails(pcl_cube_publish_all(cube, 5, true, &err), PCLEAN_EIO, "set.last");
    assert_true(generation_of(path[0]) == 1);
    assert_false(pcl_fs_exists(path[1]));
    assert_true(generation_of(path[2]) == 1);
    for (int i = 0; i < 3; i++)
        assert_true(generation_of(pcl_cube_path(cube[i + 1])) == 2);
    assert_fails(pcl_cube_publish_all(cube, 4, false, &err), PCLEAN_EEXIST, "set.psf");
    assert_ok(pcl_cube_publish_all(cube, 4, true, &err));
    for (int i = 0; i < 3; i++)
        assert_true(generation_of(path[i]) == 2);
    for (int i = 0; i < 5; i++)
        pcl_cube_abort(cube[i]);
    assert_true(generation_of(path[0]) == 2);
    assert_false(pcl_fs_exists(in_folder("set.psf.part")));
}

static void a_full_disk_shows_at_the_start(void **state) {
    (void)state;
    char disk[1200];
    snprintf(disk, sizeof disk, "%s", in_folder("disk"));
    assert_int_equal(mkdir(disk, 0777), 0);
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", disk, "tmpfs", 0, "size=3m") != 0)
        skip();
    casa_end(); /* the process that writes must see the disk */
    casa_image_desc d = example(512, 512, 1, 4), small = example(128, 128, 1, 4);
    pcl_cube *cube = NULL;
    assert_fails(pcl_cube_create(in_folder("disk/big"), &d, NULL, &cube, &err), PCLEAN_ENOSPC,
                 "MiB free");
    assert_null(cube);
    assert_false(pcl_fs_exists(in_folder("disk/big.part")));
    assert_ok(pcl_cube_create(in_folder("disk/small"), &small, NULL, &cube, &err));
    FILE *filler = fopen(in_folder("disk/filler"), "wb");
    static const char block[1024];
    for (int i = 0; i < 4096 && fwrite(block, 1, 1024, filler) == 1024; i++)
        ;
    fclose(filler);
    const char *const history[] = {"a line"};
    assert_fails(pcl_cube_finish(cube, NULL, 0, history, 1, &err), PCLEAN_ENOSPC,
                 "o space"); /* casacore would abort */
    pcl_cube_abort(cube);
    umount2(disk, MNT_DETACH);
}

static void bad_input_is_named(void **state) {
    (void)state;
    casa_image_desc d = example(4, 4, 1, 1);
    pcl_cube *cube = NULL;
    float pixels[16] = {0}, work[16];
    assert_fails(pcl_cube_create(in_folder("no/such/x"), &d, NULL, &cube, &err), PCLEAN_EIO,
                 "No such file");
    assert_null(cube);
    assert_ok(pcl_cube_create(in_folder("bad"), &d, NULL, &cube, &err));
    assert_fails(pcl_cube_write_plane(cube, 0, 1, pixels, work, &err), PCLEAN_EBUG, "channel 1");
    assert_ok(pcl_cube_finish(cube, NULL, 0, NULL, 0, &err));
    assert_fails(pcl_cube_write_plane(cube, 0, 0, pixels, work, &err), PCLEAN_EBUG, "any more");
    assert_ok(pcl_fs_remove_tree(pcl_cube_path(cube), &err));
    assert_fails(pcl_cube_sync_all(&cube, 1, &err), PCLEAN_EIO, "bad.part: No such file");
    pcl_cube_abort(cube);
    for (long n = 1; n <= 3; n++) {
        pcl_mem_fail_after(n);
        assert_int_equal(pcl_cube_create(in_folder("bad"), &d, NULL, &cube, &err), -PCLEAN_ENOMEM);
        pcl_mem_fail_after(0);
        assert_false(pcl_fs_exists(in_folder("bad.part")));
    }
}

/* Each plane its own mask, over sizes whose tiles do not end on whole bytes; and planes read back
 * as they were written. */
static void masks_and_planes_come_back(void **state) {
    (void)state;
    const size_t sizes[][2] = {{1, 1}, {7, 5}, {101, 57}, {300, 131}};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const casa_image_desc d = example(sizes[k][0], sizes[k][1], 2, 3);
        const size_t n = d.nx * d.ny;
        pcl_cube *cube = NULL;
        casa_image *im = NULL;
        float *pixels = NULL, *again = NULL, *work = NULL;
        bool *mask = NULL, *have = NULL;
        assert_ok(PCL_NEW(&pixels, n, "pixels", &err));
        assert_ok(PCL_NEW(&again, n, "pixels", &err));
        assert_ok(PCL_ZNEW(&mask, n, "mask", &err));
        assert_ok(PCL_NEW(&have, n, "mask", &err));
        assert_ok(pcl_cube_create(in_folder("masks"), &d, mask, &cube, &err));
        assert_ok(PCL_NEW(&work, pcl_cube_work_size(cube), "work", &err));
        for (size_t plane = 0; plane < 6; plane++) {
            assert_ok(write_one(cube, &d, plane));
            for (size_t i = 0; i < n; i++)
                mask[i] = (i * 2654435761u >> 7) % 6 > plane;
            assert_ok(pcl_cube_write_mask(cube, plane % 2, plane / 2, mask, work, &err));
        }
        for (size_t plane = 0; plane < 6; plane++) {
            assert_ok(pcl_cube_read_plane(cube, plane % 2, plane / 2, again, work, &err));
            for (size_t i = 0; i < n; i++)
                assert_true(again[i] == value_of(plane / 2, plane % 2, i));
        }
        assert_ok(pcl_cube_finish(cube, NULL, 0, NULL, 0, &err));
        assert_ok(casa_image_open(pcl_cube_path(cube), &im, &err));
        for (size_t plane = 0; plane < 6; plane++) {
            assert_ok(casa_image_read_plane(im, plane % 2, plane / 2, pixels, have, &err));
            for (size_t i = 0; i < n; i++)
                assert_int_equal(have[i], (i * 2654435761u >> 7) % 6 > plane);
        }
        casa_image_close(im);
        pcl_cube_abort(cube);
        pcl_free(pixels);
        pcl_free(again);
        pcl_free(work);
        pcl_free(mask);
        pcl_free(have);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_and_planes_come_back),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(threads_write_planes),
        cmocka_unit_test(processes_write_planes),
        cmocka_unit_test(attached_planes_are_the_same),
        cmocka_unit_test(what_cannot_be_attached),
        cmocka_unit_test(an_existing_product_is_kept_or_exchanged),
        cmocka_unit_test(all_names_change_or_none),
        cmocka_unit_test(bad_input_is_named),
        /* last: leaves a mount namespace of its own */
        cmocka_unit_test(a_full_disk_shows_at_the_start),
    };
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
