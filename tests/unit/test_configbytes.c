#include "config/config.h"
#include "config/configbytes.h"

#include <stdlib.h>

#include "config/options.h"
#include "config/value.h"
#include "unit/check.h"

static pclean_err err;

/* Every parameter another value than its default, texts that are hard to write down among them. */
static void configure(pclean_config *c) {
    static const char *const odd[][2] = {
        {"imagename", "a folder/\xff name, 'quoted'"},
        {"vis", "['a, b.ms', \"it's.ms\", '']"},
        {"field", "['1~3', '', '\"a\"']"},
        {"imsize", "123,457"},
        {"cell", "0.1234567890123456arcsec,1e-7rad"},
        {"threshold", "0.12345678901234567mJy"},
        {"pblimit", "-0.1"},
        {"robust", "1e-300"},
        {"niter", "2147483647"},
        {"weighting", "uniform"},
        {"mask", "circle[[1pix,2pix],3pix]\nbox[[1pix,2pix],[3pix,4pix]]"},
        {"startmodel", "[]"},
        {"restart", "true"},
        {"part_channel", "3"},
        {"part_start", "1420405751.7667"}};
    assert_ok(pcl_config_init(c, &err));
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_ok(pclean_config_set(c, odd[i][0], odd[i][1], &err));
}

static void assert_same(const pclean_config *a, const pclean_config *b) {
    for (size_t i = 0; i < pcl_option_count(); i++) {
        struct pcl_texts x, y;
        assert_ok(pcl_value_get(pcl_option_at(i), a, &x, &err));
        assert_ok(pcl_value_get(pcl_option_at(i), b, &y, &err));
        if (!pcl_texts_equal(&x, &y))
            fail_msg("%s differs", pcl_option_at(i)->name);
        pcl_texts_clear(&x);
        pcl_texts_clear(&y);
    }
    assert_memory_equal(a->cell_rad, b->cell_rad, sizeof a->cell_rad);
    assert_true(a->threshold_jy == b->threshold_jy && a->robust == b->robust);
    assert_int_equal(a->vis.n, b->vis.n);
    assert_int_equal(a->field.n, b->field.n);
}

static void test_to_the_bit(void **state) {
    (void)state;
    for (int which = 0; which < 2; which++) {
        pclean_config c, again;
        pcl_parcel p = {0};
        if (which)
            configure(&c);
        else
            assert_ok(pcl_config_init(&c, &err));
        assert_ok(pcl_configbytes_put(&c, &p, &err));
        pcl_parcel_reader r = {.data = p.data, .size = p.size};
        assert_ok(pcl_configbytes_take(&r, &again, &err));
        assert_int_equal(r.at, p.size);
        assert_same(&c, &again);
        pcl_config_clear(&c);
        pcl_config_clear(&again);
        pcl_parcel_clear(&p);
    }
}

static void test_cut_short_anywhere(void **state) {
    (void)state;
    pclean_config c, again;
    pcl_parcel p = {0};
    configure(&c);
    assert_ok(pcl_configbytes_put(&c, &p, &err));
    for (size_t n = 0; n < p.size; n++) {
        unsigned char *piece = malloc(n ? n : 1);
        memcpy(piece, p.data, n);
        pcl_parcel_reader r = {.data = piece, .size = n};
        assert_fails(pcl_configbytes_take(&r, &again, &err), PCLEAN_EDATA, "cut short");
        free(piece);
    }
    pcl_config_clear(&c);
    pcl_parcel_clear(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_to_the_bit),
                                       cmocka_unit_test(test_cut_short_anywhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
