/* storebytes.c: a store laid out by hand in a named file, and found again. */
#include "data/storebytes.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "unit/check.h"

static pclean_err err;
static const char folder[] = PCLEAN_TEST_TMP "/storebytes";
static const pcl_scratch where = {.folder = folder, .prefix = "pclean-storebytes"};
enum { NPOL = 2, NCHAN = 3, NROW = 5, STRIDE = 16, NTIME = 2, BLOCK = 8192 };

static void *copy_of(const void *data, size_t size) {
    void *copy = NULL;
    assert_ok(pcl_alloc(&copy, size, 1, "copy", &err));
    memcpy(copy, data, size);
    return copy;
}

/* A block whose arrays fill [base, base + BLOCK), each number another one. */
static void lay_out(pcl_block *b, char *base, int number) {
    const double time[NTIME] = {10 + number, 20}, doppler[NTIME] = {1, 1 + 1e-6},
                 freq[NCHAN] = {1e9, 1.1e9, 1.2e9};
    *b = (pcl_block){.ims = (size_t)number - 1,
                     .nrow = NROW,
                     .row_stride = STRIDE,
                     .umax_m = 100 + number,
                     .vmax_m = 200,
                     .wmax_m = 300,
                     .ntime = NTIME,
                     .nchan = NCHAN,
                     .spacing_hz = 1e8,
                     .time_s = copy_of(time, sizeof time),
                     .doppler = copy_of(doppler, sizeof doppler),
                     .freq_hz = copy_of(freq, sizeof freq)};
    b->vis = (float *)base;
    b->weight = b->vis + 2 * NPOL * NCHAN * STRIDE;
    b->u_m = (double *)(b->weight + NPOL * NCHAN * STRIDE);
    b->v_m = b->u_m + STRIDE;
    b->w_m = b->v_m + STRIDE;
    b->row = (uint64_t *)(b->w_m + STRIDE);
    b->itime = (uint32_t *)(b->row + STRIDE);
    b->who = (pcl_row_identity *)(b->itime + STRIDE);
    for (int i = 0; i < 3 * NPOL * NCHAN * STRIDE; i++)
        b->vis[i] = (float)(1000 * number + i);
    for (int i = 0; i < 3 * STRIDE; i++)
        b->u_m[i] = 1e6 * number + i;
    for (uint32_t i = 0; i < STRIDE; i++) {
        b->itime[i] = i % NTIME;
        b->row[i] = 1000 * (uint64_t)number + i;
        b->who[i] = (pcl_row_identity){.field = (uint16_t)i, .dish = {1, (uint8_t)number}};
    }
}

/* Two blocks in the file. */
static pcl_store make_store(void) {
    pcl_store vis = {.npol = NPOL,
                     .nblock = 2,
                     .nflagged = 1,
                     .nonfinite = 2,
                     .nabsurd = 3,
                     .nused = 4,
                     .bytes = 2 * BLOCK,
                     .in_file = true,
                     .doppler_min = 0.9,
                     .doppler_max = 1.1};
    int fd;
    char *name;
    mkdir(folder, 0777);
    assert_ok(pcl_spool_open(&where, PCL_STORE_SPOOL, vis.bytes, &fd, &name, &err));
    vis.room = mmap(NULL, 2 * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(vis.room != MAP_FAILED);
    close(fd);
    pcl_free(name);
    assert_ok(PCL_ZNEW(&vis.block, 2, "blocks", &err));
    for (int k = 0; k < 2; k++)
        lay_out(&vis.block[k], (char *)vis.room + k * BLOCK, k + 1);
    vis.nms = 2;
    assert_ok(PCL_ZNEW(&vis.identity, 2, "identities", &err));
    for (int i = 0; i < 2; i++)
        vis.identity[i] = (pcl_identity){.nfield = 2,
                                         .field_id = copy_of((int[]){3, 8 + i}, 2 * sizeof(int)),
                                         .ndish = 1,
                                         .dish_m = copy_of(&(double){12}, sizeof(double)),
                                         .nantenna = 3,
                                         .dish_of = copy_of((uint8_t[]){0, 0, 0}, 3)};
    return vis;
}

static int attach(const pcl_parcel *p, size_t n, pcl_store *vis) {
    char *path;
    assert_ok(pcl_scratch_path(&where, PCL_STORE_SPOOL, &path, &err));
    pcl_parcel_reader r = {.data = p->data, .size = n};
    const int rc = pcl_storebytes_attach(&r, path, vis, &err);
    if (!rc)
        assert_int_equal(r.at, n);
    pcl_free(path);
    return rc;
}

static void test_found_again(void **state) {
    (void)state;
    pcl_store vis = make_store(), other;
    pcl_parcel p = {0};
    pcl_storebytes_put(&vis, &p);
    assert_ok(attach(&p, p.size, &other));
    assert_int_equal(other.npol, NPOL);
    assert_int_equal(other.nblock, 2);
    assert_true(other.nflagged == 1 && other.nonfinite == 2 && other.nabsurd == 3);
    assert_true(other.nused == 4 && other.bytes == vis.bytes && other.in_file);
    assert_true(other.doppler_min == 0.9 && other.doppler_max == 1.1);
    assert_ptr_not_equal(other.room, vis.room);
    assert_int_equal(other.nms, 2);
    assert_int_equal(other.identity[1].nfield, 2);
    assert_int_equal(other.identity[1].field_id[1], 9);
    assert_true(other.identity[1].ndish == 1 && other.identity[1].dish_m[0] == 12);
    assert_true(other.identity[1].nantenna == 3 && other.identity[1].dish_of[2] == 0);
    for (size_t k = 0; k < 2; k++) {
        const pcl_block *a = &vis.block[k], *b = &other.block[k];
        assert_true(b->nrow == NROW && b->row_stride == STRIDE && b->nchan == NCHAN);
        assert_true(b->ntime == NTIME && b->spacing_hz == 1e8);
        assert_true(b->umax_m == a->umax_m && b->vmax_m == 200 && b->wmax_m == 300);
        assert_memory_equal(a->time_s, b->time_s, NTIME * sizeof *a->time_s);
        assert_memory_equal(a->doppler, b->doppler, NTIME * sizeof *a->doppler);
        assert_memory_equal(a->freq_hz, b->freq_hz, NCHAN * sizeof *a->freq_hz);
        assert_memory_equal(a->vis, b->vis, 2 * NPOL * NCHAN * STRIDE * sizeof *a->vis);
        assert_memory_equal(a->weight, b->weight, NPOL * NCHAN * STRIDE * sizeof *a->weight);
        assert_memory_equal(a->u_m, b->u_m, STRIDE * sizeof *a->u_m);
        assert_memory_equal(a->v_m, b->v_m, STRIDE * sizeof *a->v_m);
        assert_memory_equal(a->w_m, b->w_m, STRIDE * sizeof *a->w_m);
        assert_memory_equal(a->itime, b->itime, STRIDE * sizeof *a->itime);
        assert_memory_equal(a->row, b->row, STRIDE * sizeof *a->row);
        assert_memory_equal(a->who, b->who, STRIDE * sizeof *a->who);
        assert_int_equal(b->ims, k);
    }
    pcl_store_clear(&other);
    vis.block[0].vis[0] = 7; /* one file, not a copy */
    assert_ok(attach(&p, p.size, &other));
    assert_true(other.block[0].vis[0] == 7);
    pcl_store_clear(&other);
    pcl_store_clear(&vis);
    pcl_parcel_clear(&p);
    pcl_scratch_remove(&where);
}

static void test_what_does_not_fit(void **state) {
    (void)state;
    pcl_store vis = make_store(), other;
    pcl_parcel p = {0}, outside = {0};
    pcl_storebytes_put(&vis, &p);
    for (size_t n = 0; n < p.size; n++)
        assert_fails(attach(&p, n, &other), PCLEAN_EDATA, "cut short");
    vis.block[1].row_stride *= 64;
    pcl_storebytes_put(&vis, &outside);
    assert_fails(attach(&outside, outside.size, &other), PCLEAN_EDATA, "does not lie in the");
    pcl_store_clear(&vis);
    char *path;
    assert_ok(pcl_scratch_path(&where, PCL_STORE_SPOOL, &path, &err));
    assert_int_equal(truncate(path, BLOCK), 0);
    assert_fails(attach(&p, p.size, &other), PCLEAN_EDATA, "have 8192 bytes of 16384");
    pcl_free(path);
    pcl_scratch_remove(&where);
    assert_fails(attach(&p, p.size, &other), PCLEAN_EIO, "the-visibilities: No such file");
    pcl_parcel_clear(&p);
    pcl_parcel_clear(&outside);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_found_again),
                                       cmocka_unit_test(test_what_does_not_fit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
