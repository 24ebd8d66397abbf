/* data/sorter.c: rows stay whole, rows of one tile keep their order, and the order does not depend
 * on what else the rows carry. (test_fill.c compares the order by uv with its definition.) */
#include "data/sorter.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "check.h"
#include "random.h"

static pclean_err err;
enum { NPOL = 2, NCHAN = 3, NROW = 5000 };

/* Every array of a row says which row it was: from its number. */
static pcl_store make(pcl_block **block) {
    pcl_store vis;
    const pcl_block_shape shape = {.nchan = NCHAN, .nrow = NROW};
    assert_ok(pcl_store_make(NULL, NPOL, 1, &shape, &vis, &err));
    pcl_block *b = *block = vis.block;
    b->nrow = NROW;
    for (size_t r = 0; r < NROW; r++) {
        b->u_m[r] = 100 * random_normal();
        b->v_m[r] = 80 * random_normal();
        b->w_m[r] = 30 * random_normal();
        if (r % 4) { /* four of a kind: one tile */
            b->u_m[r] = b->u_m[r - 1];
            b->v_m[r] = b->v_m[r - 1];
            b->w_m[r] = b->w_m[r - 1];
        }
        b->itime[r] = (uint32_t)r;
        b->row[r] = ((uint64_t)r << 40) + 1;
        b->who[r] = (pcl_row_identity){.field = (uint16_t)r, .dish = {(uint8_t)(r >> 8), 7}};
        for (size_t c = 0; c < NPOL * NCHAN; c++) {
            const size_t at = c * b->row_stride + r;
            b->vis[2 * at] = (float)r;
            b->vis[2 * at + 1] = (float)c;
            b->weight[at] = (float)(r + c);
        }
    }
    return vis;
}

static void check_rows(enum pcl_row_order order, size_t from, size_t n) {
    pcl_block *a, *b;
    random_state = 7;
    pcl_store before = make(&a);
    random_state = 7;
    pcl_store after = make(&b);
    pcl_sorter s;
    assert_ok(pcl_sorter_init(order, n, &s, &err));
    pcl_sorter_sort(&s, b, NPOL, from, n);
    bool *seen = calloc(NROW, 1);
    size_t moved = 0;
    for (size_t i = 0; i < NROW; i++) {
        const size_t r = b->itime[i];
        assert_false(seen[r]);
        seen[r] = true;
        moved += r != i;
        assert_true(r == i || (i >= from && i < from + n && r >= from && r < from + n));
        assert_true(b->u_m[i] == a->u_m[r] && b->v_m[i] == a->v_m[r] && b->w_m[i] == a->w_m[r]);
        assert_true(b->row[i] == ((uint64_t)r << 40) + 1 && b->who[i].field == r &&
                    b->who[i].dish[0] == r >> 8 && b->who[i].dish[1] == 7);
        for (size_t c = 0; c < NPOL * NCHAN; c++) {
            const size_t at = c * b->row_stride + i;
            assert_true(b->vis[2 * at] == (float)r && b->vis[2 * at + 1] == (float)c &&
                        b->weight[at] == (float)(r + c));
        }
        if (i > from && i < from + n && r / 4 == b->itime[i - 1] / 4)
            assert_true(r > b->itime[i - 1]);
    }
    assert_true(n < 100 ? moved <= n : moved > n / 2);
    free(seen);
    pcl_sorter_clear(&s);
    pcl_store_clear(&before);
    pcl_store_clear(&after);
}

static void rows_stay_whole(void **state) {
    (void)state;
    for (int order = PCL_ROWS_BY_UV; order <= PCL_ROWS_BY_W; order++) {
        check_rows(order, 0, NROW);
        check_rows(order, 1000, 3000);
        check_rows(order, 3, 1);
        check_rows(order, NROW, 0);
    }
}

/* By w: sixteen steps of |w|, ascending; the last is the largest |w|'s. */
static void w_comes_first(void **state) {
    (void)state;
    pcl_block *b;
    pcl_store vis = make(&b);
    pcl_sorter s;
    double most = 0;
    int last = 0;
    assert_ok(pcl_sorter_init(PCL_ROWS_BY_W, NROW, &s, &err));
    pcl_sorter_sort(&s, b, NPOL, 0, NROW);
    for (size_t i = 0; i < NROW; i++)
        most = fmax(most, fabs(b->w_m[i]));
    for (size_t i = 0; i < NROW; i++) {
        const int step = (int)(fabs(b->w_m[i]) * (15.5 / most));
        assert_true(step >= last);
        last = step;
    }
    assert_int_equal(last, 15);
    pcl_sorter_clear(&s);
    pcl_store_clear(&vis);
}

static void no_memory_is_said(void **state) {
    (void)state;
    for (int order = PCL_ROWS_BY_UV; order <= PCL_ROWS_BY_W; order++) {
        assert_true(pcl_sorter_bytes(order, 2000) > pcl_sorter_bytes(order, 1000));
        for (long n = 1; n <= 4; n++) {
            pcl_sorter s;
            pcl_mem_fail_after(n);
            assert_fails(pcl_sorter_init(order, 1000, &s, &err), PCLEAN_ENOMEM, "row sorter");
            pcl_mem_fail_after(0);
            pcl_sorter_clear(&s);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_stay_whole),
        cmocka_unit_test(w_comes_first),
        cmocka_unit_test(no_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
