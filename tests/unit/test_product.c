#include "config/config.h"
#include "run/product.h"

#include <stdlib.h>

#include "unit/check.h"

static pclean_err err;

static void configure(pclean_config *c, const char *const *more) {
    assert_ok(pcl_config_init(c, &err));
    assert_ok(pclean_config_set(c, "imagename", "a/b", &err));
    for (; *more; more += 2)
        assert_ok(pclean_config_set(c, more[0], more[1], &err));
}

/* Which products are there, which of them with the primary beam's mask: a letter each, in order. */
static void letters(const pclean_config *c, bool (*has)(const pclean_config *, enum pcl_product),
                    char out[PCL_NPRODUCT + 1]) {
    static const char letter[] = "PRMICBSK"; /* Psf Residual Model Image pbCor pB Sumwt masK */
    size_t n = 0;
    for (enum pcl_product k = 0; k < PCL_NPRODUCT; k++)
        if (has(c, k))
            out[n++] = letter[k];
    out[n] = '\0';
}

static void test_which_and_with_what(void **state) {
    (void)state;
    static const struct {
        const char *more[9], *wanted, *masked;
    } cases[] = {
        {{"niter", "0"}, "PRMIBS", "RICB"},
        {{"niter", "9", "pbcor", "true"}, "PRMICBSK", "RICB"},
        {{"niter", "0", "restoration", "false", "pbcor", "true"}, "PRBS", "RICB"},
        {{"niter", "0", "restoration", "false", "startmodel", "m"}, "PRMBS", "RICB"},
        {{"niter", "0", "restoration", "false", "restart", "true"}, "PRMBS", "RICB"},
        {{"niter", "1", "pblimit", "-0.1"}, "PRMIBSK", "B"},
        {{"niter", "1", "pblimit", "0"}, "PRMIBSK", ""},
        {{"specmode", "cube", "restoringbeam", "common", "pbcor", "true"}, "PRMICBS", "RICB"},
        {{"specmode", "cube", "restoringbeam", "common", "pbcor", "true", "part_channel", "3"},
         "PRMBS",
         "RICB"},
        {{"restoringbeam", "common", "part_channel", "0"}, "PRMIBS", "RICB"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pclean_config c;
        char text[PCL_NPRODUCT + 1];
        configure(&c, cases[i].more);
        letters(&c, pcl_product_wanted, text);
        assert_string_equal(text, cases[i].wanted);
        letters(&c, pcl_product_has_mask, text);
        assert_string_equal(text, cases[i].masked);
        pcl_config_clear(&c);
    }
}

static void test_names(void **state) {
    (void)state;
    static const struct {
        const char *extension;
        enum pcl_product product;
        enum pcl_product_role role;
    } cases[] = {{".psf", PCL_PRODUCT_PSF, PCL_PRODUCT_ROLE_PRODUCT},
                 {".image.pbcor", PCL_PRODUCT_PBCOR, PCL_PRODUCT_ROLE_PRODUCT},
                 {".image.part", PCL_NPRODUCT, PCL_PRODUCT_ROLE_PART},
                 {".image.pbcor.next.part", PCL_NPRODUCT, PCL_PRODUCT_ROLE_PART},
                 {".mask.old.part", PCL_NPRODUCT, PCL_PRODUCT_ROLE_ASIDE},
                 {".images", PCL_NPRODUCT, PCL_PRODUCT_ROLE_NONE},
                 {".part", PCL_NPRODUCT, PCL_PRODUCT_ROLE_NONE},
                 {".mask.part.part", PCL_NPRODUCT, PCL_PRODUCT_ROLE_NONE},
                 {"", PCL_NPRODUCT, PCL_PRODUCT_ROLE_NONE},
                 {".image.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.part",
                  PCL_NPRODUCT, PCL_PRODUCT_ROLE_NONE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(pcl_product_find(cases[i].extension), cases[i].product);
        assert_int_equal(pcl_product_role(cases[i].extension), cases[i].role);
    }
    pclean_config c;
    char path[100];
    configure(&c, (const char *const[]){NULL});
    for (enum pcl_product k = 0; k < PCL_NPRODUCT; k++) {
        pcl_product_path(&c, k, path, sizeof path);
        assert_int_equal(strncmp(path, "a/b.", 4), 0);
        assert_string_equal(path + 3, pcl_product_extension(k));
        assert_int_equal(pcl_product_find(path + 3), k);
        assert_int_equal(pcl_product_has_beams(k),
                         k == PCL_PRODUCT_PSF || k == PCL_PRODUCT_IMAGE || k == PCL_PRODUCT_PBCOR);
    }
    assert_string_equal(pcl_product_unit(PCL_PRODUCT_MODEL), "Jy/pixel");
    pcl_config_clear(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_which_and_with_what),
                                       cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
