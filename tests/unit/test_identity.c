/* data/identity.c: fields and dishes by small numbers, and back. */
#include "data/identity.h"

#include <stdlib.h>

#include "base/mem.h"
#include "casa/casa.h"
#include "check.h"

static pclean_err err;

static void numbers_lead_back(void **state) {
    (void)state;
    const casa_ms_field field[] = {{.id = 0}, {.id = 3}, {.id = 70000}};
    const double dish[] = {12, 7, 0, 12, 7.5};
    const casa_ms_info info = {.nfield = 3, .field = field, .nantenna = 5, .antenna_dish_m = dish};
    pcl_identity id;
    assert_ok(pcl_identity_make(&info, &id, &err));
    assert_int_equal(id.nfield, 3);
    assert_int_equal(id.ndish, 4); /* 0, 7, 7.5, 12 */
    assert_true(id.dish_m[0] == 0);
    for (size_t f = 0; f < 3; f++)
        for (int a = 0; a < 5; a++)
            for (int b = 0; b < 5; b++) {
                const pcl_row_identity r =
                    pcl_identity_of_row(&id, field[f].id, (const int[]){a, b});
                assert_int_equal(id.field_id[r.field], field[f].id);
                assert_true(id.dish_m[r.dish[0]] == dish[a] && id.dish_m[r.dish[1]] == dish[b]);
            }
    const pcl_row_identity odd = pcl_identity_of_row(&id, 3, (const int[]){-1, 5});
    assert_true(odd.dish[0] == 0 && odd.dish[1] == 0);
    pcl_identity_clear(&id);
    for (long n = 1;; n++) { /* every allocation */
        pcl_mem_fail_after(n);
        const int rc = pcl_identity_make(&info, &id, &err);
        pcl_mem_fail_after(0);
        pcl_identity_clear(&id);
        if (rc == 0)
            break;
        assert_int_equal(rc, -PCLEAN_ENOMEM);
    }
}

/* As many as numbers can tell apart, and one more. */
static void too_many_to_tell_apart(void **state) {
    (void)state;
    enum { FIELDS = 65536, DISHES = 255 };
    casa_ms_field *field = calloc(FIELDS + 1, sizeof *field);
    double dish[DISHES + 1];
    for (int i = 0; i <= FIELDS; i++)
        field[i].id = 2 * i;
    for (int i = 0; i <= DISHES; i++)
        dish[i] = 300 - i;
    for (size_t more = 0; more < 2; more++) {
        const casa_ms_info info = {.nfield = FIELDS + more,
                                   .field = field,
                                   .nantenna = DISHES + more,
                                   .antenna_dish_m = dish};
        pcl_identity id;
        assert_ok(pcl_identity_make(&info, &id, &err));
        assert_int_equal(id.nfield, more ? 0 : FIELDS);
        assert_int_equal(id.ndish, more ? 0 : DISHES + 1);
        const pcl_row_identity r =
            pcl_identity_of_row(&id, 2 * (FIELDS - 1), (const int[]){0, DISHES - 1});
        assert_int_equal(r.field, more ? 0 : FIELDS - 1);
        assert_int_equal(r.dish[0], more ? 0 : DISHES);
        assert_int_equal(r.dish[1], more ? 0 : 1);
        pcl_identity_clear(&id);
    }
    free(field);
}

static void an_empty_antenna_table(void **state) {
    (void)state;
    const casa_ms_info info = {0};
    pcl_identity id;
    assert_ok(pcl_identity_make(&info, &id, &err));
    assert_true(id.nfield == 0 && id.ndish == 1);
    assert_int_equal(pcl_identity_of_row(&id, 0, (const int[]){0, 1}).dish[1], 0);
    pcl_identity_clear(&id);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_lead_back),
        cmocka_unit_test(too_many_to_tell_apart),
        cmocka_unit_test(an_empty_antenna_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
