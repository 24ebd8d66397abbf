/* data/store.c: where the arrays of the blocks lie. */
#include "data/store.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "check.h"

static pclean_err err;

enum { NPOL = 2, NBLOCK = 4 };
static const pcl_block_shape shape[NBLOCK] = {
    {.nchan = 3, .nrow = 1000}, {.nchan = 0, .nrow = 7}, {.nchan = 1, .nrow = 1}, {.nchan = 5}};

/* An array of a block. */
typedef struct range {
    char *begin, *end;
} range;

static size_t arrays_of(const pcl_block *b, range *out) {
    const size_t n = NPOL * b->nchan * b->row_stride, rows = b->row_stride;
    const range all[] = {
        {(char *)b->vis, (char *)(b->vis + 2 * n)}, {(char *)b->weight, (char *)(b->weight + n)},
        {(char *)b->u_m, (char *)(b->u_m + rows)},  {(char *)b->v_m, (char *)(b->v_m + rows)},
        {(char *)b->w_m, (char *)(b->w_m + rows)},  {(char *)b->itime, (char *)(b->itime + rows)},
        {(char *)b->row, (char *)(b->row + rows)},  {(char *)b->who, (char *)(b->who + rows)}};
    memcpy(out, all, sizeof all);
    return sizeof all / sizeof *all;
}

static int by_place(const void *a, const void *b) {
    const range *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

/* The arrays lie apart, each on pages of its own, within the bytes that were planned; all can be
 * written. */
static void check_layout(const pcl_store *vis) {
    range all[NBLOCK * 16];
    size_t n = 0;
    uint64_t planned = 0;
    for (size_t k = 0; k < NBLOCK; k++) {
        const pcl_block *b = &vis->block[k];
        assert_int_equal(b->nrow, 0);
        assert_int_equal(b->nchan, shape[k].nchan);
        assert_int_equal(b->row_stride, pcl_store_row_stride(shape[k].nrow));
        n += arrays_of(b, all + n);
        planned += pcl_store_bytes(NPOL, &shape[k]);
    }
    assert_int_equal(vis->bytes, planned);
    qsort(all, n, sizeof *all, by_place);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal((uintptr_t)all[i].begin % 4096, 0);
        if (i > 0)
            assert_true(all[i].begin >= all[i - 1].end);
        memset(all[i].begin, (int)i, (size_t)(all[i].end - all[i].begin));
    }
    assert_true((uint64_t)(all[n - 1].end - all[0].begin) <= vis->bytes);
    for (size_t i = 0; i < n; i++)
        for (const char *p = all[i].begin; p < all[i].end; p++)
            assert_int_equal(*p, (char)i);
}

static size_t entries_of(const char *folder) {
    size_t n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void arrays_lie_apart(void **state) {
    (void)state;
    const pcl_scratch scratch = {.folder = PCLEAN_TEST_TMP "/store-scratch"};
    mkdir(scratch.folder, 0777);
    for (int i = 0; i < 2; i++) {
        pcl_store vis;
        assert_ok(pcl_store_make(i ? &scratch : NULL, NPOL, NBLOCK, shape, &vis, &err));
        assert_true(vis.in_file == (i == 1) && vis.npol == NPOL && vis.nblock == NBLOCK);
        check_layout(&vis);
        pcl_store_clear(&vis);
        assert_null(vis.block);
    }
    assert_int_equal(entries_of(scratch.folder), 2); /* the file had no name */
}

static void rows_have_room(void **state) {
    (void)state;
    for (size_t n = 0; n < 5000; n++) {
        const size_t stride = pcl_store_row_stride(n);
        assert_true(stride >= n && stride % 16 == 0 && stride < n + 48);
        assert_true(stride % 512 != 0); /* channels would share cache sets */
    }
}

static void an_empty_store(void **state) {
    (void)state;
    pcl_store vis;
    assert_ok(pcl_store_make(&(pcl_scratch){.folder = PCLEAN_TEST_TMP}, NPOL, 0, NULL, &vis, &err));
    assert_int_equal(vis.bytes, 0);
    pcl_store_clear(&vis);
}

static void what_cannot_be_is_said(void **state) {
    (void)state;
    pcl_store vis;
    assert_fails(pcl_store_make(&(pcl_scratch){.folder = PCLEAN_TEST_TMP "/no/such/folder"}, NPOL,
                                NBLOCK, shape, &vis, &err),
                 PCLEAN_EIO, "no/such/folder");
    pcl_store_clear(&vis);
    for (long n = 1;; n++) { /* every allocation */
        pcl_mem_fail_after(n);
        const int rc = pcl_store_make(NULL, NPOL, NBLOCK, shape, &vis, &err);
        pcl_mem_fail_after(0);
        pcl_store_clear(&vis);
        if (rc == 0)
            break;
        assert_int_equal(rc, -PCLEAN_ENOMEM);
    }
}

int main(void) {
    mkdir(PCLEAN_TEST_TMP, 0777);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_lie_apart),
        cmocka_unit_test(rows_have_room),
        cmocka_unit_test(an_empty_store),
        cmocka_unit_test(what_cannot_be_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
