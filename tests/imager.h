/* imager.h: an image of one of the small MeasurementSets, for the tests of src/imager and of what
 * plans it. */
#ifndef TEST_IMAGER_H
#define TEST_IMAGER_H
#include "config/config.h"
#include "imager/target.h"
#include "unit/check.h"

typedef struct image {
    pclean_config config;
    pcl_setup setup;
    pcl_store vis;
} image;

static inline void image_set(image *f, const char *const *more) {
    pclean_err err;
    for (; more && *more; more += 2)
        assert_ok(pclean_config_set(&f->config, more[0], more[1], &err));
}

/* Line data, w of which the image needs nothing. more: parameters and values, NULL at the end. */
static inline void image_configure_line(image *f, const char *const *more) {
    static const char *const fixed[] = {"vis",       PCLEAN_TEST_DATA "/vla_ngc5921.ms",
                                        "imagename", "unused",
                                        "imsize",    "90,80",
                                        "cell",      "15arcsec",
                                        "specmode",  "cube",
                                        "nchan",     "3",
                                        "start",     "20",
                                        NULL};
    pclean_err err;
    assert_ok(pcl_config_init(&f->config, &err));
    image_set(f, fixed);
    image_set(f, more);
}

/* Continuum of a wide field at 74 MHz, which needs w. */
static inline void image_configure_wide(image *f, const char *const *more) {
    static const char *const fixed[] = {"vis",       PCLEAN_TEST_DATA "/vla_posa_74mhz.ms",
                                        "imagename", "unused",
                                        "imsize",    "90,80",
                                        "cell",      "40arcsec",
                                        "gridder",   "wproject",
                                        NULL};
    pclean_err err;
    assert_ok(pcl_config_init(&f->config, &err));
    image_set(f, fixed);
    image_set(f, more);
}

static inline void image_open(image *f) {
    pclean_err err;
    assert_ok(pcl_setup_open(&f->config, &f->setup, &err));
}

static inline void image_read(image *f) {
    pclean_err err;
    assert_ok(pcl_setup_read(&f->setup, NULL, NULL, &f->vis, &err));
}

static inline void image_close(image *f) {
    pcl_store_clear(&f->vis);
    pcl_setup_close(&f->setup);
    pcl_config_clear(&f->config);
}

#endif
